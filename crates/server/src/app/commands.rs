//! Commands of people that change place or owner of a conversation: rights, and what the routing engine must know.
//! The planner decides and writes (T3, T4).

use crate::app::reply::NewReply;
use crate::app::routing::{DecisionView, Names, kept, named_decisions};
use crate::app::views::{Conversation, Named, json};
use crate::app::{AppError, AppResult, Fields, Who, affinities, conversations, groups, skills};
use ronda_domain::content::Content;
use ronda_domain::conversation::{CloseReason, Order, Place, Tray, TrayState};
use ronda_domain::permission::Permission;
use ronda_domain::{AgentId, ConversationId, MessageId, Ms, SkillId};
use ronda_routing::{Answer, Arrival, Epoch, Fact, Refusal, State, Target};
use ronda_storage::conversations::ConversationRow;
use ronda_storage::{Tx, agents, channel_accounts, decisions, messages, timers, users};
use serde_json::Value;

/// Decisions shown with a conversation.
const DECISIONS: i64 = 50;

/// A command ready for the planner.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub fact: Fact,
    /// A newer message of the customer stops it.
    pub last_message: Option<MessageId>,
    /// Left in the conversation when the command was carried out.
    pub note: Option<NewReply>,
}

impl From<Fact> for Prepared {
    fn from(fact: Fact) -> Self {
        Self {
            fact,
            last_message: None,
            note: None,
        }
    }
}

/// A conversation as the planner has to learn of it when it does not know it.
fn arrival(tx: &mut Tx<'_>, row: &ConversationRow) -> AppResult<Arrival> {
    let arrival = Arrival {
        group: row.group,
        anchor: row.owed_since,
        ..Arrival::of(row.customer, row.channel_account, Epoch(row.epoch))
    };
    if matches!(row.place, Place::Waiting | Place::Held) {
        return Ok(arrival);
    }
    match channel_accounts::get(tx, row.workspace, row.channel_account)? {
        Some(account) => skills::asking(&account, row, arrival),
        None => Ok(arrival),
    }
}

/// Takes a conversation for the caller.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`].
pub fn take(tx: &mut Tx<'_>, who: &Who, id: ConversationId, seen: Option<i64>) -> AppResult<Prepared> {
    who.need(Permission::ConversationsTake)?;
    let row = conversations::seen(tx, who, id)?;
    if row.place == Place::Bot && !row.outbound {
        who.need(Permission::ConversationsTakeFromBot)?;
    }
    if row.place == Place::Closed {
        return Err(AppError::Refused {
            code: "closed",
            detail: "the conversation is closed: reopen it".into(),
        });
    }
    affinities::may_take(tx, who, &row)?;
    in_order(tx, who, &row)?;
    taken(tx, who, &row, seen)
}

/// How many of the queue are looked at for the first that the caller may take.
const LOOKED_AT: i64 = 50;

/// Without the right to choose only the first of the queue may be taken: of those that the caller may take at all.
fn in_order(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow) -> AppResult<()> {
    if row.place != Place::Waiting || who.may(Permission::ConversationsTakeAny) {
        return Ok(());
    }
    let queue = conversations::Filter::of(Tray::Unassigned, TrayState::Active, Order::Waiting, LOOKED_AT);
    for first in conversations::list(tx, who, &queue)? {
        if first.id == row.id {
            return Ok(());
        }
        let other = conversations::seen(tx, who, first.id)?;
        if affinities::may_take(tx, who, &other).is_ok() {
            return Err(AppError::NotFirst {
                conversation: first.id,
                number: first.number,
            });
        }
    }
    Ok(())
}

/// Reopens a closed conversation for the caller: a new episode.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`], `second_live`.
pub fn reopen(tx: &mut Tx<'_>, who: &Who, id: ConversationId, seen: Option<i64>) -> AppResult<Prepared> {
    who.need(Permission::ConversationsTake)?;
    let row = conversations::seen(tx, who, id)?;
    let refused = |code, detail: &str| AppError::Refused {
        code,
        detail: detail.into(),
    };
    if row.place != Place::Closed {
        return Err(refused("not_closed", "the conversation is not closed"));
    }
    let live = ronda_storage::conversations::live_of(tx, who.workspace, row.customer)?;
    if live.iter().any(|c| c.channel_account == row.channel_account) {
        return Err(refused(
            "second_live",
            "the customer has another open conversation here",
        ));
    }
    taken(tx, who, &row, seen)
}

