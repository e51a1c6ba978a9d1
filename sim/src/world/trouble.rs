//! Trouble as it begins and ends, people at their switches, and the end of all trouble.
//!
//! Belongs here: what each kind of trouble does to the parts. Must not come here: when, see
//! `fault.rs`.

use super::{Event, World};
use crate::fault::Kind;
use manycast_restream::State;
use std::time::Duration;

/// People look whether a refusal is pending so often after all trouble has ended.
const VISITS: u32 = 10;
const VISIT: Duration = Duration::from_secs(1);
/// How long a process that is stopped may say goodbye.
const SHUTDOWN: Duration = Duration::from_secs(3);
/// The longest wait of the ladder and 5 s (invariant 10).
pub(super) const HEALED_WITHIN: Duration = Duration::from_secs(35);

impl World {
    pub(super) fn fault_begins(&mut self, n: usize) {
        let fault = self.setup.faults[n];
        if self.healed {
            return;
        }
        self.mix(0x300_0000 | n as u64);
        self.note("fault", format_args!("{fault}"));
        self.active.push(n);
        self.post(self.now + fault.lasts, Event::Ends(n));
        let place = fault.place;
        if !fault.kind.is_common() {
            self.fars[place].struck = true;
        }
        match fault.kind {
            Kind::Reset => self.break_sessions(place, true),
            Kind::Close | Kind::Restart => self.break_sessions(place, false),
            Kind::HalfOpen => self.kill_silently(place, Some(fault.lasts)),
            Kind::EncoderLost => self.lose_encoder(fault.lasts, false),
            Kind::EncoderGone => self.lose_encoder(fault.lasts, true),
            Kind::EncoderStops => {
                self.encoders[0].wanted = false;
                self.cut_encoder(0, true, false);
            }
            Kind::EncoderChanges => self.change_encoder(0),
            Kind::Rival => self.call_encoder(1),
            Kind::Disable => {
                self.seats[place].wanted = false;
                self.steer(place);
            }
            Kind::Edit => self.edit(place),
            Kind::Remove => {
                self.seats[place].present = false;
                self.steer(place);
            }
            Kind::Patience => self.change_patience(place),
            Kind::Shutdown => self.shut_down(fault.lasts),
            Kind::Crash => self.crash(fault.lasts, false),
            Kind::PowerLoss => self.crash(fault.lasts, true),
            kind => {
                self.fars[place].strike(kind);
                self.refresh(place);
            }
        }
    }

    pub(super) fn fault_ends(&mut self, n: usize) {
        let fault = self.setup.faults[n];
        if self.healed {
            return;
        }
        let place = fault.place;
        self.active.retain(|active| *active != n);
        match fault.kind {
            Kind::EncoderStops if !self.is_on(Kind::EncoderStops, None) => self.call_encoder(0),
            Kind::Rival if !self.is_on(Kind::Rival, None) => {
                self.encoders[1].wanted = false;
                self.cut_encoder(1, false, false);
            }
            Kind::Disable if !self.is_on(Kind::Disable, Some(place)) => {
                self.seats[place].wanted = true;
                self.steer(place);
            }
            Kind::Edit => self.edit(place),
            Kind::Patience => self.change_patience(place),
            Kind::Remove if !self.is_on(Kind::Remove, Some(place)) => self.add_again(place, n),
            _ => self.refresh(place),
        }
        if fault.kind.hurts_the_path() {
            let began = self.origin + fault.at;
            // What waited is late for a while after that.
            let over = self.now + Duration::from_secs(5);
            self.fars[place].hurt.push((began, over));
        }
    }

    fn is_on(&self, kind: Kind, place: Option<usize>) -> bool {
        let mut on = self.active.iter().map(|n| self.setup.faults[*n]);
        on.any(|fault| fault.kind == kind && place.is_none_or(|place| fault.place == place))
    }

    /// One of the same name that still says goodbye is waited for.
    fn add_again(&mut self, seat: usize, fault: usize) {
        if self.seats[seat].attempt.is_some() {
            self.active.push(fault);
            return self.post(self.now + Duration::from_millis(50), Event::Ends(fault));
        }
        self.hire(seat, 0);
    }

    /// A far end is as ill as what is on now.
    fn refresh(&mut self, place: usize) {
        let (up, reads) = (self.fars[place].path.up, self.fars[place].reads);
        let all: Vec<_> = self.active.iter().map(|n| self.setup.faults[*n]).collect();
        self.fars[place].suffer(all.iter().filter(|fault| fault.place == place));
        if !up && self.fars[place].path.up {
            self.path_is_up(place);
        }
        if reads != self.fars[place].reads {
            self.reads_again(place);
        }
    }

