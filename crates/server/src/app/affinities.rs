//! Which agent always attends a customer (spec AG-17). Soft by default: routing prefers them and waits for nobody longer
//! than its policy says.

use crate::app::audit::{self, Change};
use crate::app::workspaces::{Learn, Settings, settings};
use crate::app::{Actor, AppError, AppResult, Fields, Who, customers, routing as rules};
use ronda_domain::agent::AgentState;
use ronda_domain::conversation::Place;
use ronda_domain::event::{Event, EventKind};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ChannelAccountId, CustomerId, Ms, WorkspaceId};
use ronda_storage::affinities::{self, AffinityRow, AffinityView};
use ronda_storage::conversations::{self, ConversationRow};
use ronda_storage::{Tx, agents, users, workspaces};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

const REASON: std::ops::RangeInclusive<usize> = 0..=200;

/// The agent who always attends a customer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Affinity {
    pub customer: CustomerId,
    pub customer_name: String,
    pub agent: AgentId,
    pub agent_name: String,
    /// Neither suspended nor deleted; otherwise routing ignores it and somebody should give the customer to another.
    pub active: bool,
    pub since: Ms,
    /// Who set it; `null` when an answer made it.
    pub by: Option<AgentId>,
    pub by_name: Option<String>,
    pub reason: String,
    /// New chats wait for the agent, up to the policy's longest wait, instead of going to the next.
    pub strict: bool,
    pub expires_at: Option<Ms>,
}

impl From<AffinityView> for Affinity {
    fn from(v: AffinityView) -> Self {
        Self {
            customer: v.row.customer,
            customer_name: v.customer_name,
            agent: v.row.agent,
            agent_name: v.agent_name,
            active: v.active,
            since: v.row.since,
            by: v.row.by,
            by_name: v.by_name,
            reason: v.row.reason,
            strict: v.row.strict,
            expires_at: v.row.expires_at,
        }
    }
}

/// The affinity of a customer, and what the caller may do about it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AffinityOf {
    pub affinity: Option<Affinity>,
    /// The caller may make the customer their own, or give up what is theirs.
    pub may_own: bool,
    /// The caller may give the customer to others.
    pub may_manage: bool,
}

/// How many customers are bound to an agent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AffinityCount {
    pub agent: AgentId,
    pub name: String,
    pub active: bool,
    pub customers: i64,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAffinity {
    pub agent: AgentId,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub strict: bool,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_at: Option<Ms>,
}

/// All customers of one agent go to another.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reassign {
    pub from: AgentId,
    /// `null`: to nobody.
    pub to: Option<AgentId>,
    #[serde(default)]
    pub reason: String,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Reassigned {
    pub customers: i64,
}

/// Whether it counts at `now`.
fn counts(v: &AffinityView, now: Ms) -> bool {
    v.active && v.row.expires_at.is_none_or(|at| at > now)
}

/// Whom routing prefers for a customer who writes, and whether it waits for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preferred {
    pub agent: AgentId,
    pub strict: bool,
}

/// The agent of the customer's affinity; while that agent is not there, or when there is none, whoever holds the
/// customer's conversation on another channel: one customer, one voice (routing rows 43 to 48).
///
/// # Errors
/// When the database fails.
pub fn preferred(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    customer: CustomerId,
    account: ChannelAccountId,
) -> AppResult<Option<Preferred>> {
    let now = tx.now();
    // Somebody who is not active any more is named as well: routing says why it passes them over, and it ends.
    let own = affinities::of_customer(tx, w, customer)?.filter(|v| v.row.expires_at.is_none_or(|at| at > now));
    if let Some(v) = &own
        && (v.row.strict || v.state == AgentState::Online)
    {
        return Ok(Some(Preferred {
            agent: v.row.agent,
            strict: v.row.strict,
        }));
    }
    let other = conversations::live_owner(tx, w, customer, account)?;
    let agent = other.or(own.map(|v| v.row.agent));
    Ok(agent.map(|agent| Preferred { agent, strict: false }))
}

/// Routing found that the agent of a customer is not active any more: it ends, and stands in the list for whoever gives
/// the customer to another (routing row 46).
///
/// # Errors
/// When the database fails.
pub fn ended(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId, agent: AgentId) -> AppResult<()> {
    if affinities::end(tx, w, customer, agent)? > 0 {
        changed(tx, w, customer);
    }
    Ok(())
}

/// An answer of `agent` may make them the customer's own, as the workspace says.
///
/// # Errors
/// When the database fails.
pub fn learn(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId, agent: AgentId) -> AppResult<()> {
    let Settings { affinity: rule, .. } = match workspaces::get(tx, w)? {
        Some(row) => settings(&row),
        None => return Ok(()),
    };
    let (reason, replace) = match rule.learn {
        Learn::Off => return Ok(()),
        Learn::FirstHuman => ("first_human", false),
        Learn::LastHuman => ("last_human", true),
    };
    if affinities::learn(tx, w, customer, agent, reason, replace)? > 0 {
        changed(tx, w, customer);
    }
    Ok(())
}

