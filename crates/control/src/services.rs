//! The services that people send to: their servers, limits, and where the key is found.
//!
//! ```text
//! data/destinations.json --parsed once, when first asked--> Service, the common ones first
//!                        --find--> by name, or by an address that was pasted
//! ```
//! Belongs here: what is known of services. The figures drift: they are defaults, never limits that
//! are enforced. Must not come here: addresses of destinations in general.

mod hints;

pub use hints::check_as_typed;

use crate::address;
use manycast_hub::Secret;
use serde::Deserialize;
use std::sync::OnceLock;

const DATA: &[u8] = include_bytes!("../data/destinations.json");

/// What most people look for, in this order, before all others in order of their names.
const COMMON: [&str; 15] = [
    "youtube-rtmps",
    "twitch",
    "facebook-live",
    "kick",
    "tiktok-live",
    "instagram-live",
    "linkedin-live",
    "twitter",
    "rumble",
    "telegram",
    "vimeo",
    "dailymotion",
    "restream-io",
    "cloudflare-stream",
    "amazon-ivs",
];

/// What people call them today, where the data has another name.
const NAMES: [(&str, &str); 5] = [
    ("youtube-rtmps", "YouTube"),
    ("youtube-hls", "YouTube (HLS)"),
    ("twitter", "X (Twitter)"),
    ("restream-io", "Restream"),
    ("bluesky-streamplace-and-other-whip-servi", "Bluesky and other WHIP services"),
];

/// Hosts of services that give out an address per account or broadcast.
const PER_ACCOUNT: [(&str, &str); 5] = [
    ("kick", "global-contribute.live-video.net"),
    ("rumble", "rmbl.ws"),
    ("instagram-live", "instagram.com"),
    ("tiktok-live", "tiktokcdn.com"),
    ("linkedin-live", "linkedin.com"),
];

/// A service that streams can be sent to.
#[derive(Clone, Debug)]
pub struct Service {
    /// Stable; what a destination's `service` names.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// One of those that most people look for.
    pub featured: bool,
    /// Shown only when it is asked for by name.
    pub adult: bool,
    /// `RTMP`, `RTMPS`, `HLS` or `WHIP`.
    pub protocol: String,
    /// The schemes of its addresses.
    pub schemes: Vec<String>,
    /// Whether this server can send to it.
    pub supported: bool,
    /// Each account or broadcast has an address of its own: the form asks for it.
    pub per_account: bool,
    /// Its servers; the first is the default.
    pub servers: Vec<ServiceServer>,
    /// The page that shows the key.
    pub key_link: Option<String>,
    /// Where the key is found, in a sentence.
    pub key_help: String,
    /// What it takes.
    pub limits: ServiceLimits,
    /// What else is known.
    pub note: Option<String>,
}

/// A server of a service.
#[derive(Clone, Debug, Deserialize)]
pub struct ServiceServer {
    /// What people call it, mostly a place.
    pub name: String,
    /// Its address, without a key.
    pub url: String,
}

/// What a service takes, as far as it says so.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ServiceLimits {
    /// Kilobits per second of the picture.
    pub max_video_kbps: Option<u32>,
    /// Kilobits per second of the sound.
    pub max_audio_kbps: Option<u32>,
    /// Seconds between key frames.
    pub keyframe_s: Option<f64>,
    /// B-frames in a row.
    pub max_bframes: Option<u32>,
    /// Pictures per second.
    pub max_fps: Option<f64>,
    /// The H.264 profile.
    pub profile: Option<String>,
    /// Sizes of pictures, `1920x1080`.
    #[serde(default)]
    pub resolutions: Vec<String>,
    /// Codecs of pictures.
    #[serde(default)]
    pub codecs: Vec<String>,
    /// Codecs of sound.
    #[serde(default)]
    pub audio_codecs: Vec<String>,
    /// Bitrates by size and rate.
    #[serde(default)]
    pub per_resolution: Vec<ResolutionLimit>,
}

/// The bitrate for one size and rate.
#[derive(Clone, Debug, Deserialize)]
pub struct ResolutionLimit {
    /// `1920x1080`.
    pub resolution: String,
    /// Pictures per second.
    pub fps: f64,
    /// Kilobits per second of the picture.
    pub max_video_kbps: u32,
}

