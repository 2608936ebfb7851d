//! The derived index: everything here can be rebuilt from the rows, and a check compares both (S18).
//!
//! Waiting conversations stand in one ordered set per *lane* (who may take them), so that a conversation nobody can
//! take never blocks another (row 19). Agents with room stand in one ordered set per scope and channel class, in the
//! order of the strategy. Counters per scope and class make an explanation independent of the number of agents.

use crate::busy::{Busy, Work};
use crate::clock::{Hours, add_open, is_open, next_start};
use crate::decision::{Funnel, Lost, Reject, SkillCount};
use crate::fact::{HoursScope, Presence};
use crate::hash::Map;
use crate::policy::{Policy, PresenceRule, Strategy};
use crate::row::{AgentRow, ConvRow, GroupRow, Origin, Ramp};
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, Ms, SkillId};
use std::collections::{BTreeMap, BTreeSet};

/// Whose members are asked, by whose policy and hours, and what they must be able to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Scope {
    /// A group, or all agents.
    pub group: Option<GroupId>,
    /// The conversation's own group: its policy and hours hold.
    pub rules: Option<GroupId>,
    /// Groups that are asked besides, ascending.
    pub also: Vec<GroupId>,
    /// Ascending.
    pub needs: Vec<SkillId>,
}

impl Scope {
    /// The members of a group, or all agents, by its own rules.
    pub const fn of(group: Option<GroupId>) -> Self {
        Self {
            group,
            rules: group,
            also: Vec::new(),
            needs: Vec::new(),
        }
    }

    /// Kept for every agent at all times; the others only while a conversation asks so.
    fn is_plain(&self) -> bool {
        self.group == self.rules && self.also.is_empty() && self.needs.is_empty()
    }
}

/// The place in a queue: anchor, then id. Constant while it waits.
pub(crate) type Key = (Ms, ConversationId);
/// The place in a turn: rank of the strategy, turn, id (row 77).
pub(crate) type Turn = (u64, i64, AgentId);

/// Everything about a waiting conversation that decides who may take it, besides its scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lane {
    pub channel: ChannelAccountId,
    pub exhausted: bool,
    /// Set aside as an old backlog (row 70).
    pub stale: bool,
    pub reserved: Option<AgentId>,
    pub missed: Vec<AgentId>,
}

/// Agents without a list of channels stand once per scope; the others once per channel, and once for their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Every,
    Only(ChannelAccountId),
    Restricted,
}

/// What an agent is before any conversation is looked at: the first test that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Inactive,
    Excluded,
    NotOnline,
    Unskilled,
    Cooling,
    Ramp,
    Full,
    Room,
}

/// Agents by status, in the order of the tests.
type Counts = [u32; 8];

impl Status {
    /// Passes every test but pacing and capacity.
    pub const fn available(self) -> bool {
        matches!(self, Self::Ramp | Self::Full | Self::Room)
    }

    pub const fn reject(self) -> Reject {
        match self {
            Self::Inactive => Reject::Inactive,
            Self::Excluded => Reject::Excluded,
            Self::NotOnline => Reject::NotOnline,
            Self::Unskilled => Reject::Skill,
            Self::Cooling => Reject::Cooling,
            Self::Ramp => Reject::Ramp,
            Self::Full => Reject::Full,
            Self::Room => Reject::Outranked,
        }
    }
}

/// What time alone does. The order inside one instant is this order, then the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Rotate(ConversationId),
    Reservation(ConversationId),
    Gone(AgentId),
    Cooling(AgentId),
    Ramp(AgentId),
    Step(ConversationId),
    Overflow(ConversationId),
    MaxWait(ConversationId),
    Escalate(ConversationId),
    Window(ConversationId),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// Non-empty sets only.
    pub waiting: BTreeMap<Scope, BTreeMap<Lane, BTreeSet<Key>>>,
    pub held: Map<AgentId, BTreeSet<ConversationId>>,
    pub due: BTreeSet<(Ms, Due)>,
    /// How many clocks run for an agent; no zeros.
    armed: Map<AgentId, u32>,
    /// Who is at work.
    pub busy: Busy,
    /// Held, over their time, and kept because nobody else was available; non-empty sets only.
    pub overdue: BTreeMap<(Scope, ChannelAccountId), BTreeSet<Key>>,
    pub live: Map<(ChannelAccountId, CustomerId), ConversationId>,
    /// Turns taken under the strategy Weighted, of those who are there.
    pub pool: BTreeSet<(u64, AgentId)>,
    /// Agents with room; non-empty sets only.
    pub turns: Map<(Scope, Class), BTreeSet<Turn>>,
    /// Agents by status; no entry of zeros.
    counts: Map<(Scope, Class), Counts>,
    /// Active agents who have a skill, by group; no zeros.
    skilled: Map<(Option<GroupId>, SkillId), u32>,
    /// Active agents who are there by push alone (row 58): few, so that they are counted when asked for.
    background: BTreeSet<AgentId>,
    /// Conversations held because of affinity or a reservation; no zeros.
    pub preferred: Map<AgentId, u32>,
    /// Scopes that are not plain, and how many live conversations ask so.
    extra: BTreeMap<Scope, u32>,
    /// When the next span of any calendar begins.
    pub opening: Option<Ms>,
    /// How each agent is linked.
    linked: Map<AgentId, Linked>,
}

/// How an agent is linked; time passes between linking and unlinking, so neither can be computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Linked {
    /// The load up to which the ramp allowed work.
    cap: Option<u32>,
    /// The instant at which the ramp next allows one more.
    ramp_due: Option<Ms>,
    work: Work,
}

