//! `manycast destination`

use super::Run;
use super::access::secret;
use super::api::{Api, at, body};
use super::show::{Column, Out, lines, rate, time, typed, word};
use crate::tool::Failure;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::time::Duration;

/// The variables that may hold secrets of a destination.
const KEY: &str = "MANYCAST_KEY";
const PASSWORD: &str = "MANYCAST_PASSWORD";

/// What can be done with destinations. DESTINATION is a name or an id.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All destinations, or those of one stream.
    List {
        /// Of this stream only.
        stream: Option<String>,
        /// The same, by name.
        #[arg(long = "stream", value_name = "STREAM", hide = true, conflicts_with = "stream")]
        of: Option<String>,
    },
    /// One destination.
    Show(Which),
    /// Make a destination.
    Create(Create),
    /// Change a destination.
    Edit(Edit),
    /// Remove a destination.
    Delete(Which),
    /// Feed it.
    Enable(Which),
    /// Feed it no longer.
    Disable(Which),
    /// Dial it now, whatever it waits for.
    Retry(Which),
    /// Try everything but sending: resolve, connect, TLS, handshake, application. The key is not sent.
    Rehearse {
        #[command(flatten)]
        which: Which,
        /// The backup address.
        #[arg(long)]
        backup: bool,
    },
    /// Put the destinations of a stream into this order.
    Order {
        /// The stream.
        stream: String,
        /// The names or ids of all its destinations.
        #[arg(required = true, value_name = "DESTINATION")]
        ids: Vec<String>,
    },
}

#[derive(Args, Debug)]
pub struct Which {
    /// The stream.
    stream: String,
    /// The destination.
    destination: String,
}

#[derive(Args, Debug)]
pub struct Create {
    /// The stream.
    stream: String,
    /// What you call it.
    name: String,
    #[command(flatten)]
    fields: Box<Fields>,
}

#[derive(Args, Debug)]
pub struct Edit {
    #[command(flatten)]
    which: Which,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    fields: Box<Fields>,
}

/// Its keys come from the variable MANYCAST_KEY and its password from MANYCAST_PASSWORD, or from the
/// standard input, one line.
#[derive(Args, Debug)]
struct Fields {
    /// Where to, such as rtmps://a.rtmps.youtube.com/live2.
    #[arg(long)]
    url: Option<String>,
    /// The service, as `manycast service list` names it.
    #[arg(long, value_name = "KEY")]
    service: Option<String>,
    /// `-`: read the key from the standard input.
    #[arg(long, value_name = "-", value_parser = ["-"])]
    key: Option<String>,
    /// Who we are there.
    #[arg(long)]
    user: Option<String>,
    /// `-`: read the user's password from the standard input.
    #[arg(long, value_name = "-", value_parser = ["-"], conflicts_with = "key")]
    password: Option<String>,
    /// A second address of the same channel.
    #[arg(long, value_name = "URL")]
    backup_url: Option<String>,
    /// When the backup is fed.
    #[arg(long, value_parser = ["failover", "both"], requires = "backup_url")]
    backup_mode: Option<String>,
    /// What happens when the encoder's codec settings change.
    #[arg(long, value_parser = ["headers", "redial"])]
    config_change: Option<String>,
    /// Whether it is told of Enhanced RTMP.
    #[arg(long, value_parser = ["auto", "none", "full"])]
    announce: Option<String>,
    /// Which video track it gets.
    #[arg(long, value_name = "TRACK")]
    video_track: Option<String>,
    /// Which audio track it gets.
    #[arg(long, value_name = "TRACK")]
    audio_track: Option<String>,
    /// Whether it is fed.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// For yourselves.
    #[arg(long)]
    notes: Option<String>,
}

