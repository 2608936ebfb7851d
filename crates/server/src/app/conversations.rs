//! Conversations: what one may see of them, lists and counters, and what people mark on them. Changes of place and
//! owner are commands to the planner (`workers/planner.rs`).

use crate::app::hours::Calendar;
use crate::app::scope::Sight;
use crate::app::views::{self, Beside, Conversation, Message};
use crate::app::{AppError, AppResult, Who};
use ronda_domain::channel::ChannelKind;
use ronda_domain::conversation::{Order, Tray, TrayState};
use ronda_domain::permission::Permission;
use ronda_domain::search;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, MessageId, Ms, WorkspaceId};
use ronda_storage::conversations::{self, ConversationRow};
use ronda_storage::outbox::{self, NewOutbox};
use ronda_storage::{Tx, Value, Wake, channel_accounts, customers, drafts, messages};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Counters are exact below this. Source: architecture.md §8.
pub const COUNTED: i64 = 1_000;

/// Which conversations to list.
#[derive(Clone, Debug)]
pub struct Filter {
    pub tray: Tray,
    pub state: TrayState,
    pub order: Order,
    pub channel: Option<ChannelAccountId>,
    pub group: Option<GroupId>,
    pub owner: Option<AgentId>,
    pub customer: Option<CustomerId>,
    /// Only those whose customer is owed a reply.
    pub owed: bool,
    /// Part of the customer's name, or a number with or without `#`.
    pub q: Option<String>,
    pub limit: i64,
    pub after: Option<Place>,
}

impl Filter {
    /// Everything of a cell, from its beginning.
    #[must_use]
    pub const fn of(tray: Tray, state: TrayState, order: Order, limit: i64) -> Self {
        Self {
            tray,
            state,
            order,
            channel: None,
            group: None,
            owner: None,
            customer: None,
            owed: false,
            q: None,
            limit,
            after: None,
        }
    }
}

/// Where a page of a list ends: what the list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place(pub i64, pub i64, pub i64);

/// `(rank, key)` of a conversation in an order, both ascending; ties by id (spec AG-7).
fn sort(order: Order) -> (&'static str, &'static str) {
    match order {
        Order::Waiting => (
            "case when c.owed_since is null and c.marked_unread = 0 then 1 else 0 end",
            "case when c.owed_since is not null then c.owed_since when c.marked_unread = 1 then
               coalesce(c.last_customer_at, c.last_activity_at) else -c.last_activity_at end",
        ),
        // A bare number would name a column.
        Order::Activity => ("0 * c.id", "-c.last_activity_at"),
        Order::Assigned => ("0 * c.id", "coalesce(c.assigned_at, c.waiting_since, c.created_at)"),
    }
}

fn place_in(order: Order, c: &Conversation) -> Place {
    let (rank, key) = match order {
        Order::Waiting => match (c.owed_since, c.marked_unread) {
            (Some(at), _) => (0, at.0),
            (None, true) => (0, c.last_customer_at.unwrap_or(c.last_activity_at).0),
            (None, false) => (1, -c.last_activity_at.0),
        },
        Order::Activity => (0, -c.last_activity_at.0),
        Order::Assigned => (0, c.assigned_at.or(c.waiting_since).unwrap_or(c.created_at).0),
    };
    Place(rank, key, c.id.0)
}

