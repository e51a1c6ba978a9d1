//! An address as a person typed it: where to connect, and the form of it that may be shown.

use super::Failure;
use manycast_hub::Secret;
use manycast_net_rtmp::Address;
use manycast_rtmp::auth::Login;
use std::fmt;

/// What stands in place of a key.
const HIDDEN: &str = "***";

/// Where a tool connects to. Prints without key, query, user and password.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: Address,
    shown: String,
}

impl Endpoint {
    /// Where to publish: a URL that ends in the stream key, or the key apart.
    ///
    /// # Errors
    /// What is wrong with the URL; nothing secret in it.
    pub(crate) fn publish(url: &str, key: Option<&Secret>) -> Result<Self, Failure> {
        let (named, _) = Login::split_url(url).map_err(|e| Failure::usage(e.to_string()))?;
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            let address = Address::with_key(url, key.expose()).map_err(wrong)?;
            let shown = format!("{}/{HIDDEN}", bare(&named).trim_end_matches('/'));
            return Ok(Self { address, shown });
        }
        let bare = bare(&named);
        let keyed = path(bare).is_some_and(|path| {
            path.rsplit_once('/').is_some_and(|(app, name)| !app.is_empty() && !name.is_empty())
        });
        if !keyed && !url.contains('#') {
            Address::whole(url).map_err(wrong)?;
            return Err(Failure::usage(
                "the address names no stream key: write it after the last slash \
                 (rtmp://HOST/live/KEY), or put it into MANYCAST_KEY, or give it with --key -",
            ));
        }
        let address = Address::whole(url).map_err(wrong)?;
        let shown = match bare.rsplit_once('/') {
            Some((server, _)) if keyed => format!("{server}/{HIDDEN}"),
            _ => format!("{bare}/{HIDDEN}"),
        };
        Ok(Self { address, shown })
    }

    /// What to watch: a URL that ends in the stream's name, which is no secret.
    ///
    /// # Errors
    /// What is wrong with the URL; nothing secret in it.
    pub(crate) fn play(url: &str) -> Result<Self, Failure> {
        let address = Address::whole(url).map_err(wrong)?;
        let (named, _) = Login::split_url(url).map_err(|e| Failure::usage(e.to_string()))?;
        let bare = bare(&named);
        if path(bare).is_none_or(|path| path.is_empty() || path.ends_with('/')) {
            return Err(Failure::usage(
                "the address names no stream: write its name after the last slash \
                 (rtmp://HOST/live/NAME)",
            ));
        }
        Ok(Self { address, shown: bare.to_owned() })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

fn wrong(end: manycast_hub::LinkEnd) -> Failure {
    Failure::usage(end.message)
}

/// Without query and fragment: both may hold keys.
fn bare(url: &str) -> &str {
    let url = url.trim();
    url.find(['?', '#']).and_then(|end| url.get(..end)).unwrap_or(url)
}

/// What follows the first slash after the host.
fn path(bare: &str) -> Option<&str> {
    let (_, rest) = bare.split_once("://")?;
    rest.split_once('/').map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j6_no_key_is_shown() {
        let key = Secret::new("sk_secret");
        for (url, key, want) in [
            ("rtmp://h/live/sk_secret", None, "rtmp://h/live/***"),
            ("rtmp://h:1936/live/sk_secret?auth=sk_secret", None, "rtmp://h:1936/live/***"),
            ("rtmps://h/a/b/sk_secret", None, "rtmps://h/a/b/***"),
            ("rtmp://h/live#sk_secret", None, "rtmp://h/live/***"),
            ("rtmp://h/live", Some(&key), "rtmp://h/live/***"),
            ("rtmp://h/live/?x=sk_secret", Some(&key), "rtmp://h/live/***"),
            ("rtmp://u:sk_secret@h/live/x", None, "rtmp://h/live/***"),
            ("rtmp://sk_secret:p@h/live", Some(&key), "rtmp://h/live/***"),
        ] {
            let endpoint = Endpoint::publish(url, key).unwrap();
            assert_eq!(endpoint.to_string(), want);
            assert!(!format!("{endpoint:?}").contains("sk_secret"));
        }
        let watched = Endpoint::play("rtmp://h/live/main?token=1").unwrap();
        assert_eq!(watched.to_string(), "rtmp://h/live/main");
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_it() {
        for (url, want) in [
            ("http://h/live/sk_secret", "rtmp"),
            ("rtmp://h/sk_secret", "names no stream key"),
            ("rtmp://h/live/", "names no stream key"),
            ("rtmp://h:99999/live/sk_secret", "port"),
            ("rtmp://sk_secret@h/live/x", "USER:PASSWORD"),
            ("rtmp://u:sk_secret@x@h/live/x", "%40"),
            ("sk_secret", "rtmp"),
        ] {
            let failure = Endpoint::publish(url, None).unwrap_err();
            assert_eq!(failure.code, 2, "{url}");
            assert!(failure.message.contains(want), "{url}: {failure}");
            assert!(!failure.message.contains("sk_secret"), "{url}: {failure}");
        }
        assert!(Endpoint::play("rtmp://h/live/").unwrap_err().message.contains("names no stream"));
    }
}
