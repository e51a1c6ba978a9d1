//! The simulator itself: the same seed is the same run, and a failure is cut to what it takes.

use super::{at, secs};
use crate::fault::{Fault, Kind, swarm};
use crate::rng::Rng;
use crate::run;
use std::collections::BTreeSet;

#[test]
fn m3_the_same_seed_is_the_same_run_event_by_event() {
    let mut traces = BTreeSet::new();
    for seed in 0..40 {
        let first = run::seed(seed).unwrap_or_else(|failure| panic!("{failure}"));
        let second = run::seed(seed).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(first, second, "seed {seed}");
        traces.insert(first.trace);
    }
    assert_eq!(traces.len(), 40, "other seeds are other runs");
}

#[test]
fn a_story_ends_as_its_run_does() {
    let story = run::tell(3, false);
    let trace = run::seed(3).unwrap_or_else(|failure| panic!("{failure}")).trace;
    assert_eq!(story.last(), Some(&format!("trace {trace:016x}: all held")));
    assert!(story.iter().any(|line| line.contains("live: media was acknowledged")));
}

#[test]
fn swarms_differ_in_size_and_hold_every_kind() {
    let (from, to) = (secs(10), secs(100));
    let swarms: Vec<_> = (0..500).map(|n| swarm(&mut Rng::new(n), 3, from, to)).collect();
    let name = |fault: &Fault| format!("{:?}", fault.kind).split('(').next().map(str::to_owned);
    let names: BTreeSet<_> = swarms.iter().flatten().filter_map(name).collect();
    assert_eq!(names.len(), 32, "{names:?}");
    assert!(swarms.iter().any(|swarm| swarm.len() == 1));
    assert!(swarms.iter().any(|swarm| swarm.len() > 20));
    let inside = |fault: &Fault| (from..to).contains(&fault.at) && fault.place < 3;
    assert!(swarms.iter().flatten().all(inside));
}

#[test]
fn a_list_is_cut_to_what_it_takes() {
    let kinds = [Kind::Stall, Kind::Reset, Kind::Split, Kind::Crash, Kind::Reset, Kind::Crash];
    let all: Vec<_> = kinds.into_iter().zip(1..).map(|(kind, n)| at(n * 10, 1, kind)).collect();
    let breaks = |faults: &[Fault]| {
        let holds = |kind| faults.iter().any(|fault| fault.kind == kind);
        (holds(Kind::Reset) && holds(Kind::Crash)).then_some(faults.len())
    };
    let (enough, said) = run::cut(&all, breaks).expect("it breaks");
    assert_eq!(said, 2);
    assert_eq!(enough, [all[1], all[3]], "of the shortest beginning");
    assert_eq!(run::cut(&all, |_| None::<()>), None);
}
