//! Tables of the documents, from the catalogue: between two markers, written by this command and by nobody else.

use std::fmt::Write;

use ferroform_catalogue::{Catalogue, CpuType, Eur, ServerType};

use super::applied::{VARIABLES, clean_command, finish};
use super::{Context, Faults, copy, files};
use crate::{Result, say};

/// Usual round trip from Frankfurt am Main in milliseconds. The catalogue has none: these are what the distance and the
/// routes make usual; an access network adds its own.
const ROUND_TRIP: &[(&str, &str)] = &[
    ("fsn1", "5–10"),
    ("nbg1", "3–8"),
    ("hel1", "25–35"),
    ("ash", "90–100"),
    ("hil", "150–165"),
    ("sin", "160–190"),
];

/// Locations in the European Union, where health data may be.
const EU: &[&str] = &["fsn1", "nbg1", "hel1"];

/// Environments of nornos, in the order in which one gets to them.
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "production"];

const BEGIN: &str = "<!-- begin table: ";
const END: &str = "<!-- end table -->";

/// Compares, or writes, every table below `stacks`.
pub(super) fn check(context: &Context, write: bool) -> Result<Faults> {
    let mut faults = Faults::new();
    let mut count = 0;
    for file in files(&context.root.join("stacks"))? {
        if file.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let name = file.strip_prefix(&context.root).unwrap_or(&file).display().to_string();
        let text = std::fs::read_to_string(&file)?;
        let (new, tables) =
            fill(&text, &|table| made(context, table)).map_err(|error| format!("{name}: {error}"))?;
        count += tables;
        if new == text {
            continue;
        }
        if write {
            std::fs::write(&file, new)?;
            say(&format!("stacks: {name}: written"))?;
        } else {
            faults.push(format!(
                "{name}: a table is not current; write it with `cargo xtask stacks tables --write`"
            ));
        }
    }
    say(&format!("stacks: {count} tables in documents"))?;
    if count == 0 {
        faults.push("no document has a table".to_owned());
    }
    Ok(faults)
}

/// The text with every table made anew, and how many there are.
fn fill(text: &str, make: &dyn Fn(&str) -> Result<String>) -> Result<(String, usize)> {
    let mut out = String::new();
    let mut count = 0;
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN) {
        let after = &rest[begin..];
        let line = after.lines().next().unwrap_or_default();
        let name = line
            .strip_prefix(BEGIN)
            .and_then(|l| l.strip_suffix(" -->"))
            .ok_or_else(|| format!("{line}: no marker"))?;
        let end = after.find(END).ok_or_else(|| format!("the table {name} has no end: {END}"))?;
        write!(out, "{}{line}\n\n{}\n{END}", &rest[..begin], make(name)?)?;
        rest = &after[end + END.len()..];
        count += 1;
    }
    out.push_str(rest);
    Ok((out, count))
}

fn made(context: &Context, table: &str) -> Result<String> {
    let catalogue = Catalogue::builtin();
    match table {
        "locations" => Ok(locations(catalogue)),
        "sizes" => Ok(sizes(catalogue)),
        "costs" => costs(context),
        other => Err(format!("there is no table {other}; there are: costs, locations, sizes").into()),
    }
}

/// What `ferroform cost` says of the environments of nornos, in a copy, where no state lies beside them.
fn costs(context: &Context) -> Result<String> {
    let scratch = tempfile::tempdir()?;
    for dir in ["stacks", "modules"] {
        copy(&context.root.join(dir), &scratch.path().join(dir))?;
    }
    let environments = ENVIRONMENTS.map(|name| format!("environments/{name}"));
    let words: Vec<&str> =
        ["cost", "-markdown"].into_iter().chain(environments.iter().map(String::as_str)).collect();
    let mut command = clean_command(&context.ferroform, &scratch.path().join("stacks/nornos"));
    command.args(&words).envs(VARIABLES.iter().map(|(name, value)| (format!("TF_VAR_{name}"), value)));
    let said = finish("nornos", &words, &mut command)?;
    Ok(String::from_utf8_lossy(&said).trim().to_owned() + "\n")
}

fn locations(catalogue: &Catalogue) -> String {
    let mut out = String::from(
        "| code | place | country | network zone | usual round trip from Frankfurt | health data |\n|---|---|---|---|---:|---|\n",
    );
    for location in catalogue.locations() {
        let trip =
            ROUND_TRIP.iter().find(|(name, _)| *name == location.name).map_or("not known", |(_, trip)| trip);
        let allowed = if EU.contains(&location.name.as_str()) { "yes" } else { "refused" };
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | `{}` | {trip} ms | {allowed} |",
            location.name, location.city, location.country, location.network_zone
        );
    }
    out
}

/// Server types that can be ordered in the EU, by price.
fn sizes(catalogue: &Catalogue) -> String {
    let in_eu = |size: &ServerType| -> Vec<String> {
        EU.iter().filter(|name| size.offer(name).is_some()).map(|name| format!("`{name}`")).collect()
    };
    let price = |size: &ServerType| EU.iter().filter_map(|name| size.offer(name)?.monthly).min();
    let mut sizes: Vec<&ServerType> =
        catalogue.server_types().iter().filter(|s| s.retired.is_none() && !in_eu(s).is_empty()).collect();
    sizes.sort_by_key(|size| {
        (size.architecture.as_str(), price(size).is_none(), price(size), size.name.clone())
    });
    let mut out = format!(
        "Net prices a month as of {}, without the IPv4 address; hours are charged up to that.\n\n\
         | type | vCPU | memory | disk | cores | architecture | EUR a month | where |\n|---|---:|---:|---:|---|---|---:|---|\n",
        catalogue.as_of()
    );
    for size in sizes {
        let disk = size.disk_gb.map_or_else(|| "not known".to_owned(), |disk| format!("{disk} GB"));
        let cores = match size.cpu_type {
            CpuType::Shared => "shared",
            CpuType::Dedicated => "dedicated",
        };
        let price = price(size).map_or_else(|| "not known".to_owned(), |price: Eur| price.to_decimal(2));
        let _ = writeln!(
            out,
            "| `{}` | {} | {} GB | {disk} | {cores} | {} | {price} | {} |",
            size.name,
            size.cores,
            size.memory_gb,
            size.architecture.as_str(),
            in_eu(size).join(", ")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<(String, usize)> {
        fill(text, &|table| {
            if table == "t" { Ok("| new |\n".to_owned()) } else { Err("no such table".into()) }
        })
    }

    #[test]
    fn tables_are_made_between_their_markers_and_nothing_else_changes() {
        let old = "a\n<!-- begin table: t -->\n| old |\n<!-- end table -->\nb\n";
        let (new, count) = filled(old).expect("filled");
        assert_eq!(
            (new.as_str(), count),
            ("a\n<!-- begin table: t -->\n\n| new |\n\n<!-- end table -->\nb\n", 1)
        );
        assert_eq!(filled(&new).expect("filled").0, new);
        assert_eq!(filled("nothing\n").expect("filled"), ("nothing\n".to_owned(), 0));
    }

    #[test]
    fn a_table_that_nobody_knows_or_that_has_no_end_is_refused() {
        assert!(filled("<!-- begin table: u -->\n<!-- end table -->").is_err());
        assert!(filled("<!-- begin table: t -->\n").is_err_and(|e| e.to_string().contains("no end")));
    }

    #[test]
    fn every_location_of_the_catalogue_has_a_round_trip() {
        let table = locations(Catalogue::builtin());
        assert!(table.contains("| `fsn1` |") && !table.contains("not known"), "{table}");
        assert_eq!(table.matches("| yes |").count(), EU.len());
    }
}
