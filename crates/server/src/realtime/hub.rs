//! Who listens in this process.

use crate::app::scope::Sight;
use crate::realtime::bus::{Bus, Said};
use axum::extract::ws::Utf8Bytes;
use ronda_domain::event::{EventKind, Scope};
use ronda_domain::{AgentId, ConversationId, SessionId, WorkspaceId};
use ronda_storage::StoredEvent;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Frames that may wait for a slow receiver. Source: architecture.md §9.
pub const QUEUE: usize = 256;

/// An event on its way to everybody who listens.
#[derive(Debug)]
pub struct Published {
    pub event: StoredEvent,
    /// The number before it and the frame, as the first screen was told it: most have the same number before.
    frame: OnceLock<(i64, Utf8Bytes)>,
}

impl From<StoredEvent> for Published {
    fn from(event: StoredEvent) -> Self {
        Self {
            event,
            frame: OnceLock::new(),
        }
    }
}

impl Published {
    /// The event as it is sent to who was told `prev` before. The body goes out as it was stored.
    #[must_use]
    pub fn frame(&self, prev: i64) -> Utf8Bytes {
        let (of, frame) = self.frame.get_or_init(|| (prev, self.say(prev)));
        if *of == prev { frame.clone() } else { self.say(prev) }
    }

    fn say(&self, prev: i64) -> Utf8Bytes {
        let event = &self.event;
        let conversation = event.conversation.map_or_else(|| "null".to_owned(), |c| c.to_string());
        format!(
            "{{\"type\":\"event\",\"seq\":{},\"prev\":{prev},\"at\":{},\"kind\":\"{}\",\"conversation\":{conversation},\"body\":{}}}",
            event.seq,
            event.at,
            event.kind.as_str(),
            event.body
        )
        .into()
    }
}

/// What a socket is given.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// An event of the log.
    Event(Arc<Published>),
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

/// How often nodes repeat who looks at what there.
pub const REPEAT: Duration = Duration::from_secs(15);
/// Who was not repeated for so long does not look any more: their node is gone.
const GHOST: Duration = Duration::from_secs(40);

/// Who looks at a conversation on another node, and when it said so.
struct Elsewhere {
    agents: Vec<(AgentId, String)>,
    at: Instant,
}

/// The listeners of this process by workspace.
#[derive(Default)]
pub struct Hub {
    rooms: Mutex<HashMap<WorkspaceId, BTreeMap<u64, Listener>>>,
    /// Viewers on other nodes, by the name of the node.
    elsewhere: Mutex<HashMap<(WorkspaceId, ConversationId), BTreeMap<String, Elsewhere>>>,
    next: AtomicU64,
    bus: Bus,
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
            // Whoever sees their groups alone: of these. What is about nobody is for all.
            EventKind::RoutingDecided if !concerns(sight, event) => Sees::Nothing,
            // About an agent, and for supervisors.
            EventKind::AlertRaised => {
                let mine = event.scope_after.and_then(|s| s.owner) == Some(sight.agent);
                let told = mine || (*explains && concerns(sight, event));
                if told { Sees::All } else { Sees::Nothing }
            }
            EventKind::ConversationChanged | EventKind::MessageCreated | EventKind::MessageChanged => {
                scoped(sight, event.scope_before.as_ref(), event.scope_after.as_ref())
            }
            _ => Sees::All,
        },
    }
}

