//! One run per seed: what it is made of, what came of it, and the shortest trouble that breaks it.
//!
//! Belongs here: phases, and cutting a list of faults. Must not come here: what happens within.

use crate::fault::{Fault, swarm};
use crate::platform::{AfterEnd, Profile};
use crate::rng::Rng;
use crate::world::{Outcome, Place, Setup, Shape, World};
use manycast_hub::{Bounds, ConfigChange, Takeover, WindowLimits};
use manycast_restream::{BackupMode, Timings};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

const KEY: &str = "sesame-1234";
/// Trouble begins after this ...
const LOAD: Duration = Duration::from_secs(10);
/// ... and is over this long before the end: 35 s to be well again and 25 s to stay so.
const WELL: Duration = Duration::from_secs(60);

/// What a good run amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// A number that is the same whenever the same happens in the same order at the same times.
    pub trace: u64,
    /// Attempts of all destinations.
    pub dials: u32,
    /// Events.
    pub events: u64,
    /// How attempts ended, and how many.
    pub ends: BTreeMap<&'static str, u64>,
}

/// A run in which something did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which run.
    pub seed: u64,
    /// What did not hold, and when.
    pub what: String,
    /// All its trouble.
    pub swarm: Vec<Fault>,
    /// The part of it that is enough, and the trace of a run with that alone.
    pub enough: Vec<Fault>,
    /// What did not hold in that run.
    pub then: String,
    /// The trace of that run.
    pub trace: u64,
}

/// Runs a seed.
///
/// # Errors
/// What did not hold, with the shortest trouble that shows it.
pub fn seed(seed: u64) -> Result<Tally, Box<Failure>> {
    let setup = draw(seed);
    let outcome = World::new(setup.clone()).run();
    match outcome.broken.clone() {
        None => {
            let Outcome { trace, dials, events, ends, .. } = outcome;
            Ok(Tally { trace, dials, events, ends })
        }
        Some(what) => Err(Box::new(shrink(&setup, what))),
    }
}

/// Runs a seed and writes down all that happens; the last line says how it ended. With `enough`
/// only the part of its trouble that breaks it.
#[must_use]
pub fn tell(seed: u64, enough: bool) -> Vec<String> {
    let mut setup = draw(seed);
    if enough && let Some(what) = World::new(setup.clone()).run().broken {
        setup.faults = shrink(&setup, what).enough;
    }
    setup.talks = true;
    let mut log = vec![format!("seed {seed}")];
    for (n, place) in setup.places.iter().enumerate() {
        let Place { profile, timings, backup_of, .. } = place;
        log.push(format!(
            "destination {n}: {}, window {:?}, after an orderly end {:?}, backup of {backup_of:?}",
            profile.name, timings.reconnect_window, timings.orderly_window
        ));
    }
    let Outcome { broken, trace, log: lines, .. } = World::new(setup).run();
    log.extend(lines);
    log.push(format!("trace {trace:016x}: {}", broken.as_deref().unwrap_or("all held")));
    log
}

/// Everything about a run that its seed decides.
fn draw(seed: u64) -> Setup {
    let root = Rng::new(seed);
    let mut rng = root.split(10);
    let size = rng.pick(&[60, 160, 160, 400]);
    let mut places: Vec<_> = (0..2 + rng.below(3)).map(|_| place(&mut rng, size)).collect();
    if rng.chance(25) {
        let mode = rng.pick(&[BackupMode::Failover, BackupMode::Failover, BackupMode::Both]);
        if let Some(last) = places.last_mut() {
            last.backup_of = Some((0, mode));
        }
    }
    let heals = LOAD + rng.millis(40_000, 120_000);
    let faults = swarm(&mut root.split(11), places.len(), LOAD, heals);
    let gop = rng.pick(&[5, 10, 10, 20]);
    Setup {
        seed,
        places,
        encoder: Shape {
            interval: Duration::from_millis(200),
            gop,
            size,
            clock: rng.pick(&[0, 0xffff_8000, 0x00ff_f000, 0x7fff_f000]),
            prompt: false,
            midway: rng.chance(50),
        },
        takeover: rng.pick(&[Takeover::WhenSilent, Takeover::WhenSilent, Takeover::Always]),
        limits: WindowLimits {
            bytes: rng.pick(&[8 * 1024, 64 * 1024, 1 << 20]),
            ..WindowLimits::default()
        },
        look: Duration::from_millis(500),
        delay: rng.millis(1, 120),
        faults,
        heals,
        ends: heals + WELL,
        talks: false,
    }
}

