//! Schemas, sources and versions as published. The table is written from the registry's documentation of each
//! provider, not from our own schemas.

use std::collections::BTreeSet;

use ferroform_core::schema::Attribute;
use ferroform_providers_builtin::factories;

use crate::harness::{Bench, factory};

/// Provider, kind, type, schema version; then each attribute with its type and flags: required, optional, computed,
/// sensitive, new (a change makes a new object), deprecated. Nested blocks follow with their nesting, most and flags.
const PUBLISHED: &str = "\
random resource random_bytes 0
  base64 string c s
  hex string c s
  id string c
  keepers map(string) o n
  length number r n
random resource random_id 0
  b64_std string c
  b64_url string c
  byte_length number r n
  dec string c
  hex string c
  id string c
  keepers map(string) o n
  prefix string o n
random resource random_integer 0
  id string c
  keepers map(string) o n
  max number r n
  min number r n
  result number c
  seed string o n
random resource random_password 3
  bcrypt_hash string c s
  id string c
  keepers map(string) o n
  length number r n
  lower bool oc n
  min_lower number oc n
  min_numeric number oc n
  min_special number oc n
  min_upper number oc n
  number bool oc n d
  numeric bool oc n
  override_special string o n
  result string c s
  special bool oc n
  upper bool oc n
random resource random_pet 0
  id string c
  keepers map(string) o n
  length number oc n
  prefix string o n
  separator string oc n
random resource random_shuffle 0
  id string c
  input list(string) r n
  keepers map(string) o n
  result list(string) c
  result_count number o n
  seed string o n
random resource random_string 2
  id string c
  keepers map(string) o n
  length number r n
  lower bool oc n
  min_lower number oc n
  min_numeric number oc n
  min_special number oc n
  min_upper number oc n
  number bool oc n d
  numeric bool oc n
  override_special string o n
  result string c
  special bool oc n
  upper bool oc n
random resource random_uuid 0
  id string c
  keepers map(string) o n
  result string c
random resource random_uuid4 0
  id string c
  keepers map(string) o n
  result string c
random resource random_uuid7 0
  id string c
  keepers map(string) o n
  result string c
time resource time_offset 0
  base_rfc3339 string oc
  day number c
  hour number c
  id string c
  minute number c
  month number c
  offset_days number o
  offset_hours number o
  offset_minutes number o
  offset_months number o
  offset_seconds number o
  offset_years number o
  rfc3339 string c
  second number c
  triggers map(string) o n
  unix number c
  year number c
time resource time_rotating 0
  day number c
  hour number c
  id string c
  minute number c
  month number c
  rfc3339 string oc n
  rotation_days number o
  rotation_hours number o
  rotation_minutes number o
  rotation_months number o
  rotation_rfc3339 string oc
  rotation_years number o
  second number c
  triggers map(string) o n
  unix number c
  year number c
time resource time_sleep 0
  create_duration string o
  destroy_duration string o
  id string c
  triggers map(string) o n
time resource time_static 0
  day number c
  hour number c
  id string c
  minute number c
  month number c
  rfc3339 string oc n
  second number c
  triggers map(string) o n
  unix number c
  year number c
tls resource tls_cert_request 0
  cert_request_pem string c
  dns_names list(string) o n
  id string c
  ip_addresses list(string) o n
  key_algorithm string c
  private_key_pem string r s n
  uris list(string) o n
  subject block List 1 n
    common_name string o
    country string o
    email_address string o
    locality string o
    organization string o
    organizational_unit string o
    postal_code string o
    province string o
    serial_number string o
    street_address list(string) o
tls resource tls_locally_signed_cert 0
  allowed_uses list(string) r n
  ca_cert_pem string r n
  ca_key_algorithm string c
  ca_private_key_pem string r s n
  cert_pem string c
  cert_request_pem string r n
  early_renewal_hours number oc
  id string c
  is_ca_certificate bool oc n
  ready_for_renewal bool c
  set_subject_key_id bool oc n
  validity_end_time string c
  validity_period_hours number r n
  validity_start_time string c
