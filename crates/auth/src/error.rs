//! Why something about accounts or keys was not done.

use crate::password::{Busy, Invalid};
use crate::permission::Forbidden;

/// Why an account, a token or a key was not made, changed or removed. Prints as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The caller may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A value is refused.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The state forbids it: the last owner, too many of something.
    #[error("{0}")]
    Limit(String),
    /// Too many passwords wait to be hashed.
    #[error("too many log in at the moment: try again in a few seconds")]
    Busy,
    /// Not found, another version, name taken, or the database cannot be used.
    #[error(transparent)]
    Store(#[from] manycast_store::Error),
}

impl AuthError {
    /// The field of the request that is at fault.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(invalid) => Some(invalid.field),
            _ => None,
        }
    }

    /// The word for the problem's type.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => "forbidden",
            Self::Invalid(_) => "invalid",
            Self::Limit(_) => "limit",
            Self::Busy => "busy",
            Self::Store(error) => error.word(),
        }
    }
}

impl From<Busy> for AuthError {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

/// A name for a person, a token or a key: 1 to 64 characters, none of them invisible.
pub(crate) fn name(field: &'static str, text: &str) -> Result<(), Invalid> {
    let count = text.chars().count();
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if count == 0 || count > 64 || text.trim() != text || text.chars().any(invisible) {
        let message = "takes 1 to 64 characters, no blanks at its ends and nothing invisible";
        return Err(Invalid::new(field, format!("the {field} {message}")));
    }
    Ok(())
}
