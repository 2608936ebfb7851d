//! The log of what routing decided, for people: pages of it, whether it is whole, and a decision made again.

use super::routing::{DecisionView, Names, decision_row, named_decisions};
use super::scope::Sight;
use super::{AppError, AppResult, Who, conversations};
use crate::workers::planner::written;
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, Ms, WorkspaceId};
use ronda_routing::{Answer, Fact, Input, Reject, Replayed, Rows, State};
use ronda_storage::decisions::{self, Chain, DecisionRow, Wanted};
use ronda_storage::{Tx, agents};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Decisions of the newest end of the log that are read again on request; `ronda doctor` reads all.
const VERIFIED: i64 = 5_000;
/// Inputs that are made again for one decision.
const REPLAYED: i64 = 50_000;

/// What somebody may read of the log: what is about a conversation they see or one of their groups, about themselves, about
/// an agent of their groups, or about nobody.
struct Reach {
    sight: Sight,
    team: BTreeSet<AgentId>,
}

impl Reach {
    fn of(tx: &mut Tx<'_>, who: &Who) -> AppResult<Self> {
        let sight = Sight::from(who);
        let mut team = BTreeSet::from([who.agent]);
        if !sight.all() {
            let members = agents::members(tx, who.workspace)?.into_iter();
            team.extend(
                members
                    .filter(|(_, group)| sight.shares(&[*group]))
                    .map(|(agent, _)| agent),
            );
        }
        Ok(Self { sight, team })
    }

    /// Those of `rows` that may be read, and the conversations that may be seen.
    fn read(
        &self,
        tx: &mut Tx<'_>,
        w: WorkspaceId,
        mut rows: Vec<DecisionRow>,
    ) -> AppResult<(Vec<DecisionRow>, BTreeSet<ConversationId>)> {
        let about = rows.iter().filter_map(|d| d.conversation);
        let visible = conversations::visible_of(tx, w, &self.sight, about)?;
        let me = self.sight.agent;
        rows.retain(|d| match (d.conversation, d.from) {
            _ if self.sight.all() => true,
            (Some(id), _) => {
                let its = d.group.is_some_and(|g| self.sight.shares(&[g]));
                its || d.from == Some(me) || d.to == Some(me) || visible.contains(&id)
            }
            (None, Some(agent)) => self.team.contains(&agent),
            (None, None) => true,
        });
        Ok((rows, visible))
    }

    /// Names for `rows`, without the customers of conversations that may not be seen any more.
    fn named(&self, tx: &mut Tx<'_>, w: WorkspaceId, rows: Vec<DecisionRow>) -> AppResult<Vec<DecisionView>> {
        let (rows, visible) = self.read(tx, w, rows)?;
        let names = Names::load(tx, w)?;
        let mut list = named_decisions(tx, w, &names, rows)?;
        for decision in &mut list {
            decision.conversation = decision.conversation.take().filter(|c| visible.contains(&c.id));
        }
        Ok(list)
    }

    /// A decision that may be read.
    fn one(&self, tx: &mut Tx<'_>, w: WorkspaceId, seq: i64) -> AppResult<DecisionRow> {
        let row = decisions::get(tx, w, seq)?.ok_or(AppError::NotFound)?;
        self.read(tx, w, vec![row])?.0.pop().ok_or(AppError::NotFound)
    }
}

/// A page of the log. Agents see what moved to or from them, in the short form: who and why, and how long it had been since
/// their last one; not whom else routing looked at. Whoever sees their groups alone reads what is about them.
///
/// # Errors
/// [`AppError::Forbidden`] for others than themselves.
pub fn list(
    tx: &mut Tx<'_>,
    who: &Who,
    wanted: &Wanted,
    before: i64,
    limit: i64,
) -> AppResult<(Vec<DecisionView>, Option<i64>)> {
    let explains = who.may(Permission::RoutingExplain);
    if !explains && wanted.agent != Some(who.agent) {
        return Err(AppError::Forbidden(Permission::RoutingExplain));
    }
    let (rows, next) = decisions::page(tx, who.workspace, wanted, before, limit)?;
    let mut list = Reach::of(tx, who)?.named(tx, who.workspace, rows)?;
    if !explains {
        for decision in &mut list {
            shorten(decision, who.agent);
        }
    }
    Ok((list, next))
}

