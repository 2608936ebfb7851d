//! The event stream of a screen.

use crate::http::guard::origin_allowed;
use crate::http::{Context, Filter, Problem};
use crate::realtime::socket;
use axum::extract::WebSocketUpgrade;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::convert::Infallible;
use utoipa::IntoParams;

/// Largest message of a screen in bytes: they only say what they look at.
const SAID_BYTES: usize = 16 << 10;
/// Memory of a connection, all of it in use from the first read: what screens say is a line. A longer message gets its room
/// when it comes.
pub const READ_BUFFER: usize = 512;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// The last event the client has; it gets everything after it. Left out: from now on.
    since: Option<i64>,
}

/// Follow events
///
/// A WebSocket, or server-sent events for whoever accepts `text/event-stream`. First `welcome`, then each event with the
/// number before it (`prev`), a `ping` every 15 seconds, and `reset` when views have to be loaded again. On a WebSocket,
/// frames that wait for their turn come together as `{"type": "many", "frames": […]}`, in their order. A reader of
/// server-sent events gets each alone, comes back with `Last-Event-ID` and misses nothing that is still kept (48
/// hours). Only pages of this server may open it.
#[utoipa::path(get, path = "/events", tag = "Events", params(Since), responses((status = 101, description = "switching protocols"), (status = 200, description = "server-sent events", content_type = "text/event-stream", body = String)))]
pub async fn follow(
    ctx: Context,
    headers: HeaderMap,
    Filter(q): Filter<Since>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if !origin_allowed(&ctx.app.config, &headers) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "only pages of this server may listen",
        ));
    }
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    if accepts.is_some_and(|a| a.contains("text/event-stream")) {
        let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()?.parse().ok());
        let frames = socket::read(ctx.app, ctx.who, last.or(q.since));
        let stream = futures_util::stream::unfold(frames, |mut frames| async move {
            let sent = frames.recv().await?;
            let event = Event::default().id(sent.seq.to_string()).data(sent.text.as_str());
            Some((Ok::<_, Infallible>(event), frames))
        });
        return Ok(Sse::new(stream).into_response());
    }
    let upgrade = upgrade.map_err(|e| Problem::new(e.status(), "upgrade", e.body_text()))?;
    let (app, who) = (ctx.app, ctx.who);
    Ok(upgrade
        .max_message_size(SAID_BYTES)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .on_upgrade(move |ws| socket::serve(app, who, q.since, ws)))
}
