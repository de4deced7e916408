output "id" {
  description = "Id of the network, known once its subnets and routes exist: a server that uses it can be given an address in them."
  value       = hcloud_network.this.id
  depends_on  = [hcloud_network_subnet.this, hcloud_network_route.this]
}

output "cidr" {
  description = "Address range of the network."
  value       = hcloud_network.this.ip_range
}

output "gateway" {
  description = "Address of the network's own router, to which machines send what leaves their subnet: the first of the range."
  value       = cidrhost(var.cidr, 1)
}

output "subnets" {
  description = "Subnets by name, each with its id and address range."
  value = {
    for name, subnet in hcloud_network_subnet.this : name => {
      id   = subnet.id
      cidr = subnet.ip_range
    }
  }
}
