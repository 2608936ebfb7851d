//! Whether agents are there: what they chose, what they do, and whether they are connected (spec AG-5, T8).

use crate::App;
use crate::app::alerts::{self, Raised};
use crate::app::{AppError, AppResult, Who, audit, routing, users, workspaces};
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

/// What an agent is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: AgentState,
    /// There because a push reaches them: no screen of theirs is open or used (routing row 58).
    pub by_push: bool,
    pub cause: StateCause,
    /// Since when they are gone, if they are; otherwise now.
    pub since: Ms,
}

/// Since when no screen of the agent is open or used, and which of both. `up_since` is the start of this node: after a
/// start nobody is gone before lease and grace have passed.
fn screen_gone(p: &PresenceRow, now: Ms, up_since: Ms) -> Option<(StateCause, Ms)> {
    // Whom the last look found without a screen has none until one opens.
    let without = p.effective == AgentState::Offline || p.by_push;
    if p.connected_until <= now {
        let lost = p.disconnected_at.unwrap_or(p.connected_until);
        let lost = if without {
            lost
        } else {
            lost.max(up_since.plus(LEASE_MS))
        };
        if now.since(lost) >= CONNECTION_GRACE_MS || without {
            return Some((StateCause::Connection, lost));
        }
    }
    (now.since(p.last_activity_at) >= INACTIVITY_MS).then_some((StateCause::Inactivity, p.last_activity_at))
}

/// Until when somebody counts as there because a push reaches them. None for whom none does, or who did not choose it.
fn reached_until(p: &PresenceRow) -> Option<Ms> {
    let settings = p.reached.as_deref()?;
    let settings: workspaces::Settings = serde_json::from_str(settings).unwrap_or_default();
    Some(p.last_activity_at.plus(settings.background_hours * Ms::HOUR))
}

/// The state an agent is in at `now`. `up_since`: as this node started.
#[must_use]
pub fn effective(p: &PresenceRow, now: Ms, up_since: Ms) -> Standing {
    let state = match p.chosen {
        ChosenState::Online => AgentState::Online,
        ChosenState::Away => AgentState::Away,
    };
    let there = Standing {
        state,
        by_push: false,
        cause: StateCause::Activity,
        since: now,
    };
    match screen_gone(p, now, up_since) {
        None => there,
        Some(_) if reached_until(p).is_some_and(|until| now < until) => Standing { by_push: true, ..there },
        Some((cause, since)) => Standing {
            state: AgentState::Offline,
            by_push: false,
            cause,
            // Whom a push kept there is gone from the moment it does not any more.
            since: if p.by_push { now } else { since },
        },
    }
}

/// Writes a presence, and tells everybody when the state it has is another one.
fn settle(
    tx: &mut Tx<'_>,
    p: PresenceRow,
    up_since: Ms,
    cause: Option<StateCause>,
    by: Option<AgentId>,
) -> AppResult<()> {
    let found = effective(&p, tx.now(), up_since);
    let standing = Standing {
        cause: cause.unwrap_or(found.cause),
        ..found
    };
    enter(tx, p, standing, cause.is_some(), by)
}

