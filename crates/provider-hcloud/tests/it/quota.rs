//! How many requests large stacks take, and how they get along with the rate limit.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ferroform_core::Value;
use ferroform_hcloud_emulator::{ClockMode, Emulator, Handle, RateLimit};
use ferroform_provider::{ConfigureRequest, ProviderFactory, ReadRequest};
use ferroform_provider_hcloud::{HcloudFactory, Pace, Settings};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::stack::{Checkpoints, Stack, value};

/// Tells a number even when the test passes.
fn say(text: &str) {
    // A closed standard error is nobody's error.
    let _ = writeln!(std::io::stderr(), "    {text}");
}

async fn stack(cloud: Handle, pace: Pace) -> Stack {
    let settings = Settings::new().only_world(cloud.endpoint(), cloud.token()).pace(pace);
    let provider = HcloudFactory::new(settings).create();
    let config = Value::null(provider.schema().provider.implied_type());
    assert!(!provider.configure(ConfigureRequest { config }).await.has_errors());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Stack { cloud, provider, http, objects: Default::default() }
}

fn server(name: &str, i: usize) -> serde_json::Value {
    json!({"name": format!("{name}-{i}"), "server_type": "cx23", "image": "debian-12", "location": "fsn1"})
}

/// Makes servers past the provider; their ids.
async fn make_servers(stack: &Stack, name: &str, count: usize) -> Vec<i64> {
    let mut ids = Vec::with_capacity(count);
    for i in 0..count {
        let made = stack.call("POST", "/servers", Some(server(name, i))).await;
        ids.push(made["server"]["id"].as_i64().unwrap());
    }
    ids
}

fn read_requests<'a>(stack: &Stack, type_name: &str, ids: impl Iterator<Item = &'a i64>) -> Vec<ReadRequest> {
    let block = stack.block(type_name);
    let prior = |id: &i64| match type_name {
        "hcloud_volume_attachment" => value(&block, &json!({"id": id.to_string(), "volume_id": id})),
        _ => value(&block, &json!({"id": id.to_string()})),
    };
    ids.map(|id| ReadRequest { type_name: type_name.into(), prior: prior(id), private: Vec::new() }).collect()
}

/// Reads objects at once, all of which must be there; how many requests that took.
async fn refresh(stack: &Stack, requests: Vec<ReadRequest>) -> u64 {
    stack.cloud.reset_requests();
    for answer in stack.provider.read_resources(requests).await {
        assert!(!answer.diagnostics.has_errors() && !answer.state.is_null(), "{:?}", answer.diagnostics);
    }
    stack.cloud.requests().values().sum()
}

#[tokio::test]
async fn a_refresh_takes_few_requests_of_many_objects_and_few_among_many_of_others() {
    const OURS: usize = 1000;
    let cloud = Emulator::builder()
        .clock(ClockMode::Instant)
        .seed(1)
        .rate_limit(RateLimit::Unlimited)
        .no_object_limits();
    let stack = stack(cloud.start().await.unwrap(), Pace::INSTANT).await;
    let servers = make_servers(&stack, "ours", OURS).await;
    let mut volumes = Vec::new();
    for (i, server) in servers.iter().enumerate() {
        let volume = json!({"name": format!("v-{i}"), "size": 10, "server": server, "automount": false});
        let made = stack.call("POST", "/volumes", Some(volume)).await;
        volumes.push(made["volume"]["id"].as_i64().unwrap());
    }
    let mut all = read_requests(&stack, "hcloud_server", servers.iter());
    all.extend(read_requests(&stack, "hcloud_volume", volumes.iter()));
    all.extend(read_requests(&stack, "hcloud_volume_attachment", volumes.iter()));
    let resources = all.len() as u64;
    let requests = refresh(&stack, all).await;
    say(&format!(
        "refresh of {resources} resources: {requests} requests, 1/{} of one a resource",
        resources / requests
    ));
    assert!(requests * 40 <= resources, "{requests} requests for {resources} resources");
    // The same project seen by a stack of three servers, to which the others are foreign.
    make_servers(&stack, "foreign", 1003).await;
    let three = [servers[7], servers[400], servers[990]];
    let requests = refresh(&stack, read_requests(&stack, "hcloud_server", three.iter())).await;
    say(&format!("refresh of 3 servers among 2,003: {requests} requests"));
    assert!(requests <= 5, "{requests}");
}

