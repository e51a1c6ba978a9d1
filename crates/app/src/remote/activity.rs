//! `manycast activity`: what happened, and what happens now.

use super::api::{Api, at, with};
use super::show::{Column, Out, time, word};
use super::{Run, some};
use crate::tool::{self, Failure};
use clap::Args;
use serde_json::Value;

/// The longest event that is read, in bytes.
const MOST: usize = 1 << 20;

/// Which events.
#[derive(Args, Debug)]
pub struct Verb {
    /// Kinds that begin like this, such as `destination.`.
    #[arg(long)]
    kind: Option<String>,
    /// Of this stream.
    #[arg(long)]
    stream: Option<String>,
    /// At most so many, the newest; the newest stands last.
    #[arg(long, default_value_t = 50, value_parser = some)]
    most: usize,
    /// Go on with what happens from now on, until Ctrl-C; with --json one object per line.
    #[arg(long)]
    follow: bool,
}

const COLUMNS: &[Column] = &[
    ("WHEN", |v| time(v, "/at")),
    ("SEVERITY", |v| word(v, "/severity")),
    ("KIND", |v| word(v, "/kind")),
    ("STREAM", |v| word(v, "/stream")),
    ("DESTINATION", |v| word(v, "/destination")),
    ("WHAT", |v| word(v, "/text")),
];

impl Verb {
    /// Whether an event of the feed, which is not filtered, is wanted.
    fn wants(&self, event: &Value) -> bool {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        self.kind.as_ref().is_none_or(|kind| text("kind").starts_with(kind))
            && self.stream.as_ref().is_none_or(|stream| text("stream") == stream)
    }

    async fn follow(&self, api: &Api, out: Out) -> Result<(), Failure> {
        let mut reply = api.stream(&at(&["events"])).await?;
        let mut feed = Feed::default();
        while let Some(piece) =
            reply.piece().await.map_err(|error| Failure::failed(error.to_string()))?
        {
            for (name, data) in feed.take(&piece)? {
                if name == "restart" {
                    return Err(Failure::failed("the server restarts"));
                }
                let event = serde_json::from_str(&data).unwrap_or(Value::Null);
                if name == "activity" && self.wants(&event) {
                    let line = if out.is_json() { event.to_string() } else { line(&event) };
                    if !tool::heard(&format!("{line}\n")) {
                        return Ok(());
                    }
                }
            }
        }
        Err(Failure::failed("the server ended the connection"))
    }
}

fn line(event: &Value) -> String {
    COLUMNS.iter().map(|(_, of)| of(event)).collect::<Vec<_>>().join("  ")
}

/// Server-sent events (HTML 9.2.6) out of the pieces that they come in.
#[derive(Default)]
struct Feed(Vec<u8>);

impl Feed {
    /// The events, as name and data, that are whole now.
    fn take(&mut self, piece: &[u8]) -> Result<Vec<(String, String)>, Failure> {
        self.0.extend_from_slice(piece);
        let mut events = Vec::new();
        while let Some(end) = self.0.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = self.0.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block);
            let field = |wanted: &str| {
                let lines = block.lines().filter_map(|line| line.split_once(':'));
                let own = lines.filter(|(name, _)| *name == wanted);
                own.map(|(_, value)| value.strip_prefix(' ').unwrap_or(value))
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            if !field("data").is_empty() {
                events.push((field("event"), field("data")));
            }
        }
        if self.0.len() > MOST {
            return Err(Failure::failed("the server sent an event without end"));
        }
        Ok(events)
    }
}

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        if self.follow {
            return self.follow(api, out).await;
        }
        let query = [("kind", self.kind.as_deref()), ("stream", self.stream.as_deref())];
        let mut items = api.list(&with(&at(&["activity"]), &query), self.most).await?;
        items.reverse();
        let none = match query {
            [(_, None), (_, None)] => "Nothing happened yet.",
            _ => "Nothing of this kind happened yet.",
        };
        out.rows(&items, COLUMNS, none);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_they_are_cut() {
        let text =
            ": hello\n\nid: 7\nevent: activity\ndata: {\"a\":1}\n\nevent: restart\ndata: {}\n\n";
        for size in 1..text.len() {
            let mut feed = Feed::default();
            let pieces = text.as_bytes().chunks(size);
            let got: Vec<_> = pieces.flat_map(|piece| feed.take(piece).unwrap()).collect();
            let want = [("activity", "{\"a\":1}"), ("restart", "{}")];
            let want = want.map(|(name, data)| (name.to_owned(), data.to_owned()));
            assert_eq!(got, want, "{size}");
        }
        assert!(Feed::default().take(&vec![b'x'; MOST + 1]).is_err());
    }

    #[test]
    fn filters_hold_for_the_feed_too() {
        let verb = |kind: Option<&str>, stream: Option<&str>| Verb {
            kind: kind.map(str::to_owned),
            stream: stream.map(str::to_owned),
            most: 1,
            follow: true,
        };
        let event = serde_json::json!({"kind": "destination.live", "stream": "main"});
        for (kind, stream, want) in [
            (None, None, true),
            (Some("destination."), None, true),
            (Some("stream."), None, false),
            (None, Some("main"), true),
            (None, Some("other"), false),
        ] {
            assert_eq!(verb(kind, stream).wants(&event), want, "{kind:?} {stream:?}");
        }
    }
}
