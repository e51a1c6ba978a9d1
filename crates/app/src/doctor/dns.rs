//! Whether names can be looked up: those of the destinations in the file, or one that most people
//! need.

use super::{Finding, Patient};
use manycast_dial::{Host, Resolver, Target};
use std::collections::BTreeSet;

const CHECK: &str = "DNS";
/// Asked for where no destination has a name.
const COMMON: &str = "a.rtmps.youtube.com";
/// More names tell nothing more.
const MOST: usize = 10;

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let config = &patient.config;
    let resolver = config.egress.resolver.map_or_else(Resolver::system, Resolver::at);
    let mut names: BTreeSet<String> = BTreeSet::new();
    for destination in config.streams.iter().flat_map(|stream| &stream.destinations) {
        let backup = destination.backup.as_ref().map(|backup| &backup.remote);
        for remote in [Some(&destination.remote), backup].into_iter().flatten() {
            if let Ok(Target { host: Host::Domain(name), .. }) = Target::parse(&remote.url) {
                names.insert(name);
            }
        }
    }
    let own = !names.is_empty();
    if !own {
        names.insert(COMMON.to_owned());
    }
    let names: Vec<_> = names.into_iter().take(MOST).collect();
    let mut findings = Vec::new();
    for name in &names {
        findings.push(one(&resolver, name, own).await);
    }
    findings
}

async fn one(resolver: &Resolver, name: &str, own: bool) -> Finding {
    let remedy = "mend the name servers in /etc/resolv.conf, or name one as resolver in [egress]";
    match resolver.resolve(name).await {
        Ok(found) => Finding::ok(CHECK, format!("{name} has {} addresses", found.len())),
        Err(failure) if own => Finding::bad(CHECK, format!("{name}: {failure}"), remedy),
        // Closed networks need no names.
        Err(failure) => Finding::doubt(CHECK, format!("{name}: {failure}"), remedy),
    }
}
