//! A workspace on two nodes, as small as it can be and still go wrong: the rows of a database, planners that hold a copy
//! of them, and messages on their way. The engine that plans is the real one; commits are guarded as the shell's are.

use ronda_domain::conversation::{CloseReason, Place};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, Ms};
use ronda_routing::{
    Act, Affinity, AgentKeep, AgentRow, Arrival, ConvRow, Epoch, Fact, Head, Input, Policy, Presence, RampRule, Rows,
    State, run,
};
use std::hash::{DefaultHasher, Hash, Hasher};

pub const AGENTS: i64 = 2;
/// What one agent may hold.
pub const CAP: u32 = 1;

/// One chat at a time, whoever is there, a minute to answer, one round.
pub fn policy() -> Policy {
    Policy {
        limit: Some(CAP),
        rounds: 1,
        strikes: 0,
        ramp: RampRule {
            initial: 0,
            interval_seconds: 0,
        },
        affinity: Affinity {
            enabled: false,
            ..Affinity::default()
        },
        version: 1,
        ..Policy::sales()
    }
}

/// Which checks a commit makes. The shell makes all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// The head is where it was when the plan was made.
    pub head: bool,
    /// The lease is the one the plan was made under.
    pub lease: bool,
    /// Each conversation has the epoch, and owes what it owed, when the plan was made.
    pub epoch: bool,
    /// No load grows above what the plan allowed.
    pub capacity: bool,
}

pub const ALL: Guards = Guards {
    head: true,
    lease: true,
    epoch: true,
    capacity: true,
};

/// How often each thing may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    pub chats: u8,
    pub takes: u8,
    pub closes: u8,
    pub replies: u8,
    /// Deadlines that pass.
    pub passes: u8,
    /// Leases taken, the first included. A lease may go at any moment: its holder was paused.
    pub leases: u8,
    pub crashes: u8,
    /// Messages that arrive once more.
    pub repeats: u8,
}

/// What somebody sent. It waits in the database, and is planned in any order: some are late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Said {
    Born(i64),
    Take { conv: i64, agent: i64, seen: i64 },
    Close { conv: i64, by: i64, seen: i64 },
    Reply { conv: i64, agent: i64, seen: i64 },
}

impl Said {
    /// The conversation, and the epoch its sender had seen.
    const fn about(self) -> (i64, Option<i64>) {
        match self {
            Self::Born(conv) => (conv, None),
            Self::Take { conv, seen, .. } | Self::Close { conv, seen, .. } | Self::Reply { conv, seen, .. } => {
                (conv, Some(seen))
            }
        }
    }

    fn fact(self, born_at: impl Fn(i64) -> Ms) -> Fact {
        match self {
            Self::Born(conv) => Fact::HandedOff {
                conv: ConversationId(conv),
                arrival: Arrival {
                    anchor: Some(born_at(conv)),
                    ..Arrival::of(CustomerId(conv), ChannelAccountId(1), Epoch(1))
                },
            },
            Self::Take { conv, agent, seen } => Fact::Taken {
                conv: ConversationId(conv),
                agent: AgentId(agent),
                seen: Some(Epoch(seen)),
                take_over: true,
                may_exceed: false,
                arrival: None,
            },
            Self::Close { conv, by, seen } => Fact::Closed {
                conv: ConversationId(conv),
                by: Some(AgentId(by)),
                seen: Some(Epoch(seen)),
                reason: CloseReason::Agent,
                arrival: None,
            },
            Self::Reply { conv, agent, seen } => Fact::AgentSaid {
                conv: ConversationId(conv),
                agent: AgentId(agent),
                seen: Epoch(seen),
            },
        }
    }
}

/// The rows that planners read and write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Table {
    pub head: Head,
    /// Waiting and held, by id.
    pub convs: Vec<ConvRow>,
    pub agents: Vec<AgentRow>,
}

impl Table {
    fn state(&self) -> State {
        State::from_rows(Rows {
            head: self.head,
            policy: policy(),
            policies: Vec::new(),
            hours: Vec::new(),
            pauses: Vec::new(),
            groups: Vec::new(),
            agents: self.agents.clone(),
            convs: self.convs.clone(),
        })
    }

    fn of(state: &State) -> Self {
        let rows = state.rows();
        Self {
            head: rows.head,
            convs: rows.convs,
            agents: rows.agents,
        }
    }

