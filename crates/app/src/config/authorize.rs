//! `[authorize]`: another server that is asked who may publish and play.

use super::section::{Section, Set};
use super::types::Egress;
use manycast_dial::{Gate, Host};
use manycast_webhook::{Authorise, Endpoint, Hooks, OnFailure, Style};
use std::net::SocketAddr;
use std::time::Duration;

const EXAMPLE: &str = "https://auth.example/on_publish";
const TIMEOUT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
const CACHE: (Duration, Duration) = (Duration::ZERO, Duration::from_secs(3_600));

/// `None` if nobody is asked or told.
pub(super) fn read((mut at, present): (Section<'_>, bool), egress: &Egress) -> Option<Authorise> {
    let default = Authorise::default();
    let on_done_at = at.place_of("on_done");
    let hooks = Hooks {
        on_publish: hook(&mut at, "on_publish", egress),
        on_play: hook(&mut at, "on_play", egress),
        on_publish_done: hook(&mut at, "on_publish_done", egress),
        on_play_done: hook(&mut at, "on_play_done", egress),
        on_done: hook(&mut at, "on_done", egress),
    };
    let named = HOOKS.iter().any(|key| at.has(key));
    let styles = [("nginx-rtmp", Style::NginxRtmp), ("srs", Style::Srs)];
    let style = at.word("style", &styles).unwrap_or_default();
    if style == Style::Srs && at.has("on_done") {
        let what = "is nothing that the style srs knows";
        at.fault(&on_done_at, "on_done", what, "use on_publish_done and on_play_done");
    }
    let timeout = at.duration("timeout", "3s", TIMEOUT).unwrap_or(default.timeout);
    let ways = [("deny", OnFailure::Deny), ("allow", OnFailure::Allow)];
    let on_failure = at.word("on_failure", &ways).unwrap_or_default();
    let cache = at.duration("cache", "10s", CACHE).unwrap_or(default.cache);
    if present && !named {
        at.missing("on_publish", "add on_publish = \"https://...\", or remove the section");
    }
    at.finish();
    let settings = Authorise { hooks, style, timeout, on_failure, cache };
    (settings.hooks != Hooks::default()).then_some(settings)
}

const HOOKS: [&str; 5] = ["on_publish", "on_play", "on_publish_done", "on_play_done", "on_done"];

/// An address. One that leads inside for sure is refused here: while nobody can be asked, nobody can
/// publish.
fn hook(at: &mut Section<'_>, key: &'static str, egress: &Egress) -> Option<Endpoint> {
    let parse = |text: &str| Endpoint::parse(text).map_err(|error| error.to_string());
    let Set { place, value } = at.parsed(key, EXAMPLE, parse)?;
    let target = value.target();
    if let Host::Ip(address) = target.host {
        let address = SocketAddr::new(address, target.port);
        let gate = Gate::new(egress.allow.clone(), Vec::new());
        if let Err(refusal) = gate.judge(address) {
            let remedy = match refusal.remedy(address) {
                Some(entry) => format!("if this is meant, add \"{entry}\" to allow in [egress]"),
                None => "no service can be there".to_owned(),
            };
            at.fault(&place, key, &format!("leads to {refusal}"), &remedy);
        }
    }
    if !target.scheme.is_tls() && !is_here(&target.host) {
        at.warn(&place, key, "sends stream keys through the network in the clear", "use https://");
    }
    Some(value)
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Ip(address) => address.is_loopback(),
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
    }
}
