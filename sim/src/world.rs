//! The world in virtual time: one thread, one heap of what is going to happen.
//!
//! ```text
//! encoders --frames--> Ingest, hub Stream          real: net-rtmp's ingest, hub
//!                        | Source, cursor           real: restream's Source, hub
//! people ----> seats: Machine, Failover             real: restream's machine and failover
//!                attempts: ClientSession, writer    real: rtmp's session, net-rtmp's egress
//!                   net: buffers, delays, faults    model
//!                        Platform                   model around rtmp's ServerSession
//! ```
//!
//! Belongs here: the heap, the clock, who is told of what. Must not come here: what each part does,
//! see the files below.

mod delivery;
mod encoder;
mod far;
mod net;
mod seat;
mod steps;
mod trouble;
mod watch;

use crate::fault::Fault;
use crate::frame;
use crate::platform::{ConnectionId, Platform, Profile};
use crate::rng::Rng;
use encoder::Encoder;
use far::Far;
use manycast_hub::{Bounds, ConfigChange, Hub, Liveness, Stream, Takeover, WindowLimits};
use manycast_media::StreamName;
use manycast_restream::{BackupMode, State, Timings};
use net::Pipe;
use seat::Seat;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many events at one moment, and somebody turns in circles.
const STORM: u32 = 10_000;

/// One destination, or one leg of a pair.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) profile: Profile,
    pub(crate) timings: Timings,
    pub(crate) bounds: Bounds,
    pub(crate) config_change: ConfigChange,
    /// The destination whose backup this is, and when it is wanted.
    pub(crate) backup_of: Option<(usize, BackupMode)>,
}

/// What a run is made of.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) places: Vec<Place>,
    pub(crate) encoder: Shape,
    pub(crate) takeover: Takeover,
    pub(crate) limits: WindowLimits,
    /// How often attempts report and are looked at.
    pub(crate) look: Duration,
    /// Each direction, without jitter.
    pub(crate) delay: Duration,
    pub(crate) faults: Vec<Fault>,
    /// When all trouble ends.
    pub(crate) heals: Duration,
    pub(crate) ends: Duration,
    /// Whether everything that happens is written down.
    pub(crate) talks: bool,
}

/// What the encoder sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Between two pictures; each comes with a piece of sound.
    pub(crate) interval: Duration,
    /// Pictures from one key frame to the next.
    pub(crate) gop: u32,
    /// Bytes of a picture.
    pub(crate) size: usize,
    /// Its clock at the first frame, in ms.
    pub(crate) clock: u32,
    /// Comes back the moment it can, not when its next try is due.
    pub(crate) prompt: bool,
    /// Begins some of its publishes in the midst of a Gop.
    pub(crate) midway: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Encoder(usize, u32),
    Commit,
    Ghost(usize),
    /// Bytes arrive at the far end, or at the node.
    Up(usize),
    Down(usize),
    /// The writer of a connection may go on.
    Room(usize),
    Broken(usize),
    FarReads(usize),
    FarTick(usize),
    FarNotices(usize),
    Step(usize, u32),
    Session(usize, u32),
    Goodbye(usize, u32),
    Dropped(usize, u32),
    Look(usize, u32),
    Machine(usize),
    Steer(usize),
    Begins(usize),
    Ends(usize),
    Kill(u32, Duration),
    Boot,
    Heal,
    Visit(u32),
    Judge,
}

/// One connection.
#[derive(Debug)]
struct Conn {
    far: usize,
    /// `None`: the far end says nothing.
    id: Option<ConnectionId>,
    owner: (usize, u32),
    up: Pipe,
    down: Pipe,
    /// Nothing arrives any more, and nobody is told.
    dead: bool,
    /// The node, or the far end, has let go of it.
    left: bool,
    far_left: bool,
    tick: Option<Instant>,
    reading: bool,
}

