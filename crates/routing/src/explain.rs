//! Explanations on request.
use crate::decision::Funnel;
use crate::index::{Due, Rules, Status, key, lane};
use crate::state::State;
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ConversationId, Ms};
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
        .funnel(&rules, |a| state.agents.get(&a), &rules.scope_of(row), &lane(row))
}

/// The next thing that time alone changes for a waiting conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NextChange {
    pub at: Ms,
    pub what: Change,
}

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Its hours begin.
    Opens,
    /// The pacing of an agent allows one more.
    Ramp,
    /// An agent may receive again.
    CoolDownEnds,
    /// It is no longer kept for one agent.
    HoldEnds,
    /// A step of its wait: others are asked, or it counts as older.
    Step,
    /// It goes to the next group.
    Overflow,
    /// Its longest wait is over.
    WaitOver,
    /// Its place rises because the reply window ends.
    Raise,
    /// More people are told that nobody takes it.
    Escalation,
}

/// What time alone will change next for a waiting conversation, if anything; people may change something before.
#[must_use]
pub fn next_change(state: &State, conv: ConversationId) -> Option<NextChange> {
    let rules = state.rules();
    let row = state.conv(conv).filter(|c| c.place == Place::Waiting)?;
    let scope = rules.scope_of(row);
    if !rules.policy_in(scope.rules).enabled {
        return None;
    }
    let hours = rules.hours_in(scope.rules, row.channel);
    let opens = crate::next_opening(hours, rules.now).filter(|at| *at > rules.now);
    let closed = opens.is_some();
    let own = rules.wakes(row).filter_map(|(at, due)| {
        let what = match due {
            Due::Step(_) => Change::Step,
            Due::Overflow(_) => Change::Overflow,
            Due::MaxWait(_) => Change::WaitOver,
            Due::Escalate(_) => Change::Escalation,
            Due::Window(_) => Change::Raise,
            _ => return None,
        };
        Some(NextChange { at, what })
    });
    let hold = row.reserved_until.map(|at| NextChange {
        at,
        what: Change::HoldEnds,
    });
    // While it is closed nobody's pacing matters.
    let people = state.agents.values().filter(|a| {
        !closed
            && !row.exhausted
            && Rules::member(a, &scope)
            && Rules::may_reply(a, row.channel)
            && row.missed.binary_search(&a.agent).is_err()
            && row.reserved_for.is_none_or(|named| named == a.agent)
    });
    let people = people.filter_map(|a| match state.status(a, &scope) {
        Status::Cooling => a.keep.cooling_until.map(|at| NextChange {
            at,
            what: Change::CoolDownEnds,
        }),
        Status::Ramp => a
            .keep
            .ramp
            .and_then(|r| rules.ramp_next(r))
            .map(|at| NextChange { at, what: Change::Ramp }),
        _ => None,
    });
    let opens = opens.map(|at| NextChange {
        at,
        what: Change::Opens,
    });
    own.chain(hold).chain(people).chain(opens).min()
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
    for scope in state.index.scopes(row) {
        for (lane, set) in state.index.waiting.get(&scope).into_iter().flatten() {
            let mine = crate::index::Rules::may_reply(row, lane.channel) && lane.reserved.is_none_or(|a| a == agent);
            if let Some(head) = set.first().filter(|_| mine) {
                best = Some(best.map_or(*head, |b: crate::index::Key| b.min(*head)));
            }
        }
    }
    best.map(|(_, conv)| conv)
}
