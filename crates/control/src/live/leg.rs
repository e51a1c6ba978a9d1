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
}

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
            dialling: None,
        }
    }

    pub(super) fn news(&mut self, now: Instant, news: &LegNews) -> Option<Happening> {
        self.state = news.state;
        match news.state {
            State::Resolving => {
                self.dialling.get_or_insert(now);
                None
            }
            State::Live => self.live(now),
            State::Backoff | State::Stalled => self.failing(now, news),
            State::Rejected => self.rejected(now, news),
            State::Idle | State::Stopped => self.rest(now, &news.reason),
            _ => None,
        }
    }

    fn live(&mut self, now: Instant) -> Option<Happening> {
        let first = !std::mem::replace(&mut self.lived, true);
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
    fn rejected(&mut self, now: Instant, news: &LegNews) -> Option<Happening> {
        self.damper.trouble(now);
        let (kind, reason) = words(news);
        if self.refused.as_deref() == Some(reason.as_str()) {
            return None;
        }
        self.refused = Some(reason.as_str().into());
        let destination = self.facts.clone();
        Some(Happening::DestinationRejected { destination, reason, error_kind: kind })
    }

    /// Nothing is wanted of it any more.
    fn rest(&mut self, now: Instant, reason: &str) -> Option<Happening> {
        self.damper.forget(now);
        self.refused = None;
        self.dialling = None;
        let lived = std::mem::replace(&mut self.lived, false);
        let (destination, reason) = (self.facts.clone(), reason.to_owned());
        lived.then_some(Happening::DestinationStopped { destination, reason })
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
