//! The members of a workspace and what others see of them.

use crate::app::audit::{self, Change};
use crate::app::fields::{Email, nullable};
use crate::app::password_resets::{self, Recipient};
use crate::app::scope::Sight;
use crate::app::workspaces::Settings;
use crate::app::{Actor, AppError, AppResult, Fields, Who, password_rules, setup, skills};
use ronda_domain::agent::{AgentState, ChosenState};
use ronda_domain::event::{Event, EventKind};
use ronda_domain::permission::{Permission, Role, RoleOptions};
use ronda_domain::{AccountId, AgentId, ChannelAccountId, GroupId, Ms, SkillId, WorkspaceId};
use ronda_storage::accounts::{self, NewAccount};
use ronda_storage::users::{self, UserRow};
use ronda_storage::workspaces::WorkspaceRow;
use ronda_storage::{StoreError, Tx, channel_accounts, conversations, groups, invitations, sessions};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use utoipa::ToSchema;

const NAME: std::ops::RangeInclusive<usize> = 1..=80;
/// Most conversations that an agent may be given automatically. Source: spec CP-5.
const LIMIT: std::ops::RangeInclusive<i64> = 0..=200;
const WEIGHT: std::ops::RangeInclusive<i64> =
    ronda_routing::defaults::WEIGHT.0 as i64..=ronda_routing::defaults::WEIGHT.1 as i64;
/// Places under the strategy Ranked.
const RANK: std::ops::RangeInclusive<i64> = 0..=1_000;
/// Largest picture of a person. Source: spec CP-5.
const PHOTO_BYTES: i64 = 2 << 20;

/// A member as colleagues see them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Agent {
    pub id: AgentId,
    pub name: String,
    /// What customers see.
    pub public_name: String,
    pub role: Role,
    /// Address of the picture.
    pub photo: Option<String>,
    pub state: AgentState,
    pub chosen: ChosenState,
    pub reason: Option<String>,
    pub since: Ms,
    /// When an absence ends by itself.
    pub away_until: Option<Ms>,
    pub last_activity_at: Option<Ms>,
    /// Chose to stay available while a push reaches them.
    pub background: bool,
    /// Is there by that alone: no screen of theirs is open or used.
    pub by_push: bool,
    pub groups: Vec<GroupId>,
    /// Conversations held now.
    pub load: i64,
    /// Those of them whose customer is owed a reply.
    pub owed: i64,
    /// Holds as many as are assigned automatically at most: nothing new comes by itself.
    pub at_limit: bool,
    /// At most so many are assigned automatically; `null` is without limit.
    pub limit: Option<i64>,
    /// At most so many may be taken by hand.
    pub hard_cap: Option<i64>,
}

/// What the policy in force says about limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    pub limit: Option<u32>,
    pub hard_cap: ronda_routing::HardCap,
}

/// The limits of the policy in force.
///
/// # Errors
/// When the database fails.
pub fn limits(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Limits> {
    let policy = crate::app::routing::policy(tx, w)?;
    Ok(Limits {
        limit: policy.limit,
        hard_cap: policy.hard_cap,
    })
}

impl Agent {
    #[must_use]
    pub fn of(u: &UserRow, limits: Limits) -> Self {
        let own = u.limit_override.and_then(|l| u32::try_from(l).ok());
        let limit = own.or(limits.limit);
        Self {
            id: u.id,
            name: u.name.clone(),
            public_name: if u.public_name.is_empty() {
                u.name.clone()
            } else {
                u.public_name.clone()
            },
            role: u.role,
            photo: u.photo.as_ref().map(|uuid| format!("/api/v1/files/{uuid}")),
            state: u.state,
            chosen: u.chosen,
            reason: Some(u.reason.clone()).filter(|r| !r.is_empty()),
            since: u.since,
            away_until: u.away_until,
            last_activity_at: u.last_activity_at,
            background: u.background,
            by_push: u.by_push,
            groups: u.groups.clone(),
            load: u.load,
            owed: u.owed,
            at_limit: limit.is_some_and(|l| u.load >= l.into()),
            limit: limit.map(i64::from),
            hard_cap: limit.map(|l| limits.hard_cap.over(l).into()),
        }
    }
}

/// One member as colleagues see them, deleted ones included.
///
/// # Errors
/// When the database fails.
pub fn agent(tx: &mut Tx<'_>, w: WorkspaceId, id: AgentId) -> AppResult<Option<Agent>> {
    let limits = limits(tx, w)?;
    Ok(users::get(tx, w, id)?.map(|u| Agent::of(&u, limits)))
}

/// Members as colleagues see them, in the order of their ids.
///
/// # Errors
/// When the database fails.
pub fn agents(tx: &mut Tx<'_>, w: WorkspaceId, ids: &[AgentId]) -> AppResult<Vec<Agent>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let limits = limits(tx, w)?;
    let mut rows = users::get_many(tx, w, ids)?;
    rows.sort_by_key(|u| u.id);
    Ok(rows.iter().map(|u| Agent::of(u, limits)).collect())
}

/// Whether a user may sign in to the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    Active,
    /// Cannot sign in and is assigned nothing.
    Suspended,
}

