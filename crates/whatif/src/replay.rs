//! Recorded traffic under another policy. Arrivals, patience, shifts and what customers do are as they were; how long
//! agents take depends on who has a chat and on how much they hold, so it is drawn from what was observed of them.
//! First the policy that was really in force is played: when that does not come close to what was observed, nothing is
//! predicted.

use crate::chance::Span;
use crate::measure::{Interval, Run, percentile};
use crate::sim::{Chat, Pace, Setup, Worker, run};
use ronda_domain::{AgentId, ChannelAccountId, CustomerId, GroupId, Ms};
use ronda_routing::{Fact, Presence, Rows};
use serde::Serialize;
use std::collections::BTreeMap;

/// Fewer answered chats than this say nothing.
pub const FEWEST_CHATS: u32 = 20;
/// Fewer runs than this give no interval.
pub const FEWEST_RUNS: usize = 5;
/// Beyond this share of ownerships begun by hand, in thousandths, the rules explain too little.
pub const MOST_BY_HAND: u32 = 300;
/// How far the simulated policy may be from what was observed: in percent, or the number beside it if that is more.
pub const P50_ERROR: (i64, i64) = (25, 15_000);
/// See [`P50_ERROR`].
pub const P90_ERROR: (i64, i64) = (35, 30_000);
/// See [`P50_ERROR`]; chats.
pub const ROTATIONS_ERROR: (i64, i64) = (25, 5);
/// The share of no agent may differ by more, in thousandths of all first replies.
pub const SHARE_ERROR: i64 = 100;

/// Loads from which on agents are measured apart.
const BANDS: [u32; 3] = [0, 3, 6];
/// Fewer observations of an agent at a load than this are joined with others.
const FEWEST_SAMPLES: usize = 8;
/// Misses closer together than this are one absence.
const ABSENCE_MS: i64 = 30 * Ms::MINUTE;

/// How an ownership began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Assigned,
    Rotated,
    /// Taken, transferred or returned by people.
    ByHand,
}

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Customer,
    /// A message of a person that the customer sees.
    Agent(AgentId),
}

/// A conversation as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedChat {
    /// The customer has been owed a reply since.
    pub at: Ms,
    pub customer: CustomerId,
    pub channel: ChannelAccountId,
    pub group: Option<GroupId>,
    /// Ownerships, in order.
    pub owners: Vec<(Ms, AgentId, How)>,
    /// When it lost its owner without getting another (released, exhausted).
    pub released: Vec<Ms>,
    /// In order, from the first message on.
    pub messages: Vec<(Ms, Said)>,
    pub closed: Option<Ms>,
}

/// What was recorded.
#[derive(Clone, Debug)]
pub struct Record {
    /// The workspace at the start of the warm-up, without conversations, under the policy of then.
    pub rows: Rows,
    /// Chats from here on are measured; earlier ones warm the desks.
    pub from: Ms,
    pub until: Ms,
    /// Ascending by time.
    pub chats: Vec<RecordedChat>,
    /// Effective presence as it changed, ascending.
    pub presence: Vec<(Ms, AgentId, Presence)>,
    /// Policies as they were set, ascending.
    pub rules: Vec<(Ms, Fact)>,
}

/// Figures over runs. Times in milliseconds, shares in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    pub first_reply_p50: Option<Interval>,
    pub first_reply_p90: Option<Interval>,
    pub rotations: Interval,
    pub without_answer: Interval,
    pub over_limit_minutes: Interval,
    /// First replies by agent.
    pub shares: Vec<(AgentId, Interval)>,
    /// The hour with most rotations: its start, and how many in the middle run.
    pub worst_hour: Option<(Ms, i64)>,
}

/// One figure, as it was and as it is simulated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    pub figure: &'static str,
    /// Whose share.
    pub agent: Option<AgentId>,
    pub observed: i64,
    pub simulated: Interval,
    /// The difference that is accepted.
    pub allowed: i64,
    pub fine: bool,
}

