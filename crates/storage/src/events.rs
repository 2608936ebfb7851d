//! The event log: one dense sequence per workspace, numbered in commit order (architecture.md §9).

use crate::{Row, Rows, StoreResult, Tx, Value, Wake, statements};
use ronda_domain::event::{EventKind, Scope};
use ronda_domain::{ConversationId, Ms, WorkspaceId};
use std::collections::BTreeMap;

statements! {
    /// The row stays locked until commit: numbers are given in commit order, a rollback gives them back.
    TAKE_NUMBERS = "update event_head set seq = seq + $2 where workspace = $1 returning seq";
    INSERT_EVENTS = "insert into event(workspace, seq, at, kind, conversation, scope_before, scope_after, body)
        select cast($7 as bigint), p.seq, cast($8 as bigint), p.kind, p.conversation, p.scope_before, p.scope_after, p.body
        from {rows(seq: i64, kind: text, conversation: i64, scope_before: text, scope_after: text, body: text)} as p";
    EVENTS_AFTER = "select seq, at, kind, conversation, scope_before, scope_after, body from event
        where workspace = $1 and seq > $2 order by seq limit $3";
    HEAD = "select seq from event_head where workspace = $1";
    pub(crate) NEW_HEAD = "insert into event_head(workspace, seq) values ($1, 0)";
    FORGET = "delete from event where workspace = $1 and at < $2";
    FIRST = "select min(seq) from event where workspace = $1";
    HEADS = "select workspace, seq from event_head order by workspace";
}

/// An event as the log keeps it.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    pub seq: i64,
    pub at: Ms,
    pub kind: EventKind,
    pub conversation: Option<ConversationId>,
    pub scope_before: Option<Scope>,
    pub scope_after: Option<Scope>,
    /// JSON text, sent as it is.
    pub body: String,
}

/// Numbers and inserts the events of `tx`: the last statements before commit.
pub(crate) fn flush(tx: &mut Tx<'_>) -> StoreResult<()> {
    if tx.events.is_empty() {
        return Ok(());
    }
    let events = std::mem::take(&mut tx.events);
    let now = tx.now();
    // Several workspaces in id order, as every lock on several rows.
    let mut by_workspace: BTreeMap<WorkspaceId, Vec<_>> = BTreeMap::new();
    for event in events {
        by_workspace.entry(event.workspace).or_default().push(event);
    }
    for (workspace, events) in by_workspace {
        let n = events.len() as i64;
        let head = tx.one(&TAKE_NUMBERS, &[workspace.into(), n.into()], |r| r.i(0))?;
        let mut rows = Rows::new();
        for (i, e) in events.into_iter().enumerate() {
            rows.push([
                (head - n + 1 + i as i64).into(),
                e.kind.as_str().into(),
                e.conversation.into(),
                e.scope_before.map(|s| Value::json(&s)).into(),
                e.scope_after.map(|s| Value::json(&s)).into(),
                e.body.into(),
            ]);
        }
        tx.batch(&INSERT_EVENTS, &rows, &[workspace.into(), now.into()])?;
        tx.wake(Wake::Events { workspace, head });
    }
    Ok(())
}

/// The number of the last committed event of a workspace; 0 before the first.
pub fn head(tx: &mut Tx<'_>, workspace: WorkspaceId) -> StoreResult<i64> {
    Ok(tx.opt(&HEAD, &[workspace.into()], |r| r.i(0))?.unwrap_or(0))
}

/// The heads of all workspaces (system function: the relay of a node polls it).
pub fn heads(tx: &mut Tx<'_>) -> StoreResult<Vec<(WorkspaceId, i64)>> {
    tx.query(&HEADS, &[], |r| Ok((r.id(0)?, r.i(1)?)))
}

/// The events after `seq`, oldest first, at most `limit`.
pub fn events_after(tx: &mut Tx<'_>, workspace: WorkspaceId, seq: i64, limit: i64) -> StoreResult<Vec<StoredEvent>> {
    tx.query(&EVENTS_AFTER, &[workspace.into(), seq.into(), limit.into()], read)
}

/// The oldest number still kept; `None` for an empty log.
pub fn first(tx: &mut Tx<'_>, workspace: WorkspaceId) -> StoreResult<Option<i64>> {
    tx.one(&FIRST, &[workspace.into()], |r| r.oi(0))
}

/// Forgets the events older than `before`.
pub fn forget(tx: &mut Tx<'_>, workspace: WorkspaceId, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET, &[workspace.into(), before.into()])
}

fn read(r: &Row<'_>) -> StoreResult<StoredEvent> {
    let scope = |text: Option<String>| text.and_then(|t| serde_json::from_str(&t).ok());
    Ok(StoredEvent {
        seq: r.i(0)?,
        at: Ms(r.i(1)?),
        kind: r.word(2, EventKind::parse, "event.kind")?,
        conversation: r.oid(3)?,
        scope_before: scope(r.ot(4)?),
        scope_after: scope(r.ot(5)?),
        body: r.t(6)?,
    })
}
