//! Rows 15, 68 and 76, the preference of rotations for people who are there, and the further strategies.

use crate::dsl::{Scene, a, c, g, sales, support};
use proptest::prelude::*;
use ronda_domain::Ms;
use ronda_routing::{Act, Fact, Notice, Policy, Presence, Profile, Reason, Reject, Strategy, TieBreak, why_waiting};

fn striking(policy: Policy) -> Policy {
    Policy { strikes: 2, ..policy }
}

#[test]
fn row_14_a_busy_team_keeps_what_it_cannot_answer_sooner() {
    let mut s = Scene::with(sales(), 2);
    for conv in 1..=8 {
        s.arrive(conv);
    }
    s.at(40).answer(1);
    s.answer(2);
    s.at(60);
    // Three each are left, forty seconds a reply, a minute to answer: moving them helps nobody.
    assert!(
        (3..=8).all(|conv| s.acts(conv).last() == Some(&Act::Keep)),
        "{:?}",
        s.acts(3)
    );
    assert_eq!((s.deadline(3), s.row(3).keep.overdue), (Some(120), false));
    let told = |s: &Scene| {
        s.last
            .notices
            .iter()
            .filter(|n| matches!(n, Notice::Saturated { .. }))
            .count()
    };
    assert_eq!(told(&s), 6);
    s.at(80).answer(3);
    s.answer(4);
    s.at(120);
    assert_eq!(told(&s), 0, "told once");
    s.at(240);
    assert!(
        (5..=8).any(|conv| s.acts(conv).contains(&Act::Rotate)),
        "they stopped answering"
    );
}

#[test]
fn row_14_a_team_that_keeps_up_rotates() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    s.arrive(2);
    s.arrive(3);
    s.at(20).answer(1);
    s.answer(2);
    s.at(60);
    assert_eq!(s.owner(3), 2);
}

/// Who types is at work too, also before their first answer.
#[test]
fn row_14_typing_is_work() {
    let mut s = Scene::with(sales(), 2);
    for conv in 1..=8 {
        s.arrive(conv);
    }
    let first = s.owner(1);
    s.at(40).answer(1);
    let other = (2..=8).find(|conv| s.owner(*conv) != first).expect("two agents");
    s.typing(other);
    s.at(60);
    let kept = |s: &Scene, conv| s.acts(conv).last() == Some(&Act::Keep);
    assert!((2..=8).all(|conv| kept(&s, conv)), "{:?}", s.log);
    let saturated = |d: &&ronda_routing::Decision| matches!(d.reason, Reason::Saturated { answering: 2, .. });
    assert_eq!(s.log.iter().filter(saturated).count(), 7);
    // A minute after the last sign of work they count no more.
    s.at(120);
    assert!((2..=8).any(|conv| s.acts(conv).contains(&Act::Rotate)));
}

#[test]
fn row_14_typing_alone_says_nothing_of_how_long_an_answer_takes() {
    let mut s = Scene::with(sales(), 2);
    for conv in 1..=8 {
        s.arrive(conv);
    }
    s.at(40).typing(1);
    s.at(60);
    assert!((1..=8).all(|conv| s.acts(conv).contains(&Act::Rotate)), "{:?}", s.log);
}

/// Until a sign of life one more silent deadline is enough, and each cool-down is twice as long, up to an hour.
#[test]
fn row_15_further_cool_downs_are_longer_until_a_sign_of_life() {
    let mut s = Scene::with(striking(sales()), 2);
    let mut conv = 0;
    let mut arrive = |s: &mut Scene| {
        conv += 1;
        s.arrive(conv);
        conv
    };
    let mut minutes = Vec::new();
    for _ in 0..7 {
        let now = s.now;
        let cooled = loop {
            let id = arrive(&mut s);
            let missed = s.owner(id) == 1;
            if missed {
                let at = s.now + 60;
                s.at(at);
            }
            assert!(!missed || s.owner(id) == 2, "rotated");
            s.answer(id);
            s.close(id);
            if let Some(until) = s.agent(1).keep.cooling_until.filter(|_| missed) {
                break until.0 / 1_000;
            }
        };
        assert!(cooled > now);
        minutes.push((cooled - s.now) / 60);
        s.at(cooled);
    }
    assert_eq!(minutes, [10, 20, 40, 60, 60, 60, 60]);
    // They are back: everything is forgotten.
    let id = arrive(&mut s);
    assert_eq!(s.owner(id), 1);
    s.answer(id);
    assert_eq!((s.agent(1).keep.strikes, s.agent(1).keep.cooling_until), (0, None));
}

