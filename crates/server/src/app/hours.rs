//! Business hours: what is set, what it means now, and what the routing engine is told (spec CP-9, PLAT-11).
//!
//! Nothing here keeps "open" or "closed": whoever asks computes it from the schedule, its zone and the time. The engine
//! gets the open spans of sixty days: when a schedule is saved, at every midnight of its zone, when the zone of the
//! workspace changes, and at every start, because the rules of zones may be newer than the last one.

use crate::app::audit::{self, Change};
use crate::app::civil::{self, Civil, Exception, Schedule, Span};
use crate::app::{Actor, AppError, AppResult, Fields, Who, routing, views};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ronda_domain::permission::Permission;
use ronda_domain::{ChannelAccountId, GroupId, Ms, WorkspaceId};
use ronda_routing::{Fact, Hours, HoursScope, next_opening};
use ronda_storage::hours::{self as stored, HoursRow, ScopeKey};
use ronda_storage::{StoreError, Tx, channel_accounts, groups, timers, workspaces};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// How far ahead the engine knows. Source: routing reference §5.1.
const HORIZON_MS: i64 = 60 * Ms::DAY;
/// How far back, for what it measures in open time.
const BACK_MS: i64 = 8 * Ms::DAY;
/// How far people are shown the next opening.
const SIGHT_MS: i64 = 400 * Ms::DAY;
/// Longest name of an exception.
pub const NAME_CHARS: usize = 80;
/// Most stretches of one day; more cannot be meant.
const MOST_SPANS: usize = 48;
const MOST_EXCEPTIONS: usize = 1_000;
/// Most closed times shown with one conversation.
const MOST_CLOSED: usize = 12;
/// The kind of the timers that renew what the engine knows; their subject is the row of the hours.
pub const TIMER: &str = "hours";

// Scopes ---------------------------------------------------------------------------------------------------------------

/// A scope as addresses name it: `workspace`, `channel-7`, `group-3`.
#[must_use]
pub fn name(scope: HoursScope) -> String {
    match scope {
        HoursScope::Workspace => "workspace".into(),
        HoursScope::Channel(id) => format!("channel-{id}"),
        HoursScope::Group(id) => format!("group-{id}"),
    }
}

/// The scope that an address names, if it exists in the workspace.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn scope(tx: &mut Tx<'_>, w: WorkspaceId, name: &str) -> AppResult<HoursScope> {
    let id = |text: &str| text.parse::<i64>().map_err(|_| AppError::NotFound);
    match name.split_once('-') {
        None if name == "workspace" => Ok(HoursScope::Workspace),
        Some(("channel", text)) => {
            let channel = ChannelAccountId(id(text)?);
            channel_accounts::get(tx, w, channel)?.ok_or(AppError::NotFound)?;
            Ok(HoursScope::Channel(channel))
        }
        Some(("group", text)) => {
            let group = GroupId(id(text)?);
            groups::get(tx, w, group)?.ok_or(AppError::NotFound)?;
            Ok(HoursScope::Group(group))
        }
        _ => Err(AppError::NotFound),
    }
}

/// A scope as rows have it.
#[must_use]
pub fn key(scope: HoursScope) -> ScopeKey {
    let (kind, id) = match scope {
        HoursScope::Workspace => ("workspace", 0),
        HoursScope::Channel(id) => ("channel", id.0),
        HoursScope::Group(id) => ("group", id.0),
    };
    ScopeKey { kind: kind.into(), id }
}

/// The scope of a row.
///
/// # Errors
/// When its word is none of ours.
pub fn scope_of(key: &ScopeKey) -> AppResult<HoursScope> {
    match key.kind.as_str() {
        "workspace" => Ok(HoursScope::Workspace),
        "channel" => Ok(HoursScope::Channel(ChannelAccountId(key.id))),
        "group" => Ok(HoursScope::Group(GroupId(key.id))),
        other => Err(StoreError::BadData {
            place: "business_hours.scope",
            detail: other.into(),
        }
        .into()),
    }
}

