//! The wall of supervisors: what one look says.

use crate::dsl::{Scene, a, c, g, sales, support};
use ronda_domain::Ms;
use ronda_routing::{Policy, Presence, Reject, survey, why_waiting};

#[test]
fn rep_11_each_queue_says_why_its_first_is_not_taken() {
    let mut s = Scene::with(
        Policy {
            limit: Some(1),
            ..support()
        },
        2,
    );
    s.presence(2, Presence::Away);
    for conv in 1..=3 {
        s.arrive(conv);
    }
    let seen = survey(&s.state, s.state.head().at);
    let queue = &seen.queues[0];
    assert_eq!(
        (queue.group, queue.waiting, queue.held, queue.unanswered),
        (None, 2, 1, 1)
    );
    assert_eq!(queue.oldest.map(|(_, conv)| conv), Some(c(2)));
    assert_eq!(queue.funnel, why_waiting(&s.state, c(2)));
    assert_eq!(queue.reasons, [(Reject::Full, 2)], "the nearest to being taken");
    let first = &seen.agents[0];
    assert_eq!((first.agent, first.load, first.owed), (a(1), 1, 1));
    assert_eq!(first.oldest.map(|(_, conv)| conv), Some(c(1)));
    assert_eq!(seen.clocks.len(), 1);
}

#[test]
fn rep_11_groups_without_anybody_waiting_are_there_too() {
    let mut s = Scene::new(support());
    s.group(7, false);
    let seen = survey(&s.state, s.state.head().at);
    assert_eq!(seen.queues.len(), 1);
    assert_eq!((seen.queues[0].group, seen.queues[0].waiting), (Some(g(7)), 0));
}

#[test]
fn row_04_silence_after_an_answer_is_marked_overdue() {
    let mut s = Scene::with(sales(), 1);
    s.arrive(1);
    s.answer(1);
    s.at(100);
    s.customer(1);
    let at = |second: i64| Ms(second * 1_000);
    assert_eq!(survey(&s.state, at(159)).overdue, []);
    assert_eq!(survey(&s.state, at(160)).overdue, [(at(160), c(1))]);
    s.answer(1);
    assert_eq!(survey(&s.state, at(300)).overdue, []);
}
