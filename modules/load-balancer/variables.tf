variable "name" {
  description = "Name of the load balancer."
  type        = string
}

variable "labels" {
  description = "Labels of the load balancer."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "location" {
  description = "Hetzner location of the load balancer."
  type        = string
}

variable "type" {
  description = "Hetzner load balancer type: lb11 takes 25 targets and 5 services, lb21 75 and 15, lb31 150 and 30."
  type        = string
  default     = "lb11"
  nullable    = false

  validation {
    condition     = contains(["lb11", "lb21", "lb31"], var.type)
    error_message = "The load balancer type is one of lb11, lb21, lb31."
  }
}

variable "algorithm" {
  description = "How connections are shared out: round_robin or least_connections."
  type        = string
  default     = "least_connections"
  nullable    = false

  validation {
    condition     = contains(["round_robin", "least_connections"], var.algorithm)
    error_message = "The algorithm is round_robin or least_connections."
  }
}

variable "subnet_id" {
  description = "Id of the subnet in which the load balancer has its private address."
  type        = string
}

variable "private_address" {
  description = "Private address of the load balancer, in that subnet. Null lets Hetzner choose."
  type        = string
  default     = null
}

variable "public" {
  description = "Whether the load balancer is reachable from the internet. Without it, it answers in the private network only."
  type        = bool
  default     = true
  nullable    = false
}

variable "services" {
  description = "TCP services by a name of your choice: the port it listens at, the port of the targets (null for the same), whether the client's address is handed on by the PROXY protocol, and how targets are checked (a path makes it an HTTP request, tls an HTTPS one, whose certificate is not verified; intervals in seconds)."
  type = map(object({
    listen_port      = number
    destination_port = optional(number)
    proxy_protocol   = optional(bool, false)
    health_check = optional(object({
      port         = optional(number)
      interval     = optional(number, 10)
      timeout      = optional(number, 5)
      retries      = optional(number, 3)
      path         = optional(string)
      tls          = optional(bool, false)
      status_codes = optional(list(string), ["2??", "3??"])
    }), {})
  }))

  validation {
    condition     = length(distinct([for service in values(var.services) : service.listen_port])) == length(var.services)
    error_message = "Every service listens at a port of its own."
  }

  validation {
    condition     = alltrue([for service in values(var.services) : service.health_check.timeout <= service.health_check.interval])
    error_message = "A health check's timeout is not longer than its interval."
  }
}

variable "targets" {
  description = "Ids of the servers behind it, by a name of your choice. They are reached at their private addresses, so they have to be in the same network."
  type        = map(string)
}
