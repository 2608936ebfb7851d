//! Rows 30–31 and 43–77: affinity, exclusion, transfers, presence, reopening, people and policies.

use crate::dsl::{Scene, a, c, g, sales, support};
use ronda_domain::conversation::{CloseReason, Place};
use ronda_domain::{CustomerId, Ms};
use ronda_routing::{
    Act, Affinity, Answer, Epoch, Fact, FindingCode, Notice, OnGone, Policy, Presence, Profile, Reason, Refusal,
    ReplyScope, State, Target, preview,
};

fn limited(limit: u32) -> Policy {
    Policy {
        limit: Some(limit),
        ..support()
    }
}

fn refused(code: Refusal) -> Answer {
    Answer::Refused { code }
}

impl Scene {
    fn reopen(&mut self, conv: i64, epoch: i64, reserved_for: i64) {
        let mut arrival = self.arrival(conv);
        arrival.epoch = Epoch(epoch);
        self.step(Fact::Reopened {
            conv: c(conv),
            arrival,
            reserved_for: Some(a(reserved_for)),
        });
    }

    fn prefer(&mut self, conv: i64, agent: i64) {
        self.arrive_with(conv, |x| x.prefer = Some(a(agent)));
    }
}

#[test]
fn row_30_two_planners_on_one_state_write_under_the_same_guards() {
    let mut s = Scene::with(limited(1), 1);
    s.policy(|p| p.enabled = false);
    s.arrive(1);
    let fact = |agent| Fact::Taken {
        conv: c(1),
        agent: a(agent),
        seen: None,
        take_over: false,
        may_exceed: false,
        arrival: None,
    };
    let input = |agent| {
        [ronda_routing::Input {
            seq: s.seq + 1,
            at: Ms(0),
            fact: fact(agent),
        }]
    };
    let (_, one) = ronda_routing::plan(&s.state, &input(1));
    let (_, two) = ronda_routing::plan(&s.state, &input(1));
    assert_eq!(
        (one.convs[0].seen, two.convs[0].seen),
        (Epoch(1), Epoch(1)),
        "only one of them can be written"
    );
    assert_eq!(
        (one.agents[0].delta, one.agents[0].guard),
        (1, 1),
        "and only while the load allows it"
    );
    assert_eq!(one.head_before, two.head_before);
}

#[test]
fn row_31_a_plan_that_was_not_written_leaves_nothing_behind() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    let (rows, hash) = (s.state.rows(), s.state.hash_with_head());
    s.now = 700;
    let inputs = [ronda_routing::Input {
        seq: s.seq + 1,
        at: Ms(700_000),
        fact: Fact::Tick,
    }];
    let outcome = ronda_routing::run(&mut s.state, &inputs);
    assert!(!outcome.decisions.is_empty());
    s.state.revert(&outcome);
    assert_eq!((s.state.rows(), s.state.hash_with_head()), (rows.clone(), hash));
    let mut rebuilt = State::from_rows(rows);
    assert_eq!(
        ronda_routing::run(&mut rebuilt, &inputs),
        ronda_routing::run(&mut s.state, &inputs)
    );
}

