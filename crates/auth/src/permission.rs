//! Who may do what: roles, the permissions that routes name, and the scopes of tokens.
//!
//! ```text
//! owner > admin > operator > viewer          a user may what its role may
//! a token may what its role AND its scopes may, and never what belongs to a person
//! ```
//!
//! Belongs here: the one table. Must not come here: how anybody proves who he is.

use crate::audit::Actor;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What a user or a token is trusted with; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Watches states; sees neither keys nor addresses of people.
    Viewer,
    /// Runs broadcasts: live, end, destinations, keys, sessions.
    Operator,
    /// Also makes and removes streams, people up to admins, tokens, webhooks; reads the audit log.
    Admin,
    /// Also makes owners, and holds the vault and the backups.
    Owner,
}

impl Role {
    /// From the least to the most.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Admin, Self::Owner];

    /// The word in the API and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// A word that is no role, scope or permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such {0}")]
pub struct UnknownWord(&'static str);

impl FromStr for Role {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownWord("role"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token is made for. Scopes stand beside each other: none includes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Look.
    Read,
    /// Act at run time: go live, end, enable, retry, end sessions.
    Control,
    /// Change what is defined.
    Edit,
    /// Administer: people, tokens, the audit log, settings.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Control, Self::Edit, Self::Admin];

    /// The word in the API and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Control => "control",
            Self::Edit => "edit",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Control => 2,
            Self::Edit => 4,
            Self::Admin => 8,
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownWord("scope"))
    }
}

/// A set of scopes; its text is the words with blanks between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    pub const ALL: Self = Self(15);

    /// These scopes.
    #[must_use]
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }

    /// Whether `scope` is among them.
    #[must_use]
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

impl FromStr for Scopes {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let scopes: Result<Vec<Scope>, _> = text.split_whitespace().map(str::parse).collect();
        scopes.map(Self::of)
    }
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident, $word:literal, $role:ident, $scope:expr;)*) => {
        /// One kind of thing that a route does. Each route names exactly one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission { $($(#[$doc])* $name,)* }

        impl Permission {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word in the API's description (`x-permission`).
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The least role that has it.
            #[must_use]
            pub fn least(self) -> Role {
                match self { $(Self::$name => Role::$role,)* }
            }

            /// The scope that a token needs for it; `None`: it belongs to people, and no token has it.
            #[must_use]
            pub fn scope(self) -> Option<Scope> {
                match self { $(Self::$name => $scope,)* }
            }
        }
    };
}

permissions! {
    /// Streams, destinations, status, health, history, past and present events, services, the
    /// server's version; without keys and without addresses of people.
    ReadState, "read_state", Viewer, Some(Scope::Read);
    /// One's own account: password, second factor, sessions.
    OwnAccount, "own_account", Viewer, None;
    /// Addresses of encoders and viewers, the list of sessions, attempts to publish, blocks.
    ReadPeople, "read_people", Operator, Some(Scope::Read);
    /// Stream keys by label and prefix; a key itself is never read.
    ReadKeys, "read_keys", Operator, Some(Scope::Read);
    /// Go live and end.
    RunStreams, "run_streams", Operator, Some(Scope::Control);
    /// Enable, disable and retry destinations.
    RunDestinations, "run_destinations", Operator, Some(Scope::Control);
    /// Try a destination without viewers noticing.
    Rehearse, "rehearse", Operator, Some(Scope::Control);
    /// End sessions; block and unblock addresses.
    EndSessions, "end_sessions", Operator, Some(Scope::Control);
    /// Change streams.
    EditStreams, "edit_streams", Operator, Some(Scope::Edit);
    /// Create, change, order and delete destinations.
    EditDestinations, "edit_destinations", Operator, Some(Scope::Edit);
    /// Create, change, rotate and revoke stream keys.
    EditKeys, "edit_keys", Operator, Some(Scope::Edit);
    /// Create and delete streams.
    CreateStreams, "create_streams", Admin, Some(Scope::Edit);
    /// Create, change, delete and test webhooks.
    ManageWebhooks, "manage_webhooks", Admin, Some(Scope::Edit);
    /// People and invitations, never above oneself.
    ManageUsers, "manage_users", Admin, Some(Scope::Admin);
    /// Tokens, never above oneself.
    ManageTokens, "manage_tokens", Admin, Some(Scope::Admin);
    /// The audit log.
    ReadAudit, "read_audit", Admin, Some(Scope::Admin);
    /// The server's configuration, listeners and certificate.
    ReadServer, "read_server", Admin, Some(Scope::Admin);
    /// The server's settings.
    ChangeSettings, "change_settings", Admin, Some(Scope::Admin);
    /// Make, change and remove owners.
    ManageOwners, "manage_owners", Owner, Some(Scope::Admin);
    /// The key of the vault.
    ManageVault, "manage_vault", Owner, Some(Scope::Admin);
    /// Backups of the database.
    Backup, "backup", Owner, Some(Scope::Admin);
}

