//! What comes near, or goes on, without anything happening: closings of conversations that are owed a reply (spec
//! CORE-2), silence after a first answer (routing row 4), and promises that run out (spec REP-8). Each is told once.

use super::leases::Duty;
use crate::App;
use crate::app::alerts::{self, Raised};
use crate::app::{AppError, AppResult};
use ronda_domain::conversation::Place;
use ronda_domain::{Ms, WorkspaceId};
use ronda_storage::workspaces::WorkspaceRow;
use ronda_storage::{Lane, StoreResult, conversations, service_levels, workspaces};
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked.
const TICK: Duration = if cfg!(feature = "testing") {
    Duration::from_millis(100)
} else {
    Duration::from_secs(10)
};
/// A closing is told so long before; with periods below twice that, at half of the period. Source: spec CORE-2.
const BEFORE_CLOSE_MS: i64 = 2 * Ms::HOUR;
/// Most warnings of one kind in one look.
const BATCH: i64 = 200;

/// Starts the worker.
pub fn start(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "warnings", async move {
        // What was told, so that the same is not written again at every look. The database knows better.
        let mut told = HashSet::new();
        loop {
            // One node looks for all.
            if its.leases.does(Duty::Timers)
                && let Err(error) = step(&its, &mut told).await
            {
                tracing::debug!(%error, "it could not be looked what comes near");
            }
            tokio::time::sleep(TICK).await;
        }
    });
}

/// Looks at every workspace.
///
/// # Errors
/// When the database fails.
pub async fn step(app: &Arc<App>, told: &mut HashSet<(WorkspaceId, String)>) -> AppResult<()> {
    let all: StoreResult<Vec<WorkspaceRow>> = app.db.read("workspaces", workspaces::all).await;
    let mut now: HashSet<(WorkspaceId, String)> = HashSet::new();
    for row in all.map_err(AppError::from)? {
        let mut raised = closings(app, &row).await?;
        raised.extend(silences(app, row.id).await?);
        now.extend(raised.iter().map(|r| (row.id, r.key.clone())));
        raised.retain(|r| !told.contains(&(row.id, r.key.clone())));
        if raised.is_empty() {
            continue;
        }
        let w = row.id;
        app.db
            .write("warnings", Lane::Background, move |tx| -> AppResult<()> {
                for one in &raised {
                    alerts::raise(tx, w, one)?;
                }
                Ok(())
            })
            .await?;
    }
    *told = now;
    promises(app).await
}

/// Promises to customers that are at risk or broken since the last look.
async fn promises(app: &Arc<App>) -> AppResult<()> {
    let now = app.clock.now();
    let due: StoreResult<bool> = app
        .db
        .read(
            "service_due",
            move |tx| Ok(!service_levels::due(tx, now, 1)?.is_empty()),
        )
        .await;
    if due.map_err(AppError::from)? {
        let told: AppResult<usize> = app
            .db
            .write("service", Lane::Background, crate::app::service_levels::tell)
            .await;
        told?;
    }
    Ok(())
}

/// Conversations that will close by themselves although their customer is owed a reply.
async fn closings(app: &Arc<App>, row: &WorkspaceRow) -> AppResult<Vec<Raised>> {
    let now = app.clock.now();
    let settings = crate::app::workspaces::settings(row).auto_close;
    let mut found = Vec::new();
    for (place, minutes) in [(Place::Waiting, settings.waiting), (Place::Held, settings.agent)] {
        let Some(period) = minutes.map(|m| m * Ms::MINUTE) else {
            continue;
        };
        let until = now.plus(BEFORE_CLOSE_MS.min(period / 2) - period);
        let w = row.id;
        let near = app
            .db
            .read("closing_soon", move |tx| {
                conversations::quiet_between(tx, w, (now.plus(-period), until), BATCH)
            })
            .await;
        let near: Vec<_> = near.map_err(AppError::from)?;
        for c in near.into_iter().map(|v| v.row).filter(|c| c.place == place) {
            let (Some(owed), Some(last)) = (c.owed_since, c.last_customer_at) else {
                continue;
            };
            found.push(Raised {
                kind: "closing_soon",
                key: format!("closing_soon:{}:{last}", c.id),
                conversation: Some(c.id),
                agent: c.owner,
                detail: json!({ "closes_at": last.plus(period), "owed_since": owed }),
            });
        }
    }
    Ok(found)
}

/// Conversations that were answered once and are silent since, longer than the time to answer.
async fn silences(app: &Arc<App>, w: WorkspaceId) -> AppResult<Vec<Raised>> {
    let now = app.clock.now();
    let asked = app
        .planners
        .ask(app, w, move |state| {
            let late = ronda_routing::survey(state, now).overdue.into_iter();
            let late = late.take(BATCH as usize);
            late.map(|(since, conv)| (since, conv, state.conv(conv).and_then(|c| c.owner)))
                .collect::<Vec<_>>()
        })
        .await;
    let late = match asked {
        Ok(late) => late,
        // Another node plans this workspace, and warns.
        Err(AppError::RoutingUnavailable) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(late
        .into_iter()
        .map(|(since, conv, owner)| Raised {
            kind: "overdue",
            key: format!("overdue:{conv}:{since}"),
            conversation: Some(conv),
            agent: owner,
            detail: json!({ "since": since }),
        })
        .collect())
}
