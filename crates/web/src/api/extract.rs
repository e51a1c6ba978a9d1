//! What a request says, taken strictly: unknown fields are refused, faults name the field (I12, I13).

use super::guard::MAX_BODY;
use crate::problem::{Fault, Problem};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header;
use axum::http::request::Parts;
use manycast_store::PageRequest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

/// The JSON object of the body. No body at all is an empty object.
pub(crate) struct Given<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Given<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        // it was collected and measured by the guard
        let bytes = axum::body::to_bytes(request.into_body(), MAX_BODY).await;
        let bytes =
            bytes.map_err(|_| Problem::new(Fault::BodyTooLarge, "a body may have 64 kB"))?;
        parse(if bytes.is_empty() { b"{}" } else { &bytes }).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut from = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let field = error.path().to_string();
        wrong(error.inner(), if field == "." { String::new() } else { field })
    })?;
    from.end().map_err(|error| wrong(&error, String::new()))?;
    Ok(value)
}

fn wrong(error: &serde_json::Error, field: String) -> Problem {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Data => {
            let message = without_value(&error.to_string());
            let missing = message.strip_prefix("missing field `").and_then(|m| m.strip_suffix('`'));
            let unknown = message.strip_prefix("unknown field `").and_then(|m| m.split('`').next());
            match missing.or(unknown) {
                Some(name) => {
                    let dot = if field.is_empty() || field.ends_with(name) { "" } else { "." };
                    let base = field.strip_suffix(name).unwrap_or(&field);
                    let words = if missing.is_some() { "is missing" } else { "is unknown" };
                    Problem::field(format!("{base}{dot}{name}"), words)
                }
                None => Problem::field(field, message),
            }
        }
        Category::Eof => Problem::new(Fault::InvalidJson, "the JSON ends in the middle"),
        Category::Syntax | Category::Io => {
            let detail = format!("this is no JSON, or too deep, at line {line}, column {column}");
            Problem::new(Fault::InvalidJson, detail)
        }
    }
}

/// The parser's words without the value that was sent: it may be a secret (J1).
fn without_value(words: &str) -> String {
    let words = words.rsplit_once(" at line ").map_or(words, |(words, _)| words);
    if !["invalid type", "invalid value", "invalid length", "unknown variant"]
        .iter()
        .any(|start| words.starts_with(start))
    {
        return words.to_owned();
    }
    match words.rfind(", expected ") {
        Some(at) => format!("has to be {}", &words[at + ", expected ".len()..]),
        None => "has a wrong value".to_owned(),
    }
}

/// What stands behind the question mark.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        let query = query.map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.rsplit("query string: ").next().unwrap_or_default();
            Problem::new(Fault::InvalidQuery, without_value(text))
        })?;
        Ok(Self(query.0))
    }
}

/// The variable parts of the path.
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        let unknown = |_| Problem::new(Fault::NotFound, "there is no such thing");
        path.map(|Path(value)| Self(value)).map_err(unknown)
    }
}

/// The version that the caller saw: `If-Match: "7"`.
pub(crate) struct IfMatch(Option<i64>);

impl IfMatch {
    /// The version; an edit without one would undo what others did.
    pub(crate) fn needed(&self) -> Result<i64, Problem> {
        self.0.ok_or_else(|| {
            Problem::new(Fault::VersionNeeded, "the header If-Match says which version you saw")
        })
    }

    /// The version, if one was named.
    pub(crate) fn seen(&self) -> Option<i64> {
        self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self(None)) };
        let tag = value.to_str().ok().map(str::trim);
        let inner = tag.and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
        let plain = inner.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let version = plain.and_then(|text| text.parse().ok());
        let version = version.ok_or_else(|| {
            Problem::new(Fault::InvalidHeader, "If-Match is not a version such as \"7\"")
        })?;
        Ok(Self(Some(version)))
    }
}

/// Which part of a list is asked for.
pub(crate) fn page(limit: Option<u32>, after: Option<String>) -> Result<PageRequest, Problem> {
    let limit = limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Problem::new(Fault::InvalidQuery, "limit has to be from 1 to 200"));
    }
    if after.as_ref().is_some_and(|cursor| cursor.len() > 200) {
        return Err(Problem::new(Fault::BadCursor, "the cursor is too long"));
    }
    Ok(PageRequest { limit, after })
}

/// A field that may be left out, cleared by `null`, or set.
pub(crate) fn three_state<'de, T, D>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "url")]
        _url: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: String,
        #[serde(default, deserialize_with = "three_state")]
        service: Option<Option<String>>,
        #[serde(default)]
        backup: Option<Inner>,
    }

    #[test]
    fn three_states_are_told_apart() {
        for (text, want) in [
            (r#"{"name":"a"}"#, None),
            (r#"{"name":"a","service":null}"#, Some(None)),
            (r#"{"name":"a","service":"x"}"#, Some(Some("x".to_owned()))),
        ] {
            let outer: Outer = parse(text.as_bytes()).unwrap();
            assert_eq!((outer.name.as_str(), outer.service), ("a", want));
            assert!(outer.backup.is_none());
        }
    }

    #[test]
    fn i12_i13_what_is_wrong_is_named_and_never_repeated() {
        let deep = "[".repeat(10_000);
        for (text, status, field, message) in [
            (r#"{"name":"a","id":1}"#, 422, "id", "is unknown"),
            (r#"{"name":"a","backup":{"url":"x","role":"owner"}}"#, 422, "backup.role", "unknown"),
            (r#"{"name":"a","backup":{}}"#, 422, "backup.url", "is missing"),
            (r"{}", 422, "name", "is missing"),
            (r#"{"name":"a","name":"b"}"#, 422, "name", "duplicate"),
            (r#"{"name":{"s3cret":1}}"#, 422, "name", "has to be a string"),
            (r#"{"name":7331}"#, 422, "name", "has to be a string"),
            (r#"["s3cret"]"#, 422, "", ""),
            (r#"{"name":"s3cret"#, 400, "", ""),
            (r#"{"name":"s3cret"} x"#, 400, "", ""),
            ("s3cret", 400, "", ""),
            (&deep, 422, "", ""),
            (&format!(r#"{{"name":"a","x":{deep}"#), 422, "x", "is unknown"),
            (&format!(r#"{{"name":{deep}"#), 422, "name", "has to be a string"),
        ] {
            let problem = parse::<Outer>(text.as_bytes()).unwrap_err();
            let shown = &text[..text.len().min(60)];
            let body = serde_json::to_value(problem.body()).unwrap();
            let said = body.to_string();
            assert!(!said.contains("s3cret") && !said.contains("7331"), "{shown}: {said}");
            assert_eq!(body["status"], status, "{shown}: {said}");
            if !field.is_empty() {
                assert_eq!(body["errors"][0]["field"], field, "{shown}: {said}");
                assert!(said.contains(message), "{shown}: {said}");
            }
            assert_eq!(problem.into_response().status().as_u16(), status);
        }
    }

    #[test]
    fn i12_pages_have_bounds() {
        for (limit, fine) in [(Some(0), false), (Some(1), true), (Some(200), true), (None, true)] {
            assert_eq!(page(limit, None).is_ok(), fine, "{limit:?}");
        }
        assert!(page(Some(201), None).is_err());
        assert!(page(None, Some("x".repeat(201))).is_err());
    }
}