/// Screens that show the customer ask again.
fn changed(tx: &mut Tx<'_>, workspace: WorkspaceId, customer: CustomerId) {
    tx.emit(Event::general(
        workspace,
        EventKind::CustomerChanged,
        &json!({ "id": customer }),
    ));
}

/// # Errors
/// [`AppError::NotFound`] of the customer.
pub fn get(tx: &mut Tx<'_>, who: &Who, customer: CustomerId) -> AppResult<AffinityOf> {
    customers::seen(tx, who, customer)?;
    let now = tx.now();
    let found = affinities::of_customer(tx, who.workspace, customer)?;
    let holder = found.as_ref().filter(|v| counts(v, now)).map(|v| v.row.agent);
    let may_own = holder.is_none_or(|agent| agent == who.agent) || manages(tx, who, holder)?;
    Ok(AffinityOf {
        may_own: may_own && who.may(Permission::ConversationsReply),
        may_manage: manages(tx, who, holder)?,
        affinity: found.map(Into::into),
    })
}

/// Whether the caller may decide over the affinities of an agent: administrators over all, supervisors over those who
/// share a group with them, or over all where there are no groups.
fn manages(tx: &mut Tx<'_>, who: &Who, agent: Option<AgentId>) -> AppResult<bool> {
    if who.may(Permission::AffinitiesManageAll) {
        return Ok(true);
    }
    if !who.may(Permission::AffinitiesManage) {
        return Ok(false);
    }
    let Some(agent) = agent.filter(|a| *a != who.agent) else {
        return Ok(true);
    };
    if agents::groups(tx, who.workspace)?.is_empty() {
        return Ok(true);
    }
    let theirs = users::get(tx, who.workspace, agent)?
        .map(|u| u.groups)
        .unwrap_or_default();
    Ok(theirs.iter().any(|g| who.groups.contains(g)))
}

fn denied(holder: &AffinityView) -> AppError {
    AppError::Denied {
        code: "affinity_of_other",
        detail: format!("{} always attends this customer", holder.agent_name),
        owner: Some((holder.row.agent, holder.agent_name.clone())),
    }
}

/// Whether the caller may change who attends a customer now attended as `found`, to `to`.
fn may_change(tx: &mut Tx<'_>, who: &Who, found: Option<&AffinityView>, to: Option<AgentId>) -> AppResult<()> {
    let now = tx.now();
    let holder = found.filter(|v| counts(v, now) && v.row.agent != who.agent);
    if let Some(holder) = holder
        && !manages(tx, who, Some(holder.row.agent))?
    {
        return Err(denied(holder));
    }
    if let Some(to) = to.filter(|to| *to != who.agent)
        && !manages(tx, who, Some(to))?
    {
        return Err(AppError::Forbidden(if who.may(Permission::AffinitiesManage) {
            Permission::AffinitiesManageAll
        } else {
            Permission::AffinitiesManage
        }));
    }
    Ok(())
}

/// An agent who can have customers of their own.
fn target(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, pointer: &str) -> AppResult<()> {
    let known = agents::routable_one(tx, w, agent)?;
    if known.is_some_and(|a| a.active && a.role.may(Permission::ConversationsReply)) {
        return Ok(());
    }
    Err(AppError::field(pointer, "unknown", "no such agent"))
}

/// # Errors
/// [`AppError::NotFound`]; [`AppError::Denied`] when another has the customer; [`AppError::Forbidden`]; wrong fields.
pub fn set(tx: &mut Tx<'_>, who: &Who, customer: CustomerId, input: &SetAffinity) -> AppResult<AffinityOf> {
    who.need(Permission::ConversationsReply)?;
    customers::seen(tx, who, customer)?;
    let found = affinities::of_customer(tx, who.workspace, customer)?;
    may_change(tx, who, found.as_ref(), Some(input.agent))?;
    target(tx, who.workspace, input.agent, "/agent")?;
    let now = tx.now();
    let mut f = Fields::new();
    let reason = f.text("/reason", &input.reason, REASON);
    if input.expires_at.is_some_and(|at| at <= now) {
        f.fail("/expires_at", "past", "a time in the future");
    }
    f.done()?;
    let row = AffinityRow {
        customer,
        agent: input.agent,
        since: found
            .as_ref()
            .filter(|v| v.row.agent == input.agent)
            .map_or(now, |v| v.row.since),
        by: Some(who.agent),
        reason,
        strict: input.strict,
        expires_at: input.expires_at,
    };
    affinities::put(tx, who.workspace, &row)?;
    let before = found.map(|v| json!({ "agent": v.row.agent }));
    let after = json!({ "agent": row.agent, "strict": row.strict, "reason": row.reason });
    recorded(tx, who, "affinity_set", customer, before, Some(after))?;
    changed(tx, who.workspace, customer);
    get(tx, who, customer)
}

