//! `workspace`

use std::path::Path;
use std::process::ExitCode;

use ferroform_core::{Diagnostic, Sources};
use ferroform_state::State;

use super::Outcome;
use super::state::{ByHand, source};
use crate::args::{
    LockArgs, WorkspaceArgs, WorkspaceCommand, WorkspaceDeleteArgs, WorkspaceListArgs, WorkspaceNewArgs,
    WorkspaceSelectArgs, WorkspacesArgs,
};
use crate::backend::Workspaces;
use crate::context::{Context, Reported};
use crate::project::Project;
use crate::settings::Settings;
use crate::terminal::Terminal;
use crate::workflow::{acquire, manager, project_of_state};
use crate::workspace::{DEFAULT, check, select as note};

pub(super) fn run(args: &WorkspaceArgs, terminal: &Terminal) -> Outcome {
    let context = Context::new(terminal);
    match &args.command {
        WorkspaceCommand::List(args) => list(&context, args),
        WorkspaceCommand::Show(args) => show(&context, args),
        WorkspaceCommand::New(args) => new(&context, args),
        WorkspaceCommand::Select(args) => select(&context, args),
        WorkspaceCommand::Delete(args) => delete(&context, args),
    }
}

/// A configuration whose states are beside each other.
struct Opened {
    settings: Settings,
    project: Project,
    workspaces: Workspaces,
}

impl Opened {
    fn new(context: &Context<'_>, which: &WorkspacesArgs) -> Result<Self, Reported> {
        let settings = context.take(Settings::new(&which.place()), &Sources::new())?;
        let project = project_of_state(context, &settings)?;
        let workspaces = context.take(Workspaces::of(&settings, &project), &project.sources)?;
        Ok(Opened { settings, project, workspaces })
    }

    fn is_there(&self, context: &Context<'_>, name: &str) -> Result<bool, Reported> {
        Ok(context.take(self.workspaces.names(), &self.project.sources)?.contains(name))
    }

    /// Creates a workspace that is not there, with a state if one is given, and selects it.
    fn create(
        &mut self,
        context: &Context<'_>,
        name: &str,
        state: Option<State>,
        lock: &LockArgs,
    ) -> Result<(), Reported> {
        context.take(self.workspaces.make_place(name), &self.project.sources)?;
        let state = state.or_else(|| matches!(self.workspaces, Workspaces::Bucket(_)).then(State::empty));
        name.clone_into(&mut self.settings.workspace.name);
        if let Some(state) = state {
            let opened = ByHand::with_project(context, &self.settings, &self.project, lock, "workspace-new")?;
            opened.push(context, &state, false)?;
        }
        self.select(context, name)?;
        context.print(&format!(
            "Created and switched to workspace \"{name}\"!\n\nYou're now on a new, empty workspace. Workspaces isolate their state,\nso \
             if you run \"ferroform plan\" Ferroform will not see any existing state\nfor this configuration.\n"
        ));
        Ok(())
    }

    fn select(&self, context: &Context<'_>, name: &str) -> Result<(), Reported> {
        context.take(note(&self.settings.notes_dir(), name), &self.project.sources)
    }
}