/// The short form for `agent`.
pub fn shorten(decision: &mut DecisionView, agent: AgentId) {
    let finalists = decision.funnel["finalists"].as_array();
    let me = finalists.and_then(|all| all.iter().find(|f| f["agent"] == agent.0));
    let mine = decision.to.as_ref().is_some_and(|to| to.id == agent);
    let last = me.filter(|_| mine).and_then(|f| f["last_assigned_at"].as_i64());
    decision.since_your_last_ms = last.map(|at| decision.at.since(Ms(at)));
    decision.funnel = Value::Null;
}

/// What became of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChainView {
    /// `whole`, `altered` or `cut`.
    pub state: String,
    /// The decisions that were read again: from this number
    pub first: i64,
    /// … to this one.
    pub last: i64,
    /// The first that is not as it was written, or is missing.
    pub at: Option<i64>,
}

/// Reads the newest decisions again and follows their hashes.
///
/// # Errors
/// [`AppError::Forbidden`].
pub fn chain(tx: &mut Tx<'_>, who: &Who) -> AppResult<ChainView> {
    who.need(Permission::RoutingExplain)?;
    let (state, first, last, at) = match decisions::verify(tx, who.workspace, Some(VERIFIED))? {
        Chain::Whole { first, last } => ("whole", first, last, None),
        Chain::BrokenAt(at) => ("altered", at, at, Some(at)),
        Chain::CutAt(at) => ("cut", at, at, Some(at)),
    };
    Ok(ChainView {
        state: state.to_owned(),
        first,
        last,
        at,
    })
}

/// One decision.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`].
pub fn get(tx: &mut Tx<'_>, who: &Who, seq: i64) -> AppResult<DecisionView> {
    who.need(Permission::RoutingExplain)?;
    let reach = Reach::of(tx, who)?;
    let row = reach.one(tx, who.workspace, seq)?;
    reach
        .named(tx, who.workspace, vec![row])?
        .pop()
        .ok_or(AppError::NotFound)
}

/// An agent in a decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VerdictView {
    pub agent: AgentId,
    pub name: String,
    /// Why not, as in the funnel; none for the one chosen.
    pub reject: Option<String>,
    pub load: u32,
    pub limit: Option<u32>,
    pub last_assigned_at: Option<Ms>,
}

/// A decision made again.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReplayView {
    /// Whether the state it was made on could be made again exactly: its hash is the one that was recorded.
    pub exact: bool,
    /// Why not: `no_state` (none was kept before it, or it is past its time), `inputs_missing`, `other_state` (what was
    /// made is not what it was decided on), `unreadable`.
    pub because: Option<String>,
    /// Whether the engine decides the same again, word for word.
    pub same: bool,
    /// Inputs that were made again, from a kept state to the one that caused it.
    pub inputs: i64,
    /// What is decided now; none when the decision does not come.
    pub decision: Option<DecisionView>,
    /// Everybody who was considered, by name; none when nobody was, or when it could not be made again exactly.
    pub everybody: Option<Vec<VerdictView>>,
}

/// What is needed to make a decision again.
pub struct Evidence {
    row: DecisionRow,
    start: Option<(i64, String)>,
    inputs: Vec<decisions::PlannedInput>,
}

/// Collects what is needed to make decision `seq` again.
///
/// # Errors
/// [`AppError::Forbidden`], [`AppError::NotFound`].
pub fn evidence(tx: &mut Tx<'_>, who: &Who, seq: i64) -> AppResult<Evidence> {
    who.need(Permission::RoutingExplain)?;
    let w = who.workspace;
    let row = Reach::of(tx, who)?.one(tx, w, seq)?;
    let start = decisions::snapshot_before(tx, w, row.cause)?;
    let inputs = match &start {
        Some((after, _)) if row.cause - after <= REPLAYED => decisions::inputs(tx, w, *after, row.cause, REPLAYED)?,
        _ => Vec::new(),
    };
    Ok(Evidence { row, start, inputs })
}

