//! Signing in and out; the devices of an account.

use crate::App;
use crate::app::sessions::{self, Device, From, Me};
use crate::app::{AppError, AppResult, password_resets};
use crate::http::context::{Caller, SignedIn};
use crate::http::cookies::{self, SetCookies};
use crate::http::input::{Body, Paged, Path};
use crate::http::problem::Problem;
use crate::mail::Letter;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::{Json, http};
use axum_extra::extract::CookieJar;
use ronda_domain::{AccountId, SessionId, WorkspaceId};
use ronda_storage::accounts::AccountRow;
use ronda_storage::{Lane, sessions as stored};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    email: String,
    password: String,
    /// 30 days on this device; otherwise until 12 hours without use.
    #[serde(default)]
    remember: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enter {
    workspace: WorkspaceId,
}

/// Where a request comes from, as sign-ins remember it.
#[must_use]
pub fn from(app: &App, caller: &Caller, headers: &HeaderMap) -> From {
    let text = |name| {
        headers
            .get(name)
            .and_then(|v: &http::HeaderValue| v.to_str().ok())
            .unwrap_or_default()
    };
    From {
        ip: caller.ip.clone(),
        user_agent: text(header::USER_AGENT).to_owned(),
        device: cookies::device(&app.config, &CookieJar::from_headers(headers)),
    }
}

/// Refuses passwords and sessions over plain http to other machines.
///
/// # Errors
/// When the public address is not safe enough.
pub fn safe_address(app: &App) -> Result<(), Problem> {
    if app.config.may_sign_in() {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "insecure_address",
        "signing in needs https: set public_url to the https address of this server",
    ))
}

/// Opens a session for an account whose password, link or invitation was right.
///
/// # Errors
/// When the database fails.
pub async fn opened(
    app: &Arc<App>,
    account: AccountId,
    email_key: String,
    from: From,
    remember: bool,
) -> Result<(SetCookies, Json<Me>), Problem> {
    opened_in(app, account, email_key, from, remember, None).await
}

/// As [`opened`], in a workspace.
///
/// # Errors
/// When the database fails.
pub async fn opened_in(
    app: &Arc<App>,
    account: AccountId,
    email_key: String,
    from: From,
    remember: bool,
    workspace: Option<WorkspaceId>,
) -> Result<(SetCookies, Json<Me>), Problem> {
    let mail = app.mail.configured();
    let work = move |tx: &mut ronda_storage::Tx<'_>| -> AppResult<_> {
        let opened = sessions::open(tx, account, &email_key, &from, remember)?;
        let notice = match opened.new_device {
            true => Some((password_resets::recipient(tx, account)?, from.clone())),
            false => None,
        };
        if let Some(workspace) = workspace {
            stored::set_workspace(tx, opened.session, workspace)?;
        }
        let open = stored::by_id(tx, opened.session)?.ok_or(AppError::NotFound)?;
        let me = sessions::me(tx, &open, mail)?;
        Ok((opened, me, notice))
    };
    let (opened, me, notice) = app.db.write("open_session", Lane::Interactive, work).await?;
    if let Some((to, from)) = notice {
        let link = app.config.link("/reset");
        let browser: String = from.user_agent.chars().take(200).collect();
        let values = [
            ("email", to.email.as_str()),
            ("browser", browser.as_str()),
            ("ip", from.ip.as_str()),
            ("link", link.as_str()),
        ];
        app.post(Letter::new("device", &to.language, &to.email, &values));
    }
    Ok((cookies::signed_in(&app.config, &opened, app.clock.now()), Json(me)))
}

/// Sign in
///
/// Wrong address and wrong password have the same answer. After five failures each further one has to wait longer.
#[utoipa::path(post, path = "/sessions", tag = "Sessions", request_body = SignIn, responses((status = 201, body = Me)))]
pub async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Body(input): Body<SignIn>,
) -> Result<(StatusCode, SetCookies, Json<Me>), Problem> {
    safe_address(&app)?;
    let from = from(&app, &caller, &headers);
    let email_key = input.email.trim().to_lowercase();
    let account = proven(&app, &email_key, input.password, &from).await?;
    let (cookies, me) = opened(&app, account.id, email_key, from, input.remember).await?;
    Ok((StatusCode::CREATED, cookies, me))
}

