//! Things people should act on: what automatic assignment could not solve, clocks that are over, closings that come
//! near. Each is told once, to supervisors and to the agent it is about.

use crate::app::conversations as seen;
use crate::app::hours::Calendar;
use crate::app::routing::About;
use crate::app::scope::Sight;
use crate::app::views::{self, Conversation, Named};
use crate::app::{AppResult, Who};
use ronda_domain::conversation::Place;
use ronda_domain::event::{Event, EventKind, Scope};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, Ms, WorkspaceId};
use ronda_storage::alerts::{self, AlertRow, NewAlert};
use ronda_storage::{Tx, agents, conversations};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use utoipa::ToSchema;

/// Alerts are kept so long.
pub const KEPT_MS: i64 = 30 * Ms::DAY;
/// Pages that are looked through for those of some groups.
const LOOKS: usize = 10;

/// Something to act on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Alert {
    pub id: i64,
    /// `overdue`, `closing_soon`, `exhausted`, `nobody_available`, `kept_overdue`, `saturated`, `unknown_group`,
    /// `closed_unanswered`, `over_limit`, `marked_away`, `cooling_down`, `left_owing`, `service_at_risk`, `service_overdue`,
    /// `empty_group`, `nobody_has_skill`, `wait_over`, `escalated`, `window_ends`, `affinity_ended`, `push_lost`.
    pub kind: String,
    pub at: Ms,
    pub conversation: Option<About>,
    #[schema(value_type = Option<Object>)]
    pub agent: Option<Named<AgentId>>,
    /// Numbers and times of the kind.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// An alert to raise.
#[derive(Clone, Debug)]
pub struct Raised {
    pub kind: &'static str,
    /// The same thing has the same key, and is told once.
    pub key: String,
    pub conversation: Option<ConversationId>,
    /// Whom it is about besides supervisors.
    pub agent: Option<AgentId>,
    pub detail: Value,
}

/// Tells an alert, unless it was told before.
///
/// # Errors
/// When the database fails.
pub fn raise(tx: &mut Tx<'_>, w: WorkspaceId, raised: &Raised) -> AppResult<bool> {
    let detail = raised.detail.to_string();
    let new = NewAlert {
        kind: raised.kind,
        key: &raised.key,
        conversation: raised.conversation,
        agent: raised.agent,
        detail: &detail,
    };
    let now = tx.now();
    let Some(id) = alerts::insert(tx, w, &new)? else {
        return Ok(false);
    };
    let row = AlertRow {
        id,
        kind: raised.kind.to_owned(),
        conversation: raised.conversation,
        agent: raised.agent,
        detail,
        at: now,
    };
    let conversation = match raised.conversation {
        Some(id) => conversations::get(tx, w, id)?,
        None => None,
    };
    let about = conversation.map_or(
        Scope {
            place: Place::Held,
            owner: None,
            group: None,
        },
        |row| row.scope(),
    );
    for alert in view(tx, w, vec![row])? {
        tx.emit(Event {
            workspace: w,
            kind: EventKind::AlertRaised,
            conversation: raised.conversation,
            scope_before: None,
            // Who may see it: the agent it is about, and supervisors who see the conversation.
            scope_after: Some(Scope {
                owner: raised.agent,
                ..about
            }),
            body: views::text(&alert),
        });
    }
    Ok(true)
}

fn view(tx: &mut Tx<'_>, w: WorkspaceId, rows: Vec<AlertRow>) -> AppResult<Vec<Alert>> {
    let now = tx.now();
    let mut ids: Vec<ConversationId> = rows.iter().filter_map(|r| r.conversation).collect();
    ids.sort_unstable();
    ids.dedup();
    let calendar = Calendar::load(tx, w)?;
    let about: HashMap<ConversationId, About> = conversations::views(tx, w, &ids)?
        .into_iter()
        .map(|v| Conversation::of(v, now, &calendar))
        .map(|c| (c.id, About::from(&c)))
        .collect();
    let names: BTreeMap<AgentId, String> = agents::names(tx, w)?.into_iter().collect();
    Ok(rows
        .into_iter()
        .map(|row| Alert {
            id: row.id,
            kind: row.kind,
            at: row.at,
            conversation: row.conversation.and_then(|id| about.get(&id).cloned()),
            agent: row.agent.map(|id| Named {
                id,
                name: names.get(&id).cloned().unwrap_or_default(),
            }),
            detail: serde_json::from_str(&row.detail).unwrap_or_default(),
        })
        .collect())
}

/// Alerts before `before`, newest first: for supervisors all, or what is about their groups; an agent's own for everybody else.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx<'_>, who: &Who, before: i64, limit: i64) -> AppResult<Vec<Alert>> {
    let of = (!who.may(Permission::RoutingExplain)).then_some(who.agent);
    let (w, sight) = (who.workspace, Sight::from(who));
    if of.is_some() || sight.all() {
        let rows = alerts::page(tx, w, of, before, limit)?;
        return view(tx, w, rows);
    }
    let members = agents::members(tx, w)?.into_iter();
    let mut team: BTreeSet<AgentId> = members.filter(|(_, g)| sight.shares(&[*g])).map(|(a, _)| a).collect();
    team.insert(who.agent);
    let wanted = usize::try_from(limit).unwrap_or_default();
    let (mut found, mut before) = (Vec::new(), before);
    for _ in 0..LOOKS {
        let rows = alerts::page(tx, w, None, before, limit)?;
        let (read, last) = (rows.len(), rows.last().map(|r| r.id));
        let visible = seen::visible_of(tx, w, &sight, rows.iter().filter_map(|r| r.conversation))?;
        found.extend(rows.into_iter().filter(|r| match r.conversation {
            Some(id) => visible.contains(&id) || r.agent == Some(who.agent),
            None => r.agent.is_none_or(|a| team.contains(&a)),
        }));
        match last {
            Some(last) if read == wanted && found.len() < wanted => before = last,
            _ => break,
        }
    }
    found.truncate(wanted);
    view(tx, w, found)
}
