//! Groups of agents (spec CP-7).

use crate::app::audit::{self, Change};
use crate::app::fields::{name_key, nullable, slug};
use crate::app::greeter::Greeter;
use crate::app::{Actor, AppError, AppResult, Fields, Who, hours, routing, users};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ChannelAccountId, GroupId, Ms, WorkspaceId};
use ronda_routing::HoursScope;
use ronda_storage::groups::{self, GroupRow};
use ronda_storage::{Tx, channel_accounts};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// More groups than any workspace has.
const ALL: i64 = 100_000;
const NAME: std::ops::RangeInclusive<usize> = 1..=40;
const KEY: std::ops::RangeInclusive<usize> = 1..=40;
const DESCRIPTION: std::ops::RangeInclusive<usize> = 0..=500;
/// Source: spec CP-7; the longest is a working day.
const OVERFLOW_SECONDS: std::ops::RangeInclusive<i64> = 10..=8 * 3_600;

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
    /// `#rrggbb`, or empty.
    pub colour: String,
    /// Where conversations go that name no group that there is.
    pub default: bool,
    /// Channel accounts it serves; `null` is all.
    pub channels: Option<Vec<ChannelAccountId>>,
    /// Who helps: at once when it has nobody, and when nobody of it could take a conversation for so long.
    pub overflow_group: Option<GroupId>,
    pub overflow_seconds: Option<i64>,
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
    /// `#rrggbb`.
    pub colour: Option<String>,
    #[serde(default)]
    pub members: Vec<AgentId>,
    #[serde(default)]
    pub supervisors: Vec<AgentId>,
    #[serde(default)]
    pub default: bool,
    /// Channel accounts it serves; all when left out.
    pub channels: Option<Vec<ChannelAccountId>>,
    pub overflow_group: Option<GroupId>,
    /// From 10 to 28,800; at once only when the group has nobody, when left out.
    pub overflow_seconds: Option<i64>,
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
    /// `null` is all.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<ChannelAccountId>>)]
    pub channels: Option<Option<Vec<ChannelAccountId>>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<GroupId>)]
    pub overflow_group: Option<Option<GroupId>>,
    /// From 10 to 28,800; `null` helps only a group that has nobody.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub overflow_seconds: Option<Option<i64>>,
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
            channels: row.channels.clone(),
            overflow_group: row.overflow,
            overflow_seconds: row.overflow_seconds,
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
        colour: colour(&mut f, input.colour.as_deref().unwrap_or("")),
        is_default: input.default,
        channels: input.channels.clone(),
        overflow: input.overflow_group,
        overflow_seconds: input.overflow_seconds,
        version: 1,
        created_at: tx.now(),
        members: Vec::new(),
        supervisors: Vec::new(),
    };
    check_names(&mut f, &row, &others);
    check_help(tx, &mut f, &row, &others)?;
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
        row.colour = self::colour(&mut f, colour);
    }
    row.is_default = input.default.unwrap_or(row.is_default);
    row.channels = input.channels.clone().unwrap_or(row.channels);
    row.overflow = input.overflow_group.unwrap_or(row.overflow);
    row.overflow_seconds = input.overflow_seconds.unwrap_or(row.overflow_seconds);
    check_names(&mut f, &row, &others);
    check_help(tx, &mut f, &row, &others)?;
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
            findings: json!({ "live_conversations": live, "channels": used_by(tx, w, &row)? }),
        });
    }
    let was = seats(&row.members, &row.supervisors);
    seat(tx, w, id, &was, &BTreeMap::new())?;
    groups::delete(tx, w, id)?;
    groups::hand_channels(tx, w, id, heir)?;
    for other in groups::hand_overflow(tx, w, id, heir)? {
        routing::group_changed(tx, w, other, None)?;
    }
    let before = Some(json!({ "name": row.name, "key": row.key }));
    let after = heir.map(|heir| json!({ "heir": heir }));
    hours::scope_gone(tx, w, HoursScope::Group(id))?;
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

fn colour(f: &mut Fields, raw: &str) -> String {
    let text = raw.trim().to_lowercase();
    let hex = text.strip_prefix('#').unwrap_or_default();
    let is_one = hex.len() == 6 && hex.chars().all(|c| c.is_ascii_hexdigit());
    if !text.is_empty() && !is_one {
        f.fail("/colour", "format", "a colour such as #1f7a5c");
    }
    text
}

