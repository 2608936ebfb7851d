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
        /// Take what waits; without [`Permission::ConversationsTakeAny`] only the first of the queue.
        ConversationsTake = "conversations:take",
        /// Take out of the order of the queue.
        ConversationsTakeAny = "conversations:take_any",
        ConversationsTakeFromBot = "conversations:take_from_bot",
        /// Take from another agent, assign to anybody.
        ConversationsTakeOver = "conversations:take_over",
        ConversationsTransfer = "conversations:transfer",
        ConversationsClose = "conversations:close",
        /// Close or transfer what another agent holds.
        ConversationsManageOthers = "conversations:manage_others",
        CustomersSee = "customers:see",
        CustomersEdit = "customers:edit",
        /// Set and remove affinities of others inside one's own groups.
        AffinitiesManage = "affinities:manage",
        /// The same for everybody.
        AffinitiesManageAll = "affinities:manage_all",
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

words! {
    /// Which conversations somebody sees besides their own (spec PLAT-2).
    Sees {
        /// None ("solo las mías").
        Own = "own",
        /// What waits in their groups.
        Groups = "groups",
        /// Everything in their groups ("equipo").
        Team = "team",
        All = "all",
    }
}

/// What differs from the preset of a role; what is not set is the preset's. Of an agent, or of all agents of a
/// workspace. Administrators have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RoleOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sees: Option<Sees>,
    /// Take out of the order of the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_any: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_from_bot: Option<bool>,
    /// Take from other agents, assign to anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_from_others: Option<bool>,
}

impl RoleOptions {
    /// These, and where they say nothing, those of `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            sees: self.sees.or(others.sees),
            take_any: self.take_any.or(others.take_any),
            take_from_bot: self.take_from_bot.or(others.take_from_bot),
            take_from_others: self.take_from_others.or(others.take_from_others),
        }
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
            | P::ConversationsTakeAny
            | P::ConversationsTransfer
            | P::ConversationsClose
            | P::CustomersSee
            | P::CustomersEdit
            | P::AgentsSee => true,
            P::ConversationsSeeAll
            | P::ConversationsTakeFromBot
            | P::ConversationsTakeOver
            | P::ConversationsManageOthers
            | P::AffinitiesManage
            | P::RoutingExplain
            | P::AgentsSetState => self >= Self::Supervisor,
            P::RoutingEdit
            | P::AffinitiesManageAll
            | P::UsersManage
            | P::GroupsManage
            | P::ChannelsManage
            | P::WorkspaceManage
            | P::AuditSee => self >= Self::Administrator,
        }
    }

    /// Whether somebody of this role has `permission` under `options`. Administrators have everything the role has.
    #[must_use]
    pub fn may_with(self, options: &RoleOptions, permission: Permission) -> bool {
        use Permission as P;
        let option = match permission {
            _ if self >= Self::Administrator => None,
            P::ConversationsSeeAll => options.sees.map(|s| s == Sees::All),
            P::ConversationsTakeAny => options.take_any,
            P::ConversationsTakeFromBot => options.take_from_bot,
            P::ConversationsTakeOver => options.take_from_others,
            _ => None,
        };
        option.unwrap_or_else(|| self.may(permission))
    }

    /// What somebody of this role sees under `options`.
    #[must_use]
    pub fn sees(self, options: &RoleOptions) -> Sees {
        let preset = if self >= Self::Supervisor {
            Sees::All
        } else {
            Sees::Groups
        };
        match options.sees {
            Some(sees) if self < Self::Administrator => sees,
            _ => preset,
        }
    }

    /// The permissions under `options`, in declaration order.
    pub fn permissions(self, options: &RoleOptions) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |p| self.may_with(options, *p))
    }

    /// Whether this role may give `other` to somebody: up to one's own, and only the owner makes owners.
    #[must_use]
    pub fn may_grant(self, other: Self) -> bool {
        self.may(Permission::UsersManage) && other <= self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plat_2_options_change_the_preset_of_agents_and_never_administrators() {
        let none = RoleOptions::default();
        let narrow = RoleOptions {
            sees: Some(Sees::Own),
            take_any: Some(false),
            ..none
        };
        assert_eq!(Role::Agent.sees(&none), Sees::Groups);
        assert_eq!(Role::Agent.sees(&narrow), Sees::Own);
        assert!(Role::Agent.may_with(&none, Permission::ConversationsTakeAny));
        assert!(!Role::Agent.may_with(&narrow, Permission::ConversationsTakeAny));
        assert!(!Role::Supervisor.may_with(&narrow, Permission::ConversationsSeeAll));
        assert_eq!(Role::Administrator.sees(&narrow), Sees::All);
        assert!(Role::Owner.may_with(&narrow, Permission::ConversationsTakeAny));
        let wide = RoleOptions {
            sees: Some(Sees::All),
            take_from_others: Some(true),
            ..none
        };
        assert!(Role::Agent.may_with(&wide, Permission::ConversationsSeeAll));
        assert!(Role::Agent.may_with(&wide, Permission::ConversationsTakeOver));
        assert_eq!(narrow.or(wide).take_from_others, Some(true));
        assert_eq!(narrow.or(wide).sees, Some(Sees::Own));
    }
}
