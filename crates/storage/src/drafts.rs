//! What agents have typed and not sent (spec G10).

use crate::{StoreResult, Tx, statements};
use ronda_domain::{AgentId, ConversationId, Ms, WorkspaceId};

/// A draft. `mode` is `reply` or `note`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftRow {
    pub conversation: ConversationId,
    pub mode: String,
    pub body: String,
    pub updated_at: Ms,
}

statements! {
    PUT = "insert into draft(workspace, agent, conversation, mode, body, updated_at) values ($1, $2, $3, $4, $5, $6)
        on conflict (workspace, agent, conversation) do update set mode = excluded.mode, body = excluded.body, updated_at = excluded.updated_at";
    GET = "select conversation, mode, body, updated_at from draft where workspace = $1 and agent = $2 and conversation = $3";
    DROP = "delete from draft where workspace = $1 and agent = $2 and conversation = $3";
    FORGET = "delete from draft where updated_at < $1";
}

pub fn put(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, d: &DraftRow) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &PUT,
        &[
            w.into(),
            agent.into(),
            d.conversation.into(),
            d.mode.as_str().into(),
            d.body.as_str().into(),
            now.into(),
        ],
    )
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, c: ConversationId) -> StoreResult<Option<DraftRow>> {
    tx.opt(&GET, &[w.into(), agent.into(), c.into()], |r| {
        Ok(DraftRow {
            conversation: r.id(0)?,
            mode: r.t(1)?,
            body: r.t(2)?,
            updated_at: Ms(r.i(3)?),
        })
    })
}

pub fn remove(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, c: ConversationId) -> StoreResult<u64> {
    tx.exec(&DROP, &[w.into(), agent.into(), c.into()])
}

/// Removes drafts that nobody has touched since `before` (system function).
pub fn forget(tx: &mut Tx<'_>, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET, &[before.into()])
}
