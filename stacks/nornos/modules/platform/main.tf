locals {
  name         = "nornos-${var.environment}"
  eu_locations = ["fsn1", "nbg1", "hel1"]
  # The zone of all of Hetzner's locations in the EU.
  network_zone = "eu-central"

  labels = {
    stack       = "nornos"
    environment = var.environment
    managed-by  = "terraform"
  }

  server_type = { for role, machine in var.machines : role => var.server_types[machine.size] }
}

resource "tls_private_key" "admin" {
  count     = var.generate_ssh_key && var.ssh_public_key == null ? 1 : 0
  algorithm = "ED25519"
}

resource "hcloud_ssh_key" "admin" {
  name       = "${local.name}-admin"
  public_key = var.ssh_public_key == null ? trimspace(one(tls_private_key.admin[*].public_key_openssh)) : trimspace(var.ssh_public_key)
  labels     = local.labels
}

module "networking" {
  source = "../networking"

  name         = local.name
  labels       = local.labels
  cidr         = var.network_cidr
  network_zone = local.network_zone
  admin_ips    = var.admin_ips
}

module "kubernetes" {
  source = "../kubernetes"

  name         = local.name
  labels       = local.labels
  location     = var.location
  firewall_ids = [module.networking.firewall_ids.nodes]
  ssh_key_ids  = [hcloud_ssh_key.admin.id]

  network = {
    id                   = module.networking.network_id
    cidr                 = module.networking.cidr
    nodes_cidr           = module.networking.subnets["kubernetes"].cidr
    load_balancer_subnet = module.networking.subnets["load-balancers"]
  }

  control_planes = {
    count       = var.machines.control_planes.count
    server_type = local.server_type.control_planes
  }
  workers = {
    count       = var.machines.workers.count
    server_type = local.server_type.workers
  }
  agents = {
    count       = var.machines.agents.count
    server_type = local.server_type.agents
  }

  load_balancer_type = var.load_balancer_type
  k3s_version        = var.k3s.version
  k3s_mirror         = var.k3s.mirror
  k3s_sha256         = var.k3s.sha256
  install_k3s        = var.k3s.install
  package_upgrade    = var.package_upgrade
}
