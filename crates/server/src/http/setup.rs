//! The first run.

use crate::App;
use crate::app::sessions::Me;
use crate::app::setup::{self, NewPerson, NewWorkspace};
use crate::app::{Fields, password_rules};
use crate::http::context::Caller;
use crate::http::cookies::SetCookies;
use crate::http::input::Body;
use crate::http::problem::Problem;
use crate::http::sessions::{from, opened, safe_address};
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use ronda_storage::Lane;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Setup {
    /// Whether nobody has an account yet.
    needed: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstRun {
    /// The code that the server printed when it started.
    code: String,
    workspace_name: String,
    name: String,
    email: String,
    password: String,
    language: Option<String>,
    zone: Option<String>,
    country: Option<String>,
}

/// Is the first run still to be done
#[utoipa::path(get, path = "/setup", tag = "Setup", responses((status = 200, body = Setup)))]
pub async fn state(State(app): State<Arc<App>>) -> Result<Json<Setup>, Problem> {
    let needed = app.db.read("setup_needed", setup::needed).await?;
    Ok(Json(Setup { needed }))
}

/// Create the first workspace and its owner
#[utoipa::path(post, path = "/setup", tag = "Setup", request_body = FirstRun, responses((status = 201, body = Me)))]
pub async fn run(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Body(input): Body<FirstRun>,
) -> Result<(StatusCode, SetCookies, Json<Me>), Problem> {
    safe_address(&app)?;
    let mut f = Fields::new();
    let code = input.code.trim().to_uppercase();
    if !bool::from(code.as_bytes().ct_eq(app.setup_code.as_bytes())) {
        f.fail(
            "/code",
            "wrong_code",
            "not the code that the server printed at its start",
        );
    }
    let name = f.text("/name", &input.name, 1..=80);
    let email = f.email("/email", &input.email);
    let workspace = NewWorkspace {
        name: f.text("/workspace_name", &input.workspace_name, 1..=80),
        language: f.language("/language", input.language.as_deref().unwrap_or("es")),
        zone: f.zone(
            "/zone",
            input.zone.as_deref().unwrap_or("America/Argentina/Buenos_Aires"),
        ),
        country: f.country("/country", input.country.as_deref().unwrap_or("AR")),
        simulated: false,
    };
    password_rules::check(
        &mut f,
        "/password",
        &input.password,
        &[&name, &email.shown, &workspace.name],
    );
    f.done()?;
    let owner = NewPerson {
        name,
        password_hash: app.passwords.hash(input.password).await,
        email,
    };
    let email_key = owner.email.key.clone();
    let (_, account) = app
        .db
        .write("setup", Lane::Interactive, move |tx| setup::run(tx, &workspace, &owner))
        .await?;
    let (cookies, me) = opened(&app, account, email_key, from(&app, &caller, &headers), false).await?;
    Ok((StatusCode::CREATED, cookies, me))
}