/// Why nothing is predicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Refused {
    /// Too few answered chats to learn from.
    TooFewChats { answered: u32, needed: u32 },
    /// People gave out too much by hand: the rules explain too little.
    MostlyByHand { permille: u32, most: u32 },
    /// The policy that was in force, played again, does not give what was observed.
    Disagrees,
    /// There was no time for enough runs.
    OutOfTime { runs: usize },
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// Measured chats.
    pub chats: u32,
    pub runs: usize,
    /// As it was.
    pub observed: Figures,
    /// The policy that was in force, played again.
    pub actual: Option<Figures>,
    pub compared: Vec<Compared>,
    /// The largest difference of `compared` in percent of what was observed: the margin to read the prediction with.
    pub error_percent: Option<i64>,
    pub refused: Option<Refused>,
    /// The policy asked about; none when it was refused.
    pub predicted: Option<Figures>,
}

/// Plays the record under the policies it had, and, if that agrees with what was observed, under `what_if` (facts told at
/// the start, in place of the recorded policies). `go_on` is asked before each run, with whether it is one of the second
/// half; without time for enough of them nothing is said.
pub fn replay(record: &Record, what_if: &[Fact], seeds: u64, go_on: &mut dyn FnMut(bool) -> bool) -> Replay {
    let observed = observe(record);
    let mut result = Replay {
        chats: observed.chats,
        runs: 0,
        observed: figures(std::slice::from_ref(&observed)),
        actual: None,
        compared: Vec::new(),
        error_percent: None,
        refused: None,
        predicted: None,
    };
    let answered = u32::try_from(observed.first_reply.len()).unwrap_or(u32::MAX);
    if answered < FEWEST_CHATS {
        result.refused = Some(Refused::TooFewChats {
            answered,
            needed: FEWEST_CHATS,
        });
        return result;
    }
    let permille = by_hand(record);
    if permille > MOST_BY_HAND {
        result.refused = Some(Refused::MostlyByHand {
            permille,
            most: MOST_BY_HAND,
        });
        return result;
    }
    let setup = setup(record, record.rules.clone());
    let Some(actual) = runs(&setup, seeds, &mut || go_on(false)) else {
        result.refused = Some(Refused::OutOfTime { runs: 0 });
        return result;
    };
    result.runs = actual.len();
    let played = figures(&actual);
    result.compared = compare(&observed, &played);
    result.error_percent = result.compared.iter().map(error_percent).max();
    result.actual = Some(played);
    if result.compared.iter().any(|c| !c.fine) {
        result.refused = Some(Refused::Disagrees);
        return result;
    }
    let start = setup.rows.head.at;
    let rules: Vec<(Ms, Fact)> = what_if.iter().map(|f| (start, f.clone())).collect();
    let setup = Setup {
        facts: shifts(record).chain(rules).collect(),
        ..setup
    };
    match runs(&setup, result.runs as u64, &mut || go_on(true)) {
        Some(predicted) => result.predicted = Some(figures(&predicted)),
        None => result.refused = Some(Refused::OutOfTime { runs: result.runs }),
    }
    result
}

/// None when there was no time for enough.
fn runs(setup: &Setup, seeds: u64, go_on: &mut dyn FnMut() -> bool) -> Option<Vec<Run>> {
    let mut all = Vec::new();
    for seed in 1..=seeds {
        if !go_on() {
            break;
        }
        all.push(run(setup, seed, &mut |_, _| {}));
    }
    (all.len() >= FEWEST_RUNS).then_some(all)
}

fn shifts(record: &Record) -> impl Iterator<Item = (Ms, Fact)> + '_ {
    record.presence.iter().map(|(at, agent, now)| {
        let fact = Fact::Presence {
            agent: *agent,
            now: *now,
            since: *at,
        };
        (*at, fact)
    })
}

