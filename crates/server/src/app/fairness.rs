//! Whether everybody gets their turn (spec REP-7): what the decision log, the states of agents and the answers say about
//! a period. Pure: everything it needs is handed in, so that a test can hand in a log of its own.
//!
//! The proof line is rule F1 of `docs/ROUTING.md` checked on the log. Who could have had a conversation is known for
//! certain when the counts of the funnel leave one reading only; where they do not, only the recorded finalists count,
//! and the comparison begins anew. So the line may say less than the whole truth, and never more.

use ronda_domain::agent::AgentState;
use ronda_domain::{AgentId, ConversationId, GroupId, Ms};
use ronda_routing::policy::PresenceRule;
use ronda_routing::{Funnel, Policy, Reject, Strategy};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use utoipa::ToSchema;

/// Agents beyond whom pairs are not compared: their number grows with the square.
pub const MOST_COMPARED: usize = 250;

/// Somebody who may be given conversations.
#[derive(Clone, Debug)]
pub struct Member {
    pub agent: AgentId,
    pub name: String,
    pub groups: Vec<GroupId>,
    /// Since when they are a member at all.
    pub since: Ms,
}

/// A decision of the log, as far as it matters here.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Its number in the workspace.
    pub seq: i64,
    pub at: Ms,
    pub conversation: Option<ConversationId>,
    pub act: String,
    pub from: Option<AgentId>,
    pub to: Option<AgentId>,
    pub moves: bool,
    /// `{code, params}`.
    pub reason: Value,
    pub funnel: Funnel,
}

/// Everything a report is made of. `states` and `policies` are in order and begin before the period where they can.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub from: Ms,
    pub to: Ms,
    pub members: Vec<Member>,
    pub policies: Vec<(Ms, Policy)>,
    pub states: BTreeMap<AgentId, Vec<(Ms, AgentState)>>,
    pub decisions: Vec<Decided>,
    pub answers: Vec<(ConversationId, AgentId, Ms)>,
    /// The group each conversation of the log has now.
    pub groups: HashMap<ConversationId, GroupId>,
    /// Conversations that are not counted: simulated ones. The order of turns does not know them from others, so the
    /// proof looks at every turn.
    pub left_out: BTreeSet<ConversationId>,
}

/// An agent in a period. Times are milliseconds; shares are of one thousand, so that they add up without fractions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgentFairness {
    pub agent: AgentId,
    pub name: String,
    /// How long they could be given something: there as the policy asks, not left out, assignment switched on.
    pub eligible_ms: i64,
    /// Given automatically: in turn, by rotation, by affinity or reservation.
    pub offered: u32,
    /// Ownerships that began, whatever the cause.
    pub assigned: u32,
    /// Ownerships in which they answered.
    pub answered: u32,
    /// Clocks that ran out on them.
    pub missed: u32,
    pub transferred_in: u32,
    pub transferred_out: u32,
    /// Their part of everything given automatically.
    pub received_permille: u32,
    /// Their part of everybody's eligible time.
    pub owed_permille: u32,
    /// How long they held more than their limit by a take or a transfer.
    pub over_limit_ms: i64,
    /// The longest eligible time in which nothing was given to them.
    pub longest_gap_ms: i64,
}

/// What the log proves about turns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Proof {
    /// The largest difference of turns between two agents while both could have had every one of them; `null` when no
    /// two agents could be compared.
    pub max_difference: Option<u32>,
    /// Pairs of agents that could be compared.
    pub pairs: u32,
    /// Turns that were looked at.
    pub turns: u32,
    /// Of these, in which it is known for certain who else could have had it.
    pub certain: u32,
    /// The order of turns that was in force: `least_recent`, or several.
    pub strategies: Vec<String>,
    /// More agents than are compared.
    pub too_many: bool,
}

/// How often something was decided and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reasoned {
    pub act: String,
    /// The code of the reason.
    pub reason: String,
    pub count: u32,
}

/// Why conversations waited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Waited {
    /// The test at which the last agents were lost when the wait began; `given_at_once` when there was no wait.
    pub reason: String,
    pub count: u32,
    /// Of those that ended in the period, in milliseconds.
    pub waited_ms: i64,
}

/// What a number of the report counts or measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FairnessFigure)]
pub enum Figure {
    Eligible,
    Offered,
    Assigned,
    Answered,
    Missed,
    TransferredIn,
    TransferredOut,
    OverLimit,
    LongestGap,
    /// Of everybody: decisions of one act and reason.
    Decisions,
    /// Of everybody: waits for one reason.
    Waits,
}

