//! The endpoints of the platform.

use crate::config::Number;
use crate::store::{Message, Person, message_id, now, phone_digits};
use crate::validate::{self, Refused, To};
use crate::{Sim, webhook};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rand::Rng as _;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

/// The largest upload the platform takes is 100 MB.
const BODY_MAX: usize = 105 * 1024 * 1024;

type Params = HashMap<String, String>;
type Answer = Result<Response, Refused>;

pub fn routes() -> Router<Sim> {
    Router::new()
        .route("/_media/{id}", axum::routing::get(file))
        .route("/{version}/{id}", axum::routing::any(node))
        .route("/{version}/{id}/{edge}", axum::routing::any(edge))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .fallback(|| async { Refused::new(100, "Unsupported request").into_response() })
}

fn ok(value: Value) -> Answer {
    Ok(axum::Json(value).into_response())
}

fn success() -> Answer {
    ok(json!({ "success": true }))
}

fn bearer(headers: &HeaderMap, query: &Params) -> Option<String> {
    let header = headers.get(header::AUTHORIZATION).and_then(|h| h.to_str().ok());
    header
        .and_then(|h| h.strip_prefix("Bearer "))
        .map(str::to_owned)
        .or_else(|| query.get("access_token").cloned())
}

/// What a token opens.
enum Key {
    Everything,
    /// The number that has it, with its account.
    Own(String),
}

impl Key {
    fn of(sim: &Sim, token: String) -> Option<Self> {
        if sim.config.tokens.contains(&token) {
            Some(Self::Everything)
        } else {
            sim.store.knows_token(&token).then_some(Self::Own(token))
        }
    }

    fn opens(&self, number: &Number) -> bool {
        match self {
            Self::Everything => true,
            Self::Own(token) => number.access_token.as_ref() == Some(token),
        }
    }
}

fn entry(sim: &Sim, version: &str, headers: &HeaderMap, query: &Params) -> Result<Key, Refused> {
    let known = version
        .strip_prefix('v')
        .and_then(|v| v.strip_suffix(".0"))
        .and_then(|v| v.parse::<u32>().ok())
        .is_some_and(|v| (17..=99).contains(&v));
    if !known {
        return Err(Refused::new(100, format!("Unknown path components: /{version}")));
    }
    bearer(headers, query)
        .and_then(|token| Key::of(sim, token))
        .ok_or_else(|| Refused::new(190, "The access token could not be decrypted"))
}

fn number(sim: &Sim, key: &Key, id: &str) -> Option<Number> {
    sim.store.number(id).filter(|n| key.opens(n))
}

fn account(sim: &Sim, key: &Key, id: &str) -> Option<Number> {
    sim.store.account(id).filter(|n| key.opens(n))
}

async fn read_json(request: Request) -> Result<Value, Refused> {
    let bytes = Bytes::from_request(request, &())
        .await
        .map_err(|_| Refused::new(100, "The body is too large"))?;
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&bytes)
        .map_err(|_| Refused::new(100, "The body is not JSON"))
        .and_then(|v: Value| {
            if v.is_object() {
                Ok(v)
            } else {
                Err(Refused::new(100, "The body is not an object"))
            }
        })
}

