//! What the operator of an installation does without signing in: workspaces, users and their links.

use crate::app::audit::{self, Change};
use crate::app::setup::{self, NewPerson, NewWorkspace};
use crate::app::{Actor, AppError, AppResult, Fields, password_resets};
use crate::config::Config;
use crate::{database, passwords, secrets};
use anyhow::bail;
use clap::Args;
use ronda_domain::permission::Role;
use ronda_domain::{AccountId, Clock, WorkspaceId};
use ronda_storage::audit::Chain;
use ronda_storage::{Db, Tx, accounts, workspaces};
use std::sync::Arc;

#[derive(Args, Clone)]
pub struct WorkspaceArgs {
    /// Its name.
    #[arg(long)]
    pub name: String,
    /// E-mail address of the owner, who may have an account already.
    #[arg(long)]
    pub owner: String,
    /// Name of the owner; the address when left out.
    #[arg(long)]
    pub owner_name: Option<String>,
    #[arg(long, default_value = "es")]
    pub language: String,
    #[arg(long, default_value = "America/Argentina/Buenos_Aires")]
    pub zone: String,
    #[arg(long, default_value = "AR")]
    pub country: String,
}

#[derive(Args, Clone)]
pub struct UserArgs {
    #[arg(long)]
    pub email: String,
    /// The address when left out.
    #[arg(long)]
    pub name: Option<String>,
    /// agent, supervisor, administrator or owner.
    #[arg(long, default_value = "agent")]
    pub role: String,
    /// Number of the workspace; may be left out where there is only one.
    #[arg(long)]
    pub workspace: Option<i64>,
}

/// The database of an installation, in the hands of its operator.
pub struct Operator {
    db: Db,
    config: Config,
}

impl Operator {
    /// Opens the database. The server may be running.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn open(config: Config) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data)?;
        let db = Db::open(&database(&config), Clock::system(), Arc::new(|_| {}))?;
        Ok(Self { db, config })
    }

    fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnMut(&mut Tx<'_>) -> AppResult<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        self.db.write_blocking(name, work).map_err(said)
    }

    /// A workspace with its owner: its number, and a link with which a new owner chooses a password.
    ///
    /// # Errors
    /// Names what is wrong with the values.
    pub fn create_workspace(&self, args: &WorkspaceArgs) -> anyhow::Result<(WorkspaceId, Option<String>)> {
        let mut f = Fields::new();
        let workspace = NewWorkspace {
            name: f.text("name", &args.name, 1..=80),
            zone: f.zone("zone", &args.zone),
            language: f.language("language", &args.language),
            country: f.country("country", &args.country),
            simulated: false,
        };
        let (owner, token) = newcomer(&mut f, "owner", &args.owner, args.owner_name.as_deref());
        f.done().map_err(said)?;
        let hash = secrets::hash(&token);
        let (id, linked) = self.write("create_workspace", move |tx| {
            let known = accounts::by_email(tx, &owner.email.key)?.is_some();
            let (id, account) = setup::create_workspace(tx, &workspace, &owner)?;
            Ok((id, link_unless(tx, known, account, &hash)?))
        })?;
        Ok((id, linked.then(|| self.link(&token))))
    }

    /// A member of a workspace, with a link to choose a password when the address had no account.
    ///
    /// # Errors
    /// Names what is wrong with the values; somebody who is a member already.
    pub fn create_user(&self, args: &UserArgs) -> anyhow::Result<Option<String>> {
        let Some(role) = Role::parse(&args.role) else {
            bail!("role: one of agent, supervisor, administrator, owner");
        };
        let mut f = Fields::new();
        let (person, token) = newcomer(&mut f, "email", &args.email, args.name.as_deref());
        f.done().map_err(said)?;
        let hash = secrets::hash(&token);
        let wanted = args.workspace.map(WorkspaceId);
        let linked = self.write("create_user", move |tx| {
            let workspace = the_workspace(tx, wanted)?;
            let known = accounts::by_email(tx, &person.email.key)?.is_some();
            let (account, agent) = setup::join(tx, workspace, &person, role)?;
            let change = Change {
                action: "created",
                object: "users",
                id: agent.0,
                version: 1,
                before: None,
                after: Some(serde_json::json!({ "name": person.name, "role": role })),
            };
            audit::record(tx, workspace, &Actor::operator(), change)?;
            link_unless(tx, known, account, &hash)
        })?;
        Ok(linked.then(|| self.link(&token)))
    }

    /// A link with which somebody chooses a new password.
    ///
    /// # Errors
    /// When no account has the address.
    pub fn reset_link(&self, email: &str) -> anyhow::Result<String> {
        let key = email.trim().to_lowercase();
        let token = secrets::token();
        let hash = secrets::hash(&token);
        let found = self.write("reset_link", move |tx| {
            let Some(account) = accounts::by_email(tx, &key)? else {
                return Ok(false);
            };
            password_resets::open(tx, account.id, &hash)?;
            Ok(true)
        })?;
        if !found {
            bail!("nobody has the address {email}");
        }
        Ok(self.link(&token))
    }

    /// Reads the audit log of every workspace. Number of entries.
    ///
    /// # Errors
    /// Names the entries that were altered or taken away.
    pub fn verify_audit(&self) -> anyhow::Result<u64> {
        let chains = self.db.read_blocking("verify_audit", |tx| -> AppResult<_> {
            let mut chains = Vec::new();
            for w in workspaces::all(tx)? {
                chains.push((w.id, ronda_storage::audit::verify(tx, w.id)?));
            }
            Ok(chains)
        })?;
        let (mut entries, mut broken) = (0, Vec::new());
        for (w, chain) in chains {
            match chain {
                Chain::Whole { entries: n } => entries += n,
                Chain::BrokenAt(id) => broken.push(format!(
                    "workspace {w}: entry {id} was altered, or the one before it was taken away"
                )),
                Chain::Cut => broken.push(format!("workspace {w}: the newest entries were taken away")),
            }
        }
        anyhow::ensure!(broken.is_empty(), broken.join("; "));
        Ok(entries)
    }

    fn link(&self, token: &str) -> String {
        self.config.link(&format!("/reset/{token}"))
    }
}

