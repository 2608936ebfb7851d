//! Business hours and what is said outside of them: of the workspace, of channel accounts and of groups. And the open
//! spans that the planner knows, which it alone writes.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{Ms, WorkspaceId};

/// Whose they are: a word and an id, 0 for the workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeKey {
    /// `workspace`, `channel`, `group`.
    pub kind: String,
    pub id: i64,
}

/// The hours of one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct HoursRow {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub scope: ScopeKey,
    /// None: the zone of the workspace.
    pub zone: Option<String>,
    /// JSON of the week and its exceptions.
    pub body: String,
    /// When a change closed what had been open: a closed period begins there.
    pub closed_at: Option<Ms>,
    pub version: i64,
}

/// What is said outside the hours of one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    pub id: i64,
    pub scope: ScopeKey,
    /// JSON of the message and its options.
    pub body: String,
    pub version: i64,
}

statements! {
    ALL = "select id, workspace, scope, scope_id, zone, body, closed_at, version from business_hours where workspace = $1 order by scope, scope_id";
    EVERYWHERE = "select id, workspace, scope, scope_id, zone, body, closed_at, version from business_hours order by id";
    BY_ID = "select id, workspace, scope, scope_id, zone, body, closed_at, version from business_hours where workspace = $1 and id = $2";
    INSERT = "insert into business_hours(workspace, scope, scope_id, zone, body, closed_at) values ($1, $2, $3, $4, $5, $6)
        on conflict (workspace, scope, scope_id) do nothing returning id";
    UPDATE = "update business_hours set zone = $3, body = $4, closed_at = $5, version = version + 1
        where workspace = $1 and id = $2 and version = $6";
    DELETE = "delete from business_hours where workspace = $1 and scope = $2 and scope_id = $3";
    MESSAGES = "select id, scope, scope_id, body, version from after_hours_message where workspace = $1 order by scope, scope_id";
    INSERT_MESSAGE = "insert into after_hours_message(workspace, scope, scope_id, body) values ($1, $2, $3, $4)
        on conflict (workspace, scope, scope_id) do nothing returning id";
    UPDATE_MESSAGE = "update after_hours_message set body = $3, version = version + 1 where workspace = $1 and id = $2 and version = $4";
    DELETE_MESSAGE = "delete from after_hours_message where workspace = $1 and scope = $2 and scope_id = $3";
    OPEN = "select scope, scope_id, spans from open_hours where workspace = $1";
    PUT_OPEN = "insert into open_hours(workspace, scope, scope_id, spans) values ($1, $2, $3, $4)
        on conflict (workspace, scope, scope_id) do update set spans = excluded.spans";
    DROP_OPEN = "delete from open_hours where workspace = $1 and scope = $2 and scope_id = $3";
}

fn read(r: &Row<'_>) -> StoreResult<HoursRow> {
    Ok(HoursRow {
        id: r.i(0)?,
        workspace: r.id(1)?,
        scope: ScopeKey {
            kind: r.t(2)?,
            id: r.i(3)?,
        },
        zone: r.ot(4)?,
        body: r.t(5)?,
        closed_at: r.oi(6)?.map(Ms),
        version: r.i(7)?,
    })
}

/// The hours of every scope of a workspace that has its own.
pub fn all(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<HoursRow>> {
    tx.query(&ALL, &[w.into()], read)
}

/// The hours of all workspaces (system function).
pub fn everywhere(tx: &mut Tx<'_>) -> StoreResult<Vec<HoursRow>> {
    tx.query(&EVERYWHERE, &[], read)
}

pub fn by_id(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<Option<HoursRow>> {
    tx.opt(&BY_ID, &[w.into(), id.into()], read)
}

/// The hours of a scope that had none; none when it got some meanwhile. `id` and `version` of `row` are not looked at.
pub fn insert(tx: &mut Tx<'_>, row: &HoursRow) -> StoreResult<Option<i64>> {
    tx.opt(
        &INSERT,
        &[
            row.workspace.into(),
            (&row.scope.kind).into(),
            row.scope.id.into(),
            row.zone.as_deref().into(),
            (&row.body).into(),
            row.closed_at.into(),
        ],
        |r| r.i(0),
    )
}

/// Writes what people edit, guarded by the version in `row`. Number of rows changed.
pub fn update(tx: &mut Tx<'_>, row: &HoursRow) -> StoreResult<u64> {
    tx.exec(
        &UPDATE,
        &[
            row.workspace.into(),
            row.id.into(),
            row.zone.as_deref().into(),
            (&row.body).into(),
            row.closed_at.into(),
            row.version.into(),
        ],
    )
}

/// The scope has no hours of its own any more. Number of rows changed.
pub fn delete(tx: &mut Tx<'_>, w: WorkspaceId, scope: &ScopeKey) -> StoreResult<u64> {
    tx.exec(&DELETE, &[w.into(), (&scope.kind).into(), scope.id.into()])
}

/// What is said outside the hours of every scope that has its own.
pub fn messages(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<MessageRow>> {
    tx.query(&MESSAGES, &[w.into()], |r| {
        Ok(MessageRow {
            id: r.i(0)?,
            scope: ScopeKey {
                kind: r.t(1)?,
                id: r.i(2)?,
            },
            body: r.t(3)?,
            version: r.i(4)?,
        })
    })
}

/// The message of a scope that had none; none when it got one meanwhile.
pub fn insert_message(tx: &mut Tx<'_>, w: WorkspaceId, scope: &ScopeKey, body: &str) -> StoreResult<Option<i64>> {
    tx.opt(
        &INSERT_MESSAGE,
        &[w.into(), (&scope.kind).into(), scope.id.into(), body.into()],
        |r| r.i(0),
    )
}

/// Writes what people edit, guarded by the version. Number of rows changed.
pub fn update_message(tx: &mut Tx<'_>, w: WorkspaceId, id: i64, body: &str, version: i64) -> StoreResult<u64> {
    tx.exec(&UPDATE_MESSAGE, &[w.into(), id.into(), body.into(), version.into()])
}

/// The scope says nothing of its own any more. Number of rows changed.
pub fn delete_message(tx: &mut Tx<'_>, w: WorkspaceId, scope: &ScopeKey) -> StoreResult<u64> {
    tx.exec(&DELETE_MESSAGE, &[w.into(), (&scope.kind).into(), scope.id.into()])
}

/// The open spans the planner knows, as JSON by scope.
pub fn open(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<(ScopeKey, String)>> {
    tx.query(&OPEN, &[w.into()], |r| {
        let scope = ScopeKey {
            kind: r.t(0)?,
            id: r.i(1)?,
        };
        Ok((scope, r.t(2)?))
    })
}

/// The planner has taken up the spans of a scope (T4); none: it inherits.
pub fn set_open(tx: &mut Tx<'_>, w: WorkspaceId, scope: &ScopeKey, spans: Option<&str>) -> StoreResult<u64> {
    match spans {
        Some(spans) => tx.exec(
            &PUT_OPEN,
            &[w.into(), (&scope.kind).into(), scope.id.into(), spans.into()],
        ),
        None => tx.exec(&DROP_OPEN, &[w.into(), (&scope.kind).into(), scope.id.into()]),
    }
}
