//! Points in time as RFC 3339 text in UTC.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// `2026-11-22T08:00:00.123Z`. Times before 1970 show as 1970.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = since.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let ms = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The calendar day, counted from 1970-01-01.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    // 146,097 days in 400 years
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

/// One reading of both clocks, to tell the wall time of a moment on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) now: Instant,
    wall: SystemTime,
}

impl Clock {
    pub(crate) fn read() -> Self {
        Self { now: Instant::now(), wall: SystemTime::now() }
    }

    /// The wall time of a moment, past or to come, as text.
    pub(crate) fn show(&self, at: Instant) -> String {
        let ago = self.now.saturating_duration_since(at);
        let ahead = at.saturating_duration_since(self.now);
        rfc3339(self.wall.checked_sub(ago).map_or(UNIX_EPOCH, |wall| wall + ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (951_868_799, "2000-02-29T23:59:59.000Z"),
            (951_868_800, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000Z"),
            (4_102_444_800, "2100-01-01T00:00:00.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (13_569_465_600, "2400-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_moment_is_placed_on_the_wall_clock() {
        let now = Instant::now();
        let wall = UNIX_EPOCH + Duration::from_millis(10_250);
        let clock = Clock { now: now + Duration::from_secs(5), wall };
        assert_eq!(clock.show(now), "1970-01-01T00:00:05.250Z");
    }
}
