//! What goes on now, as a value: Streams with their air, input, state and what was told of them.
//!
//! ```text
//! hub (what comes in) --heard--+
//! restream (legs)     --leg----+--> Live --> happenings; whether the air changed
//! people              --press--+
//! time                --tick---+
//! ```
//! Belongs here: what is worth telling, and when. Must not come here: a clock, a task, the database.

mod books;
mod damper;
mod flap;
mod leg;
mod stream;

pub(crate) use leg::LegNews;
pub(crate) use stream::{Heard, Rules, StreamLive};

use crate::def::{Defined, Registry};
use crate::events::Happening;
use crate::state::Life;
use manycast_media::StreamName;
use std::collections::BTreeMap;
use std::time::Instant;

/// What followed from what happened.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) happenings: Vec<Happening>,
    /// The Stream's air changed by itself: to be applied and remembered.
    pub(crate) aired: bool,
    /// Something that is shown changed.
    pub(crate) changed: bool,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: Self) {
        self.happenings.extend(other.happenings);
        self.aired |= other.aired;
        self.changed |= other.changed;
    }
}

/// All Streams, those of open names among them while they are in the hub.
#[derive(Debug)]
pub(crate) struct Live {
    streams: BTreeMap<StreamName, StreamLive>,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self { streams: BTreeMap::new() }
    }

    /// Makes it know just the Streams that are defined. `chosen` tells what was remembered of the
    /// air of one that is new here.
    pub(crate) fn sync(
        &mut self,
        registry: &Registry,
        now: Instant,
        chosen: impl Fn(&StreamName) -> Option<bool>,
    ) {
        let defined = |name: &StreamName| registry.stream(name.as_str()).is_some();
        self.streams.retain(|name, live| live.is_open() || defined(name));
        for stream in &registry.streams {
            let rules = Rules::of(stream);
            match self.streams.get_mut(&stream.name) {
                Some(live) if !live.is_open() => live.set_rules(rules, stream, now),
                _ => {
                    let live = StreamLive::new(rules, chosen(&stream.name), now);
                    self.streams.insert(stream.name.clone(), live);
                }
            }
        }
    }

    pub(crate) fn get(&self, name: &StreamName) -> Option<&StreamLive> {
        self.streams.get(name)
    }

    /// The Stream of this name; one under an open name is known from now on.
    pub(crate) fn open(&mut self, name: &StreamName, now: Instant) -> &mut StreamLive {
        let new = || StreamLive::new(Rules::open(), None, now);
        self.streams.entry(name.clone()).or_insert_with(new)
    }

    pub(crate) fn get_mut(&mut self, name: &StreamName) -> Option<&mut StreamLive> {
        self.streams.get_mut(name)
    }

    /// Forgets Streams of open names that are not in the hub any more.
    pub(crate) fn prune(&mut self, in_hub: impl Fn(&StreamName) -> bool) {
        self.streams.retain(|name, live| !live.is_open() || in_hub(name));
    }

    /// Whether a Stream is wanted on air.
    pub(crate) fn is_wanted(&self, stream: &Defined) -> bool {
        self.get(&stream.name).is_some_and(StreamLive::is_wanted)
    }

    pub(crate) fn life(&self, name: &StreamName, now: Instant) -> Life {
        self.get(name).map_or(Life::new(now), StreamLive::life)
    }
}

#[cfg(test)]
mod tests;
