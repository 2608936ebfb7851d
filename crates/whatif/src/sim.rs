//! The play: customers who arrive, agents who answer one chat at a time, and the real engine between them.

use crate::chance::{Chance, Span};
use crate::measure::{AgentRun, Run};
use ronda_domain::conversation::{CloseReason, Place};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, Ms};
use ronda_routing::{Act, Arrival, Epoch, Fact, Input, Notice, Outcome, Presence, Rows, State, step};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// Seconds between two signs of typing, as clients send them.
const TYPING_MS: i64 = 5_000;

/// How fast an agent answers, by how many chats they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    /// First replies: from this load on, this long. Ascending, the first at 0.
    pub first: Vec<(u32, Span)>,
    /// Later replies, the same way.
    pub later: Vec<(u32, Span)>,
    /// What reading a chat that somebody else had costs besides.
    pub reread_ms: i64,
    /// Whether that is paid again for each move it made.
    pub reread_adds_up: bool,
}

impl Pace {
    /// The same whatever the load: a fixed part and an exponential one, nothing for reading again.
    #[must_use]
    pub fn steady(fixed: i64, mean: i64) -> Self {
        let span = Span::Exponential { fixed, mean };
        Self {
            first: vec![(0, span.clone())],
            later: vec![(0, span)],
            reread_ms: 0,
            reread_adds_up: false,
        }
    }

    fn span(&self, first: bool, load: u32) -> Option<&Span> {
        let table = if first { &self.first } else { &self.later };
        let at = table.partition_point(|(from, _)| *from <= load);
        table.get(at.saturating_sub(1)).map(|(_, span)| span)
    }
}

/// An agent as a person: when they really work, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    pub agent: AgentId,
    /// When they look at their chats, whatever their state says. Ascending, disjoint.
    pub attends: Vec<(Ms, Ms)>,
    pub pace: Pace,
    /// How long after being set away they click themselves back, while they attend.
    pub returns_ms: i64,
}

/// A conversation as its customer lives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The first message.
    pub at: Ms,
    pub customer: CustomerId,
    pub channel: ChannelAccountId,
    pub group: Option<GroupId>,
    /// How long the customer waits for a first reply before giving up; none waits for ever.
    pub patience: Option<i64>,
    /// After each answer but the last: how long until the customer writes again.
    pub pauses: Vec<i64>,
    /// After the last answer: how long until the agent closes it; none leaves it open.
    pub closes_after: Option<i64>,
    /// Whether it counts in the figures (chats of the warm-up do not).
    pub measured: bool,
}

/// Everything a run needs. Chats get the ids 1, 2, … in their order.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The workspace at the start, without conversations.
    pub rows: Rows,
    pub workers: Vec<Worker>,
    /// Ascending by time.
    pub chats: Vec<Chat>,
    /// What else the engine is told, and when: shifts, policies, hours.
    pub facts: Vec<(Ms, Fact)>,
    pub until: Ms,
    /// Waits are counted from here at the earliest: who writes at night waits from the opening.
    pub counts_from: Ms,
    /// Makes the engine forget who is at work, so that its saturation guard never holds a chat back: a rotation
    /// without judgement, to compare with. No product setting does this.
    pub without_guard: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Told(usize),
    Arrives(usize),
    Attends(usize, bool),
    Types { worker: usize, task: u64 },
    Done { worker: usize, task: u64 },
    WritesAgain(usize),
    Closes(usize),
    GivesUp(usize),
    Back(usize),
}

#[derive(Clone, Debug, Default)]
struct Live {
    owner: Option<AgentId>,
    epoch: Epoch,
    /// Since when the customer waits for an answer.
    owed: Option<Ms>,
    answers: usize,
    moves: u32,
    first_reply: Option<Ms>,
    gone: bool,
    over: bool,
}

#[derive(Clone, Debug, Default)]
struct Desk {
    attends: bool,
    /// What they hold and owe, oldest first.
    owed: BTreeSet<(Ms, usize)>,
    load: u32,
    over_limit: bool,
    /// The chat they work on.
    task: Option<usize>,
    /// Grows with each task: an event of an older one is void.
    number: u64,
    assigned: u32,
    answered: u32,
    missed: u32,
    benched: bool,
}

