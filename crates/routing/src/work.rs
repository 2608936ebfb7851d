//! The work of one run: the state under change, what it was before, and what is to be reported. Every change of a row
//! goes through [`Work::put`] and [`Work::edit_agent`], so that loads, index, hash and the report cannot disagree.

use crate::clock::add_open;
use crate::decision::{Act, Decision, Funnel, Reason};
use crate::fact::{Arrival, Presence};
use crate::index::{self, Lane, Scope, Status};
use crate::outcome::{AgentChange, Answer, ConvChange, Notice, Outcome, Undo};
use crate::policy::{Policy, PresenceRule, ReplyScope};
use crate::replay::{Moment, Watch};
use crate::row::{AgentRow, ConvKeep, ConvRow, Epoch, Head, Origin, Ramp};
use crate::state::State;
use ronda_domain::conversation::{CloseReason, Phase, Place};
use ronda_domain::{AgentId, ConversationId, Ms, SkillId};
use std::collections::{BTreeMap, BTreeSet};

/// A time to answer shorter than this would fire for ever inside one step; no valid policy has one.
const SHORTEST_MS: i64 = 1_000;

pub(crate) struct Work<'a> {
    pub s: &'a mut State,
    /// Number of the input that is being applied.
    pub cause: i64,
    /// How many deadlines it may still fire.
    pub deadlines: usize,
    pub notices: Vec<Notice>,
    pub undo: Undo,
    /// Lanes into which something came.
    pub touched: BTreeSet<(Scope, Lane)>,
    /// Agents who gained room, or something else that lets them take more.
    pub freed: BTreeSet<AgentId>,
    /// The agent who has just shown life (row 10).
    pub alive: Option<AgentId>,
    /// A decision that is looked at closely when it is taken.
    pub watch: Option<Watch>,
    /// Conversations that came to wait in a group, to be looked at once: somebody may have to be found for it.
    pub came: BTreeSet<ConversationId>,
    decisions: Vec<Decision>,
    head_before: Head,
    convs: BTreeMap<ConversationId, (Epoch, Option<ConvRow>)>,
    agents: BTreeMap<AgentId, Option<AgentRow>>,
    /// What left the engine because of the present input, and at which epoch: what the input brings along is older.
    pub gone: BTreeMap<ConversationId, Epoch>,
    /// Rows that left the engine.
    left: BTreeMap<ConversationId, ConvRow>,
    rotations: BTreeMap<ConversationId, Ms>,
    closed: BTreeMap<ConversationId, (Ms, CloseReason)>,
    reasons: BTreeMap<ConversationId, Reason>,
    caps: BTreeMap<AgentId, i64>,
}

impl<'a> Work<'a> {
    pub fn new(s: &'a mut State) -> Self {
        let head_before = s.head;
        Self {
            s,
            cause: head_before.input_seq,
            deadlines: 0,
            notices: Vec::new(),
            undo: Undo::default(),
            touched: BTreeSet::new(),
            freed: BTreeSet::new(),
            alive: None,
            watch: None,
            came: BTreeSet::new(),
            decisions: Vec::new(),
            head_before,
            convs: BTreeMap::new(),
            agents: BTreeMap::new(),
            gone: BTreeMap::new(),
            left: BTreeMap::new(),
            rotations: BTreeMap::new(),
            closed: BTreeMap::new(),
            reasons: BTreeMap::new(),
            caps: BTreeMap::new(),
        }
    }

    pub fn now(&self) -> Ms {
        self.s.head.at
    }

