//! Renews the leases of this node's connections, and looks at who is gone.

use super::leases::Duty;
use crate::App;
use crate::app::{AppResult, presence};
use ronda_domain::agent::LEASE_MS;
use ronda_storage::{Lane, StoreResult, presence as stored};
use std::sync::Arc;
use std::time::Duration;

/// A third of a lease. Source: architecture.md §8, T8.
const RENEW: Duration = Duration::from_secs(15);
/// How often it is looked who is gone: far below the grace it measures.
const SWEEP: Duration = if cfg!(feature = "testing") {
    Duration::from_millis(50)
} else {
    Duration::from_secs(2)
};

/// Starts to renew the leases of the sockets of this node.
pub fn start_renewing(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "presence_renew", async move {
        let mut renewed = its.clock.now();
        loop {
            // A test's clock may jump over the life of a lease: the connections are still there.
            let tick = if cfg!(feature = "testing") { SWEEP / 2 } else { RENEW };
            tokio::time::sleep(tick).await;
            if its.clock.now().since(renewed) >= RENEW.as_millis() as i64 / 2 {
                renewed = its.clock.now();
                if let Err(error) = renew(&its).await {
                    tracing::warn!(%error, "leases were not renewed");
                }
            }
        }
    });
}

/// Starts to look who is gone: one node does, for all.
pub fn start_looking(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "presence_sweep", async move {
        loop {
            tokio::time::sleep(SWEEP).await;
            if !its.leases.does(Duty::Presence) {
                continue;
            }
            if let Err(error) = sweep(&its).await {
                tracing::warn!(%error, "it was not looked who is gone");
                tokio::time::sleep(super::REST).await;
            }
        }
    });
}

/// The connections of this node are there for a lease more.
///
/// # Errors
/// When the database fails.
pub async fn renew(app: &App) -> StoreResult<u64> {
    let node = app.node.clone();
    app.db
        .write("renew_leases", Lane::Background, move |tx| {
            let until = tx.now().plus(LEASE_MS);
            stored::renew(tx, &node, until)
        })
        .await
}

/// One look at everybody who is there.
///
/// # Errors
/// When the database fails.
pub async fn sweep(app: &App) -> AppResult<usize> {
    let up = app.up_since;
    // Looking costs no transaction when nothing has changed.
    let due: AppResult<bool> = app
        .db
        .read("presence_due", move |tx| {
            let now = tx.now();
            Ok(stored::present(tx)?
                .iter()
                .any(|p| presence::moves(p, now, up) || p.away_until.is_some_and(|until| until <= now)))
        })
        .await;
    if !due? {
        return Ok(0);
    }
    let node = app.node.clone();
    app.db
        .write("presence_sweep", Lane::Background, move |tx| {
            presence::sweep(tx, &node, up)
        })
        .await
}