#[test]
fn row_43_an_absent_preferred_agent_delays_nothing_by_default() {
    let mut s = Scene::with(support(), 2);
    s.presence(2, Presence::Away);
    s.prefer(1, 2);
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_43_a_present_preferred_agent_has_it_out_of_turn() {
    let mut s = Scene::with(support(), 2);
    s.prefer(1, 2);
    assert_eq!(s.owner(1), 2);
    assert_eq!(s.decision(1, Act::Assign).reason, Reason::Affinity);
}

#[test]
fn row_43_with_a_hold_it_waits_for_the_absent_agent_and_then_for_anybody() {
    let affinity = Affinity {
        absent_seconds: 30,
        ..Affinity::default()
    };
    let mut s = Scene::with(Policy { affinity, ..support() }, 2);
    s.presence(2, Presence::Away);
    s.prefer(1, 2);
    s.prefer(2, 2);
    assert!(s.waits(1));
    assert!(matches!(s.decision(1, Act::Enqueue).reason, Reason::KeptFor { .. }));
    s.now = 20;
    s.presence(2, Presence::Online);
    assert_eq!((s.owner(1), s.owner(2)), (2, 2));
    s.presence(2, Presence::Away);
    s.prefer(3, 2);
    s.at(50);
    assert_eq!(s.owner(3), 1);
    assert_eq!(s.acts(3), [Act::Enqueue, Act::Unreserve, Act::Assign]);
}

#[test]
fn row_44_a_full_preferred_agent_is_waited_for_a_minute_and_never_exceeds() {
    let mut s = Scene::with(limited(1), 2);
    s.prefer(1, 2);
    s.prefer(2, 2);
    assert_eq!((s.owner(2), s.load(2)), (0, 1));
    s.at(60);
    assert_eq!(s.owner(2), 1);
}

#[test]
fn row_46_an_excluded_preferred_agent_is_skipped() {
    let mut s = Scene::with(
        Policy {
            excluded: [a(2)].into(),
            ..support()
        },
        2,
    );
    s.prefer(1, 2);
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_47_affinity_is_named_as_the_reason_and_costs_a_turn() {
    let mut s = Scene::with(sales(), 2);
    s.prefer(1, 1);
    s.prefer(2, 1);
    assert_eq!((s.owner(1), s.owner(2)), (1, 1));
    let by_affinity = s.log.iter().filter(|d| d.reason == Reason::Affinity).count();
    assert_eq!(by_affinity, 2, "reports can tell it from turns");
    s.arrive(3);
    s.arrive(4);
    assert_eq!((s.owner(3), s.owner(4)), (2, 1));
}

#[test]
fn row_49_exclusion_removes_from_automatic_work_only() {
    let mut s = Scene::with(
        Policy {
            excluded: [a(1)].into(),
            ..support()
        },
        3,
    );
    s.arrive(1);
    s.arrive(2);
    assert_eq!((s.owner(1), s.owner(2)), (2, 3));
    s.arrive(3);
    s.step(Fact::Taken {
        conv: c(3),
        agent: a(1),
        seen: None,
        take_over: true,
        may_exceed: true,
        arrival: None,
    });
    s.transfer(2, 3, Target::Agent(a(1)));
    assert_eq!((s.owner(3), s.owner(2)), (1, 1));
    s.at(600);
    assert_ne!(s.owner(3), 1, "their unanswered ones rotate like others");
}

#[test]
fn row_50_an_exclusion_takes_nothing_back() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.policy(|p| p.excluded = [a(1)].into());
    assert_eq!(s.owner(1), 1);
    s.arrive(2);
    s.arrive(3);
    assert_eq!((s.owner(2), s.owner(3)), (2, 2));
}

#[test]
fn row_51_a_transfer_to_an_absent_agent_is_refused_or_left_for_later() {
    let mut s = Scene::with(support(), 3);
    s.presence(2, Presence::Away);
    s.arrive(1);
    assert_eq!(s.transfer(1, 1, Target::Agent(a(2))), refused(Refusal::NotAvailable));
    s.transfer_with(1, 1, Target::Agent(a(2)), Some(900), false);
    assert_eq!((s.owner(1), s.row(1).reserved_for), (0, Some(a(2))));
    s.now = 100;
    s.presence(2, Presence::Online);
    assert_eq!(s.owner(1), 2);
    assert_eq!(s.decision(1, Act::Assign).reason, Reason::Reserved);
}

#[test]
fn row_51_what_was_left_for_later_goes_to_the_group_in_the_end() {
    let mut s = Scene::new(support());
    s.group(1, false);
    s.edit(1, &[1], None);
    s.edit(3, &[1], None);
    s.edit(2, &[], None);
    for agent in [1, 3] {
        s.presence(agent, Presence::Online);
    }
    s.arrive_in(1, 1);
    s.transfer_with(1, 1, Target::Agent(a(2)), Some(50), false);
    s.at(49);
    assert!(s.waits(1));
    s.at(50);
    assert_eq!(s.owner(1), 3, "another of the group, and not the sender");
}

#[test]
fn row_51_what_was_left_for_somebody_outside_the_group_reaches_them() {
    let mut s = Scene::with(support(), 1);
    s.group(1, false);
    s.edit(1, &[1], None);
    s.edit(2, &[], None);
    s.arrive_in(1, 1);
    s.transfer_with(1, 1, Target::Agent(a(2)), Some(900), false);
    s.presence(2, Presence::Online);
    assert_eq!(s.owner(1), 2);
}

#[test]
fn row_51_an_any_policy_allows_it() {
    let mut s = Scene::with(sales(), 2);
    s.presence(2, Presence::Gone);
    s.arrive(1);
    assert_eq!(s.owner(1), 1);
    s.transfer(1, 1, Target::Agent(a(2)));
    assert_eq!(s.owner(1), 2);
}

#[test]
fn row_52_a_transfer_to_a_group_enqueues_there_without_the_sender() {
    let mut s = Scene::new(support());
    s.group(1, false);
    s.edit(1, &[1], None);
    s.edit(2, &[1], None);
    s.presence(1, Presence::Online);
    s.arrive(1);
    s.now = 30;
    s.transfer(1, 1, Target::Group(g(1)));
    assert_eq!(
        (s.owner(1), s.row(1).group, s.row(1).anchor),
        (0, Some(g(1)), Some(Ms(0)))
    );
    assert_eq!(s.row(1).missed, [a(1)]);
    s.presence(2, Presence::Online);
    assert_eq!(s.owner(1), 2);
    assert_eq!(s.transfer(1, 2, Target::Group(g(9))), refused(Refusal::UnknownGroup));
}

#[test]
fn row_53_a_transferred_one_rotates_in_its_group_and_not_to_the_sender() {
    let mut s = Scene::new(support());
    s.group(1, false);
    for agent in [1, 2, 3] {
        s.edit(agent, &[1], None);
        s.presence(agent, Presence::Online);
    }
    s.hire(4);
    s.arrive_in(1, 1);
    assert_eq!(s.owner(1), 1);
    s.transfer(1, 1, Target::Agent(a(2)));
    s.at(600);
    assert_eq!(s.owner(1), 3);
    s.at(1_200);
    assert_eq!(
        (s.owner(1), s.row(1).round),
        (2, 1),
        "the next round begins with the oldest turn"
    );
    s.at(2_400);
    assert_eq!(
        (s.owner(1), s.row(1).round),
        (1, 1),
        "in which the sender has a turn again"
    );
}

/// Agent 1 has lent conversation 1 to agent 2; agent 3 is there too.
fn lent(policy: Policy) -> Scene {
    let mut s = Scene::with(policy, 3);
    s.arrive(1);
    assert_eq!(s.owner(1), 1);
    s.lend(1, 1, 2);
    assert_eq!(s.owner(1), 2);
    s
}

/// The sender may ask for it back: then they are asked before anybody else.
#[test]
fn row_53_a_transfer_that_was_only_lent_comes_back_to_the_sender() {
    let mut s = lent(support());
    let turn = s.agent(1).stamp;
    s.at(600);
    assert_eq!(s.owner(1), 1);
    let back = s.decision(1, Act::Return);
    assert_eq!(back.reason, Reason::CameBack { after_ms: 600_000 });
    assert_eq!(s.agent(1).stamp, turn, "they asked for it: it costs no turn");
    assert_eq!((s.deadline(1), s.row(1).missed.clone()), (Some(1_200), vec![a(2)]));
    s.at(1_200);
    assert_eq!(s.owner(1), 3, "once: then the turn goes on, past both");
}

#[test]
fn row_53_who_is_gone_gives_back_what_was_lent() {
    let mut s = lent(Policy {
        reassign_seconds: None,
        ..support()
    });
    s.presence(2, Presence::Gone);
    s.at(120);
    assert_eq!((s.owner(1), s.acts(1).last()), (1, Some(&Act::Return)));
}

#[test]
fn row_53_an_answered_one_was_not_lent_for_ever() {
    let mut s = lent(Policy {
        scope: ReplyScope::EveryTurn,
        ..support()
    });
    s.now = 100;
    s.answer(1);
    s.customer(1);
    s.at(700);
    assert_eq!(s.owner(1), 3);
}

/// Away, excluded or at the hard cap they are no candidate, and it rotates like any other.
#[test]
fn row_53_a_sender_who_cannot_have_it_is_passed_over() {
    let mut s = lent(support());
    s.presence(1, Presence::Away);
    s.at(600);
    assert_eq!(s.owner(1), 3);
    let mut s = lent(support());
    s.policy(|p| p.excluded = [a(1)].into());
    s.at(600);
    assert_eq!(s.owner(1), 3);
    // At the limit they have it back; at the hard cap, which is two more, they have not.
    for (held, owner) in [(1, 1), (2, 1), (3, 3)] {
        let mut s = lent(Policy {
            limit: Some(1),
            ..support()
        });
        for conv in 11..11 + held {
            s.arrive_with(conv, |x| x.anchor = None);
            s.take_over(conv, 1);
        }
        assert_eq!(s.load(1), u32::try_from(held).expect("few"));
        s.at(600);
        assert_eq!(s.owner(1), owner, "of {held}");
    }
}

#[test]
fn row_54_five_transfers_then_a_supervisor() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    for _ in 0..5 {
        let owner = s.owner(1);
        s.transfer(1, owner, Target::Agent(a(3 - owner)));
    }
    let owner = s.owner(1);
    assert_eq!(
        s.transfer(1, owner, Target::Agent(a(3 - owner))),
        refused(Refusal::TransferLimit)
    );
    s.transfer_with(1, owner, Target::Agent(a(3 - owner)), None, true);
    assert_eq!(s.owner(1), 3 - owner);
}

