output "nodes" {
  description = "Nodes by name, each with its pool, its addresses, its server type and its id. Addresses are null where there are none."
  value = {
    for key, server in hcloud_server.node : server.name => {
      id          = server.id
      pool        = local.nodes[key].pool
      server_type = server.server_type
      ipv4        = var.gateway == null ? server.ipv4_address : null
      ipv6        = var.gateway == null ? server.ipv6_address : null
      private     = local.nodes[key].address
    }
  }
}

output "ingress_nodes" {
  description = "Ids of the nodes of ingress pools, by their key: targets of a load balancer for ports 80 and 443."
  value       = { for key, node in local.nodes : key => hcloud_server.node[key].id if node.ingress }
}

output "api_endpoint" {
  description = "URL of the Kubernetes API in the private network: of the load balancer if there are several control planes."
  value       = "https://${local.api_address}:6443"
}

output "cluster_ca" {
  description = "Certificate of the authority that signs the API's certificates, as PEM."
  value       = local.authority
}

output "token" {
  description = "Token with which nodes join the cluster: who has it administers it."
  value       = local.join_token
  sensitive   = true
}

output "k3s_version" {
  description = "Release of k3s that new nodes install."
  value       = var.k3s_version
}

output "contract" {
  description = "The cluster as part of the root output `ferroform`: servers by name, and kubernetes but for manifests and context."
  value = {
    servers = {
      for key, server in hcloud_server.node : server.name => {
        id       = tostring(server.id)
        role     = local.nodes[key].pool
        address  = var.gateway == null ? server.ipv4_address : null
        private  = local.nodes[key].address
        user     = "root"
        host_key = trimspace(tls_private_key.host[key].public_key_openssh)
        via      = var.gateway == null ? null : var.bastion
      }
    }
    kubernetes = {
      servers    = [for index in range(var.control_planes.count) : hcloud_server.node["control-${index + 1}"].name]
      agents     = [for key, node in local.nodes : hcloud_server.node[key].name if node.role == "agent"]
      api        = "https://${local.api_address}:6443"
      kubeconfig = "/etc/rancher/k3s/k3s.yaml"
      k3s        = "/usr/local/sbin/k3s-node"
      version    = var.k3s_version
      token      = random_password.token.result
    }
  }
}
