//! Codes of an authenticator app (RFC 6238 over RFC 4226): six digits, a new one every 30 s.
//!
//! A code of the step before or after is taken too, since clocks differ; one step is taken once.
//! Pure: the time is an argument, and who keeps the last step is above.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use manycast_hub::Secret;
use manycast_store::UnixMs;
use sha1::Sha1;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// RFC 6238 4.1: X.
const STEP_MS: i64 = 30_000;
/// RFC 6238 5.2: how many steps the clocks may differ.
const WINDOW: i64 = 1;
/// No step.
const NONE: i64 = i64::MIN;

/// Recovery codes that are made at a time.
pub(crate) const RECOVERY_CODES: usize = 10;
/// Characters of a recovery code without its dashes: 80 bits.
pub(crate) const RECOVERY_LENGTH: usize = 16;

/// A new secret: 160 bits (RFC 4226 4, R6) as base32.
pub(crate) fn new_secret() -> Secret {
    let bytes: [u8; 20] = rand::random();
    Secret::new(&BASE32_NOPAD.encode(&bytes))
}

/// The address that an authenticator app reads from a QR code.
pub(crate) fn uri(issuer: &str, account: &str, secret: &Secret) -> Secret {
    let (issuer, account, secret) = (escape(issuer), escape(account), secret.expose());
    Secret::new(&format!("otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}"))
}

fn escape(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let one = |byte: u8| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// The step whose code `code` is, if it is one that holds at `now` and later than `last`, the last
/// one that was used. Compares with each in constant time.
pub(crate) fn step_of(secret: &Secret, code: &str, now: UnixMs, last: Option<i64>) -> Option<i64> {
    let key = BASE32_NOPAD.decode(secret.expose().as_bytes()).ok()?;
    let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let at = now.0.div_euclid(STEP_MS);
    let mut found = NONE;
    for step in at - WINDOW..=at + WINDOW {
        let same = code.as_bytes().ct_eq(code_at(&key, step).as_bytes());
        let fresh = Choice::from(u8::from(last.is_none_or(|last| step > last)));
        found.conditional_assign(&step, same & fresh);
    }
    (found != NONE).then_some(found)
}

/// RFC 4226 5.3 with the counter of RFC 6238 4.2.
fn code_at(key: &[u8], step: i64) -> String {
    // HMAC takes a key of any length
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 15);
    let mut word = [0; 4];
    word.copy_from_slice(&hash[offset..offset + 4]);
    format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

/// The code that an app shows at `now`.
#[cfg(test)]
pub(crate) fn code_for_tests(secret: &Secret, now: UnixMs) -> String {
    let key = BASE32_NOPAD.decode(secret.expose().as_bytes()).unwrap();
    code_at(&key, now.0.div_euclid(STEP_MS))
}

/// What a recovery code is without its dashes, blanks and capital letters.
pub(crate) fn plain_recovery(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

/// A new recovery code: 80 bits in four groups of four.
pub(crate) fn new_recovery() -> Secret {
    let text = crate::random::text::<RECOVERY_LENGTH>();
    let groups: Vec<&str> = (0..4).map(|n| &text[4 * n..4 * n + 4]).collect();
    Secret::new(&groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the rows of SHA-1, cut to six digits.
    const VECTORS: &[(i64, &str)] = &[
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    fn secret() -> Secret {
        Secret::new(&BASE32_NOPAD.encode(b"12345678901234567890"))
    }

    #[test]
    fn i6_the_vectors_of_the_standard() {
        for (seconds, code) in VECTORS {
            let step = seconds / 30;
            assert_eq!(code_at(b"12345678901234567890", step), *code);
            assert_eq!(step_of(&secret(), code, UnixMs(seconds * 1000), None), Some(step));
        }
    }

    #[test]
    fn i6_one_step_either_way_and_no_more() {
        for (late, taken) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] {
            let now = UnixMs((1_234_567_890 + late) * 1000);
            let step = step_of(&secret(), "005 924", now, None);
            assert_eq!(step.is_some(), taken, "{late} s");
        }
    }

    #[test]
    fn i6_a_step_is_taken_once() {
        let now = UnixMs(1_234_567_890_000);
        let step = step_of(&secret(), "005924", now, None).unwrap();
        assert_eq!(step_of(&secret(), "005924", now, Some(step - 1)), Some(step));
        assert_eq!(step_of(&secret(), "005924", now, Some(step)), None);
        assert_eq!(step_of(&secret(), "005924", now, Some(step + 1)), None);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for code in ["", "00592", "0059240", "abcdef", "０05924"] {
            assert_eq!(step_of(&secret(), code, UnixMs(1_234_567_890_000), None), None, "{code}");
        }
        assert_eq!(step_of(&Secret::new("no base32!"), "005924", UnixMs(0), None), None);
    }

    #[test]
    fn the_address_for_the_app_is_escaped() {
        let got = uri("Manycast", "ana maria@live", &Secret::new("ABC"));
        let want = "otpauth://totp/Manycast:ana%20maria%40live?secret=ABC&issuer=Manycast";
        assert_eq!(got.expose(), want);
        assert_eq!(new_secret().expose().len(), 32);
    }

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        let code = new_recovery();
        assert_eq!(code.expose().len(), 19);
        let typed = format!(" {} ", code.expose().to_uppercase().replace('-', " "));
        assert_eq!(plain_recovery(&typed), plain_recovery(code.expose()));
    }
}
