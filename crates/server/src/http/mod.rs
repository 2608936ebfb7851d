//! HTTP: the list of routes, and what every request passes on its way.

pub mod account;
pub mod affinities;
pub mod after_hours;
pub mod agents;
pub mod alerts;
pub mod assets;
pub mod audit;
pub mod bulk;
pub mod channel_accounts;
pub mod chat;
pub mod client_ip;
pub mod context;
pub mod conversations;
pub mod cookies;
pub mod customers;
pub mod decisions;
pub mod document;
pub mod email_changes;
pub mod events;
pub mod files;
pub mod groups;
pub mod guard;
pub mod health;
pub mod hours;
pub mod idempotency;
pub mod incidents;
pub mod input;
pub mod invitations;
pub mod password_resets;
mod picked;
pub mod policies;
pub mod problem;
pub mod push_devices;
pub mod reports;
pub mod routing;
pub mod sandbox;
pub mod service_levels;
pub mod sessions;
pub mod setup;
pub mod skills;
pub mod templates;
#[cfg(feature = "testing")]
pub mod testing;
pub mod users;
pub mod wall;
pub mod webhooks;
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

/// Bodies of uploads; the file itself is limited by the configuration.
const FORM_BYTES: usize = 1 << 30;

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
        .routes(routes!(email_changes::create, email_changes::cancel))
        .routes(routes!(email_changes::public, email_changes::confirm))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::delete))
        .routes(routes!(invitations::resend))
        .routes(routes!(invitations::public))
        .routes(routes!(invitations::accept))
        .routes(routes!(invitations::renew))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::edit, users::delete))
        .routes(routes!(users::states))
        .routes(routes!(users::state_spans))
        .routes(routes!(users::reset))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::get, groups::edit, groups::delete))
        .routes(routes!(skills::list, skills::create))
        .routes(routes!(skills::get, skills::edit, skills::delete))
        .routes(routes!(workspaces::get, workspaces::edit))
        .routes(routes!(audit::list))
        // Agents
        .routes(routes!(agents::list))
        .routes(routes!(agents::set_mine))
        .routes(routes!(agents::set_other))
        .routes(routes!(agents::activity))
        .routes(routes!(agents::release))
        .routes(routes!(agents::set_background))
        .routes(routes!(push_devices::list, push_devices::put))
        .routes(routes!(push_devices::delete))
        .routes(routes!(push_devices::test))
        .routes(routes!(push_devices::settings))
        // Channels
        .routes(routes!(channel_accounts::list, channel_accounts::create))
        .routes(routes!(sandbox::state, sandbox::create))
        .routes(routes!(
            channel_accounts::get,
            channel_accounts::edit,
            channel_accounts::delete
        ))
        .routes(routes!(channel_accounts::check))
        .routes(routes!(channel_accounts::site_secret))
        .routes(routes!(channel_accounts::limits))
        .routes(routes!(channel_accounts::names))
        .routes(routes!(channel_accounts::failures))
        .routes(routes!(channel_accounts::replay))
        // Hours
        .routes(routes!(hours::list))
        .routes(routes!(hours::preview))
        .routes(routes!(hours::get, hours::save, hours::delete))
        .routes(routes!(hours::holidays))
        .routes(routes!(hours::import))
        .routes(routes!(after_hours::list))
        .routes(routes!(after_hours::preview))
        .routes(routes!(after_hours::get, after_hours::save, after_hours::delete))
        // Conversations
        .routes(routes!(templates::list))
        .routes(routes!(conversations::list, conversations::start))
        .routes(routes!(conversations::counts))
        .routes(routes!(bulk::run))
        .routes(routes!(conversations::get))
        .routes(routes!(conversations::messages, conversations::send))
        .routes(routes!(conversations::retry))
        .routes(routes!(conversations::read))
        .routes(routes!(conversations::unread))
        .routes(routes!(conversations::typing))
        .routes(routes!(
            conversations::draft,
            conversations::put_draft,
            conversations::discard_draft
        ))
        .routes(routes!(conversations::take))
        .routes(routes!(conversations::reopen))
        .routes(routes!(conversations::transfer))
        .routes(routes!(conversations::close))
        .routes(routes!(conversations::decline))
        .routes(routes!(conversations::extend))
        .routes(routes!(conversations::return_to_bot))
        .routes(routes!(conversations::snooze))
        .routes(routes!(conversations::wake))
        .routes(routes!(conversations::routing))
        .routes(routes!(customers::find))
        .routes(routes!(customers::get, customers::edit))
        .routes(routes!(customers::conversations))
        .routes(routes!(affinities::get, affinities::set, affinities::remove))
        .routes(routes!(affinities::list))
        .routes(routes!(affinities::summary))
        .routes(routes!(affinities::reassign))
        .routes(routes!(files::get))
        .routes(routes!(files::link))
        // Routing
        .routes(routes!(policies::versions, policies::save))
        .routes(routes!(policies::current))
        .routes(routes!(routing::presets))
        .routes(routes!(routing::preview))
        .routes(routes!(decisions::list))
        .routes(routes!(decisions::chain))
        .routes(routes!(decisions::get))
        .routes(routes!(decisions::replay))
        .routes(routes!(policies::version))
        .routes(routes!(policies::diff))
        .routes(routes!(policies::restore))
        .routes(routes!(policies::export))
        .routes(routes!(policies::import))
        .routes(routes!(policies::test))
        .routes(routes!(policies::replay))
        .routes(routes!(policies::candidates, policies::add_candidate))
        .routes(routes!(policies::drop_candidate))
        .routes(routes!(policies::approve))
        .routes(routes!(policies::reject))
        .routes(routes!(policies::differences))
        .routes(routes!(wall::overview))
        .routes(routes!(wall::pause))
        .routes(routes!(wall::links, wall::create))
        .routes(routes!(wall::revoke))
        .routes(routes!(wall::public))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::failed))
        .routes(routes!(alerts::list))
        .routes(routes!(reports::fairness))
        .routes(routes!(reports::behind))
        .routes(routes!(service_levels::list, service_levels::create))
        .routes(routes!(service_levels::edit, service_levels::delete))
        .routes(routes!(service_levels::compliance))
        // Events
        .routes(routes!(events::follow))
}

/// What carries files: bodies may be as large as files.
fn large_resources() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(files::upload))
}

/// The API under its address, with its document.
pub(crate) fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(document::Document::openapi())
        .nest("/api/v1", resources())
        .nest("/api/v1", large_resources().layer(DefaultBodyLimit::max(FORM_BYTES)))
}

/// Everything the server answers.
pub fn router(app: Arc<App>) -> Router {
    let (api, _) = api().split_for_parts();
    let api = api
        .layer(from_fn(picked::picked))
        .layer(from_fn_with_state(app.clone(), idempotency::repeated))
        .layer(from_fn_with_state(app.clone(), guard::limited))
        .layer(from_fn_with_state(app.clone(), context::open_session))
        .layer(from_fn_with_state(app.clone(), guard::same_site))
        .layer(from_fn(guard::not_stored))
        .layer(DefaultBodyLimit::max(app.config.limits.body_bytes));
    let rest = Router::new();
    #[cfg(feature = "testing")]
    let rest = rest.merge(testing::routes());
    if !app.config.roles.http {
        return rest.merge(health::routes()).with_state(app);
    }
    rest.merge(api)
        .merge(document::routes())
        .merge(health::routes())
        .merge(webhooks::routes())
        .merge(chat::routes(&app))
        .merge(files::public_routes())
        .merge(assets::routes())
        .fallback(assets::page)
        .layer(from_fn(guard::framed))
        .with_state(app)
}
