//! `new`: a project of one's own, made from a stack with the modules that it needs.

mod writing;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ferroform_catalogue::{Architecture, Catalogue, Requirements};
use ferroform_core::{Diagnostic, Sources};

use super::Outcome;
use crate::args::NewArgs;
use crate::context::Context;
use crate::scaffold::values::{
    Given, checked_admin, checked_key, checked_location, checked_name, checked_server_type, fill,
};
use crate::scaffold::{Layout, NewFile, Stack};
use crate::terminal::Terminal;
use crate::views::new::{Created, ignored, readme, render, render_json};

/// What is in a file of values is for its owner only.
const PRIVATE: u32 = 0o600;

pub(super) fn run(args: &NewArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    let none = Sources::new();
    // Before anything is asked.
    context.take(writing::is_free(&args.dir), &none)?;
    let mut given = context.take(given(args), &none)?;
    let default_name = default_name(&args.dir, args.stack);
    if args.input && !args.json && terminal.can_ask {
        let mut ask = |question: &str| terminal.ask(question);
        let tell = |text: &str| terminal.print(text);
        let default_key = default_key();
        let asked = questions(args.stack, &mut given, &default_name, default_key.as_deref(), &mut ask, &tell);
        context.take(asked, &none)?;
    }
    context.take(choose_server_type(args.stack, &mut given), &none)?;
    let name = given.name.get_or_insert(default_name).clone();
    let layout = Layout::of(args.stack).map_err(|why| {
        Diagnostic::error("Stack cannot be laid out")
            .detail(format!("The files of the stack {} are damaged: {why}.", args.stack.name()))
    });
    let mut layout = context.take(layout, &none)?;
    let filled = context.take(fill(&layout, &given), &none)?;
    let environments = layout.environments();
    for values in &filled {
        if let Some(text) = &values.text {
            let path = Path::new(&values.environment).join("terraform.tfvars");
            let file = NewFile { bytes: text.clone().into_bytes(), mode: PRIVATE };
            layout.files.insert(path.display().to_string(), file);
        }
    }
    // The stack's own text goes on below what every project has.
    let stack_text = layout.files.remove("README.md").and_then(|file| String::from_utf8(file.bytes).ok());
    if let Some(text) = stack_text {
        layout.files.insert("STACK.md".to_owned(), NewFile::text(text));
    }
    let has_stack_text = layout.files.contains_key("STACK.md");
    let text = readme(&name, args.stack.name(), &environments, has_stack_text);
    layout.files.insert("README.md".to_owned(), NewFile::text(text));
    layout.files.insert(".gitignore".to_owned(), NewFile::text(ignored()));
    context.take(writing::write(&args.dir, &layout), &none)?;
    let created = Created {
        name: &name,
        stack: args.stack.name(),
        dir: &args.dir,
        files: layout.files.len(),
        filled: &filled,
    };
    context.print(&if args.json { render_json(&created) } else { render(&created, &context.style) });
    Ok(ExitCode::SUCCESS)
}

/// What the options say.
fn given(args: &NewArgs) -> Result<Given, Diagnostic> {
    let pairs = |option: &str, texts: &[String]| -> Result<Vec<(String, String)>, Diagnostic> {
        let pair = |text: &String| {
            let (name, value) = text.split_once('=').filter(|(name, _)| !name.trim().is_empty())?;
            Some((name.trim().to_owned(), value.to_owned()))
        };
        texts.iter().map(|text| pair(text).ok_or_else(|| not_a_pair(option, text))).collect()
    };
    let ssh_key = args.ssh_key.as_deref().map(|text| {
        checked_key(text, read_key)
            .map_err(|why| Diagnostic::error("Invalid SSH key").detail(format!("{why}.")))
    });
    Ok(Given {
        name: args.name.clone(),
        location: args.location.clone(),
        server_type: args.server_type.clone(),
        sizes: pairs("-size", &args.size)?,
        ssh_key: ssh_key.transpose()?,
        admins: args.admin.clone(),
        variables: pairs("-var", &args.var)?,
    })
}

