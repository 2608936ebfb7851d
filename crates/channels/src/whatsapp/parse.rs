//! Webhook bytes → inbound events. Pure: the arrival time is given, nothing is fetched.
//!
//! Every part stands alone: what cannot be read becomes [`Inbound::Malformed`] with its JSON pointer, and a message
//! whose sender and id are readable is always delivered, at worst as [`Content::Unsupported`].

use super::errors::reported;
use super::wire;
use crate::inbound::{
    AccountUpdate, Context, Deleted, Echo, Edited, IdentityChange, IdentityChanged, Inbound, InboundEvent, InboundKind,
    InboundMessage, Malformed, Referral, Sender, StatusUpdate,
};
use crate::outcome::ProviderError;
use ronda_domain::Ms;
use ronda_domain::content::{ContactCard, Content, Media, OrderItem};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The `object` of a body that belongs to this channel.
pub const OBJECT: &str = "whatsapp_business_account";

/// Fields whose news are about the account and not about a message.
const ACCOUNT_FIELDS: &[&str] = &[
    "account_update",
    "account_review_update",
    "account_alerts",
    "phone_number_name_update",
    "phone_number_quality_update",
    "business_capability_update",
    "business_username_updates",
    "security",
];

/// Bytes of a body that is not JSON, kept for the operator.
const HEAD: usize = 512;

/// Everything a webhook body says, in its order. `received_at` stands in where the provider gave no time.
#[must_use]
pub fn parse(body: &[u8], received_at: Ms) -> Vec<Inbound> {
    let mut out = Out {
        parts: Vec::new(),
        received_at,
    };
    match serde_json::from_slice::<Value>(body) {
        Ok(root) => out.root(&root),
        Err(error) => {
            let head = String::from_utf8_lossy(&body[..body.len().min(HEAD)]).into_owned();
            out.malformed("", format!("the body is not JSON: {error}"), &Value::String(head));
        }
    }
    out.parts
}

struct Out {
    parts: Vec<Inbound>,
    received_at: Ms,
}

/// Where the parts of one change belong.
struct Place<'a> {
    account: Option<&'a str>,
    owner: Option<&'a str>,
    display_phone: Option<&'a str>,
    /// When the webhook was sent, if it says so.
    sent_at: Option<Ms>,
}

fn read<T: DeserializeOwned + Default>(value: Option<&Value>) -> T {
    value.and_then(|v| T::deserialize(v).ok()).unwrap_or_default()
}

/// Provider times are whole seconds; some fields carry milliseconds.
fn instant(seconds_or_ms: i64) -> Ms {
    const YEAR_5138_S: i64 = 100_000_000_000;
    Ms(if seconds_or_ms >= YEAR_5138_S {
        seconds_or_ms
    } else {
        seconds_or_ms.saturating_mul(1_000)
    })
}

fn errors(all: &[wire::Error]) -> Vec<ProviderError> {
    all.iter()
        .map(|e| {
            let title = e.title.clone().or_else(|| e.message.clone()).unwrap_or_default();
            reported(e.code.unwrap_or(0), title, e.details())
        })
        .collect()
}

fn digits(text: Option<&String>) -> Option<String> {
    text.map(|t| t.trim_start_matches('+').to_owned())
        .filter(|t| !t.is_empty())
}

impl Out {
    fn malformed(&mut self, pointer: &str, reason: impl Into<String>, raw: &Value) {
        self.parts.push(Inbound::Malformed(Malformed {
            pointer: pointer.to_owned(),
            reason: reason.into(),
            raw: raw.clone(),
        }));
    }

    fn event(&mut self, place: &Place<'_>, pointer: &str, kind: InboundKind) {
        self.parts.push(Inbound::Event(Box::new(InboundEvent {
            account_external_id: place.account.map(str::to_owned),
            owner_external_id: place.owner.map(str::to_owned),
            pointer: pointer.to_owned(),
            kind,
        })));
    }

