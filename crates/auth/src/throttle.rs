//! Holds wrong answers back, and only those: whoever gives the right one is never kept waiting.
//!
//! ```text
//! each wrong try      +1 for its subject (an address, a name); as many as are allowed leak away in
//!                     the span that they are allowed in
//! more than allowed   the answer waits 1 s, then 2, 4 ... up to the longest
//! ```
//!
//! A subject that is over is a suspect: whatever costs much is done for suspects one at a time (see
//! [`crate::password`]), so that they cannot take it from others. The table is bounded: strangers
//! that come from everywhere push each other out, not the memory up.

use crate::address::subject;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Subjects that are remembered.
pub(crate) const CAPACITY: usize = 10_000;
/// How many of a full table are looked at to find one that may go.
const SAMPLE: usize = 16;

/// How many wrong tries cost nothing, and in what time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// Tries.
    pub(crate) tries: u32,
    /// The span in which they leak away.
    pub(crate) per: Duration,
}

/// Ten wrong keys or passwords in a minute (B11).
pub(crate) const GUESSES: Allowed = Allowed { tries: 10, per: Duration::from_secs(60) };

/// What tries are counted by. Names are kept as hashes: they may be long, or a password in the wrong
/// field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject([u8; 16]);

impl Subject {
    /// An address, or what is one host of IPv6.
    #[must_use]
    pub(crate) fn address(address: IpAddr) -> Self {
        Self::of(b"address", subject(address).to_string().as_bytes())
    }

    /// A name, without regard to capital letters.
    #[must_use]
    pub(crate) fn name(name: &str) -> Self {
        Self::of(b"name", name.to_lowercase().as_bytes())
    }

    fn of(kind: &[u8], what: &[u8]) -> Self {
        let digest: [u8; 32] =
            Sha256::new().chain_update(kind).chain_update([0]).chain_update(what).finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(half)
    }
}

/// A bucket: tries in it, in thousandths, as they were at `at`.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u64,
    at: Instant,
}

impl Bucket {
    fn level(&self, now: Instant, allowed: Allowed) -> u64 {
        let passed = now.saturating_duration_since(self.at).as_millis();
        let leaked = passed * u128::from(allowed.tries) * 1000 / allowed.per.as_millis().max(1);
        self.level.saturating_sub(u64::try_from(leaked).unwrap_or(u64::MAX))
    }
}

type Buckets = HashMap<Subject, Bucket>;

/// Counts wrong tries and says how long the next answer no waits.
#[derive(Debug)]
pub(crate) struct Throttle {
    buckets: Mutex<Buckets>,
    allowed: Allowed,
    longest: Duration,
}

impl Throttle {
    /// One that holds no answer back longer than `longest`.
    #[must_use]
    pub(crate) fn new(allowed: Allowed, longest: Duration) -> Self {
        Self { buckets: Mutex::default(), allowed, longest }
    }

    /// Notes one wrong try of all `subjects`. Returns how long its answer has to wait.
    pub(crate) fn wrong(&self, now: Instant, subjects: &[Subject]) -> Duration {
        let mut buckets = self.buckets.lock();
        let waits =
            subjects.iter().map(|subject| self.wait(self.count(&mut buckets, now, *subject)));
        waits.max().unwrap_or_default()
    }

    /// Takes back one try that [`Throttle::take`] counted.
    pub(crate) fn give_back(&self, subject: Subject) {
        if let Some(bucket) = self.buckets.lock().get_mut(&subject) {
            bucket.level = bucket.level.saturating_sub(1000);
        }
    }

    /// Counts a try before it is known whether it is wrong, for what is refused outright beyond what
    /// is allowed; [`Throttle::forgive`] takes it back. `Err`: not now; in how long.
    ///
    /// # Errors
    /// How long to wait until the next try is looked at.
    pub(crate) fn take(&self, now: Instant, subject: Subject) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock();
        let level = self.level(&buckets, now, subject);
        let room = u64::from(self.allowed.tries.saturating_sub(1)) * 1000;
        if level > room {
            let one = self.allowed.per / self.allowed.tries.max(1);
            let over = u32::try_from((level - room).div_ceil(1000)).unwrap_or(u32::MAX);
            return Err(one.saturating_mul(over));
        }
        self.count(&mut buckets, now, subject);
        Ok(())
    }

    /// Forgets what was counted of `subject`.
    pub(crate) fn forgive(&self, subject: Subject) {
        self.buckets.lock().remove(&subject);
    }

    /// Whether one of `subjects` has been wrong too often of late.
    pub(crate) fn suspects(&self, now: Instant, subjects: &[Subject]) -> bool {
        let buckets = self.buckets.lock();
        let most = u64::from(self.allowed.tries) * 1000;
        subjects.iter().any(|subject| self.level(&buckets, now, *subject) >= most)
    }

    fn level(&self, buckets: &Buckets, now: Instant, subject: Subject) -> u64 {
        buckets.get(&subject).map_or(0, |bucket| bucket.level(now, self.allowed))
    }

    fn count(&self, buckets: &mut Buckets, now: Instant, subject: Subject) -> u64 {
        let before = self.level(buckets, now, subject);
        if !buckets.contains_key(&subject) && buckets.len() >= CAPACITY {
            make_room(buckets, now, self.allowed);
        }
        // what is beyond the longest wait would only make the way back longer
        let level = (before + 1000).min(u64::from(self.allowed.tries + 10) * 1000);
        buckets.insert(subject, Bucket { level, at: now });
        level
    }

    fn wait(&self, level: u64) -> Duration {
        let over = level.div_ceil(1000).saturating_sub(u64::from(self.allowed.tries));
        match u32::try_from(over) {
            Ok(0) => Duration::ZERO,
            Ok(over) => Duration::from_secs(1 << (over - 1).min(6)).min(self.longest),
            Err(_) => self.longest,
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.buckets.lock().len()
    }
}

