//! One's own account (spec PLAT-3).

use crate::app::audit::{self, Change};
use crate::app::email_changes::{self, PendingEmail};
use crate::app::fields::nullable;
use crate::app::{Actor, AppError, AppResult, Fields, routing, sessions};
use ronda_domain::{AccountId, Ms};
use ronda_storage::accounts::{self, AccountRow};
use ronda_storage::sessions::OpenSession;
use ronda_storage::{Tx, users};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// The account as its owner edits it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MyAccount {
    pub id: AccountId,
    pub email: String,
    pub name: String,
    /// `null` follows the workspace, then the browser.
    pub language: Option<String>,
    /// `null` follows the workspace.
    pub zone: Option<String>,
    /// Another address that was asked for.
    pub pending_email: Option<PendingEmail>,
    pub must_change_password: bool,
    pub created_at: Ms,
    pub version: i64,
}

#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current: String,
    /// 10 to 128 characters. All other devices are signed out.
    pub new: String,
}

#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditAccount {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub language: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub zone: Option<Option<String>>,
    pub password: Option<ChangePassword>,
}

impl MyAccount {
    fn of(row: AccountRow, pending_email: Option<PendingEmail>) -> Self {
        Self {
            id: row.id,
            email: row.email,
            name: row.name,
            language: row.language,
            zone: row.zone,
            pending_email,
            must_change_password: row.must_change_password,
            created_at: row.created_at,
            version: row.version,
        }
    }
}

/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx<'_>, open: &OpenSession) -> AppResult<MyAccount> {
    let row = accounts::get(tx, open.session.account)?.ok_or(AppError::NotFound)?;
    let pending = email_changes::pending(tx, row.id)?;
    Ok(MyAccount::of(row, pending))
}

/// Writes what changed. `password_hash` is the new password's, after the current one was right: it signs all other
/// devices out.
///
/// # Errors
/// [`AppError::VersionMismatch`], what is wrong with the values.
pub fn edit(
    tx: &mut Tx<'_>,
    open: &OpenSession,
    ip: &str,
    version: i64,
    input: &EditAccount,
    password_hash: Option<&str>,
) -> AppResult<MyAccount> {
    let before = accounts::get(tx, open.session.account)?.ok_or(AppError::NotFound)?;
    let mut row = AccountRow {
        version,
        ..before.clone()
    };
    let mut f = Fields::new();
    if let Some(name) = &input.name {
        row.name = f.text("/name", name, 1..=80);
    }
    if let Some(language) = &input.language {
        row.language = language.as_ref().map(|l| f.language("/language", l));
    }
    if let Some(zone) = &input.zone {
        row.zone = zone.as_ref().map(|z| f.zone("/zone", z));
    }
    f.done()?;
    if accounts::set_profile(tx, &row)? == 0 {
        return Err(AppError::VersionMismatch);
    }
    if row.name != before.name {
        rename(tx, &before, &row.name, ip)?;
    }
    if let Some(hash) = password_hash {
        accounts::set_password(tx, row.id, hash)?;
        accounts::end_resets(tx, row.id)?;
        sessions::sign_out_others(tx, row.id, Some(open.session.id))?;
    }
    get(tx, open)
}

/// Carries a new name into the workspaces that still had the old one; a name that an administrator chose stays.
fn rename(tx: &mut Tx<'_>, before: &AccountRow, name: &str, ip: &str) -> AppResult<()> {
    for membership in users::memberships(tx, before.id)? {
        let w = membership.workspace;
        let Some((agent, _)) = users::by_account(tx, w, before.id)? else {
            continue;
        };
        let Some(mut user) = users::get(tx, w, agent)? else {
            continue;
        };
        if user.name != before.name {
            continue;
        }
        name.clone_into(&mut user.name);
        users::update(tx, &user)?;
        routing::agent_edited(tx, w, agent)?;
        let actor = Actor {
            agent: Some(agent),
            name: name.into(),
            ip: ip.into(),
        };
        audit::record(
            tx,
            w,
            &actor,
            Change {
                action: "updated",
                object: "users",
                id: agent.0,
                version: user.version + 1,
                before: Some(json!({ "name": before.name })),
                after: Some(json!({ "name": name })),
            },
        )?;
    }
    Ok(())
}
