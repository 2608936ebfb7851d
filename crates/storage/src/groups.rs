//! Groups of agents.

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::{AgentId, ChannelAccountId, GroupId, Ms, WorkspaceId};

/// A group with its members.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRow {
    pub id: GroupId,
    pub workspace: WorkspaceId,
    pub name: String,
    /// The name as uniqueness is judged: without case and accents.
    pub name_key: String,
    pub key: String,
    /// Former keys that keep working, JSON array.
    pub aliases: String,
    pub description: String,
    pub colour: String,
    pub is_default: bool,
    /// Channel accounts it serves; none means all.
    pub channels: Option<Vec<ChannelAccountId>>,
    /// Who helps when it has nobody, or nobody had room for `overflow_seconds`.
    pub overflow: Option<GroupId>,
    pub overflow_seconds: Option<i64>,
    pub version: i64,
    pub created_at: Ms,
    pub members: Vec<AgentId>,
    pub supervisors: Vec<AgentId>,
}

macro_rules! columns {
    () => {
        "select id, workspace, name, name_key, key, aliases, description, colour, is_default, channels, overflow,
           overflow_seconds, version, created_at from agent_group"
    };
}

statements! {
    INSERT = "insert into agent_group(workspace, name, name_key, key, description, colour, is_default, created_at, channels,
          overflow, overflow_seconds) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id";
    GET = concat!(columns!(), " where workspace = $1 and id = $2 and deleted_at is null");
    OF_WORKSPACE = concat!(columns!(), " where workspace = $1 and deleted_at is null and id > $2 order by id limit $3");
    UPDATE = "update agent_group set name = $3, name_key = $4, key = $5, aliases = $6, description = $7, colour = $8, is_default = $9,
          channels = $11, overflow = $12, overflow_seconds = $13, version = version + 1 where workspace = $1 and id = $2 and version = $10 and deleted_at is null";
    DELETE = "update agent_group set deleted_at = $3, version = version + 1 where workspace = $1 and id = $2 and deleted_at is null";
    NO_DEFAULT = "update agent_group set is_default = 0, version = version + 1 where workspace = $1 and is_default = 1 and id <> $2";
    MEMBERS = "select agent, supervisor from agent_group_member where workspace = $1 and group_id = $2 order by agent";
    ALL_MEMBERS = "select group_id, agent, supervisor from agent_group_member where workspace = $1 order by group_id, agent";
    DROP_MEMBERS = "delete from agent_group_member where workspace = $1 and group_id = $2";
    ADD_MEMBERS = "insert into agent_group_member(workspace, group_id, agent, supervisor)
        select a.workspace, cast($3 as bigint), a.id, p.supervisor from {rows(agent: i64, supervisor: i64)} as p, agent as a
        where a.id = p.agent and a.workspace = $4 and a.status <> 'deleted'";
    LEAVE_ALL = "delete from agent_group_member where workspace = $1 and agent = $2";
    LEAVE = "delete from agent_group_member where workspace = $1 and agent = $2 and group_id = $3";
    ENTER = "insert into agent_group_member(workspace, group_id, agent, supervisor)
        select g.workspace, g.id, a.id, 0 from agent_group as g, agent as a
        where g.workspace = $1 and g.id = $3 and g.deleted_at is null and a.workspace = $1 and a.id = $2
        on conflict (workspace, group_id, agent) do nothing";
    TOUCH = "update agent_group set version = version + 1 where workspace = $1 and id = $2 returning version";
    HAND_OVERFLOW = "update agent_group set overflow = case when id = $3 then null else cast($3 as bigint) end, version = version + 1
        where workspace = $1 and overflow = $2 and deleted_at is null returning id";
    HAND_CHANNELS = "update channel_account set default_group = $3, version = version + 1 where workspace = $1 and default_group = $2";
    LIVE = "select count(*) from conversation where workspace = $1 and place in ('bot', 'waiting', 'held') and group_id = $2";
}

fn read(r: &Row<'_>) -> StoreResult<GroupRow> {
    Ok(GroupRow {
        id: r.id(0)?,
        workspace: r.id(1)?,
        name: r.t(2)?,
        name_key: r.t(3)?,
        key: r.t(4)?,
        aliases: r.t(5)?,
        description: r.t(6)?,
        colour: r.t(7)?,
        is_default: r.b(8)?,
        channels: match r.ot(9)? {
            None => None,
            Some(_) => Some(r.json(9, "agent_group.channels")?),
        },
        overflow: r.oid(10)?,
        overflow_seconds: r.oi(11)?,
        version: r.i(12)?,
        created_at: Ms(r.i(13)?),
        members: Vec::new(),
        supervisors: Vec::new(),
    })
}

fn channels(g: &GroupRow) -> Option<String> {
    g.channels.as_ref().map(|c| serde_json::json!(c).to_string())
}

