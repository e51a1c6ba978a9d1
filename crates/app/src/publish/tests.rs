//! Files of all kinds, the clock over loops, pacing in virtual time, and a real server.

use super::script::{Outgoing, Script};
use super::source::SourceError;
use super::{Clip, Feed, Meter, Progress, pace, publish};
use crate::serve::Embedded;
use crate::tool::{Endpoint, Failure, loopback_settings};
use bytes::Bytes;
use manycast_flv::{Tag, TagKind};
use manycast_hub::LinkEnd;
use manycast_net_rtmp::{Player, PlayerEvent};
use manycast_rtmp::session::MediaKind;
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

const CLIP: &[u8] = include_bytes!("../../../../assets/demo.flv");
const AVC_HEADER: &[u8] = b"\x17\x00\0\0\0\x01\x64\x00\x1f\xff\xe1\0\0\x01\0\0";
const AVC_END: &[u8] = b"\x17\x02\0\0\0";
const PICTURE: &[u8] = b"\x27\x01\0\0\0\0\0\0\x01\x41";
const KEY: &[u8] = b"\x17\x01\0\0\0\0\0\0\x01\x65";
const SOUND: &[u8] = b"\xaf\x01\x21\x10";

fn tag(kind: TagKind, timestamp: u32, body: &'static [u8]) -> Tag {
    Tag { kind, timestamp, body: Bytes::from_static(body) }
}

fn video(timestamp: u32, body: &'static [u8]) -> Tag {
    tag(TagKind::Video, timestamp, body)
}

/// A file of these tags.
fn file(tags: &[Tag]) -> Cursor<Vec<u8>> {
    let mut out = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for tag in tags {
        let length = u32::try_from(tag.body.len()).unwrap();
        let [_, length_bytes @ ..] = length.to_be_bytes();
        let [high, low @ ..] = tag.timestamp.to_be_bytes();
        out.push(tag.kind.code());
        out.extend(length_bytes);
        out.extend(low);
        out.extend([high, 0, 0, 0]);
        out.extend(&tag.body);
        out.extend((length + 11).to_be_bytes());
    }
    Cursor::new(out)
}

fn times(script: &mut Script, tags: &[Tag]) -> Vec<i64> {
    tags.iter().filter_map(|tag| script.take(tag)).map(|message| message.at).collect()
}

#[test]
fn headers_are_said_once_and_again_when_they_change() {
    let mut script = Script::default();
    let other: &[u8] = b"\x17\x00\0\0\0\x01\x64\x00\x28\xff\xe1\0\0\x01\0\0";
    let mut said = |body| script.take(&video(0, body)).is_some();
    assert!(said(AVC_HEADER));
    assert!(said(KEY));
    assert!(!said(AVC_HEADER), "said already");
    assert!(said(other), "changed");
    assert!(said(AVC_HEADER), "changed back");
    assert!(!said(b""), "nothing to send");
}

#[test]
fn sequences_end_at_the_very_end() {
    let mut script = Script::default();
    for _ in 0..2 {
        let got = times(&mut script, &[video(0, KEY), video(40, PICTURE), video(80, AVC_END)]);
        assert_eq!(got.len(), 2);
        assert!(script.again());
    }
    let last = script.last_words();
    assert_eq!(last.len(), 1);
    assert_eq!((&last[0].body[..], last[0].at), (AVC_END, 160));
}

#[test]
fn the_clock_goes_on_over_rounds_leaps_and_wraps() {
    for (what, rounds, want) in [
        (
            "from zero, whatever the file begins at",
            vec![vec![5_000, 5_040, 5_080]],
            vec![0, 40, 80],
        ),
        ("rounds", vec![vec![0, 40, 80], vec![0, 40, 80]], vec![0, 40, 80, 120, 160, 200]),
        ("a wrap", vec![vec![u32::MAX - 19, 20, 60]], vec![0, 40, 80]),
        ("a leap", vec![vec![0, 40, 900_000, 900_040]], vec![0, 40, 60, 100]),
        ("a leap back", vec![vec![900_000, 900_040, 0, 40]], vec![0, 40, 60, 100]),
        ("a small step back", vec![vec![0, 80, 40, 120]], vec![0, 80, 40, 120]),
    ] {
        let mut script = Script::default();
        let mut got = Vec::new();
        for round in rounds {
            let tags: Vec<_> = round.into_iter().map(|at| video(at, PICTURE)).collect();
            got.extend(times(&mut script, &tags));
            assert!(script.again());
        }
        assert_eq!(got, want, "{what}");
    }
}

