//! Walks every pair of state and input against the table in the module's documentation.

use super::{Input, Machine, Output, Sample, State};
use crate::Timings;
use manycast_hub::{Fault, LinkEnd, RunEnd, Stage};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const TABLE: &str = include_str!("table.md");

/// Which inputs are tried in every state. `stuck` comes after the stall limit, `tick` at the
/// deadline, if there is one.
const INPUTS: [&str; 21] = [
    "enabled",
    "disabled",
    "edited",
    "retried",
    "stream live",
    "ended in order",
    "encoder lost",
    "encoder silent",
    "connecting",
    "accepted",
    "acked",
    "stuck",
    "reset",
    "closed",
    "refused",
    "in use",
    "redirected",
    "renewed",
    "stopped",
    "panicked",
    "tick",
];

struct Bench {
    machine: Machine,
    now: Instant,
    acked: u64,
}

pub(super) fn end(fault: Fault) -> LinkEnd {
    LinkEnd::new(fault, format!("{fault:?}"))
}

impl Bench {
    fn new() -> Self {
        Self { machine: Machine::new(Timings::default(), 1), now: Instant::now(), acked: 3073 }
    }

    fn give(&mut self, input: &str) -> String {
        let sample = |acked| {
            Input::Progress(Sample { written: 9000, acked, unacked: 500, ..Sample::default() })
        };
        let input = match input {
            "enabled" => Input::Enabled,
            "disabled" => Input::Disabled,
            "edited" => Input::Edited,
            "retried" => Input::Retried,
            "stream live" => Input::StreamLive,
            "ended in order" => Input::StreamEnded(RunEnd::Orderly),
            "encoder lost" => Input::StreamEnded(RunEnd::Lost),
            "encoder silent" => Input::StreamSilent,
            "connecting" => Input::Stage(Stage::Connecting),
            "securing" => Input::Stage(Stage::Securing),
            "handshake" => Input::Stage(Stage::Handshake),
            "publishing" => Input::Stage(Stage::Publishing),
            "accepted" => Input::Stage(Stage::Accepted),
            "sample" => sample(self.acked),
            "unfed" => Input::Progress(Sample {
                written: 400,
                acked: self.acked,
                unfed: true,
                ..Sample::default()
            }),
            "acked" => {
                self.acked += 1000;
                sample(self.acked)
            }
            "stuck" => {
                self.now += Timings::default().stall;
                sample(self.acked)
            }
            "reset" => Input::AttemptEnded(end(Fault::Reset)),
            "closed" => Input::AttemptEnded(end(Fault::Closed)),
            "refused" => Input::AttemptEnded(end(Fault::Rejected)),
            "in use" => Input::AttemptEnded(end(Fault::Occupied)),
            "redirected" => Input::AttemptEnded(end(Fault::Redirected)),
            "renewed" => Input::AttemptEnded(end(Fault::Renewed)),
            "stopped" => Input::AttemptEnded(end(Fault::None)),
            "panicked" => Input::AttemptPanicked,
            "tick" => {
                self.now = self.machine.deadline().map_or(self.now, |at| at.max(self.now));
                Input::Tick
            }
            other => panic!("no such input: {other}"),
        };
        let before = self.machine.state();
        let orders = self.machine.handle(self.now, input);
        self.cell(before, &orders)
    }

    /// The state that followed and the orders, or `.` for nothing at all.
    fn cell(&self, before: State, orders: &[Output]) -> String {
        let mut words = vec![];
        let mut told = None;
        for order in orders {
            match order {
                Output::StartAttempt { redirected: false } => words.push("dial"),
                Output::StartAttempt { redirected: true } => words.push("follow"),
                Output::StopAttempt { orderly: true } => words.push("stop"),
                Output::StopAttempt { orderly: false } => words.push("drop"),
                Output::Changed { state, reason } => {
                    assert!(!reason.is_empty(), "{before} to {state} without a reason");
                    told = Some(*state);
                }
            }
        }
        let state = self.machine.state();
        assert_eq!(told, (state != before).then_some(state), "changes are told, once");
        match (words.is_empty(), state == before) {
            (true, true) => ".".into(),
            (true, false) => state.name().into(),
            (false, true) => words.join(" "),
            (false, false) => format!("{} {}", state.name(), words.join(" ")),
        }
    }
}

