//! Publishers that were refused: what is told of them, and how seldom.
//!
//! ```text
//! attempt --note--> first of its address and reason: told at once
//!                   further ones: counted
//! time    --tick--> those that were counted are told with their number, after 1 min at first, then
//!                   ever more seldom; who has stopped is forgotten
//! ```
//! Whoever runs through keys or ports fills neither the database nor a page: so many are told apart at
//! a time, and the rest as one. Those who hold something of a true key have a room of their own, so
//! that no stranger hides what a person does in front of an encoder.

use super::{Happening, KeyFacts};
use manycast_auth::{Attempt, AttemptOutcome, RefusalReason, subject};
use manycast_media::StreamName;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The shortest time between two tellings of one address and reason.
const SPAN: Duration = Duration::from_secs(60);
/// Tellings after that time before it grows.
const STEADY: u32 = 3;
/// It doubles up to about an hour.
const MOST_DOUBLINGS: u32 = 6;
/// Pairs of address and reason that are told apart at a time.
const PLACES: usize = 64;
/// New ones that may come at once, and how long each takes to be free again.
const AT_ONCE: u32 = 30;
const REFILL: Duration = Duration::from_secs(30);

/// A publisher that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedFacts {
    /// From where; none: from several addresses.
    pub address: Option<IpAddr>,
    /// What its program calls itself; may be empty.
    pub software: String,
    /// The transport, for example `rtmps`; empty: several.
    pub protocol: &'static str,
    /// Why; none: for several reasons.
    pub reason: Option<RefusalReason>,
    /// What may have gone wrong, if it can be told.
    pub hint: Option<String>,
    /// The key that it was, or nearly.
    pub key: Option<KeyFacts>,
    /// How what was sent begins, if it could have been a key of this server.
    pub begins: Option<String>,
    /// Attempts since the last event about them.
    pub times: u64,
    /// In which time these were; none: it is the first one.
    pub within: Option<Duration>,
}

impl RefusedFacts {
    /// The word of the API for the reason.
    #[must_use]
    pub fn reason_word(&self) -> &'static str {
        self.reason.map_or("several", RefusalReason::as_str)
    }

    /// What helps.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        use RefusalReason as R;
        let Some(reason) = self.reason else {
            return "If these are not your encoders, let a firewall admit your own addresses alone.";
        };
        match reason {
            R::UnknownKey => "Copy the stream's key into the encoder again, or make it a new one.",
            R::ExpiredKey | R::RevokedKey => "Give the encoder a key of the stream that holds.",
            R::AddressNotAllowed => "Add the address to those of the key, if it is yours.",
            R::AddressBlocked => "Lift the block of the address, or wait until it is over.",
            R::WrongStream => "Use the key of the stream that the address names.",
            R::LoginMissing => "Set the user and the password in the encoder that are asked for.",
            R::TooMany => "End a stream that nobody needs, or raise the limit of publishers.",
            R::BadName => "Use letters, digits, dots, dashes and underscores, at most 64.",
            R::Busy => "Stop the other encoder first, or let newcomers take over (takeover).",
            R::ServiceRefused => {
                "Ask the service that [authorize] names: it decides who may publish."
            }
            R::ServiceSilent => {
                "See that the service that [authorize] names runs and answers in time."
            }
        }
    }

    /// The sentence for people; no address in it.
    pub(super) fn text(&self) -> String {
        let Some(reason) = self.reason else {
            return format!("Further attempts to publish were refused: {}.", self.times);
        };
        let who = if self.software.is_empty() { "An encoder" } else { &self.software };
        let often = match self.within {
            Some(span) if self.times > 1 => {
                format!(" {} times more in {} min", self.times, span.as_secs().div_ceil(60))
            }
            Some(_) => " once more".to_owned(),
            None => String::new(),
        };
        match &self.hint {
            Some(hint) => format!("{who} was refused{often}: {reason} ({hint})."),
            None => format!("{who} was refused{often}: {reason}."),
        }
    }

    pub(super) fn data(&self) -> serde_json::Value {
        serde_json::json!({
            "reason": self.reason_word(),
            "remedy": self.remedy(),
            "hint": self.hint,
            "software": self.software,
            "protocol": self.protocol,
            "key": self.key.as_ref().and_then(|key| key.id.clone()),
            "label": self.key.as_ref().map(|key| key.label.clone()),
            "begins": self.begins,
            "times": self.times,
        })
    }
}