#[test]
fn row_55_away_keeps_what_they_hold_and_the_clock_runs() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.presence(1, Presence::Away);
    s.at(300);
    assert_eq!((s.owner(1), s.deadline(1)), (1, Some(600)));
    s.arrive(2);
    s.arrive(3);
    assert_eq!((s.owner(2), s.owner(3)), (2, 2));
    s.at(600);
    assert_eq!(s.owner(1), 2);
}

/// Agent 1 holds: 1 unanswered, 2 answered, and is gone since second 10.
fn gone(on_gone: OnGone) -> Scene {
    let mut s = Scene::with(Policy { on_gone, ..support() }, 1);
    s.arrive(1);
    s.arrive(2);
    s.answer(2);
    s.hire(2);
    s.now = 10;
    s.presence(1, Presence::Gone);
    s.at(129);
    assert_eq!((s.owner(1), s.owner(2)), (1, 1), "nothing inside the grace");
    s.at(130);
    s
}

#[test]
fn row_56_by_default_only_what_owes_a_first_reply_moves() {
    let mut s = gone(OnGone::Unanswered);
    assert_eq!((s.owner(1), s.owner(2)), (2, 1));
    assert_eq!(s.decision(1, Act::Requeue).reason, Reason::OwnerGone);
    s.customer(2);
    assert_eq!(s.owner(2), 1);
}

