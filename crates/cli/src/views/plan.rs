//! Plans for people.

mod json;

use ferroform_core::addr::{InstanceKey, ResourceInstance, ResourceMode};
use ferroform_core::parallel;
use ferroform_plan::{Action, ActionReason, Counts, OutputChange, Plan, PlanMode, ResourceChange};
use unicode_width::UnicodeWidthStr;

pub(crate) use self::json::plan_json;
use super::diff::{self, Act};
use super::schemas::Schemas;
use super::style::{Paint, Style};
use super::text::{attribute_name, pad, wrap};

/// Whether a change is still to be made or has been found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Planned,
    Drift,
}

/// A plan as text, a blank line first: what has changed outside, what will be done to which objects, what becomes of
/// the outputs, and the numbers.
pub(crate) fn render_plan(plan: &Plan, schemas: &Schemas<'_>, style: &Style) -> String {
    View { plan, schemas, style }.render()
}

struct View<'a> {
    plan: &'a Plan,
    schemas: &'a Schemas<'a>,
    style: &'a Style,
}

impl View<'_> {
    fn render(&self) -> String {
        let changes = self.changes();
        let outputs = self.outputs();
        let nothing = changes.is_empty() && outputs.is_empty();
        let mut out = String::new();

        // What has changed outside matters as far as it bears on the plan; without a plan it is noise.
        let drift =
            if self.plan.mode == PlanMode::RefreshOnly || !nothing { self.drift() } else { String::new() };
        let has_drift = !drift.is_empty();
        out += &drift;
        if nothing {
            if !(has_drift && self.plan.mode == PlanMode::RefreshOnly) {
                out += &self.no_changes();
            }
            return out;
        }
        if has_drift {
            out += &rule(self.style);
        }
        if !changes.is_empty() {
            if changes.iter().any(|change| change.action != Action::NoOp) {
                out += &self.legend(&changes);
            }
            out += "\nFerroform will perform the following actions:\n";
            let texts = parallel::map(&changes, |change| self.change(change, Cause::Planned));
            out.reserve(texts.iter().map(|text| text.len() + 2).sum());
            for text in &texts {
                out.push('\n');
                out += text;
                out.push('\n');
            }
            let counts = render_counts(self.plan.counts());
            out += &format!("\n{} {counts}\n", self.style.paint(Paint::Bold, "Plan:"));
        }
        if !outputs.is_empty() {
            out += &format!("\nChanges to Outputs:\n{outputs}");
            if changes.is_empty() {
                out += &self.prose(
                    "\nYou can apply this plan to save these new output values to the Ferroform state, without \
                     changing any real infrastructure.",
                );
            }
        }
        out
    }

    fn prose(&self, text: &str) -> String {
        wrap(text, self.style.width) + "\n"
    }

    /// The changes to be shown, in order.
    fn changes(&self) -> Vec<&ResourceChange> {
        let mut changes: Vec<_> = self.plan.changes.iter().filter(|change| self.is_shown(change)).collect();
        sort(&mut changes);
        changes
    }

    fn is_shown(&self, change: &ResourceChange) -> bool {
        match change.action {
            Action::NoOp => {
                self.plan.moved_from(&change.addr).is_some() || self.plan.imports.contains_key(&change.addr)
            }
            // Data sources have nothing to delete.
            Action::Delete => change.is_managed(),
            _ => true,
        }
    }

    fn legend(&self, changes: &[&ResourceChange]) -> String {
        let style = self.style;
        let mut out = self.prose(
            "\nFerroform used the selected providers to generate the following execution plan. Resource actions are \
             indicated with the following symbols:",
        );
        for (action, meaning) in [
            (Action::Create, "create"),
            (Action::Update, "update in-place"),
            (Action::Delete, "destroy"),
            (Action::DeleteThenCreate, "destroy and then create replacement"),
            (Action::CreateThenDelete, "create replacement and then destroy"),
            (Action::Read, "read (data resources)"),
        ] {
            if changes.iter().any(|change| change.action == action) {
                out += &format!("{} {meaning}\n", symbol(action, style));
            }
        }
        out
    }

    fn no_changes(&self) -> String {
        let (heading, text) = match self.plan.mode {
            PlanMode::Normal => (
                "Your infrastructure matches the configuration.",
                "Ferroform has compared your real infrastructure against your configuration and found no differences, \
                 so no changes are needed.",
            ),
            PlanMode::Destroy => (
                "No objects need to be destroyed.",
                "Either you have not created any objects yet or the existing objects were already deleted outside of \
                 Ferroform.",
            ),
            PlanMode::RefreshOnly => (
                "Your infrastructure still matches the configuration.",
                "Ferroform has checked that the real remote objects still match the result of your most recent \
                 changes, and found no differences.",
            ),
        };
        let style = self.style;
        let heading = format!(
            "{}{}",
            style.paint(Paint::BoldGreen, "No changes."),
            style.paint(Paint::Bold, format!(" {heading}"))
        );
        format!("\n{heading}\n\n{}", self.prose(text))
    }

    fn drift(&self) -> String {
        let mut drift: Vec<_> =
            self.plan.relevant_drift().into_iter().filter(|change| self.is_shown(change)).collect();
        sort(&mut drift);
        if drift.is_empty() {
            return String::new();
        }
        let style = self.style;
        let mut out = format!(
            "\n{}{}\n\n",
            style.paint(Paint::BoldCyan, "Note:"),
            style.paint(Paint::Bold, " Objects have changed outside of Ferroform")
        );
        out += &self.prose(
            "Ferroform detected the following changes made outside of Ferroform since the last \"ferroform apply\" \
             which may have affected this plan:",
        );
        for change in drift {
            out += &format!("\n{}\n", self.change(change, Cause::Drift));
        }
        out += "\n";
        out += &self.prose(match self.plan.mode {
            PlanMode::RefreshOnly => {
                "\nThis is a refresh-only plan, so Ferroform will not take any actions to undo these. If you were \
                 expecting these changes then you can apply this plan to record the updated values in the Ferroform \
                 state without changing any remote objects."
            }
            PlanMode::Normal | PlanMode::Destroy => {
                "\nUnless you have made equivalent changes to your configuration, or ignored the relevant attributes \
                 using ignore_changes, the following plan may include actions to undo or respond to these changes."
            }
        });
        out
    }

    /// One object: what will happen and why, then its attributes.
    fn change(&self, change: &ResourceChange, cause: Cause) -> String {
        let schema = self.schemas.get(&change.provider, &change.addr.resource);
        // An object that is forgotten stays as it is.
        let after = if change.action == Action::Forget { &change.before } else { &change.after };
        let body =
            diff::object(&change.before, after, schema, &change.replace_paths).render_change(self.style);
        let resource = &change.addr.resource;
        let kind = if resource.mode == ResourceMode::Data { "data" } else { "resource" };
        let mut out = self.comment(change, cause);
        out.reserve(body.len() + 64);
        for part in [
            "\n",
            &symbol(change.action, self.style),
            " ",
            kind,
            " \"",
            &resource.type_name,
            "\" \"",
            &resource.name,
            "\" ",
            &body,
        ] {
            out.push_str(part);
        }
        out
    }

    fn comment(&self, change: &ResourceChange, cause: Cause) -> String {
        let style = self.style;
        let bold = |text: String| style.paint(Paint::Bold, text);
        let red = |text: &str| style.paint(Paint::BoldRed, text);
        let sign = if change.action == Action::Forget { " #" } else { "  #" };
        let mut out = bold(match change.deposed {
            Some(key) => format!("{sign} {} (deposed object {key})", change.addr),
            None => format!("{sign} {}", change.addr),
        });
        match (change.action, cause) {
            (Action::Create, _) => out += " will be created",
            (Action::Read, _) => out += " will be read during apply",
            (Action::Update, Cause::Planned) => out += " will be updated in-place",
            (Action::Update, Cause::Drift) => out += " has changed",
            (Action::Delete, Cause::Planned) => out += &format!(" will be {}", red("destroyed")),
            (Action::Delete, Cause::Drift) => out += " has been deleted",
            (Action::DeleteThenCreate | Action::CreateThenDelete, _) => {
                let replaced = red("replaced");
                out += &match change.reason {
                    Some(ActionReason::Tainted) => format!(" is tainted, so must be {replaced}"),
                    Some(ActionReason::ReplaceByRequest) => format!(" will be {replaced}, as requested"),
                    Some(ActionReason::ReplaceByTriggers) => {
                        format!(" will be {replaced} due to changes in replace_triggered_by")
                    }
                    _ => format!(" must be {replaced}"),
                };
            }
            (Action::Forget, _) => {
                out += match change.deposed {
                    Some(_) => {
                        " will be removed from Ferroform state, but will not be destroyed\n # (left over from a \
                         partially-failed replacement of this instance)"
                    }
                    None => " will no longer be managed by Ferroform, but will not be destroyed",
                };
                out += "\n # (destroy = false is set in the configuration)";
            }
            (Action::NoOp, _) => match self.plan.moved_from(&change.addr) {
                Some(from) => {
                    let to = bold(change.addr.to_string());
                    out = format!("{} has moved to {to}", bold(format!("  # {from}")));
                }
                None => out += " will be imported",
            },
        }
        if let Some(reason) = reason(change, self.plan.moved_from(&change.addr)) {
            out += &format!("\n  # ({reason})");
        }
        if change.action != Action::NoOp
            && cause == Cause::Planned
            && let Some(from) = self.plan.moved_from(&change.addr)
        {
            out += &format!("\n  # (moved from {from})");
        }
        if let Some(id) = self.plan.imports.get(&change.addr).filter(|_| change.action != Action::NoOp) {
            out += &format!("\n  # (imported from {:?})", &**id);
            if change.action.is_replace() {
                out += &format!("\n  # {}", red("Warning: this will destroy the imported resource"));
            }
        }
        if change.deposed.is_some() && change.action == Action::Delete {
            out += "\n  # (left over from a partially-failed replacement of this instance)";
        }
        out
    }

    /// The outputs that change, a line or more each.
    fn outputs(&self) -> String {
        let changed = |output: &&OutputChange| output.action != Action::NoOp;
        let mut outputs: Vec<_> = self.plan.outputs.iter().collect();
        outputs.sort_by(|a, b| a.name.cmp(&b.name));
        // As in Terraform, names that are not shown count for the alignment too.
        let width = outputs.iter().map(|output| attribute_name(&output.name).width()).max().unwrap_or(0);
        outputs.into_iter().filter(changed).map(|output| self.output(output, width)).collect()
    }

    fn output(&self, output: &OutputChange, width: usize) -> String {
        let diff = diff::output(&output.before, &output.after);
        let symbol = match diff.act {
            Act::NoOp => "   ".into(),
            Act::Create => symbol(Action::Create, self.style),
            Act::Update => symbol(Action::Update, self.style),
            Act::Delete => symbol(Action::Delete, self.style),
        };
        let name = pad(&attribute_name(&output.name), width);
        format!("{symbol} {name} = {}\n", diff.render_change(self.style))
    }
}

