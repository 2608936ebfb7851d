//! What the planner reads and writes: head, inputs, loads, rounds, policies (T3, T4). What was decided
//! is in `decisions`.

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::{AgentId, ConversationId, GroupId, Ms, WorkspaceId};

/// The head of a workspace's routing: it fences, numbers and serialises planners with one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub decision_seq: i64,
    pub input_seq: i64,
    /// The newest time a plan was made for; the core's time never goes back.
    pub at: Ms,
    pub lease_epoch: i64,
    pub lease_owner: String,
    pub lease_until: Ms,
    pub stamp: i64,
    /// Hash of the newest decision: the end of the chain (S13).
    pub hash: String,
}

/// An input that waits for a planner. `fact` is JSON of the routing crate.
#[derive(Clone, Debug)]
pub struct InputRow {
    pub id: i64,
    pub command_id: Option<String>,
    pub at: Ms,
    pub fact: String,
}

/// The load row of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadRow {
    pub agent: AgentId,
    pub load: i64,
    pub stamp: i64,
    pub routing: Option<String>,
}

/// The rotation round of a conversation. `missed` is a JSON array of agent ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundRow {
    pub conversation: ConversationId,
    pub missed: String,
    pub moves: i64,
    pub transfers: i64,
}

/// A version of the policy. `body` is JSON of the routing crate and the API.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyRow {
    pub version: i64,
    pub body: String,
    /// JSON: what groups have of their own, by id.
    pub groups: String,
    /// JSON: the tests that stand with it.
    pub tests: String,
    pub note: String,
    /// The older version whose content this one has again.
    pub restored_from: Option<i64>,
    pub author: Option<AgentId>,
    /// The second person who said yes, where one was asked.
    pub approved_by: Option<AgentId>,
    pub created_at: Ms,
}

statements! {
    HEAD = "select decision_seq, input_seq, at, lease_epoch, lease_owner, lease_until, stamp, decision_hash from routing_head where workspace = $1";
    LEASES = "select workspace, lease_owner, lease_epoch, lease_until from routing_head";
    TAKE_LEASE = "update routing_head set lease_epoch = lease_epoch + 1, lease_owner = $2, lease_until = $3
        where workspace = $1 and (lease_owner = $2 or lease_owner = '' or (lease_epoch = $4 and lease_until = $5)) returning lease_epoch";
    RENEW_LEASE = "update routing_head set lease_until = $3 where workspace = $1 and lease_owner = $2 and lease_epoch = $4";
    /// Those that a plan has locked are left out: it renews its own, and nobody takes a locked one.
    RENEW_LEASES = "update routing_head set lease_until = $2 where workspace in (select workspace from routing_head where lease_owner = $1
          {lock: for update skip locked}) returning workspace, lease_epoch";
    RELEASE_LEASES = "update routing_head set lease_owner = '', lease_until = $2 where lease_owner = $1";
    ADVANCE = "update routing_head set decision_seq = $2, input_seq = $3, at = $4, stamp = $5, lease_until = $9, decision_hash = $10
        where workspace = $1 and decision_seq = $6 and input_seq = $7 and lease_epoch = $8";
    /// Every open row is in the partial index, and open rows are few.
    OPEN_WORKSPACES = "select distinct workspace from routing_input where seq is null";
    OPEN_INPUTS = "select id, command_id, at, fact from routing_input where workspace = $1 and seq is null order by id limit $2";
    INSERT_INPUT = "insert into routing_input(workspace, command_id, at, fact) values ($1, $2, $3, $4)
        on conflict (workspace, command_id) where command_id is not null do nothing";
    INSERT_INPUTS = "insert into routing_input(workspace, at, fact) select cast($2 as bigint), cast($3 as bigint), p.fact from {rows(fact: text)} as p";
    INSERT_DONE = "insert into routing_input(workspace, command_id, at, fact, seq, result) select cast($6 as bigint), p.command_id, p.at, p.fact, p.seq, p.result
        from {rows(command_id: text, at: i64, fact: text, seq: i64, result: text)} as p";
    STAMP_INPUTS = "update routing_input as i set seq = p.seq, result = p.result from {rows(id: i64, seq: i64, result: text)} as p
        where i.id = p.id and i.workspace = $4 and i.seq is null";
    RESULT = "select result from routing_input where workspace = $1 and command_id = $2 and seq is not null";
    LOADS = "select agent, load, stamp, routing from agent_load where workspace = $1 order by agent";
    NEW_LOAD = "insert into agent_load(workspace, agent) values ($1, $2) on conflict (workspace, agent) do nothing";
    LOCK_LOADS = "select a.agent from {rows(agent: i64)} as p, agent_load as a where a.agent = p.agent and a.workspace = $2
        {lock: order by a.agent for update of a}";
    LOAD_DELTAS = "update agent_load as a set load = a.load + p.delta, stamp = p.stamp, routing = p.routing
        from {rows(agent: i64, delta: i64, lim: i64, stamp: i64, routing: text)} as p
        where a.agent = p.agent and a.workspace = $6 and (p.delta <= 0 or a.load + p.delta <= p.lim)";
    RECOUNT = "insert into agent_load(workspace, agent, load)
        select u.workspace, u.id, (select count(*) from conversation as c where c.workspace = u.workspace and c.owner = u.id and c.place = 'held')
        from agent as u where u.workspace = $1
        on conflict (workspace, agent) do update set load = excluded.load";
    ROUNDS = "select conversation, missed, moves, transfers from routing_round where workspace = $1 order by conversation";
    PUT_ROUNDS = "insert into routing_round(workspace, conversation, missed, moves, transfers)
        select cast($5 as bigint), p.conversation, p.missed, p.moves, p.transfers
        from {rows(conversation: i64, missed: text, moves: i64, transfers: i64)} as p
        on conflict (workspace, conversation) do update set missed = excluded.missed, moves = excluded.moves, transfers = excluded.transfers";
    DROP_ROUNDS = "delete from routing_round where workspace = $1 and conversation = $2";
    POLICY = "select version, body, groups, tests, note, restored_from, author, created_at, approved_by from routing_policy where workspace = $1 order by version desc limit 1";
    POLICIES = "select version, body, groups, tests, note, restored_from, author, created_at, approved_by from routing_policy
        where workspace = $1 and version < $2 order by version desc limit $3";
    PAUSES = "select group_id, until from rotation_pause where workspace = $1 order by group_id";
    PAUSE = "insert into rotation_pause(workspace, group_id, until) values ($1, $2, $3)
        on conflict (workspace, group_id) do update set until = excluded.until";
    INSERT_POLICY = "insert into routing_policy(workspace, version, body, groups, tests, note, restored_from, author, created_at, approved_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
}

