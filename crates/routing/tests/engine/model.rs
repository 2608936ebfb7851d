//! The reference model: the same rules written naively over plain rows, with linear scans and no index. It shares the
//! types of inputs and rows with the engine and none of its code. Whatever both disagree on is a fault of one of them.

use ronda_domain::conversation::{Phase, Place};
use ronda_domain::{AgentId, ConversationId, GroupId, Ms};
use ronda_routing::{
    Act, AgentRow, Arrival, ConvKeep, ConvRow, Epoch, Fact, Hours, HoursScope, Input, OnGone, Origin, Policy, Presence,
    PresenceRule, Ramp, ReplyScope, Rows, Strategy,
};
use std::cmp::Ordering;

/// What is compared of a decision.
pub type Line = (
    Act,
    Option<ConversationId>,
    Option<AgentId>,
    Option<AgentId>,
    Epoch,
    Epoch,
);

pub struct Model {
    pub rows: Rows,
    pub lines: Vec<Line>,
    pub alive: Option<AgentId>,
    /// Who was available when last looked at.
    pub there: Vec<AgentId>,
    /// What came to wait.
    pub came: Vec<ConversationId>,
    /// What left in this step, and at which epoch.
    pub gone: Vec<(ConversationId, Epoch)>,
}

impl Model {
    pub fn new(rows: Rows) -> Self {
        let mut model = Self {
            rows,
            lines: Vec::new(),
            alive: None,
            there: Vec::new(),
            came: Vec::new(),
            gone: Vec::new(),
        };
        model.there = model.available_now();
        model
    }

    fn available_now(&self) -> Vec<AgentId> {
        let there = self.rows.agents.iter().filter(|a| self.is_there(a));
        there.map(|a| a.agent).collect()
    }

    /// Who comes back does not catch up.
    fn lift(&mut self) {
        let now = self.available_now();
        let stayed = |a: &&AgentRow| now.contains(&a.agent) && self.there.contains(&a.agent);
        let least = self.rows.agents.iter().filter(stayed).map(|a| a.keep.served).min();
        if self.weighted() {
            let back: Vec<_> = now.iter().copied().filter(|a| !self.there.contains(a)).collect();
            for id in back {
                let keep = &mut self.agent_mut(id).keep;
                keep.served = keep.served.max(least.unwrap_or(0));
            }
        }
        self.there = now;
    }

    /// Proof of life.
    pub fn life(&mut self, id: AgentId) {
        if self.agent(id).is_some() {
            let now = self.now();
            let keep = &mut self.agent_mut(id).keep;
            keep.life_at = Some(now);
            (keep.strikes, keep.strike_at, keep.cooling_until) = (0, None, None);
        }
    }

    /// An answer or a keystroke.
    pub fn works(&mut self, id: AgentId) {
        self.life(id);
        if self.agent(id).is_some() {
            let now = self.now();
            self.agent_mut(id).keep.worked_at = Some(now);
        }
    }

    fn strike(&mut self, owner: &AgentRow, conv: &ConvRow) {
        let round = conv.round;
        let (policy, now) = (self.policy_of(conv).clone(), self.now());
        let quiet = owner
            .keep
            .life_at
            .is_none_or(|at| self.open_between(&self.hours_of(conv), at, now) >= answer_ms(&policy, round));
        let lately = owner
            .keep
            .strike_at
            .is_some_and(|at| now.0 - at.0 < answer_ms(&policy, 0) / 2);
        if policy.strikes == 0 || !available(owner, &policy) || !quiet || lately {
            return;
        }
        let any = policy.presence == PresenceRule::Any;
        let keep = &mut self.agent_mut(owner.agent).keep;
        keep.strike_at = Some(now);
        keep.strikes += 1;
        if keep.strikes >= policy.strikes {
            if any {
                let doubled =
                    i64::from(policy.cool_down_seconds) * 2_i64.pow(u32::from(keep.strikes - policy.strikes).min(9));
                keep.cooling_until = Some(now.plus(doubled.min(3_600) * 1_000));
            } else {
                keep.strikes = 0;
            }
            let act = if any { Act::CoolDown } else { Act::MarkAway };
            self.lines
                .push((act, None, Some(owner.agent), None, Epoch(0), Epoch(0)));
        }
    }
}