    fn other(&mut self, place: &Place<'_>, pointer: &str, field: &str, raw: &Value) {
        self.event(
            place,
            pointer,
            InboundKind::Other {
                field: field.to_owned(),
                raw: raw.clone(),
            },
        );
    }

    fn root(&mut self, root: &Value) {
        if let Some(object) = root.get("object").filter(|o| o.as_str() != Some(OBJECT)) {
            self.malformed("/object", format!("{object} is not {OBJECT}"), root);
            return;
        }
        let Some(entries) = root.get("entry").and_then(Value::as_array) else {
            self.malformed("/entry", "there is no list of entries", root);
            return;
        };
        for (at, entry) in entries.iter().enumerate() {
            let pointer = format!("/entry/{at}");
            let Some(changes) = entry.get("changes").and_then(Value::as_array) else {
                self.malformed(&format!("{pointer}/changes"), "there is no list of changes", entry);
                continue;
            };
            let owner = match entry.get("id") {
                Some(Value::String(id)) => Some(id.clone()),
                Some(Value::Number(id)) => Some(id.to_string()),
                _ => None,
            };
            let sent_at = entry.get("time").and_then(Value::as_i64).map(instant);
            for (at, change) in changes.iter().enumerate() {
                self.change(&format!("{pointer}/changes/{at}"), owner.as_deref(), sent_at, change);
            }
        }
    }

    fn change(&mut self, pointer: &str, owner: Option<&str>, sent_at: Option<Ms>, change: &Value) {
        let Some(field) = change.get("field").and_then(Value::as_str) else {
            self.malformed(pointer, "the change has no field name", change);
            return;
        };
        let pointer = format!("{pointer}/value");
        let Some(value) = change.get("value").filter(|v| v.is_object()) else {
            self.malformed(&pointer, "the change has no value", change);
            return;
        };
        let metadata: wire::Metadata = read(value.get("metadata"));
        let place = Place {
            account: metadata.phone_number_id.as_deref(),
            owner,
            display_phone: metadata.display_phone_number.as_deref(),
            sent_at,
        };
        match field {
            "messages" => self.messages_field(&place, &pointer, value),
            "smb_message_echoes" => self.echoes(&place, &pointer, value),
            "user_id_update" => self.user_ids(&place, &pointer, value),
            _ if ACCOUNT_FIELDS.contains(&field) => self.account(&place, &pointer, field, value),
            _ => self.other(&place, &pointer, field, value),
        }
    }

