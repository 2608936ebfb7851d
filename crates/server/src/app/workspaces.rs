//! Settings of a workspace (spec PLAT-1, CP-20, CORE-2).

use crate::app::audit::{self, Change};
use crate::app::fields::nullable;
use crate::app::hours::{self, Calendar};
use crate::app::views::Conversation;
use crate::app::{Actor, AppError, AppResult, Fields, Who};
use ronda_domain::conversation::Place;
use ronda_domain::event::{Event, EventKind};
use ronda_domain::permission::{Permission, Role, RoleOptions};
use ronda_domain::{Ms, WorkspaceId};
use ronda_storage::workspaces::{self, WorkspaceRow};
use ronda_storage::{Tx, Wake, conversations};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Source: spec CP-20.
const TOLERANCE_MINUTES: std::ops::RangeInclusive<i64> = 1..=7 * 24 * 60;
/// Source: spec CORE-2.
const CLOSE_MINUTES: std::ops::RangeInclusive<i64> = 5..=30 * 24 * 60;
const USUAL_CLOSE_MINUTES: i64 = 24 * 60;
/// Conversations named for each phase when a shortened period closes them.
const CLOSING_LISTED: i64 = 50;
const FAREWELL: std::ops::RangeInclusive<usize> = 1..=1_000;

/// Whether a conversation closed by hand comes back to its agent when the customer writes again soon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CloseTolerance {
    pub enabled: bool,
    pub minutes: i64,
    /// Also after closing by inactivity.
    pub after_automatic: bool,
    /// A "thanks" does not reopen.
    pub ignore_polite: bool,
}

/// Last words of a conversation that closes by itself; `null` says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Farewell {
    pub bot: Option<String>,
    pub waiting: Option<String>,
    pub agent: Option<String>,
    pub outbound: Option<String>,
}

/// Minutes since the customer's last message (for outbound conversations, since ours) after which a conversation
/// closes; `null` never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct AutoClose {
    pub bot: Option<i64>,
    pub waiting: Option<i64>,
    pub agent: Option<i64>,
    pub outbound: Option<i64>,
    pub farewell: Farewell,
}

/// Whether answers make affinities (spec AG-17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Learn {
    #[default]
    Off,
    /// The first person who answers a customer is theirs.
    FirstHuman,
    /// The last one is.
    LastHuman,
}

/// How affinities come about by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AffinityRule {
    pub learn: Learn,
}

/// What the column `settings` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Settings {
    pub close_tolerance: CloseTolerance,
    pub auto_close: AutoClose,
    /// Agents do not see what belongs to no group ("solo equipos").
    pub teams_only: bool,
    /// What differs for every plain agent from the preset of their role.
    pub agents: RoleOptions,
    pub away_reasons: Vec<String>,
    pub affinity: AffinityRule,
    /// An assignment policy is in force only when a second person has said yes.
    pub policy_approval: bool,
    /// Hours without activity for which a push keeps somebody who chose it as they were (spec AG-5).
    pub background_hours: i64,
}

/// Source: spec AG-5.
const USUAL_BACKGROUND_HOURS: i64 = 8;
/// 0 switches it off.
const BACKGROUND_HOURS: std::ops::RangeInclusive<i64> = 0..=24;

/// Source: spec AG-5.
const AWAY_REASONS: [&str; 4] = ["break", "lunch", "training", "other"];
/// More fit no menu.
const MOST_REASONS: usize = 20;
const REASON: std::ops::RangeInclusive<usize> = 1..=40;

impl Default for Settings {
    fn default() -> Self {
        Self {
            close_tolerance: CloseTolerance::default(),
            auto_close: AutoClose::default(),
            teams_only: false,
            agents: RoleOptions::default(),
            away_reasons: AWAY_REASONS.map(str::to_owned).to_vec(),
            affinity: AffinityRule::default(),
            policy_approval: false,
            background_hours: USUAL_BACKGROUND_HOURS,
        }
    }
}