/// Why an agent cannot have it, coarsely.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    Never,
    Busy,
    Room,
}

impl Model {
    pub fn step(&mut self, input: &Input) {
        self.lines.clear();
        self.gone.clear();
        if input.seq <= self.rows.head.input_seq {
            return;
        }
        self.rows.head.input_seq = input.seq;
        let before = self.now();
        self.rows.head.at = before.max(input.at);
        if let Fact::Gap { lost_ms } = input.fact {
            self.amnesty(lost_ms);
        }
        self.rows.pauses.retain(|(_, until)| *until > self.rows.head.at);
        self.pace(before);
        let hours = self.rows.hours.clone();
        let opened = |h: &Hours| !is_open(h, before) && is_open(h, self.now());
        let opened: Vec<_> = hours.iter().filter(|(_, h)| opened(h)).map(|(s, _)| *s).collect();
        self.opens(|m, c| m.calendar(c).is_some_and(|s| opened.contains(&s)));
        self.settle();
        self.apply(&input.fact);
        self.settle();
    }

    pub fn now(&self) -> Ms {
        self.rows.head.at
    }

    pub fn agent(&self, id: AgentId) -> Option<AgentRow> {
        self.rows.agents.iter().find(|a| a.agent == id).cloned()
    }

    pub fn agent_mut(&mut self, id: AgentId) -> &mut AgentRow {
        if self.agent(id).is_none() {
            self.rows.agents.push(AgentRow::new(id));
            self.rows.agents.sort_by_key(|a| a.agent);
        }
        self.rows.agents.iter_mut().find(|a| a.agent == id).expect("just put")
    }

    pub fn conv(&self, id: ConversationId) -> Option<ConvRow> {
        self.rows.convs.iter().find(|c| c.conv == id).cloned()
    }

    /// Writes a row, drops it when it left, and counts all loads again.
    pub fn put(&mut self, row: ConvRow) {
        if row.place == Place::Waiting && self.conv(row.conv).is_none_or(|c| c.epoch != row.epoch) {
            self.came.push(row.conv);
        }
        self.rows.convs.retain(|c| c.conv != row.conv);
        if matches!(row.place, Place::Waiting | Place::Held) {
            self.rows.convs.push(row);
        } else {
            self.gone.push((row.conv, row.epoch));
        }
        self.rows.convs.sort_by_key(|c| c.conv);
        for agent in &mut self.rows.agents {
            let held = self.rows.convs.iter().filter(|c| c.owner == Some(agent.agent)).count();
            agent.load = u32::try_from(held).expect("few");
        }
    }

    pub fn say(&mut self, act: Act, before: &ConvRow, after: &ConvRow) {
        self.lines.push((
            act,
            Some(after.conv),
            before.owner,
            after.owner,
            before.epoch,
            after.epoch,
        ));
    }

    pub fn change(&mut self, act: Act, before: &ConvRow, after: ConvRow) {
        self.say(act, before, &after);
        self.put(after);
    }

    // Agents.

    /// The policy of its group, or the workspace's.
    pub fn policy_of(&self, conv: &ConvRow) -> &Policy {
        let home = self.target_group(conv.group);
        let own = self.rows.policies.iter().find(|(g, _)| Some(*g) == home);
        own.map_or(&self.rows.policy, |(_, p)| p)
    }

    /// The workspace's policy and those of their groups.
    pub fn policies_of(&self, agent: &AgentRow) -> Vec<Policy> {
        let own = self.rows.policies.iter().filter(|(g, _)| agent.groups.contains(g));
        let all = std::iter::once(&self.rows.policy).chain(own.map(|(_, p)| p));
        all.cloned().collect()
    }

    /// Available for something.
    pub fn is_there(&self, agent: &AgentRow) -> bool {
        let answers = agent.channels.as_ref().is_none_or(|c| !c.is_empty());
        answers && self.policies_of(agent).iter().any(|p| available(agent, p))
    }

    fn weighted(&self) -> bool {
        let own = self.rows.policies.iter().map(|(_, p)| p);
        own.chain([&self.rows.policy]).any(|p| p.strategy == Strategy::Weighted)
    }

    pub fn limit(&self, agent: &AgentRow, conv: &ConvRow) -> Option<u32> {
        agent.limit.or(self.policy_of(conv).limit)
    }

