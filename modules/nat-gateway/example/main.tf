terraform {
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.60"
    }
    tls = {
      source  = "hashicorp/tls"
      version = "~> 4.0"
    }
  }
}

variable "image" {
  description = "System image of both machines."
  type        = string
  default     = "debian-12"
}

resource "tls_private_key" "admin" {
  algorithm = "ED25519"
}

resource "hcloud_ssh_key" "admin" {
  name       = "example-admin"
  public_key = trimspace(tls_private_key.admin.public_key_openssh)
}

module "network" {
  source = "../../network"

  name    = "example"
  subnets = { inside = "10.0.1.0/24", gateways = "10.0.4.0/24" }
}

module "gateway" {
  source = "../"

  name            = "example-gateway"
  location        = "fsn1"
  image           = var.image
  network         = { id = module.network.id, cidr = module.network.cidr }
  address         = "10.0.4.2"
  ssh_key_ids     = [hcloud_ssh_key.admin.id]
  admin_ips       = ["203.0.113.7/32"]
  package_upgrade = false
}

module "first_boot" {
  source = "../../first-boot"

  hostname        = "example-inside"
  private_address = "10.0.1.10"
  gateway         = module.gateway.network_gateway
  packages        = ["rsync"]
  package_upgrade = false
}

resource "hcloud_server" "inside" {
  name        = "example-inside"
  server_type = "cx23"
  image       = var.image
  location    = "fsn1"
  ssh_keys    = [hcloud_ssh_key.admin.id]
  user_data   = module.first_boot.user_data

  public_net {
    ipv4_enabled = false
    ipv6_enabled = false
  }

  network {
    network_id = module.network.id
    ip         = "10.0.1.10"
  }
}

output "gateway" {
  description = "The gateway."
  value       = module.gateway.server
}