/// The most specific of `all` for a conversation: its group's, its channel's, the workspace's (row 42).
pub fn most_specific<T>(
    all: &[(HoursScope, T)],
    group: Option<GroupId>,
    channel: ChannelAccountId,
) -> Option<(HoursScope, &T)> {
    [
        group.map(HoursScope::Group),
        Some(HoursScope::Channel(channel)),
        Some(HoursScope::Workspace),
    ]
    .into_iter()
    .flatten()
    .find_map(|scope| all.iter().find(|(s, _)| *s == scope).map(|(s, t)| (*s, t)))
}

// What it means now ----------------------------------------------------------------------------------------------------

/// The hours of one scope, ready to be asked about one instant.
#[derive(Debug)]
pub struct Opening {
    civil: Civil,
    pub zone: TimeZone,
    now: Ms,
    closed_at: Option<Ms>,
    spans: OnceCell<Hours>,
}

/// A time in which nobody is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClosedSpan {
    pub from: Ms,
    /// The opening; `null` when none is in sight.
    pub to: Option<Ms>,
}

impl Opening {
    /// Its open spans around now, for arithmetic in open time.
    pub fn hours(&self) -> &Hours {
        self.spans.get_or_init(|| {
            let (from, to) = (self.now.plus(-HORIZON_MS), self.now.plus(HORIZON_MS));
            Hours::Spans(self.civil.spans(&self.zone, from, to))
        })
    }

    fn spans(&self) -> &[(Ms, Ms)] {
        match self.hours() {
            Hours::Spans(spans) => spans,
            Hours::Always => &[],
        }
    }

    /// Whether it is open at an instant near now.
    #[must_use]
    pub fn is_open(&self, at: Ms) -> bool {
        ronda_routing::is_open(self.hours(), at)
    }

    /// The first opening from now on; now when it is open, none when none is in sight.
    #[must_use]
    pub fn opens_at(&self) -> Option<Ms> {
        next_opening(self.hours(), self.now).or_else(|| {
            // Closed for longer than the engine looks ahead.
            let later = self.now.plus(HORIZON_MS);
            let spans = self.civil.spans(&self.zone, later, self.now.plus(SIGHT_MS));
            spans.first().map(|(from, _)| *from)
        })
    }

    /// Since when it has been closed: the last closing, or the change that closed it; the beginning of what is looked
    /// at when it was not open in it.
    #[must_use]
    pub fn closed_since(&self) -> Ms {
        let last = self
            .spans()
            .iter()
            .rev()
            .find(|(_, to)| *to <= self.now)
            .map(|(_, to)| *to);
        let by_change = self.closed_at.filter(|at| *at <= self.now);
        last.max(by_change).unwrap_or(self.now.plus(-HORIZON_MS))
    }

    /// The closed times from `from` until `until`; without it only the one at `from`, or the next one.
    #[must_use]
    pub fn closed(&self, from: Ms, until: Option<Ms>) -> Vec<ClosedSpan> {
        let mut out = Vec::new();
        let mut at = from;
        for (begin, end) in self.spans().iter().filter(|(_, to)| *to > from) {
            if *begin > at {
                out.push(ClosedSpan {
                    from: at,
                    to: Some(*begin),
                });
            }
            at = (*end).max(at);
            let enough = match until {
                None => !out.is_empty(),
                Some(until) => at >= until || out.len() >= MOST_CLOSED,
            };
            if enough {
                return out;
            }
        }
        // The end of what is looked at is no closing.
        if at < self.now.plus(HORIZON_MS) {
            out.push(ClosedSpan { from: at, to: None });
        }
        out
    }

    /// Open or closed, and until when.
    #[must_use]
    pub fn state(&self) -> State {
        let open = self.is_open(self.now);
        let end = self.spans().iter().find(|(_, to)| *to > self.now).map(|(_, to)| *to);
        State {
            open,
            always: false,
            // The end of what is looked at is no closing.
            closes_at: end.filter(|end| open && *end < self.now.plus(HORIZON_MS)),
            opens_at: self.opens_at().filter(|_| !open),
        }
    }
}

/// Open or closed at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HoursState)]
pub struct State {
    pub open: bool,
    /// No hours are set.
    pub always: bool,
    /// When it closes; `null` when it is closed, or does not close in sight.
    pub closes_at: Option<Ms>,
    /// When it opens; `null` when it is open, or no opening is in sight.
    pub opens_at: Option<Ms>,
}

