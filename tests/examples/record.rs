//! Writes down what an encoder sends: `cargo run -p manycast-tests --example record -- ADDRESS FILE.flv`
//!
//! Takes the first publisher that comes to that address, whatever its key, and writes each of its
//! messages as a tag of an FLV file, byte by byte, until it leaves; of metadata without the order to
//! keep it, which is meant for servers. How the captures of programs that
//! write no files are made (`tests/captures/README.md`).

use manycast_flv::script::DataMessage;
use manycast_rtmp::session::{
    Event, Input, MediaKind, Output, ServerConfig, ServerSession, Verdict,
};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err("usage: record ADDRESS FILE.flv".into());
    };
    let listener = TcpListener::bind(address)?;
    let mut file = BufWriter::new(File::create(path)?);
    // FLV version 1 with sound and pictures, and the length of the tag before the first
    file.write_all(b"FLV\x01\x05\0\0\0\x09\0\0\0\0")?;
    let mut session = ServerSession::new(Instant::now(), ServerConfig::new([5; 32]));
    let (mut socket, _) = listener.accept()?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if !answer(&mut session, &mut socket, &mut file)? {
            break;
        }
        let read = socket.read(&mut buffer).unwrap_or(0);
        if read == 0 {
            break;
        }
        session.handle_input(Instant::now(), Input::Bytes(&buffer[..read]))?;
    }
    Ok(file.flush()?)
}

/// Says what is due, and writes down what came; whether there will be more.
fn answer(
    session: &mut ServerSession,
    socket: &mut TcpStream,
    file: &mut impl Write,
) -> Result<bool, Failure> {
    loop {
        match session.poll_output() {
            Output::Transmit(piece) => socket.write_all(&piece)?,
            Output::Event(Event::PublishRequest { request, .. }) => {
                let verdict = Verdict::Accept;
                session.handle_input(Instant::now(), Input::Verdict { request, verdict })?;
            }
            Output::Event(Event::Media { media, .. }) => {
                let body = match media.kind {
                    MediaKind::Data => DataMessage::read(&media.body, false).body,
                    _ => media.body,
                };
                write(file, media.kind, media.timestamp, &body)?;
            }
            Output::Event(Event::PublishEnded { .. } | Event::Close { .. }) => return Ok(false),
            Output::Event(_) => {}
            Output::Idle { .. } => return Ok(true),
        }
    }
}

/// Adobe FLV 10.1 E.4.1: type, length, the time with its upper byte last, stream 0, body, and the
/// length of all that.
fn write(file: &mut impl Write, kind: MediaKind, at: u32, body: &[u8]) -> Result<(), Failure> {
    let kind = match kind {
        MediaKind::Audio => 8,
        MediaKind::Video => 9,
        MediaKind::Data => 18,
    };
    let length = u32::try_from(body.len())?;
    let [upper, time @ ..] = at.to_be_bytes();
    file.write_all(&[kind])?;
    file.write_all(&length.to_be_bytes()[1..])?;
    file.write_all(&time)?;
    file.write_all(&[upper, 0, 0, 0])?;
    file.write_all(body)?;
    Ok(file.write_all(&(length + 11).to_be_bytes())?)
}
