//! People at both ends: customers who write, agents who work. What was acknowledged to them is kept in a ledger.

use crate::world::{APP_SECRET, NUMBER, World};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ronda_testkit::{Answer, Browser};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The server went away in the middle of a request.
#[derive(Debug)]
pub struct Gone;

/// A body of the platform. It is repeated until it is acknowledged.
#[derive(Clone, Debug)]
pub struct Hook {
    pub phone: String,
    pub text: String,
    pub acknowledged: bool,
}

/// An answer of an agent. Repeated with the same id until somebody says what became of it.
#[derive(Clone, Debug)]
pub struct Reply {
    pub agent: usize,
    pub conversation: i64,
    pub text: String,
    pub acknowledged: bool,
}

/// A command with its key.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whose it is; none is the owner.
    pub agent: Option<usize>,
    pub path: String,
    pub body: Value,
    pub acknowledged: bool,
}

/// What was sent, and what was acknowledged.
#[derive(Default)]
pub struct Ledger {
    pub hooks: BTreeMap<String, Hook>,
    pub replies: BTreeMap<String, Reply>,
    pub commands: BTreeMap<String, Asked>,
}

/// Everybody.
pub struct Drive {
    pub ledger: Mutex<Ledger>,
    owner: Browser,
    agents: Vec<Browser>,
    address: String,
    webhook: String,
    sim: String,
    client: reqwest::Client,
    customers: AtomicI64,
    chance: AtomicU64,
    over: AtomicBool,
}

impl Drive {
    /// Signs everybody in.
    pub async fn begin(world: &World, address: &str, seed: u64) -> Arc<Self> {
        let mut owner = Browser::at(address);
        owner.sign_in("olga@example.com").await;
        let mut agents = Vec::new();
        for name in world.agents.iter().take(3) {
            let mut agent = Browser::at(address);
            agent.sign_in(&format!("{name}@example.com")).await;
            agents.push(agent);
        }
        Arc::new(Self {
            ledger: Mutex::default(),
            owner,
            agents,
            address: address.to_owned(),
            webhook: world.webhook.clone(),
            sim: world.sim.base_url(),
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
            customers: AtomicI64::new(0),
            chance: AtomicU64::new(seed | 1),
            over: AtomicBool::new(false),
        })
    }

    /// Whether customers, agents and the owner have all got something done.
    pub fn did_everything(&self) -> bool {
        let ledger = self.ledger.lock().expect("ledger");
        ledger.hooks.len() > 50 && !ledger.replies.is_empty() && !ledger.commands.is_empty()
    }

    /// The next of a sequence that the seed decides.
    pub fn chance(&self, below: u64) -> u64 {
        let mut x = self.chance.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.chance.store(x, Ordering::Relaxed);
        x % below
    }

    /// Everybody works until the time is over or the server goes away.
    pub async fn work(self: &Arc<Self>, longest: Duration) {
        self.over.store(false, Ordering::SeqCst);
        let until = Instant::now() + longest;
        let mut all = Vec::new();
        for _ in 0..2 {
            let its = self.clone();
            all.push(tokio::spawn(async move { its.until(until, Role::Customer).await }));
        }
        for i in 0..self.agents.len() {
            let its = self.clone();
            all.push(tokio::spawn(async move { its.until(until, Role::Agent(i)).await }));
        }
        let its = self.clone();
        all.push(tokio::spawn(async move { its.until(until, Role::Owner).await }));
        for one in all {
            one.await.expect("somebody works");
        }
    }

    async fn until(&self, until: Instant, role: Role) {
        while Instant::now() < until && !self.over.load(Ordering::SeqCst) {
            let turn = match role {
                Role::Customer => self.customer().await,
                Role::Agent(i) => self.agent(i).await,
                Role::Owner => self.supervise().await,
            };
            if turn.is_err() {
                self.over.store(true, Ordering::SeqCst);
            }
            tokio::time::sleep(Duration::from_millis(self.chance(20))).await;
        }
    }

    /// A body as the platform signs and sends it; whether it was acknowledged.
    pub async fn deliver(&self, wamid: &str, hook: &Hook) -> Result<bool, Gone> {
        deliver_to(&self.client, &self.address, &self.webhook, wamid, hook).await
    }

    async fn writes(&self, phone: &str, text: &str) -> Result<bool, Gone> {
        let wamid = format!("wamid.{phone}.{}", text.len());
        let hook = Hook {
            phone: phone.to_owned(),
            text: text.to_owned(),
            acknowledged: false,
        };
        self.ledger
            .lock()
            .expect("ledger")
            .hooks
            .insert(wamid.clone(), hook.clone());
        let stored = self.deliver(&wamid, &hook).await?;
        if stored && let Some(hook) = self.ledger.lock().expect("ledger").hooks.get_mut(&wamid) {
            hook.acknowledged = true;
        }
        Ok(stored)
    }

