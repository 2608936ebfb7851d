//! The members of a workspace (table `agent`): users of the panel and, with the right to reply, agents of routing.

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::agent::{AgentState, ChosenState};
use ronda_domain::permission::Role;
use ronda_domain::{AccountId, AgentId, ChannelAccountId, GroupId, Ms, SkillId, WorkspaceId};
use std::collections::BTreeMap;

/// A member as lists show them: with address, groups, load and state.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
    pub id: AgentId,
    pub workspace: WorkspaceId,
    pub account: Option<AccountId>,
    /// Empty when the member was deleted.
    pub email: String,
    pub role: Role,
    pub name: String,
    pub public_name: String,
    pub phone: Option<String>,
    pub photo: Option<String>,
    /// `active`, `suspended` or `deleted`.
    pub status: String,
    pub limit_override: Option<i64>,
    pub signature: String,
    pub version: i64,
    pub created_at: Ms,
    pub load: i64,
    pub state: AgentState,
    pub chosen: ChosenState,
    pub reason: String,
    pub since: Ms,
    /// When an absence ends by itself.
    pub away_until: Option<Ms>,
    pub last_activity_at: Option<Ms>,
    /// Chose to stay available while a push reaches them; is there by that alone.
    pub background: bool,
    pub by_push: bool,
    /// Held conversations whose customer is owed a reply.
    pub owed: i64,
    /// Channel accounts they may answer; none means all.
    pub channels: Option<Vec<ChannelAccountId>>,
    pub skills: Vec<SkillId>,
    /// Share of the work under the strategy Weighted.
    pub weight: i64,
    /// Place under the strategy Ranked: the lowest is served first.
    pub rank: i64,
    /// JSON of what differs from the preset of the role.
    pub settings: String,
    pub groups: Vec<GroupId>,
}

/// One line of the state history of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct StateRow {
    pub id: i64,
    pub state: String,
    pub reason: String,
    pub cause: String,
    pub by: Option<AgentId>,
    pub by_name: Option<String>,
    pub at: Ms,
}

/// A workspace that an account is an active member of.
#[derive(Clone, Debug, PartialEq)]
pub struct MembershipRow {
    pub workspace: WorkspaceId,
    pub name: String,
    pub role: Role,
}

macro_rules! columns {
    () => {
        "select u.id, u.workspace, u.account, coalesce(a.email, ''), u.role, u.name, u.public_name, u.phone, u.photo, u.status,
           u.limit_override, u.signature, u.version, u.created_at, coalesce(l.load, 0), coalesce(p.effective, 'offline'),
           coalesce(p.chosen, 'online'), coalesce(p.reason, ''), coalesce(p.since, u.created_at), p.away_until, p.last_activity_at,
           (select count(*) from conversation as c where c.workspace = u.workspace and c.owner = u.id and c.place = 'held'
             and c.owed_since is not null), u.channels, u.settings, u.skills, u.weight, u.rank, coalesce(p.background, 0), coalesce(p.by_push, 0)
         from agent as u left join account as a on a.id = u.account
           left join agent_load as l on l.workspace = u.workspace and l.agent = u.id
           left join agent_presence as p on p.workspace = u.workspace and p.agent = u.id"
    };
}

statements! {
    INSERT = "insert into agent(workspace, account, role, name, public_name, created_at) values ($1, $2, $3, $4, $5, $6) returning id";
    GET = concat!(columns!(), " where u.workspace = $1 and u.id = $2");
    GET_MANY = concat!(columns!(), ", {rows(id: i64)} as x where u.workspace = $2 and u.id = x.id");
    OF_WORKSPACE = concat!(columns!(), " where u.workspace = $1 and u.status <> 'deleted' and u.id > $2 order by u.id limit $3");
    GROUPS = "select m.agent, m.group_id from agent_group_member as m, agent_group as g
        where m.workspace = $1 and g.id = m.group_id and g.deleted_at is null order by m.agent, m.group_id";
    GROUPS_OF_MANY = "select m.agent, m.group_id from {rows(id: i64)} as x, agent_group_member as m, agent_group as g
        where m.workspace = $2 and m.agent = x.id and g.id = m.group_id and g.deleted_at is null order by m.agent, m.group_id";
    GROUPS_OF = "select m.group_id from agent_group_member as m, agent_group as g
        where m.workspace = $1 and m.agent = $2 and g.id = m.group_id and g.deleted_at is null order by m.group_id";
    BY_ACCOUNT = "select id, status from agent where workspace = $1 and account = $2";
    UPDATE = "update agent set role = $3, name = $4, public_name = $5, phone = $6, photo = $7, status = $8, limit_override = $9,
          signature = $10, channels = $12, settings = $13, skills = $14, weight = $15, rank = $16, version = version + 1 where workspace = $1 and id = $2 and version = $11";
    DELETE = "update agent set status = 'deleted', deleted_at = $3, account = null, phone = null, photo = null, signature = '',
          version = version + 1 where workspace = $1 and id = $2 and status <> 'deleted'";
    REVIVE = "update agent set status = 'active', role = $3, version = version + 1 where workspace = $1 and id = $2";
    TOUCH = "update agent set version = version + 1 where workspace = $1 and id = $2 returning version";
    PHOTO = "select id from file where workspace = $1 and public_id = $2 and mime like 'image/%' and size <= $3";
    OWNERS = "select count(*) from agent where workspace = $1 and role = 'owner' and status = 'active' and id <> $2";
    LOCK_WORKSPACE = "select id from workspace where id = $1 {lock: for update}";
    MEMBERSHIPS = "select u.workspace, w.name, u.role from agent as u, workspace as w
        where u.account = $1 and u.status = 'active' and w.id = u.workspace and w.status = 'active' order by u.workspace";
    ANY_MEMBERSHIP = "select id from agent where account = $1 limit 1";
    STATES = "select s.id, s.state, s.reason, s.cause, s.by_agent, b.name, s.at
        from agent_state_log as s left join agent as b on b.workspace = s.workspace and b.id = s.by_agent
        where s.workspace = $1 and s.agent = $2 and s.id < $3 and s.at >= $4 and s.at < $5 order by s.id desc limit $6";
    STATE_AT = "select s.id, s.state, s.reason, s.cause, s.by_agent, b.name, s.at
        from agent_state_log as s left join agent as b on b.workspace = s.workspace and b.id = s.by_agent
        where s.workspace = $1 and s.agent = $2 and s.at <= $3 order by s.id desc limit 1";
}

