//! Logging in.
//!
//! ```text
//! name and password --one hash, also for a name that there is not--> wrong: wait, "wrong"
//!   --> no second factor --> session
//!   --> code missing: "code needed"; wrong: wait; too many: not looked at for a while --> session
//! ```
//!
//! The answer to a wrong name, a wrong password and a disabled user is one and the same (I6).

use super::people::User;
use super::session::principal_of;
use super::{Accounts, Client};
use crate::password::{Busy, LONGEST};
use crate::permission::Principal;
use crate::random::hash;
use crate::throttle::Subject;
use crate::totp;
use manycast_hub::Secret;
use manycast_store::{Error, Kept, UnixMs, UserEdit, UserRow};
use std::time::Duration;

/// What somebody logs in with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user's name, in capital letters or not.
    pub name: String,
    /// The password.
    pub password: Secret,
    /// A code of the authenticator app, or a recovery code.
    pub code: Option<Secret>,
}

/// A session that has begun.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The value of the cookie, shown once: 43 characters.
    pub cookie: Secret,
    /// The latest end of the session.
    pub expires_at: UnixMs,
    /// Who it is for the rest of the server.
    pub principal: Principal,
    /// Who it is.
    pub user: User,
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Name or password, and no word which.
    #[error("the name or the password is wrong")]
    Wrong,
    /// The password is right, and a code is needed besides.
    #[error("enter the six digits of your authenticator app, or a recovery code")]
    CodeNeeded,
    /// The password is right, and the code is not.
    #[error("the code is wrong: compare the clocks of your device and of the server")]
    CodeWrong,
    /// The password is right, and so was the code, which somebody used already. It does not count as
    /// a wrong one: two pages of one person, or a program that asks again, would lock him out.
    #[error("this code was used already: wait for the next one")]
    CodeUsed,
    /// The password is right, and too many codes were wrong.
    #[error("too many wrong codes: wait {} s, or use a recovery code", retry.as_secs().max(1))]
    CodesExhausted {
        /// When a code is looked at again.
        retry: Duration,
    },
    /// Too many log in at a time.
    #[error("too many log in at the moment: try again in a few seconds")]
    Busy,
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<Busy> for LoginError {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl Accounts {
    /// Begins a session for whoever has the right credentials, always with a new id. A wrong answer
    /// waits after ten in a minute, by name and by address; a right one never does (B11).
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn log_in(
        &self,
        credentials: Credentials,
        client: &Client,
    ) -> Result<LoggedIn, LoginError> {
        let Credentials { name, password, code } = credentials;
        let name = name.trim();
        let subjects = [Subject::address(client.address), Subject::name(name)];
        let row = match self.proved(name, &password, &subjects).await? {
            Some(row) => row,
            None => {
                tracing::info!(address = %client.address, "a login with a wrong name or password");
                self.hold_back(&subjects).await;
                return Err(LoginError::Wrong);
            }
        };
        match self.second_factor(&row, code.as_ref()).await {
            Ok(proved_by) => self.enter(row, &password, proved_by, client).await,
            Err(LoginError::CodeWrong) => {
                tracing::info!(address = %client.address, "a login with a wrong code");
                self.hold_back(&subjects).await;
                Err(LoginError::CodeWrong)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn hold_back(&self, subjects: &[Subject]) {
        #[cfg(test)]
        self.0.held.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let wait = self.0.guesses.wrong(tokio::time::Instant::now().into_std(), subjects);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// The user whose name and password these are.
    pub(super) async fn proved(
        &self,
        name: &str,
        password: &Secret,
        subjects: &[Subject],
    ) -> Result<Option<UserRow>, LoginError> {
        let now = tokio::time::Instant::now().into_std();
        let suspect = self.0.guesses.suspects(now, subjects);
        let row = self.0.store.user_by_name(name).await?;
        // a longer one was never taken; the same work is done for what is left of it
        let too_long = password.expose().len() > LONGEST;
        let password = if too_long { &Secret::default() } else { password };
        let hash = row.as_ref().map(|row| row.password_hash.as_str());
        let right = self.0.hasher.verify(password, hash, suspect).await?;
        Ok(row.filter(|row| right && !too_long && !row.disabled))
    }

    /// In what words the audit log says how the user proved who he is.
    async fn second_factor(
        &self,
        row: &UserRow,
        code: Option<&Secret>,
    ) -> Result<&'static str, LoginError> {
        if !row.totp.is_set() {
            return Ok("password");
        }
        let code = code.ok_or(LoginError::CodeNeeded)?.expose();
        let recovery = totp::plain_recovery(code);
        if recovery.len() == totp::RECOVERY_LENGTH {
            let kept = data_encoding::HEXLOWER.encode(&hash(&recovery));
            let used = self.0.store.use_recovery_hash(&row.id, &kept).await?;
            return if used {
                Ok("password and recovery code")
            } else {
                Err(LoginError::CodeWrong)
            };
        }
        let (now, user) =
            (tokio::time::Instant::now().into_std(), Subject::name(&row.id.to_string()));
        self.0.codes.take(now, user).map_err(|retry| LoginError::CodesExhausted { retry })?;
        let Kept::Secret(secret) = &row.totp else { return Err(LoginError::CodeWrong) };
        let clock = self.0.clock.now();
        let Some(step) = totp::step_of(secret, code, clock, row.totp_last_step) else {
            if totp::step_of(secret, code, clock, None).is_none() {
                return Err(LoginError::CodeWrong);
            }
            self.0.codes.give_back(user);
            return Err(LoginError::CodeUsed);
        };
        // of two logins with one code, the database lets one through
        if !self.0.store.use_totp_step(&row.id, step).await? {
            self.0.codes.give_back(user);
            return Err(LoginError::CodeUsed);
        }
        self.0.codes.forgive(user);
        Ok("password and code")
    }

    /// Begins the session of a user who has proved everything.
    async fn enter(
        &self,
        row: UserRow,
        password: &Secret,
        proved_by: &str,
        client: &Client,
    ) -> Result<LoggedIn, LoginError> {
        let principal = principal_of(&row).ok_or(LoginError::Wrong)?;
        let fresh = match self.0.hasher.is_stale(&row.password_hash) {
            true => Some(self.0.hasher.hash(password).await?),
            false => None,
        };
        let now = self.0.clock.now();
        let entry = principal.actor(client.address).entry(now, "session.create", &row.name);
        let state = crate::json::Object::new().text("proved_by", proved_by).end();
        let mut edit = self.0.store.edit(entry.after(state)).await?;
        // what was proved has to hold still
        let current = edit.user(&row.id).await?;
        let same =
            |current: &UserRow| !current.disabled && current.password_hash == row.password_hash;
        let Some(mut current) = current.filter(same) else { return Err(LoginError::Wrong) };
        if let Some(password_hash) = fresh {
            let change = UserEdit { password_hash: Some(password_hash), ..UserEdit::default() };
            current = edit.edit_user(&row.id, None, change).await?;
        }
        let (cookie, expires_at) = self.begin_session(&mut edit, &current, client).await?;
        edit.commit().await?;
        if let Err(error) = self.0.store.touch_user(&row.id, now).await {
            tracing::debug!(%error, "that a user was seen is not written");
        }
        let user = User::try_from(current).map_err(|_| LoginError::Wrong)?;
        Ok(LoggedIn { cookie, expires_at, principal, user })
    }
}