async fn node(
    State(sim): State<Sim>,
    Path((version, id)): Path<(String, String)>,
    Query(query): Query<Params>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let key = entry(&sim, &version, &headers, &query)?;
    pause(&sim).await;
    let method = request.method().clone();
    if let Some(number) = number(&sim, &key, &id) {
        return match method {
            Method::GET => ok(select(number_node(&sim, &number), &query)),
            Method::POST => success(),
            _ => Err(Refused::new(100, "Unsupported request")),
        };
    }
    if account(&sim, &key, &id).is_some() {
        return ok(select(
            json!({ "id": id, "name": "Ronda Sandbox", "currency": "ARS", "timezone_id": "3" }),
            &query,
        ));
    }
    if let Some(media) = sim.store.media(&id).filter(|m| number(&sim, &key, &m.number).is_some()) {
        if query.get("phone_number_id").is_some_and(|owner| *owner != media.number) {
            return Err(Refused::unknown_object(&id));
        }
        if method == Method::DELETE {
            sim.store.delete_media(&id);
            return success();
        }
        // The address is on the host the caller already talks to, as the platform's own is on its own hosts.
        let host = headers
            .get(header::HOST)
            .and_then(|h| h.to_str().ok())
            .unwrap_or("127.0.0.1");
        let until = now() / 1_000 + sim.config.media_url_seconds;
        let size = media.bytes.len().to_string();
        return ok(
            json!({ "messaging_product": "whatsapp", "url": format!("http://{host}/_media/{id}?until={until}"),
            "mime_type": media.mime, "sha256": media.sha256, "file_size": size, "id": id }),
        );
    }
    if let Some((_, template)) = sim.store.template(&id).filter(|t| account(&sim, &key, &t.0).is_some()) {
        if method != Method::POST {
            return ok(select(template, &query));
        }
        let changes = read_json(request).await?;
        sim.store.change_template(&id, |t| {
            for key in ["components", "category"] {
                if let Some(value) = changes.get(key) {
                    t[key] = value.clone();
                }
            }
            t["status"] = "PENDING".into();
        });
        review(&sim, id);
        return success();
    }
    if id == "debug_token" || id == "me" {
        return ok(
            json!({ "data": { "app_id": "300000000000001", "application": "Simulator", "is_valid": true,
            "expires_at": 0, "scopes": ["whatsapp_business_messaging", "whatsapp_business_management"] } }),
        );
    }
    Err(Refused::unknown_object(&id))
}

fn number_node(sim: &Sim, number: &Number) -> Value {
    let registered = sim.store.registered(&number.phone_number_id);
    json!({ "id": number.phone_number_id, "display_phone_number": number.display_phone,
        "verified_name": number.verified_name, "quality_rating": "GREEN", "name_status": "APPROVED",
        "code_verification_status": "VERIFIED", "status": if registered { "CONNECTED" } else { "DISCONNECTED" },
        "platform_type": "CLOUD_API", "throughput": { "level": "STANDARD" }, "account_mode": "SANDBOX",
        "is_official_business_account": false, "is_pin_enabled": registered,
        "health_status": { "can_send_message": if registered { "AVAILABLE" } else { "BLOCKED" }, "entities": [] },
        "whatsapp_business_manager_messaging_limit": "TIER_2K" })
}

/// Only the asked fields, as the platform answers; nested selections choose the whole field.
fn select(mut object: Value, query: &Params) -> Value {
    if let (Some(fields), Some(map)) = (query.get("fields"), object.as_object_mut()) {
        let wanted: Vec<&str> = fields
            .split(',')
            .map(|f| f.split('{').next().unwrap_or(f).trim())
            .collect();
        map.retain(|key, _| key == "id" || wanted.contains(&key.as_str()));
    }
    object
}

/// A page of a list: `limit`, `after`.
fn page(all: Vec<Value>, query: &Params) -> Value {
    let limit = query
        .get("limit")
        .and_then(|l| l.parse().ok())
        .unwrap_or(25_usize)
        .clamp(1, 500);
    let from = query
        .get("after")
        .and_then(|a| a.strip_prefix("C"))
        .and_then(|a| a.parse().ok())
        .unwrap_or(0_usize);
    let count = all.len();
    let data: Vec<Value> = all
        .into_iter()
        .skip(from)
        .take(limit)
        .map(|v| select(v, query))
        .collect();
    let end = from + data.len();
    let mut paging = json!({ "cursors": { "before": format!("C{from}"), "after": format!("C{end}") } });
    if end < count {
        paging["next"] = format!("https://graph.facebook.com/next?after=C{end}").into();
    }
    json!({ "data": data, "paging": paging })
}

