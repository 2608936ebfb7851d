//! A small language for scenes: a workspace, people, conversations, and what is true afterwards. Times are seconds.

use ronda_domain::conversation::{CloseReason, Place};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, Ms};
use ronda_routing::{
    Act, AgentRow, Answer, Arrival, ConvRow, Decision, Epoch, Fact, Input, Outcome, Policy, PolicyScope, Presence,
    Profile, RampRule, Reach, Rows, State, Target, check,
};

pub const fn a(n: i64) -> AgentId {
    AgentId(n)
}

pub const fn c(n: i64) -> ConversationId {
    ConversationId(n)
}

pub const fn g(n: i64) -> GroupId {
    GroupId(n)
}

pub const WEB: ChannelAccountId = ChannelAccountId(1);

/// A policy without pacing and strikes, so that a scene about something else is not slowed down by them.
pub fn unpaced(policy: Policy) -> Policy {
    Policy {
        ramp: RampRule {
            initial: 0,
            interval_seconds: 0,
        },
        strikes: 0,
        ..policy
    }
}

pub fn sales() -> Policy {
    unpaced(Policy::sales())
}

pub fn support() -> Policy {
    unpaced(Policy::support())
}

/// A workspace under test. Every step is followed by a check of the invariants that are predicates of a state.
pub struct Scene {
    pub state: State,
    pub now: i64,
    pub seq: i64,
    /// What the last step did.
    pub last: Outcome,
    /// Every decision so far.
    pub log: Vec<Decision>,
}

impl Scene {
    pub fn new(policy: Policy) -> Self {
        let rows = Rows {
            head: ronda_routing::Head::default(),
            policy,
            policies: Vec::new(),
            hours: Vec::new(),
            pauses: Vec::new(),
            groups: Vec::new(),
            agents: Vec::new(),
            convs: Vec::new(),
        };
        let state = State::from_rows(rows);
        Self {
            state,
            now: 0,
            seq: 0,
            last: Outcome::default(),
            log: Vec::new(),
        }
    }

    /// With agents 1 to `n`, online.
    pub fn with(policy: Policy, n: i64) -> Self {
        let mut scene = Self::new(policy);
        for agent in 1..=n {
            scene.hire(agent);
        }
        scene
    }

    pub fn step(&mut self, fact: Fact) -> Answer {
        self.seq += 1;
        let input = Input {
            seq: self.seq,
            at: Ms(self.now * 1_000),
            fact,
        };
        let before = self.state.clone();
        let outcome = ronda_routing::step(&mut self.state, &input);
        check(&self.state).unwrap_or_else(|v| panic!("{v:?} after {input:?}"));
        let mut back = self.state.clone();
        back.revert(&outcome);
        assert_eq!(back.rows(), before.rows(), "reverting restores the rows");
        assert_eq!(
            back.hash_with_head(),
            before.hash_with_head(),
            "reverting restores the hash"
        );
        check(&back).unwrap_or_else(|v| panic!("{v:?} after reverting {input:?}"));
        for decision in &outcome.decisions {
            assert!(decision.funnel.adds_up(), "{decision:?}");
        }
        self.log.extend(outcome.decisions.iter().cloned());
        let answer = outcome.results[0].1.clone();
        self.last = outcome;
        answer
    }

    /// Lets time pass to `second`, with a tick at every due instant, as the shell does.
    pub fn at(&mut self, second: i64) -> &mut Self {
        while let Some(due) = self.state.next_due().filter(|d| d.0 <= second * 1_000) {
            self.now = self.now.max((due.0 + 999) / 1_000);
            self.step(Fact::Tick);
        }
        if self.now < second {
            self.now = second;
            self.step(Fact::Tick);
        }
        self
    }

    pub fn hire(&mut self, agent: i64) {
        self.edit(agent, &[], None);
        self.presence(agent, Presence::Online);
    }

    pub fn edit(&mut self, agent: i64, groups: &[i64], limit: Option<u32>) {
        let groups = groups.iter().map(|n| g(*n)).collect();
        self.profile(
            agent,
            Profile {
                active: true,
                groups,
                channels: None,
                limit,
                ..Profile::default()
            },
        );
    }

    pub fn profile(&mut self, agent: i64, profile: Profile) {
        self.step(Fact::AgentEdited {
            agent: a(agent),
            profile,
        });
    }

    pub fn group(&mut self, group: i64, default: bool) {
        self.step(Fact::GroupSet {
            group: g(group),
            live: true,
            default,
            heir: None,
            overflow: None,
            overflow_seconds: None,
        });
    }

    pub fn presence(&mut self, agent: i64, now: Presence) {
        let since = Ms(self.now * 1_000);
        self.step(Fact::Presence {
            agent: a(agent),
            now,
            since,
        });
    }

    pub fn policy(&mut self, change: impl FnOnce(&mut Policy)) {
        self.policy_reaching(Reach::NewOnly, change);
    }

    pub fn policy_reaching(&mut self, reach: Reach, change: impl FnOnce(&mut Policy)) {
        let mut policy = self.state.policy().clone();
        policy.version += 1;
        change(&mut policy);
        self.step(Fact::PolicySet {
            scope: PolicyScope::Workspace,
            policy: Some(Box::new(policy)),
            reach,
        });
    }

