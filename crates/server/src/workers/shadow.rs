//! A policy that is not in force plans beside the live one: the same inputs, a state of its own, nothing written to a
//! conversation. Where it decides otherwise is logged (routing reference §4, item 6).
//!
//! What agents answer, take, transfer and close is as it was under the live policy: in the shadow an answer counts for
//! whoever would have had the chat. So it shows who would have got what, not what they would have done with it; that is
//! the replay's matter.

use crate::App;
use crate::app::candidates::{self as rules, ShadowCounts};
use crate::app::policies::Rulebook;
use crate::app::{AppResult, replays, views};
use ronda_domain::{AgentId, ConversationId, Ms, WorkspaceId};
use ronda_routing::{Act, Decision, Fact, Input, Outcome, State, step};
use ronda_storage::candidates::{self, DifferenceRow};
use ronda_storage::{Lane, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Counters are written at least this often while inputs come.
const WRITE_MS: i64 = 30_000;
/// Steps of time alone that are caught up with before one input.
const MOST_TICKS: usize = 500;

/// The shadows of this process.
#[derive(Default)]
pub struct Shadows(Mutex<HashMap<WorkspaceId, Slot>>);

enum Slot {
    /// There is none.
    Empty,
    Planning(Box<Shadow>),
}

struct Shadow {
    candidate: i64,
    state: State,
    counts: ShadowCounts,
    written_at: Ms,
}

/// What the live planner has just written.
pub struct Turn<'a> {
    /// The live state afterwards.
    pub after: &'a State,
    /// In their order.
    pub inputs: Vec<Input>,
    pub outcome: &'a Outcome,
    /// The number of the last input that marks that a shadow came or went.
    pub mark: Option<i64>,
}

impl Shadows {
    /// Whether there may be one.
    #[must_use]
    pub fn follows(&self, w: WorkspaceId) -> bool {
        !matches!(self.lock().get(&w), Some(Slot::Empty))
    }

    fn plans(&self, w: WorkspaceId, candidate: i64) -> bool {
        matches!(self.lock().get(&w), Some(Slot::Planning(shadow)) if shadow.candidate == candidate)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<WorkspaceId, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans what the live planner has just written. A shadow begins at its mark; after a restart, with the first inputs
    /// there are.
    pub async fn follow(&self, app: &Arc<App>, w: WorkspaceId, turn: &Turn<'_>) {
        let known = self.lock().contains_key(&w);
        let mut after = 0;
        if turn.mark.is_some() || !known {
            match wanted(app, w).await {
                Ok(Some((id, _, _))) if self.plans(w, id) => {}
                Ok(row) => {
                    after = turn.mark.unwrap_or(0);
                    let slot = row.map_or(Slot::Empty, |row| {
                        Slot::Planning(Box::new(begin(row, app.clock.now(), turn, after)))
                    });
                    self.lock().insert(w, slot);
                }
                Err(error) => {
                    tracing::warn!(workspace = %w, %error, "the shadow could not begin");
                    self.lock().remove(&w);
                    return;
                }
            }
        }
        let (candidate, counts, fresh) = {
            let mut all = self.lock();
            let Some(Slot::Planning(shadow)) = all.get_mut(&w) else {
                return;
            };
            let fresh = shadow.plan(turn, after);
            let now = app.clock.now();
            if after == 0 && fresh.is_empty() && now.since(shadow.written_at) < WRITE_MS {
                return;
            }
            shadow.written_at = now;
            (shadow.candidate, shadow.counts.clone(), fresh)
        };
        let db = app.db.clone();
        app.background.spawn(async move {
            let text = views::text(&counts);
            let written: Result<(), StoreError> = db
                .write("shadow", Lane::Background, move |tx| {
                    if candidates::set_counts(tx, w, candidate, &text)? == 1 {
                        candidates::insert_differences(tx, w, candidate, &fresh)?;
                    }
                    Ok(())
                })
                .await;
            if let Err(error) = written {
                tracing::warn!(workspace = %w, %error, "what the shadow decided was not logged");
            }
        });
    }
}

/// The policy that is to plan in the shadow: its id, its rules, and what was counted before.
async fn wanted(app: &Arc<App>, w: WorkspaceId) -> AppResult<Option<(i64, Rulebook, ShadowCounts)>> {
    let read: AppResult<_> = app.db.read("shadow", move |tx| Ok(candidates::list(tx, w)?)).await;
    let Some(row) = read?.into_iter().find(|c| c.kind == "shadow") else {
        return Ok(None);
    };
    let counts = serde_json::from_str(&row.counts).unwrap_or_default();
    Ok(Some((row.id, rules::book(&row)?, counts)))
}

/// The shadow as it begins with the inputs of `turn` after number `after`: with the live state as it was then.
fn begin(wanted: (i64, Rulebook, ShadowCounts), now: Ms, turn: &Turn<'_>, after: i64) -> Shadow {
    let (candidate, book, mut counts) = wanted;
    let mut live = turn.after.clone();
    live.revert(turn.outcome);
    for input in turn.inputs.iter().filter(|input| input.seq <= after) {
        step(&mut live, input);
    }
    counts.since = counts.since.or(Some(now));
    counts.first_input = counts.first_input.or(Some(live.head().input_seq + 1));
    let mut shadow = Shadow {
        candidate,
        state: State::from_rows(live.rows()),
        counts,
        written_at: now,
    };
    for fact in replays::what_if(&book) {
        shadow.tell(shadow.state.head().at, fact);
    }
    shadow
}

/// What was done about a conversation automatically, the last of it.
type Done = BTreeMap<ConversationId, (Act, Option<AgentId>)>;

impl Shadow {
    /// Plans the inputs of a turn after number `after`.
    fn plan(&mut self, turn: &Turn<'_>, after: i64) -> Vec<DifferenceRow> {
        let (mut live, mut here) = (Done::new(), Done::new());
        for d in turn.outcome.decisions.iter().filter(|d| d.cause > after) {
            note(&mut live, d);
            self.count(d, false);
        }
        let mut last = self.state.head().at;
        for Input { at, fact, .. } in turn.inputs.iter().filter(|input| input.seq > after) {
            last = *at;
            for _ in 0..MOST_TICKS {
                let Some(due) = self.state.next_due().filter(|due| due < at) else {
                    break;
                };
                self.plan_one(due, Fact::Tick, &mut here);
            }
            if let Some(fact) = self.seen_from_here(fact) {
                self.plan_one(*at, fact, &mut here);
            }
            self.counts.inputs += 1;
            self.counts.until = Some(*at);
        }
        let at = last;
        let mut rows = Vec::new();
        let conversations: std::collections::BTreeSet<ConversationId> =
            live.keys().chain(here.keys()).copied().collect();
        for conversation in conversations {
            let (a, b) = (live.get(&conversation), here.get(&conversation));
            if a == b {
                continue;
            }
            let act = |of: Option<&(Act, Option<AgentId>)>| of.map(|(act, _)| act.as_str().to_owned());
            rows.push(DifferenceRow {
                id: 0,
                at,
                conversation: Some(conversation),
                live_act: act(a),
                live_agent: a.and_then(|(_, to)| *to),
                shadow_act: act(b),
                shadow_agent: b.and_then(|(_, to)| *to),
            });
        }
        self.counts.differences += i64::try_from(rows.len()).unwrap_or_default();
        rows
    }

