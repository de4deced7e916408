//! `new`

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::scaffold::Stack;
use crate::scaffold::values::{checked_admin, checked_location, checked_name, checked_server_type};

/// `new`
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Name of the project; that of its directory if left out.
    #[arg(long, value_name = "NAME", value_parser = checked_name)]
    pub name: Option<String>,
    /// Hetzner location for every environment.
    #[arg(long, value_name = "LOCATION", value_parser = checked_location)]
    pub location: Option<String>,
    /// Hetzner server type, in stacks of one server.
    #[arg(long, value_name = "TYPE", value_parser = checked_server_type)]
    pub server_type: Option<String>,
    /// Size of a role, in stacks with roles, such as workers=large; may be given many times.
    #[arg(long, value_name = "ROLE=SIZE")]
    pub size: Vec<String>,
    /// Your public SSH key: the key itself, or its file.
    #[arg(long, value_name = "KEY|FILE")]
    pub ssh_key: Option<String>,
    /// Address or range that may administer the servers; may be given many times.
    #[arg(long, value_name = "ADDRESS", value_parser = checked_admin)]
    pub admin: Vec<String>,
    /// A value for any other variable of the environments; may be given many times.
    #[arg(long, value_name = "NAME=VALUE")]
    pub var: Vec<String>,
    /// Ask for what is not given.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set)]
    pub input: bool,
    /// Print JSON; nothing is asked then.
    #[arg(long)]
    pub json: bool,
    /// What to begin with.
    #[arg(value_enum, value_name = "STACK")]
    pub stack: Stack,
    /// The directory of the new project: a new one, or an empty one.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
