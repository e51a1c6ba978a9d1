//! A client made of a chunk writer and a chunk reader, to speak to a server session, and the other
//! way round: what was said comes back as lines to compare.
//!
//! Belongs here: driving one session by hand. Must not come here: two sessions against each other,
//! see `pair/`.
#![allow(dead_code, reason = "each test file uses its part")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use manycast_amf::{Limits as AmfLimits, Value, decode_all, encode_all};
use manycast_rtmp::{
    chunk::{ChunkReader, ChunkWriter},
    limits::Limits,
    message::{ChunkStreamId, Control, Message, MessageStreamId, MessageType},
    session::{
        ClientConfig, ClientEvent, ClientSession, Event, Input, MediaKind, Output, RefusalCode,
        RequestId, ServerConfig, ServerSession, SessionError, Verdict,
    },
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Where the virtual time of a test begins.
#[allow(clippy::disallowed_methods, reason = "there is no other way to make the first Instant")]
pub(crate) fn origin() -> Instant {
    Instant::now()
}

pub(crate) fn stream(id: u32) -> MessageStreamId {
    MessageStreamId(id)
}

/// The body of a command.
pub(crate) fn command_body(name: &str, transaction: f64, values: &[Value]) -> Bytes {
    let mut out = Vec::new();
    let head = [Value::from(name), transaction.into()];
    encode_all(head.iter().chain(values), &mut out);
    out.into()
}

pub(crate) fn message(
    kind: MessageType,
    id: u32,
    timestamp: u32,
    body: impl Into<Bytes>,
) -> Message {
    let chunk_stream = match kind {
        MessageType::COMMAND_AMF0 | MessageType::COMMAND_AMF3 => ChunkStreamId::COMMAND,
        _ => ChunkStreamId(4),
    };
    Message { chunk_stream, timestamp, kind, stream: stream(id), body: body.into() }
}

pub(crate) fn command(id: u32, name: &str, transaction: f64, values: &[Value]) -> Message {
    message(MessageType::COMMAND_AMF0, id, 0, command_body(name, transaction, values))
}

/// What a session said in one turn.
#[derive(Debug, Default)]
pub(crate) struct Turn<E> {
    pub(crate) bytes: Vec<u8>,
    pub(crate) pieces: usize,
    pub(crate) lines: Vec<String>,
    pub(crate) events: Vec<E>,
    pub(crate) until: Option<Instant>,
}

impl<E> Turn<E> {
    /// All lines as one text.
    pub(crate) fn said(&self) -> String {
        self.lines.join(" | ")
    }
}

/// One line for one message: `stream: name transaction arguments`, or the control message.
pub(crate) fn describe(message: &Message) -> String {
    if let Ok(Some(control)) = Control::parse(message) {
        return format!("{control:?}").replace("MessageStreamId", "").replace("ChunkStreamId", "");
    }
    let id = message.stream.0;
    match message.kind {
        MessageType::COMMAND_AMF0 | MessageType::DATA_AMF0 => {
            let values = decode_all(&message.body, AmfLimits::default()).values;
            let words: Vec<_> = values.iter().map(word).collect();
            format!("{id}: {}", words.join(" "))
        }
        kind => format!("{id}: {kind:?} at {} of {}", message.timestamp, message.body.len()),
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Undefined => "undefined".into(),
        Value::Number(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::String(text) => text.to_string_lossy().into_owned(),
        other => match (other.get("code"), other.get("level")) {
            (Some(code), Some(level)) => {
                format!(
                    "{}={}",
                    level.as_str().unwrap_or_default(),
                    code.as_str().unwrap_or_default()
                )
            }
            _ => "{}".into(),
        },
    }
}

/// Reads what a session sends, chunk sizes obeyed.
pub(crate) struct Ear {
    reader: ChunkReader,
    handshake_left: usize,
}

impl Ear {
    pub(crate) fn new() -> Self {
        let mut reader = ChunkReader::new(&Limits::default());
        reader.set_max_message(1 << 24);
        Self { reader, handshake_left: 1 + 2 * 1536 }
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Vec<Message> {
        let skipped = self.handshake_left.min(bytes.len());
        self.handshake_left -= skipped;
        let mut input = &bytes[skipped..];
        let mut messages = Vec::new();
        while let Some(message) = self.reader.read(&mut input).expect("a sound chunk stream") {
            if let Ok(Some(Control::SetChunkSize(size))) = Control::parse(&message) {
                self.reader.set_chunk_size(size).expect("a sound chunk size");
            }
            messages.push(message);
        }
        messages
    }
}

impl Default for Ear {
    fn default() -> Self {
        Self::new()
    }
}

/// A server session and the client's end of its wire.
pub(crate) struct Server {
    pub(crate) session: ServerSession,
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) ear: Ear,
    pub(crate) voice: ChunkWriter,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(ServerConfig::new([7; 32]))
    }

    pub(crate) fn with(config: ServerConfig) -> Self {
        let now = origin();
        Self {
            session: ServerSession::new(now, config),
            now,
            start: now,
            ear: Ear::new(),
            voice: ChunkWriter::new(),
            received: 0,
            sent: 0,
        }
    }

    /// After a simple handshake.
    pub(crate) fn greeted() -> Self {
        let mut server = Self::new();
        server.greet();
        server
    }

    pub(crate) fn greet(&mut self) -> Turn<Event> {
        let mut hello = vec![0; 1 + 2 * 1536];
        hello[0] = 3;
        self.feed(&hello)
    }

    /// After `connect` to the app `live`.
    pub(crate) fn connected() -> Self {
        let mut server = Self::greeted();
        server.connect();
        server
    }

    pub(crate) fn connect(&mut self) -> Turn<Event> {
        let object =
            manycast_amf::object([("app", Value::from("live")), ("tcUrl", "rtmp://h/live".into())]);
        self.say(&command(0, "connect", 1.0, &[object]))
    }

    /// Publishing `key` on stream 1.
    pub(crate) fn publishing() -> Self {
        let mut server = Self::connected();
        server.say(&command(0, "createStream", 2.0, &[Value::Null]));
        let request = server.publish(1, "key");
        server.accept(request);
        server
    }

    /// Playing `key` on stream 1.
    pub(crate) fn playing() -> Self {
        let mut server = Self::connected();
        server.say(&command(0, "createStream", 2.0, &[Value::Null]));
        let request = server.play(1, "key");
        server.accept(request);
        server
    }

    pub(crate) fn publish(&mut self, id: u32, name: &str) -> RequestId {
        let turn =
            self.say(&command(id, "publish", 5.0, &[Value::Null, name.into(), "live".into()]));
        requests(&turn)[0]
    }

    pub(crate) fn play(&mut self, id: u32, name: &str) -> RequestId {
        let turn = self.say(&command(id, "play", 0.0, &[Value::Null, name.into()]));
        requests(&turn)[0]
    }

    pub(crate) fn accept(&mut self, request: RequestId) -> Turn<Event> {
        self.input(Input::Verdict { request, verdict: Verdict::Accept }).expect("a verdict")
    }

    pub(crate) fn refuse(&mut self, request: RequestId, code: RefusalCode) -> Turn<Event> {
        let verdict = Verdict::Refuse { code, description: "Because.".into() };
        self.input(Input::Verdict { request, verdict }).expect("a verdict")
    }

    /// Bytes as they are.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Turn<Event> {
        self.try_feed(bytes).expect("no error")
    }

    pub(crate) fn try_feed(&mut self, bytes: &[u8]) -> Result<Turn<Event>, SessionError> {
        self.received += bytes.len() as u64;
        self.input(Input::Bytes(bytes))
    }

    pub(crate) fn say(&mut self, message: &Message) -> Turn<Event> {
        self.say_all(std::slice::from_ref(message))
    }

    /// Several messages in one read.
    pub(crate) fn say_all(&mut self, messages: &[Message]) -> Turn<Event> {
        self.try_say_all(messages).expect("no error")
    }

    pub(crate) fn try_say_all(
        &mut self,
        messages: &[Message],
    ) -> Result<Turn<Event>, SessionError> {
        let mut pieces = Vec::new();
        for message in messages {
            self.voice.write(message, &mut pieces);
        }
        self.try_feed(&pieces.concat())
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn wait(&mut self, time: Duration) -> Result<Turn<Event>, SessionError> {
        let end = self.now + time;
        let mut all = self.drain();
        while let Some(until) = all.until.filter(|until| *until <= end) {
            assert!(until >= self.now, "a deadline in the past");
            self.now = until;
            let turn = self.input(Input::Deadline)?;
            assert!(turn.until > Some(until) || turn.until.is_none(), "a deadline that stays");
            all.lines.extend(turn.lines);
            all.events.extend(turn.events);
            all.until = turn.until;
        }
        self.now = end;
        Ok(all)
    }

    pub(crate) fn input(&mut self, input: Input<'_>) -> Result<Turn<Event>, SessionError> {
        self.session.handle_input(self.now, input)?;
        Ok(self.drain())
    }

    /// What the session has to say now.
    pub(crate) fn drain(&mut self) -> Turn<Event> {
        let mut turn = Turn {
            bytes: Vec::new(),
            pieces: 0,
            lines: Vec::new(),
            events: Vec::new(),
            until: None,
        };
        loop {
            match self.session.poll_output() {
                Output::Transmit(bytes) => {
                    assert!(turn.events.is_empty(), "bytes come before events");
                    turn.pieces += 1;
                    turn.bytes.extend_from_slice(&bytes);
                }
                Output::Event(event) => turn.events.push(event),
                Output::Idle { until } => {
                    turn.until = until;
                    break;
                }
            }
        }
        self.sent += turn.bytes.len() as u64;
        turn.lines = self.ear.hear(&turn.bytes).iter().map(describe).collect();
        turn
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

/// The requests among events.
pub(crate) fn requests(turn: &Turn<Event>) -> Vec<RequestId> {
    let request = |event: &Event| match event {
        Event::PublishRequest { request, .. }
        | Event::PlayRequest { request, .. }
        | Event::ConnectRequest { request, .. } => Some(*request),
        _ => None,
    };
    turn.events.iter().filter_map(request).collect()
}

/// Events as lines, names shown.
pub(crate) fn told(events: &[Event]) -> Vec<String> {
    events.iter().map(tell).collect()
}

fn tell(event: &Event) -> String {
    match event {
        Event::Connected { app, query, .. } => format!("Connected {app} {}", query.expose()),
        Event::PublishRequest { stream, name, kind, .. } => {
            format!("PublishRequest {} {} {kind:?}", stream.0, name.expose())
        }
        Event::PlayRequest { stream, name, start, duration, reset, .. } => {
            format!("PlayRequest {} {} {start} {duration} {reset}", stream.0, name.expose())
        }
        Event::Media { stream, media } => {
            format!("{:?} {} at {} of {}", media.kind, stream.0, media.timestamp, media.body.len())
        }
        other => format!("{other:?}"),
    }
}

/// A client session and the server's end of its wire.
pub(crate) struct Client {
    pub(crate) session: ClientSession,
    pub(crate) now: Instant,
    pub(crate) ear: Ear,
    pub(crate) voice: ChunkWriter,
}

impl Client {
    pub(crate) fn new(config: ClientConfig) -> Self {
        let now = origin();
        let session = ClientSession::new(now, config);
        Self { session, now, ear: Ear::new(), voice: ChunkWriter::new() }
    }

    /// After a simple handshake; with what the client says then.
    pub(crate) fn greeted(config: ClientConfig) -> (Self, Turn<ClientEvent>) {
        let mut client = Self::new(config);
        let hello = client.drain();
        assert_eq!(hello.bytes.len(), 1537);
        let mut answer = vec![0; 1 + 2 * 1536];
        answer[0] = 3;
        let turn = client.feed(&answer);
        (client, turn)
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Turn<ClientEvent> {
        self.input(Input::Bytes(bytes)).expect("no error")
    }

    pub(crate) fn say(&mut self, message: &Message) -> Turn<ClientEvent> {
        let mut pieces = Vec::new();
        self.voice.write(message, &mut pieces);
        self.feed(&pieces.concat())
    }

    pub(crate) fn input(&mut self, input: Input<'_>) -> Result<Turn<ClientEvent>, SessionError> {
        self.session.handle_input(self.now, input)?;
        Ok(self.drain())
    }

    pub(crate) fn media(
        &mut self,
        kind: MediaKind,
        timestamp: u32,
        body: &[u8],
    ) -> Turn<ClientEvent> {
        assert!(self.session.send_media(kind, timestamp, Bytes::copy_from_slice(body)));
        self.drain()
    }

    pub(crate) fn drain(&mut self) -> Turn<ClientEvent> {
        let mut turn = Turn {
            bytes: Vec::new(),
            pieces: 0,
            lines: Vec::new(),
            events: Vec::new(),
            until: None,
        };
        loop {
            match self.session.poll_output() {
                Output::Transmit(bytes) => {
                    turn.pieces += 1;
                    turn.bytes.extend_from_slice(&bytes);
                }
                Output::Event(event) => turn.events.push(event),
                Output::Idle { until } => {
                    turn.until = until;
                    break;
                }
            }
        }
        turn.lines = self.ear.hear(&turn.bytes).iter().map(describe).collect();
        turn
    }
}
