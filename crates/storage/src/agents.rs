//! What the planner and messages need of members and groups, in one statement each.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::permission::Role;
use ronda_domain::{AgentId, ChannelAccountId, GroupId, SkillId, WorkspaceId};

/// An agent as routing sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutableRow {
    pub agent: AgentId,
    pub role: Role,
    /// Neither suspended nor deleted.
    pub active: bool,
    pub limit_override: Option<i64>,
    /// Channel accounts they may answer; none means all.
    pub channels: Option<Vec<ChannelAccountId>>,
    pub skills: Vec<SkillId>,
    /// Share of the work under the strategy Weighted.
    pub weight: i64,
    /// Place under the strategy Ranked.
    pub rank: i64,
}

/// A live group as routing sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutedGroup {
    pub group: GroupId,
    pub default: bool,
    /// Where its waiting conversations go when nobody is in it, or after so much open time.
    pub overflow: Option<GroupId>,
    pub overflow_seconds: Option<i64>,
}

statements! {
    NAMES = "select id, name from agent where workspace = $1";
    PUBLIC_NAMES = "select id, case when public_name = '' then name else public_name end from agent where workspace = $1";
    ROUTABLE = "select id, role, status, limit_override, channels, skills, weight, rank from agent where workspace = $1 order by id";
    ROUTABLE_ONE = "select id, role, status, limit_override, channels, skills, weight, rank from agent where workspace = $1 and id = $2";
    MEMBERS = "select m.agent, m.group_id from agent_group_member as m, agent_group as g where m.workspace = $1 and g.id = m.group_id
        and g.deleted_at is null order by m.agent, m.group_id";
    GROUPS = "select id, is_default, overflow, overflow_seconds from agent_group where workspace = $1 and deleted_at is null order by id";
}

fn read(r: &Row<'_>) -> StoreResult<RoutableRow> {
    Ok(RoutableRow {
        agent: r.id(0)?,
        role: r.word(1, Role::parse, "agent.role")?,
        active: r.t(2)? == "active",
        limit_override: r.oi(3)?,
        channels: match r.ot(4)? {
            None => None,
            Some(_) => Some(r.json(4, "agent.channels")?),
        },
        skills: r.json(5, "agent.skills")?,
        weight: r.i(6)?,
        rank: r.i(7)?,
    })
}

/// The names that customers see, of everybody who ever was a member. Inside the company people are called by
/// [`names`].
pub fn public_names(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<(AgentId, String)>> {
    tx.query(&PUBLIC_NAMES, &[w.into()], |r| Ok((r.id(0)?, r.t(1)?)))
}

/// The names of everybody who ever was a member, for those who work with them.
pub fn names(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<(AgentId, String)>> {
    tx.query(&NAMES, &[w.into()], |r| Ok((r.id(0)?, r.t(1)?)))
}

/// Everybody who ever was a member, ascending by id.
pub fn routable(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<RoutableRow>> {
    tx.query(&ROUTABLE, &[w.into()], read)
}

pub fn routable_one(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> StoreResult<Option<RoutableRow>> {
    tx.opt(&ROUTABLE_ONE, &[w.into(), agent.into()], read)
}

/// Who is in which live group, ascending.
pub fn members(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<(AgentId, GroupId)>> {
    tx.query(&MEMBERS, &[w.into()], |r| Ok((r.id(0)?, r.id(1)?)))
}

/// The live groups, ascending.
pub fn groups(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<RoutedGroup>> {
    tx.query(&GROUPS, &[w.into()], |r| {
        Ok(RoutedGroup {
            group: r.id(0)?,
            default: r.b(1)?,
            overflow: r.oid(2)?,
            overflow_seconds: r.oi(3)?,
        })
    })
}
