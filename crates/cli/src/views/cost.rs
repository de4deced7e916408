//! What configurations cost: as text, Markdown and JSON.

mod json;
mod tables;

use ferroform_cost::{Amount, Estimate, Sum, Vat};
use ferroform_plan::Action;

use self::tables::{Align, Column, Row, Table};
use super::style::{Paint, Style};
use super::text::{visible, wrap};

pub(crate) use self::json::json;

/// The costs of one directory or plan.
pub(crate) struct Environment {
    /// How it was named.
    pub name: String,
    /// What it costs.
    pub estimate: Estimate,
    /// What one should know about the way this was found.
    pub notes: Vec<String>,
}

/// The costs of all that were asked for.
pub(crate) struct Report<'a> {
    /// In the order in which they were named.
    pub environments: &'a [Environment],
    /// The tax to add; none to show net prices only.
    pub vat: Option<Vat>,
    /// The day of the prices.
    pub prices_as_of: &'a str,
    /// The currency of the prices.
    pub currency: &'a str,
}

/// For a terminal.
pub(crate) fn text(report: &Report<'_>, style: &Style) -> String {
    let mut out = String::new();
    for section in sections(report) {
        if let Some(title) = &section.title {
            out.push_str(&format!("{}\n\n", style.paint(Paint::Bold, visible(title))));
        }
        for (i, block) in section.blocks.iter().enumerate() {
            let between = if i == 0 { "" } else { "\n" };
            let block = match block {
                Block::Table(table) => table.text(style),
                Block::Lines(lines) => {
                    lines.iter().map(|line| wrap(&visible(line), style.width) + "\n").collect()
                }
            };
            out.push_str(&format!("{between}{block}"));
        }
        out.push('\n');
    }
    out + &wrap(&basis(report), style.width) + "\n"
}

/// For documents. The same input gives the same text.
pub(crate) fn markdown(report: &Report<'_>) -> String {
    let mut out = String::new();
    for section in sections(report) {
        if let Some(title) = &section.title {
            out.push_str(&format!("### {}\n\n", tables::escaped(title)));
        }
        for block in &section.blocks {
            out.push_str(&match block {
                Block::Table(table) => table.markdown() + "\n",
                Block::Lines(lines) => {
                    lines.iter().map(|line| tables::escaped(line) + "\n\n").collect::<String>()
                }
            });
        }
    }
    out + &basis(report) + "\n"
}

/// What the numbers rest on.
fn basis(report: &Report<'_>) -> String {
    let tax = match report.vat {
        Some(vat) => format!("gross with {vat} % value added tax"),
        None => "net, without value added tax".to_owned(),
    };
    format!(
        "Prices in {} of {}, {tax}; a month is the most that is charged. What goes by use is not in it, such as \
         traffic beyond what is included.",
        report.currency, report.prices_as_of
    )
}

/// A part of the report.
struct Section {
    title: Option<String>,
    blocks: Vec<Block>,
}

enum Block {
    Table(Table),
    /// Paragraphs.
    Lines(Vec<String>),
}

fn sections(report: &Report<'_>) -> Vec<Section> {
    let many = report.environments.len() > 1;
    let mut sections = Vec::new();
    if many {
        let blocks = vec![
            Block::Table(totals(report)),
            Block::Lines(vec!["By module, net a month:".to_owned()]),
            Block::Table(modules(report)),
        ];
        sections.push(Section { title: Some("All together".to_owned()), blocks });
    }
    for environment in report.environments {
        let mut blocks = vec![Block::Table(resources(report, &environment.estimate))];
        let lines = remarks(environment);
        if !lines.is_empty() {
            blocks.push(Block::Lines(lines));
        }
        if let Some((sentence, table)) = changes(report, &environment.estimate) {
            blocks.push(Block::Lines(vec![sentence]));
            blocks.extend(table.map(Block::Table));
        }
        let title = (many || environment.name != ".").then(|| environment.name.clone());
        sections.push(Section { title, blocks });
    }
    sections
}