#[test]
fn the_longer_track_decides_when_a_round_is_over() {
    let mut script = Script::default();
    let sound = |at| tag(TagKind::Audio, at, SOUND);
    let tags = [video(0, KEY), sound(0), video(40, PICTURE), sound(23), sound(46), sound(69)];
    times(&mut script, &tags);
    assert_eq!(script.end(), 92);
    assert!(script.again());
    assert_eq!(times(&mut script, &tags[..1]), [92]);
    assert!(script.again(), "a round with a frame");
    assert!(!script.again(), "a round without");
}

#[tokio::test]
async fn what_cannot_be_published_is_said() {
    let no_frames = file(&[video(0, AVC_HEADER), tag(TagKind::Script, 0, b"\x02\0\x01x")]);
    for (bytes, want) in [
        (Vec::new(), "is empty"),
        (b"FL".to_vec(), "not an FLV file"),
        (b"\x00\x00\x00\x18ftypmp42 and so on".to_vec(), "not an FLV file"),
        (no_frames.into_inner(), "no sound and no pictures"),
    ] {
        let error = Clip::open(Cursor::new(bytes), true).await.err().unwrap();
        assert!(error.to_string().contains(want), "{error}");
    }
    let broken = Clip::open(Cursor::new(&CLIP[..CLIP.len() / 2]), false).await;
    let mut broken = broken.expect("a recording that broke off goes out as far as it goes");
    let mut count = 0;
    while let Some(message) = broken.next().await.transpose() {
        assert!(message.is_ok());
        count += 1;
    }
    assert!(count > 200, "{count}");
}

/// Notes when what was sent.
struct Notes {
    start: Instant,
    sent: Vec<(u64, i64)>,
    /// Each message takes this long to be taken.
    slow: Duration,
}

impl Feed for Notes {
    async fn send(&mut self, message: Outgoing) -> Result<(), LinkEnd> {
        let now = self.start.elapsed().as_millis();
        self.sent.push((u64::try_from(now).unwrap(), message.at));
        tokio::time::sleep(self.slow).await;
        Ok(())
    }

