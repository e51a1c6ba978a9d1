//! The demo as text: a picture of 80 columns for a terminal, a line for everything else. Pure.

use super::cast::{OWN, STREAM};
use super::snapshot::{Check, DestinationView, Snapshot, StreamView};
use super::verify::Faults;
use crate::tool::format::{bitrate, clock, grouped};
use manycast_restream::State;

/// Columns that are used at most: one less than a terminal has, since what is cleared after the last
/// column would be that column.
pub(super) const WIDTH: usize = 79;
/// The column where what is said begins.
const INDENT: usize = 11;

/// How the picture may look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Whether there are colours.
    pub(super) colour: bool,
    /// The mark of something that has a state.
    pub(super) mark: char,
}

#[derive(Clone, Copy)]
enum Ink {
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
}

impl Look {
    /// As the environment wants it: `NO_COLOR`, and the character set of the locale.
    pub(super) fn of_environment() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let wide = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        Self { colour: set("NO_COLOR").is_none(), mark: if wide { '●' } else { '*' } }
    }

    /// No colours, ASCII alone.
    #[cfg(test)]
    pub(super) const PLAIN: Self = Self { colour: false, mark: '*' };

    fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Green => 32,
            Ink::Yellow => 33,
            Ink::Red => 31,
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The picture, line by line, without line ends.
pub(super) fn picture(snapshot: &Snapshot, look: Look) -> Vec<String> {
    let mut lines = vec![title(snapshot, look), String::new()];
    stream(snapshot, look, &mut lines);
    lines.push(String::new());
    destinations(snapshot, look, &mut lines);
    lines.push(String::new());
    invitation(snapshot, look, &mut lines);
    lines
}

fn title(snapshot: &Snapshot, look: Look) -> String {
    let elapsed = clock(snapshot.elapsed);
    let time = match snapshot.limit {
        Some(limit) => format!("{elapsed} of {}, Ctrl-C ends it", clock(limit)),
        None => format!("{elapsed}, Ctrl-C ends it"),
    };
    let name = "Manycast demo";
    let gap = " ".repeat(WIDTH.saturating_sub(name.len() + time.len()));
    format!("{}{gap}{}", look.ink(Ink::Bold, name), look.ink(Ink::Dim, &time))
}

fn viewers(count: u64) -> String {
    match count {
        1 => "1 viewer".to_owned(),
        count => format!("{} viewers", grouped(count)),
    }
}

