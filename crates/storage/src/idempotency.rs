//! Answers kept for repeated requests: 24 hours, by (workspace, principal, route, key).

use crate::{StoreResult, Tx, statements};
use ronda_domain::{Ms, WorkspaceId};

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub workspace: WorkspaceId,
    pub principal: String,
    pub route: String,
    pub key: String,
}

/// What is kept. Status 0 means that the first request is still being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    pub body_hash: String,
    pub status: i64,
    /// Encrypted by the caller.
    pub answer: String,
    pub created_at: Ms,
}

statements! {
    RESERVE = "insert into idempotency_key(workspace, principal, route, key, body_hash, status, answer, created_at)
        values ($1, $2, $3, $4, $5, 0, '', $6)
        on conflict (workspace, principal, route, key) do update set body_hash = excluded.body_hash, status = 0, answer = '',
          created_at = excluded.created_at
          where idempotency_key.created_at < $7 or (idempotency_key.status = 0 and idempotency_key.created_at < $8)";
    GET = "select body_hash, status, answer, created_at from idempotency_key
        where workspace = $1 and principal = $2 and route = $3 and key = $4";
    KEEP = "update idempotency_key set status = $5, answer = $6 where workspace = $1 and principal = $2 and route = $3 and key = $4";
    RELEASE = "delete from idempotency_key where workspace = $1 and principal = $2 and route = $3 and key = $4";
    FORGET = "delete from idempotency_key where created_at < $1";
}

/// Time an answer is kept. Source: spec DEV-9.
pub const KEPT_MS: i64 = 24 * Ms::HOUR;
/// A first request that takes longer than this was lost with its process.
const ABANDONED_MS: i64 = Ms::MINUTE;

/// Reserves the key for one request: `None`, or what an earlier request left.
pub fn reserve(tx: &mut Tx<'_>, s: &Scope, body_hash: &str) -> StoreResult<Option<KeptAnswer>> {
    let now = tx.now();
    let touched = tx.exec(
        &RESERVE,
        &[
            s.workspace.into(),
            (&s.principal).into(),
            (&s.route).into(),
            (&s.key).into(),
            body_hash.into(),
            now.into(),
            now.plus(-KEPT_MS).into(),
            now.plus(-ABANDONED_MS).into(),
        ],
    )?;
    if touched == 1 {
        return Ok(None);
    }
    tx.opt(
        &GET,
        &[
            s.workspace.into(),
            (&s.principal).into(),
            (&s.route).into(),
            (&s.key).into(),
        ],
        |r| {
            Ok(KeptAnswer {
                body_hash: r.t(0)?,
                status: r.i(1)?,
                answer: r.t(2)?,
                created_at: Ms(r.i(3)?),
            })
        },
    )
}

/// Keeps the answer of a reserved key.
pub fn keep(tx: &mut Tx<'_>, s: &Scope, status: i64, answer: &str) -> StoreResult<u64> {
    tx.exec(
        &KEEP,
        &[
            s.workspace.into(),
            (&s.principal).into(),
            (&s.route).into(),
            (&s.key).into(),
            status.into(),
            answer.into(),
        ],
    )
}

/// Frees a key whose request failed in a way that is worth another try.
pub fn release(tx: &mut Tx<'_>, s: &Scope) -> StoreResult<u64> {
    tx.exec(
        &RELEASE,
        &[
            s.workspace.into(),
            (&s.principal).into(),
            (&s.route).into(),
            (&s.key).into(),
        ],
    )
}

/// Forgets what is older than [`KEPT_MS`] (system function).
pub fn forget(tx: &mut Tx<'_>) -> StoreResult<u64> {
    let before = tx.now().plus(-KEPT_MS);
    tx.exec(&FORGET, &[before.into()])
}
