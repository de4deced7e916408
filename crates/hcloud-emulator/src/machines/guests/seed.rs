//! What a machine is told at its boot: cloud-init's seed, its public interface, its package proxy.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::backend::scene::Machine;
use crate::machines::network::vendor_data;
use crate::machines::tools::ToolError;

/// The gateway of every public address (Hetzner documentation: networking of servers).
const GATEWAY_V4: &str = "172.31.1.1";
const GATEWAY_V6: &str = "fe80::1";

/// Files in the folder of a seed, which stay outside of the machine's disk.
pub(super) const CLOUD_INIT: &str = "cloud-init";
pub(super) const INTERFACE: &str = "eth0.network";
pub(super) const APT: &str = "apt.conf";

/// What a machine is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seed<'a> {
    /// What cloud-init knows the machine by: with another one, it sets it up anew.
    instance: String,
    machine: Cow<'a, Machine>,
    package_proxy: Option<&'a str>,
}

impl<'a> Seed<'a> {
    /// For a machine that boots from its disk, or into the rescue system for the boot of that number.
    pub(super) fn new(id: i64, machine: &'a Machine, boot: i64, package_proxy: Option<&'a str>) -> Self {
        let Some(rescue) = &machine.rescue else {
            return Self { instance: id.to_string(), machine: Cow::Borrowed(machine), package_proxy };
        };
        let machine = Machine {
            name: "rescue".to_owned(),
            ssh_keys: rescue.ssh_keys.clone(),
            root_password: rescue.root_password.clone(),
            user_data: None,
            ..machine.clone()
        };
        Self { instance: format!("{id}-rescue-{boot}"), machine: Cow::Owned(machine), package_proxy }
    }

    /// Its host name, as long as the kernel takes it.
    pub(super) fn host_name(&self) -> &str {
        let name = &self.machine.name;
        name.get(..63).unwrap_or(name).trim_end_matches(['-', '.'])
    }

    /// Writes everything into a folder, in place of what was there.
    pub(super) fn write(&self, folder: &Path) -> Result<(), ToolError> {
        let failed = || ToolError::file(format!("writing {}", folder.display()));
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(failed())?;
        }
        let inner = folder.join(CLOUD_INIT);
        // Passwords and keys may be among it; inside the machine only root reads it.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&inner).map_err(failed())?;
        let write = |path: &Path, content: &[u8], mode: u32| {
            std::fs::write(path, content)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        };
        let user_data = user_data(self.machine.user_data.as_deref().unwrap_or_default());
        write(&inner.join("meta-data"), self.meta_data().as_bytes(), 0o600)
            .and_then(|()| write(&inner.join("user-data"), &user_data, 0o600))
            .and_then(|()| write(&inner.join("vendor-data"), vendor_data(&self.machine).as_bytes(), 0o600))
            // Read by systemd-networkd, which has an account of its own.
            .and_then(|()| write(&folder.join(INTERFACE), self.interface().as_bytes(), 0o644))
            .map_err(failed())?;
        if let Some(proxy) = self.package_proxy {
            let text = format!("Acquire::http::Proxy \"{proxy}\";\nAcquire::https::Proxy \"{proxy}\";\n");
            write(&folder.join(APT), text.as_bytes(), 0o644).map_err(failed())?;
        }
        Ok(())
    }

    /// YAML is asked for, and JSON is YAML.
    fn meta_data(&self) -> String {
        let data = json!({
            "instance-id": self.instance,
            "local-hostname": self.host_name(),
            "public-keys": self.machine.ssh_keys,
        });
        format!("{data}\n")
    }

    /// A configuration for systemd-networkd. Not cloud-init's network-config: what its releases make of a gateway
    /// that is outside of the address's net differs, from right to nothing at all.
    fn interface(&self) -> String {
        let mut text = "[Match]\nName=eth0\n\n[Network]\nDHCP=no\nIPv6AcceptRA=no\n".to_owned();
        let mut gateways = String::new();
        let gateway = |gateways: &mut String, address: &str| {
            let _ = write!(gateways, "\n[Route]\nGateway={address}\nGatewayOnLink=yes\n");
        };
        if let Some(address) = self.machine.public.v4 {
            let _ = writeln!(text, "Address={address}/32");
            gateway(&mut gateways, GATEWAY_V4);
        }
        if let Some(net) = self.machine.public.v6 {
            let first = std::net::Ipv6Addr::from_bits(net.network().to_bits() | 1);
            let _ = writeln!(text, "Address={first}/64");
            gateway(&mut gateways, GATEWAY_V6);
        }
        text + &gateways
    }
}