/// What the index needs to know of the settings.
pub(crate) struct Rules<'a> {
    /// The policy of the workspace.
    pub policy: &'a Policy,
    pub policies: &'a BTreeMap<GroupId, Policy>,
    pub groups: &'a BTreeMap<GroupId, GroupRow>,
    pub hours: &'a BTreeMap<HoursScope, Hours>,
    pub pauses: &'a BTreeMap<Option<GroupId>, Ms>,
    pub now: Ms,
}

impl<'a> Rules<'a> {
    /// Whose hours hold for a group and a channel: the most specific that are set (row 42).
    pub fn calendar(&self, group: Option<GroupId>, channel: ChannelAccountId) -> Option<HoursScope> {
        let of_group = group.map(HoursScope::Group);
        let all = [
            of_group,
            Some(HoursScope::Channel(channel)),
            Some(HoursScope::Workspace),
        ];
        all.into_iter().flatten().find(|s| self.hours.contains_key(s))
    }

    pub fn hours_in(&self, group: Option<GroupId>, channel: ChannelAccountId) -> &'a Hours {
        static ALWAYS: Hours = Hours::Always;
        let calendar = self.calendar(group, channel);
        calendar.and_then(|s| self.hours.get(&s)).unwrap_or(&ALWAYS)
    }

    pub fn hours_of(&self, conv: &ConvRow) -> &'a Hours {
        self.hours_in(self.home(conv.group), conv.channel)
    }

    /// The policy that holds for conversations of a group: its own, or the workspace's.
    pub fn policy_in(&self, group: Option<GroupId>) -> &'a Policy {
        group.and_then(|g| self.policies.get(&g)).unwrap_or(self.policy)
    }

    pub fn policy_of(&self, conv: &ConvRow) -> &'a Policy {
        self.policy_in(self.home(conv.group))
    }

    /// The policies an agent receives by.
    pub fn policies_of(&self, agent: &'a AgentRow) -> impl Iterator<Item = &'a Policy> + use<'a> {
        let policies = self.policies;
        let own = agent.groups.iter().filter_map(|g| policies.get(g));
        std::iter::once(self.policy).chain(own)
    }

    /// Whether any of them counts turns by weight.
    pub fn weighted(&self) -> bool {
        self.every().any(|p| p.strategy == Strategy::Weighted)
    }

    /// Every policy: a step may ask agents who are in no group of it.
    pub fn every(&self) -> impl Iterator<Item = &'a Policy> + use<'a> {
        std::iter::once(self.policy).chain(self.policies.values())
    }

    /// Passes every test but pacing and capacity by some policy, and may answer somewhere.
    pub fn is_there(&self, agent: &AgentRow) -> bool {
        let own = agent.groups.iter().filter_map(|g| self.policies.get(g));
        let mut all = std::iter::once(self.policy).chain(own);
        agent.channels.as_ref().is_none_or(|c| !c.is_empty()) && all.any(|p| self.status(agent, p).available())
    }

    /// When the next span of any calendar begins.
    pub fn next_opening(&self) -> Option<Ms> {
        self.hours.values().filter_map(|h| next_start(h, self.now)).min()
    }

    /// Until when no clock of a conversation runs; may be past.
    pub fn paused(&self, conv: &ConvRow) -> Option<Ms> {
        let everywhere = self.pauses.get(&None);
        let group = self.home(conv.group).and_then(|g| self.pauses.get(&Some(g)));
        everywhere.max(group).copied()
    }

    /// What a target group stands for: itself; when it does not exist the default group; else anybody (row 61).
    pub fn home(&self, group: Option<GroupId>) -> Option<GroupId> {
        let group = group?;
        if self.groups.contains_key(&group) {
            return Some(group);
        }
        self.groups.values().find(|g| g.default).map(|g| g.group)
    }

    /// Whose members a conversation asks. One left for a named agent by a transfer asks that agent wherever they
    /// belong (row 51): the group's turn comes when the reservation is over.
    pub fn scope_of(&self, conv: &ConvRow) -> Scope {
        let home = self.home(conv.group);
        if conv.reserved_for.is_some() && conv.keep.origin == Some(Origin::Transferred) {
            return Scope {
                rules: home,
                ..Scope::default()
            };
        }
        let mut scope = Scope {
            needs: conv.keep.needs.clone(),
            ..Scope::of(home)
        };
        if conv.keep.step > 0 {
            let steps = self.policy_in(home).steps.iter().take(usize::from(conv.keep.step));
            let mut also: BTreeSet<GroupId> = BTreeSet::new();
            for step in steps {
                also.extend(step.add_groups.iter().filter(|g| self.groups.contains_key(g)));
                if step.drop_skills {
                    scope.needs.clear();
                }
            }
            // Who is asked anyway is asked once.
            also.retain(|g| home.is_some() && home != Some(*g));
            scope.also = also.into_iter().collect();
        }
        scope
    }

    /// What time does to a conversation that waits, and to one whose reply window ends.
    pub fn wakes(&self, conv: &ConvRow) -> impl Iterator<Item = (Ms, Due)> {
        let (id, keep) = (conv.conv, &conv.keep);
        let home = self.home(conv.group);
        let policy = self.policy_in(home);
        let hours = self.hours_in(home, conv.channel);
        let since = |start: Option<Ms>, seconds: u32| {
            let start = start.or(conv.waiting_since)?;
            add_open(hours, start, i64::from(seconds) * 1_000)
        };
        let waits = conv.place == Place::Waiting && policy.enabled && !keep.stale;
        let asks = waits && conv.reserved_for.is_none() && !conv.exhausted;
        let step = policy.steps.get(usize::from(keep.step)).filter(|_| asks);
        let step = step.and_then(|s| since(keep.step_since, s.after_seconds));
        let flows = home
            .and_then(|g| self.groups.get(&g))
            .filter(|g| asks && self.flows_to(conv, g).is_some());
        let overflow = flows.and_then(|g| since(keep.asked_since, g.overflow_seconds?));
        let longest = policy.max_wait.as_ref().filter(|_| waits && !keep.waited_out);
        let longest = longest.and_then(|m| since(None, m.after_seconds));
        let told = policy.escalation_seconds.get(..=usize::from(keep.level));
        let told = told.filter(|_| waits && conv.exhausted);
        let told = told.and_then(|s| since(None, s.iter().fold(0, |sum: u32, s| sum.saturating_add(*s))));
        let window = crate::defaults::WINDOW_STEPS.get(usize::from(keep.window_step));
        let window = window.filter(|_| conv.anchor.is_some()).zip(keep.window_ends);
        let window = window.map(|((minutes, _), ends)| ends.plus(-i64::from(*minutes) * Ms::MINUTE));
        [
            step.map(|at| (at, Due::Step(id))),
            overflow.map(|at| (at, Due::Overflow(id))),
            longest.map(|at| (at, Due::MaxWait(id))),
            told.map(|at| (at, Due::Escalate(id))),
            window.map(|at| (at, Due::Window(id))),
        ]
        .into_iter()
        .flatten()
    }

    /// Where a conversation may flow from a group, and has not been.
    pub fn flows_to(&self, conv: &ConvRow, group: &GroupRow) -> Option<GroupId> {
        let to = group.overflow.filter(|to| *to != group.group)?;
        (self.groups.contains_key(&to) && !conv.keep.via.contains(&to)).then_some(to)
    }

    /// Whether anything is given to people automatically at this moment: switched on, and open (rows 38, 39).
    pub fn assigns(&self, scope: &Scope, channel: ChannelAccountId) -> bool {
        self.policy_in(scope.rules).enabled && is_open(self.hours_in(scope.rules, channel), self.now)
    }

    /// Why an agent with room does not get what waits.
    pub fn room_reject(&self, scope: &Scope, channel: ChannelAccountId) -> Reject {
        if !self.policy_in(scope.rules).enabled {
            Reject::SwitchedOff
        } else if self.assigns(scope, channel) {
            Reject::Outranked
        } else {
            Reject::Closed
        }
    }

    /// The same when nothing is known but the workspace.
    fn room_reject_of_all(&self) -> Reject {
        let closed = self
            .hours
            .get(&HoursScope::Workspace)
            .is_some_and(|h| !is_open(h, self.now));
        match (self.policy.enabled, closed) {
            (false, _) => Reject::SwitchedOff,
            (true, true) => Reject::Closed,
            (true, false) => Reject::Outranked,
        }
    }

    pub fn limit(agent: &AgentRow, policy: &Policy) -> Option<u32> {
        agent.limit.or(policy.limit)
    }

    pub fn hard_cap(agent: &AgentRow, policy: &Policy) -> Option<u32> {
        Self::limit(agent, policy).map(|limit| policy.hard_cap.over(limit))
    }

    /// The load up to which a ramp allows automatic work at `at`.
    pub fn ramp_cap(&self, ramp: Ramp, at: Ms) -> u32 {
        let rule = self.policy.ramp;
        if !rule.on() {
            return u32::MAX;
        }
        let steps = at.since(ramp.from).max(0) / (i64::from(rule.interval_seconds) * 1_000);
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        ramp.base.saturating_add(rule.initial).saturating_add(steps)
    }

    /// The first instant after now at which the ramp allows one more.
    pub fn ramp_next(&self, ramp: Ramp) -> Option<Ms> {
        let rule = self.policy.ramp;
        if !rule.on() {
            return None;
        }
        let interval = i64::from(rule.interval_seconds) * 1_000;
        let passed = self.now.since(ramp.from).max(0) / interval;
        Some(ramp.from.plus((passed + 1).saturating_mul(interval)))
    }

    /// By a policy, whatever the skills.
    pub fn status(&self, agent: &AgentRow, policy: &Policy) -> Status {
        Self::status_with(agent, policy, &[], self.cap(agent))
    }

    /// What the ramp of an agent allows now.
    fn cap(&self, agent: &AgentRow) -> Option<u32> {
        agent.keep.ramp.map(|r| self.ramp_cap(r, self.now))
    }

    fn status_with(agent: &AgentRow, policy: &Policy, needs: &[SkillId], cap: Option<u32>) -> Status {
        if !agent.active {
            return Status::Inactive;
        }
        if policy.excluded.contains(&agent.agent) {
            return Status::Excluded;
        }
        if policy.presence == PresenceRule::Online && !agent.keep.presence.is_online() {
            return Status::NotOnline;
        }
        if needs.iter().any(|s| agent.skills.binary_search(s).is_err()) {
            return Status::Unskilled;
        }
        if agent.keep.cooling_until.is_some() {
            return Status::Cooling;
        }
        if cap.is_some_and(|cap| cap <= agent.load) {
            return Status::Ramp;
        }
        if Self::limit(agent, policy).is_some_and(|l| agent.load >= l) {
            return Status::Full;
        }
        Status::Room
    }

    /// The agent's place in the turn: lower is nearer.
    pub fn turn(agent: &AgentRow, policy: &Policy) -> Turn {
        let share = || {
            let limit = Self::limit(agent, policy)
                .unwrap_or(crate::defaults::NOMINAL_LIMIT)
                .max(1);
            // 32 fractional bits keep every two different shares of limits below 65,536 apart.
            (u64::from(agent.load) << 32) / u64::from(limit)
        };
        let rank = match policy.strategy {
            Strategy::LeastRecent => 0,
            Strategy::MostSpare => share(),
            Strategy::FillFirst => u64::MAX - share(),
            Strategy::Ranked => u64::from(agent.rank),
            // The middle of the next turn, so that the turns of different weights are spread among each other.
            Strategy::Weighted => agent.keep.served.saturating_add(turn_units(agent.weight) / 2),
        };
        (rank, agent.stamp, agent.agent)
    }

    /// Whether `agent` belongs to `scope`.
    pub fn member(agent: &AgentRow, scope: &Scope) -> bool {
        let belongs = |g: &GroupId| agent.groups.binary_search(g).is_ok();
        scope.group.is_none_or(|g| belongs(&g)) || scope.also.iter().any(belongs)
    }

    pub fn may_reply(agent: &AgentRow, channel: ChannelAccountId) -> bool {
        agent
            .channels
            .as_ref()
            .is_none_or(|c| c.binary_search(&channel).is_ok())
    }
}

