//! Service levels (spec REP-8): what customers are promised, when each promise is at risk and when it is broken, and how
//! many were kept. A clock begins with what a customer is owed and ends with the answer; nothing that agents do to a
//! conversation stops it (snoozing, transfers, another group).

use crate::app::alerts::{self, Raised};
use crate::app::audit::{self, Change};
use crate::app::channel_accounts::PRIORITY_MINUTES;
use crate::app::fields::nullable;
use crate::app::hours::{Calendar, Opening};
use crate::app::simulated::{self, Simulated};
use crate::app::{Actor, AppError, AppResult, Fields, Who};
use ronda_domain::conversation::Place;
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, GroupId, Ms, WorkspaceId};
use ronda_routing::{Fact, Hours, add_open, open_between};
use ronda_storage::conversations::ConversationRow;
use ronda_storage::service_levels::{self as stored, ClockRow, NewClock, TargetRow};
use ronda_storage::{StoreError, Tx, agents, channel_accounts, conversations};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// The share of a target after which it is at risk: the last quarter. Source: spec REP-8.
const RISK_PERCENT: i64 = 75;
const SECONDS: std::ops::RangeInclusive<i64> = 10..=30 * 24 * 3_600;
/// Targets of one workspace.
const MOST: usize = 200;
/// Slots of clocks that a conversation may have had before.
const WAIT: &str = "wait";
const RESOLUTION: &str = "resolution";
/// Clocks about which is told in one step.
const BATCH: i64 = 200;

/// What is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The first answer of an episode.
    FirstResponse,
    /// Every further answer.
    NextResponse,
    /// That somebody has the conversation, for the first time in its episode (M6 of spec REP-1).
    WaitForAgent,
    /// Its end, without the time it was closed in between (M10).
    Resolution,
}

impl Metric {
    const fn word(self) -> &'static str {
        match self {
            Self::FirstResponse => "first_response",
            Self::NextResponse => "next_response",
            Self::WaitForAgent => "wait_for_agent",
            Self::Resolution => "resolution",
        }
    }

    fn of(word: &str) -> Self {
        match word {
            "next_response" => Self::NextResponse,
            "wait_for_agent" => Self::WaitForAgent,
            "resolution" => Self::Resolution,
            _ => Self::FirstResponse,
        }
    }

    /// A conversation has one clock of each at a time.
    const fn slot(self) -> &'static str {
        match self {
            Self::FirstResponse | Self::NextResponse => "answer",
            Self::WaitForAgent => WAIT,
            Self::Resolution => RESOLUTION,
        }
    }
}

/// A promise to customers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServiceTarget {
    pub id: i64,
    pub metric: Metric,
    /// `null` for all groups.
    pub group: Option<GroupId>,
    /// `null` for all channels.
    pub channel_account: Option<ChannelAccountId>,
    /// Only for conversations with at least this head start in the queue when their wait begins, in minutes; 0 for all.
    pub priority_minutes: i64,
    pub seconds: i64,
    /// Only open hours count.
    pub business: bool,
    /// Supervisors and the agent are told when it is at risk and when it is broken.
    pub notify: bool,
    /// When it is broken, what waits counts as that many minutes older; 0 for no change.
    pub raise_minutes: i64,
    /// When it is broken, this group is asked for it, whoever has it; `null` for no change.
    pub to_group: Option<GroupId>,
    pub version: i64,
}

impl From<TargetRow> for ServiceTarget {
    fn from(row: TargetRow) -> Self {
        Self {
            id: row.id,
            metric: Metric::of(&row.metric),
            group: row.group,
            channel_account: row.channel,
            priority_minutes: row.priority_minutes,
            seconds: row.target_ms / 1_000,
            business: row.business,
            notify: row.notify,
            raise_minutes: row.raise_minutes,
            to_group: row.to_group,
            version: row.version,
        }
    }
}

const fn yes() -> bool {
    true
}

