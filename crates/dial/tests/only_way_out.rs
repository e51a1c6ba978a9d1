//! K1: no other crate opens outgoing connections. Reads the sources of the sibling crates, without
//! their tests.

use std::fs;
use std::path::{Path, PathBuf};

/// What opens a TCP or local connection, in std, tokio and below.
const OPENERS: [&str; 7] = [
    "TcpStream::connect",
    "TcpSocket::",
    "UnixStream::connect",
    "connect_timeout(",
    "Socket::new(",
    "lookup_host(",
    "to_socket_addrs(",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// A file up to its unit tests, without comments.
fn production(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = Vec::new();
    let mut all = text.lines().peekable();
    while let Some(line) = all.next() {
        let test_module = line.starts_with("#[cfg(") && line.contains("test");
        if test_module && all.peek().is_some_and(|next| next.starts_with("mod ")) {
            break;
        }
        lines.push(line.split("//").next().unwrap_or_default());
    }
    lines.join("\n")
}

fn openers(path: &Path) -> Vec<&'static str> {
    let text = production(path);
    OPENERS.into_iter().filter(|opener| text.contains(opener)).collect()
}

#[test]
fn k1_only_this_crate_opens_connections() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = here.parent().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir(crates).unwrap().flatten() {
        if entry.path() != here {
            sources(&entry.path().join("src"), &mut found);
        }
    }
    assert!(found.len() > 20, "sources of {} files only", found.len());
    let guilty: Vec<_> = found.iter().filter(|path| !openers(path).is_empty()).collect();
    assert!(guilty.is_empty(), "use manycast_dial::Dialer instead: {guilty:?}");
    // The search finds what it looks for.
    assert_eq!(openers(&here.join("src/dialer.rs")), ["TcpSocket::"]);
}
