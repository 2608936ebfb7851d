//! What arrives from outside becomes customers, conversations, messages and statuses (T2).
//!
//! One transaction per batch. Everything is set-based: the rows that exist are read by key first, the rest is written,
//! and counters come from the rows that the inserts returned. A body that is delivered twice changes nothing twice.

use crate::app::after_hours::{Desk, Then};
use crate::app::alerts::{self, Raised};
use crate::app::greeter::{self, Effect, Greeter};
use crate::app::views::{self, Message};
use crate::app::workspaces::Settings;
use crate::app::{AppResult, affinities, corrections, delivery, groups, outgoing, polite, service_levels, skills};
use ronda_channels::inbound::{Echo, IdentityChanged, InboundKind, InboundMessage, Sender, StatusUpdate};
use ronda_domain::channel::{ChannelKind, IdentityKind};
use ronda_domain::content::Content;
use ronda_domain::conversation::{Author, CloseReason, Direction, MessageStatus, Place};
use ronda_domain::event::{Event, EventKind, Scope};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, MessageId, Ms, WorkspaceId, phone};
use ronda_routing::{Arrival, Epoch, Fact};
use ronda_storage::channel_accounts::ChannelAccountRow;
use ronda_storage::conversations::{self, ConversationRow, InboundFacts, NewConversation};
use ronda_storage::customers::{self, CustomerRow, IdentityKey, IdentityRow};
use ronda_storage::messages::{self, MessageRow, NewInbound};
use ronda_storage::{
    StoreError, Tx, Wake, agents, channel_accounts, files, incidents, outbox, parked, routing, workspaces,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One thing that arrived on a channel account of ours.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub account: Arc<ChannelAccountRow>,
    pub kind: InboundKind,
    /// When we accepted it: what anchors are made of.
    pub received_at: Ms,
    /// The id that a web visitor's browser gave the message.
    pub client_id: Option<String>,
    /// Written in a form instead of a chat: it waits for a person, whatever else the channel does.
    pub form: bool,
    /// JSON of where a web visitor was when they first wrote.
    pub origin: Option<String>,
}

/// What the batch stored.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// New messages, with the client id of those that have one.
    pub stored: Vec<(MessageId, ConversationId, Option<String>)>,
    /// The customer of each sender, in the order of the batch's messages.
    pub customers: Vec<CustomerId>,
}

/// Stores a batch. Items of several workspaces may be mixed.
///
/// # Errors
/// When the database fails. [`StoreError::Retry`] when another transaction created the same customer or conversation.
pub fn run(tx: &mut Tx<'_>, batch: &[Arrived]) -> AppResult<Received> {
    let mut by_workspace: BTreeMap<WorkspaceId, Vec<&Arrived>> = BTreeMap::new();
    for item in batch {
        by_workspace.entry(item.account.workspace).or_default().push(item);
    }
    let mut all = Received::default();
    for (workspace, items) in by_workspace {
        let mut step = Step::new(tx, workspace)?;
        step.run(tx, &items)?;
        all.stored.append(&mut step.stored);
        all.customers.append(&mut step.customers);
    }
    Ok(all)
}

/// The customer behind addresses of which at least one is known, joined when they were two; none when all are new. What
/// follows for routing is written too.
///
/// # Errors
/// As [`run`].
pub fn known_as(tx: &mut Tx<'_>, account: &Arc<ChannelAccountRow>, sender: &Sender) -> AppResult<Option<CustomerId>> {
    let mut step = Step::new(tx, account.workspace)?;
    let keys = step.keys(account, sender);
    if customers::find_identities(tx, step.w, &keys)?.is_empty() {
        return Ok(None);
    }
    let item = Arrived {
        account: account.clone(),
        kind: InboundKind::Other {
            field: String::new(),
            raw: Value::Null,
        },
        received_at: tx.now(),
        client_id: None,
        form: false,
        origin: None,
    };
    let people = step.people(tx, &[(&item, sender)])?;
    step.tell_routing(tx)?;
    Ok(people.into_values().next())
}

/// A message on its way in.
struct Incoming<'a> {
    item: &'a Arrived,
    message: &'a InboundMessage,
    customer: CustomerId,
}

/// A message that was stored.
struct Stored {
    id: MessageId,
    received_at: Ms,
    said_at: Ms,
    /// Its place in the conversation.
    at: Ms,
    /// What a greeter reads.
    text: String,
    form: bool,
}

/// A conversation touched by the batch.
struct Touched {
    row: ConversationRow,
    /// The scope before the batch; none when it was born here.
    before: Option<Scope>,
    new: Vec<Stored>,
    reopened: bool,
}

struct Step {
    w: WorkspaceId,
    settings: Settings,
    language: String,
    simulated: bool,
    desk: Desk,
    /// Customers that turned out to be others, by whom they became.
    became: BTreeMap<CustomerId, CustomerId>,
    facts: Vec<Fact>,
    stored: Vec<(MessageId, ConversationId, Option<String>)>,
    customers: Vec<CustomerId>,
}

