//! One attempt to feed a far end: publish, send, report, say goodbye.
//!
//! Belongs here: what net-rtmp's delivery task does, in virtual time and over modelled connections;
//! the session, the messages and the meaning of ends are the product's own. Must not come here:
//! the way to a session, see `steps.rs`; when to try.

use super::steps::Step;
use super::{Conn, Event, World};
use bytes::Bytes;
use manycast_hub::{Cursor, Fault, Item, LinkEnd, Mark, Secret, Stage, Start};
use manycast_net_rtmp::parts;
use manycast_restream::machine::{Input as Told, Sample};
use manycast_rtmp::command::RtmpUrl;
use manycast_rtmp::session::{ClientEvent, ClientSession, Input, Output, Stage as Greeting};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// Items written before the connection is asked whether it takes them.
const MAX_ITEMS: usize = 64;

/// What writes media with headers of its own.
type Writer = Box<dyn manycast_fanout::Writer>;

pub(super) struct Attempt {
    pub(super) number: u32,
    pub(super) began: Instant,
    pub(super) url: String,
    pub(super) step: Step,
    pub(super) conn: Option<usize>,
    pub(super) session: Option<ClientSession>,
    session_due: Option<Instant>,
    writer: Option<Writer>,
    renewal: Option<parts::Renewal>,
    pub(super) ours: Option<RtmpUrl>,
    pub(super) cursor: Cursor,
    mark: Mark,
    tail: VecDeque<Bytes>,
    pub(super) blocked: bool,
    room_posted: bool,
    greeted: bool,
    /// Whether it asked to publish.
    pub(super) asked: bool,
    pub(super) accepted: Option<Instant>,
    pub(super) closing: bool,
    /// What the end means once the goodbye is said.
    farewell: LinkEnd,
    pub(super) unwanted: bool,
    pub(super) dropped: bool,
    pub(super) frames: u64,
    pub(super) skipped: u64,
    /// Bytes handed to the connection before the first of media.
    greeting: u64,
    /// Bytes handed to the connection.
    handed: u64,
    /// Those of media.
    written: u64,
    sample: Sample,
}

impl Attempt {
    /// Bytes that were made and not handed to the connection.
    pub(super) fn waiting(&self) -> usize {
        self.tail.iter().map(Bytes::len).sum()
    }

    /// Whether the far end's host acknowledged anything after the greeting.
    pub(super) fn has_acknowledged_media(&self) -> bool {
        self.sample.acked > self.greeting
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(super) fn room_posted(&self) -> bool {
        self.room_posted
    }

    pub(super) fn expect_room(&mut self) {
        self.room_posted = true;
    }

    /// What it means that the far end closes now.
    pub(super) fn end_at_close(&self) -> LinkEnd {
        match self.closing {
            true => self.farewell.clone(),
            false => parts::closed(self.greeted, self.accepted.is_some()),
        }
    }
}

impl World {
    /// The attempt of a seat, if it is still that one.
    pub(super) fn attempt(&mut self, seat: usize, number: u32) -> Option<&mut Attempt> {
        self.seats[seat].attempt.as_mut().filter(|attempt| attempt.number == number)
    }

    /// Begins an attempt.
    pub(super) fn dial(&mut self, seat: usize, hop: Option<Secret>) {
        let now = self.now;
        let Some(process) = &self.process else { return };
        let slot = &mut self.seats[seat];
        slot.attempts += 1;
        let number = slot.attempts;
        let cursor = process.stream.join(Start::CurrentGop, slot.place.bounds, now);
        let url = match hop {
            Some(url) => url.expose().to_owned(),
            None => self.fars[seat].url(),
        };
        slot.attempt = Some(Attempt {
            number,
            began: now,
            url,
            step: Step::Resolve,
            conn: None,
            session: None,
            session_due: None,
            writer: None,
            renewal: None,
            ours: None,
            cursor,
            mark: process.stream.mark(),
            tail: VecDeque::new(),
            blocked: false,
            room_posted: false,
            greeted: false,
            asked: false,
            accepted: None,
            closing: false,
            farewell: LinkEnd::new(Fault::None, "stopped"),
            unwanted: false,
            dropped: false,
            frames: 0,
            skipped: 0,
            greeting: 0,
            handed: 0,
            written: 0,
            sample: Sample::default(),
        });
        self.mix(0x200_0000 | seat as u64);
        self.post(now, Event::Step(seat, number));
        let look = self.setup.look;
        let since = self.since(now).as_millis() as u64;
        let step = look.as_millis() as u64;
        let next = now + Duration::from_millis(step - since % step);
        self.post(next, Event::Look(seat, number));
    }

