//! One connection: the task that owns a socket and drives its session.
//!
//! Four verbs: read what came, tell the hub what happened, write what is due, wait.

mod admission;
mod events;
mod gather;
mod role;
mod wait;
mod wish;

use crate::outbox::Outbox;
use crate::registry::Place;
use crate::seldom::{Bell, Seldom};
use crate::server::Shared;
use crate::socket::Socket;
use crate::stats::{Gauge, count};
use admission::Pending;
use gather::Gather;
use manycast_rtmp::session::{
    Capabilities, DrainReason, Event, Input, Output, ServerConfig, ServerSession, SessionError,
};
use manycast_tls::{TlsError, Transport};

use role::{Role, Signal, Slot};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::watch;
use wait::{Order, Turn};

/// Read buffer of a thread, shared by all its connections: a connection that waits holds none.
const READ_BUFFER: usize = 128 * 1024;
/// Reads per wake, so that a flood on one connection does not starve the others.
const MAX_READS: usize = 16;
/// Bytes that may wait for a peer that does not read.
const MAX_WAITING: usize = 1 << 20;
/// After the last word the peer has this long to close, so that no reset destroys that word.
const LINGER: Duration = Duration::from_secs(2);
/// A peer that takes nothing for this long, with something waiting, is reset.
const PATIENCE: Duration = Duration::from_secs(10);
/// Sound that waits for a picture is sent on by the message after its time; only what nothing
/// follows needs an alarm, so much later.
const LAST_SOUND: Duration = Duration::from_millis(50);

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER]);
}

/// The runtime's clock, which tests can pause.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Resolves at the order to stop. Cancel-safe.
pub(crate) async fn ordered(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("closed by the peer")]
    PeerClosed,
    #[error("{0}")]
    Session(#[from] SessionError),
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    #[error("encryption: {0}")]
    Tls(#[from] TlsError),
    #[error("no handshake in time")]
    TlsTimeout,
    #[error("the peer takes nothing")]
    Stalled,
    #[error("made room for a newer connection")]
    MadeRoom,
    #[error("{0}")]
    Finished(String),
}

/// A connection while it is served.
pub(crate) struct Conn {
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    peer: SocketAddr,
    place: Place,
    session: ServerSession,
    /// Events that waited while bytes were taken out of turn.
    events: VecDeque<Event>,
    out: Outbox,
    last_taken: Instant,
    slots: Vec<Slot>,
    pending: Vec<Pending>,
    app: String,
    tc_url: manycast_rtmp::command::StreamKeyText,
    app_query: manycast_rtmp::command::StreamKeyText,
    software: String,
    /// What the peer said that it can, if it said anything of Enhanced RTMP.
    capabilities: Option<Arc<Capabilities>>,
    /// Whom the peer proved to be at `connect`.
    user: Option<manycast_hub::Secret>,
    deadline: Option<Instant>,
    commit_at: Option<Instant>,
    gather: Gather,
    /// The mark that the socket has.
    mark: u32,
    bell: Bell,
    /// When it wants to be woken, as its bell was told.
    due: Option<Instant>,
    orders: [Seldom<dyn Future<Output = Order> + Send>; 2],
    /// The last word was said; read on until then.
    lingering: Option<Instant>,
    farewell: Option<String>,
    /// The peer has closed its side: nothing more is for it.
    gone: bool,
    draining: bool,
    /// The peer was asked to connect elsewhere, and has until then.
    leave_at: Option<Instant>,
    unlogged: bool,
}

/// Serves one connection from its acceptance to its end.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    tcp: TcpStream,
    peer: SocketAddr,
    place: Place,
    accepted: Instant,
) {
    let _open = Gauge::raise(&shared.stats.connections);
    let end = match open(&shared, tcp, &place, accepted).await {
        Ok(transport) => {
            let mut conn =
                Conn::new(shared.clone(), Arc::new(Socket(transport)), peer, place, accepted);
            let end = conn.run().await;
            let end = conn.named(end);
            conn.finish(&end);
            end
        }
        Err(end) => end,
    };
    match &end {
        End::Session(SessionError::Timeout(_) | SessionError::SlowMessage) | End::TlsTimeout => {
            count(&shared.stats.timeouts);
        }
        End::Session(_) => count(&shared.stats.protocol_errors),
        End::Tls(_) => count(&shared.stats.tls_errors),
        End::MadeRoom => count(&shared.stats.made_room),
        _ => {}
    }
}

async fn open(
    shared: &Shared,
    tcp: TcpStream,
    place: &Place,
    accepted: Instant,
) -> Result<Transport, End> {
    let Some(tls) = &shared.settings.tls else { return Ok(Transport::plain(tcp)) };
    let limit = tokio::time::sleep_until((accepted + shared.settings.limits.handshake).into());
    tokio::select! {
        transport = Box::pin(Transport::accept(tcp, tls)) => Ok(transport?),
        () = limit => Err(End::TlsTimeout),
        () = place.cut() => Err(End::MadeRoom),
    }
}