impl UserStatus {
    fn of(row: &UserRow) -> Self {
        if row.status == "active" {
            Self::Active
        } else {
            Self::Suspended
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

/// A member as administrators see and edit them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct User {
    pub id: AgentId,
    pub email: String,
    pub name: String,
    /// What customers see; empty is the name.
    pub public_name: String,
    pub phone: Option<String>,
    /// Address of the picture.
    pub photo: Option<String>,
    pub role: Role,
    pub status: UserStatus,
    pub groups: Vec<GroupId>,
    /// Conversations assigned automatically at most; `null` follows the policy.
    pub limit: Option<i64>,
    /// Channel accounts they may answer; `null` is all.
    pub channels: Option<Vec<ChannelAccountId>>,
    /// What they can do.
    pub skills: Vec<SkillId>,
    /// Share of the work under the strategy `weighted`, 1 to 20.
    pub weight: i64,
    /// Place under the strategy `ranked`, 0 to 1,000: the lowest is served first.
    pub rank: i64,
    /// What differs from the preset of the role.
    pub options: RoleOptions,
    /// Put under every answer.
    pub signature: String,
    pub state: AgentState,
    pub chosen: ChosenState,
    pub reason: Option<String>,
    pub since: Ms,
    /// Conversations held now.
    pub load: i64,
    pub created_at: Ms,
    pub version: i64,
}

impl User {
    /// `live` are the skills that there are: those that were deleted are not shown.
    fn of(u: &UserRow, live: &BTreeSet<SkillId>) -> Self {
        Self {
            skills: u.skills.iter().copied().filter(|s| live.contains(s)).collect(),
            weight: u.weight,
            rank: u.rank,
            id: u.id,
            email: u.email.clone(),
            name: u.name.clone(),
            public_name: u.public_name.clone(),
            phone: u.phone.clone(),
            photo: u.photo.as_ref().map(|uuid| format!("/api/v1/files/{uuid}")),
            role: u.role,
            status: UserStatus::of(u),
            groups: u.groups.clone(),
            limit: u.limit_override,
            channels: u.channels.clone(),
            options: OwnSettings::of(u).options,
            signature: u.signature.clone(),
            state: u.state,
            chosen: u.chosen,
            reason: Some(u.reason.clone()).filter(|r| !r.is_empty()),
            since: u.since,
            load: u.load,
            created_at: u.created_at,
            version: u.version,
        }
    }
}

/// What the column `settings` of a member holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnSettings {
    pub options: RoleOptions,
}

impl OwnSettings {
    /// What a newer or older version wrote falls back to the defaults.
    fn of(u: &UserRow) -> Self {
        serde_json::from_str(&u.settings).unwrap_or_default()
    }
}

/// What a member may see of the conversations, with the rights of now; none when there is no such member.
///
/// # Errors
/// When the database fails.
pub fn sight(tx: &mut Tx<'_>, workspace: &WorkspaceRow, agent: AgentId) -> AppResult<Option<Sight>> {
    let Some(u) = users::get(tx, workspace.id, agent)? else {
        return Ok(None);
    };
    let settings: Settings = serde_json::from_str(&workspace.settings).unwrap_or_default();
    let options = settings.options_of(u.role, OwnSettings::of(&u).options);
    Ok(Some(Sight {
        agent,
        sees: u.role.sees(&options),
        ungrouped: !settings.teams_only,
        groups: u.groups,
    }))
}

/// A time in one state. The spans between two times follow one another without a hole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StateSpan {
    pub from: Ms,
    pub to: Ms,
    /// `offline` before the first change there was.
    pub state: String,
    pub reason: Option<String>,
    /// What began it, as in [`StateChange`]; `null` before the first change.
    pub cause: Option<String>,
    pub by: Option<AgentId>,
    pub by_name: Option<String>,
}

