//! What went wrong, told so that programs can tell cases apart and people know what to do (RFC 9457).
//!
//! Belongs here: the table of cases. Each has a stable word (the last part of `type`), a status, a
//! title and a remedy. Must not come here: deciding which case it is.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of every answer that is no success.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

macro_rules! faults {
    ($($name:ident $word:literal $status:ident $title:literal $remedy:literal;)*) => {
        /// A case, by its stable word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault { $(#[doc = $title] $name,)* }

        impl Fault {
            /// Every case there is.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            fn row(self) -> (&'static str, StatusCode, &'static str, &'static str) {
                match self {
                    $(Self::$name => ($word, StatusCode::$status, $title, $remedy),)*
                }
            }
        }
    };
}

faults! {
    InvalidJson "invalid-json" BAD_REQUEST "The body is no JSON"
        "Send one JSON object, as the operation's description shows it.";
    InvalidQuery "invalid-query" BAD_REQUEST "The query is wrong"
        "Compare the names and values behind the question mark with the operation's description.";
    InvalidHeader "invalid-header" BAD_REQUEST "A header is wrong"
        "Send the header as its description says.";
    HttpsOnly "https-only" BAD_REQUEST "This port speaks https"
        "Write https:// in the address.";
    WrongHost "wrong-host" MISDIRECTED_REQUEST "This server has another name"
        "Write localhost or the server's address in the address bar. If a proxy brings the requests, list it under trusted_proxies in [http].";
    BadCursor "bad-cursor" BAD_REQUEST "The cursor is not one of ours"
        "Pass what `next` of the page before said, unchanged, or leave `after` out to begin anew.";
    NotSignedIn "not-signed-in" UNAUTHORIZED "Nobody is signed in"
        "Sign in, or send a valid API token: Authorization: Bearer TOKEN.";
    WrongLogin "wrong-login" UNAUTHORIZED "Name or password is wrong"
        "Type them again. An owner or admin can set a new password for you.";
    CodeNeeded "code-needed" UNAUTHORIZED "A code is needed"
        "Send the code of your authenticator app, or a recovery code, as `totp`.";
    CodeWrong "code-wrong" UNAUTHORIZED "The code is wrong"
        "Wait for the next code of your authenticator app and check its clock, or use a recovery code.";
    Forbidden "forbidden" FORBIDDEN "This is not allowed for you"
        "Ask an owner or admin for a role or a token that may do this.";
    CrossSite "cross-site" FORBIDDEN "The request came from another site"
        "Use the dashboard under its own address. Programs sign in with an API token instead of a cookie.";
    Insecure "insecure" FORBIDDEN "This connection is not protected"
        "Use the https address of this server, or reach it from its own machine.";
    WrongSetupLink "wrong-setup-link" FORBIDDEN "The link is not valid"
        "Use the newest link: the server's log shows the one for setting up, an invitation's is shown to whoever made it.";
    NotFound "not-found" NOT_FOUND "There is no such thing"
        "Read the list again: it may have been removed meanwhile.";
    NoSuchRoute "no-such-route" NOT_FOUND "There is nothing at this address"
        "Look the address up in /api/docs.";
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "This address does not do that"
        "Use one of the methods that the header Allow names.";
    BodyTimeout "body-timeout" REQUEST_TIMEOUT "The body did not arrive in time"
        "Send it again over a better connection.";
    ManagedByFile "managed-by-file" CONFLICT "The configuration file says so"
        "Edit it in the configuration file and reload the server.";
    NameTaken "name-taken" CONFLICT "The name is taken"
        "Choose another name.";
    Limit "limit" CONFLICT "There are as many as there may be"
        "Remove one that is no longer needed.";
    Repeating "idempotency-key-in-use" CONFLICT "The first request with this key is not done yet"
        "Wait a moment and send the same request again.";
    LinkUsed "link-used" GONE "The link has been used"
        "Sign in, or ask for a new invitation.";
    LengthRequired "length-required" LENGTH_REQUIRED "No body is taken here"
        "Leave the body out.";
    Conflict "conflict" PRECONDITION_FAILED "Somebody else changed it meanwhile"
        "Read it again, look at what changed, and send your change with the new version.";
    BodyTooLarge "body-too-large" PAYLOAD_TOO_LARGE "The body is too large"
        "Send at most 64 kB, and a body only where the operation takes one.";
    NotJson "not-json" UNSUPPORTED_MEDIA_TYPE "The body is not declared as JSON"
        "Send the header Content-Type: application/json.";
    Invalid "invalid" UNPROCESSABLE_ENTITY "Something in the request cannot be taken"
        "Mend the fields that `errors` names.";
    KeyReused "idempotency-key-reused" UNPROCESSABLE_ENTITY "This Idempotency-Key belongs to another request"
        "Take a fresh key for each new request.";
    VersionNeeded "version-needed" PRECONDITION_REQUIRED "The version is missing"
        "Send the header If-Match with the ETag that you read.";
    Busy "busy" TOO_MANY_REQUESTS "Too many at a time"
        "Wait the time that Retry-After names and try again.";
    Storage "storage" SERVICE_UNAVAILABLE "The database does not answer"
        "Streams go on. Look at the server's log and at the disk, then try again.";
    TooManyPages "too-many-event-streams" SERVICE_UNAVAILABLE "Too many event streams are open"
        "Close pages that nobody looks at and try again.";
    Internal "internal" INTERNAL_SERVER_ERROR "Something went wrong inside the server"
        "Try again. If it stays, report it with the server's log.";
}