/// The process under test.
struct Process {
    hub: Arc<Hub>,
    stream: Arc<Stream>,
    liveness: Liveness,
    /// Saying goodbye to everybody.
    leaves: bool,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// What did not hold, and when.
    pub(crate) broken: Option<String>,
    pub(crate) trace: u64,
    pub(crate) dials: u32,
    pub(crate) events: u64,
    /// How attempts ended.
    pub(crate) ends: BTreeMap<&'static str, u64>,
    pub(crate) log: Vec<String>,
}

pub(crate) struct World {
    setup: Setup,
    pub(crate) origin: Instant,
    pub(crate) now: Instant,
    heap: BinaryHeap<Reverse<(Instant, u64, Slot)>>,
    sequence: u64,
    process: Option<Process>,
    incarnation: u32,
    pub(crate) seats: Vec<Seat>,
    pub(crate) fars: Vec<Far>,
    conns: Vec<Conn>,
    encoders: Vec<Encoder>,
    ghosts: Vec<Option<encoder::Ghost>>,
    sources: u32,
    /// The source whose publish was granted last.
    owner: Option<u32>,
    active: Vec<usize>,
    healed: bool,
    /// The seat whose machine is just being told of the end of its attempt.
    telling: Option<usize>,
    net_rng: Rng,
    fate_rng: Rng,
    trace: u64,
    events: u64,
    /// Events of this very moment.
    storm: u32,
    ends: BTreeMap<&'static str, u64>,
    /// The first key frame of each source.
    pub(crate) key_frames: BTreeMap<u32, u32>,
    pub(crate) broken: Option<String>,
    log: Vec<String>,
}

/// An event on the heap; its order never matters, since the sequence before it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot(Event);

impl PartialOrd for Slot {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Slot {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        let origin = Instant::now();
        let rng = Rng::new(setup.seed);
        let mut fars = Vec::new();
        for (n, place) in setup.places.iter().enumerate() {
            let platform = Platform::new(place.profile.clone(), frame::read);
            let mut rng = rng.split(100 + n as u64);
            let delay = setup.delay + rng.millis(0, 20);
            fars.push(Far::new(platform, delay));
        }
        let seats = setup.places.iter().map(|place| Seat::new(origin, place)).collect();
        let encoders = vec![Encoder::new(&setup.encoder), Encoder::rival(&setup.encoder)];
        Self {
            origin,
            now: origin,
            heap: BinaryHeap::new(),
            sequence: 0,
            process: None,
            incarnation: 0,
            seats,
            fars,
            conns: Vec::new(),
            encoders,
            ghosts: Vec::new(),
            sources: 0,
            owner: None,
            active: Vec::new(),
            healed: false,
            telling: None,
            net_rng: rng.split(1),
            fate_rng: rng.split(2),
            trace: 0xcbf2_9ce4_8422_2325,
            events: 0,
            storm: 0,
            key_frames: BTreeMap::new(),
            ends: BTreeMap::new(),
            broken: None,
            log: Vec::new(),
            setup,
        }
    }

    /// Runs to the end, or to the first thing that does not hold.
    pub(crate) fn run(&mut self) -> Outcome {
        self.begin();
        let end = self.origin + self.setup.ends;
        self.run_until(end);
        self.closing();
        Outcome {
            broken: self.broken.clone(),
            trace: self.trace,
            dials: self.seats.iter().map(Seat::dials).sum(),
            events: self.events,
            ends: std::mem::take(&mut self.ends),
            log: std::mem::take(&mut self.log),
        }
    }

    /// Starts the process, the encoder, and the trouble.
    pub(crate) fn begin(&mut self) {
        self.boot();
        self.post(self.now, Event::Encoder(0, 0));
        for (n, fault) in self.setup.faults.clone().into_iter().enumerate() {
            self.post(self.origin + fault.at, Event::Begins(n));
        }
        self.post(self.origin + self.setup.heals, Event::Heal);
    }

