output "contract" {
  description = "The gateway as part of the root output `ferroform`: servers by name."
  value = {
    servers = {
      (hcloud_server.this.name) = {
        id       = tostring(hcloud_server.this.id)
        role     = "gateway"
        address  = hcloud_server.this.ipv4_address
        private  = var.address
        user     = "root"
        host_key = trimspace(tls_private_key.host.public_key_openssh)
        via      = null
      }
    }
  }
}

output "server" {
  description = "The gateway: name, id, role, server type and addresses."
  value = {
    name        = hcloud_server.this.name
    id          = hcloud_server.this.id
    role        = "gateway"
    server_type = hcloud_server.this.server_type
    ipv4        = hcloud_server.this.ipv4_address
    ipv6        = hcloud_server.this.ipv6_address
    private     = var.address
  }
}

output "network_gateway" {
  description = "Address of the network's own gateway, to which machines without a public address send everything; known once the way to the internet exists, so that they can wait for it."
  value       = cidrhost(var.network.cidr, 1)
  depends_on  = [hcloud_network_route.internet]
}
