locals {
  hours       = var.validity_days * 24
  renew_hours = 60 * 24
}

resource "tls_private_key" "authority" {
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

# An authority for this one server: whoever trusts it trusts nothing else.
resource "tls_self_signed_cert" "authority" {
  private_key_pem       = tls_private_key.authority.private_key_pem
  is_ca_certificate     = true
  set_subject_key_id    = true
  validity_period_hours = local.hours
  early_renewal_hours   = local.renew_hours
  allowed_uses          = ["cert_signing", "crl_signing"]

  subject {
    common_name = "Authority of ${var.name}"
  }
}

resource "tls_private_key" "server" {
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

resource "tls_cert_request" "server" {
  private_key_pem = tls_private_key.server.private_key_pem
  dns_names       = concat([var.name, "localhost"], var.dns_names)
  ip_addresses    = concat(["127.0.0.1"], var.addresses)

  subject {
    common_name = var.name
  }
}

resource "tls_locally_signed_cert" "server" {
  cert_request_pem      = tls_cert_request.server.cert_request_pem
  ca_private_key_pem    = tls_private_key.authority.private_key_pem
  ca_cert_pem           = tls_self_signed_cert.authority.cert_pem
  validity_period_hours = local.hours
  early_renewal_hours   = local.renew_hours
  allowed_uses          = ["digital_signature", "server_auth"]
}