/// # Errors
/// [`AppError::NotFound`], also when there is none; [`AppError::Denied`] when another has the customer.
pub fn remove(tx: &mut Tx<'_>, who: &Who, customer: CustomerId) -> AppResult<()> {
    customers::seen(tx, who, customer)?;
    let found = affinities::of_customer(tx, who.workspace, customer)?.ok_or(AppError::NotFound)?;
    may_change(tx, who, Some(&found), None)?;
    affinities::remove(tx, who.workspace, customer)?;
    let before = Some(json!({ "agent": found.row.agent }));
    recorded(tx, who, "affinity_removed", customer, before, None)?;
    changed(tx, who.workspace, customer);
    Ok(())
}

/// The affinities of an agent, or of all: one's own for everybody, others' for those who manage them.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn list(tx: &mut Tx<'_>, who: &Who, agent: Option<AgentId>, after: i64, limit: i64) -> AppResult<Vec<Affinity>> {
    let agent = match agent {
        None if !who.may(Permission::AffinitiesManageAll) => Some(who.agent),
        agent => agent,
    };
    let rows = match agent {
        Some(agent) => {
            if agent != who.agent && !manages(tx, who, Some(agent))? {
                return Err(AppError::Forbidden(Permission::AffinitiesManage));
            }
            affinities::of_agent(tx, who.workspace, agent, after, limit)?
        }
        None => affinities::page(tx, who.workspace, after, limit)?,
    };
    Ok(rows.into_iter().map(Into::into).collect())
}

/// How many customers each agent has, of those the caller manages; who has none is left out.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn summary(tx: &mut Tx<'_>, who: &Who) -> AppResult<Vec<AffinityCount>> {
    who.need(Permission::AffinitiesManage)?;
    let mut list = Vec::new();
    for (agent, name, active, customers) in affinities::counts(tx, who.workspace)? {
        if customers > 0 && manages(tx, who, Some(agent))? {
            list.push(AffinityCount {
                agent,
                name,
                active,
                customers,
            });
        }
    }
    Ok(list)
}

/// # Errors
/// [`AppError::Forbidden`]; an unknown agent.
pub fn reassign(tx: &mut Tx<'_>, who: &Who, input: &Reassign) -> AppResult<Reassigned> {
    who.need(Permission::AffinitiesManage)?;
    let mut f = Fields::new();
    let reason = f.text("/reason", &input.reason, REASON);
    f.done()?;
    if users::get(tx, who.workspace, input.from)?.is_none() {
        return Err(AppError::field("/from", "unknown", "no such agent"));
    }
    for agent in [Some(input.from), input.to].into_iter().flatten() {
        if !manages(tx, who, Some(agent))? {
            return Err(AppError::Forbidden(Permission::AffinitiesManageAll));
        }
    }
    if let Some(to) = input.to {
        if to == input.from {
            return Err(AppError::field("/to", "same", "another agent"));
        }
        target(tx, who.workspace, to, "/to")?;
    }
    let moved = affinities::give_all(tx, who.workspace, input.from, input.to, who.agent, &reason)?;
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action: "affinities_reassigned",
            object: "agents",
            id: input.from.0,
            version: 0,
            before: None,
            after: Some(json!({ "to": input.to, "customers": moved.len() })),
        },
    )?;
    for customer in &moved {
        changed(tx, who.workspace, *customer);
    }
    Ok(Reassigned {
        customers: moved.len() as i64,
    })
}

fn recorded(
    tx: &mut Tx<'_>,
    who: &Who,
    action: &str,
    customer: CustomerId,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
) -> AppResult<()> {
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action,
            object: "customers",
            id: customer.0,
            version: 0,
            before,
            after,
        },
    )
}

/// Nobody without the right takes a waiting chat from under the agent who always attends its customer, as long as that
/// agent may receive it. What routing has released to everybody may be taken as cover.
///
/// # Errors
/// [`AppError::Denied`].
pub fn may_take(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow) -> AppResult<()> {
    if row.place != Place::Waiting {
        return Ok(());
    }
    let now = tx.now();
    let Some(holder) = affinities::of_customer(tx, who.workspace, row.customer)? else {
        return Ok(());
    };
    let agent = holder.row.agent;
    if agent == who.agent || !counts(&holder, now) || manages(tx, who, Some(agent))? {
        return Ok(());
    }
    let kept = row.reserved_for == Some(agent) && row.reserved_until.is_none_or(|until| until > now);
    let policy = rules::policy(tx, who.workspace)?;
    let receives = if policy.enabled {
        kept
    } else {
        // Nothing is given automatically, hence nothing is released: it is theirs while they are there and have room.
        may_receive(tx, &holder, row)?
    };
    if receives { Err(denied(&holder)) } else { Ok(()) }
}

fn may_receive(tx: &mut Tx<'_>, holder: &AffinityView, row: &ConversationRow) -> AppResult<bool> {
    if holder.state != AgentState::Online {
        return Ok(false);
    }
    let Some(user) = users::get(tx, row.workspace, holder.row.agent)? else {
        return Ok(false);
    };
    let member = row.group.is_none_or(|g| user.groups.contains(&g));
    let channel = user.channels.as_ref().is_none_or(|c| c.contains(&row.channel_account));
    let limits = super::users::limits(tx, row.workspace)?;
    Ok(member && channel && !super::users::Agent::of(&user, limits).at_limit)
}
