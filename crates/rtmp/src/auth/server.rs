//! The server's side: demands that hold no memory, and the judgement of answers.
//!
//! Belongs here: tokens, their age, and that each answer is good for one connection.
//! Must not come here: who the users are, which connections are asked.
//!
//! A challenge is a keyed hash of the minute and the user, so that strangers cost no memory; only
//! answers that were right are remembered, for as long as their challenge holds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Challenge, Dialect, client, digest, is_user, parameter, query_of};
use crate::command::StreamKeyText;

/// How long a challenge is handed out. It holds for as long again.
const STEP: Duration = Duration::from_secs(60);
/// Right answers that are remembered at most. So many encoders do not log in within two minutes.
const REMEMBERED: usize = 4096;

/// What became of a `connect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Examination {
    /// Nothing was said of a user: it may be demanded, see [`Examiner::demand`].
    Silent,
    /// Refuse with this description: the client comes again with the answer to it.
    Ask(String),
    /// It is this user.
    Passed(String),
    /// Refuse with this description: user or password are wrong.
    Failed(String),
}

/// Asks for users and passwords, and judges the answers.
pub struct Examiner {
    key: [u8; 32],
    began: Instant,
    /// Answers that were right, and until when they could come again.
    pub(super) used: VecDeque<(Instant, String)>,
}

impl Examiner {
    /// `key`: all randomness that there is; a new one for each process.
    #[must_use]
    pub fn new(now: Instant, key: [u8; 32]) -> Self {
        Self { key, began: now, used: VecDeque::new() }
    }

    /// The description that asks an encoder for its user.
    #[must_use]
    pub fn demand(dialect: Dialect) -> String {
        let authmod = dialect.name();
        format!("[ AccessManager.Reject ] : [ code=403 need auth; authmod={authmod} ] : ")
    }

    /// Judges what `app` (with its query, as the client sent it) says of a user. `password` knows
    /// the password of each user; it is asked for what is no user too.
    ///
    /// Users that do not exist are asked and refused as others are, so that nobody learns which do.
    pub fn examine(
        &mut self,
        now: Instant,
        app: &StreamKeyText,
        password: impl FnOnce(&str) -> Option<StreamKeyText>,
    ) -> Examination {
        let app = app.expose();
        let query = query_of(&app);
        let Some(dialect) = parameter(query, "authmod").and_then(Dialect::named) else {
            return Examination::Silent;
        };
        let user = parameter(query, "user").unwrap_or_default();
        if !is_user(user) {
            return failed(dialect);
        }
        let Some(answer) = parameter(query, "response") else {
            return self.ask(now, dialect, user);
        };
        let password = password(user);
        let known = password.is_some();
        let password = password.unwrap_or_default();
        let right = |token: &str| {
            let right = self.right(dialect, token, query, (user, &password.expose()), &app);
            digest::same(&right, answer)
        };
        let tokens = self.tokens(now, dialect, user);
        let matched = tokens.iter().fold(false, |found, token| found | right(token));
        if matched & known {
            return match self.spend(now, answer) {
                true => Examination::Passed(user.to_owned()),
                false => self.ask(now, dialect, user),
            };
        }
        let claimed = match dialect {
            Dialect::Adobe => parameter(query, "opaque").filter(|text| !text.is_empty()),
            Dialect::Llnw => parameter(query, "nonce"),
        };
        let fresh = claimed.is_none_or(|claimed| tokens.iter().any(|token| token == claimed));
        if fresh { failed(dialect) } else { self.ask(now, dialect, user) }
    }

    /// The right answer to a token.
    fn right(
        &self,
        dialect: Dialect,
        token: &str,
        query: &str,
        (user, password): (&str, &str),
        app: &str,
    ) -> String {
        let value = |key| parameter(query, key).unwrap_or_default();
        match dialect {
            Dialect::Adobe => {
                let (salt, challenge) = (self.salt(user), token.to_owned());
                let asked = Challenge { salt, challenge, ..Challenge::default() };
                client::adobe(user, password, &asked, value("challenge"))
            }
            Dialect::Llnw => {
                client::llnw(user, password, app, [token, value("nc"), value("cnonce")])
            }
        }
    }

    fn ask(&self, now: Instant, dialect: Dialect, user: &str) -> Examination {
        let [token, _] = self.tokens(now, dialect, user);
        let authmod = dialect.name();
        let head = format!("[ AccessManager.Reject ] : [ authmod={authmod} ] : ?reason=needauth");
        Examination::Ask(match dialect {
            // Challenge and opaque are the same: some answer with the one, some with the other.
            Dialect::Adobe => {
                let salt = self.salt(user);
                format!("{head}&user={user}&salt={salt}&challenge={token}&opaque={token}")
            }
            Dialect::Llnw => format!("{head}&user={user}&nonce={token}"),
        })
    }

    /// The same for a user at all times, as of a password that is kept salted.
    fn salt(&self, user: &str) -> String {
        digest::token(&self.key, "salt", 0, user)
    }

    /// The tokens that are handed out now and that were before.
    fn tokens(&self, now: Instant, dialect: Dialect, user: &str) -> [String; 2] {
        let age = now.saturating_duration_since(self.began).as_secs();
        let step = age.checked_div(STEP.as_secs()).unwrap_or(0);
        let at = |step: u64| digest::token(&self.key, dialect.name(), step, user);
        // Before the first there was none; counting from 1 keeps the two apart.
        let step = step.saturating_add(1);
        [at(step), at(step.saturating_sub(1))]
    }

    /// Whether an answer comes for the first time.
    pub(super) fn spend(&mut self, now: Instant, answer: &str) -> bool {
        while self.used.front().is_some_and(|(until, _)| *until <= now) {
            self.used.pop_front();
        }
        if self.used.iter().any(|(_, used)| digest::same(used, answer)) {
            return false;
        }
        if self.used.len() >= REMEMBERED {
            self.used.pop_front();
        }
        let until = now.checked_add(STEP.saturating_mul(2)).unwrap_or(now);
        self.used.push_back((until, answer.to_owned()));
        true
    }
}

fn failed(dialect: Dialect) -> Examination {
    let authmod = dialect.name();
    Examination::Failed(format!(
        "[ AccessManager.Reject ] : [ authmod={authmod} ] : ?reason=authfailed"
    ))
}

impl std::fmt::Debug for Examiner {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Examiner").field("used", &self.used.len()).finish_non_exhaustive()
    }
}