impl Fields {
    fn into_body(self, name: Option<String>) -> Result<Value, Failure> {
        let text = |secret: manycast_hub::Secret| Value::from(secret.expose());
        let key = secret(self.key.as_deref(), KEY)?.map(text);
        let password = secret(self.password.as_deref(), PASSWORD)?.map(text);
        let mode = self.backup_mode.map(Value::from);
        let backup =
            self.backup_url.map(|url| body(vec![("url", Some(url.into())), ("mode", mode)]));
        Ok(body(vec![
            ("name", name.map(Value::from)),
            ("service", self.service.map(Value::from)),
            ("url", self.url.map(Value::from)),
            ("key", key),
            ("user", self.user.map(Value::from)),
            ("password", password),
            ("backup", backup),
            ("config_change", self.config_change.map(Value::from)),
            ("announce", self.announce.map(Value::from)),
            ("video_track", self.video_track.map(Value::from)),
            ("audio_track", self.audio_track.map(Value::from)),
            ("enabled", self.enabled.map(Value::from)),
            ("notes", self.notes.map(Value::from)),
        ]))
    }
}

/// What a destination does that is switched on while its stream is off air.
const WAITS: &str = "waits for go-live";

/// Whether it is fed as soon as its stream goes live, and only then.
fn waits(destination: &Value) -> bool {
    let at = |pointer: &str| destination.pointer(pointer);
    at("/enabled") == Some(&json!(true)) && at("/status/state") == Some(&json!("stopped"))
}

/// Whether it is being sent to, or tried.
fn is_fed(destination: &Value) -> bool {
    !matches!(word(destination, "/status/state").as_str(), "stopped" | "idle" | "-")
}

/// One of the destinations in `all` as it is once what was asked has come about; for programs as answered.
async fn settled(api: &Api, all: &str, answer: Value, out: Out) -> Result<Value, Failure> {
    if out.is_json() {
        return Ok(answer);
    }
    tokio::time::sleep(SETTLING).await;
    api.get(&format!("{all}/{}", word(&answer, "/id"))).await
}

/// Its state in a word. Switched on and not fed is not the same as switched off.
pub(super) fn state(destination: &Value) -> String {
    if waits(destination) { "waiting".to_owned() } else { word(destination, "/status/state") }
}

/// How long an order takes to be seen in the state.
const SETTLING: Duration = Duration::from_millis(200);

const COLUMNS: &[Column] = &[
    ("STREAM", |v| word(v, "/stream")),
    ("NAME", |v| word(v, "/name")),
    ("STATE", state),
    ("SINCE", |v| time(v, "/status/since")),
    ("BITRATE", |v| rate(v, "/status/bitrate")),
    ("ENABLED", |v| word(v, "/enabled")),
    ("NEXT DIAL", |v| time(v, "/status/next_dial")),
    ("LAST ERROR", |v| word(v, "/status/last_error")),
    ("ID", |v| word(v, "/id")),
];

const FIELDS: &[Column] = &[
    ("Id", |v| word(v, "/id")),
    ("Stream", |v| word(v, "/stream")),
    ("Name", |v| word(v, "/name")),
    ("Service", |v| word(v, "/service")),
    ("Address", |v| word(v, "/url")),
    ("Key set", |v| word(v, "/key_set")),
    ("User", |v| word(v, "/user")),
    ("Enabled", |v| word(v, "/enabled")),
    ("State", |v| format!("{} since {}", state(v), time(v, "/status/since"))),
    ("Reason", |v| if waits(v) { WAITS.to_owned() } else { word(v, "/status/reason") }),
    ("Bitrate", |v| rate(v, "/status/bitrate")),
    ("Behind", |v| format!("{} ms", word(v, "/status/lag_ms"))),
    ("Dropped", |v| format!("{} groups of pictures", word(v, "/status/dropped_gops"))),
    ("Next dial", |v| time(v, "/status/next_dial")),
    ("Last error", |v| word(v, "/status/last_error")),
    ("Left out", |v| word(v, "/status/left_out")),
    ("Backup", |v| match v.pointer("/backup") {
        None | Some(Value::Null) => "-".to_owned(),
        Some(backup) => format!("{} {}", word(backup, "/url"), word(v, "/backup_status/state")),
    }),
    ("Managed by", |v| word(v, "/managed_by")),
    ("Notes", |v| lines(v, "/notes")),
];

