variable "name" {
  description = "Name of the server, the subject of its certificate and part of the authority's name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9.-]{0,62}[a-z0-9])?$", var.name))
    error_message = "The name is that of a host: at most 64 lower-case letters, digits, dots and dashes."
  }
}

variable "addresses" {
  description = "IP addresses by which clients reach the server."
  type        = list(string)
}

variable "dns_names" {
  description = "Further names by which clients reach the server."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "validity_days" {
  description = "How long both certificates are valid. They are made anew by an apply in the last 60 days, for the next first boot."
  type        = number
  default     = 3650
  nullable    = false

  validation {
    condition     = var.validity_days >= 90
    error_message = "The certificates are valid for at least 90 days: an apply renews them in the last 60."
  }
}