    /// Writes what there is to write: the session's bytes, then media as long as they are taken.
    pub(super) fn pump(&mut self, seat: usize) {
        self.talk(seat);
        self.flush(seat);
        let now = self.now;
        let Some(process) = &self.process else { return };
        let stream = process.stream.clone();
        let (mut items, mut bytes) = (Vec::new(), Vec::new());
        loop {
            let Some(attempt) = &mut self.seats[seat].attempt else { return };
            let Some(writer) = attempt.writer.as_mut().filter(|_| !attempt.blocked) else { break };
            items.clear();
            stream.read(&mut attempt.cursor, now, MAX_ITEMS, &mut items);
            attempt.mark.set(Some(attempt.cursor.wants()));
            if items.is_empty() {
                break;
            }
            for item in &items {
                attempt.frames += writer.write(item, &mut bytes).frames;
                if let Item::Skipped { frames, .. } = item {
                    attempt.skipped += frames;
                }
            }
            attempt.tail.extend(bytes.drain(..).filter(|piece| !piece.is_empty()));
            self.watch_tail(seat);
            self.flush(seat);
        }
        let Some(attempt) = &mut self.seats[seat].attempt else { return };
        let renews = attempt.renewal.as_ref().is_some_and(parts::Renewal::is_ordered);
        if renews && !attempt.closing {
            let words = "the encoder's settings changed";
            attempt.farewell = LinkEnd::new(Fault::Renewed, words);
            return self.say_goodbye(seat, false);
        }
        attempt.sample.lag = match attempt.blocked && attempt.writer.is_some() {
            true => stream.shed(&mut attempt.cursor, now).0,
            false => Duration::ZERO,
        };
    }

    /// Hears what the session wants.
    fn talk(&mut self, seat: usize) {
        loop {
            let Some(attempt) = &mut self.seats[seat].attempt else { return };
            let Some(session) = &mut attempt.session else { return };
            match session.poll_output() {
                Output::Transmit(piece) => attempt.tail.push_back(piece),
                Output::Event(event) => self.session_event(seat, &event),
                Output::Idle { until } => {
                    let number = attempt.number;
                    if attempt.session_due != until {
                        attempt.session_due = until;
                        if let Some(at) = until {
                            self.post(at, Event::Session(seat, number));
                        }
                    }
                    return;
                }
            }
        }
    }

    fn session_event(&mut self, seat: usize, event: &ClientEvent) {
        let Some(attempt) = &mut self.seats[seat].attempt else { return };
        if attempt.closing {
            return;
        }
        let ours = attempt.ours.as_ref();
        let end = ours.and_then(|ours| parts::verdict(event, ours, attempt.accepted.is_some()));
        if let Some(end) = end {
            return self.end(seat, Some(end), false);
        }
        match event {
            ClientEvent::Stage(Greeting::HandshakeDone) => attempt.greeted = true,
            ClientEvent::Stage(Greeting::Connected) => {
                attempt.asked = true;
                self.give(seat, Told::Stage(Stage::Publishing));
            }
            ClientEvent::Publishing => self.begin_media(seat),
            _ => {}
        }
    }

    /// The far end takes the Stream: from now on media is written, from the current Gop on.
    fn begin_media(&mut self, seat: usize) {
        let now = self.now;
        let Some(process) = &self.process else { return };
        let slot = &mut self.seats[seat];
        let Some(attempt) = &mut slot.attempt else { return };
        attempt.cursor = process.stream.join(Start::CurrentGop, slot.place.bounds, now);
        attempt.accepted = Some(now);
        attempt.greeting = attempt.handed;
        let media = attempt.session.as_ref().and_then(ClientSession::media_writer);
        let change = slot.place.config_change;
        let (writer, renewal) = media.map(|media| parts::delivery_writer(media, change)).unzip();
        (attempt.writer, attempt.renewal) = (writer, renewal);
        self.give(seat, Told::Stage(Stage::Accepted));
    }

    pub(super) fn session_due(&mut self, seat: usize, number: u32) {
        let now = self.now;
        let Some(attempt) = self.attempt(seat, number) else { return };
        if attempt.session_due.is_none_or(|at| at > now) {
            return;
        }
        attempt.session_due = None;
        self.tell_session(seat, Input::Deadline);
        self.pump(seat);
    }

    /// Hands an input to the session of the attempt under way.
    pub(super) fn tell_session(&mut self, seat: usize, input: Input<'_>) {
        let now = self.now;
        let Some(attempt) = &mut self.seats[seat].attempt else { return };
        let Some(session) = &mut attempt.session else { return };
        let told = session.handle_input(now, input);
        if let Err(error) = told
            && !attempt.closing
        {
            let end = parts::broken(&error, attempt.greeted);
            self.end(seat, Some(end), false);
        }
    }

