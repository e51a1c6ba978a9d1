//! Why a change or a question was turned down, for people and for programs.
//!
//! Belongs here: the one error of this crate. Must not come here: status codes.

use manycast_auth::AuthError;
use manycast_store as store;
use std::path::PathBuf;

/// What is wrong with one field of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name in the API; `a.b` inside another.
    pub field: String,
    /// What is wrong, as the rest of a sentence about the field or a whole one.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl FieldError {
    /// What is wrong with a field, and what to do about it.
    #[must_use]
    pub fn new(field: &str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into(), remedy: remedy.into() }
    }
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is none.
    #[error("there is no {what} of this name")]
    NotFound {
        /// A stream, a destination, a key.
        what: &'static str,
    },
    /// The definition belongs to the configuration file.
    #[error("this is defined in {}, and can only be changed there", file.display())]
    ManagedByFile {
        /// Which file.
        file: PathBuf,
    },
    /// Somebody else changed it meanwhile.
    #[error("this was changed by somebody else meanwhile")]
    Conflict {
        /// The version in force.
        version: i64,
    },
    /// The name is in use.
    #[error("there is a {what} called {name} already")]
    NameTaken {
        /// A stream or a destination.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Fields that cannot be taken.
    #[error("{}", sentence(.0))]
    Invalid(Vec<FieldError>),
    /// There is no room for more.
    #[error("{sentence}")]
    Limit {
        /// How many there may be of what.
        sentence: String,
    },
    /// Too much of this is under way.
    #[error("{sentence}")]
    Busy {
        /// What is.
        sentence: String,
    },
    /// The database could not be read or written.
    #[error(transparent)]
    Store(store::Error),
}

impl ControlError {
    /// The short name of the kind of problem; part of the API.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::ManagedByFile { .. } => "managed-by-file",
            Self::Conflict { .. } => "conflict",
            Self::NameTaken { .. } => "name-taken",
            Self::Invalid(_) => "invalid",
            Self::Limit { .. } => "limit",
            Self::Busy { .. } => "busy",
            Self::Store(error) => error.word(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NotFound { .. } => "look at the list: it may have been removed".to_owned(),
            Self::ManagedByFile { file } => {
                format!("edit {} and reload the server", file.display())
            }
            Self::Conflict { .. } => "look at it as it is now, then change it again".to_owned(),
            Self::NameTaken { .. } => "choose another name".to_owned(),
            Self::Invalid(errors) => {
                errors.first().map(|error| error.remedy.clone()).unwrap_or_default()
            }
            Self::Limit { .. } => "remove one that is not needed any more".to_owned(),
            Self::Busy { .. } => "try again in a few seconds".to_owned(),
            Self::Store(error) => error.remedy(),
        }
    }

    pub(crate) fn invalid(
        field: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Invalid(vec![FieldError::new(field, message, remedy)])
    }
}

fn sentence(errors: &[FieldError]) -> String {
    match errors {
        [one] => format!("{} {}", one.field, one.message),
        [one, rest @ ..] => format!("{} {} (and {} more)", one.field, one.message, rest.len()),
        [] => "what was sent cannot be taken".to_owned(),
    }
}

impl From<store::Error> for ControlError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Conflict { version } => Self::Conflict { version },
            store::Error::NameTaken { what, name } => Self::NameTaken { what, name },
            store::Error::NotFound { what } => Self::NotFound { what },
            other => Self::Store(other),
        }
    }
}

impl From<AuthError> for ControlError {
    fn from(error: AuthError) -> Self {
        let sentence = error.to_string();
        match error {
            AuthError::Store(error) => error.into(),
            AuthError::Limit(sentence) => Self::Limit { sentence },
            AuthError::Busy => Self::Busy { sentence },
            AuthError::Invalid(_) | AuthError::Forbidden(_) => {
                let field = error.field().unwrap_or("key");
                Self::invalid(field, sentence, "change it and send it again")
            }
        }
    }
}
