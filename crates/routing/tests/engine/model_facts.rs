//! The reference model: what the facts do, and the comparison with the engine.

use crate::model::{Fit, Line, Model, answer_ms, available, is_open, near};
use crate::walk::{cases, input, ops, policies, world};
use proptest::prelude::*;
use ronda_domain::conversation::{Phase, Place};
use ronda_domain::{AgentId, ConversationId, GroupId, Ms};
use ronda_routing::{
    Act, AgentRow, Arrival, ConvRow, Epoch, Fact, GroupRow, Hours, HoursScope, OnGone, Origin, Policy, PolicyScope,
    Presence, PresenceRule, Profile, Ramp, Reach, Target,
};

impl Model {
    pub fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::HandedOff { conv, arrival } => self.handed_off(*conv, arrival, None),
            Fact::Reopened {
                conv,
                arrival,
                reserved_for,
            } => self.handed_off(*conv, arrival, *reserved_for),
            Fact::Presence { agent, now, since } => self.presence(*agent, *now, *since),
            Fact::AgentEdited { agent, profile } => self.agent_edited(*agent, profile),
            Fact::GroupSet {
                group,
                live,
                default,
                heir,
                overflow,
                overflow_seconds,
            } => {
                let before = self.rows.groups.clone();
                self.rows.groups.retain(|g| g.group != *group);
                if *live {
                    self.rows.groups.push(GroupRow {
                        group: *group,
                        default: *default,
                        overflow: *overflow,
                        overflow_seconds: *overflow_seconds,
                    });
                }
                self.rows.groups.sort_by_key(|g| g.group);
                if let Some(heir) = heir
                    && !live
                    && before != self.rows.groups
                    && self.rows.groups.iter().any(|g| g.group == *heir)
                {
                    for old in self.rows.convs.clone().iter().filter(|c| c.group == Some(*group)) {
                        let mut row = old.clone();
                        row.group = Some(*heir);
                        row.epoch.0 += 1;
                        if row.owner.is_none() {
                            (row.round, row.exhausted, row.missed) = (0, false, Vec::new());
                        }
                        self.change(Act::Regroup, old, row);
                    }
                }
                if before != self.rows.groups {
                    self.look_again(None);
                }
            }
            Fact::PolicySet { scope, policy, reach } => self.policy_set(*scope, policy.as_deref(), *reach),
            Fact::HoursSet { scope, hours } => self.hours_set(*scope, hours.as_ref()),
            Fact::RotationPaused { group, until } => self.rotation_paused(*group, *until),
            Fact::Tick | Fact::Gap { .. } => {}
            Fact::Taken {
                conv, seen, arrival, ..
            }
            | Fact::Transferred {
                conv, seen, arrival, ..
            }
            | Fact::Closed {
                conv, seen, arrival, ..
            } => {
                let brought = arrival
                    .as_ref()
                    .filter(|x| !self.twin(*conv, x))
                    .map(|x| self.arrive(*conv, x));
                if let Some(old) = self
                    .conv(*conv)
                    .or(brought)
                    .filter(|c| seen.is_none_or(|s| s == c.epoch))
                {
                    self.command(fact, &old);
                }
            }
            Fact::Declined { conv, seen, .. } | Fact::ReturnedToBot { conv, seen, .. } => {
                if let Some(old) = self.conv(*conv).filter(|c| seen.is_none_or(|s| s == c.epoch)) {
                    self.command(fact, &old);
                }
            }
            Fact::AgentSaid { conv, agent, .. } | Fact::LateReply { conv, agent, .. } => {
                self.works(*agent);
                self.alive = Some(*agent);
                if let Some(old) = self.conv(*conv) {
                    self.said(fact, &old);
                }
            }
            Fact::CustomerSaid { conv, .. }
            | Fact::SendFailed { conv, .. }
            | Fact::Typing { conv, .. }
            | Fact::Extended { conv, .. }
            | Fact::PromiseBroken { conv, .. }
            | Fact::Parked { conv }
            | Fact::Woken { conv } => {
                if let Some(old) = self.conv(*conv) {
                    self.happened(fact, &old);
                }
            }
        }
    }

    /// Whether the customer has another live conversation on the channel.
    fn twin(&self, conv: ConversationId, x: &Arrival) -> bool {
        let live = &self.rows.convs;
        live.iter()
            .any(|c| c.conv != conv && (c.channel, c.customer) == (x.channel, x.customer))
    }

    fn handed_off(&mut self, conv: ConversationId, x: &Arrival, last_owner: Option<AgentId>) {
        if self.conv(conv).is_some() || self.twin(conv, x) {
            return;
        }
        let old = self.arrive(conv, x);
        if let Some(agent) = last_owner.and_then(|a| self.agent(a))
            && self.policy_of(&old).enabled
            && self.fit(&agent, &old) != Fit::Never
            && self.hard_cap(&agent, &old).is_none_or(|cap| agent.load < cap)
        {
            let row = self.held(&old, agent.agent, Origin::Reopened);
            return self.change(Act::Assign, &old, row);
        }
        let mut row = old.clone();
        let policy = self.policy_of(&old).clone();
        let rule = policy.affinity;
        let by_affinity = |a: AgentId| {
            let mine = |c: &&ConvRow| c.owner == Some(a) && c.keep.origin == Some(Origin::Preferred);
            self.rows.convs.iter().filter(mine).count()
        };
        if let Some(agent) = x.prefer.and_then(|a| self.agent(a))
            && rule.enabled
            && agent.active
            && !policy.excluded.contains(&agent.agent)
            && self.member(&agent, &old)
            && (self.able(&agent, &old) || !there(&agent, &policy))
            && rule
                .ceiling
                .is_none_or(|most| by_affinity(agent.agent) < usize::try_from(most).expect("few"))
        {
            let soft = if available(&agent, &policy) {
                rule.full_seconds.max(1)
            } else {
                rule.absent_seconds
            };
            let strict = rule.strict_seconds.or(x.strict.then_some(3_600));
            let hold = strict.unwrap_or(soft);
            if hold > 0 {
                row.reserved_for = Some(agent.agent);
                row.reserved_until = Some(self.now().plus(i64::from(hold) * 1_000));
            }
        }
        self.change(Act::Enqueue, &old, row);
    }

    fn happened(&mut self, fact: &Fact, old: &ConvRow) {
        let mut row = old.clone();
        let is_held = old.place == Place::Held;
        match fact {
            Fact::CustomerSaid { at, window_ends, .. } => {
                if let Some(ends) = window_ends {
                    row.keep.window_ends = Some(*ends);
                    row.keep.window_step = near(*ends, self.now());
                }
                row.anchor = Some(old.anchor.unwrap_or(*at));
                row.keep.stale = false;
                if is_held {
                    row.phase = Some(Phase::Unanswered);
                    if old.phase == Some(Phase::Parked) {
                        row.rotate_at = self.clock_from(&row, self.now());
                    } else if old.anchor.is_none() {
                        row.rotate_at = self.clock(&row);
                    }
                    let leaves = match self.policy_of(&row).on_gone {
                        OnGone::Keep => false,
                        OnGone::Unanswered => Self::owes_first(&row),
                        OnGone::OnCustomerMessage | OnGone::All => true,
                    };
                    if leaves && old.owner.is_some_and(|o| self.is_gone(o, &row)) {
                        return self.requeue(&row);
                    }
                }
            }
            Fact::SendFailed {
                agent,
                anchor: Some(anchor),
                ..
            } => {
                row.anchor = Some(old.anchor.map_or(*anchor, |a| a.min(*anchor)));
                let mine = old.owner == Some(*agent);
                if is_held {
                    if mine && old.keep.answers == 1 {
                        row.keep.answers = 0;
                    }
                    if old.phase == Some(Phase::Answered) {
                        row.phase = Some(Phase::Unanswered);
                    }
                    if mine || old.rotate_at.is_none() {
                        row.rotate_at = self.clock_from(&row, self.now());
                    }
                }
                if row.rotate_at.is_some() && row.rotate_at != old.rotate_at {
                    self.say(Act::Rearm, old, &row);
                }
            }
            Fact::Extended { agent, seen, .. } => {
                if let Some(at) = old.rotate_at
                    && old.owner == Some(*agent)
                    && seen.is_none_or(|s| s == old.epoch)
                    && !old.keep.extended
                {
                    self.life(*agent);
                    row.rotate_at = self.add_open(old, at, (answer_ms(self.policy_of(old), old.round) / 2).min(60_000));
                    row.keep.extended = true;
                    self.say(Act::Extend, old, &row);
                }
            }
            Fact::Typing { agent, .. } => {
                if old.owner == Some(*agent) {
                    self.works(*agent);
                }
                if let Some(at) = old.rotate_at
                    && old.owner == Some(*agent)
                    && !old.keep.extended
                    && at.0 - self.now().0 < 10_000
                {
                    row.rotate_at = self.add_open(old, at, (answer_ms(self.policy_of(old), old.round) / 2).min(60_000));
                    row.keep.extended = true;
                    self.say(Act::Extend, old, &row);
                }
            }
            Fact::PromiseBroken { raise_minutes, to, .. } => {
                let another = |g: &GroupId| old.group != Some(*g) && self.rows.groups.iter().any(|x| x.group == *g);
                if let Some(group) = to.filter(another) {
                    let mut row = self.waiting(&ConvRow {
                        group: Some(group),
                        round: 0,
                        missed: old.owner.into_iter().collect(),
                        ..old.clone()
                    });
                    row.keep.previous = None;
                    anew(&mut row);
                    row.keep.raised_minutes = (*raise_minutes).min(1_440);
                    return self.change(Act::Overflow, old, row);
                }
                if old.place == Place::Waiting && *raise_minutes > 0 {
                    row.keep.raised_minutes = (old.keep.raised_minutes + raise_minutes).min(1_440);
                    self.say(Act::Raise, old, &row);
                }
            }
            Fact::Parked { .. } if is_held => {
                row.phase = Some(Phase::Parked);
                row.rotate_at = None;
                row.keep.overdue = false;
            }
            Fact::Woken { .. } if old.phase == Some(Phase::Parked) => {
                let owner = old.owner.and_then(|o| self.agent(o)).expect("held");
                if self.policy_of(old).enabled && self.hard_cap(&owner, old).is_some_and(|cap| owner.load > cap) {
                    let mut row = self.waiting(old);
                    row.reserved_for = Some(owner.agent);
                    row.reserved_until = Some(self.now().plus(60_000));
                    row.keep.origin = Some(Origin::Returned);
                    row.missed.retain(|a| *a != owner.agent);
                    return self.change(Act::Requeue, old, row);
                }
                row.phase = Some(if row.anchor.is_some() {
                    Phase::Unanswered
                } else {
                    Phase::Answered
                });
                row.rotate_at = self.clock_from(&row, self.now());
            }
            _ => {}
        }
        self.put(row);
    }

    fn said(&mut self, fact: &Fact, old: &ConvRow) {
        let mut row = ConvRow {
            anchor: None,
            ..old.clone()
        };
        if old.place == Place::Held {
            row.phase = Some(Phase::Answered);
            row.rotate_at = None;
            row.keep.overdue = false;
        }
        match fact {
            Fact::AgentSaid { agent, seen, .. } if old.owner == Some(*agent) && old.epoch == *seen => {
                if let Some(anchor) = old.anchor.filter(|_| old.keep.answers == 0) {
                    let mut mine = self.agent(*agent).expect("holds it");
                    let start = anchor.max(old.assigned_at.unwrap_or_default());
                    let start = start.max(mine.keep.answered_at.unwrap_or_default());
                    let took = self.open_between(&self.hours_of(old), start, self.now());
                    mine.keep.reply_ms = Some((mine.keep.reply_ms.unwrap_or(took) * 3 + took) / 4);
                    mine.keep.answered_at = Some(self.now());
                    *self.agent_mut(*agent) = mine;
                }
                row.keep.answers = (old.keep.answers + 1).min(2);
            }
            Fact::LateReply { agent, seen, .. } => {
                let in_time = old.keep.previous == Some(*agent) && old.keep.answers == 0 && *seen < old.epoch;
                let room = self
                    .agent(*agent)
                    .is_some_and(|a| self.hard_cap(&a, old).is_none_or(|cap| a.load < cap));
                if !in_time || !room || old.owner == Some(*agent) {
                    return self.put(row);
                }
                row = self.held(&row, *agent, Origin::Returned);
                row.keep.answers = 1;
                self.say(Act::Return, old, &row);
            }
            _ => return self.put(row),
        }
        row.keep.previous = None;
        row.keep.return_to = None;
        (row.round, row.missed) = (0, Vec::new());
        self.put(row);
    }

    /// Whether one more fits by hand.
    fn fits(&self, agent: AgentId, conv: &ConvRow, may_exceed: bool) -> bool {
        self.agent(agent).is_some_and(|a| {
            let cap = if may_exceed {
                self.hard_cap(&a, conv)
            } else {
                self.limit(&a, conv)
            };
            let may = a.active && a.channels.as_ref().is_none_or(|c| c.contains(&conv.channel));
            may && cap.is_none_or(|cap| a.load < cap)
        })
    }

    fn by_hand(&mut self, act: Act, old: &ConvRow, base: ConvRow, agent: AgentId, origin: Origin) {
        let mut row = self.held(&ConvRow { round: 0, ..base }, agent, origin);
        row.keep.previous = None;
        anew(&mut row);
        self.change(act, old, row);
    }

    fn command(&mut self, fact: &Fact, old: &ConvRow) {
        match fact {
            Fact::Taken {
                agent,
                take_over,
                may_exceed,
                ..
            } => {
                let free = old.owner.is_none() || (*take_over && old.owner != Some(*agent));
                if free && self.fits(*agent, old, *may_exceed) {
                    let base = ConvRow {
                        missed: Vec::new(),
                        ..old.clone()
                    };
                    self.by_hand(Act::Take, old, base, *agent, Origin::Taken);
                }
            }
            Fact::Transferred {
                by,
                to,
                deferred_until,
                needs,
                manage_others,
                may_exceed,
                return_unanswered,
                ..
            } => {
                let others = old.owner.is_some_and(|o| o != *by);
                if !manage_others && (others || old.transfers >= 5) {
                    return;
                }
                let mut base = ConvRow {
                    round: 0,
                    transfers: old.transfers + 1,
                    ..old.clone()
                };
                base.missed = old.owner.into_iter().chain([*by]).collect();
                base.missed.sort();
                base.missed.dedup();
                let agent = match to {
                    Target::Agent(agent) => *agent,
                    Target::Group(g) if !self.rows.groups.iter().any(|x| x.group == *g) => return,
                    Target::Group(_) | Target::Anyone => {
                        base.group = if let Target::Group(g) = to { Some(*g) } else { None };
                        let mut row = self.waiting(&base);
                        row.keep.previous = None;
                        if let Some(needs) = needs {
                            row.keep.needs.clone_from(needs);
                        }
                        anew(&mut row);
                        return self.change(Act::Transfer, old, row);
                    }
                };
                base.missed.retain(|a| *a != agent);
                let policy = self.policy_of(old);
                let asks = policy.enabled && policy.presence == PresenceRule::Online;
                let row = self.agent(agent);
                let there = row.as_ref().is_some_and(|a| a.keep.presence.is_online());
                let may = row.is_some_and(|a| a.active && a.channels.is_none_or(|c| c.contains(&old.channel)));
                if old.owner == Some(agent) || !may {
                    return;
                }
                if asks && !there {
                    if let Some(until) = deferred_until {
                        let mut row = self.waiting(&base);
                        (row.reserved_for, row.reserved_until) = (Some(agent), Some(*until));
                        row.keep.origin = Some(Origin::Transferred);
                        row.keep.previous = None;
                        anew(&mut row);
                        self.change(Act::Transfer, old, row);
                    }
                } else if self.fits(agent, old, *may_exceed) {
                    let mut row = self.held(&ConvRow { round: 0, ..base }, agent, Origin::Transferred);
                    row.keep.previous = None;
                    anew(&mut row);
                    row.keep.return_to = (*return_unanswered && *by != agent).then_some(*by);
                    self.change(Act::Transfer, old, row);
                }
            }
            Fact::Declined { agent, .. } if old.owner == Some(*agent) => {
                let mut row = self.waiting(old);
                row.keep.previous = None;
                row.missed = crate::model::with_owner(old);
                self.new_round_if_stuck(&mut row, vec![*agent]);
                self.change(Act::Decline, old, row);
            }
            Fact::Closed { by, .. } => self.leave(Act::Close, Place::Closed, *by, old),
            Fact::ReturnedToBot { by, .. } => self.leave(Act::ReturnToBot, Place::Bot, Some(*by), old),
            _ => {}
        }
    }

    fn leave(&mut self, act: Act, place: Place, by: Option<AgentId>, old: &ConvRow) {
        if let Some(agent) = by.filter(|_| by == old.owner) {
            self.life(agent);
            self.alive = by;
        }
        let row = ConvRow {
            place,
            ..self.waiting(old)
        };
        self.change(act, old, row);
    }

    fn presence(&mut self, id: AgentId, now: Presence, since: Ms) {
        let before = self.agent(id).unwrap_or_else(|| ronda_routing::AgentRow::new(id)).keep;
        if before.presence == now {
            return;
        }
        let grace = i64::from(self.rows.policy.gone_grace_seconds) * 1_000;
        let there = |p: Presence| p == Presence::Online || p == Presence::Background;
        let returns = there(now) && !there(before.presence) && before.gone_due.is_none();
        let keep = &mut self.agent_mut(id).keep;
        keep.presence = now;
        keep.gone_due = (now == Presence::Gone).then(|| since.plus(grace));
        let agent = self.agent(id).expect("just put");
        let asked = self
            .policies_of(&agent)
            .iter()
            .any(|p| p.presence == PresenceRule::Online);
        if returns && asked {
            self.ramp(id);
        }
        if now == Presence::Online {
            if returns || before.presence == Presence::Background {
                self.life(id);
            }
            self.alive = Some(id);
        }
    }

    fn ramp(&mut self, id: AgentId) {
        let (from, on) = (self.now(), self.rows.policy.ramp.initial > 0);
        let agent = self.agent_mut(id);
        agent.keep.ramp = on.then_some(Ramp { from, base: agent.load });
    }

    fn backlog(&self) -> bool {
        self.rows.convs.iter().any(|c| c.place == Place::Waiting)
    }

    fn agent_edited(&mut self, id: AgentId, profile: &Profile) {
        let before = self.agent(id);
        let policy_limit = self.rows.policy.limit;
        let agent = self.agent_mut(id);
        agent.active = profile.active;
        agent.groups.clone_from(&profile.groups);
        agent.channels.clone_from(&profile.channels);
        agent.limit = profile.limit;
        (agent.weight, agent.rank) = (profile.weight, profile.rank);
        agent.skills.clone_from(&profile.skills);
        let limit_before = before.as_ref().map_or(policy_limit, |b| b.limit.or(policy_limit));
        let more = more(limit_before, profile.limit.or(policy_limit)) || !before.as_ref().is_some_and(|b| b.active);
        let assigns = self
            .agent(id)
            .is_some_and(|a| self.policies_of(&a).iter().any(|p| p.enabled));
        if profile.active && more && assigns && self.backlog() {
            self.ramp(id);
        }
        if !profile.active {
            self.agent_mut(id).keep.ramp = None;
            for c in self.rows.convs.clone().iter().filter(|c| c.owner == Some(id)) {
                self.requeue(c);
            }
        }
        self.look_again(before.map(|b| b.groups));
    }

    fn policy_set(&mut self, scope: PolicyScope, policy: Option<&Policy>, reach: Reach) {
        let group = match scope {
            PolicyScope::Workspace => None,
            PolicyScope::Group(g) => Some(g),
        };
        let own = |m: &Self| {
            m.rows
                .policies
                .iter()
                .find(|(g, _)| Some(*g) == group)
                .map(|(_, p)| p.clone())
        };
        let known = if group.is_none() {
            Some(self.rows.policy.clone())
        } else {
            own(self)
        };
        if (known.as_ref() == policy && reach == Reach::NewOnly) || (group.is_none() && policy.is_none()) {
            return;
        }
        let old = known.unwrap_or_else(|| self.rows.policy.clone());
        let asks = |m: &Self, a: &AgentRow| {
            let asks = |p: &Policy| p.enabled && p.presence == PresenceRule::Online;
            m.policies_of(a).iter().any(asks)
        };
        let asked: Vec<_> = self
            .rows
            .agents
            .iter()
            .filter(|a| asks(self, a))
            .map(|a| a.agent)
            .collect();
        match (group, policy) {
            (None, Some(policy)) => self.rows.policy = policy.clone(),
            (Some(g), policy) => {
                self.rows.policies.retain(|(x, _)| *x != g);
                self.rows.policies.extend(policy.map(|p| (g, p.clone())));
                self.rows.policies.sort_by_key(|(g, _)| *g);
            }
            (None, None) => {}
        }
        let policy = own(self).unwrap_or_else(|| self.rows.policy.clone());
        for agent in self.rows.agents.clone() {
            let id = agent.agent;
            let begins = !asked.contains(&id) && asks(self, &agent);
            if begins && agent.keep.presence == Presence::Gone && agent.keep.gone_due.is_none() && agent.load > 0 {
                let due = self.now().plus(i64::from(self.rows.policy.gone_grace_seconds) * 1_000);
                self.agent_mut(id).keep.gone_due = Some(due);
            }
            let raised = agent.limit.is_none() && more(old.limit, policy.limit);
            let its = group.is_none_or(|g| agent.groups.contains(&g));
            let more = its && ((!old.enabled && policy.enabled) || raised);
            if self.rows.policy.ramp.initial == 0 {
                self.agent_mut(id).keep.ramp = None;
            } else if more && self.backlog() && self.is_there(&agent) {
                self.ramp(id);
            }
        }
        let oldest = self.now().0 - i64::from(policy.max_backlog_age_seconds) * 1_000;
        for mut c in self.rows.convs.clone() {
            let home = self.target_group(c.group);
            let has_own = self.rows.policies.iter().any(|(g, _)| Some(*g) == home);
            let ruled = if group.is_none() { !has_own } else { home == group };
            if !ruled {
                continue;
            }
            if c.place == Place::Waiting {
                let since = c.anchor.or(c.waiting_since).unwrap_or_default();
                c.keep.stale = since.0 < oldest && (c.keep.stale || (!old.enabled && policy.enabled));
                self.put(c);
                continue;
            }
            if c.place != Place::Held {
                continue;
            }
            if !self.wants_clock(&c) {
                c.rotate_at = None;
                c.keep.overdue = false;
            } else if reach == Reach::OpenToo {
                c.rotate_at = self.clock(&c);
            }
            self.put(c);
        }
        self.look_again(None);
    }

    /// What is left of every clock that runs or should.
    fn left(&self) -> Vec<(ConversationId, Option<i64>)> {
        let clocks = self.rows.convs.iter().filter(|c| self.wants_clock(c));
        let left = |c: &ConvRow| {
            let from = self.now().max(self.runs_from(c));
            c.rotate_at.map(|at| self.open_between(&self.hours_of(c), from, at))
        };
        clocks.map(|c| (c.conv, left(c))).collect()
    }

    fn hours_set(&mut self, scope: HoursScope, hours: Option<&Hours>) {
        let before = self.rows.hours.iter().find(|(s, _)| *s == scope);
        if before.map(|(_, h)| h) == hours {
            return;
        }
        let left = self.left();
        let closed = |m: &Self, c: &ConvRow| !is_open(&m.hours_of(c), m.now());
        let shut: Vec<_> = self
            .rows
            .convs
            .iter()
            .filter(|c| closed(self, c))
            .map(|c| c.conv)
            .collect();
        self.rows.hours.retain(|(s, _)| *s != scope);
        self.rows.hours.extend(hours.map(|h| (scope, h.clone())));
        self.rows.hours.sort_by_key(|(s, _)| *s);
        self.opens(|m, c| shut.contains(&c.conv) && !closed(m, c));
        for (conv, left) in left {
            let mut c = self.conv(conv).expect("just seen");
            c.rotate_at = match left {
                Some(left) => self.add_open(&c, self.now().max(self.runs_from(&c)), left),
                None if c.keep.overdue => None,
                None => self.clock(&c).map(|at| at.max(self.now())),
            };
            self.put(c);
        }
    }

    fn rotation_paused(&mut self, group: Option<GroupId>, until: Option<Ms>) {
        let until = until.filter(|at| *at > self.now());
        if self.rows.pauses.iter().find(|(g, _)| *g == group).map(|(_, u)| *u) == until {
            return;
        }
        let left = self.left();
        self.rows.pauses.retain(|(g, _)| *g != group);
        self.rows.pauses.extend(until.map(|u| (group, u)));
        self.rows.pauses.sort();
        for (conv, left) in left {
            let mut c = self.conv(conv).expect("just seen");
            if let Some(left) = left {
                c.rotate_at = self.add_open(&c, self.now().max(self.runs_from(&c)), left);
                self.put(c);
            }
        }
        self.lines.push((Act::Pause, None, None, None, Epoch(0), Epoch(0)));
    }
}

