//! What a policy would do before it is saved.
use crate::decision::{Act, Funnel, Reject};
use crate::fact::{Fact, Input, Reach};
use crate::policy::{Finding, FindingCode, Policy, Severity};
use crate::state::State;
use ronda_domain::ConversationId;
use ronda_domain::conversation::Place;
use serde::{Deserialize, Serialize};

/// The answer to "what if this policy were saved now?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Agents who could receive, not counting pacing and capacity.
    pub eligible: u32,
    /// All agents, and why the others could not receive.
    pub funnel: Funnel,
    /// Conversations that would be assigned at once.
    pub moves: u32,
    pub findings: Vec<Finding>,
    /// Waiting conversations that are too old to be assigned when this is switched on (row 70), oldest first; at most
    /// [`LISTED`].
    #[serde(default)]
    pub set_aside: Vec<ConversationId>,
}

/// Conversations listed in a preview.
pub const LISTED: usize = 100;

/// Judges `policy` against the state, without changing it.
#[must_use]
pub fn preview(state: &State, policy: &Policy) -> Preview {
    let mut findings = policy.validate(&state.world());
    let threshold = state.head.at.plus(-i64::from(policy.max_backlog_age_seconds) * 1_000);
    let waiting = state.convs.values().filter(|c| c.place == Place::Waiting);
    let since = waiting.map(|c| (c.anchor.or(c.waiting_since).unwrap_or_default(), c.conv));
    let mut old: Vec<_> = since.filter(|(since, _)| *since < threshold).collect();
    old.sort_unstable();
    if !old.is_empty() && policy.enabled {
        let count = u32::try_from(old.len()).unwrap_or(u32::MAX);
        findings.push(Finding {
            code: FindingCode::OldBacklog,
            severity: Severity::Warning,
            count,
            moves: None,
        });
    }
    let what_if = Policy {
        version: state.policy.version.saturating_add(1),
        ..policy.clone()
    };
    let mut copy = state.clone();
    let fact = Fact::PolicySet {
        scope: crate::fact::PolicyScope::Workspace,
        policy: Some(Box::new(what_if)),
        reach: Reach::NewOnly,
    };
    let input = Input {
        seq: copy.head.input_seq.saturating_add(1),
        at: copy.head.at,
        fact,
    };
    let outcome = crate::step(&mut copy, &input);
    let moves = outcome
        .decisions
        .iter()
        .filter(|d| matches!(d.act, Act::Assign | Act::Rotate))
        .count();
    let funnel = copy.index.everybody(&copy.rules());
    let out = [Reject::Inactive, Reject::Excluded, Reject::NotOnline];
    let lost: u32 = funnel
        .lost
        .iter()
        .filter(|l| out.contains(&l.reason))
        .map(|l| l.count)
        .sum();
    Preview {
        eligible: funnel.members.saturating_sub(lost),
        funnel,
        moves: u32::try_from(moves).unwrap_or(u32::MAX),
        findings,
        set_aside: if policy.enabled && !state.policy.enabled {
            old.into_iter().take(LISTED).map(|(_, conv)| conv).collect()
        } else {
            Vec::new()
        },
    }
}
