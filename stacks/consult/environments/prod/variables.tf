variable "hcloud_token" {
  description = "API token of the Hetzner Cloud project. Null takes it from HCLOUD_TOKEN."
  type        = string
  default     = null
  sensitive   = true
}

variable "name" {
  description = "Name of the project, beginning of every name: <name>-prod."
  type        = string
  default     = "consult"
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
  description = "Your public SSH key. Required."
  type        = string
  default     = null
}

variable "deploy_ssh_public_key" {
  description = "Public SSH key of the deployment; null for none."
  type        = string
  default     = null
}

variable "admin_ssh_ips" {
  description = "Addresses that may connect by SSH. With none there is no SSH rule at all."
  type        = list(string)
  default     = []
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot."
  type        = bool
  default     = true
}

variable "reboot_at" {
  description = "Time of day (UTC, HH:MM) at which the server may reboot for a security upgrade; null for never."
  type        = string
  default     = null
}

variable "install_docker" {
  description = "Whether to install Docker and Compose at first boot."
  type        = bool
  default     = true
}

variable "docker_source" {
  description = "Where Docker and Compose come from: \"distribution\" or \"docker\", Docker's own repository."
  type        = string
  default     = "distribution"
}

variable "docker_settings" {
  description = "Settings of the Docker daemon to add to the host's own, for example { \"registry-mirrors\" = [\"https://mirror.example.com\"] }."
  type        = any
  default     = {}
}

variable "registry_login" {
  description = "Account at a private registry with a token that may read the application's images; null for none."
  type = object({
    server   = string
    username = string
    password = string
  })
  default   = null
  sensitive = true
}

variable "install_doppler" {
  description = "Whether to install the Doppler command line at first boot; null does so when there is a doppler_token."
  type        = bool
  default     = null
}

variable "doppler_token" {
  description = "Doppler service token; null for none."
  type        = string
  default     = null
  sensitive   = true
}

variable "app_environment" {
  description = "Environment variables of the application, secrets too, for /etc/consult/consult.env of a new server."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "health_check_seconds" {
  description = "How long a deployment waits for the application to be well before it rolls back."
  type        = number
  default     = 60
}

variable "dns_zone" {
  description = "Zone at Hetzner DNS to put A and AAAA records of the server into: its name or id, the names in it (\"@\" for the zone itself) and their TTL in seconds; null for none. The zone must be there."
  type = object({
    zone  = string
    names = optional(list(string), ["@"])
    ttl   = optional(number, 300)
  })
  default = null
}
