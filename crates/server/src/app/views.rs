//! Conversations and messages as the API, the events and the screens know them.

use crate::app::AppResult;
use crate::app::hours::{Calendar, ClosedSpan};
use crate::app::service_levels::ServiceClock;
use ronda_channels::inbound::InboundMessage;
use ronda_domain::channel::{ChannelKind, WHATSAPP_WINDOW_MS, Window};
use ronda_domain::content::Content;
use ronda_domain::conversation::{Author, CloseReason, Direction, MessageStatus, Phase, Place, TrayState};
use ronda_domain::event::{Event, EventKind, Scope};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, MessageId, Ms, WorkspaceId};
use ronda_routing::ConvKeep;
use ronda_storage::conversations::{self, ConversationView, LastMessage as StoredLast};
use ronda_storage::messages::MessageRow;
use ronda_storage::{Tx, agents, messages};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A person or thing with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Named<I> {
    pub id: I,
    pub name: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelOf {
    pub id: ChannelAccountId,
    pub kind: ChannelKind,
    pub name: String,
}

/// The last message, for one line of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LastMessage {
    pub id: MessageId,
    pub at: Ms,
    pub direction: Direction,
    pub author: Author,
    /// The `type` of its content.
    pub kind: String,
    /// Text of one line; empty where only the kind says something, and for deleted messages.
    pub preview: String,
    pub status: Option<MessageStatus>,
}

/// Whether free messages may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WindowView {
    pub state: Window,
    /// When it closes; `null` when it does not, or is closed.
    pub closes_at: Option<Ms>,
    /// The channel's own refusal closed it before our clock did.
    pub refused: bool,
}

/// A conversation as lists and headers show it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Conversation {
    pub id: ConversationId,
    /// What people see: dense per workspace.
    pub number: i64,
    pub channel_account: ChannelOf,
    #[schema(value_type = Object)]
    pub customer: Named<CustomerId>,
    pub place: Place,
    pub state: TrayState,
    /// Who holds it; of a closed conversation, who held it last; of one that we began, who began it.
    #[schema(value_type = Option<Object>)]
    pub owner: Option<Named<AgentId>>,
    #[schema(value_type = Option<Object>)]
    pub group: Option<Named<GroupId>>,
    /// Held by an agent who is not in its group: moved there, or taken out of the group since.
    pub outside_group: bool,
    /// Send it back as `seen` with commands and replies.
    pub epoch: i64,
    pub episode: i64,
    pub phase: Option<Phase>,
    /// Since when the customer has been owed a reply.
    pub owed_since: Option<Ms>,
    pub waiting_since: Option<Ms>,
    pub assigned_at: Option<Ms>,
    /// Why the owner has it: `{code, params}`.
    #[schema(value_type = Option<Object>)]
    pub assigned_reason: Option<Value>,
    /// When it goes to somebody else unless answered; closed times are counted in.
    pub rotate_at: Option<Ms>,
    /// The one extension of this ownership, by typing or `extend`, is used up.
    pub extended: bool,
    /// The closed times between the start of the clock and `rotate_at`, in which it stands still; of one that waits, the
    /// present or next one, in which nothing is assigned. Empty where no hours are set.
    pub closed_spans: Vec<ClosedSpan>,
    pub round: i64,
    pub exhausted: bool,
    pub reserved_for: Option<AgentId>,
    pub reserved_until: Option<Ms>,
    pub last_activity_at: Ms,
    pub last_customer_at: Option<Ms>,
    pub last_message: Option<LastMessage>,
    pub unread: i64,
    pub marked_unread: bool,
    pub window: WindowView,
    /// The promise it waits under.
    pub service: Option<ServiceClock>,
    pub closed_at: Option<Ms>,
    pub close_reason: Option<CloseReason>,
    pub outbound: bool,
    pub simulated: bool,
    /// Where a web chat began: `{url, title, referrer, utm}`.
    #[schema(value_type = Option<Object>)]
    pub origin: Option<Value>,
    pub created_at: Ms,
}

/// The window of a conversation at `now` (spec CORE-4). The platform's refusal wins over our clock.
#[must_use]
pub fn window(kind: ChannelKind, last_customer_at: Option<Ms>, refused: bool, now: Ms) -> WindowView {
    let closed = WindowView {
        state: Window::Closed,
        closes_at: None,
        refused,
    };
    if kind == ChannelKind::WebChat {
        return WindowView {
            state: Window::Open,
            closes_at: None,
            refused: false,
        };
    }
    match last_customer_at.map(|at| at.plus(WHATSAPP_WINDOW_MS)) {
        Some(end) if !refused && end > now => WindowView {
            state: Window::Open,
            closes_at: Some(end),
            refused: false,
        },
        _ => closed,
    }
}

