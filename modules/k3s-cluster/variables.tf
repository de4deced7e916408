variable "name" {
  description = "Beginning of every name."
  type        = string
}

variable "labels" {
  description = "Labels of every object at Hetzner."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "label_prefix" {
  description = "Prefix of the labels that the module itself gives to Kubernetes nodes."
  type        = string
  default     = "k3s-cluster"
  nullable    = false
}

variable "location" {
  description = "Hetzner location of the nodes."
  type        = string
}

variable "image" {
  description = "System image of the nodes, of Debian or Ubuntu."
  type        = string
  default     = "ubuntu-24.04"
  nullable    = false
}

variable "network" {
  description = "Network of the cluster: its id, the range of the nodes' subnet, and with several control planes the subnet's id and the address in it for the API's load balancer."
  type = object({
    id            = string
    nodes_cidr    = string
    api_subnet_id = optional(string)
    api_address   = optional(string)
  })

  validation {
    condition     = var.control_planes.count == 1 || can(cidrhost("${var.network.api_address}/32", 0))
    error_message = "Several control planes have their API behind a load balancer: set network.api_address and network.api_subnet_id."
  }

  # Apart from the address, since an id that is not known yet would leave both open.
  validation {
    condition     = var.control_planes.count == 1 || var.network.api_subnet_id != null
    error_message = "Several control planes have their API behind a load balancer: set network.api_subnet_id to the subnet of network.api_address."
  }
}

variable "gateway" {
  description = "Address of the network's gateway: nodes then have no public address and reach the internet through a NAT gateway. Null gives them public addresses."
  type        = string
  default     = null
}

variable "bastion" {
  description = "Name of the server over which administrators reach nodes without a public address."
  type        = string
  default     = null
}

variable "admin_ips" {
  description = "Addresses that may reach SSH and the Kubernetes API of nodes with public addresses, in CIDR notation. Empty for nobody."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.admin_ips : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "Every entry is a range written by its first address, for example 203.0.113.7/32 or 2001:db8::/64."
  }
}

variable "ssh_key_ids" {
  description = "Ids of the SSH keys of root."
  type        = list(string)
}

variable "control_planes" {
  description = "Machines that run the Kubernetes API and etcd: how many, of which server type, the number of the first one's address in the nodes' subnet, labels and taints."
  type = object({
    count       = number
    server_type = string
    first_host  = optional(number, 10)
    labels      = optional(map(string), {})
    taints      = optional(list(string), ["CriticalAddonsOnly=true:NoExecute"])
  })

  validation {
    condition     = contains([1, 3], var.control_planes.count)
    error_message = "A cluster has 1 control plane, or 3 to survive the loss of one: etcd needs an odd number."
  }
}

variable "pools" {
  description = "Machines that run pods, by the pool's name: how many, of which server type, the number of the first one's address in the nodes' subnet, labels, taints, and whether the ingress runs on them."
  type = map(object({
    count       = number
    server_type = string
    first_host  = number
    labels      = optional(map(string), {})
    taints      = optional(list(string), [])
    ingress     = optional(bool, false)
  }))

  validation {
    condition     = alltrue([for name in keys(var.pools) : name != "control" && can(regex("^[a-z][a-z0-9-]*$", name))])
    error_message = "The name of a pool is lower-case letters, digits and dashes, and not \"control\"."
  }

  validation {
    condition     = alltrue([for pool in values(var.pools) : pool.count >= 0 && pool.count <= 90 && floor(pool.count) == pool.count])
    error_message = "A pool has 0 to 90 machines."
  }

  validation {
    condition = length(distinct(flatten([
      for pool in concat([{ count = var.control_planes.count, first_host = var.control_planes.first_host }], values(var.pools)) :
      [for index in range(pool.count) : pool.first_host + index]
    ]))) == var.control_planes.count + sum(concat([0], [for pool in values(var.pools) : pool.count]))
    error_message = "Two pools meet: choose their first_host so that every machine has an address of its own."
  }

  validation {
    condition     = var.control_planes.count + sum(concat([0], [for pool in values(var.pools) : pool.count])) <= 95
    error_message = "A Hetzner network takes 100 members, load balancers, databases and gateway among them: use at most 95 nodes."
  }

  validation {
    condition     = anytrue([for pool in values(var.pools) : pool.ingress && pool.count > 0])
    error_message = "At least one machine is in a pool with ingress = true."
  }
}

