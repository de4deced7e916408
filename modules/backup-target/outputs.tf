output "files" {
  description = "Files for the machine, in the form that first-boot takes: the root-only configuration and the program object-storage."
  value       = local.files
  sensitive   = true
}

output "packages" {
  description = "Packages that the program object-storage needs."
  value       = ["ca-certificates", "curl"]
}

output "prefix" {
  description = "Folder in the bucket."
  value       = var.prefix
}

output "keep_days" {
  description = "Days after which the machine deletes its own copies; null for never."
  value       = var.keep_days
}

output "lifecycle" {
  description = "What a lifecycle rule of the bucket should say instead of keep_days, or besides it for old versions in a versioned bucket."
  value = {
    prefix                                 = "${var.prefix}/"
    expiration_days                        = coalesce(var.keep_days, 30)
    noncurrent_version_expiration_days     = 30
    abort_incomplete_multipart_upload_days = 7
  }
}