/// Whether a decision or an alert is about what somebody sees, or about nobody.
fn concerns(sight: &Sight, event: &StoredEvent) -> bool {
    let nobody = |s: &Scope| event.conversation.is_none() && s.owner.is_none();
    let theirs = |s: &Scope| sight.sees(s) || s.group.is_some_and(|g| sight.shares(&[g]));
    let about = event.scope_after.as_ref();
    sight.all() || about.map_or(event.conversation.is_none(), |s| nobody(s) || theirs(s))
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
    #[must_use]
    pub fn new(bus: Bus) -> Self {
        Self { bus, ..Self::default() }
    }

    fn elsewhere(&self) -> MutexGuard<'_, HashMap<(WorkspaceId, ConversationId), BTreeMap<String, Elsewhere>>> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner)
    }

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

    /// Whether everybody who listens has room for `frames` more, and how many frames wait for them together. Whoever was
    /// found too slow does not count.
    #[must_use]
    pub fn room(&self, workspace: WorkspaceId, frames: usize) -> (bool, usize) {
        let rooms = self.rooms();
        let listeners = rooms.get(&workspace).into_iter().flat_map(BTreeMap::values);
        listeners
            .filter(|l| !l.lost.load(Ordering::SeqCst) && !l.queue.is_closed())
            .map(|l| l.queue.capacity())
            .fold((true, 0), |(all, waiting), free| {
                (all && free >= frames, waiting + QUEUE - free)
            })
    }

    /// Gives events to whoever may know something of them. Who looks at a conversation that they see no more does not look
    /// at it: its marks are not for them.
    pub fn publish(&self, workspace: WorkspaceId, events: &[Arc<Published>]) {
        let left = self.hand_out(workspace, events);
        for conversation in left {
            self.tell_viewers(workspace, conversation);
        }
    }

    /// The conversations that somebody looked at and sees no more.
    fn hand_out(&self, workspace: WorkspaceId, events: &[Arc<Published>]) -> BTreeSet<ConversationId> {
        let mut left = BTreeSet::new();
        let mut rooms = self.rooms();
        let Some(room) = rooms.get_mut(&workspace) else {
            return left;
        };
        for listener in room.values_mut() {
            for published in events {
                let event = &published.event;
                let sees = sees(&listener.audience, event);
                let looks = event.conversation.is_some() && listener.viewing == event.conversation;
                if looks && sees != Sees::All && event.kind == EventKind::ConversationChanged {
                    left.extend(listener.viewing.take());
                }
                if sees == Sees::Nothing {
                    continue;
                }
                if listener.queue.try_send(Delivered::Event(published.clone())).is_err() {
                    listener.lost.store(true, Ordering::SeqCst);
                    break;
                }
            }
        }
        left
    }

    /// What a listener looks at.
    pub fn viewed(&self, seat: &Seat) -> Option<ConversationId> {
        self.rooms().get(&seat.workspace)?.get(&seat.id)?.viewing
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

    /// Tells everybody who looks at a conversation who else does, on this node and on the others.
    fn tell_viewers(&self, workspace: WorkspaceId, conversation: ConversationId) {
        self.show_viewers(workspace, conversation);
        let here = self.viewers_here(workspace, conversation);
        self.bus
            .say(Said::Viewing(workspace, conversation, here.into_iter().collect()));
    }

    fn viewers_here(&self, workspace: WorkspaceId, conversation: ConversationId) -> BTreeMap<AgentId, String> {
        let rooms = self.rooms();
        let room = rooms.get(&workspace).into_iter().flat_map(BTreeMap::values);
        room.filter(|l| l.viewing == Some(conversation))
            .filter_map(|l| match &l.audience {
                Audience::Agent { sight, name, .. } => Some((sight.agent, name.clone())),
                Audience::Visitor { .. } => None,
            })
            .collect()
    }

    /// Whether a screen of the agent looks at the conversation now, on whatever node.
    #[must_use]
    pub fn looks(&self, w: WorkspaceId, agent: AgentId, conversation: ConversationId) -> bool {
        self.viewers(w, conversation).contains_key(&agent)
    }

    /// Who looks at a conversation, on whatever node.
    fn viewers(&self, w: WorkspaceId, conversation: ConversationId) -> BTreeMap<AgentId, String> {
        let mut agents = self.viewers_here(w, conversation);
        if let Some(nodes) = self.elsewhere().get(&(w, conversation)) {
            let alive = nodes.values().filter(|n| n.at.elapsed() < GHOST);
            agents.extend(alive.flat_map(|n| n.agents.iter().cloned()));
        }
        agents
    }

    fn show_viewers(&self, w: WorkspaceId, conversation: ConversationId) {
        let list: Vec<Value> = self
            .viewers(w, conversation)
            .into_iter()
            .map(|(id, name)| serde_json::json!({ "id": id, "name": name }))
            .collect();
        let frame = serde_json::json!({ "type": "viewing", "conversation": conversation, "agents": list });
        self.give_mark(w, conversation, &frame.to_string().into(), None);
    }

    /// Another node said who looks at a conversation there.
    pub fn heard_viewers(&self, node: &str, w: WorkspaceId, c: ConversationId, agents: Vec<(AgentId, String)>) {
        let (changed, unknown) = {
            let mut elsewhere = self.elsewhere();
            let nodes = elsewhere.entry((w, c)).or_default();
            let before = nodes.remove(node);
            let unknown = before.is_none() && !agents.is_empty();
            let changed = before.map(|b| b.agents).unwrap_or_default() != agents;
            if !agents.is_empty() {
                let at = Instant::now();
                nodes.insert(node.to_owned(), Elsewhere { agents, at });
            }
            if nodes.is_empty() {
                elsewhere.remove(&(w, c));
            }
            (changed, unknown)
        };
        if !changed {
            return;
        }
        self.show_viewers(w, c);
        let here = self.viewers_here(w, c);
        // Who begins to look there does not know yet who looks here.
        if unknown && !here.is_empty() {
            self.bus.say(Said::Viewing(w, c, here.into_iter().collect()));
        }
    }

    /// Says again who looks at what here, and forgets whom other nodes said nothing of.
    pub fn repeat_viewers(&self) {
        let mut ghosts = Vec::new();
        self.elsewhere().retain(|key, nodes| {
            let before = nodes.len();
            nodes.retain(|_, n| n.at.elapsed() < GHOST);
            if nodes.len() < before {
                ghosts.push(*key);
            }
            !nodes.is_empty()
        });
        for (w, conversation) in ghosts {
            self.show_viewers(w, conversation);
        }
        let viewed: BTreeSet<(WorkspaceId, ConversationId)> = self
            .rooms()
            .iter()
            .flat_map(|(w, room)| room.values().filter_map(|l| Some((*w, l.viewing?))))
            .collect();
        for (w, c) in viewed {
            self.bus
                .say(Said::Viewing(w, c, self.viewers_here(w, c).into_iter().collect()));
        }
    }

    /// Sends a mark to the agents who look at a conversation, on whatever node, but not to `but`.
    pub fn mark(&self, workspace: WorkspaceId, conversation: ConversationId, frame: &Value, but: Option<u64>) {
        let text = frame.to_string();
        self.bus.say(Said::Mark(workspace, conversation, text.clone()));
        self.give_mark(workspace, conversation, &text.into(), but);
    }

    /// A mark of another node.
    pub fn heard_mark(&self, workspace: WorkspaceId, conversation: ConversationId, frame: Arc<str>) {
        self.give_mark(workspace, conversation, &frame, None);
    }

    fn give_mark(&self, workspace: WorkspaceId, conversation: ConversationId, text: &Arc<str>, but: Option<u64>) {
        for (id, listener) in self.rooms().get(&workspace).into_iter().flatten() {
            if listener.viewing == Some(conversation) && Some(*id) != but {
                // A mark that does not fit is not worth a reconnection.
                let _ = listener.queue.try_send(Delivered::Mark(text.clone()));
            }
        }
    }

    /// Tells the visitors of a conversation, on whatever node, that somebody of ours is typing. Their sockets say who by
    /// the public name.
    pub fn typing_to_visitors(&self, workspace: WorkspaceId, conversation: ConversationId, agent: AgentId) {
        let text = serde_json::json!({ "type": "typing", "agent": { "id": agent } }).to_string();
        self.bus.say(Said::Visitors(workspace, conversation, text.clone()));
        self.heard_visitors(workspace, conversation, text.into());
    }

    /// A mark for visitors, of this node or another.
    pub fn heard_visitors(&self, workspace: WorkspaceId, conversation: ConversationId, text: Arc<str>) {
        for listener in self.rooms().get(&workspace).into_iter().flat_map(BTreeMap::values) {
            if let Audience::Visitor { conversations, .. } = &listener.audience
                && conversations.contains(&conversation)
            {
                let _ = listener.queue.try_send(Delivered::Mark(text.clone()));
            }
        }
    }

    /// The visitors who listen here.
    #[must_use]
    pub fn visitors(&self, workspace: WorkspaceId) -> Vec<i64> {
        let rooms = self.rooms();
        let room = rooms.get(&workspace).into_iter().flat_map(BTreeMap::values);
        room.filter_map(|l| match &l.audience {
            Audience::Visitor { visitor, .. } => Some(*visitor),
            Audience::Agent { .. } => None,
        })
        .collect()
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
