//! A new address of an account, confirmed at the old one and at the new one (spec PLAT-3).

use crate::app::audit::{self, Change};
use crate::app::password_resets::{self, Recipient};
use crate::app::{Actor, AppError, AppResult, Fields};
use ronda_domain::{AccountId, Ms};
use ronda_storage::email_changes::{self as stored, EmailChangeRow, Side};
use ronda_storage::{StoreError, Tx, accounts, users};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Life of the two links.
const LIFE_MS: i64 = Ms::DAY;

/// A change that waits for its proofs, as the owner of the account sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PendingEmail {
    pub email: String,
    pub old_confirmed: bool,
    pub new_confirmed: bool,
    pub expires_at: Ms,
}

/// What the bearer of a link sees.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicEmailChange {
    /// The address the account would get.
    pub email: String,
    /// This link has been confirmed.
    pub confirmed: bool,
    /// So has the link at the other address.
    pub other_confirmed: bool,
}

/// How far a confirmation brought the change.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Confirmed {
    pub email: String,
    /// Both addresses have agreed: the account has the new one.
    pub done: bool,
}

/// What is under way.
///
/// # Errors
/// When the database fails.
pub fn pending(tx: &mut Tx<'_>, account: AccountId) -> AppResult<Option<PendingEmail>> {
    let now = tx.now();
    let row = stored::get(tx, account)?.filter(|c| c.expires_at > now);
    Ok(row.map(|c| PendingEmail {
        email: c.email,
        old_confirmed: c.old_confirmed_at.is_some(),
        new_confirmed: c.new_confirmed_at.is_some(),
        expires_at: c.expires_at,
    }))
}

/// Begins a change, after the password was right. Whom the link for the old address goes to.
///
/// # Errors
/// A wrong or taken address.
pub fn begin(
    tx: &mut Tx<'_>,
    account: AccountId,
    typed: &str,
    (old_hash, new_hash): (&str, &str),
) -> AppResult<(Recipient, String)> {
    let mut fields = Fields::new();
    let email = fields.email("/email", typed);
    fields.done()?;
    let recipient = password_resets::recipient(tx, account)?;
    match accounts::by_email(tx, &email.key)? {
        Some(same) if same.id == account => {
            return Err(AppError::field("/email", "same", "this is the address already"));
        }
        Some(_) => return Err(AppError::field("/email", "taken", "another account has this address")),
        None => {}
    }
    let expires_at = tx.now().plus(LIFE_MS);
    stored::put(
        tx,
        &EmailChangeRow {
            account,
            email: email.shown.clone(),
            email_key: email.key,
            old_hash: old_hash.into(),
            new_hash: new_hash.into(),
            old_confirmed_at: None,
            new_confirmed_at: None,
            expires_at,
        },
    )?;
    Ok((recipient, email.shown))
}

/// Forgets a change; its links stop working.
///
/// # Errors
/// When the database fails.
pub fn cancel(tx: &mut Tx<'_>, account: AccountId) -> AppResult<()> {
    stored::remove(tx, account)?;
    Ok(())
}

fn usable(tx: &mut Tx<'_>, token_hash: &str) -> AppResult<(EmailChangeRow, Side)> {
    let (row, side) = stored::by_token(tx, token_hash)?.ok_or(AppError::NotFound)?;
    if row.expires_at <= tx.now() {
        return Err(AppError::Gone {
            code: "link_expired",
            detail: "this link is too old: ask for the change again".into(),
        });
    }
    Ok((row, side))
}

/// What the bearer of a link sees.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Gone`].
pub fn public(tx: &mut Tx<'_>, token_hash: &str) -> AppResult<PublicEmailChange> {
    let (row, side) = usable(tx, token_hash)?;
    let (own, other) = match side {
        Side::Old => (row.old_confirmed_at, row.new_confirmed_at),
        Side::New => (row.new_confirmed_at, row.old_confirmed_at),
    };
    Ok(PublicEmailChange {
        email: row.email,
        confirmed: own.is_some(),
        other_confirmed: other.is_some(),
    })
}

/// One address agrees; when both have, the account gets the new one.
///
/// # Errors
/// As [`public`]; `email_taken` when another account got the address meanwhile.
pub fn confirm(tx: &mut Tx<'_>, token_hash: &str, ip: &str) -> AppResult<Confirmed> {
    let (row, side) = usable(tx, token_hash)?;
    stored::confirm(tx, row.account, side)?;
    // Read after the own row was written: of two that confirm at once, the later one sees both.
    let row = stored::get(tx, row.account)?.ok_or(AppError::NotFound)?;
    if row.old_confirmed_at.is_none() || row.new_confirmed_at.is_none() {
        return Ok(Confirmed {
            email: row.email,
            done: false,
        });
    }
    let before = accounts::get(tx, row.account)?.ok_or(AppError::NotFound)?;
    match accounts::set_email(tx, row.account, &row.email, &row.email_key) {
        Err(StoreError::Constraint(_)) => {
            return Err(AppError::Refused {
                code: "email_taken",
                detail: "another account has this address by now".into(),
            });
        }
        other => other?,
    };
    stored::remove(tx, row.account)?;
    for membership in users::memberships(tx, row.account)? {
        let w = membership.workspace;
        let Some((agent, _)) = users::by_account(tx, w, row.account)? else {
            continue;
        };
        let Some(user) = users::get(tx, w, agent)? else {
            continue;
        };
        let actor = Actor {
            agent: Some(agent),
            name: user.name.clone(),
            ip: ip.into(),
        };
        let change = Change {
            action: "updated",
            object: "users",
            id: agent.0,
            version: user.version,
            before: Some(json!({ "email": before.email })),
            after: Some(json!({ "email": row.email })),
        };
        audit::record(tx, w, &actor, change)?;
    }
    Ok(Confirmed {
        email: row.email,
        done: true,
    })
}