#[test]
fn row_56_the_other_choices() {
    let s = gone(OnGone::Keep);
    assert_eq!((s.owner(1), s.owner(2)), (1, 1));
    let s = gone(OnGone::All);
    assert_eq!((s.owner(1), s.owner(2)), (2, 2));
    let mut s = gone(OnGone::OnCustomerMessage);
    assert_eq!((s.owner(1), s.owner(2)), (2, 1));
    s.customer(2);
    assert_eq!(s.owner(2), 2);
}

#[test]
fn row_56_not_under_any_presence() {
    let mut s = Scene::with(
        Policy {
            reassign_seconds: None,
            on_gone: OnGone::All,
            ..sales()
        },
        2,
    );
    s.arrive(1);
    s.presence(1, Presence::Gone);
    s.at(1_000);
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_57_coming_back_inside_the_grace_changes_nothing() {
    let mut s = Scene::with(Policy::support(), 2);
    s.arrive(1);
    let before = s.state.rows();
    s.now = 10;
    s.presence(1, Presence::Gone);
    s.now = 100;
    s.presence(1, Presence::Online);
    let after = s.state.rows();
    assert_eq!((&before.agents[0], before.convs), (&after.agents[0], after.convs));
    s.at(200);
    assert_eq!(s.owner(1), 1);
}

#[test]
fn row_59_changes_of_state_never_touch_the_turn() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    let stamp = s.agent(1).stamp;
    for presence in [Presence::Away, Presence::Online, Presence::Gone, Presence::Online] {
        s.presence(1, presence);
    }
    assert_eq!(s.agent(1).stamp, stamp);
    s.arrive(2);
    assert_eq!(s.owner(2), 2);
}