    pub fn hard_cap(&self, agent: &AgentRow, conv: &ConvRow) -> Option<u32> {
        let limit = self.limit(agent, conv)?;
        Some(limit + (limit * 20 / 100).max(2))
    }

    pub fn paced_to(&self, agent: &AgentRow, at: Ms) -> Option<u32> {
        let (ramp, rule) = (agent.keep.ramp?, self.rows.policy.ramp);
        if rule.initial == 0 || rule.interval_seconds == 0 {
            return None;
        }
        let steps = (at.0 - ramp.from.0).max(0) / (i64::from(rule.interval_seconds) * 1_000);
        Some(ramp.base + rule.initial + u32::try_from(steps).expect("few"))
    }

    fn busy(&self, agent: &AgentRow, conv: &ConvRow) -> bool {
        let paced = self.paced_to(agent, self.now()).is_some_and(|cap| agent.load >= cap);
        paced || self.limit(agent, conv).is_some_and(|limit| agent.load >= limit)
    }

    pub fn target_group(&self, group: Option<GroupId>) -> Option<GroupId> {
        let group = group?;
        if self.rows.groups.iter().any(|g| g.group == group) {
            return Some(group);
        }
        self.rows.groups.iter().find(|g| g.default).map(|g| g.group)
    }

    pub fn member(&self, agent: &AgentRow, conv: &ConvRow) -> bool {
        let left_for = conv.reserved_for.is_some() && conv.keep.origin == Some(Origin::Transferred);
        let in_group = self.target_group(conv.group).is_none_or(|g| {
            let steps = self.policy_of(conv).steps.iter().take(conv.keep.step.into());
            let mut also = steps.flat_map(|s| &s.add_groups);
            let known = |g: &GroupId| self.rows.groups.iter().any(|x| x.group == *g);
            agent.groups.contains(&g) || also.any(|g| known(g) && agent.groups.contains(g))
        });
        let may = agent.channels.as_ref().is_none_or(|c| c.contains(&conv.channel));
        may && (left_for || in_group)
    }

    /// Whether `agent` can do what is still asked for.
    pub fn able(&self, agent: &AgentRow, conv: &ConvRow) -> bool {
        let left_for = conv.reserved_for.is_some() && conv.keep.origin == Some(Origin::Transferred);
        let mut steps = self.policy_of(conv).steps.iter().take(conv.keep.step.into());
        left_for || steps.any(|s| s.drop_skills) || conv.keep.needs.iter().all(|s| agent.skills.contains(s))
    }

    /// Whether `agent` can have `conv`, apart from who has missed it.
    pub fn fit(&self, agent: &AgentRow, conv: &ConvRow) -> Fit {
        if !self.member(agent, conv) || !available(agent, self.policy_of(conv)) || !self.able(agent, conv) {
            Fit::Never
        } else if self.busy(agent, conv) {
            Fit::Busy
        } else {
            Fit::Room
        }
    }

    /// The best of those who can have it now.
    pub fn best(&self, conv: &ConvRow, missed: &[AgentId], rotates: bool) -> Option<AgentId> {
        let policy = self.policy_of(conv);
        let by_life = rotates && policy.presence == PresenceRule::Any;
        let fits = |a: &&AgentRow| {
            self.fit(a, conv) == Fit::Room
                && !missed.contains(&a.agent)
                && conv.reserved_for.is_none_or(|named| named == a.agent)
        };
        let mut found: Vec<&AgentRow> = self.rows.agents.iter().filter(fits).collect();
        found.sort_by(|x, y| {
            let of = |a: &AgentRow| u64::from(self.limit(a, conv).unwrap_or(200));
            let share = (u64::from(x.load) * of(y)).cmp(&(u64::from(y.load) * of(x)));
            let lately = |a: &AgentRow| a.keep.life_at.is_some_and(|at| self.now().0 - at.0 < 300_000);
            let life = if by_life {
                lately(y).cmp(&lately(x))
            } else {
                Ordering::Equal
            };
            // The middle of the next turn.
            let turns = |a: &AgentRow| a.keep.served + 465_585_120 / u64::from(a.weight) / 2;
            let spare = match policy.strategy {
                Strategy::LeastRecent => Ordering::Equal,
                Strategy::MostSpare => share,
                Strategy::FillFirst => share.reverse(),
                Strategy::Ranked => x.rank.cmp(&y.rank),
                Strategy::Weighted => turns(x).cmp(&turns(y)),
            };
            life.then(spare).then(x.stamp.cmp(&y.stamp)).then(x.agent.cmp(&y.agent))
        });
        found.first().map(|a| a.agent)
    }

