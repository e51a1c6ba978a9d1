//! What was seen of one address of a Destination, and what is worth telling of it.

use super::damper::{Damper, Recovery};
use crate::events::{DestinationFacts, Happening};
use manycast_restream::{FailureKind, State};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// A change that the restream service told.
#[derive(Clone, Debug)]
pub(crate) struct LegNews {
    pub(crate) state: State,
    pub(crate) reason: Arc<str>,
    pub(crate) failure: Option<(FailureKind, Arc<str>)>,
    pub(crate) failures: u64,
    pub(crate) next_dial: Option<SystemTime>,
    /// What is not sent, where that is all there is.
    pub(crate) left_out: Option<Arc<str>>,
}

/// Of the word for what is wrong, where no attempt failed.
pub(crate) const UNFED: &str = "unfed";

/// One address of a Destination.
#[derive(Debug)]
pub(super) struct LegLive {
    pub(super) facts: DestinationFacts,
    pub(super) state: State,
    damper: Damper,
    /// The words of the refusal that was told.
    refused: Option<Arc<str>>,
    /// Whether it was live since it last stood still.
    lived: bool,
    /// It was told that it is live, and not that it stopped.
    told: bool,
    /// When the first dial of this time on air was made.
    dialling: Option<Instant>,
}

impl LegLive {
    pub(super) fn new(facts: DestinationFacts) -> Self {
        Self {
            facts,
            state: State::Stopped,
            damper: Damper::default(),
            refused: None,
            lived: false,
            told: false,
            dialling: None,
        }
    }

    /// `hushed`: the encoder comes and goes too often for each stop to be told.
    pub(super) fn news(&mut self, now: Instant, news: &LegNews, hushed: bool) -> Option<Happening> {
        self.state = news.state;
        match news.state {
            State::Resolving => {
                self.dialling.get_or_insert(now);
                None
            }
            State::Live => self.live(now),
            State::Backoff | State::Stalled => self.failing(now, news),
            State::Rejected => self.rejected(now, words(news)),
            State::Unfed => {
                let reason = news.left_out.as_ref().unwrap_or(&news.reason);
                self.rejected(now, (UNFED, reason.to_string()))
            }
            State::Idle | State::Stopped => self.rest(now, &news.reason, hushed),
            _ => None,
        }
    }

    fn live(&mut self, now: Instant) -> Option<Happening> {
        self.lived = true;
        let first = !std::mem::replace(&mut self.told, true);
        let began = self.dialling.take().unwrap_or(now);
        if self.damper.is_ill() {
            return self.damper.well(now).map(|recovery| self.recovered(recovery));
        }
        let took = now.saturating_duration_since(began);
        first.then(|| Happening::DestinationLive { destination: self.facts.clone(), took })
    }

    fn recovered(&mut self, recovery: Recovery) -> Happening {
        self.refused = None;
        let Recovery { away, times } = recovery;
        Happening::DestinationRecovered { destination: self.facts.clone(), away, times }
    }

    fn failing(&mut self, now: Instant, news: &LegNews) -> Option<Happening> {
        let told = self.damper.trouble(now);
        let (kind, reason) = words(news);
        told.then(|| Happening::DestinationFailing {
            destination: self.facts.clone(),
            reason,
            error_kind: kind,
            failures: news.failures,
            next_dial: news.next_dial,
        })
    }

    /// A refusal is told after other trouble too, and each time that its words change.
    fn rejected(
        &mut self,
        now: Instant,
        (kind, reason): (&'static str, String),
    ) -> Option<Happening> {
        self.damper.trouble(now);
        if self.refused.as_deref() == Some(reason.as_str()) {
            return None;
        }
        self.refused = Some(reason.as_str().into());
        let destination = self.facts.clone();
        Some(Happening::DestinationRejected { destination, reason, error_kind: kind })
    }

    /// Nothing is wanted of it any more.
    fn rest(&mut self, now: Instant, reason: &str, hushed: bool) -> Option<Happening> {
        self.damper.forget(now);
        self.refused = None;
        self.dialling = None;
        self.lived = false;
        if hushed { None } else { self.stopped(reason) }
    }

    fn stopped(&mut self, reason: &str) -> Option<Happening> {
        let told = std::mem::replace(&mut self.told, false);
        let (destination, reason) = (self.facts.clone(), reason.to_owned());
        told.then_some(Happening::DestinationStopped { destination, reason })
    }

    /// The encoder is calm again: a stop that was withheld is told.
    pub(super) fn calm(&mut self) -> Option<Happening> {
        if self.lived { None } else { self.stopped("the stream ended") }
    }

    pub(super) fn tick(&mut self, now: Instant) -> Option<Happening> {
        self.damper.tick(now).map(|recovery| self.recovered(recovery))
    }
}

/// The failure's kind and words; the reason of the change where there was none.
fn words(news: &LegNews) -> (&'static str, String) {
    match &news.failure {
        Some((kind, words)) => (kind.name(), words.trim_end_matches('.').to_owned()),
        None => (FailureKind::Internal.name(), news.reason.to_string()),
    }
}
