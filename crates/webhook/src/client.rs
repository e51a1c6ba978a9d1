//! One HTTP exchange with one receiver.
//!
//! ```text
//! Endpoint -> Dialer (resolve, egress gate, connect) -> TLS if https -> POST -> status, some headers, some body
//!             everything before one deadline; a connection serves one exchange
//! ```
//!
//! Belongs here: the exchange, its bounds, and why it came to nothing, in words. Must not come here:
//! what is sent, what an answer means, when to try again.
//!
//! Absent on purpose: redirects are not followed (an answer that redirects is an answer), nothing is
//! decompressed, no cookie and no connection is kept, no proxy is used.

mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use manycast_dial::{DialError, Dialer, Stage};
use manycast_tls::{ClientTls, TlsError, Transport};
use tokio::time::{Instant, timeout_at};

use crate::endpoint::Endpoint;
use wire::Wire;

/// Most bytes of an answer, head included, that are read (K7).
pub(crate) const MAX_READ: usize = 64 * 1024;
/// Most bytes of an answer's head.
const MAX_HEAD: usize = 16 * 1024;
/// Most header fields of an answer.
const MAX_HEADERS: usize = 100;

/// Sends requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpClient {
    dialer: Arc<Dialer>,
    tls: Arc<ClientTls>,
}

/// What is sent.
pub(crate) struct Post<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// Bytes of the answer's body that are wanted.
    pub(crate) keep: usize,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Where a redirect points, as far as it is text.
    pub(crate) location: Option<String>,
    /// When the receiver wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    /// The first bytes of the body.
    pub(crate) body: Vec<u8>,
    /// Whether that is all of it.
    pub(crate) complete: bool,
}

/// Why nothing came back. The texts name the host, never path, query or body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// No connection.
    #[error("{0}")]
    Dial(#[from] DialError),
    /// No TLS.
    #[error("{host}: {error}")]
    Tls { host: String, error: TlsError },
    /// The time was over.
    #[error("{host} {}", too_slow(*stage, *within))]
    Timeout { host: String, stage: Until, within: Duration },
    /// The connection broke, or what came was no HTTP.
    #[error("{host}: {what}")]
    Http { host: String, what: String },
}

/// How far an exchange had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Name,
    Connection,
    Tls,
    Answer,
}

fn too_slow(stage: Until, within: Duration) -> String {
    let what = match stage {
        Until::Name => "could not be looked up",
        Until::Connection => "did not take the connection",
        Until::Tls => "did not finish the TLS handshake",
        Until::Answer => "did not answer",
    };
    format!("{what} within {} s", within.as_secs_f64())
}

impl HttpClient {
    /// A client with its way out and its checks of certificates.
    #[must_use]
    pub fn new(dialer: Arc<Dialer>, tls: Arc<ClientTls>) -> Self {
        Self { dialer, tls }
    }

    /// Sends one request and reads what is wanted of the answer, all `within` that time. Cancel-safe:
    /// dropping the future closes the connection.
    pub(crate) async fn post(
        &self,
        post: Post<'_>,
        within: Duration,
    ) -> Result<Answer, ExchangeError> {
        let deadline = Instant::now() + within;
        let host = post.endpoint.host();
        let late = |stage| ExchangeError::Timeout { host: host.clone(), stage, within };
        let tcp = self.dial(post.endpoint, deadline, &late).await?;
        let transport = if post.endpoint.target().scheme.is_tls() {
            let connecting = Transport::connect(tcp, &self.tls, &host);
            let connected = timeout_at(deadline, connecting).await;
            let connected = connected.map_err(|_| late(Until::Tls))?;
            connected.map_err(|error| ExchangeError::Tls { host: host.clone(), error })?
        } else {
            Transport::plain(tcp)
        };
        exchange(transport, post, deadline, &late).await
    }

    async fn dial(
        &self,
        endpoint: &Endpoint,
        deadline: Instant,
        late: &impl Fn(Until) -> ExchangeError,
    ) -> Result<tokio::net::TcpStream, ExchangeError> {
        let target = endpoint.target();
        let mut stage = Until::Connection;
        let dialling = self.dialer.connect(&target.host, target.port, deadline, |at| {
            stage = match at {
                Stage::Resolving => Until::Name,
                Stage::Connecting => Until::Connection,
            };
        });
        match dialling.await {
            Ok(connected) => Ok(connected.tcp),
            Err(_) if Instant::now() >= deadline => Err(late(stage)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The exchange over a connection that is there.
async fn exchange(
    transport: Transport,
    post: Post<'_>,
    deadline: Instant,
    late: &impl Fn(Until) -> ExchangeError,
) -> Result<Answer, ExchangeError> {
    let host = post.endpoint.host();
    let keep = post.keep;
    let broken = |error: hyper::Error| ExchangeError::Http {
        host: host.clone(),
        what: words(&error).to_owned(),
    };
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
    let wire = Wire::new(transport, MAX_READ);
    let (mut sender, connection) = builder.handshake(wire).await.map_err(broken)?;
    let request = request(post);
    let asking = async {
        let answer = timeout_at(deadline, sender.send_request(request)).await;
        let answer = answer.map_err(|_| late(Until::Answer))?.map_err(broken)?;
        Ok(read(answer, keep, deadline).await)
    };
    let (mut asking, mut connection) = (std::pin::pin!(asking), std::pin::pin!(connection));
    tokio::select! {
        biased;
        answer = &mut asking => answer,
        // The connection ends before the last of its answer was taken, or breaks: `asking` is told.
        _ = &mut connection => asking.await,
    }
}

fn request(post: Post<'_>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(post.body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = post.endpoint.path();
    let headers = request.headers_mut();
    headers.insert(header::HOST, post.endpoint.authority());
    headers.insert(header::USER_AGENT, HeaderValue::from_static(AGENT));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(post.content_type));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.extend(post.headers);
    request
}

const AGENT: &str = concat!("Manycast/", env!("CARGO_PKG_VERSION"));

/// Reads on until enough of the body is there. A status that came holds, whatever becomes of the
/// body behind it.
async fn read(answer: Response<Incoming>, keep: usize, deadline: Instant) -> Answer {
    let text = |name: HeaderName| {
        let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    let status = answer.status().as_u16();
    let location = text(header::LOCATION);
    // Seconds only: receivers that send a date here are not worth a parser of dates.
    let retry_after = text(header::RETRY_AFTER).and_then(|text| text.trim().parse().ok());
    let retry_after = retry_after.map(Duration::from_secs);
    let (mut body, mut kept) = (answer.into_body(), Vec::new());
    let complete = loop {
        match timeout_at(deadline, body.frame()).await {
            Ok(None) => break true,
            Ok(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap_or_default();
                let room = keep - kept.len();
                kept.extend_from_slice(&data[..data.len().min(room)]);
                if data.len() > room {
                    break false;
                }
            }
            Ok(Some(Err(_))) | Err(_) => break false,
        }
    };
    Answer { status, location, retry_after, body: kept, complete }
}

/// hyper's errors, as far as they differ for whoever has to mend them.
fn words(error: &hyper::Error) -> &'static str {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "the connection was closed before an answer came"
    } else if error.is_parse_too_large() {
        "the head of the answer is too long"
    } else if error.is_parse() {
        "what came is no HTTP/1.1 answer"
    } else if error.is_timeout() {
        "the answer took too long"
    } else {
        "the connection broke before the answer was there"
    }
}

#[cfg(test)]
mod tests;
