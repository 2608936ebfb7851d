//! Invitations: a link that makes its bearer a member (spec CP-5, AG-2).

use crate::app::audit::{self, Change};
use crate::app::fields::Email;
use crate::app::{Actor, AppError, AppResult, Fields, Who, setup, users};
use ronda_domain::permission::{Permission, Role};
use ronda_domain::{AccountId, AgentId, GroupId, Ms, WorkspaceId};
use ronda_storage::accounts::{self, AccountRow, NewAccount};
use ronda_storage::invitations::{self, InvitationRow, NewInvitation};
use ronda_storage::{StoreError, Tx, users as members, workspaces};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Life of a link. Source: spec CP-5.
const LIFE_MS: i64 = 7 * Ms::DAY;

/// An invitation that nobody used yet.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invitation {
    pub id: i64,
    pub email: String,
    pub role: Role,
    pub groups: Vec<GroupId>,
    pub language: String,
    pub invited_by: Option<AgentId>,
    pub created_at: Ms,
    pub expires_at: Ms,
    /// Shown once, and only when no mails can be sent: hand it over yourself.
    pub link: Option<String>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGuest {
    pub email: String,
    pub role: Role,
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// Language of the mail; the workspace's when left out.
    pub language: Option<String>,
}

/// How far an invitation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    Open,
    Used,
    Revoked,
    /// Its bearer may ask for a new link.
    Expired,
}

/// What the bearer of a link sees before accepting.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicInvitation {
    pub state: InvitationState,
    pub workspace: String,
    pub inviter: Option<String>,
    pub email: String,
    pub role: Role,
    /// Then the password of that account is asked, and no new one.
    pub has_account: bool,
    pub language: String,
    pub expires_at: Ms,
}

/// What a mail needs to know.
#[derive(Clone, Debug)]
pub struct Guest {
    pub email: String,
    pub language: String,
    pub workspace: String,
    pub inviter: String,
}

/// Who accepts.
#[derive(Clone, Debug)]
pub enum Joining {
    /// The account of the address, proven by its password or an open session.
    Known(AccountId),
    New {
        name: String,
        public_name: String,
        password_hash: String,
        language: Option<String>,
        zone: Option<String>,
    },
}

fn state(row: &InvitationRow, now: Ms) -> InvitationState {
    if row.used_at.is_some() {
        InvitationState::Used
    } else if row.revoked_at.is_some() {
        InvitationState::Revoked
    } else if row.expires_at <= now {
        InvitationState::Expired
    } else {
        InvitationState::Open
    }
}

fn gone(state: InvitationState) -> AppError {
    let (code, detail) = match state {
        InvitationState::Used => ("invitation_used", "this invitation was used: sign in instead"),
        InvitationState::Revoked => ("invitation_revoked", "this invitation was taken back"),
        InvitationState::Expired | InvitationState::Open => {
            ("invitation_expired", "this invitation is too old: ask for a new link")
        }
    };
    AppError::Gone {
        code,
        detail: detail.into(),
    }
}

fn groups_of(row: &InvitationRow) -> Vec<GroupId> {
    serde_json::from_str(&row.groups).unwrap_or_default()
}

fn view(row: InvitationRow) -> Invitation {
    Invitation {
        groups: groups_of(&row),
        id: row.id,
        email: row.email,
        role: row.role,
        language: row.language,
        invited_by: row.invited_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        link: None,
    }
}

/// Invitations that are neither used nor revoked, newest first.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn list(tx: &mut Tx<'_>, who: &Who, before: i64, limit: i64) -> AppResult<Vec<Invitation>> {
    who.need(Permission::UsersManage)?;
    let rows = invitations::open(tx, who.workspace, before, limit)?;
    Ok(rows.into_iter().map(view).collect())
}

