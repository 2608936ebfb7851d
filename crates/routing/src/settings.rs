//! What facts about people, settings and the installation do.

use crate::clock::{Hours, add_open, is_open, open_between};
use crate::decision::{Act, Decision, Funnel, Reason};
use crate::fact::{HoursScope, PolicyScope, Presence, Profile, Reach};
use crate::index::{Due, Rules, Scope};
use crate::outcome::{Answer, Notice};
use crate::policy::{Policy, PresenceRule, Strategy};
use crate::row::{AgentRow, ConvRow, Epoch, GroupRow};
use crate::work::Work;
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, GroupId, Ms};
use std::collections::BTreeSet;

const DONE: Answer = Answer::Ok {
    epoch: None,
    owner: None,
};

impl Work<'_> {
    /// Rows 55–57, 59: the turn is never touched.
    pub fn presence(&mut self, agent: AgentId, now: Presence, since: Ms) -> Answer {
        let was = self
            .s
            .agent(agent)
            .map(|a| (a.keep.presence, a.keep.gone_due))
            .unwrap_or_default();
        if was.0 == now {
            return DONE;
        }
        let grace = i64::from(self.s.policy.gone_grace_seconds) * 1_000;
        let gone_due = (now == Presence::Gone).then(|| since.plus(grace));
        // Away, or gone for longer than the grace: they come back to a backlog, and are paced.
        let returns = now == Presence::Online && was.1.is_none();
        self.edit_agent(agent, |a| {
            a.keep.presence = now;
            a.keep.gone_due = gone_due;
        });
        if returns && self.s.policy.presence == PresenceRule::Online {
            self.start_ramp(agent);
        }
        if now == Presence::Online {
            // A connection that comes back by itself within the grace says nothing about the person.
            if returns {
                self.life(agent);
            }
            self.alive = Some(agent);
        }
        DONE
    }

    pub fn agent_edited(&mut self, agent: AgentId, profile: &Profile) -> Answer {
        let mut groups = profile.groups.clone();
        groups.sort_unstable();
        groups.dedup();
        let mut channels = profile.channels.clone();
        if let Some(channels) = &mut channels {
            channels.sort_unstable();
            channels.dedup();
        }
        let mut skills = profile.skills.clone();
        skills.sort_unstable();
        skills.dedup();
        let known = self.s.agent(agent);
        let was_active = known.is_some_and(|a| a.active);
        let left: Vec<GroupId> = known
            .map(|a| a.groups.iter().copied().filter(|g| !groups.contains(g)).collect())
            .unwrap_or_default();
        let limit_before = self.s.limit(agent);
        self.edit_agent(agent, |a| {
            a.active = profile.active;
            a.groups = groups;
            a.channels = channels;
            a.limit = profile.limit;
            a.weight = profile.weight;
            a.rank = profile.rank;
            a.skills = skills;
        });
        let raised = grew(limit_before, self.s.limit(agent));
        if profile.active && (raised || !was_active) && self.s.rules().policy.enabled && self.s.waiting() > 0 {
            self.start_ramp(agent);
        }
        if !profile.active {
            // Row 67: at once, whatever the policy says.
            self.edit_agent(agent, |a| a.keep.ramp = None);
            for conv in self.held_by(agent) {
                if let Some(old) = self.s.conv(conv).cloned() {
                    self.requeue(&old, Reason::OwnerDeactivated);
                }
            }
        } else if !left.is_empty() {
            let held = self.held_by(agent);
            let outside = |conv: &&ConversationId| {
                self.s
                    .conv(**conv)
                    .and_then(|c| c.group)
                    .is_some_and(|g| left.contains(&g))
            };
            let conversations = u32::try_from(held.iter().filter(outside).count()).unwrap_or(u32::MAX);
            if conversations > 0 {
                self.notices.push(Notice::HoldsOutsideGroup { agent, conversations });
            }
        }
        DONE
    }

    pub fn group_set(&mut self, row: GroupRow, live: bool, heir: Option<GroupId>) -> Answer {
        let group = row.group;
        let row = live.then_some(row);
        if self.s.groups.get(&group).copied() == row {
            return DONE;
        }
        let before = self.s.groups.clone();
        self.undo.groups.get_or_insert(before);
        match row {
            Some(row) => self.s.groups.insert(group, row),
            None => self.s.groups.remove(&group),
        };
        // Whose members are asked may be different for every conversation.
        self.s.rebuild();
        self.s.unsettled = true;
        if let Some(heir) = heir.filter(|h| !live && self.s.groups.contains_key(h)) {
            self.inherit(group, heir);
        }
        DONE
    }

    /// Row 68: what waits for a deleted group begins again in its heir; what is held stays with its owner.
    fn inherit(&mut self, group: GroupId, heir: GroupId) {
        let all = self.s.convs.values();
        let mut convs: Vec<_> = all.filter(|c| c.group == Some(group)).map(|c| c.conv).collect();
        convs.sort_unstable();
        for conv in convs {
            let Some(old) = self.s.conv(conv).cloned() else {
                continue;
            };
            let mut row = ConvRow {
                group: Some(heir),
                epoch: old.epoch.next(),
                ..old.clone()
            };
            if row.place == Place::Waiting {
                row.round = 0;
                row.exhausted = false;
                row.missed.clear();
            }
            let reason = Reason::GroupDeleted { group, heir };
            self.decide(&old, &row, Act::Regroup, reason, Funnel::default());
            self.put(row);
        }
    }

    /// Rows 21, 22, 69.
    pub fn policy_set(&mut self, scope: PolicyScope, policy: Option<&Policy>, reach: Reach) -> Answer {
        if let PolicyScope::Group(group) = scope {
            return self.group_policy_set(group, policy, reach);
        }
        let Some(policy) = policy else {
            return DONE;
        };
        if self.s.policy == *policy && reach == Reach::NewOnly {
            return DONE;
        }
        let before: BTreeSet<AgentId> = self.s.available().collect();
        let old = std::mem::replace(&mut self.s.policy, policy.clone());
        let switched_on = !old.enabled && policy.enabled;
        let raised = grew(old.limit, policy.limit);
        let asks = !(old.enabled && old.presence == PresenceRule::Online)
            && policy.enabled
            && policy.presence == PresenceRule::Online;
        self.undo.policy.get_or_insert(Box::new(old));
        self.s.rebuild();
        self.s.unsettled = true;
        let waiting = self.s.waiting() > 0;
        let due = self.now().plus(i64::from(policy.gone_grace_seconds) * 1_000);
        let mut agents: Vec<AgentId> = self.s.agents.keys().copied().collect();
        agents.sort_unstable();
        for agent in agents {
            let Some(row) = self.s.agent(agent) else {
                continue;
            };
            let silent = asks && row.keep.presence == Presence::Gone && row.keep.gone_due.is_none() && row.load > 0;
            let paced = waiting && (switched_on || (raised && row.limit.is_none()));
            let stops = row.keep.ramp.is_some() && !policy.ramp.on();
            if silent {
                self.edit_agent(agent, |a| a.keep.gone_due = Some(due));
            }
            if stops {
                self.edit_agent(agent, |a| a.keep.ramp = None);
            } else if paced && self.s.status(agent).available() {
                self.start_ramp(agent);
            }
        }
        if policy.strategy == Strategy::Weighted {
            let pool = before.iter().filter(|a| self.s.status(**a).available());
            if let Some(least) = pool.filter_map(|a| self.s.agent(*a)).map(|a| a.keep.served).min() {
                let mut returned: Vec<AgentId> = self.s.available().filter(|a| !before.contains(a)).collect();
                returned.sort_unstable();
                for agent in returned {
                    self.edit_agent(agent, |a| a.keep.served = a.keep.served.max(least));
                }
            }
        }
        self.set_aside(switched_on);
        self.rewind(reach);
        DONE
    }

    fn group_policy_set(&mut self, group: GroupId, policy: Option<&Policy>, reach: Reach) -> Answer {
        if self.s.policies.get(&group) == policy && reach == Reach::NewOnly {
            return DONE;
        }
        let before = self.s.policies.clone();
        match policy {
            Some(policy) => self.s.policies.insert(group, policy.clone()),
            None => self.s.policies.remove(&group),
        };
        self.undo.policies.get_or_insert(before);
        self.s.rebuild();
        self.s.unsettled = true;
        DONE
    }

    /// Row 70: what is too old when assignment is switched on stays waiting; a larger threshold brings it back.
    fn set_aside(&mut self, switched_on: bool) {
        let before = self
            .now()
            .plus(-i64::from(self.s.policy.max_backlog_age_seconds) * 1_000);
        let convs = self.s.convs.values().filter(|c| c.place == Place::Waiting);
        let mut rows: Vec<ConvRow> = convs
            .filter(|c| c.keep.stale != (crate::index::key(c).0 < before && (switched_on || c.keep.stale)))
            .cloned()
            .collect();
        rows.sort_unstable_by_key(|c| c.conv);
        for mut row in rows {
            row.keep.stale = !row.keep.stale;
            self.put(row);
        }
    }

    /// Clocks of open conversations after a new policy: what it forbids stops at once, the rest only when asked.
    fn rewind(&mut self, reach: Reach) {
        let mut held: Vec<ConversationId> = self
            .s
            .convs
            .values()
            .filter(|c| c.place == Place::Held)
            .map(|c| c.conv)
            .collect();
        held.sort_unstable();
        for conv in held {
            let Some(old) = self.s.conv(conv).cloned() else {
                continue;
            };
            let wants = self.wants_clock(&old);
            let mut row = old.clone();
            if !wants {
                row.rotate_at = None;
                row.keep.overdue = false;
            } else if reach == Reach::OpenToo {
                row.rotate_at = self.clock(&row);
            }
            if row != old {
                self.put(row);
            }
        }
    }

    /// Row 41: what is left of each clock goes on in the new hours.
    pub fn hours_set(&mut self, scope: HoursScope, hours: Option<&Hours>) -> Answer {
        if self.s.hours.get(&scope) == hours {
            return DONE;
        }
        let now = self.now();
        let clocks = self.clocks();
        let closed = self.closed_lanes();
        let before = self.s.hours.clone();
        match hours {
            Some(hours) => self.s.hours.insert(scope, hours.clone()),
            None => self.s.hours.remove(&scope),
        };
        self.undo.hours.get_or_insert(before);
        self.s.rebuild();
        self.s.unsettled = true;
        for (conv, left) in clocks {
            let Some(row) = self.s.conv(conv).cloned() else {
                continue;
            };
            let rules = self.s.rules();
            let start = rules.paused(&row).map_or(now, |until| until.max(now));
            let rotate_at = match left {
                Some(left) => add_open(rules.hours_of(&row), start, left),
                // The hours known before ended too early to say; kept ones whose rounds are used have no clock.
                None if row.keep.overdue => None,
                None => self.clock(&row).map(|at| at.max(now)),
            };
            if rotate_at != row.rotate_at {
                self.put(ConvRow { rotate_at, ..row });
            }
        }
        let opened = self.closed_lanes();
        let lanes: Vec<_> = closed.difference(&opened).copied().collect();
        self.release_paced(&lanes);
        DONE
    }

    /// Conversations whose clock runs or should, and what is left of it in open time.
    fn clocks(&self) -> Vec<(ConversationId, Option<i64>)> {
        let rules = self.s.rules();
        let now = self.now();
        let held = self.s.convs.values().filter(|c| c.place == Place::Held);
        let mut found: Vec<_> = held
            .filter(|c| self.wants_clock(c))
            .map(|c| {
                let start = rules.paused(c).map_or(now, |until| until.max(now));
                let left = c.rotate_at.map(|at| open_between(rules.hours_of(c), start, at));
                (c.conv, left)
            })
            .collect();
        found.sort_unstable();
        found
    }

    /// Queues whose hours are over: by scope and channel.
    fn closed_lanes(&self) -> BTreeSet<(Scope, ChannelAccountId)> {
        let rules = self.s.rules();
        let waiting = self.s.index.waiting.iter();
        let lanes = waiting.flat_map(|(scope, lanes)| lanes.keys().map(|l| (*scope, l.channel)));
        lanes
            .filter(|(scope, channel)| !is_open(rules.hours_in(*scope, *channel), rules.now))
            .collect()
    }

    /// Calendars opened: what waited for them is given out paced, as to people who come back (row 38).
    pub fn open(&mut self, calendars: &[HoursScope]) {
        if calendars.is_empty() {
            return;
        }
        self.s.unsettled = true;
        let rules = self.s.rules();
        let waiting = self.s.index.waiting.iter();
        let lanes = waiting.flat_map(|(scope, lanes)| lanes.keys().map(|l| (*scope, l.channel)));
        let opened = lanes.filter(|(s, c)| rules.calendar(*s, *c).is_some_and(|h| calendars.contains(&h)));
        let opened: BTreeSet<_> = opened.collect();
        self.release_paced(&opened.into_iter().collect::<Vec<_>>());
    }

    /// Starts the pacing of everybody who may take what waits in these queues.
    fn release_paced(&mut self, lanes: &[(Scope, ChannelAccountId)]) {
        let rules = self.s.rules();
        if !rules.policy.enabled || !rules.policy.ramp.on() || lanes.is_empty() {
            return;
        }
        let takes = |a: &AgentRow| {
            let one = |(scope, channel): &(Scope, ChannelAccountId)| {
                Rules::member(a, *scope) && Rules::may_reply(a, *channel)
            };
            self.s.status(a.agent).available() && lanes.iter().any(one)
        };
        let mut agents: Vec<AgentId> = self.s.agents.values().filter(|a| takes(a)).map(|a| a.agent).collect();
        agents.sort_unstable();
        for agent in agents {
            self.start_ramp(agent);
        }
    }

    /// Clocks stand still, or go on with what was left of them.
    pub fn rotation_paused(&mut self, group: Option<GroupId>, until: Option<Ms>) -> Answer {
        let now = self.now();
        let until = until.filter(|at| *at > now);
        if self.s.pauses.get(&group).copied() == until {
            return DONE;
        }
        let clocks = self.clocks();
        let before = self.s.pauses.clone();
        match until {
            Some(until) => self.s.pauses.insert(group, until),
            None => self.s.pauses.remove(&group),
        };
        self.undo.pauses.get_or_insert(before);
        self.s.hash_settings();
        let mut moved = 0;
        for (conv, left) in clocks {
            let Some((row, left)) = self.s.conv(conv).cloned().zip(left) else {
                continue;
            };
            let rules = self.s.rules();
            let start = rules.paused(&row).map_or(now, |until| until.max(now));
            let rotate_at = add_open(rules.hours_of(&row), start, left);
            if rotate_at != row.rotate_at {
                moved += 1;
                self.put(ConvRow { rotate_at, ..row });
            }
        }
        self.about_all(
            Act::Pause,
            Reason::RotationPaused {
                group,
                until,
                clocks: moved,
            },
        );
        DONE
    }

    /// Pauses that are over.
    pub fn resume(&mut self) {
        let now = self.now();
        if self.s.pauses.values().all(|until| *until > now) {
            return;
        }
        let before = self.s.pauses.clone();
        self.s.pauses.retain(|_, until| *until > now);
        self.undo.pauses.get_or_insert(before);
        self.s.hash_settings();
    }

    /// Notes a decision about the workspace.
    fn about_all(&mut self, act: Act, reason: Reason) {
        self.note(Decision {
            seq: 0,
            at: self.now(),
            cause: 0,
            policy_version: 0,
            conversation: None,
            epoch_before: Epoch(0),
            epoch_after: Epoch(0),
            act,
            from: None,
            to: None,
            reason,
            funnel: Funnel::default(),
        });
    }

    /// Row 34: time that nobody could use is given back to every clock. Returns whose clocks they are.
    pub fn amnesty(&mut self, lost_ms: i64) -> BTreeSet<AgentId> {
        if lost_ms <= crate::defaults::AMNESTY_GAP_MS {
            return BTreeSet::new();
        }
        let now = self.now();
        let start = now.plus(-lost_ms);
        let armed: Vec<_> = self.s.index.due.iter().filter_map(|(_, d)| rotation(*d)).collect();
        let mut clocks = 0_u32;
        let mut owners = BTreeSet::new();
        for conv in armed {
            if let Some(row) = self.s.conv(conv).cloned()
                && let Some(at) = row.rotate_at
            {
                clocks += 1;
                owners.extend(row.owner);
                let rules = self.s.rules();
                let paused = rules.paused(&row).unwrap_or(start);
                let left = open_between(rules.hours_of(&row), start.max(paused), at);
                let rotate_at = add_open(rules.hours_of(&row), now.max(paused), left);
                self.put(ConvRow { rotate_at, ..row });
            }
        }
        self.about_all(Act::Amnesty, Reason::OutageOver { lost_ms, clocks });
        owners
    }

    /// Nobody could show life during an outage: it is no silence of theirs.
    pub fn excuse(&mut self, owners: BTreeSet<AgentId>, lost_ms: i64) {
        let now = self.now();
        for owner in owners {
            self.edit_agent(owner, |a| {
                a.keep.life_at = a.keep.life_at.map(|at| at.plus(lost_ms).min(now))
            });
        }
    }
}

const fn rotation(due: Due) -> Option<ConversationId> {
    if let Due::Rotate(conv) = due { Some(conv) } else { None }
}

/// Whether a limit grew; none is the largest.
fn grew(before: Option<u32>, after: Option<u32>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => after > before,
        (Some(_), None) => true,
        (None, _) => false,
    }
}