/// The account of an address and its password.
///
/// # Errors
/// When they are wrong, or a delay runs.
pub async fn proven(app: &Arc<App>, email_key: &str, password: String, from: &From) -> Result<AccountRow, Problem> {
    attempt(app, email_key, password, from).await?.ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "wrong_credentials",
            "address or password are wrong",
        )
    })
}

/// As [`proven`]; `None` when they are wrong. Counts the attempt.
///
/// # Errors
/// While a delay runs.
pub async fn attempt(
    app: &Arc<App>,
    email_key: &str,
    password: String,
    from: &From,
) -> Result<Option<AccountRow>, Problem> {
    let (key, origin) = (email_key.to_owned(), from.clone());
    let account = app
        .db
        .write("attempt", Lane::Interactive, move |tx| {
            sessions::begin_attempt(tx, &key, &origin)
        })
        .await?;
    let stored = account.as_ref().and_then(|a| a.password_hash.clone());
    let right = app.passwords.matches(stored, password).await;
    Ok(account.filter(|_| right))
}

/// Who am I
///
/// The account, its workspaces, the current one, and what may be done in it.
#[utoipa::path(get, path = "/sessions/current", tag = "Sessions", responses((status = 200, body = Me)))]
pub async fn current(signed_in: SignedIn) -> Result<Json<Me>, Problem> {
    let (open, mail) = (signed_in.open.clone(), signed_in.app.mail.configured());
    let me = signed_in
        .app
        .db
        .read("me", move |tx| sessions::me(tx, &open, mail))
        .await?;
    Ok(Json(me))
}

/// Sign out
#[utoipa::path(delete, path = "/sessions/current", tag = "Sessions", responses((status = 204)))]
pub async fn sign_out(signed_in: SignedIn) -> Result<(StatusCode, SetCookies), Problem> {
    let session = signed_in.open.session.clone();
    end(&signed_in, session.id).await?;
    Ok((StatusCode::NO_CONTENT, cookies::signed_out(&signed_in.app.config)))
}

/// Enter another workspace
#[utoipa::path(post, path = "/sessions/current/workspace", tag = "Sessions", request_body = Enter, responses((status = 200, body = Me)))]
pub async fn enter(signed_in: SignedIn, Body(input): Body<Enter>) -> Result<Json<Me>, Problem> {
    let (open, mail) = (signed_in.open.clone(), signed_in.app.mail.configured());
    let work = move |tx: &mut ronda_storage::Tx<'_>| -> AppResult<_> {
        sessions::enter(tx, &open, input.workspace)?;
        let open = stored::by_id(tx, open.session.id)?.ok_or(AppError::NotFound)?;
        sessions::me(tx, &open, mail)
    };
    Ok(Json(signed_in.app.db.write("enter", Lane::Interactive, work).await?))
}

/// List one's signed-in devices
#[utoipa::path(get, path = "/sessions", tag = "Sessions", responses((status = 200, body = Paged<Device>)))]
pub async fn list(signed_in: SignedIn) -> Result<Paged<Device>, Problem> {
    let open = signed_in.open.clone();
    Ok(Paged::whole(
        signed_in
            .app
            .db
            .read("devices", move |tx| sessions::devices(tx, &open))
            .await?,
    ))
}

/// Sign a device out
///
/// Its next request answers 401 and its sockets are closed.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "Sessions", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn delete(signed_in: SignedIn, Path(id): Path<SessionId>) -> Result<StatusCode, Problem> {
    end(&signed_in, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign all other devices out
#[utoipa::path(delete, path = "/sessions", tag = "Sessions", responses((status = 204)))]
pub async fn delete_others(signed_in: SignedIn) -> Result<StatusCode, Problem> {
    let session = signed_in.open.session.clone();
    let work = move |tx: &mut ronda_storage::Tx<'_>| sessions::sign_out_others(tx, session.account, Some(session.id));
    signed_in
        .app
        .db
        .write("sign_out_others", Lane::Interactive, work)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end(signed_in: &SignedIn, id: SessionId) -> Result<(), Problem> {
    let account = signed_in.open.session.account;
    let work = move |tx: &mut ronda_storage::Tx<'_>| sessions::sign_out(tx, account, id);
    signed_in.app.db.write("sign_out", Lane::Interactive, work).await?;
    Ok(())
}
