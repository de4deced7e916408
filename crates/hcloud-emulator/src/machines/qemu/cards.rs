//! Network cards of a virtual machine. Each interface of the machine's network namespace, which a container would
//! use itself, is joined with a tap device there: whatever comes in at one leaves by the other. There is no bridge
//! between, so that the interface keeps the address that the network knows it by, and the machine has the same one.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use crate::machines::tools::{ToolError, run, run_with_input};

/// What tap devices are called before their number.
const TAP: &str = "vtap";

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Card {
    /// The interface in the namespace.
    interface: String,
    tap: String,
    mac: String,
    mtu: u32,
}

/// An interface as `ip -json link` shows it.
#[derive(Debug, Deserialize)]
struct Shown {
    ifname: String,
    link_type: String,
    #[serde(default)]
    address: String,
    mtu: u32,
}

impl Card {
    /// Makes a tap device for each interface of a namespace that has none yet.
    ///
    /// # Errors
    /// When `ip` or `nft` fails.
    pub(crate) fn make_all(namespace: &Path) -> Result<Vec<Self>, ToolError> {
        let name = namespace.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let cards = read(&run("ip", &["-n", &name, "-json", "link"])?)?;
        run_with_input("ip", &["-n", &name, "-batch", "-"], &links(&cards))?;
        let enter = format!("--net={}", namespace.display());
        run_with_input("nsenter", &[enter.as_str(), "nft", "-f", "-"], &rules(&cards))?;
        Ok(cards)
    }

    /// The arguments for qemu. `number` is 0 for the first card.
    pub(crate) fn arguments(&self, number: usize) -> [String; 4] {
        let Self { tap, mac, mtu, .. } = self;
        [
            "-netdev".to_owned(),
            format!("tap,id=net{number},ifname={tap},script=no,downscript=no"),
            "-device".to_owned(),
            format!("virtio-net-pci,netdev=net{number},mac={mac},host_mtu={mtu},romfile="),
        ]
    }
}

/// The public interface comes first, as it does at Hetzner, then private ones in the order of their names.
fn read(shown: &str) -> Result<Vec<Card>, ToolError> {
    let shown: Vec<Shown> = serde_json::from_str(shown).map_err(|error| {
        ToolError::Refused(format!("`ip -json link` said what is no list of links: {error}"))
    })?;
    let mut shown: Vec<Shown> =
        shown.into_iter().filter(|link| link.link_type == "ether" && !link.ifname.starts_with(TAP)).collect();
    shown.sort_by(|a, b| {
        (a.ifname != "eth0", a.ifname.len(), &a.ifname).cmp(&(b.ifname != "eth0", b.ifname.len(), &b.ifname))
    });
    let card = |(number, link): (usize, Shown)| Card {
        tap: format!("{TAP}{number}"),
        interface: link.ifname,
        mac: link.address,
        mtu: link.mtu,
    };
    Ok(shown.into_iter().enumerate().map(card).collect())
}

fn links(cards: &[Card]) -> String {
    cards.iter().fold(String::new(), |mut text, Card { interface, tap, mtu, .. }| {
        // Nobody is here who would take part in IPv6.
        let _ = write!(
            text,
            "tuntap add dev {tap} mode tap vnet_hdr\n\
             link set {tap} addrgenmode none\nlink set {interface} addrgenmode none\n\
             link set {tap} mtu {mtu} up\nlink set {interface} up\n"
        );
        text
    })
}

fn rules(cards: &[Card]) -> String {
    let chains = cards.iter().fold(String::new(), |mut text, Card { interface, tap, .. }| {
        for (from, to) in [(interface, tap), (tap, interface)] {
            let _ = write!(
                text,
                "chain {from} {{\ntype filter hook ingress device \"{from}\" priority 0;\nfwd to \"{to}\"\n}}\n"
            );
        }
        text
    });
    format!("table netdev cards {{\n{chains}}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interface_but_the_loopback_becomes_a_card_the_public_one_first() {
        let link = |name: &str, kind: &str, mac: &str, mtu: u32| serde_json::json!({"ifname": name, "link_type": kind, "address": mac, "mtu": mtu});
        let shown = serde_json::json!([
            link("lo", "loopback", "00:00:00:00:00:00", 65536),
            link("ens10", "ether", "86:00:00:00:00:01", 1450),
            link("vtap0", "ether", "9e:00:00:00:00:01", 1500),
            link("eth0", "ether", "96:00:00:00:00:01", 1500),
        ]);
        let cards = read(&shown.to_string()).unwrap();
        let told: Vec<_> = cards.iter().map(|card| (card.interface.as_str(), card.tap.as_str())).collect();
        assert_eq!(told, [("eth0", "vtap0"), ("ens10", "vtap1")]);
        assert_eq!(
            cards[1].arguments(1)[3],
            "virtio-net-pci,netdev=net1,mac=86:00:00:00:00:01,host_mtu=1450,romfile="
        );
        assert!(read("no JSON").is_err());
    }
}
