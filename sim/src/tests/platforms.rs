//! An hour at each platform, with encoder losses, cuts and changes; pairs and redirects.

use super::{KEY, after, at, place, secs, setup, states};
use crate::fault::{Fault, Kind};
use crate::platform::{BroadcastEnd, End, Platform, Profile};
use manycast_hub::ConfigChange;
use manycast_restream::{BackupMode, State};

/// Losses of 1, 5 and 20 s, each three times, and a good end.
fn hour() -> Vec<Fault> {
    let losses = (0..9).map(|n| at(300 + n * 300, [1, 5, 20][n as usize % 3], Kind::EncoderLost));
    losses.chain([at(3600, 100, Kind::EncoderStops)]).collect()
}

fn accepted(platform: &Platform) -> usize {
    platform.sessions().filter(|session| session.accepted.is_some()).count()
}

#[test]
fn c5_an_hour_with_lost_encoders_is_one_session_on_those_that_bear_silence() {
    let rows = [
        (Profile::patient("live", KEY), 1),
        (Profile::youtube(KEY), 1),
        (Profile::facebook(KEY), 1),
        // Those that end a session on silence are dialled again for each longer loss.
        (Profile::twitch(KEY), 1 + 3),
        (Profile::ivs(KEY), 1 + 6),
    ];
    for (profile, sessions) in rows {
        let name = profile.name;
        let mut world = after(setup(vec![place(profile)], hour(), secs(3605)));
        let platform = &world.fars[0].platform;
        assert_eq!((name, platform.sessions().len()), (name, sessions));
        assert_eq!(accepted(platform), sessions, "{name}: each was accepted at its first try");
        for session in platform.sessions() {
            assert_eq!(session.complaints(), [""; 0], "{name}");
            assert_eq!(session.intake.frames.missing(), 0, "{name}");
        }
        let last = platform.sessions().next_back().expect("a session");
        assert!(last.said_goodbye(), "{name}: {:?} {:?}", last.ended, last.commands);
        assert_eq!(world.seats[0].failures(), 0, "{name}: a close in a hold is no failure");
        let broadcasts = world.fars[0].platform.broadcasts(world.now);
        assert_eq!(broadcasts.len(), 1, "{name}: the audience saw one broadcast");
        let (ended, how) = broadcasts[0].ended.expect("an end");
        assert_eq!(how, BroadcastEnd::Goodbye, "{name}");
        assert!(ended - world.origin < secs(3601), "{name}: it ended with the stream");
    }
}

#[test]
fn c5_nothing_but_held_is_said_while_the_encoder_is_lost() {
    for profile in [Profile::youtube(KEY), Profile::twitch(KEY), Profile::ivs(KEY)] {
        let silence = profile.silence;
        let world = after(setup(vec![place(profile)], hour(), secs(3600)));
        for n in 0..9 {
            let (from, lasts) = (300 + n * 300, [1, 5, 20][n as usize % 3]);
            let away = states(&world, 0, from, from + lasts);
            assert_eq!(away, [State::Held]);
            let back = states(&world, 0, from + lasts, from + lasts + 3);
            let closed = silence.is_some_and(|silence| silence <= secs(lasts));
            match closed {
                false => assert_eq!(back, [State::Live]),
                true => assert_eq!((back[0], back.last()), (State::Resolving, Some(&State::Live))),
            }
        }
    }
}

#[test]
fn a_loss_beyond_the_window_ends_the_session_in_order() {
    let faults = vec![at(60, 45, Kind::EncoderLost)];
    let world = after(setup(vec![place(Profile::youtube(KEY))], faults, secs(180)));
    let sessions: Vec<_> = world.fars[0].platform.sessions().collect();
    assert_eq!(sessions.len(), 2);
    assert!(sessions[0].said_goodbye());
    let (ended, _) = sessions[0].ended.expect("an end");
    let after = ended - world.origin;
    assert!((secs(90)..secs(92)).contains(&after), "held for 30 s: {after:?}");
    assert_eq!(world.state(0), State::Live);
}

#[test]
fn sessions_that_are_cut_after_an_hour_go_on_within_two_seconds() {
    let profile = Profile { reconnect: secs(30), ..Profile::ivs(KEY) };
    let mut world = after(setup(vec![place(profile)], Vec::new(), secs(4 * 3600)));
    let sessions: Vec<_> = world.fars[0].platform.sessions().collect();
    assert_eq!(sessions.len(), 4);
    for (old, new) in sessions.iter().zip(&sessions[1..]) {
        let (ended, how) = old.ended.expect("an end");
        assert_eq!(how, End::Cut);
        let gap = new.accepted.expect("accepted") - ended;
        assert!(gap <= secs(2), "{gap:?}");
        assert_eq!(new.complaints(), [""; 0]);
    }
    assert_eq!(world.fars[0].platform.broadcasts(world.now).len(), 1);
}

