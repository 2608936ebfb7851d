//! A replay agrees with a record that the rules explain, and refuses one that they do not.

use ronda_domain::{AgentId, ChannelAccountId, CustomerId, Ms};
use ronda_routing::{AgentKeep, AgentRow, Fact, Head, Policy, PolicyScope, Presence, Reach, Rows};
use ronda_whatif::replay::{FEWEST_CHATS, Figures, How, Record, RecordedChat, Refused, Said, replay};

const START: Ms = Ms(10 * Ms::DAY);
const CHATS: i64 = 40;

/// Two agents who take turns and answer within 20 to 40 seconds, one chat a minute.
fn record() -> Record {
    let agent = |id| AgentRow {
        active: true,
        keep: AgentKeep {
            presence: Presence::Online,
            ..AgentKeep::default()
        },
        ..AgentRow::new(AgentId(id))
    };
    let chat = |i: i64| {
        let at = START.plus(i * Ms::MINUTE);
        let owner = AgentId(1 + i % 2);
        let answer = at.plus(20_000 + i % 5 * 5_000);
        RecordedChat {
            at,
            customer: CustomerId(i + 1),
            channel: ChannelAccountId(1),
            group: None,
            owners: vec![(at, owner, How::Assigned)],
            released: Vec::new(),
            messages: vec![(at, Said::Customer), (answer, Said::Agent(owner))],
            closed: Some(answer.plus(1_000)),
        }
    };
    Record {
        rows: Rows {
            head: Head {
                at: START.plus(-1),
                ..Head::default()
            },
            policy: Policy::sales(),
            policies: Vec::new(),
            hours: Vec::new(),
            pauses: Vec::new(),
            groups: Vec::new(),
            agents: vec![agent(1), agent(2)],
            convs: Vec::new(),
        },
        from: START,
        until: START.plus((CHATS + 5) * Ms::MINUTE),
        chats: (0..CHATS).map(chat).collect(),
        presence: Vec::new(),
        rules: Vec::new(),
    }
}

fn what_if(policy: Policy) -> Vec<Fact> {
    vec![Fact::PolicySet {
        scope: PolicyScope::Workspace,
        policy: Some(Box::new(policy)),
        reach: Reach::NewOnly,
    }]
}

#[test]
fn rep_7_3_rules_that_explain_the_record_predict() {
    let faster = Policy {
        reassign_seconds: Some(25),
        version: 2,
        ..Policy::sales()
    };
    let found = replay(&record(), &what_if(faster), 20, &mut |_| true);
    assert_eq!(found.refused, None, "{found:#?}");
    let (actual, predicted) = (found.actual.expect("played"), found.predicted.expect("predicted"));
    // Some rotate, not all: whoever is at work on an answer keeps the chat (the saturation guard).
    assert_eq!(actual.rotations.high, 0);
    assert!(
        predicted.rotations.middle > 0,
        "25 s are too short for these agents: {predicted:#?}"
    );
    assert_eq!(found.observed.first_reply_p50.map(|i| i.middle), Some(30_000));
}

#[test]
fn rep_7_3_who_is_excluded_would_have_got_nothing() {
    let alone = Policy {
        excluded: [AgentId(2)].into(),
        version: 2,
        ..Policy::sales()
    };
    let found = replay(&record(), &what_if(alone), 20, &mut |_| true);
    assert_eq!(found.refused, None, "{found:#?}");
    let share = |figures: Figures, agent| {
        let its = figures.shares.into_iter().find(|(a, _)| *a == AgentId(agent));
        its.expect("of each").1.middle
    };
    let (actual, predicted) = (found.actual.expect("played"), found.predicted.expect("predicted"));
    assert_eq!(
        (share(actual, 1), share(predicted.clone(), 1), share(predicted, 2)),
        (500, 1_000, 0)
    );
}

#[test]
fn rep_7_3_rules_that_do_not_explain_it_predict_nothing() {
    let mut strange = record();
    // Every other chat is said to have rotated, at once: no rule of then did that.
    for chat in strange.chats.iter_mut().step_by(2) {
        let (at, owner, _) = chat.owners[0];
        chat.owners = vec![
            (at, AgentId(3 - owner.0), How::Assigned),
            (at.plus(1), owner, How::Rotated),
        ];
    }
    let found = replay(&strange, &what_if(Policy::sales()), 20, &mut |_| true);
    assert_eq!((found.refused, found.predicted), (Some(Refused::Disagrees), None));
    let rotations = found
        .compared
        .iter()
        .find(|c| c.figure == "rotations")
        .expect("compared");
    assert!(!rotations.fine && rotations.observed == CHATS / 2, "{rotations:?}");
}

#[test]
fn rep_7_3_too_little_by_hand_or_without_time_is_said() {
    let refused = |record: &Record, time: bool| replay(record, &[], 20, &mut |_| time).refused;
    let mut few = record();
    few.chats.truncate(5);
    let why = Refused::TooFewChats {
        answered: 5,
        needed: FEWEST_CHATS,
    };
    assert_eq!(refused(&few, true), Some(why));
    let mut hand = record();
    for chat in &mut hand.chats {
        chat.owners[0].2 = How::ByHand;
    }
    assert!(matches!(
        refused(&hand, true),
        Some(Refused::MostlyByHand { permille: 1_000, .. })
    ));
    assert_eq!(refused(&record(), false), Some(Refused::OutOfTime { runs: 0 }));
}