/// A person with a password that nobody knows: they choose one by link.
fn newcomer(f: &mut Fields, pointer: &str, email: &str, name: Option<&str>) -> (NewPerson, String) {
    let email = f.email(pointer, email);
    let person = NewPerson {
        name: f.text("name", name.unwrap_or(&email.shown), 1..=80),
        password_hash: passwords::hash(&secrets::token()),
        email,
    };
    (person, secrets::token())
}

fn link_unless(tx: &mut Tx<'_>, known: bool, account: AccountId, token_hash: &str) -> AppResult<bool> {
    if !known {
        password_resets::open(tx, account, token_hash)?;
    }
    Ok(!known)
}

/// The workspace that was named, or the only one.
fn the_workspace(tx: &mut Tx<'_>, wanted: Option<WorkspaceId>) -> AppResult<WorkspaceId> {
    let all = workspaces::all(tx)?;
    let refused = |detail: String| AppError::Refused {
        code: "workspace",
        detail,
    };
    match (wanted, all.as_slice()) {
        (Some(id), all) if all.iter().any(|w| w.id == id) => Ok(id),
        (Some(id), _) => Err(refused(format!("there is no workspace {id}"))),
        (None, [only]) => Ok(only.id),
        (None, []) => Err(refused("there is no workspace yet: ronda workspace create".into())),
        (None, several) => {
            let list: Vec<String> = several.iter().map(|w| format!("{} ({})", w.id, w.name)).collect();
            Err(refused(format!("say which --workspace: {}", list.join(", "))))
        }
    }
}

/// An error as a sentence for the terminal.
fn said(error: AppError) -> anyhow::Error {
    match error {
        AppError::Invalid(errors) => {
            let lines: Vec<String> = errors
                .iter()
                .map(|e| format!("{}: {}", e.pointer.trim_start_matches('/'), e.message))
                .collect();
            anyhow::anyhow!(lines.join("; "))
        }
        error => error.into(),
    }
}
