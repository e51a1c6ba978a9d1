//! One connection of a destination.

use super::wire::Wire;
use super::{Behaviour, Sessions};
use manycast_rtmp::session::{
    Capabilities, Event, Input, Media, Output, RefusalCode, ServerConfig, ServerSession, Verdict,
};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(super) struct Server {
    pub(super) wire: Wire,
    session: ServerSession,
    behaviour: Behaviour,
    number: usize,
    sessions: Sessions,
    began: Instant,
    /// When the last media came.
    heard: Option<Instant>,
    flowing: bool,
    pub(super) over: bool,
}

impl Server {
    pub(super) fn new(wire: Wire, behaviour: Behaviour, number: usize, sessions: Sessions) -> Self {
        let began = Instant::now();
        let mut config = ServerConfig::new([9; 32]);
        if let Behaviour::Takes(codecs) = behaviour {
            let four_cc = codecs.iter().map(|&name| name.to_owned()).collect();
            config.capabilities = Capabilities { four_cc, ..Capabilities::default() };
        }
        let session = ServerSession::new(began, config);
        let (heard, flowing, over) = (None, false, false);
        Self { wire, session, behaviour, number, sessions, began, heard, flowing, over }
    }

    /// Serves until the connection ends.
    pub(super) fn run(&mut self, stop: &AtomicBool) {
        let mut buffer = vec![0; 64 * 1024];
        while !self.over && !stop.load(Ordering::Relaxed) {
            if self.is_due() {
                return;
            }
            let most = match self.behaviour {
                Behaviour::Stalls if self.flowing => {
                    self.over = is_gone(self.wire.tcp());
                    std::thread::sleep(Duration::from_millis(50));
                    continue;
                }
                Behaviour::Slow(rate) if self.flowing => {
                    std::thread::sleep(Duration::from_millis(50));
                    usize::try_from(rate / 20).unwrap_or(1)
                }
                _ => buffer.len(),
            };
            let most = most.clamp(1, buffer.len());
            self.read(&mut buffer[..most]);
        }
    }

    /// Whether its behaviour has it end now.
    fn is_due(&self) -> bool {
        match self.behaviour {
            Behaviour::Resets(after) if self.began.elapsed() >= after => {
                let _ = SockRef::from(self.wire.tcp()).set_linger(Some(Duration::ZERO));
                true
            }
            Behaviour::ClosesWhenSilent(after) => {
                self.heard.is_some_and(|heard| heard.elapsed() >= after)
            }
            _ => false,
        }
    }

    /// Reads once; whether anything came.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> bool {
        match self.wire.read(buffer) {
            Ok(0) => {
                let _ = self.session.handle_input(Instant::now(), Input::Eof);
                self.over = true;
                self.turn();
                false
            }
            Ok(n) => {
                let taken = self.session.handle_input(Instant::now(), Input::Bytes(&buffer[..n]));
                self.over |= taken.is_err();
                self.turn();
                true
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => false,
            Err(_) => {
                self.over = true;
                false
            }
        }
    }

    /// Does what the session wants done.
    fn turn(&mut self) {
        let mut due = Vec::new();
        loop {
            match self.session.poll_output() {
                Output::Transmit(piece) => due.extend_from_slice(&piece),
                Output::Event(event) => self.event(event),
                Output::Idle { .. } => break,
            }
        }
        if !due.is_empty() && self.wire.write_all(&due).and_then(|()| self.wire.flush()).is_err() {
            self.over = true;
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected { .. } if self.behaviour == Behaviour::ClosesAfterHandshake => {
                self.over = true;
            }
            Event::PublishRequest { request, name, .. } => {
                let verdict = self.judge(name.expose().into_owned());
                let input = Input::Verdict { request, verdict };
                self.over |= self.session.handle_input(Instant::now(), input).is_err();
                if let Behaviour::SendsOn(url) = self.behaviour {
                    let url = (!url.is_empty()).then(|| url.into());
                    self.session.reconnect_request(url.as_ref(), "somewhere else");
                }
            }
            Event::Media { media, .. } => self.media(&media),
            Event::PublishEnded { orderly, .. } => {
                self.sessions.with(self.number, |s| s.orderly = orderly);
            }
            Event::Close { .. } => self.over = true,
            _ => {}
        }
    }

    fn judge(&mut self, key: String) -> Verdict {
        let wrong = match self.behaviour {
            Behaviour::WrongKey => true,
            Behaviour::WantsKey(wanted) => key != wanted,
            _ => false,
        };
        self.sessions.with(self.number, |s| s.key = Some(key));
        if wrong {
            let description = "this stream key is not ours".to_owned();
            return Verdict::Refuse { code: RefusalCode::BadName, description };
        }
        self.flowing = true;
        Verdict::Accept
    }

    fn media(&mut self, media: &Media) {
        let now = Instant::now();
        self.heard = Some(now);
        self.sessions.with(self.number, |s| s.tally.take(now, media));
    }
}

/// Whether the far end reset the connection, seen without reading.
fn is_gone(socket: &TcpStream) -> bool {
    !matches!(socket.take_error(), Ok(None))
}