/// Inserts the group without members. `id`, `version` and `created_at` of `g` are not looked at.
///
/// # Errors
/// [`crate::StoreError::Constraint`] when name or key is taken.
pub fn insert(tx: &mut Tx<'_>, g: &GroupRow) -> StoreResult<GroupId> {
    let now = tx.now();
    tx.one(
        &INSERT,
        &[
            g.workspace.into(),
            (&g.name).into(),
            (&g.name_key).into(),
            (&g.key).into(),
            (&g.description).into(),
            (&g.colour).into(),
            g.is_default.into(),
            now.into(),
            channels(g).into(),
            g.overflow.into(),
            g.overflow_seconds.into(),
        ],
        |r| r.id(0),
    )
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: GroupId) -> StoreResult<Option<GroupRow>> {
    let Some(mut group) = tx.opt(&GET, &[w.into(), id.into()], read)? else {
        return Ok(None);
    };
    for (agent, supervisor) in tx.query(&MEMBERS, &[w.into(), id.into()], |r| Ok((r.id(0)?, r.b(1)?)))? {
        group.seat(agent, supervisor);
    }
    Ok(Some(group))
}

/// The groups after id `after`, at most `limit`.
pub fn page(tx: &mut Tx<'_>, w: WorkspaceId, after: i64, limit: i64) -> StoreResult<Vec<GroupRow>> {
    let mut groups = tx.query(&OF_WORKSPACE, &[w.into(), after.into(), limit.into()], read)?;
    let seats = tx.query(&ALL_MEMBERS, &[w.into()], |r| {
        Ok((r.id::<GroupId>(0)?, r.id::<AgentId>(1)?, r.b(2)?))
    })?;
    for (group, agent, supervisor) in seats {
        if let Some(group) = groups.iter_mut().find(|g| g.id == group) {
            group.seat(agent, supervisor);
        }
    }
    Ok(groups)
}

impl GroupRow {
    fn seat(&mut self, agent: AgentId, supervisor: bool) {
        if supervisor {
            self.supervisors.push(agent);
        } else {
            self.members.push(agent);
        }
    }
}

/// Writes what people edit, guarded by the version in `g`. Number of rows changed.
pub fn update(tx: &mut Tx<'_>, g: &GroupRow) -> StoreResult<u64> {
    tx.exec(
        &UPDATE,
        &[
            g.workspace.into(),
            g.id.into(),
            (&g.name).into(),
            (&g.name_key).into(),
            (&g.key).into(),
            (&g.aliases).into(),
            (&g.description).into(),
            (&g.colour).into(),
            g.is_default.into(),
            g.version.into(),
            channels(g).into(),
            g.overflow.into(),
            g.overflow_seconds.into(),
        ],
    )
}

/// Makes `keep` the only group that may be the default.
pub fn no_other_default(tx: &mut Tx<'_>, w: WorkspaceId, keep: GroupId) -> StoreResult<u64> {
    tx.exec(&NO_DEFAULT, &[w.into(), keep.into()])
}

/// Replaces the members of a group. Agents of other workspaces and deleted ones are left out: compare the count.
pub fn set_members(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: GroupId,
    members: &[AgentId],
    supervisors: &[AgentId],
) -> StoreResult<u64> {
    tx.exec(&DROP_MEMBERS, &[w.into(), id.into()])?;
    let mut rows = Rows::new();
    for agent in members {
        rows.push([(*agent).into(), false.into()]);
    }
    for agent in supervisors {
        rows.push([(*agent).into(), true.into()]);
    }
    tx.batch(&ADD_MEMBERS, &rows, &[id.into(), w.into()])
}

/// Takes an agent out of one group. Number of rows changed.
pub fn leave(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, id: GroupId) -> StoreResult<u64> {
    tx.exec(&LEAVE, &[w.into(), agent.into(), id.into()])
}

/// Makes an agent a member of one group; a supervisor of it stays one. Number of rows changed.
pub fn enter(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, id: GroupId) -> StoreResult<u64> {
    tx.exec(&ENTER, &[w.into(), agent.into(), id.into()])
}

/// The members changed elsewhere: the new version.
pub fn touch(tx: &mut Tx<'_>, w: WorkspaceId, id: GroupId) -> StoreResult<i64> {
    tx.one(&TOUCH, &[w.into(), id.into()], |r| r.i(0))
}

/// Gives the channel accounts whose default is group `id` another one, or none.
pub fn hand_channels(tx: &mut Tx<'_>, w: WorkspaceId, id: GroupId, heir: Option<GroupId>) -> StoreResult<u64> {
    tx.exec(&HAND_CHANNELS, &[w.into(), id.into(), heir.into()])
}

/// Gives the groups that overflow into group `id` another one, or none; those that changed.
pub fn hand_overflow(tx: &mut Tx<'_>, w: WorkspaceId, id: GroupId, heir: Option<GroupId>) -> StoreResult<Vec<GroupId>> {
    tx.query(&HAND_OVERFLOW, &[w.into(), id.into(), heir.into()], |r| r.id(0))
}

/// Takes an agent out of every group.
pub fn leave_all(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> StoreResult<u64> {
    tx.exec(&LEAVE_ALL, &[w.into(), agent.into()])
}

pub fn delete(tx: &mut Tx<'_>, w: WorkspaceId, id: GroupId) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&DELETE, &[w.into(), id.into(), now.into()])
}

/// Live conversations of a group.
pub fn live_conversations(tx: &mut Tx<'_>, w: WorkspaceId, id: GroupId) -> StoreResult<i64> {
    tx.one(&LIVE, &[w.into(), id.into()], |r| r.i(0))
}
