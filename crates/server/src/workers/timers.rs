//! What happens because time passed: conversations that close by themselves, snoozes that end, old rows that go (T10).

use super::leases::Duty;
use crate::App;
use crate::app::{AppError, AppResult, candidates, hours, routing};
use ronda_domain::conversation::{CloseReason, Place};
use ronda_domain::{ConversationId, Ms, WorkspaceId};
use ronda_routing::{Arrival, Epoch, Fact};
use ronda_storage::workspaces::WorkspaceRow;
use ronda_storage::{
    Lane, StoreResult, Tx, alerts, conversations, decisions, drafts, events, journal, parked, presence, timers,
    workspaces,
};
use std::sync::Arc;
use std::time::Duration;

/// Most conversations closed in one transaction. Source: architecture.md §8, T10.
const BATCH: i64 = 200;
/// How often it is looked for quiet conversations.
const TICK: Duration = if cfg!(feature = "testing") {
    Duration::from_millis(100)
} else {
    Duration::from_secs(10)
};
/// Events are kept so long. Source: architecture.md §9.
const EVENTS_MS: i64 = 48 * Ms::HOUR;
/// Processed bodies are kept so long, for a look when something went wrong.
const JOURNAL_MS: i64 = 7 * Ms::DAY;
/// Statuses of messages that nobody knows. Source: spec CORE-3.
const PARKED_MS: i64 = Ms::DAY;
/// Drafts nobody touched. Source: spec G10.
const DRAFTS_MS: i64 = 15 * Ms::DAY;
/// Decisions of routing, with the inputs and states they are made again from. Source: spec CP-11.
const DECISIONS_MS: i64 = 90 * Ms::DAY;
/// Decisions or inputs removed in one transaction, so that nobody waits for it.
const DECISIONS_AT_ONCE: i64 = 1_000;

/// Starts the worker.
pub fn start(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "timers", async move {
        let renewed: AppResult<()> = its.db.write("hours_renewed", Lane::Background, hours::renew_all).await;
        if let Err(error) = renewed {
            tracing::warn!(%error, "business hours are as they were before the start");
        }
        loop {
            // One node does what is due for all; another takes it over when that one is gone.
            if !its.leases.does(Duty::Timers) {
                its.wakes.timers.take(TICK).await;
                continue;
            }
            if let Err(error) = step(&its).await {
                tracing::warn!(%error, "what was due could not be done yet");
                tokio::time::sleep(super::REST).await;
            }
            its.wakes.timers.take(TICK).await;
        }
    });
    let its = app.clone();
    super::spawn(app, "retention", async move {
        loop {
            if its.leases.does(Duty::Timers)
                && let Err(error) = forget(&its).await
            {
                tracing::warn!(%error, "old rows were not removed");
            }
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
    });
}

/// Does what is due now.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &Arc<App>) -> AppResult<()> {
    let now = app.clock.now();
    let due: StoreResult<Option<Ms>> = app.db.read("timers_next", timers::next).await;
    if due.map_err(AppError::from)?.is_some_and(|at| at <= now) {
        app.db.write("timers", Lane::Background, fire).await?;
        ronda_storage::crash_point("timers.after_commit");
    }
    let all: StoreResult<Vec<WorkspaceRow>> = app.db.read("workspaces", workspaces::all).await;
    for row in all.map_err(AppError::from)? {
        let settings = crate::app::workspaces::settings(&row);
        for (place, outbound, minutes) in [
            (Place::Bot, false, settings.auto_close.bot),
            (Place::Waiting, false, settings.auto_close.waiting),
            (Place::Held, false, settings.auto_close.agent),
            (Place::Bot, true, settings.auto_close.outbound),
        ] {
            if let Some(minutes) = minutes {
                let before = now.plus(-minutes * Ms::MINUTE);
                close(app, row.id, place, outbound, before).await?;
            }
        }
    }
    Ok(())
}

