//! The encoder coach: what is wrong with what an encoder sends, in plain sentences, and which
//! setting mends it.
//!
//! ```text
//! hub::Health (figures) + Subject (what configuration and Frames say) --> findings --> Finding
//! ```
//!
//! Belongs here: what is good and what is bad, with every bound; the words for people, names of
//! encoders' settings included. Must not come here: measuring (that is the hub's), JSON, state: a
//! finding follows from the figures of one moment alone. Every rule is in docs/health.md.

mod book;
mod finding;
mod judge;
mod words;

pub use book::Rule;
pub use finding::{Finding, Severity};
pub use judge::{Subject, findings};
