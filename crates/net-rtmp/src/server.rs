//! The listener: accepts, limits, and joins its connections at the end.

use crate::alarm::Alarms;
use crate::conn;
use crate::egress::Share;
use crate::lane::RtmpLane;
use crate::policy::Policies;
use crate::reactors::Reactors;
use crate::registry::{Connections, Refused};
use crate::stats::{RtmpStats, count};
use manycast_fanout::Fanout;
use manycast_hub::Gate;
use manycast_rtmp::limits::Limits;
use manycast_sys::Keepalive;
use manycast_tls::ServerTls;
use parking_lot::Mutex;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, warn};

#[cfg(unix)]
use std::os::fd::AsFd as AsSocket;
#[cfg(windows)]
use std::os::windows::io::AsSocket;

/// Log lines about strangers, per second.
const LOG_LINES: u32 = 20;
/// How long to wait when no file descriptor is left.
const DESCRIPTOR_PAUSE: Duration = Duration::from_millis(100);
/// The kernel's send buffer of one connection: what a viewer that reads nothing can hold there.
const SEND_BUFFER: usize = 512 * 1024;

/// Finds peers that vanished without a word and have nothing to say.
const KEEPALIVE: Keepalive =
    Keepalive { idle: Duration::from_secs(30), interval: Duration::from_secs(10), retries: 3 };

/// How a listener serves.
#[derive(Clone)]
pub struct ServerSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Encryption; `None`: plain RTMP.
    pub tls: Option<Arc<ServerTls>>,
    /// Bounds of one connection.
    pub limits: Limits,
    /// What is asked and told beside the Gate's answers.
    pub policies: Arc<Policies>,
    /// The threads that serve plain connections; `None`, and under TLS: the runtime that the
    /// listener runs on.
    pub reactors: Option<Arc<Reactors>>,
    /// A media message with this body makes the session panic.
    #[cfg(test)]
    pub panic_at: Option<&'static [u8]>,
}

impl ServerSettings {
    /// Plain RTMP with the default limits.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            limits: Limits::default(),
            policies: Policies::new(),
            reactors: None,
            #[cfg(test)]
            panic_at: None,
        }
    }
}

/// What all connections of a listener share.
pub(crate) struct Shared {
    pub(crate) settings: ServerSettings,
    pub(crate) gate: Arc<dyn Gate>,
    pub(crate) fanout: Arc<Fanout>,
    pub(crate) stats: Arc<RtmpStats>,
    pub(crate) shutdown: watch::Receiver<bool>,
    pub(crate) alarms: Alarms,
    log_budget: Mutex<(Option<Instant>, u32)>,
}

impl Shared {
    /// The bytes that viewers of these Tracks share.
    pub(crate) fn lane(&self, share: Share) -> RtmpLane {
        RtmpLane::new(self.settings.limits.out_chunk_size, share)
    }

    /// Whether one more line about a stranger may be logged in this second.
    pub(crate) fn may_log(&self) -> bool {
        let now = conn::now();
        let mut budget = self.log_budget.lock();
        if budget.0.is_none_or(|at| now.saturating_duration_since(at) >= Duration::from_secs(1)) {
            *budget = (Some(now), LOG_LINES);
        }
        if budget.1 == 0 {
            count(&self.stats.log_suppressed);
            return false;
        }
        budget.1 -= 1;
        true
    }
}

/// An RTMP or RTMPS listener that is bound.
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Binds the listener. `connections` may be shared with other listeners, so that limits hold
    /// for all of them together.
    ///
    /// # Errors
    /// What the system says, for example that the port is taken.
    pub fn bind(
        settings: ServerSettings,
        gate: Arc<dyn Gate>,
        fanout: Arc<Fanout>,
        stats: Arc<RtmpStats>,
        connections: Arc<Connections>,
    ) -> io::Result<Self> {
        let listener = listen(settings.listen)?;
        let (stop, shutdown) = watch::channel(false);
        let log_budget = Mutex::default();
        let alarms = Alarms::default();
        let shared = Shared { settings, gate, fanout, stats, shutdown, alarms, log_budget };
        Ok(Self { listener, shared: Arc::new(shared), connections, stop })
    }

    /// Where it listens, with the port that was given for port 0.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` says true; then lets every connection say goodbye for `bound` at
    /// most, and ends what is left.
    pub async fn run(self, shutdown: watch::Receiver<bool>, bound: Duration) {
        let shared = self.shared.clone();
        tokio::select! {
            () = self.accept(shutdown, bound) => {}
            () = shared.alarms.run() => {}
        }
    }

    async fn accept(self, shutdown: watch::Receiver<bool>, bound: Duration) {
        let Self { listener, shared, connections, stop } = self;
        let plain = shared.settings.tls.is_none();
        let Some(reactors) = shared.settings.reactors.clone().filter(|_| plain) else {
            let accepting = Accepting { listener, shared, connections, stop: Arc::new(stop) };
            return accepting.run(shutdown, bound).await;
        };
        let stop = Arc::new(stop);
        let mut tasks = JoinSet::new();
        // Each has the socket in its own event queue: who is free takes the next connection.
        for (handle, listener) in reactors.handles().zip(copies(listener)) {
            let (shared, connections) = (shared.clone(), connections.clone());
            let (stop, shutdown) = (stop.clone(), shutdown.clone());
            let accepting = async move {
                match TcpListener::from_std(listener) {
                    Ok(listener) => {
                        let accepting = Accepting { listener, shared, connections, stop };
                        accepting.run(shutdown, bound).await;
                    }
                    Err(error) => error!(%error, "a thread for connections cannot listen"),
                }
            };
            tasks.spawn_on(accepting, handle);
        }
        while tasks.join_next().await.is_some() {}
    }
}

