//! One attempt at one delivery: what goes out, and what the answer means (Standard Webhooks).
//!
//! Belongs here: headers, signature, the reading of a status. Must not come here: the queue, when to
//! try again.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};

use crate::client::{Answer, HttpClient, Post};
use crate::queue::{Attempt, Receiver};
use crate::time;

/// Most bytes of an answer that the log keeps.
const KEPT: usize = 1_024;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parcel<'a> {
    pub(crate) id: &'a str,
    pub(crate) body: &'a str,
    pub(crate) receiver: &'a Receiver,
    /// When the attempt begins.
    pub(crate) at: SystemTime,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) status: Option<u16>,
    /// What went wrong, in words.
    pub(crate) error: Option<String>,
    pub(crate) answer: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Sent {
    pub(crate) fn failed(error: impl Into<String>) -> Self {
        Self { status: None, error: Some(error.into()), answer: String::new(), retry_after: None }
    }

    /// The receiver wants nothing any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.status == Some(410)
    }

    pub(crate) fn attempt(self, number: u32, at: SystemTime, took: Duration) -> Attempt {
        let Self { status, error, answer, .. } = self;
        Attempt { number, at, took, status, error, answer }
    }
}

/// An attempt under way.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Sent> + Send + 'a>>;

/// What makes attempts. Bounded by `within`.
pub(crate) trait Carrier: Send + Sync + 'static {
    fn carry<'a>(&'a self, parcel: Parcel<'a>, within: Duration) -> Sending<'a>;
}

impl Carrier for HttpClient {
    fn carry<'a>(&'a self, parcel: Parcel<'a>, within: Duration) -> Sending<'a> {
        Box::pin(async move {
            let endpoint = match &parcel.receiver.endpoint {
                Ok(endpoint) => endpoint,
                Err(error) => return Sent::failed(error.to_string()),
            };
            let Some(headers) = headers(&parcel) else {
                return Sent::failed("the id of this event cannot be sent");
            };
            let body = Bytes::copy_from_slice(parcel.body.as_bytes());
            let content_type = "application/json";
            let post = Post { endpoint, content_type, headers, body, keep: KEPT };
            match self.post(post, within).await {
                Ok(answer) => read(answer),
                Err(error) => Sent::failed(error.to_string()),
            }
        })
    }
}

/// `webhook-id`, `webhook-timestamp`, `webhook-signature`. The time is that of the attempt, so that
/// a receiver can refuse what is old; the id is that of the event, so that it can refuse what it has.
fn headers(parcel: &Parcel<'_>) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let timestamp = time::unix(parcel.at);
    let signatures = parcel.receiver.secrets.signatures(parcel.id, timestamp, parcel.body);
    let rows = [
        ("webhook-id", parcel.id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures),
    ];
    let row = |(name, value): (&'static str, String)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
    };
    rows.into_iter().map(row).collect()
}

fn read(answer: Answer) -> Sent {
    let text = String::from_utf8_lossy(&answer.body);
    // A cut in the middle of a character must not make the text longer than what was read.
    let text: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    let error = match answer.status {
        200..300 => None,
        300..400 => Some(format!(
            "answered {}, which sends us elsewhere; that is not followed: enter the new address",
            answer.status
        )),
        410 => Some("answered 410: it wants no more messages".to_owned()),
        status => Some(format!("answered {status}")),
    };
    let answer_text = cut(&text, KEPT);
    let (status, retry_after) = (Some(answer.status), answer.retry_after);
    Sent { status, error, answer: answer_text, retry_after }
}

/// At most so many bytes, in whole characters.
fn cut(text: &str, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &[u8]) -> Answer {
        Answer { status, location: None, retry_after: None, body: body.to_vec(), complete: true }
    }

    #[test]
    fn what_an_answer_means() {
        for (status, taken) in [
            (200, true),
            (201, true),
            (204, true),
            (299, true),
            (301, false),
            (304, false),
            (400, false),
            (404, false),
            (410, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            let sent = read(answer(status, b""));
            assert_eq!(sent.error.is_none(), taken, "{status}");
            assert_eq!(sent.status, Some(status));
            assert_eq!(sent.is_gone(), status == 410);
        }
    }

    #[test]
    fn an_answer_is_kept_as_text_of_bounded_length() {
        assert_eq!(read(answer(200, b"thank\x00 you\r\n")).answer, "thank you\n");
        // two bytes become a mark of three: the text is cut again
        let sent = read(answer(200, &[0xff; KEPT]));
        assert_eq!(sent.answer.len(), KEPT / 3 * 3);
        assert_eq!(cut("a\u{e9}b", 2), "a");
        assert_eq!(cut("a\u{e9}b", 3), "a\u{e9}");
    }
}
