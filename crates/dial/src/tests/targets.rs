//! K4: what a URL leads to, or why it is refused; against std's parser, the browsers' parser and
//! the reading of `inet_aton`.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{Host, Scheme, Target, TargetError as E};

/// URL, scheme, host as shown, port.
const TAKEN: &[(&str, Scheme, &str, u16)] = &[
    ("rtmp://live.example/app", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://live.example", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://live.example/", Scheme::Rtmp, "live.example", 1935),
    ("rtmps://live.example/app", Scheme::Rtmps, "live.example", 443),
    ("rtmps://a.rtmps.youtube.com:443/live2", Scheme::Rtmps, "a.rtmps.youtube.com", 443),
    ("rtmps://b.rtmps.youtube.com:443/live2?backup=1", Scheme::Rtmps, "b.rtmps.youtube.com", 443),
    ("rtmp://live.example:1936/app/key?a=b&c=d", Scheme::Rtmp, "live.example", 1936),
    ("RTMP://LIVE.Example/App", Scheme::Rtmp, "live.example", 1935),
    ("RtMpS://live.example/app", Scheme::Rtmps, "live.example", 443),
    ("http://hook.example/x", Scheme::Http, "hook.example", 80),
    ("https://hook.example:8443/x", Scheme::Https, "hook.example", 8443),
    ("rtmp://live.example./app", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://live_1.example/app", Scheme::Rtmp, "live_1.example", 1935),
    ("rtmp://mediabox/app", Scheme::Rtmp, "mediabox", 1935),
    ("rtmp://localhost/app", Scheme::Rtmp, "localhost", 1935),
    ("rtmp://3d.example/app", Scheme::Rtmp, "3d.example", 1935),
    ("rtmp://1.2.3.4.example/app", Scheme::Rtmp, "1.2.3.4.example", 1935),
    ("rtmp://a--b.example/app", Scheme::Rtmp, "a--b.example", 1935),
    ("rtmp://bücher.example/app", Scheme::Rtmp, "xn--bcher-kva.example", 1935),
    ("rtmp://BÜCHER.example/app", Scheme::Rtmp, "xn--bcher-kva.example", 1935),
    ("rtmp://xn--bcher-kva.example/app", Scheme::Rtmp, "xn--bcher-kva.example", 1935),
    ("rtmp://例え.テスト/app", Scheme::Rtmp, "xn--r8jz45g.xn--zckzah", 1935),
    ("rtmp://ｌｉｖｅ.example/app", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://live。example/app", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://192.0.2.1/app", Scheme::Rtmp, "192.0.2.1", 1935),
    ("rtmp://127.0.0.1:1936/app", Scheme::Rtmp, "127.0.0.1", 1936),
    ("rtmp://255.255.255.255/app", Scheme::Rtmp, "255.255.255.255", 1935),
    ("rtmp://0.0.0.0/app", Scheme::Rtmp, "0.0.0.0", 1935),
    ("rtmp://[::1]/app", Scheme::Rtmp, "::1", 1935),
    ("rtmp://[::1]:1936/app", Scheme::Rtmp, "::1", 1936),
    ("rtmp://[2001:DB8::1]/app", Scheme::Rtmp, "2001:db8::1", 1935),
    ("rtmp://[2001:db8:0:0:0:0:0:1]/app", Scheme::Rtmp, "2001:db8::1", 1935),
    ("rtmp://[::ffff:127.0.0.1]/app", Scheme::Rtmp, "127.0.0.1", 1935),
    ("rtmp://[::ffff:7f00:1]/app", Scheme::Rtmp, "127.0.0.1", 1935),
    ("rtmp://[64:ff9b::127.0.0.1]/app", Scheme::Rtmp, "64:ff9b::7f00:1", 1935),
    ("rtmp://live.example:65535/app", Scheme::Rtmp, "live.example", 65_535),
    ("rtmp://live.example:00080/app", Scheme::Rtmp, "live.example", 80),
    // What follows the authority is not this module's matter, whatever it looks like.
    ("rtmp://live.example/app/user@evil.example", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://live.example/http://evil.example", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://live.example/../../x", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://live.example?x=@evil.example", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://live.example#@evil.example", Scheme::Rtmp, "live.example", 1935),
    ("rtmp://live.example/app%0d%0aX", Scheme::Rtmp, "live.example", 1935),
];

fn odd(plain: [u8; 4]) -> E {
    E::OddAddress { plain: IpAddr::from(plain) }
}

fn scheme(text: &str) -> E {
    E::Scheme { scheme: text.to_owned() }
}

/// URL and why it is refused.
type Refused = Vec<(&'static str, E)>;

fn refused() -> Refused {
    [spellings_of_ipv4(), disguises(), schemes(), hosts(), addresses_and_ports()].concat()
}

fn spellings_of_ipv4() -> Refused {
    let home = [127, 0, 0, 1];
    let cloud = [169, 254, 169, 254];
    vec![
        ("rtmp://2130706433/app", odd(home)),
        ("rtmp://0x7f000001/app", odd(home)),
        ("rtmp://0X7F000001/app", odd(home)),
        ("rtmp://017700000001/app", odd(home)),
        ("rtmp://0177.0.0.1/app", odd(home)),
        ("rtmp://0x7f.0.0.1/app", odd(home)),
        ("rtmp://0x7f.1/app", odd(home)),
        ("rtmp://127.1/app", odd(home)),
        ("rtmp://127.0.1/app", odd(home)),
        ("rtmp://127.0.0.1./app", odd(home)),
        ("rtmp://127.0.0.01/app", odd(home)),
        ("rtmp://127.0.0.0x1/app", odd(home)),
        ("rtmp://00000177.0.0.1/app", odd(home)),
        ("rtmp://0/app", odd([0; 4])),
        ("rtmp://0x/app", odd([0; 4])),
        ("rtmp://0.0/app", odd([0; 4])),
        ("rtmp://2852039166/app", odd(cloud)),
        ("rtmp://0xa9fea9fe/app", odd(cloud)),
        ("rtmp://0251.0376.0251.0376/app", odd(cloud)),
        ("rtmp://169.254.43518/app", odd(cloud)),
        ("rtmp://169.16689662/app", odd(cloud)),
        ("rtmp://010.0.0.1/app", odd([8, 0, 0, 1])),
        ("rtmp://１２７.０.０.１/app", odd(home)),
        ("rtmp://①②⑦.⓪.⓪.①/app", odd(home)),
        ("rtmp://127。0。0。1/app", odd(home)),
        ("rtmp://127．0．0．1/app", odd(home)),
        ("rtmp://0x7f。1/app", odd(home)),
        ("rtmp://４２９４９６７２９５/app", odd([255; 4])),
        ("rtmp://256.0.0.1/app", E::BadHost),
        ("rtmp://4294967296/app", E::BadHost),
        ("rtmp://1.2.3.4.5/app", E::BadHost),
        ("rtmp://1.2.3/app", odd([1, 2, 0, 3])),
        ("rtmp://live.0x1/app", E::BadHost),
        ("rtmp://live.example.1/app", E::BadHost),
        ("rtmp://09.0.0.1/app", E::BadHost),
        ("rtmp://127.0.0.1.0x/app", E::BadHost),
    ]
}

fn disguises() -> Refused {
    vec![
        // User names.
        ("rtmp://user@live.example/app", E::UserInfo),
        ("rtmp://user:pass@live.example/app", E::UserInfo),
        ("rtmp://live.example@127.0.0.1/app", E::UserInfo),
        ("rtmp://live.example:1935@127.0.0.1/app", E::UserInfo),
        ("rtmp://@127.0.0.1/app", E::UserInfo),
        ("rtmp://live.example%40127.0.0.1/app", E::BadHost),
        ("rtmp://live.example＠127.0.0.1/app", E::BadHost),
        ("rtmp://live.example\\@127.0.0.1/app", E::UserInfo),
        ("rtmp://a@b@c/app", E::UserInfo),
        // Invisible characters.
        ("rtmp://live.example/app\r\nHost: x", E::Invisible),
        ("rtmp://live.example\r\n/app", E::Invisible),
        ("rtmp://live.exa\nmple/app", E::Invisible),
        ("rtmp://127.0\t.0.1/app", E::Invisible),
        ("rt\nmp://live.example/app", E::Invisible),
        ("rtmp:/\t/live.example/app", E::Invisible),
        ("rtmp://live.example/app\0", E::Invisible),
        ("rtmp://live.example/\u{7f}", E::Invisible),
        ("rtmp://live.example/\u{85}app", E::Invisible),
        ("rtmp://live.example/\u{2028}app", E::Invisible),
        ("rtmp://live\u{ad}.example/app", E::Invisible),
        ("rtmp://live\u{200b}.example/app", E::Invisible),
        ("rtmp://live.example\u{202e}/app", E::Invisible),
        ("rtmp://127.0.0.1\u{feff}/app", E::Invisible),
        ("rtmp://live.example\u{a0}/app", E::Invisible),
        (" rtmp://live.example/app", E::Invisible),
        ("rtmp://live.example/app ", E::Invisible),
        ("rtmp://live example/app", E::Invisible),
        ("rtmp://live.example/app live=1", E::Invisible),
        ("\u{feff}rtmp://live.example/app", E::Invisible),
    ]
}

fn schemes() -> Refused {
    vec![
        ("file:///etc/passwd", scheme("file")),
        ("gopher://127.0.0.1:25/_x", scheme("gopher")),
        ("dict://127.0.0.1:11211/stat", scheme("dict")),
        ("ftp://live.example/x", scheme("ftp")),
        ("ldap://live.example/x", scheme("ldap")),
        ("ssh://live.example", scheme("ssh")),
        ("tcp://127.0.0.1:22", scheme("tcp")),
        ("udp://239.0.0.1:1234", scheme("udp")),
        ("srt://live.example:9000", scheme("srt")),
        ("rtsp://live.example/x", scheme("rtsp")),
        ("rtmpe://live.example/app", scheme("rtmpe")),
        ("rtmpt://live.example/app", scheme("rtmpt")),
        ("pipe://x", scheme("pipe")),
        ("concat://a|b", scheme("concat")),
        ("unix:///run/x.sock", scheme("unix")),
        ("javascript://live.example/%0aalert(1)", scheme("javascript")),
        ("data:text/plain,rtmp://live.example", E::NoScheme),
        ("javascript:alert(1)", E::NoScheme),
        ("file:/etc/passwd", E::NoScheme),
        ("/etc/passwd", E::NoScheme),
        ("//live.example/app", E::NoScheme),
        ("://live.example/app", E::NoScheme),
        ("live.example/app", E::NoScheme),
        ("live.example:1935/app", E::NoScheme),
        ("rtmp:live.example/app", E::NoScheme),
        ("rtmp:/live.example/app", E::NoScheme),
        ("rtmp:\\\\live.example\\app", E::NoScheme),
        ("rtmp+x://live.example/app", E::NoScheme),
        ("ｒｔｍｐ://live.example/app", E::NoScheme),
        ("rtmp%3a//live.example/app", E::NoScheme),
        ("url:rtmp://live.example/app", E::NoScheme),
        ("", E::NoScheme),
    ]
}

fn hosts() -> Refused {
    vec![
        ("rtmp://", E::NoHost),
        ("rtmp:///app", E::NoHost),
        ("rtmp://:1935/app", E::NoHost),
        ("rtmp://?x", E::NoHost),
        ("rtmp://./app", E::NoHost),
        ("rtmp://../app", E::BadHost),
        ("rtmp://.live.example/app", E::BadHost),
        ("rtmp://live..example/app", E::BadHost),
        ("rtmp://live.example../app", E::BadHost),
        ("rtmp://-live.example/app", E::BadHost),
        ("rtmp://live-.example/app", E::BadHost),
        ("rtmp://live\\.example/app", E::BadHost),
        ("rtmp://127.0.0.1\\live.example/app", E::BadHost),
        ("rtmp://%6cive.example/app", E::BadHost),
        ("rtmp://%31%32%37.0.0.1/app", E::BadHost),
        ("rtmp://live.example%00.evil/app", E::BadHost),
        ("rtmp://live.example%2f@x/app", E::UserInfo),
        ("rtmp://live$(id).example/app", E::BadHost),
        ("rtmp://live;x.example/app", E::BadHost),
        ("rtmp://'live'.example/app", E::BadHost),
        ("rtmp://live|x/app", E::BadHost),
        ("rtmp://{live}.example/app", E::BadHost),
        ("rtmp://live*.example/app", E::BadHost),
        ("rtmp://live~.example/app", E::BadHost),
        ("rtmp://live.example&x/app", E::BadHost),
        ("rtmp://a=b.example/app", E::BadHost),
        ("rtmp://xn--a.example/app", E::BadHost),
        ("rtmp://127.0.0.1,live.example/app", E::BadHost),
        ("rtmp://live.example:1935:1935/app", E::BadPort),
    ]
}

fn addresses_and_ports() -> Refused {
    vec![
        // IPv6.
        ("rtmp://::1/app", E::BadPort),
        ("rtmp://2001:db8::1/app", E::BadPort),
        ("rtmp://[::1/app", E::BadHost),
        ("rtmp://::1]/app", E::BadPort),
        ("rtmp://[]/app", E::BadHost),
        ("rtmp://[::1]x/app", E::BadHost),
        ("rtmp://[::1].live.example/app", E::BadHost),
        ("rtmp://[::1%eth0]/app", E::BadHost),
        ("rtmp://[fe80::1%25eth0]/app", E::BadHost),
        ("rtmp://[127.0.0.1]/app", E::BadHost),
        ("rtmp://[::ffff:0x7f.1]/app", E::BadHost),
        ("rtmp://[::ffff:127.1]/app", E::BadHost),
        ("rtmp://[1:2:3:4:5:6:7:8:9]/app", E::BadHost),
        ("rtmp://[v1.x]/app", E::BadHost),
        ("rtmp://[[::1]]/app", E::BadHost),
        // Ports.
        ("rtmp://live.example:/app", E::BadPort),
        ("rtmp://live.example:0/app", E::BadPort),
        ("rtmp://live.example:65536/app", E::BadPort),
        ("rtmp://live.example:+80/app", E::BadPort),
        ("rtmp://live.example:-1/app", E::BadPort),
        ("rtmp://live.example:0x50/app", E::BadPort),
        ("rtmp://live.example:８０/app", E::BadPort),
        ("rtmp://live.example:80a/app", E::BadPort),
        ("rtmp://live.example:000080/app", E::BadPort),
        ("rtmp://live.example:1935\\x/app", E::BadPort),
    ]
}

#[test]
fn k4_urls_lead_where_every_reader_says_or_nowhere() {
    let tricks: HashSet<_> = refused().into_iter().map(|(url, _)| url).collect();
    assert!(tricks.len() >= 120, "{} tricks", tricks.len());
    for &(url, scheme, host, port) in TAKEN {
        let target = Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!((target.scheme, target.port), (scheme, port), "{url}");
        assert_eq!(target.host.to_string(), host, "{url}");
    }
    for (url, error) in refused() {
        assert_eq!(Target::parse(url), Err(error), "{url:?}");
    }
}

/// Whatever is taken, the browsers' parser and std's read the same out of it.
#[test]
fn k4_other_parsers_agree_with_what_is_taken() {
    for &(url, scheme, ..) in TAKEN {
        let target = Target::parse(url).unwrap();
        let (_, rest) = url.split_once("://").unwrap();
        let web = url::Url::parse(&format!("http://{rest}")).unwrap();
        let host = match web.host().unwrap() {
            url::Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
            url::Host::Ipv4(v4) => Host::Ip(v4.into()),
            url::Host::Ipv6(v6) => Host::Ip(IpAddr::from(v6).to_canonical()),
        };
        assert_eq!(target.host, host, "{url}");
        assert_eq!(
            target.port,
            web.port().unwrap_or(if web_default(url) { 80 } else { scheme.default_port() })
        );
        let authority = rest.split(['/', '?', '#']).next().unwrap();
        if let Ok(address) = authority.parse::<SocketAddr>() {
            assert_eq!(target.host, Host::Ip(address.ip().to_canonical()), "{url}");
            assert_eq!(target.port, address.port(), "{url}");
        }
    }
}

/// Port 80 written out, which the web parser drops as the default of its scheme.
fn web_default(url: &str) -> bool {
    url.contains(":00080/")
}

/// The reading of `inet_aton`: one to four numbers, decimal, octal or hexadecimal, the last one
/// filling what is left.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = text
        .split('.')
        .map(|part| match part {
            _ if part.starts_with("0x") => u64::from_str_radix(&part[2..], 16).ok(),
            _ if part.len() > 1 && part.starts_with('0') => u64::from_str_radix(part, 8).ok(),
            _ => part.parse().ok(),
        })
        .collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    if leading.len() > 3 || leading.iter().any(|&part| part > 255) {
        return None;
    }
    let room = 8 * (4 - leading.len() as u32);
    if *last >= 1 << room {
        return None;
    }
    let high = leading.iter().fold(0, |all, part| all << 8 | part);
    u32::try_from(high << room | last).ok().map(Ipv4Addr::from_bits)
}

/// Every spelling of an IPv4 address that some program understands is either the one plain form,
/// or refused with the address that it means; none passes for a name.
#[test]
fn k4_all_spellings_of_ipv4_are_plain_or_refused() {
    let mut seed = 1_u32;
    let mut checked = 0;
    for _ in 0..500 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let address = Ipv4Addr::from_bits(seed);
        for text in spellings(address) {
            assert_eq!(inet_aton(&text), Some(address), "{text}");
            let parsed = Target::parse(&format!("rtmp://{text}/app")).map(|target| target.host);
            if text.parse() == Ok(address) {
                assert_eq!(parsed, Ok(Host::Ip(address.into())), "{text}");
            } else {
                assert_eq!(parsed, Err(E::OddAddress { plain: address.into() }), "{text}");
            }
            checked += 1;
        }
    }
    assert!(checked > 30_000, "{checked}");
}

fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets().map(u32::from);
    let forms = |n: u32| [format!("{n}"), format!("0{n:o}"), format!("0x{n:x}")];
    let mut out = Vec::new();
    let groups: [Vec<u32>; 4] = [
        vec![address.to_bits()],
        vec![a, b << 16 | c << 8 | d],
        vec![a, b, c << 8 | d],
        vec![a, b, c, d],
    ];
    for group in groups {
        let mut texts = vec![String::new()];
        for (index, part) in group.iter().enumerate() {
            let dot = if index > 0 { "." } else { "" };
            texts = texts
                .iter()
                .flat_map(|text| forms(*part).map(|form| format!("{text}{dot}{form}")))
                .collect();
        }
        out.extend(texts);
    }
    out
}

/// An error may end up in a log or on a screen; a URL holds a stream key.
#[test]
fn errors_never_quote_the_url() {
    for (url, error) in refused() {
        let secret = url.replace("/app", "/app/s3cr3t-key");
        let told = Target::parse(&secret).map_or_else(|error| error.to_string(), |_| String::new());
        assert!(!told.contains("s3cr3t"), "{told}");
        assert!(!error.to_string().is_empty());
    }
    let long = format!("rtmp://live.example/{}", "x".repeat(5_000));
    assert_eq!(Target::parse(&long), Err(E::TooLong));
    let label = format!("rtmp://{}.example/app", "x".repeat(64));
    assert_eq!(Target::parse(&label), Err(E::BadHost));
    let name = format!("rtmp://{}example/app", "abcdefg.".repeat(31));
    assert_eq!(Target::parse(&name), Err(E::BadHost));
}
