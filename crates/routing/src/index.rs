//! The derived index: everything here can be rebuilt from the rows, and a check compares both (S18).
//!
//! Waiting conversations stand in one ordered set per *lane* (who may take them), so that a conversation nobody can
//! take never blocks another (row 19). Agents with room stand in one ordered set per scope and channel class, in the
//! order of the strategy. Counters per scope and class make an explanation independent of the number of agents.

use crate::clock::{Hours, is_open, next_start};
use crate::decision::{Funnel, Lost, Reject};
use crate::fact::{HoursScope, Presence};
use crate::hash::Map;
use crate::policy::{Policy, PresenceRule, Strategy};
use crate::row::{AgentRow, ConvRow, GroupRow, Origin, Ramp};
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, Ms};
use std::collections::{BTreeMap, BTreeSet};

/// Whose members are asked: a group, or all agents.
pub(crate) type Scope = Option<GroupId>;
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
    Cooling,
    Ramp,
    Full,
    Room,
}

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
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// Non-empty sets only.
    pub waiting: BTreeMap<Scope, BTreeMap<Lane, BTreeSet<Key>>>,
    pub held: Map<AgentId, BTreeSet<ConversationId>>,
    pub due: BTreeSet<(Ms, Due)>,
    /// How many clocks run for an agent; no zeros.
    pub armed: Map<AgentId, u32>,
    /// Held, over their time, and kept because nobody else was available; non-empty sets only.
    pub overdue: BTreeMap<(Scope, ChannelAccountId), BTreeSet<Key>>,
    pub live: Map<(ChannelAccountId, CustomerId), ConversationId>,
    /// Agents with room; non-empty sets only.
    pub turns: Map<(Scope, Class), BTreeSet<Turn>>,
    /// Agents by status; no entry of zeros.
    counts: Map<(Scope, Class), [u32; 7]>,
    /// When the next span of any calendar begins.
    pub opening: Option<Ms>,
    /// How each agent is linked.
    linked: Map<AgentId, Linked>,
}

