# PostgreSQL, Redis and one worker in a private network, made of the modules that stacks use.

terraform {
  required_providers {
    hcloud = { source = "hetznercloud/hcloud" }
    tls    = { source = "hashicorp/tls" }
  }
}

variable "object_storage" {
  description = "Where backups are copied to; null for nowhere."
  type        = object({ endpoint = string, access_key = string, secret_key = string, ca_certificate = string })
  default     = null
}

locals {
  # What the base image is made of.
  image    = "debian-12"
  location = "fsn1"
}

resource "tls_private_key" "admin" {
  algorithm = "ED25519"
}

resource "hcloud_ssh_key" "admin" {
  name       = "admin"
  public_key = trimspace(tls_private_key.admin.public_key_openssh)
}

resource "hcloud_network" "this" {
  name     = "clinic"
  ip_range = "10.0.0.0/16"
}

resource "hcloud_network_subnet" "this" {
  for_each = { nodes = "10.0.1.0/24", databases = "10.0.2.0/24" }

  network_id   = hcloud_network.this.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = each.value
}

resource "hcloud_firewall" "databases" {
  name = "databases"
}

module "backup_target" {
  source = "../modules/backup-target"
  count  = var.object_storage == null ? 0 : 1

  endpoint       = var.object_storage.endpoint
  region         = "fsn1"
  bucket         = "backups"
  prefix         = "clinic/postgres"
  directory      = "/etc/clinic"
  access_key     = var.object_storage.access_key
  secret_key     = var.object_storage.secret_key
  ca_certificate = var.object_storage.ca_certificate
}

module "postgres" {
  source = "../modules/postgres"

  name             = "clinic-postgres"
  stack            = "clinic"
  location         = local.location
  server_type      = "cx23"
  image            = local.image
  postgres_version = 15
  volume_size      = 10
  subnet           = { id = hcloud_network_subnet.this["databases"].id, cidr = hcloud_network_subnet.this["databases"].ip_range }
  address          = "10.0.2.10"
  client_cidr      = "10.0.1.0/24"
  admin_cidr       = "10.0.0.0/16"
  firewall_ids     = [hcloud_firewall.databases.id]
  ssh_key_ids      = [hcloud_ssh_key.admin.id]
  backup_target    = one(module.backup_target)
  package_upgrade  = false
}

module "redis" {
  source = "../modules/redis"

  name            = "clinic-redis"
  stack           = "clinic"
  location        = local.location
  server_type     = "cx23"
  image           = local.image
  subnet          = { id = hcloud_network_subnet.this["databases"].id, cidr = hcloud_network_subnet.this["databases"].ip_range }
  address         = "10.0.2.20"
  client_cidr     = "10.0.1.0/24"
  admin_cidr      = "10.0.0.0/16"
  firewall_ids    = [hcloud_firewall.databases.id]
  ssh_key_ids     = [hcloud_ssh_key.admin.id]
  package_upgrade = false
}

module "worker_first_boot" {
  source = "../modules/first-boot"

  hostname        = "worker"
  packages        = ["postgresql-client", "redis-tools"]
  package_upgrade = false
  private_address = "10.0.1.10"

  files = [
    { path = "/root/postgres-ca.crt", content = module.postgres.certificate_authority },
    { path = "/root/redis-ca.crt", content = module.redis.certificate_authority },
  ]
}

resource "hcloud_server" "worker" {
  name        = "worker"
  server_type = "cx23"
  image       = local.image
  location    = local.location
  ssh_keys    = [hcloud_ssh_key.admin.id]
  user_data   = module.worker_first_boot.user_data

  network {
    subnet_id = hcloud_network_subnet.this["nodes"].id
    ip        = "10.0.1.10"
    alias_ips = []
  }
}

output "settings" {
  value = { postgres = module.postgres.settings, redis = module.redis.settings }
}

output "passwords" {
  value     = { postgres = module.postgres.password, redis = module.redis.password, redis_admin = module.redis.admin_password }
  sensitive = true
}

output "settings_file" {
  value = module.postgres.settings_file
}

output "contracts" {
  sensitive = true
  value     = { postgres = module.postgres.contract, redis = module.redis.contract }
}
