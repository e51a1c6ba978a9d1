//! What must hold, whatever the world does (numbers as in `docs/simulation.md`).
//!
//! Belongs here: invariants, each with the words of its breach. Must not come here: anything that
//! changes what happens.

use super::World;
use super::delivery::Attempt;
use crate::platform::{Run, Session};
use manycast_hub::{Fault, RunEnd};
use manycast_restream::machine::Input;
use manycast_restream::{State, Timings};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The ladder's steps are at least this much of 1, 2, 4 ... 30 s.
const LEAST: f64 = 0.8;
const REFUSAL: Duration = Duration::from_secs(300);
const RESTART: Duration = Duration::from_secs(10);
const LINGER: Duration = Duration::from_secs(120);
const PARTED: Duration = Duration::from_secs(30);
const SETTLED: Duration = Duration::from_secs(3);
const HOPS: u32 = 3;
/// What one batch of items may come to on top of what the session says.
const TAIL: usize = 64 * 1024;
/// How long a destination may take to have the newest frames.
const FRESH: u32 = 12;

/// A model of the waits that is told only what happened: no dial before `floor` (invariant 5).
#[derive(Clone, Debug)]
pub(super) struct Shadow {
    floor: Instant,
    why: &'static str,
    streak: u32,
    hops: u32,
    dialled: Option<Instant>,
    live: bool,
    lost: bool,
    /// Until when the far end may believe in a session of ours that is none, ...
    lingers: Instant,
    /// ... or in one of the process before, or in one that was told goodbye.
    parted: Instant,
    /// Whether a bad name was asked again for the sake of that.
    doubted: bool,
}

impl Shadow {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            floor: now,
            why: "",
            streak: 0,
            hops: 0,
            dialled: None,
            live: false,
            lost: false,
            lingers: now,
            parted: now + LINGER,
            doubted: false,
        }
    }

    /// A machine that knows nothing of before.
    pub(super) fn restart(&mut self, now: Instant) {
        *self = Self::new(now);
    }

    /// A person has seen to it.
    pub(super) fn people(&mut self, now: Instant) {
        (self.floor, self.streak, self.hops) = (now, 0, 0);
    }

    pub(super) fn stream(&mut self, input: &Input, timings: &Timings) {
        let window = match input {
            Input::StreamSilent if timings.reconnect_window.is_zero() => return,
            Input::StreamEnded(RunEnd::Lost) | Input::StreamSilent => timings.reconnect_window,
            Input::StreamEnded(RunEnd::Orderly) => timings.orderly_window,
            Input::StreamLive => {
                (self.live, self.lost) = (true, false);
                return;
            }
            _ => return,
        };
        match window.is_zero() {
            true if self.live || *input == Input::StreamEnded(RunEnd::Orderly) => self.off(),
            _ => self.lost |= std::mem::take(&mut self.live),
        }
    }

    /// A deadline of the machine: while the encoder is lost it may be the end of the window.
    pub(super) fn window_over(&mut self) {
        if self.lost {
            self.off();
        }
    }

    /// Who starts the Stream anew has a right to a dial before long.
    fn off(&mut self) {
        (self.live, self.lost) = (false, false);
        if let Some(dialled) = self.dialled {
            self.floor = self.floor.min(dialled + RESTART);
        }
    }

    /// Notes a dial; why it comes too early, if it does.
    pub(super) fn dial(&mut self, now: Instant, redirected: bool) -> Option<&'static str> {
        let early = (now < self.floor).then_some(self.why);
        self.dialled = Some(now);
        if !redirected {
            self.hops = 0;
        }
        early
    }

    /// An attempt ended.
    pub(super) fn ended(&mut self, now: Instant, fault: Fault, held: bool, last: &Attempt) {
        let accepted = last.accepted.map(|at| now.saturating_duration_since(at));
        let settled = accepted.is_some_and(|time| time >= SETTLED);
        if settled {
            self.streak = 0;
        }
        let told = matches!(fault, Fault::Rejected | Fault::BadName | Fault::Occupied);
        let lingers = now < self.lingers;
        if last.unwanted && last.is_closing() {
            self.parted = self.parted.max(now + PARTED);
            self.doubted = false;
        }
        if last.unwanted && last.is_closing() && !last.dropped {
            return;
        }
        if last.asked && !told {
            self.lingers = now + LINGER;
        }
        let forgiven = held && accepted.is_some() && !last.unwanted;
        if forgiven || (last.is_closing() && last.unwanted) {
            return;
        }
        match fault {
            Fault::Redirected if self.hops < HOPS => self.hops += 1,
            Fault::Renewed if settled => {}
            Fault::Rejected | Fault::Configuration | Fault::Redirected => {
                self.wait(now, REFUSAL, "refused")
            }
            Fault::BadName if !lingers && now < self.parted && !self.doubted => {
                self.doubted = true;
                self.wait(now, RESTART, "a bad name that may be our own");
            }
            Fault::BadName if !lingers => self.wait(now, REFUSAL, "a bad name"),
            Fault::Occupied if !lingers && now >= self.parted => self.wait(now, REFUSAL, "in use"),
            _ => {
                let step = f64::from(1_u32 << self.streak.min(5)).min(30.0);
                self.streak += 1;
                self.wait(now, Duration::from_secs_f64(step * LEAST), "the ladder");
            }
        }
    }

    fn wait(&mut self, now: Instant, time: Duration, why: &'static str) {
        self.floor = now + time;
        self.why = why;
    }
}

