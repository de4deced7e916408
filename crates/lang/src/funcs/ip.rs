//! Addresses and prefixes of IP networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferroform_core::{Number, Type, Value};
use num_bigint::{BigInt, Sign};

use super::driver::arg::{number, text};
use super::driver::{Function, Param, Ty};
use super::{FuncContext, FuncError};

type Result<T = Value> = std::result::Result<T, FuncError>;

const PREFIX: Param = Param::new("prefix", Ty::String);
const NEWBITS: Param = Param::new("newbits", Ty::Number);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("cidrhost", &[PREFIX, Param::new("hostnum", Ty::Number)], Ty::String, cidrhost),
    Function::new("cidrnetmask", &[PREFIX], Ty::String, cidrnetmask),
    Function::new("cidrsubnet", &[PREFIX, NEWBITS, Param::new("netnum", Ty::Number)], Ty::String, cidrsubnet),
    Function::new("cidrsubnets", &[PREFIX], Ty::List(&Ty::String), cidrsubnets).variadic(NEWBITS),
];

/// A network: its first address and the length of the prefix.
#[derive(Clone, Copy)]
struct Network {
    address: u128,
    length: u32,
    /// 32 or 128.
    bits: u32,
}

impl Network {
    /// Reads `address/length`. Decimal numbers may have leading zeros, as they always could in Terraform.
    fn parse(given: &str) -> std::result::Result<Self, String> {
        let invalid = || format!("invalid CIDR expression: invalid CIDR address: {given}");
        let (address, length) = given.split_once('/').ok_or_else(invalid)?;
        let (address, bits) = parse_address(address).ok_or_else(invalid)?;
        let digits = (1..=3).contains(&length.len()) && length.bytes().all(|b| b.is_ascii_digit());
        let length: u32 = length.parse().ok().filter(|l| digits && *l <= bits).ok_or_else(invalid)?;
        Ok(Network { address: address & mask(length, bits), length, bits })
    }

    fn show(&self) -> String {
        let length = match self.length.checked_sub(96) {
            Some(length) if is_mapped(self.address, self.bits) => length,
            _ => self.length,
        };
        format!("{}/{}", show(self.address, self.bits), length)
    }

    fn hosts(&self) -> u32 {
        self.bits - self.length
    }
}

/// The bits of the prefix set.
fn mask(length: u32, bits: u32) -> u128 {
    let all = if bits == 32 { u128::from(u32::MAX) } else { u128::MAX };
    all & !all.checked_shr(length).unwrap_or(0)
}

fn show(address: u128, bits: u32) -> String {
    match u32::try_from(address) {
        Ok(v4) if bits == 32 => Ipv4Addr::from(v4).to_string(),
        _ => match Ipv6Addr::from(address).to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => Ipv6Addr::from(address).to_string(),
        },
    }
}

fn parse_address(given: &str) -> Option<(u128, u32)> {
    let mut decimal = String::with_capacity(given.len());
    // The IPv4 form or the IPv4 end of an IPv6 address, without leading zeros.
    let (before, v4) = given.rsplit_once(':').map_or(("", given), |(a, b)| (&given[..=a.len()], b));
    if v4.contains('.') {
        decimal.push_str(before);
        for (i, part) in v4.split('.').enumerate() {
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let part = part.trim_start_matches('0');
            decimal.push_str(if i > 0 { "." } else { "" });
            decimal.push_str(if part.is_empty() { "0" } else { part });
        }
    } else {
        decimal.push_str(given);
    }
    Some(match decimal.parse().ok()? {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    })
}

fn network(args: &[Value]) -> Result<Network> {
    Network::parse(text(args, 0)).map_err(FuncError::failed)
}

fn whole(n: &Number) -> std::result::Result<BigInt, String> {
    let int = n.to_bigint().filter(|_| n.is_integer());
    int.ok_or_else(|| format!("value must be a whole number, not {n}"))
}

/// Ors a number, shifted, into an address. A negative number has infinitely many bits set to its left; the address is
/// then what Terraform makes of it: the magnitude.
fn insert(address: u128, n: &BigInt, shift: u32, bits: u32) -> Result<u128> {
    let combined = BigInt::from(address) | (n << shift);
    let magnitude = combined.into_parts().1;
    let fits = magnitude.bits() <= u64::from(bits);
    let address = u128::try_from(magnitude).ok().filter(|_| fits);
    address.ok_or_else(|| FuncError::failed("the address would be out of range"))
}

/// Whether an IPv6 address stands for an IPv4 one.
fn is_mapped(address: u128, bits: u32) -> bool {
    bits == 128 && address >> 32 == 0xffff
}

