//! `tls_private_key`. That each form is right for a given key is tested beside the encoders.

use ferroform_core::{Type, Value};
use serde_json::json;

use crate::harness::{Bench, n, s, summaries, text};

const TYPE: &str = "tls_private_key";

#[tokio::test]
async fn every_algorithm_gives_its_forms() {
    let bench = Bench::new("tls");
    let algorithm = |name: &str| ("algorithm", s(name));
    let curve = |name: &str| ("ecdsa_curve", s(name));
    let cases = [
        (vec![algorithm("ED25519")], "PRIVATE KEY", "ssh-ed25519 "),
        (vec![algorithm("RSA"), ("rsa_bits", n(1024))], "RSA PRIVATE KEY", "ssh-rsa "),
        (vec![algorithm("ECDSA")], "EC PRIVATE KEY", ""),
        (vec![algorithm("ECDSA"), curve("P256")], "EC PRIVATE KEY", "ecdsa-sha2-nistp256 "),
        (vec![algorithm("ECDSA"), curve("P384")], "EC PRIVATE KEY", "ecdsa-sha2-nistp384 "),
        (vec![algorithm("ECDSA"), curve("P521")], "EC PRIVATE KEY", "ecdsa-sha2-nistp521 "),
    ];
    for (arguments, label, ssh) in cases {
        let made = bench.create(TYPE, &arguments).await.expect("made");
        let pem = |name: &str, label: &str| {
            let text = text(&made, name);
            let (begin, end) = (format!("-----BEGIN {label}-----\n"), format!("\n-----END {label}-----\n"));
            assert!(text.starts_with(&begin) && text.ends_with(&end), "{name} of {arguments:?}");
        };
        pem("private_key_pem", label);
        pem("private_key_pem_pkcs8", "PRIVATE KEY");
        pem("public_key_pem", "PUBLIC KEY");
        assert!(text(&made, "id").len() == 40 && text(&made, "id").bytes().all(|b| b.is_ascii_hexdigit()));
        let public = text(&made, "public_key_openssh");
        if ssh.is_empty() {
            let forms =
                ["private_key_openssh", "public_key_fingerprint_md5", "public_key_fingerprint_sha256"];
            assert!(
                public.is_empty() && forms.iter().all(|name| text(&made, name).is_empty()),
                "{arguments:?}"
            );
        } else {
            pem("private_key_openssh", "OPENSSH PRIVATE KEY");
            assert!(public.starts_with(ssh) && public.ends_with('\n'), "{public}");
            assert_eq!(text(&made, "public_key_fingerprint_md5").len(), 47);
            assert!(text(&made, "public_key_fingerprint_sha256").starts_with("SHA256:"));
        }
        let again = bench.create(TYPE, &arguments).await.expect("made");
        assert_ne!(again.get("id"), made.get("id"), "every key is a new one");
        assert_eq!(bench.read(TYPE, &made).await, Ok(made.clone()));
        assert_eq!(bench.plan(TYPE, &made, &bench.config(TYPE, &arguments)).await.planned, Some(made));
    }
}

#[tokio::test]
async fn a_key_is_planned_with_defaults_and_replaced_by_any_change() {
    let bench = Bench::new("tls");
    let config = bench.config(TYPE, &[("algorithm", s("ED25519"))]);
    let planned = bench.plan(TYPE, &bench.none(TYPE), &config).await.planned.expect("a plan");
    assert_eq!((planned.get("rsa_bits"), text(&planned, "ecdsa_curve")), (Some(&n(2048)), "P224"));
    assert!(planned.get("public_key_openssh").is_some_and(|v| !v.is_known()));
    let made = bench.create(TYPE, &[("algorithm", s("ED25519"))]).await.expect("made");
    for (name, value) in [("algorithm", s("RSA")), ("rsa_bits", n(4096)), ("ecdsa_curve", s("P256"))] {
        let arguments: Vec<_> = [("algorithm", s("ED25519"))]
            .into_iter()
            .filter(|(n, _)| *n != name)
            .chain([(name, value)])
            .collect();
        let plan = bench.plan(TYPE, &made, &bench.config(TYPE, &arguments)).await;
        let replace: Vec<String> = plan.requires_replace.iter().map(ToString::to_string).collect();
        assert_eq!(replace, [format!(".{name}")]);
    }
}