    pub fn finish(self, results: Vec<(i64, Answer)>) -> Outcome {
        let mut convs = Vec::new();
        for (id, (seen, before)) in self.convs {
            let Some(row) = self.s.convs.get(&id).or_else(|| self.left.get(&id)) else {
                continue;
            };
            if before.as_ref() == Some(row) {
                continue;
            }
            let owner_before = before.as_ref().and_then(|b| b.owner);
            let moved = row.owner.is_some() && row.owner != owner_before;
            convs.push(ConvChange {
                seen,
                rotation: self.rotations.get(&id).copied(),
                row: row.clone(),
                closed: self.closed.get(&id).copied().filter(|_| row.place == Place::Closed),
                assigned_reason: self.reasons.get(&id).cloned().filter(|_| moved),
                before,
            });
        }
        let mut agents = Vec::new();
        for (id, before) in self.agents {
            let Some(row) = self.s.agents.get(&id).cloned() else {
                continue;
            };
            if before.as_ref() == Some(&row) {
                continue;
            }
            let load_before = before.as_ref().map_or(0, |b| b.load);
            agents.push(AgentChange {
                delta: i64::from(row.load) - i64::from(load_before),
                guard: self.caps.get(&id).copied().unwrap_or(i64::MAX).max(i64::from(row.load)),
                row,
                before,
            });
        }
        Outcome {
            results,
            decisions: self.decisions,
            convs,
            agents,
            notices: self.notices,
            next_due: self.s.next_due(),
            hash: self.s.hash(),
            head_before: self.head_before,
            head: self.s.head,
            undo: self.undo,
        }
    }

    /// The row of a conversation the engine does not know, as it stands in the database.
    pub fn arrive(&mut self, conv: ConversationId, arrival: &Arrival, place: Place) -> ConvRow {
        self.convs.entry(conv).or_insert((arrival.epoch, None));
        let needs = ascending(&arrival.needs);
        ConvRow {
            conv,
            customer: arrival.customer,
            channel: arrival.channel,
            group: arrival.group,
            epoch: self.gone.get(&conv).copied().unwrap_or(arrival.epoch),
            place,
            owner: None,
            phase: None,
            anchor: arrival.anchor,
            rotate_at: None,
            round: 0,
            exhausted: false,
            waiting_since: None,
            assigned_at: None,
            reserved_for: None,
            reserved_until: None,
            missed: Vec::new(),
            moves: 0,
            transfers: 0,
            keep: ConvKeep {
                needs,
                priority_minutes: arrival.priority_minutes,
                window_ends: arrival.window_ends,
                window_step: index::window_step(arrival.window_ends, self.now()),
                ..ConvKeep::default()
            },
        }
    }

    /// Puts a row in place of the one known; loads follow.
    pub fn put(&mut self, row: ConvRow) {
        let id = row.conv;
        let before = self.s.convs.get(&id);
        let owner_before = before.and_then(|c| c.owner);
        if row.place == Place::Waiting && before.is_none_or(|b| b.epoch != row.epoch) {
            self.came.insert(id);
        }
        if let Some(before) = before {
            self.convs
                .entry(id)
                .or_insert_with(|| (before.epoch, Some(before.clone())));
        }
        let owner = row.owner;
        match row.place {
            Place::Waiting | Place::Held => {
                self.left.remove(&id);
                if row.place == Place::Waiting && !row.exhausted && !row.keep.stale {
                    self.touched.insert((self.s.rules().scope_of(&row), index::lane(&row)));
                }
                self.s.set_conv(id, Some(row));
            }
            Place::Bot | Place::Closed => {
                self.s.set_conv(id, None);
                self.gone.insert(id, row.epoch);
                self.left.insert(id, row);
            }
        }
        if owner == owner_before {
            return;
        }
        if let Some(agent) = owner_before {
            self.edit_agent(agent, |a| a.load = a.load.saturating_sub(1));
        }
        if let Some(agent) = owner {
            self.edit_agent(agent, |a| a.load = a.load.saturating_add(1));
        }
    }

