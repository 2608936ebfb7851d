//! Messages from the outbox to the provider: claimed in the order of each conversation, called outside any
//! transaction, and recorded with the token of the claim (T6, T7).

use crate::App;
use crate::accounts::Account;
use crate::app::{AppError, AppResult, delivery, outgoing};
use ronda_channels::inbound::Sender;
use ronda_channels::outcome::{CallError, ErrorClass, ProviderError, SendOutcome};
use ronda_channels::whatsapp::{self, GraphClient, Recipient};
use ronda_domain::channel::{ChannelStatus, IdentityKind};
use ronda_domain::content::Content;
use ronda_domain::{ChannelAccountId, MessageId};
use ronda_storage::messages::MessageRow;
use ronda_storage::outbox::{self, OutboxRow};
use ronda_storage::{Lane, StoreError, StoreResult, Tx, conversations, customers, files, messages};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Rows of one claim: a fraction of a second at the platform's 80 messages a second and number (meta-platform §8.4).
const CLAIM: i64 = 20;
/// How long a call may take before its row counts as unconfirmed.
const LEASE_MS: i64 = 90_000;
/// How long the database may be away before a row is left to lapse: a call and this fit into the lease.
const PATIENCE: Duration = Duration::from_secs(45);

/// The accounts that are being worked on.
#[derive(Default)]
pub struct Busy(Mutex<BTreeSet<ChannelAccountId>>);

impl Busy {
    fn begin(&self, id: ChannelAccountId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }

    fn end(&self, id: ChannelAccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// Starts the worker: it looks at what was woken, and now and then at every account with open rows.
pub fn start(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "deliver", async move {
        loop {
            let mut accounts = its.wakes.deliver.take(super::IDLE).await;
            match its.db.read("outbox_accounts", outbox::open_accounts).await {
                Ok(open) => accounts.extend(open),
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be read");
                    tokio::time::sleep(super::REST).await;
                }
            }
            for id in accounts {
                if its.delivering.begin(id) {
                    let app = its.clone();
                    its.workers.spawn(async move {
                        while !app.stop.is_cancelled() {
                            match step(&app, id).await {
                                Ok(0) => break,
                                Ok(_) => {}
                                Err(error) => {
                                    tracing::warn!(account = %id, %error, "messages could not be delivered yet");
                                    tokio::time::sleep(super::REST).await;
                                    break;
                                }
                            }
                        }
                        app.delivering.end(id);
                    });
                }
            }
        }
    });
}

/// Delivers what is due on one account; how many rows were called for.
///
/// # Errors
/// When the database fails; the rows lapse and become unconfirmed.
pub async fn step(app: &Arc<App>, id: ChannelAccountId) -> AppResult<usize> {
    let snapshot = app.accounts.snapshot(app).await?;
    let Some(account) = snapshot.get(id).cloned() else {
        return Ok(0);
    };
    // A broken token holds everything back until it is repaired (spec PS-2.3).
    if account.row.status == ChannelStatus::Disconnected {
        return Ok(0);
    }
    let token = uuid::Uuid::now_v7().to_string();
    let its = token.clone();
    let rows: AppResult<Vec<OutboxRow>> = app
        .db
        .write("claim", Lane::Interactive, move |tx| {
            let now = tx.now();
            for row in outbox::lapse(tx, id, now.plus(delivery::UNCERTAIN_MS))? {
                if let Some(message) = row.message
                    && let Some(message) = messages::get(tx, row.workspace, message)?
                {
                    delivery::uncertain(tx, row.workspace, &message)?;
                }
            }
            let rows = outbox::claim(tx, id, now.plus(LEASE_MS), &its, CLAIM)?;
            ronda_storage::crash_point("claim.before_commit");
            Ok(rows)
        })
        .await;
    let rows = rows?;
    ronda_storage::crash_point("claim.after_commit");
    let n = rows.len();
    let calls = rows.into_iter().map(|row| {
        let (app, account, token) = (app.clone(), account.clone(), token.clone());
        async move { one(&app, &account, row, token).await }
    });
    for done in futures_util::future::join_all(calls).await {
        done?;
    }
    Ok(n)
}

