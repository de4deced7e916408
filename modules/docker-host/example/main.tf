# A host for an application in Docker, with a firewall of its own and no private network.
terraform {
  required_version = ">= 1.9.0"

  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.60"
    }
  }
}

variable "ssh_public_key" {
  description = "Your public SSH key."
  type        = string
}

variable "secret_key" {
  description = "Secret of the application."
  type        = string
  sensitive   = true
}

module "firewall" {
  source = "../../firewall-cloudflare"

  name        = "shop"
  admin_cidrs = ["203.0.113.7/32"]
}

module "host" {
  source = "../"

  name            = "shop"
  app             = "shop"
  environment     = "prod"
  location        = "nbg1"
  server_type     = "cx23"
  firewall_ids    = [module.firewall.id]
  ssh_public_key  = var.ssh_public_key
  docker_source   = "docker"
  reboot_at       = "03:30"
  app_environment = { SECRET_KEY = var.secret_key }
  health_check    = { url = "http://127.0.0.1/healthz", host = "shop.example.com" }

  compose_file = <<-YAML
    services:
      web:
        image: registry.example.com/shop:latest
        user: "$${APP_UID}:$${APP_GID}"
        restart: unless-stopped
        ports: ["80:8000"]
        environment:
          SECRET_KEY:
        volumes:
          - $${APP_DATA}:/data
  YAML
}

output "ferroform" {
  description = "For `ferroform ssh`, `deploy`, `logs` and `status`."
  sensitive   = true
  value = {
    version     = 1
    stack       = "shop"
    environment = "prod"
    servers     = { shop = module.host.server }
    deploy      = module.host.deploy
  }
}
