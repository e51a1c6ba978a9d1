//! The program under test: a configuration, a process, its answers and its figures.

use crate::http;
use crate::ports::{self, Folder};
use crate::process::{Proc, Process};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// The binary: `MANYCAST_BIN`, or the one beside this test if it is newer than every source of the
/// program, or what is built here once.
///
/// # Panics
/// When it cannot be built.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("MANYCAST_BIN") {
            return given.into();
        }
        // .../target/debug/deps/TEST -> .../target/debug/manycast
        let test = std::env::current_exe().unwrap_or_default();
        let folder = test.parent().and_then(Path::parent).unwrap_or(Path::new("target/debug"));
        let binary = folder.join("manycast");
        let root = crate::root();
        let sources = [root.join("crates"), root.join("assets"), root.join("Cargo.lock")];
        let newest = sources.iter().map(|path| changed(path)).max();
        if changed(&binary) <= newest.unwrap_or(SystemTime::now()) {
            build();
        }
        binary
    })
}

fn build() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "-p", "manycast-app", "--bin", "manycast"]);
    let status = build.current_dir(crate::root()).status();
    assert!(status.is_ok_and(|status| status.success()), "the program does not build");
}

/// When a file, or the youngest file in a folder, was changed.
fn changed(path: &Path) -> SystemTime {
    let Ok(data) = std::fs::metadata(path) else { return SystemTime::UNIX_EPOCH };
    let own = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    if !data.is_dir() || path.ends_with("tests") {
        return if data.is_dir() { SystemTime::UNIX_EPOCH } else { own };
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| changed(&entry.path())).max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A command without the variables of these tests, which the program would take for settings.
pub fn clean(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in
        std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("MANYCAST_"))
    {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").env_remove("RUST_LOG");
    command
}

/// A configuration in the making, with ports of its own.
#[derive(Debug)]
pub struct Setup {
    /// Where RTMP will be.
    pub rtmp: SocketAddr,
    /// Where RTMPS will be, if asked for.
    pub rtmps: Option<SocketAddr>,
    /// Certificate and key of RTMPS; else it makes its own.
    certificate: Option<(PathBuf, PathBuf)>,
    /// Where HTTP will be.
    pub http: SocketAddr,
    /// Where status and metrics will be, without login.
    pub metrics: SocketAddr,
    /// Where HTTPS will be, if asked for.
    pub https: Option<SocketAddr>,
    open: bool,
    sections: String,
    listener: String,
    egress: String,
    streams: String,
    wrapper: Vec<String>,
    folder: Folder,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// No stream yet; destinations on loopback are allowed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rtmp: ports::free(),
            rtmps: None,
            certificate: None,
            http: ports::free(),
            metrics: ports::free(),
            https: None,
            open: false,
            sections: String::new(),
            listener: String::new(),
            egress: "allow = [\"127.0.0.0/8\"]\n".to_owned(),
            streams: String::new(),
            wrapper: Vec::new(),
            folder: Folder::new(),
        }
    }

    /// Any name may be published.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// RTMPS with a certificate of its own making.
    #[must_use]
    pub fn rtmps(mut self) -> Self {
        self.rtmps = Some(ports::free());
        self
    }

    /// HTTPS with a certificate of its own making.
    #[must_use]
    pub fn https(mut self) -> Self {
        self.https = Some(ports::free());
        self
    }

    /// RTMPS with this certificate and key.
    #[must_use]
    pub fn certificate(mut self, cert: &Path, key: &Path) -> Self {
        self.certificate = Some((cert.to_owned(), key.to_owned()));
        self.rtmps()
    }

    /// Any other section, as it is written in the file.
    #[must_use]
    pub fn section(mut self, text: &str) -> Self {
        self.sections.push_str(text);
        self.sections.push('\n');
        self
    }

    /// Lines of `[rtmp]`.
    #[must_use]
    pub fn listener(mut self, lines: &str) -> Self {
        self.listener.push_str(lines);
        self.listener.push('\n');
        self
    }

    /// A line of `[egress]`.
    #[must_use]
    pub fn egress(mut self, line: &str) -> Self {
        self.egress.push_str(line);
        self.egress.push('\n');
        self
    }

    /// No inside address may be dialled, loopback neither.
    #[must_use]
    pub fn closed_egress(mut self) -> Self {
        self.egress.clear();
        self
    }

    /// A stream.
    #[must_use]
    pub fn stream(self, name: &str, key: &str) -> Self {
        self.stream_with(name, key, "")
    }

    /// A stream with more lines of its section.
    #[must_use]
    pub fn stream_with(mut self, name: &str, key: &str, more: &str) -> Self {
        let _ = write!(self.streams, "\n[[stream]]\nname = \"{name}\"\nkey = \"{key}\"\n{more}\n");
        self
    }

    /// A destination of the last stream.
    #[must_use]
    pub fn destination(mut self, name: &str, url: &str, key: &str) -> Self {
        let _ = write!(
            self.streams,
            "[[stream.destination]]\nname = \"{name}\"\nurl = \"{url}\"\nkey = \"{key}\"\n"
        );
        self
    }

    /// A line of the last destination, such as `enabled = false`.
    #[must_use]
    pub fn option(mut self, line: &str) -> Self {
        self.streams.push_str(line);
        self.streams.push('\n');
        self
    }

    /// Forgets all streams, for a reload with others.
    #[must_use]
    pub fn without_streams(mut self) -> Self {
        self.streams.clear();
        self
    }

    /// A program in front of it that becomes it, such as `prlimit --nofile=256:256`.
    #[must_use]
    pub fn behind(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The whole file.
    #[must_use]
    pub fn text(&self) -> String {
        let (rtmp, http, open) = (self.rtmp, self.http, self.open);
        let identity = match &self.certificate {
            Some((cert, key)) => {
                format!("cert = \"{}\"\nkey = \"{}\"\n", cert.display(), key.display())
            }
            None => "self_signed = true\n".to_owned(),
        };
        let rtmps = self.rtmps.map(|at| format!("[rtmps]\nlisten = \"{at}\"\n{identity}"));
        let rtmps = rtmps.unwrap_or_default();
        let (sections, egress, streams) = (&self.sections, &self.egress, &self.streams);
        let (listener, metrics) = (&self.listener, self.metrics);
        let https = self.https.map_or("off".to_owned(), |at| at.to_string());
        format!(
            "[rtmp]\nlisten = \"{rtmp}\"\nopen = {open}\n{listener}{rtmps}[http]\nlisten = \"{http}\"\n\
             [https]\nlisten = \"{https}\"\n[metrics]\nlisten = \"{metrics}\"\n\
             [egress]\n{egress}{sections}{streams}"
        )
    }

    /// A file beside the configuration.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    fn command(&self) -> Command {
        let binary = binary();
        let mut command = match self.wrapper.split_first() {
            Some((first, rest)) => {
                let mut command = clean(first);
                command.args(rest).arg(binary);
                command
            }
            None => clean(binary),
        };
        command.arg("serve").arg("--config").arg(self.file("manycast.toml"));
        command.arg("--data-dir").arg(self.file("data"));
        command
    }

    /// Writes the file and starts the program, without waiting for it.
    ///
    /// # Panics
    /// When the file cannot be written.
    #[must_use]
    pub fn launch(self) -> Manycast {
        let written = std::fs::write(self.file("manycast.toml"), self.text());
        written.unwrap_or_else(|e| panic!("manycast.toml: {e}"));
        let process = Process::start(&mut self.command());
        Manycast { setup: self, process }
    }

    /// Starts the program and waits until it is ready.
    ///
    /// # Panics
    /// When it is not ready within 10 s.
    #[must_use]
    pub fn start(self) -> Manycast {
        let mut server = self.launch();
        server.wait_ready();
        server
    }
}

