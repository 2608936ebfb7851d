//! Presence of agents: what they chose, when they last did something, and the leases of their connections (T8).

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::agent::{AgentState, ChosenState, StateCause};
use ronda_domain::{AgentId, Ms, WorkspaceId};

/// The presence of an agent as its row has it, with the end of the longest lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceRow {
    pub workspace: WorkspaceId,
    pub agent: AgentId,
    pub chosen: ChosenState,
    pub reason: String,
    pub away_until: Option<Ms>,
    pub last_activity_at: Ms,
    /// The end of the longest lease of any device on any node; zero without a lease.
    pub connected_until: Ms,
    /// When the last device left; null while one is connected or when its lease simply ran out.
    pub disconnected_at: Option<Ms>,
    pub effective: AgentState,
    pub since: Ms,
    /// They chose to stay available while a push reaches them (spec AG-5).
    pub background: bool,
    /// They are there by that alone.
    pub by_push: bool,
    /// A device of theirs took the last push, or none has failed yet, in a session that goes on: the settings of the
    /// workspace as JSON, which say for how long that counts. None for whoever did not choose it.
    pub reached: Option<String>,
}

macro_rules! columns {
    () => {
        "p.workspace, p.agent, p.chosen, p.reason, p.away_until, p.last_activity_at,
         coalesce((select max(l.until) from presence_lease as l where l.workspace = p.workspace and l.agent = p.agent), p.connected_until),
         p.disconnected_at, p.effective, p.since, p.background, p.by_push,
         case when p.background = 1 and exists (select 1 from push_device as d, session as s where d.workspace = p.workspace
             and d.agent = p.agent and d.failures = 0 and s.id = d.session and s.workspace = d.workspace and s.expires_at > $1)
           then (select w.settings from workspace as w where w.id = p.workspace) end"
    };
}

statements! {
    STATES_IN = "select s.agent, s.state, s.at from {rows(agent: i64)} as p, agent_state_log as s
        where s.workspace = $2 and s.agent = p.agent and s.at >= $3 and s.at < $4 order by s.agent, s.id";
    STATE_BEFORE = "select s.agent, s.state, s.at from {rows(agent: i64)} as p, agent_state_log as s
        where s.workspace = $2 and s.agent = p.agent and s.id = (select max(l.id) from agent_state_log as l
          where l.workspace = $2 and l.agent = p.agent and l.at < $3)";
    NEW = "insert into agent_presence(workspace, agent, since) values ($1, $2, $3) on conflict (workspace, agent) do nothing";
    LOCK = concat!("select ", columns!(), " from agent_presence as p where p.workspace = $2 and p.agent = $3 {lock: for update of p}");
    PRESENT = concat!("select ", columns!(), " from agent_presence as p where p.effective <> 'offline' or p.away_until is not null");
    PUT = "update agent_presence set chosen = $3, reason = $4, away_until = $5, last_activity_at = $6, connected_until = $7,
          disconnected_at = $8, effective = $9, since = $10, background = $11, by_push = $12 where workspace = $1 and agent = $2";
    LEASE = "insert into presence_lease(id, workspace, agent, node, until) values ($1, $2, $3, $4, $5)
        on conflict (id) do update set until = excluded.until";
    RENEW = "update presence_lease set until = $2 where node = $1";
    DROP_LEASE = "delete from presence_lease where id = $1";
    LEASES = "select count(*) from presence_lease where workspace = $1 and agent = $2 and until > $3";
    DROP_LEASES_OF = "delete from presence_lease where workspace = $1 and agent = $2";
    FORGET_LEASES = "delete from presence_lease where until < $1";
    LOG = "insert into agent_state_log(workspace, agent, state, reason, cause, by_agent, at) values ($1, $2, $3, $4, $5, $6, $7)";
}

fn read(r: &Row<'_>) -> StoreResult<PresenceRow> {
    Ok(PresenceRow {
        workspace: r.id(0)?,
        agent: r.id(1)?,
        chosen: r.word(2, ChosenState::parse, "agent_presence.chosen")?,
        reason: r.t(3)?,
        away_until: r.oi(4)?.map(Ms),
        last_activity_at: Ms(r.i(5)?),
        connected_until: Ms(r.i(6)?),
        disconnected_at: r.oi(7)?.map(Ms),
        effective: r.word(8, AgentState::parse, "agent_presence.effective")?,
        since: Ms(r.i(9)?),
        background: r.b(10)?,
        by_push: r.b(11)?,
        reached: r.ot(12)?,
    })
}

