//! New passwords by a mailed link (spec CP-6).

use crate::app::{AppError, AppResult, sessions};
use ronda_domain::{AccountId, Ms};
use ronda_storage::accounts::{self, ResetRow};
use ronda_storage::{Tx, users, workspaces};
use serde::Serialize;
use utoipa::ToSchema;

/// Life of a link. Source: spec CP-6.
const LIFE_MS: i64 = 30 * Ms::MINUTE;
/// Links of one address in an hour. Source: spec CP-6.
const MOST_PER_HOUR: i64 = 3;

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetState {
    Open,
    /// Used, or replaced by a newer one.
    Used,
    Expired,
}

/// What the bearer of a link sees.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicReset {
    pub state: ResetState,
    /// For asking again without typing it.
    pub email: String,
}

/// Whom a mail goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub email: String,
    pub language: String,
}

/// Makes a link for an address; nothing for one that nobody works with, or that asked too often.
///
/// # Errors
/// When the database fails.
pub fn request(tx: &mut Tx<'_>, email_key: &str, token_hash: &str) -> AppResult<Option<Recipient>> {
    let Some(account) = accounts::by_email(tx, email_key)? else {
        return Ok(None);
    };
    let since = tx.now().plus(-Ms::HOUR);
    let asked = accounts::resets_since(tx, account.id, since)?;
    if asked >= MOST_PER_HOUR || users::memberships(tx, account.id)?.is_empty() {
        return Ok(None);
    }
    open(tx, account.id, token_hash).map(Some)
}

/// Makes a link; every earlier one of the account stops working.
///
/// # Errors
/// [`AppError::NotFound`] for no account.
pub fn open(tx: &mut Tx<'_>, account: AccountId, token_hash: &str) -> AppResult<Recipient> {
    let recipient = recipient(tx, account)?;
    let expires_at = tx.now().plus(LIFE_MS);
    accounts::insert_reset(tx, account, token_hash, expires_at)?;
    Ok(recipient)
}

/// Address and language of an account: its own, else that of its first workspace.
///
/// # Errors
/// [`AppError::NotFound`] for no account.
pub fn recipient(tx: &mut Tx<'_>, account: AccountId) -> AppResult<Recipient> {
    let row = accounts::get(tx, account)?.ok_or(AppError::NotFound)?;
    let language = match row.language {
        Some(language) => language,
        None => match users::memberships(tx, account)?.first() {
            Some(m) => workspaces::get(tx, m.workspace)?.map_or_else(String::new, |w| w.language),
            None => String::new(),
        },
    };
    Ok(Recipient {
        email: row.email,
        language,
    })
}

fn state(row: &ResetRow, now: Ms) -> ResetState {
    if row.used_at.is_some() {
        ResetState::Used
    } else if row.expires_at <= now {
        ResetState::Expired
    } else {
        ResetState::Open
    }
}

/// What the bearer of a link sees.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn public(tx: &mut Tx<'_>, token_hash: &str) -> AppResult<PublicReset> {
    let row = accounts::reset_by_token(tx, token_hash)?.ok_or(AppError::NotFound)?;
    Ok(PublicReset {
        state: state(&row, tx.now()),
        email: row.email,
    })
}

/// A link that still works.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Gone`].
pub fn usable(tx: &mut Tx<'_>, token_hash: &str) -> AppResult<ResetRow> {
    let row = accounts::reset_by_token(tx, token_hash)?.ok_or(AppError::NotFound)?;
    let (code, detail) = match state(&row, tx.now()) {
        ResetState::Open => return Ok(row),
        ResetState::Used => ("reset_used", "this link was used or replaced by a newer one"),
        ResetState::Expired => ("reset_expired", "this link is too old: ask for a new one"),
    };
    Err(AppError::Gone {
        code,
        detail: detail.into(),
    })
}

/// Sets the password of a link's account, once, and signs all its devices out.
///
/// # Errors
/// As [`usable`].
pub fn finish(tx: &mut Tx<'_>, token_hash: &str, password_hash: &str) -> AppResult<Recipient> {
    let row = usable(tx, token_hash)?;
    accounts::use_reset(tx, row.id)?;
    accounts::set_password(tx, row.account, password_hash)?;
    sessions::sign_out_others(tx, row.account, None)?;
    recipient(tx, row.account)
}