/// # Errors
/// [`AppError::Refused`] for members and for roles above one's own; what is wrong with the values.
pub fn create(tx: &mut Tx<'_>, who: &Who, input: &NewGuest, token_hash: &str) -> AppResult<(Invitation, Guest)> {
    who.need(Permission::UsersManage)?;
    users::may_grant(who, input.role)?;
    let workspace = workspaces::get(tx, who.workspace)?.ok_or(AppError::NotFound)?;
    let mut f = Fields::new();
    let Email { shown, key } = f.email("/email", &input.email);
    let language = f.language("/language", input.language.as_deref().unwrap_or(&workspace.language));
    f.done()?;
    users::check_groups(tx, who.workspace, &input.groups)?;
    if let Some(account) = accounts::by_email(tx, &key)?
        && members::by_account(tx, who.workspace, account.id)?.is_some()
    {
        return Err(already_member());
    }
    let expires_at = tx.now().plus(LIFE_MS);
    let id = invitations::insert(
        tx,
        who.workspace,
        &NewInvitation {
            email: shown,
            email_key: key,
            role: input.role,
            groups: json!(input.groups).to_string(),
            language,
            token_hash: token_hash.into(),
            invited_by: Some(who.agent),
            expires_at,
        },
    )?;
    let row = invitations::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    let after = json!({ "email": row.email, "role": row.role, "groups": input.groups });
    recorded(tx, who.workspace, &Actor::from(who), "created", &row, Some(after))?;
    let guest = guest(tx, &row)?;
    Ok((view(row), guest))
}

/// Suspended people too: an invitation must not undo what was decided about them.
fn already_member() -> AppError {
    AppError::Refused {
        code: "already_member",
        detail: "this person is a member already".into(),
    }
}

fn guest(tx: &mut Tx<'_>, row: &InvitationRow) -> AppResult<Guest> {
    let workspace = workspaces::get(tx, row.workspace)?.ok_or(AppError::NotFound)?;
    Ok(Guest {
        email: row.email.clone(),
        language: row.language.clone(),
        inviter: inviter(tx, row)?.unwrap_or_else(|| workspace.name.clone()),
        workspace: workspace.name,
    })
}

fn inviter(tx: &mut Tx<'_>, row: &InvitationRow) -> AppResult<Option<String>> {
    let Some(agent) = row.invited_by else { return Ok(None) };
    Ok(members::get(tx, row.workspace, agent)?.map(|u| u.name))
}

/// Makes a new link with a new week; the old one stops working.
///
/// # Errors
/// [`AppError::NotFound`] when it is used or revoked.
pub fn resend(tx: &mut Tx<'_>, who: &Who, id: i64, token_hash: &str) -> AppResult<(Invitation, Guest)> {
    who.need(Permission::UsersManage)?;
    let known = invitations::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    users::may_grant(who, known.role)?;
    let expires_at = tx.now().plus(LIFE_MS);
    if invitations::renew(tx, who.workspace, id, token_hash, expires_at)? == 0 {
        return Err(AppError::NotFound);
    }
    let row = invitations::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    recorded(tx, who.workspace, &Actor::from(who), "resent", &row, None)?;
    let guest = guest(tx, &row)?;
    Ok((view(row), guest))
}

/// Takes an invitation back.
///
/// # Errors
/// [`AppError::NotFound`] when it is used or revoked.
pub fn revoke(tx: &mut Tx<'_>, who: &Who, id: i64) -> AppResult<()> {
    who.need(Permission::UsersManage)?;
    let row = invitations::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    if invitations::revoke(tx, who.workspace, id)? == 0 {
        return Err(AppError::NotFound);
    }
    recorded(tx, who.workspace, &Actor::from(who), "revoked", &row, None)
}

/// What the bearer of a link sees.
///
/// # Errors
/// [`AppError::NotFound`] for a link that never existed or was replaced.
pub fn public(tx: &mut Tx<'_>, token_hash: &str) -> AppResult<PublicInvitation> {
    let row = invitations::by_token(tx, token_hash)?.ok_or(AppError::NotFound)?;
    let workspace = workspaces::get(tx, row.workspace)?.ok_or(AppError::NotFound)?;
    Ok(PublicInvitation {
        state: state(&row, tx.now()),
        inviter: inviter(tx, &row)?,
        workspace: workspace.name,
        has_account: accounts::by_email(tx, &row.email_key)?.is_some(),
        email: row.email,
        role: row.role,
        language: row.language,
        expires_at: row.expires_at,
    })
}