impl World {
    /// After each input of a machine.
    pub(super) fn watch_seat(&mut self, seat: usize) {
        let state = self.state(seat);
        let Some(attempt) = &self.seats[seat].attempt else {
            let busy = [State::Resolving, State::Connecting, State::Securing, State::Handshake];
            let idle = !busy.contains(&state) && state != State::Live && state != State::Publishing;
            // An attempt that was just ended is told of in this very moment.
            return self.check(idle || self.is_telling(seat), || {
                format!("destination {seat}: {state} without an attempt")
            });
        };
        let proven = attempt.accepted.is_some() && attempt.has_acknowledged_media();
        let unwanted = attempt.unwanted;
        let left = matches!(state, State::Idle | State::Stopped | State::Backoff | State::Rejected);
        self.check(state != State::Live || proven, || {
            format!("destination {seat}: live without acknowledged media")
        });
        self.check(!left || unwanted, || format!("destination {seat}: an attempt left behind"));
    }

    fn is_telling(&self, seat: usize) -> bool {
        self.telling == Some(seat)
    }

    /// A process that is stopped leaves nobody behind whose path is well (G3).
    pub(super) fn watch_goodbyes(&mut self) {
        for seat in 0..self.seats.len() {
            let ill = self.fars[seat].struck || self.seats[seat].attempt.is_none();
            self.check(ill, || format!("destination {seat}: no goodbye when the process stopped"));
        }
    }

    /// A backup is called while its primary is in trouble (D11).
    pub(super) fn watch_failover(&mut self, primary: usize, called: bool) {
        let state = self.state(primary);
        let trouble =
            matches!(state, State::Backoff | State::Stalled | State::Rejected | State::Unfed);
        self.check(called || !trouble, || format!("{state}, and its backup is not called"));
        let home = matches!(state, State::Idle | State::Stopped);
        self.check(!called || !home, || format!("{state}, and its backup is called"));
    }

    /// An end in a hold is no failure, and changes nothing that is shown (C5).
    pub(super) fn watch_held(&mut self, seat: usize, before: u64) {
        let (state, failures) = (self.state(seat), self.seats[seat].failures());
        self.check(state == State::Held && failures == before, || {
            format!("destination {seat}: {state} after its session ended while it was held")
        });
    }

    /// Memory of what waits for a connection (invariant 3).
    pub(super) fn watch_tail(&mut self, seat: usize) {
        let bytes = self.seats[seat].attempt.as_ref().map_or(0, Attempt::waiting);
        self.check(bytes <= TAIL, || format!("destination {seat}: {bytes} bytes wait"));
    }

    /// Memory of the Window (invariant 3).
    pub(super) fn watch_window(&mut self) {
        let Some(process) = &self.process else { return };
        let bytes = process.stream.stats(self.now).window_bytes;
        let most = self.setup.limits.bytes as u64;
        self.check(bytes <= most, || format!("the Window holds {bytes} bytes, {most} are allowed"));
    }

