//! Rows 1–17: the clock, and what happens when it runs out.

use crate::dsl::{Scene, a, c, sales, support, unpaced};
use ronda_domain::Ms;
use ronda_routing::{Act, Answer, Epoch, Fact, Notice, Policy, Presence, Reason, Refusal, ReplyScope, Target};

fn every_turn(policy: Policy) -> Policy {
    Policy {
        scope: ReplyScope::EveryTurn,
        ..policy
    }
}

fn late(conv: i64, agent: i64, seen: i64) -> Fact {
    Fact::LateReply {
        conv: c(conv),
        agent: a(agent),
        seen: Epoch(seen),
    }
}

#[test]
fn row_01_first_reply_ends_the_clock_of_an_ownership() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.at(10).answer(1);
    s.at(20).customer(1);
    assert_eq!(s.deadline(1), None);
    s.at(2_000);
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_01_every_turn_asks_for_each_reply() {
    let mut s = Scene::with(every_turn(support()), 2);
    s.arrive(1);
    s.at(10).answer(1);
    s.at(20).customer(1);
    assert_eq!(s.deadline(1), Some(620));
    s.at(620);
    assert_eq!(s.owner(1), 2);
}

#[test]
fn row_02_the_clock_starts_with_the_later_of_ownership_and_anchor() {
    let mut s = Scene::new(support());
    s.edit(1, &[], None);
    s.arrive(1);
    s.now = 500;
    s.presence(1, Presence::Online);
    assert_eq!(s.deadline(1), Some(1_100));
}

#[test]
fn row_02_nothing_owed_means_no_clock() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.at(10).answer(1);
    s.transfer(1, 1, Target::Agent(a(2)));
    assert_eq!((s.owner(1), s.deadline(1)), (2, None));
    s.at(30).customer(1);
    assert_eq!(s.deadline(1), Some(630));
}

#[test]
fn row_03_a_second_message_moves_neither_anchor_nor_clock() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.at(100).customer(1);
    assert_eq!((s.row(1).anchor, s.deadline(1)), (Some(Ms(0)), Some(600)));
}

#[test]
fn row_05_typing_just_before_the_deadline_extends_it_once() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.at(580).typing(1);
    assert_eq!(
        s.deadline(1),
        Some(600),
        "a signal that is old at the deadline does nothing"
    );
    s.at(592).typing(1);
    assert_eq!(s.deadline(1), Some(660), "sixty seconds, less than half of ten minutes");
    s.at(655).typing(1);
    assert_eq!(s.deadline(1), Some(660), "once per ownership");
    s.at(660);
    assert_eq!(s.owner(1), 2);
}

#[test]
fn row_05_the_extension_is_at_most_half_of_the_time() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    s.at(55).typing(1);
    assert_eq!(s.deadline(1), Some(90));
    assert_eq!(s.decision(1, Act::Extend).reason, Reason::Typing { by_ms: 30_000 });
}

#[test]
fn row_06_notes_and_bot_texts_are_no_facts_and_the_clock_runs_on() {
    // Only an answer is told to the engine: whatever else happens in between is a tick to it.
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.at(300);
    s.step(Fact::Tick);
    assert_eq!(s.deadline(1), Some(600));
}

#[test]
fn row_07_a_failed_answer_gives_the_same_owner_a_fresh_time() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.at(10).answer(1);
    s.now = 40;
    s.step(Fact::SendFailed {
        conv: c(1),
        agent: a(1),
        anchor: Some(Ms(0)),
    });
    assert_eq!(
        (s.owner(1), s.row(1).anchor, s.deadline(1)),
        (1, Some(Ms(0)), Some(640))
    );
    assert_eq!(
        s.last.notices,
        [Notice::SendFailed {
            conversation: c(1),
            agent: a(1)
        }]
    );
    assert!(s.row(1).missed.is_empty(), "it is no miss");
    assert_eq!(s.decision(1, Act::Rearm).reason, Reason::SendFailed);
    s.at(640);
    assert_eq!(s.owner(1), 2);
}

#[test]
fn row_08_an_answer_before_the_deadline_makes_the_timer_stale() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    s.at(59).answer(1);
    s.at(60);
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_08_at_the_same_instant_the_deadline_comes_first() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    s.now = 60;
    let answer = s.step(Fact::AgentSaid {
        conv: c(1),
        agent: a(1),
        seen: Epoch(2),
    });
    assert_eq!(
        answer,
        Answer::Conflict {
            owner: Some(a(2)),
            epoch: Epoch(3)
        }
    );
    assert_eq!(s.owner(1), 2);
}

