//! A platform that does as a test says: the far end of a Delivery, message by message.

use bytes::Bytes;
use manycast_amf::{Limits as AmfLimits, Value, decode_all, encode_command, object};
use manycast_rtmp::chunk::{ChunkReader, write_full};
use manycast_rtmp::limits::Limits;
use manycast_rtmp::message::{ChunkStreamId, Control, Message, MessageStreamId, MessageType};
use manycast_tls::{ServerTls, Transport};
use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// C1, C2, S1 and S2.
const PACKET: usize = 1536;

pub(crate) struct Platform {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Platform {
    pub(crate) fn start() -> Self {
        Self::with(None)
    }

    /// One whose sockets hold little.
    pub(crate) fn narrow() -> Self {
        Self::with(Some(8192))
    }

    fn with(buffer: Option<u32>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    pub(crate) fn url(&self, app: &str) -> String {
        format!("rtmp://{}/{app}", self.address)
    }

    pub(crate) async fn accept(&self) -> Far {
        Far::new(Transport::plain(self.listener.accept().await.unwrap().0))
    }

    pub(crate) async fn accept_tls(&self, tls: &ServerTls) -> Far {
        let tcp = self.listener.accept().await.unwrap().0;
        Far::new(Transport::accept(tcp, tls).await.unwrap())
    }

    /// A connection on which nothing was said yet.
    pub(crate) async fn accept_tcp(&self) -> tokio::net::TcpStream {
        self.listener.accept().await.unwrap().0
    }
}

/// One connection of a Delivery, from the platform's side.
pub(crate) struct Far {
    pub(crate) transport: Transport,
    reader: ChunkReader,
    heard: VecDeque<Message>,
    /// Bytes that are no message yet.
    input: Vec<u8>,
}

impl Far {
    fn new(transport: Transport) -> Self {
        // Else a last word may wait here for an acknowledgement, and be lost to our own reset.
        manycast_sys::nodelay(transport.tcp()).unwrap();
        let mut reader = ChunkReader::new(&Limits::default());
        reader.set_max_message(1 << 24);
        Self { transport, reader, heard: VecDeque::new(), input: Vec::new() }
    }

    /// More bytes; `false` at the end.
    async fn read(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        loop {
            self.transport.readable().await.unwrap();
            match self.transport.try_read(&mut buffer) {
                Ok(0) => return false,
                Ok(n) => {
                    self.input.extend_from_slice(&buffer[..n]);
                    return true;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
    }

    pub(crate) async fn write(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() || self.transport.wants_flush() {
            match self.transport.try_write_vectored(&[IoSlice::new(bytes)]) {
                Ok(n) => bytes = &bytes[n..],
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.transport.writable().await.unwrap();
                }
                Err(e) => panic!("{e}"),
            }
            let _ = self.transport.try_flush();
        }
    }

    pub(crate) async fn greet(&mut self) {
        while self.input.len() < 1 + PACKET {
            assert!(self.read().await);
        }
        let mut answer = vec![3];
        answer.extend([0; PACKET]);
        answer.extend(&self.input[1..=PACKET]);
        self.write(&answer).await;
        while self.input.len() < 1 + 2 * PACKET {
            assert!(self.read().await);
        }
        self.input.drain(..1 + 2 * PACKET);
    }

    /// The next message; `None` at the end, which must not stand within one.
    pub(crate) async fn hear(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return Some(message);
            }
            let mut input = self.input.as_slice();
            while let Some(message) = self.reader.read(&mut input).expect("sound chunks") {
                if let Ok(Some(Control::SetChunkSize(size))) = Control::parse(&message) {
                    self.reader.set_chunk_size(size).unwrap();
                }
                self.heard.push_back(message);
            }
            self.input.clear();
            if self.heard.is_empty() && !self.read().await {
                return None;
            }
        }
    }

    /// Passes over everything up to this command, and returns its values.
    pub(crate) async fn await_call(&mut self, name: &str) -> Vec<Value> {
        loop {
            let message = self.hear().await.unwrap_or_else(|| panic!("no {name} came"));
            let values = command(&message);
            if values.first().and_then(Value::as_str).as_deref() == Some(name) {
                return values;
            }
        }
    }

    pub(crate) async fn say(&self, stream: u32, name: &str, transaction: f64, values: &[Value]) {
        let message = Message {
            chunk_stream: ChunkStreamId::COMMAND,
            timestamp: 0,
            kind: MessageType::COMMAND_AMF0,
            stream: MessageStreamId(stream),
            body: encode_command(name, transaction, values).into(),
        };
        let mut pieces = Vec::new();
        write_full(&message, 128, &mut pieces);
        self.write(&pieces.concat()).await;
    }

    pub(crate) async fn status(&self, level: &str, code: &str, description: &str) {
        let status = object([
            ("level", level.into()),
            ("code", code.into()),
            ("description", description.into()),
        ]);
        self.say(1, "onStatus", 0.0, &[Value::Null, status]).await;
    }

    /// Up to the point where `connect` waits for its answer; the object that it came with.
    pub(crate) async fn until_connect(&mut self) -> Value {
        self.greet().await;
        self.await_call("connect").await.remove(2)
    }

    /// Refuses `connect` in these words.
    pub(crate) async fn refuse(&self, description: &str) {
        let status = object([
            ("level", "error".into()),
            ("code", "NetConnection.Connect.Rejected".into()),
            ("description", description.into()),
        ]);
        self.say(0, "_error", 1.0, &[Value::Null, status]).await;
    }

    /// Up to the point where `publish` waits for its answer; the name that it came with.
    pub(crate) async fn until_publish(&mut self) -> Bytes {
        self.until_connect().await;
        self.admit(object::<&str>([])).await
    }

    /// Takes `connect` with these properties, up to `publish`; the name that it came with.
    pub(crate) async fn admit(&mut self, properties: Value) -> Bytes {
        let success = object([("code", "NetConnection.Connect.Success".into())]);
        self.say(0, "_result", 1.0, &[properties, success]).await;
        self.await_call("createStream").await;
        self.say(0, "_result", 4.0, &[Value::Null, 1.0.into()]).await;
        let values = self.await_call("publish").await;
        let name = values[3].as_text().unwrap();
        Bytes::copy_from_slice(name.as_bytes())
    }

    /// Up to the point where media flows.
    pub(crate) async fn until_media(&mut self) {
        self.until_publish().await;
        self.status("status", "NetStream.Publish.Start", "go").await;
    }

    /// What is said from now to the end, each message as a word; media of one kind in a row as one.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        while let Some(message) = self.hear().await {
            let word = match message.kind {
                MessageType::AUDIO | MessageType::VIDEO => "media".to_owned(),
                MessageType::COMMAND_AMF0 => {
                    let values = command(&message);
                    let last = match values.last() {
                        Some(Value::Number(number)) => number.to_string(),
                        Some(value) => value.as_str().unwrap_or_default().into_owned(),
                        None => String::new(),
                    };
                    format!("{} {last}", values[0].as_str().unwrap())
                }
                _ => continue,
            };
            if words.last() != Some(&word) || word != "media" {
                words.push(word);
            }
        }
        words
    }
}

fn command(message: &Message) -> Vec<Value> {
    match message.kind {
        MessageType::COMMAND_AMF0 => decode_all(&message.body, AmfLimits::default()).values,
        _ => Vec::new(),
    }
}
