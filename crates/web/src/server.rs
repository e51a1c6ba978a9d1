//! The HTTP listener: accepts, bounds and ends connections.
//!
//! Belongs here: everything about connections. What is answered is in `routes`. Every bound here is
//! a bar of its own: header size (A10), time (B7), unread answers (B3), count (B12).

use crate::host;
use crate::plain;
use crate::routes::Site;
use crate::seats::{Guarded, Seat, Seats};
use crate::stall::Stalling;
use crate::via::{Door, Via};
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use manycast_tls::{Duplex, ServerTls, TlsError, Transport};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Pause after a failed accept, so that a lack of descriptors does not spin (B8).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bounds of the HTTP side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time. For a further one, one that waits for a request gives way; where all
    /// are being answered, it is closed at accept.
    pub connections: usize,
    /// The same for one address (of IPv6, one network of 64 bits). Listed proxies may have all.
    pub connections_per_address: usize,
    /// Bytes of the request line and headers together. More is answered with 431.
    pub header_bytes: usize,
    /// How long a TLS handshake may take, a request may take to arrive, and a connection may wait
    /// for the next one; handshake and first request together take half as long again at most.
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
            connections_per_address: 64,
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
    /// Connections that ended with a fault: too slow, too large, broken off, no TLS, gave way.
    pub faults: AtomicU64,
    /// Panics of a handler; each ended one connection.
    pub panics: AtomicU64,
}

/// By which way requests come in to a listener.
#[derive(Clone, Debug)]
pub struct Way {
    /// Which listener it is.
    pub door: Door,
    /// The certificate that it shows; `None`: it speaks plain HTTP.
    pub tls: Option<Arc<ServerTls>>,
    /// Proxies whose headers are believed.
    pub proxies: Arc<[IpNet]>,
    /// Names by which this machine is asked for, besides addresses and `localhost`.
    pub names: Arc<[String]>,
}

impl Default for Way {
    /// Plain HTTP, without proxies.
    fn default() -> Self {
        Self { door: Door::Http, tls: None, proxies: Arc::new([]), names: Arc::new([]) }
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    limits: Limits,
    way: Way,
}

/// What a connection has of its server.
#[derive(Clone)]
struct Context {
    site: Arc<Site>,
    way: Way,
    limits: Limits,
    ending: watch::Receiver<bool>,
}

impl HttpServer {
    /// Takes the address.
    ///
    /// # Errors
    /// What the system says, for example that the address is in use.
    pub async fn bind(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, limits, way: Way::default() })
    }

    /// By which way requests come in; without this, plain HTTP.
    #[must_use]
    pub fn by(mut self, way: Way) -> Self {
        self.way = way;
        self
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
    pub async fn run(self, site: impl Into<Arc<Site>>, shutdown: impl Future<Output = ()>) {
        let limits = self.limits;
        let site: Arc<Site> = site.into();
        let (most, most_of_one) = (limits.connections, limits.connections_per_address);
        let seats = Seats::new(most, most_of_one, self.way.proxies.clone());
        let (end, ending) = watch::channel(false);
        let context = Context { site: site.clone(), way: self.way, limits, ending };
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
            let Ok((socket, peer)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Some(seat) = seats.take(peer.ip()) else {
                site.counters.refused.fetch_add(1, Ordering::Relaxed);
                let _ = socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO));
                continue;
            };
            site.counters.accepted.fetch_add(1, Ordering::Relaxed);
            let context = context.clone();
            connections.spawn(async move {
                let counters = context.site.counters.clone();
                tokio::select! {
                    biased;
                    () = seat.gives_way() => {
                        counters.faults.fetch_add(1, Ordering::Relaxed);
                    }
                    () = serve(socket, peer, context, seat.clone()) => {}
                }
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

async fn serve(socket: TcpStream, peer: SocketAddr, mut context: Context, seat: Seat) {
    let _ = socket.set_nodelay(true);
    let from = Instant::now();
    let entering = enter(socket, context.way.tls.as_deref());
    let entered = tokio::select! {
        entered = tokio::time::timeout(context.limits.read, entering) => entered,
        _ = context.ending.wait_for(|end| *end) => return,
    };
    let counters = context.site.counters.clone();
    let spoken = match entered {
        Ok(Ok(entered)) => converse(entered, peer, context, (seat, from.elapsed())).await,
        Ok(Err(error)) => {
            tracing::debug!(%peer, "no TLS connection: {error}");
            Err(())
        }
        Err(_) => Err(()),
    };
    if spoken.is_err() {
        counters.faults.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection that can carry requests.
struct Entered {
    transport: Transport,
    /// It speaks plain HTTP where TLS is spoken.
    astray: bool,
}

async fn enter(socket: TcpStream, tls: Option<&ServerTls>) -> Result<Entered, TlsError> {
    let Some(tls) = tls else {
        return Ok(Entered { transport: Transport::plain(socket), astray: false });
    };
    // A TLS connection begins with a record of type 22 (RFC 8446 5.1), a request with a letter.
    let mut first = [0];
    let seen = socket.peek(&mut first).await?;
    if seen > 0 && first[0].is_ascii_uppercase() {
        return Ok(Entered { transport: Transport::plain(socket), astray: true });
    }
    let transport = Transport::accept(socket, tls).await?;
    Ok(Entered { transport, astray: false })
}

/// Answers requests until either side has had enough. `spent`: what the handshake took of the
/// patience with the first request (B7).
async fn converse(
    entered: Entered,
    peer: SocketAddr,
    context: Context,
    (seat, spent): (Seat, Duration),
) -> Result<(), ()> {
    let Context { site, way, limits, mut ending } = context;
    let astray = entered.astray;
    let sitting = seat.clone();
    let service = hyper::service::service_fn(move |request| {
        let (site, way, asked) = (site.clone(), way.clone(), sitting.asked());
        async move {
            let _answering = asked.ok_or(io::ErrorKind::ConnectionAborted)?;
            let answer = if astray {
                plain::answer(&request)
            } else {
                ask(&site, &way, peer, request).await
            };
            Ok::<_, io::Error>(answer.map(|body| Body::new(Guarded { body, _answering })))
        }
    });
    let io = TokioIo::new(Stalling::new(Duplex::new(entered.transport), limits.write, seat));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.read.saturating_sub(spent).max(limits.read / 2))
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
    result.map_err(drop)
}

async fn ask(site: &Site, way: &Way, peer: SocketAddr, mut request: Request<Incoming>) -> Response {
    let via = Via::judge(way.door, peer, &way.proxies, request.headers());
    if let Err(problem) = host::check(&request, &via, way, site.is_managed()) {
        return site.refuse(problem);
    }
    request.extensions_mut().insert(via);
    site.answer(request).await
}
