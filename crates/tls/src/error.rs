//! Why there is no TLS connection, in words for the operator.
//!
//! Belongs here: the errors of this crate and the translation of rustls' own. Must not come here:
//! decisions (when to retry is the caller's).

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};

use crate::fingerprint_text;
use crate::verify::{CaAsServer, OtherFingerprint};

/// Why a TLS handshake ended without a connection.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The peer's bytes were no TLS records: a plain RTMP or HTTP program, most likely.
    #[error("the peer does not speak TLS on this port")]
    NotTls,
    /// The peer closed the connection in mid-handshake.
    #[error("{}", eof_words(*received))]
    HandshakeEof {
        /// Bytes that had come from the peer by then.
        received: u64,
    },
    /// The peer knows only TLS 1.1 or older.
    #[error("the peer offers no TLS version from 1.2 on")]
    OldVersion,
    /// The server's certificate was refused here.
    #[error("the server's certificate was refused: {0}")]
    Certificate(CertificateProblem),
    /// There is no list of certificate authorities to check a server with.
    #[error(
        "no certificate authorities are installed on this machine, so that no server can be \
         checked: install the package ca-certificates, or name a CA file in the configuration"
    )]
    NoRoots,
    /// The peer ended the handshake with an alert (RFC 8446 6.2).
    #[error("the peer refused the TLS handshake: {words}")]
    Alert {
        /// What it said, in words.
        words: String,
        /// Whether the peer's refusal was about the certificate that it was shown.
        of_certificate: bool,
    },
    /// The name is neither a DNS name nor an IP address.
    #[error("{name:?} is no name that a certificate could carry")]
    BadName {
        /// The name that was asked for.
        name: String,
    },
    /// The two sides have nothing in common, or the peer broke the protocol.
    #[error("the TLS handshake failed: {0}")]
    Protocol(String),
    /// The connection broke.
    #[error("the connection broke during the TLS handshake: {0}")]
    Io(#[from] io::Error),
}

/// What is wrong with a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateProblem {
    /// Its time is over.
    #[error("it expired{}", when("on", *not_after))]
    Expired {
        /// Its last second.
        not_after: Option<SystemTime>,
    },
    /// Its time has not come, or the clock of this machine is wrong.
    #[error(
        "it is not yet valid{}; is the clock of this machine right?",
        when("before", *not_before)
    )]
    NotYetValid {
        /// Its first second.
        not_before: Option<SystemTime>,
    },
    /// It is for other names.
    #[error("it is not for {expected}, but for {}", list(presented))]
    WrongName {
        /// The name that was asked for.
        expected: String,
        /// The names that it has.
        presented: Vec<String>,
    },
    /// It vouches for itself.
    #[error("it is self-signed; name its file as an extra CA in the configuration if you trust it")]
    SelfSigned,
    /// None of the known authorities issued it, or the server leaves out an intermediate.
    #[error("no known authority issued it, or the server does not send the whole chain")]
    UnknownIssuer,
    /// Its authority withdrew it.
    #[error("it was revoked")]
    Revoked,
    /// Its signature does not fit.
    #[error("its signature is wrong")]
    BadSignature,
    /// It is meant for something else than a server.
    #[error("it is not meant for servers")]
    WrongPurpose,
    /// It is not the one whose fingerprint was given.
    #[error("it is another one than was named; its SHA-256 fingerprint is {shown}")]
    WrongFingerprint {
        /// The fingerprint of the one that was shown.
        shown: String,
    },
    /// The server showed none.
    #[error("the server showed none")]
    Missing,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Why certificates or keys of our own could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum MaterialError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds something else than it should.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Generate(String),
}

impl TlsError {
    /// One sentence for the operator: whose fault, and what helps.
    #[must_use]
    pub fn reason(&self) -> String {
        self.to_string()
    }

