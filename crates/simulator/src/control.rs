//! The other side of the glass: people, what they do, faults, traffic, and a stream of everything that happens.

use crate::config::{Faults, Number, Traffic};
use crate::store::{Event, Message, Person, message_id, now, phone_digits};
use crate::{Sim, graph, store, webhook};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Multipart, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event as Sse, KeepAlive, Sse as Stream};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::convert::Infallible;
use tokio::sync::broadcast::error::RecvError;

/// What a customer may send.
const FILE_MAX: usize = 100 * 1024 * 1024;

pub fn routes() -> Router<Sim> {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/events", get(events))
        .route(
            "/_sim/faults",
            get(|State(sim): State<Sim>| async move { axum::Json(sim.store.faults()) }).post(faults),
        )
        .route(
            "/_sim/traffic",
            get(|State(sim): State<Sim>| async move { axum::Json(sim.traffic.get()) }).post(traffic),
        )
        .route("/_sim/numbers", post(new_number))
        .route("/_sim/numbers/{id}/hello", post(hello))
        .route("/_sim/people", get(people).post(create))
        .route("/_sim/people/{id}", get(person).post(change))
        .route("/_sim/people/{id}/thread", get(thread))
        .route("/_sim/people/{id}/messages", post(write))
        .route("/_sim/people/{id}/{action}", post(act))
        .route("/_sim/media", post(upload))
        .route("/_sim/media/{id}", get(file))
        .layer(DefaultBodyLimit::max(FILE_MAX + 4096))
}

/// What was wrong with a request.
pub struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, axum::Json(json!({ "error": self.1 }))).into_response()
    }
}

type Answer<T = axum::Json<Value>> = Result<T, Problem>;

fn bad<T>(why: impl Into<String>) -> Answer<T> {
    Err(Problem(StatusCode::BAD_REQUEST, why.into()))
}

fn nobody(id: &str) -> Problem {
    Problem(StatusCode::NOT_FOUND, format!("there is nobody with the number {id}"))
}

/// The body as JSON; an empty body is an empty object. A content type is demanded, so that a page from elsewhere cannot
/// post here without asking first.
fn body<T: serde::de::DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Answer<T> {
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|h| h.to_str().ok())
        .is_some_and(|h| h.contains("json"));
    if !json && !bytes.is_empty() {
        return Err(Problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send application/json".into(),
        ));
    }
    let bytes = if bytes.is_empty() { b"{}" } else { bytes.as_ref() };
    serde_json::from_slice(bytes).map_err(|e| Problem(StatusCode::BAD_REQUEST, e.to_string()))
}

fn number(sim: &Sim, id: Option<&str>) -> Answer<Number> {
    let found = match id {
        None => sim.store.first_number(),
        Some(id) => sim.store.number(id),
    };
    found.ok_or_else(|| Problem(StatusCode::NOT_FOUND, "there is no such business number".into()))
}

async fn state(State(sim): State<Sim>) -> axum::Json<Value> {
    let counts = sim.store.counts();
    axum::Json(json!({
        "numbers": sim.store.numbers().iter().map(store::public).collect::<Vec<_>>(),
        "callback_url": sim.config.callback_url,
        "people": counts.people, "threads": counts.threads, "messages": counts.messages, "files": counts.media,
        "counters": counts.counters, "active": sim.traffic.active(),
        "faults": sim.store.faults(), "traffic": sim.traffic.get(), "seq": sim.store.seq(),
    }))
}

