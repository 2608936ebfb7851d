//! Random walks: small worlds in which everything that can happen does.

use crate::dsl::{a, c, g};
use proptest::prelude::*;
use ronda_domain::conversation::CloseReason;
use ronda_domain::{AgentId, ChannelAccountId, CustomerId, Ms, SkillId};
use ronda_routing::{
    Arrival, Epoch, Fact, GroupRow, Head, Hours, HoursScope, Input, MaxWait, OnGone, Outcome, Policy, PolicyScope,
    Presence, Profile, RampRule, Reach, ReplyScope, Rows, State, Step as WaitStep, Strategy, Target, WaitAction,
};

pub const AGENTS: i64 = 4;
pub const CONVS: i64 = 8;

/// So many random cases of each property.
pub fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        max_shrink_iters: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// One thing that happens: what, to whom, how, and how long after the last.
pub type Op = (u8, i64, i64, u8, u16);

pub fn ops(n: usize) -> impl proptest::strategy::Strategy<Value = Vec<Op>> {
    let gap = prop_oneof![3 => Just(0_u16), 4 => 1_u16..20, 2 => 20_u16..200, 1 => 200_u16..2_000];
    prop::collection::vec((any::<u8>(), 1..=CONVS, 1..=AGENTS, any::<u8>(), gap), 1..n)
}

prop_compose! {
    pub fn policies()(
        sales in any::<bool>(),
        limit in prop::option::weighted(0.7, 1_u32..4),
        reassign in prop::option::weighted(0.8, prop_oneof![Just(60_u32), Just(100)]),
        every in any::<bool>(),
        strategy in 0_usize..5,
        strikes in 0_u8..3,
        rounds in 1_u8..4,
        ramp in any::<bool>(),
        gone in 0_u8..4,
        absent in prop_oneof![Just(0_u32), Just(40)],
        ((strict, ceiling), (widens, longest)) in (
            (prop::option::weighted(0.2, Just(70_u32)), prop::option::weighted(0.2, 0_u32..3)),
            (0_usize..3, prop::option::weighted(0.4, 0_usize..6)),
        ),
        excluded in prop::option::weighted(0.2, 1..=AGENTS),
    ) -> Policy {
        let base = if sales { Policy::sales() } else { Policy::support() };
        let on_gone = [OnGone::Keep, OnGone::Unanswered, OnGone::OnCustomerMessage, OnGone::All];
        Policy {
            limit,
            reassign_seconds: reassign,
            scope: if every { ReplyScope::EveryTurn } else { ReplyScope::FirstReply },
            strategy: [
                Strategy::LeastRecent,
                Strategy::MostSpare,
                Strategy::Weighted,
                Strategy::FillFirst,
                Strategy::Ranked,
            ][strategy],
            strikes,
            cool_down_seconds: 90,
            max_backlog_age_seconds: 100,
            rounds,
            ramp: RampRule { initial: u32::from(ramp), interval_seconds: 30 },
            on_gone: on_gone[usize::from(gone)],
            gone_grace_seconds: 30,
            affinity: ronda_routing::Affinity {
                absent_seconds: absent,
                strict_seconds: strict,
                ceiling,
                ..base.affinity
            },
            steps: steps(widens),
            max_wait: longest.map(|n| MaxWait {
                after_seconds: 250,
                action: WAITS[n],
                text: None,
            }),
            escalation_seconds: vec![40, 50],
            excluded: excluded.map(AgentId).into_iter().collect(),
            ..base
        }
    }
}

const WAITS: [WaitAction; 6] = [
    WaitAction::Widen,
    WaitAction::Raise,
    WaitAction::TellCustomer,
    WaitAction::OfferCallback,
    WaitAction::OfferForm,
    WaitAction::ReturnToBot,
];

fn steps(n: usize) -> Vec<WaitStep> {
    let first = WaitStep {
        after_seconds: 30,
        add_groups: [g(2), g(7)].into(),
        raise_minutes: 2,
        ..WaitStep::default()
    };
    let second = WaitStep {
        after_seconds: 45,
        drop_skills: true,
        add_groups: [g(1)].into(),
        ..WaitStep::default()
    };
    [first, second].into_iter().take(n).collect()
}

fn profile(agent: i64, how: u8) -> Profile {
    Profile {
        active: !how.is_multiple_of(8),
        groups: [1, 2]
            .into_iter()
            .filter(|n| agent == *n || (how >> n) & 1 == 1)
            .map(g)
            .collect(),
        channels: (how % 5 == 1).then(|| vec![ChannelAccountId(1)]),
        limit: (how % 7 == 2).then_some(2),
        weight: 1 + u32::from(how % 3),
        rank: u32::from(how % 2),
        skills: [1, 2]
            .into_iter()
            .filter(|n| (how >> n) & 1 == 0)
            .map(SkillId)
            .collect(),
    }
}

