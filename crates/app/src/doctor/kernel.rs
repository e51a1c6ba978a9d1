//! What the operating system allows: descriptors, buffers of connections, waiting connections.

use super::Finding;

const FILES: &str = "open files";
const KERNEL: &str = "kernel";
/// One per connection; fewer are a limit that is met.
const ENOUGH_FILES: u64 = 4096;
/// A destination 200 ms away takes 20 Mbit/s only if 500 kB may be on the way.
const ENOUGH_BUFFER: u64 = 1 << 20;
const ENOUGH_BACKLOG: u64 = 1024;

pub(super) fn look() -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(limits) = manycast_sys::open_files() {
        findings.push(files(limits.hard));
    }
    let number = |name: &str, place: usize| -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/sys/net/{name}")).ok()?;
        text.split_whitespace().nth(place)?.parse().ok()
    };
    for (name, file) in
        [("net.ipv4.tcp_wmem", "ipv4/tcp_wmem"), ("net.ipv4.tcp_rmem", "ipv4/tcp_rmem")]
    {
        findings.extend(number(file, 2).map(|most| buffer(name, most)));
    }
    findings.extend(number("core/somaxconn", 0).map(backlog));
    findings
}

fn files(hard: u64) -> Finding {
    if hard == u64::MAX {
        return Finding::ok(FILES, "no limit");
    }
    let what = format!("{hard} at most, one per connection");
    if hard >= ENOUGH_FILES {
        return Finding::ok(FILES, what);
    }
    let remedy = "raise it: LimitNOFILE=65536 in the unit, or `ulimit -Hn 65536` before the start";
    Finding::doubt(FILES, what, remedy)
}

fn buffer(name: &str, most: u64) -> Finding {
    let what = format!("{name}: a connection has {} KiB at most", most / 1024);
    if most >= ENOUGH_BUFFER {
        return Finding::ok(KERNEL, what);
    }
    let remedy = format!(
        "far destinations get less than the line has: `sysctl -w {name}=\"4096 131072 6291456\"`"
    );
    Finding::doubt(KERNEL, what, remedy)
}

fn backlog(most: u64) -> Finding {
    let what = format!("net.core.somaxconn: {most} connections may wait to be taken");
    if most >= ENOUGH_BACKLOG {
        return Finding::ok(KERNEL, what);
    }
    let remedy = "many viewers at once have to try again: `sysctl -w net.core.somaxconn=4096`";
    Finding::doubt(KERNEL, what, remedy)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn small_limits_are_doubtful_and_say_the_command() {
        for (found, want) in [
            (files(256), State::Doubt),
            (files(65_536), State::Ok),
            (files(u64::MAX), State::Ok),
            (buffer("net.ipv4.tcp_wmem", 65_536), State::Doubt),
            (buffer("net.ipv4.tcp_wmem", 4 << 20), State::Ok),
            (backlog(128), State::Doubt),
            (backlog(4096), State::Ok),
        ] {
            assert_eq!(found.state, want, "{found:?}");
            assert_eq!(
                found.remedy.contains("sysctl") || found.remedy.contains("ulimit"),
                want == State::Doubt
            );
        }
    }
}
