//! What a listener asks and tells beside the Gate's answers: users and passwords at `connect`, and
//! where to go when the server stops.
//!
//! Belongs here: who is asked, and the judgement of a `connect`. Must not come here: which user may
//! publish what; the Gate knows. It may change while listeners run.

use manycast_hub::{Login, Secret};
use manycast_rtmp::auth::{Dialect, Examination, Examiner};
use manycast_rtmp::command::{StreamKeyText, Target};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Which encoders have to log in at `connect`, where nothing is known yet but the app.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asks {
    /// None, unless they begin to log in by themselves.
    #[default]
    Nobody,
    /// Those whose app ends in one of these.
    Apps(Vec<String>),
    /// All. Players are never asked.
    Everybody,
}

/// What holds for the connections that come from now on.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// How users are asked for.
    pub dialect: Dialect,
    /// Who is asked.
    pub asks: Asks,
    /// The users; each name once.
    pub users: Vec<Login>,
    /// Where clients that understand it are sent when the server stops; `None`: they are asked to
    /// come again, by whatever way leads here.
    pub reconnect_url: Option<Secret>,
    /// How long they then have until they are cut off.
    pub reconnect_grace: Duration,
}

/// What becomes of a `connect`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It is let in, as this user if one was proved.
    Admit(Option<Secret>),
    /// It is asked to come again, with an answer.
    Ask(String),
    /// User or password are wrong.
    Refuse(String),
}

/// The policy of a server's listeners, which share it.
pub struct Policies {
    policy: Mutex<Arc<Policy>>,
    examiner: Mutex<Examiner>,
}

impl Policies {
    /// Nobody is asked, nobody is sent elsewhere.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let examiner = Examiner::new(crate::conn::now(), rand::random());
        Arc::new(Self { policy: Mutex::default(), examiner: Mutex::new(examiner) })
    }

    /// Changes what holds.
    pub fn set(&self, policy: Policy) {
        *self.policy.lock() = Arc::new(policy);
    }

    pub(crate) fn get(&self) -> Arc<Policy> {
        self.policy.lock().clone()
    }

    /// Judges a `connect` as it was sent. `publishes`: the client says that it is an encoder.
    pub(crate) fn judge(
        &self,
        now: Instant,
        app: &StreamKeyText,
        tc_url: &StreamKeyText,
        publishes: bool,
    ) -> Ruling {
        let policy = self.get();
        match self.examiner.lock().examine(now, app, |user| policy.password(user)) {
            Examination::Passed(user) => Ruling::Admit(Some(Secret::new(&user))),
            Examination::Ask(words) => Ruling::Ask(words),
            Examination::Failed(words) => Ruling::Refuse(words),
            Examination::Silent if !publishes || !policy.asks(app) => Ruling::Admit(None),
            Examination::Silent => policy.plain(app, tc_url),
        }
    }
}

impl Policy {
    fn password(&self, user: &str) -> Option<StreamKeyText> {
        let user = Secret::new(user);
        let own = self.users.iter().find(|login| login.user.matches(&user));
        own.map(|login| login.password.expose().into())
    }

    fn asks(&self, app: &StreamKeyText) -> bool {
        match &self.asks {
            Asks::Nobody => false,
            Asks::Everybody => true,
            Asks::Apps(apps) => {
                let target = Target::resolve(app.expose_bytes(), b"", b"");
                let last = target.name().expose();
                apps.iter().any(|name| **name == *last)
            }
        }
    }

    /// One that has to log in, and names user and password in plain words or not at all.
    fn plain(&self, app: &StreamKeyText, tc_url: &StreamKeyText) -> Ruling {
        let target = Target::resolve(app.expose_bytes(), tc_url.expose_bytes(), b"");
        let Some(given) = target.login() else {
            return Ruling::Ask(Examiner::demand(self.dialect));
        };
        let (user, password) = (given.user().expose(), given.password().expose());
        let given = Login { user: Secret::new(&user), password: Secret::new(&password) };
        if self.users.iter().fold(false, |found, login| found | (*login == given)) {
            return Ruling::Admit(Some(given.user));
        }
        let dialect = self.dialect.name();
        Ruling::Refuse(format!("[ authmod={dialect} ] : ?reason=authfailed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: &str, password: &str) -> Login {
        Login { user: Secret::new(user), password: Secret::new(password) }
    }

    fn policies(asks: Asks) -> Arc<Policies> {
        let policies = Policies::new();
        let users = vec![login("crew", "sesame"), login("guest", "knock")];
        policies.set(Policy { asks, users, ..Policy::default() });
        policies
    }

    fn judge(policies: &Policies, app: &str, tc_url: &str, publishes: bool) -> &'static str {
        let now = crate::conn::now();
        match policies.judge(now, &app.into(), &tc_url.into(), publishes) {
            Ruling::Admit(None) => "in",
            Ruling::Admit(Some(user)) if user == Secret::new("crew") => "crew",
            Ruling::Admit(Some(_)) => "another",
            Ruling::Ask(words) if words.contains("code=403 need auth; authmod=adobe") => "asked",
            Ruling::Ask(words) if words.contains("reason=needauth") => "challenged",
            Ruling::Refuse(words) if words.contains("reason=authfailed") => "wrong",
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn section8_4_who_is_asked_for_a_user() {
        for (asks, app, publishes, what) in [
            (Asks::Nobody, "live", true, "in"),
            (Asks::Nobody, "live?authmod=adobe&user=crew", true, "challenged"),
            (Asks::Everybody, "live", true, "asked"),
            (Asks::Everybody, "live", false, "in"),
            (Asks::Apps(vec!["studio".into()]), "live", true, "in"),
            (Asks::Apps(vec!["studio".into()]), "live/studio", true, "asked"),
            (Asks::Apps(vec!["studio".into()]), "studio/_definst_?x=1", true, "asked"),
        ] {
            let policies = policies(asks);
            assert_eq!(judge(&policies, app, "", publishes), what, "{app}");
        }
    }

    #[test]
    fn section8_4_plain_words_are_taken_from_queries_and_from_before_the_host() {
        let policies = policies(Asks::Everybody);
        let h = "rtmp://h/live";
        for (app, tc_url, what) in [
            ("live?user=crew&pass=sesame", h, "crew"),
            ("live?user=guest&password=knock", h, "another"),
            ("live?user=crew&pass=knock", h, "wrong"),
            ("live", "rtmp://crew:sesame@h/live", "crew"),
            ("live", "rtmp://crew:sesam@h/live", "wrong"),
            ("live?user=crew", h, "asked"),
        ] {
            assert_eq!(judge(&policies, app, tc_url, true), what, "{app} {tc_url}");
        }
    }
}
