//! The page that people look at: a project as tables, read only, without scripts and without anything from elsewhere.

mod costs;
mod html;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use self::html::{POLICY, Page, number, text};
use crate::clock::rfc3339;
use crate::core::{Core, Incoming, Outgoing, answered, open, refused};
use crate::world::firewalls::Firewall;
use crate::world::load_balancers::{LoadBalancer, Target};
use crate::world::primary_ips::Version;
use crate::world::servers::Server;
use crate::world::{Kind, Labels, Row, Table, Tx};

impl Core {
    /// The page of the project whose token the request has. Browsers ask for it as for a password, with any name.
    pub(super) fn page(&mut self, request: &Incoming<'_>, now: i64) -> Outgoing {
        let token = request.authorization.and_then(password);
        let bearer = token.map(|token| format!("Bearer {token}"));
        let authorization = bearer.as_deref().or(request.authorization);
        let project = match self.authenticate(&Incoming { authorization, ..*request }) {
            Ok(project) => project,
            Err(refusal) => {
                let mut outgoing = refused(&refusal);
                let realm = "Basic realm=\"local cloud: any name, the token as password\", charset=\"UTF-8\"";
                outgoing.headers.push(("www-authenticate", realm.to_owned()));
                return outgoing;
            }
        };
        let facts = [
            format!("World {}, at {} by its own clock.", self.world.shared.world_id, rfc3339(now)),
            format!(
                "{} requests were made. This page shows one project, that of the token, as it is now; nothing can be \
                 changed here.",
                self.stats.total()
            ),
        ];
        let faults = self.faults.list();
        let mut fate = self.faults.fate_of_time();
        let tx = open(&mut self.world, &mut fate, &project, now, self.clock.instant(), &self.live);
        let mut page = Page::new("Local Hetzner Cloud", &facts);
        show_costs(&mut page, &tx);
        show_servers(&mut page, &tx);
        show_networks(&mut page, &tx);
        show_firewalls(&mut page, &tx);
        show_volumes(&mut page, &tx);
        show_load_balancers(&mut page, &tx);
        show_zones(&mut page, &tx);
        show_actions(&mut page, &tx);
        show_faults(&mut page, &faults);
        Outgoing {
            headers: [
                ("content-type", "text/html; charset=utf-8"),
                ("content-security-policy", POLICY),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
            ]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec(),
            body: page.finish(),
            ..answered(200, &Value::Null)
        }
    }
}

/// The password of an `Authorization` header of the scheme `Basic`.
fn password(header: &str) -> Option<String> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

