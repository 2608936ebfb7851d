//! What Meta delivers. The body is believed only with its signature, kept before it is acknowledged, and read later.

use crate::App;
use crate::accounts::Account;
use crate::http::input::Path;
use crate::http::problem::Problem;
use crate::wakes::lane_of;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ronda_channels::signature::{self, Handshake};
use serde::Deserialize;
use std::sync::Arc;

/// Largest body of a webhook in bytes. Source: meta-platform §2 (bodies reach 3 MB).
const BODY_BYTES: usize = 4 << 20;

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/webhooks/meta", get(hello).post(deliver))
        .route("/webhooks/meta/{token}", get(hello_own).post(deliver_own))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

#[derive(Deserialize)]
struct Hello {
    #[serde(rename = "hub.mode", default)]
    mode: String,
    #[serde(rename = "hub.verify_token", default)]
    verify_token: String,
    #[serde(rename = "hub.challenge", default)]
    challenge: String,
}

fn answer(hello: &Hello, tokens: &[String]) -> Response {
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).filter(|t| !t.is_empty()).collect();
    let handshake = Handshake {
        mode: Some(&hello.mode),
        verify_token: Some(&hello.verify_token),
        challenge: Some(&hello.challenge),
    };
    match handshake.answer(&tokens) {
        Some(challenge) => challenge.to_owned().into_response(),
        None => Problem::new(StatusCode::FORBIDDEN, "verify_token", "the verify token is another one").into_response(),
    }
}

async fn hello(State(app): State<Arc<App>>, Query(hello): Query<Hello>) -> Response {
    let token = app.config.meta.verify_token.clone().unwrap_or_default();
    answer(&hello, &[token])
}

async fn hello_own(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    Query(hello): Query<Hello>,
) -> Result<Response, Problem> {
    let account = own(&app, &token).await?;
    Ok(answer(&hello, std::slice::from_ref(&account.secrets.verify_token)))
}

async fn own(app: &Arc<App>, token: &str) -> Result<Arc<Account>, Problem> {
    let snapshot = app.accounts.snapshot(app).await?;
    snapshot.by_token(token).cloned().ok_or_else(Problem::not_found)
}

async fn deliver(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = whole(body)?;
    let secrets: Vec<&str> = app.config.meta.app_secret.iter().map(String::as_str).collect();
    accept(&app, &headers, &secrets, None, &body).await
}

async fn deliver_own(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let body = whole(body)?;
    let account = own(&app, &token).await?;
    let secrets: Vec<&str> = account.secrets.app_secrets.iter().map(String::as_str).collect();
    accept(&app, &headers, &secrets, Some(&account), &body).await
}

fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|e| Problem::new(e.status(), "too_large", e.body_text()))
}

async fn accept(
    app: &Arc<App>,
    headers: &HeaderMap,
    secrets: &[&str],
    account: Option<&Arc<Account>>,
    body: &Bytes,
) -> Result<StatusCode, Problem> {
    let header = headers.get("x-hub-signature-256").and_then(|v| v.to_str().ok());
    if !signature::verify(header, body, secrets) {
        metrics::counter!("ronda_webhooks_refused_total", "reason" => "signature").increment(1);
        if let Some(account) = account {
            app.refused_signatures.note(account.row.id);
        }
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "signature",
            "the signature does not belong to this body",
        ));
    }
    metrics::counter!("ronda_webhooks_accepted_total").increment(1);
    let lane = lane(body);
    let id = account.map(|a| a.row.id);
    if let Some(id) = id {
        app.webhooks_seen.note(id, app.clock.now());
    }
    if app.accept.body("meta", id, lane, body.to_vec()).await {
        Ok(StatusCode::OK)
    } else {
        Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "nothing was kept: deliver it again",
        ))
    }
}

/// The lane of a body, by the first number it names: bodies of one number stay in their order.
fn lane(body: &[u8]) -> i64 {
    const NAME: &[u8] = b"\"phone_number_id\"";
    let id = body
        .windows(NAME.len())
        .position(|w| w == NAME)
        .map(|at| &body[at + NAME.len()..])
        .and_then(|rest| rest.splitn(3, |b| *b == b'"').nth(1));
    lane_of(&id.map(String::from_utf8_lossy).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_goes_to_the_lane_of_its_number() {
        let body = br#"{"entry":[{"changes":[{"value":{"metadata":{"phone_number_id": "106540352242922"}}}]}]}"#;
        assert_eq!(lane(body), lane_of("106540352242922"));
        assert_eq!(lane(b"{}"), lane_of(""));
    }
}
