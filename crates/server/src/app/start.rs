//! Conversations that we begin (spec AG-14): routing does not know them until the customer answers.

use crate::app::reply::{self, NewReply};
use crate::app::scope::Sight;
use crate::app::views::{Conversation, Message};
use crate::app::{AppError, AppResult, Fields, Who, customers as visible, skills};
use ronda_domain::channel::{ChannelKind, IdentityKind};
use ronda_domain::content::Content;
use ronda_domain::conversation::Place;
use ronda_domain::event::{Event, EventKind};
use ronda_domain::permission::Permission;
use ronda_domain::{ChannelAccountId, CustomerId, SkillId, phone};
use ronda_storage::channel_accounts::{self, ChannelAccountRow};
use ronda_storage::conversations::{self, NewConversation};
use ronda_storage::customers::{self, IdentityKey};
use ronda_storage::{StoreError, Tx, workspaces};

/// Longest name of a customer. Source: spec AG-13.
const NAME_CHARS: usize = 120;

/// To whom, and what.
#[derive(Clone, Debug)]
pub struct Start {
    pub channel_account: ChannelAccountId,
    pub customer: Option<CustomerId>,
    /// As typed; the country of the workspace where none is given.
    pub phone: Option<String>,
    /// Of a customer that is not known yet.
    pub name: Option<String>,
    /// What whoever answers the customer must be able to do; what the channel account asks for when empty.
    pub skills: Vec<SkillId>,
    pub client_id: String,
    pub content: Content,
}

/// What was begun, or what was there already.
#[derive(Clone, Debug)]
pub struct Started {
    pub conversation: Conversation,
    /// What was sent; nothing when another conversation is going on, which is opened instead.
    pub message: Option<Message>,
    /// A message was stored now.
    pub fresh: bool,
}

/// Begins a conversation, or opens the one that is going on.
///
/// # Errors
/// Wrong fields; [`AppError::NotOwner`] when a conversation is going on that the caller may not see; what
/// [`reply::run`] refuses.
pub fn run(tx: &mut Tx<'_>, who: &Who, s: &Start) -> AppResult<Started> {
    who.need(Permission::ConversationsReply)?;
    let w = who.workspace;
    let account = channel_accounts::get(tx, w, s.channel_account)?
        .ok_or_else(|| AppError::field("/channel_account", "unknown", "no such channel account"))?;
    if account.kind != ChannelKind::Whatsapp {
        return Err(AppError::field(
            "/channel_account",
            "not_supported",
            "customers of this channel write first",
        ));
    }
    let mut f = Fields::new();
    let needs = skills::checked(tx, w, &mut f, "/skills", &s.skills)?;
    f.done()?;
    let customer = recipient(tx, who, &account, s)?;
    let live = conversations::lock_live(tx, &[(account.id, customer)])?
        .into_iter()
        .next();
    let id = match live {
        Some(row) if row.unanswered_outbound() && row.last_owner == Some(who.agent) => row.id,
        Some(row) if Sight::from(who).sees(&row.scope()) => {
            return Ok(Started {
                conversation: super::conversations::one(tx, who, row.id)?,
                message: None,
                fresh: false,
            });
        }
        Some(row) => {
            let holder = conversations::ConversationRow {
                owner: row.scope().owner,
                ..row
            };
            return Err(reply::not_owner(tx, who, &holder)?);
        }
        None => {
            let id = begin(tx, who, &account, customer)?;
            skills::keep(tx, w, id, &needs, 0)?;
            id
        }
    };
    let replied = reply::run(
        tx,
        who,
        &NewReply {
            conversation: id,
            client_id: s.client_id.clone(),
            content: s.content.clone(),
            note: false,
            reply_to: None,
            seen: None,
        },
    )?;
    Ok(Started {
        conversation: replied.conversation,
        message: Some(replied.message),
        fresh: !replied.repeated,
    })
}

fn begin(
    tx: &mut Tx<'_>,
    who: &Who,
    account: &ChannelAccountRow,
    customer: CustomerId,
) -> AppResult<ronda_domain::ConversationId> {
    let w = who.workspace;
    let before = conversations::lock_latest(tx, w, customer, account.id)?;
    let workspace = workspaces::get(tx, w)?.ok_or(AppError::NotFound)?;
    let now = tx.now();
    let new = NewConversation {
        number: conversations::take_numbers(tx, w, 1)?,
        channel_account: account.id,
        customer,
        simulated: workspace.simulated || account.simulated,
        outbound: true,
        place: Place::Bot,
        group: account.default_group,
        owed_since: None,
        origin: None,
        at: now,
    };
    let id = match conversations::insert(tx, w, &new) {
        // The customer wrote, or a colleague was faster.
        Err(StoreError::Constraint(_)) => return Err(StoreError::Retry.into()),
        other => other?,
    };
    let (last_customer_at, refused) = before.map_or((None, false), |b| (b.last_customer_at, b.window_closed));
    conversations::begun_by(tx, w, id, who.agent, last_customer_at, refused)?;
    Ok(id)
}

fn recipient(tx: &mut Tx<'_>, who: &Who, account: &ChannelAccountRow, s: &Start) -> AppResult<CustomerId> {
    let w = who.workspace;
    match (s.customer, &s.phone) {
        (Some(id), None) => {
            let customer = visible::get(tx, who, id).map_err(|e| match e {
                AppError::NotFound => AppError::field("/customer", "unknown", "no such customer"),
                other => other,
            })?;
            let reachable = customers::identities(tx, w, customer.id)?.iter().any(|i| match i.kind {
                IdentityKind::WhatsappPhone => i.replaced_by.is_none(),
                IdentityKind::WhatsappBsuid => i.replaced_by.is_none() && i.scope == account.scope,
                _ => false,
            });
            if !reachable {
                return Err(AppError::field(
                    "/customer",
                    "no_address",
                    "the customer has no address on this channel",
                ));
            }
            Ok(customer.id)
        }
        (None, Some(typed)) => by_phone(tx, who, typed, s.name.as_deref().unwrap_or_default()),
        _ => Err(AppError::field("/customer", "one_of", "name a customer or a phone")),
    }
}

/// The customer with this number, made when there is none.
fn by_phone(tx: &mut Tx<'_>, who: &Who, typed: &str, name: &str) -> AppResult<CustomerId> {
    let w = who.workspace;
    let country = workspaces::get(tx, w)?.ok_or(AppError::NotFound)?.country;
    let mut fields = Fields::new();
    let name = fields.text("/name", name, 0..=NAME_CHARS);
    fields.done()?;
    let number = phone::parse(typed, Some(&country)).map_err(|e| AppError::field("/phone", "format", e.to_string()))?;
    let key = IdentityKey {
        kind: IdentityKind::WhatsappPhone,
        scope: String::new(),
        value: number.as_str().to_owned(),
    };
    if let Some(known) = customers::find_identities(tx, w, std::slice::from_ref(&key))?.first() {
        return Ok(known.customer);
    }
    let source = if name.is_empty() { "profile" } else { "agent" };
    let id = customers::insert(tx, w, &name, source, Some(number.as_str()))?;
    if customers::insert_identity(tx, w, &key, id, None)? == 0 {
        return Err(StoreError::Retry.into());
    }
    tx.emit(Event::general(
        w,
        EventKind::CustomerChanged,
        &serde_json::json!({ "id": id, "version": 1 }),
    ));
    Ok(id)
}
