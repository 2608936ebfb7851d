//! What the platform accepts as a message, and the code with which it refuses the rest (meta-platform §7, §12).

use crate::Sim;
use crate::config::Number;
use crate::store::phone_digits;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// An error in the platform's form.
#[derive(Clone, Debug)]
pub struct Refused {
    pub code: i64,
    pub subcode: Option<i64>,
    pub details: String,
}

impl Refused {
    pub fn new(code: i64, details: impl Into<String>) -> Self {
        Self {
            code,
            subcode: None,
            details: details.into(),
        }
    }

    /// An object that does not exist, or not for this token.
    pub fn unknown_object(id: &str) -> Self {
        let details = format!("Object with ID '{id}' does not exist or cannot be loaded due to missing permissions");
        Self {
            code: 100,
            subcode: Some(33),
            details,
        }
    }

    /// As statuses carry it.
    pub fn reported(&self) -> Value {
        json!({ "code": self.code, "title": title(self.code), "message": title(self.code),
            "error_data": { "details": self.details },
            "href": "/documentation/business-messaging/whatsapp/support/error-codes" })
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let title = title(self.code);
        let mut error = json!({ "message": format!("(#{}) {title}", self.code), "type": "OAuthException",
            "code": self.code, "error_data": { "messaging_product": "whatsapp", "details": self.details },
            "fbtrace_id": format!("A{}", crate::store::random_hex(8)) });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        (status(self.code), axum::Json(json!({ "error": error }))).into_response()
    }
}

fn status(code: i64) -> StatusCode {
    match code {
        0 | 190 => StatusCode::UNAUTHORIZED,
        3 | 131_000 | 131_016 | 131_045 | 131_057 | 133_000 => StatusCode::INTERNAL_SERVER_ERROR,
        10 | 200..=299 | 368 | 130_497 | 131_005 | 131_031 => StatusCode::FORBIDDEN,
        2 | 133_004 => StatusCode::SERVICE_UNAVAILABLE,
        132_001 => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn title(code: i64) -> &'static str {
    match code {
        0 => "AuthException",
        2 => "API Service",
        10 => "Permission Denied",
        100 => "Invalid parameter",
        190 => "Invalid OAuth access token - Cannot parse access token",
        80_007 => "Rate limit issues",
        130_429 => "Rate limit hit",
        130_472 => "User's number is part of an experiment",
        131_000 => "Something went wrong",
        131_005 => "Access denied",
        131_008 => "Required parameter is missing",
        131_009 => "Parameter value is not valid",
        131_016 => "Service unavailable",
        131_021 => "Recipient cannot be sender",
        131_026 => "Message undeliverable",
        131_030 => "Recipient phone number not in allowed list",
        131_031 => "Account has been locked",
        131_042 => "Business eligibility payment issue",
        131_045 => {
            "Message failed to send because there were one or more errors related to your phone number certificate"
        }
        131_047 => "Re-engagement message",
        131_048 => "Spam rate limit hit",
        131_049 => "This message was not delivered to maintain healthy ecosystem engagement.",
        131_050 => "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages",
        131_051 => "Unsupported message type",
        131_052 => "Media download error",
        131_053 => "Media upload error",
        131_056 => "(Business Account, Consumer Account) pair rate limit hit",
        131_057 => "Account in maintenance mode",
        131_062 => "Business-scoped user IDs are not supported for this message",
        132_000 => "Number of parameters does not match the expected number of params",
        132_001 => "Template name does not exist in the translation",
        132_012 => "Parameter format does not match format in the created template",
        132_015 => "Template is paused",
        132_016 => "Template is disabled",
        133_005 => "Two-step verification PIN mismatch",
        133_010 => "Phone number is not registered",
        _ => "Simulated error",
    }
}

/// Whom a send is for.
pub enum To {
    Digits(String),
    UserId(String),
}

/// A send that is well formed.
pub struct Accepted {
    pub to: To,
    pub kind: String,
    pub body: Value,
    pub rendered: Option<Value>,
    pub reply_to: Option<String>,
    pub callback_data: Option<String>,
}

type Checked<T = ()> = Result<T, Refused>;

fn missing<T>(what: &str) -> Checked<T> {
    Err(Refused::new(131_008, format!("Required parameter is missing: {what}")))
}

fn wrong<T>(details: impl Into<String>) -> Checked<T> {
    Err(Refused::new(131_009, details))
}

fn text<'v>(part: &'v Value, key: &str) -> Option<&'v str> {
    part.get(key).and_then(Value::as_str).filter(|t| !t.is_empty())
}