fn last(m: StoredLast) -> LastMessage {
    let content: Option<Content> = serde_json::from_str(&m.content).ok();
    LastMessage {
        id: m.id,
        at: m.at,
        direction: m.direction,
        author: m.author,
        preview: content.filter(|_| !m.deleted).map(|c| c.preview()).unwrap_or_default(),
        kind: m.kind,
        status: m.status,
    }
}

/// What the engine keeps beside the columns. A screen does without what cannot be read; the planner does not.
fn kept(routing: Option<&str>) -> ConvKeep {
    routing
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

impl Conversation {
    /// What decides who may see it.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope {
            place: self.place,
            owner: self.owner.as_ref().map(|o| o.id),
            group: self.group.as_ref().map(|g| g.id),
        }
    }

    #[must_use]
    pub fn of(v: ConversationView, now: Ms, calendar: &Calendar) -> Self {
        let r = v.row;
        let closed_spans = match (r.place, r.rotate_at, calendar.of(r.group, r.channel_account)) {
            (Place::Waiting, _, Some(opening)) => opening.closed(now, None),
            (Place::Held, Some(at), Some(opening)) => {
                let began = r.assigned_at.max(r.owed_since).unwrap_or(now);
                opening.closed(began.min(now), Some(at))
            }
            _ => Vec::new(),
        };
        let owner = r.scope().owner;
        let state = match (r.place, r.outbound) {
            (Place::Closed, _) => TrayState::Closed,
            (Place::Bot, true) => TrayState::Outbound,
            _ => TrayState::Active,
        };
        Self {
            id: r.id,
            number: r.number,
            channel_account: ChannelOf {
                id: r.channel_account,
                kind: v.channel,
                name: v.channel_name,
            },
            customer: Named {
                id: r.customer,
                name: v.customer_name,
            },
            place: r.place,
            state,
            owner: owner.map(|id| Named {
                id,
                name: v.owner_name.unwrap_or_default(),
            }),
            group: r.group.map(|id| Named {
                id,
                name: v.group_name.unwrap_or_default(),
            }),
            outside_group: v.outside,
            epoch: r.epoch,
            episode: r.episode,
            phase: r.phase,
            owed_since: r.owed_since,
            waiting_since: r.waiting_since,
            assigned_at: r.assigned_at,
            assigned_reason: r.assigned_reason.and_then(|t| serde_json::from_str(&t).ok()),
            rotate_at: r.rotate_at,
            extended: r.rotate_at.is_some() && kept(r.routing.as_deref()).extended,
            closed_spans,
            round: r.round,
            exhausted: r.exhausted,
            reserved_for: r.reserved_for,
            reserved_until: r.reserved_until,
            last_activity_at: r.last_activity_at,
            last_customer_at: r.last_customer_at,
            last_message: v.last.map(last),
            unread: r.unread,
            marked_unread: r.marked_unread,
            window: window(v.channel, r.last_customer_at, r.window_closed, now),
            service: v
                .service
                .map(|s| ServiceClock::of(&s.metric, s.started_at, s.risk_at, s.due_at)),
            closed_at: r.closed_at,
            close_reason: r.close_reason,
            outbound: r.outbound,
            simulated: r.simulated,
            origin: r.origin.and_then(|t| serde_json::from_str(&t).ok()),
            created_at: r.created_at,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reaction {
    /// `customer`, or `agent`.
    pub by: String,
    pub emoji: String,
}

/// A message, note or system line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    pub id: MessageId,
    pub conversation: ConversationId,
    /// The provider's time for messages of customers, ours for the others.
    pub at: Ms,
    pub direction: Direction,
    pub author: Author,
    #[schema(value_type = Option<Object>)]
    pub agent: Option<Named<AgentId>>,
    /// The id that its author's client gave it.
    pub client_id: Option<String>,
    /// The channel's own id, once it has one.
    pub provider_id: Option<String>,
    pub kind: String,
    /// Tagged by `type`; `null` when the message was deleted by its author.
    pub content: Option<Content>,
    pub status: Option<MessageStatus>,
    /// When each status was reached, by its word.
    #[schema(value_type = Option<Object>)]
    pub status_at: Option<Value>,
    /// Why it failed: `{code, key, title, detail}`.
    #[schema(value_type = Option<Object>)]
    pub error: Option<Value>,
    /// The message it quotes: `{message?, provider_id?}`.
    #[schema(value_type = Option<Object>)]
    pub reply_to: Option<Value>,
    pub reactions: Vec<Reaction>,
    pub edited_at: Option<Ms>,
    pub deleted_at: Option<Ms>,
    /// Where the conversation came from: an advertisement or post.
    #[schema(value_type = Option<Object>)]
    pub referral: Option<Value>,
}

/// What messages are shown with: names of agents, reactions by provider id.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    pub names: BTreeMap<AgentId, String>,
    pub reactions: BTreeMap<String, Vec<Reaction>>,
}

