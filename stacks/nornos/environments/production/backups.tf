variable "backup_target" {
  description = "Object storage to which PostgreSQL's backups are copied: region, bucket and keys, and an endpoint where it is not Hetzner's. Null keeps them on the volume only."
  type = object({
    region     = string
    bucket     = string
    access_key = string
    secret_key = string
    endpoint   = optional(string)
    keep_days  = optional(number, 30)
  })
  default   = null
  sensitive = true
}
