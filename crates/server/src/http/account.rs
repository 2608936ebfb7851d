//! One's own account.

use crate::app::account::{self, EditAccount, MyAccount};
use crate::app::sessions::forgive;
use crate::app::{AppResult, Fields, password_resets as resets, password_rules};
use crate::http::context::{Caller, SignedIn};
use crate::http::problem::Problem;
use crate::http::sessions::{attempt, from};
use crate::http::{Body, IfMatch, Versioned, password_resets};
use axum::extract::Extension;
use axum::http::HeaderMap;
use ronda_storage::Lane;

/// Read one's account
#[utoipa::path(get, path = "/me/account", tag = "Account", responses((status = 200, body = MyAccount)))]
pub async fn get(signed_in: SignedIn) -> Result<Versioned<MyAccount>, Problem> {
    let open = signed_in.open.clone();
    let read = signed_in.app.db.read("account", move |tx| account::get(tx, &open));
    let account = read.await?;
    let version = account.version;
    Ok(Versioned(account, version))
}

/// Edit one's account
///
/// A new password needs the current one, signs all other devices out and is noticed by mail.
#[utoipa::path(patch, path = "/me/account", tag = "Account", request_body = EditAccount, responses((status = 200, body = MyAccount)))]
pub async fn edit(
    signed_in: SignedIn,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    IfMatch(version): IfMatch,
    Body(input): Body<EditAccount>,
) -> Result<Versioned<MyAccount>, Problem> {
    let app = signed_in.app.clone();
    let open = signed_in.open.clone();
    let from = from(&app, &caller, &headers);
    let email_key = open.email.to_lowercase();
    let mut password_hash = None;
    if let Some(change) = &input.password {
        let mut f = Fields::new();
        password_rules::check(&mut f, "/password/new", &change.new, &[&open.email, &open.name]);
        f.done()?;
        if attempt(&app, &email_key, change.current.clone(), &from)
            .await?
            .is_none()
        {
            return Err(Problem::invalid("/password/current", "wrong", "not your password"));
        }
        password_hash = Some(app.passwords.hash(change.new.clone()).await);
    }
    let work = move |tx: &mut ronda_storage::Tx<'_>| -> AppResult<_> {
        let account = account::edit(tx, &open, &from.ip, version, &input, password_hash.as_deref())?;
        if password_hash.is_none() {
            return Ok((account, None));
        }
        forgive(tx, account.id, &email_key, &from)?;
        let recipient = resets::recipient(tx, account.id)?;
        Ok((account, Some(recipient)))
    };
    let (account, changed) = app.db.write("edit_account", Lane::Interactive, work).await?;
    if let Some(recipient) = changed {
        password_resets::notify(&app, &recipient);
    }
    let version = account.version;
    Ok(Versioned(account, version))
}
