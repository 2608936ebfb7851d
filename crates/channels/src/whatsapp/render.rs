//! Content → request body of the messages endpoint. Refused early where the platform would refuse it anyway.

use crate::inbound::Sender;
use ronda_domain::channel::{self, ChannelKind, LimitError};
use ronda_domain::content::{Choice, ContactCard, Content, Interactive, Media};
use serde_json::{Map, Value, json};

/// Characters of callback data the platform gives back.
pub const CALLBACK_DATA_MAX: usize = 512;

/// Whom a message goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// Digits with or without `+`, always with the country code; the provider's `wa_id` where one is known.
    Phone(String),
    /// The id scoped to us, for people who hide their number.
    UserId(String),
}

impl Recipient {
    /// The best address of a person: the provider's own id, then the phone, then the scoped id.
    #[must_use]
    pub fn of(person: &Sender) -> Option<Self> {
        let phone = person.wa_id.clone().or_else(|| person.phone.clone()).map(Self::Phone);
        phone.or_else(|| person.user_id.clone().map(Self::UserId))
    }
}

/// Why a message is not sent at all. The platform was not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The file has neither a handle at the provider nor a public address.
    #[error("the file is not uploaded")]
    FileMissing,
    /// An address the provider may not fetch.
    #[error("a file is linked by https only")]
    LinkNotHttps,
    #[error("this is not a phone number or user id")]
    RecipientInvalid,
    #[error("callback data is longer than {CALLBACK_DATA_MAX} characters")]
    CallbackTooLong,
}

impl Refusal {
    /// Stable code, as in [`channel::check`]; translated by the client.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Limit(error) => &error.code,
            Self::FileMissing => "file_missing",
            Self::LinkNotHttps => "link_not_https",
            Self::RecipientInvalid => "recipient_invalid",
            Self::CallbackTooLong => "callback_too_long",
        }
    }
}

/// The body of a send. `reply_to` is the provider id of the quoted message; `callback_data` comes back in statuses
/// and may be empty.
///
/// # Errors
/// [`Refusal`] when the platform would not take it.
pub fn render(
    to: &Recipient,
    content: &Content,
    reply_to: Option<&str>,
    callback_data: &str,
) -> Result<Value, Refusal> {
    channel::check(ChannelKind::Whatsapp, content)?;
    if callback_data.chars().count() > CALLBACK_DATA_MAX {
        return Err(Refusal::CallbackTooLong);
    }
    let (kind, part) = match content {
        Content::Text { text } => {
            let linked = text.contains("https://") || text.contains("http://");
            ("text", json!({ "body": text, "preview_url": linked }))
        }
        Content::Image(m) => ("image", file(m, true, false)?),
        Content::Video(m) => ("video", file(m, true, false)?),
        Content::Document(m) => ("document", file(m, true, true)?),
        Content::Sticker(m) => ("sticker", file(m, false, false)?),
        Content::Audio(m) => {
            let mut part = file(m, false, false)?;
            if m.voice {
                part["voice"] = true.into();
            }
            ("audio", part)
        }
        Content::Location {
            latitude,
            longitude,
            name,
            address,
        } => {
            let mut part = Map::from_iter([
                ("latitude".into(), json!(latitude)),
                ("longitude".into(), json!(longitude)),
            ]);
            put(&mut part, "name", name.as_deref());
            put(&mut part, "address", address.as_deref());
            ("location", part.into())
        }
        Content::Contacts { contacts } => ("contacts", contacts.iter().map(card).collect()),
        Content::Reaction { emoji, target } => ("reaction", json!({ "message_id": target, "emoji": emoji })),
        Content::Interactive(question) => ("interactive", interactive(question)),
        Content::Template {
            name,
            language,
            components,
            ..
        } => {
            let mut part = json!({ "name": name, "language": { "code": language } });
            if !components.is_empty() {
                part["components"] = Value::Array(components.clone());
            }
            ("template", part)
        }
        // The limits have refused everything else.
        other => {
            let error = LimitError {
                code: "kind_not_supported".into(),
                field: String::new(),
                limit: 0,
                actual: 0,
            };
            tracing::warn!(
                kind = other.kind(),
                "a content passed the limits although it has no request form"
            );
            return Err(error.into());
        }
    };
    let mut body = json!({ "messaging_product": "whatsapp", "recipient_type": "individual", "type": kind });
    match to {
        Recipient::Phone(phone) => {
            let digits = phone.strip_prefix('+').unwrap_or(phone);
            if !(5..=20).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Refusal::RecipientInvalid);
            }
            body["to"] = format!("+{digits}").into();
        }
        Recipient::UserId(id) if !id.is_empty() => body["recipient"] = id.as_str().into(),
        Recipient::UserId(_) => return Err(Refusal::RecipientInvalid),
    }
    body[kind] = part;
    // The platform does not take a quotation on a reaction.
    if let Some(quoted) = reply_to.filter(|q| !q.is_empty() && kind != "reaction") {
        body["context"] = json!({ "message_id": quoted });
    }
    if !callback_data.is_empty() {
        body["biz_opaque_callback_data"] = callback_data.into();
    }
    Ok(body)
}

