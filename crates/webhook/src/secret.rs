//! Signing secrets, and the signature over a message (Standard Webhooks, Signature scheme).
//!
//! Belongs here: `whsec_...` texts and HMAC-SHA256 over `id.timestamp.body`. Must not come here:
//! where secrets are kept, and how a message is sent.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD};
use hmac::{Hmac, KeyInit, Mac};
use manycast_hub::Secret;
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret's text begins with.
const PREFIX: &str = "whsec_";
/// Bytes that a secret may have.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// What messages to one receiver are signed with. Never prints.
#[derive(Clone)]
pub struct SigningSecret(Zeroizing<Vec<u8>>);

/// Why a text is no signing secret. It does not quote the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not begin with `whsec_`.
    #[error("a signing secret begins with whsec_")]
    Prefix,
    /// What follows is not base64.
    #[error("after whsec_ a signing secret has base64 only")]
    Base64,
    /// Too short to be safe, or longer than receivers take.
    #[error("a signing secret has 24 to 64 bytes")]
    Length,
}

impl SigningSecret {
    /// A new one. `random` must come from the system's source of randomness.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(Zeroizing::new(random.to_vec()))
    }

    /// Reads `whsec_` and base64, with padding or without.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let coded = text.trim().strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let coded = coded.trim_end_matches('=');
        let bytes = BASE64_NOPAD.decode(coded.as_bytes()).map_err(|_| SecretError::Base64)?;
        let bytes = Zeroizing::new(bytes);
        if LENGTHS.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SecretError::Length) }
    }

    /// The text that receivers are configured with.
    #[must_use]
    pub fn text(&self) -> Secret {
        let text = Zeroizing::new(format!("{PREFIX}{}", BASE64.encode(&self.0)));
        Secret::new(&text)
    }

    /// One signature: `v1,` and base64.
    fn sign(&self, id: &str, timestamp: u64, body: &str) -> String {
        // HMAC takes keys of any length (RFC 2104 2).
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body.as_bytes());
        format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(redacted)")
    }
}

/// What messages to one receiver are signed with at the moment.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The one that holds.
    pub current: SigningSecret,
    /// The one before it, as long as receivers may still check with it.
    pub old: Option<SigningSecret>,
}

impl Secrets {
    /// The value of `webhook-signature`: one signature per secret, so that a receiver finds one that
    /// fits whichever of the two it knows. `timestamp`: seconds since 1970.
    #[must_use]
    pub fn signatures(&self, id: &str, timestamp: u64, body: &str) -> String {
        let secrets = std::iter::once(&self.current).chain(&self.old);
        let signatures: Vec<_> = secrets.map(|secret| secret.sign(id, timestamp, body)).collect();
        signatures.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Secret, id, timestamp, body, signature: made by `openssl dgst -sha256 -mac HMAC`.
    const VECTORS: &[(&str, &str, u64, &str, &str)] = &[
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "evt_0190c0ffee",
            1_795_340_000,
            "{\"type\":\"stream.started\",\"data\":{\"stream\":\"b\u{fc}hne\"}}",
            "v1,K+5P4TIVpeUFfDjIoWpdmuGLV5sXKFnrMxYK4qzLABI=",
        ),
    ];

    #[test]
    fn k6_signatures_match_those_of_others() {
        for (secret, id, timestamp, body, want) in VECTORS {
            let current = SigningSecret::parse(secret).unwrap();
            let secrets = Secrets { current, old: None };
            assert_eq!(secrets.signatures(id, *timestamp, body), *want, "{id}");
        }
    }

    #[test]
    fn k6_each_part_is_signed() {
        let current = SigningSecret::generate([7; 32]);
        let sign = |id: &str, at: u64, body: &str| current.sign(id, at, body);
        let one = sign("evt_1", 1_700_000_000, "{}");
        for other in [
            sign("evt_2", 1_700_000_000, "{}"),
            sign("evt_1", 1_700_000_001, "{}"),
            sign("evt_1", 1_700_000_000, "{ }"),
            SigningSecret::generate([8; 32]).sign("evt_1", 1_700_000_000, "{}"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn k6_two_secrets_sign_during_a_rotation() {
        let (new, old) = (SigningSecret::generate([1; 32]), SigningSecret::generate([2; 32]));
        let both = Secrets { current: new.clone(), old: Some(old.clone()) };
        let value = both.signatures("evt_1", 5, "{}");
        let expected = format!("{} {}", new.sign("evt_1", 5, "{}"), old.sign("evt_1", 5, "{}"));
        assert_eq!(value, expected);
    }

    #[test]
    fn secrets_are_read_as_they_are_written() {
        let bytes = std::array::from_fn(|n| u8::try_from(n).unwrap());
        let secret = SigningSecret::generate(bytes);
        let text = secret.text();
        assert_eq!(text.expose(), "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        for text in [text.expose(), text.expose().trim_end_matches('=')] {
            assert!(SigningSecret::parse(text).unwrap().text().matches(&secret.text()));
        }
        assert_eq!(format!("{secret:?}"), "SigningSecret(redacted)");
        for (text, why) in [
            ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", SecretError::Prefix),
            ("whsec_", SecretError::Length),
            ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=", SecretError::Length),
            ("whsec_not base64 at all, whatever it is", SecretError::Base64),
            ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", SecretError::Base64),
        ] {
            assert_eq!(SigningSecret::parse(text).err(), Some(why), "{text}");
        }
    }
}