/// A promise to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewServiceTarget {
    pub metric: Metric,
    #[serde(default)]
    pub group: Option<GroupId>,
    #[serde(default)]
    pub channel_account: Option<ChannelAccountId>,
    /// From 0 to 1,440.
    #[serde(default)]
    pub priority_minutes: i64,
    /// From 10 to 2,592,000 (30 days).
    pub seconds: i64,
    /// Left out: open hours, for the resolution time of the clock. Source: spec REP-1.
    #[serde(default)]
    pub business: Option<bool>,
    #[serde(default = "yes")]
    pub notify: bool,
    /// From 0 to 1,440.
    #[serde(default)]
    pub raise_minutes: i64,
    #[serde(default)]
    pub to_group: Option<GroupId>,
}

/// What of a promise can change.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditServiceTarget {
    pub seconds: Option<i64>,
    pub business: Option<bool>,
    pub notify: Option<bool>,
    pub raise_minutes: Option<i64>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub to_group: Option<Option<GroupId>>,
    /// Clocks that run follow it too; without it they keep what they began with.
    #[serde(default)]
    pub apply: bool,
}

/// A promise that a conversation waits under; the client judges its state by the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServiceClock {
    pub metric: Metric,
    pub started_at: Ms,
    /// From here on it is at risk.
    pub risk_at: Ms,
    /// From here on it is overdue.
    pub due_at: Ms,
}

impl ServiceClock {
    #[must_use]
    pub fn of(metric: &str, started_at: Ms, risk_at: Ms, due_at: Ms) -> Self {
        Self {
            metric: Metric::of(metric),
            started_at,
            risk_at,
            due_at,
        }
    }
}

/// How a promise was kept in a period.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Compliance {
    /// Of a promise that no longer exists, only its id.
    pub target: i64,
    pub promise: Option<ServiceTarget>,
    pub met: i64,
    pub missed: i64,
    /// Met of those met and missed, of one thousand; `null` when there were none.
    pub permille: Option<i64>,
    /// Closed before they were due without an answer: in neither number.
    pub dropped: i64,
    /// Running now, apart from the others; and how many of them are over.
    pub open: i64,
    pub open_overdue: i64,
}

// Promises ---------------------------------------------------------------------------------------------------------------

/// Everybody may know what they work under.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx<'_>, who: &Who) -> AppResult<Vec<ServiceTarget>> {
    let rows = stored::targets(tx, who.workspace)?;
    Ok(rows.into_iter().map(ServiceTarget::from).collect())
}

/// # Errors
/// [`AppError::Forbidden`]; wrong fields; `taken` for a second promise of the same kind.
pub fn create(tx: &mut Tx<'_>, who: &Who, new: &NewServiceTarget) -> AppResult<ServiceTarget> {
    who.need(Permission::RoutingEdit)?;
    let w = who.workspace;
    let mut f = Fields::new();
    let seconds = f.whole("/seconds", new.seconds, SECONDS);
    let priority_minutes = f.whole("/priority_minutes", new.priority_minutes, PRIORITY_MINUTES);
    let raise_minutes = f.whole("/raise_minutes", new.raise_minutes, PRIORITY_MINUTES);
    known_group(tx, w, &mut f, new.to_group)?;
    if let Some(group) = new.group
        && !agents::groups(tx, w)?.iter().any(|g| g.group == group)
    {
        f.fail("/group", "unknown", "no group has this id");
    }
    if let Some(channel) = new.channel_account
        && channel_accounts::get(tx, w, channel)?.is_none()
    {
        f.fail("/channel_account", "unknown", "no channel has this id");
    }
    let all = stored::targets(tx, w)?;
    let same = |t: &TargetRow| {
        let it = (new.metric.word(), new.group, new.channel_account, new.priority_minutes);
        (t.metric.as_str(), t.group, t.channel, t.priority_minutes) == it
    };
    if all.iter().any(same) {
        f.fail("/metric", "taken", "there is one for the same already");
    }
    f.done()?;
    if all.len() >= MOST {
        return Err(AppError::Refused {
            code: "too_many",
            detail: format!("at most {MOST} targets"),
        });
    }
    let row = TargetRow {
        id: 0,
        metric: new.metric.word().into(),
        group: new.group,
        channel: new.channel_account,
        priority_minutes,
        target_ms: seconds * 1_000,
        business: new.business.unwrap_or(new.metric != Metric::Resolution),
        notify: new.notify,
        raise_minutes,
        to_group: new.to_group,
        version: 1,
    };
    let id = match stored::insert_target(tx, w, &row) {
        Err(StoreError::Constraint(_)) => {
            return Err(AppError::field("/metric", "taken", "there is one for the same already"));
        }
        other => other?,
    };
    let made = ServiceTarget::from(TargetRow { id, ..row });
    changed(tx, who, "created", None, Some(&made))?;
    Ok(made)
}

