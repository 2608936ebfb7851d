//! Settings of the workspace.

use crate::app::workspaces::{self, EditWorkspace, Workspace};
use crate::http::problem::Problem;
use crate::http::{Body, Context, IfMatch, Versioned};

/// Read the workspace with its settings
#[utoipa::path(get, path = "/workspace", tag = "Workspace", responses((status = 200, body = Workspace)))]
pub async fn get(context: Context) -> Result<Versioned<Workspace>, Problem> {
    let workspace = context.read("workspace", workspaces::get).await?;
    let version = workspace.version;
    Ok(Versioned(workspace, version))
}

/// Edit the workspace
///
/// Shortening an automatic closing has to be confirmed when conversations are older than the new period.
#[utoipa::path(patch, path = "/workspace", tag = "Workspace", request_body = EditWorkspace, responses((status = 200, body = Workspace)))]
pub async fn edit(
    context: Context,
    IfMatch(version): IfMatch,
    Body(input): Body<EditWorkspace>,
) -> Result<Versioned<Workspace>, Problem> {
    let workspace = context
        .write("edit_workspace", move |tx, who| {
            workspaces::edit(tx, who, version, &input)
        })
        .await?;
    let version = workspace.version;
    Ok(Versioned(workspace, version))
}
