//! From the event log to the sockets of this node, in the order of the log (architecture.md §9).

use crate::App;
use crate::realtime::hub::Published;
use ronda_domain::event::EventKind;
use ronda_domain::{ConversationId, WorkspaceId};
use ronda_storage::visitors as stored;
use ronda_storage::{StoreResult, StoredEvent, events};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most events of one read. Source: architecture.md §9.
const PAGE: i64 = 500;

/// How often the heads of the logs are read: what a lost wake costs. Source: architecture.md §9.
const POLL: Duration = Duration::from_millis(250);
/// The same while a bus brings the wakes of other nodes.
const POLL_BESIDE_BUS: Duration = Duration::from_secs(1);

/// Events that are handed out at once: some of what may wait for a listener.
const SHARE: usize = 64;
/// How often it is looked whether listeners have room again, and how long nobody may have got anything before those without
/// are found too slow.
const LOOK: Duration = Duration::from_millis(5);
const STUCK: Duration = Duration::from_millis(250);

/// Starts the relay of this node.
pub fn start(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "relay", async move {
        let mut last: HashMap<WorkspaceId, i64> = HashMap::new();
        match its.db.read("event_heads", events::heads).await {
            Ok(heads) => last.extend(heads),
            Err(error) => tracing::warn!(%error, "the event log cannot be read"),
        }
        let mut looked = Instant::now();
        loop {
            let pause = if its.bus.connected() { POLL_BESIDE_BUS } else { POLL };
            let mut woken = its.wakes.events.take(pause.saturating_sub(looked.elapsed())).await;
            if looked.elapsed() >= pause {
                woken.extend(behind(&its, &last).await.unwrap_or_default());
                looked = Instant::now();
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

/// Hands what is new in a workspace to the hub, in shares that its listeners have room for.
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
        visitors(app, w, &page).await?;
        let page: Vec<Arc<Published>> = page.into_iter().map(|event| Arc::new(event.into())).collect();
        for share in page.chunks(SHARE) {
            taken(app, w).await;
            app.hub.publish(w, share);
        }
        last.insert(w, newest);
        if !full {
            return Ok(());
        }
    }
}

/// Until everybody who listens has room for a share. Nobody is too slow because the server is: it waits as long as its
/// listeners get something, whoever of them.
async fn taken(app: &App, w: WorkspaceId) {
    let (mut least, mut moved) = (usize::MAX, Instant::now());
    loop {
        let (all, waiting) = app.hub.room(w, SHARE);
        if waiting < least {
            (least, moved) = (waiting, Instant::now());
        }
        if all || moved.elapsed() > STUCK {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A conversation may have become a visitor's on another node, or a moment ago on this one: who listens here hears of it.
async fn visitors(app: &App, w: WorkspaceId, page: &[StoredEvent]) -> StoreResult<()> {
    let here = app.hub.visitors(w);
    let born: BTreeSet<ConversationId> = page
        .iter()
        .filter(|e| e.kind == EventKind::MessageCreated)
        .filter_map(|e| e.conversation)
        .collect();
    if here.is_empty() || born.is_empty() {
        return Ok(());
    }
    let owners = app
        .db
        .read("visitors_of", move |tx| {
            let born: Vec<ConversationId> = born.iter().copied().collect();
            stored::of_conversations(tx, w, &born)
        })
        .await?;
    for (visitor, conversation) in owners.into_iter().filter(|(v, _)| here.contains(v)) {
        app.hub.give_visitor(w, visitor, conversation);
    }
    Ok(())
}
