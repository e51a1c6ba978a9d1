//! Elementary streams, access unit by access unit, as another program takes them out of a file or a
//! connection: ffmpeg's own hash of every packet, and of what configures each decoder. What went in
//! and what came out are read in the same way, so nothing of ours is between them but the server.

use crate::ports::Folder;
use crate::process::Process;
use crate::programs::new_ffmpeg;
use crate::{millis, pause, secs};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// One coded picture, or one frame of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// When it is decoded, and when it is shown, in milliseconds.
    pub times: (i64, i64),
    /// How long it is, in bytes, and its SHA-256.
    pub payload: (u64, String),
    /// Whether decoding can begin here; known of what is sent.
    pub key: bool,
}

/// One elementary stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elementary {
    /// `video` or `audio`.
    pub kind: String,
    /// ffmpeg's name of the codec.
    pub codec: String,
    /// Size of the pictures, or the rate and layout of the sound.
    pub shape: String,
    /// SHA-256 of the decoder's configuration, if it has one.
    pub config: Option<String>,
    /// In the order of decoding.
    pub units: Vec<Unit>,
}

/// Reads what ffmpeg's `framehash` says. Streams without a unit are left out.
#[must_use]
pub fn parse(text: &str) -> Vec<Elementary> {
    let mut streams = Vec::<Elementary>::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix('#') {
            header(&mut streams, head);
        } else {
            unit(&mut streams, line);
        }
    }
    streams.retain(|stream| !stream.units.is_empty());
    streams
}

fn slot(streams: &mut Vec<Elementary>, number: usize) -> &mut Elementary {
    if streams.len() <= number {
        streams.resize_with(number + 1, Elementary::default);
    }
    &mut streams[number]
}

fn header(streams: &mut Vec<Elementary>, head: &str) -> Option<()> {
    let (name, rest) = head.split_once(' ')?;
    let (number, value) = rest.split_once([':', ','])?;
    let stream = slot(streams, number.trim().parse().ok()?);
    let value = value.trim();
    match name {
        "media_type" => value.clone_into(&mut stream.kind),
        "codec_id" => value.clone_into(&mut stream.codec),
        "dimensions" => value.clone_into(&mut stream.shape),
        "sample_rate" => stream.shape = format!("{value} Hz"),
        "channel_layout_name" => stream.shape = format!("{} {value}", stream.shape),
        "extradata" => stream.config = value.rsplit_once(", ").map(|(_, hash)| hash.into()),
        _ => {}
    }
    Some(())
}

/// `stream, dts, pts, duration, size, hash`, and what may come behind it.
fn unit(streams: &mut Vec<Elementary>, line: &str) -> Option<()> {
    let mut fields = line.split(',').map(str::trim);
    let stream = slot(streams, fields.next()?.parse().ok()?);
    let times = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let payload = (fields.nth(1)?.parse().ok()?, fields.next()?.to_owned());
    // an end of the sound that holds nothing is no unit
    if payload.0 > 0 {
        stream.units.push(Unit { times, payload, key: false });
    }
    Some(())
}

/// A file that is made once per run.
pub struct Clip {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub streams: Vec<Elementary>,
    _folder: Folder,
}

impl Clip {
    /// Has ffmpeg make it with these arguments.
    ///
    /// # Panics
    /// When ffmpeg fails.
    #[must_use]
    pub fn make(args: &str) -> Self {
        let folder = Folder::new();
        let (made, path) = (text(&folder.file("made.flv")), folder.file("clip.flv"));
        run(args.split_whitespace().chain([made.as_str()]));
        // once more, since it describes VP9 otherwise when it does not encode it
        run(["-i", &made, "-map", "0", "-c", "copy", &text(&path)]);
        let mut streams = read(&path, &[]);
        let keys = read(&path, &["-bsf", "noise=drop=not(key)"]);
        for (stream, keys) in streams.iter_mut().zip(keys) {
            for unit in &mut stream.units {
                unit.key = keys.units.iter().any(|key| key.payload == unit.payload);
            }
        }
        Self { streams, path, _folder: folder }
    }

    /// The streams of these numbers, as ffmpeg counts them.
    #[must_use]
    pub fn choose(&self, numbers: &[usize]) -> Vec<&Elementary> {
        numbers.iter().filter_map(|&number| self.streams.get(number)).collect()
    }

    /// ffmpeg publishes it as it is, in real time, once.
    #[must_use]
    pub fn publish(&self, url: &str) -> Process {
        let mut command = Command::new(new_ffmpeg());
        command.args(["-hide_banner", "-nostdin", "-v", "warning", "-re", "-i"]).arg(&self.path);
        command.args(["-map", "0", "-c", "copy", "-f", "flv", url]);
        Process::start(&mut command)
    }
}

fn read(file: &Path, output: &[&str]) -> Vec<Elementary> {
    let mut reader = hash(&text(file), &[], output);
    assert!(reader.wait(secs(20)).success(), "{}", reader.tail());
    parse(&reader.out.text())
}

/// ffmpeg to its end.
fn run<'a>(args: impl IntoIterator<Item = &'a str>) {
    let mut command = Command::new(new_ffmpeg());
    command.args(["-hide_banner", "-nostdin", "-v", "error", "-bitexact"]).env("SVT_LOG", "1");
    let mut process = Process::start(command.args(args));
    assert!(process.wait(secs(40)).success(), "{}", process.tail());
}

