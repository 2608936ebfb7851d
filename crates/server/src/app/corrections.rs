//! What is said later about a message: edits, deletions, reactions. What overtakes its message waits for it.

use crate::app::{AppResult, outgoing, views};
use ronda_channels::inbound::{Edited, InboundKind, InboundMessage};
use ronda_domain::content::Content;
use ronda_domain::{ChannelAccountId, WorkspaceId};
use ronda_storage::messages::{self, MessageRow};
use ronda_storage::parked::{self, ParkedRow};
use ronda_storage::{StoreError, Tx};

/// The words under which news waits; no provider uses them for statuses.
const EDITED: &str = "ronda:edited";
const DELETED: &str = "ronda:deleted";
const REACTION: &str = "ronda:reaction";

/// The provider id of the message that `kind` is about, when it is about one.
fn target(kind: &InboundKind) -> Option<(&'static str, &str, ronda_domain::Ms)> {
    match kind {
        InboundKind::Edited(e) => Some((EDITED, &e.target, e.at)),
        InboundKind::Deleted(d) => Some((DELETED, &d.target, d.at)),
        InboundKind::Message(InboundMessage {
            content: Content::Reaction { target, .. },
            at,
            ..
        }) => Some((REACTION, target, *at)),
        _ => None,
    }
}

/// Applies a correction, or keeps it until its message is known.
///
/// # Errors
/// When the database fails.
pub fn apply(tx: &mut Tx<'_>, w: WorkspaceId, account: ChannelAccountId, kind: &InboundKind) -> AppResult<()> {
    let Some((word, id, at)) = target(kind) else {
        return Ok(());
    };
    let found = messages::by_provider_ids(tx, &[(account, id.to_owned())])?;
    match found.into_iter().next() {
        Some(row) => change(tx, w, &row, kind),
        None => {
            parked::insert(tx, account, id, word, at, &views::json(kind).to_string())?;
            Ok(())
        }
    }
}

/// Applies a correction that waited for `row`. False: it was something else.
///
/// # Errors
/// When the database fails.
pub fn waited(tx: &mut Tx<'_>, w: WorkspaceId, account: ChannelAccountId, parked: &ParkedRow) -> AppResult<bool> {
    if !matches!(parked.status.as_str(), EDITED | DELETED | REACTION) {
        return Ok(false);
    }
    let kind = parked.detail.as_deref().and_then(|d| serde_json::from_str(d).ok());
    if let Some(kind) = kind {
        apply(tx, w, account, &kind)?;
    }
    Ok(true)
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
    let text = views::json(&e.content).to_string();
    messages::set_content(tx, w, row.id, &text, e.content.kind(), Some(e.at))?;
    Ok(true)
}
