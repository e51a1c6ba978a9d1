//! Passes in virtual time over sinks that take bytes as a slow socket does.

mod bulk;
mod joins;
mod slow;

use crate::bulk::Bulk;
use crate::cell::Command;
use crate::control::Control;
use crate::group::Group;
use crate::viewer::ViewerParts;
use crate::{Fanout, FanoutConfig, Inline, Sink, Stand, ViewerStats, Writer, Written};
use bytes::Bytes;
use manycast_hub::{
    Bounds, Content, Hub, Item, Lane, LaneBytes, LaneId, Publisher, Stream, Takeover, WindowLimits,
};
use manycast_media::{Codec, Frame, StreamName, Timestamp, TrackId, TrackSet};
use parking_lot::Mutex;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// Writes Frames as `<K0001xxxx>`; a joiner's header as `{J}`.
struct TextLane;

impl Lane for TextLane {
    fn id(&self) -> LaneId {
        LaneId(0)
    }
    fn write(&self, content: &Content, out: &mut LaneBytes) {
        if let Content::Frame(frame) = content {
            let letter = if frame.key { 'K' } else { 'f' };
            out.put(format!("<{letter}{:05}", frame.dts.as_millis()).as_bytes());
            out.share(frame.payload.clone());
            out.put(b">");
        }
    }
    fn write_joiner(&self, _: &TrackSet, _: Timestamp, out: &mut LaneBytes) {
        out.put(b"{J}");
    }
}

/// Takes `room` bytes in all, at most `step` at a time.
#[derive(Default)]
struct TestSink {
    got: Mutex<Vec<u8>>,
    room: AtomicUsize,
    step: usize,
    aborted: AtomicBool,
    broken: AtomicBool,
    /// What it took stays inside, as under TLS.
    stuck: AtomicBool,
    writes: AtomicUsize,
    /// Who wrote to it last.
    writer: Mutex<Option<ThreadId>>,
}

impl TestSink {
    fn new(room: usize, step: usize) -> Arc<Self> {
        Arc::new(Self { room: AtomicUsize::new(room), step, ..Self::default() })
    }
    fn text(&self) -> String {
        String::from_utf8(self.got.lock().clone()).unwrap()
    }
}

impl Sink for TestSink {
    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let all: Vec<u8> = bufs.iter().flat_map(|b| b.iter().copied()).collect();
        let room = self.room.load(Ordering::Relaxed);
        let take = all.len().min(room).min(self.step);
        if take == 0 && !all.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        *self.writer.lock() = Some(std::thread::current().id());
        self.room.fetch_sub(take, Ordering::Relaxed);
        self.got.lock().extend(&all[..take]);
        Ok(take)
    }
    fn try_flush(&self) -> io::Result<()> {
        if self.stuck.load(Ordering::Relaxed) {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(())
    }
    fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
    }
}

struct Bench {
    start: Instant,
    ms: u64,
    stream: Arc<Stream>,
    publisher: Publisher,
    group: Group,
    config: FanoutConfig,
    bulk: Option<Bulk>,
}

impl Bench {
    fn new() -> Self {
        Self::of(Some(Arc::new(TextLane)))
    }

