variable "name" {
  description = "Name of the server; its certificate carries it too."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "The name is that of a host: at most 63 lower-case letters, digits and dashes."
  }
}

variable "stack" {
  description = "Name of the stack: its configuration on the machine lies in /etc/<stack>."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.stack))
    error_message = "The stack's name is at most 31 lower-case letters, digits and dashes, and begins with a letter."
  }

  validation {
    condition     = !contains(["apt", "redis", "ssh", "ssl", "systemd"], var.stack)
    error_message = "The stack's name is that of a directory in /etc that belongs to something else."
  }
}

variable "labels" {
  description = "Labels of every object."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "location" {
  description = "Hetzner location of the server."
  type        = string
}

variable "server_type" {
  description = "Hetzner server type, from 1 core and 2 GB on. Redis's limit of memory and its threads are computed from its memory and cores."
  type        = string
}

variable "image" {
  description = "System image, a Debian or an Ubuntu from 12 and 22.04 on: Redis with TLS and users."
  type        = string
  default     = "ubuntu-24.04"
  nullable    = false
}

variable "subnet" {
  description = "Subnet of the server in its private network: id as of hcloud_network_subnet, and range."
  type        = object({ id = string, cidr = string })
}

variable "address" {
  description = "Private address of the server, in the subnet."
  type        = string

  validation {
    condition     = can(cidrhost("${var.address}/32", 0))
    error_message = "The address is an IPv4 address, for example 10.0.2.20."
  }
}

variable "client_cidr" {
  description = "The only range from which Redis and its metrics are reached, such as the subnet of the Kubernetes nodes."
  type        = string

  validation {
    condition     = try(cidrsubnet(var.client_cidr, 0, 0) == var.client_cidr, false) && !can(regex("/0$", var.client_cidr))
    error_message = "The range is written by its first address, for example 10.0.1.0/24, and is not the whole internet."
  }
}

variable "admin_cidr" {
  description = "The only range from which the machine accepts SSH: the private network."
  type        = string

  validation {
    condition     = try(cidrsubnet(var.admin_cidr, 0, 0) == var.admin_cidr, false)
    error_message = "The range is written by its first address, for example 10.0.0.0/16."
  }
}

variable "gateway" {
  description = "Address of the network's gateway: the server then has no public address and reaches the internet through a NAT gateway, see modules/nat-gateway. Null gives it public addresses."
  type        = string
  default     = null
}

variable "bastion" {
  description = "Name of the server through which administrators log in; null when they reach this one directly. Part of the output contract."
  type        = string
  default     = null
}

variable "firewall_ids" {
  description = "Ids of the server's firewalls. They filter its public addresses; the private network is filtered by the machine itself."
  type        = list(string)
}

variable "placement_group_id" {
  description = "Id of a placement group; null for none."
  type        = string
  default     = null
}

variable "ssh_key_ids" {
  description = "Ids of the SSH keys of root."
  type        = list(string)
}

variable "server_backups" {
  description = "Whether Hetzner backs up the server's disk daily, at 20 % of its price: with it what Redis keeps on the disk."
  type        = bool
  default     = false
  nullable    = false
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
  nullable    = false
}

variable "user" {
  description = "Name of the user as whom applications log in."
  type        = string
  default     = "app"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9_-]{0,31}$", var.user)) && !contains(["admin", "default", "exporter"], var.user)
    error_message = "The user's name has at most 32 lower-case letters, digits, dashes and underscores, begins with a letter, and is none of admin, default and exporter."
  }
}

variable "maxmemory_policy" {
  description = "What happens when the memory is used up: noeviction refuses writes, which queues need; allkeys-lru and allkeys-lfu remove what is used least, for caches; volatile-… remove only keys that have a time to live."
  type        = string
  default     = "noeviction"
  nullable    = false

  validation {
    condition     = contains(["noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"], var.maxmemory_policy)
    error_message = "The policy is noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random or volatile-ttl."
  }
}