impl Conn {
    fn new(
        shared: Arc<Shared>,
        socket: Arc<Socket>,
        peer: SocketAddr,
        place: Place,
        accepted: Instant,
    ) -> Self {
        let config = ServerConfig {
            limits: shared.settings.limits.clone(),
            ask_connect: !shared.settings.policies.get().users.is_empty(),
            ..ServerConfig::new(rand::random())
        };
        let bell = Bell::default();
        shared.alarms.add(bell.clone());
        let orders = wait::orders(&bell, shared.shutdown.clone(), place.cut());
        Self {
            shared,
            socket,
            peer,
            place,
            session: ServerSession::new(accepted, config),
            events: VecDeque::new(),
            out: Outbox::default(),
            last_taken: accepted,
            slots: Vec::new(),
            pending: Vec::new(),
            app: String::new(),
            tc_url: Default::default(),
            app_query: Default::default(),
            software: String::new(),
            capabilities: None,
            user: None,
            deadline: None,
            commit_at: None,
            gather: Gather::default(),
            mark: 1,
            due: None,
            bell,
            orders,
            lingering: None,
            farewell: None,
            gone: false,
            draining: false,
            leave_at: None,
            unlogged: true,
        }
    }

    async fn run(&mut self) -> End {
        loop {
            if let Err(end) = self.pump().await {
                self.flush_last();
                return end;
            }
            if let Some(end) = self.is_over() {
                return end;
            }
            self.arm();
            let turn = self.turn().await;
            if let Err(end) = self.act(turn).await {
                let _ = self.pump().await;
                self.flush_last();
                return end;
            }
        }
    }

    /// Says what is left to say, unless the fan-out is in the middle of a message.
    fn flush_last(&mut self) {
        if !self.is_shared() {
            let _ = self.out.flush(&self.socket);
        }
    }

    async fn act(&mut self, turn: Turn) -> Result<(), End> {
        match turn {
            Turn::Readable => self.read().await,
            Turn::Writable => Ok(()),
            Turn::Broken(error) => Err(error.into()),
            Turn::Timer => {
                self.set_mark(now());
                self.tick()
            }
            Turn::Signal(at, signal) => self.signal(at, signal).await,
            Turn::Decided(asked, outcome) => Box::pin(self.decided(asked, outcome)).await,
            Turn::Ordered(Order::MakeRoom) if self.lingering.is_some() => Ok(()),
            Turn::Ordered(Order::MakeRoom) => Err(End::MadeRoom),
            Turn::Ordered(Order::Stop) => {
                self.begin_to_drain();
                Ok(())
            }
        }
    }

    /// The reason behind an end: a viewer that the fan-out resets sees its own socket fail.
    fn named(&self, end: End) -> End {
        let Some(Slot { role: Role::Shared { member, .. }, .. }) = self.slots.first() else {
            return end;
        };
        let stalled = member.end() == Some(manycast_fanout::ViewerEnd::Stalled);
        if !stalled || !matches!(end, End::Io(_) | End::PeerClosed) {
            return end;
        }
        count(&self.shared.stats.stalled_viewers);
        End::Stalled
    }

    /// Reads what came, in turns with the session.
    async fn read(&mut self) -> Result<(), End> {
        let result = self.read_all().await;
        if result.is_ok() {
            self.set_mark(now());
        }
        result
    }

    /// Has the socket wake us when as much is there as is worth it. Under TLS nobody can say what
    /// so many bytes on the wire are.
    fn set_mark(&mut self, now: Instant) {
        if self.socket.is_tls() {
            return;
        }
        let mark = self.gather.mark(now, self.session.missing());
        if mark != self.mark && manycast_sys::set_recv_lowat(self.socket.tcp(), mark).is_ok() {
            self.mark = mark;
        }
    }

