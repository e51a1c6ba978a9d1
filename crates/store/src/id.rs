//! Identities of rows: one type per table, UUID v7, written as 32 hexadecimal digits.
//!
//! Ids of one process rise in the order in which they are made.

use std::{fmt, str::FromStr};
use uuid::Uuid;

/// A text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 32 hexadecimal digits")]
pub struct IdError;

fn parse(text: &str) -> Option<Uuid> {
    let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 32 || !digits {
        return None;
    }
    Uuid::try_parse(text).ok()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, later in order than all that this process made before.
            #[must_use]
            #[allow(clippy::new_without_default)] // a default that differs each time surprises
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Reads 32 hexadecimal digits, small letters.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                parse(text).map(Self)
            }

            pub(crate) fn text(&self) -> String {
                self.0.simple().to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text).ok_or(IdError)
            }
        }
    )*};
}

ids! {
    /// Of an account.
    UserId
    /// Of an invitation.
    InviteId
    /// Of an API token.
    TokenId
    /// Of a Stream of the database.
    StreamId
    /// Of a stream key.
    StreamKeyId
    /// Of a Destination of the database.
    DestinationId
    /// Of a webhook.
    WebhookId
    /// Of one delivery of a webhook.
    DeliveryId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written_and_rise() {
        let ids: Vec<UserId> = (0..1_000).map(|_| UserId::new()).collect();
        assert!(ids.is_sorted());
        for id in &ids {
            assert_eq!(UserId::parse(&id.to_string()), Some(*id));
            assert_eq!(id.to_string().len(), 32);
        }
        let long = "0".repeat(33);
        for wrong in ["", "0", &long, "G0000000000000000000000000000000"] {
            assert_eq!(wrong.parse::<UserId>(), Err(IdError), "{wrong}");
        }
        let upper = ids[0].to_string().to_uppercase();
        assert!(!upper.bytes().any(|b| b.is_ascii_uppercase()) || UserId::parse(&upper).is_none());
    }
}
