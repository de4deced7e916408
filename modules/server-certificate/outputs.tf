output "authority" {
  description = "Certificate of the authority, PEM: what clients are told to trust."
  value       = tls_self_signed_cert.authority.cert_pem
}

output "certificate" {
  description = "Certificate of the server, PEM."
  value       = tls_locally_signed_cert.server.cert_pem
}

output "private_key" {
  description = "Private key of the server, PEM (PKCS #8)."
  value       = tls_private_key.server.private_key_pem_pkcs8
  sensitive   = true
}

output "valid_until" {
  description = "When the server's certificate ends, RFC 3339."
  value       = tls_locally_signed_cert.server.validity_end_time
}
