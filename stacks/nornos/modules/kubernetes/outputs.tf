output "load_balancer" {
  description = "Addresses of the load balancer: public ones for DNS records, the private one for the cluster."
  value = {
    ipv4    = hcloud_load_balancer.this.ipv4
    ipv6    = hcloud_load_balancer.this.ipv6
    private = hcloud_load_balancer_network.this.ip
  }
}

output "nodes" {
  description = "Nodes by name, each with its pool, its addresses, its server type and its id."
  value = {
    for key, server in hcloud_server.node : server.name => {
      id          = server.id
      pool        = local.nodes[key].pool
      server_type = server.server_type
      ipv4        = server.ipv4_address
      ipv6        = server.ipv6_address
      private     = local.nodes[key].address
    }
  }
}

output "api_endpoint" {
  description = "URL of the Kubernetes API in the private network."
  value       = "https://${local.first_control_plane}:6443"
}

output "token" {
  description = "Token with which nodes join the cluster."
  value       = random_password.token.result
  sensitive   = true
}

output "k3s_version" {
  description = "Release of k3s that new nodes install."
  value       = var.k3s_version
}
