//! Rows about open hours, and a few that follow from others.

use crate::dsl::{Scene, a, c, g, sales, support};
use crate::walk::{cases, input, ops, policies, world};
use proptest::prelude::*;
use ronda_domain::conversation::CloseReason;
use ronda_domain::{ChannelAccountId, GroupId, Ms};
use ronda_routing::{
    Act, ConvRow, Fact, Hours, HoursScope, Input, Notice, Policy, Presence, Reason, Rows, add_open, open_between,
};

fn spans(of: &[(i64, i64)]) -> Hours {
    Hours::Spans(of.iter().map(|(from, to)| (Ms(from * 1_000), Ms(to * 1_000))).collect())
}

impl Scene {
    fn hours(&mut self, of: &[(i64, i64)]) {
        self.hours_of(HoursScope::Workspace, of);
    }

    fn hours_of(&mut self, scope: HoursScope, of: &[(i64, i64)]) {
        let hours = Some(spans(of));
        self.step(Fact::HoursSet { scope, hours });
    }
}

#[test]
fn row_04_after_the_first_reply_silence_rotates_nothing() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    s.answer(1);
    s.at(10).customer(1);
    s.at(5_000);
    assert_eq!(
        (s.owner(1), s.row(1).anchor),
        (1, Some(Ms(10_000))),
        "owed since then: what overdue marks read"
    );
}

#[test]
fn row_24_a_newcomer_among_the_least_busy_is_paced() {
    let mut s = Scene::with(Policy::support(), 2);
    for conv in 1..=8 {
        s.arrive(conv);
    }
    s.at(300).edit(3, &[], None);
    s.presence(3, Presence::Online);
    for conv in 11..=16 {
        s.arrive(conv);
    }
    assert_eq!(s.load(3), 3, "not all six, although nobody has less to do");
}

#[test]
fn row_37_the_clock_stands_still_while_closed() {
    let mut s = Scene::with(support(), 2);
    s.hours(&[(0, 100), (1_000, 5_000)]);
    s.arrive(1);
    assert_eq!(
        s.deadline(1),
        Some(1_500),
        "a hundred seconds before closing, five hundred after opening"
    );
    s.at(999);
    assert_eq!(s.owner(1), 1);
    s.at(1_500);
    assert_eq!(s.owner(1), 2);
}

#[test]
fn row_38_what_arrives_after_hours_waits_without_a_clock_and_is_released_paced_by_anchor() {
    let mut s = Scene::with(Policy::support(), 1);
    s.hours(&[(0, 100), (1_000, 5_000)]);
    s.at(200);
    for conv in (1..=5).rev() {
        s.now += 1;
        s.arrive(conv);
    }
    assert!((1..=5).all(|conv| s.waits(conv) && s.row(conv).rotate_at.is_none()));
    let lost = ronda_routing::why_waiting(&s.state, c(5)).lost;
    assert_eq!(
        lost.iter().map(|l| l.reason).collect::<Vec<_>>(),
        [ronda_routing::Reject::Closed]
    );
    assert_eq!(s.state.next_due(), Some(Ms(1_000_000)), "the opening");
    s.at(999);
    assert_eq!(s.load(1), 0);
    s.at(1_000);
    let owners: Vec<_> = (1..=5).map(|conv| s.owner(conv)).collect();
    assert_eq!(owners, [0, 0, 1, 1, 1], "three at once, the oldest first");
    assert_eq!(s.deadline(5), Some(1_600), "a full time from the opening");
    s.at(1_060);
    assert_eq!(s.owner(2), 1);
}

#[test]
fn row_38_new_hours_that_open_at_once_release_what_waits() {
    let mut s = Scene::with(support(), 1);
    s.hours(&[(1_000, 5_000)]);
    s.arrive(1);
    assert!(s.waits(1));
    s.at(10).step(Fact::HoursSet {
        scope: HoursScope::Workspace,
        hours: Some(Hours::Always),
    });
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_70_what_is_too_old_stays_waiting_when_assignment_is_switched_on() {
    let mut s = Scene::with(
        Policy {
            enabled: false,
            ..support()
        },
        2,
    );
    s.arrive(1);
    s.at(90_000).arrive(2);
    let on = Policy {
        enabled: true,
        ..s.state.policy().clone()
    };
    let preview = ronda_routing::preview(&s.state, &on);
    assert_eq!((preview.set_aside, preview.moves), (vec![c(1)], 1));
    s.policy(|p| p.enabled = true);
    assert_eq!((s.owner(1), s.owner(2)), (0, 1));
    let lost = ronda_routing::why_waiting(&s.state, c(1)).lost;
    assert_eq!(
        lost.iter().map(|l| l.reason).collect::<Vec<_>>(),
        [ronda_routing::Reject::SetAside]
    );
    s.at(90_010).customer(1);
    assert_eq!(s.owner(1), 2, "its customer is still there");
}

#[test]
fn row_70_a_larger_threshold_or_a_take_brings_it_back() {
    let mut s = Scene::with(
        Policy {
            enabled: false,
            ..support()
        },
        2,
    );
    s.arrive(1);
    s.arrive(2);
    s.at(90_000).policy(|p| p.enabled = true);
    assert!(s.waits(1) && s.waits(2));
    s.take(1, 2);
    assert_eq!((s.owner(1), s.row(1).keep.stale), (2, false));
    s.policy(|p| p.max_backlog_age_seconds = 100_000);
    assert_eq!(s.owner(2), 1);
}

#[test]
fn row_39_manual_work_is_possible_while_closed() {
    let mut s = Scene::with(support(), 1);
    s.hours(&[(0, 100), (1_000, 5_000)]);
    s.presence(1, Presence::Away);
    s.at(200).arrive(1);
    s.take(1, 1);
    assert_eq!((s.owner(1), s.deadline(1)), (1, Some(1_600)));
}

#[test]
fn row_41_new_hours_move_what_is_left_of_a_clock() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.at(100).hours(&[(0, 200), (10_000, 20_000)]);
    assert_eq!(
        s.deadline(1),
        Some(10_400),
        "five hundred seconds were left: one hundred now, the rest later"
    );
    s.at(150).step(Fact::HoursSet {
        scope: HoursScope::Workspace,
        hours: None,
    });
    assert_eq!(s.deadline(1), Some(600));
}

