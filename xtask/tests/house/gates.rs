//! Gates over the sources: `unsafe`, sizes, lints, clocks, secrets.
//!
//! What belongs here: rules that neither the compiler nor clippy can hold for us.

use manycast_xtask::source::{File, code, files, has_word, product};
use manycast_xtask::workspace::{packages, root, short};
use std::fs;

/// Crates that read bytes from strangers: their lib.rs carries the lints of [`LINTS`] (M5).
const PROTOCOL: &[&str] = &["bits", "amf", "codec", "flv", "rtmp"];

const LINTS: &[&str] = &[
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::indexing_slicing",
    "clippy::as_conversions",
    "clippy::panic",
    "clippy::arithmetic_side_effects",
];

/// Floors 0 to 4 are handed the time (rule 2) and know no socket.
const NO_CLOCK: &[&str] = &["media", "bits", "amf", "codec", "flv", "rtmp", "hub"];

const WORLD: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "std::fs",
    "std::env",
    "thread::sleep",
    "thread::spawn",
];

const MAX_LINES: usize = 600;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn report(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Path and reason of each line of a list file.
fn allowed(list: &str) -> Vec<(String, String)> {
    let lines = list.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|l| {
            let (path, why) = l.split_once(char::is_whitespace).unwrap_or((l, ""));
            (path.to_owned(), why.trim().to_owned())
        })
        .collect()
}

fn unsafe_faults(rust: &[File], list: &[(String, String)]) -> Vec<String> {
    let holds: Vec<_> = rust.iter().filter(|f| has_word(&code(&f.text), "unsafe")).collect();
    let mut faults: Vec<String> = holds
        .iter()
        .filter(|f| !list.iter().any(|(path, _)| f.path.starts_with(path)))
        .map(|f| format!("{}: `unsafe` outside xtask/unsafe-allowed.txt (M4)", f.path))
        .collect();
    for (path, why) in list {
        if why.is_empty() {
            faults.push(format!("xtask/unsafe-allowed.txt: {path} has no reason"));
        }
        if !holds.iter().any(|f| f.path.starts_with(path)) {
            faults.push(format!("xtask/unsafe-allowed.txt: {path} holds no `unsafe` any more"));
        }
    }
    faults
}

#[test]
fn m4_no_unsafe_but_where_it_is_listed() {
    report(&unsafe_faults(&files(&[".rs"]), &allowed(&read("xtask/unsafe-allowed.txt"))));
}

#[test]
fn m4_the_gate_sees_unsafe() {
    let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    let rust = [
        file("crates/a/src/lib.rs", "#![forbid(unsafe_code)] // unsafe\n"),
        file("crates/b/src/lib.rs", "fn f() { unsafe { g() } }"),
    ];
    assert_eq!(unsafe_faults(&rust, &[]).len(), 1);
    let list = |path: &str, why: &str| vec![(path.to_owned(), why.to_owned())];
    assert_eq!(unsafe_faults(&rust, &list("crates/b/", "a reason")).len(), 0);
    assert_eq!(unsafe_faults(&rust, &list("crates/b/", "")).len(), 1);
    assert_eq!(unsafe_faults(&rust, &list("crates/a/", "a reason")).len(), 2);
}

/// Functions over 80 lines are clippy's: this holds it to that for every member.
#[test]
fn m4_every_member_takes_the_lints_of_the_workspace() {
    let free = allowed(&read("xtask/unsafe-allowed.txt"));
    let mut faults = Vec::new();
    for p in packages() {
        let folder = p.folder.strip_prefix(root()).unwrap_or(&p.folder).to_string_lossy();
        let text = fs::read_to_string(p.folder.join("Cargo.toml")).unwrap_or_default();
        let own = free.iter().any(|(path, _)| path.starts_with(folder.as_ref()));
        let table = text.split("[lints]").nth(1).map(str::trim_start).unwrap_or_default();
        if !own && !table.starts_with("workspace = true") {
            faults.push(format!("{folder}/Cargo.toml: no `[lints] workspace = true`"));
        }
    }
    for (path, want) in [
        ("clippy.toml", "too-many-lines-threshold = 80"),
        ("clippy.toml", "too-many-arguments-threshold = 7"),
        ("Cargo.toml", "unsafe_code = \"forbid\""),
        ("Cargo.toml", "too_many_lines = \"warn\""),
    ] {
        if !read(path).contains(want) {
            faults.push(format!("{path}: `{want}` is gone"));
        }
    }
    report(&faults);
}

#[test]
fn m5_releases_check_overflow() {
    let text = read("Cargo.toml");
    let release = text.split("[profile.release]").nth(1).unwrap_or_default();
    let release = release.split("\n[").next().unwrap_or_default();
    assert!(release.contains("overflow-checks = true"), "Cargo.toml, [profile.release]: {release}");
}

#[test]
fn m5_protocol_crates_deny_what_can_panic() {
    let mut faults = Vec::new();
    for p in packages() {
        let room = short(&p.name).unwrap_or(&p.name);
        if !PROTOCOL.contains(&room) {
            continue;
        }
        let lib = code(&fs::read_to_string(p.folder.join("src/lib.rs")).unwrap_or_default());
        let lib: String = lib.split_whitespace().collect();
        let header = lib.split_once("#![cfg_attr(not(test),deny(").map(|(_, rest)| rest);
        let denied = header.and_then(|h| h.split_once(")]")).map_or("", |(list, _)| list);
        for lint in LINTS.iter().filter(|l| !has_word(denied, l)) {
            faults.push(format!("crates/{room}/src/lib.rs does not deny {lint} (M5)"));
        }
    }
    report(&faults);
}

