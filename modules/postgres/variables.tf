variable "name" {
  description = "Name of the server; its volume and certificate carry it too."
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
    condition     = !contains(["apt", "postgresql", "ssh", "ssl", "systemd"], var.stack)
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
  description = "Hetzner location of the server and its volume."
  type        = string
}

variable "server_type" {
  description = "Hetzner server type. PostgreSQL's memory and connections are computed from its memory and cores."
  type        = string
}

variable "image" {
  description = "System image, a Debian or an Ubuntu. Its archive must have the release of PostgreSQL: Ubuntu 24.04 has 16, Debian 12 has 15."
  type        = string
  default     = "ubuntu-24.04"
  nullable    = false
}

variable "postgres_version" {
  description = "Release of PostgreSQL, 15 or newer. A release that is not the one on the volume is refused at first boot."
  type        = number
  default     = 16
  nullable    = false

  validation {
    condition     = var.postgres_version >= 15 && var.postgres_version <= 30 && floor(var.postgres_version) == var.postgres_version
    error_message = "The release is a whole number from 15 on, for example 16."
  }
}

variable "database" {
  description = "Name of the database."
  type        = string
  default     = "nornos"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_]{0,38}$", var.database)) && !contains(["postgres", "template0", "template1"], var.database)
    error_message = "The database's name has at most 39 lower-case letters, digits and underscores, begins with a letter, and is none of PostgreSQL's own. It is short because a restore keeps the old database under a longer name."
  }
}

variable "owner" {
  description = "Name of the database's owner, as whom applications log in. It is no superuser."
  type        = string
  default     = "nornos_admin"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_]{0,62}$", var.owner)) && !can(regex("^(pg_.*|postgres|prometheus|public)$", var.owner))
    error_message = "The owner's name has at most 63 lower-case letters, digits and underscores, begins with a letter, and is neither PostgreSQL's own nor the exporter's."
  }
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
    error_message = "The address is an IPv4 address, for example 10.0.2.10."
  }
}

variable "client_cidr" {
  description = "The only range from which PostgreSQL and its metrics are reached, such as the subnet of the Kubernetes nodes."
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

variable "volume_size" {
  description = "Size of the volume in GB: database, WAL archive and backups together. It can grow, never shrink."
  type        = number

  validation {
    condition     = var.volume_size >= 10 && var.volume_size <= 10240 && floor(var.volume_size) == var.volume_size
    error_message = "Hetzner volumes have 10 to 10240 GB, in whole numbers."
  }
}

variable "volume_delete_protection" {
  description = "Whether the volume is protected from deletion, also from destroy: it has to be switched off first."
  type        = bool
  default     = false
  nullable    = false
}

variable "slow_query_ms" {
  description = "Statements that run for longer are logged, in milliseconds; -1 logs none. Parameters never are, but values that an application writes into its statements would be: then use -1 and pg_stat_statements, which has statements without values."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.slow_query_ms == -1 || var.slow_query_ms >= 100
    error_message = "The limit is 100 milliseconds or more, so that not every statement is logged; -1 logs none."
  }
}

variable "backup" {
  description = "Backups on the volume: when, as a calendar event of systemd with its zone; days with a dump that are kept; days back to which a point in time can be restored, 0 for none."
  type = object({
    schedule           = optional(string, "*-*-* 03:00:00 Europe/Berlin")
    keep_days          = optional(number, 7)
    point_in_time_days = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^[A-Za-z0-9*/:.,~ -]+[A-Za-z/]+$", var.backup.schedule))
    error_message = "The schedule is a calendar event of systemd that ends with a zone, for example \"*-*-* 03:00:00 Europe/Berlin\"."
  }

  validation {
    condition     = var.backup.keep_days >= 1 && var.backup.keep_days <= 366 && floor(var.backup.keep_days) == var.backup.keep_days
    error_message = "Dumps are kept for 1 to 366 days, in whole days."
  }

  validation {
    condition     = var.backup.point_in_time_days >= 0 && var.backup.point_in_time_days <= 35 && floor(var.backup.point_in_time_days) == var.backup.point_in_time_days
    error_message = "A point in time can be restored from 0 to 35 days back, in whole days."
  }
}

variable "backup_target" {
  description = "Where backups are copied to: the outputs files, packages and keep_days of modules/backup-target, made with directory = \"/etc/<stack>\". Null copies them nowhere."
  type = object({
    files = list(object({
      path        = string
      content     = string
      permissions = string
      owner       = string
    }))
    packages  = list(string)
    keep_days = number
  })
  default   = null
  sensitive = true
}

variable "server_backups" {
  description = "Whether Hetzner backs up the server's own disk daily, at 20 % of its price. It does not include the volume."
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
