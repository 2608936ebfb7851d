//! What every request passes before a handler sees it: where it comes from, how many there were, and what every
//! answer carries.

use crate::App;
use crate::app::AppError;
use crate::config::{Config, is_loopback};
use crate::http::context::Caller;
use crate::http::problem::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use url::Url;

/// The header that only our own pages can add to a request without asking first.
pub const OURS: &str = "x-ronda";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whether a request of this origin is one of our own pages: the public address, or on this machine the very address
/// the browser talks to. Requests without an origin are not made by pages.
#[must_use]
pub fn origin_allowed(config: &Config, headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok())
        && !matches!(site, "same-origin" | "none")
    {
        return false;
    }
    let Some(origin) = text(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = Url::parse(origin) else { return false };
    if origin.origin() == config.public_url.origin() {
        return true;
    }
    let Some(host) = text(header::HOST) else { return false };
    let same_host = Url::parse(&format!("{}://{host}", origin.scheme())).is_ok_and(|u| u.origin() == origin.origin());
    config.is_local() && is_loopback(&origin) && same_host
}

/// Refuses unsafe requests that other sites could have made (CSRF).
pub async fn same_site(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if !request.method().is_safe() {
        let headers = request.headers();
        let ours = headers.get(OURS).is_some_and(|v| v == "1");
        if !ours || !origin_allowed(&app.config, headers) {
            let detail = "send X-Ronda: 1, from the address of this server";
            return Problem::new(StatusCode::FORBIDDEN, "cross_site", detail).into_response();
        }
    }
    next.run(request).await
}

/// Counts requests per person, or per address without a session.
pub async fn limited(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let taken = match request.extensions().get::<Caller>() {
        Some(Caller { open: Some(open), .. }) => app.limits.signed_in.take(&open.session.account.to_string()),
        Some(Caller { open: None, ip }) => app.limits.anonymous.take(ip),
        None => return next.run(request).await,
    };
    match taken {
        Err(seconds) => Problem::from(AppError::RateLimited {
            retry_after_seconds: seconds,
        })
        .into_response(),
        Ok(left) => {
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            headers.insert("ratelimit-limit", left.limit.into());
            headers.insert("ratelimit-remaining", left.remaining.into());
            response
        }
    }
}

/// Gives the request an id, logs it, and adds what every answer carries.
pub async fn framed(request: Request, next: Next) -> Response {
    use tracing::Instrument as _;
    let id = uuid::Uuid::now_v7().to_string();
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = %request.uri().path());
    let started = std::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let millis = started.elapsed().as_millis();
    span.in_scope(|| {
        if status.is_server_error() {
            tracing::warn!(status = status.as_u16(), millis, "answered");
        } else {
            tracing::debug!(status = status.as_u16(), millis, "answered");
        }
    });
    metrics::counter!("ronda_http_answers_total", "status" => status.as_u16().to_string()).increment(1);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    let mut default = |name: &'static str, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default("x-content-type-options", "nosniff");
    default("referrer-policy", "no-referrer");
    default("x-frame-options", "DENY");
    default("cross-origin-opener-policy", "same-origin");
    default("cross-origin-resource-policy", "same-origin");
    default(
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(self), payment=()",
    );
    default(
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    );
    response
}

/// What the API answers is never kept by caches.
pub async fn not_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(public: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let config = Config::load(None, |_| None, &[("public_url", public.into())]).unwrap();
        let map = headers
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .collect();
        origin_allowed(&config, &map)
    }

    #[test]
    fn plat_4_only_our_own_pages_write() {
        let public = "https://chat.example.com";
        assert!(allowed(
            public,
            &[("origin", "https://chat.example.com"), ("host", "chat.example.com")]
        ));
        assert!(!allowed(
            public,
            &[("origin", "https://evil.example"), ("host", "chat.example.com")]
        ));
        assert!(!allowed(
            public,
            &[("origin", "https://evil.example"), ("host", "evil.example")]
        ));
        assert!(!allowed(
            public,
            &[("origin", "http://chat.example.com"), ("host", "chat.example.com")]
        ));
        assert!(!allowed(public, &[("origin", "null"), ("host", "chat.example.com")]));
        assert!(!allowed(public, &[("sec-fetch-site", "cross-site")]));
        assert!(!allowed(
            public,
            &[("sec-fetch-site", "same-site"), ("origin", "https://chat.example.com")]
        ));
        assert!(!allowed(
            public,
            &[("origin", "http://localhost:5173"), ("host", "localhost:5173")]
        ));
    }

    #[test]
    fn on_this_machine_any_of_its_names_will_do() {
        let public = "http://127.0.0.1:8080";
        assert!(allowed(
            public,
            &[("origin", "http://localhost:8080"), ("host", "localhost:8080")]
        ));
        assert!(!allowed(
            public,
            &[("origin", "http://localhost:9999"), ("host", "localhost:8080")]
        ));
        assert!(!allowed(
            public,
            &[
                ("origin", "http://rebound.example:8080"),
                ("host", "rebound.example:8080")
            ]
        ));
    }
}
