//! Runs seeds of the simulator on all cores, or tells the story of one.
//!
//! Belongs here: arguments and threads. Must not come here: what a run is.

use manycast_sim::run::{self, Tally};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

const USAGE: &str = "usage: manycast-sim [--from N] [--seeds N] [--threads N] | --seed N [--enough]
  --from N     the first seed, 0
  --seeds N    how many, 10000
  --threads N  on how many threads, one per core
  --seed N     tell everything that happens in one run
  --enough     ... with the part of its trouble alone that breaks it";

struct Options {
    from: u64,
    seeds: u64,
    threads: u64,
    seed: Option<u64>,
    enough: bool,
}

fn options() -> Option<Options> {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let mut options = Options { from: 0, seeds: 10_000, threads: cores, seed: None, enough: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--enough" {
            options.enough = true;
            continue;
        }
        let number = words.next()?.parse().ok()?;
        match word.as_str() {
            "--from" => options.from = number,
            "--seeds" => options.seeds = number,
            "--threads" => options.threads = number,
            "--seed" => options.seed = Some(number),
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    if let Some(seed) = options.seed {
        let story = run::tell(seed, options.enough);
        story.iter().for_each(|line| println!("{line}"));
        return match story.last() {
            Some(last) if last.ends_with("all held") => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        };
    }
    many(&options)
}

/// Runs them all; each hundredth twice, which must come to the same.
fn many(options: &Options) -> ExitCode {
    let (began, next) = (Instant::now(), AtomicU64::new(options.from));
    let (end, failed) = (options.from + options.seeds, AtomicBool::new(false));
    let totals = Mutex::new((0_u64, Tally::default()));
    let work = || {
        let (mut held, mut sum) = (0, Tally::default());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end || failed.load(Ordering::Relaxed) {
                break;
            }
            match run::seed(seed) {
                Ok(tally) => {
                    held += 1;
                    sum.add(&tally);
                    let again = seed.is_multiple_of(100).then(|| run::seed(seed).ok()).flatten();
                    if again.is_some_and(|again| again != tally) {
                        println!("seed {seed}: a second run came to something else");
                        failed.store(true, Ordering::Relaxed);
                    }
                }
                Err(failure) => {
                    println!("{failure}");
                    failed.store(true, Ordering::Relaxed);
                }
            }
        }
        let mut totals = totals.lock().unwrap_or_else(|e| e.into_inner());
        totals.0 += held;
        totals.1.add(&sum);
    };
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(work);
        }
    });
    let (held, sum) = totals.into_inner().unwrap_or_else(|e| e.into_inner());
    let ends: Vec<_> = sum.ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
    println!("attempts: {}, of which ended by {}", sum.dials, ends.join(", "));
    println!(
        "simulator: seeds {} to {}: {held} held, {} events, {:.1} s on {} threads",
        options.from,
        end.saturating_sub(1),
        sum.events,
        began.elapsed().as_secs_f64(),
        options.threads
    );
    if failed.into_inner() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
