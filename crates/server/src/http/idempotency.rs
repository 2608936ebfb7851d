//! `Idempotency-Key` on every POST (spec DEV-9): the same key and body give the first answer again for 24 hours, the
//! same key with another body is refused. Kept per workspace, person and route; answers are encrypted at rest.
//!
//! Requests without a session have no principal to keep an answer for: their keys are ignored.

use crate::App;
use crate::http::context::Caller;
use crate::http::problem::Problem;
use crate::secrets::{Place, hash};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ronda_domain::WorkspaceId;
use ronda_storage::idempotency::{self, KeptAnswer, Scope};
use ronda_storage::{Lane, StoreResult};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest key in bytes.
const KEY_BYTES: usize = 200;
/// Largest answer that is kept, in bytes.
const ANSWER_BYTES: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Kept {
    content_type: Option<String>,
    etag: Option<String>,
    body: String,
}

/// Answers a repeated POST with what the first one got.
pub async fn repeated(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match answer(app, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(app: Arc<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let Some(scope) = scope(&request)? else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let too_large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too large");
    let bytes = to_bytes(body, app.config.limits.body_bytes).await.map_err(too_large)?;
    let body_hash = hash(&String::from_utf8_lossy(&bytes));
    let (key, sent) = (scope.clone(), body_hash.clone());
    let earlier: Option<KeptAnswer> = app
        .db
        .write("idempotency", Lane::Interactive, move |tx| {
            idempotency::reserve(tx, &key, &sent)
        })
        .await?;
    if let Some(earlier) = earlier {
        return replay(&app, &scope, &earlier, &body_hash);
    }
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    keep(&app, scope, response).await
}

/// Whose key it is; nothing to do without one.
fn scope(request: &Request) -> Result<Option<Scope>, Problem> {
    let key = request.headers().get("idempotency-key");
    let Some(key) = key.filter(|_| request.method() == Method::POST) else {
        return Ok(None);
    };
    let streamed = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|t| t.starts_with("multipart/"));
    let Some(Caller { open: Some(open), .. }) = request.extensions().get::<Caller>() else {
        return Ok(None);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|k| !k.is_empty() && k.len() <= KEY_BYTES)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "idempotency_key", "1 to 200 plain characters"))?;
    // A file is stored by its own id; its body is not read twice.
    Ok((!streamed).then(|| Scope {
        workspace: open.session.workspace.unwrap_or(WorkspaceId(0)),
        principal: format!("account:{}", open.session.account),
        route: request.uri().path().to_owned(),
        key: key.to_owned(),
    }))
}

fn row(scope: &Scope) -> String {
    format!("{} {} {}", scope.principal, scope.route, scope.key)
}

fn place<'a>(scope: &Scope, row: &'a str) -> Place<'a> {
    Place {
        workspace: scope.workspace,
        table: "idempotency_key",
        column: "answer",
        row,
    }
}

fn replay(app: &App, scope: &Scope, earlier: &KeptAnswer, body_hash: &str) -> Result<Response, Problem> {
    if earlier.body_hash != body_hash {
        let detail = "this key was used with another body";
        return Err(Problem::new(StatusCode::CONFLICT, "idempotency_key_reused", detail));
    }
    if earlier.status == 0 {
        let detail = "the first request with this key is still being answered";
        return Err(Problem::new(StatusCode::CONFLICT, "idempotency_in_progress", detail));
    }
    let lost = || {
        Problem::new(
            StatusCode::CONFLICT,
            "idempotency_lost",
            "the first answer cannot be read any more",
        )
    };
    let row = row(scope);
    let text = app
        .secrets
        .open_text(place(scope, &row), &earlier.answer)
        .map_err(|_| lost())?;
    let kept: Kept = serde_json::from_str(&text).map_err(|_| lost())?;
    let status = u16::try_from(earlier.status)
        .ok()
        .and_then(|s| StatusCode::from_u16(s).ok())
        .ok_or_else(lost)?;
    let mut response = (status, kept.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in [(header::CONTENT_TYPE, kept.content_type), (header::ETAG, kept.etag)] {
        if let Some(value) = value.and_then(|v| HeaderValue::from_str(&v).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    Ok(response)
}

async fn keep(app: &App, scope: Scope, response: Response) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_BYTES)
        .await
        .map_err(|_| Problem::from(crate::app::AppError::Internal("an answer is too large to keep".into())))?;
    let again = parts.status.is_server_error() || parts.status == StatusCode::TOO_MANY_REQUESTS;
    // A cookie is never given twice.
    if again || parts.headers.contains_key(header::SET_COOKIE) {
        let done: StoreResult<u64> = app
            .db
            .write("idempotency", Lane::Interactive, move |tx| {
                idempotency::release(tx, &scope)
            })
            .await;
        done?;
    } else {
        let text = |name: header::HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let kept = Kept {
            content_type: text(header::CONTENT_TYPE),
            etag: text(header::ETAG),
            body: String::from_utf8_lossy(&bytes).into_owned(),
        };
        let row = row(&scope);
        let plain = serde_json::to_string(&kept).unwrap_or_default();
        let sealed = app.secrets.seal(place(&scope, &row), plain.as_bytes());
        let status = i64::from(parts.status.as_u16());
        let done: StoreResult<u64> = app
            .db
            .write("idempotency", Lane::Interactive, move |tx| {
                idempotency::keep(tx, &scope, status, &sealed)
            })
            .await;
        done?;
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}