/// A number of the report.
#[derive(Clone, Debug)]
pub struct Asked {
    pub figure: Figure,
    /// Needed for the figures of somebody.
    pub agent: Option<AgentId>,
    /// The act of decisions.
    pub act: Option<String>,
    /// The reason of decisions or waits.
    pub reason: Option<String>,
}

/// One of the things behind a number: an instant, or a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    pub from: Ms,
    /// The end of a span; none for an instant, and for a wait that goes on.
    pub to: Option<Ms>,
    pub conversation: Option<ConversationId>,
    /// The decision that did it, or with which it began.
    pub decision: Option<i64>,
}

impl Behind {
    fn of(d: &Decided) -> Self {
        Self {
            from: d.at,
            to: None,
            conversation: d.conversation,
            decision: Some(d.seq),
        }
    }

    const fn span(from: Ms, to: Ms) -> Self {
        Self {
            from,
            to: Some(to),
            conversation: None,
            decision: None,
        }
    }

    fn length(&self) -> i64 {
        self.to.map_or(0, |to| to.since(self.from))
    }
}

/// The report.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Fairness {
    pub from: Ms,
    pub to: Ms,
    pub group: Option<GroupId>,
    pub agents: Vec<AgentFairness>,
    pub proof: Proof,
    pub decisions: Vec<Reasoned>,
    pub waits: Vec<Waited>,
    /// Decisions looked at, and those whose funnel does not add up to the members: always 0.
    pub total: u32,
    pub do_not_add_up: u32,
}

fn code(reason: &Value) -> &str {
    reason["code"].as_str().or(reason.as_str()).unwrap_or_default()
}

/// Acts by which the engine gives something to somebody.
fn automatic(d: &Decided) -> bool {
    matches!(d.act.as_str(), "assign" | "rotate")
}

/// Whether a turn was taken: the agent was next, not named.
fn in_turn(d: &Decided) -> bool {
    automatic(d) && matches!(code(&d.reason), "in_turn" | "no_answer" | "now_available")
}

/// Spans of time in order, disjoint.
type Spans = Vec<(Ms, Ms)>;

fn length(spans: &Spans) -> i64 {
    spans.iter().map(|(a, b)| b.since(*a)).sum()
}

/// The spans of the period in which `agent` could be given something, full or not.
fn eligible(log: &Log, member: &Member) -> Spans {
    let end = log.to;
    let mut edges: BTreeSet<Ms> = [log.from, end].into();
    let inside = |at: Ms| at > log.from && at < end;
    edges.extend(log.policies.iter().map(|(at, _)| *at).filter(|at| inside(*at)));
    let states = log.states.get(&member.agent);
    edges.extend(states.into_iter().flatten().map(|(at, _)| *at).filter(|at| inside(*at)));
    if inside(member.since) {
        edges.insert(member.since);
    }
    let edges: Vec<Ms> = edges.into_iter().collect();
    let mut spans = Spans::new();
    for pair in edges.windows(2) {
        let &[start, stop] = pair else { continue };
        if start < member.since || !may_receive(log, member.agent, start) {
            continue;
        }
        match spans.last_mut() {
            Some(last) if last.1 == start => last.1 = stop,
            _ => spans.push((start, stop)),
        }
    }
    spans
}

fn policy_at(log: &Log, at: Ms) -> Option<&Policy> {
    log.policies.iter().rev().find(|(from, _)| *from <= at).map(|(_, p)| p)
}

fn state_at(log: &Log, agent: AgentId, at: Ms) -> AgentState {
    let states = log.states.get(&agent);
    let known = states.and_then(|s| s.iter().rev().find(|(from, _)| *from <= at));
    known.map_or(AgentState::Offline, |(_, state)| *state)
}

fn may_receive(log: &Log, agent: AgentId, at: Ms) -> bool {
    policy_at(log, at).is_some_and(|p| {
        p.enabled
            && !p.excluded.contains(&agent)
            && (p.presence == PresenceRule::Any || state_at(log, agent, at) == AgentState::Online)
    })
}

/// An ownership, as the log tells it.
struct Ownership {
    conversation: ConversationId,
    agent: AgentId,
    /// The decision it began with.
    decision: i64,
    from: Ms,
    to: Ms,
}

