//! What agents write: answers to the customer and internal notes (T5).

use crate::app::scope::Sight;
use crate::app::views::{self, Beside, Conversation, Message};
use crate::app::{AppError, AppResult, Who, affinities, outgoing};
use ronda_domain::channel::{ChannelKind, Window};
use ronda_domain::content::Content;
use ronda_domain::conversation::{Author, Direction, Place};
use ronda_domain::permission::Permission;
use ronda_domain::{ConversationId, MessageId, Ms, channel};
use ronda_routing::{Epoch, Fact};
use ronda_storage::conversations::{self, ConversationRow};
use ronda_storage::messages::{self, MessageRow, NewMessage};
use ronda_storage::outbox::{self, NewOutbox};
use ronda_storage::{Tx, Wake, channel_accounts, decisions, drafts, files, routing, users};
use serde_json::json;

/// How long after a rotation the old owner's answer still counts. Source: routing row 9.
const LATE_MS: i64 = 10_000;

/// An answer or a note.
#[derive(Clone, Debug)]
pub struct NewReply {
    pub conversation: ConversationId,
    /// A UUID made by the client: the key of repeated requests.
    pub client_id: String,
    pub content: Content,
    pub note: bool,
    pub reply_to: Option<MessageId>,
    /// The epoch the client saw; none checks only the owner.
    pub seen: Option<i64>,
}

/// What was stored.
#[derive(Clone, Debug)]
pub struct Replied {
    pub message: Message,
    pub conversation: Conversation,
    /// The same request was answered before.
    pub repeated: bool,
}

/// Stores an answer with its outbox row, or a note.
///
/// # Errors
/// [`AppError::NotOwner`] when the conversation is not the caller's; `window_closed` when only templates may be sent;
/// `client_id_reused` for another content under a known id; the limits of the channel as fields.
pub fn run(tx: &mut Tx<'_>, who: &Who, new: &NewReply) -> AppResult<Replied> {
    let w = who.workspace;
    let row = conversations::lock(tx, w, new.conversation)?.ok_or(AppError::NotFound)?;
    let author = Author::Agent;
    let content = views::text(&new.content);
    let hash = crate::secrets::hash(&format!("{}{content}{:?}", u8::from(new.note), new.reply_to));
    let stored = messages::by_client_id(tx, w, row.id, author, &new.client_id)?;
    // Who wrote it is told that it was stored, even if the conversation has left their sight since: the first answer may
    // have been lost.
    let own = stored.as_ref().is_some_and(|m| m.agent == Some(who.agent));
    let visible = Sight::from(who).sees(&row.scope());
    // A late answer comes from somebody who may not see the conversation any more.
    let late = match new.seen.filter(|_| !visible && !new.note) {
        Some(seen) => late(tx, who, &row, seen)?,
        None => false,
    };
    if !visible && !late && !own {
        // Who had it learns who has it now; nobody else learns that it exists.
        return Err(if had_it(tx, who, &row)? {
            not_owner(tx, who, &row)?
        } else {
            AppError::NotFound
        });
    }
    if let Some(stored) = stored {
        if stored.client_hash.as_deref() != Some(hash.as_str()) || stored.agent != Some(who.agent) {
            return Err(AppError::Refused {
                code: "client_id_reused",
                detail: "this client_id was used for another message".into(),
            });
        }
        return answer(tx, who, &row, stored, true);
    }
    let quoted = match new.reply_to {
        None => None,
        Some(id) => Some(quote(tx, &row, id)?),
    };
    if new.note {
        return note(tx, who, &row, new, content, hash, quoted);
    }
    who.need(Permission::ConversationsReply)?;
    if let Content::Reaction { emoji, .. } = &new.content {
        return react(tx, who, &row, new, emoji);
    }
    let account = channel_accounts::get(tx, w, row.channel_account)?.ok_or(AppError::NotFound)?;
    let late = may_write(tx, who, &row, new.seen)?;
    let full = checked(tx, who, &row, account.kind, &new.content)?;
    let content = views::text(&full);
    let now = tx.now();
    let message = messages::insert(
        tx,
        w,
        &NewMessage {
            conversation: row.id,
            channel_account: row.channel_account,
            direction: Direction::Out,
            author,
            agent: Some(who.agent),
            client_id: Some(new.client_id.clone()),
            client_hash: Some(hash),
            provider_id: None,
            at: now,
            kind: new.content.kind(),
            content,
            status: Some(outgoing::first_status(account.kind)),
            reply_to: quoted,
            owed_before: row.owed_since,
            epoch: row.epoch,
        },
    )?;
    let used = outgoing::queue(tx, w, account.kind, &row, message)?;
    conversations::outbound_facts(tx, w, row.id, None, 0, message, now, used)?;
    crate::app::service_levels::answered(tx, &row, who.agent)?;
    let fact = match late {
        Some(seen) => Fact::LateReply {
            conv: row.id,
            agent: who.agent,
            seen: Epoch(seen),
        },
        None => Fact::AgentSaid {
            conv: row.id,
            agent: who.agent,
            seen: Epoch(row.epoch),
        },
    };
    // A conversation that we began and nobody answered is no business of routing.
    if !row.unanswered_outbound() {
        routing::insert_inputs(tx, w, &[views::text(&fact)])?;
        tx.wake(Wake::Planner(w));
    }
    if let Some(file) = new.content.media().and_then(|m| m.file) {
        files::use_in(tx, w, &file.to_string(), row.id)?;
    }
    affinities::learn(tx, w, row.customer, who.agent)?;
    drafts::remove(tx, w, who.agent, row.id)?;
    outgoing::tell_created(tx, w, &row, message)?;
    views::emit_conversation(tx, w, row.id, row.scope())?;
    ronda_storage::crash_point("reply.before_commit");
    let stored = messages::get(tx, w, message)?.ok_or(AppError::NotFound)?;
    answer(tx, who, &row, stored, false)
}

