//! Between the routing engine and the database: the state from rows, a plan into rows, and what people are shown.

use crate::app::after_hours::Desk;
use crate::app::alerts::{self, Raised};
use crate::app::hours::{self, Calendar};
use crate::app::policies::{self, Rulebook};
use crate::app::views::{self, Conversation, Message, Named};
use crate::app::{AppError, AppResult, incidents as incidents_of, outgoing, users};
use ronda_domain::content::Content;
use ronda_domain::conversation::{Author, CloseReason, Direction, Place};
use ronda_domain::event::{Event, EventKind, Scope};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, CustomerId, GroupId, MessageId, Ms, SkillId, WorkspaceId};
use ronda_routing::{
    Act, AgentKeep, AgentRow, ConvChange, ConvKeep, ConvRow, Decision, Epoch, Fact, GroupRow, Head, Hours, HoursScope,
    Notice, Outcome, Policy, PolicyScope, Profile, Reach, Reason, Rows,
};
use ronda_storage::conversations::{self, ConversationRow, PlannedPlace};
use ronda_storage::decisions::{self, DecisionRow};
use ronda_storage::messages::{self, NewLine};
use ronda_storage::routing::{self, Consumed, LoadDelta, RoundRow};
use ronda_storage::{
    StoreError, Tx, Wake, agents, channel_accounts, hours as stored_hours, incidents, service_levels, skills, timers,
    workspaces,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

// Telling the engine ---------------------------------------------------------------------------------------------------

/// Hands facts to the planner of a workspace.
///
/// # Errors
/// When the database fails.
pub fn tell(tx: &mut Tx<'_>, w: WorkspaceId, facts: &[Fact]) -> AppResult<()> {
    let facts: Vec<String> = facts.iter().map(views::text).collect();
    routing::insert_inputs(tx, w, &facts)?;
    tx.wake(Wake::Planner(w));
    Ok(())
}

/// A user, the groups of a user, a limit or a suspension changed: the planner looks at the agent again.
///
/// # Errors
/// When the database fails.
pub fn agent_edited(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId) -> AppResult<()> {
    let Some(row) = agents::routable_one(tx, w, agent)? else {
        return Ok(());
    };
    let groups = agents::members(tx, w)?;
    let groups = groups
        .into_iter()
        .filter(|(a, _)| *a == agent)
        .map(|(_, g)| g)
        .collect();
    let profile = profile(&row, groups);
    tell(tx, w, &[Fact::AgentEdited { agent, profile }])
}

/// A group was made, deleted, or became the default. The conversations of a deleted group go to its heir,
/// with their owners.
///
/// # Errors
/// When the database fails.
pub fn group_changed(tx: &mut Tx<'_>, w: WorkspaceId, group: GroupId, heir: Option<GroupId>) -> AppResult<()> {
    let found = agents::groups(tx, w)?.into_iter().find(|g| g.group == group);
    let row = found.map_or_else(|| GroupRow::new(group, false), group_row);
    let fact = Fact::GroupSet {
        group,
        live: found.is_some(),
        default: row.default,
        heir,
        overflow: row.overflow,
        overflow_seconds: row.overflow_seconds,
    };
    tell(tx, w, &[fact])
}

fn group_row(g: agents::RoutedGroup) -> GroupRow {
    GroupRow {
        group: g.group,
        default: g.default,
        overflow: g.overflow,
        overflow_seconds: g.overflow_seconds.and_then(|s| u32::try_from(s).ok()),
    }
}

/// Stops the clocks of a group, or of the whole workspace, until then; a time that has passed lets them go on. The
/// caller has checked the right to do so and that it is not longer than
/// [`ronda_routing::defaults::ROTATION_PAUSE_SECONDS`].
///
/// # Errors
/// When the database fails.
pub fn pause_rotation(tx: &mut Tx<'_>, w: WorkspaceId, group: Option<GroupId>, until: Ms) -> AppResult<()> {
    routing::pause(tx, w, group, until)?;
    let fact = Fact::RotationPaused {
        group,
        until: Some(until),
    };
    tell(tx, w, &[fact])
}

fn profile(row: &agents::RoutableRow, groups: Vec<GroupId>) -> Profile {
    Profile {
        active: row.active && row.role.may(Permission::ConversationsReply),
        groups,
        channels: row.channels.clone(),
        limit: row.limit_override.and_then(|l| u32::try_from(l).ok()),
        weight: u32::try_from(row.weight).unwrap_or(1),
        rank: u32::try_from(row.rank).unwrap_or_default(),
        skills: row.skills.clone(),
    }
}

// Rows → state ---------------------------------------------------------------------------------------------------------

/// The facts that put one rulebook in force after another.
#[must_use]
pub fn policies_set(before: &Rulebook, after: &Rulebook, reach: Reach) -> Vec<Fact> {
    let mut facts = vec![Fact::PolicySet {
        scope: PolicyScope::Workspace,
        policy: Some(Box::new(after.policy.clone())),
        reach,
    }];
    for group in before.groups.keys().filter(|g| !after.groups.contains_key(g)) {
        facts.push(Fact::PolicySet {
            scope: PolicyScope::Group(*group),
            policy: None,
            reach,
        });
    }
    for (group, policy) in after.policies() {
        facts.push(Fact::PolicySet {
            scope: PolicyScope::Group(group),
            policy: Some(Box::new(policy)),
            reach,
        });
    }
    facts
}

/// Puts the policies of a rulebook into rows.
pub fn put_policies(rows: &mut Rows, book: &Rulebook) {
    rows.policy = book.policy.clone();
    rows.policies = book.policies();
}

/// The workspace's policy in force; the default before the first.
///
/// # Errors
/// When the database fails or the stored policy cannot be read.
pub fn policy(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Policy> {
    Ok(policies::in_force(tx, w)?.1.policy)
}

fn parse<T: serde::de::DeserializeOwned>(text: &str, place: &'static str) -> AppResult<T> {
    serde_json::from_str(text).map_err(|e| {
        StoreError::BadData {
            place,
            detail: e.to_string(),
        }
        .into()
    })
}

fn small<T: TryFrom<i64>>(n: i64, place: &'static str) -> AppResult<T> {
    T::try_from(n).map_err(|_| {
        StoreError::BadData {
            place,
            detail: n.to_string(),
        }
        .into()
    })
}

/// What routing keeps of a conversation beside its columns.
///
/// # Errors
/// When it cannot be read.
pub fn kept(c: &ConversationRow) -> AppResult<ConvKeep> {
    let text = c.routing.as_deref();
    text.map_or_else(|| Ok(ConvKeep::default()), |text| parse(text, "conversation.routing"))
}

/// A conversation as the engine keeps it.
///
/// # Errors
/// When a column cannot be read.
pub fn conv_row(c: &ConversationRow, round: Option<&RoundRow>) -> AppResult<ConvRow> {
    let (missed, moves, transfers) = match round {
        None => (Vec::new(), 0, 0),
        Some(r) => (
            parse(&r.missed, "routing_round.missed")?,
            small(r.moves, "routing_round.moves")?,
            small(r.transfers, "routing_round.transfers")?,
        ),
    };
    let keep = kept(c)?;
    Ok(ConvRow {
        conv: c.id,
        customer: c.customer,
        channel: c.channel_account,
        group: c.group,
        epoch: Epoch(c.epoch),
        place: c.place,
        owner: c.owner,
        phase: c.phase,
        anchor: c.owed_since,
        rotate_at: c.rotate_at,
        round: small(c.round, "conversation.round")?,
        exhausted: c.exhausted,
        waiting_since: c.waiting_since,
        assigned_at: c.assigned_at,
        reserved_for: c.reserved_for,
        reserved_until: c.reserved_until,
        missed,
        moves,
        transfers,
        keep,
    })
}

/// Everything the engine knows of a workspace, from the database, with the stored head.
///
/// # Errors
/// When the database fails or a column cannot be read.
pub fn rows(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<(routing::Head, Rows)> {
    tx.may_take(LONGEST_LOAD);
    let head = routing::head(tx, w)?;
    let (_, book) = policies::in_force(tx, w)?;
    let groups: Vec<GroupRow> = agents::groups(tx, w)?.into_iter().map(group_row).collect();
    let mut members: BTreeMap<AgentId, Vec<GroupId>> = BTreeMap::new();
    for (agent, group) in agents::members(tx, w)? {
        members.entry(agent).or_default().push(group);
    }
    let loads: BTreeMap<AgentId, routing::LoadRow> = routing::loads(tx, w)?.into_iter().map(|l| (l.agent, l)).collect();
    let mut agent_rows = Vec::new();
    for row in agents::routable(tx, w)? {
        let profile = profile(&row, members.remove(&row.agent).unwrap_or_default());
        let load = loads.get(&row.agent);
        let keep: AgentKeep = match load.and_then(|l| l.routing.as_deref()) {
            None => AgentKeep::default(),
            Some(text) => parse(text, "agent_load.routing")?,
        };
        agent_rows.push(AgentRow {
            agent: row.agent,
            active: profile.active,
            groups: profile.groups,
            channels: profile.channels,
            limit: profile.limit,
            weight: profile.weight,
            rank: profile.rank,
            skills: profile.skills,
            load: 0,
            stamp: load.map_or(0, |l| l.stamp),
            keep,
        });
    }
    let mut hours = Vec::new();
    for (scope, spans) in stored_hours::open(tx, w)? {
        hours.push((hours::scope_of(&scope)?, parse(&spans, "open_hours.spans")?));
    }
    hours.sort_by_key(|(scope, _)| *scope);
    let rounds: BTreeMap<ConversationId, RoundRow> = routing::rounds(tx, w)?
        .into_iter()
        .map(|r| (r.conversation, r))
        .collect();
    let convs = conversations::routable(tx, w)?
        .iter()
        .map(|c| conv_row(c, rounds.get(&c.id)))
        .collect::<AppResult<Vec<_>>>()?;
    let engine_head = Head {
        decision_seq: head.decision_seq,
        input_seq: head.input_seq,
        at: head.at,
        stamp: head.stamp,
    };
    Ok((
        head,
        Rows {
            head: engine_head,
            policies: book.policies(),
            policy: book.policy,
            hours,
            pauses: routing::pauses(tx, w)?,
            groups,
            agents: agent_rows,
            convs,
        },
    ))
}

// Plan → rows ----------------------------------------------------------------------------------------------------------

/// One plan, ready to be written. What it was planned on is in it, so that it can be written more than once.
#[derive(Clone, Debug)]
pub struct Plan {
    pub workspace: WorkspaceId,
    pub seen: routing::Head,
    pub consumed: Vec<Consumed>,
    pub outcome: Outcome,
    /// The hours that the engine was told, in order.
    pub hours: Vec<(HoursScope, Option<Hours>)>,
    /// Closings that a newer message of the customer stops: index of the consumed input, conversation, last message seen.
    pub guards: Vec<(usize, ConversationId, MessageId)>,
    /// What was decided, linked to the chain that ends in `seen` (S13).
    pub decisions: Vec<DecisionRow>,
    /// The state it was planned on, when it is time to keep one: JSON of its rows.
    pub snapshot: Option<String>,
}

/// The decisions of a plan that was made on a state with hash `state`, linked to the chain that ends in `before`.
#[must_use]
pub fn linked(outcome: &Outcome, state: u64, before: &str) -> Vec<DecisionRow> {
    let groups: BTreeMap<ConversationId, Option<GroupId>> =
        outcome.convs.iter().map(|c| (c.row.conv, c.row.group)).collect();
    let mut rows: Vec<DecisionRow> = outcome
        .decisions
        .iter()
        .map(|d| DecisionRow {
            group: d.conversation.and_then(|c| groups.get(&c).copied().flatten()),
            state: state.cast_signed(),
            ..decision_row(d)
        })
        .collect();
    decisions::chain(before, &mut rows);
    rows
}

/// Why a plan was not written.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// These commands saw an older last message of the customer.
    #[error("the customer wrote meanwhile")]
    CustomerWrote(Vec<usize>),
    #[error(transparent)]
    App(#[from] AppError),
}

impl From<StoreError> for PlanError {
    fn from(error: StoreError) -> Self {
        Self::App(error.into())
    }
}

impl ronda_storage::MaybeRetry for PlanError {
    fn is_retry(&self) -> bool {
        matches!(self, Self::App(e) if ronda_storage::MaybeRetry::is_retry(e))
    }
}

/// The head after a plan.
#[must_use]
pub fn head_after(plan: &Plan) -> routing::Head {
    let h = plan.outcome.head;
    routing::Head {
        decision_seq: h.decision_seq,
        input_seq: h.input_seq,
        at: h.at,
        stamp: h.stamp,
        hash: plan.decisions.last().map_or(&plan.seen.hash, |d| &d.hash).clone(),
        ..plan.seen.clone()
    }
}

fn guard(fine: bool, name: &'static str) -> Result<(), PlanError> {
    if fine {
        Ok(())
    } else {
        Err(StoreError::Guard(name).into())
    }
}

/// Longest transaction of who begins to plan: a hundred thousand live conversations are read in half a second.
pub const LONGEST_LOAD: std::time::Duration = std::time::Duration::from_secs(60);
/// A saved policy may assign a whole backlog in one plan.
const LONGEST_PLAN: std::time::Duration = std::time::Duration::from_secs(60);

/// Writes a plan (T4). Nothing is written when the head, an epoch, what a customer is owed, or a load differs from what
/// was planned on.
///
/// # Errors
/// [`StoreError::Guard`] naming what differed; [`PlanError::CustomerWrote`].
pub fn write(tx: &mut Tx<'_>, plan: &Plan) -> Result<(), PlanError> {
    let w = plan.workspace;
    let outcome = &plan.outcome;
    tx.may_take(LONGEST_PLAN);
    let head = routing::Head {
        lease_until: tx.now().plus(routing::lease_ms(tx.is_sqlite())),
        ..head_after(plan)
    };
    guard(routing::advance(tx, w, &plan.seen, &head)? == 1, "head")?;
    let stamped = routing::consume(tx, w, &plan.consumed)?;
    guard(stamped == plan.consumed.len() as u64, "inputs")?;
    for (scope, hours) in &plan.hours {
        let spans = hours.as_ref().map(views::text);
        stored_hours::set_open(tx, w, &hours::key(*scope), spans.as_deref())?;
    }
    let ids: Vec<ConversationId> = outcome.convs.iter().map(|c| c.row.conv).collect();
    let before: BTreeMap<ConversationId, ConversationRow> = conversations::lock_many(tx, w, &ids)?
        .into_iter()
        .map(|c| (c.id, c))
        .collect();
    let mut late = Vec::new();
    for (index, conversation, last) in &plan.guards {
        if messages::newest_inbound_id(tx, w, *conversation)?.is_some_and(|newest| newest > *last) {
            late.push(*index);
        }
    }
    if !late.is_empty() {
        return Err(PlanError::CustomerWrote(late));
    }
    let places: Vec<PlannedPlace> = outcome.convs.iter().map(planned).collect();
    guard(conversations::place(tx, w, &places)? == places.len() as u64, "epoch")?;
    if places.iter().any(|p| p.close_reason == Some(CloseReason::Merged)) {
        conversations::follow_merged(tx, w)?;
    }
    let mut deltas = Vec::new();
    for change in outcome.agents.iter().filter(|a| a.writes_load()) {
        if change.before.is_none() || change.before.as_ref().is_some_and(|b| b.stamp == 0) {
            routing::new_load(tx, w, change.row.agent)?;
        }
        deltas.push(LoadDelta {
            agent: change.row.agent,
            delta: change.delta,
            limit: change.guard,
            stamp: change.row.stamp,
            routing: Some(views::text(&change.row.keep)),
        });
    }
    guard(routing::apply_loads(tx, w, &deltas)? == deltas.len() as u64, "load")?;
    rounds(tx, w, &outcome.convs)?;
    decisions::insert(tx, w, &plan.decisions)?;
    if let Some(body) = &plan.snapshot {
        decisions::keep_snapshot(tx, w, plan.seen.input_seq, body)?;
    }
    notices(tx, w, outcome)?;
    ended(tx, w, outcome, &before)?;
    transferred_while_closed(tx, w, outcome)?;
    tell_screens(tx, w, plan, &ids, &before)?;
    ronda_storage::crash_point("plan.before_commit");
    Ok(())
}

fn planned(change: &ConvChange) -> PlannedPlace {
    let r = &change.row;
    let was_held = |b: &ConvRow| b.place == Place::Held && b.epoch == change.seen;
    PlannedPlace {
        id: r.conv,
        seen: change.seen.0,
        place: r.place,
        stays_held: r.place == Place::Held && change.before.as_ref().is_some_and(was_held),
        owner: r.owner,
        epoch: r.epoch.0,
        group: r.group,
        phase: r.phase,
        rotate_at: r.rotate_at,
        round: r.round.into(),
        exhausted: r.exhausted,
        waiting_since: r.waiting_since,
        assigned_at: r.assigned_at,
        assigned_reason: change.assigned_reason.as_ref().map(views::text),
        reserved_for: r.reserved_for,
        reserved_until: r.reserved_until,
        closed_at: change.closed.map(|c| c.0),
        close_reason: change.closed.map(|c| c.1),
        routing: (!r.keep.is_empty()).then(|| views::text(&r.keep)),
        rotation_of: change.rotation,
    }
}

fn rounds(tx: &mut Tx<'_>, w: WorkspaceId, convs: &[ConvChange]) -> AppResult<()> {
    let mut put = Vec::new();
    for change in convs {
        let live = matches!(change.row.place, Place::Waiting | Place::Held);
        let had = change.before.as_ref().is_some_and(ConvRow::has_round);
        if live && change.row.has_round() {
            put.push(RoundRow {
                conversation: change.row.conv,
                missed: views::text(&change.row.missed),
                moves: change.row.moves.into(),
                transfers: change.row.transfers.into(),
            });
        } else if had {
            routing::drop_round(tx, w, change.row.conv)?;
        }
    }
    routing::put_rounds(tx, w, &put)?;
    Ok(())
}

/// A decision as it is stored, not linked yet.
pub fn decision_row(d: &Decision) -> DecisionRow {
    DecisionRow {
        seq: d.seq,
        at: d.at,
        cause: d.cause,
        policy_version: d.policy_version,
        conversation: d.conversation,
        group: None,
        epoch_before: d.epoch_before.0,
        epoch_after: d.epoch_after.0,
        act: d.act.as_str().to_owned(),
        from: d.from,
        to: d.to,
        reason: views::text(&d.reason),
        funnel: views::text(&d.funnel),
        state: 0,
        hash: String::new(),
    }
}

/// What people should be told besides: incidents, which stay, and alerts, which ask for somebody.
fn notices(tx: &mut Tx<'_>, w: WorkspaceId, outcome: &Outcome) -> AppResult<()> {
    for notice in &outcome.notices {
        incident(tx, w, notice)?;
        if let Some(mut raised) = alert(notice) {
            if let Notice::NobodyHasSkill { skill, .. } = notice {
                let names = skills::names(tx, w)?;
                raised.detail["name"] = json!(names.into_iter().find(|(id, _)| id == skill).map(|(_, n)| n));
            }
            let of = raised.conversation.map(|c| c.0).or(raised.agent.map(|a| a.0));
            raised.key = format!(
                "{}:{}:{}",
                raised.kind,
                of.unwrap_or_default(),
                outcome.head.decision_seq
            );
            alerts::raise(tx, w, &raised)?;
        }
        match notice {
            Notice::MarkAway { agent, .. } => super::presence::struck(tx, w, *agent)?,
            Notice::AffinityEnded { customer, agent, .. } => super::affinities::ended(tx, w, *customer, *agent)?,
            Notice::WaitOver {
                conversation,
                text: Some(text),
                ..
            } => tell_customer(tx, w, *conversation, text)?,
            _ => {}
        }
    }
    Ok(())
}

fn incident(tx: &mut Tx<'_>, w: WorkspaceId, notice: &Notice) -> AppResult<()> {
    let now = tx.now();
    let (conversation, kind, phase, since) = match notice {
        Notice::ClosedUnanswered {
            conversation,
            owner,
            owed_since,
        } => {
            let phase = if owner.is_some() { "agent" } else { "waiting" };
            (*conversation, "closed_unanswered", phase, *owed_since)
        }
        Notice::Exhausted { conversation, .. } => {
            let since = conversations::get(tx, w, *conversation)?.and_then(|c| c.owed_since);
            (*conversation, "exhausted", "agent", since.unwrap_or(now))
        }
        Notice::UnknownGroup { conversation, .. } => (*conversation, "unknown_group", "waiting", now),
        _ => return Ok(()),
    };
    let owners = incidents_of::owners(tx, w, conversation, since, now)?;
    let mut detail = views::json(notice);
    detail["owners"] = views::json(&owners);
    let waited = now.since(since);
    incidents::insert(tx, w, conversation, kind, phase, waited, &detail.to_string())?;
    Ok(())
}

/// What asks for somebody.
fn alert(notice: &Notice) -> Option<Raised> {
    let (kind, conversation, agent) = match notice {
        Notice::ClosedUnanswered {
            conversation, owner, ..
        } => ("closed_unanswered", Some(*conversation), *owner),
        Notice::UnknownGroup { conversation, .. } => ("unknown_group", Some(*conversation), None),
        Notice::Exhausted { conversation, owner } => ("exhausted", Some(*conversation), Some(*owner)),
        Notice::KeptOverdue { conversation, owner } => ("kept_overdue", Some(*conversation), Some(*owner)),
        Notice::NobodyAvailable { conversation } => ("nobody_available", Some(*conversation), None),
        Notice::OverLimit {
            conversation, agent, ..
        } => ("over_limit", Some(*conversation), Some(*agent)),
        Notice::MarkAway { agent, .. } => ("marked_away", None, Some(*agent)),
        Notice::CoolingDown { agent, .. } => ("cooling_down", None, Some(*agent)),
        Notice::Saturated {
            conversation, owner, ..
        } => ("saturated", Some(*conversation), Some(*owner)),
        Notice::EmptyGroup { conversation, .. } => ("empty_group", Some(*conversation), None),
        Notice::NobodyHasSkill { conversation, .. } => ("nobody_has_skill", Some(*conversation), None),
        Notice::WaitOver { conversation, .. } => ("wait_over", Some(*conversation), None),
        Notice::Escalated { conversation, .. } => ("escalated", Some(*conversation), None),
        Notice::WindowEnds {
            conversation, owner, ..
        } => ("window_ends", Some(*conversation), *owner),
        Notice::AffinityEnded {
            conversation, agent, ..
        } => ("affinity_ended", Some(*conversation), Some(*agent)),
        // A failed send and a late reply are told in the conversation.
        Notice::SendFailed { .. } | Notice::LateReply { .. } | Notice::HoldsOutsideGroup { .. } => return None,
    };
    Some(Raised {
        kind,
        key: String::new(),
        conversation,
        agent,
        detail: views::json(notice),
    })
}

/// The clocks of promises that end, or go on, because a conversation has somebody, was closed, or lives again.
fn clocks(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    outcome: &Outcome,
    before: &BTreeMap<ConversationId, ConversationRow>,
) -> AppResult<()> {
    let rows = outcome.convs.iter().map(|c| &c.row);
    let was = |row: &ConvRow| before.get(&row.conv);
    let owned: Vec<(ConversationId, AgentId)> = rows
        .clone()
        .filter(|row| was(row).is_none_or(|b| b.owner.is_none()))
        .filter_map(|row| Some((row.conv, row.owner?)))
        .collect();
    let closed = outcome.convs.iter().filter(|c| c.closed.is_some());
    let closed: Vec<ConversationId> = closed.map(|c| c.row.conv).collect();
    let live = rows.filter(|row| matches!(row.place, Place::Waiting | Place::Held));
    let again = live.filter(|row| was(row).is_some_and(|b| b.place == Place::Closed));
    let again: Vec<ConversationId> = again.map(|row| row.conv).collect();
    service_levels::owned(tx, w, &owned)?;
    service_levels::solved(tx, w, &closed)?;
    crate::app::service_levels::resumed(tx, w, &again)
}

/// What goes with the end of conversations: their timers, and a farewell when time closed them.
fn ended(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    outcome: &Outcome,
    before: &BTreeMap<ConversationId, ConversationRow>,
) -> AppResult<()> {
    let gone: Vec<ConversationId> = outcome
        .convs
        .iter()
        .filter(|c| !matches!(c.row.place, Place::Waiting | Place::Held))
        .map(|c| c.row.conv)
        .collect();
    service_levels::left(tx, w, &gone)?;
    clocks(tx, w, outcome, before)?;
    let closed: Vec<&ConvChange> = outcome.convs.iter().filter(|c| c.closed.is_some()).collect();
    if closed.is_empty() {
        return Ok(());
    }
    let settings = workspaces::get(tx, w)?
        .map(|row| crate::app::workspaces::settings(&row))
        .unwrap_or_default();
    for change in closed {
        timers::remove(tx, w, "snooze", change.row.conv.0)?;
        let by_time = change
            .closed
            .is_some_and(|(_, reason)| reason == CloseReason::Inactivity);
        let Some(row) = before.get(&change.row.conv).filter(|_| by_time) else {
            continue;
        };
        let farewell = &settings.auto_close.farewell;
        let text = match (row.place, row.outbound) {
            (Place::Bot, true) => &farewell.outbound,
            (Place::Bot, false) => &farewell.bot,
            (Place::Waiting, _) => &farewell.waiting,
            _ => &farewell.agent,
        };
        let Some(text) = text else { continue };
        if let Some(account) = channel_accounts::get(tx, w, row.channel_account)?
            && outgoing::may_say(&account, row, tx.now())
        {
            outgoing::automatic(tx, w, &account, row.id, Author::Automatic, &Content::text(text.clone()))?;
        }
    }
    Ok(())
}

/// What is transferred while nobody is there waits, and who is owed an answer is told (spec CP-10, AG-11).
fn transferred_while_closed(tx: &mut Tx<'_>, w: WorkspaceId, outcome: &Outcome) -> AppResult<()> {
    let transfers = outcome.decisions.iter().filter(|d| d.act == Act::Transfer);
    let waiting: Vec<&ConvRow> = transfers
        .filter_map(|d| outcome.convs.iter().find(|c| Some(c.row.conv) == d.conversation))
        .map(|c| &c.row)
        .filter(|row| row.place == Place::Waiting && row.anchor.is_some())
        .collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let language = workspaces::get(tx, w)?.ok_or(StoreError::NotFound)?.language;
    let desk = Desk::load(tx, w, &language)?;
    let now = tx.now();
    for row in waiting {
        if let Some(account) = channel_accounts::get(tx, w, row.channel)? {
            desk.asks(tx, w, &account, row.conv, row.group, now)?;
        }
    }
    Ok(())
}

/// Says something to the customer of a conversation, when the channel still lets us.
fn tell_customer(tx: &mut Tx<'_>, w: WorkspaceId, conversation: ConversationId, text: &str) -> AppResult<()> {
    let Some(row) = conversations::get(tx, w, conversation)? else {
        return Ok(());
    };
    if let Some(account) = channel_accounts::get(tx, w, row.channel_account)?
        && outgoing::may_say(&account, &row, tx.now())
    {
        outgoing::automatic(tx, w, &account, row.id, Author::Automatic, &Content::text(text))?;
    }
    Ok(())
}

/// Whether a decision is told inside the conversation.
fn is_told(d: &Decision) -> bool {
    match d.act {
        Act::Assign
        | Act::Rotate
        | Act::Release
        | Act::Requeue
        | Act::Exhaust
        | Act::Take
        | Act::Transfer
        | Act::Decline
        | Act::Return
        | Act::Close
        | Act::ReturnToBot => true,
        Act::Enqueue => matches!(d.reason, Reason::Reopened),
        Act::Keep
        | Act::Extend
        | Act::Rearm
        | Act::Unreserve
        | Act::Amnesty
        | Act::Pause
        | Act::MarkAway
        | Act::CoolDown
        | Act::Regroup
        | Act::Overflow
        | Act::Widen
        | Act::WaitOver
        | Act::Raise
        | Act::Escalate => false,
    }
}

fn tell_screens(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    plan: &Plan,
    ids: &[ConversationId],
    before: &BTreeMap<ConversationId, ConversationRow>,
) -> AppResult<()> {
    let Plan { outcome, decisions, .. } = plan;
    let names = Names::of(tx, w, &outcome.decisions)?;
    let scopes: BTreeMap<ConversationId, Scope> = before.iter().map(|(id, c)| (*id, c.scope())).collect();
    let views = views::emit_conversations(tx, w, ids, &scopes)?;
    let views: BTreeMap<ConversationId, Conversation> = views.into_iter().map(|v| (v.id, v)).collect();
    lines(tx, w, outcome, &names.agents, &views)?;
    for d in decisions {
        let conversation = d.conversation.and_then(|id| views.get(&id));
        let view = DecisionView::of(d.clone(), &names, conversation.map(About::from));
        // Who may see it, of those who do not see everything: of an agent, that agent.
        let owner = d.from.filter(|_| d.conversation.is_none());
        let scope = conversation.map(Conversation::scope).or(owner.map(|_| Scope {
            place: Place::Held,
            owner,
            group: None,
        }));
        tx.emit(Event {
            workspace: w,
            kind: EventKind::RoutingDecided,
            conversation: d.conversation,
            scope_before: None,
            scope_after: scope,
            body: views::text(&view),
        });
    }
    let loaded = outcome.agents.iter().filter(|a| a.delta != 0);
    let loaded: Vec<AgentId> = loaded.map(|a| a.row.agent).collect();
    for agent in users::agents(tx, w, &loaded)? {
        tx.emit(Event::general(w, EventKind::AgentState, &agent));
    }
    Ok(())
}

fn named(id: Option<AgentId>, names: &BTreeMap<AgentId, String>) -> Option<Named<AgentId>> {
    id.map(|id| Named {
        id,
        name: names.get(&id).cloned().unwrap_or_default(),
    })
}

/// The lines inside conversations that say what happened and why.
fn lines(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    outcome: &Outcome,
    names: &BTreeMap<AgentId, String>,
    views: &BTreeMap<ConversationId, Conversation>,
) -> AppResult<()> {
    let now = tx.now();
    let mut new = Vec::new();
    for d in outcome.decisions.iter().filter(|d| is_told(d)) {
        let Some(view) = d.conversation.and_then(|id| views.get(&id)) else {
            continue;
        };
        let content = Content::System {
            code: d.act.as_str().to_owned(),
            params: json!({ "from": named(d.from, names), "to": named(d.to, names), "reason": &d.reason, "group": view.group }),
        };
        new.push((
            NewLine {
                conversation: view.id,
                channel_account: view.channel_account.id,
                key: format!("decision:{}", d.seq),
                content: views::text(&content),
                epoch: d.epoch_after.0,
            },
            content,
            view,
        ));
    }
    let rows: Vec<NewLine> = new.iter().map(|(line, _, _)| line.clone()).collect();
    let ids: BTreeMap<String, MessageId> = messages::insert_lines(tx, w, &rows)?
        .into_iter()
        .map(|(id, key)| (key, id))
        .collect();
    for (line, content, view) in new {
        let Some(id) = ids.get(&line.key) else { continue };
        let message = Message {
            id: *id,
            conversation: view.id,
            at: now,
            direction: Direction::System,
            author: Author::System,
            agent: None,
            client_id: Some(line.key),
            provider_id: None,
            kind: content.kind().to_owned(),
            content: Some(content),
            status: None,
            status_at: None,
            error: None,
            reply_to: None,
            reactions: Vec::new(),
            edited_at: None,
            deleted_at: None,
            referral: None,
        };
        let scope = view.scope();
        views::emit_message(tx, w, EventKind::MessageCreated, scope, &message);
    }
    Ok(())
}

// For people -----------------------------------------------------------------------------------------------------------

/// The conversation a decision is about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct About {
    pub id: ConversationId,
    pub number: i64,
    #[schema(value_type = Object)]
    pub customer: Named<CustomerId>,
}

impl From<&Conversation> for About {
    fn from(c: &Conversation) -> Self {
        Self {
            id: c.id,
            number: c.number,
            customer: c.customer.clone(),
        }
    }
}

/// A recorded decision of routing with its explanation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecisionView {
    /// Dense number in the workspace.
    pub seq: i64,
    pub at: Ms,
    pub act: String,
    /// `{code, params}`.
    #[schema(value_type = Object)]
    pub reason: Value,
    pub conversation: Option<About>,
    /// The target group of the conversation afterwards.
    pub group: Option<GroupId>,
    #[schema(value_type = Option<Object>)]
    pub from: Option<Named<AgentId>>,
    #[schema(value_type = Option<Object>)]
    pub to: Option<Named<AgentId>>,
    pub policy_version: i64,
    pub epoch_before: i64,
    pub epoch_after: i64,
    /// Who was considered and why not: counts that add up to `members`. Null for agents.
    #[schema(value_type = Object)]
    pub funnel: Value,
    /// For the agent who got it: since their last automatic assignment, in milliseconds. Only in the short form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_your_last_ms: Option<i64>,
}

impl DecisionView {
    #[must_use]
    pub fn of(d: DecisionRow, names: &Names, conversation: Option<About>) -> Self {
        let mut funnel: Value = serde_json::from_str(&d.funnel).unwrap_or_default();
        names.put(&mut funnel);
        Self {
            seq: d.seq,
            at: d.at,
            act: d.act,
            reason: serde_json::from_str(&d.reason).unwrap_or_default(),
            conversation,
            group: d.group,
            from: named(d.from, &names.agents),
            to: named(d.to, &names.agents),
            policy_version: d.policy_version,
            epoch_before: d.epoch_before,
            epoch_after: d.epoch_after,
            funnel,
            since_your_last_ms: None,
        }
    }
}

/// The names of what explanations mention by id.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub agents: BTreeMap<AgentId, String>,
    pub skills: BTreeMap<SkillId, String>,
}