impl Settings {
    /// The options of a member: their own, then for agents those of the workspace.
    #[must_use]
    pub fn options_of(&self, role: Role, own: RoleOptions) -> RoleOptions {
        if role == Role::Agent { own.or(self.agents) } else { own }
    }
}

impl Default for CloseTolerance {
    fn default() -> Self {
        Self {
            enabled: false,
            minutes: 60,
            after_automatic: false,
            ignore_polite: false,
        }
    }
}

impl Default for AutoClose {
    fn default() -> Self {
        Self {
            bot: Some(USUAL_CLOSE_MINUTES),
            waiting: Some(USUAL_CLOSE_MINUTES),
            agent: Some(USUAL_CLOSE_MINUTES),
            outbound: Some(USUAL_CLOSE_MINUTES),
            farewell: Farewell::default(),
        }
    }
}

/// A workspace with its settings.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    pub zone: String,
    pub language: String,
    pub country: String,
    pub close_tolerance: CloseTolerance,
    pub auto_close: AutoClose,
    /// Agents do not see what belongs to no group ("solo equipos").
    pub teams_only: bool,
    /// What differs for every plain agent from the preset of their role.
    pub agents: RoleOptions,
    /// Why people are away: words the client knows (`break`, `lunch`, `training`, `other`) and one's own.
    pub away_reasons: Vec<String>,
    pub affinity: AffinityRule,
    /// An assignment policy is in force only when a second person with the right has said yes.
    pub policy_approval: bool,
    /// Hours without activity for which a push keeps somebody who chose it as they were; 0 never.
    pub background_hours: i64,
    pub created_at: Ms,
    pub version: i64,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditCloseTolerance {
    pub enabled: Option<bool>,
    /// From 1 to 10,080 (7 days).
    pub minutes: Option<i64>,
    pub after_automatic: Option<bool>,
    pub ignore_polite: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditFarewell {
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub bot: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub waiting: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub agent: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub outbound: Option<Option<String>>,
}

/// Minutes from 5 to 43,200 (30 days); `null` never closes.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditAutoClose {
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub bot: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub waiting: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub agent: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub outbound: Option<Option<i64>>,
    pub farewell: Option<EditFarewell>,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditWorkspace {
    pub name: Option<String>,
    pub zone: Option<String>,
    pub language: Option<String>,
    pub country: Option<String>,
    pub close_tolerance: Option<EditCloseTolerance>,
    pub auto_close: Option<EditAutoClose>,
    pub teams_only: Option<bool>,
    /// All of them: what is left out follows the preset.
    pub agents: Option<RoleOptions>,
    /// All of them, in order: up to 20, each up to 40 characters.
    pub away_reasons: Option<Vec<String>>,
    pub affinity: Option<AffinityRule>,
    pub policy_approval: Option<bool>,
    /// From 0 to 24.
    pub background_hours: Option<i64>,
    /// That conversations which are older than a shortened period close.
    #[serde(default)]
    pub confirm: bool,
}

/// The settings of a row; what a newer or older version wrote falls back to the defaults.
#[must_use]
pub fn settings(row: &WorkspaceRow) -> Settings {
    serde_json::from_str(&row.settings).unwrap_or_default()
}

impl Workspace {
    fn of(row: &WorkspaceRow) -> Self {
        let Settings {
            close_tolerance,
            auto_close,
            teams_only,
            agents,
            away_reasons,
            affinity,
            policy_approval,
            background_hours,
        } = settings(row);
        Self {
            id: row.id,
            name: row.name.clone(),
            zone: row.zone.clone(),
            language: row.language.clone(),
            country: row.country.clone(),
            close_tolerance,
            auto_close,
            teams_only,
            agents,
            away_reasons,
            affinity,
            policy_approval,
            background_hours,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx<'_>, who: &Who) -> AppResult<Workspace> {
    let row = workspaces::get(tx, who.workspace)?.ok_or(AppError::NotFound)?;
    Ok(Workspace::of(&row))
}

/// # Errors
/// [`AppError::VersionMismatch`], what is wrong with the values, and [`AppError::NeedsConfirmation`] when a shortened
/// period closes conversations at once.
pub fn edit(tx: &mut Tx<'_>, who: &Who, version: i64, input: &EditWorkspace) -> AppResult<Workspace> {
    who.need(Permission::WorkspaceManage)?;
    let before = workspaces::get(tx, who.workspace)?.ok_or(AppError::NotFound)?;
    let mut row = WorkspaceRow {
        version,
        ..before.clone()
    };
    let mut f = Fields::new();
    if let Some(name) = &input.name {
        row.name = f.text("/name", name, 1..=80);
    }
    if let Some(zone) = &input.zone {
        row.zone = f.zone("/zone", zone);
    }
    if let Some(language) = &input.language {
        row.language = f.language("/language", language);
    }
    if let Some(country) = &input.country {
        row.country = f.country("/country", country);
    }
    let old = settings(&before);
    let new = Settings {
        close_tolerance: tolerance(&mut f, &old.close_tolerance, input.close_tolerance.as_ref()),
        auto_close: auto_close(&mut f, &old.auto_close, input.auto_close.as_ref()),
        teams_only: input.teams_only.unwrap_or(old.teams_only),
        agents: input.agents.unwrap_or(old.agents),
        away_reasons: match &input.away_reasons {
            Some(list) => away_reasons(&mut f, list),
            None => old.away_reasons.clone(),
        },
        affinity: input.affinity.unwrap_or(old.affinity),
        policy_approval: input.policy_approval.unwrap_or(old.policy_approval),
        background_hours: match input.background_hours {
            Some(hours) => f.whole("/background_hours", hours, BACKGROUND_HOURS),
            None => old.background_hours,
        },
    };

    f.done()?;
    if before.version != version {
        return Err(AppError::VersionMismatch);
    }
    if !input.confirm {
        confirmed(tx, who.workspace, &old.auto_close, &new.auto_close)?;
    }
    row.settings = json!(new).to_string();
    if workspaces::update(tx, &row)? == 0 {
        return Err(AppError::VersionMismatch);
    }
    let old_zone = before.zone.clone();
    let workspace = get(tx, who)?;
    let (before, after) = audit::difference(&Workspace::of(&before), &workspace);
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action: "updated",
            object: "workspace",
            id: workspace.id.0,
            version: workspace.version,
            before,
            after,
        },
    )?;
    if (old.teams_only, old.agents) != (new.teams_only, new.agents) {
        tx.emit(Event::general(
            who.workspace,
            EventKind::RightsChanged,
            &json!({ "everybody": true }),
        ));
    }
    if row.zone != old_zone {
        hours::zone_changed(tx, who.workspace)?;
    }
    tx.wake(Wake::Timers);
    tx.wake(Wake::Planner(who.workspace));
    Ok(workspace)
}

fn away_reasons(f: &mut Fields, list: &[String]) -> Vec<String> {
    if list.len() > MOST_REASONS {
        f.fail("/away_reasons", "too_many", format!("at most {MOST_REASONS}"));
    }
    let mut reasons: Vec<String> = Vec::new();
    for (i, raw) in list.iter().enumerate() {
        let pointer = format!("/away_reasons/{i}");
        let reason = f.text(&pointer, raw, REASON);
        if reasons.contains(&reason) {
            f.fail(&pointer, "taken", "the list has it already");
        }
        reasons.push(reason);
    }
    reasons
}

fn tolerance(f: &mut Fields, old: &CloseTolerance, edit: Option<&EditCloseTolerance>) -> CloseTolerance {
    let mut new = old.clone();
    let Some(edit) = edit else { return new };
    new.enabled = edit.enabled.unwrap_or(old.enabled);
    if let Some(minutes) = edit.minutes {
        new.minutes = f.whole("/close_tolerance/minutes", minutes, TOLERANCE_MINUTES);
    }
    new.after_automatic = edit.after_automatic.unwrap_or(old.after_automatic);
    new.ignore_polite = edit.ignore_polite.unwrap_or(old.ignore_polite);
    new
}

fn auto_close(f: &mut Fields, old: &AutoClose, edit: Option<&EditAutoClose>) -> AutoClose {
    let mut new = old.clone();
    let Some(edit) = edit else { return new };
    for (name, edited, value) in [
        ("bot", edit.bot, &mut new.bot),
        ("waiting", edit.waiting, &mut new.waiting),
        ("agent", edit.agent, &mut new.agent),
        ("outbound", edit.outbound, &mut new.outbound),
    ] {
        if let Some(minutes) = edited {
            *value = minutes.map(|m| f.whole(&format!("/auto_close/{name}"), m, CLOSE_MINUTES));
        }
    }
    let Some(edit) = &edit.farewell else { return new };
    for (name, edited, value) in [
        ("bot", &edit.bot, &mut new.farewell.bot),
        ("waiting", &edit.waiting, &mut new.farewell.waiting),
        ("agent", &edit.agent, &mut new.farewell.agent),
        ("outbound", &edit.outbound, &mut new.farewell.outbound),
    ] {
        if let Some(text) = edited {
            *value = f.optional(&format!("/auto_close/farewell/{name}"), text.as_deref(), FAREWELL);
        }
    }
    new
}

/// Shortening a period closes what is older than it: how much that is has to be confirmed.
fn confirmed(tx: &mut Tx<'_>, w: WorkspaceId, old: &AutoClose, new: &AutoClose) -> AppResult<()> {
    let now = tx.now();
    let mut closing = serde_json::Map::new();
    let mut ids = Vec::new();
    for (name, old, new, place, outbound) in [
        ("bot", old.bot, new.bot, Place::Bot, Some(false)),
        ("waiting", old.waiting, new.waiting, Place::Waiting, None),
        ("agent", old.agent, new.agent, Place::Held, None),
        ("outbound", old.outbound, new.outbound, Place::Bot, Some(true)),
    ] {
        let Some(minutes) = new.filter(|new| old.is_none_or(|old| *new < old)) else {
            continue;
        };
        let before = now.plus(-minutes * Ms::MINUTE);
        let quiet = workspaces::quiet(tx, w, place, outbound, before)?;
        if quiet > 0 {
            closing.insert(name.into(), quiet.into());
            let some = conversations::quiet_since(tx, w, place, outbound == Some(true), before, CLOSING_LISTED)?;
            ids.extend(some.into_iter().map(|(id, _)| id));
        }
    }
    if closing.is_empty() {
        return Ok(());
    }
    let calendar = Calendar::load(tx, w)?;
    let listed: Vec<Conversation> = conversations::views(tx, w, &ids)?
        .into_iter()
        .map(|v| Conversation::of(v, now, &calendar))
        .collect();
    Err(AppError::NeedsConfirmation {
        code: "closes_conversations",
        findings: json!({ "closing": Value::Object(closing), "conversations": listed }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_were_never_written_are_the_documented_defaults() {
        let empty: Settings = serde_json::from_str("{}").unwrap();
        assert_eq!(empty, Settings::default());
        assert!(!empty.close_tolerance.enabled);
        assert_eq!(empty.close_tolerance.minutes, 60);
        assert_eq!(empty.auto_close.agent, Some(1_440));
        // Off is not the same as never written.
        let off: Settings = serde_json::from_str("{\"auto_close\":{\"bot\":null}}").unwrap();
        assert_eq!((off.auto_close.bot, off.auto_close.agent), (None, Some(1_440)));
    }
}