/// The cell of the table of spec AG-6 as a condition.
fn cell(tray: Tray, state: TrayState, me: AgentId, params: &mut Vec<Value>) -> String {
    let mut mine = |column: &str| {
        params.push(me.into());
        format!("{column} = ${}", params.len())
    };
    match (tray, state) {
        (Tray::Unassigned, TrayState::Active) => "c.place = 'waiting'".into(),
        (Tray::Mine, TrayState::Active) => format!("c.place = 'held' and {}", mine("c.owner")),
        (Tray::Agents, TrayState::Active) => "c.place = 'held'".into(),
        (Tray::Bot, TrayState::Active) => "c.place = 'bot' and c.outbound = 0".into(),
        (Tray::Unassigned, TrayState::Closed) => {
            "c.place = 'closed' and c.last_owner is null and c.waiting_since is not null".into()
        }
        (Tray::Mine, TrayState::Closed) => format!("c.place = 'closed' and {}", mine("c.last_owner")),
        (Tray::Agents, TrayState::Closed) => "c.place = 'closed' and c.last_owner is not null".into(),
        (Tray::Bot, TrayState::Closed) => {
            "c.place = 'closed' and c.last_owner is null and c.waiting_since is null".into()
        }
        (Tray::Unassigned, TrayState::Outbound) => "c.place = 'bot' and c.outbound = 1 and c.last_owner is null".into(),
        (Tray::Mine, TrayState::Outbound) => {
            format!("c.place = 'bot' and c.outbound = 1 and {}", mine("c.last_owner"))
        }
        (Tray::Agents, TrayState::Outbound) => "c.place = 'bot' and c.outbound = 1 and c.last_owner is not null".into(),
        // Bots do not begin conversations yet.
        (Tray::Bot, TrayState::Outbound) => "1 = 0".into(),
    }
}

/// Whoever has words that begin as those asked for, in their name or e-mail address, or the digits in their telephone,
/// however it is typed. `$1` is the workspace. Each beginning is a range of the index of words.
fn who_is(q: &str, params: &mut Vec<Value>) -> String {
    let (beginnings, number) = search::asked(q);
    let mut begins = |word: &str| {
        let mut end = word.as_bytes().to_vec();
        // No UTF-8 has this byte: everything that begins with the word comes before.
        end.push(0xff);
        params.extend([word.as_bytes().into(), end.into()]);
        format!("c.customer in ({})", customers::with_word(params.len() - 1))
    };
    let all: Vec<String> = beginnings.iter().map(|word| begins(word)).collect();
    let person = if all.is_empty() {
        "1 = 0".to_owned()
    } else {
        all.join(" and ")
    };
    match number {
        Some(digits) => format!("(({person}) or {})", begins(&digits)),
        None => format!("({person})"),
    }
}

/// Customers the caller may see, by [`who_is`]; those with the newest conversations first.
///
/// # Errors
/// When the database fails.
pub fn customers_named(tx: &mut Tx<'_>, who: &Who, q: &str, limit: i64) -> AppResult<Vec<CustomerId>> {
    let mut params = vec![who.workspace.into()];
    let sight = Sight::from(who).condition(&mut params);
    let person = who_is(q, &mut params);
    params.push(limit.into());
    let text = format!("c.workspace = $1 and {sight} and ({person})");
    Ok(conversations::customers_where(tx, &text, &params)?)
}

fn condition(who: &Who, f: &Filter, params: &mut Vec<Value>) -> String {
    params.push(who.workspace.into());
    let mut parts = vec![
        "c.workspace = $1".to_owned(),
        cell(f.tray, f.state, who.agent, params),
        Sight::from(who).condition(params),
    ];
    let mut equal = |column: &str, value: Option<Value>| {
        if let Some(value) = value {
            params.push(value);
            parts.push(format!("{column} = ${}", params.len()));
        }
    };
    equal("c.channel_account", f.channel.map(Into::into));
    equal("c.group_id", f.group.map(Into::into));
    equal("c.owner", f.owner.map(Into::into));
    equal("c.customer", f.customer.map(Into::into));
    if f.owed {
        parts.push("c.owed_since is not null".into());
    }
    if let Some(q) = f.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        let number: Option<i64> = q.trim_start_matches('#').parse().ok();
        let person = who_is(q, params);
        params.push(number.unwrap_or(-1).into());
        parts.push(format!("({person} or c.number = ${})", params.len()));
    }
    parts.join(" and ")
}

