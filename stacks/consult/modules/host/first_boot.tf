locals {
  app_dir  = "/opt/consult"
  data_dir = "/mnt/data"
  log_dir  = "/var/log/consult"

  packages = concat(
    ["ca-certificates", "curl", "gnupg"],
    var.install_docker ? ["docker.io", "docker-compose-v2"] : [],
  )

  # Root alone may read it; the unit names the file and never its content.
  doppler_files = var.doppler_token == null ? [] : [
    {
      path        = "/etc/consult/doppler.env"
      content     = "DOPPLER_TOKEN=${var.doppler_token}\n"
      permissions = "0600"
    }
  ]

  files = concat(
    [
      {
        path        = "/usr/local/sbin/consult-setup"
        content     = file("${path.module}/scripts/setup.sh")
        permissions = "0755"
      },
      {
        path        = "/usr/local/bin/consult-run"
        content     = file("${path.module}/scripts/run.sh")
        permissions = "0755"
      },
      {
        path = "/etc/systemd/system/consult.service"
        content = templatefile("${path.module}/templates/consult.service.tftpl", {
          environment = var.environment
          app_dir     = local.app_dir
          data_dir    = local.data_dir
          log_dir     = local.log_dir
        })
        permissions = "0644"
      },
    ],
    var.install_doppler ? [
      {
        path        = "/usr/local/sbin/install-doppler"
        content     = file("${path.module}/scripts/install-doppler.sh")
        permissions = "0755"
      }
    ] : [],
    local.doppler_files,
  )
}

module "first_boot" {
  source = "../../../../modules/first-boot"

  hostname        = local.name
  packages        = local.packages
  package_upgrade = var.package_upgrade
  users           = [{ name = "consult", home = local.app_dir }]
  files           = local.files
  private_address = local.private_address

  volume = {
    device      = hcloud_volume.data.linux_device
    mount_point = local.data_dir
  }

  steps = concat(
    var.install_doppler ? ["install-doppler"] : [],
    ["consult-setup ${local.app_dir} ${local.data_dir} ${local.log_dir}"],
  )
}
