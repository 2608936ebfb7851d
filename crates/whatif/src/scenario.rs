//! The public scenarios of docs/SIMULATION.md: who is there, who writes, and the rules that are compared. All numbers
//! stand here, so that anybody can repeat them.

use crate::chance::Chance;
use crate::measure::{Interval, Run};
use crate::sim::{Chat, Pace, Setup, Worker, run};
use ronda_domain::{AgentId, ChannelAccountId, CustomerId, Ms};
use ronda_routing::{
    AgentKeep, AgentRow, Head, Hours, HoursScope, Outcome, Policy, Presence, PresenceRule, RampRule, Rows, State,
};
use serde::Serialize;

/// Time to answer in the scenarios, in seconds: that of the model configuration Sales.
const N: u32 = 60;
/// Reading a first message.
const READ_MS: i64 = 20_000;
/// Writing the first reply: exponential with this mean.
const WRITE_MS: i64 = 20_000;
/// Reading a chat that somebody else had.
const REREAD_MS: i64 = 5_000;
/// The day begins here, so that nights before it have times.
const START: Ms = Ms(10 * Ms::DAY);

/// A family of situations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// People come one after the other to what the night left.
    Morning,
    /// Part of the team is not there, and no rule knows it.
    Absent,
    /// Two hundred customers at once.
    Burst,
    /// Customers write while it is closed.
    Night,
}

impl Scenario {
    pub const ALL: [Self; 4] = [Self::Morning, Self::Absent, Self::Burst, Self::Night];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Morning => "morning",
            Self::Absent => "absent",
            Self::Burst => "burst",
            Self::Night => "night",
        }
    }
}

/// The rules that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rules {
    /// A chat stays where it fell.
    NoRotation,
    /// It moves whenever the time is over: no strikes, no judgement, the same time in every round.
    Rotate,
    /// The same with the strikes and the rounds of the product, without the saturation guard.
    WithoutGuard,
    /// The rules of the product.
    Ours,
    /// The rules of the product without the ramp of people who arrive.
    WithoutRamp,
}

impl Rules {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoRotation => "no rotation",
            Self::Rotate => "rotate",
            Self::WithoutGuard => "ours, no guard",
            Self::Ours => "ours",
            Self::WithoutRamp => "ours, no ramp",
        }
    }

    fn policy(self, base: &Policy) -> Policy {
        match self {
            Self::NoRotation => Policy {
                reassign_seconds: None,
                ..base.clone()
            },
            Self::Rotate => Policy {
                strikes: 0,
                rounds: 10,
                backoff_percent: 100,
                ..base.clone()
            },
            Self::WithoutRamp => Policy {
                ramp: RampRule {
                    initial: 0,
                    interval_seconds: 0,
                },
                ..base.clone()
            },
            Self::WithoutGuard | Self::Ours => base.clone(),
        }
    }
}

/// One situation of a scenario under one set of rules, over all seeds. Times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    pub scenario: Scenario,
    pub situation: &'static str,
    pub rules: Rules,
    pub chats: u32,
    /// Mean first reply of the answered.
    pub mean_ms: Option<Interval>,
    pub p50_ms: Option<Interval>,
    pub p90_ms: Option<Interval>,
    pub worst_ms: Option<Interval>,
    /// Chats without a reply at the end, in thousandths of all.
    pub never_permille: Interval,
    /// Rotations per chat, in thousandths.
    pub moves_permille: Interval,
    /// Agents set aside at least once.
    pub benched: Interval,
    /// Share of the busiest agent among the first replies, in thousandths.
    pub busiest_permille: Interval,
}

/// A team and its customers.
struct Situation {
    name: &'static str,
    base: Policy,
    hours: Hours,
    agents: i64,
    /// The first so many never look at their chats.
    absent: i64,
    /// When each begins, after the start; from then on they are online and attend.
    begins: fn(i64) -> i64,
    read_ms: i64,
    write_ms: i64,
    reread_ms: i64,
    adds_up: bool,
    arrivals: Arrivals,
    rules: &'static [Rules],
}

#[derive(Clone, Copy)]
enum Arrivals {
    /// So many, one after the other, with exponential gaps of this mean.
    Steady { chats: i64, gap_ms: i64 },
    /// So many within the first second.
    Burst { chats: i64 },
    /// So many, spread over the hours before the start.
    Before { chats: i64, hours: i64 },
}