#[test]
fn row_09_a_late_reply_returns_the_ownership_and_tells_both() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    s.at(60);
    assert_eq!(s.owner(1), 2);
    s.now = 65;
    s.step(late(1, 1, 2));
    assert_eq!((s.owner(1), s.row(1).anchor, s.load(1), s.load(2)), (1, None, 1, 0));
    assert_eq!(
        s.last.notices,
        [Notice::LateReply {
            conversation: c(1),
            returned_to: a(1),
            from: a(2)
        }]
    );
    assert_eq!(s.decision(1, Act::Return).reason, Reason::LateReply);
}

#[test]
fn row_09_a_late_reply_after_the_new_owner_answered_changes_no_owner() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    s.at(60).answer(1);
    s.now = 65;
    assert_eq!(s.step(late(1, 1, 2)), Answer::Refused { code: Refusal::TooLate });
    assert_eq!(s.owner(1), 2);
}

#[test]
fn row_09_a_late_reply_raises_nobody_above_the_hard_cap() {
    let mut s = Scene::with(
        Policy {
            limit: Some(1),
            ..sales()
        },
        2,
    );
    s.arrive(1);
    s.at(60);
    assert_eq!(s.owner(1), 2);
    for conv in 2..=4 {
        s.arrive(conv);
        s.take(conv, 1);
    }
    assert_eq!(s.load(1), 3);
    assert_eq!(s.step(late(1, 1, 2)), Answer::HardCap { load: 3, cap: 3 });
    assert_eq!(
        (s.owner(1), s.row(1).anchor),
        (2, None),
        "the answer was sent all the same"
    );
}

#[test]
fn row_10_rounds_grow_and_end_in_exhaustion() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    let mut ends = Vec::new();
    while let Some(end) = s.deadline(1) {
        ends.push((end, s.owner(1), s.row(1).round));
        s.at(end);
    }
    // One minute each, then two, then four; whoever ended a round is not the first of the next.
    let expected = [
        (60, 1, 0),
        (120, 2, 0),
        (240, 1, 1),
        (360, 2, 1),
        (600, 1, 2),
        (840, 2, 2),
    ];
    assert_eq!(ends, expected);
    assert!(s.waits(1) && s.row(1).exhausted);
    assert_eq!(s.row(1).anchor, Some(Ms(0)));
    assert_eq!(
        s.last.notices,
        [Notice::Exhausted {
            conversation: c(1),
            owner: a(2)
        }]
    );
    assert_eq!(
        s.decision(1, Act::Exhaust).reason,
        Reason::RoundsUsed { rounds: 3, moves: 5 }
    );
    s.at(10_000);
    assert!(s.waits(1), "time alone does not bring it back");
}

#[test]
fn row_10_one_sign_of_life_brings_back_one_exhausted_conversation() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    s.arrive(2);
    s.at(2_000);
    assert!(s.row(1).exhausted && s.row(2).exhausted);
    s.arrive(3);
    s.answer(3);
    let helper = s.owner(3);
    assert_eq!(s.owner(1), helper, "the older one, for the one who answered");
    assert!(s.waits(2));
    assert_eq!(
        (s.row(1).round, s.deadline(1)),
        (0, Some(2_060)),
        "its rounds begin again"
    );
    s.close(3);
    assert_eq!(
        s.owner(2),
        helper,
        "a slot freed by its owner is a sign of life as well"
    );
}

#[test]
fn row_11_the_only_candidate_keeps_it_with_growing_times() {
    let mut s = Scene::with(support(), 1);
    s.arrive(1);
    s.at(600);
    assert_eq!((s.owner(1), s.deadline(1)), (1, Some(1_800)));
    assert_eq!(s.row(1).missed, [a(1)], "the miss counts");
    assert_eq!(
        s.last.notices,
        [Notice::KeptOverdue {
            conversation: c(1),
            owner: a(1)
        }]
    );
    s.at(1_800);
    s.at(4_200);
    assert_eq!(
        (s.owner(1), s.deadline(1)),
        (1, None),
        "three rounds; then only the mark stays"
    );
    s.hire(2);
    assert_eq!(s.owner(1), 2, "it moves as soon as somebody else is there");
    assert_eq!(s.decision(1, Act::Rotate).reason, Reason::NowAvailable { round: 2 });
}

