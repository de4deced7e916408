locals {
  # What k3s reads from /etc/rancher/k3s/config.yaml. Its parts by role; a part that does not apply is empty.
  k3s_config = {
    for key, node in local.nodes : key => merge(
      {
        token      = random_password.token.result
        node-name  = "${var.name}-${key}"
        node-ip    = node.address
        node-label = [for name, value in local.pools[node.pool].labels : "${name}=${value}"]
        node-taint = local.pools[node.pool].taints
      },
      local.pools[node.pool].role != "server" ? null : {
        advertise-address     = node.address
        tls-san               = concat(local.control_plane_addresses, [local.load_balancer_address])
        cluster-cidr          = "10.42.0.0/16"
        service-cidr          = "10.43.0.0/16"
        write-kubeconfig-mode = "0600"
        secrets-encryption    = true
      },
      key == "control-1" ? { cluster-init = true } : null,
      key != "control-1" ? { server = "https://${local.first_control_plane}:6443" } : null,
    )
  }
}

module "first_boot" {
  source   = "../../../../modules/first-boot"
  for_each = local.nodes

  hostname        = "${var.name}-${each.key}"
  packages        = ["ca-certificates", "curl", "nfs-common"]
  package_upgrade = var.package_upgrade
  private_address = each.value.address

  files = [
    {
      path    = "/etc/rancher/k3s/config.yaml"
      content = yamlencode(local.k3s_config[each.key])
    },
    {
      path        = "/etc/systemd/system/k3s.service"
      content     = templatefile("${path.module}/templates/k3s.service.tftpl", { role = local.pools[each.value.pool].role })
      permissions = "0644"
    },
    {
      path = "/etc/nornos/k3s.env"
      content = templatefile("${path.module}/templates/k3s.env.tftpl", {
        url     = "${var.k3s_mirror}/${urlencode(var.k3s_version)}"
        sha256  = var.k3s_sha256
        address = each.value.address
        server  = each.key == "control-1" ? null : local.first_control_plane
      })
    },
    {
      path        = "/usr/local/sbin/setup-k3s"
      content     = file("${path.module}/scripts/setup-k3s.sh")
      permissions = "0755"
    },
    {
      path        = "/etc/sysctl.d/90-nornos.conf"
      content     = "fs.inotify.max_user_instances = 8192\nfs.inotify.max_user_watches = 524288\n"
      permissions = "0644"
    },
  ]

  steps = concat(
    ["sysctl --quiet --system"],
    [var.install_k3s ? "setup-k3s" : "setup-k3s prepare"],
  )
}
