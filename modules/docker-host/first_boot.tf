locals {
  app_dir = "/opt/${var.app}"
  etc_dir = "/etc/${var.app}"
  log_dir = "/var/log/${var.app}"

  # Above what the system and its packages take, so that files on the volume belong to the same account on every server.
  uid = 1500

  programs = {
    compose = "/usr/local/sbin/${var.app}-compose"
    deploy  = "/usr/local/sbin/${var.app}-deploy"
    setup   = "/usr/local/sbin/${var.app}-setup"
  }

  names = {
    app         = var.app
    name        = var.name
    environment = var.environment
    app_dir     = local.app_dir
    etc_dir     = local.etc_dir
    data_dir    = var.data_dir
    log_dir     = local.log_dir
    uid         = local.uid
    compose     = local.programs.compose
    reboot_at   = var.reboot_at
  }

  # What the deploy program needs to know.
  deploy_settings = {
    app          = var.app
    app_dir      = local.app_dir
    state_dir    = "${var.data_dir}/deploy"
    secrets      = ["${local.etc_dir}/doppler.env", "${local.etc_dir}/${var.app}.env"]
    etc_dir      = local.etc_dir
    migrate      = var.migrate
    health_check = var.health_check
  }

  docker_settings = merge(
    {
      "log-driver"   = "local"
      "log-opts"     = { "max-size" = "20m", "max-file" = "5" }
      "live-restore" = true
    },
    var.docker_settings,
  )

  files = concat(
    [
      {
        path        = local.programs.setup
        content     = file("${path.module}/scripts/setup.sh")
        permissions = "0755"
      },
      {
        path        = local.programs.compose
        content     = file("${path.module}/scripts/compose.sh")
        permissions = "0755"
      },
      {
        path        = local.programs.deploy
        content     = file("${path.module}/scripts/deploy.py")
        permissions = "0755"
      },
      {
        path    = "${local.etc_dir}/deploy.json"
        content = jsonencode(local.deploy_settings)
      },
      {
        path    = "${local.etc_dir}/host.env"
        content = templatefile("${path.module}/templates/host.env.tftpl", local.names)
      },
      {
        path        = "/etc/systemd/system/${var.app}.service"
        content     = templatefile("${path.module}/templates/app.service.tftpl", local.names)
        permissions = "0644"
      },
      {
        path        = "/etc/systemd/system/docker.service.d/10-${var.app}.conf"
        content     = templatefile("${path.module}/templates/docker.conf.tftpl", local.names)
        permissions = "0644"
      },
      {
        path        = "/etc/docker/daemon.json"
        content     = jsonencode(local.docker_settings)
        permissions = "0644"
      },
      {
        path        = "/etc/logrotate.d/${var.app}"
        content     = templatefile("${path.module}/templates/logrotate.tftpl", local.names)
        permissions = "0644"
      },
      {
        # Before what other packages and cloud-init put there: sshd keeps the first value that it reads.
        path        = "/etc/ssh/sshd_config.d/10-${var.app}.conf"
        content     = file("${path.module}/templates/sshd.conf")
        permissions = "0644"
      },
      {
        # After the distribution's 20auto-upgrades: apt keeps the last value that it reads.
        path        = "/etc/apt/apt.conf.d/52${var.app}-upgrades"
        content     = templatefile("${path.module}/templates/upgrades.tftpl", local.names)
        permissions = "0644"
      },
    ],
    var.install_docker ? [
      {
        path        = "/usr/local/sbin/install-docker"
        content     = file("${path.module}/scripts/install-docker.sh")
        permissions = "0755"
      }
    ] : [],
    var.install_doppler ? [
      {
        path        = "/usr/local/sbin/install-doppler"
        content     = file("${path.module}/scripts/install-doppler.sh")
        permissions = "0755"
      }
    ] : [],
    # Root alone may read these; units name the files and never their content.
    var.doppler_token == null ? [] : [
      {
        path    = "${local.etc_dir}/doppler.env"
        content = "DOPPLER_TOKEN=${var.doppler_token}\n"
      }
    ],
    length(var.app_environment) == 0 ? [] : [
      {
        path = "${local.etc_dir}/${var.app}.env"
        content = join("", [
          for name, value in var.app_environment :
          "${name}=\"${replace(replace(value, "\\", "\\\\"), "\"", "\\\"")}\"\n"
        ])
      }
    ],
    var.registry_login == null ? [] : [
      {
        path = "${local.etc_dir}/docker/config.json"
        content = jsonencode({
          auths = { (var.registry_login.server) = { auth = base64encode("${var.registry_login.username}:${var.registry_login.password}") } }
        })
      }
    ],
    var.compose_file == null ? [] : [
      {
        path        = "${local.app_dir}/compose.yaml"
        content     = var.compose_file
        permissions = "0644"
      }
    ],
  )
}

module "first_boot" {
  source = "../first-boot"

  hostname        = var.name
  packages        = ["ca-certificates", "curl", "gnupg", "logrotate", "python3", "python3-yaml", "unattended-upgrades"]
  package_upgrade = var.package_upgrade
  users           = [{ name = var.app, home = local.app_dir, uid = local.uid }]
  files           = local.files
  private_address = one(var.network[*].address)

  ssh_host_key = {
    private = tls_private_key.host.private_key_openssh
    public  = trimspace(tls_private_key.host.public_key_openssh)
  }

  volume = {
    device      = hcloud_volume.data.linux_device
    mount_point = var.data_dir
  }

  steps = concat(
    var.install_docker ? ["install-docker ${var.docker_source}"] : [],
    var.install_doppler ? ["install-doppler"] : [],
    ["${var.app}-setup"],
  )
}
