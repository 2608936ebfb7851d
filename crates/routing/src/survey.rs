//! What a supervisor sees of a workspace at once: queues with the reason nobody takes what waits, agents with what they
//! owe, and the clocks that run. One pass over what waits and is held; nothing changes.

use crate::clock::add_open;
use crate::decision::{Funnel, Reject};
use crate::policy::ReplyScope;
use crate::row::ConvRow;
use crate::state::State;
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ConversationId, GroupId, Ms};
use std::collections::BTreeMap;

/// The state at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Ascending by group; the first may be of what no group was named for.
    pub queues: Vec<Queue>,
    /// Ascending by id, those who may be given something or hold something.
    pub agents: Vec<AgentSurvey>,
    /// Clocks that run, soonest first.
    pub clocks: Vec<(Ms, ConversationId)>,
    /// Held, and silent longer than the time to answer though nothing moves (rows 4, 11–14): since when, longest first.
    pub overdue: Vec<(Ms, ConversationId)>,
}

/// What waits for a group and what its agents hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    pub group: Option<GroupId>,
    pub waiting: u32,
    pub held: u32,
    /// Held and owed a reply.
    pub unanswered: u32,
    /// Waiting after all rounds were used.
    pub exhausted: u32,
    /// The first in line, and since when it is owed a reply (or waits, when nothing is owed).
    pub oldest: Option<(Ms, ConversationId)>,
    /// Why nobody takes the first in line.
    pub funnel: Funnel,
    /// For what waits: the test at which the last agents were lost, and for how many conversations. Descending.
    pub reasons: Vec<(Reject, u32)>,
}

/// An agent and what they owe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSurvey {
    pub agent: AgentId,
    pub groups: Vec<GroupId>,
    pub excluded: bool,
    pub load: u32,
    /// Held and owed a reply.
    pub owed: u32,
    /// The oldest answer owed.
    pub oldest: Option<(Ms, ConversationId)>,
    pub strikes: u8,
    pub life_at: Option<Ms>,
    pub cooling_until: Option<Ms>,
}

/// The last test that cost anybody: the nearest the queue came to being taken.
fn nearest(funnel: &Funnel) -> Option<Reject> {
    funnel.lost.iter().filter(|l| l.count > 0).map(|l| l.reason).max()
}

/// Since when a held conversation is over the time to answer although it does not move.
fn overdue_since(state: &State, conv: &ConvRow, now: Ms) -> Option<Ms> {
    let policy = state.rules().policy_of(conv);
    let seconds = policy.reassign_seconds?;
    let silent = policy.scope == ReplyScope::FirstReply && conv.keep.answers > 0;
    if !silent && !conv.keep.overdue {
        return None;
    }
    let from = conv.anchor?.max(conv.assigned_at.unwrap_or_default());
    add_open(state.rules().hours_of(conv), from, i64::from(seconds) * 1_000).filter(|at| *at <= now)
}

/// Looks at everything that waits and is held, as of `now`.
#[must_use]
pub fn survey(state: &State, now: Ms) -> Survey {
    survey_of(state, now, |_| true)
}

/// The same of the conversations that somebody `sees`; agents are all in it, with what they owe among those.
#[must_use]
pub fn survey_of(state: &State, now: Ms, sees: impl Fn(&ConvRow) -> bool) -> Survey {
    let rules = state.rules();
    let mut queues: BTreeMap<Option<GroupId>, Queue> = BTreeMap::new();
    let mut reasons: BTreeMap<(Option<GroupId>, Reject), u32> = BTreeMap::new();
    for group in state.groups.keys() {
        queues.entry(Some(*group)).or_default();
    }
    for (scope, lanes) in &state.index.waiting {
        for (lane, set) in lanes {
            let funnel = state.index.funnel(&rules, |a| state.agents.get(&a), scope, lane);
            let reason = nearest(&funnel);
            for key in set {
                let Some(conv) = state.convs.get(&key.1).filter(|c| sees(c)) else {
                    continue;
                };
                let queue = queues.entry(conv.group).or_default();
                queue.waiting += 1;
                queue.exhausted += u32::from(conv.exhausted);
                let this = (conv.anchor.or(conv.waiting_since).unwrap_or_default(), conv.conv);
                if queue.oldest.is_none_or(|o| this < o) {
                    queue.oldest = Some(this);
                    queue.funnel = funnel.clone();
                }
                if let Some(reason) = reason {
                    *reasons.entry((conv.group, reason)).or_default() += 1;
                }
            }
        }
    }
    let mut agents: BTreeMap<AgentId, AgentSurvey> = state
        .agents
        .values()
        .filter(|a| a.active || a.load > 0)
        .map(|a| {
            let seen = AgentSurvey {
                agent: a.agent,
                groups: a.groups.clone(),
                excluded: state.policy.excluded.contains(&a.agent),
                load: a.load,
                owed: 0,
                oldest: None,
                strikes: a.keep.strikes,
                life_at: a.keep.life_at,
                cooling_until: a.keep.cooling_until.filter(|at| *at > now),
            };
            (a.agent, seen)
        })
        .collect();
    let mut found = Survey::default();
    for conv in state.convs.values().filter(|c| c.place == Place::Held && sees(c)) {
        let queue = queues.entry(conv.group).or_default();
        queue.held += 1;
        queue.unanswered += u32::from(conv.anchor.is_some());
        found.clocks.extend(conv.rotate_at.map(|at| (at, conv.conv)));
        found
            .overdue
            .extend(overdue_since(state, conv, now).map(|at| (at, conv.conv)));
        if let (Some(agent), Some(anchor)) = (conv.owner.and_then(|a| agents.get_mut(&a)), conv.anchor) {
            agent.owed += 1;
            let this = (anchor, conv.conv);
            agent.oldest = Some(agent.oldest.map_or(this, |o| o.min(this)));
        }
    }
    // The conversations of a state have no order: these lists get theirs here.
    found.clocks.sort_unstable();
    found.overdue.sort_unstable();
    found.agents = agents.into_values().collect();
    found.queues = queues
        .into_iter()
        .map(|(group, queue)| {
            let mut why: Vec<_> = reasons
                .range((group, Reject::Inactive)..=(group, Reject::Outranked))
                .map(|((_, reason), n)| (*reason, *n))
                .collect();
            why.sort_by_key(|(reason, n)| (std::cmp::Reverse(*n), *reason));
            Queue {
                group,
                reasons: why,
                ..queue
            }
        })
        .collect();
    found
}