/// Each situation with the way there.
const SITUATIONS: [(&str, &str, State); 27] = [
    ("stopped", "", State::Stopped),
    ("stopped, stream live", "stream live", State::Stopped),
    ("idle", "enabled", State::Idle),
    ("idle, start spread", "spread/enabled/stream live", State::Idle),
    ("resolving", "dial", State::Resolving),
    ("connecting", "dial/connecting", State::Connecting),
    ("securing", "dial/securing", State::Securing),
    ("handshake", "dial/handshake", State::Handshake),
    ("publishing", "dial/publishing", State::Publishing),
    ("publishing, accepted", "dial/accepted/sample", State::Publishing),
    ("live", "dial/accepted/sample/acked", State::Live),
    ("live, settled", "dial/accepted/sample/acked/settle/acked", State::Live),
    ("unfed", "dial/accepted/sample/unfed/settle/unfed", State::Unfed),
    ("held, no session", "dial/accepted/encoder lost/closed", State::Held),
    ("held, no session, redirected", "dial/accepted/encoder lost/redirected", State::Held),
    ("held, no session, was refused", "dial/refused/encoder lost", State::Held),
    ("held, dialling", "dial/connecting/encoder lost", State::Held),
    ("held, session open", "dial/accepted/sample/acked/encoder lost", State::Held),
    ("stalled, dropping", "dial/accepted/sample/acked/stuck", State::Stalled),
    ("stalled, waiting", "dial/accepted/sample/acked/stuck/stopped", State::Stalled),
    ("backoff", "dial/reset", State::Backoff),
    ("rejected", "dial/refused", State::Rejected),
    ("redirected three times", "dial/redirected/redirected/redirected", State::Resolving),
    ("draining, stream ended", "dial/ended in order", State::Draining),
    ("draining, edited", "dial/edited", State::Draining),
    ("draining, switched off", "dial/disabled", State::Draining),
    ("draining, dropped", "dial/ended in order/tick", State::Draining),
];

fn situation(way: &str) -> Bench {
    let mut bench = Bench::new();
    for step in way.split('/').filter(|step| !step.is_empty()) {
        match step {
            "dial" => {
                bench.give("enabled");
                assert_eq!(bench.give("stream live"), "resolving dial");
            }
            "settle" => bench.now += Timings::default().settled,
            "spread" => {
                let until = bench.now + Duration::from_secs(30);
                bench.machine.spread_start(Duration::from_secs(1), until);
            }
            step => {
                bench.give(step);
            }
        }
    }
    bench
}

fn documented() -> BTreeMap<(String, String), String> {
    let mut rows = TABLE.lines().filter(|line| line.starts_with('|')).map(|line| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    });
    let head = rows.next().expect("the table has a head");
    let mut cells = BTreeMap::new();
    for row in rows.skip(1) {
        assert_eq!(row.len(), head.len(), "{row:?}");
        for (input, cell) in head.iter().zip(&row).skip(1) {
            cells.insert((row[0].clone(), input.clone()), cell.clone());
        }
    }
    cells
}

#[test]
fn every_pair_of_state_and_input_does_what_the_table_says() {
    let mut actual = String::new();
    let mut documented = documented();
    let mut wrong = Vec::new();
    for (name, way, state) in SITUATIONS {
        assert_eq!(situation(way).machine.state(), state, "the way to '{name}'");
        actual += &format!("| {name} |");
        for input in INPUTS {
            let got = situation(way).give(input);
            actual += &format!(" {got} |");
            let said = documented.remove(&(name.into(), input.into()));
            if said.as_deref() != Some(got.as_str()) {
                wrong.push(format!("{name} x {input}: does {got}, documented {said:?}"));
            }
        }
        actual.push('\n');
    }
    let head = format!("| state | {} |\n", INPUTS.join(" | "));
    assert!(wrong.is_empty(), "{wrong:#?}\n{head}{actual}");
    assert!(documented.is_empty(), "rows of nothing: {:?}", documented.keys());
    let walked: BTreeSet<_> = SITUATIONS.iter().map(|(_, _, state)| *state).collect();
    assert_eq!(walked, BTreeSet::from(State::ALL), "every state has a row");
}

#[test]
fn state_names_are_stable() {
    let names: Vec<_> = State::ALL.iter().map(|state| state.name()).collect();
    assert_eq!(
        names.join(" "),
        "idle resolving connecting securing handshake publishing live unfed held stalled backoff \
         rejected draining stopped"
    );
}
