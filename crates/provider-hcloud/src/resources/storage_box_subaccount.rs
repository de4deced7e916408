//! `hcloud_storage_box_subaccount`: a further user of a storage box, with a folder of it as home.

use async_trait::async_trait;
use ferroform_core::schema::{Attribute, Block, Schema};
use ferroform_core::{Type, Value};
use ferroform_hcloud::{
    Error, Labels, StorageBoxSubaccount as ApiSubaccount, StorageBoxSubaccountCreate,
    StorageBoxSubaccountUpdate, SubaccountAccess,
};

use super::storage_box_access::{
    self as access, access_attribute, plan_access, validate_password, value_of_access,
};
use super::{schema, storage_box_part as part};
use crate::attrs::{Attrs, State, int, is_empty, labels, text};
use crate::cx::{Cx, Tolerance};
use crate::failure::Failure;
use crate::resource::{Begun, Candidate, Plan, Resource};
use crate::rules::{self, INVALID, Problems};
use crate::seen::{Needs, Seen};

pub(crate) struct StorageBoxSubaccount;

/// What only subaccounts have among their access settings.
const OWN: &str = "readonly";

#[async_trait]
impl Resource for StorageBoxSubaccount {
    fn name(&self) -> &'static str {
        "hcloud_storage_box_subaccount"
    }

    fn noun(&self) -> &'static str {
        "subaccount of a storage box"
    }

    fn schema(&self) -> Schema {
        schema(Block::of([
            ("storage_box_id", Attribute::required(Type::Number).force_new()),
            ("id", Attribute::computed(Type::Number)),
            ("name", Attribute::optional_computed(Type::String)),
            ("description", Attribute::optional_computed(Type::String)),
            ("username", Attribute::computed(Type::String)),
            ("home_directory", Attribute::required(Type::String)),
            ("password", Attribute::required(Type::String).sensitive()),
            ("server", Attribute::computed(Type::String)),
            ("access_settings", access_attribute(OWN)),
            ("labels", Attribute::optional_computed(Type::map(Type::String))),
        ]))
    }

    fn defaults(&self) -> Vec<(&'static str, Value)> {
        vec![("description", text("")), ("labels", labels(&Labels::new()))]
    }

    fn validate(&self, config: Attrs<'_>, problems: &mut Problems) {
        rules::labels(config, problems);
        validate_password(config, problems);
        let length = |name: &str| config.get(name).as_str().map(|text| text.chars().count());
        if length("name").is_some_and(|length| !(1..=50).contains(&length)) {
            problems.add("name", INVALID, "It must have 1 to 50 characters.");
        }
        if length("description").is_some_and(|length| length > 1000) {
            problems.add("description", INVALID, "It must have at most 1000 characters.");
        }
        if let Some(problem) = config.get("home_directory").as_str().and_then(problem_of_home) {
            problems.add("home_directory", INVALID, problem);
        }
    }

    fn plan(&self, plan: &mut Plan<'_>) {
        plan_access(plan, OWN);
        plan.keep_if("labels", |before, now| is_empty(before) && is_empty(now));
    }

    fn needs(&self, prior: Attrs<'_>, needs: &mut Needs) {
        part::need(prior, &mut needs.storage_box_subaccounts);
    }

    fn observe(&self, prior: Attrs<'_>, state: State, seen: &Seen) -> Result<Option<State>, Error> {
        part::observe(prior, state, &seen.storage_box_subaccounts, shown)
    }

    async fn begin(&self, cx: &Cx, planned: Attrs<'_>, config: Attrs<'_>) -> Result<Begun, Failure> {
        let wanted = StorageBoxSubaccountCreate {
            name: planned.text("name").map(str::to_owned),
            description: planned.string("description"),
            home_directory: planned.string("home_directory"),
            password: access::password(planned, config),
            access_settings: settings(planned),
            labels: planned.labels("labels"),
        };
        let storage_box = planned.int("storage_box_id").unwrap_or_default();
        let (id, action) = cx.client.storage_box_subaccounts(storage_box).create(&wanted).await?;
        Ok(Begun::new(id, action))
    }

    async fn update(&self, cx: &Cx, prior: Attrs<'_>, planned: Attrs<'_>) -> Result<(), Failure> {
        let (storage_box, id) = part::must_place(prior)?;
        let subaccounts = cx.client.storage_box_subaccounts(storage_box);
        let (description, all) = (planned.string("description"), planned.labels("labels"));
        let name = planned.text("name").filter(|name| prior.text("name") != Some(name));
        let update = StorageBoxSubaccountUpdate {
            name: name.map(str::to_owned),
            description: (prior.string("description") != description).then_some(description),
            labels: (prior.labels("labels") != all).then_some(all),
        };
        if update != StorageBoxSubaccountUpdate::default() {
            cx.step(Tolerance::NONE, || async { subaccounts.update(id, &update).await.map(drop) }).await?;
        }
        let home = planned.string("home_directory");
        if prior.string("home_directory") != home {
            cx.step(Tolerance::NONE, || subaccounts.change_home_directory(id, &home)).await?;
        }
        let password = planned.string("password");
        if planned.is_set("password") && prior.string("password") != password {
            cx.step(Tolerance::NONE, || subaccounts.reset_password(id, &password)).await?;
        }
        let wanted = settings(planned);
        if settings(prior) != wanted {
            cx.step(Tolerance::NONE, || subaccounts.update_access_settings(id, wanted)).await?;
        }
        Ok(())
    }

    async fn delete(&self, cx: &Cx, prior: Attrs<'_>) -> Result<(), Failure> {
        let (storage_box, id) = part::must_place(prior)?;
        let subaccounts = cx.client.storage_box_subaccounts(storage_box);
        Ok(cx.step(Tolerance::REMOVING, || subaccounts.delete(id)).await?)
    }

    fn import(&self, id: &str, state: &mut State) -> Result<(), &'static str> {
        part::import(id, state)
    }

    async fn candidates(
        &self,
        cx: &Cx,
        planned: Attrs<'_>,
        seen: &mut Seen,
    ) -> Result<Vec<Candidate>, Failure> {
        let Some(storage_box) = planned.int("storage_box_id") else { return Ok(Vec::new()) };
        let subaccounts = cx.client.storage_box_subaccounts(storage_box);
        // By its name if it was to have one; else only one with all that was planned can be the one.
        let name = planned.text("name").map(str::to_owned);
        let (home, all) = (planned.string("home_directory"), planned.labels("labels"));
        let description = planned.string("description");
        let may_be = |subaccount: &ApiSubaccount| match &name {
            Some(name) => subaccount.name == *name,
            None => {
                subaccount.home_directory == home
                    && subaccount.labels == all
                    && subaccount.description == description
            }
        };
        part::candidates(subaccounts, &mut seen.storage_box_subaccounts, may_be).await
    }

    fn created_with(&self) -> &'static [&'static str] {
        &["storage_box_id", "name", "description", "home_directory", "access_settings", "labels"]
    }
}