fn known_group(tx: &mut Tx<'_>, w: WorkspaceId, f: &mut Fields, group: Option<GroupId>) -> AppResult<()> {
    if let Some(group) = group
        && !agents::groups(tx, w)?.iter().any(|g| g.group == group)
    {
        f.fail("/to_group", "unknown", "no group has this id");
    }
    Ok(())
}

/// # Errors
/// [`AppError::Forbidden`]; [`AppError::NotFound`]; [`AppError::VersionMismatch`]; wrong fields.
pub fn edit(tx: &mut Tx<'_>, who: &Who, id: i64, version: i64, edit: &EditServiceTarget) -> AppResult<ServiceTarget> {
    who.need(Permission::RoutingEdit)?;
    let w = who.workspace;
    let before = stored::get_target(tx, w, id)?.ok_or(AppError::NotFound)?;
    let mut row = TargetRow {
        version,
        ..before.clone()
    };
    let mut f = Fields::new();
    if let Some(seconds) = edit.seconds {
        row.target_ms = f.whole("/seconds", seconds, SECONDS) * 1_000;
    }
    row.business = edit.business.unwrap_or(before.business);
    row.notify = edit.notify.unwrap_or(before.notify);
    if let Some(minutes) = edit.raise_minutes {
        row.raise_minutes = f.whole("/raise_minutes", minutes, PRIORITY_MINUTES);
    }
    if let Some(group) = edit.to_group {
        known_group(tx, w, &mut f, group)?;
        row.to_group = group;
    }
    f.done()?;
    if stored::update_target(tx, w, &row)? == 0 {
        return Err(AppError::VersionMismatch);
    }
    let after = stored::get_target(tx, w, id)?.ok_or(AppError::NotFound)?;
    if edit.apply {
        apply(tx, w, &after)?;
    }
    let after = ServiceTarget::from(after);
    changed(tx, who, "updated", Some(&before.into()), Some(&after))?;
    Ok(after)
}

/// Clocks that run keep what they began with, and nothing new begins.
///
/// # Errors
/// [`AppError::Forbidden`]; [`AppError::NotFound`].
pub fn delete(tx: &mut Tx<'_>, who: &Who, id: i64) -> AppResult<()> {
    who.need(Permission::RoutingEdit)?;
    let before = stored::get_target(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    stored::delete_target(tx, who.workspace, id)?;
    changed(tx, who, "deleted", Some(&before.into()), None)
}

fn changed(
    tx: &mut Tx<'_>,
    who: &Who,
    action: &str,
    before: Option<&ServiceTarget>,
    after: Option<&ServiceTarget>,
) -> AppResult<()> {
    let json = |t: Option<&ServiceTarget>| t.map(crate::app::views::json);
    let of = after.or(before);
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action,
            object: "service-targets",
            id: of.map_or(0, |t| t.id),
            version: of.map_or(0, |t| t.version),
            before: json(before),
            after: json(after),
        },
    )
}

