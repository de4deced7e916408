variable "endpoint" {
  description = "URL of an S3-compatible service, without the bucket. Null for Hetzner's object storage in the region."
  type        = string
  default     = null

  validation {
    condition     = var.endpoint == null ? true : can(regex("^https://[a-z0-9.-]+(:[0-9]+)?$", var.endpoint))
    error_message = "The endpoint is an https URL without a path, for example https://fsn1.your-objectstorage.com. Backups never leave a machine unencrypted."
  }
}

variable "region" {
  description = "Region of the bucket, part of every signature: fsn1, nbg1 or hel1 at Hetzner."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]{2,32}$", var.region))
    error_message = "A region is 2 to 32 lower-case letters, digits and dashes, for example fsn1."
  }

  validation {
    condition     = var.endpoint != null || contains(["fsn1", "nbg1", "hel1"], var.region)
    error_message = "Hetzner has object storage in fsn1, nbg1 and hel1. For another service set endpoint."
  }
}

variable "bucket" {
  description = "Name of the bucket. It must exist, and be private."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket)) && !can(regex("\\.\\.|^[0-9.]+$", var.bucket))
    error_message = "A bucket's name has 3 to 63 lower-case letters, digits, dots and dashes, begins and ends with a letter or digit, and is no IP address."
  }
}

variable "prefix" {
  description = "Folder in the bucket for everything of this machine, so that several can share the bucket."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", var.prefix))
    error_message = "The prefix is a path of letters, digits, underscores and dashes, without a slash at either end."
  }
}

variable "access_key" {
  description = "Access key. Hetzner's are made in the console."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9._/+=-]{3,128}$", var.access_key))
    error_message = "An access key has 3 to 128 letters, digits and . _ / + = - only."
  }
}

variable "secret_key" {
  description = "Secret of the access key."
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9._/+=-]{8,256}$", var.secret_key))
    error_message = "A secret key has 8 to 256 letters, digits and . _ / + = - only."
  }
}

variable "ca_certificate" {
  description = "Authority that signed the service's certificate, PEM; null for the public ones. For services of your own."
  type        = string
  default     = null
}

variable "keep_days" {
  description = "Days after which the machine deletes its own copies. Null leaves that to the bucket's lifecycle rules, see the output lifecycle: then keys that cannot delete are enough, and a machine that was broken into cannot destroy its backups."
  type        = number
  default     = 30

  validation {
    condition     = var.keep_days == null ? true : var.keep_days >= 7 && floor(var.keep_days) == var.keep_days
    error_message = "Copies are kept for at least 7 days, in whole days; null never deletes."
  }
}

variable "directory" {
  description = "Directory on the machine for the configuration, such as /etc/nornos."
  type        = string

  validation {
    condition     = can(regex("^/etc/[a-z0-9][a-z0-9-]*$", var.directory))
    error_message = "The directory is one below /etc, for example /etc/nornos."
  }
}
