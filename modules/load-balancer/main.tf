locals {
  # What a type carries: https://docs.hetzner.com/networking/load-balancers/overview
  limits = {
    lb11 = { services = 5, targets = 25 }
    lb21 = { services = 15, targets = 75 }
    lb31 = { services = 30, targets = 150 }
  }
  limit = local.limits[var.type]
}

resource "hcloud_load_balancer" "this" {
  name               = var.name
  load_balancer_type = var.type
  location           = var.location
  labels             = var.labels

  algorithm {
    type = var.algorithm
  }

  lifecycle {
    precondition {
      condition     = length(var.targets) <= local.limit.targets
      error_message = "A load balancer of type ${var.type} takes ${local.limit.targets} targets, and there are ${length(var.targets)}: choose a larger load balancer type."
    }

    precondition {
      condition     = length(var.services) <= local.limit.services
      error_message = "A load balancer of type ${var.type} takes ${local.limit.services} services, and there are ${length(var.services)}: choose a larger load balancer type."
    }
  }
}

resource "hcloud_load_balancer_network" "this" {
  load_balancer_id        = hcloud_load_balancer.this.id
  subnet_id               = var.subnet_id
  ip                      = var.private_address
  enable_public_interface = var.public
}

resource "hcloud_load_balancer_service" "this" {
  for_each = var.services

  load_balancer_id = hcloud_load_balancer.this.id
  protocol         = "tcp"
  listen_port      = each.value.listen_port
  destination_port = coalesce(each.value.destination_port, each.value.listen_port)
  proxyprotocol    = each.value.proxy_protocol

  health_check {
    protocol = each.value.health_check.path == null ? "tcp" : "http"
    port     = coalesce(each.value.health_check.port, each.value.destination_port, each.value.listen_port)
    interval = each.value.health_check.interval
    timeout  = each.value.health_check.timeout
    retries  = each.value.health_check.retries

    dynamic "http" {
      for_each = each.value.health_check.path == null ? [] : [each.value.health_check]

      content {
        path         = http.value.path
        tls          = http.value.tls
        status_codes = http.value.status_codes
      }
    }
  }
}

resource "hcloud_load_balancer_target" "this" {
  for_each = var.targets

  type             = "server"
  load_balancer_id = hcloud_load_balancer.this.id
  server_id        = each.value
  use_private_ip   = true

  # A private target needs both in the network.
  depends_on = [hcloud_load_balancer_network.this]
}
