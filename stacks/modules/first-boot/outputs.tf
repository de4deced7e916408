output "user_data" {
  description = "User data for cloud-init."
  value       = local.user_data
  sensitive   = true

  precondition {
    # Every 3 bytes become 4 characters of base64, so this counts bytes where length() alone would count characters.
    condition     = length(base64encode(local.user_data)) <= 4 * ceil(32 * 1024 / 3)
    error_message = "The user data of ${var.hostname} is larger than the 32 KiB that Hetzner accepts. Install large files from a package or an image."
  }
}
