locals {
  name = "consult-${var.environment}"

  labels = {
    stack       = "consult"
    environment = var.environment
    managed-by  = "terraform"
  }

  private_address = cidrhost(hcloud_network_subnet.servers.ip_range, 10)
}

data "hcloud_location" "this" {
  name = var.location
}

resource "hcloud_network" "this" {
  name     = local.name
  ip_range = var.network_cidr
  labels   = local.labels
}

resource "hcloud_network_subnet" "servers" {
  network_id   = hcloud_network.this.id
  type         = "cloud"
  network_zone = data.hcloud_location.this.network_zone
  ip_range     = cidrsubnet(var.network_cidr, 24 - tonumber(split("/", var.network_cidr)[1]), 1)
}

resource "tls_private_key" "admin" {
  count     = var.generate_ssh_key && var.ssh_public_key == null ? 1 : 0
  algorithm = "ED25519"
}

resource "hcloud_ssh_key" "admin" {
  name       = "${local.name}-admin"
  public_key = var.ssh_public_key == null ? trimspace(one(tls_private_key.admin[*].public_key_openssh)) : trimspace(var.ssh_public_key)
  labels     = local.labels
}

resource "hcloud_ssh_key" "deploy" {
  count = var.deploy_ssh_public_key == null ? 0 : 1

  name       = "${local.name}-deploy"
  public_key = trimspace(var.deploy_ssh_public_key)
  labels     = local.labels
}

resource "hcloud_volume" "data" {
  name     = "${local.name}-data"
  size     = var.volume_size
  location = var.location
  format   = "ext4"
  labels   = local.labels
}

resource "hcloud_server" "this" {
  name         = local.name
  server_type  = var.server_type
  image        = var.image
  location     = var.location
  ssh_keys     = concat([hcloud_ssh_key.admin.id], hcloud_ssh_key.deploy[*].id)
  firewall_ids = [hcloud_firewall.this.id]
  user_data    = module.first_boot.user_data
  labels       = merge(local.labels, { role = "web" })

  public_net {
    ipv4_enabled = true
    ipv6_enabled = true
  }

  network {
    network_id = hcloud_network.this.id
    ip         = local.private_address
  }

  depends_on = [hcloud_network_subnet.servers]

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
