//! Outgoing connections: from a URL to a connected TCP socket.
//!
//! ```text
//! "rtmps://live.example/app"                     Target::parse     strict, no second reading
//!   -> Host, port        -> addresses            Resolver          asked anew for each dial
//!   -> all addresses     -> allowed or refused   Gate              one bad address refuses all
//!   -> the same ones     -> TcpStream            race (RFC 8305)   IPv6 first, 250 ms apart
//! ```
//!
//! Belongs here: the one way out of the server. Must not come here: TLS (the next floor's matter),
//! protocols, when to try again.
//!
//! Absent on purpose: no other crate opens outgoing connections; there is no way around the gate,
//! no second resolution between judging an address and connecting to it, no cache of answers, no
//! blocking resolver, no proxy, and nothing here sees the path of a URL, which holds stream keys.

mod dialer;
mod error;
mod gate;
mod race;
mod ranges;
mod resolve;
mod target;

#[cfg(test)]
mod tests;

pub use dialer::{Connected, Dialer, Stage, Tuning};
pub use error::{DialError, DnsFailure};
pub use gate::{Allow, AllowError, Gate, Refusal};
pub use ranges::Range;
pub use resolve::Resolver;
pub use target::{Host, Scheme, Target, TargetError};