    pub fn conv(&self, id: i64) -> Option<&ConvRow> {
        self.convs.iter().find(|c| c.conv.0 == id)
    }
}

/// A plan that is not committed yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// None when time alone was due.
    of: Option<Said>,
    lease: u8,
    seen: Head,
    after: Table,
    convs: Vec<(Epoch, Option<Ms>, ConvRow)>,
    loads: Vec<(AgentId, i64, i64, i64, AgentKeep)>,
    /// What the dispatcher gave to whom.
    given: Vec<(i64, AgentId)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Node {
    /// The lease it believes to have; 0 for none.
    pub lease: u8,
    pub memory: Option<Table>,
    pub plan: Option<Plan>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub now: Ms,
    pub rows: Table,
    pub lease: u8,
    /// Sent and not planned, ascending.
    pub inputs: Vec<Said>,
    /// What was ever sent; kept while something may be repeated.
    sent: Vec<Said>,
    pub nodes: [Node; 2],
    pub left: Budget,
    pub born: u8,
    /// Closed, with the epoch they had.
    pub closed: Vec<(i64, i64)>,
    /// The first thing a commit did that it must never do.
    pub broken: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Arrive,
    Send(Said),
    Repeat(Said),
    /// Time goes on to the next deadline.
    Pass,
    Lease(usize),
    Plan(usize, Said),
    Tick(usize),
    Commit(usize),
    Crash(usize),
}

impl World {
    pub fn new(left: Budget) -> Self {
        let agents = (1..=AGENTS).map(|id| {
            let mut row = AgentRow::new(AgentId(id));
            row.active = true;
            row.keep.presence = Presence::Online;
            row
        });
        Self {
            now: Ms(0),
            rows: Table {
                agents: agents.collect(),
                ..Table::default()
            },
            lease: 0,
            inputs: Vec::new(),
            sent: Vec::new(),
            nodes: [Node::default(), Node::default()],
            left,
            born: 0,
            closed: Vec::new(),
            broken: None,
        }
    }

    /// When conversation `conv` arrived: a second after the one before.
    const fn born_at(conv: i64) -> Ms {
        Ms(conv)
    }

    pub fn actions(&self) -> Vec<Action> {
        let mut all = Vec::new();
        if self.left.chats > 0 {
            all.push(Action::Arrive);
        }
        for c in &self.rows.convs {
            let (conv, seen) = (c.conv.0, c.epoch.0);
            if self.left.takes > 0 {
                let others = (1..=AGENTS).filter(|a| c.owner != Some(AgentId(*a)));
                all.extend(others.map(|agent| Action::Send(Said::Take { conv, agent, seen })));
            }
            let Some(AgentId(owner)) = c.owner else { continue };
            if self.left.closes > 0 {
                all.push(Action::Send(Said::Close { conv, by: owner, seen }));
            }
            if self.left.replies > 0 && c.anchor.is_some() {
                all.push(Action::Send(Said::Reply {
                    conv,
                    agent: owner,
                    seen,
                }));
            }
        }
        if self.left.repeats > 0 {
            all.extend(self.sent.iter().map(|said| Action::Repeat(*said)));
        }
        if self.left.passes > 0 && self.next_deadline().is_some() {
            all.push(Action::Pass);
        }
        for (n, node) in self.nodes.iter().enumerate() {
            if self.left.crashes > 0 && node.lease > 0 {
                all.push(Action::Crash(n));
            }
            match (&node.plan, &node.memory) {
                (Some(_), _) => all.push(Action::Commit(n)),
                (None, memory) => {
                    if self.left.leases > 0 {
                        all.push(Action::Lease(n));
                    }
                    let Some(memory) = memory else { continue };
                    let mut planned: Vec<Said> = self.inputs.clone();
                    planned.dedup();
                    all.extend(planned.into_iter().map(|said| Action::Plan(n, said)));
                    if memory
                        .convs
                        .iter()
                        .any(|c| c.rotate_at.is_some_and(|at| at <= self.now))
                    {
                        all.push(Action::Tick(n));
                    }
                }
            }
        }
        all
    }

    fn next_deadline(&self) -> Option<Ms> {
        let all = self.rows.convs.iter().filter_map(|c| c.rotate_at);
        all.filter(|at| *at > self.now).min()
    }

    pub fn after(&self, action: Action, guards: Guards) -> Self {
        let mut next = self.clone();
        next.perform(action, guards);
        // It is nobody's business which of the two is called the first.
        next.nodes.sort_by_key(|node| {
            let mut hasher = DefaultHasher::new();
            node.hash(&mut hasher);
            hasher.finish()
        });
        next
    }

