//! K1: what the gate refuses, what it lets pass, and what opens it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{Allow, Gate, Range, Refusal};

use Range::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn verdict(gate: &Gate, text: &str) -> Option<Refusal> {
    gate.judge(SocketAddr::new(ip(text), 1935)).err()
}

const INSIDE: &[(&str, Range)] = &[
    ("127.0.0.1", Loopback),
    ("127.255.255.255", Loopback),
    ("10.0.0.0", Private),
    ("10.255.255.255", Private),
    ("172.16.0.1", Private),
    ("172.31.255.255", Private),
    ("192.168.0.1", Private),
    ("192.168.255.255", Private),
    ("169.254.0.1", LinkLocal),
    ("169.254.169.254", Metadata),
    ("169.254.170.2", Metadata),
    ("168.63.129.16", Metadata),
    ("192.0.0.192", Metadata),
    ("100.100.100.200", Metadata),
    ("100.64.0.0", CarrierNat),
    ("100.127.255.255", CarrierNat),
    ("0.0.0.0", Unspecified),
    ("0.1.2.3", Unspecified),
    ("224.0.0.1", Multicast),
    ("239.255.255.255", Multicast),
    ("255.255.255.255", Broadcast),
    ("240.0.0.1", Reserved),
    ("192.0.0.8", Reserved),
    ("192.88.99.1", Reserved),
    ("192.0.2.1", Documentation),
    ("198.51.100.7", Documentation),
    ("203.0.113.255", Documentation),
    ("198.18.0.1", Benchmark),
    ("198.19.255.255", Benchmark),
    ("::", Unspecified),
    ("::1", Loopback),
    ("::7f00:1", Reserved),
    ("fe80::1", LinkLocal),
    ("febf::1", LinkLocal),
    ("fec0::1", Private),
    ("fc00::1", Private),
    ("fdff::1", Private),
    ("fd00:ec2::254", Metadata),
    ("fd20:ce::254", Metadata),
    ("ff02::1", Multicast),
    ("2001:db8::1", Documentation),
    ("3fff:fff::1", Documentation),
    ("2001:2::1", Benchmark),
    ("2001:10::1", Reserved),
    ("2001:1ff::1", Reserved),
    ("100::1", Reserved),
    ("5f00::1", Reserved),
    ("4000::1", Reserved),
    ("64:ff9b:1::a00:1", Reserved),
    // Inner addresses in other clothes: mapped, NAT64, 6to4, Teredo (server, client), ISATAP.
    ("::ffff:127.0.0.1", Loopback),
    ("::ffff:10.1.2.3", Private),
    ("::ffff:169.254.169.254", Metadata),
    ("64:ff9b::7f00:1", Loopback),
    ("64:ff9b::a9fe:a9fe", Metadata),
    ("64:ff9b::c0a8:101", Private),
    ("2002:7f00:1::", Loopback),
    ("2002:a00:1::1", Private),
    ("2001:0:a00:1::f7f7:f7f7", Private),
    ("2001:0:808:808::80ff:fffe", Loopback),
    ("2600::5efe:7f00:1", Loopback),
    ("2600::200:5efe:c0a8:101", Private),
];

const OUTSIDE: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2600::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2a00:1450::1",
    "3ffe::1",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "2001:0:808:808::f7f7:f7f7",
    "::ffff:8.8.8.8",
];

#[test]
fn k1_everything_inside_is_refused_and_everything_outside_passes() {
    let gate = Gate::default();
    for &(text, range) in INSIDE {
        assert_eq!(verdict(&gate, text), Some(Refusal::Inside(range)), "{text}");
    }
    for &text in OUTSIDE {
        assert_eq!(verdict(&gate, text), None, "{text}");
    }
}

/// Whatever std calls special is refused here, over the whole of IPv4 in steps and over random
/// IPv6; and the clothes of an address never change the verdict.
#[test]
fn std_agrees_over_the_whole_space() {
    let gate = Gate::default();
    for bits in (0..=u32::MAX).step_by(65_521 * 7) {
        let v4 = Ipv4Addr::from_bits(bits);
        let refused = verdict(&gate, &v4.to_string());
        let special = v4.is_private()
            || v4.is_loopback()
            || v4.is_link_local()
            || v4.is_multicast()
            || v4.is_broadcast()
            || v4.is_documentation()
            || v4.is_unspecified();
        assert!(!special || refused.is_some(), "{v4}");
        let mapped = SocketAddr::new(v4.to_ipv6_mapped().into(), 1935);
        assert_eq!(gate.judge(mapped).err(), refused, "{v4}");
        let nat64 = Ipv6Addr::from_bits((0x64_ff9b_u128 << 96) | u128::from(bits));
        assert_eq!(verdict(&gate, &nat64.to_string()), refused, "{nat64}");
    }
    let mut seed = 7_u128;
    for _ in 0..20_000 {
        seed = seed.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
        let v6 = Ipv6Addr::from_bits(seed);
        let special = v6.is_loopback()
            || v6.is_unspecified()
            || v6.is_multicast()
            || v6.is_unique_local()
            || v6.is_unicast_link_local();
        assert!(!special || verdict(&gate, &v6.to_string()).is_some(), "{v6}");
        if v6.segments()[0] & 0xe000 != 0x2000 {
            assert!(verdict(&gate, &v6.to_string()).is_some(), "{v6} is outside of 2000::/3");
        }
    }
}

