//! What has to hold for a server session, whatever a client and the owner do.
//!
//! An input is a script: how far the session is at its start, how reads are cut, then operations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use manycast_rtmp::message::{Control, MessageStreamId};
use manycast_rtmp::session::{
    DrainReason, Event, Input, MediaKind, Output, RefusalCode, RequestId, ServerConfig,
    ServerSession, SessionError, Verdict,
};

use super::{
    cuts,
    ops::{Ear, Script, chunks},
};

/// Commands of clients, and some that are none.
const NAMES: [&str; 24] = [
    "connect",
    "createStream",
    "publish",
    "play",
    "play2",
    "deleteStream",
    "closeStream",
    "FCPublish",
    "FCUnpublish",
    "releaseStream",
    "FCSubscribe",
    "getStreamLength",
    "pause",
    "pauseRaw",
    "seek",
    "receiveAudio",
    "receiveVideo",
    "close",
    "_checkbw",
    "_result",
    "_error",
    "onStatus",
    "x",
    "",
];

/// More operations than this say nothing new.
const OPERATIONS: usize = 400;

/// Runs the script.
pub(crate) fn parse(data: &[u8]) {
    check(data);
}

/// Runs the script; all that has to hold is looked at on the way.
pub(crate) fn check(data: &[u8]) {
    let mut script = Script(data);
    let mut run = Run::new(script.byte(), script.byte());
    for _ in 0..OPERATIONS {
        if script.is_over() || run.step(&mut script).is_err() {
            break;
        }
    }
}

struct Run {
    session: ServerSession,
    now: Instant,
    pattern: u8,
    chunk_size: usize,
    received: u64,
    ear: Ear,
    last_request: Option<RequestId>,
    /// Requests that no verdict was given for, and what they ask for.
    open: BTreeMap<RequestId, (MessageStreamId, bool)>,
    /// Streams whose publish was accepted and has not ended.
    published: BTreeSet<MessageStreamId>,
    closed: bool,
}

impl Run {
    #[allow(clippy::disallowed_methods, reason = "there is no other way to make the first Instant")]
    fn new(start: u8, pattern: u8) -> Self {
        let mut config = ServerConfig::new([1; 32]);
        config.ask_connect = start & 4 != 0;
        config.on_bw_done = start & 8 != 0;
        let now = Instant::now();
        let mut run = Self {
            session: ServerSession::new(now, config),
            now,
            pattern,
            chunk_size: 128,
            received: 0,
            ear: Ear::new(),
            last_request: None,
            open: BTreeMap::new(),
            published: BTreeSet::new(),
            closed: false,
        };
        if start & 1 == 0 {
            let mut hello = vec![0; 1 + 2 * 1536];
            hello[0] = 3;
            run.bytes(&hello).expect("a handshake");
        }
        if start & 3 == 0 {
            let mut connect = Script(&[0, 0, 1, 0, 1, 15]);
            let connect = chunks(&connect.message(&NAMES), 128);
            run.bytes(&connect).expect("connect");
        }
        run
    }

    fn step(&mut self, script: &mut Script<'_>) -> Result<(), SessionError> {
        match script.byte() % 16 {
            0..=7 => {
                let message = script.message(&NAMES);
                self.bytes(&chunks(&message, self.chunk_size))
            }
            8 => self.bytes(script.bytes()),
            9 => self.set_chunk_size(script),
            10 | 11 => self.verdict(script),
            12 => self.wait(script),
            13 if script.byte() > 250 => self.input(Input::Eof),
            _ => self.owner(script),
        }
    }

