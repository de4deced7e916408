//! No view shows what is marked sensitive, whatever it is part of.

use ferroform_core::schema::{Attribute, Block, NestedBlock, Nesting, Schema};
use ferroform_core::{AttrPath, Type, Value};
use ferroform_plan::{Action, OutputChange};
use ferroform_provider::ProviderSchema;
use ferroform_state::{Object, OutputValue, State};

use super::outputs::render_outputs;
use super::plan::render_plan;
use super::schemas::Schemas;
use super::state::{render_instance, render_state};
use super::style::Style;
use super::testing::{change, empty_plan, provider};

const SECRET: &str = "hunter2";

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    /// A number below `n`.
    fn roll(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    /// A value in which every secret text is marked, itself or something around it.
    fn value(&mut self, depth: u64, hidden: bool) -> Value {
        let hide = hidden || self.roll(4) == 0;
        let inner = |dice: &mut Self| {
            let count = dice.roll(3);
            (0..count).map(|_| dice.value(depth - 1, hide)).collect::<Vec<_>>()
        };
        let value = match self.roll(if depth == 0 { 5 } else { 8 }) {
            0 if hide => Value::string(SECRET),
            1 if hide => Value::string(format!("line\n{SECRET}\n")),
            2 if hide => Value::string(format!("{{\"password\":\"{SECRET}\"}}")),
            0..=2 => Value::string("open"),
            3 => Value::number(self.roll(100)),
            4 => Value::null_dynamic(),
            5 => Value::tuple(inner(self)),
            6 => {
                let entries = inner(self);
                Value::object(entries.into_iter().enumerate().map(|(i, value)| (format!("k{i}"), value)))
            }
            _ => Value::unknown(Type::Dynamic),
        };
        if hide && !hidden { value.sensitive() } else { value }
    }

    fn object(&mut self) -> Value {
        if self.roll(6) == 0 {
            return Value::null_dynamic();
        }
        Value::object([
            ("id", Value::string("1")),
            ("free", self.value(3, false)),
            ("always", Value::string(SECRET)),
            (
                "list",
                Value::tuple([Value::object([
                    ("inner", self.value(2, false)),
                    ("token", Value::string(SECRET)),
                ])]),
            ),
            ("map", Value::object([("k", self.value(1, false))])),
            (
                "group",
                Value::object([("inner", self.value(2, false)), ("token", Value::string(SECRET))])
                    .sensitive(),
            ),
        ])
    }
}

fn schemas() -> Schemas<'static> {
    let any = || Attribute::optional(Type::Dynamic);
    let inner = Block::of([("inner", any()), ("token", Attribute::optional(Type::String).sensitive())]);
    let block = Block::of([
        ("id", Attribute::computed(Type::String)),
        ("free", any()),
        ("always", Attribute::optional(Type::String).sensitive()),
        ("map", Attribute::optional(Type::map(Type::Dynamic))),
    ])
    .with_block("list", NestedBlock::new(Nesting::List, inner.clone()))
    .with_block("group", NestedBlock::new(Nesting::Single, inner));
    let provider = ProviderSchema {
        provider: Block::default(),
        resources: [("t".into(), Schema { version: 0, block })].into(),
        ..ProviderSchema::default()
    };
    Schemas::fixed([(super::testing::provider().source, provider)])
}

#[test]
fn plans_never_show_what_is_sensitive() {
    let schemas = schemas();
    for seed in 1..300 {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let mut plan = empty_plan();
        let actions = [
            Action::Create,
            Action::Update,
            Action::DeleteThenCreate,
            Action::Delete,
            Action::Forget,
            Action::Read,
        ];
        for action in actions {
            // Of a type without a schema too.
            let addr = if dice.roll(2) == 0 { "t.a" } else { "unknown.a" };
            plan.changes.push(change(addr, action, dice.object(), dice.object()));
            plan.drift.push(change(addr, Action::Update, dice.object(), dice.object()));
        }
        let (before, after) = (dice.value(3, false), dice.value(3, false));
        plan.outputs.push(OutputChange { name: "o".into(), action: Action::Update, before, after });
        for color in [false, true] {
            let text = render_plan(&plan, &schemas, &Style { color, width: 78 });
            assert!(!text.contains(SECRET), "seed {seed}:\n{text}");
        }
    }
}

#[test]
fn states_never_show_what_is_sensitive() {
    let json = serde_json::json!({
        "id": "1",
        "free": { "value": { "a": [SECRET, "open"] }, "type": ["object", { "a": ["tuple", ["string", "string"]] }] },
        "always": SECRET,
        "map": null,
        "list": [{ "inner": null, "token": SECRET }],
        "group": { "inner": null, "token": SECRET },
    });
    let sensitive_paths = vec![AttrPath::attr("free").with_attr("a").with_index(0)];
    let object = Object { sensitive_paths, ..Object::new(0, &json) };
    let mut state = State::with_lineage("l");
    for addr in ["t.a", "unknown.a"] {
        let addr = addr.parse().unwrap();
        state.set_current(&addr, &provider(), Some(object.clone()));
        state.set_deposed(&addr, ferroform_state::DeposedKey(1), &provider(), Some(object.clone()));
    }
    let output = OutputValue { value: Value::string(SECRET), ty: Type::String, sensitive: true };
    state.outputs.insert("o".into(), output);
    let (schemas, style) = (schemas(), Style::plain());
    let addr = "t.a".parse().unwrap();
    let mut texts = vec![render_state(&state, &schemas, &style), render_outputs(&state.outputs, &style)];
    texts.push(render_instance(&addr, state.instance(&addr).unwrap(), &provider(), &schemas, &style));
    for text in texts {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(render_state(&state, &schemas, &style).contains("\"open\""));
}