tls resource tls_private_key 1
  algorithm string r n
  ecdsa_curve string oc n
  id string c
  private_key_openssh string c s
  private_key_pem string c s
  private_key_pem_pkcs8 string c s
  public_key_fingerprint_md5 string c
  public_key_fingerprint_sha256 string c
  public_key_openssh string c
  public_key_pem string c
  rsa_bits number oc n
tls resource tls_self_signed_cert 0
  allowed_uses list(string) r n
  cert_pem string c
  dns_names list(string) o n
  early_renewal_hours number oc
  id string c
  ip_addresses list(string) o n
  is_ca_certificate bool oc n
  key_algorithm string c
  private_key_pem string r s n
  ready_for_renewal bool c
  set_authority_key_id bool oc n
  set_subject_key_id bool oc n
  uris list(string) o n
  validity_end_time string c
  validity_period_hours number r n
  validity_start_time string c
  subject block List 1 n
    common_name string o
    country string o
    email_address string o
    locality string o
    organization string o
    organizational_unit string o
    postal_code string o
    province string o
    serial_number string o
    street_address list(string) o
tls data tls_certificate 0
  certificates list(object({ cert_pem = string, is_ca = bool, issuer = string, not_after = string, not_before = string, public_key_algorithm = string, serial_number = string, sha1_fingerprint = string, signature_algorithm = string, subject = string, version = number })) c
  content string o
  id string c
  url string o
  verify_chain bool o
tls data tls_public_key 0
  algorithm string c
  id string c
  private_key_openssh string o s
  private_key_pem string o s
  public_key_fingerprint_md5 string c
  public_key_fingerprint_sha256 string c
  public_key_openssh string c
  public_key_pem string c
local resource local_file 0
  content string o n
  content_base64 string o n
  content_base64sha256 string c
  content_base64sha512 string c
  content_md5 string c
  content_sha1 string c
  content_sha256 string c
  content_sha512 string c
  directory_permission string oc n
  file_permission string oc n
  filename string r n
  id string c
  sensitive_content string o s n d
  source string o n
local resource local_sensitive_file 0
  content string o s n
  content_base64 string o s n
  content_base64sha256 string c
  content_base64sha512 string c
  content_md5 string c
  content_sha1 string c
  content_sha256 string c
  content_sha512 string c
  directory_permission string oc n
  file_permission string oc n
  filename string r n
  id string c
  source string o n
local data local_file 0
  content string c
  content_base64 string c
  content_base64sha256 string c
  content_base64sha512 string c
  content_md5 string c
  content_sha1 string c
  content_sha256 string c
  content_sha512 string c
  filename string r
  id string c
local data local_sensitive_file 0
  content string c s
  content_base64 string c s
  content_base64sha256 string c
  content_base64sha512 string c
  content_md5 string c
  content_sha1 string c
  content_sha256 string c
  content_sha512 string c
  filename string r
  id string c
null resource null_resource 0
  id string c
  triggers map(string) o n
null data null_data_source 0
  has_computed_default string oc
  id string c d
  inputs map(string) o
  outputs map(string) c
  random string c
http data http 0
  body string c d
  ca_cert_pem string o
  client_cert_pem string o
  client_key_pem string o
  id string c
  insecure bool o
  method string o
  request_body string o
  request_headers map(string) o
  request_timeout_ms number o
  response_body string c
  response_body_base64 string c
  response_headers map(string) c
  status_code number c
  url string r
  retry block Single 0
    attempts number o
    max_delay_ms number o
    min_delay_ms number o
external data external 0
  id string c
  program list(string) r
  query map(string) o
  result map(string) c
  working_dir string o
cloudinit data cloudinit_config 0
  base64_encode bool oc
  boundary string oc
  gzip bool oc
  id string c
  rendered string c
  part block List 0
    content string r
    content_type string oc
    filename string o
    merge_type string o
terraform resource terraform_data 0
  id string c
  input any o
  output any c
  triggers_replace any o n
terraform data terraform_remote_state 0
  backend string r
  config any o
  defaults any o
  outputs any c
  workspace string o
";