/// One line of the state history.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StateChange {
    pub id: i64,
    pub at: Ms,
    pub state: String,
    pub reason: Option<String>,
    /// Who or what caused it: `user`, `inactivity`, `activity`, `connection`, `strikes`, `supervisor`, `sign_out`.
    pub cause: String,
    pub by: Option<AgentId>,
    pub by_name: Option<String>,
}

/// A user who cannot be reached by mail: the password is typed by an administrator and has to be changed.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub email: Email,
    pub name: String,
    pub role: Role,
    pub groups: Vec<GroupId>,
    pub password_hash: String,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditUser {
    pub name: Option<String>,
    pub public_name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub phone: Option<Option<String>>,
    /// Id of a picture that was uploaded; `null` takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub photo: Option<Option<String>>,
    pub role: Option<Role>,
    pub groups: Option<Vec<GroupId>>,
    /// From 0 to 200; `null` follows the policy.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub limit: Option<Option<i64>>,
    /// Channel accounts they may answer; `null` is all.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<ChannelAccountId>>)]
    pub channels: Option<Option<Vec<ChannelAccountId>>>,
    /// What they can do, all of it.
    pub skills: Option<Vec<SkillId>>,
    /// Share of the work under the strategy `weighted`, 1 to 20.
    pub weight: Option<i64>,
    /// Place under the strategy `ranked`, 0 to 1,000.
    pub rank: Option<i64>,
    /// All of them: what is left out follows the workspace and the role.
    pub options: Option<RoleOptions>,
    pub signature: Option<String>,
    pub status: Option<UserStatus>,
}

/// # Errors
/// [`AppError::Forbidden`].
pub fn list(tx: &mut Tx<'_>, who: &Who, after: i64, limit: i64) -> AppResult<Vec<User>> {
    who.need(Permission::UsersManage)?;
    let rows = users::page(tx, who.workspace, after, limit)?;
    let live = skills::live(tx, who.workspace)?;
    Ok(rows.iter().map(|u| User::of(u, &live)).collect())
}

/// # Errors
/// [`AppError::NotFound`], also for deleted users.
pub fn get(tx: &mut Tx<'_>, who: &Who, id: AgentId) -> AppResult<User> {
    who.need(Permission::UsersManage)?;
    let row = living(tx, who.workspace, id)?;
    shown(tx, &row)
}

fn shown(tx: &mut Tx<'_>, row: &UserRow) -> AppResult<User> {
    Ok(User::of(row, &skills::live(tx, row.workspace)?))
}

fn living(tx: &mut Tx<'_>, w: WorkspaceId, id: AgentId) -> AppResult<UserRow> {
    users::get(tx, w, id)?
        .filter(|u| u.status != "deleted")
        .ok_or(AppError::NotFound)
}

/// Checks what an administrator typed, before the password is hashed.
pub fn check_new(f: &mut Fields, email: &str, name: &str, password: &str) -> (Email, String) {
    let (email, name) = (f.email("/email", email), f.text("/name", name, NAME));
    password_rules::check(f, "/password", password, &[&name, &email.shown]);
    (email, name)
}

/// # Errors
/// [`AppError::Forbidden`]; the address is taken; a group is unknown.
pub fn create(tx: &mut Tx<'_>, who: &Who, input: &NewUser) -> AppResult<User> {
    who.need(Permission::UsersManage)?;
    may_grant(who, input.role)?;
    let taken = || AppError::field("/email", "taken", "this address has an account: invite it instead");
    if accounts::by_email(tx, &input.email.key)?.is_some() {
        return Err(taken());
    }
    check_groups(tx, who.workspace, &input.groups)?;
    let account = accounts::insert(
        tx,
        &NewAccount {
            email: input.email.shown.clone(),
            email_key: input.email.key.clone(),
            name: input.name.clone(),
            password_hash: Some(input.password_hash.clone()),
            must_change_password: true,
            language: None,
            zone: None,
        },
    )
    .map_err(|e| match e {
        // Somebody else was faster with the same address.
        StoreError::Constraint(_) => taken(),
        e => e.into(),
    })?;
    let id = setup::member(tx, who.workspace, account, input.role, &input.name, "")?;
    regroup(tx, who.workspace, id, &[], &input.groups)?;
    let user = living(tx, who.workspace, id)?;
    let after = json!({ "name": user.name, "role": user.role, "groups": user.groups });
    recorded(tx, who, "created", &user, (None, Some(after)))?;
    shown(tx, &user)
}

