variable "name" {
  description = "Name of the server, and what the names of its key and volume begin with."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "The name is a host name: at most 63 lower-case letters, digits and dashes, beginning with a letter."
  }
}

variable "app" {
  description = "Short name of the application: of its service account, its systemd unit, its programs and its directories."
  type        = string
  default     = "app"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,15}$", var.app)) && !contains(["root", "daemon", "docker", "ssh", "systemd", "www"], var.app)
    error_message = "The application's name is 2 to 16 lower-case letters and digits that begin with a letter, and no name that the system uses."
  }
}

variable "environment" {
  description = "Name of the environment, which the application finds in APP_ENVIRONMENT."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.environment))
    error_message = "The environment is 2 to 32 lower-case letters, digits and dashes, and begins with a letter."
  }
}

variable "labels" {
  description = "Labels of everything that is made."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "location" {
  description = "Hetzner location of the server and its volume."
  type        = string
}

variable "server_type" {
  description = "Hetzner server type."
  type        = string
}

variable "image" {
  description = "System image of the server: Ubuntu 22.04 or later, Debian 12 or later."
  type        = string
  default     = "ubuntu-24.04"
  nullable    = false
}

variable "network" {
  description = "Private network to attach the server to, and its address there. Take the id from the subnet, so that the subnet is there first. Null for none."
  type = object({
    id      = number
    address = string
  })
  default = null
}

variable "firewall_ids" {
  description = "Firewalls of the server. Docker publishes ports past a firewall on the server itself, so that one has to be outside."
  type        = list(number)
  default     = []
  nullable    = false
}

variable "volume_size" {
  description = "Size of the data volume in GB. It can grow later, never shrink."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.volume_size >= 10 && var.volume_size <= 10240 && floor(var.volume_size) == var.volume_size
    error_message = "Hetzner volumes have 10 to 10240 GB, in whole numbers."
  }
}

variable "data_dir" {
  description = "Where the data volume is mounted."
  type        = string
  default     = "/mnt/data"
  nullable    = false

  validation {
    condition     = can(regex("^(/[A-Za-z0-9._-]+)+$", var.data_dir))
    error_message = "The directory is an absolute path of letters, digits, dots, dashes and underscores, without a slash at its end."
  }
}

variable "ssh_public_key" {
  description = "Public SSH key of the administrator, in the form of an authorized_keys line."
  type        = string
  default     = null

  validation {
    condition     = var.generate_ssh_key || var.ssh_public_key != null
    error_message = "This environment needs your public SSH key: set ssh_public_key in terraform.tfvars to the line in ~/.ssh/id_ed25519.pub (make one with: ssh-keygen -t ed25519)."
  }

  validation {
    condition     = var.ssh_public_key == null ? true : can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com) [A-Za-z0-9+/]+={0,3}( .*)?$", trimspace(var.ssh_public_key)))
    error_message = "This is no public SSH key. It is one line that begins with ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256; a private key has no place here."
  }
}

variable "generate_ssh_key" {
  description = "Whether to generate a key when ssh_public_key is null. The private key is then in the state: for trials only."
  type        = bool
  default     = false
  nullable    = false
}

variable "deploy_ssh_public_key" {
  description = "Second public SSH key, for automatic deployments; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.deploy_ssh_public_key == null ? true : can(regex("^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}( .*)?$", trimspace(var.deploy_ssh_public_key)))
    error_message = "This is no public SSH key: one line that begins with ssh-ed25519, ssh-rsa or ecdsa-sha2-nistp256."
  }
}

variable "package_upgrade" {
  description = "Whether to upgrade the installed packages at first boot. Security upgrades of later days come by themselves."
  type        = bool
  default     = true
  nullable    = false
}

variable "reboot_at" {
  description = "Time of day (UTC, HH:MM) at which the server may reboot when a security upgrade asks for it; null to reboot it yourself."
  type        = string
  default     = null

  validation {
    condition     = var.reboot_at == null ? true : can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.reboot_at))
    error_message = "The time has the form HH:MM, for example 04:30."
  }
}

