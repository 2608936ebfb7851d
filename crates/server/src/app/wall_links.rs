//! Links that show the live wall on a screen in the room, and nothing else.

use crate::app::audit::{self, Change};
use crate::app::wall::Onlooker;
use crate::app::{Actor, AppError, AppResult, Fields, Who, users};
use ronda_domain::Ms;
use ronda_domain::permission::Permission;
use ronda_storage::wall_links::{self, WallLinkRow};
use ronda_storage::workspaces::{self, WorkspaceRow};
use ronda_storage::{Tx, agents};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

const NAME: std::ops::RangeInclusive<usize> = 1..=80;
/// Links of one workspace: screens in rooms, not people.
const MOST: i64 = 50;

/// A link to the wall.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WallLink {
    pub id: i64,
    pub name: String,
    /// Whether agents are shown by name.
    pub names: bool,
    pub created_by: Option<String>,
    pub created_at: Ms,
    /// The address, once: when it is made.
    pub link: Option<String>,
}

/// A link to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWallLink {
    /// Which screen it is for.
    pub name: String,
    /// Show agents by name.
    #[serde(default)]
    pub names: bool,
}

fn view(tx: &mut Tx<'_>, row: WallLinkRow) -> AppResult<WallLink> {
    let names = agents::names(tx, row.workspace)?;
    Ok(WallLink {
        id: row.id,
        name: row.name,
        names: row.names,
        created_by: row
            .created_by
            .and_then(|by| names.into_iter().find(|(id, _)| *id == by))
            .map(|(_, name)| name),
        created_at: row.created_at,
        link: None,
    })
}

/// # Errors
/// [`AppError::Forbidden`].
pub fn list(tx: &mut Tx<'_>, who: &Who) -> AppResult<Vec<WallLink>> {
    who.need(Permission::RoutingExplain)?;
    let rows = wall_links::of_workspace(tx, who.workspace, MOST)?;
    rows.into_iter().map(|row| view(tx, row)).collect()
}

/// Makes a link whose token has this hash.
///
/// # Errors
/// [`AppError::Forbidden`]; wrong fields; `too_many`.
pub fn create(tx: &mut Tx<'_>, who: &Who, input: &NewWallLink, token_hash: &str) -> AppResult<WallLink> {
    who.need(Permission::RoutingExplain)?;
    let mut f = Fields::new();
    let name = f.text("/name", &input.name, NAME);
    f.done()?;
    if wall_links::of_workspace(tx, who.workspace, MOST)?.len() as i64 >= MOST {
        return Err(AppError::Refused {
            code: "too_many",
            detail: format!("at most {MOST} links: revoke one first"),
        });
    }
    let id = wall_links::insert(tx, who.workspace, &name, token_hash, input.names, who.agent)?;
    let row = wall_links::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    changed(tx, who, "created", &row)?;
    view(tx, row)
}

/// The link stops working at once.
///
/// # Errors
/// [`AppError::Forbidden`]; [`AppError::NotFound`].
pub fn revoke(tx: &mut Tx<'_>, who: &Who, id: i64) -> AppResult<()> {
    who.need(Permission::RoutingExplain)?;
    let row = wall_links::get(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    wall_links::delete(tx, who.workspace, id)?;
    changed(tx, who, "deleted", &row)
}

fn changed(tx: &mut Tx<'_>, who: &Who, action: &str, row: &WallLinkRow) -> AppResult<()> {
    let it = Some(json!({ "name": row.name, "names": row.names }));
    let (before, after) = if action == "created" { (None, it) } else { (it, None) };
    audit::record(
        tx,
        who.workspace,
        &Actor::from(who),
        Change {
            action,
            object: "wall-links",
            id: row.id,
            version: 0,
            before,
            after,
        },
    )
}

/// The link and the workspace behind a token, and whose wall it shows: that of who made it, with their rights of now.
///
/// # Errors
/// [`AppError::NotFound`] for a token that never was, or was revoked.
pub fn opened(tx: &mut Tx<'_>, token_hash: &str) -> AppResult<(WallLinkRow, WorkspaceRow, Onlooker)> {
    let link = wall_links::by_token(tx, token_hash)?.ok_or(AppError::NotFound)?;
    let workspace = workspaces::get(tx, link.workspace)?.ok_or(AppError::NotFound)?;
    let maker = match link.created_by {
        Some(agent) => users::sight(tx, &workspace, agent)?,
        None => None,
    };
    let by = maker.map_or(Onlooker::ALL, Onlooker::from);
    Ok((link, workspace, by))
}
