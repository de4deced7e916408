variable "name" {
  description = "Name of the network and beginning of every other name."
  type        = string
}

variable "labels" {
  description = "Labels of every object."
  type        = map(string)
  default     = {}
}

variable "cidr" {
  description = "Address range of the private network, /16 to /20. Its second, third and fourth /24 become subnets."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = try(cidrsubnet(var.cidr, 0, 0) == var.cidr && tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "The network is an IPv4 range of /16 to /20 written by its first address, for example 10.0.0.0/16."
  }

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.cidr))
    error_message = "Hetzner networks use private addresses only: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }

  validation {
    condition     = !can(regex("^10\\.4[23]\\.", var.cidr))
    error_message = "10.42.0.0/16 and 10.43.0.0/16 are the ranges of the cluster's pods and services; choose another."
  }
}

variable "network_zone" {
  description = "Hetzner network zone that covers the servers' location."
  type        = string
  default     = "eu-central"
}

variable "admin_ips" {
  description = "Addresses that may reach SSH and the Kubernetes API from outside, in CIDR notation."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.admin_ips : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "Every entry is a range written by its first address, for example 203.0.113.7/32 or 2001:db8::/64."
  }
}
