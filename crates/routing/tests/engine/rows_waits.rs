//! Rows about waiting: hours by scope, overflow, skills, steps, the longest wait, windows, affinity, pauses.

use crate::dsl::{Scene, WEB, a, c, g, sales, support};
use ronda_domain::{ChannelAccountId, GroupId, Ms, SkillId};
use ronda_routing::{
    Act, Affinity, Answer, Change, Fact, Hours, HoursScope, MaxWait, Notice, Policy, PolicyScope, Presence, Profile,
    Reach, Reason, Refusal, Reject, Skip, Step, Target, WaitAction, next_change, why_waiting,
};

impl Scene {
    fn open(&mut self, scope: HoursScope, of: &[(i64, i64)]) {
        let spans = of.iter().map(|(from, to)| (Ms(from * 1_000), Ms(to * 1_000)));
        let hours = Some(Hours::Spans(spans.collect()));
        self.step(Fact::HoursSet { scope, hours });
    }

    fn flows(&mut self, group: i64, default: bool, to: Option<i64>, seconds: Option<u32>) {
        self.step(Fact::GroupSet {
            group: g(group),
            live: true,
            default,
            heir: None,
            overflow: to.map(g),
            overflow_seconds: seconds,
        });
    }

    fn skilled(&mut self, agent: i64, groups: &[i64], skills: &[i64]) {
        self.profile(
            agent,
            Profile {
                active: true,
                groups: groups.iter().copied().map(g).collect(),
                skills: skills.iter().copied().map(SkillId).collect(),
                ..Profile::default()
            },
        );
        self.presence(agent, Presence::Online);
    }

    fn arrive_needing(&mut self, conv: i64, skill: i64) {
        self.arrive_with(conv, |x| x.needs = vec![SkillId(skill)]);
    }

    fn group_policy(&mut self, group: i64, change: impl FnOnce(&mut Policy)) {
        let mut policy = self.state.policy().clone();
        policy.version = 100 + group;
        change(&mut policy);
        self.step(Fact::PolicySet {
            scope: PolicyScope::Group(g(group)),
            policy: Some(Box::new(policy)),
            reach: Reach::NewOnly,
        });
    }

    fn pause(&mut self, group: Option<i64>, until: Option<i64>) {
        self.step(Fact::RotationPaused {
            group: group.map(g),
            until: until.map(|s| Ms(s * 1_000)),
        });
    }

    fn reason(&self, conv: i64, act: Act) -> &Reason {
        &self.decision(conv, act).reason
    }

    fn group_of(&self, conv: i64) -> Option<GroupId> {
        self.row(conv).group
    }
}

#[test]
fn row_05_on_it_is_the_same_one_extension() {
    let mut s = Scene::with(sales(), 2);
    s.arrive(1);
    let asks = |s: &mut Scene| {
        s.step(Fact::Extended {
            conv: c(1),
            agent: a(1),
            seen: None,
        })
    };
    s.at(20);
    assert!(matches!(asks(&mut s), Answer::Ok { .. }));
    assert_eq!(s.deadline(1), Some(90), "half of the time, whenever it is said");
    assert_eq!(s.reason(1, Act::Extend), &Reason::Asked { by_ms: 30_000 });
    let used = Answer::Refused {
        code: Refusal::Extended,
    };
    assert_eq!(asks(&mut s), used);
    s.at(85).typing(1);
    assert_eq!(s.deadline(1), Some(90), "nor once more by typing");
    s.at(90);
    assert_eq!(s.owner(1), 2);
}

#[test]
fn row_05_without_a_grace_there_is_nothing_to_ask_for() {
    let mut s = Scene::with(
        Policy {
            typing_grace_seconds: 0,
            ..sales()
        },
        2,
    );
    s.arrive(1);
    let asked = s.step(Fact::Extended {
        conv: c(1),
        agent: a(1),
        seen: None,
    });
    let none = Answer::Refused {
        code: Refusal::Extended,
    };
    assert_eq!((asked, s.deadline(1)), (none, Some(60)));
}

