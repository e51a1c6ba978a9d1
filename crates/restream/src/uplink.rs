//! Several Destinations that fall behind at the same time have one cause: the way that they share.
//!
//! Belongs here: telling a slow uplink from a slow far end. Must not come here: what follows.

use crate::DestinationId;
use crate::spec::Leg;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A Destination whose oldest unsent Frame is older than this is behind.
pub(crate) const BEHIND: Duration = Duration::from_secs(1);
/// It is over that when nothing was wrong for so long.
const OVER_IT: Duration = Duration::from_secs(5);
/// Who is behind together for so long has a common cause.
const TOGETHER: Duration = Duration::from_secs(2);

/// Which session.
pub(crate) type Seat = (DestinationId, Leg);

/// All Destinations that send, and who of them is behind.
#[derive(Debug, Default)]
pub(crate) struct Uplink {
    seats: BTreeMap<Seat, Pace>,
    together_since: Option<Instant>,
    trouble: bool,
}

#[derive(Debug)]
struct Pace {
    /// Whoever is behind at one place only may have a slow platform there.
    place: String,
    behind_until: Option<Instant>,
}

/// How many of how many are behind at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UplinkTrouble {
    /// Destinations that are behind.
    pub behind: usize,
    /// Destinations that send.
    pub sending: usize,
}

impl UplinkTrouble {
    /// What to tell people.
    #[must_use]
    pub fn advice(&self) -> String {
        format!(
            "your uplink: {} of {} destinations fall behind at the same time; lower the encoder's \
             bitrate, or stop some destinations",
            self.behind, self.sending
        )
    }
}

impl Uplink {
    /// Notes how a session that sends is doing. Returns `true` when the verdict changed.
    pub(crate) fn note(&mut self, now: Instant, seat: &Seat, place: &str, behind: bool) -> bool {
        let pace = self
            .seats
            .entry(seat.clone())
            .or_insert_with(|| Pace { place: place.to_owned(), behind_until: None });
        if behind {
            pace.behind_until = Some(now + OVER_IT);
        }
        self.judge(now)
    }

    /// The session is over, or has nothing to send. Returns `true` when the verdict changed.
    pub(crate) fn leave(&mut self, now: Instant, seat: &Seat) -> bool {
        self.seats.remove(seat);
        self.judge(now)
    }

    fn judge(&mut self, now: Instant) -> bool {
        let late = || self.seats.values().filter(|pace| pace.is_behind(now));
        let places: BTreeSet<_> = late().map(|pace| pace.place.as_str()).collect();
        let together = places.len() >= 2 && late().count() * 2 >= self.seats.len();
        if !together {
            self.together_since = None;
            return std::mem::replace(&mut self.trouble, false);
        }
        let since = *self.together_since.get_or_insert(now);
        let trouble = now >= since + TOGETHER;
        trouble && !std::mem::replace(&mut self.trouble, true)
    }

    /// What is wrong, if anything is.
    pub(crate) fn trouble(&self, now: Instant) -> Option<UplinkTrouble> {
        let behind = self.seats.values().filter(|pace| pace.is_behind(now)).count();
        let sending = self.seats.len();
        // What is over is told at the next note; until then nobody is to be blamed any more.
        (self.trouble && behind >= 2).then_some(UplinkTrouble { behind, sending })
    }

    /// Whether this session is among those behind while the uplink is at fault.
    pub(crate) fn blames(&self, now: Instant, seat: &Seat) -> bool {
        self.trouble(now).is_some() && self.seats.get(seat).is_some_and(|pace| pace.is_behind(now))
    }
}

impl Pace {
    fn is_behind(&self, now: Instant) -> bool {
        self.behind_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_media::StreamName;

    fn seat(n: usize) -> Seat {
        let stream = StreamName::new("main").unwrap();
        (DestinationId::new(&stream, &n.to_string()), Leg::Primary)
    }

    /// Four destinations at these places; who of them is behind, for so many seconds.
    fn run(places: [&str; 4], behind: [bool; 4], seconds: u64) -> (Uplink, Instant) {
        let start = Instant::now();
        let mut uplink = Uplink::default();
        for half in 0..=seconds * 2 {
            for n in 0..4 {
                let now = start + Duration::from_millis(500 * half);
                uplink.note(now, &seat(n), places[n], behind[n]);
            }
        }
        (uplink, start + Duration::from_secs(seconds))
    }

    #[test]
    fn half_of_all_at_two_places_behind_together_is_the_uplink() {
        let apart = ["a", "b", "c", "d"];
        let (mut uplink, now) = run(apart, [true, true, false, false], 3);
        assert_eq!(uplink.trouble(now), Some(UplinkTrouble { behind: 2, sending: 4 }));
        assert!(uplink.blames(now, &seat(0)) && !uplink.blames(now, &seat(3)));
        assert!(uplink.trouble(now).unwrap().advice().contains("your uplink: 2 of 4"));
        let later = now + Duration::from_secs(6);
        assert!(uplink.note(later, &seat(0), "a", false), "told that it is over");
        assert_eq!(uplink.trouble(later), None);
    }

    #[test]
    fn one_alone_one_place_a_minority_or_a_moment_is_not() {
        let apart = ["a", "b", "c", "d"];
        for (places, behind, seconds) in [
            (apart, [true, false, false, false], 60),
            (["a", "a", "c", "d"], [true, true, false, false], 60),
            (apart, [true, true, false, false], 1),
        ] {
            let (uplink, now) = run(places, behind, seconds);
            assert_eq!(uplink.trouble(now), None, "{places:?} {behind:?} {seconds}");
        }
        let (mut uplink, now) = run(apart, [true, true, false, false], 60);
        assert!(uplink.leave(now, &seat(0)), "who ended is not behind");
        assert_eq!(uplink.trouble(now), None);
    }

    #[test]
    fn a_change_is_told_once() {
        let start = Instant::now();
        let mut uplink = Uplink::default();
        let mut told = 0;
        for n in 0..40 {
            let now = start + Duration::from_millis(250 * n);
            told += u32::from(uplink.note(now, &seat(0), "a", true));
            told += u32::from(uplink.note(now, &seat(1), "b", true));
        }
        assert_eq!(told, 1);
    }
}
