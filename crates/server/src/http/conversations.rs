//! Conversations: lists, counters, what people mark, and the commands that move them.

use crate::app::conversations::{self, Counts, Draft, Filter, Messages};
use crate::app::views::{Conversation, Message, Named};
use crate::app::{AppError, AppResult, commands, reply, start as outbound};
use crate::http::input::{Filter as Query, Paged, cursor, limit_of, read_cursor};
use crate::http::{Body, Context, Path, Problem};
use crate::workers::planner;
use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use ronda_domain::content::Content;
use ronda_domain::conversation::{Order, Tray, TrayState};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, MessageId, Ms, SkillId};
use ronda_routing::Target;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `mine` when left out.
    #[param(inline)]
    tray: Option<Tray>,
    /// `active` when left out.
    #[param(inline)]
    state: Option<TrayState>,
    /// `waiting` when left out.
    #[param(inline)]
    order: Option<Order>,
    channel: Option<i64>,
    group: Option<i64>,
    owner: Option<i64>,
    customer: Option<i64>,
    /// `true`: only those whose customer is owed a reply.
    #[serde(default)]
    owed: bool,
    /// Part of the customer's name, address or telephone in any form, or the number of the conversation.
    q: Option<String>,
    /// 1 to 200; 50 when left out.
    limit: Option<i64>,
    cursor: Option<String>,
}

/// List conversations
///
/// One cell of trays and states, in the order people see.
#[utoipa::path(get, path = "/conversations", tag = "Conversations", params(ListQuery), responses((status = 200, body = Paged<Conversation>)))]
pub async fn list(ctx: Context, Query(q): Query<ListQuery>) -> Result<Json<Paged<Conversation>>, Problem> {
    let order = q.order.unwrap_or(Order::Waiting);
    let limit = limit_of(q.limit)?;
    let filter = Filter {
        tray: q.tray.unwrap_or(Tray::Mine),
        state: q.state.unwrap_or(TrayState::Active),
        order,
        channel: q.channel.map(ChannelAccountId),
        group: q.group.map(GroupId),
        owner: q.owner.map(AgentId),
        customer: q.customer.map(CustomerId),
        owed: q.owed,
        q: q.q,
        limit,
        after: q.cursor.as_deref().map(read_cursor).transpose()?,
    };
    let items = ctx
        .read("conversations", move |tx, who| conversations::list(tx, who, &filter))
        .await?;
    let full = items.len() as i64 >= limit;
    let next_cursor = items
        .last()
        .filter(|_| full)
        .map(|c| cursor(&conversations::cursor(order, c)));
    Ok(Json(Paged { items, next_cursor }))
}

/// Whom to write to, and what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConversation {
    channel_account: ChannelAccountId,
    /// Either a customer …
    #[serde(default)]
    customer: Option<CustomerId>,
    /// … or a number as people type it; the country of the workspace where none is given.
    #[serde(default)]
    phone: Option<String>,
    /// Of a customer that is not known yet; up to 120 characters.
    #[serde(default)]
    name: Option<String>,
    /// What whoever answers the customer's reply must be able to do; what the channel account asks for when left out. The
    /// sender gets the reply only with these skills.
    #[serde(default)]
    skills: Vec<SkillId>,
    /// A UUID made by the client: sending it again gives the first answer.
    client_id: uuid::Uuid,
    /// A template, or anything else while the customer's window is open.
    content: Content,
}

#[derive(Serialize, ToSchema)]
pub struct Started {
    conversation: Conversation,
    /// What was sent; `null` when a conversation is going on, which is given instead.
    message: Option<Message>,
}

