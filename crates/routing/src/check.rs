//! The invariants that are predicates of a state.
use crate::index::{Index, Rules, key};
use crate::state::State;
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ConversationId};
use std::collections::{BTreeMap, BTreeSet};

/// An invariant that does not hold; the name is the id of the routing reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// One owner exactly when held.
    S1(ConversationId),
    /// The load of an agent differs from what they hold.
    S3 { agent: AgentId, load: u32, holds: u32 },
    /// In no tray, or in more than one.
    S11(ConversationId),
    /// Two live conversations of a customer on a channel account.
    S19(ConversationId, ConversationId),
    /// The index differs from one built from the rows.
    S18(&'static str),
    /// A conversation waits although this agent has room and may take it.
    L1(ConversationId, AgentId),
}

/// Checks S1, S3, S11, S18, S19 and, when the state is settled, L1.
///
/// # Errors
/// The first violation found.
pub fn check(state: &State) -> Result<(), Violation> {
    let mut convs: Vec<_> = state.convs.values().collect();
    convs.sort_unstable_by_key(|c| c.conv);
    let mut holds: BTreeMap<AgentId, u32> = BTreeMap::new();
    let mut live = BTreeMap::new();
    for conv in &convs {
        if (conv.place == Place::Held) != conv.owner.is_some() || !matches!(conv.place, Place::Held | Place::Waiting) {
            return Err(Violation::S1(conv.conv));
        }
        if let Some(owner) = conv.owner {
            *holds.entry(owner).or_default() += 1;
        }
        if let Some(other) = live.insert((conv.channel, conv.customer), conv.conv) {
            return Err(Violation::S19(other, conv.conv));
        }
    }
    let ids: BTreeSet<AgentId> = state.agents.keys().copied().chain(holds.keys().copied()).collect();
    for agent in ids {
        let (load, holds) = (
            state.agents.get(&agent).map_or(0, |a| a.load),
            holds.get(&agent).copied().unwrap_or(0),
        );
        if load != holds {
            return Err(Violation::S3 { agent, load, holds });
        }
    }
    trays(state, &convs)?;
    let rules = state.rules();
    let rebuilt = Index::build(&rules, state.convs.values(), state.agents.values());
    if let Some(part) = state.index.difference(&rebuilt) {
        return Err(Violation::S18(part));
    }
    if !state.unsettled {
        work_conservation(state, &rules, &convs)?;
    }
    Ok(())
}

/// S11: each conversation stands in exactly one queue, or with exactly one agent.
fn trays(state: &State, convs: &[&crate::row::ConvRow]) -> Result<(), Violation> {
    let mut seen: BTreeMap<ConversationId, u32> = BTreeMap::new();
    let queues = state.index.waiting.values().flat_map(BTreeMap::values);
    let held = state.index.held.values().flatten().copied();
    for conv in queues.flatten().map(|(_, conv)| *conv).chain(held) {
        *seen.entry(conv).or_default() += 1;
    }
    for conv in convs {
        if seen.remove(&conv.conv) != Some(1) {
            return Err(Violation::S11(conv.conv));
        }
    }
    seen.into_keys().next().map_or(Ok(()), |conv| Err(Violation::S11(conv)))
}

/// L1, by looking at every pair of a lane and an agent; no use is made of the agents' index.
fn work_conservation(state: &State, rules: &Rules<'_>, convs: &[&crate::row::ConvRow]) -> Result<(), Violation> {
    let waiting = convs
        .iter()
        .filter(|c| c.place == Place::Waiting && !c.exhausted && !c.keep.stale)
        .filter(|c| rules.assigns(&rules.scope_of(c), c.channel));
    let mut first = BTreeMap::new();
    for conv in waiting {
        let lane = (rules.scope_of(conv), crate::index::lane(conv));
        let entry = first.entry(lane).or_insert(key(conv));
        *entry = (*entry).min(key(conv));
    }
    for ((scope, lane), (_, conv)) in first {
        for agent in state.agents.values() {
            let takes = Rules::member(agent, &scope)
                && Rules::may_reply(agent, lane.channel)
                && lane.missed.binary_search(&agent.agent).is_err()
                && lane.reserved.is_none_or(|a| a == agent.agent)
                && scope.needs.iter().all(|s| agent.skills.contains(s))
                && rules.status(agent, rules.policy_in(scope.rules)) == crate::index::Status::Room;
            if takes {
                return Err(Violation::L1(conv, agent.agent));
            }
        }
    }
    Ok(())
}
