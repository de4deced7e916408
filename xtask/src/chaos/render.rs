//! A stack as configuration.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::facts;
use super::model::{Group, Keys, Kind, Member, Place, Stack};

const HEAD: &str = "terraform {\n  required_providers {\n    hcloud = {\n      source = \"hetznercloud/hcloud\"\n    }\n  }\n}\n";

/// The files of a configuration by their paths.
pub(super) fn files(stack: &Stack) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut root = HEAD.to_owned();
    for group in &stack.groups {
        let text = Text { stack, group };
        match group.place {
            Place::Root => group.members.iter().for_each(|member| root.push_str(&text.resource(member))),
            Place::Module | Place::ModuleEach => {
                let mut module = HEAD.to_owned();
                for (name, ty, _) in text.inputs() {
                    let _ = write!(module, "variable \"{name}\" {{\n  type = {ty}\n}}\n");
                }
                group.members.iter().for_each(|member| module.push_str(&text.resource(member)));
                files.insert(format!("m_{}/main.tf", group.id), module);
                root.push_str(&text.call());
            }
        }
    }
    files.insert("main.tf".to_owned(), root);
    files
}

/// The text of one group.
struct Text<'a> {
    stack: &'a Stack,
    group: &'a Group,
}

impl Text<'_> {
    /// The variables of the group's module: name, type, and value in the calling module.
    fn inputs(&self) -> Vec<(&'static str, &'static str, String)> {
        let mut inputs: Vec<_> = [Kind::SshKey, Kind::Firewall, Kind::PlacementGroup, Kind::Subnet]
            .into_iter()
            .map(|kind| {
                (variable(kind), if kind == Kind::Subnet { "string" } else { "number" }, self.base(kind))
            })
            .collect();
        match (self.group.place, &self.group.keys) {
            (Place::ModuleEach, _) => inputs.push(("key", "string", "each.key".to_owned())),
            (_, Keys::Count(n)) => inputs.push(("instances", "number", n.to_string())),
            (_, Keys::Each(keys)) => inputs.push(("keys", "set(string)", set(keys))),
            (_, Keys::Single) => {}
        }
        inputs
    }

    fn call(&self) -> String {
        let mut text = format!("module \"{}\" {{\n  source = \"./m_{}\"\n", self.group.id, self.group.id);
        if let (Place::ModuleEach, Keys::Each(keys)) = (self.group.place, &self.group.keys) {
            let _ = writeln!(text, "  for_each = {}", set(keys));
        }
        for (name, _, value) in self.inputs() {
            let _ = writeln!(text, "  {name} = {value}");
        }
        text + "}\n"
    }

    /// The id of something that all stand on, as the root module has it.
    fn base(&self, kind: Kind) -> String {
        let found = self.stack.base().and_then(|base| Some((base, base.member(kind)?)));
        found.map_or_else(
            || "null".to_owned(),
            |(base, member)| {
                let block = base.block_name(member);
                format!("{}.{block}.id", kind.type_name())
            },
        )
    }

    /// The same from where the group's blocks are.
    fn shared(&self, kind: Kind) -> String {
        if self.group.place == Place::Root { self.base(kind) } else { format!("var.{}", variable(kind)) }
    }

    /// The key inside a string.
    fn key(&self) -> &'static str {
        match (self.group.place, &self.group.keys) {
            (Place::ModuleEach, _) => "${var.key}",
            (_, Keys::Single) => "0",
            (_, Keys::Count(_)) => "${count.index}",
            (_, Keys::Each(_)) => "${each.key}",
        }
    }

    /// The instance of another block of the group that has the same key.
    fn own(&self, kind: Kind) -> String {
        let Some(member) = self.group.member(kind) else { return "null".to_owned() };
        let index = match (self.group.place, &self.group.keys) {
            (Place::ModuleEach, _) | (_, Keys::Single) => "",
            (_, Keys::Count(_)) => "[count.index]",
            (_, Keys::Each(_)) => "[each.key]",
        };
        let block = self.group.block_name(member);
        format!("{}.{block}{index}", kind.type_name())
    }

    fn resource(&self, member: &Member) -> String {
        let name = self.group.block_name(member);
        let mut text = format!("resource \"{}\" \"{name}\" {{\n", member.kind.type_name());
        match (self.group.place, &self.group.keys) {
            (Place::Root, Keys::Count(n)) => drop(writeln!(text, "  count = {n}")),
            (Place::Root, Keys::Each(keys)) => drop(writeln!(text, "  for_each = {}", set(keys))),
            (Place::Module, Keys::Count(_)) => text.push_str("  count = var.instances\n"),
            (Place::Module, Keys::Each(_)) => text.push_str("  for_each = var.keys\n"),
            _ => {}
        }
        text.push_str(&self.arguments(member));
        if member.new_first {
            text.push_str("  lifecycle {\n    create_before_destroy = true\n  }\n");
        }
        text + "}\n"
    }

    fn arguments(&self, member: &Member) -> String {
        let version = member.version;
        let name = format!("name = \"{}\"", self.group.object_name(member, self.key()));
        let labels = format!("labels = {{ v = \"{version}\", group = \"{}\" }}", self.group.id);
        let lines: Vec<String> = match member.kind {
            Kind::Network => vec![
                name,
                labels,
                format!("ip_range = \"{}\"", facts::network_range(self.group, member)),
                format!("expose_routes_to_vswitch = {}", facts::exposes(member)),
            ],
            Kind::Subnet => vec![
                format!("network_id = {}.id", self.own(Kind::Network)),
                "type = \"cloud\"".to_owned(),
                "network_zone = \"eu-central\"".to_owned(),
                format!("ip_range = \"{}\"", facts::subnet_range(member)),
            ],
            Kind::Route => vec![
                format!("network_id = {}.id", self.own(Kind::Network)),
                format!("destination = \"{}\"", facts::route_destination(member)),
                format!("gateway = \"{}\"", facts::route_gateway(self.group)),
            ],
            Kind::SshKey => vec![name, labels, format!("public_key = \"{}\"", facts::public_key(member))],
            Kind::Firewall => vec![
                name,
                labels,
                format!(
                    "rule {{\n    direction = \"in\"\n    protocol = \"tcp\"\n    port = \"{}\"\n    source_ips = \
                     [\"0.0.0.0/0\"]\n  }}",
                    facts::port(member)
                ),
            ],
            Kind::PlacementGroup => vec![name, labels, "type = \"spread\"".to_owned()],
            Kind::Server => {
                let mut lines = vec![
                    name,
                    labels,
                    "location = \"fsn1\"".to_owned(),
                    "keep_disk = true".to_owned(),
                    format!("server_type = \"{}\"", facts::server_type(member)),
                    format!("image = \"{}\"", facts::image(member)),
                    format!("ssh_keys = [{}]", self.shared(Kind::SshKey)),
                    format!("firewall_ids = [{}]", self.shared(Kind::Firewall)),
                ];
                if self.group.spread {
                    lines.push(format!("placement_group_id = {}", self.shared(Kind::PlacementGroup)));
                }
                if self.group.member(Kind::PrimaryIp).is_some() {
                    let ip = self.own(Kind::PrimaryIp);
                    lines.push(format!("public_net {{\n    ipv4 = {ip}.id\n    ipv6_enabled = false\n  }}"));
                }
                lines
            }
            Kind::ServerNetwork => vec![
                format!("server_id = {}.id", self.own(Kind::Server)),
                format!("subnet_id = {}", self.shared(Kind::Subnet)),
            ],
            Kind::Volume => vec![
                name,
                labels,
                format!("size = {}", facts::size(member)),
                format!("location = \"{}\"", facts::volume_location(self.group, member)),
            ],
            Kind::VolumeAttachment => vec![
                format!("volume_id = {}.id", self.own(Kind::Volume)),
                format!("server_id = {}.id", self.own(Kind::Server)),
            ],
            Kind::FloatingIp => vec![
                name,
                labels,
                "type = \"ipv4\"".to_owned(),
                "home_location = \"fsn1\"".to_owned(),
                format!("description = \"version {version}\""),
            ],
            Kind::FloatingIpAssignment => vec![
                format!("floating_ip_id = {}.id", self.own(Kind::FloatingIp)),
                format!("server_id = {}.id", self.own(Kind::Server)),
            ],
            Kind::ReverseName => {
                let ip = self.own(Kind::FloatingIp);
                vec![
                    format!("floating_ip_id = {ip}.id"),
                    format!("ip_address = {ip}.ip_address"),
                    format!("dns_ptr = \"{}\"", facts::reverse_name(member)),
                ]
            }
            Kind::PrimaryIp => vec![
                name,
                labels,
                "type = \"ipv4\"".to_owned(),
                "location = \"fsn1\"".to_owned(),
                "auto_delete = false".to_owned(),
            ],
            Kind::Snapshot => vec![
                name.replacen("name", "description", 1),
                labels,
                format!("server_id = {}.id", self.own(Kind::Server)),
            ],
            Kind::Zone => {
                vec![name, labels, "mode = \"primary\"".to_owned(), format!("ttl = {}", facts::ttl(member))]
            }
            Kind::RecordSet => {
                let (ty, value) = facts::record(member);
                vec![
                    format!("zone = {}.name", self.own(Kind::Zone)),
                    format!("name = \"r{}\"", member.id),
                    format!("type = \"{ty}\""),
                    format!("ttl = {}", facts::ttl(member)),
                    format!("records = [{{ value = {} }}]", serde_json::Value::from(value)),
                ]
            }
            Kind::LoadBalancer => vec![
                name,
                labels,
                format!("load_balancer_type = \"{}\"", facts::balancer_type(member)),
                format!("location = \"{}\"", facts::balancer_location(member)),
            ],
            Kind::BalancerNetwork => vec![
                format!("load_balancer_id = {}.id", self.own(Kind::LoadBalancer)),
                format!("subnet_id = {}", self.shared(Kind::Subnet)),
            ],
            Kind::BalancerService => vec![
                format!("load_balancer_id = {}.id", self.own(Kind::LoadBalancer)),
                "protocol = \"tcp\"".to_owned(),
                "listen_port = 80".to_owned(),
                format!("destination_port = {}", facts::port(member)),
            ],
            Kind::BalancerTarget => vec![
                format!("load_balancer_id = {}.id", self.own(Kind::LoadBalancer)),
                "type = \"label_selector\"".to_owned(),
                format!("label_selector = \"{}\"", facts::SELECTOR),
            ],
        };
        lines.iter().map(|line| format!("  {line}\n")).collect()
    }
}

fn variable(kind: Kind) -> &'static str {
    match kind {
        Kind::SshKey => "ssh_key",
        Kind::Firewall => "firewall",
        Kind::PlacementGroup => "placement_group",
        _ => "subnet",
    }
}

fn set(keys: &[String]) -> String {
    let quoted: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
    format!("toset([{}])", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn what_is_written_parses() {
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let mut stack = Stack::random(&mut random);
            for _ in 0..3 {
                for (path, text) in files(&stack) {
                    let id = ferroform_core::Sources::new().add(&*path, &*text);
                    let parsed = ferroform_hcl::parse_body(id, &text);
                    let found = parsed.diagnostics();
                    assert!(found.is_empty(), "seed {seed}, {path}: {found:?}\n{text}");
                }
                stack.change(&mut random);
            }
        }
    }
}
