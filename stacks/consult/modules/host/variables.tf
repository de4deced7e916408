variable "environment" {
  description = "Name of the environment, part of every name: consult-<environment>."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.environment))
    error_message = "The environment is 2 to 32 lower-case letters, digits and dashes, and begins with a letter."
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

  validation {
    condition     = var.volume_size >= 10 && var.volume_size <= 10240 && floor(var.volume_size) == var.volume_size
    error_message = "Hetzner volumes have 10 to 10240 GB, in whole numbers."
  }
}

variable "ssh_public_key" {
  description = "Public SSH key of the administrator, in the form of an authorized_keys line."
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

variable "deploy_ssh_public_key" {
  description = "Second public SSH key, for automatic deployments; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.deploy_ssh_public_key == null ? true : can(regex("^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}( .*)?$", trimspace(var.deploy_ssh_public_key)))
    error_message = "This is no public SSH key: one line that begins with ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256."
  }
}

variable "admin_ssh_ips" {
  description = "Addresses that may connect by SSH, in CIDR notation. With none there is no SSH rule at all."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.admin_ssh_ips : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "Every entry is a range written by its first address, for example 203.0.113.7/32 or 2001:db8::/64."
  }
}

variable "app_port_ips" {
  description = "Addresses that may reach the application on port 8000 without Cloudflare. With none there is no such rule."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.app_port_ips : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "Every entry is a range written by its first address, for example 203.0.113.7/32 or 2001:db8::/64."
  }
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
  nullable    = false
}

variable "install_docker" {
  description = "Whether to install Docker and Compose from the distribution. Switch it off where its packages cannot be reached."
  type        = bool
  default     = true
  nullable    = false
}

variable "install_doppler" {
  description = "Whether to install the Doppler command line. Without it the service reads /etc/consult/consult.env."
  type        = bool
  default     = true
  nullable    = false
}

variable "doppler_token" {
  description = "Doppler service token of this environment; null when the secrets come from /etc/consult/consult.env."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.doppler_token == null ? true : can(regex("^[A-Za-z0-9._-]+$", var.doppler_token))
    error_message = "A Doppler token has letters, digits, dots, dashes and underscores only; check that it was copied whole and without quotes."
  }
}
