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
  description = "Hetzner location of the nodes and the load balancer."
  type        = string
}

variable "image" {
  description = "System image of the nodes."
  type        = string
  default     = "ubuntu-24.04"
  nullable    = false
}

variable "network" {
  description = "Network of the cluster: its id and range, and the subnets of the nodes and of the load balancer."
  type = object({
    id                   = string
    cidr                 = string
    nodes_cidr           = string
    load_balancer_subnet = object({ id = string, cidr = string })
  })
}

variable "firewall_ids" {
  description = "Ids of the firewalls of every node."
  type        = list(string)
}

variable "ssh_key_ids" {
  description = "Ids of the SSH keys of root."
  type        = list(string)
}

variable "control_planes" {
  description = "Machines that run the Kubernetes API and etcd."
  type = object({
    count       = number
    server_type = string
  })

  validation {
    condition     = contains([1, 3], var.control_planes.count)
    error_message = "A cluster has 1 control plane, or 3 to survive the loss of one: etcd needs an odd number."
  }
}

variable "workers" {
  description = "Machines that run the services and receive the load balancer's traffic."
  type = object({
    count       = number
    server_type = string
  })

  validation {
    condition     = var.workers.count >= 1 && var.workers.count <= 50 && floor(var.workers.count) == var.workers.count
    error_message = "A cluster has 1 to 50 workers."
  }
}

variable "agents" {
  description = "Machines for the agent service alone, tainted so that nothing else is placed on them."
  type = object({
    count       = number
    server_type = string
  })

  validation {
    condition     = var.agents.count >= 0 && var.agents.count <= 45 && floor(var.agents.count) == var.agents.count
    error_message = "A cluster has 0 to 45 agent workers."
  }

  validation {
    condition     = var.control_planes.count + var.workers.count + var.agents.count <= 98
    error_message = "A Hetzner network takes 100 servers, the two databases among them: use at most 98 nodes."
  }
}

variable "load_balancer_type" {
  description = "Hetzner load balancer type."
  type        = string
  default     = "lb11"
  nullable    = false

  validation {
    condition     = contains(keys(local.load_balancer_targets), var.load_balancer_type)
    error_message = "The load balancer type is one of ${join(", ", sort(keys(local.load_balancer_targets)))}."
  }
}

variable "proxy_protocol" {
  description = "Whether the load balancer passes the client's address on by the PROXY protocol. The ingress must then expect it."
  type        = bool
  default     = false
  nullable    = false
}

variable "k3s_version" {
  description = "Release of k3s."
  type        = string
  default     = "v1.34.1+k3s1"
  nullable    = false

  validation {
    condition     = can(regex("^v1\\.[0-9]+\\.[0-9]+\\+k3s[0-9]+$", var.k3s_version))
    error_message = "A release of k3s is written like v1.34.1+k3s1."
  }
}

variable "k3s_mirror" {
  description = "Where the releases of k3s are: below it, one directory a release."
  type        = string
  default     = "https://github.com/k3s-io/k3s/releases/download"
  nullable    = false

  validation {
    condition     = can(regex("^https?://[^\\s]+[^/]$", var.k3s_mirror))
    error_message = "The mirror is a URL without a slash at its end."
  }
}

variable "k3s_sha256" {
  description = "SHA-256 of the k3s binary of that release for the nodes' architecture. Null trusts the list that lies beside it."
  type        = string
  default     = null

  validation {
    condition     = var.k3s_sha256 == null ? true : can(regex("^[0-9a-f]{64}$", var.k3s_sha256))
    error_message = "A SHA-256 has 64 hexadecimal digits in lower case."
  }
}

variable "install_k3s" {
  description = "Whether the nodes install k3s at first boot. Without it they are prepared and wait: for networks that reach no mirror."
  type        = bool
  default     = true
  nullable    = false
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
  nullable    = false
}
