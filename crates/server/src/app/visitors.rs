//! Visitors of web chats: who they are, what they write, what they may read (spec CP-3).

use crate::accounts::Account;
use crate::app::hours::Calendar;
use crate::app::receive::{self, Arrived};
use crate::app::visitor_profiles::{self, Profile};
use crate::app::{AppError, AppResult, Fields};
use crate::secrets;
use ronda_channels::inbound::{Context, InboundKind, InboundMessage, Sender};
use ronda_domain::channel::{self, ChannelKind};
use ronda_domain::content::{Content, Media};
use ronda_domain::conversation::{Author, Direction, Place};
use ronda_domain::event::{Event, EventKind};
use ronda_domain::{AgentId, ConversationId, CustomerId, MessageId, Ms, WorkspaceId};
use ronda_storage::conversations::ConversationRow;
use ronda_storage::messages::MessageRow;
use ronda_storage::visitors::{self, VisitorRow};
use ronda_storage::{Tx, conversations, customers, files, messages};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Conversations of one visitor that are looked at for what is live.
const RECENT: i64 = 20;
/// Longest name somebody gives in a form.
const NAME_CHARS: usize = 120;

/// A message as its visitor sees it.
#[derive(Clone, Debug, Serialize)]
pub struct VisitorMessage {
    pub id: MessageId,
    pub client_id: Option<String>,
    pub from: &'static str,
    /// The public name of an agent.
    pub name: Option<String>,
    pub content: Content,
    pub at: Ms,
    pub status: Option<String>,
}

/// What a visitor is told of the conversation.
#[derive(Clone, Debug, Serialize)]
pub struct VisitorConversation {
    pub state: &'static str,
    pub agent: Option<VisitorAgent>,
    /// While it waits for somebody outside business hours: when they begin.
    pub opens_at: Option<Ms>,
}

#[derive(Clone, Debug, Serialize)]
pub struct VisitorAgent {
    pub name: String,
}

/// What a visitor wrote.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// A UUID made in the browser: the key of repeated requests.
    pub client_id: String,
    /// When it was written by the clock of the browser; only for its order among others.
    #[serde(default)]
    pub at: Option<i64>,
    #[serde(default)]
    pub text: Option<String>,
    /// An uploaded file.
    #[serde(default)]
    pub file: Option<uuid::Uuid>,
    /// An option that was offered.
    #[serde(default)]
    pub choice: Option<Chosen>,
    /// Written in the form that stands for the chat while nobody is there.
    #[serde(default)]
    pub form: Option<Form>,
}

/// Who wrote a form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    pub name: String,
    #[serde(default)]
    pub email: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    pub id: String,
    pub title: String,
}

/// Makes a visitor; the token is given once.
///
/// # Errors
/// When the database fails.
pub fn create(tx: &mut Tx<'_>, account: &Account, page: &Value) -> AppResult<(i64, String)> {
    let token = secrets::token();
    let public_id = uuid::Uuid::now_v7().to_string();
    let id = visitors::insert(
        tx,
        account.row.workspace,
        account.row.id,
        &public_id,
        &secrets::hash(&token),
        &page.to_string(),
    )?;
    Ok((id, token))
}

/// A visitor as what they write comes from.
#[must_use]
pub fn sender(v: &VisitorRow) -> Sender {
    Sender {
        user_id: Some(v.public_id.clone()),
        verified_id: v.user_id.clone(),
        name: Profile::of(v).name,
        ..Sender::default()
    }
}

/// Stores what a visitor wrote. The same `client_id` again gives the first answer.
///
/// # Errors
/// Wrong fields; the limits of the channel.
pub fn write(
    tx: &mut Tx<'_>,
    account: &Arc<Account>,
    v: &VisitorRow,
    new: &Written,
) -> AppResult<(VisitorMessage, ConversationId)> {
    if uuid::Uuid::parse_str(&new.client_id).is_err() {
        return Err(AppError::field("/client_id", "format", "a UUID"));
    }
    if let Some((stored, conversation)) = repeated(tx, v, &new.client_id)? {
        return Ok((stored, conversation));
    }
    // Who writes out of hours has answered another form.
    if new.form.is_none() {
        visitor_profiles::may_write(account, v)?;
    }
    let content = content(tx, v, new)?;
    channel::check(ChannelKind::WebChat, &content)
        .map_err(|e| AppError::field("/text", "limit", format!("at most {}", e.limit)))?;
    let form = new.form.as_ref().map(introduced).transpose()?;
    let now = tx.now();
    let arrived = Arrived {
        account: account.row.clone(),
        kind: InboundKind::Message(InboundMessage {
            provider_id: String::new(),
            from: sender(v),
            at: now,
            content: content.clone(),
            context: Context::default(),
            referral: None,
            errors: Vec::new(),
        }),
        received_at: now,
        client_id: Some(new.client_id.clone()),
        form: new.form.is_some(),
        origin: Some(v.page.clone()).filter(|p| p != "{}"),
    };
    let received = receive::run(tx, &[arrived])?;
    if let Some(customer) = received.customers.first()
        && v.customer != Some(*customer)
    {
        visitors::set_customer(tx, v.workspace, v.id, *customer)?;
        visitor_profiles::apply(tx, v.workspace, *customer, &Profile::of(v))?;
    }
    if let (Some(form), Some(customer)) = (form, received.customers.first()) {
        introduce(tx, v.workspace, *customer, form)?;
    }
    visitors::seen(tx, v.workspace, v.id)?;
    let Some((id, conversation, _)) = received.stored.first() else {
        return Err(AppError::Internal("a visitor's message was not stored".into()));
    };
    if let Some(file) = new.file {
        files::use_in(tx, v.workspace, &file.to_string(), *conversation)?;
    }
    let message = VisitorMessage {
        id: *id,
        client_id: Some(new.client_id.clone()),
        from: "visitor",
        name: None,
        content,
        at: now,
        status: None,
    };
    Ok((message, *conversation))
}

