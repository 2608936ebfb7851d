//! Routing tests that administrators write: given these agents and this chat, it must go to Ana, to somebody of Sales, or
//! wait because nobody may have it. They stand with the policy and are run with the real engine before it is put in force.

use ronda_domain::conversation::{Phase, Place};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, Ms};
use ronda_routing::{
    AgentKeep, AgentRow, Arrival, ConvKeep, ConvRow, Epoch, Fact, GroupRow, Head, Input, Origin, Policy, Presence,
    Reject, Rows, State, step, why_waiting,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most tests of a policy.
pub const MOST_TESTS: usize = 50;
/// Most agents of a test.
pub const MOST_AGENTS: usize = 50;
/// Longest name of a test, in characters.
pub const LONGEST_NAME: usize = 120;
/// Most chats an agent of a test may hold.
pub const MOST_LOAD: u32 = 200;

/// An agent as the test supposes them. Earlier ones had their last turn longer ago.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenAgent {
    pub agent: AgentId,
    pub presence: Presence,
    /// Chats they hold, all answered.
    #[serde(default)]
    pub load: u32,
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// Their own limit.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// The chat that arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenChat {
    /// None asks anybody.
    #[serde(default)]
    pub group: Option<GroupId>,
    #[serde(default)]
    pub channel: Option<ChannelAccountId>,
    /// The agent it is preferred for: affinity.
    #[serde(default)]
    pub prefer: Option<AgentId>,
    /// Head start in the queue, in minutes.
    #[serde(default)]
    pub priority_minutes: u32,
}

/// What must come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Expected {
    /// This agent has it.
    Agent { agent: AgentId },
    /// A member of this group has it.
    Group { group: GroupId },
    /// It waits; with a reason, at least one agent must be out for it.
    Waits {
        #[serde(default)]
        because: Option<Reject>,
    },
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub agents: Vec<GivenAgent>,
    #[serde(default)]
    pub chat: GivenChat,
    pub expect: Expected,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub name: String,
    pub passed: bool,
    /// Who has it; none when it waits.
    pub agent: Option<AgentId>,
    /// Why agents did not get it, with how many.
    pub lost: Vec<(Reject, u32)>,
}

/// The policy a group of conversations is under.
pub trait Policies {
    /// That of a group, or of conversations without one.
    fn of(&self, group: Option<GroupId>) -> Policy;
}

impl Policies for Policy {
    fn of(&self, _: Option<GroupId>) -> Policy {
        self.clone()
    }
}

/// Runs a test against the policies.
#[must_use]
pub fn judge(case: &Case, policies: &dyn Policies) -> Verdict {
    const NOW: Ms = Ms(Ms::DAY);
    const CHAT: ConversationId = ConversationId(1);
    let groups: BTreeSet<GroupId> = case
        .agents
        .iter()
        .flat_map(|a| a.groups.iter().copied())
        .chain(case.chat.group)
        .chain(match case.expect {
            Expected::Group { group } => Some(group),
            _ => None,
        })
        .collect();
    let mut next = CHAT.0;
    let mut convs = Vec::new();
    let mut agents = Vec::new();
    for (turn, given) in (1..).zip(&case.agents) {
        agents.push(AgentRow {
            active: true,
            groups: given.groups.clone(),
            limit: given.limit,
            stamp: turn,
            keep: AgentKeep {
                presence: given.presence,
                ..AgentKeep::default()
            },
            ..AgentRow::new(given.agent)
        });
        for _ in 0..given.load.min(MOST_LOAD) {
            next += 1;
            convs.push(held(ConversationId(next), given.agent, NOW));
        }
    }
    agents.sort_unstable_by_key(|a| a.agent);
    agents.dedup_by_key(|a| a.agent);
    let rows = Rows {
        head: Head {
            at: NOW,
            stamp: i64::try_from(case.agents.len()).unwrap_or(i64::MAX),
            ..Head::default()
        },
        policy: policies.of(case.chat.group),
        policies: Vec::new(),
        hours: Vec::new(),
        pauses: Vec::new(),
        groups: groups.into_iter().map(|group| GroupRow::new(group, false)).collect(),
        agents,
        convs,
    };
    let mut state = State::from_rows(rows);
    let fact = Fact::HandedOff {
        conv: CHAT,
        arrival: Arrival {
            group: case.chat.group,
            anchor: Some(NOW),
            prefer: case.chat.prefer,
            priority_minutes: case.chat.priority_minutes,
            ..Arrival::of(
                CustomerId(1),
                case.chat.channel.unwrap_or(ChannelAccountId(1)),
                Epoch(1),
            )
        },
    };
    step(&mut state, &Input { seq: 1, at: NOW, fact });
    let agent = state.conv(CHAT).and_then(|c| c.owner);
    let lost: Vec<(Reject, u32)> = match agent {
        Some(_) => Vec::new(),
        None => {
            let funnel = why_waiting(&state, CHAT);
            funnel.lost.iter().map(|l| (l.reason, l.count)).collect()
        }
    };
    let member = |group| {
        case.agents
            .iter()
            .any(|a| Some(a.agent) == agent && a.groups.contains(&group))
    };
    let passed = match &case.expect {
        Expected::Agent { agent: wanted } => agent == Some(*wanted),
        Expected::Group { group } => member(*group),
        Expected::Waits { because } => {
            agent.is_none() && because.is_none_or(|reason| lost.iter().any(|(r, _)| *r == reason))
        }
    };
    Verdict {
        name: case.name.clone(),
        passed,
        agent,
        lost,
    }
}

