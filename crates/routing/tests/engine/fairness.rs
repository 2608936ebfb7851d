//! Fairness, the end of rotations, and what must not matter.

use crate::dsl::{Scene, a, c, sales, support};
use crate::walk::{cases, input, ops, policies, walk, world};
use proptest::prelude::*;
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, Ms};
use ronda_routing::{Act, ConvRow, Fact, Input, Policy, Presence, Reason, State, Strategy};
use std::collections::BTreeMap;

/// Agents by the number of times they were next in turn.
fn turns(scene: &Scene, agents: i64) -> BTreeMap<AgentId, u32> {
    let mut counts: BTreeMap<AgentId, u32> = (1..=agents).map(|n| (a(n), 0)).collect();
    let in_turn = |r: &Reason| matches!(r, Reason::InTurn { .. } | Reason::NoAnswer { .. });
    for to in scene.log.iter().filter(|d| in_turn(&d.reason)).filter_map(|d| d.to) {
        if let Some(count) = counts.get_mut(&to) {
            *count += 1;
        }
    }
    counts
}

fn spread(counts: &BTreeMap<AgentId, u32>) -> u32 {
    counts.values().max().unwrap_or(&0) - counts.values().min().unwrap_or(&0)
}

/// Among conversations that could stand for each other, nothing later is served before something earlier.
fn key(row: &ConvRow) -> (Option<Ms>, i64) {
    let near = [0, 60, 240, 1_440][usize::from(row.keep.window_step)];
    let start = i64::from(row.keep.priority_minutes + row.keep.raised_minutes + near) * Ms::MINUTE;
    (row.anchor.or(row.waiting_since).map(|at| at.plus(-start)), row.conv.0)
}