/// The attributes of a subaccount that the API tells.
pub(crate) fn shown(subaccount: &ApiSubaccount) -> Vec<(&'static str, Value)> {
    let SubaccountAccess { reachable_externally, samba_enabled, ssh_enabled, webdav_enabled, readonly } =
        subaccount.access_settings;
    let common = [reachable_externally, samba_enabled, ssh_enabled, webdav_enabled];
    vec![
        ("storage_box_id", int(subaccount.storage_box)),
        ("id", int(subaccount.id)),
        ("name", text(&subaccount.name)),
        ("description", text(&subaccount.description)),
        ("username", text(&subaccount.username)),
        ("home_directory", text(&subaccount.home_directory)),
        ("server", text(&subaccount.server)),
        ("access_settings", value_of_access(common, OWN, readonly)),
        ("labels", labels(&subaccount.labels)),
    ]
}

fn settings(attrs: Attrs<'_>) -> SubaccountAccess {
    let settings = Attrs(attrs.get("access_settings"));
    SubaccountAccess {
        reachable_externally: settings.flag("reachable_externally"),
        samba_enabled: settings.flag("samba_enabled"),
        ssh_enabled: settings.flag("ssh_enabled"),
        webdav_enabled: settings.flag("webdav_enabled"),
        readonly: settings.flag(OWN),
    }
}

/// What is wrong with a home directory (Hetzner API documentation, "Create a Subaccount").
fn problem_of_home(path: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ./_-".contains(c);
    if path.starts_with('/') {
        Some("It must not begin with a slash: it is a folder of the storage box, such as \"backups/web\".")
    } else if !(1..=999).contains(&path.len()) || !path.chars().all(allowed) {
        Some("It must have 1 to 999 characters: letters, digits, spaces and those of `./_-`.")
    } else {
        None
    }
}
