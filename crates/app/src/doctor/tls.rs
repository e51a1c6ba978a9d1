//! The certificates that are shown, and the authorities that others are judged by.

use super::{Finding, Patient};
use crate::config::Certificate;
use manycast_tls::{ClientTls, Identity, ServerTls, fingerprint_text};
use std::path::Path;
use std::time::{Duration, SystemTime};

const CHECK: &str = "certificate";
const DAY: u64 = 86_400;
/// Usual certificates are renewed 30 days before their end.
const SOON: Duration = Duration::from_secs(14 * DAY);

pub(super) fn look(patient: &Patient) -> Vec<Finding> {
    let config = &patient.config;
    let https = config.https.listen.map(|_| ("https", &config.https.certificate));
    let rtmps = config.rtmps.as_ref().map(|rtmps| ("rtmps", &rtmps.certificate));
    let shared = https.is_some_and(|(_, one)| rtmps.is_some_and(|(_, other)| one == other));
    let each = https.into_iter().chain(rtmps.filter(|_| !shared));
    let mut findings: Vec<_> =
        each.map(|(of, certificate)| one(of, certificate, &patient.data_dir)).collect();
    findings.push(authorities(config.egress.ca_file.as_deref()));
    findings
}

fn one(of: &str, certificate: &Certificate, data_dir: &Path) -> Finding {
    match certificate {
        Certificate::Files { cert, key } => match ServerTls::from_files(cert, key) {
            Ok(tls) => judge(of, &tls.identity(), SystemTime::now()),
            Err(error) => Finding::bad(
                CHECK,
                format!("{of}: {error}"),
                "put a certificate chain and its key there, both PEM, readable for this user",
            ),
        },
        Certificate::SelfSigned => match ServerTls::identity_of(&data_dir.join("tls-cert.pem")) {
            Ok(identity) => {
                let shown = fingerprint_text(&identity.fingerprint);
                Finding::ok(CHECK, format!("{of}: self-signed, SHA-256 {shown}"))
            }
            Err(_) => Finding::ok(CHECK, format!("{of}: a self-signed one is made at the start")),
        },
    }
}

fn judge(of: &str, identity: &Identity, now: SystemTime) -> Finding {
    let names = identity.names.join(", ");
    let Some(end) = identity.not_after else {
        return Finding::ok(CHECK, format!("{of}: for {names}"));
    };
    let remedy = "have it renewed; the server takes the new files by itself";
    match end.duration_since(now) {
        Err(_) => Finding::bad(CHECK, format!("{of}: for {names}, and its time is over"), remedy),
        Ok(left) => {
            let what = format!("{of}: for {names}, {} days left", left.as_secs() / DAY);
            if left < SOON { Finding::doubt(CHECK, what, remedy) } else { Finding::ok(CHECK, what) }
        }
    }
}

fn authorities(extra: Option<&Path>) -> Finding {
    const CHECK: &str = "authorities";
    match ClientTls::system(extra) {
        Ok(tls) if tls.has_authorities() => {
            Finding::ok(CHECK, "servers of rtmps destinations can be checked")
        }
        Ok(_) => Finding::bad(
            CHECK,
            "no certificate authorities are installed: no rtmps destination can be dialled",
            "install the package ca-certificates, or name a CA file as ca_file in [egress]",
        ),
        Err(error) => Finding::bad(CHECK, error.to_string(), "mend ca_file in [egress]"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn the_end_of_its_time_decides() {
        let now = SystemTime::now();
        let of = |days: i64| Identity {
            fingerprint: [0; 32],
            names: vec!["a.example".to_owned()],
            not_after: if days < 0 {
                now.checked_sub(Duration::from_secs(days.unsigned_abs() * DAY))
            } else {
                now.checked_add(Duration::from_secs(days.unsigned_abs() * DAY))
            },
            self_signed: false,
        };
        for (days, want) in
            [(-1, State::Bad), (3, State::Doubt), (13, State::Doubt), (60, State::Ok)]
        {
            let found = judge("https", &of(days), now);
            assert!(found.state == want && found.what.contains("a.example"), "{found:?}");
        }
    }

    #[test]
    fn files_that_are_no_certificate_are_bad_and_a_missing_own_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (cert, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        std::fs::write(&cert, "x").unwrap();
        let found = one("https", &Certificate::Files { cert, key }, folder.path());
        assert!(found.state == State::Bad && found.what.contains("c.pem"), "{found:?}");
        let found = one("https", &Certificate::SelfSigned, folder.path());
        assert_eq!(found.state, State::Ok);
        ServerTls::self_signed(folder.path(), &["localhost".to_owned()]).unwrap();
        let found = one("https", &Certificate::SelfSigned, folder.path());
        assert!(found.what.contains("SHA-256"), "{found:?}");
    }
}