/// Only who shows the key may have numbers made: their tokens and secrets are in the answer.
fn keyed(sim: &Sim, headers: &HeaderMap) -> Answer<()> {
    let Some(key) = &sim.config.sandbox_key else {
        return Err(Problem(
            StatusCode::FORBIDDEN,
            "this simulator makes no numbers: it was started without a sandbox key".into(),
        ));
    };
    let shown = headers
        .get(header::AUTHORIZATION)
        .and_then(|h| h.to_str().ok())
        .and_then(|h| h.strip_prefix("Bearer "))
        .unwrap_or_default();
    // Digests are compared, so that the time of the comparison tells nothing about the key.
    if Sha256::digest(shown) == Sha256::digest(key) {
        Ok(())
    } else {
        Err(Problem(
            StatusCode::UNAUTHORIZED,
            "the sandbox key is another one".into(),
        ))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNumber {
    /// For whom: asking again gives the same number.
    owner: String,
    verified_name: String,
}

/// A business number with an account, a token and a secret of its own. 201 when it was made now, 200 when it was there.
async fn new_number(State(sim): State<Sim>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    keyed(&sim, &headers)?;
    let new: NewNumber = body(&headers, &bytes)?;
    let (owner, name) = (new.owner.trim(), new.verified_name.trim());
    if owner.is_empty() || owner.len() > 200 || name.is_empty() || name.len() > 200 {
        return bad("owner and verified_name are texts of 1 to 200 bytes");
    }
    let Some((number, made)) = sim.store.number_for(owner, name) else {
        return Err(Problem(StatusCode::CONFLICT, "there are too many numbers".into()));
    };
    if made {
        sim.keep_numbers();
    }
    let mut answer = store::public(&number);
    answer["access_token"] = json!(number.access_token);
    answer["app_secret"] = json!(number.app_secret);
    let status = if made { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(answer)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hello {
    name: String,
    text: String,
}

/// Somebody who has never written before writes to this number.
async fn hello(State(sim): State<Sim>, Path(id): Path<String>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    keyed(&sim, &headers)?;
    let hello: Hello = body(&headers, &bytes)?;
    let number = number(&sim, Some(&id))?;
    let mut digits = crate::traffic::some_phone();
    while sim.store.person(&digits).is_some() {
        digits = crate::traffic::some_phone();
    }
    let person = sim.store.person_or(&digits, |p| {
        p.name = hello.name;
        p.auto_read = sim.config.auto_read;
    });
    let writing = Writing {
        text: Some(hello.text),
        phone_number_id: Some(number.phone_number_id),
        ..Writing::default()
    };
    let message = say(&sim, &person.id, writing)?;
    Ok((
        StatusCode::CREATED,
        axum::Json(json!({ "person": person, "message": message })),
    )
        .into_response())
}

/// Changes only what is named; `{"reset": true}` first turns everything off.
async fn faults(State(sim): State<Sim>, headers: HeaderMap, bytes: Bytes) -> Answer<axum::Json<Faults>> {
    let mut changes: Map<String, Value> = body(&headers, &bytes)?;
    let reset = changes.remove("reset").is_some_and(|r| r == true);
    let from = if reset { Faults::default() } else { sim.store.faults() };
    let faults: Faults = merged(&from, changes)?;
    sim.store.set_faults(faults.clone());
    Ok(axum::Json(faults))
}

async fn traffic(State(sim): State<Sim>, headers: HeaderMap, bytes: Bytes) -> Answer<axum::Json<Traffic>> {
    let traffic: Traffic = merged(&sim.traffic.get(), body(&headers, &bytes)?)?;
    if !(0.0..=6_000.0).contains(&traffic.per_minute) || !(0.1..=1_000.0).contains(&traffic.speed) {
        return bad("per_minute is 0 to 6000, speed 0.1 to 1000");
    }
    sim.traffic.set(traffic.clone());
    sim.store.announce("traffic", json!(traffic));
    Ok(axum::Json(traffic))
}

fn merged<T: serde::Serialize + serde::de::DeserializeOwned>(from: &T, changes: Map<String, Value>) -> Answer<T> {
    let mut value = serde_json::to_value(from).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.extend(changes);
    }
    serde_json::from_value(value).map_err(|e| Problem(StatusCode::BAD_REQUEST, e.to_string()))
}

async fn events(State(sim): State<Sim>, Query(query): Query<HashMap<String, String>>, headers: HeaderMap) -> Response {
    let last = headers
        .get("last-event-id")
        .and_then(|h| h.to_str().ok())
        .map(str::to_owned);
    let after = last
        .or_else(|| query.get("after").cloned())
        .and_then(|s| s.parse().ok());
    let (past, news) = sim.store.listen(after);
    // Whoever does not ask for a stream gets what has happened since.
    let streaming = headers
        .get(header::ACCEPT)
        .and_then(|h| h.to_str().ok())
        .is_some_and(|h| h.contains("event-stream"));
    if !streaming {
        return axum::Json(json!({ "events": past, "seq": sim.store.seq() })).into_response();
    }
    let stop = sim.stop.clone();
    let stream = futures_util::stream::unfold(
        (past.into_iter(), news, stop),
        |(mut past, mut news, stop)| async move {
            if let Some(event) = past.next() {
                return Some((told(&event), (past, news, stop)));
            }
            let next = tokio::select! {
                () = stop.cancelled() => return None,
                next = news.recv() => next,
            };
            match next {
                Ok(event) => Some((told(&event), (past, news, stop))),
                // A listener too slow to keep up is told to load everything again.
                Err(RecvError::Lagged(_)) => Some((Ok(Sse::default().event("reload").data("{}")), (past, news, stop))),
                Err(RecvError::Closed) => None,
            }
        },
    );
    Stream::new(stream).keep_alive(KeepAlive::default()).into_response()
}

fn told(event: &Event) -> Result<Sse, Infallible> {
    let data = serde_json::to_string(&event.data).unwrap_or_default();
    Ok(Sse::default().id(event.seq.to_string()).event(event.kind).data(data))
}

async fn people(State(sim): State<Sim>) -> axum::Json<Value> {
    axum::Json(json!({ "people": sim.store.people(), "threads": sim.store.summaries(), "seq": sim.store.seq() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPerson {
    name: Option<String>,
    /// With country code; absent makes one up.
    phone: Option<String>,
    username: Option<String>,
    #[serde(default)]
    hide_phone: bool,
    auto_read: Option<bool>,
}

async fn create(State(sim): State<Sim>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let new: NewPerson = body(&headers, &bytes)?;
    let digits = match new.phone.as_deref().filter(|p| !p.trim().is_empty()) {
        Some(typed) => match phone_digits(typed, sim.store.first_number().as_ref()) {
            Some(digits) => digits,
            None => return bad(format!("{typed} is not a phone number")),
        },
        None => crate::traffic::some_phone(),
    };
    if sim.store.person(&digits).is_some_and(|p| !p.name.starts_with('+')) {
        return Err(Problem(StatusCode::CONFLICT, format!("{digits} exists already")));
    }
    let auto_read = new.auto_read.unwrap_or(sim.config.auto_read);
    sim.store.person_or(&digits, |_| {});
    let person = sim.store.change_person(&digits, |p| {
        p.name = new
            .name
            .filter(|n| !n.trim().is_empty())
            .unwrap_or_else(|| format!("+{digits}"));
        p.username = new
            .username
            .map(|u| u.trim_start_matches('@').to_owned())
            .filter(|u| !u.is_empty());
        p.hide_phone = new.hide_phone;
        p.auto_read = auto_read;
    });
    Ok((StatusCode::CREATED, axum::Json(json!(person))).into_response())
}

async fn person(State(sim): State<Sim>, Path(id): Path<String>) -> Answer {
    sim.store
        .person(&id)
        .map(|p| axum::Json(json!(p)))
        .ok_or_else(|| nobody(&id))
}

async fn change(State(sim): State<Sim>, Path(id): Path<String>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let changes: Map<String, Value> = body(&headers, &bytes)?;
    let person = sim.store.change_person(&id, |p| {
        if let Some(name) = changes.get("name").and_then(Value::as_str) {
            p.name = name.to_owned();
        }
        if let Some(username) = changes.get("username") {
            p.username = username
                .as_str()
                .map(|u| u.trim_start_matches('@').to_owned())
                .filter(|u| !u.is_empty());
        }
        if let Some(hide) = changes.get("hide_phone").and_then(Value::as_bool) {
            p.hide_phone = hide;
        }
        if let Some(auto) = changes.get("auto_read").and_then(Value::as_bool) {
            p.auto_read = auto;
        }
    });
    person.map(|p| axum::Json(json!(p))).ok_or_else(|| nobody(&id))
}

async fn thread(
    State(sim): State<Sim>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let number = number(&sim, query.get("phone_number_id").map(String::as_str))?;
    let person = sim.store.person(&id).ok_or_else(|| nobody(&id))?;
    Ok(axum::Json(
        json!({ "person": person, "phone_number_id": number.phone_number_id,
        "messages": sim.store.thread(&number.phone_number_id, &id),
        "window_open": sim.store.window_open(&number.phone_number_id, &id), "seq": sim.store.seq() }),
    ))
}

/// Something a customer sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Writing {
    /// `text` (default), `image`, `video`, `audio`, `voice`, `document`, `sticker`, `location`, `contacts`, `button`,
    /// `list`, `template_button`, `form`, `order`, `unsupported`, or anything else with `raw` for an unknown type.
    pub kind: Option<String>,
    pub text: Option<String>,
    /// A file uploaded to `/_sim/media`, or its bytes.
    pub media: Option<String>,
    pub media_base64: Option<String>,
    pub mime: Option<String>,
    pub filename: Option<String>,
    pub caption: Option<String>,
    /// Id and title of the tapped button or row; `id` is the payload of a template button.
    pub id: Option<String>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    pub name: Option<String>,
    pub address: Option<String>,
    /// The object of the message's type, for kinds without fields of their own.
    pub raw: Option<Value>,
    /// The message being answered.
    pub reply_to: Option<String>,
    pub forwarded: bool,
    /// The advertisement the person comes from.
    pub referral: Option<Value>,
    pub phone_number_id: Option<String>,
}

async fn write(State(sim): State<Sim>, Path(id): Path<String>, headers: HeaderMap, bytes: Bytes) -> Answer<Response> {
    let writing: Writing = body(&headers, &bytes)?;
    let message = say(&sim, &id, writing)?;
    Ok((StatusCode::CREATED, axum::Json(json!(message))).into_response())
}

/// A text that somebody wrote before this simulator started: kept for the phone and for the 24 hours, told to nobody.
pub fn recall(sim: &Sim, person_id: &str, text: &str) -> Answer<()> {
    let number = number(sim, None)?;
    sim.store.add(Message {
        id: message_id(),
        phone_number_id: number.phone_number_id.clone(),
        person: person_id.to_owned(),
        from_customer: true,
        kind: "text".into(),
        body: json!({ "body": text }),
        rendered: None,
        at: now(),
        status: "read".into(),
        error: None,
        reply_to: None,
        edited: false,
        deleted: false,
        reaction_customer: None,
        reaction_business: None,
        callback_data: None,
    });
    Ok(())
}

/// A customer writes: kept for the phone and sent as a webhook.
pub fn say(sim: &Sim, person_id: &str, writing: Writing) -> Answer<Message> {
    let number = number(sim, writing.phone_number_id.as_deref())?;
    let person = sim.store.person(person_id).ok_or_else(|| nobody(person_id))?;
    let asked = writing.kind.clone().unwrap_or_else(|| "text".into());
    let (kind, part, errors) = content(sim, &number, &asked, &writing)?;
    let at = now();
    let id = message_id();
    let mut envelope = webhook::envelope(sim, &person, &id, at);
    envelope["type"] = kind.as_str().into();
    envelope[kind.as_str()] = part.clone();
    if let Some(errors) = errors {
        envelope["errors"] = errors;
    }
    if let Some(target) = &writing.reply_to {
        envelope["context"] = json!({ "from": number.digits(), "id": target });
    } else if writing.forwarded {
        envelope["context"] = json!({ "forwarded": true });
    }
    if let Some(referral) = &writing.referral {
        envelope["referral"] = referral.clone();
    }
    let message = Message {
        id: id.clone(),
        phone_number_id: number.phone_number_id.clone(),
        person: person.id.clone(),
        from_customer: true,
        kind,
        body: part,
        rendered: None,
        at,
        status: "sent".into(),
        error: None,
        reply_to: writing.reply_to,
        edited: false,
        deleted: false,
        reaction_customer: None,
        reaction_business: None,
        callback_data: None,
    };
    sim.store.add(message.clone());
    sim.store.count("customer_messages");
    // The platform tells a blocked person nothing and the business less.
    if !sim.store.blocked(&number.phone_number_id).contains(&person.id) {
        let value = webhook::value(sim, &number, Some(&person), "messages", envelope);
        webhook::send(sim, &number, "messages", value, &person.id, Some(&id));
    }
    Ok(message)
}

fn content(sim: &Sim, number: &Number, kind: &str, w: &Writing) -> Answer<(String, Value, Option<Value>)> {
    let needed = |value: &Option<String>, what: &str| match value {
        Some(text) if !text.is_empty() => Ok(text.clone()),
        _ => bad(format!("{what} is missing")),
    };
    let plain = |kind: &str, part: Value| Ok((kind.to_owned(), part, None));
    match kind {
        "text" => plain("text", json!({ "body": needed(&w.text, "text")? })),
        "image" | "video" | "audio" | "voice" | "document" | "sticker" => {
            let wire = if kind == "voice" { "audio" } else { kind };
            let id = match (&w.media, &w.media_base64) {
                (Some(id), _) => id.clone(),
                (None, Some(text)) => {
                    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
                    let Ok(bytes) = bytes else {
                        return bad("media_base64 is not base64");
                    };
                    let mime = needed(&w.mime, "mime")?;
                    sim.store
                        .add_media(&number.phone_number_id, bytes.into(), &mime, w.filename.clone())
                        .0
                }
                (None, None) => return bad("media is missing"),
            };
            let Some(media) = sim.store.media(&id) else {
                return bad("media does not exist");
            };
            let mut part = json!({ "id": id, "mime_type": media.mime, "sha256": media.sha256 });
            if let Some(caption) = w
                .caption
                .as_deref()
                .filter(|c| !c.is_empty() && wire != "audio" && wire != "sticker")
            {
                part["caption"] = caption.into();
            }
            match wire {
                "audio" => part["voice"] = (kind == "voice").into(),
                "sticker" => part["animated"] = false.into(),
                "document" => {
                    part["filename"] = w
                        .filename
                        .clone()
                        .or(media.name)
                        .unwrap_or_else(|| "archivo".into())
                        .into();
                }
                _ => {}
            }
            plain(wire, part)
        }
        "location" => {
            let (Some(latitude), Some(longitude)) = (w.latitude, w.longitude) else {
                return bad("latitude and longitude are missing");
            };
            let mut part = json!({ "latitude": latitude, "longitude": longitude });
            for (key, value) in [("name", &w.name), ("address", &w.address)] {
                if let Some(value) = value {
                    part[key] = value.as_str().into();
                }
            }
            plain("location", part)
        }
        "contacts" => {
            let name = needed(&w.name, "name")?;
            let phone = w.text.clone().unwrap_or_default();
            let card = json!({ "name": { "formatted_name": name, "first_name": name },
                "phones": [{ "phone": phone, "type": "CELL" }] });
            plain("contacts", w.raw.clone().unwrap_or_else(|| json!([card])))
        }
        "button" | "list" => {
            let (id, title) = (needed(&w.id, "id")?, needed(&w.title, "title")?);
            let key = format!("{kind}_reply");
            let mut reply = json!({ "id": id, "title": title });
            if let Some(description) = w.description.as_deref().filter(|_| kind == "list") {
                reply["description"] = description.into();
            }
            plain("interactive", json!({ "type": key, key: reply }))
        }
        "template_button" => {
            let title = needed(&w.title, "title")?;
            plain(
                "button",
                json!({ "payload": w.id.clone().unwrap_or_else(|| title.clone()), "text": title }),
            )
        }
        "form" => {
            let values = w.raw.clone().unwrap_or_else(|| json!({})).to_string();
            let reply = json!({ "name": "flow", "body": w.text.as_deref().unwrap_or("Sent"), "response_json": values });
            plain("interactive", json!({ "type": "nfm_reply", "nfm_reply": reply }))
        }
        "unsupported" => {
            let error = json!([{ "code": 131_051, "title": "Message type unknown", "message": "Message type unknown",
                "error_data": { "details": "Message type is currently not supported." } }]);
            Ok((
                "unsupported".into(),
                json!({ "type": w.text.as_deref().unwrap_or("poll") }),
                Some(error),
            ))
        }
        other => match &w.raw {
            Some(raw) => plain(other, raw.clone()),
            None => bad(format!("{other} is not a kind of message")),
        },
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Action {
    /// The message concerned.
    message: Option<String>,
    text: Option<String>,
    emoji: Option<String>,
    /// The new number of `renumber`.
    phone: Option<String>,
    phone_number_id: Option<String>,
}

/// `read`, `typing`, `edit`, `delete`, `react`, `close_window`, `rotate` (another user id), `renumber`.
async fn act(
    State(sim): State<Sim>,
    Path((id, action)): Path<(String, String)>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Answer {
    let input: Action = body(&headers, &bytes)?;
    let person = sim.store.person(&id).ok_or_else(|| nobody(&id))?;
    let number = number(&sim, input.phone_number_id.as_deref())?;
    let target = |own: bool| -> Answer<Message> {
        let message = input.message.as_deref().and_then(|m| sim.store.message(m));
        match message.filter(|m| m.person == id && (!own || m.from_customer)) {
            Some(message) => Ok(message),
            None => Err(Problem(
                StatusCode::NOT_FOUND,
                "message is not a message of this person".into(),
            )),
        }
    };
    match action.as_str() {
        "read" => {
            let unread = sim.store.unread(input.phone_number_id.as_deref(), &id);
            for message in &unread {
                graph::read(&sim, message, now());
            }
            return Ok(axum::Json(json!({ "read": unread.len() })));
        }
        // The platform does not tell the business; only other screens of the simulator see it.
        "typing" => sim.store.announce(
            "typing",
            json!({ "phone_number_id": number.phone_number_id, "person": id,
            "by": "customer", "until": now() + 5_000 }),
        ),
        "edit" => {
            let message = target(true)?;
            let Some(text) = input.text.filter(|t| !t.is_empty()) else {
                return bad("text is missing");
            };
            if message.kind != "text" || message.deleted {
                return bad("only a text can be edited");
            }
            let part = json!({ "body": text });
            sim.store.change(&message.id, |m| {
                m.body = part.clone();
                m.edited = true;
            });
            let inner = json!({ "type": "text", "text": part });
            let edit = json!({ "original_message_id": message.id, "message": inner });
            correct(&sim, &message, &person, "edit", edit);
        }
        "delete" => {
            let message = target(true)?;
            sim.store.change(&message.id, |m| m.deleted = true);
            correct(
                &sim,
                &message,
                &person,
                "revoke",
                json!({ "original_message_id": message.id }),
            );
        }
        "react" => {
            let message = target(false)?;
            react(&sim, &person, &message, input.emoji.as_deref().unwrap_or_default())?;
        }
        "close_window" => sim.store.close_window(&number.phone_number_id, &id),
        "rotate" => {
            let new = format!("AR.{}", crate::store::random_hex(10));
            let mut envelope = webhook::envelope(&sim, &person, &message_id(), now());
            envelope["type"] = "system".into();
            envelope["system"] = json!({ "type": "user_changed_user_id", "body": "User ID changed", "user_id": new });
            sim.store.change_person(&id, |p| p.user_id.clone_from(&new));
            let value = webhook::value(&sim, &number, None, "messages", envelope);
            webhook::send(&sim, &number, "messages", value, &id, None);
            let update = json!({ "wa_id": id, "detail": "User ID changed", "timestamp": (now() / 1_000).to_string(),
                "user_id": { "previous": person.user_id, "current": new } });
            let value = webhook::value(&sim, &number, None, "user_id_update", update);
            webhook::send(&sim, &number, "user_id_update", value, &id, None);
        }
        "renumber" => {
            let Some(digits) = input.phone.as_deref().and_then(|p| phone_digits(p, Some(&number))) else {
                return bad("phone is missing or not a number");
            };
            let Some(moved) = sim.store.renumber(&id, &digits) else {
                return bad("phone belongs to somebody");
            };
            let mut envelope = webhook::envelope(&sim, &person, &message_id(), now());
            envelope["type"] = "system".into();
            let sentence = format!("{} changed from {} to {digits}", person.name, person.id);
            envelope["system"] = json!({ "type": "user_changed_number", "body": sentence, "wa_id": digits,
                "user_id": moved.user_id });
            let value = webhook::value(&sim, &number, None, "messages", envelope);
            webhook::send(&sim, &number, "messages", value, &id, None);
            return Ok(axum::Json(json!(moved)));
        }
        _ => {
            return Err(Problem(
                StatusCode::NOT_FOUND,
                format!("{action} is nothing people do here"),
            ));
        }
    }
    Ok(axum::Json(json!({ "done": true })))
}

fn correct(sim: &Sim, message: &Message, person: &Person, kind: &str, part: Value) {
    let Some(number) = sim.store.number(&message.phone_number_id) else {
        return;
    };
    let mut envelope = webhook::envelope(sim, person, &message_id(), now());
    envelope["type"] = kind.into();
    envelope[kind] = part;
    let value = webhook::value(sim, &number, Some(person), "messages", envelope);
    webhook::send(sim, &number, "messages", value, &person.id, None);
}

/// A customer reacts; an empty emoji takes the reaction back.
pub fn react(sim: &Sim, person: &Person, message: &Message, emoji: &str) -> Answer<()> {
    let mut raw = json!({ "message_id": message.id });
    if !emoji.is_empty() {
        raw["emoji"] = emoji.into();
    }
    let writing = Writing {
        kind: Some("reaction".into()),
        raw: Some(raw),
        phone_number_id: Some(message.phone_number_id.clone()),
        ..Writing::default()
    };
    say(sim, &person.id, writing).map(drop)
}

async fn upload(State(sim): State<Sim>, Query(query): Query<HashMap<String, String>>, mut form: Multipart) -> Answer {
    let number = number(&sim, query.get("phone_number_id").map(String::as_str))?;
    let broken = |_| Problem(StatusCode::BAD_REQUEST, "the upload is not a multipart form".into());
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() != Some("file") {
            continue;
        }
        let name = field.file_name().map(str::to_owned);
        let mime = field.content_type().unwrap_or("application/octet-stream").to_owned();
        let bytes = field.bytes().await.map_err(broken)?;
        let (id, media) = sim.store.add_media(&number.phone_number_id, bytes, &mime, name);
        return Ok(axum::Json(
            json!({ "id": id, "mime": media.mime, "size": media.bytes.len() }),
        ));
    }
    bad("file is missing")
}

/// For the phone page. Served so that nothing inside can run as a page of this origin.
async fn file(State(sim): State<Sim>, Path(id): Path<String>) -> Response {
    let Some(media) = sim.store.media(&id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, media.mime),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'".to_owned(),
        ),
        (header::CACHE_CONTROL, "private, max-age=86400".to_owned()),
    ];
    (headers, media.bytes).into_response()
}
