locals {
  # Traefik, which k3s installs, as the ingress of the ingress pools: on ports 80 and 443 of those machines themselves, so that
  # it sees the load balancer as the sender and can believe its PROXY protocol, and nobody else's.
  traefik_values = {
    deployment   = { kind = "DaemonSet" }
    nodeSelector = { "${var.label_prefix}/ingress" = "true" }
    service      = { type = "ClusterIP" }
    updateStrategy = {
      # A second one could not have the same ports.
      rollingUpdate = { maxUnavailable = 1, maxSurge = 0 }
    }
    ports = {
      for name, port in { web = 80, websecure = 443 } : name => {
        hostPort              = port
        proxyProtocol         = { trustedIPs = var.ingress_proxy_address == null ? [] : ["${var.ingress_proxy_address}/32"] }
      }
    }
  }

  manifests = merge(
    {
      "traefik-config.yaml" = yamlencode({
        apiVersion = "helm.cattle.io/v1"
        kind       = "HelmChartConfig"
        metadata   = { name = "traefik", namespace = "kube-system" }
        spec = {
          valuesContent = yamlencode(local.traefik_values)
        }
      })
    },
    !local.has_cloud ? {} : {
      # First by name, so that it is there before what needs it.
      "hcloud-0-secret.yaml" = yamlencode({
        apiVersion = "v1"
        kind       = "Secret"
        metadata   = { name = "hcloud", namespace = "kube-system" }
        stringData = { token = var.cloud_token, network = tostring(var.network.id) }
      })
      "hcloud-cloud-controller-manager.yaml" = yamlencode({
        apiVersion = "helm.cattle.io/v1"
        kind       = "HelmChart"
        metadata   = { name = "hcloud-cloud-controller-manager", namespace = "kube-system" }
        spec = {
          repo            = "https://charts.hetzner.cloud"
          chart           = "hcloud-cloud-controller-manager"
          version         = var.cloud_controller_version
          targetNamespace = "kube-system"
          # Nodes are closed to ordinary pods until it has seen them.
          bootstrap = true
          valuesContent = yamlencode({
            networking = { enabled = true, clusterCIDR = var.cluster_cidr }
            env = {
              # Pods reach each other through flannel, and the load balancers are not Kubernetes's to make.
              HCLOUD_NETWORK_ROUTES_ENABLED = { value = "false" }
              HCLOUD_LOAD_BALANCERS_ENABLED = { value = "false" }
            }
          })
        }
      })
      "hcloud-csi.yaml" = yamlencode({
        apiVersion = "helm.cattle.io/v1"
        kind       = "HelmChart"
        metadata   = { name = "hcloud-csi", namespace = "kube-system" }
        spec = {
          repo            = "https://charts.hetzner.cloud"
          chart           = "hcloud-csi"
          version         = var.csi_version
          targetNamespace = "kube-system"
        }
      })
    },
    var.manifests,
  )

  manifest_files = [
    for name, content in local.manifests : {
      path        = "/var/lib/rancher/k3s/server/manifests/${name}"
      content     = content
      permissions = "0600"
    }
  ]
}