/// User data as cloud-init gets it at Hetzner, where its data source decodes what happens to be base64.
fn user_data(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::backend::scene::{Disk, DiskSource, Public, Rescue, Run, Size};

    fn machine() -> Machine {
        Machine {
            name: "web-1".to_owned(),
            location: "fsn1".to_owned(),
            disk: Disk { written_by: 1, from: DiskSource::System("debian-12".to_owned()) },
            run: Run::On { boot: 2, gracefully: false },
            size: Size { cores: 2, memory_mb: 4096, disk_gb: 40 },
            user_data: None,
            ssh_keys: Vec::new(),
            root_password: None,
            public: Public::default(),
            links: Vec::new(),
            volumes: BTreeSet::new(),
            filter: None,
            rescue: None,
        }
    }

    #[test]
    fn the_public_interface_has_hetzners_gateways() {
        let mut machine = machine();
        assert!(!Seed::new(42, &machine, 2, None).interface().contains("Gateway"));
        machine.public.v4 = Some([203, 0, 113, 7].into());
        machine.public.v6 = Some("2001:db8:0:7::/64".parse().unwrap());
        let expected = "[Match]\nName=eth0\n\n[Network]\nDHCP=no\nIPv6AcceptRA=no\n\
            Address=203.0.113.7/32\nAddress=2001:db8:0:7::1/64\n\n\
            [Route]\nGateway=172.31.1.1\nGatewayOnLink=yes\n\n\
            [Route]\nGateway=fe80::1\nGatewayOnLink=yes\n";
        assert_eq!(Seed::new(42, &machine, 2, None).interface(), expected);
    }

    #[test]
    fn whatever_a_key_holds_stays_data() {
        let machine = Machine { ssh_keys: vec!["ssh-ed25519 AAAA \"a: b\"\n- c".to_owned()], ..machine() };
        let meta: serde_json::Value =
            serde_json::from_str(&Seed::new(42, &machine, 2, None).meta_data()).unwrap();
        assert_eq!(meta["public-keys"][0], machine.ssh_keys[0].as_str());
        assert_eq!(meta["instance-id"], "42");
    }

    #[test]
    fn a_rescue_system_is_another_machine_at_the_same_address() {
        let rescue = Some(Rescue { ssh_keys: vec!["key".to_owned()], root_password: None });
        let machine = Machine { user_data: Some("text".to_owned()), rescue, ..machine() };
        let seed = Seed::new(42, &machine, 9, None);
        assert_eq!((seed.instance.as_str(), seed.host_name()), ("42-rescue-9", "rescue"));
        assert_eq!((&seed.machine.user_data, seed.machine.ssh_keys.len()), (&None, 1));
    }

    #[test]
    fn long_names_are_cut_for_the_kernel() {
        let machine = Machine { name: format!("{}.example", "a".repeat(62)), ..machine() };
        assert_eq!(Seed::new(1, &machine, 2, None).host_name(), "a".repeat(62));
    }

    #[test]
    fn user_data_is_what_was_given_unless_it_is_base64() {
        assert_eq!(user_data("#cloud-config\n{}\n"), b"#cloud-config\n{}\n");
        // printf '#!/bin/sh\n' | base64
        assert_eq!(user_data("IyEvYmluL3NoCg=="), b"#!/bin/sh\n");
        assert_eq!(user_data(""), b"");
    }
}
