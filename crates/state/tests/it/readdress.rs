//! Objects get other addresses as `state mv` of Terraform gives them: every case of `fixtures/state-mv.txt`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ferroform_core::addr::Target;
use ferroform_state::{State, file};

use crate::{address, object, provider};

/// What a case comes to.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// These objects are gone, and these are new.
    Moved { gone: BTreeSet<String>, new: BTreeSet<String> },
    /// An error with this summary.
    Refused(String),
}

struct Case {
    from: String,
    to: String,
    expected: Outcome,
    /// The summary of Terraform's error where it is another one.
    theirs: Option<String>,
}

/// The objects that there are, and the cases.
fn cases() -> (Vec<String>, Vec<Case>) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/state-mv.txt"))
        .unwrap();
    let (objects, cases) = text.split_once("\n\ncases:\n").unwrap();
    let objects = objects.split_once("objects:\n").unwrap().1.lines().map(str::to_owned).collect();
    let case = |text: &str| {
        let mut lines = text.lines();
        let (from, to) = lines.next().unwrap().split_once(' ').unwrap();
        let (mut gone, mut new, mut refused, mut theirs) = (BTreeSet::new(), BTreeSet::new(), None, None);
        for line in lines {
            match line.split_once(' ').unwrap() {
                ("-", addr) => assert!(gone.insert(addr.to_owned())),
                ("+", addr) => assert!(new.insert(addr.to_owned())),
                ("!", summary) => refused = Some(summary.to_owned()),
                ("Terraform:", summary) => theirs = Some(summary.to_owned()),
                other => panic!("{other:?}"),
            }
        }
        let expected = refused.map_or(Outcome::Moved { gone, new }, Outcome::Refused);
        Case { from: from.to_owned(), to: to.to_owned(), expected, theirs }
    };
    (objects, cases.split("\n\n").map(case).collect())
}

fn state(objects: &[String]) -> State {
    let mut state = State::with_lineage("4d1c4b8e-9a51-4a0c-8d5b-0d7f3a1b2c3d");
    for addr in objects {
        state.set_current(&address(addr), &provider(), Some(object(addr)));
    }
    state
}

fn addresses(state: &State) -> BTreeSet<String> {
    state.objects().map(|(addr, ..)| addr.to_string()).collect()
}

fn moved(before: &State, after: &State) -> Outcome {
    let (before, after) = (addresses(before), addresses(after));
    Outcome::Moved {
        gone: before.difference(&after).cloned().collect(),
        new: after.difference(&before).cloned().collect(),
    }
}

#[test]
fn objects_get_the_addresses_that_terraform_gives_them() {
    let (objects, cases) = cases();
    assert!(cases.len() >= 35, "{}", cases.len());
    let before = state(&objects);
    for Case { from, to, expected, .. } in &cases {
        let mut after = before.clone();
        let target = |text: &String| text.parse::<Target>().unwrap();
        let outcome = match after.readdress(&target(from), &target(to)) {
            Ok(moves) => {
                // Every object is the one that it was.
                for (old, new) in &moves {
                    assert_eq!(after.instance(new), before.instance(old), "{from} to {to}: {new}");
                }
                let told = |addr: &str| moves.iter().any(|(_, new)| new.to_string() == addr);
                let Outcome::Moved { new, .. } = moved(&before, &after) else {
                    unreachable!("nothing was refused")
                };
                assert!(
                    new.len() == moves.len() && new.iter().all(|addr| told(addr)),
                    "{from} to {to}: {moves:?}"
                );
                moved(&before, &after)
            }
            Err(refused) => {
                assert_eq!(after, before, "{from} to {to} was refused and changed something");
                Outcome::Refused(refused.0[0].summary.to_string())
            }
        };
        assert_eq!(outcome, *expected, "{from} to {to}");
    }
}

#[test]
fn terraform_gives_objects_these_addresses() {
    let Some(dir) = crate::terraform::stack("") else { return };
    let path = dir.path().join("terraform.tfstate");
    let (objects, cases) = cases();
    let before = state(&objects);
    for Case { from, to, expected, theirs } in cases {
        fs::write(&path, file::write(&before).unwrap()).unwrap();
        let mut command = crate::terraform::terraform(dir.path(), &["state", "mv", "-no-color", &from, &to]);
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        match expected {
            Outcome::Moved { .. } => {
                assert!(output.status.success(), "{from} to {to}: {told}");
                let after = file::read(&fs::read(&path).unwrap(), "terraform.tfstate").unwrap().unwrap();
                assert_eq!(moved(&before, &after), expected, "{from} to {to}");
            }
            Outcome::Refused(summary) => {
                assert!(!output.status.success(), "{from} to {to} is not refused");
                let summary = theirs.unwrap_or(format!("Error: {summary}"));
                assert!(told.contains(&summary), "{from} to {to}: {told}");
            }
        }
    }
}