fn show_labels(labels: &Labels) -> String {
    let pairs = labels.iter().map(
        |(key, value)| {
            if value.is_empty() { key.clone() } else { format!("{key}={value}") }
        },
    );
    pairs.collect::<Vec<_>>().join(", ")
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// The name of an object, or its id if it is gone.
fn name_in<T: Row>(table: &Table<T>, id: i64) -> String {
    table.get(id).map_or_else(|| id.to_string(), |row| row.name().to_owned())
}

/// The title of a table of so many things.
fn counted(title: &str, count: usize) -> String {
    format!("{title} ({count})")
}

fn show_costs(page: &mut Page, tx: &Tx<'_>) {
    let columns = [text("for"), number("objects"), number("€ a month, net")];
    let rows = costs::costs(tx.project).into_iter();
    let title = format!("Costs at Hetzner (prices of {})", tx.catalogue().as_of());
    page.table(&title, columns, rows.map(|(kind, sum)| [kind.to_owned(), sum.count.to_string(), sum.show()]));
}

fn show_servers(page: &mut Page, tx: &Tx<'_>) {
    let columns = [
        number("id"),
        text("name"),
        text("status"),
        text("type"),
        text("location"),
        text("public IPv4"),
        text("public IPv6"),
        text("private IPs"),
        text("labels"),
        number("€ a month"),
    ];
    let address = |server: &Server, version| {
        tx.primary_ip_of(server.id, version).map(|ip| ip.address.to_string()).unwrap_or_default()
    };
    let servers = &tx.project.servers;
    let rows = servers.values().map(|server| {
        [
            server.id.to_string(),
            server.name.clone(),
            tx.status_of(server).as_str().to_owned(),
            server.server_type.clone(),
            server.location.clone(),
            address(server, Version::V4),
            address(server, Version::V6),
            join(server.private_nets.iter().map(|attachment| attachment.ip.to_string())),
            show_labels(&server.labels),
            costs::cell(costs::of_server(server)),
        ]
    });
    page.table(&counted("Servers", servers.len()), columns, rows);
}

fn show_networks(page: &mut Page, tx: &Tx<'_>) {
    let columns =
        [number("id"), text("name"), text("range"), text("subnets"), text("routes"), number("members")];
    let networks = &tx.project.networks;
    let rows = networks.values().map(|network| {
        [
            network.id.to_string(),
            network.name.clone(),
            network.ip_range.to_string(),
            join(
                network
                    .subnets
                    .iter()
                    .map(|subnet| format!("{} in {}", subnet.ip_range, subnet.network_zone)),
            ),
            join(network.routes.iter().map(|route| format!("{} by {}", route.destination, route.gateway))),
            tx.network_members(network.id).len().to_string(),
        ]
    });
    page.table(&counted("Networks", networks.len()), columns, rows);
}

fn show_rules(firewall: &Firewall) -> String {
    let rules = firewall.rules.iter().map(|rule| {
        let port = rule.port.as_deref().map(|port| format!(" {port}")).unwrap_or_default();
        let (toward, ips) = match rule.direction.as_str() {
            "in" => ("from", &rule.source_ips),
            _ => ("to", &rule.destination_ips),
        };
        format!("{} {}{port} {toward} {}", rule.direction, rule.protocol, ips.join(" "))
    });
    rules.collect::<Vec<_>>().join("; ")
}

fn show_firewalls(page: &mut Page, tx: &Tx<'_>) {
    let columns = [number("id"), text("name"), text("rules"), text("applied to")];
    let firewalls = &tx.project.firewalls;
    let rows = firewalls.values().map(|firewall| {
        let servers = firewall.servers.iter().map(|applied| name_in(&tx.project.servers, applied.server));
        let selectors = firewall.selectors.iter().map(|selector| format!("label {selector}"));
        [firewall.id.to_string(), firewall.name.clone(), show_rules(firewall), join(servers.chain(selectors))]
    });
    page.table(&counted("Firewalls", firewalls.len()), columns, rows);
}

fn show_volumes(page: &mut Page, tx: &Tx<'_>) {
    let columns = [
        number("id"),
        text("name"),
        number("GB"),
        text("location"),
        text("format"),
        text("server"),
        number("€ a month"),
    ];
    let volumes = &tx.project.volumes;
    let rows = volumes.values().map(|volume| {
        [
            volume.id.to_string(),
            volume.name.clone(),
            volume.size.to_string(),
            volume.location.clone(),
            volume.format.clone().unwrap_or_default(),
            volume.server.map(|server| name_in(&tx.project.servers, server)).unwrap_or_default(),
            costs::cell(costs::of_volume(volume)),
        ]
    });
    page.table(&counted("Volumes", volumes.len()), columns, rows);
}

fn show_targets(tx: &Tx<'_>, balancer: &LoadBalancer) -> String {
    join(balancer.targets.iter().map(|target| match target {
        Target::Server { id, .. } => name_in(&tx.project.servers, *id),
        Target::Selector { selector, .. } => format!("label {selector}"),
        Target::Ip { ip } => ip.to_string(),
    }))
}

fn show_load_balancers(page: &mut Page, tx: &Tx<'_>) {
    let columns = [
        number("id"),
        text("name"),
        text("type"),
        text("location"),
        text("addresses"),
        text("ports"),
        text("targets"),
        number("€ a month"),
    ];
    let balancers = &tx.project.load_balancers;
    let rows = balancers.values().map(|balancer| {
        let public = [balancer.ipv4, balancer.ipv6].into_iter().filter(|_| balancer.public_interface);
        let private = balancer.private_nets.iter().map(|attachment| attachment.ip.to_string());
        let ports = balancer
            .services
            .iter()
            .map(|service| format!("{} to {}", service.listen_port, service.destination_port));
        [
            balancer.id.to_string(),
            balancer.name.clone(),
            balancer.load_balancer_type.clone(),
            balancer.location.clone(),
            join(public.map(|ip| ip.to_string()).chain(private)),
            join(ports),
            show_targets(tx, balancer),
            costs::cell(costs::of_load_balancer(balancer)),
        ]
    });
    page.table(&counted("Load balancers", balancers.len()), columns, rows);
}

fn show_zones(page: &mut Page, tx: &Tx<'_>) {
    let columns = [number("id"), text("name"), text("mode"), number("TTL"), number("record sets")];
    let zones = &tx.project.zones;
    let rows = zones.values().map(|zone| {
        [
            zone.id.to_string(),
            zone.name.clone(),
            zone.mode.as_str().to_owned(),
            zone.ttl.to_string(),
            zone.rrsets.len().to_string(),
        ]
    });
    page.table(&counted("Zones", zones.len()), columns, rows);
}

fn show_actions(page: &mut Page, tx: &Tx<'_>) {
    let columns =
        [number("id"), text("command"), text("of"), text("since"), number("progress"), text("held up by")];
    let rows = tx.project.running().map(|action| {
        let of = action.resources.iter().map(|resource| {
            let name = match resource.kind {
                Kind::Server => name_in(&tx.project.servers, resource.id),
                Kind::Volume => name_in(&tx.project.volumes, resource.id),
                Kind::Network => name_in(&tx.project.networks, resource.id),
                Kind::LoadBalancer => name_in(&tx.project.load_balancers, resource.id),
                _ => resource.id.to_string(),
            };
            format!("{} {name}", resource.kind.as_str().replace('_', " "))
        });
        [
            action.id.to_string(),
            action.command.as_str().to_owned(),
            join(of),
            rfc3339(action.started),
            format!("{} %", action.progress(tx.now)),
            action.stalled.map(|fault| format!("fault {fault}")).unwrap_or_default(),
        ]
    });
    let count = tx.project.running().count();
    page.table(&counted("Running actions", count), columns, rows);
}

fn show_faults(page: &mut Page, faults: &[Value]) {
    let columns = [number("id"), text("fault"), number("matched"), number("hits"), number("holds")];
    let rows = faults
        .iter()
        .map(|shown| ["id", "fault", "matched", "hits", "held"].map(|field| shown[field].to_string()));
    page.table(&counted("Faults", faults.len()), columns, rows);
}