    fn plan_one(&mut self, at: Ms, fact: Fact, here: &mut Done) {
        for d in self.tell(at, fact) {
            note(here, &d);
            self.count(&d, true);
        }
    }

    fn tell(&mut self, at: Ms, fact: Fact) -> Vec<Decision> {
        let seq = self.state.head().input_seq + 1;
        step(&mut self.state, &Input { seq, at, fact }).decisions
    }

    fn count(&mut self, d: &Decision, shadow: bool) {
        if d.act == Act::Rotate {
            let of = if shadow {
                &mut self.counts.shadow_rotations
            } else {
                &mut self.counts.live_rotations
            };
            *of += 1;
        }
        if let (Act::Assign | Act::Rotate, Some(to)) = (d.act, d.to) {
            let share = self.counts.agents.entry(to).or_default();
            *(if shadow { &mut share.shadow } else { &mut share.live }) += 1;
        }
    }

    /// A fact as it is under the shadow's own owners and epochs; none when it says nothing there.
    fn seen_from_here(&self, fact: &Fact) -> Option<Fact> {
        let holds = |conv: ConversationId| self.state.conv(conv).and_then(|c| Some((c.owner?, c.epoch)));
        let mut fact = fact.clone();
        match &mut fact {
            Fact::PolicySet { .. } => return None,
            Fact::AgentSaid { conv, agent, seen } => {
                if let Some((owner, epoch)) = holds(*conv) {
                    (*agent, *seen) = (owner, epoch);
                }
            }
            Fact::LateReply { conv, agent, .. } => {
                let conv = *conv;
                let (agent, seen) = holds(conv).unwrap_or((*agent, ronda_routing::Epoch::default()));
                return Some(Fact::AgentSaid { conv, agent, seen });
            }
            Fact::Typing { conv, agent } | Fact::SendFailed { conv, agent, .. } => {
                if let Some((owner, _)) = holds(*conv) {
                    *agent = owner;
                }
            }
            Fact::Extended { conv, agent, seen } => {
                if let Some((owner, _)) = holds(*conv) {
                    (*agent, *seen) = (owner, None);
                }
            }
            Fact::Taken { seen, .. }
            | Fact::Transferred { seen, .. }
            | Fact::Declined { seen, .. }
            | Fact::Closed { seen, .. }
            | Fact::ReturnedToBot { seen, .. } => *seen = None,
            _ => {}
        }
        Some(fact)
    }
}

fn note(done: &mut Done, d: &Decision) {
    let automatic = matches!(
        d.act,
        Act::Assign | Act::Rotate | Act::Release | Act::Requeue | Act::Exhaust
    );
    if let Some(conversation) = d.conversation.filter(|_| automatic) {
        done.insert(conversation, (d.act, d.to));
    }
}
