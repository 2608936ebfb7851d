//! HTTP: the list of routes, and what every request passes on its way.

pub mod account;
pub mod assets;
pub mod audit;
pub mod client_ip;
pub mod context;
pub mod cookies;
pub mod document;
pub mod groups;
pub mod guard;
pub mod health;
pub mod idempotency;
pub mod input;
pub mod invitations;
pub mod password_resets;
pub mod problem;
pub mod sessions;
pub mod setup;
pub mod users;
pub mod workspaces;

use crate::App;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use std::sync::Arc;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use context::{Context, SignedIn};
pub use input::{Body, Filter, IfMatch, Page, Paged, Path, Versioned};
pub use problem::Problem;

/// Every address of the API, in the order of the document.
fn resources() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        // Accounts
        .routes(routes!(setup::state, setup::run))
        .routes(routes!(sessions::create, sessions::list, sessions::delete_others))
        .routes(routes!(sessions::current, sessions::sign_out))
        .routes(routes!(sessions::enter))
        .routes(routes!(sessions::delete))
        .routes(routes!(password_resets::create))
        .routes(routes!(password_resets::public, password_resets::finish))
        .routes(routes!(account::get, account::edit))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::delete))
        .routes(routes!(invitations::resend))
        .routes(routes!(invitations::public))
        .routes(routes!(invitations::accept))
        .routes(routes!(invitations::renew))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::edit, users::delete))
        .routes(routes!(users::states))
        .routes(routes!(users::reset))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::get, groups::edit, groups::delete))
        .routes(routes!(workspaces::get, workspaces::edit))
        .routes(routes!(audit::list))
}

/// The API under its address, with its document.
pub(crate) fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(document::Document::openapi()).nest("/api/v1", resources())
}

/// Everything the server answers.
pub fn router(app: Arc<App>) -> Router {
    let (api, _) = api().split_for_parts();
    let api = api
        .layer(from_fn_with_state(app.clone(), idempotency::repeated))
        .layer(from_fn_with_state(app.clone(), guard::limited))
        .layer(from_fn_with_state(app.clone(), context::open_session))
        .layer(from_fn_with_state(app.clone(), guard::same_site))
        .layer(from_fn(guard::not_stored))
        .layer(DefaultBodyLimit::max(app.config.limits.body_bytes));
    Router::new()
        .merge(api)
        .merge(document::routes())
        .merge(health::routes())
        .merge(assets::routes())
        .fallback(assets::page)
        .layer(from_fn(guard::framed))
        .with_state(app)
}