    async fn read_all(&mut self) -> Result<(), End> {
        for _ in 0..MAX_READS {
            let now = now();
            let session = &mut self.session;
            let lingering = self.lingering.is_some();
            let read = BUFFER.with_borrow_mut(|buffer| {
                let read = self.socket.try_read(buffer)?;
                if read > 0 && !lingering {
                    return Ok(session
                        .handle_input(now, Input::Bytes(&buffer[..read]))
                        .map(|()| read));
                }
                Ok::<_, io::Error>(Ok(read))
            });
            match read {
                Ok(Ok(0)) if lingering => return Err(self.finished()),
                Ok(Ok(0)) => {
                    self.gone = true;
                    let _ = self.session.handle_input(now, Input::Eof);
                    let _ = self.pump().await;
                    return Err(End::PeerClosed);
                }
                Ok(Ok(_)) => {
                    self.hear(now);
                    self.pump().await?;
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Does what the session wants done, then wakes readers and writes.
    async fn pump(&mut self) -> Result<(), End> {
        loop {
            if let Some(event) = self.events.pop_front() {
                Box::pin(self.event(event)).await?;
                continue;
            }
            match self.session.poll_output() {
                Output::Transmit(piece) => self.out.push(piece),
                Output::Event(Event::Media { stream, media }) => self.media(stream, &media),
                // Boxed, as all that is seldom: a connection that waits need not be large for it.
                Output::Event(event) => Box::pin(self.event(event)).await?,
                Output::Idle { until } => {
                    self.deadline = until;
                    break;
                }
            }
        }
        let now = now();
        let ingests = self.slots.iter_mut().filter_map(|slot| match &mut slot.role {
            Role::Ingest(ingest) => ingest.commit(now),
            _ => None,
        });
        self.commit_at = ingests.min();
        self.write(now)
    }

    fn write(&mut self, now: Instant) -> Result<(), End> {
        if let Some(Slot { role: Role::Shared { member, .. }, .. }) = self.slots.first() {
            if !self.out.is_empty() {
                return member.send(self.out.take()).map_err(|_| End::Stalled);
            }
            return Ok(());
        }
        let taken = self.out.flush(&self.socket)?;
        if taken > 0 || self.out.is_empty() {
            self.last_taken = now;
        }
        let late = now.saturating_duration_since(self.last_taken) > PATIENCE;
        if self.out.bytes() > MAX_WAITING * 16 || late {
            self.socket.abort();
            return Err(End::Stalled);
        }
        Ok(())
    }

    /// Whether the socket's writing side belongs to the fan-out.
    fn is_shared(&self) -> bool {
        matches!(self.slots.first(), Some(Slot { role: Role::Shared { .. }, .. }))
    }

    fn is_over(&mut self) -> Option<End> {
        let until = self.lingering?;
        if self.out.is_empty() {
            self.socket.shutdown_write();
        }
        (now() >= until).then(|| self.finished())
    }

    fn finished(&mut self) -> End {
        End::Finished(self.farewell.take().unwrap_or_else(|| "finished".into()))
    }

    /// A publisher whose large picture takes its time is not silent.
    fn hear(&mut self, now: Instant) {
        for slot in &mut self.slots {
            if let Role::Ingest(ingest) = &mut slot.role {
                ingest.hear(now);
            }
        }
    }

    /// Sets the alarm to the next deadline.
    fn arm(&mut self) {
        let stall = (!self.out.is_empty()).then(|| self.last_taken + PATIENCE);
        let sound = self.commit_at.map(|at| at + LAST_SOUND);
        let overdue = self.gather.overdue().filter(|_| self.mark > 1);
        let due = [self.deadline, sound, overdue, self.lingering, stall, self.leave_at];
        let due = due.into_iter().flatten().min();
        if due != self.due {
            self.due = due;
            self.bell.set_alarm(due);
        }
    }

    fn tick(&mut self) -> Result<(), End> {
        let now = now();
        if self.leave_at.take_if(|at| *at <= now).is_some() {
            self.session.drain(DrainReason::Shutdown);
        }
        if self.deadline.is_some_and(|at| at <= now) && self.lingering.is_none() {
            self.session.handle_input(now, Input::Deadline)?;
        }
        Ok(())
    }

    async fn signal(&mut self, at: usize, signal: Signal) -> Result<(), End> {
        match signal {
            Signal::Ready => {
                self.feed(at);
                Ok(())
            }
            Signal::FirstsEnded => {
                if let Some(id) = self.slots.get(at).map(|slot| slot.id) {
                    self.leave_fanout(id).await;
                }
                Ok(())
            }
            Signal::Ended(manycast_fanout::ViewerEnd::Stalled) => {
                count(&self.shared.stats.stalled_viewers);
                Err(End::Stalled)
            }
            Signal::Ended(manycast_fanout::ViewerEnd::Broken(kind)) => Err(End::Io(kind.into())),
            Signal::Ended(_) => {
                let slot = self.slots.remove(at);
                if let Role::Shared { member, .. } = &slot.role {
                    self.out.prepend(member.rest());
                }
                self.log_end(slot, now(), "the stream was removed");
                self.farewell = Some("the stream was removed".into());
                self.session.drain(DrainReason::Finished);
                Ok(())
            }
            Signal::Revoked(why) => {
                self.revoked(at, &why);
                Ok(())
            }
        }
    }

    /// Logs the end and settles the counters.
    fn finish(&mut self, end: &End) {
        let now = now();
        for slot in std::mem::take(&mut self.slots) {
            self.log_end(slot, now, &end.to_string());
        }
        if self.unlogged && self.shared.may_log() {
            tracing::info!(peer = %self.peer, %end, "rtmp connection ended before publish or play");
        }
    }
}
