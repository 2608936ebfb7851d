//! Who changed what, when, from where. Rows are only ever added.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{AgentId, Ms, WorkspaceId};

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    pub id: i64,
    pub at: Ms,
    pub actor: Option<AgentId>,
    pub actor_name: String,
    pub ip: String,
    pub action: String,
    pub object: String,
    pub object_id: String,
    /// JSON, secrets left out.
    pub before: Option<String>,
    pub after: Option<String>,
}

statements! {
    INSERT = "insert into audit_entry(workspace, at, actor, actor_name, ip, action, object, object_id, before, after)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    PAGE = "select id, at, actor, actor_name, ip, action, object, object_id, before, after from audit_entry
        where workspace = $1 and id < $2 and ($3 = '' or object = $3) and ($4 = 0 or actor = $4) and at >= $5 and at < $6
        order by id desc limit $7";
}

fn read(r: &Row<'_>) -> StoreResult<AuditRow> {
    Ok(AuditRow {
        id: r.i(0)?,
        at: Ms(r.i(1)?),
        actor: r.oid(2)?,
        actor_name: r.t(3)?,
        ip: r.t(4)?,
        action: r.t(5)?,
        object: r.t(6)?,
        object_id: r.t(7)?,
        before: r.ot(8)?,
        after: r.ot(9)?,
    })
}

/// What is recorded of a change.
#[derive(Clone, Debug, Default)]
pub struct NewAudit<'a> {
    pub actor: Option<AgentId>,
    pub actor_name: &'a str,
    pub ip: &'a str,
    pub action: &'a str,
    pub object: &'a str,
    pub object_id: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, a: &NewAudit<'_>) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &INSERT,
        &[
            w.into(),
            now.into(),
            a.actor.into(),
            a.actor_name.into(),
            a.ip.into(),
            a.action.into(),
            a.object.into(),
            (&a.object_id).into(),
            a.before.as_deref().into(),
            a.after.as_deref().into(),
        ],
    )
}

/// Which entries are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Empty for all.
    pub object: String,
    pub actor: Option<AgentId>,
    /// Inclusive.
    pub from: Ms,
    /// Exclusive.
    pub to: Ms,
}

/// Entries before id `before`, newest first.
pub fn page(tx: &mut Tx<'_>, w: WorkspaceId, wanted: &Wanted, before: i64, limit: i64) -> StoreResult<Vec<AuditRow>> {
    let actor = wanted.actor.map_or(0, |a| a.0);
    tx.query(
        &PAGE,
        &[
            w.into(),
            before.into(),
            (&wanted.object).into(),
            actor.into(),
            wanted.from.into(),
            wanted.to.into(),
            limit.into(),
        ],
        read,
    )
}
