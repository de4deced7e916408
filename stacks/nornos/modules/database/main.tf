locals {
  machines = {
    postgres = {
      server_type = var.postgres.server_type
      address     = cidrhost(var.subnet.cidr, 10)
      port        = 5432
    }
    redis = {
      server_type = var.redis.server_type
      address     = cidrhost(var.subnet.cidr, 20)
      port        = 6379
    }
  }

  volume_mount = "/mnt/data"

  user_data = {
    postgres = module.postgres_first_boot.user_data
    redis    = module.redis_first_boot.user_data
  }
}

resource "random_password" "this" {
  for_each = local.machines

  length = 40
  # Without special characters it needs no escaping in a URL.
  special = false
}

resource "hcloud_placement_group" "this" {
  name   = "${var.name}-databases"
  type   = "spread"
  labels = var.labels
}

# Made apart from the server, so that it outlives it.
resource "hcloud_volume" "postgres" {
  name     = "${var.name}-postgres"
  size     = var.postgres.volume_size
  location = var.location
  format   = "ext4"
  labels   = merge(var.labels, { role = "postgres" })
}

resource "hcloud_server" "this" {
  for_each = local.machines

  name               = "${var.name}-${each.key}"
  server_type        = each.value.server_type
  image              = var.image
  location           = var.location
  ssh_keys           = var.ssh_key_ids
  firewall_ids       = var.firewall_ids
  placement_group_id = hcloud_placement_group.this.id
  user_data          = local.user_data[each.key]
  backups            = var.backups
  labels             = merge(var.labels, { role = each.key })

  # A database that is asked to stop has nothing to repair when its volume comes up elsewhere.
  shutdown_before_deletion = true

  lifecycle {
    # Both act at first boot only, so a change would replace the machine. It is for new machines; to renew this one, ask
    # for it with -replace.
    ignore_changes = [user_data, ssh_keys]
  }
}

resource "hcloud_server_network" "this" {
  for_each = local.machines

  server_id = hcloud_server.this[each.key].id
  subnet_id = var.subnet.id
  ip        = each.value.address
}

resource "hcloud_volume_attachment" "postgres" {
  volume_id = hcloud_volume.postgres.id
  server_id = hcloud_server.this["postgres"].id
  automount = false
}