/// A world with two groups, the first of them the default, and everybody in it online.
pub fn world(policy: Policy) -> State {
    let groups = vec![GroupRow::new(g(1), true), GroupRow::new(g(2), false)];
    let (agents, convs) = (Vec::new(), Vec::new());
    let mut state = State::from_rows(Rows {
        head: Head::default(),
        policy,
        policies: Vec::new(),
        hours: Vec::new(),
        pauses: Vec::new(),
        groups,
        agents,
        convs,
    });
    for agent in 1..=AGENTS {
        let seq = state.head().input_seq;
        let how = if agent % 2 == 0 { 3 } else { 7 };
        let edit = Fact::AgentEdited {
            agent: a(agent),
            profile: profile(agent, how),
        };
        let online = Fact::Presence {
            agent: a(agent),
            now: Presence::Online,
            since: Ms(0),
        };
        for (i, fact) in [(1, edit), (2, online)] {
            ronda_routing::step(
                &mut state,
                &Input {
                    seq: seq + i,
                    at: Ms(0),
                    fact,
                },
            );
        }
    }
    state
}

fn some_needs(how: u8) -> Vec<SkillId> {
    match how % 7 {
        1 => vec![SkillId(1)],
        2 => vec![SkillId(1), SkillId(2)],
        3 => vec![SkillId(3)],
        _ => Vec::new(),
    }
}

fn arrival(conv: i64, how: u8, now: Ms) -> Arrival {
    Arrival {
        group: [None, None, Some(g(1)), Some(g(2)), Some(g(9))][usize::from(how % 5)],
        anchor: (!how.is_multiple_of(11)).then_some(now),
        prefer: how.is_multiple_of(3).then(|| a(1 + i64::from(how % 4))),
        strict: how.is_multiple_of(17),
        needs: some_needs(how),
        priority_minutes: u32::from(how.is_multiple_of(9)) * 3,
        window_ends: window(how, now),
        ..Arrival::of(
            // Two conversations may be of one customer.
            CustomerId(if how.is_multiple_of(16) { 1 } else { conv }),
            ChannelAccountId(1 + i64::from(how >> 7)),
            Epoch(i64::from(how % 3)),
        )
    }
}

/// The input an op stands for, in this state.
pub fn input(state: &State, op: &Op) -> Input {
    let (what, conv, who, how, gap) = *op;
    let now = state.head().at.plus(i64::from(gap) * 1_000);
    let row = state.conv(c(conv));
    // Typing matters just before a deadline only.
    let deadline = row.and_then(|r| r.rotate_at).filter(|_| what % 32 == 13);
    let now = deadline.map_or(now, |at| at.plus(-5_000)).max(state.head().at);
    let owner = row.and_then(|r| r.owner).filter(|_| how % 8 != 7).unwrap_or(a(who));
    let epoch = row.map_or(Epoch(0), |r| Epoch(r.epoch.0 - i64::from(how % 10 == 9)));
    let seen = (how % 4 != 0).then_some(epoch);
    let brought = (how % 4 == 0).then(|| arrival(conv, how, now));
    let (conv, agent) = (c(conv), a(who));
    let fact = match what % 32 {
        0..=7 => Fact::HandedOff {
            conv,
            arrival: arrival(conv.0, how, now),
        },
        8 => said(conv, now, how),
        9 => Fact::SendFailed {
            conv,
            agent: owner,
            anchor: (how & 4 == 4).then_some(now),
        },
        10..=12 => Fact::AgentSaid {
            conv,
            agent: owner,
            seen: epoch,
        },
        13 if how % 4 == 3 => Fact::Extended {
            conv,
            agent: owner,
            seen,
        },
        13 => Fact::Typing { conv, agent: owner },
        14..=15 => Fact::Taken {
            conv,
            agent,
            seen,
            take_over: how & 1 == 1,
            may_exceed: how & 2 == 2,
            arrival: brought,
        },
        16..=18 => Fact::Transferred {
            conv,
            by: owner,
            to: [
                Target::Anyone,
                Target::Group(g(1)),
                Target::Group(g(2)),
                Target::Agent(agent),
            ][usize::from(how % 4)],
            seen,
            deferred_until: (how & 16 == 16).then(|| now.plus(50_000)),
            needs: (how & 14 == 8).then(|| some_needs(how)),
            manage_others: how & 32 == 32,
            may_exceed: how & 64 == 64,
            return_unanswered: how & 8 == 8,
            arrival: brought,
        },
        19 => Fact::Declined {
            conv,
            agent: owner,
            seen,
            why: "no".into(),
        },
        20 if how % 2 == 1 => Fact::PromiseBroken {
            conv,
            raise_minutes: u32::from(how),
            to: [None, Some(g(1)), Some(g(2)), Some(g(9))][usize::from(how / 2 % 4)],
        },
        20 => Fact::Parked { conv },
        21 => Fact::Woken { conv },
        22..=23 => {
            let by = (how & 1 == 1).then_some(owner);
            Fact::Closed {
                conv,
                by,
                seen,
                reason: CloseReason::Agent,
                arrival: brought,
            }
        }
        24 => Fact::ReturnedToBot { conv, by: owner, seen },
        25..=26 => {
            let now = [Presence::Online, Presence::Background, Presence::Away, Presence::Gone][usize::from(how % 4)];
            Fact::Presence {
                agent,
                now,
                since: state.head().at,
            }
        }
        30 => Fact::Presence {
            agent,
            now: Presence::Away,
            since: state.head().at,
        },
        27 => Fact::AgentEdited {
            agent,
            profile: profile(who, how),
        },
        28 => match how % 4 {
            0 => said(conv, now, how),
            1 => Fact::LateReply {
                conv,
                agent: row.and_then(|r| r.keep.previous).unwrap_or(agent),
                seen: Epoch(0),
            },
            2 => Fact::Reopened {
                conv,
                arrival: arrival(conv.0, how, now),
                reserved_for: Some(agent),
            },
            _ => Fact::Gap {
                lost_ms: i64::from(how) * 1_000,
            },
        },
        29 => match how % 4 {
            0 => Fact::GroupSet {
                group: g(2),
                live: how & 4 == 4,
                default: false,
                heir: (how & 8 == 8).then_some(g(1)),
                overflow: (how & 16 == 16).then_some(g(1)),
                overflow_seconds: (how & 32 == 32).then_some(40),
            },
            1 if how % 4 == 3 => Fact::GroupSet {
                group: g(1),
                live: true,
                default: true,
                heir: None,
                overflow: (how & 16 == 16).then_some(g(2)),
                overflow_seconds: (how & 32 == 32).then_some(40),
            },
            1 => Fact::HoursSet {
                scope: [
                    HoursScope::Workspace,
                    HoursScope::Workspace,
                    HoursScope::Channel(ChannelAccountId(2)),
                    HoursScope::Group(g(2)),
                ][usize::from(how >> 6)],
                hours: (how % 8 != 5).then(|| hours(how, now)),
            },
            2 => Fact::RotationPaused {
                group: [None, Some(g(1)), Some(g(2))][usize::from(how % 3)],
                until: (how & 8 == 8).then(|| now.plus(i64::from(how) * 1_000)),
            },
            _ if how & 16 == 16 => Fact::PolicySet {
                scope: PolicyScope::Group(g(2)),
                policy: (how & 64 == 64).then(|| Box::new(changed(state.policy_in(Some(g(2))), how, who))),
                reach: reach(how),
            },
            _ => Fact::PolicySet {
                scope: PolicyScope::Workspace,
                policy: Some(Box::new(changed(state.policy(), how, who))),
                reach: reach(how),
            },
        },
        _ => Fact::Tick,
    };
    Input {
        seq: state.head().input_seq + 1,
        at: now,
        fact,
    }
}

