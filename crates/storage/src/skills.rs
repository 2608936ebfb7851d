//! What agents can do and conversations ask for: languages, subjects (routing row 72).

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{Ms, SkillId, WorkspaceId};

/// A skill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillRow {
    pub id: SkillId,
    pub workspace: WorkspaceId,
    pub name: String,
    /// The name as uniqueness is judged: without case and accents.
    pub name_key: String,
    pub version: i64,
    pub created_at: Ms,
}

macro_rules! columns {
    () => {
        "select id, workspace, name, name_key, version, created_at from skill"
    };
}

statements! {
    INSERT = "insert into skill(workspace, name, name_key, created_at) values ($1, $2, $3, $4) returning id";
    GET = concat!(columns!(), " where workspace = $1 and id = $2 and deleted_at is null");
    OF_WORKSPACE = concat!(columns!(), " where workspace = $1 and deleted_at is null and id > $2 order by id limit $3");
    UPDATE = "update skill set name = $3, name_key = $4, version = version + 1
        where workspace = $1 and id = $2 and version = $5 and deleted_at is null";
    DELETE = "update skill set deleted_at = $3, version = version + 1 where workspace = $1 and id = $2 and deleted_at is null";
    NAMES = "select id, name from skill where workspace = $1 order by id";
}

fn read(r: &Row<'_>) -> StoreResult<SkillRow> {
    Ok(SkillRow {
        id: r.id(0)?,
        workspace: r.id(1)?,
        name: r.t(2)?,
        name_key: r.t(3)?,
        version: r.i(4)?,
        created_at: Ms(r.i(5)?),
    })
}

/// # Errors
/// [`crate::StoreError::Constraint`] when the name is taken.
pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, name: &str, name_key: &str) -> StoreResult<SkillId> {
    let now = tx.now();
    tx.one(&INSERT, &[w.into(), name.into(), name_key.into(), now.into()], |r| {
        r.id(0)
    })
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: SkillId) -> StoreResult<Option<SkillRow>> {
    tx.opt(&GET, &[w.into(), id.into()], read)
}

/// The skills after id `after`, at most `limit`.
pub fn page(tx: &mut Tx<'_>, w: WorkspaceId, after: i64, limit: i64) -> StoreResult<Vec<SkillRow>> {
    tx.query(&OF_WORKSPACE, &[w.into(), after.into(), limit.into()], read)
}

/// Writes the name, guarded by the version in `s`. Number of rows changed.
///
/// # Errors
/// [`crate::StoreError::Constraint`] when the name is taken.
pub fn update(tx: &mut Tx<'_>, s: &SkillRow) -> StoreResult<u64> {
    tx.exec(
        &UPDATE,
        &[
            s.workspace.into(),
            s.id.into(),
            (&s.name).into(),
            (&s.name_key).into(),
            s.version.into(),
        ],
    )
}

/// Nobody asks for it any more; its name stays for what was recorded.
pub fn delete(tx: &mut Tx<'_>, w: WorkspaceId, id: SkillId) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&DELETE, &[w.into(), id.into(), now.into()])
}

/// The names of all there ever were.
pub fn names(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<(SkillId, String)>> {
    tx.query(&NAMES, &[w.into()], |r| Ok((r.id(0)?, r.t(1)?)))
}
