//! Things to do at a time: one row per kind and subject (T10).

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{Ms, WorkspaceId};

/// A due timer. What `subject` is depends on the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerRow {
    pub kind: String,
    pub subject: i64,
    pub workspace: WorkspaceId,
    pub epoch: i64,
    pub due_at: Ms,
    pub attempts: i64,
}

statements! {
    PUT = "insert into timer(kind, subject, workspace, epoch, due_at) values ($2, $3, $1, $4, $5)
        on conflict (kind, subject) do update set epoch = excluded.epoch, due_at = excluded.due_at, attempts = 0, error = null";
    DUE = "select kind, subject, workspace, epoch, due_at, attempts from timer where due_at <= $1 and attempts < $3 order by due_at limit $2";
    DROP = "delete from timer where workspace = $1 and kind = $2 and subject = $3";
    AGAIN = "update timer set attempts = attempts + 1, due_at = $4, error = $5 where workspace = $1 and kind = $2 and subject = $3";
    NEXT = "select min(due_at) from timer where attempts < $1";
}

fn read(r: &Row<'_>) -> StoreResult<TimerRow> {
    Ok(TimerRow {
        kind: r.t(0)?,
        subject: r.i(1)?,
        workspace: r.id(2)?,
        epoch: r.i(3)?,
        due_at: Ms(r.i(4)?),
        attempts: r.i(5)?,
    })
}

/// Failed attempts after which a timer is left alone and shown. Source: architecture.md §8, T10.
pub const MOST_ATTEMPTS: i64 = 8;

pub fn put(tx: &mut Tx<'_>, w: WorkspaceId, kind: &str, subject: i64, epoch: i64, due_at: Ms) -> StoreResult<u64> {
    tx.wake(crate::Wake::Timers);
    tx.exec(
        &PUT,
        &[w.into(), kind.into(), subject.into(), epoch.into(), due_at.into()],
    )
}

/// The due timers, oldest first (system function).
pub fn due(tx: &mut Tx<'_>, limit: i64) -> StoreResult<Vec<TimerRow>> {
    let now = tx.now();
    tx.query(&DUE, &[now.into(), limit.into(), MOST_ATTEMPTS.into()], read)
}

pub fn remove(tx: &mut Tx<'_>, w: WorkspaceId, kind: &str, subject: i64) -> StoreResult<u64> {
    tx.exec(&DROP, &[w.into(), kind.into(), subject.into()])
}

/// Counts a failed attempt and tries again later.
pub fn again(tx: &mut Tx<'_>, t: &TimerRow, due_at: Ms, error: &str) -> StoreResult<u64> {
    tx.exec(
        &AGAIN,
        &[
            t.workspace.into(),
            t.kind.as_str().into(),
            t.subject.into(),
            due_at.into(),
            error.into(),
        ],
    )
}

/// When the next timer is due (system function).
pub fn next(tx: &mut Tx<'_>) -> StoreResult<Option<Ms>> {
    tx.one(&NEXT, &[MOST_ATTEMPTS.into()], |r| Ok(r.oi(0)?.map(Ms)))
}