    /// Feeds bytes in pieces.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        let mut result = Ok(());
        cuts::feed(bytes, self.pattern, |piece| {
            self.received += piece.len() as u64;
            result = self.input(Input::Bytes(piece));
            if result.is_ok() {
                let replied = self.session.bytes_replied();
                assert!(replied <= 4 * self.received, "{replied} for {}", self.received);
            }
            result.is_ok()
        });
        result
    }

    fn set_chunk_size(&mut self, script: &mut Script<'_>) -> Result<(), SessionError> {
        let size = [1, 7, 128, 4096, 70_000][usize::from(script.byte()) % 5];
        let message = Control::SetChunkSize(size).to_message();
        self.bytes(&chunks(&message, self.chunk_size))?;
        self.chunk_size = size as usize;
        Ok(())
    }

    fn verdict(&mut self, script: &mut Script<'_>) -> Result<(), SessionError> {
        let pick = usize::from(script.byte());
        let Some(request) = self.open.keys().nth(pick % self.open.len().max(1)).copied() else {
            return Ok(());
        };
        let verdict = match script.byte() % 8 {
            0 => refuse(RefusalCode::BadName),
            1 => refuse(RefusalCode::StreamNotFound),
            2 => refuse(RefusalCode::ConnectRejected),
            _ => Verdict::Accept,
        };
        let accepted = verdict == Verdict::Accept;
        if let Some((stream, true)) = self.open.remove(&request)
            && accepted
        {
            assert!(self.published.insert(stream), "one publish per stream");
        }
        self.input(Input::Verdict { request, verdict: verdict.clone() })?;
        // A verdict counts once.
        let before = self.session.bytes_sent();
        self.input(Input::Verdict { request, verdict })?;
        assert_eq!(self.session.bytes_sent(), before);
        Ok(())
    }

    fn wait(&mut self, script: &mut Script<'_>) -> Result<(), SessionError> {
        self.now +=
            Duration::from_millis([0, 1, 100, 5000, 9000, 26_000][usize::from(script.byte()) % 6]);
        self.input(Input::Deadline)
    }

    /// What the owner of a session may do at any time.
    fn owner(&mut self, script: &mut Script<'_>) -> Result<(), SessionError> {
        let stream = script.stream();
        match script.byte() % 8 {
            0 => self.session.notify_publish(stream),
            1 => self.session.notify_unpublish(stream),
            2 => self.session.end_play(stream),
            3 => {
                let sent = self.session.reconnect_request(None, "Go.");
                assert!(!sent || !self.closed);
            }
            4 => self.session.wrote_media_around(),
            5 if script.byte() > 200 => self.session.drain(DrainReason::Shutdown),
            6 if script.byte() > 200 => {
                self.published.remove(&stream);
                self.open.retain(|_, (asked, _)| *asked != stream);
                self.session.publish_refused_later(stream, RefusalCode::Denied, "No.");
            }
            _ => {
                let body = Bytes::copy_from_slice(script.bytes());
                let kind = [MediaKind::Audio, MediaKind::Video, MediaKind::Data]
                    [usize::from(script.byte()) % 3];
                self.session.send_media(stream, kind, u32::from(script.byte()) << 24, body);
            }
        }
        self.drain();
        Ok(())
    }

    fn input(&mut self, input: Input<'_>) -> Result<(), SessionError> {
        let result = self.session.handle_input(self.now, input);
        let until = self.drain();
        if result.is_ok() {
            assert!(until.is_none_or(|until| until > self.now), "a deadline that does not move");
        }
        result
    }

    fn drain(&mut self) -> Option<Instant> {
        let mut events = 0;
        loop {
            match self.session.poll_output() {
                Output::Transmit(bytes) => {
                    assert!(!self.closed, "nothing is said after the close");
                    assert_eq!(events, 0, "bytes come before events");
                    self.ear.hear(&bytes);
                }
                Output::Event(event) => {
                    events += 1;
                    self.event(event);
                }
                Output::Idle { until } => {
                    assert!(self.ear.is_at_rest(), "a flight is whole");
                    return until;
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        assert!(!self.closed, "nothing is told after the close");
        match event {
            Event::ConnectRequest { request, .. } => {
                self.asked(request, MessageStreamId(u32::MAX), false)
            }
            Event::PublishRequest { request, stream, .. } => {
                assert!(!self.published.contains(&stream), "one publish per stream");
                self.asked(request, stream, true);
            }
            Event::PlayRequest { request, stream, .. } => self.asked(request, stream, false),
            Event::Media { stream, media } => {
                assert!(self.published.contains(&stream), "media of what was accepted alone");
                assert!(!media.body.is_empty());
            }
            Event::PublishEnded { stream, .. } => {
                let waited = self.forget(stream, true);
                assert!(self.published.remove(&stream) || waited, "an end of what was not");
            }
            Event::PlayEnded { stream } => {
                self.forget(stream, false);
            }
            Event::Close { .. } => self.closed = true,
            _ => {}
        }
    }

    fn asked(&mut self, request: RequestId, stream: MessageStreamId, publish: bool) {
        assert!(Some(request) > self.last_request, "requests are numbered upwards");
        self.last_request = Some(request);
        assert!(self.open.values().all(|(asked, _)| *asked != stream), "one request per stream");
        self.open.insert(request, (stream, publish));
    }

    /// Takes back a request of `stream`; whether there was one.
    fn forget(&mut self, stream: MessageStreamId, publish: bool) -> bool {
        let before = self.open.len();
        self.open.retain(|_, asked| *asked != (stream, publish));
        self.open.len() < before
    }
}

fn refuse(code: RefusalCode) -> Verdict {
    Verdict::Refuse { code, description: "No.".to_owned() }
}
