//! The one task that watches: what comes in, what goes out, who tried, and time.
//!
//! It never waits for the disk and holds no lock while it waits for anything. Belongs here: where the
//! news come from. What they mean is in `live`.

use crate::control::{Control, now, wall};
use crate::events::{Desk, DestinationFacts, EncoderFacts, Happening, KeyFacts, Refusals};
use crate::history::Figures;
use crate::live::{Heard, LegNews, Outcome};
use crate::view::coached;
use manycast_auth::{Attempt, AttemptOutcome, GateObserver};
use manycast_hub::{OnAir, Stream};
use manycast_media::StreamName;
use manycast_restream::{
    DestinationEvent, DestinationId, DestinationStatus, Leg, LegStatus, State,
};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// An encoder that has sent nothing for so long is away; as the restream service sees it.
const QUIET: Duration = Duration::from_secs(3);
/// How often figures are taken.
const SAMPLE: Duration = Duration::from_secs(1);
/// The coach looks at a Stream every so many samples.
const COACH: u32 = 5;
/// Attempts to publish that may wait to be looked at.
const ATTEMPTS: usize = 256;
/// What is forgotten is so once per this many samples.
const PRUNE: u32 = 60;

/// Hands on who was let in, and counts who was not, without ever waiting.
struct Doorman {
    admitted: mpsc::Sender<Attempt>,
    refusals: Mutex<Refusals>,
    desk: Arc<Desk>,
}

impl GateObserver for Doorman {
    fn attempted(&self, attempt: &Attempt) {
        if let AttemptOutcome::Admitted { new_address } = attempt.outcome {
            if new_address {
                // when many come at once, some are not told
                let _ = self.admitted.try_send(attempt.clone());
            }
            return;
        }
        let told = self.refusals.lock().note(now(), attempt);
        if !self.admitted.is_closed() {
            self.desk.happened(told.into_iter().collect());
        }
    }
}

/// The task's state.
pub(crate) struct Watch {
    control: Arc<Control>,
    legs: broadcast::Receiver<DestinationEvent>,
    attempts: mpsc::Receiver<Attempt>,
    doorman: Arc<Doorman>,
    arrivals: watch::Receiver<u64>,
    /// One waiter per Stream of the hub, which ends with the name when its life changed.
    waiters: JoinSet<StreamName>,
    waited: HashMap<StreamName, Arc<Stream>>,
    samples: u32,
    /// Whether somebody published a minute ago or less.
    fed: bool,
}

enum News {
    Leg(DestinationEvent),
    Missed,
    Attempt(Attempt),
    Arrivals,
    Stream(StreamName),
    Second,
    End,
}

impl Watch {
    pub(crate) fn new(control: Arc<Control>) -> Self {
        let (admitted, attempts) = mpsc::channel(ATTEMPTS);
        let (refusals, desk) = (Mutex::new(Refusals::new(now())), control.desk.clone());
        let doorman = Arc::new(Doorman { admitted, refusals, desk });
        control.gate.observe(doorman.clone());
        Self {
            legs: control.restream.events(),
            arrivals: control.hub.changes(),
            attempts,
            doorman,
            waiters: JoinSet::new(),
            waited: HashMap::new(),
            samples: 0,
            fed: false,
            control,
        }
    }

    pub(crate) async fn run(mut self, mut ending: watch::Receiver<bool>) {
        let mut seconds = tokio::time::interval(SAMPLE);
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.arrive();
        loop {
            let news = tokio::select! {
                _ = ending.wait_for(|end| *end) => News::End,
                event = self.legs.recv() => match event {
                    Ok(event) => News::Leg(event),
                    Err(RecvError::Lagged(_)) => News::Missed,
                    Err(RecvError::Closed) => News::End,
                },
                Some(attempt) = self.attempts.recv() => News::Attempt(attempt),
                Ok(()) = self.arrivals.changed() => News::Arrivals,
                Some(name) = self.waiters.join_next() => match name {
                    Ok(name) => News::Stream(name),
                    Err(_) => continue, // aborted with its Stream
                },
                _ = seconds.tick() => News::Second,
            };
            match news {
                News::Leg(event) => self.leg(&event),
                News::Missed => self.look_at_legs(),
                News::Attempt(attempt) => self.attempt(attempt),
                News::Arrivals => self.arrive(),
                News::Stream(name) => self.stream_changed(name),
                News::Second => self.second(),
                News::End => return,
            }
        }
    }

