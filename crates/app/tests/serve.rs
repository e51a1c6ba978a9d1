//! The program as an operator meets it: started, asked, reloaded, ended. Each test runs the binary.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder with a configuration.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(config: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write(config);
        place
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("manycast.toml")
    }

    fn write(&self, config: &str) {
        std::fs::write(self.file(), config).unwrap();
    }
}

fn manycast(arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_manycast"));
    command.args(arguments).arg("--config").arg(file).env_remove("STATE_DIRECTORY");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running server; killed when dropped.
struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    http: SocketAddr,
}

impl Server {
    fn start(file: &Path) -> Self {
        Self::start_with(manycast(&["serve"], file))
    }

    fn start_with(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, errors) = (log.clone(), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                let _ = writeln!(lines.lock().unwrap(), "{line}");
            }
        });
        let mut server = Self { child, log, http: "127.0.0.1:1".parse().unwrap() };
        server.wait_for("ready");
        let log = server.log();
        let line = log.lines().find(|line| line.contains("\"metrics\"")).expect("it listens");
        let address = line.split("127.0.0.1:").nth(1).unwrap();
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        server.http = format!("127.0.0.1:{port}").parse().unwrap();
        server
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until a log line holds this text.
    fn wait_for(&mut self, text: &str) {
        let start = Instant::now();
        while !self.log().contains(text) {
            assert!(start.elapsed() < PATIENCE, "no {text:?} in:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let done = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(done.success());
    }

    fn end(mut self) -> (ExitStatus, String) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, self.log());
            }
            assert!(start.elapsed() < PATIENCE, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn get(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(self.http).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    fn status(&self) -> serde_json::Value {
        let answer = self.get("/api/v1/status");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const BASE: &str = "[rtmp]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
    [https]\nlisten = \"off\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n";
const MAIN: &str = "[[stream]]\nname = \"main\"\nkey = \"sk_0123456789abcdef\"\n";

#[test]
fn g3_it_starts_tells_its_state_and_ends_cleanly() {
    for signal in ["TERM", "INT"] {
        let place = Place::new(&format!("{BASE}{MAIN}"));
        let server = Server::start(&place.file());
        assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
        let status = server.status();
        assert_eq!(status["streams"][0]["name"], "main");
        assert_eq!(status["streams"][0]["live"], false);
        let listeners = status["server"]["listeners"].as_array().unwrap();
        assert!(listeners.iter().any(|listener| listener["protocol"] == "metrics"));
        server.signal(signal);
        let (status, log) = server.end();
        assert_eq!(status.code(), Some(0), "{signal}: {log}");
    }
}

#[test]
fn g1_g2_a_reload_is_taken_or_refused_as_a_whole() {
    let place = Place::new(&format!("{BASE}{MAIN}"));
    let mut server = Server::start(&place.file());
    let second = MAIN.replace("main", "second").replace("sk_0", "sk_1");
    place.write(&format!("{BASE}{MAIN}{second}"));
    server.signal("HUP");
    server.wait_for("reloaded");
    let status = server.status();
    assert_eq!(status["streams"][1]["name"], "second");
    assert!(status["server"]["config"]["last_error"].is_null());

    place.write(&format!("{BASE}{second}[[stream]]\nname = \"x\"\n"));
    server.signal("HUP");
    server.wait_for("reload refused");
    let status = server.status();
    assert_eq!(status["streams"].as_array().unwrap().len(), 2, "{status:#}");
    let error = status["server"]["config"]["last_error"].as_str().unwrap().to_owned();
    assert!(error.contains("manycast.toml:12:1: stream[1].key: missing"), "{error}");
    assert!(server.get("/metrics").contains("manycast_config_reload_ok 0"));

    let moved =
        BASE.replace("[http]\nlisten = \"127.0.0.1:0\"", "[http]\nlisten = \"127.0.0.1:1\"");
    place.write(&format!("{moved}{second}"));
    server.signal("HUP");
    server.wait_for("stream removed");
    server.wait_for("holds after a restart only");
    let status = server.status();
    assert_eq!(status["streams"].as_array().unwrap().len(), 1);
    assert_eq!(status["server"]["config"]["needs_restart"][0], "http");
    assert!(status["server"]["config"]["last_error"].is_null());
}

#[test]
fn g10_every_metric_is_documented_and_well_formed() {
    let text = include_str!("../../../docs/api.md");
    let place = Place::new(&format!("{BASE}{MAIN}"));
    let server = Server::start(&place.file());
    let metrics = server.get("/metrics");
    let families = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: Vec<_> = families.filter_map(|line| line.split_once(' ')).collect();
    assert!(families.len() > 30, "{metrics}");
    for (name, kind) in families {
        let shown = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        assert!(text.contains(&format!("`{shown}`")), "docs/api.md does not name {shown}");
        assert_eq!(metrics.matches(&format!("# TYPE {name} ")).count(), 1, "{name} is there twice");
    }
}

#[test]
fn g3_a_drain_ends_within_its_bound() {
    let place = Place::new(&format!("[server]\ndrain = \"3s\"\n{BASE}{MAIN}"));
    let server = Server::start(&place.file());
    let listeners = server.status()["server"]["listeners"].clone();
    let rtmp = listeners.as_array().unwrap().iter().find(|one| one["protocol"] == "rtmp");
    let rtmp: SocketAddr = rtmp.unwrap()["address"].as_str().unwrap().parse().unwrap();
    let _half_open = TcpStream::connect(rtmp).unwrap();
    let _idle = TcpStream::connect(server.http).unwrap();
    let start = Instant::now();
    server.signal("TERM");
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0), "{log}");
    // bounds are judged end to end at three times their length
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}: {log}", start.elapsed());
    assert!(TcpStream::connect(rtmp).is_err());
}

