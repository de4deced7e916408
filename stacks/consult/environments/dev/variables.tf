variable "hcloud_token" {
  description = "API token of the Hetzner Cloud project. Null takes it from HCLOUD_TOKEN."
  type        = string
  default     = null
  sensitive   = true
}

variable "location" {
  description = "Hetzner location; null for the stack's default, hil."
  type        = string
  default     = null
}

variable "server_type" {
  description = "Hetzner server type; null for the stack's default."
  type        = string
  default     = null
}

variable "ssh_public_key" {
  description = "Your public SSH key; null generates one, see the output ssh_private_key."
  type        = string
  default     = null
}

variable "deploy_ssh_public_key" {
  description = "Public SSH key of the deployment; null for none."
  type        = string
  default     = null
}

variable "admin_ssh_ips" {
  description = "Addresses that may connect by SSH. Open to all by default: this is the development environment."
  type        = list(string)
  default     = ["0.0.0.0/0", "::/0"]
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
}

variable "install_docker" {
  description = "Whether to install Docker and Compose at first boot."
  type        = bool
  default     = true
}

variable "install_doppler" {
  description = "Whether to install the Doppler command line at first boot."
  type        = bool
  default     = true
}

variable "doppler_token" {
  description = "Doppler service token; null for none."
  type        = string
  default     = null
  sensitive   = true
}