fn taken(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow, seen: Option<i64>) -> AppResult<Prepared> {
    Ok(Fact::Taken {
        conv: row.id,
        agent: who.agent,
        seen: seen.map(Epoch),
        take_over: who.may(Permission::ConversationsTakeOver),
        may_exceed: true,
        arrival: Some(arrival(tx, row)?),
    }
    .into())
}

/// Whom to transfer to.
#[derive(Clone, Debug)]
pub struct Transfer {
    pub to: Target,
    pub seen: Option<i64>,
    pub note: Option<String>,
    pub deferred_until: Option<Ms>,
    /// What whoever takes it from the queue must be able to do; none keeps what it asked for.
    pub skills: Option<Vec<SkillId>>,
    /// Back to the caller when the named agent lets the time pass.
    pub return_unanswered: bool,
}

fn manage(who: &Who, row: &ConversationRow) -> AppResult<()> {
    if row.owner == Some(who.agent) {
        return Ok(());
    }
    who.need(Permission::ConversationsManageOthers)
}

/// Transfers a conversation.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`], unknown targets.
pub fn transfer(tx: &mut Tx<'_>, who: &Who, id: ConversationId, t: &Transfer) -> AppResult<Prepared> {
    who.need(Permission::ConversationsTransfer)?;
    let row = conversations::seen(tx, who, id)?;
    manage(who, &row)?;
    target(tx, who, &row, t.to)?;
    let needs = match &t.skills {
        None => None,
        Some(_) if matches!(t.to, Target::Agent(_)) => {
            return Err(AppError::field(
                "/skills",
                "one_of",
                "skills choose from a queue, and an agent was named",
            ));
        }
        Some(wanted) => {
            let mut f = Fields::new();
            let needs = skills::checked(tx, who.workspace, &mut f, "/skills", wanted)?;
            f.done()?;
            Some(needs)
        }
    };
    let note = t.note.as_ref().map(|text| NewReply {
        conversation: id,
        client_id: uuid::Uuid::now_v7().to_string(),
        content: Content::text(text.trim()),
        note: true,
        reply_to: None,
        seen: None,
    });
    let fact = Fact::Transferred {
        conv: id,
        by: who.agent,
        to: t.to,
        seen: t.seen.map(Epoch),
        deferred_until: t.deferred_until,
        needs,
        manage_others: who.may(Permission::ConversationsManageOthers),
        may_exceed: true,
        return_unanswered: t.return_unanswered,
        arrival: Some(arrival(tx, &row)?),
    };
    Ok(Prepared {
        fact,
        last_message: None,
        note,
    })
}

/// Everything the caller holds, each on its way to `to`, or back to its own queue at its place.
///
/// # Errors
/// [`AppError::Forbidden`], unknown targets.
pub fn release(tx: &mut Tx<'_>, who: &Who, to: Option<Target>) -> AppResult<Vec<(ConversationId, i64, Fact)>> {
    who.need(Permission::ConversationsTransfer)?;
    let held = ronda_storage::conversations::held_by(tx, who.workspace, who.agent)?;
    let mut facts = Vec::with_capacity(held.len());
    for row in ronda_storage::conversations::get_many(tx, who.workspace, &held)? {
        let to = match to {
            Some(to) => {
                target(tx, who, &row, to)?;
                to
            }
            None => row.group.map_or(Target::Anyone, Target::Group),
        };
        let fact = Fact::Transferred {
            conv: row.id,
            by: who.agent,
            to,
            seen: Some(Epoch(row.epoch)),
            deferred_until: None,
            needs: None,
            // Who leaves is not asked how often a chat has moved.
            manage_others: true,
            may_exceed: true,
            return_unanswered: false,
            arrival: None,
        };
        facts.push((row.id, row.number, fact));
    }
    Ok(facts)
}

