//! The OpenAPI document, and the page that people read.

use crate::App;
use crate::http::problem::{ProblemBody, WrongValue};
use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use std::sync::{Arc, OnceLock};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, Ref, ResponseBuilder};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ronda API",
        description = "Everything the web application does, with the same names, checks and permissions.\n\n\
            Times are UTC milliseconds, ids are integers, texts are UTF-8. Errors are `application/problem+json`: decide by `code`. \
            Every POST accepts `Idempotency-Key`. Objects that people edit have a `version`, sent as `ETag` and asked back in `If-Match`. \
            Lists take `limit` and `cursor`. Every GET takes `fields=a,b` for these parts of each object only. Answers carry \
            `RateLimit-Limit` and `RateLimit-Remaining`. Unsafe requests of browsers carry `X-Ronda: 1`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemBody, WrongValue))
)]
pub struct Document;

/// The complete document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    static DOCUMENT: OnceLock<utoipa::openapi::OpenApi> = OnceLock::new();
    DOCUMENT.get_or_init(|| finish(super::api().into_openapi())).clone()
}

/// As committed in `docs/openapi.json`.
#[must_use]
pub fn json() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

/// Every operation may answer with a problem.
fn finish(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations_mut(item) {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            let problem = ResponseBuilder::new()
                .description("Problem details")
                .content("application/problem+json", content)
                .build();
            operation
                .responses
                .responses
                .entry("default".into())
                .or_insert(problem.into());
        }
    }
    document
}

fn operations_mut(item: &mut utoipa::openapi::PathItem) -> Vec<(&'static str, &mut Operation)> {
    [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|o| (method, o)))
    .collect()
}

/// Every operation as `METHOD /path`, in the order of the document.
#[must_use]
pub fn operations() -> Vec<String> {
    let mut document = document();
    let mut all = Vec::new();
    for (path, item) in &mut document.paths.paths {
        all.extend(
            operations_mut(item)
                .into_iter()
                .map(|(method, _)| format!("{method} {path}")),
        );
    }
    all
}

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/api/v1/openapi.json",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], json()) }),
        )
        .route("/api/docs", get(|| async { page() }))
        .route(
            "/api/docs.css",
            get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }),
        )
}

const STYLE: &str = include_str!("document.css");

fn page() -> Response {
    static PAGE: OnceLock<String> = OnceLock::new();
    let mut response = Html(PAGE.get_or_init(|| render(&document())).as_str()).into_response();
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'"),
    );
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Schemas as a person writes them down: `{ id: integer, name: string | null }`.
fn shape(schema: &serde_json::Value) -> String {
    let name = |reference: &str| {
        let name = reference.rsplit('/').next().unwrap_or(reference).to_owned();
        format!("<a href=\"#schema-{0}\">{0}</a>", escape(&name))
    };
    if let Some(reference) = schema["$ref"].as_str() {
        return name(reference);
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(list) = schema[several].as_array() {
            return list.iter().map(shape).collect::<Vec<_>>().join(" | ");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        return words
            .iter()
            .map(|w| format!("<q>{}</q>", escape(w.as_str().unwrap_or("?"))))
            .collect::<Vec<_>>()
            .join(" | ");
    }
    let kind = match &schema["type"] {
        serde_json::Value::Array(kinds) => kinds.iter().filter_map(|k| k.as_str()).collect::<Vec<_>>().join(" | "),
        kind => kind.as_str().unwrap_or("any").to_owned(),
    };
    if kind.starts_with("array") {
        return format!("{}[]", shape(&schema["items"]));
    }
    if let Some(properties) = schema["properties"].as_object() {
        let required: Vec<&str> = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|r| r.as_str())
            .collect();
        let rows: Vec<String> = properties
            .iter()
            .map(|(field, s)| {
                let optional = if required.contains(&field.as_str()) { "" } else { "?" };
                let words = s["description"]
                    .as_str()
                    .map(|d| format!(" <i>{}</i>", escape(d)))
                    .unwrap_or_default();
                format!("<li><b>{}</b>{optional}: {}{words}", escape(field), shape(s))
            })
            .collect();
        return format!("<ul>{}</ul>", rows.join(""));
    }
    escape(&kind)
}

fn body_shape(holder: &serde_json::Value) -> Option<String> {
    let content = holder["content"].as_object()?;
    let (kind, body) = content.iter().next()?;
    Some(format!("<small>{}</small> {}", escape(kind), shape(&body["schema"])))
}

/// The readable page.
fn render(document: &utoipa::openapi::OpenApi) -> String {
    let all = serde_json::to_value(document).unwrap_or_default();
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Ronda API</title><link rel=\"stylesheet\" href=\"/api/docs.css\"><main><h1>Ronda API</h1><p>{}</p>\
         <p><a href=\"/api/v1/openapi.json\">openapi.json</a></p>",
        escape(all["info"]["description"].as_str().unwrap_or_default()).replace("\n\n", "</p><p>")
    );
    let empty = serde_json::Map::new();
    for (path, item) in all["paths"].as_object().unwrap_or(&empty) {
        for method in ["get", "post", "put", "patch", "delete"] {
            let operation = &item[method];
            if operation.is_null() {
                continue;
            }
            page.push_str(&format!(
                "<section><h2><code>{}</code> <code>{}</code></h2><p>{}</p>",
                method.to_uppercase(),
                escape(path),
                escape(operation["summary"].as_str().unwrap_or_default())
            ));
            if let Some(more) = operation["description"].as_str() {
                page.push_str(&format!("<p>{}</p>", escape(more)));
            }
            for p in operation["parameters"].as_array().into_iter().flatten() {
                page.push_str(&format!(
                    "<p><code>{}</code> ({}) {} {}</p>",
                    escape(p["name"].as_str().unwrap_or_default()),
                    escape(p["in"].as_str().unwrap_or_default()),
                    shape(&p["schema"]),
                    escape(p["description"].as_str().unwrap_or_default())
                ));
            }
            if let Some(body) = body_shape(&operation["requestBody"]) {
                page.push_str(&format!("<div><h3>Request</h3>{body}</div>"));
            }
            for (status, answer) in operation["responses"].as_object().unwrap_or(&empty) {
                let body = body_shape(answer).unwrap_or_default();
                page.push_str(&format!("<div><h3>{}</h3>{body}</div>", escape(status)));
            }
            page.push_str("</section>");
        }
    }
    page.push_str("<h1>Schemas</h1>");
    for (name, schema) in all["components"]["schemas"].as_object().unwrap_or(&empty) {
        let words = schema["description"].as_str().map(escape).unwrap_or_default();
        page.push_str(&format!(
            "<section id=\"schema-{0}\"><h2>{0}</h2><p>{words}</p>{1}</section>",
            escape(name),
            shape(schema)
        ));
    }
    page.push_str("</main></html>");
    page
}
