//! Reverse DNS: the names that addresses lead back to.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::actions::Action;
use crate::collection::{Collection, Object};
use crate::error::Error;
use crate::floating_ips::FloatingIp;
use crate::lenient::null_as_default;
use crate::load_balancers::LoadBalancer;
use crate::primary_ips::PrimaryIp;
use crate::servers::Server;

/// The name of one address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReverseName {
    /// The address.
    pub ip: String,
    /// Its name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub dns_ptr: String,
}

/// The names of an address or a network, in the several forms that the API gives them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(untagged)]
pub enum ReverseNames {
    /// The one name of the one address.
    One(String),
    /// Those of the addresses of a network that have one.
    Many(Vec<ReverseName>),
    /// None.
    #[default]
    None,
}

impl ReverseNames {
    /// The name of an address; `own` is the address that [`ReverseNames::One`] is for.
    pub fn of(&self, own: &str, ip: IpAddr) -> Option<&str> {
        let is = |text: &str| text.parse::<IpAddr>().is_ok_and(|other| other == ip);
        let name = match self {
            ReverseNames::One(name) => is(own).then_some(name),
            ReverseNames::Many(names) => names.iter().find(|name| is(&name.ip)).map(|name| &name.dns_ptr),
            ReverseNames::None => None,
        };
        name.map(String::as_str).filter(|name| !name.is_empty())
    }
}

/// What has addresses with names.
pub trait HasReverseNames: Object {
    /// The name of one of its addresses.
    fn reverse_name(&self, ip: IpAddr) -> Option<&str>;
}

impl HasReverseNames for Server {
    fn reverse_name(&self, ip: IpAddr) -> Option<&str> {
        let addresses = [&self.public_net.ipv4, &self.public_net.ipv6];
        addresses.into_iter().flatten().find_map(|address| address.dns_ptr.of(&address.ip, ip))
    }
}

impl HasReverseNames for LoadBalancer {
    fn reverse_name(&self, ip: IpAddr) -> Option<&str> {
        let addresses = [&self.public_net.ipv4, &self.public_net.ipv6];
        addresses.into_iter().find_map(|address| address.dns_ptr.of(&address.ip, ip))
    }
}

impl HasReverseNames for PrimaryIp {
    fn reverse_name(&self, ip: IpAddr) -> Option<&str> {
        self.dns_ptr.of(&self.ip, ip)
    }
}

impl HasReverseNames for FloatingIp {
    fn reverse_name(&self, ip: IpAddr) -> Option<&str> {
        self.dns_ptr.of(&self.ip, ip)
    }
}

#[derive(Serialize)]
struct Change<'a> {
    ip: &'a str,
    /// Null is the usual name, and has to be said.
    dns_ptr: Option<&'a str>,
}

impl<T: HasReverseNames> Collection<'_, T> {
    /// Sets the name of one of its addresses; None for the usual name, which only IPv4 addresses have.
    pub async fn change_dns_ptr(self, id: i64, ip: &str, dns_ptr: Option<&str>) -> Result<Action, Error> {
        self.act(id, "change_dns_ptr", &Change { ip, dns_ptr }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_all_their_forms() {
        let own = "192.0.2.1";
        for (json, ip, name) in [
            (r#""a.example""#, own, Some("a.example")),
            (r#""a.example""#, "192.0.2.2", None),
            (r#"[{"ip": "2001:db8:0::1", "dns_ptr": "b.example"}]"#, "2001:db8::1", Some("b.example")),
            (r#"[{"ip": "2001:db8::1", "dns_ptr": null}]"#, "2001:db8::1", None),
            ("[]", own, None),
            ("null", own, None),
        ] {
            let names: ReverseNames = serde_json::from_str(json).unwrap();
            assert_eq!(names.of(own, ip.parse().unwrap()), name, "{json}");
        }
    }
}