async fn edge(
    State(sim): State<Sim>,
    Path((version, id, edge)): Path<(String, String, String)>,
    Query(query): Query<Params>,
    headers: HeaderMap,
    request: Request,
) -> Answer {
    let key = entry(&sim, &version, &headers, &query)?;
    pause(&sim).await;
    let method = request.method().clone();
    if let Some(number) = number(&sim, &key, &id) {
        return match (method, edge.as_str()) {
            (Method::POST, "messages") => messages(&sim, &number, read_json(request).await?).await,
            (Method::POST, "media") => upload(&sim, &number, request).await,
            (Method::GET, "whatsapp_business_profile") => ok(json!({ "data": [sim.store.profile(&id)] })),
            (Method::POST, "whatsapp_business_profile") => {
                let changes = read_json(request).await?;
                sim.store
                    .set_profile(&id, changes.as_object().unwrap_or(&serde_json::Map::new()));
                success()
            }
            (Method::POST, "register") => {
                let pin = read_json(request).await?["pin"].as_str().unwrap_or_default().to_owned();
                if pin.len() != 6 || !pin.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(Refused::new(100, "pin must be six digits"));
                }
                if pin == "000000" {
                    return Err(Refused::new(133_005, "Two-step verification PIN mismatch"));
                }
                sim.store.register(&id, true);
                success()
            }
            (Method::POST, "deregister") => {
                sim.store.register(&id, false);
                success()
            }
            (Method::POST, "request_code" | "verify_code" | "settings" | "conversational_automation") => success(),
            (Method::GET, "block_users") => {
                let all = sim
                    .store
                    .blocked(&id)
                    .into_iter()
                    .map(|p| json!({ "messaging_product": "whatsapp", "wa_id": p }));
                ok(page(all.collect(), &query))
            }
            (Method::POST | Method::DELETE, "block_users") => {
                let blocking = request.method() == Method::POST;
                let body = read_json(request).await?;
                let mut done = Vec::new();
                for user in body["block_users"].as_array().map(Vec::as_slice).unwrap_or_default() {
                    let Some(digits) = user["user"].as_str().and_then(|u| phone_digits(u, Some(&number))) else {
                        continue;
                    };
                    sim.store.block(&id, &digits, blocking);
                    done.push(json!({ "input": user["user"], "wa_id": digits }));
                }
                let key = if blocking { "added_users" } else { "removed_users" };
                ok(json!({ "messaging_product": "whatsapp", "block_users": { key: done } }))
            }
            _ => Err(Refused::new(100, format!("Unknown path components: /{edge}"))),
        };
    }
    if account(&sim, &key, &id).is_some() {
        return match (method, edge.as_str()) {
            (Method::GET, "phone_numbers") => {
                let all = sim.store.numbers().into_iter().filter(|n| n.waba_id == id);
                ok(page(all.map(|n| number_node(&sim, &n)).collect(), &query))
            }
            (Method::GET, "message_templates") => {
                let wanted = |t: &Value| {
                    ["status", "name", "language", "category"]
                        .iter()
                        .all(|key| query.get(*key).is_none_or(|value| t[*key] == value.as_str()))
                };
                ok(page(
                    sim.store.templates(&id).into_iter().filter(wanted).collect(),
                    &query,
                ))
            }
            (Method::POST, "message_templates") => create_template(&sim, &id, read_json(request).await?),
            (Method::DELETE, "message_templates") => {
                let Some(name) = query.get("name") else {
                    return Err(Refused::new(100, "name is required"));
                };
                match sim
                    .store
                    .delete_templates(&id, name, query.get("hsm_id").map(String::as_str))
                {
                    0 => Err(Refused::new(100, "Message template was not found")),
                    _ => success(),
                }
            }
            (Method::GET, "subscribed_apps") => {
                let app = json!({ "id": "300000000000001", "name": "Simulator", "link": "https://example.com" });
                ok(json!({ "data": match sim.store.subscription(&id) {
                    None => vec![],
                    Some(None) => vec![json!({ "whatsapp_business_api_data": app })],
                    Some(Some(uri)) => vec![json!({ "whatsapp_business_api_data": app, "override_callback_uri": uri })],
                } }))
            }
            (Method::POST, "subscribed_apps") => {
                let body = read_json(request).await?;
                let callback = body["override_callback_uri"]
                    .as_str()
                    .filter(|u| !u.is_empty())
                    .map(str::to_owned);
                if let Some(callback) = &callback
                    && !webhook::handshake(&sim, callback, body["verify_token"].as_str().unwrap_or_default()).await
                {
                    return Err(Refused::new(
                        100,
                        "The callback did not answer the verification request",
                    ));
                }
                sim.store.subscribe(&id, callback);
                sim.keep_numbers();
                success()
            }
            (Method::DELETE, "subscribed_apps") => {
                sim.store.unsubscribe(&id);
                sim.keep_numbers();
                success()
            }
            _ => Err(Refused::new(100, format!("Unknown path components: /{edge}"))),
        };
    }
    Err(Refused::unknown_object(&id))
}

