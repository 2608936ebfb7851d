//! The processes that serve an installation over PostgreSQL, and what one of them does for all (system functions).

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::Ms;

/// A process of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// The name under which it holds leases and duties.
    pub id: String,
    /// As configured: `http`, `workers` or both.
    pub roles: String,
    pub version: String,
    /// The name of its key of the secrets.
    pub secret_key: String,
    pub started_at: Ms,
    pub seen_at: Ms,
}

/// What one node does for all, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DutyRow {
    pub name: String,
    /// Empty: nobody does it.
    pub owner: String,
    pub epoch: i64,
    pub until: Ms,
}

statements! {
    JOIN = "insert into node(id, roles, version, secret_key, started_at, seen_at) values ($1, $2, $3, $4, $5, $5)
        on conflict (id) do update set roles = excluded.roles, version = excluded.version, secret_key = excluded.secret_key,
          started_at = excluded.started_at, seen_at = excluded.seen_at";
    SEEN = "update node set seen_at = $2 where id = $1";
    LEAVE = "delete from node where id = $1";
    FORGET = "delete from node where seen_at < $1";
    NODES = "select id, roles, version, secret_key, started_at, seen_at from node order by started_at, id";
    NEW_DUTY = "insert into duty(name) values ($1) on conflict (name) do nothing";
    DUTIES = "select name, owner, epoch, until from duty order by name";
    TAKE_DUTY = "update duty set owner = $2, epoch = epoch + 1, until = $3
        where name = $1 and (owner = $2 or owner = '' or (epoch = $4 and until = $5)) returning epoch";
    RENEW_DUTIES = "update duty set until = $2 where owner = $1 returning name";
    RELEASE_DUTIES = "update duty set owner = '', until = $2 where owner = $1";
}

/// Writes a process down, in place of one that had its name.
pub fn join(tx: &mut Tx<'_>, n: &NodeRow) -> StoreResult<u64> {
    tx.exec(
        &JOIN,
        &[
            n.id.as_str().into(),
            n.roles.as_str().into(),
            n.version.as_str().into(),
            n.secret_key.as_str().into(),
            n.started_at.into(),
        ],
    )
}

/// The process lives; 0 when its row is gone.
pub fn seen(tx: &mut Tx<'_>, id: &str) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&SEEN, &[id.into(), now.into()])
}

pub fn leave(tx: &mut Tx<'_>, id: &str) -> StoreResult<u64> {
    tx.exec(&LEAVE, &[id.into()])
}

/// Removes processes that were not seen since `before`.
pub fn forget(tx: &mut Tx<'_>, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET, &[before.into()])
}

pub fn all(tx: &mut Tx<'_>) -> StoreResult<Vec<NodeRow>> {
    tx.query(&NODES, &[], |r: &Row<'_>| {
        Ok(NodeRow {
            id: r.t(0)?,
            roles: r.t(1)?,
            version: r.t(2)?,
            secret_key: r.t(3)?,
            started_at: Ms(r.i(4)?),
            seen_at: Ms(r.i(5)?),
        })
    })
}

/// Makes sure that a duty has a row.
pub fn new_duty(tx: &mut Tx<'_>, name: &str) -> StoreResult<u64> {
    tx.exec(&NEW_DUTY, &[name.into()])
}

pub fn duties(tx: &mut Tx<'_>) -> StoreResult<Vec<DutyRow>> {
    tx.query(&DUTIES, &[], |r: &Row<'_>| {
        Ok(DutyRow {
            name: r.t(0)?,
            owner: r.t(1)?,
            epoch: r.i(2)?,
            until: Ms(r.i(3)?),
        })
    })
}

/// Takes a duty that is free, already ours, or still as in `seen`, which the caller found unchanged for longer than a
/// lease lasts; its new epoch.
pub fn take_duty(tx: &mut Tx<'_>, seen: &DutyRow, node: &str, until: Ms) -> StoreResult<Option<i64>> {
    let values = [
        seen.name.as_str().into(),
        node.into(),
        until.into(),
        seen.epoch.into(),
        seen.until.into(),
    ];
    tx.opt(&TAKE_DUTY, &values, |r| r.i(0))
}

/// Renews the duties of a node; their names.
pub fn renew_duties(tx: &mut Tx<'_>, node: &str, until: Ms) -> StoreResult<Vec<String>> {
    tx.query(&RENEW_DUTIES, &[node.into(), until.into()], |r| r.t(0))
}

/// Gives the duties of a node away.
pub fn release_duties(tx: &mut Tx<'_>, node: &str) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&RELEASE_DUTIES, &[node.into(), now.into()])
}
