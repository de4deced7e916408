variable "name" {
  description = "Name of the firewall."
  type        = string
}

variable "labels" {
  description = "Labels of the firewall."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "web_ports" {
  description = "TCP ports that Cloudflare's addresses may reach, and nobody else."
  type        = list(string)
  default     = ["80", "443"]
  nullable    = false

  validation {
    condition     = alltrue([for port in var.web_ports : can(regex("^[0-9]+(-[0-9]+)?$", port))])
    error_message = "Every port is a number or a range, for example \"443\" or \"8000-8010\"."
  }
}

variable "admin_cidrs" {
  description = "Ranges that may connect by SSH. With none there is no SSH rule at all."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.admin_cidrs : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "Every entry is a range written by its first address, for example 203.0.113.7/32 or 2001:db8::/64."
  }
}

variable "extra_rules" {
  description = "Further inbound rules: port (null for ICMP, ESP and GRE), protocol, ranges, and what they are for. A rule without ranges is left out."
  type = list(object({
    description = string
    protocol    = optional(string, "tcp")
    port        = optional(string)
    cidrs       = list(string)
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for rule in var.extra_rules : contains(["tcp", "udp", "icmp", "esp", "gre"], rule.protocol)])
    error_message = "A protocol is tcp, udp, icmp, esp or gre."
  }

  validation {
    condition     = alltrue([for rule in var.extra_rules : contains(["tcp", "udp"], rule.protocol) == (rule.port != null)])
    error_message = "A rule of tcp or udp has a port, and no other rule has one."
  }

  validation {
    condition     = alltrue([for cidr in flatten(var.extra_rules[*].cidrs) : try(cidrsubnet(cidr, 0, 0) == cidr, false)])
    error_message = "Every range is written by its first address, for example 203.0.113.7/32 or 2001:db8::/64."
  }
}