/// Plays `setup` with `seed`. `watch` sees the engine after every step.
pub fn run(setup: &Setup, seed: u64, watch: &mut dyn FnMut(&State, &Outcome)) -> Run {
    let mut play = Play::new(setup, seed);
    while let Some(at) = play.next() {
        if at > setup.until {
            break;
        }
        play.turn(at, watch);
    }
    play.finish()
}

struct Play<'a> {
    setup: &'a Setup,
    state: State,
    chance: Chance,
    queue: BinaryHeap<Reverse<(Ms, u64, usize)>>,
    events: Vec<Event>,
    chats: Vec<Live>,
    desks: Vec<Desk>,
    of_agent: BTreeMap<AgentId, usize>,
    now: Ms,
    /// The last time the engine was told that time passed, so that it cannot ask for the same instant for ever.
    ticked: Option<Ms>,
    run: Run,
}

impl<'a> Play<'a> {
    fn new(setup: &'a Setup, seed: u64) -> Self {
        let state = State::from_rows(setup.rows.clone());
        let start = state.head().at;
        let mut play = Self {
            setup,
            chance: Chance::new(seed),
            queue: BinaryHeap::new(),
            events: Vec::new(),
            chats: vec![Live::default(); setup.chats.len()],
            desks: vec![Desk::default(); setup.workers.len()],
            of_agent: setup.workers.iter().enumerate().map(|(i, w)| (w.agent, i)).collect(),
            state,
            now: start,
            ticked: None,
            run: Run::default(),
        };
        for (i, (at, _)) in setup.facts.iter().enumerate() {
            play.at(*at, Event::Told(i));
        }
        for (i, worker) in setup.workers.iter().enumerate() {
            for (from, to) in &worker.attends {
                play.at(*from, Event::Attends(i, true));
                play.at(*to, Event::Attends(i, false));
            }
        }
        for (i, chat) in setup.chats.iter().enumerate() {
            play.at(chat.at, Event::Arrives(i));
            if let Some(patience) = chat.patience {
                play.at(chat.at.plus(patience), Event::GivesUp(i));
            }
        }
        play
    }

    fn at(&mut self, at: Ms, event: Event) {
        let number = self.events.len();
        self.events.push(event);
        self.queue.push(Reverse((at, number as u64, number)));
    }

    /// When something happens next, by people or by the engine's clocks.
    fn next(&self) -> Option<Ms> {
        let event = self.queue.peek().map(|Reverse((at, ..))| *at);
        let due = self.due();
        match (event, due) {
            (Some(event), Some(due)) => Some(event.min(due)),
            (event, due) => event.or(due),
        }
    }

    fn due(&self) -> Option<Ms> {
        self.state.next_due().map(|due| match self.ticked {
            Some(ticked) if due <= ticked => ticked.plus(1),
            _ => due.max(self.now),
        })
    }

    fn turn(&mut self, at: Ms, watch: &mut dyn FnMut(&State, &Outcome)) {
        self.pass(at);
        if self.due().is_some_and(|due| due <= at) {
            self.ticked = Some(at);
            self.tell(Fact::Tick, watch);
            return;
        }
        if let Some(Reverse((_, _, number))) = self.queue.pop() {
            let event = self.events.get(number).cloned();
            if let Some(event) = event {
                self.happen(event, watch);
            }
        }
    }

    fn pass(&mut self, at: Ms) {
        let over = self.desks.iter().filter(|d| d.over_limit).count();
        let passed = at.since(self.now).max(0);
        self.run.over_limit_ms += passed * i64::try_from(over).unwrap_or_default();
        self.now = self.now.max(at);
    }

