//! Why an address cannot be listened at, in words for the operator.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;

/// The sentence for a failed bind; `setting` is such as `rtmp.listen`.
pub(crate) fn explain(setting: &str, address: SocketAddr, error: &Error) -> anyhow::Error {
    let port = address.port();
    let remedy = match error.kind() {
        ErrorKind::AddrInUse => format!(
            "the port is in use, by another manycast or by another server: `ss -ltnp 'sport = \
             :{port}'` names it. Stop that one, or change {setting}"
        ),
        ErrorKind::PermissionDenied => format!(
            "ports below 1024 are for root only: use another one in {setting}, or give the \
             program the capability CAP_NET_BIND_SERVICE"
        ),
        ErrorKind::AddrNotAvailable => format!(
            "this machine has no such address: use one of `ip -brief address`, or 0.0.0.0 for \
             all, in {setting}"
        ),
        _ => format!("change {setting}"),
    };
    anyhow::anyhow!("{setting}: cannot listen at {address}: {error}; {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_says_what_to_do() {
        let address = "0.0.0.0:1935".parse().unwrap();
        for (kind, want) in [
            (ErrorKind::AddrInUse, "ss -ltnp 'sport = :1935'"),
            (ErrorKind::PermissionDenied, "CAP_NET_BIND_SERVICE"),
            (ErrorKind::AddrNotAvailable, "ip -brief address"),
            (ErrorKind::Other, "change rtmp.listen"),
        ] {
            let text = explain("rtmp.listen", address, &kind.into()).to_string();
            assert!(text.starts_with("rtmp.listen: cannot listen at 0.0.0.0:1935"), "{text}");
            assert!(text.contains(want), "{text}");
        }
    }
}