    /// Goes on to that time, unless something does not hold before.
    pub(crate) fn run_until(&mut self, end: Instant) {
        while self.broken.is_none() {
            let Some(Reverse((at, _, _))) = self.heap.peek() else { break };
            if *at > end {
                break;
            }
            let Some(Reverse((at, _, Slot(event)))) = self.heap.pop() else { break };
            self.storm = if at > self.now { 0 } else { self.storm + 1 };
            self.check(self.storm < STORM, || format!("time stands still at {event:?}"));
            self.now = self.now.max(at);
            self.events += 1;
            self.happen(event);
        }
        if self.broken.is_none() {
            self.now = end;
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Encoder(n, turn) => self.encoder(n, turn),
            Event::Commit => self.commit(),
            Event::Ghost(n) => self.ghost(n),
            Event::Up(conn) => self.up(conn),
            Event::Down(conn) => self.down(conn),
            Event::Room(conn) => self.room(conn),
            Event::Broken(conn) => self.broken_conn(conn),
            Event::FarReads(conn) => self.far_reads(conn),
            Event::FarTick(conn) => self.far_tick(conn),
            Event::FarNotices(conn) => self.far_notices(conn),
            Event::Step(seat, attempt) => self.step(seat, attempt),
            Event::Session(seat, attempt) => self.session_due(seat, attempt),
            Event::Goodbye(seat, attempt) => self.goodbye_over(seat, attempt),
            Event::Dropped(seat, attempt) => self.dropped(seat, attempt),
            Event::Look(seat, attempt) => self.look(seat, attempt),
            Event::Machine(seat) => self.machine_due(seat),
            Event::Steer(seat) => self.steer(seat),
            Event::Begins(fault) => self.fault_begins(fault),
            Event::Ends(fault) => self.fault_ends(fault),
            Event::Kill(incarnation, time) => self.kill(incarnation, time),
            Event::Boot => self.reboot(),
            Event::Heal => self.heal(),
            Event::Visit(left) => self.visit(left),
            Event::Judge => self.judge(),
        }
    }

    fn post(&mut self, at: Instant, event: Event) {
        self.sequence += 1;
        self.heap.push(Reverse((at.max(self.now), self.sequence, Slot(event))));
    }

    /// A new process, which knows nothing.
    fn boot(&mut self) {
        let hub = Hub::new();
        let name = StreamName::new("main").unwrap_or_else(|_| unreachable!("a valid name"));
        let stream = hub.open(&name, self.setup.limits);
        self.incarnation += 1;
        self.process = Some(Process { hub, stream, liveness: Liveness::default(), leaves: false });
        for seat in 0..self.seats.len() {
            self.hire(seat, seat);
        }
    }

    /// Whether what the Stream is doing changed; then all seats look.
    fn follow_stream(&mut self) {
        let Some(process) = &mut self.process else { return };
        let new = *process.stream.liveness().borrow();
        if std::mem::replace(&mut process.liveness, new) != new {
            self.note("stream", format_args!("{:?}", new.on_air));
            for seat in 0..self.seats.len() {
                self.look_at_stream(seat);
            }
        }
    }

    // === what is written down

    fn since(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.origin)
    }

    /// Mixes what happened into the trace.
    fn mix(&mut self, what: u64) {
        let at = self.since(self.now).as_nanos() as u64;
        for word in [at, what] {
            self.trace = (self.trace ^ word).wrapping_mul(0x0000_0100_0000_01b3);
            self.trace ^= self.trace >> 29;
        }
    }

    fn note(&mut self, who: &str, what: std::fmt::Arguments<'_>) {
        if self.setup.talks {
            let at = self.since(self.now).as_secs_f64();
            self.log.push(format!("{at:>9.3}  {who:<10} {what}"));
        }
    }

    /// Writes down what does not hold; the first of it ends the run.
    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            let at = self.since(self.now).as_secs_f64();
            self.broken = Some(format!("at {at:.3} s: {}", what()));
        }
    }

    pub(crate) fn state(&self, seat: usize) -> State {
        self.seats[seat].state()
    }
}
