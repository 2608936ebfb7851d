//! Who listens in this process.

use crate::app::scope::Sight;
use ronda_domain::event::{EventKind, Scope};
use ronda_domain::{AgentId, ConversationId, SessionId, WorkspaceId};
use ronda_storage::StoredEvent;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Frames that may wait for a slow receiver. Source: architecture.md §9.
pub const QUEUE: usize = 256;

/// What a socket is given.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// An event of the log.
    Event(Arc<StoredEvent>),
    /// A mark that is not in the log: the frame as it is sent.
    Mark(Arc<str>),
}

/// Who a listener is.
#[derive(Clone, Debug)]
pub enum Audience {
    Agent {
        sight: Sight,
        session: SessionId,
        name: String,
        /// May see decisions of routing.
        explains: bool,
    },
    /// A visitor of a web chat, by the conversations that are theirs.
    Visitor {
        visitor: i64,
        conversations: BTreeSet<ConversationId>,
    },
}

struct Listener {
    audience: Audience,
    queue: mpsc::Sender<Delivered>,
    viewing: Option<ConversationId>,
    /// The queue overflowed: the socket ends and its client comes back.
    lost: Arc<std::sync::atomic::AtomicBool>,
}

/// A place in the hub; leaving it is dropping it.
pub struct Seat {
    hub: Arc<Hub>,
    pub workspace: WorkspaceId,
    pub id: u64,
    pub queue: mpsc::Receiver<Delivered>,
    lost: Arc<std::sync::atomic::AtomicBool>,
}

impl Seat {
    /// Whether something could not be given: everything after it would have a hole.
    #[must_use]
    pub fn lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.leave(self.workspace, self.id);
    }
}

/// The listeners of this process by workspace.
#[derive(Default)]
pub struct Hub {
    rooms: Mutex<HashMap<WorkspaceId, BTreeMap<u64, Listener>>>,
    next: AtomicU64,
}

/// What a listener may know of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    Nothing,
    All,
    /// It was visible and is not any more.
    Left,
}

/// What `audience` may know of an event, by the rights of now.
#[must_use]
pub fn sees(audience: &Audience, event: &StoredEvent) -> Sees {
    match audience {
        Audience::Visitor { conversations, .. } => {
            let about = event.conversation.is_some_and(|c| conversations.contains(&c));
            let kind = matches!(
                event.kind,
                EventKind::MessageCreated | EventKind::MessageChanged | EventKind::ConversationChanged
            );
            if about && kind { Sees::All } else { Sees::Nothing }
        }
        Audience::Agent { sight, explains, .. } => match event.kind {
            EventKind::RoutingDecided if !explains => Sees::Nothing,
            // About an agent, and for supervisors.
            EventKind::AlertRaised if !explains => {
                if event.scope_after.and_then(|s| s.owner) == Some(sight.agent) {
                    Sees::All
                } else {
                    Sees::Nothing
                }
            }
            EventKind::ConversationChanged | EventKind::MessageCreated | EventKind::MessageChanged => {
                scoped(sight, event.scope_before.as_ref(), event.scope_after.as_ref())
            }
            _ => Sees::All,
        },
    }
}

fn scoped(sight: &Sight, before: Option<&Scope>, after: Option<&Scope>) -> Sees {
    if after.is_some_and(|s| sight.sees(s)) {
        Sees::All
    } else if before.is_some_and(|s| sight.sees(s)) {
        Sees::Left
    } else {
        Sees::Nothing
    }
}

impl Hub {
    fn rooms(&self) -> MutexGuard<'_, HashMap<WorkspaceId, BTreeMap<u64, Listener>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to listen; from now on nothing of the workspace is missed.
    pub fn join(self: &Arc<Self>, workspace: WorkspaceId, audience: Audience) -> Seat {
        let (sender, queue) = mpsc::channel(QUEUE);
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        let lost = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let listener = Listener {
            audience,
            queue: sender,
            viewing: None,
            lost: lost.clone(),
        };
        self.rooms().entry(workspace).or_default().insert(id, listener);
        Seat {
            hub: self.clone(),
            workspace,
            id,
            queue,
            lost,
        }
    }

    fn leave(&self, workspace: WorkspaceId, id: u64) {
        let viewing = {
            let mut rooms = self.rooms();
            let Some(room) = rooms.get_mut(&workspace) else { return };
            let gone = room.remove(&id);
            if room.is_empty() {
                rooms.remove(&workspace);
            }
            gone.and_then(|l| l.viewing)
        };
        if let Some(conversation) = viewing {
            self.tell_viewers(workspace, conversation);
        }
    }

