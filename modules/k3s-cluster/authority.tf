# The authority of the cluster's serving certificates is made here and not by the first control plane, so that everybody
# knows it beforehand: nodes that join compare its digest, which their token carries, and administrators their API's.
resource "tls_private_key" "authority" {
  algorithm   = "ECDSA"
  ecdsa_curve = "P256"
}

resource "tls_self_signed_cert" "authority" {
  private_key_pem       = tls_private_key.authority.private_key_pem
  is_ca_certificate     = true
  set_subject_key_id    = true
  validity_period_hours = 10 * 365 * 24
  allowed_uses          = ["cert_signing", "crl_signing", "digital_signature", "key_encipherment"]

  subject {
    common_name = "${var.name}-server-ca"
  }
}

locals {
  authority = tls_self_signed_cert.authority.cert_pem

  # k3s's secure form of a token: digest of the authority's certificate as it lies on disk, user, password. Whoever has it
  # believes no other cluster. The first control plane starts a cluster, which it does by the password alone.
  join_token = "K10${sha256(local.authority)}::server:${random_password.token.result}"
}
