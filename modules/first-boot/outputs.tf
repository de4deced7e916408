output "user_data" {
  description = "User data for cloud-init."
  value       = local.user_data
  sensitive   = true

  precondition {
    condition     = length(local.user_data) <= local.limit || !local.is_large
    error_message = "The user data of ${var.hostname} is larger than the 32 KiB that Hetzner accepts, even compressed. Install large files from a package or an image."
  }
}