fn line(name: &str, attribute: &Attribute) -> String {
    let mode = match (attribute.required, attribute.optional, attribute.computed) {
        (true, false, false) => "r",
        (false, true, false) => "o",
        (false, false, true) => "c",
        (false, true, true) => "oc",
        _ => "?",
    };
    let flags =
        [(attribute.sensitive, " s"), (attribute.force_new, " n"), (attribute.deprecated.is_some(), " d")];
    let flags: String = flags.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag).collect();
    format!("  {name} {} {mode}{flags}\n", attribute.ty)
}

#[test]
fn schemas_are_the_published_ones() {
    let mut ours = String::new();
    for (provider, kind, type_name) in PUBLISHED.lines().filter(|l| !l.starts_with(' ')).map(|l| {
        let mut words = l.split(' ');
        let mut word = || words.next().unwrap_or_default();
        (word(), word(), word())
    }) {
        let bench = Bench::new(provider);
        let schema = bench.0.schema();
        let of_kind = if kind == "data" { &schema.data_sources } else { &schema.resources };
        let schema = of_kind.get(type_name).expect(type_name);
        ours.push_str(&format!("{provider} {kind} {type_name} {}\n", schema.version));
        ours.extend(schema.block.attributes.iter().map(|(name, attribute)| line(name, attribute)));
        for (name, nested) in &schema.block.blocks {
            let new = if nested.force_new { " n" } else { "" };
            ours.push_str(&format!("  {name} block {:?} {}{new}\n", nested.nesting, nested.max_items));
            assert!(nested.block.blocks.is_empty());
            ours.extend(nested.block.attributes.iter().map(|(name, a)| format!("  {}", line(name, a))));
        }
    }
    assert_eq!(ours, PUBLISHED);
    let listed = PUBLISHED.lines().filter(|l| !l.starts_with(' ')).count();
    let all: usize =
        factories().iter().map(|f| f.schema().resources.len() + f.schema().data_sources.len()).sum();
    assert_eq!(all, listed, "every type is in the table");
}

#[test]
fn sources_and_versions_are_the_published_ones() {
    let cases = [
        ("random", "3.8.1", "registry.terraform.io/hashicorp/random registry.opentofu.org/hashicorp/random"),
        ("tls", "4.1.0", "registry.terraform.io/hashicorp/tls registry.opentofu.org/hashicorp/tls"),
        ("time", "0.13.1", "registry.terraform.io/hashicorp/time registry.opentofu.org/hashicorp/time"),
        ("local", "2.5.3", "registry.terraform.io/hashicorp/local registry.opentofu.org/hashicorp/local"),
        ("null", "3.2.4", "registry.terraform.io/hashicorp/null registry.opentofu.org/hashicorp/null"),
        ("http", "3.5.0", "registry.terraform.io/hashicorp/http registry.opentofu.org/hashicorp/http"),
        (
            "external",
            "2.3.5",
            "registry.terraform.io/hashicorp/external registry.opentofu.org/hashicorp/external",
        ),
        (
            "cloudinit",
            "2.3.7",
            "registry.terraform.io/hashicorp/cloudinit registry.opentofu.org/hashicorp/cloudinit",
        ),
        ("terraform", "1.11.4", "terraform.io/builtin/terraform"),
    ];
    for (name, version, sources) in cases {
        let factory = factory(name);
        let ours: Vec<String> = factory.sources().iter().map(ToString::to_string).collect();
        assert_eq!((factory.version(), ours.join(" ")), (version, sources.to_owned()));
    }
    let all: Vec<String> = factories().iter().flat_map(|f| f.sources()).map(|s| s.to_string()).collect();
    assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len(), "no source twice");
}

#[tokio::test]
async fn a_type_that_does_not_exist_is_an_error_that_lists_what_does() {
    let bench = Bench::new("local");
    let diagnostics = bench.0.validate_resource("local_directory", &ferroform_core::Value::empty_object());
    assert!(
        diagnostics.iter().all(|d| d.detail.contains("local_file, local_sensitive_file")),
        "{diagnostics:?}"
    );
    assert!(diagnostics.has_errors());
}
