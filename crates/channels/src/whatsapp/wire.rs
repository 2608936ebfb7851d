//! The provider's JSON, read tolerantly: a field of an unexpected type counts as absent, an id may be text or a number,
//! and what is not named here is kept by the caller as raw JSON.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A field that may have any type; only the expected one is taken.
fn lax<'de, D: Deserializer<'de>, T: DeserializeOwned>(d: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(d)?).ok())
}

/// An id, a code word or a number written as text or as a number. Empty text counts as absent.
fn word<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A whole number written as a number or as text.
fn whole<'de, D: Deserializer<'de>>(d: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_i64(),
        _ => None,
    })
}

/// A list whose unreadable members are left out.
fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(d: D) -> Result<Vec<T>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Array(all) => all.into_iter().filter_map(|v| serde_json::from_value(v).ok()).collect(),
        _ => Vec::new(),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    #[serde(deserialize_with = "word")]
    pub phone_number_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub display_phone_number: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Profile {
    #[serde(deserialize_with = "word")]
    pub name: Option<String>,
    #[serde(deserialize_with = "word")]
    pub username: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Contact {
    #[serde(deserialize_with = "lax")]
    pub profile: Option<Profile>,
    #[serde(deserialize_with = "word")]
    pub wa_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub user_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub parent_user_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub identity_key_hash: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    #[serde(deserialize_with = "word")]
    pub id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub from: Option<String>,
    #[serde(deserialize_with = "word")]
    pub from_user_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub from_parent_user_id: Option<String>,
    /// Only on echoes.
    #[serde(deserialize_with = "word")]
    pub to: Option<String>,
    #[serde(deserialize_with = "word")]
    pub to_user_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub group_id: Option<String>,
    #[serde(deserialize_with = "whole")]
    pub timestamp: Option<i64>,
    #[serde(rename = "type", deserialize_with = "word")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lax")]
    pub context: Option<Context>,
    #[serde(deserialize_with = "lax")]
    pub referral: Option<Value>,
    #[serde(deserialize_with = "list")]
    pub errors: Vec<Error>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Context {
    #[serde(deserialize_with = "word")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lax")]
    pub forwarded: Option<bool>,
    #[serde(deserialize_with = "lax")]
    pub frequently_forwarded: Option<bool>,
    pub referred_product: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorData {
    #[serde(deserialize_with = "word")]
    pub details: Option<String>,
}

/// An error inside a webhook or the `error` of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Error {
    #[serde(deserialize_with = "whole")]
    pub code: Option<i64>,
    #[serde(deserialize_with = "whole")]
    pub error_subcode: Option<i64>,
    #[serde(deserialize_with = "word")]
    pub title: Option<String>,
    #[serde(deserialize_with = "word")]
    pub message: Option<String>,
    /// An object for WhatsApp; elsewhere it may be text.
    pub error_data: Option<Value>,
    #[serde(deserialize_with = "word")]
    pub error_user_msg: Option<String>,
    #[serde(deserialize_with = "lax")]
    pub is_transient: Option<bool>,
    #[serde(deserialize_with = "word")]
    pub fbtrace_id: Option<String>,
}

impl Error {
    /// The explanation of the provider, wherever it wrote it; empty when there is none.
    #[must_use]
    pub fn details(&self) -> String {
        match &self.error_data {
            Some(Value::String(text)) => Some(text.clone()),
            Some(object) => ErrorData::deserialize(object).ok().and_then(|d| d.details),
            None => None,
        }
        .or_else(|| self.error_user_msg.clone())
        .unwrap_or_default()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    #[serde(deserialize_with = "word")]
    pub id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub status: Option<String>,
    #[serde(deserialize_with = "whole")]
    pub timestamp: Option<i64>,
    #[serde(deserialize_with = "word")]
    pub recipient_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub recipient_user_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub recipient_parent_user_id: Option<String>,
    /// The platform's own texts spell it both ways.
    #[serde(deserialize_with = "word")]
    pub parent_recipient_user_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub recipient_identity_key_hash: Option<String>,
    #[serde(deserialize_with = "word")]
    pub biz_opaque_callback_data: Option<String>,
    pub conversation: Option<Value>,
    pub pricing: Option<Value>,
    #[serde(deserialize_with = "list")]
    pub errors: Vec<Error>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Media {
    #[serde(deserialize_with = "word")]
    pub id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub mime_type: Option<String>,
    #[serde(deserialize_with = "word")]
    pub sha256: Option<String>,
    #[serde(deserialize_with = "word")]
    pub caption: Option<String>,
    #[serde(deserialize_with = "word")]
    pub filename: Option<String>,
    #[serde(deserialize_with = "whole")]
    pub file_size: Option<i64>,
    #[serde(deserialize_with = "lax")]
    pub voice: Option<bool>,
    #[serde(deserialize_with = "lax")]
    pub animated: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    #[serde(deserialize_with = "lax")]
    pub latitude: Option<f64>,
    #[serde(deserialize_with = "lax")]
    pub longitude: Option<f64>,
    #[serde(deserialize_with = "word")]
    pub name: Option<String>,
    #[serde(deserialize_with = "word")]
    pub address: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reply {
    #[serde(deserialize_with = "word")]
    pub id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub title: Option<String>,
    #[serde(deserialize_with = "word")]
    pub description: Option<String>,
    #[serde(deserialize_with = "word")]
    pub payload: Option<String>,
    #[serde(deserialize_with = "word")]
    pub text: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Form {
    #[serde(deserialize_with = "word")]
    pub name: Option<String>,
    #[serde(deserialize_with = "word")]
    pub body: Option<String>,
    /// A text that holds JSON; an object is accepted too.
    pub response_json: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProductItem {
    #[serde(deserialize_with = "word")]
    pub product_retailer_id: Option<String>,
    #[serde(deserialize_with = "whole")]
    pub quantity: Option<i64>,
    #[serde(deserialize_with = "word")]
    pub item_price: Option<String>,
    #[serde(deserialize_with = "word")]
    pub currency: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Order {
    #[serde(deserialize_with = "word")]
    pub catalog_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub text: Option<String>,
    #[serde(deserialize_with = "list")]
    pub product_items: Vec<ProductItem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CardName {
    #[serde(deserialize_with = "word")]
    pub formatted_name: Option<String>,
    #[serde(deserialize_with = "word")]
    pub first_name: Option<String>,
    #[serde(deserialize_with = "word")]
    pub last_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CardPhone {
    #[serde(deserialize_with = "word")]
    pub phone: Option<String>,
    #[serde(deserialize_with = "word")]
    pub wa_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CardEmail {
    #[serde(deserialize_with = "word")]
    pub email: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CardOrg {
    #[serde(deserialize_with = "word")]
    pub company: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Card {
    #[serde(deserialize_with = "lax")]
    pub name: Option<CardName>,
    #[serde(deserialize_with = "list")]
    pub phones: Vec<CardPhone>,
    #[serde(deserialize_with = "list")]
    pub emails: Vec<CardEmail>,
    #[serde(deserialize_with = "lax")]
    pub org: Option<CardOrg>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct System {
    #[serde(rename = "type", deserialize_with = "word")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "word")]
    pub body: Option<String>,
    #[serde(deserialize_with = "word")]
    pub wa_id: Option<String>,
    /// What older webhooks call the new number.
    #[serde(deserialize_with = "word")]
    pub new_wa_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub user_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub parent_user_id: Option<String>,
    #[serde(deserialize_with = "lax")]
    pub identity: Option<Identity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Identity {
    #[serde(deserialize_with = "word")]
    pub hash: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Change {
    #[serde(deserialize_with = "word")]
    pub previous: Option<String>,
    #[serde(deserialize_with = "word")]
    pub current: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserIdUpdate {
    #[serde(deserialize_with = "word")]
    pub wa_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub detail: Option<String>,
    #[serde(deserialize_with = "lax")]
    pub user_id: Option<Change>,
    #[serde(deserialize_with = "lax")]
    pub parent_user_id: Option<Change>,
    #[serde(deserialize_with = "whole")]
    pub timestamp: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Referral {
    #[serde(deserialize_with = "word")]
    pub source_type: Option<String>,
    #[serde(deserialize_with = "word")]
    pub source_id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub source_url: Option<String>,
    #[serde(deserialize_with = "word")]
    pub headline: Option<String>,
    #[serde(deserialize_with = "word")]
    pub body: Option<String>,
    #[serde(deserialize_with = "word")]
    pub ctwa_clid: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Edit {
    #[serde(deserialize_with = "word")]
    pub original_message_id: Option<String>,
    #[serde(deserialize_with = "lax")]
    pub message: Option<Value>,
}

/// The answer to a send.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SendAnswer {
    #[serde(deserialize_with = "list")]
    pub contacts: Vec<Contact>,
    #[serde(deserialize_with = "list")]
    pub messages: Vec<SentMessage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SentMessage {
    #[serde(deserialize_with = "word")]
    pub id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub message_status: Option<String>,
}

/// Where a file can be fetched for a few minutes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MediaAnswer {
    #[serde(deserialize_with = "word")]
    pub id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub url: Option<String>,
    #[serde(deserialize_with = "word")]
    pub mime_type: Option<String>,
    #[serde(deserialize_with = "word")]
    pub sha256: Option<String>,
    #[serde(deserialize_with = "whole")]
    pub file_size: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NumberAnswer {
    #[serde(deserialize_with = "word")]
    pub id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub display_phone_number: Option<String>,
    #[serde(deserialize_with = "word")]
    pub verified_name: Option<String>,
    #[serde(deserialize_with = "word")]
    pub quality_rating: Option<String>,
    #[serde(deserialize_with = "word")]
    pub name_status: Option<String>,
    #[serde(deserialize_with = "word")]
    pub status: Option<String>,
    #[serde(deserialize_with = "word")]
    pub whatsapp_business_manager_messaging_limit: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Page {
    pub data: Vec<Value>,
    #[serde(deserialize_with = "lax")]
    pub paging: Option<Paging>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Paging {
    #[serde(deserialize_with = "lax")]
    pub cursors: Option<Cursors>,
    #[serde(deserialize_with = "word")]
    pub next: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cursors {
    #[serde(deserialize_with = "word")]
    pub after: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Template {
    #[serde(deserialize_with = "word")]
    pub id: Option<String>,
    #[serde(deserialize_with = "word")]
    pub name: Option<String>,
    #[serde(deserialize_with = "word")]
    pub language: Option<String>,
    #[serde(deserialize_with = "word")]
    pub status: Option<String>,
    #[serde(deserialize_with = "word")]
    pub category: Option<String>,
    #[serde(deserialize_with = "word")]
    pub parameter_format: Option<String>,
    #[serde(deserialize_with = "word")]
    pub rejected_reason: Option<String>,
    #[serde(deserialize_with = "list")]
    pub components: Vec<Value>,
}
