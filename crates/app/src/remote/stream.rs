//! `manycast stream`

use super::Run;
use super::api::{Api, at, body};
use super::show::{Column, Out, lines, rate, time, typed, word};
use crate::tool::Failure;
use clap::{Args, Subcommand};
use serde_json::Value;

/// What can be done with streams.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All streams.
    List,
    /// One stream, with its destinations and what is wrong with its encoder.
    Show(Name),
    /// Make a stream.
    Create(Create),
    /// Change a stream that was made here or in the dashboard.
    Edit(Edit),
    /// Remove a stream with its destinations and keys.
    Delete(Name),
    /// Begin to feed its destinations.
    GoLive(Name),
    /// Say goodbye to its destinations; the encoder stays connected.
    End(Name),
}

#[derive(Args, Debug)]
pub struct Name {
    /// The name of the stream.
    #[arg(value_name = "STREAM")]
    name: String,
}

#[derive(Args, Debug)]
pub struct Create {
    /// Its name: what viewers ask for.
    #[arg(value_name = "STREAM")]
    name: String,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Args, Debug)]
pub struct Edit {
    /// The name of the stream.
    #[arg(value_name = "STREAM")]
    name: String,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Args, Debug)]
struct Fields {
    /// What people call it.
    #[arg(long)]
    title: Option<String>,
    /// When destinations are fed: as soon as the encoder comes, or after go-live.
    #[arg(long, value_parser = ["auto", "manual"])]
    start: Option<String>,
    /// Whether it may be watched here.
    #[arg(long, value_name = "true|false")]
    play: Option<bool>,
    /// What becomes of a second encoder.
    #[arg(long, value_parser = ["when_silent", "always"])]
    takeover: Option<String>,
    /// How long destinations stay connected while the encoder is away.
    #[arg(long, value_name = "SECONDS")]
    reconnect_window: Option<u64>,
    /// Whether they do so too after an encoder that ended in order.
    #[arg(long, value_name = "true|false")]
    hold_on_stop: Option<bool>,
    /// For yourselves.
    #[arg(long)]
    notes: Option<String>,
}

impl Fields {
    fn into_body(self, name: Option<String>) -> Value {
        body(vec![
            ("name", name.map(Value::from)),
            ("title", self.title.map(Value::from)),
            ("start", self.start.map(Value::from)),
            ("play", self.play.map(Value::from)),
            ("takeover", self.takeover.map(Value::from)),
            ("reconnect_window_s", self.reconnect_window.map(Value::from)),
            ("hold_on_stop", self.hold_on_stop.map(Value::from)),
            ("notes", self.notes.map(Value::from)),
        ])
    }
}

pub(super) const COLUMNS: &[Column] = &[
    ("NAME", |v| word(v, "/name")),
    ("STATE", |v| word(v, "/state")),
    ("START", |v| word(v, "/start")),
    ("ENCODER", |v| word(v, "/publisher/software")),
    ("BITRATE", |v| rate(v, "/publisher/bitrate")),
    ("VIEWERS", |v| word(v, "/viewers")),
    ("LIVE", |v| word(v, "/counts/live")),
    ("RETRYING", |v| word(v, "/counts/retrying")),
    ("NEED YOU", |v| word(v, "/counts/need_you")),
    ("MANAGED BY", |v| word(v, "/managed_by")),
];

const FIELDS: &[Column] = &[
    ("Name", |v| word(v, "/name")),
    ("Title", |v| word(v, "/title")),
    ("State", |v| format!("{} since {}", word(v, "/state"), time(v, "/state_since"))),
    ("On air since", |v| time(v, "/on_air_since")),
    ("Start", |v| word(v, "/start")),
    ("Encoder", |v| match v.pointer("/publisher") {
        None | Some(Value::Null) => "-".to_owned(),
        Some(encoder) => format!("{} {}", word(encoder, "/software"), rate(encoder, "/bitrate")),
    }),
    ("Viewers", |v| word(v, "/viewers")),
    ("Watched here", |v| word(v, "/play")),
    ("Takeover", |v| word(v, "/takeover")),
    ("Reconnect window", |v| format!("{} s", word(v, "/reconnect_window_s"))),
    ("Hold on stop", |v| word(v, "/hold_on_stop")),
    ("Managed by", |v| word(v, "/managed_by")),
    ("Server", servers),
    ("Findings", |v| {
        each(v, "/findings", |one| {
            format!(
                "{}: {} {}",
                word(one, "/severity"),
                word(one, "/sentence"),
                word(one, "/remedy")
            )
        })
    }),
    ("Destinations", |v| {
        each(v, "/destinations", |one| {
            format!(
                "{} {} {}",
                word(one, "/name"),
                super::destination::state(one),
                rate(one, "/status/bitrate")
            )
        })
    }),
    ("Notes", |v| lines(v, "/notes")),
];