    fn happen(&mut self, event: Event, watch: &mut dyn FnMut(&State, &Outcome)) {
        match event {
            Event::Told(i) => {
                if let Some((_, fact)) = self.setup.facts.get(i) {
                    self.tell(fact.clone(), watch);
                }
            }
            Event::Arrives(i) => self.arrives(i, watch),
            Event::Attends(worker, attends) => {
                if let Some(desk) = self.desks.get_mut(worker) {
                    desk.attends = attends;
                    if !attends {
                        desk.task = None;
                        desk.number += 1;
                    }
                }
                self.work(worker);
            }
            Event::Types { worker, task } => {
                if let Some((chat, agent)) = self.working(worker, task) {
                    let conv = id_of(chat);
                    self.tell(Fact::Typing { conv, agent }, watch);
                }
            }
            Event::Done { worker, task } => self.answers(worker, task, watch),
            Event::WritesAgain(i) => self.writes_again(i, watch),
            Event::Closes(i) => {
                let by = self.chats.get(i).and_then(|c| c.owner);
                self.closes(i, by, CloseReason::Agent, watch);
            }
            Event::GivesUp(i) => {
                if self.chats.get(i).is_some_and(|c| c.first_reply.is_none() && !c.over) {
                    if let Some(chat) = self.chats.get_mut(i) {
                        chat.gone = true;
                    }
                    self.closes(i, None, CloseReason::Inactivity, watch);
                }
            }
            Event::Back(worker) => {
                let attends = self.desks.get(worker).is_some_and(|d| d.attends);
                if let Some(w) = self.setup.workers.get(worker).filter(|_| attends) {
                    let fact = Fact::Presence {
                        agent: w.agent,
                        now: Presence::Online,
                        since: self.now,
                    };
                    self.tell(fact, watch);
                }
            }
        }
    }

    fn arrives(&mut self, i: usize, watch: &mut dyn FnMut(&State, &Outcome)) {
        let Some(chat) = self.setup.chats.get(i) else { return };
        if let Some(live) = self.chats.get_mut(i) {
            live.owed = Some(chat.at);
        }
        let arrival = Arrival {
            group: chat.group,
            anchor: Some(chat.at),
            prefer: None,
            ..Arrival::of(chat.customer, chat.channel, Epoch(1))
        };
        let conv = id_of(i);
        self.tell(Fact::HandedOff { conv, arrival }, watch);
    }

    /// The chat and the agent of a task that is still under way.
    fn working(&self, worker: usize, task: u64) -> Option<(usize, AgentId)> {
        let desk = self.desks.get(worker).filter(|d| d.number == task)?;
        Some((desk.task?, self.setup.workers.get(worker)?.agent))
    }

    fn answers(&mut self, worker: usize, task: u64, watch: &mut dyn FnMut(&State, &Outcome)) {
        let Some((i, agent)) = self.working(worker, task) else {
            return;
        };
        let (now, mut next) = (self.now, None);
        let mut seen = Epoch::default();
        if let (Some(live), Some(chat)) = (self.chats.get_mut(i), self.setup.chats.get(i)) {
            seen = live.epoch;
            if live.first_reply.is_none() {
                live.first_reply = Some(now);
                if let Some(desk) = self.desks.get_mut(worker).filter(|_| chat.measured) {
                    desk.answered += 1;
                }
            }
            next = match chat.pauses.get(live.answers) {
                Some(pause) => Some((now.plus(*pause), Event::WritesAgain(i))),
                None => chat.closes_after.map(|after| (now.plus(after), Event::Closes(i))),
            };
            live.answers += 1;
        }
        if let Some((at, event)) = next {
            self.at(at, event);
        }
        self.owes(i, None);
        if let Some(desk) = self.desks.get_mut(worker) {
            desk.task = None;
            desk.number += 1;
        }
        let conv = id_of(i);
        self.tell(Fact::AgentSaid { conv, agent, seen }, watch);
        self.work(worker);
    }

    fn writes_again(&mut self, i: usize, watch: &mut dyn FnMut(&State, &Outcome)) {
        if self.chats.get(i).is_some_and(|c| c.over) {
            return;
        }
        self.owes(i, Some(self.now));
        let (conv, at) = (id_of(i), self.now);
        self.tell(
            Fact::CustomerSaid {
                conv,
                at,
                window_ends: None,
            },
            watch,
        );
        if let Some(worker) = self.worker_of(i) {
            self.work(worker);
        }
    }

    fn closes(&mut self, i: usize, by: Option<AgentId>, reason: CloseReason, watch: &mut dyn FnMut(&State, &Outcome)) {
        let Some(live) = self.chats.get_mut(i).filter(|c| !c.over) else {
            return;
        };
        live.over = true;
        self.owes(i, None);
        let fact = Fact::Closed {
            conv: id_of(i),
            by,
            seen: None,
            reason,
            arrival: None,
        };
        self.tell(fact, watch);
    }

