//! WhatsApp for tests: a simulator of the platform, people who write with their phones, and webhooks by hand.

use crate::{Answer, Browser, TestApp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ronda_simulator::{Config, Delays, Number, Simulator};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::{Duration, Instant};

/// Longest wait for something that must happen; nothing waits for time to pass.
const LONGEST: Duration = Duration::from_secs(20);

/// Looks again until there is something to see.
///
/// # Panics
/// When it is not there in time.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < LONGEST, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A simulated platform with one number connected.
pub struct Graph {
    pub simulator: Simulator,
    client: reqwest::Client,
    /// The channel account.
    pub account: i64,
    /// What connecting answered.
    pub connected: Value,
    /// The path of its own webhook.
    pub webhook: String,
    number: String,
    server: String,
}

/// A person who writes with a phone.
pub struct Phone<'g> {
    graph: &'g Graph,
    /// The digits of the number.
    pub id: String,
    /// The id scoped to the business.
    pub user_id: String,
}

/// What a signed webhook says about one number.
fn envelope(number: &str, value: &Value) -> Value {
    let mut value = value.clone();
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] = json!({ "display_phone_number": "5491155550100", "phone_number_id": number });
    json!({ "object": "whatsapp_business_account",
        "entry": [{ "id": "200000000000001", "changes": [{ "field": "messages", "value": value }] }] })
}

/// A text message as webhooks carry it; `at` in milliseconds.
#[must_use]
pub fn text(id: &str, from: &str, at: i64, body: &str) -> Value {
    json!({ "id": id, "from": from, "timestamp": (at / 1_000).to_string(), "type": "text", "text": { "body": body } })
}

/// A simulator on a port of its own that loses no time.
#[must_use]
pub fn hasty() -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        delays: Delays {
            sent_ms: 5,
            delivered_ms: 5,
            read_ms: 5,
        },
        auto_read: false,
        webhook_retry_ms: 50,
        template_review_ms: 5,
        ..Config::default()
    }
}

impl TestApp {
    /// A simulator without pauses, and the sandbox number connected by `owner`.
    pub async fn whatsapp(&self, owner: &Browser) -> Graph {
        self.whatsapp_with(owner, json!({}), |_| {}).await
    }

    /// A simulator that nobody has connected.
    pub async fn simulator(&self, change: impl FnOnce(&mut Config)) -> Simulator {
        let mut config = Config {
            callback_url: format!("{}/webhooks/meta", self.address),
            ..hasty()
        };
        change(&mut config);
        ronda_simulator::start(config).await.expect("a simulator")
    }

    /// As [`TestApp::whatsapp`], with other values of the request and of the simulator.
    pub async fn whatsapp_with(&self, owner: &Browser, settings: Value, change: impl FnOnce(&mut Config)) -> Graph {
        let simulator = self.simulator(change).await;
        let sandbox = Number::default();
        let mut body = json!({ "kind": "whatsapp", "name": "Sandbox", "phone_number_id": sandbox.phone_number_id,
            "waba_id": sandbox.waba_id, "access_token": "sim-token", "app_secret": "sim-app-secret",
            "graph_url": simulator.base_url() });
        for (key, value) in settings.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let number = body["phone_number_id"].as_str().expect("a number").to_owned();
        let connected = owner.post("/channel-accounts", body).await.expect(201);
        let webhook = connected["webhook_url"].as_str().expect("an address");
        Graph {
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
            account: connected["id"].as_i64().expect("an id"),
            webhook: webhook.trim_start_matches(&self.address).to_owned(),
            number,
            server: self.address.clone(),
            simulator,
            connected,
        }
    }
}

impl Graph {
    /// Calls the other side of the simulator.
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/_sim/{path}", self.simulator.base_url());
        let request = self.client.request(method.parse().expect("a method"), url);
        let request = if method == "GET" { request } else { request.json(&body) };
        let response = request.send().await.expect("the simulator answers");
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Turns faults on; `{}` turns everything off.
    pub async fn faults(&self, mut faults: Value) {
        faults["reset"] = true.into();
        self.control("POST", "faults", faults).await;
    }

