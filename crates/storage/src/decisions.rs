//! What routing decided: a log of one row per decision, each with a hash over itself and the one before, so that a row that
//! was altered or taken away later is found (S13); and what is needed to make a decision again: states of the engine, and
//! the inputs since.

use crate::audit::link;
use crate::{Row, Rows, StoreResult, Tx, Value, statements};
use ronda_domain::{AgentId, ConversationId, GroupId, Ms, WorkspaceId};

/// A recorded decision. `reason` and `funnel` are JSON of the routing crate.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRow {
    pub seq: i64,
    pub at: Ms,
    pub cause: i64,
    pub policy_version: i64,
    pub conversation: Option<ConversationId>,
    /// The target group of the conversation afterwards.
    pub group: Option<GroupId>,
    pub epoch_before: i64,
    pub epoch_after: i64,
    pub act: String,
    pub from: Option<AgentId>,
    pub to: Option<AgentId>,
    pub reason: String,
    pub funnel: String,
    /// Hash of the engine's state, counters included, on which the plan was made that holds this decision; the bits of
    /// an unsigned number.
    pub state: i64,
    /// Hash over this row and the hash of the one before; see [`chain`].
    pub hash: String,
}

statements! {
    INSERT = "insert into routing_decision(workspace, seq, at, cause, policy_version, conversation, group_id, epoch_before, epoch_after, act,
          from_agent, to_agent, reason, funnel, state, hash)
        select cast($16 as bigint), p.seq, p.at, p.cause, p.policy_version, p.conversation, p.group_id, p.epoch_before, p.epoch_after, p.act,
          p.from_agent, p.to_agent, p.reason, p.funnel, p.state, p.hash
        from {rows(seq: i64, at: i64, cause: i64, policy_version: i64, conversation: i64, group_id: i64, epoch_before: i64, epoch_after: i64,
          act: text, from_agent: i64, to_agent: i64, reason: text, funnel: text, state: i64, hash: text)} as p";
    ALL = "select seq, at, cause, policy_version, conversation, group_id, epoch_before, epoch_after, act, from_agent, to_agent, reason, funnel, state, hash
        from routing_decision where workspace = $1 and seq < $2 and seq > $3 order by seq desc limit $4";
    OF_CONVERSATION = "select seq, at, cause, policy_version, conversation, group_id, epoch_before, epoch_after, act, from_agent, to_agent, reason, funnel, state, hash
        from routing_decision where workspace = $1 and conversation = $2 and seq < $3 and seq > $4 order by seq desc limit $5";
    TO_AGENT = "select seq, at, cause, policy_version, conversation, group_id, epoch_before, epoch_after, act, from_agent, to_agent, reason, funnel, state, hash
        from routing_decision where workspace = $1 and to_agent = $2 and seq < $3 and seq > $4 order by seq desc limit $5";
    FROM_AGENT = "select seq, at, cause, policy_version, conversation, group_id, epoch_before, epoch_after, act, from_agent, to_agent, reason, funnel, state, hash
        from routing_decision where workspace = $1 and from_agent = $2 and seq < $3 and seq > $4 order by seq desc limit $5";
    ONE = "select seq, at, cause, policy_version, conversation, group_id, epoch_before, epoch_after, act, from_agent, to_agent, reason, funnel, state, hash
        from routing_decision where workspace = $1 and seq = $2";
    CHAIN = "select seq, at, cause, policy_version, conversation, group_id, epoch_before, epoch_after, act, from_agent, to_agent, reason, funnel, state, hash
        from routing_decision where workspace = $1 and seq > $2 order by seq limit $3";
    AT = "select at from routing_decision where workspace = $1 and seq = $2";
    ENDS = "select decision_seq, decision_hash, kept_after, kept_hash from routing_head where workspace = $1";
    OLD = "select max(d.seq) from (select seq, at from routing_decision where workspace = $1 and seq > $2 order by seq limit $3) as d
        where d.at < $4";
    KEEP_AFTER = "update routing_head set kept_after = $2, kept_hash = $3 where workspace = $1";
    FORGET = "delete from routing_decision where workspace = $1 and seq <= $2";
    OLD_INPUTS = "select max(i.seq) from (select seq, at from routing_input where workspace = $1 and seq is not null order by seq limit $2) as i
        where i.at < $3";
    FORGET_INPUTS = "delete from routing_input where workspace = $1 and seq <= $2";
    INPUTS = "select seq, at, fact, result from routing_input where workspace = $1 and seq > $2 and seq <= $3 order by seq limit $4";
    SNAPSHOT = "insert into routing_snapshot(workspace, input_seq, at, body) values ($1, $2, $3, $4)
        on conflict (workspace, input_seq) do update set at = excluded.at, body = excluded.body";
    SNAPSHOT_BEFORE = "select input_seq, body from routing_snapshot where workspace = $1 and input_seq < $2 order by input_seq desc limit 1";
    FORGET_SNAPSHOTS = "delete from routing_snapshot where workspace = $1 and input_seq <= $2";
}

