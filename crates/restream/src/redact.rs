//! Keeps keys out of what is shown: addresses without their secret parts, and foreign words
//! without our key in them.

use manycast_hub::Target;

/// Longest text of a foreign hand that is kept.
const MAX_WORDS: usize = 300;
/// Shorter parts of a key are no secret, and would blot out ordinary words.
const MIN_SECRET: usize = 4;
/// What begins with so many characters of a key is taken for it.
const MIN_START: usize = 8;
const BLOT: &str = "***";

/// The address without user, password and query.
#[must_use]
pub fn address(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = host.rsplit('@').next().unwrap_or_default();
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    clean(&format!("{scheme}{host}{path}"))
}

/// The host and port, by which places are told apart.
pub(crate) fn place(url: &str) -> &str {
    let host = host_part(url);
    host.rsplit_once('@').map_or(host, |(_, host)| host)
}

/// What the far end or a Link said, without any secret of `target`, on one line and not too long.
#[must_use]
pub fn words(text: &str, target: &Target) -> String {
    // What is hidden is shorter or longer than it was; there is enough left to fill the line.
    let text: Vec<char> = text.chars().take(4 * MAX_WORDS).collect();
    let secrets: Vec<Vec<char>> =
        secrets(target).iter().map(|secret| secret.chars().collect()).collect();
    let mut kept = String::new();
    let mut rest = &text[..];
    while let Some((first, others)) = rest.split_first() {
        let hidden = secrets.iter().map(|secret| hidden(rest, secret)).max().unwrap_or(0);
        if hidden > 0 {
            kept.push_str(BLOT);
            rest = &rest[hidden..];
        } else {
            kept.push(*first);
            rest = others;
        }
    }
    clean(&kept)
}

/// How much of the text's beginning is this secret, in whatever case, or begins as it does: far ends
/// cut what is too long.
fn hidden(text: &[char], secret: &[char]) -> usize {
    let same = text.iter().zip(secret).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    if same == secret.len() || same >= MIN_START { same } else { 0 }
}

/// Each in the spellings that a far end may show.
fn secrets(target: &Target) -> Vec<String> {
    let key = target.key.expose();
    let url = target.url.as_str();
    let mut found = vec![key];
    found.extend(key.split(['?', '&']).map(value));
    if let Some((_, query)) = url.split_once('?') {
        found.extend(query.split('&').map(value));
    }
    if let Some((user, _)) = host_part(url).rsplit_once('@') {
        found.push(user);
        found.extend(user.split(':'));
    }
    if let Some(login) = &target.login {
        found.extend([login.user.expose(), login.password.expose()]);
    }
    let spelt =
        found.into_iter().flat_map(|secret| [secret.to_owned(), decoded(secret), encoded(secret)]);
    spelt.filter(|secret| secret.len() >= MIN_SECRET).collect()
}

/// As a far end may show what is percent-encoded (RFC 3986 2.1).
fn decoded(secret: &str) -> String {
    let bytes = secret.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%') {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// As a far end may show what is not.
fn encoded(secret: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let one =
        |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    secret.bytes().map(one).collect()
}

fn value(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(_, value)| value)
}

fn host_part(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if is_shown(c) { c } else { ' ' }).take(MAX_WORDS).collect()
}

/// Neither a control character nor one that breaks, hides or turns round what follows it.
fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
        && !matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        && !matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_hub::{Login, Secret};

    #[test]
    fn j1_addresses_are_shown_without_user_password_and_query() {
        for (url, shown) in [
            ("rtmps://a.example.com/live2", "rtmps://a.example.com/live2"),
            ("rtmp://user:pass@host:1935/app", "rtmp://host:1935/app"),
            ("rtmp://user:p@ss@host/app?token=t#f", "rtmp://host/app"),
            ("rtmp://host?x=y@z", "rtmp://host"),
            ("host/app@home", "host/app@home"),
            ("rtmp://ho\nst/a", "rtmp://ho st/a"),
        ] {
            assert_eq!(address(url), shown, "{url}");
        }
    }

    #[test]
    fn j1_foreign_words_are_kept_without_the_key() {
        let target = |url: &str, key: &str| Target::new(url, Secret::new(key));
        for (key, said, kept) in [
            ("sk_12345", "stream sk_12345 is taken", "stream *** is taken"),
            ("live?sig=abcdef", "bad abcdef for live?sig=abcdef", "bad *** for ***"),
            ("abc", "abc is short", "abc is short"),
            ("", "nothing\r\nto hide", "nothing  to hide"),
        ] {
            assert_eq!(words(said, &target("rtmp://host/app", key)), kept);
        }
        for said in [
            "sk-live-12345678/9+x",
            "SK-LIVE-12345678/9+X",
            "sk-live-12345",
            "sk-live-12345678%2F9%2Bx",
        ] {
            let shown =
                words(&format!("no {said} here"), &target("rtmp://h/a", "sk-live-12345678/9+x"));
            assert_eq!(shown, "no *** here", "{said}");
        }
        let shown = words("no a/b c here", &target("rtmp://h/a", "a%2Fb%20c"));
        assert_eq!(shown, "no *** here");
        assert_eq!(words("\u{202e}evil\u{2028}x", &target("rtmp://h/a", "k")), " evil x");
        let login = Login { user: Secret::new("alice"), password: Secret::new("open sesame") };
        let named = Target { login: Some(login), ..target("rtmp://host/app", "k") };
        assert_eq!(words("alice may not, open%20sesame", &named), "*** may not, ***");
        let target = target("rtmp://me:hunter2@host/app?token=deadbeef", "k");
        assert_eq!(words("hunter2 deadbeef me:hunter2", &target), "*** *** ***");
        assert_eq!(words(&"x".repeat(9000), &target).len(), MAX_WORDS);
    }
}
