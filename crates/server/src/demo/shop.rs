//! The pages of the demo shop, with the chat of the workspace in them.

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;

const INDEX: &str = include_str!("../../../../widget/demo/index.html");
const DELIVERY: &str = include_str!("../../../../widget/demo/envios.html");
const STYLE: &str = include_str!("../../../../widget/demo/shop.css");

/// What stands for the key in the pages.
const KEY: &str = "__RONDA_SITE_KEY__";

/// As strict as a shop's own pages should be; the chat works under it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     media-src 'self' blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The shop under `/demo/`.
pub fn routes(site_key: &str) -> Router {
    let page = |text: &str, mime: &'static str| {
        let text = text.replace(KEY, site_key);
        get(move || {
            let text = text.clone();
            async move { answer(text, mime) }
        })
    };
    let html = "text/html; charset=utf-8";
    Router::new()
        .route("/demo", get(|| async { Redirect::permanent("/demo/") }))
        .route("/demo/", page(INDEX, html))
        .route("/demo/index.html", page(INDEX, html))
        .route("/demo/envios.html", page(DELIVERY, html))
        .route("/demo/shop.css", page(STYLE, "text/css; charset=utf-8"))
}

fn answer(text: String, mime: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, mime),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (headers, text).into_response()
}
