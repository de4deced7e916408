output "id" {
  description = "Hetzner's id of the load balancer."
  value       = hcloud_load_balancer.this.id
}

output "ipv4" {
  description = "Public IPv4 address, for DNS records; null without a public interface."
  value       = var.public ? hcloud_load_balancer.this.ipv4 : null
}

output "ipv6" {
  description = "Public IPv6 address, for DNS records; null without a public interface."
  value       = var.public ? hcloud_load_balancer.this.ipv6 : null
}

output "private" {
  description = "Private address: where connections to the targets come from, and where the load balancer is reached in the network."
  value       = hcloud_load_balancer_network.this.ip
}
