//! Figures as people write them.

use manycast_media::TimeDelta;
use std::time::Duration;

/// `640 ms`, `2.4 s`, `25 s`, `3 min`.
pub(crate) fn time(time: Duration) -> String {
    let ms = time.as_millis();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..9_950 => format!("{:.1} s", time.as_secs_f64()),
        9_950..120_000 => format!("{:.0} s", time.as_secs_f64()),
        _ => format!("{} min", ms / 60_000),
    }
}

/// The length of a distance, whatever its sign.
pub(crate) fn length(delta: TimeDelta) -> String {
    time(delta.max(-delta).to_duration())
}

/// `800 kbit/s`, `2.4 Mbit/s`.
pub(crate) fn bitrate(bits: u64) -> String {
    match bits {
        0..999_500 => format!("{} kbit/s", (bits + 500) / 1000),
        _ => {
            let tenths = (bits + 50_000) / 100_000;
            format!("{}.{} Mbit/s", tenths / 10, tenths % 10)
        }
    }
}

/// `25`, `29.97`: two digits at most.
pub(crate) fn rate(rate: f64) -> String {
    let text = format!("{rate:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (ms, want) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (8_333, "8.3 s"),
            (9_960, "10 s"),
            (119_000, "119 s"),
            (120_000, "2 min"),
            (7_260_000, "121 min"),
        ] {
            assert_eq!(time(Duration::from_millis(ms)), want);
        }
        assert_eq!(length(TimeDelta::from_millis(-250)), "250 ms");
        for (bits, want) in [
            (0, "0 kbit/s"),
            (96_400, "96 kbit/s"),
            (999_499, "999 kbit/s"),
            (999_500, "1.0 Mbit/s"),
            (2_449_999, "2.4 Mbit/s"),
            (12_000_000, "12.0 Mbit/s"),
        ] {
            assert_eq!(bitrate(bits), want);
        }
        for (value, want) in [(25.0, "25"), (29.97, "29.97"), (59.9401, "59.94"), (12.5, "12.5")] {
            assert_eq!(rate(value), want);
        }
    }
}
