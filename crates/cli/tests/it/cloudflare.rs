//! `cloudflare-ranges`: the file that firewalls are made from follows what is published, and nothing else.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value as Json, json};

use crate::harness::{Project, Run};

const IPV4: &str = "173.245.48.0/20\n103.21.244.0/22\n103.22.200.0/22\n104.16.0.0/13\n172.64.0.0/13\n";
const IPV6: &str = "2400:cb00::/32\n2606:4700::/32\n2a06:98c0::/29\n";

/// A server that publishes what it is told to: an answer for each list, head and body.
struct Publisher {
    address: SocketAddr,
    answers: Arc<Mutex<[String; 2]>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(Mutex::new([ok(IPV4), ok(IPV6)]));
        let stop = Arc::new(AtomicBool::new(false));
        let (given, stopped) = (answers.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let answers = given.lock().unwrap();
                let reply = match head.split(' ').nth(1) {
                    Some("/ips-v4" | "/ips-v4/") if head.starts_with("GET") => answers[0].clone(),
                    Some("/ips-v6") => answers[1].clone(),
                    Some("/elsewhere") => ok(IPV4),
                    _ => answer("404 Not Found", "", ""),
                };
                // A client that has heard enough may be gone.
                let _ = stream.write_all(reply.as_bytes());
            }
        });
        Publisher { address, answers, stop, thread: Some(thread) }
    }

    fn publish(&self, ipv4: String, ipv6: String) {
        *self.answers.lock().unwrap() = [ipv4, ipv6];
    }

    fn run(&self, project: &Project, line: &str) -> Run {
        project.run(&format!("cloudflare-ranges -from=http://{} {line}", self.address))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// An answer, after which the publisher hangs up and says so: a client that may keep the connection could send its next
/// request while the connection closes.
fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

fn ok(body: &str) -> String {
    answer("200 OK", "", body)
}

const OLD: &str = r#"{
  "source": "https://www.cloudflare.com/ips/",
  "as_of": "2020-01-31",
  "ipv4": ["173.245.48.0/20", "131.0.72.0/22"],
  "ipv6": []
}"#;

#[test]
fn the_file_becomes_what_is_published() {
    let publisher = Publisher::new();
    let project = Project::new("");
    project.write("ranges.json", OLD);
    let path = project.path("ranges.json");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let check = publisher.run(&project, "-check ranges.json").code_is(2);
    assert_eq!(project.read("ranges.json"), OLD, "a check changed the file");
    let expected = "\
- 131.0.72.0/22
+ 103.21.244.0/22
+ 103.22.200.0/22
+ 104.16.0.0/13
+ 172.64.0.0/13
+ 2400:cb00::/32
+ 2606:4700::/32
+ 2a06:98c0::/29
ranges.json of 2020-01-31 is not what is published any more; 5 ranges of IPv4 and 3 of IPv6 are published.
";
    assert_eq!(check.stdout, expected);
    let written = publisher.run(&project, "ranges.json").ok();
    assert!(written.stdout.starts_with("- 131.0.72.0/22\n+ 103.21.244.0/22\n"), "{written}");
    let mut file: Json = serde_json::from_str(&project.read("ranges.json")).unwrap();
    let day = file["as_of"].take();
    let expected = json!({
        "source": "https://www.cloudflare.com/ips/",
        "as_of": null,
        "ipv4": IPV4.lines().collect::<Vec<_>>(),
        "ipv6": IPV6.lines().collect::<Vec<_>>(),
    });
    assert_eq!(file, expected);
    assert_ne!(day, "2020-01-31");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
    publisher.run(&project, "-check ranges.json").ok();
    let json = publisher.run(&project, "-check -json ranges.json").ok().json();
    assert_eq!(json["added"], json!([]));
    assert_eq!(json["as_of"], day);
    // A file that is not there yet is made.
    publisher.run(&project, "-check new.json").code_is(2);
    assert!(!project.path("new.json").exists());
    publisher.run(&project, "new.json").ok();
    publisher.run(&project, "-check new.json").ok();
}

