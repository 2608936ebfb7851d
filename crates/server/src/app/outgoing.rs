//! Messages of ours on their way out: the row, the outbox, the event. Replies of people are in `reply.rs`.

use crate::app::views::{self, Beside, Message};
use crate::app::{AppError, AppResult};
use ronda_domain::channel::ChannelKind;
use ronda_domain::content::Content;
use ronda_domain::conversation::{Author, Direction, MessageStatus};
use ronda_domain::event::EventKind;
use ronda_domain::{ConversationId, MessageId, Ms, WorkspaceId};
use ronda_storage::channel_accounts::ChannelAccountRow;
use ronda_storage::conversations::{self, ConversationRow};
use ronda_storage::messages::{self, NewMessage};
use ronda_storage::outbox::{self, NewOutbox};
use ronda_storage::{Tx, Wake};
use serde_json::json;

/// What a provider gives back with the statuses of a message, so that a send whose answer was lost can be matched. The
/// token of the claim tells one attempt from another.
#[must_use]
pub fn callback_of(message: MessageId, token: &str) -> String {
    format!("ronda:{message}:{token}")
}

/// The message and the token that [`callback_of`] named.
#[must_use]
pub fn message_of_callback(data: &str) -> Option<(MessageId, &str)> {
    let (id, token) = data.strip_prefix("ronda:")?.split_once(':')?;
    Some((MessageId(id.parse().ok()?), token))
}

/// The status a new message of ours has: visitors read ours from the database, providers are called.
#[must_use]
pub const fn first_status(kind: ChannelKind) -> MessageStatus {
    match kind {
        ChannelKind::WebChat => MessageStatus::Sent,
        _ => MessageStatus::Queued,
    }
}

/// Queues a message for its provider, at the next position of its conversation. The number of positions used.
///
/// # Errors
/// When the database fails.
pub fn queue(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    kind: ChannelKind,
    conversation: &ConversationRow,
    message: MessageId,
) -> AppResult<i64> {
    if kind == ChannelKind::WebChat {
        return Ok(0);
    }
    outbox::insert(
        tx,
        w,
        &NewOutbox {
            channel_account: conversation.channel_account,
            conversation: conversation.id,
            position: conversation.next_outbox,
            message: Some(message),
            kind: "message",
            payload: "{}",
        },
    )?;
    tx.wake(Wake::Deliver(conversation.channel_account));
    Ok(1)
}

/// Whether a text of ours may go to the customer of a conversation now.
#[must_use]
pub fn may_say(account: &ChannelAccountRow, row: &ConversationRow, now: Ms) -> bool {
    account.kind == ChannelKind::WebChat
        || views::window(account.kind, row.last_customer_at, row.window_closed, now)
            .closes_at
            .is_some()
}

/// An automatic text: of the bot, a farewell. It is no answer: what the customer is owed stays.
///
/// # Errors
/// When the database fails.
pub fn automatic(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    account: &ChannelAccountRow,
    conversation: ConversationId,
    author: Author,
    content: &Content,
) -> AppResult<MessageId> {
    let row = conversations::lock(tx, w, conversation)?.ok_or(AppError::NotFound)?;
    let now = tx.now();
    let id = messages::insert(
        tx,
        w,
        &NewMessage {
            conversation,
            channel_account: row.channel_account,
            direction: Direction::Out,
            author,
            agent: None,
            client_id: None,
            client_hash: None,
            provider_id: None,
            at: now,
            kind: content.kind(),
            content: views::text(content),
            status: Some(first_status(account.kind)),
            reply_to: None,
            owed_before: None,
            epoch: row.epoch,
        },
    )?;
    let used = queue(tx, w, account.kind, &row, id)?;
    conversations::outbound_facts(tx, w, conversation, row.owed_since, row.unread, id, now, used)?;
    tell_created(tx, w, &row, id)?;
    Ok(id)
}

/// A line that explains what happened. It changes no facts.
///
/// # Errors
/// When the database fails.
pub fn system_line(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    row: &ConversationRow,
    code: &str,
    params: serde_json::Value,
) -> AppResult<MessageId> {
    let content = Content::System {
        code: code.to_owned(),
        params,
    };
    let now = tx.now();
    let id = messages::insert(
        tx,
        w,
        &NewMessage {
            conversation: row.id,
            channel_account: row.channel_account,
            direction: Direction::System,
            author: Author::System,
            agent: None,
            client_id: None,
            client_hash: None,
            provider_id: None,
            at: now,
            kind: content.kind(),
            content: views::text(&content),
            status: None,
            reply_to: None,
            owed_before: None,
            epoch: row.epoch,
        },
    )?;
    tell_created(tx, w, row, id)?;
    Ok(id)
}

/// Tells screens of a new message.
///
/// # Errors
/// When the database fails.
pub fn tell_created(tx: &mut Tx<'_>, w: WorkspaceId, row: &ConversationRow, id: MessageId) -> AppResult<()> {
    tell(tx, w, EventKind::MessageCreated, row, id)
}

/// Tells screens that a message changed: status, edit, deletion, reaction, file.
///
/// # Errors
/// When the database fails.
pub fn tell_changed(tx: &mut Tx<'_>, w: WorkspaceId, conversation: ConversationId, id: MessageId) -> AppResult<()> {
    let row = conversations::get(tx, w, conversation)?.ok_or(AppError::NotFound)?;
    tell(tx, w, EventKind::MessageChanged, &row, id)?;
    if row.last_message == Some(id) {
        views::emit_conversation(tx, w, conversation, row.scope())?;
    }
    Ok(())
}

fn tell(tx: &mut Tx<'_>, w: WorkspaceId, kind: EventKind, row: &ConversationRow, id: MessageId) -> AppResult<()> {
    let message = messages::get(tx, w, id)?.ok_or(AppError::NotFound)?;
    let beside = Beside::of(tx, w, row.id)?;
    views::emit_message(tx, w, kind, row.scope(), &Message::of(message, &beside));
    Ok(())
}

/// The error of a message as stored and shown.
#[must_use]
pub fn error_json(code: i64, key: &str, title: &str, detail: &str) -> serde_json::Value {
    json!({ "code": code, "key": key, "title": title, "detail": detail })
}