/// ffmpeg hashes what it reads from there, with more arguments of the input and of the output, until it
/// ends or is told.
#[must_use]
pub fn hash(from: &str, input: &[&str], output: &[&str]) -> Process {
    let mut command = Command::new(new_ffmpeg());
    command.args(["-hide_banner", "-nostdin", "-v", "warning"]).args(input);
    command.args(["-i", from, "-map", "0:v?", "-map", "0:a?", "-c", "copy"]);
    command.args(output).args(["-flush_packets", "1", "-f", "framehash", "-"]);
    Process::start(&mut command)
}

/// Somebody who takes a stream and hashes it.
pub struct Receiver {
    /// Who it is, for messages.
    pub name: String,
    process: Process,
}

impl Receiver {
    /// A player.
    #[must_use]
    pub fn play(name: &str, url: &str) -> Self {
        Self { name: name.to_owned(), process: hash(url, &["-rw_timeout", "20000000"], &[]) }
    }

    /// One that waits at this address for a publisher: a destination.
    #[must_use]
    pub fn listen(name: &str, url: &str) -> Self {
        Self { name: name.to_owned(), process: hash(url, &["-listen", "1"], &[]) }
    }

    /// Whether it is still there.
    pub fn is_running(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// One who reads what somebody recorded.
    #[must_use]
    pub fn file(name: &str, path: &Path) -> Self {
        Self { name: name.to_owned(), process: hash(&text(path), &[], &[]) }
    }

    /// What came until the stream ended. A player leaves by itself then; who does not is told to.
    #[must_use]
    pub fn end(&mut self) -> Vec<Elementary> {
        let from = Instant::now();
        while self.process.ended().is_none() && from.elapsed() < secs(4) {
            pause(millis(20));
        }
        self.process.signal(Signal::SIGINT);
        self.process.wait(secs(10));
        parse(&self.process.out.text())
    }

    /// What it complained of.
    #[must_use]
    pub fn tail(&self) -> String {
        self.process.err.text()
    }
}

/// In which pieces a stream is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// From some key frame to the end.
    Rest,
    /// From some key frame to where the encoder was killed, then everything.
    PartAndWhole,
}

impl Pieces {
    fn fit(self, got: &Elementary, sent: &Elementary) -> Result<(), String> {
        if (&got.config, &got.shape) != (&sent.config, &sent.shape) {
            return Err(format!("{:?} {} came of {:?}", got.config, got.shape, sent.config));
        }
        let runs = runs(&got.units, &sent.units);
        let begins = |run: &Run| sent.units.get(run.from).is_some_and(|unit| unit.key);
        let ends = |run: &Run| run.from + run.count == sent.units.len();
        let fits = match (self, &runs[..]) {
            (Self::Rest, [all]) => begins(all) && ends(all),
            (Self::PartAndWhole, [part, whole]) => begins(part) && whole.from == 0 && ends(whole),
            _ => false,
        };
        let rising = got.units.windows(2).all(|two| two[0].times.0 < two[1].times.0);
        match (fits, rising) {
            (true, true) => Ok(()),
            (true, false) => Err("its time steps back".to_owned()),
            _ => Err(format!("{self:?} of {} units are to come: {runs:?}", sent.units.len())),
        }
    }
}

/// Units that came as they were sent, one behind the other and with the same time between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// The first of them, as it was sent; `usize::MAX`: nobody sent it.
    from: usize,
    /// How many.
    count: usize,
    /// From when they were sent to when they came.
    shift: i64,
}

/// What came, as pieces of what was sent.
fn runs(came: &[Unit], sent: &[Unit]) -> Vec<Run> {
    let mut runs = Vec::<Run>::new();
    let is = |at: usize, unit: &Unit| sent.get(at).is_some_and(|s| s.payload == unit.payload);
    let shift = |at: usize, unit: &Unit| unit.times.0 - sent[at].times.0;
    let delay = |unit: &Unit| unit.times.1 - unit.times.0;
    for unit in came {
        let next = runs.last().map_or(0, |run| run.from.saturating_add(run.count));
        let goes_on = is(next, unit) && delay(unit) == delay(&sent[next]);
        match runs.last_mut() {
            Some(run) if goes_on && run.shift == shift(next, unit) => run.count += 1,
            _ => {
                let from = sent.iter().position(|s| s.payload == unit.payload);
                let from = from.unwrap_or(usize::MAX);
                let shift = if from == usize::MAX { 0 } else { shift(from, unit) };
                runs.push(Run { from, count: 1, shift });
            }
        }
    }
    runs
}

/// Each of what was sent is there once, and nothing else.
///
/// # Errors
/// What is not, and why.
pub fn compare(got: &[Elementary], sent: &[&Elementary], pieces: Pieces) -> Result<(), String> {
    let mut left: Vec<_> = got.iter().collect();
    let mut faults = Vec::new();
    for stream in sent {
        let alike = |e: &&Elementary| (&e.kind, &e.codec) == (&stream.kind, &stream.codec);
        let fits = |e: &&Elementary| pieces.fit(e, stream);
        match left.iter().position(|e| alike(e) && fits(e).is_ok()) {
            Some(at) => drop(left.remove(at)),
            None => {
                let said: Vec<_> = left.iter().filter(|e| alike(e)).map(fits).collect();
                faults.push(format!("{} {}: {said:?}", stream.codec, stream.shape));
            }
        }
    }
    for more in left {
        let (codec, shape, units) = (&more.codec, &more.shape, more.units.len());
        faults.push(format!("nobody wants {codec} {shape}, of which {units} units came"));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
