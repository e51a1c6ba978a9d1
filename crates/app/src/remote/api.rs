//! The API as its callers here want it: values in and out, problems in words.

use super::access::Access;
use crate::tool::Failure;
use manycast_web::{Call, Client, ClientError, Method, Reply};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The most that one page may hold.
const PAGE: usize = 200;

const NO_TOKEN: &str = "put a token into MANYCAST_TOKEN or a file for --token-file; on the server's \
                        own machine `manycast token create --role owner --data-dir DIR` makes one";
const NO_SERVER: &str = "is the server running (`manycast serve`), and is this its address? Another one is \
                         named by --server or MANYCAST_SERVER";
const NO_API: &str = "this is not the address of a Manycast's API, or it is an older one: give by --server the \
                      address under which the dashboard opens";
const NO_TRUST: &str = "compare the SHA-256 fingerprint in the server's log and give it by \
                        --fingerprint, or name its data directory by --data-dir on its own machine";

/// A server's API.
pub(super) struct Api {
    client: Client,
    address: String,
}

/// A path under the API of segments that may hold anything.
pub(super) fn at(segments: &[&str]) -> String {
    segments.iter().fold("/api/v1".to_owned(), |mut path, segment| {
        path.push('/');
        encode(&mut path, segment);
        path
    })
}

/// A path with a query; values that are not there are left out.
pub(super) fn with(path: &str, query: &[(&str, Option<&str>)]) -> String {
    let mut whole = path.to_owned();
    for (name, value) in query.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
        let mark = if whole.contains('?') { '&' } else { '?' };
        let _ = write!(whole, "{mark}{name}=");
        encode(&mut whole, value);
    }
    whole
}

