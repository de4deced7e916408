output "public_ipv4" {
  description = "Public IPv4 address of the server, for an A record."
  value       = hcloud_server.this.ipv4_address
}

output "public_ipv6" {
  description = "Public IPv6 address of the server, for an AAAA record."
  value       = hcloud_server.this.ipv6_address
}

output "private_address" {
  description = "Address of the server in the private network."
  value       = local.private_address
}

output "volume_device" {
  description = "Device of the data volume on the server."
  value       = hcloud_volume.data.linux_device
}

output "server_id" {
  description = "Id of the server at Hetzner."
  value       = hcloud_server.this.id
}

output "ssh_private_key" {
  description = "The generated private key in OpenSSH form; null when you gave a key of your own."
  value       = one(tls_private_key.admin[*].private_key_openssh)
  sensitive   = true
}

output "cloudflare_ranges_as_of" {
  description = "Date of the built-in list of Cloudflare's addresses."
  value       = local.cloudflare.as_of
}