fn short(part: &Value, key: &str, max: usize, required: bool) -> Checked {
    match text(part, key) {
        None if required => missing(key),
        None => Ok(()),
        Some(t) if t.chars().count() > max => wrong(format!("{key} must be at most {max} characters long")),
        Some(_) => Ok(()),
    }
}

pub fn message(sim: &Sim, number: &Number, body: &Value) -> Checked<Accepted> {
    if text(body, "messaging_product") != Some("whatsapp") {
        return Err(Refused::new(
            100,
            "The parameter messaging_product is required and must be \"whatsapp\".",
        ));
    }
    if text(body, "recipient_type").is_some_and(|t| t != "individual") {
        return wrong("recipient_type must be individual here");
    }
    // With both, `to` wins, as on the platform.
    let to = match (text(body, "to"), text(body, "recipient")) {
        (Some(to), _) => match phone_digits(to, Some(number)) {
            Some(digits) => To::Digits(digits),
            None => return wrong(format!("to: {to} is not a phone number")),
        },
        (None, Some(id)) => To::UserId(id.to_owned()),
        (None, None) => return missing("to"),
    };
    if matches!(&to, To::Digits(digits) if *digits == number.digits()) {
        return Err(Refused::new(131_021, "Recipient and sender are the same number"));
    }
    let callback_data = text(body, "biz_opaque_callback_data").map(str::to_owned);
    if callback_data.as_ref().is_some_and(|d| d.chars().count() > 512) {
        return wrong("biz_opaque_callback_data must be at most 512 characters long");
    }
    let kind = text(body, "type").unwrap_or("text").to_owned();
    let Some(part) = body.get(&kind).filter(|p| p.is_object() || p.is_array()).cloned() else {
        return missing(&kind);
    };
    let mut rendered = None;
    match kind.as_str() {
        "text" => short(&part, "body", 4_096, true)?,
        "image" | "video" | "document" | "audio" | "sticker" => media(sim, number, &kind, &part)?,
        "location" => {
            let within = |key: &str, limit: f64| part[key].as_f64().is_some_and(|n| n.abs() <= limit);
            if !within("latitude", 90.0) || !within("longitude", 180.0) {
                return wrong("latitude and longitude must be numbers on the globe");
            }
        }
        "contacts" => {
            let cards = part.as_array().map(Vec::as_slice).unwrap_or_default();
            if cards.is_empty() || cards.len() > 257 {
                return wrong("contacts must hold 1 to 257 contacts");
            }
            if cards.iter().any(|c| {
                c.pointer("/name/formatted_name")
                    .and_then(Value::as_str)
                    .is_none_or(str::is_empty)
            }) {
                return missing("contacts[].name.formatted_name");
            }
        }
        "reaction" => {
            let Some(target) = text(&part, "message_id") else {
                return missing("reaction.message_id");
            };
            if sim.store.message(target).is_none_or(|m| m.deleted) {
                return wrong("reaction.message_id is not a message of this chat");
            }
            if body.get("context").is_some() {
                return wrong("context is not possible for reactions");
            }
        }
        "interactive" => interactive(&part)?,
        "template" => rendered = Some(template(sim, number, &part)?),
        other => return Err(Refused::new(131_051, format!("Message type {other} is not supported"))),
    }
    Ok(Accepted {
        to,
        kind,
        body: part,
        rendered,
        reply_to: body
            .pointer("/context/message_id")
            .and_then(Value::as_str)
            .map(str::to_owned),
        callback_data,
    })
}

/// Accepted types and the largest size of a kind of file.
pub fn media_rule(kind: &str) -> (&'static [&'static str], usize) {
    const MB: usize = 1024 * 1024;
    match kind {
        "audio" => (
            &["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"],
            16 * MB,
        ),
        "image" => (&["image/jpeg", "image/png"], 5 * MB),
        "video" => (&["video/mp4", "video/3gpp"], 16 * MB),
        "sticker" => (&["image/webp"], 500 * 1024),
        _ => (&[], 100 * MB),
    }
}