#[test]
fn row_15_two_silent_deadlines_ask_to_mark_an_online_agent_away() {
    let mut s = Scene::with(striking(support()), 2);
    s.arrive(1);
    s.at(600);
    assert_eq!((s.owner(1), s.agent(1).keep.strikes), (2, 1));
    s.at(601).arrive(2);
    s.answer(1);
    assert_eq!(s.owner(2), 1);
    s.at(1_201);
    let notice = Notice::MarkAway {
        agent: a(1),
        strikes: 2,
    };
    assert!(s.last.notices.contains(&notice), "{:?}", s.last.notices);
    let told = s.log.iter().find(|d| d.act == Act::MarkAway).expect("decided");
    assert_eq!((told.conversation, told.from), (None, Some(a(1))));
    assert_eq!(
        s.agent(1).keep.presence,
        Presence::Online,
        "the state is the shell's to set"
    );
    assert_eq!(s.agent(1).keep.strikes, 0);
}

#[test]
fn row_15_under_any_presence_two_silent_deadlines_are_a_cool_down() {
    let mut s = Scene::with(striking(sales()), 2);
    s.arrive(1);
    s.at(60);
    s.answer(1);
    s.arrive(2);
    assert_eq!(s.owner(2), 1);
    s.at(120);
    assert_eq!(s.owner(2), 2);
    assert_eq!(s.agent(1).keep.cooling_until, Some(Ms(720_000)));
    s.answer(2);
    for conv in 3..=6 {
        s.arrive(conv);
        assert_eq!(s.owner(conv), 2, "nothing new for the first");
        s.answer(conv);
    }
    let chosen = s.decision(6, Act::Assign);
    assert!(
        chosen
            .funnel
            .lost
            .iter()
            .any(|l| l.reason == Reject::Cooling && l.count == 1)
    );
    s.at(720).arrive(7);
    assert_eq!(s.owner(7), 1, "the cool-down is over, and their turn is the oldest");
}

#[test]
fn row_15_life_anywhere_is_no_strike_and_ends_a_cool_down() {
    let mut s = Scene::with(striking(sales()), 2);
    for conv in 1..=3 {
        s.arrive(conv);
    }
    s.at(20).answer(1);
    s.at(60);
    assert_eq!(s.owner(3), 2, "rotated all the same");
    assert_eq!(s.agent(1).keep.strikes, 0, "busy with another is not absent");
    s.at(61);
    s.at(2_000);
    let cooled = |s: &Scene, n| s.agent(n).keep.cooling_until.is_some();
    s.step(Fact::Tick);
    for agent in [1, 2] {
        s.presence(agent, Presence::Away);
        s.presence(agent, Presence::Online);
        assert!(!cooled(&s, agent), "coming back is a sign of life");
    }
}

#[test]
fn row_15_a_burst_of_deadlines_is_one_strike() {
    let mut s = Scene::with(striking(sales()), 2);
    s.presence(2, Presence::Away);
    s.policy(|p| p.excluded = [a(2)].into());
    for conv in 1..=5 {
        s.arrive(conv);
    }
    s.policy(|p| p.excluded = [].into());
    s.at(60);
    assert_eq!(s.agent(1).keep.strikes, 1, "five deadlines, one absence");
    assert!(s.agent(1).keep.cooling_until.is_none());
}

