//! The OpenAPI document, made from the operations themselves: what is served is what is described.
//!
//! Belongs here: what all operations have in common, so that none has to say it: who may, which
//! problems can come, that answers always have all their fields.

use super::guard::{Need, Rule, guard};
use crate::problem::{Fault, FieldError, PROBLEM_JSON, ProblemBody};
use crate::shape::CardShape;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{InfoBuilder, OpenApiBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

const ABOUT: &str = "Everything that the dashboard does. Sign in with a session cookie \
    (POST /api/v1/session) or with an API token (Authorization: Bearer TOKEN). `x-permission` of \
    each operation says who may use it. Problems are application/problem+json with a remedy. \
    Field names are stable: fields may be added, none is renamed or removed within v1.";

/// What has a version: there `If-Match` is taken.
const VERSIONED: [&str; 4] = ["/{stream}", "/{destination}", "/{user}", "/{webhook}"];

/// The operations, gathered to be served or to be described. A server describes them when it is
/// asked to: the description takes some megabytes while it is made.
pub(crate) struct Operations {
    router: OpenApiRouter,
    described: bool,
}

impl Operations {
    pub(crate) fn served() -> Self {
        Self { router: OpenApiRouter::new(), described: false }
    }

    fn described() -> Self {
        let info = InfoBuilder::new().title("Manycast").version("1").description(Some(ABOUT));
        let document = OpenApiBuilder::new().info(info.build()).build();
        Self { router: OpenApiRouter::with_openapi(document), described: true }
    }

    /// Adds one operation.
    pub(crate) fn add(self, need: Need, (schemas, mut paths, methods): UtoipaMethodRouter) -> Self {
        let mut rule = Rule { need, body: false, creates: false };
        for operation in paths.paths.values_mut().flat_map(operations_of) {
            rule.body |= operation.request_body.is_some();
            rule.creates |= operation.responses.responses.contains_key("201");
            let permission = Extensions::from_iter([("x-permission", need.word())]);
            operation.extensions.get_or_insert_default().merge(permission);
        }
        let methods = methods.route_layer(from_fn(move |request: Request, next: Next| {
            let rule = rule.clone();
            guard(rule, request, next)
        }));
        let router = self.router.routes((schemas, paths, methods));
        let router = if self.described { router } else { Router::from(router).into() };
        Self { router, ..self }
    }

    pub(crate) fn into_router(self) -> Router {
        self.router.into()
    }

    fn describe(self) -> Value {
        let described = serde_json::to_value(self.router.into_openapi());
        let mut document = described.expect("the description of the API is plain data");
        finish(&mut document);
        document
    }
}

fn operations_of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// The document as JSON text; it never changes while the process runs.
pub(crate) fn document() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let value = super::operations(Operations::described()).describe();
        serde_json::to_string_pretty(&value).expect("a JSON value is always text")
    });
    &TEXT
}

fn object<'a>(value: &'a mut Value, path: &[&str]) -> &'a mut Map<String, Value> {
    let mut at = value;
    for name in path {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[*name];
    }
    if !at.is_object() {
        *at = json!({});
    }
    at.as_object_mut().expect("it was made an object")
}

fn finish(document: &mut Value) {
    let (problem, field) = (ProblemBody::schema(), FieldError::schema());
    let mut told = vec![(CardShape::name().into_owned(), CardShape::schema())];
    CardShape::schemas(&mut told);
    let schemas = object(document, &["components", "schemas"]);
    for (name, schema) in told {
        schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
    }
    schemas.insert("Problem".to_owned(), serde_json::to_value(problem).unwrap_or_default());
    schemas.insert("FieldError".to_owned(), serde_json::to_value(field).unwrap_or_default());
    let taken = request_schemas(document);
    for (name, schema) in object(document, &["components", "schemas"]) {
        if !taken.contains(name) {
            require_all(schema);
        }
    }
    let optional: BTreeSet<_> =
        taken.iter().filter(|name| leaves_all_out(document, name)).cloned().collect();
    object(document, &["components", "responses"]).extend(problem_responses());
    object(document, &["components", "securitySchemes"]).extend(security_schemes());
    for (path, item) in object(document, &["paths"]) {
        let Some(item) = item.as_object_mut() else { continue };
        for (method, operation) in item.iter_mut() {
            complete(path, method, operation);
            let Some(body) = operation.get_mut("requestBody") else { continue };
            let schema = body["content"]["application/json"]["schema"]["$ref"].as_str();
            let name = schema.and_then(|text| text.rsplit('/').next()).unwrap_or_default();
            if optional.contains(name) {
                body["required"] = false.into();
            }
        }
    }
    *document = renamed(document);
}

