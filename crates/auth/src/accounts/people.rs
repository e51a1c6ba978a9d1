//! Users: made, changed, removed.
//!
//! Two rules hold whatever the route: nobody touches or makes somebody above himself, and there is
//! always an owner who can log in.

use super::{Accounts, Client};
use crate::error::{AuthError, person};
use crate::json::Object;
use crate::password::{Invalid, check};
use crate::permission::{
    Forbidden, Permission, Principal, PrincipalKind, Role, Scope, UnknownWord,
};
use crate::random::hash;
use crate::throttle::Subject;
use manycast_hub::Secret;
use manycast_store::{Edit, Error, TokenId, UnixMs, UserId, UserRow};
use std::net::IpAddr;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// What he logs in with, unique without regard to capital letters.
    pub name: String,
    /// What he is trusted with.
    pub role: Role,
    /// Whether a second factor is asked for.
    pub totp: bool,
    /// Recovery codes that are left.
    pub recovery_codes: usize,
    /// Whether he is kept out.
    pub disabled: bool,
    /// When he was made.
    pub created_at: UnixMs,
    /// The last request, true to a minute.
    pub last_seen_at: Option<UnixMs>,
    /// Rises with each edit.
    pub version: i64,
}

/// A user that is to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// 1 to 64 characters.
    pub name: String,
    /// By the rules of [`crate::check_password`].
    pub password: Secret,
    /// At most that of whoever makes him.
    pub role: Role,
}

/// What is to be changed of a user; `None`: nothing.
#[derive(Clone, Debug, Default)]
pub struct UserEdit {
    /// What he logs in with.
    pub name: Option<String>,
    /// What he is trusted with.
    pub role: Option<Role>,
    /// Whether he is kept out; his sessions end and his tokens open nothing.
    pub disabled: Option<bool>,
    /// A new password, for somebody else who forgot his; his sessions end.
    pub password: Option<Secret>,
}

impl TryFrom<UserRow> for User {
    type Error = UnknownWord;

    fn try_from(row: UserRow) -> Result<Self, UnknownWord> {
        Ok(Self {
            id: row.id,
            role: row.role.parse()?,
            name: row.name,
            totp: row.totp.is_set(),
            recovery_codes: row.recovery.len(),
            disabled: row.disabled,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            version: row.version,
        })
    }
}

impl User {
    /// What the audit log keeps of him.
    pub(super) fn json(&self) -> String {
        self.object().end()
    }

    fn object(&self) -> Object {
        let object = Object::new().text("name", &self.name).text("role", self.role.as_str());
        object.bare("disabled", self.disabled).bare("totp", self.totp)
    }
}

/// Whether a user is the caller himself.
pub(super) fn is_self(user: &User, by: &Principal) -> bool {
    by.kind == PrincipalKind::User && by.id == user.id.to_string()
}

/// Whether the caller may manage somebody of this role, or make somebody so.
pub(super) fn outranks(by: &Principal, role: Role) -> Result<(), Forbidden> {
    by.require(Permission::ManageUsers)?;
    if role == Role::Owner {
        by.require(Permission::ManageOwners)?;
    }
    if role > by.role {
        return Err(Forbidden(format!("this takes the role {role}; yours is {}", by.role)));
    }
    Ok(())
}

/// Whether the caller may give somebody this role. A person has every scope that it is good for: a
/// token that has fewer gives nothing away that it has not.
pub(super) fn may_give(by: &Principal, role: Role) -> Result<(), Forbidden> {
    outranks(by, role)?;
    let needed: &[Scope] = match role {
        Role::Viewer => &[Scope::Read],
        Role::Operator => &[Scope::Read, Scope::Control, Scope::Edit],
        Role::Admin | Role::Owner => &Scope::ALL,
    };
    match needed.iter().find(|scope| !by.scopes.contains(**scope)) {
        Some(scope) => Err(Forbidden(format!(
            "the role {role} comes with the scope {scope}, which your token does not have",
            scope = scope.as_str()
        ))),
        None => Ok(()),
    }
}

/// A row that was just read or written.
pub(super) fn user_of(row: UserRow) -> Result<User, AuthError> {
    let what = format!("user {}: a role that this version does not know", row.id);
    User::try_from(row).map_err(|_| AuthError::Store(Error::Invalid { what }))
}

