//! What lies under `contrib/` is true: every metric and label value that rules and dashboard name is
//! in the `/metrics` of a server with a stream on air and a destination.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Processes that end with the test.
struct Cast(Vec<Child>);

impl Drop for Cast {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const CONFIG: &str = "[rtmp]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"off\"\n\
    [https]\nlisten = \"127.0.0.1:0\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n\
    [egress]\nallow = [\"127.0.0.0/8\"]\n\
    [[stream]]\nname = \"main\"\nkey = \"sk_0123456789abcdef\"\n\
    [[stream.destination]]\nname = \"Nowhere\"\nurl = \"rtmp://127.0.0.1:9/live\"\nkey = \"k\"\n";

fn manycast() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_manycast"));
    command.env_remove("STATE_DIRECTORY").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// The metrics of a server with a stream on air, once everything about the stream is measured.
fn metrics() -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("manycast.toml"), CONFIG).unwrap();
    let mut command = manycast();
    command.arg("serve").current_dir(folder.path()).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut cast = Cast(vec![server]);
    let mut at = BTreeMap::new();
    let ready = lines.by_ref().any(|line| {
        let protocol = line.split("protocol=\"").nth(1).and_then(|rest| rest.split('"').next());
        let address = line.split("address=").nth(1).and_then(|text| text.trim().parse().ok());
        if let (Some(protocol), Some(address)) = (protocol, address) {
            at.insert(protocol.to_owned(), address);
        }
        line.contains(" ready")
    });
    assert!(ready, "it does not start");
    std::thread::spawn(move || lines.for_each(drop));
    let url = format!("rtmp://{}/live", at["rtmp"]);
    let mut encoder = manycast();
    encoder.arg("publish").arg(root().join("assets/demo.flv")).args([&url, "--loop"]);
    encoder.env("MANYCAST_KEY", "sk_0123456789abcdef").stderr(Stdio::null());
    cast.0.push(encoder.spawn().unwrap());
    let start = Instant::now();
    loop {
        let text = get(at["metrics"], "/metrics");
        let measured = [
            "_jitter_seconds{",
            "_still_seconds{",
            "_av_offset_seconds{",
            "_key_frame_interval_seconds{",
        ];
        if measured.iter().all(|name| text.contains(name)) {
            return text;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "never all measured:\n{text}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn get(at: SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(at).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

/// Names of metrics in a text.
fn named(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let pieces = text.split(|c| !is_name(c)).filter(|word| word.starts_with("manycast_"));
    pieces.map(str::to_owned).collect()
}

/// Values that a text asks labels for: `name="value"` and `name=~"a|b"`, variables apart.
fn asked(text: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let text = text.replace("\\\"", "\"");
    for (at, _) in text.match_indices("=\"").chain(text.match_indices("=~\"")) {
        let name: String = text[..at]
            .chars()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        let name: String = name.chars().rev().collect();
        let values = text[at..].split('"').nth(1).unwrap_or_default();
        for value in values.split('|').filter(|value| !value.contains('$') && !name.is_empty()) {
            found.insert((name.clone(), value.to_owned()));
        }
    }
    found
}

#[test]
fn rules_and_dashboard_name_what_the_metrics_hold() {
    let metrics = metrics();
    let lines = metrics.lines().filter(|line| line.starts_with("manycast_"));
    let there: BTreeSet<_> = lines.filter_map(|l| l.split(['{', ' ']).next()).collect();
    assert!(there.len() > 50, "{there:?}");
    for path in ["contrib/prometheus/alerts.yml", "contrib/grafana/manycast.json"] {
        let text = read(path);
        let names = named(&text);
        assert!(names.len() > 10, "{path}: {names:?}");
        for name in names {
            assert!(there.contains(name.as_str()), "{path}: {name} is no metric");
        }
        for (label, value) in asked(&text).into_iter().filter(|(label, _)| label != "job") {
            let series = format!("{label}=\"{value}\"");
            assert!(metrics.contains(&series), "{path}: nothing has {series}");
        }
    }
}

#[test]
fn the_search_finds_names_and_values() {
    let text = r#"rate(manycast_a_total{x="1",y=~"p|q",z=~"$z"}[5m]) - manycast_b"#;
    assert_eq!(Vec::from_iter(named(text)), ["manycast_a_total", "manycast_b"]);
    let pairs = [("x", "1"), ("y", "p"), ("y", "q")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(Vec::from_iter(asked(text)), pairs);
    assert_eq!(asked(&text.replace('"', "\\\"")).len(), 3, "as JSON writes them");
}

#[test]
fn the_dashboard_is_whole() {
    let json: serde_json::Value =
        serde_json::from_str(&read("contrib/grafana/manycast.json")).unwrap();
    let panels = json["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty() && targets.iter().all(|t| t["expr"].is_string()), "{panel}");
        let place = &panel["gridPos"];
        let end = place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap();
        assert!(end <= 24, "{panel}");
    }
}

#[test]
fn g11_the_unit_and_the_image_run_without_root_and_with_what_exists() {
    let unit = read("contrib/systemd/manycast.service");
    for line in [
        "User=manycast",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "PrivateDevices=yes",
        "StateDirectory=manycast",
        "ExecStart=/usr/local/bin/manycast serve",
        // getifaddrs asks the kernel by netlink
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
    ] {
        assert!(unit.lines().any(|own| own == line), "{line}");
    }
    let image = read("contrib/docker/Dockerfile");
    assert!(image.contains(":nonroot") && image.contains("CMD [\"serve\"]"), "{image}");
    let rust = read("Cargo.toml");
    let rust = rust.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(image.contains(&format!("FROM rust:{rust}")), "the image has Rust {rust}");
    let list = read("contrib/README.md");
    for path in list.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(root().join("contrib").join(path).is_file(), "{path}");
    }
}
