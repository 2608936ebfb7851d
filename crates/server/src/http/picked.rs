//! `?fields=id,name` on every GET: only these parts of each object of the answer (spec DEV-9).

use crate::http::problem::Problem;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Largest answer that is picked from; lists are far smaller.
const ANSWER_BYTES: usize = 16 << 20;

/// Takes `fields` out of the query, so that handlers know nothing of it, and the other parts out of the answer.
pub async fn picked(mut request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let Some((uri, wanted)) = request.uri().query().and_then(|q| split(request.uri(), q)) else {
        return next.run(request).await;
    };
    *request.uri_mut() = uri;
    let response = next.run(request).await;
    let json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|t| t == "application/json");
    if response.status() != StatusCode::OK || !json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let value = to_bytes(body, ANSWER_BYTES)
        .await
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(value) = value else {
        return Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the answer cannot be cut",
        )
        .into_response();
    };
    match pick(value, &wanted) {
        Ok(value) => {
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(value.to_string()))
        }
        Err(unknown) => {
            Problem::invalid("/query/fields", "unknown", format!("nothing here is called {unknown}")).into_response()
        }
    }
}

/// The address without `fields`, and the names in it.
fn split(uri: &Uri, query: &str) -> Option<(Uri, BTreeSet<String>)> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let wanted = pairs.iter().find(|(name, _)| name == "fields")?.1.clone();
    let rest = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.iter().filter(|(name, _)| name != "fields"))
        .finish();
    let uri = format!("{}?{rest}", uri.path()).parse().ok()?;
    let names = wanted.split(',').map(str::trim).filter(|n| !n.is_empty());
    Some((uri, names.map(str::to_owned).collect()))
}

/// Cuts an object, or each object of a list.
fn pick(value: Value, wanted: &BTreeSet<String>) -> Result<Value, String> {
    let mut seen = BTreeSet::new();
    let mut cut = |object: Map<String, Value>| -> Value {
        let kept: Map<String, Value> = object.into_iter().filter(|(name, _)| wanted.contains(name)).collect();
        seen.extend(kept.keys().cloned());
        Value::Object(kept)
    };
    let mut any = true;
    let value = match value {
        Value::Object(mut whole) if whole.get("items").is_some_and(Value::is_array) => {
            if let Some(Value::Array(items)) = whole.get_mut("items") {
                any = !items.is_empty();
                for item in items.iter_mut() {
                    if let Value::Object(object) = item.take() {
                        *item = cut(object);
                    }
                }
            }
            Value::Object(whole)
        }
        Value::Object(object) => cut(object),
        other => other,
    };
    match wanted.iter().find(|name| any && !seen.contains(*name)) {
        Some(unknown) => Err(unknown.clone()),
        None => Ok(value),
    }
}
