data "hcloud_server_type" "this" {
  for_each = toset([for node in local.nodes : node.server_type])
  name     = each.key
}

locals {
  # What is left to pods: the share that Google's clusters keep for the machine itself, by cores and memory, and on control
  # planes another GiB for API and etcd. https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes
  reserved = {
    for name, type in data.hcloud_server_type.this : name => {
      millicores = ceil(60 * min(1, type.cores) + 10 * min(1, max(0, type.cores - 1)) + 5 * min(2, max(0, type.cores - 2)) + 2.5 * max(0, type.cores - 4))
      mebibytes  = floor(1024 * (0.25 * min(4, type.memory) + 0.2 * min(4, max(0, type.memory - 4)) + 0.1 * min(8, max(0, type.memory - 8)) + 0.06 * max(0, type.memory - 16)))
    }
  }

  # By role and size, not by node: what a node is called and where it is comes on top.
  server_config = {
    cluster-cidr                = var.cluster_cidr
    service-cidr                = var.service_cidr
    cluster-dns                 = cidrhost(var.service_cidr, 10)
    disable                     = ["servicelb"]
    secrets-encryption          = true
    write-kubeconfig-mode       = "0600"
    tls-san                     = distinct(concat(local.server_addresses, [local.api_address], var.api_names))
    etcd-snapshot-schedule-cron = var.etcd_snapshots.schedule
    etcd-snapshot-retention     = var.etcd_snapshots.keep
    etcd-snapshot-compress      = true
    etcd-expose-metrics         = true
    kube-apiserver-arg = [
      "audit-policy-file=/etc/rancher/k3s/audit-policy.yaml",
      "audit-log-path=/var/lib/rancher/k3s/server/logs/audit.log",
      "audit-log-maxage=30",
      "audit-log-maxbackup=10",
      "audit-log-maxsize=100",
    ]
  }

  # Whether there is a token or a key is no secret.
  has_cloud          = nonsensitive(var.cloud_token != null)
  has_object_storage = nonsensitive(var.etcd_object_storage != null)

  cloud_config = local.has_cloud ? { disable-cloud-controller = true } : null

  object_storage_config = !local.has_object_storage ? null : {
    etcd-s3            = true
    etcd-s3-endpoint   = var.etcd_object_storage.endpoint
    etcd-s3-region     = var.etcd_object_storage.region
    etcd-s3-bucket     = var.etcd_object_storage.bucket
    etcd-s3-folder     = var.etcd_object_storage.folder
    etcd-s3-access-key = var.etcd_object_storage.access_key
    etcd-s3-secret-key = var.etcd_object_storage.secret_key
  }

  # What k3s reads from /etc/rancher/k3s/config.yaml. A part that does not apply is null.
  k3s_config = {
    for key, node in local.nodes : key => merge(
      {
        token-file = "/etc/rancher/k3s/token"
        node-name  = "${var.name}-${key}"
        node-ip    = node.address
        node-label = length(node.labels) == 0 ? null : [for name, value in node.labels : "${name}=${value}"]
        node-taint = length(node.taints) == 0 ? null : node.taints
        kubelet-arg = concat(
          [
            format("kube-reserved=cpu=%dm,memory=%dMi", local.reserved[node.server_type].millicores,
            local.reserved[node.server_type].mebibytes + (node.role == "server" ? 1024 : 0)),
            "system-reserved=cpu=50m,memory=100Mi",
            "eviction-hard=memory.available<100Mi,nodefs.available<10%,imagefs.available<10%",
          ],
          local.has_cloud ? ["cloud-provider=external"] : [],
        )
      },
      node.role == "server" ? merge(
        local.server_config,
        { advertise-address = node.address },
        local.cloud_config,
        local.object_storage_config,
      ) : null,
      key == "control-1" ? { cluster-init = true } : null,
      key == "control-1" ? null : { server = "https://${local.first}:6443" },
    )
  }
}
