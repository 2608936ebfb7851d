//! What was recorded of a workspace, as the simulator plays it again (spec CP-11 "Preview", REP-7).

use crate::app::policies::Rulebook;
use crate::app::{AppResult, Who, routing as rules};
use ronda_domain::agent::AgentState;
use ronda_domain::conversation::{Author, Direction};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, Ms, WorkspaceId};
use ronda_routing::{AgentKeep, Fact, Policy, Presence, Reach};
use ronda_storage::decisions::{self as stored, DecisionRow};
use ronda_storage::routing;
use ronda_storage::{Tx, conversations, messages, users};
use ronda_whatif::replay::{How, Record, RecordedChat, Said};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longest time that may be played again, in days: open hours are compiled for eight days back.
pub const MOST_DAYS: i64 = 7;
/// Chats this long before fill the desks and are not measured.
const WARM_MS: i64 = 6 * Ms::HOUR;
/// Decisions that are read at most; of busier workspaces the newest, and so fewer days.
const MOST_DECISIONS: i64 = 40_000;
/// Decisions and states read at once.
const PAGE: i64 = 2_000;
/// Conversations whose messages are read at once.
const CHUNK: usize = 400;
/// Reading a record may take this long: it is one look at one moment.
const LONGEST_READ: Duration = Duration::from_secs(20);

/// The workspaces that are played again at this moment: one at a time each.
#[derive(Clone, Default)]
pub struct Replays(Arc<Mutex<BTreeSet<WorkspaceId>>>);

/// The turn of a workspace; it ends with this value.
pub struct Turn {
    all: Replays,
    workspace: WorkspaceId,
}

impl Replays {
    /// None when one is under way.
    #[must_use]
    pub fn begin(&self, workspace: WorkspaceId) -> Option<Turn> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(workspace).then(|| Turn {
            all: self.clone(),
            workspace,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.workspace);
    }
}

/// The facts that put a rulebook in force at the start of a replay.
#[must_use]
pub fn what_if(book: &Rulebook) -> Vec<Fact> {
    rules::policies_set(&Rulebook::default(), book, Reach::NewOnly)
}

/// What happened in the last `days` days, with a warm-up before.
///
/// # Errors
/// [`crate::app::AppError::Forbidden`]; when the database fails.
pub fn record(tx: &mut Tx<'_>, who: &Who, days: i64) -> AppResult<Record> {
    who.need(Permission::RoutingEdit)?;
    tx.may_take(LONGEST_READ);
    let w = who.workspace;
    let until = tx.now();
    let mut from = until.plus(-days * Ms::DAY);
    let mut start = from.plus(-WARM_MS);
    let (decisions, cut) = decisions(tx, w, start)?;
    if let Some(oldest) = cut {
        start = oldest;
        from = from.max(oldest.plus(WARM_MS));
    }
    let chats = chats(tx, w, &decisions)?;
    let (_, mut rows) = rules::rows(tx, w)?;
    rows.convs.clear();
    rows.head = ronda_routing::Head {
        at: start,
        ..ronda_routing::Head::default()
    };
    let mut changes = Vec::new();
    for agent in &mut rows.agents {
        let (before, during) = states(tx, w, agent.agent, start)?;
        agent.keep = AgentKeep {
            presence: before,
            ..AgentKeep::default()
        };
        agent.stamp = 0;
        changes.extend(during.into_iter().map(|(at, now)| (at, agent.agent, now)));
    }
    changes.sort_by_key(|(at, agent, _)| (*at, *agent));
    let (first, later) = versions(tx, w, start)?;
    rules::put_policies(&mut rows, &first);
    let mut before = first;
    let mut set = Vec::new();
    for (at, book) in later {
        set.extend(
            rules::policies_set(&before, &book, Reach::NewOnly)
                .into_iter()
                .map(|f| (at, f)),
        );
        before = book;
    }
    Ok(Record {
        rows,
        from,
        until,
        chats,
        presence: changes,
        rules: set,
    })
}

/// The decisions since `start`, oldest first, and the time of the oldest when there were too many.
fn decisions(tx: &mut Tx<'_>, w: WorkspaceId, start: Ms) -> AppResult<(Vec<DecisionRow>, Option<Ms>)> {
    let first = stored::last_before(tx, w, start)?;
    let mut after = first.max(routing::head(tx, w)?.decision_seq - MOST_DECISIONS);
    let cut = after > first;
    let mut all: Vec<DecisionRow> = Vec::new();
    loop {
        let page = stored::after(tx, w, after, PAGE)?;
        let whole = page.len() as i64 == PAGE;
        all.extend(page);
        after = all.last().map_or(after, |d| d.seq);
        if !whole {
            let oldest = all.first().map(|d| d.at).filter(|_| cut);
            return Ok((all, oldest));
        }
    }
}

