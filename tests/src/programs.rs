//! Real programs: how each is called, and how what it says is read.
//!
//! A program that is missing fails the test that needs it, with the command that installs it.

use crate::ports::{self, Folder};
use crate::process::Process;
use crate::{secs, until};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where a program is.
///
/// # Panics
/// When it is not installed.
#[must_use]
pub fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    let found = folders.iter().map(|folder| folder.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{program} is missing: run scripts/setup test"))
}

/// The ffmpeg that knows Enhanced RTMP, as `scripts/setup test` installed it.
///
/// # Panics
/// When it is not installed.
#[must_use]
pub fn new_ffmpeg() -> PathBuf {
    let file = crate::root().join(".cache/ffmpeg/ffmpeg");
    assert!(file.is_file(), "ffmpeg with Enhanced RTMP is missing: run scripts/setup test");
    file
}

/// Starts a program.
#[must_use]
pub fn start<S: AsRef<std::ffi::OsStr>>(program: &str, args: &[S]) -> Process {
    Process::start(Command::new(find(program)).args(args))
}

/// Runs a program to its end; its standard output.
///
/// # Panics
/// When it fails or takes longer than `limit`.
pub fn run<S: AsRef<std::ffi::OsStr>>(program: &str, args: &[S], limit: Duration) -> String {
    let mut process = start(program, args);
    let status = process.wait(limit);
    assert!(status.success(), "{program}: {status}: {}", process.tail());
    process.out.text()
}

/// What ffmpeg publishes.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    /// A test picture and a tone, encoded here.
    Live,
    /// The same without the tone.
    VideoOnly,
    /// The tone alone.
    AudioOnly,
    /// The tone as MP3, with the picture.
    Mp3,
    /// The project's clip, as it is, over and over.
    Clip,
}

/// ffmpeg publishes for `seconds`, or until it is told to end (`q` by SIGINT).
#[must_use]
pub fn ffmpeg_publish(input: Input, url: &str, seconds: u32, more: &[&str]) -> Process {
    let time = seconds.to_string();
    let clip = crate::root().join("assets/demo.flv").to_string_lossy().into_owned();
    let picture = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"];
    let tone = ["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"];
    let h264 = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
        "-pix_fmt",
        "yuv420p",
        "-g",
        "25",
        "-b:v",
        "400k",
    ];
    let aac = ["-c:a", "aac", "-b:a", "96k"];
    let mut args = vec!["-hide_banner", "-loglevel", "warning", "-nostdin"];
    match input {
        Input::Live => args.extend(picture.iter().chain(&tone).chain(&h264).chain(&aac)),
        Input::VideoOnly => args.extend(picture.iter().chain(&h264)),
        Input::AudioOnly => args.extend(tone.iter().chain(&aac)),
        Input::Mp3 => {
            args.extend(picture.iter().chain(&tone).chain(&h264));
            args.extend(["-c:a", "libmp3lame", "-b:a", "96k"]);
        }
        Input::Clip => args.extend(["-re", "-stream_loop", "-1", "-i", &clip, "-c", "copy"]),
    }
    args.extend(["-t", &time]);
    args.extend(more);
    args.extend(["-f", "flv", url]);
    start("ffmpeg", &args)
}

/// What a decoder made of a stream.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// Decoded pictures.
    pub pictures: usize,
    /// Different ones among them.
    pub distinct: usize,
    /// Decoded pieces of sound.
    pub sounds: usize,
    /// Time stamps that step back.
    pub backward: usize,
    /// What the decoder complained of.
    pub complaints: Vec<String>,
}

/// ffmpeg plays `url` for `seconds` and decodes all of it.
///
/// # Panics
/// When it does not end in time.
#[must_use]
pub fn ffmpeg_decode(url: &str, seconds: u32, more: &[&str]) -> Decoded {
    let time = seconds.to_string();
    let mut args = vec!["-hide_banner", "-nostdin", "-loglevel", "level+warning"];
    if url.starts_with("rtmp") {
        args.extend(["-rw_timeout", "10000000"]);
    }
    args.extend(more);
    args.extend(["-i", url, "-t", &time, "-map", "0:v?", "-map", "0:a?"]);
    args.extend(["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framecrc", "-"]);
    let mut process = start("ffmpeg", &args);
    process.wait(secs(u64::from(seconds)) + secs(20));
    decoded(&process.out.text(), &process.err.text())
}