/// The same listening socket again and again.
fn copies(listener: TcpListener) -> impl Iterator<Item = std::net::TcpListener> {
    let listener = listener.into_std().ok();
    std::iter::from_fn(move || listener.as_ref()?.try_clone().ok())
}

/// One event loop's part of a listener.
struct Accepting {
    listener: TcpListener,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    stop: Arc<watch::Sender<bool>>,
}

impl Accepting {
    async fn run(self, mut shutdown: watch::Receiver<bool>, bound: Duration) {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((tcp, peer)) => self.admit(&mut tasks, tcp, peer),
                    Err(e) => self.accept_failed(&e).await,
                },
                Some(ended) = tasks.join_next() => self.joined(ended),
                () = conn::ordered(&mut shutdown) => break,
            }
        }
        drop(self.listener);
        self.stop.send_replace(true);
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                note_panic(&self.shared.stats, ended);
            }
        };
        if tokio::time::timeout(bound, all).await.is_err() {
            warn!("connections left at the end of the drain time are cut");
        }
        tasks.shutdown().await;
    }

    fn joined(&self, ended: Result<(), tokio::task::JoinError>) {
        note_panic(&self.shared.stats, ended);
    }

    fn admit(&self, tasks: &mut JoinSet<()>, tcp: TcpStream, peer: SocketAddr) {
        let place = match self.connections.enter(peer.ip()) {
            Ok((place, _)) => place,
            Err(refused) => {
                count(&self.shared.stats.refused_limit);
                if self.shared.may_log() {
                    let limit = match refused {
                        Refused::Total => "limits.connections",
                        Refused::Address => "limits.connections_per_address",
                    };
                    warn!(%peer, limit, "connection refused: the limit is reached");
                }
                let _ = manycast_sys::reset_on_close(&tcp);
                return;
            }
        };
        count(&self.shared.stats.accepted);
        if !INHERITED {
            tune(&tcp);
        }
        let accepted = conn::now();
        tasks.spawn(conn::serve(self.shared.clone(), tcp, peer, place, accepted));
    }

    async fn accept_failed(&self, error: &io::Error) {
        if manycast_sys::is_fd_exhaustion(error) {
            count(&self.shared.stats.refused_descriptors);
            if self.shared.may_log() {
                error!("no file descriptors left; raise the limit of open files (ulimit -n)");
            }
            tokio::time::sleep(DESCRIPTOR_PAUSE).await;
        }
    }
}

fn note_panic(stats: &RtmpStats, ended: Result<(), tokio::task::JoinError>) {
    if let Err(e) = ended
        && e.is_panic()
    {
        count(&stats.panics);
        error!("a session ended in a panic; this is a defect, please report it");
    }
}

/// Whether connections have the options of the socket that accepts them, which saves six calls for each.
const INHERITED: bool = cfg!(target_os = "linux");

/// The options of every connection; what the system refuses is done without.
fn tune(socket: &impl AsSocket) {
    let _ = manycast_sys::nodelay(socket);
    let _ = socket2::SockRef::from(socket).set_send_buffer_size(SEND_BUFFER);
    let _ = manycast_sys::keepalive(socket, KEEPALIVE);
}

/// With the longest backlog that the system allows (std asks for that), for viewers who come at once. Who is
/// connected before the options are set, within microseconds of the server's start, goes without them.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    if INHERITED {
        tune(&listener);
    }
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_have_their_options_from_the_listener() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        if !INHERITED {
            tune(&accepted);
        }
        let socket = socket2::SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE.idle);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE.interval);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), KEEPALIVE.retries);
        assert!(socket.send_buffer_size().unwrap() >= SEND_BUFFER.min(212_992));
    }

    #[tokio::test]
    async fn a_port_that_somebody_listens_at_is_refused() {
        let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = listen(first.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
