//! Whether every address that is wanted is free, or held by our own server.

use super::{Finding, Patient};
use crate::serve::bind;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

const CHECK: &str = "ports";

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let config = &patient.config;
    let wanted = [
        ("rtmp.listen", config.rtmp.listen),
        ("rtmps.listen", config.rtmps.as_ref().map(|rtmps| rtmps.listen)),
        ("http.listen", config.http.listen),
        ("https.listen", config.https.listen),
        ("metrics.listen", config.metrics),
    ];
    let wanted = wanted.into_iter().filter_map(|(setting, at)| Some((setting, at?)));
    wanted.map(|(setting, at)| one(setting, at, patient.running.as_deref())).collect()
}

fn one(setting: &'static str, at: SocketAddr, running: Option<&str>) -> Finding {
    match (TcpListener::bind(at), running) {
        (Ok(_), Some(process)) => Finding::doubt(
            CHECK,
            format!("{setting}: process {process} runs here and does not listen at {at}"),
            "it was started with another configuration: reload does not move addresses, restart it",
        ),
        (Ok(_), None) => Finding::ok(CHECK, format!("{setting}: {at} is free")),
        (Err(error), Some(process)) if error.kind() == ErrorKind::AddrInUse => {
            match holds(process, at.port()) {
                Some(false) => bad(setting, at, &error),
                _ => Finding::ok(
                    CHECK,
                    format!("{setting}: {at} is held by our own process {process}"),
                ),
            }
        }
        (Err(error), _) => bad(setting, at, &error),
    }
}

fn bad(setting: &'static str, at: SocketAddr, error: &std::io::Error) -> Finding {
    let whole = bind::explain(setting, at, error).to_string();
    let (what, remedy) = whole.split_once("; ").unwrap_or((&whole, ""));
    let holder = if error.kind() == ErrorKind::AddrInUse { holder(at.port()) } else { None };
    match holder {
        Some(holder) => Finding::bad(CHECK, format!("{what}: {holder} listens there"), remedy),
        None => Finding::bad(CHECK, what, remedy),
    }
}

/// Who listens at a port, `nginx (process 812)`; `None` where the system does not say, as of other people's processes.
fn holder(port: u16) -> Option<String> {
    let entries = std::fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut processes = names.filter(|name| name.bytes().all(|each| each.is_ascii_digit()));
    let process = processes.find(|process| holds(process, port) == Some(true))?;
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    Some(format!("{} (process {process})", name.trim().escape_debug()))
}

/// Whether a process listens at a port; `None` where the system does not say.
fn holds(process: &str, port: u16) -> Option<bool> {
    let own: HashSet<String> = std::fs::read_dir(format!("/proc/{process}/fd"))
        .ok()?
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let table = |name: &str| std::fs::read_to_string(name).unwrap_or_default();
    let tables = [table("/proc/net/tcp"), table("/proc/net/tcp6")].concat();
    Some(tables.lines().filter_map(|line| listener(line, port)).any(|inode| own.contains(inode)))
}

/// The inode of a line of Linux's table of sockets, if it listens at a port.
fn listener(line: &str, port: u16) -> Option<&str> {
    const LISTEN: &str = "0A";
    let words: Vec<&str> = line.split_whitespace().collect();
    let (_, own) = words.get(1)?.rsplit_once(':')?;
    let listens = u16::from_str_radix(own, 16).ok()? == port && *words.get(3)? == LISTEN;
    words.get(9).copied().filter(|_| listens)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_port_is_free_ours_or_somebody_elses() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = holder.local_addr().unwrap();
        let me = std::process::id().to_string();
        let found = one("http.listen", at, Some(&me));
        assert_eq!(found.state, State::Ok, "{found:?}");
        let found = one("http.listen", at, None);
        assert!(found.state == State::Bad && found.remedy.contains("ss -ltnp"), "{found:?}");
        #[cfg(target_os = "linux")]
        assert!(found.what.contains(&format!("(process {me}) listens there")), "{found:?}");
        // Process 1 is not ours, whether its descriptors can be read or not.
        #[cfg(target_os = "linux")]
        assert_ne!(holds("1", at.port()), Some(true));
        drop(holder);
        assert_eq!(one("http.listen", at, None).state, State::Ok);
        assert_eq!(one("http.listen", at, Some(&me)).state, State::Doubt);
    }

    #[test]
    fn lines_of_the_table() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 \
                    0        0 12345 1 0000000000000000 100 0 0 10 0";
        assert_eq!(listener(line, 8080), Some("12345"));
        assert_eq!(listener(line, 8081), None);
        assert_eq!(listener(&line.replace(" 0A ", " 01 "), 8080), None);
        assert_eq!(listener("  sl  local_address", 8080), None);
    }
}
