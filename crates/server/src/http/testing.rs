//! What only test builds answer: moving the clock. On this machine only.

use crate::App;
use crate::http::input::Body;
use crate::http::problem::Problem;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::post;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;

/// A year: further than any test needs.
const FURTHEST_MS: i64 = 365 * 24 * 3_600_000;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/testing/clock", post(advance))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    millis: i64,
}

async fn advance(
    State(app): State<Arc<App>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(by): Body<Advance>,
) -> Result<StatusCode, Problem> {
    if !from.ip().is_loopback() {
        return Err(Problem::not_found());
    }
    if !(0..=FURTHEST_MS).contains(&by.millis) {
        return Err(Problem::invalid("/millis", "out_of_range", "forward, at most a year"));
    }
    app.clock.advance(by.millis);
    Ok(StatusCode::NO_CONTENT)
}
