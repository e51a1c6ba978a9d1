//! `manycast audit`: who changed what.

use super::api::{Api, at, with};
use super::show::{Column, Out, time, word};
use super::{Run, some};
use crate::tool::Failure;
use clap::Args;

/// Which entries of the audit log.
#[derive(Args, Debug)]
pub struct Verb {
    /// By this person or token.
    #[arg(long)]
    actor: Option<String>,
    /// Actions that begin like this, such as `stream.`.
    #[arg(long)]
    action: Option<String>,
    /// About this.
    #[arg(long)]
    subject: Option<String>,
    /// At most so many, the newest; the newest stands last.
    #[arg(long, default_value_t = 50, value_parser = some)]
    most: usize,
}

const COLUMNS: &[Column] = &[
    ("WHEN", |v| time(v, "/at")),
    ("WHO", |v| word(v, "/actor")),
    ("FROM", |v| word(v, "/address")),
    ("ACTION", |v| word(v, "/action")),
    ("SUBJECT", |v| word(v, "/subject")),
    ("BEFORE", |v| word(v, "/before")),
    ("AFTER", |v| word(v, "/after")),
];

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        let query = [
            ("actor", self.actor.as_deref()),
            ("action", self.action.as_deref()),
            ("subject", self.subject.as_deref()),
        ];
        let mut items = api.list(&with(&at(&["audit"]), &query), self.most).await?;
        items.reverse();
        let none = if query.iter().all(|(_, value)| value.is_none()) {
            "Nothing was changed yet."
        } else {
            "Nothing of this kind was changed yet."
        };
        out.rows(&items, COLUMNS, none);
        Ok(())
    }
}
