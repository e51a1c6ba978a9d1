//! G2: damaged files are refused as a whole, with the line of the damage.

use super::{FULL, parse};
use crate::config::Fault;

/// A text and the line that has to be named.
struct Damaged {
    how: String,
    text: String,
    line: u32,
}

impl Damaged {
    /// What is wrong with the answer, if anything.
    fn survives(&self) -> Option<String> {
        let Err(refused) = parse(&self.text) else { return Some(format!("taken: {}", self.how)) };
        let lines: Vec<_> = refused.faults.iter().filter_map(Fault::line).collect();
        let shown = refused.to_string();
        let fine = lines.contains(&self.line) && !shown.contains("canary");
        (!fine).then(|| format!("{}: named {lines:?}: {shown}", self.how))
    }
}

fn replaced(line: usize, with: &str) -> String {
    let lines = FULL.lines().enumerate();
    let lines: Vec<_> = lines.map(|(at, old)| if at == line { with } else { old }).collect();
    lines.join("\n")
}

/// Each line of the whole example damaged in each way that fits it.
fn generated() -> Vec<Damaged> {
    let mut all = Vec::new();
    for (at, line) in FULL.lines().enumerate() {
        let mut add = |how: &str, with: String| {
            let line = u32::try_from(at).unwrap() + 1;
            let how = format!("{how}, line {line}: {with}");
            all.push(Damaged { how, text: replaced(at, &with), line });
        };
        let Some((key, value)) = line.split_once(" = ") else {
            let inner = line.trim_matches(['[', ']']);
            add("unclosed header", line.trim_end_matches(']').to_owned());
            if !inner.starts_with("stream") {
                add("unknown section", line.replace(inner, &format!("{inner}x")));
            }
            continue;
        };
        add("unknown key", format!("{key}x = {value}"));
        add("hyphen for underscore", format!("{}-x = {value}", key.replace('_', "-")));
        add("no equals sign", format!("{key} {value}"));
        add("no value", format!("{key} ="));
        add("a date", format!("{key} = 2026-11-22"));
        add("a fraction", format!("{key} = 1.5"));
        add("a table", format!("{key} = {{ x = 1 }}"));
        if let Some(text) = value.strip_prefix('"') {
            add("unclosed quote", format!("{key} = \"{}", text.trim_end_matches('"')));
            add("a list", format!("{key} = [{value}]"));
            add("empty", format!("{key} = \"\""));
        } else {
            add("in quotes", format!("{key} = \"{}\"", value.replace('"', "")));
        }
        add("control character", format!("{key} = \u{1}{value}"));
    }
    all
}

