//! A decision made again: the same input on the same state, stopped to look at everybody who was considered.

use crate::decision::{Decision, Funnel, Reject};
use crate::explain::why_waiting;
use crate::fact::Input;
use crate::row::{ConvKeep, ConvRow, Rows};
use crate::state::State;
use crate::work::Work;
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, Ms};
use serde::{Deserialize, Serialize};

/// What one agent was when a decision was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub agent: AgentId,
    /// Why not; none for the one chosen.
    pub reject: Option<Reject>,
    pub load: u32,
    pub limit: Option<u32>,
    pub last_assigned_at: Option<Ms>,
}

/// A decision that was made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    pub decision: Decision,
    /// Each member who was considered, ascending by id; their verdicts add up to the funnel. None when nobody was
    /// considered, as in what people do by hand.
    pub everybody: Option<Vec<Verdict>>,
}

/// The state just before a decision, and the conversation before and after it.
pub(crate) struct Moment {
    pub rows: Rows,
    pub before: ConvRow,
    pub after: ConvRow,
}

/// The decision whose moment is wanted.
pub(crate) struct Watch {
    pub seq: i64,
    pub moment: Option<Box<Moment>>,
}

/// Steps `state` over `input`, which caused decision `seq`. None when it does not: then the state was another one.
#[must_use]
pub fn replay(state: &mut State, input: &Input, seq: i64) -> Option<Replayed> {
    let mut work = Work::new(state);
    work.watch = Some(Watch { seq, moment: None });
    let answer = work.input(input);
    let moment = work.watch.take().and_then(|w| w.moment);
    let outcome = work.finish(vec![(input.seq, answer)]);
    let decision = outcome.decisions.into_iter().find(|d| d.seq == seq)?;
    let everybody = moment.and_then(|moment| everybody(&moment, &decision));
    Some(Replayed { decision, everybody })
}

/// The verdict on each member; none when they do not add up to the funnel.
fn everybody(moment: &Moment, decision: &Decision) -> Option<Vec<Verdict>> {
    if decision.funnel.members == 0 {
        return None;
    }
    // Asked for as it waits from now on, as it was, or, at the end of a round, as if only its owner had had it.
    let Moment { rows, before, after } = moment;
    let waits = (after.place == Place::Waiting).then(|| after.clone());
    let mut missed: Vec<AgentId> = before.missed.iter().copied().chain(before.owner).collect();
    missed.sort_unstable();
    missed.dedup();
    let fresh = before.owner.into_iter().collect();
    let ways = waits
        .into_iter()
        .chain([missed, fresh].map(|missed| asked(before, missed)));
    ways.map(|conv| verdicts(rows, &conv, decision.funnel.chosen))
        .find(|list| adds_up(list, &decision.funnel))
}

/// A conversation as if it waited for somebody who has not missed it.
fn asked(conv: &ConvRow, missed: Vec<AgentId>) -> ConvRow {
    ConvRow {
        place: Place::Waiting,
        owner: None,
        phase: None,
        rotate_at: None,
        missed,
        keep: ConvKeep {
            overdue: false,
            guarded: false,
            ..conv.keep.clone()
        },
        ..conv.clone()
    }
}

/// One agent at a time in a world that is otherwise the same, so that the rules are asked and not written again.
fn verdicts(rows: &Rows, conv: &ConvRow, chosen: Option<AgentId>) -> Vec<Verdict> {
    let mut list = Vec::new();
    for agent in &rows.agents {
        let held = rows
            .convs
            .iter()
            .filter(|c| c.owner == Some(agent.agent) && c.conv != conv.conv);
        // The load is counted again: what they hold comes with them.
        let alone = State::from_rows(Rows {
            head: rows.head,
            policy: rows.policy.clone(),
            policies: rows.policies.clone(),
            hours: rows.hours.clone(),
            pauses: rows.pauses.clone(),
            groups: rows.groups.clone(),
            agents: vec![agent.clone()],
            convs: held.cloned().chain([conv.clone()]).collect(),
        });
        let funnel = why_waiting(&alone, conv.conv);
        let Some(lost) = funnel.lost.first().filter(|_| funnel.members == 1) else {
            continue;
        };
        list.push(Verdict {
            agent: agent.agent,
            reject: (chosen != Some(agent.agent)).then_some(lost.reason),
            load: agent.load,
            limit: alone.limit_in(agent.agent, conv.group),
            last_assigned_at: agent.keep.last_assigned_at,
        });
    }
    list
}

fn adds_up(list: &[Verdict], funnel: &Funnel) -> bool {
    let members = usize::try_from(funnel.members) == Ok(list.len());
    let counts = funnel.lost.iter().all(|lost| {
        let here = list.iter().filter(|v| v.reject == Some(lost.reason)).count();
        usize::try_from(lost.count) == Ok(here)
    });
    members && counts && list.iter().filter(|v| v.reject.is_none()).count() == usize::from(funnel.chosen.is_some())
}