/// Marks a message of the customer (and the earlier ones) as read; `typing` also shows that an answer is being
/// written, for at most 25 seconds.
#[must_use]
pub fn read_receipt(provider_id: &str, typing: bool) -> Value {
    let mut body = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": provider_id });
    if typing {
        body["typing_indicator"] = json!({ "type": "text" });
    }
    body
}

fn put(into: &mut Map<String, Value>, key: &str, text: Option<&str>) {
    if let Some(text) = text.filter(|t| !t.is_empty()) {
        into.insert(key.into(), text.into());
    }
}

fn file(media: &Media, captioned: bool, named: bool) -> Result<Value, Refusal> {
    let mut part = Map::new();
    match (&media.provider_media, &media.link) {
        (Some(id), _) => put(&mut part, "id", Some(id)),
        (None, Some(link)) if link.starts_with("https://") => put(&mut part, "link", Some(link)),
        (None, Some(_)) => return Err(Refusal::LinkNotHttps),
        (None, None) => return Err(Refusal::FileMissing),
    }
    if captioned {
        put(&mut part, "caption", media.caption.as_deref());
    }
    if named {
        put(&mut part, "filename", media.name.as_deref());
    }
    Ok(part.into())
}

fn card(card: &ContactCard) -> Value {
    // The platform wants one more part of the name besides the whole.
    let first = card.name.split_whitespace().next().unwrap_or(&card.name);
    let mut part = json!({ "name": { "formatted_name": card.name, "first_name": first } });
    if !card.phones.is_empty() {
        part["phones"] = card
            .phones
            .iter()
            .map(|p| json!({ "phone": p, "type": "WORK" }))
            .collect();
    }
    if !card.emails.is_empty() {
        part["emails"] = card
            .emails
            .iter()
            .map(|e| json!({ "email": e, "type": "WORK" }))
            .collect();
    }
    if let Some(company) = &card.organization {
        part["org"] = json!({ "company": company });
    }
    part
}

fn interactive(question: &Interactive) -> Value {
    let mut part = json!({ "body": { "text": question.body } });
    if let Some(header) = question.header.as_deref().filter(|h| !h.is_empty()) {
        part["header"] = json!({ "type": "text", "text": header });
    }
    if let Some(footer) = question.footer.as_deref().filter(|f| !f.is_empty()) {
        part["footer"] = json!({ "text": footer });
    }
    let reply = |c: &Choice| json!({ "type": "reply", "reply": { "id": c.id, "title": c.title } });
    let (kind, action) = if let Some(link) = &question.link {
        (
            "cta_url",
            json!({ "name": "cta_url", "parameters": { "display_text": link.title, "url": link.url } }),
        )
    } else if question.buttons.is_empty() {
        let sections: Vec<Value> = question
            .sections
            .iter()
            .filter(|s| !s.rows.is_empty())
            .map(|s| {
                let mut section = Map::new();
                put(&mut section, "title", Some(&s.title));
                section.insert("rows".into(), s.rows.iter().map(row).collect());
                section.into()
            })
            .collect();
        // The platform refuses a list whose button has no text.
        let label = question
            .list_button
            .as_deref()
            .filter(|l| !l.trim().is_empty())
            .unwrap_or("⋯");
        ("list", json!({ "button": label, "sections": sections }))
    } else {
        (
            "button",
            json!({ "buttons": question.buttons.iter().map(reply).collect::<Vec<_>>() }),
        )
    };
    part["type"] = kind.into();
    part["action"] = action;
    part
}

