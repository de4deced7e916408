//! Planning as the published providers do it, from flags, defaults and a few rules.

use std::sync::Arc;

use ferroform_core::schema::Block;
use ferroform_core::{AttrPath, Diagnostics, Entries, Value};
use ferroform_provider::{PlanRequest, PlanResponse};

/// The attributes of an object that is being planned.
pub(crate) type Attributes = Entries;

/// What a resource adds to its schema's flags.
pub(crate) struct Rules {
    /// Values of computed attributes that configuration does not set.
    pub(crate) defaults: Vec<(&'static str, Value)>,
    /// Computed attributes that keep their value when others change.
    pub(crate) stable: &'static [&'static str],
    /// Changes what is planned, given the configuration, before replacement is decided.
    pub(crate) adjust: fn(&Value, &mut Attributes, &mut Diagnostics),
    /// Whether an attribute's change from the prior to the configured value may stay although it is `force_new`.
    pub(crate) harmless: fn(name: &str, prior: &Value, config: &Value) -> bool,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { defaults: Vec::new(), stable: &[], adjust: |_, _, _| {}, harmless: |_, _, _| false }
    }
}

/// Plans one object: defaults first; then, if anything differs from the prior object, computed attributes that
/// configuration leaves open become unknown, except stable ones.
pub(crate) fn plan(block: &Block, rules: &Rules, request: &PlanRequest) -> PlanResponse {
    let mut response = PlanResponse { private: request.private.clone(), ..PlanResponse::default() };
    let Some(proposed) = request.proposed.as_map() else {
        response.planned = Some(request.proposed.clone());
        return response;
    };
    let unset = |name: &str| request.config.get(name).is_none_or(Value::is_null);
    let mut planned = proposed.clone();
    for (name, default) in rules.defaults.iter().filter(|(name, _)| unset(name)) {
        planned.insert(Arc::from(*name), default.clone());
    }
    let prior = request.prior.as_map();
    if prior != Some(&planned) {
        for (name, attribute) in block.attributes.iter().filter(|(name, a)| a.computed && unset(name)) {
            if rules.defaults.iter().any(|(default, _)| *default == &**name) {
                continue;
            }
            let kept =
                prior.and_then(|p| p.get(name)).filter(|v| rules.stable.contains(&&**name) && !v.is_null());
            planned
                .insert(name.clone(), kept.cloned().unwrap_or_else(|| Value::unknown(attribute.ty.clone())));
        }
    }
    (rules.adjust)(&request.config, &mut planned, &mut response.diagnostics);
    if let Some(prior) = prior {
        let null = Value::null_dynamic();
        let replacing = block.attributes.iter().filter(|(name, attribute)| {
            let (before, after) = (prior.get(name), planned.get(name));
            let config = request.config.get(name).unwrap_or(&null);
            attribute.force_new && before != after && !(rules.harmless)(name, before.unwrap_or(&null), config)
        });
        let blocks = block
            .blocks
            .iter()
            .filter(|(name, nested)| nested.force_new && prior.get(name) != planned.get(name));
        let names = replacing.map(|(name, _)| name).chain(blocks.map(|(name, _)| name));
        response.requires_replace = names.map(|name| AttrPath::attr(name.clone())).collect();
    }
    response.planned = (!response.diagnostics.has_errors()).then(|| Value::from_attributes(planned));
    response
}

/// Whether two maps of triggers differ at most in entries that are null on one side and absent on the other. State
/// of old providers has no null entries, and no empty maps.
pub(crate) fn same_triggers(prior: &Value, config: &Value) -> bool {
    if !config.is_known() {
        return false;
    }
    let none = Entries::new();
    let (before, now) = (prior.as_map().unwrap_or(&none), config.as_map().unwrap_or(&none));
    let kept = now.iter().all(|(key, value)| before.get(key).map_or(value.is_null(), |old| old == value));
    kept && before.keys().all(|key| now.contains_key(key))
}
