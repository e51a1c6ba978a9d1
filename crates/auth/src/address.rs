//! Addresses of strangers, as far as they tell strangers apart.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one address when something is counted, blocked or remembered: an IPv4 address
/// (also one that is mapped into IPv6), or the /64 of an IPv6 address, which one host has to itself
/// and may change within at will.
#[must_use]
pub fn subject(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_is_one_subject() {
        for (address, want) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
        ] {
            assert_eq!(subject(address.parse().unwrap()), want.parse::<IpAddr>().unwrap());
        }
    }
}
