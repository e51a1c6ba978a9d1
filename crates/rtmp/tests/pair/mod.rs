//! A server session against a client session over a seeded network, in virtual time.
//!
//! Belongs here: the network (latency, splits, joins, stalls, cuts) and the clock.
//! Must not come here: what is expected of either side, see `../pair.rs`.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Duration, Instant},
};

use bytes::Bytes;
use manycast_rtmp::{
    message::MessageStreamId,
    session::{
        ClientConfig, ClientEvent, ClientSession, Event, Input, Media, MediaKind, Output,
        RefusalCode, RequestId, ServerConfig, ServerSession, SessionError, Verdict,
    },
};

/// A small generator (splitmix64): the same numbers for the same seed, everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// One direction of the wire.
struct Pipe {
    queue: VecDeque<(Instant, Vec<u8>)>,
    last_arrival: Instant,
    latency: Duration,
    /// Nothing arrives between these.
    stall: Option<(Instant, Instant)>,
    carried: u64,
}

impl Pipe {
    fn new(now: Instant) -> Self {
        let latency = Duration::ZERO;
        Self { queue: VecDeque::new(), last_arrival: now, latency, stall: None, carried: 0 }
    }

    /// Cuts `bytes` at random and sends the pieces on their way, in order.
    fn send(&mut self, now: Instant, bytes: &[u8], random: &mut Random) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let cut = match random.below(4) {
                0 => 1 + random.below(3),
                1 => 1 + random.below(200),
                _ => 1 + random.below(20_000),
            };
            let cut = usize::try_from(cut).expect("small").min(rest.len());
            let (piece, after) = rest.split_at(cut);
            let jitter = Duration::from_millis(random.below(5));
            let mut arrival = (now + self.latency + jitter).max(self.last_arrival);
            if let Some((from, to)) = self.stall
                && arrival >= from
                && arrival < to
            {
                arrival = to;
            }
            self.last_arrival = arrival;
            self.queue.push_back((arrival, piece.to_vec()));
            rest = after;
        }
    }

    fn next_arrival(&self) -> Option<Instant> {
        self.queue.front().map(|(arrival, _)| *arrival)
    }

    /// What has arrived: some pieces joined, as a reader finds them.
    fn take(&mut self, now: Instant, random: &mut Random) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        while self.next_arrival().is_some_and(|arrival| arrival <= now) {
            let (_, piece) = self.queue.pop_front()?;
            all.extend(piece);
            if random.below(3) == 0 {
                break;
            }
        }
        self.carried += all.len() as u64;
        (!all.is_empty()).then_some(all)
    }
}

/// How the owner of the server decides.
#[derive(Clone, Copy)]
pub(crate) enum Policy {
    AcceptAfter(Duration),
    Refuse(RefusalCode),
}

/// Both sessions, the wire between them, and what happened.
pub(crate) struct Pair {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) server: ServerSession,
    pub(crate) client: ClientSession,
    up: Pipe,
    down: Pipe,
    random: Random,
    policy: Policy,
    verdicts: VecDeque<(Instant, RequestId, Verdict)>,
    /// The stream that the server plays to the client, once accepted.
    pub(crate) played: Option<MessageStreamId>,
    asked_to_play: Option<MessageStreamId>,
    pub(crate) server_events: Vec<Event>,
    pub(crate) client_events: Vec<ClientEvent>,
    pub(crate) server_error: Option<SessionError>,
    pub(crate) client_error: Option<SessionError>,
    cut: bool,
    trace: DefaultHasher,
}

impl Pair {
    #[allow(clippy::disallowed_methods, reason = "there is no other way to make the first Instant")]
    pub(crate) fn new(seed: u64, server: ServerConfig, client: ClientConfig) -> Self {
        let now = Instant::now();
        let mut random = Random::new(seed);
        let (mut up, mut down) = (Pipe::new(now), Pipe::new(now));
        up.latency = Duration::from_millis(random.below(150));
        down.latency = Duration::from_millis(random.below(150));
        Self {
            start: now,
            now,
            server: ServerSession::new(now, server),
            client: ClientSession::new(now, client),
            up,
            down,
            random,
            policy: Policy::AcceptAfter(Duration::from_millis(30)),
            verdicts: VecDeque::new(),
            played: None,
            asked_to_play: None,
            server_events: Vec::new(),
            client_events: Vec::new(),
            server_error: None,
            client_error: None,
            cut: false,
            trace: DefaultHasher::new(),
        }
    }

    pub(crate) fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Nothing that the client sends arrives between these times.
    pub(crate) fn stall_up(mut self, from: Duration, to: Duration) -> Self {
        self.up.stall = Some((self.start + from, self.start + to));
        self
    }

    /// A hash over all that happened, for tests of sameness.
    pub(crate) fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// Bytes that reached the server.
    pub(crate) fn received(&self) -> u64 {
        self.up.carried
    }