/// One episode as its decisions tell it.
#[derive(Default)]
struct Episode {
    at: Ms,
    owners: Vec<(Ms, AgentId, How)>,
    released: Vec<Ms>,
    closed: Option<Ms>,
}

fn chats(tx: &mut Tx<'_>, w: WorkspaceId, decisions: &[DecisionRow]) -> AppResult<Vec<RecordedChat>> {
    let mut episodes: BTreeMap<ConversationId, Vec<Episode>> = BTreeMap::new();
    for d in decisions {
        let Some(conversation) = d.conversation else { continue };
        let list = episodes.entry(conversation).or_default();
        let live = list.last().is_some_and(|e| e.closed.is_none());
        let begins = matches!(d.act.as_str(), "enqueue" | "assign" | "take" | "transfer");
        if !live {
            // What began before the record is nobody's arrival in it.
            if !begins || (list.is_empty() && d.epoch_before > 1 && d.act != "enqueue") {
                continue;
            }
            list.push(Episode {
                at: d.at,
                ..Episode::default()
            });
        }
        let Some(episode) = list.last_mut() else { continue };
        match (d.act.as_str(), d.to) {
            ("assign", Some(to)) => episode.owners.push((d.at, to, How::Assigned)),
            ("rotate", Some(to)) => episode.owners.push((d.at, to, How::Rotated)),
            ("take" | "transfer" | "return", Some(to)) => episode.owners.push((d.at, to, How::ByHand)),
            ("release" | "requeue" | "exhaust" | "decline" | "transfer", _) => episode.released.push(d.at),
            ("close" | "return_to_bot", _) => episode.closed = Some(d.at),
            _ => {}
        }
    }
    let ids: Vec<ConversationId> = episodes.keys().copied().collect();
    let mut all = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let rows = conversations::get_many(tx, w, chunk)?;
        let mut lines: BTreeMap<ConversationId, Vec<(Ms, Said)>> = BTreeMap::new();
        for m in messages::heads(tx, w, chunk)? {
            let said = match (m.direction, m.author, m.agent) {
                (Direction::In, ..) => Said::Customer,
                (Direction::Out, Author::Agent, Some(agent)) => Said::Agent(agent),
                _ => continue,
            };
            lines.entry(m.conversation).or_default().push((m.received_at, said));
        }
        for row in rows {
            let lines = lines.remove(&row.id).unwrap_or_default();
            let list = episodes.remove(&row.id).unwrap_or_default();
            let begins: Vec<Ms> = list.iter().map(|e| e.at).collect();
            for (i, episode) in list.into_iter().enumerate() {
                let next = begins.get(i + 1).copied().unwrap_or(Ms(i64::MAX));
                let its = lines.iter().filter(|(at, _)| *at >= episode.at && *at < next);
                all.push(RecordedChat {
                    at: episode.at,
                    customer: row.customer,
                    channel: row.channel_account,
                    group: row.group,
                    owners: episode.owners,
                    released: episode.released,
                    messages: its.copied().collect(),
                    closed: episode.closed,
                });
            }
        }
    }
    all.sort_by_key(|c| (c.at, c.customer));
    Ok(all)
}

/// The effective state of an agent at `start`, and how it changed since.
fn states(tx: &mut Tx<'_>, w: WorkspaceId, agent: AgentId, start: Ms) -> AppResult<(Presence, Vec<(Ms, Presence)>)> {
    let mut during = Vec::new();
    let mut before = i64::MAX;
    loop {
        let page = users::states(tx, w, agent, before, Ms(0), Ms(i64::MAX), PAGE)?;
        let whole = page.len() as i64 == PAGE;
        for span in page {
            let now = match AgentState::parse(&span.state) {
                Some(AgentState::Online) => Presence::Online,
                Some(AgentState::Away) => Presence::Away,
                Some(AgentState::Offline) | None => Presence::Gone,
            };
            before = span.id;
            if span.at < start {
                during.reverse();
                return Ok((now, during));
            }
            during.push((span.at, now));
        }
        if !whole {
            during.reverse();
            return Ok((Presence::Gone, during));
        }
    }
}

/// The rulebook in force at `start`, and those that came later. Before the first version nothing was assigned.
fn versions(tx: &mut Tx<'_>, w: WorkspaceId, start: Ms) -> AppResult<(Rulebook, Vec<(Ms, Rulebook)>)> {
    let mut later = Vec::new();
    let mut before = i64::MAX;
    loop {
        let page = routing::policies(tx, w, before, PAGE)?;
        let whole = page.len() as i64 == PAGE;
        for row in page {
            before = row.version;
            let book = Rulebook::of(&row)?;
            if row.created_at <= start {
                later.reverse();
                return Ok((book, later));
            }
            later.push((row.created_at, book));
        }
        if !whole {
            later.reverse();
            let none = Rulebook {
                policy: Policy::default(),
                ..Rulebook::default()
            };
            return Ok((none, later));
        }
    }
}