/// A page of a tray, in its order.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx<'_>, who: &Who, f: &Filter) -> AppResult<Vec<Conversation>> {
    let mut params = Vec::new();
    let mut text = condition(who, f, &mut params);
    let (rank, key) = sort(f.order);
    if let Some(Place(r, k, id)) = f.after {
        let n = params.len();
        params.extend([r.into(), k.into(), id.into()]);
        text.push_str(&format!(
            " and ({rank} > ${a} or ({rank} = ${a} and ({key} > ${b} or ({key} = ${b} and c.id > ${c}))))",
            a = n + 1,
            b = n + 2,
            c = n + 3
        ));
    }
    params.push(f.limit.into());
    text.push_str(&format!(" order by {rank}, {key}, c.id limit ${}", params.len()));
    let now = tx.now();
    let calendar = Calendar::load(tx, who.workspace)?;
    Ok(conversations::views_where(tx, &text, &params)?
        .into_iter()
        .map(|v| Conversation::of(v, now, &calendar))
        .collect())
}

/// The cursor after a conversation of a list.
#[must_use]
pub fn cursor(order: Order, c: &Conversation) -> Place {
    place_in(order, c)
}

/// Counters of one tray, each at most [`COUNTED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrayCounts {
    pub active: i64,
    pub closed: i64,
    pub outbound: i64,
}

/// Counters of all trays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    pub unassigned: TrayCounts,
    pub mine: TrayCounts,
    pub agents: TrayCounts,
    pub bot: TrayCounts,
    /// Of my active ones, those whose customer is owed a reply.
    pub mine_owed: i64,
}

/// Counts what lists would show.
///
/// # Errors
/// When the database fails.
pub fn counts(tx: &mut Tx<'_>, who: &Who) -> AppResult<Counts> {
    let mut one = |tray, state, extra: &str| -> AppResult<i64> {
        let filter = Filter::of(tray, state, Order::Activity, 0);
        let mut params = Vec::new();
        let text = condition(who, &filter, &mut params);
        Ok(conversations::count_where(
            tx,
            &format!("{text}{extra}"),
            &params,
            COUNTED,
        )?)
    };
    let mut tray = |t| -> AppResult<TrayCounts> {
        Ok(TrayCounts {
            active: one(t, TrayState::Active, "")?,
            closed: one(t, TrayState::Closed, "")?,
            outbound: one(t, TrayState::Outbound, "")?,
        })
    };
    Ok(Counts {
        unassigned: tray(Tray::Unassigned)?,
        mine: tray(Tray::Mine)?,
        agents: tray(Tray::Agents)?,
        bot: tray(Tray::Bot)?,
        mine_owed: one(Tray::Mine, TrayState::Active, " and c.owed_since is not null")?,
    })
}

fn visible(who: &Who, row: Option<ConversationRow>) -> AppResult<ConversationRow> {
    row.filter(|r| Sight::from(who).sees(&r.scope()))
        .ok_or(AppError::NotFound)
}

/// The row of a conversation that the caller may see.
///
/// # Errors
/// [`AppError::NotFound`] also when it exists and may not be seen (spec G6).
pub fn seen(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<ConversationRow> {
    let row = conversations::get(tx, who.workspace, id)?;
    visible(who, row)
}

/// Which of these somebody may see.
///
/// # Errors
/// When the database fails.
pub fn visible_of(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    sight: &Sight,
    ids: impl Iterator<Item = ConversationId>,
) -> AppResult<BTreeSet<ConversationId>> {
    let ids: BTreeSet<ConversationId> = ids.collect();
    if sight.all() {
        return Ok(ids);
    }
    let ids: Vec<ConversationId> = ids.into_iter().collect();
    let rows = conversations::get_many(tx, w, &ids)?;
    let seen = rows.into_iter().filter(|row| sight.sees(&row.scope()));
    Ok(seen.map(|row| row.id).collect())
}

/// [`seen`], locked until the end of the transaction.
///
/// # Errors
/// As [`seen`].
pub fn locked(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<ConversationRow> {
    let row = conversations::lock(tx, who.workspace, id)?;
    visible(who, row)
}

/// One conversation as lists show it. Without a check of rights: callers have made it.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn one(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<Conversation> {
    let now = tx.now();
    let view = conversations::view(tx, who.workspace, id)?.ok_or(AppError::NotFound)?;
    let calendar = Calendar::load(tx, who.workspace)?;
    Ok(Conversation::of(view, now, &calendar))
}

/// One conversation that the caller may see.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn get(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<Conversation> {
    seen(tx, who, id)?;
    one(tx, who, id)
}

