//! Groups of agents (spec CP-7).

use crate::app::audit::{self, Change};
use crate::app::fields::{name_key, slug};
use crate::app::{Actor, AppError, AppResult, Fields, Who, routing, users};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, GroupId, Ms, WorkspaceId};
use ronda_storage::Tx;
use ronda_storage::groups::{self, GroupRow};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// More groups than any workspace has.
const ALL: i64 = 100_000;
const NAME: std::ops::RangeInclusive<usize> = 1..=40;
const KEY: std::ops::RangeInclusive<usize> = 1..=40;
const DESCRIPTION: std::ops::RangeInclusive<usize> = 0..=500;
const COLOUR: std::ops::RangeInclusive<usize> = 0..=20;

/// A group of agents.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Group {
    pub id: GroupId,
    /// What bots use.
    pub key: String,
    /// Former keys, which keep working.
    pub aliases: Vec<String>,
    pub name: String,
    pub description: String,
    pub colour: String,
    /// Where conversations go that name no group.
    pub default: bool,
    pub members: Vec<AgentId>,
    pub supervisors: Vec<AgentId>,
    pub version: i64,
    pub created_at: Ms,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    pub name: String,
    /// Made from the name when left out.
    pub key: Option<String>,
    pub description: Option<String>,
    pub colour: Option<String>,
    #[serde(default)]
    pub members: Vec<AgentId>,
    #[serde(default)]
    pub supervisors: Vec<AgentId>,
    #[serde(default)]
    pub default: bool,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditGroup {
    pub name: Option<String>,
    /// The former key keeps working as an alias.
    pub key: Option<String>,
    pub description: Option<String>,
    pub colour: Option<String>,
    pub members: Option<Vec<AgentId>>,
    pub supervisors: Option<Vec<AgentId>>,
    pub default: Option<bool>,
}

impl Group {
    #[must_use]
    pub fn of(row: &GroupRow) -> Self {
        Self {
            id: row.id,
            key: row.key.clone(),
            aliases: aliases(row),
            name: row.name.clone(),
            description: row.description.clone(),
            colour: row.colour.clone(),
            default: row.is_default,
            members: row.members.clone(),
            supervisors: row.supervisors.clone(),
            version: row.version,
            created_at: row.created_at,
        }
    }
}

fn aliases(row: &GroupRow) -> Vec<String> {
    serde_json::from_str(&row.aliases).unwrap_or_default()
}

/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx<'_>, who: &Who, after: i64, limit: i64) -> AppResult<Vec<Group>> {
    who.need(Permission::AgentsSee)?;
    Ok(groups::page(tx, who.workspace, after, limit)?
        .iter()
        .map(Group::of)
        .collect())
}

/// # Errors
/// [`AppError::NotFound`].
pub fn get(tx: &mut Tx<'_>, who: &Who, id: GroupId) -> AppResult<Group> {
    who.need(Permission::AgentsSee)?;
    let row = groups::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    Ok(Group::of(&row))
}

/// # Errors
/// What is wrong with the values; [`AppError::Forbidden`].
pub fn create(tx: &mut Tx<'_>, who: &Who, input: &NewGroup) -> AppResult<Group> {
    who.need(Permission::GroupsManage)?;
    let others = groups::page(tx, who.workspace, 0, ALL)?;
    let mut f = Fields::new();
    let name = f.text("/name", &input.name, NAME);
    let mut row = GroupRow {
        id: GroupId(0),
        workspace: who.workspace,
        name_key: name_key(&name),
        key: match &input.key {
            Some(key) => f.text("/key", key, KEY),
            None => free_key(&name, &others),
        },
        name,
        aliases: "[]".into(),
        description: f.text("/description", input.description.as_deref().unwrap_or(""), DESCRIPTION),
        colour: f.text("/colour", input.colour.as_deref().unwrap_or(""), COLOUR),
        is_default: input.default,
        version: 1,
        created_at: tx.now(),
        members: Vec::new(),
        supervisors: Vec::new(),
    };
    check_names(&mut f, &row, &others);
    f.done()?;
    row.id = groups::insert(tx, &row)?;
    if row.is_default {
        groups::no_other_default(tx, who.workspace, row.id)?;
    }
    let seats = seats(&input.members, &input.supervisors);
    seat(tx, who.workspace, row.id, &BTreeMap::new(), &seats)?;
    let row = groups::get(tx, who.workspace, row.id)?.ok_or(AppError::NotFound)?;
    let group = Group::of(&row);
    let after = Some(json!({ "name": group.name, "key": group.key, "members": group.members }));
    routing::group_changed(tx, who.workspace, row.id, None)?;
    recorded(tx, who, "created", &row, None, after)?;
    Ok(group)
}

