//! Writers whose connections take less than comes.

use super::*;

/// All that is new is handed over in one write, of which the connection may take a part.
#[test]
fn what_is_left_of_a_write_is_late() {
    let mut bench = Bench::of(None);
    let sink = TestSink::new(30, ALL);
    let control = bench.join_with(&sink, Some(Box::<Numbered>::default()));
    bench.run(2, 5);
    for _ in 0..3 {
        bench.picture(false);
        bench.ms += 40;
    }
    bench.pass();
    bench.ms += 500;
    bench.pass();
    assert_eq!(bench.stats(&control).lag, Duration::from_millis(500 + 3 * 40));
    sink.room.store(ALL, Ordering::Relaxed);
    bench.settle();
    assert_eq!((sink.text().len(), bench.stats(&control).lag), (5 * 7, Duration::ZERO));
}

/// What is handed over cannot be left out any more, so it is little.
#[test]
fn a_slow_one_that_catches_up_stays_within_its_lag() {
    let mut bench = Bench::of(None);
    let sink = TestSink::new(30, ALL);
    let control = bench.join_with(&sink, Some(Box::<Numbered>::default()));
    // Two seconds wait; then it takes a tenth of what comes.
    for n in 0..500 {
        bench.picture_of(n % 25 == 0, Bytes::from(vec![b'x'; 10_000]));
        if n > 50 {
            sink.room.fetch_add(1_000, Ordering::Relaxed);
        }
        bench.pass();
        bench.ms += 40;
        let lag = bench.stats(&control).lag;
        let one = Duration::from_millis(7 * 400);
        assert!(lag <= Duration::from_secs(4) + one, "{lag:?} after {n}");
    }
    assert!(bench.stats(&control).skipped_gops > 0);
}