/// What one turn of an agent of this weight takes.
pub(crate) fn turn_units(weight: u32) -> u64 {
    let (least, most) = crate::defaults::WEIGHT;
    crate::defaults::TURN_UNITS / u64::from(weight.clamp(least, most))
}

/// The lane of a waiting conversation.
pub(crate) fn lane(conv: &ConvRow) -> Lane {
    Lane {
        channel: conv.channel,
        exhausted: conv.exhausted,
        stale: conv.keep.stale,
        reserved: conv.reserved_for,
        missed: conv.missed.clone(),
    }
}

/// The place of a conversation in its queue: its anchor, or since when it waits when nothing is owed.
pub(crate) fn key(conv: &ConvRow) -> Key {
    let since = conv.anchor.or(conv.waiting_since).unwrap_or_default();
    (since.plus(-i64::from(head_start(conv)) * Ms::MINUTE), conv.conv)
}

/// Minutes by which a conversation counts as older than it is (F5): what it came with, what the steps of its wait gave,
/// and the end of its reply window.
pub(crate) fn head_start(conv: &ConvRow) -> u32 {
    let most = crate::defaults::MAX_PRIORITY_MINUTES;
    let reached = usize::from(conv.keep.window_step).checked_sub(1);
    let window = reached
        .and_then(|n| crate::defaults::WINDOW_STEPS.get(n))
        .map_or(0, |(_, minutes)| *minutes);
    let came = conv.keep.priority_minutes.min(most);
    came.saturating_add(conv.keep.raised_minutes).saturating_add(window)
}

