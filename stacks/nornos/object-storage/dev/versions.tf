terraform {
  required_version = ">= 1.9.0"

  required_providers {
    # Part of Ferroform; Terraform does not have it.
    objectstorage = {
      source = "ferroform/objectstorage"
    }
  }
}

provider "objectstorage" {
  location   = var.location
  access_key = var.access_key
  secret_key = var.secret_key
}