    /// A short stable word for the API and for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotTls => "tls_not_spoken",
            Self::HandshakeEof { .. } => "tls_eof",
            Self::OldVersion => "tls_version",
            Self::Certificate(problem) => problem.kind(),
            Self::NoRoots => "tls_no_roots",
            Self::Alert { .. } => "tls_alert",
            Self::BadName { .. } => "tls_bad_name",
            Self::Protocol(_) => "tls_protocol",
            Self::Io(_) => "tls_io",
        }
    }

    /// Whether a person must act on one of the two sides before another try can succeed.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::HandshakeEof { received } => *received == 0,
            Self::Io(_) => false,
            Self::NotTls
            | Self::OldVersion
            | Self::Certificate(_)
            | Self::NoRoots
            | Self::Alert { .. }
            | Self::BadName { .. }
            | Self::Protocol(_) => true,
        }
    }

    /// An error of rustls as the client has it.
    pub(crate) fn from_client(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::Certificate(error.into()),
            rustls::Error::NoCertificatesPresented => {
                Self::Certificate(CertificateProblem::Missing)
            }
            other => Self::from_server(other),
        }
    }

    /// An error of rustls as the server has it, which asks for no certificates.
    pub(crate) fn from_server(error: rustls::Error) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidMessage(
                InvalidMessage::InvalidContentType
                | InvalidMessage::UnknownProtocolVersion
                | InvalidMessage::MessageTooLarge
                | InvalidMessage::InvalidEmptyPayload,
            )
            | E::PeerSentOversizedRecord => Self::NotTls,
            E::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::SupportedVersionsExtensionRequired
                // Clients up to TLS 1.1 have no such extension (RFC 5246 7.4.1.4.1).
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            ) => Self::OldVersion,
            E::AlertReceived(AlertDescription::ProtocolVersion) => Self::OldVersion,
            E::AlertReceived(alert) => Self::Alert {
                words: alert_words(alert),
                of_certificate: is_about_certificate(alert),
            },
            other => Self::Protocol(other.to_string()),
        }
    }
}

impl CertificateProblem {
    fn kind(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "certificate_expired",
            Self::NotYetValid { .. } => "certificate_not_yet_valid",
            Self::WrongName { .. } => "certificate_wrong_name",
            Self::SelfSigned => "certificate_self_signed",
            Self::UnknownIssuer => "certificate_unknown_issuer",
            Self::Revoked => "certificate_revoked",
            Self::BadSignature => "certificate_bad_signature",
            Self::WrongPurpose => "certificate_wrong_purpose",
            Self::WrongFingerprint { .. } => "certificate_wrong_fingerprint",
            Self::Missing => "certificate_missing",
            Self::Other(_) => "certificate_invalid",
        }
    }
}

impl From<CertificateError> for CertificateProblem {
    fn from(error: CertificateError) -> Self {
        use CertificateError as E;
        match error {
            E::Expired => Self::Expired { not_after: None },
            E::ExpiredContext { not_after, .. } => Self::Expired { not_after: time(not_after) },
            E::NotValidYet => Self::NotYetValid { not_before: None },
            E::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid { not_before: time(not_before) }
            }
            E::NotValidForName => {
                Self::WrongName { expected: "this server".to_owned(), presented: Vec::new() }
            }
            E::NotValidForNameContext { expected, presented } => Self::WrongName {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().map(|name| plain_name(name)).collect(),
            },
            E::UnknownIssuer => Self::UnknownIssuer,
            E::Revoked => Self::Revoked,
            E::BadSignature => Self::BadSignature,
            // An authority of this name is known, and has a key of another kind: not the issuer.
            E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => Self::UnknownIssuer,
            E::InvalidPurpose | E::InvalidPurposeContext { .. } => Self::WrongPurpose,
            E::Other(other) if other.0.is::<CaAsServer>() => Self::SelfSigned,
            E::Other(other) => match other.0.downcast_ref::<OtherFingerprint>() {
                Some(other) => Self::WrongFingerprint { shown: fingerprint_text(&other.shown) },
                None => Self::Other(other.to_string()),
            },
            other => Self::Other(other.to_string()),
        }
    }
}

fn time(time: UnixTime) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(time.as_secs()))
}

