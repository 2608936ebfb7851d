//! A long life of the assignment engine in a short time: a team, its customers, and everything that goes wrong, from one
//! seed. What the engine reports is written to rows as the shell writes it; a crash throws the engine away and begins again
//! from those rows. Rules are looked at after every step, whole states every so often, and a second life of the same seed
//! without any crash must end with the same hash.

use crate::Numbers;
use anyhow::{Result, bail, ensure};
use ronda_domain::conversation::{CloseReason, Phase, Place};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, Ms};
use ronda_routing::{
    Act, AgentRow, Answer, Arrival, ConvRow, Decision, Epoch, Fact, GroupRow, Head, Hours, HoursScope, Input, OnGone,
    Outcome, Policy, PolicyScope, Presence, PresenceRule, Profile, RampRule, Reach, Reason, ReplyScope, Rows, State,
    Strategy, Target, check,
};
use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

const AGENTS: i64 = 40;
/// The last of them has two members: in it, everybody has soon missed a chat.
const GROUPS: i64 = 5;
const CHANNELS: i64 = 3;
/// Conversations that are live at once, at most.
const LIVE: usize = 400;
const START: Ms = Ms(1_800_000_000_000);
/// What is remembered to be sent once more, or late.
const REMEMBERED: usize = 64;

/// How a life is lived.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pub events: u64,
    pub seed: u64,
    /// The whole state is looked at once in so many events.
    pub look_every: u64,
    /// Whether the engine crashes: it changes nothing.
    pub crashes: bool,
}

/// What happened in a life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub events: u64,
    pub decisions: u64,
    pub looks: u64,
    pub crashes: u64,
    /// Over everything decided, and the state at the end.
    pub hash: u64,
    pub acts: BTreeMap<Act, u64>,
}

/// The rows a shell would have stored: written from outcomes alone.
struct Stored {
    rows: BTreeMap<ConversationId, ConvRow>,
    agents: BTreeMap<AgentId, AgentRow>,
    groups: BTreeMap<GroupId, GroupRow>,
    policy: Policy,
    hours: BTreeMap<HoursScope, Hours>,
    head: Head,
}

impl Stored {
    fn write(&mut self, fact: &Fact, outcome: &Outcome) -> Result<()> {
        // Settings are stored by those who change them.
        match fact {
            Fact::PolicySet {
                policy: Some(policy), ..
            } => self.policy = (**policy).clone(),
            Fact::HoursSet { scope, hours } => {
                self.hours.remove(scope);
                self.hours.extend(hours.clone().map(|hours| (*scope, hours)));
            }
            Fact::GroupSet {
                group, live, default, ..
            } => {
                if *default && *live {
                    self.groups.values_mut().for_each(|g| g.default = false);
                }
                if *live {
                    self.groups.insert(*group, GroupRow::new(*group, *default));
                } else {
                    self.groups.remove(group);
                }
            }
            _ => {}
        }
        for change in &outcome.convs {
            let id = change.row.conv;
            let known = self.rows.get(&id);
            if let (Some(known), Some(_)) = (known, &change.before) {
                ensure!(known.epoch == change.seen, "{id:?}: planned on another epoch");
            }
            if matches!(change.row.place, Place::Waiting | Place::Held) {
                self.rows.insert(id, change.row.clone());
            } else {
                self.rows.remove(&id);
            }
        }
        for change in &outcome.agents {
            let load = self.agents.get(&change.row.agent).map_or(0, |a| i64::from(a.load));
            ensure!(
                change.delta <= 0 || load + change.delta <= change.guard,
                "the capacity guard stops its own plan: {change:?}"
            );
            self.agents.insert(change.row.agent, change.row.clone());
        }
        self.head = outcome.head;
        Ok(())
    }

    fn rows(&self) -> Rows {
        Rows {
            head: self.head,
            policy: self.policy.clone(),
            policies: Vec::new(),
            hours: self.hours.clone().into_iter().collect(),
            pauses: Vec::new(),
            groups: self.groups.values().copied().collect(),
            agents: self.agents.values().cloned().collect(),
            convs: self.rows.values().cloned().collect(),
        }
    }
}

