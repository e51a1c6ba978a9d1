//! Which of an encoder's tracks go where: to viewers that ask in the address, to destinations as their
//! settings say, and to those who ask for nothing. ffmpeg sends three video and three audio tracks and
//! says what came; each that comes does so byte by byte.

use manycast_tests::elementary::{Clip, Pieces, Receiver, compare};
use manycast_tests::process::sockets_in_state;
use manycast_tests::servers::Server;
use manycast_tests::{Setup, ports, secs, until};

const KEY: &str = "sk_tracks_0123456789";

/// Three sizes of one picture in H.264 with key frames each second, and three sounds in AAC.
const CLIP: &str = "-f lavfi -i testsrc2=size=320x180:rate=24 \
    -f lavfi -i anoisesrc=r=48000:c=pink:a=0.3:seed=1 -f lavfi -i anoisesrc=r=48000:c=pink:a=0.3:seed=2 \
    -f lavfi -i anoisesrc=r=48000:c=pink:a=0.3:seed=3 -t 4 \
    -map 0:v -map 0:v -map 0:v -map 1:a -map 2:a -map 3:a \
    -c:v libx264 -preset ultrafast -bf 2 -g 24 -sc_threshold 0 -crf 35 -pix_fmt yuv420p \
    -s:v:1 160x90 -s:v:2 90x160 -c:a aac -b:a 48k";

/// The streams of the clip: video tracks 0 to 2, then audio tracks 0 to 2.
const V: [usize; 3] = [0, 1, 2];
const A: [usize; 3] = [3, 4, 5];

/// What a viewer's address asks for, and which streams of the clip it gets.
const VIEWERS: &[(&str, &[usize])] = &[
    ("", &[V[0], A[0]]),
    ("?tracks=default", &[V[0], A[0]]),
    ("?tracks=all", &[V[0], V[1], V[2], A[0], A[1], A[2]]),
    ("?audio_track=2", &[V[0], A[2]]),
    ("?video_track=1", &[V[1], A[0]]),
    ("?video_track=portrait&audio_track=1", &[V[2], A[1]]),
    ("?video_track=up%20to%2090p&audio_track=all", &[V[1], A[0], A[1], A[2]]),
    ("?tracks=audio&audio_track=1", &[A[1]]),
];

/// What the settings of a destination say, and which streams of the clip it gets.
const DESTINATIONS: &[(&str, &[usize])] = &[
    ("", &[V[0], A[0]]),
    ("video_track = \"all\"\naudio_track = \"all\"", &[V[0], V[1], V[2], A[0], A[1], A[2]]),
    ("video_track = \"smallest\"\naudio_track = \"2\"", &[V[1], A[2]]),
    ("video_track = \"none\"\naudio_track = \"1\"", &[A[1]]),
];

/// What is wrong with what one of them got.
fn fault(clip: &Clip, receiver: &mut Receiver, wanted: &[usize]) -> Option<String> {
    let fault = compare(&receiver.end(), &clip.choose(wanted), Pieces::Rest).err()?;
    Some(format!("{}: {fault}\n{}", receiver.name, receiver.tail()))
}

/// E-RTMP v2 Multitrack: all of them at once, at one stream. A plain server of others, nginx-rtmp, gets
/// a track of each kind in the form it knows, also those that the encoder numbered.
#[test]
fn e_rtmp_each_gets_the_tracks_that_it_asks_for() {
    let clip = Clip::make(CLIP);
    assert_eq!(clip.streams.len(), 6);
    let (plain, chosen) = (Server::nginx_rtmp(), Server::nginx_rtmp());
    let listeners: Vec<_> = DESTINATIONS.iter().map(|_| ports::free()).collect();
    let mut setup = Setup::new().stream("main", KEY);
    for (number, (lines, _)) in DESTINATIONS.iter().enumerate() {
        let url = format!("rtmp://{}/live", listeners[number]);
        setup = setup.destination(&format!("d{number}"), &url, "copy").option(lines);
    }
    let setup = setup.destination("plain", &plain.url(), "plain");
    let setup = setup.destination("chosen", &chosen.url(), "chosen");
    let server = setup.option("video_track = \"portrait\"\naudio_track = \"1\"").start();
    let mut receivers: Vec<_> = listeners
        .iter()
        .zip(DESTINATIONS)
        .map(|(at, (lines, wanted))| {
            (Receiver::listen(lines, &format!("rtmp://{at}/live/copy")), *wanted)
        })
        .collect();
    let listens = |at: &std::net::SocketAddr| sockets_in_state(at.port(), "0A") > 0;
    until("they listen", secs(10), || listeners.iter().all(listens));
    let url = format!("rtmp://{}/live", server.rtmp());
    let mut encoder = clip.publish(&format!("{url}/{KEY}"));
    until("it flows", secs(10), || server.stream("main")["frames"].as_u64() > Some(10));
    receivers.extend(VIEWERS.iter().map(|(query, wanted)| {
        (Receiver::play(&format!("viewer {query}"), &format!("{url}/main{query}")), *wanted)
    }));
    assert!(encoder.wait(secs(20)).success(), "{}", encoder.tail());
    let mut faults = Vec::new();
    for (receiver, wanted) in &mut receivers {
        faults.extend(fault(&clip, receiver, wanted));
    }
    for (nginx, name, wanted) in [(plain, "plain", [V[0], A[0]]), (chosen, "chosen", [V[2], A[1]])]
    {
        let (file, _folder) = nginx.recording(name);
        faults.extend(fault(&clip, &mut Receiver::file(name, &file), &wanted));
    }
    assert!(faults.is_empty(), "\n{}\n{}", faults.join("\n"), server.log());
}

/// What nobody can mean is refused with the words that are understood.
#[test]
fn e_rtmp_a_viewer_that_asks_for_nonsense_is_told_so() {
    let server = Setup::new().stream("main", KEY).start();
    let clip = Clip::make(
        "-f lavfi -i testsrc2=size=96x64:rate=24 -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    let url = format!("rtmp://{}/live", server.rtmp());
    let _encoder = clip.publish(&format!("{url}/{KEY}"));
    until("it flows", secs(10), || server.stream("main")["frames"].as_u64() > Some(4));
    let refused = manycast_tests::Watcher::start(server.rtmp(), "main?video_track=biggest");
    let words = refused.err().unwrap_or_default();
    assert!(words.contains("video_track is a number"), "{words}");
}
