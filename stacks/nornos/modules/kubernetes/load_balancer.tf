locals {
  services = {
    http  = 80
    https = 443
  }
}

resource "hcloud_load_balancer" "this" {
  name               = "${var.name}-ingress"
  load_balancer_type = var.load_balancer_type
  location           = var.location
  labels             = var.labels

  algorithm {
    type = "least_connections"
  }

  lifecycle {
    precondition {
      condition     = var.workers.count <= local.load_balancer_targets[var.load_balancer_type]
      error_message = "A load balancer of type ${var.load_balancer_type} takes ${local.load_balancer_targets[var.load_balancer_type]} targets, and there are ${var.workers.count} workers: choose a larger load_balancer_type."
    }
  }
}

resource "hcloud_load_balancer_network" "this" {
  load_balancer_id = hcloud_load_balancer.this.id
  subnet_id        = var.network.load_balancer_subnet.id
  ip               = local.load_balancer_address
}

resource "hcloud_load_balancer_service" "this" {
  for_each = local.services

  load_balancer_id = hcloud_load_balancer.this.id
  protocol         = "tcp"
  listen_port      = each.value
  destination_port = each.value
  proxyprotocol    = var.proxy_protocol

  health_check {
    protocol = "tcp"
    port     = each.value
    interval = 10
    timeout  = 5
    retries  = 3
  }
}

resource "hcloud_load_balancer_target" "worker" {
  for_each = { for key, node in local.nodes : key => node if node.pool == "worker" }

  type             = "server"
  load_balancer_id = hcloud_load_balancer.this.id
  server_id        = hcloud_server.node[each.key].id
  use_private_ip   = true

  # A private target needs both in the network.
  depends_on = [hcloud_load_balancer_network.this]
}
