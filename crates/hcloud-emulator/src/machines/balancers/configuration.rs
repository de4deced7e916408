//! The configuration of haproxy that does what a load balancer should do: a function of the scene, nothing else.
//!
//! What Hetzner's documentation leaves open is decided here, in one place: targets speak plain HTTP (TLS ends at the
//! load balancer); they are told of the client in `X-Forwarded-For`, `-Proto` and `-Port`; the PROXY protocol is
//! version 2, also in health checks of the port that traffic goes to; a redirect to HTTPS is permanent (301).

use std::fmt::Write as _;
use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::backend::scene::{Balancer, CertificatePem, Check, HttpCheck, HttpService, Service};

/// The socket at which a running haproxy answers, in the folder it runs in.
pub(super) const SOCKET: &str = "admin.sock";
/// The file from which it learns at its start what its predecessor knew of the targets.
pub(super) const STATE: &str = "state";
/// What that file says when nothing is known: the version of its format alone.
pub(super) const NO_STATE: &str = "1\n";

/// How long connections that nothing is said on are kept, in TCP services.
const IDLE_TCP: &str = "1h";

/// The user and group `nobody`, the same numbers everywhere.
const NOBODY: u32 = 65534;

/// A file that a configuration refers to, in the folder that haproxy runs in. Its name follows from its text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TlsFile {
    pub(super) name: String,
    pub(super) text: String,
}

/// What the name of each of them ends with.
pub(super) const TLS_ENDING: &str = ".tls";

impl TlsFile {
    fn new(text: String) -> Self {
        Self { name: format!("{}{TLS_ENDING}", digest(&text)), text }
    }

    fn certificate(certificate: &CertificatePem) -> Self {
        Self::new(format!("{}\n{}\n", certificate.chain.trim(), certificate.key.trim()))
    }

    /// The list of a service's certificates, the default one first: a line of the configuration would hold a few only.
    fn list(http: &HttpService) -> Self {
        let certificates = http.certificates.iter().map(Self::certificate);
        Self::new(certificates.fold(String::new(), |list, file| format!("{list}./{}\n", file.name)))
    }
}

/// What tells one text from another: 24 hexadecimal digits.
pub(super) fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(12).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The files that [`configuration`] refers to: certificates, and lists of them.
pub(super) fn files(balancer: &Balancer) -> Vec<TlsFile> {
    let services = balancer.services.iter().filter_map(|service| service.http.as_ref());
    let services = services.filter(|http| !http.certificates.is_empty());
    services
        .flat_map(|http| http.certificates.iter().map(TlsFile::certificate).chain([TlsFile::list(http)]))
        .collect()
}

/// The whole configuration. It is different for balancers that should do something different, certificates
/// included. Its paths are relative to the folder that haproxy runs in. `ipv6`: whether the kernel knows IPv6.
pub(super) fn configuration(balancer: &Balancer, ipv6: bool) -> String {
    let mut text = format!(
        "global\n    \
             stats socket unix@{SOCKET} mode 600 level admin expose-fd listeners\n    \
             stats timeout 1m\n    \
             server-state-file ./{STATE}\n    \
             hard-stop-after 30m\n    \
             maxconn 10000\n    \
             no strict-limits\n    \
             nbthread 1\n    \
             uid {NOBODY}\n    \
             gid {NOBODY}\n    \
             spread-checks 0\n    \
             tune.ssl.default-dh-param 2048\n    \
             ssl-default-bind-options ssl-min-ver TLSv1.2\n    \
             ssl-server-verify none\n\
         \n\
         defaults\n    \
             load-server-state-from-file global\n"
    );
    for service in &balancer.services {
        put_frontend(&mut text, service, ipv6);
        put_backend(&mut text, balancer, service);
        put_redirect(&mut text, balancer, service, ipv6);
    }
    text
}

/// The name of a service's backend, by which its statistics are found.
pub(super) fn backend_name(listen_port: u16) -> String {
    format!("s{listen_port}")
}

fn put_frontend(text: &mut String, service: &Service, ipv6: bool) {
    let port = service.listen_port;
    let _ = writeln!(text, "\nfrontend f{port}");
    let tls = service.http.as_ref().filter(|http| !http.certificates.is_empty());
    let tls = tls.map_or(String::new(), |http| {
        format!(" ssl alpn h2,http/1.1 crt-list ./{}", TlsFile::list(http).name)
    });
    put_binds(text, port, &tls, ipv6);
    match &service.http {
        None => {
            let _ = writeln!(text, "    mode tcp\n    timeout client {IDLE_TCP}");
        }
        Some(http) => {
            let protocol = if tls.is_empty() { "http" } else { "https" };
            let idle = http.timeout_idle;
            let _ = writeln!(
                text,
                "    mode http\n    \
                     timeout client {idle}s\n    \
                     timeout http-keep-alive {idle}s\n    \
                     timeout http-request {idle}s\n    \
                     option forwardfor\n    \
                     http-request set-header X-Forwarded-Proto {protocol}\n    \
                     http-request set-header X-Forwarded-Port {port}"
            );
        }
    }
    let _ = writeln!(text, "    default_backend {}", backend_name(port));
}

fn put_binds(text: &mut String, port: u16, options: &str, ipv6: bool) {
    let _ = writeln!(text, "    bind 0.0.0.0:{port}{options}");
    if ipv6 {
        let _ = writeln!(text, "    bind [::]:{port} v6only{options}");
    }
}