/// RFC 3986 2.3: what is not unreserved is written in hexadecimal.
fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// The fields that were given, as the body of a request.
pub(super) fn body(fields: Vec<(&str, Option<Value>)>) -> Value {
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

impl Api {
    pub(super) fn open(access: &Access) -> Result<Self, Failure> {
        let address = access.server.trim_end_matches('/').to_owned();
        Ok(Self { client: access.client()?, address })
    }

    /// The server's address, as it was given.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Reads one thing.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        value(self.call(Method::GET, path, Vec::new(), None).await?).await
    }

    /// Reads a list, page by page, up to `most` of its items.
    pub(super) async fn list(&self, path: &str, most: usize) -> Result<Vec<Value>, Failure> {
        let mut items: Vec<Value> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let limit = PAGE.min(most - items.len()).to_string();
            let query = [("limit", Some(limit.as_str())), ("after", after.as_deref())];
            let mut page = self.get(&with(path, &query)).await?;
            let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) else {
                return Err(Failure::failed("the server's answer is no list"));
            };
            let empty = found.is_empty();
            items.extend(found);
            let next = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if items.len() >= most || empty || next.is_none() || next == after {
                items.truncate(most);
                return Ok(items);
            }
            after = next;
        }
    }

    /// Reads a list that is not paged.
    pub(super) async fn all(&self, path: &str) -> Result<Vec<Value>, Failure> {
        match self.get(path).await?.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(Failure::failed("the server's answer is no list")),
        }
    }

    /// The id of what is called `text`, by one of these fields, in a list; an id is taken as it is.
    ///
    /// # Errors
    /// More than one is called so; the list cannot be read.
    pub(super) async fn id(
        &self,
        list: &str,
        text: &str,
        names: &[&str],
    ) -> Result<String, Failure> {
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(text.to_owned());
        }
        let items = self.list(list, usize::MAX).await?;
        let field =
            |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let called =
            |item: &&Value| names.iter().any(|name| field(item, name).as_deref() == Some(text));
        let ids: Vec<String> =
            items.iter().filter(called).filter_map(|item| field(item, "id")).collect();
        match ids.as_slice() {
            // the server says that it is not there
            [] => Ok(text.to_owned()),
            [one] => Ok(one.clone()),
            more => {
                let (count, text, ids) = (more.len(), super::show::plain(text), more.join(", "));
                Err(Failure::usage(format!(
                    "{count} are called {text}: name one by its id, of {ids}"
                )))
            }
        }
    }

    /// Makes a thing. A connection that breaks makes none twice, since the request has a name.
    pub(super) async fn create(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let key = format!("{:032x}", rand::random::<u128>());
        let headers = vec![("idempotency-key", key)];
        let call = || self.call(Method::POST, path, headers.clone(), Some(body));
        let reply = match call().await {
            Err(failure) if failure.again => call().await,
            done => done,
        };
        value(reply?).await
    }

    /// Has something done.
    pub(super) async fn act(&self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        value(self.call(Method::POST, path, Vec::new(), body).await?).await
    }

    /// Changes fields of a thing in the version that it has now.
    pub(super) async fn edit(&self, path: &str, patch: &Value) -> Result<Value, Failure> {
        if patch.as_object().is_none_or(Map::is_empty) {
            return Err(Failure::usage("nothing to change was given; see --help"));
        }
        let seen = self.call(Method::GET, path, Vec::new(), None).await?;
        let version = seen.header("etag").map(str::to_owned);
        value(seen).await?;
        let headers = version.map(|version| ("if-match", version)).into_iter().collect();
        value(self.call(Method::PATCH, path, headers, Some(patch)).await?).await
    }

    /// Changes fields of a thing that has no version.
    pub(super) async fn patch(&self, path: &str, patch: &Value) -> Result<Value, Failure> {
        if patch.as_object().is_none_or(Map::is_empty) {
            return Err(Failure::usage("nothing to change was given; see --help"));
        }
        value(self.call(Method::PATCH, path, Vec::new(), Some(patch)).await?).await
    }

    /// Removes a thing.
    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        value(self.call(Method::DELETE, path, Vec::new(), None).await?).await.map(drop)
    }

    /// Opens an answer that does not end.
    pub(super) async fn stream(&self, path: &str) -> Result<Reply, Failure> {
        let headers = vec![("accept", "text/event-stream".to_owned())];
        let reply = self.call(Method::GET, path, headers, None).await?;
        if reply.status() == 200 {
            return Ok(reply);
        }
        value(reply).await?;
        Err(Failure::failed("the server does not send events"))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: Vec<(&'static str, String)>,
        body: Option<&Value>,
    ) -> Result<Reply, Broken> {
        let body = body.map(|value| value.to_string().into_bytes());
        let path = path.to_owned();
        self.client.call(Call { method, path, headers, body }).await.map_err(Broken::from)
    }
}

/// No answer came.
struct Broken {
    failure: Failure,
    /// The request may have arrived, and may be sent again under its name.
    again: bool,
}

impl From<ClientError> for Broken {
    fn from(error: ClientError) -> Self {
        let again = matches!(error, ClientError::Http(_) | ClientError::Timeout);
        let failure = match &error {
            ClientError::Address(_) | ClientError::Request(_) => Failure::usage(error.to_string()),
            ClientError::Dial(_) | ClientError::Http(_) | ClientError::TlsTimeout => {
                Failure::failed(format!("{error}\n  {NO_SERVER}"))
            }
            ClientError::Tls(tls) if tls.kind().starts_with("certificate_") => {
                // what follows in its words is for destinations
                let words = error.to_string();
                let what = words.split("; ").next().unwrap_or_default();
                Failure::failed(format!("{what}\n  {NO_TRUST}"))
            }
            _ => Failure::failed(error.to_string()),
        };
        Self { failure, again }
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        broken.failure
    }
}

/// The body of a good answer; `null` if it has none. A problem becomes a failure.
async fn value(reply: Reply) -> Result<Value, Failure> {
    let status = reply.status();
    let body = reply.body().await.map_err(|error| Failure::failed(error.to_string()))?;
    let parsed = serde_json::from_slice(&body);
    match (status, parsed) {
        (200..=299, _) if body.is_empty() => Ok(Value::Null),
        (200..=299, Ok(value)) => Ok(value),
        (200..=299, Err(_)) => {
            Err(Failure::failed("the server's answer is no JSON: is it Manycast?"))
        }
        (_, parsed) => Err(problem(status, &parsed.unwrap_or(json!({})))),
    }
}

