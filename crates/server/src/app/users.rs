//! The members of a workspace and what others see of them.

use crate::app::AppResult;
use ronda_domain::agent::{AgentState, ChosenState};
use ronda_domain::permission::Role;
use ronda_domain::{AgentId, Ms, WorkspaceId};
use ronda_storage::users::{self, UserRow};
use ronda_storage::{Tx, routing};
use serde::Serialize;
use utoipa::ToSchema;

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
    /// Conversations held now.
    pub load: i64,
    /// At most so many are assigned automatically; `null` is without limit.
    pub limit: Option<i64>,
    /// At most so many may be taken by hand.
    pub hard_cap: Option<i64>,
}

/// What the policy in force says about limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    pub limit: Option<i64>,
    pub hard_cap_extra: i64,
}

/// The limits of the policy in force; without a policy there are none.
///
/// # Errors
/// When the database fails.
pub fn limits(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Limits> {
    let Some(policy) = routing::policy(tx, w)? else {
        return Ok(Limits::default());
    };
    let body: serde_json::Value = serde_json::from_str(&policy.body).unwrap_or_default();
    Ok(Limits {
        limit: body["limit"].as_i64(),
        hard_cap_extra: body["hard_cap_extra"].as_i64().unwrap_or(0),
    })
}

impl Agent {
    #[must_use]
    pub fn of(u: &UserRow, limits: Limits) -> Self {
        let limit = u.limit_override.or(limits.limit);
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
            load: u.load,
            limit,
            hard_cap: limit.map(|l| l + limits.hard_cap_extra),
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