/// # Errors
/// [`AppError::NotFound`], [`AppError::VersionMismatch`], what is wrong with the values, and [`AppError::Refused`] for
/// the last owner and for people above oneself.
pub fn edit(tx: &mut Tx<'_>, who: &Who, id: AgentId, version: i64, input: &EditUser) -> AppResult<User> {
    who.need(Permission::UsersManage)?;
    let w = who.workspace;
    let before = living(tx, w, id)?;
    if before.version != version {
        return Err(AppError::VersionMismatch);
    }
    let row = apply(tx, who, &before, input)?;
    may_grant(who, before.role)?;
    may_grant(who, row.role)?;
    if let Some(groups) = &input.groups {
        check_groups(tx, w, groups)?;
    }
    if row.role != Role::Owner || row.status != "active" {
        keep_an_owner(tx, &before)?;
    }
    if users::update(tx, &row)? == 0 {
        return Err(AppError::VersionMismatch);
    }
    if let Some(groups) = &input.groups {
        regroup(tx, w, id, &before.groups, groups)?;
    }
    let after = living(tx, w, id)?;
    let shown = shown(tx, &after)?;
    let difference = audit::difference(&User::of(&before, &skills::live(tx, w)?), &shown);
    if (before.role, &before.status, &before.groups, &before.settings)
        != (after.role, &after.status, &after.groups, &after.settings)
    {
        rights_changed(tx, w, id);
    }
    if before.status == "active" && after.status != "active" {
        shut_out(tx, w, id, after.account)?;
    }
    crate::app::routing::agent_edited(tx, w, id)?;
    recorded(tx, who, "updated", &after, difference)?;
    Ok(shown)
}

/// The row as it will be.
fn apply(tx: &mut Tx<'_>, who: &Who, before: &UserRow, input: &EditUser) -> AppResult<UserRow> {
    let mut f = Fields::new();
    let mut row = before.clone();
    if let Some(name) = &input.name {
        row.name = f.text("/name", name, NAME);
    }
    if let Some(public_name) = &input.public_name {
        row.public_name = f.text("/public_name", public_name, 0..=80);
    }
    if let Some(phone) = &input.phone {
        row.phone = f.telephone("/phone", phone.as_deref());
    }
    if let Some(photo) = &input.photo {
        row.photo = f.optional("/photo", photo.as_deref(), 1..=64);
        if let Some(photo) = &row.photo
            && !users::is_photo(tx, who.workspace, photo, PHOTO_BYTES)?
        {
            f.fail("/photo", "unknown", "no picture of at most 2 MB that was uploaded here");
        }
    }
    if let Some(limit) = input.limit {
        row.limit_override = limit.map(|l| f.whole("/limit", l, LIMIT));
    }
    if let Some(signature) = &input.signature {
        row.signature = f.text("/signature", signature, 0..=300);
    }
    if let Some(channels) = &input.channels {
        row.channels = channels.clone();
        for (i, id) in channels.iter().flatten().enumerate() {
            if channel_accounts::get(tx, who.workspace, *id)?.is_none() {
                f.fail(&format!("/channels/{i}"), "unknown", "no such channel account");
            }
        }
    }
    if let Some(wanted) = &input.skills {
        let live = skills::live(tx, who.workspace)?;
        let deleted = before.skills.iter().copied().filter(|s| !live.contains(s));
        row.skills = skills::checked(tx, who.workspace, &mut f, "/skills", wanted)?;
        row.skills.extend(deleted);
        row.skills.sort_unstable();
        row.skills.dedup();
    }
    if let Some(weight) = input.weight {
        row.weight = f.whole("/weight", weight, WEIGHT);
    }
    if let Some(rank) = input.rank {
        row.rank = f.whole("/rank", rank, RANK);
    }
    if let Some(options) = input.options {
        row.settings = json!(OwnSettings { options }).to_string();
    }
    row.role = input.role.unwrap_or(row.role);
    if let Some(status) = input.status {
        row.status = status.word().into();
    }
    f.done()?;
    Ok(row)
}

