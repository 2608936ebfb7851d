//! Invitations: for administrators, and for the bearers of links.

use crate::App;
use crate::app::invitations::{self, Guest, Invitation, Joining, NewGuest, PublicInvitation};
use crate::app::sessions::{self as devices, Me};
use crate::app::{AppError, Fields, password_rules};
use crate::http::context::Caller;
use crate::http::cookies::SetCookies;
use crate::http::problem::Problem;
use crate::http::sessions::{from, opened_in, proven, safe_address};
use crate::http::{Body, Context, Filter, Page, Paged, Path};
use crate::mail::Letter;
use crate::secrets;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use ronda_storage::Lane;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What an invited person fills in. Somebody who has an account gives its password, or is signed in, and nothing else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    name: Option<String>,
    /// What customers see; the name when left out.
    public_name: Option<String>,
    password: Option<String>,
    language: Option<String>,
    zone: Option<String>,
}

fn link(app: &App, token: &str) -> String {
    app.config.link(&format!("/invitation/{token}"))
}

/// Mails the link, or gives it back when no mails can be sent.
fn deliver(app: &Arc<App>, guest: &Guest, token: &str) -> Option<String> {
    let link = link(app, token);
    if !app.mail.configured() {
        return Some(link);
    }
    let values = [
        ("workspace", guest.workspace.as_str()),
        ("inviter", guest.inviter.as_str()),
        ("link", link.as_str()),
    ];
    app.post(Letter::new("invitation", &guest.language, &guest.email, &values));
    None
}

/// List open invitations
#[utoipa::path(get, path = "/invitations", tag = "Invitations", params(Page), responses((status = 200, body = Paged<Invitation>)))]
pub async fn list(context: Context, Filter(page): Filter<Page>) -> Result<Paged<Invitation>, Problem> {
    let (before, limit) = (page.after(i64::MAX)?, page.limit()?);
    let items = context
        .read("invitations", move |tx, who| invitations::list(tx, who, before, limit))
        .await?;
    Ok(Paged::of(items, limit, |i| i.id))
}

/// Invite somebody
///
/// The mailed link works once and for 7 days; an earlier invitation of the same address ends.
#[utoipa::path(post, path = "/invitations", tag = "Invitations", request_body = NewGuest, responses((status = 201, body = Invitation)))]
pub async fn create(context: Context, Body(input): Body<NewGuest>) -> Result<(StatusCode, Json<Invitation>), Problem> {
    let token = secrets::token();
    let hash = secrets::hash(&token);
    let (mut invitation, guest) = context
        .write("invite", move |tx, who| invitations::create(tx, who, &input, &hash))
        .await?;
    invitation.link = deliver(&context.app, &guest, &token);
    Ok((StatusCode::CREATED, Json(invitation)))
}

/// Send an invitation again
///
/// With a new link; the old one stops working.
#[utoipa::path(post, path = "/invitations/{id}/resend", tag = "Invitations", params(("id" = i64, Path)), responses((status = 200, body = Invitation)))]
pub async fn resend(context: Context, Path(id): Path<i64>) -> Result<Json<Invitation>, Problem> {
    let token = secrets::token();
    let hash = secrets::hash(&token);
    let (mut invitation, guest) = context
        .write("resend", move |tx, who| invitations::resend(tx, who, id, &hash))
        .await?;
    invitation.link = deliver(&context.app, &guest, &token);
    Ok(Json(invitation))
}