#[test]
fn row_40_a_clock_runs_through_a_change_of_clocks_in_elapsed_time() {
    // 08:00 to 10:00 in civil time around a gap of an hour, then a fold: the compiled spans are one hour and three long.
    const H: i64 = 3_600;
    let mut s = Scene::with(support(), 2);
    s.open(
        HoursScope::Workspace,
        &[(8 * H, 9 * H), (32 * H, 35 * H), (56 * H, 58 * H)],
    );
    s.policy(|p| p.reassign_seconds = Some(2 * 3_600));
    s.at(8 * H).arrive(1);
    assert_eq!(
        s.deadline(1),
        Some(33 * H),
        "the hour that was there, and one of the long day"
    );
    s.at(33 * H);
    assert_eq!(s.owner(1), 2);
    s.arrive(2);
    assert_eq!(
        s.deadline(2),
        Some(56 * H),
        "at the very end of a span it is closed: the start of the next"
    );
}

#[test]
fn row_42_the_most_specific_hours_hold() {
    let mut s = Scene::new(support());
    s.group(1, false);
    s.edit(1, &[1], None);
    s.presence(1, Presence::Online);
    s.open(HoursScope::Workspace, &[(1_000, 2_000)]);
    s.arrive_in(1, 1);
    assert!(s.waits(1), "the workspace is closed");
    s.open(HoursScope::Channel(WEB), &[(0, 500)]);
    assert_eq!(s.owner(1), 1, "the channel is open");
    s.open(HoursScope::Group(g(1)), &[(300, 5_000)]);
    s.arrive_in(2, 1);
    assert!(s.waits(2), "the group is closed, whatever the channel is");
    let other = ChannelAccountId(9);
    s.arrive_with(3, |x| x.channel = other);
    assert!(s.waits(3), "another channel has the workspace's hours");
    s.at(300);
    assert_eq!((s.owner(2), s.owner(3)), (1, 0));
    assert_eq!(s.deadline(1), Some(900), "its clock began with the group's hours");
    s.step(Fact::HoursSet {
        scope: HoursScope::Group(g(1)),
        hours: None,
    });
    assert_eq!(s.deadline(2), None, "without hours of its own the channel's end before");
    s.at(1_000);
    assert_eq!(s.owner(3), 1);
}

#[test]
fn row_43_a_strict_hold_waits_for_its_agent_and_then_for_anybody() {
    let mut s = Scene::with(
        Policy {
            affinity: Affinity {
                strict_seconds: Some(900),
                ..Affinity::default()
            },
            ..support()
        },
        2,
    );
    s.presence(2, Presence::Away);
    s.arrive_with(1, |x| x.prefer = Some(a(2)));
    assert!(s.waits(1));
    s.at(899);
    assert!(s.waits(1));
    s.at(900);
    assert_eq!(s.owner(1), 1, "its longest wait is over");
    s.arrive_with(2, |x| x.prefer = Some(a(2)));
    s.at(1_000).presence(2, Presence::Online);
    assert_eq!(s.owner(2), 2);
}

#[test]
fn row_46_a_preferred_agent_is_passed_over_with_a_reason() {
    let mut s = Scene::new(Policy {
        excluded: [a(3)].into(),
        ..support()
    });
    s.group(1, false);
    for (agent, groups) in [(1, vec![1]), (2, vec![]), (3, vec![1]), (4, vec![1])] {
        s.edit(agent, &groups, None);
        s.presence(agent, Presence::Online);
    }
    s.profile(4, Profile::default());
    for (conv, agent, why) in [(2, 2, Skip::NotMember), (3, 3, Skip::Excluded), (4, 4, Skip::Inactive)] {
        s.arrive_with(conv, |x| {
            x.prefer = Some(a(agent));
            x.group = Some(g(1));
        });
        let skipped = Reason::PreferredSkipped { agent: a(agent), why };
        assert_eq!((s.owner(conv), s.reason(conv, Act::Enqueue)), (1, &skipped));
    }
    assert!(
        s.last
            .notices
            .iter()
            .any(|n| matches!(n, Notice::AffinityEnded { agent, .. } if *agent == a(4))),
        "the record of a deactivated agent is closed"
    );
}

