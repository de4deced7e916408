locals {
  nftables = {
    for name, machine in local.machines : name => {
      path = "/etc/nftables.conf"
      content = templatefile("${path.module}/templates/nftables.conf.tftpl", {
        address     = machine.address
        port        = machine.port
        client_cidr = var.client_cidr
        admin_cidr  = var.admin_cidr
      })
      permissions = "0600"
    }
  }

  # ip_nonlocal_bind lets a service bind its private address before the interface has it, so that the order at boot does
  # not matter.
  kernel_settings = {
    postgres = { "net.ipv4.ip_nonlocal_bind" = 1, "vm.swappiness" = 1 }
    # Redis copies itself by fork, and says that the kernel must allow it.
    redis = { "net.ipv4.ip_nonlocal_bind" = 1, "vm.overcommit_memory" = 1 }
  }

  sysctl = {
    for name, settings in local.kernel_settings : name => {
      path        = "/etc/sysctl.d/90-nornos.conf"
      content     = join("", [for key, value in settings : "${key} = ${value}\n"])
      permissions = "0644"
    }
  }

  secure_first = ["systemctl enable --now nftables.service", "nft -f /etc/nftables.conf", "sysctl --quiet --system"]
}

module "postgres_first_boot" {
  source = "../../../../modules/first-boot"

  hostname        = "${var.name}-postgres"
  packages        = ["nftables", "postgresql-${var.postgres.version}"]
  package_upgrade = var.package_upgrade
  private_address = local.machines.postgres.address

  volume = {
    device      = hcloud_volume.postgres.linux_device
    mount_point = local.volume_mount
  }

  files = [
    local.nftables.postgres,
    local.sysctl.postgres,
    {
      # The package would make a cluster on the root disk; ours is on the volume. The other defaults stay.
      path        = "/etc/postgresql-common/createcluster.d/50-nornos.conf"
      content     = "create_main_cluster = false\n"
      permissions = "0644"
    },
    {
      path = "/etc/nornos/postgresql.conf"
      content = templatefile("${path.module}/templates/postgresql.conf.tftpl", {
        address = local.machines.postgres.address
        port    = local.machines.postgres.port
      })
    },
    {
      path = "/etc/nornos/pg_hba.conf"
      content = templatefile("${path.module}/templates/pg_hba.conf.tftpl", {
        database    = var.postgres.database
        owner       = var.postgres.owner
        client_cidr = var.client_cidr
      })
    },
    {
      path = "/etc/nornos/postgres.env"
      content = join("\n", [
        "PG_VERSION=${var.postgres.version}",
        "PG_DATABASE=${var.postgres.database}",
        "PG_OWNER=${var.postgres.owner}",
        "PG_OWNER_PASSWORD=${random_password.this["postgres"].result}",
        "PG_VOLUME=${local.volume_mount}",
        "",
      ])
    },
    {
      path        = "/usr/local/sbin/setup-postgres"
      content     = file("${path.module}/scripts/setup-postgres.sh")
      permissions = "0755"
    },
  ]

  steps = concat(local.secure_first, ["setup-postgres"])
}

module "redis_first_boot" {
  source = "../../../../modules/first-boot"

  hostname        = "${var.name}-redis"
  packages        = ["nftables", "redis-server"]
  package_upgrade = var.package_upgrade
  private_address = local.machines.redis.address

  files = [
    local.nftables.redis,
    local.sysctl.redis,
    {
      path = "/etc/nornos/redis.conf"
      content = templatefile("${path.module}/templates/redis.conf.tftpl", {
        address  = local.machines.redis.address
        port     = local.machines.redis.port
        password = random_password.this["redis"].result
      })
    },
    {
      path        = "/usr/local/sbin/setup-redis"
      content     = file("${path.module}/scripts/setup-redis.sh")
      permissions = "0755"
    },
  ]

  steps = concat(local.secure_first, ["setup-redis"])
}