/// Links rows to the chain that ends in `before`; the hash of the last one.
pub fn chain(before: &str, rows: &mut [DecisionRow]) -> String {
    let mut hash = before.to_owned();
    for row in rows {
        hash = content(&hash, row);
        row.hash.clone_from(&hash);
    }
    hash
}

fn content(before: &str, d: &DecisionRow) -> String {
    link(
        before,
        &[
            d.seq.into(),
            d.at.into(),
            d.cause.into(),
            d.policy_version.into(),
            d.conversation.into(),
            d.group.into(),
            d.epoch_before.into(),
            d.epoch_after.into(),
            d.act.as_str().into(),
            d.from.into(),
            d.to.into(),
            d.reason.as_str().into(),
            d.funnel.as_str().into(),
            d.state.into(),
        ],
    )
}

/// Writes linked rows in their order.
pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, decisions: &[DecisionRow]) -> StoreResult<u64> {
    let mut rows = Rows::new();
    for d in decisions {
        rows.push([
            d.seq.into(),
            d.at.into(),
            d.cause.into(),
            d.policy_version.into(),
            d.conversation.into(),
            d.group.into(),
            d.epoch_before.into(),
            d.epoch_after.into(),
            d.act.as_str().into(),
            d.from.into(),
            d.to.into(),
            d.reason.as_str().into(),
            d.funnel.as_str().into(),
            d.state.into(),
            d.hash.as_str().into(),
        ]);
    }
    tx.batch(&INSERT, &rows, &[w.into()])
}

fn read(r: &Row<'_>) -> StoreResult<DecisionRow> {
    Ok(DecisionRow {
        seq: r.i(0)?,
        at: Ms(r.i(1)?),
        cause: r.i(2)?,
        policy_version: r.i(3)?,
        conversation: r.oid(4)?,
        group: r.oid(5)?,
        epoch_before: r.i(6)?,
        epoch_after: r.i(7)?,
        act: r.t(8)?,
        from: r.oid(9)?,
        to: r.oid(10)?,
        reason: r.t(11)?,
        funnel: r.t(12)?,
        state: r.i(13)?,
        hash: r.t(14)?,
    })
}

/// Which decisions are wanted. Several are asked for together.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub conversation: Option<ConversationId>,
    /// From or to this agent.
    pub agent: Option<AgentId>,
    pub group: Option<GroupId>,
    pub act: Option<String>,
    /// The code of the reason.
    pub reason: Option<String>,
    /// Inclusive.
    pub from: Option<Ms>,
    /// Exclusive.
    pub to: Option<Ms>,
}

impl Wanted {
    /// Those of one conversation.
    #[must_use]
    pub fn of(conversation: ConversationId) -> Self {
        Self {
            conversation: Some(conversation),
            ..Self::default()
        }
    }

    fn fits(&self, d: &DecisionRow) -> bool {
        let code = |wanted: &String| d.reason.starts_with(&format!("{{\"code\":\"{wanted}\""));
        self.conversation.is_none_or(|c| d.conversation == Some(c))
            && self.agent.is_none_or(|a| d.from == Some(a) || d.to == Some(a))
            && self.group.is_none_or(|g| d.group == Some(g))
            && self.act.as_ref().is_none_or(|act| d.act == *act)
            && self.reason.as_ref().is_none_or(code)
    }
}

/// Most rows that one page reads when no index serves what is wanted; the next page goes on from there.
const LOOKED_AT: i64 = 4_000;
const AT_ONCE: i64 = 500;