impl Names {
    /// # Errors
    /// When the database fails.
    pub fn load(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Self> {
        Ok(Self {
            agents: agents::names(tx, w)?.into_iter().collect(),
            skills: skills::names(tx, w)?.into_iter().collect(),
        })
    }

    /// As [`Names::load`], of what these mention: in most plans nothing asks for a skill.
    fn of(tx: &mut Tx<'_>, w: WorkspaceId, decisions: &[Decision]) -> AppResult<Self> {
        if decisions.iter().any(|d| !d.funnel.skills.is_empty()) {
            return Self::load(tx, w);
        }
        Ok(Self {
            agents: agents::names(tx, w)?.into_iter().collect(),
            skills: BTreeMap::new(),
        })
    }

    /// Puts names beside the ids of a funnel: its finalists, and the skills that are asked for.
    pub fn put(&self, funnel: &mut Value) {
        for finalist in list_of(funnel, "finalists") {
            if let Some(id) = finalist.get("agent").and_then(Value::as_i64) {
                finalist["name"] = json!(self.agents.get(&AgentId(id)));
            }
        }
        for asked in list_of(funnel, "skills") {
            if let Some(id) = asked.get("skill").and_then(Value::as_i64) {
                asked["name"] = json!(self.skills.get(&SkillId(id)));
            }
        }
    }
}

fn list_of<'a>(funnel: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = funnel.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

/// Puts names to decisions.
///
/// # Errors
/// When the database fails.
pub fn named_decisions(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    names: &Names,
    rows: Vec<DecisionRow>,
) -> AppResult<Vec<DecisionView>> {
    let mut ids: Vec<ConversationId> = rows.iter().filter_map(|d| d.conversation).collect();
    ids.sort();
    ids.dedup();
    let now = tx.now();
    let calendar = Calendar::load(tx, w)?;
    let about: BTreeMap<ConversationId, About> = conversations::views(tx, w, &ids)?
        .into_iter()
        .map(|v| Conversation::of(v, now, &calendar))
        .map(|c| (c.id, About::from(&c)))
        .collect();
    Ok(rows
        .into_iter()
        .map(|d| {
            let conversation = d.conversation.and_then(|id| about.get(&id).cloned());
            DecisionView::of(d, names, conversation)
        })
        .collect())
}