const fn said(conv: ronda_domain::ConversationId, at: Ms, how: u8) -> Fact {
    Fact::CustomerSaid {
        conv,
        at,
        window_ends: window(how, at),
    }
}

/// A reply window that ends soon after the next step towards its end, so that walks reach it.
const fn window(how: u8, now: Ms) -> Option<Ms> {
    match how % 5 {
        0 => Some(now.plus(241 * Ms::MINUTE)),
        1 => Some(now.plus(61 * Ms::MINUTE)),
        _ => None,
    }
}

const fn reach(how: u8) -> Reach {
    if how & 8 == 8 { Reach::OpenToo } else { Reach::NewOnly }
}

fn hours(how: u8, now: Ms) -> Hours {
    if how & 4 == 4 {
        return Hours::Always;
    }
    let spans = (0..6).map(|n| (now.plus(n * 300_000 + 20_000), now.plus(n * 300_000 + 150_000)));
    Hours::Spans(spans.collect())
}

fn changed(policy: &Policy, how: u8, who: i64) -> Policy {
    let mut next = policy.clone();
    next.version += 1;
    match how % 5 {
        0 => next.enabled = !policy.enabled,
        1 => {
            next.limit = if policy.limit == Some(3) {
                None
            } else {
                Some(1 + u32::from(how % 3))
            }
        }
        2 => {
            next.excluded = if policy.excluded.is_empty() {
                [a(who)].into()
            } else {
                [].into()
            }
        }
        3 => next.scope = ReplyScope::FirstReply,
        _ => {
            next.reassign_seconds = if policy.reassign_seconds.is_some() {
                None
            } else {
                Some(60)
            }
        }
    }
    next
}

/// One step of a walk.
pub struct Step<'a> {
    pub before: &'a State,
    pub input: &'a Input,
    pub outcome: &'a Outcome,
    pub after: &'a State,
}

/// Walks, and shows every step.
pub fn walk(policy: Policy, ops: &[Op], mut see: impl FnMut(&Step<'_>)) {
    let mut state = world(policy);
    for op in ops {
        let input = input(&state, op);
        let before = state.clone();
        let outcome = ronda_routing::step(&mut state, &input);
        see(&Step {
            before: &before,
            input: &input,
            outcome: &outcome,
            after: &state,
        });
    }
}