/// Deletes a user: history keeps the name, conversations go back to the queue, and an account that no workspace has
/// any more loses address and password.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::Refused`] for the last owner and for people above oneself.
pub fn delete(tx: &mut Tx<'_>, who: &Who, id: AgentId) -> AppResult<()> {
    who.need(Permission::UsersManage)?;
    let w = who.workspace;
    let user = living(tx, w, id)?;
    may_grant(who, user.role)?;
    keep_an_owner(tx, &user)?;
    regroup(tx, w, id, &user.groups, &[])?;
    groups::leave_all(tx, w, id)?;
    users::delete(tx, w, id)?;
    shut_out(tx, w, id, user.account)?;
    invitations::revoke_open(tx, w, &user.email.to_lowercase())?;
    if let Some(account) = user.account
        && !users::belongs_anywhere(tx, account)?
    {
        accounts::end_resets(tx, account)?;
        accounts::anonymise(tx, account)?;
    }
    crate::app::routing::agent_edited(tx, w, id)?;
    let before = json!({ "name": user.name, "role": user.role });
    recorded(tx, who, "deleted", &user, (Some(before), None))
}

/// The state history of a user between two times, newest first.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`].
pub fn states(
    tx: &mut Tx<'_>,
    who: &Who,
    id: AgentId,
    before: i64,
    between: (Ms, Ms),
    limit: i64,
) -> AppResult<Vec<StateChange>> {
    who.need(Permission::AgentsSetState)?;
    living(tx, who.workspace, id)?;
    let rows = users::states(tx, who.workspace, id, before, between.0, between.1, limit)?;
    Ok(rows
        .into_iter()
        .map(|s| StateChange {
            id: s.id,
            at: s.at,
            state: s.state,
            reason: Some(s.reason).filter(|r| !r.is_empty()),
            cause: s.cause,
            by: s.by,
            by_name: s.by_name,
        })
        .collect())
}

/// Longest history of states that is cut into spans.
const SPANS_MS: i64 = 31 * Ms::DAY;

/// The states of a user between two times, oldest first, without a hole or an overlap. What has not been yet is left
/// out.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`]; times that are not in order or too far apart.
pub fn spans(tx: &mut Tx<'_>, who: &Who, id: AgentId, from: Ms, to: Ms) -> AppResult<Vec<StateSpan>> {
    who.need(Permission::AgentsSetState)?;
    living(tx, who.workspace, id)?;
    if to <= from || to.since(from) > SPANS_MS {
        return Err(AppError::field(
            "/query/to",
            "out_of_range",
            "after from, at most 31 days",
        ));
    }
    let to = to.min(tx.now());
    let mut changes = users::states(tx, who.workspace, id, i64::MAX, from.plus(1), to, i64::from(u16::MAX))?;
    changes.reverse();
    let first = users::state_at(tx, who.workspace, id, from)?;
    let mut spans = Vec::new();
    let mut now = StateSpan {
        from,
        to,
        state: first
            .as_ref()
            .map_or_else(|| AgentState::Offline.to_string(), |s| s.state.clone()),
        reason: first.as_ref().map(|s| s.reason.clone()).filter(|r| !r.is_empty()),
        cause: first.as_ref().map(|s| s.cause.clone()),
        by: first.as_ref().and_then(|s| s.by),
        by_name: first.and_then(|s| s.by_name),
    };
    for change in changes {
        if change.at > now.from {
            spans.push(StateSpan {
                to: change.at,
                ..now.clone()
            });
        }
        now = StateSpan {
            from: change.at,
            to,
            state: change.state,
            reason: Some(change.reason).filter(|r| !r.is_empty()),
            cause: Some(change.cause),
            by: change.by,
            by_name: change.by_name,
        };
    }
    if now.from < to {
        spans.push(now);
    }
    Ok(spans)
}

/// Makes a link with which a user chooses a new password, and signs their devices out. No administrator sees it.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::Refused`] for people above oneself.
pub fn reset(tx: &mut Tx<'_>, who: &Who, id: AgentId, token_hash: &str) -> AppResult<Recipient> {
    who.need(Permission::UsersManage)?;
    let user = living(tx, who.workspace, id)?;
    may_grant(who, user.role)?;
    let account = user.account.ok_or(AppError::NotFound)?;
    let recipient = password_resets::open(tx, account, token_hash)?;
    super::sessions::sign_out_others(tx, account, None)?;
    recorded(tx, who, "password_reset", &user, (None, None))?;
    Ok(recipient)
}

