variable "hcloud_token" {
  description = "API token of the Hetzner Cloud project. Null takes it from HCLOUD_TOKEN."
  type        = string
  default     = null
  sensitive   = true
}

variable "name" {
  description = "Name of the project, beginning of every name: <name>-production."
  type        = string
  default     = "nornos"
}

variable "ssh_public_key" {
  description = "Your public SSH key. Required."
  type        = string
  default     = null
}

variable "admin_ips" {
  description = "Addresses that may reach SSH and the Kubernetes API of the nodes, in CIDR notation."
  type        = list(string)
  default     = []
}

variable "location" {
  description = "Hetzner location in the EU; null for fsn1."
  type        = string
  default     = null
}

variable "server_types" {
  description = "Hetzner server types of the size classes small, medium, large and xlarge; null for the stack's defaults."
  type        = map(string)
  default     = null
}

variable "control_planes" {
  description = "Control planes: how many (1 or 3) and of which size."
  type = object({
    count = optional(number, 3)
    size  = optional(string, "medium")
  })
  default  = {}
  nullable = false
}

variable "workers" {
  description = "Workers: how many and of which size."
  type = object({
    count = optional(number, 3)
    size  = optional(string, "large")
  })
  default  = {}
  nullable = false
}

variable "agents" {
  description = "Agent workers: how many and of which size."
  type = object({
    count = optional(number, 3)
    size  = optional(string, "large")
  })
  default  = {}
  nullable = false
}

variable "postgres" {
  description = "PostgreSQL: size of the server, size of its volume in GB, and release; null for 16, which Ubuntu 24.04 has."
  type = object({
    size        = optional(string, "xlarge")
    volume_size = optional(number, 500)
    version     = optional(number)
  })
  default  = {}
  nullable = false
}

variable "redis" {
  description = "Redis: size of the server."
  type = object({
    size = optional(string, "medium")
  })
  default  = {}
  nullable = false
}

variable "k3s" {
  description = "Release of k3s (version), mirror, sha256 of the binary, and whether to install it at first boot (install)."
  type = object({
    version = optional(string)
    mirror  = optional(string)
    sha256  = optional(string)
    install = optional(bool)
  })
  default = null
}

variable "private_nodes" {
  description = "Whether nodes and databases have no public address and reach the internet through a gateway, over which administrators reach them."
  type        = bool
  default     = false
}

variable "api_names" {
  description = "Further names and addresses by which you reach the Kubernetes API, for its certificate."
  type        = list(string)
  default     = []
}

variable "kubernetes_hcloud_token" {
  description = "API token for the cluster's cloud controller and volume driver, another than hcloud_token; null installs neither."
  type        = string
  default     = null
  sensitive   = true
}

variable "etcd_object_storage" {
  description = "Object storage for etcd's snapshots: endpoint without scheme, region, bucket, keys. Null keeps them on the control planes only."
  type = object({
    endpoint   = string
    region     = string
    bucket     = string
    folder     = optional(string)
    access_key = string
    secret_key = string
  })
  default   = null
  sensitive = true
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
}