#[derive(Deserialize)]
struct Document {
    destinations: Vec<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    key: String,
    name: String,
    protocol: String,
    schemes: Vec<String>,
    featured: bool,
    servers: Vec<ServiceServer>,
    limits: ServiceLimits,
    stream_key_url: Option<String>,
    info_url: Option<String>,
    tags: Vec<String>,
    note: Option<String>,
}

impl From<Raw> for Service {
    fn from(raw: Raw) -> Self {
        let known = NAMES.iter().find(|(key, _)| *key == raw.key);
        let name = known.map_or(raw.name, |(_, name)| (*name).to_owned());
        // Some name a page that tells the address of an account, or a host to which the account's
        // application belongs: nothing that could be taken as it is.
        let (rtmp, mut servers) = (raw.protocol.starts_with("RTMP"), raw.servers);
        let none = Secret::new("\0");
        servers.retain(|server| !rtmp || address::remote(&server.url, Some(&none)).is_ok());
        let per_account = servers.is_empty() || PER_ACCOUNT.iter().any(|(key, _)| *key == raw.key);
        let key_link = raw.stream_key_url.or(raw.info_url);
        Self {
            featured: raw.featured || COMMON.contains(&raw.key.as_str()),
            adult: raw.tags.iter().any(|tag| tag == "adult"),
            supported: rtmp,
            key_help: help(&name, per_account, key_link.is_some()),
            per_account,
            name,
            key: raw.key,
            protocol: raw.protocol,
            schemes: raw.schemes,
            servers,
            key_link,
            limits: raw.limits,
            note: raw.note,
        }
    }
}

fn help(name: &str, per_account: bool, linked: bool) -> String {
    let place = if linked { "on this page" } else { "in your account there" };
    match per_account {
        true => format!("{name} gives you a server address and a key: you find both {place}."),
        false => format!("{name} gives you a stream key: you find it {place}."),
    }
}

/// All services: the common ones first, the others by name.
///
/// # Panics
/// Never: the data is part of the program, and a test reads it.
#[must_use]
pub fn services() -> &'static [Service] {
    static ALL: OnceLock<Vec<Service>> = OnceLock::new();
    ALL.get_or_init(|| {
        let document: Document = serde_json::from_slice(DATA).expect("a test reads this data");
        let mut all: Vec<_> = document.destinations.into_iter().map(Service::from).collect();
        all.sort_by_cached_key(|service| {
            let rank = COMMON.iter().position(|key| *key == service.key);
            (rank.unwrap_or(COMMON.len()), !service.supported, service.name.to_lowercase())
        });
        all
    })
}

/// The service of this key.
#[must_use]
pub fn service(key: &str) -> Option<&'static Service> {
    services().iter().find(|service| service.key == key)
}

/// Services by name, or by an address of theirs that was pasted; all but those for adults where
/// nothing is asked for.
#[must_use]
pub fn find_services(query: &str) -> Vec<&'static Service> {
    let query = query.trim().to_lowercase();
    if query.is_empty() {
        return services().iter().filter(|service| !service.adult).collect();
    }
    if let Some(host) = pasted_host(&query) {
        return by_host(&host);
    }
    let mut found: Vec<_> =
        services().iter().filter_map(|one| Some((match_of(one, &query)?, one))).collect();
    found.sort_by_key(|(rank, _)| *rank); // stable: the common ones stay first
    found.into_iter().map(|(_, service)| service).collect()
}

/// The better the smaller.
fn match_of(service: &Service, query: &str) -> Option<u8> {
    let name = service.name.to_lowercase();
    let words = || name.split(|c: char| !c.is_alphanumeric());
    let adult = service.adult && query.len() < 4;
    match () {
        () if adult => None,
        () if name == query || service.key == query => Some(0),
        () if name.starts_with(query) => Some(1),
        () if words().any(|word| word.starts_with(query)) => Some(2),
        () if name.contains(query) || service.key.contains(query) => Some(3),
        () => None,
    }
}

