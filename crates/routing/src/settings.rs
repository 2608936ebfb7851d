//! What facts about people, settings and the installation do.

use crate::clock::{Hours, add_open, is_open, open_between};
use crate::decision::{Act, Decision, Funnel, Reason};
use crate::fact::{HoursScope, PolicyScope, Presence, Profile, Reach};
use crate::index::{Due, Rules, Scope};
use crate::outcome::{Answer, Notice};
use crate::policy::{Policy, PresenceRule};
use crate::row::{AgentRow, ConvRow, Epoch, GroupRow};
use crate::work::{Work, ascending};
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, GroupId, Ms};
use std::collections::BTreeSet;

const DONE: Answer = Answer::Ok {
    epoch: None,
    owner: None,
};

impl Work<'_> {
    /// Rows 55–59: the turn is never touched.
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
        let returns = now.is_online() && !was.0.is_online() && was.1.is_none();
        self.edit_agent(agent, |a| {
            a.keep.presence = now;
            a.keep.gone_due = gone_due;
        });
        let rules = self.s.rules();
        let asks = self
            .s
            .agent(agent)
            .is_some_and(|a| rules.policies_of(a).any(|p| p.presence == PresenceRule::Online));
        if returns && asks {
            self.start_ramp(agent);
        }
        // Whom a push can reach (row 58) has not shown life by that; opening a screen after it is life.
        if now == Presence::Online {
            // A connection that comes back by itself within the grace says nothing about the person.
            if returns || was.0 == Presence::Background {
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
        let skills = ascending(&profile.skills);
        let known = self.s.agent(agent);
        let was_active = known.is_some_and(|a| a.active);
        let was: Vec<GroupId> = known.map(|a| a.groups.clone()).unwrap_or_default();
        let left: Vec<GroupId> = was.iter().copied().filter(|g| !groups.contains(g)).collect();
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
        let rules = self.s.rules();
        let assigns = self
            .s
            .agent(agent)
            .is_some_and(|a| rules.policies_of(a).any(|p| p.enabled));
        if profile.active && (raised || !was_active) && assigns && self.s.waiting() > 0 {
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
        self.look_for_groups(&was);
        DONE
    }

    /// What waits in these groups and finds nobody there is looked at (row 68).
    fn look_for_groups(&mut self, groups: &[GroupId]) {
        for group in groups.iter().filter(|g| !self.s.index.is_peopled(**g)) {
            let lanes = self
                .s
                .index
                .waiting
                .iter()
                .filter(|(scope, _)| scope.rules == Some(*group));
            let keys = lanes.flat_map(|(_, lanes)| lanes.values().flatten());
            self.came.extend(keys.map(|(_, conv)| *conv));
        }
    }

    /// The same after a change of groups or policies.
    fn look_for_all_groups(&mut self) {
        let groups: Vec<GroupId> = self.s.groups.keys().copied().collect();
        self.look_for_groups(&groups);
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
        self.look_for_all_groups();
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
        let (group, known) = match scope {
            PolicyScope::Workspace => (None, Some(&self.s.policy)),
            PolicyScope::Group(group) => (Some(group), self.s.policies.get(&group)),
        };
        if known == policy && reach == Reach::NewOnly {
            return DONE;
        }
        let there: BTreeSet<AgentId> = self.s.available().map(|a| a.agent).collect();
        let asked: BTreeSet<AgentId> = self.asked().collect();
        let old = self.s.rules().policy_in(group).clone();
        match (group, policy) {
            (None, Some(policy)) => {
                let was = std::mem::replace(&mut self.s.policy, policy.clone());
                self.undo.policy.get_or_insert(Box::new(was));
            }
            (None, None) => return DONE,
            (Some(group), policy) => {
                let was = self.s.policies.clone();
                match policy {
                    Some(policy) => self.s.policies.insert(group, policy.clone()),
                    None => self.s.policies.remove(&group),
                };
                self.undo.policies.get_or_insert(was);
            }
        }
        self.s.rebuild();
        self.s.unsettled = true;
        let new = self.s.rules().policy_in(group).clone();
        let switched_on = !old.enabled && new.enabled;
        let raised = grew(old.limit, new.limit);
        let waiting = self.s.waiting() > 0;
        let due = self.now().plus(i64::from(self.s.policy.gone_grace_seconds) * 1_000);
        let asking: BTreeSet<AgentId> = self.asked().filter(|a| !asked.contains(a)).collect();
        let mut agents: Vec<AgentId> = self.s.agents.keys().copied().collect();
        agents.sort_unstable();
        for agent in agents {
            let Some(row) = self.s.agent(agent) else {
                continue;
            };
            let silent = asking.contains(&agent)
                && row.keep.presence == Presence::Gone
                && row.keep.gone_due.is_none()
                && row.load > 0;
            let concerned = group.is_none_or(|g| row.groups.binary_search(&g).is_ok());
            let paced = concerned && waiting && (switched_on || (raised && row.limit.is_none()));
            let stops = row.keep.ramp.is_some() && !self.s.policy.ramp.on();
            let starts = paced && self.s.rules().is_there(row);
            if silent {
                self.edit_agent(agent, |a| a.keep.gone_due = Some(due));
            }
            if stops {
                self.edit_agent(agent, |a| a.keep.ramp = None);
            } else if starts {
                self.start_ramp(agent);
            }
        }
        if self.s.rules().weighted() {
            self.lift(&there);
        }
        self.set_aside(group, switched_on);
        self.rewind(group, reach);
        self.look_for_all_groups();
        DONE
    }

    /// Agents who must be online for something.
    fn asked(&self) -> impl Iterator<Item = AgentId> + '_ {
        let rules = self.s.rules();
        let asks = |p: &Policy| p.enabled && p.presence == PresenceRule::Online;
        let asked = self.s.agents.values().filter(move |a| rules.policies_of(a).any(asks));
        asked.map(|a| a.agent)
    }

    /// Who can receive now and could not before makes up for no turns (F3).
    fn lift(&mut self, before: &BTreeSet<AgentId>) {
        let stayed = self.s.available().filter(|a| before.contains(&a.agent));
        let Some(least) = stayed.map(|a| a.keep.served).min() else {
            return;
        };
        let returned = self.s.available().filter(|a| !before.contains(&a.agent));
        let mut returned: Vec<AgentId> = returned.map(|a| a.agent).collect();
        returned.sort_unstable();
        for agent in returned {
            self.edit_agent(agent, |a| a.keep.served = a.keep.served.max(least));
        }
    }

    /// Conversations that the policy of a group, or of the workspace, rules, ascending.
    fn ruled_by(&self, group: Option<GroupId>) -> Vec<ConvRow> {
        let rules = self.s.rules();
        let ruled = |c: &&ConvRow| {
            let own = rules
                .home(c.group)
                .filter(|g| rules.policies.contains_key(g) || group == Some(*g));
            own == group
        };
        let mut rows: Vec<ConvRow> = self.s.convs.values().filter(ruled).cloned().collect();
        rows.sort_unstable_by_key(|c| c.conv);
        rows
    }

    /// Row 70: what is too old when assignment is switched on stays waiting; a larger threshold brings it back.
    fn set_aside(&mut self, group: Option<GroupId>, switched_on: bool) {
        let age = self.s.rules().policy_in(group).max_backlog_age_seconds;
        let before = self.now().plus(-i64::from(age) * 1_000);
        for mut row in self.ruled_by(group) {
            let since = row.anchor.or(row.waiting_since).unwrap_or_default();
            let old = since < before && (switched_on || row.keep.stale);
            if row.place == Place::Waiting && row.keep.stale != old {
                row.keep.stale = old;
                self.put(row);
            }
        }
    }

    /// Clocks of open conversations after a new policy: what it forbids stops at once, the rest only when asked.
    fn rewind(&mut self, group: Option<GroupId>, reach: Reach) {
        for old in self.ruled_by(group) {
            if old.place != Place::Held {
                continue;
            }
            let mut row = old.clone();
            if !self.wants_clock(&old) {
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
        let lanes: Vec<_> = closed.difference(&opened).cloned().collect();
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
        let lanes = waiting.flat_map(|(scope, lanes)| lanes.keys().map(|l| (scope.clone(), l.channel)));
        lanes
            .filter(|(scope, channel)| !is_open(rules.hours_in(scope.rules, *channel), rules.now))
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
        let lanes = waiting.flat_map(|(scope, lanes)| lanes.keys().map(|l| (scope.clone(), l.channel)));
        let opened = lanes.filter(|(s, c)| rules.calendar(s.rules, *c).is_some_and(|h| calendars.contains(&h)));
        let opened: BTreeSet<_> = opened.collect();
        self.release_paced(&opened.into_iter().collect::<Vec<_>>());
    }

    /// Starts the pacing of everybody who may take what waits in these queues.
    fn release_paced(&mut self, lanes: &[(Scope, ChannelAccountId)]) {
        let rules = self.s.rules();
        if !rules.policy.ramp.on() || lanes.is_empty() {
            return;
        }
        let takes = |a: &AgentRow| {
            lanes.iter().any(|(scope, channel)| {
                rules.policy_in(scope.rules).enabled
                    && Rules::member(a, scope)
                    && Rules::may_reply(a, *channel)
                    && self.s.status(a, scope).available()
            })
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
            policy_version: self.s.policy.version,
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