    fn worker_of(&self, i: usize) -> Option<usize> {
        let owner = self.chats.get(i)?.owner?;
        self.of_agent.get(&owner).copied()
    }

    /// Since when a customer waits, also on the desk of whoever holds it.
    fn owes(&mut self, i: usize, since: Option<Ms>) {
        let worker = self.worker_of(i);
        let Some(live) = self.chats.get_mut(i) else { return };
        let before = std::mem::replace(&mut live.owed, since);
        if let Some(desk) = worker.and_then(|w| self.desks.get_mut(w)) {
            if let Some(before) = before {
                desk.owed.remove(&(before, i));
            }
            if let Some(since) = since {
                desk.owed.insert((since, i));
            }
        }
    }

    fn tell(&mut self, fact: Fact, watch: &mut dyn FnMut(&State, &Outcome)) {
        let settings = matches!(fact, Fact::PolicySet { .. });
        let input = Input {
            seq: self.state.head().input_seq + 1,
            at: self.now,
            fact,
        };
        let outcome = step(&mut self.state, &input);
        self.run.steps += 1;
        watch(&self.state, &outcome);
        self.see(&outcome);
        if settings {
            for worker in 0..self.desks.len() {
                self.weigh(worker);
            }
        }
        if self.setup.without_guard {
            self.forget_work(&outcome);
        }
    }

    /// What the engine did becomes what people see.
    fn see(&mut self, outcome: &Outcome) {
        for d in &outcome.decisions {
            let chat = d.conversation.and_then(index_of);
            let measured = chat.and_then(|i| self.setup.chats.get(i)).is_some_and(|c| c.measured);
            if d.act == Act::Rotate {
                if let Some(live) = chat.and_then(|i| self.chats.get_mut(i)) {
                    self.run.moved_chats += u32::from(live.moves == 0 && measured);
                    live.moves += 1;
                }
                if measured {
                    self.run.moves += 1;
                    self.run.moved_at.push(self.now);
                }
            }
            let left = matches!(d.act, Act::Rotate | Act::Release | Act::Exhaust);
            if let Some(desk) = self.desk(d.from).filter(|_| left && measured) {
                desk.missed += 1;
            }
            let came = matches!(d.act, Act::Assign | Act::Rotate);
            if let Some(desk) = self.desk(d.to).filter(|_| came && measured) {
                desk.assigned += 1;
            }
            if matches!(d.act, Act::CoolDown | Act::MarkAway) {
                self.run.benches += 1;
                if let Some(desk) = self.desk(d.from) {
                    desk.benched = true;
                }
            }
        }
        for change in &outcome.agents {
            if let Some(worker) = self.of_agent.get(&change.row.agent).copied() {
                if let Some(desk) = self.desks.get_mut(worker) {
                    desk.load = change.row.load;
                }
                self.weigh(worker);
            }
        }
        let mut touched = BTreeSet::new();
        for change in &outcome.convs {
            let Some(i) = index_of(change.row.conv) else { continue };
            let owner = change.row.owner.filter(|_| change.row.place == Place::Held);
            let owed = self.chats.get(i).and_then(|c| c.owed);
            touched.extend(self.worker_of(i));
            self.owes(i, None);
            if let Some(live) = self.chats.get_mut(i) {
                live.owner = owner;
                live.epoch = change.row.epoch;
            }
            self.owes(i, owed);
            touched.extend(self.worker_of(i));
        }
        for notice in &outcome.notices {
            if let Notice::MarkAway { agent, .. } = notice {
                self.marked_away(*agent);
            }
        }
        for worker in touched {
            self.work(worker);
        }
    }

    /// What the shell does with the notice: the agent is away until they click themselves back.
    fn marked_away(&mut self, agent: AgentId) {
        let (now, fact) = (self.now, Presence::Away);
        let since = now;
        let mut away = None;
        if let Some(worker) = self.of_agent.get(&agent).copied() {
            away = self.setup.workers.get(worker).map(|w| (worker, w.returns_ms));
        }
        let seq = self.state.head().input_seq + 1;
        let fact = Fact::Presence {
            agent,
            now: fact,
            since,
        };
        let outcome = step(&mut self.state, &Input { seq, at: now, fact });
        self.run.steps += 1;
        self.see(&outcome);
        if let Some((worker, after)) = away {
            self.at(now.plus(after), Event::Back(worker));
        }
    }

