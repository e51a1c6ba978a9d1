//! The tools in the same binary against servers of others: `publish`, `play`, `demo`.

use manycast_tests::manycast::{binary, clean};
use manycast_tests::process::Process;
use manycast_tests::programs::{Input, ffmpeg_decode, ffmpeg_publish, packets};
use manycast_tests::servers::Server;
use manycast_tests::{Setup, pause, secs};
use nix::sys::signal::Signal;
use serde_json::Value;

const KEY: &str = "sk_tools_0123456789";

fn publish(url: &str, key: &str) -> Process {
    let clip = manycast_tests::root().join("assets/demo.flv");
    let mut command = clean(binary());
    command.arg("publish").arg(clip).args([url, "--loop"]).env("MANYCAST_KEY", key);
    Process::start(&mut command)
}

/// What `play --json` says, and whether it was content.
fn play(url: &str, seconds: u32) -> (Value, bool) {
    let mut command = clean(binary());
    command.args(["play", url, "--json", "--seconds", &seconds.to_string()]);
    let mut process = Process::start(&mut command);
    let status = process.wait(secs(u64::from(seconds)) + secs(15));
    let text = process.out.text();
    let value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {}", process.tail()));
    (value, status.success())
}

/// `publish` feeds nginx-rtmp: what it recorded is whole.
#[test]
fn publish_feeds_the_server_of_others() {
    let nginx = Server::nginx_rtmp();
    let mut tool = publish(&nginx.url(), "tool");
    // a little more than once around the clip, so that its seam is in it
    pause(secs(10));
    tool.signal(Signal::SIGINT);
    let status = tool.wait(secs(5));
    assert!(status.success(), "{}", tool.tail());
    let (file, _folder) = nginx.recording("tool");
    let (pictures, sounds, backward) = packets(&file);
    assert!(pictures >= 280 && sounds >= 430 && backward == 0, "{pictures} {sounds} {backward}");
    let got = ffmpeg_decode(&file.to_string_lossy(), 30, &[]);
    assert!(got.pictures >= 280 && got.complaints.is_empty(), "{got:?}");
}

/// `play` watches a stream that ffmpeg sends to nginx-rtmp, and one that Manycast serves.
#[test]
fn play_watches_the_server_of_others() {
    let nginx = Server::nginx_rtmp();
    let server = Setup::new().stream("main", KEY).start();
    let far = format!("{}/tool", nginx.url());
    let near = format!("rtmp://{}/live", server.rtmp());
    let _far = ffmpeg_publish(Input::Live, &far, 30, &[]);
    let _near = publish(&near, KEY);
    pause(secs(2));
    for (url, width) in [(far, 320), (format!("{near}/main"), 640)] {
        let (seen, content) = play(&url, 3);
        assert!(content && seen["ok"] == true, "{seen}");
        let tracks = seen["tracks"].as_array().unwrap();
        assert!(tracks.iter().any(|t| t["codec"] == "h264" && t["width"] == width), "{seen}");
        assert!(tracks.iter().any(|t| t["codec"] == "aac"), "{seen}");
        assert_eq!(seen["gaps"]["missing_frames"], 0, "{seen}");
        assert!(seen["frames"].as_u64() > Some(150), "{seen}");
    }
    let (seen, content) = play(&format!("{near}/nobody"), 2);
    assert!(!content && seen["ok"] == false, "{seen}");
    assert!(seen.to_string().contains("NetStream.Play.StreamNotFound"), "{seen}");
}

/// `demo` ends by itself with its verdict as the last line, as plain lines when it is piped.
#[test]
fn demo_ends_with_its_verdict() {
    let mut command = clean(binary());
    command.args(["demo", "--seconds", "8"]);
    let mut demo = Process::start(&mut command);
    let status = demo.wait(secs(25));
    let text = demo.out.text();
    let last = text.lines().last().unwrap_or_default();
    assert!(status.success(), "{}", demo.tail());
    assert!(
        last.starts_with("demo: 2/2 whole, ") && last.ends_with(" frames, 0 missing"),
        "{last}"
    );
    assert!(!text.contains('\u{1b}'), "no control sequences in a pipe");
}