/// The channels it serves exist, and none that sends to it is left out. Whoever helps it is another group, and helping
/// does not go round in a circle.
fn check_help(tx: &mut Tx<'_>, f: &mut Fields, row: &GroupRow, others: &[GroupRow]) -> AppResult<()> {
    if let Some(channels) = &row.channels {
        let known = channel_accounts::of_workspace(tx, row.workspace)?;
        for (i, id) in channels.iter().enumerate() {
            if !known.iter().any(|c| c.id == *id) {
                f.fail(&format!("/channels/{i}"), "unknown", "no such channel account");
            }
        }
        let sends = |c: &&channel_accounts::ChannelAccountRow| row.id.0 > 0 && c.default_group == Some(row.id);
        if let Some(left_out) = known.iter().filter(sends).find(|c| !channels.contains(&c.id)) {
            f.fail("/channels", "in_use", format!("{} sends to this group", left_out.name));
        }
    }
    if let Some(seconds) = row.overflow_seconds {
        f.whole("/overflow_seconds", seconds, OVERFLOW_SECONDS);
    }
    let Some(mut next) = row.overflow else { return Ok(()) };
    if !others.iter().any(|g| g.id == next) {
        f.fail("/overflow_group", "unknown", "not another group");
        return Ok(());
    }
    for _ in 0..=others.len() {
        match others.iter().find(|g| g.id == next).and_then(|g| g.overflow) {
            Some(group) if group == row.id => {
                f.fail("/overflow_group", "circle", "that group is helped by this one");
                break;
            }
            Some(group) => next = group,
            None => break,
        }
    }
    Ok(())
}

/// The names of the channel accounts that hand over to a group, by its number or one of its keys.
fn used_by(tx: &mut Tx<'_>, w: WorkspaceId, row: &GroupRow) -> AppResult<Vec<String>> {
    let asks = |greeter: &Option<String>| {
        let greeter: Option<Greeter> = greeter.as_deref().and_then(|g| serde_json::from_str(g).ok());
        greeter
            .and_then(|g| g.chat_group)
            .is_some_and(|key| answers_to(row, &key))
    };
    Ok(channel_accounts::of_workspace(tx, w)?
        .into_iter()
        .filter(|c| c.default_group == Some(row.id) || asks(&c.greeter))
        .map(|c| c.name)
        .collect())
}

/// Whether a bot that says `chat_group` means this group: its key, or one it had; case, accents and spaces do not count.
fn answers_to(row: &GroupRow, chat_group: &str) -> bool {
    let key = slug(chat_group);
    !key.is_empty() && (row.key == key || aliases(row).contains(&key))
}

/// The group that a bot's `chat_group` names.
///
/// # Errors
/// When the database fails.
pub fn by_key(tx: &mut Tx<'_>, w: WorkspaceId, chat_group: &str) -> AppResult<Option<GroupId>> {
    let all = groups::page(tx, w, 0, ALL)?;
    Ok(all.iter().find(|g| answers_to(g, chat_group)).map(|g| g.id))
}

/// Whether a group serves a channel account.
///
/// # Errors
/// When the database fails.
pub fn serves(tx: &mut Tx<'_>, w: WorkspaceId, id: GroupId, channel: ChannelAccountId) -> AppResult<bool> {
    let group = groups::get(tx, w, id)?;
    Ok(group.is_some_and(|g| g.channels.is_none_or(|c| c.contains(&channel))))
}

/// A new channel account sends to a group that names the ones it serves: this is one of them now.
///
/// # Errors
/// When the database fails.
pub fn serve_also(tx: &mut Tx<'_>, w: WorkspaceId, id: GroupId, channel: ChannelAccountId) -> AppResult<()> {
    let Some(mut row) = groups::get(tx, w, id)? else {
        return Ok(());
    };
    let Some(channels) = row.channels.as_mut().filter(|c| !c.contains(&channel)) else {
        return Ok(());
    };
    channels.push(channel);
    groups::update(tx, &row)?;
    audit::changed(tx, w, "groups", id.0, row.version + 1);
    Ok(())
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