#[test]
fn rule_2_no_clock_no_socket_below_floor_5() {
    let mut faults = Vec::new();
    for f in files(&[".rs"]) {
        let mut path = f.path.split('/');
        let room = (path.next(), path.next(), path.next());
        let (Some("crates"), Some(room), Some("src")) = room else { continue };
        if !NO_CLOCK.contains(&room) || f.path.ends_with("tests.rs") || f.path.contains("/tests/") {
            continue;
        }
        for (i, line) in product(&f.text).lines().enumerate() {
            for word in WORLD.iter().filter(|w| line.contains(**w)) {
                faults.push(format!("{}:{}: {word} on a floor below 5", f.path, i + 1));
            }
        }
    }
    report(&faults);
}

#[test]
fn no_file_over_600_lines() {
    let ours = files(&[".rs", ".py", ".sh", ".ts", ".svelte", "Makefile"]);
    assert!(ours.len() > 10, "the walk found {} files", ours.len());
    let long = ours.iter().map(|f| (f, f.text.lines().count())).filter(|(_, n)| *n > MAX_LINES);
    report(
        &long
            .map(|(f, n)| format!("{}: {n} lines, at most {MAX_LINES}", f.path))
            .collect::<Vec<_>>(),
    );
}

/// Every file says what it is before its first line of code.
#[test]
fn every_source_file_opens_with_its_purpose() {
    let rust = files(&[".rs"]);
    let product = rust.iter().filter(|f| !f.path.ends_with("tests.rs"));
    let ours = product.filter(|f| !f.text.trim_start().starts_with("//!"));
    report(&ours.map(|f| format!("{}: no `//!` header", f.path)).collect::<Vec<_>>());
}

fn secret_faults(f: &File) -> Vec<String> {
    let text = product(&f.text);
    let mut faults = Vec::new();
    let mut derived = String::new();
    for (i, line) in text.lines().enumerate() {
        let compares = line.contains("==") || line.contains("!=");
        if compares && line.contains("expose") && !line.contains(".len()") {
            faults.push(format!("{}:{}: compares a secret with ==: use ct_eq (J6)", f.path, i + 1));
        }
        let line = line.trim();
        if line.starts_with("#[") {
            derived.push_str(line);
        } else if !line.is_empty() {
            let name = line.split("struct ").nth(1).unwrap_or_default();
            let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            let secret = ["Secret", "StreamKey"].iter().any(|s| name.contains(s));
            if secret && derived.contains("derive") && has_word(&derived, "PartialEq") {
                faults.push(format!("{}:{}: {name} derives PartialEq (J6)", f.path, i + 1));
            }
            derived.clear();
        }
    }
    let by_hand = text.contains("PartialEq for Secret") || text.contains("PartialEq for StreamKey");
    if by_hand && !text.contains("ct_eq") {
        faults.push(format!("{}: compares a secret without ct_eq (J6)", f.path));
    }
    faults
}

#[test]
fn j6_secrets_are_compared_in_constant_time() {
    let rust = files(&[".rs"]);
    let crates = rust.iter().filter(|f| f.path.starts_with("crates/"));
    report(&crates.flat_map(secret_faults).collect::<Vec<_>>());
}

#[test]
fn j6_the_gate_sees_each_way_to_compare() {
    let faults = |text: &str| secret_faults(&File { path: "x.rs".into(), text: text.into() }).len();
    let rows = [
        ("if a.expose() == b { }", 1),
        ("if a.expose_secret() != b { }", 1),
        ("if a.expose().len() == 3 { }", 0),
        ("// a.expose() == b", 0),
        ("#[cfg(test)]\nmod tests { fn f() { a.expose() == b } }", 0),
        ("#[derive(Clone, PartialEq)]\npub struct StreamKey(String);", 1),
        ("#[derive(Clone)]\npub struct StreamKey(String);", 0),
        ("#[derive(Clone, PartialEq)]\npub struct StreamName(String);", 0),
        ("impl PartialEq for Secret { fn eq(&self, o: &Self) -> bool { self.0 == o.0 } }", 1),
        ("impl PartialEq for Secret { fn eq(&self, o: &Self) -> bool { self.0.ct_eq(&o.0) } }", 0),
    ];
    for (text, want) in rows {
        assert_eq!(faults(text), want, "{text}");
    }
}

/// No shell between us and a program (H4), and no queue without a bound (law 3).
#[test]
fn no_shell_and_no_unbounded_queue() {
    let mut faults = Vec::new();
    for f in files(&[".rs"]).iter().filter(|f| f.path.starts_with("crates/")) {
        for (i, line) in product(&f.text).lines().enumerate() {
            for word in [
                "unbounded_channel",
                "UnboundedSender",
                "mpsc::channel()",
                "todo!",
                "unimplemented!",
            ] {
                if line.contains(word) {
                    faults.push(format!("{}:{}: {word}", f.path, i + 1));
                }
            }
        }
        if f.text.contains("Command::new(\"sh\")") || f.text.contains("Command::new(\"bash\")") {
            faults.push(format!("{}: starts a shell", f.path));
        }
    }
    report(&faults);
}

/// A test that is switched off proves nothing.
#[test]
fn no_test_is_ignored() {
    let rust = files(&[".rs"]);
    let off = rust.iter().filter(|f| code(&f.text).contains("#[ignore"));
    report(&off.map(|f| format!("{}: #[ignore]", f.path)).collect::<Vec<_>>());
}
