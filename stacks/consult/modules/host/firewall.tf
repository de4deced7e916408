locals {
  cloudflare = jsondecode(file("${path.module}/cloudflare.json"))
  web_ips    = concat(local.cloudflare.ipv4, local.cloudflare.ipv6)
  anywhere   = ["0.0.0.0/0", "::/0"]

  inbound = [
    { description = "SSH for administrators", port = "22", source_ips = var.admin_ssh_ips },
    { description = "HTTP through Cloudflare", port = "80", source_ips = local.web_ips },
    { description = "HTTPS through Cloudflare", port = "443", source_ips = local.web_ips },
    { description = "Application without Cloudflare", port = "8000", source_ips = var.app_port_ips },
  ]

  outbound = {
    tcp  = "any"
    udp  = "any"
    icmp = null
  }
}

resource "hcloud_firewall" "this" {
  name   = local.name
  labels = local.labels

  dynamic "rule" {
    # A rule without sources would admit nobody: leave it out.
    for_each = [for rule in local.inbound : rule if length(rule.source_ips) > 0]

    content {
      description = rule.value.description
      direction   = "in"
      protocol    = "tcp"
      port        = rule.value.port
      source_ips  = rule.value.source_ips
    }
  }

  dynamic "rule" {
    for_each = local.outbound

    content {
      description     = "Outbound ${upper(rule.key)}"
      direction       = "out"
      protocol        = rule.key
      port            = rule.value
      destination_ips = local.anywhere
    }
  }
}
