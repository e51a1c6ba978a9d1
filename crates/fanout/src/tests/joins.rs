//! What a newcomer is given at once.

use super::{ALL, Bench, TestSink, pictures};
use bytes::Bytes;
use std::sync::atomic::Ordering;

fn hello() -> Vec<Bytes> {
    vec![Bytes::from_static(b"hel"), Bytes::from_static(b"lo ")]
}

#[test]
fn the_answer_goes_out_with_the_first_picture_in_one_write() {
    let mut bench = Bench::new();
    bench.picture(true);
    let sink = TestSink::new(ALL, ALL);
    bench.join_saying(sink.clone(), None, hello());
    assert_eq!(sink.text(), format!("hello {{J}}{}", pictures(0..1, 5)));
    assert_eq!(sink.writes.load(Ordering::Relaxed), 1);
}

#[test]
fn without_a_picture_the_answer_does_not_wait() {
    let mut bench = Bench::new();
    let sink = TestSink::new(ALL, ALL);
    bench.join_saying(sink.clone(), None, hello());
    assert_eq!(sink.text(), "hello ");
    bench.run(6, 5);
    bench.settle();
    assert_eq!(sink.text(), format!("hello {{J}}{}", pictures(0..6, 5)));
}

#[test]
fn an_answer_that_is_taken_bit_by_bit_is_followed_by_the_pictures() {
    for step in 1..20 {
        let mut bench = Bench::new();
        bench.picture(true);
        bench.ms += 40;
        let sink = TestSink::new(0, step);
        bench.join_saying(sink.clone(), None, hello());
        assert_eq!(sink.text(), "", "it takes nothing yet");
        for n in 1..4 {
            sink.room.store(step, Ordering::Relaxed);
            bench.picture(n % 5 == 0);
            bench.pass();
            bench.ms += 40;
        }
        sink.room.store(ALL, Ordering::Relaxed);
        bench.settle();
        assert_eq!(sink.text(), format!("hello {{J}}{}", pictures(0..4, 5)), "steps of {step}");
    }
}