/// Writes a presence that is `standing` from now on. `chosen`: somebody chose, so that another reason of an absence is
/// news too.
fn enter(tx: &mut Tx<'_>, mut p: PresenceRow, standing: Standing, chosen: bool, by: Option<AgentId>) -> AppResult<()> {
    let now = tx.now();
    let Standing { state, by_push, .. } = standing;
    let changed = state != p.effective;
    // Another reason to be there is no other state, but routing says it and colleagues see it.
    let moved = changed || by_push != p.by_push;
    let told = changed || chosen;
    if told {
        p.since = now;
    }
    p.effective = state;
    p.by_push = by_push;
    presence::put(tx, &p)?;
    if told {
        presence::log(tx, &p, standing.cause, by)?;
    }
    if moved {
        let (now, since) = match state {
            AgentState::Online if by_push => (Presence::Background, now),
            AgentState::Online => (Presence::Online, now),
            AgentState::Away => (Presence::Away, now),
            AgentState::Offline => (Presence::Gone, standing.since),
        };
        let fact = Fact::Presence {
            agent: p.agent,
            now,
            since,
        };
        routing::tell(tx, p.workspace, &[fact])?;
    }
    if !told && !moved {
        return Ok(());
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
        tx.emit(Event::general(p.workspace, EventKind::AgentState, &agent));
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
    let standing = Standing {
        state: AgentState::Offline,
        by_push: false,
        cause: StateCause::SignOut,
        since: now,
    };
    enter(tx, p, standing, false, Some(agent))
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
    let standing = Standing {
        state,
        by_push: p.by_push && state != AgentState::Offline,
        cause: StateCause::Strikes,
        since: now,
    };
    enter(tx, p, standing, true, None)
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

/// The caller stays available, or does not, while a push reaches them and no screen is open (spec AG-5).
///
/// # Errors
/// When the database fails.
pub fn choose_background(tx: &mut Tx<'_>, who: &Who, available: bool, up_since: Ms) -> AppResult<users::Agent> {
    let mut p = presence::lock(tx, who.workspace, who.agent)?;
    p.background = available;
    p.last_activity_at = tx.now();
    presence::put(tx, &p)?;
    // Whether a device can be reached is read with the row.
    let p = presence::lock(tx, who.workspace, who.agent)?;
    settle(tx, p, up_since, None, None)?;
    users::agent(tx, who.workspace, who.agent)?.ok_or(AppError::NotFound)
}

/// A push reaches the agent again that did not before.
///
/// # Errors
/// When the database fails.
pub fn reached_again(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, up_since: Ms) -> AppResult<()> {
    let p = presence::lock(tx, w, agent)?;
    settle(tx, p, up_since, None, None)
}

/// Whether a look at `now` finds another state than the row has.
#[must_use]
pub fn moves(p: &PresenceRow, now: Ms, up_since: Ms) -> bool {
    let found = effective(p, now, up_since);
    (found.state, found.by_push) != (p.effective, p.by_push)
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
        if !back && !moves(&p, now, up_since) {
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
            background: false,
            by_push: false,
            reached: None,
        }
    }

    fn state(p: &PresenceRow, now: i64) -> (AgentState, StateCause) {
        let found = effective(p, Ms(now), Ms(0));
        (found.state, found.cause)
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
    fn ag_5_a_push_keeps_the_chosen_state_for_the_hours_of_the_setting() {
        let mut p = row();
        p.background = true;
        p.reached = Some(r#"{"background_hours":2}"#.into());
        let at = |p: &PresenceRow, now: i64| {
            let found = effective(p, Ms(now), Ms(0));
            (found.state, found.by_push)
        };
        // A screen that is open and used needs no push.
        assert_eq!(at(&p, 1_010_000), (AgentState::Online, false));
        assert_eq!(at(&p, 2_000_000), (AgentState::Online, true));
        p.chosen = ChosenState::Away;
        assert_eq!(at(&p, 2_000_000), (AgentState::Away, true));
        let end = 1_000_000 + 2 * Ms::HOUR;
        assert_eq!(at(&p, end - 1), (AgentState::Away, true));
        assert_eq!(at(&p, end), (AgentState::Offline, false));
        p.reached = Some(r#"{"background_hours":0}"#.into());
        assert_eq!(at(&p, 2_000_000), (AgentState::Offline, false));
        p.reached = None;
        assert_eq!(at(&p, 2_000_000), (AgentState::Offline, false));
        // The usual setting is eight hours.
        p.reached = Some("{}".into());
        assert_eq!(at(&p, 1_000_000 + 8 * Ms::HOUR - 1).0, AgentState::Away);
        assert_eq!(at(&p, 1_000_000 + 8 * Ms::HOUR).0, AgentState::Offline);
    }

    #[test]
    fn after_a_start_nobody_is_gone_before_lease_and_grace() {
        let p = row();
        let up = Ms(5_000_000);
        let mut late = p.clone();
        late.last_activity_at = Ms(4_900_000);
        assert_eq!(effective(&late, up.plus(100_000), up).state, AgentState::Online);
        assert_eq!(effective(&late, up.plus(165_000), up).state, AgentState::Offline);
    }
}
