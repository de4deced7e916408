locals {
  name         = "${var.name}-${var.environment}"
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

locals {
  # The network's first /24 stays free: its first address is the gateway.
  newbits = 24 - tonumber(split("/", var.network_cidr)[1])
  subnets = {
    for index, name in ["kubernetes", "databases", "load-balancers", "gateways"] :
    name => cidrsubnet(var.network_cidr, local.newbits, index + 1)
  }
  ingress_address = cidrhost(local.subnets["load-balancers"], 10)
  api_address     = cidrhost(local.subnets["load-balancers"], 11)
  gateway_address = cidrhost(local.subnets["gateways"], 2)
  gateway_name    = "${local.name}-gateway"
  bastion         = var.private_nodes ? local.gateway_name : null

  # Known when the way out exists, which machines need as they install something.
  gateway = one(module.gateway[*].network_gateway)
}

module "network" {
  source = "../../../../modules/network"

  name         = local.name
  labels       = local.labels
  cidr         = var.network_cidr
  network_zone = local.network_zone
  subnets      = local.subnets
}

module "gateway" {
  source = "../../../../modules/nat-gateway"
  count  = var.private_nodes ? 1 : 0

  name            = local.gateway_name
  labels          = local.labels
  location        = var.location
  image           = var.image
  server_type     = var.server_types.small
  network         = { id = module.network.id, cidr = module.network.cidr }
  address         = local.gateway_address
  ssh_key_ids     = [hcloud_ssh_key.admin.id]
  admin_ips       = var.admin_ips
  package_upgrade = var.package_upgrade
}

# No rule at all: nothing comes in on the public interface, everything may go out. Hetzner accepts no firewall where there is
# no such interface.
resource "hcloud_firewall" "databases" {
  count = var.private_nodes ? 0 : 1

  name   = "${local.name}-databases"
  labels = local.labels
}

module "kubernetes" {
  source = "../../../../modules/k3s-cluster"

  name         = local.name
  label_prefix = "nornos"
  labels       = local.labels
  location     = var.location
  image        = var.image
  ssh_key_ids  = [hcloud_ssh_key.admin.id]
  admin_ips    = var.admin_ips
  gateway      = local.gateway
  bastion      = local.bastion

  network = {
    id            = module.network.id
    nodes_cidr    = module.network.subnets["kubernetes"].cidr
    api_subnet_id = module.network.subnets["load-balancers"].id
    api_address   = local.api_address
  }

  control_planes = {
    count       = var.machines.control_planes.count
    server_type = local.server_type.control_planes
  }

  # The addresses of the pools do not meet at their largest counts.
  pools = {
    worker = {
      count       = var.machines.workers.count
      server_type = local.server_type.workers
      first_host  = 20
      labels      = { "nornos/pool" = "workers" }
      ingress     = true
    }
    agent = {
      count       = var.machines.agents.count
      server_type = local.server_type.agents
      first_host  = 100
      labels      = { "nornos/pool" = "agents" }
      taints      = ["nornos/agents=true:NoSchedule"]
    }
  }

  ingress_proxy_address = local.ingress_address
  k3s_version           = var.k3s.version
  k3s_mirror            = var.k3s.mirror
  k3s_sha256            = var.k3s.sha256
  install_k3s           = var.k3s.install
  package_upgrade       = var.package_upgrade
  api_names             = var.api_names
  cloud_token           = var.kubernetes_hcloud_token
  etcd_object_storage   = var.etcd_object_storage
}

# The only way in from the internet.
module "ingress" {
  source = "../../../../modules/load-balancer"

  name            = "${local.name}-ingress"
  labels          = local.labels
  location        = var.location
  type            = var.load_balancer_type
  subnet_id       = module.network.subnets["load-balancers"].id
  private_address = local.ingress_address
  targets         = module.kubernetes.ingress_nodes

  services = {
    http  = { listen_port = 80, proxy_protocol = true }
    https = { listen_port = 443, proxy_protocol = true }
  }
}
