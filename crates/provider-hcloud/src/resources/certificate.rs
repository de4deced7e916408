//! `hcloud_uploaded_certificate` (also by its old name, `hcloud_certificate`) and `hcloud_managed_certificate`:
//! certificates for load balancers.

use async_trait::async_trait;
use ferroform_core::Type;
use ferroform_core::Value;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_hcloud::{Action, CertificateCreate, CertificateSource, Error};

use super::{number_id, parse_id};
use crate::attrs::{Attrs, State, labels, moment, text, text_list, text_or_null, text_set};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, INVALID, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct Certificate {
    name: &'static str,
    managed: bool,
}

pub(crate) static CERTIFICATE: Certificate = Certificate { name: "hcloud_certificate", managed: false };
pub(crate) static UPLOADED: Certificate = Certificate { name: "hcloud_uploaded_certificate", managed: false };
pub(crate) static MANAGED: Certificate = Certificate { name: "hcloud_managed_certificate", managed: true };

/// A certificate goes only after the services that use it have let go of it, which may take a moment.
const DELETING: Tolerance =
    Tolerance { done: &["not_found"], passing: &["resource_in_use"], passing_messages: &[] };

#[async_trait]
impl Resource for Certificate {
    fn name(&self) -> &'static str {
        self.name
    }

    fn noun(&self) -> &'static str {
        "certificate"
    }

    fn schema(&self) -> Schema {
        let computed = || Attribute::computed(Type::String);
        let (certificate, domain_names) = if self.managed {
            (computed(), Attribute::required(Type::set(Type::String)).force_new())
        } else {
            (Attribute::required(Type::String).force_new(), Attribute::computed(Type::list(Type::String)))
        };
        let mut block = Block::of([
            super::implicit_id(),
            ("name", Attribute::required(Type::String)),
            ("type", computed()),
            ("certificate", certificate),
            ("domain_names", domain_names),
            super::optional_labels(),
            ("fingerprint", computed()),
            ("created", computed()),
            ("not_valid_before", computed()),
            ("not_valid_after", computed()),
        ]);
        if !self.managed {
            let key = Attribute::required(Type::String).force_new().sensitive();
            block.attributes.insert("private_key".into(), key);
        }
        Schema { version: 1, block }
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        if self.managed {
            let names = config.get("domain_names");
            if names.as_slice().is_some_and(<[Value]>::is_empty) {
                problems.add("domain_names", INVALID, "It must have one domain at least.");
            }
            for name in config.texts("domain_names").iter().filter(|name| !name.contains('.')) {
                problems.add(
                    "domain_names",
                    INVALID,
                    format!("{name:?} is not a domain, such as \"www.example.com\"."),
                );
            }
            return;
        }
        for (name, wanted) in [("certificate", "CERTIFICATE-----"), ("private_key", "PRIVATE KEY-----")] {
            let known = config.get(name).as_str();
            if known.is_some_and(|pem| !(pem.contains("-----BEGIN ") && pem.contains(wanted))) {
                let what = if name == "certificate" { "a certificate" } else { "a private key" };
                problems.add(name, INVALID, format!("It must be {what} in PEM form (`-----BEGIN …`)."));
            }
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan.keep_if("certificate", same_pem);
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        needs.certificates.extend(prior.id());
    }

    fn observe(&self, prior: Attrs<'_>, mut state: State, seen: &Seen) -> Result<Option<State>, Error> {
        let Some(certificate) = seen.certificates.find(prior.id())? else { return Ok(None) };
        state.set_id(certificate.id);
        state.set("name", text(&certificate.name));
        state.set("type", text(&certificate.kind));
        let chain = text_or_null(certificate.certificate.as_deref());
        state.set_unless("certificate", chain.clone(), |known| same_pem(known, &chain));
        let names = &certificate.domain_names;
        state.set("domain_names", if self.managed { text_set(names) } else { text_list(names) });
        state.set("labels", labels(&certificate.labels));
        state.set("fingerprint", text_or_null(certificate.fingerprint.as_deref()));
        state.set("created", moment(Some(&certificate.created)));
        state.set("not_valid_before", moment(certificate.not_valid_before.as_deref()));
        state.set("not_valid_after", moment(certificate.not_valid_after.as_deref()));
        Ok(Some(state))
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, _config: Attrs<'_>) -> Result<Begun, Failure> {
        let source = if self.managed {
            CertificateSource::Managed { domain_names: planned.texts("domain_names") }
        } else {
            CertificateSource::Uploaded {
                certificate: planned.string("certificate"),
                private_key: planned.string("private_key"),
            }
        };
        let certificate =
            CertificateCreate { name: planned.string("name"), labels: planned.labels("labels"), source };
        let created = cx.client.certificates().create(&certificate).await?;
        Ok(Begun::new(created.certificate.id, created.action))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        if let Some(update) = super::named_update(prior, planned) {
            cx.step(Tolerance::NONE, || async {
                cx.client.certificates().update(id, &update).await.map(drop)
            })
            .await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let id = number_id(prior)?;
        Ok(cx.step(DELETING, || cx.client.certificates().delete(id)).await?)
    }

    fn import(&self, id: &str, _state: &mut State) -> Result<(), &'static str> {
        parse_id(id).map(drop).ok_or("the number of the certificate, such as `123`")
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        super::by_name(cx.client.certificates(), planned, &mut seen.certificates).await
    }

    async fn running(&self, cx: &Cx, id: &str) -> Result<Vec<Action>, Failure> {
        super::running(cx.client.certificates(), id).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        if self.managed { &["name", "labels", "domain_names"] } else { &["name", "labels", "certificate"] }
    }
}

/// The same chain: what stands between certificates, and how lines end, makes no other of it.
fn same_pem(a: &Value, b: &Value) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let trimmed = text.lines().map(str::trim).filter(|line| !line.is_empty());
        trimmed.map(str::to_owned).collect()
    };
    matches!((a.as_str(), b.as_str()), (Some(a), Some(b)) if lines(a) == lines(b))
}
