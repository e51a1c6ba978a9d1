//! Weeks of one stream.

use super::{KEY, after, place, secs, setup};
use crate::platform::Profile;
use crate::world::{Setup, Shape};
use std::time::Duration;

/// 50 days and a little more: the clock of the wire, 2^32 ms, wraps after 49.7.
const DAYS: u64 = 50 * 24 * 3600 + 3600;
/// Frames are less than 3 s apart, or the encoder counts as silent; reports come more often than the
/// time for a stall.
const APART: u64 = 2;

#[test]
fn e2_fifty_days_are_one_session_without_drift() {
    let base = setup(vec![place(Profile::patient("live", KEY))], Vec::new(), secs(DAYS + 1));
    let encoder = Shape { interval: secs(APART), gop: 1, size: 40, clock: 123_456, ..base.encoder };
    let world = after(Setup { encoder, look: secs(APART), ..base });
    let sessions: Vec<_> = world.fars[0].platform.sessions().collect();
    assert_eq!(sessions.len(), 1);
    let intake = &sessions[0].intake;
    assert_eq!((intake.backward, intake.frames.drift(), intake.frames.altered), (0, 0, 0));
    let [run] = intake.frames.runs[..] else { panic!("{} runs", intake.frames.runs.len()) };
    assert_eq!(run.first, 0);
    let pictures = u64::from(run.last + 1) / 2;
    assert_eq!(pictures, DAYS / APART + 1, "every picture came");
    let wire = Duration::from_millis(((pictures - 1) * APART * 1000) % (1 << 32));
    assert_eq!(intake.times, Some((0, u32::try_from(wire.as_millis()).expect("32 bits"))));
    assert_eq!(u64::from(intake.largest_step), APART * 1000, "no leap, at the wrap neither");
}
