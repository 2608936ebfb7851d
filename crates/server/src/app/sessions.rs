//! Signing in and out, and the devices of an account (spec AG-2, PLAT-4).

use crate::app::users::{self, Agent};
use crate::app::{AppError, AppResult, Who, presence, workspaces};
use crate::secrets;
use ronda_domain::event::{Event, EventKind};
use ronda_domain::permission::{Permission, Role};
use ronda_domain::{AccountId, Ms, SessionId, WorkspaceId};
use ronda_storage::accounts::{self, AccountRow};
use ronda_storage::sessions::{self, NewSession, OpenSession, SessionRow};
use ronda_storage::{Tx, users as members, workspaces as stored};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Life of a session with "remember me". Source: spec AG-2.
const REMEMBERED_MS: i64 = 30 * Ms::DAY;
/// Time without use after which another session ends. Source: spec AG-2.
const IDLE_MS: i64 = 12 * Ms::HOUR;
/// Wrong passwords before delays begin. Source: spec PLAT-4.
const FREE_ATTEMPTS: i64 = 5;
/// The same for an account from all unknown devices together: slow enough for a guesser with many addresses, and out
/// of reach of people who mistype.
const FREE_ATTEMPTS_OF_ACCOUNT: i64 = 50;
/// The longest delay. Source: spec PLAT-4.
const LONGEST_DELAY_MS: i64 = 15 * Ms::MINUTE;
/// The longest delay on a device that signed in before: its owner is never locked out.
const LONGEST_DELAY_OF_KNOWN_MS: i64 = 30 * Ms::SECOND;
/// Failures are forgotten after this time without another.
const ATTEMPT_MEMORY_MS: i64 = Ms::DAY;

/// The account as its owner sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub email: String,
    pub language: Option<String>,
    /// Somebody else typed the password: nothing else answers until it is changed (`PATCH /me/account`).
    pub must_change_password: bool,
}

/// A workspace one may enter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Membership {
    pub id: WorkspaceId,
    pub name: String,
    pub role: Role,
}

/// The workspace a session shows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CurrentWorkspace {
    pub id: WorkspaceId,
    pub name: String,
    pub zone: String,
    pub language: String,
    pub country: String,
    /// Why people are away: words the client knows (`break`, `lunch`, `training`, `other`) and the workspace's own.
    pub away_reasons: Vec<String>,
    /// It is a simulation as a whole: reports count what is simulated without being asked.
    pub simulated: bool,
}

/// Everything a client asks for first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Me {
    pub account: Account,
    /// `null` until one of several workspaces was chosen.
    pub workspace: Option<CurrentWorkspace>,
    pub workspaces: Vec<Membership>,
    pub agent: Option<Agent>,
    /// Permissions in the current workspace.
    pub permissions: Vec<Permission>,
    /// Whether mails can be sent; otherwise links are copied by hand.
    pub mail_configured: bool,
    pub server_time: Ms,
}

/// A signed-in device.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Device {
    pub id: SessionId,
    /// The one that asks.
    pub current: bool,
    pub user_agent: String,
    pub ip: String,
    pub created_at: Ms,
    pub last_used_at: Ms,
    pub expires_at: Ms,
}

/// From where somebody tries to sign in.
#[derive(Clone, Debug)]
pub struct From {
    pub ip: String,
    pub user_agent: String,
    /// The token that an earlier sign-in left on this device.
    pub device: Option<String>,
}

/// A fresh session. The tokens are shown once.
#[derive(Clone, Debug)]
pub struct Opened {
    pub session: SessionId,
    pub token: String,
    pub device: String,
    pub expires_at: Ms,
    pub remember: bool,
    /// The account has signed in before, but never from this device: its owner is told.
    pub new_device: bool,
}

fn delay_after(failures: i64, free: i64, longest: i64) -> i64 {
    match failures - free {
        n if n < 0 => 0,
        // One second after the last free one, then doubling.
        n => Ms::SECOND
            .saturating_mul(1_i64.checked_shl(n.min(40) as u32).unwrap_or(i64::MAX))
            .min(longest),
    }
}

/// The keys an attempt is counted under: `(key, free attempts, longest delay)`.
fn counters(
    tx: &mut Tx<'_>,
    email_key: &str,
    account: Option<&AccountRow>,
    from: &From,
) -> AppResult<Vec<(String, i64, i64)>> {
    if let (Some(account), Some(device)) = (account, &from.device) {
        let hash = secrets::hash(device);
        if sessions::knows_device(tx, account.id, &hash)? {
            return Ok(vec![(
                format!("device:{}:{hash}", account.id),
                FREE_ATTEMPTS,
                LONGEST_DELAY_OF_KNOWN_MS,
            )]);
        }
    }
    Ok(vec![
        (format!("pair:{email_key} {}", from.ip), FREE_ATTEMPTS, LONGEST_DELAY_MS),
        (
            format!("account:{email_key}"),
            FREE_ATTEMPTS_OF_ACCOUNT,
            LONGEST_DELAY_MS,
        ),
    ])
}

