output "server_id" {
  description = "Id of the server at Hetzner."
  value       = hcloud_server.this.id
}

output "public_ipv4" {
  description = "Public IPv4 address of the server, for an A record."
  value       = hcloud_server.this.ipv4_address
}

output "public_ipv6" {
  description = "Public IPv6 address of the server, for an AAAA record."
  value       = hcloud_server.this.ipv6_address
}

output "volume_id" {
  description = "Id of the data volume at Hetzner."
  value       = hcloud_volume.data.id
}

output "volume_device" {
  description = "Device of the data volume on the server."
  value       = hcloud_volume.data.linux_device
}

output "ssh_private_key" {
  description = "The generated private key in OpenSSH form; null when you gave a key of your own."
  value       = one(tls_private_key.admin[*].private_key_openssh)
  sensitive   = true
}

output "ssh_host_key" {
  description = "Public SSH host key of the server, to check when connecting."
  value       = trimspace(tls_private_key.host.public_key_openssh)
}

output "server" {
  description = "The server as the commands for running platforms want to know it: an entry of `servers` in the output ferroform."
  value = {
    id       = tostring(hcloud_server.this.id)
    role     = "host"
    address  = hcloud_server.this.ipv4_address
    private  = one(var.network[*].address)
    user     = "root"
    host_key = trimspace(tls_private_key.host.public_key_openssh)
    via      = null
  }
}

output "deploy" {
  description = "The deploy program on the server: `deploy` in the output ferroform."
  value = {
    server  = hcloud_server.this.name
    program = local.programs.deploy
  }
}
