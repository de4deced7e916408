variable "prefix" {
  description = "Beginning of the names of the buckets, which are shared by all customers of Hetzner: yours alone, such as example-nornos."
  type        = string
  default     = "nornos"
}

variable "location" {
  description = "Where the buckets are: fsn1, nbg1 or hel1. Health data stays in the EU."
  type        = string
  default     = "fsn1"

  validation {
    condition     = contains(["fsn1", "nbg1", "hel1"], var.location)
    error_message = "Object storage is in fsn1, nbg1 and hel1, all in the EU."
  }
}

variable "access_key" {
  description = "Access key of a pair of S3 keys, from the Hetzner Console. Null takes the pair from OBJECTSTORAGE_ACCESS_KEY and OBJECTSTORAGE_SECRET_KEY."
  type        = string
  default     = null
  sensitive   = true
}

variable "secret_key" {
  description = "Secret key of the pair."
  type        = string
  default     = null
  sensitive   = true
}

variable "document_origins" {
  description = "Websites from which browsers may read and write documents, such as https://app.example.com."
  type        = set(string)
  default     = []
}

variable "backup_lock_days" {
  description = "Days for which nobody can delete a backup by mistake or with stolen keys; null for none. It is fixed when the bucket is made."
  type        = number
  default     = 14
}
