locals {
  scripts = merge(
    var.private_address == null ? {} : { "wait-for-address" = file("${path.module}/scripts/wait-for-address.sh") },
    var.volume == null ? {} : { "mount-volume" = file("${path.module}/scripts/mount-volume.sh") },
  )

  files = concat(
    [
      for name, content in local.scripts : {
        path        = "/usr/local/sbin/${name}"
        content     = content
        permissions = "0755"
        owner       = "root:root"
      }
    ],
    var.files,
  )

  steps = concat(
    var.private_address == null ? [] : ["wait-for-address ${var.private_address}"],
    var.volume == null ? [] : ["mount-volume ${var.volume.device} ${var.volume.mount_point}"],
    var.steps,
  )

  user_data = templatefile("${path.module}/templates/cloud-config.yaml.tftpl", {
    hostname        = var.hostname
    packages        = var.packages
    package_upgrade = var.package_upgrade
    users           = var.users
    files           = local.files
    steps           = local.steps
  })
}
