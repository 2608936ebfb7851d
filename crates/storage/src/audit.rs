//! Who changed what, when, from where. Rows are only ever added; each carries a hash over itself and the row before, so
//! that a row that was altered or taken away later is found.

use crate::{Row, StoreResult, Tx, Value, statements};
use ronda_domain::{AgentId, Ms, WorkspaceId};
use sha2::{Digest, Sha256};

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
    INSERT = "insert into audit_entry(workspace, at, actor, actor_name, ip, action, object, object_id, before, after, hash)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    // Changes nothing: it locks the head, so that two writers cannot follow the same row.
    LOCK_HEAD = "insert into audit_head(workspace, hash) values ($1, '')
        on conflict (workspace) do update set workspace = excluded.workspace returning hash";
    SET_HEAD = "update audit_head set hash = $2 where workspace = $1";
    HEAD = "select hash from audit_head where workspace = $1";
    CHAIN = "select id, at, actor, actor_name, ip, action, object, object_id, before, after, hash from audit_entry
        where workspace = $1 and id > $2 order by id limit $3";
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

/// Adds an entry to the chain of its workspace. Take no other lock after it but the event head's.
pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, a: &NewAudit<'_>) -> StoreResult<u64> {
    let now = tx.now();
    let before: String = tx.one(&LOCK_HEAD, &[w.into()], |r| r.t(0))?;
    let hash = link(
        &before,
        &[
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
    );
    tx.exec(&SET_HEAD, &[w.into(), (&hash).into()])?;
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
            (&hash).into(),
        ],
    )
}

/// The hash over a row and the one before. Every value says its kind and length, so that no two rows read the same.
pub(crate) fn link(before: &str, values: &[Value]) -> String {
    let mut hash = Sha256::new();
    let mut part = |kind: u8, bytes: &[u8]| {
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(b't', before.as_bytes());
    for value in values {
        match value {
            Value::Null => part(b'n', &[]),
            Value::Int(i) => part(b'i', &i.to_be_bytes()),
            Value::Text(text) => part(b't', text.as_bytes()),
            Value::Bytes(bytes) => part(b'b', bytes),
        }
    }
    hex::encode(hash.finalize())
}

/// What became of the chain of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    Whole {
        entries: u64,
    },
    /// This entry was altered, or the one before it was taken away.
    BrokenAt(i64),
    /// The newest entries were taken away.
    Cut,
}

/// Reads the whole chain of a workspace.
pub fn verify(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Chain> {
    const AT_ONCE: i64 = 1_000;
    let (mut hash, mut last, mut entries) = (String::new(), 0, 0);
    loop {
        let rows = tx.query(&CHAIN, &[w.into(), last.into(), AT_ONCE.into()], |r| {
            Ok((read(r)?, r.t(10)?))
        })?;
        if rows.is_empty() {
            break;
        }
        for (e, kept) in rows {
            let values: [Value; 9] = [
                e.at.into(),
                e.actor.into(),
                e.actor_name.as_str().into(),
                e.ip.as_str().into(),
                e.action.as_str().into(),
                e.object.as_str().into(),
                e.object_id.as_str().into(),
                e.before.as_deref().into(),
                e.after.as_deref().into(),
            ];
            hash = link(&hash, &values);
            if hash != kept {
                return Ok(Chain::BrokenAt(e.id));
            }
            (last, entries) = (e.id, entries + 1);
        }
    }
    let head = tx.opt(&HEAD, &[w.into()], |r| r.t(0))?.unwrap_or_default();
    Ok(if head == hash {
        Chain::Whole { entries }
    } else {
        Chain::Cut
    })
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