/// The addresses that encoders send to, one per line.
pub(super) fn servers(stream: &Value) -> String {
    let of = |name| each(stream, name, |url| word(url, ""));
    let all = [of("/connect/rtmp"), of("/connect/rtmps")];
    let there: Vec<_> = all.into_iter().filter(|text| text != "-").collect();
    if there.is_empty() { "-".to_owned() } else { there.join("\n") }
}

/// A list, one of it per line.
fn each(item: &Value, pointer: &str, of: fn(&Value) -> String) -> String {
    match item.pointer(pointer).and_then(Value::as_array) {
        Some(items) if !items.is_empty() => items.iter().map(of).collect::<Vec<_>>().join("\n"),
        _ => "-".to_owned(),
    }
}

fn keyed(name: &str) -> String {
    format!("Its encoder needs a key: manycast key create {} --label OBS", typed(name))
}

/// What is missing to be seen, after going live without an encoder.
fn unfed(stream: &Value, name: &str) -> Option<String> {
    let away = stream.pointer("/publisher").is_none_or(Value::is_null);
    let server = match servers(stream).lines().next() {
        Some(server) if server != "-" => format!(" Let it send to {server}, with its key."),
        _ => String::new(),
    };
    away.then(|| format!("Nothing goes out yet: no encoder is sending.{server}\n{}", keyed(name)))
}

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        let path = |name: &str| at(&["streams", name]);
        match self {
            Self::List => {
                let items = api.list(&at(&["streams"]), usize::MAX).await?;
                out.rows(&items, COLUMNS, "There is no stream yet: manycast stream create NAME");
            }
            Self::Show(Name { name }) => out.one(&api.get(&path(&name)).await?, FIELDS),
            Self::Create(Create { name, fields }) => {
                let next = keyed(&name);
                let made = api.create(&at(&["streams"]), &fields.into_body(Some(name))).await?;
                out.one(&made, FIELDS);
                out.said(&next);
            }
            Self::Edit(Edit { name, fields }) => {
                out.one(&api.edit(&path(&name), &fields.into_body(None)).await?, FIELDS);
            }
            Self::Delete(Name { name }) => {
                api.delete(&path(&name)).await?;
                out.said("The stream is removed.");
            }
            Self::GoLive(Name { name }) => {
                let live = api.act(&at(&["streams", &name, "go-live"]), None).await?;
                out.one(&live, FIELDS);
                if let Some(missing) = unfed(&live, &name) {
                    out.said(&missing);
                }
            }
            Self::End(Name { name }) => {
                out.one(&api.act(&at(&["streams", &name, "end"]), None).await?, FIELDS);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn going_live_without_an_encoder_says_what_is_missing() {
        let connect = json!({"rtmp": ["rtmp://h/live"], "rtmps": []});
        let off = json!({"publisher": null, "connect": connect});
        let said = unfed(&off, "two words").expect("a hint");
        assert!(said.contains("no encoder is sending") && said.contains("rtmp://h/live"), "{said}");
        assert!(said.contains("key create 'two words'"), "{said}");
        assert_eq!(
            unfed(&json!({"publisher": {"software": "OBS"}, "connect": connect}), "x"),
            None
        );
    }

    #[test]
    fn a_destination_that_is_switched_on_waits_and_is_not_stopped() {
        let one = |enabled, state| json!({"enabled": enabled, "status": {"state": state}});
        let state = crate::remote::destination::state;
        for (enabled, is, want) in
            [(true, "stopped", "waiting"), (false, "stopped", "stopped"), (true, "live", "live")]
        {
            assert_eq!(state(&one(enabled, is)), want);
        }
    }
}
