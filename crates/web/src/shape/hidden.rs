//! A key or password on its way in.

use manycast_hub::Secret;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{KnownFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// What was sent as a key or password: it is taken, and never shown.
#[derive(Clone, Debug)]
pub(crate) struct Hidden(pub(crate) Secret);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Ok(Self(Secret::new(&text)))
    }
}

impl PartialSchema for Hidden {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .write_only(true)
            .build()
            .into()
    }
}

impl ToSchema for Hidden {
    fn name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }
}
