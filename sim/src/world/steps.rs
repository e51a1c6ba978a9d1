//! The way to a session: resolve, connect, secure, greet.
//!
//! Belongs here: what dialling meets on its way, in virtual time. Must not come here: the session,
//! see `delivery.rs`.

use super::far::{Dns, Tls};
use super::net::Pipe;
use super::{Conn, Event, World};
use manycast_hub::{Fault, LinkEnd, Stage};
use manycast_restream::machine::Input as Told;
use manycast_rtmp::command::RtmpUrl;
use manycast_rtmp::session::{ClientConfig, ClientRole, ClientSession};
use std::time::Duration;

/// How long resolving and connecting may take together, and securing alone.
const CONNECT: Duration = Duration::from_secs(10);
const CHUNK_SIZE: u32 = 65_536;

/// What an attempt does next.
pub(super) enum Step {
    Resolve,
    Connect,
    Secure,
    Greet,
    Fail(LinkEnd),
    Wait,
}

impl World {
    /// Goes one step further on the way to a session.
    pub(super) fn step(&mut self, seat: usize, number: u32) {
        let Some(attempt) = self.attempt(seat, number) else { return };
        if attempt.closing {
            return;
        }
        match std::mem::replace(&mut attempt.step, Step::Wait) {
            Step::Resolve => self.resolve(seat, number),
            Step::Connect => self.connect_to(seat, number),
            Step::Secure => self.secure(seat, number),
            Step::Greet => self.greet(seat, number),
            Step::Fail(end) => self.end(seat, Some(end), false),
            Step::Wait => {}
        }
    }

    fn next_step(&mut self, seat: usize, after: Duration, step: Step) {
        let at = self.now + after;
        let Some(attempt) = &mut self.seats[seat].attempt else { return };
        attempt.step = step;
        let number = attempt.number;
        self.post(at, Event::Step(seat, number));
    }

    fn fail_after(&mut self, seat: usize, after: Duration, fault: Fault, words: &str) {
        self.next_step(seat, after, Step::Fail(LinkEnd::new(fault, words)));
    }

    fn resolve(&mut self, seat: usize, number: u32) {
        self.give(seat, Told::Stage(Stage::Resolving));
        if self.attempt(seat, number).is_none() {
            return;
        }
        if self.fars[seat].link_panics() {
            return self.end(seat, None, true);
        }
        let short = self.net_rng.millis(2, 40);
        match self.fars[seat].dns {
            Dns::Good => self.next_step(seat, short, Step::Connect),
            Dns::None => self.fail_after(seat, short, Fault::Dns, "this name does not exist"),
            Dns::Late(after) if after < CONNECT => self.next_step(seat, after, Step::Connect),
            Dns::Late(_) => {
                self.fail_after(seat, CONNECT, Fault::Dns, "the DNS server does not answer");
            }
            Dns::Private => {
                let words = "the name leads to a private address; sending there is not allowed";
                self.fail_after(seat, short, Fault::Configuration, words);
            }
        }
    }

    fn connect_to(&mut self, seat: usize, number: u32) {
        self.give(seat, Told::Stage(Stage::Connecting));
        let now = self.now;
        let Some(began) = self.attempt(seat, number).map(|attempt| attempt.began) else { return };
        let far = &self.fars[seat];
        let round = far.path.delay * 2;
        if !far.path.up {
            let left = (began + CONNECT).saturating_duration_since(now);
            self.fail_after(seat, left, Fault::ConnectTimeout, "the far end did not answer");
        } else if far.refuses {
            self.fail_after(seat, round, Fault::Unreachable, "nothing listens on the port");
        } else if far.is_secure() {
            self.next_step(seat, round, Step::Secure);
        } else {
            self.next_step(seat, round, Step::Greet);
        }
    }

    fn secure(&mut self, seat: usize, number: u32) {
        self.give(seat, Told::Stage(Stage::Securing));
        if self.attempt(seat, number).is_none() {
            return;
        }
        let far = &self.fars[seat];
        let round = far.path.delay * 2;
        match far.tls {
            _ if !far.path.up => self.fail_after(seat, CONNECT, Fault::Tls, "no answer to TLS"),
            Tls::Good => self.next_step(seat, round, Step::Greet),
            Tls::Bad => self.fail_after(seat, round, Fault::Tls, "the certificate has expired"),
            Tls::Hangs => self.fail_after(seat, CONNECT, Fault::Tls, "no answer to TLS"),
        }
    }

    fn greet(&mut self, seat: usize, number: u32) {
        self.give(seat, Told::Stage(Stage::Handshake));
        let now = self.now;
        let Some(attempt) = self.attempt(seat, number) else { return };
        let key = "sesame-1234";
        let Ok(url) = RtmpUrl::with_key(&attempt.url, key) else {
            return self.check(false, || format!("destination {seat}: an address that is none"));
        };
        let config = ClientConfig {
            chunk_size: CHUNK_SIZE,
            ..ClientConfig::new(&url, ClientRole::Publish, [5; 32])
        };
        attempt.session = Some(ClientSession::new(now, config));
        attempt.ours = Some(url);
        let conn = self.open(seat, number);
        if let Some(attempt) = self.attempt(seat, number) {
            attempt.conn = Some(conn);
        }
        self.pump(seat);
    }

    fn open(&mut self, seat: usize, number: u32) -> usize {
        let now = self.now;
        let id = self.fars[seat].accept(now, self.healed);
        self.conns.push(Conn {
            far: seat,
            id,
            owner: (seat, number),
            up: Pipe::new(now, true),
            down: Pipe::new(now, false),
            dead: false,
            left: false,
            far_left: false,
            tick: None,
            reading: false,
        });
        let conn = self.conns.len() - 1;
        self.fars[seat].conns.push(conn);
        conn
    }

    /// Has what hangs before the session fail now.
    pub(super) fn hurry(&mut self, seat: usize) {
        let Some(attempt) = &self.seats[seat].attempt else { return };
        let number = attempt.number;
        if matches!(attempt.step, Step::Fail(_)) {
            self.post(self.now, Event::Step(seat, number));
        }
    }
}