/// Take an invitation back
#[utoipa::path(delete, path = "/invitations/{id}", tag = "Invitations", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn delete(context: Context, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    context
        .write("revoke_invitation", move |tx, who| invitations::revoke(tx, who, id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Look at one's invitation
///
/// For the bearer of a link, before accepting.
#[utoipa::path(get, path = "/invitations/{token}/public", tag = "Invitations", params(("token" = String, Path)), responses((status = 200, body = PublicInvitation)))]
pub async fn public(State(app): State<Arc<App>>, Path(token): Path<String>) -> Result<Json<PublicInvitation>, Problem> {
    let hash = secrets::hash(&token);
    let read = app.db.read("invitation", move |tx| invitations::public(tx, &hash));
    Ok(Json(read.await?))
}

/// Accept an invitation
///
/// Opens a session in the workspace. Somebody who has an account gives its password or is signed in.
#[utoipa::path(post, path = "/invitations/{token}/accept", tag = "Invitations", params(("token" = String, Path)), request_body = Acceptance, responses((status = 201, body = Me)))]
pub async fn accept(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Path(token): Path<String>,
    Body(input): Body<Acceptance>,
) -> Result<(StatusCode, SetCookies, Json<Me>), Problem> {
    safe_address(&app)?;
    let from = from(&app, &caller, &headers);
    let hash = secrets::hash(&token);
    let asked = hash.clone();
    let (invitation, account) = app
        .db
        .read("invitation", move |tx| invitations::usable(tx, &asked))
        .await?;
    let session = caller.open.as_ref().map(|open| &open.session);
    let joining = match account {
        Some(account) if session.is_some_and(|s| s.account == account.id) => Joining::Known(account.id),
        Some(_) => {
            let password = input.password.ok_or_else(|| needed("/password"))?;
            Joining::Known(proven(&app, &invitation.email_key, password, &from).await?.id)
        }
        None => newcomer(&app, input, &invitation.email).await?,
    };
    let ip = caller.ip.clone();
    let write = app.db.write("accept", Lane::Interactive, move |tx| {
        invitations::accept(tx, &hash, &joining, &ip)
    });
    let (workspace, account) = write.await?;
    // The new session takes the place of the one that this browser had.
    if let Some(old) = session.cloned().filter(|s| s.account == account) {
        let write = app.db.write("sign_out", Lane::Interactive, move |tx| {
            devices::sign_out(tx, old.account, old.id)
        });
        write.await?;
    }
    let (cookies, me) = opened_in(&app, account, invitation.email_key, from, false, Some(workspace)).await?;
    Ok((StatusCode::CREATED, cookies, me))
}

fn needed(pointer: &str) -> AppError {
    AppError::field(pointer, "required", "this is needed")
}

async fn newcomer(app: &App, input: Acceptance, email: &str) -> Result<Joining, Problem> {
    let mut f = Fields::new();
    let name = f.text("/name", input.name.as_deref().unwrap_or_default(), 1..=80);
    let public_name = f.text("/public_name", input.public_name.as_deref().unwrap_or_default(), 0..=80);
    let language = input.language.map(|l| f.language("/language", &l));
    let zone = input.zone.map(|z| f.zone("/zone", &z));
    let password = input.password.unwrap_or_default();
    password_rules::check(&mut f, "/password", &password, &[&name, email]);
    f.done()?;
    Ok(Joining::New {
        name,
        public_name,
        password_hash: app.passwords.hash(password).await,
        language,
        zone,
    })
}

/// Ask for a new link
///
/// For the bearer of a link that is too old. The new one goes to the invited address only.
#[utoipa::path(post, path = "/invitations/{token}/renewal", tag = "Invitations", params(("token" = String, Path)), responses((status = 202)))]
pub async fn renew(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(old): Path<String>,
) -> Result<StatusCode, Problem> {
    app.limits
        .resets
        .take(&caller.ip)
        .map_err(|retry_after_seconds| AppError::RateLimited { retry_after_seconds })?;
    if !app.mail.configured() {
        return Err(AppError::Refused {
            code: "no_mail",
            detail: "this server sends no mails: ask whoever invited you for a new link".into(),
        }
        .into());
    }
    let token = secrets::token();
    let (old, new) = (secrets::hash(&old), secrets::hash(&token));
    let write = app.db.write("renew_invitation", Lane::Interactive, move |tx| {
        invitations::renew(tx, &old, &new, &caller.ip)
    });
    let guest = write.await?;
    deliver(&app, &guest, &token);
    Ok(StatusCode::ACCEPTED)
}
