variable "hcloud_token" {
  description = "API token of the Hetzner Cloud project. Null takes it from HCLOUD_TOKEN."
  type        = string
  default     = null
  sensitive   = true
}

variable "name" {
  description = "Name of the server, and beginning of every other name."
  type        = string
  default     = "example"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$", var.name))
    error_message = "A name begins with a letter, goes on with letters, digits and hyphens, all lower case, and has 24 characters at most."
  }
}

variable "location" {
  description = "Hetzner location."
  type        = string
  default     = "fsn1"
  nullable    = false
}

variable "server_type" {
  description = "Hetzner server type, which must be offered in the location."
  type        = string
  default     = "cx23"
  nullable    = false
}

variable "ssh_public_key" {
  description = "Your public SSH key; null generates one, see the output ssh_private_key."
  type        = string
  default     = null

  validation {
    condition     = var.ssh_public_key == null || can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp256) [A-Za-z0-9+/]+=*( .*)?$", trimspace(var.ssh_public_key)))
    error_message = "This is no public SSH key. It is one line that begins with ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256; a private key has no place here."
  }
}

variable "admin_ips" {
  description = "Addresses that may connect by SSH, in CIDR notation. Without one nobody can."
  type        = list(string)
  default     = []
  nullable    = false
}