/// Makes sure that the server can be had where it is wanted. In another location than the stack's own, the type that the
/// stack has may not be offered: then it is the cheapest one of at least its size.
fn choose_server_type(stack: Stack, given: &mut Given) -> Result<(), Diagnostic> {
    /// What the stacks of one server need.
    const SIZE: Requirements =
        Requirements { cores: 2, memory_gb: 4, architecture: Some(Architecture::X86), cpu_type: None };
    let Some(location) = given.location.as_deref().filter(|_| stack != Stack::Nornos) else { return Ok(()) };
    let cheapest = Catalogue::builtin().cheapest(location, SIZE);
    match &given.server_type {
        None => given.server_type = cheapest.first().map(|found| found.name.clone()),
        Some(wanted) if !Catalogue::builtin().offered(wanted, location) => {
            let offered: Vec<&str> = cheapest.iter().map(|found| found.name.as_str()).collect();
            return Err(Diagnostic::error("Server type not offered in this location").detail(format!(
                "The server type {wanted} is not offered in {location}. With at least {} cores and {} GB of memory, \
                 {location} offers, cheapest first: {}.",
                SIZE.cores,
                SIZE.memory_gb,
                offered.join(", ")
            )));
        }
        Some(_) => {}
    }
    Ok(())
}

fn not_a_pair(option: &str, text: &str) -> Diagnostic {
    Diagnostic::error("Invalid option").detail(format!(
        "The option {option} takes a name and a value with an equals sign between them; {text:?} is not that."
    ))
}

/// Reads a key from a file, in which `~/` is the home directory.
fn read_key(path: &str) -> std::io::Result<String> {
    let path = match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    };
    std::fs::read_to_string(path)
}

/// The key that most people have.
fn default_key() -> Option<String> {
    let path = "~/.ssh/id_ed25519.pub";
    read_key(path).is_ok().then(|| path.to_owned())
}

/// The directory's name if that can be one, else the stack's.
fn default_name(dir: &Path, stack: Stack) -> String {
    let full = std::path::absolute(dir).ok();
    let last = full.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    last.and_then(|name| checked_name(&name.to_lowercase()).ok()).unwrap_or_else(|| stack.name().to_owned())
}

