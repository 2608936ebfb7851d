//! Webhooks: bodies as the platform writes them, signed over their exact bytes, repeated until they are accepted.

use crate::config::{Config, Number};
use crate::store::{Message, Person, now};
use crate::{Sim, store};
use anyhow::Context as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Bodies of one person keep their order because they share a lane.
const LANES: usize = 32;
/// How long a webhook that is overtaken waits.
const OVERTAKEN: Duration = Duration::from_millis(1_200);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

struct Job {
    due: Instant,
    callback: String,
    /// Signs it.
    secret: String,
    body: Value,
    /// The customers' messages this delivers, to show whether they arrived.
    messages: Vec<String>,
}

pub struct Hooks {
    client: reqwest::Client,
    lanes: Vec<mpsc::UnboundedSender<Job>>,
    /// Taken once by [`run`].
    ends: Mutex<Vec<mpsc::UnboundedReceiver<Job>>>,
}

impl Hooks {
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let (lanes, ends) = (0..LANES).map(|_| mpsc::unbounded_channel()).unzip();
        let client = reqwest::Client::builder()
            .user_agent("facebookexternalua")
            .timeout(Duration::from_millis(config.webhook_timeout_ms.max(1)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("no HTTP client for webhooks")?;
        Ok(Self {
            client,
            lanes,
            ends: Mutex::new(ends),
        })
    }
}

/// Starts the lanes.
pub fn run(sim: &Sim) {
    let ends = std::mem::take(&mut *sim.hooks.ends.lock().unwrap_or_else(PoisonError::into_inner));
    for mut end in ends {
        let sim = sim.clone();
        tokio::spawn(async move {
            loop {
                let mut job = tokio::select! {
                    () = sim.stop.cancelled() => return,
                    job = end.recv() => match job { Some(job) => job, None => return },
                };
                tokio::time::sleep_until(job.due).await;
                if sim.store.faults().batch {
                    // What came meanwhile joins this body.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    while let Ok(next) = end.try_recv() {
                        if next.callback != job.callback {
                            tokio::spawn(deliver(sim.clone(), next, 0));
                            continue;
                        }
                        let more = next.body["entry"].as_array().cloned().unwrap_or_default();
                        if let Some(entries) = job.body["entry"].as_array_mut() {
                            entries.extend(more);
                        }
                        job.messages.extend(next.messages);
                    }
                }
                // A refused body is repeated by a task of its own: it must not hold up its lane.
                if !attempt(&sim, &job).await {
                    tokio::spawn(deliver(sim.clone(), job, 1));
                }
            }
        });
    }
}

async fn deliver(sim: Sim, job: Job, mut failures: u32) {
    loop {
        if failures >= sim.config.webhook_attempts.max(1) {
            sim.store.count("webhooks_given_up");
            for message in &job.messages {
                sim.store.change(message, |m| m.status = "failed".into());
            }
            return;
        }
        if failures > 0 {
            let pause = Duration::from_millis(sim.config.webhook_retry_ms << (failures - 1).min(10)).min(LONGEST_PAUSE);
            tokio::select! {
                () = sim.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
        if attempt(&sim, &job).await {
            return;
        }
        failures += 1;
    }
}

async fn attempt(sim: &Sim, job: &Job) -> bool {
    let bytes = escaped(&job.body);
    let request = sim
        .hooks
        .client
        .post(&job.callback)
        .header("content-type", "application/json")
        .header(
            "x-hub-signature-256",
            signature(job.secret.as_bytes(), bytes.as_bytes()),
        )
        .body(bytes);
    let result = tokio::select! {
        () = sim.stop.cancelled() => return true,
        result = request.send() => result,
    };
    let (accepted, said) = match result {
        Ok(response) => (response.status() == 200, response.status().as_u16().to_string()),
        Err(error) if error.is_timeout() => (false, "timeout".to_owned()),
        Err(_) => (false, "unreachable".to_owned()),
    };
    sim.store.count(if accepted {
        "webhooks_accepted"
    } else {
        "webhooks_refused"
    });
    sim.store.announce(
        "webhook",
        json!({ "accepted": accepted, "answer": said, "callback": job.callback }),
    );
    if accepted {
        for message in &job.messages {
            sim.store.change(message, |m| {
                if m.status == "sent" {
                    m.status = "delivered".into();
                }
            });
        }
    }
    accepted
}

/// Queues a change of a field of this number or of its account. `lane` keeps what belongs together in order.
pub fn send(sim: &Sim, number: &Number, field: &str, value: Value, lane: &str, message: Option<&str>) {
    let mut entry = json!({ "id": number.waba_id, "changes": [{ "field": field, "value": value }] });
    if field != "messages" {
        entry["time"] = (now() / 1_000).into();
    }
    let body = json!({ "object": "whatsapp_business_account", "entry": [entry] });
    // Overrides hold for messages only; the number comes before the account.
    let own = sim.store.subscription(&number.waba_id).flatten();
    let callback = match field {
        "messages" => number.callback_url.clone().or(own),
        _ => None,
    };
    // The callback of the installation is that of its app, which signs what goes there; a number's own belongs to the
    // app of the number.
    let (callback, secret) = match callback {
        Some(own) => (
            own,
            number.app_secret.as_ref().unwrap_or(&sim.config.app_secret).clone(),
        ),
        None => (sim.config.callback_url.clone(), sim.config.app_secret.clone()),
    };
    let faults = sim.store.faults();
    let mut rng = rand::rng();
    if rng.random_bool(faults.drop_rate.clamp(0.0, 1.0)) {
        sim.store.count("webhooks_dropped");
        return;
    }
    let jitter = if faults.webhook_jitter_ms > 0 {
        rng.random_range(0..=faults.webhook_jitter_ms)
    } else {
        0
    };
    let due = Instant::now() + Duration::from_millis(faults.webhook_delay_ms + jitter);
    let mut hasher = DefaultHasher::new();
    lane.hash(&mut hasher);
    let lane = &sim.hooks.lanes[hasher.finish() as usize % LANES];
    let copies = if rng.random_bool(faults.duplicate_rate.clamp(0.0, 1.0)) {
        2
    } else {
        1
    };
    for _ in 0..copies {
        let job = Job {
            due,
            callback: callback.clone(),
            secret: secret.clone(),
            body: body.clone(),
            messages: message.iter().map(|m| (*m).to_owned()).collect(),
        };
        if rng.random_bool(faults.reorder_rate.clamp(0.0, 1.0)) {
            let sim = sim.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(due + OVERTAKEN).await;
                deliver(sim, job, 0).await;
            });
        } else if lane.send(job).is_err() {
            tracing::debug!("a webhook after the end of the simulator");
        }
    }
}

