//! The phone on which a person writes as a customer.

use crate::Sim;
use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

pub fn routes() -> Router<Sim> {
    Router::new()
        .route("/", get(|| async { asset("phone.html") }))
        .route("/phone", get(|| async { asset("phone.html") }))
        .route(
            "/assets/{name}",
            get(|Path(name): Path<String>| async move { asset(&name) }),
        )
}

fn asset(name: &str) -> Response {
    let Some(file) = Assets::get(name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, file.metadata.mimetype().to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        // Linked media of the business may be shown; scripts come from here only.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'self'; img-src 'self' https: data: blob:; media-src 'self' https: blob:; \
             frame-ancestors 'none'; base-uri 'none'"
                .to_owned(),
        ),
    ];
    (headers, file.data).into_response()
}