/// Takes out what has leaked away; if that is nothing, the least of a few.
fn make_room(buckets: &mut Buckets, now: Instant, allowed: Allowed) {
    let sample = buckets.iter().take(SAMPLE);
    let least = sample.map(|(subject, bucket)| (bucket.level(now, allowed), *subject));
    let Some((level, least)) = least.min_by_key(|(level, _)| *level) else { return };
    if level == 0 {
        buckets.retain(|_, bucket| bucket.level(now, allowed) > 0);
    }
    buckets.remove(&least);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> (Throttle, Instant, Subject) {
        let address = Subject::address("192.0.2.1".parse().unwrap());
        (Throttle::new(GUESSES, Duration::from_secs(8)), Instant::now(), address)
    }

    #[test]
    fn b11_after_ten_in_a_minute_wrong_answers_wait_longer_and_longer() {
        let (throttle, now, address) = throttle();
        let waits: Vec<u64> = (0..16).map(|_| throttle.wrong(now, &[address]).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 8, 8]);
        let other = Subject::address("192.0.2.2".parse().unwrap());
        assert_eq!(throttle.wrong(now, &[other]), Duration::ZERO, "others do not wait");
        assert!(throttle.suspects(now, &[other, address]));
        assert!(!throttle.suspects(now, &[other]));
    }

    #[test]
    fn b11_it_is_forgotten_in_minutes() {
        let (throttle, now, address) = throttle();
        for _ in 0..1000 {
            throttle.wrong(now, &[address]);
        }
        let minute = |n: u32| now + GUESSES.per * n;
        assert!(throttle.suspects(minute(0), &[address]));
        assert!(!throttle.suspects(minute(2), &[address]));
        assert_eq!(throttle.wrong(minute(2), &[address]), Duration::ZERO);
    }

    #[test]
    fn one_try_every_six_seconds_is_never_held_back() {
        let (throttle, now, address) = throttle();
        for n in 0..200 {
            let at = now + Duration::from_secs(6 * n);
            assert_eq!(throttle.wrong(at, &[address]), Duration::ZERO, "try {n}");
        }
    }

    #[test]
    fn a_name_is_counted_from_everywhere() {
        let (throttle, now, _) = throttle();
        let from = |n: u8| Subject::address(IpAddr::from([192, 0, 2, n]));
        for n in 0..10 {
            let wait = throttle.wrong(now, &[from(n), Subject::name("root")]);
            assert_eq!(wait, Duration::ZERO);
        }
        assert!(throttle.wrong(now, &[from(11), Subject::name("ROOT")]) > Duration::ZERO);
        assert_eq!(throttle.wrong(now, &[from(12), Subject::name("other")]), Duration::ZERO);
    }

    #[test]
    fn b11_the_table_is_bounded_and_keeps_the_worst() {
        let (throttle, now, worst) = throttle();
        for _ in 0..20 {
            throttle.wrong(now, &[worst]);
        }
        for n in 0..3 * CAPACITY {
            let subject = Subject::name(&n.to_string());
            throttle.wrong(now + Duration::from_millis(n as u64 / 10), &[subject]);
        }
        assert_eq!(throttle.len(), CAPACITY);
        assert!(throttle.suspects(now, &[worst]), "it was not pushed out by one-time visitors");
        throttle.wrong(now + GUESSES.per * 60, &[Subject::name("later")]);
        assert_eq!(throttle.len(), 1, "what has leaked away makes room");
    }

    #[test]
    fn what_is_refused_outright_comes_back_one_by_one() {
        let throttle =
            Throttle::new(Allowed { tries: 5, per: Duration::from_secs(600) }, Duration::ZERO);
        let (now, user) = (Instant::now(), Subject::name("ana"));
        for _ in 0..5 {
            assert_eq!(throttle.take(now, user), Ok(()));
        }
        assert_eq!(throttle.take(now, user), Err(Duration::from_secs(120)));
        let later = now + Duration::from_secs(120);
        assert_eq!(throttle.take(later, user), Ok(()));
        assert!(throttle.take(later, user).is_err());
        throttle.forgive(user);
        assert_eq!(throttle.take(later, user), Ok(()));
    }
}