/// Whether a role has a permission.
#[must_use]
pub fn allowed(role: Role, permission: Permission) -> bool {
    role >= permission.least()
}

/// The scope that a token needs for it; `None`: no token may.
#[must_use]
pub fn scope_of(permission: Permission) -> Option<Scope> {
    permission.scope()
}

/// Whether a [`Principal`] is a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// A user, by a session.
    User,
    /// An API token.
    Token,
}

/// Who asks: proved to be a user or a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// A person or a token.
    pub kind: PrincipalKind,
    /// Id of the row.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is trusted with.
    pub role: Role,
    /// What the token is made for; all of them for a user.
    pub scopes: Scopes,
}

/// The answer to who may not, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Forbidden(pub String);

impl Principal {
    /// Whether it has `permission`, by role and, for a token, by scope.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.require(permission).is_ok()
    }

    /// The same, with the reason if not.
    ///
    /// # Errors
    /// [`Forbidden`]: which role or scope is missing.
    pub fn require(&self, permission: Permission) -> Result<(), Forbidden> {
        let least = permission.least();
        if !allowed(self.role, permission) {
            let role = self.role;
            return Err(Forbidden(format!("this takes the role {least}; yours is {role}")));
        }
        if self.kind == PrincipalKind::User {
            return Ok(());
        }
        match permission.scope() {
            None => Err(Forbidden("this belongs to a person: log in for it".to_owned())),
            Some(scope) if !self.scopes.contains(scope) => {
                let word = scope.as_str();
                Err(Forbidden(format!("this takes a token with the scope {word}")))
            }
            Some(_) => Ok(()),
        }
    }

    /// Everything that it may.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        Permission::ALL.iter().copied().filter(|permission| self.may(*permission)).collect()
    }

    /// Itself as the one who did something, for the audit log.
    #[must_use]
    pub fn actor(&self, address: IpAddr) -> Actor {
        Actor::principal(self, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(kind: PrincipalKind, role: Role, scopes: Scopes) -> Principal {
        Principal { kind, id: "1".to_owned(), name: "probe".to_owned(), role, scopes }
    }

    /// The whole table, written out: v, o, a, w for who may; r, c, e, a for the scope, - for none.
    const TABLE: &[(&str, &str, char)] = &[
        ("read_state", "voaw", 'r'),
        ("own_account", "voaw", '-'),
        ("read_people", "oaw", 'r'),
        ("read_keys", "oaw", 'r'),
        ("run_streams", "oaw", 'c'),
        ("run_destinations", "oaw", 'c'),
        ("rehearse", "oaw", 'c'),
        ("end_sessions", "oaw", 'c'),
        ("edit_streams", "oaw", 'e'),
        ("edit_destinations", "oaw", 'e'),
        ("edit_keys", "oaw", 'e'),
        ("create_streams", "aw", 'e'),
        ("manage_webhooks", "aw", 'e'),
        ("manage_users", "aw", 'a'),
        ("manage_tokens", "aw", 'a'),
        ("read_audit", "aw", 'a'),
        ("read_server", "aw", 'a'),
        ("change_settings", "aw", 'a'),
        ("manage_owners", "w", 'a'),
        ("manage_vault", "w", 'a'),
        ("backup", "w", 'a'),
    ];

    #[test]
    fn i1_every_cell_of_role_scope_and_permission() {
        assert_eq!(TABLE.len(), Permission::ALL.len());
        for (permission, (word, roles, scope)) in Permission::ALL.iter().zip(TABLE) {
            assert_eq!(permission.as_str(), *word);
            for (role, letter) in Role::ALL.into_iter().zip("voaw".chars()) {
                let may = roles.contains(letter);
                assert_eq!(allowed(role, *permission), may, "{role} {word}");
                let user = principal(PrincipalKind::User, role, Scopes::ALL);
                assert_eq!(user.may(*permission), may, "user {role} {word}");
                for (has, letter) in Scope::ALL.into_iter().zip("rcea".chars()) {
                    let token = principal(PrincipalKind::Token, role, Scopes::of([has]));
                    assert_eq!(token.may(*permission), may && *scope == letter, "{role} {word}");
                }
            }
        }
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        for (kind, role, scopes, asked, want) in [
            (PrincipalKind::User, Role::Viewer, Scopes::ALL, Permission::EditKeys, "role operator"),
            (PrincipalKind::Token, Role::Admin, Scopes::default(), Permission::ReadState, "read"),
            (PrincipalKind::Token, Role::Owner, Scopes::ALL, Permission::OwnAccount, "a person"),
        ] {
            let refused = principal(kind, role, scopes).require(asked).unwrap_err();
            assert!(refused.to_string().contains(want), "{refused}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("Owner".parse::<Role>().is_err());
        for bits in 0..16 {
            assert_eq!(Scopes(bits).to_string().parse(), Ok(Scopes(bits)));
        }
        assert!("read write".parse::<Scopes>().is_err());
        assert_eq!(Scopes::of(Scope::ALL), Scopes::ALL);
    }
}