    // === Streams

    /// Streams came to the hub, or went.
    fn arrive(&mut self) {
        let streams = self.control.hub.streams();
        self.waited.retain(|_, stream| !stream.is_closed());
        for stream in streams {
            if !self.waited.contains_key(stream.name()) {
                self.waited.insert(stream.name().clone(), stream.clone());
                self.wait_for(&stream);
                self.hear(&stream);
            }
        }
    }

    fn wait_for(&mut self, stream: &Arc<Stream>) {
        let (mut liveness, name) = (stream.liveness(), stream.name().clone());
        self.waiters.spawn(async move {
            let seen = *liveness.borrow_and_update();
            let _ = liveness.wait_for(|now| *now != seen).await;
            name
        });
    }

    fn stream_changed(&mut self, name: StreamName) {
        let Some(stream) = self.waited.get(&name).cloned() else { return };
        self.hear(&stream);
        if stream.is_closed() {
            self.waited.remove(&name);
            return self.arrive(); // one of the same name may be there by now
        }
        self.wait_for(&stream);
    }

    fn hear(&self, stream: &Stream) {
        let now = now();
        let liveness = *stream.liveness().borrow();
        let live = matches!(liveness.on_air, OnAir::Live { .. });
        let silent = live && stream.silence(now).is_some_and(|silence| silence >= QUIET);
        let name = stream.name();
        let mut known = self.control.live.lock();
        let one = match stream.is_closed() {
            true => known.get_mut(name),
            false => Some(known.open(name, now)),
        };
        let Some(one) = one else { return };
        // who it is costs more than whether it is
        let encoder = match live && !one.is_here() {
            true => encoder(stream),
            false => EncoderFacts::default(),
        };
        let outcome = one.heard(name, now, &Heard { liveness, silent, encoder });
        drop(known);
        self.control.take(outcome, name);
    }

    // === Destinations

    fn leg(&self, event: &DestinationEvent) {
        let news = LegNews {
            state: event.state,
            reason: event.reason.clone(),
            failure: event.last_failure.as_ref().map(|one| (one.kind, one.words.clone())),
            failures: event.totals.failures,
            next_dial: None,
            left_out: None,
        };
        self.take_leg(&event.id, event.leg, news);
    }

    /// Some news were lost: what is, counts.
    fn look_at_legs(&self) {
        for DestinationStatus { id, primary, backup, .. } in self.control.restream.status() {
            let legs = [(Leg::Primary, Some(primary)), (Leg::Backup, backup)];
            for (leg, status) in legs.into_iter().filter_map(|(leg, one)| Some((leg, one?))) {
                self.take_leg(&id, leg, news(&status));
            }
        }
    }

    fn take_leg(&self, id: &DestinationId, leg: Leg, mut news: LegNews) {
        let Some((stream, _)) = id.as_str().split_once('/') else { return };
        let registry = self.control.registry.load();
        let Some(stream) = registry.stream(stream) else { return };
        let Some(one) = stream.destinations.iter().find(|one| one.seat == *id) else { return };
        if matches!(news.state, State::Backoff | State::Stalled) && news.next_dial.is_none() {
            news.next_dial = self.leg_now(id, leg).and_then(|now| now.next_dial.map(wall));
        }
        if news.state == State::Unfed && news.left_out.is_none() {
            news.left_out = self.leg_now(id, leg).and_then(|now| now.left_out);
        }
        let facts = || DestinationFacts {
            stream: stream.name.clone(),
            id: one.id.clone(),
            name: one.name.clone(),
            service: one.service.clone(),
            backup: leg == Leg::Backup,
        };
        let now = now();
        let outcome = {
            let mut known = self.control.live.lock();
            let live = known.open(&stream.name, now);
            live.leg(&stream.name, now, (id, leg), facts, &news)
        };
        self.control.take(outcome, &stream.name);
    }

