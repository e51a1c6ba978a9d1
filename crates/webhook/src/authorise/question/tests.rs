//! Both forms of questions and answers.

use super::*;
use manycast_hub::{Action, ClientFacts, Secret};

fn caller(name: &str, query: &str) -> Caller {
    let request = AccessRequest {
        action: Action::Publish,
        protocol: "rtmp",
        app: "live".to_owned(),
        name: Secret::new(name),
        keys: Vec::new(),
        query: Secret::new(query),
        user: None,
        login: None,
        peer: "[::ffff:192.0.2.7]:50123".parse().unwrap(),
        secure: false,
        client: ClientFacts {
            tc_url: Secret::new("rtmp://a.example/live?x=1"),
            software: "FMLE/3.0 (compatible; OBS)".to_owned(),
        },
    };
    Caller { client_id: 42, request }
}

#[test]
fn a_form_in_the_words_of_nginx_rtmp() {
    let text = form(Call::Publish, &caller("sk_1?token=a%20b", "token=a%20b&user=me"));
    assert_eq!(
        text,
        "app=live&flashver=FMLE%2F3.0+%28compatible%3B+OBS%29&swfurl=\
         &tcurl=rtmp%3A%2F%2Fa.example%2Flive%3Fx%3D1&pageurl=&addr=192.0.2.7&clientid=42\
         &call=publish&name=sk_1&type=live&token=a+b&user=me"
    );
    for (call, word) in [
        (Call::Play, "play"),
        (Call::PublishDone, "publish_done"),
        (Call::PlayDone, "play_done"),
        (Call::Done, "done"),
    ] {
        let text = form(call, &caller("main", ""));
        assert!(text.ends_with(&format!("&call={word}&name=main")), "{text}");
    }
}

#[test]
fn arguments_of_a_client_do_not_pass_for_ours() {
    let tricks = "call=play&addr=127.0.0.1&name=admin&NAME=x&addr[]=1&name%5Ba%5D=2&+name=3&addr.x=4\
                  &clientid=1&app=x&tcurl=x&name%00=5&type=vod&names=kept&token=kept";
    let text = form(Call::Publish, &caller("sk_1", tricks));
    let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let of = |name: &str| {
        let same = |key: &str| {
            key.trim_start().to_lowercase().split(['[', '.', ' ', '\0']).next() == Some(name)
        };
        pairs
            .iter()
            .filter(|(key, _)| same(key))
            .map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
    };
    for (name, value) in [
        ("call", "publish"),
        ("addr", "192.0.2.7"),
        ("name", "sk_1"),
        ("clientid", "42"),
        ("type", "live"),
    ] {
        assert_eq!(of(name), [value], "{name}");
    }
    assert_eq!((of("names"), of("token")), (vec!["kept"], vec!["kept"]));
    // an ampersand or a line break in a name stays in the name
    let text = form(Call::Publish, &caller("sk&call=play\r\nX: 1", ""));
    assert!(text.contains("&name=sk%26call%3Dplay%0D%0AX%3A+1&"), "{text}");
}

#[test]
fn json_in_the_words_of_srs() {
    let text = json(Call::Publish, &caller("sk_1", "token=a"));
    assert_eq!(
        text,
        r#"{"action":"on_publish","client_id":"42","ip":"192.0.2.7","vhost":"__defaultVhost__","app":"live","tcUrl":"rtmp://a.example/live?x=1","stream":"sk_1","param":"?token=a","stream_url":"/live/sk_1","pageUrl":""}"#
    );
    for (call, action) in
        [(Call::Play, "on_play"), (Call::PublishDone, "on_unpublish"), (Call::PlayDone, "on_stop")]
    {
        let text = json(call, &caller("main", ""));
        assert!(text.contains(&format!("\"action\":\"{action}\"")), "{text}");
        assert!(text.contains("\"param\":\"\""), "{text}");
    }
    let text = json(Call::Play, &caller("a\"b\\c", ""));
    assert!(text.contains(r#""stream":"a\"b\\c""#), "{text}");
}

fn answer(status: u16, location: Option<&str>, body: &str) -> Answer {
    let (location, body) = (location.map(str::to_owned), body.as_bytes().to_vec());
    Answer { status, location, retry_after: None, body, complete: true }
}

/// `yes`, `as:NAME`, `no`, `silent`.
fn word(ruling: Ruling) -> String {
    match ruling {
        Ruling::Yes => "yes".to_owned(),
        Ruling::As(name) => format!("as:{name}"),
        Ruling::No(_) => "no".to_owned(),
        Ruling::Silent(_) => "silent".to_owned(),
    }
}

#[test]
fn answers_in_the_words_of_nginx_rtmp() {
    for (status, location, want) in [
        (200, None, "yes"),
        (201, None, "yes"),
        (204, None, "yes"),
        (200, Some("other"), "yes"),
        (302, Some("other"), "as:other"),
        (301, Some(" other "), "as:other"),
        (302, None, "no"),
        (302, Some(""), "no"),
        (302, Some("main~720p"), "no"),
        (302, Some("a/b"), "no"),
        (302, Some("rtmp://127.0.0.1/live/x"), "no"),
        (302, Some("https://a.example/x"), "no"),
        (302, Some(&"x".repeat(65)), "no"),
        (400, None, "no"),
        (401, None, "no"),
        (403, None, "no"),
        (404, None, "no"),
        (429, None, "no"),
        (500, None, "no"),
        (501, None, "no"),
        (502, None, "silent"),
        (503, None, "silent"),
        (504, None, "silent"),
    ] {
        let ruling = read(Style::NginxRtmp, &answer(status, location, "0"));
        assert_eq!(word(ruling), want, "{status} {location:?}");
    }
}

#[test]
fn answers_in_the_words_of_srs() {
    for (status, body, want) in [
        (200, "0", "yes"),
        (200, " 0\r\n", "yes"),
        (200, r#"{"code":0}"#, "yes"),
        (200, r#"{ "code": 0, "msg": "OK", "data": null }"#, "yes"),
        (200, "", "no"),
        (200, "1", "no"),
        (200, "-1", "no"),
        (200, "00x", "no"),
        (200, "ok", "no"),
        (200, "true", "no"),
        (200, "null", "no"),
        (200, "[0]", "no"),
        (200, r#"{"code":1}"#, "no"),
        (200, r#"{"code":"0"}"#, "no"),
        (200, r#"{"code":0"#, "no"),
        (200, r#"{"msg":"OK"}"#, "no"),
        (200, r#"{"code":0,"code":1}"#, "no"),
        (201, "0", "no"),
        (302, "0", "no"),
        (403, "0", "no"),
        (500, "0", "no"),
        (503, "0", "silent"),
    ] {
        let ruling = read(Style::Srs, &answer(status, None, body));
        assert_eq!(word(ruling), want, "{status} {body:?}");
    }
    let cut = Answer { complete: false, ..answer(200, None, "0") };
    assert_eq!(word(read(Style::Srs, &cut)), "silent");
}