struct World {
    life: Life,
    state: State,
    stored: Stored,
    /// What happens.
    chance: Numbers,
    /// When the engine crashes: drawn apart, so that a life without crashes is otherwise the same.
    fate: Numbers,
    clock: Ms,
    next: i64,
    live: Vec<ConversationId>,
    /// Facts on their way.
    late: VecDeque<Fact>,
    /// Facts that arrived, to arrive once more.
    before: VecDeque<Input>,
    report: Report,
    hasher: DefaultHasher,
    /// The last rotation: what, from whom, at which epoch.
    rotated: Option<(ConversationId, AgentId, Epoch)>,
    /// Conversations that were accepted, and that left.
    accepted: u64,
    left: u64,
}

/// Lives a life to its end.
///
/// # Errors
/// The first rule that does not hold, with the event before it.
pub fn live(life: Life) -> Result<Report> {
    let mut world = World::new(life)?;
    for n in 0..life.events {
        world
            .event(n)
            .map_err(|e| e.context(format!("event {n} of seed {}", life.seed)))?;
    }
    world.look()?;
    world.state.hash_with_head().hash(&mut world.hasher);
    world.report.hash = world.hasher.finish();
    world.report.events = life.events;
    Ok(world.report)
}

impl World {
    fn new(life: Life) -> Result<Self> {
        let policy = Policy {
            version: 1,
            limit: Some(5),
            reassign_seconds: Some(60),
            ..Policy::support()
        };
        let stored = Stored {
            rows: BTreeMap::new(),
            agents: BTreeMap::new(),
            groups: BTreeMap::new(),
            policy,
            hours: BTreeMap::new(),
            head: Head {
                at: START,
                ..Head::default()
            },
        };
        let mut world = Self {
            life,
            state: State::from_rows(stored.rows()),
            stored,
            chance: Numbers::from(life.seed),
            fate: Numbers::from(life.seed ^ 0x5eed),
            clock: START,
            next: 1,
            live: Vec::new(),
            late: VecDeque::new(),
            before: VecDeque::new(),
            report: Report::default(),
            hasher: DefaultHasher::new(),
            rotated: None,
            accepted: 0,
            left: 0,
        };
        for group in 1..=GROUPS {
            world.tell(Fact::GroupSet {
                group: GroupId(group),
                live: true,
                default: group == 1,
                heir: None,
                overflow: None,
                overflow_seconds: None,
            })?;
        }
        for agent in 1..=AGENTS {
            let profile = world.profile(agent);
            world.tell(Fact::AgentEdited {
                agent: AgentId(agent),
                profile,
            })?;
            world.tell(Fact::Presence {
                agent: AgentId(agent),
                now: Presence::Online,
                since: START,
            })?;
        }
        Ok(world)
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.chance.below(below)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.draw(n) == 0
    }

    fn agent(&mut self) -> AgentId {
        AgentId(1 + self.draw(AGENTS as u64).cast_signed())
    }

    fn conv(&mut self) -> ConversationId {
        // Sometimes one that is not there.
        if self.live.is_empty() || self.one_in(50) {
            return ConversationId(1 + self.draw(self.next.cast_unsigned()).cast_signed());
        }
        let at = self.draw(self.live.len() as u64);
        self.live[usize::try_from(at).unwrap_or(0)]
    }

    fn profile(&mut self, agent: i64) -> Profile {
        let groups = (1..=GROUPS).filter(|g| match *g {
            GROUPS => agent <= 2,
            g => g == 1 + agent % (GROUPS - 1) || self.chance.below(3) == 0,
        });
        Profile {
            groups: groups.map(GroupId).collect(),
            active: !self.one_in(30),
            channels: self.one_in(8).then(|| vec![ChannelAccountId(1)]),
            limit: self.one_in(6).then_some(3),
            weight: 1 + u32::try_from(agent % 3).unwrap_or(0),
            rank: u32::try_from(agent % 4).unwrap_or(0),
            ..Profile::default()
        }
    }

