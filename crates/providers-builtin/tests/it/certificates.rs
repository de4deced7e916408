//! `tls_self_signed_cert`, `tls_cert_request`, `tls_locally_signed_cert`, and the data sources of tls. OpenSSL reads
//! and verifies all that is made, where it is present.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use ferroform_core::{Type, Value};

use crate::harness::{Bench, n, s, summaries, text};

/// 12 February 2026, 06:36:13 UTC.
const NOW: u64 = 1_770_878_173;

const SELF_SIGNED: &str = "tls_self_signed_cert";
const LOCALLY_SIGNED: &str = "tls_locally_signed_cert";
const REQUEST: &str = "tls_cert_request";

fn bench_at(seconds: u64) -> (Bench, Arc<AtomicU64>) {
    let hand = Arc::new(AtomicU64::new(seconds));
    let told = hand.clone();
    let clock = Arc::new(move || UNIX_EPOCH + Duration::from_secs(told.load(Ordering::Relaxed)));
    (Bench::at("tls", clock), hand)
}

fn texts(items: &[&str]) -> Value {
    Value::list(Type::String, items.iter().map(|item| s(item)))
}

/// A `subject` block with the given arguments.
fn subject(bench: &Bench, arguments: &[(&str, Value)]) -> (&'static str, Value) {
    let block = &bench.schema(SELF_SIGNED).block.blocks["subject"].block;
    let object = Value::object(block.attributes.iter().map(|(name, attribute)| {
        let given = arguments.iter().find(|(given, _)| *given == &**name).map(|(_, value)| value.clone());
        (name.clone(), given.unwrap_or_else(|| Value::null(attribute.ty.clone())))
    }));
    ("subject", Value::list(object.ty(), [object]))
}

/// A private key in PEM.
async fn key(bench: &Bench, algorithm: &str, curve: Option<&str>) -> Value {
    let mut arguments = vec![("algorithm", s(algorithm))];
    arguments.extend(curve.map(|curve| ("ecdsa_curve", s(curve))));
    let made = bench.create("tls_private_key", &arguments).await.expect("made");
    made.get("private_key_pem").cloned().expect("a key")
}

/// The arguments of an authority's certificate.
fn authority(bench: &Bench, key: &Value) -> Vec<(&'static str, Value)> {
    vec![
        ("private_key_pem", key.clone()),
        ("validity_period_hours", n(48)),
        ("allowed_uses", texts(&["cert_signing", "crl_signing", "digital_signature"])),
        ("is_ca_certificate", Value::bool(true)),
        ("set_authority_key_id", Value::bool(true)),
        subject(
            bench,
            &[
                ("common_name", s("Test authority")),
                ("organization", s("Ärger & Söhne")),
                ("country", s("DE")),
                ("street_address", texts(&["2 Way", "1 Road"])),
                ("email_address", s("a@example.com")),
            ],
        ),
    ]
}

/// Runs OpenSSL on files; none where it is not installed.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn openssl(dir: &Path, arguments: &[&str]) -> Option<(bool, String)> {
    let Ok(output) = Command::new("openssl").args(arguments).current_dir(dir).output() else {
        let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
        assert!(!required, "FERROFORM_REQUIRE_PROGRAMS is set and openssl is missing");
        eprintln!("skipped: openssl is not installed");
        return None;
    };
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

fn write(dir: &Path, name: &str, object: &Value, attribute: &str) {
    std::fs::write(dir.join(name), text(object, attribute)).expect("written");
}

/// Every kind of key, as that of an authority and as that of a server; the name of the authority's signatures.
const KEYS: [(&str, Option<&str>, &str); 6] = [
    ("RSA", None, "sha256WithRSAEncryption"),
    ("ECDSA", Some("P224"), "ecdsa-with-SHA256"),
    ("ECDSA", Some("P256"), "ecdsa-with-SHA256"),
    ("ECDSA", Some("P384"), "ecdsa-with-SHA384"),
    ("ECDSA", Some("P521"), "ecdsa-with-SHA512"),
    ("ED25519", None, "ED25519"),
];

