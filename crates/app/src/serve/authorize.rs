//! Asking another server who may publish and play: what was counted of it.

use super::facts::float;
use manycast_net_rtmp::ClientSettings;
use manycast_web::{Family, Kind};
use manycast_webhook::{Asked, HttpClient};

/// The way out of HTTP: that of deliveries.
pub(super) fn client(settings: &ClientSettings) -> HttpClient {
    HttpClient::new(settings.dialer.clone(), settings.tls.clone())
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