/// Leaves a note that belongs to a command of the caller, who may not see the conversation any more.
///
/// # Errors
/// When the database fails.
pub fn note_with_command(tx: &mut Tx<'_>, who: &Who, new: &NewReply) -> AppResult<()> {
    let row = conversations::lock(tx, who.workspace, new.conversation)?.ok_or(AppError::NotFound)?;
    let content = views::text(&new.content);
    let hash = crate::secrets::hash(&content);
    note(tx, who, &row, new, content, hash, None).map(drop)
}

fn note(
    tx: &mut Tx<'_>,
    who: &Who,
    row: &ConversationRow,
    new: &NewReply,
    content: String,
    hash: String,
    quoted: Option<String>,
) -> AppResult<Replied> {
    let w = who.workspace;
    let now = tx.now();
    if !matches!(
        new.content,
        Content::Text { .. } | Content::Image(_) | Content::Document(_) | Content::Audio(_) | Content::Video(_)
    ) {
        return Err(AppError::field(
            "/content/type",
            "not_one_of",
            "notes are texts or files",
        ));
    }
    let id = messages::insert(
        tx,
        w,
        &NewMessage {
            conversation: row.id,
            channel_account: row.channel_account,
            direction: Direction::Note,
            author: Author::Agent,
            agent: Some(who.agent),
            client_id: Some(new.client_id.clone()),
            client_hash: Some(hash),
            provider_id: None,
            at: now,
            kind: new.content.kind(),
            content,
            status: None,
            reply_to: quoted,
            owed_before: None,
            epoch: row.epoch,
        },
    )?;
    if let Some(file) = new.content.media().and_then(|m| m.file) {
        files::use_in(tx, w, &file.to_string(), row.id)?;
    }
    drafts::remove(tx, w, who.agent, row.id)?;
    outgoing::tell_created(tx, w, row, id)?;
    let stored = messages::get(tx, w, id)?.ok_or(AppError::NotFound)?;
    answer(tx, who, row, stored, false)
}

/// An emoji on a message, or its removal. It is no answer: what the customer is owed stays.
fn react(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow, new: &NewReply, emoji: &str) -> AppResult<Replied> {
    let w = who.workspace;
    may_write(tx, who, row, new.seen)?;
    let target = match new.reply_to {
        Some(id) => messages::get(tx, w, id)?.filter(|m| m.conversation == row.id),
        None => None,
    };
    let target = target.ok_or_else(|| AppError::field("/reply_to", "required", "name the message"))?;
    let account = channel_accounts::get(tx, w, row.channel_account)?.ok_or(AppError::NotFound)?;
    let (ChannelKind::Whatsapp, Some(provider_id)) = (account.kind, &target.provider_id) else {
        return Err(AppError::field(
            "/reply_to",
            "not_supported",
            "this message cannot be reacted to",
        ));
    };
    let now = tx.now();
    messages::react(tx, w, row.id, provider_id, "agent", emoji, now)?;
    outbox::insert(
        tx,
        w,
        &NewOutbox {
            channel_account: row.channel_account,
            conversation: row.id,
            position: row.next_outbox,
            message: None,
            kind: "reaction",
            payload: &json!({ "emoji": emoji, "provider_id": provider_id }).to_string(),
        },
    )?;
    conversations::use_outbox(tx, w, row.id, 1)?;
    tx.wake(Wake::Deliver(row.channel_account));
    outgoing::tell_changed(tx, w, row.id, target.id)?;
    answer(tx, who, row, target, false)
}

fn answer(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow, stored: MessageRow, repeated: bool) -> AppResult<Replied> {
    let beside = Beside::of(tx, who.workspace, row.id)?;
    Ok(Replied {
        message: Message::of(stored, &beside),
        conversation: super::conversations::one(tx, who, row.id)?,
        repeated,
    })
}

