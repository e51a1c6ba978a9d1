//! The far ends: platforms behind their paths, and what is wrong with them at a time.
//!
//! Belongs here: arrivals at both ends of a connection. Must not come here: what a platform makes of
//! them, see [`crate::platform`].

use super::net::Path;
use super::{Conn, Event, World};
use crate::fault::{Fault, Kind};
use crate::platform::{Action, Arrival, ConnectionId, Platform, Profile, Security};
use manycast_rtmp::session::Input;
use std::time::{Duration, Instant};

/// A platform that reads slowly reads so often.
const READ_EVERY: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dns {
    Good,
    None,
    Late(Duration),
    Private,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    Good,
    Bad,
    Hangs,
}

pub(crate) struct Far {
    pub(crate) platform: Platform,
    profile: Profile,
    pub(super) path: Path,
    pub(super) dns: Dns,
    pub(super) tls: Tls,
    pub(super) refuses: bool,
    mute: bool,
    /// Bytes per second that it reads; `None`: all that comes.
    pub(super) reads: Option<u64>,
    split: bool,
    pub(super) link_hangs: bool,
    panics: bool,
    hops: u32,
    /// Its connections, gone ones included.
    pub(super) conns: Vec<usize>,
    /// When bytes on their way were late or lost.
    pub(super) hurt: Vec<(Instant, Instant)>,
    /// Whether any trouble of its own ever struck it.
    pub(super) struck: bool,
}

impl Far {
    pub(super) fn new(platform: Platform, delay: Duration) -> Self {
        let profile = platform.profile().clone();
        let path = Path { delay, jitter: Duration::from_millis(5), rate: 2_000_000, up: true };
        Self {
            platform,
            profile,
            path,
            dns: Dns::Good,
            tls: Tls::Good,
            refuses: false,
            mute: false,
            reads: None,
            split: false,
            link_hangs: false,
            panics: false,
            hops: 0,
            conns: Vec::new(),
            hurt: Vec::new(),
            struck: false,
        }
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.is_secure() { "rtmps" } else { "rtmp" };
        format!("{scheme}://ingest.example/{}", self.profile.app)
    }

    pub(super) fn is_secure(&self) -> bool {
        self.profile.transport.tls
    }

    /// Whether the attempt that asks is to panic; once per trouble.
    pub(super) fn link_panics(&mut self) -> bool {
        std::mem::take(&mut self.panics)
    }

    /// Takes a connection; `None`: it will say nothing.
    pub(super) fn accept(&mut self, now: Instant, healed: bool) -> Option<ConnectionId> {
        if self.mute {
            return None;
        }
        let mut profile = self.platform.profile().clone();
        profile.redirect = (self.hops > 0 && !healed).then(|| self.url());
        self.hops = self.hops.saturating_sub(1);
        self.platform.set_profile(profile);
        let security = match self.is_secure() {
            true => Security::Tls { sni: Some("ingest.example".into()) },
            false => Security::Plain,
        };
        Some(self.platform.accept(now, security))
    }

    /// Is as ill as the trouble that is on says.
    pub(super) fn suffer<'a>(&mut self, on: impl Iterator<Item = &'a Fault>) {
        (self.dns, self.tls) = (Dns::Good, Tls::Good);
        (self.refuses, self.mute, self.split, self.link_hangs) = (false, false, false, false);
        self.reads = None;
        self.path.up = true;
        let mut profile = self.profile.clone();
        profile.redirect = self.platform.profile().redirect.clone();
        for fault in on {
            match fault.kind {
                Kind::DnsNone => self.dns = Dns::None,
                Kind::DnsLate(ms) => self.dns = Dns::Late(Duration::from_millis(ms)),
                Kind::DnsPrivate => self.dns = Dns::Private,
                Kind::Refuse => self.refuses = true,
                Kind::Blackhole => self.path.up = false,
                Kind::Stall => self.reads = Some(0),
                Kind::Slow(rate) => self.reads = Some(rate.min(self.reads.unwrap_or(rate))),
                Kind::Split => self.split = true,
                Kind::TlsBad => self.tls = Tls::Bad,
                Kind::TlsHangs => self.tls = Tls::Hangs,
                Kind::Mute => self.mute = true,
                Kind::LinkHangs => self.link_hangs = true,
                Kind::BadKey => profile.keys.clear(),
                Kind::Cuts(seconds) => profile.cut = Some(Duration::from_secs(seconds)),
                _ => {}
            }
        }
        self.platform.set_profile(profile);
    }

    /// Trouble that is over as soon as it is there.
    pub(super) fn strike(&mut self, kind: Kind) {
        match kind {
            Kind::Redirect(hops) => self.hops = hops,
            Kind::LinkPanics => self.panics = true,
            _ => {}
        }
    }

    pub(super) fn forget_trouble(&mut self) {
        (self.hops, self.panics) = (0, false);
    }
}

