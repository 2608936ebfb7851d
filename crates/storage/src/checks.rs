//! What `ronda doctor` asks about the whole installation (system functions).

use crate::{StoreResult, Tx, statements};
use ronda_domain::{Ms, WorkspaceId};

statements! {
    OWNERLESS = "select w.id, w.name from workspace as w where w.status = 'active' and not exists
        (select 1 from agent as u where u.workspace = w.id and u.role = 'owner' and u.status = 'active') order by w.id";
    FAILED_BODIES = "select count(*) from inbound_journal where failed is not null";
    OLDEST_BODY = "select min(received_at) from inbound_journal where done_at is null and failed is null";
    LATE_ROWS = "select count(*) from outbox where state in ('queued', 'sending') and due_at < $1";
}

/// Active workspaces that nobody owns.
pub fn ownerless(tx: &mut Tx<'_>) -> StoreResult<Vec<(WorkspaceId, String)>> {
    tx.query(&OWNERLESS, &[], |r| Ok((r.id(0)?, r.t(1)?)))
}

/// Received bodies that could not be understood and wait for a person.
pub fn failed_bodies(tx: &mut Tx<'_>) -> StoreResult<i64> {
    tx.one(&FAILED_BODIES, &[], |r| r.i(0))
}

/// When the oldest body was received that nobody has processed yet.
pub fn oldest_body(tx: &mut Tx<'_>) -> StoreResult<Option<Ms>> {
    Ok(tx.one(&OLDEST_BODY, &[], |r| r.oi(0))?.map(Ms))
}

/// Messages that should have been sent before `before` and were not.
pub fn late_rows(tx: &mut Tx<'_>, before: Ms) -> StoreResult<i64> {
    tx.one(&LATE_ROWS, &[before.into()], |r| r.i(0))
}

/// The number of the PostgreSQL server, such as 160004; `None` on SQLite.
pub fn postgres_version(tx: &mut Tx<'_>) -> StoreResult<Option<i64>> {
    if tx.is_sqlite() {
        return Ok(None);
    }
    let text = "select cast(current_setting('server_version_num') as bigint)";
    Ok(tx.query_dynamic(text, &[], |r| r.i(0))?.into_iter().next())
}
