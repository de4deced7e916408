variable "environment" {
  description = "Name of the environment, part of every name: <name>-<environment>."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.environment))
    error_message = "The environment is 2 to 32 lower-case letters, digits and dashes, and begins with a letter."
  }
}

variable "name" {
  description = "Name of the project, beginning of every name: <name>-<environment>."
  type        = string
  default     = "nornos"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$", var.name))
    error_message = "The name is 1 to 24 lower-case letters, digits and dashes, and begins with a letter."
  }
}

variable "location" {
  description = "Hetzner location of everything. Health data stays in the EU."
  type        = string
  default     = "fsn1"
  nullable    = false

  validation {
    condition     = contains(local.eu_locations, var.location)
    error_message = "Health data stays in the EU: the location is one of ${join(", ", local.eu_locations)}."
  }
}

variable "image" {
  description = "System image of nodes and gateway."
  type        = string
  default     = "ubuntu-24.04"
  nullable    = false
}

variable "network_cidr" {
  description = "Address range of the private network, /16 to /20. Its second to fifth /24 become subnets."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = try(cidrsubnet(var.network_cidr, 0, 0) == var.network_cidr && tonumber(split("/", var.network_cidr)[1]) >= 16 && tonumber(split("/", var.network_cidr)[1]) <= 20, false)
    error_message = "The network is an IPv4 range of /16 to /20 written by its first address, for example 10.0.0.0/16."
  }

  validation {
    condition     = !can(regex("^10\\.4[23]\\.", var.network_cidr))
    error_message = "10.42.0.0/16 and 10.43.0.0/16 are the ranges of the cluster's pods and services; choose another."
  }
}

variable "private_nodes" {
  description = "Whether nodes and databases have no public address: a gateway then leads them to the internet, and administrators to them."
  type        = bool
  default     = false
  nullable    = false
}

variable "api_names" {
  description = "Further names and addresses by which administrators reach the Kubernetes API, for its certificate."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "kubernetes_hcloud_token" {
  description = "Hetzner API token for the cluster's own use, by cloud controller and volume driver; null installs neither."
  type        = string
  default     = null
  sensitive   = true
}

variable "etcd_object_storage" {
  description = "Object storage to which etcd's snapshots are copied: endpoint without scheme, region, bucket, keys. Null keeps them on the control planes only."
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

variable "ssh_public_key" {
  description = "Public SSH key of the administrators, in the form of an authorized_keys line."
  type        = string
  default     = null

  validation {
    condition     = var.generate_ssh_key || var.ssh_public_key != null
    error_message = "This environment needs your public SSH key: set ssh_public_key in terraform.tfvars to the line in ~/.ssh/id_ed25519.pub (make one with: ssh-keygen -t ed25519)."
  }

  validation {
    condition     = var.ssh_public_key == null ? true : can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com) [A-Za-z0-9+/]+={0,3}( .*)?$", trimspace(var.ssh_public_key)))
    error_message = "This is no public SSH key. It is one line that begins with ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256; a private key has no place here."
  }
}

variable "generate_ssh_key" {
  description = "Whether to generate a key when ssh_public_key is null. The private key is then in the state: for trials only."
  type        = bool
  default     = false
  nullable    = false
}

variable "admin_ips" {
  description = "Addresses that may reach SSH and the Kubernetes API from outside, in CIDR notation; with private_nodes, SSH on the gateway."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "server_types" {
  description = "Hetzner server types of the size classes: small has 2 vCPU and 4 GB, medium 4 and 8, large 8 and 16, xlarge 16 and 32. Give another line where this one is sold out, for example cpx22, cpx32, cpx42, cpx62."
  type = object({
    small  = optional(string, "cx23")
    medium = optional(string, "cx33")
    large  = optional(string, "cx43")
    xlarge = optional(string, "cx53")
  })
  default  = {}
  nullable = false
}

variable "machines" {
  description = "How many machines of which size class: control planes (1 or 3), workers, agent workers, PostgreSQL (and its release) and Redis."
  type = object({
    control_planes = object({ count = number, size = string })
    workers        = object({ count = number, size = string })
    agents         = object({ count = number, size = string })
    postgres       = object({ size = string, version = optional(number) })
    redis          = object({ size = string })
  })

  validation {
    condition     = alltrue([for machine in values(var.machines) : contains(["small", "medium", "large", "xlarge"], machine.size)])
    error_message = "A size is small, medium, large or xlarge."
  }
}

variable "postgres_volume_size" {
  description = "Size of PostgreSQL's volume in GB. It can grow later, never shrink."
  type        = number
}

variable "load_balancer_type" {
  description = "Hetzner load balancer type; null for lb11."
  type        = string
  default     = null
}

variable "database_backups" {
  description = "Whether Hetzner backs up the database servers daily, at 20 % of their price. It does not include volumes."
  type        = bool
  default     = false
  nullable    = false
}

variable "k3s" {
  description = "Release of k3s, the mirror to fetch it from, its SHA-256, and whether to install it at first boot."
  type = object({
    version = optional(string)
    mirror  = optional(string)
    sha256  = optional(string)
    install = optional(bool)
  })
  default  = {}
  nullable = false
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
}
