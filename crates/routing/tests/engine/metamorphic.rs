//! Properties that compare two runs: what must not matter, does not. They need no model of what is right, so they find
//! what a model and an engine by the same hand would both get wrong: a clock looked at, an order that leaked, something
//! kept outside the rows.

use crate::walk::{Op, cases, input, ops, policies, world};
use proptest::prelude::*;
use ronda_domain::{AgentId, Ms};
use ronda_routing::{AgentRow, Decision, Input, Outcome, Policy, Presence, PresenceRule, Rows, State, run, step};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The inputs of a walk from `start`, each as the state then made it, with what they did.
fn recorded(start: &State, ops: &[Op]) -> (Vec<Input>, Vec<Outcome>, State) {
    let mut state = start.clone();
    let inputs_and_outcomes = ops.iter().map(|op| {
        let input = input(&state, op);
        let outcome = step(&mut state, &input);
        (input, outcome)
    });
    let (inputs, outcomes) = inputs_and_outcomes.unzip();
    (inputs, outcomes, state)
}

fn decisions(outcomes: &[Outcome]) -> Vec<Decision> {
    outcomes.iter().flat_map(|o| o.decisions.clone()).collect()
}

/// The same value with every number below a key changed by `change`, which is told the key and the object around it.
fn with_numbers<T: Serialize + DeserializeOwned>(value: &T, change: &impl Fn(&str, &Value, i64) -> i64) -> T {
    fn visit(key: &str, around: &Value, value: &Value, change: &impl Fn(&str, &Value, i64) -> i64) -> Value {
        match value {
            Value::Number(n) => n
                .as_i64()
                .map_or_else(|| value.clone(), |n| change(key, around, n).into()),
            Value::Array(list) => list.iter().map(|v| visit(key, around, v, change)).collect(),
            Value::Object(map) => {
                let inside = map.iter().map(|(k, v)| (k.clone(), visit(k, value, v, change)));
                Value::Object(inside.collect())
            }
            _ => value.clone(),
        }
    }
    let json = serde_json::to_value(value).expect("it is JSON");
    serde_json::from_value(visit("", &Value::Null, &json, change)).expect("the same shape")
}

const TIMES: [&str; 23] = [
    "anchor",
    "answered_at",
    "asked_since",
    "assigned_at",
    "at",
    "cooling_until",
    "deferred_until",
    "ends",
    "gone_due",
    "last_assigned_at",
    "life_at",
    "next_at",
    "owed_since",
    "reserved_until",
    "rotate_at",
    "since",
    "spans",
    "step_since",
    "strike_at",
    "until",
    "waiting_since",
    "window_ends",
    "worked_at",
];

/// The start of a ramp is a time, the owner before a decision is not; of the pairs of a pause the larger one is.
fn is_time(key: &str, around: &Value, n: i64) -> bool {
    match key {
        "from" => around.get("base").is_some(),
        "pauses" => n > MANY,
        _ => TIMES.contains(&key),
    }
}

/// No id of these worlds is larger, and no pause ends so early.
const MANY: i64 = 100;

/// Ids keep their order when renamed, for a tie is broken by the smaller one.
fn renamed(key: &str, around: &Value, n: i64) -> i64 {
    match key {
        // A conversation that goes on to another group, by itself or after a broken promise.
        "from" | "to" if around.get("empty").is_some() || around.get("raise_minutes").is_some() => n * 5 + 2_000,
        "agent" | "by" | "to" | "owner" | "prefer" | "reserved_for" | "chosen" | "missed" | "excluded" | "previous"
        | "return_to" => n * 7 + 100,
        "from" if around.get("base").is_none() => n * 7 + 100,
        "pauses" if n > MANY => n,
        "group" | "groups" | "add_groups" | "heir" | "overflow" | "pauses" | "policies" | "via" => n * 5 + 2_000,
        "conv" | "conversation" => n * 3 + 30_000,
        "customer" => n * 2 + 400_000,
        "channel" | "channels" => n * 11 + 5_000_000,
        _ => n,
    }
}

/// A decision without the numbers of the funnel that count everybody.
fn choice(mut d: Decision) -> Decision {
    d.funnel.members = 0;
    d.funnel.lost.clear();
    d
}

