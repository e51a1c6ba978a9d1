//! K1, K2 and K4: which addresses are read how, and where they may lead.

use super::*;
use crate::endpoint::EndpointError;
use crate::testing::{Names, client};
use std::net::IpAddr;

#[tokio::test]
async fn k1_inside_addresses_are_not_dialled() {
    let inside = Receiving::new(|_| Reply::status(200)).await;
    let client = client_for(&[]);
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "127.9.8.7"] {
        let url = format!("http://{host}:{}/x?token=secret", inside.address.port());
        let endpoint = Endpoint::parse(&url).unwrap();
        let error = client.post(post(&endpoint, 10), SOON).await.unwrap_err();
        assert!(matches!(&error, ExchangeError::Dial(DialError::Gate { .. })), "{url}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert_eq!(inside.connections(), 0);
}

/// Two addresses of loopback stand for outside and inside: only the first is allowed. The name
/// leads to the one and, asked again, to the other.
#[tokio::test]
async fn k2_a_name_that_changes_its_mind_reaches_nothing_inside() {
    let outside = Receiving::at("127.0.0.1:0", |_| Reply::status(200)).await;
    let port = outside.address.port();
    let inside = Receiving::at(&format!("127.0.0.2:{port}"), |_| Reply::status(200)).await;
    let (good, bad) = (outside.address.ip(), inside.address.ip());
    let names =
        Names::new(move |earlier| Some(vec![if earlier % 2 == 0 { good } else { bad }])).await;
    let client = client(&[outside.address], names.address);
    let endpoint = Endpoint::parse(&format!("http://rebind.example:{port}/")).unwrap();
    let mut refused = 0;
    for _ in 0..200 {
        match client.post(post(&endpoint, 10), Duration::from_secs(10)).await {
            Ok(answer) => assert_eq!(answer.status, 200),
            Err(ExchangeError::Dial(DialError::Gate { .. })) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((inside.connections(), refused, outside.connections()), (0, 100, 100));
}

#[tokio::test]
async fn k2_a_mixed_answer_is_refused_as_a_whole() {
    let outside = Receiving::at("127.0.0.1:0", |_| Reply::status(200)).await;
    let port = outside.address.port();
    let list: Vec<IpAddr> = vec![outside.address.ip(), "127.0.0.2".parse().unwrap()];
    let names = Names::new(move |_| Some(list.clone())).await;
    let client = client(&[outside.address], names.address);
    let endpoint = Endpoint::parse(&format!("http://mixed.example:{port}/")).unwrap();
    let error = client.post(post(&endpoint, 10), Duration::from_secs(10)).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Dial(DialError::Gate { .. })), "{error}");
    assert_eq!(outside.connections(), 0);
}

/// What becomes of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is no address.
    Refused,
    /// It is read as an inside one, which the gate refuses.
    Inside,
    /// It is read as this host and path.
    Read(&'static str, &'static str),
}