/// Gives the clocks of a target that run what it says now.
fn apply(tx: &mut Tx<'_>, w: WorkspaceId, target: &TargetRow) -> AppResult<()> {
    let now = tx.now();
    let calendar = Calendar::load(tx, w)?;
    let mut moves = Vec::new();
    for clock in stored::running_of_target(tx, w, target.id)? {
        let (risk_at, due_at) = ends(&calendar, target, (clock.group, clock.channel), clock.started_at);
        let next = [risk_at, due_at].into_iter().find(|at| *at > now);
        moves.push((clock.id, risk_at, due_at, next.or(Some(now))));
    }
    stored::reset(tx, w, &moves)?;
    Ok(())
}

// Clocks -----------------------------------------------------------------------------------------------------------------

/// When a target is at risk and when it is over, for a wait that began at `from`.
fn ends(
    calendar: &Calendar,
    target: &TargetRow,
    (group, channel): (Option<GroupId>, ChannelAccountId),
    from: Ms,
) -> (Ms, Ms) {
    let opening = calendar.of(group, channel).filter(|_| target.business);
    ends_in(opening.map_or(&Hours::Always, Opening::hours), target.target_ms, from)
}

/// When a promise of `target_ms` is at risk and when it is over, in these hours. Beyond what they know, time counts plainly.
fn ends_in(hours: &Hours, target_ms: i64, from: Ms) -> (Ms, Ms) {
    let after = |ms: i64| add_open(hours, from, ms).unwrap_or_else(|| from.plus(ms));
    (after(target_ms / 100 * RISK_PERCENT), after(target_ms))
}

/// The most specific target: of the highest priority that it has; then of the group and the channel, of the group, of the
/// channel, of everybody.
fn most_specific<'a>(all: &'a [TargetRow], metric: Metric, c: &ConversationRow) -> Option<&'a TargetRow> {
    let head_start = head_start(c);
    let fits = |t: &&TargetRow| {
        t.metric == metric.word()
            && t.priority_minutes <= head_start
            && t.group.is_none_or(|g| c.group == Some(g))
            && t.channel.is_none_or(|a| a == c.channel_account)
    };
    all.iter()
        .filter(fits)
        .max_by_key(|t| (t.priority_minutes, t.group.is_some(), t.channel.is_some()))
}

/// The head start that a conversation came with or was given, in minutes: its priority (rule F5 of `docs/ROUTING.md`).
fn head_start(c: &ConversationRow) -> i64 {
    let keep: Option<ronda_routing::ConvKeep> = c.routing.as_deref().and_then(|json| serde_json::from_str(json).ok());
    keep.map_or(0, |k| i64::from(k.priority_minutes) + i64::from(k.raised_minutes))
}

/// Customers wrote: what they are owed has a promise from now on. A clock that runs goes on.
///
/// # Errors
/// When the database fails.
pub fn owed(tx: &mut Tx<'_>, w: WorkspaceId, ids: &[ConversationId]) -> AppResult<()> {
    let targets = stored::targets(tx, w)?;
    if targets.is_empty() || ids.is_empty() {
        return Ok(());
    }
    let running: BTreeSet<(ConversationId, String)> = stored::running(tx, w, ids)?
        .into_iter()
        .map(|c| (c.conversation, c.slot))
        .collect();
    let before = Before::of(tx, w, ids, &targets)?;
    let calendar = Calendar::load(tx, w)?;
    let mut new = Vec::new();
    for c in conversations::get_many(tx, w, ids)? {
        let live = matches!(c.place, Place::Waiting | Place::Held);
        let Some(from) = c.owed_since.filter(|_| live) else {
            continue;
        };
        for metric in begin(&c, from, &before) {
            let runs = running.contains(&(c.id, metric.slot().to_owned()));
            let Some(target) = most_specific(&targets, metric, &c).filter(|_| !runs) else {
                continue;
            };
            let (risk_at, due_at) = ends(&calendar, target, (c.group, c.channel_account), from);
            new.push(NewClock {
                conversation: c.id,
                metric: metric.word(),
                slot: metric.slot(),
                target: target.id,
                group: c.group,
                channel: c.channel_account,
                simulated: c.simulated,
                started_at: from,
                risk_at,
                due_at,
            });
        }
    }
    stored::start(tx, w, &new)?;
    resumed(tx, w, ids)
}