    pub fn arrival(&self, conv: i64) -> Arrival {
        Arrival {
            anchor: Some(Ms(self.now * 1_000)),
            ..Arrival::of(CustomerId(conv), WEB, Epoch(1))
        }
    }

    /// A conversation arrives whose customer wrote now.
    pub fn arrive(&mut self, conv: i64) -> Answer {
        self.arrive_with(conv, |_| {})
    }

    pub fn arrive_with(&mut self, conv: i64, change: impl FnOnce(&mut Arrival)) -> Answer {
        let mut arrival = self.arrival(conv);
        change(&mut arrival);
        self.step(Fact::HandedOff { conv: c(conv), arrival })
    }

    pub fn arrive_in(&mut self, conv: i64, group: i64) -> Answer {
        self.arrive_with(conv, |x| x.group = Some(g(group)))
    }

    pub fn customer(&mut self, conv: i64) -> Answer {
        let at = Ms(self.now * 1_000);
        self.step(Fact::CustomerSaid {
            conv: c(conv),
            at,
            window_ends: None,
        })
    }

    /// Its owner answers.
    pub fn answer(&mut self, conv: i64) -> Answer {
        let (agent, seen) = (self.row(conv).owner.expect("somebody holds it"), self.row(conv).epoch);
        self.step(Fact::AgentSaid {
            conv: c(conv),
            agent,
            seen,
        })
    }

    pub fn typing(&mut self, conv: i64) -> Answer {
        let agent = self.row(conv).owner.expect("somebody holds it");
        self.step(Fact::Typing { conv: c(conv), agent })
    }

    pub fn take(&mut self, conv: i64, agent: i64) -> Answer {
        self.take_seeing(conv, agent, None)
    }

    pub fn take_seeing(&mut self, conv: i64, agent: i64, seen: Option<i64>) -> Answer {
        self.step(Fact::Taken {
            conv: c(conv),
            agent: a(agent),
            seen: seen.map(Epoch),
            take_over: false,
            may_exceed: true,
            arrival: None,
        })
    }

    /// Whoever holds it.
    pub fn take_over(&mut self, conv: i64, agent: i64) -> Answer {
        self.step(Fact::Taken {
            conv: c(conv),
            agent: a(agent),
            seen: None,
            take_over: true,
            may_exceed: true,
            arrival: None,
        })
    }

    pub fn transfer(&mut self, conv: i64, by: i64, to: Target) -> Answer {
        self.transfer_with(conv, by, to, None, false)
    }

    pub fn transfer_with(&mut self, conv: i64, by: i64, to: Target, until: Option<i64>, manage_others: bool) -> Answer {
        self.step(Fact::Transferred {
            conv: c(conv),
            by: a(by),
            to,
            seen: None,
            deferred_until: until.map(|s| Ms(s * 1_000)),
            needs: None,
            manage_others,
            may_exceed: true,
            return_unanswered: false,
            arrival: None,
        })
    }

    /// A transfer that comes back when it is not answered.
    pub fn lend(&mut self, conv: i64, by: i64, to: i64) -> Answer {
        self.step(Fact::Transferred {
            conv: c(conv),
            by: a(by),
            to: Target::Agent(a(to)),
            seen: None,
            deferred_until: None,
            needs: None,
            manage_others: false,
            may_exceed: true,
            return_unanswered: true,
            arrival: None,
        })
    }

    pub fn close(&mut self, conv: i64) -> Answer {
        let by = self.state.conv(c(conv)).and_then(|r| r.owner);
        self.step(Fact::Closed {
            conv: c(conv),
            by,
            seen: None,
            reason: CloseReason::Agent,
            arrival: None,
        })
    }

    pub fn row(&self, conv: i64) -> &ConvRow {
        self.state.conv(c(conv)).expect("the conversation is live")
    }

    pub fn agent(&self, agent: i64) -> &AgentRow {
        self.state.agent(a(agent)).expect("the agent is known")
    }

    /// The number of the owner; 0 when it waits, -1 when it left.
    pub fn owner(&self, conv: i64) -> i64 {
        match self.state.conv(c(conv)) {
            Some(row) => row.owner.map_or(0, |o| o.0),
            None => -1,
        }
    }

    pub fn load(&self, agent: i64) -> u32 {
        self.agent(agent).load
    }

    /// Seconds at which the clock of a conversation ends.
    pub fn deadline(&self, conv: i64) -> Option<i64> {
        self.row(conv).rotate_at.map(|at| at.0 / 1_000)
    }

    pub fn waits(&self, conv: i64) -> bool {
        self.row(conv).place == Place::Waiting
    }

    /// What was decided about a conversation, in order.
    pub fn acts(&self, conv: i64) -> Vec<Act> {
        self.log
            .iter()
            .filter(|d| d.conversation == Some(c(conv)))
            .map(|d| d.act)
            .collect()
    }

    pub fn decision(&self, conv: i64, act: Act) -> &Decision {
        let found = self
            .log
            .iter()
            .rev()
            .find(|d| d.conversation == Some(c(conv)) && d.act == act);
        found.unwrap_or_else(|| panic!("no {act:?} of {conv} in {:?}", self.acts(conv)))
    }
}
