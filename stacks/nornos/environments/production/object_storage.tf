variable "object_storage" {
  description = "Object storage for the services' documents: endpoint, region, bucket and keys, handed to the cluster in the output secrets. Null for none."
  type = object({
    endpoint   = string
    region     = string
    documents  = string
    access_key = string
    secret_key = string
  })
  default   = null
  sensitive = true

  validation {
    condition     = var.object_storage == null ? true : startswith(var.object_storage.endpoint, "https://")
    error_message = "The endpoint is an https URL, for example https://fsn1.your-objectstorage.com. Documents never leave the cluster unencrypted."
  }
}
