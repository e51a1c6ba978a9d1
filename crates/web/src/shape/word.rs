//! Words that are sent both ways.

use manycast_auth::{Role, Scope};
use manycast_control::Start;
use manycast_hub::{Announce, ConfigChange, Takeover};
use manycast_restream::BackupMode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! word {
    ($(#[$doc:meta])* $word:ident for $domain:ty { $($variant:ident <-> $its:ident,)* }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        $(#[$doc])*
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $word { $($variant,)* }

        impl From<$domain> for $word {
            fn from(domain: $domain) -> Self {
                match domain { $(<$domain>::$its => Self::$variant,)* }
            }
        }

        impl From<$word> for $domain {
            fn from(word: $word) -> Self {
                match word { $($word::$variant => Self::$its,)* }
            }
        }
    };
}

word! {
    /// When destinations are fed: as soon as an encoder comes, or once somebody goes live.
    #[schema(as = Start)]
    StartWord for Start { Auto <-> Auto, Manual <-> Manual, }
}
word! {
    /// Whether a second encoder with a key of the same stream takes over.
    #[schema(as = Takeover)]
    TakeoverWord for Takeover { WhenSilent <-> WhenSilent, Always <-> Always, }
}
word! {
    /// Whether the backup address is fed when the first one fails, or always.
    #[schema(as = BackupMode)]
    BackupModeWord for BackupMode { Failover <-> Failover, Both <-> Both, }
}
word! {
    /// What a destination is told when the encoder changes its codec's configuration.
    #[schema(as = ConfigChange)]
    ConfigChangeWord for ConfigChange { Headers <-> Headers, Redial <-> Redial, }
}
word! {
    /// Which abilities are announced to a destination.
    #[schema(as = Announce)]
    AnnounceWord for Announce { Auto <-> Auto, None <-> Nothing, Full <-> Everything, }
}
word! {
    /// What somebody may do.
    #[schema(as = Role)]
    RoleWord for Role { Viewer <-> Viewer, Operator <-> Operator, Admin <-> Admin, Owner <-> Owner, }
}
word! {
    /// Which kind of thing a token may do, within its role.
    #[schema(as = Scope)]
    ScopeWord for Scope { Read <-> Read, Control <-> Control, Edit <-> Edit, Admin <-> Admin, }
}
