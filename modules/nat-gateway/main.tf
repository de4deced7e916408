resource "tls_private_key" "host" {
  algorithm = "ED25519"
}

module "first_boot" {
  source = "../first-boot"

  hostname        = var.name
  packages        = ["nftables", "unattended-upgrades"]
  package_upgrade = var.package_upgrade
  private_address = var.address

  ssh_host_key = {
    private = tls_private_key.host.private_key_openssh
    public  = trimspace(tls_private_key.host.public_key_openssh)
  }

  files = [
    {
      path    = "/etc/nftables.conf"
      content = templatefile("${path.module}/templates/nftables.conf.tftpl", { network = var.network.cidr })
    },
    {
      path        = "/etc/sysctl.d/90-nat-gateway.conf"
      content     = "net.ipv4.ip_forward = 1\n"
      permissions = "0644"
    },
    {
      path        = "/etc/ssh/sshd_config.d/10-nat-gateway.conf"
      content     = file("${path.module}/templates/sshd.conf")
      permissions = "0644"
    },
  ]

  steps = [
    "sysctl --quiet --system",
    "systemctl enable --quiet nftables.service",
    "systemctl restart nftables.service",
    "systemctl try-reload-or-restart ssh.service",
  ]
}

# SSH for administrators; everything else that comes from outside is dropped.
resource "hcloud_firewall" "this" {
  name   = var.name
  labels = var.labels

  dynamic "rule" {
    for_each = length(var.admin_ips) > 0 ? [1] : []

    content {
      description = "SSH for administrators"
      direction   = "in"
      protocol    = "tcp"
      port        = "22"
      source_ips  = var.admin_ips
    }
  }
}

resource "hcloud_server" "this" {
  name         = var.name
  server_type  = var.server_type
  image        = var.image
  location     = var.location
  ssh_keys     = var.ssh_key_ids
  firewall_ids = [hcloud_firewall.this.id]
  user_data    = module.first_boot.user_data
  labels       = merge(var.labels, { role = "gateway" })

  network {
    network_id = var.network.id
    ip         = var.address
  }

  lifecycle {
    # Both act at first boot only, so a change would replace the machine.
    ignore_changes = [user_data, ssh_keys]
  }
}

resource "hcloud_network_route" "internet" {
  network_id  = var.network.id
  destination = "0.0.0.0/0"
  gateway     = var.address

  depends_on = [hcloud_server.this]
}
