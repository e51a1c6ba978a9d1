//! Programs beside this one.

use super::Finding;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CHECK: &str = "ffmpeg";
/// A program that only tells its version and takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn look() -> Vec<Finding> {
    vec![judge(version("ffmpeg").as_deref())]
}

fn judge(said: Option<&str>) -> Finding {
    let remedy = "install the package ffmpeg if you want to change what is sent; passing streams on \
                  needs none";
    let Some(said) = said else {
        return Finding::doubt(CHECK, "not found", remedy);
    };
    let version = said.strip_prefix("ffmpeg version ").and_then(|rest| rest.split(' ').next());
    let Some(version) = version else {
        return Finding::doubt(CHECK, "it does not tell its version", remedy);
    };
    // Builds of the day begin with a letter or the year.
    let digits: String =
        version.trim_start_matches('n').chars().take_while(char::is_ascii_digit).collect();
    match digits.parse::<u32>() {
        Ok(major @ 0..5) => {
            let what = format!("version {version}");
            Finding::doubt(CHECK, what, format!("{major} is too old: 5 or newer"))
        }
        _ => Finding::ok(CHECK, format!("version {version}")),
    }
}

/// The first line that a program says when asked for its version.
fn version(program: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("-version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let begin = Instant::now();
    while child.try_wait().ok()?.is_none() {
        if begin.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        for (said, want) in [
            (Some("ffmpeg version 5.1.6-0+deb12u1 Copyright (c)"), State::Ok),
            (Some("ffmpeg version 9.0 Copyright"), State::Ok),
            (Some("ffmpeg version n7.1 Copyright"), State::Ok),
            (Some("ffmpeg version N-118000-g1234567 Copyright"), State::Ok),
            (Some("ffmpeg version 4.4.2 Copyright"), State::Doubt),
            (Some("something else"), State::Doubt),
            (None, State::Doubt),
        ] {
            assert_eq!(judge(said).state, want, "{said:?}");
        }
        assert_eq!(version("manycast-no-such-program"), None);
    }
}