/// Decisions before number `before`, newest first, and the number before which to go on, if there may be more. A page may
/// hold fewer than `limit`, even none, and still go on: it ends after so many rows were looked at.
pub fn page(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    wanted: &Wanted,
    before: i64,
    limit: i64,
) -> StoreResult<(Vec<DecisionRow>, Option<i64>)> {
    let ends = ends(tx, w)?;
    let after = match wanted.from {
        Some(from) => first_since(tx, w, &ends, from)? - 1,
        None => ends.kept_after,
    };
    let mut before = match wanted.to {
        Some(to) => first_since(tx, w, &ends, to)?.min(before),
        None => before,
    };
    let (mut found, mut looked) = (Vec::new(), 0);
    let wanted_rows = usize::try_from(limit).unwrap_or(0);
    loop {
        let rows = batch(tx, w, wanted, before, after)?;
        let more = rows.len() as i64 >= AT_ONCE;
        looked += rows.len() as i64;
        for row in rows {
            before = row.seq;
            if wanted.fits(&row) {
                found.push(row);
                if found.len() == wanted_rows {
                    return Ok((found, Some(before)));
                }
            }
        }
        if !more {
            return Ok((found, None));
        }
        if looked >= LOOKED_AT {
            return Ok((found, Some(before)));
        }
    }
}

/// The next rows by the narrowest index.
fn batch(tx: &mut Tx<'_>, w: WorkspaceId, wanted: &Wanted, before: i64, after: i64) -> StoreResult<Vec<DecisionRow>> {
    let by = |id: i64| -> [Value; 5] { [w.into(), id.into(), before.into(), after.into(), AT_ONCE.into()] };
    if let Some(c) = wanted.conversation {
        return tx.query(&OF_CONVERSATION, &by(c.0), read);
    }
    if let Some(a) = wanted.agent {
        let mut rows = tx.query(&TO_AGENT, &by(a.0), read)?;
        rows.extend(tx.query(&FROM_AGENT, &by(a.0), read)?);
        rows.sort_unstable_by_key(|d| std::cmp::Reverse(d.seq));
        rows.dedup_by_key(|d| d.seq);
        // Beyond this number one of the two has not been read.
        rows.truncate(usize::try_from(AT_ONCE).unwrap_or(usize::MAX));
        return Ok(rows);
    }
    tx.query(&ALL, &[w.into(), before.into(), after.into(), AT_ONCE.into()], read)
}