    // Clocks.

    pub fn add_open(&self, conv: &ConvRow, from: Ms, ms: i64) -> Option<Ms> {
        let Hours::Spans(spans) = self.hours_of(conv) else {
            return Some(Ms(from.0 + ms));
        };
        let mut left = ms;
        for (start, end) in spans {
            let start = start.0.max(from.0);
            let open = (end.0 - start).max(0);
            if left < open {
                return Some(Ms(start + left));
            }
            left -= open;
        }
        None
    }

    /// Whose hours hold: the group's, the channel's or the workspace's.
    pub fn calendar(&self, conv: &ConvRow) -> Option<HoursScope> {
        let known = |s: HoursScope| self.rows.hours.iter().any(|(x, _)| *x == s).then_some(s);
        let group = self.target_group(conv.group).and_then(|g| known(HoursScope::Group(g)));
        let channel = known(HoursScope::Channel(conv.channel));
        group.or(channel).or(known(HoursScope::Workspace))
    }

    pub fn hours_of(&self, conv: &ConvRow) -> Hours {
        let scope = self.calendar(conv);
        let found = self.rows.hours.iter().find(|(s, _)| Some(*s) == scope);
        found.map_or(Hours::Always, |(_, h)| h.clone())
    }

    /// Whether anything is given automatically.
    fn assigns(&self, conv: &ConvRow) -> bool {
        self.policy_of(conv).enabled && is_open(&self.hours_of(conv), self.now())
    }

    /// When its time may run again.
    pub fn runs_from(&self, conv: &ConvRow) -> Ms {
        let group = self.target_group(conv.group);
        let pauses = self.rows.pauses.iter();
        let its = pauses
            .filter(|(g, _)| g.is_none() || *g == group)
            .map(|(_, until)| *until);
        its.max().unwrap_or(Ms(i64::MIN))
    }

    /// What waits for these hours can be given now.
    pub fn opens(&mut self, is_its: impl Fn(&Self, &ConvRow) -> bool) {
        let convs = self.rows.convs.iter().filter(|c| c.place == Place::Waiting);
        let enabled = |c: &&ConvRow| is_its(self, c) && self.policy_of(c).enabled;
        let released: Vec<_> = convs.filter(enabled).cloned().collect();
        if self.rows.policy.ramp.initial > 0 {
            let from = self.now();
            let takes = |a: &&AgentRow| released.iter().any(|c| self.fit(a, c) != Fit::Never);
            let there: Vec<_> = self.rows.agents.iter().filter(takes).cloned().collect();
            for agent in there {
                self.agent_mut(agent.agent).keep.ramp = Some(Ramp { from, base: agent.load });
            }
        }
    }

    pub fn wants_clock(&self, c: &ConvRow) -> bool {
        let p = self.policy_of(c);
        let asked = p.scope == ReplyScope::EveryTurn || c.keep.answers == 0;
        p.enabled && p.reassign_seconds.is_some() && c.phase == Some(Phase::Unanswered) && c.anchor.is_some() && asked
    }

    pub fn clock_from(&self, c: &ConvRow, start: Ms) -> Option<Ms> {
        if self.wants_clock(c) {
            self.add_open(c, start.max(self.runs_from(c)), answer_ms(self.policy_of(c), c.round))
        } else {
            None
        }
    }

    pub fn clock(&self, c: &ConvRow) -> Option<Ms> {
        let start = c.anchor.unwrap_or_default().max(c.assigned_at.unwrap_or_default());
        self.clock_from(c, start)
    }

    // Ownership.

    pub fn held(&self, old: &ConvRow, to: AgentId, origin: Origin) -> ConvRow {
        let mut c = old.clone();
        c.epoch.0 += 1;
        c.place = Place::Held;
        c.owner = Some(to);
        c.phase = Some(if c.anchor.is_some() {
            Phase::Unanswered
        } else {
            Phase::Answered
        });
        (c.exhausted, c.waiting_since, c.assigned_at) = (false, None, Some(self.now()));
        (c.reserved_for, c.reserved_until) = (None, None);
        c.keep = kept(&old.keep);
        c.keep.origin = Some(origin);
        c.rotate_at = self.clock(&c);
        c
    }

