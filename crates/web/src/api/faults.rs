//! Refusals of those who decide, as problems.

use crate::problem::{Fault, FieldError, Problem};
use axum::http::{HeaderValue, header};
use manycast_auth::{AuthError, Forbidden, Invalid, LoginError, SetupError};
use manycast_control::ControlError;
use manycast_store::Error;
use manycast_webhook::{QueueError, TestError};

/// With the version in force, so that the caller can look at it.
fn conflict(sentence: String, version: i64) -> Problem {
    let tag = HeaderValue::try_from(format!("\"{version}\""));
    let tag = tag.unwrap_or_else(|_| HeaderValue::from_static("\"0\""));
    Problem::new(Fault::Conflict, sentence).header(header::ETAG, tag)
}

/// With a capital and a full stop.
fn as_sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (sentence, remedy) = (error.to_string(), error.remedy());
        let fault = match &error {
            Error::Conflict { version } => return conflict(sentence, *version),
            Error::NameTaken { .. } => Fault::NameTaken,
            Error::NotFound { .. } => Fault::NotFound,
            Error::Invalid { .. } => Fault::Invalid,
            Error::BadCursor => Fault::BadCursor,
            _ => {
                tracing::warn!(%error, "the database did not answer a request");
                Fault::Storage
            }
        };
        Self::new(fault, sentence).remedy(remedy)
    }
}

impl From<Forbidden> for Problem {
    fn from(forbidden: Forbidden) -> Self {
        Self::new(Fault::Forbidden, forbidden.to_string())
    }
}

impl From<Invalid> for Problem {
    fn from(wrong: Invalid) -> Self {
        Self::field(wrong.field, wrong.message)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let sentence = error.to_string();
        match error {
            AuthError::Forbidden(forbidden) => forbidden.into(),
            AuthError::Invalid(wrong) => wrong.into(),
            // what to do stands behind the colon
            AuthError::Limit(_) => match sentence.split_once(": ") {
                Some((what, remedy)) => Self::new(Fault::Limit, what).remedy(as_sentence(remedy)),
                None => Self::new(Fault::Limit, sentence),
            },
            AuthError::Busy => Self::new(Fault::Busy, sentence).retry_after(2),
            AuthError::Store(error) => error.into(),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        let sentence = error.to_string();
        match error {
            LoginError::Wrong => Self::new(Fault::WrongLogin, sentence),
            LoginError::CodeNeeded => Self::new(Fault::CodeNeeded, sentence),
            LoginError::CodeWrong | LoginError::CodeUsed => Self::new(Fault::CodeWrong, sentence),
            LoginError::CodesExhausted { retry } => {
                Self::new(Fault::Busy, sentence).retry_after(retry.as_secs().max(1))
            }
            LoginError::Busy => Self::new(Fault::Busy, sentence).retry_after(2),
            LoginError::Store(error) => error.into(),
        }
    }
}

impl From<SetupError> for Problem {
    fn from(error: SetupError) -> Self {
        let sentence = error.to_string();
        match error {
            SetupError::Used => Self::new(Fault::LinkUsed, sentence),
            SetupError::Wrong | SetupError::NotInvited => {
                Self::new(Fault::WrongSetupLink, sentence)
            }
            SetupError::Refused(error) => error.into(),
        }
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let (sentence, remedy) = (error.to_string(), error.remedy());
        let problem = match error {
            ControlError::NotFound { .. } => Self::new(Fault::NotFound, sentence),
            ControlError::ManagedByFile { .. } => Self::new(Fault::ManagedByFile, sentence),
            ControlError::Conflict { version } => conflict(sentence, version),
            ControlError::NameTaken { .. } => Self::new(Fault::NameTaken, sentence),
            ControlError::Invalid(errors) => {
                let field = |error: manycast_control::FieldError| FieldError {
                    field: error.field,
                    message: error.message,
                    remedy: Some(error.remedy).filter(|remedy| !remedy.is_empty()),
                };
                Self::new(Fault::Invalid, sentence).errors(errors.into_iter().map(field).collect())
            }
            ControlError::Limit { .. } => Self::new(Fault::Limit, sentence),
            ControlError::Busy { .. } => Self::new(Fault::Busy, sentence).retry_after(5),
            ControlError::Store(error) => return error.into(),
        };
        if remedy.is_empty() { problem } else { problem.remedy(remedy) }
    }
}

impl From<TestError> for Problem {
    fn from(error: TestError) -> Self {
        match error {
            TestError::Busy(_) => Self::new(Fault::Busy, error.to_string()).retry_after(5),
            TestError::Queue(error) => error.into(),
        }
    }
}

impl From<QueueError> for Problem {
    fn from(error: QueueError) -> Self {
        Self::new(Fault::Storage, error.0)
    }
}