#[test]
fn row_47_a_ceiling_bounds_what_affinity_gives_to_one_agent() {
    let mut s = Scene::with(
        Policy {
            affinity: Affinity {
                ceiling: Some(1),
                ..Affinity::default()
            },
            ..support()
        },
        2,
    );
    s.arrive_with(1, |x| x.prefer = Some(a(2)));
    s.arrive_with(2, |x| x.prefer = Some(a(2)));
    assert_eq!((s.owner(1), s.owner(2)), (2, 1));
    let skipped = Reason::PreferredSkipped {
        agent: a(2),
        why: Skip::Ceiling,
    };
    assert_eq!(s.reason(2, Act::Enqueue), &skipped);
    s.close(1);
    s.arrive_with(3, |x| x.prefer = Some(a(2)));
    assert_eq!(s.owner(3), 2);
}

#[test]
fn row_48_an_agent_who_has_the_customer_elsewhere_is_preferred() {
    let mut s = Scene::with(support(), 2);
    s.arrive_with(1, |x| x.customer = ronda_domain::CustomerId(7));
    assert_eq!(s.owner(1), 1);
    s.arrive_with(2, |x| {
        x.customer = ronda_domain::CustomerId(7);
        x.channel = ChannelAccountId(2);
        x.prefer = Some(a(1));
    });
    assert_eq!(s.owner(2), 1, "one customer, one voice: not the one with less to do");
    s.presence(1, Presence::Away);
    s.arrive_with(3, |x| {
        x.customer = ronda_domain::CustomerId(7);
        x.channel = ChannelAccountId(3);
        x.prefer = Some(a(1));
    });
    assert_eq!(s.owner(3), 2, "who is no candidate is not waited for");
}

#[test]
fn row_65_the_place_rises_in_steps_as_the_reply_window_ends() {
    let mut s = Scene::new(support());
    let ends = Some(Ms(5 * Ms::HOUR));
    s.arrive(1);
    s.at(3_000).arrive_with(2, |x| x.window_ends = ends);
    assert_eq!(s.state.next_due(), Some(Ms(Ms::HOUR)), "four hours before");
    s.at(3_600);
    assert_eq!(s.row(2).keep.window_step, 1);
    let told = Notice::WindowEnds {
        conversation: c(2),
        owner: None,
        ends: Ms(5 * Ms::HOUR),
        minutes: 240,
    };
    assert_eq!(s.last.notices, [told]);
    s.edit(1, &[], Some(1));
    s.presence(1, Presence::Online);
    assert_eq!(
        (s.owner(1), s.owner(2)),
        (0, 1),
        "it came later, and may be answered no longer"
    );
    s.customer(2);
    s.answer(2);
    s.at(4 * 3_600);
    assert_eq!(s.row(2).keep.window_step, 1, "answered: nothing rises");
}

#[test]
fn row_68_an_empty_group_flows_over_then_to_the_default_then_nowhere() {
    let mut s = Scene::new(support());
    s.flows(1, true, None, None);
    s.flows(2, false, Some(3), None);
    s.flows(3, false, None, None);
    s.edit(1, &[1], None);
    s.arrive_in(1, 2);
    assert_eq!(
        s.group_of(1),
        Some(g(1)),
        "nobody is in the next one either: the default"
    );
    s.edit(2, &[3], None);
    s.presence(2, Presence::Online);
    s.arrive_in(2, 2);
    assert_eq!((s.group_of(2), s.owner(2)), (Some(g(3)), 2));
    let flowed = Reason::Overflow {
        from: g(2),
        to: g(3),
        empty: true,
    };
    assert_eq!(s.reason(2, Act::Overflow), &flowed);
    s.profile(1, Profile::default());
    assert_eq!(s.group_of(1), Some(g(1)), "there is no other group to ask");
    let alert = Notice::EmptyGroup {
        conversation: c(1),
        group: g(1),
    };
    assert!(s.last.notices.contains(&alert), "{:?}", s.last.notices);
}

