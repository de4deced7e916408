//! The metadata service: what Hetzner's tells a server about itself at `http://169.254.169.254/hetzner/v1/`, in the
//! formats of Hetzner's API documentation and, for the rest, those that cloud-init reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use ipnet::{IpNet, Ipv6Net};
use parking_lot::RwLock;

use super::plan::{GATEWAY_V6, RESOLVERS, RESOLVERS_V6, first, first_v6, public_mac};
use crate::backend::scene::{Machine, Scene};

/// What is told to one machine, and how it is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Documents {
    public_v4: Option<Ipv4Addr>,
    public_v6: Option<Ipv6Net>,
    floating: Vec<IpNet>,
    /// Networks and its addresses in them.
    private: Vec<(i64, Ipv4Addr)>,
    /// Names (as in the path) and what is told, in the order of the summary.
    entries: BTreeMap<&'static str, Entry>,
    user_data: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// As the answer to a request for this alone.
    alone: String,
    /// As a value in the summary, with what follows the colon; absent if it is not in it.
    summary: Option<String>,
}

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Internet,
    Segment(i64),
}

/// Everybody's documents, changed as the scene changes.
#[derive(Clone, Debug, Default)]
pub(super) struct View(Arc<RwLock<BTreeMap<i64, Documents>>>);

impl View {
    /// From now on these are told.
    pub(super) fn show(&self, documents: BTreeMap<i64, Documents>) {
        *self.0.write() = documents;
    }

    /// Answers a request. The kernel has made sure that the source address belongs to the link (`port`, if known)
    /// that the request came from.
    pub(super) fn answer(
        &self,
        place: Place,
        source: IpAddr,
        port: Option<&str>,
        method: &Method,
        path: &str,
    ) -> Response {
        let all = self.0.read();
        let by_port = || all.get(&port?.strip_prefix('m')?.parse().ok()?);
        let found = by_port().or_else(|| all.values().find(|documents| documents.is_from(place, source)));
        let Some(documents) = found else {
            return text(StatusCode::NOT_FOUND, "no server has this address\n".into());
        };
        if !matches!(*method, Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET is possible\n".into());
        }
        match documents.find(path) {
            Some(body) if body.is_empty() => text(StatusCode::NO_CONTENT, String::new()),
            Some(body) => text(StatusCode::OK, body),
            None => text(StatusCode::NOT_FOUND, "not found\n".into()),
        }
    }
}

fn text(status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

impl Documents {
    /// Those of a machine.
    pub(super) fn of(id: i64, machine: &Machine, scene: &Scene) -> Self {
        let public = &machine.public;
        let mut entries = BTreeMap::new();
        let mut add = |name, alone: String, summary| {
            entries.insert(name, Entry { alone, summary });
        };
        let plain = |value: &str| Some(format!(" {}", scalar(value)));

        let zone = availability_zone(&machine.location);
        add("availability-zone", zone.clone(), plain(&zone));
        add("hostname", machine.name.clone(), plain(&machine.name));
        add("instance-id", id.to_string(), Some(format!(" {id}")));
        add("local-ipv4", String::new(), Some(" ''".into()));
        let network = network_config(id, machine);
        add("network-config", network.clone(), Some(format!("\n{}", indent(&network))));
        add("private-networks", private_networks(machine, scene), None);
        let v4 = public.v4.map(|address| address.to_string()).unwrap_or_default();
        add("public-ipv4", v4.clone(), Some(if v4.is_empty() { " ''".into() } else { format!(" {v4}") }));
        let keys = machine.ssh_keys.iter().fold(String::new(), |mut text, key| {
            let _ = writeln!(text, "- {}", quoted(key.trim()));
            text
        });
        let summary = if keys.is_empty() { " []".into() } else { format!("\n{}", keys.trim_end()) };
        add("public-keys", keys, Some(summary));
        let region = ferroform_catalogue::Catalogue::builtin()
            .network_zone_of(&machine.location)
            .unwrap_or(&machine.location)
            .to_owned();
        add("region", region.clone(), plain(&region));
        let vendor = vendor_data(machine);
        add("vendor_data", vendor.clone(), Some(format!(" {}", quoted(&vendor))));
        Self {
            public_v4: public.v4,
            public_v6: public.v6,
            floating: public.floating.clone(),
            private: machine
                .links
                .iter()
                .flat_map(|link| {
                    let addresses = std::iter::once(link.address).chain(link.aliases.iter().copied());
                    addresses.map(|address| (link.segment, address))
                })
                .collect(),
            entries,
            user_data: machine.user_data.clone(),
        }
    }

    fn is_from(&self, place: Place, source: IpAddr) -> bool {
        match (place, source) {
            (Place::Internet, IpAddr::V4(address)) if self.public_v4 == Some(address) => true,
            (Place::Internet, IpAddr::V6(address))
                if self.public_v6.is_some_and(|net| net.contains(&address)) =>
            {
                true
            }
            (Place::Internet, _) => self.floating.iter().any(|net| net.contains(&source)),
            (Place::Segment(id), IpAddr::V4(address)) => self.private.contains(&(id, address)),
            (Place::Segment(_), IpAddr::V6(_)) => false,
        }
    }

    /// What is at a path, if anything; empty if it exists and has nothing to tell.
    fn find(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix("/hetzner/v1/")?;
        match rest.strip_suffix('/').unwrap_or(rest) {
            "userdata" => Some(self.user_data.clone().unwrap_or_default()),
            "metadata" => Some(self.summary()),
            other => {
                let name = other.strip_prefix("metadata/")?;
                Some(self.entries.get(name)?.alone.clone())
            }
        }
    }

    fn summary(&self) -> String {
        self.entries.iter().fold(String::new(), |mut text, (name, entry)| {
            if let Some(value) = &entry.summary {
                let _ = writeln!(text, "{name}:{}", value.trim_end());
            }
            text
        })
    }
}

/// The networks of a server, as in Hetzner's documentation.
fn private_networks(machine: &Machine, scene: &Scene) -> String {
    let mut text = String::new();
    for (place, link) in machine.links.iter().enumerate() {
        let Some(segment) = scene.segments.get(&link.segment) else { continue };
        let subnet = segment.subnets.iter().find(|subnet| subnet.contains(&link.address));
        let aliases: Vec<String> = link.aliases.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "- ip: {}", link.address);
        let _ = writeln!(text, "  alias_ips: [{}]", aliases.join(", "));
        let _ = writeln!(text, "  interface_num: {}", place + 1);
        let _ = writeln!(text, "  mac_address: {}", scalar(&link.mac));
        let _ = writeln!(text, "  network_id: {}", link.segment);
        let _ = writeln!(text, "  network_name: {}", scalar(&segment.name));
        let _ = writeln!(text, "  network: {}", segment.range);
        let _ = writeln!(text, "  subnet: {}", subnet.unwrap_or(&segment.range));
        let _ = writeln!(text, "  gateway: {}", first(segment.range));
    }
    if text.is_empty() { "[]\n".into() } else { text }
}

