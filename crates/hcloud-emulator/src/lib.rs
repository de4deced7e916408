//! A Hetzner Cloud of one's own, on one's own machine: the API v1 as of October 2026 over a model of the cloud,
//! with actions that take their time, private networks that give out addresses, locks, limits and errors.
//!
//! It is made from public documentation and observation, shares no code with any client, and is used to plan,
//! apply and test without account, network or cost. Nothing runs on its servers, unless they are made real Linux
//! machines ([`Builder::machines`]; Linux only, as root).
//!
//! ```no_run
//! # async fn run() -> Result<(), ferroform_hcloud_emulator::Error> {
//! use ferroform_hcloud_emulator::{ClockMode, Emulator};
//!
//! let emulator = Emulator::builder().clock(ClockMode::Instant).start().await?;
//! println!("HCLOUD_ENDPOINT={} HCLOUD_TOKEN={}", emulator.endpoint(), emulator.token());
//! emulator.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Beside the API there is one to control the emulator, under `/_emulator`, with any valid token
//! (`GET /_emulator/health` without):
//!
//! | request | does |
//! |---|---|
//! | `GET health` | `{world, pid, version}` |
//! | `GET stats`, `DELETE stats` | counts requests by method and path template |
//! | `GET requests`, `DELETE requests` | the last requests and how they were answered, see docs/emulator.md |
//! | `POST replay` | carries out such a log again, in a project that has nothing yet |
//! | `GET clock`, `POST clock {advance_ms}` | tells the time; lets it pass, in a stepped world |
//! | `POST clock {jump_ms}` | lets the clock leap ahead, in any world |
//! | `GET faults`, `POST faults`, `DELETE faults` | what goes wrong: see [`Fault`]; one or a list of them |
//! | `PUT faults` | these faults instead of those that there are |
//! | `GET faults/ID`, `DELETE faults/ID` | one of them, with how often it was matched, hit, and holds |
//! | `POST faults/ID/release` | sends the answers that a fault holds, lets actions end that it stalls |
//! | `POST tokens {token?}` | adds a project, tells its token |
//! | `GET /_emulator` | a page for people: the project's objects, what is under way, faults and costs |
//! | `GET world` | every object of the project, by kind |
//! | `GET snapshot` | the whole world with all projects: `{format, version, now_ms, world}` |
//! | `PUT snapshot` | puts such a world in the place of this one, without machines; it keeps its id |
//! | `GET machines` | what is real, and how far it has come (this and the next only with machines) |
//! | `GET servers/ID/console`, `GET servers/ID/first_boot` | what a machine wrote; what its cloud-init says |
//! | `GET hosts`, `POST hosts {name?, addresses}`, `DELETE hosts/NAME` | further hosts in the world's internet |
//! | `GET object_storage` | address and keys of the project's object storage, which speaks S3 |
//! | `POST shutdown` | ends the emulator |

#[cfg(target_os = "linux")]
mod abandoned;
mod api;
mod backend;
mod clock;
mod connection;
mod control;
mod core;
mod error;
mod faults;
mod handle;
mod http;
mod limiter;
#[cfg(target_os = "linux")]
mod machines;
mod object_storage;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod real_tests;
mod replay;
mod requests;
mod stats;
mod store;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

pub use crate::backend::options::{Egress, MachineKind, MachineOptions};
pub use crate::clock::{ClockMode, STEPPED_START_MS};
pub use crate::error::Error;
pub use crate::faults::{ErrorKind, Fault, FaultEffect, FaultError, FaultReport};
pub use crate::handle::Handle;
pub use crate::limiter::RateLimit;
pub use crate::object_storage::ObjectStorageAccess;
#[cfg(target_os = "linux")]
pub use crate::{
    abandoned::{AbandonedWorld, abandoned_worlds},
    machines::{DEFAULT_BASE, doctor, image},
};

use crate::backend::Backend;
use crate::clock::Clock;
use crate::connection::{CuttableListener, Cutter};
use crate::core::Core;
use crate::limiter::Limiter;
use crate::object_storage::Storage;
use crate::store::Store;
use crate::world::World;

/// The length of tokens, the same as of Hetzner's: clients check it.
pub const TOKEN_LENGTH: usize = 64;

