locals {
  port          = 5432
  metrics_port  = 9187
  node_port     = 9100
  volume_mount  = "/mnt/data"
  configuration = "/etc/${var.stack}"
}

resource "random_password" "owner" {
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

# Made apart from the server, so that it outlives it.
resource "hcloud_volume" "this" {
  name              = var.name
  size              = var.volume_size
  location          = var.location
  format            = "ext4"
  delete_protection = var.volume_delete_protection
  labels            = merge(var.labels, { role = "postgres" })
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
  labels             = merge(var.labels, { role = "postgres" })

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

  # A database that is asked to stop has nothing to repair when its volume comes up elsewhere.
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

resource "hcloud_volume_attachment" "this" {
  volume_id = hcloud_volume.this.id
  server_id = hcloud_server.this.id
  automount = false
}
