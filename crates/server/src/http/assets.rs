//! The web application and the widget, embedded in the binary; in debug builds read from their build folders.

use crate::http::problem::Problem;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Router, body::Body};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Web;

#[derive(RustEmbed)]
#[folder = "../../widget/dist"]
struct Widget;

/// What a page of ours may load: only from here, and no script inside pages.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'";

/// First segments of the addresses that the web application answers itself.
const PAGES: [&str; 9] = [
    "",
    "agent",
    "dashboard",
    "login",
    "setup",
    "invitation",
    "reset",
    "email",
    "wall",
];

/// A year: the names of hashed files change with their content.
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
/// The loader is asked for by every page of every customer's site.
const FIVE_MINUTES: &str = "public, max-age=300";

pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(
            "/w.js",
            get(|headers: HeaderMap| async move { widget("w.js", &headers) }),
        )
        .route(
            "/chat/{*file}",
            get(|Path(file): Path<String>, headers: HeaderMap| async move { widget(&file, &headers) }),
        )
}

/// A file of the web application, or its page for the addresses it answers itself.
pub async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Problem::not_found().into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(found) = Web::get(path).filter(|_| !path.is_empty() && path != "index.html") {
        let cache = if path.starts_with("assets/") {
            FOREVER
        } else {
            ASK_AGAIN
        };
        return file(path, found, cache, &headers);
    }
    let first = path.split('/').next().unwrap_or_default();
    if !PAGES.contains(&first) {
        return Problem::not_found().into_response();
    }
    let mut response = match Web::get("index.html") {
        Some(index) => file("index.html", index, ASK_AGAIN, &headers),
        None => {
            let text =
                "<!doctype html><title>Ronda</title><p>The web application is not built: run <code>make run</code>.";
            (StatusCode::SERVICE_UNAVAILABLE, Html(text)).into_response()
        }
    };
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    response
}

/// A file that pages of customers load.
fn widget(path: &str, headers: &HeaderMap) -> Response {
    let Some(found) = Widget::get(path) else {
        return Problem::not_found().into_response();
    };
    let mut response = file(path, found, FIVE_MINUTES, headers);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

fn file(path: &str, file: EmbeddedFile, cache: &'static str, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", &hex::encode(file.metadata.sha256_hash())[..32]);
    let fresh = asked
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|t| t.contains(&tag));
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mime = mime_guess::from_path(path).first_or_octet_stream();
        let text = mime.type_() == "text" || mime.subtype() == "javascript";
        let mime = if text {
            format!("{mime}; charset=utf-8")
        } else {
            mime.to_string()
        };
        ([(header::CONTENT_TYPE, mime)], Body::from(file.data.into_owned())).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