impl World {
    /// Bytes arrive at a far end.
    pub(super) fn up(&mut self, conn: usize) {
        let now = self.now;
        let far = self.conns[conn].far;
        if self.conns[conn].dead || !self.fars[far].path.up {
            return;
        }
        self.conns[conn].up.arrive(now, &self.fars[far].path);
        let (seat, number) = self.conns[conn].owner;
        let waits = self.attempt(seat, number).is_some_and(|a| a.blocked && !a.room_posted());
        if waits && let Some(at) = self.conns[conn].up.next_ack() {
            if let Some(attempt) = self.attempt(seat, number) {
                attempt.expect_room();
            }
            self.post(at, Event::Room(conn));
        }
        match self.fars[far].reads {
            None => self.feed(conn, usize::MAX),
            Some(_) => self.read_later(conn),
        }
    }

    fn read_later(&mut self, conn: usize) {
        if !std::mem::replace(&mut self.conns[conn].reading, true) {
            self.post(self.now + READ_EVERY, Event::FarReads(conn));
        }
    }

    /// A slow platform's turn to read.
    pub(super) fn far_reads(&mut self, conn: usize) {
        self.conns[conn].reading = false;
        let far = self.conns[conn].far;
        if self.conns[conn].dead {
            return;
        }
        match self.fars[far].reads {
            None => self.feed(conn, usize::MAX),
            Some(rate) => {
                self.feed(conn, usize::try_from(rate / 10).unwrap_or(0));
                if self.conns[conn].up.has_unread() && rate > 0 {
                    self.read_later(conn);
                }
            }
        }
    }

    /// Hands the platform at most so many bytes.
    fn feed(&mut self, conn: usize, most: usize) {
        let now = self.now;
        let Some(id) = self.conns[conn].id else { return self.swallow(conn) };
        let far = self.conns[conn].far;
        let mut left = most;
        while left > 0 && !self.conns[conn].far_left {
            let piece = match self.fars[far].split {
                true => usize::try_from(1 + self.net_rng.below(40)).unwrap_or(1).min(left),
                false => left,
            };
            let Some(bytes) = self.conns[conn].up.read(piece) else { break };
            left -= bytes.len();
            self.fars[far].platform.arrive(now, id, Arrival::Bytes(&bytes));
        }
        if self.conns[conn].up.is_ended(now) && !self.conns[conn].far_left {
            self.fars[far].platform.arrive(now, id, Arrival::Eof);
        }
        self.obey(conn);
        self.launch_up(conn);
        self.watch_session(conn);
    }

    /// A far end that says nothing reads all the same.
    fn swallow(&mut self, conn: usize) {
        while self.conns[conn].up.read(usize::MAX).is_some() {}
        if self.conns[conn].up.is_ended(self.now) {
            self.conns[conn].down.close();
            self.launch_down(conn);
        }
        self.launch_up(conn);
    }

    /// Does what the platform wants done with a connection, and comes back when it wants to be
    /// told the time. Another session may have lost its place, so all of them are asked.
    fn obey(&mut self, conn: usize) {
        let far = self.conns[conn].far;
        self.obey_one(conn);
        self.obey_others(far, Some(conn));
    }

    pub(super) fn obey_all(&mut self, far: usize) {
        self.obey_others(far, None);
    }

    fn obey_others(&mut self, far: usize, but: Option<usize>) {
        let open: Vec<usize> = self.fars[far].conns.clone();
        for other in open {
            if Some(other) != but && !self.conns[other].far_left {
                self.obey_one(other);
            }
        }
        let conns = &self.conns;
        self.fars[far].conns.retain(|conn| !conns[*conn].far_left);
    }

    fn obey_one(&mut self, conn: usize) {
        let now = self.now;
        let (far, Some(id)) = (self.conns[conn].far, self.conns[conn].id) else { return };
        while let Some(action) = self.fars[far].platform.next_action(id) {
            let Conn { down, far_left, .. } = &mut self.conns[conn];
            match action {
                Action::Send(mut piece) => {
                    down.write(now, &mut piece);
                }
                Action::Close => {
                    down.close();
                    *far_left = true;
                }
                Action::Reset => {
                    *far_left = true;
                    self.reset(conn);
                }
            }
        }
        self.launch_down(conn);
        if let Some(at) = self.fars[far].platform.deadline(id)
            && self.conns[conn].tick.is_none_or(|tick| at < tick)
        {
            self.conns[conn].tick = Some(at);
            self.post(at, Event::FarTick(conn));
        }
    }