fn no_user() -> AuthError {
    AuthError::Store(Error::NotFound { what: "user" })
}

impl Accounts {
    /// Everybody.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn users(&self) -> Result<Vec<User>, AuthError> {
        self.0.store.all_users().await?.into_iter().map(user_of).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`AuthError::Store`]: also if there is none.
    pub async fn user(&self, id: &UserId) -> Result<User, AuthError> {
        user_of(self.0.store.user(id).await?.ok_or_else(no_user)?)
    }

    /// One of them by name, in capital letters or not.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, AuthError> {
        self.0.store.user_by_name(name).await?.map(user_of).transpose()
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`AuthError`]: may not, a name or password that is refused, name taken, the store.
    pub async fn create_user(
        &self,
        new: NewUser,
        by: &Principal,
        from: IpAddr,
    ) -> Result<User, AuthError> {
        may_give(by, new.role)?;
        let row = self.checked(new).await?;
        let entry = by.actor(from).entry(row.created_at, "user.create", &row.name);
        let mut edit = self.0.store.edit(entry).await?;
        let user = user_of(edit.create_user(row).await?)?;
        edit.after(user.json());
        edit.commit().await?;
        Ok(user)
    }

    /// The row of a new user, whose name and password are good.
    pub(super) async fn checked(&self, new: NewUser) -> Result<manycast_store::NewUser, AuthError> {
        person(&new.name)?;
        check(&new.password, &new.name)?;
        Ok(manycast_store::NewUser {
            id: UserId::new(),
            password_hash: self.0.hasher.hash(&new.password).await?,
            name: new.name,
            role: new.role.as_str().to_owned(),
            created_at: self.0.clock.now(),
        })
    }

    /// Changes a user. `seen`: the version that the caller saw.
    ///
    /// # Errors
    /// [`AuthError`]: may not, the last owner, a value that is refused, another version, the store.
    pub async fn edit_user(
        &self,
        id: &UserId,
        seen: Option<i64>,
        change: UserEdit,
        by: &Principal,
        from: IpAddr,
    ) -> Result<User, AuthError> {
        let target = self.user(id).await?;
        may_edit(&target, &change, by)?;
        if change.password.is_some() && self.is_of_a_person(by).await? {
            let words = "a password belongs to a person: log in to set one, or take a token that was made on the server's machine";
            return Err(Forbidden(words.to_owned()).into());
        }
        change.name.as_deref().map_or(Ok(()), person)?;
        let password_hash = match &change.password {
            Some(password) => {
                check(password, change.name.as_ref().unwrap_or(&target.name))?;
                Some(self.0.hasher.hash(password).await?)
            }
            None => None,
        };
        let entry = by.actor(from).entry(self.0.clock.now(), "user.edit", &target.name);
        let mut edit = self.0.store.edit(entry).await?;
        // whoever was made an owner meanwhile is judged as one
        let target = user_of(edit.user(id).await?.ok_or_else(no_user)?)?;
        may_edit(&target, &change, by)?;
        edit.before(target.json());
        let row = manycast_store::UserEdit {
            name: change.name,
            role: change.role.map(|role| role.as_str().to_owned()),
            disabled: change.disabled,
            password_hash,
            ..manycast_store::UserEdit::default()
        };
        let new_password = row.password_hash.is_some();
        let user = user_of(edit.edit_user(id, seen, row).await?)?;
        if user.disabled || new_password {
            edit.delete_sessions_of(id, None).await?;
        }
        still_owned(&mut edit, &target).await?;
        edit.after(user.object().bare("password_changed", new_password).end());
        edit.commit().await?;
        self.0.cache.forget_user(id);
        Ok(user)
    }

    /// Whether the caller is a token that a person made.
    async fn is_of_a_person(&self, by: &Principal) -> Result<bool, AuthError> {
        match TokenId::parse(&by.id).filter(|_| by.kind == PrincipalKind::Token) {
            Some(id) => Ok(self.token(&id).await?.user.is_some()),
            None => Ok(false),
        }
    }

    /// Removes a user, with his sessions, tokens and invitations.
    ///
    /// # Errors
    /// [`AuthError`]: may not, oneself, the last owner, another version, the store.
    pub async fn remove_user(
        &self,
        id: &UserId,
        seen: Option<i64>,
        by: &Principal,
        from: IpAddr,
    ) -> Result<(), AuthError> {
        let target = self.user(id).await?;
        let entry = by.actor(from).entry(self.0.clock.now(), "user.delete", &target.name);
        let mut edit = self.0.store.edit(entry).await?;
        let target = user_of(edit.user(id).await?.ok_or_else(no_user)?)?;
        outranks(by, target.role)?;
        if is_self(&target, by) {
            let message = "nobody removes himself: ask another owner or admin";
            return Err(AuthError::Limit(message.to_owned()));
        }
        edit.before(target.json());
        edit.delete_user(id, seen).await?;
        still_owned(&mut edit, &target).await?;
        edit.commit().await?;
        self.0.cache.forget_user(id);
        Ok(())
    }

    /// Changes one's own password. All other sessions end; that of the cookie `keep` stays.
    ///
    /// # Errors
    /// [`AuthError`]: the current one is wrong (held back like a login), a new one that is refused,
    /// the store.
    pub async fn change_password(
        &self,
        by: &Principal,
        current: &Secret,
        new: &Secret,
        keep: Option<&str>,
        client: &Client,
    ) -> Result<(), AuthError> {
        let (row, user) = self.confirmed(by, current, "current", client).await?;
        check(new, &user.name)?;
        if new.matches(current) {
            return Err(Invalid::new("password", "this is the password that you have").into());
        }
        let password_hash = Some(self.0.hasher.hash(new).await?);
        let now = self.0.clock.now();
        let entry = by.actor(client.address).entry(now, "user.password", &user.name);
        let mut edit = self.0.store.edit(entry).await?;
        unchanged(&mut edit, &row).await?;
        let change = manycast_store::UserEdit { password_hash, ..Default::default() };
        edit.edit_user(&user.id, None, change).await?;
        let keep = keep.map(hash);
        edit.delete_sessions_of(&user.id, keep.as_ref().map(<[u8; 32]>::as_slice)).await?;
        edit.commit().await?;
        self.0.cache.forget_user(&user.id);
        Ok(())
    }

    /// The caller's own row, if `password` is his. A wrong one is held back like a login.
    pub(super) async fn confirmed(
        &self,
        by: &Principal,
        password: &Secret,
        field: &'static str,
        client: &Client,
    ) -> Result<(UserRow, User), AuthError> {
        by.require(Permission::OwnAccount)?;
        let id = UserId::parse(&by.id).ok_or_else(no_user)?;
        let row = self.0.store.user(&id).await?.ok_or_else(no_user)?;
        let subjects = [Subject::address(client.address), Subject::name(&row.name)];
        let suspect = self.0.guesses.suspects(tokio::time::Instant::now().into_std(), &subjects);
        if !self.0.hasher.verify(password, Some(&row.password_hash), suspect).await? {
            self.hold_back(&subjects).await;
            return Err(Invalid::new(field, "this is not your password").into());
        }
        let user = user_of(row.clone())?;
        Ok((row, user))
    }
}

