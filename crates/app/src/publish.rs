//! `manycast publish`: a file goes out as if an encoder sent it now.
//!
//! ```text
//! Source (file -> tags) -> Script (what is said, and when) -> pace (waits) -> Feed (a connection)
//! ```
//! Belongs here: the tool around these. The demo's encoder is made of the same parts.

mod clip;
mod pace;
mod progress;
mod script;
mod source;

#[cfg(test)]
mod tests;

pub(crate) use clip::Clip;
pub(crate) use pace::{Feed, Meter, pace};
pub(crate) use progress::Progress;
pub(crate) use script::Outgoing;

use crate::cli::PublishArgs;
use crate::tool::{self, Endpoint, Failure, Interrupt};
use manycast_hub::Secret;
use manycast_net_rtmp::{ClientSettings, Sender};
use std::io::BufRead;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncSeek};

/// The variable that may hold the stream key.
const KEY_VARIABLE: &str = "MANYCAST_KEY";

/// Runs the tool.
pub fn run(args: &PublishArgs) -> ExitCode {
    tool::run(async {
        let mut interrupt = Interrupt::listen()?;
        let key = key(args)?;
        let endpoint = Endpoint::publish(&args.url, key.as_ref())?;
        let settings = tool::client_settings(args.ca.as_deref())?;
        let named = |error| Failure::usage(format!("{}: {error}", args.file.display()));
        let file = tokio::fs::File::open(&args.file).await.map_err(|e| named(e.to_string()))?;
        let clip = Clip::open(file, args.repeat).await.map_err(|e| named(e.to_string()))?;
        let progress = Progress::start(tool::is_screen());
        let sent = publish(clip, &endpoint, &settings, interrupt.ordered(), progress).await?;
        tool::say(&format!("{sent}\n"));
        Ok(ExitCode::SUCCESS)
    })
}

/// The key, if it was given apart from the address.
fn key(args: &PublishArgs) -> Result<Option<Secret>, Failure> {
    if args.key.is_none() {
        return Ok(std::env::var(KEY_VARIABLE).ok().map(|key| Secret::new(key.trim())));
    }
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failure::usage(format!("the key cannot be read: {error}")))?;
    match line.trim() {
        "" => Err(Failure::usage("--key - wants the stream key on the standard input, one line")),
        key => Ok(Some(Secret::new(key))),
    }
}

/// Publishes a clip until it ends or `stop` resolves, then says goodbye in order. Returns what was
/// sent, in words.
///
/// # Errors
/// Why it could not begin, or ended early, in the server's words where it has any.
pub(crate) async fn publish<R>(
    mut clip: Clip<R>,
    endpoint: &Endpoint,
    settings: &ClientSettings,
    stop: impl Future<Output = ()>,
    mut progress: Progress,
) -> Result<String, Failure>
where
    R: AsyncRead + AsyncSeek + Unpin + Send,
{
    let mut stop = pin!(stop);
    let refused = |end| {
        let failure = Failure::from(end);
        Failure { message: format!("{endpoint}: {failure}"), ..failure }
    };
    let connected = tokio::select! {
        connected = Sender::connect(settings, &endpoint.address) => connected,
        () = &mut stop => return Ok("stopped before the server answered".to_owned()),
    };
    let mut sender = connected.map_err(refused)?;
    progress.say(&format!("publishing to {endpoint}"));
    let meter = Meter::default();
    let ended = {
        let mut work = pin!(pace(&mut clip, &mut sender, &meter));
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                ended = &mut work => break ended,
                () = &mut stop => break Ok(()),
                _ = tick.tick() => progress.show(&meter),
            }
        }
    };
    progress.end();
    if let Err(failure) = ended {
        sender.close().await;
        return Err(Failure { message: format!("{endpoint}: {failure}"), ..failure });
    }
    for last in clip.last_words() {
        sender.send(last.kind, last.wire_time(), last.body).await.map_err(refused)?;
    }
    sender.close().await;
    Ok(progress.sum(&meter))
}