fn place(rng: &mut Rng, size: usize) -> Place {
    let profile = match rng.below(6) {
        0 => Profile::patient("live", KEY),
        1 => Profile::youtube(KEY),
        2 => Profile::twitch(KEY),
        3 | 4 => Profile { after_end: AfterEnd::Again, ..Profile::facebook(KEY) },
        _ => Profile::ivs(KEY),
    };
    let window = rng.pick(&[30, 30, 30, 8, 0]);
    let timings = Timings {
        reconnect_window: Duration::from_secs(window),
        orderly_window: Duration::from_secs(rng.pick(&[0, 0, 0, 20])),
        ..Timings::default()
    };
    // A little less than the bytes of the bound in time.
    let bytes = rng.pick(&[8_000_000, 8_000_000, 25 * size as u64]);
    let bounds = Bounds { bytes, ..Bounds::default() };
    let config_change = rng.pick(&[ConfigChange::Headers, ConfigChange::Redial]);
    Place { profile, timings, bounds, config_change, backup_of: None }
}

/// Finds the part of a run's trouble that is enough to break it.
fn shrink(setup: &Setup, what: String) -> Failure {
    let breaks = |faults: &[Fault]| {
        let setup = Setup { faults: faults.to_vec(), ..setup.clone() };
        let outcome = World::new(setup).run();
        outcome.broken.map(|what| (what, outcome.trace))
    };
    let swarm = setup.faults.clone();
    let (enough, then, trace) = match cut(&swarm, breaks) {
        Some((enough, (then, trace))) => (enough, then, trace),
        // It holds when it is run again: no run of the same seed may differ.
        None => (swarm.clone(), "a second run came to something else".to_owned(), 0),
    };
    Failure { seed: setup.seed, what, swarm, enough, then, trace }
}

/// The shortest beginning of a list that still breaks, without whatever of it is not needed, and
/// what `breaks` said to that.
pub(crate) fn cut<T>(
    all: &[Fault],
    breaks: impl Fn(&[Fault]) -> Option<T>,
) -> Option<(Vec<Fault>, T)> {
    let (n, mut last) = (0..=all.len()).find_map(|n| Some((n, breaks(&all[..n])?)))?;
    let mut enough = all[..n].to_vec();
    let mut at = 0;
    while at < enough.len() {
        let mut fewer = enough.clone();
        fewer.remove(at);
        match breaks(&fewer) {
            Some(said) => (enough, last) = (fewer, said),
            None => at += 1,
        }
    }
    Some((enough, last))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.what)?;
        writeln!(f, "its trouble, {} in all:", self.swarm.len())?;
        self.swarm.iter().try_for_each(|fault| writeln!(f, "  {fault}"))?;
        writeln!(f, "enough of it:")?;
        self.enough.iter().try_for_each(|fault| writeln!(f, "  {fault}"))?;
        writeln!(f, "then: {}", self.then)?;
        write!(f, "trace {:016x}; to see it: make sim SEED={}", self.trace, self.seed)
    }
}

impl Tally {
    /// Takes in another one, the trace apart.
    pub fn add(&mut self, other: &Self) {
        self.dials += other.dials;
        self.events += other.events;
        for (end, count) in &other.ends {
            *self.ends.entry(end).or_default() += count;
        }
    }
}
