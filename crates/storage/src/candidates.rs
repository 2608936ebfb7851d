//! Policies that are saved and not in force: they wait for their time, or plan in the shadow of the live one.

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::{AgentId, ConversationId, Ms, WorkspaceId};

/// A candidate. The texts are JSON of the routing crate and the API.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateRow {
    pub id: i64,
    /// `scheduled`, `proposed` or `shadow`.
    pub kind: String,
    pub body: String,
    pub groups: String,
    pub tests: String,
    pub reach: String,
    pub note: String,
    /// The version that was edited.
    pub based_on: i64,
    pub author: Option<AgentId>,
    pub activates_at: Option<Ms>,
    /// Its author said yes to what was found.
    pub confirmed: bool,
    pub created_at: Ms,
    /// What the shadow has counted.
    pub counts: String,
    /// Why it was not put in force.
    pub failed: Option<String>,
    /// The second person who said yes or no, and their words.
    pub decided_by: Option<AgentId>,
    pub decision_note: String,
}

/// Where a shadow decided otherwise than the live policy.
#[derive(Clone, Debug, PartialEq)]
pub struct DifferenceRow {
    pub id: i64,
    pub at: Ms,
    pub conversation: Option<ConversationId>,
    pub live_act: Option<String>,
    pub live_agent: Option<AgentId>,
    pub shadow_act: Option<String>,
    pub shadow_agent: Option<AgentId>,
}

statements! {
    LIST = "select id, kind, body, groups, tests, reach, note, based_on, author, activates_at, confirmed, created_at, counts, failed,
          decided_by, decision_note from routing_candidate where workspace = $1 order by id";
    ONE = "select id, kind, body, groups, tests, reach, note, based_on, author, activates_at, confirmed, created_at, counts, failed,
          decided_by, decision_note from routing_candidate where workspace = $1 and id = $2";
    INSERT = "insert into routing_candidate(workspace, kind, body, groups, tests, reach, note, based_on, author, activates_at, confirmed, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning id";
    DROP = "delete from routing_candidate where workspace = $1 and id = $2";
    COUNT = "update routing_candidate set counts = $3 where workspace = $1 and id = $2";
    DECIDE = "update routing_candidate set decided_by = $3, decision_note = $4, failed = $5
        where workspace = $1 and id = $2 and decided_by is null and failed is null";
    FAIL = "update routing_candidate set failed = $3 where workspace = $1 and id = $2";
    INSERT_DIFFERENCES = "insert into routing_difference(workspace, candidate, at, conversation, live_act, live_agent, shadow_act, shadow_agent)
        select cast($7 as bigint), cast($8 as bigint), p.at, p.conversation, p.live_act, p.live_agent, p.shadow_act, p.shadow_agent
        from {rows(at: i64, conversation: i64, live_act: text, live_agent: i64, shadow_act: text, shadow_agent: i64)} as p";
    DIFFERENCES = "select id, at, conversation, live_act, live_agent, shadow_act, shadow_agent from routing_difference
        where workspace = $1 and candidate = $2 and id < $3 order by id desc limit $4";
    DROP_DIFFERENCES = "delete from routing_difference where workspace = $1 and candidate = $2";
    TRIM_DIFFERENCES = "delete from routing_difference where workspace = $1 and candidate = $2 and id <= $3";
}

fn read(r: &Row<'_>) -> StoreResult<CandidateRow> {
    Ok(CandidateRow {
        id: r.i(0)?,
        kind: r.t(1)?,
        body: r.t(2)?,
        groups: r.t(3)?,
        tests: r.t(4)?,
        reach: r.t(5)?,
        note: r.t(6)?,
        based_on: r.i(7)?,
        author: r.oid(8)?,
        activates_at: r.oi(9)?.map(Ms),
        confirmed: r.i(10)? != 0,
        created_at: Ms(r.i(11)?),
        counts: r.t(12)?,
        failed: r.ot(13)?,
        decided_by: r.oid(14)?,
        decision_note: r.t(15)?,
    })
}

pub fn list(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<CandidateRow>> {
    tx.query(&LIST, &[w.into()], read)
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<Option<CandidateRow>> {
    tx.opt(&ONE, &[w.into(), id.into()], read)
}

/// Adds a candidate; `id`, `created_at`, `counts`, `failed` and what was decided of the row are not read.
pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, c: &CandidateRow) -> StoreResult<i64> {
    let now = tx.now();
    tx.one(
        &INSERT,
        &[
            w.into(),
            c.kind.as_str().into(),
            c.body.as_str().into(),
            c.groups.as_str().into(),
            c.tests.as_str().into(),
            c.reach.as_str().into(),
            c.note.as_str().into(),
            c.based_on.into(),
            c.author.into(),
            c.activates_at.into(),
            c.confirmed.into(),
            now.into(),
        ],
        |r| r.i(0),
    )
}

/// Removes a candidate with its differences; the number of candidates removed.
pub fn remove(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<u64> {
    tx.exec(&DROP_DIFFERENCES, &[w.into(), id.into()])?;
    tx.exec(&DROP, &[w.into(), id.into()])
}

/// A second person says yes, or why not (`failed`). Number of rows changed: 0 when somebody was faster.
pub fn decide(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: i64,
    by: AgentId,
    note: &str,
    failed: Option<&str>,
) -> StoreResult<u64> {
    tx.exec(&DECIDE, &[w.into(), id.into(), by.into(), note.into(), failed.into()])
}

pub fn set_counts(tx: &mut Tx<'_>, w: WorkspaceId, id: i64, counts: &str) -> StoreResult<u64> {
    tx.exec(&COUNT, &[w.into(), id.into(), counts.into()])
}

pub fn set_failed(tx: &mut Tx<'_>, w: WorkspaceId, id: i64, why: &str) -> StoreResult<u64> {
    tx.exec(&FAIL, &[w.into(), id.into(), why.into()])
}

/// Differences that are kept of a candidate: the newest.
pub const KEPT: i64 = 2_000;

/// Adds differences and forgets the oldest beyond [`KEPT`].
pub fn insert_differences(tx: &mut Tx<'_>, w: WorkspaceId, candidate: i64, all: &[DifferenceRow]) -> StoreResult<()> {
    let mut rows = Rows::new();
    for d in all {
        rows.push([
            d.at.into(),
            d.conversation.into(),
            d.live_act.clone().into(),
            d.live_agent.into(),
            d.shadow_act.clone().into(),
            d.shadow_agent.into(),
        ]);
    }
    tx.batch(&INSERT_DIFFERENCES, &rows, &[w.into(), candidate.into()])?;
    if let Some(oldest) = differences(tx, w, candidate, i64::MAX, KEPT + 1)?.get(KEPT as usize) {
        tx.exec(&TRIM_DIFFERENCES, &[w.into(), candidate.into(), oldest.id.into()])?;
    }
    Ok(())
}

/// Below `before`, newest first.
pub fn differences(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    candidate: i64,
    before: i64,
    limit: i64,
) -> StoreResult<Vec<DifferenceRow>> {
    tx.query(
        &DIFFERENCES,
        &[w.into(), candidate.into(), before.into(), limit.into()],
        |r| {
            Ok(DifferenceRow {
                id: r.i(0)?,
                at: Ms(r.i(1)?),
                conversation: r.oid(2)?,
                live_act: r.ot(3)?,
                live_agent: r.oid(4)?,
                shadow_act: r.ot(5)?,
                shadow_agent: r.oid(6)?,
            })
        },
    )
}