    pub fn waiting(&self, old: &ConvRow) -> ConvRow {
        let mut c = old.clone();
        c.epoch.0 += 1;
        c.place = Place::Waiting;
        (c.owner, c.phase, c.rotate_at, c.assigned_at) = (None, None, None, None);
        (c.exhausted, c.waiting_since) = (false, Some(self.now()));
        (c.reserved_for, c.reserved_until) = (None, None);
        c.keep = kept(&old.keep);
        c
    }

    /// An automatic assignment: it costs a turn.
    fn give(&mut self, act: Act, old: &ConvRow, row: ConvRow, to: AgentId) {
        self.change(act, old, row);
        self.rows.head.stamp += 1;
        let (stamp, now) = (self.rows.head.stamp, self.now());
        let weighted = self.weighted();
        let agent = self.agent_mut(to);
        agent.stamp = stamp;
        if weighted {
            agent.keep.served += 465_585_120 / u64::from(agent.weight);
        }
        agent.keep.last_assigned_at = Some(now);
    }

    fn rotate(&mut self, old: &ConvRow, round: u8, missed: Vec<AgentId>, to: AgentId) {
        let base = ConvRow {
            round,
            missed,
            moves: old.moves + 1,
            ..old.clone()
        };
        let mut row = self.held(&base, to, Origin::Rotated);
        row.keep.previous = old.owner;
        self.give(Act::Rotate, old, row, to);
    }

    /// Serves the least key of everything that can be served, again and again.
    fn dispatch(&mut self) {
        self.lift();
        loop {
            let mut least: Option<((Ms, ConversationId), ConvRow, AgentId)> = None;
            for c in &self.rows.convs {
                let alive = self
                    .alive
                    .and_then(|a| self.agent(a))
                    .filter(|a| self.fit(a, c) == Fit::Room);
                let to = match c.place {
                    _ if !self.assigns(c) => None,
                    Place::Waiting if c.keep.stale => None,
                    Place::Waiting if c.exhausted => alive.map(|a| a.agent),
                    Place::Waiting => self.best(c, &c.missed, false),
                    _ if c.keep.overdue => self.best(c, &with_owner(c), true),
                    _ => None,
                };
                let key = (counts_since(c), c.conv);
                if let Some(to) = to
                    && least.as_ref().is_none_or(|(k, ..)| key < *k)
                {
                    least = Some((key, c.clone(), to));
                }
            }
            let Some((_, old, to)) = least else {
                self.alive = None;
                return;
            };
            if old.place == Place::Held {
                self.rotate(&old, old.round, with_owner(&old), to);
            } else if old.exhausted {
                self.alive = None;
                let fresh = ConvRow {
                    round: 0,
                    missed: Vec::new(),
                    ..old.clone()
                };
                let row = self.held(&fresh, to, Origin::Preferred);
                self.give(Act::Assign, &old, row, to);
            } else {
                let origin = match (old.reserved_for, old.keep.origin) {
                    (None, _) => Origin::Dispatched,
                    (_, Some(Origin::Transferred)) => Origin::Transferred,
                    _ => Origin::Preferred,
                };
                let row = self.held(&old, to, origin);
                self.give(Act::Assign, &old, row, to);
            }
        }
    }

    // Time.

