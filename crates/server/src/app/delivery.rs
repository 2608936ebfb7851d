//! What became of messages we sent: the answer of the call (T7) and the statuses that follow.

use crate::app::{AppError, AppResult, corrections, outgoing, views};
use ronda_channels::inbound::Sender;
use ronda_channels::outcome::{ErrorClass, ProviderError, SendOutcome};
use ronda_domain::channel::{ChannelStatus, IdentityKind};
use ronda_domain::conversation::{Author, MessageStatus, Place};
use ronda_domain::event::{Event, EventKind};
use ronda_domain::{ChannelAccountId, Ms, WorkspaceId};
use ronda_routing::Fact;
use ronda_storage::channel_accounts;
use ronda_storage::customers::{self, IdentityKey};
use ronda_storage::messages::{self, MessageRow};
use ronda_storage::outbox::{self, OutboxRow};
use ronda_storage::{Tx, Wake, conversations, parked, routing};
use serde_json::{Map, Value, json};

/// Attempts of one message before it fails for good.
pub const MOST_ATTEMPTS: i64 = 8;
/// Pause of a message that a dead token held back, against a race of its nodes; the repair ends it.
const AUTH_PAUSE_MS: i64 = Ms::MINUTE;
/// How long an unconfirmed message holds what follows it. Source: architecture.md §8, T7.
pub const UNCERTAIN_MS: i64 = 60_000;

/// Records what came of the call for an outbox row that this worker claimed with `token`. `to` is how the customer was
/// known when it was made.
///
/// # Errors
/// When the database fails.
pub fn settle(tx: &mut Tx<'_>, row: &OutboxRow, token: &str, to: &Sender, outcome: &SendOutcome) -> AppResult<()> {
    let w = row.workspace;
    let now = tx.now();
    let conversation = conversations::lock(tx, w, row.conversation)?.ok_or(AppError::NotFound)?;
    let message = match row.message {
        None => None,
        Some(id) => messages::get(tx, w, id)?,
    };
    match outcome {
        SendOutcome::Sent {
            provider_id, contact, ..
        } => {
            learn(tx, &conversation, to, contact)?;
            // A status may have been faster and proved it already.
            if outbox::sent(tx, row.id, token)? == 0 {
                return Ok(());
            }
            let Some(message) = message else { return Ok(()) };
            if channel_accounts::set_working(tx, w, row.channel_account)? > 0 {
                tell_channel(tx, w, row.channel_account, "working");
            }
            arrived(tx, w, row.channel_account, &message, provider_id, now)?;
        }
        SendOutcome::Retry { after_ms, error } => {
            failing(tx, w, row.channel_account, &error.to_string())?;
            if row.attempt >= MOST_ATTEMPTS {
                return refuse(tx, row, token, message, &conversation, error);
            }
            let pause = after_ms.unwrap_or_else(|| error.class.pause_ms(u32::try_from(row.attempt).unwrap_or(1)));
            let text = views::text(error);
            outbox::retry(tx, row.id, token, now.plus(pause.max(1_000)), &text)?;
            tx.wake(Wake::Deliver(row.channel_account));
        }
        SendOutcome::Rejected { error } => return refuse(tx, row, token, message, &conversation, error),
        SendOutcome::Uncertain { reason } => {
            if outbox::uncertain(tx, row.id, token, now.plus(UNCERTAIN_MS), reason)? == 0 {
                return Ok(());
            }
            failing(tx, w, row.channel_account, reason)?;
            if let Some(message) = message {
                uncertain(tx, w, &message)?;
            }
        }
    }
    Ok(())
}

/// The channel does not work at the moment; the first failed call is news (spec CP-1.3).
fn failing(tx: &mut Tx<'_>, w: WorkspaceId, account: ChannelAccountId, error: &str) -> AppResult<()> {
    if channel_accounts::set_failing(tx, w, account, error)? > 0 {
        tell_channel(tx, w, account, "failing");
    }
    Ok(())
}

