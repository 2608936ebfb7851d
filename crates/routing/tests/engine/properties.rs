//! The invariants of the routing reference, on random walks. The name of a test begins with the id it proves.

use crate::walk::{Step, cases, input, ops, policies, walk, world};
use proptest::prelude::*;
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ConversationId};
use ronda_routing::{
    Act, AgentRow, Answer, ConvRow, Decision, Epoch, Fact, Input, PresenceRule, Reason, ReplyScope, State, Violation,
    check,
};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the dispatcher or the clock gave it, subject to the whole funnel.
fn automatic(d: &Decision) -> bool {
    let returned = matches!(d.reason, Reason::ReopenedToOwner { .. });
    matches!(d.act, Act::Assign | Act::Rotate) && !returned
}

/// Calls `see` with each decision that raises a load, and the load it leaves.
fn raises(step: &Step<'_>, mut see: impl FnMut(&Decision, AgentId, u32)) {
    let mut loads: BTreeMap<AgentId, u32> = step.before.rows().agents.iter().map(|a| (a.agent, a.load)).collect();
    for d in &step.outcome.decisions {
        if d.from == d.to || d.conversation.is_none() {
            continue;
        }
        if let Some(from) = d.from {
            *loads.entry(from).or_default() -= 1;
        }
        if let Some(to) = d.to {
            let load = loads.entry(to).or_default();
            *load += 1;
            see(d, to, *load);
        }
    }
    for agent in step.after.rows().agents {
        assert_eq!(
            loads.get(&agent.agent).copied().unwrap_or(0),
            agent.load,
            "decisions explain every load"
        );
    }
}

/// The larger of two limits; none is the largest. A step may change the limit between its decisions.
fn larger(a: Option<u32>, b: Option<u32>) -> u32 {
    a.unwrap_or(u32::MAX).max(b.unwrap_or(u32::MAX))
}

/// The largest limit (or hard cap) of an agent for a conversation, before and after a step: a step may change it, and the
/// group of the conversation, between its decisions.
fn most(step: &Step<'_>, d: &Decision, of: impl Fn(&State, Option<ronda_domain::GroupId>) -> Option<u32>) -> u32 {
    let conv = d.conversation.expect("about one");
    let rows = [step.before.conv(conv), step.after.conv(conv)];
    let change = step.outcome.convs.iter().find(|c| c.row.conv == conv).map(|c| &c.row);
    let groups = rows.into_iter().flatten().chain(change).map(|c| c.group);
    let all = groups.map(|g| larger(of(step.before, g), of(step.after, g)));
    all.max().unwrap_or(u32::MAX)
}

fn passes(state: &State, agent: AgentId, conv: &ConvRow, scoped: bool) -> bool {
    let rows = state.rows();
    let group = conv.group.map(|g| {
        let known = rows.groups.iter().any(|row| row.group == g);
        if known {
            Some(g)
        } else {
            rows.groups.iter().find(|row| row.default).map(|row| row.group)
        }
    });
    let policy = state.policy_in(conv.group);
    let steps = || policy.steps.iter().take(conv.keep.step.into());
    let able = |a: &AgentRow| {
        !scoped || steps().any(|s| s.drop_skills) || conv.keep.needs.iter().all(|s| a.skills.contains(s))
    };
    let belongs = |a: &AgentRow| {
        let also = steps().any(|s| s.add_groups.iter().any(|g| a.groups.contains(g)));
        also || group.flatten().is_none_or(|g| a.groups.contains(&g))
    };
    rows.agents.iter().any(|a| {
        a.agent == agent
            && a.active
            && a.channels.as_ref().is_none_or(|c| c.contains(&conv.channel))
            && !policy.excluded.contains(&agent)
            && (policy.presence == PresenceRule::Any || a.keep.presence.is_online())
            && able(a)
            && (!scoped || belongs(a))
    })
}