/// Start a conversation
///
/// 201 when something was sent, 200 when it was sent before or a conversation is going on. It is `outbound` until the
/// customer answers, who then comes back to the sender where routing allows.
#[utoipa::path(post, path = "/conversations", tag = "Conversations", request_body = NewConversation, responses((status = 201, body = Started), (status = 200, body = Started)))]
pub async fn start(ctx: Context, Body(new): Body<NewConversation>) -> Result<(StatusCode, Json<Started>), Problem> {
    ctx.who.need(ronda_domain::permission::Permission::ConversationsReply)?;
    let mut content = new.content;
    crate::http::templates::check(&ctx, new.channel_account, &mut content).await?;
    let start = outbound::Start {
        channel_account: new.channel_account,
        customer: new.customer,
        phone: new.phone,
        name: new.name,
        skills: new.skills,
        client_id: new.client_id.to_string(),
        content,
    };
    let started = ctx
        .write("start", move |tx, who| outbound::run(tx, who, &start))
        .await?;
    let status = if started.fresh {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let answer = Started {
        conversation: started.conversation,
        message: started.message,
    };
    Ok((status, Json(answer)))
}

/// Count conversations
///
/// What the lists would show, up to 1,000 each.
#[utoipa::path(get, path = "/conversations/counts", tag = "Conversations", responses((status = 200, body = Counts)))]
pub async fn counts(ctx: Context) -> Result<Json<Counts>, Problem> {
    Ok(Json(ctx.read("counts", conversations::counts).await?))
}

/// Get a conversation
#[utoipa::path(get, path = "/conversations/{id}", tag = "Conversations", params(("id" = i64, Path)), responses((status = 200, body = Conversation)))]
pub async fn get(ctx: Context, Path(id): Path<ConversationId>) -> Result<Json<Conversation>, Problem> {
    Ok(Json(
        ctx.read("conversation", move |tx, who| conversations::get(tx, who, id))
            .await?,
    ))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// Older than this message.
    before: Option<i64>,
    /// Stored after this message.
    after: Option<i64>,
    /// 1 to 200; 50 when left out.
    limit: Option<i64>,
}

/// List messages
///
/// Oldest first; without `before` and `after` the newest page.
#[utoipa::path(get, path = "/conversations/{id}/messages", tag = "Conversations", params(("id" = i64, Path), MessagesQuery), responses((status = 200, body = Messages)))]
pub async fn messages(
    ctx: Context,
    Path(id): Path<ConversationId>,
    Query(q): Query<MessagesQuery>,
) -> Result<Json<Messages>, Problem> {
    let limit = limit_of(q.limit)?;
    let (before, after) = (q.before.map(MessageId), q.after.map(MessageId));
    Ok(Json(
        ctx.read("messages", move |tx, who| {
            conversations::page(tx, who, id, before, after, limit)
        })
        .await?,
    ))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// A UUID made by the client: sending it again gives the first answer.
    client_id: uuid::Uuid,
    content: Content,
    /// Only for colleagues.
    #[serde(default)]
    note: bool,
    #[serde(default)]
    reply_to: Option<MessageId>,
    /// The epoch of the conversation that the client saw.
    #[serde(default)]
    seen: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct Sent {
    message: Message,
    conversation: Conversation,
}

/// Send a message, or leave a note
///
/// 201 when it was stored, 200 when the same request was stored before. 409 `not_owner` names who has it.
#[utoipa::path(post, path = "/conversations/{id}/messages", tag = "Conversations", params(("id" = i64, Path)), request_body = NewMessage, responses((status = 201, body = Sent), (status = 200, body = Sent)))]
pub async fn send(
    ctx: Context,
    Path(id): Path<ConversationId>,
    Body(new): Body<NewMessage>,
) -> Result<(StatusCode, Json<Sent>), Problem> {
    let new = reply::NewReply {
        conversation: id,
        client_id: new.client_id.to_string(),
        content: new.content,
        note: new.note,
        reply_to: new.reply_to,
        seen: new.seen,
    };
    let replied = ctx.write("reply", move |tx, who| reply::run(tx, who, &new)).await?;
    ronda_storage::crash_point("reply.after_commit");
    let status = if replied.repeated {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((
        status,
        Json(Sent {
            message: replied.message,
            conversation: replied.conversation,
        }),
    ))
}

/// Send a failed message again, or fetch its file again
#[utoipa::path(post, path = "/conversations/{id}/messages/{message}/retry", tag = "Conversations", params(("id" = i64, Path), ("message" = i64, Path)), responses((status = 200, body = Message)))]
pub async fn retry(
    ctx: Context,
    Path((id, message)): Path<(ConversationId, MessageId)>,
) -> Result<Json<Message>, Problem> {
    Ok(Json(
        ctx.write("retry", move |tx, who| conversations::retry(tx, who, id, message))
            .await?,
    ))
}

/// Mark a conversation as read
#[utoipa::path(post, path = "/conversations/{id}/read", tag = "Conversations", params(("id" = i64, Path)), responses((status = 200, body = Conversation)))]
pub async fn read(ctx: Context, Path(id): Path<ConversationId>) -> Result<Json<Conversation>, Problem> {
    Ok(Json(
        ctx.write("read", move |tx, who| conversations::mark_read(tx, who, id))
            .await?,
    ))
}

/// Mark a conversation as unread
#[utoipa::path(post, path = "/conversations/{id}/unread", tag = "Conversations", params(("id" = i64, Path)), responses((status = 200, body = Conversation)))]
pub async fn unread(ctx: Context, Path(id): Path<ConversationId>) -> Result<Json<Conversation>, Problem> {
    Ok(Json(
        ctx.write("unread", move |tx, who| conversations::mark_unread(tx, who, id))
            .await?,
    ))
}

/// Say that one is typing
#[utoipa::path(post, path = "/conversations/{id}/typing", tag = "Conversations", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn typing(ctx: Context, Path(id): Path<ConversationId>) -> Result<StatusCode, Problem> {
    ctx.write("typing", move |tx, who| conversations::typing(tx, who, id))
        .await?;
    ctx.app.hub.typing_to_visitors(ctx.who.workspace, id, ctx.who.agent);
    Ok(StatusCode::NO_CONTENT)
}

/// Get one's draft
#[utoipa::path(get, path = "/conversations/{id}/draft", tag = "Conversations", params(("id" = i64, Path)), responses((status = 200, body = Draft)))]
pub async fn draft(ctx: Context, Path(id): Path<ConversationId>) -> Result<Json<Draft>, Problem> {
    Ok(Json(
        ctx.read("draft", move |tx, who| conversations::draft(tx, who, id))
            .await?,
    ))
}

/// Keep one's draft
///
/// An empty body removes it.
#[utoipa::path(put, path = "/conversations/{id}/draft", tag = "Conversations", params(("id" = i64, Path)), request_body = Draft, responses((status = 204)))]
pub async fn put_draft(
    ctx: Context,
    Path(id): Path<ConversationId>,
    Body(draft): Body<Draft>,
) -> Result<StatusCode, Problem> {
    ctx.write("put_draft", move |tx, who| {
        conversations::put_draft(tx, who, id, &draft)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Discard one's draft
#[utoipa::path(delete, path = "/conversations/{id}/draft", tag = "Conversations", params(("id" = i64, Path)), responses((status = 204)))]
pub async fn discard_draft(ctx: Context, Path(id): Path<ConversationId>) -> Result<StatusCode, Problem> {
    ctx.write("discard_draft", move |tx, who| {
        conversations::discard_draft(tx, who, id)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

// Commands -------------------------------------------------------------------------------------------------------------

#[derive(Serialize, ToSchema)]
pub struct Moved {
    conversation: Conversation,
}

/// Carries out a command: rights and what the engine must know are read first, the planner decides.
async fn command<F>(ctx: &Context, headers: &HeaderMap, id: ConversationId, prepare: F) -> Result<Json<Moved>, Problem>
where
    F: FnMut(&mut ronda_storage::Tx<'_>, &crate::app::Who) -> AppResult<commands::Prepared> + Send + 'static,
{
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok());
    let conversation = carry_out(ctx, key, id, prepare).await?;
    Ok(Json(Moved { conversation }))
}

/// As [`command`]; `key` is the one of the request.
pub(crate) async fn carry_out<F>(
    ctx: &Context,
    key: Option<&str>,
    id: ConversationId,
    prepare: F,
) -> Result<Conversation, Problem>
where
    F: FnMut(&mut ronda_storage::Tx<'_>, &crate::app::Who) -> AppResult<commands::Prepared> + Send + 'static,
{
    let key = key.map(|k| format!("{}:{id}:{k}", ctx.who.agent));
    let prepared = match ctx.read("command", prepare).await {
        Ok(prepared) => prepared,
        // Carried out although its caller heard nothing: what was asked for is done, and can be asked for no more.
        Err(problem) => {
            let Some(key) = key else { return Err(problem) };
            let stored = planner::stored(&ctx.app, ctx.who.workspace, key).await?;
            let Some(answer) = stored else { return Err(problem) };
            return moved(ctx, id, answer).await;
        }
    };
    let last_message = prepared.last_message;
    let answer = ctx
        .app
        .planners
        .command(&ctx.app, ctx.who.workspace, key, prepared.fact, last_message)
        .await?;
    let done = matches!(answer, ronda_routing::Answer::Ok { .. });
    if let Some(note) = prepared.note.filter(|_| done) {
        ctx.write("command_note", move |tx, who| reply::note_with_command(tx, who, &note))
            .await?;
    }
    moved(ctx, id, answer).await
}

async fn moved(ctx: &Context, id: ConversationId, answer: ronda_routing::Answer) -> Result<Conversation, Problem> {
    ctx.read("moved", move |tx, who| commands::result(tx, who, id, &answer))
        .await
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The epoch of the conversation that the client saw; without it only the present state counts.
    #[serde(default)]
    seen: Option<i64>,
}

/// Take a conversation
#[utoipa::path(post, path = "/conversations/{id}/take", tag = "Conversations", params(("id" = i64, Path)), request_body = Seen, responses((status = 200, body = Moved)))]
pub async fn take(
    ctx: Context,
    headers: HeaderMap,
    Path(id): Path<ConversationId>,
    Body(b): Body<Seen>,
) -> Result<Json<Moved>, Problem> {
    command(&ctx, &headers, id, move |tx, who| commands::take(tx, who, id, b.seen)).await
}

/// Reopen a closed conversation
///
/// For the caller. 409 `second_live` when its customer has another live one on the same channel account.
#[utoipa::path(post, path = "/conversations/{id}/reopen", tag = "Conversations", params(("id" = i64, Path)), request_body = Seen, responses((status = 200, body = Moved)))]
pub async fn reopen(
    ctx: Context,
    headers: HeaderMap,
    Path(id): Path<ConversationId>,
    Body(b): Body<Seen>,
) -> Result<Json<Moved>, Problem> {
    command(&ctx, &headers, id, move |tx, who| commands::reopen(tx, who, id, b.seen)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferTo {
    #[serde(default)]
    agent: Option<AgentId>,
    #[serde(default)]
    group: Option<GroupId>,
    /// To whoever is next.
    #[serde(default)]
    anyone: bool,
}

impl TransferTo {
    /// # Errors
    /// When not exactly one is named.
    pub fn target(&self) -> Result<Target, Problem> {
        match (self.agent, self.group, self.anyone) {
            (Some(agent), None, false) => Ok(Target::Agent(agent)),
            (None, Some(group), false) => Ok(Target::Group(group)),
            (None, None, true) => Ok(Target::Anyone),
            _ => Err(Problem::invalid("/to", "one_of", "name an agent, a group, or anyone")),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    to: TransferTo,
    #[serde(default)]
    seen: Option<i64>,
    /// A note for whoever gets it.
    #[serde(default)]
    note: Option<String>,
    /// Keep it for the named agent until then when they are not available.
    #[serde(default)]
    deferred_until: Option<Ms>,
    /// To a group or to whoever is next: what they must be able to do; what it asked for before when left out.
    #[serde(default)]
    skills: Option<Vec<SkillId>>,
    /// Back to the caller, before anybody else is asked, when the named agent lets the time pass or leaves. Only with
    /// an agent, and not together with `deferred_until`.
    #[serde(default)]
    return_unanswered: bool,
}

/// Transfer a conversation
#[utoipa::path(post, path = "/conversations/{id}/transfer", tag = "Conversations", params(("id" = i64, Path)), request_body = Transfer, responses((status = 200, body = Moved)))]
pub async fn transfer(
    ctx: Context,
    headers: HeaderMap,
    Path(id): Path<ConversationId>,
    Body(b): Body<Transfer>,
) -> Result<Json<Moved>, Problem> {
    let to = b.to.target()?;
    if b.return_unanswered && (!matches!(to, Target::Agent(_)) || b.deferred_until.is_some()) {
        let why = "only what a named agent gets at once can come back";
        return Err(Problem::invalid("/return_unanswered", "not_together", why));
    }
    let transfer = commands::Transfer {
        to,
        seen: b.seen,
        note: b.note.filter(|n| !n.trim().is_empty()),
        deferred_until: b.deferred_until,
        skills: b.skills,
        return_unanswered: b.return_unanswered,
    };
    command(&ctx, &headers, id, move |tx, who| {
        commands::transfer(tx, who, id, &transfer)
    })
    .await
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    #[serde(default)]
    seen: Option<i64>,
    /// The last message that the client saw: a newer one of the customer stops the closing.
    #[serde(default)]
    last_message: Option<MessageId>,
    /// Close although the customer is owed a reply.
    #[serde(default)]
    confirm_unanswered: bool,
    /// Why, when the customer is owed a reply.
    #[serde(default)]
    reason: Option<String>,
}

/// Close a conversation
///
/// When the customer is owed a reply: 409 `needs_confirmation`, and with `confirm_unanswered` an incident.
#[utoipa::path(post, path = "/conversations/{id}/close", tag = "Conversations", params(("id" = i64, Path)), request_body = Close, responses((status = 200, body = Moved)))]
pub async fn close(
    ctx: Context,
    headers: HeaderMap,
    Path(id): Path<ConversationId>,
    Body(b): Body<Close>,
) -> Result<Json<Moved>, Problem> {
    command(&ctx, &headers, id, move |tx, who| {
        commands::close(
            tx,
            who,
            id,
            b.seen,
            b.last_message,
            b.confirm_unanswered,
            b.reason.as_deref(),
        )
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decline {
    #[serde(default)]
    seen: Option<i64>,
    /// A few words; 1 to 200 characters.
    why: String,
}

/// Give a conversation back
#[utoipa::path(post, path = "/conversations/{id}/decline", tag = "Conversations", params(("id" = i64, Path)), request_body = Decline, responses((status = 200, body = Moved)))]
pub async fn decline(
    ctx: Context,
    headers: HeaderMap,
    Path(id): Path<ConversationId>,
    Body(b): Body<Decline>,
) -> Result<Json<Moved>, Problem> {
    if !(1..=200).contains(&b.why.trim().chars().count()) {
        return Err(Problem::invalid("/why", "length", "1 to 200 characters"));
    }
    command(&ctx, &headers, id, move |tx, who| {
        commands::decline(tx, who, id, b.seen, b.why.trim())
    })
    .await
}

/// Say that one is on it
///
/// Half of the time to answer again, at most a minute, once per ownership: 409 `extended` the second time, `no_clock` when
/// no clock runs.
#[utoipa::path(post, path = "/conversations/{id}/extend", tag = "Conversations", params(("id" = i64, Path)), request_body = Seen, responses((status = 200, body = Moved)))]
pub async fn extend(
    ctx: Context,
    headers: HeaderMap,
    Path(id): Path<ConversationId>,
    Body(b): Body<Seen>,
) -> Result<Json<Moved>, Problem> {
    command(&ctx, &headers, id, move |tx, who| commands::extend(tx, who, id, b.seen)).await
}

/// Return a conversation to the bot
#[utoipa::path(post, path = "/conversations/{id}/return-to-bot", tag = "Conversations", params(("id" = i64, Path)), request_body = Seen, responses((status = 200, body = Moved)))]
pub async fn return_to_bot(
    ctx: Context,
    headers: HeaderMap,
    Path(id): Path<ConversationId>,
    Body(b): Body<Seen>,
) -> Result<Json<Moved>, Problem> {
    command(&ctx, &headers, id, move |tx, who| {
        commands::return_to_bot(tx, who, id, b.seen)
    })
    .await
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Snooze {
    /// Until then, or until the customer writes.
    #[serde(default)]
    until: Option<Ms>,
}

/// Snooze a conversation
///
/// It stays with its owner and sleeps until the time or the customer's next message.
#[utoipa::path(post, path = "/conversations/{id}/snooze", tag = "Conversations", params(("id" = i64, Path)), request_body = Snooze, responses((status = 200, body = Moved)))]
pub async fn snooze(
    ctx: Context,
    headers: HeaderMap,
    Path(id): Path<ConversationId>,
    Body(b): Body<Snooze>,
) -> Result<Json<Moved>, Problem> {
    let until = b.until;
    if until.is_some_and(|at| at <= ctx.app.clock.now()) {
        return Err(AppError::field("/until", "past", "a time in the future").into());
    }
    ctx.write("snooze", move |tx, who| commands::set_snooze(tx, who, id, until))
        .await?;
    command(&ctx, &headers, id, move |tx, who| commands::park(tx, who, id)).await
}

/// Wake a conversation
#[utoipa::path(post, path = "/conversations/{id}/wake", tag = "Conversations", params(("id" = i64, Path)), responses((status = 200, body = Moved)))]
pub async fn wake(ctx: Context, headers: HeaderMap, Path(id): Path<ConversationId>) -> Result<Json<Moved>, Problem> {
    command(&ctx, &headers, id, move |tx, who| commands::wake(tx, who, id)).await
}

#[derive(Serialize, ToSchema)]
pub struct RoutingOf {
    /// Who could have it now and why the others cannot: counts that add up; only while it waits.
    #[schema(value_type = Option<Object>)]
    why_waiting: Option<Value>,
    /// Its place among those that wait for the same agents: `{place, of}`.
    #[schema(value_type = Option<Object>)]
    position: Option<ronda_routing::Position>,
    /// What whoever takes it must be able to do.
    #[schema(value_type = Vec<Object>)]
    skills: Vec<Named<SkillId>>,
    /// Newest first.
    decisions: Vec<crate::app::routing::DecisionView>,
}

/// Explain a conversation's routing
///
/// Agents see the short form: who and why, without the funnel.
#[utoipa::path(get, path = "/conversations/{id}/routing", tag = "Routing", params(("id" = i64, Path)), responses((status = 200, body = RoutingOf)))]
pub async fn routing(ctx: Context, Path(id): Path<ConversationId>) -> Result<Json<RoutingOf>, Problem> {
    let explained = ctx
        .read("routing_of", move |tx, who| commands::explained(tx, who, id))
        .await?;
    let (mut why_waiting, mut position) = (None, None);
    if explained.waits
        && let Ok((why, place)) = ctx
            .app
            .planners
            .ask(&ctx.app, ctx.who.workspace, move |state| commands::why(state, id))
            .await
    {
        let may = ctx.who.may(ronda_domain::permission::Permission::RoutingExplain);
        why_waiting = why.filter(|_| may).map(|mut funnel| {
            explained.names.put(&mut funnel);
            funnel
        });
        position = place;
    }
    Ok(Json(RoutingOf {
        why_waiting,
        position,
        skills: explained.skills,
        decisions: explained.decisions,
    }))
}
