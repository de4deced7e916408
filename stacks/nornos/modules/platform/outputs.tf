output "load_balancer" {
  description = "Addresses of the load balancer: public ones for DNS records, the private one for the cluster."
  value = {
    ipv4    = module.ingress.ipv4
    ipv6    = module.ingress.ipv6
    private = module.ingress.private
  }
}

output "servers" {
  description = "Every server by name, each with its id, role, server type and addresses."
  value = merge(
    local.database_servers,
    {
      for name, node in module.kubernetes.nodes : name => {
        id          = node.id
        role        = node.pool
        server_type = node.server_type
        ipv4        = node.ipv4
        ipv6        = node.ipv6
        private     = node.private
      }
    },
    {
      for gateway in module.gateway[*].server : gateway.name => {
        id          = gateway.id
        role        = "gateway"
        server_type = gateway.server_type
        ipv4        = gateway.ipv4
        ipv6        = gateway.ipv6
        private     = gateway.private
      }
    },
  )
}

output "network" {
  description = "The private network: its id, its range and its subnets."
  value = {
    id      = module.network.id
    cidr    = module.network.cidr
    subnets = { for name, subnet in module.network.subnets : name => subnet.cidr }
  }
}

output "kubernetes" {
  description = "The cluster: URL of its API in the private network, release of k3s, addresses of the control planes for administrators."
  value = {
    api_endpoint   = module.kubernetes.api_endpoint
    k3s_version    = module.kubernetes.k3s_version
    control_planes = [for node in module.kubernetes.nodes : node.ipv4 if node.pool == "control" && node.ipv4 != null]
    cluster_ca     = module.kubernetes.cluster_ca
  }
}

output "postgres" {
  description = "How to reach PostgreSQL from the cluster, the authority that its clients trust, and its volume."
  value = merge(module.postgres.connection, {
    certificate_authority = module.postgres.certificate_authority
    volume                = module.postgres.volume
  })
}

output "redis" {
  description = "How to reach Redis from the cluster, and the authority that its clients trust."
  value       = merge(module.redis.connection, { certificate_authority = module.redis.certificate_authority })
}

output "secrets" {
  description = "What the services need to know and nobody else: URLs of the databases with their passwords, and the cluster's token."
  value = {
    database_url = module.postgres.url
    redis_url    = module.redis.url
    k3s_token    = module.kubernetes.token
  }
  sensitive = true
}

output "ssh_private_key" {
  description = "The generated private key in OpenSSH form; null when you gave a key of your own."
  value       = one(tls_private_key.admin[*].private_key_openssh)
  sensitive   = true
}

output "contract" {
  description = "What ferroform's commands need to know, see the root output `ferroform`: everything but the path of the manifests."
  value = {
    version     = 1
    stack       = "nornos"
    environment = var.environment
    servers = merge(
      module.kubernetes.contract.servers,
      module.postgres.contract.servers,
      module.redis.contract.servers,
      [for gateway in module.gateway : gateway.contract.servers]...
    )
    ssh           = { private_key = one(tls_private_key.admin[*].private_key_openssh) }
    kubernetes    = merge(module.kubernetes.contract.kubernetes, { context = local.name })
    postgres      = module.postgres.contract.postgres
    redis         = module.redis.contract.redis
    load_balancer = { id = tostring(module.ingress.id), ipv4 = module.ingress.ipv4 }
    health        = { url = null }
  }
  sensitive = true
}