/// The host of something that looks like an address.
fn pasted_host(text: &str) -> Option<String> {
    let rest = match text.split_once("://") {
        Some((_, rest)) => rest,
        None if text.contains('/') && text.contains('.') => text,
        None => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (!host.is_empty()).then(|| host.to_owned())
}

/// Whose address this is: first those with this very host, then those with the same parent.
fn by_host(host: &str) -> Vec<&'static Service> {
    let rank = |service: &Service| {
        let mut hosts = service.servers.iter().filter_map(|server| pasted_host(&server.url));
        let own = hosts.any(|known| known == host);
        let mut hosts = service.servers.iter().filter_map(|server| pasted_host(&server.url));
        let kin = hosts.any(|known| under(host, parent(&known)));
        let given = PER_ACCOUNT.iter().any(|(key, tail)| *key == service.key && under(host, tail));
        match (own, kin || given) {
            (true, _) => Some(0u8),
            (false, true) => Some(1),
            (false, false) => None,
        }
    };
    let mut found: Vec<_> =
        services().iter().filter_map(|service| Some((rank(service)?, service))).collect();
    found.sort_by_key(|(rank, service)| (*rank, !service.supported));
    found.into_iter().map(|(_, service)| service).collect()
}

/// A host without its first label, where two others stay; else itself.
fn parent(host: &str) -> &str {
    match host.split_once('.') {
        Some((_, rest)) if rest.contains('.') => rest,
        _ => host,
    }
}

fn under(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|head| head.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(found: &[&'static Service]) -> Vec<&'static str> {
        found.iter().map(|service| service.key.as_str()).collect()
    }

    #[test]
    fn all_are_read_and_the_common_ones_come_first() {
        let all = services();
        assert_eq!(all.len(), 94);
        assert_eq!(all.iter().map(|service| service.servers.len()).sum::<usize>(), 531);
        let first: Vec<_> = all.iter().take(15).map(|service| service.key.as_str()).collect();
        assert_eq!(first, COMMON);
        let mut distinct: Vec<_> = all.iter().map(|service| &service.key).collect();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len(), "keys are distinct");
        for (key, _) in NAMES {
            assert!(service(key).is_some(), "{key}");
        }
        for (key, _) in PER_ACCOUNT {
            assert!(service(key).is_some_and(|service| service.per_account), "{key}");
        }
    }

    #[test]
    fn every_address_of_a_service_that_is_supported_can_be_a_destination() {
        for service in services().iter().filter(|service| service.supported) {
            for server in &service.servers {
                let read = crate::address::remote(&server.url, Some(&"k".into_secret()));
                assert!(read.is_ok(), "{}: {} {read:?}", service.key, server.url);
            }
            assert!(!service.key_help.is_empty());
        }
    }

    trait IntoSecret {
        fn into_secret(self) -> manycast_hub::Secret;
    }

    impl IntoSecret for &str {
        fn into_secret(self) -> manycast_hub::Secret {
            manycast_hub::Secret::new(self)
        }
    }

    #[test]
    fn services_are_found_by_name() {
        for (query, first) in [
            ("youtube", "youtube-rtmps"),
            ("You", "youtube-rtmps"),
            ("x", "twitter"),
            ("twitter", "twitter"),
            ("face", "facebook-live"),
            ("ivs", "amazon-ivs"),
            ("  Twitch ", "twitch"),
            ("live", "livepeer-studio"),
        ] {
            assert_eq!(keys(&find_services(query)).first(), Some(&first), "{query}");
        }
        assert!(find_services("no such service").is_empty());
        assert!(find_services("").iter().all(|service| !service.adult));
        assert!(find_services("stripchat").iter().any(|service| service.adult));
    }

    #[test]
    fn services_are_found_by_a_pasted_address() {
        for (query, first) in [
            ("rtmp://live-ams.twitch.tv/app", "twitch"),
            ("rtmp://live-new.twitch.tv/app/live_1_x", "twitch"),
            ("rtmps://b.rtmps.youtube.com:443/live2?backup=1", "youtube-rtmps"),
            ("rtmps://fa0.global-contribute.live-video.net/app", "kick"),
            ("rtmps://live-api-s.facebook.com:443/rtmp/", "facebook-live"),
            ("rtmp://n7.live.rmbl.ws/slot-3", "rumble"),
            ("a.rtmp.youtube.com/live2", "youtube-rtmps"),
            ("rtmps://edgetee-upload-fra5-1.instagram.com:443/rtmp/", "instagram-live"),
        ] {
            assert_eq!(keys(&find_services(query)).first(), Some(&first), "{query}");
        }
        assert!(find_services("rtmp://media.example.org/live").is_empty());
        assert!(find_services("rtmp://nottwitch.tv/live").is_empty());
    }
}
