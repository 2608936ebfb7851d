//! Who may see which conversation (spec PLAT-2, G6). The same rule as a predicate and as a condition of lists; a test
//! holds them against each other.

use crate::app::Who;
use ronda_domain::conversation::Place;
use ronda_domain::event::Scope;
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, GroupId};
use ronda_storage::Value;

/// The rights of one person over conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    pub agent: AgentId,
    /// Everything in the workspace.
    pub all: bool,
    pub groups: Vec<GroupId>,
}

impl From<&Who> for Sight {
    fn from(who: &Who) -> Self {
        Self {
            agent: who.agent,
            all: who.may(Permission::ConversationsSeeAll),
            groups: who.groups.clone(),
        }
    }
}

impl Sight {
    /// One's own, and what waits in one's groups or in none; somebody without groups sees everything that waits.
    #[must_use]
    pub fn sees(&self, scope: &Scope) -> bool {
        self.all
            || scope.owner == Some(self.agent)
            || (scope.place == Place::Waiting
                && (self.groups.is_empty() || scope.group.is_none_or(|g| self.groups.contains(&g))))
    }

    /// The same as a condition on `conversation as c`; pushes its parameters.
    #[must_use]
    pub fn condition(&self, params: &mut Vec<Value>) -> String {
        if self.all {
            return "1 = 1".into();
        }
        params.push(self.agent.into());
        let me = params.len();
        let waiting = if self.groups.is_empty() {
            "1 = 1".into()
        } else {
            let list: Vec<String> = self.groups.iter().map(ToString::to_string).collect();
            format!("(c.group_id is null or c.group_id in ({}))", list.join(", "))
        };
        format!(
            "((c.place = 'closed' and c.last_owner = ${me}) or (c.place <> 'closed' and c.owner = ${me}) or (c.place = 'bot' and c.outbound = 1 and c.last_owner = ${me}) or (c.place = 'waiting' and {waiting}))"
        )
    }
}