#[test]
fn a_file_that_nobody_looked_at_for_a_year_is_old_though_nothing_changed() {
    let publisher = Publisher::new();
    let project = Project::new("");
    publisher.run(&project, "ranges.json").ok();
    let mut file: Json = serde_json::from_str(&project.read("ranges.json")).unwrap();
    file["as_of"] = "2020-01-31".into();
    project.write("ranges.json", file.to_string());
    let check = publisher.run(&project, "-check ranges.json").code_is(2);
    assert!(check.stdout.contains("older than a year"), "{check}");
    publisher.run(&project, "ranges.json").ok();
    publisher.run(&project, "-check ranges.json").ok();
}

#[test]
fn a_redirect_within_the_host_is_followed_and_one_to_another_is_not() {
    let publisher = Publisher::new();
    let other = Publisher::new();
    let project = Project::new("");
    let redirect = |to: &str| answer("301 Moved", &format!("Location: {to}\r\n"), "");
    publisher.publish(redirect("/elsewhere"), ok(IPV6));
    publisher.run(&project, "ranges.json").ok();
    publisher.publish(redirect(&format!("http://{}/ips-v4", other.address)), ok(IPV6));
    publisher
        .run(&project, "ranges.json")
        .one_error("Published ranges not available")
        .tells(&["another host"]);
    publisher.publish(redirect("/ips-v4/"), ok(IPV6));
    publisher
        .run(&project, "ranges.json")
        .one_error("Published ranges not available")
        .tells(&["again and again"]);
}

#[test]
fn nothing_that_is_no_list_reaches_the_file() {
    let publisher = Publisher::new();
    let project = Project::new("");
    let huge = "104.16.0.0/13\n".repeat(5000);
    for (ipv4, ipv6, summary, why) in [
        (ok(""), ok(IPV6), "Published ranges not plausible", "it has 0 ranges"),
        (ok(IPV4), ok(""), "Published ranges not plausible", "/ips-v6"),
        (ok(IPV6), ok(IPV4), "Published ranges not plausible", "is not of IPv4"),
        (ok("<html>\n"), ok(IPV6), "Published ranges not plausible", "no address range"),
        (ok(&format!("{IPV4}0.0.0.0/0\n")), ok(IPV6), "Published ranges not plausible", "too large"),
        (ok(&huge), ok(IPV6), "Published ranges not plausible", "more than 65536 bytes"),
        (answer("503 No", "", ""), ok(IPV6), "Published ranges not available", "503"),
        (
            ok(IPV4).replace("OK\r\nContent-Length: 7", "OK\r\nContent-Length: 9"),
            ok(IPV6),
            "Published ranges not available",
            "/ips-v4",
        ),
        (String::new(), ok(IPV6), "Published ranges not available", "/ips-v4"),
    ] {
        publisher.publish(ipv4, ipv6);
        project.write("ranges.json", OLD);
        for line in ["ranges.json", "-check ranges.json"] {
            let run = publisher.run(&project, line).one_error(summary);
            assert!(run.stderr.replace('\n', " ").contains(why), "{why}: {run}");
        }
        assert_eq!(project.read("ranges.json"), OLD);
        publisher.run(&project, "new.json").code_is(1);
        assert!(!project.path("new.json").exists(), "{why}");
    }
}

#[test]
fn a_file_of_another_kind_is_left_alone() {
    let publisher = Publisher::new();
    let project = Project::new("");
    for text in ["", "{}", "not JSON", "{\"as_of\": \"2026-01-01\", \"ipv4\": []}"] {
        project.write("ranges.json", text);
        publisher.run(&project, "ranges.json").one_error("Not a file of address ranges");
        assert_eq!(project.read("ranges.json"), text);
    }
    project.run("cloudflare-ranges -from=http://192.0.2.1 x.json").one_error("Invalid URL");
    project.run("cloudflare-ranges -from=nonsense x.json").one_error("Invalid URL");
    // The harness forbids everything beyond loopback, the real lists too.
    project.run("cloudflare-ranges x.json").one_error("Invalid URL").tells(&["www.cloudflare.com"]);
}
