//! Durations and sizes as people write them.

use std::time::Duration;

/// `10s`, `1500ms`, `2m`, `1h`. `None`: not of this form, or beyond a year.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let total = number.checked_mul(ms)?;
    (total <= 366 * 24 * 3_600_000).then(|| Duration::from_millis(total))
}

/// `24MB`, `24MiB`, `500kB`, `8388608`. `None`: not of this form.
pub(super) fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text)?;
    let bytes: u64 = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    usize::try_from(number.checked_mul(bytes)?).ok()
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim()))
}

/// A duration in the shortest exact form.
#[must_use]
pub(super) fn show_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms.is_multiple_of(1000) { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("10s", Some(10_000)),
            ("1500ms", Some(1_500)),
            (" 2 m ", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("10", None),
            ("-1s", None),
            ("1.5s", None),
            ("s", None),
            ("", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
            ("10\u{e9}", None),
        ] {
            assert_eq!(duration(text), ms.map(Duration::from_millis), "{text:?}");
        }
        assert_eq!(show_duration(Duration::from_millis(1_500)), "1500ms");
        assert_eq!(show_duration(Duration::from_secs(30)), "30s");
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("24MB", Some(24_000_000)),
            ("24 MiB", Some(24 << 20)),
            ("500kB", Some(500_000)),
            ("7", Some(7)),
            ("1.5MB", None),
            ("MB", None),
            ("18446744073709551615GB", None),
        ] {
            assert_eq!(size(text), bytes, "{text:?}");
        }
    }
}