fn row(state: &State, conv: ConversationId) -> Option<&ConvRow> {
    state.conv(conv)
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn s1_s3_s11_s18_s19_l1_hold_after_every_step(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            let found: Result<(), Violation> = check(s.after);
            assert_eq!(found, Ok(()), "after {:?}", s.input);
        });
    }

    #[test]
    fn s2_nothing_is_lost_or_doubled(policy in policies(), ops in ops(60)) {
        let mut live: BTreeSet<ConversationId> = BTreeSet::new();
        walk(policy, &ops, |s| {
            for change in &s.outcome.convs {
                match change.row.place {
                    Place::Waiting | Place::Held => live.insert(change.row.conv),
                    Place::Bot | Place::Closed => live.remove(&change.row.conv),
                };
            }
            let known: BTreeSet<_> = s.after.rows().convs.iter().map(|c| c.conv).collect();
            assert_eq!(known, live, "after {:?}", s.input);
        });
    }

    #[test]
    fn s4_automatic_work_never_passes_the_limit(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| raises(s, |d, to, load| {
            let limit = most(s, d, |state, group| state.limit_in(to, group));
            assert!(!automatic(d) || load <= limit, "{d:?} leaves {load} of {limit}");
        }));
    }

    #[test]
    fn s5_nothing_raises_a_load_above_the_hard_cap(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            raises(s, |d, to, load| {
                let cap = most(s, d, |state, group| state.hard_cap_in(to, group));
                assert!(load <= cap, "{d:?} leaves {load} of {cap}");
            });
            for change in s.outcome.agents.iter().filter(|a| a.delta > 0) {
                assert!(i64::from(change.row.load) <= change.guard, "the guard lets its own plan pass: {change:?}");
            }
        });
    }

    #[test]
    fn s6_s7_the_chosen_agent_passes_the_funnel(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            for d in s.outcome.decisions.iter().filter(|d| automatic(d)) {
                let (conv, to) = (d.conversation.expect("about one"), d.to.expect("to somebody"));
                let change = s.outcome.convs.iter().find(|x| x.row.conv == conv).map(|x| x.row.clone());
                let conv = change.expect("it changed");
                // Whom it asked is known of its last decision in the step only.
                let scoped = d.reason != Reason::Reserved && conv.epoch == d.epoch_after;
                assert!(passes(s.before, to, &conv, scoped) || passes(s.after, to, &conv, scoped), "{d:?}");
                assert_eq!(d.funnel.chosen, Some(to));
            }
        });
    }

    #[test]
    fn s8_never_to_self_nor_to_who_missed_it(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            for d in s.outcome.decisions.iter().filter(|d| d.act == Act::Rotate) {
                assert_ne!(d.from, d.to);
                let conv = d.conversation.expect("about one");
                let alone = s.outcome.decisions.iter().filter(|x| x.conversation == Some(conv)).count() == 1;
                let (Some(before), Some(after)) = (row(s.before, conv), row(s.after, conv)) else { continue };
                if alone && before.round == after.round {
                    assert!(!before.missed.contains(&d.to.expect("somebody")), "{d:?} {before:?}");
                    assert!(after.missed.contains(&d.from.expect("somebody")), "the old owner missed it");
                }
            }
        });
    }

    #[test]
    fn s9_epochs_grow_with_each_change_of_place_owner_or_group(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            let mut last: BTreeMap<ConversationId, Epoch> = BTreeMap::new();
            for d in &s.outcome.decisions {
                let Some(conv) = d.conversation else { continue };
                assert!(d.epoch_after == d.epoch_before || d.epoch_after == d.epoch_before.next());
                let known = last.insert(conv, d.epoch_after).or_else(|| row(s.before, conv).map(|r| r.epoch));
                assert!(known.is_none_or(|k| k == d.epoch_before || s.after.conv(conv).is_none()), "{d:?}");
            }
            for change in &s.outcome.convs {
                let Some(before) = &change.before else { continue };
                assert_eq!(change.seen, before.epoch);
                let now = &change.row;
                let moved = (before.place, before.owner, before.group) != (now.place, now.owner, now.group);
                assert!(now.epoch >= before.epoch && (!moved || now.epoch > before.epoch), "{change:?}");
            }
        });
    }

    #[test]
    fn s9_a_stale_command_changes_nothing(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            let Answer::Conflict { .. } = s.outcome.results[0].1 else { return };
            if matches!(s.input.fact, Fact::AgentSaid { .. }) {
                return;
            }
            let mut without = s.before.clone();
            ronda_routing::step(&mut without, &Input { fact: Fact::Tick, ..s.input.clone() });
            assert_eq!(without.hash_with_head(), s.after.hash_with_head(), "{:?}", s.input);
        });
    }

    #[test]
    fn s10_an_answered_ownership_is_never_rotated(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            for d in s.outcome.decisions.iter().filter(|d| matches!(d.act, Act::Rotate | Act::Release | Act::Exhaust)) {
                let before = d.conversation.and_then(|c| row(s.before, c));
                let first = before.is_some_and(|b| s.before.policy_in(b.group).scope == ReplyScope::FirstReply);
                let same = before.is_some_and(|b| b.owner == d.from && b.epoch == d.epoch_before);
                if first && same {
                    assert_eq!(before.map(|b| b.keep.answers), Some(0), "{d:?}");
                }
            }
        });
    }

    #[test]
    fn s13_decisions_are_dense_and_name_cause_and_policy(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            let first = s.before.head().decision_seq;
            for (n, d) in (1..).zip(&s.outcome.decisions) {
                assert_eq!((d.seq, d.cause), (first + n, s.input.seq));
                let version = |x: &State| {
                    let rows = x.rows();
                    let own = rows.policies.iter().map(|(_, p)| p.version).any(|v| v == d.policy_version);
                    own || rows.policy.version == d.policy_version
                };
                assert!(version(s.before) || version(s.after), "{d:?}");
            }
            let count = i64::try_from(s.outcome.decisions.len()).expect("few");
            assert_eq!(s.after.head().decision_seq, first + count);
        });
    }

    #[test]
    fn s14_same_rows_and_inputs_give_the_same_outcome(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            let mut again = State::from_rows(s.before.rows());
            let outcome = ronda_routing::step(&mut again, s.input);
            assert_eq!(&outcome, s.outcome, "a restored state decides the same on {:?}", s.input);
            assert_eq!(again.hash_with_head(), s.after.hash_with_head());
            let restored = State::from_rows(s.after.rows());
            assert_eq!(restored.rows(), s.after.rows());
            assert_eq!(restored.hash_with_head(), s.after.hash_with_head());
        });
    }

    #[test]
    fn s14_rows_facts_and_decisions_survive_being_stored(policy in policies(), ops in ops(40)) {
        walk(policy, &ops, |s| {
            let rows = serde_json::to_string(&s.after.rows()).expect("rows are JSON");
            assert_eq!(serde_json::from_str::<ronda_routing::Rows>(&rows).ok(), Some(s.after.rows()));
            let input = serde_json::to_string(s.input).expect("inputs are JSON");
            assert_eq!(serde_json::from_str::<Input>(&input).ok().as_ref(), Some(s.input));
            let decisions = serde_json::to_string(&s.outcome.decisions).expect("decisions are JSON");
            assert_eq!(serde_json::from_str::<Vec<Decision>>(&decisions).ok().as_ref(), Some(&s.outcome.decisions));
        });
    }

    #[test]
    fn s14_a_batch_is_a_fold_of_its_steps(policy in policies(), ops in ops(60)) {
        let mut singles = world(policy);
        let mut batch = singles.clone();
        let (mut inputs, mut decisions) = (Vec::new(), Vec::new());
        for op in &ops {
            let input = input(&singles, op);
            decisions.extend(ronda_routing::step(&mut singles, &input).decisions);
            inputs.push(input);
        }
        let start = batch.rows();
        let outcome = ronda_routing::run(&mut batch, &inputs);
        prop_assert_eq!(batch.hash_with_head(), singles.hash_with_head());
        prop_assert_eq!(&outcome.decisions, &decisions);
        let mut seen: Vec<_> = outcome.convs.iter().map(|c| c.row.conv).collect();
        seen.dedup();
        prop_assert_eq!(seen.len(), outcome.convs.len(), "one change per conversation");
        batch.revert(&outcome);
        prop_assert_eq!(batch.rows(), start, "reverting a batch restores the rows");
        prop_assert_eq!(check(&batch), Ok(()));
    }

    #[test]
    fn s15_replaying_any_prefix_changes_nothing(policy in policies(), ops in ops(40), from in 0_usize..40) {
        let mut state = world(policy);
        let mut inputs = Vec::new();
        for op in &ops {
            let input = input(&state, op);
            ronda_routing::step(&mut state, &input);
            inputs.push(input);
        }
        let hash = state.hash_with_head();
        for old in inputs.iter().skip(from) {
            let outcome = ronda_routing::step(&mut state, old);
            prop_assert_eq!(&outcome.results, &vec![(old.seq, Answer::Duplicate)]);
            prop_assert_eq!(state.hash_with_head(), hash);
        }
    }

    #[test]
    fn s20_the_counts_of_a_funnel_are_the_members(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            for d in &s.outcome.decisions {
                assert!(d.funnel.adds_up(), "{d:?}");
                let stable = !matches!(s.input.fact, Fact::AgentEdited { .. } | Fact::GroupSet { .. });
                let of = |state: &State| d.conversation.and_then(|c| row(state, c)).and_then(|r| r.group);
                let group = of(s.before).or_else(|| of(s.after));
                let plain = group.is_none() && matches!(d.act, Act::Assign | Act::Rotate | Act::Keep | Act::Exhaust);
                if stable && plain && !matches!(d.reason, Reason::ReopenedToOwner { .. } | Reason::Reserved) {
                    let everybody = s.after.rows().agents.len();
                    assert_eq!(usize::try_from(d.funnel.members), Ok(everybody), "{d:?}");
                }
            }
        });
    }

    #[test]
    fn l4_no_deadline_is_left_behind(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            assert!(s.after.next_due().is_none_or(|due| due > s.after.head().at), "after {:?}", s.input);
            assert_eq!(s.outcome.next_due, s.after.next_due());
        });
    }

    #[test]
    fn l5_an_input_causes_few_decisions(policy in policies(), ops in ops(60)) {
        walk(policy, &ops, |s| {
            // What is due, released and given: each live conversation a few times at most, in one step.
            let live = s.before.rows().convs.len() + 1;
            assert!(s.outcome.decisions.len() <= 8 * live + 2, "{} for {live}", s.outcome.decisions.len());
        });
    }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn s17_tenants_do_not_touch_each_other(one in policies(), two in policies(), ops in ops(40), others in ops(40)) {
        // Each alone, then both in turn on one thread: the same hashes.
        let alone = |policy: &ronda_routing::Policy, ops: &[crate::walk::Op]| {
            let mut state = world(policy.clone());
            for op in ops {
                let input = input(&state, op);
                ronda_routing::step(&mut state, &input);
            }
            state.hash_with_head()
        };
        let (mut a, mut b) = (world(one.clone()), world(two.clone()));
        for n in 0..ops.len().max(others.len()) {
            for (state, op) in [(&mut a, ops.get(n)), (&mut b, others.get(n))] {
                if let Some(op) = op {
                    let input = input(state, op);
                    ronda_routing::step(state, &input);
                }
            }
        }
        prop_assert_eq!(a.hash_with_head(), alone(&one, &ops));
        prop_assert_eq!(b.hash_with_head(), alone(&two, &others));
    }
}

