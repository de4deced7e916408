//! `hcloud_rdns`: the name that an address leads back to. Its id is `<kind of owner>-<owner's id>-<address>`.

use std::net::IpAddr;

use async_trait::async_trait;
use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_hcloud::{Action, Client, Error, HasReverseNames};

use super::{parse_id, schema};
use crate::attrs::{Attrs, State, int, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, INVALID, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct Rdns;

/// What addresses belong to: the letter in ids, and the attribute.
const OWNERS: [(&str, Owner, &str); 4] = [
    ("s", Owner::Server, "server_id"),
    ("p", Owner::PrimaryIp, "primary_ip_id"),
    ("f", Owner::FloatingIp, "floating_ip_id"),
    ("l", Owner::LoadBalancer, "load_balancer_id"),
];

#[derive(Clone, Copy)]
enum Owner {
    Server,
    PrimaryIp,
    FloatingIp,
    LoadBalancer,
}

/// An address of an owner.
struct Place {
    owner: Owner,
    letter: &'static str,
    attribute: &'static str,
    id: i64,
    ip: IpAddr,
}

impl Place {
    fn of(attrs: Attrs<'_>) -> Option<Place> {
        let ip = attrs.text("ip_address").and_then(|ip| ip.parse().ok());
        let owner = OWNERS.into_iter().find_map(|owner| Some((owner, attrs.positive(owner.2)?)));
        match (owner, ip) {
            (Some(((letter, owner, attribute), id)), Some(ip)) => {
                Some(Place { owner, letter, attribute, id, ip })
            }
            _ => Place::parse(attrs.text("id")?),
        }
    }

    fn parse(text: &str) -> Option<Place> {
        let mut parts = text.splitn(3, '-');
        let letter = parts.next()?;
        let (letter, owner, attribute) = OWNERS.into_iter().find(|owner| owner.0 == letter)?;
        let (id, ip) = (parse_id(parts.next()?)?, parts.next()?.parse().ok()?);
        Some(Place { owner, letter, attribute, id, ip })
    }

    fn id(&self) -> String {
        format!("{}-{}-{}", self.letter, self.id, self.ip)
    }

    fn need(&self, needs: &mut Needs) {
        let ids = match self.owner {
            Owner::Server => &mut needs.servers,
            Owner::PrimaryIp => &mut needs.primary_ips,
            Owner::FloatingIp => &mut needs.floating_ips,
            Owner::LoadBalancer => &mut needs.load_balancers,
        };
        ids.insert(self.id);
    }

    /// The name of the address as it was seen.
    fn name<'s>(&self, seen: &'s Seen) -> Result<Option<&'s str>, Error> {
        fn of<T: HasReverseNames>(owner: Option<&T>, ip: IpAddr) -> Option<&str> {
            owner.and_then(|owner| owner.reverse_name(ip))
        }
        Ok(match self.owner {
            Owner::Server => of(seen.servers.get(&self.id)?, self.ip),
            Owner::PrimaryIp => of(seen.primary_ips.get(&self.id)?, self.ip),
            Owner::FloatingIp => of(seen.floating_ips.get(&self.id)?, self.ip),
            Owner::LoadBalancer => of(seen.load_balancers.get(&self.id)?, self.ip),
        })
    }

    async fn look(&self, client: &Client) -> Seen {
        let mut needs = Needs::default();
        self.need(&mut needs);
        Seen::read(client, needs).await
    }

    async fn set(&self, client: &Client, name: Option<&str>) -> Result<Action, Error> {
        let ip = self.ip.to_string();
        match self.owner {
            Owner::Server => client.servers().change_dns_ptr(self.id, &ip, name).await,
            Owner::PrimaryIp => client.primary_ips().change_dns_ptr(self.id, &ip, name).await,
            Owner::FloatingIp => client.floating_ips().change_dns_ptr(self.id, &ip, name).await,
            Owner::LoadBalancer => client.load_balancers().change_dns_ptr(self.id, &ip, name).await,
        }
    }
}

#[async_trait]
impl Resource for Rdns {
    fn name(&self) -> &'static str {
        "hcloud_rdns"
    }

    fn noun(&self) -> &'static str {
        "reverse DNS entry"
    }

    fn schema(&self) -> Schema {
        let owner = || Attribute::optional(Type::Number).force_new();
        schema(Block::of([
            ("id", Attribute::computed(Type::String)),
            ("server_id", owner()),
            ("primary_ip_id", owner()),
            ("floating_ip_id", owner()),
            ("load_balancer_id", owner()),
            ("ip_address", Attribute::required(Type::String).force_new()),
            ("dns_ptr", Attribute::required(Type::String)),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::exactly_one(config, &OWNERS.map(|owner| owner.2), problems);
        rules::address(config, "ip_address", problems);
        if config.get("dns_ptr").as_str() == Some("") {
            problems.add(
                "dns_ptr",
                INVALID,
                "It must be a name. To have the usual one again, remove the resource.",
            );
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.keep_if("ip_address", rules::same_address_value);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        if let Some(place) = Place::of(prior) {
            place.need(needs);
        }
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(place) = Place::of(prior) else { return Ok(None) };
        let Some(name) = place.name(seen)? else { return Ok(None) };
        state.set_id(place.id());
        state.set(place.attribute, int(place.id));
        let address = text(&place.ip.to_string());
        state.set_unless("ip_address", address.clone(), |known| rules::same_address_value(known, &address));
        state.set("dns_ptr", text(name));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let place = Place::of(planned).ok_or_else(|| super::unreadable(planned))?;
        let action = place.set(&cx.client, planned.text("dns_ptr")).await?;
        Ok(Begun::new(place.id(), [action]))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let (Some(place), Some(name)) = (Place::of(prior), planned.text("dns_ptr")) else { return Ok(()) };
        Ok(cx.step(Tolerance::NONE, || place.set(&cx.client, Some(name))).await?)
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let Some(place) = Place::of(prior) else { return Ok(()) };
        // The owner may be gone, or have another address by now.
        if place.name(&place.look(&cx.client).await)?.is_none() {
            return Ok(());
        }
        Ok(cx.step(Tolerance::REMOVING, || place.set(&cx.client, None)).await?)
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        let place = Place::parse(id).ok_or(
            "`s` for a server, `p` a primary IP, `f` a floating IP or `l` a load balancer, its number and the address, \
             such as `s-123-192.0.2.1`",
        )?;
        state.set(place.attribute, int(place.id));
        state.set("ip_address", text(&place.ip.to_string()));
        Ok(())
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some(place) = Place::of(planned) else { return Ok(Vec::new()) };
        *seen = place.look(&cx.client).await;
        // Most addresses have a usual name, which is not what was asked for.
        let there = place.name(seen)?.is_some_and(|name| planned.text("dns_ptr") == Some(name));
        Ok(Candidate::at_place(there, place.id()))
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["ip_address", "dns_ptr"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_owner_and_address() {
        for (id, canonical) in [
            ("s-12-192.0.2.1", Some("s-12-192.0.2.1")),
            ("p-1-2001:DB8::1", Some("p-1-2001:db8::1")),
            ("x-1-192.0.2.1", None),
            ("s-0-192.0.2.1", None),
            ("s-1-host", None),
            ("s-1", None),
            ("", None),
        ] {
            assert_eq!(Place::parse(id).map(|place| place.id()).as_deref(), canonical, "{id}");
        }
    }
}