/// The last attempt of one address for one reason.
#[derive(Debug)]
struct Seen {
    stream: Option<StreamName>,
    facts: RefusedFacts,
    /// When it was told last, and how often before.
    told: Instant,
    tellings: u32,
    /// Attempts since.
    more: u64,
}

impl Seen {
    fn span(&self) -> Duration {
        SPAN * (1 << self.tellings.saturating_sub(STEADY).min(MOST_DOUBLINGS))
    }
}

/// What is told apart at a time.
#[derive(Debug)]
struct Room {
    places: HashMap<(IpAddr, RefusalReason), Seen>,
    /// New ones that may be told, and since when that is counted.
    free: u32,
    filled: Instant,
    /// Attempts that found no place, and since when they were not told.
    rest: u64,
    swept: Instant,
}

impl Room {
    fn new(now: Instant) -> Self {
        Self { places: HashMap::new(), free: AT_ONCE, filled: now, rest: 0, swept: now }
    }

    fn note(&mut self, now: Instant, stream: Option<StreamName>, facts: RefusedFacts) -> bool {
        let (Some(address), Some(reason)) = (facts.address, facts.reason) else { return false };
        let place = (subject(address), reason);
        if let Some(seen) = self.places.get_mut(&place) {
            (seen.stream, seen.facts) = (stream, facts);
            seen.more += 1;
            return false;
        }
        if self.free == 0 || self.places.len() >= PLACES {
            self.rest += 1;
            return false;
        }
        self.free -= 1;
        self.places.insert(place, Seen { stream, facts, told: now, tellings: 1, more: 0 });
        true
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Happening>) {
        while self.free < AT_ONCE && now.saturating_duration_since(self.filled) >= REFILL {
            self.free += 1;
            self.filled += REFILL;
        }
        if self.free == AT_ONCE {
            self.filled = now;
        }
        self.places.retain(|_, seen| {
            let span = seen.span();
            if now.saturating_duration_since(seen.told) < span {
                return true;
            }
            let times = std::mem::take(&mut seen.more);
            if times == 0 {
                return false;
            }
            (seen.told, seen.tellings) = (now, seen.tellings.saturating_add(1));
            let facts = RefusedFacts { times, within: Some(span), ..seen.facts.clone() };
            out.push(happening(seen.stream.clone(), facts));
            true
        });
        if now.saturating_duration_since(self.swept) >= SPAN {
            self.swept = now;
            let times = std::mem::take(&mut self.rest);
            if times > 0 {
                out.push(happening(None, several(times)));
            }
        }
    }
}

fn happening(stream: Option<StreamName>, facts: RefusedFacts) -> Happening {
    Happening::PublishRefused { stream, facts: Box::new(facts) }
}

fn several(times: u64) -> RefusedFacts {
    RefusedFacts {
        address: None,
        software: String::new(),
        protocol: "",
        reason: None,
        hint: None,
        key: None,
        begins: None,
        times,
        within: Some(SPAN),
    }
}

/// All that are refused.
#[derive(Debug)]
pub(crate) struct Refusals {
    /// Those who hold a key of ours, or the beginning of one.
    known: Room,
    strangers: Room,
}

impl Refusals {
    pub(crate) fn new(now: Instant) -> Self {
        Self { known: Room::new(now), strangers: Room::new(now) }
    }

    /// Takes an attempt; what is to be told at once.
    pub(crate) fn note(&mut self, now: Instant, attempt: &Attempt) -> Option<Happening> {
        use RefusalReason as R;
        let AttemptOutcome::Refused { reason, hint, begins, .. } = &attempt.outcome else {
            return None;
        };
        let key = attempt.key.as_ref();
        let facts = RefusedFacts {
            address: Some(attempt.peer.ip().to_canonical()),
            software: attempt.software.clone(),
            protocol: attempt.protocol,
            reason: Some(*reason),
            // that of an address names it, which not all may see
            hint: hint.clone().filter(|_| matches!(reason, R::UnknownKey)),
            key: key.map(|key| KeyFacts { id: key.id.clone(), label: key.label.clone() }),
            begins: begins.clone(),
            times: 1,
            within: None,
        };
        let known = key.is_some() || matches!(reason, R::Busy | R::ServiceRefused);
        let room = if known { &mut self.known } else { &mut self.strangers };
        let stream = attempt.stream.clone();
        room.note(now, stream.clone(), facts.clone()).then(|| happening(stream, facts))
    }