    fn desk(&mut self, agent: Option<AgentId>) -> Option<&mut Desk> {
        let worker = self.of_agent.get(&agent?).copied()?;
        self.desks.get_mut(worker)
    }

    fn weigh(&mut self, worker: usize) {
        let Some(agent) = self.setup.workers.get(worker).map(|w| w.agent) else {
            return;
        };
        let limit = self.state.limit(agent);
        if let Some(desk) = self.desks.get_mut(worker) {
            desk.over_limit = limit.is_some_and(|l| desk.load > l);
        }
    }

    /// Who is free takes the oldest chat they owe an answer; who works on something that moved away drops it.
    fn work(&mut self, worker: usize) {
        let (Some(desk), Some(w)) = (self.desks.get_mut(worker), self.setup.workers.get(worker)) else {
            return;
        };
        if let Some(task) = desk.task {
            let still = self
                .chats
                .get(task)
                .is_some_and(|c| c.owner == Some(w.agent) && c.owed.is_some());
            if still {
                return;
            }
            desk.task = None;
            desk.number += 1;
        }
        if !desk.attends {
            return;
        }
        let Some((_, i)) = desk.owed.first().copied() else {
            return;
        };
        let Some(live) = self.chats.get(i) else { return };
        desk.task = Some(i);
        desk.number += 1;
        let number = desk.number;
        let Some(span) = w.pace.span(live.answers == 0, desk.load) else {
            return;
        };
        // The same chat takes the same agent the same time, whoever else draws before.
        let mut chance = self
            .chance
            .part((i as u64) << 24 | (worker as u64) << 8 | live.answers as u64 & 0xff);
        let whole = span.draw(&mut chance);
        let moves = if live.answers > 0 { 0 } else { live.moves };
        let times = if w.pace.reread_adds_up { moves } else { moves.min(1) };
        let extra = w.pace.reread_ms.saturating_mul(i64::from(times));
        let reading = span.reading(whole).saturating_add(extra);
        let whole = whole.saturating_add(extra).max(1);
        let now = self.now;
        let mut typing = reading;
        while typing < whole {
            let task = number;
            self.at(now.plus(typing), Event::Types { worker, task });
            typing += TYPING_MS;
        }
        self.at(now.plus(whole), Event::Done { worker, task: number });
    }

    /// Without the time of their last work, the engine holds nobody for a team at work (row 14).
    fn forget_work(&mut self, outcome: &Outcome) {
        for change in &outcome.agents {
            if let Some(row) = self
                .state
                .agent(change.row.agent)
                .filter(|a| a.keep.worked_at.is_some())
            {
                let mut row = row.clone();
                row.keep.worked_at = None;
                self.state.put_agent(row);
            }
        }
    }

    fn finish(mut self) -> Run {
        let ends = self.setup.until;
        self.pass(ends);
        for (live, chat) in self.chats.iter().zip(&self.setup.chats).filter(|(_, c)| c.measured) {
            self.run.chats += 1;
            match live.first_reply {
                Some(at) => self.run.first_reply.push(at.since(chat.at.max(self.setup.counts_from))),
                None if live.gone => self.run.abandoned += 1,
                None => self.run.never += 1,
            }
        }
        self.run.first_reply.sort_unstable();
        self.run.benched_agents = u32::try_from(self.desks.iter().filter(|d| d.benched).count()).unwrap_or(u32::MAX);
        let people = self.setup.workers.iter().zip(&self.desks);
        self.run.agents = people
            .map(|(w, d)| AgentRun {
                agent: w.agent,
                assigned: d.assigned,
                answered: d.answered,
                missed: d.missed,
            })
            .collect();
        self.run
    }
}

/// The conversation of a chat.
fn id_of(chat: usize) -> ConversationId {
    ConversationId(i64::try_from(chat).unwrap_or(i64::MAX).saturating_add(1))
}

fn index_of(conv: ConversationId) -> Option<usize> {
    usize::try_from(conv.0).ok()?.checked_sub(1)
}