/// Asks a callback to prove itself, as the platform does before using it.
pub async fn handshake(sim: &Sim, callback: &str, verify_token: &str) -> bool {
    let challenge = store::random_hex(8);
    let Ok(mut url) = url::Url::parse(callback) else {
        return false;
    };
    url.query_pairs_mut()
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.challenge", &challenge)
        .append_pair("hub.verify_token", verify_token);
    match sim.hooks.client.get(url).send().await {
        Ok(response) if response.status() == 200 => response.text().await.is_ok_and(|text| text == challenge),
        _ => false,
    }
}

/// The `value` of a messages change around `part` (`messages` or `statuses`).
pub fn value(sim: &Sim, number: &Number, person: Option<&Person>, key: &str, part: Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": number.digits(), "phone_number_id": number.phone_number_id },
    });
    if let Some(person) = person {
        let faults = sim.store.faults();
        let mut contact = json!({ "profile": { "name": person.name } });
        if let Some(username) = &person.username {
            contact["profile"]["username"] = username.as_str().into();
        }
        if !(person.hide_phone || faults.hide_phones) {
            contact["wa_id"] = person.id.as_str().into();
        }
        if !faults.no_user_ids {
            contact["user_id"] = person.user_id.as_str().into();
        }
        value["contacts"] = json!([contact]);
    }
    value[key] = json!([part]);
    value
}

/// A message of a customer as webhooks carry it, without its kind.
pub fn envelope(sim: &Sim, person: &Person, id: &str, at: i64) -> Value {
    let faults = sim.store.faults();
    let mut message = json!({ "id": id, "timestamp": (at / 1_000).to_string() });
    if !(person.hide_phone || faults.hide_phones) {
        message["from"] = person.id.as_str().into();
    }
    if !faults.no_user_ids {
        message["from_user_id"] = person.user_id.as_str().into();
    }
    message
}

/// Reports a state of an outgoing message.
pub fn status(sim: &Sim, message: &Message, word: &str, at: i64, error: Option<&Value>) {
    let Some(number) = sim.store.number(&message.phone_number_id) else {
        return;
    };
    let Some(person) = sim.store.person(&message.person) else {
        return;
    };
    let faults = sim.store.faults();
    let mut status = json!({ "id": message.id, "status": word, "timestamp": (at / 1_000).to_string() });
    if !(person.hide_phone || faults.hide_phones) {
        status["recipient_id"] = person.id.as_str().into();
    }
    if !faults.no_user_ids && error.is_none() {
        status["recipient_user_id"] = person.user_id.as_str().into();
    }
    if let Some(data) = &message.callback_data {
        status["biz_opaque_callback_data"] = data.as_str().into();
    }
    let template = message.kind == "template";
    if matches!(word, "sent" | "delivered") {
        let category = if template { "utility" } else { "service" };
        let kind = if template { "regular" } else { "free_customer_service" };
        status["pricing"] = json!({ "billable": template, "pricing_model": "PMP", "type": kind, "category": category });
        if faults.conversation_object {
            let id = message.id.trim_start_matches("wamid.SIM").to_lowercase();
            status["conversation"] = json!({ "id": id, "origin": { "type": category } });
        }
    }
    if let Some(error) = error {
        status["errors"] = json!([error]);
    }
    let contact = error.is_none().then_some(&person);
    send(
        sim,
        &number,
        "messages",
        value(sim, &number, contact, "statuses", status),
        &person.id,
        None,
    );
}

/// JSON as the platform writes it: everything beyond ASCII as `\uXXXX` in lower case, the slash escaped. Both occur
/// inside texts only.
fn escaped(body: &Value) -> String {
    let plain = body.to_string();
    let mut out = String::with_capacity(plain.len() + plain.len() / 8);
    for c in plain.chars() {
        match c {
            '/' => out.push_str("\\/"),
            c if c.is_ascii() => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

fn signature(secret: &[u8], bytes: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(bytes);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_written_and_signed_as_the_platform_does() {
        let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "900100200300400",
            "changes": [{"field": "messages", "value": {"note": "ciao è 😀 /ok"}}]}]});
        let bytes = escaped(&body);
        assert!(bytes.contains(r"ciao \u00e8 \ud83d\ude00 \/ok"), "{bytes}");
        assert_eq!(serde_json::from_str::<Value>(&bytes).unwrap(), body);
        assert_eq!(
            signature(b"sim-app-secret-001", br#"{"object":"page","entry":[]}"#),
            "sha256=95c7ca0a870bb0b091c4bccf95108df7c86b71cf82d3f4706d16e06df9e94de0"
        );
    }
}
