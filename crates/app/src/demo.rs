//! `manycast demo`: the whole of it on one machine, with something to look at.
//!
//! ```text
//! encoder (clip -> Sender) --RTMP--> the server --RTMP--> alpha, beta   verify every frame
//!                                      |   |----RTMP----> ill           resets again and again
//!                                      |   `----RTMP----> you, with any player
//! your own encoder -------------RTMP---'
//! ```
//! Everything is real: the server of `manycast serve`, its destinations, its sockets; and all of it
//! on 127.0.0.1. Belongs here: the play and its verdict. What is on the stage is in `cast`, what
//! the audience sees in `view`.

mod cast;
mod encoder;
mod ill;
mod reel;
mod screen;
mod sink;
mod snapshot;
mod verify;
mod view;

#[cfg(test)]
mod tests;

use crate::cli::DemoArgs;
use crate::tool::{self, Failure, Interrupt};
use cast::Cast;
use screen::{Plain, Screen};
use snapshot::Snapshot;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// Between two pictures of the terminal view.
const TICK: Duration = Duration::from_millis(250);
/// The ports that people expect, of RTMP and of the dashboard.
const PORTS: [u16; 2] = [1935, 8080];

/// What the demo is shown on.
trait Stage {
    /// A new picture, four times per second.
    fn show(&mut self, snapshot: &Snapshot);

    /// The play is over; what is said now stays.
    fn leave(&mut self, last: &Snapshot);
}

/// How the play ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Time,
    Interrupted,
}

/// Runs the demo.
pub fn run(args: &DemoArgs) -> ExitCode {
    tool::run(async {
        let mut interrupt = Interrupt::listen()?;
        let limit = args.seconds.map(Duration::from_secs);
        let mut cast = Cast::start(PORTS, limit).await?;
        let mut stage: Box<dyn Stage> =
            if tool::is_screen() { Box::new(Screen::open()) } else { Box::new(Plain::default()) };
        let ended = play(&cast, limit, interrupt.ordered(), stage.as_mut()).await;
        let finish = async {
            cast.settle().await;
            let (last, summary) = (cast.snapshot(), cast.summary());
            stage.leave(&last);
            tool::say(&summary.to_string());
            (summary.is_whole(), cast.end().await)
        };
        let (whole, encoder) = tokio::select! {
            finished = finish => finished,
            () = interrupt.ordered() => return Err(Failure::failed("ended at once")),
        };
        match ended {
            Err(failure) => Err(encoder.err().unwrap_or(failure)),
            Ok(End::Time) if !whole => Ok(ExitCode::FAILURE),
            Ok(_) => Ok(ExitCode::SUCCESS),
        }
    })
}

/// Shows the play until its time is over or `stop` resolves.
async fn play(
    cast: &Cast,
    limit: Option<Duration>,
    stop: impl Future<Output = ()>,
    stage: &mut dyn Stage,
) -> Result<End, Failure> {
    let mut stop = std::pin::pin!(stop);
    let until = Instant::now() + limit.unwrap_or(Duration::from_secs(86_400 * 365));
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                cast.check()?;
                stage.show(&cast.snapshot());
            }
            () = tokio::time::sleep_until(until) => return Ok(End::Time),
            () = &mut stop => return Ok(End::Interrupted),
        }
    }
}
