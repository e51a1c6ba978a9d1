//! The bodies of what a server says: results, errors and status objects.
//!
//! Belongs here: their shapes and words.
//! Must not come here: when they are sent and on which chunk stream, see `session/server.rs`.

use bytes::Bytes;
use manycast_amf::{Text, Value, object};

use super::{announced, command_body};
use crate::session::Capabilities;

/// The `level` of a status object. ffmpeg goes by it, not by the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Status,
    Error,
}

/// A status object: `level`, `code`, `description` and what a code adds (RTMP 7.2.2).
#[derive(Clone, Debug)]
pub(crate) struct Status<'a> {
    pub(crate) level: Level,
    pub(crate) code: &'a str,
    pub(crate) description: &'a str,
    pub(crate) more: Vec<(&'a str, Value)>,
}

impl<'a> Status<'a> {
    pub(crate) fn new(code: &'a str, description: &'a str) -> Self {
        Self { level: Level::Status, code, description, more: Vec::new() }
    }

    pub(crate) fn error(code: &'a str, description: &'a str) -> Self {
        Self { level: Level::Error, ..Self::new(code, description) }
    }

    pub(crate) fn with(mut self, key: &'a str, value: Value) -> Self {
        self.more.push((key, value));
        self
    }

    fn into_value(self) -> Value {
        let level = match self.level {
            Level::Status => "status",
            Level::Error => "error",
        };
        let head = [
            ("level", Value::from(level)),
            ("code", self.code.into()),
            ("description", self.description.into()),
        ];
        object(head.into_iter().chain(self.more))
    }

    /// `onStatus` of transaction 0.
    pub(crate) fn on_status(self) -> Bytes {
        self.invoke("onStatus")
    }

    /// Any call of transaction 0 with this status: `onFCPublish`, `onFCSubscribe`.
    pub(crate) fn invoke(self, name: &str) -> Bytes {
        command_body(name, 0.0, &[Value::Null, self.into_value()])
    }

    /// `_error` to a transaction.
    pub(crate) fn error_reply(self, transaction: f64) -> Bytes {
        command_body("_error", transaction, &[Value::Null, self.into_value()])
    }
}

/// `_result` without anything in it.
pub(crate) fn empty_result(transaction: f64) -> Bytes {
    command_body("_result", transaction, &[Value::Null])
}

/// `_result(transaction, null, value)`.
pub(crate) fn result(transaction: f64, value: Value) -> Bytes {
    command_body("_result", transaction, &[Value::Null, value])
}

/// `_result` of `connect`.
///
/// `own` is given when the client spoke of Enhanced RTMP: then the properties and the info carry what
/// the server can (E-RTMP v2 Enhancing `NetConnection` connect); others see none of it.
pub(crate) fn connect_result(transaction: f64, own: Option<&Capabilities>) -> Bytes {
    let mut properties = vec![
        ("fmsVer", Value::from("FMS/3,0,1,123")),
        ("capabilities", 31.0.into()),
        ("mode", 1.0.into()),
    ];
    let mut status = Status::new("NetConnection.Connect.Success", "Connection succeeded.")
        .with("objectEncoding", 0.0.into());
    if let Some(own) = own {
        let enhanced = announced(own);
        properties.extend(enhanced.clone());
        status.more.extend(enhanced);
    }
    command_body("_result", transaction, &[object(properties), status.into_value()])
}

/// The data message that lets Flash players take pictures of the video.
pub(crate) fn sample_access() -> Bytes {
    let mut out = Vec::new();
    let values = [Value::from("|RtmpSampleAccess"), true.into(), true.into()];
    manycast_amf::encode_all(&values, &mut out);
    out.into()
}

/// A name as a value, byte for byte.
pub(crate) fn name_value(name: &super::StreamKeyText) -> Value {
    Value::String(Text::from(name.expose_bytes()))
}

/// `onBWDone`, to which librtmp and ffmpeg answer with `_checkbw`.
pub(crate) fn on_bw_done() -> Bytes {
    command_body("onBWDone", 0.0, &[Value::Null, Value::from(8192.0)])
}