    /// Time, order and wholeness of what a platform got just now (invariants 1 and 2).
    pub(super) fn watch_session(&mut self, conn: usize) {
        let (far, Some(id)) = (self.conns[conn].far, self.conns[conn].id) else { return };
        let intake = &self.fars[far].platform.session(id).intake;
        let (backward, altered) = (intake.backward, intake.frames.altered);
        let unprepared = intake.unprepared;
        self.check(backward == 0, || format!("destination {far}: time stamps went back"));
        self.check(altered == 0, || format!("destination {far}: a frame was altered"));
        self.check(unprepared == 0, || format!("destination {far}: a frame before its header"));
    }

    /// All wanted destinations are on air (invariant 10), and from now on nothing may change.
    pub(super) fn judge(&mut self) {
        for seat in 0..self.seats.len() {
            let (state, wanted) = (self.state(seat), self.is_wanted(seat));
            let dials = self.seats[seat].attempts;
            self.seats[seat].dials_at_judgement = Some(dials);
            self.check(!wanted || state == State::Live, || {
                let at = super::trouble::HEALED_WITHIN.as_secs();
                format!("destination {seat}: {state} {at} s after all trouble ended")
            });
        }
    }

    /// What must hold of everything that came, at the end.
    pub(super) fn closing(&mut self) {
        if self.broken.is_some() {
            return;
        }
        for seat in 0..self.seats.len() {
            let (state, wanted) = (self.state(seat), self.is_wanted(seat));
            self.check(!wanted || state == State::Live, || format!("destination {seat}: {state}"));
            let before = self.seats[seat].dials_at_judgement;
            let dials = self.seats[seat].attempts;
            self.check(before.is_none_or(|before| before == dials), || {
                format!("destination {seat}: dialled again though all was well")
            });
            self.judge_sessions(seat);
            if wanted {
                self.judge_newest(seat);
            }
        }
    }

    fn judge_sessions(&mut self, far: usize) {
        let mut faults = Vec::new();
        let hurt = &self.fars[far].hurt;
        for (n, session) in self.fars[far].platform.sessions().enumerate() {
            let Some(began) = session.accepted else { continue };
            let over = session.ended.map_or(self.now, |(at, _)| at);
            let ill = hurt.iter().any(|(from, to)| *from <= over && began <= *to);
            let mut complaints = session.complaints();
            complaints.extend(gaps(session, &self.key_frames).filter(|_| !ill));
            if !complaints.is_empty() {
                faults.push(format!("session {n}: {}", complaints.join(", ")));
            }
        }
        self.check(faults.is_empty(), || format!("destination {far}: {}", faults.join("; ")));
        self.judge_control(far);
    }

    /// A destination that no trouble struck, its own or common, has had one session (D1, D12).
    fn judge_control(&mut self, far: usize) {
        let common = self.setup.faults.iter().any(|fault| fault.kind.is_common());
        let leg = self.setup.places[far].backup_of.is_some();
        if common || leg || self.fars[far].struck {
            return;
        }
        let sessions = self.fars[far].platform.sessions().len();
        self.check(sessions == 1, || {
            format!("destination {far}: {sessions} sessions though nothing was wrong with it")
        });
    }

    /// What is on air has the newest frames.
    fn judge_newest(&mut self, far: usize) {
        let Some((source, number)) = self.encoders[0].newest() else { return };
        let newest = self.fars[far].platform.sessions().next_back();
        let last = newest.and_then(|session| session.intake.frames.runs.last().copied());
        let fresh = last.is_some_and(|run| run.source == source && run.last + FRESH >= number);
        self.check(fresh, || {
            format!("destination {far}: the newest frame is {number} of {source}, it has {last:?}")
        });
    }
}

/// What is missing of a session whose path was well all the time (invariant 1).
fn gaps(session: &Session, begins: &BTreeMap<u32, u32>) -> impl Iterator<Item = String> {
    let frames = &session.intake.frames;
    let missing = frames.missing();
    let first = frames.runs.first().map(|run| run.source);
    let begin = |run: &&Run| begins.get(&run.source) == Some(&run.first);
    let mut firsts: Vec<&Run> = frames.runs.iter().filter(|r| Some(r.source) != first).collect();
    firsts.dedup_by_key(|run| run.source);
    let late = firsts.into_iter().find(|run| !begin(run)).copied();
    let missing = (missing > 0).then(|| format!("{missing} frames are missing"));
    let late = late.map(|run| format!("source {} begins at {}", run.source, run.first));
    missing.into_iter().chain(late)
}