    /// Somebody new writes twice: the first is greeted, the second asks for a person.
    async fn customer(&self) -> Result<(), Gone> {
        let n = self.customers.fetch_add(1, Ordering::SeqCst);
        let phone = format!("54911{n:08}");
        // The platform must know that the window is open.
        let person = json!({ "name": format!("Cliente {n}"), "phone": format!("+{phone}"), "auto_read": false });
        for (path, body) in [
            ("/_sim/people".to_owned(), person),
            (format!("/_sim/people/{phone}/messages"), json!({ "text": "hola" })),
        ] {
            let made = self.client.post(format!("{}{path}", self.sim)).json(&body).send().await;
            assert!(made.is_ok_and(|a| a.status().is_success()), "the simulator");
        }
        self.writes(&phone, "hola").await?;
        self.writes(&phone, "quiero comprar").await?;
        Ok(())
    }

    async fn ask(&self, who: &Browser, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, Gone> {
        let mut request = who.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        who.try_send(request).await.map_err(|_| Gone)
    }

    async fn list(&self, who: &Browser, query: &str) -> Result<Vec<Value>, Gone> {
        let answer = self.ask(who, "GET", &format!("/conversations?{query}"), None).await?;
        Ok(answer.body["items"].as_array().cloned().unwrap_or_default())
    }

    /// Looks at what one has: answers, or moves it along.
    async fn agent(&self, i: usize) -> Result<(), Gone> {
        let me = &self.agents[i];
        for c in self.list(me, "tray=mine&limit=6").await? {
            let id = c["id"].as_i64().unwrap_or_default();
            if c["owed_since"].is_i64() {
                self.reply(i, id, c["epoch"].as_i64()).await?;
                continue;
            }
            let seen = c["epoch"].clone();
            let other = self.agents[(i + 1) % self.agents.len()].agent;
            let (path, body) = match self.chance(4) {
                0 => ("close", json!({ "seen": seen })),
                1 => (
                    "transfer",
                    json!({ "seen": seen, "to": { "agent": other }, "note": "sigue vos" }),
                ),
                2 => ("snooze", json!({ "until": now_ms() + 150 })),
                _ => continue,
            };
            self.command(Some(i), &format!("/conversations/{id}/{path}"), body)
                .await?;
        }
        Ok(())
    }

    async fn reply(&self, i: usize, conversation: i64, seen: Option<i64>) -> Result<(), Gone> {
        let id = uuid::Uuid::now_v7().to_string();
        let reply = Reply {
            agent: i,
            conversation,
            text: format!("respuesta {id}"),
            acknowledged: false,
        };
        self.ledger
            .lock()
            .expect("ledger")
            .replies
            .insert(id.clone(), reply.clone());
        let answer = self.send_reply(&id, &reply, seen).await?;
        let mut ledger = self.ledger.lock().expect("ledger");
        match answer.status {
            201 => ledger.replies.get_mut(&id).expect("the reply").acknowledged = true,
            404 | 409 => {
                ledger.replies.remove(&id);
            }
            503 => {}
            other => panic!("a reply: {other} {}", answer.body),
        }
        Ok(())
    }

    async fn send_reply(&self, id: &str, reply: &Reply, seen: Option<i64>) -> Result<Answer, Gone> {
        let body = json!({ "client_id": id, "content": { "type": "text", "text": reply.text }, "seen": seen });
        let path = format!("/conversations/{}/messages", reply.conversation);
        self.ask(&self.agents[reply.agent], "POST", &path, Some(&body)).await
    }

    async fn command(&self, agent: Option<usize>, path: &str, body: Value) -> Result<(), Gone> {
        let key = uuid::Uuid::now_v7().to_string();
        let asked = Asked {
            agent,
            path: path.to_owned(),
            body,
            acknowledged: false,
        };
        self.ledger
            .lock()
            .expect("ledger")
            .commands
            .insert(key.clone(), asked.clone());
        let answer = self.send_command(&key, &asked).await?;
        let mut ledger = self.ledger.lock().expect("ledger");
        if answer.status == 200 {
            ledger.commands.get_mut(&key).expect("the command").acknowledged = true;
        } else {
            // A refusal says that nothing happened (a snooze may be over before it arrives); without routing the command may still be carried out.
            assert!(
                [403, 404, 409, 422, 503].contains(&answer.status),
                "{path}: {} {}",
                answer.status,
                answer.body
            );
            if answer.status != 503 {
                ledger.commands.remove(&key);
            }
        }
        Ok(())
    }

    /// Sends a command, again or for the first time.
    pub async fn send_command(&self, key: &str, asked: &Asked) -> Result<Answer, Gone> {
        let who = asked.agent.map_or(&self.owner, |i| &self.agents[i]);
        let request = who
            .request("POST", &asked.path)
            .header("idempotency-key", key)
            .json(&asked.body);
        who.try_send(request).await.map_err(|_| Gone)
    }

    /// Takes what others have or nobody has, saves the policy again, opens a screen.
    async fn supervise(&self) -> Result<(), Gone> {
        for tray in ["unassigned", "agents"] {
            if let Some(c) = self.list(&self.owner, &format!("tray={tray}&limit=1")).await?.first() {
                let path = format!("/conversations/{}/take", c["id"]);
                self.command(None, &path, json!({ "seen": c["epoch"] })).await?;
            }
        }
        let mine = self.list(&self.owner, "tray=mine&limit=1").await?;
        if let Some(c) = mine.first() {
            let body = json!({ "seen": c["epoch"], "to": { "anyone": true } });
            self.command(None, &format!("/conversations/{}/transfer", c["id"]), body)
                .await?;
        }
        let saved = self.ask(&self.owner, "GET", "/routing-policies/current", None).await?;
        if saved.status == 200 {
            let body = json!({ "policy": saved.body["policy"], "confirm": true });
            self.ask(&self.owner, "POST", "/routing-policies", Some(&body)).await?;
        }
        if let Ok(screen) = self.owner.try_screen(None, None).await {
            screen.close().await;
        }
        Ok(())
    }

    /// What a platform and clients do after a lost answer: the same again. Bodies that were acknowledged come once more
    /// too, as the platform promises no less.
    pub async fn repeat(&self) {
        let (hooks, replies, commands) = {
            let ledger = self.ledger.lock().expect("ledger");
            (ledger.hooks.clone(), ledger.replies.clone(), ledger.commands.clone())
        };
        for (wamid, hook) in &hooks {
            let stored = self.deliver(wamid, hook).await.expect("the server is back");
            assert!(stored, "{wamid} was not accepted by a server at rest");
            self.ledger
                .lock()
                .expect("ledger")
                .hooks
                .get_mut(wamid)
                .expect("a hook")
                .acknowledged = true;
        }
        for (id, reply) in &replies {
            let answer = self.send_reply(id, reply, None).await.expect("the server is back");
            let mut ledger = self.ledger.lock().expect("ledger");
            match (answer.status, reply.acknowledged) {
                (200, _) | (201, false) => ledger.replies.get_mut(id).expect("a reply").acknowledged = true,
                // Nobody had said that it was stored, and meanwhile the conversation is somebody else's.
                (404 | 409, false) => {
                    ledger.replies.remove(id);
                }
                (other, acknowledged) => panic!("{id} ({acknowledged}): {other} {}", answer.body),
            }
        }
        for (key, asked) in &commands {
            let answer = self.send_command(key, asked).await.expect("the server is back");
            if asked.acknowledged {
                assert_eq!(answer.status, 200, "{}: {}", asked.path, answer.body);
                assert!(
                    answer.headers.contains_key("idempotency-replayed"),
                    "{} was carried out again",
                    asked.path
                );
            }
        }
    }

    /// The messages that the platform was asked to send, by phone and text.
    pub async fn sent(&self) -> BTreeMap<(String, String), usize> {
        let mut counts = BTreeMap::new();
        for n in 0..self.customers.load(Ordering::SeqCst) {
            let phone = format!("54911{n:08}");
            let thread = self
                .client
                .get(format!("{}/_sim/people/{phone}/thread", self.sim))
                .send()
                .await;
            let thread: Value = match thread {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(e) => panic!("the simulator: {e}"),
            };
            for m in thread["messages"].as_array().into_iter().flatten() {
                if m["from_customer"] == false {
                    let text = text_of(m);
                    *counts.entry((phone.clone(), text)).or_default() += 1;
                }
            }
        }
        counts
    }
}

fn text_of(message: &Value) -> String {
    message["body"]["body"]
        .as_str()
        .or_else(|| message["body"]["text"]["body"].as_str())
        .unwrap_or_else(|| panic!("a text: {message}"))
        .to_owned()
}

#[derive(Clone, Copy)]
enum Role {
    Customer,
    Agent(usize),
    Owner,
}

fn now_ms() -> i64 {
    ronda_domain::Clock::system().now().0
}

/// Signs and posts a body; whether it was acknowledged.
pub async fn deliver_to(
    client: &reqwest::Client,
    address: &str,
    webhook: &str,
    wamid: &str,
    hook: &Hook,
) -> Result<bool, Gone> {
    let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "200000000000001", "changes": [{
        "field": "messages", "value": { "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "5491155550100", "phone_number_id": NUMBER },
            "contacts": [{ "profile": { "name": "Cliente" }, "wa_id": hook.phone }],
            "messages": [{ "from": hook.phone, "id": wamid, "timestamp": (now_ms() / 1_000).to_string(),
                "type": "text", "text": { "body": hook.text } }] } }] }] })
    .to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).expect("any key");
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let answer = client
        .post(format!("{address}/webhooks/meta/{webhook}"))
        .header("content-type", "application/json")
        .header("x-hub-signature-256", signature)
        .body(body)
        .send()
        .await
        .map_err(|_| Gone)?;
    match answer.status().as_u16() {
        200 => Ok(true),
        503 => Ok(false),
        other => panic!("a webhook: {other}"),
    }
}
