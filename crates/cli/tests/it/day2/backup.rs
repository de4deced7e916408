//! `backup`, against a database server that answers as the contract says.

use std::os::unix::fs::PermissionsExt;

use super::fake::{CLUSTER, Fake};

/// `printf dump | sha256sum`
const SUM: &str = "0b1feff7db1bc1eca5daf70d4ff15ba50e1c76ba1c7fe9f1d86ad54a32edd6d6";

fn list(sum: &str) -> String {
    format!(
        r#"{{"backups":[
          {{"name":"shop-1.dump","size":1024,"sha256":null,"created_at":"2026-01-01T03:00:00Z","location":"disk"}},
          {{"name":"shop-2.dump","size":2097152,"sha256":"{sum}","created_at":"2026-01-02T03:00:00Z","location":"both"}}],
          "keep_days":7,"next":"2026-01-03T03:00:00Z","wal":{{"archiving":true,"last":null}}}}"#
    )
}

fn sum(bytes: &[u8]) -> String {
    let mut digest = ferroform_platform::backup::Digest::default();
    digest.update(bytes);
    digest.hex()
}

fn fake() -> Fake {
    let fake = Fake::new(CLUSTER);
    fake.answer("*pg-backup list --json", 0, &list(&sum(b"dump")));
    fake
}

#[test]
fn checksums_are_sha256() {
    // FIPS 180-2, appendix B.1.
    assert_eq!(sum(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(SUM.len(), sum(b"").len());
}

#[test]
fn backups_are_listed_the_newest_first() {
    let fake = fake();
    let run = fake.run("backup list").ok();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[1].starts_with("shop-2.dump") && lines[1].contains("2.0 MiB  both"), "{run}");
    assert!(lines[2].starts_with("shop-1.dump") && lines[2].contains("1.0 KiB  disk"), "{run}");
    assert!(
        run.stdout.contains("kept for 7 days, next at 2026-01-03T03:00:00Z, changes are archived"),
        "{run}"
    );
    assert_eq!(fake.run("backup list -json").ok().json()["backups"][0]["name"], "shop-2.dump");
}

#[test]
fn a_backup_is_made_and_its_failure_told() {
    let fake = fake();
    fake.answer("*pg-backup now --json", 0, r#"{"name":"shop-3.dump","database":"shop","size":5,"sha256":"x","created_at":"2026-01-03T03:00:00Z"}"#);
    let run = fake.run("backup now").ok();
    assert_eq!(run.stdout, "shop-3.dump is done: 5 B.\n");
    assert_eq!(fake.asked(), ["ssh db /usr/local/sbin/pg-backup now --json"]);
    fake.fail("*pg-backup now*", 1);
    fake.run("backup now").one_error("Command on server failed");
    fake.forget_answers();
    fake.answer("*", 0, "no JSON");
    fake.run("backup now").one_error("Answer not understood");
}

#[test]
fn damage_found_by_verify_is_a_failure() {
    let fake = fake();
    fake.answer(
        "*pg-backup verify latest --json",
        0,
        r#"{"results":[{"name":"shop-2.dump","ok":true,"error":null}]}"#,
    );
    fake.answer(
        "*pg-backup verify all --json",
        1,
        r#"{"results":[{"name":"shop-2.dump","ok":true,"error":null},{"name":"shop-1.dump","ok":false,"error":"checksum differs"}]}"#,
    );
    fake.run("backup verify").ok();
    let run = fake.run("backup verify all").one_error("Damaged backup").tells(&["shop-1.dump"]);
    assert!(run.stdout.contains("checksum differs"), "{run}");
    fake.fail("*pg-backup verify*", 3);
    fake.run("backup verify").one_error("Command on server failed");
}

#[test]
fn a_drill_that_differs_is_a_failure() {
    let fake = fake();
    let drill = |same: bool| {
        format!(
            r#"{{"name":"shop-2.dump","tables":[{{"table":"public.a","rows_backup":3,"rows_restored":{},"same":{same}}}],"ok":{same}}}"#,
            if same { 3 } else { 2 }
        )
    };
    fake.answer("*pg-backup drill latest --json", 0, &drill(true));
    fake.answer("*pg-backup drill shop-1.dump --json", 1, &drill(false));
    assert!(fake.run("backup drill").ok().stdout.contains("brings everything back"));
    let run = fake.run("backup drill shop-1.dump").one_error("Restore drill failed").tells(&["public.a"]);
    assert!(run.stdout.contains("DIFFERENT"), "{run}");
}

#[test]
fn a_restore_asks_first_and_says_what_stays() {
    let fake = fake();
    fake.answer("*pg-backup restore *", 0, "");
    fake.run("backup restore latest").one_error("Approval needed");
    assert_eq!(fake.asked(), [""; 0], "nothing without approval");
    let run = fake.run("backup restore latest -auto-approve").ok();
    assert!(run.stdout.contains("The one before is kept beside it."), "{run}");
    fake.run("backup restore shop-1.dump -into=scratch -at=2026-01-02T10:00:00Z -auto-approve").ok();
    assert_eq!(
        fake.asked(),
        [
            "ssh db /usr/local/sbin/pg-backup restore latest",
            "ssh db /usr/local/sbin/pg-backup restore shop-1.dump --into scratch --at 2026-01-02T10:00:00Z"
        ]
    );
    for (args, error) in [
        ("-into=x;y latest", "Invalid database name"),
        ("../../etc/passwd", "Invalid backup name"),
        ("--auto-approve -- --into", "Invalid backup name"),
    ] {
        fake.run(&format!("backup restore -auto-approve {args}").replace("-auto-approve --auto", "--auto"))
            .one_error(error);
    }
    assert_eq!(fake.asked(), [""; 0], "nothing with a harmful name");
    fake.fail("*restore*", 1);
    fake.run("backup restore latest -auto-approve")
        .one_error("Command on server failed")
        .tells(&["replaced last"]);
}

#[test]
fn a_fetched_backup_is_checked_and_private() {
    let fake = fake();
    fake.answer("*pg-backup fetch shop-2.dump", 0, "dump");
    fake.answer("*pg-backup fetch shop-1.dump", 0, "other");
    let run = fake.run("backup fetch").ok();
    assert!(run.stdout.contains("Its checksum is right."), "{run}");
    assert_eq!(fake.project.read("shop-2.dump"), "dump");
    let mode = std::fs::metadata(fake.project.path("shop-2.dump")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fake.run("backup fetch").one_error("File exists");
    fake.run("backup fetch shop-1.dump -output=unchecked").ok().stdout.contains("no checksum");
    fake.run("backup fetch shop-9.dump").one_error("No such backup");
    // Damaged on the way: nothing is left that looks like a backup.
    fake.forget_answers();
    fake.answer("*pg-backup list --json", 0, &list(&sum(b"dump")));
    fake.answer("*pg-backup fetch shop-2.dump", 0, "dum");
    fake.run("backup fetch -output=damaged").one_error("Backup arrived damaged");
    let left: Vec<_> =
        std::fs::read_dir(fake.project.path("")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(
        !left.iter().any(|name| name == "damaged" || name.to_string_lossy().starts_with(".backup")),
        "{left:?}"
    );
}

#[test]
fn a_stack_without_a_database_says_so() {
    let fake = Fake::new("servers = {}");
    for command in ["now", "list", "verify", "restore latest -auto-approve", "drill", "fetch"] {
        fake.run(&format!("backup {command}")).one_error("No PostgreSQL server");
    }
}