    pub(super) fn far_tick(&mut self, conn: usize) {
        let now = self.now;
        if self.conns[conn].tick.is_none_or(|at| at > now) {
            return;
        }
        self.conns[conn].tick = None;
        let (far, Some(id)) = (self.conns[conn].far, self.conns[conn].id) else { return };
        self.fars[far].platform.tick(now, id);
        self.obey(conn);
    }

    fn launch_down(&mut self, conn: usize) {
        let Conn { far, down, dead, .. } = &mut self.conns[conn];
        if *dead {
            return;
        }
        let arrival = down.launch(self.now, &self.fars[*far].path, &mut self.net_rng);
        if let Some(at) = arrival {
            self.post(at, Event::Down(conn));
        }
    }

    /// The far end resets; the node hears of it if anything gets through.
    pub(super) fn reset(&mut self, conn: usize) {
        let path = &self.fars[self.conns[conn].far].path;
        if path.up && !self.conns[conn].dead {
            let at = self.now + path.delay;
            self.post(at, Event::Broken(conn));
        } else {
            self.conns[conn].dead = true;
        }
    }

    pub(super) fn broken_conn(&mut self, conn: usize) {
        let (seat, number) = self.conns[conn].owner;
        self.conns[conn].dead = true;
        let Some(attempt) = self.attempt(seat, number) else { return };
        let end = match attempt.is_closing() {
            true => attempt.end_at_close(),
            false => manycast_net_rtmp::parts::reset(),
        };
        self.end(seat, Some(end), false);
    }

    /// Bytes arrive at the node.
    pub(super) fn down(&mut self, conn: usize) {
        let now = self.now;
        let far = self.conns[conn].far;
        let (seat, number) = self.conns[conn].owner;
        if self.conns[conn].dead || !self.fars[far].path.up {
            return;
        }
        self.conns[conn].down.arrive(now, &self.fars[far].path);
        let split = self.fars[far].split;
        while self.attempt(seat, number).is_some() {
            let most = match split {
                true => usize::try_from(1 + self.net_rng.below(90)).unwrap_or(1),
                false => usize::MAX,
            };
            let Some(bytes) = self.conns[conn].down.read(most) else { break };
            self.tell_session(seat, Input::Bytes(&bytes));
            if self.attempt(seat, number).is_some() {
                self.pump(seat);
            }
        }
        if self.conns[conn].down.is_ended(now) {
            self.far_closed(conn);
        }
    }

    fn far_closed(&mut self, conn: usize) {
        let (seat, number) = self.conns[conn].owner;
        let Some(attempt) = self.attempt(seat, number) else { return };
        let end = attempt.end_at_close();
        self.end(seat, Some(end), false);
    }

    /// The node lets go of a connection.
    pub(super) fn leave(&mut self, conn: usize, abort: bool) {
        let now = self.now;
        self.conns[conn].left = true;
        if !abort {
            self.conns[conn].up.close();
            return self.launch_up(conn);
        }
        let far = self.conns[conn].far;
        if self.fars[far].path.up && !self.conns[conn].dead {
            let at = now + self.fars[far].path.delay;
            self.post(at, Event::FarNotices(conn));
        } else {
            let after = self.fate_rng.millis(3000, 20_000);
            self.post(now + after, Event::FarNotices(conn));
        }
        self.conns[conn].dead = true;
    }

    /// The far end finds out that a connection is gone.
    pub(super) fn far_notices(&mut self, conn: usize) {
        let now = self.now;
        let (far, Some(id)) = (self.conns[conn].far, self.conns[conn].id) else { return };
        if std::mem::replace(&mut self.conns[conn].far_left, true) {
            return;
        }
        self.conns[conn].dead = true;
        self.fars[far].platform.arrive(now, id, Arrival::Reset);
        self.obey(conn);
    }

    /// The path of a far end is up again.
    pub(super) fn path_is_up(&mut self, far: usize) {
        let now = self.now;
        for conn in self.fars[far].conns.clone() {
            if self.conns[conn].dead {
                continue;
            }
            let path = self.fars[far].path.clone();
            let (up, down) =
                (self.conns[conn].up.again(now, &path), self.conns[conn].down.again(now, &path));
            self.post(up, Event::Up(conn));
            self.post(down, Event::Down(conn));
        }
    }

    /// All bytes that wait at a platform that reads again.
    pub(super) fn reads_again(&mut self, far: usize) {
        for conn in self.fars[far].conns.clone() {
            self.read_later(conn);
        }
    }
}
