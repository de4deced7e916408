output "buckets" {
  description = "Names of the buckets for documents and for backups."
  value       = module.object_storage.buckets
}

output "environment" {
  description = "Variables of the environment: where PostgreSQL's backups and etcd's snapshots go, and what the services are told. Null unless the keys are given as variables."
  value = var.access_key == null || var.secret_key == null ? null : {
    backup_target = merge(local.keys, {
      region = module.object_storage.region
      bucket = module.object_storage.buckets["backups"]
    })
    etcd_object_storage = merge(local.keys, {
      endpoint = replace(module.object_storage.endpoint, "/^https?:\\/\\//", "")
      region   = module.object_storage.region
      bucket   = module.object_storage.buckets["backups"]
      folder   = "etcd"
    })
    object_storage = merge(local.keys, {
      endpoint  = module.object_storage.endpoint
      region    = module.object_storage.region
      documents = module.object_storage.buckets["documents"]
    })
  }
  sensitive = true
}
