//! What a person reads at the start: where the dashboard is, and, once, how to make the first
//! account.
//!
//! It goes to standard error beside the log, which is where people look; the address of the set-up,
//! which is a secret until it was used, goes nowhere else.

use super::names;
use manycast_hub::Secret;
use manycast_web::ListenerFacts;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;

/// The address of the dashboard, for people: encrypted if there is a choice.
pub(super) fn address(listeners: &[ListenerFacts]) -> Option<String> {
    let at = |protocol| listeners.iter().find(|one| one.protocol == protocol);
    let shown = |scheme: &str, at: &ListenerFacts, port: u16| {
        let reached = names::reach(at.address);
        let host = match reached {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        let port =
            if reached.port() == port { String::new() } else { format!(":{}", reached.port()) };
        format!("{scheme}://{host}{port}")
    };
    at("https").map(|at| shown("https", at, 443)).or(at("http").map(|at| shown("http", at, 80)))
}

/// Says where the dashboard is; with a token, how to begin.
pub(super) fn show(address: &str, setup: Option<&Secret>) {
    tracing::info!(address, "dashboard");
    let Some(token) = setup else { return };
    let mut stderr = std::io::stderr();
    let text = invitation(address, token, stderr.is_terminal());
    // Nobody reads it: then the log's lines have no reader either.
    let _ = stderr.write_all(text.as_bytes());
}

/// Where the first account is made. The token stands behind a `#`, so that no browser sends it
/// anywhere but where the page puts it.
pub(super) fn link(address: &str, token: &Secret) -> String {
    format!("{address}/setup#{}", token.expose())
}

/// The words of the first start.
fn invitation(address: &str, token: &Secret, screen: bool) -> String {
    let link = link(address, token);
    let mut text = format!(
        "\n  Welcome to Manycast. Nobody has an account yet: open this address to make the first.\n\
         \n    {link}\n\n  It works once, and as long as this server runs.\n"
    );
    if address.starts_with("https:") {
        text += "  The browser will warn of a self-signed certificate, unless you gave it another one:\n  \
                 compare its SHA-256 fingerprint with the one in the log.\n";
    }
    if screen && let Some(code) = qr(&link) {
        let _ = write!(text, "\n{code}");
    }
    text.push('\n');
    text
}

/// A picture of a text in half blocks, dark on light as phones want it, whatever the terminal's
/// colours are.
fn qr(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let picture = code.render::<Dense1x2>().quiet_zone(true).build();
    let lines = picture.lines().map(|line| format!("    \x1b[30;107m{line}\x1b[0m\n"));
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(protocol: &'static str, address: &str) -> ListenerFacts {
        ListenerFacts { protocol, address: address.parse().unwrap() }
    }

    #[test]
    fn the_encrypted_address_is_shown_if_there_is_one() {
        let (rtmp, http) = (facts("rtmp", "0.0.0.0:1935"), facts("http", "127.0.0.1:8080"));
        let https = facts("https", "192.0.2.7:8443");
        for (listeners, want) in [
            (vec![rtmp.clone(), http.clone(), https], Some("https://192.0.2.7:8443")),
            (vec![facts("https", "[2001:db8::7]:443")], Some("https://[2001:db8::7]")),
            (vec![rtmp.clone(), http], Some("http://127.0.0.1:8080")),
            (vec![rtmp], None),
        ] {
            assert_eq!(address(&listeners).as_deref(), want);
        }
    }

    #[test]
    fn the_link_is_whole_and_its_picture_only_on_a_screen() {
        let token = Secret::new("0123456789abcdef0123456789abcdef");
        let link = format!("https://192.0.2.7:8443/setup#{}", token.expose());
        let piped = invitation("https://192.0.2.7:8443", &token, false);
        assert!(piped.lines().any(|line| line.trim() == link), "{piped}");
        assert!(!piped.contains('\x1b') && piped.contains("fingerprint"));
        let screen = invitation("https://192.0.2.7:8443", &token, true);
        let lines: Vec<_> = screen.lines().filter(|line| line.contains("\x1b[30;107m")).collect();
        assert!((10..40).contains(&lines.len()), "{screen}");
        assert!(!invitation("http://127.0.0.1:8080", &token, false).contains("fingerprint"));
    }
}