fn media(sim: &Sim, number: &Number, kind: &str, part: &Value) -> Checked {
    if matches!(kind, "image" | "video" | "document") {
        short(part, "caption", 1_024, false)?;
    } else if text(part, "caption").is_some() {
        return wrong(format!("{kind} has no caption"));
    }
    match (text(part, "id"), text(part, "link")) {
        (Some(_), Some(_)) => wrong("id and link exclude each other"),
        (None, None) => missing(&format!("{kind}.id or {kind}.link")),
        (None, Some(link)) if link.starts_with("https://") || link.starts_with("http://") => Ok(()),
        (None, Some(_)) => wrong("link must be a URL"),
        (Some(id), None) => {
            let Some(media) = sim.store.media(id).filter(|m| m.number == number.phone_number_id) else {
                return wrong(format!("Media ID {id} does not exist or has expired"));
            };
            let (types, max) = media_rule(kind);
            let bare = media.mime.split(';').next().unwrap_or_default().trim();
            if !types.is_empty() && !types.contains(&bare) {
                return Err(Refused::new(131_053, format!("{bare} is not a type of {kind}")));
            }
            if media.bytes.len() > max {
                return Err(Refused::new(131_053, format!("{kind} must be at most {max} bytes")));
            }
            Ok(())
        }
    }
}

fn interactive(part: &Value) -> Checked {
    let Some(kind) = text(part, "type") else {
        return missing("interactive.type");
    };
    let body = part.get("body").unwrap_or(&Value::Null);
    let action = part.get("action").unwrap_or(&Value::Null);
    let body_max = if kind == "list" { 4_096 } else { 1_024 };
    short(body, "text", body_max, kind != "product")?;
    if let Some(footer) = part.get("footer") {
        short(footer, "text", 60, true)?;
    }
    if let Some(header) = part.get("header") {
        match text(header, "type") {
            Some("text") => short(header, "text", 60, true)?,
            Some("image" | "video" | "document") if kind != "list" => {}
            _ => return wrong("the header has a type that is not possible here"),
        }
    }
    match kind {
        "button" => {
            let buttons = action["buttons"].as_array().map(Vec::as_slice).unwrap_or_default();
            if !(1..=3).contains(&buttons.len()) {
                return wrong("action.buttons must hold 1 to 3 buttons");
            }
            let (mut ids, mut titles) = (HashSet::new(), HashSet::new());
            for button in buttons {
                let reply = button.get("reply").unwrap_or(&Value::Null);
                short(reply, "id", 256, true)?;
                short(reply, "title", 20, true)?;
                if !ids.insert(text(reply, "id")) || !titles.insert(text(reply, "title")) {
                    return wrong("ids and titles of buttons must differ");
                }
            }
            Ok(())
        }
        "list" => {
            short(action, "button", 20, true)?;
            let sections = action["sections"].as_array().map(Vec::as_slice).unwrap_or_default();
            if !(1..=10).contains(&sections.len()) {
                return wrong("action.sections must hold 1 to 10 sections");
            }
            let (mut ids, mut rows) = (HashSet::new(), 0);
            for section in sections {
                short(section, "title", 24, sections.len() > 1)?;
                for row in section["rows"].as_array().map(Vec::as_slice).unwrap_or_default() {
                    rows += 1;
                    short(row, "id", 200, true)?;
                    short(row, "title", 24, true)?;
                    short(row, "description", 72, false)?;
                    if !ids.insert(text(row, "id")) {
                        return wrong("ids of rows must differ");
                    }
                }
            }
            if (1..=10).contains(&rows) {
                Ok(())
            } else {
                wrong("a list must hold 1 to 10 rows in total")
            }
        }
        "cta_url" => {
            let parameters = action.get("parameters").unwrap_or(&Value::Null);
            short(parameters, "display_text", 20, true)?;
            match text(parameters, "url") {
                Some(url) if url.starts_with("https://") || url.starts_with("http://") => Ok(()),
                _ => wrong("action.parameters.url must be a URL"),
            }
        }
        "location_request_message"
        | "request_contact_info"
        | "flow"
        | "product"
        | "product_list"
        | "catalog_message"
        | "carousel" => Ok(()),
        other => wrong(format!("interactive.type {other} is not known")),
    }
}