async fn one(app: &Arc<App>, account: &Account, row: OutboxRow, token: String) -> AppResult<()> {
    let (outcome, to) = match row.kind.as_str() {
        "message" | "reaction" => patiently(app, || message(app, account, &row, &token)).await?,
        _ => (mark(app, account, &row).await, Sender::default()),
    };
    ronda_storage::crash_point("deliver.after_call");
    let disconnected = matches!(&outcome, SendOutcome::Rejected { error } if error.class == ErrorClass::Auth);
    // What the platform answered is known here alone: it is written as often as it takes, once by its token.
    let settled = patiently(app, || {
        let (row, token, to, outcome) = (row.clone(), token.clone(), to.clone(), outcome.clone());
        app.db.write("sent", Lane::Interactive, move |tx| {
            delivery::settle(tx, &row, &token, &to, &outcome)?;
            ronda_storage::crash_point("sent.before_commit");
            Ok(())
        })
    })
    .await;
    ronda_storage::crash_point("sent.after_commit");
    if disconnected {
        app.accounts.changed();
    }
    settled
}

/// Repeats what the database cannot do for the moment.
async fn patiently<T, F>(app: &App, work: impl Fn() -> F) -> AppResult<T>
where
    F: Future<Output = AppResult<T>>,
{
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        match work().await {
            Err(AppError::Store(
                StoreError::Unavailable(_) | StoreError::CommitUnknown | StoreError::Retry | StoreError::TooLong { .. },
            )) if tokio::time::Instant::now() < until && !app.stop.is_cancelled() => {
                tokio::time::sleep(super::REST).await;
            }
            done => return done,
        }
    }
}

/// Read receipts and typing: nobody waits for them, and they are not repeated.
async fn mark(app: &App, account: &Account, row: &OutboxRow) -> SendOutcome {
    let payload: serde_json::Value = serde_json::from_str(&row.payload).unwrap_or_default();
    let id = payload["provider_id"].as_str().unwrap_or_default();
    if let Ok(client) = client(app, account) {
        let typing = row.kind == "typing";
        let sent = client
            .send_read(&account.row.external_id, &account.secrets.access_token, id, typing)
            .await;
        if let Err(error) = sent {
            tracing::debug!(account = %account.row.id, %error, "a mark was not delivered");
        }
    }
    SendOutcome::Sent {
        provider_id: String::new(),
        contact: Sender::default(),
        held: false,
    }
}

/// The Graph client of an account: the installation's address, or its own.
///
/// # Errors
/// A sentence when the address cannot be used.
pub fn client(app: &App, account: &Account) -> Result<GraphClient, String> {
    match account.whatsapp().graph_url {
        None => Ok(app.graph.clone()),
        Some(url) => app
            .graph
            .at(&url, whatsapp::client::GRAPH_VERSION)
            .map_err(|e| e.to_string()),
    }
}

/// What is to be said, and what it quotes.
struct Outgoing {
    content: Content,
    quoted: Option<String>,
    callback: String,
}

/// A reaction stands in its outbox row; everything else in its message.
fn reaction(row: &OutboxRow) -> Option<Outgoing> {
    let payload: serde_json::Value = serde_json::from_str(&row.payload).unwrap_or_default();
    Some(Outgoing {
        content: Content::Reaction {
            emoji: payload["emoji"].as_str()?.to_owned(),
            target: payload["provider_id"].as_str()?.to_owned(),
        },
        quoted: None,
        callback: String::new(),
    })
}

/// Nothing when the content cannot be read.
fn outgoing_of(tx: &mut Tx<'_>, message: &MessageRow, token: &str) -> AppResult<Option<Outgoing>> {
    let Ok(content) = serde_json::from_str(&message.content) else {
        return Ok(None);
    };
    let reply: serde_json::Value = message
        .reply_to
        .as_deref()
        .and_then(|r| serde_json::from_str(r).ok())
        .unwrap_or_default();
    let mut quoted = reply["provider_id"].as_str().map(str::to_owned);
    // A message of ours that was still on its way when it was quoted has its id by now.
    if let (None, Some(id)) = (&quoted, reply["message"].as_i64()) {
        quoted = messages::get(tx, message.workspace, MessageId(id))?.and_then(|m| m.provider_id);
    }
    Ok(Some(Outgoing {
        content,
        quoted,
        callback: outgoing::callback_of(message.id, token),
    }))
}

