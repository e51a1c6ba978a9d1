//! A part of a list.

use serde::Serialize;
use utoipa::ToSchema;

/// A part of a list, and where the next one begins.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The things.
    pub(crate) items: Vec<T>,
    /// What to pass as `after` for the next part; null: this was the last.
    pub(crate) next: Option<String>,
}

impl<T> List<T> {
    /// A list that is not parted.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}
