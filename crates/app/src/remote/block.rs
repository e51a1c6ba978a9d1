//! `manycast block`: addresses that are kept out.

use super::Run;
use super::api::{Api, at};
use super::show::{Column, Out, time, word};
use crate::tool::Failure;
use clap::Subcommand;

/// What can be done with blocks; `manycast session block` makes one.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The addresses that are kept out.
    List,
    /// Let an address in again.
    Remove {
        /// The address.
        address: String,
    },
}

pub(super) const COLUMNS: &[Column] = &[
    ("ADDRESS", |v| word(v, "/address")),
    ("UNTIL", |v| time(v, "/until")),
    ("BY", |v| word(v, "/by")),
    ("REASON", |v| word(v, "/reason")),
];

impl Run for Verb {
    async fn run(self, api: &Api, out: Out) -> Result<(), Failure> {
        match self {
            Self::List => {
                out.rows(&api.all(&at(&["blocks"])).await?, COLUMNS, "Nobody is kept out.");
            }
            Self::Remove { address } => {
                api.delete(&at(&["blocks", &address])).await?;
                out.said("The address may come again.");
            }
        }
        Ok(())
    }
}
