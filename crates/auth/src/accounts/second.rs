//! The second factor of a user: offered, confirmed by a code, removed.
//!
//! An offer is in force only after one code of it was right, so that nobody locks himself out. It
//! takes the password, so that a session left open is not enough to take an account over.

use super::people::{outranks, unchanged, user_of};
use super::{Accounts, Client};
use crate::error::AuthError;
use crate::password::Invalid;
use crate::permission::{Permission, Principal, PrincipalKind};
use crate::random::hash;
use crate::throttle::Subject;
use crate::totp::{self, RECOVERY_CODES};
use manycast_hub::Secret;
use manycast_store::{Error, UnixMs, UserEdit, UserId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// How long an offer waits for its code.
const OFFERED: Duration = Duration::from_secs(600);

/// What an authenticator app is given.
#[derive(Clone, Debug)]
pub struct TotpOffer {
    /// To be typed: base32.
    pub secret: Secret,
    /// To be scanned: `otpauth://totp/...`.
    pub uri: Secret,
    /// Until when a code of it is awaited.
    pub expires_at: UnixMs,
}

/// The offers that wait: at most one for each user.
#[derive(Default)]
pub(super) struct Offers(Mutex<HashMap<UserId, (Secret, UnixMs)>>);

impl Offers {
    fn put(&self, user: UserId, secret: Secret, until: UnixMs, now: UnixMs) {
        let mut offers = self.0.lock();
        offers.retain(|_, (_, until)| *until > now);
        offers.insert(user, (secret, until));
    }

    fn get(&self, user: &UserId, now: UnixMs) -> Option<Secret> {
        let offers = self.0.lock();
        offers.get(user).filter(|(_, until)| *until > now).map(|(secret, _)| secret.clone())
    }

    fn take(&self, user: &UserId) {
        self.0.lock().remove(user);
    }
}

impl Accounts {
    /// Offers the caller a second factor, or another one in the place of what he has. Nothing is in
    /// force before [`Accounts::confirm_totp`].
    ///
    /// # Errors
    /// [`AuthError`]: not his password (held back like a login), a token, the store.
    pub async fn begin_totp(
        &self,
        by: &Principal,
        password: &Secret,
        client: &Client,
    ) -> Result<TotpOffer, AuthError> {
        let (_, user) = self.confirmed(by, password, "password", client).await?;
        let (secret, now) = (totp::new_secret(), self.0.clock.now());
        let expires_at = now.plus(OFFERED);
        self.0.offers.put(user.id, secret.clone(), expires_at, now);
        let uri = totp::uri(&self.0.issuer, &user.name, &secret);
        Ok(TotpOffer { secret, uri, expires_at })
    }

    /// Puts the offer into force. Returns ten recovery codes, shown once; each stands for one code.
    ///
    /// # Errors
    /// [`AuthError`]: no offer, a wrong code, the store.
    pub async fn confirm_totp(
        &self,
        by: &Principal,
        code: &str,
        from: IpAddr,
    ) -> Result<Vec<Secret>, AuthError> {
        by.require(Permission::OwnAccount)?;
        let id = UserId::parse(&by.id).ok_or(Error::NotFound { what: "user" })?;
        let now = self.0.clock.now();
        let Some(secret) = self.0.offers.get(&id, now) else {
            let message = "the time for this code is over: begin again";
            return Err(Invalid::new("code", message).into());
        };
        let tries = (tokio::time::Instant::now().into_std(), Subject::name(&id.to_string()));
        if self.0.codes.take(tries.0, tries.1).is_err() {
            return Err(AuthError::Limit("too many wrong codes: wait some minutes".to_owned()));
        }
        let Some(step) = totp::step_of(&secret, code, now, None) else {
            let message = "the code is wrong: compare the clocks of your device and of the server";
            return Err(Invalid::new("code", message).into());
        };
        self.0.codes.forgive(tries.1);
        let codes: Vec<Secret> = (0..RECOVERY_CODES).map(|_| totp::new_recovery()).collect();
        let kept = |code: &Secret| {
            data_encoding::HEXLOWER.encode(&hash(&totp::plain_recovery(code.expose())))
        };
        let recovery = Some(codes.iter().map(kept).collect());
        let mut edit = self.0.store.edit(by.actor(from).entry(now, "user.totp", &by.name)).await?;
        let change = UserEdit { totp: Some(Some(secret)), recovery, ..UserEdit::default() };
        edit.edit_user(&id, None, change).await?;
        edit.commit().await?;
        self.0.offers.take(&id);
        // the code that confirmed is no code to log in with
        if let Err(error) = self.0.store.use_totp_step(&id, step).await {
            // the codes are in force and shown only now: they are worth more than this step
            tracing::warn!(%error, "the step that confirmed a second factor is not written");
        }
        Ok(codes)
    }

    /// Removes the second factor: one's own with the password, or that of somebody whom the caller
    /// may manage, who lost his device.
    ///
    /// # Errors
    /// [`AuthError`]: may not, not the password, the store.
    pub async fn remove_totp(
        &self,
        user: &UserId,
        password: Option<&Secret>,
        by: &Principal,
        client: &Client,
    ) -> Result<(), AuthError> {
        let own = by.kind == PrincipalKind::User && by.id == user.to_string();
        let confirmed = match (own, password) {
            (true, Some(password)) => {
                Some(self.confirmed(by, password, "password", client).await?.0)
            }
            (true, None) => {
                return Err(Invalid::new("password", "give your password to do this").into());
            }
            (false, _) => None,
        };
        let target = self.user(user).await?;
        let now = self.0.clock.now();
        let entry = by.actor(client.address).entry(now, "user.totp_off", &target.name);
        let mut edit = self.0.store.edit(entry).await?;
        match &confirmed {
            Some(row) => unchanged(&mut edit, row).await?,
            None => {
                let row = edit.user(user).await?.ok_or(Error::NotFound { what: "user" })?;
                outranks(by, user_of(row)?.role)?;
            }
        }
        let change =
            UserEdit { totp: Some(None), recovery: Some(Vec::new()), ..UserEdit::default() };
        edit.edit_user(user, None, change).await?;
        edit.commit().await?;
        self.0.offers.take(user);
        Ok(())
    }
}