/// How many steps towards the end of its reply window a conversation has passed.
pub(crate) fn window_step(ends: Option<Ms>, now: Ms) -> u8 {
    let Some(ends) = ends else {
        return 0;
    };
    let steps = crate::defaults::WINDOW_STEPS.iter();
    let passed = steps.take_while(|(minutes, _)| ends.plus(-i64::from(*minutes) * Ms::MINUTE) <= now);
    u8::try_from(passed.count()).unwrap_or(u8::MAX)
}

impl Index {
    pub fn build<'a>(
        rules: &Rules<'_>,
        convs: impl Iterator<Item = &'a ConvRow>,
        agents: impl Iterator<Item = &'a AgentRow>,
    ) -> Self {
        let mut index = Self {
            opening: rules.next_opening(),
            busy: Busy::by(rules.every().filter_map(|p| p.answer_ms(0))),
            ..Self::default()
        };
        // Nobody is linked yet: each agent finds what is asked for.
        convs.for_each(|c| index.link_conv(rules, |_| None, c));
        agents.for_each(|a| index.link_agent(rules, a));
        index
    }

    /// The scopes an agent belongs to.
    pub fn scopes(&self, agent: &AgentRow) -> Vec<Scope> {
        let own = agent.groups.iter().copied().map(Some);
        let plain = std::iter::once(None).chain(own).map(Scope::of);
        let extra = self.extra.keys().filter(|s| Rules::member(agent, s));
        plain.chain(extra.cloned()).collect()
    }

    /// What an agent is for a scope, as they are linked.
    pub fn status(&self, rules: &Rules<'_>, agent: &AgentRow, scope: &Scope) -> Status {
        let cap = self
            .linked
            .get(&agent.agent)
            .map_or_else(|| rules.cap(agent), |l| l.cap);
        Rules::status_with(agent, rules.policy_in(scope.rules), &scope.needs, cap)
    }

    /// What an agent is by a policy, as they are linked.
    pub fn status_by(&self, rules: &Rules<'_>, agent: &AgentRow, policy: &Policy) -> Status {
        let cap = self
            .linked
            .get(&agent.agent)
            .map_or_else(|| rules.cap(agent), |l| l.cap);
        Rules::status_with(agent, policy, &[], cap)
    }

    /// Whether a group has active members.
    pub fn is_peopled(&self, group: GroupId) -> bool {
        [Class::Every, Class::Restricted].into_iter().any(|class| {
            let counts = self.counts.get(&(Scope::of(Some(group)), class));
            counts.is_some_and(|c| c.iter().skip(Status::Inactive as usize + 1).any(|n| *n > 0))
        })
    }

    /// Counts one more conversation that asks `scope`; the first finds the agents it asks.
    fn ask<'a>(&mut self, rules: &Rules<'_>, agent: impl Fn(AgentId) -> Option<&'a AgentRow>, scope: &Scope) {
        if scope.is_plain() {
            return;
        }
        if let Some(n) = self.extra.get_mut(scope) {
            *n += 1;
            return;
        }
        self.extra.insert(scope.clone(), 1);
        let known: Vec<_> = self.linked.iter().map(|(id, l)| (*id, l.cap)).collect();
        for (id, cap) in known {
            if let Some(row) = agent(id).filter(|a| Rules::member(a, scope)) {
                self.enter(rules, row, scope, cap);
            }
        }
    }

    fn ask_no_more<'a>(&mut self, rules: &Rules<'_>, agent: impl Fn(AgentId) -> Option<&'a AgentRow>, scope: &Scope) {
        let Some(n) = self.extra.get_mut(scope) else {
            return;
        };
        *n -= 1;
        if *n > 0 {
            return;
        }
        self.extra.remove(scope);
        let known: Vec<_> = self.linked.iter().map(|(id, l)| (*id, l.cap)).collect();
        for (id, cap) in known {
            if let Some(row) = agent(id).filter(|a| Rules::member(a, scope)) {
                self.leave(rules, row, scope, cap);
            }
        }
    }

    fn enter(&mut self, rules: &Rules<'_>, agent: &AgentRow, scope: &Scope, cap: Option<u32>) {
        let policy = rules.policy_in(scope.rules);
        let status = Rules::status_with(agent, policy, &scope.needs, cap);
        let turn = Rules::turn(agent, policy);
        for_classes(agent, |class| {
            let at = (scope.clone(), class);
            if status == Status::Room && class != Class::Restricted {
                self.turns.entry(at.clone()).or_default().insert(turn);
            }
            if let Some(n) = self.counts.entry(at).or_default().get_mut(status as usize) {
                *n += 1;
            }
        });
    }

    fn leave(&mut self, rules: &Rules<'_>, agent: &AgentRow, scope: &Scope, cap: Option<u32>) {
        let policy = rules.policy_in(scope.rules);
        let status = Rules::status_with(agent, policy, &scope.needs, cap);
        let turn = Rules::turn(agent, policy);
        for_classes(agent, |class| {
            let at = (scope.clone(), class);
            if let Some(counts) = self.counts.get_mut(&at) {
                if let Some(n) = counts.get_mut(status as usize) {
                    *n = n.saturating_sub(1);
                }
                if counts.iter().all(|n| *n == 0) {
                    self.counts.remove(&at);
                }
            }
            if status == Status::Room
                && let Some(set) = self.turns.get_mut(&at)
            {
                set.remove(&turn);
                if set.is_empty() {
                    self.turns.remove(&at);
                }
            }
        });
    }

    /// Adds or takes away one active agent who can do things.
    fn skill(&mut self, agent: &AgentRow, more: bool) {
        if !agent.active {
            return;
        }
        for group in std::iter::once(None).chain(agent.groups.iter().copied().map(Some)) {
            for skill in &agent.skills {
                let at = (group, *skill);
                let n = self.skilled.remove(&at).unwrap_or(0);
                let n = if more { n + 1 } else { n.saturating_sub(1) };
                if n > 0 {
                    self.skilled.insert(at, n);
                }
            }
        }
    }

    /// Adds or takes away one active agent who is there by push alone.
    fn by_push(&mut self, agent: &AgentRow, more: bool) {
        if !agent.active || agent.keep.presence != Presence::Background {
            return;
        }
        if more {
            self.background.insert(agent.agent);
        } else {
            self.background.remove(&agent.agent);
        }
    }

    /// `agent` looks an agent up.
    pub fn link_conv<'a>(
        &mut self,
        rules: &Rules<'_>,
        agent: impl Fn(AgentId) -> Option<&'a AgentRow>,
        conv: &ConvRow,
    ) {
        self.live.insert((conv.channel, conv.customer), conv.conv);
        let scope = rules.scope_of(conv);
        self.ask(rules, agent, &scope);
        self.due.extend(rules.wakes(conv));
        match conv.place {
            Place::Waiting => {
                let lanes = self.waiting.entry(scope).or_default();
                lanes.entry(lane(conv)).or_default().insert(key(conv));
                if let (Some(_), Some(until)) = (conv.reserved_for, conv.reserved_until) {
                    self.due.insert((until, Due::Reservation(conv.conv)));
                }
            }
            Place::Held => {
                if let Some(owner) = conv.owner {
                    self.held.entry(owner).or_default().insert(conv.conv);
                    if conv.keep.origin == Some(Origin::Preferred) {
                        *self.preferred.entry(owner).or_default() += 1;
                    }
                }
                if let Some(at) = conv.rotate_at {
                    self.due.insert((at, Due::Rotate(conv.conv)));
                    let owner = conv.owner.unwrap_or(AgentId(0));
                    *self.armed.entry(owner).or_default() += 1;
                    let work = self.work(owner);
                    self.busy.clock(owner, work, true);
                }
                if conv.keep.overdue {
                    let at = (scope, conv.channel);
                    self.overdue.entry(at).or_default().insert(key(conv));
                }
            }
            Place::Bot | Place::Closed => {}
        }
    }

    pub fn unlink_conv<'a>(
        &mut self,
        rules: &Rules<'_>,
        agent: impl Fn(AgentId) -> Option<&'a AgentRow>,
        conv: &ConvRow,
    ) {
        self.live.remove(&(conv.channel, conv.customer));
        let scope = rules.scope_of(conv);
        self.ask_no_more(rules, agent, &scope);
        for wake in rules.wakes(conv) {
            self.due.remove(&wake);
        }
        match conv.place {
            Place::Waiting => {
                if let Some(lanes) = self.waiting.get_mut(&scope) {
                    let lane = lane(conv);
                    if let Some(set) = lanes.get_mut(&lane) {
                        set.remove(&key(conv));
                        if set.is_empty() {
                            lanes.remove(&lane);
                        }
                    }
                    if lanes.is_empty() {
                        self.waiting.remove(&scope);
                    }
                }
                if let Some(until) = conv.reserved_until {
                    self.due.remove(&(until, Due::Reservation(conv.conv)));
                }
            }
            Place::Held => {
                if let Some(owner) = conv.owner
                    && let Some(set) = self.held.get_mut(&owner)
                {
                    set.remove(&conv.conv);
                    if set.is_empty() {
                        self.held.remove(&owner);
                    }
                    if conv.keep.origin == Some(Origin::Preferred) {
                        let left = self.preferred.remove(&owner).unwrap_or(0).saturating_sub(1);
                        if left > 0 {
                            self.preferred.insert(owner, left);
                        }
                    }
                }
                if let Some(at) = conv.rotate_at {
                    self.due.remove(&(at, Due::Rotate(conv.conv)));
                    let owner = conv.owner.unwrap_or(AgentId(0));
                    let left = self.armed.remove(&owner).unwrap_or(0).saturating_sub(1);
                    if left > 0 {
                        self.armed.insert(owner, left);
                    }
                    let work = self.work(owner);
                    self.busy.clock(owner, work, false);
                }
                if conv.keep.overdue {
                    let at = (scope, conv.channel);
                    if let Some(set) = self.overdue.get_mut(&at) {
                        set.remove(&key(conv));
                        if set.is_empty() {
                            self.overdue.remove(&at);
                        }
                    }
                }
            }
            Place::Bot | Place::Closed => {}
        }
    }

    pub fn link_agent(&mut self, rules: &Rules<'_>, agent: &AgentRow) {
        let cap = rules.cap(agent);
        for scope in self.scopes(agent) {
            self.enter(rules, agent, &scope, cap);
        }
        self.skill(agent, true);
        if rules.is_there(agent) {
            self.pool.insert((agent.keep.served, agent.agent));
        }
        self.by_push(agent, true);
        if let Some(at) = agent.keep.gone_due {
            self.due.insert((at, Due::Gone(agent.agent)));
        }
        if let Some(at) = agent.keep.cooling_until {
            self.due.insert((at, Due::Cooling(agent.agent)));
        }
        let ramp_due = agent.keep.ramp.and_then(|r| rules.ramp_next(r));
        if let Some(at) = ramp_due {
            self.due.insert((at, Due::Ramp(agent.agent)));
        }
        let work = Work::of(agent);
        let clocks = self.armed.get(&agent.agent).copied().unwrap_or(0);
        self.busy.join(rules.now, agent.agent, work, clocks);
        self.linked.insert(agent.agent, Linked { cap, ramp_due, work });
    }

    pub fn unlink_agent(&mut self, rules: &Rules<'_>, agent: &AgentRow) {
        let Some(Linked { cap, ramp_due, work }) = self.linked.remove(&agent.agent) else {
            return;
        };
        let clocks = self.armed.get(&agent.agent).copied().unwrap_or(0);
        self.busy.leave(agent.agent, work, clocks);
        for scope in self.scopes(agent) {
            self.leave(rules, agent, &scope, cap);
        }
        self.skill(agent, false);
        self.pool.remove(&(agent.keep.served, agent.agent));
        self.by_push(agent, false);
        if let Some(at) = agent.keep.gone_due {
            self.due.remove(&(at, Due::Gone(agent.agent)));
        }
        if let Some(at) = agent.keep.cooling_until {
            self.due.remove(&(at, Due::Cooling(agent.agent)));
        }
        if let Some(at) = ramp_due {
            self.due.remove(&(at, Due::Ramp(agent.agent)));
        }
    }

    /// What is counted of an agent, as they are linked.
    pub fn work(&self, agent: AgentId) -> Work {
        self.linked.get(&agent).map(|l| l.work).unwrap_or_default()
    }

    /// It is `now`: who has not worked for a while is at work no more.
    pub fn rest(&mut self, now: Ms) {
        let (linked, armed) = (&self.linked, &self.armed);
        self.busy.rest(now, |agent| {
            let work = linked.get(&agent).map(|l| l.work).unwrap_or_default();
            (work, armed.get(&agent).copied().unwrap_or(0))
        });
    }

    /// It is `now` again, earlier than it was: whoever was at work then is at work again.
    pub fn wake(&mut self, rules: &Rules<'_>) {
        self.busy = Busy::by(rules.every().filter_map(|p| p.answer_ms(0)));
        for (agent, linked) in &self.linked {
            let clocks = self.armed.get(agent).copied().unwrap_or(0);
            self.busy.join(rules.now, *agent, linked.work, clocks);
        }
    }

    /// Agents with room somewhere, ascending.
    pub fn everybody_with_room(&self) -> BTreeSet<AgentId> {
        self.turns.values().flatten().map(|(_, _, agent)| *agent).collect()
    }

    /// The lanes of waiting conversations that `agent` may take, exhausted ones apart: other agents' reservations and
    /// channels they may not answer are jumped over.
    pub fn lanes_for(&self, rules: &Rules<'_>, agent: &AgentRow) -> Vec<(Scope, Lane)> {
        let mut found = Vec::new();
        let first = |channel, reserved| Lane {
            channel,
            exhausted: false,
            stale: false,
            reserved,
            missed: Vec::new(),
        };
        for scope in self.scopes(agent) {
            let Some(lanes) = self.waiting.get(&scope) else {
                continue;
            };
            if self.status(rules, agent, &scope) != Status::Room {
                continue;
            }
            for channel in channels(lanes, agent) {
                for reserved in [None, Some(agent.agent)] {
                    let start = first(channel, reserved);
                    let same = lanes.range(start..).take_while(|(l, _)| {
                        (l.channel, l.exhausted, l.stale, l.reserved) == (channel, false, false, reserved)
                    });
                    found.extend(
                        same.filter(|(l, _)| l.missed.binary_search(&agent.agent).is_err())
                            .map(|(l, _)| (scope.clone(), l.clone())),
                    );
                }
            }
        }
        found
    }

    /// The first exhausted conversation that `agent` may take.
    pub fn exhausted_for(&self, rules: &Rules<'_>, agent: &AgentRow) -> Option<Key> {
        let mut best = None;
        for scope in self.scopes(agent) {
            let Some(lanes) = self.waiting.get(&scope) else {
                continue;
            };
            if self.status(rules, agent, &scope) != Status::Room {
                continue;
            }
            for channel in channels(lanes, agent) {
                if !rules.assigns(&scope, channel) {
                    continue;
                }
                let lane = Lane {
                    channel,
                    exhausted: true,
                    stale: false,
                    reserved: None,
                    missed: Vec::new(),
                };
                let head = lanes.get(&lane).and_then(BTreeSet::first).copied();
                best = least(best, head);
            }
        }
        best
    }

    /// The first conversation kept over its time that `agent` may take. `takes` says whether they have not had it.
    pub fn overdue_for(
        &self,
        rules: &Rules<'_>,
        agent: &AgentRow,
        takes: impl Fn(ConversationId) -> bool,
    ) -> Option<Key> {
        let mut best = None;
        if self.overdue.is_empty() {
            return None;
        }
        for scope in self.scopes(agent) {
            if self.status(rules, agent, &scope) != Status::Room {
                continue;
            }
            let of_scope = (scope.clone(), ChannelAccountId(i64::MIN))..=(scope.clone(), ChannelAccountId(i64::MAX));
            for ((_, channel), set) in self.overdue.range(of_scope) {
                if Rules::may_reply(agent, *channel) && rules.assigns(&scope, *channel) {
                    best = least(best, set.iter().find(|(_, conv)| takes(*conv)).copied());
                }
            }
        }
        best
    }

    /// Agents with a ramp, by the instant of their next step.
    pub fn ramping(&self) -> Vec<AgentId> {
        self.due
            .iter()
            .filter_map(|(_, d)| if let Due::Ramp(a) = d { Some(*a) } else { None })
            .collect()
    }

    /// Agents with room who may answer on `channel`, in turn.
    pub fn candidates(&self, scope: &Scope, channel: ChannelAccountId) -> impl Iterator<Item = Turn> + '_ {
        let mut every = self
            .turns
            .get(&(scope.clone(), Class::Every))
            .into_iter()
            .flatten()
            .copied()
            .peekable();
        let mut only = self
            .turns
            .get(&(scope.clone(), Class::Only(channel)))
            .into_iter()
            .flatten()
            .copied()
            .peekable();
        std::iter::from_fn(move || match (every.peek(), only.peek()) {
            (Some(a), Some(b)) if b < a => only.next(),
            (Some(_), _) => every.next(),
            (None, _) => only.next(),
        })
    }

    /// The funnel of a conversation without anybody chosen. `agent` looks an agent up.
    pub fn funnel<'a>(
        &self,
        rules: &Rules<'_>,
        agent: impl Fn(AgentId) -> Option<&'a AgentRow>,
        scope: &Scope,
        lane: &Lane,
    ) -> Funnel {
        let of = |class| self.counts.get(&(scope.clone(), class)).copied().unwrap_or_default();
        let (every, only, restricted) = (of(Class::Every), of(Class::Only(lane.channel)), of(Class::Restricted));
        let sum = |counts: Counts| counts.iter().sum::<u32>();
        let no_right = sum(restricted).saturating_sub(sum(only));
        let mut by_status: Counts = std::array::from_fn(|i| every.get(i).unwrap_or(&0) + only.get(i).unwrap_or(&0));
        let (mut missed, mut reserved, mut set_aside) = (0, 0, 0);
        let status = |a: &AgentRow| self.status(rules, a, scope);
        let mut move_one = |id: AgentId, to: &mut u32| {
            if let Some(a) = agent(id)
                && Rules::member(a, scope)
                && Rules::may_reply(a, lane.channel)
                && status(a) >= Status::Cooling
                && let Some(n) = by_status.get_mut(status(a) as usize)
            {
                *n = n.saturating_sub(1);
                *to += 1;
            }
        };
        for id in &lane.missed {
            move_one(*id, &mut missed);
        }
        let [
            inactive,
            excluded,
            not_online,
            unskilled,
            mut cooling,
            mut ramp,
            mut full,
            mut room,
        ] = by_status;
        if lane.exhausted {
            missed += cooling + ramp + full + room;
            (cooling, ramp, full, room) = (0, 0, 0, 0);
        } else if lane.stale {
            set_aside = cooling + ramp + full + room;
            (cooling, ramp, full, room) = (0, 0, 0, 0);
        } else if let Some(named) = lane.reserved {
            let rest = cooling + ramp + full + room;
            (cooling, ramp, full, room) = (0, 0, 0, 0);
            reserved = rest;
            if lane.missed.binary_search(&named).is_err()
                && let Some(a) = agent(named)
                && Rules::member(a, scope)
                && Rules::may_reply(a, lane.channel)
            {
                match status(a) {
                    Status::Cooling => cooling = 1,
                    Status::Ramp => ramp = 1,
                    Status::Full => full = 1,
                    Status::Room => room = 1,
                    _ => {}
                }
                reserved = rest.saturating_sub(cooling + ramp + full + room);
            }
        }
        let mut lost = Vec::new();
        let mut add = |reason, count| {
            if count > 0 {
                lost.push(Lost { reason, count });
            }
        };
        add(Reject::Inactive, inactive);
        add(Reject::NoReplyRight, no_right);
        add(Reject::Excluded, excluded);
        add(Reject::NotOnline, not_online);
        add(Reject::Skill, unskilled);
        add(Reject::Missed, missed);
        add(Reject::Reserved, reserved);
        add(Reject::SetAside, set_aside);
        add(Reject::Cooling, cooling);
        add(Reject::Ramp, ramp);
        add(Reject::Full, full);
        add(rules.room_reject(scope, lane.channel), room);
        let members = lost.iter().map(|l| l.count).sum();
        let by_push = |id: &&AgentId| agent(**id).is_some_and(|a| Rules::member(a, scope));
        Funnel {
            members,
            background: u32::try_from(self.background.iter().filter(by_push).count()).unwrap_or(u32::MAX),
            lost,
            skills: self.skills(scope),
            ..Funnel::default()
        }
    }
}

