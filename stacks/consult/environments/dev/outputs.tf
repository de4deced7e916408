output "dns" {
  description = "Public addresses of the server, for its DNS records."
  value = {
    A    = module.host.public_ipv4
    AAAA = module.host.public_ipv6
  }
}

output "private_address" {
  description = "Address of the server in the private network."
  value       = module.host.private_address
}

output "volume_device" {
  description = "Device of the data volume on the server, mounted at /mnt/data."
  value       = module.host.volume_device
}

output "ssh_private_key" {
  description = "The generated SSH key; null when ssh_public_key was set."
  value       = module.host.ssh_private_key
  sensitive   = true
}

output "cloudflare" {
  description = "Date of the built-in list of Cloudflare's addresses, whether it is older than a year, and what to do then."
  value       = module.host.cloudflare
}

output "ferroform" {
  description = "What `ferroform ssh`, `deploy`, `logs` and `status` need to know of the platform."
  value       = module.host.ferroform
  sensitive   = true
}