/// The running program.
pub struct Manycast {
    /// What it was started with.
    pub setup: Setup,
    /// The process.
    pub process: Process,
}

impl Manycast {
    /// Waits until it is ready; the time it took.
    ///
    /// # Panics
    /// When that takes more than 10 s or it ended.
    pub fn wait_ready(&mut self) -> Duration {
        let from = Instant::now();
        while !http::get(self.setup.metrics, "/readyz").is_ok_and(|(code, _)| code == 200) {
            if let Some(status) = self.process.ended() {
                panic!("manycast ended with {status}: {}", self.process.tail());
            }
            assert!(from.elapsed() < crate::secs(10), "not ready: {}", self.process.tail());
            std::thread::sleep(Duration::from_millis(5));
        }
        from.elapsed()
    }

    /// Where RTMP is.
    #[must_use]
    pub fn rtmp(&self) -> SocketAddr {
        self.setup.rtmp
    }

    /// What /proc says.
    #[must_use]
    pub fn proc(&self) -> Proc {
        Proc(self.process.id())
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> String {
        format!("{}{}", self.process.out.text(), self.process.err.text())
    }

    /// Bytes of log so far.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.process.out.len() + self.process.err.len()
    }

    fn get(&self, path: &str) -> String {
        let answer = http::get(self.setup.metrics, path);
        let (code, body) = answer.unwrap_or_else(|e| panic!("{e}: {}", self.process.tail()));
        assert_eq!(code, 200, "{path}: {body}");
        body
    }