impl Index {
    /// How many of the active members have each skill that is asked for (row 72).
    fn skills(&self, scope: &Scope) -> Vec<SkillCount> {
        let of = |group, skill| self.skilled.get(&(group, skill)).copied().unwrap_or(0);
        let count = |skill: SkillId| {
            let also = scope.also.iter().map(|g| of(Some(*g), skill));
            SkillCount {
                skill,
                have: also.fold(of(scope.group, skill), u32::saturating_add),
            }
        };
        scope.needs.iter().copied().map(count).collect()
    }
}

fn least(a: Option<Key>, b: Option<Key>) -> Option<Key> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The channels of these lanes that `agent` may answer on, without looking at every lane.
fn channels(lanes: &BTreeMap<Lane, BTreeSet<Key>>, agent: &AgentRow) -> Vec<ChannelAccountId> {
    if let Some(own) = &agent.channels {
        return own.clone();
    }
    let mut found: Vec<ChannelAccountId> = Vec::new();
    let mut from = i64::MIN;
    loop {
        let start = Lane {
            channel: ChannelAccountId(from),
            exhausted: false,
            stale: false,
            reserved: None,
            missed: Vec::new(),
        };
        let Some((lane, _)) = lanes.range(start..).next() else {
            return found;
        };
        found.push(lane.channel);
        let Some(next) = lane.channel.0.checked_add(1) else {
            return found;
        };
        from = next;
    }
}