    /// The workspaces somebody listens to.
    #[must_use]
    pub fn workspaces(&self) -> Vec<WorkspaceId> {
        self.rooms().keys().copied().collect()
    }

    /// Sockets of this process.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.rooms().values().map(BTreeMap::len).sum()
    }

    /// Gives events to whoever may know something of them.
    pub fn publish(&self, workspace: WorkspaceId, events: &[Arc<StoredEvent>]) {
        let mut rooms = self.rooms();
        let Some(room) = rooms.get_mut(&workspace) else { return };
        for listener in room.values_mut() {
            for event in events {
                if sees(&listener.audience, event) == Sees::Nothing {
                    continue;
                }
                if listener.queue.try_send(Delivered::Event(event.clone())).is_err() {
                    listener.lost.store(true, Ordering::SeqCst);
                    break;
                }
            }
        }
    }

    /// The rights of a listener changed.
    pub fn set_audience(&self, seat: &Seat, audience: Audience) {
        if let Some(listener) = self.rooms().get_mut(&seat.workspace).and_then(|r| r.get_mut(&seat.id)) {
            listener.audience = audience;
        }
    }

    /// A conversation became a visitor's.
    pub fn give_visitor(&self, workspace: WorkspaceId, visitor: i64, conversation: ConversationId) {
        let mut rooms = self.rooms();
        for listener in rooms.get_mut(&workspace).into_iter().flat_map(BTreeMap::values_mut) {
            if let Audience::Visitor {
                visitor: its,
                conversations,
            } = &mut listener.audience
                && *its == visitor
            {
                conversations.insert(conversation);
            }
        }
    }

    /// What a listener looks at now; its viewers are told.
    pub fn view(&self, seat: &Seat, conversation: Option<ConversationId>) {
        let before = {
            let mut rooms = self.rooms();
            let Some(listener) = rooms.get_mut(&seat.workspace).and_then(|r| r.get_mut(&seat.id)) else {
                return;
            };
            std::mem::replace(&mut listener.viewing, conversation)
        };
        if before == conversation {
            return;
        }
        for c in [before, conversation].into_iter().flatten() {
            self.tell_viewers(seat.workspace, c);
        }
    }

    /// Tells everybody who looks at a conversation who else does.
    fn tell_viewers(&self, workspace: WorkspaceId, conversation: ConversationId) {
        let mut agents: BTreeMap<AgentId, String> = BTreeMap::new();
        for listener in self.rooms().get(&workspace).into_iter().flat_map(BTreeMap::values) {
            if let (Some(c), Audience::Agent { sight, name, .. }) = (listener.viewing, &listener.audience)
                && c == conversation
            {
                agents.insert(sight.agent, name.clone());
            }
        }
        let list: Vec<Value> = agents
            .into_iter()
            .map(|(id, name)| serde_json::json!({ "id": id, "name": name }))
            .collect();
        let frame = serde_json::json!({ "type": "viewing", "conversation": conversation, "agents": list });
        self.mark(workspace, conversation, &frame, None);
    }

    /// Sends a mark to the agents who look at a conversation, but not to `but`.
    pub fn mark(&self, workspace: WorkspaceId, conversation: ConversationId, frame: &Value, but: Option<u64>) {
        let text: Arc<str> = frame.to_string().into();
        for (id, listener) in self.rooms().get(&workspace).into_iter().flatten() {
            if listener.viewing == Some(conversation) && Some(*id) != but {
                // A mark that does not fit is not worth a reconnection.
                let _ = listener.queue.try_send(Delivered::Mark(text.clone()));
            }
        }
    }

    /// Sends a mark to the visitors of a conversation.
    pub fn mark_visitors(&self, workspace: WorkspaceId, conversation: ConversationId, frame: &Value) {
        let text: Arc<str> = frame.to_string().into();
        for listener in self.rooms().get(&workspace).into_iter().flat_map(BTreeMap::values) {
            if let Audience::Visitor { conversations, .. } = &listener.audience
                && conversations.contains(&conversation)
            {
                let _ = listener.queue.try_send(Delivered::Mark(text.clone()));
            }
        }
    }

    /// How many sockets of this process an agent has.
    #[must_use]
    pub fn sockets_of(&self, workspace: WorkspaceId, agent: AgentId) -> usize {
        self.rooms()
            .get(&workspace)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|l| matches!(&l.audience, Audience::Agent { sight, .. } if sight.agent == agent))
            .count()
    }
}