/// Snoozes that are over, and midnights of business hours.
fn fire(tx: &mut Tx<'_>) -> AppResult<()> {
    for t in timers::due(tx, BATCH)? {
        // Another node, paused until now, may have been faster.
        if timers::remove(tx, t.workspace, &t.kind, t.subject)? != 1 {
            continue;
        }
        match t.kind.as_str() {
            "snooze" => {
                let conv = ConversationId(t.subject);
                routing::tell(tx, t.workspace, &[Fact::Woken { conv }])?;
            }
            hours::TIMER => hours::renew(tx, t.workspace, t.subject)?,
            candidates::TIMER => candidates::activate(tx, t.workspace, t.subject)?,
            _ => {}
        }
    }
    ronda_storage::crash_point("timers.before_commit");
    Ok(())
}

/// Closes what has been quiet since `before`, by commands that carry the epoch: who writes meanwhile is heard.
async fn close(app: &Arc<App>, w: WorkspaceId, place: Place, outbound: bool, before: Ms) -> AppResult<()> {
    let quiet: StoreResult<Vec<(ConversationId, i64)>> = app
        .db
        .read("quiet", move |tx| {
            conversations::quiet_since(tx, w, place, outbound, before, BATCH)
        })
        .await;
    let quiet = quiet.map_err(AppError::from)?;
    if quiet.is_empty() {
        return Ok(());
    }
    let ids: Vec<ConversationId> = quiet.iter().map(|(id, _)| *id).collect();
    let rows: StoreResult<Vec<conversations::ConversationRow>> = app
        .db
        .read("quiet_rows", move |tx| conversations::get_many(tx, w, &ids))
        .await;
    for row in rows.map_err(AppError::from)? {
        let fact = Fact::Closed {
            conv: row.id,
            by: None,
            seen: Some(Epoch(row.epoch)),
            reason: CloseReason::Inactivity,
            arrival: Some(Arrival {
                group: row.group,
                anchor: row.owed_since,
                ..Arrival::of(row.customer, row.channel_account, Epoch(row.epoch))
            }),
        };
        match app.planners.command(app, w, None, fact, row.last_message).await {
            Ok(_) | Err(AppError::RoutingUnavailable) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes what is kept only for a while.
///
/// # Errors
/// When the database fails.
pub async fn forget(app: &App) -> StoreResult<()> {
    let forgotten: StoreResult<()> = app
        .db
        .write("retention", Lane::Background, |tx| {
            let now = tx.now();
            for row in workspaces::all(tx)? {
                events::forget(tx, row.id, now.plus(-EVENTS_MS))?;
            }
            journal::forget(tx, now.plus(-JOURNAL_MS))?;
            parked::forget(tx, now.plus(-PARKED_MS))?;
            drafts::forget(tx, now.plus(-DRAFTS_MS))?;
            presence::forget_leases(tx, now.plus(-Ms::DAY))?;
            alerts::forget(tx, now.plus(-crate::app::alerts::KEPT_MS))?;
            Ok(())
        })
        .await;
    forgotten?;
    forget_decisions(app).await
}

/// Decisions past their time, a piece at a time. What is kept stays a chain: its beginning is noted.
async fn forget_decisions(app: &App) -> StoreResult<()> {
    let all: Vec<WorkspaceRow> = app.db.read("workspaces", workspaces::all).await?;
    for w in all.into_iter().map(|row| row.id) {
        loop {
            let forgotten: StoreResult<u64> = app
                .db
                .write("forget_decisions", Lane::Background, move |tx| {
                    let before = tx.now().plus(-DECISIONS_MS);
                    let decisions = decisions::forget(tx, w, before, DECISIONS_AT_ONCE)?;
                    Ok(decisions + decisions::forget_inputs(tx, w, before, DECISIONS_AT_ONCE)?)
                })
                .await;
            if forgotten? == 0 {
                break;
            }
        }
    }
    Ok(())
}