impl State {
    const ALWAYS: Self = Self {
        open: true,
        always: true,
        closes_at: None,
        opens_at: None,
    };
}

/// All hours of a workspace at one instant.
#[derive(Debug)]
pub struct Calendar {
    all: Vec<(HoursScope, Opening)>,
}

impl Calendar {
    /// # Errors
    /// When the database fails or a row cannot be read.
    pub fn load(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Self> {
        let rows = stored::all(tx, w)?;
        if rows.is_empty() {
            return Ok(Self { all: Vec::new() });
        }
        let usual = workspaces::get(tx, w)?.ok_or(AppError::NotFound)?.zone;
        let now = tx.now();
        let all = rows
            .iter()
            .map(|row| Ok((scope_of(&row.scope)?, opening(row, &usual, now)?)))
            .collect::<AppResult<_>>()?;
        Ok(Self { all })
    }

    /// The hours that count for a conversation; none: it is always open.
    #[must_use]
    pub fn of(&self, group: Option<GroupId>, channel: ChannelAccountId) -> Option<&Opening> {
        most_specific(&self.all, group, channel).map(|(_, opening)| opening)
    }

    /// Whether no hours are set at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The hours that count for a scope, for which no channel is known.
    #[must_use]
    pub fn of_scope(&self, scope: HoursScope) -> Option<&Opening> {
        let of = |scope: HoursScope| self.all.iter().find(|(s, _)| *s == scope);
        of(scope)
            .or_else(|| of(HoursScope::Workspace))
            .map(|(_, opening)| opening)
    }

    /// Open or closed for a conversation.
    #[must_use]
    pub fn state(&self, group: Option<GroupId>, channel: ChannelAccountId) -> State {
        self.of(group, channel).map_or(State::ALWAYS, Opening::state)
    }
}

fn opening(row: &HoursRow, usual: &str, now: Ms) -> AppResult<Opening> {
    Ok(Opening {
        civil: Civil::of(&schedule(row)?),
        zone: zone(row.zone.as_deref().unwrap_or(usual)),
        now,
        closed_at: row.closed_at,
        spans: OnceCell::new(),
    })
}

fn schedule(row: &HoursRow) -> AppResult<Schedule> {
    serde_json::from_str(&row.body).map_err(|e| {
        StoreError::BadData {
            place: "business_hours.body",
            detail: e.to_string(),
        }
        .into()
    })
}

/// A zone by its name; UTC for one that a later version of the zones dropped.
fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|error| {
        tracing::error!(zone = name, %error, "hours are read in UTC");
        TimeZone::UTC
    })
}

// Telling the engine ---------------------------------------------------------------------------------------------------

/// Tells the engine the spans of a row, and comes back at the next midnight of its zone.
fn tell(tx: &mut Tx<'_>, row: &HoursRow, usual: &str) -> AppResult<()> {
    let now = tx.now();
    let zone = zone(row.zone.as_deref().unwrap_or(usual));
    let spans = Civil::of(&schedule(row)?).spans(&zone, now.plus(-BACK_MS), now.plus(HORIZON_MS));
    let fact = Fact::HoursSet {
        scope: scope_of(&row.scope)?,
        hours: Some(Hours::Spans(spans)),
    };
    routing::tell(tx, row.workspace, &[fact])?;
    timers::put(tx, row.workspace, TIMER, row.id, 0, civil::next_midnight(&zone, now))?;
    Ok(())
}

