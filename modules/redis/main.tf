locals {
  port          = 6379
  metrics_port  = 9121
  node_port     = 9100
  configuration = "/etc/${var.stack}"
  users         = toset(["admin", "app", "exporter"])
}

resource "random_password" "this" {
  for_each = local.users

  length = 40
  # Without special characters it needs no escaping in a URL.
  special = false
}

# Known before the machine is there, so that nobody has to trust a key at first sight.
resource "tls_private_key" "ssh_host" {
  algorithm = "ED25519"
}

module "certificate" {
  source = "../server-certificate"

  name      = var.name
  addresses = [var.address]
}

resource "hcloud_server" "this" {
  name               = var.name
  server_type        = var.server_type
  image              = var.image
  location           = var.location
  ssh_keys           = var.ssh_key_ids
  firewall_ids       = var.firewall_ids
  placement_group_id = var.placement_group_id
  user_data          = module.first_boot.user_data
  backups            = var.server_backups
  labels             = merge(var.labels, { role = "redis" })

  dynamic "public_net" {
    for_each = var.gateway == null ? [] : [1]

    content {
      ipv4_enabled = false
      ipv6_enabled = false
    }
  }

  network {
    subnet_id = var.subnet.id
    ip        = var.address
    alias_ips = []
  }

  # So that it writes what it holds.
  shutdown_before_deletion = true

  lifecycle {
    # Both act at first boot only, so a change would replace the machine. It is for new machines; to renew this one, ask
    # for it with -replace.
    ignore_changes = [user_data, ssh_keys]

    precondition {
      condition     = cidrhost("${var.address}/${split("/", var.subnet.cidr)[1]}", 0) == cidrhost(var.subnet.cidr, 0)
      error_message = "The address ${var.address} is not in the subnet ${var.subnet.cidr}."
    }
  }
}