    /// The members of `value[key]` with their pointers; a value that is not a list is one malformed part.
    fn members<'v>(&mut self, pointer: &str, value: &'v Value, key: &str) -> Vec<(String, &'v Value)> {
        match value.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(all)) => all
                .iter()
                .enumerate()
                .map(|(at, v)| (format!("{pointer}/{key}/{at}"), v))
                .collect(),
            Some(odd) => {
                self.malformed(&format!("{pointer}/{key}"), format!("{key} is not a list"), odd);
                Vec::new()
            }
        }
    }

    fn messages_field(&mut self, place: &Place<'_>, pointer: &str, value: &Value) {
        let before = self.parts.len();
        let contacts: Vec<wire::Contact> = value
            .get("contacts")
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(|c| wire::Contact::deserialize(c).ok()).collect())
            .unwrap_or_default();
        for (pointer, raw) in self.members(pointer, value, "messages") {
            self.message(place, &pointer, raw, &contacts);
        }
        for (pointer, raw) in self.members(pointer, value, "statuses") {
            self.status(place, &pointer, raw, &contacts);
        }
        let problems = self.members(pointer, value, "errors");
        if !problems.is_empty() {
            let all: Vec<wire::Error> = problems.iter().map(|(_, raw)| read(Some(*raw))).collect();
            let update = AccountUpdate {
                field: "errors".into(),
                event: None,
                display_phone: place.display_phone.map(str::to_owned),
                errors: errors(&all),
                at: place.sent_at,
                raw: value.clone(),
            };
            self.event(place, &format!("{pointer}/errors"), InboundKind::AccountUpdate(update));
        }
        if self.parts.len() == before {
            self.other(place, pointer, "messages", value);
        }
    }

    fn message(&mut self, place: &Place<'_>, pointer: &str, raw: &Value, contacts: &[wire::Contact]) {
        if !raw.is_object() {
            return self.malformed(pointer, "a message is not an object", raw);
        }
        let message: wire::Message = read(Some(raw));
        let kind = message.kind.as_deref().unwrap_or_default();
        if message.group_id.is_some() {
            // A group is not a customer: answering its members one by one would write to people who wrote elsewhere.
            return self.other(place, pointer, "messages.group", raw);
        }
        if kind == "request_welcome" {
            return self.other(place, pointer, "messages.request_welcome", raw);
        }
        let from = sender(
            Sender {
                phone: digits(message.from.as_ref()),
                user_id: message.from_user_id.clone(),
                parent_user_id: message.from_parent_user_id.clone(),
                ..Sender::default()
            },
            contacts,
        );
        let Some(id) = message.id.clone() else {
            return self.malformed(pointer, "a message has no id", raw);
        };
        let at = message.timestamp.map_or(self.received_at, instant);
        if kind == "system" {
            return self.system(place, pointer, raw, from, id, at);
        }
        if !from.is_known() {
            return self.malformed(pointer, "a message does not say who sent it", raw);
        }
        let kind = match kind {
            "edit" | "revoke" => match correction(kind, raw, id, from, at, false) {
                Some(kind) => kind,
                None => return self.malformed(pointer, format!("an {kind} does not name its message"), raw),
            },
            _ => InboundKind::Message(InboundMessage {
                provider_id: id,
                from,
                at,
                content: content(kind, raw, &message.errors),
                context: context(message.context),
                referral: message.referral.map(referral),
                errors: errors(&message.errors),
            }),
        };
        self.event(place, pointer, kind);
    }

    fn system(&mut self, place: &Place<'_>, pointer: &str, raw: &Value, old: Sender, id: String, at: Ms) {
        let system: wire::System = read(raw.get("system"));
        let number = digits(system.wa_id.as_ref().or(system.new_wa_id.as_ref()));
        let mut new = Sender {
            wa_id: number.clone(),
            phone: number,
            user_id: system.user_id,
            parent_user_id: system.parent_user_id,
            ..Sender::default()
        };
        let change = match system.kind.as_deref() {
            Some("user_changed_number") if new.is_known() => IdentityChange::Number,
            Some("user_changed_user_id") if new.user_id.is_some() => IdentityChange::UserId,
            Some("customer_identity_changed") => {
                let identity: wire::Identity = read(raw.get("identity"));
                new = old.clone();
                new.identity_key_hash = system.identity.and_then(|i| i.hash).or(identity.hash);
                IdentityChange::SecurityKey
            }
            _ => return self.other(place, pointer, "messages.system", raw),
        };
        let changed = IdentityChanged {
            change,
            old,
            new,
            at,
            provider_id: Some(id),
            text: system.body,
        };
        self.event(place, pointer, InboundKind::IdentityChanged(changed));
    }

    fn status(&mut self, place: &Place<'_>, pointer: &str, raw: &Value, contacts: &[wire::Contact]) {
        if !raw.is_object() {
            return self.malformed(pointer, "a status is not an object", raw);
        }
        let status: wire::Status = read(Some(raw));
        let (Some(provider_id), Some(word)) = (status.id, status.status) else {
            return self.malformed(pointer, "a status names no message or no state", raw);
        };
        let recipient = Sender {
            phone: digits(status.recipient_id.as_ref()),
            wa_id: digits(status.recipient_id.as_ref()),
            user_id: status.recipient_user_id,
            parent_user_id: status.recipient_parent_user_id.or(status.parent_recipient_user_id),
            identity_key_hash: status.recipient_identity_key_hash,
            ..Sender::default()
        };
        let update = StatusUpdate {
            provider_id,
            status: word,
            at: status.timestamp.map_or(self.received_at, instant),
            recipient: sender(recipient, contacts),
            errors: errors(&status.errors),
            callback_data: status.biz_opaque_callback_data,
            conversation: status.conversation.filter(|v| !v.is_null()),
            pricing: status.pricing.filter(|v| !v.is_null()),
        };
        self.event(place, pointer, InboundKind::Status(update));
    }

    fn echoes(&mut self, place: &Place<'_>, pointer: &str, value: &Value) {
        let members = self.members(pointer, value, "message_echoes");
        if members.is_empty() {
            return self.other(place, pointer, "smb_message_echoes", value);
        }
        for (pointer, raw) in members {
            if !raw.is_object() {
                self.malformed(&pointer, "an echo is not an object", raw);
                continue;
            }
            let message: wire::Message = read(Some(raw));
            let to = Sender {
                phone: digits(message.to.as_ref()),
                user_id: message.to_user_id.clone(),
                ..Sender::default()
            };
            let Some(id) = message.id.clone().filter(|_| to.is_known()) else {
                self.malformed(&pointer, "an echo has no id or no recipient", raw);
                continue;
            };
            let at = message.timestamp.map_or(self.received_at, instant);
            let kind = message.kind.as_deref().unwrap_or_default();
            let event = if matches!(kind, "edit" | "revoke") {
                correction(kind, raw, id, to, at, true)
            } else {
                Some(InboundKind::Echo(Echo {
                    provider_id: id,
                    to,
                    at,
                    content: content(kind, raw, &message.errors),
                    context: context(message.context),
                }))
            };
            match event {
                Some(event) => self.event(place, &pointer, event),
                None => self.malformed(&pointer, "a correction does not name its message", raw),
            }
        }
    }

    fn user_ids(&mut self, place: &Place<'_>, pointer: &str, value: &Value) {
        let members = self.members(pointer, value, "user_id_update");
        if members.is_empty() {
            return self.other(place, pointer, "user_id_update", value);
        }
        for (pointer, raw) in members {
            let update: wire::UserIdUpdate = read(Some(raw));
            let ids = update.user_id.unwrap_or_default();
            if ids.current.is_none() {
                self.malformed(&pointer, "the new user id is missing", raw);
                continue;
            }
            let parents = update.parent_user_id.unwrap_or_default();
            let side = |user_id, parent_user_id| Sender {
                phone: digits(update.wa_id.as_ref()),
                wa_id: digits(update.wa_id.as_ref()),
                user_id,
                parent_user_id,
                ..Sender::default()
            };
            let changed = IdentityChanged {
                change: IdentityChange::UserId,
                old: side(ids.previous, parents.previous),
                new: side(ids.current, parents.current),
                at: update.timestamp.map_or(self.received_at, instant),
                provider_id: None,
                text: update.detail,
            };
            self.event(place, &pointer, InboundKind::IdentityChanged(changed));
        }
    }

    fn account(&mut self, place: &Place<'_>, pointer: &str, field: &str, value: &Value) {
        let word = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let update = AccountUpdate {
            field: field.to_owned(),
            event: word("event")
                .or_else(|| word("decision"))
                .or_else(|| word("status"))
                .or_else(|| {
                    value
                        .pointer("/alert_info/alert_type")
                        .and_then(Value::as_str)
                        .map(str::to_owned)
                }),
            display_phone: word("display_phone_number").or_else(|| place.display_phone.map(str::to_owned)),
            errors: Vec::new(),
            at: place.sent_at,
            raw: value.clone(),
        };
        self.event(place, pointer, InboundKind::AccountUpdate(update));
    }
}

