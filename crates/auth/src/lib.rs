//! Who may do what: accounts, sessions, tokens, roles, stream keys, and the Gate.
//!
//! ```text
//! person   password (+ code) -> Accounts::log_in -> cookie -> authenticate -> Principal -> may(Permission)
//! program  mc_ token          -> authenticate_bearer        -> Principal -> may(Permission)
//! encoder  stream key         -> AccessGate (hub::Gate), which goes by an AccessTable
//! ```
//!
//! Belongs here: proofs of identity, what they are worth, and how they end. Must not come here: HTTP
//! and JSON, SQL, what a Stream does once it is let in.

mod accounts;
mod address;
mod audit;
mod clock;
mod error;
mod gate;
mod json;
mod password;
mod permission;
mod random;
mod stream_key;
mod throttle;
mod totp;

pub use accounts::{
    AccountOptions, Accounts, Client, Credentials, Invitation, InvitationInfo, LoggedIn,
    LoginError, NewToken, NewUser, SessionInfo, SetupError, Token, TotpOffer, User, UserEdit,
};
pub use address::subject;
pub use audit::{Actor, ActorKind};
pub use clock::Clock;
pub use error::{AuthError, is_invisible};
pub use gate::{
    AccessGate, AccessKey, AccessTable, Attempt, AttemptKey, AttemptOutcome, Block, GateCounters,
    GateObserver, IpNet, KeyMaterial, RefusalReason, RetiredKey, StreamAccess,
};
pub use manycast_store::{InviteId, StreamKeyId, TokenId, UnixMs, UserId};
pub use password::{Cost, Invalid, check as check_password};
pub use permission::{
    Forbidden, Permission, Principal, PrincipalKind, Role, Scope, Scopes, UnknownWord, allowed,
    scope_of,
};
pub use stream_key::{KeyLedger, NewStreamKey, StreamKey, StreamKeyEdit, StreamKeys};