fn stream(snapshot: &Snapshot, look: Look, lines: &mut Vec<String>) {
    let view = &snapshot.stream;
    let (ink, word) = if view.live { (Ink::Green, "live") } else { (Ink::Yellow, "waiting") };
    let state = look.ink(ink, &format!("{} {word}", look.mark));
    let viewers = viewers(snapshot.viewers);
    let head = look.ink(Ink::Bold, &format!("{:<INDENT$}", "Stream"));
    lines.push(format!("{head}{STREAM} {state} {}, {viewers}", clock(view.time)));
    let video = [view.video.as_deref(), view.pictures.as_deref()];
    let video: Vec<_> = video.into_iter().flatten().collect();
    lines.push(item("video", &cut(&or_dash(&video.join(", ")), WIDTH - INDENT)));
    lines.push(item("audio", &or_dash(view.audio.as_deref().unwrap_or_default())));
    lines.push(item("bitrate", &bitrate(view.bitrate)));
    if let Some(trouble) = view.trouble {
        lines.push(item("trouble", &look.ink(Ink::Red, &cut(trouble, WIDTH - INDENT))));
    }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn item(name: &str, text: &str) -> String {
    format!("  {name:<width$}{text}", width = INDENT - 2)
}

fn destinations(snapshot: &Snapshot, look: Look, lines: &mut Vec<String>) {
    let head = format!(
        "{:<12}{:<12} {:>7} {:>13} {:>10} {:>5}  {}",
        "Destination", "state", "for", "bitrate", "frames", "lost", "verified"
    );
    lines.push(look.ink(Ink::Bold, &head));
    for view in &snapshot.destinations {
        let ink = ink(view.state);
        let state = format!("{} {:<10}", look.mark, view.state.name());
        lines.push(format!(
            "  {:<10}{} {:>7} {:>13} {:>10} {:>5}  {}",
            cut(&view.name, 9),
            look.ink(ink, &state),
            clock(view.since),
            bitrate(view.bitrate),
            grouped(view.frames),
            grouped(view.dropped_gops),
            verified(view, look)
        ));
    }
    for view in &snapshot.destinations {
        let Some(error) = &view.last_error else { continue };
        let dials = view.dials;
        let text = format!("{}: {error} (dialled {dials} times)", view.name);
        lines.push(format!("  {}", look.ink(Ink::Dim, &cut(&text, WIDTH - 2))));
    }
}

fn ink(state: State) -> Ink {
    match state {
        State::Live => Ink::Green,
        State::Backoff | State::Rejected | State::Stalled | State::Unfed => Ink::Red,
        State::Idle | State::Stopped => Ink::Dim,
        _ => Ink::Yellow,
    }
}

fn verified(view: &DestinationView, look: Look) -> String {
    match view.check {
        None => look.ink(Ink::Dim, "on purpose"),
        Some(check) if check.faults == Faults::default() => {
            look.ink(Ink::Green, &format!("{} ok", grouped(check.good)))
        }
        Some(check) => look.ink(Ink::Red, &format!("{} bad", grouped(wrong(check)))),
    }
}

fn wrong(check: Check) -> u64 {
    let Faults { missing, doubled, changed, mistimed } = check.faults;
    missing + doubled + changed + mistimed
}

fn invitation(snapshot: &Snapshot, look: Look, lines: &mut Vec<String>) {
    let live = format!("rtmp://{}/live", snapshot.rtmp);
    lines.push(look.ink(Ink::Bold, "Try it"));
    if let Some(dashboard) = &snapshot.dashboard {
        lines.push(item("open", dashboard));
    }
    lines.push(item("watch", &format!("vlc {live}/{STREAM}")));
    lines.push(item("", &format!("ffplay {live}/{STREAM}")));
    lines.push(item("publish", &format!("OBS: server {live}, stream key {OWN}")));
    lines.push(item("", &format!("ffmpeg -re -i FILE -c copy -f flv {live}/{OWN}")));
    lines.push(item("yours", &own(&snapshot.own, look, &format!("{live}/{OWN}"))));
    if snapshot.port_taken {
        let text = format!(
            "port {} is in use by another program, so this is port {}",
            super::PORTS[0],
            snapshot.rtmp.port()
        );
        lines.push(item("note", &look.ink(Ink::Yellow, &text)));
    }
}

/// The stream of the audience.
fn own(view: &StreamView, look: Look, address: &str) -> String {
    if !view.live {
        return look.ink(Ink::Dim, &format!("not on air; to be watched at {address}"));
    }
    let video = view.video.as_deref().or(view.audio.as_deref()).unwrap_or("no frame yet");
    let text = format!("live {}, {}, {video}", clock(view.time), bitrate(view.bitrate));
    look.ink(Ink::Green, &cut(&text, WIDTH - INDENT))
}

/// At most so many characters, with a sign of what was left out.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(2)).collect();
    kept + ".."
}

/// What is said once where there is no terminal.
pub(super) fn opening(snapshot: &Snapshot) -> Vec<String> {
    let look = Look { colour: false, mark: '*' };
    let mut lines = vec!["Manycast demo".to_owned()];
    invitation(snapshot, look, &mut lines);
    lines
}

/// The demo in one line.
pub(super) fn line(snapshot: &Snapshot) -> String {
    let stream = &snapshot.stream;
    let mut line = format!("{}  {}", clock(snapshot.elapsed), bitrate(stream.bitrate));
    if let Some(pictures) = &stream.pictures {
        line += &format!(", {pictures}");
    }
    line += &format!(", {}", viewers(snapshot.viewers));
    for view in &snapshot.destinations {
        line += &format!(" | {} {}", view.name, view.state.name());
        match view.check {
            Some(check) => {
                line += &format!(", {} frames verified", check.good);
                if check.faults != Faults::default() {
                    line += &format!(", {} WRONG", wrong(check));
                }
            }
            None => {
                line += &format!(", {} frames", view.frames);
                line += &view.last_error.as_ref().map(|e| format!(", {e}")).unwrap_or_default();
            }
        }
    }
    line
}