    fn arrival(&mut self, conv: i64, epoch: Epoch) -> Arrival {
        Arrival {
            group: match self.draw(10) {
                0..=3 => None,
                // One of them does not exist.
                n => Some(GroupId(n.cast_signed() - 3)),
            },
            anchor: (!self.one_in(20)).then_some(self.clock),
            prefer: self.one_in(6).then(|| AgentId(1 + conv % AGENTS)),
            priority_minutes: if self.one_in(8) { 5 } else { 0 },
            ..Arrival::of(CustomerId(conv), ChannelAccountId(1 + conv % CHANNELS), epoch)
        }
    }

    /// The next event: time goes on, something happens, and sometimes something goes wrong with it.
    fn event(&mut self, n: u64) -> Result<()> {
        self.clock = match self.draw(200) {
            0 => self.clock.plus(-30_000),
            1 => self.clock.plus(120_000),
            2 if self.one_in(40) => self.clock.plus(Ms::HOUR * 5),
            _ => self.clock.plus(self.chance.below(1_500).cast_signed()),
        };
        let fact = self.happens();
        // Settings are stored first and told in their order.
        let settings = matches!(
            fact,
            Fact::PolicySet { .. } | Fact::HoursSet { .. } | Fact::GroupSet { .. }
        );
        match self.draw(100) {
            _ if settings => self.tell(fact)?,
            // Lost.
            0 => {}
            // Late.
            1..=3 if self.late.len() < REMEMBERED => self.late.push_back(fact),
            // Twice.
            4 => {
                self.tell(fact.clone())?;
                self.tell(fact)?;
            }
            _ => self.tell(fact)?,
        }
        if self.late.len() > 8 && self.one_in(3) {
            let at = usize::try_from(self.draw(self.late.len() as u64)).unwrap_or(0);
            if let Some(fact) = self.late.remove(at) {
                self.tell(fact)?;
            }
        }
        if self.one_in(60) {
            self.repeat()?;
        }
        // One input fires a bounded number of deadlines; the shell goes on at once.
        for _ in 0..LIVE {
            if self.state.next_due().is_none_or(|due| due > self.state.head().at) {
                break;
            }
            self.tell(Fact::Tick)?;
        }
        ensure!(
            self.state.next_due().is_none_or(|due| due > self.state.head().at),
            "L4: a deadline was left behind"
        );
        if n.is_multiple_of(self.life.look_every) {
            self.look()?;
        }
        Ok(())
    }

    /// An input that was planned before comes once more under its number: nothing happens.
    fn repeat(&mut self) -> Result<()> {
        let Some(input) = self.before.front().cloned() else {
            return Ok(());
        };
        let hash = self.state.hash_with_head();
        let outcome = ronda_routing::step(&mut self.state, &input);
        ensure!(
            outcome.results == vec![(input.seq, Answer::Duplicate)] && self.state.hash_with_head() == hash,
            "S15: a repeated input changed something"
        );
        Ok(())
    }

