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
const NO_TRUST: &str = "compare the SHA-256 fingerprint in the server's log and give it by \
                        --fingerprint, or name its data directory by --data-dir on its own machine";

/// A server's API.
pub(super) struct Api {
    client: Client,
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
        Ok(Self { client: access.client()? })
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
            ClientError::Tls(tls) if tls.kind().starts_with("certificate_") => {
                Failure::failed(format!("{error}\n  {NO_TRUST}"))
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
    let mut message = what.unwrap_or_else(|| format!("the server answered with status {status}"));
    for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| plain(error.get(name).and_then(Value::as_str).unwrap_or_default());
        let _ = write!(message, "\n  {}: {}", part("field"), part("message"));
        if !part("remedy").is_empty() {
            let _ = write!(message, " ({})", part("remedy"));
        }
    }
    let remedy = text("remedy").map(plain);
    match remedy {
        _ if status == 401 => message += &format!("\n  {NO_TOKEN}"),
        Some(remedy) => message += &format!("\n  {remedy}"),
        None => {}
    }
    if status == 422 || status == 400 { Failure::usage(message) } else { Failure::failed(message) }
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
    fn problems_are_told_with_fields_and_remedy() {
        let told = problem(
            422,
            &json!({"title": "Invalid", "detail": "The stream cannot be made.", "remedy": "Mend it.",
                    "errors": [{"field": "name", "message": "holds a blank", "remedy": "use -"},
                               {"field": "start", "message": "is no word", "remedy": null}]}),
        );
        let want = "The stream cannot be made.\n  name: holds a blank (use -)\n  start: is no word\n  \
                    Mend it.";
        assert_eq!((told.code, told.message.as_str()), (2, want));
        assert!(problem(401, &json!({"detail": "Who are you?"})).message.contains("token create"));
        assert_eq!(problem(502, &json!({})).message, "the server answered with status 502");
        let hostile = problem(500, &json!({"detail": "a\u{1b}[2Jb"})).message;
        assert!(!hostile.contains('\u{1b}'), "{hostile:?}");
    }
}
