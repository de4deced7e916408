# Three control planes and two workers in a network of their own, with an ingress behind a load balancer.

terraform {
  required_version = ">= 1.9.0"

  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.60"
    }
  }
}

variable "ssh_public_key" {
  description = "Public SSH key of the administrators."
  type        = string
}

variable "admin_ips" {
  description = "Where administrators come from, in CIDR notation."
  type        = list(string)
  default     = []
}

resource "hcloud_ssh_key" "admin" {
  name       = "shop-admin"
  public_key = var.ssh_public_key
}

module "network" {
  source = "../../network"

  name    = "shop"
  subnets = { nodes = "10.0.1.0/24", balancers = "10.0.3.0/24" }
}

module "cluster" {
  source = "../"

  name                  = "shop"
  location              = "fsn1"
  ssh_key_ids           = [hcloud_ssh_key.admin.id]
  admin_ips             = var.admin_ips
  ingress_proxy_address = "10.0.3.10"

  network = {
    id            = module.network.id
    nodes_cidr    = module.network.subnets["nodes"].cidr
    api_subnet_id = module.network.subnets["balancers"].id
    api_address   = "10.0.3.11"
  }

  control_planes = { count = 3, server_type = "cx23" }
  pools = {
    worker = { count = 2, server_type = "cx33", first_host = 20, ingress = true }
  }
}

module "ingress" {
  source = "../../load-balancer"

  name            = "shop-ingress"
  location        = "fsn1"
  subnet_id       = module.network.subnets["balancers"].id
  private_address = "10.0.3.10"
  targets         = module.cluster.ingress_nodes

  services = {
    http  = { listen_port = 80, proxy_protocol = true }
    https = { listen_port = 443, proxy_protocol = true }
  }
}

output "address" {
  description = "Where the ingress is reached."
  value       = module.ingress.ipv4
}

output "nodes" {
  description = "The nodes by name."
  value       = module.cluster.nodes
}
