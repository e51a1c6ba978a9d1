//! Whether the clock can be right. Nobody is asked for the time: what the machine itself knows tells
//! the worst, a clock that was never set or went back.

use super::{Finding, Patient};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CHECK: &str = "clock";
/// 2026-11-22: this program is not older.
const MADE: Duration = Duration::from_secs(1_795_305_600);
/// How far ahead a file may be: file systems over a network have clocks of their own.
const SLACK: Duration = Duration::from_secs(120);
const REMEDY: &str = "set the clock: `timedatectl set-ntp true`, or install chrony. With a wrong \
                      clock certificates are refused and second factors do not fit";

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let now = SystemTime::now();
    let synchronised = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid"];
    let followed = synchronised.iter().any(|path| Path::new(path).exists());
    vec![judge(now, newest(&patient.data_dir), followed)]
}

/// When the youngest file of a folder was written.
fn newest(dir: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(dir).ok()?.flatten();
    entries.filter_map(|entry| entry.metadata().ok()?.modified().ok()).max()
}

fn judge(now: SystemTime, newest: Option<SystemTime>, followed: bool) -> Finding {
    if now < UNIX_EPOCH + MADE {
        return Finding::bad(CHECK, "it shows a time before this program was made", REMEDY);
    }
    let ahead = newest.and_then(|file| file.duration_since(now).ok());
    if let Some(ahead) = ahead.filter(|ahead| *ahead > SLACK) {
        let what = format!(
            "files of the data directory are {} s ahead of it: it went back",
            ahead.as_secs()
        );
        return Finding::doubt(CHECK, what, REMEDY);
    }
    let what = if followed { "plausible, and kept by a time service" } else { "plausible" };
    Finding::ok(CHECK, what)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_clock_that_cannot_be_right_is_told() {
        let made = UNIX_EPOCH + MADE;
        let day = Duration::from_secs(86_400);
        for (now, newest, want) in [
            (UNIX_EPOCH, None, State::Bad),
            (made - day, None, State::Bad),
            (made + day, None, State::Ok),
            (made + day, Some(made), State::Ok),
            (made + day, Some(made + day + SLACK), State::Ok),
            (made + day, Some(made + 2 * day), State::Doubt),
        ] {
            let found = judge(now, newest, false);
            assert_eq!(found.state, want, "{found:?}");
            assert_eq!(found.remedy.is_empty(), want == State::Ok);
        }
        assert!(judge(made + day, None, true).what.contains("time service"));
    }
}
