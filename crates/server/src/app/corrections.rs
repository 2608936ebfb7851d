//! What is said later about a message: edits, deletions, reactions, quotes. What overtakes its message waits for it.

use crate::app::{AppResult, outgoing, views};
use ronda_channels::inbound::{Edited, InboundKind, Sender};
use ronda_domain::content::Content;
use ronda_domain::{ChannelAccountId, MessageId, Ms, WorkspaceId};
use ronda_storage::messages::{self, MessageRow};
use ronda_storage::parked::{self, ParkedRow};
use ronda_storage::{StoreError, Tx};
use serde_json::json;

/// The words under which news waits; no provider uses them for statuses.
const EDITED: &str = "ronda:edited";
const DELETED: &str = "ronda:deleted";
const REACTION: &str = "ronda:reaction";
/// Before the id of a message that quotes what is not known yet.
const QUOTED: &str = "ronda:quoted:";

/// The message that a correction is about, and whose it is.
pub struct Target<'a> {
    word: &'static str,
    pub provider_id: &'a str,
    pub from: &'a Sender,
    at: Ms,
}

/// What `kind` is about, when it is about a message.
#[must_use]
pub fn target(kind: &InboundKind) -> Option<Target<'_>> {
    let (word, provider_id, from, at) = match kind {
        InboundKind::Edited(e) => (EDITED, &e.target, &e.from, e.at),
        InboundKind::Deleted(d) => (DELETED, &d.target, &d.from, d.at),
        InboundKind::Message(m) => match &m.content {
            Content::Reaction { target, .. } => (REACTION, target, &m.from, m.at),
            _ => return None,
        },
        _ => return None,
    };
    Some(Target {
        word,
        provider_id,
        from,
        at,
    })
}

/// What a message keeps of the one it quotes: the provider's id, and ours once it is known. JSON text.
#[must_use]
pub fn reply_to(provider_id: &str, message: Option<MessageId>) -> String {
    json!({ "provider_id": provider_id, "message": message }).to_string()
}

/// Applies a correction to the message it is about, or keeps it until that is known.
///
/// # Errors
/// When the database fails.
pub fn apply(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    account: ChannelAccountId,
    kind: &InboundKind,
    target: &Target<'_>,
    found: Option<&MessageRow>,
) -> AppResult<()> {
    match found {
        Some(row) => change(tx, w, row, kind),
        None => {
            let detail = views::text(kind);
            parked::insert(tx, account, target.provider_id, target.word, target.at, &detail)?;
            Ok(())
        }
    }
}

/// Keeps that `message` quotes `provider_id`, until that is known.
///
/// # Errors
/// When the database fails.
pub fn park_quote(
    tx: &mut Tx<'_>,
    account: ChannelAccountId,
    provider_id: &str,
    message: MessageId,
    at: Ms,
) -> AppResult<()> {
    let word = format!("{QUOTED}{message}");
    parked::insert(tx, account, provider_id, &word, at, &json!(provider_id).to_string())?;
    Ok(())
}

/// Applies a correction that waited for a message which is known now. False: it was something else.
///
/// # Errors
/// When the database fails.
pub fn waited(tx: &mut Tx<'_>, w: WorkspaceId, account: ChannelAccountId, parked: &ParkedRow) -> AppResult<bool> {
    let detail = parked.detail.as_deref().unwrap_or_default();
    if let Some(id) = parked.status.strip_prefix(QUOTED) {
        let quoting = id.parse().ok().map(MessageId);
        if let (Some(quoting), Ok(provider_id)) = (quoting, serde_json::from_str::<String>(detail)) {
            quote(tx, w, account, quoting, &provider_id)?;
        }
        return Ok(true);
    }
    if !matches!(parked.status.as_str(), EDITED | DELETED | REACTION) {
        return Ok(false);
    }
    if let Ok(kind) = serde_json::from_str(detail)
        && let Some(target) = target(&kind)
    {
        let found = find(tx, account, target.provider_id)?;
        apply(tx, w, account, &kind, &target, found.as_ref())?;
    }
    Ok(true)
}

fn find(tx: &mut Tx<'_>, account: ChannelAccountId, provider_id: &str) -> AppResult<Option<MessageRow>> {
    let found = messages::by_provider_ids(tx, &[(account, provider_id.to_owned())])?;
    Ok(found.into_iter().next())
}

fn quote(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    account: ChannelAccountId,
    quoting: MessageId,
    provider_id: &str,
) -> AppResult<()> {
    let Some(quoted) = find(tx, account, provider_id)? else {
        return Ok(());
    };
    messages::set_reply_to(tx, w, quoting, &reply_to(provider_id, Some(quoted.id)))?;
    if let Some(row) = messages::get(tx, w, quoting)? {
        outgoing::tell_changed(tx, w, row.conversation, quoting)?;
    }
    Ok(())
}

fn change(tx: &mut Tx<'_>, w: WorkspaceId, row: &MessageRow, kind: &InboundKind) -> AppResult<()> {
    let changed = match kind {
        InboundKind::Edited(e) => edit(tx, w, row, e)?,
        InboundKind::Deleted(d) => messages::set_deleted(tx, w, row.id, d.at)? == 1,
        InboundKind::Message(m) => match &m.content {
            Content::Reaction { emoji, target } => {
                messages::react(tx, w, row.conversation, target, "customer", emoji, m.at)? == 1
            }
            _ => false,
        },
        _ => false,
    };
    if changed {
        outgoing::tell_changed(tx, w, row.conversation, row.id)?;
    }
    Ok(())
}

/// The newest edit wins, in whatever order they come.
fn edit(tx: &mut Tx<'_>, w: WorkspaceId, row: &MessageRow, e: &Edited) -> Result<bool, StoreError> {
    if row.edited_at.is_some_and(|at| at >= e.at) {
        return Ok(false);
    }
    let text = views::text(&e.content);
    messages::set_content(tx, w, row.id, &text, e.content.kind(), Some(e.at))?;
    Ok(true)
}