impl Fault {
    pub(crate) fn word(self) -> &'static str {
        self.row().0
    }

    pub(crate) fn status(self) -> StatusCode {
        self.row().1
    }

    pub(crate) fn title(self) -> &'static str {
        self.row().2
    }

    pub(crate) fn remedy(self) -> &'static str {
        self.row().3
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The field, with dots for what is inside it: `backup.url`.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) remedy: Option<String>,
}

/// An answer that is no success.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    fault: Fault,
    detail: String,
    remedy: Option<String>,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// RFC 9457, with a remedy.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// `/problems/WORD`; the word is stable.
    #[schema(format = UriReference)]
    r#type: String,
    /// The case, for people.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What happened this time, for people.
    detail: String,
    /// What to do, for people.
    remedy: String,
    /// The fields that are wrong, if it is about fields.
    errors: Vec<FieldError>,
}

impl Problem {
    pub(crate) fn new(fault: Fault, detail: impl Into<String>) -> Self {
        let (detail, errors, headers) = (detail.into(), Vec::new(), Vec::new());
        Self { fault, detail, remedy: None, errors, headers }
    }

    /// One field is wrong.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let detail = if field.is_empty() { message.clone() } else { format!("{field}: {message}") };
        let error = FieldError { field, message, remedy: None };
        Self::new(Fault::Invalid, detail).errors(vec![error])
    }

    /// A remedy that knows more than the case's own.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Try again after so many seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, seconds.into())
    }

    pub(crate) fn body(&self) -> ProblemBody {
        ProblemBody {
            r#type: format!("/problems/{}", self.fault.word()),
            title: self.fault.title().to_owned(),
            status: self.fault.status().as_u16(),
            detail: self.detail.clone(),
            remedy: self.remedy.clone().unwrap_or_else(|| self.fault.remedy().to_owned()),
            errors: self.errors.clone(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = crate::answer::json(&self.body());
        *response.status_mut() = self.fault.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.fault.status() == StatusCode::UNAUTHORIZED {
            let realm = HeaderValue::from_static("Bearer realm=\"manycast\"");
            headers.insert(header::WWW_AUTHENTICATE, realm);
        }
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_every_case_has_a_remedy() {
        let mut words: Vec<_> = Fault::ALL.iter().map(|fault| fault.word()).collect();
        words.sort_unstable();
        let count = words.len();
        words.dedup();
        assert_eq!(words.len(), count);
        for fault in Fault::ALL {
            assert!(fault.status().is_client_error() || fault.status().is_server_error());
            assert!(fault.remedy().ends_with('.'), "{fault:?}");
            let word = fault.word();
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{word}");
        }
    }
}