    pub fn edit_agent(&mut self, id: AgentId, edit: impl FnOnce(&mut AgentRow)) {
        let before = self.s.agents.get(&id).cloned();
        let mut row = before.clone().unwrap_or_else(|| AgentRow::new(id));
        edit(&mut row);
        let rules = self.s.rules();
        if rules.weighted() && rules.is_there(&row) && !before.as_ref().is_some_and(|b| rules.is_there(b)) {
            // Back from absence: no turns are made up for (F3).
            let least = self.s.index.pool.first().map_or(0, |(served, _)| *served);
            row.keep.served = row.keep.served.max(least);
        }
        let same = before
            .as_ref()
            .filter(|b| (&b.groups, &b.channels, &b.skills) == (&row.groups, &row.channels, &row.skills));
        let gains = |p: &Policy| {
            let had = same.is_some_and(|b| self.s.index.status_by(&rules, b, p) == Status::Room);
            !had && rules.status(&row, p) == Status::Room
        };
        if rules.every().any(gains) {
            self.freed.insert(id);
        }
        self.agents.entry(id).or_insert(before);
        self.s.set_agent(id, Some(row));
    }

    /// Starts the pacing of an agent who can take conversations from now on (row 23).
    pub fn start_ramp(&mut self, id: AgentId) {
        let (on, from) = (self.s.policy.ramp.on(), self.now());
        self.edit_agent(id, |a| a.keep.ramp = on.then_some(Ramp { from, base: a.load }));
    }

    /// Remembers up to which load `agent` was allowed to grow.
    pub fn allow(&mut self, agent: AgentId, cap: Option<u32>) {
        let cap = cap.map_or(i64::MAX, i64::from);
        let known = self.caps.entry(agent).or_insert(cap);
        *known = (*known).max(cap);
    }

    /// Notes a decision about a conversation whose epoch went from that of `before` to that of `after`.
    pub fn decide(&mut self, before: &ConvRow, after: &ConvRow, act: Act, reason: Reason, funnel: Funnel) {
        if let Some(watch) = &mut self.watch
            && watch.seq == self.s.head.decision_seq.saturating_add(1)
        {
            watch.moment = Some(Box::new(Moment {
                rows: self.s.rows(),
                before: before.clone(),
                after: after.clone(),
            }));
        }
        let policy_version = self.s.rules().policy_of(after).version;
        self.note(Decision {
            conversation: Some(after.conv),
            epoch_before: before.epoch,
            epoch_after: after.epoch,
            act,
            from: before.owner,
            to: after.owner,
            reason,
            funnel,
            seq: 0,
            at: Ms(0),
            cause: 0,
            policy_version,
        });
    }

    /// Numbers and dates a decision.
    pub fn note(&mut self, decision: Decision) {
        let head = &mut self.s.head;
        head.decision_seq = head.decision_seq.saturating_add(1);
        self.decisions.push(Decision {
            seq: head.decision_seq,
            at: head.at,
            cause: self.cause,
            ..decision
        });
    }

    pub fn mark_rotation(&mut self, conv: &ConvRow) {
        if let Some(anchor) = conv.anchor {
            self.rotations.insert(conv.conv, anchor);
        }
    }

    pub fn mark_closed(&mut self, conv: ConversationId, reason: CloseReason) {
        let now = self.now();
        self.closed.insert(conv, (now, reason));
    }

    pub fn mark_reason(&mut self, conv: ConversationId, reason: Reason) {
        self.reasons.insert(conv, reason);
    }

    /// Whether the policy lets a clock run for this row.
    pub fn wants_clock(&self, conv: &ConvRow) -> bool {
        let policy = self.s.rules().policy_of(conv);
        policy.enabled
            && policy.reassign_seconds.is_some()
            && conv.phase == Some(Phase::Unanswered)
            && conv.anchor.is_some()
            && (policy.scope == ReplyScope::EveryTurn || conv.keep.answers == 0)
    }

    /// The deadline of a full time to answer from `start`, when a clock runs at all.
    pub fn clock_from(&self, conv: &ConvRow, start: Ms) -> Option<Ms> {
        if !self.wants_clock(conv) {
            return None;
        }
        let rules = self.s.rules();
        let open_ms = rules.policy_of(conv).answer_ms(conv.round)?.max(SHORTEST_MS);
        // While rotation is paused, time to answer begins at its end.
        let start = rules.paused(conv).map_or(start, |until| until.max(start));
        add_open(rules.hours_of(conv), start, open_ms)
    }