/// What a form says of its author, checked.
fn introduced(form: &Form) -> AppResult<Form> {
    let mut f = Fields::new();
    let name = f.text("/form/name", &form.name, 1..=NAME_CHARS);
    let email = form.email.as_deref().map(str::trim).filter(|e| !e.is_empty());
    let email = email.map(|email| f.email("/form/email", email).shown);
    f.done()?;
    Ok(Form { name, email })
}

/// A visitor said who they are. What people of ours wrote about them stays.
fn introduce(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId, form: Form) -> AppResult<()> {
    let mut row = customers::get(tx, w, customer)?.ok_or(AppError::NotFound)?;
    if matches!(row.name_source.as_str(), "generated" | "profile") {
        row.name = form.name;
        row.name_source = "form".into();
    }
    row.email = row.email.or(form.email);
    if customers::update(tx, &row)? == 0 {
        return Err(ronda_storage::StoreError::Retry.into());
    }
    tx.emit(Event::general(
        w,
        EventKind::CustomerChanged,
        &json!({ "id": row.id, "name": row.name, "version": row.version + 1 }),
    ));
    Ok(())
}

fn repeated(tx: &mut Tx<'_>, v: &VisitorRow, client_id: &str) -> AppResult<Option<(VisitorMessage, ConversationId)>> {
    for conversation in visitors::conversations(tx, v, RECENT)? {
        let stored = messages::by_client_id(tx, v.workspace, conversation, Author::Customer, client_id)?;
        if let Some(view) = stored.and_then(|m| of(m, &BTreeMap::new())) {
            return Ok(Some((view, conversation)));
        }
    }
    Ok(None)
}

fn content(tx: &mut Tx<'_>, v: &VisitorRow, new: &Written) -> AppResult<Content> {
    if let Some(id) = new.file {
        let file = files::get(tx, v.workspace, &id.to_string())?
            .filter(|f| f.visitor == Some(v.id))
            .ok_or_else(|| AppError::field("/file", "unknown", "no such file"))?;
        let media = Media {
            file: Some(id),
            name: Some(file.name.clone()),
            size: Some(file.size),
            caption: new.text.clone().filter(|t| !t.trim().is_empty()),
            mime: Some(file.mime.clone()),
            ..Media::default()
        };
        return Ok(match file.mime.split('/').next() {
            Some("image") => Content::Image(media),
            Some("video") => Content::Video(media),
            Some("audio") => Content::Audio(media),
            _ => Content::Document(media),
        });
    }
    if let Some(choice) = &new.choice {
        return Ok(Content::InteractiveReply {
            id: choice.id.chars().take(200).collect(),
            title: choice.title.chars().take(200).collect(),
            description: None,
        });
    }
    let text = new.text.as_deref().unwrap_or_default().trim();
    if text.is_empty() {
        return Err(AppError::field("/text", "required", "say something"));
    }
    Ok(Content::text(text))
}

/// A message as visitors see it; nothing for what is not theirs to see.
#[must_use]
pub fn of(m: MessageRow, names: &BTreeMap<AgentId, String>) -> Option<VisitorMessage> {
    let from = match (m.direction, m.author) {
        (Direction::In, _) => "visitor",
        (Direction::Out, Author::Agent | Author::External) => "agent",
        (Direction::Out, _) => "bot",
        (Direction::Note | Direction::System, _) => return None,
    };
    if m.deleted_at.is_some() {
        return None;
    }
    Some(VisitorMessage {
        id: m.id,
        client_id: m.client_id.filter(|_| from == "visitor"),
        from,
        name: m.agent.and_then(|a| names.get(&a).cloned()),
        content: serde_json::from_str(&m.content).ok()?,
        at: m.at,
        status: m.status.map(|s| s.as_str().to_owned()),
    })
}