/// What conversations have had behind them.
#[derive(Default)]
struct Before {
    /// Waits for somebody that are over: since when they were.
    waited: BTreeSet<(ConversationId, Ms)>,
    /// Conversations that were solved before.
    solved: BTreeSet<ConversationId>,
}

impl Before {
    fn of(tx: &mut Tx<'_>, w: WorkspaceId, ids: &[ConversationId], targets: &[TargetRow]) -> AppResult<Self> {
        let mut found = Self::default();
        let whole = |t: &TargetRow| matches!(Metric::of(&t.metric), Metric::WaitForAgent | Metric::Resolution);
        if !targets.iter().any(whole) {
            return Ok(found);
        }
        for clock in stored::ended(tx, w, ids, &[WAIT, RESOLUTION])? {
            if clock.slot == WAIT {
                found.waited.insert((clock.conversation, clock.started_at));
            } else {
                found.solved.insert(clock.conversation);
            }
        }
        Ok(found)
    }
}

/// What a conversation that is owed an answer since `from` has clocks for.
fn begin(c: &ConversationRow, from: Ms, before: &Before) -> Vec<Metric> {
    let first = c.answered_episode != c.episode;
    let mut found = vec![if first {
        Metric::FirstResponse
    } else {
        Metric::NextResponse
    }];
    // Who has had somebody in this wait does not wait for somebody again.
    if first && c.place == Place::Waiting && c.owner.is_none() && !before.waited.contains(&(c.id, from)) {
        found.push(Metric::WaitForAgent);
    }
    if !before.solved.contains(&c.id) {
        found.push(Metric::Resolution);
    }
    found
}

/// Conversations that live again are not solved: their clocks go on where they stood, without the time they were closed.
///
/// # Errors
/// When the database fails.
pub fn resumed(tx: &mut Tx<'_>, w: WorkspaceId, ids: &[ConversationId]) -> AppResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let now = tx.now();
    let ended = stored::ended(tx, w, ids, &[RESOLUTION])?;
    if ended.is_empty() {
        return Ok(());
    }
    let live: BTreeSet<ConversationId> = conversations::get_many(tx, w, ids)?
        .into_iter()
        .filter(|c| matches!(c.place, Place::Waiting | Place::Held))
        .map(|c| c.id)
        .collect();
    let calendar = Calendar::load(tx, w)?;
    let targets: BTreeMap<i64, TargetRow> = stored::targets(tx, w)?.into_iter().map(|t| (t.id, t)).collect();
    let mut again = Vec::new();
    for clock in ended.into_iter().filter(|c| live.contains(&c.conversation)) {
        let Some(closed_at) = clock.ended_at else { continue };
        let business = targets.get(&clock.target).is_some_and(|t| t.business);
        let opening = calendar.of(clock.group, clock.channel).filter(|_| business);
        let hours = opening.map_or(&Hours::Always, Opening::hours);
        let closed_for = open_between(hours, closed_at, now);
        let later = |at: Ms| add_open(hours, at, closed_for).unwrap_or_else(|| at.plus(closed_for));
        again.push((clock.id, later(clock.risk_at), later(clock.due_at)));
    }
    stored::resume(tx, w, &again)?;
    Ok(())
}

/// An agent answered.
///
/// # Errors
/// When the database fails.
pub fn answered(tx: &mut Tx<'_>, row: &ConversationRow, agent: AgentId) -> AppResult<()> {
    if row.answered_episode != row.episode {
        conversations::set_answered(tx, row.workspace, row.id)?;
    }
    stored::answered(tx, row.workspace, row.id, agent)?;
    Ok(())
}

