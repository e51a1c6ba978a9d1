//! People and programs: who they are, how they prove it, and how that ends.
//!
//! ```text
//! setup    a link at each start while there is nobody --> the first owner
//! login    password, then code if there is a second factor --> session (cookie)
//! people   made by invitation or by an admin; nobody makes anybody above himself
//! token    for programs: role AND scopes
//! second   TOTP and recovery codes
//! session  cookies and tokens looked up, in memory first
//! ```
//!
//! Every change and its entry in the audit log are one transaction of the store.

mod login;
mod people;
mod second;
mod session;
mod setup;
mod token;

pub use login::{Credentials, LoggedIn, LoginError};
pub use people::{NewUser, User, UserEdit};
pub use second::TotpOffer;
pub use session::SessionInfo;
pub use setup::{Invitation, InvitationInfo, SetupError};
pub use token::{NewToken, Token};

use crate::clock::Clock;
use crate::error::AuthError;
use crate::password::{Cost, Hasher};
use crate::throttle::{Allowed, GUESSES, Throttle};
use manycast_store::Store;
use parking_lot::Mutex;
use second::Offers;
use session::Cache;
use setup::Link;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a wrong answer to a login waits.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// Codes of a second factor that are looked at (RFC 4226 7.3): a guesser who has the password gets
/// through 720 of a million in a day.
const CODES: Allowed = Allowed { tries: 5, per: Duration::from_secs(600) };

/// Who is at the other end of a request.
#[derive(Clone, Debug)]
pub struct Client {
    /// From where.
    pub address: IpAddr,
    /// What it calls itself (`User-Agent`).
    pub agent: String,
}

/// How accounts are kept.
#[derive(Clone, Debug)]
pub struct AccountOptions {
    /// By which expiry is judged.
    pub clock: Clock,
    /// What a password hash costs.
    pub cost: Cost,
    /// The server's name in an authenticator app.
    pub issuer: String,
}

impl Default for AccountOptions {
    fn default() -> Self {
        Self { clock: Clock::system(), cost: Cost::default(), issuer: "Manycast".to_owned() }
    }
}

/// All accounts of the server; a handle.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    hasher: Hasher,
    /// Wrong passwords, by address and by name.
    guesses: Throttle,
    /// Codes, by user.
    codes: Throttle,
    cache: Cache,
    link: Mutex<Link>,
    offers: Offers,
    issuer: String,
    /// Wrong answers so far.
    #[cfg(test)]
    held: std::sync::atomic::AtomicU32,
}

impl Accounts {
    /// The accounts of `store`. Makes the link of the first start while there is nobody.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn open(store: Store, options: AccountOptions) -> Result<Self, AuthError> {
        let nobody = store.count_users().await? == 0;
        let cost = options.cost;
        let hasher = tokio::task::spawn_blocking(move || Hasher::new(cost)).await;
        Ok(Self(Arc::new(Inner {
            store,
            clock: options.clock,
            hasher: hasher.map_err(|_| AuthError::Busy)?,
            guesses: Throttle::new(GUESSES, LONGEST_WAIT),
            codes: Throttle::new(CODES, Duration::ZERO),
            cache: Cache::default(),
            link: Mutex::new(if nobody { Link::new() } else { Link::closed() }),
            offers: Offers::default(),
            issuer: options.issuer,
            #[cfg(test)]
            held: std::sync::atomic::AtomicU32::default(),
        })))
    }
}

#[cfg(test)]
mod tests;