    /// A new person.
    pub async fn person(&self, name: &str, phone: &str) -> Phone<'_> {
        self.person_with(json!({ "name": name, "phone": phone })).await
    }

    /// A new person with other properties: `username`, `hide_phone`, `auto_read`.
    pub async fn person_with(&self, person: Value) -> Phone<'_> {
        let made = self.control("POST", "people", person).await;
        Phone {
            graph: self,
            id: made["id"].as_str().expect("digits").to_owned(),
            user_id: made["user_id"].as_str().expect("an id").to_owned(),
        }
    }

    /// How many sends the platform carried out.
    pub async fn sends(&self) -> i64 {
        let state = self.control("GET", "state", Value::Null).await;
        state["counters"]["sends_accepted"].as_i64().unwrap_or(0)
    }

    /// Delivers `{messages|statuses|contacts: …}` of the number, signed.
    pub async fn delivers(&self, value: Value) -> Answer {
        let body = envelope(&self.number, &value).to_string();
        self.posts(&self.webhook, body.as_bytes(), "sim-app-secret").await
    }

    /// Posts any body to any webhook, signed with any secret.
    pub async fn posts(&self, path: &str, body: &[u8], secret: &str) -> Answer {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
        mac.update(body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let browser = Browser::new(&self.server);
        let request = browser
            .outside("POST", path)
            .header("x-hub-signature-256", signature)
            .header("content-type", "application/json")
            .body(body.to_vec());
        browser.send(request).await
    }
}

impl Phone<'_> {
    /// Writes a text; the provider's id.
    pub async fn writes(&self, text: &str) -> String {
        self.sends(json!({ "text": text })).await
    }

    /// Sends anything the simulator can; the provider's id.
    pub async fn sends(&self, writing: Value) -> String {
        let path = format!("people/{}/messages", self.id);
        let sent = self.graph.control("POST", &path, writing).await;
        sent["id"].as_str().expect("an id").to_owned()
    }

    /// `read`, `edit`, `delete`, `react`, `close_window`, `rotate`, `renumber`.
    pub async fn does(&self, action: &str, what: Value) -> Value {
        let path = format!("people/{}/{action}", self.id);
        self.graph.control("POST", &path, what).await
    }

    /// What the phone shows, oldest first.
    pub async fn shows(&self) -> Vec<Value> {
        let path = format!("people/{}/thread", self.id);
        let thread = self.graph.control("GET", &path, Value::Null).await;
        thread["messages"].as_array().cloned().unwrap_or_default()
    }

    /// What the business sent, when there are `n` of it.
    pub async fn received(&self, n: usize) -> Vec<Value> {
        eventually(&format!("{n} messages on the phone"), async || {
            let all = self.shows().await;
            let theirs: Vec<Value> = all.into_iter().filter(|m| m["from_customer"] == false).collect();
            (theirs.len() >= n).then_some(theirs)
        })
        .await
    }
}

impl Browser {
    /// Asks until the answer fits. Being told to slow down is an answer to wait after.
    pub async fn until(&self, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        eventually(path, async || {
            let answer = self.get(path).await;
            (answer.status == 200 && fits(&answer.body)).then_some(answer.body)
        })
        .await
    }

    /// Sends a text into a conversation; the stored message.
    pub async fn says(&self, conversation: &Value, text: &str) -> Value {
        let body = json!({ "client_id": uuid::Uuid::now_v7(), "content": { "type": "text", "text": text } });
        let path = format!("/conversations/{conversation}/messages");
        self.post(&path, body).await.expect(201)["message"].clone()
    }

    /// The message with this id, when it fits.
    pub async fn message(&self, conversation: &Value, id: &Value, fits: impl Fn(&Value) -> bool) -> Value {
        let find = |list: &Value| {
            let items = list["items"].as_array().cloned().unwrap_or_default();
            items.into_iter().find(|m| m["id"] == *id && fits(m))
        };
        let path = format!("/conversations/{conversation}/messages?limit=200");
        let list = self.until(&path, |list| find(list).is_some()).await;
        find(&list).expect("it was found")
    }

    /// The messages of a conversation, when there are `n`, without lines of the system.
    pub async fn messages(&self, conversation: &Value, n: usize) -> Vec<Value> {
        let people = |list: &Value| {
            let mut items = list["items"].as_array().cloned().unwrap_or_default();
            items.retain(|m| m["direction"] != "system");
            items
        };
        let path = format!("/conversations/{conversation}/messages?limit=200");
        people(&self.until(&path, |list| people(list).len() >= n).await)
    }

    /// The conversation this person holds, when there is one.
    pub async fn holds(&self) -> Value {
        let list = self
            .until("/conversations?tray=mine", |l| {
                l["items"].as_array().is_some_and(|i| !i.is_empty())
            })
            .await;
        list["items"][0].clone()
    }
}
