//! Bodies of the inbound journal into conversations: one worker per lane, in id order (T2).

use super::leases::Duty;
use crate::App;
use crate::accounts::Snapshot;
use crate::app::receive::{self, Arrived};
use crate::app::{AppError, AppResult};
use crate::wakes::LANES;
use ronda_channels::inbound::{Inbound, Malformed};
use ronda_channels::whatsapp;
use ronda_domain::WorkspaceId;
use ronda_domain::channel::ChannelKind;
use ronda_storage::journal::{self, JournalRow};
use ronda_storage::{Lane, StoreError};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Most bodies of one transaction. Source: architecture.md §8, T2.
const BATCH: i64 = 64;
/// Longest transaction of a body alone: what a database that stalls for a moment does is not the body's fault.
const LONGEST_ALONE: Duration = Duration::from_secs(10);
/// Attempts at a body that fails alone.
const ATTEMPTS: i64 = 5;

/// Starts a worker per lane.
pub fn start(app: &Arc<App>) {
    for lane in 0..LANES {
        let app = app.clone();
        super::spawn(&app.clone(), "ingest", async move {
            loop {
                // One node stores a lane, in its order; what another would do at the same time is refused by the guard.
                if !app.leases.does(Duty::Inbound(lane)) {
                    app.wakes.lanes[lane as usize].take(super::IDLE).await;
                    continue;
                }
                match step(&app, lane).await {
                    Ok(0) => {
                        app.wakes.lanes[lane as usize].take(super::IDLE).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(lane, %error, "received bodies could not be stored yet");
                        tokio::time::sleep(super::REST).await;
                    }
                }
            }
        });
    }
}

/// What one body says.
#[derive(Clone, Debug, Default)]
struct Read {
    arrived: Vec<Arrived>,
    kept: Vec<(Option<WorkspaceId>, Malformed)>,
}

/// Processes the oldest open bodies of a lane; how many.
///
/// # Errors
/// When the database fails; nothing is lost then.
pub async fn step(app: &Arc<App>, lane: i64) -> AppResult<usize> {
    let rows: Vec<JournalRow> = app
        .db
        .read("journal", move |tx| journal::open(tx, lane, BATCH))
        .await
        .map_err(AppError::from)?;
    if rows.is_empty() {
        return Ok(0);
    }
    let accounts = app.accounts.snapshot(app).await?;
    let read: Vec<(i64, Read)> = rows.iter().map(|row| (row.id, understand(row, &accounts))).collect();
    let n = read.len();
    match store(app, Arc::new(read.clone()), None).await {
        Ok(()) => Ok(n),
        Err(AppError::Store(error @ (StoreError::Unavailable(_) | StoreError::CommitUnknown))) => Err(error.into()),
        Err(error) => {
            tracing::warn!(lane, %error, "a batch of received bodies failed: one by one");
            for (id, one) in read {
                alone(app, id, one).await?;
            }
            Ok(n)
        }
    }
}

/// `longest` when it may take longer than other transactions.
async fn store(app: &Arc<App>, read: Arc<Vec<(i64, Read)>>, longest: Option<Duration>) -> AppResult<()> {
    let stored: AppResult<()> = app
        .db
        .write("receive", Lane::Background, move |tx| {
            if let Some(longest) = longest {
                tx.may_take(longest);
            }
            let ids: Vec<i64> = read.iter().map(|(id, _)| *id).collect();
            // Another node may have been faster.
            if journal::done(tx, &ids)? != ids.len() as u64 {
                return Err(StoreError::Guard("journal").into());
            }
            let arrived: Vec<Arrived> = read.iter().flat_map(|(_, r)| r.arrived.iter().cloned()).collect();
            receive::run(tx, &arrived)?;
            for (id, r) in read.iter() {
                for (workspace, part) in &r.kept {
                    journal::keep_part(tx, *workspace, *id, &part.pointer, &part.reason, &part.raw.to_string())?;
                }
            }
            ronda_storage::crash_point("receive.before_commit");
            Ok(())
        })
        .await;
    ronda_storage::crash_point("receive.after_commit");
    stored
}

async fn alone(app: &Arc<App>, id: i64, read: Read) -> AppResult<()> {
    let error = match store(app, Arc::new(vec![(id, read)]), Some(LONGEST_ALONE)).await {
        Ok(()) => return Ok(()),
        Err(AppError::Store(StoreError::Guard("journal"))) => return Ok(()),
        // None of these is the body's fault: it is not counted.
        Err(AppError::Store(error @ (StoreError::Unavailable(_) | StoreError::CommitUnknown | StoreError::Retry))) => {
            return Err(error.into());
        }
        Err(error) => error.to_string(),
    };
    tracing::error!(body = id, %error, "a received body cannot be stored");
    let noted: Result<(), StoreError> = app
        .db
        .write("receive_failed", Lane::Background, move |tx| {
            if journal::attempt(tx, id)? >= ATTEMPTS {
                journal::fail(tx, id, &error)?;
            }
            Ok(())
        })
        .await;
    Ok(noted?)
}

/// The workspace whose number the surroundings of a part name, so that its people find what was not understood.
fn whose(body: &[u8], pointer: &str, accounts: &Snapshot) -> Option<WorkspaceId> {
    let end = pointer.find("/value").map(|at| at + "/value".len())?;
    let root: Value = serde_json::from_slice(body).ok()?;
    let id = root.pointer(&pointer[..end])?.pointer("/metadata/phone_number_id")?;
    let account = accounts.by_external(ChannelKind::Whatsapp, id.as_str()?)?;
    Some(account.row.workspace)
}

/// What a body says about accounts of ours. Nothing here can fail: what is not understood is kept.
fn understand(row: &JournalRow, accounts: &Snapshot) -> Read {
    let own = row.channel_account.map(|id| accounts.get(id).map(|a| a.row.workspace));
    let mut read = Read::default();
    for part in whatsapp::parse(&row.body, row.received_at) {
        match part {
            Inbound::Malformed(part) => {
                let whose = own.unwrap_or_else(|| whose(&row.body, &part.pointer, accounts));
                read.kept.push((whose, part));
            }
            Inbound::Event(event) => {
                let named = event.account_external_id.as_deref();
                let account = named.and_then(|id| accounts.by_external(ChannelKind::Whatsapp, id));
                // The app of a workspace speaks for that workspace's accounts only.
                let account = account.filter(|a| own.is_none_or(|w| w == Some(a.row.workspace)));
                match account {
                    Some(account) => read.arrived.push(Arrived {
                        account: account.row.clone(),
                        kind: event.kind,
                        received_at: row.received_at,
                        client_id: None,
                        form: false,
                        origin: None,
                    }),
                    None if named.is_some() => read.kept.push((
                        own.flatten(),
                        Malformed {
                            pointer: event.pointer,
                            reason: "no channel account has this number".into(),
                            raw: serde_json::to_value(&event.kind).unwrap_or(Value::Null),
                        },
                    )),
                    // News about the owner as a whole concern each of its numbers.
                    None => {
                        let owner = event.owner_external_id.clone().unwrap_or_default();
                        for account in accounts.all().filter(|a| {
                            a.row.kind == ChannelKind::Whatsapp
                                && a.row.scope == owner
                                && own.is_none_or(|w| w == Some(a.row.workspace))
                        }) {
                            read.arrived.push(Arrived {
                                account: account.row.clone(),
                                kind: event.kind.clone(),
                                received_at: row.received_at,
                                client_id: None,
                                form: false,
                                origin: None,
                            });
                        }
                    }
                }
            }
        }
    }
    read
}
