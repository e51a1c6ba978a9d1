//! The HTTP listener: accepts, bounds and ends connections.
//!
//! Belongs here: everything about connections. What is answered is in `routes`. Every bound here is
//! a bar of its own: header size (A10), time (B7), unread answers (B3), count (B12).

use crate::routes::Site;
use crate::stall::Stalling;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Pause after a failed accept, so that a lack of descriptors does not spin (B8).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bounds of the HTTP side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; further ones are closed at accept.
    pub connections: usize,
    /// Bytes of the request line and headers together. More is answered with 431.
    pub header_bytes: usize,
    /// How long a request may take to arrive, and a connection may wait for the next one.
    pub read: Duration,
    /// How long the far end may take no byte of an answer.
    pub write: Duration,
    /// How long a connection may live; then it ends after the answer under way.
    pub life: Duration,
    /// How long answers under way may take when the server ends.
    pub goodbye: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            header_bytes: 16 * 1024,
            read: Duration::from_secs(10),
            write: Duration::from_secs(10),
            life: Duration::from_secs(600),
            goodbye: Duration::from_secs(1),
        }
    }
}

/// What the HTTP side counted since the start.
#[derive(Debug, Default)]
pub struct HttpCounters {
    /// Connections taken.
    pub accepted: AtomicU64,
    /// Connections closed at accept: there were too many.
    pub refused: AtomicU64,
    /// Requests answered.
    pub requests: AtomicU64,
    /// Connections that ended with a fault: too slow, too large, broken off.
    pub faults: AtomicU64,
    /// Panics of a handler; each ended one connection.
    pub panics: AtomicU64,
}

/// A bound listener.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    limits: Limits,
}

impl HttpServer {
    /// Takes the address.
    ///
    /// # Errors
    /// What the system says, for example that the address is in use.
    pub async fn bind(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, limits })
    }

    /// Where it is bound; the port is known even if 0 was asked for.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` resolves, then lets answers under way end for a moment. All
    /// connections are gone when this returns.
    pub async fn run(self, site: Site, shutdown: impl Future<Output = ()>) {
        let limits = self.limits;
        let site = Arc::new(site);
        let room = Arc::new(Semaphore::new(limits.connections));
        let (end, ending) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => {
                    note_end(&site.counters, ended);
                    continue;
                }
                accepted = self.listener.accept() => accepted,
            };
            let Ok((socket, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Ok(seat) = room.clone().try_acquire_owned() else {
                site.counters.refused.fetch_add(1, Ordering::Relaxed);
                let _ = socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO));
                continue;
            };
            site.counters.accepted.fetch_add(1, Ordering::Relaxed);
            let (site, ending) = (site.clone(), ending.clone());
            connections.spawn(async move {
                let _seat = seat;
                serve(socket, site, limits, ending).await;
            });
        }
        drop(self.listener);
        end.send_replace(true);
        let goodbye = async {
            while let Some(ended) = connections.join_next().await {
                note_end(&site.counters, ended);
            }
        };
        let _ = tokio::time::timeout(limits.goodbye, goodbye).await;
        connections.shutdown().await;
    }
}

fn note_end(counters: &HttpCounters, ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        counters.panics.fetch_add(1, Ordering::Relaxed);
    }
}

async fn serve(
    socket: TcpStream,
    site: Arc<Site>,
    limits: Limits,
    mut ending: watch::Receiver<bool>,
) {
    let _ = socket.set_nodelay(true);
    let answers = site.clone();
    let service = hyper::service::service_fn(move |request| {
        let site = answers.clone();
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    let io = TokioIo::new(Stalling::new(socket, limits.write));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.read)
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(8192) * 2)
        .max_headers(100)
        .half_close(false)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    let order = async {
        let _ = tokio::time::timeout(limits.life, ending.wait_for(|end| *end)).await;
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = order => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if result.is_err() {
        site.counters.faults.fetch_add(1, Ordering::Relaxed);
    }
}
