//! What customers are promised, and the clocks that measure it (spec REP-8).

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, GroupId, Ms, WorkspaceId};

/// A promise. Without a group or a channel account it holds for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRow {
    pub id: i64,
    /// `first_response`, `next_response`, `wait_for_agent` or `resolution`.
    pub metric: String,
    pub group: Option<GroupId>,
    pub channel: Option<ChannelAccountId>,
    /// Only for conversations with at least this head start in the queue, in minutes.
    pub priority_minutes: i64,
    pub target_ms: i64,
    /// Measured in open time.
    pub business: bool,
    /// Whether somebody is told when it is at risk and when it is broken.
    pub notify: bool,
    /// When it is broken: the head start it is given, in minutes, and the group that is asked for it.
    pub raise_minutes: i64,
    pub to_group: Option<GroupId>,
    pub version: i64,
}

/// A clock of one wait of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockRow {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub metric: String,
    /// What of a conversation can have one clock at a time: `answer`, `wait` or `resolution`.
    pub slot: String,
    pub target: i64,
    pub group: Option<GroupId>,
    pub channel: ChannelAccountId,
    pub started_at: Ms,
    pub risk_at: Ms,
    pub due_at: Ms,
    pub ended_at: Option<Ms>,
}

/// A clock about to run.
#[derive(Clone, Debug)]
pub struct NewClock {
    pub conversation: ConversationId,
    pub metric: &'static str,
    pub slot: &'static str,
    pub target: i64,
    pub group: Option<GroupId>,
    pub channel: ChannelAccountId,
    pub simulated: bool,
    pub started_at: Ms,
    pub risk_at: Ms,
    pub due_at: Ms,
}

/// How the clocks of a target ended in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRow {
    pub target: i64,
    pub met: i64,
    pub missed: i64,
    /// Closed before they were due, unanswered: neither kept nor broken.
    pub dropped: i64,
}

macro_rules! targets {
    () => {
        "select id, metric, group_id, channel_account, target_ms, business, notify, version, priority_minutes, raise_minutes, to_group
         from service_target"
    };
}

macro_rules! clocks {
    ($from:literal) => {
        concat!(
            "select s.id, s.workspace, s.conversation, s.metric, s.target, s.group_id, s.channel_account, s.started_at,
              s.risk_at, s.due_at, s.slot, s.ended_at from ",
            $from
        )
    };
}