/// The verifier writes names as it would print their type: `DnsName("a.example")`,
/// `IpAddress(127.0.0.1)`.
pub(crate) fn plain_name(name: &str) -> String {
    let address = name.strip_prefix("IpAddress(").and_then(|rest| rest.strip_suffix(')'));
    let text = address.unwrap_or_else(|| name.split('"').nth(1).unwrap_or(name));
    // The one form of an address in which two can be compared.
    text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |ip| ip.to_string())
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len() {
        0 => "no name at all".to_owned(),
        n if n <= SHOWN => names.join(", "),
        n => format!("{} and {} more", names[..SHOWN].join(", "), n - SHOWN),
    }
}

fn when(preposition: &str, time: Option<SystemTime>) -> String {
    let Some(since) = time.and_then(|t| t.duration_since(SystemTime::UNIX_EPOCH).ok()) else {
        return String::new();
    };
    let (year, month, day) = civil(since.as_secs() / 86_400);
    format!(" {preposition} {year:04}-{month:02}-{day:02}")
}

/// Gregorian date of a day counted from 1970-01-01: years are counted from March, so that the leap
/// day is the last of its year, in eras of 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn eof_words(received: u64) -> &'static str {
    match received {
        0 => "the peer closed the connection without one word of TLS",
        _ => "the peer closed the connection in the middle of the TLS handshake",
    }
}

fn is_about_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
    )
}

/// The alerts that a peer may send in a handshake, in words (RFC 8446 6.2).
fn alert_words(alert: AlertDescription) -> String {
    use AlertDescription as A;
    let words = match alert {
        A::HandshakeFailure => "it has no settings in common with this side",
        A::UnrecognisedName => "it does not know the server name that was asked for",
        A::UnknownCA => "it does not trust the authority of the certificate",
        A::BadCertificate => "it finds the certificate damaged",
        A::UnsupportedCertificate => "it does not take this kind of certificate",
        A::CertificateRevoked => "it finds the certificate revoked",
        A::CertificateExpired => "it finds the certificate expired",
        A::CertificateUnknown => "it does not accept the certificate",
        A::CertificateRequired => "it wants a certificate from the client",
        A::AccessDenied => "access denied",
        A::InsufficientSecurity => "it wants stronger settings",
        A::InternalError => "an internal error on its side",
        A::UserCanceled => "it was cancelled there",
        A::NoApplicationProtocol => "it wants another application protocol",
        A::DecodeError | A::UnexpectedMessage | A::IllegalParameter => {
            "it did not understand this side"
        }
        A::BadRecordMac | A::DecryptError => "what it received had been altered",
        A::RecordOverflow => "it received a record that is too long",
        _ => return format!("alert {}", u8::from(alert)),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_gregorian() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_779, (2026, 11, 22)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
            (364, (1970, 12, 31)),
            (365, (1971, 1, 1)),
        ] {
            assert_eq!(civil(days), expected, "{days}");
        }
    }

    #[test]
    fn names_lose_the_type_that_the_verifier_prints() {
        for (printed, plain) in [
            ("DnsName(\"a.example\")", "a.example"),
            ("IpAddress(127.0.0.1)", "127.0.0.1"),
            ("IpAddress(2001:db8::1)", "2001:db8::1"),
            ("DirectoryName", "DirectoryName"),
        ] {
            assert_eq!(plain_name(printed), plain);
        }
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        let names: Vec<String> = (0..7).map(|n| format!("n{n}.example")).collect();
        assert_eq!(list(&[]), "no name at all");
        assert_eq!(list(&names[..2]), "n0.example, n1.example");
        assert!(list(&names).ends_with("n4.example and 2 more"), "{}", list(&names));
    }

    #[test]
    fn every_alert_has_words_and_certificate_alerts_are_marked() {
        for code in 0..=255_u8 {
            assert!(!alert_words(AlertDescription::from(code)).is_empty());
        }
        assert!(is_about_certificate(AlertDescription::UnknownCA));
        assert!(!is_about_certificate(AlertDescription::HandshakeFailure));
    }
}
