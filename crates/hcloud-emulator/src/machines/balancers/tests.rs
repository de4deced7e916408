//! Load balancers for real: needs root, haproxy, iproute2, python3, curl and openssl.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::{Command, Stdio};

use super::*;
use crate::backend::scene::{CertificatePem, Check, HttpCheck, HttpService, PrivateLink, Service};
use crate::machines::tools::run;

/// Whether this can run here; says why not.
fn may_run(root: bool, programs: &[&str]) -> bool {
    let missing =
        programs.iter().find(|program| run("sh", &["-c", &format!("command -v {program}")]).is_err());
    let reason = match missing {
        Some(program) => format!("{program} is missing"),
        None if root && !rustix::process::geteuid().is_root() => "not root".to_owned(),
        None => return true,
    };
    assert!(std::env::var_os("FERROFORM_REQUIRE_MACHINES").is_none(), "machines are required: {reason}");
    #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
    {
        eprintln!("left out: {reason}");
    }
    false
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn service(listen_port: u16, destination_port: u16, http: Option<HttpService>) -> Service {
    let check = Check { port: destination_port, interval: 1, timeout: 1, retries: 2, http: None };
    Service { listen_port, destination_port, proxy_protocol: false, check, http }
}

fn http() -> HttpService {
    HttpService { certificates: Vec::new(), redirect_http: false, sticky: None, timeout_idle: 50 }
}

fn http_check() -> HttpCheck {
    HttpCheck {
        domain: None,
        path: "/".to_owned(),
        response: String::new(),
        status_codes: vec!["2??".to_owned(), "3??".to_owned()],
        tls: false,
    }
}

fn balancer(services: Vec<Service>, targets: &[&str]) -> Balancer {
    Balancer {
        public: Some((Ipv4Addr::new(203, 0, 113, 9), Ipv6Addr::LOCALHOST)),
        link: None::<PrivateLink>,
        least_connections: false,
        services,
        targets: targets.iter().map(|target| address(target)).collect(),
    }
}

fn certificate(folder: &Path, name: &str) -> CertificatePem {
    let file = |ending: &str| folder.join(format!("{name}.{ending}")).display().to_string();
    let subject = format!("/CN={name}");
    let names = format!("subjectAltName=DNS:{name}");
    run(
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &subject,
            "-addext",
            &names,
            "-keyout",
            &file("key"),
            "-out",
            &file("crt"),
        ],
    )
    .unwrap();
    let read = |ending| std::fs::read_to_string(file(ending)).unwrap();
    CertificatePem { chain: read("crt"), key: read("key") }
}