pub fn head(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Head> {
    tx.one(&HEAD, &[w.into()], |r| {
        Ok(Head {
            decision_seq: r.i(0)?,
            input_seq: r.i(1)?,
            at: Ms(r.i(2)?),
            lease_epoch: r.i(3)?,
            lease_owner: r.t(4)?,
            lease_until: Ms(r.i(5)?),
            stamp: r.i(6)?,
            hash: r.t(7)?,
        })
    })
}

/// Life of a planner's lease in milliseconds. A SQLite file has one server, so that nobody waits for its lease; on
/// PostgreSQL it is most of what a fail-over takes, which must stay below 5 s (routing reference §3.4).
#[must_use]
pub const fn lease_ms(sqlite: bool) -> i64 {
    if sqlite { 10_000 } else { 3_000 }
}

/// A lease as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRow {
    pub workspace: WorkspaceId,
    /// Empty: it was given away.
    pub owner: String,
    pub epoch: i64,
    pub until: Ms,
}

/// The leases of all workspaces (system function).
pub fn all_leases(tx: &mut Tx<'_>) -> StoreResult<Vec<LeaseRow>> {
    tx.query(&LEASES, &[], |r| {
        Ok(LeaseRow {
            workspace: r.id(0)?,
            owner: r.t(1)?,
            epoch: r.i(2)?,
            until: Ms(r.i(3)?),
        })
    })
}

/// Takes the planner's lease when it is free, already ours, or still as in `lapsed` (epoch and end), which the caller saw
/// unchanged for longer than a lease lasts; the new lease epoch.
pub fn take_lease(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    node: &str,
    until: Ms,
    lapsed: Option<(i64, Ms)>,
) -> StoreResult<Option<i64>> {
    let (epoch, end) = lapsed.unwrap_or((-1, Ms(-1)));
    let values = [w.into(), node.into(), until.into(), epoch.into(), end.into()];
    tx.opt(&TAKE_LEASE, &values, |r| r.i(0))
}

/// Renews the leases of a node; workspace and epoch of each that could be (system function).
pub fn renew_leases(tx: &mut Tx<'_>, node: &str, until: Ms) -> StoreResult<Vec<(WorkspaceId, i64)>> {
    tx.query(&RENEW_LEASES, &[node.into(), until.into()], |r| Ok((r.id(0)?, r.i(1)?)))
}