#[test]
fn eight_hours_are_the_most_at_one_platform() {
    let world = after(setup(vec![place(Profile::facebook(KEY))], Vec::new(), secs(8 * 3600 + 60)));
    let ends: Vec<_> = world.fars[0].platform.sessions().map(|s| s.ended.map(|e| e.1)).collect();
    assert_eq!(ends, [Some(End::Cut), None]);
    assert_eq!(world.state(0), State::Live);
}

#[test]
fn changed_parameters_are_new_headers_where_they_are_borne() {
    let faults = vec![at(60, 0, Kind::EncoderChanges)];
    for profile in [Profile::youtube(KEY), Profile::twitch(KEY), Profile::ivs(KEY)] {
        let world = after(setup(vec![place(profile)], faults.clone(), secs(120)));
        let sessions: Vec<_> = world.fars[0].platform.sessions().collect();
        assert_eq!(sessions.len(), 1, "no redial");
        assert_eq!(sessions[0].intake.video_headers.len(), 2);
        assert_eq!(sessions[0].complaints(), [""; 0]);
        assert_eq!(sessions[0].intake.frames.missing(), 0);
    }
}

#[test]
fn changed_parameters_are_a_new_session_of_the_same_broadcast_where_they_are_not_borne() {
    let faults = vec![at(60, 0, Kind::EncoderChanges)];
    // To leave in order is no goodbye, so that the name may be in use for a while.
    let rows = [
        (ConfigChange::Headers, End::Parameters, secs(2)),
        (ConfigChange::Redial, End::Lost, secs(8 + 8)),
    ];
    for (config_change, end, within) in rows {
        let place = super::Place { config_change, ..place(Profile::facebook(KEY)) };
        let mut world = after(setup(vec![place], faults.clone(), secs(120)));
        let published: Vec<_> = world.fars[0].platform.published().collect();
        assert_eq!(published.len(), 2, "{config_change:?}");
        let (ended, how) = published[0].ended.expect("an end");
        assert_eq!(how, end);
        let gap = published[1].accepted.expect("accepted") - ended;
        assert!(gap <= within, "{config_change:?}: {gap:?}");
        let headers: Vec<_> = published.iter().map(|s| s.intake.video_headers.len()).collect();
        assert_eq!(headers, [if end == End::Parameters { 2 } else { 1 }, 1]);
        assert!(published.iter().all(|session| session.complaints().is_empty()));
        assert_eq!(world.state(0), State::Live);
        let broadcasts = world.fars[0].platform.broadcasts(world.now);
        assert_eq!(broadcasts.len(), 1, "{config_change:?}");
        assert_eq!(broadcasts[0].ended, None);
    }
}

#[test]
fn d11_a_backup_is_on_air_within_two_seconds_and_goes_home() {
    let faults = vec![at(60, 60, Kind::Refuse), at(60, 0, Kind::Reset)];
    let primary = place(Profile::patient("live", KEY));
    let backup = super::Place { backup_of: Some((0, BackupMode::Failover)), ..primary.clone() };
    let world = after(setup(vec![primary, backup], faults, secs(200)));
    let live = world.seats[1].states.iter().find(|(_, state)| *state == State::Live);
    let took = live.expect("the backup was live").0 - world.origin;
    assert!((secs(60)..=secs(62)).contains(&took), "{took:?}");
    assert_eq!(world.state(0), State::Live);
    assert_eq!(world.state(1), State::Stopped);
    let sessions: Vec<_> = world.fars[1].platform.sessions().collect();
    assert_eq!(sessions.len(), 1);
    assert!(sessions[0].said_goodbye());
    assert_eq!(sessions[0].complaints(), [""; 0]);
}

#[test]
fn d11_both_at_once_loses_nothing_when_one_breaks() {
    let faults = vec![at(60, 60, Kind::Refuse), at(60, 0, Kind::Reset)];
    let primary = place(Profile::patient("live", KEY));
    let backup = super::Place { backup_of: Some((0, BackupMode::Both)), ..primary.clone() };
    let world = after(setup(vec![primary, backup], faults, secs(200)));
    let sessions: Vec<_> = world.fars[1].platform.sessions().collect();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].intake.frames.missing(), 0);
    assert_eq!(sessions[0].ended, None);
}

#[test]
fn d13_three_redirects_are_followed_at_once_and_a_ring_is_not() {
    let begin = |hops| vec![Fault { at: secs(0), ..at(0, 0, Kind::Redirect(hops)) }];
    let world = after(setup(vec![place(Profile::youtube(KEY))], begin(3), secs(20)));
    assert_eq!(world.state(0), State::Live);
    assert_eq!(world.fars[0].platform.sessions().len(), 4);
    assert_eq!(world.seats[0].failures(), 0, "a redirect that is followed is no failure");

    let world = after(setup(vec![place(Profile::youtube(KEY))], begin(1000), secs(400)));
    assert_eq!(world.state(0), State::Rejected);
    assert_eq!(world.fars[0].platform.sessions().len(), 8, "one ring at first, one after 5 min");
}