#[test]
fn row_60_a_conversation_of_the_bot_is_unknown_until_a_human_takes_it() {
    let mut s = Scene::with(support(), 1);
    assert_eq!(s.take(1, 1), refused(Refusal::NotLive));
    let mut arrival = s.arrival(1);
    arrival.epoch = Epoch(4);
    arrival.anchor = None;
    let (conv, agent) = (c(1), a(1));
    let arrival = Some(arrival);
    s.step(Fact::Taken {
        conv,
        agent,
        seen: Some(Epoch(4)),
        take_over: false,
        may_exceed: false,
        arrival,
    });
    assert_eq!((s.owner(1), s.row(1).epoch, s.deadline(1)), (1, Epoch(5), None));
    assert_eq!((s.last.convs[0].seen, &s.last.convs[0].before), (Epoch(4), &None));
    s.step(Fact::ReturnedToBot {
        conv,
        by: agent,
        seen: Some(Epoch(5)),
    });
    let row = &s.last.convs[0].row;
    assert_eq!(
        (row.place, row.owner, row.epoch, s.load(1)),
        (Place::Bot, None, Epoch(6), 0)
    );
}

#[test]
fn row_61_a_second_hand_over_changes_nothing() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    let before = s.state.hash();
    assert_eq!(
        s.arrive(1),
        Answer::Ok {
            epoch: Some(Epoch(2)),
            owner: Some(a(1))
        }
    );
    assert_eq!(s.state.hash(), before);
    assert!(s.last.decisions.is_empty());
}

#[test]
fn row_61_an_unknown_group_falls_to_the_default_and_is_told() {
    let mut s = Scene::new(support());
    s.group(1, true);
    s.hire(1);
    s.edit(2, &[1], None);
    s.presence(2, Presence::Online);
    s.arrive_in(1, 99);
    assert_eq!(s.owner(1), 2, "the default group");
    let alerts = s.last.notices.clone();
    assert_eq!(
        alerts,
        [Notice::UnknownGroup {
            conversation: c(1),
            group: g(99)
        }]
    );
    assert_eq!(
        s.decision(1, Act::Enqueue).reason,
        Reason::UnknownGroup { group: g(99) }
    );
}

#[test]
fn row_61_a_second_live_conversation_of_a_customer_is_refused() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    let twin = s.arrive_with(2, |x| x.customer = CustomerId(1));
    assert_eq!(twin, refused(Refusal::SecondLive));
}