#[tokio::test]
async fn an_authority_signs_for_a_request_and_openssl_verifies_all_three() {
    let (bench, _) = bench_at(NOW);
    for (algorithm, curve, signature) in KEYS {
        let dir = tempfile::tempdir().expect("a directory");
        let authority_key = key(&bench, algorithm, curve).await;
        let ca = bench.create(SELF_SIGNED, &authority(&bench, &authority_key)).await.expect("made");
        assert_eq!(text(&ca, "key_algorithm"), algorithm);
        assert_eq!(text(&ca, "validity_start_time"), "2026-02-12T06:36:13Z");
        assert_eq!(text(&ca, "validity_end_time"), "2026-02-14T06:36:13Z");
        let request = bench
            .create(
                REQUEST,
                &[
                    ("private_key_pem", key(&bench, algorithm, curve).await),
                    ("dns_names", texts(&["example.com", "*.example.com"])),
                    ("ip_addresses", texts(&["10.0.0.1", "2001:db8::1"])),
                    ("uris", texts(&["spiffe://example.com/web"])),
                    subject(&bench, &[("common_name", s("example.com"))]),
                ],
            )
            .await
            .expect("made");
        assert_eq!((text(&request, "key_algorithm"), text(&request, "id").len()), (algorithm, 40));
        let made = bench
            .create(
                LOCALLY_SIGNED,
                &[
                    ("cert_request_pem", s(text(&request, "cert_request_pem"))),
                    ("ca_cert_pem", s(text(&ca, "cert_pem"))),
                    ("ca_private_key_pem", authority_key),
                    ("validity_period_hours", n(12)),
                    (
                        "allowed_uses",
                        texts(&["key_encipherment", "server_auth", "client_auth", "decipher_only"]),
                    ),
                    ("set_subject_key_id", Value::bool(true)),
                ],
            )
            .await
            .expect("made");
        assert_eq!(text(&made, "ca_key_algorithm"), algorithm);

        write(dir.path(), "ca.pem", &ca, "cert_pem");
        write(dir.path(), "request.pem", &request, "cert_request_pem");
        write(dir.path(), "made.pem", &made, "cert_pem");
        let at = (NOW + 3600).to_string();
        let verify = ["verify", "-attime", &at, "-x509_strict", "-CAfile", "ca.pem"];
        let Some((good, why)) = openssl(dir.path(), &[&verify[..], &["ca.pem", "made.pem"]].concat()) else {
            return;
        };
        assert!(good, "{algorithm} {curve:?}: {why}");
        let host =
            [&verify[..], &["-purpose", "sslserver", "-verify_hostname", "www.example.com", "made.pem"]];
        let (good, why) = openssl(dir.path(), &host.concat()).expect("it was there");
        assert!(good, "{algorithm} {curve:?}: {why}");
        let (good, why) = openssl(dir.path(), &["req", "-verify", "-noout", "-text", "-in", "request.pem"])
            .expect("it was there");
        assert!(good && why.contains("DNS:example.com, DNS:*.example.com, IP Address:10.0.0.1"), "{why}");
        let (_, shown) =
            openssl(dir.path(), &["x509", "-noout", "-text", "-in", "ca.pem"]).expect("it was there");
        for part in [
            &format!("Signature Algorithm: {signature}"),
            "Not After : Feb 14 06:36:13 2026 GMT",
            "Digital Signature, Certificate Sign, CRL Sign",
            "CA:TRUE",
            "emailAddress = a@example.com",
        ] {
            let spaceless = |text: &str| text.replace(' ', "");
            assert!(spaceless(&shown).contains(&spaceless(part)), "{part} in {shown}");
        }
        let (_, shown) =
            openssl(dir.path(), &["x509", "-noout", "-text", "-in", "made.pem"]).expect("it was there");
        for part in [
            "Key Encipherment, Decipher Only",
            "TLS Web Server Authentication, TLS Web Client Authentication",
            "CA:FALSE",
            "DNS:example.com, DNS:*.example.com, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, \
             URI:spiffe://example.com/web",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        // The serial number is the id.
        let (_, serial) =
            openssl(dir.path(), &["x509", "-noout", "-serial", "-in", "made.pem"]).expect("it was there");
        let hex = serial.trim().trim_start_matches("serial=").to_owned();
        let number = u128::from_str_radix(&hex, 16).expect("hexadecimal digits");
        assert_eq!(text(&made, "id"), number.to_string());
    }
}

#[tokio::test]
async fn a_certificate_is_described_as_go_does() {
    let (bench, _) = bench_at(NOW);
    let authority_key = key(&bench, "ECDSA", Some("P256")).await;
    let ca = bench.create(SELF_SIGNED, &authority(&bench, &authority_key)).await.expect("made");
    let read =
        bench.read_data("tls_certificate", &[("content", s(text(&ca, "cert_pem")))]).await.expect("read");
    let described = &read.get("certificates").and_then(Value::as_slice).expect("a list")[0];
    let email = "1.2.840.113549.1.9.1=#0c0d61406578616d706c652e636f6d";
    // DER orders a set by its encoding, the shorter first.
    let name = format!("CN=Test authority,STREET=2 Way+STREET=1 Road,O=Ärger & Söhne,C=DE,{email}");
    for (attribute, expected) in [
        ("subject", &*name),
        ("issuer", &*name),
        ("signature_algorithm", "ECDSA-SHA256"),
        ("public_key_algorithm", "ECDSA"),
        ("serial_number", text(&ca, "id")),
        ("not_before", "2026-02-12T06:36:13Z"),
        ("not_after", "2026-02-14T06:36:13Z"),
        ("cert_pem", text(&ca, "cert_pem")),
        ("sha1_fingerprint", text(&read, "id")),
    ] {
        assert_eq!(text(described, attribute), expected, "{attribute}");
    }
    assert_eq!(described.get("is_ca"), Some(&Value::bool(true)));
    assert_eq!(described.get("version"), Some(&n(3)));
    for (arguments, summary) in [
        (vec![], "Invalid Attribute Combination"),
        (vec![("url", s("http://127.0.0.1"))], "Invalid URL"),
        (vec![("url", s("tls://127.0.0.1"))], "Invalid URL"),
        (vec![("url", s("127.0.0.1"))], "Invalid URL"),
        // Nobody listens there.
        (vec![("url", s("tls://127.0.0.1:1"))], "Failed to identify peer certificates"),
        (vec![("content", s("x"))], "Failed to parse certificate"),
        (vec![("content", authority_key)], "Failed to parse certificate"),
    ] {
        let error = bench.read_data("tls_certificate", &arguments).await.expect_err("refused");
        assert_eq!(summaries(&error), [summary]);
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_when_its_time_comes() {
    let (bench, hand) = bench_at(NOW);
    let mut arguments = authority(&bench, &key(&bench, "ED25519", None).await);
    arguments.push(("early_renewal_hours", n(12)));
    let made = bench.create(SELF_SIGNED, &arguments).await.expect("made");
    let config = bench.config(SELF_SIGNED, &arguments);
    let due = NOW + (48 - 12) * 3600;
    hand.store(due - 1, Ordering::Relaxed);
    assert_eq!(bench.read(SELF_SIGNED, &made).await, Ok(made.clone()));
    assert_eq!(bench.plan(SELF_SIGNED, &made, &config).await.planned, Some(made.clone()));
    hand.store(due, Ordering::Relaxed);
    let read = bench.read(SELF_SIGNED, &made).await.expect("read");
    assert_eq!(read.get("ready_for_renewal"), Some(&Value::bool(true)));
    for prior in [&made, &read] {
        let plan = bench.plan(SELF_SIGNED, prior, &config).await;
        let replace: Vec<String> = plan.requires_replace.iter().map(ToString::to_string).collect();
        assert_eq!(replace, [".ready_for_renewal"]);
    }
    // Renewing later is an update in place.
    let later: Vec<_> =
        arguments.iter().filter(|(name, _)| *name != "early_renewal_hours").cloned().collect();
    let plan = bench.plan(SELF_SIGNED, &made, &bench.config(SELF_SIGNED, &later)).await;
    assert!(plan.requires_replace.is_empty());
    let planned = plan.planned.expect("planned");
    assert_eq!(planned.get("cert_pem"), made.get("cert_pem"));
    assert_eq!(planned.get("early_renewal_hours"), Some(&n(0)));
    // Any other argument is not.
    let mut other = later.clone();
    other.retain(|(name, _)| *name != "subject");
    other.push(subject(&bench, &[("common_name", s("Another"))]));
    let plan = bench.plan(SELF_SIGNED, &made, &bench.config(SELF_SIGNED, &other)).await;
    assert_eq!(plan.requires_replace.iter().map(ToString::to_string).collect::<Vec<_>>(), [".subject"]);
}

#[tokio::test]
async fn impossible_arguments_are_refused() {
    let (bench, _) = bench_at(NOW);
    let pem = key(&bench, "ED25519", None).await;
    let ca = bench.create(SELF_SIGNED, &authority(&bench, &pem)).await.expect("made");
    let request = bench.create(REQUEST, &[("private_key_pem", pem.clone())]).await.expect("made");
    let valid = |type_name: &str| match type_name {
        SELF_SIGNED => vec![
            ("private_key_pem", pem.clone()),
            ("validity_period_hours", n(1)),
            ("allowed_uses", texts(&[])),
        ],
        REQUEST => vec![("private_key_pem", pem.clone())],
        _ => vec![
            ("cert_request_pem", s(text(&request, "cert_request_pem"))),
            ("ca_cert_pem", s(text(&ca, "cert_pem"))),
            ("ca_private_key_pem", pem.clone()),
            ("validity_period_hours", n(1)),
            ("allowed_uses", texts(&[])),
        ],
    };
    let other_key = key(&bench, "ED25519", None).await;
    let cases = [
        (SELF_SIGNED, ("private_key_pem", s("x")), "Failed to parse private key PEM"),
        (SELF_SIGNED, ("validity_period_hours", n(-1)), "Invalid Attribute Value"),
        (SELF_SIGNED, ("validity_period_hours", n(i64::MAX)), "Invalid Attribute Value"),
        (SELF_SIGNED, ("early_renewal_hours", n(-1)), "Invalid Attribute Value"),
        (SELF_SIGNED, ("allowed_uses", texts(&["everything"])), "Invalid Attribute Value Match"),
        (SELF_SIGNED, ("is_ca_certificate", Value::bool(true)), "Invalid Certificate Subject"),
        (SELF_SIGNED, ("set_authority_key_id", Value::bool(true)), "Invalid Certificate Authority"),
        (SELF_SIGNED, ("dns_names", texts(&["ä.example"])), "Invalid DNS name"),
        (SELF_SIGNED, ("ip_addresses", texts(&["10.0.0.256"])), "Invalid IP address"),
        (SELF_SIGNED, ("uris", texts(&["a b"])), "Invalid URI"),
        (REQUEST, ("private_key_pem", s("x")), "Failed to parse private key PEM"),
        (REQUEST, ("ip_addresses", texts(&["localhost"])), "Invalid IP address"),
        (LOCALLY_SIGNED, ("ca_private_key_pem", other_key), "Failed to create certificate"),
        (LOCALLY_SIGNED, ("ca_private_key_pem", s("x")), "Failed to parse CA private key PEM"),
        (LOCALLY_SIGNED, ("ca_cert_pem", s("x")), "Failed to parse CA certificate PEM"),
        (LOCALLY_SIGNED, ("cert_request_pem", pem.clone()), "Failed to parse certificate request PEM"),
    ];
    for (type_name, (changed, value), summary) in cases {
        let mut arguments = valid(type_name);
        arguments.retain(|(name, _)| *name != changed);
        arguments.push((changed, value));
        let error = bench.create(type_name, &arguments).await.expect_err("refused");
        assert_eq!(summaries(&error), [summary], "{type_name} {changed}");
    }
}

#[tokio::test]
async fn an_authority_that_is_none_is_warned_of() {
    let (bench, _) = bench_at(NOW);
    let pem = key(&bench, "ED25519", None).await;
    let mut arguments = authority(&bench, &pem);
    arguments.retain(|(name, _)| !name.starts_with("is_ca") && !name.starts_with("set_"));
    let no_authority = bench.create(SELF_SIGNED, &arguments).await.expect("made");
    let config = bench.config(LOCALLY_SIGNED, &[("ca_cert_pem", s(text(&no_authority, "cert_pem")))]);
    let plan = bench.plan(LOCALLY_SIGNED, &bench.none(LOCALLY_SIGNED), &config).await;
    assert_eq!(summaries(&plan.diagnostics), ["Potentially Invalid Certificate Authority"]);
    assert!(!plan.diagnostics.has_errors());
}

#[tokio::test]
async fn the_public_key_of_both_forms_is_that_of_the_resource() {
    let (bench, _) = bench_at(NOW);
    for (algorithm, curve, _) in KEYS {
        let mut arguments = vec![("algorithm", s(algorithm))];
        arguments.extend(curve.map(|curve| ("ecdsa_curve", s(curve))));
        let made = bench.create("tls_private_key", &arguments).await.expect("made");
        for form in ["private_key_pem", "private_key_openssh"] {
            let Some(given) = Some(text(&made, form)).filter(|given| !given.is_empty()) else { continue };
            let read = bench.read_data("tls_public_key", &[(form, s(given))]).await.expect("read");
            for name in [
                "algorithm",
                "public_key_pem",
                "public_key_openssh",
                "public_key_fingerprint_md5",
                "public_key_fingerprint_sha256",
                "id",
            ] {
                assert_eq!(read.get(name), made.get(name), "{name} of {algorithm} {curve:?} by {form}");
            }
        }
    }
    let both = [("private_key_pem", s("x")), ("private_key_openssh", s("x"))];
    for (arguments, summary) in [
        (&both[..0], "Invalid Attribute Combination"),
        (&both[..], "Invalid Attribute Combination"),
        (&both[..1], "Unable to parse private key"),
        (&both[1..], "Unable to parse private key"),
    ] {
        let error = bench.read_data("tls_public_key", arguments).await.expect_err("refused");
        assert_eq!(summaries(&error), [summary]);
    }
}
