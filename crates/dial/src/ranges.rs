//! Which addresses lie inside, and why.
//!
//! Belongs here: the table of address ranges (IANA special-purpose registries) and the addresses
//! hidden inside other addresses. Must not come here: what is allowed nevertheless (`gate`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is no public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// This machine itself.
    Loopback,
    /// RFC 1918, or unique local of IPv6 (RFC 4193), or the old site-local.
    Private,
    /// Only valid on one link (RFC 3927, RFC 4291 2.5.6).
    LinkLocal,
    /// A cloud's service that hands out the credentials of this machine.
    Metadata,
    /// Shared by a carrier's customers (RFC 6598).
    CarrierNat,
    /// A group, not a machine.
    Multicast,
    /// "This network": no destination at all (RFC 1122 3.2.1.3).
    Unspecified,
    /// Everyone on the link.
    Broadcast,
    /// Only for examples in texts (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// Only for measurements (RFC 2544, RFC 5180).
    Benchmark,
    /// Set aside by IANA; nobody on the internet answers there.
    Reserved,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "this machine itself",
            Self::Private => "a private network",
            Self::LinkLocal => "the local link",
            Self::Metadata => "a cloud's metadata service",
            Self::CarrierNat => "a carrier's inner network",
            Self::Multicast => "a multicast group",
            Self::Unspecified => "no address of a machine",
            Self::Broadcast => "a broadcast address",
            Self::Documentation => "an address for documentation only",
            Self::Benchmark => "an address for measurements only",
            Self::Reserved => "a reserved address",
        })
    }
}

/// Services that answer with credentials to whoever asks from this machine, in ranges that one
/// might allow for other reasons (the last of each list even in a public one).
const METADATA_V4: [Ipv4Addr; 5] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1),
];

/// The range that keeps an address from being a public one; `None` for public addresses.
pub(crate) fn range(address: IpAddr) -> Option<Range> {
    match address.to_canonical() {
        IpAddr::V4(v4) => range_v4(v4),
        IpAddr::V6(v6) => range_v6(v6),
    }
}

/// IANA IPv4 Special-Purpose Address Registry.
fn range_v4(address: Ipv4Addr) -> Option<Range> {
    if METADATA_V4.contains(&address) {
        return Some(Range::Metadata);
    }
    Some(match address.octets() {
        [0, ..] => Range::Unspecified,
        [10, ..] | [192, 168, ..] => Range::Private,
        [172, b, ..] if b & 0xf0 == 16 => Range::Private,
        [100, b, ..] if b & 0xc0 == 64 => Range::CarrierNat,
        [127, ..] => Range::Loopback,
        [169, 254, ..] => Range::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Range::Documentation,
        [192, 0, 0, _] | [192, 88, 99, _] => Range::Reserved,
        [198, 18 | 19, ..] => Range::Benchmark,
        [255, 255, 255, 255] => Range::Broadcast,
        [224..=239, ..] => Range::Multicast,
        [240..=255, ..] => Range::Reserved,
        _ => return None,
    })
}

/// IANA IPv6 Special-Purpose Address Registry. Of everything outside 2000::/3 only NAT64 reaches
/// the internet.
fn range_v6(address: Ipv6Addr) -> Option<Range> {
    if METADATA_V6.contains(&address) {
        return Some(Range::Metadata);
    }
    let s = address.segments();
    Some(match s {
        [0, 0, 0, 0, 0, 0, 0, 0] => Range::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Range::Loopback,
        // NAT64, the well-known prefix (RFC 6052 2.1).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => return range_v4(join(high, low)),
        [first, ..] if first & 0xff00 == 0xff00 => Range::Multicast,
        [first, ..] if first & 0xffc0 == 0xfe80 => Range::LinkLocal,
        [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => Range::Private,
        [0x2001, 0xdb8, ..] => Range::Documentation,
        [0x3fff, second, ..] if second & 0xf000 == 0 => Range::Documentation,
        [0x2001, 2, 0, ..] => Range::Benchmark,
        // Teredo: server and, inverted, client (RFC 4380 4).
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            return range_v4(join(server_high, server_low)).or(range_v4(join(!high, !low)));
        }
        // The rest of 2001::/23, IETF protocol assignments.
        [0x2001, second, ..] if second & 0xfe00 == 0 => Range::Reserved,
        // 6to4 (RFC 3056 2).
        [0x2002, high, low, ..] => return range_v4(join(high, low)),
        // ISATAP (RFC 5214 6.1), under any prefix.
        [first, .., 0 | 0x200, 0x5efe, high, low] if first & 0xe000 == 0x2000 => {
            return range_v4(join(high, low));
        }
        [first, ..] if first & 0xe000 == 0x2000 => return None,
        _ => Range::Reserved,
    })
}

fn join(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}