/// The configuration of the public interface, in version 1 of cloud-init's format as at Hetzner.
fn network_config(id: i64, machine: &Machine) -> String {
    if !machine.public.exists() {
        return "version: 1\nconfig: []\n".into();
    }
    let mut text = format!(
        "version: 1\nconfig:\n- type: physical\n  name: eth0\n  mac_address: {}\n  subnets:\n",
        scalar(&public_mac(id))
    );
    if machine.public.v4.is_some() {
        let [one, other] = RESOLVERS;
        let _ = writeln!(
            text,
            "  - type: dhcp\n    ipv4: true\n    dns_nameservers:\n    - {one}\n    - {other}"
        );
    }
    if let Some(net) = machine.public.v6 {
        let [one, other] = RESOLVERS_V6;
        let own = first_v6(net);
        let _ = writeln!(
            text,
            "  - type: static\n    ipv6: true\n    address: {own}/{length}\n    gateway: {GATEWAY_V6}\n    \
             dns_nameservers:\n    - {one}\n    - {other}",
            length = net.prefix_len(),
        );
    }
    text
}

/// What the cloud itself configures by cloud-init, before what the user wants: the password of root where there is
/// no key, to be changed at the first log-in.
pub(crate) fn vendor_data(machine: &Machine) -> String {
    let mut text = String::from("#cloud-config\nmanage_etc_hosts: true\n");
    if let Some(password) = &machine.root_password {
        let _ = write!(
            text,
            "ssh_pwauth: true\nchpasswd:\n  expire: true\n  users:\n  - name: root\n    type: text\n    \
             password: {}\n",
            quoted(password)
        );
    }
    text
}

/// The zone of a location as Hetzner's documentation still shows it, named after the data centre.
fn availability_zone(location: &str) -> String {
    let centre = match location {
        "fsn1" => "dc14",
        "nbg1" => "dc3",
        "hel1" => "dc2",
        _ => "dc1",
    };
    format!("{location}-{centre}")
}

/// A string in YAML, plain if no reader could take it for anything else.
fn scalar(value: &str) -> String {
    let simple = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        .contains(&value.to_ascii_lowercase().as_str());
    if simple && !word { value.to_owned() } else { quoted(value) }
}

/// A string in YAML in quotes, which are JSON's.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_stays_a_string_in_yaml() {
        let check = |value: &str, expected: &str| assert_eq!(scalar(value), expected);
        check("my-server.example", "my-server.example");
        // What YAML 1.1, which cloud-init reads, takes for a truth value, a number, or a number to the base 60.
        check("No", "\"No\"");
        check("y", "\"y\"");
        check("1e3", "\"1e3\"");
        check("86:00:00:01:02:03", "\"86:00:00:01:02:03\"");
        check("", "\"\"");
        check("a: \"b\"\n", "\"a: \\\"b\\\"\\n\"");
    }
}