/// Whether a conversation may be given to a target at all.
fn target(tx: &mut Tx<'_>, who: &Who, row: &ConversationRow, to: Target) -> AppResult<()> {
    match to {
        Target::Agent(agent) => {
            let known = agents::routable_one(tx, who.workspace, agent)?;
            if !known.is_some_and(|a| a.active) {
                return Err(AppError::field("/to/agent", "unknown", "no such agent"));
            }
        }
        Target::Group(group) => {
            if !agents::groups(tx, who.workspace)?.iter().any(|g| g.group == group) {
                return Err(AppError::field("/to/group", "unknown", "no such group"));
            }
            if !groups::serves(tx, who.workspace, group, row.channel_account)? {
                return Err(AppError::field(
                    "/to/group",
                    "not_served",
                    "the group does not serve this channel",
                ));
            }
        }
        Target::Anyone => {}
    }
    Ok(())
}

/// Closes a conversation.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`], [`AppError::NeedsConfirmation`] while the customer is owed a reply.
pub fn close(
    tx: &mut Tx<'_>,
    who: &Who,
    id: ConversationId,
    seen: Option<i64>,
    last_message: Option<MessageId>,
    confirmed: bool,
    reason: Option<&str>,
) -> AppResult<Prepared> {
    who.need(Permission::ConversationsClose)?;
    let row = conversations::seen(tx, who, id)?;
    if row.place == Place::Closed {
        return Err(AppError::Refused {
            code: "closed",
            detail: "the conversation is closed already".into(),
        });
    }
    manage(who, &row)?;
    if let (Some(since), false) = (row.owed_since, confirmed) {
        return Err(AppError::NeedsConfirmation {
            code: "unanswered",
            findings: serde_json::json!({ "owed_since": since }),
        });
    }
    let mine = row.owner == Some(who.agent);
    let note = reason.filter(|r| !r.trim().is_empty()).map(|text| NewReply {
        conversation: id,
        client_id: uuid::Uuid::now_v7().to_string(),
        content: Content::text(text.trim()),
        note: true,
        reply_to: None,
        seen: None,
    });
    Ok(Prepared {
        fact: Fact::Closed {
            conv: id,
            by: Some(who.agent),
            seen: seen.map(Epoch),
            reason: if mine {
                CloseReason::Agent
            } else {
                CloseReason::Supervisor
            },
            arrival: Some(arrival(tx, &row)?),
        },
        last_message,
        note,
    })
}

/// Gives a conversation back.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn decline(tx: &mut Tx<'_>, who: &Who, id: ConversationId, seen: Option<i64>, why: &str) -> AppResult<Prepared> {
    conversations::seen(tx, who, id)?;
    Ok(Fact::Declined {
        conv: id,
        agent: who.agent,
        seen: seen.map(Epoch),
        why: why.to_owned(),
    }
    .into())
}

/// "I am on it": more time to answer, once (routing row 5).
///
/// # Errors
/// [`AppError::NotFound`].
pub fn extend(tx: &mut Tx<'_>, who: &Who, id: ConversationId, seen: Option<i64>) -> AppResult<Prepared> {
    conversations::seen(tx, who, id)?;
    Ok(Fact::Extended {
        conv: id,
        agent: who.agent,
        seen: seen.map(Epoch),
    }
    .into())
}

/// Returns a conversation to the bot.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`].
pub fn return_to_bot(tx: &mut Tx<'_>, who: &Who, id: ConversationId, seen: Option<i64>) -> AppResult<Prepared> {
    let row = conversations::seen(tx, who, id)?;
    manage(who, &row)?;
    Ok(Fact::ReturnedToBot {
        conv: id,
        by: who.agent,
        seen: seen.map(Epoch),
    }
    .into())
}

