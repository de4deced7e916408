//! `hcloud_load_balancer_target`: where a load balancer sends to.

use async_trait::async_trait;
use ferroform_core::Type;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_hcloud::{Error, IdRef, LoadBalancer, SelectorRef, Target, TargetIp, code};
use sha2::{Digest, Sha256};

use super::load_balancer::REMOVING_TARGET;
use super::{changed_flag, parse_id, schema};
use crate::ahead::{self, Around};
use crate::attrs::{Attrs, State, flag, int, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems, same_address};
use crate::seen::{Needs, Seen};

pub(crate) struct LoadBalancerTarget;

const ADDING: Tolerance =
    Tolerance { done: &[code::TARGET_ALREADY_DEFINED], passing: &[], passing_messages: &[] };

#[async_trait]
impl Resource for LoadBalancerTarget {
    fn name(&self) -> &'static str {
        "hcloud_load_balancer_target"
    }

    fn noun(&self) -> &'static str {
        "target of a load balancer"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            super::implicit_id(),
            ("type", Attribute::required(Type::String)),
            ("load_balancer_id", Attribute::required(Type::Number).force_new()),
            ("server_id", Attribute::optional(Type::Number).force_new()),
            ("label_selector", Attribute::optional(Type::String).force_new()),
            ("ip", Attribute::optional(Type::String).force_new()),
            ("use_private_ip", Attribute::optional_computed(Type::Bool)),
        ]))
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::one_of(config, "type", &["server", "label_selector", "ip"], problems);
        rules::exactly_one(config, &["server_id", "label_selector", "ip"], problems);
        rules::not_together(config, "ip", "use_private_ip", problems);
        rules::address(config, "ip", problems);
        let wanted = match config.text("type") {
            Some("server") => "server_id",
            Some("label_selector") => "label_selector",
            Some("ip") => "ip",
            _ => return,
        };
        if !config.is_set(wanted) {
            problems.add(
                "type",
                "Invalid attribute combination",
                format!("A target of this type needs `{wanted}`."),
            );
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        if plan.prior.is_none() && !plan.config.is_set("use_private_ip") {
            plan.set("use_private_ip", flag(false));
        }
        plan.keep_if("ip", rules::same_address_value);
    }

    async fn check(&self, plan: &mut Plan<'_>, around: &Around<'_>) {
        ahead::balancers::target(plan, around);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.load_balancers.extend(prior.positive("load_balancer_id"));
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(wanted) = target_of(prior) else { return Ok(None) };
        let Some(balancer) = seen.load_balancers.find(prior.positive("load_balancer_id"))? else {
            return Ok(None);
        };
        let Some(target) = find(balancer, &wanted) else { return Ok(None) };
        state.set("id", text(&id_of(balancer.id, &wanted)));
        state.set("type", text(&target.kind));
        state.set("use_private_ip", flag(target.use_private_ip.unwrap_or(false)));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let balancer = planned.int("load_balancer_id").unwrap_or_default();
        let target = target_of(planned).unwrap_or_default();
        let action = match cx.client.load_balancers().add_target(balancer, &target).await {
            Err(error) if error.is(code::TARGET_ALREADY_DEFINED) => None,
            answer => Some(answer?),
        };
        Ok(Begun::new(id_of(balancer, &target), action))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let (Some(balancer), Some(before), Some(after)) =
            (prior.positive("load_balancer_id"), target_of(prior), target_of(planned))
        else {
            return Ok(());
        };
        // How a target is reached cannot be changed, so it is removed and added.
        if changed_flag(prior, planned, "use_private_ip").is_some() {
            let balancers = cx.client.load_balancers();
            cx.step(REMOVING_TARGET, || balancers.remove_target(balancer, &before)).await?;
            cx.step(ADDING, || balancers.add_target(balancer, &after)).await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let (Some(balancer), Some(target)) = (prior.positive("load_balancer_id"), target_of(prior)) else {
            return Ok(());
        };
        let removed =
            cx.step(REMOVING_TARGET, || cx.client.load_balancers().remove_target(balancer, &target)).await;
        match removed {
            // Gone with its network, for example.
            Err(Error::Api(error)) if error.message.contains("target not found") => Ok(()),
            other => Ok(other?),
        }
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        parse_import(id, state).ok_or(
            "the number of the load balancer, the type and what it names, such as `123__server__456`, `123__ip__192.0.2.1` \
             or `123__label_selector__env=prod`",
        )
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let (Some(id), Some(target)) = (planned.positive("load_balancer_id"), target_of(planned)) else {
            return Ok(Vec::new());
        };
        let Some(balancer) = cx.client.load_balancers().find(id).await? else { return Ok(Vec::new()) };
        let found = find(&balancer, &target).map(|_| Candidate { id: id_of(id, &target), created: None });
        seen.load_balancers.add([balancer]);
        Ok(found.into_iter().collect())
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["type", "load_balancer_id", "server_id", "label_selector", "ip", "use_private_ip"]
    }
}

fn target_of(attrs: Attrs<'_>) -> Option<Target> {
    let mut target = Target {
        kind: attrs.string("type"),
        use_private_ip: attrs.get("use_private_ip").as_bool(),
        ..Target::default()
    };
    if let Some(id) = attrs.positive("server_id") {
        target.server = Some(IdRef { id });
    } else if let Some(selector) = attrs.text("label_selector") {
        target.label_selector = Some(SelectorRef { selector: selector.to_owned() });
    } else {
        target.ip = Some(TargetIp { ip: attrs.text("ip")?.to_owned() });
        target.use_private_ip = None;
    }
    Some(target)
}

fn find<'b>(balancer: &'b LoadBalancer, wanted: &Target) -> Option<&'b Target> {
    balancer.targets.iter().find(|target| match (&target.ip, &wanted.ip) {
        (Some(a), Some(b)) => same_address(&a.ip, &b.ip),
        _ => target.is_same(wanted),
    })
}

/// The id of the published provider: it says what the target is, long texts as a digest.
fn id_of(balancer: i64, target: &Target) -> String {
    let digest = |text: &str| -> String { Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect() };
    if let Some(server) = target.server {
        return format!("lb-srv-tgt-{}-{balancer}", server.id);
    }
    if let Some(selector) = &target.label_selector {
        return format!("lb-label-selector-tgt-{}-{balancer}", digest(&selector.selector));
    }
    let ip = target.ip.as_ref().map_or("", |ip| ip.ip.as_str());
    format!("lb-ip-tgt-{}-{balancer}", digest(ip))
}

fn parse_import(id: &str, state: &mut State) -> Option<()> {
    let mut parts = id.splitn(3, "__");
    let (balancer, kind, name) =
        (parse_id(parts.next()?)?, parts.next()?, parts.next().filter(|n| !n.is_empty())?);
    match kind {
        "server" => state.set("server_id", int(parse_id(name)?)),
        "label_selector" => state.set("label_selector", text(name)),
        "ip" if name.parse::<std::net::IpAddr>().is_ok() => state.set("ip", text(name)),
        _ => return None,
    }
    state.set("load_balancer_id", int(balancer));
    state.set("type", text(kind));
    Some(())
}
