locals {
  # Hetzner's limit of servers in a spread placement group.
  group_size = 10

  pools = merge(
    {
      control = {
        count       = var.control_planes.count
        server_type = var.control_planes.server_type
        first_host  = var.control_planes.first_host
        role        = "server"
        labels      = var.control_planes.labels
        taints      = var.control_planes.taints
        ingress     = false
      }
    },
    { for name, pool in var.pools : name => merge(pool, { role = "agent" }) },
  )

  nodes = merge([
    for pool_name, pool in local.pools : {
      for index in range(pool.count) : "${pool_name}-${index + 1}" => {
        pool        = pool_name
        role        = pool.role
        index       = index
        group       = "${pool_name}-${floor(index / local.group_size) + 1}"
        address     = cidrhost(var.network.nodes_cidr, pool.first_host + index)
        server_type = pool.server_type
        labels      = merge(pool.labels, pool.ingress ? { "${var.label_prefix}/ingress" = "true" } : {})
        taints      = pool.taints
        ingress     = pool.ingress
      }
    }
  ]...)

  servers = { for key, node in local.nodes : key => node if node.role == "server" }

  # In the order in which they join. A map's own order would put control-10 before control-2; there are never so many.
  server_addresses = [for index in range(var.control_planes.count) : local.nodes["control-${index + 1}"].address]
  first            = local.server_addresses[0]

  has_api_balancer = var.control_planes.count > 1
  api_address      = local.has_api_balancer ? var.network.api_address : local.first
}

resource "random_password" "token" {
  length  = 48
  special = false
}

resource "tls_private_key" "host" {
  for_each  = local.nodes
  algorithm = "ED25519"
}

resource "hcloud_placement_group" "this" {
  for_each = toset([for node in local.nodes : node.group])

  name   = "${var.name}-${each.key}"
  type   = "spread"
  labels = var.labels
}

resource "hcloud_server" "node" {
  for_each = local.nodes

  name               = "${var.name}-${each.key}"
  server_type        = each.value.server_type
  image              = var.image
  location           = var.location
  ssh_keys           = var.ssh_key_ids
  firewall_ids       = hcloud_firewall.nodes[*].id
  placement_group_id = hcloud_placement_group.this[each.value.group].id
  user_data          = module.first_boot[each.key].user_data
  labels             = merge(var.labels, { role = each.value.pool })

  dynamic "public_net" {
    for_each = var.gateway == null ? [] : [1]

    content {
      ipv4_enabled = false
      ipv6_enabled = false
    }
  }

  network {
    network_id = var.network.id
    ip         = each.value.address
  }

  lifecycle {
    # Both act at first boot only, so a change would replace the machine. It is for new machines; to renew this one, ask
    # for it with -replace.
    ignore_changes = [user_data, ssh_keys]
  }
}

# Nothing comes in from the internet but administrators. Machines without a public interface need no firewall, and Hetzner
# accepts none for them.
resource "hcloud_firewall" "nodes" {
  count = var.gateway == null ? 1 : 0

  name   = "${var.name}-nodes"
  labels = var.labels

  dynamic "rule" {
    for_each = length(var.admin_ips) == 0 ? {} : { SSH = "22", "Kubernetes API" = "6443" }

    content {
      description = "${rule.key} for administrators"
      direction   = "in"
      protocol    = "tcp"
      port        = rule.value
      source_ips  = var.admin_ips
    }
  }
}

# The API of several control planes: a load balancer without a public interface, since a service of one that has it listens
# there too.
module "api" {
  source = "../load-balancer"
  count  = local.has_api_balancer ? 1 : 0

  name            = "${var.name}-api"
  labels          = var.labels
  location        = var.location
  type            = "lb11"
  public          = false
  subnet_id       = var.network.api_subnet_id
  private_address = local.api_address

  services = {
    api = {
      listen_port  = 6443
      health_check = { path = "/ping", tls = true, status_codes = ["200"] }
    }
  }
  targets = { for key, node in local.servers : key => hcloud_server.node[key].id }
}
