output "postgres" {
  description = "How to reach PostgreSQL from the cluster, without the password."
  value = {
    host     = hcloud_server_network.this["postgres"].ip
    port     = local.machines.postgres.port
    database = var.postgres.database
    user     = var.postgres.owner
  }
}

output "postgres_password" {
  description = "Password of the database's owner."
  value       = random_password.this["postgres"].result
  sensitive   = true
}

output "postgres_url" {
  description = "URL of the database for an application, with its password."
  value = format(
    "postgresql://%s:%s@%s:%d/%s?sslmode=require",
    var.postgres.owner,
    random_password.this["postgres"].result,
    hcloud_server_network.this["postgres"].ip,
    local.machines.postgres.port,
    var.postgres.database,
  )
  sensitive = true
}

output "postgres_volume" {
  description = "Volume of PostgreSQL: its id and its device on the server."
  value = {
    id     = hcloud_volume.postgres.id
    device = hcloud_volume.postgres.linux_device
    size   = hcloud_volume.postgres.size
  }
}

output "redis" {
  description = "How to reach Redis from the cluster, without the password."
  value = {
    host = hcloud_server_network.this["redis"].ip
    port = local.machines.redis.port
  }
}

output "redis_password" {
  description = "Password of Redis."
  value       = random_password.this["redis"].result
  sensitive   = true
}

output "redis_url" {
  description = "URL of Redis for an application, with its password."
  value       = "redis://:${random_password.this["redis"].result}@${hcloud_server_network.this["redis"].ip}:${local.machines.redis.port}/0"
  sensitive   = true
}

output "servers" {
  description = "Database servers by name, each with its id, its role, its addresses and its server type."
  value = {
    for role, server in hcloud_server.this : server.name => {
      id          = server.id
      role        = role
      server_type = server.server_type
      ipv4        = server.ipv4_address
      ipv6        = server.ipv6_address
      private     = local.machines[role].address
    }
  }
}
