//! Explanations on request.
use crate::decision::Funnel;
use crate::index::{key, lane};
use crate::state::State;
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ConversationId};
use serde::{Deserialize, Serialize};

/// Who could take a waiting conversation at this moment and why the others cannot. Empty for what does not wait.
#[must_use]
pub fn why_waiting(state: &State, conv: ConversationId) -> Funnel {
    let rules = state.rules();
    let Some(row) = state.conv(conv).filter(|c| c.place == Place::Waiting) else {
        return Funnel::default();
    };
    state
        .index
        .funnel(&rules, |a| state.agents.get(&a), rules.scope_of(row), &lane(row))
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// 1 for the first.
    pub place: u32,
    pub of: u32,
}

/// The place of a waiting conversation among those that the same agents could take.
#[must_use]
pub fn position(state: &State, conv: ConversationId) -> Option<Position> {
    let row = state.conv(conv).filter(|c| c.place == Place::Waiting)?;
    let lane = state.index.waiting.get(&state.rules().scope_of(row))?.get(&lane(row))?;
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Some(Position {
        place: count(lane.range(..key(row)).count()).saturating_add(1),
        of: count(lane.len()),
    })
}

/// The first waiting conversation `agent` may take, in the order of the queue: "take the next one".
#[must_use]
pub fn next_for(state: &State, agent: AgentId) -> Option<ConversationId> {
    let row = state.agent(agent)?;
    let mut best = None;
    for scope in crate::index::scopes(row) {
        for (lane, set) in state.index.waiting.get(&scope).into_iter().flatten() {
            let mine = crate::index::Rules::may_reply(row, lane.channel) && lane.reserved.is_none_or(|a| a == agent);
            if let Some(head) = set.first().filter(|_| mine) {
                best = Some(best.map_or(*head, |b: crate::index::Key| b.min(*head)));
            }
        }
    }
    best.map(|(_, conv)| conv)
}
