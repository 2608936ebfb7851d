//! What reports are made of, read in pieces that stay far below the longest transaction.

use crate::app::fairness::{Decided, Member};
use crate::app::{AppError, AppResult, Who};
use ronda_domain::agent::AgentState;
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, GroupId, Ms};
use ronda_routing::{Funnel, Policy};
use ronda_storage::decisions::{self, DecisionRow};
use ronda_storage::routing;
use ronda_storage::{Tx, conversations, messages, presence, users};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Longest period of a report on decisions.
pub const LONGEST_MS: i64 = 31 * Ms::DAY;
/// Most decisions of one report; a busier period is asked for in parts.
pub const MOST_DECISIONS: i64 = 300_000;
/// Decisions, or conversations, of one read.
pub const PIECE: i64 = 2_000;
/// Versions of the policy that are looked at.
const VERSIONS: i64 = 500;

/// Checks a period; both ends are needed.
///
/// # Errors
/// Wrong fields.
pub fn period(from: Option<i64>, to: Option<i64>, now: Ms) -> AppResult<(Ms, Ms)> {
    let to = to.map_or(now, Ms);
    let from = from.map_or(to.plus(-Ms::DAY), Ms);
    if from >= to {
        return Err(AppError::field(
            "/query/from",
            "out_of_range",
            "before the end of the period",
        ));
    }
    if to.since(from) > LONGEST_MS {
        return Err(AppError::field("/query/from", "too_long", "at most 31 days"));
    }
    Ok((from, to))
}

/// The numbers of the decisions of a period: after the first, up to the second.
///
/// # Errors
/// [`AppError::Forbidden`]; `too_many` when there are more than one report looks at.
pub fn bounds(tx: &mut Tx<'_>, who: &Who, (from, to): (Ms, Ms)) -> AppResult<(i64, i64)> {
    who.need(Permission::RoutingExplain)?;
    let first = decisions::last_before(tx, who.workspace, from)?;
    let last = decisions::last_before(tx, who.workspace, to)?;
    if last - first > MOST_DECISIONS {
        return Err(AppError::Refused {
            code: "period_too_busy",
            detail: format!("more than {MOST_DECISIONS} decisions: choose a shorter period"),
        });
    }
    Ok((first, last))
}

fn parse<T: serde::de::DeserializeOwned>(text: &str, place: &'static str) -> AppResult<T> {
    serde_json::from_str(text).map_err(|e| {
        ronda_storage::StoreError::BadData {
            place,
            detail: e.to_string(),
        }
        .into()
    })
}

fn decided(row: DecisionRow) -> AppResult<Decided> {
    let funnel: Funnel = parse(&row.funnel, "routing_decision.funnel")?;
    Ok(Decided {
        seq: row.seq,
        at: row.at,
        conversation: row.conversation,
        act: row.act,
        from: row.from,
        to: row.to,
        moves: row.epoch_before != row.epoch_after,
        reason: parse(&row.reason, "routing_decision.reason")?,
        funnel,
    })
}

/// A piece of the log after decision `after`, oldest first, with the number it ends at.
///
/// # Errors
/// When the database fails.
pub fn decisions(tx: &mut Tx<'_>, who: &Who, after: i64, last: i64) -> AppResult<(Vec<Decided>, i64)> {
    let limit = PIECE.min(last - after);
    let rows = decisions::after(tx, who.workspace, after, limit)?;
    let end = rows.last().map_or(last, |d| d.seq);
    Ok((rows.into_iter().map(decided).collect::<AppResult<_>>()?, end))
}

/// The people of a report: members with the states they were in.
pub type People = (Vec<Member>, BTreeMap<AgentId, Vec<(Ms, AgentState)>>);

/// Everybody who may be given conversations, with those who were `named` by a decision and left since: what a period
/// was does not change. And their states in the period.
///
/// # Errors
/// When the database fails.
pub fn people(tx: &mut Tx<'_>, who: &Who, period: (Ms, Ms), named: &BTreeSet<AgentId>) -> AppResult<People> {
    let w = who.workspace;
    let mut rows = users::page(tx, w, 0, i64::from(u16::MAX))?;
    rows.retain(|u| named.contains(&u.id) || (u.status == "active" && u.role.may(Permission::ConversationsReply)));
    let here: BTreeSet<AgentId> = rows.iter().map(|u| u.id).collect();
    let gone: Vec<AgentId> = named.difference(&here).copied().collect();
    rows.extend(users::get_many(tx, w, &gone)?);
    let members: Vec<Member> = rows
        .into_iter()
        .map(|u| Member {
            agent: u.id,
            name: u.name,
            groups: u.groups,
            since: u.created_at,
        })
        .collect();
    let ids: Vec<AgentId> = members.iter().map(|m| m.agent).collect();
    let mut states: BTreeMap<AgentId, Vec<(Ms, AgentState)>> = BTreeMap::new();
    for (agent, state, at) in presence::states_in(tx, w, &ids, period)? {
        states.entry(agent).or_default().push((at, state));
    }
    Ok((members, states))
}

/// The versions of the policy that were in force, in order; the default before the first.
///
/// # Errors
/// When the database fails.
pub fn policies(tx: &mut Tx<'_>, who: &Who) -> AppResult<Vec<(Ms, Policy)>> {
    let mut found = vec![(Ms(0), Policy::default())];
    let mut rows = routing::policies(tx, who.workspace, i64::MAX, VERSIONS)?;
    rows.reverse();
    for row in rows {
        let policy: Policy = parse(&row.body, "routing_policy.body")?;
        found.push((row.created_at, policy));
    }
    Ok(found)
}

/// What is known of some conversations.
pub struct Said {
    pub answers: Vec<(ConversationId, AgentId, Ms)>,
    /// The groups they have now.
    pub groups: HashMap<ConversationId, GroupId>,
    pub simulated: BTreeSet<ConversationId>,
}

/// What was answered in some conversations during a period, and whose they are.
///
/// # Errors
/// When the database fails.
pub fn said(tx: &mut Tx<'_>, who: &Who, ids: &[ConversationId], period: (Ms, Ms)) -> AppResult<Said> {
    let answers = messages::answers(tx, who.workspace, ids, period)?;
    let rows = conversations::get_many(tx, who.workspace, ids)?;
    Ok(Said {
        answers,
        groups: rows.iter().filter_map(|c| Some((c.id, c.group?))).collect(),
        simulated: rows.iter().filter(|c| c.simulated).map(|c| c.id).collect(),
    })
}

/// A group of the workspace.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn group(tx: &mut Tx<'_>, who: &Who, group: GroupId) -> AppResult<()> {
    let known = ronda_storage::agents::groups(tx, who.workspace)?;
    if known.iter().any(|g| g.group == group) {
        return Ok(());
    }
    Err(AppError::field("/query/group", "unknown", "no group has this id"))
}
