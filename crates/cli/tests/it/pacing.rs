//! Runs of the same user share what they know of the rate limit.

use serde_json::{Value, json};

use crate::cloud::Served;
use crate::harness::{Project, say};

/// SSH keys: one request to make, one to read, and no action to poll for.
const KEYS: u64 = 25;

fn stack(name: &str) -> String {
    let keys = (0..KEYS).map(|i| {
        // Keys are told apart by their contents: 32 bytes behind the type, in base64.
        let bytes = format!("{name}{i:02}");
        let key: String =
            bytes.bytes().map(|b| char::from(b'A' + b % 26)).chain("A".repeat(40).chars()).take(40).collect();
        format!(
            "resource \"hcloud_ssh_key\" \"k{i}\" {{\n  name = \"{name}{i}\"\n  public_key = \"ssh-ed25519 \
             AAAAC3NzaC1lZDI1NTE5AAAAI{key}{key:.3} x\"\n}}\n"
        )
    });
    let providers =
        "terraform {\n  required_providers {\n    hcloud = { source = \"hetznercloud/hcloud\" }\n  }\n}\n";
    providers.to_owned() + &keys.collect::<String>()
}

/// What two runs came to.
struct Runs {
    /// Requests of both together.
    made: u64,
    /// Those that were over the limit.
    refused: u64,
}

/// Two runs at the same time on a cloud with no requests left, of which ten come back in a second.
fn two_runs(home: &str) -> Runs {
    let elsewhere = tempfile::tempdir().unwrap();
    let served = Served::start_limited(elsewhere.path(), 0.0, 36_000, &[]);
    let cloud = &served.cloud;
    let projects = ["one", "two"].map(|name| {
        Project::new(&stack(name))
            .env("HCLOUD_ENDPOINT", &cloud.endpoint())
            .env("HCLOUD_TOKEN", &cloud.token)
            .env("XDG_RUNTIME_DIR", home)
    });
    // Somebody has used up all there was, and one run gets to know.
    cloud.fault(&json!({"effect": {"rate_limit": {}}}));
    projects[1].run("plan").ok();
    cloud.reset_requests();
    let running = projects.each_ref().map(|project| project.start("apply -auto-approve -no-color"));
    for run in running {
        run.wait().ok();
    }
    let stats = cloud.call("GET", "/_emulator/stats", &Value::Null);
    let number = |name: &str| stats[name].as_u64().unwrap();
    Runs { made: number("total"), refused: number("rate_limited") }
}

#[test]
fn two_runs_at_a_time_are_never_refused_since_they_share_one_pace() {
    let home = tempfile::tempdir().unwrap();
    let Runs { made, refused } = two_runs(&home.path().display().to_string());
    // Each run asks for the time once, makes its keys and reads them.
    let needed = 2 * (2 * KEYS + 1);
    assert_eq!((made, refused), (needed, 0));
    assert_eq!(home.path().join("ferroform/pace").read_dir().unwrap().count(), 1, "one file for the token");
    // Where no file can be kept, each goes by what it knows itself: it is refused now and then, and gets there.
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let alone = two_runs(&file.display().to_string());
    assert!(alone.refused > 0 && alone.made == needed + alone.refused, "{} of {}", alone.refused, alone.made);
    say(&format!(
        "two runs at a time: {refused} of {made} requests refused with one pace, {} without",
        alone.refused
    ));
}

#[test]
fn a_plan_tells_how_long_the_limit_will_hold_up_its_apply() {
    let home = tempfile::tempdir().unwrap();
    let served = Served::start_limited(home.path(), 0.0, 3600, &[]);
    let project = Project::new(&stack("one"))
        .env("HCLOUD_ENDPOINT", &served.cloud.endpoint())
        .env("HCLOUD_TOKEN", &served.cloud.token)
        .env("XDG_RUNTIME_DIR", &home.path().display().to_string());
    served.cloud.fault(&json!({"effect": {"rate_limit": {}}}));
    let told = project.run("plan -no-color").ok().stdout;
    // 25 creations are taken for 62 requests.
    // How many are granted at once depends on how many seconds have gone by; it is none or a few.
    for part in ["takes about 62 requests of hcloud", " are granted at once, and 3600 more in an hour"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}
