//! Gives waiting conversations to agents until nothing more can be given.
//!
//! Before a step nothing could be given, so only what came into a queue and agents who gained room are looked at. The
//! globally least key is served first; a conversation that nobody can take blocks no other.

use crate::decision::{Act, Finalist, Funnel, Reason, Reject, TieBreak};
use crate::fact::Presence;
use crate::index::{self, Key, Lane, Rules, Scope, Status};
use crate::policy::{PresenceRule, Strategy};
use crate::row::{AgentRow, ConvRow, Origin};
use crate::work::Work;
use ronda_domain::AgentId;
use std::collections::BTreeSet;

/// What may be served.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entry {
    /// The head of a lane.
    Lane(Scope, Lane),
    /// The first conversation kept over its time that this agent may take.
    Overdue(AgentId),
    /// The first exhausted conversation for an agent who has shown life.
    Alive(AgentId),
}

impl Work<'_> {
    pub fn dispatch(&mut self) {
        let mut queue = BTreeSet::new();
        if std::mem::take(&mut self.s.unsettled) {
            let waiting = self.s.index.waiting.iter();
            let lanes = waiting.flat_map(|(scope, lanes)| lanes.keys().map(|l| (scope.clone(), l.clone())));
            self.touched.extend(lanes.filter(|(_, l)| !l.exhausted && !l.stale));
            if !self.s.index.overdue.is_empty() {
                self.freed.extend(self.s.index.everybody_with_room());
            }
        }
        self.push_alive(&mut queue);
        self.collect(&mut queue);
        while let Some((key, entry)) = queue.pop_first() {
            match entry {
                Entry::Lane(scope, lane) => {
                    if self.serve(&scope, &lane, key) {
                        self.push_lane(&mut queue, scope, lane);
                    }
                }
                Entry::Overdue(agent) => {
                    // Another may have taken it since: then the agent's next one has its own place in the order.
                    if self.next_overdue(agent) == Some(key) {
                        self.move_overdue(key);
                    }
                    self.push_overdue(&mut queue, agent);
                }
                Entry::Alive(agent) => {
                    if self.next_exhausted(agent) == Some(key) {
                        self.alive = None;
                        self.revive(key, agent);
                    } else {
                        self.push_alive(&mut queue);
                    }
                }
            }
            self.collect(&mut queue);
        }
        self.alive = None;
    }

    /// Takes up what was touched and freed since.
    fn collect(&mut self, queue: &mut BTreeSet<(Key, Entry)>) {
        for (scope, lane) in std::mem::take(&mut self.touched) {
            self.push_lane(queue, scope, lane);
        }
        for agent in std::mem::take(&mut self.freed) {
            let lanes = self
                .s
                .agent(agent)
                .map(|a| self.s.index.lanes_for(&self.s.rules(), a))
                .unwrap_or_default();
            for (scope, lane) in lanes {
                self.push_lane(queue, scope, lane);
            }
            self.push_overdue(queue, agent);
            if self.alive == Some(agent) {
                self.push_alive(queue);
            }
        }
    }

    fn push_lane(&self, queue: &mut BTreeSet<(Key, Entry)>, scope: Scope, lane: Lane) {
        // What waits while it is closed is looked at when it opens.
        if !self.s.rules().assigns(&scope, lane.channel) {
            return;
        }
        let head = self
            .s
            .index
            .waiting
            .get(&scope)
            .and_then(|l| l.get(&lane))
            .and_then(BTreeSet::first);
        if let Some(key) = head {
            queue.insert((*key, Entry::Lane(scope, lane)));
        }
    }

    fn push_overdue(&self, queue: &mut BTreeSet<(Key, Entry)>, agent: AgentId) {
        if let Some(key) = self.next_overdue(agent) {
            queue.insert((key, Entry::Overdue(agent)));
        }
    }

    fn push_alive(&self, queue: &mut BTreeSet<(Key, Entry)>) {
        if let Some(agent) = self.alive
            && let Some(key) = self.next_exhausted(agent)
        {
            queue.insert((key, Entry::Alive(agent)));
        }
    }

    fn next_overdue(&self, agent: AgentId) -> Option<Key> {
        let row = self.s.agent(agent)?;
        self.s.index.overdue_for(&self.s.rules(), row, |conv| {
            let conv = self.s.conv(conv);
            conv.is_some_and(|c| c.owner != Some(agent) && c.missed.binary_search(&agent).is_err())
        })
    }

    fn next_exhausted(&self, agent: AgentId) -> Option<Key> {
        let row = self.s.agent(agent)?;
        self.s.index.exhausted_for(&self.s.rules(), row)
    }

    /// Assigns the head of a lane if anybody can take it.
    fn serve(&mut self, scope: &Scope, lane: &Lane, key: Key) -> bool {
        let is_head = self
            .s
            .index
            .waiting
            .get(scope)
            .and_then(|l| l.get(lane))
            .and_then(BTreeSet::first)
            == Some(&key);
        let Some(old) = self.s.conv(key.1).cloned().filter(|_| is_head) else {
            // Another is the head now: it is looked at in its own place in the order.
            return true;
        };
        let Some((to, funnel)) = self.choose(scope, lane) else {
            return false;
        };
        let (origin, reason) = match (old.reserved_for, old.keep.origin) {
            (Some(_), Some(Origin::Transferred)) => (Origin::Transferred, Reason::Reserved),
            (Some(_), Some(_)) => (Origin::Preferred, Reason::Reserved),
            (Some(_), None) => (Origin::Preferred, Reason::Affinity),
            (None, _) => {
                let waiting = old.anchor.or(old.waiting_since).unwrap_or_default();
                let waited_ms = self.now().since(waiting).max(0);
                let strategy = self.s.rules().policy_in(scope.rules).strategy;
                (Origin::Dispatched, Reason::InTurn { strategy, waited_ms })
            }
        };
        let row = self.owned(&old, to, origin);
        self.hand(&old, row, to, Act::Assign, reason, funnel);
        true
    }

    /// Moves a conversation that was kept over its time to somebody who is available now.
    fn move_overdue(&mut self, key: Key) {
        let Some(old) = self.s.conv(key.1).cloned() else {
            return;
        };
        let lane = index::lane_without_owner(&old);
        if let Some((to, funnel)) = self.choose_next(&self.s.rules().scope_of(&old), &lane) {
            let reason = Reason::NowAvailable { round: old.round };
            self.rotate_to(&old, lane.missed, to, reason, funnel);
        }
    }

    /// Gives an exhausted conversation to an agent who has just shown life; its rounds begin again (row 10).
    fn revive(&mut self, key: Key, to: AgentId) {
        let Some(old) = self.s.conv(key.1).cloned() else {
            return;
        };
        let mut funnel = self.funnel(&self.s.rules().scope_of(&old), &index::lane(&old));
        choose_in(&mut funnel, Reject::Missed, to, TieBreak::Named);
        let fresh = ConvRow {
            round: 0,
            missed: Vec::new(),
            ..old.clone()
        };
        let row = self.owned(&fresh, to, Origin::Preferred);
        self.hand(&old, row, to, Act::Assign, Reason::ProofOfLife, funnel);
    }

    /// Carries an automatic assignment out.
    pub fn hand(&mut self, old: &ConvRow, row: ConvRow, to: AgentId, act: Act, reason: Reason, funnel: Funnel) {
        self.allow(to, self.s.limit_in(to, old.group));
        self.decide(old, &row, act, reason.clone(), funnel);
        self.mark_reason(row.conv, reason);
        self.put(row);
        self.take_turn(to);
    }

    /// Whether an agent has shown life lately.
    fn lively(&self, agent: &AgentRow) -> bool {
        let life = agent.keep.life_at;
        life.is_some_and(|at| self.now().since(at) < crate::defaults::LIFE_FRESH_MS)
    }

    pub fn funnel(&self, scope: &Scope, lane: &Lane) -> Funnel {
        self.s
            .index
            .funnel(&self.s.rules(), |a| self.s.agents.get(&a), scope, lane)
    }

    /// Who gets it, if anybody can, and who was considered.
    pub fn choose(&self, scope: &Scope, lane: &Lane) -> Option<(AgentId, Funnel)> {
        self.choose_among(scope, lane, false)
    }

    /// Who gets it in a rotation: under any presence first those who have shown life lately (§1.3).
    pub fn choose_next(&self, scope: &Scope, lane: &Lane) -> Option<(AgentId, Funnel)> {
        let presence = self.s.rules().policy_in(scope.rules).presence;
        self.choose_among(scope, lane, presence == PresenceRule::Any)
    }

    fn choose_among(&self, scope: &Scope, lane: &Lane, prefer_life: bool) -> Option<(AgentId, Funnel)> {
        let policy = self.s.rules().policy_in(scope.rules);
        let mut finalists: Vec<_> = match lane.reserved {
            Some(named) => {
                let row = self.s.agent(named)?;
                let takes = Rules::member(row, scope)
                    && Rules::may_reply(row, lane.channel)
                    && lane.missed.binary_search(&named).is_err()
                    && self.s.status(row, scope) == Status::Room;
                takes.then(|| Rules::turn(row, policy)).into_iter().collect()
            }
            None => {
                let candidates = self.s.index.candidates(scope, lane.channel);
                let fresh = candidates.filter(|(_, _, a)| lane.missed.binary_search(a).is_err());
                fresh.take(crate::defaults::FINALISTS).collect()
            }
        };
        let mut by_life = false;
        if prefer_life && finalists.len() > 1 {
            let lively = |a: &AgentId| self.s.agent(*a).is_some_and(|a| self.lively(a));
            let candidates = self.s.index.candidates(scope, lane.channel);
            let fresh = candidates.filter(|(_, _, a)| lane.missed.binary_search(a).is_err() && lively(a));
            let alive: Vec<_> = fresh.take(crate::defaults::FINALISTS).collect();
            if !alive.is_empty() {
                by_life = alive.len() == 1 || alive.first() != finalists.first();
                finalists = alive;
            }
        }
        let first = finalists.first()?;
        let by = match finalists.get(1) {
            _ if lane.reserved.is_some() => TieBreak::Named,
            _ if by_life => TieBreak::Life,
            None => TieBreak::None,
            Some(second) if first.0 != second.0 => match policy.strategy {
                Strategy::LeastRecent | Strategy::MostSpare => TieBreak::Spare,
                Strategy::Weighted => TieBreak::Weight,
                Strategy::FillFirst => TieBreak::Fill,
                Strategy::Ranked => TieBreak::Rank,
            },
            Some(second) if first.1 != second.1 => TieBreak::Turn,
            Some(_) => TieBreak::Id,
        };
        let mut funnel = self.funnel(scope, lane);
        let class = self.s.rules().room_reject(scope, lane.channel);
        choose_in(&mut funnel, class, first.2, by);
        let finalist = |agent: AgentId| Finalist {
            agent,
            load: self.s.agent(agent).map_or(0, |a| a.load),
            limit: self.s.agent(agent).map_or(policy.limit, |a| Rules::limit(a, policy)),
            last_assigned_at: self.s.agent(agent).and_then(|a| a.keep.last_assigned_at),
            background: self
                .s
                .agent(agent)
                .is_some_and(|a| a.keep.presence == Presence::Background),
        };
        funnel.finalists = finalists.iter().map(|(_, _, a)| finalist(*a)).collect();
        Some((first.2, funnel))
    }
}

/// Takes the chosen agent out of the class they were counted in.
fn choose_in(funnel: &mut Funnel, class: Reject, agent: AgentId, by: TieBreak) {
    for lost in &mut funnel.lost {
        if lost.reason == class {
            lost.count = lost.count.saturating_sub(1);
        }
    }
    funnel.lost.retain(|l| l.count > 0);
    funnel.chosen = Some(agent);
    funnel.by = by;
}