/// Calls `f` with each class an agent is counted in. An inactive agent fails before channels are looked at.
fn for_classes(agent: &AgentRow, mut f: impl FnMut(Class)) {
    match &agent.channels {
        Some(channels) if agent.active => {
            channels.iter().for_each(|c| f(Class::Only(*c)));
            f(Class::Restricted);
        }
        _ => f(Class::Every),
    }
}

impl Index {
    /// All agents, by what they are before any conversation is looked at.
    pub fn everybody(&self, rules: &Rules<'_>) -> Funnel {
        let of = |class| self.counts.get(&(Scope::default(), class)).copied().unwrap_or_default();
        let (every, restricted) = (of(Class::Every), of(Class::Restricted));
        let statuses = [
            Status::Inactive,
            Status::Excluded,
            Status::NotOnline,
            Status::Unskilled,
            Status::Cooling,
            Status::Ramp,
            Status::Full,
            Status::Room,
        ];
        let mut lost = Vec::new();
        for status in statuses {
            let at = status as usize;
            let count = every.get(at).unwrap_or(&0) + restricted.get(at).unwrap_or(&0);
            let reason = if status == Status::Room {
                rules.room_reject_of_all()
            } else {
                status.reject()
            };
            if count > 0 {
                lost.push(Lost { reason, count });
            }
        }
        Funnel {
            members: lost.iter().map(|l| l.count).sum(),
            background: u32::try_from(self.background.len()).unwrap_or(u32::MAX),
            lost,
            ..Funnel::default()
        }
    }