#[test]
fn row_68_what_waits_too_long_in_a_group_flows_over() {
    let mut s = Scene::new(support());
    s.flows(1, false, Some(2), Some(60));
    s.flows(2, false, Some(1), Some(60));
    for (agent, group) in [(1, 1), (2, 2)] {
        s.edit(agent, &[group], None);
    }
    s.presence(2, Presence::Online);
    s.arrive_in(1, 1);
    s.at(59);
    assert_eq!(
        next_change(&s.state, c(1)).map(|n| (n.at.0, n.what)),
        Some((60_000, Change::Overflow))
    );
    assert!(s.waits(1));
    s.at(60);
    assert_eq!((s.owner(1), s.group_of(1)), (2, Some(g(2))));
    s.presence(2, Presence::Away);
    s.arrive_in(2, 2);
    s.at(1_000);
    assert_eq!(
        s.acts(2).iter().filter(|x| **x == Act::Overflow).count(),
        1,
        "never back to where it was"
    );
}

#[test]
fn row_69_a_group_has_a_policy_of_its_own() {
    let mut s = Scene::new(support());
    s.group(1, false);
    for agent in 1..=2 {
        s.edit(agent, &[1], None);
        s.presence(agent, Presence::Online);
    }
    s.group_policy(1, |p| {
        p.limit = Some(1);
        p.reassign_seconds = Some(60);
    });
    for conv in 1..=3 {
        s.arrive_in(conv, 1);
    }
    s.arrive(4);
    assert_eq!((s.owner(1), s.owner(2), s.owner(3)), (1, 2, 0), "one each");
    assert!(s.owner(4) > 0, "the workspace allows more");
    assert_eq!((s.deadline(1), s.deadline(4)), (Some(60), Some(600)));
    assert_eq!(s.decision(1, Act::Assign).policy_version, 101);
    s.step(Fact::PolicySet {
        scope: PolicyScope::Group(g(1)),
        policy: None,
        reach: Reach::OpenToo,
    });
    assert!(s.owner(3) > 0, "it follows the workspace again");
    assert_eq!(s.deadline(1), Some(600));
}

#[test]
fn row_71_the_longest_wait_ends_in_its_action_and_never_in_silence() {
    for (action, act) in [
        (WaitAction::TellCustomer, Act::WaitOver),
        (WaitAction::OfferCallback, Act::WaitOver),
        (WaitAction::OfferForm, Act::WaitOver),
        (WaitAction::Raise, Act::WaitOver),
        (WaitAction::Widen, Act::WaitOver),
        (WaitAction::ReturnToBot, Act::ReturnToBot),
    ] {
        let mut s = Scene::new(Policy {
            max_wait: Some(MaxWait {
                after_seconds: 300,
                action,
                text: None,
            }),
            steps: vec![Step {
                after_seconds: 9_000,
                add_groups: [g(1)].into(),
                ..Step::default()
            }],
            ..support()
        });
        s.group(1, false);
        s.group(2, false);
        s.edit(1, &[1], None);
        s.edit(2, &[2], None);
        s.presence(1, Presence::Online);
        s.arrive_in(1, 2);
        s.at(299);
        assert!(s.waits(1));
        s.at(300);
        let over = |n: &Notice| matches!(n, Notice::WaitOver { action: x, waited_ms: 300_000, .. } if *x == action);
        assert!(s.last.notices.iter().any(over), "{action:?} is told");
        assert!(s.acts(1).contains(&act), "{action:?}: {:?}", s.acts(1));
        let owner = match action {
            WaitAction::Widen => 1,
            WaitAction::ReturnToBot => -1,
            _ => 0,
        };
        assert_eq!(s.owner(1), owner, "{action:?}");
        s.at(1_000);
        assert_eq!(s.acts(1).iter().filter(|x| **x == act).count(), 1, "once");
    }
}