fn newcomer(agent: AgentId, how: u8, policy: &Policy) -> AgentRow {
    let mut row = AgentRow::new(agent);
    row.active = true;
    row.groups = vec![crate::dsl::g(1), crate::dsl::g(2)];
    row.keep.presence = Presence::Online;
    match how % 3 {
        0 => row.active = false,
        1 => row.channels = Some(Vec::new()),
        _ if policy.presence == PresenceRule::Online => row.keep.presence = Presence::Away,
        _ => row.active = false,
    }
    if row.active {
        // Whether anybody is in a group decides where its conversations go (row 68).
        row.groups.clear();
    }
    row
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn s14_a_shift_in_time_shifts_everything_and_changes_nothing(policy in policies(), ops in ops(60), by in 1_i64..4_000_000_000_000) {
        let start = world(policy);
        let (inputs, outcomes, end) = recorded(&start, &ops);
        let shift = |key: &str, around: &Value, n: i64| if is_time(key, around, n) { n + by } else { n };
        let mut moved = State::from_rows(with_numbers(&start.rows(), &shift));
        let mut late = Vec::new();
        for input in &inputs {
            late.extend(step(&mut moved, &with_numbers(input, &shift)).decisions);
        }
        prop_assert_eq!(moved.next_due(), end.next_due().map(|at| at.plus(by)));
        prop_assert_eq!(late, with_numbers(&decisions(&outcomes), &shift));
        prop_assert_eq!(moved.rows(), with_numbers(&end.rows(), &shift));
    }

    #[test]
    fn s14_other_ids_in_the_same_order_change_nothing(policy in policies(), ops in ops(60)) {
        let start = world(policy);
        let (inputs, outcomes, end) = recorded(&start, &ops);
        let mut other = State::from_rows(with_numbers(&start.rows(), &renamed));
        let mut theirs = Vec::new();
        for input in &inputs {
            theirs.extend(step(&mut other, &with_numbers(input, &renamed)).decisions);
        }
        prop_assert_eq!(theirs, with_numbers(&decisions(&outcomes), &renamed));
        prop_assert_eq!(other.rows(), with_numbers(&end.rows(), &renamed));
    }

    #[test]
    fn s6_somebody_who_cannot_receive_changes_no_choice(policy in policies(), ops in ops(60), how in any::<u8>(), first in any::<bool>()) {
        let start = world(policy.clone());
        let (inputs, outcomes, end) = recorded(&start, &ops);
        let stranger = AgentId(if first { 0 } else { 77 });
        let mut rows = start.rows();
        rows.agents.push(newcomer(stranger, how, &policy));
        let mut with = State::from_rows(rows);
        let mut theirs = Vec::new();
        for input in &inputs {
            theirs.extend(step(&mut with, input).decisions.into_iter().map(choice));
        }
        let ours: Vec<_> = decisions(&outcomes).into_iter().map(choice).collect();
        prop_assert_eq!(theirs, ours);
        let mut rows = with.rows();
        rows.agents.retain(|a| a.agent != stranger);
        prop_assert_eq!(rows, end.rows());
    }

    #[test]
    fn s14_restored_anywhere_the_future_is_the_same(policy in policies(), ops in ops(60), restores in any::<u64>()) {
        let start = world(policy);
        let (inputs, outcomes, end) = recorded(&start, &ops);
        let mut state = start;
        let mut theirs = Vec::new();
        for (n, input) in inputs.iter().enumerate() {
            if restores >> (n % 64) & 1 == 1 {
                let stored = serde_json::to_string(&state.rows()).expect("rows are JSON");
                state = State::from_rows(serde_json::from_str::<Rows>(&stored).expect("rows"));
            }
            theirs.extend(step(&mut state, input).decisions);
        }
        prop_assert_eq!(theirs, decisions(&outcomes));
        prop_assert_eq!(state.hash_with_head(), end.hash_with_head());
        prop_assert_eq!(state.rows(), end.rows());
    }

    #[test]
    fn s14_however_inputs_are_cut_into_batches_the_sum_is_the_same(policy in policies(), ops in ops(60), cuts in any::<u64>()) {
        let start = world(policy);
        let (inputs, outcomes, end) = recorded(&start, &ops);
        let mut state = start;
        let mut theirs = Vec::new();
        let mut from = 0;
        for n in 1..=inputs.len() {
            if n == inputs.len() || cuts >> (n % 64) & 1 == 1 {
                theirs.extend(run(&mut state, &inputs[from..n]).decisions);
                from = n;
            }
        }
        prop_assert_eq!(theirs, decisions(&outcomes));
        prop_assert_eq!(state.hash_with_head(), end.hash_with_head());
        prop_assert_eq!(state.next_due(), end.next_due());
    }

    #[test]
    fn s15_a_plan_taken_back_and_made_again_is_the_same_plan(policy in policies(), ops in ops(60), failed in any::<u64>()) {
        let start = world(policy);
        let (inputs, outcomes, end) = recorded(&start, &ops);
        let mut state = start;
        let mut theirs = Vec::new();
        for (n, input) in inputs.iter().enumerate() {
            let before = Ms(state.head().at.0);
            if failed >> (n % 64) & 1 == 1 {
                let plan = step(&mut state, input);
                state.revert(&plan);
                prop_assert_eq!(state.head().at, before);
            }
            theirs.extend(step(&mut state, input).decisions);
        }
        prop_assert_eq!(theirs, decisions(&outcomes));
        prop_assert_eq!(state.rows(), end.rows());
    }

    #[test]
    fn s17_two_workspaces_in_any_order_do_not_touch_each_other(
        policies in (policies(), policies()),
        ops in (ops(40), ops(40)),
        order in any::<u64>(),
    ) {
        let starts = [world(policies.0), world(policies.1)];
        let all = [recorded(&starts[0], &ops.0), recorded(&starts[1], &ops.1)];
        let mut states = starts;
        let mut at = [0, 0];
        let mut theirs = [Vec::new(), Vec::new()];
        for turn in 0.. {
            let left = [0, 1].map(|w| at[w] < all[w].0.len());
            let w = match left {
                [false, false] => break,
                [true, false] => 0,
                [false, true] => 1,
                [true, true] => usize::from(order >> (turn % 64) & 1 == 1),
            };
            theirs[w].extend(step(&mut states[w], &all[w].0[at[w]]).decisions);
            at[w] += 1;
        }
        for (w, (_, outcomes, end)) in all.iter().enumerate() {
            prop_assert_eq!(&theirs[w], &decisions(outcomes));
            prop_assert_eq!(states[w].hash_with_head(), end.hash_with_head());
        }
    }
}