    fn happens(&mut self) -> Fact {
        let (conv, agent) = (self.conv(), self.agent());
        let row = self.state.conv(conv).cloned();
        let owner = row.as_ref().and_then(|r| r.owner);
        let by = if self.one_in(12) { agent } else { owner.unwrap_or(agent) };
        let epoch = row.as_ref().map_or(Epoch(0), |r| r.epoch);
        let stale = Epoch(epoch.0 - i64::from(self.one_in(15)));
        let seen = (!self.one_in(4)).then_some(stale);
        let full = self.live.len() >= LIVE;
        match self.draw(1_000) {
            0..=219 if !full => {
                let conv = self.next;
                self.next += 1;
                Fact::HandedOff {
                    conv: ConversationId(conv),
                    arrival: self.arrival(conv, Epoch(1)),
                }
            }
            0..=399 => Fact::Closed {
                conv,
                by: (!self.one_in(10)).then_some(by),
                seen,
                reason: CloseReason::Agent,
                arrival: None,
            },
            400..=499 => Fact::CustomerSaid {
                conv,
                at: self.clock,
                window_ends: None,
            },
            500..=659 => Fact::AgentSaid {
                conv,
                agent: by,
                seen: stale,
            },
            660..=679 => {
                // Typing matters just before a deadline only.
                let deadline = row.as_ref().and_then(|r| r.rotate_at);
                self.clock = deadline.map_or(self.clock, |at| at.plus(-5_000)).max(self.clock);
                Fact::Typing { conv, agent: by }
            }
            680..=719 => Fact::Taken {
                conv,
                agent,
                seen,
                take_over: self.one_in(2),
                may_exceed: self.one_in(2),
                arrival: None,
            },
            720..=769 => Fact::Transferred {
                conv,
                by,
                to: match self.draw(4) {
                    0 => Target::Anyone,
                    1 => Target::Agent(agent),
                    n => Target::Group(GroupId(n.cast_signed() - 1)),
                },
                seen,
                deferred_until: self.one_in(3).then(|| self.clock.plus(90_000)),
                needs: None,
                manage_others: self.one_in(5),
                may_exceed: self.one_in(3),
                return_unanswered: self.one_in(4),
                arrival: None,
            },
            770..=784 => Fact::Declined {
                conv,
                agent: by,
                seen,
                why: "ocupada".into(),
            },
            785..=804 => Fact::Parked { conv },
            805..=824 => Fact::Woken { conv },
            825..=834 => Fact::SendFailed {
                conv,
                agent: by,
                anchor: self.one_in(2).then_some(self.clock),
            },
            835..=844 => Fact::ReturnedToBot { conv, by, seen },
            845..=852 => {
                // Of what has just been rotated, or of anything.
                let (conv, agent, seen) = self.rotated.take().unwrap_or((conv, agent, stale));
                Fact::LateReply { conv, agent, seen }
            }
            853..=864 => {
                let arrival = self.arrival(conv.0, Epoch(epoch.0 + 1));
                Fact::Reopened {
                    conv,
                    arrival,
                    reserved_for: Some(agent),
                }
            }
            865..=949 => Fact::Presence {
                agent,
                now: [Presence::Online, Presence::Online, Presence::Away, Presence::Gone]
                    [usize::try_from(self.draw(4)).unwrap_or(0)],
                since: self.clock,
            },
            950..=959 => Fact::AgentEdited {
                agent,
                profile: self.profile(agent.0),
            },
            960..=961 => Fact::PolicySet {
                scope: PolicyScope::Workspace,
                policy: Some(Box::new(self.edited())),
                reach: if self.one_in(3) { Reach::OpenToo } else { Reach::NewOnly },
            },
            962 => Fact::HoursSet {
                scope: match self.draw(4) {
                    0 => HoursScope::Group(GroupId(1)),
                    1 => HoursScope::Channel(ChannelAccountId(1)),
                    _ => HoursScope::Workspace,
                },
                hours: self.hours(),
            },
            963 => Fact::GroupSet {
                group: GroupId(GROUPS),
                live: self.one_in(2),
                default: false,
                heir: self.one_in(2).then_some(GroupId(1)),
                overflow: None,
                overflow_seconds: None,
            },
            964 => Fact::Gap {
                lost_ms: self.chance.below(600_000).cast_signed(),
            },
            _ => Fact::Tick,
        }
    }

