//! Things people should act on, each told once.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{AgentId, ConversationId, Ms, WorkspaceId};

/// An alert. `detail` is JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRow {
    pub id: i64,
    pub kind: String,
    pub conversation: Option<ConversationId>,
    pub agent: Option<AgentId>,
    pub detail: String,
    pub at: Ms,
}

statements! {
    INSERT = "insert into alert(workspace, kind, key, conversation, agent, detail, at) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (workspace, key) do nothing returning id";
    PAGE = "select id, kind, conversation, agent, detail, at from alert
        where workspace = $1 and id < $2 and ($3 = 0 or agent = $3) order by id desc limit $4";
    FORGET = "delete from alert where at < $1";
}

/// An alert about to be told.
#[derive(Clone, Debug)]
pub struct NewAlert<'a> {
    pub kind: &'a str,
    /// The same thing has the same key.
    pub key: &'a str,
    pub conversation: Option<ConversationId>,
    pub agent: Option<AgentId>,
    pub detail: &'a str,
}

/// None when it was told before.
pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, a: &NewAlert<'_>) -> StoreResult<Option<i64>> {
    let now = tx.now();
    tx.opt(
        &INSERT,
        &[
            w.into(),
            a.kind.into(),
            a.key.into(),
            a.conversation.into(),
            a.agent.into(),
            a.detail.into(),
            now.into(),
        ],
        |r| r.i(0),
    )
}

/// The alerts of a workspace before `id`, newest first: those about one agent, or all.
pub fn page(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    agent: Option<AgentId>,
    before: i64,
    limit: i64,
) -> StoreResult<Vec<AlertRow>> {
    let agent = agent.map_or(0, |a| a.0);
    tx.query(
        &PAGE,
        &[w.into(), before.into(), agent.into(), limit.into()],
        |r: &Row<'_>| {
            Ok(AlertRow {
                id: r.i(0)?,
                kind: r.t(1)?,
                conversation: r.oid(2)?,
                agent: r.oid(3)?,
                detail: r.t(4)?,
                at: Ms(r.i(5)?),
            })
        },
    )
}

/// Removes what is old in every workspace (system function).
pub fn forget(tx: &mut Tx<'_>, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET, &[before.into()])
}