#[tokio::test]
async fn impossible_arguments_are_refused() {
    let bench = Bench::new("tls");
    let (no_match, value) = ("Invalid Attribute Value Match", "Invalid Attribute Value");
    let cases = [
        (vec![("algorithm", s("DSA"))], no_match),
        (vec![("algorithm", s("rsa"))], no_match),
        (vec![("algorithm", s("ED25519")), ("ecdsa_curve", s("P-256"))], no_match),
        (vec![("algorithm", s("ECDSA")), ("ecdsa_curve", s("secp256k1"))], no_match),
        (vec![("algorithm", s("RSA")), ("rsa_bits", n(512))], value),
        (vec![("algorithm", s("RSA")), ("rsa_bits", n(1 << 30))], value),
        (vec![("algorithm", s("RSA")), ("rsa_bits", n(-1))], value),
    ];
    for (arguments, summary) in cases {
        let error = bench.create(TYPE, &arguments).await.expect_err("refused");
        assert_eq!(summaries(&error), [summary], "{arguments:?}");
    }
    let config = bench.config(TYPE, &[("algorithm", Value::unknown(Type::String)), ("rsa_bits", n(1))]);
    assert!(bench.0.validate_resource(TYPE, &config).is_empty(), "it may turn out to be no RSA key");
}

#[tokio::test]
async fn a_state_of_version_0_gets_the_forms_that_it_lacks() {
    let bench = Bench::new("tls");
    let arguments = [
        vec![("algorithm", s("ED25519"))],
        vec![("algorithm", s("RSA")), ("rsa_bits", n(1024))],
        vec![("algorithm", s("ECDSA")), ("ecdsa_curve", s("P384"))],
    ];
    for arguments in arguments {
        let made = bench.create(TYPE, &arguments).await.expect("made");
        let old = json!({"algorithm": text(&made, "algorithm"), "private_key_pem": text(&made, "private_key_pem"),
            "public_key_openssh": "as it was"});
        let upgraded = bench.upgrade(TYPE, 0, old).await;
        for name in ["private_key_pem_pkcs8", "public_key_pem", "public_key_fingerprint_sha256", "id"] {
            assert_eq!(upgraded.get(name), made.get(name), "{name}");
        }
        assert_eq!(text(&upgraded, "public_key_openssh"), "as it was");
    }
}

#[tokio::test]
async fn keys_cannot_be_imported() {
    let error = Bench::new("tls").0.import_resource(TYPE, "x").await.expect_err("refused");
    assert_eq!(summaries(&error), ["Resource Import Not Implemented"]);
}

/// The keys that are made are read by OpenSSH, where it is present: its public key of our private one is ours.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
#[tokio::test]
async fn openssh_reads_the_private_keys() {
    use std::os::unix::fs::OpenOptionsExt;
    use std::process::Command;

    let bench = Bench::new("tls");
    let dir = tempfile::tempdir().expect("a directory");
    for (i, arguments) in [
        vec![("algorithm", s("ED25519"))],
        vec![("algorithm", s("RSA"))],
        vec![("algorithm", s("ECDSA")), ("ecdsa_curve", s("P256"))],
        vec![("algorithm", s("ECDSA")), ("ecdsa_curve", s("P521"))],
    ]
    .into_iter()
    .enumerate()
    {
        let made = bench.create(TYPE, &arguments).await.expect("made");
        let path = dir.path().join(i.to_string());
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).expect("new");
        std::io::Write::write_all(&mut file, text(&made, "private_key_openssh").as_bytes()).expect("written");
        let Ok(output) = Command::new("ssh-keygen").arg("-yf").arg(&path).output() else {
            let required = std::env::var_os("FERROFORM_REQUIRE_PROGRAMS").is_some();
            assert!(!required, "FERROFORM_REQUIRE_PROGRAMS is set and ssh-keygen is missing");
            eprintln!("skipped: ssh-keygen is not installed");
            return;
        };
        let public = String::from_utf8_lossy(&output.stdout).into_owned();
        let words = |line: &str| line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&public), words(text(&made, "public_key_openssh")), "{output:?}");
    }
}
