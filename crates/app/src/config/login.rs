//! `user` and `password`, wherever they may stand.

use super::fault::Place;
use super::section::{Section, Set};
use manycast_hub::{Login, Secret};
use manycast_rtmp::auth::{self, is_user};

/// What was read of a pair.
pub(super) enum Pair {
    Absent,
    Wrong,
    Good(Login, Place),
}

impl Pair {
    pub(super) fn login(self) -> Option<Login> {
        match self {
            Self::Good(login, _) => Some(login),
            Self::Absent | Self::Wrong => None,
        }
    }
}

/// Reads `user` and `password` of a section: both or none.
pub(super) fn read(at: &mut Section<'_>) -> Pair {
    let (user, password) = (at.text("user", "crew"), at.text("password", "..."));
    let (user, password) = match (user, password) {
        (None, None) => return Pair::Absent,
        (Some(user), Some(password)) => (user, password),
        (Some(_), None) => {
            at.missing("password", "add password = \"...\", or remove user");
            return Pair::Wrong;
        }
        (None, Some(_)) => {
            at.missing("user", "add user = \"...\", or remove password");
            return Pair::Wrong;
        }
    };
    if !is_user(&user.value) {
        let what = "is no user name that RTMP can carry";
        let remedy = "use up to 64 letters, digits, '.', '-', '_' and '@'";
        at.fault(&user.place, "user", what, remedy);
        return Pair::Wrong;
    }
    let Set { place, value } = password;
    if value.is_empty() || value.len() > 512 || value.chars().any(char::is_control) {
        let what = "is empty, longer than 512 bytes, or holds control characters";
        at.fault(&place, "password", what, "use a long random one");
        return Pair::Wrong;
    }
    let login = Login { user: Secret::new(&user.value), password: Secret::new(&value) };
    Pair::Good(login, user.place)
}

/// The same out of an address.
pub(super) fn of(login: &auth::Login) -> Login {
    let secret = |text: &manycast_rtmp::command::StreamKeyText| Secret::new(&text.expose());
    Login { user: secret(login.user()), password: secret(login.password()) }
}

/// Users by name, so that no name stands for two of them.
#[derive(Default)]
pub(super) struct Users(Vec<(Login, Place)>);

impl Users {
    /// Takes a pair that was read; `Err`: it is wrong.
    pub(super) fn take(&mut self, at: &Section<'_>, pair: Pair) -> Result<Option<Login>, ()> {
        let (login, place) = match pair {
            Pair::Absent => return Ok(None),
            Pair::Wrong => return Err(()),
            Pair::Good(login, place) => (login, place),
        };
        let other = self.0.iter().find(|(other, _)| other.user.matches(&login.user));
        if other.is_some_and(|(other, _)| *other != login) {
            let what = "has another password elsewhere in this file";
            at.fault(&place, "user", what, "give each user one password");
            return Err(());
        }
        self.0.push((login.clone(), place));
        Ok(Some(login))
    }
}
