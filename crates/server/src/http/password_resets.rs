//! New passwords by a mailed link.

use crate::App;
use crate::app::password_resets::{self, PublicReset, Recipient};
use crate::app::{AppError, Fields, password_rules};
use crate::http::context::Caller;
use crate::http::problem::Problem;
use crate::http::sessions::safe_address;
use crate::http::{Body, Path};
use crate::mail::Letter;
use crate::secrets;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use ronda_storage::Lane;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    email: String,
}

/// The same for every address.
#[derive(Serialize, ToSchema)]
pub struct Asked {
    /// Without mails the operator of the server makes links by hand: `ronda user reset-link`.
    mail_configured: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    password: String,
}

/// Mails the link of a reset.
pub fn deliver(app: &Arc<App>, to: &Recipient, token: &str) {
    let link = app.config.link(&format!("/reset/{token}"));
    let values = [("email", to.email.as_str()), ("link", link.as_str())];
    app.post(Letter::new("reset", &to.language, &to.email, &values));
}

/// Mails that a password has changed.
pub fn notify(app: &Arc<App>, to: &Recipient) {
    let link = app.config.link("/reset");
    let values = [("email", to.email.as_str()), ("link", link.as_str())];
    app.post(Letter::new("changed", &to.language, &to.email, &values));
}

/// Ask for a new password
///
/// The answer is the same whether the address has an account or not. The mailed link works once, for 30 minutes.
#[utoipa::path(post, path = "/password-resets", tag = "Password resets", request_body = Forgotten, responses((status = 202, body = Asked)))]
pub async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(input): Body<Forgotten>,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    safe_address(&app)?;
    app.limits
        .resets
        .take(&caller.ip)
        .map_err(|retry_after_seconds| AppError::RateLimited { retry_after_seconds })?;
    let mut f = Fields::new();
    let email = f.email("/email", &input.email);
    f.done()?;
    let mail_configured = app.mail.configured();
    if mail_configured {
        // Looked up after the answer was given: its time tells nothing either.
        let work = app.clone();
        app.background.spawn(async move { request(&work, email.key).await });
    }
    Ok((StatusCode::ACCEPTED, Json(Asked { mail_configured })))
}

async fn request(app: &Arc<App>, email_key: String) {
    let token = secrets::token();
    let hash = secrets::hash(&token);
    let write = app.db.write("request_reset", Lane::Interactive, move |tx| {
        password_resets::request(tx, &email_key, &hash)
    });
    match write.await {
        Ok(Some(recipient)) => deliver(app, &recipient, &token),
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "a new password was asked for in vain"),
    }
}

/// Look at a link for a new password
#[utoipa::path(get, path = "/password-resets/{token}", tag = "Password resets", params(("token" = String, Path)), responses((status = 200, body = PublicReset)))]
pub async fn public(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Json<PublicReset>, Problem> {
    let hash = secrets::hash(&token);
    let read = app.db.read("reset", move |tx| password_resets::public(tx, &hash));
    Ok(Json(read.await?))
}

/// Choose a new password
///
/// Signs all devices out and mails a notice.
#[utoipa::path(post, path = "/password-resets/{token}", tag = "Password resets", params(("token" = String, Path)), request_body = NewPassword, responses((status = 204)))]
pub async fn finish(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    Body(input): Body<NewPassword>,
) -> Result<StatusCode, Problem> {
    safe_address(&app)?;
    let hash = secrets::hash(&token);
    let asked = hash.clone();
    let reset = app
        .db
        .read("reset", move |tx| password_resets::usable(tx, &asked))
        .await?;
    let mut f = Fields::new();
    password_rules::check(&mut f, "/password", &input.password, &[&reset.email]);
    f.done()?;
    let password_hash = app.passwords.hash(input.password).await;
    let write = app.db.write("reset_password", Lane::Interactive, move |tx| {
        password_resets::finish(tx, &hash, &password_hash)
    });
    let recipient = write.await?;
    notify(&app, &recipient);
    Ok(StatusCode::NO_CONTENT)
}
