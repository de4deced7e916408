# A machine that can copy files to a bucket of its own.

terraform {
  required_version = ">= 1.9.0"
}

variable "access_key" {
  description = "Access key of the object storage."
  type        = string
  sensitive   = true
}

variable "secret_key" {
  description = "Secret of the access key."
  type        = string
  sensitive   = true
}

module "backup_target" {
  source = "../"

  region     = "fsn1"
  bucket     = "example-backups"
  prefix     = "example/machine"
  directory  = "/etc/example"
  access_key = var.access_key
  secret_key = var.secret_key
}

module "first_boot" {
  source = "../../first-boot"

  hostname = "example"
  packages = module.backup_target.packages
  files    = module.backup_target.files
  # A target that does not work is found out at once.
  steps = ["object-storage check"]
}

output "user_data" {
  description = "User data for the machine."
  value       = module.first_boot.user_data
  sensitive   = true
}

output "lifecycle" {
  description = "What a lifecycle rule of the bucket should hold."
  value       = module.backup_target.lifecycle
}