#[test]
fn row_62_a_hand_over_raises_the_epoch_so_that_the_bot_is_late() {
    let mut s = Scene::with(support(), 1);
    s.arrive(1);
    assert_eq!(s.row(1).epoch, Epoch(2));
    let bot = Fact::Closed {
        conv: c(1),
        by: None,
        seen: Some(Epoch(1)),
        reason: CloseReason::Bot,
        arrival: None,
    };
    assert_eq!(
        s.step(bot),
        Answer::Conflict {
            owner: Some(a(1)),
            epoch: Epoch(2)
        }
    );
}

#[test]
fn row_63_reopened_goes_to_the_last_owner_even_when_full() {
    let mut s = Scene::with(limited(1), 2);
    s.arrive(1);
    s.close(1);
    for conv in [2, 3] {
        s.arrive(conv);
    }
    assert_eq!((s.load(1), s.load(2)), (1, 1));
    s.now = 50;
    s.reopen(1, 3, 1);
    assert_eq!((s.owner(1), s.row(1).anchor, s.load(1)), (1, Some(Ms(50_000)), 2));
    assert_eq!(
        s.decision(1, Act::Assign).reason,
        Reason::ReopenedToOwner {
            load: 1,
            limit: Some(1)
        }
    );
    s.reopen(4, 3, 1);
    s.reopen(5, 3, 1);
    assert_eq!((s.owner(4), s.owner(5)), (1, 0), "up to the hard cap of three");
}

#[test]
fn row_63_reopened_goes_to_anybody_when_the_last_owner_is_no_candidate() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.close(1);
    s.presence(1, Presence::Away);
    s.reopen(1, 3, 1);
    assert_eq!(s.owner(1), 2);
    assert_eq!(s.decision(1, Act::Enqueue).reason, Reason::Reopened);
}

#[test]
fn row_64_a_new_episode_is_routed_with_affinity() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.close(1);
    s.arrive_with(1, |x| {
        x.epoch = Epoch(5);
        x.prefer = Some(a(1));
    });
    assert_eq!((s.owner(1), s.row(1).moves, s.row(1).transfers), (1, 0, 0));
}

#[test]
fn row_67_who_leaves_a_group_keeps_and_is_flagged() {
    let mut s = Scene::new(support());
    s.group(1, false);
    s.edit(1, &[1], None);
    s.presence(1, Presence::Online);
    s.arrive_in(1, 1);
    s.edit(1, &[], None);
    assert_eq!(s.owner(1), 1);
    assert_eq!(
        s.last.notices,
        [Notice::HoldsOutsideGroup {
            agent: a(1),
            conversations: 1
        }]
    );
}

#[test]
fn row_67_who_is_deactivated_loses_all_at_once_at_the_anchors() {
    let mut s = Scene::with(support(), 1);
    s.arrive(1);
    s.at(5).arrive(2);
    s.answer(2);
    s.profile(1, Profile::default());
    assert!(s.waits(1) && s.waits(2));
    assert_eq!((s.row(1).anchor, s.load(1)), (Some(Ms(0)), 0));
    assert_eq!(s.decision(2, Act::Requeue).reason, Reason::OwnerDeactivated);
    s.hire(2);
    assert_eq!((s.owner(1), s.owner(2)), (2, 2));
}

#[test]
fn row_69_running_clocks_keep_their_policy_unless_asked() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.at(10).policy(|p| p.reassign_seconds = Some(60));
    assert_eq!(s.deadline(1), Some(600));
    s.arrive(2);
    assert_eq!(s.deadline(2), Some(70));
    s.policy_reaching(ronda_routing::Reach::OpenToo, |p| p.reassign_seconds = Some(90));
    assert_eq!(s.deadline(1), Some(90));
    s.policy(|p| p.reassign_seconds = None);
    assert_eq!(
        (s.deadline(1), s.deadline(2)),
        (None, None),
        "switching it off stops at once"
    );
}

