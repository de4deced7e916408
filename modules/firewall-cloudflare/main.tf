locals {
  cloudflare = jsondecode(file("${path.module}/cloudflare.json"))
  web_cidrs  = concat(local.cloudflare.ipv4, local.cloudflare.ipv6)
  anywhere   = ["0.0.0.0/0", "::/0"]

  # Not compared by days: the answer changes once, so that a plan is not different every day.
  outdated = timecmp(timeadd("${local.cloudflare.as_of}T00:00:00Z", "8760h"), plantimestamp()) < 0

  inbound = concat(
    [{ description = "SSH for administrators", protocol = "tcp", port = "22", cidrs = var.admin_cidrs }],
    [
      for port in var.web_ports : {
        description = "${lookup({ "80" = "HTTP", "443" = "HTTPS" }, port, "Port ${port}")} through Cloudflare"
        protocol    = "tcp"
        port        = port
        cidrs       = local.web_cidrs
      }
    ],
    var.extra_rules,
  )

  outbound = {
    tcp  = "any"
    udp  = "any"
    icmp = null
  }
}

resource "hcloud_firewall" "this" {
  name   = var.name
  labels = var.labels

  dynamic "rule" {
    # A rule without sources would admit nobody: leave it out.
    for_each = [for rule in local.inbound : rule if length(rule.cidrs) > 0]

    content {
      description = rule.value.description
      direction   = "in"
      protocol    = rule.value.protocol
      port        = rule.value.port
      source_ips  = rule.value.cidrs
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
