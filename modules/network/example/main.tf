terraform {
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.60"
    }
  }
}

module "network" {
  source = "../"

  name    = "example"
  cidr    = "10.0.0.0/16"
  subnets = { servers = "10.0.1.0/24", balancers = "10.0.2.0/24" }
}

output "network" {
  description = "The network that was made."
  value       = { id = module.network.id, gateway = module.network.gateway, subnets = module.network.subnets }
}
