//! The simulator over real HTTP, through the connector that talks to the real platform.

use axum::Router;
use axum::body::Bytes as BodyBytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use bytes::Bytes;
use ronda_channels::inbound::{InboundEvent, InboundKind, InboundMessage, StatusUpdate};
use ronda_channels::outcome::{ErrorClass, SendOutcome};
use ronda_channels::signature;
use ronda_channels::whatsapp::{GraphClient, GraphConfig, Recipient, parse, render};
use ronda_domain::Ms;
use ronda_domain::content::{Choice, Content, Interactive, Media};
use ronda_simulator::{Config, Delays, Simulator};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const NUMBER: &str = "100000000000001";
const WABA: &str = "200000000000001";
const TOKEN: &str = "sim-token";
const JULIA: &str = "5491155550001";

#[derive(Clone, Default)]
struct Inbox {
    events: Arc<Mutex<Vec<InboundEvent>>>,
    bodies: Arc<Mutex<Vec<String>>>,
    /// How many webhooks to refuse first.
    refuse: Arc<AtomicU32>,
}

struct Rig {
    sim: Simulator,
    inbox: Inbox,
    graph: GraphClient,
    http: reqwest::Client,
}

async fn callback(State(inbox): State<Inbox>, headers: HeaderMap, body: BodyBytes) -> StatusCode {
    let header = headers.get("x-hub-signature-256").and_then(|h| h.to_str().ok());
    assert!(
        signature::verify(header, &body, &["sim-app-secret"]),
        "the signature fits the exact bytes"
    );
    if inbox
        .refuse
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
        .is_ok()
    {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    inbox
        .bodies
        .lock()
        .unwrap()
        .push(String::from_utf8(body.to_vec()).unwrap());
    let parts = parse(&body, Ms(0));
    inbox.events.lock().unwrap().extend(
        parts
            .iter()
            .map(|p| p.event().unwrap_or_else(|| panic!("{p:?}")).clone()),
    );
    StatusCode::OK
}

async fn verify(Query(query): Query<HashMap<String, String>>) -> Result<String, StatusCode> {
    let text = |key: &str| query.get(key).map(String::as_str);
    let ask = signature::Handshake {
        mode: text("hub.mode"),
        verify_token: text("hub.verify_token"),
        challenge: text("hub.challenge"),
    };
    ask.answer(&["sim-verify"])
        .map(str::to_owned)
        .ok_or(StatusCode::FORBIDDEN)
}

async fn rig(change: impl FnOnce(&mut Config)) -> Rig {
    let inbox = Inbox::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callback_url = format!("http://{}/webhooks/meta", listener.local_addr().unwrap());
    let app = Router::new()
        .route("/webhooks/meta", get(verify).post(callback))
        .with_state(inbox.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        callback_url,
        delays: Delays {
            sent_ms: 20,
            delivered_ms: 40,
            read_ms: 60,
        },
        webhook_retry_ms: 20,
        template_review_ms: 30,
        ..Config::default()
    };
    change(&mut config);
    let sim = ronda_simulator::start(config).await.unwrap();
    let config = GraphConfig {
        base_url: sim.base_url(),
        timeout: Duration::from_secs(3),
        ..GraphConfig::default()
    };
    let graph = GraphClient::new(&config).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let rig = Rig {
        sim,
        inbox,
        graph,
        http,
    };
    rig.post(
        "/_sim/people",
        json!({"name": "Julia Prueba", "phone": format!("+{JULIA}")}),
    )
    .await;
    rig
}

impl Rig {
    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.try_post(path, body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    async fn try_post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let answer = self
            .http
            .post(self.sim.base_url() + path)
            .json(&body)
            .send()
            .await
            .unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        self.http
            .get(self.sim.base_url() + path)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn says(&self, text: &str) -> String {
        let path = format!("/_sim/people/{JULIA}/messages");
        let message = self.post(&path, json!({"text": text})).await;
        message["id"].as_str().unwrap().to_owned()
    }

    async fn send(&self, content: &Content) -> SendOutcome {
        let body = render(&Recipient::Phone(JULIA.into()), content, None, "job-1").unwrap();
        self.graph.send(NUMBER, TOKEN, &body).await
    }

    async fn sent(&self, content: &Content) -> String {
        match self.send(content).await {
            SendOutcome::Sent { provider_id, .. } => provider_id,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the events received satisfy `found`.
    async fn until<T>(&self, what: &str, found: impl Fn(&[InboundEvent]) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            if let Some(result) = found(&self.inbox.events.lock().unwrap()) {
                return result;
            }
            assert!(
                Instant::now() < end,
                "{what} did not come: {:?}",
                self.inbox.events.lock().unwrap()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn messages(&self, count: usize) -> Vec<InboundMessage> {
        self.until("messages", |events| {
            let all: Vec<_> = events
                .iter()
                .filter_map(|e| {
                    if let InboundKind::Message(m) = &e.kind {
                        Some(m.clone())
                    } else {
                        None
                    }
                })
                .collect();
            (all.len() >= count).then_some(all)
        })
        .await
    }

    async fn statuses(&self, id: &str, count: usize) -> Vec<StatusUpdate> {
        self.until("statuses", |events| {
            let all: Vec<_> = events
                .iter()
                .filter_map(|e| {
                    if let InboundKind::Status(s) = &e.kind {
                        Some(s.clone())
                    } else {
                        None
                    }
                })
                .filter(|s| s.provider_id == id)
                .collect();
            (all.len() >= count).then_some(all)
        })
        .await
    }

    async fn words(&self, id: &str, count: usize) -> Vec<String> {
        self.statuses(id, count).await.into_iter().map(|s| s.status).collect()
    }
}

#[tokio::test]
async fn plat_13_a_conversation_goes_both_ways_with_signed_webhooks_and_states_in_order() {
    let rig = rig(|_| {}).await;
    let id = rig.says("¡Hola! ¿Están abiertos? 😀 1/2").await;
    let message = rig.messages(1).await.remove(0);
    assert_eq!(
        (message.provider_id.as_str(), &message.content),
        (id.as_str(), &Content::text("¡Hola! ¿Están abiertos? 😀 1/2"))
    );
    assert_eq!(message.from.name.as_deref(), Some("Julia Prueba"));
    assert_eq!(message.from.wa_id.as_deref(), Some(JULIA));
    assert!(message.from.user_id.as_deref().is_some_and(|u| u.starts_with("AR.")));
    let raw = rig.inbox.bodies.lock().unwrap()[0].clone();
    assert!(
        raw.is_ascii() && raw.contains("\\u00a1Hola") && raw.contains("1\\/2"),
        "{raw}"
    );

    let out = rig.sent(&Content::text("Sí, hasta las 18")).await;
    assert_eq!(rig.words(&out, 3).await, ["sent", "delivered", "read"]);
    let statuses = rig.statuses(&out, 3).await;
    assert!(statuses.iter().all(|s| s.callback_data.as_deref() == Some("job-1")));
    assert!(statuses.windows(2).all(|p| p[0].at <= p[1].at));

    rig.graph.send_read(NUMBER, TOKEN, &id, true).await.unwrap();
    let thread = rig.get(&format!("/_sim/people/{JULIA}/thread")).await;
    let seen: Vec<_> = thread["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["status"].as_str().unwrap())
        .collect();
    assert_eq!(seen, ["read", "read"]);
    rig.sim.stop().await.unwrap();
}

#[tokio::test]
async fn core_4_outside_the_window_only_templates_go() {
    let rig = rig(|_| {}).await;
    let refused = |outcome: SendOutcome, code: i64| match outcome {
        SendOutcome::Rejected { error } => assert_eq!(error.code, code, "{error}"),
        other => panic!("{other:?}"),
    };
    refused(rig.send(&Content::text("Hola")).await, 131_047);
    let template = |name: &str, text: &[&str]| Content::Template {
        name: name.into(),
        language: "es_AR".into(),
        components: vec![json!({"type": "body",
            "parameters": text.iter().map(|t| json!({"type": "text", "text": t})).collect::<Vec<_>>()})],
        preview: String::new(),
    };
    refused(rig.send(&template("no_existe", &["x"])).await, 132_001);
    refused(rig.send(&template("bienvenida", &["x", "y"])).await, 132_000);
    let out = rig.sent(&template("bienvenida", &["Julia"])).await;
    rig.words(&out, 3).await;
    let thread = rig.get(&format!("/_sim/people/{JULIA}/thread")).await;
    let shown = thread.pointer("/messages/0/rendered/body").unwrap();
    assert_eq!(
        shown,
        "Hola Julia, gracias por escribirnos. ¿En qué podemos ayudarle hoy?"
    );

    rig.says("Hola").await;
    rig.sent(&Content::text("Buen día")).await;
    rig.post(&format!("/_sim/people/{JULIA}/close_window"), json!({})).await;
    refused(rig.send(&Content::text("¿Sigue ahí?")).await, 131_047);
    rig.post("/_sim/faults", json!({"window_by_status": true})).await;
    let late = rig.sent(&Content::text("¿Sigue ahí?")).await;
    let failed = rig.statuses(&late, 1).await.remove(0);
    assert_eq!(
        (failed.status.as_str(), failed.errors[0].class),
        ("failed", ErrorClass::WindowClosed)
    );
}

#[tokio::test]
async fn every_kind_a_customer_can_send_is_understood() {
    let rig = rig(|_| {}).await;
    rig.says("hola").await;
    let question = Interactive {
        body: "¿Confirma?".into(),
        buttons: vec![Choice {
            id: "si".into(),
            title: "Sí".into(),
            description: None,
        }],
        ..Interactive::default()
    };
    let asked = rig.sent(&Content::Interactive(question)).await;
    let path = format!("/_sim/people/{JULIA}/messages");
    let cases = [
        (
            json!({"kind": "image", "media_base64": "aGk=", "mime": "image/png", "caption": "Mire"}),
            "image",
        ),
        (
            json!({"kind": "voice", "media_base64": "aGk=", "mime": "audio/ogg"}),
            "audio",
        ),
        (
            json!({"kind": "document", "media_base64": "aGk=", "mime": "application/pdf", "filename": "a.pdf"}),
            "document",
        ),
        (
            json!({"kind": "sticker", "media_base64": "aGk=", "mime": "image/webp"}),
            "sticker",
        ),
        (
            json!({"kind": "location", "latitude": -34.6, "longitude": -58.4}),
            "location",
        ),
        (
            json!({"kind": "contacts", "name": "Marco", "text": "+54 11 5555 0002"}),
            "contacts",
        ),
        (
            json!({"kind": "button", "id": "si", "title": "Sí", "reply_to": asked}),
            "interactive_reply",
        ),
        (json!({"kind": "list", "id": "a", "title": "A"}), "interactive_reply"),
        (
            json!({"kind": "template_button", "title": "Confirmo"}),
            "interactive_reply",
        ),
        (json!({"kind": "form", "raw": {"email": "j@example.com"}}), "form_reply"),
        (json!({"kind": "unsupported", "text": "poll"}), "unsupported"),
        (json!({"kind": "hologram", "raw": {"depth": 3}}), "unsupported"),
    ];
    for (at, (writing, kind)) in cases.iter().enumerate() {
        rig.post(&path, writing.clone()).await;
        let all = rig.messages(at + 2).await;
        assert_eq!(all[at + 1].content.kind(), *kind, "{writing}");
    }
    let all = rig.messages(cases.len() + 1).await;
    assert_eq!(all[7].context.reply_to.as_deref(), Some(asked.as_str()));
    let media = all[1].content.media().unwrap().provider_media.clone().unwrap();
    let file = rig
        .graph
        .download_media(TOKEN, &media, Some(NUMBER), 1_000)
        .await
        .unwrap();
    assert_eq!(
        (file.bytes, file.mime.as_deref()),
        (Bytes::from_static(b"hi"), Some("image/png"))
    );
    for bad in [
        json!({"kind": "text"}),
        json!({"kind": "image"}),
        json!({"kind": "x"}),
        json!({"odd": 1}),
    ] {
        assert_eq!(
            rig.try_post(&path, bad.clone()).await.0,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn corrections_reactions_and_changes_of_address_are_told() {
    let rig = rig(|_| {}).await;
    let id = rig.says("horario?").await;
    rig.post(
        &format!("/_sim/people/{JULIA}/edit"),
        json!({"message": id, "text": "¿Qué horario tienen?"}),
    )
    .await;
    rig.post(
        &format!("/_sim/people/{JULIA}/react"),
        json!({"message": id, "emoji": "👍"}),
    )
    .await;
    rig.post(&format!("/_sim/people/{JULIA}/delete"), json!({"message": id}))
        .await;
    rig.post(&format!("/_sim/people/{JULIA}/rotate"), json!({})).await;
    rig.post(
        &format!("/_sim/people/{JULIA}/renumber"),
        json!({"phone": "+5491155550009"}),
    )
    .await;
    let kinds = rig
        .until("seven events", |events| {
            let kinds: Vec<&str> = events
                .iter()
                .map(|e| match &e.kind {
                    InboundKind::Message(m) => m.content.kind(),
                    InboundKind::Edited(e) if e.target == id => "edited",
                    InboundKind::Deleted(d) if d.target == id => "deleted",
                    InboundKind::IdentityChanged(_) => "identity",
                    _ => "other",
                })
                .collect();
            (kinds.len() == 7).then(|| kinds.join(" "))
        })
        .await;
    assert_eq!(kinds, "text edited reaction deleted identity identity identity");
}

#[tokio::test]
async fn core_6_2_hidden_phones_are_reached_by_user_id() {
    let rig = rig(|_| {}).await;
    rig.post(
        &format!("/_sim/people/{JULIA}"),
        json!({"hide_phone": true, "username": "@julia"}),
    )
    .await;
    rig.says("hola").await;
    let from = rig.messages(1).await.remove(0).from;
    assert_eq!(
        (from.phone.as_deref(), from.wa_id.as_deref(), from.username.as_deref()),
        (None, None, Some("julia"))
    );
    let body = render(&Recipient::of(&from).unwrap(), &Content::text("Hola"), None, "").unwrap();
    let SendOutcome::Sent {
        provider_id, contact, ..
    } = rig.graph.send(NUMBER, TOKEN, &body).await
    else {
        panic!()
    };
    assert_eq!((contact.wa_id, contact.user_id), (None, from.user_id));
    assert!(
        rig.statuses(&provider_id, 3)
            .await
            .iter()
            .all(|s| s.recipient.user_id.is_some())
    );
}

#[tokio::test]
async fn files_go_out_and_wrong_ones_are_refused() {
    let rig = rig(|_| {}).await;
    rig.says("hola").await;
    let bytes = Bytes::from_static(b"not really a picture");
    let id = rig
        .graph
        .upload_media(NUMBER, TOKEN, bytes, "image/png", "a.png")
        .await
        .unwrap();
    let image = |id: &str| {
        Content::Image(Media {
            provider_media: Some(id.into()),
            ..Media::default()
        })
    };
    rig.sent(&image(&id)).await;
    let SendOutcome::Rejected { error } = rig.send(&image("1")).await else {
        panic!()
    };
    assert_eq!(error.code, 131_009);
    let wrong = rig
        .graph
        .upload_media(NUMBER, TOKEN, Bytes::from_static(b"x"), "image/gif", "a.gif")
        .await;
    assert!(wrong.unwrap_err().to_string().contains("131053"));
    // The address needs the token.
    let info = rig.graph.media_info(TOKEN, &id, None).await.unwrap();
    assert_eq!(
        rig.http.get(&info.url).send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_account_can_be_read_and_subscribed_and_strangers_are_refused() {
    let rig = rig(|_| {}).await;
    let number = rig.graph.read_number(TOKEN, NUMBER).await.unwrap();
    assert_eq!(
        (number.display_phone.as_str(), number.status.as_deref()),
        ("+54 9 11 5555-0100", Some("CONNECTED"))
    );
    assert!(
        rig.graph
            .read_number("wrong", NUMBER)
            .await
            .unwrap_err()
            .to_string()
            .contains("code 190")
    );
    assert!(
        rig.graph
            .read_number(TOKEN, "123")
            .await
            .unwrap_err()
            .to_string()
            .contains("code 100")
    );
    rig.graph.subscribe_app(TOKEN, WABA, None).await.unwrap();
    let own = rig.get("/_sim/state").await["callback_url"]
        .as_str()
        .unwrap()
        .to_owned();
    rig.graph
        .subscribe_app(TOKEN, WABA, Some((&own, "sim-verify")))
        .await
        .unwrap();
    assert!(
        rig.graph
            .subscribe_app(TOKEN, WABA, Some((&own, "guess")))
            .await
            .is_err()
    );
    let templates = rig.graph.templates(TOKEN, WABA).await.unwrap();
    assert!(templates.len() >= 5 && templates.iter().all(|t| t.status == "APPROVED"));

    let new = json!({"name": "nueva_plantilla", "language": "es_AR", "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Hola, su pedido está listo."}]});
    let url = format!("{}/v25.0/{WABA}/message_templates", rig.sim.base_url());
    let answer: Value = rig
        .http
        .post(&url)
        .bearer_auth(TOKEN)
        .json(&new)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["status"], "PENDING");
    rig.until("a review", |events| {
        events.iter().find_map(|e| match &e.kind {
            InboundKind::Other { field, raw } if field == "message_template_status_update" => {
                (raw["event"] == "APPROVED").then_some(())
            }
            _ => None,
        })
    })
    .await;
    let again: Value = rig
        .http
        .post(&url)
        .bearer_auth(TOKEN)
        .json(&new)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(again.pointer("/error/code").unwrap(), 2_388_023);
}

#[tokio::test]
async fn refused_webhooks_are_repeated_until_accepted() {
    let rig = rig(|_| {}).await;
    rig.inbox.refuse.store(3, Ordering::SeqCst);
    let id = rig.says("hola").await;
    assert_eq!(rig.messages(1).await[0].provider_id, id);
    let counters = rig.get("/_sim/state").await["counters"].clone();
    assert_eq!(counters["webhooks_refused"], 3);
}

#[tokio::test]
async fn plat_13_2_the_faults_do_what_they_say() {
    let rig = rig(|_| {}).await;
    rig.says("hola").await;
    let hello = Content::text("Hola");
    let faults = |value: Value| rig.post("/_sim/faults", value);

    faults(json!({"duplicate_rate": 1.0})).await;
    rig.says("dos veces").await;
    let all = rig.messages(3).await;
    assert_eq!(all[1].provider_id, all[2].provider_id);

    faults(json!({"reset": true, "reverse_statuses": true})).await;
    let out = rig.sent(&hello).await;
    assert_eq!(rig.words(&out, 3).await, ["read", "delivered", "sent"]);
    let times: Vec<_> = rig.statuses(&out, 3).await.iter().map(|s| s.at).collect();
    assert!(times[0] >= times[1] && times[1] >= times[2]);

    faults(json!({"reset": true, "skip_delivered": true})).await;
    let out = rig.sent(&hello).await;
    assert_eq!(rig.words(&out, 2).await, ["sent", "read"]);

    faults(json!({"reset": true, "failed_code": 131_026, "failed_rate": 1.0})).await;
    let out = rig.sent(&hello).await;
    let failed = rig.statuses(&out, 1).await.remove(0);
    assert_eq!((failed.status.as_str(), failed.errors[0].code), ("failed", 131_026));

    faults(json!({"reset": true, "error_code": 131_000, "error_rate": 1.0})).await;
    assert!(matches!(rig.send(&hello).await, SendOutcome::Retry { error, .. } if error.code == 131_000));

    faults(json!({"reset": true, "lost_answer_rate": 1.0})).await;
    assert!(matches!(rig.send(&hello).await, SendOutcome::Uncertain { .. }));
    let thread = rig.get(&format!("/_sim/people/{JULIA}/thread")).await;
    assert_eq!(
        thread["messages"].as_array().unwrap().last().unwrap()["from_customer"],
        false,
        "it was carried out"
    );

    faults(json!({"reset": true, "drop_rate": 1.0})).await;
    let before = rig.inbox.events.lock().unwrap().len();
    rig.says("nunca llega").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    // Statuses of the lost answer may still have come; the message may not.
    assert!(
        rig.inbox.events.lock().unwrap()[before..]
            .iter()
            .all(|e| !matches!(e.kind, InboundKind::Message(_)))
    );

    faults(json!({"reset": true, "by_number": {JULIA: 131_050}})).await;
    assert!(matches!(rig.send(&hello).await, SendOutcome::Rejected { error } if error.code == 131_050));
    faults(json!({"reset": true})).await;
    let body = render(&Recipient::Phone("999131049".into()), &hello, None, "").unwrap();
    assert!(
        matches!(rig.graph.send(NUMBER, TOKEN, &body).await, SendOutcome::Rejected { error } if error.code == 131_049)
    );

    faults(json!({"reorder_rate": 1.0})).await;
    let slow = rig.says("primero").await;
    faults(json!({"reset": true})).await;
    let fast = rig.says("segundo").await;
    let all = rig
        .until("both", |events| {
            let ids: Vec<String> = events
                .iter()
                .filter_map(|e| match &e.kind {
                    InboundKind::Message(m) if m.provider_id == slow || m.provider_id == fast => {
                        Some(m.provider_id.clone())
                    }
                    _ => None,
                })
                .collect();
            (ids.len() == 2).then_some(ids)
        })
        .await;
    assert_eq!(all, [fast, slow]);
    assert_eq!(
        rig.try_post("/_sim/faults", json!({"no_such_fault": 1})).await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn batches_hold_several_changes() {
    let rig = rig(|_| {}).await;
    rig.post("/_sim/faults", json!({"batch": true, "webhook_delay_ms": 100}))
        .await;
    for text in ["uno", "dos", "tres"] {
        rig.says(text).await;
    }
    let all = rig.messages(3).await;
    assert_eq!(
        all.iter().map(|m| m.content.preview()).collect::<Vec<_>>(),
        ["uno", "dos", "tres"]
    );
    assert!(rig.inbox.bodies.lock().unwrap().len() < 3, "at least two came together");
}

#[tokio::test]
async fn too_many_messages_to_one_person_are_refused() {
    let rig = rig(|c| c.pair_burst = 2).await;
    rig.says("hola").await;
    let hello = Content::text("Hola");
    rig.sent(&hello).await;
    rig.sent(&hello).await;
    let SendOutcome::Retry { error, .. } = rig.send(&hello).await else {
        panic!()
    };
    assert_eq!((error.code, error.class), (131_056, ErrorClass::PairLimit));
}

#[tokio::test]
async fn plat_12_simulated_customers_write_and_react() {
    let rig = rig(|c| c.seed = Some(7)).await;
    rig.post(
        "/_sim/traffic",
        json!({"per_minute": 3_000, "speed": 300, "max_active": 6}),
    )
    .await;
    let first = rig.messages(3).await.remove(0);
    let before = rig.inbox.events.lock().unwrap().len();
    let to = Recipient::of(&first.from).unwrap();
    let body = render(&to, &Content::text("¿Cuál es su número de pedido?"), None, "").unwrap();
    rig.graph.send(NUMBER, TOKEN, &body).await;
    rig.until("an answer", |events| {
        events[before.min(events.len())..]
            .iter()
            .find(|e| matches!(&e.kind, InboundKind::Message(m) if m.from.wa_id == first.from.wa_id))
            .map(drop)
    })
    .await;
    rig.post("/_sim/traffic", json!({"per_minute": 0})).await;
    let state = rig.get("/_sim/state").await;
    assert!(state["active"].as_u64().unwrap() <= 6, "{state}");
    assert_eq!(
        rig.try_post("/_sim/traffic", json!({"per_minute": -1})).await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn events_can_be_polled_and_the_page_is_there() {
    let rig = rig(|_| {}).await;
    rig.says("hola").await;
    let events = rig.get("/_sim/events?after=0").await;
    let kinds: Vec<_> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"person") && kinds.contains(&"message"), "{kinds:?}");
    let page = rig.http.get(rig.sim.base_url() + "/phone").send().await.unwrap();
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}

#[tokio::test]
async fn it_listens_on_loopback_only_unless_told_otherwise() {
    let config = Config {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..Config::default()
    };
    assert!(ronda_simulator::start(config).await.is_err());
}

/// A made number has an account, a token and a secret of its own, which open nothing else; the next run knows it again.
#[tokio::test]
async fn plat_13_made_numbers_are_apart_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("numbers.json");
    let rig = rig(|c| {
        c.sandbox_key = Some("la palabra".into());
        c.numbers_file = Some(file.clone());
    })
    .await;
    let ask = async |path: &str, key: &str, body: Value| {
        let request = rig.http.post(rig.sim.base_url() + path).bearer_auth(key).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let of = |owner: &str| json!({ "owner": owner, "verified_name": "Tienda" });
    let (status, one) = ask("/_sim/numbers", "la palabra", of("a")).await;
    assert_eq!(status, StatusCode::CREATED, "{one}");
    assert_eq!(
        ask("/_sim/numbers", "la palabra", of("a")).await,
        (StatusCode::OK, one.clone())
    );
    let (_, two) = ask("/_sim/numbers", "la palabra", of("b")).await;
    assert_eq!(ask("/_sim/numbers", "otra", of("c")).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(
        ask("/_sim/numbers", "la palabra", of(" ")).await.0,
        StatusCode::BAD_REQUEST
    );
    let state = rig.get("/_sim/state").await;
    assert_eq!(state["numbers"].as_array().unwrap().len(), 3);
    let (token, secret) = (
        one["access_token"].as_str().unwrap(),
        one["app_secret"].as_str().unwrap(),
    );
    assert!(!state.to_string().contains(token) && !state.to_string().contains(secret));
    // Each token opens its own number; those of the configuration open all.
    let id = |n: &Value| n["phone_number_id"].as_str().unwrap().to_owned();
    let shown = rig.graph.read_number(token, &id(&one)).await.unwrap();
    assert_eq!(
        (shown.verified_name.as_str(), shown.display_phone.as_str()),
        ("Tienda", one["display_phone"].as_str().unwrap())
    );
    assert!(rig.graph.read_number(token, &id(&two)).await.is_err());
    assert!(rig.graph.read_number(token, NUMBER).await.is_err());
    assert!(
        rig.graph
            .templates(token, two["waba_id"].as_str().unwrap())
            .await
            .is_err()
    );
    assert!(
        !rig.graph
            .templates(token, one["waba_id"].as_str().unwrap())
            .await
            .unwrap()
            .is_empty()
    );
    rig.graph.read_number(TOKEN, &id(&two)).await.unwrap();
    // Nobody has named a callback of its own: the installation's app signs, which the inbox checks.
    let hello = json!({ "name": "Rosa", "text": "Buenas" });
    let (status, said) = ask(&format!("/_sim/numbers/{}/hello", id(&one)), "la palabra", hello).await;
    assert_eq!(status, StatusCode::CREATED, "{said}");
    let messages = rig.messages(1).await;
    assert_eq!(messages[0].content, Content::text("Buenas"));
    // The next run.
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        sandbox_key: Some("la palabra".into()),
        numbers_file: Some(file.clone()),
        ..Config::default()
    };
    let again = ronda_simulator::start(config).await.unwrap();
    let graph = rig.graph.at(&again.base_url(), "v25.0").unwrap();
    assert_eq!(graph.read_number(token, &id(&one)).await.unwrap(), shown);
    // Without a key nobody gets any; a file that holds something else stops the start.
    let closed = ronda_simulator::start(Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..Config::default()
    })
    .await
    .unwrap();
    let answer = rig
        .http
        .post(closed.base_url() + "/_sim/numbers")
        .bearer_auth("")
        .json(&of("a"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    std::fs::write(&file, "otra cosa").unwrap();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        numbers_file: Some(file),
        ..Config::default()
    };
    assert!(ronda_simulator::start(config).await.is_err());
}