    /// The deadline of this ownership (row 2).
    pub fn clock(&self, conv: &ConvRow) -> Option<Ms> {
        let start = conv.anchor.max(conv.assigned_at)?;
        self.clock_from(conv, start)
    }

    /// The row with `to` as its owner from now on; the caller puts it.
    pub fn owned(&self, old: &ConvRow, to: AgentId, origin: Origin) -> ConvRow {
        let mut row = ConvRow {
            epoch: old.epoch.next(),
            place: Place::Held,
            owner: Some(to),
            phase: Some(if old.anchor.is_some() {
                Phase::Unanswered
            } else {
                Phase::Answered
            }),
            exhausted: false,
            waiting_since: None,
            assigned_at: Some(self.now()),
            reserved_for: None,
            reserved_until: None,
            keep: ConvKeep {
                origin: Some(origin),
                ..carried(old)
            },
            ..old.clone()
        };
        row.rotate_at = self.clock(&row);
        row
    }

    /// The row as it waits from now on; the caller puts it. The anchor never moves.
    pub fn unowned(&self, old: &ConvRow) -> ConvRow {
        ConvRow {
            epoch: old.epoch.next(),
            place: Place::Waiting,
            owner: None,
            phase: None,
            rotate_at: None,
            exhausted: false,
            waiting_since: Some(self.now()),
            assigned_at: None,
            reserved_for: None,
            reserved_until: None,
            keep: carried(old),
            ..old.clone()
        }
    }

    /// Gives a turn of `agent` away (row 16): the stamp is taken at assignment.
    pub fn take_turn(&mut self, agent: AgentId) {
        let now = self.now();
        self.s.head.stamp = self.s.head.stamp.saturating_add(1);
        let stamp = self.s.head.stamp;
        let weighted = self.s.rules().weighted();
        self.edit_agent(agent, |a| {
            a.stamp = stamp;
            a.keep.last_assigned_at = Some(now);
            if weighted {
                a.keep.served = a.keep.served.saturating_add(index::turn_units(a.weight));
            }
        });
    }

    /// Whether the agent has been gone for longer than the grace, under a policy that asks for presence (row 56).
    pub fn is_gone(&self, agent: AgentId, conv: &ConvRow) -> bool {
        let policy = self.s.rules().policy_of(conv);
        policy.enabled
            && policy.presence == PresenceRule::Online
            && self
                .s
                .agent(agent)
                .is_some_and(|a| a.keep.presence == Presence::Gone && a.keep.gone_due.is_none())
    }

    pub fn over_limit(&mut self, conversation: ConversationId, agent: AgentId) -> bool {
        let load = self.s.agent(agent).map_or(0, |a| a.load);
        let group = self.s.conv(conversation).and_then(|c| c.group);
        match self.s.limit_in(agent, group) {
            Some(limit) if load > limit => {
                self.notices.push(Notice::OverLimit {
                    conversation,
                    agent,
                    load,
                    limit,
                });
                true
            }
            _ => false,
        }
    }
}

/// What stays with a conversation through every change of owner: what it needs, and how long its customer has been
/// looked for.
fn carried(old: &ConvRow) -> ConvKeep {
    let keep = &old.keep;
    ConvKeep {
        previous: keep.previous,
        needs: keep.needs.clone(),
        priority_minutes: keep.priority_minutes,
        raised_minutes: keep.raised_minutes,
        window_ends: keep.window_ends,
        window_step: keep.window_step,
        step: keep.step,
        via: keep.via.clone(),
        ..ConvKeep::default()
    }
}

/// Skills as rows keep them: ascending, each once.
pub(crate) fn ascending(skills: &[SkillId]) -> Vec<SkillId> {
    let mut skills = skills.to_vec();
    skills.sort_unstable();
    skills.dedup();
    skills
}

/// A person decided who is asked: the wait begins anew.
pub(crate) fn asked_anew(row: &mut ConvRow) {
    row.keep.step = 0;
    row.keep.raised_minutes = 0;
    row.keep.via.clear();
}
