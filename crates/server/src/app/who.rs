//! Who acts.

use crate::app::{AppError, AppResult};
use ronda_domain::permission::{Permission, Role, RoleOptions, Sees};
use ronda_domain::{AccountId, AgentId, GroupId, SessionId, WorkspaceId};

/// A member of a workspace, signed in. Made by the context extractor; rights are those of this request.
#[derive(Clone, Debug, PartialEq)]
pub struct Who {
    pub workspace: WorkspaceId,
    pub agent: AgentId,
    pub account: AccountId,
    pub session: SessionId,
    pub role: Role,
    /// What differs from the preset of the role.
    pub options: RoleOptions,
    /// What belongs to no group is hidden from agents ("solo equipos").
    pub teams_only: bool,
    pub name: String,
    /// The groups of the agent: with [`Permission::ConversationsSeeAll`] missing, the limit of what is visible.
    pub groups: Vec<GroupId>,
    pub ip: String,
}

impl Who {
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.role.may_with(&self.options, permission)
    }

    /// Everything that may be done, in declaration order.
    pub fn permissions(&self) -> impl Iterator<Item = Permission> {
        self.role.permissions(&self.options)
    }

    #[must_use]
    pub fn sees(&self) -> Sees {
        self.role.sees(&self.options)
    }

    /// # Errors
    /// [`AppError::Forbidden`] naming the permission that is missing.
    pub fn need(&self, permission: Permission) -> AppResult<()> {
        if self.may(permission) {
            Ok(())
        } else {
            Err(AppError::Forbidden(permission))
        }
    }
}

/// Who a change is attributed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// `None` for the operator at the command line and for the system.
    pub agent: Option<AgentId>,
    pub name: String,
    pub ip: String,
}

impl Actor {
    /// The person who runs the binary.
    #[must_use]
    pub fn operator() -> Self {
        Self {
            agent: None,
            name: "operator".into(),
            ip: String::new(),
        }
    }
}

impl From<&Who> for Actor {
    fn from(who: &Who) -> Self {
        Self {
            agent: Some(who.agent),
            name: who.name.clone(),
            ip: who.ip.clone(),
        }
    }
}
