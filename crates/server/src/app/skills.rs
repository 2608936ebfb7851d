//! Skills: what agents can do, and what conversations ask for (routing rows 72 and 73).
//!
//! A deleted skill is asked for by nothing new. Agents keep it out of sight, so that what asks for it already still
//! finds who can.

use crate::app::audit::{self, Change};
use crate::app::fields::name_key;
use crate::app::routing::kept;
use crate::app::{Actor, AppError, AppResult, Fields, Who, views};
use ronda_domain::permission::Permission;
use ronda_domain::{ConversationId, Ms, SkillId, WorkspaceId};
use ronda_routing::{Arrival, ConvKeep};
use ronda_storage::channel_accounts::ChannelAccountRow;
use ronda_storage::conversations::{self, ConversationRow};
use ronda_storage::skills::{self, SkillRow};
use ronda_storage::{StoreError, Tx, agents, channel_accounts};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Most skills of a workspace.
const MOST: usize = 500;
/// Most skills that one conversation asks for, or one agent has.
const MOST_OF_ONE: usize = 50;
const NAME: std::ops::RangeInclusive<usize> = 1..=40;

/// Something that agents can do and conversations ask for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Skill {
    pub id: SkillId,
    pub name: String,
    /// Active users who have it.
    pub agents: i64,
    /// Channel accounts whose conversations ask for it.
    pub channels: i64,
    pub version: i64,
    pub created_at: Ms,
}

/// A skill to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSkill {
    /// 1 to 40 characters, unique in the workspace without case and accents.
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditSkill {
    pub name: Option<String>,
}

/// The skills after id `after`. Everybody may know them: transfers name them.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn list(tx: &mut Tx<'_>, who: &Who, after: i64, limit: i64) -> AppResult<Vec<Skill>> {
    who.need(Permission::AgentsSee)?;
    let rows = skills::page(tx, who.workspace, after, limit)?;
    counted(tx, who.workspace, rows)
}

/// # Errors
/// [`AppError::NotFound`].
pub fn get(tx: &mut Tx<'_>, who: &Who, id: SkillId) -> AppResult<Skill> {
    who.need(Permission::AgentsSee)?;
    let row = skills::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    counted(tx, who.workspace, vec![row])?.pop().ok_or(AppError::NotFound)
}

fn counted(tx: &mut Tx<'_>, w: WorkspaceId, rows: Vec<SkillRow>) -> AppResult<Vec<Skill>> {
    let have: Vec<Vec<SkillId>> = agents::routable(tx, w)?
        .into_iter()
        .filter(|a| a.active)
        .map(|a| a.skills)
        .collect();
    let ask: Vec<Vec<SkillId>> = channel_accounts::of_workspace(tx, w)?
        .into_iter()
        .map(|c| c.skills)
        .collect();
    let count = |all: &[Vec<SkillId>], id| all.iter().filter(|of| of.contains(&id)).count() as i64;
    Ok(rows
        .into_iter()
        .map(|row| Skill {
            agents: count(&have, row.id),
            channels: count(&ask, row.id),
            id: row.id,
            name: row.name,
            version: row.version,
            created_at: row.created_at,
        })
        .collect())
}

/// # Errors
/// [`AppError::Forbidden`]; what is wrong with the name; [`AppError::Refused`] `too_many`.
pub fn create(tx: &mut Tx<'_>, who: &Who, input: &NewSkill) -> AppResult<Skill> {
    who.need(Permission::GroupsManage)?;
    let w = who.workspace;
    let mut f = Fields::new();
    let name = f.text("/name", &input.name, NAME);
    f.done()?;
    if live(tx, w)?.len() >= MOST {
        return Err(AppError::Refused {
            code: "too_many",
            detail: format!("at most {MOST} skills"),
        });
    }
    let id = skills::insert(tx, w, &name, &name_key(&name)).map_err(taken)?;
    recorded(tx, who, "created", id, 1, (None, Some(json!({ "name": name }))))?;
    get(tx, who, id)
}

