//! From the event log to the sockets of this node, in the order of the log (architecture.md §9).

use crate::App;
use ronda_domain::WorkspaceId;
use ronda_domain::event::EventKind;
use ronda_storage::{Engine, StoreResult, StoredEvent, events};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Most events of one read. Source: architecture.md §9.
const PAGE: i64 = 500;

/// Starts the relay of this node.
pub fn start(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "relay", async move {
        let mut last: HashMap<WorkspaceId, i64> = HashMap::new();
        match its.db.read("event_heads", events::heads).await {
            Ok(heads) => last.extend(heads),
            Err(error) => tracing::warn!(%error, "the event log cannot be read"),
        }
        loop {
            let mut woken = its.wakes.events.take(super::IDLE).await;
            if woken.is_empty() || its.db.engine() == Engine::Postgres {
                woken.extend(behind(&its, &last).await.unwrap_or_default());
            }
            for w in woken {
                if let Err(error) = step(&its, w, &mut last).await {
                    tracing::warn!(workspace = %w, %error, "events could not be relayed yet");
                    its.wakes.events.mark(w);
                    tokio::time::sleep(super::REST).await;
                }
            }
        }
    });
}

/// The workspaces whose log grew without a wake: another node wrote.
async fn behind(app: &App, last: &HashMap<WorkspaceId, i64>) -> StoreResult<BTreeSet<WorkspaceId>> {
    let heads: Vec<(WorkspaceId, i64)> = app.db.read("event_heads", events::heads).await?;
    Ok(heads
        .into_iter()
        .filter(|(w, head)| last.get(w).is_none_or(|seen| seen < head))
        .map(|(w, _)| w)
        .collect())
}

/// Hands what is new in a workspace to the hub.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &App, w: WorkspaceId, last: &mut HashMap<WorkspaceId, i64>) -> StoreResult<()> {
    loop {
        let seen = *last.entry(w).or_insert(0);
        let page: Vec<StoredEvent> = app
            .db
            .read("relay", move |tx| events::events_after(tx, w, seen, PAGE))
            .await?;
        let Some(newest) = page.last().map(|e| e.seq) else {
            return Ok(());
        };
        let full = page.len() as i64 == PAGE;
        let accounts = page
            .iter()
            .any(|e| e.kind == EventKind::ChannelChanged || e.kind == EventKind::SettingsChanged);
        if accounts {
            app.accounts.changed();
        }
        let page: Vec<Arc<StoredEvent>> = page.into_iter().map(Arc::new).collect();
        app.hub.publish(w, &page);
        last.insert(w, newest);
        if !full {
            return Ok(());
        }
    }
}
