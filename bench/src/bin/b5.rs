//! B5: one step of the assignment engine, with its funnel, against bare ordered sets that keep no rules and explain
//! nothing. A step closes a conversation, which frees a place that the longest waiting one gets; then another one
//! arrives and waits, so that the queue stays as long as it is.

use anyhow::{Result, ensure};
use ronda_bench::{Goal, Numbers, ROUNDS, figure, median, percentile, resident, spread};
use ronda_domain::conversation::{CloseReason, Phase, Place};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, Ms};
use ronda_routing::{
    AgentRow, Arrival, ConvKeep, ConvRow, Epoch, Fact, GroupRow, Head, Input, Origin, Policy, Presence, RampRule, Rows,
    State, step,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

const AGENTS: i64 = 10_000;
const GROUPS: i64 = 50;
const LIMIT: u32 = 10;
const STEPS: usize = 20_000;
const START: Ms = Ms(1_800_000_000_000);
const ANSWER_MS: i64 = 600_000;

/// The groups of an agent: one to three.
fn groups_of(agent: i64) -> Vec<i64> {
    let mut groups: Vec<i64> = (0..=agent % 3).map(|k| (agent * 7 + k * 11) % GROUPS + 1).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn group_of(conversation: i64) -> i64 {
    conversation * 13 % GROUPS + 1
}

/// Our engine, with every agent full.
struct Ours {
    state: State,
    held: Vec<ConversationId>,
    next: i64,
    seq: i64,
    now: Ms,
    numbers: Numbers,
}

impl Ours {
    fn new(waiting: i64) -> Self {
        let policy = Policy {
            limit: Some(LIMIT),
            ramp: RampRule {
                initial: 0,
                interval_seconds: 0,
            },
            version: 1,
            ..Policy::support()
        };
        let agents = (1..=AGENTS)
            .map(|id| {
                let mut row = AgentRow::new(AgentId(id));
                row.active = true;
                row.groups = groups_of(id).into_iter().map(GroupId).collect();
                row.load = LIMIT;
                row.stamp = id;
                row.keep.presence = Presence::Online;
                row
            })
            .collect();
        let taken = AGENTS * i64::from(LIMIT);
        let held = (1..=taken).map(|n| {
            let agent = (n - 1) % AGENTS + 1;
            let group = groups_of(agent)[0];
            ConvRow {
                place: Place::Held,
                owner: Some(AgentId(agent)),
                phase: Some(Phase::Unanswered),
                rotate_at: Some(START.plus(ANSWER_MS)),
                assigned_at: Some(START),
                waiting_since: None,
                keep: ConvKeep {
                    origin: Some(Origin::Dispatched),
                    ..ConvKeep::default()
                },
                ..waiting_row(n, group)
            }
        });
        let queue = (taken + 1..=taken + waiting).map(|n| waiting_row(n, group_of(n)));
        let state = State::from_rows(Rows {
            head: Head {
                at: START,
                stamp: AGENTS,
                ..Head::default()
            },
            policy,
            policies: Vec::new(),
            hours: Vec::new(),
            pauses: Vec::new(),
            groups: (1..=GROUPS).map(|g| GroupRow::new(GroupId(g), g == 1)).collect(),
            agents,
            convs: held.chain(queue).collect(),
        });
        Self {
            state,
            held: (1..=taken).map(ConversationId).collect(),
            next: taken + waiting + 1,
            seq: 0,
            now: START,
            numbers: Numbers::from(1),
        }
    }

    fn input(&mut self, fact: Fact) -> Input {
        self.seq += 1;
        self.now = self.now.plus(i64::from(self.seq % 4 == 0));
        Input {
            seq: self.seq,
            at: self.now,
            fact,
        }
    }

    /// Closes one and lets another one come; the nanoseconds of the two steps.
    fn turn(&mut self) -> Result<f64> {
        let at = self.numbers.below(self.held.len() as u64) as usize;
        let conv = self.held[at];
        let close = self.input(Fact::Closed {
            conv,
            by: None,
            seen: None,
            reason: CloseReason::Agent,
            arrival: None,
        });
        let new = ConversationId(self.next);
        self.next += 1;
        let arrive = self.input(Fact::HandedOff {
            conv: new,
            arrival: Arrival {
                group: Some(GroupId(group_of(new.0))),
                anchor: Some(self.now),
                ..Arrival::of(CustomerId(new.0), ChannelAccountId(1), Epoch(1))
            },
        });
        let started = Instant::now();
        let closed = step(&mut self.state, &close);
        let arrived = step(&mut self.state, &arrive);
        let nanos = started.elapsed().as_nanos() as f64;
        let given: Vec<ConversationId> = closed
            .convs
            .iter()
            .chain(&arrived.convs)
            .filter(|c| c.row.place == Place::Held && c.row.conv != conv)
            .map(|c| c.row.conv)
            .collect();
        ensure!(given.len() == 1, "a freed place is given to exactly one, not {given:?}");
        self.held[at] = given[0];
        Ok(nanos)
    }
}

fn waiting_row(n: i64, group: i64) -> ConvRow {
    ConvRow {
        conv: ConversationId(n),
        customer: CustomerId(n),
        channel: ChannelAccountId(1),
        group: Some(GroupId(group)),
        epoch: Epoch(1),
        place: Place::Waiting,
        owner: None,
        phase: None,
        anchor: Some(START),
        rotate_at: None,
        round: 0,
        exhausted: false,
        waiting_since: Some(START),
        assigned_at: None,
        reserved_for: None,
        reserved_until: None,
        missed: Vec::new(),
        moves: 0,
        transfers: 0,
        keep: ConvKeep::default(),
    }
}

/// Ordered sets and nothing else: who waits, who has room, when clocks end.
struct Bare {
    waiting: Vec<BTreeSet<(i64, i64)>>,
    room: Vec<BTreeSet<(i64, i64)>>,
    due: BTreeSet<(i64, i64)>,
    owner: BTreeMap<i64, (i64, i64)>,
    load: Vec<u32>,
    stamp: Vec<i64>,
    groups: Vec<Vec<i64>>,
    held: Vec<i64>,
    next: i64,
    now: i64,
    stamps: i64,
    numbers: Numbers,
}

impl Bare {
    fn new(waiting: i64) -> Self {
        let taken = AGENTS * i64::from(LIMIT);
        let mut bare = Self {
            waiting: vec![BTreeSet::new(); GROUPS as usize + 1],
            room: vec![BTreeSet::new(); GROUPS as usize + 1],
            due: BTreeSet::new(),
            owner: BTreeMap::new(),
            load: vec![LIMIT; AGENTS as usize + 1],
            stamp: (0..=AGENTS).collect(),
            groups: (0..=AGENTS).map(groups_of).collect(),
            held: (1..=taken).collect(),
            next: taken + waiting + 1,
            now: START.0,
            stamps: AGENTS,
            numbers: Numbers::from(1),
        };
        for n in 1..=taken {
            let due = START.0 + ANSWER_MS;
            bare.owner.insert(n, ((n - 1) % AGENTS + 1, due));
            bare.due.insert((due, n));
        }
        for n in taken + 1..=taken + waiting {
            bare.waiting[group_of(n) as usize].insert((START.0, n));
        }
        bare
    }

    fn turn(&mut self) -> Result<f64> {
        let at = self.numbers.below(self.held.len() as u64) as usize;
        let conv = self.held[at];
        let new = self.next;
        self.next += 1;
        self.now += 1;
        let started = Instant::now();
        let given = self.close(conv);
        self.waiting[group_of(new) as usize].insert((self.now, new));
        let nanos = started.elapsed().as_nanos() as f64;
        self.held[at] = given.ok_or_else(|| anyhow::anyhow!("a freed place is given to somebody"))?;
        Ok(nanos)
    }

    fn close(&mut self, conv: i64) -> Option<i64> {
        let (agent, due) = self.owner.remove(&conv)?;
        self.due.remove(&(due, conv));
        self.load[agent as usize] -= 1;
        for &g in &self.groups[agent as usize] {
            self.room[g as usize].insert((self.stamp[agent as usize], agent));
        }
        let heads = self.groups[agent as usize]
            .iter()
            .filter_map(|&g| self.waiting[g as usize].first().map(|&(anchor, n)| (anchor, n, g)));
        let (anchor, first, group) = heads.min()?;
        self.waiting[group as usize].remove(&(anchor, first));
        let &(_, chosen) = self.room[group as usize].first()?;
        self.load[chosen as usize] += 1;
        self.stamps += 1;
        let full = self.load[chosen as usize] >= LIMIT;
        for &g in &self.groups[chosen as usize] {
            self.room[g as usize].remove(&(self.stamp[chosen as usize], chosen));
            if !full {
                self.room[g as usize].insert((self.stamps, chosen));
            }
        }
        self.stamp[chosen as usize] = self.stamps;
        let due = self.now + ANSWER_MS;
        self.due.insert((due, first));
        self.owner.insert(first, (chosen, due));
        Some(first)
    }
}

fn many(mut turn: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
    (0..STEPS).map(|_| turn()).collect()
}

fn main() -> Result<()> {
    let mut medians = Vec::new();
    for waiting in [1_000, 1_000_000] {
        let before = resident(std::process::id())?;
        let mut ours = Ours::new(waiting);
        let memory = resident(std::process::id())?.saturating_sub(before) as f64 / f64::from(1 << 20);
        let mut bare = Bare::new(waiting);
        let (mut mine, mut theirs, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let steps = many(|| ours.turn())?;
            mine.push(median(&steps));
            all.extend(steps);
            theirs.push(median(&many(|| bare.turn())?));
        }
        medians.push(median(&mine));
        if waiting == 1_000 {
            continue;
        }
        figure(
            "B5",
            "step of the engine against bare ordered sets",
            median(&mine) / median(&theirs),
            "×",
            Goal::AtMost(20.0),
            &format!(
                "ours {} ns, reference {} ns for a close and an arrival",
                spread(&mine),
                spread(&theirs)
            ),
        );
        figure(
            "B5",
            "99th percentile of a close and an arrival",
            percentile(&all, 99.0) / 1000.0,
            "µs",
            Goal::AtMost(20.0),
            "10,000 agents, 1,000,000 waiting",
        );
        figure(
            "B5",
            "state of a million waiting",
            memory,
            "MiB",
            Goal::AtMost(1024.0),
            "resident memory before and after",
        );
    }
    figure(
        "B5",
        "a million waiting against a thousand",
        medians[1] / medians[0],
        "×",
        Goal::AtMost(2.0),
        "medians",
    );
    Ok(())
}
