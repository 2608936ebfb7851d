//! Roles and what they may do (spec PLAT-2). Checks happen in the server on every request; this table is the only
//! place that knows the answer.

use crate::conversation::words;
use serde::{Deserialize, Serialize};

words! {
    /// The preset roles, weakest first.
    Role { Agent = "agent", Supervisor = "supervisor", Administrator = "administrator", Owner = "owner" }
}

words! {
    /// A single right. The name is what a 403 answer shows.
    Permission {
        /// See conversations beyond one's own and the unassigned of one's groups.
        ConversationsSeeAll = "conversations:see_all",
        ConversationsReply = "conversations:reply",
        ConversationsTake = "conversations:take",
        /// Take from the bot or from another agent, assign to anybody.
        ConversationsTakeOver = "conversations:take_over",
        ConversationsTransfer = "conversations:transfer",
        ConversationsClose = "conversations:close",
        /// Close or transfer what another agent holds.
        ConversationsManageOthers = "conversations:manage_others",
        CustomersSee = "customers:see",
        CustomersEdit = "customers:edit",
        /// See funnels and the decision log.
        RoutingExplain = "routing:explain",
        RoutingEdit = "routing:edit",
        AgentsSee = "agents:see",
        /// Change the state of other agents.
        AgentsSetState = "agents:set_state",
        UsersManage = "users:manage",
        GroupsManage = "groups:manage",
        ChannelsManage = "channels:manage",
        WorkspaceManage = "workspace:manage",
        AuditSee = "audit:see",
    }
}

impl Role {
    /// Whether this role has `permission`.
    #[must_use]
    pub fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::ConversationsReply
            | P::ConversationsTake
            | P::ConversationsTransfer
            | P::ConversationsClose
            | P::CustomersSee
            | P::CustomersEdit
            | P::AgentsSee => true,
            P::ConversationsSeeAll
            | P::ConversationsTakeOver
            | P::ConversationsManageOthers
            | P::RoutingExplain
            | P::AgentsSetState => self >= Self::Supervisor,
            P::RoutingEdit
            | P::UsersManage
            | P::GroupsManage
            | P::ChannelsManage
            | P::WorkspaceManage
            | P::AuditSee => self >= Self::Administrator,
        }
    }

    /// The permissions of this role, in declaration order.
    pub fn permissions(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |p| self.may(*p))
    }

    /// Whether this role may give `other` to somebody: up to one's own, and only the owner makes owners.
    #[must_use]
    pub fn may_grant(self, other: Self) -> bool {
        self.may(Permission::UsersManage) && other <= self
    }
}
