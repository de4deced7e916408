locals {
  # Hetzner's limits: servers in a spread placement group, targets of a load balancer.
  group_size            = 10
  load_balancer_targets = { lb11 = 25, lb21 = 75, lb31 = 150 }

  # first_host: where the pool's addresses begin in the subnet of the nodes. The ranges do not meet at the largest counts.
  pools = {
    control = {
      machines   = var.control_planes
      role       = "server"
      first_host = 10
      labels     = {}
      taints     = ["CriticalAddonsOnly=true:NoExecute"]
    }
    worker = {
      machines   = var.workers
      role       = "agent"
      first_host = 20
      labels     = { "nornos/pool" = "workers" }
      taints     = []
    }
    agent = {
      machines   = var.agents
      role       = "agent"
      first_host = 100
      labels     = { "nornos/pool" = "agents" }
      taints     = ["nornos/agents=true:NoSchedule"]
    }
  }

  nodes = merge([
    for pool_name, pool in local.pools : {
      for index in range(pool.machines.count) : "${pool_name}-${index + 1}" => {
        pool        = pool_name
        index       = index
        group       = "${pool_name}-${floor(index / local.group_size) + 1}"
        address     = cidrhost(var.network.nodes_cidr, pool.first_host + index)
        server_type = pool.machines.server_type
      }
    }
  ]...)

  control_plane_addresses = [for node in local.nodes : node.address if node.pool == "control"]
  first_control_plane     = local.nodes["control-1"].address
  load_balancer_address   = cidrhost(var.network.load_balancer_subnet.cidr, 10)
}

resource "random_password" "token" {
  length  = 48
  special = false
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
  firewall_ids       = var.firewall_ids
  placement_group_id = hcloud_placement_group.this[each.value.group].id
  user_data          = module.first_boot[each.key].user_data
  labels             = merge(var.labels, { role = each.value.pool })

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