#[test]
fn the_walks_reach_everything_that_can_be_decided() {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen: BTreeMap<Act, u32> = BTreeMap::new();
    for _ in 0..300 {
        let (policy, ops) = (policies(), ops(80)).new_tree(&mut runner).expect("a case").current();
        walk(policy, &ops, |s| {
            for d in &s.outcome.decisions {
                *seen.entry(d.act).or_default() += 1;
            }
        });
    }
    let missing: Vec<_> = ALL_ACTS.iter().filter(|a| seen.get(a).is_none_or(|n| *n < 3)).collect();
    assert!(missing.is_empty(), "{missing:?} of {seen:?}");
}

const ALL_ACTS: [Act; 26] = [
    Act::Enqueue,
    Act::Assign,
    Act::Rotate,
    Act::Keep,
    Act::Release,
    Act::Requeue,
    Act::Exhaust,
    Act::Take,
    Act::Transfer,
    Act::Decline,
    Act::Return,
    Act::Close,
    Act::ReturnToBot,
    Act::Extend,
    Act::Rearm,
    Act::Pause,
    Act::Unreserve,
    Act::Amnesty,
    Act::MarkAway,
    Act::CoolDown,
    Act::Regroup,
    Act::Overflow,
    Act::Widen,
    Act::WaitOver,
    Act::Raise,
    Act::Escalate,
];
