//! Asking another server who may publish and play: its way out, and what was counted.

use super::egress;
use super::facts::float;
use crate::config::Config;
use anyhow::Result;
use manycast_hub::Gate;
use manycast_web::{Family, Kind};
use manycast_webhook::{Asked, Authorised, HttpClient};
use std::net::SocketAddr;

/// What is configured holds from now on. `own`: where this server listens.
pub(super) fn apply<G: Gate>(
    access: &Authorised<G>,
    config: &Config,
    own: &[SocketAddr],
) -> Result<()> {
    let client = HttpClient::new(egress::dialer(config, own), egress::tls(config)?);
    access.apply(config.authorize.clone(), client);
    Ok(())
}

/// The answers, as metrics.
pub(super) fn families(asked: Asked) -> Vec<Family> {
    let help = "Sessions that the authorisation service was asked about, by its answer";
    let mut answers = Family::new(Kind::Counter, "authorize_answers", help);
    for (answer, count) in [
        ("yes", asked.allowed),
        ("no", asked.refused),
        ("none", asked.unanswered),
        ("none_remembered", asked.remembered),
    ] {
        answers.add(&[("answer", answer)], float(count));
    }
    let help = "Ends of sessions that the authorisation service could not be told of";
    let untold = Family::single(Kind::Counter, "authorize_untold", help, float(asked.untold));
    vec![answers, untold]
}
