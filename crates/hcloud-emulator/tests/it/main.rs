//! The emulator over the wire: every answer is checked against the shapes of the official API document.

mod addresses;
mod balancers;
mod clients;
mod faults;
mod firewalls;
mod harness;
#[cfg(target_os = "linux")]
mod machines;
mod networks;
mod object_storage;
mod offers;
mod operations;
mod page;
mod persistence;
mod requests;
mod servers;
mod shapes;
mod snapshot;
mod storage_boxes;
mod transport;
mod volumes;
mod zones;
