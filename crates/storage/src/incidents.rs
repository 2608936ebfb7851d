//! Recorded failures of service (spec CORE-2).

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{ConversationId, Ms, WorkspaceId};

/// An incident. `detail` is JSON; `waited` are milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentRow {
    pub id: i64,
    pub conversation: ConversationId,
    pub kind: String,
    pub phase: String,
    pub waited: i64,
    pub detail: String,
    pub at: Ms,
}

statements! {
    INSERT = "insert into incident(workspace, conversation, kind, phase, waited, detail, at, simulated) values ($1, $2, $3, $4, $5, $6, $7,
        coalesce((select c.simulated from conversation as c where c.id = $2 and c.workspace = $1), 0))";
    PAGE = "select id, conversation, kind, phase, waited, detail, at from incident
        where workspace = $1 and id < $2 and at >= $3 and at < $4 and simulated <= $6 order by id desc limit $5";
    COUNT_SINCE = "select count(*) from incident where workspace = $1 and at >= $2 and simulated <= $3";
}

pub fn insert(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    conversation: ConversationId,
    kind: &str,
    phase: &str,
    waited: i64,
    detail: &str,
) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &INSERT,
        &[
            w.into(),
            conversation.into(),
            kind.into(),
            phase.into(),
            waited.into(),
            detail.into(),
            now.into(),
        ],
    )
}

/// The incidents of a workspace before `id` and inside `[from, to)`, newest first; of simulated conversations only when
/// they count.
pub fn page(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    before: i64,
    (from, to): (Ms, Ms),
    limit: i64,
    simulated: bool,
) -> StoreResult<Vec<IncidentRow>> {
    tx.query(
        &PAGE,
        &[
            w.into(),
            before.into(),
            from.into(),
            to.into(),
            limit.into(),
            simulated.into(),
        ],
        |r: &Row<'_>| {
            Ok(IncidentRow {
                id: r.i(0)?,
                conversation: r.id(1)?,
                kind: r.t(2)?,
                phase: r.t(3)?,
                waited: r.i(4)?,
                detail: r.t(5)?,
                at: Ms(r.i(6)?),
            })
        },
    )
}

/// How many there were since an instant; of simulated conversations only when they count.
pub fn count_since(tx: &mut Tx<'_>, w: WorkspaceId, from: Ms, simulated: bool) -> StoreResult<i64> {
    tx.one(&COUNT_SINCE, &[w.into(), from.into(), simulated.into()], |r| r.i(0))
}
