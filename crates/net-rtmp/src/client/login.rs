//! The way to a far end that takes us: the dial, and what it may cost of further dials.
//!
//! ```text
//! dial -> connected                                          done
//!      -> asked who we are -> dial with the user -> challenged -> dial with the answer -> connected
//!      -> refused, and we had announced what we can -> dial without that
//! ```
//! Belongs here: the order of these dials, which are one attempt. Must not come here: how an answer
//! is computed (crate `rtmp`), when to try again (restream).

use super::conn::{Address, ClientConn, ClientSettings, Offer};
use super::fault;
use manycast_hub::{Announce, Fault, LinkEnd, Stage};
use manycast_rtmp::auth::{Demand, Login};
use manycast_rtmp::command::RtmpUrl;
use manycast_rtmp::session::{Capabilities, ClientEvent, ClientRole, Stage as Greeting};

/// How far an exchange of user and password has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Nothing,
    User,
    Answer,
}

/// What a connection was opened for: who, and what is said of us.
pub(super) struct Approach<'a> {
    pub(super) settings: &'a ClientSettings,
    pub(super) address: &'a Address,
    pub(super) role: ClientRole,
    /// Whether the far end is told what we can.
    pub(super) announce: Announce,
    /// Whether the Stream needs more than the oldest form of RTMP.
    pub(super) enhanced: bool,
}

impl Approach<'_> {
    /// Connects, up to the answer to `connect`; `reach` is told of each stage of the first dial.
    pub(super) async fn open(&self, reach: impl Fn(Stage)) -> Result<ClientConn, LinkEnd> {
        self.open_told(reach, || ()).await
    }

    /// The same; `greeted` hears each time that the far end has spoken RTMP.
    pub(super) async fn open_told(
        &self,
        reach: impl Fn(Stage),
        greeted: impl Fn(),
    ) -> Result<ClientConn, LinkEnd> {
        let mut announces = match self.announce {
            Announce::Auto => self.enhanced,
            Announce::Nothing => false,
            Announce::Everything => true,
        };
        let mut url = self.address.url().clone();
        let mut asked = Asked::Nothing;
        let mut conn = self.dial(&url, announces, reach).await?;
        loop {
            match conn.greeting(&greeted).await {
                Ok(ClientEvent::Challenged { demand }) => {
                    drop(conn);
                    (url, asked) = self.answer(&demand, asked)?;
                }
                // Whoever only dislikes what it does not know takes us without it.
                Ok(ClientEvent::Refused { .. } | ClientEvent::Closed) | Err(_)
                    if announces && self.announce == Announce::Auto && conn.is_greeted() =>
                {
                    announces = false;
                    drop(conn);
                }
                Ok(event) => {
                    conn.put_back(event);
                    return Ok(conn);
                }
                Err(end) => return Err(end),
            }
            conn = self.dial(&url, announces, |_| ()).await?;
        }
    }

    async fn dial(
        &self,
        url: &RtmpUrl,
        announces: bool,
        reach: impl Fn(Stage),
    ) -> Result<ClientConn, LinkEnd> {
        let announce = if announces { Capabilities::forwarder() } else { Capabilities::default() };
        let offer = Offer { role: self.role, url: url.clone(), announce };
        ClientConn::open(self.settings, self.address, offer, reach).await
    }

    /// The URL that answers a demand. No demand is met twice.
    fn answer(&self, demand: &Demand, asked: Asked) -> Result<(RtmpUrl, Asked), LinkEnd> {
        let login = self.address.login().ok_or_else(unnamed)?;
        let url = self.address.url();
        match demand {
            Demand::Identify(dialect) if asked < Asked::User => {
                Ok((login.identify(url, *dialect), Asked::User))
            }
            Demand::Prove(challenge) if asked < Asked::Answer => {
                Ok((login.answer(url, challenge, rand::random()), Asked::Answer))
            }
            Demand::Identify(_) | Demand::Prove(_) | Demand::Other => Err(refused()),
        }
    }
}

fn unnamed() -> LinkEnd {
    let words = "the far end asks for a user and a password: add user and password";
    fault::end(Fault::Rejected, words)
}

fn refused() -> LinkEnd {
    fault::end(Fault::Rejected, "the far end does not take this user and password")
}

/// The end that a demand means to who has nobody to answer it.
pub(super) fn demanded(demand: &Demand) -> LinkEnd {
    match demand {
        Demand::Other => refused(),
        Demand::Identify(_) | Demand::Prove(_) => unnamed(),
    }
}

/// A user and a password as the hub has them.
pub(super) fn of(login: Option<&manycast_hub::Login>) -> Result<Option<Login>, LinkEnd> {
    let Some(login) = login else { return Ok(None) };
    let login = Login::new(login.user.expose(), login.password.expose());
    login.map(Some).map_err(|e| fault::end(Fault::Configuration, e.to_string()))
}

/// Whether an event is the answer to `connect`, or as good as that.
pub(super) fn is_answer(event: &ClientEvent) -> bool {
    !matches!(
        event,
        ClientEvent::Stage(Greeting::HandshakeDone)
            | ClientEvent::PeerAcknowledged { .. }
            | ClientEvent::Status { .. }
    )
}
