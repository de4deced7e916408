locals {
  endpoint = coalesce(var.endpoint, "https://${var.region}.your-objectstorage.com")
  authority = {
    path        = "${var.directory}/object-storage-ca.pem"
    content     = var.ca_certificate
    permissions = "0644"
    owner       = "root:root"
  }

  # Read by curl, so that no secret is on a command line or in an environment.
  curl_settings = concat(
    [
      "user = \"${var.access_key}:${var.secret_key}\"",
      "aws-sigv4 = \"aws:amz:${var.region}:s3\"",
      "proto = \"=https\"",
    ],
    var.ca_certificate == null ? [] : ["cacert = \"${local.authority.path}\""],
  )

  files = concat(
    [
      {
        path        = "${var.directory}/object-storage.curl"
        content     = join("", [for line in local.curl_settings : "${line}\n"])
        permissions = "0600"
        owner       = "root:root"
      },
      {
        path        = "${var.directory}/object-storage.env"
        content     = "OBJECT_STORAGE_URL=${local.endpoint}/${var.bucket}\nOBJECT_STORAGE_PREFIX=${var.prefix}\n"
        permissions = "0600"
        owner       = "root:root"
      },
      {
        path        = "/usr/local/sbin/object-storage"
        content     = replace(file("${path.module}/scripts/object-storage.sh"), "/etc/object-storage", var.directory)
        permissions = "0755"
        owner       = "root:root"
      },
    ],
    var.ca_certificate == null ? [] : [local.authority],
  )
}
