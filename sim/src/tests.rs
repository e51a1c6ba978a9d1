//! Stories with a known end, in virtual time: what platforms get over hours and weeks.

mod days;
mod keys;
mod platforms;
mod seeds;

use crate::fault::{Fault, Kind};
use crate::platform::Profile;
use crate::world::{Place, Setup, Shape, World};
use manycast_hub::{Bounds, ConfigChange, Takeover, WindowLimits};
use manycast_restream::{State, Timings};
use std::time::{Duration, Instant};

const KEY: &str = "sesame-1234";

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn at(seconds: u64, lasts: u64, kind: Kind) -> Fault {
    // Between two frames, as trouble comes.
    let at = secs(seconds) + Duration::from_millis(90);
    Fault { at, lasts: secs(lasts), place: 0, kind }
}

fn place(profile: Profile) -> Place {
    Place {
        profile,
        timings: Timings::default(),
        bounds: Bounds::default(),
        config_change: ConfigChange::Headers,
        backup_of: None,
    }
}

fn setup(places: Vec<Place>, faults: Vec<Fault>, ends: Duration) -> Setup {
    Setup {
        seed: 1,
        places,
        encoder: Shape {
            interval: Duration::from_millis(200),
            gop: 10,
            size: 120,
            clock: 0xffff_0000,
            prompt: true,
            midway: false,
        },
        takeover: Takeover::WhenSilent,
        limits: WindowLimits::default(),
        look: Duration::from_millis(500),
        delay: Duration::from_millis(20),
        faults,
        heals: ends + secs(1),
        ends,
        talks: false,
    }
}

/// A world after so much time.
fn after(setup: Setup) -> World {
    let ends = setup.ends;
    let mut world = World::new(setup);
    world.begin();
    world.run_until(world.origin + ends);
    assert_eq!(world.broken, None);
    world
}

/// The states that a destination took from one second to another.
fn states(world: &World, seat: usize, from: u64, to: u64) -> Vec<State> {
    let (from, to) = (world.origin + secs(from), world.origin + secs(to));
    let within = |at: &Instant| from <= *at && *at < to;
    let all = world.seats[seat].states.iter().filter(|(at, _)| within(at));
    all.map(|(_, state)| *state).collect()
}