#[test]
fn g6_a_second_server_on_one_data_directory_is_refused() {
    let place = Place::new(&format!("{BASE}{MAIN}"));
    let data = place.folder.path().join("data");
    let mut command = manycast(&["serve"], &place.file());
    command.arg("--data-dir").arg(&data);
    let server = Server::start_with(command);
    let mut second = manycast(&["serve"], &place.file());
    let start = Instant::now();
    let output = second.arg("--data-dir").arg(&data).output().unwrap();
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is in use by another manycast"), "{said}");
    assert!(said.contains(&format!("process {}", server.child.id())), "{said}");
}

#[test]
fn a_busy_port_is_explained() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let config = BASE
        .replace("[http]\nlisten = \"127.0.0.1:0\"", &format!("[http]\nlisten = \"{address}\""));
    let place = Place::new(&config);
    let output = manycast(&["serve"], &place.file()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let want = format!("http.listen: cannot listen at {address}");
    assert!(said.contains(&want) && said.contains("ss -ltnp"), "{said}");
}

#[test]
fn check_names_faults_or_says_ok() {
    let place = Place::new(&format!("{BASE}{MAIN}"));
    let mut named = Command::new(env!("CARGO_BIN_EXE_manycast"));
    named.arg("check").arg(place.file());
    for mut command in [manycast(&["check"], &place.file()), named] {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!((output.status.code(), &*said), (Some(0), "ok: 1 stream, 0 destinations\n"));
    }

    let mut command = manycast(&["check"], &place.file());
    let output = command.env("MANYCAST_RTMP__OPEN", "maybe").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("MANYCAST_RTMP__OPEN: rtmp.open: "), "{said}");

    place.write("[rtmp]\nlisen = 1\n");
    let output = manycast(&["check"], &place.file()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("manycast.toml:2:1: rtmp.lisen: is unknown (did you mean"), "{said}");

    let missing = place.folder.path().join("nothing.toml");
    for verb in ["check", "serve"] {
        let output = manycast(&[verb], &missing).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{verb}");
    }
}

#[test]
fn j1_no_key_is_in_any_output() {
    let mut config = format!("{BASE}[log]\nlevel = \"trace\"\n");
    for number in 0..5 {
        let _ = write!(
            config,
            "[[stream]]\nname = \"s{number}\"\nkey = \"canary_in_{number}_0123456789\"\n\
             [[stream.destination]]\nname = \"d\"\nurl = \"rtmp://127.0.0.1:9/live\"\n\
             key = \"canary_out_{number}_0123456789\"\n"
        );
    }
    let place = Place::new(&config);
    let output = manycast(&["check"], &place.file()).output().unwrap();
    assert!(output.status.success());
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut server = Server::start(&place.file());
    said += &server.get("/api/v1/status");
    said += &server.get("/metrics");
    // keys change, then a key is written without quotes, then twice
    place.write(&config.replace("canary_in_0", "canary_new_0"));
    server.signal("HUP");
    server.wait_for("reloaded");
    for broken in [
        config.replace("\"canary_in_1_0123456789\"", "canary_in_1_0123456789"),
        config.replace("canary_in_1", "canary_in_2"),
        config
            .replace("rtmp://127.0.0.1:9/live", "rtmp://127.0.0.1:9/live/canary_out_3_0123456789"),
    ] {
        place.write(&broken);
        let output = manycast(&["check"], &place.file()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{broken}");
        said += &String::from_utf8_lossy(&output.stdout);
        let refusals = server.log().matches("reload refused").count();
        server.signal("HUP");
        let start = Instant::now();
        while server.log().matches("reload refused").count() == refusals {
            assert!(start.elapsed() < PATIENCE, "{}", server.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        said += &server.get("/api/v1/status");
    }
    server.signal("TERM");
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0));
    said += &log;
    let hits: Vec<_> = said.lines().filter(|line| line.contains("canary")).collect();
    assert!(hits.is_empty(), "{hits:#?}");
    assert!(said.contains("s4") && said.len() > 5000, "the outputs were really collected: {said}");
}