/// K4: at least 120 tricks, each refused, or read in the one way that is then judged.
#[tokio::test]
async fn k4_no_address_is_read_in_two_ways() {
    let client = client_for(&[]);
    let all = |list: &[&'static str], fate| list.iter().map(|url| (*url, fate)).collect::<Vec<_>>();
    let rows: Vec<_> = [
        all(AUTHORITIES, Fate::Refused),
        all(PATHS, Fate::Refused),
        all(INSIDE, Fate::Inside),
        forms(),
    ]
    .concat();
    let refused = rows.iter().filter(|(_, fate)| !matches!(fate, Fate::Read(..))).count();
    assert!(refused >= 120, "{refused} tricks only");
    for (url, fate) in rows {
        let fates = match Endpoint::parse(url) {
            Err(error) => {
                let words = error.to_string();
                assert!(url.len() < 12 || !words.contains(url), "quotes the address: {words}");
                Fate::Refused
            }
            Ok(endpoint) => {
                let target = endpoint.target();
                let judged = match &target.host {
                    manycast_dial::Host::Ip(_) => client.dialer.check(&target.host, target.port),
                    manycast_dial::Host::Domain(_) => Ok(()),
                };
                match (judged, fate) {
                    (Err(_), _) => Fate::Inside,
                    (Ok(()), Fate::Read(host, path)) => {
                        assert_eq!(endpoint.authority().to_str().unwrap(), host, "{url}");
                        assert_eq!(endpoint.path().to_string(), path, "{url}");
                        fate
                    }
                    (Ok(()), _) => panic!("{url:?} is taken as {endpoint}"),
                }
            }
        };
        assert_eq!(fates, fate, "{url:?}");
    }
}

/// Addresses that are what they say.
fn forms() -> Vec<(&'static str, Fate)> {
    vec![
        ("https://hook.example", Fate::Read("hook.example", "/")),
        ("https://hook.example/", Fate::Read("hook.example", "/")),
        ("HTTPS://Hook.Example/In", Fate::Read("hook.example", "/In")),
        ("http://hook.example:80/a", Fate::Read("hook.example", "/a")),
        ("https://hook.example:443/a", Fate::Read("hook.example", "/a")),
        ("https://hook.example:8443/a?b=c&d", Fate::Read("hook.example:8443", "/a?b=c&d")),
        ("https://hook.example?x=1", Fate::Read("hook.example", "/?x=1")),
        ("https://hook.example./a", Fate::Read("hook.example", "/a")),
        ("https://b\u{fc}cher.example/a", Fate::Read("xn--bcher-kva.example", "/a")),
        ("https://93.184.216.34/a", Fate::Read("93.184.216.34", "/a")),
        ("https://[2606:2800:220:1::1]:8443/", Fate::Read("[2606:2800:220:1::1]:8443", "/")),
        ("https://hook.example/a%20b%C3%BC", Fate::Read("hook.example", "/a%20b%C3%BC")),
        ("https://hook.example/../x", Fate::Read("hook.example", "/../x")),
        ("https://hook.example/@evil.example", Fate::Read("hook.example", "/@evil.example")),
        ("https://hook.example//evil.example/", Fate::Read("hook.example", "//evil.example/")),
        ("https://hook.example/?u=http://x", Fate::Read("hook.example", "/?u=http://x")),
    ]
}

const AUTHORITIES: &[&str] = &[
    "https://user@hook.example/",
    "https://user:pass@hook.example/",
    "https://hook.example@127.0.0.1/",
    "https://hook.example:443@127.0.0.1/",
    "https://@127.0.0.1/",
    "https://hook.example%40127.0.0.1/",
    "https://hook.example\u{ff20}127.0.0.1/",
    "https://hook.example\\@127.0.0.1/",
    "https://a@b@c/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0X7F000001/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1./",
    "https://127.0.0.01/",
    "https://127.0.0.0x1/",
    "https://0/",
    "https://0x/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://169.16689662/",
    "https://010.0.0.1/",
    "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
    "https://\u{2460}\u{2461}\u{2466}.\u{24ea}.\u{24ea}.\u{2460}/",
    "https://127\u{3002}0\u{3002}0\u{3002}1/",
    "https://127\u{ff0e}0\u{ff0e}0\u{ff0e}1/",
    "https://256.0.0.1/",
    "https://4294967296/",
    "https://1.2.3.4.5/",
    "https://hook.example.1/",
    "https://hook.0x1/",
    "https:///in",
    "https://",
    "https://:443/",
    "https://?x",
    "https://./",
    "https://../",
    "https://.hook.example/",
    "https://hook..example/",
    "https://-hook.example/",
    "https://hook-.example/",
    "https://hook\\.example/",
    "https://127.0.0.1\\hook.example/",
    "https://%68ook.example/",
    "https://%31%32%37.0.0.1/",
    "https://hook.example%00.evil/",
    "https://hook$(id).example/",
    "https://hook;x.example/",
    "https://'hook'.example/",
    "https://hook|x/",
    "https://{hook}.example/",
    "https://hook*.example/",
    "https://hook.example&x/",
    "https://a=b.example/",
    "https://xn--a.example/",
    "https://127.0.0.1,hook.example/",
    "https://hook.example:0/",
    "https://hook.example:65536/",
    "https://hook.example:-1/",
    "https://hook.example:+80/",
    "https://hook.example:8 0/",
    "https://hook.example:80a/",
    "https://hook.example:\u{ff18}\u{ff10}/",
    "https://hook.example:443:443/",
    "https://hook.example:0x50/",
    "https://[::1/",
    "https://::1/",
    "https://[::1]x/",
    "https://[::1%25lo]/",
    "https://[::1%lo]/",
    "https://[127.0.0.1]/",
    "https://[]/",
    "https://[::g]/",
    "https://[1:2:3:4:5:6:7:8:9]/",
    "https://]/",
];

const PATHS: &[&str] = &[
    "https://hook.example/in\r\nX-Evil: 1",
    "https://hook.example/in\nX",
    "https://hook.example/in\rX",
    "https://hook.example\r\n/",
    "https://hook.exa\nmple/",
    "https://127.0\t.0.1/",
    "ht\ntps://hook.example/",
    "https:/\t/hook.example/",
    "https://hook.example/\0",
    "https://hook.example/\u{7f}",
    "https://hook.example/\u{85}",
    "https://hook.example/\u{2028}",
    "https://hook\u{ad}.example/",
    "https://hook\u{200b}.example/",
    "https://hook.example\u{202e}/",
    "https://127.0.0.1\u{feff}/",
    "https://hook.example\u{a0}/",
    " https://hook.example/",
    "https://hook.example/ ",
    "https://hook example/",
    "https://hook.example/a b",
    "\u{feff}https://hook.example/",
    "https://hook.example/#x",
    "https://hook.example#@evil.example",
    "https://hook.example/in?x#y",
    "https://hook.example/\\evil",
    "https://hook.example/<x>",
    "https://hook.example/\"x",
    "https://hook.example/`x",
    "https://hook.example/{x}",
    "https://hook.example/a|b",
    "https://hook.example/a^b",
    "https://hook.example/b\u{fc}cher",
    "https://hook.example/%",
    "https://hook.example/%0",
    "https://hook.example/%0g",
    "https://hook.example/?x=%zz",
    "https://hook.example/?b=\u{fc}",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "gopher://127.0.0.1:25/_x",
    "dict://127.0.0.1:11211/stat",
    "ftp://hook.example/x",
    "ldap://hook.example/x",
    "tcp://127.0.0.1:22",
    "unix:///run/docker.sock",
    "http+unix://%2Frun%2Fx/",
    "ws://hook.example/",
    "wss://hook.example/",
    "rtmp://hook.example/app",
    "rtmps://hook.example/app",
    "srt://hook.example:9000",
    "javascript:alert(1)",
    "javascript://hook.example/%0aalert(1)",
    "data:text/plain,https://hook.example",
    "/in",
    "//hook.example/in",
    "://hook.example/in",
    "hook.example/in",
    "hook.example:443/in",
    "https:hook.example/in",
    "https:/hook.example/in",
    "https:\\\\hook.example\\in",
    "https%3a//hook.example/in",
    "url:https://hook.example/in",
    "\u{ff48}ttps://hook.example/",
    "httpss://hook.example/",
    "http s://hook.example/",
    "",
];

/// Read in one way, and refused by the gate.
const INSIDE: &[&str] = &[
    "http://127.0.0.1/",
    "http://127.255.255.254:9/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[::127.0.0.1]/",
];

#[test]
fn an_address_shows_nothing_behind_the_port() {
    let endpoint = Endpoint::parse("https://hook.example:8443/t0ken?k=s3cret").unwrap();
    assert_eq!(endpoint.to_string(), "https://hook.example:8443");
    assert_eq!(format!("{endpoint:?}"), "Endpoint(https://hook.example:8443)");
    assert_eq!(endpoint.url(), "https://hook.example:8443/t0ken?k=s3cret");
    let long = format!("https://hook.example/{}", "x".repeat(2_048));
    assert_eq!(Endpoint::parse(&long), Err(EndpointError::TooLong));
}
