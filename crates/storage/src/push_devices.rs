//! Browsers that are reached by push, what is on its way to them, and how far the log was read for that.

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::{AgentId, ConversationId, Ms, SessionId, WorkspaceId};

/// The name of the reader of the log.
const CONSUMER: &str = "push";

/// A browser of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushDeviceRow {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub agent: AgentId,
    pub session: SessionId,
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
    pub label: String,
    pub language: String,
    pub created_at: Ms,
    /// When the push service last took a push.
    pub accepted_at: Option<Ms>,
    /// Pushes it has not taken since.
    pub failures: i64,
}

/// A device to be remembered.
#[derive(Clone, Debug)]
pub struct NewPushDevice<'a> {
    pub agent: AgentId,
    pub session: SessionId,
    pub endpoint: &'a str,
    pub p256dh: &'a str,
    pub auth: &'a str,
    pub label: &'a str,
    pub language: &'a str,
}

/// A push that is due, with the device it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushJobRow {
    pub id: i64,
    pub conversation: Option<ConversationId>,
    /// JSON of what the device shows.
    pub body: String,
    /// This one counted.
    pub attempts: i64,
    pub created_at: Ms,
    pub device: PushDeviceRow,
    /// The agent holds the conversation no longer, or the session is over.
    pub stale: bool,
}

macro_rules! columns {
    () => {
        "d.id, d.workspace, d.agent, d.session, d.endpoint, d.p256dh, d.auth, d.label, d.language, d.created_at, d.accepted_at, d.failures"
    };
}