fn row(choice: &Choice) -> Value {
    let mut row = Map::new();
    put(&mut row, "id", Some(&choice.id));
    put(&mut row, "title", Some(&choice.title));
    put(&mut row, "description", choice.description.as_deref());
    row.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ronda_domain::content::{LinkButton, Section};

    fn to() -> Recipient {
        Recipient::Phone("5491155550000".into())
    }

    fn choice(id: &str, title: &str) -> Choice {
        Choice {
            id: id.into(),
            title: title.into(),
            description: None,
        }
    }

    #[test]
    fn every_kind_has_the_documented_body() {
        let by_id = Media {
            provider_media: Some("900".into()),
            ..Media::default()
        };
        let question = Interactive {
            body: "¿Confirma?".into(),
            ..Interactive::default()
        };
        let cases = [
            (
                Content::text("Hola https://a.test"),
                "text",
                json!({"body": "Hola https://a.test", "preview_url": true}),
            ),
            (
                Content::text("Hola"),
                "text",
                json!({"body": "Hola", "preview_url": false}),
            ),
            (
                Content::Image(Media {
                    caption: Some("Foto".into()),
                    ..by_id.clone()
                }),
                "image",
                json!({"id": "900", "caption": "Foto"}),
            ),
            (
                Content::Audio(Media {
                    voice: true,
                    ..by_id.clone()
                }),
                "audio",
                json!({"id": "900", "voice": true}),
            ),
            (
                Content::Document(Media {
                    link: Some("https://a.test/p.pdf".into()),
                    name: Some("p.pdf".into()),
                    ..Media::default()
                }),
                "document",
                json!({"link": "https://a.test/p.pdf", "filename": "p.pdf"}),
            ),
            (Content::Sticker(by_id), "sticker", json!({"id": "900"})),
            (
                Content::Reaction {
                    emoji: "👍".into(),
                    target: "wamid.A".into(),
                },
                "reaction",
                json!({"message_id": "wamid.A", "emoji": "👍"}),
            ),
            (
                Content::Interactive(Interactive {
                    header: Some("Turno".into()),
                    buttons: vec![choice("si", "Sí"), choice("no", "No")],
                    ..question.clone()
                }),
                "interactive",
                json!({"type": "button", "header": {"type": "text", "text": "Turno"}, "body": {"text": "¿Confirma?"},
                    "action": {"buttons": [{"type": "reply", "reply": {"id": "si", "title": "Sí"}},
                        {"type": "reply", "reply": {"id": "no", "title": "No"}}]}}),
            ),
            (
                Content::Interactive(Interactive {
                    list_button: Some("Ver".into()),
                    sections: vec![Section {
                        title: String::new(),
                        rows: vec![choice("a", "A")],
                    }],
                    ..question.clone()
                }),
                "interactive",
                json!({"type": "list", "body": {"text": "¿Confirma?"},
                    "action": {"button": "Ver", "sections": [{"rows": [{"id": "a", "title": "A"}]}]}}),
            ),
            (
                Content::Interactive(Interactive {
                    link: Some(LinkButton {
                        title: "Pagar".into(),
                        url: "https://a.test/42".into(),
                    }),
                    ..question
                }),
                "interactive",
                json!({"type": "cta_url", "body": {"text": "¿Confirma?"}, "action": {"name": "cta_url",
                    "parameters": {"display_text": "Pagar", "url": "https://a.test/42"}}}),
            ),
            (
                Content::Template {
                    name: "recordatorio".into(),
                    language: "es_AR".into(),
                    components: vec![],
                    preview: "Hola".into(),
                },
                "template",
                json!({"name": "recordatorio", "language": {"code": "es_AR"}}),
            ),
        ];
        for (content, kind, part) in cases {
            let body = render(&to(), &content, Some("wamid.Q"), "m-1").unwrap();
            assert_eq!(body["type"], kind);
            assert_eq!(body[kind], part);
            assert_eq!(body["to"], "+5491155550000");
            assert_eq!(body["biz_opaque_callback_data"], "m-1");
            assert_eq!(body.get("context").is_some(), kind != "reaction", "{kind}");
        }
    }

    #[test]
    fn core_6_2_a_person_without_phone_is_reached_by_user_id() {
        let hidden = Sender {
            user_id: Some("AR.1234".into()),
            ..Sender::default()
        };
        let body = render(&Recipient::of(&hidden).unwrap(), &Content::text("Hola"), None, "").unwrap();
        assert_eq!(body["recipient"], "AR.1234");
        assert!(body.get("to").is_none() && body.get("biz_opaque_callback_data").is_none());
        let both = Sender {
            wa_id: Some("541155550000".into()),
            phone: Some("5491155550000".into()),
            ..hidden
        };
        assert_eq!(
            Recipient::of(&both),
            Some(Recipient::Phone("541155550000".into())),
            "wa_id wins for sending"
        );
    }

    #[test]
    fn what_the_platform_would_refuse_is_refused_here() {
        let http = Media {
            link: Some("http://a.test/x.png".into()),
            ..Media::default()
        };
        let cases = [
            (Content::Image(Media::default()), "file_missing"),
            (Content::Image(http), "link_not_https"),
            (Content::text(""), "text_empty"),
            (
                Content::System {
                    code: "x".into(),
                    params: Value::Null,
                },
                "kind_not_supported",
            ),
            (
                Content::Unsupported {
                    kind: "poll".into(),
                    raw: Value::Null,
                },
                "kind_not_supported",
            ),
        ];
        for (content, code) in cases {
            assert_eq!(
                render(&to(), &content, None, "").unwrap_err().code(),
                code,
                "{content:?}"
            );
        }
        let text = Content::text("Hola");
        assert_eq!(
            render(&to(), &text, None, &"x".repeat(513)),
            Err(Refusal::CallbackTooLong)
        );
        for bad in [
            Recipient::Phone("12a".into()),
            Recipient::Phone(String::new()),
            Recipient::UserId(String::new()),
        ] {
            assert_eq!(render(&bad, &text, None, ""), Err(Refusal::RecipientInvalid));
        }
    }

    #[test]
    fn a_read_receipt_may_show_typing() {
        assert_eq!(read_receipt("wamid.A", false)["status"], "read");
        assert_eq!(read_receipt("wamid.A", true)["typing_indicator"]["type"], "text");
    }
}
