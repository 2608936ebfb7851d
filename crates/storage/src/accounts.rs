//! People who sign in. An account belongs to no workspace: one person may be a member of several, so the functions
//! here are system functions and name an account, an address or a token instead of a workspace.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{AccountId, Ms};

/// A person's sign-in account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRow {
    pub id: AccountId,
    pub email: String,
    pub name: String,
    /// Argon2id in PHC form; `None` until a password was chosen.
    pub password_hash: Option<String>,
    /// Somebody else typed the password: it is changed before anything else.
    pub must_change_password: bool,
    pub language: Option<String>,
    pub zone: Option<String>,
    pub version: i64,
    pub created_at: Ms,
}

/// How often a key failed, and until when it has to wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptRow {
    pub failures: i64,
    pub blocked_until: Ms,
}

/// A link that sets a new password.
#[derive(Clone, Debug, PartialEq)]
pub struct ResetRow {
    pub id: i64,
    pub account: AccountId,
    pub email: String,
    pub expires_at: Ms,
    pub used_at: Option<Ms>,
}

macro_rules! columns {
    () => {
        "select id, email, name, password_hash, must_change_password, language, zone, version, created_at from account"
    };
}

statements! {
    INSERT = "insert into account(email, email_key, name, password_hash, must_change_password, language, zone, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8) returning id";
    GET = concat!(columns!(), " where id = $1");
    BY_EMAIL = concat!(columns!(), " where email_key = $1");
    ANY = "select id from account limit 1";
    SET_PASSWORD = "update account set password_hash = $2, must_change_password = 0, version = version + 1 where id = $1";
    SET_PROFILE = "update account set name = $2, language = $3, zone = $4, version = version + 1 where id = $1 and version = $5";
    SET_EMAIL = "update account set email = $2, email_key = $3, version = version + 1 where id = $1";
    ANONYMISE = "update account set email = '', email_key = $2, password_hash = null where id = $1";
    ATTEMPT = "select failures, blocked_until from login_attempt where key = $1";
    PUT_ATTEMPT = "insert into login_attempt(key, failures, blocked_until, updated_at) values ($1, $2, $3, $4)
        on conflict (key) do update set failures = excluded.failures, blocked_until = excluded.blocked_until,
          updated_at = excluded.updated_at";
    CLEAR_ATTEMPT = "delete from login_attempt where key = $1";
    FORGET_ATTEMPTS = "delete from login_attempt where updated_at < $1";
    INSERT_RESET = "insert into password_reset(account, token_hash, created_at, expires_at) values ($1, $2, $3, $4)";
    END_RESETS = "update password_reset set used_at = $2 where account = $1 and used_at is null";
    RESETS_SINCE = "select count(*) from password_reset where account = $1 and created_at > $2";
    RESET_BY_TOKEN = "select r.id, r.account, a.email, r.expires_at, r.used_at from password_reset as r, account as a
        where r.token_hash = $1 and a.id = r.account";
    USE_RESET = "update password_reset set used_at = $2 where id = $1 and used_at is null";
}

fn read(r: &Row<'_>) -> StoreResult<AccountRow> {
    Ok(AccountRow {
        id: r.id(0)?,
        email: r.t(1)?,
        name: r.t(2)?,
        password_hash: r.ot(3)?,
        must_change_password: r.b(4)?,
        language: r.ot(5)?,
        zone: r.ot(6)?,
        version: r.i(7)?,
        created_at: Ms(r.i(8)?),
    })
}

/// What a new account begins with. `email_key` is the address in the form by which uniqueness is judged.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub email: String,
    pub email_key: String,
    pub name: String,
    pub password_hash: Option<String>,
    /// Somebody else typed the password.
    pub must_change_password: bool,
    pub language: Option<String>,
    pub zone: Option<String>,
}

/// # Errors
/// [`crate::StoreError::Constraint`] when the address is taken.
pub fn insert(tx: &mut Tx<'_>, a: &NewAccount) -> StoreResult<AccountId> {
    let now = tx.now();
    tx.one(
        &INSERT,
        &[
            (&a.email).into(),
            (&a.email_key).into(),
            (&a.name).into(),
            a.password_hash.as_deref().into(),
            a.must_change_password.into(),
            a.language.as_deref().into(),
            a.zone.as_deref().into(),
            now.into(),
        ],
        |r| r.id(0),
    )
}

