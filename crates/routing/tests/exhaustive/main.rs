//! Every order of events in a world of two agents, three chats and two nodes: leases that go while their holder sleeps,
//! crashes, messages that come late and twice. Where a random test looks at some histories, this one looks at all of them,
//! and shows of each guard that it is needed (routing reference §2.4, rows 28 to 32).

mod world;

use ronda_domain::conversation::Place;
use stateright::{Checker, HasDiscoveries, Model, Property};
use world::{ALL, Action, Budget, CAP, Guards, World};

#[derive(Clone)]
struct Small {
    guards: Guards,
    budget: Budget,
    /// What is said beyond safety holds only when nobody plans beside the holder of the lease.
    fenced: bool,
}

impl Model for Small {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.budget)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        // After the first fault nothing more can be learned.
        if world.broken.is_none() {
            actions.extend(world.actions());
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        Some(world.after(action, self.guards)).filter(|next| next != world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = vec![
            Property::<Self>::always("S1 an owner exactly when held", |_, w| {
                let convs = w.rows.convs.iter();
                convs.clone().all(|c| (c.place == Place::Held) == c.owner.is_some())
            }),
            Property::<Self>::always("S2 nothing is lost or doubled", |_, w| {
                w.rows.convs.len() + w.closed.len() == usize::from(w.born)
            }),
            Property::<Self>::always("S3 loads are what is held", |_, w| {
                w.rows.agents.iter().all(|a| {
                    let holds = w.rows.convs.iter().filter(|c| c.owner == Some(a.agent)).count();
                    usize::try_from(a.load) == Ok(holds)
                })
            }),
            Property::<Self>::always("S4 nobody holds more than the limit", |_, w| {
                w.rows.agents.iter().all(|a| a.load <= CAP)
            }),
            Property::<Self>::always("S9 epochs grow, and old ones change nothing", |_, w| {
                w.broken != Some("S9")
            }),
            Property::<Self>::always("L3 rotation ends", |_, w| {
                w.rows
                    .convs
                    .iter()
                    .all(|c| c.moves <= u32::try_from(world::AGENTS).unwrap_or(0))
            }),
            // Otherwise it would be no wonder that the rest holds.
            Property::<Self>::sometimes("everything was served", |m, w| {
                w.quiet() && w.left.chats == 0 && w.closed.len() == usize::from(m.budget.closes)
            }),
            Property::<Self>::sometimes("a plan came too late", |_, w| {
                w.nodes.iter().any(|n| n.plan.is_some() && n.lease < w.lease)
            }),
        ];
        if self.fenced {
            all.extend([
                Property::<Self>::always("S16 nothing is committed under an old lease", |_, w| {
                    w.broken != Some("S16")
                }),
                Property::<Self>::always("L1 nobody waits for somebody who has room", |_, w| {
                    !w.quiet()
                        || w.rows.convs.iter().all(|c| {
                            let room = |a: &ronda_routing::AgentRow| a.load < CAP && !c.missed.contains(&a.agent);
                            c.place != Place::Waiting || c.exhausted || !w.rows.agents.iter().any(room)
                        })
                }),
                Property::<Self>::always("L2 nobody is overtaken", |_, w| w.broken != Some("L2")),
                Property::<Self>::always("who plans remembers what is stored", |_, w| {
                    let holder = w.nodes.iter().find(|n| n.lease == w.lease && n.memory.is_some());
                    !w.quiet() || holder.is_none_or(|n| n.memory.as_ref() == Some(&w.rows))
                }),
            ]);
        }
        all
    }
}

/// Looks at every history; each must keep every rule.
fn explore(guards: Guards, budget: Budget) {
    let fenced = guards.head && guards.lease;
    let began = std::time::Instant::now();
    let checker = Small { guards, budget, fenced }.checker().threads(2).spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    eprintln!(
        "{states} states of {budget:?} in {:.1?}, depth {depth}",
        began.elapsed()
    );
    checker.assert_properties();
}

/// Looks at histories up to the first that breaks a rule; the rules it breaks.
fn first_fault(guards: Guards, fenced: bool) -> Vec<&'static str> {
    let budget = WORK;
    let checker = Small { guards, budget, fenced }.checker().threads(2);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let mut names: Vec<_> = checker.discoveries().into_keys().collect();
    names.retain(|name| name.starts_with(['S', 'L']));
    names.sort_unstable();
    names
}

/// Three chats for two agents: who comes first, who takes, who closes.
const WORK: Budget = Budget {
    chats: 3,
    takes: 0,
    closes: 1,
    replies: 0,
    passes: 0,
    leases: 2,
    crashes: 1,
    repeats: 1,
};

/// The clock runs out while somebody replies.
const CLOCK: Budget = Budget {
    chats: 2,
    takes: 0,
    closes: 0,
    replies: 1,
    passes: 2,
    leases: 2,
    crashes: 0,
    repeats: 0,
};

/// One chat through its rounds.
const ROUNDS: Budget = Budget {
    chats: 1,
    passes: 3,
    crashes: 1,
    repeats: 1,
    ..CLOCK
};

/// People take one chat from each other.
const HANDS: Budget = Budget {
    chats: 1,
    takes: 2,
    closes: 1,
    replies: 0,
    passes: 0,
    leases: 2,
    crashes: 0,
    repeats: 1,
};

/// One takes while two chats are given out.
const HAND: Budget = Budget {
    chats: 2,
    takes: 1,
    closes: 0,
    repeats: 0,
    ..HANDS
};

#[test]
fn s1_s2_s3_s4_s9_s16_l1_l2_hold_in_every_history_of_work() {
    explore(ALL, WORK);
}

#[test]
fn s1_s2_s3_s4_s9_s16_l1_l3_hold_in_every_history_of_clocks() {
    explore(ALL, CLOCK);
    explore(ALL, ROUNDS);
}

#[test]
fn s1_s2_s3_s4_s9_s16_l1_hold_in_every_history_of_hands() {
    explore(ALL, HANDS);
    explore(ALL, HAND);
}

/// Nothing but the guards of the rows: two nodes plan at once, each as if it were alone.
const UNFENCED: Guards = Guards {
    head: false,
    lease: false,
    ..ALL
};

#[test]
fn row_30_epoch_and_capacity_carry_safety_without_the_lease() {
    explore(
        UNFENCED,
        Budget {
            crashes: 0,
            repeats: 0,
            ..WORK
        },
    );
}

#[test]
fn row_30_without_the_epoch_a_chat_has_two_agents() {
    let guards = Guards {
        epoch: false,
        ..UNFENCED
    };
    let found = first_fault(guards, false);
    assert!(
        found
            .iter()
            .any(|name| name.starts_with("S3") || name.starts_with("S9")),
        "{found:?}"
    );
}

#[test]
fn row_30_without_the_capacity_somebody_has_too_much() {
    let guards = Guards {
        capacity: false,
        ..UNFENCED
    };
    let found = first_fault(guards, false);
    assert!(found.iter().any(|name| name.starts_with("S4")), "{found:?}");
}

#[test]
fn s16_without_the_fence_an_old_lease_commits() {
    let guards = Guards { lease: false, ..ALL };
    let found = first_fault(guards, true);
    assert!(found.iter().any(|name| name.starts_with("S16")), "{found:?}");
}
