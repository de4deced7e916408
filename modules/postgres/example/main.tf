# PostgreSQL in a private network, for clients in another subnet of it.

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
  description = "Public SSH key of the administrators."
  type        = string
}

resource "hcloud_ssh_key" "admin" {
  name       = "shop-admin"
  public_key = var.ssh_public_key
}

resource "hcloud_network" "shop" {
  name     = "shop"
  ip_range = "10.0.0.0/16"
}

resource "hcloud_network_subnet" "databases" {
  network_id   = hcloud_network.shop.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.2.0/24"
}

# No rule: nothing comes in from the internet.
resource "hcloud_firewall" "databases" {
  name = "shop-databases"
}

module "postgres" {
  source = "../"

  name         = "shop-postgres"
  stack        = "shop"
  location     = "fsn1"
  server_type  = "cx23"
  volume_size  = 20
  database     = "shop"
  owner        = "shop_admin"
  subnet       = { id = hcloud_network_subnet.databases.id, cidr = hcloud_network_subnet.databases.ip_range }
  address      = "10.0.2.10"
  client_cidr  = "10.0.1.0/24"
  admin_cidr   = "10.0.0.0/16"
  firewall_ids = [hcloud_firewall.databases.id]
  ssh_key_ids  = [hcloud_ssh_key.admin.id]
}

output "settings" {
  description = "What PostgreSQL may use of the server."
  value       = module.postgres.settings
}

output "url" {
  description = "URL of the database."
  value       = module.postgres.url
  sensitive   = true
}

output "ferroform" {
  description = "How the day-2 commands find their way."
  sensitive   = true
  value = {
    version     = 1
    stack       = "shop"
    environment = "example"
    servers     = module.postgres.contract.servers
    postgres    = module.postgres.contract.postgres
  }
}