/// # Errors
/// [`AppError::NotFound`], [`AppError::VersionMismatch`], what is wrong with the name.
pub fn edit(tx: &mut Tx<'_>, who: &Who, id: SkillId, version: i64, input: &EditSkill) -> AppResult<Skill> {
    who.need(Permission::GroupsManage)?;
    let before = skills::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    if before.version != version {
        return Err(AppError::VersionMismatch);
    }
    let mut f = Fields::new();
    let mut row = before.clone();
    if let Some(name) = &input.name {
        row.name = f.text("/name", name, NAME);
        row.name_key = name_key(&row.name);
    }
    f.done()?;
    if skills::update(tx, &row).map_err(taken)? == 0 {
        return Err(AppError::VersionMismatch);
    }
    let difference = (Some(json!({ "name": before.name })), Some(json!({ "name": row.name })));
    recorded(tx, who, "updated", id, version + 1, difference)?;
    get(tx, who, id)
}

/// Deletes a skill: no channel account asks for it any more, and nobody is asked for it. What asks for it already still
/// finds who has it.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn delete(tx: &mut Tx<'_>, who: &Who, id: SkillId) -> AppResult<()> {
    who.need(Permission::GroupsManage)?;
    let w = who.workspace;
    let row = skills::get(tx, w, id)?.ok_or(AppError::NotFound)?;
    skills::delete(tx, w, id)?;
    for mut account in channel_accounts::of_workspace(tx, w)? {
        if account.skills.contains(&id) {
            account.skills.retain(|s| *s != id);
            channel_accounts::update(tx, &account)?;
            audit::changed(tx, w, "channel-accounts", account.id.0, account.version + 1);
        }
    }
    recorded(
        tx,
        who,
        "deleted",
        id,
        row.version + 1,
        (Some(json!({ "name": row.name })), None),
    )
}

fn taken(error: StoreError) -> AppError {
    match error {
        StoreError::Constraint(_) => AppError::field("/name", "taken", "another skill has this name"),
        error => error.into(),
    }
}

type Difference = (Option<serde_json::Value>, Option<serde_json::Value>);

fn recorded(
    tx: &mut Tx<'_>,
    who: &Who,
    action: &str,
    id: SkillId,
    version: i64,
    (before, after): Difference,
) -> AppResult<()> {
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action,
            object: "skills",
            id: id.0,
            version,
            before,
            after,
        },
    )
}

/// The skills that there are.
///
/// # Errors
/// When the database fails.
pub fn live(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<BTreeSet<SkillId>> {
    let rows = skills::page(tx, w, 0, MOST as i64)?;
    Ok(rows.into_iter().map(|s| s.id).collect())
}

/// A list of skills as typed: ascending, each once; what there is not is noted.
///
/// # Errors
/// When the database fails.
pub fn checked(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    f: &mut Fields,
    pointer: &str,
    wanted: &[SkillId],
) -> AppResult<Vec<SkillId>> {
    let live = live(tx, w)?;
    if wanted.len() > MOST_OF_ONE {
        f.fail(pointer, "too_many", format!("at most {MOST_OF_ONE} skills"));
    }
    for (i, id) in wanted.iter().enumerate() {
        if !live.contains(id) {
            f.fail(&format!("{pointer}/{i}"), "unknown", "no such skill");
        }
    }
    let once: BTreeSet<SkillId> = wanted.iter().copied().collect();
    Ok(once.into_iter().collect())
}

/// The arrival with what a conversation asks for before a planner has seen it, and its head start: what was said about it,
/// else what its channel account says.
///
/// # Errors
/// When what was said cannot be read.
pub fn asking(account: &ChannelAccountRow, row: &ConversationRow, arrival: Arrival) -> AppResult<Arrival> {
    let said = kept(row)?.needs;
    Ok(Arrival {
        needs: if said.is_empty() { account.skills.clone() } else { said },
        priority_minutes: u32::try_from(account.priority_minutes).unwrap_or_default(),
        ..arrival
    })
}

/// Keeps with a conversation what it asks for, until a planner has seen it: a planner that starts in between reads it.
///
/// # Errors
/// When the database fails.
pub fn keep(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: ConversationId,
    needs: &[SkillId],
    priority_minutes: u32,
) -> AppResult<()> {
    if needs.is_empty() && priority_minutes == 0 {
        return Ok(());
    }
    let keep = ConvKeep {
        needs: needs.to_vec(),
        priority_minutes,
        ..ConvKeep::default()
    };
    conversations::ask(tx, w, id, &views::text(&keep))?;
    Ok(())
}