/// # Errors
/// [`AppError::Refused`] for a role above one's own.
pub fn may_grant(who: &Who, role: Role) -> AppResult<()> {
    if who.role.may_grant(role) {
        return Ok(());
    }
    Err(AppError::Refused {
        code: "role_above_yours",
        detail: format!("only a higher role may do this to an {role}"),
    })
}

/// # Errors
/// [`AppError::Refused`] when nobody else owns the workspace.
fn keep_an_owner(tx: &mut Tx<'_>, user: &UserRow) -> AppResult<()> {
    let counts = user.role == Role::Owner && user.status == "active";
    if counts && users::other_owners(tx, user.workspace, user.id)? == 0 {
        return Err(AppError::Refused {
            code: "last_owner",
            detail: "a workspace keeps one active owner".into(),
        });
    }
    Ok(())
}

/// # Errors
/// [`AppError::Invalid`] naming the first group that does not exist.
pub fn check_groups(tx: &mut Tx<'_>, w: WorkspaceId, wanted: &[GroupId]) -> AppResult<()> {
    for (i, id) in wanted.iter().enumerate() {
        if groups::get(tx, w, *id)?.is_none() {
            return Err(AppError::field(format!("/groups/{i}"), "unknown", "no such group"));
        }
    }
    Ok(())
}

/// Changes the groups of a user; their lists of members have a new version. Groups that do not exist are left out.
///
/// # Errors
/// When the database fails.
pub fn regroup(tx: &mut Tx<'_>, w: WorkspaceId, id: AgentId, was: &[GroupId], is: &[GroupId]) -> AppResult<()> {
    let (was, is): (BTreeSet<_>, BTreeSet<_>) = (was.iter().collect(), is.iter().collect());
    for group in was.symmetric_difference(&is) {
        let changed = if is.contains(group) {
            groups::enter(tx, w, id, **group)?
        } else {
            groups::leave(tx, w, id, **group)?
        };
        if changed > 0 {
            let version = groups::touch(tx, w, **group)?;
            audit::changed(tx, w, "groups", group.0, version);
        }
    }
    holds(tx, w, id)
}

/// Tells screens again what somebody holds: whether they are outside its group may be another answer now.
fn holds(tx: &mut Tx<'_>, w: WorkspaceId, id: AgentId) -> AppResult<()> {
    let held = conversations::held_by(tx, w, id)?;
    let scopes = conversations::get_many(tx, w, &held)?
        .into_iter()
        .map(|c| (c.id, c.scope()))
        .collect();
    super::views::emit_conversations(tx, w, &held, &scopes)?;
    Ok(())
}

/// Somebody's groups were changed by editing a group.
///
/// # Errors
/// When the database fails.
pub fn regrouped(tx: &mut Tx<'_>, w: WorkspaceId, id: AgentId) -> AppResult<()> {
    let version = users::touch(tx, w, id)?;
    audit::changed(tx, w, "users", id.0, version);
    rights_changed(tx, w, id);
    holds(tx, w, id)?;
    crate::app::routing::agent_edited(tx, w, id)
}

/// Open screens of the agent look again at what they may see.
fn rights_changed(tx: &mut Tx<'_>, workspace: WorkspaceId, id: AgentId) {
    tx.emit(Event::general(
        workspace,
        EventKind::RightsChanged,
        &json!({ "agent": id }),
    ));
}

/// Ends what a suspended or deleted user has open here; somebody without any workspace is signed out everywhere.
fn shut_out(tx: &mut Tx<'_>, workspace: WorkspaceId, id: AgentId, account: Option<AccountId>) -> AppResult<()> {
    tx.emit(Event::general(
        workspace,
        EventKind::SessionsRevoked,
        &json!({ "agent": id }),
    ));
    if let Some(account) = account
        && users::memberships(tx, account)?.is_empty()
    {
        sessions::delete_others(tx, account, None)?;
    }
    Ok(())
}

type Difference = (Option<serde_json::Value>, Option<serde_json::Value>);

fn recorded(tx: &mut Tx<'_>, who: &Who, action: &str, user: &UserRow, (before, after): Difference) -> AppResult<()> {
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action,
            object: "users",
            id: user.id.0,
            version: user.version,
            before,
            after,
        },
    )
}