/// The epoch of a late answer that is still accepted; nothing for the owner's own.
fn may_write(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow, seen: Option<i64>) -> AppResult<Option<i64>> {
    let mine = (row.place == Place::Held && row.owner == Some(who.agent))
        || (row.unanswered_outbound() && row.last_owner == Some(who.agent));
    if mine && seen.is_none_or(|seen| seen == row.epoch) {
        return Ok(None);
    }
    if mine {
        return Err(AppError::Conflict {
            epoch: row.epoch,
            owner: Some((who.agent, who.name.clone())),
        });
    }
    if let Some(seen) = seen
        && late(tx, who, row, seen)?
    {
        return Ok(Some(seen));
    }
    Err(not_owner(tx, who, row)?)
}

/// The conversation has just been moved away from the caller because they did not answer, and its new owner has not.
fn late(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow, seen: i64) -> AppResult<bool> {
    let now = tx.now();
    let fresh = row.assigned_at.is_some_and(|at| now.since(at) <= LATE_MS);
    if row.place != Place::Held || row.epoch != seen + 1 || !fresh || row.owed_since.is_none() {
        return Ok(false);
    }
    let of = decisions::Wanted::of(row.id);
    let last = decisions::page(tx, who.workspace, &of, i64::MAX, 5)?.0;
    Ok(last
        .iter()
        .any(|d| timed_out(d) && d.epoch_after == row.epoch && d.from == Some(who.agent)))
}

/// A rotation, or the way back of a transfer.
fn timed_out(d: &decisions::DecisionRow) -> bool {
    d.act == "rotate" || (d.act == "return" && d.reason.contains("\"came_back\""))
}

/// Whether the caller held it in this episode's recent history.
fn had_it(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow) -> AppResult<bool> {
    let of = decisions::Wanted::of(row.id);
    let last = decisions::page(tx, who.workspace, &of, i64::MAX, 50)?.0;
    Ok(last
        .iter()
        .any(|d| d.from == Some(who.agent) || d.to == Some(who.agent)))
}

/// Who has it instead.
///
/// # Errors
/// When the database fails.
pub fn not_owner(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow) -> AppResult<AppError> {
    let owner = match row.owner {
        Some(id) => users::get(tx, who.workspace, id)?.map(|u| (id, u.name)),
        None => None,
    };
    Ok(AppError::NotOwner {
        epoch: row.epoch,
        owner,
    })
}

fn quote(tx: &mut Tx<'_>, row: &ConversationRow, id: MessageId) -> AppResult<String> {
    let quoted = messages::get(tx, row.workspace, id)?.filter(|m| m.conversation == row.id);
    let quoted =
        quoted.ok_or_else(|| AppError::field("/reply_to", "unknown", "no such message in this conversation"))?;
    Ok(json!({ "message": id, "provider_id": quoted.provider_id }).to_string())
}

/// The content with what is known of its file, when the rules of the channel allow it: its window and its limits.
fn checked(
    tx: &mut Tx<'_>,
    who: &Who,
    row: &ConversationRow,
    kind: ChannelKind,
    content: &Content,
) -> AppResult<Content> {
    let now: Ms = tx.now();
    if matches!(
        content,
        Content::System { .. } | Content::Unsupported { .. } | Content::FormReply { .. } | Content::Order { .. }
    ) {
        return Err(AppError::field(
            "/content/type",
            "not_one_of",
            "this kind cannot be sent",
        ));
    }
    let window = views::window(kind, row.last_customer_at, row.window_closed, now);
    if window.state == Window::Closed && !matches!(content, Content::Template { .. }) {
        return Err(AppError::Refused {
            code: "window_closed",
            detail: "the customer's 24 hours are over: only a template can be sent".into(),
        });
    }
    if let Content::Text { text } = content
        && text.trim().is_empty()
    {
        return Err(AppError::field("/content/text", "required", "say something"));
    }
    let mut content = content.clone();
    if let Some(media) = content.media_mut()
        && let Some(file) = media.file
    {
        let stored = files::get(tx, who.workspace, &file.to_string())?
            .filter(|f| f.uploaded_by == Some(who.agent) || f.conversation == Some(row.id))
            .ok_or_else(|| AppError::field("/content/file", "unknown", "no such file"))?;
        media.size = Some(stored.size);
        media.mime = Some(stored.mime);
        media.name.get_or_insert(stored.name);
    } else if content.media().is_some() {
        return Err(AppError::field("/content/file", "required", "upload the file first"));
    }
    channel::check(kind, &content).map_err(|e| {
        let message = format!("at most {} on this channel, here {}", e.limit, e.actual);
        AppError::Invalid(vec![crate::app::FieldError {
            pointer: format!("/content/{}", e.field.trim_start_matches('/')),
            code: "limit",
            message: format!("{}: {message}", e.code),
        }])
    })?;
    Ok(content)
}