/// The record as figures of one run.
fn observe(record: &Record) -> Run {
    let mut run = Run::default();
    let mut answers: BTreeMap<AgentId, u32> = BTreeMap::new();
    for chat in record.chats.iter().filter(|c| c.at >= record.from) {
        run.chats += 1;
        let first = chat.messages.iter().find_map(|(at, said)| match said {
            Said::Agent(agent) if *at >= chat.at => Some((*at, *agent)),
            _ => None,
        });
        match first {
            Some((at, agent)) => {
                run.first_reply.push(at.since(chat.at));
                *answers.entry(agent).or_default() += 1;
            }
            None if chat.closed.is_some() => run.abandoned += 1,
            None => run.never += 1,
        }
        let rotations = chat.owners.iter().filter(|(.., how)| *how == How::Rotated);
        run.moved_at.extend(rotations.map(|(at, ..)| *at));
    }
    run.first_reply.sort_unstable();
    run.moves = u32::try_from(run.moved_at.len()).unwrap_or(u32::MAX);
    let agents = record.rows.agents.iter().map(|a| crate::AgentRun {
        agent: a.agent,
        assigned: 0,
        answered: answers.get(&a.agent).copied().unwrap_or_default(),
        missed: 0,
    });
    run.agents = agents.collect();
    run
}

fn by_hand(record: &Record) -> u32 {
    let owners = record.chats.iter().flat_map(|c| &c.owners);
    let (mut all, mut hand) = (0_u32, 0_u32);
    for (.., how) in owners {
        all += 1;
        hand += u32::from(*how == How::ByHand);
    }
    hand.saturating_mul(1_000) / all.max(1)
}

fn figures(runs: &[Run]) -> Figures {
    let some = |f: &dyn Fn(&Run) -> Option<i64>| Interval::of(runs.iter().filter_map(f));
    let each = |f: &dyn Fn(&Run) -> i64| Interval::of(runs.iter().map(f)).unwrap_or_default();
    let people = runs.first().map(|r| r.agents.as_slice()).unwrap_or_default();
    let share = |agent: AgentId| {
        each(&|r| {
            let answered = r.agents.iter().find(|a| a.agent == agent).map_or(0, |a| a.answered);
            i64::from(answered) * 1_000 / i64::try_from(r.first_reply.len().max(1)).unwrap_or(i64::MAX)
        })
    };
    let mut hours: BTreeMap<i64, i64> = BTreeMap::new();
    for at in runs.iter().flat_map(|r| &r.moved_at) {
        *hours.entry(at.0.div_euclid(Ms::HOUR)).or_default() += 1;
    }
    let worst = hours.into_iter().max_by_key(|(hour, n)| (*n, -hour));
    let count = i64::try_from(runs.len().max(1)).unwrap_or(i64::MAX);
    Figures {
        first_reply_p50: some(&|r| r.percentile_ms(50)),
        first_reply_p90: some(&|r| r.percentile_ms(90)),
        rotations: each(&|r| i64::from(r.moves)),
        without_answer: each(&|r| i64::from(r.never + r.abandoned)),
        over_limit_minutes: each(&|r| r.over_limit_ms / Ms::MINUTE),
        shares: people.iter().map(|a| (a.agent, share(a.agent))).collect(),
        worst_hour: worst
            .map(|(hour, n)| (Ms(hour * Ms::HOUR), n / count))
            .filter(|(_, n)| *n > 0),
    }
}

fn compare(observed: &Run, played: &Figures) -> Vec<Compared> {
    let mut all = Vec::new();
    let mut add = |figure, agent, observed: i64, simulated: Option<Interval>, (percent, least): (i64, i64)| {
        let allowed = (observed.saturating_mul(percent) / 100).max(least);
        let Some(simulated) = simulated else { return };
        all.push(Compared {
            figure,
            agent,
            observed,
            simulated,
            allowed,
            fine: (simulated.middle - observed).abs() <= allowed,
        });
    };
    for (figure, percent, simulated, allowed) in [
        ("first_reply_p50", 50, played.first_reply_p50, P50_ERROR),
        ("first_reply_p90", 90, played.first_reply_p90, P90_ERROR),
    ] {
        if let Some(value) = percentile(&observed.first_reply, percent) {
            add(figure, None, value, simulated, allowed);
        }
    }
    add(
        "rotations",
        None,
        i64::from(observed.moves),
        Some(played.rotations),
        ROTATIONS_ERROR,
    );
    let all_answers = i64::try_from(observed.first_reply.len().max(1)).unwrap_or(i64::MAX);
    for agent in &observed.agents {
        let share = i64::from(agent.answered) * 1_000 / all_answers;
        let simulated = played.shares.iter().find(|(a, _)| *a == agent.agent).map(|(_, s)| *s);
        add("share", Some(agent.agent), share, simulated, (0, SHARE_ERROR));
    }
    all
}