#[test]
fn row_15_when_everybody_cools_down_it_is_kept_and_moves_afterwards() {
    let mut s = Scene::with(striking(Policy { strikes: 1, ..sales() }), 2);
    s.policy(|p| p.strikes = 1);
    s.arrive(1);
    s.at(60);
    s.at(120);
    assert_eq!((s.owner(1), s.decision(1, Act::Keep).act), (2, Act::Keep));
    s.at(660);
    assert_eq!(s.owner(1), 1, "the first is warm again");
}

#[test]
fn row_15_a_waiting_one_explains_the_cool_down() {
    let mut s = Scene::with(sales(), 1);
    s.policy(|p| p.strikes = 1);
    s.arrive(1);
    s.at(60).arrive(2);
    let lost = why_waiting(&s.state, c(2)).lost;
    assert_eq!(
        lost.iter().map(|l| (l.reason, l.count)).collect::<Vec<_>>(),
        [(Reject::Cooling, 1)]
    );
}

#[test]
fn rotations_prefer_people_who_are_there_and_first_assignments_do_not() {
    let mut s = Scene::with(sales(), 4);
    // The fourth answers; nobody else has been seen for long.
    for conv in 1..=4 {
        s.arrive(conv);
    }
    s.policy(|p| p.reassign_seconds = None);
    s.at(1_000).answer(4);
    s.policy(|p| p.reassign_seconds = Some(60));
    s.arrive(5);
    assert_eq!(s.owner(5), 1, "a first assignment goes by turn alone");
    s.at(1_060);
    assert_eq!(s.owner(5), 4, "a rotation goes to who is there");
    assert_eq!(s.decision(5, Act::Rotate).funnel.by, TieBreak::Life);
}

#[test]
fn row_68_the_heir_of_a_group_gets_its_conversations_with_their_owners() {
    let mut s = Scene::new(Policy {
        limit: Some(1),
        ..support()
    });
    s.group(1, true);
    s.group(2, false);
    s.edit(1, &[1], None);
    s.edit(2, &[2], None);
    s.presence(2, Presence::Online);
    s.arrive_in(1, 2);
    s.arrive_in(2, 2);
    assert_eq!((s.owner(1), s.owner(2)), (2, 0));
    let (deadline, epoch) = (s.deadline(1), s.row(1).epoch);
    s.step(Fact::GroupSet {
        group: g(2),
        live: false,
        default: false,
        heir: Some(g(1)),
        overflow: None,
        overflow_seconds: None,
    });
    assert_eq!((s.row(1).group, s.owner(1), s.deadline(1)), (Some(g(1)), 2, deadline));
    assert_eq!(s.row(1).epoch, epoch.next(), "the group changed, so the epoch did");
    assert!(s.waits(2) && s.row(2).group == Some(g(1)));
    let reason = Reason::GroupDeleted {
        group: g(2),
        heir: g(1),
    };
    assert_eq!(s.decision(2, Act::Regroup).reason, reason);
    s.presence(1, Presence::Online);
    assert_eq!(s.owner(2), 1);
}

#[test]
fn row_76_an_answered_outbound_goes_to_its_sender_when_they_can_have_it() {
    let mut s = Scene::with(support(), 3);
    s.arrive_with(1, |x| x.prefer = Some(a(3)));
    assert_eq!((s.owner(1), &s.decision(1, Act::Assign).reason), (3, &Reason::Affinity));
    s.presence(2, Presence::Away);
    s.arrive_with(2, |x| x.prefer = Some(a(2)));
    assert_eq!(s.owner(2), 1, "the sender is away: by the normal policy, at once");
}

fn hire(s: &mut Scene, agent: i64, weight: u32, rank: u32) {
    s.profile(
        agent,
        Profile {
            active: true,
            weight,
            rank,
            ..Profile::default()
        },
    );
    s.presence(agent, Presence::Online);
}

fn by(strategy: Strategy) -> Policy {
    Policy {
        strategy,
        limit: Some(3),
        ..support()
    }
}

#[test]
fn fill_first_fills_one_before_the_next() {
    let mut s = Scene::with(by(Strategy::FillFirst), 2);
    let owners: Vec<_> = (1..=5)
        .map(|conv| {
            s.arrive(conv);
            s.owner(conv)
        })
        .collect();
    assert_eq!(owners, [1, 1, 1, 2, 2]);
}

