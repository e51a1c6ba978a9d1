//! Questions and answers in the words of nginx-rtmp and of SRS.
//!
//! Belongs here: both forms, and what an answer means in each. Must not come here: what follows from
//! it.

use std::time::Duration;

use bytes::Bytes;
use manycast_hub::AccessRequest;
use manycast_media::StreamName;
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use super::Style;
use crate::client::{Answer, HttpClient, Post};
use crate::endpoint::Endpoint;

/// Most bytes of an answer that are looked at: a code, or a page that nobody reads.
const KEPT: usize = 4 * 1_024;

/// Who asks, and what for.
pub(super) struct Caller {
    /// A number of its own for each session since the start.
    pub(super) client_id: u64,
    pub(super) request: AccessRequest,
}

impl Caller {
    /// The key of a publisher, the name of a viewer; without query.
    fn name(&self) -> &str {
        let name = self.request.name.expose();
        name.split_once('?').map_or(name, |(name, _)| name)
    }

    fn address(&self) -> String {
        self.request.peer.ip().to_canonical().to_string()
    }
}

/// What is asked or told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Publish,
    Play,
    PublishDone,
    PlayDone,
    Done,
}

impl Call {
    /// In nginx-rtmp's words.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Play => "play",
            Self::PublishDone => "publish_done",
            Self::PlayDone => "play_done",
            Self::Done => "done",
        }
    }

    /// In those of SRS, which has none for [`Self::Done`].
    fn action(self) -> &'static str {
        match self {
            Self::Publish => "on_publish",
            Self::Play => "on_play",
            Self::PublishDone => "on_unpublish",
            Self::PlayDone => "on_stop",
            Self::Done => "on_done",
        }
    }
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    Yes,
    /// Yes, under this name.
    As(StreamName),
    /// No; why, for the log.
    No(String),
    /// Nobody answered; why, for the log.
    Silent(String),
}

/// Asks once.
pub(super) async fn ask(
    client: &HttpClient,
    style: Style,
    endpoint: &Endpoint,
    call: Call,
    caller: &Caller,
    within: Duration,
) -> Ruling {
    let (content_type, body) = match style {
        Style::NginxRtmp => ("application/x-www-form-urlencoded", form(call, caller)),
        Style::Srs => ("application/json", json(call, caller)),
    };
    let headers = Vec::new();
    let post = Post { endpoint, content_type, headers, body: Bytes::from(body), keep: KEPT };
    match client.post(post, within).await {
        Ok(answer) => read(style, &answer),
        Err(error) => Ruling::Silent(error.to_string()),
    }
}

/// The names that are ours in a form. Arguments of a client must not pass for them.
const OURS: [&str; 10] =
    ["call", "addr", "clientid", "app", "name", "type", "flashver", "swfurl", "tcurl", "pageurl"];

fn form(call: Call, caller: &Caller) -> String {
    let request = &caller.request;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("app", &request.app);
    form.append_pair("flashver", &request.client.software);
    form.append_pair("swfurl", "");
    form.append_pair("tcurl", request.client.tc_url.expose());
    form.append_pair("pageurl", "");
    form.append_pair("addr", &caller.address());
    form.append_pair("clientid", &caller.client_id.to_string());
    form.append_pair("call", call.word());
    form.append_pair("name", caller.name());
    if call == Call::Publish {
        form.append_pair("type", "live");
    }
    for (key, value) in form_urlencoded::parse(request.query.expose().as_bytes()) {
        if !passes_for_ours(&key) {
            form.append_pair(&key, &value);
        }
    }
    form.finish()
}

/// Whether a script that reads a form as PHP does may take this name for one of ours: without blanks
/// before it, and cut at the first bracket, blank or zero.
fn passes_for_ours(key: &str) -> bool {
    let cut = key.trim_start().split(['[', '.', ' ', '\0']).next().unwrap_or_default();
    OURS.iter().any(|ours| cut.eq_ignore_ascii_case(ours))
}

#[derive(Serialize)]
struct SrsQuestion<'a> {
    action: &'static str,
    client_id: String,
    ip: String,
    vhost: &'a str,
    app: &'a str,
    #[serde(rename = "tcUrl")]
    tc_url: &'a str,
    stream: &'a str,
    param: String,
    stream_url: String,
    #[serde(rename = "pageUrl")]
    page_url: &'a str,
}

fn json(call: Call, caller: &Caller) -> String {
    let request = &caller.request;
    let query = request.query.expose();
    let question = SrsQuestion {
        action: call.action(),
        client_id: caller.client_id.to_string(),
        ip: caller.address(),
        vhost: "__defaultVhost__",
        app: &request.app,
        tc_url: request.client.tc_url.expose(),
        stream: caller.name(),
        param: if query.is_empty() { String::new() } else { format!("?{query}") },
        stream_url: format!("/{}/{}", request.app, caller.name()),
        page_url: "",
    };
    // A plain struct of texts always has a JSON form.
    serde_json::to_string(&question).unwrap_or_default()
}

fn read(style: Style, answer: &Answer) -> Ruling {
    let status = answer.status;
    // A proxy's word that nobody is behind it is no answer.
    if matches!(status, 502..=504) {
        return Ruling::Silent(format!("it answered {status}"));
    }
    match style {
        Style::NginxRtmp => read_status(answer),
        Style::Srs if status == 200 => read_code(answer),
        Style::Srs => Ruling::No(format!("it answered {status}")),
    }
}

fn read_status(answer: &Answer) -> Ruling {
    match (answer.status, &answer.location) {
        (200..300, _) => Ruling::Yes,
        (300..400, Some(location)) => match StreamName::new(location.trim()) {
            Ok(name) => Ruling::As(name),
            Err(_) => Ruling::No("it gave a name that no stream can have here".to_owned()),
        },
        (status, _) => Ruling::No(format!("it answered {status}")),
    }
}

fn read_code(answer: &Answer) -> Ruling {
    if !answer.complete {
        return Ruling::Silent("its answer broke off".to_owned());
    }
    let text = String::from_utf8_lossy(&answer.body);
    let text = text.trim();
    let code = text.parse().ok().or_else(|| {
        let answer: Value = serde_json::from_str(text).ok()?;
        answer.as_object()?.get("code")?.as_i64()
    });
    match code {
        Some(0) => Ruling::Yes,
        Some(code) => Ruling::No(format!("it answered with the code {code}")),
        None => Ruling::No("its answer is neither 0 nor {\"code\":0}".to_owned()),
    }
}

#[cfg(test)]
mod tests;