fn put_backend(text: &mut String, balancer: &Balancer, service: &Service) {
    let Service { listen_port, destination_port, check, http, .. } = service;
    let algorithm = if balancer.least_connections { "leastconn" } else { "roundrobin" };
    let mode = if http.is_some() { "http" } else { "tcp" };
    let idle = http.as_ref().map_or(IDLE_TCP.to_owned(), |http| format!("{}s", http.timeout_idle));
    let _ = writeln!(
        text,
        "\nbackend {}\n    \
             mode {mode}\n    \
             balance {algorithm}\n    \
             timeout server {idle}\n    \
             timeout connect {timeout}s\n    \
             timeout queue {timeout}s\n    \
             timeout check {timeout}s",
        backend_name(*listen_port),
        timeout = check.timeout.max(1),
    );
    let sticky = http.as_ref().and_then(|http| http.sticky.as_ref());
    if let Some((name, lifetime)) = sticky {
        let _ = writeln!(
            text,
            "    cookie {} insert indirect nocache maxlife {lifetime}s attr \"Max-Age={lifetime}\"",
            quoted(name)
        );
    }
    if let Some(http) = &check.http {
        put_http_check(text, http);
    }
    let options = server_options(service);
    for target in &balancer.targets {
        let address = match target {
            IpAddr::V4(address) => format!("{address}:{destination_port}"),
            IpAddr::V6(address) => format!("[{address}]:{destination_port}"),
        };
        // What the cookie says is nobody's business; it has only to be the same every time.
        let cookie = sticky.map_or(String::new(), |_| {
            format!(" cookie {}", &digest(&format!("{listen_port} {target}"))[..16])
        });
        let _ = writeln!(text, "    server {target} {address}{options}{cookie}");
    }
}

fn server_options(service: &Service) -> String {
    let Check { port, interval, retries, http, .. } = &service.check;
    let (interval, retries) = ((*interval).max(1), (*retries).max(1));
    let mut options = format!(" check port {port} inter {interval}s fall {retries} rise {retries}");
    if let Some(http) = http.as_ref().filter(|http| http.tls) {
        options.push_str(" check-ssl verify none check-alpn http/1.1");
        if let Some(domain) = http.domain.as_ref().filter(|domain| domain.parse::<IpAddr>().is_err()) {
            let _ = write!(options, " check-sni {}", quoted(domain));
        }
    }
    if service.proxy_protocol {
        options.push_str(" send-proxy-v2");
        if *port == service.destination_port {
            options.push_str(" check-send-proxy");
        }
    }
    options
}

fn put_http_check(text: &mut String, check: &HttpCheck) {
    // A request of version 1.1 without a host would be refused.
    let (version, host) = match &check.domain {
        Some(domain) => ("HTTP/1.1", format!(" hdr Host {}", quoted(&domain.replace('%', "%%")))),
        None => ("HTTP/1.0", String::new()),
    };
    let path = if check.path.is_empty() { "/" } else { &check.path };
    let _ = writeln!(
        text,
        "    option httpchk\n    http-check send meth GET uri {} ver {version}{host}\n    \
             http-check expect rstatus {}",
        quoted(path),
        quoted(&status_pattern(&check.status_codes)),
    );
    if !check.response.is_empty() {
        let _ = writeln!(text, "    http-check expect string {}", quoted(&check.response));
    }
}

/// A regular expression for codes in which `?` stands for one character and `*` for any number of them (Hetzner API
/// documentation, as are the codes where none are given).
fn status_pattern(codes: &[String]) -> String {
    let pattern = |code: &str| {
        code.chars().fold(String::new(), |mut pattern, char| {
            match char {
                '?' => pattern.push('.'),
                '*' => pattern.push_str(".*"),
                _ if char.is_ascii_alphanumeric() => pattern.push(char),
                _ => {}
            }
            pattern
        })
    };
    let codes = codes.iter().map(|code| pattern(code)).filter(|code| !code.is_empty()).collect::<Vec<_>>();
    if codes.is_empty() { "^(2..|3..)$".to_owned() } else { format!("^({})$", codes.join("|")) }
}

/// Port 80 leads to a service that wants it so, unless something else is there.
fn put_redirect(text: &mut String, balancer: &Balancer, service: &Service, ipv6: bool) {
    let wants = |http: &HttpService| http.redirect_http && !http.certificates.is_empty();
    if !service.http.as_ref().is_some_and(wants) {
        return;
    }
    let before = balancer.services.iter().take_while(|other| *other != service);
    let taken = balancer.services.iter().any(|other| other.listen_port == 80)
        || before.filter_map(|other| other.http.as_ref()).any(wants);
    if taken {
        return;
    }
    let port = if service.listen_port == 443 { String::new() } else { format!(":{}", service.listen_port) };
    let _ = writeln!(text, "\nfrontend redirect");
    put_binds(text, 80, "", ipv6);
    let _ = writeln!(
        text,
        "    mode http\n    timeout client 50s\n    timeout http-request 50s\n    \
             http-request redirect code 301 location https://%[req.hdr(host),host_only]{port}%[pathq]"
    );
}

/// A word as haproxy reads it, whatever is in it.
fn quoted(word: &str) -> String {
    let word: String = word.chars().filter(|char| !char.is_control()).collect();
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_and_codes_become_patterns() {
        for (word, expected) in
            [("a b", "'a b'"), ("it's $X #1", "'it'\\''s $X #1'"), ("a\nb\0", "'ab'"), ("", "''")]
        {
            assert_eq!(quoted(word), expected);
        }
        let pattern =
            |codes: &[&str]| status_pattern(&codes.iter().map(|&code| code.to_owned()).collect::<Vec<_>>());
        assert_eq!(pattern(&["2??", "301", "4*"]), "^(2..|301|4.*)$");
        assert_eq!(pattern(&[]), "^(2..|3..)$");
        assert_eq!(pattern(&["(", ""]), "^(2..|3..)$");
    }
}
