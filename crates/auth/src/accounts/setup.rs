//! How people come in who have no account yet: the link of the first start, and invitations.
//!
//! ```text
//! first start   128 random bits, new at each start while there is nobody, used once (I2)
//! invitation    128 random bits, a role, 7 days, used once; kept as a hash
//! ```

use super::login::LoggedIn;
use super::people::{NewUser, User, may_give, outranks};
use super::session::principal_of;
use super::{Accounts, Client};
use crate::audit::Actor;
use crate::error::AuthError;
use crate::password::Invalid;
use crate::permission::{Permission, Principal, PrincipalKind, Role};
use crate::random::{Hash, hash, link};
use manycast_hub::Secret;
use manycast_store::{Error, InviteId, InviteRow, NewInvite, UnixMs, UserId};
use std::net::IpAddr;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How long an invitation may be used.
const INVITED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Invitations at a time.
const MOST: usize = 100;

/// The link of the first start.
pub(super) struct Link {
    /// While nobody has used it.
    token: Option<Secret>,
    hash: Hash,
}

impl Link {
    pub(super) fn new() -> Self {
        let token = link();
        Self { hash: hash(token.expose()), token: Some(token) }
    }

    /// There is somebody already: no link opens anything.
    pub(super) fn closed() -> Self {
        Self { token: None, ..Self::new() }
    }
}

/// Why a link made nobody.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// It was used, or there is somebody already.
    #[error(
        "This link has been used. Log in with the account that was made with it, or ask an owner \
         for an invitation."
    )]
    Used,
    /// It is none of ours, or of an earlier start.
    #[error(
        "This link is not valid. The server makes a new one at each start until it is used: take \
         the newest from its log."
    )]
    Wrong,
    /// The invitation is none of ours, or its time is over.
    #[error("This invitation is not valid, or its time is over. Ask for another one.")]
    NotInvited,
    /// The name or the password is refused, or the store cannot be used.
    #[error(transparent)]
    Refused(#[from] AuthError),
}

impl From<Error> for SetupError {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Invalid> for SetupError {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(invalid.into())
    }
}

/// An invitation that was just made.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Its id.
    pub id: InviteId,
    /// What whoever accepts it will be.
    pub role: Role,
    /// For the link, shown once.
    pub token: Secret,
    /// Until when it may be used.
    pub expires_at: UnixMs,
}

/// An invitation without what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationInfo {
    /// Its id.
    pub id: InviteId,
    /// What whoever accepts it will be.
    pub role: Role,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: UnixMs,
    /// Until when it may be used.
    pub expires_at: UnixMs,
}

impl Accounts {
    /// What the link of the first start ends with; `None` as soon as there is somebody.
    #[must_use]
    pub fn setup_token(&self) -> Option<Secret> {
        self.0.link.lock().token.clone()
    }

    /// Makes the first owner, for whoever has the link, and logs him in.
    ///
    /// # Errors
    /// [`SetupError`].
    pub async fn set_up(
        &self,
        token: &str,
        name: &str,
        password: &Secret,
        client: &Client,
    ) -> Result<LoggedIn, SetupError> {
        {
            let link = self.0.link.lock();
            if !bool::from(link.hash.ct_eq(&hash(token))) {
                return Err(if link.token.is_some() {
                    SetupError::Wrong
                } else {
                    SetupError::Used
                });
            }
            if link.token.is_none() {
                return Err(SetupError::Used);
            }
        }
        let (name, password) = (name.to_owned(), password.clone());
        let row = self.checked(NewUser { name, password, role: Role::Owner }).await?;
        let entry = Actor::link(client.address).entry(row.created_at, "setup", &row.name);
        let mut edit = self.0.store.edit(entry).await?;
        // of two who have the link, one is first
        if edit.count_users().await? > 0 {
            self.0.link.lock().token = None;
            return Err(SetupError::Used);
        }
        let logged_in = self.create_and_enter(&mut edit, row, client).await?;
        edit.commit().await?;
        self.0.link.lock().token = None;
        Ok(logged_in)
    }

    async fn create_and_enter(
        &self,
        edit: &mut manycast_store::Edit,
        row: manycast_store::NewUser,
        client: &Client,
    ) -> Result<LoggedIn, AuthError> {
        let (id, now) = (row.id, row.created_at);
        edit.create_user(row).await?;
        let row = edit.seen_user(&id, now).await?;
        let (cookie, expires_at) = self.begin_session(edit, &row, client).await?;
        let principal = principal_of(&row);
        let user: User = super::people::user_of(row)?;
        edit.after(user.json());
        let principal = principal.ok_or(AuthError::Busy)?;
        Ok(LoggedIn { cookie, expires_at, principal, user })
    }