    fn edited(&mut self) -> Policy {
        let old = self.state.policy();
        let mut policy = Policy {
            version: old.version + 1,
            ..old.clone()
        };
        match self.draw(12) {
            0 => policy.limit = [Some(3), Some(5), Some(8), None][usize::try_from(self.draw(4)).unwrap_or(0)],
            1 => {
                policy.strategy = [
                    Strategy::LeastRecent,
                    Strategy::MostSpare,
                    Strategy::Weighted,
                    Strategy::FillFirst,
                    Strategy::Ranked,
                ][usize::try_from(self.draw(5)).unwrap_or(0)];
            }
            2 => {
                policy.presence = if self.one_in(2) {
                    PresenceRule::Any
                } else {
                    PresenceRule::Online
                };
            }
            3 => {
                let who = self.agent();
                if !policy.excluded.remove(&who) && policy.excluded.len() < 5 {
                    policy.excluded.insert(who);
                }
            }
            4 => {
                policy.reassign_seconds =
                    [None, Some(60), Some(60), Some(600)][usize::try_from(self.draw(4)).unwrap_or(0)]
            }
            5 => {
                policy.scope = if self.one_in(2) {
                    ReplyScope::EveryTurn
                } else {
                    ReplyScope::FirstReply
                };
            }
            6 => {
                policy.on_gone = [OnGone::Keep, OnGone::Unanswered, OnGone::OnCustomerMessage, OnGone::All]
                    [usize::try_from(self.draw(4)).unwrap_or(0)];
            }
            7 => {
                policy.ramp = RampRule {
                    initial: u32::try_from(self.draw(4)).unwrap_or(0),
                    ..RampRule::default()
                };
            }
            8 => policy.rounds = 1 + u8::try_from(self.draw(3)).unwrap_or(0),
            9 => policy.strikes = u8::try_from(self.draw(3)).unwrap_or(0),
            10 => policy.affinity.enabled = !policy.affinity.enabled,
            _ => policy.enabled = !policy.enabled || self.one_in(4),
        }
        policy
    }

    fn hours(&mut self) -> Option<Hours> {
        if self.one_in(2) {
            return None;
        }
        let spans = (0..40).map(|n| {
            (
                self.clock.plus(n * 900_000 + 60_000),
                self.clock.plus(n * 900_000 + 700_000),
            )
        });
        Some(Hours::Spans(spans.collect()))
    }

    /// Plans a fact and writes what came of it; or dies before or after writing, and begins again from what is written.
    fn tell(&mut self, fact: Fact) -> Result<()> {
        let input = Input {
            seq: self.state.head().input_seq + 1,
            at: self.clock,
            fact,
        };
        let fate = self.fate.below(2_000);
        if self.life.crashes && fate == 0 {
            // Planned and not written: nobody ever knows.
            ronda_routing::step(&mut self.state, &input);
            self.crash();
        } else if self.life.crashes && fate < 20 {
            // Written by nobody because somebody else wrote: taken back and planned again.
            let plan = ronda_routing::step(&mut self.state, &input);
            self.state.revert(&plan);
        }
        let limits = self.limits_before(&input);
        let outcome = ronda_routing::step(&mut self.state, &input);
        self.judge(&input, &outcome, &limits)?;
        self.stored.write(&input.fact, &outcome)?;
        self.follow(&outcome);
        self.before.push_back(input);
        if self.before.len() > REMEMBERED {
            self.before.pop_front();
        }
        if self.life.crashes && fate == 1_999 {
            self.crash();
        }
        Ok(())
    }

    fn crash(&mut self) {
        self.report.crashes += 1;
        self.state = State::from_rows(self.stored.rows());
    }

    /// The limits before a step that may change them.
    fn limits_before(&self, input: &Input) -> BTreeMap<AgentId, Option<u32>> {
        let edits = matches!(input.fact, Fact::PolicySet { .. } | Fact::AgentEdited { .. });
        if !edits {
            return BTreeMap::new();
        }
        self.stored.agents.keys().map(|a| (*a, self.state.limit(*a))).collect()
    }

    /// What must be true of every step, from its outcome alone.
    fn judge(&mut self, input: &Input, outcome: &Outcome, limits: &BTreeMap<AgentId, Option<u32>>) -> Result<()> {
        let mut seq = outcome.head_before.decision_seq;
        let mut loads: BTreeMap<AgentId, u32> = BTreeMap::new();
        for d in &outcome.decisions {
            seq += 1;
            ensure!(d.seq == seq && d.cause == input.seq, "S13: {d:?}");
            ensure!(d.funnel.adds_up(), "S20: {d:?}");
            let grown = d.epoch_after == d.epoch_before || d.epoch_after == d.epoch_before.next();
            ensure!(grown, "S9: {d:?}");
            ensure!(d.act != Act::Rotate || d.from != d.to, "S8: {d:?}");
            self.limit_holds(d, &mut loads, limits)?;
            (d.seq, d.act, d.from, d.to, d.epoch_after).hash(&mut self.hasher);
            *self.report.acts.entry(d.act).or_default() += 1;
            if let (Act::Rotate, Some(conv), Some(from)) = (d.act, d.conversation, d.from) {
                self.rotated = Some((conv, from, d.epoch_before));
            }
        }
        self.report.decisions += outcome.decisions.len() as u64;
        ensure!(
            seq == outcome.head.decision_seq,
            "S13: the head is not the last decision"
        );
        for change in &outcome.convs {
            let Some(before) = &change.before else { continue };
            let now = &change.row;
            let moved = (before.place, before.owner, before.group) != (now.place, now.owner, now.group);
            ensure!(
                now.epoch >= before.epoch && (!moved || now.epoch > before.epoch),
                "S9: {change:?}"
            );
        }
        Ok(())
    }