/// A chat that is held and answered: nothing but load.
fn held(conv: ConversationId, owner: AgentId, now: Ms) -> ConvRow {
    ConvRow {
        conv,
        customer: CustomerId(conv.0),
        channel: ChannelAccountId(1),
        group: None,
        epoch: Epoch(1),
        place: Place::Held,
        owner: Some(owner),
        phase: Some(Phase::Answered),
        anchor: None,
        rotate_at: None,
        round: 0,
        exhausted: false,
        waiting_since: None,
        assigned_at: Some(now),
        reserved_for: None,
        reserved_until: None,
        missed: Vec::new(),
        moves: 0,
        transfers: 0,
        keep: ConvKeep {
            origin: Some(Origin::Dispatched),
            answers: 1,
            ..ConvKeep::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(id: i64, presence: Presence, load: u32) -> GivenAgent {
        GivenAgent {
            agent: AgentId(id),
            presence,
            load,
            groups: vec![GroupId(1)],
            limit: None,
        }
    }

    fn case(agents: Vec<GivenAgent>, expect: Expected) -> Case {
        Case {
            name: "a test".into(),
            agents,
            chat: GivenChat {
                group: Some(GroupId(1)),
                ..GivenChat::default()
            },
            expect,
        }
    }

    #[test]
    fn it_goes_to_whose_turn_it_is() {
        let two = || vec![agent(2, Presence::Online, 0), agent(1, Presence::Online, 0)];
        let ana = case(two(), Expected::Agent { agent: AgentId(2) });
        assert!(
            judge(&ana, &Policy::sales()).passed,
            "the first had their turn longer ago"
        );
        let spare = case(
            vec![agent(2, Presence::Online, 3), agent(1, Presence::Online, 2)],
            Expected::Agent { agent: AgentId(1) },
        );
        assert!(judge(&spare, &Policy::support()).passed, "most spare");
        assert!(!judge(&spare, &Policy::sales()).passed, "in turn");
    }

    #[test]
    fn it_waits_for_its_reason() {
        let waits = |because| Expected::Waits { because };
        let gone = || vec![agent(1, Presence::Gone, 0), agent(2, Presence::Online, 10)];
        for (because, fine) in [
            (None, true),
            (Some(Reject::Full), true),
            (Some(Reject::NotOnline), true),
            (Some(Reject::Excluded), false),
        ] {
            let verdict = judge(&case(gone(), waits(because)), &Policy::support());
            assert_eq!(verdict.passed, fine, "{because:?}: {verdict:?}");
        }
        assert!(
            !judge(&case(gone(), waits(None)), &Policy::sales()).passed,
            "Sales gives it to anybody"
        );
    }

    #[test]
    fn the_excluded_and_other_groups_are_out() {
        let mut other = agent(3, Presence::Online, 0);
        other.groups = vec![GroupId(2)];
        let policy = Policy {
            excluded: [AgentId(1)].into(),
            ..Policy::sales()
        };
        let all = vec![agent(1, Presence::Online, 0), other, agent(2, Presence::Online, 5)];
        assert!(judge(&case(all.clone(), Expected::Group { group: GroupId(1) }), &policy).passed);
        assert!(!judge(&case(all, Expected::Group { group: GroupId(2) }), &policy).passed);
    }

    #[test]
    fn a_test_reads_as_it_is_written() {
        let text = r#"{"name":"Ventas","agents":[{"agent":1,"presence":"online"}],"chat":{"group":1},"expect":{"kind":"agent","agent":1}}"#;
        let case: Case = serde_json::from_str(text).expect("JSON");
        assert_eq!(case.agents[0].load, 0);
        assert!(serde_json::from_str::<Case>(r#"{"name":"x","agents":[],"expect":{"kind":"nonsense"}}"#).is_err());
    }
}