variable "api_names" {
  description = "Further names and addresses by which the API is reached, for its certificate. Private addresses, the load balancer's and each control plane's own public address are in it anyway."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "cluster_cidr" {
  description = "Address range of pods."
  type        = string
  default     = "10.42.0.0/16"
  nullable    = false
}

variable "service_cidr" {
  description = "Address range of services."
  type        = string
  default     = "10.43.0.0/16"
  nullable    = false
}

variable "ingress_proxy_address" {
  description = "Private address of the load balancer before the ingress, whose PROXY protocol is believed. Null if it speaks none."
  type        = string
  default     = null
}

variable "k3s_version" {
  description = "Release of k3s. One that the module does not know needs k3s_sha256 too."
  type        = string
  default     = "v1.36.4+k3s1"
  nullable    = false

  validation {
    condition     = can(regex("^v1\\.[0-9]+\\.[0-9]+\\+k3s[0-9]+$", var.k3s_version))
    error_message = "A release of k3s is written like v1.36.4+k3s1."
  }

  validation {
    condition     = var.k3s_sha256 != null || contains(keys(local.known_releases), var.k3s_version)
    error_message = "Releases are pinned by checksum, and the one of ${var.k3s_version} is not known here: set k3s_sha256 to what sha256sum-amd64.txt of the release says about k3s."
  }
}

variable "k3s_mirror" {
  description = "Where the releases of k3s are: below it, one directory a release."
  type        = string
  default     = "https://github.com/k3s-io/k3s/releases/download"
  nullable    = false

  validation {
    condition     = can(regex("^https?://[^\\s]+[^/]$", var.k3s_mirror))
    error_message = "The mirror is a URL without a slash at its end."
  }
}

variable "k3s_sha256" {
  description = "SHA-256 of the k3s binary of that release for the nodes' architecture; null for what the module knows."
  type        = string
  default     = null

  validation {
    condition     = var.k3s_sha256 == null ? true : can(regex("^[0-9a-f]{64}$", var.k3s_sha256))
    error_message = "A SHA-256 has 64 hexadecimal digits in lower case."
  }
}

variable "install_k3s" {
  description = "Whether the nodes install k3s at first boot. Without it they are prepared and wait: for networks that reach no mirror."
  type        = bool
  default     = true
  nullable    = false
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
  nullable    = false
}

variable "etcd_snapshots" {
  description = "When the control planes keep a snapshot of etcd on their disk, as a cron schedule in UTC, and how many."
  type = object({
    schedule = optional(string, "0 */6 * * *")
    keep     = optional(number, 28)
  })
  default  = {}
  nullable = false
}

variable "etcd_object_storage" {
  description = "S3-compatible object storage to which etcd's snapshots are copied: endpoint without scheme, region, bucket, folder and keys. Null for none."
  type = object({
    endpoint   = string
    region     = string
    bucket     = string
    folder     = optional(string, "etcd")
    access_key = string
    secret_key = string
  })
  default   = null
  sensitive = true
}

variable "audit_policy" {
  description = "Audit policy of the API, as YAML; null for the module's, which logs metadata and never contents."
  type        = string
  default     = null
}

variable "cloud_token" {
  description = "Hetzner API token for the cloud controller and the CSI driver; null installs neither. Use a token of its own: pods can come to hold it."
  type        = string
  default     = null
  sensitive   = true
}

variable "cloud_controller_version" {
  description = "Version of the chart of Hetzner's cloud controller."
  type        = string
  default     = "1.34.0"
  nullable    = false
}

variable "csi_version" {
  description = "Version of the chart of Hetzner's CSI driver."
  type        = string
  default     = "2.22.0"
  nullable    = false
}

variable "manifests" {
  description = "Further manifests that the first control plane deploys, by file name: for example the system-upgrade-controller. They are part of the user data, so small ones only."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.manifests) : can(regex("^[a-z0-9][a-z0-9.-]*\\.yaml$", name))])
    error_message = "The name of a manifest is a file name that ends in .yaml."
  }
}