    /// What is to be told by now.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Happening> {
        let mut out = Vec::new();
        self.known.tick(now, &mut out);
        self.strangers.tick(now, &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_auth::{AttemptKey, UnixMs};
    use manycast_hub::DenialKind;

    fn attempt(address: &str, reason: RefusalReason, known: bool) -> Attempt {
        let hint = Some("it begins like the key \"PC\" of main".to_owned());
        Attempt {
            at: UnixMs(0),
            protocol: "rtmp",
            stream: known.then(|| StreamName::new("main").unwrap()),
            key: known.then(|| AttemptKey { id: Some("1".into()), label: "PC".into() }),
            peer: std::net::SocketAddr::new(address.parse().unwrap(), 5000),
            secure: false,
            software: "OBS 31".into(),
            outcome: AttemptOutcome::Refused {
                kind: DenialKind::UnknownKey,
                reason,
                hint,
                begins: None,
            },
        }
    }

    fn times(happenings: &[Happening]) -> Vec<u64> {
        let times = |one: &Happening| match one {
            Happening::PublishRefused { facts, .. } => facts.times,
            _ => 0,
        };
        happenings.iter().map(times).collect()
    }

    #[test]
    fn one_that_tries_on_is_told_once_a_minute_then_ever_more_seldom() {
        let (start, unknown) = (Instant::now(), RefusalReason::UnknownKey);
        let mut refusals = Refusals::new(start);
        let mut told = Vec::new();
        for second in 0..86_400 {
            let now = start + Duration::from_secs(second);
            let first = refusals.note(now, &attempt("192.0.2.1", unknown, false));
            let again = refusals.tick(now);
            assert!(again.len() <= 1 && (second == 0) == first.is_some());
            told.extend(times(&again));
        }
        assert_eq!(told[..4], [60, 60, 60, 120], "{told:?}");
        assert_eq!(told.iter().max(), Some(&3840));
        assert!(told.len() < 40, "{} in a day", told.len());
        assert!(refusals.tick(start + Duration::from_secs(100_000)).len() == 1, "the last of them");
        assert!(refusals.tick(start + Duration::from_secs(200_000)).is_empty(), "then it is quiet");
        let now = start + Duration::from_secs(200_001);
        let anew = refusals.note(now, &attempt("192.0.2.1", unknown, false));
        assert_eq!(times(&anew.into_iter().collect::<Vec<_>>()), [1], "as new");
    }

    #[test]
    fn another_reason_and_another_address_are_told_at_once() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        let mut note = |address, reason| refusals.note(now, &attempt(address, reason, true));
        assert!(note("192.0.2.1", RefusalReason::UnknownKey).is_some());
        assert!(note("192.0.2.1", RefusalReason::ExpiredKey).is_some());
        assert!(note("192.0.2.2", RefusalReason::ExpiredKey).is_some());
        assert!(note("2001:db8::1", RefusalReason::Busy).is_some());
        assert!(note("2001:db8::2", RefusalReason::Busy).is_none(), "one host");
    }

    #[test]
    fn a_scanner_fills_nothing_and_hides_nobody() {
        let start = Instant::now();
        let mut refusals = Refusals::new(start);
        let mut told = 0;
        for second in 0..3600u32 {
            let now = start + Duration::from_secs(second.into());
            for n in 0..100u32 {
                let from = IpAddr::from((second * 100 + n).to_be_bytes()).to_string();
                let attempt = attempt(&from, RefusalReason::UnknownKey, false);
                told += usize::from(refusals.note(now, &attempt).is_some());
            }
            let out = refusals.tick(now);
            told += out.len();
            assert!(refusals.strangers.places.len() <= PLACES);
        }
        assert!(told < 30 + 120 + 60 + 5, "{told} in an hour of 360,000 attempts");
        let now = start + Duration::from_secs(3600);
        let mine = refusals.note(now, &attempt("198.51.100.1", RefusalReason::ExpiredKey, true));
        assert!(mine.is_some(), "who has a key of ours is told");
    }

    #[test]
    fn each_reason_has_a_sentence_and_a_remedy_without_an_address() {
        let now = Instant::now();
        let mut refusals = Refusals::new(now);
        for reason in RefusalReason::ALL {
            let told = refusals.note(now, &attempt("203.0.113.9", reason, true)).unwrap();
            let event = told.event();
            let all = format!("{} {}", event.text, event.data);
            assert!(!all.contains("203.0"), "{all}");
            assert!(event.text.starts_with("OBS 31 was refused: "), "{all}");
            assert_eq!(event.data["reason"], reason.as_str());
            assert!(event.data["remedy"].as_str().unwrap().ends_with('.'));
            assert_eq!(event.address.as_deref(), Some("203.0.113.9"));
            assert_eq!(event.stream.as_deref(), Some("main"));
        }
    }
}
