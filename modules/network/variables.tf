variable "name" {
  description = "Name of the network."
  type        = string
}

variable "labels" {
  description = "Labels of the network."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "cidr" {
  description = "Address range of the network, inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false)
    error_message = "The network is an IPv4 range written by its first address, for example 10.0.0.0/16."
  }

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.cidr))
    error_message = "Hetzner networks use private addresses only: 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }
}

variable "network_zone" {
  description = "Hetzner network zone of the subnets: the one of the servers' location."
  type        = string
  default     = "eu-central"
  nullable    = false
}

variable "subnets" {
  description = "Address ranges of the subnets, by a name of your choice. The network's first address is its gateway and is never given to a server."
  type        = map(string)

  validation {
    condition     = alltrue([for cidr in values(var.subnets) : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "Every subnet is an IPv4 range written by its first address, for example 10.0.1.0/24."
  }

  validation {
    condition = alltrue([
      for cidr in values(var.subnets) : try(
        tonumber(split("/", cidr)[1]) >= tonumber(split("/", var.cidr)[1]) &&
        cidrhost("${cidrhost(cidr, 0)}/${split("/", var.cidr)[1]}", 0) == cidrhost(var.cidr, 0), false
      )
    ])
    error_message = "Every subnet lies within the network's range ${var.cidr}."
  }
}

variable "routes" {
  description = "Routes of the network: destination range to the address of the server that is the way there, for example 0.0.0.0/0 to a NAT gateway."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for destination, gateway in var.routes : can(cidrsubnet(destination, 0, 0)) && can(cidrhost("${gateway}/32", 0))])
    error_message = "A route is a range and an IPv4 address, for example \"0.0.0.0/0\" = \"10.0.4.2\"."
  }
}
