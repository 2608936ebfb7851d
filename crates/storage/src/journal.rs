//! The inbound journal: raw bodies, kept from the acknowledgement until they are processed (T1, T2).

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::{ChannelAccountId, Ms, WorkspaceId};

/// A body to accept.
#[derive(Clone, Debug)]
pub struct NewBody {
    /// `meta` for webhooks of Meta; the parser is chosen by it.
    pub source: &'static str,
    /// The workspace's own app names one account's owner; null for the installation's app.
    pub channel_account: Option<ChannelAccountId>,
    pub lane: i64,
    pub body: Vec<u8>,
}

/// A body to process.
#[derive(Clone, Debug)]
pub struct JournalRow {
    pub id: i64,
    pub source: String,
    pub channel_account: Option<ChannelAccountId>,
    pub received_at: Ms,
    pub body: Vec<u8>,
    pub attempts: i64,
}

statements! {
    APPEND = "insert into inbound_journal(source, channel_account, lane, received_at, body)
        select p.source, p.account, p.lane, cast($5 as bigint), p.body from {rows(source: text, account: i64, lane: i64, body: bytes)} as p";
    OPEN = "select id, source, channel_account, received_at, body, attempts from inbound_journal
        where lane = $1 and done_at is null and failed is null order by id limit $2";
    DONE = "update inbound_journal as j set done_at = $2 from {rows(id: i64)} as p where j.id = p.id and j.done_at is null";
    ATTEMPT = "update inbound_journal set attempts = attempts + 1 where id = $1 returning attempts";
    FAIL = "update inbound_journal set failed = $2 where id = $1";
    FORGET = "delete from inbound_journal where id in (select id from inbound_journal where done_at is not null and done_at < $1 limit 1000)";
    OLDEST = "select min(received_at) from inbound_journal where lane = $1 and done_at is null and failed is null";
    KEEP_PART = "insert into inbound_failure(workspace, journal, pointer, reason, raw, at) values ($1, $2, $3, $4, $5, $6)";
    FAILURES = "select id, journal, pointer, reason, raw, at, replayed_at from inbound_failure
        where workspace = $1 and id < $2 order by id desc limit $3";
    FAILURE_REPLAYED = "update inbound_failure set replayed_at = $3 where workspace = $1 and id = $2 returning journal";
    REOPEN = "update inbound_journal set done_at = null, failed = null, attempts = 0 where id = $1 returning lane";
}

/// Appends the bodies of one group of requests (system function).
pub fn append(tx: &mut Tx<'_>, bodies: &[NewBody]) -> StoreResult<u64> {
    let mut rows = Rows::new();
    for b in bodies {
        rows.push([
            b.source.into(),
            b.channel_account.into(),
            b.lane.into(),
            b.body.clone().into(),
        ]);
    }
    let now = tx.now();
    tx.batch(&APPEND, &rows, &[now.into()])
}

/// The oldest open bodies of a lane (system function).
pub fn open(tx: &mut Tx<'_>, lane: i64, limit: i64) -> StoreResult<Vec<JournalRow>> {
    tx.query(&OPEN, &[lane.into(), limit.into()], |r| {
        Ok(JournalRow {
            id: r.i(0)?,
            source: r.t(1)?,
            channel_account: r.oid(2)?,
            received_at: Ms(r.i(3)?),
            body: r.bytes(4)?,
            attempts: r.i(5)?,
        })
    })
}

/// Marks bodies as processed; the caller compares the count (another node may have been faster).
pub fn done(tx: &mut Tx<'_>, ids: &[i64]) -> StoreResult<u64> {
    let mut rows = Rows::new();
    for id in ids {
        rows.push([(*id).into()]);
    }
    let now = tx.now();
    tx.batch(&DONE, &rows, &[now.into()])
}

/// Counts a failed attempt at one body; the attempts so far.
pub fn attempt(tx: &mut Tx<'_>, id: i64) -> StoreResult<i64> {
    tx.one(&ATTEMPT, &[id.into()], |r| r.i(0))
}

/// Puts a body aside with the reason; the lane goes on.
pub fn fail(tx: &mut Tx<'_>, id: i64, reason: &str) -> StoreResult<u64> {
    tx.exec(&FAIL, &[id.into(), reason.into()])
}

/// Opens a body again; its lane.
pub fn reopen(tx: &mut Tx<'_>, id: i64) -> StoreResult<Option<i64>> {
    tx.opt(&REOPEN, &[id.into()], |r| r.i(0))
}

/// Removes processed bodies older than `before`, at most a thousand.
pub fn forget(tx: &mut Tx<'_>, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET, &[before.into()])
}

/// When the oldest open body of a lane was accepted.
pub fn oldest(tx: &mut Tx<'_>, lane: i64) -> StoreResult<Option<Ms>> {
    tx.one(&OLDEST, &[lane.into()], |r| Ok(r.oi(0)?.map(Ms)))
}

/// A part of a body that was not understood.
#[derive(Clone, Debug)]
pub struct FailedPart {
    pub id: i64,
    pub journal: i64,
    pub pointer: String,
    pub reason: String,
    pub raw: String,
    pub at: Ms,
    pub replayed_at: Option<Ms>,
}

/// Keeps a part that was not understood. The workspace is unknown when the part names no account of ours.
pub fn keep_part(
    tx: &mut Tx<'_>,
    workspace: Option<WorkspaceId>,
    journal: i64,
    pointer: &str,
    reason: &str,
    raw: &str,
) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &KEEP_PART,
        &[
            workspace.into(),
            journal.into(),
            pointer.into(),
            reason.into(),
            raw.into(),
            now.into(),
        ],
    )
}

/// The kept parts of a workspace before `id`, newest first.
pub fn failed_parts(tx: &mut Tx<'_>, w: WorkspaceId, before: i64, limit: i64) -> StoreResult<Vec<FailedPart>> {
    tx.query(&FAILURES, &[w.into(), before.into(), limit.into()], |r: &Row<'_>| {
        Ok(FailedPart {
            id: r.i(0)?,
            journal: r.i(1)?,
            pointer: r.t(2)?,
            reason: r.t(3)?,
            raw: r.t(4)?,
            at: Ms(r.i(5)?),
            replayed_at: r.oi(6)?.map(Ms),
        })
    })
}

/// Marks a part as replayed; the journal row it came from.
pub fn part_replayed(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<Option<i64>> {
    let now = tx.now();
    tx.opt(&FAILURE_REPLAYED, &[w.into(), id.into(), now.into()], |r| r.i(0))
}