/// Adds what the `contacts` of the same webhook say about this person.
fn sender(mut person: Sender, contacts: &[wire::Contact]) -> Sender {
    let same = |contact: &&wire::Contact| {
        (contact.user_id.is_some() && contact.user_id == person.user_id)
            || (contact.wa_id.is_some() && contact.wa_id == person.phone)
    };
    // A single contact is the person even where its `wa_id` is spelled unlike `from`, unless the ids contradict.
    let only = match contacts {
        [one] if one.user_id.is_none() || person.user_id.is_none() || one.user_id == person.user_id => Some(one),
        _ => None,
    };
    let Some(contact) = contacts.iter().find(same).or(only) else {
        return person;
    };
    let profile = contact.profile.as_ref();
    person.wa_id = digits(contact.wa_id.as_ref()).or(person.wa_id);
    person.user_id = person.user_id.or_else(|| contact.user_id.clone());
    person.parent_user_id = person.parent_user_id.or_else(|| contact.parent_user_id.clone());
    person.identity_key_hash = person.identity_key_hash.or_else(|| contact.identity_key_hash.clone());
    person.name = profile.and_then(|p| p.name.clone());
    person.username = profile
        .and_then(|p| p.username.as_deref())
        .map(|u| u.trim_start_matches('@').to_owned())
        .filter(|u| !u.is_empty());
    person
}