#[test]
fn row_45_a_preferred_agent_who_misses_is_rotated_like_others() {
    let mut s = Scene::with(sales(), 2);
    s.arrive_with(1, |x| x.prefer = Some(a(2)));
    assert_eq!(s.owner(1), 2);
    s.at(60);
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_65_closing_what_is_owed_a_reply_is_told() {
    let mut s = Scene::with(support(), 1);
    s.now = 7;
    s.arrive(1);
    s.at(20);
    s.step(Fact::Closed {
        conv: c(1),
        by: None,
        seen: None,
        reason: CloseReason::Inactivity,
        arrival: None,
    });
    let owed = Notice::ClosedUnanswered {
        conversation: c(1),
        owner: Some(a(1)),
        owed_since: Ms(7_000),
    };
    assert_eq!(s.last.notices, [owed]);
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn s12_no_clock_advances_in_closed_hours(
        policy in policies(),
        ops in ops(60),
        closed in 60_i64..100_000,
        which in 0_usize..5,
    ) {
        // One calendar closes from a moment on, for any length, whatever the others say: what is left of each clock that
        // follows it is the same at the end of it, and no other clock notices.
        let mut state = world(Policy { rounds: 3, ..policy });
        for op in &ops {
            let input = input(&state, op);
            ronda_routing::step(&mut state, &input);
        }
        let now = state.head().at;
        let opens = now.plus(closed * 1_000);
        let scope = [
            HoursScope::Workspace,
            HoursScope::Channel(ChannelAccountId(1)),
            HoursScope::Channel(ChannelAccountId(2)),
            HoursScope::Group(g(1)),
            HoursScope::Group(g(2)),
        ][which];
        let hours = Hours::Spans(vec![(opens, opens.plus(1_000 * Ms::DAY))]);
        let before = state.rows();
        let seq = state.head().input_seq;
        let set = Fact::HoursSet { scope, hours: Some(hours.clone()) };
        ronda_routing::step(&mut state, &Input { seq: seq + 1, at: now, fact: set });
        let after = state.rows();
        for old in before.convs.iter().filter(|c| c.rotate_at.is_some()) {
            let new = state.conv(old.conv).and_then(|c| c.rotate_at);
            if calendar(&after, old) != Some(scope) {
                prop_assert_eq!(new, old.rotate_at, "by hours of its own: {:?}", old);
                continue;
            }
            let runs_from = paused(&before, old).map_or(now, |until| until.max(now));
            let left = open_between(&hours_of(&before, old), runs_from, old.rotate_at.expect("armed"));
            prop_assert_eq!(new, add_open(&hours, runs_from, left), "{:?}", old);
        }
        let end = opens.plus(-1);
        let outcome = ronda_routing::step(&mut state, &Input { seq: seq + 2, at: end, fact: Fact::Tick });
        let by_clock = |d: &&ronda_routing::Decision| {
            matches!(d.act, Act::Rotate | Act::Keep | Act::Exhaust | Act::Release | Act::Return)
                && !matches!(d.reason, Reason::NowAvailable { .. })
        };
        for d in outcome.decisions.iter().filter(by_clock) {
            let conv = before.convs.iter().find(|c| Some(c.conv) == d.conversation).expect("it was there");
            // Who is gone gives back what was lent, open or not.
            let gone = matches!(d.reason, Reason::CameBack { .. });
            prop_assert!(gone || calendar(&after, conv) != Some(scope), "{:?}", d);
        }
    }
}

/// What a target group stands for.
fn home(rows: &Rows, conv: &ConvRow) -> Option<GroupId> {
    let wanted = conv.group?;
    let known = rows.groups.iter().find(|g| g.group == wanted);
    known
        .or_else(|| rows.groups.iter().find(|g| g.default))
        .map(|g| g.group)
}

/// Whose hours hold for a conversation: the most specific that are set (row 42).
fn calendar(rows: &Rows, conv: &ConvRow) -> Option<HoursScope> {
    let set = |scope: &HoursScope| rows.hours.iter().any(|(s, _)| s == scope);
    let group = home(rows, conv).map(HoursScope::Group).filter(set);
    let channel = Some(HoursScope::Channel(conv.channel)).filter(set);
    group.or(channel).or(Some(HoursScope::Workspace).filter(set))
}

fn hours_of(rows: &Rows, conv: &ConvRow) -> Hours {
    let scope = calendar(rows, conv);
    let found = rows.hours.iter().find(|(s, _)| Some(*s) == scope);
    found.map_or(Hours::Always, |(_, hours)| hours.clone())
}

/// Until when a pause of rotation holds its clock.
fn paused(rows: &Rows, conv: &ConvRow) -> Option<Ms> {
    let group = home(rows, conv);
    let its = rows.pauses.iter().filter(|(g, _)| g.is_none() || *g == group);
    its.map(|(_, until)| *until).max()
}
