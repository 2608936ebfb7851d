//! A short soak with every `make test`; `make soak` lives longer.

use ronda_bench::soak::{Life, live};

const SHORT: Life = Life {
    events: 50_000,
    seed: 7,
    look_every: 250,
    crashes: true,
};

#[test]
fn s1_to_s20_hold_through_a_life_with_faults() {
    let report = live(SHORT).unwrap_or_else(|e| panic!("{e:?}"));
    assert!(report.crashes > 20, "{report:?}");
    assert!(report.acts.len() >= 15, "something never happened: {:?}", report.acts);
}

#[test]
fn s14_the_same_seed_with_and_without_crashes_ends_with_the_same_hash() {
    let short = Life {
        events: 15_000,
        look_every: 5_000,
        ..SHORT
    };
    let [with, without, other] = [
        short,
        Life {
            crashes: false,
            ..short
        },
        Life { seed: 8, ..short },
    ]
    .map(|life| live(life).unwrap_or_else(|e| panic!("{e:?}")).hash);
    assert_eq!(with, without);
    assert_ne!(with, other, "a hash that says something");
}
