//! What a session tells, and what becomes of it.

use super::admission::{self, Outcome, Pending};
use super::role::{Role, Slot, count_refusal};
use super::wish::Wish;
use super::{Conn, End, LINGER, MAX_WAITING, now};
use crate::ingest::Ingest;
use crate::lane::STREAM;
use crate::policy::Ruling;
use crate::registry::Admitted;
use crate::stats::count;
use manycast_hub::{AccessRequest, Action, ClientFacts, Secret, TurnedAway, TurnedAwayFor};
use manycast_media::StreamName;
use manycast_rtmp::command::{StreamKeyText, Target};
use manycast_rtmp::message::MessageStreamId;
use manycast_rtmp::session::{
    DrainReason, Event, Input, Media, Output, RefusalCode, RequestId, Verdict,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tracing::info;

impl Conn {
    pub(super) async fn event(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Connected { app, tc_url, query, flash_version, capabilities, .. } => {
                self.capabilities = capabilities.is_enhanced().then(|| Arc::new(capabilities));
                self.app = app;
                self.tc_url = tc_url;
                self.app_query = query;
                self.software = printable(&flash_version);
            }
            Event::ConnectRequest { request, app, tc_url, publishes } => {
                let verdict = self.connect(&app, &tc_url, publishes);
                self.session.handle_input(now(), Input::Verdict { request, verdict })?;
            }
            Event::PublishRequest { request, stream, name, .. } => {
                self.ask(Action::Publish, request, stream, &name);
            }
            Event::PlayRequest { request, stream, name, .. } => {
                self.ask(Action::Play, request, stream, &name);
            }
            Event::Media { stream, media } => self.media(stream, &media),
            Event::PublishEnded { stream, orderly } => self.publish_ended(stream, orderly),
            Event::PlayEnded { stream } => self.play_ended(stream).await,
            Event::Paused { stream, paused } => {
                if let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == stream) {
                    slot.set_paused(&self.bell, paused);
                }
            }
            Event::SeekToLive { stream } => {
                if let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == stream) {
                    slot.seek_to_live(&self.bell);
                }
            }
            // The session leaves out what a player turned off; a shared lane cannot.
            Event::ReceiveAudio { stream, .. } | Event::ReceiveVideo { stream, .. } => {
                self.leave_fanout(stream).await;
            }
            Event::BufferLength { .. } => {}
            Event::Close { reason } => {
                self.farewell.get_or_insert_with(|| format!("{reason:?}"));
                self.begin_to_linger().await;
            }
        }
        Ok(())
    }

    /// Whether a `connect` is let in, or asked who it is. Being asked is no event worth a line.
    fn connect(&mut self, app: &StreamKeyText, tc_url: &StreamKeyText, publishes: bool) -> Verdict {
        let code = RefusalCode::ConnectRejected;
        match self.shared.settings.policies.judge(now(), app, tc_url, publishes) {
            Ruling::Admit(user) => {
                self.user = user;
                Verdict::Accept
            }
            Ruling::Ask(description) => {
                self.unlogged = false;
                self.farewell = Some("asked for user and password".into());
                Verdict::Refuse { code, description }
            }
            Ruling::Refuse(description) => {
                self.unlogged = false;
                count(&self.shared.stats.refused_key);
                if self.shared.may_log() {
                    info!(peer = %self.peer, reason = "wrong user or password", "refused");
                }
                self.farewell = Some("refused: wrong user or password".into());
                let (peer, secure) = (self.peer, self.socket.is_tls());
                self.shared.gate.turned_away(&TurnedAway {
                    why: TurnedAwayFor::Login,
                    stream: None,
                    protocol: if secure { "rtmps" } else { "rtmp" },
                    peer,
                    secure,
                    software: self.software.clone(),
                });
                Verdict::Refuse { code, description }
            }
        }
    }

    /// The server stops. Who says that it knows how is asked to connect anew, and goes on here until
    /// it has (E-RTMP v2 Reconnect Request).
    pub(super) fn begin_to_drain(&mut self) {
        self.draining = true;
        self.farewell = Some("the server stops".into());
        let policy = self.shared.settings.policies.get();
        let url = policy.reconnect_url.as_ref().map(|url| url.expose().into());
        let words = "The server stops. Please connect again.";
        if self.lingering.is_none() && self.session.reconnect_request(url.as_ref(), words) {
            self.leave_at = Some(now() + policy.reconnect_grace);
        } else {
            self.session.drain(DrainReason::Shutdown);
        }
    }

    fn ask(
        &mut self,
        action: Action,
        request: RequestId,
        stream: MessageStreamId,
        name: &StreamKeyText,
    ) {
        let app = if self.app_query.is_empty() {
            self.app.clone().into_bytes()
        } else {
            [self.app.as_bytes(), b"?", self.app_query.expose_bytes()].concat()
        };
        let target = Target::resolve(&app, self.tc_url.expose_bytes(), name.expose_bytes());
        let secure = self.socket.is_tls();
        let text = name.expose();
        let query = text.split_once('?').map_or("", |(_, query)| query);
        let client = ClientFacts {
            tc_url: Secret::new(&self.tc_url.expose()),
            software: self.software.clone(),
        };
        let asked: AccessRequest = admission::access_request(
            action,
            &self.app,
            &target,
            query,
            (self.peer, secure),
            self.user.clone(),
            client,
        );
        let gate = self.shared.gate.clone();
        let reserved = self.place.reserved;
        let who = admission::description(self.peer, &self.software, secure);
        let decision: std::pin::Pin<Box<dyn Future<Output = Outcome> + Send>> = match action {
            Action::Publish => Box::pin(admission::publish(gate, asked, who)),
            Action::Play if reserved => {
                let full = refused("the server is full; try again later");
                Box::pin(std::future::ready(Outcome::Refused(full)))
            }
            Action::Play => {
                let app_query = self.app_query.expose();
                match Wish::new([&app_query, query], self.capabilities.clone()) {
                    Ok(wish) => Box::pin(admission::play(gate, asked, wish)),
                    Err(error) => Box::pin(std::future::ready(Outcome::Refused(refused(error)))),
                }
            }
        };
        self.pending.push(Pending { request, stream, decision });
    }

    fn admitted(&self, publishes: bool, stream: &StreamName, since: Instant) -> Admitted {
        let (peer, secure) = (self.peer, self.socket.is_tls());
        let software = self.software.clone();
        Admitted { publishes, stream: stream.clone(), peer, secure, software, since }
    }

    /// A decision was made: tells the session, and begins.
    pub(super) async fn decided(&mut self, asked: Pending, outcome: Outcome) -> Result<(), End> {
        count_refusal(&self.shared, &outcome);
        let Pending { request, stream, .. } = asked;
        let now = now();
        let accept = Input::Verdict { request, verdict: Verdict::Accept };
        match outcome {
            Outcome::Refused(refusal) => {
                self.unlogged = false;
                if self.shared.may_log() {
                    info!(peer = %self.peer, why = ?refusal.why, reason = %refusal.words, "refused");
                }
                self.farewell = Some(format!("refused: {}", refusal.words));
                let verdict = Verdict::Refuse { code: refusal.code, description: refusal.words };
                self.session.handle_input(now, Input::Verdict { request, verdict })?;
            }
            Outcome::Publish { publisher, lease } => {
                let name = publisher.stream().name().clone();
                self.place.admit(self.admitted(true, &name, now));
                self.unlogged = false;
                info!(peer = %self.peer, stream = %name, software = %self.software,
                    tls = self.socket.is_tls(), "ingest started");
                self.shared.stats.publishers.fetch_add(1, Ordering::Relaxed);
                let ingest = Ingest::new(publisher);
                self.slots.push(Slot::ingest(&self.bell, stream, ingest, lease, now));
                self.session.handle_input(now, accept)?;
            }
            Outcome::Play { stream: source, lease, wish } => {
                let name = source.name();
                self.place.admit(self.admitted(false, name, now));
                self.unlogged = false;
                info!(peer = %self.peer, stream = %name, software = %self.software, "viewer started");
                self.shared.stats.viewers.fetch_add(1, Ordering::Relaxed);
                self.leave_fanout(STREAM).await;
                self.session.handle_input(now, accept)?;
                self.collect_output();
                let alone = self.slots.is_empty() && stream == STREAM;
                let slot = match wish.share(&source.tracks()).filter(|_| alone) {
                    Some(share) => {
                        let lane = Arc::new(self.shared.lane(share));
                        let member = self.shared.fanout.join(
                            source.clone(),
                            lane,
                            self.socket.clone(),
                            self.out.take(),
                        );
                        Slot::shared(&self.bell, member, source, lease, wish)
                    }
                    None => {
                        let written = self.out.written();
                        Slot::direct(&self.bell, stream, &source, lease, wish, written)
                    }
                };
                self.slots.insert(0, slot);
            }
        }
        Ok(())
    }

    /// Takes the bytes that the session has ready; its events wait for their turn.
    fn collect_output(&mut self) {
        loop {
            match self.session.poll_output() {
                Output::Transmit(piece) => self.out.push(piece),
                Output::Event(event) => self.events.push_back(event),
                Output::Idle { .. } => return,
            }
        }
    }

    pub(super) fn media(&mut self, stream: MessageStreamId, media: &Media) {
        let now = now();
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == stream) else { return };
        let Role::Ingest(ingest) = &mut slot.role else { return };
        self.gather.note(now, media.kind, media.body.len());
        if ingest.media(now, media).is_err() {
            self.end_ingest(stream, "another encoder took over");
        }
        #[cfg(test)]
        if let Some(trap) = self.shared.settings.panic_at
            && media.body.as_ref() == trap
        {
            panic!("as ordered");
        }
    }

    fn publish_ended(&mut self, stream: MessageStreamId, orderly: bool) {
        self.pending.retain(|p| p.stream != stream);
        let Some(at) = self.slots.iter().position(|slot| slot.id == stream) else { return };
        let slot = self.slots.remove(at);
        let now = now();
        self.log_ingest(&slot, now, ended(self.draining, orderly));
        if let Role::Ingest(ingest) = slot.role {
            ingest.end(now, orderly);
        }
    }

    async fn play_ended(&mut self, stream: MessageStreamId) {
        self.pending.retain(|p| p.stream != stream);
        if !self.gone {
            self.leave_fanout(stream).await;
        }
        if let Some(at) = self.slots.iter().position(|slot| slot.id == stream) {
            let slot = self.slots.remove(at);
            self.log_end(slot, now(), "the viewer left");
        }
    }

    /// Serves a viewer with headers of its own from now on.
    pub(super) async fn leave_fanout(&mut self, stream: MessageStreamId) {
        let is_shared = |s: &Slot| s.id == stream && matches!(s.role, Role::Shared { .. });
        let Some(at) = self.slots.iter().position(is_shared) else { return };
        let slot = self.slots.remove(at);
        slot.settle(&self.shared);
        self.session.wrote_media_around();
        let (slot, rest) = slot.into_direct(&self.bell, self.out.written()).await;
        self.out.prepend(rest);
        match slot {
            Some(slot) => self.slots.insert(at, slot),
            // The Stream was removed just now: no other signal of it will come.
            None => {
                self.shared.stats.viewers.fetch_sub(1, Ordering::Relaxed);
                self.session.drain(DrainReason::Finished);
            }
        }
    }

    /// Gives a viewer with headers of its own what is new.
    pub(super) fn feed(&mut self, at: usize) {
        if self.out.bytes() > MAX_WAITING {
            return;
        }
        let shared = self.shared.clone();
        let Some(slot) = self.slots.get_mut(at) else { return };
        let batch = slot.read_direct(&self.bell, &shared, now());
        let id = slot.id;
        for message in batch.messages {
            self.session.send_media(id, message.kind, message.timestamp, message.body);
        }
        if batch.ended {
            self.session.notify_unpublish(id);
        }
        if batch.closed {
            self.farewell = Some("the stream was removed".into());
            self.session.drain(DrainReason::Finished);
        }
    }

    /// The last word was said: nothing flows any more, and the peer may read that word in peace.
    async fn begin_to_linger(&mut self) {
        self.lingering.get_or_insert(now() + LINGER);
        // The writing side comes back from the fan-out, with what it had begun.
        self.leave_fanout(STREAM).await;
        let why = self.farewell.clone().unwrap_or_default();
        for slot in std::mem::take(&mut self.slots) {
            self.log_end(slot, now(), &why);
        }
        self.pending.clear();
    }

    pub(super) fn revoked(&mut self, at: usize, why: &Arc<str>) {
        let Some(slot) = self.slots.get(at) else { return };
        let id = slot.id;
        if matches!(slot.role, Role::Ingest(_)) {
            self.end_ingest(id, why);
        } else {
            self.farewell = Some(why.to_string());
            self.session.drain(DrainReason::Revoked);
        }
    }

    fn end_ingest(&mut self, stream: MessageStreamId, why: &str) {
        if let Some(at) = self.slots.iter().position(|slot| slot.id == stream) {
            let slot = self.slots.remove(at);
            self.log_ingest(&slot, now(), why);
        }
        self.farewell = Some(why.to_owned());
        self.session.publish_refused_later(stream, RefusalCode::BadName, why);
    }

    pub(super) fn log_end(&mut self, slot: Slot, now: Instant, why: &str) {
        if matches!(slot.role, Role::Ingest(_)) {
            return self.log_ingest(&slot, now, why);
        }
        slot.settle(&self.shared);
        let bytes = slot.sent(self.out.written());
        self.shared.stats.viewers.fetch_sub(1, Ordering::Relaxed);
        let seconds = tenths(now.saturating_duration_since(slot.began));
        info!(peer = %self.peer, bytes, seconds, why, "viewer ended");
    }

    fn log_ingest(&mut self, slot: &Slot, now: Instant, why: &str) {
        let Role::Ingest(ingest) = &slot.role else { return };
        self.shared.stats.publishers.fetch_sub(1, Ordering::Relaxed);
        let seconds = tenths(now.saturating_duration_since(slot.began));
        let stream = ingest.publisher().stream().name();
        let (messages, bytes) = (ingest.messages, ingest.bytes);
        info!(peer = %self.peer, %stream, messages, bytes, seconds, why, "ingest ended");
    }
}

/// Why an ingest ended. Whoever goes while this server stops does so because it stops.
fn ended(draining: bool, orderly: bool) -> &'static str {
    match (draining, orderly) {
        (true, _) => "this server stops",
        (false, true) => "the encoder ended the stream",
        (false, false) => "the encoder vanished",
    }
}

/// Seconds as a log shows them.
fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

/// A viewer that is not let in.
fn refused(why: impl ToString) -> admission::Refusal {
    let words = why.to_string();
    admission::Refusal { code: RefusalCode::PlayFailed, why: admission::Why::Play, words }
}

/// What a stranger calls itself, fit for a log line.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::{ended, tenths};
    use std::time::Duration;

    #[test]
    fn times_in_the_log_are_short() {
        for (ms, shown) in [(0, "0.0"), (49, "0.0"), (3_141, "3.1"), (86_400_060, "86400.1")] {
            assert_eq!(format!("{:?}", tenths(Duration::from_millis(ms))), shown);
        }
    }

    #[test]
    fn an_ingest_that_ends_with_the_server_does_not_blame_the_encoder() {
        for orderly in [true, false] {
            assert_eq!(ended(true, orderly), "this server stops");
            assert!(ended(false, orderly).starts_with("the encoder"));
        }
    }
}
