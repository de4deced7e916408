terraform {
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.60"
    }
  }
}

module "network" {
  source = "../../network"

  name    = "example"
  subnets = { servers = "10.0.1.0/24", balancers = "10.0.2.0/24" }
}

resource "hcloud_server" "web" {
  for_each = toset(["1", "2"])

  name        = "example-web-${each.key}"
  server_type = "cx23"
  image       = "debian-12"
  location    = "fsn1"

  network {
    network_id = module.network.id
    ip         = "10.0.1.1${each.key}"
  }
}

module "load_balancer" {
  source = "../"

  name      = "example"
  location  = "fsn1"
  subnet_id = module.network.subnets["balancers"].id
  services  = { http = { listen_port = 80 } }
  targets   = { for key, server in hcloud_server.web : key => server.id }
}

output "address" {
  description = "Where the servers are reached."
  value       = module.load_balancer.ipv4
}