fn read(r: &Row<'_>) -> StoreResult<UserRow> {
    Ok(UserRow {
        id: r.id(0)?,
        workspace: r.id(1)?,
        account: r.oid(2)?,
        email: r.t(3)?,
        role: r.word(4, Role::parse, "agent.role")?,
        name: r.t(5)?,
        public_name: r.t(6)?,
        phone: r.ot(7)?,
        photo: r.ot(8)?,
        status: r.t(9)?,
        limit_override: r.oi(10)?,
        signature: r.t(11)?,
        version: r.i(12)?,
        created_at: Ms(r.i(13)?),
        load: r.i(14)?,
        state: r.word(15, AgentState::parse, "agent_presence.effective")?,
        chosen: r.word(16, ChosenState::parse, "agent_presence.chosen")?,
        reason: r.t(17)?,
        since: Ms(r.i(18)?),
        away_until: r.oi(19)?.map(Ms),
        last_activity_at: r.oi(20)?.filter(|at| *at > 0).map(Ms),
        owed: r.i(21)?,
        channels: match r.ot(22)? {
            None => None,
            Some(_) => Some(r.json(22, "agent.channels")?),
        },
        settings: r.t(23)?,
        skills: r.json(24, "agent.skills")?,
        weight: r.i(25)?,
        rank: r.i(26)?,
        background: r.b(27)?,
        by_push: r.b(28)?,
        groups: Vec::new(),
    })
}

pub fn insert(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    account: AccountId,
    role: Role,
    name: &str,
    public_name: &str,
) -> StoreResult<AgentId> {
    let now = tx.now();
    tx.one(
        &INSERT,
        &[
            w.into(),
            account.into(),
            role.as_str().into(),
            name.into(),
            public_name.into(),
            now.into(),
        ],
        |r| r.id(0),
    )
}

/// A member, deleted ones included: history keeps their names.
pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: AgentId) -> StoreResult<Option<UserRow>> {
    let Some(mut user) = tx.opt(&GET, &[w.into(), id.into()], read)? else {
        return Ok(None);
    };
    user.groups = tx.query(&GROUPS_OF, &[w.into(), id.into()], |r| r.id(0))?;
    Ok(Some(user))
}

/// The members after id `after`, at most `limit`, without the deleted.
pub fn page(tx: &mut Tx<'_>, w: WorkspaceId, after: i64, limit: i64) -> StoreResult<Vec<UserRow>> {
    let users = tx.query(&OF_WORKSPACE, &[w.into(), after.into(), limit.into()], read)?;
    let groups = tx.query(&GROUPS, &[w.into()], |r| Ok((r.id(0)?, r.id(1)?)))?;
    Ok(with_groups(users, groups))
}

/// Members by id, in any order, deleted ones included.
pub fn get_many(tx: &mut Tx<'_>, w: WorkspaceId, ids: &[AgentId]) -> StoreResult<Vec<UserRow>> {
    let mut rows = Rows::new();
    for id in ids {
        rows.push([(*id).into()]);
    }
    let users = tx.batch_query(&GET_MANY, &rows, &[w.into()], read)?;
    let groups = tx.batch_query(&GROUPS_OF_MANY, &rows, &[w.into()], |r| Ok((r.id(0)?, r.id(1)?)))?;
    Ok(with_groups(users, groups))
}