    /// The platform ends its sessions without a word.
    fn break_sessions(&mut self, place: usize, reset: bool) {
        use crate::platform::HangUp;
        let how = if reset { HangUp::Reset } else { HangUp::Fin };
        self.fars[place].platform.break_off(self.now, how);
        self.obey_all(place);
    }

    /// Sessions die without either end being told.
    fn kill_silently(&mut self, place: usize, platform_finds_out: Option<Duration>) {
        for conn in self.fars[place].conns.clone() {
            self.conns[conn].dead = true;
            if let Some(after) = platform_finds_out {
                self.post(self.now + after, Event::FarNotices(conn));
            }
        }
    }

    fn lose_encoder(&mut self, time: Duration, silent: bool) {
        let until = self.now + time;
        let encoder = &mut self.encoders[0];
        encoder.away_until = encoder.away_until.max(Some(until));
        if encoder.wanted {
            self.cut_encoder(0, false, silent);
        }
    }

    /// A change that needs no redial.
    fn change_patience(&mut self, seat: usize) {
        let slot = &mut self.seats[seat];
        let window = &mut slot.place.timings.reconnect_window;
        *window = if window.is_zero() { Duration::from_secs(30) } else { Duration::ZERO };
        if let Some(crew) = &mut slot.crew {
            crew.machine.set_timings(slot.place.timings);
        }
    }

    /// Everybody is told goodbye; who is not done within the bound is dropped with the process.
    fn shut_down(&mut self, time: Duration) {
        let Some(process) = &mut self.process else { return };
        if std::mem::replace(&mut process.leaves, true) {
            return;
        }
        for seat in 0..self.seats.len() {
            self.steer(seat);
        }
        self.post(self.now + SHUTDOWN, Event::Kill(self.incarnation, time));
    }

    /// The end of a process that says goodbye.
    pub(super) fn kill(&mut self, incarnation: u32, time: Duration) {
        if self.process.is_some() && self.incarnation == incarnation {
            self.watch_goodbyes();
            self.crash(time, false);
        }
    }

    fn crash(&mut self, time: Duration, silent: bool) {
        if self.process.is_none() {
            return;
        }
        for seat in 0..self.seats.len() {
            let conn = self.seats[seat].attempt.take().and_then(|attempt| attempt.conn);
            self.seats[seat].crew = None;
            match conn {
                Some(conn) if silent => {
                    self.conns[conn].left = true;
                    self.kill_silently(seat, Some(Duration::from_secs(8)));
                }
                Some(conn) => self.leave(conn, true),
                None => {}
            }
        }
        self.process = None;
        self.forget_encoders();
        self.post(self.now + time, Event::Boot);
    }

    pub(super) fn reboot(&mut self) {
        if self.process.is_none() {
            self.note("process", format_args!("starts again"));
            self.boot();
        }
    }

    // === the end of all trouble

    /// Everything is put right, and whatever hung hangs no more.
    pub(super) fn heal(&mut self) {
        self.note("world", format_args!("all trouble ends"));
        let open = std::mem::take(&mut self.active);
        for fault in open.into_iter().map(|n| self.setup.faults[n]) {
            if fault.kind.hurts_the_path() {
                let until = self.now + Duration::from_secs(5);
                self.fars[fault.place].hurt.push((self.origin + fault.at, until));
            }
        }
        self.healed = true;
        if self.process.as_ref().is_some_and(|process| process.leaves) {
            self.crash(Duration::ZERO, false);
        }
        self.reboot();
        for place in 0..self.fars.len() {
            self.fars[place].forget_trouble();
            self.refresh(place);
            self.fars[place].platform.pardon(self.now);
            for conn in self.fars[place].conns.clone() {
                if self.conns[conn].id.is_none() || self.conns[conn].dead {
                    self.far_notices(conn);
                    self.post(self.now, Event::Broken(conn));
                }
            }
            self.obey_all(place);
            self.hurry(place);
        }
        self.encoders[1].wanted = false;
        self.cut_encoder(1, false, false);
        self.call_encoder(0);
        for seat in 0..self.seats.len() {
            self.seats[seat].wanted = true;
            if self.seats[seat].present {
                self.steer(seat);
            }
        }
        self.post(self.now, Event::Visit(VISITS));
        self.post(self.now + HEALED_WITHIN, Event::Judge);
    }

    /// People see to refusals that are pending, and to what was removed.
    pub(super) fn visit(&mut self, left: u32) {
        for seat in 0..self.seats.len() {
            if !self.seats[seat].present && self.seats[seat].attempt.is_none() {
                self.hire(seat, 0);
            }
            if self.state(seat) == State::Rejected {
                self.edit(seat);
            }
        }
        if left > 0 {
            self.post(self.now + VISIT, Event::Visit(left - 1));
        }
    }
}
