resource "objectstorage_bucket" "this" {
  for_each = var.buckets

  name          = "${var.prefix}-${each.key}"
  acl           = "private"
  versioning    = each.value.versioning
  object_lock   = each.value.lock_days != null
  force_destroy = each.value.force_destroy

  dynamic "object_lock_retention" {
    for_each = each.value.lock_days == null ? [] : [each.value.lock_days]

    content {
      mode = each.value.lock_mode
      days = object_lock_retention.value
    }
  }

  # Uploads that were given up cost as much as what was completed.
  lifecycle_rule {
    id                                     = "uploads"
    abort_incomplete_multipart_upload_days = 7
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.versioning ? [each.value.old_version_days] : []

    content {
      id                                 = "old-versions"
      noncurrent_version_expiration_days = lifecycle_rule.value
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.versioning ? ["deleted"] : []

    content {
      id                           = lifecycle_rule.value
      expired_object_delete_marker = true
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.value.expire

    content {
      id              = "expire-${lifecycle_rule.key}"
      prefix          = lifecycle_rule.key
      expiration_days = lifecycle_rule.value
    }
  }

  dynamic "cors_rule" {
    for_each = length(each.value.origins) == 0 ? [] : [each.value.origins]

    content {
      allowed_origins = cors_rule.value
      allowed_methods = ["GET", "HEAD", "PUT"]
      allowed_headers = ["*"]
      expose_headers  = ["ETag"]
      max_age_seconds = 3600
    }
  }
}