const COMPARED: &[Rules] = &[Rules::NoRotation, Rules::Rotate, Rules::Ours];
const GUARDED: &[Rules] = &[Rules::NoRotation, Rules::Rotate, Rules::WithoutGuard, Rules::Ours];

fn minute_policy() -> Policy {
    Policy {
        reassign_seconds: Some(N),
        ..Policy::sales()
    }
}

/// As Sales, but only who is online receives: who shows no life is set away, and not for ten minutes only.
fn online() -> Policy {
    Policy {
        presence: PresenceRule::Online,
        ..minute_policy()
    }
}

fn ten(name: &'static str) -> Situation {
    Situation {
        name,
        base: minute_policy(),
        hours: Hours::Always,
        agents: 10,
        absent: 0,
        begins: |_| 0,
        read_ms: READ_MS,
        write_ms: WRITE_MS,
        reread_ms: 0,
        adds_up: false,
        arrivals: Arrivals::Burst { chats: 200 },
        rules: GUARDED,
    }
}

fn situations(of: Scenario) -> Vec<Situation> {
    match of {
        Scenario::Absent => vec![
            Situation {
                absent: 4,
                arrivals: Arrivals::Steady {
                    chats: 200,
                    gap_ms: 30_000,
                },
                rules: COMPARED,
                ..ten("4 of 10 absent, light load")
            },
            Situation {
                absent: 8,
                arrivals: Arrivals::Steady {
                    chats: 200,
                    gap_ms: 120_000,
                },
                rules: COMPARED,
                ..ten("8 of 10 absent, very light load")
            },
            Situation {
                base: online(),
                absent: 4,
                arrivals: Arrivals::Steady {
                    chats: 200,
                    gap_ms: 30_000,
                },
                rules: COMPARED,
                ..ten("4 of 10 absent, only online receive")
            },
            Situation {
                base: online(),
                absent: 8,
                arrivals: Arrivals::Steady {
                    chats: 200,
                    gap_ms: 120_000,
                },
                rules: COMPARED,
                ..ten("8 of 10 absent, only online receive")
            },
        ],
        Scenario::Burst => vec![
            ten("200 at once, all present"),
            Situation {
                reread_ms: REREAD_MS,
                ..ten("200 at once, 5 s to read a moved chat")
            },
            Situation {
                reread_ms: REREAD_MS,
                adds_up: true,
                ..ten("200 at once, 5 s for each move it made")
            },
            Situation {
                absent: 4,
                reread_ms: REREAD_MS,
                ..ten("200 at once, 4 of 10 absent, 5 s to read a moved chat")
            },
            Situation {
                absent: 4,
                reread_ms: REREAD_MS,
                adds_up: true,
                ..ten("200 at once, 4 of 10 absent, 5 s for each move")
            },
        ],
        Scenario::Morning => vec![Situation {
            base: Policy {
                limit: None,
                reassign_seconds: None,
                ..Policy::support()
            },
            agents: 4,
            begins: |i| i * 5 * Ms::MINUTE,
            read_ms: 60_000,
            write_ms: 30_000,
            arrivals: Arrivals::Before { chats: 20, hours: 8 },
            rules: &[Rules::WithoutRamp, Rules::Ours],
            ..ten("20 overnight chats, 4 agents, one every 5 min, 90 s a reply")
        }],
        Scenario::Night => vec![Situation {
            hours: Hours::Spans(vec![(START, START.plus(9 * Ms::HOUR))]),
            agents: 6,
            absent: 1,
            arrivals: Arrivals::Before { chats: 60, hours: 10 },
            rules: GUARDED,
            ..ten("60 chats while closed, 6 agents at the opening, 1 absent")
        }],
    }
}