/// What each environment costs.
fn totals(report: &Report<'_>) -> Table {
    let mut columns = vec![Column::new("environment", Align::Left)];
    columns.extend(price_columns(report));
    let mut table = Table::new(columns);
    let mut all = [Sum::default(), Sum::default()];
    for environment in report.environments {
        let costs = environment.estimate.after();
        all = [all[0] + costs.hourly, all[1] + costs.monthly];
        let mut cells = vec![environment.name.clone()];
        cells.extend(prices(report, costs.hourly, costs.monthly));
        table.rows.push(Row::plain(cells));
    }
    let mut cells = vec!["total".to_owned()];
    cells.extend(prices(report, all[0], all[1]));
    table.rows.push(Row::strong(cells));
    table
}

/// What each module costs in each environment.
fn modules(report: &Report<'_>) -> Table {
    let found: Vec<_> = report.environments.iter().map(|e| e.estimate.by_module()).collect();
    let mut names: Vec<_> = found.iter().flat_map(|modules| modules.keys().copied()).collect();
    names.sort();
    names.dedup();
    let mut columns = vec![Column::new("module", Align::Left)];
    columns.extend(short_names(report).into_iter().map(|name| Column::new(&name, Align::Right)));
    let mut table = Table::new(columns);
    for name in names {
        let mut cells = vec![module_name(&name.to_string())];
        cells.extend(
            found.iter().map(|modules| modules.get(name).map_or(String::new(), |c| month(c.monthly))),
        );
        table.rows.push(Row::plain(cells));
    }
    let mut cells = vec!["total".to_owned()];
    cells.extend(report.environments.iter().map(|e| month(e.estimate.after().monthly)));
    table.rows.push(Row::strong(cells));
    table
}

/// The last parts of the names if they tell the environments apart.
fn short_names(report: &Report<'_>) -> Vec<String> {
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let short: Vec<String> = report.environments.iter().map(|e| last(&e.name)).collect();
    let mut distinct = short.clone();
    distinct.sort();
    distinct.dedup();
    if distinct.len() == short.len() && !distinct.iter().any(String::is_empty) {
        return short;
    }
    report.environments.iter().map(|e| e.name.clone()).collect()
}

fn module_name(module: &str) -> String {
    if module.is_empty() { "root module".to_owned() } else { module.to_owned() }
}

/// What the instances of each resource cost together, below their modules.
fn resources(report: &Report<'_>, estimate: &Estimate) -> Table {
    let mut columns = vec![Column::new("resource", Align::Left), Column::new("what", Align::Left)];
    columns.extend(price_columns(report));
    let mut table = Table::new(columns);
    for (module, costs) in estimate.by_module() {
        let mut cells = vec![module_name(&module.to_string()), String::new()];
        cells.extend(prices(report, costs.hourly, costs.monthly));
        table.rows.push(Row::strong(cells));
        let mut groups: Vec<Group> = Vec::new();
        for line in estimate.lines.iter().filter(|line| line.addr.module == *module) {
            for (place, component) in line.after.iter().enumerate() {
                let resource = line.addr.resource.to_string();
                let what = match component.unpriced {
                    Some(why) => format!("{} ({why})", component.what),
                    None => component.what.clone(),
                };
                let found = groups.iter().position(|g| g.resource == resource && g.what == what);
                let at = found.unwrap_or_else(|| {
                    groups.push(Group { resource, what, additional: place > 0, ..Group::default() });
                    groups.len() - 1
                });
                let group = &mut groups[at];
                group.count += 1;
                group.hourly = group.hourly + component.hourly.into();
                group.monthly = group.monthly + component.monthly.into();
            }
        }
        // The objects themselves first, then what is paid in addition. Resources are together already.
        let mut ordered: Vec<&Group> = Vec::new();
        for together in groups.chunk_by(|a, b| a.resource == b.resource) {
            ordered.extend(together.iter().filter(|group| !group.additional));
            ordered.extend(together.iter().filter(|group| group.additional));
        }
        let mut above = None;
        for group in ordered {
            let count = if group.count > 1 { format!("{} × ", group.count) } else { String::new() };
            let named = if above == Some(&group.resource) { String::new() } else { group.resource.clone() };
            above = Some(&group.resource);
            let mut cells = vec![named, format!("{count}{}", group.what)];
            cells.extend(prices(report, group.hourly, group.monthly));
            table.rows.push(Row::below(cells));
        }
    }
    let costs = estimate.after();
    let mut cells = vec!["total".to_owned(), String::new()];
    cells.extend(prices(report, costs.hourly, costs.monthly));
    table.rows.push(Row::strong(cells));
    table
}

