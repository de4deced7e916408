data "hcloud_server_type" "this" {
  name = var.server_type

  lifecycle {
    postcondition {
      condition     = self.memory >= 2
      error_message = "Redis needs at least 2 GB of memory here; ${self.name} has ${self.memory}."
    }
  }
}

# What Redis may use of a server of this type. 512 MB are the system's. Of the rest 60 % are data: while Redis writes its
# files anew, a copy of itself holds on to every page that changes meanwhile, and clients have buffers.
locals {
  cores     = data.hcloud_server_type.this.cores
  memory_mb = floor(data.hcloud_server_type.this.memory * 1024)

  sized = {
    maxmemory        = "${floor((local.memory_mb - 512) * 3 / 5)}mb"
    maxmemory-policy = var.maxmemory_policy
    # One thread runs commands. Further ones help with TLS where there are cores for them besides it and the copy.
    io-threads          = tostring(local.cores < 4 ? 1 : min(4, local.cores - 2))
    io-threads-do-reads = local.cores < 4 ? "no" : "yes"
  }
}