/// Whether the password that was confirmed is still the one.
pub(super) async fn unchanged(edit: &mut Edit, row: &UserRow) -> Result<(), AuthError> {
    let now = edit.user(&row.id).await?.ok_or_else(no_user)?;
    if now.disabled || now.password_hash != row.password_hash {
        return Err(AuthError::Store(Error::Conflict { version: now.version }));
    }
    Ok(())
}

fn may_edit(target: &User, change: &UserEdit, by: &Principal) -> Result<(), AuthError> {
    outranks(by, target.role)?;
    if let Some(role) = change.role {
        may_give(by, role)?;
    }
    if is_self(target, by) && (change.disabled == Some(true) || change.password.is_some()) {
        let message = match change.password {
            Some(_) => "change your own password by giving the current one",
            None => "nobody disables himself: ask another owner or admin",
        };
        return Err(AuthError::Limit(message.to_owned()));
    }
    Ok(())
}

/// Whether somebody is left who may everything, when this one was changed or removed. Where there is no
/// owner, only tokens, nobody else is kept for the lack of one.
async fn still_owned(edit: &mut Edit, before: &User) -> Result<(), AuthError> {
    if before.role != Role::Owner || before.disabled || edit.count_owners().await? > 0 {
        return Ok(());
    }
    let message = "this is the last owner: make somebody else an owner first";
    Err(AuthError::Limit(message.to_owned()))
}
