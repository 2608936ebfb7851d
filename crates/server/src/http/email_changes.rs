//! A new address of one's account.

use crate::App;
use crate::app::email_changes::{self, Confirmed, PendingEmail, PublicEmailChange};
use crate::app::sessions::forgive;
use crate::app::{AppError, AppResult};
use crate::http::context::{Caller, SignedIn};
use crate::http::problem::Problem;
use crate::http::sessions::{attempt, from};
use crate::http::{Body, Path};
use crate::mail::Letter;
use crate::secrets;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use ronda_storage::Lane;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmail {
    email: String,
    /// The current password.
    password: String,
}

/// Ask for another address
///
/// A link is mailed to the old address and another to the new one; the account changes when both were followed, within a
/// day. Until then the old one works.
#[utoipa::path(post, path = "/me/account/email-change", tag = "Account", request_body = NewEmail, responses((status = 202, body = PendingEmail)))]
pub async fn create(
    signed_in: SignedIn,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Body(input): Body<NewEmail>,
) -> Result<(StatusCode, Json<PendingEmail>), Problem> {
    let app = signed_in.app.clone();
    if !app.mail.configured() {
        return Err(AppError::Refused {
            code: "no_mail",
            detail: "this server sends no mails, and both addresses have to be proven by one".into(),
        }
        .into());
    }
    let from = from(&app, &caller, &headers);
    let email_key = signed_in.open.email.to_lowercase();
    if attempt(&app, &email_key, input.password, &from).await?.is_none() {
        return Err(Problem::invalid("/password", "wrong", "not your password"));
    }
    let (old, new) = (secrets::token(), secrets::token());
    let hashes = (secrets::hash(&old), secrets::hash(&new));
    let account = signed_in.open.session.account;
    let work = move |tx: &mut ronda_storage::Tx<'_>| -> AppResult<_> {
        let begun = email_changes::begin(tx, account, &input.email, (&hashes.0, &hashes.1))?;
        forgive(tx, account, &email_key, &from)?;
        let pending = email_changes::pending(tx, account)?.ok_or(AppError::NotFound)?;
        Ok((begun, pending))
    };
    let ((recipient, email), pending) = app.db.write("email_change", Lane::Interactive, work).await?;
    for (kind, to, token) in [("email_old", &recipient.email, &old), ("email_new", &email, &new)] {
        let link = app.config.link(&format!("/email/{token}"));
        let values = [
            ("email", recipient.email.as_str()),
            ("new", email.as_str()),
            ("link", link.as_str()),
        ];
        app.post(Letter::new(kind, &recipient.language, to, &values));
    }
    Ok((StatusCode::ACCEPTED, Json(pending)))
}

/// Keep the address
///
/// The links of a change that was asked for stop working.
#[utoipa::path(delete, path = "/me/account/email-change", tag = "Account", responses((status = 204)))]
pub async fn cancel(signed_in: SignedIn) -> Result<StatusCode, Problem> {
    let account = signed_in.open.session.account;
    let work = move |tx: &mut ronda_storage::Tx<'_>| email_changes::cancel(tx, account);
    signed_in
        .app
        .db
        .write("cancel_email_change", Lane::Interactive, work)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Look at a link for another address
#[utoipa::path(get, path = "/email-changes/{token}", tag = "Account", params(("token" = String, Path)), responses((status = 200, body = PublicEmailChange)))]
pub async fn public(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
) -> Result<Json<PublicEmailChange>, Problem> {
    let hash = secrets::hash(&token);
    let read = app.db.read("email_change", move |tx| email_changes::public(tx, &hash));
    Ok(Json(read.await?))
}

/// Confirm another address
#[utoipa::path(post, path = "/email-changes/{token}", tag = "Account", params(("token" = String, Path)), responses((status = 200, body = Confirmed)))]
pub async fn confirm(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(token): Path<String>,
) -> Result<Json<Confirmed>, Problem> {
    let hash = secrets::hash(&token);
    let write = app.db.write("confirm_email", Lane::Interactive, move |tx| {
        email_changes::confirm(tx, &hash, &caller.ip)
    });
    Ok(Json(write.await?))
}
