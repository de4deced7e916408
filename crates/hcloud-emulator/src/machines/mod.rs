//! Real Linux machines behind the world: systemd-nspawn containers in network namespaces of their own, on overlays
//! of a base image. Linux only, and only as root.
//!
//! | module | holds |
//! |---|---|
//! | [`site`] | where a world's things are and how they are named |
//! | [`tools`] | calling `ip`, `nft`, `mount` and the like |
//! | [`volumes`] | volumes: files behind loop devices |

pub(crate) mod site;
pub(crate) mod tools;
pub(crate) mod volumes;
