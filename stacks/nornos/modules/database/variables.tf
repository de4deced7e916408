variable "name" {
  description = "Beginning of every name."
  type        = string
}

variable "labels" {
  description = "Labels of every object."
  type        = map(string)
  default     = {}
}

variable "location" {
  description = "Hetzner location of the servers and the volume."
  type        = string
}

variable "image" {
  description = "System image of the servers. Its archive must have the release of PostgreSQL."
  type        = string
  default     = "ubuntu-24.04"
  nullable    = false
}

variable "subnet" {
  description = "Subnet of the databases."
  type        = object({ id = string, cidr = string })
}

variable "admin_cidr" {
  description = "Private range from which the machines accept SSH."
  type        = string
}

variable "client_cidr" {
  description = "The only range that may connect to PostgreSQL and Redis: the subnet of the Kubernetes nodes."
  type        = string
}

variable "firewall_ids" {
  description = "Ids of the firewalls of both servers."
  type        = list(string)
}

variable "ssh_key_ids" {
  description = "Ids of the SSH keys of root."
  type        = list(string)
}

variable "postgres" {
  description = "PostgreSQL: server type, size of its volume in GB, release, and names of the database and of its owner."
  type = object({
    server_type = string
    volume_size = number
    version     = optional(number, 16)
    database    = optional(string, "nornos")
    owner       = optional(string, "nornos_admin")
  })

  validation {
    condition     = var.postgres.volume_size >= 10 && var.postgres.volume_size <= 10240 && floor(var.postgres.volume_size) == var.postgres.volume_size
    error_message = "Hetzner volumes have 10 to 10240 GB, in whole numbers."
  }

  validation {
    condition     = alltrue([for name in [var.postgres.database, var.postgres.owner] : can(regex("^[a-z_][a-z0-9_]{0,62}$", name))])
    error_message = "Names in PostgreSQL have at most 63 lower-case letters, digits and underscores here, and begin with a letter."
  }
}

variable "redis" {
  description = "Redis: server type."
  type = object({
    server_type = string
  })
}

variable "backups" {
  description = "Whether Hetzner backs up the servers daily, at 20 % of their price. It does not include volumes."
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
