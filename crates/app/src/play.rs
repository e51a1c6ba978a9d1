//! `manycast play`: joins as a viewer and tells what comes.
//!
//! ```text
//! Player (a connection) -> Watch (counts, pure) -> Report (lines or JSON, and the verdict)
//! ```
//! Belongs here: the tool around these.

mod report;
mod track;
mod watch;

#[cfg(test)]
mod tests;

pub(crate) use report::Report;

use crate::cli::PlayArgs;
use crate::tool::{self, Endpoint, Failure, Interrupt};
use manycast_net_rtmp::{ClientSettings, Player, PlayerEvent};
use report::End;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use watch::Watch;

/// Runs the tool.
pub fn run(args: &PlayArgs) -> ExitCode {
    tool::run(async {
        let mut interrupt = Interrupt::listen()?;
        let endpoint = Endpoint::play(&args.url)?;
        let settings = tool::client_settings(args.ca.as_deref())?;
        if !args.json {
            tool::say(&format!("watching {endpoint} for {} s\n", args.seconds));
        }
        let time = Duration::from_secs(args.seconds);
        let report = watch(&endpoint, &settings, time, interrupt.ordered()).await;
        tool::say(&if args.json { format!("{}\n", report.json()) } else { report.to_string() });
        Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Watches for so long, or until `stop` resolves, and tells what came.
pub(crate) async fn watch(
    endpoint: &Endpoint,
    settings: &ClientSettings,
    time: Duration,
    stop: impl Future<Output = ()>,
) -> Report {
    let start = Instant::now();
    let mut stop = pin!(stop);
    let mut watch = Watch::default();
    let connected = tokio::select! {
        connected = Player::connect(settings, &endpoint.address) => connected,
        () = &mut stop => return Report::new(endpoint, watch, start.elapsed(), End::Interrupted),
    };
    let mut player = match connected {
        Ok(player) => player,
        Err(end) => {
            let end = End::Refused(Failure::from(end).message);
            return Report::new(endpoint, watch, start.elapsed(), end);
        }
    };
    watch.connected(start.elapsed());
    let until = Instant::now() + time;
    let end = loop {
        let event = tokio::select! {
            event = player.next() => event,
            () = sleep_until(until) => break End::Time,
            () = &mut stop => break End::Interrupted,
        };
        match event {
            Ok(PlayerEvent::Media(event)) => {
                watch.media(Instant::from(event.at).duration_since(start), &event.media);
            }
            Ok(PlayerEvent::Unpublished) => watch.unpublished(),
            Ok(PlayerEvent::Ended) => break End::Closed("the server closed".to_owned()),
            Err(end) => break End::Closed(end.message),
        }
    };
    watch.ended(start.elapsed());
    player.close().await;
    Report::new(endpoint, watch, start.elapsed(), end)
}