/// Before the password is looked at: counts the attempt as failed, so that attempts made at the same time count too,
/// and finds the account. Success clears the count ([`open`]).
///
/// # Errors
/// [`AppError::RateLimited`] while a delay runs.
pub fn begin_attempt(tx: &mut Tx<'_>, email_key: &str, from: &From) -> AppResult<Option<AccountRow>> {
    let now = tx.now();
    let account = accounts::by_email(tx, email_key)?;
    let keys = counters(tx, email_key, account.as_ref(), from)?;
    let mut rows = Vec::new();
    for (key, free, longest) in keys {
        let mut row = accounts::attempt(tx, &key)?;
        if row.blocked_until > now {
            let seconds = (row.blocked_until.since(now) + 999) / 1_000;
            return Err(AppError::RateLimited {
                retry_after_seconds: seconds.unsigned_abs(),
            });
        }
        row.failures += 1;
        row.blocked_until = now.plus(delay_after(row.failures, free, longest));
        rows.push((key, row));
    }
    for (key, row) in rows {
        accounts::put_attempt(tx, &key, &row)?;
    }
    accounts::forget_attempts(tx, now.plus(-ATTEMPT_MEMORY_MS))?;
    Ok(account)
}

/// Forgets the failures counted for an account and a device, because the password was right.
///
/// # Errors
/// When the database fails.
pub fn forgive(tx: &mut Tx<'_>, account: AccountId, email_key: &str, from: &From) -> AppResult<()> {
    let row = accounts::get(tx, account)?;
    for (key, _, _) in counters(tx, email_key, row.as_ref(), from)? {
        accounts::clear_attempt(tx, &key)?;
    }
    Ok(())
}

/// Opens a session after the password was right: the failures counted for it are forgotten, the device is known from
/// now on, and a single workspace is entered at once.
///
/// # Errors
/// [`AppError::Refused`] for somebody who is suspended everywhere.
pub fn open(tx: &mut Tx<'_>, account: AccountId, email_key: &str, from: &From, remember: bool) -> AppResult<Opened> {
    forgive(tx, account, email_key, from)?;
    let memberships = members::memberships(tx, account)?;
    if memberships.is_empty() {
        return Err(AppError::Refused {
            code: "suspended",
            detail: "this account is suspended: ask an administrator".into(),
        });
    }
    let now = tx.now();
    let known = match &from.device {
        Some(device) => sessions::knows_device(tx, account, &secrets::hash(device))?,
        None => false,
    };
    let new_device = !known && sessions::knows_any_device(tx, account)?;
    let device = from.device.clone().unwrap_or_else(secrets::token);
    sessions::put_device(tx, account, &secrets::hash(&device))?;
    sessions::forget(tx, now.plus(-Ms::DAY))?;
    let workspace = match memberships.as_slice() {
        [one] => Some(one.workspace),
        _ => None,
    };
    let token = secrets::token();
    let expires_at = now.plus(if remember { REMEMBERED_MS } else { IDLE_MS });
    let session = sessions::insert(
        tx,
        &NewSession {
            account,
            workspace,
            token_hash: secrets::hash(&token),
            remember,
            user_agent: from.user_agent.chars().take(300).collect(),
            ip: from.ip.clone(),
            expires_at,
        },
    )?;
    Ok(Opened {
        session,
        token,
        device,
        expires_at,
        remember,
        new_device,
    })
}

/// Notes that a session was used.
///
/// # Errors
/// When the database fails.
pub fn touch(tx: &mut Tx<'_>, session: &SessionRow) -> AppResult<()> {
    let now = tx.now();
    let expires_at = if session.remember {
        session.expires_at
    } else {
        now.plus(IDLE_MS)
    };
    sessions::touch(tx, session.id, expires_at)?;
    Ok(())
}

/// What a client asks for first.
///
/// # Errors
/// When the database fails.
pub fn me(tx: &mut Tx<'_>, open: &OpenSession, mail_configured: bool) -> AppResult<Me> {
    let account = open.session.account;
    let list = members::memberships(tx, account)?;
    let (mut workspace, mut agent, mut permissions) = (None, None, Vec::new());
    if let Some(member) = &open.member {
        workspace = stored::get(tx, member.workspace)?.map(|w| CurrentWorkspace {
            id: w.id,
            name: w.name.clone(),
            zone: w.zone.clone(),
            language: w.language.clone(),
            country: w.country.clone(),
            away_reasons: workspaces::settings(&w).away_reasons,
            simulated: w.simulated,
        });
        agent = users::agent(tx, member.workspace, member.agent)?;
        permissions = who(open, "")?.permissions().collect();
    }
    Ok(Me {
        account: Account {
            id: account,
            name: open.name.clone(),
            email: open.email.clone(),
            language: open.language.clone(),
            must_change_password: open.must_change_password,
        },
        workspace,
        workspaces: list
            .into_iter()
            .map(|m| Membership {
                id: m.workspace,
                name: m.name,
                role: m.role,
            })
            .collect(),
        agent,
        permissions,
        mail_configured,
        server_time: tx.now(),
    })
}