    /// Hands the connection what it takes.
    fn flush(&mut self, seat: usize) {
        let now = self.now;
        let Some(attempt) = &mut self.seats[seat].attempt else { return };
        let Some(conn) = attempt.conn else { return };
        let pipe = &mut self.conns[conn].up;
        attempt.blocked = false;
        while let Some(front) = attempt.tail.front_mut() {
            let taken = pipe.write(now, front);
            attempt.handed += taken as u64;
            if attempt.writer.is_some() {
                attempt.written += taken as u64;
            }
            if !front.is_empty() {
                attempt.blocked = true;
                break;
            }
            attempt.tail.pop_front();
        }
        if attempt.closing && attempt.tail.is_empty() {
            pipe.close();
        }
        let wait = pipe.next_ack().filter(|_| attempt.blocked && !attempt.room_posted);
        attempt.room_posted |= wait.is_some();
        if let Some(at) = wait {
            self.post(at, Event::Room(conn));
        }
        self.launch_up(conn);
    }

    pub(super) fn room(&mut self, conn: usize) {
        let (seat, number) = self.conns[conn].owner;
        let Some(attempt) = self.attempt(seat, number) else { return };
        attempt.room_posted = false;
        self.pump(seat);
    }

    /// Sends what may be sent on a connection.
    pub(super) fn launch_up(&mut self, conn: usize) {
        let Conn { far, up, dead, .. } = &mut self.conns[conn];
        if *dead {
            return;
        }
        let arrival = up.launch(self.now, &self.fars[*far].path, &mut self.net_rng);
        if let Some(at) = arrival {
            self.post(at, Event::Up(conn));
        }
    }

    /// Notes the state of the connection and tells the machine, as link and supervisor do.
    pub(super) fn look(&mut self, seat: usize, number: u32) {
        let (now, look) = (self.now, self.setup.look);
        let hangs = self.fars[seat].link_hangs;
        if self.attempt(seat, number).is_none() {
            return;
        }
        self.pump(seat);
        if self.attempt(seat, number).is_none() {
            return;
        }
        if !hangs {
            self.report(seat);
        }
        self.look_at_stream(seat);
        let Some(sample) = self.attempt(seat, number).map(|attempt| attempt.sample) else { return };
        self.post(now + look, Event::Look(seat, number));
        self.give(seat, Told::Progress(sample));
    }

    fn report(&mut self, seat: usize) {
        let now = self.now;
        let Some(attempt) = &mut self.seats[seat].attempt else { return };
        let Some(conn) = attempt.conn.filter(|_| attempt.accepted.is_some()) else { return };
        let pipe = &mut self.conns[conn].up;
        let unacked = pipe.unacked(now) + attempt.waiting();
        let acked = pipe.acked();
        let lag = attempt.sample.lag;
        attempt.sample = Sample {
            written: attempt.written,
            acked,
            unacked: unacked as u64,
            lag,
            unfed: false,
            reports: attempt.sample.reports + 1,
        };
    }

    /// Ends in order: what was begun, then the goodbye if the broadcast is over, then waits for the
    /// far end to close, not long.
    pub(super) fn say_goodbye(&mut self, seat: usize, over: bool) {
        let now = self.now;
        let Some(attempt) = &mut self.seats[seat].attempt else { return };
        let number = attempt.number;
        if std::mem::replace(&mut attempt.closing, true) {
            return;
        }
        attempt.writer = None;
        match &mut attempt.session {
            Some(session) if over => session.close(),
            Some(_) => {}
            None => return self.post(now, Event::Goodbye(seat, number)),
        }
        self.post(now + FAREWELL, Event::Goodbye(seat, number));
        self.pump(seat);
    }

    pub(super) fn goodbye_over(&mut self, seat: usize, number: u32) {
        let closing = self.attempt(seat, number).filter(|attempt| attempt.closing);
        if let Some(end) = closing.map(|attempt| attempt.farewell.clone()) {
            self.end(seat, Some(end), false);
        }
    }

    pub(super) fn dropped(&mut self, seat: usize, number: u32) {
        if self.attempt(seat, number).is_some() {
            self.end(seat, Some(LinkEnd::new(Fault::None, "dropped")), true);
        }
    }

    /// The attempt is over: lets go of its connection, and tells.
    pub(super) fn end(&mut self, seat: usize, end: Option<LinkEnd>, abort: bool) {
        self.report(seat);
        let Some(attempt) = self.seats[seat].attempt.take() else { return };
        if let Some(conn) = attempt.conn {
            self.leave(conn, abort);
        }
        self.ended(seat, attempt.sample, end, &attempt);
    }
}
