variable "prefix" {
  description = "Beginning of the names of all buckets. Names are shared by all customers of Hetzner, so it should be yours alone, such as example-shop-dev."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$", var.prefix))
    error_message = "The prefix has at most 40 small letters, digits and hyphens, and begins and ends with a letter or digit."
  }
}

variable "buckets" {
  description = "Buckets by the end of their names: whether older versions stay (versioning) and for how many days (old_version_days), after how many days objects below a prefix are deleted (expire), for how many days no version can be deleted (lock_days, only for a new bucket) and whether really nobody can (lock_mode), from which websites browsers may read and write (origins), and whether the bucket may be deleted with everything in it (force_destroy). All are private."
  type = map(object({
    versioning       = optional(bool, true)
    old_version_days = optional(number, 90)
    expire           = optional(map(number), {})
    lock_days        = optional(number)
    lock_mode        = optional(string, "GOVERNANCE")
    origins          = optional(set(string), [])
    force_destroy    = optional(bool, false)
  }))

  validation {
    condition     = alltrue([for name in keys(var.buckets) : can(regex("^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$", name))])
    error_message = "The end of a bucket's name has at most 20 small letters, digits and hyphens, and begins and ends with a letter or digit."
  }

  validation {
    condition = alltrue([
      for bucket in values(var.buckets) : alltrue([
        for days in concat([bucket.old_version_days, coalesce(bucket.lock_days, 1)], values(bucket.expire)) : days >= 1 && floor(days) == days
      ])
    ])
    error_message = "Days are whole numbers above zero."
  }

  validation {
    condition     = alltrue([for bucket in values(var.buckets) : contains(["GOVERNANCE", "COMPLIANCE"], bucket.lock_mode)])
    error_message = "The lock_mode is GOVERNANCE, or COMPLIANCE: then nobody can delete a version early, whatever it costs."
  }

  validation {
    condition     = alltrue([for bucket in values(var.buckets) : bucket.versioning || bucket.lock_days == null])
    error_message = "A lock keeps versions, so it needs versioning."
  }
}