/// The presence of an agent, locked until the end of the transaction; made when there was none.
pub fn lock(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> StoreResult<PresenceRow> {
    let now = tx.now();
    tx.exec(&NEW, &[w.into(), agent.into(), now.into()])?;
    tx.one(&LOCK, &[now.into(), w.into(), agent.into()], read)
}

/// Everybody who is not offline, and those whose absence has an end (system function: the presence worker).
pub fn present(tx: &mut Tx<'_>) -> StoreResult<Vec<PresenceRow>> {
    let now = tx.now();
    tx.query(&PRESENT, &[now.into()], read)
}

pub fn put(tx: &mut Tx<'_>, p: &PresenceRow) -> StoreResult<u64> {
    tx.exec(
        &PUT,
        &[
            p.workspace.into(),
            p.agent.into(),
            p.chosen.as_str().into(),
            p.reason.as_str().into(),
            p.away_until.into(),
            p.last_activity_at.into(),
            p.connected_until.into(),
            p.disconnected_at.into(),
            p.effective.as_str().into(),
            p.since.into(),
            i64::from(p.background).into(),
            i64::from(p.by_push).into(),
        ],
    )
}

fn lease_id(node: &str, w: WorkspaceId, agent: AgentId) -> String {
    format!("{node}:{w}:{agent}")
}

/// This node holds a connection of the agent until `until`.
pub fn lease(tx: &mut Tx<'_>, node: &str, w: WorkspaceId, agent: AgentId, until: Ms) -> StoreResult<u64> {
    let id = lease_id(node, w, agent);
    tx.exec(&LEASE, &[id.into(), w.into(), agent.into(), node.into(), until.into()])
}

/// Renews every lease of a node in one statement.
pub fn renew(tx: &mut Tx<'_>, node: &str, until: Ms) -> StoreResult<u64> {
    tx.exec(&RENEW, &[node.into(), until.into()])
}

/// This node holds no connection of the agent any more.
pub fn drop_lease(tx: &mut Tx<'_>, node: &str, w: WorkspaceId, agent: AgentId) -> StoreResult<u64> {
    let id = lease_id(node, w, agent);
    tx.exec(&DROP_LEASE, &[id.into()])
}

/// Leases of the agent that run now, on whatever node.
pub fn leases(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> StoreResult<i64> {
    let now = tx.now();
    tx.one(&LEASES, &[w.into(), agent.into(), now.into()], |r| r.i(0))
}

/// Nobody holds a connection of the agent any more: signed out everywhere.
pub fn drop_leases_of(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> StoreResult<u64> {
    tx.exec(&DROP_LEASES_OF, &[w.into(), agent.into()])
}

/// Removes leases that ended long ago (system function).
pub fn forget_leases(tx: &mut Tx<'_>, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET_LEASES, &[before.into()])
}

/// Adds a line to the state history.
pub fn log(tx: &mut Tx<'_>, p: &PresenceRow, cause: StateCause, by: Option<AgentId>) -> StoreResult<u64> {
    tx.exec(
        &LOG,
        &[
            p.workspace.into(),
            p.agent.into(),
            p.effective.as_str().into(),
            p.reason.as_str().into(),
            cause.as_str().into(),
            by.into(),
            p.since.into(),
        ],
    )
}

/// The states of agents in `[from, to)`, in order, each after the one they were in when it began.
pub fn states_in(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    agents: &[AgentId],
    (from, to): (Ms, Ms),
) -> StoreResult<Vec<(AgentId, AgentState, Ms)>> {
    let mut rows = Rows::new();
    for agent in agents {
        rows.push([(*agent).into()]);
    }
    let read = |r: &Row<'_>| {
        Ok((
            r.id(0)?,
            r.word(1, AgentState::parse, "agent_state_log.state")?,
            Ms(r.i(2)?),
        ))
    };
    let mut found = tx.batch_query(&STATE_BEFORE, &rows, &[w.into(), from.into()], read)?;
    found.extend(tx.batch_query(&STATES_IN, &rows, &[w.into(), from.into(), to.into()], read)?);
    Ok(found)
}