    /// The wire breaks: both sides see an end, whatever was on the way is lost.
    pub(crate) fn cut(&mut self) {
        self.cut = true;
        self.up.queue.clear();
        self.down.queue.clear();
        let _ = self.server.handle_input(self.now, Input::Eof);
        let _ = self.client.handle_input(self.now, Input::Eof);
        self.settle();
    }

    /// Runs for `time`, in the order of what happens.
    pub(crate) fn drive(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while let Some(next) = self.next_instant().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    /// Publishes from the client; `false` before it may.
    pub(crate) fn publish(&mut self, kind: MediaKind, timestamp: u32, body: &Bytes) -> bool {
        let sent = self.client.send_media(kind, timestamp, body.clone());
        self.settle();
        sent
    }

    /// Plays to the client.
    pub(crate) fn play(&mut self, kind: MediaKind, timestamp: u32, body: &Bytes) -> bool {
        let Some(stream) = self.played else { return false };
        self.server.send_media(stream, kind, timestamp, body.clone());
        self.settle();
        true
    }

    /// Media that reached the server.
    pub(crate) fn published(&self) -> Vec<Media> {
        let media = |event: &Event| match event {
            Event::Media { media, .. } => Some(media.clone()),
            _ => None,
        };
        self.server_events.iter().filter_map(media).collect()
    }

    /// Media that reached the client.
    pub(crate) fn seen(&self) -> Vec<Media> {
        let media = |event: &ClientEvent| match event {
            ClientEvent::Media { media } => Some(media.clone()),
            _ => None,
        };
        self.client_events.iter().filter_map(media).collect()
    }

    fn next_instant(&mut self) -> Option<Instant> {
        let server = self.server_error.is_none().then(|| self.server_until()).flatten();
        let client = self.client_error.is_none().then(|| self.client_until()).flatten();
        let verdict = self.verdicts.front().map(|(at, _, _)| *at);
        let all = [self.up.next_arrival(), self.down.next_arrival(), server, client, verdict];
        all.into_iter().flatten().min()
    }

    fn server_until(&mut self) -> Option<Instant> {
        match self.server.poll_output() {
            Output::Idle { until } => until,
            other => panic!("not drained: {other:?}"),
        }
    }

    fn client_until(&mut self) -> Option<Instant> {
        match self.client.poll_output() {
            Output::Idle { until } => until,
            other => panic!("not drained: {other:?}"),
        }
    }

    fn step(&mut self) {
        if let Some((_, request, verdict)) =
            self.verdicts.front().filter(|(at, _, _)| *at <= self.now).cloned()
        {
            self.verdicts.pop_front();
            let accepted = verdict == Verdict::Accept;
            self.tell_server(Input::Verdict { request, verdict });
            self.played = self.asked_to_play.filter(|_| accepted);
        }
        if let Some(bytes) = self.up.take(self.now, &mut self.random) {
            self.tell_server(Input::Bytes(&bytes));
        }
        if let Some(bytes) = self.down.take(self.now, &mut self.random) {
            self.tell_client(Input::Bytes(&bytes));
        }
        self.tell_server(Input::Deadline);
        self.tell_client(Input::Deadline);
        self.settle();
    }

    fn tell_server(&mut self, input: Input<'_>) {
        if self.server_error.is_none() {
            self.server_error = self.server.handle_input(self.now, input).err();
            self.settle();
        }
    }

    fn tell_client(&mut self, input: Input<'_>) {
        if self.client_error.is_none() {
            self.client_error = self.client.handle_input(self.now, input).err();
            self.settle();
        }
    }

    /// Carries output to the wire and events to the lists.
    fn settle(&mut self) {
        loop {
            match self.server.poll_output() {
                Output::Transmit(bytes) if !self.cut => {
                    self.down.send(self.now, &bytes, &mut self.random);
                }
                Output::Transmit(_) => {}
                Output::Event(event) => self.note(event),
                Output::Idle { .. } => break,
            }
        }
        loop {
            match self.client.poll_output() {
                Output::Transmit(bytes) if !self.cut => {
                    self.up.send(self.now, &bytes, &mut self.random);
                }
                Output::Transmit(_) => {}
                Output::Event(event) => {
                    let elapsed = self.now - self.start;
                    (elapsed, format!("{event:?}")).hash(&mut self.trace);
                    self.client_events.push(event);
                }
                Output::Idle { .. } => break,
            }
        }
    }

    fn note(&mut self, event: Event) {
        (self.now - self.start, format!("{event:?}")).hash(&mut self.trace);
        match &event {
            Event::PublishRequest { request, .. } => self.decide(*request),
            Event::PlayRequest { request, stream, .. } => {
                self.asked_to_play = Some(*stream);
                self.decide(*request);
            }
            _ => {}
        }
        self.server_events.push(event);
    }

    fn decide(&mut self, request: RequestId) {
        let (after, verdict) = match self.policy {
            Policy::AcceptAfter(after) => (after, Verdict::Accept),
            Policy::Refuse(code) => {
                let description = "Not today.".to_owned();
                (Duration::from_millis(5), Verdict::Refuse { code, description })
            }
        };
        self.verdicts.push_back((self.now + after, request, verdict));
    }
}