/// Whether presence and exclusion let them receive; a skill is looked at only then.
fn there(agent: &AgentRow, policy: &Policy) -> bool {
    policy.presence == PresenceRule::Any || agent.keep.presence.is_online()
}

/// A person decided who is asked.
fn anew(row: &mut ConvRow) {
    (row.keep.step, row.keep.raised_minutes) = (0, 0);
    row.keep.via.clear();
}

fn more(before: Option<u32>, after: Option<u32>) -> bool {
    before.is_some_and(|b| after.is_none_or(|a| a > b))
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn the_engine_equals_the_naive_model(policy in policies(), ops in ops(80)) {
        let mut state = world(policy);
        let mut model = Model::new(state.rows());
        for op in &ops {
            let input = input(&state, op);
            let outcome = ronda_routing::step(&mut state, &input);
            model.step(&input);
            let line = |d: &ronda_routing::Decision| -> Line {
                (d.act, d.conversation, d.from, d.to, d.epoch_before, d.epoch_after)
            };
            let lines: Vec<Line> = outcome.decisions.iter().map(line).collect();
            prop_assert_eq!(&lines, &model.lines, "decisions on {:?}", &input);
            let mut rows = state.rows();
            // The model does not number its decisions.
            rows.head.decision_seq = model.rows.head.decision_seq;
            prop_assert_eq!(rows.head, model.rows.head);
            prop_assert_eq!(&rows.agents, &model.rows.agents, "agents on {:?}", &input);
            prop_assert_eq!(&rows.convs, &model.rows.convs, "conversations on {:?}", &input);
            prop_assert_eq!(&rows, &model.rows, "settings on {:?}", &input);
        }
    }
}
