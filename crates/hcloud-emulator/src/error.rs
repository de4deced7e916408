//! Why an emulator does not start.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why an emulator does not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The address to listen on is not a loopback address.
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// A token does not have exactly 64 characters.
    Token {
        /// How many it has.
        length: usize,
    },
    /// The state file cannot be read or written.
    State {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The state file is not what this program wrote.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process runs the world of the state file.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Servers cannot be real machines here.
    Machines {
        /// Why not, and what would help.
        problem: String,
    },
    /// The operating system gave no random numbers for a new world.
    Random(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback { address } => write!(
                f,
                "the local cloud listens on loopback addresses only, not on {address}: anybody who reaches it \
                 could use it; choose an address such as 127.0.0.1:0"
            ),
            Self::Listen { address, source } => {
                write!(f, "the local cloud cannot listen on {address}: {source}")
            }
            Self::Token { length } => {
                write!(f, "a token of the local cloud must have exactly 64 characters, this one has {length}")
            }
            Self::State { path, source } => {
                write!(f, "the local cloud's state {} cannot be used: {source}", path.display())
            }
            Self::Corrupt { path, problem } => write!(
                f,
                "the local cloud's state {} cannot be read: {problem}; move it away (and the .journal beside it) \
                 to begin with an empty cloud",
                path.display()
            ),
            Self::InUse { path } => write!(
                f,
                "the local cloud's state {} is in use by another process; stop that one first",
                path.display()
            ),
            Self::Machines { problem } => f.write_str(problem),
            Self::Random(problem) => write!(f, "no random numbers for a new local cloud: {problem}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::State { source, .. } => Some(source),
            _ => None,
        }
    }
}