/// What the visitor missed, and how the conversation stands.
///
/// # Errors
/// When the database fails.
pub fn after(
    tx: &mut Tx<'_>,
    v: &VisitorRow,
    id: MessageId,
    limit: i64,
) -> AppResult<(Vec<VisitorMessage>, VisitorConversation)> {
    let ids = visitors::messages_after(tx, v, id, limit)?;
    let mut rows = messages::get_many(tx, v.workspace, &ids)?;
    rows.sort_by_key(|m| m.id);
    let names = ronda_storage::agents::public_names(tx, v.workspace)?
        .into_iter()
        .collect();
    let items = rows.into_iter().filter_map(|m| of(m, &names)).collect();
    Ok((items, conversation(tx, v)?))
}

/// How the newest conversation of a visitor stands.
///
/// # Errors
/// When the database fails.
pub fn conversation(tx: &mut Tx<'_>, v: &VisitorRow) -> AppResult<VisitorConversation> {
    let none = VisitorConversation {
        state: "none",
        agent: None,
        opens_at: None,
    };
    let Some(id) = visitors::conversations(tx, v, 1)?.into_iter().next() else {
        return Ok(none);
    };
    let Some(row) = conversations::get(tx, v.workspace, id)? else {
        return Ok(none);
    };
    stands(tx, v.workspace, &row)
}

fn stands(tx: &mut Tx<'_>, w: WorkspaceId, row: &ConversationRow) -> AppResult<VisitorConversation> {
    let names: BTreeMap<AgentId, String> = ronda_storage::agents::public_names(tx, w)?.into_iter().collect();
    let opens_at = match row.place {
        Place::Waiting => Calendar::load(tx, w)?.state(row.group, row.channel_account).opens_at,
        _ => None,
    };
    Ok(VisitorConversation {
        opens_at,
        state: match row.place {
            Place::Bot => "bot",
            Place::Waiting => "waiting",
            Place::Held => "held",
            Place::Closed => "closed",
        },
        agent: row
            .owner
            .and_then(|o| names.get(&o).cloned())
            .map(|name| VisitorAgent { name }),
    })
}

/// The visitor has read up to a message: our messages are read, and agents see it.
///
/// # Errors
/// When the database fails.
pub fn read(tx: &mut Tx<'_>, v: &VisitorRow, up_to: MessageId) -> AppResult<()> {
    let before = v.read_up_to;
    if visitors::set_read(tx, v.workspace, v.id, up_to)? == 0 {
        return Ok(());
    }
    let ids = visitors::messages_after(tx, v, before, 200)?;
    let now = tx.now();
    for m in messages::get_many(tx, v.workspace, &ids)? {
        if m.id <= up_to && m.direction == Direction::Out {
            super::delivery::status(tx, v.workspace, &m, "read", now, &[])?;
        }
    }
    Ok(())
}

/// Who of ours an event names, in the two places where frames show somebody.
#[must_use]
pub fn named_in(body: &str) -> Vec<AgentId> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let people = [&body["agent"]["id"], &body["owner"]["id"]];
    people.into_iter().filter_map(Value::as_i64).map(AgentId).collect()
}

/// A mark as a visitor's socket sends it: whoever it names by their public name.
#[must_use]
pub fn mark(frame: &str, names: &BTreeMap<AgentId, String>) -> Option<Value> {
    let mut frame: Value = serde_json::from_str(frame).ok()?;
    let agent = frame.as_object_mut()?.remove("agent");
    if let Some(id) = agent.and_then(|who| who["id"].as_i64()) {
        frame["name"] = json!(names.get(&AgentId(id)));
    }
    Some(frame)
}

/// The frame of an event for a visitor's socket; nothing for what is not theirs.
#[must_use]
pub fn frame(kind: ronda_domain::event::EventKind, body: &str, names: &BTreeMap<AgentId, String>) -> Option<Value> {
    use ronda_domain::event::EventKind as K;
    let body: Value = serde_json::from_str(body).ok()?;
    // Customers know people by their public names only.
    let called = |who: &Value| names.get(&AgentId(who["id"].as_i64()?)).cloned();
    match kind {
        K::MessageCreated => {
            let direction = body["direction"].as_str()?;
            let from = match (direction, body["author"].as_str()?) {
                ("in", _) => "visitor",
                ("out", "agent" | "external") => "agent",
                ("out", _) => "bot",
                _ => return None,
            };
            let client_id = if from == "visitor" {
                body["client_id"].clone()
            } else {
                Value::Null
            };
            Some(json!({ "type": "message", "message": {
                "id": body["id"], "client_id": client_id, "from": from, "name": called(&body["agent"]),
                "content": body["content"], "at": body["at"], "status": body["status"],
            }}))
        }
        K::MessageChanged => {
            if !matches!(body["direction"].as_str()?, "in" | "out") {
                return None;
            }
            Some(json!({ "type": "status", "id": body["id"], "status": body["status"] }))
        }
        K::ConversationChanged => {
            let held = body["place"] == "held";
            let agent = match called(&body["owner"]) {
                Some(name) if held => json!({ "name": name }),
                _ => Value::Null,
            };
            Some(json!({ "type": "conversation", "state": body["place"], "agent": agent }))
        }
        _ => None,
    }
}