fn own(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<ConversationRow> {
    let row = conversations::seen(tx, who, id)?;
    if row.owner == Some(who.agent) && row.place == Place::Held {
        return Ok(row);
    }
    Err(super::reply::not_owner(tx, who, &row)?)
}

/// When a snooze ends; without a time the customer's next message ends it.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::NotOwner`].
pub fn set_snooze(tx: &mut Tx<'_>, who: &Who, id: ConversationId, until: Option<Ms>) -> AppResult<()> {
    let row = own(tx, who, id)?;
    match until {
        Some(at) => timers::put(tx, who.workspace, "snooze", id.0, row.epoch, at)?,
        None => timers::remove(tx, who.workspace, "snooze", id.0)?,
    };
    Ok(())
}

/// Puts a conversation to sleep.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::NotOwner`].
pub fn park(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<Prepared> {
    own(tx, who, id)?;
    Ok(Fact::Parked { conv: id }.into())
}

/// Wakes a conversation.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::NotOwner`].
pub fn wake(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<Prepared> {
    own(tx, who, id)?;
    Ok(Fact::Woken { conv: id }.into())
}

fn name(tx: &mut Tx<'_>, who: &Who, owner: Option<AgentId>) -> AppResult<Option<(AgentId, String)>> {
    Ok(match owner {
        None => None,
        Some(id) => users::get(tx, who.workspace, id)?.map(|u| (id, u.name)),
    })
}

/// What the planner answered, as the API says it.
///
/// # Errors
/// Every answer that is not done.
pub fn result(tx: &mut Tx<'_>, who: &Who, id: ConversationId, answer: &Answer) -> AppResult<Conversation> {
    match answer {
        // The caller has just acted on it: they may see what became of it, even if it left their sight.
        Answer::Ok { .. } | Answer::Duplicate => conversations::one(tx, who, id),
        Answer::Conflict { owner, epoch } => Err(AppError::Conflict {
            epoch: epoch.0,
            owner: name(tx, who, *owner)?,
        }),
        Answer::HardCap { load, cap } => Err(AppError::HardCap {
            load: (*load).into(),
            cap: (*cap).into(),
        }),
        Answer::CustomerWrote => Err(AppError::CustomerWrote {
            last_message: messages::newest_inbound_id(tx, who.workspace, id)?.map_or(0, |m| m.0),
        }),
        Answer::Refused { code } => Err(AppError::Refused {
            code: refusal(*code),
            detail: format!("routing refused: {}", refusal(*code)),
        }),
    }
}

/// The stable word of a refusal.
#[must_use]
pub const fn refusal(code: Refusal) -> &'static str {
    match code {
        Refusal::NotLive => "not_live",
        Refusal::NotOwner => "not_owner",
        Refusal::UnknownAgent => "unknown_agent",
        Refusal::UnknownGroup => "unknown_group",
        Refusal::MayNotReply => "may_not_reply",
        Refusal::NotAvailable => "not_available",
        Refusal::SameAgent => "same_agent",
        Refusal::TransferLimit => "transfer_limit",
        Refusal::SecondLive => "second_live",
        Refusal::TooLate => "too_late",
        Refusal::NoClock => "no_clock",
        Refusal::Extended => "extended",
    }
}

/// What is known of a conversation's routing.
#[derive(Debug)]
pub struct Explained {
    pub waits: bool,
    /// What whoever takes it must be able to do.
    pub skills: Vec<Named<SkillId>>,
    /// With funnels for those who may see them.
    pub decisions: Vec<DecisionView>,
    pub names: Names,
}

/// Whether a conversation waits, what it asks for, and its decisions.
///
/// # Errors
/// [`AppError::NotFound`].
pub fn explained(tx: &mut Tx<'_>, who: &Who, id: ConversationId) -> AppResult<Explained> {
    let row = conversations::seen(tx, who, id)?;
    let of = decisions::Wanted::of(id);
    let names = Names::load(tx, who.workspace)?;
    let rows = decisions::page(tx, who.workspace, &of, i64::MAX, DECISIONS)?.0;
    let mut list = named_decisions(tx, who.workspace, &names, rows)?;
    if !who.may(Permission::RoutingExplain) {
        for d in &mut list {
            super::decisions::shorten(d, who.agent);
        }
    }
    let named = |id: &SkillId| Named {
        id: *id,
        name: names.skills.get(id).cloned().unwrap_or_default(),
    };
    Ok(Explained {
        waits: row.place == Place::Waiting,
        skills: kept(&row)?.needs.iter().map(named).collect(),
        decisions: list,
        names,
    })
}

/// Why a conversation waits, and its position.
#[must_use]
pub fn why(state: &State, id: ConversationId) -> (Option<Value>, Option<ronda_routing::Position>) {
    let waits = state.conv(id).is_some_and(|c| c.place == Place::Waiting);
    let funnel = waits.then(|| {
        let mut funnel = json(&ronda_routing::why_waiting(state, id));
        funnel["next_change"] = json(&ronda_routing::next_change(state, id));
        funnel
    });
    (funnel, ronda_routing::position(state, id))
}
