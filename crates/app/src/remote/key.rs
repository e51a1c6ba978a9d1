//! `manycast key`: the stream keys of encoders.

use super::Run;
use super::api::{Api, at, body};
use super::show::{Column, Out, time, word};
use super::stream::servers;
use crate::tool::Failure;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// What can be done with stream keys. KEY is a label or an id.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The keys of a stream.
    List {
        /// The stream.
        stream: String,
    },
    /// Make a key; it is shown this once.
    Create {
        /// The stream.
        stream: String,
        /// Which device it is for.
        #[arg(long)]
        label: String,
        /// Only from this address or network; may be given again.
        #[arg(long, value_name = "ADDRESS")]
        address: Vec<String>,
        /// Until when it is taken: for so long (90m, 2h, 7d), or until 2030-01-31 or
        /// 2030-01-31T12:00:00Z; without this, for good.
        #[arg(long, value_name = "WHEN", value_parser = ends)]
        expires: Option<Ends>,
    },
    /// Change its label, its addresses or its end.
    Edit {
        #[command(flatten)]
        which: Which,
        /// Which device it is for.
        #[arg(long)]
        label: Option<String>,
        /// Only from this address or network; may be given again.
        #[arg(long, value_name = "ADDRESS")]
        address: Vec<String>,
        /// From everywhere.
        #[arg(long, conflicts_with = "address")]
        anywhere: bool,
        /// Until when it is taken, as for `create`, or `never`.
        #[arg(long, value_name = "WHEN", value_parser = ends)]
        expires: Option<Ends>,
    },
    /// Make another key in its place; the old one holds for a while yet.
    Rotate {
        #[command(flatten)]
        which: Which,
        /// How long the old one holds.
        #[arg(long, value_name = "SECONDS", default_value_t = 300)]
        grace: u64,
    },
    /// Revoke a key; an encoder that runs with it ends at once.
    Revoke(Which),
}

/// When a key ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    Never,
    After(Duration),
    At(String),
}

impl Ends {
    fn value(self, now: SystemTime) -> Value {
        match self {
            Self::Never => Value::Null,
            Self::After(time) => manycast_web::rfc3339(now + time).into(),
            Self::At(text) => text.into(),
        }
    }
}

/// A span or a date; whether a date is one, the server says.
fn ends(text: &str) -> Result<Ends, String> {
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    const LONGEST: u64 = 100 * 366 * 86_400;
    if text == "never" {
        return Ok(Ends::Never);
    }
    let bytes = text.as_bytes();
    if bytes.len() >= 10 && bytes[4] == b'-' && bytes[7] == b'-' {
        let midnight = if text.contains(['T', 't', ' ']) { "" } else { "T00:00:00Z" };
        return Ok(Ends::At(format!("{text}{midnight}")));
    }
    let span = UNITS.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(*unit)?.parse().ok()?;
        number.checked_mul(*seconds).filter(|seconds| (1..=LONGEST).contains(seconds))
    });
    let span =
        span.ok_or("write it like 90m, 2h, 7d, 2030-01-31, 2030-01-31T12:00:00Z or never")?;
    Ok(Ends::After(Duration::from_secs(span)))
}

#[derive(Args, Debug)]
pub struct Which {
    /// The stream.
    stream: String,
    /// The key's label or id.
    key: String,
}

impl Which {
    async fn path(&self, api: &Api) -> Result<String, Failure> {
        let keys = at(&["streams", &self.stream, "keys"]);
        let id = api.id(&keys, &self.key, &["label", "prefix"]).await?;
        Ok(at(&["streams", &self.stream, "keys", &id]))
    }
}

/// Where the key goes.
async fn tell_server(api: &Api, stream: &str, out: Out) -> Result<(), Failure> {
    if !out.is_json() {
        let servers = servers(&api.get(&at(&["streams", stream])).await?).replace('\n', " or ");
        out.said(&format!("The encoder takes it as stream key, with the server {servers}"));
    }
    Ok(())
}

const COLUMNS: &[Column] = &[
    ("LABEL", |v| word(v, "/label")),
    ("BEGINS", |v| word(v, "/prefix")),
    ("IN USE", |v| word(v, "/in_use")),
    ("LAST USED", |v| time(v, "/last_used_at")),
    ("FROM", |v| word(v, "/last_address")),
    ("ADDRESSES", |v| word(v, "/addresses")),
    ("EXPIRES", |v| time(v, "/expires_at")),
    ("ID", |v| word(v, "/id")),
];

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        match self {
            Self::List { stream } => {
                let items = api.all(&at(&["streams", &stream, "keys"])).await?;
                out.rows(&items, COLUMNS, "This stream has no key made here yet.");
            }
            Self::Create { stream, label, address, expires } => {
                let mut body = json!({ "label": label, "addresses": address });
                if let Some(ends) = expires {
                    body["expires_at"] = ends.value(SystemTime::now());
                }
                let made = api.create(&at(&["streams", &stream, "keys"]), &body).await?;
                out.once(&made, "key", "The stream key");
                tell_server(api, &stream, out).await?;
            }
            Self::Edit { which, label, address, anywhere, expires } => {
                let addresses = (anywhere || !address.is_empty()).then(|| Value::from(address));
                let expires = expires.map(|ends| ends.value(SystemTime::now()));
                let label = label.map(Value::from);
                let patch =
                    body(vec![("label", label), ("addresses", addresses), ("expires_at", expires)]);
                out.rows(&[api.patch(&which.path(api).await?, &patch).await?], COLUMNS, "");
            }
            Self::Rotate { which, grace } => {
                let path = format!("{}/rotate", which.path(api).await?);
                let made = api.create(&path, &json!({ "grace_s": grace })).await?;
                out.once(&made, "key", "The new stream key");
                out.said(&format!("The old one holds for {grace} s."));
            }
            Self::Revoke(which) => {
                api.delete(&which.path(api).await?).await?;
                out.said("The key is revoked.");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_span_a_date_or_never() {
        let after = |seconds| Ok(Ends::After(Duration::from_secs(seconds)));
        let at = |text: &str| Ok(Ends::At(text.to_owned()));
        for (text, want) in [
            ("90m", after(5400)),
            ("2h", after(7200)),
            ("7d", after(604_800)),
            ("30s", after(30)),
            ("never", Ok(Ends::Never)),
            ("2030-01-31", at("2030-01-31T00:00:00Z")),
            ("2030-01-31T12:00:00+01:00", at("2030-01-31T12:00:00+01:00")),
        ] {
            assert_eq!(ends(text), want, "{text}");
        }
        for text in ["", "2", "h", "0h", "-2h", "2w", "99999999999999999999d", "999999d", "soon"] {
            assert!(ends(text).is_err(), "{text}");
        }
        let said = Ends::After(Duration::from_secs(60)).value(SystemTime::UNIX_EPOCH);
        assert_eq!(said, json!("1970-01-01T00:01:00.000Z"));
        assert_eq!(Ends::Never.value(SystemTime::UNIX_EPOCH), Value::Null);
    }
}
