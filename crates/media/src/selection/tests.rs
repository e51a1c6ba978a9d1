//! Words to rules, rules to Tracks, and Tracks over time.

use super::*;
use crate::{Codec, Frame, Timestamp, Track, TrackSet};
use bytes::Bytes;

const fn video(index: u8) -> TrackId {
    TrackId { kind: TrackKind::Video, index }
}

const fn audio(index: u8) -> TrackId {
    TrackId { kind: TrackKind::Audio, index }
}

fn set(ids: &[TrackId]) -> TrackSet {
    let mut set = TrackSet::default();
    for id in ids {
        let codec = if id.kind == TrackKind::Video { Codec::H264 } else { Codec::Aac };
        set.insert(Track { id: *id, codec, config: None });
    }
    set
}

const fn picture(shape: Option<Orientation>, smallest: bool, up_to: Option<u32>) -> TrackRule {
    TrackRule::Picture(PictureRule { shape, up_to, smallest })
}

#[test]
fn words_for_video_tracks() {
    let (portrait, landscape) = (Some(Orientation::Portrait), Some(Orientation::Landscape));
    for (words, want) in [
        ("default", Some(TrackRule::Default)),
        ("ALL", Some(TrackRule::All)),
        ("none", Some(TrackRule::None)),
        ("0", Some(TrackRule::Number(0))),
        ("255", Some(TrackRule::Number(255))),
        ("largest", Some(picture(None, false, None))),
        ("Largest up to 720p", Some(picture(None, false, Some(720)))),
        ("largest-up-to-720p", Some(picture(None, false, Some(720)))),
        ("largest+up%20to_720p", Some(picture(None, false, Some(720)))),
        ("largest 720p", Some(picture(None, false, Some(720)))),
        ("720p", Some(picture(None, false, Some(720)))),
        ("up to 1080p", Some(picture(None, false, Some(1080)))),
        ("smallest", Some(picture(None, true, None))),
        ("portrait", Some(picture(portrait, false, None))),
        ("landscape smallest", Some(picture(landscape, true, None))),
        ("portrait-up-to-1080p", Some(picture(portrait, false, Some(1080)))),
        ("", None),
        ("256", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("720", None),
        ("0p", None),
        ("+5p", None),
        ("p", None),
        ("up to", None),
        ("largest up 720p", None),
        ("largest smallest", None),
        ("smallest portrait", None),
        ("720p 480p", None),
        ("99999999999p", None),
        ("loudest", None),
    ] {
        let found = TrackRule::parse(TrackKind::Video, words);
        assert_eq!(found, want.ok_or(RuleError::Video), "{words:?}");
        // what a rule prints is what it is read from
        if let Ok(rule) = found {
            assert_eq!(TrackRule::parse(TrackKind::Video, &rule.to_string()), Ok(rule), "{rule}");
        }
    }
    let long = "1".repeat(65);
    assert_eq!(TrackRule::parse(TrackKind::Video, &long), Err(RuleError::Video));
}

#[test]
fn words_for_audio_tracks() {
    for (words, want) in [
        ("default", Some(TrackRule::Default)),
        ("all", Some(TrackRule::All)),
        ("none", Some(TrackRule::None)),
        ("2", Some(TrackRule::Number(2))),
        ("largest", None),
        ("portrait", None),
        ("720p", None),
        ("", None),
    ] {
        let found = TrackRule::parse(TrackKind::Audio, words);
        assert_eq!(found, want.ok_or(RuleError::Audio), "{words:?}");
    }
}

#[test]
fn rules_in_a_query() {
    use TrackRule::{All, Default, None, Number};
    for (query, want) in [
        ("", Ok((Default, Default))),
        ("token=abc&x", Ok((Default, Default))),
        ("tracks=all", Ok((All, All))),
        ("?tracks=all", Ok((All, All))),
        ("tracks=video", Ok((Default, None))),
        ("tracks=audio&token=1", Ok((None, Default))),
        ("audio_track=2", Ok((Default, Number(2)))),
        ("video_track=1&audio_track=none", Ok((Number(1), None))),
        ("video_track=720p", Ok((picture(Option::None, false, Some(720)), Default))),
        ("audio_track=2&tracks=all", Ok((All, Number(2)))),
        ("audio_track=2&audio_track=3", Ok((Default, Number(3)))),
        ("tracks=some", Err(RuleError::Tracks)),
        ("tracks=", Err(RuleError::Tracks)),
        ("video_track=best", Err(RuleError::Video)),
        ("audio_track=portrait", Err(RuleError::Audio)),
    ] {
        let found = TrackRules::from_query(query).map(|rules| (rules.video, rules.audio));
        assert_eq!(found, want, "{query}");
    }
}

/// A ladder as an encoder sends it: number, width, height; the last can be played by nobody who asks.
const LADDER: [(u8, u32, u32, bool); 6] = [
    (0, 1920, 1080, true),
    (1, 1280, 720, true),
    (2, 640, 360, true),
    (3, 720, 1280, true),
    (4, 1280, 720, true),
    (5, 3840, 2160, false),
];

fn ladder(track: &Track) -> Facts {
    let row = LADDER.iter().find(|(index, ..)| *index == track.id.index);
    row.map_or(Facts::UNKNOWN, |(_, width, height, playable)| Facts {
        size: Some((*width, *height)),
        playable: *playable,
    })
}

#[test]
fn pictures_are_chosen_by_their_size() {
    let all = set(&[video(0), video(1), video(2), video(3), video(4), video(5)]);
    for (words, want) in [
        ("default", Choice::One(0)),
        ("largest", Choice::One(0)),
        ("smallest", Choice::One(2)),
        // the first of equals; 720 lines of either shape
        ("largest up to 720p", Choice::One(1)),
        ("largest up to 719p", Choice::One(2)),
        // nothing is small enough
        ("largest up to 240p", Choice::One(2)),
        ("portrait", Choice::One(3)),
        ("portrait up to 480p", Choice::One(3)),
        ("landscape smallest", Choice::One(2)),
        // a number is taken at its word
        ("5", Choice::One(5)),
        ("9", Choice::One(9)),
        ("all", Choice::All),
        ("none", Choice::None),
    ] {
        let rule = TrackRule::parse(TrackKind::Video, words).unwrap();
        let rules = TrackRules { video: rule, ..TrackRules::default() };
        assert_eq!(rules.choose(&all, ladder).video, want, "{words}");
    }
}

#[test]
fn where_nothing_has_what_is_asked_for_the_default_is_taken() {
    let chosen = |words: &str, tracks: &TrackSet, facts: fn(&Track) -> Facts| {
        let rule = TrackRule::parse(TrackKind::Video, words).unwrap();
        TrackRules { video: rule, ..TrackRules::default() }.choose(tracks, facts).video
    };
    let wide = set(&[video(0), video(1), video(2)]);
    assert_eq!(chosen("portrait", &wide, ladder), Choice::One(0), "no picture is so");
    assert_eq!(chosen("smallest", &wide, |_| Facts::UNKNOWN), Choice::One(0), "sizes unknown");
    let later = set(&[video(2), video(3)]);
    assert_eq!(chosen("default", &later, ladder), Choice::One(2), "the lowest number there is");
    assert_eq!(chosen("default", &TrackSet::default(), ladder), Choice::One(0), "nothing yet");
    let huge = set(&[video(5)]);
    assert_eq!(chosen("default", &huge, ladder), Choice::None, "nothing that can be played");
    assert_eq!(chosen("largest", &huge, ladder), Choice::None);
    assert_eq!(chosen("default", &set(&[video(1), video(5)]), ladder), Choice::One(1));
}

#[test]
fn a_selection_takes_what_it_names() {
    let one = Selection { audio: Choice::One(2), ..Selection::DEFAULT };
    let mute = Selection { audio: Choice::None, ..Selection::ALL };
    for (selection, id, want) in [
        (Selection::ALL, video(7), true),
        (Selection::ALL, TrackId::DATA, true),
        (Selection::DEFAULT, video(0), true),
        (Selection::DEFAULT, video(1), false),
        (Selection::DEFAULT, TrackId::DATA, true),
        (one, audio(2), true),
        (one, audio(0), false),
        (mute, video(3), true),
        (mute, audio(0), false),
        (Selection { data: false, ..mute }, TrackId::DATA, false),
    ] {
        assert_eq!(selection.takes(id), want, "{selection:?} {id}");
    }
    assert!(one.is_alone(TrackKind::Video) && one.is_alone(TrackKind::Audio));
    assert!(!mute.is_alone(TrackKind::Video) && !mute.is_alone(TrackKind::Audio));
    assert!(!one.is_alone(TrackKind::Data));
}

fn frame(track: TrackId, key: bool) -> Frame {
    let (dts, pts) = (Timestamp::ZERO, Timestamp::ZERO);
    Frame { track, codec: Codec::H264, dts, pts, key, payload: Bytes::new(), wire: None }
}

fn chooser(query: &str) -> Chooser {
    Chooser::new(TrackRules::from_query(query).unwrap())
}

#[test]
fn pictures_change_at_a_key_frame_and_not_before() {
    let mut chooser = chooser("video_track=largest");
    assert!(chooser.tracks(&set(&[video(2)]), ladder), "the first choice is in force at once");
    assert_eq!(chooser.takes(&frame(video(2), true)), Taken::Yes);
    // a larger one appears
    assert!(!chooser.tracks(&set(&[video(1), video(2)]), ladder));
    for (id, key, want) in [
        (video(2), false, Taken::Yes),
        (video(1), false, Taken::No),
        (video(2), true, Taken::Yes),
        (video(1), true, Taken::Changed),
        (video(2), true, Taken::No),
        (video(1), false, Taken::Yes),
    ] {
        assert_eq!(chooser.takes(&frame(id, key)), want, "{id} {key}");
    }
    assert_eq!(chooser.selection().video, Choice::One(1));
    // the same Tracks again are no news
    assert!(!chooser.tracks(&set(&[video(1), video(2)]), ladder));
    assert_eq!(chooser.takes(&frame(video(2), true)), Taken::No);
}

/// Encoders send all configurations first: nobody is shown one picture of another Track before.
#[test]
fn pictures_that_were_announced_are_waited_for() {
    let announced = |flowing: &[TrackId], announced: &[TrackId]| TrackSet {
        announced: set(announced).tracks,
        ..set(flowing)
    };
    let at = |id, key, ms| {
        let dts = Timestamp::from_millis(ms);
        Frame { dts, pts: dts, ..frame(id, key) }
    };
    let mut chooser = chooser("video_track=smallest");
    chooser.tracks(&announced(&[video(0)], &[video(2)]), ladder);
    assert_eq!(chooser.takes(&at(video(0), true, 0)), Taken::No, "the smaller one will come");
    assert_eq!(chooser.takes(&at(audio(0), true, 10)), Taken::Yes, "sound waits for nothing");
    let mut patient = chooser;
    patient.tracks(&set(&[video(0), video(2)]), ladder);
    assert_eq!(patient.takes(&at(video(2), true, 40)), Taken::Yes);
    assert_eq!(patient.takes(&at(video(0), true, 1_000)), Taken::No);
    // It does not come.
    for (ms, key, want) in [
        (490, true, Taken::No),
        (500, false, Taken::No),
        (540, true, Taken::Changed),
        (580, false, Taken::Yes),
    ] {
        assert_eq!(chooser.takes(&at(video(0), key, ms)), want, "{ms}");
    }
}

#[test]
fn a_change_that_is_taken_back_does_not_happen() {
    let mut chooser = chooser("video_track=largest");
    chooser.tracks(&set(&[video(2)]), ladder);
    chooser.takes(&frame(video(2), true));
    chooser.tracks(&set(&[video(1), video(2)]), ladder);
    // another Run, without it
    assert!(!chooser.tracks(&set(&[video(2)]), ladder));
    assert_eq!(chooser.takes(&frame(video(1), true)), Taken::No);
    assert_eq!(chooser.takes(&frame(video(2), false)), Taken::Yes);
}

#[test]
fn before_the_first_picture_the_choice_is_free() {
    let mut chooser = chooser("");
    assert_eq!(chooser.selection(), Selection::DEFAULT);
    assert!(chooser.tracks(&set(&[video(3), audio(1)]), ladder));
    assert!(chooser.tracks(&set(&[video(0), video(3), audio(1)]), ladder));
    assert_eq!(chooser.selection(), Selection { audio: Choice::One(1), ..Selection::DEFAULT });
}

#[test]
fn pictures_of_one_track_begin_with_a_key_frame() {
    let mut chooser = chooser("video_track=1");
    chooser.tracks(&set(&[video(0), video(1), audio(0)]), ladder);
    for _ in 0..2 {
        for (id, key, want) in [
            (video(0), true, Taken::No),
            (video(1), false, Taken::No),
            (audio(0), true, Taken::Yes),
            (video(1), true, Taken::Yes),
            (video(1), false, Taken::Yes),
        ] {
            assert_eq!(chooser.takes(&frame(id, key)), want, "{id} {key}");
        }
        chooser.restart();
    }
}

#[test]
fn sound_changes_at_once_and_numbers_never() {
    let mut default = chooser("");
    default.tracks(&set(&[video(0), audio(2)]), ladder);
    assert_eq!(default.takes(&frame(audio(2), true)), Taken::Yes);
    assert!(default.tracks(&set(&[video(0), audio(0), audio(2)]), ladder));
    assert_eq!(default.takes(&frame(audio(2), true)), Taken::No);
    assert_eq!(default.takes(&frame(audio(0), true)), Taken::Yes);
    let mut clean = chooser("audio_track=2");
    clean.tracks(&set(&[audio(0)]), ladder);
    assert_eq!(clean.takes(&frame(audio(0), true)), Taken::No, "nothing in its place");
    clean.tracks(&set(&[audio(0), audio(2)]), ladder);
    assert_eq!(clean.takes(&frame(audio(2), true)), Taken::Yes);
}

#[test]
fn all_tracks_change_without_waiting() {
    let mut chooser = chooser("tracks=all");
    chooser.tracks(&set(&[video(0)]), ladder);
    for id in [video(0), video(9), audio(4), TrackId::DATA] {
        assert_eq!(chooser.takes(&frame(id, false)), Taken::Yes, "{id}");
    }
}

/// Pictures that have ended: the best of what flows takes their place at its key frame.
#[test]
fn a_rule_goes_over_to_what_still_flows() {
    // All flow, then the one that was chosen ends, then it is back; what a rule takes by turns.
    for (query, first, then) in [
        ("", 0, 1),
        ("video_track=largest", 0, 1),
        ("video_track=smallest", 2, 1),
        ("video_track=portrait", 3, 0),
        ("video_track=largest-up-to-480p", 2, 1),
    ] {
        let all = [video(0), video(1), video(2), video(3)];
        let rest: Vec<_> = all.into_iter().filter(|id| *id != video(first)).collect();
        let mut chooser = chooser(query);
        chooser.tracks(&set(&all), ladder);
        assert_eq!(chooser.takes(&frame(video(first), true)), Taken::Yes, "{query}");
        for _ in 0..2 {
            chooser.tracks(&set(&rest), ladder);
            assert!(chooser.is_lost(), "{query}");
            assert_eq!(chooser.takes(&frame(video(then), false)), Taken::No, "{query}");
            assert_eq!(chooser.takes(&frame(video(then), true)), Taken::Changed, "{query}");
            assert!(!chooser.is_lost(), "{query}");
            chooser.tracks(&set(&all), ladder);
            assert_eq!(chooser.takes(&frame(video(first), false)), Taken::No, "{query}");
            assert_eq!(chooser.takes(&frame(video(then), false)), Taken::Yes, "{query}");
            assert_eq!(chooser.takes(&frame(video(first), true)), Taken::Changed, "{query}");
            assert_eq!(chooser.takes(&frame(video(then), true)), Taken::No, "{query}");
        }
    }
}

#[test]
fn a_number_is_not_replaced_and_goes_on_at_a_key_frame() {
    let mut chooser = chooser("video_track=1");
    for _ in 0..2 {
        chooser.tracks(&set(&[video(0), video(1)]), ladder);
        assert_eq!(chooser.takes(&frame(video(1), false)), Taken::No);
        assert_eq!(chooser.takes(&frame(video(1), true)), Taken::Yes);
        chooser.tracks(&set(&[video(0)]), ladder);
        assert_eq!(chooser.takes(&frame(video(0), true)), Taken::No);
    }
}

/// It may be configured anew and never come.
#[test]
fn nobody_without_pictures_waits_for_those_that_are_announced() {
    let mut chooser = chooser("video_track=smallest");
    chooser.tracks(&set(&[video(0), video(2)]), ladder);
    chooser.takes(&frame(video(2), true));
    let announced = set(&[video(2)]).tracks;
    chooser.tracks(&TrackSet { announced, ..set(&[video(0)]) }, ladder);
    assert_eq!(chooser.takes(&frame(video(0), true)), Taken::Changed);
}

#[test]
fn sound_that_ended_is_replaced_at_once() {
    let mut chooser = chooser("");
    chooser.tracks(&set(&[video(0), audio(0), audio(1)]), ladder);
    assert!(chooser.tracks(&set(&[video(0), audio(1)]), ladder));
    assert_eq!(chooser.takes(&frame(audio(1), true)), Taken::Yes);
}
