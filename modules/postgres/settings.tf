data "hcloud_server_type" "this" {
  name = var.server_type

  lifecycle {
    postcondition {
      condition     = self.memory >= 2
      error_message = "PostgreSQL needs at least 2 GB of memory here; ${self.name} has ${self.memory}."
    }
  }
}

# What PostgreSQL may use of a server of this type. README.md explains each; at the worst these sums are used at once:
# shared_buffers + max_connections * work_mem + maintenance_work_mem + 3 * autovacuum_work_mem, 11/16 of the memory.
locals {
  cores     = data.hcloud_server_type.this.cores
  memory_mb = floor(data.hcloud_server_type.this.memory * 1024)

  max_connections = min(400, max(50, 25 * floor(local.memory_mb / 1024)))
  max_wal_mb      = min(16384, max(512, floor(var.volume_size * 1024 / 20)))

  sized = {
    shared_buffers                   = "${floor(local.memory_mb / 4)}MB"
    effective_cache_size             = "${floor(local.memory_mb * 3 / 4)}MB"
    work_mem                         = "${floor(local.memory_mb * 1024 / 4 / local.max_connections)}kB"
    maintenance_work_mem             = "${min(2048, floor(local.memory_mb / 16))}MB"
    autovacuum_work_mem              = "${min(1024, floor(local.memory_mb / 24))}MB"
    max_connections                  = tostring(local.max_connections)
    max_worker_processes             = tostring(max(8, local.cores + 4))
    max_parallel_workers             = tostring(local.cores)
    max_parallel_workers_per_gather  = tostring(min(4, floor(local.cores / 2)))
    max_parallel_maintenance_workers = tostring(min(4, max(1, floor(local.cores / 2))))
    max_wal_size                     = "${local.max_wal_mb}MB"
    min_wal_size                     = "${max(80, floor(local.max_wal_mb / 4))}MB"
  }
}
