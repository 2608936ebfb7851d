//! Explanations and previews.

use crate::dsl::{Scene, a, c, support};
use ronda_routing::{Policy, Position, Presence, Reject, next_for, position, preview, why_waiting};

fn lost(s: &Scene, conv: i64) -> Vec<(Reject, u32)> {
    let funnel = why_waiting(&s.state, c(conv));
    assert!(funnel.adds_up());
    funnel.lost.iter().map(|l| (l.reason, l.count)).collect()
}

#[test]
fn why_waiting_counts_every_member_once() {
    let mut s = Scene::with(
        Policy {
            limit: Some(1),
            excluded: [a(4)].into(),
            ..support()
        },
        4,
    );
    s.edit(5, &[], None);
    s.presence(3, Presence::Away);
    for conv in 1..=3 {
        s.arrive(conv);
    }
    assert_eq!(
        lost(&s, 3),
        [(Reject::Excluded, 1), (Reject::NotOnline, 2), (Reject::Full, 2)]
    );
    assert_eq!(why_waiting(&s.state, c(1)).members, 0, "held: nothing to explain");
}

#[test]
fn why_waiting_names_the_pacing_and_the_missed() {
    let mut s = Scene::new(Policy::support());
    s.edit(1, &[], None);
    for conv in 1..=4 {
        s.arrive(conv);
    }
    s.presence(1, Presence::Online);
    assert_eq!(lost(&s, 4), [(Reject::Ramp, 1)]);
    s.transfer(1, 1, ronda_routing::Target::Anyone);
    assert_eq!(lost(&s, 1), [(Reject::Missed, 1)]);
}

#[test]
fn why_waiting_says_when_it_is_switched_off() {
    let mut s = Scene::with(
        Policy {
            enabled: false,
            ..support()
        },
        2,
    );
    s.arrive(1);
    assert_eq!(lost(&s, 1), [(Reject::SwitchedOff, 2)]);
}

#[test]
fn positions_and_the_next_one_follow_the_queue() {
    let mut s = Scene::with(
        Policy {
            enabled: false,
            ..support()
        },
        1,
    );
    for conv in [3, 1, 2] {
        s.now += 1;
        s.arrive(conv);
    }
    assert_eq!(position(&s.state, c(3)), Some(Position { place: 1, of: 3 }));
    assert_eq!(position(&s.state, c(2)), Some(Position { place: 3, of: 3 }));
    assert_eq!(next_for(&s.state, a(1)), Some(c(3)));
    s.take(3, 1);
    assert_eq!(next_for(&s.state, a(1)), Some(c(1)));
    assert_eq!(position(&s.state, c(3)), None);
}

#[test]
fn a_preview_says_what_would_move_and_changes_nothing() {
    let mut s = Scene::with(
        Policy {
            enabled: false,
            ..support()
        },
        2,
    );
    for conv in 1..=5 {
        s.arrive(conv);
    }
    let before = s.state.hash_with_head();
    let shown = preview(
        &s.state,
        &Policy {
            limit: Some(2),
            ..support()
        },
    );
    assert_eq!((shown.moves, shown.eligible), (4, 2));
    let shown = preview(
        &s.state,
        &Policy {
            excluded: [a(1)].into(),
            ..support()
        },
    );
    assert_eq!((shown.moves, shown.eligible), (5, 1));
    assert_eq!(s.state.hash_with_head(), before);
}
