//! What a cluster made by itself, as a destroy lists it.

use std::collections::BTreeSet;

use ferroform_catalogue::Catalogue;
use ferroform_core::addr::ResourceInstance;
use ferroform_cost::{Existing, Sum, spent};
use ferroform_provider::{LeftBehind, LeftBehindFound};

use super::style::{Paint, Style};
use super::text::{counted, visible, wrap};

/// The section below a plan; nothing where nothing was found.
pub(crate) fn render_found(found: &LeftBehindFound, style: &Style) -> String {
    let mut text = String::new();
    if !found.objects.is_empty() {
        text.push_str(&format!(
            "\n{}\n",
            style.paint(Paint::Bold, "Made by the cluster itself, and in no state:")
        ));
        for object in &found.objects {
            text.push_str(&format!("  - {}\n", line(object)));
        }
        let objects: Vec<&LeftBehind> = found.objects.iter().collect();
        text.push_str(&format!("Together {}.\n", month(cost(&objects))));
    }
    for note in &found.notes {
        text.push_str(&format!("\n{}\n", wrap(&format!("Note: {}", visible(note)), style.width)));
    }
    text
}

/// What keeping these objects means.
pub(crate) fn render_kept(objects: &[&LeftBehind]) -> String {
    let mut text = format!("They go on costing {}: {}.", month(cost(objects)), kinds(objects));
    let blocked: BTreeSet<&str> = objects.iter().flat_map(|o| o.blocks.iter().map(String::as_str)).collect();
    if !blocked.is_empty() {
        let blocked: Vec<String> = blocked.into_iter().map(visible).collect();
        text.push_str(&format!(
            " As long as load balancers are attached, this cannot be deleted, nor what it is part of: {}.",
            blocked.join(", ")
        ));
    }
    text
}

/// What was removed besides what was under management; nothing where nothing was.
pub(crate) fn render_removed(objects: &[LeftBehind]) -> String {
    if objects.is_empty() {
        return String::new();
    }
    let mut text =
        format!("\nRemoved of what the cluster made: {}.\n", kinds(&objects.iter().collect::<Vec<_>>()));
    for object in objects {
        text.push_str(&format!("  - {} {} ({})\n", object.kind, visible(&object.name), visible(&object.id)));
    }
    text
}

fn line(object: &LeftBehind) -> String {
    let mut parts = vec![object.why.clone()];
    parts.extend(object.made_for.clone());
    parts.extend(object.blocks.iter().map(|what| format!("without its removal {what} cannot be deleted")));
    parts.push(month(cost(&[object])));
    format!(
        "{} {} ({}): {}",
        object.kind,
        visible(&object.name),
        visible(&object.id),
        visible(&parts.join("; "))
    )
}

/// `2 load balancers, 1 volume`, in the order in which they come.
fn kinds(objects: &[&LeftBehind]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for object in objects {
        match kinds.iter_mut().find(|(kind, _)| *kind == object.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((object.kind, 1)),
        }
    }
    kinds.iter().map(|(kind, count)| counted(*count, kind)).collect::<Vec<_>>().join(", ")
}

/// What they cost in a month, net. A type that has no address cannot be priced, which no provider names.
fn cost(objects: &[&LeftBehind]) -> Sum {
    let priced = objects.iter().map(|object| {
        let addr: Result<ResourceInstance, _> = format!("{}.it", object.like.type_name).parse();
        match addr {
            Ok(addr) => {
                let existing = Existing { addr: &addr, value: &object.like.state, hours: 0 };
                spent([existing], Catalogue::builtin()).whole_month
            }
            Err(_) => None.into(),
        }
    });
    priced.sum()
}

fn month(sum: Sum) -> String {
    let currency = Catalogue::builtin().currency();
    match (sum.is_complete(), sum.known) {
        (true, known) => format!("{} {currency} a month without VAT", known.to_decimal(2)),
        (false, known) => format!("at least {} {currency} a month without VAT", known.to_decimal(2)),
    }
}

#[cfg(test)]
mod tests {
    use ferroform_core::Value;
    use ferroform_provider::KnownObject;

    use super::*;

    fn object(kind: &'static str, id: &str, type_name: &str, state: Value, blocks: &[&str]) -> LeftBehind {
        LeftBehind {
            kind,
            id: id.into(),
            name: format!("name-{id}"),
            why: "attached to the server web (1)".into(),
            made_for: None,
            blocks: blocks.iter().map(|b| (*b).to_owned()).collect(),
            like: KnownObject { type_name: type_name.into(), state },
        }
    }

    fn volume(id: &str, size: i64) -> LeftBehind {
        let state = Value::object([("size", Value::number(size)), ("location", Value::string("fsn1"))]);
        object("volume", id, "hcloud_volume", state, &[])
    }

    /// Volumes are paid for by the gigabyte.
    #[test]
    fn costs_are_those_of_the_price_list() {
        let price = Catalogue::builtin().volume_per_gb_month().to_decimal(4);
        let each: f64 = price.parse().unwrap();
        let found = LeftBehindFound { objects: vec![volume("7", 10), volume("8", 30)], notes: Vec::new() };
        let text = render_found(&found, &Style::plain());
        for gigabytes in [10.0, 30.0, 40.0] {
            assert!(text.contains(&format!("{:.2} EUR a month", each * gigabytes)), "{gigabytes}: {text}");
        }
    }

    #[test]
    fn what_has_no_price_makes_the_sum_a_least() {
        let state = Value::object([
            ("load_balancer_type", Value::string("lb99")),
            ("location", Value::string("fsn1")),
        ]);
        let unknown =
            object("load balancer", "9", "hcloud_load_balancer", state, &["the subnet 10.0.1.0/24"]);
        let text = render_kept(&[&volume("7", 10), &unknown]);
        assert!(text.contains("at least"), "{text}");
        assert!(text.contains("1 volume, 1 load balancer"), "{text}");
        assert!(text.contains("the subnet 10.0.1.0/24"), "{text}");
    }

    #[test]
    fn names_cannot_command_the_terminal() {
        let mut evil = volume("7", 10);
        evil.name = "\u{1b}[2Jgone".into();
        let found = LeftBehindFound { objects: vec![evil.clone()], notes: vec!["\u{1b}[2J".into()] };
        assert!(!render_found(&found, &Style::plain()).contains('\u{1b}'));
        assert!(!render_removed(&[evil]).contains('\u{1b}'));
    }

    #[test]
    fn nothing_found_is_nothing_said() {
        assert_eq!(render_found(&LeftBehindFound::default(), &Style::plain()), "");
        assert_eq!(render_removed(&[]), "");
    }
}