/// Why an action is planned, where the heading does not say it.
fn reason(change: &ResourceChange, moved_from: Option<&ResourceInstance>) -> Option<String> {
    let addr = &change.addr;
    let key = || addr.key.as_ref().map(InstanceKey::to_string).unwrap_or_default();
    Some(match (change.action, change.reason?) {
        (Action::Read, ActionReason::ConfigUnknown) => "config refers to values not yet known".into(),
        (Action::Read, ActionReason::DependencyPending) => {
            "depends on a resource or a module with changes pending".into()
        }
        (Action::Read, ActionReason::CheckNested) => "config will be reloaded to verify a check block".into(),
        (Action::Delete, ActionReason::NoResourceConfig) => {
            format!("because {} is not in configuration", addr.resource)
        }
        (Action::Delete, ActionReason::NoMoveTarget) => {
            format!("because {} was moved to {addr}, which is not in configuration", moved_from?)
        }
        (Action::Delete, ActionReason::NoModule) => {
            format!("because {} is not in configuration", addr.module)
        }
        (Action::Delete, ActionReason::WrongRepetition) => match addr.key {
            None => "because resource uses count or for_each".into(),
            Some(InstanceKey::Int(_)) => "because resource does not use count".into(),
            Some(InstanceKey::String(_)) => "because resource does not use for_each".into(),
        },
        (Action::Delete, ActionReason::CountIndex) => {
            format!("because index {} is out of range for count", key())
        }
        (Action::Delete, ActionReason::EachKey) => format!("because key {} is not in for_each map", key()),
        _ => return None,
    })
}

