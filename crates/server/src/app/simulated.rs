//! What is simulated stays out of reports and figures (specs PLAT-13.4, REP-1). In a workspace that is a simulation as a
//! whole, as the demo's, everything counts: there is nothing else.

use crate::app::{AppError, AppResult};
use ronda_domain::{ConversationId, WorkspaceId};
use ronda_storage::{Tx, conversations, workspaces};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// How a request asks for what is simulated too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SimulatedChoice)]
pub enum Simulated {
    /// It counts as everything else.
    Include,
}

/// Whether simulated conversations count.
///
/// # Errors
/// When the database fails.
pub fn counts(tx: &mut Tx<'_>, w: WorkspaceId, asked: Option<Simulated>) -> AppResult<bool> {
    if asked.is_some() {
        return Ok(true);
    }
    Ok(workspaces::get(tx, w)?.ok_or(AppError::NotFound)?.simulated)
}

/// Which of these are simulated.
///
/// # Errors
/// When the database fails.
pub fn among(tx: &mut Tx<'_>, w: WorkspaceId, ids: &[ConversationId]) -> AppResult<BTreeSet<ConversationId>> {
    let rows = conversations::get_many(tx, w, ids)?;
    Ok(rows.into_iter().filter(|c| c.simulated).map(|c| c.id).collect())
}
