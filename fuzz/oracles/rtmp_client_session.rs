//! What has to hold for a client session, whatever a server does.
//!
//! An input is a script: role and start, how reads are cut, then operations.

use std::time::{Duration, Instant};

use bytes::Bytes;
use manycast_rtmp::command::RtmpUrl;
use manycast_rtmp::message::{Control, MessageType};
use manycast_rtmp::session::{
    ClientConfig, ClientEvent, ClientRole, ClientSession, Input, MediaKind, Output, SessionError,
    Stage,
};

use super::{
    cuts,
    ops::{Ear, Script, chunks},
};

/// Calls of servers, and some that are none.
const NAMES: [&str; 12] = [
    "_result",
    "_result",
    "_error",
    "onStatus",
    "onStatus",
    "onBWDone",
    "onFCPublish",
    "onFCUnpublish",
    "close",
    "_onbwcheck",
    "x",
    "",
];

const OPERATIONS: usize = 400;

const KEY: &str = "canary";

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
    session: ClientSession,
    now: Instant,
    role: ClientRole,
    pattern: u8,
    chunk_size: usize,
    ear: Ear,
    stages: Vec<Stage>,
    started: bool,
    closed: bool,
    acknowledged: u64,
}

impl Run {
    #[allow(clippy::disallowed_methods, reason = "there is no other way to make the first Instant")]
    fn new(start: u8, pattern: u8) -> Self {
        let role = if start & 1 == 0 { ClientRole::Publish } else { ClientRole::Play };
        let url = RtmpUrl::with_key("rtmp://h/live", KEY).expect("a URL");
        let mut config = ClientConfig::new(&url, role, [2; 32]);
        config.digest = start & 2 != 0;
        let now = Instant::now();
        let mut run = Self {
            session: ClientSession::new(now, config),
            now,
            role,
            pattern,
            chunk_size: 128,
            ear: Ear::new(),
            stages: Vec::new(),
            started: false,
            closed: false,
            acknowledged: 0,
        };
        run.drain();
        if start & 4 == 0 {
            let mut hello = vec![0; 1 + 2 * 1536];
            hello[0] = 3;
            run.bytes(&hello).expect("a handshake");
        }
        run
    }

    fn step(&mut self, script: &mut Script<'_>) -> Result<(), SessionError> {
        match script.byte() % 16 {
            0..=9 => {
                let message = script.message(&NAMES);
                // Only its sender can abort a message that it began here.
                if message.kind == MessageType::SET_CHUNK_SIZE {
                    return Ok(());
                }
                self.bytes(&chunks(&message, self.chunk_size))
            }
            10 => self.bytes(script.bytes()),
            11 => {
                let size = [1, 7, 128, 4096, 70_000][usize::from(script.byte()) % 5];
                let message = Control::SetChunkSize(size).to_message();
                self.bytes(&chunks(&message, self.chunk_size))?;
                self.chunk_size = size as usize;
                Ok(())
            }
            12 => {
                let wait = [0, 1, 100, 5000, 9000, 26_000][usize::from(script.byte()) % 6];
                self.now += Duration::from_millis(wait);
                self.input(Input::Deadline)
            }
            13 if script.byte() > 250 => self.input(Input::Eof),
            14 if script.byte() > 200 => {
                self.session.close();
                self.drain();
                assert!(self.closed);
                Ok(())
            }
            _ => self.send(script),
        }
    }

    fn send(&mut self, script: &mut Script<'_>) -> Result<(), SessionError> {
        let kind =
            [MediaKind::Audio, MediaKind::Video, MediaKind::Data][usize::from(script.byte()) % 3];
        let timestamp = u32::from(script.byte()) << 24;
        let sent = self.session.send_media(kind, timestamp, Bytes::copy_from_slice(script.bytes()));
        let may = self.started && !self.closed && self.role == ClientRole::Publish;
        assert_eq!(sent, may, "media goes out when the server began the stream, and only then");
        self.drain();
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        let mut result = Ok(());
        cuts::feed(bytes, self.pattern, |piece| {
            result = self.input(Input::Bytes(piece));
            result.is_ok()
        });
        result
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
        loop {
            match self.session.poll_output() {
                Output::Transmit(bytes) => {
                    assert!(!self.closed, "nothing is said after the end");
                    self.ear.hear(&bytes);
                }
                Output::Event(event) => self.event(event),
                Output::Idle { until } => {
                    assert!(self.ear.is_at_rest(), "a flight is whole");
                    return until;
                }
            }
        }
    }

    fn event(&mut self, event: ClientEvent) {
        assert!(!self.closed, "nothing is told after the end");
        assert!(!format!("{event:?}").contains(KEY), "the key shows");
        match event {
            ClientEvent::Stage(stage) => {
                self.stages.push(stage);
                let all = [Stage::HandshakeDone, Stage::Connected, Stage::StreamCreated];
                assert!(all.starts_with(&self.stages), "{:?}", self.stages);
            }
            ClientEvent::Publishing | ClientEvent::Playing => {
                assert_eq!(self.stages.len(), 3);
                assert!(!std::mem::replace(&mut self.started, true), "once");
                assert_eq!(event == ClientEvent::Publishing, self.role == ClientRole::Publish);
            }
            ClientEvent::Media { media } => {
                assert!(self.started && self.role == ClientRole::Play && !media.body.is_empty());
            }
            ClientEvent::PeerAcknowledged { bytes } => {
                assert!(bytes > self.acknowledged && bytes <= self.session.bytes_sent());
                self.acknowledged = bytes;
            }
            ClientEvent::Closed => self.closed = true,
            _ => {}
        }
    }
}