    fn perform(&mut self, action: Action, guards: Guards) {
        match action {
            Action::Arrive => {
                self.left.chats -= 1;
                self.born += 1;
                let conv = i64::from(self.born);
                // Receiving writes the row and tells the planner, in one transaction.
                let arrived = State::from_rows(Rows {
                    head: Head::default(),
                    policy: Policy {
                        enabled: false,
                        ..policy()
                    },
                    policies: Vec::new(),
                    hours: Vec::new(),
                    pauses: Vec::new(),
                    groups: Vec::new(),
                    agents: Vec::new(),
                    convs: Vec::new(),
                });
                let input = Input {
                    seq: 1,
                    at: self.now,
                    fact: Said::Born(conv).fact(Self::born_at),
                };
                let (state, _) = ronda_routing::plan(&arrived, &[input]);
                let mut rows = Table::of(&state).convs;
                for row in &mut rows {
                    row.epoch = Epoch(1);
                }
                self.rows.convs.extend(rows);
                self.hand_in(Said::Born(conv));
            }
            Action::Send(said) => {
                match said {
                    Said::Take { .. } => self.left.takes -= 1,
                    Said::Close { .. } => self.left.closes -= 1,
                    Said::Reply { conv, .. } => {
                        self.left.replies -= 1;
                        if let Some(row) = self.rows.convs.iter_mut().find(|c| c.conv.0 == conv) {
                            row.anchor = None;
                        }
                    }
                    Said::Born(_) => {}
                }
                self.hand_in(said);
            }
            Action::Repeat(said) => {
                self.left.repeats -= 1;
                self.hand_in(said);
                if self.left.repeats == 0 {
                    self.sent.clear();
                }
            }
            Action::Pass => {
                self.left.passes -= 1;
                self.now = self.next_deadline().unwrap_or(self.now);
            }
            Action::Lease(n) => {
                self.left.leases -= 1;
                self.lease += 1;
                self.nodes[n].lease = self.lease;
                self.load(n);
            }
            Action::Plan(n, said) => self.plan(n, Some(said)),
            Action::Tick(n) => self.plan(n, None),
            Action::Commit(n) => self.commit(n, guards),
            Action::Crash(n) => {
                self.left.crashes -= 1;
                self.nodes[n] = Node::default();
            }
        }
    }

    fn hand_in(&mut self, said: Said) {
        self.inputs.push(said);
        self.inputs.sort_unstable();
        if self.left.repeats > 0 && !self.sent.contains(&said) {
            self.sent.push(said);
            self.sent.sort_unstable();
        }
    }

    fn load(&mut self, n: usize) {
        self.nodes[n].memory = Some(Table::of(&self.rows.state()));
    }

    fn plan(&mut self, n: usize, of: Option<Said>) {
        let (now, node) = (self.now, &mut self.nodes[n]);
        let Some(memory) = &node.memory else { return };
        let mut state = memory.state();
        let input = Input {
            seq: memory.head.input_seq + 1,
            at: now,
            fact: of.map_or(Fact::Tick, |said| said.fact(Self::born_at)),
        };
        let outcome = run(&mut state, &[input]);
        let given = outcome.decisions.iter().filter(|d| d.act == Act::Assign);
        node.plan = Some(Plan {
            of,
            lease: node.lease,
            seen: memory.head,
            given: given.filter_map(|d| Some((d.conversation?.0, d.to?))).collect(),
            convs: outcome
                .convs
                .iter()
                .map(|c| (c.seen, c.rotation, c.row.clone()))
                .collect(),
            loads: outcome
                .agents
                .iter()
                .map(|a| (a.row.agent, a.delta, a.guard, a.row.stamp, a.row.keep.clone()))
                .collect(),
            after: Table::of(&state),
        });
    }