/// # Errors
/// [`AppError::NotFound`], [`AppError::VersionMismatch`], what is wrong with the values.
pub fn edit(tx: &mut Tx<'_>, who: &Who, id: GroupId, version: i64, input: &EditGroup) -> AppResult<Group> {
    who.need(Permission::GroupsManage)?;
    let before = groups::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    if before.version != version {
        return Err(AppError::VersionMismatch);
    }
    let mut others = groups::page(tx, who.workspace, 0, ALL)?;
    others.retain(|g| g.id != id);
    let mut f = Fields::new();
    let mut row = before.clone();
    if let Some(name) = &input.name {
        row.name = f.text("/name", name, NAME);
        row.name_key = name_key(&row.name);
    }
    if let Some(key) = &input.key {
        row.key = f.text("/key", key, KEY);
    }
    if let Some(description) = &input.description {
        row.description = f.text("/description", description, DESCRIPTION);
    }
    if let Some(colour) = &input.colour {
        row.colour = f.text("/colour", colour, COLOUR);
    }
    row.is_default = input.default.unwrap_or(row.is_default);
    check_names(&mut f, &row, &others);
    f.done()?;
    if row.key != before.key {
        let mut kept = aliases(&before);
        kept.retain(|a| *a != row.key);
        kept.push(before.key.clone());
        row.aliases = json!(kept).to_string();
    }
    if groups::update(tx, &row)? == 0 {
        return Err(AppError::VersionMismatch);
    }
    if row.is_default {
        groups::no_other_default(tx, who.workspace, id)?;
    }
    if input.members.is_some() || input.supervisors.is_some() {
        let was = seats(&before.members, &before.supervisors);
        let supervisors = input.supervisors.as_deref().unwrap_or(&before.supervisors);
        let members = input.members.as_deref().unwrap_or(&before.members);
        // Who is named as a plain member now is no supervisor any more, unless both lists say so.
        let supervisors: Vec<AgentId> = match &input.supervisors {
            Some(_) => supervisors.to_vec(),
            None => supervisors.iter().copied().filter(|a| !members.contains(a)).collect(),
        };
        seat(tx, who.workspace, id, &was, &seats(members, &supervisors))?;
    }
    let after = groups::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    let group = Group::of(&after);
    let (old, new) = audit::difference(&Group::of(&before), &group);
    routing::group_changed(tx, who.workspace, id, None)?;
    recorded(tx, who, "updated", &after, old, new)?;
    Ok(group)
}

/// Deletes a group. Its live conversations go to the heir.
///
/// # Errors
/// [`AppError::NeedsConfirmation`] when it has live conversations and no heir was named.
pub fn delete(tx: &mut Tx<'_>, who: &Who, id: GroupId, heir: Option<GroupId>) -> AppResult<()> {
    who.need(Permission::GroupsManage)?;
    let w = who.workspace;
    let row = groups::get(tx, w, id)?.ok_or(AppError::NotFound)?;
    if let Some(heir) = heir
        && (heir == id || groups::get(tx, w, heir)?.is_none())
    {
        return Err(AppError::field("/query/heir", "unknown", "not another group"));
    }
    let live = groups::live_conversations(tx, w, id)?;
    if live > 0 && heir.is_none() {
        return Err(AppError::NeedsConfirmation {
            code: "heir_needed",
            findings: json!({ "live_conversations": live }),
        });
    }
    let was = seats(&row.members, &row.supervisors);
    seat(tx, w, id, &was, &BTreeMap::new())?;
    groups::delete(tx, w, id)?;
    groups::hand_channels(tx, w, id, heir)?;
    let before = Some(json!({ "name": row.name, "key": row.key }));
    let after = heir.map(|heir| json!({ "heir": heir }));
    routing::group_changed(tx, w, id, heir)?;
    recorded(tx, who, "deleted", &row, before, after)
}

fn recorded(
    tx: &mut Tx<'_>,
    who: &Who,
    action: &str,
    row: &GroupRow,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
) -> AppResult<()> {
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action,
            object: "groups",
            id: row.id.0,
            version: row.version,
            before,
            after,
        },
    )
}

/// Name and key are free in the workspace; aliases of others are not.
fn check_names(f: &mut Fields, row: &GroupRow, others: &[GroupRow]) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if row.key.is_empty() {
        f.fail("/key", "required", "this name makes no key: give one");
    } else if !row.key.chars().all(plain) {
        f.fail("/key", "key", "lower-case letters, digits, - and _");
    } else if taken(&row.key, others) {
        f.fail("/key", "taken", "another group has or had this key");
    }
    if others.iter().any(|g| g.name_key == row.name_key) {
        f.fail("/name", "taken", "another group has this name");
    }
}

fn taken(key: &str, others: &[GroupRow]) -> bool {
    others
        .iter()
        .any(|g| g.key == key || aliases(g).iter().any(|a| a == key))
}

fn free_key(name: &str, others: &[GroupRow]) -> String {
    let base: String = slug(name).chars().take(*KEY.end() - 4).collect();
    if base.is_empty() || !taken(&base, others) {
        return base;
    }
    (2..)
        .map(|n| format!("{base}-{n}"))
        .find(|key| !taken(key, others))
        .unwrap_or(base)
}

/// Each agent once, with whether they supervise.
fn seats(members: &[AgentId], supervisors: &[AgentId]) -> BTreeMap<AgentId, bool> {
    let mut seats: BTreeMap<AgentId, bool> = members.iter().map(|a| (*a, false)).collect();
    seats.extend(supervisors.iter().map(|a| (*a, true)));
    seats
}

/// Replaces the members; everybody whose seat changed sees other conversations from now on.
fn seat(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: GroupId,
    was: &BTreeMap<AgentId, bool>,
    is: &BTreeMap<AgentId, bool>,
) -> AppResult<()> {
    if was == is {
        return Ok(());
    }
    let of = |supervisors: bool| -> Vec<AgentId> {
        is.iter().filter(|(_, s)| **s == supervisors).map(|(a, _)| *a).collect()
    };
    let seated = groups::set_members(tx, w, id, &of(false), &of(true))?;
    if seated as usize != is.len() {
        return Err(AppError::field(
            "/members",
            "unknown",
            "somebody is no user of this workspace",
        ));
    }
    let everybody: BTreeSet<AgentId> = was.keys().chain(is.keys()).copied().collect();
    for agent in everybody {
        if was.get(&agent) != is.get(&agent) {
            users::regrouped(tx, w, agent)?;
        }
    }
    Ok(())
}