    /// The first part in which two indexes differ.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let parts = [
            (self.waiting == other.waiting, "waiting"),
            (self.held == other.held, "held"),
            (self.due == other.due, "due"),
            (self.armed == other.armed, "armed"),
            (self.busy == other.busy, "busy"),
            (self.overdue == other.overdue, "overdue"),
            (self.live == other.live, "live"),
            (self.pool == other.pool, "pool"),
            (self.turns == other.turns, "turns"),
            (self.counts == other.counts, "counts"),
            (self.skilled == other.skilled, "skilled"),
            (self.background == other.background, "background"),
            (self.preferred == other.preferred, "preferred"),
            (self.extra == other.extra, "extra"),
            (self.opening == other.opening, "opening"),
            (self.linked == other.linked, "linked"),
        ];
        parts.into_iter().find(|(same, _)| !same).map(|(_, name)| name)
    }
}

/// The lane in which somebody other than the owner is looked for.
pub(crate) fn lane_without_owner(conv: &ConvRow) -> Lane {
    let mut missed = conv.missed.clone();
    if let Some(owner) = conv.owner
        && let Err(at) = missed.binary_search(&owner)
    {
        missed.insert(at, owner);
    }
    Lane {
        channel: conv.channel,
        exhausted: false,
        stale: false,
        reserved: None,
        missed,
    }
}