fn like(a: &ConvRow, b: &ConvRow) -> bool {
    let asks = |c: &ConvRow| (c.keep.needs.clone(), c.keep.step, c.keep.origin);
    (
        a.channel,
        a.group,
        a.exhausted,
        a.keep.stale,
        a.reserved_for,
        &a.missed,
        asks(a),
    ) == (
        b.channel,
        b.group,
        b.exhausted,
        b.keep.stale,
        b.reserved_for,
        &b.missed,
        asks(b),
    )
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn l3_unanswered_rotation_ends_in_exhaustion(agents in 2_i64..7, rounds in 1_u8..5, convs in 1_i64..4) {
        let mut s = Scene::with(Policy { rounds, ..sales() }, agents);
        for conv in 1..=convs {
            s.arrive(conv);
        }
        s.at(200_000);
        for conv in 1..=convs {
            prop_assert!(s.row(conv).exhausted && s.waits(conv));
            let moves = s.acts(conv).iter().filter(|x| **x == Act::Rotate).count();
            let bound = usize::from(rounds) * usize::try_from(agents).unwrap_or_default();
            prop_assert!(moves <= bound, "{} of {}", moves, bound);
            let last = s.acts(conv).into_iter().rfind(|x| *x != Act::Escalate);
            prop_assert_eq!(last, Some(Act::Exhaust));
        }
    }

    #[test]
    fn f1_always_eligible_agents_differ_by_at_most_one(
        agents in 2_i64..6,
        coming in prop::collection::vec((any::<bool>(), 0_i64..40, 1_i64..6), 1..120),
    ) {
        let policy = Policy { reassign_seconds: None, ..sales() };
        let mut s = Scene::with(policy, agents);
        // One more comes and goes, and takes and closes: it disturbs nobody.
        s.hire(agents + 1);
        let mut conv = 0;
        for (come, which, toggle) in coming {
            if come || conv == 0 {
                conv += 1;
                s.arrive(conv);
            } else if s.owner(1 + which % conv) > 0 {
                s.close(1 + which % conv);
            }
            if toggle == 1 {
                let excluded = if s.state.policy().excluded.is_empty() { [a(agents + 1)].into() } else { [].into() };
                s.policy(|p| p.excluded = excluded);
            }
            prop_assert!(spread(&turns(&s, agents)) <= 1, "{:?}", turns(&s, agents));
        }
    }

    #[test]
    fn f2_the_chosen_one_has_the_lowest_share(policy in policies(), ops in ops(60)) {
        walk(Policy { strategy: Strategy::MostSpare, ..policy }, &ops, |s| {
            let spare = |state: &State| {
                let rows = state.rows();
                let mut all = std::iter::once(&rows.policy).chain(rows.policies.iter().map(|(_, p)| p));
                all.all(|p| p.strategy == Strategy::MostSpare)
            };
            if !spare(s.before) || !spare(s.after) {
                return;
            }
            for d in &s.outcome.decisions {
                let Some(first) = d.funnel.finalists.first() else { continue };
                assert_eq!(Some(first.agent), d.funnel.chosen);
                for other in &d.funnel.finalists {
                    let share = |load: u32, limit: Option<u32>| (u64::from(load), u64::from(limit.unwrap_or(200)));
                    let ((x, of_x), (y, of_y)) = (share(first.load, first.limit), share(other.load, other.limit));
                    assert!(x * of_y <= y * of_x, "{d:?}");
                }
            }
        });
    }

    #[test]
    fn f2_without_closings_loads_are_level(agents in 1_i64..6, convs in 1_i64..40) {
        let mut s = Scene::with(Policy { limit: Some(9), ..support() }, agents);
        for conv in 1..=convs {
            s.arrive(conv);
        }
        let loads: BTreeMap<_, _> = (1..=agents).map(|n| (a(n), s.load(n))).collect();
        prop_assert!(spread(&loads) <= 1, "{:?}", loads);
    }

    #[test]
    fn f4_first_come_first_served_among_those_that_could_substitute_each_other(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            let rows = s.after.rows().convs;
            for d in s.outcome.decisions.iter().filter(|d| matches!(d.reason, Reason::InTurn { .. })) {
                // As it stood in the queue: before the step, when it waited there already.
                let conv = d.conversation.expect("about one");
                let stood = |r: &&ConvRow| r.epoch == d.epoch_before && r.place == Place::Waiting;
                let Some(served) = s.before.conv(conv).filter(stood) else { continue };
                for waiting in rows.iter().filter(|r| r.place == Place::Waiting && like(r, served)) {
                    let stood = s.before.conv(waiting.conv).is_some_and(|b| b == waiting);
                    assert!(!stood || key(served) < key(waiting), "{served:?} passed {waiting:?}");
                }
            }
        });
    }

    #[test]
    fn f5_l2_a_head_start_is_overtaken_by_nothing_older_than_it(
        gaps in prop::collection::vec((0_i64..400, prop_oneof![3 => Just(0_u32), 1 => 1_u32..30]), 2..40),
        closes in 1_usize..4,
    ) {
        // One agent, one slot: what is served next is seen one by one. Nobody starves, and whoever is passed is passed
        // by arrivals within the head start only.
        let mut s = Scene::with(Policy { limit: Some(1), reassign_seconds: None, ..support() }, 1);
        let mut came: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        let held = |s: &Scene, came: &BTreeMap<i64, (i64, i64)>| came.keys().copied().find(|c| s.owner(*c) == 1);
        for (n, (gap, minutes)) in (1..).zip(&gaps) {
            s.now += gap;
            s.arrive_with(n, |x| x.priority_minutes = *minutes);
            came.insert(n, (s.now, i64::from(*minutes) * 60));
            let closes = usize::try_from(n).is_ok_and(|n| n.is_multiple_of(closes));
            if let Some(conv) = held(&s, &came).filter(|_| closes) {
                s.close(conv);
            }
        }
        while let Some(conv) = held(&s, &came) {
            s.close(conv);
        }
        let given = s.log.iter().filter(|d| d.act == Act::Assign).filter_map(|d| d.conversation);
        let served: Vec<i64> = given.map(|c| c.0).collect();
        prop_assert_eq!(served.len(), gaps.len(), "everybody is served once");
        for (place, later) in served.iter().enumerate() {
            for earlier in served.iter().skip(place + 1) {
                let ((at, _), (came_later, start)) = (came[earlier], came[later]);
                prop_assert!(came_later - at <= start, "{} passed {} by more than its head start", later, earlier);
            }
        }
    }

    #[test]
    fn f3_turns_are_in_proportion_whoever_joins_and_leaves(
        weights in prop::collection::vec(1_u32..5, 2..4),
        away in 1_i64..40,
    ) {
        // The first leaves and comes back: it makes up for nothing, and the others keep their proportion.
        let policy = Policy { strategy: Strategy::Weighted, reassign_seconds: None, limit: None, ..support() };
        let mut s = Scene::new(policy);
        for (n, weight) in (1..).zip(&weights) {
            s.profile(n, ronda_routing::Profile { active: true, weight: *weight, ..Default::default() });
            s.presence(n, Presence::Online);
        }
        let cycle = i64::from(weights.iter().sum::<u32>());
        let mut conv = 0;
        let mut give = |s: &mut Scene, times: i64| {
            for _ in 0..times {
                conv += 1;
                s.arrive(conv);
            }
        };
        give(&mut s, cycle);
        for (n, weight) in (1..).zip(&weights) {
            prop_assert_eq!(s.load(n), *weight, "exact over a cycle");
        }
        s.presence(1, Presence::Away);
        give(&mut s, away);
        s.presence(1, Presence::Online);
        let before = s.load(1);
        give(&mut s, 2 * cycle);
        let got = s.load(1) - before;
        let own = weights.first().copied().unwrap_or(0);
        prop_assert!(got <= 2 * own + 2 && got + 2 >= 2 * own, "{} of {} in two cycles", got, own);
    }

    #[test]
    fn f7_a_miss_costs_one_turn(agents in 2_i64..6, convs in 1_i64..30) {
        // The first never answers, the others do at once: all have had as many turns, up to one.
        let mut s = Scene::with(sales(), agents);
        for conv in 1..=convs {
            s.arrive(conv);
            if s.owner(conv) == 1 {
                let due = s.deadline(conv).unwrap_or_default();
                s.at(due);
            }
            prop_assert!(s.owner(conv) > 1);
            s.answer(conv);
            prop_assert!(spread(&turns(&s, agents)) <= 1, "{:?}", turns(&s, agents));
        }
    }

    #[test]
    fn f8_changing_the_state_does_not_improve_the_turn(
        agents in 2_i64..5,
        toggles in prop::collection::vec(0_u8..3, 0..8),
    ) {
        let mut s = Scene::with(support(), agents);
        for conv in 1..agents {
            s.arrive(conv);
        }
        for state in toggles {
            s.presence(1, [Presence::Online, Presence::Away, Presence::Gone][usize::from(state)]);
        }
        s.presence(1, Presence::Online);
        s.arrive(agents);
        prop_assert_eq!(s.owner(agents), agents, "the one who has had none");
    }

    #[test]
    fn s14_a_shift_of_time_shifts_everything(policy in policies(), ops in ops(50), days in 1_i64..400) {
        let shift = days * Ms::DAY;
        let mut here = world(policy.clone());
        let mut there = world(policy);
        // Both worlds were built at zero: bring the second to its day before anything happens.
        let seq = there.head().input_seq;
        let tick = |at| Input { seq: seq + 1, at, fact: Fact::Tick };
        for n in [&mut here, &mut there] {
            let mut rows = n.rows();
            for agent in &mut rows.agents {
                agent.keep.ramp = None;
                agent.keep.life_at = None;
            }
            *n = State::from_rows(rows);
        }
        ronda_routing::step(&mut here, &tick(Ms(0)));
        ronda_routing::step(&mut there, &tick(Ms(shift)));
        for op in ops.iter().filter(|op| op.0 % 32 != 29) {
            let (one, two) = (input(&here, op), input(&there, op));
            let acts = |o: &ronda_routing::Outcome| -> Vec<_> {
                o.decisions.iter().map(|d| (d.at, d.act, d.conversation, d.from, d.to, d.epoch_after)).collect()
            };
            let mut first = acts(&ronda_routing::step(&mut here, &one));
            first.iter_mut().for_each(|d| d.0 = d.0.plus(shift));
            prop_assert_eq!(first, acts(&ronda_routing::step(&mut there, &two)));
        }
    }

    #[test]
    fn s14_an_agent_who_can_take_nothing_changes_nothing(policy in policies(), ops in ops(50)) {
        let mut without = world(policy);
        let mut with = without.clone();
        with.put_agent(ronda_routing::AgentRow::new(a(99)));
        for op in &ops {
            let input = input(&without, op);
            let who = |o: &ronda_routing::Outcome| -> Vec<_> {
                o.decisions.iter().map(|d| (d.act, d.conversation, d.from, d.to, d.reason.clone())).collect()
            };
            let one = who(&ronda_routing::step(&mut without, &input));
            prop_assert_eq!(one, who(&ronda_routing::step(&mut with, &input)));
        }
    }
}

#[test]
fn l6_the_queue_drains_when_agents_keep_closing() {
    let mut s = Scene::with(
        Policy {
            limit: Some(2),
            ..support()
        },
        3,
    );
    for conv in 1..=60 {
        s.arrive(conv);
    }
    for conv in 1..=60 {
        assert!(
            s.state.conv(c(conv)).is_some_and(|r| r.owner.is_some()),
            "{conv} is served when its turn comes"
        );
        s.close(conv);
    }
    assert_eq!(s.state.waiting(), 0);
}