/// Equal components of the instances of a resource.
#[derive(Default)]
struct Group {
    resource: String,
    what: String,
    /// Paid in addition to the object itself.
    additional: bool,
    count: usize,
    hourly: Sum,
    monthly: Sum,
}

fn remarks(environment: &Environment) -> Vec<String> {
    let estimate = &environment.estimate;
    let mut lines = Vec::new();
    if !estimate.free.is_empty() {
        let counts: Vec<String> =
            estimate.free.iter().map(|(name, count)| format!("{count} {name}")).collect();
        lines.push(format!("Free of charge: {}.", counts.join(", ")));
    }
    let traffic = &estimate.traffic;
    if !traffic.is_empty() {
        let further: Vec<String> =
            traffic.per_tb.iter().map(|price| Amount::from(*price).to_string()).collect();
        let least = if traffic.unknown > 0 { "at least " } else { "" };
        let further = match further.is_empty() {
            true => String::new(),
            false => format!("; a further TB is {} net", further.join(" or ")),
        };
        lines.push(format!(
            "Outgoing traffic included each month: {least}{} TB{further}.",
            traffic.included_terabytes()
        ));
    }
    lines.extend(environment.notes.iter().cloned());
    lines
}

/// What the plan changes in what is paid now; nothing if nothing is.
fn changes(report: &Report<'_>, estimate: &Estimate) -> Option<(String, Option<Table>)> {
    if !estimate.has_prior() {
        return None;
    }
    let (before, after) = (estimate.before().monthly, estimate.after().monthly);
    let changed: Vec<_> =
        estimate.lines.iter().filter(|l| l.costs_before().monthly != l.costs_after().monthly).collect();
    if changed.is_empty() {
        return Some(("The plan changes nothing in what is paid now.".to_owned(), None));
    }
    let mut sentence = format!("Net a month now {}, then {}", month(before), month(after));
    if before.is_complete() && after.is_complete() {
        sentence.push_str(&format!(", a difference of {}", signed(after.known - before.known)));
        if let Some(vat) = report.vat {
            let gross = vat.add_to(after.known) - vat.add_to(before.known);
            sentence.push_str(&format!(" ({} gross)", signed(gross)));
        }
    }
    sentence.push(':');
    let columns = ["change", "object"].map(|name| Column::new(name, Align::Left));
    let numbers = ["now", "then"].map(|name| Column::new(name, Align::Right));
    let mut table = Table::new(columns.into_iter().chain(numbers).collect());
    for line in changed {
        let deposed = if line.deposed { " (deposed)" } else { "" };
        let cost = |components: &[ferroform_cost::Component], sum: Sum| {
            if components.is_empty() { "none".to_owned() } else { month(sum) }
        };
        table.rows.push(Row::plain(vec![
            word(line.action).to_owned(),
            format!("{}{deposed}", line.addr),
            cost(&line.before, line.costs_before().monthly),
            cost(&line.after, line.costs_after().monthly),
        ]));
    }
    Some((sentence, Some(table)))
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::DeleteThenCreate | Action::CreateThenDelete => "replace",
        Action::Forget => "forget",
        Action::NoOp | Action::Read => "none",
    }
}

fn signed(amount: Amount) -> String {
    if amount > Amount::ZERO { format!("+{amount}") } else { amount.to_string() }
}

fn price_columns(report: &Report<'_>) -> Vec<Column> {
    let names: &[&str] = if report.vat.is_some() {
        &["hour net", "hour gross", "month net", "month gross"]
    } else {
        &["hour net", "month net"]
    };
    names.iter().map(|name| Column::new(name, Align::Right)).collect()
}

fn prices(report: &Report<'_>, hourly: Sum, monthly: Sum) -> Vec<String> {
    match report.vat {
        Some(vat) => vec![hour(hourly), hour(hourly.with(vat)), month(monthly), month(monthly.with(vat))],
        None => vec![hour(hourly), month(monthly)],
    }
}

/// Hourly prices are quoted to four decimals.
fn hour(sum: Sum) -> String {
    shown(sum, 4)
}

fn month(sum: Sum) -> String {
    shown(sum, 2)
}

fn shown(sum: Sum, decimals: usize) -> String {
    let known = sum.known.to_decimal(decimals);
    match sum {
        _ if sum.is_complete() => known,
        Sum { known: Amount::ZERO, .. } => "unknown".to_owned(),
        _ => format!("at least {known}"),
    }
}
