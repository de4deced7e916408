output "address" {
  description = "Public IPv4 address of the server."
  value       = hcloud_server.this.ipv4_address
}

output "ssh_private_key" {
  description = "The generated SSH key; null when ssh_public_key was set."
  value       = one(tls_private_key.admin[*].private_key_openssh)
  sensitive   = true
}

output "ferroform" {
  description = "What commands such as ferroform ssh and ferroform status go by."
  sensitive   = true

  value = {
    version     = 1
    stack       = var.name
    environment = "default"

    servers = {
      (hcloud_server.this.name) = {
        id       = hcloud_server.this.id
        role     = "host"
        address  = hcloud_server.this.ipv4_address
        private  = cidrhost(hcloud_network_subnet.servers.ip_range, 10)
        user     = "root"
        host_key = trimspace(tls_private_key.host.public_key_openssh)
        via      = null
      }
    }

    ssh = {
      private_key = one(tls_private_key.admin[*].private_key_openssh)
    }
  }
}
