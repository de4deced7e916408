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
  default     = "consult"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$", var.name))
    error_message = "The name is 1 to 24 lower-case letters, digits and dashes, and begins with a letter."
  }
}

variable "location" {
  description = "Hetzner location of the server and its volume. The network's zone follows from it."
  type        = string
  default     = "hil"
  nullable    = false
}

variable "server_type" {
  description = "Hetzner server type. The default is the cheapest in hil with at least 2 vCPU and 4 GB, by the prices of 2026-09-29."
  type        = string
  default     = "cpx21"
  nullable    = false
}

variable "image" {
  description = "System image of the server."
  type        = string
  default     = "ubuntu-24.04"
  nullable    = false
}

variable "network_cidr" {
  description = "Address range of the private network."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = try(tonumber(split("/", var.network_cidr)[1]) <= 16 && cidrsubnet(var.network_cidr, 0, 0) == var.network_cidr, false)
    error_message = "The network is an IPv4 range of /16 or larger written by its first address, for example 10.0.0.0/16."
  }
}

variable "volume_size" {
  description = "Size of the data volume in GB. It can grow later, never shrink."
  type        = number
  default     = 20
  nullable    = false
}

variable "ssh_public_key" {
  description = "Public SSH key of the administrator, in the form of an authorized_keys line."
  type        = string
  default     = null
}

variable "generate_ssh_key" {
  description = "Whether to generate a key when ssh_public_key is null. The private key is then in the state: for trials only."
  type        = bool
  default     = false
  nullable    = false
}

variable "deploy_ssh_public_key" {
  description = "Second public SSH key, for automatic deployments; null for none."
  type        = string
  default     = null
}

variable "admin_ssh_ips" {
  description = "Addresses that may connect by SSH, in CIDR notation. With none there is no SSH rule at all."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "app_port_ips" {
  description = "Addresses that may reach the application on port 8000 without Cloudflare. With none there is no such rule."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
  nullable    = false
}

variable "reboot_at" {
  description = "Time of day (UTC, HH:MM) at which the server may reboot when a security upgrade asks for it; null to reboot it yourself."
  type        = string
  default     = null
}

variable "install_docker" {
  description = "Whether to install Docker and Compose. Switch it off where their packages cannot be reached."
  type        = bool
  default     = true
  nullable    = false
}

variable "docker_source" {
  description = "Where Docker and Compose come from: \"distribution\" or \"docker\", Docker's own repository."
  type        = string
  default     = "distribution"
  nullable    = false
}

variable "docker_settings" {
  description = "Settings of the Docker daemon to add to the host's own."
  type        = any
  default     = {}
  nullable    = false
}

variable "registry_login" {
  description = "Account at a private registry, for the images of the application; null for none."
  type = object({
    server   = string
    username = string
    password = string
  })
  default   = null
  sensitive = true
}

variable "install_doppler" {
  description = "Whether to install the Doppler command line at first boot; null does so when there is a doppler_token."
  type        = bool
  default     = null
}

variable "doppler_token" {
  description = "Doppler service token of this environment; null when the secrets come from /etc/consult/consult.env."
  type        = string
  default     = null
  sensitive   = true
}

variable "app_environment" {
  description = "Environment variables of the application, secrets too, for /etc/consult/consult.env of a new server."
  type        = map(string)
  default     = {}
  nullable    = false
  sensitive   = true
}

variable "health_check_seconds" {
  description = "How long a deployment waits for the application to be well before it rolls back."
  type        = number
  default     = 60
  nullable    = false
}

variable "dns_zone" {
  description = "Zone at Hetzner DNS to put A and AAAA records of the server into: its name or id, the names in it (\"@\" for the zone itself) and their TTL in seconds; null for none. The zone must be there."
  type = object({
    zone  = string
    names = optional(list(string), ["@"])
    ttl   = optional(number, 300)
  })
  default = null

  validation {
    condition     = var.dns_zone == null ? true : length(var.dns_zone.names) == length(distinct(var.dns_zone.names)) && alltrue([for name in var.dns_zone.names : can(regex("^(@|(\\*\\.)?[a-z0-9_]([a-z0-9._-]*[a-z0-9])?)$", name))])
    error_message = "Names are those within the zone, each once: \"@\" for the zone itself, \"www\", \"*.app\"; in lower case and without a dot at the end."
  }
}
