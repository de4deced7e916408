variable "name" {
  description = "Name of the server and of its firewall."
  type        = string
}

variable "labels" {
  description = "Labels of the server and its firewall."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "location" {
  description = "Hetzner location of the server."
  type        = string
}

variable "server_type" {
  description = "Hetzner server type. The smallest is enough for most: what counts is bandwidth."
  type        = string
  default     = "cx23"
  nullable    = false
}

variable "image" {
  description = "System image, of Debian or Ubuntu."
  type        = string
  default     = "ubuntu-24.04"
  nullable    = false
}

variable "network" {
  description = "Private network whose machines it serves: id and address range."
  type = object({
    id   = string
    cidr = string
  })
}

variable "address" {
  description = "Private address of the gateway, in a subnet of that network."
  type        = string
}

variable "ssh_key_ids" {
  description = "Ids of the SSH keys of root."
  type        = list(string)
}

variable "admin_ips" {
  description = "Addresses from which administrators reach SSH on the gateway, and by way of it everything else, in CIDR notation. Empty for nobody."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.admin_ips : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "Every entry is a range written by its first address, for example 203.0.113.7/32 or 2001:db8::/64."
  }
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
  nullable    = false
}