/// The difference in percent of what was observed; of shares, in points.
fn error_percent(c: &Compared) -> i64 {
    let difference = (c.simulated.middle - c.observed).abs();
    match c.figure {
        "share" => (difference + 5) / 10,
        // A handful of rotations more or less is no percentage.
        "rotations" if difference <= ROTATIONS_ERROR.1 => 0,
        _ => difference * 100 / c.observed.max(1),
    }
}

/// The record as a play.
fn setup(record: &Record, rules: Vec<(Ms, Fact)>) -> Setup {
    let work = Work::learn(record);
    let workers = record.rows.agents.iter().map(|a| Worker {
        agent: a.agent,
        attends: work.attends(record, a.agent),
        pace: work.pace(a.agent),
        returns_ms: Ms::MINUTE,
    });
    Setup {
        rows: record.rows.clone(),
        workers: workers.collect(),
        chats: record.chats.iter().map(|c| play(record, c)).collect(),
        facts: shifts(record).chain(rules).collect(),
        until: record.until,
        counts_from: record.rows.head.at,
        without_guard: false,
    }
}

/// What the customer of a chat does by themselves.
fn play(record: &Record, chat: &RecordedChat) -> Chat {
    let mut pauses = Vec::new();
    let mut answered: Option<Ms> = None;
    let mut last = chat.at;
    for (at, said) in &chat.messages {
        last = last.max(*at);
        match said {
            Said::Agent(_) => answered = answered.or(Some(*at)).filter(|_| *at >= chat.at),
            Said::Customer => {
                if let Some(answer) = answered.take() {
                    pauses.push(at.since(answer).max(0));
                }
            }
        }
    }
    let answers = !pauses.is_empty() || answered.is_some();
    let closes = chat.closed.map(|at| at.since(answered.unwrap_or(last)).max(0));
    Chat {
        at: chat.at,
        customer: chat.customer,
        channel: chat.channel,
        group: chat.group,
        patience: chat.closed.filter(|_| !answers).map(|at| at.since(chat.at).max(0)),
        pauses,
        closes_after: closes.filter(|_| answers),
        measured: chat.at >= record.from,
    }
}

/// How long answers took, by whether they were first, by agent, and by load.
#[derive(Default)]
struct Work {
    samples: BTreeMap<(bool, AgentId, usize), Vec<i64>>,
    answers: BTreeMap<AgentId, Vec<Ms>>,
}

impl Work {
    fn learn(record: &Record) -> Self {
        let mut work = Self::default();
        let mut held: BTreeMap<AgentId, Vec<(Ms, Ms)>> = BTreeMap::new();
        for chat in &record.chats {
            for (from, to, agent) in ownerships(record, chat) {
                held.entry(agent).or_default().push((from, to));
            }
        }
        // (when, who, since when it could be worked on, whether it is a first reply)
        let mut turns: Vec<(Ms, AgentId, Ms, bool)> = Vec::new();
        for chat in &record.chats {
            let mut owed = Some(chat.at);
            let mut first = true;
            for (at, said) in &chat.messages {
                match said {
                    Said::Customer => owed = owed.or(Some(*at)),
                    Said::Agent(agent) => {
                        if let Some(since) = owed.take() {
                            let owned = chat.owners.iter().rev().find(|(from, a, _)| a == agent && from <= at);
                            let since = owned.map_or(since, |(from, ..)| since.max(*from));
                            turns.push((*at, *agent, since, first));
                            first = false;
                        }
                    }
                }
            }
        }
        turns.sort_unstable();
        let mut busy_until: BTreeMap<AgentId, Ms> = BTreeMap::new();
        for (at, agent, since, first) in turns {
            let before = busy_until.insert(agent, at);
            let start = before.map_or(since, |b| b.max(since)).min(at);
            let load = held.get(&agent).map_or(0, |all| {
                all.iter().filter(|(from, to)| *from <= start && start < *to).count()
            });
            let band = BANDS.iter().rposition(|b| *b as usize <= load).unwrap_or_default();
            work.samples
                .entry((first, agent, band))
                .or_default()
                .push(at.since(start).max(1));
            work.answers.entry(agent).or_default().push(at);
        }
        work
    }