const BY_HAND: &[(&str, u32)] = &[
    ("[rtmp]\nlisten = \"localhost:1935\"\n", 2),
    ("[rtmp]\nlisten = \":1935\"\n", 2),
    ("[rtmp]\nlisten = 1935\n", 2),
    ("[rtmp]\nlisten = \"0.0.0.0:99999\"\n", 2),
    ("[rtmp]\nopen = yes\n", 2),
    ("[rtmp]\nopen = 1\n", 2),
    ("[rtmp]\n[rtmp]\n", 2),
    ("[http]\nlisten = \"0.0.0.0:1935\"\n", 2),
    ("[http]\nconnections = 0\n", 2),
    ("[http]\nconnections = -1\n", 2),
    ("[http]\nconnections = 99999999999999999999\n", 2),
    ("[server]\ndrain = \"10\"\n", 2),
    ("[server]\ndrain = \"-1s\"\n", 2),
    ("[server]\ndrain = \"2h\"\n", 2),
    ("[server]\ndrain = 10\n", 2),
    ("[log]\nlevel = \"loud\"\n", 2),
    ("[log]\nformat = \"xml\"\n", 2),
    ("[limits]\nwindow_bytes = \"1kB\"\n", 2),
    ("[limits]\nwindow_bytes = \"much\"\n", 2),
    ("[limits]\nwindow_age = \"1s\"\n", 2),
    ("[limits]\nconnections = \"many\"\n", 2),
    ("[rtmps]\nlisten = \"0.0.0.0\"\n", 2),
    ("[rtmps]\nself_signed = \"maybe\"\n", 2),
    ("[https]\nlisten = \"8443\"\n", 2),
    ("[https]\nlisten = \"0.0.0.0:8080\"\n", 2),
    ("[https]\ncertificate = \"bought\"\n", 2),
    ("[https]\ncert = \"Cargo.toml\"\n", 1),
    ("[https]\nkey = \"Cargo.toml\"\n", 1),
    ("[https]\ncertificate = \"self-signed\"\ncert = \"Cargo.toml\"\n", 1),
    ("[http]\ntrusted_proxies = [\"proxy.example\"]\n", 2),
    ("[http]\ntrusted_proxies = \"127.0.0.1\"\n", 2),
    ("[metrics]\nlisten = \"9180\"\n", 2),
    ("[rtmps]\ncert = \"/nowhere/c.pem\"\nkey = \"/nowhere/k.pem\"\n", 2),
    ("[rtmps]\ncert = \"/\"\nkey = \"/\"\n", 2),
    ("[egress]\nallow = \"127.0.0.0/8\"\n", 2),
    ("[egress]\nallow = [\"127.0.0.0/8\",\n\"300.0.0.0/8\"]\n", 3),
    ("[egress]\nallow = [8]\n", 2),
    ("[egress]\nresolver = \"dns.example\"\n", 2),
    ("[stream]\nname = \"a\"\n", 1),
    ("stream = [1]\n", 1),
    ("stream = \"main\"\n", 1),
    ("rtmp = 1\n", 1),
    ("\u{1f600}\n", 1),
    ("[[stream]]\nname = \"a b\"\nkey = \"0123456789abc\"\n", 2),
    ("[[stream]]\nname = \"\"\nkey = \"0123456789abc\"\n", 2),
    ("[[stream]]\nname = \"../x\"\nkey = \"0123456789abc\"\n", 2),
    ("[[stream]]\nname = \"a~720p\"\nkey = \"0123456789abc\"\n", 2),
    ("[[stream]]\nname = \"a\"\n", 1),
    ("[[stream]]\nkey = \"0123456789abc\"\n", 1),
    ("[[stream]]\nname = \"a\"\nkey = \"\"\n", 3),
    ("[[stream]]\nname = \"a\"\nkey = \"with blank\"\n", 3),
    ("[[stream]]\nname = \"a\"\nkey = \"what?x=1\"\n", 3),
    ("[[stream]]\nname = \"a\"\nkey = \"k\"\ntakeover = \"never\"\n", 4),
    ("[[stream]]\nname = \"a\"\nkey = \"k\"\nreconnect_window = \"2 days\"\n", 4),
    ("[[stream]]\nname = \"a\"\nkey = \"k\"\nkey = \"l\"\n", 4),
    ("[[stream]]\nname = \"a\"\nkey = \"0123456789abc\"\nuser = \"u\"\n", 1),
    ("[[stream]]\nname = \"a\"\nkey = \"0123456789abc\"\npassword = \"p\"\n", 1),
    ("[[stream]]\nname = \"a\"\nkey = \"0123456789abc\"\nuser = \"a b\"\npassword = \"p\"\n", 4),
    ("[[stream]]\nname = \"a\"\nkey = \"0123456789abc\"\nuser = \"u\"\npassword = \"\"\n", 5),
    ("[rtmp]\nauth = \"basic\"\n", 2),
    ("[rtmp]\nreconnect_url = \"http://a/b\"\n", 2),
    ("[rtmp]\nreconnect_url = \"rtmp://u:p@a/b\"\n", 2),
    (
        "[rtmp]\nuser = \"u\"\npassword = \"p\"\n[[stream]]\nname = \"a\"\nkey = \"0123456789abc\"\nuser = \"u\"\n\
         password = \"q\"\n",
        7,
    ),
    (
        "[[stream]]\nname = \"a\"\nkey = \"0123456789abc\"\n[[stream.destination]]\nname = \"d\"\n\
         url = \"rtmp://a.example/live/k\"\nannounce = \"some\"\n",
        7,
    ),
    ("[[stream.destination]]\nname = \"a\"\n", 1),
];

#[test]
fn g2_damaged_files_are_refused_with_the_line() {
    let mut all = generated();
    for (text, line) in BY_HAND {
        all.push(Damaged { how: (*text).to_owned(), text: (*text).to_owned(), line: *line });
    }
    for (url, _) in [
        ("http://a.example/live", 0),
        ("rtmp://a.example", 0),
        ("rtmp://u@a.example/live", 0),
        ("rtmp://u:p@b@a.example/live", 0),
        ("rtmp://a.example?x", 0),
        ("rtmp://a.example/live/KEY", 0),
        ("rtmp:///live", 0),
        ("", 0),
    ] {
        let text = format!(
            "[[stream]]\nname = \"a\"\nkey = \"k\"\n[[stream.destination]]\nname = \"d\"\n\
             key = \"KEY\"\nurl = \"{url}\"\n"
        );
        all.push(Damaged { how: text.clone(), text, line: 7 });
    }
    assert!(all.len() >= 300, "{}", all.len());
    let failed: Vec<_> = all.iter().filter_map(Damaged::survives).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), all.len(), failed.join("\n"));
}

#[test]
fn g2_bytes_that_are_no_text_are_refused_with_the_line() {
    let mut bytes = FULL.as_bytes().to_vec();
    let at = FULL.find("16MiB").unwrap();
    bytes[at] = 0xff;
    let refused = crate::config::read(std::path::Path::new("x.toml"), &bytes, []).unwrap_err();
    assert_eq!(refused.faults[0].line(), Some(11), "{refused}");
}
