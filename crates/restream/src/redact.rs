//! Keeps keys out of what is shown: addresses without their secret parts, and foreign words
//! without our key in them.

use manycast_hub::Target;

/// Longest text of a foreign hand that is kept.
const MAX_WORDS: usize = 300;
/// Shorter parts of a key are no secret, and would blot out ordinary words.
const MIN_SECRET: usize = 4;
const BLOT: &str = "***";

/// The address without user, password and query.
pub(crate) fn address(url: &str) -> String {
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
pub(crate) fn words(text: &str, target: &Target) -> String {
    let mut text = text.to_owned();
    for secret in secrets(target) {
        text = text.replace(secret, BLOT);
    }
    clean(&text)
}

/// The longest come first, so that none is left half.
fn secrets(target: &Target) -> Vec<&str> {
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
    found.retain(|secret| secret.len() >= MIN_SECRET);
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
}

fn value(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(_, value)| value)
}

fn host_part(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use manycast_hub::Secret;

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
        let target = target("rtmp://me:hunter2@host/app?token=deadbeef", "k");
        assert_eq!(words("hunter2 deadbeef me:hunter2", &target), "*** *** ***");
        assert_eq!(words(&"x".repeat(9000), &target).len(), MAX_WORDS);
    }
}
