resource "tls_private_key" "admin" {
  count     = var.generate_ssh_key && var.ssh_public_key == null ? 1 : 0
  algorithm = "ED25519"
}

# The server gets this host key, so that nobody has to trust one at first sight.
resource "tls_private_key" "host" {
  algorithm = "ED25519"
}

resource "hcloud_ssh_key" "admin" {
  name       = "${var.name}-admin"
  public_key = var.ssh_public_key == null ? trimspace(one(tls_private_key.admin[*].public_key_openssh)) : trimspace(var.ssh_public_key)
  labels     = var.labels
}

resource "hcloud_ssh_key" "deploy" {
  count = var.deploy_ssh_public_key == null ? 0 : 1

  name       = "${var.name}-deploy"
  public_key = trimspace(var.deploy_ssh_public_key)
  labels     = var.labels
}

resource "hcloud_volume" "data" {
  name     = "${var.name}-data"
  size     = var.volume_size
  location = var.location
  format   = "ext4"
  labels   = var.labels
}

resource "hcloud_server" "this" {
  name         = var.name
  server_type  = var.server_type
  image        = var.image
  location     = var.location
  ssh_keys     = concat([hcloud_ssh_key.admin.id], hcloud_ssh_key.deploy[*].id)
  firewall_ids = var.firewall_ids
  user_data    = module.first_boot.user_data
  labels       = merge(var.labels, { role = "host" })

  public_net {
    ipv4_enabled = true
    ipv6_enabled = true
  }

  dynamic "network" {
    for_each = var.network[*]

    content {
      network_id = network.value.id
      ip         = network.value.address
    }
  }

  lifecycle {
    # Both act at first boot only, so a change would replace the machine. It is for new machines; to renew this one, ask
    # for it with -replace.
    ignore_changes = [user_data, ssh_keys]
  }
}

resource "hcloud_volume_attachment" "data" {
  volume_id = hcloud_volume.data.id
  server_id = hcloud_server.this.id
  # The first boot mounts it, at a place of our choice.
  automount = false
}
