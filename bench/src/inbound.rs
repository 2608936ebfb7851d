//! Messages into the store without HTTP: the collectors and the ingest workers, on a database of their own.

use crate::Numbers;
use crate::place::Place;
use crate::plain::Known;
use anyhow::{Result, ensure};
use ronda_domain::channel::{ChannelKind, ChannelStatus};
use ronda_domain::{Clock, Ms, WorkspaceId};
use ronda_server::App;
use ronda_server::config::Config;
use ronda_server::mail::Mail;
use ronda_server::workers::{accept, ingest};
use ronda_storage::channel_accounts::{self, ChannelAccountRow};
use ronda_storage::{DbConfig, StoreError, workspaces};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Customers who are known before a round.
pub const CUSTOMERS: u64 = 10_000;
const CALLERS: u64 = 64;
/// Batches of a lane that may fail and be done again in a round.
const MOST_TROUBLES: u32 = 20;
const WORDS: &str = "Hola, buenas tardes. Quería saber si el mate torpedo que vi ayer en la página sigue disponible y cuánto \
    tarda el envío hasta Bariloche, porque es para un regalo y lo necesito antes del viernes. ¿Tienen otro color? Gracias.";

pub(crate) fn phone(customer: u64) -> String {
    format!("54911{:08}", 20_000_000 + customer)
}

fn number(account: u64) -> String {
    format!("10000000000{account}")
}

/// A webhook body with one text message.
pub(crate) fn body(account: u64, customer: u64, id: u64) -> Vec<u8> {
    let (phone, number) = (phone(customer), number(account));
    serde_json::json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "900000000000001", "changes": [{ "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "5491100000000", "phone_number_id": number },
            "contacts": [{ "profile": { "name": format!("Cliente {customer}") }, "wa_id": phone }],
            "messages": [{
                "from": phone, "id": format!("wamid.bench{id}"), "timestamp": "1800000000", "type": "text",
                "text": { "body": WORDS }
            }]
        } }] }]
    })
    .to_string()
    .into_bytes()
}

/// The server without its HTTP: the collectors, and ingest workers that run while a round lasts.
pub struct Ours {
    app: Arc<App>,
    runtime: tokio::runtime::Runtime,
    accounts: u64,
    next: Arc<AtomicU64>,
}

impl Ours {
    /// Opens the server on a fresh database and lets every customer write once.
    ///
    /// # Errors
    /// Of the database.
    pub fn new(place: &Place, folder: &Path, accounts: u64) -> Result<(Self, Known)> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let mut values = vec![("data", folder.display().to_string())];
        if let DbConfig::Postgres(url) = &place.config {
            values.push(("database", url.clone()));
        }
        let config = Config::load(None, |_| None, &values)?;
        let mail = Mail::open(&config.mail)?;
        let app = {
            let _inside = runtime.enter();
            let app = App::open(config, Clock::system(), mail)?;
            accept::start(&app);
            app
        };
        let (workspace, ids) = app.db.write_blocking("workspace", move |tx| -> Result<_, StoreError> {
            let workspace = workspaces::insert(tx, "Bench", "UTC", "es", "AR", false)?;
            let ids = (0..accounts).map(|n| channel_accounts::insert(tx, &account(workspace, n)));
            Ok((workspace, ids.collect::<Result<Vec<_>, _>>()?))
        })?;
        let ours = Self {
            app,
            runtime,
            accounts,
            next: Arc::new(AtomicU64::new(0)),
        };
        // Everybody writes once: identities and conversations exist when the rounds begin.
        ours.send(CUSTOMERS, true)?;
        let known = Known {
            workspace: workspace.0,
            accounts: ids.iter().map(|id| id.0).collect(),
            event_bytes: ours.event_bytes(workspace)?,
            words: WORDS,
        };
        Ok((ours, known))
    }

    /// The mean lengths of the two events of a message.
    fn event_bytes(&self, workspace: WorkspaceId) -> Result<[usize; 2]> {
        let lengths = self.app.db.read_blocking("lengths", move |tx| {
            let text =
                "select cast(avg(length(body)) as bigint) from event where workspace = $1 group by kind order by kind";
            tx.query_dynamic(text, &[workspace.into()], |r| r.i(0))
        })?;
        ensure!(lengths.len() >= 2, "a message has two kinds of events, not {lengths:?}");
        Ok([lengths[0] as usize, lengths[1] as usize])
    }

    /// Sends `n` messages from 64 callers; messages per second until the last one is committed.
    ///
    /// # Errors
    /// Of the database.
    pub fn send(&self, n: u64, in_order: bool) -> Result<f64> {
        let started = Instant::now();
        self.runtime.block_on(async {
            let (open, stored) = (Arc::new(AtomicU64::new(n)), Arc::new(AtomicU64::new(0)));
            let workers: Vec<_> = (0..self.accounts as i64)
                .map(|lane| {
                    let (app, stored) = (self.app.clone(), stored.clone());
                    tokio::spawn(async move {
                        let mut troubles = 0;
                        while stored.load(Ordering::Relaxed) < n {
                            let done = match ingest::step(&app, lane).await {
                                Ok(done) => done,
                                // As the server's own worker: what was not its fault is done again.
                                Err(error) if troubles < MOST_TROUBLES => {
                                    eprintln!("lane {lane}: {error}");
                                    troubles += 1;
                                    0
                                }
                                Err(error) => {
                                    // The others would wait for its share for ever.
                                    stored.store(n, Ordering::Relaxed);
                                    anyhow::bail!("lane {lane}: {error}");
                                }
                            };
                            stored.fetch_add(done as u64, Ordering::Relaxed);
                            if done == 0 {
                                tokio::time::sleep(Duration::from_micros(300)).await;
                            }
                        }
                        anyhow::Ok(())
                    })
                })
                .collect();
            let callers: Vec<_> = (0..CALLERS)
                .map(|caller| {
                    let (app, next, open, accounts) =
                        (self.app.clone(), self.next.clone(), open.clone(), self.accounts);
                    tokio::spawn(async move {
                        let mut numbers = Numbers::from(caller + 1);
                        while take(&open) {
                            let id = next.fetch_add(1, Ordering::Relaxed);
                            let customer = if in_order {
                                id % CUSTOMERS
                            } else {
                                numbers.below(CUSTOMERS)
                            };
                            let account = customer % accounts;
                            let bytes = body(account, customer, id);
                            let kept = app.accept.body("meta", None, account as i64, bytes).await;
                            ensure!(kept, "the journal refused a body");
                        }
                        Ok(())
                    })
                })
                .collect();
            for task in callers.into_iter().chain(workers) {
                task.await??;
            }
            anyhow::Ok(())
        })?;
        Ok(n as f64 / started.elapsed().as_secs_f64())
    }
}

/// Counts one down, if any is left.
fn take(open: &AtomicU64) -> bool {
    let less = |left: u64| left.checked_sub(1);
    open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
}

fn account(workspace: WorkspaceId, n: u64) -> ChannelAccountRow {
    ChannelAccountRow {
        id: ronda_domain::ChannelAccountId(0),
        workspace,
        kind: ChannelKind::Whatsapp,
        name: number(n),
        external_id: number(n),
        scope: "900000000000001".into(),
        webhook_token: number(n),
        lane: n as i64,
        status: ChannelStatus::Connected,
        status_detail: String::new(),
        settings: "{}".into(),
        secrets: "{}".into(),
        greeter: None,
        default_group: None,
        skills: Vec::new(),
        priority_minutes: 0,
        simulated: false,
        health: "{}".into(),
        version: 1,
        created_at: Ms(0),
    }
}
