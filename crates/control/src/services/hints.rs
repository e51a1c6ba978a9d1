//! What can be said about an address and a key while they are typed.
//!
//! Belongs here: slips that people make when they copy from a platform's page. These are hints: only
//! what [`crate::address::remote`] refuses is refused. No text repeats what was typed.

use super::{Service, find_services, service};
use crate::FieldError;
use crate::address;
use manycast_hub::Secret;

const COPY: &str = "copy it again from the service's page";

/// What the key of a service looks like.
struct Shape {
    service: &'static str,
    fits: fn(&str) -> bool,
    words: &'static str,
}

const SHAPES: [Shape; 5] = [
    Shape {
        service: "youtube-rtmps",
        fits: |key| {
            let parts: Vec<_> = key.split('-').collect();
            (4..=5).contains(&parts.len())
                && parts.iter().all(|part| part.len() == 4 && plain(part))
        },
        words: "does not look like a key of YouTube: these are four or five groups of four characters",
    },
    Shape {
        service: "twitch",
        fits: |key| key.starts_with("live_"),
        words: "does not look like a key of Twitch: these begin with live_",
    },
    Shape {
        service: "facebook-live",
        fits: |key| {
            key.starts_with("FB-") || key.bytes().next().is_some_and(|b| b.is_ascii_digit())
        },
        words: "does not look like a key of Facebook: these begin with FB-",
    },
    Shape {
        service: "kick",
        fits: |key| key.starts_with("sk_"),
        words: "does not look like a key of Kick: these begin with sk_",
    },
    Shape {
        service: "bilibili-live-rtmp-rtmp",
        fits: |key| key.starts_with('?'),
        words: "does not look like a key of Bilibili: these begin with ?streamname=",
    },
];

fn plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// What seems wrong with an address and a key of a service; nothing, if all is well. Empty fields
/// are not typed yet and are not judged.
#[must_use]
pub fn check_as_typed(service_key: Option<&str>, url: &str, key: Option<&str>) -> Vec<FieldError> {
    let mut found = Vec::new();
    let chosen = service_key.and_then(service);
    if service_key.is_some() && chosen.is_none() {
        found.push(FieldError::new("service", "is not known here", "choose one from the list"));
    }
    let key = key.filter(|key| !key.is_empty());
    if !url.is_empty() {
        of_url(chosen, url, key, &mut found);
    }
    if let Some(key) = key {
        of_key(chosen, key, &mut found);
    }
    found
}

fn of_url(
    chosen: Option<&'static Service>,
    url: &str,
    key: Option<&str>,
    found: &mut Vec<FieldError>,
) {
    // A key that is not typed yet is no fault of the address.
    let none = Secret::new("\0");
    let key = key.map_or(none, Secret::new);
    if let Err((what, remedy)) = address::remote(url, Some(&key)) {
        found.push(FieldError::new("url", what, remedy));
        return;
    }
    let Some(chosen) = chosen else { return };
    let owners = find_services(url);
    let foreign = owners.first().filter(|_| owners.iter().all(|one| one.key != chosen.key));
    if let Some(other) = foreign {
        let what = format!("is an address of {}, not of {}", other.name, chosen.name);
        found.push(FieldError::new("url", what, format!("choose {} as the service", other.name)));
        return;
    }
    let encrypted = url.to_ascii_lowercase().starts_with("rtmps://");
    let plain = !chosen.schemes.iter().any(|scheme| scheme == "rtmps");
    if !encrypted && chosen.schemes == ["rtmps"] {
        let what = format!("is not encrypted, and {} takes rtmps:// only", chosen.name);
        found.push(FieldError::new("url", what, "write rtmps:// in place of rtmp://"));
    } else if encrypted && plain && !chosen.schemes.is_empty() && chosen.servers.len() > 1 {
        let own = chosen.servers.iter().any(|server| server.url.starts_with("rtmps://"));
        if !own {
            let what = format!("is encrypted; the known servers of {} are not", chosen.name);
            found.push(FieldError::new("url", what, "if it cannot connect, try rtmp://"));
        }
    }
}

fn of_key(chosen: Option<&'static Service>, key: &str, found: &mut Vec<FieldError>) {
    let mut say = |what: &str, remedy: &str| found.push(FieldError::new("key", what, remedy));
    if key.contains("://") {
        say("is an address, not a key", "put the address into the other field, and the key here");
    } else if key.trim() != key {
        say("begins or ends with a blank", "remove it");
    } else if key.chars().any(|c| c.is_whitespace() || c.is_control()) {
        say("holds a blank", COPY);
    } else if key.starts_with(['"', '\'']) || key.ends_with(['"', '\'']) {
        say("has quotation marks around it", "remove them");
    } else if key.chars().any(|c| matches!(c, '\u{2022}' | '\u{25cf}' | '*')) && !key.contains('?')
    {
        say(
            "holds the dots that a page shows in place of a key",
            "press Copy on that page instead",
        );
    } else if key.len() > 512 {
        say("is longer than any key", COPY);
    } else if let Some(chosen) = chosen
        && let Some(shape) = SHAPES.iter().find(|shape| shape.service == chosen.key)
        && !(shape.fits)(key)
    {
        say(shape.words, COPY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_while_they_are_typed() {
        let twitch = "rtmp://live-ams.twitch.tv/app";
        let facebook = "rtmps://rtmp-api.facebook.com:443/rtmp/";
        for (service, url, key, want) in [
            (Some("twitch"), "", None, ""),
            (Some("twitch"), twitch, None, ""),
            (Some("twitch"), twitch, Some("live_1_abc"), ""),
            (Some("twitch"), twitch, Some("abcd-abcd"), "key"),
            (Some("twitch"), twitch, Some(" live_1_abc"), "key"),
            (Some("twitch"), twitch, Some("\"live_1\""), "key"),
            (Some("twitch"), twitch, Some("live_\u{2022}\u{2022}"), "key"),
            (Some("twitch"), twitch, Some(twitch), "key"),
            (Some("twitch"), facebook, None, "url"),
            (Some("facebook-live"), "rtmp://rtmp-api.facebook.com/rtmp/", None, "url"),
            (Some("facebook-live"), facebook, Some("FB-1-0-x"), ""),
            (Some("youtube-rtmps"), "", Some("abcd-efgh-1jkl-mnop-qrst"), ""),
            (Some("youtube-rtmps"), "", Some("abcd efgh"), "key"),
            (Some("no-such"), "", None, "service"),
            (Some("bilibili-live-rtmp-rtmp"), "", Some("?streamname=x&key=y"), ""),
            (None, "http://a.example/live", None, "url"),
            (None, "rtmp://a.example/live", Some("anything"), ""),
            (None, "rtmp://a.example/live/k", Some("k"), "url"),
        ] {
            let got = check_as_typed(service, url, key);
            let fields: Vec<_> = got.iter().map(|one| one.field.as_str()).collect();
            assert_eq!(fields.join(" "), want, "{service:?} {url} {key:?}: {got:?}");
            assert!(got.iter().all(|one| !one.remedy.is_empty()));
            if let Some(key) = key.filter(|key| key.len() > 3) {
                assert!(got.iter().all(|one| !one.message.contains(key)), "J1");
            }
        }
    }
}