    /// The status as JSON.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn status(&self) -> Value {
        let text = self.get("/api/v1/status");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// A Stream's part of the status; null when there is none.
    #[must_use]
    pub fn stream(&self, name: &str) -> Value {
        let status = self.status();
        let streams = status["streams"].as_array();
        let found = streams.and_then(|all| all.iter().find(|stream| stream["name"] == name));
        found.cloned().unwrap_or(Value::Null)
    }

    /// A destination's part of the status; null when there is none.
    #[must_use]
    pub fn destination(&self, stream: &str, name: &str) -> Value {
        let stream = self.stream(stream);
        let all = stream["destinations"].as_array();
        let found = all.and_then(|all| all.iter().find(|one| one["name"] == name));
        found.cloned().unwrap_or(Value::Null)
    }

    /// Waits until a destination is in this state.
    ///
    /// # Panics
    /// When it never is.
    pub fn wait_state(&self, stream: &str, name: &str, state: &str, limit: Duration) -> Duration {
        let mut last = Value::Null;
        let from = Instant::now();
        while last["state"] != state {
            assert!(from.elapsed() < limit, "{name} never {state}: {last}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
            last = self.destination(stream, name);
        }
        from.elapsed()
    }

    /// All metrics, by name with labels.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        let text = self.get("/metrics");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let split = lines.filter_map(|line| line.rsplit_once(' '));
        split.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
    }

    /// The sum of all series of a metric.
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        let own = |series: &str| series.split('{').next() == Some(name);
        self.metrics().iter().filter(|(series, _)| own(series)).map(|(_, value)| value).sum()
    }

    /// Panics that were counted, of every kind.
    #[must_use]
    pub fn panics(&self) -> f64 {
        self.metrics().iter().filter(|(name, _)| name.contains("panic")).map(|(_, v)| v).sum()
    }

    /// Writes a new configuration.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn rewrite(&self, text: &str) {
        let written = std::fs::write(self.setup.file("manycast.toml"), text);
        written.unwrap_or_else(|e| panic!("manycast.toml: {e}"));
    }

    /// Orders a reload, and waits until the log has one answer more.
    ///
    /// # Panics
    /// When it never answers.
    pub fn reload(&mut self) {
        let answers = |log: &str| {
            let of = |line: &&str| line.contains("reloaded") || line.contains("reload refused");
            log.lines().filter(of).count()
        };
        let before = answers(&self.log());
        self.process.signal(Signal::SIGHUP);
        crate::until("an answer to SIGHUP in the log", crate::secs(5), || {
            answers(&self.log()) > before
        });
    }

    /// Ends it by SIGTERM; how it ended, and the time it took.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        let from = Instant::now();
        self.process.signal(Signal::SIGTERM);
        let status = self.process.wait(crate::secs(20));
        (status, from.elapsed())
    }

    /// Ends it without a word, then starts it again with the same configuration.
    pub fn crash_and_restart(&mut self) {
        self.process.signal(Signal::SIGKILL);
        self.process.wait(crate::secs(5));
        self.process = Process::start(&mut self.setup.command());
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.process.ended().is_none()
    }
}
