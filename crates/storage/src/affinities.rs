//! The agents who always attend a customer (spec AG-17).

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::agent::AgentState;
use ronda_domain::{AgentId, CustomerId, Ms, WorkspaceId};

/// The affinity of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffinityRow {
    pub customer: CustomerId,
    pub agent: AgentId,
    pub since: Ms,
    /// Who set it; none when an answer made it.
    pub by: Option<AgentId>,
    pub reason: String,
    pub strict: bool,
    pub expires_at: Option<Ms>,
}

/// An affinity with what is shown and decided beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffinityView {
    pub row: AffinityRow,
    pub customer_name: String,
    pub agent_name: String,
    /// The agent is neither suspended nor deleted.
    pub active: bool,
    pub state: AgentState,
    pub by_name: Option<String>,
}

macro_rules! view {
    () => {
        "select a.customer, a.agent, a.since, a.by_agent, a.reason, a.strict, a.expires_at, k.name, u.name, u.status,
           coalesce(p.effective, 'offline'), b.name
         from affinity as a join customer as k on k.id = a.customer join agent as u on u.id = a.agent
           left join agent_presence as p on p.workspace = a.workspace and p.agent = a.agent
           left join agent as b on b.id = a.by_agent"
    };
}

statements! {
    OF_CUSTOMER = concat!(view!(), " where a.workspace = $1 and a.customer = $2");
    OF_AGENT = concat!(view!(), " where a.workspace = $1 and a.agent = $2 and a.customer > $3 order by a.customer limit $4");
    PAGE = concat!(view!(), " where a.workspace = $1 and a.customer > $2 order by a.customer limit $3");
    PUT = "insert into affinity(workspace, customer, agent, since, by_agent, reason, strict, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (workspace, customer) do update set agent = excluded.agent, since = excluded.since, by_agent = excluded.by_agent,
          reason = excluded.reason, strict = excluded.strict, expires_at = excluded.expires_at";
    /// What an answer makes: only where nobody is or it has ended, or, with $6 = 1, where an answer made it before.
    LEARN = "insert into affinity(workspace, customer, agent, since, by_agent, reason) values ($1, $2, $3, $4, null, $5)
        on conflict (workspace, customer) do update set agent = excluded.agent, since = excluded.since, by_agent = null,
          reason = excluded.reason, strict = 0, expires_at = null
        where affinity.expires_at <= excluded.since or (affinity.by_agent is null and affinity.agent <> excluded.agent and $6 = 1)";
    END = "update affinity set expires_at = $4 where workspace = $1 and customer = $2 and agent = $3 and (expires_at is null or expires_at > $4)";
    DROP = "delete from affinity where workspace = $1 and customer = $2";
    GIVE_ALL = "update affinity set agent = $3, since = $4, by_agent = $5, reason = $6,
          expires_at = case when expires_at <= $4 then null else expires_at end where workspace = $1 and agent = $2 returning customer";
    DROP_ALL = "delete from affinity where workspace = $1 and agent = $2 returning customer";
    COUNTS = "select u.id, u.name, u.status, (select count(*) from affinity as a where a.workspace = u.workspace and a.agent = u.id)
        from agent as u where u.workspace = $1 order by u.id";
    INHERIT = "insert into affinity(workspace, customer, agent, since, by_agent, reason, strict, expires_at)
        select workspace, cast($3 as bigint), agent, since, by_agent, reason, strict, expires_at from affinity
        where workspace = $1 and customer = $2 on conflict (workspace, customer) do nothing";
}

fn read(r: &Row<'_>) -> StoreResult<AffinityView> {
    Ok(AffinityView {
        row: AffinityRow {
            customer: r.id(0)?,
            agent: r.id(1)?,
            since: Ms(r.i(2)?),
            by: r.oid(3)?,
            reason: r.t(4)?,
            strict: r.b(5)?,
            expires_at: r.oi(6)?.map(Ms),
        },
        customer_name: r.t(7)?,
        agent_name: r.t(8)?,
        active: r.t(9)? == "active",
        state: r.word(10, AgentState::parse, "agent_presence.effective")?,
        by_name: r.ot(11)?,
    })
}

pub fn of_customer(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId) -> StoreResult<Option<AffinityView>> {
    tx.opt(&OF_CUSTOMER, &[w.into(), customer.into()], read)
}

/// The affinities of an agent after customer `after`, at most `limit`.
pub fn of_agent(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    agent: AgentId,
    after: i64,
    limit: i64,
) -> StoreResult<Vec<AffinityView>> {
    tx.query(&OF_AGENT, &[w.into(), agent.into(), after.into(), limit.into()], read)
}

/// All after customer `after`, at most `limit`.
pub fn page(tx: &mut Tx<'_>, w: WorkspaceId, after: i64, limit: i64) -> StoreResult<Vec<AffinityView>> {
    tx.query(&PAGE, &[w.into(), after.into(), limit.into()], read)
}

/// Sets the affinity of a customer, whatever was before.
pub fn put(tx: &mut Tx<'_>, w: WorkspaceId, a: &AffinityRow) -> StoreResult<u64> {
    tx.exec(
        &PUT,
        &[
            w.into(),
            a.customer.into(),
            a.agent.into(),
            a.since.into(),
            a.by.into(),
            a.reason.as_str().into(),
            a.strict.into(),
            a.expires_at.into(),
        ],
    )
}

/// What an answer of `agent` makes: nothing where a person chose; with `replace`, it also takes the place of what
/// another answer made. Number of rows changed.
pub fn learn(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    customer: CustomerId,
    agent: AgentId,
    reason: &str,
    replace: bool,
) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &LEARN,
        &[
            w.into(),
            customer.into(),
            agent.into(),
            now.into(),
            reason.into(),
            replace.into(),
        ],
    )
}

/// It ends now, if it is still of `agent`; it stays in the list for whoever gives the customer to another. Number of rows
/// changed.
pub fn end(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId, agent: AgentId) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&END, &[w.into(), customer.into(), agent.into(), now.into()])
}

pub fn remove(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId) -> StoreResult<u64> {
    tx.exec(&DROP, &[w.into(), customer.into()])
}

/// Gives every customer of `from` to `to`, or to nobody; the customers.
pub fn give_all(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    from: AgentId,
    to: Option<AgentId>,
    by: AgentId,
    reason: &str,
) -> StoreResult<Vec<CustomerId>> {
    let now = tx.now();
    match to {
        None => tx.query(&DROP_ALL, &[w.into(), from.into()], |r| r.id(0)),
        Some(to) => tx.query(
            &GIVE_ALL,
            &[w.into(), from.into(), to.into(), now.into(), by.into(), reason.into()],
            |r| r.id(0),
        ),
    }
}

/// How many each who ever was a member has: id, name, whether active, number.
pub fn counts(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<(AgentId, String, bool, i64)>> {
    tx.query(&COUNTS, &[w.into()], |r| {
        Ok((r.id(0)?, r.t(1)?, r.t(2)? == "active", r.i(3)?))
    })
}

/// Two customers turned out to be one: what `into` has stays, otherwise it gets what `from` had.
pub fn merge(tx: &mut Tx<'_>, w: WorkspaceId, from: CustomerId, into: CustomerId) -> StoreResult<()> {
    tx.exec(&INHERIT, &[w.into(), from.into(), into.into()])?;
    tx.exec(&DROP, &[w.into(), from.into()])?;
    Ok(())
}
