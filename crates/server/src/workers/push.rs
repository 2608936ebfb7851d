//! Pushes to the devices of agents: read from the event log by a cursor that moves with what it wrote, claimed, sent
//! outside any transaction, and recorded (spec AG-3, AG-4).

use crate::App;
use crate::app::{AppError, AppResult, push_devices};
use crate::secrets::Place;
use anyhow::Context as _;
use ronda_channels::push::{Delivery, Identity, Pushed, Subscription};
use ronda_domain::{Ms, WorkspaceId};
use ronda_storage::push_devices::{self as stored, PushJobRow};
use ronda_storage::{Lane, StoreResult, events, installation};
use std::sync::Arc;
use std::time::Duration;

/// Most events of one read. Source: architecture.md §9.
const PAGE: i64 = 500;
/// Pushes at once.
const CLAIM: i64 = 20;
/// How long a call may take before another is made.
const LEASE_MS: i64 = Ms::MINUTE;
/// How long a service keeps a push for a device that is off.
const KEEP: Duration = Duration::from_millis(push_devices::KEPT_MS.unsigned_abs());
/// The fact of the installation that holds its keys.
const IDENTITY: &str = "push_identity";
const PLACE: Place<'static> = Place {
    // No workspace: the installation has them.
    workspace: WorkspaceId(0),
    table: "installation",
    column: "value",
    row: IDENTITY,
};

/// Reads the keys by which push services know this installation; the first start makes them.
///
/// # Errors
/// When the database fails.
pub async fn identify(app: &Arc<App>) -> anyhow::Result<()> {
    let known: StoreResult<Option<String>> = app.db.read("push_identity", |tx| installation::get(tx, IDENTITY)).await;
    let sealed = match known? {
        Some(sealed) => sealed,
        None => {
            let new = app.secrets.seal(PLACE, &Identity::generate());
            let kept: StoreResult<Option<String>> = app
                .db
                .write("push_identity", Lane::Background, move |tx| {
                    // Another node may have been faster: all need the same.
                    installation::claim(tx, IDENTITY, &new)?;
                    installation::get(tx, IDENTITY)
                })
                .await;
            kept?.context("what was just written is there")?
        }
    };
    let contact = if app.config.is_https() {
        app.config.link("")
    } else {
        "mailto:ronda@localhost".to_owned()
    };
    let read = app.secrets.open(PLACE, &sealed).map_err(|e| e.to_string());
    match read.and_then(|pkcs8| Identity::read(&pkcs8, &contact).ok_or_else(|| "they are damaged".to_owned())) {
        Ok(identity) => drop(app.push_identity.set(identity)),
        Err(error) => tracing::warn!(%error, "nothing is pushed: the keys of the installation cannot be read"),
    }
    Ok(())
}

/// Starts the worker.
pub fn start(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "push", async move {
        loop {
            let done = async { Ok::<_, AppError>(read(&its).await? + send(&its).await?) };
            match done.await {
                Ok(0) => tokio::time::sleep(super::IDLE).await,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "agents could not be told by push yet");
                    tokio::time::sleep(super::REST).await;
                }
            }
        }
    });
}

/// Reads what is new in the logs; how many workspaces had something.
///
/// # Errors
/// When the database fails.
pub async fn read(app: &Arc<App>) -> AppResult<usize> {
    let behind: StoreResult<Vec<(WorkspaceId, i64)>> = app.db.read("push_behind", stored::behind).await;
    let behind = behind.map_err(AppError::from)?;
    for (w, from) in &behind {
        let (w, from) = (*w, *from);
        let page: StoreResult<_> = app
            .db
            .read("push_events", move |tx| events::events_after(tx, w, from, PAGE))
            .await;
        let page = page.map_err(AppError::from)?;
        let Some(to) = page.last().map(|e| e.seq) else {
            continue;
        };
        let mut news = push_devices::news(&page);
        // Whoever looks at it sees it.
        news.retain(|n| !app.hub.looks(w, n.agent, n.conversation));
        app.db
            .write("push_tell", Lane::Background, move |tx| {
                push_devices::tell(tx, w, (from, to), &news)
            })
            .await?;
    }
    Ok(behind.len())
}

/// Sends what is due; how many.
///
/// # Errors
/// When the database fails: what was claimed is sent again.
pub async fn send(app: &Arc<App>) -> AppResult<usize> {
    let Some(identity) = app.push_identity.get() else {
        return Ok(0);
    };
    let now = app.clock.now();
    // Looking costs no transaction when nothing waits.
    let next: StoreResult<Option<Ms>> = app.db.read("push_next", stored::next_job).await;
    if next.map_err(AppError::from)?.is_none_or(|due| due > now) {
        return Ok(0);
    }
    let jobs: StoreResult<Vec<PushJobRow>> = app
        .db
        .write("push_claim", Lane::Background, move |tx| {
            let until = tx.now().plus(LEASE_MS);
            stored::claim(tx, until, CLAIM)
        })
        .await;
    let jobs = jobs.map_err(AppError::from)?;
    let n = jobs.len();
    let work = jobs.into_iter().map(|job| one(app, identity, job));
    for done in futures_util::future::join_all(work).await {
        done?;
    }
    Ok(n)
}

async fn one(app: &Arc<App>, identity: &Identity, job: PushJobRow) -> AppResult<()> {
    let now = app.clock.now();
    if job.stale || now.since(job.created_at) > push_devices::KEPT_MS {
        let done: StoreResult<u64> = app
            .db
            .write("push_done", Lane::Background, move |tx| stored::job_done(tx, job.id))
            .await;
        return done.map(drop).map_err(AppError::from);
    }
    let device = &job.device;
    let pushed = match Subscription::again(&device.endpoint, &device.p256dh, &device.auth) {
        Ok(to) => {
            let delivery = Delivery {
                keep: KEEP,
                topic: job.conversation.map(|c| format!("c{c}")),
            };
            app.push.send(identity, &to, job.body.as_bytes(), &delivery, now).await
        }
        Err(error) => Pushed::Refused { why: error.to_string() },
    };
    if let Pushed::Later { why, .. } | Pushed::Refused { why } = &pushed {
        tracing::info!(device = device.id, why, "a push was not taken");
    }
    let up = app.up_since;
    app.db
        .write("push_settle", Lane::Background, move |tx| {
            push_devices::settle(tx, &job, &pushed, up)
        })
        .await
}