    fn settle(&mut self) {
        loop {
            self.find_groups();
            self.dispatch();
            // The least instant, then rotations, reservations and graces, each by id.
            let mut due: Vec<(Ms, u8, i64)> = Vec::new();
            for c in &self.rows.convs {
                due.extend(c.rotate_at.map(|at| (at, 0, c.conv.0)));
                due.extend(c.reserved_until.map(|at| (at, 1, c.conv.0)));
            }
            due.extend(
                self.rows
                    .agents
                    .iter()
                    .filter_map(|a| Some((a.keep.gone_due?, 2, a.agent.0))),
            );
            let agents = self.rows.agents.iter();
            due.extend(agents.filter_map(|a| Some((a.keep.cooling_until?, 3, a.agent.0))));
            for c in &self.rows.convs {
                due.extend(self.wakes(c).into_iter().map(|(at, what)| (at, what, c.conv.0)));
            }
            let Some((_, what, id)) = due.into_iter().min().filter(|(at, ..)| *at <= self.now()) else {
                return;
            };
            match what {
                0 => self.expire(&self.conv(ConversationId(id)).expect("just seen")),
                1 => {
                    let old = self.conv(ConversationId(id)).expect("just seen");
                    let mut row = ConvRow {
                        reserved_for: None,
                        reserved_until: None,
                        ..old.clone()
                    };
                    row.keep.origin = None;
                    (row.keep.asked_since, row.keep.step_since) = (Some(self.now()), Some(self.now()));
                    self.came.push(old.conv);
                    self.change(Act::Unreserve, &old, row);
                }
                2 => self.gone(AgentId(id)),
                5.. => self.waited(what, &self.conv(ConversationId(id)).expect("just seen")),
                _ => self.agent_mut(AgentId(id)).keep.cooling_until = None,
            }
        }
    }

    /// The steps of pacing between two instants.
    fn pace(&mut self, before: Ms) {
        let rule = self.rows.policy.ramp;
        let interval = i64::from(rule.interval_seconds) * 1_000;
        for agent in self.rows.agents.clone() {
            let Some(Ramp { from, .. }) = agent.keep.ramp.filter(|_| rule.initial > 0 && interval > 0) else {
                continue;
            };
            let next = from.0 + ((before.0 - from.0).max(0) / interval + 1) * interval;
            if next > self.now().0 {
                continue;
            }
            let allowed = self.paced_to(&agent, Ms(next - 1)).expect("paced");
            let idle = allowed.saturating_sub(agent.load) >= rule.initial;
            let limits = self.policies_of(&agent).into_iter().map(|p| agent.limit.or(p.limit));
            let most = limits.map(|l| l.unwrap_or(u32::MAX)).max().expect("one at least");
            let whole = self.paced_to(&agent, self.now()).expect("paced") >= most;
            let kept = self.is_there(&agent) || agent.keep.gone_due.is_some();
            if idle || whole || !kept {
                self.agent_mut(agent.agent).keep.ramp = None;
            }
        }
    }

    fn expire(&mut self, old: &ConvRow) {
        // A group that lives again brings its own policy, and that may want no clock.
        if !self.wants_clock(old) {
            let rotate_at = None;
            return self.put(ConvRow {
                rotate_at,
                ..old.clone()
            });
        }
        let owner = self.agent(old.owner.expect("held")).expect("known");
        self.strike(&owner, old);
        if self.give_back(old) {
            return;
        }
        let owner = self.agent(owner.agent).expect("known");
        let policy = self.policy_of(old).clone();
        let whole = answer_ms(&policy, 0);
        let works = |a: &&AgentRow| a.keep.worked_at.is_some_and(|at| self.now().0 - at.0 < whole);
        let team: Vec<_> = self.rows.agents.iter().filter(works).collect();
        let mut replies: Vec<i64> = team.iter().filter_map(|a| a.keep.reply_ms).collect();
        replies.sort_unstable();
        if works(&&owner) && !replies.is_empty() {
            let armed = |c: &&ConvRow| c.rotate_at.is_some() && team.iter().any(|a| c.owner == Some(a.agent));
            let held = self.rows.convs.iter().filter(armed).count();
            let of = |n: usize| i64::try_from(n).expect("few");
            if of(held) * replies[(replies.len() - 1) / 2] > whole * of(team.len()) {
                let mut row = old.clone();
                row.keep.guarded = true;
                row.rotate_at = self.clock_from(&row, self.now());
                return self.change(Act::Keep, old, row);
            }
        }
        let missed = with_owner(old);
        if let Some(to) = self.best(old, &missed, true) {
            return self.rotate(old, old.round, missed, to);
        }
        let others = || {
            self.rows
                .agents
                .iter()
                .filter(|a| a.agent != owner.agent && self.fit(a, old) != Fit::Never)
        };
        let busy = others().any(|a| !missed.contains(&a.agent));
        let had_it = others().any(|a| missed.contains(&a.agent));
        let mut row = old.clone();
        let mut full = busy;
        if !busy && had_it {
            if old.round + 1 >= policy.rounds {
                let mut gone = self.waiting(old);
                gone.exhausted = true;
                gone.missed.clear();
                gone.keep.previous = old.owner;
                return self.change(Act::Exhaust, old, gone);
            }
            (row.round, row.missed) = (old.round + 1, Vec::new());
            if let Some(to) = self.best(old, &[owner.agent], true) {
                return self.rotate(old, row.round, Vec::new(), to);
            }
            full = true;
        }
        let any = policy.presence == PresenceRule::Any;
        let owner_can = available(&owner, &policy);
        let keeps = if full {
            owner.active && (any || owner.keep.presence != Presence::Gone)
        } else {
            owner_can || any
        };
        let last = policy.rounds.saturating_sub(1);
        if !keeps {
            let mut gone = self.waiting(&row);
            gone.round = (row.round + 1).min(last);
            gone.missed.clear();
            gone.keep.previous = old.owner;
            return self.change(Act::Release, old, gone);
        }
        let again = full || row.round < last;
        if !full {
            row.round = (row.round + 1).min(last.max(row.round));
            row.missed.clear();
        }
        row.missed = with_owner(&row);
        row.keep.overdue = true;
        row.rotate_at = if again { self.clock_from(&row, self.now()) } else { None };
        self.change(Act::Keep, old, row);
    }