/// Midnight in the zone of some hours: the engine is told one day more.
///
/// # Errors
/// When the database fails.
pub fn renew(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> AppResult<()> {
    let (Some(row), Some(workspace)) = (stored::by_id(tx, w, id)?, workspaces::get(tx, w)?) else {
        return Ok(());
    };
    tell(tx, &row, &workspace.zone)
}

/// A start: the rules of zones may have changed since the last one.
///
/// # Errors
/// When the database fails.
pub fn renew_all(tx: &mut Tx<'_>) -> AppResult<()> {
    for row in stored::everywhere(tx)? {
        renew(tx, row.workspace, row.id)?;
    }
    Ok(())
}

/// The workspace has another zone: hours without a zone of their own move with it.
///
/// # Errors
/// When the database fails.
pub fn zone_changed(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<()> {
    for row in stored::all(tx, w)?.iter().filter(|row| row.zone.is_none()) {
        renew(tx, w, row.id)?;
        audit::changed(tx, w, "business-hours", row.id, row.version);
    }
    Ok(())
}

/// A group or a channel account is gone, and its hours with it.
///
/// # Errors
/// When the database fails.
pub fn scope_gone(tx: &mut Tx<'_>, w: WorkspaceId, scope: HoursScope) -> AppResult<()> {
    stored::delete_message(tx, w, &key(scope))?;
    let row = stored::all(tx, w)?.into_iter().find(|row| row.scope == key(scope));
    match row {
        Some(row) => forget(tx, &row),
        None => Ok(()),
    }
}

fn forget(tx: &mut Tx<'_>, row: &HoursRow) -> AppResult<()> {
    stored::delete(tx, row.workspace, &row.scope)?;
    timers::remove(tx, row.workspace, TIMER, row.id)?;
    let fact = Fact::HoursSet {
        scope: scope_of(&row.scope)?,
        hours: None,
    };
    routing::tell(tx, row.workspace, &[fact])
}

// What people set ------------------------------------------------------------------------------------------------------

/// The hours that count for a scope.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BusinessHours {
    /// `workspace`, `channel-7`, `group-3`.
    pub scope: String,
    /// Whose hours these are: the scope itself, `workspace` when it inherits them, `null` when none are set and it is
    /// always open. The conversations of a group that inherits go by the hours of their channel first.
    pub from: Option<String>,
    /// A zone of its own; `null`: the workspace's.
    pub zone: Option<String>,
    pub zone_in_force: String,
    /// Seven days, Monday first.
    pub week: Vec<Vec<Span>>,
    pub exceptions: Vec<Exception>,
    pub state: State,
    /// What was done to the values that were sent.
    pub notices: Vec<Notice>,
    /// 0: it has no hours of its own yet.
    pub version: i64,
}

/// Something worth telling, no error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HoursNotice)]
pub struct Notice {
    /// `merged`: stretches of a day overlapped and are one now.
    pub code: &'static str,
    pub pointer: String,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditHours {
    /// A zone of its own; `null`: the workspace's.
    #[serde(default)]
    pub zone: Option<String>,
    /// Seven days, Monday first.
    pub week: Vec<Vec<Span>>,
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// That what ends before it begins ends on the next day.
    #[serde(default)]
    pub confirm: bool,
}

/// What hours that are not saved yet would mean.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = HoursPreview)]
pub struct Preview {
    pub state: State,
    pub notices: Vec<Notice>,
    /// Stretches that end on the next day.
    pub overnight: Vec<String>,
    /// Every day of the year asked for.
    pub days: Vec<PreviewDay>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = HoursDay)]
pub struct PreviewDay {
    pub date: String,
    /// Minutes in which it is open on this day, also by a night that began on the day before.
    pub open_minutes: i64,
    /// The name of the exception, which may be empty; `null` on usual days.
    pub exception: Option<String>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewHours {
    #[serde(default)]
    pub zone: Option<String>,
    pub week: Vec<Vec<Span>>,
    #[serde(default)]
    pub exceptions: Vec<Exception>,
    /// The year to look at; the present one when left out.
    #[serde(default)]
    pub year: Option<i16>,
}

/// What was typed, checked.
struct Checked {
    zone: Option<String>,
    schedule: Schedule,
    notices: Vec<Notice>,
    /// Pointer and stretch of everything that ends on the next day.
    overnight: Vec<(String, Span)>,
}

fn check(zone: Option<&str>, week: &[Vec<Span>], exceptions: &[Exception]) -> AppResult<Checked> {
    let mut f = Fields::new();
    let zone = zone.map(|zone| f.zone("/zone", zone));
    let mut notices = Vec::new();
    let mut overnight = Vec::new();
    if week.len() != 7 {
        f.fail("/week", "seven_days", "seven days, Monday first");
    }
    let mut day = |f: &mut Fields, pointer: &str, spans: &[Span]| -> Vec<Span> {
        if spans.len() > MOST_SPANS {
            f.fail(pointer, "too_many", format!("at most {MOST_SPANS}"));
        }
        for (i, span) in spans.iter().enumerate() {
            let (from, to) = (civil::minute(&span.from, false), civil::minute(&span.to, true));
            if from.is_none() {
                f.fail(&format!("{pointer}/{i}/from"), "time", "a time such as 09:00");
            }
            if to.is_none() {
                f.fail(
                    &format!("{pointer}/{i}/to"),
                    "time",
                    "a time such as 18:00, at most 24:00",
                );
            }
            if from.is_some() && from == to {
                f.fail(&format!("{pointer}/{i}/to"), "empty", "all day is 00:00 to 24:00");
            }
            if span.overnight() {
                overnight.push((format!("{pointer}/{i}"), span.clone()));
            }
        }
        let (merged, joined) = civil::merged(spans);
        if joined {
            notices.push(Notice {
                code: "merged",
                pointer: pointer.to_owned(),
            });
        }
        merged
    };
    let days = week
        .iter()
        .enumerate()
        .map(|(i, spans)| day(&mut f, &format!("/week/{i}"), spans))
        .collect();
    if exceptions.len() > MOST_EXCEPTIONS {
        f.fail("/exceptions", "too_many", format!("at most {MOST_EXCEPTIONS}"));
    }
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Exception> = Vec::with_capacity(exceptions.len());
    for (i, e) in exceptions.iter().enumerate() {
        let pointer = format!("/exceptions/{i}");
        let name = f.text(&format!("{pointer}/name"), &e.name, 0..=NAME_CHARS);
        let spans = day(&mut f, &format!("{pointer}/spans"), &e.spans);
        match e.date.parse::<Date>().ok().filter(|d| d.to_string() == e.date) {
            None => f.fail(&format!("{pointer}/date"), "date", "a date such as 2026-12-25"),
            Some(date) => {
                let same = if e.yearly {
                    date.to_string()[5..].to_owned()
                } else {
                    date.to_string()
                };
                if !seen.insert(same) {
                    f.fail(&format!("{pointer}/date"), "taken", "this date is in the list already");
                }
            }
        }
        kept.push(Exception {
            name,
            spans,
            ..e.clone()
        });
    }
    f.done()?;
    kept.sort_by(|a, b| (&a.date, a.yearly).cmp(&(&b.date, b.yearly)));
    Ok(Checked {
        zone,
        schedule: Schedule {
            week: days,
            exceptions: kept,
        },
        notices,
        overnight,
    })
}

fn view(scope: HoursScope, rows: &[HoursRow], usual: &str, now: Ms) -> AppResult<BusinessHours> {
    let own = rows.iter().find(|row| row.scope == key(scope));
    let whole = || rows.iter().find(|row| row.scope == key(HoursScope::Workspace));
    let counts = own.or_else(whole);
    let Some(row) = counts else {
        return Ok(BusinessHours {
            scope: name(scope),
            from: None,
            zone: None,
            zone_in_force: usual.to_owned(),
            week: vec![Vec::new(); 7],
            exceptions: Vec::new(),
            state: State::ALWAYS,
            notices: Vec::new(),
            version: 0,
        });
    };
    let schedule = schedule(row)?;
    Ok(BusinessHours {
        scope: name(scope),
        from: Some(name(scope_of(&row.scope)?)),
        zone: row.zone.clone(),
        zone_in_force: row.zone.clone().unwrap_or_else(|| usual.to_owned()),
        week: schedule.week,
        exceptions: schedule.exceptions,
        state: opening(row, usual, now)?.state(),
        notices: Vec::new(),
        version: own.map_or(0, |row| row.version),
    })
}

fn usual_zone(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<String> {
    Ok(workspaces::get(tx, w)?.ok_or(AppError::NotFound)?.zone)
}

/// Every scope that has hours of its own; the workspace always, first.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx<'_>, who: &Who) -> AppResult<Vec<BusinessHours>> {
    who.need(Permission::AgentsSee)?;
    let usual = usual_zone(tx, who.workspace)?;
    let rows = stored::all(tx, who.workspace)?;
    let mut scopes: BTreeSet<HoursScope> = rows.iter().map(|row| scope_of(&row.scope)).collect::<AppResult<_>>()?;
    scopes.insert(HoursScope::Workspace);
    let now = tx.now();
    scopes
        .into_iter()
        .map(|scope| view(scope, &rows, &usual, now))
        .collect()
}

/// The hours that count for a scope.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn get(tx: &mut Tx<'_>, who: &Who, name: &str) -> AppResult<BusinessHours> {
    who.need(Permission::AgentsSee)?;
    let scope = scope(tx, who.workspace, name)?;
    let usual = usual_zone(tx, who.workspace)?;
    let rows = stored::all(tx, who.workspace)?;
    view(scope, &rows, &usual, tx.now())
}

/// Saves the hours of a scope; version 0 gives it its first. Clocks that run are computed again by what was left of
/// their open time (row 41).
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::VersionMismatch`], what is wrong with the values, and
/// [`AppError::NeedsConfirmation`] for stretches that end before they begin.
pub fn save(tx: &mut Tx<'_>, who: &Who, name: &str, version: i64, edit: &EditHours) -> AppResult<BusinessHours> {
    who.need(Permission::WorkspaceManage)?;
    let w = who.workspace;
    let scope = scope(tx, w, name)?;
    let checked = check(edit.zone.as_deref(), &edit.week, &edit.exceptions)?;
    let usual = usual_zone(tx, w)?;
    let rows = stored::all(tx, w)?;
    let own = rows.iter().find(|row| row.scope == key(scope));
    if own.map_or(0, |row| row.version) != version {
        return Err(AppError::VersionMismatch);
    }
    if !edit.confirm {
        let known = own.map(schedule).transpose()?.unwrap_or_default();
        let exceptions = known.exceptions.iter().map(|e| &e.spans);
        let known: Vec<&Span> = known.week.iter().chain(exceptions).flatten().collect();
        let asked = checked.overnight.iter().filter(|(_, span)| !known.contains(&span));
        let new: Vec<&String> = asked.map(|(pointer, _)| pointer).collect();
        if !new.is_empty() {
            return Err(AppError::NeedsConfirmation {
                code: "overnight",
                findings: json!({ "overnight": new }),
            });
        }
    }
    let now = tx.now();
    let before = view(scope, &rows, &usual, now)?;
    let mut row = HoursRow {
        id: own.map_or(0, |row| row.id),
        workspace: w,
        scope: key(scope),
        zone: checked.zone,
        body: views::text(&checked.schedule),
        closed_at: own.and_then(|row| row.closed_at),
        version,
    };
    if before.state.open && !opening(&row, &usual, now)?.is_open(now) {
        row.closed_at = Some(now);
    }
    let action = if own.is_some() { "updated" } else { "created" };
    if own.is_some() {
        if stored::update(tx, &row)? == 0 {
            return Err(AppError::VersionMismatch);
        }
        row.version += 1;
    } else {
        row.id = stored::insert(tx, &row)?.ok_or(AppError::VersionMismatch)?;
        row.version = 1;
    }
    tell(tx, &row, &usual)?;
    let rows = stored::all(tx, w)?;
    let after = view(scope, &rows, &usual, now)?;
    recorded(tx, who, action, &row, &before, &after)?;
    Ok(BusinessHours {
        notices: checked.notices,
        ..after
    })
}

/// The scope inherits again; the workspace is always open then.
///
/// # Errors
/// [`AppError::NotFound`] also when it has no hours of its own.
pub fn delete(tx: &mut Tx<'_>, who: &Who, name: &str) -> AppResult<()> {
    who.need(Permission::WorkspaceManage)?;
    let w = who.workspace;
    let scope = scope(tx, w, name)?;
    let usual = usual_zone(tx, w)?;
    let rows = stored::all(tx, w)?;
    let row = rows
        .iter()
        .find(|row| row.scope == key(scope))
        .ok_or(AppError::NotFound)?;
    let now = tx.now();
    let before = view(scope, &rows, &usual, now)?;
    forget(tx, row)?;
    let rows = stored::all(tx, w)?;
    let after = view(scope, &rows, &usual, now)?;
    recorded(tx, who, "deleted", row, &before, &after)
}

fn recorded(
    tx: &mut Tx<'_>,
    who: &Who,
    action: &str,
    row: &HoursRow,
    before: &BusinessHours,
    after: &BusinessHours,
) -> AppResult<()> {
    // What people set; what it means at the moment is no part of it.
    let set = |hours: &BusinessHours| json!({ "scope": hours.scope, "from": hours.from, "zone": hours.zone, "week": hours.week, "exceptions": hours.exceptions });
    let (before, after) = audit::difference(&set(before), &set(after));
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action,
            object: "business-hours",
            id: row.id,
            version: row.version,
            before,
            after,
        },
    )
}

/// What hours would mean, without saving them.
///
/// # Errors
/// What is wrong with the values.
pub fn preview(tx: &mut Tx<'_>, who: &Who, input: &PreviewHours) -> AppResult<Preview> {
    who.need(Permission::WorkspaceManage)?;
    let checked = check(input.zone.as_deref(), &input.week, &input.exceptions)?;
    let usual = usual_zone(tx, who.workspace)?;
    let now = tx.now();
    let opening = Opening {
        civil: Civil::of(&checked.schedule),
        zone: zone(checked.zone.as_deref().unwrap_or(&usual)),
        now,
        closed_at: None,
        spans: OnceCell::new(),
    };
    let today = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default();
    let year = input
        .year
        .unwrap_or_else(|| today.to_zoned(opening.zone.clone()).year());
    if !(1970..=2200).contains(&year) {
        return Err(AppError::field("/year", "out_of_range", "from 1970 to 2200"));
    }
    Ok(Preview {
        state: opening.state(),
        notices: checked.notices,
        overnight: checked.overnight.into_iter().map(|(pointer, _)| pointer).collect(),
        days: days(&opening, year),
    })
}

fn days(opening: &Opening, year: i16) -> Vec<PreviewDay> {
    let mut out = Vec::with_capacity(366);
    let mut day = jiff::civil::date(year, 1, 1);
    let start = |day: Date| {
        let at = opening
            .zone
            .to_ambiguous_timestamp(day.to_datetime(jiff::civil::Time::midnight()));
        at.compatible().map_or(Ms(0), |at| Ms(at.as_millisecond()))
    };
    while day.year() == year {
        let Ok(next) = day.tomorrow() else { break };
        let spans = opening.civil.spans(&opening.zone, start(day), start(next));
        out.push(PreviewDay {
            date: day.to_string(),
            open_minutes: spans.iter().map(|(from, to)| to.since(*from)).sum::<i64>() / Ms::MINUTE,
            exception: opening.civil.exception_name(day).map(str::to_owned),
        });
        day = next;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(spans: &[(i64, i64)], now: i64) -> Opening {
        let cell = OnceCell::new();
        let spans = spans.iter().map(|(a, b)| (Ms(*a), Ms(*b))).collect();
        cell.set(Hours::Spans(spans)).unwrap();
        Opening {
            civil: Civil::default(),
            zone: TimeZone::UTC,
            now: Ms(now),
            closed_at: None,
            spans: cell,
        }
    }

    #[test]
    fn closed_times_are_those_up_to_the_deadline() {
        let closed = |from: i64, to: i64| ClosedSpan {
            from: Ms(from),
            to: Some(Ms(to)),
        };
        let spans = [(10, 20), (30, 40), (50, 60)];
        let of = |from, until: Option<i64>| opening(&spans, 15).closed(Ms(from), until.map(Ms));
        assert_eq!(of(15, Some(20)), []);
        assert_eq!(of(15, Some(35)), [closed(20, 30)]);
        assert_eq!(of(15, Some(55)), [closed(20, 30), closed(40, 50)]);
        assert_eq!(of(25, None), [closed(25, 30)]);
        assert_eq!(of(15, None), [closed(20, 30)]);
        assert_eq!(of(70, None), [ClosedSpan { from: Ms(70), to: None }]);
    }

    #[test]
    fn a_closed_period_begins_with_the_last_closing_or_the_change_that_closed() {
        let mut o = opening(&[(10, 20), (30, 40)], 25);
        assert_eq!(o.closed_since(), Ms(20));
        o.closed_at = Some(Ms(22));
        assert_eq!(o.closed_since(), Ms(22));
        o.closed_at = Some(Ms(12));
        assert_eq!(o.closed_since(), Ms(20));
    }
}
