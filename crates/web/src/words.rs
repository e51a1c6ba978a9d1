//! Schemas of strings that take one of a fixed set of words.

use utoipa::openapi::schema::Type;
use utoipa::openapi::{Object, ObjectBuilder};

/// A string that is one of these.
pub(crate) fn words(words: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}
