//! Who may see which conversation (spec PLAT-2, G6). The same rule as a predicate and as a condition of lists; a test
//! holds them against each other.

use crate::app::Who;
use ronda_domain::conversation::Place;
use ronda_domain::event::Scope;
use ronda_domain::permission::Sees;
use ronda_domain::{AgentId, GroupId};
use ronda_storage::Value;

/// The rights of one person over conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    pub agent: AgentId,
    pub sees: Sees,
    pub groups: Vec<GroupId>,
    /// What waits and belongs to no group is seen too.
    pub ungrouped: bool,
}

impl From<&Who> for Sight {
    fn from(who: &Who) -> Self {
        Self {
            agent: who.agent,
            sees: who.sees(),
            groups: who.groups.clone(),
            ungrouped: !who.teams_only,
        }
    }
}

impl Sight {
    /// Everything in the workspace.
    #[must_use]
    pub fn all(&self) -> bool {
        self.sees == Sees::All
    }

    /// Whether this is about somebody's group.
    #[must_use]
    pub fn shares(&self, groups: &[GroupId]) -> bool {
        self.all() || groups.iter().any(|g| self.groups.contains(g))
    }

    /// One's own; what waits in one's groups or in none; with [`Sees::Team`] everything of one's groups.
    #[must_use]
    pub fn sees(&self, scope: &Scope) -> bool {
        let mine = scope.group.is_some_and(|g| self.groups.contains(&g));
        let waits = scope.place == Place::Waiting && (mine || (self.ungrouped && scope.group.is_none()));
        scope.owner == Some(self.agent)
            || match self.sees {
                Sees::Own => false,
                Sees::Groups => waits,
                Sees::Team => waits || mine,
                Sees::All => true,
            }
    }

    /// The same as a condition on `conversation as c`; pushes its parameters.
    #[must_use]
    pub fn condition(&self, params: &mut Vec<Value>) -> String {
        if self.all() {
            return "1 = 1".into();
        }
        params.push(self.agent.into());
        let me = params.len();
        let own = format!(
            "(c.place = 'closed' and c.last_owner = ${me}) or (c.place <> 'closed' and c.owner = ${me}) or (c.place = 'bot' and c.outbound = 1 and c.last_owner = ${me})"
        );
        let list: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
        let grouped = if list.is_empty() {
            "1 = 0".into()
        } else {
            format!("c.group_id in ({})", list.join(", "))
        };
        let waiting = if self.ungrouped {
            format!("(c.group_id is null or {grouped})")
        } else {
            grouped.clone()
        };
        match self.sees {
            Sees::Own => format!("({own})"),
            Sees::Team => format!("({own} or (c.place = 'waiting' and {waiting}) or {grouped})"),
            Sees::Groups | Sees::All => format!("({own} or (c.place = 'waiting' and {waiting}))"),
        }
    }
}
