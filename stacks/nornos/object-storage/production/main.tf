module "object_storage" {
  source = "../../../../modules/object-storage"

  prefix = "${var.prefix}-production"
  buckets = {
    documents = {
      old_version_days = 365
      origins          = var.document_origins
    }
    backups = {
      old_version_days = 30
      lock_days        = var.backup_lock_days
    }
  }
}

locals {
  keys = { access_key = var.access_key, secret_key = var.secret_key }
}
