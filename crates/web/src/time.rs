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

/// Reads RFC 3339 text, with `Z` or an offset. Nothing before 1970 or after 9999.
pub(crate) fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| -> Option<u64> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let is = |at: usize, set: &[u8]| text.as_bytes().get(at).is_some_and(|byte| set.contains(byte));
    let shaped = is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":");
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !shaped || year < 1970 || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days(year, month, day)?;
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("000", rest),
    };
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    let local = Duration::from_secs(seconds) + Duration::from_millis(millis.parse().ok()?);
    let at = match zone.as_bytes() {
        [b'Z' | b'z'] => local,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let hours: u64 = zone.get(1..3)?.parse().ok()?;
            let minutes: u64 = zone.get(4..6)?.parse().ok()?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = Duration::from_secs(hours * 3600 + minutes * 60);
            if *sign == b'+' { local.checked_sub(offset)? } else { local + offset }
        }
        _ => return None,
    };
    (!fraction.is_empty()).then_some(())?;
    UNIX_EPOCH.checked_add(at)
}

/// Days from 1970-01-01 to a day that is in the calendar.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let years = year - 1970;
    // close from below, whatever the leap years
    let mut days = years * 365 + years / 4 - years / 100;
    days = days.saturating_sub(2);
    let wanted = (year, month, day);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    while civil(days) < wanted {
        days += 1;
    }
    (civil(days) == wanted).then_some(days)
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
    fn times_are_read_as_they_are_written() {
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:00.250Z", Some(250)),
            ("1970-01-01T02:00:00+02:00", Some(0)),
            ("1969-12-31T23:00:00-01:00", None),
            ("1970-01-01T00:30:00-01:00", Some(5_400_000)),
            ("2000-02-29T23:59:59.9999Z", Some(951_868_799_999)),
            ("2100-02-29T00:00:00Z", None),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799_000)),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-31T00:00:00Z", None),
            ("2026-11-22T24:00:00Z", None),
            ("2026-11-22T08:00:00", None),
            ("2026-11-22T08:00:00.Z", None),
            ("2026-11-22", None),
            ("+026-11-22T08:00:00Z", None),
            ("", None),
        ] {
            let got = parse_rfc3339(text);
            let got = got.map(|at| at.duration_since(UNIX_EPOCH).unwrap().as_millis());
            assert_eq!(got, want, "{text}");
        }
        for seconds in (0..300).map(|n| n * 86_400 * 97 + 7) {
            let at = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(parse_rfc3339(&rfc3339(at)), Some(at));
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
