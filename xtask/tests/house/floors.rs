//! The floor plan: a crate imports only crates of lower floors; those of one floor are strangers.
//!
//! Dev-dependencies are judged by the same rule, so that a test never needs what its crate may not
//! know. `sim`, `tests` and `xtask` stand outside the house: they may import any room, no room imports them.

use manycast_xtask::workspace::{Kind, Package, packages, short};

/// Room and floor. A new crate gets its line here, in a commit of its own that says why.
const FLOORS: &[(&str, u8)] = &[
    ("media", 0),
    ("bits", 0),
    ("sys", 0),
    ("amf", 1),
    ("codec", 1),
    ("flv", 2),
    ("rtmp", 3),
    ("hub", 4),
    ("uring", 4),
    ("tls", 5),
    ("dial", 5),
    ("fanout", 5),
    ("coach", 5),
    ("net-rtmp", 6),
    ("restream", 7),
    ("store", 8),
    ("webhook", 8),
    ("auth", 9),
    ("control", 10),
    ("web", 11),
    ("app", 12),
];

const OUTSIDE: &[&str] = &["sim", "tests", "xtask"];

/// Rooms that name exactly which of ours they may import, whatever the floors would allow.
const ONLY: &[(&str, &[&str])] = &[("hub", &["media"])];

/// Foreign crates and who may name them: one owner each. HTTP has two sides, which share no code:
/// `web` answers requests, `webhook` makes them.
const OWNERS: &[(&str, &[&str])] = &[
    ("axum", &["web"]),
    ("hyper", &["web", "webhook"]),
    ("hyper-util", &["web"]),
    ("tower", &["web"]),
    ("tower-http", &["web"]),
    ("rustls", &["tls"]),
    ("tokio-rustls", &["tls"]),
    ("rustls-platform-verifier", &["tls"]),
    ("hickory-resolver", &["dial"]),
    ("io-uring", &["uring"]),
    ("sqlx", &["store"]),
    ("chacha20poly1305", &["store"]),
    ("argon2", &["auth"]),
    ("anyhow", &["app"]),
    ("clap", &["app"]),
];

/// Shapes for strangers live at the edge (rule 9): who may derive serde's traits. `control` reads the
/// services that are part of it, and writes events' details.
const SERDE: (&[&str], &[&str]) =
    (&["serde", "serde_json"], &["store", "webhook", "control", "web", "app"]);

/// What brings threads, sockets or a runtime: nothing for floors 0 to 3 (`sys` is the door to them).
const WORLD: &[&str] = &["tokio", "mio", "async-std", "smol", "futures", "socket2", "nix", "libc"];

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// Every fault of the plan, as a sentence.
fn judge(all: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for p in all {
        let room = short(&p.name).unwrap_or(&p.name);
        if OUTSIDE.contains(&room) {
            continue;
        }
        let Some(at) = floor(room) else {
            faults.push(format!(
                "{} is not in the floor plan: give it a line in xtask/tests/house/floors.rs and in \
                 ARCHITECTURE.md",
                p.name
            ));
            continue;
        };
        for d in &p.dependencies {
            let why = if d.kind == Kind::Dev { " (dev-dependency)" } else { "" };
            let fault = match short(&d.name) {
                Some(to) => ours(room, at, to),
                None => foreign(room, at, &d.name),
            };
            faults.extend(fault.map(|f| format!("{f}{why}")));
        }
    }
    faults
}

fn ours(room: &str, at: u8, to: &str) -> Option<String> {
    if let Some((_, may)) = ONLY.iter().find(|(name, _)| *name == room)
        && !may.contains(&to)
    {
        return Some(format!("{room} imports {to}: of ours it may import only {}", may.join(", ")));
    }
    match floor(to) {
        Some(below) if below < at => None,
        Some(same) if same == at => {
            Some(format!("{room} imports {to}: crates on floor {at} are strangers to each other"))
        }
        Some(above) => Some(format!(
            "{room} (floor {at}) imports {to} (floor {above}): imports only go down; ask through a \
             trait that the lower floor declares"
        )),
        None => Some(format!("{room} imports {to}, which is no room of the house")),
    }
}