/// Each configuration has these lines, and haproxy takes it.
#[test]
fn configurations_say_what_the_scene_says() {
    let certificates = tempfile::tempdir().unwrap();
    let can_check = may_run(false, &["haproxy", "openssl"]);
    let certificate = |name| {
        let none = || CertificatePem { chain: format!("{name} chain"), key: "key".to_owned() };
        if can_check { certificate(certificates.path(), name) } else { none() }
    };
    let tls = |redirect_http| HttpService {
        certificates: vec![certificate("a.example"), certificate("b.example")],
        redirect_http,
        ..http()
    };
    let with_check = |check: HttpCheck| {
        let mut service = service(80, 8080, Some(http()));
        service.check.http = Some(check);
        balancer(vec![service], &["10.0.0.2"])
    };
    let mut proxied = service(25, 2525, None);
    proxied.proxy_protocol = true;
    let mut proxied_otherwise = proxied.clone();
    proxied_otherwise.check.port = 8025;
    let least = Balancer { least_connections: true, ..balancer(vec![service(5, 6, None)], &["10.0.0.2"]) };
    let odd = HttpCheck {
        domain: Some("it's 100% $HOME \"x\"\n".to_owned()),
        path: "/a b?c='#'".to_owned(),
        response: "!ok 'yes' \\".to_owned(),
        status_codes: vec!["20*".to_owned(), "301".to_owned()],
        tls: true,
    };
    let sticky = HttpService { sticky: Some(("it's mine".to_owned(), 300)), ..http() };
    let cases: Vec<(&str, Balancer, &[&str], &[&str])> = vec![
        ("nothing to do", balancer(vec![], &["10.0.0.2"]), &["global"], &["frontend", "server 10"]),
        (
            "no targets",
            balancer(vec![service(80, 8080, None)], &[]),
            &["bind [::]:80 v6only"],
            &["server 10"],
        ),
        (
            "tcp",
            balancer(vec![service(5432, 5433, None)], &["10.0.0.2", "2001:db8::1"]),
            &[
                "bind 0.0.0.0:5432",
                "mode tcp",
                "balance roundrobin",
                "server 10.0.0.2 10.0.0.2:5433 check port 5433 inter 1s fall 2 rise 2",
                "server 2001:db8::1 [2001:db8::1]:5433 check port 5433 inter 1s fall 2 rise 2",
            ],
            &["httpchk", "mode http", "forwardfor"],
        ),
        ("least connections", least, &["balance leastconn"], &["roundrobin"]),
        (
            "http",
            balancer(vec![service(80, 8080, Some(http()))], &["10.0.0.2"]),
            &[
                "mode http",
                "option forwardfor",
                "http-request set-header X-Forwarded-Proto http",
                "http-request set-header X-Forwarded-Port 80",
                "timeout client 50s",
                "timeout server 50s",
            ],
            &["ssl alpn", "cookie", "frontend redirect"],
        ),
        (
            "https on another port, with a redirect",
            balancer(vec![service(8443, 8080, Some(tls(true)))], &["10.0.0.2"]),
            &[
                "ssl alpn h2,http/1.1 crt-list ./",
                "http-request set-header X-Forwarded-Proto https",
                "frontend redirect",
                "bind 0.0.0.0:80",
                "location https://%[req.hdr(host),host_only]:8443%[pathq]",
            ],
            &[],
        ),
        (
            "a redirect where port 80 is taken",
            balancer(vec![service(443, 80, Some(tls(true))), service(80, 80, None)], &["10.0.0.2"]),
            &["bind 0.0.0.0:443 ssl"],
            &["frontend redirect"],
        ),
        (
            "two redirects",
            balancer(vec![service(443, 80, Some(tls(true))), service(444, 80, Some(tls(true)))], &[]),
            &["location https://%[req.hdr(host),host_only]%[pathq]"],
            &[":444%"],
        ),
        (
            "sticky",
            balancer(vec![service(80, 80, Some(sticky))], &["10.0.0.2"]),
            &["cookie 'it'\\''s mine' insert indirect nocache maxlife 300s attr \"Max-Age=300\"", " cookie "],
            &[],
        ),
        ("PROXY protocol", balancer(vec![proxied], &["10.0.0.2"]), &["send-proxy-v2 check-send-proxy"], &[]),
        (
            "PROXY protocol, checked elsewhere",
            balancer(vec![proxied_otherwise], &["10.0.0.2"]),
            &["check port 8025", "send-proxy-v2"],
            &["check-send-proxy"],
        ),
        (
            "checks without a host",
            with_check(http_check()),
            &["http-check send meth GET uri '/' ver HTTP/1.0", "expect rstatus '^(2..|3..)$'"],
            &["hdr Host", "expect string", "check-ssl"],
        ),
        (
            "checks with everything, as odd as can be",
            with_check(odd),
            &[
                "uri '/a b?c='\\''#'\\''' ver HTTP/1.1 hdr Host 'it'\\''s 100%% $HOME \"x\"'",
                "expect rstatus '^(20.*|301)$'",
                "expect string '!ok '\\''yes'\\'' \\'",
                "check-ssl verify none",
            ],
            &[],
        ),
    ];
    for (name, balancer, present, absent) in &cases {
        let text = configuration::configuration(balancer, true);
        for line in *present {
            assert!(text.contains(line), "{name}: no `{line}` in\n{text}");
        }
        for line in *absent {
            assert!(!text.contains(line), "{name}: `{line}` in\n{text}");
        }
        assert!(!configuration::configuration(balancer, false).contains("[::]"), "{name}");
        if can_check {
            let folder = tempfile::tempdir().unwrap();
            for file in configuration::files(balancer) {
                std::fs::write(folder.path().join(&file.name), &file.text).unwrap();
            }
            std::fs::write(folder.path().join("c"), &text).unwrap();
            std::fs::write(folder.path().join(configuration::STATE), configuration::NO_STATE).unwrap();
            let output =
                Command::new("haproxy").args(["-c", "-f", "c"]).current_dir(folder.path()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && !said.contains("[WARNING]"), "{name}: {said}\n{text}");
        }
    }
}

