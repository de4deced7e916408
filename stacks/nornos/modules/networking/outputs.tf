output "network_id" {
  description = "Id of the network, known once its subnets exist: a server that uses it can be given an address in them."
  value       = hcloud_network.this.id
  depends_on  = [hcloud_network_subnet.this]
}

output "cidr" {
  description = "Address range of the network."
  value       = hcloud_network.this.ip_range
}

output "subnets" {
  description = "Subnets by name (kubernetes, databases, load-balancers), each with its id and address range."
  value = {
    for name, subnet in hcloud_network_subnet.this : name => {
      id   = subnet.id
      cidr = subnet.ip_range
    }
  }
}

output "firewall_ids" {
  description = "Ids of the firewalls of the nodes and of the databases."
  value = {
    nodes     = hcloud_firewall.nodes.id
    databases = hcloud_firewall.databases.id
  }
}
