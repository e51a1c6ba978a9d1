//! Choices at run time: for Streams and Destinations of the file and of the database alike.

use super::entry;
use crate::control::{Control, now};
use crate::def::{AIR, ENABLED, OFF, ON, Origin};
use crate::live::Outcome;
use crate::{ControlError, DestinationView, StreamView};
use manycast_auth::Actor;
use manycast_store::DestinationEdit;
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn word(on: bool) -> &'static str {
    if on { ON } else { OFF }
}

impl Control {
    /// Takes a Stream on air: its destinations are fed, now or as soon as its encoder comes. Pressed
    /// without an encoder it waits 10 minutes for one.
    ///
    /// # Errors
    /// No such Stream; the database.
    pub async fn go_live(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
    ) -> Result<StreamView, ControlError> {
        self.press(by, stream, true).await
    }

    /// Takes a Stream off air: its destinations say goodbye, its encoder stays connected.
    ///
    /// # Errors
    /// No such Stream; the database.
    pub async fn end(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
    ) -> Result<StreamView, ControlError> {
        self.press(by, stream, false).await
    }

    async fn press(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        wanted: bool,
    ) -> Result<StreamView, ControlError> {
        let (by, stream) = (by.clone(), stream.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let defined = Self::defined(&control.registry.load(), &stream)?;
            let action = if wanted { "stream.go_live" } else { "stream.end" };
            let mut edit = control.store.edit(entry(&by, action, &stream)).await?;
            let differs = wanted != (defined.start == crate::Start::Auto);
            let value = differs.then(|| word(wanted));
            edit.set_runtime(&stream, "", AIR, value).await?;
            edit.commit().await?;
            books.rows.put_choice(&stream, "", AIR, value);
            let outcome = {
                let mut live = control.live.lock();
                let pressed = live.get_mut(&defined.name);
                let who = Some(by.name.clone());
                pressed.map(|live| live.press(&defined.name, now(), wanted, who))
            };
            // Applied in any case, and noted once more: the encoder may have come or gone meanwhile.
            let outcome = Outcome { aired: true, ..outcome.unwrap_or_default() };
            control.take(outcome, &defined.name);
            drop(books);
            control.stream(&stream)
        })
        .await
    }

    /// Hands on what followed from something that happened to a Stream.
    pub(crate) fn take(&self, outcome: Outcome, stream: &manycast_media::StreamName) {
        // Before it is applied: what follows from that comes later.
        self.desk.happened(outcome.happenings);
        if outcome.aired {
            let chosen = self.live.lock().get(stream).and_then(|live| live.chosen());
            self.apply_air();
            if !self.draining.load(Ordering::Relaxed) {
                self.desk.hand_in(crate::events::Job::Air(stream.clone(), chosen));
            }
        }
        if outcome.changed || outcome.aired {
            self.changed();
        }
    }

    /// Switches a Destination on or off; no other one notices (D12).
    ///
    /// # Errors
    /// No such Destination; the database.
    pub async fn set_enabled(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        id: &str,
        enabled: bool,
    ) -> Result<DestinationView, ControlError> {
        let (by, stream, id) = (by.clone(), stream.to_owned(), id.to_owned());
        self.carried(move |control| async move {
            let mut books = control.books.lock().await;
            let (_, one) = Self::place(&control.registry.load(), &stream, &id)?;
            let subject = format!("{stream}/{}", one.name);
            let action = if enabled { "destination.enable" } else { "destination.disable" };
            let mut edit = control.store.edit(entry(&by, action, &subject)).await?;
            match one.origin {
                Origin::Row { id, .. } => {
                    let enabled = Some(enabled);
                    let change = DestinationEdit { enabled, ..DestinationEdit::default() };
                    let row = edit.edit_destination(&id, None, change).await?;
                    edit.commit().await?;
                    books.rows.put_destination(row);
                }
                Origin::File => {
                    let said = control.said_by_file(&stream, &one.name);
                    let value = (said != Some(enabled)).then(|| word(enabled));
                    edit.set_runtime(&stream, &one.name, ENABLED, value).await?;
                    edit.commit().await?;
                    books.rows.put_choice(&stream, &one.name, ENABLED, value);
                }
            }
            control.refresh(&mut books);
            drop(books);
            control.destination(&stream, &one.id)
        })
        .await
    }

    /// What the file itself says about a Destination.
    fn said_by_file(&self, stream: &str, name: &str) -> Option<bool> {
        let file = self.file.load();
        let stream = file.streams.iter().find(|one| one.name.as_str() == stream)?;
        stream.destinations.iter().find(|one| one.name == name).map(|one| one.enabled)
    }

    /// Has a Destination that waits dial now.
    ///
    /// # Errors
    /// No such Destination; the database, which keeps who asked.
    pub async fn retry(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
        id: &str,
    ) -> Result<DestinationView, ControlError> {
        let (_, one) = Self::place(&self.registry.load(), stream, id)?;
        let subject = format!("{stream}/{}", one.name);
        self.store.audit(entry(by, "destination.retry", &subject)).await?;
        self.restream.retry(&one.seat);
        self.destination(stream, &one.id)
    }

    /// Ends the session of a Stream's encoder. It may come again.
    ///
    /// # Errors
    /// No such Stream, or nobody publishes; the database, which keeps who asked.
    pub async fn end_publisher(
        self: &Arc<Self>,
        by: &Actor,
        stream: &str,
    ) -> Result<(), ControlError> {
        let found = self.hub.streams().into_iter().find(|one| one.name().as_str() == stream);
        let found = found.filter(|one| one.is_live());
        let found = found.ok_or(ControlError::NotFound { what: "encoder" })?;
        self.store.audit(entry(by, "stream.end_publisher", stream)).await?;
        found.end_publisher(now(), "ended by an operator");
        Ok(())
    }
}
