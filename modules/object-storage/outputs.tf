output "buckets" {
  description = "Names of the buckets, by the end that was given."
  value       = { for name, bucket in objectstorage_bucket.this : name => bucket.name }
}

output "endpoint" {
  description = "URL of the S3 API for these buckets; null without any."
  value       = one(distinct(values(objectstorage_bucket.this)[*].endpoint))
}

output "region" {
  description = "Region that requests are signed for; null without any bucket."
  value       = one(distinct(values(objectstorage_bucket.this)[*].location))
}