/// How an agent is linked; time passes between linking and unlinking, so neither can be computed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Linked {
    status: Status,
    /// The instant at which the ramp next allows one more.
    ramp_due: Option<Ms>,
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
    pub fn calendar(&self, group: Scope, channel: ChannelAccountId) -> Option<HoursScope> {
        let of_group = group.map(HoursScope::Group);
        let all = [
            of_group,
            Some(HoursScope::Channel(channel)),
            Some(HoursScope::Workspace),
        ];
        all.into_iter().flatten().find(|s| self.hours.contains_key(s))
    }

    pub fn hours_in(&self, group: Scope, channel: ChannelAccountId) -> &'a Hours {
        static ALWAYS: Hours = Hours::Always;
        let calendar = self.calendar(group, channel);
        calendar.and_then(|s| self.hours.get(&s)).unwrap_or(&ALWAYS)
    }

    pub fn hours_of(&self, conv: &ConvRow) -> &'a Hours {
        self.hours_in(self.scope(conv.group), conv.channel)
    }

    /// The policy that holds for conversations of a group: its own, or the workspace's.
    pub fn policy_in(&self, group: Scope) -> &'a Policy {
        group.and_then(|g| self.policies.get(&g)).unwrap_or(self.policy)
    }

    pub fn policy_of(&self, conv: &ConvRow) -> &'a Policy {
        self.policy_in(self.scope(conv.group))
    }

    /// When the next span of any calendar begins.
    pub fn next_opening(&self) -> Option<Ms> {
        self.hours.values().filter_map(|h| next_start(h, self.now)).min()
    }

    /// Until when no clock of a conversation runs; may be past.
    pub fn paused(&self, conv: &ConvRow) -> Option<Ms> {
        let everywhere = self.pauses.get(&None);
        let group = self.scope(conv.group).and_then(|g| self.pauses.get(&Some(g)));
        everywhere.max(group).copied()
    }

    /// The scope of a target group: itself; when it does not exist the default group; else anybody (row 61).
    pub fn scope(&self, group: Option<GroupId>) -> Scope {
        let group = group?;
        if self.groups.contains_key(&group) {
            return Some(group);
        }
        self.groups.values().find(|g| g.default).map(|g| g.group)
    }

    /// Whose members a conversation asks. One left for a named agent by a transfer asks that agent wherever they
    /// belong (row 51): the group's turn comes when the reservation is over.
    pub fn scope_of(&self, conv: &ConvRow) -> Scope {
        if conv.reserved_for.is_some() && conv.keep.origin == Some(Origin::Transferred) {
            return None;
        }
        self.scope(conv.group)
    }

    /// Whether anything is given to people automatically at this moment: switched on, and open (rows 38, 39).
    pub fn assigns(&self, scope: Scope, channel: ChannelAccountId) -> bool {
        self.policy.enabled && is_open(self.hours_in(scope, channel), self.now)
    }

    /// Why an agent with room does not get what waits.
    pub fn room_reject(&self, scope: Scope, channel: ChannelAccountId) -> Reject {
        if !self.policy.enabled {
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

    pub fn limit(&self, agent: &AgentRow) -> Option<u32> {
        agent.limit.or(self.policy.limit)
    }

    pub fn hard_cap(&self, agent: &AgentRow) -> Option<u32> {
        self.limit(agent).map(|limit| self.policy.hard_cap.over(limit))
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
    fn ramp_next(&self, ramp: Ramp) -> Option<Ms> {
        let rule = self.policy.ramp;
        if !rule.on() {
            return None;
        }
        let interval = i64::from(rule.interval_seconds) * 1_000;
        let passed = self.now.since(ramp.from).max(0) / interval;
        Some(ramp.from.plus((passed + 1).saturating_mul(interval)))
    }

    pub fn status(&self, agent: &AgentRow) -> Status {
        if !agent.active {
            return Status::Inactive;
        }
        if self.policy.excluded.contains(&agent.agent) {
            return Status::Excluded;
        }
        if self.policy.presence == PresenceRule::Online && agent.keep.presence != Presence::Online {
            return Status::NotOnline;
        }
        if agent.keep.cooling_until.is_some() {
            return Status::Cooling;
        }
        if agent
            .keep
            .ramp
            .is_some_and(|r| self.ramp_cap(r, self.now) <= agent.load)
        {
            return Status::Ramp;
        }
        if self.limit(agent).is_some_and(|l| agent.load >= l) {
            return Status::Full;
        }
        Status::Room
    }

    /// The agent's place in the turn: lower is nearer.
    pub fn turn(&self, agent: &AgentRow) -> Turn {
        let share = || {
            let limit = self.limit(agent).unwrap_or(crate::defaults::NOMINAL_LIMIT).max(1);
            // 32 fractional bits keep every two different shares of limits below 65,536 apart.
            (u64::from(agent.load) << 32) / u64::from(limit)
        };
        let rank = match self.policy.strategy {
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
    pub fn member(agent: &AgentRow, scope: Scope) -> bool {
        scope.is_none_or(|g| agent.groups.binary_search(&g).is_ok())
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
    (conv.anchor.or(conv.waiting_since).unwrap_or_default(), conv.conv)
}

/// Scopes an agent is a member of: all agents, and each group.
pub(crate) fn scopes(agent: &AgentRow) -> impl Iterator<Item = Scope> + '_ {
    std::iter::once(None).chain(agent.groups.iter().copied().map(Some))
}

impl Index {
    pub fn build<'a>(
        rules: &Rules<'_>,
        convs: impl Iterator<Item = &'a ConvRow>,
        agents: impl Iterator<Item = &'a AgentRow>,
    ) -> Self {
        let mut index = Self {
            opening: rules.next_opening(),
            ..Self::default()
        };
        convs.for_each(|c| index.link_conv(rules, c));
        agents.for_each(|a| index.link_agent(rules, a));
        index
    }

    pub fn link_conv(&mut self, rules: &Rules<'_>, conv: &ConvRow) {
        self.live.insert((conv.channel, conv.customer), conv.conv);
        match conv.place {
            Place::Waiting => {
                let lanes = self.waiting.entry(rules.scope_of(conv)).or_default();
                lanes.entry(lane(conv)).or_default().insert(key(conv));
                if let (Some(_), Some(until)) = (conv.reserved_for, conv.reserved_until) {
                    self.due.insert((until, Due::Reservation(conv.conv)));
                }
            }
            Place::Held => {
                if let Some(owner) = conv.owner {
                    self.held.entry(owner).or_default().insert(conv.conv);
                }
                if let Some(at) = conv.rotate_at {
                    self.due.insert((at, Due::Rotate(conv.conv)));
                    *self.armed.entry(conv.owner.unwrap_or(AgentId(0))).or_default() += 1;
                }
                if conv.keep.overdue {
                    let at = (rules.scope_of(conv), conv.channel);
                    self.overdue.entry(at).or_default().insert(key(conv));
                }
            }
            Place::Bot | Place::Closed => {}
        }
    }

    pub fn unlink_conv(&mut self, rules: &Rules<'_>, conv: &ConvRow) {
        self.live.remove(&(conv.channel, conv.customer));
        match conv.place {
            Place::Waiting => {
                let scope = rules.scope_of(conv);
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
                }
                if let Some(at) = conv.rotate_at {
                    self.due.remove(&(at, Due::Rotate(conv.conv)));
                    let owner = conv.owner.unwrap_or(AgentId(0));
                    let left = self.armed.remove(&owner).unwrap_or(0).saturating_sub(1);
                    if left > 0 {
                        self.armed.insert(owner, left);
                    }
                }
                if conv.keep.overdue {
                    let at = (rules.scope_of(conv), conv.channel);
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
        let status = rules.status(agent);
        let turn = rules.turn(agent);
        for scope in scopes(agent) {
            for_classes(agent, |class| {
                if let Some(n) = self.counts.entry((scope, class)).or_default().get_mut(status as usize) {
                    *n += 1;
                }
                if status == Status::Room && class != Class::Restricted {
                    self.turns.entry((scope, class)).or_default().insert(turn);
                }
            });
        }
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
        self.linked.insert(agent.agent, Linked { status, ramp_due });
    }

    pub fn unlink_agent(&mut self, rules: &Rules<'_>, agent: &AgentRow) {
        let Some(Linked { status, ramp_due }) = self.linked.remove(&agent.agent) else {
            return;
        };
        let turn = rules.turn(agent);
        for scope in scopes(agent) {
            for_classes(agent, |class| {
                if let Some(counts) = self.counts.get_mut(&(scope, class)) {
                    if let Some(n) = counts.get_mut(status as usize) {
                        *n = n.saturating_sub(1);
                    }
                    if counts.iter().all(|n| *n == 0) {
                        self.counts.remove(&(scope, class));
                    }
                }
                if status == Status::Room
                    && let Some(set) = self.turns.get_mut(&(scope, class))
                {
                    set.remove(&turn);
                    if set.is_empty() {
                        self.turns.remove(&(scope, class));
                    }
                }
            });
        }
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

    /// Agents with room, ascending.
    pub fn everybody_with_room(&self) -> BTreeSet<AgentId> {
        let room = self.linked.iter().filter(|(_, l)| l.status == Status::Room);
        room.map(|(agent, _)| *agent).collect()
    }

    /// The status `agent` was linked with.
    pub fn status(&self, agent: AgentId) -> Status {
        self.linked.get(&agent).map_or(Status::Inactive, |l| l.status)
    }

    /// The lanes of waiting conversations that `agent` may take, exhausted ones apart: other agents' reservations and
    /// channels they may not answer are jumped over.
    pub fn lanes_for(&self, agent: &AgentRow) -> Vec<(Scope, Lane)> {
        let mut found = Vec::new();
        let first = |channel, reserved| Lane {
            channel,
            exhausted: false,
            stale: false,
            reserved,
            missed: Vec::new(),
        };
        for scope in scopes(agent) {
            let Some(lanes) = self.waiting.get(&scope) else {
                continue;
            };
            for channel in channels(lanes, agent) {
                for reserved in [None, Some(agent.agent)] {
                    let start = first(channel, reserved);
                    let same = lanes.range(start..).take_while(|(l, _)| {
                        (l.channel, l.exhausted, l.stale, l.reserved) == (channel, false, false, reserved)
                    });
                    found.extend(
                        same.filter(|(l, _)| l.missed.binary_search(&agent.agent).is_err())
                            .map(|(l, _)| (scope, l.clone())),
                    );
                }
            }
        }
        found
    }

    /// The first exhausted conversation that `agent` may take.
    pub fn exhausted_for(&self, rules: &Rules<'_>, agent: &AgentRow) -> Option<Key> {
        let mut best = None;
        for scope in scopes(agent) {
            let Some(lanes) = self.waiting.get(&scope) else {
                continue;
            };
            for channel in channels(lanes, agent) {
                if !rules.assigns(scope, channel) {
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
        for scope in scopes(agent) {
            let of_scope = (scope, ChannelAccountId(i64::MIN))..=(scope, ChannelAccountId(i64::MAX));
            for ((_, channel), set) in self.overdue.range(of_scope) {
                if Rules::may_reply(agent, *channel) && rules.assigns(scope, *channel) {
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
    pub fn candidates(&self, scope: Scope, channel: ChannelAccountId) -> impl Iterator<Item = Turn> + '_ {
        let mut every = self
            .turns
            .get(&(scope, Class::Every))
            .into_iter()
            .flatten()
            .copied()
            .peekable();
        let mut only = self
            .turns
            .get(&(scope, Class::Only(channel)))
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
        scope: Scope,
        lane: &Lane,
    ) -> Funnel {
        let of = |class| self.counts.get(&(scope, class)).copied().unwrap_or_default();
        let (every, only, restricted) = (of(Class::Every), of(Class::Only(lane.channel)), of(Class::Restricted));
        let sum = |counts: [u32; 7]| counts.iter().sum::<u32>();
        let no_right = sum(restricted).saturating_sub(sum(only));
        let mut by_status: [u32; 7] = std::array::from_fn(|i| every.get(i).unwrap_or(&0) + only.get(i).unwrap_or(&0));
        let (mut missed, mut reserved, mut set_aside) = (0, 0, 0);
        let mut move_one = |id: AgentId, to: &mut u32| {
            if let Some(a) = agent(id)
                && Rules::member(a, scope)
                && Rules::may_reply(a, lane.channel)
                && rules.status(a) >= Status::Cooling
                && let Some(n) = by_status.get_mut(rules.status(a) as usize)
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
                match rules.status(a) {
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
        add(Reject::Missed, missed);
        add(Reject::Reserved, reserved);
        add(Reject::SetAside, set_aside);
        add(Reject::Cooling, cooling);
        add(Reject::Ramp, ramp);
        add(Reject::Full, full);
        add(rules.room_reject(scope, lane.channel), room);
        let members = lost.iter().map(|l| l.count).sum();
        Funnel {
            members,
            lost,
            ..Funnel::default()
        }
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
        let of = |class| self.counts.get(&(None, class)).copied().unwrap_or_default();
        let (every, restricted) = (of(Class::Every), of(Class::Restricted));
        let statuses = [
            Status::Inactive,
            Status::Excluded,
            Status::NotOnline,
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
            (self.overdue == other.overdue, "overdue"),
            (self.live == other.live, "live"),
            (self.turns == other.turns, "turns"),
            (self.counts == other.counts, "counts"),
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
