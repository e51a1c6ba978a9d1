//! Commands (RTMP 7.2) and what is said in and around them: the envelope, `connect`, the replies,
//! and how clients spell their targets.
//!
//! Belongs here: shapes of commands and data messages, in both directions.
//! Must not come here: when which command is allowed or answered, see `session.rs`.

mod connect;
mod data;
mod redirect;
pub(crate) mod reply;
mod secret;
mod target;
mod url;

use bytes::Bytes;
use manycast_amf::{DecodeError, Limits, Text, Value, decode_all, encode_all};

pub(crate) use connect::{ConnectCommand, ConnectWords, announced, capabilities, connect_object};
pub use data::{data_name, with_set_data_frame, without_set_data_frame};
pub use redirect::RedirectError;
pub use secret::StreamKeyText;
pub use target::{Target, percent_decode};
pub use url::{RtmpUrl, UrlError};

/// A command message: `name`, `transaction`, `object`, `arguments` (RTMP 7.2.1).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    pub(crate) name: Text,
    /// As sent, to be echoed bit by bit: encoders send fractions and NaN (trap A7).
    pub(crate) transaction: f64,
    /// The command object, `Null` when absent.
    pub(crate) object: Value,
    pub(crate) arguments: Vec<Value>,
}

impl Command {
    /// Reads the body of a command message of AMF0, as far as it makes sense (trap A4).
    ///
    /// `None` when there is not even a name.
    ///
    /// # Errors
    /// [`DecodeError`] when the body exceeds the bounds of bar A2: nobody does that by mistake.
    pub(crate) fn parse(body: &[u8], limits: Limits) -> Result<Option<Self>, DecodeError> {
        let decoded = decode_all(body, limits);
        if let Some(error) = decoded.stopped.filter(DecodeError::is_limit) {
            return Err(error);
        }
        let mut values = decoded.values.into_iter();
        let Some(Value::String(name)) = values.next() else { return Ok(None) };
        let mut rest = values.peekable();
        let transaction = rest.peek().and_then(Value::as_number);
        if transaction.is_some() {
            rest.next();
        }
        let object = rest.next().unwrap_or(Value::Null);
        let transaction = transaction.unwrap_or(0.0);
        Ok(Some(Self { name, transaction, object, arguments: rest.collect() }))
    }

    /// Reads the body of a command message of AMF3: a format selector of 0, then AMF0 values. Some
    /// clients leave the selector out.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn parse_amf3(body: &[u8], limits: Limits) -> Result<Option<Self>, DecodeError> {
        Self::parse(without_selector(body), limits)
    }

    /// The argument at `index` behind the command object.
    pub(crate) fn argument(&self, index: usize) -> &Value {
        self.arguments.get(index).unwrap_or(&Value::Null)
    }
}

/// Takes the AMF3 format selector off (Errata 7.2).
pub(crate) fn without_selector(body: &[u8]) -> &[u8] {
    body.strip_prefix(&[0]).unwrap_or(body)
}

/// The body of a command message.
pub(crate) fn command_body(name: &str, transaction: f64, values: &[Value]) -> Bytes {
    let mut out = Vec::with_capacity(128);
    let head = [Value::from(name), Value::Number(transaction)];
    encode_all(head.iter().chain(values), &mut out);
    out.into()
}

/// A transaction asks for a reply unless it is 0; what is no number compares unequal and is answered.
#[allow(clippy::float_cmp, reason = "0 is the exact value that means no reply")]
pub(crate) fn wants_reply(transaction: f64) -> bool {
    transaction != 0.0
}

#[cfg(test)]
mod tests;