/// A local Hetzner Cloud. Begin with [`Emulator::builder`].
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// An emulator that listens on a free port of 127.0.0.1 and keeps nothing.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state_file: None,
            clock: ClockMode::Real,
            tokens: Vec::new(),
            rate_limit: RateLimit::default(),
            seed: None,
            idle_exit: None,
            faults: Vec::new(),
            boundless: false,
            real: Real::Nothing,
        }
    }
}

/// What is to stand behind a world.
#[derive(Clone, Debug)]
enum Real {
    Nothing,
    Machines(MachineOptions),
    #[cfg(test)]
    Given(Arc<dyn Backend>),
}

/// What an emulator is to be.
#[derive(Clone, Debug)]
pub struct Builder {
    listen: SocketAddr,
    state_file: Option<PathBuf>,
    clock: ClockMode,
    tokens: Vec<String>,
    rate_limit: RateLimit,
    seed: Option<u64>,
    idle_exit: Option<Duration>,
    faults: Vec<Fault>,
    boundless: bool,
    real: Real,
}

impl Builder {
    /// Where to listen: a loopback address; port 0 takes a free one.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Keeps the world in this file and a journal beside it: every change is on disk before it is answered.
    #[must_use]
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_file = Some(path.into());
        self
    }

    /// How time passes.
    #[must_use]
    pub fn clock(mut self, mode: ClockMode) -> Self {
        self.clock = mode;
        self
    }

    /// Adds a token of exactly 64 characters, with a project of its own. Without any, one is made up.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.tokens.push(token.into());
        self
    }

    /// How many requests a project may make.
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = limit;
        self
    }

    /// What everything random in a new world derives from: with the same seed, token and requests, addresses,
    /// passwords and ids are the same. Random if not given.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// After how long without requests [`Handle::wait_idle`] completes.
    #[must_use]
    pub fn idle_exit(mut self, after: Duration) -> Self {
        self.idle_exit = Some(after);
        self
    }

    /// What goes wrong from the start.
    #[must_use]
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// Lets a project have any number of objects. Otherwise there are limits as Hetzner sets them for a customer.
    #[must_use]
    pub fn no_object_limits(mut self) -> Self {
        self.boundless = true;
        self
    }

    /// Makes every server a real Linux machine on this host, with real networks, volumes, firewalls and load balancers.
    /// Actions end when the real thing has happened. Needs [`Builder::state_file`].
    #[must_use]
    pub fn machines(mut self, options: MachineOptions) -> Self {
        self.real = Real::Machines(options);
        self
    }

    #[cfg(test)]
    pub(crate) fn backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.real = Real::Given(backend);
        self
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// When the address is no loopback address or taken, a token has another length, the state file is not one, is
    /// damaged or in use, or machines are wanted and cannot run here.
    pub async fn start(self) -> Result<Handle, Error> {
        if !self.listen.ip().is_loopback() {
            return Err(Error::NotLoopback { address: self.listen });
        }
        let tokens = if self.tokens.is_empty() { vec![random_token()?] } else { self.tokens };
        if let Some(token) = tokens.iter().find(|token| token.len() != TOKEN_LENGTH) {
            return Err(Error::Token { length: token.chars().count() });
        }
        let seed = match self.seed {
            Some(seed) => seed,
            None => getrandom::u64().map_err(|error| Error::Random(error.to_string()))?,
        };
        let fresh = || World::new(uuid::Uuid::new_v4().to_string(), seed);
        let (world, at, store) = match &self.state_file {
            Some(path) => {
                let (store, loaded) = Store::open(path, || (fresh(), 0))?;
                (loaded.world, loaded.at, Some(store))
            }
            None => (fresh(), 0, None),
        };
        let objects = self.state_file.as_deref().map(store::object_folder);
        let mut world = world;
        world.shared.boundless = self.boundless;
        let mut core = Core::new(world, Clock::new(self.clock, at), Limiter::new(self.rate_limit), store);
        for fault in self.faults {
            core.faults.add(fault);
        }
        if let Some(folder) = &objects {
            let stored = Storage::open(folder);
            core.set_object_storage(stored.map_err(|source| Error::State { path: folder.clone(), source })?);
        }
        let saves: Vec<_> = tokens.iter().filter_map(|token| core.admit(token)).collect();
        for save in saves {
            if !save.await.unwrap_or(false) {
                let path = self.state_file.unwrap_or_default();
                return Err(Error::State { path, source: std::io::Error::other("it cannot be written") });
            }
        }

        let failed = |source| Error::Listen { address: self.listen, source };
        let listener = TcpListener::bind(self.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let world_id = core.world.shared.world_id.clone();
        let backend = match self.real {
            Real::Nothing => None,
            Real::Machines(options) => {
                // Machines outlive this process; without a state file nobody would know them again.
                let missing = || "machines need a state file, in which their world is kept".to_owned();
                let path = self.state_file.ok_or_else(|| Error::Machines { problem: missing() })?;
                Some(open_machines(options, world_id.clone(), path).await?)
            }
            #[cfg(test)]
            Real::Given(backend) => Some(backend),
        };
        let real = backend.is_some();
        if let Some(backend) = backend {
            core.set_backend(backend);
        }
        let shared = Arc::new(http::Shared {
            core: Mutex::new(core),
            active: Mutex::new(Instant::now()),
            stop: watch::Sender::new(false),
            stir: Notify::new(),
        });
        if real {
            tokio::spawn(http::keep_going(Arc::clone(&shared)));
        }
        let storage = shared.core.lock().object_storage();
        let port_file = objects.map(|folder| folder.join("port"));
        let ip = self.listen.ip();
        let object_storage = object_storage::serve(Arc::clone(&shared), storage, ip, port_file)
            .await
            .map_err(|source| Error::Listen { address: SocketAddr::new(ip, 0), source })?;
        shared.core.lock().object_storage_endpoint = Some(object_storage.endpoint());
        let router = Router::new().fallback(http::handle).with_state(Arc::clone(&shared));
        let service = router.into_make_service_with_connect_info::<Cutter>();
        let mut stop = shared.stop.subscribe();
        let server = tokio::spawn(async move {
            let stopped = async move {
                // The sender lives as long as the handle does.
                let _ = stop.wait_for(|stop| *stop).await;
            };
            // It only ends when told to.
            let _ = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(stopped).await;
        });
        Ok(Handle {
            shared,
            server: Some(server),
            object_storage,
            address,
            tokens,
            world_id,
            idle_exit: self.idle_exit,
        })
    }
}