impl Step {
    fn new(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Self> {
        let row = workspaces::get(tx, w)?.ok_or(StoreError::NotFound)?;
        let desk = Desk::load(tx, w, &row.language)?;
        Ok(Self {
            w,
            desk,
            settings: crate::app::workspaces::settings(&row),
            language: row.language,
            simulated: row.simulated,
            became: BTreeMap::new(),
            facts: Vec::new(),
            stored: Vec::new(),
            customers: Vec::new(),
        })
    }

    fn run(&mut self, tx: &mut Tx<'_>, items: &[&Arrived]) -> AppResult<()> {
        // First who is who, so that what somebody wrote from a new address finds them. News about people whom only
        // this batch makes known come once more after it.
        let mut strangers = Vec::new();
        for item in items {
            if let InboundKind::IdentityChanged(c) = &item.kind
                && !self.identity_changed(tx, item, c)?
            {
                strangers.push((*item, c));
            }
        }
        let senders: Vec<(&Arrived, &Sender)> = items
            .iter()
            .filter_map(|i| sender_of(&i.kind).map(|s| (*i, s)))
            .collect();
        let mut people = self.people(tx, &senders)?;
        for (item, change) in strangers {
            self.identity_changed(tx, item, change)?;
        }
        for customer in people.values_mut() {
            while let Some(into) = self.became.get(customer) {
                *customer = *into;
            }
        }
        let who = |item: &Arrived| people.get(&std::ptr::from_ref(item)).copied();
        let mut messages = Vec::new();
        let mut rest = Vec::new();
        for item in items {
            match (&item.kind, who(item)) {
                (InboundKind::Message(message), Some(customer)) => {
                    self.customers.push(customer);
                    if !matches!(message.content, Content::Reaction { .. }) {
                        messages.push(Incoming {
                            item,
                            message,
                            customer,
                        });
                        continue;
                    }
                    rest.push(*item);
                }
                (InboundKind::Message(_), None) => {}
                _ => rest.push(*item),
            }
        }
        self.messages(tx, &messages)?;
        for item in rest {
            match &item.kind {
                InboundKind::Message(_) | InboundKind::Edited(_) | InboundKind::Deleted(_) => {
                    if let Some(target) = corrections::target(&item.kind) {
                        let found = self.known_now(tx, item, target.from, target.provider_id)?;
                        corrections::apply(tx, self.w, item.account.id, &item.kind, &target, found.as_ref())?;
                    }
                }
                InboundKind::Status(s) => self.status(tx, item, s)?,
                InboundKind::Echo(e) => self.echo(tx, item, e, who(item))?,
                InboundKind::AccountUpdate(u) => {
                    self.account_update(tx, item, &json!({ "field": u.field, "event": u.event, "at": u.at }))?
                }
                InboundKind::IdentityChanged(_) | InboundKind::Other { .. } => {}
            }
        }
        self.tell_routing(tx)
    }

    fn tell_routing(&self, tx: &mut Tx<'_>) -> AppResult<()> {
        if !self.facts.is_empty() {
            let facts: Vec<String> = self.facts.iter().map(views::text).collect();
            routing::insert_inputs(tx, self.w, &facts)?;
            tx.wake(Wake::Planner(self.w));
        }
        Ok(())
    }

    // Customers -------------------------------------------------------------------------------------------------------

    /// The customer of each sender: found by any of its addresses, joined when two customers turn out to be one, made
    /// when there is none (spec CORE-6).
    fn people(
        &mut self,
        tx: &mut Tx<'_>,
        senders: &[(&Arrived, &Sender)],
    ) -> AppResult<BTreeMap<*const Arrived, CustomerId>> {
        let mut keys: Vec<IdentityKey> = Vec::new();
        let of: Vec<Vec<IdentityKey>> = senders
            .iter()
            .map(|(item, sender)| self.keys(&item.account, sender))
            .collect();
        for list in &of {
            keys.extend(list.iter().cloned());
        }
        keys.sort();
        keys.dedup();
        let mut known: BTreeMap<IdentityKey, IdentityRow> = BTreeMap::new();
        for row in customers::find_identities(tx, self.w, &keys)? {
            let key = IdentityKey {
                kind: row.kind,
                scope: row.scope.clone(),
                value: row.value.clone(),
            };
            known.insert(key, row);
        }
        let ids: BTreeSet<CustomerId> = known.values().map(|r| r.customer).collect();
        let ids: Vec<CustomerId> = ids.into_iter().collect();
        let mut rows: BTreeMap<CustomerId, CustomerRow> = customers::get_many(tx, self.w, &ids)?
            .into_iter()
            .map(|c| (c.id, c))
            .collect();
        let mut found = BTreeMap::new();
        for ((item, sender), keys) in senders.iter().zip(of) {
            if keys.is_empty() {
                continue;
            }
            let customer = self.person(tx, sender, &keys, &mut known, &mut rows)?;
            found.insert(std::ptr::from_ref::<Arrived>(item), customer);
        }
        Ok(found)
    }

    fn person(
        &mut self,
        tx: &mut Tx<'_>,
        sender: &Sender,
        keys: &[IdentityKey],
        known: &mut BTreeMap<IdentityKey, IdentityRow>,
        rows: &mut BTreeMap<CustomerId, CustomerRow>,
    ) -> AppResult<CustomerId> {
        let now = tx.now();
        let mut holders: Vec<CustomerId> = keys.iter().filter_map(|k| known.get(k)).map(|r| r.customer).collect();
        holders.sort();
        holders.dedup();
        let name = sender.name.as_deref().unwrap_or("").trim();
        let phone = keys
            .iter()
            .find(|k| k.kind == IdentityKind::WhatsappPhone)
            .map(|k| k.value.as_str());
        let customer = match holders.first() {
            Some(first) => *first,
            None => {
                let (name, source) = match self.made_up(keys) {
                    Some(made_up) if name.is_empty() => (made_up, "generated"),
                    _ => (name.to_owned(), "profile"),
                };
                let id = customers::insert(tx, self.w, &name, source, phone)?;
                rows.insert(
                    id,
                    CustomerRow {
                        id,
                        workspace: self.w,
                        name,
                        name_source: source.into(),
                        phone: phone.map(str::to_owned),
                        email: None,
                        attributes: "{}".into(),
                        notes: String::new(),
                        version: 1,
                        created_at: now,
                        updated_at: now,
                    },
                );
                id
            }
        };
        for other in holders.iter().skip(1) {
            self.join(tx, *other, customer)?;
            for row in known.values_mut().filter(|r| r.customer == *other) {
                row.customer = customer;
            }
            rows.remove(other);
        }
        let mut fresh = Vec::new();
        for key in keys.iter().filter(|k| !known.contains_key(k)) {
            let send_to = send_to(sender, key);
            if customers::insert_identity(tx, self.w, key, customer, send_to)? == 0 {
                return Err(StoreError::Retry.into());
            }
            fresh.push(key.clone());
        }
        for row in customers::find_identities(tx, self.w, &fresh)? {
            let key = IdentityKey {
                kind: row.kind,
                scope: row.scope.clone(),
                value: row.value.clone(),
            };
            known.insert(key, row);
        }
        for key in keys {
            if let (Some(row), Some(to)) = (known.get_mut(key), send_to(sender, key))
                && row.send_to.as_deref() != Some(to)
            {
                customers::set_send_to(tx, self.w, row.id, to)?;
                row.send_to = Some(to.to_owned());
            }
        }
        if let Some(row) = rows.get_mut(&customer) {
            let ours = matches!(row.name_source.as_str(), "profile" | "generated");
            let renamed = !name.is_empty() && ours && row.name != name;
            let called = row.phone.is_none() && phone.is_some();
            if renamed || called {
                if renamed {
                    name.clone_into(&mut row.name);
                    row.name_source = "profile".into();
                }
                if called {
                    row.phone = phone.map(str::to_owned);
                }
                if customers::update(tx, row)? == 0 {
                    return Err(StoreError::Retry.into());
                }
                row.version += 1;
                self.tell_customer(tx, row);
            }
        }
        Ok(customer)
    }

    /// What visitors of a web chat are called until they say their name: the same for all their conversations.
    fn made_up(&self, keys: &[IdentityKey]) -> Option<String> {
        let visitor = keys.iter().find(|k| k.kind == IdentityKind::WebVisitor)?;
        let end = visitor.value.len().saturating_sub(4);
        let word = if self.language.starts_with("en") {
            "Visitor"
        } else {
            "Visitante"
        };
        Some(format!("{word} {}", &visitor.value[end..]))
    }

    /// The addresses of a sender, strongest first.
    fn keys(&self, account: &ChannelAccountRow, sender: &Sender) -> Vec<IdentityKey> {
        let mut keys = Vec::new();
        let mut add = |kind, scope: &str, value: String| {
            keys.push(IdentityKey {
                kind,
                scope: scope.to_owned(),
                value,
            });
        };
        match account.kind {
            ChannelKind::Whatsapp => {
                if let Some(id) = &sender.user_id {
                    add(IdentityKind::WhatsappBsuid, &account.scope, id.clone());
                }
                if let Some(digits) = sender.wa_id.as_ref().or(sender.phone.as_ref()) {
                    add(IdentityKind::WhatsappPhone, "", canonical(digits));
                }
            }
            ChannelKind::WebChat => {
                let scope = account.id.to_string();
                if let Some(id) = &sender.user_id {
                    add(IdentityKind::WebVisitor, &scope, id.clone());
                }
                if let Some(id) = &sender.verified_id {
                    add(IdentityKind::WebUser, &scope, id.clone());
                }
            }
            ChannelKind::Facebook | ChannelKind::FacebookComment => {
                if let Some(id) = &sender.user_id {
                    add(IdentityKind::FacebookPsid, &account.external_id, id.clone());
                }
            }
            ChannelKind::Instagram | ChannelKind::InstagramComment => {
                if let Some(id) = &sender.user_id {
                    add(IdentityKind::InstagramIgsid, &account.external_id, id.clone());
                }
            }
        }
        keys
    }

    /// Two customers turn out to be one person. Two live conversations on one channel account cannot both go on: the
    /// newer one is closed as merged.
    fn join(&mut self, tx: &mut Tx<'_>, from: CustomerId, into: CustomerId) -> AppResult<()> {
        for row in conversations::live_of(tx, self.w, from)? {
            let other = conversations::lock_live(tx, &[(row.channel_account, into)])?;
            if let Some(stays) = other.first() {
                self.inherit(tx, stays, &row)?;
                self.facts.push(Fact::Closed {
                    conv: row.id,
                    by: None,
                    seen: None,
                    reason: CloseReason::Merged,
                    arrival: Some(arrival(&row, None)),
                });
            }
        }
        customers::merge(tx, self.w, from, into)?;
        self.became.insert(from, into);
        Ok(())
    }

    /// What the customer is owed in a conversation that ends, they are owed in the one that stays.
    fn inherit(&mut self, tx: &mut Tx<'_>, stays: &ConversationRow, ends: &ConversationRow) -> AppResult<()> {
        let Some(owed) = ends.owed_since else { return Ok(()) };
        if stays.owed_since.is_some() || !matches!(stays.place, Place::Waiting | Place::Held) {
            return Ok(());
        }
        conversations::set_owed(tx, self.w, stays.id, Some(owed))?;
        self.facts.push(Fact::CustomerSaid {
            conv: stays.id,
            at: owed,
            window_ends: None,
        });
        views::emit_conversation(tx, self.w, stays.id, stays.scope())?;
        Ok(())
    }

    fn tell_customer(&self, tx: &mut Tx<'_>, row: &CustomerRow) {
        tx.emit(Event::general(
            self.w,
            EventKind::CustomerChanged,
            &json!({ "id": row.id, "version": row.version }),
        ));
    }

    // Messages --------------------------------------------------------------------------------------------------------

    fn messages(&mut self, tx: &mut Tx<'_>, incoming: &[Incoming<'_>]) -> AppResult<()> {
        if incoming.is_empty() {
            return Ok(());
        }
        let known = self.known(tx, incoming)?;
        let mut fresh: Vec<&Incoming<'_>> = Vec::new();
        let mut seen = BTreeSet::new();
        for i in incoming {
            let key = (i.item.account.id, i.message.provider_id.clone());
            let stored = i.item.client_id.is_none() && known.contains_key(&key);
            if !stored && seen.insert((key, i.item.client_id.clone())) {
                fresh.push(i);
            }
        }
        // The provider's order, then the order of arrival.
        fresh.sort_by_key(|i| i.message.at);
        let mut touched = self.live(tx, &fresh)?;
        let quoted = self.quoted(tx, &fresh, known)?;
        let quoted_as = |i: &Incoming<'_>| {
            let id = i.message.context.reply_to.as_ref()?;
            let stored = quoted.get(&(i.item.account.id, id.clone())).copied();
            Some(corrections::reply_to(id, stored))
        };
        let mut new = Vec::with_capacity(fresh.len());
        for i in &fresh {
            let Some(conversation) = self.conversation(tx, &mut touched, i)? else {
                continue;
            };
            new.push(NewInbound {
                conversation,
                channel_account: i.item.account.id,
                provider_id: i.item.client_id.is_none().then(|| i.message.provider_id.clone()),
                client_id: i.item.client_id.clone(),
                at: placed(i),
                received_at: i.item.received_at,
                kind: i.message.content.kind(),
                content: views::text(&i.message.content),
                reply_to: quoted_as(i),
                referral: i.message.referral.as_ref().map(views::text),
            });
        }
        let inserted = messages::insert_inbound(tx, self.w, &new)?;
        let by_key: BTreeMap<_, _> = fresh
            .iter()
            .map(|i| {
                let provider = i.item.client_id.is_none().then(|| i.message.provider_id.clone());
                ((i.item.account.id, provider, i.item.client_id.clone()), *i)
            })
            .collect();
        let mut told = Vec::new();
        let mut rows: Vec<_> = inserted
            .into_iter()
            .filter_map(|row| {
                let i = by_key.get(&(row.channel_account, row.provider_id, row.client_id.clone()))?;
                Some((row.id, *i, row.client_id))
            })
            .collect();
        rows.sort_by_key(|(id, _, _)| *id);
        for (id, i, client_id) in rows {
            let Some(t) = touched.get_mut(&(i.item.account.id, i.customer)) else {
                continue;
            };
            t.new.push(Stored {
                id,
                received_at: i.item.received_at,
                said_at: i.message.at,
                at: placed(i),
                text: said(&i.message.content),
                form: i.item.form,
            });
            told.push(Message::inbound(
                id,
                t.row.id,
                placed(i),
                i.message,
                client_id.clone(),
                quoted_as(i),
            ));
            self.stored.push((id, t.row.id, client_id));
            if let Some(quote) = i
                .message
                .context
                .reply_to
                .as_ref()
                .filter(|_| i.item.client_id.is_none())
                && !quoted.contains_key(&(i.item.account.id, quote.clone()))
            {
                corrections::park_quote(tx, i.item.account.id, quote, id, i.message.at)?;
            }
            if let Some(media) = i.message.content.media().and_then(|m| m.provider_media.as_deref()) {
                files::new_job(tx, self.w, i.item.account.id, id, media)?;
            }
        }
        self.settle(tx, touched, &by_account(incoming), &told)?;
        let keys: Vec<_> = fresh
            .iter()
            .filter(|i| i.item.client_id.is_none())
            .map(|i| (i.item.account.id, i.message.provider_id.clone()))
            .collect();
        for (account, waiting) in parked::take_many(tx, &keys)? {
            corrections::waited(tx, self.w, account, &waiting)?;
        }
        Ok(())
    }

    /// The stored messages that the batch repeats or quotes.
    fn known(
        &self,
        tx: &mut Tx<'_>,
        incoming: &[Incoming<'_>],
    ) -> AppResult<BTreeMap<(ChannelAccountId, String), MessageId>> {
        let mut keys = BTreeSet::new();
        for i in incoming {
            if i.item.client_id.is_none() {
                keys.insert((i.item.account.id, i.message.provider_id.clone()));
            }
            if let Some(quoted) = &i.message.context.reply_to {
                keys.insert((i.item.account.id, quoted.clone()));
            }
        }
        let keys: Vec<_> = keys.into_iter().collect();
        Ok(messages::by_provider_ids(tx, &keys)?
            .into_iter()
            .filter_map(|m| Some(((m.channel_account, m.provider_id?), m.id)))
            .collect())
    }

    /// Adds what is quoted and became known while the conversations were waited for: a customer can answer before the
    /// answer to the send of what they quote is recorded.
    fn quoted(
        &self,
        tx: &mut Tx<'_>,
        fresh: &[&Incoming<'_>],
        mut known: BTreeMap<(ChannelAccountId, String), MessageId>,
    ) -> AppResult<BTreeMap<(ChannelAccountId, String), MessageId>> {
        let quotes = fresh
            .iter()
            .filter_map(|i| Some((i.item.account.id, i.message.context.reply_to.clone()?)));
        let mut missing: Vec<_> = quotes.filter(|key| !known.contains_key(key)).collect();
        missing.sort();
        missing.dedup();
        if !missing.is_empty() {
            let found = messages::by_provider_ids(tx, &missing)?;
            known.extend(
                found
                    .into_iter()
                    .filter_map(|m| Some(((m.channel_account, m.provider_id?), m.id))),
            );
        }
        Ok(known)
    }

    /// The live conversations of the batch, locked.
    fn live(
        &self,
        tx: &mut Tx<'_>,
        fresh: &[&Incoming<'_>],
    ) -> AppResult<BTreeMap<(ChannelAccountId, CustomerId), Touched>> {
        let pairs: BTreeSet<_> = fresh.iter().map(|i| (i.item.account.id, i.customer)).collect();
        let pairs: Vec<_> = pairs.into_iter().collect();
        Ok(conversations::lock_live(tx, &pairs)?
            .into_iter()
            .map(|row| {
                let touched = Touched {
                    before: Some(row.scope()),
                    new: Vec::new(),
                    reopened: false,
                    row,
                };
                ((touched.row.channel_account, touched.row.customer), touched)
            })
            .collect())
    }

    /// The conversation a message belongs to: the live one, the closed one that comes back, or a new one.
    fn conversation(
        &mut self,
        tx: &mut Tx<'_>,
        touched: &mut BTreeMap<(ChannelAccountId, CustomerId), Touched>,
        i: &Incoming<'_>,
    ) -> AppResult<Option<ConversationId>> {
        let pair = (i.item.account.id, i.customer);
        if let Some(t) = touched.get(&pair) {
            return Ok(Some(t.row.id));
        }
        if let Some(closed) = conversations::lock_latest(tx, self.w, i.customer, i.item.account.id)?
            && closed.place == Place::Closed
        {
            match self.comes_back(&closed, i, tx.now()) {
                Back::New => {}
                Back::StaysClosed => {
                    let before = Some(closed.scope());
                    let id = closed.id;
                    let touch = Touched {
                        before,
                        new: Vec::new(),
                        reopened: false,
                        row: closed,
                    };
                    touched.insert(pair, touch);
                    return Ok(Some(id));
                }
                Back::Reopens => {
                    let before = Some(closed.scope());
                    let at = i.item.received_at;
                    if conversations::reopen(tx, self.w, closed.id, at, closed.last_owner, None)? != 1 {
                        return Err(StoreError::Retry.into());
                    }
                    let row = conversations::get(tx, self.w, closed.id)?.ok_or(StoreError::NotFound)?;
                    let id = row.id;
                    let touch = Touched {
                        before,
                        new: Vec::new(),
                        reopened: true,
                        row,
                    };
                    touched.insert(pair, touch);
                    return Ok(Some(id));
                }
            }
        }
        let account = &i.item.account;
        // Who is turned away has never been in anybody's tray.
        let away = self
            .desk
            .turns_away(account, account.default_group, i.item.received_at, tx.now());
        let greeter = (account.greeter.is_some() || away) && !i.item.form;
        let new = NewConversation {
            number: conversations::take_numbers(tx, self.w, 1)?,
            channel_account: i.item.account.id,
            customer: i.customer,
            simulated: self.simulated || i.item.account.simulated,
            outbound: false,
            place: if greeter { Place::Bot } else { Place::Waiting },
            group: i.item.account.default_group,
            owed_since: (!greeter).then_some(i.item.received_at),
            origin: i.item.origin.clone(),
            at: i.item.received_at,
        };
        let id = match conversations::insert(tx, self.w, &new) {
            // Somebody else made the live conversation of this pair at the same time.
            Err(StoreError::Constraint(_)) => return Err(StoreError::Retry.into()),
            other => other?,
        };
        let row = conversations::get(tx, self.w, id)?.ok_or(StoreError::NotFound)?;
        let touch = Touched {
            row,
            before: None,
            new: Vec::new(),
            reopened: false,
        };
        touched.insert(pair, touch);
        Ok(Some(id))
    }

    fn comes_back(&self, closed: &ConversationRow, i: &Incoming<'_>, now: Ms) -> Back {
        let tolerance = &self.settings.close_tolerance;
        let by_hand = matches!(
            closed.close_reason,
            Some(CloseReason::Agent | CloseReason::Supervisor | CloseReason::Api)
        );
        let automatic = closed.close_reason == Some(CloseReason::Inactivity) && tolerance.after_automatic;
        let Some(closed_at) = closed.closed_at else {
            return Back::New;
        };
        let after_hours = closed.close_reason == Some(CloseReason::AfterHours) && !i.item.form;
        if after_hours && self.desk.still_closed(closed, i.item.received_at, now) {
            return Back::StaysClosed;
        }
        let age = i.item.received_at.since(closed_at);
        if !tolerance.enabled || !(by_hand || automatic) || age > tolerance.minutes * Ms::MINUTE {
            return Back::New;
        }
        let polite = tolerance.ignore_polite
            && age <= POLITE_MS
            && matches!(&i.message.content, Content::Text { text } if polite::is_ending(text));
        if polite { Back::StaysClosed } else { Back::Reopens }
    }

    /// Facts, greeter, routing inputs and events of every conversation touched.
    fn settle(
        &mut self,
        tx: &mut Tx<'_>,
        touched: BTreeMap<(ChannelAccountId, CustomerId), Touched>,
        accounts: &BTreeMap<ChannelAccountId, Arc<ChannelAccountRow>>,
        told: &[Message],
    ) -> AppResult<()> {
        let touched: Vec<Touched> = touched
            .into_values()
            .filter(|t| !t.new.is_empty() || t.reopened || t.before.is_none())
            .collect();
        let facts: Vec<InboundFacts> = touched
            .iter()
            .filter_map(|t| {
                let first = t.new.iter().map(|m| m.received_at).min()?;
                Some(InboundFacts {
                    id: t.row.id,
                    received_at: first,
                    said_at: t.new.iter().map(|m| m.said_at).max()?,
                    at: t.new.iter().map(|m| m.at).max()?,
                    last_message: t.new.iter().max_by_key(|m| (m.at, m.id)).map(|m| m.id),
                    count: if t.row.place == Place::Closed {
                        0
                    } else {
                        t.new.len() as i64
                    },
                })
            })
            .collect();
        conversations::inbound_facts(tx, self.w, &facts)?;
        let mut scopes = BTreeMap::new();
        let mut list = Vec::new();
        for t in &touched {
            if let Some(before) = t.before {
                scopes.insert(t.row.id, before);
            }
            list.push(t.row.id);
            self.route(tx, t, accounts)?;
        }
        service_levels::owed(tx, self.w, &list)?;
        let scope_of: BTreeMap<_, _> = views::emit_conversations(tx, self.w, &list, &scopes)?
            .into_iter()
            .map(|c| (c.id, c.scope()))
            .collect();
        for message in told {
            if let Some(scope) = scope_of.get(&message.conversation) {
                views::emit_message(tx, self.w, EventKind::MessageCreated, *scope, message);
            }
        }
        Ok(())
    }

    /// What routing, or the greeter, is told of a conversation.
    fn route(
        &mut self,
        tx: &mut Tx<'_>,
        t: &Touched,
        accounts: &BTreeMap<ChannelAccountId, Arc<ChannelAccountRow>>,
    ) -> AppResult<()> {
        let Some(first) = t.new.first().map(|m| m.received_at) else {
            return Ok(());
        };
        let account = accounts.get(&t.row.channel_account);
        match (t.row.place, account) {
            (Place::Waiting, Some(account)) => {
                self.desk.asks(tx, self.w, account, t.row.id, t.row.group, first)?;
            }
            (Place::Held, Some(account)) => self.desk.wrote(tx, self.w, account, &t.row, first)?,
            _ => {}
        }
        match t.row.place {
            Place::Closed => {}
            Place::Bot => self.greet(tx, t, accounts, first)?,
            Place::Waiting if t.reopened => {
                let arrival = self.preferring(tx, &t.row, arrival(&t.row, Some(first)))?;
                let arrival = self.asking(tx, account.map(Arc::as_ref), &t.row, arrival)?;
                self.facts.push(Fact::Reopened {
                    conv: t.row.id,
                    arrival,
                    reserved_for: t.row.reserved_for,
                });
            }
            Place::Waiting if t.before.is_none() => {
                let arrival = self.preferring(tx, &t.row, arrival(&t.row, Some(first)))?;
                let arrival = self.asking(tx, account.map(Arc::as_ref), &t.row, arrival)?;
                self.facts.push(Fact::HandedOff {
                    conv: t.row.id,
                    arrival,
                });
            }
            Place::Waiting | Place::Held => self.facts.push(Fact::CustomerSaid {
                conv: t.row.id,
                at: first,
                window_ends: None,
            }),
        }
        self.with_window(t, accounts, tx.now());
        Ok(())
    }

    /// Tells routing when the reply window of the channel ends: a conversation rises in the queue before that.
    fn with_window(&mut self, t: &Touched, accounts: &BTreeMap<ChannelAccountId, Arc<ChannelAccountRow>>, now: Ms) {
        let last = t.new.iter().map(|m| m.received_at).max().max(t.row.last_customer_at);
        let account = accounts.get(&t.row.channel_account);
        let ends = account.and_then(|a| views::window(a.kind, last, false, now).closes_at);
        for fact in &mut self.facts {
            match fact {
                Fact::HandedOff { conv, arrival } | Fact::Reopened { conv, arrival, .. } if *conv == t.row.id => {
                    arrival.window_ends = ends;
                }
                Fact::CustomerSaid { conv, window_ends, .. } if *conv == t.row.id => *window_ends = ends,
                _ => {}
            }
        }
    }

    fn greet(
        &mut self,
        tx: &mut Tx<'_>,
        t: &Touched,
        accounts: &BTreeMap<ChannelAccountId, Arc<ChannelAccountRow>>,
        first: Ms,
    ) -> AppResult<()> {
        let Some(account) = accounts.get(&t.row.channel_account) else {
            return Ok(());
        };
        if t.row.outbound {
            // The customer answered what we had begun: it goes to whoever sent it (routing row 76).
            self.desk
                .asks(tx, self.w, account, t.row.id, account.default_group, first)?;
            return self.hand_over(tx, account, &t.row, first, account.default_group, t.row.last_owner);
        }
        if t.new.iter().any(|m| m.form) {
            self.desk
                .asks(tx, self.w, account, t.row.id, account.default_group, first)?;
            return self.hand_over(tx, account, &t.row, first, account.default_group, None);
        }
        let greeter: Option<Greeter> = account.greeter.as_deref().and_then(|g| serde_json::from_str(g).ok());
        let Some(greeter) = greeter else {
            return self.ask_for_person(tx, account, &t.row, first, account.default_group);
        };
        ronda_storage::crash_point("bot.before_commit");
        let mut greeted = t.row.greeted;
        for said in &t.new {
            for effect in greeter::step(&greeter, greeted, &said.text) {
                match effect {
                    Effect::Say(text) => {
                        conversations::set_greeted(tx, self.w, t.row.id)?;
                        let content = Content::text(text);
                        outgoing::automatic(tx, self.w, account, t.row.id, Author::Bot, &content)?;
                    }
                    Effect::HandOver(None) => {
                        return self.ask_for_person(tx, account, &t.row, said.received_at, account.default_group);
                    }
                    Effect::HandOver(Some(key)) => {
                        let group = self.named(tx, account, t.row.id, &key)?;
                        return self.ask_for_person(tx, account, &t.row, said.received_at, group);
                    }
                }
            }
            greeted = true;
        }
        Ok(())
    }

    /// The arrival with whom the customer always talks to, or is talking to elsewhere.
    fn preferring(&self, tx: &mut Tx<'_>, row: &ConversationRow, arrival: Arrival) -> AppResult<Arrival> {
        let preferred = affinities::preferred(tx, self.w, row.customer, row.channel_account)?;
        Ok(Arrival {
            prefer: preferred.as_ref().map(|p| p.agent),
            strict: preferred.is_some_and(|p| p.strict),
            ..arrival
        })
    }

    /// The arrival with what its channel account, or whoever began it, asks for.
    fn asking(
        &self,
        tx: &mut Tx<'_>,
        account: Option<&ChannelAccountRow>,
        row: &ConversationRow,
        arrival: Arrival,
    ) -> AppResult<Arrival> {
        let Some(account) = account else { return Ok(arrival) };
        let arrival = skills::asking(account, row, arrival)?;
        skills::keep(tx, self.w, row.id, &arrival.needs, arrival.priority_minutes)?;
        Ok(arrival)
    }

    /// The group with a key. An unknown key is an error of the configuration, which is recorded; the channel account's
    /// default is asked instead, or the workspace's: nothing is lost.
    fn named(
        &self,
        tx: &mut Tx<'_>,
        account: &ChannelAccountRow,
        conversation: ConversationId,
        key: &str,
    ) -> AppResult<Option<GroupId>> {
        if let Some(group) = groups::by_key(tx, self.w, key)? {
            return Ok(Some(group));
        }
        let detail = json!({ "chat_group": key, "channel_account": account.id });
        incidents::insert(
            tx,
            self.w,
            conversation,
            "unknown_group",
            "waiting",
            0,
            &detail.to_string(),
        )?;
        alerts::raise(
            tx,
            self.w,
            &Raised {
                kind: "unknown_group",
                // The same mistake is told once a conversation.
                key: format!("unknown_group:{conversation}"),
                conversation: Some(conversation),
                agent: None,
                detail,
            },
        )?;
        let default = agents::groups(tx, self.w)?.into_iter().find(|g| g.default);
        Ok(account.default_group.or(default.map(|g| g.group)))
    }

    /// The greeter hands over; while nobody is there, as the workspace has it.
    fn ask_for_person(
        &mut self,
        tx: &mut Tx<'_>,
        account: &ChannelAccountRow,
        row: &ConversationRow,
        at: Ms,
        group: Option<GroupId>,
    ) -> AppResult<()> {
        match self.desk.asks(tx, self.w, account, row.id, group, at)? {
            Some(Then::Bot) if account.greeter.is_some() => Ok(()),
            Some(Then::Close) => {
                self.facts.push(Fact::Closed {
                    conv: row.id,
                    by: None,
                    seen: Some(Epoch(row.epoch)),
                    reason: CloseReason::AfterHours,
                    arrival: Some(arrival(row, None)),
                });
                Ok(())
            }
            _ => self.hand_over(tx, account, row, at, group, None),
        }
    }

    fn hand_over(
        &mut self,
        tx: &mut Tx<'_>,
        account: &ChannelAccountRow,
        row: &ConversationRow,
        anchor: Ms,
        group: Option<GroupId>,
        prefer: Option<AgentId>,
    ) -> AppResult<()> {
        let now = tx.now();
        if conversations::hand_over(tx, self.w, row.id, row.epoch, now, anchor, group)? == 1 {
            let arrival = Arrival {
                group,
                anchor: Some(anchor),
                prefer,
                ..Arrival::of(row.customer, row.channel_account, Epoch(row.epoch + 1))
            };
            let arrival = match prefer {
                Some(_) => arrival,
                None => self.preferring(tx, row, arrival)?,
            };
            let arrival = self.asking(tx, Some(account), row, arrival)?;
            self.facts.push(Fact::HandedOff { conv: row.id, arrival });
        }
        Ok(())
    }

    // Everything else ---------------------------------------------------------------------------------------------------

    /// The message of ours or theirs that an event is about.
    fn target(&self, tx: &mut Tx<'_>, item: &Arrived, provider_id: &str) -> AppResult<Option<MessageRow>> {
        Ok(
            messages::by_provider_ids(tx, &[(item.account.id, provider_id.to_owned())])?
                .into_iter()
                .next(),
        )
    }

    /// The message that news of a person is about. Nobody knows it while the answer to its send is being recorded,
    /// which holds the conversation; who has waited for that finds it, and who has not is waited for.
    fn known_now(
        &self,
        tx: &mut Tx<'_>,
        item: &Arrived,
        person: &Sender,
        provider_id: &str,
    ) -> AppResult<Option<MessageRow>> {
        if let Some(row) = self.target(tx, item, provider_id)? {
            return Ok(Some(row));
        }
        for identity in customers::find_identities(tx, self.w, &self.keys(&item.account, person))? {
            conversations::lock_latest(tx, self.w, identity.customer, item.account.id)?;
        }
        self.target(tx, item, provider_id)
    }

    fn status(&mut self, tx: &mut Tx<'_>, item: &Arrived, s: &StatusUpdate) -> AppResult<()> {
        let mut row = self.known_now(tx, item, &s.recipient, &s.provider_id)?;
        if row.is_none()
            && let Some((id, token)) = s.callback_data.as_deref().and_then(outgoing::message_of_callback)
            && let Some(found) = messages::get(tx, self.w, id)?
            && found.channel_account == item.account.id
            && found.provider_id.is_none()
            && outbox::of_message(tx, self.w, id)?.is_some_and(|o| o.token.as_deref() == Some(token))
        {
            // The answer to the send was lost, or is still on its way; this is the proof that it arrived.
            if let Some(conversation) = conversations::get(tx, self.w, found.conversation)? {
                delivery::learn(tx, &conversation, &Sender::default(), &s.recipient)?;
            }
            delivery::arrived(tx, self.w, item.account.id, &found, &s.provider_id, s.at)?;
            row = messages::get(tx, self.w, id)?;
        }
        let Some(row) = row else {
            parked::insert(
                tx,
                item.account.id,
                &s.provider_id,
                &s.status,
                s.at,
                &views::text(&s.errors),
            )?;
            return Ok(());
        };
        delivery::status(tx, self.w, &row, &s.status, s.at, &s.errors)
    }

    /// Adds the new addresses to the customer of the old ones (spec CORE-6).
    /// False: nobody is known by the old addresses.
    fn identity_changed(&mut self, tx: &mut Tx<'_>, item: &Arrived, c: &IdentityChanged) -> AppResult<bool> {
        let old = self.keys(&item.account, &c.old);
        let new = self.keys(&item.account, &c.new);
        let known = customers::find_identities(tx, self.w, &old)?;
        let Some(before) = known.first() else {
            return Ok(false);
        };
        for key in &new {
            let here = customers::find_identities(tx, self.w, std::slice::from_ref(key))?;
            match here.first() {
                Some(row) if row.customer == before.customer => {}
                Some(row) => self.join(tx, row.customer, before.customer)?,
                None => {
                    customers::insert_identity(tx, self.w, key, before.customer, send_to(&c.new, key))?;
                }
            }
            let here = customers::find_identities(tx, self.w, std::slice::from_ref(key))?;
            for (old, new) in known.iter().zip(std::iter::repeat(here.first())) {
                if let Some(new) = new
                    && old.kind == new.kind
                    && old.id != new.id
                    && old.replaced_by.is_none()
                    && new.replaced_by.is_none()
                {
                    customers::set_replaced(tx, self.w, old.id, new.id)?;
                }
            }
        }
        if let Some(mut row) = customers::get(tx, self.w, before.customer)? {
            let phone = |keys: &[IdentityKey]| {
                keys.iter()
                    .find(|k| k.kind == IdentityKind::WhatsappPhone)
                    .map(|k| k.value.clone())
            };
            let moved = phone(&new)
                .filter(|n| row.phone != Some(n.clone()) && (row.phone.is_none() || row.phone == phone(&old)));
            if let Some(number) = moved {
                row.phone = Some(number);
                if customers::update(tx, &row)? == 0 {
                    return Err(StoreError::Retry.into());
                }
                row.version += 1;
            }
            self.tell_customer(tx, &row);
        }
        Ok(true)
    }

    /// A message that was sent outside Ronda, kept beside the others.
    fn echo(&mut self, tx: &mut Tx<'_>, item: &Arrived, e: &Echo, customer: Option<CustomerId>) -> AppResult<()> {
        let Some(customer) = customer else { return Ok(()) };
        if self.target(tx, item, &e.provider_id)?.is_some() {
            return Ok(());
        }
        let live = conversations::lock_live(tx, &[(item.account.id, customer)])?;
        let Some(row) = live.into_iter().next() else {
            return Ok(());
        };
        let new = messages::NewMessage {
            conversation: row.id,
            channel_account: item.account.id,
            direction: Direction::Out,
            author: Author::External,
            agent: None,
            client_id: None,
            client_hash: None,
            provider_id: Some(e.provider_id.clone()),
            at: e.at,
            kind: e.content.kind(),
            content: views::text(&e.content),
            status: Some(MessageStatus::Sent),
            reply_to: None,
            owed_before: None,
            epoch: row.epoch,
        };
        let id = messages::insert(tx, self.w, &new)?;
        conversations::set_last_message(tx, self.w, row.id, id, e.at)?;
        outgoing::tell_created(tx, self.w, &row, id)
    }

    fn account_update(&mut self, tx: &mut Tx<'_>, item: &Arrived, news: &Value) -> AppResult<()> {
        let mut health: Value = serde_json::from_str(&item.account.health).unwrap_or_default();
        if !health.is_object() {
            health = json!({});
        }
        health["last_update"] = news.clone();
        channel_accounts::set_health(tx, self.w, item.account.id, &health.to_string())?;
        tx.emit(Event::general(
            self.w,
            EventKind::ChannelChanged,
            &json!({ "id": item.account.id }),
        ));
        Ok(())
    }
}

/// What becomes of a closed conversation whose customer writes.
enum Back {
    New,
    Reopens,
    StaysClosed,
}

/// A polite ending counts as one for ten minutes. Source: spec CP-20.
const POLITE_MS: i64 = 10 * Ms::MINUTE;

fn sender_of(kind: &InboundKind) -> Option<&Sender> {
    match kind {
        InboundKind::Message(m) => Some(&m.from),
        InboundKind::Echo(e) => Some(&e.to),
        _ => None,
    }
}

/// The digits the provider used, which win for sending.
fn send_to<'a>(sender: &'a Sender, key: &IdentityKey) -> Option<&'a str> {
    sender
        .wa_id
        .as_deref()
        .or(sender.phone.as_deref())
        .filter(|_| key.kind == IdentityKind::WhatsappPhone)
}