pub fn get(tx: &mut Tx<'_>, id: AccountId) -> StoreResult<Option<AccountRow>> {
    tx.opt(&GET, &[id.into()], read)
}

pub fn by_email(tx: &mut Tx<'_>, email_key: &str) -> StoreResult<Option<AccountRow>> {
    tx.opt(&BY_EMAIL, &[email_key.into()], read)
}

/// Whether anybody has an account: what the first run asks.
pub fn any(tx: &mut Tx<'_>) -> StoreResult<bool> {
    Ok(tx.opt(&ANY, &[], |r| r.i(0))?.is_some())
}

/// Sets a password that its owner chose.
pub fn set_password(tx: &mut Tx<'_>, id: AccountId, hash: &str) -> StoreResult<u64> {
    tx.exec(&SET_PASSWORD, &[id.into(), hash.into()])
}

/// Writes what people edit, guarded by the version in `a`. Number of rows changed.
pub fn set_profile(tx: &mut Tx<'_>, a: &AccountRow) -> StoreResult<u64> {
    tx.exec(
        &SET_PROFILE,
        &[
            a.id.into(),
            (&a.name).into(),
            a.language.as_deref().into(),
            a.zone.as_deref().into(),
            a.version.into(),
        ],
    )
}

/// # Errors
/// [`crate::StoreError::Constraint`] when the address is taken.
pub fn set_email(tx: &mut Tx<'_>, id: AccountId, email: &str, email_key: &str) -> StoreResult<u64> {
    tx.exec(&SET_EMAIL, &[id.into(), email.into(), email_key.into()])
}

/// Takes address and password from an account that no workspace has any more. Its name stays for history.
pub fn anonymise(tx: &mut Tx<'_>, id: AccountId) -> StoreResult<u64> {
    tx.exec(&ANONYMISE, &[id.into(), format!("deleted:{id}").into()])
}

pub fn attempt(tx: &mut Tx<'_>, key: &str) -> StoreResult<AttemptRow> {
    let row = tx.opt(&ATTEMPT, &[key.into()], |r| {
        Ok(AttemptRow {
            failures: r.i(0)?,
            blocked_until: Ms(r.i(1)?),
        })
    })?;
    Ok(row.unwrap_or_default())
}

pub fn put_attempt(tx: &mut Tx<'_>, key: &str, row: &AttemptRow) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &PUT_ATTEMPT,
        &[key.into(), row.failures.into(), row.blocked_until.into(), now.into()],
    )
}

pub fn clear_attempt(tx: &mut Tx<'_>, key: &str) -> StoreResult<u64> {
    tx.exec(&CLEAR_ATTEMPT, &[key.into()])
}

pub fn forget_attempts(tx: &mut Tx<'_>, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET_ATTEMPTS, &[before.into()])
}

/// Ends every open link of an account.
pub fn end_resets(tx: &mut Tx<'_>, account: AccountId) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&END_RESETS, &[account.into(), now.into()])
}

/// Makes a link; every earlier one of the account stops working.
pub fn insert_reset(tx: &mut Tx<'_>, account: AccountId, token_hash: &str, expires_at: Ms) -> StoreResult<()> {
    let now = tx.now();
    end_resets(tx, account)?;
    tx.exec(
        &INSERT_RESET,
        &[account.into(), token_hash.into(), now.into(), expires_at.into()],
    )?;
    Ok(())
}

pub fn resets_since(tx: &mut Tx<'_>, account: AccountId, since: Ms) -> StoreResult<i64> {
    tx.one(&RESETS_SINCE, &[account.into(), since.into()], |r| r.i(0))
}

pub fn reset_by_token(tx: &mut Tx<'_>, token_hash: &str) -> StoreResult<Option<ResetRow>> {
    tx.opt(&RESET_BY_TOKEN, &[token_hash.into()], |r| {
        Ok(ResetRow {
            id: r.i(0)?,
            account: r.id(1)?,
            email: r.t(2)?,
            expires_at: Ms(r.i(3)?),
            used_at: r.oi(4)?.map(Ms),
        })
    })
}

/// Marks a link used. 0 when somebody was faster.
pub fn use_reset(tx: &mut Tx<'_>, id: i64) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&USE_RESET, &[id.into(), now.into()])
}