fn correction(
    kind: &str,
    raw: &Value,
    provider_id: String,
    from: Sender,
    at: Ms,
    by_business: bool,
) -> Option<InboundKind> {
    let edit: wire::Edit = read(raw.get(kind));
    let target = edit.original_message_id?;
    if kind == "revoke" {
        return Some(InboundKind::Deleted(Deleted {
            target,
            provider_id,
            from,
            at,
            by_business,
        }));
    }
    let message = edit.message?;
    let kind = message.get("type").and_then(Value::as_str).unwrap_or_default();
    let content = content(kind, &message, &[]);
    Some(InboundKind::Edited(Edited {
        target,
        provider_id,
        from,
        at,
        content,
        by_business,
    }))
}

fn context(context: Option<wire::Context>) -> Context {
    let Some(context) = context else {
        return Context::default();
    };
    let frequently = context.frequently_forwarded.unwrap_or(false);
    Context {
        reply_to: context.id,
        forwarded: frequently || context.forwarded.unwrap_or(false),
        frequently_forwarded: frequently,
        product: context.referred_product.filter(|p| !p.is_null()),
    }
}

fn referral(raw: Value) -> Referral {
    let known: wire::Referral = read(Some(&raw));
    Referral {
        source_type: known.source_type,
        source_id: known.source_id,
        source_url: known.source_url,
        headline: known.headline,
        body: known.body,
        click_id: known.ctwa_clid,
        raw,
    }
}

/// The content of a message, an echo or an edit. What has no readable body is kept as unsupported with its JSON.
fn content(kind: &str, raw: &Value, errors: &[wire::Error]) -> Content {
    known_content(kind, raw, errors).unwrap_or_else(|| {
        let inner = raw.pointer("/unsupported/type").and_then(Value::as_str);
        let kind = match (kind, inner) {
            ("unsupported", Some(inner)) => inner,
            ("", _) => "unknown",
            _ => kind,
        };
        Content::Unsupported {
            kind: kind.to_owned(),
            raw: raw.clone(),
        }
    })
}