/// The form of a phone number in which numbers are compared (spec CORE-6); what cannot be one is kept as it came.
fn canonical(digits: &str) -> String {
    phone::from_provider(digits).map_or_else(|_| format!("+{digits}"), |p| p.as_str().to_owned())
}

fn arrival(row: &ConversationRow, anchor: Option<Ms>) -> Arrival {
    Arrival {
        group: row.group,
        anchor: anchor.or(row.owed_since),
        ..Arrival::of(row.customer, row.channel_account, Epoch(row.epoch))
    }
}

/// Where a message stands in its conversation. Provider times that are whole seconds say no more than the second, and
/// what we wrote in that same second was there before what came after it.
fn placed(i: &Incoming<'_>) -> Ms {
    let at = i.message.at;
    if at.0 % Ms::SECOND != 0 {
        return at;
    }
    Ms(i.item.received_at.0.clamp(at.0, at.0 + Ms::SECOND - 1))
}

fn said(content: &Content) -> String {
    match content {
        Content::Text { text } => text.clone(),
        Content::InteractiveReply { title, .. } => title.clone(),
        other => other.preview(),
    }
}

fn by_account(incoming: &[Incoming<'_>]) -> BTreeMap<ChannelAccountId, Arc<ChannelAccountRow>> {
    incoming
        .iter()
        .map(|i| (i.item.account.id, i.item.account.clone()))
        .collect()
}
