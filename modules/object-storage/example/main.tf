terraform {
  required_version = ">= 1.9.0"

  required_providers {
    objectstorage = {
      source = "ferroform/objectstorage"
    }
  }
}

provider "objectstorage" {
  location = "fsn1"
}

module "object_storage" {
  source = "../"

  prefix = "example-shop"
  buckets = {
    documents = { origins = ["https://shop.example.com"] }
    backups   = { old_version_days = 30, lock_days = 14 }
    scratch   = { versioning = false, expire = { "" = 7, "tmp/" = 1 }, force_destroy = true }
  }
}

output "buckets" {
  description = "Names of the buckets."
  value       = module.object_storage.buckets
}
