//! `manycast webhook`

use super::api::{Api, at, body};
use super::show::{Column, Out, time, word};
use super::{Run, some};
use crate::tool::Failure;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// What can be done with webhooks. WEBHOOK is an id.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All webhooks.
    List,
    /// One webhook.
    Show(Which),
    /// Make a webhook; the secret of its signatures is shown this once.
    Create {
        /// What you call it.
        name: String,
        /// Where to: https://...
        url: String,
        #[command(flatten)]
        wants: Wants,
    },
    /// Change a webhook.
    Edit {
        #[command(flatten)]
        which: Which,
        /// A new name.
        #[arg(long)]
        name: Option<String>,
        /// A new address.
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        wants: Wants,
    },
    /// Remove a webhook and what waits for it.
    Delete(Which),
    /// Send it an event of no meaning now.
    Test(Which),
    /// Make a new secret; events are signed with both for a day.
    Rotate(Which),
    /// What was sent, and what came back.
    Deliveries {
        #[command(flatten)]
        which: Which,
        /// At most so many, the newest.
        #[arg(long, default_value_t = 50, value_parser = some)]
        most: usize,
    },
    /// Send a delivery once more.
    Redeliver {
        #[command(flatten)]
        which: Which,
        /// The delivery's id.
        delivery: String,
    },
}

#[derive(Args, Debug)]
pub struct Which {
    /// The webhook's name or id.
    webhook: String,
}

#[derive(Args, Debug)]
pub struct Wants {
    /// Only events of this kind; may be given again. Without it: all.
    #[arg(long, value_name = "KIND")]
    event: Vec<String>,
    /// Only of this stream; may be given again. Without it: all.
    #[arg(long)]
    stream: Vec<String>,
    /// Whether it is sent anything.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
}

impl Wants {
    fn into_body(self, name: Option<String>, url: Option<String>) -> Value {
        let given = |list: Vec<String>| (!list.is_empty()).then(|| Value::from(list));
        body(vec![
            ("name", name.map(Value::from)),
            ("url", url.map(Value::from)),
            ("events", given(self.event)),
            ("streams", given(self.stream)),
            ("enabled", self.enabled.map(Value::from)),
        ])
    }
}

impl Which {
    async fn path(&self, api: &Api, more: &[&str]) -> Result<String, Failure> {
        let id = api.id(&at(&["webhooks"]), &self.webhook, &["name"]).await?;
        Ok(at(&[&["webhooks", id.as_str()], more].concat()))
    }
}

const COLUMNS: &[Column] = &[
    ("NAME", |v| word(v, "/name")),
    ("ADDRESS", |v| word(v, "/url")),
    ("ENABLED", |v| word(v, "/enabled")),
    ("EVENTS", |v| all_or(v, "/events")),
    ("STREAMS", |v| all_or(v, "/streams")),
    ("ID", |v| word(v, "/id")),
];

const DELIVERIES: &[Column] = &[
    ("WHEN", |v| time(v, "/created_at")),
    ("KIND", |v| word(v, "/kind")),
    ("STATE", |v| word(v, "/state")),
    ("ATTEMPTS", |v| word(v, "/attempt")),
    ("STATUS", |v| word(v, "/status")),
    ("ERROR", |v| word(v, "/error")),
    ("NEXT", |v| time(v, "/next_at")),
    ("ID", |v| word(v, "/id")),
];

fn all_or(item: &Value, pointer: &str) -> String {
    let text = word(item, pointer);
    if text == "-" { "all".to_owned() } else { text }
}

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        match self {
            Self::List => {
                out.rows(&api.all(&at(&["webhooks"])).await?, COLUMNS, "There is no webhook yet.");
            }
            Self::Show(which) => out.one(&api.get(&which.path(api, &[]).await?).await?, COLUMNS),
            Self::Create { name, url, wants } => {
                let body = wants.into_body(Some(name), Some(url));
                let made = api.create(&at(&["webhooks"]), &body).await?;
                out.once(&made, "secret", "The secret of its signatures");
            }
            Self::Edit { which, name, url, wants } => {
                let patch = wants.into_body(name, url);
                out.one(&api.edit(&which.path(api, &[]).await?, &patch).await?, COLUMNS);
            }
            Self::Delete(which) => {
                api.delete(&which.path(api, &[]).await?).await?;
                out.said("The webhook is removed.");
            }
            Self::Test(which) => {
                let answer = api.act(&which.path(api, &["test"]).await?, None).await?;
                if answer.get("ok") != Some(&json!(true)) && !out.is_json() {
                    let (status, error) = (word(&answer, "/status"), word(&answer, "/error"));
                    return Err(Failure::failed(match (status.as_str(), error.as_str()) {
                        ("-", error) => format!("it was not delivered: {error}"),
                        (status, "-") => format!("the receiver answered with status {status}"),
                        // its words begin with the status
                        (_, error) => format!("the receiver {error}"),
                    }));
                }
                out.one(&answer, &[("Status", |v| word(v, "/status"))]);
                out.said("The receiver took it.");
            }
            Self::Rotate(which) => {
                let made = api.create(&which.path(api, &["rotate"]).await?, &json!({})).await?;
                out.once(&made, "secret", "The new secret of its signatures");
            }
            Self::Deliveries { which, most } => {
                let items = api.list(&which.path(api, &["deliveries"]).await?, most).await?;
                out.rows(&items, DELIVERIES, "Nothing was sent yet.");
            }
            Self::Redeliver { which, delivery } => {
                api.act(&which.path(api, &["deliveries", &delivery, "redeliver"]).await?, None)
                    .await?;
                out.said("It will be sent once more.");
            }
        }
        Ok(())
    }
}