async fn pause(sim: &Sim) {
    let pause = sim.store.faults().answer_delay_ms;
    if pause > 0 {
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

fn chance(rate: f64) -> bool {
    rate > 0.0 && rand::rng().random_bool(rate.clamp(0.0, 1.0))
}

async fn messages(sim: &Sim, number: &Number, body: Value) -> Answer {
    if body["status"] == "read" {
        let id = body["message_id"].as_str().unwrap_or_default();
        let Some(message) = sim.store.business_read(id) else {
            return Err(Refused::new(131_009, "message_id is not a message to this number"));
        };
        if body.get("typing_indicator").is_some() {
            sim.store.announce(
                "typing",
                json!({ "phone_number_id": number.phone_number_id, "person": message.person,
                "by": "business", "until": now() + 25_000 }),
            );
        }
        return success();
    }
    let faults = sim.store.faults();
    if let Some(code) = faults.error_code.filter(|_| chance(faults.error_rate)) {
        return Err(Refused::new(code, "Simulated by the fault switches"));
    }
    if !sim.store.registered(&number.phone_number_id) {
        return Err(Refused::new(133_010, "Register the number before sending"));
    }
    let accepted = validate::message(sim, number, &body)?;
    let (person, input): (Person, String) = match &accepted.to {
        To::UserId(id) => match sim.store.person_by_user_id(id) {
            Some(person) => (person, id.clone()),
            None => {
                return Err(Refused::new(
                    131_009,
                    format!("recipient: {id} is not known to this portfolio"),
                ));
            }
        },
        To::Digits(digits) => {
            let magic = digits.strip_prefix("999").and_then(|code| code.parse().ok());
            if let Some(code) = faults.by_number.get(digits).copied().or(magic) {
                return Err(Refused::new(code, "Simulated for this number"));
            }
            let input = body["to"].as_str().unwrap_or_default().to_owned();
            (sim.store.person_or(digits, |p| p.name = format!("+{digits}")), input)
        }
    };
    sim.store
        .admit(&number.phone_number_id, &person.id, &sim.config)
        .map_err(|code| Refused::new(code, "Too many messages in a short time"))?;
    let closed = accepted.kind != "template" && !sim.store.window_open(&number.phone_number_id, &person.id);
    let window = closed.then(|| {
        Refused::new(
            131_047,
            "Message failed to send because more than 24 hours have passed since the customer last replied",
        )
    });
    if let Some(refused) = window.clone().filter(|_| !faults.window_by_status) {
        return Err(refused);
    }
    let is_template = accepted.kind == "template";
    let message = Message {
        id: message_id(),
        phone_number_id: number.phone_number_id.clone(),
        person: person.id.clone(),
        from_customer: false,
        kind: accepted.kind,
        body: accepted.body,
        rendered: accepted.rendered,
        at: now(),
        status: "accepted".into(),
        error: None,
        reply_to: accepted.reply_to,
        edited: false,
        deleted: false,
        reaction_customer: None,
        reaction_business: None,
        callback_data: accepted.callback_data,
    };
    sim.store.add(message.clone());
    sim.store.count("sends_accepted");
    let later = faults.failed_code.filter(|_| chance(faults.failed_rate));
    let failure = window.or_else(|| later.map(|code| Refused::new(code, "Simulated by the fault switches")));
    tokio::spawn(life(sim.clone(), message.clone(), person.clone(), failure));
    if chance(faults.lost_answer_rate) {
        sim.store.count("answers_lost");
        return Ok(lost());
    }
    let mut contact = json!({ "input": input });
    if !(person.hide_phone || faults.hide_phones) {
        contact["wa_id"] = person.id.as_str().into();
    }
    if !faults.no_user_ids {
        contact["user_id"] = person.user_id.as_str().into();
    }
    let mut told = json!({ "id": message.id });
    if is_template {
        told["message_status"] = "accepted".into();
    }
    ok(json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [told] }))
}