fn known_content(kind: &str, raw: &Value, errors: &[wire::Error]) -> Option<Content> {
    let body = raw.get(kind)?;
    let media = || {
        let media: wire::Media = wire::Media::deserialize(body).ok()?;
        let failed = media.id.is_none().then(|| {
            let said = errors.first().map(|e| e.details()).filter(|d| !d.is_empty());
            said.or_else(|| errors.first().and_then(|e| e.title.clone()))
                .unwrap_or_else(|| "the provider sent no handle of the file".to_owned())
        });
        Some(Media {
            provider_media: media.id,
            mime: media.mime_type,
            name: media.filename,
            size: media.file_size,
            caption: media.caption,
            sha256: media.sha256,
            voice: media.voice.unwrap_or(false),
            animated: media.animated.unwrap_or(false),
            failed,
            ..Media::default()
        })
    };
    Some(match kind {
        "text" => Content::Text {
            text: body.get("body")?.as_str()?.to_owned(),
        },
        "image" => Content::Image(media()?),
        "video" => Content::Video(media()?),
        "audio" => Content::Audio(media()?),
        // Older webhooks call a recorded note by its own type.
        "voice" => Content::Audio(Media {
            voice: true,
            ..media()?
        }),
        "document" => Content::Document(media()?),
        "sticker" => Content::Sticker(media()?),
        "location" => {
            let place: wire::Place = read(Some(body));
            let (latitude, longitude) = (place.latitude?, place.longitude?);
            Content::Location {
                latitude,
                longitude,
                name: place.name,
                address: place.address,
            }
        }
        "contacts" => Content::Contacts {
            contacts: body
                .as_array()?
                .iter()
                .map(|c| card(wire::Card::deserialize(c).unwrap_or_default()))
                .collect(),
        },
        "reaction" => Content::Reaction {
            emoji: body.get("emoji").and_then(Value::as_str).unwrap_or_default().to_owned(),
            target: body.get("message_id")?.as_str()?.to_owned(),
        },
        "button" => {
            let reply: wire::Reply = read(Some(body));
            let title = reply.text.or_else(|| reply.payload.clone())?;
            Content::InteractiveReply {
                id: reply.payload.unwrap_or_default(),
                title,
                description: None,
            }
        }
        "interactive" => interactive(body)?,
        "order" => {
            let order: wire::Order = wire::Order::deserialize(body).ok()?;
            Content::Order {
                catalog_id: order.catalog_id.unwrap_or_default(),
                text: order.text.unwrap_or_default(),
                items: order
                    .product_items
                    .into_iter()
                    .map(|i| OrderItem {
                        product_id: i.product_retailer_id.unwrap_or_default(),
                        quantity: i.quantity.unwrap_or(1),
                        price: i.item_price.unwrap_or_default(),
                        currency: i.currency.unwrap_or_default(),
                    })
                    .collect(),
            }
        }
        _ => return None,
    })
}

fn interactive(body: &Value) -> Option<Content> {
    let kind = body.get("type")?.as_str()?;
    let inner = body.get(kind)?;
    if kind == "nfm_reply" {
        let form: wire::Form = wire::Form::deserialize(inner).ok()?;
        let values = match form.response_json {
            // What is not JSON inside is kept as the text it is.
            Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            other => other,
        };
        return Some(Content::FormReply {
            name: form.name.unwrap_or_default(),
            text: form.body.unwrap_or_default(),
            values,
        });
    }
    if !matches!(kind, "button_reply" | "list_reply") {
        return None;
    }
    let reply: wire::Reply = wire::Reply::deserialize(inner).ok()?;
    let id = reply.id.unwrap_or_default();
    let title = reply.title.unwrap_or_else(|| id.clone());
    if title.is_empty() {
        return None;
    }
    Some(Content::InteractiveReply {
        id,
        title,
        description: reply.description,
    })
}

fn card(card: wire::Card) -> ContactCard {
    let phones: Vec<String> = card.phones.into_iter().filter_map(|p| p.phone.or(p.wa_id)).collect();
    let name = card.name.unwrap_or_default();
    let parts = [name.first_name, name.last_name];
    let name = name
        .formatted_name
        .or_else(|| Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" ")).filter(|n| !n.is_empty()))
        .or_else(|| phones.first().cloned())
        .unwrap_or_default();
    ContactCard {
        name,
        phones,
        emails: card.emails.into_iter().filter_map(|e| e.email).collect(),
        organization: card.org.and_then(|o| o.company),
    }
}