statements! {
    PUT = "insert into push_device(workspace, agent, session, endpoint, p256dh, auth, label, language, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (endpoint) do update set workspace = excluded.workspace, agent = excluded.agent, session = excluded.session,
          p256dh = excluded.p256dh, auth = excluded.auth, label = excluded.label, language = excluded.language, failures = 0
        returning id";
    OF_AGENT = concat!("select ", columns!(), " from push_device as d, session as s where d.workspace = $1 and d.agent = $2
        and s.id = d.session and s.expires_at > $3 order by d.id limit $4");
    GET = concat!("select ", columns!(), " from push_device as d where d.workspace = $1 and d.id = $2");
    DELETE = "delete from push_device where workspace = $1 and agent = $2 and id = $3";
    ACCEPTED = "update push_device set accepted_at = $3, failures = 0 where workspace = $1 and id = $2";
    FAILED = "update push_device set failures = failures + 1 where workspace = $1 and id = $2";
    /// One row per device of these agents.
    HAVE = "select d.agent, d.id, d.language from {rows(agent: i64)} as p, push_device as d, session as s
        where d.workspace = $2 and d.agent = p.agent and s.id = d.session and s.workspace = d.workspace and s.expires_at > $3";
    ANY = "select id from push_device where workspace = $1 limit 1";
    /// The row is locked by it, so that nobody forgets it meanwhile.
    FOLLOW = "insert into consumer_cursor(consumer, workspace, seq) values ($1, $2, $3)
        on conflict (consumer, workspace) do update set seq = consumer_cursor.seq";
    BEHIND = "select c.workspace, c.seq from consumer_cursor as c, event_head as h
        where c.consumer = $1 and h.workspace = c.workspace and h.seq > c.seq";
    MOVE = "update consumer_cursor set seq = $4 where consumer = $1 and workspace = $2 and seq = $3";
    LEAVE = "delete from consumer_cursor where consumer = $1 and workspace = $2";
    NEW_JOB = "insert into push_job(workspace, device, conversation, body, due_at, created_at)
        select cast($4 as bigint), p.device, p.conversation, p.body, cast($5 as bigint), cast($5 as bigint)
        from {rows(device: i64, conversation: i64, body: text)} as p";
    NEXT_JOB = "select min(due_at) from push_job where lease_until <= $1";
    CLAIM = "update push_job set lease_until = $2, attempts = attempts + 1 where id in (select id from push_job
          where due_at <= $1 and lease_until <= $1 order by due_at limit $3) and lease_until <= $1
        returning id";
    JOBS = concat!("select j.id, j.conversation, j.body, j.attempts, j.created_at,
          cast(case when exists (select 1 from session as s where s.id = d.session and s.workspace = d.workspace and s.expires_at > $2)
            and (j.conversation is null or exists (select 1 from conversation as c where c.id = j.conversation and c.workspace = j.workspace
              and c.owner = d.agent and c.place = 'held')) then 0 else 1 end as bigint), ",
          columns!(), "
        from {rows(id: i64)} as p, push_job as j, push_device as d where j.id = p.id and d.id = j.device");
    JOB_DONE = "delete from push_job where id = $1";
    JOB_LATER = "update push_job set due_at = $2, lease_until = 0 where id = $1";
}

fn read_from(r: &Row<'_>, at: usize) -> StoreResult<PushDeviceRow> {
    Ok(PushDeviceRow {
        id: r.i(at)?,
        workspace: r.id(at + 1)?,
        agent: r.id(at + 2)?,
        session: r.id(at + 3)?,
        endpoint: r.t(at + 4)?,
        p256dh: r.t(at + 5)?,
        auth: r.t(at + 6)?,
        label: r.t(at + 7)?,
        language: r.t(at + 8)?,
        created_at: Ms(r.i(at + 9)?),
        accepted_at: r.oi(at + 10)?.map(Ms),
        failures: r.i(at + 11)?,
    })
}

fn read(r: &Row<'_>) -> StoreResult<PushDeviceRow> {
    read_from(r, 0)
}

/// Remembers a browser by its endpoint; known, it belongs to this agent and session from now on. From now on the log of
/// the workspace is read for it.
pub fn put(tx: &mut Tx<'_>, w: WorkspaceId, new: &NewPushDevice<'_>) -> StoreResult<i64> {
    let now = tx.now();
    let head = crate::events::head(tx, w)?;
    tx.exec(&FOLLOW, &[CONSUMER.into(), w.into(), head.into()])?;
    tx.one(
        &PUT,
        &[
            w.into(),
            new.agent.into(),
            new.session.into(),
            new.endpoint.into(),
            new.p256dh.into(),
            new.auth.into(),
            new.label.into(),
            new.language.into(),
            now.into(),
        ],
        |r| r.i(0),
    )
}

/// The devices of an agent whose sessions go on, oldest first.
pub fn of_agent(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, limit: i64) -> StoreResult<Vec<PushDeviceRow>> {
    let now = tx.now();
    tx.query(&OF_AGENT, &[w.into(), agent.into(), now.into(), limit.into()], read)
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<Option<PushDeviceRow>> {
    tx.opt(&GET, &[w.into(), id.into()], read)
}

/// Forgets a device and what was on its way to it.
pub fn delete(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, id: i64) -> StoreResult<u64> {
    tx.exec(&DELETE, &[w.into(), agent.into(), id.into()])
}

/// The push service took a push.
pub fn accepted(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&ACCEPTED, &[w.into(), id.into(), now.into()])
}

/// It did not.
pub fn failed(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<u64> {
    tx.exec(&FAILED, &[w.into(), id.into()])
}

/// The devices of these agents: agent, device, language.
pub fn of_agents(tx: &mut Tx<'_>, w: WorkspaceId, agents: &[AgentId]) -> StoreResult<Vec<(AgentId, i64, String)>> {
    let now = tx.now();
    let mut rows = Rows::new();
    for agent in agents {
        rows.push([(*agent).into()]);
    }
    tx.batch_query(&HAVE, &rows, &[w.into(), now.into()], |r| {
        Ok((r.id(0)?, r.i(1)?, r.t(2)?))
    })
}

// The log ------------------------------------------------------------------------------------------------------------

/// The workspaces whose log has something to read, and up to where it was read (system function: the worker).
pub fn behind(tx: &mut Tx<'_>) -> StoreResult<Vec<(WorkspaceId, i64)>> {
    tx.query(&BEHIND, &[CONSUMER.into()], |r| Ok((r.id(0)?, r.i(1)?)))
}

/// Notes that the log was read from `from` to `to`; `false` when somebody else has. A workspace without a device is
/// not read any more.
pub fn advance(tx: &mut Tx<'_>, w: WorkspaceId, from: i64, to: i64) -> StoreResult<bool> {
    if tx.exec(&MOVE, &[CONSUMER.into(), w.into(), from.into(), to.into()])? == 0 {
        return Ok(false);
    }
    if tx.opt(&ANY, &[w.into()], |r| r.i(0))?.is_none() {
        tx.exec(&LEAVE, &[CONSUMER.into(), w.into()])?;
    }
    Ok(true)
}

// On its way ---------------------------------------------------------------------------------------------------------

/// Pushes to send at once: the device, the conversation it is about, and what it shows as JSON.
pub fn enqueue(tx: &mut Tx<'_>, w: WorkspaceId, jobs: &[(i64, Option<ConversationId>, String)]) -> StoreResult<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    let now = tx.now();
    let mut rows = Rows::new();
    for (device, conversation, body) in jobs {
        rows.push([(*device).into(), (*conversation).into(), body.as_str().into()]);
    }
    tx.batch(&NEW_JOB, &rows, &[w.into(), now.into()])?;
    Ok(())
}

/// When the next push is due (system function: the worker).
pub fn next_job(tx: &mut Tx<'_>) -> StoreResult<Option<Ms>> {
    let now = tx.now();
    Ok(tx.one(&NEXT_JOB, &[now.into()], |r| r.oi(0))?.map(Ms))
}

/// Takes what is due until `lease_until` (system function: the worker).
pub fn claim(tx: &mut Tx<'_>, lease_until: Ms, limit: i64) -> StoreResult<Vec<PushJobRow>> {
    let now = tx.now();
    let ids: Vec<i64> = tx.query(&CLAIM, &[now.into(), lease_until.into(), limit.into()], |r| r.i(0))?;
    let mut rows = Rows::new();
    for id in ids {
        rows.push([id.into()]);
    }
    tx.batch_query(&JOBS, &rows, &[now.into()], |r| {
        Ok(PushJobRow {
            id: r.i(0)?,
            conversation: r.oid(1)?,
            body: r.t(2)?,
            attempts: r.i(3)?,
            created_at: Ms(r.i(4)?),
            stale: r.b(5)?,
            device: read_from(r, 6)?,
        })
    })
}

pub fn job_done(tx: &mut Tx<'_>, id: i64) -> StoreResult<u64> {
    tx.exec(&JOB_DONE, &[id.into()])
}

pub fn job_later(tx: &mut Tx<'_>, id: i64, due_at: Ms) -> StoreResult<u64> {
    tx.exec(&JOB_LATER, &[id.into(), due_at.into()])
}
