//! Which server is asked, why it is believed, and what it is shown.

use crate::tool::{self, Failure};
use clap::Args;
use manycast_hub::Secret;
use manycast_tls::ClientTls;
use manycast_web::Client;
use std::io::Read;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The variable that may hold the token.
const TOKEN: &str = "MANYCAST_TOKEN";
/// The certificate that a server makes for itself, in its data directory.
const CERTIFICATE: &str = "tls-cert.pem";
/// The longest secret that is read, in bytes.
const MOST: u64 = 4096;

/// What every command that talks to a server takes.
#[derive(Args, Clone, Debug)]
pub(super) struct Access {
    /// The server. On its own machine the default is right.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "MANYCAST_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    pub server: String,
    /// A file that holds the token; without it the variable MANYCAST_TOKEN.
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Trust the certificate with this SHA-256, as the server's log shows it.
    #[arg(long, global = true, value_name = "SHA256", env = "MANYCAST_FINGERPRINT",
          value_parser = fingerprint)]
    pub fingerprint: Option<[u8; 32]>,
    /// Authorities or certificates (PEM) to trust beside those of the machine.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "fingerprint")]
    pub ca: Option<PathBuf>,
    /// The server's data directory, on its own machine: its self-signed certificate is trusted.
    #[arg(long, global = true, value_name = "DIR", env = "MANYCAST_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print JSON in place of tables.
    #[arg(long, global = true)]
    pub json: bool,
}

/// 64 hexadecimal digits, with or without colons.
fn fingerprint(text: &str) -> Result<[u8; 32], String> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !matches!(c, ':' | ' '))
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()
        .unwrap_or_default();
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok())
        .collect();
    let whole = digits.len() == 64;
    let bytes: Option<[u8; 32]> = bytes.try_into().ok().filter(|_| whole);
    bytes.ok_or_else(|| "a SHA-256 fingerprint has 64 hexadecimal digits: AB:CD:...".to_owned())
}

impl Access {
    /// The way to the server.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let settings = tool::client_settings(None)?;
        let token = self.token()?;
        let bearer = token.clone();
        let client = Client::new(&self.server, settings.dialer, Arc::new(self.trust()?), bearer);
        let client = client.map_err(|error| Failure::usage(error.to_string()))?;
        if token.is_some() && !client.is_secure() && !is_here(&client.host()) {
            return Err(Failure::usage(format!(
                "{}: the token would travel unencrypted: use the https address of the server",
                self.server
            )));
        }
        Ok(client)
    }

    fn trust(&self) -> Result<ClientTls, Failure> {
        if let Some(fingerprint) = self.fingerprint {
            return Ok(ClientTls::pinned(fingerprint));
        }
        let own = self.data_dir.as_ref().map(|dir| dir.join(CERTIFICATE));
        let extra = self.ca.clone().or_else(|| own.filter(|file| file.is_file()));
        ClientTls::system(extra.as_deref()).map_err(|error| Failure::usage(error.to_string()))
    }

    /// The token, if there is one.
    pub(super) fn token(&self) -> Result<Option<Secret>, Failure> {
        let Some(file) = &self.token_file else {
            let variable = std::env::var(TOKEN).ok();
            return Ok(variable.map(|t| Secret::new(t.trim())).filter(|t| !t.is_empty()));
        };
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|e| Failure::usage(format!("{}: {e}", file.display())))?;
        match text.trim() {
            "" => Err(Failure::usage(format!("{} holds no token", file.display()))),
            token => Ok(Some(Secret::new(token))),
        }
    }
}

/// Whether a host is this machine, so that nobody listens in between.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// A secret that is no argument: `-` reads one line of the standard input, else the variable counts.
///
/// # Errors
/// The standard input could not be read, or is empty.
pub(super) fn secret(from: Option<&str>, variable: &str) -> Result<Option<Secret>, Failure> {
    if from.is_none() {
        let value = std::env::var(variable).ok();
        return Ok(value.map(|text| Secret::new(text.trim())).filter(|text| !text.is_empty()));
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MOST).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("the standard input cannot be read: {error}")))?;
    match text.lines().next().map(str::trim) {
        None | Some("") => Err(Failure::usage("the standard input is empty")),
        Some(line) => Ok(Some(Secret::new(line))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_taken_as_they_are_shown() {
        let bytes: [u8; 32] = std::array::from_fn(|n| u8::try_from(n * 7).unwrap());
        let shown = manycast_tls::fingerprint_text(&bytes);
        for text in [shown.clone(), shown.to_lowercase(), shown.replace(':', "")] {
            assert_eq!(fingerprint(&text), Ok(bytes), "{text}");
        }
        for text in ["", "AB", &shown[1..], &format!("{shown}:00"), "zz", &shown.replace('0', "x")]
        {
            assert!(fingerprint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for (host, here) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("::1", true),
            ("192.0.2.7", false),
            ("localhost.example", false),
            ("live.example", false),
        ] {
            assert_eq!(is_here(host), here, "{host}");
        }
    }
}
