terraform {
  required_version = ">= 1.9.0"

  required_providers {
    # Part of Ferroform. Terraform does not have it: Hetzner's own provider knows no object storage.
    objectstorage = {
      source = "ferroform/objectstorage"
    }
  }
}
