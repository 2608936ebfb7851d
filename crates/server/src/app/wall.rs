//! The live wall of supervisors (spec REP-11): one picture of a workspace, of the engine's state and a few rows.

use crate::app::conversations as seen;
use crate::app::hours::Calendar;
use crate::app::incidents::{self, Incident};
use crate::app::pauses::{self, RotationPause};
use crate::app::routing::Names;
use crate::app::scope::Sight;
use crate::app::simulated;
use crate::app::users::{self, Agent};
use crate::app::views::{Conversation, json};
use crate::app::{AppError, AppResult};
use ronda_domain::channel::{ChannelKind, ChannelStatus, WHATSAPP_WINDOW_MS};
use ronda_domain::event::Scope;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, GroupId, Ms, WorkspaceId};
use ronda_routing::survey::{self, Survey};
use ronda_routing::{Lost, NextChange, Reject};
use ronda_storage::{Tx, channel_accounts, conversations, groups, messages, outbox, service_levels, workspaces};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use utoipa::ToSchema;

/// Conversations of each list of the wall.
const LISTED: usize = 50;
/// Incidents shown; the page of incidents has the rest.
const INCIDENTS: i64 = 5;
/// A window that ends within this is shown.
const WINDOW_SOON_MS: i64 = 2 * Ms::HOUR;

/// Why nobody takes what waits: the test at which the last agents were lost, and for how many conversations.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Blocked {
    #[schema(value_type = String)]
    pub reason: Reject,
    pub conversations: u32,
}

/// One queue of the wall.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Queue {
    /// `null` for what no group was named for.
    pub group: Option<GroupId>,
    pub group_name: Option<String>,
    pub waiting: u32,
    pub held: u32,
    /// Held and owed a reply.
    pub unanswered: u32,
    /// Waiting after every round was used.
    pub exhausted: u32,
    /// Since when the first in line has been owed a reply.
    pub oldest_owed_since: Option<Ms>,
    pub oldest: Option<ConversationId>,
    /// Agents asked for the first in line, and why each was not given it.
    pub members: u32,
    #[schema(value_type = Vec<Object>)]
    pub lost: Vec<Lost>,
    /// What the first in line asks for: `{skill, have, name}`.
    #[schema(value_type = Vec<Object>)]
    pub skills: Value,
    /// What time alone changes next for the first in line: `{at, what}`.
    #[schema(value_type = Option<Object>)]
    pub next_change: Option<NextChange>,
    pub reasons: Vec<Blocked>,
}

/// An agent with what they owe.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WallAgent {
    #[serde(flatten)]
    pub agent: Agent,
    pub groups: Vec<GroupId>,
    /// Takes no part in automatic assignment.
    pub excluded: bool,
    /// Conversations held and owed a reply.
    pub owed: u32,
    pub oldest_owed_since: Option<Ms>,
    pub oldest: Option<ConversationId>,
    /// Deadlines that passed without any sign of life since the last one.
    pub strikes: u8,
    /// The last answer, typing, closing or coming online.
    pub life_at: Option<Ms>,
    pub cooling_until: Option<Ms>,
}

/// A conversation whose customer waits longer than the time to answer although it does not move.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Overdue {
    pub since: Ms,
    pub conversation: Conversation,
}

/// Whether a channel account works at this moment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelCondition {
    pub id: ChannelAccountId,
    pub kind: ChannelKind,
    pub name: String,
    pub status: ChannelStatus,
    pub status_detail: String,
    /// Since when calls to the provider fail, and how the first one did.
    pub failing_since: Option<Ms>,
    pub failing_error: Option<String>,
    /// Messages that wait to be sent, and since when the oldest does.
    pub waiting: i64,
    pub waiting_since: Option<Ms>,
}