fn gate(allow: &[&str], own: &[&str]) -> Gate {
    Gate::new(
        allow.iter().map(|text| text.parse().unwrap()).collect(),
        own.iter().map(|text| text.parse().unwrap()).collect(),
    )
}

#[test]
fn listed_networks_pass_and_nothing_beside_them() {
    let gate = gate(&["10.1.0.0/16", "192.168.7.9", "fd00:1::/32", "127.0.0.1:1936"], &[]);
    for (text, passes) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("10.2.0.1", false),
        ("192.168.7.9", true),
        ("192.168.7.10", false),
        ("fd00:1::5", true),
        ("fd00:2::5", false),
        ("127.0.0.1", false),
        // An allowed inner network does not open the ways around it.
        ("64:ff9b::a01:203", false),
        ("2002:a01:203::1", false),
    ] {
        assert_eq!(verdict(&gate, text).is_none(), passes, "{text}");
    }
    assert_eq!(gate.judge("127.0.0.1:1936".parse().unwrap()), Ok(()));
    assert!(gate.judge("127.0.0.1:1937".parse().unwrap()).is_err());
}

#[test]
fn k1_metadata_services_pass_only_by_their_very_address() {
    let wide = gate(&["0.0.0.0/0", "::/0"], &[]);
    for text in ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "::ffff:168.63.129.16"] {
        assert_eq!(verdict(&wide, text), Some(Refusal::Inside(Metadata)), "{text}");
    }
    assert_eq!(verdict(&wide, "169.254.1.1"), None);
    assert_eq!(verdict(&gate(&["169.254.169.254"], &[]), "169.254.169.254"), None);
}

/// K1: the server's own ports, by their address or by any address of this machine.
#[test]
fn k1_own_ports_are_refused_unless_listed_with_their_port() {
    let own = ["0.0.0.0:1935", "[::]:443", "127.0.0.1:8080"];
    let closed = gate(&["127.0.0.0/8", "::1"], &own);
    for (text, expected) in [
        ("127.0.0.1:1935", Some(Refusal::OwnPort)),
        ("127.0.0.2:1935", Some(Refusal::OwnPort)),
        ("[::ffff:127.0.0.1]:1935", Some(Refusal::OwnPort)),
        ("0.0.0.0:1935", Some(Refusal::OwnPort)),
        ("[::1]:443", Some(Refusal::OwnPort)),
        ("127.0.0.1:8080", Some(Refusal::OwnPort)),
        ("127.0.0.2:8080", None),
        ("127.0.0.1:1936", None),
        ("8.8.8.8:1935", None),
        ("[2600::1]:443", None),
    ] {
        assert_eq!(closed.judge(text.parse().unwrap()).err(), expected, "{text}");
    }
    let open = gate(&["127.0.0.1:1935"], &own);
    assert_eq!(open.judge("127.0.0.1:1935".parse().unwrap()), Ok(()));
    assert!(open.judge("127.0.0.2:1935".parse().unwrap()).is_err());
}

/// K2: one inner address spoils the answer, wherever it stands.
#[test]
fn k2_mixed_answers_are_refused_as_a_whole() {
    let gate = Gate::default();
    let public: SocketAddr = "8.8.8.8:1935".parse().unwrap();
    let inner: SocketAddr = "[64:ff9b::a9fe:a9fe]:1935".parse().unwrap();
    assert_eq!(gate.judge_all(&[public, public]), Ok(()));
    for list in [[inner, public, public], [public, inner, public], [public, public, inner]] {
        assert_eq!(gate.judge_all(&list), Err((inner, Refusal::Inside(Metadata))));
    }
}

#[test]
fn the_remedy_is_an_entry_that_works() {
    for (text, entry) in [
        ("127.0.0.1:1936", Some("127.0.0.1")),
        ("[::ffff:10.1.2.3]:1935", Some("10.1.2.3")),
        ("[fd00::1]:1935", Some("fd00::1")),
        ("169.254.169.254:80", Some("169.254.169.254")),
        ("127.0.0.1:1935", Some("127.0.0.1:1935")),
        ("[::1]:1935", Some("[::1]:1935")),
        ("224.0.0.1:1935", None),
        ("255.255.255.255:1935", None),
        ("0.0.0.0:1936", None),
    ] {
        let address: SocketAddr = text.parse().unwrap();
        let own = ["0.0.0.0:1935".parse().unwrap(), "[::]:1935".parse().unwrap()];
        let refusal = Gate::new(Vec::new(), own.to_vec()).judge(address).unwrap_err();
        let remedy = refusal.remedy(address).map(|allow| allow.to_string());
        assert_eq!(remedy.as_deref(), entry, "{text}");
        if let Some(entry) = remedy {
            let opened = Gate::new(vec![entry.parse().unwrap()], own.to_vec());
            assert_eq!(opened.judge(address), Ok(()), "{text}");
        }
    }
}

#[test]
fn entries_are_read_or_refused_with_examples() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3/32", "10.1.2.3"),
        ("::1", "::1"),
        ("fd00::/8", "fd00::/8"),
        ("[::1]:1935", "[::1]:1935"),
        ("127.0.0.1:80", "127.0.0.1:80"),
    ] {
        assert_eq!(text.parse::<Allow>().unwrap().to_string(), shown);
    }
    for text in ["", "localhost", "10.0.0.0/33", "10.0.0/8", "010.0.0.1", "*", "10.0.0.1:99999"] {
        let error = text.parse::<Allow>().unwrap_err();
        assert!(error.to_string().contains("10.1.0.0/16"), "{text}");
    }
}
