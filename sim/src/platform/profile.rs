//! How a platform behaves, as plain settings.
//!
//! Belongs here: the settings and the four profiles. Must not come here: how they are acted out.
//!
//! What is known of real platforms is thin and drifts: keys that are refused without a word, words
//! where they are given, TLS with a server name, limits of a session's length, and ends after some
//! seconds without data. Each profile is the set of habits that a destination must bear, under the
//! name of the platform that shows most of them; the figures that no platform publishes (how long
//! an unclean session lingers, how long a broadcast waits) are plausible ones, to be changed freely.

use manycast_rtmp::session::RefusalCode;
use std::time::Duration;

/// What means both: a name that nobody knows, and one that is in use.
const NOT_AVAILABLE: &str = "The stream name is not available.";

/// Everything a stand-in does otherwise than another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name in messages.
    pub name: &'static str,
    /// The app that it serves; the query of an app counts for nothing.
    pub app: String,
    /// The stream names that it knows, without their queries.
    pub keys: Vec<String>,
    /// What a connection must be like.
    pub transport: Transport,
    /// What becomes of a key that it does not know.
    pub bad_key: BadKey,
    /// What becomes of a second session under one key.
    pub in_use: InUse,
    /// For how long a session that ended without a goodbye counts as one that is still there.
    pub linger: Duration,
    /// Ends a session without pictures and sound for so long.
    pub silence: Option<Duration>,
    /// Ends each session after so long.
    pub cut: Option<Duration>,
    /// How it ends a session of its own accord.
    pub hang_up: HangUp,
    /// What becomes of a session whose codec parameters change.
    pub parameters: Parameters,
    /// For how long a broadcast that lost its session waits for another; zero ends it at once.
    pub reconnect: Duration,
    /// What becomes of the key of a broadcast that ended.
    pub after_end: AfterEnd,
    /// Sends every `connect` elsewhere: the `tcUrl` to go to.
    pub redirect: Option<String>,
}

/// What a connection must be like. Who carries the bytes has to see to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// Speaks TLS alone; a connection without it is reset. Else it bears both.
    pub tls: bool,
    /// Knows which certificate to show only if the client names the server (SNI).
    pub sni: bool,
}

/// How a connection came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Without encryption.
    Plain,
    /// Under TLS, with the name that the client asked for.
    Tls {
        /// The server name of the `ClientHello`, if it had one.
        sni: Option<String>,
    },
}

/// What becomes of a key that the platform does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadKey {
    /// Closes at `publish`, without a word.
    Close,
    /// Accepts, takes what comes and closes after so long, without a word.
    TakeThenClose(Duration),
    /// Says so.
    Refuse {
        /// The code of the status.
        code: RefusalCode,
        /// Its words.
        words: &'static str,
    },
}

/// What becomes of a second session under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InUse {
    /// The newer one wins; the older one is closed.
    Replace,
    /// The newer one is refused with `NetStream.Publish.BadName` and these words.
    Refuse(&'static str),
}

/// How a platform ends a session of its own accord.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// Closes in order, without a word.
    Fin,
    /// Resets the connection.
    Reset,
}

/// What becomes of a session whose codec parameters change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// It goes on.
    Take,
    /// It is ended.
    End,
}

/// What becomes of the key of a broadcast that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEnd {
    /// The next session begins another broadcast.
    Again,
    /// The key was for this broadcast alone; it is now one that the platform does not know.
    KeyDead,
}

impl Transport {
    /// Whether a connection that came so may go on.
    #[must_use]
    pub fn admits(self, security: &Security) -> bool {
        match security {
            Security::Plain => !self.tls,
            Security::Tls { sni } => !self.sni || sni.is_some(),
        }
    }
}

impl Profile {
    /// One that takes everything from everybody who has the key.
    #[must_use]
    pub fn patient(app: &str, key: &str) -> Self {
        Self {
            name: "patient",
            app: app.to_owned(),
            keys: vec![key.to_owned()],
            transport: Transport::default(),
            bad_key: BadKey::Close,
            in_use: InUse::Replace,
            linger: Duration::ZERO,
            silence: None,
            cut: None,
            hang_up: HangUp::Fin,
            parameters: Parameters::Take,
            reconnect: Duration::from_secs(60),
            after_end: AfterEnd::Again,
            redirect: None,
        }
    }

    /// Accepts a key that it does not know, takes its bytes, and closes without a word; lets a
    /// second session replace the first; keeps the broadcast for minutes; demands TLS and SNI.
    #[must_use]
    pub fn youtube(key: &str) -> Self {
        Self {
            name: "youtube",
            transport: Transport { tls: true, sni: true },
            bad_key: BadKey::TakeThenClose(Duration::from_secs(6)),
            reconnect: Duration::from_secs(180),
            ..Self::patient("live2", key)
        }
    }

    /// Closes at `publish` without a status when it does not know the key; ends a session after 7 s
    /// of silence; plain or TLS on another port.
    #[must_use]
    pub fn twitch(key: &str) -> Self {
        Self {
            name: "twitch",
            silence: Some(Duration::from_secs(7)),
            reconnect: Duration::from_secs(90),
            ..Self::patient("app", key)
        }
    }

    /// Refuses with words, also a name whose unclean session still lingers; ends a session whose
    /// parameters change, and every one after 8 hours; a broadcast that ended never comes back
    /// under its key; TLS and SNI alone.
    #[must_use]
    pub fn facebook(key: &str) -> Self {
        Self {
            name: "facebook",
            transport: Transport { tls: true, sni: true },
            bad_key: BadKey::Refuse {
                code: RefusalCode::Denied,
                words: "The stream key is invalid or has expired.",
            },
            in_use: InUse::Refuse("The stream name is already in use."),
            linger: Duration::from_secs(8),
            cut: Some(Duration::from_secs(8 * 3600)),
            parameters: Parameters::End,
            reconnect: Duration::from_secs(120),
            after_end: AfterEnd::KeyDead,
            ..Self::patient("rtmp", key)
        }
    }

    /// Resets at 5 s of silence and after each hour; tells a key that it does not know, and one that
    /// is in use, with the same words; TLS and SNI alone.
    #[must_use]
    pub fn ivs(key: &str) -> Self {
        Self {
            name: "ivs",
            transport: Transport { tls: true, sni: true },
            bad_key: BadKey::Refuse { code: RefusalCode::BadName, words: NOT_AVAILABLE },
            in_use: InUse::Refuse(NOT_AVAILABLE),
            linger: Duration::from_secs(3),
            silence: Some(Duration::from_secs(5)),
            cut: Some(Duration::from_secs(3600)),
            hang_up: HangUp::Reset,
            reconnect: Duration::from_secs(30),
            ..Self::patient("app", key)
        }
    }
}
