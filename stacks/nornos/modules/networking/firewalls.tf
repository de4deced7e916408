locals {
  private = [var.cidr]
  admin   = concat(var.admin_ips, local.private)

  # Hetzner's firewalls filter public interfaces only. The private range stands here so that the rules say who is meant
  # to connect, and so that nothing changes should a node lose its private interface.
  node_rules = {
    ssh            = { description = "SSH", protocol = "tcp", port = "22", source_ips = local.admin }
    api            = { description = "Kubernetes API", protocol = "tcp", port = "6443", source_ips = local.admin }
    http           = { description = "HTTP from the load balancer", protocol = "tcp", port = "80", source_ips = local.private }
    https          = { description = "HTTPS from the load balancer", protocol = "tcp", port = "443", source_ips = local.private }
    node-ports     = { description = "Node ports", protocol = "tcp", port = "30000-32767", source_ips = local.private }
    node-ports-udp = { description = "Node ports (UDP)", protocol = "udp", port = "30000-32767", source_ips = local.private }
  }
}

resource "hcloud_firewall" "nodes" {
  name   = "${var.name}-nodes"
  labels = var.labels

  dynamic "rule" {
    for_each = local.node_rules

    content {
      description = rule.value.description
      direction   = "in"
      protocol    = rule.value.protocol
      port        = rule.value.port
      source_ips  = rule.value.source_ips
    }
  }
}

# No rule at all: nothing comes in on the public interface, everything may go out.
resource "hcloud_firewall" "databases" {
  name   = "${var.name}-databases"
  labels = var.labels
}
