//! The other end of the API: requests of the command line to a server.
//!
//! ```text
//! Client (address, trust, token) --> one connection per request --> Reply (status, headers, body)
//! ```
//! Belongs here: HTTP as a client speaks it, with its bounds. Must not come here: which addresses may
//! be dialled and which certificates are trusted (the caller's dialler and checks decide), and what
//! the paths mean.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use manycast_dial::{DialError, Dialer, Scheme, Target};
use manycast_hub::Secret;
use manycast_tls::{ClientTls, Duplex, TlsError, Transport};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Until a connection is there.
const CONNECT: Duration = Duration::from_secs(10);
/// Until the head of an answer is there, and between two pieces of its body.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest body that is taken as a whole.
const MOST: usize = 32 << 20;

/// Asks one server.
#[derive(Debug)]
pub struct Client {
    target: Target,
    authority: String,
    dialer: Arc<Dialer>,
    tls: Arc<ClientTls>,
    bearer: Option<Secret>,
}

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Such as `GET`.
    pub method: Method,
    /// From the slash on, with the query.
    pub path: String,
    /// Beside those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, if there is one.
    pub body: Option<Vec<u8>>,
}

/// The head of an answer, and the way to its body.
#[derive(Debug)]
pub struct Reply {
    response: Response<Incoming>,
    /// Drives the connection; ends with it.
    _connection: Aborting,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("{0:?} is no address of a server: write it like https://HOST:8443")]
    Address(String),
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// No TLS.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// A connection, and no TLS within 10 s.
    #[error("the server did not finish the TLS handshake within 10 s")]
    TlsTimeout,
    /// No answer in time.
    #[error("the server did not answer within 30 s")]
    Timeout,
    /// The request holds what HTTP cannot carry.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// The connection broke, or what came was no HTTP.
    #[error("the connection broke: {0}")]
    Http(#[from] hyper::Error),
    /// More than is taken.
    #[error("the answer is larger than 32 MB")]
    TooLarge,
}

/// A task that ends when this is dropped.
#[derive(Debug)]
struct Aborting(tokio::task::JoinHandle<()>);

impl Drop for Aborting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    /// Asks the server at `address` (`https://HOST:PORT` or `http://HOST:PORT`, without a path).
    ///
    /// # Errors
    /// The address is none.
    pub fn new(
        address: &str,
        dialer: Arc<Dialer>,
        tls: Arc<ClientTls>,
        bearer: Option<Secret>,
    ) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(address.to_owned());
        let bare = address.strip_suffix('/').unwrap_or(address);
        let target = Target::parse(bare).map_err(|_| wrong())?;
        let authority = bare.split_once("://").map(|(_, authority)| authority.to_owned());
        let authority = authority.filter(|a| !a.contains(['/', '?', '#'])).ok_or_else(wrong)?;
        if !matches!(target.scheme, Scheme::Http | Scheme::Https) {
            return Err(wrong());
        }
        Ok(Self { target, authority, dialer, tls, bearer })
    }

    /// Whether what is sent is encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.target.scheme == Scheme::Https
    }

    /// The host that is asked, as it was written.
    #[must_use]
    pub fn host(&self) -> String {
        self.target.host.to_string()
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// Why there was none.
    pub async fn call(&self, call: Call) -> Result<Reply, ClientError> {
        let request = self.request(call)?;
        let deadline = Instant::now() + CONNECT;
        let connected =
            self.dialer.connect(&self.target.host, self.target.port, deadline, |_| {}).await?;
        let transport = if self.is_secure() {
            let host = self.target.host.to_string();
            let secured = Transport::connect(connected.tcp, &self.tls, &host);
            timeout_at(deadline, secured).await.map_err(|_| ClientError::TlsTimeout)??
        } else {
            Transport::plain(connected.tcp)
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(Duplex::new(transport))).await?;
        let connection = Aborting(tokio::spawn(async move {
            // The sender hears of every failure too.
            let _ = connection.await;
        }));
        let answered = timeout(PATIENCE, sender.send_request(request)).await;
        let response = answered.map_err(|_| ClientError::Timeout)??;
        Ok(Reply { response, _connection: connection })
    }

    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>, ClientError> {
        let bad = |error: &dyn std::fmt::Display| ClientError::Request(error.to_string());
        let mut request = Request::builder().method(call.method).uri(call.path);
        request = request.header(HOST, &self.authority).header(ACCEPT, "application/json");
        request = request.header("user-agent", concat!("manycast/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = &self.bearer {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
            let mut value = value.map_err(|_| {
                ClientError::Request("the token holds characters that no token has".to_owned())
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        for (name, value) in call.headers {
            request = request.header(HeaderName::from_static(name), value);
        }
        request.body(Full::from(call.body.unwrap_or_default())).map_err(|error| bad(&error))
    }
}

impl Reply {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next piece of the body, however long it takes to come; `None` at its end. For bodies that
    /// never end.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        while let Some(frame) = self.response.body_mut().frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body.
    ///
    /// # Errors
    /// The connection broke, nothing came for 30 s, or it is larger than 32 MB.
    pub async fn body(mut self) -> Result<Vec<u8>, ClientError> {
        let mut all = Vec::new();
        while let Some(piece) =
            timeout(PATIENCE, self.piece()).await.map_err(|_| ClientError::Timeout)??
        {
            if all.len() + piece.len() > MOST {
                return Err(ClientError::TooLarge);
            }
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}
