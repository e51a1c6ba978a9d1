//! What is said of a rehearsal: causes in plain words, and what to do about each.
//!
//! Belongs here: the words alone.

use super::{RehearsalStep, Step, StepState};
use manycast_hub::{Fault, LinkEnd, Stage};

/// The far end, as people know it.
pub(super) struct Far<'a> {
    pub(super) name: &'a str,
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) encrypted: bool,
}

fn made(step: Step, state: StepState, ms: u64, detail: String) -> RehearsalStep {
    RehearsalStep { step, state, ms, detail }
}

impl Far<'_> {
    pub(super) fn well(&self, step: Step, ms: u64) -> RehearsalStep {
        let (host, port) = (self.host, self.port);
        let detail = match step {
            Step::Resolve => format!("The address {host} was found."),
            Step::Connect => format!("{host} answers on port {port}."),
            Step::Tls => {
                format!("The connection is encrypted, and the certificate of {host} is good.")
            }
            Step::Handshake => format!("{host} speaks RTMP."),
            Step::ConnectApp => format!("{host} takes the application."),
            Step::Publish => String::new(),
        };
        made(step, StepState::Ok, ms, detail)
    }

    pub(super) fn failed(&self, step: Step, ms: u64, words: &str) -> RehearsalStep {
        made(step, StepState::Failed, ms, sentence(words, self.host))
    }

    /// Not needed at this address.
    pub(super) fn skipped(&self, step: Step) -> RehearsalStep {
        let detail = match step {
            Step::Resolve => "The address is a number: there is nothing to look up.",
            _ => "This address is not encrypted.",
        };
        made(step, StepState::Skipped, 0, detail.to_owned())
    }

    pub(super) fn unreached(&self, step: Step) -> RehearsalStep {
        if step == Step::Tls && !self.encrypted {
            return self.skipped(step);
        }
        made(step, StepState::NotTried, 0, "It did not come to that.".to_owned())
    }

    pub(super) fn never(&self, step: Step) -> RehearsalStep {
        let detail = format!("{} checks the key when you go live: it is not tried.", self.name);
        made(step, StepState::NotTried, 0, detail)
    }

    pub(super) fn all_well(&self) -> String {
        format!("{} is reached and answers. The key is checked when you go live.", self.name)
    }

    /// What to try where the far end does not speak RTMP in this way.
    fn other_way(&self) -> String {
        let name = self.name;
        match self.encrypted {
            true => format!("Look at the port: is it the one for rtmps:// at {name}?"),
            false => format!(
                "Look at the port. If {name} wants encryption, write rtmps:// in place of rtmp://."
            ),
        }
    }

    /// Why it came to nothing, and what to do.
    pub(super) fn cause(&self, end: &LinkEnd, last: Option<Stage>) -> (String, Option<String>) {
        let Self { name, host, port, encrypted } = *self;
        let words = sentence(&end.message, host);
        let (cause, remedy) = match end.fault {
            Fault::Dns => (words, format!("Look at the address of {name} again. If other names are not found either, it is this server's network.")),
            Fault::Configuration => (words, "Give another address; or, if it is meant to be inside your network, allow it in egress.allow of the configuration.".to_owned()),
            Fault::Unreachable => (words, format!("Look at the server and the port of {name} again, or choose another server of it.")),
            Fault::ConnectTimeout if last <= Some(Stage::Connecting) => (
                format!("{host} does not answer. A firewall may block port {port}."),
                if encrypted && port == 443 { "Look at the firewall of this server.".to_owned() } else { "Look at the firewall, or try rtmps:// on port 443.".to_owned() },
            ),
            Fault::ConnectTimeout => (format!("{host} does not answer in time."), "Try again, or choose another server.".to_owned()),
            Fault::Tls => (words, "Look at the address again. If this server is not meant to be encrypted, write rtmp:// in place of rtmps://; a certificate that is no good has to be mended there.".to_owned()),
            Fault::Reset | Fault::Closed if last <= Some(Stage::Handshake) => (
                format!("{host} closed the connection when it was spoken to."),
                self.other_way(),
            ),
            Fault::Handshake => (words, self.other_way()),
            Fault::Rejected | Fault::BadName => (format!("{name} says: \u{201c}{}\u{201d}", end.message.trim_end_matches('.')), "Look at the address behind the host, and at user and password if it wants them; or the broadcast was not created there.".to_owned()),
            Fault::Occupied => (format!("{name} is already getting a picture from somewhere else."), "End the other one first.".to_owned()),
            Fault::Redirected => (format!("{name} sends us on from server to server."), "Give the address of another server of it.".to_owned()),
            Fault::Reset | Fault::Closed => (format!("{name} closed the connection before it answered."), "Look at the address behind the host. Some platforms close when they do not know the application.".to_owned()),
            Fault::None | Fault::Renewed => (words, String::new()),
        };
        (cause, Some(remedy).filter(|remedy| !remedy.is_empty()))
    }
}

/// With a capital and a full stop. `host`: a name that stays as it is written.
fn sentence(words: &str, host: &str) -> String {
    let words = words.trim().trim_end_matches('.');
    let first = words.split_whitespace().next().unwrap_or_default();
    let mut chars = words.chars();
    match chars.next() {
        Some(c) if !first.contains(['.', ':']) && first != host => {
            let end = if words.ends_with('?') { "" } else { "." };
            format!("{}{}{end}", c.to_uppercase(), chars.as_str())
        }
        _ if words.ends_with('?') => words.to_owned(),
        _ => format!("{words}."),
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn sentences_begin_with_a_capital_and_host_names_as_they_are() {
        for (words, want) in [
            ("no server answers", "No server answers."),
            ("localhost leads to 127.0.0.1", "localhost leads to 127.0.0.1."),
            ("live.example is not known", "live.example is not known."),
            ("localhosts differ", "Localhosts differ."),
            ("is it there?", "Is it there?"),
        ] {
            assert_eq!(sentence(words, "localhost"), want);
        }
    }
}