#[test]
fn ranked_goes_to_the_lowest_rank_with_room_and_by_turn_among_equals() {
    let mut s = Scene::new(by(Strategy::Ranked));
    hire(&mut s, 1, 1, 2);
    hire(&mut s, 2, 1, 1);
    hire(&mut s, 3, 1, 1);
    let owners: Vec<_> = (1..=7)
        .map(|conv| {
            s.arrive(conv);
            s.owner(conv)
        })
        .collect();
    assert_eq!(owners, [2, 3, 2, 3, 2, 3, 1]);
    assert_eq!(s.decision(1, Act::Assign).funnel.by, TieBreak::Id);
    assert_eq!(s.decision(3, Act::Assign).funnel.by, TieBreak::Turn);
}

#[test]
fn f3_the_turns_of_a_weight_are_spread() {
    let mut s = Scene::new(Policy {
        strategy: Strategy::Weighted,
        ..sales()
    });
    hire(&mut s, 1, 5, 0);
    hire(&mut s, 2, 1, 0);
    hire(&mut s, 3, 1, 0);
    let owners: Vec<_> = (1..=7)
        .map(|conv| {
            s.arrive(conv);
            s.owner(conv)
        })
        .collect();
    assert_eq!(owners, [1, 1, 2, 3, 1, 1, 1]);
}

#[test]
fn f3_who_returns_does_not_catch_up() {
    let mut s = Scene::new(Policy {
        strategy: Strategy::Weighted,
        limit: None,
        ..support()
    });
    hire(&mut s, 1, 1, 0);
    hire(&mut s, 2, 1, 0);
    s.presence(2, Presence::Away);
    for conv in 1..=6 {
        s.arrive(conv);
    }
    s.presence(2, Presence::Online);
    for conv in 7..=12 {
        s.arrive(conv);
    }
    assert_eq!((s.load(1), s.load(2)), (9, 3));
}

proptest! {
    #![proptest_config(crate::walk::cases(100))]

    #[test]
    fn f3_weights_are_exact_over_each_cycle(weights in prop::collection::vec(1_u32..8, 1..5), cycles in 1_u32..4) {
        let mut s = Scene::new(Policy { strategy: Strategy::Weighted, reassign_seconds: None, ..sales() });
        for (n, weight) in (1..).zip(&weights) {
            hire(&mut s, n, *weight, 0);
        }
        let mut conv = 0;
        for cycle in 1..=cycles {
            for _ in 0..weights.iter().sum::<u32>() {
                conv += 1;
                s.arrive(conv);
            }
            for (n, weight) in (1..).zip(&weights) {
                prop_assert_eq!(s.load(n), weight * cycle);
            }
        }
    }
}

/// F3: who may answer nowhere takes no turns, and is no measure of how few others have taken.
#[test]
fn f3_who_may_answer_nowhere_does_not_lower_what_newcomers_begin_with() {
    let mut s = Scene::with(
        Policy {
            strategy: Strategy::Weighted,
            ..sales()
        },
        2,
    );
    let nowhere = Profile {
        active: true,
        channels: Some(Vec::new()),
        ..Profile::default()
    };
    s.profile(3, nowhere.clone());
    s.profile(
        2,
        Profile {
            active: false,
            ..Profile::default()
        },
    );
    for conv in 1..=6 {
        s.arrive(conv);
        assert_eq!(s.owner(conv), 1);
    }
    s.profile(
        2,
        Profile {
            active: true,
            ..Profile::default()
        },
    );
    for conv in 11..=16 {
        s.arrive(conv);
    }
    assert_eq!((s.load(1), s.load(2), s.load(3)), (9, 3, 0), "nothing is made up for");
    // Given a channel, they begin like any newcomer.
    s.profile(
        3,
        Profile {
            channels: None,
            ..nowhere
        },
    );
    for conv in 21..=26 {
        s.arrive(conv);
    }
    assert_eq!((s.load(1), s.load(2), s.load(3)), (11, 5, 2));
}
