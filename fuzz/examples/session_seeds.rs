//! Writes the first seeds of the session targets: `cargo run --example session_seeds`, from the fuzz
//! folder.
//!
//! A seed is a script in the language of `oracles/ops.rs` and the two session oracles. These follow
//! the sessions that the unit tests hold; fuzzing goes on from there.

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    save("rtmp_server_session", &vary(&server(), &[0, 4, 8, 1]))?;
    save("rtmp_client_session", &vary(&client(), &[0, 1, 2, 4]))
}

/// Each script from each start, with reads cut in several ways.
fn vary(scripts: &[Vec<u8>], starts: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for script in scripts {
        for (index, start) in starts.iter().enumerate() {
            let patterns: &[u8] = if index == 0 { &[0, 1, 60, 200] } else { &[0, 60] };
            all.extend(patterns.iter().map(|pattern| [&[*start, *pattern], &script[..]].concat()));
        }
    }
    all
}

fn save(target: &str, seeds: &[Vec<u8>]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    for seed in seeds {
        // FNV-1a: only a name
        let name = seed.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        });
        fs::write(folder.join(format!("{name:016x}")), seed)?;
    }
    println!("{target}: {} seeds", seeds.len());
    Ok(())
}

/// A command: indices into the tables of names, transactions and values.
fn command(name: u8, transaction: u8, stream: u8, values: &[u8]) -> Vec<u8> {
    let count = u8::try_from(values.len()).expect("few");
    [&[0, 0, name, transaction, stream, count], values].concat()
}

fn control(kind: u8, number: u8, stream: u8) -> Vec<u8> {
    vec![0, 2, number, stream, kind]
}

fn media(kind: u8, stream: u8, timestamp: u8, body: &[u8], padding: u8) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("short");
    [&[0, 3, kind, stream, timestamp, length], body, &[padding]].concat()
}

const NULL: u8 = 0;
const KEY: u8 = 2;
const OTHER: u8 = 3;
const LIVE: u8 = 5;
const TRUE: u8 = 7;
const FALSE: u8 = 8;
const ONE: u8 = 10;
const CONNECT_OBJECT: u8 = 15;
const ENHANCED: u8 = 16;
const ACCEPT: [u8; 3] = [10, 0, 3];

fn server() -> Vec<Vec<u8>> {
    let create = command(1, 2, 0, &[NULL]);
    let publish = command(2, 5, 1, &[NULL, KEY, LIVE]);
    let play = command(3, 0, 1, &[NULL, KEY]);
    let header = media(0, 1, 0, &[0x17, 0], 2);
    let frame = media(0, 1, 2, &[0x27, 1], 4);
    let sound = media(1, 1, 3, &[0xAF, 1], 2);
    let data = media(2, 1, 0, b"\x02\x00\x0aonMetaData", 0);
    let part = [9, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 0x17, 1, 0, 0, 0, 13];
    let publishing = [&create[..], &publish, &ACCEPT].concat();
    let playing = [&create[..], &play, &ACCEPT].concat();
    let with = |head: &[u8], tail: &[&[u8]]| [head, &tail.concat()].concat();
    let owner = |stream: u8, act: u8| vec![15, stream, act, 255];
    let mut all = vec![
        command(0, 1, 0, &[CONNECT_OBJECT]),
        command(0, 8, 3, &[ENHANCED]),
        with(&command(7, 3, 0, &[NULL, KEY]), &[&publishing]),
        with(&command(9, 2, 0, &[NULL, KEY]), &[&command(7, 3, 0, &[NULL, KEY]), &publishing]),
        with(&publish, &[&header, &frame, &ACCEPT, &frame]),
        with(&header, &[&publish, &ACCEPT]),
        with(&publish, &[&[10, 0, 0]]),
        with(&play, &[&[10, 0, 1]]),
        with(&publish, &[&publish, &ACCEPT, &publish, &command(2, 5, 1, &[NULL, OTHER])]),
        with(&publishing, &[&header, &sound, &frame, &data, &media(3, 1, 0, b"\0\x02\0\x01x", 0)]),
        with(&publishing, &[&media(4, 1, 1, &part, 0), &media(4, 1, 1, &part[..9], 0)]),
        with(&publishing, &[&command(8, 6, 0, &[NULL, KEY]), &command(5, 7, 0, &[NULL, ONE])]),
        with(&publishing, &[&command(6, 0, 1, &[NULL]), &publish, &ACCEPT, &frame]),
        with(
            &publishing,
            &[&media(0, 1, 0, &[0x27], 5), &command(6, 0, 1, &[]), &media(0, 1, 0, &[1], 5)],
        ),
        with(&publishing, &[&[12, 5], &frame, &[12, 5], &[12, 4], &[12, 4]]),
        with(&publishing, &[&command(17, 0, 0, &[NULL]), &frame]),
        with(&playing, &[&command(12, 0, 1, &[NULL, TRUE]), &command(12, 0, 1, &[NULL, FALSE])]),
        with(&playing, &[&command(14, 0, 1, &[NULL, ONE]), &[15, 1, 7, 4, 1, 2, 3, 4, 1, 9]]),
        with(&playing, &[&command(15, 0, 1, &[NULL, FALSE]), &command(16, 0, 1, &[NULL, FALSE])]),
        with(&playing, &[&command(4, 0, 1, &[NULL, ENHANCED]), &ACCEPT]),
        with(&playing, &[&owner(1, 0), &owner(1, 1), &owner(1, 4), &owner(1, 2), &[12, 5]]),
        with(&playing, &[&[12, 5], &control(7, 0, 0), &[12, 5], &[12, 5], &[12, 5], &[12, 5]]),
        with(&publishing, &[&create, &command(3, 0, 2, &[NULL, OTHER]), &ACCEPT, &frame]),
        with(&publishing, &[&owner(1, 5), &frame]),
        with(&publishing, &[&owner(1, 6)]),
        with(&publishing, &[&[13, 255]]),
        with(&[9, 1], &[&publishing, &[9, 3], &frame]),
        with(&control(2, 1, 0), &[&publishing, &frame, &frame]),
        with(&control(3, 3, 0), &[&control(4, 2, 0), &control(5, 4, 0), &control(8, 3, 1)]),
        create.repeat(12),
        command(14, 0, 1, &[NULL]).repeat(30),
    ];
    let everything = (0..24).flat_map(|name| command(name, name % 10, name % 3, &[NULL, KEY]));
    all.push(everything.collect());
    all.push((0..10).flat_map(|kind| control(kind, kind, 1)).collect());
    all.push(with(&playing, &[&command(14, 0, 1, &[NULL, ONE]).repeat(60)]));
    all
}

