//! The public side of a load balancer follows its attachment to a network.

use ferroform_core::Value;
use ferroform_provider::{
    ApplyRequest, ApplyResponse, Occasion, PlanRequest, PlanResponse, proposed::proposed,
};
use serde_json::{Value as Json, json};

use crate::stack::{Checkpoints, Stack, UNKNOWN, stack, value};

const ATTACHMENT: &str = "hcloud_load_balancer_network";
const ON: &str = "enable_public_interface";
const OFF: &str = "disable_public_interface";
const ATTACH: &str = "attach_to_network";
const DETACH: &str = "detach_from_network";

/// Two load balancers in one location, and a network.
async fn balancers() -> Stack {
    let mut stack = stack().await;
    stack.apply("net", "hcloud_network", json!({"name": "net", "ip_range": "10.0.0.0/16"})).await;
    let subnet = json!({
        "network_id": stack.number("net"), "type": "cloud", "network_zone": "eu-central", "ip_range": "10.0.1.0/24",
    });
    stack.apply("subnet", "hcloud_network_subnet", subnet).await;
    for name in ["lb", "other"] {
        let balancer = json!({"name": name, "load_balancer_type": "lb11", "location": "fsn1"});
        stack.apply(name, "hcloud_load_balancer", balancer).await;
    }
    stack
}

fn attachment(stack: &Stack, public: bool) -> Json {
    json!({"load_balancer_id": stack.number("lb"), "network_id": stack.number("net"), ON: public})
}

/// Whether a load balancer has a public side, and what was done to it from its action of this number on.
async fn done_to(stack: &Stack, balancer: &str, from: usize) -> (bool, Vec<String>) {
    let path = format!("/load_balancers/{}", stack.id(balancer));
    let public = &stack.call("GET", &path, None).await["load_balancer"]["public_net"]["enabled"];
    let told = stack.call("GET", &format!("{path}/actions?per_page=50&sort=id"), None).await;
    let commands = told["actions"].as_array().unwrap().iter().skip(from);
    (public.as_bool().unwrap(), commands.map(|a| a["command"].as_str().unwrap().to_owned()).collect())
}

async fn plan(stack: &Stack, prior: &Value, config: &Json, private: Vec<u8>) -> PlanResponse {
    let block = stack.block(ATTACHMENT);
    let config = value(&block, config);
    let proposed = if config.is_null() { config.clone() } else { proposed(&block, prior, &config) };
    let request = PlanRequest {
        type_name: ATTACHMENT.into(),
        prior: prior.clone(),
        proposed,
        config,
        private,
        occasion: Occasion::Plan,
    };
    let response = stack.provider.plan_resource(request).await;
    assert!(!response.diagnostics.has_errors(), "{:?}", response.diagnostics);
    response
}

async fn apply(stack: &Stack, prior: &Value, planned: &Value, private: &[u8]) -> ApplyResponse {
    let request = ApplyRequest {
        type_name: ATTACHMENT.into(),
        prior: prior.clone(),
        planned: planned.clone(),
        config: planned.clone(),
        private: private.to_vec(),
    };
    stack.provider.apply_resource(request, &Checkpoints::default()).await
}

/// Plans the attachment anew and deletes it as an engine does, to make room for the next one or for good (`config` is
/// null): the answer, and the plan of the next one.
async fn delete(stack: &Stack, prior: &Value, config: &Json) -> (ApplyResponse, Option<PlanResponse>) {
    let null = Value::null(prior.ty());
    let leaving = plan(stack, prior, config, b"{\"theirs\":1}".to_vec()).await;
    if config.is_null() {
        return (apply(stack, prior, &null, &leaving.private).await, None);
    }
    assert!(!leaving.requires_replace.is_empty(), "it is not replaced");
    let next = plan(stack, &null, config, leaving.private).await;
    (apply(stack, prior, &null, &next.private).await, Some(next))
}