/// An answer that breaks off: the connection closes in the middle of the body.
fn lost() -> Response {
    let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("simulated loss")) });
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/json")],
        Body::from_stream(broken),
    )
        .into_response()
}

/// The states of an outgoing message, from sent to read.
async fn life(sim: Sim, message: Message, person: Person, failure: Option<Refused>) {
    let faults = sim.store.faults();
    let delays = sim.config.delays.clone();
    let wait = |ms: u64| {
        let stop = sim.stop.clone();
        async move {
            tokio::select! {
                () = stop.cancelled() => false,
                () = tokio::time::sleep(Duration::from_millis(ms)) => true,
            }
        }
    };
    if !wait(delays.sent_ms).await {
        return;
    }
    if let Some(refused) = failure {
        let error = refused.reported();
        sim.store.change(&message.id, |m| {
            m.status = "failed".into();
            m.error = Some(error.clone());
        });
        webhook::status(&sim, &message, "failed", now(), Some(&error));
        return;
    }
    let sent_at = now();
    sim.store.change(&message.id, |m| m.status = "sent".into());
    // A reaction knows no further state.
    if message.kind == "reaction" {
        return webhook::status(&sim, &message, "sent", sent_at, None);
    }
    if !faults.reverse_statuses {
        webhook::status(&sim, &message, "sent", sent_at, None);
    }
    if sim.store.blocked(&message.phone_number_id).contains(&person.id) || !wait(delays.delivered_ms).await {
        return;
    }
    let delivered_at = now();
    sim.store.change(&message.id, |m| m.status = "delivered".into());
    if !faults.reverse_statuses && !faults.skip_delivered {
        webhook::status(&sim, &message, "delivered", delivered_at, None);
    }
    sim.traffic.arrived(&message);
    let reads = person.auto_read && !faults.never_read;
    if reads && !wait(delays.read_ms).await {
        return;
    }
    if faults.reverse_statuses {
        if reads {
            read(&sim, &message, now());
        }
        webhook::status(&sim, &message, "delivered", delivered_at, None);
        webhook::status(&sim, &message, "sent", sent_at, None);
    } else if reads {
        read(&sim, &message, now());
    }
}

/// The person saw this message.
pub fn read(sim: &Sim, message: &Message, at: i64) {
    let mut newly = false;
    sim.store.change(&message.id, |m| {
        newly = m.status == "delivered";
        if newly {
            m.status = "read".into();
        }
    });
    if newly && !sim.store.faults().never_read {
        webhook::status(sim, message, "read", at, None);
    }
}

async fn upload(sim: &Sim, number: &Number, request: Request) -> Answer {
    let bad = |_| Refused::new(100, "The upload is not a multipart form");
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| Refused::new(100, "A multipart form is needed"))?;
    let (mut product, mut kind, mut found) = (None, None, None);
    while let Some(field) = form.next_field().await.map_err(bad)? {
        match field.name().unwrap_or_default() {
            "messaging_product" => product = Some(field.text().await.map_err(bad)?),
            "type" => kind = Some(field.text().await.map_err(bad)?),
            "file" => {
                let name = field.file_name().map(str::to_owned);
                let mime = field.content_type().map(str::to_owned);
                found = Some((name, mime, field.bytes().await.map_err(bad)?));
            }
            _ => {}
        }
    }
    if product.as_deref() != Some("whatsapp") {
        return Err(Refused::new(100, "The parameter messaging_product is required."));
    }
    let Some((name, mime, bytes)) = found else {
        return Err(Refused::new(100, "The parameter file is required."));
    };
    let mime = mime.or(kind).unwrap_or_else(|| "application/octet-stream".into());
    let group = match mime.split('/').next() {
        Some("image") if mime == "image/webp" => "sticker",
        Some(group @ ("image" | "video" | "audio")) => group,
        _ => "document",
    };
    let (types, max) = validate::media_rule(group);
    let bare = mime.split(';').next().unwrap_or_default().trim();
    if (!types.is_empty() && !types.contains(&bare)) || bare == "application/octet-stream" {
        return Err(Refused::new(131_053, format!("{bare} is not supported")));
    }
    if bytes.is_empty() || bytes.len() > max {
        return Err(Refused::new(
            131_053,
            format!("A file of this type has 1 to {max} bytes"),
        ));
    }
    let (id, _) = sim.store.add_media(&number.phone_number_id, bytes, &mime, name);
    ok(json!({ "id": id }))
}

