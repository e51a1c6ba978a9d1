//! How far one gets at an address, without publishing: for rehearsals.
//!
//! The way is that of a Delivery, up to the answer to `connect`. What a publisher says next
//! (`releaseStream`, `FCPublish`, `createStream`) is never written: it holds the key, and some
//! servers end the session that is on air at the first of these. Must not come here: sentences.

use super::conn::{Address, ClientSettings};
use super::login::Approach;
use manycast_hub::{Announce, Fault, LinkEnd, Stage};
use manycast_rtmp::session::{ClientEvent, ClientRole, Stage as Greeting};
use std::net::SocketAddr;

/// Connects and greets, then hangs up. `reach` is told as each stage begins: [`Stage::Publishing`]
/// is the question for the application, [`Stage::Accepted`] the answer yes. Tells where the far
/// end is. Each step is bounded as that of a Delivery; cancel-safe.
///
/// # Errors
/// Why it came to nothing; with [`Fault::Redirected`] the address to try instead.
pub async fn rehearse(
    settings: &ClientSettings,
    address: &Address,
    announce: Announce,
    reach: impl Fn(Stage),
) -> Result<SocketAddr, LinkEnd> {
    let role = ClientRole::Publish;
    let approach = Approach { settings, address, role, announce, enhanced: false };
    let mut conn = approach.open_told(&reach, || reach(Stage::Publishing)).await?;
    // The approach has put the answer back: it is there at once.
    let answer = conn.greeting(|| ()).await?;
    if answer == ClientEvent::Stage(Greeting::Connected) {
        reach(Stage::Accepted);
        return Ok(conn.peer_address());
    }
    let unclear = || LinkEnd::new(Fault::Handshake, "the far end answers what nobody asked");
    Err(conn.verdict(&answer).unwrap_or_else(unclear))
}