/// A program that serves HTTP on port 8080, PROXY protocol and then HTTP on 8081, of one address, named after it.
const TARGET: &str = r#"
import http.server, json, socket, socketserver, struct, sys, threading, time
address = sys.argv[1]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    client = None
    def setup(self):
        super().setup()
        if self.server.proxied:
            head = self.rfile.read(16)
            assert head[:12] == b"\r\n\r\n\0\r\nQUIT\n", head
            body = self.rfile.read(struct.unpack("!H", head[14:16])[0])
            self.client = socket.inet_ntoa(body[:4]) if head[13] == 0x11 else None
    def do_GET(self):
        if self.path == "/long":
            self.send_response(200); self.send_header("Content-Length", "120"); self.end_headers()
            for _ in range(120):
                self.wfile.write(b"x"); self.wfile.flush(); time.sleep(0.05)
            return
        if self.path == "/health":
            body = b"all is well here" if self.headers["Host"] == "health.example" else b"who?"
            self.send_response(200)
        else:
            headers = {name: value for name, value in self.headers.items()}
            body = json.dumps({"name": address, "proxied": self.client, "headers": headers, "path": self.path}).encode()
            self.send_response(200)
        self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    address_family = family
    allow_reuse_address = True
    def handle_error(self, *_): pass
servers = []
for port, proxied in ((8080, False), (8081, True)):
    server = Server((address, port), Handler); server.proxied = proxied
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
time.sleep(600)
"#;

/// A balancer's namespace with a namespace of targets behind it, and one of clients before it.
struct Scenery {
    site: Site,
    targets: Vec<(IpAddr, Child)>,
    base: tempfile::TempDir,
}

