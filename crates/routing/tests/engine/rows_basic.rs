//! Arrival, order, capacity.

use crate::dsl::{Scene, sales, support};
use ronda_routing::{Act, Presence};

#[test]
fn happy_path_arrives_is_assigned_answered_and_closed() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    assert_eq!(s.owner(1), 1);
    assert_eq!(s.deadline(1), Some(600));
    assert_eq!(s.acts(1), [Act::Enqueue, Act::Assign]);
    assert_eq!((s.row(1).epoch.0, s.load(1)), (2, 1));
    assert_eq!(s.last.convs.len(), 1);
    assert_eq!(s.last.next_due.map(|d| d.0), Some(600_000));
    s.at(30).answer(1);
    assert_eq!(s.deadline(1), None);
    s.close(1);
    assert_eq!((s.owner(1), s.load(1)), (-1, 0));
    let change = &s.last.convs[0];
    assert_eq!((change.seen.0, change.row.epoch.0, change.row.owner), (2, 3, None));
    assert!(change.closed.is_some());
}

#[test]
fn happy_path_rotates_when_nobody_answers() {
    let mut s = Scene::with(sales(), 3);
    s.arrive(1);
    assert_eq!(s.owner(1), 1);
    s.at(60);
    assert_eq!(s.owner(1), 2);
    assert_eq!(s.last.convs[0].rotation.map(|m| m.0), Some(0));
    s.at(120);
    assert_eq!(s.owner(1), 3);
    s.at(180);
    assert_eq!((s.owner(1), s.row(1).round), (1, 1));
}

#[test]
fn happy_path_a_backlog_is_served_oldest_first_when_somebody_comes() {
    let mut s = Scene::new(support());
    s.edit(1, &[], None);
    for conv in 1..=12 {
        s.now = conv;
        s.arrive(conv);
    }
    assert!(s.waits(1));
    s.presence(1, Presence::Online);
    assert_eq!((1..=10).map(|n| s.owner(n)).sum::<i64>(), 10);
    assert!(s.waits(11) && s.waits(12));
    s.close(4);
    assert_eq!((s.owner(11), s.owner(12)), (1, 0));
}