/// The bytes of a file: with the token, and only while the address is good.
async fn file(
    State(sim): State<Sim>,
    Path(id): Path<String>,
    Query(query): Query<Params>,
    headers: HeaderMap,
) -> Response {
    let header_only = Params::new();
    let key = bearer(&headers, &header_only).and_then(|token| Key::of(&sim, token));
    let good = query
        .get("until")
        .and_then(|u| u.parse::<i64>().ok())
        .is_some_and(|until| until > now() / 1_000);
    let opens = |media: &crate::store::Media| key.as_ref().is_some_and(|k| number(&sim, k, &media.number).is_some());
    match sim.store.media(&id).filter(|media| good && opens(media)) {
        Some(media) => ([(header::CONTENT_TYPE, media.mime)], media.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn create_template(sim: &Sim, waba: &str, mut template: Value) -> Answer {
    let name = template["name"].as_str().unwrap_or_default().to_owned();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 512 || !name.chars().all(fits) {
        return Err(Refused::new(
            100,
            "name: lower case letters, digits and underscores only",
        ));
    }
    if template["language"].as_str().is_none_or(str::is_empty) {
        return Err(Refused::new(100, "language is required"));
    }
    let category = template["category"].as_str().unwrap_or_default().to_owned();
    if !["MARKETING", "UTILITY", "AUTHENTICATION"].contains(&category.as_str()) {
        return Err(Refused::new(
            100,
            "category must be MARKETING, UTILITY or AUTHENTICATION",
        ));
    }
    let body = template["components"]
        .as_array()
        .and_then(|all| all.iter().find(|c| c["type"] == "BODY"));
    let text = body.and_then(|b| b["text"].as_str()).unwrap_or_default();
    if category != "AUTHENTICATION" && (text.is_empty() || text.chars().count() > 1_024) {
        return Err(Refused::new(2_388_072, "BODY must hold 1 to 1024 characters"));
    }
    if text.starts_with("{{") || text.ends_with("}}") {
        return Err(Refused::new(
            2_388_299,
            "Variables can't be at the start or end of the template",
        ));
    }
    template["status"] = "PENDING".into();
    if template.get("parameter_format").is_none() {
        template["parameter_format"] = "POSITIONAL".into();
    }
    let Some(id) = sim.store.add_template(waba, template) else {
        return Err(Refused::new(
            2_388_023,
            "There is already content in this language for this template",
        ));
    };
    review(sim, id.clone());
    ok(json!({ "id": id, "status": "PENDING", "category": category }))
}

/// After a while a template is approved, or rejected when its name says so.
fn review(sim: &Sim, id: String) {
    let sim = sim.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = sim.stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(sim.config.template_review_ms)) => {}
        }
        let decided = sim.store.change_template(&id, |t| {
            let bad = t["name"]
                .as_str()
                .is_some_and(|n| n.contains("rechaz") || n.contains("reject"));
            t["status"] = if bad { "REJECTED" } else { "APPROVED" }.into();
            t["rejected_reason"] = if bad { "INVALID_FORMAT" } else { "NONE" }.into();
        });
        let Some((waba, template)) = decided else { return };
        let Some(number) = sim.store.account(&waba) else { return };
        let value = json!({ "event": template["status"], "message_template_id": id.parse::<u64>().unwrap_or_default(),
            "message_template_name": template["name"], "message_template_language": template["language"],
            "message_template_category": template["category"], "reason": template["rejected_reason"] });
        webhook::send(&sim, &number, "message_template_status_update", value, &waba, None);
    });
}