impl Scenery {
    fn new(name: &str) -> Self {
        let base = tempfile::tempdir().unwrap();
        let site = Site::new(base.path(), &format!("{name} {}", base.path().display()));
        let (b, t, c) = (site.namespace("b1"), site.namespace("targets"), site.namespace("clients"));
        for name in [&b, &t, &c] {
            run("ip", &["netns", "add", name]).unwrap();
            run("ip", &["-n", name, "link", "set", "lo", "up"]).unwrap();
        }
        let scenery = Self { site, targets: Vec::new(), base };
        for (other, link, own, theirs) in [
            (
                &t,
                "back",
                &["10.0.0.1/24", "2001:db8:1::1/64"][..],
                &["10.0.0.2/24", "10.0.0.3/24", "10.0.0.4/24", "2001:db8:1::2/64"][..],
            ),
            (&c, "front", &["203.0.113.9/24", "2001:db8:2::9/64"], &["203.0.113.77/24", "2001:db8:2::77/64"]),
        ] {
            run(
                "ip",
                &["-n", &b, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", other],
            )
            .unwrap();
            for (namespace, link, addresses) in [(&b, link, own), (other, "eth0", theirs)] {
                for address in addresses {
                    let nodad: &[&str] = if address.contains("::") { &["nodad"] } else { &[] };
                    let mut arguments = vec!["-n", namespace, "address", "add", address, "dev", link];
                    arguments.extend(nodad);
                    run("ip", &arguments).unwrap();
                }
                run("ip", &["-n", namespace, "link", "set", link, "up"]).unwrap();
            }
        }
        scenery
    }

    fn open(&self) -> Balancers {
        Balancers::open(&self.site).unwrap()
    }

    fn start_target(&mut self, name: &str) {
        let namespace = self.site.namespace_path("targets");
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", namespace.display())).args(["python3", "-c", TARGET, name]);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let output = child.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
        assert_eq!(line, "ready\n");
        self.targets.push((address(name), child));
    }

    fn stop_target(&mut self, name: &str) {
        let at = self.targets.iter().position(|(target, _)| *target == address(name)).unwrap();
        let (_, mut child) = self.targets.remove(at);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn curl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let namespace = self.site.namespace_path("clients");
        command.arg(format!("--net={}", namespace.display())).args(["curl", "-s", "--max-time", "20"]);
        command.args(arguments);
        command
    }

    fn get(&self, arguments: &[&str]) -> String {
        let output = self.curl(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let text = self.get(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// Who answers, of so many requests.
    fn answering(&self, url: &str, requests: usize) -> BTreeMap<String, usize> {
        (0..requests).fold(BTreeMap::new(), |mut names, _| {
            let text = self.get(&[url]);
            let answer = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
            *names.entry(answer["name"].as_str().unwrap_or("nobody").to_owned()).or_default() += 1;
            names
        })
    }

    fn show(&self, balancers: &mut Balancers, balancer: &Balancer) -> BTreeMap<Object, String> {
        let scene = Scene { balancers: BTreeMap::from([(1, balancer.clone())]), ..Scene::default() };
        balancers.reconcile(&scene, &|id| self.site.namespace_path(&format!("b{id}")))
    }

    /// Processes whose command line names this world.
    fn processes(&self) -> usize {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
        lines.filter(|line| line.contains(self.site.tag()) && line.contains("haproxy")).count()
    }
}

impl Drop for Scenery {
    fn drop(&mut self) {
        let result = Balancers::clean(&self.site);
        for (_, child) in &mut self.targets {
            let _ = child.kill();
            let _ = child.wait();
        }
        for name in ["b1", "targets", "clients"] {
            let _ = run("ip", &["netns", "delete", &self.site.namespace(name)]);
        }
        assert!(result.is_ok() || std::thread::panicking(), "{result:?}");
    }
}

/// Waits until reports have told this of a target; gives how long that took.
fn wait_for(balancers: &mut Balancers, port: u16, target: &str, healthy: bool) -> Duration {
    let start = Instant::now();
    let wanted = Report::Health { balancer: 1, listen_port: port, target: address(target), healthy };
    let told =
        |balancers: &Balancers| balancers.shown[&1].health.get(&(port, address(target))) == Some(&healthy);
    while !balancers.reports().contains(&wanted) && !told(balancers) {
        assert!(start.elapsed() < Duration::from_secs(60), "never told: {wanted:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    start.elapsed()
}

const PROGRAMS: [&str; 6] = ["haproxy", "ip", "nsenter", "python3", "curl", "openssl"];

#[test]
fn traffic_spreads_and_dead_targets_are_taken_out_for_real() {
    if !may_run(true, &PROGRAMS) {
        return;
    }
    let mut scenery = Scenery::new("spread");
    for target in ["10.0.0.2", "10.0.0.3", "2001:db8:1::2"] {
        scenery.start_target(target);
    }
    let mut balancers = scenery.open();
    let mut checked = service(81, 8080, Some(http()));
    checked.check.http = Some(HttpCheck {
        domain: Some("health.example".to_owned()),
        path: "/health".to_owned(),
        response: "is well".to_owned(),
        status_codes: vec!["2??".to_owned()],
        tls: false,
    });
    let mut unwell = checked.clone();
    unwell.listen_port = 82;
    unwell.check.http.as_mut().unwrap().response = "is ill".to_owned();
    let targets = ["10.0.0.2", "10.0.0.3", "2001:db8:1::2"];
    let shown = balancer(vec![service(80, 8080, None), checked, unwell], &targets);
    assert_eq!(scenery.show(&mut balancers, &shown), BTreeMap::new());
    wait_for(&mut balancers, 80, "10.0.0.2", true);

    let three = |each| targets.iter().map(|&name| (name.to_owned(), each)).collect::<BTreeMap<_, _>>();
    assert_eq!(scenery.answering("http://203.0.113.9/", 6), three(2));
    assert_eq!(scenery.answering("http://[2001:db8:2::9]/", 3), three(1));
    // The text is there for one service, and not for the other.
    for target in targets {
        wait_for(&mut balancers, 82, target, false);
    }
    assert_eq!(scenery.answering("http://203.0.113.9:81/", 3), three(1));
    assert_eq!(scenery.get(&["-o", "/dev/null", "-w", "%{http_code}", "http://203.0.113.9:82/"]), "503");

    scenery.stop_target("10.0.0.3");
    let took = wait_for(&mut balancers, 80, "10.0.0.3", false);
    // Two checks, a second apart; more on a computer that does much else.
    assert!(took < Duration::from_secs(10), "taken out after {took:?}");
    assert_eq!(scenery.answering("http://203.0.113.9/", 6).get("10.0.0.3"), None);
    // What is known of targets outlives a change.
    let more = Balancer {
        services: [shown.services.clone(), vec![service(83, 8080, None)]].concat(),
        ..shown.clone()
    };
    scenery.show(&mut balancers, &more);
    assert_eq!(scenery.answering("http://203.0.113.9/", 6).get("nobody"), None);
    scenery.start_target("10.0.0.3");
    let took = wait_for(&mut balancers, 80, "10.0.0.3", true);
    assert!(took < Duration::from_secs(10), "taken back after {took:?}");
    assert_eq!(scenery.answering("http://203.0.113.9/", 6), three(2));
}

#[test]
fn clients_are_known_kept_and_redirected_for_real() {
    if !may_run(true, &PROGRAMS) {
        return;
    }
    let mut scenery = Scenery::new("clients");
    for target in ["10.0.0.2", "10.0.0.3"] {
        scenery.start_target(target);
    }
    let mut proxied = service(90, 8081, None);
    proxied.proxy_protocol = true;
    let mut proxied_http = service(91, 8081, Some(http()));
    proxied_http.proxy_protocol = true;
    proxied_http.check.http = Some(http_check());
    let sticky = HttpService { sticky: Some(("STICKY".to_owned(), 300)), ..http() };
    let folder = tempfile::tempdir().unwrap();
    let certificates = vec![certificate(folder.path(), "a.example"), certificate(folder.path(), "b.example")];
    let tls = HttpService { certificates, redirect_http: true, ..http() };
    let services =
        vec![proxied, proxied_http, service(92, 8080, Some(sticky)), service(443, 8080, Some(tls))];
    let mut balancers = scenery.open();
    let shown = balancer(services, &["10.0.0.2", "10.0.0.3"]);
    assert_eq!(scenery.show(&mut balancers, &shown), BTreeMap::new());
    wait_for(&mut balancers, 91, "10.0.0.2", true);

    for port in [90, 91] {
        let answer = scenery.json(&[&format!("http://203.0.113.9:{port}/")]);
        assert_eq!(answer["proxied"], "203.0.113.77", "{answer}");
    }
    let cookies = folder.path().join("cookies").display().to_string();
    let sticky = ["-b", &cookies, "-c", &cookies, "http://203.0.113.9:92/"];
    let first = scenery.json(&sticky)["name"].clone();
    let head = scenery.get(&["-i", "http://203.0.113.9:92/"]).to_lowercase();
    assert!(head.contains("set-cookie: sticky=") && head.contains("max-age=300"), "{head}");
    for _ in 0..5 {
        assert_eq!(scenery.json(&sticky)["name"], first);
    }

    // The name decides which certificate is shown; the first one is for all others.
    for (name, shown) in [("a.example", "a.example"), ("b.example", "b.example"), ("c.example", "a.example")]
    {
        let authority = folder.path().join(format!("{shown}.crt")).display().to_string();
        let resolve = format!("{name}:443:203.0.113.9");
        let verified = if name == shown { "--cacert" } else { "-k" };
        let mut arguments = vec!["--resolve", &resolve, verified];
        if name == shown {
            arguments.push(&authority);
        }
        let url = format!("https://{name}/x?y=z");
        arguments.push(&url);
        let answer = scenery.json(&arguments);
        let headers = &answer["headers"];
        let header = |name: &str| {
            headers
                .as_object()
                .unwrap()
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .unwrap()
                .1
                .clone()
        };
        assert_eq!(header("x-forwarded-for"), "203.0.113.77");
        assert_eq!(header("x-forwarded-proto"), "https");
        assert_eq!(header("x-forwarded-port"), "443");
    }
    let moved = [
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{redirect_url}",
        "-H",
        "Host: a.example:80",
        "http://203.0.113.9/x?y=z",
    ];
    assert_eq!(scenery.get(&moved), "301 https://a.example/x?y=z");
}

#[test]
fn changes_break_nothing_and_everything_is_found_again_and_cleaned_for_real() {
    if !may_run(true, &PROGRAMS) {
        return;
    }
    let mut scenery = Scenery::new("change");
    let neighbour = Scenery::new("neighbour of change");
    scenery.start_target("10.0.0.2");
    let one = balancer(vec![service(80, 8080, Some(http()))], &["10.0.0.2"]);
    let mut others = neighbour.open();
    assert_eq!(neighbour.show(&mut others, &one), BTreeMap::new());
    let mut balancers = scenery.open();
    assert_eq!(scenery.show(&mut balancers, &one), BTreeMap::new());

    // A download goes on while the configuration changes, and others are served.
    let mut download = scenery
        .curl(&["-N", "-w", "%{http_code}", "http://203.0.113.9/long"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0];
    download.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(first, *b"x");
    let two = Balancer { services: vec![one.services[0].clone(), service(81, 8080, None)], ..one.clone() };
    assert_eq!(scenery.show(&mut balancers, &two), BTreeMap::new());
    assert_eq!(scenery.processes(), 2, "the former process keeps the download");
    assert_eq!(scenery.answering("http://203.0.113.9:81/", 1).get("10.0.0.2"), Some(&1));
    let output = download.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{}200", "x".repeat(119)));

    // Another emulator finds it and leaves it as it is.
    let pid = balancers.shown[&1].pid;
    drop(balancers);
    let mut balancers = scenery.open();
    assert_eq!(scenery.show(&mut balancers, &two), BTreeMap::new());
    assert_eq!(balancers.shown[&1].pid, pid);

    // One that dies is started anew.
    process::end(&scenery.site.dir().join(FOLDER));
    assert_eq!(scenery.answering("http://203.0.113.9/", 1).get("nobody"), Some(&1));
    let start = Instant::now();
    while scenery.answering("http://203.0.113.9/", 1).contains_key("nobody") {
        assert!(start.elapsed() < Duration::from_secs(60));
        balancers.reports();
        std::thread::sleep(Duration::from_millis(50));
    }

    // What haproxy refuses is told, and what ran goes on.
    let broken = CertificatePem { chain: "no".to_owned(), key: "certificate".to_owned() };
    let tls = HttpService { certificates: vec![broken], ..http() };
    let bad =
        Balancer { services: vec![one.services[0].clone(), service(443, 8080, Some(tls))], ..one.clone() };
    let failures = scenery.show(&mut balancers, &bad);
    assert!(failures[&Object::Balancer(1)].contains("[ALERT]"), "{failures:?}");
    assert_eq!(scenery.answering("http://203.0.113.9/", 1).get("10.0.0.2"), Some(&1));

    // No service: nothing listens. Not in the scene: gone.
    assert_eq!(scenery.show(&mut balancers, &balancer(vec![], &[])), BTreeMap::new());
    assert_eq!(scenery.processes(), 0);
    assert_eq!(scenery.show(&mut balancers, &one), BTreeMap::new());
    assert_eq!(balancers.reconcile(&Scene::default(), &|_| PathBuf::new()), BTreeMap::new());
    assert_eq!((scenery.processes(), balancers.ids().len()), (0, 0));

    // Cleaning takes this world's and no other's.
    assert_eq!(scenery.show(&mut balancers, &two), BTreeMap::new());
    assert_eq!(scenery.processes(), 1);
    Balancers::clean(&scenery.site).unwrap();
    Balancers::clean(&scenery.site).unwrap();
    assert_eq!((scenery.processes(), neighbour.processes()), (0, 1));
    assert!(!scenery.site.dir().join(FOLDER).exists());
    drop(neighbour);
    assert!(scenery.base.path().exists());
}