fn cidrhost(args: &[Value], _: &FuncContext) -> Result {
    let network = network(args)?;
    let host = whole(number(args, 1)).map_err(FuncError::failed)?;
    let highest: BigInt = (BigInt::from(1) << network.hosts()) - 1;
    // Negative numbers count from the end, -1 being the last.
    let (distance, host) = match host.sign() {
        Sign::Minus => {
            let distance: BigInt = -&host - 1;
            (distance.clone(), &highest - distance)
        }
        _ => (host.clone(), host),
    };
    if distance > highest {
        return Err(FuncError::failed(format!(
            "prefix of {} does not accommodate a host numbered {}",
            network.length,
            number(args, 1)
        )));
    }
    // Terraform takes such an address for one of 32 bits, and shifts accordingly; hardly anyone meets the result.
    let shift = if is_mapped(network.address, network.bits) { 96 } else { 0 };
    Ok(Value::string(show(insert(network.address, &host, shift, network.bits)?, network.bits)))
}

fn cidrnetmask(args: &[Value], _: &FuncContext) -> Result {
    let network = network(args)?;
    if network.bits != 32 {
        return Err(FuncError::failed(
            "IPv6 addresses cannot have a netmask: use CIDR prefix lengths instead",
        ));
    }
    Ok(Value::string(show(mask(network.length, 32), 32)))
}

/// The prefix longer by `newbits`; a negative number makes it shorter.
fn extended(network: &Network, newbits: i64) -> std::result::Result<u32, String> {
    let length = i64::from(network.length).saturating_add(newbits);
    match u32::try_from(length) {
        Ok(length) if length <= network.bits => Ok(length),
        Ok(_) => {
            Err(format!("insufficient address space to extend prefix of {} by {newbits}", network.length))
        }
        Err(_) => Err(format!(
            "a prefix of {} cannot be made shorter by {}",
            network.length,
            newbits.unsigned_abs()
        )),
    }
}

fn cidrsubnet(args: &[Value], _: &FuncContext) -> Result {
    let newbits = super::driver::arg::integer(args, 1)?;
    let netnum = whole(number(args, 2)).map_err(FuncError::failed)?;
    let network = network(args)?;
    let length = extended(&network, newbits).map_err(FuncError::failed)?;
    let highest = match u32::try_from(newbits) {
        Ok(newbits @ 0..64) => (1u64 << newbits) - 1,
        _ => u64::MAX,
    };
    if netnum.magnitude().bits() > 64 || *netnum.magnitude() > highest.into() {
        return Err(FuncError::failed(format!(
            "prefix extension of {newbits} does not accommodate a subnet numbered {netnum}"
        )));
    }
    let address = insert(network.address, &netnum, network.bits - length, network.bits)?;
    Ok(Value::string(Network { address, length, ..network }.show()))
}

/// Networks of the given sizes, each in the first place behind the one before where it fits.
fn cidrsubnets(args: &[Value], _: &FuncContext) -> Result {
    let network = Network::parse(text(args, 0)).map_err(|message| FuncError::argument(0, message))?;
    let mut found = Vec::new();
    let mut next = Some(network.address);
    let last = network.address | !mask(network.length, network.bits) & mask(network.bits, network.bits);
    for i in 1..args.len() {
        let fail = |message: String| Err(FuncError::argument(i, message));
        let newbits = match super::driver::arg::integer(args, i) {
            Ok(newbits) => newbits,
            Err(error) => return fail(error.message),
        };
        if newbits < 1 {
            return fail("must extend prefix by at least one bit".into());
        }
        if newbits > 32 {
            return fail("may not extend prefix by more than 32 bits".into());
        }
        let length = i64::from(network.length) + newbits;
        let Some(length) = u32::try_from(length).ok().filter(|l| *l <= network.bits) else {
            let version = if network.bits == 32 { "IPv4" } else { "IPv6" };
            return fail(format!(
                "would extend prefix to {length} bits, which is too long for an {version} address"
            ));
        };
        let size = 1u128.checked_shl(network.bits - length).unwrap_or(0);
        // Up to the next multiple of its own size. Terraform finds no place in a prefix without bits.
        let start = next.filter(|_| network.length > 0);
        let start = start
            .and_then(|next| next.checked_add(size.wrapping_sub(1)).map(|n| n & mask(length, network.bits)));
        let Some(start) = start.filter(|start| *start <= last) else {
            return fail(format!(
                "not enough remaining address space for a subnet with a prefix of {length} bits after {}",
                next.and_then(|n| n.checked_sub(1))
                    .map_or_else(|| show(last, network.bits), |n| show(n, network.bits))
            ));
        };
        next = start.checked_add(size).filter(|_| size != 0);
        found.push(Value::string(Network { address: start, length, ..network }.show()));
    }
    Ok(Value::list(Type::String, found))
}