fn security_schemes() -> Map<String, Value> {
    let schemes = json!({
        "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
        "session": {
            "type": "apiKey", "in": "cookie", "name": "__Host-manycast",
            "description": "The session of a person; its name is `manycast` over plain loopback.",
        },
    });
    schemes.as_object().cloned().unwrap_or_default()
}

/// One response for each status that a problem can have.
fn problem_responses() -> Map<String, Value> {
    let mut responses = Map::new();
    for status in Fault::ALL.iter().map(|fault| fault.status().as_u16()).collect::<BTreeSet<_>>() {
        let own = Fault::ALL.iter().filter(|fault| fault.status().as_u16() == status);
        let words: Vec<_> =
            own.map(|fault| format!("`{}`: {}", fault.word(), fault.title())).collect();
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        let response = json!({
            "description": words.join(". "),
            "content": {PROBLEM_JSON: {"schema": schema}},
        });
        responses.insert(format!("Problem{status}"), response);
    }
    responses
}

/// What an operation need not say itself.
fn complete(path: &str, method: &str, operation: &mut Value) {
    let public = operation["x-permission"] == "public";
    let body = operation.get("requestBody").is_some();
    let creates = operation["responses"].get("201").is_some();
    let changes = method != "get";
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let query = parameters.iter().any(|parameter| parameter["in"] == "query");
    let edits = method == "patch";
    let mut statuses = vec![413, 411, 500, 503];
    for (holds, more) in [
        (!public, &[401_u16, 403][..]),
        (changes, &[403, 409, 412, 415]),
        (body, &[400, 408, 415, 422]),
        (method == "post", &[422, 429]),
        (query || creates || edits || method == "delete", &[400]),
        (path.contains('{'), &[404]),
        (edits, &[428]),
    ] {
        if holds {
            statuses.extend(more);
        }
    }
    let responses = object(operation, &["responses"]);
    for status in statuses {
        let reference = json!({"$ref": format!("#/components/responses/Problem{status}")});
        responses.entry(status.to_string()).or_insert(reference);
    }
    let too_long =
        json!({"description": "The address and the headers are too long; nothing more is said"});
    responses.entry("431").or_insert(too_long);
    if !public {
        operation["security"] = json!([{"token": []}, {"session": []}]);
    }
    let mut headers = Vec::new();
    let versioned = VERSIONED.iter().any(|end| path.ends_with(end));
    if creates && !public {
        headers.push((
            "Idempotency-Key",
            "Done once, however often it is sent with this key.",
            "^[!-~]{1,128}$",
        ));
    }
    if versioned && (edits || method == "delete") {
        headers.push(("If-Match", "The ETag that you read.", "^\"[0-9]{1,18}\"$"));
    }
    let list = operation["parameters"].take();
    let mut list = list.as_array().cloned().unwrap_or_default();
    for (name, description, pattern) in headers {
        let schema = json!({"type": "string", "pattern": pattern});
        let required = edits && name == "If-Match";
        list.push(json!({
            "name": name, "in": "header", "description": description,
            "required": required, "schema": schema,
        }));
    }
    if list.is_empty() {
        operation.as_object_mut().map(|operation| operation.remove("parameters"));
    } else {
        operation["parameters"] = Value::Array(list);
    }
}

/// Whether a request's body may be left out, since all its fields may.
fn leaves_all_out(document: &Value, name: &str) -> bool {
    let required = &document["components"]["schemas"][name]["required"];
    required.as_array().is_none_or(Vec::is_empty)
}

/// The schemas that requests are made of; of them fields may be left out.
fn request_schemas(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let Some(paths) = document["paths"].as_object() else { return found };
    let mut open: Vec<&Value> = Vec::new();
    for operation in paths.values().filter_map(Value::as_object).flat_map(Map::values) {
        open.push(&operation["requestBody"]);
    }
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                let reference = fields.get("$ref").and_then(Value::as_str);
                if let Some(name) = reference.and_then(|text| text.rsplit('/').next())
                    && found.insert(name.to_owned())
                {
                    open.push(&document["components"]["schemas"][name]);
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

/// Answers leave no field out: what does not apply is null.
fn require_all(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(properties) = fields.get("properties").and_then(Value::as_object) {
                let names: Vec<_> = properties.keys().cloned().collect();
                fields.insert("required".to_owned(), json!(names));
            }
            fields.values_mut().for_each(require_all);
        }
        Value::Array(items) => items.iter_mut().for_each(require_all),
        _ => {}
    }
}

/// `List_Stream` is called `StreamList`.
fn renamed(value: &Value) -> Value {
    let name = |text: &str| match text.rsplit_once("List_") {
        Some((before, of)) if before.is_empty() || before.ends_with('/') => {
            format!("{before}{of}List")
        }
        _ => text.to_owned(),
    };
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (name(key), renamed(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(renamed).collect()),
        Value::String(text) if text.starts_with("#/components/") => Value::String(name(text)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
