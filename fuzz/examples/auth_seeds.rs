//! Writes the first seeds of `rtmp_auth`: `cargo run --example auth_seeds`, from the fuzz folder.
//!
//! A seed is a byte for its kind and a text; see the oracle. These are what servers and encoders say,
//! each whole and cut short.

use std::path::Path;
use std::{fs, io};

const DEMANDS: [&str; 9] = [
    "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ",
    "[ AccessManager.Reject ] : [ code=403 need auth; authmod=llnw ] : ",
    "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=crew&salt=TWFu&challenge=Y2g==&opaque=b3A=",
    "[ authmod=adobe ] : ?reason=needauth&user=crew&salt=a+/=&challenge=c",
    "[ authmod=llnw ] : ?reason=needauth&user=crew&nonce=n0nce",
    "[ authmod=adobe ] : ?reason=authfailed&opaque=x",
    "[ authmod=llnw ] : ?reason=nosuchuser",
    "authmod=kerberos ?reason=needauth&nonce=1",
    "?reason=needauth&user=\u{fc}&salt=\u{202e}&challenge=%41 authmod=adobe",
];

const APPS: [&str; 9] = [
    "live?authmod=adobe&user=crew",
    "live/inst?authmod=llnw&user=crew",
    "live?authmod=adobe&user=crew&challenge=0badcafe&response=Xa2SgYzaYqsGiEap5sgfOA==&opaque=b3A=",
    "live?authmod=adobe&user=crew&challenge=0badcafe&response=Xa2SgYzaYqsGiEap5sgfOA==&opaque=",
    "live?authmod=llnw&user=crew&nonce=n&cnonce=c&nc=00000001&response=1ed9e1594120fb9a683795b1a6116441",
    "live?backup=1&authmod=adobe&user=&response=",
    "live?user=crew&pass=sesame?authmod=adobe",
    "?authmod=adobe&authmod=llnw&user=a=b&user=c",
    "a/b/c",
];

const URLS: [&str; 9] = [
    "rtmp://crew:sesame@h/live",
    "rtmps://crew:p%40ss%3a@[::1]:443/live?x=@y#z",
    "rtmp://crew:a:b@h",
    "rtmp://crew@h/live",
    "rtmp://:@h/live",
    "rtmp://a@b:c@h/live",
    "rtmp://crew:%ff@h/live",
    "crew:sesame@h",
    "rtmp://h/live@home",
];

const PLACES: [&str; 9] = [
    "live|rtmp://h/live|sk_1",
    "live/sk_1||",
    "live?token=sk_1|rtmp://h/live?token=sk_1|main?key=sk%5f1",
    "live|rtmp://u:sk_1@h/live|main",
    "live|rtmp://sk_1@h/live|main",
    "live|rtmp://u:p%40@h/live|main?user=u&pass=p",
    "live?secret=&streamkey=x|rtmp://@h|",
    "live...vhost...v?pass=p&password=q&key=k|://@:@/|mp4:main",
    "_definst_|rtmp://%25:%@h|?key",
];

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/rtmp_auth");
    fs::create_dir_all(&folder)?;
    let mut count = 0;
    for (kind, texts) in (0_u8..).zip([DEMANDS, APPS, URLS, PLACES]) {
        for (number, text) in texts.iter().enumerate() {
            let bytes = text.as_bytes();
            let ends = [1, 2, 3, 4, 5, 6].map(|sixth| bytes.len() * sixth / 6);
            for (at, end) in ends.into_iter().enumerate() {
                let seed = [&[kind][..], &bytes[..end]].concat();
                fs::write(folder.join(format!("seed-{kind}-{number}-{at}")), seed)?;
                count += 1;
            }
        }
    }
    println!("rtmp_auth: {count} seeds");
    Ok(())
}