/// Asks for what was not given. An empty answer leaves it as the stack has it; a wrong one is asked for again.
fn questions(
    stack: Stack,
    given: &mut Given,
    name: &str,
    key: Option<&str>,
    ask: &mut dyn FnMut(&str) -> Option<String>,
    tell: &dyn Fn(&str),
) -> Result<(), Diagnostic> {
    /// How often a question is repeated.
    const TRIES: usize = 5;
    let mut answer = |question: &str, check: &dyn Fn(&str) -> Result<String, String>| {
        for _ in 0..TRIES {
            let text = ask(question).unwrap_or_default();
            if text.trim().is_empty() {
                return Ok(None);
            }
            match check(text.trim()) {
                Ok(value) => return Ok(Some(value)),
                Err(why) => tell(&format!("  That does not do: {why}.\n")),
            }
        }
        Err(Diagnostic::error("No answer that can be used")
            .detail(format!("The question \"{}\" was asked {TRIES} times.", question.trim()))
            .hint("Give it by an option; ferroform new -help tells which there are."))
    };
    if given.name.is_none() {
        given.name = answer(&format!("Name of the project [{name}]: "), &checked_name)?;
    }
    if given.location.is_none() {
        given.location = answer("Hetzner location [the stack's own]: ", &checked_location)?;
    }
    match stack {
        Stack::Nornos if given.sizes.is_empty() => {
            let sizes =
                answer("Sizes, such as workers=large postgres=medium [each environment's own]: ", &|text| {
                    match text.split_whitespace().find(|word| !word.contains('=')) {
                        Some(word) => Err(format!("{word:?} has no equals sign")),
                        None => Ok(text.to_owned()),
                    }
                })?;
            let pairs = sizes.as_deref().unwrap_or_default().split_whitespace();
            given.sizes =
                pairs.filter_map(|p| p.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        }
        Stack::Consult | Stack::Empty if given.server_type.is_none() => {
            given.server_type = answer("Server type [the stack's own]: ", &checked_server_type)?;
        }
        _ => {}
    }
    if given.ssh_key.is_none() {
        let usual = key.map_or("none", |key| key);
        let question = format!("Your public SSH key or its file; - for none [{usual}]: ");
        let found = answer(&question, &|text| match text {
            "-" => Ok(text.to_owned()),
            _ => checked_key(text, read_key),
        })?;
        given.ssh_key = match found {
            None => key.and_then(|key| checked_key(key, read_key).ok()),
            Some(text) => Some(text).filter(|text| text != "-"),
        };
    }
    if given.admins.is_empty() {
        let found = answer("Addresses that may administer the servers [none]: ", &|text| {
            let all: Result<Vec<String>, String> =
                text.split([' ', ',']).filter(|w| !w.is_empty()).map(checked_admin).collect();
            Ok(all?.join(" "))
        })?;
        given.admins = found.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    /// What comes of these answers, and what was said in between.
    fn asked(stack: Stack, mut given: Given, answers: &[&str]) -> (Result<Given, Diagnostic>, Vec<String>) {
        let mut answers: VecDeque<&str> = answers.iter().copied().collect();
        let said = RefCell::new(Vec::new());
        let mut ask = |question: &str| {
            said.borrow_mut().push(question.to_owned());
            answers.pop_front().map(str::to_owned)
        };
        let tell = |text: &str| said.borrow_mut().push(text.to_owned());
        let outcome = questions(stack, &mut given, "shop", None, &mut ask, &tell);
        assert!(answers.is_empty(), "not asked for: {answers:?}");
        (outcome.map(|()| given), said.into_inner())
    }

    #[test]
    fn answers_are_taken_and_empty_ones_leave_things_as_they_are() {
        let (given, _) = asked(Stack::Nornos, Given::default(), &["", "", "", "", ""]);
        assert_eq!(given.unwrap(), Given::default());
        let answers = ["acme", "nbg1", "workers=large redis=small", KEY, "203.0.113.7, 2001:db8::/32"];
        let (given, said) = asked(Stack::Nornos, Given::default(), &answers);
        let given = given.unwrap();
        assert_eq!(said[0], "Name of the project [shop]: ");
        assert_eq!(given.name.as_deref(), Some("acme"));
        assert_eq!(given.sizes[1], ("redis".to_owned(), "small".to_owned()));
        assert_eq!(given.ssh_key.as_deref(), Some(KEY));
        assert_eq!(given.admins, ["203.0.113.7/32", "2001:db8::/32"]);
    }

    #[test]
    fn what_was_given_is_not_asked_for() {
        let given = Given {
            name: Some("a".to_owned()),
            location: Some("fsn1".to_owned()),
            ssh_key: Some(KEY.to_owned()),
            admins: vec!["203.0.113.7/32".to_owned()],
            ..Given::default()
        };
        let (asked, said) = asked(Stack::Consult, given.clone(), &["cpx21"]);
        assert_eq!(asked.unwrap(), Given { server_type: Some("cpx21".to_owned()), ..given });
        assert_eq!(said, ["Server type [the stack's own]: "]);
    }

    #[test]
    fn a_wrong_answer_is_asked_for_again_but_not_for_ever() {
        let (given, said) =
            asked(Stack::Empty, Given::default(), &["A B", "ab", "mars", "hel1", "", "-", ""]);
        let given = given.unwrap();
        assert_eq!((given.name.as_deref(), given.location.as_deref()), (Some("ab"), Some("hel1")));
        assert_eq!(given.ssh_key, None);
        assert!(said[1].contains("That does not do: \"A B\" is no name"), "{said:?}");
        let (given, _) = asked(Stack::Empty, Given::default(), &["A"; 5]);
        assert!(given.is_err());
    }
}
