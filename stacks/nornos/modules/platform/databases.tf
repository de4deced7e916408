variable "backup_target" {
  description = "Object storage to which PostgreSQL's backups are copied, see modules/backup-target. Null keeps them on the volume only."
  type = object({
    region     = string
    bucket     = string
    access_key = string
    secret_key = string
    endpoint   = optional(string)
    keep_days  = optional(number, 30)
  })
  default   = null
  sensitive = true
}

locals {
  database_subnet = module.network.subnets["databases"]

  database_servers = {
    for role, server in { postgres = module.postgres.server, redis = module.redis.server } : server.name => {
      id                           = server.id
      role                         = role
      server_type                  = server.server_type
      ipv4                         = server.ipv4
      ipv6                         = server.ipv6
      private                      = server.private
    }
  }
}

resource "hcloud_placement_group" "databases" {
  name   = "${local.name}-databases"
  type   = "spread"
  labels = local.labels
}

module "backup_target" {
  source = "../../../../modules/backup-target"
  # Whether there is one is no secret.
  count = nonsensitive(var.backup_target == null) ? 0 : 1

  endpoint   = var.backup_target.endpoint
  region     = var.backup_target.region
  bucket     = var.backup_target.bucket
  prefix     = "${local.name}/postgres"
  directory  = "/etc/nornos"
  access_key = var.backup_target.access_key
  secret_key = var.backup_target.secret_key
  keep_days  = var.backup_target.keep_days
}

module "postgres" {
  source = "../../../../modules/postgres"

  name               = "${local.name}-postgres"
  stack              = "nornos"
  labels             = local.labels
  location           = var.location
  server_type        = local.server_type.postgres
  postgres_version   = var.machines.postgres.version
  volume_size        = var.postgres_volume_size
  subnet             = local.database_subnet
  address            = cidrhost(local.database_subnet.cidr, 10)
  client_cidr        = module.network.subnets["kubernetes"].cidr
  admin_cidr         = module.network.cidr
  gateway            = local.gateway
  bastion            = coalesce(local.bastion, "${local.name}-control-1")
  firewall_ids       = hcloud_firewall.databases[*].id
  placement_group_id = hcloud_placement_group.databases.id
  ssh_key_ids        = [hcloud_ssh_key.admin.id]
  backup_target      = one(module.backup_target)
  server_backups     = var.database_backups
  package_upgrade    = var.package_upgrade
}

module "redis" {
  source = "../../../../modules/redis"

  name               = "${local.name}-redis"
  stack              = "nornos"
  labels             = local.labels
  location           = var.location
  server_type        = local.server_type.redis
  subnet             = local.database_subnet
  address            = cidrhost(local.database_subnet.cidr, 20)
  client_cidr        = module.network.subnets["kubernetes"].cidr
  admin_cidr         = module.network.cidr
  gateway            = local.gateway
  bastion            = coalesce(local.bastion, "${local.name}-control-1")
  firewall_ids       = hcloud_firewall.databases[*].id
  placement_group_id = hcloud_placement_group.databases.id
  ssh_key_ids        = [hcloud_ssh_key.admin.id]
  user               = "nornos"
  server_backups     = var.database_backups
  package_upgrade    = var.package_upgrade
}
