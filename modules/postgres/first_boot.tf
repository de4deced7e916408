locals {
  settings = templatefile("${path.module}/templates/postgresql.conf.tftpl", {
    address       = var.address
    port          = local.port
    slow_query_ms = var.slow_query_ms
    sized         = local.sized
    archive       = var.backup.point_in_time_days > 0
  })

  backup_settings = {
    version            = var.postgres_version
    database           = var.database
    owner              = var.owner
    directory          = "${local.volume_mount}/backups"
    keep_days          = var.backup.keep_days
    point_in_time_days = var.backup.point_in_time_days
    object_storage     = var.backup_target == null ? null : { keep_days = var.backup_target.keep_days }
  }

  # Paths on the machine, permissions and contents; the rest is root's alone.
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
    # does not matter.
    "/etc/sysctl.d/90-${var.stack}.conf" = {
      content     = "net.ipv4.ip_nonlocal_bind = 1\nvm.swappiness = 1\n"
      permissions = "0644"
    }
    # The package would make a cluster on the root disk; ours is on the volume. The other defaults stay.
    "/etc/postgresql-common/createcluster.d/50-${var.stack}.conf" = {
      content     = "create_main_cluster = false\n"
      permissions = "0644"
    }
    "${local.configuration}/postgresql.conf" = { content = local.settings }
    "${local.configuration}/pg_hba.conf" = {
      content = templatefile("${path.module}/templates/pg_hba.conf.tftpl", {
        database    = var.database
        owner       = var.owner
        client_cidr = var.client_cidr
      })
    }
    "${local.configuration}/postgres.env" = {
      content = join("\n", [
        "PG_VERSION=${var.postgres_version}",
        "PG_DATABASE=${var.database}",
        "PG_OWNER=${var.owner}",
        "PG_VOLUME=${local.volume_mount}",
        "",
      ])
    }
    "${local.configuration}/postgres.password"  = { content = "${random_password.owner.result}\n" }
    "${local.configuration}/postgres-ca.crt"    = { content = module.certificate.authority, permissions = "0644" }
    "${local.configuration}/postgres.crt"       = { content = module.certificate.certificate, permissions = "0644" }
    "${local.configuration}/postgres.key"       = { content = module.certificate.private_key }
    "${local.configuration}/pg-backup.json"     = { content = "${jsonencode(local.backup_settings)}\n" }
    "${local.configuration}/postgres-exporter"  = { content = local.exporter_settings }
    "/etc/prometheus-postgres-${var.stack}.yml" = { content = file("${path.module}/templates/metrics.yml"), permissions = "0644" }
    "/etc/systemd/system/prometheus-postgres-exporter.service.d/50-${var.stack}.conf" = {
      content     = "[Service]\nEnvironmentFile=${local.configuration}/postgres-exporter\n"
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
    "/etc/systemd/system/pg-backup.service" = {
      content     = templatefile("${path.module}/templates/pg-backup.service.tftpl", { command = "now", description = "Backup of PostgreSQL" })
      permissions = "0644"
    }
    "/etc/systemd/system/pg-backup.timer" = {
      content     = templatefile("${path.module}/templates/pg-backup.timer.tftpl", { schedule = var.backup.schedule })
      permissions = "0644"
    }
    "/usr/local/sbin/setup-postgres" = {
      content     = replace(file("${path.module}/scripts/setup-postgres.sh"), "/etc/postgres-setup", local.configuration)
      permissions = "0755"
    }
    "/usr/local/sbin/pg-archive-wal" = { content = file("${path.module}/scripts/pg-archive-wal.sh"), permissions = "0755" }
    "/usr/local/sbin/pg-backup" = {
      content     = replace(file("${path.module}/scripts/pg-backup.py"), "/etc/postgres-setup", local.configuration)
      permissions = "0755"
    }
  }

  program_files = {
    for name in fileset("${path.module}/scripts/pg_backup", "*.py") :
    "/usr/local/lib/pg-backup/pg_backup/${name}" => {
      content     = file("${path.module}/scripts/pg_backup/${name}")
      permissions = "0644"
    }
  }

  exporter_settings = <<-EOT
    DATA_SOURCE_NAME='user=prometheus host=/run/postgresql dbname=postgres'
    ARGS='--web.listen-address=${var.address}:${local.metrics_port} --extend.query-path=/etc/prometheus-postgres-${var.stack}.yml'
  EOT

  sync_files = var.backup_target == null ? {} : {
    "/etc/systemd/system/pg-backup-sync.service" = {
      content     = templatefile("${path.module}/templates/pg-backup.service.tftpl", { command = "sync", description = "Copy of PostgreSQL's backups to object storage" })
      permissions = "0644"
    }
    "/etc/systemd/system/pg-backup-sync.timer" = {
      content     = file("${path.module}/templates/pg-backup-sync.timer")
      permissions = "0644"
    }
  }

  timers = concat(["pg-backup.timer"], var.backup_target == null ? [] : ["pg-backup-sync.timer"])
}

module "first_boot" {
  source = "../first-boot"

  hostname        = var.name
  package_upgrade = var.package_upgrade
  private_address = var.address
  gateway         = var.gateway

  packages = concat(
    ["nftables", "postgresql-${var.postgres_version}", "prometheus-node-exporter", "prometheus-postgres-exporter", "python3", "tzdata"],
    var.backup_target == null ? [] : var.backup_target.packages,
  )

  ssh_host_key = {
    private = tls_private_key.ssh_host.private_key_openssh
    public  = trimspace(tls_private_key.ssh_host.public_key_openssh)
  }

  volume = {
    device      = hcloud_volume.this.linux_device
    mount_point = local.volume_mount
  }

  files = concat(
    [
      for path, file in merge(local.machine_files, local.program_files, local.sync_files) : {
        path        = path
        content     = file.content
        permissions = try(file.permissions, "0600")
      }
    ],
    var.backup_target == null ? [] : var.backup_target.files,
  )

  steps = [
    "systemctl enable --now nftables.service",
    "nft -f /etc/nftables.conf",
    "sysctl --quiet --system",
    "setup-postgres",
    "systemctl daemon-reload",
    "systemctl enable --now ${join(" ", local.timers)}",
    "systemctl enable prometheus-postgres-exporter.service prometheus-node-exporter.service",
    "systemctl restart prometheus-postgres-exporter.service prometheus-node-exporter.service",
  ]
}
