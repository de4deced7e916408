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