/// Enters another of one's workspaces.
///
/// # Errors
/// [`AppError::NotFound`] when the account is no active member there.
pub fn enter(tx: &mut Tx<'_>, open: &OpenSession, workspace: WorkspaceId) -> AppResult<()> {
    sessions::member(tx, workspace, open.session.account)?.ok_or(AppError::NotFound)?;
    sessions::set_workspace(tx, open.session.id, workspace)?;
    if let Some(member) = &open.member {
        ended(tx, member.workspace, &[open.session.id]);
    }
    Ok(())
}

/// The devices of an account, last used first.
///
/// # Errors
/// When the database fails.
pub fn devices(tx: &mut Tx<'_>, open: &OpenSession) -> AppResult<Vec<Device>> {
    let rows = sessions::of_account(tx, open.session.account)?;
    Ok(rows
        .into_iter()
        .map(|s| Device {
            current: s.id == open.session.id,
            id: s.id,
            user_agent: s.user_agent,
            ip: s.ip,
            created_at: s.created_at,
            last_used_at: s.last_used_at,
            expires_at: s.expires_at,
        })
        .collect())
}

/// Signs one of the account's own devices out.
///
/// # Errors
/// [`AppError::NotFound`] for a session of somebody else.
pub fn sign_out(tx: &mut Tx<'_>, account: AccountId, session: SessionId) -> AppResult<()> {
    let known = sessions::of_account(tx, account)?.into_iter().find(|s| s.id == session);
    let Some(known) = known else {
        return Err(AppError::NotFound);
    };
    sessions::delete(tx, account, session)?;
    if let Some(w) = known.workspace {
        ended(tx, w, &[session]);
        gone(tx, w, account)?;
    }
    Ok(())
}

/// Signs all devices of an account out but `keep`, everywhere.
///
/// # Errors
/// When the database fails.
pub fn sign_out_others(tx: &mut Tx<'_>, account: AccountId, keep: Option<SessionId>) -> AppResult<()> {
    let gone = sessions::delete_others(tx, account, keep)?;
    if gone.is_empty() {
        return Ok(());
    }
    for m in members::memberships(tx, account)? {
        ended(tx, m.workspace, &gone);
        self::gone(tx, m.workspace, account)?;
    }
    Ok(())
}

/// Who signed out of the last device in a workspace is not there any more, without a grace.
fn gone(tx: &mut Tx<'_>, w: WorkspaceId, account: AccountId) -> AppResult<()> {
    if sessions::of_account(tx, account)?
        .iter()
        .any(|s| s.workspace == Some(w))
    {
        return Ok(());
    }
    if let Some((agent, _)) = members::by_account(tx, w, account)? {
        presence::signed_out(tx, w, agent)?;
    }
    Ok(())
}

/// Tells the sockets of sessions that they are over.
fn ended(tx: &mut Tx<'_>, workspace: WorkspaceId, sessions: &[SessionId]) {
    tx.emit(Event::general(
        workspace,
        EventKind::SessionsRevoked,
        &json!({ "sessions": sessions }),
    ));
}

/// The member that an open session is.
///
/// # Errors
/// [`AppError::Refused`] when no workspace was entered, or the membership ended.
pub fn who(open: &OpenSession, ip: &str) -> AppResult<Who> {
    let member = open.member.as_ref().ok_or_else(|| AppError::Refused {
        code: "no_workspace",
        detail: "choose a workspace first".into(),
    })?;
    let settings: workspaces::Settings = serde_json::from_str(&member.workspace_settings).unwrap_or_default();
    let own: users::OwnSettings = serde_json::from_str(&member.settings).unwrap_or_default();
    Ok(Who {
        workspace: member.workspace,
        agent: member.agent,
        account: open.session.account,
        session: open.session.id,
        role: member.role,
        options: settings.options_of(member.role, own.options),
        teams_only: settings.teams_only,
        name: member.name.clone(),
        groups: member.groups.clone(),
        ip: ip.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plat_4_delays_begin_after_five_and_double_to_fifteen_minutes() {
        let seconds: Vec<i64> = (1..=18).map(|n| delay_after(n, 5, LONGEST_DELAY_MS) / 1_000).collect();
        assert_eq!(
            seconds,
            [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]
        );
        assert_eq!(delay_after(10_000, 5, LONGEST_DELAY_OF_KNOWN_MS), 30_000);
    }
}
