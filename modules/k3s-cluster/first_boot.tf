locals {
  # Whom a node waits for before it joins. Control planes come one after another: etcd takes one new member at a time.
  predecessor = {
    for key, node in local.nodes : key => (
      key == "control-1" ? null : node.role == "server" ? local.server_addresses[node.index - 1] : local.first
    )
  }

  server_files = [
    {
      path    = "/etc/rancher/k3s/audit-policy.yaml"
      content = coalesce(var.audit_policy, file("${path.module}/files/audit-policy.yaml"))
    },
  ]

  first_files = [
    {
      path        = "/var/lib/rancher/k3s/server/tls/server-ca.crt"
      content     = local.authority
      permissions = "0644"
    },
    {
      path        = "/var/lib/rancher/k3s/server/tls/server-ca.key"
      content     = tls_private_key.authority.private_key_pem
      permissions = "0600"
    },
    {
      # Should this machine be replaced one day, it joins the cluster that is there.
      path        = "/etc/rancher/k3s/join-token"
      content     = "${local.join_token}\n"
      permissions = "0600"
    },
  ]
}

module "first_boot" {
  source   = "../first-boot"
  for_each = local.nodes

  hostname        = "${var.name}-${each.key}"
  packages        = ["ca-certificates", "curl", "nfs-common"]
  package_upgrade = var.package_upgrade
  private_address = each.value.address
  gateway         = var.gateway

  ssh_host_key = {
    private = tls_private_key.host[each.key].private_key_openssh
    public  = trimspace(tls_private_key.host[each.key].public_key_openssh)
  }

  files = concat(
    [
      {
        path    = "/etc/rancher/k3s/config.yaml"
        content = yamlencode({ for name, value in local.k3s_config[each.key] : name => value if value != null })
      },
      {
        path    = "/etc/rancher/k3s/token"
        content = "${each.key == "control-1" ? random_password.token.result : local.join_token}\n"
      },
      {
        path        = "/etc/rancher/k3s/cluster-ca.pem"
        content     = local.authority
        permissions = "0644"
      },
      {
        path = "/etc/k3s-node/settings"
        content = templatefile("${path.module}/templates/settings.tftpl", {
          mirror      = var.k3s_mirror
          version     = var.k3s_version
          sha256      = local.k3s_sha256
          role        = each.value.role
          address     = each.value.address
          servers     = local.server_addresses
          predecessor = local.predecessor[each.key]
          peers       = each.key == "control-1" ? slice(local.server_addresses, 1, length(local.server_addresses)) : []
          is_public   = var.gateway == null
        })
      },
      {
        path        = "/usr/local/sbin/k3s-node"
        content     = file("${path.module}/scripts/k3s-node.sh")
        permissions = "0755"
      },
      {
        path        = "/etc/systemd/system/k3s.service"
        content     = templatefile("${path.module}/templates/k3s.service.tftpl", { role = each.value.role })
        permissions = "0644"
      },
      {
        path        = "/etc/sysctl.d/90-k3s-node.conf"
        content     = "fs.inotify.max_user_instances = 8192\nfs.inotify.max_user_watches = 524288\n"
        permissions = "0644"
      },
    ],
    [for file in local.server_files : file if each.value.role == "server"],
    [for file in concat(local.first_files, local.manifest_files) : file if each.key == "control-1"],
  )

  steps = concat(
    ["sysctl --quiet --system"],
    [var.install_k3s ? "k3s-node setup" : "k3s-node setup --prepare"],
  )
}