impl Situation {
    fn setup(&self, rules: Rules, seed: u64) -> Setup {
        let mut chance = Chance::new(seed).part(0);
        let mut arrives: Vec<Ms> = match self.arrivals {
            Arrivals::Steady { chats, gap_ms } => {
                let mut at = START;
                (0..chats)
                    .map(|_| {
                        at = at.plus(chance.exponential(gap_ms));
                        at
                    })
                    .collect()
            }
            Arrivals::Burst { chats } => (0..chats).map(|i| START.plus(i * 1_000 / chats.max(1))).collect(),
            Arrivals::Before { chats, hours } => {
                let span = u64::try_from(hours * Ms::HOUR).unwrap_or_default();
                let early = |chance: &mut Chance| i64::try_from(chance.below(span)).unwrap_or_default();
                (0..chats).map(|_| START.plus(-1 - early(&mut chance))).collect()
            }
        };
        arrives.sort_unstable();
        let first = arrives.first().copied().unwrap_or(START).min(START);
        let last = arrives.last().copied().unwrap_or(START).max(START);
        let until = last.plus(4 * Ms::HOUR);
        let any = self.base.presence == PresenceRule::Any;
        let ids = 1..=self.agents;
        let begins = |id: i64| START.plus((self.begins)(id - 1));
        let agents = ids.clone().map(|id| AgentRow {
            active: true,
            keep: AgentKeep {
                // Under presence any nobody asks; otherwise they come at their time. Who is absent looks present.
                presence: if any { Presence::Online } else { Presence::Gone },
                ..AgentKeep::default()
            },
            ..AgentRow::new(AgentId(id))
        });
        let workers = ids.clone().map(|id| Worker {
            agent: AgentId(id),
            attends: if id <= self.absent {
                Vec::new()
            } else {
                vec![(begins(id), until)]
            },
            pace: Pace {
                reread_ms: self.reread_ms,
                reread_adds_up: self.adds_up,
                ..Pace::steady(self.read_ms, self.write_ms)
            },
            returns_ms: 30_000,
        });
        let comes = |id: i64| {
            let fact = ronda_routing::Fact::Presence {
                agent: AgentId(id),
                now: Presence::Online,
                since: begins(id),
            };
            (begins(id), fact)
        };
        Setup {
            rows: Rows {
                head: Head {
                    at: first,
                    ..Head::default()
                },
                policy: Policy {
                    version: 1,
                    ..rules.policy(&self.base)
                },
                policies: Vec::new(),
                hours: vec![(HoursScope::Workspace, self.hours.clone())],
                pauses: Vec::new(),
                groups: Vec::new(),
                agents: agents.collect(),
                convs: Vec::new(),
            },
            workers: workers.collect(),
            chats: (1..).zip(arrives).map(|(i, at)| chat(i, at)).collect(),
            facts: if any { Vec::new() } else { ids.map(comes).collect() },
            until,
            counts_from: START,
            without_guard: matches!(rules, Rules::Rotate | Rules::WithoutGuard),
        }
    }
}

fn chat(number: i64, at: Ms) -> Chat {
    Chat {
        at,
        customer: CustomerId(number),
        channel: ChannelAccountId(1),
        group: None,
        patience: None,
        pauses: Vec::new(),
        closes_after: Some(0),
        measured: true,
    }
}

/// Plays a scenario with the seeds 1 … `seeds`; `watch` sees the engine after every step.
#[must_use]
pub fn simulate(of: Scenario, seeds: u64, watch: &mut dyn FnMut(&State, &Outcome)) -> Vec<Line> {
    let mut lines = Vec::new();
    for situation in situations(of) {
        for rules in situation.rules {
            let runs: Vec<Run> = (1..=seeds.max(1))
                .map(|seed| run(&situation.setup(*rules, seed), seed, watch))
                .collect();
            lines.push(line(of, situation.name, *rules, &runs));
        }
    }
    lines
}

fn line(scenario: Scenario, situation: &'static str, rules: Rules, runs: &[Run]) -> Line {
    let each = |f: &dyn Fn(&Run) -> Option<i64>| Interval::of(runs.iter().filter_map(f));
    let always = |f: &dyn Fn(&Run) -> i64| Interval::of(runs.iter().map(f)).unwrap_or_default();
    let permille = |part: u32, of: u32| i64::from(part) * 1_000 / i64::from(of.max(1));
    Line {
        scenario,
        situation,
        rules,
        chats: runs.first().map_or(0, |r| r.chats),
        mean_ms: each(&Run::mean_ms),
        p50_ms: each(&|r| r.percentile_ms(50)),
        p90_ms: each(&|r| r.percentile_ms(90)),
        worst_ms: each(&Run::worst_ms),
        never_permille: always(&|r| permille(r.never + r.abandoned, r.chats)),
        moves_permille: always(&|r| permille(r.moves, r.chats)),
        benched: always(&|r| i64::from(r.benched_agents)),
        busiest_permille: always(&|r| {
            let most = r.agents.iter().map(|a| a.answered).max().unwrap_or_default();
            permille(most, u32::try_from(r.first_reply.len()).unwrap_or(u32::MAX))
        }),
    }
}