#[test]
fn row_12_with_nobody_there_an_online_policy_lets_it_wait() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.presence(1, Presence::Away);
    s.presence(2, Presence::Away);
    s.at(600);
    assert!(s.waits(1));
    assert_eq!(s.last.notices, [Notice::NobodyAvailable { conversation: c(1) }]);
    assert!(matches!(
        s.decision(1, Act::Release).reason,
        Reason::NobodyAvailable { .. }
    ));
    s.now = 700;
    s.presence(1, Presence::Online);
    assert_eq!(s.owner(1), 1, "who comes first has it, even the old owner");
}

#[test]
fn row_12_with_nobody_there_an_any_policy_keeps_it() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    s.policy(|p| p.excluded = [a(1), a(2)].into());
    s.at(60);
    assert_eq!(s.owner(1), 1);
    assert!(matches!(
        s.decision(1, Act::Keep).reason,
        Reason::NobodyAvailable { .. }
    ));
}

#[test]
fn row_13_full_candidates_are_skipped_and_a_full_team_keeps() {
    let mut s = Scene::with(
        Policy {
            limit: Some(1),
            ..support()
        },
        2,
    );
    s.arrive(1);
    s.arrive(2);
    s.at(600);
    assert_eq!((s.owner(1), s.owner(2)), (1, 2));
    let full = Reason::AllFull {
        round: 0,
        next_at: Some(Ms(1_200_000)),
    };
    assert_eq!(s.decision(1, Act::Keep).reason, full);
    s.now = 650;
    s.close(2);
    assert_eq!(s.owner(1), 2, "the freed slot takes what is overdue");
}

#[test]
fn row_13_a_full_team_does_not_keep_what_a_gone_owner_holds() {
    let mut s = Scene::with(
        Policy {
            limit: Some(1),
            on_gone: ronda_routing::OnGone::Keep,
            ..support()
        },
        2,
    );
    s.arrive(1);
    s.arrive(2);
    s.presence(1, Presence::Gone);
    s.at(600);
    assert!(s.waits(1));
}

#[test]
fn row_16_a_miss_costs_exactly_one_turn() {
    let mut s = Scene::with(sales(), 3);
    s.arrive(1);
    s.at(60);
    assert_eq!(s.owner(1), 2);
    // Turns taken: 1, then 2. Next are 3, 1, 2, as if the conversation had been answered.
    for (conv, owner) in [(2, 3), (3, 1), (4, 2)] {
        s.arrive(conv);
        assert_eq!(s.owner(conv), owner);
    }
}

#[test]
fn row_17_what_is_rotated_into_the_queue_keeps_its_anchor() {
    let mut s = Scene::with(
        unpaced(Policy {
            limit: Some(1),
            ..support()
        }),
        1,
    );
    s.arrive(1);
    s.at(10).arrive(2);
    s.presence(1, Presence::Away);
    s.at(600);
    assert!(s.waits(1) && s.waits(2));
    s.presence(1, Presence::Online);
    assert_eq!((s.owner(1), s.owner(2)), (1, 0), "it stands in front of the later one");
}

/// A thousand clocks that end at one instant are five shares of work, not one: between them others have their turn.
#[test]
fn row_78_a_storm_is_fired_in_shares() {
    const ALL: i64 = 1_000;
    let share = ronda_routing::defaults::DEADLINES;
    let mut s = Scene::with(sales(), 5);
    let inputs: Vec<ronda_routing::Input> = (1..=ALL)
        .map(|n| ronda_routing::Input {
            seq: s.seq + n,
            at: Ms(s.now * 1_000),
            fact: Fact::HandedOff {
                conv: c(n),
                arrival: s.arrival(n),
            },
        })
        .collect();
    ronda_routing::run(&mut s.state, &inputs);
    s.seq += ALL;
    s.now = 60;
    let moved = |s: &Scene| s.last.decisions.iter().filter(|d| d.act == Act::Rotate).count();
    for _ in 0..3 {
        s.step(Fact::Tick);
        assert_eq!(moved(&s), share);
        assert!(s.state.is_behind(Ms(60_000)) && s.state.next_due() == Some(Ms(60_000)));
    }
    // Somebody closes one meanwhile: that counts before the clocks that have not been fired yet.
    s.close(ALL);
    assert_eq!((moved(&s), s.owner(ALL)), (share, -1));
    s.step(Fact::Tick);
    assert_eq!(moved(&s), share - 1, "the rest");
    assert!(!s.state.is_behind(Ms(60_000)));
    s.step(Fact::Tick);
    assert_eq!((moved(&s), s.deadline(1)), (0, Some(120)), "each moved once");
}
