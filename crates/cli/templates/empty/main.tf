locals {
  labels = {
    project    = var.name
    managed-by = "terraform"
  }
}

data "hcloud_location" "this" {
  name = var.location
}

resource "hcloud_network" "this" {
  name     = var.name
  ip_range = "10.0.0.0/16"
  labels   = local.labels
}

resource "hcloud_network_subnet" "servers" {
  network_id   = hcloud_network.this.id
  type         = "cloud"
  network_zone = data.hcloud_location.this.network_zone
  ip_range     = "10.0.1.0/24"
}

resource "hcloud_firewall" "this" {
  name   = var.name
  labels = local.labels

  dynamic "rule" {
    for_each = length(var.admin_ips) > 0 ? [var.admin_ips] : []

    content {
      description = "SSH for administrators"
      direction   = "in"
      protocol    = "tcp"
      port        = "22"
      source_ips  = rule.value
    }
  }

  rule {
    description = "Ping"
    direction   = "in"
    protocol    = "icmp"
    source_ips  = ["0.0.0.0/0", "::/0"]
  }
}

resource "tls_private_key" "admin" {
  count     = var.ssh_public_key == null ? 1 : 0
  algorithm = "ED25519"
}

resource "hcloud_ssh_key" "admin" {
  name       = "${var.name}-admin"
  public_key = var.ssh_public_key == null ? trimspace(one(tls_private_key.admin[*].public_key_openssh)) : trimspace(var.ssh_public_key)
  labels     = local.labels
}

# The server's own key, so that it is known before anybody connects.
resource "tls_private_key" "host" {
  algorithm = "ED25519"
}

resource "hcloud_server" "this" {
  name         = var.name
  server_type  = var.server_type
  image        = "ubuntu-24.04"
  location     = var.location
  ssh_keys     = [hcloud_ssh_key.admin.id]
  firewall_ids = [hcloud_firewall.this.id]
  labels       = local.labels

  user_data = "#cloud-config\n${yamlencode({
    ssh_deletekeys = true
    ssh_pwauth     = false
    ssh_keys = {
      ed25519_private = tls_private_key.host.private_key_openssh
      ed25519_public  = trimspace(tls_private_key.host.public_key_openssh)
    }
  })}"

  network {
    network_id = hcloud_network.this.id
    ip         = cidrhost(hcloud_network_subnet.servers.ip_range, 10)
  }
}
