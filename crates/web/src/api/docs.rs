//! The document, and a page that shows it.

use super::Public;
use super::document::{Operations, document};
use super::extract::At;
use crate::answer::{page, typed};
use crate::problem::{Fault, Problem};
use axum::response::Response;
use utoipa_axum::routes;

pub(super) fn operations(operations: Operations) -> Operations {
    operations
        .add(Public, routes!(openapi))
        .add(Public, routes!(docs_page))
        .add(Public, routes!(docs_script))
        .add(Public, routes!(docs_style))
        .add(Public, routes!(problem_page))
}

/// This document
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "server", operation_id = "openapi",
    responses((status = 200, content_type = "application/json", body = Object,
        description = "OpenAPI 3.1")))]
async fn openapi() -> Response {
    typed(document().into(), "application/json")
}

/// This document, readable
#[utoipa::path(get, path = "/api/docs", tag = "server", operation_id = "docs",
    responses((status = 200, content_type = "text/html", body = String, description = "A page")))]
pub(crate) async fn docs_page() -> Response {
    page(include_str!("docs/page.html").into(), "text/html; charset=utf-8")
}

/// What the readable page runs
#[utoipa::path(get, path = "/api/docs/page.js", tag = "server", operation_id = "docs_script",
    responses((status = 200, content_type = "text/javascript", body = String, description = "JS")))]
async fn docs_script() -> Response {
    typed(include_str!("docs/page.js").into(), "text/javascript; charset=utf-8")
}

/// How the readable page looks
#[utoipa::path(get, path = "/api/docs/page.css", tag = "server", operation_id = "docs_style",
    responses((status = 200, content_type = "text/css", body = String, description = "CSS")))]
async fn docs_style() -> Response {
    typed(include_str!("docs/page.css").into(), "text/css; charset=utf-8")
}

/// What a problem means
///
/// The `type` of each problem leads here.
#[utoipa::path(get, path = "/problems/{word}", tag = "server", operation_id = "problem",
    params(("word" = String, Path, description = "The last part of a problem's type")),
    responses((status = 200, content_type = "text/plain", body = String, description = "In words")))]
pub(crate) async fn problem_page(At(word): At<String>) -> Result<Response, Problem> {
    let found = Fault::ALL.iter().find(|fault| fault.word() == word);
    let fault = found.ok_or_else(|| Problem::new(Fault::NotFound, "there is no such problem"))?;
    let text = format!("{} ({})\n\n{}\n", fault.title(), fault.status().as_u16(), fault.remedy());
    Ok(typed(text.into(), "text/plain; charset=utf-8"))
}