    fn leg_now(&self, id: &DestinationId, leg: Leg) -> Option<LegStatus> {
        let status = self.control.restream.status_of_one(id)?;
        match leg {
            Leg::Primary => Some(status.primary),
            Leg::Backup => status.backup,
        }
    }

    // === keys

    fn attempt(&self, attempt: Attempt) {
        let (Some(stream), Some(key)) = (attempt.stream, attempt.key) else { return };
        let key = KeyFacts { id: key.id, label: key.label };
        let address = attempt.peer.ip().to_canonical();
        self.control.desk.happened(vec![Happening::KeyNewAddress { stream, key, address }]);
    }

    // === time

    fn second(&mut self) {
        self.samples = self.samples.wrapping_add(1);
        let second = self.control.second();
        let streams: Vec<_> = self.waited.values().cloned().collect();
        for (n, stream) in (0u32..).zip(&streams) {
            // so that not all Streams are looked at in the same second
            let coach = self.samples.wrapping_add(n).is_multiple_of(COACH);
            self.sample(stream, second, coach);
        }
        self.fed |= streams.iter().any(|stream| stream.is_live());
        for status in if self.fed { self.control.restream.status() } else { Vec::new() } {
            let backup = status.backup.as_ref().map_or(0, |leg| leg.bitrate);
            let bitrate = status.primary.bitrate.saturating_add(backup);
            self.control.history.lock().push_recent(&status.id, bitrate);
        }
        let refused = self.doorman.refusals.lock().tick(now());
        self.control.desk.happened(refused);
        if self.samples.is_multiple_of(PRUNE) {
            self.prune(second);
        }
    }

    fn sample(&self, stream: &Stream, second: u32, coach: bool) {
        self.hear(stream); // who falls silent changes nothing by himself
        let (name, now) = (stream.name(), now());
        let mut outcome = Outcome::default();
        let mut known = self.control.live.lock();
        let one = known.open(name, now);
        outcome.add(one.tick(name, now));
        if one.is_here() {
            let stats = stream.stats(now);
            let viewers = stats.viewers;
            outcome.happenings.extend(one.audience(name, now, viewers));
            if coach {
                outcome.happenings.extend(one.coached(name, now, coached(&stats)));
            }
            if let Some(publisher) = &stats.publisher {
                let figures = Figures::of(publisher, viewers);
                self.control.history.lock().push(name, second, figures);
            }
        }
        drop(known);
        self.control.take(outcome, name);
    }

    fn prune(&mut self, second: u32) {
        let registry = self.control.registry.load();
        let all = registry.streams.iter().flat_map(|stream| &stream.destinations);
        let known: HashSet<_> = all.map(|one| &one.seat).collect();
        self.control.history.lock().prune(second, |id| known.contains(id));
        self.fed = false;
        self.control.live.lock().prune(|name| self.waited.contains_key(name));
    }
}

fn news(status: &LegStatus) -> LegNews {
    LegNews {
        state: status.state,
        reason: status.reason.clone(),
        failure: status.last_failure.as_ref().map(|one| (one.kind, one.words.clone())),
        failures: status.totals.failures,
        next_dial: status.next_dial.map(wall),
        left_out: status.left_out.clone(),
    }
}

fn encoder(stream: &Stream) -> EncoderFacts {
    let Some(publisher) = stream.stats(now()).publisher else { return EncoderFacts::default() };
    let encoder = publisher.encoder();
    EncoderFacts { address: encoder.address.to_owned(), software: encoder.software.to_owned() }
}
