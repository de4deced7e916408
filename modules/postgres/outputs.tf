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
  description = "How to reach PostgreSQL from its clients, without the password."
  value = {
    host     = var.address
    port     = local.port
    database = var.database
    user     = var.owner
  }
}

output "password" {
  description = "Password of the database's owner."
  value       = random_password.owner.result
  sensitive   = true
}

output "url" {
  description = "URL of the database for an application, with its password. It demands TLS; to verify the server as well, give the application the certificate authority and sslmode=verify-full."
  value       = "postgresql://${var.owner}:${random_password.owner.result}@${var.address}:${local.port}/${var.database}?sslmode=require"
  sensitive   = true
}

output "certificate_authority" {
  description = "Certificate of the authority that signed PostgreSQL's, PEM: for sslrootcert."
  value       = module.certificate.authority
}

output "certificate_valid_until" {
  description = "When PostgreSQL's certificate ends, RFC 3339."
  value       = module.certificate.valid_until
}

output "settings" {
  description = "Settings that follow from the server type and the volume's size, as PostgreSQL writes them."
  value       = local.sized
}

output "settings_file" {
  description = "The whole file of settings: after a change of the server type give it to the program setup-postgres, see README.md."
  value       = local.settings
}

output "volume" {
  description = "The volume: its id, its device on the server, and its size in GB."
  value = {
    id     = hcloud_volume.this.id
    device = hcloud_volume.this.linux_device
    size   = hcloud_volume.this.size
  }
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
        role     = "postgres"
        address  = var.gateway == null ? hcloud_server.this.ipv4_address : null
        private  = var.address
        user     = "root"
        host_key = trimspace(tls_private_key.ssh_host.public_key_openssh)
        via      = var.bastion
      }
    }
    postgres = {
      server   = var.name
      database = var.database
      owner    = var.owner
      password = random_password.owner.result
      program  = "/usr/local/sbin/pg-backup"
      volume   = { id = hcloud_volume.this.id }
    }
  }
}
