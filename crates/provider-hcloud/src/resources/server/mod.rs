//! `hcloud_server`: a server.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{AttrPath, Diagnostic, Type, Value};
use ferroform_hcloud::{Action, Error, Server as ApiServer, ServerCreate, code};
use sha1::{Digest, Sha1};

use super::{number_id, parse_id, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, flag, int, int_or_null, int_set, labels, text};
use crate::cluster;
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::note::Note;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

mod change;
mod image;
mod networks;
mod offer;
mod public_net;
mod wishes;

pub(super) use change::switch_off;
pub(super) use public_net::{let_go, take_from_server};

pub(crate) struct Server;

/// What a server's disk is made of.
const REBUILT_WITH: [&str; 2] = ["user_data", "image"];

/// The states from which a server may still be switched off, or not come up, without anybody's wish.
const BEFORE_RUNNING: [&str; 3] = ["off", "initializing", "starting"];

/// Most bytes of user data (Hetzner API documentation, "Create a Server").
const MOST_USER_DATA: usize = 32 * 1024;

#[async_trait]
impl Resource for Server {
    fn name(&self) -> &'static str {
        "hcloud_server"
    }

    fn noun(&self) -> &'static str {
        "server"
    }

    fn schema(&self) -> Schema {
        let string = || Attribute::optional(Type::String);
        let computed = || Attribute::computed(Type::String);
        let switch = || Attribute::optional(Type::Bool);
        let mut block = Block::of([
            super::implicit_id(),
            super::optional_labels(),
            super::delete_protection(),
            ("name", Attribute::required(Type::String)),
            ("server_type", Attribute::required(Type::String)),
            ("image", Attribute::optional_computed(Type::String).force_new()),
            ("location", Attribute::optional_computed(Type::String).force_new()),
            ("datacenter", Attribute::optional_computed(Type::String)),
            ("user_data", string().force_new()),
            ("ssh_keys", Attribute::optional(Type::list(Type::String)).force_new()),
            ("keep_disk", switch()),
            ("allow_deprecated_images", switch()),
            ("backup_window", computed()),
            ("backups", switch()),
            ("ipv4_address", computed()),
            ("ipv6_address", computed()),
            ("ipv6_network", computed()),
            ("status", computed()),
            ("iso", string()),
            ("rescue", string()),
            ("ignore_remote_firewall_ids", switch()),
            ("firewall_ids", Attribute::optional_computed(Type::set(Type::Number))),
            ("placement_group_id", Attribute::optional(Type::Number)),
            ("rebuild_protection", switch()),
            ("shutdown_before_deletion", switch()),
            ("primary_disk_size", Attribute::computed(Type::Number)),
        ]);
        for (name, advice) in [
            ("datacenter", "Hetzner Cloud has no data centers any more; use `location`."),
            ("allow_deprecated_images", "It does nothing; remove it."),
            ("backup_window", "Hetzner Cloud chooses the window by itself; do not rely on it."),
        ] {
            if let Some(attribute) = block.attributes.get_mut(name) {
                attribute.deprecated = Some(advice.to_owned());
            }
        }
        let timeouts = Block::of([("create", Attribute::optional(Type::String))]);
        schema(
            block
                .with_block("public_net", NestedBlock::new(Nesting::Set, public_net::block()))
                .with_block("network", NestedBlock::new(Nesting::Set, networks::block()))
                .with_block("timeouts", NestedBlock::new(Nesting::Single, timeouts)),
        )
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![
            super::unprotected(),
            ("rebuild_protection", flag(false)),
            ("keep_disk", flag(false)),
            ("backups", flag(false)),
            ("ignore_remote_firewall_ids", flag(false)),
            ("shutdown_before_deletion", flag(false)),
        ]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        if let Some(name) = config.get("name").as_str()
            && !is_host_name(name)
        {
            problems.add("name", INVALID, format!(
                "{name:?} is not a host name: up to 63 letters, digits and hyphens between dots, no hyphen at an end of a part."
            ));
        }
        if config.get("user_data").as_str().is_some_and(|data| data.len() > MOST_USER_DATA) {
            problems.add("user_data", INVALID, format!(
                "User data has at most {MOST_USER_DATA} bytes. Compress it, or let it fetch the rest from elsewhere."
            ));
        }
        rules::one_of(config, "rescue", &["linux64", "linux32", ""], problems);
        let known = |name| config.is_known(name);
        if known("delete_protection")
            && known("rebuild_protection")
            && protected(config, "delete_protection") != protected(config, "rebuild_protection")
        {
            problems.add("rebuild_protection", "Invalid attribute combination",
                "`delete_protection` and `rebuild_protection` must have the same value: Hetzner Cloud has them together only.");
        }
        if config
            .get("ssh_keys")
            .as_slice()
            .into_iter()
            .flatten()
            .any(|key| key.is_null() || key.as_str() == Some(""))
        {
            problems.add(
                "ssh_keys",
                INVALID,
                "An element is empty; each must be the name or id of an SSH key.",
            );
        }
        public_net::validate(config, problems);
        networks::validate(config, problems);
        wishes::validate(config, problems);
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan_user_data(plan);
        plan_rebuild(plan);
        keep_fallback(plan);
        networks::plan(plan);
        let new_addresses = public_net::plan(plan);
        if new_addresses {
            for name in ["ipv4_address", "ipv6_address", "ipv6_network"] {
                plan.unknown(name);
            }
        }
        if plan.changes("network") && plan.prior.is_some_and(|prior| prior.text("status") == Some("off")) {
            // It may start with its first interface.
            plan.unknown("status");
        }
        if plan.changes("backups") {
            plan.unknown("backup_window");
        }
        if plan.changes("server_type") && !plan.get("keep_disk").as_bool().unwrap_or(false) {
            plan.unknown("primary_disk_size");
        }
        if plan.note.power_on && plan.prior.is_some_and(|prior| prior.text("status") == Some("off")) {
            plan.set("status", text("running"));
        }
        offer::check(plan);
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::servers::check(plan, around).await;
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.servers.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, state: State, seen: &Seen) -> Result<Option<State>, Error> {
        Ok(seen.servers.find(prior.id())?.map(|server| observed(prior, state, server)))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, config: Attrs<'_>) -> Result<Begun, Failure> {
        let mut request = ServerCreate {
            image: String::new(),
            name: planned.string("name"),
            server_type: planned.string("server_type"),
            location: planned.text("location").or(location_of_datacenter(config)).map(str::to_owned),
            ssh_keys: planned.texts("ssh_keys"),
            // The plan has its digest only.
            user_data: config.text("user_data").map(str::to_owned),
            labels: planned.labels("labels"),
            // Attached afterwards, where an address can be asked for.
            networks: Vec::new(),
            firewalls: planned.ints("firewall_ids"),
            placement_group: planned.positive("placement_group_id"),
            public_net: public_net::request(planned),
            start_after_create: starts_at_once(planned),
        };
        let mut others = wishes::fallbacks(planned).into_iter();
        loop {
            request.image = image::resolve(cx, planned, &request.server_type).await?;
            match cx.client.servers().create(&request).await {
                Ok(created) => return Ok(Begun::new(created.server.id, created.actions)),
                Err(error) => match others.next().filter(|_| error.is(code::RESOURCE_UNAVAILABLE)) {
                    Some(other) => request.server_type = other,
                    None => return Err(error.into()),
                },
            }
        }
    }

    async fn finish(&self, cx: &Cx, id: &str, planned: Attrs<'_>) -> Result<(), Failure> {
        let Some(id) = parse_id(id) else { return Ok(()) };
        change::finish(cx, id, planned, starts_at_once(planned)).await
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        change::update(cx, number_id(prior)?, prior, planned).await
    }

    async fn complete_update(
        &self,
        cx: &Cx,
        prior: Attrs<'_>,
        planned: Attrs<'_>,
        config: Attrs<'_>,
    ) -> Result<(), Failure> {
        if REBUILT_WITH.iter().all(|name| prior.get(name) == planned.get(name)) {
            return Ok(());
        }
        let image = image::resolve(cx, planned, &planned.string("server_type")).await?;
        // The plan has its digest only.
        change::rebuild(cx, number_id(prior)?, &image, config.text("user_data")).await
    }

    fn interrupted(&self, prior: Attrs<'_>, planned: Attrs<'_>) -> Note {
        // A new server is started, though its own action may fail after whoever asked for it was gone.
        let new = prior.0.is_null();
        let changed = match prior.text("status") {
            // An earlier note had made the update switch it on, which did not get to it either.
            Some("off") => planned.text("status") == Some("running"),
            _ => change::needs_it_off(prior, planned),
        };
        Note { power_on: new || changed, ..Note::default() }
    }

    fn remains(&self, note: Note, seen: Attrs<'_>) -> Note {
        let not_running = seen.text("status").is_some_and(|status| BEFORE_RUNNING.contains(&status));
        Note { power_on: note.power_on && not_running, ..note }
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        if prior.flag("shutdown_before_deletion") {
            change::shut_down(cx, id).await?;
        }
        // A server that is protected is not deleted, and keeps its volumes.
        if !prior.flag("delete_protection") {
            cluster::before_server(cx, id).await?;
        }
        Ok(cx.step(Tolerance::REMOVING, || cx.client.servers().delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the server, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.servers(), planned, &mut seen.servers).await
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<Action>, Failure> {
        super::running(cx.client.servers(), id).await
    }

    fn may_have_become(&self, name: &str, planned: Attrs<'_>, seen: Attrs<'_>) -> bool {
        name == "server_type"
            && seen.text(name).is_some_and(|is| wishes::fallbacks(planned).iter().any(|other| other == is))
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "server_type", "image", "location", "labels", "placement_group_id"]
    }
}

