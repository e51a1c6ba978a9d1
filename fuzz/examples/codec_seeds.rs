//! Writes the first seeds of `codec_config` and `codec_frame`: `cargo run --example codec_seeds`, from
//! the fuzz folder.
//!
//! They are the streams of real encoders that the tests of `codec` have: each whole and cut short.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Names of the vectors of a codec start with this; its number in the two oracles.
const CODECS: [(&str, u8); 12] = [
    ("h264_", 0),
    ("hevc_", 1),
    ("vvc_", 2),
    ("av1_", 3),
    ("vp8", 4),
    ("vp9_", 5),
    ("aac_", 6),
    ("opus_", 7),
    ("flac_", 8),
    ("ac3_", 9),
    ("eac3_", 10),
    ("mp3_", 11),
];
/// MP3 has no record.
const RECORDS: u8 = 11;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let vectors = root.join("../crates/codec/tests/vectors");
    let (mut configs, mut frames) = (Vec::new(), Vec::new());
    for path in sorted(&vectors)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let choice = CODECS.iter().find(|(prefix, _)| name.starts_with(prefix));
        let Some((_, choice)) = choice.filter(|_| path.extension().is_some_and(|e| e == "frame"))
        else {
            continue;
        };
        let record = fs::read(path.with_extension("config")).unwrap_or_default();
        let frame = fs::read(&path)?;
        if *choice < RECORDS && !record.is_empty() {
            configs.push([&[*choice], &record[..]].concat());
        }
        let length = u16::try_from(record.len()).unwrap_or(u16::MAX).to_be_bytes();
        frames.push([&[*choice], &length[..], &record, &frame].concat());
        frames.push([&[*choice, 0, 0], &frame[..]].concat());
    }
    save(&root.join("corpus/codec_config"), &configs, 6)?;
    save(&root.join("corpus/codec_frame"), &frames, 3)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}

/// Each seed, and its first nth parts.
fn save(folder: &Path, seeds: &[Vec<u8>], parts: usize) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for seed in seeds {
        for part in 1..=parts {
            let cut = &seed[..seed.len() * part / parts];
            // FNV-1a: only a name
            let name = cut.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
            });
            fs::write(folder.join(format!("{name:016x}")), cut)?;
        }
    }
    println!("{}: {} seeds", folder.display(), seeds.len() * parts);
    Ok(())
}