    /// S4, S5: no decision leaves an agent with more than it may.
    fn limit_holds(
        &self,
        d: &Decision,
        loads: &mut BTreeMap<AgentId, u32>,
        limits: &BTreeMap<AgentId, Option<u32>>,
    ) -> Result<()> {
        if d.from == d.to {
            return Ok(());
        }
        let stored = |a: AgentId| self.stored.agents.get(&a).map_or(0, |a| a.load);
        if let Some(from) = d.from {
            let load = loads.entry(from).or_insert_with(|| stored(from));
            *load = load.saturating_sub(1);
        }
        let Some(to) = d.to else { return Ok(()) };
        let load = loads.entry(to).or_insert_with(|| stored(to));
        *load += 1;
        let most = |now: Option<u32>| match limits.get(&to) {
            Some(before) => now.unwrap_or(u32::MAX).max(before.unwrap_or(u32::MAX)),
            None => now.unwrap_or(u32::MAX),
        };
        let returned = matches!(d.reason, Reason::ReopenedToOwner { .. });
        if matches!(d.act, Act::Assign | Act::Rotate) && !returned {
            ensure!(*load <= most(self.state.limit(to)), "S4: {d:?} leaves {load}");
        } else if limits.is_empty() {
            ensure!(*load <= most(self.state.hard_cap(to)), "S5: {d:?} leaves {load}");
        }
        Ok(())
    }

    fn follow(&mut self, outcome: &Outcome) {
        for change in &outcome.convs {
            let live = matches!(change.row.place, Place::Waiting | Place::Held);
            let known = self.live.binary_search(&change.row.conv);
            match (live, known) {
                (true, Err(at)) => {
                    self.live.insert(at, change.row.conv);
                    self.accepted += 1;
                }
                (false, Ok(at)) => {
                    self.live.remove(at);
                    self.left += 1;
                }
                _ => {}
            }
        }
    }

    /// The whole state: its invariants, and whether it is what is stored.
    fn look(&mut self) -> Result<()> {
        self.report.looks += 1;
        if let Err(violation) = check(&self.state) {
            bail!("{violation:?}");
        }
        let rows = self.state.rows();
        let live = self.accepted - self.left;
        ensure!(
            rows.convs.len() as u64 == live,
            "S2: {} live, {live} accepted and not left",
            rows.convs.len()
        );
        for c in &rows.convs {
            let phased = (c.place == Place::Held) == c.phase.is_some();
            let armed = c.rotate_at.is_none() || c.phase == Some(Phase::Unanswered);
            ensure!(phased && armed, "S1, S10: {c:?}");
        }
        let stored = self.stored.rows();
        if rows != stored {
            if let Some((a, b)) = rows.convs.iter().zip(&stored.convs).find(|(a, b)| a != b) {
                bail!("memory {a:?}, stored {b:?}");
            }
            if let Some((a, b)) = rows.agents.iter().zip(&stored.agents).find(|(a, b)| a != b) {
                bail!("memory {a:?}, stored {b:?}");
            }
            bail!(
                "what is stored differs from memory: {:?} and {:?}",
                rows.head,
                stored.head
            );
        }
        let again = State::from_rows(stored);
        ensure!(
            again.hash_with_head() == self.state.hash_with_head(),
            "S18: another hash from the same rows"
        );
        Ok(())
    }
}
