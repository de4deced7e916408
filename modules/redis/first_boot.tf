locals {
  settings = templatefile("${path.module}/templates/redis.conf.tftpl", {
    address = var.address
    port    = local.port
    sized   = local.sized
  })

  # Redis knows passwords by their SHA-256, so that they are in no file of its own.
  access = templatefile("${path.module}/templates/users.acl.tftpl", {
    user   = var.user
    hashes = { for user, password in random_password.this : user => sha256(password.result) }
  })

  machine_files = {
    "/etc/nftables.conf" = {
      content = templatefile("${path.module}/templates/nftables.conf.tftpl", {
        table       = replace(var.stack, "-", "_")
        address     = var.address
        ports       = [local.port, local.metrics_port, local.node_port]
        client_cidr = var.client_cidr
        admin_cidr  = var.admin_cidr
      })
    }
    # ip_nonlocal_bind lets a service bind its private address before the interface has it, so that the order at boot
    # does not matter. Redis copies itself by fork, and says that the kernel must allow it.
    "/etc/sysctl.d/90-${var.stack}.conf" = {
      content     = "net.ipv4.ip_nonlocal_bind = 1\nvm.overcommit_memory = 1\n"
      permissions = "0644"
    }
    "${local.configuration}/redis.conf"     = { content = local.settings }
    "${local.configuration}/users.acl"      = { content = local.access }
    "${local.configuration}/redis-ca.crt"   = { content = module.certificate.authority, permissions = "0644" }
    "${local.configuration}/redis.crt"      = { content = module.certificate.certificate, permissions = "0644" }
    "${local.configuration}/redis.key"      = { content = module.certificate.private_key }
    "${local.configuration}/redis.password" = { content = "${random_password.this["admin"].result}\n" }
    "${local.configuration}/redis-exporter" = { content = local.exporter_settings }
    "/etc/systemd/system/prometheus-redis-exporter.service.d/50-${var.stack}.conf" = {
      content     = "[Service]\nEnvironmentFile=${local.configuration}/redis-exporter\n"
      permissions = "0644"
    }
    # Disk, memory and load of the machine.
    "${local.configuration}/node-exporter" = {
      content     = "ARGS='--web.listen-address=${var.address}:${local.node_port}'\n"
      permissions = "0644"
    }
    "/etc/systemd/system/prometheus-node-exporter.service.d/50-${var.stack}.conf" = {
      content     = "[Service]\nEnvironmentFile=${local.configuration}/node-exporter\n"
      permissions = "0644"
    }
    "/usr/local/sbin/setup-redis" = {
      content     = replace(file("${path.module}/scripts/setup-redis.sh"), "/etc/redis-setup", local.configuration)
      permissions = "0755"
    }
    "/usr/local/sbin/redis-admin" = {
      content     = replace(file("${path.module}/scripts/redis-admin.sh"), "/etc/redis-setup", local.configuration)
      permissions = "0755"
    }
  }

  exporter_settings = join("\n", [
    "REDIS_ADDR=rediss://127.0.0.1:${local.port}",
    "REDIS_USER=exporter",
    "REDIS_PASSWORD=${random_password.this["exporter"].result}",
    "REDIS_EXPORTER_TLS_CA_CERT_FILE=${local.configuration}/redis-ca.crt",
    "REDIS_EXPORTER_WEB_LISTEN_ADDRESS=${var.address}:${local.metrics_port}",
    "",
  ])
}

module "first_boot" {
  source = "../first-boot"

  hostname        = var.name
  package_upgrade = var.package_upgrade
  private_address = var.address
  gateway         = var.gateway
  packages        = ["nftables", "prometheus-node-exporter", "prometheus-redis-exporter", "redis-server"]

  ssh_host_key = {
    private = tls_private_key.ssh_host.private_key_openssh
    public  = trimspace(tls_private_key.ssh_host.public_key_openssh)
  }

  files = [
    for path, file in local.machine_files : {
      path        = path
      content     = file.content
      permissions = try(file.permissions, "0600")
    }
  ]

  steps = [
    "systemctl enable --now nftables.service",
    "nft -f /etc/nftables.conf",
    "sysctl --quiet --system",
    "setup-redis",
    "systemctl daemon-reload",
    "systemctl enable prometheus-redis-exporter.service prometheus-node-exporter.service",
    "systemctl restart prometheus-redis-exporter.service prometheus-node-exporter.service",
  ]
}
