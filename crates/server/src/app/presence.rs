//! Whether agents are there: what they chose, what they do, and whether they are connected (spec AG-5, T8).

use crate::App;
use crate::app::alerts::{self, Raised};
use crate::app::{AppError, AppResult, Who, audit, routing, users, views};
use ronda_domain::agent::{AgentState, CONNECTION_GRACE_MS, ChosenState, INACTIVITY_MS, LEASE_MS, StateCause};
use ronda_domain::event::{Event, EventKind};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, Ms, WorkspaceId};
use ronda_routing::{Fact, Presence};
use ronda_storage::presence::{self, PresenceRow};
use ronda_storage::{Lane, Tx};
use serde_json::json;
use std::sync::Arc;

/// Activity is written at most once a minute and agent. Source: architecture.md §8, T8.
const ACTIVITY_MS: i64 = Ms::MINUTE;

/// The state an agent is in at `now`, and since when they are gone if they are. `up_since` is the start of this node:
/// after a start nobody is gone before lease and grace have passed.
#[must_use]
pub fn effective(p: &PresenceRow, now: Ms, up_since: Ms) -> (AgentState, StateCause, Ms) {
    let chosen = match p.chosen {
        ChosenState::Online => AgentState::Online,
        ChosenState::Away => AgentState::Away,
    };
    if p.connected_until <= now {
        let lost = p.disconnected_at.unwrap_or(p.connected_until);
        let lost = if p.effective == AgentState::Offline {
            lost
        } else {
            lost.max(up_since.plus(LEASE_MS))
        };
        if now.since(lost) >= CONNECTION_GRACE_MS || p.effective == AgentState::Offline {
            return (AgentState::Offline, StateCause::Connection, lost);
        }
    }
    if now.since(p.last_activity_at) >= INACTIVITY_MS {
        return (AgentState::Offline, StateCause::Inactivity, p.last_activity_at);
    }
    (chosen, StateCause::Activity, now)
}

/// Writes a presence, and tells everybody when the state it has is another one.
fn settle(
    tx: &mut Tx<'_>,
    p: PresenceRow,
    up_since: Ms,
    cause: Option<StateCause>,
    by: Option<AgentId>,
) -> AppResult<()> {
    let now = tx.now();
    let (state, found, gone_since) = effective(&p, now, up_since);
    enter(tx, p, state, cause.is_some(), cause.unwrap_or(found), by, gone_since)
}

/// Writes a presence whose state is `state` from now on. `chosen`: somebody chose, so that another reason of an absence
/// is news too.
fn enter(
    tx: &mut Tx<'_>,
    mut p: PresenceRow,
    state: AgentState,
    chosen: bool,
    cause: StateCause,
    by: Option<AgentId>,
    gone_since: Ms,
) -> AppResult<()> {
    let now = tx.now();
    let changed = state != p.effective;
    let told = changed || chosen;
    if told {
        p.since = now;
    }
    p.effective = state;
    presence::put(tx, &p)?;
    if !told {
        return Ok(());
    }
    presence::log(tx, &p, cause, by)?;
    if changed {
        let (now, since) = match state {
            AgentState::Online => (Presence::Online, now),
            AgentState::Away => (Presence::Away, now),
            AgentState::Offline => (Presence::Gone, gone_since),
        };
        let fact = Fact::Presence {
            agent: p.agent,
            now,
            since,
        };
        routing::tell(tx, p.workspace, &[fact])?;
    }
    if let Some(agent) = users::agent(tx, p.workspace, p.agent)? {
        if changed && state == AgentState::Offline && agent.owed > 0 {
            let raised = Raised {
                kind: "left_owing",
                key: format!("left_owing:{}:{now}", p.agent),
                conversation: None,
                agent: Some(p.agent),
                detail: json!({ "owed": agent.owed }),
            };
            alerts::raise(tx, p.workspace, &raised)?;
        }
        tx.emit(Event {
            workspace: p.workspace,
            kind: EventKind::AgentState,
            conversation: None,
            scope_before: None,
            scope_after: None,
            body: views::json(&agent),
        });
    }
    Ok(())
}

/// A socket of the agent opened on `node`.
///
/// # Errors
/// When the database fails.
pub fn connect(tx: &mut Tx<'_>, node: &str, w: WorkspaceId, agent: AgentId, up_since: Ms) -> AppResult<()> {
    let now = tx.now();
    let mut p = presence::lock(tx, w, agent)?;
    presence::lease(tx, node, w, agent, now.plus(LEASE_MS))?;
    p.connected_until = p.connected_until.max(now.plus(LEASE_MS));
    p.disconnected_at = None;
    // Opening a client is using it.
    p.last_activity_at = now;
    if p.effective == AgentState::Offline {
        // Not offline by its own history any more: judged anew below.
        p.since = now;
    }
    settle(tx, p, up_since, None, None)
}

