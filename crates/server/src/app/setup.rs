//! The first run: a workspace and its owner, once.

use crate::app::audit::{self, Change};
use crate::app::fields::Email;
use crate::app::{Actor, AppError, AppResult};
use ronda_domain::permission::Role;
use ronda_domain::{AccountId, AgentId, WorkspaceId};
use ronda_storage::accounts::{self, NewAccount};
use ronda_storage::{Tx, installation, sessions, users, workspaces};
use serde_json::json;

/// The key of the fact that the wizard ran.
const DONE: &str = "setup";

/// What a new workspace begins with.
#[derive(Clone, Debug)]
pub struct NewWorkspace {
    pub name: String,
    pub zone: String,
    pub language: String,
    pub country: String,
    pub simulated: bool,
}

/// A person with a password that was already hashed.
#[derive(Clone, Debug)]
pub struct NewPerson {
    pub email: Email,
    pub name: String,
    pub password_hash: String,
}

/// Whether nobody has an account yet.
///
/// # Errors
/// When the database fails.
pub fn needed(tx: &mut Tx<'_>) -> AppResult<bool> {
    Ok(!accounts::any(tx)?)
}

/// The first workspace with its owner.
///
/// # Errors
/// [`AppError::Refused`] when it was done before, by anybody.
pub fn run(tx: &mut Tx<'_>, w: &NewWorkspace, owner: &NewPerson) -> AppResult<(WorkspaceId, AccountId)> {
    if !needed(tx)? || !installation::claim(tx, DONE, "done")? {
        return Err(AppError::Refused {
            code: "already_set_up",
            detail: "this installation has an owner".into(),
        });
    }
    create_workspace(tx, w, owner)
}

/// A workspace with its owner, who may have an account already: then name and password stay as they are.
///
/// # Errors
/// When the database fails.
pub fn create_workspace(tx: &mut Tx<'_>, w: &NewWorkspace, owner: &NewPerson) -> AppResult<(WorkspaceId, AccountId)> {
    let id = workspaces::insert(tx, &w.name, &w.zone, &w.language, &w.country, w.simulated)?;
    let (account, _) = join(tx, id, owner, Role::Owner)?;
    audit::record(
        tx,
        id,
        &Actor::operator(),
        Change {
            action: "created",
            object: "workspace",
            id: id.0,
            version: 1,
            before: None,
            after: Some(json!({ "name": w.name, "owner": owner.email.shown })),
        },
    )?;
    Ok((id, account))
}

/// Makes a person a member, with a new account when the address has none.
///
/// # Errors
/// [`AppError::Refused`] when the person is an active member already.
pub fn join(tx: &mut Tx<'_>, w: WorkspaceId, person: &NewPerson, role: Role) -> AppResult<(AccountId, AgentId)> {
    let account = match accounts::by_email(tx, &person.email.key)? {
        Some(account) => account.id,
        None => accounts::insert(
            tx,
            &NewAccount {
                email: person.email.shown.clone(),
                email_key: person.email.key.clone(),
                name: person.name.clone(),
                password_hash: Some(person.password_hash.clone()),
                must_change_password: false,
                language: None,
                zone: None,
            },
        )?,
    };
    let agent = member(tx, w, account, role, &person.name, &person.name)?;
    Ok((account, agent))
}

/// Makes an account a member; a suspended member becomes active again.
///
/// # Errors
/// [`AppError::Refused`] when it is an active member already.
pub fn member(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    account: AccountId,
    role: Role,
    name: &str,
    public_name: &str,
) -> AppResult<AgentId> {
    let agent = match users::by_account(tx, w, account)? {
        Some((_, status)) if status == "active" => {
            return Err(AppError::Refused {
                code: "already_member",
                detail: "this person is a member already".into(),
            });
        }
        Some((agent, _)) => {
            users::revive(tx, w, agent, role)?;
            agent
        }
        None => users::insert(tx, w, account, role, name, public_name)?,
    };
    crate::app::routing::agent_edited(tx, w, agent)?;
    debug_assert!(sessions::member(tx, w, account)?.is_some());
    Ok(agent)
}