variable "install_docker" {
  description = "Whether to install Docker and Compose. Without them the host is prepared, and the service waits."
  type        = bool
  default     = true
  nullable    = false
}

variable "docker_source" {
  description = "Where Docker and Compose come from: \"distribution\" (its packages, its security upgrades) or \"docker\" (Docker's own repository, newer)."
  type        = string
  default     = "distribution"
  nullable    = false

  validation {
    condition     = contains(["distribution", "docker"], var.docker_source)
    error_message = "The source is \"distribution\" or \"docker\"."
  }
}

variable "docker_settings" {
  description = "Settings of the Docker daemon to add to ours, which rotate logs and keep containers running while the daemon is renewed; see https://docs.docker.com/reference/cli/dockerd/. For example { \"registry-mirrors\" = [\"https://mirror.example.com\"] }."
  type        = any
  default     = {}
  nullable    = false

  validation {
    condition     = can(keys(var.docker_settings))
    error_message = "The settings are an object, as in Docker's daemon.json."
  }
}

variable "registry_login" {
  description = "Account at a private registry, for the images of the application; null for none. Give it a token that may only read."
  type = object({
    server   = string
    username = string
    password = string
  })
  default   = null
  sensitive = true
}

variable "install_doppler" {
  description = "Whether to install the Doppler command line."
  type        = bool
  default     = false
  nullable    = false
}

variable "doppler_token" {
  description = "Doppler service token of this environment; null when the secrets come from the environment file."
  type        = string
  default     = null
  sensitive   = true

  validation {
    condition     = var.doppler_token == null ? true : can(regex("^[A-Za-z0-9._-]+$", var.doppler_token))
    error_message = "A Doppler token has letters, digits, dots, dashes and underscores only; check that it was copied whole and without quotes."
  }

  validation {
    condition     = var.doppler_token == null || var.install_doppler
    error_message = "A Doppler token is of no use without Doppler: set install_doppler = true."
  }
}

variable "app_environment" {
  description = "Environment variables of the application, secrets too. A new server finds them in its environment file, which root alone may read; change them there later."
  type        = map(string)
  default     = {}
  nullable    = false
  sensitive   = true

  validation {
    condition     = alltrue([for name in keys(var.app_environment) : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && !startswith(name, "APP_")])
    error_message = "Names are letters, digits and underscores, and do not begin with APP_, which the host sets itself."
  }

  validation {
    condition     = alltrue([for value in values(var.app_environment) : !strcontains(value, "\n")])
    error_message = "A value is one line. Encode what has several, for example as base64."
  }
}

variable "compose_file" {
  description = "Content of the application's compose.yaml for new servers; null when it is copied to the server with the first deployment."
  type        = string
  default     = null

  validation {
    condition     = var.compose_file == null ? true : can(keys(yamldecode(var.compose_file).services))
    error_message = "The Compose file must be YAML with services."
  }
}

variable "migrate" {
  description = "What a deployment runs once with the new image before it is used: a service of the Compose file and a command. Null for nothing."
  type = object({
    service = optional(string, "web")
    command = optional(list(string), ["python", "manage.py", "migrate", "--noinput"])
    seconds = optional(number, 900)
  })
  default = {}
}

variable "health_check" {
  description = "What must answer with a status of 200 to 299 within some seconds, or a deployment is rolled back: an address as seen from the server, with the Host header to ask with. A null url only waits until the containers run."
  type = object({
    url     = optional(string, "http://127.0.0.1/healthz")
    host    = optional(string)
    seconds = optional(number, 60)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.health_check.url == null ? true : can(regex("^https?://", var.health_check.url))
    error_message = "The address begins with http:// or https://."
  }

  validation {
    condition     = var.health_check.seconds >= 5 && var.health_check.seconds <= 3600
    error_message = "A health check takes 5 to 3600 seconds."
  }
}