/// The last socket of the agent on `node` closed. Nothing is decided before the grace is over.
///
/// # Errors
/// When the database fails.
pub fn disconnect(tx: &mut Tx<'_>, node: &str, w: WorkspaceId, agent: AgentId) -> AppResult<()> {
    let now = tx.now();
    presence::drop_lease(tx, node, w, agent)?;
    let mut p = presence::lock(tx, w, agent)?;
    if p.connected_until <= now || presence::leases(tx, w, agent)? == 0 {
        p.connected_until = now;
        p.disconnected_at = Some(now);
    }
    presence::put(tx, &p)?;
    Ok(())
}

/// The agent signed out of the last device: gone at once, and logged as that.
///
/// # Errors
/// When the database fails.
pub fn signed_out(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> AppResult<()> {
    let now = tx.now();
    presence::drop_leases_of(tx, w, agent)?;
    let mut p = presence::lock(tx, w, agent)?;
    p.connected_until = now;
    p.disconnected_at = Some(now);
    enter(tx, p, AgentState::Offline, false, StateCause::SignOut, Some(agent), now)
}

/// What the state says of somebody who showed no life twice (routing row 15). The client offers the way back.
pub const NO_ANSWER: &str = "no_answer";

/// The agent let chats pass without a sign of life: Away until they say otherwise.
///
/// # Errors
/// When the database fails.
pub fn struck(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> AppResult<()> {
    let now = tx.now();
    let mut p = presence::lock(tx, w, agent)?;
    p.chosen = ChosenState::Away;
    p.reason = NO_ANSWER.into();
    p.away_until = None;
    let state = match p.effective {
        AgentState::Offline => AgentState::Offline,
        AgentState::Online | AgentState::Away => AgentState::Away,
    };
    enter(tx, p, state, true, StateCause::Strikes, None, now)
}

/// The agent did something.
///
/// # Errors
/// When the database fails.
pub fn activity(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, up_since: Ms) -> AppResult<()> {
    let now = tx.now();
    let mut p = presence::lock(tx, w, agent)?;
    if now.since(p.last_activity_at) < ACTIVITY_MS && p.effective != AgentState::Offline {
        return Ok(());
    }
    p.last_activity_at = now;
    settle(tx, p, up_since, None, None)
}

/// What somebody chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub state: ChosenState,
    /// Why away: a word of the workspace's list or a few of one's own.
    pub reason: String,
    /// When an absence ends by itself.
    pub until: Option<Ms>,
}

/// Longest reason in characters.
const REASON_CHARS: usize = 80;

/// The caller, or a supervisor for another agent, chooses a state.
///
/// # Errors
/// [`AppError::Forbidden`] for others' states; [`AppError::NotFound`]; wrong fields.
pub fn choose(tx: &mut Tx<'_>, who: &Who, agent: AgentId, choice: &Choice, up_since: Ms) -> AppResult<users::Agent> {
    let other = agent != who.agent;
    if other {
        who.need(Permission::AgentsSetState)?;
        users::agent(tx, who.workspace, agent)?.ok_or(AppError::NotFound)?;
    }
    if choice.reason.chars().count() > REASON_CHARS {
        return Err(AppError::field("/reason", "too_long", "at most 80 characters"));
    }
    let now = tx.now();
    if choice.until.is_some_and(|until| until <= now) {
        return Err(AppError::field("/until", "past", "a time in the future"));
    }
    let mut p = presence::lock(tx, who.workspace, agent)?;
    p.chosen = choice.state;
    let away = choice.state == ChosenState::Away;
    p.reason = if away { choice.reason.clone() } else { String::new() };
    p.away_until = choice.until.filter(|_| away);
    if !other {
        p.last_activity_at = now;
    }
    let cause = if other {
        StateCause::Supervisor
    } else {
        StateCause::User
    };
    settle(tx, p, up_since, Some(cause), Some(who.agent))?;
    if other {
        audit::record(
            tx,
            who.workspace,
            &who.into(),
            audit::Change {
                action: "state_set",
                object: "agents",
                id: agent.0,
                version: 0,
                before: None,
                after: Some(json!({ "state": choice.state, "reason": choice.reason })),
            },
        )?;
    }
    users::agent(tx, who.workspace, agent)?.ok_or(AppError::NotFound)
}

/// Looks at everybody who is there: leases and activity that ran out, absences that end. The connections of `node`, this
/// one, are renewed first.
///
/// # Errors
/// When the database fails.
pub fn sweep(tx: &mut Tx<'_>, node: &str, up_since: Ms) -> AppResult<usize> {
    let now = tx.now();
    // Who is connected here is here, however late the renewal is.
    presence::renew(tx, node, now.plus(LEASE_MS))?;
    let mut changed = 0;
    for p in presence::present(tx)? {
        let back = p.chosen == ChosenState::Away && p.away_until.is_some_and(|until| until <= now);
        let (state, _, _) = effective(&p, now, up_since);
        if !back && state == p.effective {
            continue;
        }
        let mut p = presence::lock(tx, p.workspace, p.agent)?;
        if back {
            p.chosen = ChosenState::Online;
            p.away_until = None;
            p.reason = String::new();
        }
        // The end of an absence was chosen with it.
        settle(tx, p, up_since, back.then_some(StateCause::User), None)?;
        changed += 1;
    }
    Ok(changed)
}

// What sockets call ----------------------------------------------------------------------------------------------------

/// A screen of the agent opened. A database that does not answer is asked again by the next renewal.
pub async fn arrived(app: &Arc<App>, w: WorkspaceId, agent: AgentId) {
    let (node, up) = (app.node.clone(), app.up_since);
    let done: AppResult<()> = app
        .db
        .write("connect", Lane::Interactive, move |tx| {
            connect(tx, &node, w, agent, up)?;
            ronda_storage::crash_point("presence.before_commit");
            Ok(())
        })
        .await;
    ronda_storage::crash_point("presence.after_commit");
    if let Err(error) = done {
        tracing::warn!(%agent, %error, "a connection was not noted");
    }
}

/// A screen of the agent closed.
pub async fn left(app: &Arc<App>, w: WorkspaceId, agent: AgentId) {
    if app.hub.sockets_of(w, agent) > 0 || app.stop.is_cancelled() {
        return;
    }
    let node = app.node.clone();
    let done: AppResult<()> = app
        .db
        .write("disconnect", Lane::Interactive, move |tx| {
            disconnect(tx, &node, w, agent)
        })
        .await;
    if let Err(error) = done {
        tracing::warn!(%agent, %error, "the end of a connection was not noted");
    }
}

/// The agent did something.
pub async fn active(app: &Arc<App>, w: WorkspaceId, agent: AgentId) {
    let up = app.up_since;
    let done: AppResult<()> = app
        .db
        .write("activity", Lane::Interactive, move |tx| activity(tx, w, agent, up))
        .await;
    if let Err(error) = done {
        tracing::debug!(%agent, %error, "activity was not noted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> PresenceRow {
        PresenceRow {
            workspace: WorkspaceId(1),
            agent: AgentId(1),
            chosen: ChosenState::Online,
            reason: String::new(),
            away_until: None,
            last_activity_at: Ms(1_000_000),
            connected_until: Ms(1_045_000),
            disconnected_at: None,
            effective: AgentState::Online,
            since: Ms(1_000_000),
        }
    }

    fn state(p: &PresenceRow, now: i64) -> (AgentState, StateCause) {
        let (state, cause, _) = effective(p, Ms(now), Ms(0));
        (state, cause)
    }

    #[test]
    fn ag_5_3_a_lost_network_changes_nothing_before_the_grace() {
        let p = row();
        assert_eq!(state(&p, 1_045_000 + 60_000).0, AgentState::Online);
        assert_eq!(
            state(&p, 1_045_000 + 120_000),
            (AgentState::Offline, StateCause::Connection)
        );
    }

    #[test]
    fn ag_5_2_ten_minutes_without_activity_are_offline() {
        let mut p = row();
        p.connected_until = Ms(9_000_000);
        assert_eq!(state(&p, 1_599_999).0, AgentState::Online);
        assert_eq!(state(&p, 1_600_000), (AgentState::Offline, StateCause::Inactivity));
    }

    #[test]
    fn ag_5_1_away_stays_away_while_connected() {
        let mut p = row();
        p.chosen = ChosenState::Away;
        assert_eq!(state(&p, 1_001_000).0, AgentState::Away);
    }

    #[test]
    fn after_a_start_nobody_is_gone_before_lease_and_grace() {
        let p = row();
        let up = Ms(5_000_000);
        let mut late = p.clone();
        late.last_activity_at = Ms(4_900_000);
        assert_eq!(effective(&late, up.plus(100_000), up).0, AgentState::Online);
        assert_eq!(effective(&late, up.plus(165_000), up).0, AgentState::Offline);
    }
}