/// The queue, the agents and what needs somebody, at a glance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Overview {
    pub now: Ms,
    /// Here and in the other figures without simulated conversations, unless the whole workspace is simulated. Lists and
    /// queues show everything that somebody has to do.
    pub waiting: u32,
    pub held: u32,
    /// Held and owed a reply.
    pub unanswered: u32,
    pub exhausted: u32,
    pub oldest_owed_since: Option<Ms>,
    /// Simulated conversations that wait or are held, and that the figures leave out.
    pub simulated: u32,
    pub queues: Vec<Queue>,
    pub agents: Vec<WallAgent>,
    /// Held conversations whose clock runs, soonest first, at most 50.
    pub expiring: Vec<Conversation>,
    /// Longest first, at most 50.
    pub overdue: Vec<Overdue>,
    pub overdue_total: u32,
    /// Conversations whose promised answer is at risk or over, the most urgent first, at most 50.
    pub promises: Vec<Conversation>,
    pub promises_at_risk: i64,
    pub promises_broken: i64,
    /// Conversations whose window for free messages ends within two hours, soonest first, at most 50.
    pub windows: Vec<Conversation>,
    /// Of today, newest first, at most 5.
    pub incidents: Vec<Incident>,
    pub incidents_today: i64,
    /// Messages of today that could not be delivered.
    pub failed_today: i64,
    pub channels: Vec<ChannelCondition>,
    /// Pauses of rotation that go on.
    pub pauses: Vec<RotationPause>,
}