fn with_groups(mut users: Vec<UserRow>, all: Vec<(AgentId, GroupId)>) -> Vec<UserRow> {
    let mut groups: BTreeMap<AgentId, Vec<GroupId>> = BTreeMap::new();
    for (agent, group) in all {
        groups.entry(agent).or_default().push(group);
    }
    for user in &mut users {
        user.groups = groups.remove(&user.id).unwrap_or_default();
    }
    users
}

/// The member that an account is, with its status.
pub fn by_account(tx: &mut Tx<'_>, w: WorkspaceId, account: AccountId) -> StoreResult<Option<(AgentId, String)>> {
    tx.opt(&BY_ACCOUNT, &[w.into(), account.into()], |r| Ok((r.id(0)?, r.t(1)?)))
}

/// Writes what people edit, guarded by the version in `u`. Number of rows changed.
pub fn update(tx: &mut Tx<'_>, u: &UserRow) -> StoreResult<u64> {
    tx.exec(
        &UPDATE,
        &[
            u.workspace.into(),
            u.id.into(),
            u.role.as_str().into(),
            (&u.name).into(),
            (&u.public_name).into(),
            u.phone.as_deref().into(),
            u.photo.as_deref().into(),
            (&u.status).into(),
            u.limit_override.into(),
            (&u.signature).into(),
            u.version.into(),
            u.channels.as_ref().map(|c| serde_json::json!(c).to_string()).into(),
            (&u.settings).into(),
            serde_json::json!(u.skills).to_string().into(),
            u.weight.into(),
            u.rank.into(),
        ],
    )
}

/// Anonymises a member to the name in history.
pub fn delete(tx: &mut Tx<'_>, w: WorkspaceId, id: AgentId) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&DELETE, &[w.into(), id.into(), now.into()])
}

/// Makes a suspended member active again, with a role.
pub fn revive(tx: &mut Tx<'_>, w: WorkspaceId, id: AgentId, role: Role) -> StoreResult<u64> {
    tx.exec(&REVIVE, &[w.into(), id.into(), role.as_str().into()])
}

/// The groups of a member changed elsewhere: the new version.
pub fn touch(tx: &mut Tx<'_>, w: WorkspaceId, id: AgentId) -> StoreResult<i64> {
    tx.one(&TOUCH, &[w.into(), id.into()], |r| r.i(0))
}

/// Whether a file of the workspace is a picture of at most `bytes`.
pub fn is_photo(tx: &mut Tx<'_>, w: WorkspaceId, public_id: &str, bytes: i64) -> StoreResult<bool> {
    Ok(tx
        .opt(&PHOTO, &[w.into(), public_id.into(), bytes.into()], |r| r.i(0))?
        .is_some())
}

/// Active owners besides `but`. Locks the workspace first, so that two owners cannot demote each other at once.
pub fn other_owners(tx: &mut Tx<'_>, w: WorkspaceId, but: AgentId) -> StoreResult<i64> {
    tx.query(&LOCK_WORKSPACE, &[w.into()], |r| r.i(0))?;
    tx.one(&OWNERS, &[w.into(), but.into()], |r| r.i(0))
}

/// The workspaces of an account (system function).
pub fn memberships(tx: &mut Tx<'_>, account: AccountId) -> StoreResult<Vec<MembershipRow>> {
    tx.query(&MEMBERSHIPS, &[account.into()], |r| {
        Ok(MembershipRow {
            workspace: r.id(0)?,
            name: r.t(1)?,
            role: r.word(2, Role::parse, "agent.role")?,
        })
    })
}

/// Whether any workspace still has the account, suspended ones included (system function).
pub fn belongs_anywhere(tx: &mut Tx<'_>, account: AccountId) -> StoreResult<bool> {
    Ok(tx.opt(&ANY_MEMBERSHIP, &[account.into()], |r| r.i(0))?.is_some())
}

/// The state history of an agent, newest first, before entry `before` and inside `[from, to)`.
pub fn states(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    agent: AgentId,
    before: i64,
    from: Ms,
    to: Ms,
    limit: i64,
) -> StoreResult<Vec<StateRow>> {
    tx.query(
        &STATES,
        &[
            w.into(),
            agent.into(),
            before.into(),
            from.into(),
            to.into(),
            limit.into(),
        ],
        read_state,
    )
}

/// The last change of state of an agent up to `at`.
pub fn state_at(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, at: Ms) -> StoreResult<Option<StateRow>> {
    tx.opt(&STATE_AT, &[w.into(), agent.into(), at.into()], read_state)
}

fn read_state(r: &Row<'_>) -> StoreResult<StateRow> {
    Ok(StateRow {
        id: r.i(0)?,
        state: r.t(1)?,
        reason: r.t(2)?,
        cause: r.t(3)?,
        by: r.oid(4)?,
        by_name: r.ot(5)?,
        at: Ms(r.i(6)?),
    })
}
