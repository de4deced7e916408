//! Tables of what was measured.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Measured;
use super::measure::{median, peak, show_duration, show_memory};
use super::programs::Program;
use crate::{Result, say, workspace_root};

/// The lines between which a table lies in the document.
pub(super) type Marks = (&'static str, &'static str);

/// Those of the table of this bench.
pub(super) const MARKS: Marks =
    ("<!-- written by `cargo xtask bench --markdown`, do not edit -->", "<!-- end of what is written -->");

/// Where the runs took place.
pub(super) struct Machine {
    processor: String,
    cores: usize,
    memory: String,
    system: String,
}

impl Machine {
    /// This one, as far as it tells.
    pub(super) fn detect() -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
            line.map(|value| value.trim().to_owned())
        };
        let memory = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.strip_suffix(" kB")?.trim().parse::<u64>().ok())
            .map_or_else(|| "unknown".to_owned(), |kib| format!("{} GiB", (kib >> 19).div_ceil(2)));
        Machine {
            processor: field("/proc/cpuinfo", "model name")
                .or_else(|| first_line("sysctl", &["-n", "machdep.cpu.brand_string"]))
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory,
            system: first_line("uname", &["-sr"]).unwrap_or_else(|| std::env::consts::OS.to_owned()),
        }
    }
}

impl Machine {
    /// The machine in a few words.
    pub(super) fn describe(&self) -> String {
        format!("{} ({} cores), {} of memory, {}.", self.processor, self.cores, self.memory, self.system)
    }
}

fn first_line(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}

/// When, where and with what it was measured.
pub(super) fn heading(
    machine: &Machine,
    ferroform: &Program,
    terraform: Option<&Program>,
    rounds: usize,
) -> String {
    let programs = match terraform {
        Some(terraform) => format!("{} and {}", ferroform.title, terraform.title),
        None => ferroform.title.clone(),
    };
    let rounds = if rounds == 1 { "one run each".to_owned() } else { format!("medians of {rounds} runs") };
    format!("{}: {programs}, {rounds}; {}", today(), machine.describe())
}

