//! What operators and their tools ask (spec PLAT-15).

use crate::App;
use crate::http::client_ip;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use ronda_storage::installation;
use serde_json::json;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Time the database has to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn routes() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/healthz",
            get(|| async { Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })) }),
        )
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// Whether the database answers, and whether the bus is there.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let asked = app.db.read("ready", |tx| installation::get(tx, "setup"));
    match tokio::time::timeout(PATIENCE, asked).await {
        // Without the bus news are late and nothing else: the node goes on serving, and says so.
        Ok(Ok(_)) => Json(json!({ "status": "ready", "bus": app.bus.state() })).into_response(),
        failed => {
            let reason = match failed {
                Ok(Err(error)) => error.to_string(),
                _ => "the database does not answer".into(),
            };
            tracing::error!(reason, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready" }))).into_response()
        }
    }
}

/// The recorder of the process, installed once.
pub fn recorder() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of metrics was installed before");
        }
        handle
    })
}

async fn metrics(State(app): State<Arc<App>>, request: Request) -> Response {
    let here = client_ip::peer(&request).is_some_and(|ip| ip.is_loopback());
    let through_proxy = request.headers().contains_key("x-forwarded-for");
    if !app.config.metrics_public && (!here || through_proxy) {
        return StatusCode::NOT_FOUND.into_response();
    }
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        recorder().render(),
    )
        .into_response()
}