fn client() -> Vec<Vec<u8>> {
    const SUCCESS: u8 = 21;
    const PUBLISH_START: u8 = 18;
    const PLAY_START: u8 = 19;
    const BAD_NAME: u8 = 20;
    const RECONNECT: u8 = 22;
    const OTHER_STATUS: u8 = 23;
    let connected = command(0, 1, 0, &[NULL, SUCCESS]);
    let created = [&connected[..], &command(0, 4, 0, &[NULL, ONE])].concat();
    let status = |value: u8| command(3, 0, 1, &[NULL, value]);
    let running = [&created[..], &status(PUBLISH_START), &status(PLAY_START)].concat();
    let send = |kind: u8| vec![15, kind, 1, 4, 0x17, 1, 2, 3];
    let frame = media(0, 1, 1, &[0x17, 1], 5);
    let with = |head: &[u8], tail: &[&[u8]]| [head, &tail.concat()].concat();
    vec![
        connected.clone(),
        created.clone(),
        running.clone(),
        with(&running, &[&send(0), &send(1), &send(2)]),
        with(
            &running,
            &[&frame, &media(1, 1, 3, &[0xAF, 1], 0), &media(2, 1, 0, b"\x02\0\x08onStatus", 0)],
        ),
        with(&created, &[&frame]),
        with(
            &connected,
            &[
                &command(0, 2, 0, &[NULL]),
                &command(0, 0, 0, &[NULL]),
                &command(0, 0, 0, &[NULL, ONE]),
            ],
        ),
        with(
            &connected,
            &[
                &command(2, 2, 0, &[NULL]),
                &command(2, 3, 0, &[NULL]),
                &command(2, 4, 0, &[NULL, BAD_NAME]),
            ],
        ),
        command(2, 1, 0, &[NULL, BAD_NAME]),
        command(0, 1, 0, &[NULL, BAD_NAME]),
        command(0, 0, 0, &[]),
        with(&created, &[&status(BAD_NAME)]),
        with(&created, &[&command(2, 5, 1, &[NULL, OTHER_STATUS])]),
        with(&running, &[&status(RECONNECT), &send(0)]),
        with(&running, &[&status(OTHER_STATUS), &status(PUBLISH_START), &command(3, 0, 1, &[])]),
        with(&running, &[&status(BAD_NAME), &send(0)]),
        with(
            &connected,
            &[&command(5, 0, 0, &[NULL]), &command(5, 0, 0, &[NULL]), &command(9, 3, 0, &[NULL])],
        ),
        with(&running, &[&command(8, 0, 0, &[NULL])]),
        with(&running, &[&[14, 255], &send(0)]),
        with(&created, &[&[14, 255]]),
        with(&running, &[&[13, 255]]),
        with(&running, &[&send(0), &control(1, 4, 0), &control(1, 7, 0), &control(6, 3, 0)]),
        with(&running, &[&control(2, 1, 0), &control(3, 3, 0), &control(5, 5, 0), &frame]),
        with(&[11, 4], &[&running, &frame]),
        with(&[11, 0], &[&created, &frame]),
        with(&running, &[&[12, 5], &frame, &[12, 5], &[12, 4]]),
        vec![12, 4, 12, 3],
        with(&[10, 5, 72, 84, 84, 80, 47], &[&running]),
    ]
}