const INVALID: &str = "Invalid attribute value";

fn protected(config: Attrs<'_>, name: &str) -> bool {
    config.flag(name)
}

/// Host names of RFC 1123.
fn is_host_name(name: &str) -> bool {
    let part = |part: &str| {
        let bytes = part.as_bytes();
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

/// A server without any public address would have no interface at all before it is in its network, and does not start.
fn starts_at_once(planned: Attrs<'_>) -> bool {
    let without_public =
        planned.block("public_net").is_some_and(|net| !net.flag("ipv4_enabled") && !net.flag("ipv6_enabled"));
    !(without_public && planned.blocks("network").len() > 0)
}

/// The location in the name of a data center of old: `fsn1` of `fsn1-dc14`.
fn location_of_datacenter(config: Attrs<'_>) -> Option<&str> {
    config.text("datacenter")?.split_once("-dc").map(|(location, _)| location)
}

/// What the published provider keeps of user data: the base64 form of its SHA-1 digest.
fn user_data_digest(data: &str) -> String {
    STANDARD.encode(Sha1::digest(data))
}

fn plan_user_data(plan: &mut Plan<'_>) {
    if !plan.config.is_known("user_data") {
        // What is known of the text does not hold for its digest.
        return plan.unknown("user_data");
    }
    let Some(data) = plan.config.get("user_data").as_str() else { return };
    let digest = user_data_digest(data);
    // States of early versions hold the text itself.
    let same = plan
        .prior
        .and_then(|prior| prior.text("user_data"))
        .filter(|known| *known == digest || *known == data);
    let planned = text(same.unwrap_or(&digest));
    if data.is_empty() && same.is_none() {
        return;
    }
    plan.set("user_data", planned);
}

/// A change of user data or image that is to rebuild the server keeps it.
fn plan_rebuild(plan: &mut Plan<'_>) {
    if !needs_rebuild(plan) {
        return;
    }
    REBUILT_WITH.into_iter().for_each(|name| plan.keep_in_place(name));
    let protected = |attrs: Attrs<'_>| attrs.flag("rebuild_protection");
    if plan.prior.is_some_and(protected) && plan.get("rebuild_protection").as_bool() == Some(true) {
        let detail = format!(
            "This change rebuilds the server, as its label {} asks for, and the server is protected against that. Set \
             `delete_protection` and `rebuild_protection` to false, in this same change if you like.",
            wishes::REBUILD_ON
        );
        plan.problems.add("rebuild_protection", "Server is protected", detail);
        return;
    }
    // The plan shows an update, which people take for harmless.
    let changed: Vec<&str> = REBUILT_WITH.into_iter().filter(|name| plan.changes(name)).collect();
    plan.problems.push(
        Diagnostic::warning("Server will be rebuilt")
            .detail(format!(
                "The change of {} rebuilds the server, as its label {} asks for: it keeps its id and addresses, and everything \
                 on its own disk is lost. Volumes stay.",
                changed.join(" and "),
                wishes::REBUILD_ON
            ))
            .attribute(AttrPath::attr(changed.first().copied().unwrap_or("image"))),
    );
}

/// Whether something changes that is to rebuild the server, and nothing that makes a new one of it anyway.
fn needs_rebuild(plan: &Plan<'_>) -> bool {
    let changed = || REBUILT_WITH.into_iter().filter(|name| plan.changes(name));
    // A rebuild without user data takes that of before.
    let possible = |name: &str| name != "user_data" || plan.config.is_set(name);
    changed().next().is_some()
        && changed().all(|name| wishes::rebuilds_on(plan.config, name) && possible(name))
        && !["location", "ssh_keys"].iter().any(|name| plan.changes(name))
}

/// A server of a type that it was given because another was sold out stays what it is.
fn keep_fallback(plan: &mut Plan<'_>) {
    let fallbacks = wishes::fallbacks(plan.config);
    plan.keep_if("server_type", |before, _| fallbacks.iter().any(|name| before.as_str() == Some(name)));
}

/// A server as the API shows it.
fn observed(prior: Attrs<'_>, mut state: State, server: &ApiServer) -> State {
    state.set("id", text(&server.id.to_string()));
    state.set("name", text(&server.name));
    state.set("server_type", text(&server.server_type.name));
    if let Some(image) = &server.image {
        let id = image.id.to_string();
        // A system image is known by its name, unless configuration gave its number.
        let by_id = prior.text("image") == Some(&id);
        let name = image.name.as_deref().filter(|name| !by_id && !name.is_empty());
        state.set("image", text(name.unwrap_or(&id)));
    }
    state.set("location", text(&server.location.name));
    state.set("labels", labels(&server.labels));
    state.set("status", text(&server.status));
    state.set("backups", flag(server.backup_window.is_some()));
    state.set("backup_window", text(server.backup_window.as_deref().unwrap_or_default()));
    let (ipv4, ipv6) = (&server.public_net.ipv4, &server.public_net.ipv6);
    state.set("ipv4_address", text(ipv4.as_ref().map_or("", |a| &a.ip)));
    state.set("ipv6_network", text(ipv6.as_ref().map_or("", |a| &a.ip)));
    state.set("ipv6_address", text(&ipv6.as_ref().map(|a| first_address(&a.ip)).unwrap_or_default()));
    if !(prior.flag("ignore_remote_firewall_ids") && prior.is_known("firewall_ids")) {
        state.set("firewall_ids", int_set(server.public_net.firewalls.iter().map(|f| f.id)));
    }
    let group = server.placement_group.as_ref().map(|g| g.id);
    state.set_unless("placement_group_id", int_or_null(group), |_| {
        group.is_none() && prior.int("placement_group_id") == Some(0)
    });
    state.set("delete_protection", flag(server.protection.delete));
    state.set("rebuild_protection", flag(server.protection.rebuild));
    state.set("primary_disk_size", int(server.primary_disk_size));
    public_net::observe(prior, &mut state, server);
    networks::observe(prior, &mut state, server);
    state
}

/// The address that a server uses of its /64: the first one.
pub(crate) fn first_address(network: &str) -> String {
    let address = network.split('/').next().unwrap_or_default();
    address
        .parse::<std::net::Ipv6Addr>()
        .map_or_else(|_| String::new(), |first| std::net::Ipv6Addr::from(u128::from(first) | 1).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: `printf '…' | openssl sha1 -binary | base64`.
    #[test]
    fn user_data_is_kept_as_a_digest() {
        assert_eq!(user_data_digest("#cloud-config\n"), "wK9leoEi2xH7hUH5D+q3hxwsPXE=");
        assert_eq!(user_data_digest(""), "2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
    }

    #[test]
    fn a_server_uses_the_first_address_of_its_network() {
        assert_eq!(first_address("2001:db8:c013:1::/64"), "2001:db8:c013:1::1");
        assert_eq!(first_address(""), "");
    }

    #[test]
    fn names_are_host_names() {
        for (name, good) in [
            ("web-1", true),
            ("a.b", true),
            ("Web1", true),
            ("-a", false),
            ("a_b", false),
            ("", false),
            ("a..b", false),
        ] {
            assert_eq!(is_host_name(name), good, "{name}");
        }
    }
}
