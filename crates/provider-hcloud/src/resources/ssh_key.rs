//! `hcloud_ssh_key`: a public key that servers are created with.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{Error, Labels, SshKeyCreate};

use super::{number_id, parse_id, schema};
use crate::attrs::{Attrs, State, labels, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct SshKey;

#[async_trait]
impl Resource for SshKey {
    fn name(&self) -> &'static str {
        "hcloud_ssh_key"
    }

    fn noun(&self) -> &'static str {
        "SSH key"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("id", Attribute::computed(Type::String)),
            ("name", Attribute::required(Type::String)),
            ("public_key", Attribute::required(Type::String).force_new()),
            ("fingerprint", Attribute::computed(Type::String)),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![("labels", labels(&Labels::new()))]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        let Some(key) = config.get("public_key").as_str() else { return };
        if key.contains("PRIVATE KEY") {
            problems.add(
                "public_key",
                "Invalid attribute value",
                "What is given is a private key. It must be the public one, such as `ssh-ed25519 AAAA… name`.",
            );
        } else if key.split_whitespace().count() < 2 {
            problems.add(
                "public_key",
                "Invalid attribute value",
                "It must be a public key in OpenSSH form, such as `ssh-ed25519 AAAA… name`.",
            );
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        // The API trims the key; a newline at the end of a file makes no other key of it.
        plan.keep_if("public_key", same_key);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.ssh_keys.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(key) = seen.ssh_keys.find(prior.id())? else { return Ok(None) };
        state.set("id", text(&key.id.to_string()));
        state.set("name", text(&key.name));
        let public_key = text(&key.public_key);
        state.set_unless("public_key", public_key.clone(), |known| same_key(known, &public_key));
        state.set("fingerprint", text(&key.fingerprint));
        state.set("labels", labels(&key.labels));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let key = SshKeyCreate {
            name: planned.string("name"),
            public_key: planned.string("public_key"),
            labels: planned.labels("labels"),
        };
        Ok(Begun::new(cx.client.ssh_keys().create(&key).await?.id, []))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        if let Some(update) = super::named_update(prior, planned) {
            cx.step(Tolerance::NONE, || async { cx.client.ssh_keys().update(id, &update).await.map(drop) })
                .await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        Ok(cx.step(Tolerance::REMOVING, || cx.client.ssh_keys().delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the SSH key, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.ssh_keys(), planned, &mut seen.ssh_keys).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["name", "public_key", "labels"]
    }
}

fn same_key(a: &Value, b: &Value) -> bool {
    matches!((a.as_str(), b.as_str()), (Some(a), Some(b)) if a.trim() == b.trim())
}
