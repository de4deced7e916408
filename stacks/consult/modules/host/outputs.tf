output "public_ipv4" {
  description = "Public IPv4 address of the server, for an A record."
  value       = module.docker.public_ipv4
}

output "public_ipv6" {
  description = "Public IPv6 address of the server, for an AAAA record."
  value       = module.docker.public_ipv6
}

output "private_address" {
  description = "Address of the server in the private network."
  value       = local.private_address
}

output "volume_device" {
  description = "Device of the data volume on the server."
  value       = module.docker.volume_device
}

output "server_id" {
  description = "Id of the server at Hetzner."
  value       = module.docker.server_id
}

output "ssh_private_key" {
  description = "The generated private key in OpenSSH form; null when you gave a key of your own."
  value       = module.docker.ssh_private_key
  sensitive   = true
}

output "cloudflare" {
  description = "Date of the built-in list of Cloudflare's addresses, whether it is older than a year, and what to do then."
  value       = module.firewall.ranges
}

output "ferroform" {
  description = "What the commands for running the platform need to know of it."
  sensitive   = true
  value = {
    version     = 1
    stack       = "consult"
    environment = var.environment
    servers     = { (local.name) = module.docker.server }
    ssh         = { private_key = module.docker.ssh_private_key }
    deploy      = module.docker.deploy
    health      = { url = null }
  }
}