/// A page of messages, oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Messages {
    pub items: Vec<Message>,
    /// Older ones exist.
    pub has_more: bool,
}

/// The messages before `before` (the newest when left out), or those after `after`.
///
/// # Errors
/// [`AppError::NotFound`] of the conversation.
pub fn page(
    tx: &mut Tx<'_>,
    who: &Who,
    id: ConversationId,
    before: Option<MessageId>,
    after: Option<MessageId>,
    limit: i64,
) -> AppResult<Messages> {
    let w = who.workspace;
    seen(tx, who, id)?;
    let mut rows = if let Some(after) = after {
        messages::after(tx, w, id, after, limit + 1)?
    } else {
        let from = match before {
            None => (Ms(i64::MAX), MessageId(i64::MAX)),
            Some(m) => {
                let row = messages::get(tx, w, m)?.filter(|r| r.conversation == id);
                let row = row.ok_or_else(|| AppError::field("/query/before", "unknown", "no such message here"))?;
                (row.at, row.id)
            }
        };
        messages::page(tx, w, id, from, limit + 1)?
    };
    let has_more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    rows.sort_by_key(|m| (m.at, m.id));
    let beside = Beside::of(tx, w, id)?;
    Ok(Messages {
        items: rows.into_iter().map(|m| Message::of(m, &beside)).collect(),
        has_more,
    })
}

/// The owner has read it; on channels that know it, the customer is told.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn mark_read(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<Conversation> {
    let row = locked(tx, who, id)?;
    let mine = row.owner == Some(who.agent);
    if mine && conversations::mark_read(tx, who.workspace, id)? > 0 {
        tell_provider(tx, who, &row, "read")?;
        return views::emit_conversation(tx, who.workspace, id, row.scope());
    }
    one(tx, who, id)
}