fn foreign(room: &str, at: u8, name: &str) -> Option<String> {
    if let Some((_, owners)) = OWNERS.iter().find(|(n, _)| *n == name)
        && !owners.contains(&room)
    {
        return Some(format!("{room} names {name}: its owner is {}", owners.join(", ")));
    }
    let (serde, may) = SERDE;
    if serde.contains(&name) && !may.contains(&room) {
        return Some(format!("{room} names {name}: only {} derive it (rule 9)", may.join(", ")));
    }
    if at <= 3 && room != "sys" && WORLD.contains(&name) {
        return Some(format!("{room} (floor {at}) names {name}: no async and no sockets below 4"));
    }
    None
}

/// Of the runtime the hub takes `sync` alone: it has no tasks, clock or sockets of its own.
fn hub_runtime(all: &[Package]) -> Vec<String> {
    let hub = all.iter().filter(|p| short(&p.name) == Some("hub"));
    hub.flat_map(|p| &p.dependencies)
        .filter(|d| d.name == "tokio" && d.kind != Kind::Dev)
        .flat_map(|d| &d.features)
        .filter(|f| *f != "sync")
        .map(|f| format!("hub takes tokio's `{f}`: of the runtime it may take `sync` alone"))
        .collect()
}

#[test]
fn every_edge_goes_down_and_every_room_is_in_the_plan() {
    let faults = judge(&packages());
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_hub_takes_only_sync_of_the_runtime() {
    let faults = hub_runtime(&packages());
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_judge_sees_each_kind_of_fault() {
    use manycast_xtask::workspace::Dependency;
    let edge = |from: &str, to: &str, kind: Kind| {
        vec![Package {
            name: from.into(),
            folder: Default::default(),
            dependencies: vec![Dependency {
                name: to.into(),
                kind,
                features: vec!["sync".into(), "net".into()],
                default_features: true,
            }],
        }]
    };
    let (n, d, b) = (Kind::Normal, Kind::Dev, Kind::Build);
    let rows = [
        ("manycast-rtmp", "manycast-flv", n, ""),
        ("manycast-flv", "manycast-rtmp", n, "imports only go down"),
        ("manycast-flv", "manycast-rtmp", d, "(dev-dependency)"),
        ("manycast-flv", "manycast-hub", b, "imports only go down"),
        ("manycast-dial", "manycast-tls", n, "strangers"),
        ("manycast-dial", "manycast-tls", d, "strangers"),
        ("manycast-hub", "manycast-media", n, ""),
        ("manycast-hub", "manycast-bits", n, "only media"),
        ("manycast-hub", "manycast-bits", d, "only media"),
        ("manycast-attic", "bytes", n, "not in the floor plan"),
        ("manycast-app", "manycast-tests", n, "no room of the house"),
        ("manycast-tests", "manycast-app", d, ""),
        ("manycast-sim", "manycast-restream", n, ""),
        ("manycast-restream", "manycast-sim", d, "no room of the house"),
        ("manycast", "manycast-web", n, ""),
        ("manycast-web", "manycast", n, "imports only go down"),
        ("manycast-net-rtmp", "axum", n, "owner is web"),
        ("manycast-web", "axum", n, ""),
        ("manycast-webhook", "hyper", n, ""),
        ("manycast-webhook", "axum", n, "owner is web"),
        ("manycast-restream", "hyper", n, "owner is web, webhook"),
        ("manycast-net-rtmp", "rustls", n, "owner is tls"),
        ("manycast-restream", "serde", n, "rule 9"),
        ("manycast-rtmp", "tokio", n, "below 4"),
        ("manycast-hub", "tokio", n, ""),
        ("manycast-sys", "nix", n, ""),
    ];
    for (from, to, kind, want) in rows {
        let got = judge(&edge(from, to, kind)).join("; ");
        assert_eq!(got.is_empty(), want.is_empty(), "{from} -> {to}: {got}");
        assert!(got.contains(want), "{from} -> {to}: {got}");
    }
    assert_eq!(hub_runtime(&edge("manycast-hub", "tokio", n)).len(), 1);
    assert_eq!(hub_runtime(&edge("manycast-hub", "tokio", d)).len(), 0);
}