/// The first instant of today where the workspace is.
///
/// # Errors
/// When the database fails.
pub fn today(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Ms> {
    let now = tx.now();
    let zone = workspaces::get(tx, w)?.ok_or(AppError::NotFound)?.zone;
    let zone = jiff::tz::TimeZone::get(&zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let start = jiff::Timestamp::from_millisecond(now.0)
        .map(|at| at.to_zoned(zone))
        .and_then(|at| at.start_of_day());
    Ok(start.map_or(now, |at| Ms(at.timestamp().as_millisecond())))
}

/// Whether every account works.
///
/// # Errors
/// When the database fails.
pub fn channels(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Vec<ChannelCondition>> {
    channel_accounts::conditions(tx, w)?
        .into_iter()
        .map(|row| {
            let (waiting, waiting_since) = outbox::pending(tx, row.id)?;
            Ok(ChannelCondition {
                id: row.id,
                kind: row.kind,
                name: row.name,
                status: row.status,
                status_detail: row.status_detail,
                failing_since: row.failing_since,
                failing_error: row.failing_error,
                waiting,
                waiting_since,
            })
        })
        .collect()
}

/// The conversations of `ids`, in their order.
fn listed(tx: &mut Tx<'_>, w: WorkspaceId, ids: &[ConversationId]) -> AppResult<Vec<Conversation>> {
    let now = tx.now();
    let calendar = Calendar::load(tx, w)?;
    let mut found: HashMap<ConversationId, Conversation> = conversations::views(tx, w, ids)?
        .into_iter()
        .map(|v| (v.row.id, Conversation::of(v, now, &calendar)))
        .collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Rows that are looked through for what somebody sees who does not see everything.
const LOOKED_THROUGH: i64 = 1_000;

/// Whose wall it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onlooker(Option<Sight>);

impl Onlooker {
    /// Sees everything.
    pub const ALL: Self = Self(None);

    /// A conversation of the engine.
    #[must_use]
    pub fn sees(&self, row: &ronda_routing::ConvRow) -> bool {
        let (place, owner, group) = (row.place, row.owner, row.group);
        self.scoped(&Scope { place, owner, group })
    }

    fn scoped(&self, scope: &Scope) -> bool {
        self.0.as_ref().is_none_or(|sight| sight.sees(scope))
    }

    /// Something of these groups.
    fn shares(&self, groups: &[GroupId]) -> bool {
        self.0.as_ref().is_none_or(|sight| sight.shares(groups))
    }

    /// The queue of a group; that of none, when what waits there is theirs too.
    fn queues(&self, group: Option<GroupId>) -> bool {
        let without = self.0.as_ref().is_none_or(|sight| sight.ungrouped);
        group.map_or(without, |g| self.shares(&[g]))
    }

    fn is(&self, agent: AgentId) -> bool {
        self.0.as_ref().is_some_and(|sight| sight.agent == agent)
    }

    /// At least so many rows are read for so many of theirs.
    fn looks_through(&self, limit: i64) -> i64 {
        if self.0.is_some() { LOOKED_THROUGH } else { limit }
    }

    fn visible(
        &self,
        tx: &mut Tx<'_>,
        w: WorkspaceId,
        ids: impl Iterator<Item = ConversationId>,
    ) -> AppResult<BTreeSet<ConversationId>> {
        match &self.0 {
            Some(sight) => seen::visible_of(tx, w, sight, ids),
            None => Ok(ids.collect()),
        }
    }

    /// Who has this agent's rights.
    #[must_use]
    pub const fn agent(&self) -> Option<AgentId> {
        match &self.0 {
            Some(sight) => Some(sight.agent),
            None => None,
        }
    }
}

impl From<Sight> for Onlooker {
    fn from(sight: Sight) -> Self {
        Self((!sight.all()).then_some(sight))
    }
}

/// Puts the engine's survey of what `by` sees, with what time changes next for the first of each queue, and the rows of
/// people and channels together.
///
/// # Errors
/// When the database fails.
pub fn overview(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    survey: &Survey,
    next: &BTreeMap<ConversationId, NextChange>,
    by: &Onlooker,
) -> AppResult<Overview> {
    let now = tx.now();
    let explained = Names::load(tx, w)?;
    let names: BTreeMap<GroupId, String> = groups::page(tx, w, 0, i64::from(u16::MAX))?
        .into_iter()
        .map(|g| (g.id, g.name))
        .collect();
    let clocks: Vec<ConversationId> = survey.clocks.iter().take(LISTED).map(|(_, id)| *id).collect();
    let late: Vec<ConversationId> = survey.overdue.iter().take(LISTED).map(|(_, id)| *id).collect();
    let since: HashMap<ConversationId, Ms> = survey.overdue.iter().map(|(at, id)| (*id, *at)).collect();
    let overdue = listed(tx, w, &late)?
        .into_iter()
        .filter_map(|conversation| {
            let since = *since.get(&conversation.id)?;
            Some(Overdue { since, conversation })
        })
        .collect();
    let ends = now.plus(-WHATSAPP_WINDOW_MS);
    let calendar = Calendar::load(tx, w)?;
    let most = by.looks_through(LISTED as i64);
    let windows = conversations::quiet_between(tx, w, (ends, ends.plus(WINDOW_SOON_MS)), most)?
        .into_iter()
        .filter(|v| by.scoped(&v.row.scope()))
        .map(|v| Conversation::of(v, now, &calendar))
        .filter(|c| c.window.closes_at.is_some())
        .take(LISTED)
        .collect();
    let day = today(tx, w)?;
    let counted = simulated::counts(tx, w, None)?;
    let mut near = service_levels::near(tx, w, most, counted)?;
    let visible = by.visible(tx, w, near.iter().map(|c| c.conversation))?;
    near.retain(|c| visible.contains(&c.conversation));
    let (near_total, promises_broken) = if by.0.is_some() {
        let broken = near.iter().filter(|c| c.due_at <= now).count();
        (near.len() as i64, broken as i64)
    } else {
        service_levels::count_near(tx, w, counted)?
    };
    let near: Vec<ConversationId> = near.into_iter().map(|c| c.conversation).take(LISTED).collect();
    let mut incidents = incidents::page(
        tx,
        w,
        i64::MAX,
        (day, Ms(i64::MAX)),
        by.looks_through(INCIDENTS),
        counted,
    )?;
    let (incidents_today, failed_today) = if by.0.is_some() {
        let about = incidents.iter().filter_map(|i| i.conversation.as_ref()).map(|c| c.id);
        let visible = by.visible(tx, w, about)?;
        incidents.retain(|i| i.conversation.as_ref().is_some_and(|c| visible.contains(&c.id)));
        let failed = messages::failed(tx, w, i64::MAX, day, LOOKED_THROUGH, counted)?;
        let visible = by.visible(tx, w, failed.iter().map(|m| m.conversation))?;
        let failed = failed.iter().filter(|m| visible.contains(&m.conversation)).count();
        (incidents.len() as i64, failed as i64)
    } else {
        let incidents = ronda_storage::incidents::count_since(tx, w, day, counted)?;
        (incidents, messages::failed_since(tx, w, day, counted)?)
    };
    incidents.truncate(INCIDENTS as usize);
    let mut pauses = pauses::running(tx, w)?;
    pauses.retain(|p| p.group.is_none_or(|g| by.shares(&[g])));
    let figures = Figures::of(tx, w, survey, counted, by)?;
    Ok(Overview {
        promises: listed(tx, w, &near)?,
        promises_at_risk: near_total - promises_broken,
        promises_broken,
        now,
        waiting: figures.waiting,
        held: figures.held,
        unanswered: figures.unanswered,
        exhausted: survey.queues.iter().map(|q| q.exhausted).sum(),
        oldest_owed_since: figures.oldest,
        simulated: figures.simulated,
        queues: survey
            .queues
            .iter()
            .filter(|q| by.queues(q.group))
            .map(|q| queue(q, &names, &explained, next))
            .collect(),
        agents: agents(tx, w, survey, by)?,
        expiring: listed(tx, w, &clocks)?,
        overdue,
        overdue_total: figures.overdue,
        windows,
        incidents,
        incidents_today,
        failed_today,
        channels: channels(tx, w)?,
        pauses,
    })
}

/// The sums of a survey, as reports count them.
struct Figures {
    waiting: u32,
    held: u32,
    unanswered: u32,
    overdue: u32,
    oldest: Option<Ms>,
    simulated: u32,
}

impl Figures {
    fn of(tx: &mut Tx<'_>, w: WorkspaceId, survey: &Survey, counted: bool, by: &Onlooker) -> AppResult<Self> {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut found = Self {
            waiting: survey.queues.iter().map(|q| q.waiting).sum(),
            held: survey.queues.iter().map(|q| q.held).sum(),
            unanswered: survey.queues.iter().map(|q| q.unanswered).sum(),
            overdue: count(survey.overdue.len()),
            oldest: survey.queues.iter().filter_map(|q| q.oldest).map(|(at, _)| at).min(),
            simulated: 0,
        };
        if counted {
            return Ok(found);
        }
        let mut left_out = conversations::simulated_live(tx, w)?;
        let seen = by.visible(tx, w, left_out.iter().map(|(id, ..)| *id))?;
        left_out.retain(|(id, ..)| seen.contains(id));
        let waits = left_out.iter().filter(|(_, waits, _)| *waits).count();
        let unanswered = left_out.iter().filter(|(_, waits, owed)| !waits && owed.is_some());
        let ids: HashSet<ConversationId> = left_out.iter().map(|(id, ..)| *id).collect();
        // The engine may be a moment ahead of these rows, or behind.
        found.waiting = found.waiting.saturating_sub(count(waits));
        found.held = found.held.saturating_sub(count(left_out.len() - waits));
        found.unanswered = found.unanswered.saturating_sub(count(unanswered.count()));
        found.overdue = count(survey.overdue.iter().filter(|(_, id)| !ids.contains(id)).count());
        found.simulated = count(left_out.len());
        let oldest = survey.queues.iter().filter_map(|q| q.oldest);
        let real = oldest.filter(|(_, id)| !ids.contains(id)).map(|(at, _)| at).min();
        if real != found.oldest {
            // Behind a simulated one there may be an older one than the first of another queue.
            found.oldest = if by.0.is_some() {
                real
            } else {
                conversations::first_owed(tx, w)?
            };
        }
        Ok(found)
    }
}

fn queue(
    q: &survey::Queue,
    names: &BTreeMap<GroupId, String>,
    explained: &Names,
    next: &BTreeMap<ConversationId, NextChange>,
) -> Queue {
    let mut funnel = json(&q.funnel);
    explained.put(&mut funnel);
    let skills = funnel.get_mut("skills").map(Value::take);
    Queue {
        group: q.group,
        group_name: q.group.and_then(|g| names.get(&g).cloned()),
        waiting: q.waiting,
        held: q.held,
        unanswered: q.unanswered,
        exhausted: q.exhausted,
        oldest_owed_since: q.oldest.map(|(at, _)| at),
        oldest: q.oldest.map(|(_, id)| id),
        members: q.funnel.members,
        lost: q.funnel.lost.clone(),
        skills: skills.unwrap_or_else(|| Value::Array(Vec::new())),
        next_change: q.oldest.and_then(|(_, id)| next.get(&id).copied()),
        reasons: q
            .reasons
            .iter()
            .map(|(reason, conversations)| Blocked {
                reason: *reason,
                conversations: *conversations,
            })
            .collect(),
    }
}

fn agents(tx: &mut Tx<'_>, w: WorkspaceId, survey: &Survey, by: &Onlooker) -> AppResult<Vec<WallAgent>> {
    let limits = users::limits(tx, w)?;
    let seen: HashMap<AgentId, &survey::AgentSurvey> = survey.agents.iter().map(|a| (a.agent, a)).collect();
    Ok(ronda_storage::users::page(tx, w, 0, i64::from(u16::MAX))?
        .iter()
        .filter(|u| u.status == "active" && (by.shares(&u.groups) || by.is(u.id)))
        .map(|u| {
            let seen = seen.get(&u.id);
            WallAgent {
                agent: Agent::of(u, limits),
                groups: u.groups.clone(),
                excluded: seen.is_some_and(|a| a.excluded),
                owed: seen.map_or(0, |a| a.owed),
                oldest_owed_since: seen.and_then(|a| a.oldest).map(|(at, _)| at),
                oldest: seen.and_then(|a| a.oldest).map(|(_, id)| id),
                strikes: seen.map_or(0, |a| a.strikes),
                life_at: seen.and_then(|a| a.life_at),
                cooling_until: seen.and_then(|a| a.cooling_until),
            }
        })
        .collect())
}

/// What a screen in the room shows. No customers, and agents by name only when the link says so.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicWall {
    pub workspace: String,
    /// BCP 47, of the workspace.
    pub language: String,
    pub zone: String,
    pub now: Ms,
    pub waiting: u32,
    pub held: u32,
    pub unanswered: u32,
    pub overdue: u32,
    pub oldest_owed_since: Option<Ms>,
    pub queues: Vec<PublicQueue>,
    pub agents: Vec<PublicAgent>,
    /// When the next clocks run out, soonest first, at most 12.
    pub clocks: Vec<Ms>,
    pub incidents_today: i64,
    /// Channels that do not work.
    pub channels_failing: u32,
}

/// A queue on a screen in the room.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicQueue {
    pub name: Option<String>,
    pub waiting: u32,
    pub held: u32,
    pub oldest_owed_since: Option<Ms>,
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reject>,
}

/// An agent on a screen in the room.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicAgent {
    /// `null` when the link shows no names.
    pub name: Option<String>,
    pub state: ronda_domain::agent::AgentState,
    pub since: Ms,
    pub load: i64,
    pub limit: Option<i64>,
    pub oldest_owed_since: Option<Ms>,
}