    /// Invites somebody whom one does not want to give a password.
    ///
    /// # Errors
    /// [`AuthError`]: may not, too many invitations, the store.
    pub async fn invite(
        &self,
        role: Role,
        by: &Principal,
        from: IpAddr,
    ) -> Result<Invitation, AuthError> {
        may_give(by, role)?;
        if self.invitations().await?.len() >= MOST {
            let message = format!("there are {MOST} invitations already: withdraw some");
            return Err(AuthError::Limit(message));
        }
        let (token, now) = (link(), self.0.clock.now());
        let expires_at = now.plus(INVITED);
        let mut edit =
            self.0.store.edit(by.actor(from).entry(now, "invite.create", role.as_str())).await?;
        let person = by.kind == PrincipalKind::User;
        let new = NewInvite {
            id: InviteId::new(),
            role: role.as_str().to_owned(),
            token_hash: hash(token.expose()).to_vec(),
            created_by: UserId::parse(&by.id).filter(|_| person),
            created_at: now,
            expires_at,
        };
        let id = edit.create_invite(new).await?.id;
        edit.commit().await?;
        Ok(Invitation { id, role, token, expires_at })
    }

    /// The invitations that may still be used.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn invitations(&self) -> Result<Vec<InvitationInfo>, AuthError> {
        let now = self.0.clock.now();
        let rows = self.0.store.invites().await?;
        let rows = rows.into_iter().filter(|row| row.expires_at > now);
        Ok(rows.filter_map(|row| InvitationInfo::try_from(row).ok()).collect())
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`AuthError`]: may not, not found, the store.
    pub async fn withdraw_invitation(
        &self,
        id: &InviteId,
        by: &Principal,
        from: IpAddr,
    ) -> Result<(), AuthError> {
        by.require(Permission::ManageUsers)?;
        let found = self.invitations().await?.into_iter().find(|invitation| invitation.id == *id);
        let found = found.ok_or(Error::NotFound { what: "invitation" })?;
        outranks(by, found.role)?;
        let entry = by.actor(from).entry(self.0.clock.now(), "invite.delete", found.role.as_str());
        let mut edit = self.0.store.edit(entry).await?;
        edit.delete_invite(id).await?;
        Ok(edit.commit().await?)
    }

    /// Makes a user for whoever has the invitation, and logs him in.
    ///
    /// # Errors
    /// [`SetupError`].
    pub async fn accept_invitation(
        &self,
        token: &str,
        name: &str,
        password: &Secret,
        client: &Client,
    ) -> Result<LoggedIn, SetupError> {
        let row = self.0.store.invite_by_hash(&hash(token)).await?;
        let row = row.ok_or(SetupError::NotInvited)?;
        if row.used_at.is_some() {
            return Err(SetupError::Used);
        }
        let info = InvitationInfo::try_from(row).map_err(|_| SetupError::NotInvited)?;
        if info.expires_at <= self.0.clock.now() {
            return Err(SetupError::NotInvited);
        }
        let (name, password) = (name.to_owned(), password.clone());
        let row = self.checked(NewUser { name, password, role: info.role }).await?;
        let now = row.created_at;
        let entry = Actor::link(client.address).entry(now, "invite.accept", &row.name);
        let mut edit = self.0.store.edit(entry).await?;
        // whoever was demoted or disabled since has nothing to give away
        if let Some(host) = &info.created_by {
            let host = edit.user(host).await?.filter(|host| !host.disabled);
            let host = host.and_then(|host| host.role.parse::<Role>().ok());
            if !host.is_some_and(|host| host >= info.role && host >= Role::Admin) {
                return Err(SetupError::NotInvited);
            }
        }
        match edit.use_invite(&info.id, now).await {
            Err(Error::NotFound { .. }) => return Err(SetupError::Used),
            used => used?,
        }
        let logged_in = self.create_and_enter(&mut edit, row, client).await?;
        edit.commit().await?;
        Ok(logged_in)
    }
}

impl TryFrom<InviteRow> for InvitationInfo {
    type Error = crate::permission::UnknownWord;

    fn try_from(row: InviteRow) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id,
            role: row.role.parse()?,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}