/// Tells what became at risk or overdue; how many were told.
///
/// # Errors
/// When the database fails.
pub fn tell(tx: &mut Tx<'_>) -> AppResult<usize> {
    let now = tx.now();
    let due = stored::due(tx, now, BATCH)?;
    for clock in &due {
        let over = clock.due_at <= now;
        stored::told(tx, clock.workspace, clock.id, (!over).then_some(clock.due_at))?;
        let Some(target) = stored::get_target(tx, clock.workspace, clock.target)? else {
            continue;
        };
        if target.notify {
            warn(tx, clock, over)?;
        }
        if over && (target.raise_minutes > 0 || target.to_group.is_some()) {
            escalate(tx, clock, &target)?;
        }
    }
    Ok(due.len())
}

/// What somebody set for a broken promise, for the planner to do.
fn escalate(tx: &mut Tx<'_>, clock: &ClockRow, target: &TargetRow) -> AppResult<()> {
    let fact = Fact::PromiseBroken {
        conv: clock.conversation,
        raise_minutes: u32::try_from(target.raise_minutes).unwrap_or(0),
        to: target.to_group,
    };
    crate::app::routing::tell(tx, clock.workspace, &[fact])
}

fn warn(tx: &mut Tx<'_>, clock: &ClockRow, over: bool) -> AppResult<()> {
    let w = clock.workspace;
    let owner = conversations::get(tx, w, clock.conversation)?.and_then(|c| c.owner);
    let kind = if over { "service_overdue" } else { "service_at_risk" };
    let raised = Raised {
        kind,
        key: format!("{kind}:{}:{}", clock.id, clock.due_at),
        conversation: Some(clock.conversation),
        agent: owner,
        detail: json!({ "metric": clock.metric, "started_at": clock.started_at, "due_at": clock.due_at }),
    };
    alerts::raise(tx, w, &raised)?;
    Ok(())
}

// Reports ----------------------------------------------------------------------------------------------------------------

/// How promises were kept in a period, target by target.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn compliance(
    tx: &mut Tx<'_>,
    who: &Who,
    period: (Ms, Ms),
    asked: Option<Simulated>,
) -> AppResult<Vec<Compliance>> {
    who.need(Permission::RoutingExplain)?;
    let w = who.workspace;
    let simulated = simulated::counts(tx, w, asked)?;
    let mut found: BTreeMap<i64, Compliance> = BTreeMap::new();
    let blank = |target| Compliance {
        target,
        promise: None,
        met: 0,
        missed: 0,
        permille: None,
        dropped: 0,
        open: 0,
        open_overdue: 0,
    };
    for target in stored::targets(tx, w)? {
        let row = found.entry(target.id).or_insert_with(|| blank(target.id));
        row.promise = Some(target.into());
    }
    for kept in stored::kept(tx, w, period, simulated)? {
        let row = found.entry(kept.target).or_insert_with(|| blank(kept.target));
        (row.met, row.missed, row.dropped) = (kept.met, kept.missed, kept.dropped);
        let judged = kept.met + kept.missed;
        row.permille = (judged > 0).then(|| kept.met * 1_000 / judged);
    }
    for (target, open, overdue) in stored::open(tx, w, simulated)? {
        let row = found.entry(target).or_insert_with(|| blank(target));
        (row.open, row.open_overdue) = (open, overdue);
    }
    Ok(found.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given first response 15 min and hours to 18:00, when a chat arrives at 17:50, then it is due 09:05 next open day.
    #[test]
    fn rep_8_1_closed_time_does_not_count() {
        let at = |day: i64, hour: i64, minute: i64| Ms(day * Ms::DAY + hour * Ms::HOUR + minute * Ms::MINUTE);
        // Friday and Monday, from nine to six.
        let hours = Hours::Spans(vec![(at(0, 9, 0), at(0, 18, 0)), (at(3, 9, 0), at(3, 18, 0))]);
        let (risk, due) = ends_in(&hours, 15 * Ms::MINUTE, at(0, 17, 50));
        assert_eq!(due, at(3, 9, 5));
        assert_eq!(risk, at(3, 9, 1).plus(15_000));
        assert_eq!(ends_in(&Hours::Always, 15 * Ms::MINUTE, at(0, 17, 50)).1, at(0, 18, 5));
    }
}