/// Clocks on a screen in the room.
const PUBLIC_CLOCKS: usize = 12;

impl PublicWall {
    /// What may be shown of `o` to whoever has the link.
    #[must_use]
    pub fn of(o: &Overview, workspace: &workspaces::WorkspaceRow, names: bool) -> Self {
        Self {
            workspace: workspace.name.clone(),
            language: workspace.language.clone(),
            zone: workspace.zone.clone(),
            now: o.now,
            waiting: o.waiting,
            held: o.held,
            unanswered: o.unanswered,
            overdue: o.overdue_total,
            oldest_owed_since: o.oldest_owed_since,
            queues: o
                .queues
                .iter()
                .map(|q| PublicQueue {
                    name: q.group_name.clone(),
                    waiting: q.waiting,
                    held: q.held,
                    oldest_owed_since: q.oldest_owed_since,
                    reason: q.reasons.first().map(|r| r.reason),
                })
                .collect(),
            agents: o
                .agents
                .iter()
                .map(|a| PublicAgent {
                    name: names.then(|| a.agent.public_name.clone()),
                    state: a.agent.state,
                    since: a.agent.since,
                    load: a.agent.load,
                    limit: a.agent.limit,
                    oldest_owed_since: a.oldest_owed_since,
                })
                .collect(),
            clocks: o
                .expiring
                .iter()
                .filter_map(|c| c.rotate_at)
                .take(PUBLIC_CLOCKS)
                .collect(),
            incidents_today: o.incidents_today,
            channels_failing: o
                .channels
                .iter()
                .filter(|c| c.failing_since.is_some() || c.status == ChannelStatus::Disconnected)
                .count()
                .try_into()
                .unwrap_or(u32::MAX),
        }
    }
}