    /// What is known best: of the agent at that load, of the agent, of the team at that load, of the team.
    fn span(&self, first: bool, agent: AgentId, band: usize) -> Span {
        let pick = |fits: &dyn Fn(bool, AgentId, usize) -> bool| -> Vec<i64> {
            let fitting = self.samples.iter().filter(|((f, a, b), _)| fits(*f, *a, *b));
            fitting.flat_map(|(_, all)| all.iter().copied()).collect()
        };
        let tries: [&dyn Fn(bool, AgentId, usize) -> bool; 4] = [
            &|f, a, b| f == first && a == agent && b == band,
            &|f, a, _| f == first && a == agent,
            &|f, _, b| f == first && b == band,
            &|f, _, _| f == first,
        ];
        for fits in tries {
            let found = pick(fits);
            if found.len() >= FEWEST_SAMPLES {
                return Span::Observed(found);
            }
        }
        let any = pick(&|_, _, _| true);
        if any.is_empty() {
            Span::Exponential {
                fixed: 0,
                mean: Ms::MINUTE,
            }
        } else {
            Span::Observed(any)
        }
    }

    fn pace(&self, agent: AgentId) -> Pace {
        let table = |first| {
            let bands = BANDS.iter().enumerate();
            bands.map(|(i, from)| (*from, self.span(first, agent, i))).collect()
        };
        Pace {
            first: table(true),
            later: table(false),
            // What reading again costs is in what was observed.
            reread_ms: 0,
            reread_adds_up: false,
        }
    }

    /// When they looked at their chats: always, but for the time they let chats pass and answered nothing, and for the
    /// time they were not there.
    fn attends(&self, record: &Record, agent: AgentId) -> Vec<(Ms, Ms)> {
        let Some(answers) = self.answers.get(&agent) else {
            return Vec::new();
        };
        let mut away: Vec<(Ms, Ms)> = Vec::new();
        for chat in &record.chats {
            let owners = chat.owners.iter().enumerate();
            for (i, (from, owner, _)) in owners {
                let next = chat.owners.get(i + 1);
                let missed = next.filter(|(.., how)| *owner == agent && *how == How::Rotated);
                if let Some((to, ..)) = missed {
                    away.push((*from, *to));
                }
            }
        }
        let mut gone: Option<Ms> = None;
        let start = record.rows.agents.iter().find(|a| a.agent == agent);
        if start.is_some_and(|a| !a.keep.presence.is_online()) {
            gone = Some(record.rows.head.at);
        }
        for (at, _, now) in record.presence.iter().filter(|(_, a, _)| *a == agent) {
            match (now, gone) {
                (Presence::Online | Presence::Background, Some(since)) => {
                    away.push((since, *at));
                    gone = None;
                }
                (Presence::Away | Presence::Gone, None) => gone = Some(*at),
                _ => {}
            }
        }
        away.extend(gone.map(|since| (since, record.until)));
        let silent = |from: Ms, to: Ms| !answers.iter().any(|at| from < *at && *at < to);
        away.retain(|(from, to)| silent(*from, *to));
        away.sort_unstable();
        let mut joined: Vec<(Ms, Ms)> = Vec::new();
        for (from, to) in away {
            match joined.last_mut() {
                Some(last) if from.since(last.1) <= ABSENCE_MS && silent(last.1, from) => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        let mut attends = Vec::new();
        let mut from = record.rows.head.at;
        for (gone, back) in joined {
            if gone > from {
                attends.push((from, gone));
            }
            from = from.max(back);
        }
        if from < record.until {
            attends.push((from, record.until));
        }
        attends
    }
}

/// From when to when who had a chat.
fn ownerships(record: &Record, chat: &RecordedChat) -> Vec<(Ms, Ms, AgentId)> {
    let end = chat.closed.unwrap_or(record.until);
    let mut all = Vec::new();
    for (i, (from, agent, _)) in chat.owners.iter().enumerate() {
        let next = chat.owners.get(i + 1).map_or(end, |(at, ..)| *at);
        let released = chat.released.iter().copied().find(|at| at > from).unwrap_or(end);
        all.push((*from, next.min(released), *agent));
    }
    all
}