fn ownerships(log: &Log) -> Vec<Ownership> {
    let mut open: HashMap<ConversationId, (AgentId, i64, Ms)> = HashMap::new();
    let mut found = Vec::new();
    let mut end = |conversation, (agent, decision, from), to| {
        found.push(Ownership {
            conversation,
            agent,
            decision,
            from,
            to,
        });
    };
    for d in log.decisions.iter().filter(|d| d.moves) {
        let Some(conversation) = d.conversation else { continue };
        if let Some(held) = open.remove(&conversation) {
            end(conversation, held, d.at);
        }
        if let Some(agent) = d.to {
            open.insert(conversation, (agent, d.seq, d.at));
        }
    }
    for (conversation, held) in open {
        end(conversation, held, log.to);
    }
    found
}

/// The members and the decisions that a report is about; of the second list the first are counted, and all are turns.
struct Part<'l> {
    members: Vec<&'l Member>,
    counted: Vec<&'l Decided>,
    all: Vec<&'l Decided>,
}

impl<'l> Part<'l> {
    fn of(log: &'l Log, group: Option<GroupId>) -> Self {
        let its = |m: &&Member| group.is_none_or(|g| m.groups.contains(&g));
        let of_group = |d: &&Decided| {
            group.is_none_or(|g| {
                d.conversation
                    .is_some_and(|c| log.groups.get(&c).is_some_and(|has| *has == g))
            })
        };
        let all: Vec<&Decided> = log.decisions.iter().filter(of_group).collect();
        let counts = |d: &&&Decided| d.conversation.is_none_or(|c| !log.left_out.contains(&c));
        Self {
            members: log.members.iter().filter(its).collect(),
            counted: all.iter().filter(counts).copied().collect(),
            all,
        }
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The report of a log, of everybody or of the members of one group.
#[must_use]
pub fn report(log: &Log, group: Option<GroupId>) -> Fairness {
    let part = Part::of(log, group);
    let tallies = tallies(log, &part, group);
    let mut agents: Vec<AgentFairness> = part.members.iter().map(|m| tallies[&m.agent].row(m)).collect();
    agents.sort_by_key(|a| a.agent);
    shares(&mut agents);
    Fairness {
        from: log.from,
        to: log.to,
        group,
        proof: proof(log, &part.members, &part.all),
        decisions: reasons(&part.counted),
        waits: waits(&part.counted),
        total: number(part.counted.len()),
        do_not_add_up: number(part.counted.iter().filter(|d| !d.funnel.adds_up()).count()),
        agents,
    }
}

/// What a number of the report counts, in order of time: as many, or as long, as the number says.
#[must_use]
pub fn behind(log: &Log, group: Option<GroupId>, asked: &Asked) -> Vec<Behind> {
    let part = Part::of(log, group);
    let mut found = match asked.figure {
        Figure::Decisions => {
            let fits = |d: &&&Decided| {
                asked.act.as_ref().is_none_or(|act| *act == d.act)
                    && asked.reason.as_deref().is_none_or(|reason| reason == code(&d.reason))
            };
            part.counted.iter().filter(fits).map(|d| Behind::of(d)).collect()
        }
        Figure::Waits => waited(&part.counted)
            .into_iter()
            .filter(|(reason, _)| asked.reason.as_ref().is_none_or(|wanted| wanted == reason))
            .map(|(_, wait)| wait)
            .collect(),
        of_somebody => match asked.agent.and_then(|agent| tallies(log, &part, group).remove(&agent)) {
            Some(tally) => tally.behind(of_somebody),
            None => Vec::new(),
        },
    };
    found.sort_by_key(|b| (b.from, b.decision));
    found
}

/// Everything that is counted or measured about an agent.
#[derive(Default)]
struct Tally {
    eligible: Spans,
    offered: Vec<Behind>,
    assigned: Vec<Behind>,
    answered: Vec<Behind>,
    missed: Vec<Behind>,
    transferred_in: Vec<Behind>,
    transferred_out: Vec<Behind>,
    over_limit: Vec<Behind>,
    longest_gap: Spans,
}

impl Tally {
    fn row(&self, member: &Member) -> AgentFairness {
        AgentFairness {
            agent: member.agent,
            name: member.name.clone(),
            eligible_ms: length(&self.eligible),
            offered: number(self.offered.len()),
            assigned: number(self.assigned.len()),
            answered: number(self.answered.len()),
            missed: number(self.missed.len()),
            transferred_in: number(self.transferred_in.len()),
            transferred_out: number(self.transferred_out.len()),
            received_permille: 0,
            owed_permille: 0,
            over_limit_ms: self.over_limit.iter().map(Behind::length).sum(),
            longest_gap_ms: length(&self.longest_gap),
        }
    }

    fn behind(self, figure: Figure) -> Vec<Behind> {
        let spans = |spans: Spans| spans.into_iter().map(|(from, to)| Behind::span(from, to)).collect();
        match figure {
            Figure::Eligible => spans(self.eligible),
            Figure::LongestGap => spans(self.longest_gap),
            Figure::Offered => self.offered,
            Figure::Assigned => self.assigned,
            Figure::Answered => self.answered,
            Figure::Missed => self.missed,
            Figure::TransferredIn => self.transferred_in,
            Figure::TransferredOut => self.transferred_out,
            Figure::OverLimit => self.over_limit,
            Figure::Decisions | Figure::Waits => Vec::new(),
        }
    }
}

fn tallies(log: &Log, part: &Part<'_>, group: Option<GroupId>) -> BTreeMap<AgentId, Tally> {
    let mut found: BTreeMap<AgentId, Tally> = part
        .members
        .iter()
        .map(|m| {
            let tally = Tally {
                eligible: eligible(log, m),
                ..Tally::default()
            };
            (m.agent, tally)
        })
        .collect();
    // Agents who hold more than their limit: by how many, since when, and the decision that began it.
    let mut over: HashMap<AgentId, (u32, Behind)> = HashMap::new();
    for d in &part.counted {
        let to = d.to.filter(|_| d.moves && d.to != d.from);
        if let Some((agent, tally)) = to.and_then(|a| Some((a, found.get_mut(&a)?))) {
            tally.assigned.push(Behind::of(d));
            if automatic(d) {
                tally.offered.push(Behind::of(d));
            }
            if d.act == "transfer" {
                tally.transferred_in.push(Behind::of(d));
            }
            if d.reason["params"]["over_limit"] == true {
                over.entry(agent).or_insert((0, Behind::of(d))).0 += 1;
            }
        }
        let Some((agent, tally)) = d.from.and_then(|a| Some((a, found.get_mut(&a)?))) else {
            continue;
        };
        let ran_out = matches!(d.act.as_str(), "rotate" | "keep" | "release" | "exhaust");
        let came_back = code(&d.reason) == "came_back";
        if ran_out && code(&d.reason) != "now_available" || came_back {
            tally.missed.push(Behind::of(d));
        }
        if d.act == "transfer" && d.moves {
            tally.transferred_out.push(Behind::of(d));
        }
        if d.moves
            && d.to != d.from
            && let Some((by, began)) = over.remove(&agent)
        {
            if by > 1 {
                over.insert(agent, (by - 1, began));
            } else {
                tally.over_limit.push(Behind {
                    to: Some(d.at),
                    ..began
                });
            }
        }
    }
    for (agent, (_, began)) in over {
        if let Some(tally) = found.get_mut(&agent) {
            tally.over_limit.push(Behind {
                to: Some(log.to),
                ..began
            });
        }
    }
    answers(log, group, &mut found);
    for tally in found.values_mut() {
        let given: Vec<Ms> = tally.offered.iter().map(|b| b.from).collect();
        tally.longest_gap = longest_gap(&tally.eligible, &given);
    }
    found
}

/// The ownerships in which their agent answered, at the first answer.
fn answers(log: &Log, group: Option<GroupId>, found: &mut BTreeMap<AgentId, Tally>) {
    let mut said: HashMap<(ConversationId, AgentId), Vec<Ms>> = HashMap::new();
    for (conversation, agent, at) in &log.answers {
        said.entry((*conversation, *agent)).or_default().push(*at);
    }
    for o in ownerships(log) {
        let outside = group.is_some_and(|g| log.groups.get(&o.conversation) != Some(&g));
        if outside || log.left_out.contains(&o.conversation) {
            continue;
        }
        let Some(tally) = found.get_mut(&o.agent) else { continue };
        let all = said.get(&(o.conversation, o.agent)).into_iter().flatten();
        if let Some(first) = all.filter(|at| **at >= o.from && **at <= o.to).min() {
            tally.answered.push(Behind {
                from: *first,
                to: None,
                conversation: Some(o.conversation),
                decision: Some(o.decision),
            });
        }
    }
}

/// The longest eligible time between two gifts, or an end of the period and one: the eligible spans it is made of.
fn longest_gap(spans: &Spans, given: &[Ms]) -> Spans {
    let mut longest = Spans::new();
    let mut gap = Spans::new();
    let keep = |gap: &Spans, longest: &mut Spans| {
        if length(gap) > length(longest) {
            longest.clone_from(gap);
        }
    };
    let mut gifts = given.iter().peekable();
    for (start, stop) in spans {
        let mut from = *start;
        while let Some(at) = gifts.next_if(|at| **at < *stop) {
            if *at > from {
                gap.push((from, *at));
            }
            keep(&gap, &mut longest);
            gap.clear();
            from = (*at).max(from);
        }
        gap.push((from, *stop));
        keep(&gap, &mut longest);
    }
    longest
}

/// Fills in the shares; the largest remainders get what rounding leaves, so that they add up to one thousand.
fn shares(agents: &mut [AgentFairness]) {
    let split = |parts: Vec<i64>| -> Vec<u32> {
        let total: i128 = parts.iter().map(|p| i128::from(*p)).sum();
        if total == 0 {
            return vec![0; parts.len()];
        }
        let exact = |p: i64| i128::from(p) * 1_000;
        let mut out: Vec<i128> = parts.iter().map(|p| exact(*p) / total).collect();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by_key(|i| (std::cmp::Reverse(exact(parts[*i]) % total), *i));
        let left = usize::try_from(1_000 - out.iter().sum::<i128>()).unwrap_or(0);
        for i in order.into_iter().take(left) {
            out[i] += 1;
        }
        out.into_iter().map(|n| u32::try_from(n).unwrap_or(0)).collect()
    };
    let received = split(agents.iter().map(|a| i64::from(a.offered)).collect());
    let owed = split(agents.iter().map(|a| a.eligible_ms).collect());
    for (agent, (received, owed)) in agents.iter_mut().zip(received.into_iter().zip(owed)) {
        agent.received_permille = received;
        agent.owed_permille = owed;
    }
}

fn reasons(decisions: &[&Decided]) -> Vec<Reasoned> {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for d in decisions {
        *counts.entry((d.act.as_str(), code(&d.reason))).or_default() += 1;
    }
    let mut found: Vec<Reasoned> = counts
        .into_iter()
        .map(|((act, reason), count)| Reasoned {
            act: act.to_owned(),
            reason: reason.to_owned(),
            count,
        })
        .collect();
    found.sort_by(|a, b| {
        b.count
            .cmp(&a.count)
            .then_with(|| (&a.act, &a.reason).cmp(&(&b.act, &b.reason)))
    });
    found
}

fn word(reject: Reject) -> String {
    serde_json::to_value(reject)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// Every wait with its reason; one that goes on has no end.
fn waited(decisions: &[&Decided]) -> Vec<(String, Behind)> {
    let mut open: HashMap<ConversationId, (String, Behind)> = HashMap::new();
    let mut found = Vec::new();
    for d in decisions.iter().filter(|d| d.moves || d.act == "enqueue") {
        let Some(conversation) = d.conversation else { continue };
        if let Some((reason, wait)) = open.remove(&conversation) {
            let reason = if d.at == wait.from {
                "given_at_once".to_owned()
            } else {
                reason
            };
            let ended = Behind { to: Some(d.at), ..wait };
            found.push((reason, ended));
        }
        if matches!(d.act.as_str(), "enqueue" | "release" | "requeue" | "exhaust") {
            let nearest = d.funnel.lost.iter().filter(|l| l.count > 0).map(|l| l.reason).max();
            let reason = nearest.map_or_else(|| code(&d.reason).to_owned(), word);
            open.insert(conversation, (reason, Behind::of(d)));
        }
    }
    found.extend(open.into_values());
    found
}

fn waits(decisions: &[&Decided]) -> Vec<Waited> {
    let mut sums: BTreeMap<String, (u32, i64)> = BTreeMap::new();
    for (reason, wait) in waited(decisions) {
        let sum = sums.entry(reason).or_default();
        sum.0 += 1;
        sum.1 += wait.length();
    }
    let mut found: Vec<Waited> = sums
        .into_iter()
        .map(|(reason, (count, waited_ms))| Waited {
            reason,
            count,
            waited_ms,
        })
        .collect();
    found.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
    found
}

/// Who could have had a turn, the one who got it included; and whether that is everybody who could.
fn candidates(log: &Log, members: &[&Member], d: &Decided) -> (BTreeSet<AgentId>, bool) {
    let mut known: BTreeSet<AgentId> = d.funnel.finalists.iter().map(|f| f.agent).collect();
    known.extend(d.to);
    let count = |reason: Reject| d.funnel.lost.iter().find(|l| l.reason == reason).map_or(0, |l| l.count);
    let could = count(Reject::Outranked) + 1;
    if known.len() as u32 == could {
        return (known, true);
    }
    // Those who were there and not left out, when their number is the number of those who could: nobody else can be meant.
    let group = d.conversation.and_then(|c| log.groups.get(&c));
    let asked: Vec<&&Member> = members
        .iter()
        .filter(|m| m.since <= d.at && group.is_none_or(|g| m.groups.contains(g)))
        .collect();
    let there: BTreeSet<AgentId> = asked
        .iter()
        .map(|m| m.agent)
        .filter(|a| may_receive(log, *a, d.at) && Some(*a) != d.from)
        .collect();
    let certain = asked.len() as u32 == d.funnel.members && there.len() as u32 == could && known.is_subset(&there);
    if certain { (there, true) } else { (known, false) }
}

/// A comparison of two agents: turns of the first less turns of the second since it began, and the extremes of that.
#[derive(Clone, Copy, Default)]
struct Pair {
    difference: i64,
    least: i64,
    most: i64,
    compared: bool,
}

fn proof(log: &Log, members: &[&Member], decisions: &[&Decided]) -> Proof {
    let mut found = Proof {
        too_many: members.len() > MOST_COMPARED,
        ..Proof::default()
    };
    let strategies: BTreeSet<String> = decisions
        .iter()
        .filter(|d| in_turn(d))
        .map(|d| policy_at(log, d.at).map_or(Strategy::LeastRecent, |p| p.strategy))
        .filter_map(|s| serde_json::to_value(s).ok()?.as_str().map(str::to_owned))
        .collect();
    found.strategies = strategies.into_iter().collect();
    if found.too_many {
        return found;
    }
    let place: HashMap<AgentId, usize> = members.iter().enumerate().map(|(i, m)| (m.agent, i)).collect();
    let n = members.len();
    let mut pairs = vec![Pair::default(); n * n];
    let mut worst: Option<i64> = None;
    let mut before: BTreeSet<AgentId> = BTreeSet::new();
    for d in decisions.iter().filter(|d| in_turn(d)) {
        let Some(chosen) = d.to.and_then(|a| place.get(&a).copied()) else {
            continue;
        };
        let (could, certain) = candidates(log, members, d);
        found.turns += 1;
        found.certain += u32::from(certain);
        let inside: Vec<usize> = could.iter().filter_map(|a| place.get(a).copied()).collect();
        if could != before {
            // One of two could and the other could not: their comparison ends here.
            for &a in &inside {
                for b in (0..n).filter(|b| !inside.contains(b)) {
                    pairs[a.min(b) * n + a.max(b)] = Pair {
                        compared: pairs[a.min(b) * n + a.max(b)].compared,
                        ..Pair::default()
                    };
                }
            }
            before = could;
        }
        for &other in inside.iter().filter(|o| **o != chosen) {
            let pair = &mut pairs[chosen.min(other) * n + chosen.max(other)];
            pair.difference += if chosen < other { 1 } else { -1 };
            pair.least = pair.least.min(pair.difference);
            pair.most = pair.most.max(pair.difference);
            pair.compared = true;
            worst = worst.max(Some(pair.most - pair.least));
        }
    }
    found.pairs = pairs
        .iter()
        .filter(|p| p.compared)
        .count()
        .try_into()
        .unwrap_or(u32::MAX);
    found.max_difference = worst.and_then(|w| u32::try_from(w).ok());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use ronda_routing::{Finalist, Lost};
    use serde_json::json;

    const MINUTE: i64 = 60_000;

    fn member(n: i64) -> Member {
        Member {
            agent: AgentId(n),
            name: format!("Agent {n}"),
            groups: vec![GroupId(n % 2 + 1)],
            since: Ms(0),
        }
    }

    /// Everybody could have had it; `to` got it.
    fn turn(at: i64, to: i64, of: u32) -> Decided {
        Decided {
            seq: at,
            at: Ms(at),
            conversation: Some(ConversationId(at)),
            act: "assign".into(),
            from: None,
            to: Some(AgentId(to)),
            moves: true,
            reason: json!({ "code": "in_turn", "params": {} }),
            funnel: Funnel {
                members: of,
                lost: vec![Lost {
                    reason: Reject::Outranked,
                    count: of.saturating_sub(1),
                }],
                finalists: vec![Finalist {
                    agent: AgentId(to),
                    load: 0,
                    limit: None,
                    last_assigned_at: None,
                    background: false,
                }],
                chosen: Some(AgentId(to)),
                ..Funnel::default()
            },
        }
    }

    fn log(decisions: Vec<Decided>) -> Log {
        Log {
            from: Ms(0),
            to: Ms(60 * MINUTE),
            members: (1..=3).map(member).collect(),
            policies: vec![(Ms(0), Policy::sales())],
            decisions,
            ..Log::default()
        }
    }

    #[test]
    fn rep_7_1_equal_agents_in_turn_differ_by_one() {
        let turns = (0..30).map(|n| turn(n * MINUTE, n % 3 + 1, 3)).collect();
        let seen = report(&log(turns), None);
        assert_eq!(
            (seen.proof.max_difference, seen.proof.pairs, seen.proof.certain),
            (Some(1), 3, 30)
        );
        let counts: Vec<_> = seen
            .agents
            .iter()
            .map(|a| (a.offered, a.received_permille, a.owed_permille))
            .collect();
        assert_eq!(counts, [(10, 334, 334), (10, 333, 333), (10, 333, 333)]);
        assert_eq!(seen.do_not_add_up, 0);
    }

    #[test]
    fn rep_7_1_an_unfair_log_is_said_to_be_one() {
        // Agent 1 is served four times in a row although the others could have been.
        let turns = [1, 1, 1, 1, 2, 3]
            .iter()
            .enumerate()
            .map(|(i, to)| turn(i as i64 * MINUTE, *to, 3))
            .collect();
        assert_eq!(report(&log(turns), None).proof.max_difference, Some(4));
    }

    #[test]
    fn rep_7_who_was_not_there_is_not_compared() {
        let mut it = log((0..12).map(|n| turn(n * MINUTE, n % 2 + 1, 2)).collect());
        it.policies = vec![(
            Ms(0),
            Policy {
                excluded: [AgentId(3)].into(),
                ..Policy::sales()
            },
        )];
        for d in &mut it.decisions {
            d.funnel.members = 3;
            d.funnel.lost.insert(
                0,
                Lost {
                    reason: Reject::Excluded,
                    count: 1,
                },
            );
        }
        let seen = report(&it, None);
        assert_eq!((seen.proof.max_difference, seen.proof.pairs), (Some(1), 1));
        assert_eq!((seen.agents[2].eligible_ms, seen.agents[2].owed_permille), (0, 0));
        assert_eq!(seen.agents[0].owed_permille, 500);
    }

    #[test]
    fn rep_7_eligible_time_is_time_online() {
        let mut it = log(vec![turn(10 * MINUTE, 1, 3)]);
        it.policies = vec![(Ms(0), Policy::support())];
        it.states.insert(
            AgentId(1),
            vec![
                (Ms(-5), AgentState::Online),
                (Ms(20 * MINUTE), AgentState::Away),
                (Ms(30 * MINUTE), AgentState::Online),
                (Ms(45 * MINUTE), AgentState::Offline),
            ],
        );
        let seen = report(&it, None);
        assert_eq!(seen.agents[0].eligible_ms, 35 * MINUTE);
        // Ten minutes before the gift, ten and fifteen after it; the absence between them is no gap.
        assert_eq!(seen.agents[0].longest_gap_ms, 25 * MINUTE);
        assert_eq!(seen.agents[1].eligible_ms, 0);
    }

    #[test]
    fn rep_7_over_the_limit_lasts_until_something_goes() {
        let mut taken = turn(5 * MINUTE, 1, 0);
        taken.act = "take".into();
        taken.funnel = Funnel::default();
        taken.reason = json!({ "code": "taken", "params": { "from": "waiting", "over_limit": true } });
        let mut closed = turn(12 * MINUTE, 1, 0);
        closed.act = "close".into();
        closed.funnel = Funnel::default();
        (closed.from, closed.to) = (Some(AgentId(1)), None);
        let seen = report(&log(vec![taken, closed]), None);
        let a = &seen.agents[0];
        assert_eq!((a.over_limit_ms, a.assigned, a.offered), (7 * MINUTE, 1, 0));
    }

    #[test]
    fn rep_7_answers_count_inside_their_ownership() {
        let mut second = turn(20 * MINUTE, 2, 3);
        second.conversation = Some(ConversationId(0));
        second.act = "rotate".into();
        second.from = Some(AgentId(1));
        second.reason = json!({ "code": "no_answer", "params": { "after_ms": 60_000, "round": 0 } });
        let mut it = log(vec![turn(0, 1, 3), second]);
        it.answers = vec![
            (ConversationId(0), AgentId(1), Ms(25 * MINUTE)),
            (ConversationId(0), AgentId(2), Ms(26 * MINUTE)),
        ];
        let seen = report(&it, None);
        let row = |n: usize| (seen.agents[n].answered, seen.agents[n].missed);
        assert_eq!(
            (row(0), row(1)),
            ((0, 1), (1, 0)),
            "an answer after the rotation is not in that ownership"
        );
    }

    fn asked(figure: Figure, agent: i64) -> Asked {
        Asked {
            figure,
            agent: Some(AgentId(agent)),
            act: None,
            reason: None,
        }
    }

    /// Behind every number stand as many things, or as much time, as it says.
    #[test]
    fn rep_7_behind_every_number_is_what_it_counts() {
        let mut taken = turn(21 * MINUTE, 1, 0);
        taken.act = "take".into();
        taken.reason = json!({ "code": "taken", "params": { "over_limit": true } });
        let mut rotated = turn(30 * MINUTE, 2, 3);
        rotated.conversation = Some(ConversationId(0));
        rotated.act = "rotate".into();
        rotated.from = Some(AgentId(1));
        rotated.reason = json!({ "code": "no_answer", "params": {} });
        let mut waits = turn(40 * MINUTE, 3, 3);
        (waits.act, waits.to, waits.moves) = ("enqueue".into(), None, false);
        let mut it = log(vec![turn(0, 1, 3), turn(10 * MINUTE, 3, 3), taken, rotated, waits]);
        it.answers = vec![(ConversationId(10 * MINUTE), AgentId(3), Ms(12 * MINUTE))];
        let seen = report(&it, None);
        for a in &seen.agents {
            let of = |figure| behind(&it, None, &asked(figure, a.agent.0));
            let count = |figure| number(of(figure).len());
            let time = |figure| of(figure).iter().map(Behind::length).sum::<i64>();
            assert_eq!(time(Figure::Eligible), a.eligible_ms);
            assert_eq!(time(Figure::LongestGap), a.longest_gap_ms);
            assert_eq!(time(Figure::OverLimit), a.over_limit_ms);
            assert_eq!(count(Figure::Offered), a.offered);
            assert_eq!(count(Figure::Assigned), a.assigned);
            assert_eq!(count(Figure::Answered), a.answered);
            assert_eq!(count(Figure::Missed), a.missed);
            assert_eq!(count(Figure::TransferredIn), a.transferred_in);
            assert_eq!(count(Figure::TransferredOut), a.transferred_out);
        }
        assert_eq!((seen.agents[0].over_limit_ms, seen.agents[0].missed), (9 * MINUTE, 1));
        assert_eq!(
            behind(&it, None, &asked(Figure::Answered, 3)),
            [Behind {
                from: Ms(12 * MINUTE),
                to: None,
                conversation: Some(ConversationId(10 * MINUTE)),
                decision: Some(10 * MINUTE)
            }]
        );
        for row in &seen.decisions {
            let all = Asked {
                act: Some(row.act.clone()),
                reason: Some(row.reason.clone()),
                ..asked(Figure::Decisions, 0)
            };
            assert_eq!(number(behind(&it, None, &all).len()), row.count);
        }
        for row in &seen.waits {
            let all = Asked {
                reason: Some(row.reason.clone()),
                ..asked(Figure::Waits, 0)
            };
            assert_eq!(number(behind(&it, None, &all).len()), row.count);
        }
        assert_eq!(seen.waits.len(), 1);
    }

    #[test]
    fn plat_13_4_what_is_simulated_counts_for_nobody_and_takes_its_turn() {
        let mut it = log((0..9).map(|n| turn(n * MINUTE, n % 3 + 1, 3)).collect());
        it.left_out = [0, 3, 6].map(|n| ConversationId(n * MINUTE)).into();
        it.answers = vec![(ConversationId(0), AgentId(1), Ms(1))];
        let seen = report(&it, None);
        let offered: Vec<u32> = seen.agents.iter().map(|a| a.offered).collect();
        assert_eq!(offered, [0, 3, 3], "all turns of the first were simulated");
        assert_eq!((seen.agents[0].answered, seen.total), (0, 6));
        assert_eq!(
            (seen.proof.max_difference, seen.proof.turns),
            (Some(1), 9),
            "the order of turns counts them"
        );
        it.left_out.clear();
        let all = report(&it, None);
        assert_eq!((all.agents[0].offered, all.agents[0].answered, all.total), (3, 1, 9));
    }
}