/// Makes the call; what came of it, and how the customer was known.
async fn message(app: &Arc<App>, account: &Account, row: &OutboxRow, token: &str) -> AppResult<(SendOutcome, Sender)> {
    let (w, conversation, scope) = (row.workspace, row.conversation, account.row.scope.clone());
    let (outbox_row, claim) = (row.clone(), token.to_owned());
    let read: AppResult<(Option<Outgoing>, Sender)> = app
        .db
        .read("outgoing", move |tx| {
            let message = match outbox_row.message {
                None => reaction(&outbox_row),
                Some(id) => match messages::get(tx, w, id)? {
                    Some(message) => outgoing_of(tx, &message, &claim)?,
                    None => None,
                },
            };
            let row = conversations::get(tx, w, conversation)?.ok_or(AppError::NotFound)?;
            let mut to = Sender::default();
            for identity in customers::identities(tx, w, row.customer)? {
                match identity.kind {
                    IdentityKind::WhatsappPhone if identity.replaced_by.is_none() => {
                        to.phone = Some(identity.value.trim_start_matches('+').to_owned());
                        to.wa_id = identity.send_to.or(to.wa_id);
                    }
                    IdentityKind::WhatsappBsuid if identity.scope == scope && identity.replaced_by.is_none() => {
                        to.user_id = Some(identity.value);
                    }
                    _ => {}
                }
            }
            Ok((message, to))
        })
        .await;
    let (message, to) = read?;
    let outcome = match message {
        Some(message) => call(app, account, message, &to, w).await,
        None => refused("message_gone", "the message is not there any more, or cannot be read"),
    };
    Ok((outcome, to))
}

async fn call(
    app: &App,
    account: &Account,
    mut message: Outgoing,
    to: &Sender,
    w: ronda_domain::WorkspaceId,
) -> SendOutcome {
    let client = match client(app, account) {
        Ok(client) => client,
        Err(reason) => return refused("graph_url", &reason),
    };
    let Some(recipient) = Recipient::of(to) else {
        return refused("no_address", "the customer has no address on this channel");
    };
    if let Some(outcome) = upload(app, account, &client, &mut message.content, w).await {
        return outcome;
    }
    match whatsapp::render(
        &recipient,
        &message.content,
        message.quoted.as_deref(),
        &message.callback,
    ) {
        Err(refusal) => refused(refusal.code(), &refusal.to_string()),
        Ok(body) => {
            let secret = &account.secrets.access_token;
            client.send(&account.row.external_id, secret, &body).await
        }
    }
}

/// Gives the platform a file of ours; an outcome only when that did not work.
async fn upload(
    app: &App,
    account: &Account,
    client: &GraphClient,
    content: &mut Content,
    w: ronda_domain::WorkspaceId,
) -> Option<SendOutcome> {
    let media = content.media_mut()?;
    let file = media.file?;
    let public_id = file.to_string();
    let stored: StoreResult<Option<files::FileRow>> =
        app.db.read("file", move |tx| files::get(tx, w, &public_id)).await;
    let bytes = app.files.get(file).await;
    let (Ok(Some(row)), Ok(bytes)) = (stored, bytes) else {
        return Some(refused("file_gone", "the file is not there any more"));
    };
    let sent = client
        .upload_media(
            &account.row.external_id,
            &account.secrets.access_token,
            bytes,
            &row.mime,
            &row.name,
        )
        .await;
    match sent {
        Ok(id) => {
            media.provider_media = Some(id);
            None
        }
        Err(CallError::Provider(error)) if !error.class.may_retry() => Some(SendOutcome::Rejected { error: *error }),
        // Uploading sends nothing to the customer: it may be repeated.
        Err(error) if error.may_retry() => Some(SendOutcome::Retry {
            after_ms: None,
            error: provider_error(ErrorClass::Retry, "upload", &error.to_string()),
        }),
        Err(error) => Some(refused("upload", &error.to_string())),
    }
}

fn provider_error(class: ErrorClass, key: &str, detail: &str) -> ProviderError {
    ProviderError {
        code: 0,
        subcode: None,
        class,
        key: key.to_owned(),
        title: key.to_owned(),
        detail: detail.to_owned(),
        http_status: None,
        trace_id: None,
    }
}

fn refused(key: &str, detail: &str) -> SendOutcome {
    SendOutcome::Rejected {
        error: provider_error(ErrorClass::Permanent, key, detail),
    }
}
