//! Rows 18–29: order, capacity, pacing, collisions.

use crate::dsl::{Scene, a, c, sales, support};
use ronda_domain::ChannelAccountId;
use ronda_domain::conversation::CloseReason;
use ronda_routing::{Answer, Epoch, Fact, Notice, Policy, Presence, Profile, Reason, Reject, Target, why_waiting};

fn limited(limit: u32) -> Policy {
    Policy {
        limit: Some(limit),
        ..support()
    }
}

#[test]
fn row_18_an_arrival_does_not_pass_the_older_one_when_a_slot_frees() {
    let mut s = Scene::with(limited(1), 1);
    s.arrive(1);
    s.at(1).arrive(2);
    s.at(2).arrive(3);
    assert!(s.waits(2) && s.waits(3));
    s.close(1);
    assert_eq!((s.owner(2), s.owner(3)), (1, 0));
}

#[test]
fn row_18_it_passes_only_what_cannot_use_the_slot() {
    let mut s = Scene::new(support());
    s.group(1, false);
    s.hire(1);
    s.arrive_in(1, 1);
    s.at(1).arrive(2);
    assert_eq!(
        (s.owner(1), s.owner(2)),
        (0, 1),
        "the older one asks for a group nobody is in"
    );
}

#[test]
fn row_19_a_head_nobody_can_take_blocks_nobody() {
    let mut s = Scene::new(limited(1));
    for group in [1, 2] {
        s.group(group, false);
        s.edit(group, &[group], None);
    }
    s.presence(2, Presence::Online);
    s.arrive_in(1, 1);
    s.at(1).arrive_in(2, 2);
    s.at(2).arrive_in(3, 2);
    assert_eq!((s.owner(1), s.owner(2), s.owner(3)), (0, 2, 0));
    s.close(2);
    assert_eq!((s.owner(1), s.owner(3)), (0, 2));
}

#[test]
fn row_20_a_freed_slot_is_filled_in_the_same_step() {
    let mut s = Scene::with(limited(2), 1);
    for conv in 1..=4 {
        s.arrive(conv);
    }
    s.close(1);
    assert_eq!(s.owner(3), 1);
    assert_eq!(s.last.convs.len(), 2, "the closed and the assigned one, in one outcome");
    s.transfer(2, 1, Target::Anyone);
    assert_eq!((s.owner(4), s.owner(2)), (1, 0), "not back to the sender");
}

#[test]
fn row_21_a_lowered_limit_takes_nothing_away() {
    let mut s = Scene::with(limited(3), 1);
    for conv in 1..=4 {
        s.arrive(conv);
    }
    s.policy(|p| p.limit = Some(1));
    assert_eq!((s.load(1), s.waits(4)), (3, true));
    s.close(1);
    s.close(2);
    assert!(s.waits(4), "one is still held");
    s.close(3);
    assert_eq!(s.owner(4), 1);
}

#[test]
fn row_22_a_raised_limit_refills_through_the_ramp() {
    let mut s = Scene::with(
        Policy {
            limit: Some(1),
            ..Policy::support()
        },
        1,
    );
    for conv in 1..=8 {
        s.arrive(conv);
    }
    assert_eq!(s.load(1), 1);
    s.at(400).policy(|p| p.limit = Some(10));
    assert_eq!(s.load(1), 4, "three at once");
    s.at(460);
    assert_eq!(s.load(1), 5);
    s.at(520);
    assert_eq!(s.load(1), 6);
}

#[test]
fn row_22_a_removed_limit_refills_at_once_without_ramp() {
    let mut s = Scene::with(limited(1), 1);
    for conv in 1..=8 {
        s.arrive(conv);
    }
    s.policy(|p| p.limit = None);
    assert_eq!(s.load(1), 8);
}