statements! {
    TARGETS = concat!(targets!(), " where workspace = $1 order by id");
    TARGET = concat!(targets!(), " where workspace = $1 and id = $2");
    INSERT_TARGET = "insert into service_target(workspace, metric, group_id, channel_account, target_ms, business, notify, created_at,
          priority_minutes, raise_minutes, to_group)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id";
    UPDATE_TARGET = "update service_target set target_ms = $3, business = $4, notify = $5, raise_minutes = $7, to_group = $8,
          version = version + 1
        where workspace = $1 and id = $2 and version = $6";
    DELETE_TARGET = "delete from service_target where workspace = $1 and id = $2";
    START = "insert into service_clock(workspace, conversation, metric, slot, target, group_id, channel_account, simulated, started_at, risk_at, due_at, next_at)
        select cast($11 as bigint), p.conversation, p.metric, p.slot, p.target, p.group_id, p.channel, p.simulated, p.started_at, p.risk_at, p.due_at, p.risk_at
        from {rows(conversation: i64, metric: text, slot: text, target: i64, group_id: i64, channel: i64, simulated: i64, started_at: i64, risk_at: i64, due_at: i64)} as p
        where p.target > 0 on conflict (workspace, conversation, slot) where ended_at is null do nothing";
    RUNNING = clocks!("{rows(id: i64)} as p, service_clock as s where s.workspace = $2 and s.conversation = p.id and s.ended_at is null");
    ENDED = clocks!("{rows(id: i64, slot: text)} as p, service_clock as s where s.workspace = $3 and s.conversation = p.id and s.slot = p.slot
        and s.ended_at is not null order by s.id");
    RUNNING_OF_TARGET = clocks!("service_clock as s where s.workspace = $1 and s.target = $2 and s.ended_at is null order by s.id");
    ANSWERED = "update service_clock set ended_at = $3, met = case when due_at >= $3 then 1 else 0 end, agent = $4, next_at = null
        where workspace = $1 and conversation = $2 and slot = 'answer' and ended_at is null";
    OWNED = "update service_clock as s set ended_at = cast($4 as bigint), met = case when s.due_at >= cast($4 as bigint) then 1 else 0 end,
          agent = p.agent, next_at = null
        from {rows(id: i64, agent: i64)} as p where s.workspace = $3 and s.conversation = p.id and s.slot = 'wait' and s.ended_at is null";
    SOLVED = "update service_clock as s set ended_at = cast($3 as bigint), met = case when s.due_at >= cast($3 as bigint) then 1 else 0 end,
          next_at = null
        from {rows(id: i64)} as p where s.workspace = $2 and s.conversation = p.id and s.slot = 'resolution' and s.ended_at is null";
    RESUME = "update service_clock as s set ended_at = null, met = null, risk_at = p.risk_at, due_at = p.due_at, next_at = p.risk_at
        from {rows(id: i64, risk_at: i64, due_at: i64)} as p where s.id = p.id and s.workspace = $4 and s.ended_at is not null
          and not exists (select 1 from service_clock as r where r.workspace = s.workspace and r.conversation = s.conversation
            and r.slot = s.slot and r.ended_at is null)";
    LEFT = "update service_clock as s set ended_at = cast($4 as bigint), met = case when s.due_at < cast($4 as bigint) then 0 else null end, next_at = null
        from {rows(id: i64, slot: text)} as p where s.workspace = $3 and s.conversation = p.id and s.slot = p.slot and s.ended_at is null";
    AGAIN = "update service_clock set ended_at = null, met = null, agent = null, next_at = due_at
        where workspace = $1 and conversation = $2 and slot = 'answer' and started_at = $3 and ended_at is not null
          and not exists (select 1 from service_clock as r where r.workspace = $1 and r.conversation = $2 and r.slot = 'answer'
            and r.ended_at is null)";
    MOVE = "update service_clock as s set risk_at = p.risk_at, due_at = p.due_at, next_at = p.next_at
        from {rows(id: i64, risk_at: i64, due_at: i64, next_at: i64)} as p where s.id = p.id and s.workspace = $5 and s.ended_at is null";
    DUE = clocks!("service_clock as s where s.next_at <= $1 and s.ended_at is null order by s.next_at limit $2");
    TOLD = "update service_clock set next_at = $3 where workspace = $1 and id = $2";
    NEAR = clocks!("service_clock as s where s.workspace = $1 and s.risk_at <= $2 and s.ended_at is null and s.simulated <= $4
        order by s.risk_at, s.id limit $3");
    COUNT_NEAR = "select count(*), coalesce(sum(case when due_at <= $2 then 1 else 0 end), 0) from service_clock
        where workspace = $1 and risk_at <= $2 and ended_at is null and simulated <= $3";
    KEPT = "select target, coalesce(sum(case when met = 1 then 1 else 0 end), 0), coalesce(sum(case when met = 0 then 1 else 0 end), 0),
          coalesce(sum(case when met is null then 1 else 0 end), 0)
        from service_clock where workspace = $1 and ended_at >= $2 and ended_at < $3 and simulated <= $4
        group by target order by target";
    OPEN = "select target, count(*), coalesce(sum(case when due_at <= $2 then 1 else 0 end), 0) from service_clock
        where workspace = $1 and ended_at is null and simulated <= $3 group by target order by target";
}

fn target(r: &Row<'_>) -> StoreResult<TargetRow> {
    Ok(TargetRow {
        id: r.i(0)?,
        metric: r.t(1)?,
        group: r.oid(2)?,
        channel: r.oid(3)?,
        target_ms: r.i(4)?,
        business: r.b(5)?,
        notify: r.b(6)?,
        version: r.i(7)?,
        priority_minutes: r.i(8)?,
        raise_minutes: r.i(9)?,
        to_group: r.oid(10)?,
    })
}

fn clock(r: &Row<'_>) -> StoreResult<ClockRow> {
    Ok(ClockRow {
        id: r.i(0)?,
        workspace: r.id(1)?,
        conversation: r.id(2)?,
        metric: r.t(3)?,
        target: r.i(4)?,
        group: r.oid(5)?,
        channel: r.id(6)?,
        started_at: Ms(r.i(7)?),
        risk_at: Ms(r.i(8)?),
        due_at: Ms(r.i(9)?),
        slot: r.t(10)?,
        ended_at: r.oi(11)?.map(Ms),
    })
}

pub fn targets(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<TargetRow>> {
    tx.query(&TARGETS, &[w.into()], target)
}

pub fn get_target(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<Option<TargetRow>> {
    tx.opt(&TARGET, &[w.into(), id.into()], target)
}

/// `id` and `version` of `t` are not used. The unique index refuses a second promise of the same kind for the same.
pub fn insert_target(tx: &mut Tx<'_>, w: WorkspaceId, t: &TargetRow) -> StoreResult<i64> {
    let now = tx.now();
    tx.one(
        &INSERT_TARGET,
        &[
            w.into(),
            t.metric.as_str().into(),
            t.group.into(),
            t.channel.into(),
            t.target_ms.into(),
            t.business.into(),
            t.notify.into(),
            now.into(),
            t.priority_minutes.into(),
            t.raise_minutes.into(),
            t.to_group.into(),
        ],
        |r| r.i(0),
    )
}

/// Number of rows changed: 0 when the version is another.
pub fn update_target(tx: &mut Tx<'_>, w: WorkspaceId, t: &TargetRow) -> StoreResult<u64> {
    tx.exec(
        &UPDATE_TARGET,
        &[
            w.into(),
            t.id.into(),
            t.target_ms.into(),
            t.business.into(),
            t.notify.into(),
            t.version.into(),
            t.raise_minutes.into(),
            t.to_group.into(),
        ],
    )
}

pub fn delete_target(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<u64> {
    tx.exec(&DELETE_TARGET, &[w.into(), id.into()])
}

/// Starts clocks; a conversation that has one in the slot keeps it.
pub fn start(tx: &mut Tx<'_>, w: WorkspaceId, clocks: &[NewClock]) -> StoreResult<u64> {
    let mut rows = Rows::new();
    for c in clocks {
        rows.push([
            c.conversation.into(),
            c.metric.into(),
            c.slot.into(),
            c.target.into(),
            c.group.into(),
            c.channel.into(),
            c.simulated.into(),
            c.started_at.into(),
            c.risk_at.into(),
            c.due_at.into(),
        ]);
    }
    tx.batch(&START, &rows, &[w.into()])
}

fn slots(list: &[ConversationId], slots: &[&'static str]) -> Rows {
    let mut rows = Rows::new();
    for id in list {
        for slot in slots {
            rows.push([(*id).into(), (*slot).into()]);
        }
    }
    rows
}

fn ids(list: &[ConversationId]) -> Rows {
    let mut rows = Rows::new();
    for id in list {
        rows.push([(*id).into()]);
    }
    rows
}

/// The clocks that run for these conversations.
pub fn running(tx: &mut Tx<'_>, w: WorkspaceId, list: &[ConversationId]) -> StoreResult<Vec<ClockRow>> {
    tx.batch_query(&RUNNING, &ids(list), &[w.into()], clock)
}

pub fn running_of_target(tx: &mut Tx<'_>, w: WorkspaceId, target: i64) -> StoreResult<Vec<ClockRow>> {
    tx.query(&RUNNING_OF_TARGET, &[w.into(), target.into()], clock)
}

/// An agent answered: the promise was kept, or not.
pub fn answered(tx: &mut Tx<'_>, w: WorkspaceId, conversation: ConversationId, agent: AgentId) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&ANSWERED, &[w.into(), conversation.into(), now.into(), agent.into()])
}

/// Conversations left the hands of people: nobody answers them, and nobody needs to have them.
pub fn left(tx: &mut Tx<'_>, w: WorkspaceId, list: &[ConversationId]) -> StoreResult<u64> {
    let now = tx.now();
    tx.batch(&LEFT, &slots(list, &["answer", "wait"]), &[w.into(), now.into()])
}

/// Somebody has conversations now: the wait for them is over.
pub fn owned(tx: &mut Tx<'_>, w: WorkspaceId, list: &[(ConversationId, AgentId)]) -> StoreResult<u64> {
    let now = tx.now();
    let mut rows = Rows::new();
    for (id, agent) in list {
        rows.push([(*id).into(), (*agent).into()]);
    }
    tx.batch(&OWNED, &rows, &[w.into(), now.into()])
}

/// Conversations were closed: they are solved, for now.
pub fn solved(tx: &mut Tx<'_>, w: WorkspaceId, list: &[ConversationId]) -> StoreResult<u64> {
    let now = tx.now();
    tx.batch(&SOLVED, &ids(list), &[w.into(), now.into()])
}

/// Clocks of conversations that ended before, in these slots, in order.
pub fn ended(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    list: &[ConversationId],
    in_slots: &[&'static str],
) -> StoreResult<Vec<ClockRow>> {
    tx.batch_query(&ENDED, &slots(list, in_slots), &[w.into()], clock)
}

/// Ended clocks run again, to other ends: `(id, risk_at, due_at)`.
pub fn resume(tx: &mut Tx<'_>, w: WorkspaceId, list: &[(i64, Ms, Ms)]) -> StoreResult<u64> {
    let mut rows = Rows::new();
    for (id, risk_at, due_at) in list {
        rows.push([(*id).into(), (*risk_at).into(), (*due_at).into()]);
    }
    tx.batch(&RESUME, &rows, &[w.into()])
}

/// The answer that ended a clock did not arrive: it runs again from the same start.
pub fn again(tx: &mut Tx<'_>, w: WorkspaceId, conversation: ConversationId, started_at: Ms) -> StoreResult<u64> {
    tx.exec(&AGAIN, &[w.into(), conversation.into(), started_at.into()])
}

/// Gives running clocks other ends: `(id, risk_at, due_at, next_at)`.
pub fn reset(tx: &mut Tx<'_>, w: WorkspaceId, moves: &[(i64, Ms, Ms, Option<Ms>)]) -> StoreResult<u64> {
    let mut rows = Rows::new();
    for (id, risk_at, due_at, next_at) in moves {
        rows.push([(*id).into(), (*risk_at).into(), (*due_at).into(), (*next_at).into()]);
    }
    tx.batch(&MOVE, &rows, &[w.into()])
}

/// Clocks about which something is to be told now (system function).
pub fn due(tx: &mut Tx<'_>, now: Ms, limit: i64) -> StoreResult<Vec<ClockRow>> {
    tx.query(&DUE, &[now.into(), limit.into()], clock)
}

pub fn told(tx: &mut Tx<'_>, w: WorkspaceId, id: i64, next_at: Option<Ms>) -> StoreResult<u64> {
    tx.exec(&TOLD, &[w.into(), id.into(), next_at.into()])
}

/// Running clocks at risk or over, the longest at risk first; here and below those of simulated conversations only when
/// they count.
pub fn near(tx: &mut Tx<'_>, w: WorkspaceId, limit: i64, simulated: bool) -> StoreResult<Vec<ClockRow>> {
    let now = tx.now();
    tx.query(&NEAR, &[w.into(), now.into(), limit.into(), simulated.into()], clock)
}

/// How many are at risk or over, and how many of these are over.
pub fn count_near(tx: &mut Tx<'_>, w: WorkspaceId, simulated: bool) -> StoreResult<(i64, i64)> {
    let now = tx.now();
    tx.one(&COUNT_NEAR, &[w.into(), now.into(), simulated.into()], |r| {
        Ok((r.i(0)?, r.i(1)?))
    })
}

/// How the clocks that ended in a period ended, by target.
pub fn kept(tx: &mut Tx<'_>, w: WorkspaceId, (from, to): (Ms, Ms), simulated: bool) -> StoreResult<Vec<KeptRow>> {
    let arguments = [w.into(), from.into(), to.into(), simulated.into()];
    tx.query(&KEPT, &arguments, |r| {
        Ok(KeptRow {
            target: r.i(0)?,
            met: r.i(1)?,
            missed: r.i(2)?,
            dropped: r.i(3)?,
        })
    })
}

/// By target: running clocks, and how many of them are over.
pub fn open(tx: &mut Tx<'_>, w: WorkspaceId, simulated: bool) -> StoreResult<Vec<(i64, i64, i64)>> {
    let now = tx.now();
    let arguments = [w.into(), now.into(), simulated.into()];
    tx.query(&OPEN, &arguments, |r| Ok((r.i(0)?, r.i(1)?, r.i(2)?)))
}