/// Removes what the machines of a stopped world left on this host, their disks and volumes included. `state_file` is
/// the world's, which stays as it is.
///
/// # Errors
/// When the state file cannot be read, or something cannot be removed.
pub fn erase_machines(state_file: &std::path::Path, options: &MachineOptions) -> Result<(), Error> {
    let world_id = store::world_id(state_file)?;
    erase(options, &world_id).map_err(|problem| Error::Machines { problem })
}

#[cfg(target_os = "linux")]
fn folder_of(options: &MachineOptions) -> PathBuf {
    options.folder.clone().unwrap_or_else(|| DEFAULT_BASE.into())
}

#[cfg(target_os = "linux")]
fn erase(options: &MachineOptions, world_id: &str) -> Result<(), String> {
    machines::clean(&folder_of(options), world_id)
}

#[cfg(not(target_os = "linux"))]
fn erase(_: &MachineOptions, _: &str) -> Result<(), String> {
    Ok(())
}

/// Machines for a world; those that an earlier process of it left running are taken over.
#[cfg(target_os = "linux")]
async fn open_machines(
    options: MachineOptions,
    world_id: String,
    state_file: PathBuf,
) -> Result<Arc<dyn Backend>, Error> {
    let egress = match options.egress {
        Egress::None => machines::network::Egress::None,
        Egress::Packages => machines::network::Egress::Packages,
        Egress::Nat => machines::network::Egress::Nat,
    };
    let config = machines::MachinesConfig { base: folder_of(&options), world_id, egress, kind: options.kind };
    // It looks at the host, and waits for programs.
    let opened = tokio::task::spawn_blocking(move || {
        let opened = machines::Machines::open(&config)?;
        abandoned::note(&config.base, &config.world_id, &state_file)
            .map_err(|error| format!("the folder of the world's machines cannot be written: {error}"))?;
        Ok(opened)
    });
    let opened = opened.await;
    let failed = |problem| Error::Machines { problem };
    let opened = opened.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
    Ok(Arc::new(opened))
}

#[cfg(not(target_os = "linux"))]
async fn open_machines(_: MachineOptions, _: String, _: PathBuf) -> Result<Arc<dyn Backend>, Error> {
    Err(Error::Machines { problem: "machines run on Linux only".to_owned() })
}

fn random_token() -> Result<String, Error> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789AZ";
    let mut bytes = [0_u8; TOKEN_LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect())
}