/// The number of the first decision at or after `at`. Numbers are dense and times never fall, so halving finds it by the
/// primary key.
fn first_since(tx: &mut Tx<'_>, w: WorkspaceId, ends: &Ends, at: Ms) -> StoreResult<i64> {
    let (mut low, mut high) = (ends.kept_after + 1, ends.last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let then = tx.opt(&AT, &[w.into(), middle.into()], |r| Ok(Ms(r.i(0)?)))?;
        if then.is_some_and(|then| then < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// The number of the last decision before an instant that is kept; 0 when there is none.
pub fn last_before(tx: &mut Tx<'_>, w: WorkspaceId, at: Ms) -> StoreResult<i64> {
    let ends = ends(tx, w)?;
    Ok(first_since(tx, w, &ends, at)? - 1)
}

/// Decisions after number `after`, oldest first.
pub fn after(tx: &mut Tx<'_>, w: WorkspaceId, after: i64, limit: i64) -> StoreResult<Vec<DecisionRow>> {
    tx.query(&CHAIN, &[w.into(), after.into(), limit.into()], read)
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, seq: i64) -> StoreResult<Option<DecisionRow>> {
    tx.opt(&ONE, &[w.into(), seq.into()], read)
}

/// The two ends of the chain.
#[derive(Clone, Debug)]
struct Ends {
    last: i64,
    hash: String,
    /// Decisions up to this number were forgotten; the next one follows this hash.
    kept_after: i64,
    kept_hash: String,
}

fn ends(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Ends> {
    tx.one(&ENDS, &[w.into()], |r| {
        Ok(Ends {
            last: r.i(0)?,
            hash: r.t(1)?,
            kept_after: r.i(2)?,
            kept_hash: r.t(3)?,
        })
    })
}

/// What became of the chain of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Every decision from `first` to `last` is as it was written, and none is missing.
    Whole { first: i64, last: i64 },
    /// This decision was altered or taken away.
    BrokenAt(i64),
    /// The newest decisions, from this one on, were taken away or put back.
    CutAt(i64),
}

/// Reads the chain again: all of it, or with `newest` the last so many.
pub fn verify(tx: &mut Tx<'_>, w: WorkspaceId, newest: Option<i64>) -> StoreResult<Chain> {
    const AT_ONCE: i64 = 1_000;
    let ends = ends(tx, w)?;
    let from = newest.map_or(ends.kept_after, |n| (ends.last - n).max(ends.kept_after));
    let mut hash = if from == ends.kept_after {
        ends.kept_hash
    } else {
        match get(tx, w, from)? {
            Some(row) => row.hash,
            None => return Ok(Chain::BrokenAt(from)),
        }
    };
    let mut last = from;
    while last < ends.last {
        let mut rows = tx.query(&CHAIN, &[w.into(), last.into(), AT_ONCE.into()], read)?;
        // What was decided since the ends were read is not of this look.
        rows.retain(|d| d.seq <= ends.last);
        if rows.is_empty() {
            return Ok(Chain::CutAt(last + 1));
        }
        for row in rows {
            hash = content(&hash, &row);
            if row.seq != last + 1 || hash != row.hash {
                return Ok(Chain::BrokenAt(last + 1));
            }
            last = row.seq;
        }
    }
    Ok(if hash == ends.hash {
        Chain::Whole { first: from + 1, last }
    } else {
        Chain::CutAt(last)
    })
}

/// Removes at most `limit` decisions from before `before`; their number. The chain begins after them then.
pub fn forget(tx: &mut Tx<'_>, w: WorkspaceId, before: Ms, limit: i64) -> StoreResult<u64> {
    let kept_after = ends(tx, w)?.kept_after;
    let old = tx.one(&OLD, &[w.into(), kept_after.into(), limit.into(), before.into()], |r| {
        r.oi(0)
    })?;
    let Some(row) = old.map(|seq| get(tx, w, seq)).transpose()?.flatten() else {
        return Ok(0);
    };
    tx.exec(&KEEP_AFTER, &[w.into(), row.seq.into(), (&row.hash).into()])?;
    tx.exec(&FORGET, &[w.into(), row.seq.into()])
}

/// Removes at most `limit` inputs from before `before`, and the states they led to; their number.
pub fn forget_inputs(tx: &mut Tx<'_>, w: WorkspaceId, before: Ms, limit: i64) -> StoreResult<u64> {
    let old = tx.one(&OLD_INPUTS, &[w.into(), limit.into(), before.into()], |r| r.oi(0))?;
    let Some(seq) = old else { return Ok(0) };
    tx.exec(&FORGET_SNAPSHOTS, &[w.into(), seq.into()])?;
    tx.exec(&FORGET_INPUTS, &[w.into(), seq.into()])
}

/// Keeps a state of the engine, after input `input_seq`. `body` is JSON of its rows.
pub fn keep_snapshot(tx: &mut Tx<'_>, w: WorkspaceId, input_seq: i64, body: &str) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&SNAPSHOT, &[w.into(), input_seq.into(), now.into(), body.into()])
}

/// The newest state kept before input `input_seq`, with the number of the last input in it.
pub fn snapshot_before(tx: &mut Tx<'_>, w: WorkspaceId, input_seq: i64) -> StoreResult<Option<(i64, String)>> {
    tx.opt(&SNAPSHOT_BEFORE, &[w.into(), input_seq.into()], |r| {
        Ok((r.i(0)?, r.t(1)?))
    })
}

/// An input that was planned.
#[derive(Clone, Debug)]
pub struct PlannedInput {
    pub seq: i64,
    pub at: Ms,
    pub fact: String,
    pub result: Option<String>,
}

/// The inputs after number `after` up to number `to`, in order, at most `limit`.
pub fn inputs(tx: &mut Tx<'_>, w: WorkspaceId, after: i64, to: i64, limit: i64) -> StoreResult<Vec<PlannedInput>> {
    tx.query(&INPUTS, &[w.into(), after.into(), to.into(), limit.into()], |r| {
        Ok(PlannedInput {
            seq: r.i(0)?,
            at: Ms(r.i(1)?),
            fact: r.t(2)?,
            result: r.ot(3)?,
        })
    })
}
