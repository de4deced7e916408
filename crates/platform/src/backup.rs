//! Backups of a PostgreSQL server, made and read by its backup program.

use ferroform_core::Diagnostic;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::contract::{Contract, Postgres};
use crate::remote::{Call, Remote, failed, read_json};
use crate::run::Streams;

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its name.
    pub name: String,
    /// Bytes.
    #[serde(default)]
    pub size: u64,
    /// Checksum of the dump.
    #[serde(default)]
    pub sha256: Option<String>,
    /// When it was made, RFC 3339.
    #[serde(default)]
    pub created_at: Option<String>,
    /// `disk`, `object-storage` or `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The database, where the program tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

/// Whether every change is kept for going back to any point in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wal {
    /// Whether it is.
    #[serde(default)]
    pub archiving: bool,
    /// The last that was kept, in the program's words.
    #[serde(default)]
    pub last: Option<serde_json::Value>,
}

/// The backups that there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// The newest first.
    pub backups: Vec<Backup>,
    /// How many days they are kept.
    #[serde(default)]
    pub keep_days: Option<u64>,
    /// When the next is made, RFC 3339.
    #[serde(default)]
    pub next: Option<String>,
    /// Archiving of changes.
    #[serde(default)]
    pub wal: Option<Wal>,
}

/// What became of one backup's check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// Whether it is whole.
    pub ok: bool,
    /// What is wrong with it.
    #[serde(default)]
    pub error: Option<String>,
}

/// What became of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Each.
    pub results: Vec<Checked>,
}

/// A table, as the backup has it and as it was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub table: String,
    /// Rows when the backup was made.
    pub rows_backup: Option<u64>,
    /// Rows that came back.
    pub rows_restored: Option<u64>,
    /// Whether number and checksum agree.
    pub same: bool,
}

/// What a restore drill showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// The backup.
    pub name: String,
    /// Its tables.
    pub tables: Vec<Table>,
    /// Whether all is as it was.
    pub ok: bool,
}

/// SHA-256, as backup programs tell it.
#[derive(Debug, Clone, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest in hexadecimal digits.
    pub fn hex(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The backup program of a stack's database.
#[derive(Clone, Copy)]
pub struct Program<'a> {
    remote: Remote<'a>,
    postgres: &'a Postgres,
    path: &'a str,
}

/// Whether a backup's name is harmless, or a word that stands for one.
pub fn check_name(name: &str) -> Result<(), Diagnostic> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '+');
    if !name.is_empty() && name.len() <= 255 && !name.starts_with(['-', '.']) && name.chars().all(plain) {
        return Ok(());
    }
    Err(Diagnostic::error("Invalid backup name")
        .detail(format!("{name:?} is no name of a backup."))
        .hint("ferroform backup list shows the names; \"latest\" is the newest."))
}

impl<'a> Program<'a> {
    /// The program of the stack's database, if it has one.
    pub fn of(remote: Remote<'a>, contract: &'a Contract) -> Result<Self, Diagnostic> {
        let postgres = contract.postgres()?;
        let path = postgres.program.as_deref();
        let path = path.ok_or_else(|| contract.without("postgres.program", "backup program"))?;
        Ok(Program { remote, postgres, path })
    }

    /// What the contract tells of the database.
    pub fn postgres(&self) -> &'a Postgres {
        self.postgres
    }

    fn words(&self, args: &[&str]) -> Vec<String> {
        std::iter::once(self.path).chain(args.iter().copied()).map(str::to_owned).collect()
    }

    /// Makes a backup.
    pub fn now(&self) -> Result<Backup, Diagnostic> {
        let call = Call { streams: Streams::ErrorsPassed, ..Call::new(self.words(&["now", "--json"])) };
        self.remote.json(&self.postgres.server, call)
    }

    /// The backups that there are, the newest first.
    pub fn list(&self) -> Result<List, Diagnostic> {
        let call = Call::reading(self.words(&["list", "--json"]), 120);
        let mut list: List = self.remote.json(&self.postgres.server, call)?;
        list.backups.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.name.cmp(&a.name)));
        Ok(list)
    }

    /// Checks backups; that one is damaged is a result.
    pub fn verify(&self, name: &str) -> Result<Verified, Diagnostic> {
        check_name(name)?;
        self.result(&["verify", name, "--json"])
    }

    /// Restores into a scratch database and compares; that something differs is a result.
    pub fn drill(&self, name: &str) -> Result<Drill, Diagnostic> {
        check_name(name)?;
        self.result(&["drill", name, "--json"])
    }

    /// A program that ends with 1 and still answers when what it looked at is not well.
    fn result<T: serde::de::DeserializeOwned>(&self, args: &[&str]) -> Result<T, Diagnostic> {
        let words = self.words(args);
        let call = Call { streams: Streams::ErrorsPassed, ..Call::new(words.clone()) };
        let server = &self.postgres.server;
        let finished = self.remote.run(server, call)?;
        let answered = finished.cut.is_none() && matches!(finished.code, Some(0 | 1));
        if !answered || finished.stdout.is_empty() {
            return Err(failed(server, &words, &finished));
        }
        read_json(server, &words, &finished.stdout)
    }

    /// Restores: into the database itself, or into another.
    pub fn restore(&self, name: &str, into: Option<&str>, at: Option<&str>) -> Result<(), Diagnostic> {
        check_name(name)?;
        let mut args = vec!["restore", name];
        args.extend(into.iter().flat_map(|into| ["--into", into]));
        args.extend(at.iter().flat_map(|at| ["--at", at]));
        let call = Call { streams: Streams::Passed, ..Call::new(self.words(&args)) };
        self.remote.done(&self.postgres.server, call).map(drop)
    }

    /// Writes a dump to a file.
    pub fn fetch(&self, name: &str, file: std::fs::File) -> Result<(), Diagnostic> {
        check_name(name)?;
        let words = self.words(&["fetch", name]);
        let call = Call { streams: Streams::ToFile(file), reads_only: true, ..Call::new(words) };
        self.remote.done(&self.postgres.server, call).map(drop)
    }

    /// Sets the owner's password.
    pub fn set_password(&self, password: &str) -> Result<(), Diagnostic> {
        let call = Call {
            stdin: Some(format!("{password}\n").into_bytes()),
            ..Call::new(self.words(&["password"]))
        };
        self.remote.done(&self.postgres.server, call).map(drop)
    }
}