/// The invitation of a link that still works, and the account of its address.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Gone`].
pub fn usable(tx: &mut Tx<'_>, token_hash: &str) -> AppResult<(InvitationRow, Option<AccountRow>)> {
    let row = invitations::by_token(tx, token_hash)?.ok_or(AppError::NotFound)?;
    match state(&row, tx.now()) {
        InvitationState::Open => {
            let account = accounts::by_email(tx, &row.email_key)?;
            Ok((row, account))
        }
        over => Err(gone(over)),
    }
}

/// Makes the bearer of a link a member, once.
///
/// # Errors
/// As [`usable`]; [`AppError::Refused`] when the address got an account meanwhile or is a member already.
pub fn accept(tx: &mut Tx<'_>, token_hash: &str, joining: &Joining, ip: &str) -> AppResult<(WorkspaceId, AccountId)> {
    let (row, account) = usable(tx, token_hash)?;
    let w = row.workspace;
    let changed = || AppError::Refused {
        code: "account_exists",
        detail: "this address has an account now: open the link again".into(),
    };
    let (account, public_name) = match (joining, account) {
        (Joining::Known(proven), Some(known)) if known.id == *proven => (known.id, ""),
        (
            Joining::New {
                name,
                public_name,
                password_hash,
                language,
                zone,
            },
            None,
        ) => {
            let account = accounts::insert(
                tx,
                &NewAccount {
                    email: row.email.clone(),
                    email_key: row.email_key.clone(),
                    name: name.clone(),
                    password_hash: Some(password_hash.clone()),
                    must_change_password: false,
                    language: language.clone(),
                    zone: zone.clone(),
                },
            )
            .map_err(|e| match e {
                StoreError::Constraint(_) => changed(),
                e => AppError::from(e),
            })?;
            (account, public_name.as_str())
        }
        _ => return Err(changed()),
    };
    if members::by_account(tx, w, account)?.is_some() {
        return Err(already_member());
    }
    if invitations::use_once(tx, w, row.id)? == 0 {
        return Err(gone(InvitationState::Used));
    }
    let name = accounts::get(tx, account)?.ok_or(AppError::NotFound)?.name;
    let agent = setup::member(tx, w, account, row.role, &name, public_name)?;
    users::regroup(tx, w, agent, &[], &groups_of(&row))?;
    let actor = Actor {
        agent: Some(agent),
        name,
        ip: ip.into(),
    };
    recorded(tx, w, &actor, "accepted", &row, Some(json!({ "user": agent })))?;
    audit::changed(tx, w, "users", agent.0, 1);
    Ok((w, account))
}

/// Makes a new link for an old one that its bearer came too late with. It goes to the invited address only.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Gone`] for used and revoked ones.
pub fn renew(tx: &mut Tx<'_>, old_hash: &str, token_hash: &str, ip: &str) -> AppResult<Guest> {
    let row = invitations::by_token(tx, old_hash)?.ok_or(AppError::NotFound)?;
    let over = state(&row, tx.now());
    if matches!(over, InvitationState::Used | InvitationState::Revoked) {
        return Err(gone(over));
    }
    let expires_at = tx.now().plus(LIFE_MS);
    invitations::renew(tx, row.workspace, row.id, token_hash, expires_at)?;
    let actor = Actor {
        agent: None,
        name: row.email.clone(),
        ip: ip.into(),
    };
    recorded(tx, row.workspace, &actor, "renewed", &row, None)?;
    guest(tx, &row)
}

fn recorded(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    actor: &Actor,
    action: &str,
    row: &InvitationRow,
    after: Option<serde_json::Value>,
) -> AppResult<()> {
    audit::record(
        tx,
        w,
        actor,
        Change {
            action,
            object: "invitations",
            id: row.id,
            version: 0,
            before: None,
            after,
        },
    )
}
