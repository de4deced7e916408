output "server" {
  description = "The server: its id, name, addresses and server type."
  value = {
    id          = hcloud_server.this.id
    name        = hcloud_server.this.name
    server_type = hcloud_server.this.server_type
    ipv4        = var.gateway == null ? hcloud_server.this.ipv4_address : null
    ipv6        = var.gateway == null ? hcloud_server.this.ipv6_address : null
    private     = var.address
  }
}

output "connection" {
  description = "How to reach Redis from its clients, over TLS and without the password."
  value = {
    host = var.address
    port = local.port
    user = var.user
  }
}

output "password" {
  description = "Password of the applications' user."
  value       = random_password.this["app"].result
  sensitive   = true
}

output "admin_password" {
  description = "Password of the user admin, who may run every command."
  value       = random_password.this["admin"].result
  sensitive   = true
}

output "url" {
  description = "URL of Redis for an application, with its password; rediss is Redis over TLS. To verify the server give the application the certificate authority."
  value       = "rediss://${var.user}:${random_password.this["app"].result}@${var.address}:${local.port}/0"
  sensitive   = true
}

output "certificate_authority" {
  description = "Certificate of the authority that signed Redis's, PEM."
  value       = module.certificate.authority
}

output "certificate_valid_until" {
  description = "When Redis's certificate ends, RFC 3339."
  value       = module.certificate.valid_until
}

output "settings" {
  description = "Settings that follow from the server type, as Redis writes them."
  value       = local.sized
}

output "metrics" {
  description = "Address and port of the metrics for Prometheus, open to the clients' range."
  value       = "${var.address}:${local.metrics_port}"
}

output "contract" {
  description = "This module's part of a root module's output ferroform, by which the day-2 commands find their way."
  value = {
    servers = {
      (var.name) = {
        id       = hcloud_server.this.id
        role     = "redis"
        address  = var.gateway == null ? hcloud_server.this.ipv4_address : null
        private  = var.address
        user     = "root"
        host_key = trimspace(tls_private_key.ssh_host.public_key_openssh)
        via      = var.bastion
      }
    }
    redis = {
      server  = var.name
      program = null
    }
  }
}
