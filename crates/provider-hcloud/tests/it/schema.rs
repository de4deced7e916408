//! The schema is the published one.

use ferroform_core::schema::{Attribute, Block, Nesting};
use ferroform_provider::ProviderFactory;
use ferroform_provider_hcloud::HcloudFactory;
use serde_json::{Value as Json, json};

/// The facts of the published provider (1.68): types and flags of each attribute, kind of each block.
const PUBLISHED: &str = include_str!("published_schema.json");

fn attribute(attribute: &Attribute) -> Json {
    let flags = [
        ("required", attribute.required),
        ("optional", attribute.optional),
        ("computed", attribute.computed),
        ("force_new", attribute.force_new),
        ("sensitive", attribute.sensitive),
    ];
    let flags: Vec<&str> = flags.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    match &attribute.nested {
        Some(nested) => {
            let block = Block { attributes: nested.attributes.clone(), ..Block::default() };
            let nesting = match nested.nesting {
                Nesting::List => "list(object)",
                Nesting::Set => "set(object)",
                Nesting::Map => "map(object)",
                Nesting::Single | Nesting::Group => "object",
            };
            json!({"nested": nesting, "flags": flags.join(" "), "holds": shape(&block)})
        }
        None => json!(format!("{} {}", attribute.ty, flags.join(" "))),
    }
}

fn shape(block: &Block) -> Json {
    let attributes = block.attributes.iter().map(|(name, a)| (name.to_string(), attribute(a)));
    let blocks = block.blocks.iter().map(|(name, nested)| {
        let kind = match nested.nesting {
            Nesting::List => "list",
            Nesting::Set => "set",
            _ => "single",
        };
        (
            name.to_string(),
            json!({"block": kind, "max_items": nested.max_items, "holds": shape(&nested.block)}),
        )
    });
    attributes.chain(blocks).collect()
}

#[test]
fn names_types_and_flags_are_those_of_the_published_provider() {
    let published: Json = serde_json::from_str(PUBLISHED).unwrap();
    let schema = HcloudFactory::default().schema();
    for (ours, theirs) in
        [(&schema.resources, &published["resources"]), (&schema.data_sources, &published["data_sources"])]
    {
        for (type_name, wanted) in theirs.as_object().unwrap() {
            let resource = ours.get(type_name.as_str()).unwrap_or_else(|| panic!("no {type_name}"));
            let is = shape(&resource.block);
            for (name, wanted) in wanted.as_object().unwrap() {
                assert_eq!(&is[name], wanted, "{type_name}.{name}");
            }
            let extra: Vec<&String> =
                is.as_object().unwrap().keys().filter(|k| wanted.get(k).is_none()).collect();
            assert!(extra.is_empty(), "{type_name}: {extra:?}");
        }
        assert_eq!(ours.len(), theirs.as_object().unwrap().len());
    }
    // Those whose states were of another form once.
    let versions = schema.resources.iter().filter(|(_, schema)| schema.version != 0);
    let versions: Vec<(&str, u64)> = versions.map(|(name, schema)| (&**name, schema.version)).collect();
    let certificates = ["hcloud_certificate", "hcloud_managed_certificate", "hcloud_uploaded_certificate"];
    assert_eq!(versions, certificates.map(|name| (name, 1)));
}