fn tell_channel(tx: &mut Tx<'_>, w: WorkspaceId, account: ChannelAccountId, status: &str) {
    tx.emit(Event::general(
        w,
        EventKind::ChannelChanged,
        &json!({ "id": account, "status": status }),
    ));
}

/// The provider has the message under `provider_id`: what was said about it before is applied now.
///
/// # Errors
/// When the database fails.
pub fn arrived(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    account: ChannelAccountId,
    message: &MessageRow,
    provider_id: &str,
    at: Ms,
) -> AppResult<()> {
    if message.provider_id.is_none() {
        messages::set_provider_id(tx, w, message.id, provider_id)?;
    }
    status(tx, w, message, "sent", at, &[])?;
    for p in parked::take(tx, account, provider_id)? {
        if corrections::waited(tx, w, account, &p)? {
            continue;
        }
        let fresh = messages::get(tx, w, message.id)?.ok_or(AppError::NotFound)?;
        let errors: Vec<ProviderError> = p
            .detail
            .as_deref()
            .and_then(|d| serde_json::from_str(d).ok())
            .unwrap_or_default();
        status(tx, w, &fresh, &p.status, p.at, &errors)?;
    }
    Ok(())
}

/// Keeps the addresses under which the provider knows the customer: a number it writes differently wins for sending,
/// and somebody who hides their number answers under a scoped id only (spec CORE-6). `to` is what was known before.
///
/// # Errors
/// When the database fails.
pub fn learn(
    tx: &mut Tx<'_>,
    conversation: &conversations::ConversationRow,
    to: &Sender,
    contact: &Sender,
) -> AppResult<()> {
    let w = conversation.workspace;
    if let Some(wa_id) = contact.wa_id.as_deref().filter(|id| to.wa_id.as_deref() != Some(*id)) {
        let identities = customers::identities(tx, w, conversation.customer)?;
        let known = identities
            .iter()
            .rfind(|i| i.kind == IdentityKind::WhatsappPhone && i.replaced_by.is_none());
        if let Some(identity) = known {
            customers::set_send_to(tx, w, identity.id, wa_id)?;
        }
    }
    if let Some(user_id) = contact
        .user_id
        .as_deref()
        .filter(|id| to.user_id.as_deref() != Some(*id))
        && let Some(account) = channel_accounts::get(tx, w, conversation.channel_account)?
    {
        let key = IdentityKey {
            kind: IdentityKind::WhatsappBsuid,
            scope: account.scope,
            value: user_id.to_owned(),
        };
        // Whoever has it already is joined when they write with both addresses.
        customers::insert_identity(tx, w, &key, conversation.customer, None)?;
    }
    Ok(())
}

/// The message may have arrived; it is shown so and never sent again blindly.
///
/// # Errors
/// When the database fails.
pub fn uncertain(tx: &mut Tx<'_>, w: WorkspaceId, message: &MessageRow) -> AppResult<()> {
    let now = tx.now();
    status(tx, w, message, MessageStatus::Uncertain.as_str(), now, &[])
}

fn refuse(
    tx: &mut Tx<'_>,
    row: &OutboxRow,
    token: &str,
    message: Option<MessageRow>,
    conversation: &conversations::ConversationRow,
    error: &ProviderError,
) -> AppResult<()> {
    let w = row.workspace;
    let now = tx.now();
    if error.class == ErrorClass::Auth {
        // The token stopped working: the message waits until the channel is repaired (spec PS-2.3).
        disconnected(tx, w, row.channel_account, &error.to_string())?;
        let text = views::text(error);
        outbox::retry(tx, row.id, token, now.plus(AUTH_PAUSE_MS), &text)?;
        return Ok(());
    }
    if outbox::failed(tx, row.id, token, &views::text(error))? == 0 {
        return Ok(());
    }
    if error.class == ErrorClass::WindowClosed {
        conversations::set_window_closed(tx, w, conversation.id)?;
    }
    tx.wake(Wake::Deliver(row.channel_account));
    if let Some(message) = message {
        status(tx, w, &message, "failed", now, std::slice::from_ref(error))?;
    }
    Ok(())
}