/// What creating a thousand servers came to.
struct Created {
    elapsed: Duration,
    requests: u64,
    polls: u64,
    refused: u64,
    kinds: BTreeMap<String, u64>,
}

/// Creates a thousand servers, ten at a time, under a rate limit, in time that passes by steps.
async fn thousand_servers(per_hour: u32) -> Created {
    const STEP: Duration = Duration::from_millis(50);
    let cloud = Emulator::builder()
        .clock(ClockMode::Stepped)
        .seed(1)
        .rate_limit(RateLimit::PerHour(per_hour))
        .no_object_limits();
    let stack = Arc::new(stack(cloud.start().await.unwrap(), Pace::REAL).await);
    // The runtime's time goes on to the next timer whenever nothing else is to be done; the cloud's goes with it.
    let clock = tokio::spawn({
        let stack = stack.clone();
        async move {
            loop {
                tokio::time::sleep(STEP).await;
                stack.cloud.advance(STEP);
            }
        }
    });
    let (begun, at_once) = (Instant::now(), Arc::new(Semaphore::new(10)));
    let servers: Vec<_> = (0..1000)
        .map(|i| {
            let (stack, at_once) = (stack.clone(), at_once.clone());
            tokio::spawn(async move {
                let _turn = at_once.acquire().await.unwrap();
                let null = Value::null(stack.block("hcloud_server").implied_type());
                let checkpoints = Checkpoints::default();
                let (_, made) = stack.try_apply("hcloud_server", &null, &server("s", i), &checkpoints).await;
                assert!(!made.diagnostics.has_errors(), "{:?}", made.diagnostics);
            })
        })
        .collect();
    for server in servers {
        server.await.unwrap();
    }
    let elapsed = begun.elapsed();
    clock.abort();
    let requests = stack.cloud.requests();
    let polls = requests.get("GET /actions").copied().unwrap_or_default();
    Created {
        elapsed,
        requests: requests.values().sum(),
        polls,
        refused: stack.cloud.rate_limited(),
        kinds: requests,
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_servers_under_the_real_limit_are_never_refused() {
    let Created { elapsed, requests, polls, refused, kinds } = thousand_servers(3600).await;
    say(&format!(
        "1,000 servers with 3,600 requests an hour: {requests} requests ({polls} polls) in {:.0} s, {refused} refused",
        elapsed.as_secs_f64()
    ));
    assert_eq!(refused, 0);
    // One to make each and one to read it, and what the first ten look up at once: image and location. Polling for all of them
    // at most every other second.
    assert!(requests - polls <= 2 * 1000 + 2 * 10, "{requests}: {kinds:?}");
    assert!(polls as f64 <= elapsed.as_secs_f64() / 2.0 + 1.0, "{polls} polls in {elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn where_the_limit_does_not_suffice_the_work_takes_as_long_as_the_limit_itself() {
    const PER_HOUR: u32 = 600;
    let Created { elapsed, requests, polls, refused, .. } = thousand_servers(PER_HOUR).await;
    // Those beyond what was saved up come back one by one.
    let dictated = requests.saturating_sub(u64::from(PER_HOUR)) as f64 * 3600.0 / f64::from(PER_HOUR);
    let ratio = elapsed.as_secs_f64() / dictated;
    say(&format!(
        "1,000 servers with {PER_HOUR} requests an hour: {requests} requests ({polls} polls) in {:.0} s, {ratio:.3} of what the \
         limit dictates, {refused} refused",
        elapsed.as_secs_f64()
    ));
    assert_eq!(refused, 0);
    assert!(ratio <= 1.05, "{ratio}");
    assert!(polls * 4 <= requests, "polling uses up what is scarce: {polls} of {requests}");
}
