use crate::{
    Bounds, Content, Cursor, Hub, Item, Liveness, OnAir, Publisher, RunEnd, Start, Stream,
    Takeover, WindowLimits,
};
use bytes::Bytes;
use manycast_media::{Codec, CodecConfig, Frame, StreamName, Timestamp, TrackId};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A Stream in virtual time with one Publisher.
struct Bench {
    start: Instant,
    ms: u64,
    stream: Arc<Stream>,
    publisher: Option<Publisher>,
}

impl Bench {
    fn new(limits: WindowLimits) -> Self {
        let start = Instant::now();
        let stream = Hub::new().open(&StreamName::new("main").unwrap(), limits);
        let mut bench = Self { start, ms: 0, stream, publisher: None };
        bench.publish();
        bench
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    fn publish(&mut self) {
        self.publisher = None;
        let mut publisher = self.stream.publish(self.now(), Takeover::Always, "test").unwrap();
        publisher.configure(self.now(), TrackId::VIDEO, config(Codec::H264, b"avcc")).unwrap();
        self.publisher = Some(publisher);
    }

    fn push(&mut self, track: TrackId, codec: Codec, key: bool, size: usize) {
        let at = Timestamp::from_millis(i64::try_from(self.ms).unwrap());
        let frame = Frame {
            track,
            codec,
            dts: at,
            pts: at,
            key,
            payload: vec![0u8; size].into(),
            wire: None,
        };
        let now = self.now();
        self.publisher.as_mut().unwrap().push(now, frame).unwrap();
    }

    /// Pictures at 25 per second, a key frame every `gop`.
    fn pictures(&mut self, count: usize, gop: usize, size: usize) {
        for n in 0..count {
            self.push(TrackId::VIDEO, Codec::H264, n % gop == 0, size);
            self.ms += 40;
        }
    }

    fn join(&self) -> Cursor {
        self.stream.join(Start::CurrentGop, Bounds::default(), self.now())
    }

    /// What a reader gets now, one word per item: K and f for frames, J, T, S(frames,gops), ( and ) for Runs.
    fn read(&self, cursor: &mut Cursor) -> String {
        let mut items = Vec::new();
        self.stream.read(cursor, self.now(), usize::MAX, &mut items);
        items.iter().map(word).collect()
    }
}

fn config(codec: Codec, record: &'static [u8]) -> CodecConfig {
    CodecConfig { codec, record: Bytes::from_static(record), wire: None }
}

fn word(item: &Item) -> String {
    match item {
        Item::Joined { .. } => "J".into(),
        Item::Skipped { frames, gops } => format!("S({frames},{gops})"),
        Item::Entry(entry) => match &entry.content {
            Content::RunStarted { .. } => "(".into(),
            Content::RunEnded(_) => ")".into(),
            Content::Tracks { .. } => "T".into(),
            Content::Frame(frame) if frame.key => "K".into(),
            Content::Frame(_) => "f".into(),
        },
    }
}

#[test]
fn a_joiner_gets_the_current_gop_from_its_key_frame() {
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(13, 5, 100);
    let mut cursor = bench.join();
    assert_eq!(bench.read(&mut cursor), "JKff");
    bench.pictures(6, 5, 100);
    assert_eq!(bench.read(&mut cursor), "KffffK");
    assert_eq!(bench.read(&mut cursor), "");
}

#[test]
fn a_reader_from_the_start_sees_everything_in_order() {
    let mut bench = Bench::new(WindowLimits::default());
    let mut cursor = bench.join();
    assert_eq!(bench.read(&mut cursor), "");
    bench.pictures(3, 3, 10);
    bench.push(TrackId::AUDIO, Codec::Mp3, true, 5);
    assert_eq!(bench.read(&mut cursor), "JKffTK");
}

#[test]
fn the_sound_before_the_first_picture_of_a_run_is_heard_by_those_who_wait() {
    let mut bench = Bench::new(WindowLimits::default());
    for run in 0..2 {
        let mut waiting = bench.join();
        for _ in 0..15 {
            bench.push(TrackId::AUDIO, Codec::Mp3, false, 5);
            assert_eq!(bench.read(&mut waiting), "", "{run}");
            bench.ms += 100;
        }
        bench.push(TrackId::VIDEO, Codec::H264, true, 10);
        bench.push(TrackId::AUDIO, Codec::Mp3, false, 5);
        // a second of it, without what was said about Tracks, which is in Joined
        let mut items = Vec::new();
        bench.stream.read(&mut waiting, bench.now(), usize::MAX, &mut items);
        assert_eq!(items.iter().map(word).collect::<String>(), "JffffffffffKf", "{run}");
        let Item::Joined { tracks, at } = &items[0] else { panic!("{items:?}") };
        assert_eq!(tracks.tracks.len(), 2);
        let first = items.iter().find_map(|item| match item {
            Item::Entry(entry) => entry.frame(),
            _ => None,
        });
        assert_eq!(first.unwrap().dts, *at);
        let mut late = bench.join();
        assert_eq!(bench.read(&mut late), "JffffffffffKf", "{run}");
        bench.pictures(3, 2, 10);
        assert_eq!(bench.read(&mut waiting), "KfK", "{run}");
        let mut later = bench.join();
        assert_eq!(bench.read(&mut later), "JK", "{run}");
        bench.publish();
    }
}

#[test]
fn e8_pictures_before_a_key_frame_or_its_configuration_start_nobody() {
    let mut bench = Bench::new(WindowLimits::default());
    let mut cursor = bench.join();
    for _ in 0..5 {
        bench.push(TrackId::VIDEO, Codec::H264, false, 10);
        bench.ms += 40;
    }
    assert_eq!(bench.read(&mut cursor), "");
    bench.pictures(2, 2, 10);
    assert_eq!(bench.read(&mut cursor), "JKf");
    let mut bench = Bench::new(WindowLimits::default());
    let mut cursor = bench.join();
    bench.push(TrackId::VIDEO, Codec::H265, true, 10);
    assert_eq!(bench.read(&mut cursor), "", "a key frame without configuration");
    let now = bench.now();
    let trouble = bench.stream.stats(now).publisher.unwrap().trouble;
    assert_eq!(trouble, Some(crate::Trouble::NoCodecConfig));
    let publisher = bench.publisher.as_mut().unwrap();
    publisher.configure(now, TrackId::VIDEO, config(Codec::H265, b"hvcc")).unwrap();
    bench.push(TrackId::VIDEO, Codec::H265, true, 10);
    assert_eq!(bench.read(&mut cursor), "JK");
}

#[test]
fn d7_a_late_reader_loses_whole_gops_and_learns_how_much() {
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(1, 25, 100);
    let mut cursor = bench.join();
    assert_eq!(bench.read(&mut cursor), "JK");
    let mark = bench.stream.mark();
    mark.set(Some(cursor.wants()));
    for _ in 0..24 {
        bench.push(TrackId::VIDEO, Codec::H264, false, 100);
        bench.ms += 40;
    }
    for _ in 0..4 {
        bench.pictures(25, 25, 100);
    }
    // The rest of the first Gop and three whole ones are lost; the current one is young enough.
    let got = bench.read(&mut cursor);
    assert!(got.starts_with("S(99,4)JK"), "{got}");
    assert_eq!(got.len(), "S(99,4)J".len() + 25, "{got}");
    mark.set(Some(cursor.wants()));
    for _ in 0..6 {
        bench.pictures(25, 25, 100);
    }
    let got = bench.read(&mut cursor);
    assert!(got.starts_with("S(125,5)JK"), "five whole ones: {got}");
}

#[test]
fn gops_that_no_reader_wants_go_after_a_second() {
    let mut bench = Bench::new(WindowLimits::default());
    let late = bench.stream.mark();
    late.set(Some(0));
    let early = bench.stream.mark();
    let gop = |bench: &mut Bench| {
        bench.pictures(25, 25, 100); // a second
        early.set(Some(bench.stream.head()));
        bench.stream.stats(bench.now()).window_bytes
    };
    let held: Vec<_> = (0..12).map(|_| gop(&mut bench)).collect();
    let most = WindowLimits::default().age.as_secs() + 2;
    assert_eq!(held[3], 4 * 2500 + b"avcc".len() as u64, "somebody still wants the first");
    assert!(
        held.iter().all(|held| *held <= most * 2500 + 4),
        "within its limits all the same: {held:?}"
    );
    late.set(None);
    let held: Vec<_> = (0..3).map(|_| gop(&mut bench)).collect();
    assert!(held.iter().all(|held| *held <= 3 * 2500), "{held:?}");
    let mut cursor = bench.join();
    assert!(bench.read(&mut cursor).starts_with("JK"), "joiners start with the current one");
    drop(late);
}

#[test]
fn d7_a_reader_that_cannot_read_is_never_further_behind_than_its_bounds() {
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(1, 25, 100);
    let mut cursor = bench.join();
    assert_eq!(bench.read(&mut cursor), "JK");
    for _ in 0..12 {
        bench.pictures(25, 25, 100);
        let (age, _) = bench.stream.shed(&mut cursor, bench.now());
        assert!(age <= Duration::from_secs(4), "{age:?}");
    }
    let got = bench.read(&mut cursor);
    assert!(got.starts_with("S("), "{got}");
    assert!(got.contains("JK") && got.matches('K').count() <= 4, "{got}");
}

#[test]
fn d7_a_reader_over_its_bytes_waits_for_the_next_key_frame() {
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(1, 25, 100);
    let mut cursor = bench.stream.join(
        Start::CurrentGop,
        Bounds { bytes: 1000, ..Bounds::default() },
        bench.now(),
    );
    assert_eq!(bench.read(&mut cursor), "JK");
    for _ in 0..20 {
        bench.push(TrackId::VIDEO, Codec::H264, false, 100);
        bench.ms += 40;
    }
    assert_eq!(bench.read(&mut cursor), "", "nothing from the middle of a Gop");
    bench.pictures(2, 2, 100);
    assert_eq!(bench.read(&mut cursor), "S(20,1)JKf");
}

#[test]
fn a_joiner_of_a_long_gop_is_not_late() {
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(300, 300, 100);
    let mut cursor = bench.join();
    bench.ms += 3000;
    assert_eq!(bench.read(&mut cursor).len(), "J".len() + 300);
}

#[test]
fn the_window_is_bounded_by_bytes_and_by_age() {
    let limits = WindowLimits { bytes: 10_000, ..WindowLimits::default() };
    let mut bench = Bench::new(limits);
    bench.pictures(200, 10, 100);
    assert!(bench.stream.stats(bench.now()).window_bytes <= 10_000);
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(1000, 25, 100);
    let held = bench.stream.stats(bench.now()).window_bytes;
    assert!(held <= 100 * 25 * 8, "8 Gops of a second: {held}");
}

/// An encoder that says another configuration with each picture fills no more than the Window.
#[test]
fn configurations_count_in_the_window() {
    static RECORDS: [[u8; 4000]; 2] = [[1; 4000], [2; 4000]];
    let limits = WindowLimits { bytes: 20_000, ..WindowLimits::default() };
    let mut bench = Bench::new(limits);
    for n in 0..50 {
        let now = bench.now();
        let config = config(Codec::H264, &RECORDS[n % 2]);
        bench.publisher.as_mut().unwrap().configure(now, TrackId::VIDEO, config).unwrap();
        bench.pictures(1, 1, 10);
        let held = bench.stream.stats(bench.now()).window_bytes;
        assert!((4_010..=20_000).contains(&held), "{n}: {held}");
    }
    let mut cursor = bench.join();
    assert_eq!(bench.read(&mut cursor), "JK");
    let too_large =
        CodecConfig { record: vec![3; 256 * 1024 + 1].into(), ..config(Codec::H264, b"") };
    let now = bench.now();
    bench.publisher.as_mut().unwrap().configure(now, TrackId::VIDEO, too_large).unwrap();
    bench.pictures(1, 1, 10);
    assert_eq!(bench.stream.stats(bench.now()).frames_dropped, 1, "refused and counted");
}

#[test]
fn a_gop_over_the_cap_loses_its_head_and_joiners_wait() {
    let limits = WindowLimits { bytes: 1_000, ..WindowLimits::default() };
    let mut bench = Bench::new(limits);
    bench.pictures(50, 50, 100);
    assert!(!bench.stream.is_joinable());
    assert!(bench.stream.stats(bench.now()).publisher.unwrap().trouble.is_some());
    let mut cursor = bench.join();
    assert_eq!(bench.read(&mut cursor), "");
    bench.pictures(2, 2, 100);
    assert_eq!(bench.read(&mut cursor), "JKf");
}

#[test]
fn a_joiner_never_gets_an_earlier_run() {
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(5, 5, 100);
    let mut running = bench.join();
    assert_eq!(bench.read(&mut running), "JKffff");
    bench.publisher.take().unwrap().end(bench.now(), RunEnd::Orderly);
    let mut joiner = bench.join();
    assert_eq!(bench.read(&mut joiner), "");
    bench.publish();
    bench.push(TrackId::VIDEO, Codec::H264, false, 10);
    assert_eq!(bench.read(&mut joiner), "(");
    bench.pictures(2, 2, 100);
    assert_eq!(bench.read(&mut joiner), "JKf");
    assert_eq!(bench.read(&mut running), ")(JKf");
}

#[test]
fn time_goes_on_over_runs() {
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(10, 5, 100);
    let mut cursor = bench.join();
    bench.ms += 500;
    bench.publish();
    bench.pictures(5, 5, 100);
    let mut items = Vec::new();
    bench.stream.read(&mut cursor, bench.now(), usize::MAX, &mut items);
    let times: Vec<_> = items
        .iter()
        .filter_map(|i| match i {
            Item::Entry(e) => e.frame().map(|f| f.dts.as_millis()),
            _ => None,
        })
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    let leap = times.windows(2).map(|w| w[1] - w[0]).max().unwrap();
    assert!((500..=1000).contains(&leap), "{times:?}");
}

#[test]
fn e5_sound_alone_is_cut_into_gops_and_announced_pictures_are_waited_for() {
    let mut bench = Bench::new(WindowLimits::default());
    let mut early = bench.join();
    for _ in 0..70 {
        bench.push(TrackId::AUDIO, Codec::Mp3, true, 10);
        bench.ms += 20;
    }
    assert_eq!(bench.read(&mut early), "", "pictures were announced 1.4 s ago");
    for _ in 0..100 {
        bench.push(TrackId::AUDIO, Codec::Mp3, true, 10);
        bench.ms += 20;
    }
    assert_eq!(bench.read(&mut early).len(), "J".len() + 50 + 70, "and the second before");
    let mut late = bench.join();
    assert_eq!(bench.read(&mut late).len(), "J".len() + 20, "from the last whole second");
    bench.pictures(2, 2, 10);
    let mut joiner = bench.join();
    assert_eq!(bench.read(&mut joiner), "JKf");
}

#[test]
fn idle_streams_shrink() {
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(50, 5, 100);
    bench.publisher = None;
    bench.ms += 60_000;
    bench.stream.sweep(bench.now());
    assert_eq!(bench.stream.stats(bench.now()).window_bytes, 0);
}

#[test]
fn c2_a_displaced_publisher_writes_nothing_more() {
    let mut bench = Bench::new(WindowLimits::default());
    bench.pictures(3, 3, 10);
    let mut old = bench.publisher.take().unwrap();
    let now = bench.now();
    let busy = bench.stream.publish(now, Takeover::WhenSilent, "rival").unwrap_err();
    assert!(busy.silent_at > now);
    let new = bench.stream.publish(busy.silent_at, Takeover::WhenSilent, "rival").unwrap();
    let frame = Frame {
        track: TrackId::VIDEO,
        codec: Codec::H264,
        dts: Timestamp::ZERO,
        pts: Timestamp::ZERO,
        key: true,
        payload: Bytes::new(),
        wire: None,
    };
    assert!(old.push(now, frame.clone()).is_err());
    assert!(old.hear(now).is_err());
    drop(old);
    assert!(bench.stream.is_live(), "the end of the old one is not the end of the new one");
    drop(new);
    assert!(!bench.stream.is_live());
}

#[test]
fn followers_learn_when_a_run_can_be_joined_and_how_it_ended() {
    let mut bench = Bench::new(WindowLimits::default());
    let follower = bench.stream.liveness();
    let on_air = || follower.borrow().on_air;
    bench.push(TrackId::VIDEO, Codec::H264, false, 10);
    assert_eq!(on_air(), OnAir::Offline, "no key frame yet");
    bench.pictures(2, 2, 10);
    assert_eq!(on_air(), OnAir::Live { run: 1 });
    bench.publish();
    assert_eq!(on_air(), OnAir::Ended(RunEnd::Lost), "displaced, and nothing of the next yet");
    bench.pictures(1, 2, 10);
    assert_eq!(on_air(), OnAir::Live { run: 2 });
    let now = bench.now();
    bench.publisher.take().unwrap().end(now, RunEnd::Orderly);
    bench.publish();
    bench.pictures(1, 2, 10);
    let liveness = *follower.borrow();
    assert_eq!(liveness, Liveness { on_air: OnAir::Live { run: 3 }, orderly_ends: 1 });
    bench.stream.close(now, "removed");
    assert_eq!(on_air(), OnAir::Closed);
}

#[test]
fn followers_of_the_hub_learn_of_new_streams() {
    let hub = Hub::new();
    let changes = hub.changes();
    hub.open(&StreamName::new("main").unwrap(), WindowLimits::default());
    assert!(changes.has_changed().unwrap());
}
