//! New addresses of accounts, on their way: one per account, proven at the old address and at the new one.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{AccountId, Ms};

/// Which of the two addresses a link was mailed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Old,
    New,
}

/// A change that waits for its proofs.
#[derive(Clone, Debug, PartialEq)]
pub struct EmailChangeRow {
    pub account: AccountId,
    pub email: String,
    pub email_key: String,
    pub old_hash: String,
    pub new_hash: String,
    pub old_confirmed_at: Option<Ms>,
    pub new_confirmed_at: Option<Ms>,
    pub expires_at: Ms,
}

macro_rules! columns {
    () => {
        "account, email, email_key, old_hash, new_hash, old_confirmed_at, new_confirmed_at, expires_at"
    };
}

statements! {
    PUT = "insert into email_change(account, email, email_key, old_hash, new_hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (account) do update set email = excluded.email, email_key = excluded.email_key, old_hash = excluded.old_hash,
          new_hash = excluded.new_hash, old_confirmed_at = null, new_confirmed_at = null, created_at = excluded.created_at,
          expires_at = excluded.expires_at";
    GET = concat!("select ", columns!(), " from email_change where account = $1");
    BY_OLD = concat!("select ", columns!(), " from email_change where old_hash = $1");
    BY_NEW = concat!("select ", columns!(), " from email_change where new_hash = $1");
    CONFIRM_OLD = "update email_change set old_confirmed_at = $2 where account = $1 and old_confirmed_at is null";
    CONFIRM_NEW = "update email_change set new_confirmed_at = $2 where account = $1 and new_confirmed_at is null";
    REMOVE = "delete from email_change where account = $1";
}

fn read(r: &Row<'_>) -> StoreResult<EmailChangeRow> {
    Ok(EmailChangeRow {
        account: r.id(0)?,
        email: r.t(1)?,
        email_key: r.t(2)?,
        old_hash: r.t(3)?,
        new_hash: r.t(4)?,
        old_confirmed_at: r.oi(5)?.map(Ms),
        new_confirmed_at: r.oi(6)?.map(Ms),
        expires_at: Ms(r.i(7)?),
    })
}

/// Begins a change; one that was under way is forgotten, and its links with it.
pub fn put(tx: &mut Tx<'_>, c: &EmailChangeRow) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &PUT,
        &[
            c.account.into(),
            c.email.as_str().into(),
            c.email_key.as_str().into(),
            c.old_hash.as_str().into(),
            c.new_hash.as_str().into(),
            now.into(),
            c.expires_at.into(),
        ],
    )
}

pub fn get(tx: &mut Tx<'_>, account: AccountId) -> StoreResult<Option<EmailChangeRow>> {
    tx.opt(&GET, &[account.into()], read)
}

/// The change that a mailed link belongs to (system function: the token is the proof).
pub fn by_token(tx: &mut Tx<'_>, hash: &str) -> StoreResult<Option<(EmailChangeRow, Side)>> {
    if let Some(row) = tx.opt(&BY_OLD, &[hash.into()], read)? {
        return Ok(Some((row, Side::Old)));
    }
    Ok(tx.opt(&BY_NEW, &[hash.into()], read)?.map(|row| (row, Side::New)))
}

/// One of the addresses agreed. Number of rows changed: 0 when it had before.
pub fn confirm(tx: &mut Tx<'_>, account: AccountId, side: Side) -> StoreResult<u64> {
    let now = tx.now();
    let statement = match side {
        Side::Old => &CONFIRM_OLD,
        Side::New => &CONFIRM_NEW,
    };
    tx.exec(statement, &[account.into(), now.into()])
}

pub fn remove(tx: &mut Tx<'_>, account: AccountId) -> StoreResult<u64> {
    tx.exec(&REMOVE, &[account.into()])
}
