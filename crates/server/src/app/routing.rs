//! What routing is told about changes of people and groups.

use crate::app::AppResult;
use ronda_domain::{AgentId, GroupId, WorkspaceId};
use ronda_storage::{Tx, Wake};

/// A user, the groups of a user, a limit or a suspension changed: the planner looks at the agent again.
///
/// # Errors
/// When the database fails.
pub fn agent_edited(tx: &mut Tx<'_>, workspace: WorkspaceId, agent: AgentId) -> AppResult<()> {
    let _ = agent;
    tx.wake(Wake::Planner(workspace));
    Ok(())
}

/// A group, its members or its existence changed. With `heir` the group is gone and its conversations wait there; gone
/// without an heir, it had none.
///
/// # Errors
/// When the database fails.
pub fn group_changed(tx: &mut Tx<'_>, workspace: WorkspaceId, group: GroupId, heir: Option<GroupId>) -> AppResult<()> {
    let _ = (group, heir);
    tx.wake(Wake::Planner(workspace));
    Ok(())
}