/// Back among the unread, at the place of its last customer message (spec AG-7).
///
/// # Errors
/// [`AppError::NotFound`].
pub fn mark_unread(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<Conversation> {
    let row = locked(tx, who, id)?;
    conversations::mark_unread(tx, who.workspace, id)?;
    views::emit_conversation(tx, who.workspace, id, row.scope())
}

/// Read receipts and typing marks go through the outbox as messages do, so that they keep their place.
fn tell_provider(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow, kind: &str) -> AppResult<()> {
    let account = channel_accounts::get(tx, who.workspace, row.channel_account)?;
    if account.is_none_or(|a| a.kind != ChannelKind::Whatsapp) {
        return Ok(());
    }
    let Some(newest) = messages::newest_inbound(tx, who.workspace, row.id)? else {
        return Ok(());
    };
    let payload = serde_json::json!({ "provider_id": newest }).to_string();
    outbox::insert(
        tx,
        who.workspace,
        &NewOutbox {
            channel_account: row.channel_account,
            conversation: row.id,
            position: row.next_outbox,
            message: None,
            kind,
            payload: &payload,
        },
    )?;
    conversations::use_outbox(tx, who.workspace, row.id, 1)?;
    tx.wake(Wake::Deliver(row.channel_account));
    Ok(())
}

/// The agent types: proof of life for routing, and a mark on the customer's screen.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::NotOwner`].
pub fn typing(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<()> {
    who.need(Permission::ConversationsReply)?;
    let row = locked(tx, who, id)?;
    if row.owner != Some(who.agent) {
        return Err(super::reply::not_owner(tx, who, &row)?);
    }
    let fact = ronda_routing::Fact::Typing {
        conv: id,
        agent: who.agent,
    };
    ronda_storage::routing::insert_inputs(tx, who.workspace, &[views::text(&fact)])?;
    tx.wake(Wake::Planner(who.workspace));
    tell_provider(tx, who, &row, "typing")
}

/// What was typed and not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// `reply` or `note`.
    pub mode: String,
    pub body: String,
}

/// Longest draft in characters: the longest text of any channel, with room to cut it.
const DRAFT_CHARS: usize = 20_000;

/// Keeps a draft of the caller; an empty one removes it.
///
/// # Errors
/// [`AppError::NotFound`]; wrong fields.
pub fn put_draft(tx: &mut Tx<'_>, who: &Who, id: ConversationId, d: &Draft) -> AppResult<()> {
    seen(tx, who, id)?;
    if !matches!(d.mode.as_str(), "reply" | "note") {
        return Err(AppError::field("/mode", "not_one_of", "reply or note"));
    }
    if d.body.chars().count() > DRAFT_CHARS {
        return Err(AppError::field("/body", "too_long", "at most 20000 characters"));
    }
    if d.body.is_empty() {
        drafts::remove(tx, who.workspace, who.agent, id)?;
        return Ok(());
    }
    let now = tx.now();
    drafts::put(
        tx,
        who.workspace,
        who.agent,
        &drafts::DraftRow {
            conversation: id,
            mode: d.mode.clone(),
            body: d.body.clone(),
            updated_at: now,
        },
    )?;
    Ok(())
}

/// Removes the caller's draft, if there is one.
///
/// # Errors
/// [`AppError::NotFound`] of the conversation.
pub fn discard_draft(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<()> {
    seen(tx, who, id)?;
    drafts::remove(tx, who.workspace, who.agent, id)?;
    Ok(())
}

/// The caller's draft; empty when there is none.
///
/// # Errors
/// [`AppError::NotFound`] of the conversation.
pub fn draft(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<Draft> {
    seen(tx, who, id)?;
    let found = drafts::get(tx, who.workspace, who.agent, id)?;
    Ok(found.map_or_else(
        || Draft {
            mode: "reply".into(),
            body: String::new(),
        },
        |d| Draft {
            mode: d.mode,
            body: d.body,
        },
    ))
}

/// Sends a failed message again.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::NotOwner`]; `not_failed`.
pub fn retry(tx: &mut Tx<'_>, who: &Who, id: ConversationId, message: MessageId) -> AppResult<Message> {
    let w = who.workspace;
    let row = locked(tx, who, id)?;
    let m = messages::get(tx, w, message)?
        .filter(|m| m.conversation == id)
        .ok_or(AppError::NotFound)?;
    if m.content.contains("provider_media") && ronda_storage::files::fetch_again(tx, w, message)? > 0 {
        return Ok(Message::of(m, &Beside::of(tx, w, id)?));
    }
    if row.scope().owner != Some(who.agent) {
        return Err(super::reply::not_owner(tx, who, &row)?);
    }
    let failed = m.status == Some(ronda_domain::conversation::MessageStatus::Failed);
    if !failed || outbox::requeue(tx, w, message)? == 0 {
        return Err(AppError::Refused {
            code: "not_failed",
            detail: "only a failed message can be sent again".into(),
        });
    }
    messages::queued_again(tx, w, message)?;
    tx.wake(Wake::Deliver(row.channel_account));
    super::outgoing::tell_changed(tx, w, id, message)?;
    let m = messages::get(tx, w, message)?.ok_or(AppError::NotFound)?;
    Ok(Message::of(m, &Beside::of(tx, w, id)?))
}