#[test]
fn row_23_who_comes_online_gets_three_at_once_then_one_a_minute_oldest_first() {
    let mut s = Scene::new(Policy::support());
    s.edit(1, &[], None);
    for conv in 1..=20 {
        s.now = conv;
        s.arrive(conv);
    }
    s.now = 100;
    s.presence(1, Presence::Online);
    assert_eq!((s.load(1), s.owner(3), s.owner(4)), (3, 1, 0));
    s.at(159);
    assert_eq!(s.load(1), 3);
    s.at(160);
    assert_eq!((s.load(1), s.owner(4)), (4, 1));
    s.at(520);
    assert_eq!(s.load(1), 10);
    s.at(700);
    assert_eq!(s.load(1), 10, "never above the limit");
}

#[test]
fn row_25_everything_held_counts_as_one() {
    let mut s = Scene::with(limited(2), 1);
    s.arrive(1);
    s.arrive(2);
    s.answer(1);
    s.step(Fact::Parked { conv: c(1) });
    s.arrive(3);
    assert_eq!((s.load(1), s.waits(3)), (2, true), "a parked one counts as well");
}

#[test]
fn row_26_what_wakes_stays_with_its_owner_up_to_the_hard_cap() {
    let mut s = Scene::with(limited(2), 1);
    s.arrive(1);
    s.arrive(2);
    s.answer(1);
    s.step(Fact::Parked { conv: c(1) });
    s.at(50).customer(1);
    assert_eq!((s.owner(1), s.load(1)), (1, 2));
    s.answer(1);
    s.step(Fact::Parked { conv: c(1) });
    s.step(Fact::Woken { conv: c(1) });
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_26_beyond_the_hard_cap_it_waits_for_its_owner_first() {
    let mut s = Scene::with(limited(6), 1);
    for conv in 1..=6 {
        s.arrive(conv);
    }
    s.hire(2);
    s.step(Fact::Parked { conv: c(1) });
    s.policy(|p| p.limit = Some(1));
    s.step(Fact::Woken { conv: c(1) });
    assert_eq!((s.owner(1), s.row(1).reserved_for, s.load(1)), (0, Some(a(1)), 5));
    s.at(60);
    assert_eq!(s.owner(1), 2, "after a minute anybody may have it");
}

#[test]
fn row_27_manual_work_passes_the_limit_up_to_the_hard_cap() {
    let mut s = Scene::with(limited(1), 1);
    for conv in 1..=4 {
        s.arrive(conv);
    }
    assert_eq!(s.owner(2), 0, "never automatically");
    s.take(2, 1);
    let over = Notice::OverLimit {
        conversation: c(2),
        agent: a(1),
        load: 2,
        limit: 1,
    };
    assert_eq!(s.last.notices, [over]);
    assert_eq!(s.last.agents[0].guard, 3);
    s.take(3, 1);
    assert_eq!(s.take(4, 1), Answer::HardCap { load: 3, cap: 3 });
    assert_eq!((s.load(1), s.owner(4)), (3, 0));
}

#[test]
fn row_27_without_the_right_the_limit_holds_for_takes_too() {
    let mut s = Scene::with(limited(1), 1);
    s.arrive(1);
    s.arrive(2);
    let (conv, agent) = (c(2), a(1));
    let take = Fact::Taken {
        conv,
        agent,
        seen: None,
        take_over: false,
        may_exceed: false,
        arrival: None,
    };
    assert_eq!(s.step(take), Answer::HardCap { load: 1, cap: 1 });
}

#[test]
fn row_28_the_second_of_two_takes_hears_who_has_it() {
    let mut s = Scene::with(
        Policy {
            enabled: false,
            ..support()
        },
        2,
    );
    s.arrive(1);
    s.take_seeing(1, 1, Some(1));
    let late = s.take_seeing(1, 2, Some(1));
    assert_eq!(
        late,
        Answer::Conflict {
            owner: Some(a(1)),
            epoch: Epoch(2)
        }
    );
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_29_a_take_that_saw_the_queue_loses_against_the_assignment() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    let late = s.take_seeing(1, 2, Some(1));
    assert_eq!(
        late,
        Answer::Conflict {
            owner: Some(a(1)),
            epoch: Epoch(2)
        }
    );
}

#[test]
fn row_32_a_number_that_was_consumed_changes_nothing() {
    let mut s = Scene::with(support(), 1);
    s.arrive(1);
    let before = s.state.hash_with_head();
    s.seq -= 1;
    assert_eq!(s.close(1), Answer::Duplicate);
    assert_eq!(s.state.hash_with_head(), before);
}

#[test]
fn row_33_the_time_never_goes_back() {
    let mut s = Scene::with(support(), 1);
    s.now = 100;
    s.arrive(1);
    s.now = 40;
    s.step(Fact::Tick);
    assert_eq!(s.state.head().at.0, 100_000);
    s.arrive(2);
    assert_eq!(s.deadline(2), Some(700), "counted from the engine's time");
}

#[test]
fn row_34_a_gap_moves_every_armed_clock() {
    let mut s = Scene::with(sales(), 3);
    s.arrive(1);
    s.at(40).arrive(2);
    s.answer(2);
    s.now = 640;
    s.step(Fact::Gap { lost_ms: 595_000 });
    assert_eq!((s.owner(1), s.deadline(1)), (1, Some(655)));
    assert_eq!(
        s.log.last().map(|d| &d.reason),
        Some(&Reason::OutageOver {
            lost_ms: 595_000,
            clocks: 1
        })
    );
    s.at(655);
    assert_ne!(s.owner(1), 1);
}

#[test]
fn row_34_a_short_gap_moves_nothing() {
    let mut s = Scene::with(sales(), 3);
    s.arrive(1);
    s.now = 59;
    s.step(Fact::Gap { lost_ms: 30_000 });
    assert_eq!(s.deadline(1), Some(60));
}

#[test]
fn row_35_a_timer_of_an_old_ownership_does_nothing() {
    let mut s = Scene::with(sales(), 3);
    s.arrive(1);
    s.at(30).transfer(1, 1, Target::Agent(a(3)));
    s.at(60);
    assert_eq!((s.owner(1), s.deadline(1)), (3, Some(90)));
    let epoch = s.row(1).epoch;
    let stale = Fact::Declined {
        conv: c(1),
        agent: a(3),
        seen: Some(Epoch(2)),
        why: "late".into(),
    };
    assert_eq!(
        s.step(stale),
        Answer::Conflict {
            owner: Some(a(3)),
            epoch
        }
    );
}

#[test]
fn row_36_closing_inside_the_window_frees_the_slot_and_stops_the_clock() {
    let mut s = Scene::with(
        Policy {
            limit: Some(1),
            ..support()
        },
        1,
    );
    s.arrive(1);
    s.at(599).arrive(2);
    s.step(Fact::Closed {
        conv: c(1),
        by: None,
        seen: Some(Epoch(2)),
        reason: CloseReason::Inactivity,
        arrival: None,
    });
    assert_eq!((s.owner(1), s.owner(2)), (-1, 1));
    assert!(matches!(s.last.notices[0], Notice::ClosedUnanswered { .. }));
    s.at(600);
    assert_eq!(s.deadline(2), Some(1_199));
}

#[test]
fn row_66_who_may_not_reply_on_the_channel_is_counted_so() {
    let mut s = Scene::new(support());
    let channels = Some(vec![ChannelAccountId(7)]);
    s.profile(
        1,
        Profile {
            active: true,
            groups: vec![],
            channels,
            limit: None,
            ..Profile::default()
        },
    );
    s.presence(1, Presence::Online);
    s.arrive(1);
    assert!(s.waits(1));
    let funnel = why_waiting(&s.state, c(1));
    assert_eq!(
        funnel.lost.iter().map(|l| (l.reason, l.count)).collect::<Vec<_>>(),
        [(Reject::NoReplyRight, 1)]
    );
}

#[test]
fn row_77_equal_rank_goes_by_turn_then_by_id() {
    let mut s = Scene::new(support());
    for agent in [3, 1, 2] {
        s.hire(agent);
    }
    let mut owners = Vec::new();
    for conv in 1..=6 {
        s.arrive(conv);
        owners.push(s.owner(conv));
    }
    assert_eq!(owners, [1, 2, 3, 1, 2, 3]);
}
