//! Wrong keys and names in use, as each platform tells them.

use super::{KEY, after, at, place, secs, setup};
use crate::fault::Kind;
use crate::platform::{BadKey, HangUp, Profile};
use crate::world::World;
use manycast_restream::{FailureKind, State};

fn with_bad_key(profile: Profile, seconds: u64) -> World {
    let mut profile = profile;
    profile.keys = vec!["another".into()];
    after(setup(vec![place(profile)], Vec::new(), secs(seconds)))
}

fn words(world: &World) -> String {
    world.seats[0].last_failure().map(|failure| failure.words.to_string()).unwrap_or_default()
}

#[test]
fn d5_a_refusal_in_words_is_told_in_words_and_tried_again_after_five_minutes() {
    let rows = [
        (Profile::facebook(KEY), "NetStream.Publish.Denied: The stream key is invalid", 1),
        // Words that may also mean a session of before the start are doubted once, after 10 s.
        (Profile::ivs(KEY), "NetStream.Publish.BadName: The stream name is not available", 2),
    ];
    for (profile, said, dials) in rows {
        let world = with_bad_key(profile.clone(), 290);
        assert_eq!(world.state(0), State::Rejected);
        assert!(words(&world).starts_with(said), "{}", words(&world));
        assert_eq!(world.fars[0].platform.sessions().len(), dials);
        let failure = world.seats[0].last_failure().expect("a failure");
        assert_eq!(failure.kind, FailureKind::Rejected);
        let world = with_bad_key(profile, 320);
        assert_eq!(world.fars[0].platform.sessions().len(), dials + 1);
    }
}

#[test]
fn d4_three_closes_without_a_word_are_probably_the_key() {
    let twitch = Profile::twitch(KEY);
    let reset = Profile { hang_up: HangUp::Reset, ..twitch.clone() };
    // Some take a moment of media first.
    for profile in [twitch, reset, Profile::youtube(KEY)] {
        let world = with_bad_key(profile.clone(), 60);
        assert!(words(&world).contains("probably the key"), "{}", words(&world));
        let dials = world.fars[0].platform.sessions().len();
        assert!((3..=10).contains(&dials), "{}: {dials} dials in the first minute", profile.name);
        let world = with_bad_key(profile, 2);
        assert!(!words(&world).contains("probably"), "one close proves nothing");
    }
}

#[test]
fn an_edit_of_the_key_is_tried_at_once() {
    for profile in [Profile::facebook(KEY), Profile::ivs(KEY), Profile::twitch(KEY)] {
        let faults = vec![at(30, 20, Kind::BadKey), at(30, 0, Kind::Reset), at(60, 0, Kind::Edit)];
        let world = after(setup(vec![place(profile)], faults, secs(63)));
        assert_eq!(world.state(0), State::Live);
    }
}

#[test]
fn a_name_in_use_after_our_own_unclean_end_is_network_trouble() {
    for profile in [Profile::facebook(KEY), Profile::ivs(KEY)] {
        let faults = vec![at(60, 8, Kind::HalfOpen)];
        let world = after(setup(vec![place(profile.clone())], faults, secs(110)));
        assert_eq!(world.state(0), State::Live, "{}: {}", profile.name, words(&world));
        let last = world.fars[0].platform.sessions().next_back().expect("a session");
        assert_eq!(last.complaints(), [""; 0]);
    }
}

#[test]
fn a_crash_leaves_a_name_in_use_and_the_new_process_gets_it_back() {
    for profile in [Profile::facebook(KEY), Profile::ivs(KEY)] {
        let faults = vec![at(60, 1, Kind::PowerLoss)];
        let world = after(setup(vec![place(profile)], faults, secs(110)));
        assert_eq!(world.state(0), State::Live, "{}", words(&world));
    }
}

#[test]
fn d3_a_platform_that_closes_after_twenty_seconds_is_no_wrong_key() {
    let bad_key = BadKey::TakeThenClose(secs(20));
    let world = with_bad_key(Profile { bad_key, ..Profile::youtube(KEY) }, 300);
    assert!(!words(&world).contains("probably"), "{}", words(&world));
    let dials = world.fars[0].platform.sessions().len();
    assert!((12..=15).contains(&dials), "each time back within two seconds: {dials}");
    assert!(world.fars[0].platform.broadcasts_so_far().is_empty());
}