#[tokio::test]
async fn it_is_on_unless_an_attachment_says_otherwise() {
    let gone = json!(null);
    let other_address = json!({"ip": "10.0.1.99"});
    for (what, before, change, after, is_public, done) in [
        ("removed", false, &gone, false, true, &[ON, DETACH][..]),
        ("removed, and was on", true, &gone, true, true, &[DETACH]),
        ("replaced", false, &other_address, false, false, &[DETACH, ATTACH]),
        ("replaced, and was on", true, &other_address, true, true, &[DETACH, ATTACH]),
        ("replaced by one that has it on", false, &other_address, true, true, &[DETACH, ATTACH, ON]),
        ("replaced by one that has it off", true, &other_address, false, false, &[DETACH, ATTACH, OFF]),
    ] {
        let mut stack = balancers().await;
        stack.apply("on", ATTACHMENT, attachment(&stack, before)).await;
        let begun = done_to(&stack, "lb", 0).await.1.len();
        let prior = stack.objects["on"].2.clone();
        let config = change.as_object().map_or(Json::Null, |change| {
            let mut config = attachment(&stack, after);
            config.as_object_mut().unwrap().extend(change.clone());
            config
        });
        let (deleted, next) = delete(&stack, &prior, &config).await;
        assert!(!deleted.diagnostics.has_errors() && deleted.state.is_null(), "{what}: {deleted:?}");
        if let Some(next) = next {
            let made = apply(&stack, &deleted.state, &next.planned.unwrap(), &next.private).await;
            assert!(!made.diagnostics.has_errors(), "{what}: {made:?}");
            assert_eq!(made.state.get(ON).unwrap().as_bool(), Some(after), "{what}");
            assert_eq!(made.private, b"{\"theirs\":1}", "{what}: what was noted of the old one is done with");
        }
        let (public, commands) = done_to(&stack, "lb", begun).await;
        assert_eq!((public, commands), (is_public, done.iter().map(|c| (*c).to_owned()).collect()), "{what}");
    }
}

#[tokio::test]
async fn a_load_balancer_that_another_takes_the_place_of_has_it_on_again() {
    for (what, next, is_public, done) in [
        ("another", None, true, &[ON, DETACH][..]),
        // It is most likely replaced as well.
        ("one that is made only then", Some(UNKNOWN), false, &[DETACH]),
    ] {
        let mut stack = balancers().await;
        stack.apply("on", ATTACHMENT, attachment(&stack, false)).await;
        let begun = done_to(&stack, "lb", 0).await.1.len();
        let prior = stack.objects["on"].2.clone();
        let mut config = attachment(&stack, false);
        config["load_balancer_id"] = next.map_or(json!(stack.number("other")), |next| json!(next));
        let (deleted, _) = delete(&stack, &prior, &config).await;
        assert!(!deleted.diagnostics.has_errors(), "{what}: {deleted:?}");
        let (public, commands) = done_to(&stack, "lb", begun).await;
        assert_eq!((public, commands), (is_public, done.iter().map(|c| (*c).to_owned()).collect()), "{what}");
    }
}

#[tokio::test]
async fn a_removal_that_stops_halfway_is_gone_on_with() {
    let mut stack = balancers().await;
    stack.apply("on", ATTACHMENT, attachment(&stack, false)).await;
    let begun = done_to(&stack, "lb", 0).await.1.len();
    let prior = stack.objects["on"].2.clone();
    let failure = json!({"fail_action": {"code": "action_failed", "message": "no luck"}});
    stack.fault(json!({"command": DETACH, "effect": failure})).await;
    let (deleted, _) = delete(&stack, &prior, &json!(null)).await;
    assert!(deleted.diagnostics.has_errors());
    assert_eq!(deleted.state.get(ON).unwrap().as_bool(), Some(true), "it is told as it is");
    assert_eq!(deleted.private, b"{\"theirs\":1}", "the next plan says anew what is to be done");
    let (deleted, _) = delete(&stack, &deleted.state, &json!(null)).await;
    assert!(!deleted.diagnostics.has_errors() && deleted.state.is_null(), "{deleted:?}");
    assert_eq!(done_to(&stack, "lb", begun).await, (true, [ON, DETACH, DETACH].map(str::to_owned).to_vec()));
    // Neither is it a failure that the load balancer is gone already.
    stack.objects.remove("on");
    stack.apply("on", ATTACHMENT, attachment(&stack, false)).await;
    let prior = stack.objects["on"].2.clone();
    stack.delete("lb").await;
    let (deleted, _) = delete(&stack, &prior, &json!(null)).await;
    assert!(!deleted.diagnostics.has_errors() && deleted.state.is_null(), "{deleted:?}");
}
