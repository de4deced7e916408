locals {
  scripts = merge(
    var.private_address == null ? {} : { "wait-for-address" = file("${path.module}/scripts/wait-for-address.sh") },
    var.volume == null ? {} : { "mount-volume" = file("${path.module}/scripts/mount-volume.sh") },
    var.gateway == null ? {} : {
      "default-route"    = file("${path.module}/scripts/default-route.sh")
      "install-packages" = file("${path.module}/scripts/install-packages.sh")
    },
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
    # cloud-init would install packages before there is a way to them.
    var.gateway == null ? [] : [
      "default-route install ${var.private_address} ${var.gateway}",
      join(" ", concat(["install-packages"], var.package_upgrade ? ["--upgrade"] : [], var.packages)),
    ],
    var.volume == null ? [] : ["mount-volume ${var.volume.device} ${var.volume.mount_point}"],
    var.steps,
  )

  cloud_config = templatefile("${path.module}/templates/cloud-config.yaml.tftpl", {
    hostname        = var.hostname
    packages        = var.gateway == null ? var.packages : []
    package_update  = var.gateway == null
    package_upgrade = var.gateway == null && var.package_upgrade
    users           = var.users
    ssh_host_key    = var.ssh_host_key
    files           = local.files
    steps           = local.steps
  })

  # Every 3 bytes become 4 characters of base64, so this counts bytes where length() alone would count characters.
  is_large = length(base64encode(local.cloud_config)) > 4 * floor(local.limit / 3)
  limit    = 32 * 1024

  # cloud-init on Hetzner's images unpacks what is base64 of gzip.
  user_data = local.is_large ? base64gzip(local.cloud_config) : local.cloud_config
}