/// A fact as it was planned: what stopped a command is in its result.
fn planned(input: &decisions::PlannedInput) -> Input {
    let stopped = input
        .result
        .as_deref()
        .and_then(|r| serde_json::from_str::<Answer>(r).ok())
        == Some(Answer::CustomerWrote);
    let fact = match written(&input.fact) {
        Ok((fact, _)) if !stopped => fact,
        // As the planner does.
        _ => Fact::Tick,
    };
    Input {
        seq: input.seq,
        at: input.at,
        fact,
    }
}

/// Why a decision could not be made again.
type Because = &'static str;

/// Makes the decision again, and says whether the state on the way was the recorded one.
fn again(evidence: &Evidence) -> Result<(bool, Option<Replayed>), Because> {
    let Evidence { row, start, inputs } = evidence;
    let (after, body) = start.as_ref().ok_or("no_state")?;
    let rows: Rows = serde_json::from_str(body).map_err(|_| "unreadable")?;
    if inputs.len() as i64 != row.cause - after {
        return Err("inputs_missing");
    }
    let mut state = State::from_rows(rows);
    let (last, before) = inputs.split_last().ok_or("inputs_missing")?;
    let is_it = |state: &State| state.hash_with_head().cast_signed() == row.state;
    let mut exact = is_it(&state);
    for input in before {
        ronda_routing::step(&mut state, &planned(input));
        exact |= is_it(&state);
    }
    Ok((exact, ronda_routing::replay(&mut state, &planned(last), row.seq)))
}

/// Makes a decision again. Computing, so outside of any transaction.
#[must_use]
pub fn made_again(evidence: &Evidence) -> Remade {
    let (exact, replayed, because) = match again(evidence) {
        Ok((exact, replayed)) => (exact, replayed, (!exact).then_some("other_state")),
        Err(because) => (false, None, Some(because)),
    };
    let row = replayed.as_ref().map(|r| DecisionRow {
        group: evidence.row.group,
        state: evidence.row.state,
        hash: evidence.row.hash.clone(),
        ..decision_row(&r.decision)
    });
    Remade {
        exact,
        because,
        same: row.as_ref() == Some(&evidence.row),
        inputs: evidence.inputs.len() as i64,
        row,
        everybody: replayed.and_then(|r| r.everybody).filter(|_| exact),
    }
}

/// [`made_again`] before names are put to it.
pub struct Remade {
    exact: bool,
    because: Option<Because>,
    same: bool,
    inputs: i64,
    row: Option<DecisionRow>,
    everybody: Option<Vec<ronda_routing::Verdict>>,
}

/// Puts names to it.
///
/// # Errors
/// When the database fails.
pub fn replayed(tx: &mut Tx<'_>, who: &Who, remade: &Remade) -> AppResult<ReplayView> {
    let names: BTreeMap<AgentId, String> = agents::names(tx, who.workspace)?.into_iter().collect();
    let mut everybody: Option<Vec<VerdictView>> = remade.everybody.as_ref().map(|all| {
        all.iter()
            .map(|v| VerdictView {
                agent: v.agent,
                name: names.get(&v.agent).cloned().unwrap_or_default(),
                reject: v.reject.map(word),
                load: v.load,
                limit: v.limit,
                last_assigned_at: v.last_assigned_at,
            })
            .collect()
    });
    if let Some(list) = &mut everybody {
        list.sort_by(|a, b| (a.reject.is_some(), &a.name).cmp(&(b.reject.is_some(), &b.name)));
    }
    let rows: Vec<DecisionRow> = remade.row.clone().into_iter().collect();
    Ok(ReplayView {
        exact: remade.exact,
        because: remade.because.map(str::to_owned),
        same: remade.same,
        inputs: remade.inputs,
        decision: Reach::of(tx, who)?.named(tx, who.workspace, rows)?.pop(),
        everybody,
    })
}

fn word(reject: Reject) -> String {
    let word = super::views::json(&reject);
    word.as_str().unwrap_or_default().to_owned()
}