    pub fn is_gone(&self, agent: AgentId, conv: &ConvRow) -> bool {
        let p = self.policy_of(conv);
        let gone = |a: AgentRow| a.keep.presence == Presence::Gone && a.keep.gone_due.is_none();
        p.enabled && p.presence == PresenceRule::Online && self.agent(agent).is_some_and(gone)
    }

    pub fn owes_first(c: &ConvRow) -> bool {
        c.anchor.is_some() && c.keep.answers == 0 && c.phase == Some(Phase::Unanswered)
    }

    fn gone(&mut self, agent: AgentId) {
        let keep = &mut self.agent_mut(agent).keep;
        (keep.gone_due, keep.ramp) = (None, None);
        for c in self.rows.convs.clone().iter().filter(|c| c.owner == Some(agent)) {
            let moves = match self.policy_of(c).on_gone {
                _ if !self.is_gone(agent, c) => false,
                OnGone::Keep => false,
                OnGone::Unanswered | OnGone::OnCustomerMessage => Self::owes_first(c),
                OnGone::All => true,
            };
            if moves {
                self.requeue(c);
            }
        }
    }

    /// Back to who lent it.
    fn give_back(&mut self, old: &ConvRow) -> bool {
        let Some(to) = old.keep.return_to.and_then(|a| self.agent(a)) else {
            return false;
        };
        let may = to.channels.as_ref().is_none_or(|c| c.contains(&old.channel));
        let below = self.hard_cap(&to, old).is_none_or(|cap| to.load < cap);
        if !may || !below || !available(&to, self.policy_of(old)) {
            return false;
        }
        let mut row = self.held(old, to.agent, Origin::Returned);
        row.missed = with_owner(old).into_iter().filter(|a| *a != to.agent).collect();
        row.keep.previous = old.owner;
        self.change(Act::Return, old, row);
        true
    }

    pub fn requeue(&mut self, old: &ConvRow) {
        if self.give_back(old) {
            return;
        }
        let mut row = self.waiting(old);
        self.new_round_if_stuck(&mut row, Vec::new());
        self.change(Act::Requeue, old, row);
    }

    /// When everybody who could have it has missed it, a new round begins for all but `out`.
    pub fn new_round_if_stuck(&self, row: &mut ConvRow, out: Vec<AgentId>) {
        let fits = |a: &AgentRow| self.fit(a, row) != Fit::Never && !row.missed.contains(&a.agent);
        if !self.rows.agents.iter().any(fits) && row.missed.iter().any(|a| !out.contains(a)) {
            row.round = (row.round + 1).min(self.policy_of(row).rounds.saturating_sub(1));
            row.missed = out;
        }
    }