fn decoded(text: &str, complaints: &str) -> Decoded {
    let mut result = Decoded::default();
    let mut video = None;
    let mut last = [i64::MIN; 8];
    let mut seen = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("#media_type ") {
            let (number, kind) = rest.split_once(": ").unwrap_or_default();
            if kind == "video" {
                video = number.parse::<usize>().ok();
            }
        }
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        let [stream, _, pts, _, _, sum, ..] = fields[..] else { continue };
        let (Ok(stream), Ok(pts)) = (stream.parse::<usize>(), pts.parse::<i64>()) else { continue };
        if Some(stream) == video {
            result.pictures += 1;
            seen.insert(sum.to_owned());
        } else {
            result.sounds += 1;
        }
        let Some(last) = last.get_mut(stream) else { continue };
        result.backward += usize::from(pts <= *last);
        *last = pts;
    }
    result.distinct = seen.len();
    let lines =
        complaints.lines().filter(|line| line.contains("[error]") || line.contains("[fatal]"));
    result.complaints = lines.map(str::to_owned).collect();
    result
}

/// The tracks of a file or stream as ffprobe names them, such as `h264 320x180` and `aac 44100`.
///
/// # Panics
/// When ffprobe fails.
#[must_use]
pub fn tracks(url: &str) -> Vec<String> {
    let entries = "stream=codec_name,width,height,sample_rate";
    let args = ["-v", "error", "-rw_timeout", "10000000", "-show_entries", entries, "-of", "json"];
    let skip = if url.starts_with("rtmp") { 0 } else { 2 };
    let args: Vec<_> = args[..2].iter().chain(&args[2 + skip..]).copied().chain([url]).collect();
    let text = run("ffprobe", &args, secs(25));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let name = |stream: &serde_json::Value| {
        let codec = stream["codec_name"].as_str().unwrap_or("?");
        match (stream["width"].as_u64(), stream["sample_rate"].as_str()) {
            (Some(width), _) => format!("{codec} {width}x{}", stream["height"]),
            (None, rate) => format!("{codec} {}", rate.unwrap_or("?")),
        }
    };
    let mut names: Vec<_> = value["streams"].as_array().into_iter().flatten().map(name).collect();
    names.sort();
    names.dedup();
    names
}

/// Packets of a file by kind, with steps back in decode time: (pictures, sounds, backward).
///
/// # Panics
/// When ffprobe fails.
#[must_use]
pub fn packets(file: &Path) -> (usize, usize, usize) {
    let file = file.to_string_lossy();
    let args = ["-v", "error", "-show_entries", "packet=codec_type,dts", "-of", "csv=p=0", &file];
    let text = run("ffprobe", &args, secs(25));
    let (mut counts, mut last, mut backward) = ([0_usize; 2], [i64::MIN; 2], 0);
    for line in text.lines() {
        let mut fields = line.split(',');
        let slot = usize::from(fields.next() == Some("video"));
        counts[slot] += 1;
        if let Some(dts) = fields.next().and_then(|dts| dts.parse::<i64>().ok()) {
            backward += usize::from(dts < last[slot]);
            last[slot] = dts;
        }
    }
    (counts[1], counts[0], backward)
}

/// A key pair and certificate that nobody trusts.
///
/// # Panics
/// When openssl fails.
pub fn make_certificate(folder: &Folder, host: &str) -> (PathBuf, PathBuf) {
    let (cert, key) = (folder.file("cert.pem"), folder.file("key.pem"));
    let subject = format!("/CN={host}");
    let alternative = format!("subjectAltName=DNS:{host},IP:127.0.0.1");
    let (cert_text, key_text) = (cert.to_string_lossy(), key.to_string_lossy());
    let args = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "30",
        "-subj",
        &subject,
        "-addext",
        &alternative,
        "-keyout",
        &key_text,
        "-out",
        &cert_text,
    ];
    run("openssl", &args, secs(15));
    (cert, key)
}

/// A TLS server with a certificate that nobody trusts.
pub struct BadCertificate {
    /// Where it is.
    pub address: SocketAddr,
    _folder: Folder,
    _process: Process,
}

impl BadCertificate {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        let (address, folder) = (ports::free(), Folder::new());
        let (cert, key) = make_certificate(&folder, "localhost");
        let (cert, key) = (cert.to_string_lossy(), key.to_string_lossy());
        let accept = address.to_string();
        let args = ["s_server", "-accept", &accept, "-cert", &cert, "-key", &key, "-quiet"];
        let process = start("openssl", &args);
        until("openssl listens", secs(5), || std::net::TcpStream::connect(address).is_ok());
        Self { address, _folder: folder, _process: process }
    }
}

/// The first flight of a TLS client: what `openssl s_client` says before it hears anything.
///
/// # Panics
/// When it says nothing.
#[must_use]
pub fn client_hello() -> Vec<u8> {
    use std::io::Read;
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    let listener = listener.unwrap_or_else(|e| panic!("listen: {e}"));
    let address = listener.local_addr().map(|a| a.to_string()).unwrap_or_default();
    let _client = start("openssl", &["s_client", "-connect", &address]);
    let (mut socket, _) = listener.accept().unwrap_or_else(|e| panic!("accept: {e}"));
    let mut hello = vec![0; 4096];
    let read = socket.read(&mut hello).unwrap_or(0);
    assert!(read > 100, "no ClientHello");
    hello.truncate(read);
    hello
}