fn list(context: &Context<'_>, args: &WorkspaceListArgs) -> Outcome {
    let opened = Opened::new(context, &args.which)?;
    let names = context.take(opened.workspaces.names(), &opened.project.sources)?;
    let present = &opened.settings.workspace;
    let line = |name: &str| format!("{} {name}\n", if name == present.name { '*' } else { ' ' });
    let others = names.iter().map(String::as_str).filter(|name| *name != DEFAULT);
    context.print(&format!("{}\n", [DEFAULT].into_iter().chain(others).map(line).collect::<String>()));
    if present.overridden {
        context.print(&format!(
            "TF_WORKSPACE says that the workspace is {:?}, whatever is selected.\n",
            present.name
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(context: &Context<'_>, args: &WorkspaceListArgs) -> Outcome {
    let settings = context.take(Settings::new(&args.which.place()), &Sources::new())?;
    context.print(&format!("{}\n", settings.workspace.name));
    Ok(ExitCode::SUCCESS)
}

fn new(context: &Context<'_>, args: &WorkspaceNewArgs) -> Outcome {
    let none = Sources::new();
    context.take(check(&args.name, "the command line"), &none)?;
    let mut opened = Opened::new(context, &args.which)?;
    let present = &opened.settings.workspace;
    if present.overridden && present.name != args.name {
        return context.take(Err(overridden(&present.name)), &none);
    }
    if opened.is_there(context, &args.name)? {
        let diagnostic = Diagnostic::error("Workspace exists already")
            .detail(format!("There is a workspace {:?} already.", args.name))
            .hint(format!("`ferroform workspace select {}` goes there.", args.name));
        return context.take(Err(diagnostic), &none);
    }
    let state = args.state.as_deref().map(|path: &Path| context.take(source(path), &none)).transpose()?;
    opened.create(context, &args.name, state, &args.lock)?;
    Ok(ExitCode::SUCCESS)
}

fn select(context: &Context<'_>, args: &WorkspaceSelectArgs) -> Outcome {
    let none = Sources::new();
    context.take(check(&args.name, "the command line"), &none)?;
    let mut opened = Opened::new(context, &args.which)?;
    let present = opened.settings.workspace.clone();
    if present.overridden {
        return context.take(Err(overridden(&present.name)), &none);
    }
    if present.name == args.name {
        return Ok(ExitCode::SUCCESS);
    }
    if opened.is_there(context, &args.name)? {
        opened.select(context, &args.name)?;
        context.print(&format!("Switched to workspace \"{}\".\n", args.name));
    } else if args.or_create {
        opened.create(context, &args.name, None, &args.lock)?;
    } else {
        return context.take(Err(missing(&args.name)), &none);
    }
    Ok(ExitCode::SUCCESS)
}

fn delete(context: &Context<'_>, args: &WorkspaceDeleteArgs) -> Outcome {
    let none = Sources::new();
    let mut opened = Opened::new(context, &args.which)?;
    let refused = |why: String, hint: &'static str| {
        context.take(Err(Diagnostic::error("Workspace cannot be deleted").detail(why).hint(hint)), &none)
    };
    if args.name == opened.settings.workspace.name {
        let why = format!("Workspace {:?} is your active workspace.", args.name);
        return refused(why, "Switch to another one first, with `ferroform workspace select`.");
    }
    if args.name == DEFAULT {
        let why = "The default workspace is always there.".to_owned();
        return refused(why, "`ferroform destroy` removes its objects.");
    }
    if !opened.is_there(context, &args.name)? {
        return context.take(Err(missing(&args.name)), &none);
    }
    opened.settings.workspace.name.clone_from(&args.name);
    let manager = manager(context, &opened.settings, &opened.project)?;
    if args.lock.lock {
        acquire(context, &*manager, &args.lock, "workspace-delete")?;
    }
    let loaded = match manager.read() {
        Ok(loaded) => Some(loaded),
        // What cannot be read may be thrown away all the same.
        Err(_) if args.force => None,
        Err(diagnostics) => return context.take(Err(diagnostics), &none),
    };
    let mut held: Vec<String> = Vec::new();
    if let Some(loaded) = &loaded {
        held.extend(loaded.state.objects().map(|(addr, ..)| addr.to_string()));
        held.extend(loaded.open.iter().map(|open| format!("{} (unfinished)", open.intent.address)));
        held.dedup();
    }
    if !held.is_empty() && !args.force {
        let lines: String = held.iter().map(|addr| format!("\n  - {addr}")).collect();
        let diagnostic = Diagnostic::error("Workspace is not empty")
            .detail(format!(
                "Workspace {:?} has objects, which nobody would know of any more:{lines}",
                args.name
            ))
            .hint("Destroy them first, or delete the workspace with -force.");
        return context.take(Err(diagnostic), &none);
    }
    context.take(opened.workspaces.remove(&args.name), &none)?;
    context.take(manager.unlock(), &none)?;
    // What is noted here of its state means nothing for another one of that name.
    let _ = std::fs::remove_file(opened.settings.worlds_path());
    context.print(&format!("Deleted workspace \"{}\"!\n", args.name));
    if !held.is_empty() {
        let warning = Diagnostic::warning("Workspace was not empty").detail(format!(
            "The objects of workspace {:?} may still exist, but are no longer managed: its state is gone.",
            args.name
        ));
        context.report(&warning.into(), &none);
    }
    Ok(ExitCode::SUCCESS)
}

fn overridden(name: &str) -> Diagnostic {
    Diagnostic::error("Workspace is overridden")
        .detail(format!(
            "The environment variable TF_WORKSPACE says that the workspace is {name:?}, whatever is selected."
        ))
        .hint("Unset TF_WORKSPACE and give the command again, or set it to the workspace that you want.")
}

fn missing(name: &str) -> Diagnostic {
    Diagnostic::error("Workspace does not exist")
        .detail(format!("There is no workspace {name:?}."))
        .hint("`ferroform workspace list` shows those that there are; `ferroform workspace new` creates one.")
}