    async fn idle(&mut self, time: Duration) -> Result<(), LinkEnd> {
        tokio::time::sleep(time).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn each_message_goes_at_its_time_without_drift() {
    for slow in [0, 3] {
        let mut clip = Clip::open(Cursor::new(CLIP), true).await.unwrap();
        let slow = Duration::from_millis(slow);
        let mut notes = Notes { start: Instant::now(), sent: Vec::new(), slow };
        let hour = Duration::from_millis(3_599_995);
        let meter = Meter::default();
        let ran = tokio::time::timeout(hour, pace(&mut clip, &mut notes, &meter)).await;
        assert!(ran.is_err(), "it goes on: {ran:?}");
        let worst = notes.sent.iter().map(|(now, at)| now.abs_diff(u64::try_from(*at).unwrap()));
        // Audio and video of the same time come one after the other, at the seam four of them.
        assert!(worst.max().unwrap() <= 15, "after an hour as in the first second");
        let (_, last) = *notes.sent.last().unwrap();
        assert!((3_599_900..=3_600_000).contains(&last), "{last}");
        let frames = meter.frames.load(Ordering::Relaxed);
        assert_eq!(frames, 615 * 450, "450 rounds of eight seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_made_up_for() {
    let tags: Vec<_> = (0..100).map(|n| video(n * 40, PICTURE)).collect();
    let mut clip = Clip::open(file(&tags), false).await.unwrap();
    struct Stalls(Notes);
    impl Feed for Stalls {
        async fn send(&mut self, message: Outgoing) -> Result<(), LinkEnd> {
            let stall = message.at == 400;
            self.0.send(message).await?;
            tokio::time::sleep(Duration::from_millis(if stall { 1_000 } else { 0 })).await;
            Ok(())
        }
        async fn idle(&mut self, time: Duration) -> Result<(), LinkEnd> {
            self.0.idle(time).await
        }
    }
    let notes = Notes { start: Instant::now(), sent: Vec::new(), slow: Duration::ZERO };
    let mut stalls = Stalls(notes);
    pace(&mut clip, &mut stalls, &Meter::default()).await.unwrap();
    let sent = stalls.0.sent;
    assert_eq!(sent[11], (1_400, 440), "late after the stall");
    assert!(sent[36..].iter().all(|(now, at)| now.abs_diff(u64::try_from(*at).unwrap()) <= 2));
}

/// A server that takes any name.
async fn server() -> (Embedded, String) {
    let text = "[rtmp]\nlisten = \"127.0.0.1:0\"\nopen = true\n[http]\nlisten = \"off\"\n[https]\nlisten = \"off\"\n\
                [[stream]]\nname = \"main\"\nkey = \"sk_main\"\n";
    let loaded = crate::config::read(Path::new("test.toml"), text.as_bytes(), []).unwrap();
    let server = Embedded::start(loaded.config).await.unwrap();
    let url = format!("rtmp://{}/live", server.address("rtmp").unwrap());
    (server, url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_reaches_a_viewer_bit_by_bit_and_ends_in_order() {
    let (server, url) = server().await;
    let settings = loopback_settings().unwrap();
    let watched = Endpoint::play(&format!("{url}/main")).unwrap();
    let mut player = Player::connect(&settings, &watched.address).await.unwrap();
    let bodies = [AVC_HEADER, KEY, PICTURE, PICTURE, PICTURE, AVC_END];
    let tags = bodies.into_iter().zip((0..).step_by(40)).map(|(body, at)| video(at, body));
    let tags: Vec<_> = tags.collect();
    let clip = Clip::open(file(&tags), false).await.unwrap();
    let key = manycast_hub::Secret::new("sk_main");
    let endpoint = Endpoint::publish(&url, Some(&key)).unwrap();
    let stop = std::future::pending();
    let sent = publish(clip, &endpoint, &settings, stop, Progress::quiet()).await.unwrap();
    assert!(sent.starts_with("sent 4 frames"), "{sent}");
    let mut bodies = Vec::new();
    loop {
        match player.next().await.unwrap() {
            PlayerEvent::Media(event) if event.media.kind == MediaKind::Video => {
                bodies.push(event.media.body);
            }
            PlayerEvent::Media(_) => {}
            PlayerEvent::Unpublished => break,
            PlayerEvent::Ended => panic!("the server closed"),
        }
    }
    assert_eq!(bodies, [AVC_HEADER, KEY, PICTURE, PICTURE, PICTURE]);
    player.close().await;
    server.drain(Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_ends_it_and_a_refusal_is_told_in_the_servers_words() {
    let (server, url) = server().await;
    let settings = loopback_settings().unwrap();
    let open = || Clip::open(Cursor::new(CLIP), true);
    let endpoint = Endpoint::publish(&format!("{url}/any"), None).unwrap();
    let stop = tokio::time::sleep(Duration::from_millis(300));
    let sent = publish(open().await.unwrap(), &endpoint, &settings, stop, Progress::quiet()).await;
    assert!(sent.unwrap().starts_with("sent "));
    let refused = Endpoint::publish(&format!("{url}/not~a~name~sk_secret"), None).unwrap();
    let stop = std::future::pending();
    let failed = publish(open().await.unwrap(), &refused, &settings, stop, Progress::quiet()).await;
    let Failure { code, message } = failed.unwrap_err();
    assert_eq!(code, 1);
    assert!(message.contains("/live/***: NetStream.Publish"), "{message}");
    assert!(!message.contains("sk_secret"), "{message}");
    server.drain(Duration::from_secs(2)).await;
}

#[test]
fn a_file_that_cannot_be_read_is_the_files_fault() {
    let error = SourceError::from(std::io::Error::other("bad sector"));
    assert_eq!(error.to_string(), "cannot be read: bad sector");
}
