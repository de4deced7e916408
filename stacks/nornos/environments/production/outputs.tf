output "load_balancer" {
  description = "Addresses of the load balancer: public ones for DNS records, the private one for the cluster."
  value       = module.platform.load_balancer
}

output "servers" {
  description = "Every server by name, each with its id, role, server type and addresses."
  value       = module.platform.servers
}

output "network" {
  description = "The private network: its id, its range and its subnets."
  value       = module.platform.network
}

output "kubernetes" {
  description = "The cluster: URL of its API in the private network, release of k3s, addresses of the control planes for administrators."
  value       = module.platform.kubernetes
}

output "postgres" {
  description = "How to reach PostgreSQL from the cluster, and its volume."
  value       = module.platform.postgres
}

output "redis" {
  description = "How to reach Redis from the cluster."
  value       = module.platform.redis
}

output "secrets" {
  description = "URLs of the databases with their passwords, the cluster's token, and the object storage if there is one."
  value       = merge(module.platform.secrets, { object_storage = var.object_storage })
  sensitive   = true
}

output "ferroform" {
  description = "What ferroform's commands need to know of this environment."
  value = merge(module.platform.contract, {
    kubernetes = merge(module.platform.contract.kubernetes, { manifests = "../../kubernetes/overlays/production" })
  })
  sensitive = true
}