/// A problem (RFC 9457) in words: what, which fields, and what to do.
fn problem(status: u16, problem: &Value) -> Failure {
    let text = |name: &str| problem.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
    let plain = super::show::plain;
    let what = text("detail").or(text("title")).or(text("message")).map(plain);
    let what = what.unwrap_or_else(|| format!("the server answered with status {status}"));
    let errors = problem.get("errors").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let message = match errors {
        [] => {
            let remedy = match text("type") {
                _ if status == 401 => Some(NO_TOKEN.to_owned()),
                Some("/problems/no-such-route") => Some(NO_API.to_owned()),
                _ => text("remedy").map(plain),
            };
            remedy.map_or(what.clone(), |remedy| format!("{what}\n  {remedy}"))
        }
        [one] => told(one, "\n  "),
        more => more.iter().fold("the server refuses this:".to_owned(), |text, error| {
            format!("{text}\n  {}", told(error, ": "))
        }),
    };
    if status == 422 || status == 400 { Failure::usage(message) } else { Failure::failed(message) }
}

/// What is wrong with a field, and what helps.
fn told(error: &Value, between: &str) -> String {
    let part = |name: &str| {
        super::show::plain(error.get(name).and_then(Value::as_str).unwrap_or_default())
    };
    let (field, message) = (part("field"), part("message"));
    let remedy = match field.as_str() {
        "service" => "`manycast service list TEXT` finds it".to_owned(),
        "url" if message.contains("without a key") => {
            "put the key into MANYCAST_KEY, or give it by --key -".to_owned()
        }
        _ => part("remedy"),
    };
    let mut text = if field.is_empty() { message } else { format!("{field}: {message}") };
    if !remedy.is_empty() {
        let _ = write!(text, "{between}{remedy}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_kind_stand_in_a_path_as_they_are() {
        assert_eq!(at(&["streams", "main"]), "/api/v1/streams/main");
        assert_eq!(at(&["x", "../a b/\u{e9}?#"]), "/api/v1/x/..%2Fa%20b%2F%C3%A9%3F%23");
        let query = [("a", Some("1&b=2")), ("none", None), ("c", Some("d"))];
        assert_eq!(with("/p", &query), "/p?a=1%26b%3D2&c=d");
        assert_eq!(with("/p?x=1", &query[2..]), "/p?x=1&c=d");
        let made = body(vec![("a", Some(json!(1))), ("b", None), ("c", Some(Value::Null))]);
        assert_eq!(made, json!({"a": 1, "c": null}));
    }

    #[test]
    fn problems_are_told_once_with_fields_and_remedy() {
        let name = json!({"field": "name", "message": "holds a blank", "remedy": "use -"});
        let start = json!({"field": "start", "message": "is no word", "remedy": null});
        let refused = |errors: Vec<&Value>| {
            let detail = "name holds a blank (and more)";
            let body = json!({"title": "Invalid", "detail": detail, "remedy": "Mend it.", "errors": errors});
            let told = problem(422, &body);
            assert_eq!(told.code, 2);
            told.message
        };
        assert_eq!(refused(vec![&name]), "name: holds a blank\n  use -");
        let both = "the server refuses this:\n  name: holds a blank: use -\n  start: is no word";
        assert_eq!(refused(vec![&name, &start]), both);
        let keyless = json!({"field": "url", "message": "comes without a key", "remedy": "x"});
        assert!(refused(vec![&keyless]).contains("--key -"));
        let elsewhere =
            json!({"type": "/problems/no-such-route", "detail": "x", "remedy": "y", "errors": []});
        assert!(problem(404, &elsewhere).message.contains("--server"));
        assert!(problem(401, &json!({"detail": "Who are you?"})).message.contains("token create"));
        assert_eq!(problem(502, &json!({})).message, "the server answered with status 502");
        let hostile = problem(500, &json!({"detail": "a\u{1b}[2Jb"})).message;
        assert!(!hostile.contains('\u{1b}'), "{hostile:?}");
    }
}
