//! Links to the live wall for screens in the room.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{AgentId, Ms, WorkspaceId};

/// A link. The token itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WallLinkRow {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub name: String,
    /// Agents are shown by name.
    pub names: bool,
    pub created_by: Option<AgentId>,
    pub created_at: Ms,
}

macro_rules! columns {
    () => {
        "select id, workspace, name, names, created_by, created_at from wall_link"
    };
}

statements! {
    INSERT = "insert into wall_link(workspace, name, token_hash, names, created_by, created_at) values ($1, $2, $3, $4, $5, $6) returning id";
    OF_WORKSPACE = concat!(columns!(), " where workspace = $1 order by id limit $2");
    GET = concat!(columns!(), " where workspace = $1 and id = $2");
    BY_TOKEN = "select l.id, l.workspace, l.name, l.names, l.created_by, l.created_at from wall_link as l, workspace as w
        where l.token_hash = $1 and w.id = l.workspace and w.status = 'active'";
    DELETE = "delete from wall_link where workspace = $1 and id = $2";
}

fn read(r: &Row<'_>) -> StoreResult<WallLinkRow> {
    Ok(WallLinkRow {
        id: r.i(0)?,
        workspace: r.id(1)?,
        name: r.t(2)?,
        names: r.b(3)?,
        created_by: r.oid(4)?,
        created_at: Ms(r.i(5)?),
    })
}

pub fn insert(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    name: &str,
    token_hash: &str,
    names: bool,
    by: AgentId,
) -> StoreResult<i64> {
    let now = tx.now();
    tx.one(
        &INSERT,
        &[
            w.into(),
            name.into(),
            token_hash.into(),
            i64::from(names).into(),
            by.into(),
            now.into(),
        ],
        |r| r.i(0),
    )
}

pub fn of_workspace(tx: &mut Tx<'_>, w: WorkspaceId, limit: i64) -> StoreResult<Vec<WallLinkRow>> {
    tx.query(&OF_WORKSPACE, &[w.into(), limit.into()], read)
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<Option<WallLinkRow>> {
    tx.opt(&GET, &[w.into(), id.into()], read)
}

/// The link of a token, in whatever workspace (system function: the token is the right).
pub fn by_token(tx: &mut Tx<'_>, token_hash: &str) -> StoreResult<Option<WallLinkRow>> {
    tx.opt(&BY_TOKEN, &[token_hash.into()], read)
}

pub fn delete(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<u64> {
    tx.exec(&DELETE, &[w.into(), id.into()])
}