const STEPS: &[Column] = &[
    ("STEP", |v| word(v, "/step")),
    ("STATE", |v| word(v, "/state")),
    ("MS", |v| word(v, "/ms")),
    ("DETAIL", |v| word(v, "/detail")),
];

impl Which {
    fn path(&self) -> String {
        at(&["streams", &self.stream, "destinations", &self.destination])
    }

    /// Gives an order, and shows what came of it: that is known a moment later.
    async fn turn(&self, api: &Api, order: &str, out: Out) -> Result<(), Failure> {
        let answer = api.act(&self.order(order), None).await?;
        if out.is_json() {
            out.one(&answer, &[]);
            return Ok(());
        }
        tokio::time::sleep(SETTLING).await;
        out.one(&api.get(&self.path()).await?, FIELDS);
        Ok(())
    }

    fn order(&self, order: &str) -> String {
        at(&["streams", &self.stream, "destinations", &self.destination, order])
    }
}

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        match self {
            Self::List { stream, of } => {
                // of a stream that is not there it is an error, not an empty list
                let items = match stream.or(of) {
                    Some(stream) => api.all(&at(&["streams", &stream, "destinations"])).await?,
                    None => api.list(&at(&["destinations"]), usize::MAX).await?,
                };
                out.rows(&items, COLUMNS, "There is no destination yet.");
            }
            Self::Show(which) => out.one(&api.get(&which.path()).await?, FIELDS),
            Self::Create(Create { stream, name, fields }) => {
                let path = at(&["streams", &stream, "destinations"]);
                let next = format!(
                    "Try it, without going live: manycast destination rehearse {} {}",
                    typed(&stream),
                    typed(&name)
                );
                let off = format!(
                    "Its stream is on air, and it is fed from now on. To switch it off: manycast \
                     destination disable {} {} (--enabled false adds one that is switched off).",
                    typed(&stream),
                    typed(&name)
                );
                let made = api.create(&path, &fields.into_body(Some(name))?).await?;
                let made = settled(api, &path, made, out).await?;
                out.one(&made, FIELDS);
                out.said(if is_fed(&made) { &off } else { &next });
            }
            Self::Edit(Edit { which, name, fields }) => {
                let edited = api.edit(&which.path(), &fields.into_body(name)?).await?;
                let all = at(&["streams", &which.stream, "destinations"]);
                out.one(&settled(api, &all, edited, out).await?, FIELDS);
            }
            Self::Delete(which) => {
                api.delete(&which.path()).await?;
                out.said("The destination is removed.");
            }
            Self::Enable(which) => which.turn(api, "enable", out).await?,
            Self::Disable(which) => which.turn(api, "disable", out).await?,
            Self::Retry(which) => which.turn(api, "retry", out).await?,
            Self::Rehearse { which, backup } => {
                let body = json!({ "backup": backup });
                return rehearsed(&api.act(&which.order("rehearse"), Some(&body)).await?, out);
            }
            Self::Order { stream, ids } => {
                let all = at(&["streams", &stream, "destinations"]);
                let mut wanted = Vec::new();
                for text in &ids {
                    wanted.push(api.id(&all, text, &["name"]).await?);
                }
                let (path, ids) = (format!("{all}/order"), wanted);
                api.act(&path, Some(&json!({ "ids": ids }))).await?;
                out.said("The order is changed.");
            }
        }
        Ok(())
    }
}

/// Shows a rehearsal; one that failed is a failure.
fn rehearsed(answer: &Value, out: Out) -> Result<(), Failure> {
    if out.is_json() {
        out.one(answer, &[]);
    } else {
        let steps = answer.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
        out.rows(&steps, STEPS, "No step was tried.");
    }
    let sentence = word(answer, "/sentence");
    match word(answer, "/verdict").as_str() {
        "ok" => {
            out.said(&sentence);
            Ok(())
        }
        _ => Err(Failure::failed(match word(answer, "/remedy").as_str() {
            "-" => sentence,
            remedy => format!("{sentence}\n  {remedy}"),
        })),
    }
}
