//! What those who manage the server reach through HTTP: people, and who is connected.
//!
//! Belongs here: the joint between HTTP and the RTMP side's table. Must not come here: who may.

use manycast_control::Control;
use manycast_net_rtmp::{Admitted, Connections};
use manycast_web::{SessionFacts, SessionRole, Sessions};
use std::sync::Arc;

/// The encoders and viewers that are connected over RTMP and RTMPS.
pub(super) struct Connected {
    pub(super) connections: Arc<Connections>,
    /// Tells the wall time of a moment.
    pub(super) control: Arc<Control>,
}

impl Connected {
    fn facts(&self, id: u64, one: Admitted) -> SessionFacts {
        SessionFacts {
            id,
            role: if one.publishes { SessionRole::Publisher } else { SessionRole::Viewer },
            secure: one.secure,
            stream: one.stream.to_string(),
            address: one.peer,
            software: Some(one.software).filter(|software| !software.is_empty()),
            since: self.control.wall(one.since),
        }
    }
}

impl Sessions for Connected {
    fn list(&self) -> Vec<SessionFacts> {
        let all = self.connections.admitted().into_iter();
        all.map(|(id, one)| self.facts(id, one)).collect()
    }

    fn end(&self, id: u64, why: &str) -> bool {
        let there = self.connections.cut(id);
        if there {
            tracing::info!(session = id, why, "a session was ended");
        }
        there
    }
}