    fn commit(&mut self, n: usize, guards: Guards) {
        let Some(plan) = self.nodes[n].plan.take() else { return };
        if !self.passes(&plan, guards) {
            // Begin again from the rows; whose lease is another's begins when it gets one.
            if plan.lease == self.lease || !guards.lease {
                self.load(n);
            } else {
                self.nodes[n] = Node::default();
            }
            return;
        }
        self.judge(&plan);
        if let Some(said) = plan.of
            && let Some(at) = self.inputs.iter().position(|i| *i == said)
        {
            self.inputs.remove(at);
        }
        self.rows.head = plan.after.head;
        for (_, _, row) in &plan.convs {
            let id = row.conv;
            let known = self.rows.convs.iter().find(|c| c.conv == id);
            // What the customer is owed is not the planner's to write.
            let anchor = known.map_or(row.anchor, |c| c.anchor);
            self.rows.convs.retain(|c| c.conv != id);
            if matches!(row.place, Place::Held | Place::Waiting) {
                self.rows.convs.push(ConvRow { anchor, ..row.clone() });
            } else {
                self.closed.push((id.0, row.epoch.0));
            }
        }
        self.rows.convs.sort_unstable_by_key(|c| c.conv);
        for (agent, delta, _, stamp, keep) in plan.loads {
            if let Some(row) = self.rows.agents.iter_mut().find(|a| a.agent == agent) {
                row.load = u32::try_from((i64::from(row.load) + delta).max(0)).unwrap_or(0);
                row.stamp = stamp;
                row.keep = keep;
            }
        }
        self.overtaken(&plan.given);
        self.nodes[n].memory = Some(plan.after);
    }

    fn passes(&self, plan: &Plan, guards: Guards) -> bool {
        let head = (self.rows.head.decision_seq, self.rows.head.input_seq);
        if guards.head && head != (plan.seen.decision_seq, plan.seen.input_seq) {
            return false;
        }
        if guards.lease && plan.lease != self.lease {
            return false;
        }
        if plan.of.is_some_and(|said| !self.inputs.contains(&said)) {
            return false;
        }
        let fresh = plan.convs.iter().all(|(seen, rotation, row)| {
            let known = self.rows.convs.iter().find(|c| c.conv == row.conv);
            known.is_some_and(|c| c.epoch == *seen && rotation.is_none_or(|owed| c.anchor == Some(owed)))
        });
        if guards.epoch && !fresh {
            return false;
        }
        let fits = plan.loads.iter().all(|(agent, delta, guard, ..)| {
            let load = self
                .rows
                .agents
                .iter()
                .find(|a| a.agent == *agent)
                .map_or(0, |a| a.load);
            *delta <= 0 || i64::from(load) + delta <= *guard
        });
        !guards.capacity || fits
    }

    /// What must never be committed: under an old lease (S16), without the epoch growing (S9), or for somebody who had
    /// seen another epoch (S9).
    fn judge(&mut self, plan: &Plan) {
        if plan.lease < self.lease {
            self.broken.get_or_insert("S16");
        }
        for (_, rotation, row) in &plan.convs {
            let id = row.conv.0;
            let closed = self.closed.iter().find(|(c, _)| *c == id);
            let Some(known) = self.rows.conv(id) else {
                if closed.is_some() {
                    self.broken.get_or_insert("S9");
                }
                continue;
            };
            let moved = (known.place, known.owner, known.group) != (row.place, row.owner, row.group);
            if row.epoch < known.epoch || (moved && row.epoch == known.epoch) {
                self.broken.get_or_insert("S9");
            }
            let late = plan.of.is_some_and(|said| {
                let (conv, seen) = said.about();
                conv == id && seen.is_some_and(|seen| seen < known.epoch.0)
            });
            // Its clock or the dispatcher may move it in the same step.
            let by_itself = rotation.is_some() || plan.given.iter().any(|(conv, _)| *conv == id);
            if late && moved && !by_itself {
                self.broken.get_or_insert("S9");
            }
        }
    }

    /// L2: who arrived later is never served before an older one that the same agent could have had.
    fn overtaken(&mut self, given: &[(i64, AgentId)]) {
        for (conv, agent) in given {
            let older = self.rows.convs.iter().any(|c| {
                c.place == Place::Waiting
                    && !c.exhausted
                    && c.conv.0 < *conv
                    && !c.missed.contains(agent)
                    && !self.inputs.contains(&Said::Born(c.conv.0))
            });
            if older {
                self.broken.get_or_insert("L2");
            }
        }
    }

    /// Nothing is on its way, nothing is due, nobody is about to write.
    pub fn quiet(&self) -> bool {
        let due = self
            .rows
            .convs
            .iter()
            .any(|c| c.rotate_at.is_some_and(|at| at <= self.now));
        self.inputs.is_empty() && !due && self.nodes.iter().all(|n| n.plan.is_none())
    }
}
