//! What happened, as told to screens and durable readers. Numbering, scope and replay: architecture.md §9.

use crate::conversation::{Place, words};
use crate::ids::{AgentId, ConversationId, GroupId, WorkspaceId};
use serde::{Deserialize, Serialize};

words! {
    /// The kind of an event; the word is the `kind` of the frame.
    EventKind {
        /// `body` is the conversation as lists show it.
        ConversationChanged = "conversation.changed",
        /// `body` is the message.
        MessageCreated = "message.created",
        /// `body` is the message: status, edit, deletion, media arrived.
        MessageChanged = "message.changed",
        /// `body` is the customer.
        CustomerChanged = "customer.changed",
        /// `body`: agent id, effective state, chosen state, reason, since, load, limit.
        AgentState = "agent.state",
        /// A routing decision was recorded; `body` is the decision.
        RoutingDecided = "routing.decided",
        /// An object of the settings changed: `body` `{resource, id, version}`.
        SettingsChanged = "settings.changed",
        /// Rights changed; connections of `body.agent`, or with `body.everybody` all, recompute their scope.
        RightsChanged = "rights.changed",
        /// Sessions ended; their sockets are closed. `body` `{sessions: [id]}` or `{agent}`.
        SessionsRevoked = "sessions.revoked",
        ChannelChanged = "channel.changed",
        /// Something to act on; `body` is the alert. Supervisors see all, an agent those about them.
        AlertRaised = "alert.raised",
    }
}

/// Who may see a conversation at a point in time: enough to decide without a look at the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub place: Place,
    pub owner: Option<AgentId>,
    pub group: Option<GroupId>,
}

/// An event before it has a number.
#[derive(Clone, Debug)]
pub struct Event {
    pub workspace: WorkspaceId,
    pub kind: EventKind,
    pub conversation: Option<ConversationId>,
    /// The scope before the change; `None` for events that are not about a conversation and for births.
    pub scope_before: Option<Scope>,
    pub scope_after: Option<Scope>,
    /// JSON text, as screens get it. Never contains phone numbers or e-mail addresses.
    pub body: String,
}

impl Event {
    /// About the workspace and no conversation: for everybody who may know of this kind. Bodies are our own types, which
    /// can always be written.
    #[must_use]
    pub fn general<T: Serialize + ?Sized>(workspace: WorkspaceId, kind: EventKind, body: &T) -> Self {
        Self {
            workspace,
            kind,
            conversation: None,
            scope_before: None,
            scope_after: None,
            body: serde_json::to_string(body).unwrap_or_default(),
        }
    }
}
