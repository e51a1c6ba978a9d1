//! What this machine is called: for its certificate, and for the address that is shown to people.

use std::net::{IpAddr, SocketAddr};

/// A certificate has to stay small: every client is sent it.
const MOST: usize = 48;

/// Every name and address that clients on this network may use for this machine.
pub(super) fn of_machine() -> Vec<String> {
    let addresses = manycast_sys::addresses().unwrap_or_default();
    named(manycast_sys::host_name().as_deref(), &addresses)
}

fn named(host: Option<&str>, addresses: &[IpAddr]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if let Some(host) = host.map(str::to_lowercase).filter(|host| is_name(host)) {
        // How machines without a name server find each other (RFC 6762).
        let local = (!host.contains('.')).then(|| format!("{host}.local"));
        names.extend([host].into_iter().chain(local));
    }
    names.extend(addresses.iter().filter(|ip| is_reachable(**ip)).map(ToString::to_string));
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if once.len() < MOST && !once.contains(&name) {
            once.push(name);
        }
    }
    once
}

/// Whether a text can stand as a DNS name in a certificate.
fn is_name(text: &str) -> bool {
    let label = |part: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&part.len())
            && part.bytes().all(allowed)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    // A last label of digits is read as part of an address.
    let numeric =
        text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= 253 && !numeric && text.split('.').all(label)
}

/// Whether an address can be written into an address bar: link-local ones need an interface too.
fn is_reachable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_unicast_link_local(),
    }
}

/// The address by which a person is most likely to reach a listener: its own if it has one, the one
/// that they logged in to this machine by, the first that is no loopback, else this machine itself.
pub(super) fn reach(listen: SocketAddr) -> SocketAddr {
    let ssh = std::env::var("SSH_CONNECTION").ok();
    let addresses = manycast_sys::addresses().unwrap_or_default();
    SocketAddr::new(likely(listen.ip(), ssh.as_deref(), &addresses), listen.port())
}

fn likely(listen: IpAddr, ssh: Option<&str>, addresses: &[IpAddr]) -> IpAddr {
    if !listen.is_unspecified() {
        return listen;
    }
    // `CLIENT PORT SERVER PORT`
    let logged_in = ssh.and_then(|text| text.split(' ').nth(2)?.parse::<IpAddr>().ok());
    let usable = |ip: &&IpAddr| !ip.is_loopback() && is_reachable(**ip);
    let first = |v4: bool| addresses.iter().filter(usable).find(|ip| ip.is_ipv4() == v4).copied();
    let logged_in = logged_in.filter(|ip| usable(&ip) && addresses.contains(ip));
    let here = IpAddr::from([127, 0, 0, 1]);
    logged_in.or_else(|| first(true)).or_else(|| first(false)).unwrap_or(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn every_usable_name_once() {
        let addresses =
            ips(&["127.0.0.1", "192.0.2.7", "fe80::1", "2001:db8::7", "169.254.3.4", "192.0.2.7"]);
        let here = ["localhost", "127.0.0.1", "::1"];
        let there = ["192.0.2.7", "2001:db8::7"];
        for (host, want) in [
            (Some("Studio"), vec!["studio", "studio.local"]),
            (Some("live.example.org"), vec!["live.example.org"]),
            (Some("localhost"), vec!["localhost.local"]),
            (Some("bad_name!"), vec![]),
            (Some("10.1"), vec![]),
            (Some("-x"), vec![]),
            (None, vec![]),
        ] {
            let want: Vec<_> = here.iter().chain(&want).chain(&there).copied().collect();
            assert_eq!(named(host, &addresses), want, "{host:?}");
        }
        let many: Vec<IpAddr> = (0..200).map(|n| IpAddr::from([10, 0, 0, n])).collect();
        assert_eq!(named(None, &many).len(), MOST);
    }

    #[test]
    fn the_address_for_people() {
        let all = ips(&["127.0.0.1", "fe80::1", "192.0.2.7", "198.51.100.7", "2001:db8::7"]);
        for (listen, ssh, addresses, want) in [
            ("203.0.113.1", None, &all[..], "203.0.113.1"),
            ("0.0.0.0", None, &all[..], "192.0.2.7"),
            ("0.0.0.0", Some("1.2.3.4 5 198.51.100.7 22"), &all[..], "198.51.100.7"),
            ("0.0.0.0", Some("1.2.3.4 5 10.9.9.9 22"), &all[..], "192.0.2.7"),
            ("0.0.0.0", Some("x"), &all[..], "192.0.2.7"),
            ("::", None, &all[4..], "2001:db8::7"),
            ("0.0.0.0", None, &all[..2], "127.0.0.1"),
        ] {
            let got = likely(listen.parse().unwrap(), ssh, addresses);
            assert_eq!(got.to_string(), want, "{listen} {ssh:?}");
        }
    }
}