/// Turns a channel account to disconnected and tells its administrators' screens.
///
/// # Errors
/// When the database fails.
pub fn disconnected(tx: &mut Tx<'_>, w: WorkspaceId, account: ChannelAccountId, detail: &str) -> AppResult<()> {
    if channel_accounts::set_status(tx, w, account, ChannelStatus::Disconnected, detail)? > 0 {
        tell_channel(tx, w, account, "disconnected");
    }
    Ok(())
}

/// Applies a status to a message of ours: monotone, in whatever order they come.
///
/// # Errors
/// When the database fails.
pub fn status(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    m: &MessageRow,
    word: &str,
    at: Ms,
    errors: &[ProviderError],
) -> AppResult<()> {
    let before = m.status.unwrap_or(MessageStatus::Queued);
    let mut times: Map<String, Value> = m
        .status_at
        .as_deref()
        .and_then(|t| serde_json::from_str(t).ok())
        .unwrap_or_default();
    let known = times.get(word).and_then(Value::as_i64);
    let next = MessageStatus::parse(word).map_or(before, |next| before.advance(next));
    if known.is_some_and(|known| known <= at.0) && next == before {
        return Ok(());
    }
    times.insert(word.to_owned(), known.map_or(at.0, |k| k.min(at.0)).into());
    let error = errors
        .first()
        .filter(|_| next == MessageStatus::Failed)
        .map(|e| outgoing::error_json(e.code, &e.key, &e.title, &e.detail).to_string())
        .or_else(|| m.error.clone().filter(|_| next == MessageStatus::Failed));
    let times = Value::Object(times).to_string();
    messages::set_status(tx, w, m.id, next, &times, error.as_deref())?;
    if next > MessageStatus::Uncertain && next != MessageStatus::Failed && before <= MessageStatus::Uncertain {
        outbox::settle_of_message(tx, w, m.id, "sent")?;
        tx.wake(Wake::Deliver(m.channel_account));
    }
    if next == MessageStatus::Failed && before != MessageStatus::Failed {
        failed(tx, w, m, errors)?;
    }
    outgoing::tell_changed(tx, w, m.conversation, m.id)
}

/// A message of a person failed for good: what the customer was owed is owed again, unless answered since (row 7).
fn failed(tx: &mut Tx<'_>, w: WorkspaceId, m: &MessageRow, errors: &[ProviderError]) -> AppResult<()> {
    outbox::settle_of_message(tx, w, m.id, "failed")?;
    tx.wake(Wake::Deliver(m.channel_account));
    if errors.iter().any(|e| e.class == ErrorClass::WindowClosed) {
        conversations::set_window_closed(tx, w, m.conversation)?;
    }
    let Some(row) = conversations::lock(tx, w, m.conversation)? else {
        return Ok(());
    };
    let (Author::Agent, Some(agent), false) = (m.author, m.agent, row.unanswered_outbound()) else {
        return Ok(());
    };
    let answered = messages::answered_after(tx, w, m.conversation, m.id)?;
    let anchor = row
        .owed_since
        .or(m.owed_before.filter(|_| !answered && row.place == Place::Held));
    if row.owed_since.is_none() && anchor.is_some() {
        conversations::set_owed(tx, w, row.id, anchor)?;
        if let Some(anchor) = anchor {
            ronda_storage::service_levels::again(tx, w, row.id, anchor)?;
        }
        views::emit_conversation(tx, w, row.id, row.scope())?;
    }
    let fact = Fact::SendFailed {
        conv: row.id,
        agent,
        anchor,
    };
    routing::insert_inputs(tx, w, &[views::text(&fact)])?;
    tx.wake(Wake::Planner(w));
    Ok(())
}