/// Terraform's order: shallow modules first, then by address, deposed objects after the current one.
fn sort(changes: &mut [&ResourceChange]) {
    changes.sort_by(|a, b| {
        let depth = |change: &ResourceChange| change.addr.module.0.len();
        depth(a).cmp(&depth(b)).then_with(|| a.addr.cmp(&b.addr)).then_with(|| a.deposed.cmp(&b.deposed))
    });
}

/// The symbol of an action, three columns wide.
fn symbol(action: Action, style: &Style) -> String {
    let plus = || style.paint(Paint::Green, "+");
    let minus = || style.paint(Paint::Red, "-");
    match action {
        Action::NoOp => "   ".into(),
        Action::Create => format!("  {}", plus()),
        Action::Read => format!(" {}", style.paint(Paint::Cyan, "<=")),
        Action::Update => format!("  {}", style.paint(Paint::Yellow, "~")),
        Action::DeleteThenCreate => format!("{}/{}", minus(), plus()),
        Action::CreateThenDelete => format!("{}/{}", plus(), minus()),
        Action::Delete => format!("  {}", minus()),
        Action::Forget => format!(" {}", style.paint(Paint::Red, ".")),
    }
}

/// A line across the page between blank lines.
fn rule(style: &Style) -> String {
    let width = style.width.saturating_sub(1).max(1);
    format!("\n{}\n", style.paint(Paint::Dim, "─".repeat(width)))
}

/// How many objects will change in which way.
pub(super) fn render_counts(counts: Counts) -> String {
    let Counts { import, add, change, destroy } = counts;
    let imports = if import > 0 { format!("{import} to import, ") } else { String::new() };
    format!("{imports}{add} to add, {change} to change, {destroy} to destroy.")
}

#[cfg(test)]
mod tests;
