//! A child process with its output caught, and what /proc says of it.
//!
//! Each child is ended by its own number when it goes out of scope; no other process is touched.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Most that is kept of one output.
const MOST: usize = 64 << 20;

/// Output as it comes.
#[derive(Clone, Debug, Default)]
pub struct Caught {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Nothing more can come.
    closed: Arc<AtomicBool>,
}

impl Caught {
    fn follow(&self, mut from: impl Read + Send + 'static) {
        let (to, closed) = (self.bytes.clone(), self.closed.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            while let Ok(n) = from.read(&mut buffer) {
                if n == 0 {
                    break;
                }
                let mut to = to.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if to.len() < MOST {
                    to.extend_from_slice(&buffer[..n]);
                }
            }
            closed.store(true, Ordering::Release);
        });
    }

    /// Whether more may come.
    fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// What came so far.
    #[must_use]
    pub fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How many bytes came so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).len()
    }

    /// Whether nothing came yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    ended: Option<ExitStatus>,
    /// Its standard output.
    pub out: Caught,
    /// Its standard error.
    pub err: Caught,
}

impl Process {
    /// Starts it with its output caught and nothing to read.
    ///
    /// # Panics
    /// When the program is not there.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|e| panic!("{name}: {e}; run scripts/setup test"));
        let (out, err) = (Caught::default(), Caught::default());
        if let Some(pipe) = child.stdout.take() {
            out.follow(pipe);
        }
        if let Some(pipe) = child.stderr.take() {
            err.follow(pipe);
        }
        Self { name, child, ended: None, out, err }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Sends a signal, if it still runs.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none()
            && let Ok(number) = i32::try_from(self.id())
        {
            let _ = kill(Pid::from_raw(number), signal);
        }
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it takes longer than `limit`.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let from = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                // what it wrote last is still on its way through the pipes, which a child may keep open
                let open = || [&self.out, &self.err].iter().any(|caught| caught.is_open());
                let from = Instant::now();
                while open() && from.elapsed() < Duration::from_secs(1) {
                    std::thread::sleep(Duration::from_millis(2));
                }
                return status;
            }
            if from.elapsed() > limit {
                panic!("{} did not end within {limit:?}: {}", self.name, self.tail());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The last lines of both outputs, for messages.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = format!("{}\n{}", self.out.text(), self.err.text());
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What the system knows of a process.
#[derive(Clone, Copy, Debug)]
pub struct Proc(pub u32);

impl Proc {
    fn read(self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0)).unwrap_or_default()
    }

    /// Resident memory in kB.
    #[must_use]
    pub fn rss_kb(self) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
    }

    /// Processor time used so far, by user and system, in hundredths of a second as Linux counts.
    #[must_use]
    pub fn cpu(self) -> Duration {
        let stat = self.read("stat");
        let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok());
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// Open files.
    #[must_use]
    pub fn files(self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.0)).map_or(0, Iterator::count)
    }

    /// The command line.
    #[must_use]
    pub fn command_line(self) -> String {
        self.read("cmdline").replace('\0', " ")
    }
}

/// Sockets of this machine in a state of /proc/net/tcp (`04` is FIN_WAIT1) with this local port.
#[must_use]
pub fn sockets_in_state(port: u16, state: &str) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let wanted = format!("{port:04X}");
    let hit = |line: &&str| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().and_then(|local| local.split_once(':')).map(|(_, port)| port);
        local == Some(wanted.as_str()) && fields.nth(1) == Some(state)
    };
    table.lines().skip(1).filter(hit).count()
}