    fn amnesty(&mut self, lost_ms: i64) {
        if lost_ms <= 30_000 {
            return;
        }
        let start = Ms(self.now().0 - lost_ms);
        let now = self.now();
        for mut agent in self.rows.agents.clone() {
            let armed = |c: &&ConvRow| c.owner == Some(agent.agent) && c.rotate_at.is_some();
            if self.rows.convs.iter().any(|c| armed(&c)) {
                agent.keep.life_at = agent.keep.life_at.map(|at| Ms((at.0 + lost_ms).min(now.0)));
                let id = agent.agent;
                *self.agent_mut(id) = agent;
            }
        }
        for mut c in self.rows.convs.clone() {
            if let Some(at) = c.rotate_at {
                let paused = self.runs_from(&c);
                let left = self.open_between(&self.hours_of(&c), start.max(paused), at);
                c.rotate_at = self.add_open(&c, now.max(paused), left);
                self.put(c);
            }
        }
        self.lines.push((Act::Amnesty, None, None, None, Epoch(0), Epoch(0)));
    }

    #[expect(clippy::unused_self, reason = "reads like the other clocks")]
    pub fn open_between(&self, hours: &Hours, from: Ms, to: Ms) -> i64 {
        match hours {
            Hours::Always => (to.0 - from.0).max(0),
            Hours::Spans(spans) => spans
                .iter()
                .map(|(s, e)| (e.0.min(to.0) - s.0.max(from.0)).max(0))
                .sum(),
        }
    }

    pub fn arrive(&self, conv: ConversationId, x: &Arrival) -> ConvRow {
        ConvRow {
            conv,
            customer: x.customer,
            channel: x.channel,
            group: x.group,
            epoch: self
                .gone
                .iter()
                .rev()
                .find(|(c, _)| *c == conv)
                .map_or(x.epoch, |(_, e)| *e),
            place: Place::Waiting,
            owner: None,
            phase: None,
            anchor: x.anchor,
            rotate_at: None,
            round: 0,
            exhausted: false,
            waiting_since: Some(self.now()),
            assigned_at: None,
            reserved_for: None,
            reserved_until: None,
            missed: Vec::new(),
            moves: 0,
            transfers: 0,
            keep: ConvKeep {
                needs: x.needs.clone(),
                priority_minutes: x.priority_minutes,
                window_ends: x.window_ends,
                window_step: x.window_ends.map_or(0, |ends| near(ends, self.now())),
                ..ConvKeep::default()
            },
        }
    }
}

pub fn is_open(hours: &Hours, at: Ms) -> bool {
    match hours {
        Hours::Always => true,
        Hours::Spans(spans) => spans.iter().any(|(from, to)| *from <= at && at < *to),
    }
}

/// Active, not excluded, and there when the policy asks for it.
pub fn available(agent: &AgentRow, policy: &Policy) -> bool {
    let there = policy.presence == PresenceRule::Any || agent.keep.presence.is_online();
    agent.active && !policy.excluded.contains(&agent.agent) && there && agent.keep.cooling_until.is_none()
}

pub fn answer_ms(policy: &Policy, round: u8) -> i64 {
    let factor = 2_i64.pow(u32::from(round));
    i64::from(policy.reassign_seconds.unwrap_or(0)) * 1_000 * factor
}

/// What stays of what is kept when the owner changes.
fn kept(keep: &ConvKeep) -> ConvKeep {
    ConvKeep {
        origin: None,
        answers: 0,
        extended: false,
        overdue: false,
        guarded: false,
        stale: false,
        return_to: None,
        step_since: None,
        asked_since: None,
        waited_out: false,
        level: 0,
        ..keep.clone()
    }
}

/// How many of four hours, two hours and one hour before the end have passed.
pub fn near(ends: Ms, now: Ms) -> u8 {
    [4, 2, 1]
        .into_iter()
        .map(|hours| u8::from(ends.0 - hours * 3_600_000 <= now.0))
        .sum()
}

/// The time since which it counts as waiting.
fn counts_since(c: &ConvRow) -> Ms {
    let near = [0, 60, 240, 1_440][usize::from(c.keep.window_step)];
    let minutes = c.keep.priority_minutes + c.keep.raised_minutes + near;
    Ms(c.anchor.or(c.waiting_since).unwrap_or_default().0 - i64::from(minutes) * 60_000)
}

/// Who missed it, with the owner; ascending.
pub fn with_owner(c: &ConvRow) -> Vec<AgentId> {
    let mut missed: Vec<_> = c.missed.iter().copied().chain(c.owner).collect();
    missed.sort();
    missed.dedup();
    missed
}
