variable "hostname" {
  description = "Name of the machine, for the final message in its log."
  type        = string
}

variable "packages" {
  description = "Packages of the distribution to install."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "package_upgrade" {
  description = "Whether to upgrade every installed package at first boot."
  type        = bool
  default     = true
  nullable    = false
}

variable "users" {
  description = "System users to create, without a password and without a login. A uid keeps them owners of their files on a volume that moves to another machine; null lets the system choose."
  type = list(object({
    name = string
    home = string
    uid  = optional(number)
  }))
  default  = []
  nullable = false
}

variable "files" {
  description = "Files to write before any package is installed. Readable by root alone unless permissions say otherwise."
  type = list(object({
    path        = string
    content     = string
    permissions = optional(string, "0600")
    owner       = optional(string, "root:root")
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for file in var.files : can(regex("^0[0-7]{3}$", file.permissions))])
    error_message = "Permissions are four octal digits that begin with 0, for example \"0640\"."
  }

  validation {
    condition     = alltrue([for file in var.files : startswith(file.path, "/")])
    error_message = "Every path must be absolute."
  }
}

variable "ssh_host_key" {
  description = "SSH host key of the machine, an ED25519 pair in OpenSSH form, so that its public part is known before anybody connects; null lets the machine make its own."
  type = object({
    private = string
    public  = string
  })
  default   = null
  sensitive = true
}

variable "private_address" {
  description = "Private address to wait for before the steps run; null when there is none. Hetzner attaches private networks after the machine has started."
  type        = string
  default     = null
}

variable "gateway" {
  description = "Address of the private network's gateway, for a machine without a public address that reaches the internet through a NAT gateway: it becomes the default route, at every boot, and packages are installed once it leads somewhere. Needs private_address. Null for machines with a public address."
  type        = string
  default     = null

  validation {
    condition     = var.gateway == null ? true : can(cidrhost("${var.gateway}/32", 0)) && var.private_address != null
    error_message = "The gateway is an IPv4 address, and a machine that uses it has a private_address."
  }
}

variable "volume" {
  description = "Volume to mount before the steps run: its device below /dev/disk/by-id and the directory to mount it at. Null for none."
  type = object({
    device      = string
    mount_point = string
  })
  default = null
}

variable "steps" {
  description = "Shell commands to run at the end, in order. The first that fails ends the first boot with an error."
  type        = list(string)
  default     = []
  nullable    = false
}