#[test]
fn row_72_what_nobody_can_do_is_told_at_once() {
    let mut s = Scene::new(support());
    for agent in 1..=3 {
        s.skilled(agent, &[], if agent == 3 { &[1] } else { &[] });
    }
    s.arrive_needing(1, 1);
    assert_eq!(s.owner(1), 3, "who can");
    s.arrive_needing(2, 9);
    let nobody = Notice::NobodyHasSkill {
        conversation: c(2),
        skill: SkillId(9),
        members: 3,
    };
    assert_eq!(s.last.notices, [nobody]);
    let why = why_waiting(&s.state, c(2));
    assert_eq!(
        (why.members, why.skills.first().map(|k| k.have)),
        (3, Some(0)),
        "none of three"
    );
    let lost: Vec<_> = why.lost.iter().map(|l| (l.reason, l.count)).collect();
    assert_eq!(lost, [(Reject::Skill, 3)]);
    s.skilled(2, &[], &[9]);
    assert_eq!(s.owner(2), 2, "as soon as somebody can");
}

#[test]
fn row_72_a_transfer_to_a_queue_may_ask_for_other_skills() {
    let mut s = Scene::new(support());
    s.skilled(1, &[1], &[1]);
    s.skilled(2, &[1, 2], &[2]);
    s.arrive_needing(1, 1);
    let transfer = |needs: Option<&[i64]>| Fact::Transferred {
        conv: c(1),
        by: a(9),
        to: Target::Anyone,
        seen: None,
        deferred_until: None,
        needs: needs.map(|n| n.iter().copied().map(SkillId).collect()),
        manage_others: true,
        may_exceed: true,
        return_unanswered: false,
        arrival: None,
    };
    s.step(transfer(None));
    assert_eq!(s.owner(1), 0, "it still asks for what the one who gave it away can do");
    s.step(transfer(Some(&[2, 2])));
    assert_eq!((s.owner(1), s.row(1).keep.needs.len()), (2, 1));
    s.step(transfer(Some(&[])));
    assert_eq!((s.owner(1), s.row(1).keep.needs.len()), (1, 0), "nothing is asked for");
}

#[test]
fn row_73_steps_are_counted_from_the_step_before() {
    let mut s = Scene::new(Policy {
        steps: vec![
            Step {
                after_seconds: 60,
                add_groups: [g(2)].into(),
                ..Step::default()
            },
            Step {
                after_seconds: 30,
                drop_skills: true,
                raise_minutes: 5,
                ..Step::default()
            },
        ],
        ..support()
    });
    s.group(1, false);
    s.group(2, false);
    s.skilled(1, &[1], &[]);
    s.skilled(2, &[2], &[]);
    s.arrive_with(1, |x| {
        x.group = Some(g(1));
        x.needs = vec![SkillId(1)];
    });
    s.at(59);
    assert_eq!((s.row(1).keep.step, why_waiting(&s.state, c(1)).members), (0, 1));
    s.at(60);
    assert_eq!(
        (s.row(1).keep.step, why_waiting(&s.state, c(1)).members),
        (1, 2),
        "two groups"
    );
    assert_eq!(
        next_change(&s.state, c(1)).map(|n| (n.at.0, n.what)),
        Some((90_000, Change::Step))
    );
    s.presence(1, Presence::Away);
    s.at(90);
    assert_eq!(s.owner(1), 2, "of the group that was added, without the skill");
    s.at(690);
    assert_eq!(s.owner(1), 2, "the wider circle stays: nobody else is there");
}

#[test]
fn row_10_what_stays_exhausted_is_told_to_more_people() {
    let mut s = Scene::with(Policy { rounds: 1, ..sales() }, 2);
    s.arrive(1);
    s.at(120);
    assert!(s.row(1).exhausted);
    let level = |s: &Scene| {
        let told = s.last.notices.iter().filter_map(|n| match n {
            Notice::Escalated { level, .. } => Some(*level),
            _ => None,
        });
        told.max()
    };
    s.at(420);
    assert_eq!(level(&s), Some(2), "five minutes after the rounds were used up");
    s.at(1_320);
    assert_eq!(level(&s), Some(3), "and fifteen after that");
    s.at(9_000);
    assert_eq!(s.acts(1).iter().filter(|x| **x == Act::Escalate).count(), 2);
}

