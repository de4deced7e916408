//! A local cloud in this process, and what happens in it past both engines.

use std::collections::BTreeMap;

use ferroform_hcloud_emulator::{ClockMode, Emulator, Handle, RateLimit};
use serde_json::Value as Json;

use crate::case::Outside;

/// A cloud, and the names that a case gave to objects in it.
pub(crate) struct Cloud {
    handle: Handle,
    http: reqwest::Client,
    names: BTreeMap<String, String>,
}

impl Cloud {
    /// One in which the same requests have the same answers as in every other.
    pub(crate) async fn start() -> Cloud {
        let token = "t".repeat(ferroform_hcloud_emulator::TOKEN_LENGTH);
        let builder = Emulator::builder().clock(ClockMode::Instant).seed(1).token(token);
        let handle = builder.rate_limit(RateLimit::Unlimited).start().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Cloud { handle, http, names: BTreeMap::new() }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.handle.endpoint()
    }

    pub(crate) fn token(&self) -> &str {
        self.handle.token()
    }

    /// The text with `@name@` replaced by the id of what was given that name, and `@type.name@` by that of the object
    /// in the state.
    pub(crate) fn fill_in(&self, text: &str, state: Option<&Json>) -> String {
        let mut text = text.to_owned();
        for (name, id) in &self.names {
            text = text.replace(&format!("@{name}@"), id);
        }
        for resource in state.and_then(|s| s["resources"].as_array()).into_iter().flatten() {
            let (Some(ty), Some(name)) = (resource["type"].as_str(), resource["name"].as_str()) else {
                continue;
            };
            let id = match &resource["instances"][0]["attributes"]["id"] {
                Json::String(id) => id.clone(),
                id => id.to_string(),
            };
            text = text.replace(&format!("@{ty}.{name}@"), &id);
        }
        text
    }

    /// Makes requests, which must succeed.
    pub(crate) async fn outside(&mut self, requests: &[Outside], state: Option<&Json>) {
        for request in requests {
            let url = format!("{}{}", self.endpoint(), self.fill_in(&request.path, state));
            let mut sent = self.http.request(request.method.parse().unwrap(), &url).bearer_auth(self.token());
            if let Some(body) = &request.body {
                let body: Json = serde_json::from_str(&self.fill_in(body, state)).unwrap();
                sent = sent.json(&body);
            }
            let response = sent.send().await.unwrap();
            let status = response.status();
            let text = response.text().await.unwrap();
            assert!(status.is_success(), "{} {url}: {status} {text}", request.method);
            if let Some(name) = &request.name {
                let answer: Json = serde_json::from_str(&text).unwrap();
                let answer = answer.as_object().unwrap();
                let object = answer
                    .iter()
                    .find(|(key, _)| !["action", "actions", "next_actions"].contains(&key.as_str()));
                self.names.insert(name.clone(), object.unwrap().1["id"].to_string());
            }
        }
    }

    pub(crate) async fn stop(self) {
        self.handle.shutdown().await;
    }
}