/// The day, as the document writes it.
pub(super) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// A Markdown table of everything measured.
pub(super) fn table(measured: &[Measured]) -> String {
    let mut text = String::from(
        "| workload | ferroform | terraform | ratio | target | ferroform's memory | terraform's memory | target |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    for m in measured {
        let cells = [
            m.workload.to_string(),
            or_dash(median(&m.ferroform).map(show_duration)),
            or_dash(median(&m.terraform).map(show_duration)),
            or_dash(ratio(m).map(|r| format!("{r:.0}×"))),
            or_dash(m.workload.target_ratio().map(|r| format!("≥ {r:.0}×"))),
            or_dash(peak(&m.ferroform).map(show_memory)),
            or_dash(peak(&m.terraform).map(show_memory)),
            or_dash(m.workload.target_memory().map(|b| format!("< {}", show_memory(b)))),
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.truncate(text.trim_end().len());
    text
}

/// One thing that was measured, and what is promised of it.
pub(super) struct Row {
    what: String,
    measured: String,
    target: Option<String>,
}

impl Row {
    /// Something of which nothing is promised.
    pub(super) fn new(what: impl Into<String>, measured: String) -> Self {
        Row { what: what.into(), measured, target: None }
    }

    /// What is promised.
    pub(super) fn target(self, target: String) -> Self {
        Row { target: Some(target), ..self }
    }
}

/// Shows a table; with marks it is written between them into the document as well, under a line that says what it is about,
/// when and where it was measured.
///
/// # Errors
/// When it cannot be written.
pub(super) fn targets(rows: &[Row], document: Option<(Marks, &str)>) -> Result<()> {
    let mut table = String::from("| | measured | target |\n|---|---:|---:|");
    for Row { what, measured, target } in rows {
        let target = target.as_deref().unwrap_or("–");
        table.push_str(&format!("\n| {what} | {measured} | {target} |"));
    }
    say(&format!("\n{table}"))?;
    let Some((marks, about)) = document else { return Ok(()) };
    let heading = format!("{}: {about}; {}", today(), Machine::detect().describe());
    write(&workspace_root().join("docs/benchmarks.md"), marks, &format!("{heading}\n\n{table}"))
}

/// How many times faster Ferroform is.
fn ratio(measured: &Measured) -> Option<f64> {
    let (ours, theirs) = (median(&measured.ferroform)?, median(&measured.terraform)?);
    Some(theirs.as_secs_f64() / ours.as_secs_f64().max(1e-9))
}

/// Puts the text between the marks of a document.
///
/// # Errors
/// When the document cannot be read or written, or has no marks.
pub(super) fn write(path: &Path, marks: Marks, text: &str) -> Result<()> {
    let document = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let replaced = replace_between_marks(&document, marks, text).ok_or_else(|| {
        format!("{}: the lines `{}` and `{}` are missing", path.display(), marks.0, marks.1)
    })?;
    fs::write(path, replaced)?;
    say(&format!("written to {}", path.display()))
}

fn replace_between_marks(document: &str, (begin, end): Marks, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{text}\n\n{end}{after}"))
}

/// Checks that of every target at least this share is reached.
///
/// # Errors
/// Every target that is missed by more.
pub(super) fn require(measured: &[Measured], share: f64) -> Result<()> {
    let mut missed = Vec::new();
    for m in measured {
        if let (Some(ratio), Some(target)) = (ratio(m), m.workload.target_ratio())
            && ratio < target * share
        {
            let target = target * share;
            missed.push(format!("{}: {ratio:.1}×, at least {target:.0}× is required", m.workload));
        }
        // Memory does not depend on the machine's speed: this target holds as it is.
        if let (Some(bytes), Some(target)) = (peak(&m.ferroform), m.workload.target_memory())
            && bytes >= target
        {
            let (bytes, target) = (show_memory(bytes), show_memory(target));
            missed.push(format!("{}: {bytes} of memory, less than {target} is required", m.workload));
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(format!("bench:\n  {}", missed.join("\n  ")).into()) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::measure::Sample;
    use super::super::workload::Workload;
    use super::*;

    fn measured(ours_ms: u64, theirs_ms: u64, memory: u64) -> Measured {
        let sample = |ms| Sample { elapsed: Duration::from_millis(ms), memory };
        let theirs = if theirs_ms == 0 { vec![] } else { vec![sample(theirs_ms)] };
        Measured { workload: Workload::Plan(5000), ferroform: vec![sample(ours_ms)], terraform: theirs }
    }

    #[test]
    fn a_row_tells_both_programs_and_the_targets() {
        let text = table(&[measured(400, 48_000, 120_000_000)]);
        let expected = "| plan of 5,000 | 400 ms | 48.0 s | 120× | ≥ 100× | 120 MB | 120 MB | < 150 MB |";
        assert_eq!(text.lines().nth(2), Some(expected));
    }

    #[test]
    fn without_terraform_there_is_no_ratio() {
        let text = table(&[measured(400, 0, 120_000_000)]);
        assert!(text.contains("| 400 ms | – | – |"), "{text}");
    }

    #[test]
    fn a_missed_target_is_an_error_in_proportion_to_what_is_required() {
        let good = measured(400, 48_000, 120_000_000);
        assert!(require(&[good], 1.0).is_ok());
        let slow = || measured(800, 48_000, 120_000_000);
        assert!(require(&[slow()], 0.5).is_ok());
        let error = require(&[slow()], 1.0).expect_err("60 times").to_string();
        assert!(error.contains("60.0×, at least 100×"), "{error}");
        let fat = measured(400, 48_000, 150_000_000);
        assert!(require(&[fat], 0.5).is_err());
    }

    #[test]
    fn only_the_marked_part_of_a_document_is_replaced() {
        let (begin, end) = MARKS;
        let document = format!("# Title\n\n{begin}\nold\n{end}\n\nText.\n");
        let replaced = replace_between_marks(&document, MARKS, "new").expect("marks");
        assert_eq!(replaced, format!("# Title\n\n{begin}\n\nnew\n\n{end}\n\nText.\n"));
        assert_eq!(replace_between_marks("nothing", MARKS, "new"), None);
    }
}