#[test]
fn rotation_paused_clocks_go_on_with_what_was_left() {
    let mut s = Scene::new(sales());
    s.group(1, false);
    for agent in 1..=4 {
        s.edit(agent, if agent < 3 { &[1] } else { &[] }, None);
    }
    s.arrive_in(1, 1);
    s.arrive(2);
    s.at(20).pause(Some(1), Some(1_000));
    assert_eq!(
        (s.deadline(1), s.deadline(2)),
        (Some(1_040), Some(60)),
        "of the group alone"
    );
    s.at(500).arrive_in(3, 1);
    assert_eq!(s.deadline(3), Some(1_060), "a new one begins at the end");
    assert_eq!(s.owner(1), 1);
    s.at(600).pause(Some(1), None);
    assert_eq!((s.deadline(1), s.deadline(3)), (Some(640), Some(660)));
    s.at(610).pause(None, Some(700));
    assert_eq!(s.deadline(1), Some(730));
    s.at(730);
    assert_eq!((s.owner(1), s.state.rows().pauses.len()), (2, 0));
}

#[test]
fn why_waiting_names_the_next_change() {
    let mut s = Scene::new(Policy {
        limit: Some(1),
        ..Policy::support()
    });
    s.edit(1, &[], Some(9));
    for conv in 1..=4 {
        s.arrive(conv);
    }
    s.presence(1, Presence::Online);
    let next = |s: &Scene, conv: i64| next_change(&s.state, c(conv)).map(|n| (n.at.0 / 1_000, n.what));
    assert_eq!(next(&s, 4), Some((60, Change::Ramp)));
    s.open(HoursScope::Workspace, &[(500, 900)]);
    assert_eq!(next(&s, 4), Some((500, Change::Opens)));
    assert_eq!(next(&s, 1), None, "it does not wait");
}

#[test]
fn rep_8_a_broken_promise_raises_what_waits_and_asks_another_group() {
    let mut s = Scene::new(support());
    s.flows(1, true, None, None);
    s.flows(2, false, None, None);
    for agent in [1, 2] {
        s.edit(agent, &[agent], Some(1));
    }
    let broken = |conv: i64, raise_minutes: u32, to: Option<GroupId>| Fact::PromiseBroken {
        conv: c(conv),
        raise_minutes,
        to,
    };
    s.arrive_in(1, 1);
    s.at(60).arrive_in(2, 1);
    s.step(broken(2, 5, None));
    let raised = Reason::PromiseBroken {
        raise_minutes: 5,
        to: None,
    };
    assert_eq!(s.reason(2, Act::Raise), &raised);
    s.presence(1, Presence::Online);
    assert_eq!(
        (s.owner(1), s.owner(2)),
        (0, 1),
        "it counts as older than what came a minute before"
    );
    // Held: there is no queue in which it could rise, and another group may be asked for it.
    let epoch = s.row(2).epoch;
    s.step(broken(2, 5, None));
    s.step(broken(2, 5, Some(g(1))));
    s.step(broken(2, 5, Some(g(9))));
    assert_eq!(
        (s.owner(2), s.row(2).epoch),
        (1, epoch),
        "its own group, and one that is not there, change nothing"
    );
    s.step(broken(2, 5, Some(g(2))));
    assert_eq!((s.group_of(2), s.owner(2), s.owner(1)), (Some(g(2)), 0, 1));
    assert_eq!(s.row(2).keep.raised_minutes, 5);
    assert_eq!(s.row(2).anchor, Some(Ms(60_000)), "what it is owed stays");
    s.presence(2, Presence::Online);
    assert_eq!(s.owner(2), 2);
    assert_eq!(
        s.step(broken(3, 5, Some(g(2)))),
        Answer::Ok {
            epoch: None,
            owner: None
        }
    );
}