#[test]
fn row_70_an_old_backlog_is_counted_before_it_is_switched_on() {
    let mut s = Scene::with(
        Policy {
            enabled: false,
            ..support()
        },
        2,
    );
    s.arrive(1);
    s.at(50_000).arrive(2);
    s.at(90_000).arrive(3);
    let shown = preview(&s.state, &support());
    let old: Vec<_> = shown
        .findings
        .iter()
        .filter(|f| f.code == FindingCode::OldBacklog)
        .map(|f| f.count)
        .collect();
    assert_eq!(
        (shown.moves, old, shown.eligible),
        (2, vec![1], 2),
        "the old one stays out"
    );
    assert!(s.waits(1), "a preview changes nothing");
    assert!(shown.funnel.adds_up());
}

#[test]
fn row_74_declining_gives_it_away_at_once_and_not_back() {
    let mut s = Scene::with(support(), 2);
    s.arrive(1);
    s.step(Fact::Declined {
        conv: c(1),
        agent: a(1),
        seen: None,
        why: "not my language".into(),
    });
    assert_eq!((s.owner(1), s.load(1)), (2, 0));
    assert_eq!(s.row(1).missed, [a(1)]);
    assert_eq!(
        s.decision(1, Act::Decline).reason,
        Reason::Declined {
            why: "not my language".into()
        }
    );
    let not_mine = Fact::Declined {
        conv: c(1),
        agent: a(1),
        seen: None,
        why: String::new(),
    };
    assert_eq!(s.step(not_mine), refused(Refusal::NotOwner));
}

#[test]
fn row_58_somebody_a_push_reaches_is_there_and_the_funnel_says_so() {
    let mut s = Scene::with(support(), 2);
    s.presence(1, Presence::Background);
    s.presence(2, Presence::Away);
    s.arrive(1);
    assert_eq!(s.owner(1), 1);
    let funnel = s.decision(1, Act::Assign).funnel.clone();
    assert_eq!((funnel.background, funnel.chosen), (1, Some(a(1))));
    assert!(funnel.finalists.iter().all(|f| f.background), "{funnel:?}");
    // Gone for good: counted by nobody, and what they hold moves after the grace.
    s.presence(1, Presence::Gone);
    s.arrive(2);
    let why = ronda_routing::why_waiting(&s.state, c(2));
    assert_eq!((why.background, why.members), (0, 2));
    let grace = i64::from(s.state.policy().gone_grace_seconds);
    s.at(grace);
    assert!(s.waits(1));
}

#[test]
fn row_58_a_push_is_no_sign_of_life_and_a_screen_after_it_is() {
    let mut s = Scene::with(Policy::support(), 1);
    let paced = |s: &Scene| s.agent(1).keep.ramp;
    s.at(100);
    let before = paced(&s);
    s.presence(1, Presence::Background);
    assert_eq!(s.agent(1).keep.life_at, Some(Ms(0)), "losing the screen is no life");
    assert_eq!(paced(&s), before, "and nothing is paced: they were there all the time");
    s.at(200);
    let before = paced(&s);
    s.presence(1, Presence::Online);
    assert_eq!((s.agent(1).keep.life_at, paced(&s)), (Some(Ms(200_000)), before));
    // Who was gone and can be reached again comes back to a backlog, as everybody does.
    s.presence(1, Presence::Gone);
    s.at(10_000).presence(1, Presence::Background);
    assert_eq!(s.agent(1).keep.life_at, Some(Ms(200_000)));
    assert_eq!(paced(&s).map(|r| r.from), Some(Ms(10_000_000)));
}

#[test]
fn row_58_the_count_is_of_the_group_that_is_asked() {
    let mut s = Scene::new(support());
    s.group(1, true);
    s.group(2, false);
    for (agent, group) in [(1, 1), (2, 1), (3, 2)] {
        s.edit(agent, &[group], None);
        s.presence(agent, Presence::Background);
    }
    s.arrive_with(1, |x| x.group = Some(g(1)));
    assert_eq!(s.decision(1, Act::Assign).funnel.background, 2);
    s.profile(1, Profile::default());
    assert_eq!(
        ronda_routing::preview(&s.state, &support()).funnel.background,
        2,
        "the inactive one is out"
    );
}