    /// Viewers in a lane, or with writers of their own.
    fn of(lane: Option<Arc<dyn Lane>>) -> Self {
        let start = Instant::now();
        let hub = Hub::new();
        let stream = hub.open(&StreamName::new("main").unwrap(), WindowLimits::default());
        let publisher = stream.publish(start, Takeover::Always, "test").unwrap();
        let config = FanoutConfig::default();
        let group = Group::new(stream.clone(), lane, config);
        Self { start, ms: 0, stream, publisher, group, config, bulk: None }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    fn join(&mut self, sink: &Arc<TestSink>) -> Arc<Control> {
        self.join_with(sink, None)
    }

    fn join_with(&mut self, sink: &Arc<TestSink>, writer: Option<Box<dyn Writer>>) -> Arc<Control> {
        self.join_saying(sink.clone(), writer, Vec::new())
    }

    fn join_saying(
        &mut self,
        sink: Arc<dyn Sink>,
        writer: Option<Box<dyn Writer>>,
        hello: Vec<Bytes>,
    ) -> Arc<Control> {
        let now = self.now();
        let control = Control::new(hello);
        let parts = ViewerParts {
            sink,
            control: control.clone(),
            writer,
            bounds: self.config.bounds,
            patience: Some(self.config.patience),
        };
        self.stream.reader_joined();
        self.group.obey(Command::Join(Box::new(parts)), now);
        control
    }

    fn attend(&mut self, control: &Arc<Control>) {
        self.group.obey(Command::Attend(control.clone()), self.now());
    }

    fn stats(&self, control: &Control) -> ViewerStats {
        self.group.show(control);
        control.stats()
    }

    fn picture(&mut self, key: bool) {
        self.picture_of(key, Bytes::from_static(b"xxxx"));
    }

    fn picture_of(&mut self, key: bool, payload: Bytes) {
        let at = Timestamp::from_millis(i64::try_from(self.ms).unwrap());
        let frame = Frame {
            track: TrackId::VIDEO,
            codec: Codec::Vp8,
            dts: at,
            pts: at,
            key,
            payload,
            wire: None,
        };
        self.publisher.push(self.now(), frame).unwrap();
        self.publisher.commit(self.now());
    }

    fn pass(&mut self) {
        let now = self.now();
        self.group.turn(now, self.bulk.as_mut());
    }

    /// Lets time go by until everybody has everything.
    fn settle(&mut self) {
        for _ in 0..2000 {
            self.pass();
            self.ms += 1;
        }
    }

    /// Pictures each 40 ms with a pass after each.
    fn run(&mut self, count: usize, gop: usize) {
        for n in 0..count {
            self.picture(n % gop == 0);
            self.pass();
            self.ms += 40;
        }
    }
}

const ALL: usize = usize::MAX / 2;

fn pictures(times: impl Iterator<Item = usize>, gop: usize) -> String {
    times.map(|n| format!("<{}{:05}xxxx>", if n % gop == 0 { 'K' } else { 'f' }, n * 40)).collect()
}

#[test]
fn all_viewers_get_the_same_bytes_however_little_the_socket_takes() {
    let mut bench = Bench::new();
    let sinks: Vec<_> = (1..40).map(|step| TestSink::new(ALL, step)).collect();
    for sink in &sinks {
        bench.join(sink);
    }
    bench.run(20, 5);
    bench.settle();
    let want = format!("{{J}}{}", pictures(0..20, 5));
    for sink in &sinks {
        assert_eq!(sink.text(), want, "steps of {}", sink.step);
    }
}

/// Numbers its Frames from zero on: nobody else gets these bytes.
#[derive(Default)]
struct Numbered(u64);

impl Writer for Numbered {
    fn write(&mut self, item: &Item, out: &mut Vec<Bytes>) -> Written {
        let Item::Entry(entry) = item else { return Written::default() };
        let Some(frame) = entry.frame() else { return Written::default() };
        out.push(format!("[{}", self.0).into());
        out.push(frame.payload.clone());
        out.push(Bytes::from_static(b"]"));
        self.0 += 1;
        Written { frames: 1, common: false }
    }
}

/// The same, and tells where it stands: whoever has the same number gets the same bytes.
#[derive(Default)]
struct Counting {
    number: u64,
    /// Frames that this one wrote itself.
    wrote: Arc<AtomicUsize>,
}

impl Writer for Counting {
    fn write(&mut self, item: &Item, out: &mut Vec<Bytes>) -> Written {
        let mut numbered = Numbered(self.number);
        let written = numbered.write(item, out);
        self.number = numbered.0;
        self.wrote.fetch_add(usize::try_from(written.frames).unwrap(), Ordering::Relaxed);
        Written { common: true, ..written }
    }
    fn stand(&self) -> Option<Stand> {
        Some(Stand([self.number, 0, 0, 0, 0]))
    }
    fn follow(&mut self, stand: &Stand) {
        self.number = stand.0[0];
    }
}

#[test]
fn one_writes_for_all_that_stand_alike() {
    let mut bench = Bench::of(None);
    let wrote: Arc<AtomicUsize> = Arc::default();
    // The last two number differently; one of each kind is slow.
    let rows = [(0, ALL), (0, ALL), (0, 3), (0, ALL), (70, ALL), (70, 2)];
    let viewers: Vec<_> = rows
        .iter()
        .map(|&(number, step)| {
            let sink = TestSink::new(ALL, step);
            let writer = Counting { number, wrote: wrote.clone() };
            (bench.join_with(&sink, Some(Box::new(writer))), sink, number)
        })
        .collect();
    bench.run(20, 5);
    bench.settle();
    for (control, sink, number) in &viewers {
        let want: String = (0..20).map(|n| format!("[{}xxxx]", number + n)).collect();
        assert_eq!(sink.text(), want, "from {number} on, steps of {}", sink.step);
        let stats = bench.stats(control);
        assert_eq!((stats.frames, stats.sent), (20, want.len() as u64));
    }
    let wrote = wrote.load(Ordering::Relaxed);
    assert!(wrote < 20 * rows.len() * 3 / 4, "each wrote for itself: {wrote}");
}

#[test]
fn who_writes_alone_is_served_beside_the_others() {
    let mut bench = Bench::of(None);
    let sinks: Vec<_> = [1, 3, ALL].map(|step| TestSink::new(ALL, step)).into();
    let mut controls = Vec::new();
    for sink in &sinks {
        controls.push(bench.join_with(sink, Some(Box::<Numbered>::default())));
    }
    bench.run(20, 5);
    bench.settle();
    let want: String = (0..20).map(|n| format!("[{n}xxxx]")).collect();
    for (sink, control) in sinks.iter().zip(&controls) {
        assert_eq!(sink.text(), want, "steps of {}", sink.step);
        assert_eq!(bench.stats(control).frames, 20);
    }
}

/// An encoder that ends has its destinations stopped before the pass for its last pictures is due.
#[test]
fn who_is_taken_out_has_been_given_what_was_there() {
    let mut bench = Bench::of(None);
    let sink = TestSink::new(ALL, ALL);
    let control = bench.join_with(&sink, Some(Box::<Numbered>::default()));
    bench.run(3, 5);
    bench.picture(false);
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    bench.group.obey(Command::Detach(control.clone(), reply), bench.now());
    let detached = answer.try_recv().expect("taken out");
    assert_eq!(sink.text(), "[0xxxx][1xxxx][2xxxx][3xxxx]");
    assert!(detached.rest.is_empty());
    assert_eq!(control.stats().frames, 4);
}

#[test]
fn a_joiner_gets_the_current_gop() {
    let mut bench = Bench::new();
    bench.run(8, 5);
    let sink = TestSink::new(ALL, ALL);
    bench.join(&sink);
    bench.pass();
    assert_eq!(sink.text(), format!("{{J}}{}", pictures(5..8, 5)));
}

#[test]
fn a_joiner_gets_a_long_gop_in_two_steps_and_the_picture_first() {
    let mut bench = Bench::new();
    let large = |bytes: usize| Bytes::from(vec![b'x'; bytes]);
    bench.picture_of(true, large(200_000));
    bench.picture_of(false, large(40_000));
    bench.pass();
    let sink = TestSink::new(ALL, ALL);
    let control = bench.join(&sink);
    assert_eq!(sink.text().len(), "{J}<K00000>".len() + 200_000);
    assert_eq!(bench.group.due(bench.now()), Some(bench.now() + Duration::from_millis(10)));
    bench.ms += 10;
    bench.pass();
    assert_eq!(sink.text().len(), "{J}<K00000><f00000>".len() + 240_000);
    assert_eq!(bench.stats(&control).skipped_frames, 0);
    assert_eq!(bench.group.due(bench.now()), None);
}

#[test]
fn a_slow_viewer_jumps_between_whole_messages_and_delays_nobody() {
    let mut bench = Bench::new();
    let slow = TestSink::new(30, ALL);
    let fast = TestSink::new(ALL, ALL);
    let control = bench.join(&slow);
    bench.join(&fast);
    bench.run(150, 25);
    assert_eq!(fast.text(), format!("{{J}}{}", pictures(0..150, 25)));
    slow.room.store(ALL, Ordering::Relaxed);
    bench.settle();
    let text = slow.text();
    let (first, rest) = text.split_once("{J}").unwrap().1.split_once("{J}").unwrap();
    assert_eq!(first, pictures(0..3, 25), "the message that was begun is finished");
    assert_eq!(rest, pictures(125..150, 25), "then the current Gop");
    assert_eq!(bench.stats(&control).skipped_frames, 122);
}

#[test]
fn who_is_late_within_a_long_gop_waits_for_the_next_and_keeps_nobody_busy() {
    let mut bench = Bench::new();
    let slow = TestSink::new(30, ALL);
    let fast = TestSink::new(ALL, ALL);
    bench.join(&slow);
    bench.join(&fast);
    bench.run(150, 1000); // six seconds of one Gop
    slow.room.store(ALL, Ordering::Relaxed);
    bench.settle();
    assert_eq!(bench.group.due(bench.now()), None, "there is nothing to do until something comes");
    let before = slow.text();
    bench.picture(false);
    bench.pass();
    assert_eq!(slow.text(), before, "nothing of this Gop any more");
    bench.picture(true);
    bench.pass();
    let key = slow.text().split_off(before.len());
    assert!(key.starts_with("{J}<K"), "{key}");
    assert!(fast.text().len() > slow.text().len());
}

#[test]
fn b2_a_stalled_viewer_is_reset_after_its_patience() {
    let mut bench = Bench::new();
    let stalled = TestSink::new(10, ALL);
    let fast = TestSink::new(ALL, ALL);
    bench.join(&stalled);
    bench.join(&fast);
    bench.run(240, 25);
    assert!(!stalled.aborted.load(Ordering::Relaxed), "9.6 s");
    bench.run(20, 25);
    assert!(stalled.aborted.load(Ordering::Relaxed));
    assert_eq!(bench.group.len(), 1);
}

#[test]
fn b2_a_viewer_whose_bytes_stay_within_the_sink_is_reset_too() {
    let mut bench = Bench::new();
    let stuck = TestSink::new(ALL, ALL);
    bench.join(&stuck);
    bench.run(25, 25);
    stuck.stuck.store(true, Ordering::Relaxed);
    bench.run(1, 25);
    assert!(bench.group.due(bench.now()).is_some(), "what is inside is pushed on without news");
    bench.run(240, 25);
    assert!(!stuck.aborted.load(Ordering::Relaxed), "9.6 s");
    bench.run(20, 25);
    assert!(stuck.aborted.load(Ordering::Relaxed));
}

#[test]
fn what_waits_for_the_next_picture_is_not_written_alone() {
    let mut bench = Bench::new();
    let sink = TestSink::new(ALL, ALL);
    let _control = bench.join(&sink);
    bench.run(3, 3);
    let sound = Frame {
        track: TrackId::AUDIO,
        codec: Codec::Aac,
        dts: Timestamp::from_millis(130),
        pts: Timestamp::from_millis(130),
        key: true,
        payload: Bytes::from_static(b"yyyy"),
        wire: None,
    };
    bench.publisher.push(bench.now(), sound).unwrap();
    assert!(bench.publisher.commit(bench.now()).is_some(), "it waits");
    assert_eq!(bench.group.due(bench.now()), None);
    bench.picture(false);
    assert!(bench.group.due(bench.now()).is_some());
}

#[test]
fn a_broken_viewer_leaves() {
    let mut bench = Bench::new();
    let sink = TestSink::new(ALL, ALL);
    bench.join(&sink);
    bench.run(2, 5);
    sink.broken.store(true, Ordering::Relaxed);
    bench.run(1, 5);
    assert_eq!(bench.group.len(), 0);
    assert_eq!(bench.stream.stats(bench.now()).readers, 0);
}

#[test]
fn a_paused_viewer_goes_on_at_the_current_gop() {
    let mut bench = Bench::new();
    let sink = TestSink::new(ALL, ALL);
    let control = bench.join(&sink);
    bench.run(3, 5);
    control.paused.store(true, Ordering::Relaxed);
    bench.attend(&control);
    bench.run(9, 5);
    control.paused.store(false, Ordering::Relaxed);
    control.rejoin.store(true, Ordering::Relaxed);
    bench.attend(&control);
    let text = sink.text();
    let parts: Vec<_> = text.split("{J}").collect();
    assert_eq!(parts, ["", &pictures(0..3, 5), "<K00320xxxx><f00360xxxx><f00400xxxx><f00440xxxx>"]);
}

fn picture(publisher: &mut Publisher, ms: i64, key: bool, payload: Bytes) {
    let at = Timestamp::from_millis(ms);
    let (track, codec) = (TrackId::VIDEO, Codec::Vp8);
    let frame = Frame { track, codec, dts: at, pts: at, key, payload, wire: None };
    publisher.push(Instant::now(), frame).unwrap();
    publisher.commit(Instant::now());
}

/// Waits for what threads do, ten seconds at most.
fn until(done: impl Fn() -> bool) -> bool {
    for _ in 0..2000 {
        if done() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    false
}

#[test]
fn little_is_written_by_the_thread_that_has_it_and_much_by_the_shards() {
    let fanout = Fanout::start(FanoutConfig { shards: 1, ..FanoutConfig::default() }).unwrap();
    let stream = Hub::new().open(&StreamName::new("main").unwrap(), WindowLimits::default());
    let mut publisher = stream.publish(Instant::now(), Takeover::Always, "test").unwrap();
    let here = std::thread::current().id();
    let mut viewers = Vec::new();
    let rows = [(8, 400_000, true), (100, 4_000, true), (100, 40_000, false), (130, 4, false)];
    for (ms, (count, bytes, want_here)) in (0..).step_by(100).zip(rows) {
        while viewers.len() < count {
            let sink = TestSink::new(ALL, ALL);
            let lane = Arc::new(TextLane);
            let member = fanout.join(stream.clone(), lane, sink.clone(), Vec::new());
            viewers.push((sink, member));
        }
        let all_have = |text: &str| viewers.iter().all(|(sink, _)| sink.text().contains(text));
        // The first one is for those who have just joined.
        picture(&mut publisher, ms, true, Bytes::from_static(b"key"));
        assert!(until(|| all_have(&format!("<K{ms:05}key>"))));
        picture(&mut publisher, ms + 1, false, vec![b'x'; bytes].into());
        assert!(until(|| all_have(&format!("<f{:05}x", ms + 1))));
        for (sink, _) in &viewers {
            assert_eq!(*sink.writer.lock() == Some(here), want_here, "{count} {bytes}");
        }
    }
}

#[test]
fn threads_serve_viewers_and_let_them_go() {
    for inline in [FanoutConfig::default().inline, Inline { viewers: 0, bytes: 0 }] {
        serve_and_let_go(FanoutConfig { shards: 2, inline, ..FanoutConfig::default() });
    }
}

fn serve_and_let_go(config: FanoutConfig) {
    let fanout = Fanout::start(config).unwrap();
    let hub = Hub::new();
    let stream = hub.open(&StreamName::new("main").unwrap(), WindowLimits::default());
    let mut publisher = stream.publish(Instant::now(), Takeover::Always, "test").unwrap();
    let sinks: Vec<_> = (0..5).map(|_| TestSink::new(ALL, 7)).collect();
    let members: Vec<_> = sinks
        .iter()
        .map(|sink| {
            let hello = vec![Bytes::from_static(b"hello ")];
            fanout.join(stream.clone(), Arc::new(TextLane), sink.clone(), hello)
        })
        .collect();
    for n in 0..10i64 {
        picture(&mut publisher, n * 40, n % 5 == 0, Bytes::from_static(b"xxxx"));
    }
    // Which Gop a viewer starts with depends on when its shard let it in.
    let end = "<f00360xxxx>";
    let done = |sink: &Arc<TestSink>| sink.text().ends_with(end);
    until(|| sinks.iter().all(done));
    for sink in &sinks {
        assert!(sink.text().starts_with("hello {J}<K") && done(sink), "{}", sink.text());
    }
    let mut members = members;
    let rest = members.split_off(1);
    drop(members);
    hub.close(stream.name(), Instant::now(), "removed");
    for member in rest {
        let end = futures_block_on(member.ended());
        assert_eq!(end, crate::ViewerEnd::StreamClosed);
    }
    // Once all have left, the threads find nothing to do, and go on finding nothing.
    let mut calm = 0;
    for _ in 0..20_000 {
        calm = if fanout.is_idle() { calm + 1 } else { 0 };
        if calm == 1000 {
            return;
        }
        std::thread::park_timeout(Duration::from_micros(200));
    }
    panic!("a thread has something to do without a viewer");
}

/// Polls a future on this thread until it is done, at most ten seconds.
fn futures_block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..2000 {
        if let std::task::Poll::Ready(out) = future.as_mut().poll(&mut context) {
            return out;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    panic!("the viewer was not told of its end");
}

#[test]
fn bounds_of_a_viewer_are_those_of_the_configuration() {
    assert_eq!(FanoutConfig::default().bounds, Bounds::default());
}
