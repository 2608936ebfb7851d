//! Recorded failures of service: who had it, how long the customer waited, and in which phase (spec CORE-2).

use crate::app::hours::Calendar;
use crate::app::routing::About;
use crate::app::simulated::{self, Simulated};
use crate::app::views::{self, Conversation, Message, Named};
use crate::app::{AppResult, Who};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, Ms, WorkspaceId};
use ronda_storage::decisions::{self, Wanted};
use ronda_storage::{Tx, agents, conversations, incidents, messages};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// Somebody who had the conversation while its customer waited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Held {
    pub agent: AgentId,
    /// The name of today.
    #[serde(default)]
    #[schema(required = true)]
    pub name: String,
    pub from: Ms,
    pub to: Ms,
}

/// An incident.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Incident {
    pub id: i64,
    /// `closed_unanswered`, `exhausted`, `unknown_group`.
    pub kind: String,
    /// `waiting` or `agent`: where the conversation was.
    pub phase: String,
    pub at: Ms,
    /// How long the customer had been owed a reply, in milliseconds.
    pub waited: i64,
    pub conversation: Option<About>,
    /// Who had it meanwhile, in order.
    pub owners: Vec<Held>,
}

/// Decisions of one conversation that are looked through for its owners.
const DECISIONS: i64 = 500;

/// Who held a conversation in `[from, to)`, by the decision log, with the decisions of the present plan already in it.
///
/// # Errors
/// When the database fails.
pub fn owners(tx: &mut Tx<'_>, w: WorkspaceId, conversation: ConversationId, from: Ms, to: Ms) -> AppResult<Vec<Held>> {
    let mut log = decisions::page(tx, w, &Wanted::of(conversation), i64::MAX, DECISIONS)?.0;
    log.reverse();
    let mut found: Vec<Held> = Vec::new();
    let mut holds: Option<(AgentId, Ms)> = None;
    for d in log.iter().filter(|d| d.epoch_after != d.epoch_before) {
        if let Some((agent, since)) = holds.take() {
            found.push(Held {
                agent,
                name: String::new(),
                from: since,
                to: d.at,
            });
        }
        holds = d.to.map(|agent| (agent, d.at));
    }
    if let Some((agent, since)) = holds {
        found.push(Held {
            agent,
            name: String::new(),
            from: since,
            to,
        });
    }
    for held in &mut found {
        held.from = held.from.max(from);
        held.to = held.to.min(to);
    }
    found.retain(|h| h.from < h.to);
    Ok(found)
}

/// Incidents before `before` and inside a period, newest first, with their conversations and names.
///
/// # Errors
/// When the database fails.
pub fn page(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    before: i64,
    period: (Ms, Ms),
    limit: i64,
    simulated: bool,
) -> AppResult<Vec<Incident>> {
    let rows = incidents::page(tx, w, before, period, limit, simulated)?;
    let about = about(tx, w, rows.iter().map(|r| r.conversation).collect())?;
    let names: BTreeMap<AgentId, String> = agents::names(tx, w)?.into_iter().collect();
    Ok(rows
        .into_iter()
        .map(|row| {
            let detail: Value = serde_json::from_str(&row.detail).unwrap_or_default();
            let mut owners: Vec<Held> = serde_json::from_value(detail["owners"].clone()).unwrap_or_default();
            for held in &mut owners {
                held.name = names.get(&held.agent).cloned().unwrap_or_default();
            }
            Incident {
                id: row.id,
                kind: row.kind,
                phase: row.phase,
                at: row.at,
                waited: row.waited,
                conversation: about.get(&row.conversation).cloned(),
                owners,
            }
        })
        .collect())
}

/// The conversations of a list, each once.
///
/// # Errors
/// When the database fails.
pub(crate) fn about(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    mut ids: Vec<ConversationId>,
) -> AppResult<HashMap<ConversationId, About>> {
    ids.sort_unstable();
    ids.dedup();
    let now = tx.now();
    let calendar = Calendar::load(tx, w)?;
    Ok(conversations::views(tx, w, &ids)?
        .into_iter()
        .map(|v| Conversation::of(v, now, &calendar))
        .map(|c| (c.id, About::from(&c)))
        .collect())
}

/// [`page`], for whoever may see all conversations.
///
/// # Errors
/// [`crate::app::AppError::Forbidden`].
pub fn list(
    tx: &mut Tx<'_>,
    who: &Who,
    before: i64,
    period: (Ms, Ms),
    limit: i64,
    asked: Option<Simulated>,
) -> AppResult<Vec<Incident>> {
    who.need(Permission::ConversationsSeeAll)?;
    let simulated = simulated::counts(tx, who.workspace, asked)?;
    page(tx, who.workspace, before, period, limit, simulated)
}

/// A message of ours that could not be delivered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FailedSend {
    pub id: i64,
    pub at: Ms,
    pub conversation: Option<About>,
    #[schema(value_type = Option<Object>)]
    pub agent: Option<Named<AgentId>>,
    /// One line of what was to be said.
    pub preview: String,
    /// `{code, key, title, detail}`.
    #[schema(value_type = Option<Object>)]
    pub error: Option<Value>,
}

/// Messages that failed for good since `from`, newest first.
///
/// # Errors
/// [`crate::app::AppError::Forbidden`].
pub fn failed_sends(
    tx: &mut Tx<'_>,
    who: &Who,
    before: i64,
    from: Ms,
    limit: i64,
    asked: Option<Simulated>,
) -> AppResult<Vec<FailedSend>> {
    who.need(Permission::ConversationsSeeAll)?;
    let w = who.workspace;
    let simulated = simulated::counts(tx, w, asked)?;
    let rows = messages::failed(tx, w, before, from, limit, simulated)?;
    let about = about(tx, w, rows.iter().map(|m| m.conversation).collect())?;
    let beside = views::Beside {
        names: agents::names(tx, w)?.into_iter().collect(),
        ..views::Beside::default()
    };
    Ok(rows
        .into_iter()
        .map(|row| Message::of(row, &beside))
        .map(|m| FailedSend {
            id: m.id.0,
            at: m.at,
            conversation: about.get(&m.conversation).cloned(),
            agent: m.agent,
            preview: m.content.map(|c| c.preview()).unwrap_or_default(),
            error: m.error,
        })
        .collect())
}