/// The workspaces with inputs that no planner has read (system function).
pub fn open_workspaces(tx: &mut Tx<'_>) -> StoreResult<Vec<WorkspaceId>> {
    tx.query(&OPEN_WORKSPACES, &[], |r| r.id(0))
}

/// Number of rows renewed: 0 when another node has the lease.
pub fn renew_lease(tx: &mut Tx<'_>, w: WorkspaceId, node: &str, epoch: i64, until: Ms) -> StoreResult<u64> {
    tx.exec(&RENEW_LEASE, &[w.into(), node.into(), until.into(), epoch.into()])
}

/// Ends the leases of a node that stops, so that another plans at once; their number (system function).
pub fn release_leases(tx: &mut Tx<'_>, node: &str) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&RELEASE_LEASES, &[node.into(), now.into()])
}

/// Moves the head from `seen` to `new`; 0 rows when anybody planned meanwhile or the lease is another's.
pub fn advance(tx: &mut Tx<'_>, w: WorkspaceId, seen: &Head, new: &Head) -> StoreResult<u64> {
    tx.exec(
        &ADVANCE,
        &[
            w.into(),
            new.decision_seq.into(),
            new.input_seq.into(),
            new.at.into(),
            new.stamp.into(),
            seen.decision_seq.into(),
            seen.input_seq.into(),
            seen.lease_epoch.into(),
            new.lease_until.into(),
            (&new.hash).into(),
        ],
    )
}

pub fn open_inputs(tx: &mut Tx<'_>, w: WorkspaceId, limit: i64) -> StoreResult<Vec<InputRow>> {
    tx.query(&OPEN_INPUTS, &[w.into(), limit.into()], |r| {
        Ok(InputRow {
            id: r.i(0)?,
            command_id: r.ot(1)?,
            at: Ms(r.i(2)?),
            fact: r.t(3)?,
        })
    })
}

/// Writes an input for the planner; a command id that was used before writes nothing (0).
pub fn insert_input(tx: &mut Tx<'_>, w: WorkspaceId, command_id: Option<&str>, fact: &str) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&INSERT_INPUT, &[w.into(), command_id.into(), now.into(), fact.into()])
}

/// Writes several inputs without command ids, in order.
pub fn insert_inputs(tx: &mut Tx<'_>, w: WorkspaceId, facts: &[String]) -> StoreResult<u64> {
    let mut rows = Rows::new();
    for f in facts {
        rows.push([f.as_str().into()]);
    }
    let now = tx.now();
    tx.batch(&INSERT_INPUTS, &rows, &[w.into(), now.into()])
}

/// An input consumed by a plan.
#[derive(Clone, Debug)]
pub struct Consumed {
    /// The row; null for a command from the mailbox, which is inserted with its result.
    pub row: Option<i64>,
    pub command_id: Option<String>,
    pub at: Ms,
    pub fact: String,
    pub seq: i64,
    pub result: String,
}

/// Stamps rows and inserts mailbox commands, each with its result; the number of rows written.
pub fn consume(tx: &mut Tx<'_>, w: WorkspaceId, consumed: &[Consumed]) -> StoreResult<u64> {
    let (mut stamped, mut inserted) = (Rows::new(), Rows::new());
    for c in consumed {
        match c.row {
            Some(id) => stamped.push([id.into(), c.seq.into(), c.result.as_str().into()]),
            None => inserted.push([
                c.command_id.clone().into(),
                c.at.into(),
                c.fact.as_str().into(),
                c.seq.into(),
                c.result.as_str().into(),
            ]),
        }
    }
    Ok(tx.batch(&STAMP_INPUTS, &stamped, &[w.into()])? + tx.batch(&INSERT_DONE, &inserted, &[w.into()])?)
}

/// The stored result of a command.
pub fn result(tx: &mut Tx<'_>, w: WorkspaceId, command_id: &str) -> StoreResult<Option<String>> {
    Ok(tx.opt(&RESULT, &[w.into(), command_id.into()], |r| r.ot(0))?.flatten())
}

