//! `backup`: of the stack's database, by the backup program on its server.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ferroform_core::Diagnostic;
use ferroform_platform::backup::{Backup, Program};
use serde_json::json;

use super::Outcome;
use super::stack::Stack;
use crate::args::{
    BackupArgs, BackupCommand, BackupFetchArgs, BackupNamedArgs, BackupPlainArgs, BackupRestoreArgs,
};
use crate::terminal::Terminal;
use crate::views::day2::{bytes, render_backups, render_drill, render_verified};
use crate::workflow::now;

pub(super) async fn run(args: &BackupArgs, terminal: &Terminal) -> Outcome {
    match &args.command {
        BackupCommand::Now(args) => make(args, terminal),
        BackupCommand::List(args) => list(args, terminal),
        BackupCommand::Verify(args) => verify(args, terminal),
        BackupCommand::Restore(args) => restore(args, terminal),
        BackupCommand::Drill(args) => drill(args, terminal),
        BackupCommand::Fetch(args) => fetch(args, terminal),
    }
}

fn make(args: &BackupPlainArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    stack.announce_stop();
    let program = stack.take(Program::of(stack.remote(), &stack.contract))?;
    stack.say(&format!("Backing up the database {}", program.postgres().database));
    let made = stack.take(program.now())?;
    Ok(stack.result(args.json, &made, || format!("{} is done: {}.\n", made.name, bytes(made.size))))
}

fn list(args: &BackupPlainArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    let program = stack.take(Program::of(stack.remote(), &stack.contract))?;
    let list = stack.take(program.list())?;
    Ok(stack.result(args.json, &list, || render_backups(&list, &now())))
}

