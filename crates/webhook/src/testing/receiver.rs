//! An HTTP server of a few lines that does what the test wants, right or wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status line's number, further header lines, body.
    Says(u16, &'static str, Vec<u8>),
    /// Keeps the connection and says nothing.
    Hangs,
    /// Closes without a word.
    Closes,
    /// These bytes and nothing else, then holds the connection.
    Raw(Vec<u8>),
    /// These bytes again and again, until the other side has enough.
    Endless(Vec<u8>),
    /// First these, then the others again and again, a few each second.
    Drips(Vec<u8>, Vec<u8>),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Says(status, "", Vec::new())
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

type Script = Arc<dyn Fn(&Heard) -> Reply + Send + Sync>;

/// The server.
pub(crate) struct Receiving {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Arc<Mutex<Vec<Heard>>>,
    /// Bytes that the other side took.
    pub(crate) sent: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Receiving {
    pub(crate) async fn new(script: impl Fn(&Heard) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", script).await
    }

    pub(crate) async fn at(
        at: &str,
        script: impl Fn(&Heard) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let (sent, connections) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let script: Script = Arc::new(script);
        let (ears, took, came) = (heard.clone(), sent.clone(), connections.clone());
        let task = tokio::spawn(async move {
            let mut serving = tokio::task::JoinSet::new();
            loop {
                let Ok((tcp, _)) = listener.accept().await else { continue };
                came.fetch_add(1, Ordering::SeqCst);
                serving.spawn(serve(tcp, script.clone(), ears.clone(), took.clone()));
            }
        });
        Self { address, heard, sent, connections, task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn count(&self) -> usize {
        self.heard.lock().len()
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut tcp: TcpStream,
    script: Script,
    heard: Arc<Mutex<Vec<Heard>>>,
    sent: Arc<AtomicUsize>,
) {
    let Some(request) = read(&mut tcp).await else { return };
    let reply = script(&request);
    heard.lock().push(request);
    match reply {
        Reply::Says(status, headers, body) => {
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
            let _ = tcp.write_all(head.as_bytes()).await;
            let _ = tcp.write_all(&body).await;
        }
        Reply::Closes => {}
        Reply::Hangs => std::future::pending().await,
        Reply::Raw(bytes) => {
            let _ = tcp.write_all(&bytes).await;
            std::future::pending().await
        }
        Reply::Endless(bytes) => {
            while tcp.write_all(&bytes).await.is_ok() {
                sent.fetch_add(bytes.len(), Ordering::SeqCst);
            }
        }
        Reply::Drips(first, then) => {
            let _ = tcp.write_all(&first).await;
            while tcp.write_all(&then).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn read(tcp: &mut TcpStream) -> Option<Heard> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if tcp.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next()?.to_owned();
    let pair = |line: &str| {
        line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
    };
    let headers: Vec<_> = lines.filter_map(pair).collect();
    let mut request = Heard { line, headers, body: String::new() };
    let length: usize = request.header("content-length").map_or(0, |n| n.parse().unwrap());
    while bytes.len() < end + length {
        if tcp.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8(bytes[end..end + length].to_vec()).ok()?;
    Some(request)
}