impl Beside {
    /// The names of the workspace's agents and the reactions of one conversation.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of(tx: &mut Tx<'_>, w: WorkspaceId, c: ConversationId) -> AppResult<Self> {
        let mut reactions: BTreeMap<String, Vec<Reaction>> = BTreeMap::new();
        for (target, by, emoji) in messages::reactions(tx, w, c)? {
            reactions.entry(target).or_default().push(Reaction { by, emoji });
        }
        Ok(Self {
            names: agents::names(tx, w)?.into_iter().collect(),
            reactions,
        })
    }
}

impl Message {
    /// What a customer wrote, as it has just been stored. `reply_to` is the JSON text of what it quotes.
    #[must_use]
    pub fn inbound(
        id: MessageId,
        conversation: ConversationId,
        at: Ms,
        said: &InboundMessage,
        client_id: Option<String>,
        reply_to: Option<String>,
    ) -> Self {
        Self {
            id,
            conversation,
            at,
            direction: Direction::In,
            author: Author::Customer,
            agent: None,
            provider_id: client_id.is_none().then(|| said.provider_id.clone()),
            client_id,
            kind: said.content.kind().to_owned(),
            content: Some(said.content.clone()),
            status: None,
            status_at: None,
            error: None,
            reply_to: reply_to.and_then(|t| serde_json::from_str(&t).ok()),
            reactions: Vec::new(),
            edited_at: None,
            deleted_at: None,
            referral: said.referral.as_ref().map(json),
        }
    }

    #[must_use]
    pub fn of(m: MessageRow, beside: &Beside) -> Self {
        let json = |text: Option<String>| text.and_then(|t| serde_json::from_str(&t).ok());
        let content = if m.deleted_at.is_some() {
            None
        } else {
            Some(serde_json::from_str(&m.content).unwrap_or(Content::Unsupported {
                kind: m.kind.clone(),
                raw: Value::Null,
            }))
        };
        Self {
            id: m.id,
            conversation: m.conversation,
            at: m.at,
            direction: m.direction,
            author: m.author,
            agent: m.agent.map(|id| Named {
                id,
                name: beside.names.get(&id).cloned().unwrap_or_default(),
            }),
            client_id: m.client_id,
            kind: m.kind,
            content,
            status: m.status,
            status_at: json(m.status_at),
            error: json(m.error),
            reply_to: json(m.reply_to),
            reactions: m
                .provider_id
                .as_ref()
                .and_then(|id| beside.reactions.get(id).cloned())
                .unwrap_or_default(),
            edited_at: m.edited_at,
            deleted_at: m.deleted_at,
            referral: json(m.referral),
            provider_id: m.provider_id,
        }
    }
}

/// Tells screens what became of conversations. `before` has the scope each had before this transaction; one that is
/// not in it was born here.
///
/// # Errors
/// When the database fails.
pub fn emit_conversations(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    ids: &[ConversationId],
    before: &BTreeMap<ConversationId, Scope>,
) -> AppResult<Vec<Conversation>> {
    let now = tx.now();
    let views = conversations::views(tx, w, ids)?;
    let calendar = Calendar::load(tx, w)?;
    let mut out = Vec::with_capacity(views.len());
    for v in views {
        let scope = v.row.scope();
        let view = Conversation::of(v, now, &calendar);
        tx.emit(Event {
            workspace: w,
            kind: EventKind::ConversationChanged,
            conversation: Some(view.id),
            scope_before: before.get(&view.id).copied(),
            scope_after: Some(scope),
            body: text(&view),
        });
        out.push(view);
    }
    Ok(out)
}

/// [`emit_conversations`] of one whose scope did not change.
///
/// # Errors
/// When the database fails, or there is no such conversation.
pub fn emit_conversation(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: ConversationId,
    before: Scope,
) -> AppResult<Conversation> {
    emit_conversations(tx, w, &[id], &[(id, before)].into())?
        .pop()
        .ok_or(crate::app::AppError::NotFound)
}

/// Tells screens about a message.
pub fn emit_message(tx: &mut Tx<'_>, w: WorkspaceId, kind: EventKind, scope: Scope, m: &Message) {
    tx.emit(Event {
        workspace: w,
        kind,
        conversation: Some(m.conversation),
        scope_before: Some(scope),
        scope_after: Some(scope),
        body: text(m),
    });
}

/// The JSON text of a value; our own types cannot fail.
pub fn text<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A value as JSON that is looked into or changed; what is only written down is [`text`].
pub fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