/// Ends with 1 when a backup is not whole.
fn verify(args: &BackupNamedArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    stack.announce_stop();
    let program = stack.take(Program::of(stack.remote(), &stack.contract))?;
    let verified = stack.take(program.verify(&args.name))?;
    stack.result(args.json, &verified, || render_verified(&verified));
    let damaged: Vec<&str> = verified.results.iter().filter(|r| !r.ok).map(|r| r.name.as_str()).collect();
    if !damaged.is_empty() {
        return stack.take(Err(Diagnostic::error("Damaged backup")
            .detail(format!("Not whole: {}. Nothing can be restored from that.", damaged.join(", ")))
            .hint("Make a new one with ferroform backup now, and find out what damaged it.")));
    }
    if verified.results.is_empty() {
        return stack.take(Err(no_backups()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends with 1 when what came back differs from what was backed up.
fn drill(args: &BackupNamedArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    stack.announce_stop();
    let program = stack.take(Program::of(stack.remote(), &stack.contract))?;
    stack.say(&format!("Restoring {} into a scratch database", args.name));
    let drill = stack.take(program.drill(&args.name))?;
    stack.result(args.json, &drill, || render_drill(&drill));
    if drill.ok && drill.tables.iter().all(|table| table.same) {
        return Ok(ExitCode::SUCCESS);
    }
    let different: Vec<&str> = drill.tables.iter().filter(|t| !t.same).map(|t| t.table.as_str()).collect();
    let which =
        if different.is_empty() { String::new() } else { format!(" Different: {}.", different.join(", ")) };
    stack.take(Err(Diagnostic::error("Restore drill failed")
        .detail(format!("What {} brings back is not what was backed up.{which}", drill.name))
        .hint("The database itself was not touched. ferroform backup verify checks the file.")))
}

fn restore(args: &BackupRestoreArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    let program = stack.take(Program::of(stack.remote(), &stack.contract))?;
    let database = &program.postgres().database;
    if let Some(into) = &args.into {
        stack.take(check_database(into))?;
    }
    let target = args.into.as_deref().unwrap_or(database);
    let replaces = target == database;
    let moment = args.at.map(|at| at.to_string());
    let what = match &moment {
        Some(at) => format!("{} and what was archived until {at}", args.name),
        None => args.name.clone(),
    };
    let question = if replaces {
        format!(
            "\nThe database {database} on {} is replaced by {what}.\n  What it holds now is kept beside it under another \
             name; whoever is connected is disconnected.",
            program.postgres().server
        )
    } else {
        format!(
            "\nThe backup {what} is restored into the database {target} on {}.",
            program.postgres().server
        )
    };
    // The name, so that nobody replaces production out of habit.
    if !stack.confirmed(args.auto_approve, &question, target)? {
        return Ok(ExitCode::from(1));
    }
    stack.announce_stop();
    stack.take(program.restore(&args.name, args.into.as_deref(), moment.as_deref()).map_err(|failed| {
        failed.hint(
            "The database is replaced last, by renaming: until then it is as it was. ferroform ssh postgres -- \
             'runuser -u postgres -- psql -l' shows which databases there are.",
        )
    }))?;
    let told = json!({"name": args.name, "database": target, "replaced": replaces, "at": moment});
    Ok(stack.result(args.json, &told, || {
        let kept = if replaces { " The one before is kept beside it." } else { "" };
        format!("{what} is restored into {target}.{kept}\n")
    }))
}

fn fetch(args: &BackupFetchArgs, terminal: &Terminal) -> Outcome {
    let stack = Stack::open(&args.stack, terminal)?;
    stack.announce_stop();
    let program = stack.take(Program::of(stack.remote(), &stack.contract))?;
    let list = stack.take(program.list())?;
    let backup = match args.name.as_str() {
        "latest" => list.backups.first(),
        name => list.backups.iter().find(|backup| backup.name == name),
    };
    let backup = stack.take(backup.ok_or_else(|| {
        match list.backups.is_empty() {
            true => no_backups(),
            false => Diagnostic::error("No such backup")
                .detail(format!("There is no backup {:?}.", args.name))
                .hint("ferroform backup list shows those that there are."),
        }
    }))?;
    let name = Path::new(&backup.name).file_name().unwrap_or_default();
    let path = args.output.clone().unwrap_or_else(|| PathBuf::from(name));
    stack.say(&format!("Fetching {} ({})", backup.name, bytes(backup.size)));
    let checked = stack.take(fetch_to(&program, backup, &path))?;
    let told = json!({"name": backup.name, "path": path, "checked": checked});
    Ok(stack.result(args.json, &told, || {
        let how = if checked { "Its checksum is right." } else { "The server told no checksum." };
        format!("{} is in {}. {how}\n", backup.name, path.display())
    }))
}

/// Writes a backup to a file at once or not at all, readable by its owner only. Whether it could be checked.
fn fetch_to(program: &Program<'_>, backup: &Backup, path: &Path) -> Result<bool, Diagnostic> {
    let cannot = |error: std::io::Error| {
        Diagnostic::error("Backup not written")
            .detail(format!("The file {} cannot be written: {error}.", path.display()))
    };
    if path.exists() {
        return Err(Diagnostic::error("File exists")
            .detail(format!("The file {} is there already.", path.display()))
            .hint("Name another with -output=FILE."));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = tempfile::Builder::new().prefix(".backup-").tempfile_in(folder).map_err(cannot)?;
    program.fetch(&backup.name, part.as_file().try_clone().map_err(cannot)?)?;
    if let Some(expected) = &backup.sha256 {
        let found = sha256(part.path()).map_err(cannot)?;
        if !found.eq_ignore_ascii_case(expected) {
            return Err(Diagnostic::error("Backup arrived damaged")
                .detail(format!(
                    "What arrived has the SHA-256 {found}; it should be {expected}. Nothing was kept."
                ))
                .hint("Try again; if it stays so, ferroform backup verify checks the file on the server."));
        }
    }
    part.as_file().sync_all().map_err(cannot)?;
    part.persist_noclobber(path).map_err(|error| cannot(error.error))?;
    Ok(backup.sha256.is_some())
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut digest = ferroform_platform::backup::Digest::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.hex()),
            length => digest.update(&buffer[..length]),
        }
    }
}

/// A database's name that needs no quotation anywhere.
fn check_database(name: &str) -> Result<(), Diagnostic> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let ok = name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if ok && name.chars().all(plain) {
        return Ok(());
    }
    Err(Diagnostic::error("Invalid database name").detail(format!(
        "{name:?} cannot be restored into: use lower-case letters, digits and underscores, at most 63 of them."
    )))
}

fn no_backups() -> Diagnostic {
    Diagnostic::error("No backups")
        .detail("The database has no backup yet.")
        .hint("ferroform backup now makes one.")
}
