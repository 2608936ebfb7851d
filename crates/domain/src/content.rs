//! What a message says, independent of the channel that carried it.
//!
//! The JSON form (tag `type`, snake_case) is stored, sent by the API and shown by the web application unchanged. A
//! kind that is not known is never dropped: it becomes [`Content::Unsupported`] with the provider's JSON kept.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    Text {
        text: String,
    },
    Image(Media),
    Video(Media),
    /// `voice` tells a recorded voice note from a music file.
    Audio(Media),
    Document(Media),
    Sticker(Media),
    Location {
        latitude: f64,
        longitude: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
    },
    Contacts {
        contacts: Vec<ContactCard>,
    },
    /// An emoji on another message, or its removal (`emoji` empty). `target` is the provider id of that message.
    Reaction {
        emoji: String,
        target: String,
    },
    /// Buttons or a list sent to the customer.
    Interactive(Interactive),
    /// The customer's choice of a button, list row or template button.
    InteractiveReply {
        id: String,
        title: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
    },
    /// The customer's answers to a form (a WhatsApp flow). `values` are the fields as the form named them.
    FormReply {
        name: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        values: Value,
    },
    Order {
        catalog_id: String,
        #[serde(default)]
        text: String,
        items: Vec<OrderItem>,
    },
    /// A WhatsApp template. `preview` is the text with its variables filled, for people to read.
    Template {
        name: String,
        language: String,
        #[serde(default)]
        components: Vec<Value>,
        #[serde(default)]
        preview: String,
    },
    /// A line written by Ronda that explains what happened; `code` with `params` is translated by the client.
    System {
        code: String,
        #[serde(default)]
        params: Value,
    },
    /// Something the channel delivered that this version cannot show. `raw` is the provider's JSON.
    Unsupported {
        kind: String,
        #[serde(default)]
        raw: Value,
    },
}

/// A file inside a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Media {
    /// Our stored file (public UUID) once it is here; absent while it is being fetched or when that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<uuid::Uuid>,
    /// The provider's handle of the file, used to fetch it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_media: Option<String>,
    /// A public https address the provider fetches instead, when sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voice: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub animated: bool,
    /// Why the file could not be fetched, in words; a retry is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ContactCard {
    pub name: String,
    #[serde(default)]
    pub phones: Vec<String>,
    #[serde(default)]
    pub emails: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderItem {
    pub product_id: String,
    pub quantity: i64,
    /// Decimal text as the provider sent it.
    pub price: String,
    pub currency: String,
}

/// A question with options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Interactive {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    pub body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<String>,
    /// At most 3 on WhatsApp; empty when this is a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Choice>,
    /// The text of the button that opens the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_button: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
    /// A button that opens an address; then there are neither buttons nor sections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkButton>,
}

/// A button that opens an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkButton {
    pub title: String,
    /// http or https.
    pub url: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Section {
    #[serde(default)]
    pub title: String,
    pub rows: Vec<Choice>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Choice {
    pub id: String,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Content {
    /// Plain text content.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The stored kind: the `type` tag of the JSON form.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Image(_) => "image",
            Self::Video(_) => "video",
            Self::Audio(_) => "audio",
            Self::Document(_) => "document",
            Self::Sticker(_) => "sticker",
            Self::Location { .. } => "location",
            Self::Contacts { .. } => "contacts",
            Self::Reaction { .. } => "reaction",
            Self::Interactive(_) => "interactive",
            Self::InteractiveReply { .. } => "interactive_reply",
            Self::FormReply { .. } => "form_reply",
            Self::Order { .. } => "order",
            Self::Template { .. } => "template",
            Self::System { .. } => "system",
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// The file of this content, if it has one.
    #[must_use]
    pub fn media(&self) -> Option<&Media> {
        match self {
            Self::Image(m) | Self::Video(m) | Self::Audio(m) | Self::Document(m) | Self::Sticker(m) => Some(m),
            _ => None,
        }
    }

    /// The file of this content, if it has one.
    pub fn media_mut(&mut self) -> Option<&mut Media> {
        match self {
            Self::Image(m) | Self::Video(m) | Self::Audio(m) | Self::Document(m) | Self::Sticker(m) => Some(m),
            _ => None,
        }
    }

    /// One line for lists: the text itself where there is one, otherwise empty (the client shows the kind).
    #[must_use]
    pub fn preview(&self) -> String {
        const MAX_SCALARS: usize = 160;
        let text = match self {
            Self::Text { text } => text.as_str(),
            Self::Location { name, .. } => name.as_deref().unwrap_or(""),
            Self::Reaction { emoji, .. } => emoji,
            Self::Interactive(i) => &i.body,
            Self::InteractiveReply { title, .. } => title,
            Self::FormReply { text, .. } | Self::Order { text, .. } => text,
            Self::Template { preview, .. } => preview,
            Self::Contacts { contacts } => contacts.first().map_or("", |c| c.name.as_str()),
            Self::System { .. } | Self::Unsupported { .. } => "",
            Self::Image(m) | Self::Video(m) | Self::Audio(m) | Self::Document(m) | Self::Sticker(m) => {
                m.caption.as_deref().or(m.name.as_deref()).unwrap_or("")
            }
        };
        text.chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_SCALARS)
            .collect()
    }
}