pub fn loads(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<LoadRow>> {
    tx.query(&LOADS, &[w.into()], |r| {
        Ok(LoadRow {
            agent: r.id(0)?,
            load: r.i(1)?,
            stamp: r.i(2)?,
            routing: r.ot(3)?,
        })
    })
}

/// Makes sure that an agent has a load row.
pub fn new_load(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> StoreResult<u64> {
    tx.exec(&NEW_LOAD, &[w.into(), agent.into()])
}

/// Counts every load again from what agents hold, and makes the rows that are missing.
pub fn recount_loads(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<u64> {
    tx.exec(&RECOUNT, &[w.into()])
}

/// What one plan changes on one agent. One row per agent.
#[derive(Clone, Debug)]
pub struct LoadDelta {
    pub agent: AgentId,
    pub delta: i64,
    /// What the load may not pass when it grows.
    pub limit: i64,
    pub stamp: i64,
    pub routing: Option<String>,
}

/// Applies deltas, the capacity guard inside the update; the caller compares the count with the plan.
pub fn apply_loads(tx: &mut Tx<'_>, w: WorkspaceId, deltas: &[LoadDelta]) -> StoreResult<u64> {
    let (mut ids, mut rows) = (Rows::new(), Rows::new());
    for d in deltas {
        ids.push([d.agent.into()]);
        rows.push([
            d.agent.into(),
            d.delta.into(),
            d.limit.into(),
            d.stamp.into(),
            d.routing.clone().into(),
        ]);
    }
    if !tx.is_sqlite() {
        tx.batch_query(&LOCK_LOADS, &ids, &[w.into()], |_| Ok(()))?;
    }
    tx.batch(&LOAD_DELTAS, &rows, &[w.into()])
}

pub fn rounds(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<RoundRow>> {
    tx.query(&ROUNDS, &[w.into()], |r| {
        Ok(RoundRow {
            conversation: r.id(0)?,
            missed: r.t(1)?,
            moves: r.i(2)?,
            transfers: r.i(3)?,
        })
    })
}

pub fn put_rounds(tx: &mut Tx<'_>, w: WorkspaceId, rounds: &[RoundRow]) -> StoreResult<u64> {
    let mut rows = Rows::new();
    for r in rounds {
        rows.push([
            r.conversation.into(),
            r.missed.as_str().into(),
            r.moves.into(),
            r.transfers.into(),
        ]);
    }
    tx.batch(&PUT_ROUNDS, &rows, &[w.into()])
}

pub fn drop_round(tx: &mut Tx<'_>, w: WorkspaceId, conversation: ConversationId) -> StoreResult<u64> {
    tx.exec(&DROP_ROUNDS, &[w.into(), conversation.into()])
}

fn read_policy(r: &Row<'_>) -> StoreResult<PolicyRow> {
    Ok(PolicyRow {
        version: r.i(0)?,
        body: r.t(1)?,
        groups: r.t(2)?,
        tests: r.t(3)?,
        note: r.t(4)?,
        restored_from: r.oi(5)?,
        author: r.oid(6)?,
        created_at: Ms(r.i(7)?),
        approved_by: r.oid(8)?,
    })
}

/// The policy in force.
pub fn policy(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Option<PolicyRow>> {
    tx.opt(&POLICY, &[w.into()], read_policy)
}

/// Versions below `before`, newest first.
pub fn policies(tx: &mut Tx<'_>, w: WorkspaceId, before: i64, limit: i64) -> StoreResult<Vec<PolicyRow>> {
    tx.query(&POLICIES, &[w.into(), before.into(), limit.into()], read_policy)
}

/// Adds a version, made now; the unique key refuses one that exists.
pub fn insert_policy(tx: &mut Tx<'_>, w: WorkspaceId, p: &PolicyRow) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &INSERT_POLICY,
        &[
            w.into(),
            p.version.into(),
            p.body.as_str().into(),
            p.groups.as_str().into(),
            p.tests.as_str().into(),
            p.note.as_str().into(),
            p.restored_from.into(),
            p.author.into(),
            now.into(),
            p.approved_by.into(),
        ],
    )
}

/// Until when rotation is paused, by group; none is the whole workspace. Past ones are among them.
pub fn pauses(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<(Option<GroupId>, Ms)>> {
    tx.query(&PAUSES, &[w.into()], |r| {
        let group = r.i(0)?;
        Ok(((group != 0).then_some(GroupId(group)), Ms(r.i(1)?)))
    })
}

/// Pauses rotation of a group, or of the whole workspace, until then; a time that has passed ends it.
pub fn pause(tx: &mut Tx<'_>, w: WorkspaceId, group: Option<GroupId>, until: Ms) -> StoreResult<u64> {
    let group = group.map_or(0, |g| g.0);
    tx.exec(&PAUSE, &[w.into(), group.into(), until.into()])
}
