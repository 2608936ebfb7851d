//! What a provider told us, in words that no longer depend on the provider.

use crate::outcome::ProviderError;
use ronda_domain::Ms;
use ronda_domain::content::Content;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One part of a webhook body: understood, or kept with the reason why it was not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Inbound {
    Event(Box<InboundEvent>),
    /// A part that could not be read. It never takes its neighbours with it.
    Malformed(Malformed),
}

impl Inbound {
    /// The event, if this part was understood.
    #[must_use]
    pub fn event(&self) -> Option<&InboundEvent> {
        match self {
            Self::Event(event) => Some(event),
            Self::Malformed(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Malformed {
    /// JSON pointer of the part inside the body; empty for the whole body.
    pub pointer: String,
    /// What was expected, in words for an operator.
    pub reason: String,
    /// The part as received, or the head of a body that is not JSON.
    pub raw: Value,
}

/// One thing that happened at the provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboundEvent {
    /// The account it concerns: `phone_number_id` on WhatsApp. Absent for news about the owner as a whole.
    pub account_external_id: Option<String>,
    /// The owner of the account: the WABA id on WhatsApp (`entry[].id`).
    pub owner_external_id: Option<String>,
    /// JSON pointer of the part inside the body.
    pub pointer: String,
    pub kind: InboundKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InboundKind {
    /// A customer wrote. A reaction is a message whose content is [`Content::Reaction`].
    Message(InboundMessage),
    /// News about a message of ours.
    Status(StatusUpdate),
    /// A message was replaced by its author.
    Edited(Edited),
    /// A message was taken back by its author.
    Deleted(Deleted),
    /// The same person under another address.
    IdentityChanged(IdentityChanged),
    /// A message the business sent outside Ronda (the phone app of a coexistence number).
    Echo(Echo),
    /// News about the account: restrictions, review, disconnection, name, quality, limits.
    AccountUpdate(AccountUpdate),
    /// Templates, calls, groups, history and whatever else is only kept.
    Other {
        /// The provider's field name; `messages.<what>` for parts of the messages field.
        field: String,
        raw: Value,
    },
}

/// A person at the other end. Every address may be absent; at least one is present on messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The phone number the provider named (`from`), digits without `+`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The provider's own form of the phone number, digits; may differ from `phone` and wins for sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<String>,
    /// The id scoped to us: BSUID on WhatsApp, PSID or IGSID elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The id by which the customer's site knows them, proven by its server. Web chats only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_id: Option<String>,
    /// The id shared by linked portfolios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_user_id: Option<String>,
    /// Profile name chosen by the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Public handle without `@`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Fingerprint of the person's security key, where the account asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_key_hash: Option<String>,
}

impl Sender {
    /// Whether anything here tells who it is.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.phone.is_some() || self.wa_id.is_some() || self.user_id.is_some()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboundMessage {
    /// The provider's id (`wamid…`): the key of de-duplication.
    pub provider_id: String,
    pub from: Sender,
    /// The provider's time of the message; the arrival time where the provider gave none.
    pub at: Ms,
    pub content: Content,
    #[serde(default)]
    pub context: Context,
    /// Which advertisement or post brought the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<Referral>,
    /// Why the message could not be delivered to us in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProviderError>,
}

/// What a message refers to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Provider id of the quoted message; it may be unknown to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    #[serde(default)]
    pub forwarded: bool,
    /// Forwarded more than five times.
    #[serde(default)]
    pub frequently_forwarded: bool,
    /// The product the customer asks about, as the provider wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Value>,
}

/// The advertisement or post a conversation began from. `raw` keeps every field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Referral {
    /// `ad` or `post`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headline: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Click id for conversion reports; absent for advertisements shown in statuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub click_id: Option<String>,
    pub raw: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The provider's id of our message.
    pub provider_id: String,
    /// `sent`, `delivered`, `read`, `played`, `failed`; unknown words are kept as they came.
    pub status: String,
    pub at: Ms,
    /// May carry only a `user_id`.
    pub recipient: Sender,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProviderError>,
    /// What we attached when sending; correlates a send whose answer was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Value>,
    /// Verbatim; prices are never computed from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// Provider id of the message that was edited.
    pub target: String,
    /// Provider id of the edit itself.
    pub provider_id: String,
    pub from: Sender,
    pub at: Ms,
    pub content: Content,
    /// The edit was made by the business on its phone, not by the customer; `from` is then the customer it went to.
    #[serde(default)]
    pub by_business: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deleted {
    /// Provider id of the message that was taken back.
    pub target: String,
    /// Provider id of the deletion itself.
    pub provider_id: String,
    pub from: Sender,
    pub at: Ms,
    /// As in [`Edited::by_business`].
    #[serde(default)]
    pub by_business: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityChanged {
    pub change: IdentityChange,
    /// The addresses the person had; what the provider did not name is absent.
    pub old: Sender,
    pub new: Sender,
    pub at: Ms,
    /// Provider id of the system message; absent when the news came by its own field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// The provider's sentence about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityChange {
    /// Another phone number.
    Number,
    /// Another scoped id.
    UserId,
    /// The same addresses on another device or with another security key.
    SecurityKey,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Echo {
    pub provider_id: String,
    /// The customer it was sent to.
    pub to: Sender,
    pub at: Ms,
    pub content: Content,
    #[serde(default)]
    pub context: Context,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountUpdate {
    /// The provider's field: `account_update`, `phone_number_quality_update`, `errors`, …
    pub field: String,
    /// The provider's event or decision word, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Our number as the provider writes it, where the news names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_phone: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProviderError>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Ms>,
    pub raw: Value,
}
