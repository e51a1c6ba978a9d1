//! What this machine is called: its addresses and its host name.
//!
//! Belongs here: asking the system. Must not come here: which of them are of use to whom.

use std::io;
use std::net::{IpAddr, Ipv6Addr};

/// The addresses of all interfaces that are up, each once, in the order of the system. Those that
/// change by themselves every day (RFC 8981) are left out where the system tells which they are.
///
/// # Errors
/// `Unsupported` off Unix, else what the system says.
#[cfg(unix)]
pub fn addresses() -> io::Result<Vec<IpAddr>> {
    use nix::net::if_::InterfaceFlags;
    let passing = temporary();
    let mut found = Vec::new();
    for interface in nix::ifaddrs::getifaddrs()? {
        if !interface.flags.contains(InterfaceFlags::IFF_UP) {
            continue;
        }
        let Some(address) = interface.address else { continue };
        let ip = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
            (Some(v4), _) => IpAddr::V4(v4.ip()),
            (_, Some(v6)) if !passing.contains(&v6.ip()) => IpAddr::V6(v6.ip()),
            _ => continue,
        };
        if !found.contains(&ip) {
            found.push(ip);
        }
    }
    Ok(found)
}

/// The addresses of all interfaces that are up.
///
/// # Errors
/// Always `Unsupported` here.
#[cfg(not(unix))]
pub fn addresses() -> io::Result<Vec<IpAddr>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The name that the machine calls itself.
#[cfg(unix)]
#[must_use]
pub fn host_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    (!name.is_empty()).then_some(name)
}

/// The name that the machine calls itself.
#[cfg(not(unix))]
#[must_use]
pub fn host_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok().filter(|name| !name.is_empty())
}

/// Addresses that Linux marks as temporary.
#[cfg(unix)]
fn temporary() -> Vec<Ipv6Addr> {
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    table.lines().filter_map(temporary_of).collect()
}

/// The address of a line of Linux's table, if it is temporary:
/// `ADDRESS INDEX PREFIX SCOPE FLAGS NAME`, in hexadecimal digits.
fn temporary_of(line: &str) -> Option<Ipv6Addr> {
    const TEMPORARY: u32 = 0x01;
    let mut words = line.split_whitespace();
    let address = u128::from_str_radix(words.next()?, 16).ok()?;
    let flags = u32::from_str_radix(words.nth(3)?, 16).ok()?;
    (flags & TEMPORARY != 0).then(|| Ipv6Addr::from_bits(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_among_the_addresses() {
        let all = addresses().unwrap();
        assert!(all.contains(&IpAddr::from([127, 0, 0, 1])), "{all:?}");
        let mut once = all.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), all.len());
    }

    #[test]
    fn addresses_that_pass_are_told_by_their_flag() {
        for (line, want) in [
            ("20010db8000000000000000000000007 02 40 00 01     eth0", Some("2001:db8::7")),
            ("20010db8000000000000000000000007 02 40 00 21     eth0", Some("2001:db8::7")),
            ("20010db8000000000000000000000007 02 40 00 80     eth0", None),
            ("00000000000000000000000000000001 01 80 10 80       lo", None),
            ("nonsense", None),
            ("", None),
        ] {
            assert_eq!(temporary_of(line), want.map(|text| text.parse().unwrap()), "{line}");
        }
    }
}