/// Checks a template send against the approved template; the result is what the phone shows.
fn template(sim: &Sim, number: &Number, part: &Value) -> Checked<Value> {
    let Some(name) = text(part, "name") else {
        return missing("template.name");
    };
    let Some(language) = part.pointer("/language/code").and_then(Value::as_str) else {
        return missing("template.language.code");
    };
    let all = sim.store.templates(&number.waba_id);
    let Some(template) = all.iter().find(|t| t["name"] == name && t["language"] == language) else {
        return Err(Refused::new(
            132_001,
            format!("template name ({name}) does not exist in {language}"),
        ));
    };
    match template["status"].as_str() {
        Some("APPROVED") => {}
        Some("PAUSED") => return Err(Refused::new(132_015, format!("{name} is paused"))),
        Some("DISABLED") => return Err(Refused::new(132_016, format!("{name} is disabled"))),
        _ => return Err(Refused::new(132_001, format!("{name} in {language} is not approved"))),
    }
    let given = part["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    let find = |kind: &str| {
        given
            .iter()
            .find(|c| c["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(kind)))
    };
    let named = template["parameter_format"] == "NAMED";
    let mut shown = Map::new();
    for component in template["components"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let kind = component["type"].as_str().unwrap_or_default();
        match kind {
            "HEADER" if component["format"] == "TEXT" => {
                let filled = fill(component, find("header"), named)?;
                shown.insert("header".into(), json!({ "type": "text", "text": filled }));
            }
            "HEADER" => {
                let format = component["format"].as_str().unwrap_or_default().to_lowercase();
                let parameter = find("header")
                    .and_then(|c| c["parameters"].get(0))
                    .filter(|p| p["type"] == format.as_str());
                let Some(parameter) = parameter else {
                    return Err(Refused::new(
                        132_012,
                        format!("header must carry a parameter of type {format}"),
                    ));
                };
                if matches!(format.as_str(), "image" | "video" | "document") {
                    media(sim, number, &format, parameter.get(&format).unwrap_or(&Value::Null))?;
                }
                shown.insert("header".into(), parameter.clone());
            }
            "BODY" => {
                shown.insert("body".into(), fill(component, find("body"), named)?.into());
            }
            "FOOTER" => {
                shown.insert("footer".into(), component["text"].clone());
            }
            "BUTTONS" => {
                let mut buttons = Vec::new();
                for (at, button) in component["buttons"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default()
                    .iter()
                    .enumerate()
                {
                    let sent = given.iter().find(|c| {
                        c["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case("button"))
                            && (c["index"].as_str().is_some_and(|i| i.parse() == Ok(at)) || c["index"] == at)
                    });
                    let value = sent.and_then(|c| c["parameters"].get(0));
                    let mut button = button.clone();
                    if button["type"] == "QUICK_REPLY" {
                        let payload = value
                            .and_then(|v| v["payload"].as_str())
                            .or_else(|| button["text"].as_str());
                        button["payload"] = payload.unwrap_or_default().into();
                    }
                    if let Some(url) = button["url"].as_str().filter(|u| u.contains("{{")) {
                        let Some(end) = value.and_then(|v| v["text"].as_str()) else {
                            return Err(Refused::new(132_000, format!("button {at} needs one parameter")));
                        };
                        button["url"] = format!("{}{end}", url.split("{{").next().unwrap_or_default()).into();
                    }
                    buttons.push(button);
                }
                shown.insert("buttons".into(), buttons.into());
            }
            _ => {}
        }
    }
    Ok(shown.into())
}

/// The text of a component with its variables replaced.
fn fill(component: &Value, given: Option<&Value>, named: bool) -> Checked<String> {
    let text = component["text"].as_str().unwrap_or_default();
    let parameters = given
        .and_then(|c| c["parameters"].as_array())
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut names: Vec<&str> = Vec::new();
    for piece in text.split("{{").skip(1) {
        let name = piece.split("}}").next().unwrap_or_default().trim();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() != parameters.len() {
        let details = format!("expected {} parameters, got {}", names.len(), parameters.len());
        return Err(Refused::new(132_000, details));
    }
    let mut filled = text.to_owned();
    for (at, name) in names.iter().enumerate() {
        let parameter = if named {
            parameters.iter().find(|p| p["parameter_name"] == *name)
        } else {
            name.parse::<usize>()
                .ok()
                .and_then(|n| parameters.get(n.wrapping_sub(1)))
                .or_else(|| parameters.get(at))
        };
        let Some(parameter) = parameter else {
            return Err(Refused::new(132_000, format!("the parameter {name} is missing")));
        };
        let value = match parameter["type"].as_str() {
            Some("text") => parameter["text"].as_str(),
            Some(kind) => parameter
                .pointer(&format!("/{kind}/fallback_value"))
                .and_then(Value::as_str),
            None => None,
        };
        let Some(value) = value else {
            return Err(Refused::new(132_012, format!("the parameter {name} has no text")));
        };
        filled = filled.replace(&format!("{{{{{name}}}}}"), value);
    }
    Ok(filled)
}
