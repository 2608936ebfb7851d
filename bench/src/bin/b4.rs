//! B4: from the customer's message to the frame on the owner's socket, over the real interfaces: signed webhooks over
//! HTTP, the whole server in this process, real sockets of signed-in agents. Nine of ten messages belong to chats that
//! are held; every tenth begins a new one.
//!
//! Also prints the acknowledgement of the webhook and the time of a take.

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use ronda_bench::place::data_folder;
use ronda_bench::{Goal, Numbers, figure, percentile};
use ronda_domain::permission::Role;
use ronda_domain::{AgentId, Clock, WorkspaceId};
use ronda_server::app::channel_accounts::{AccountSecrets, NewWhatsapp, WhatsappSettings, connect_whatsapp};
use ronda_server::app::fields::Email;
use ronda_server::app::policies::{self, NewPolicy};
use ronda_server::app::setup::{self, NewPerson, NewWorkspace};
use ronda_server::app::{Actor, AppResult, Who};
use ronda_server::config::Config;
use ronda_server::mail::Mail;
use ronda_server::{App, cli, secrets};
use ronda_storage::sessions::{self, NewSession};
use ronda_storage::{Engine, Tx};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const AGENTS: usize = 200;
const RATE: u64 = 500;
const SECONDS: u64 = 10;
const WARM: u64 = 1_000;
const SENDERS: u64 = 16;
const SECRET: &str = "a secret of the bench";
const NUMBER: &str = "100000000000001";

/// What was measured, in milliseconds.
#[derive(Default)]
struct Times {
    acknowledged: Vec<f64>,
    held: Vec<f64>,
    new: Vec<f64>,
}

fn main() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(Engine::Sqlite))?;
    Ok(())
}

async fn measure(engine: Engine) -> Result<()> {
    let folder = tempfile::tempdir_in(data_folder()?)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let values = [
        ("listen", address.clone()),
        ("data", folder.path().display().to_string()),
        ("log", "error".to_owned()),
        ("meta.app_secret", SECRET.to_owned()),
    ];
    let config = Config::load(None, |_| None, &values)?;
    let mail = Mail::open(&config.mail)?;
    let app = tokio::task::spawn_blocking(move || App::open(config, Clock::system(), mail)).await??;
    let tokens = seed(&app).await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(cli::run_server(app.clone(), listener, async {
        let _ = stopped.await;
    }));
    let base = Instant::now();
    let times = Arc::new(Mutex::new(Times::default()));
    let mut screens = Vec::new();
    for (agent, token) in tokens {
        screens.push(tokio::spawn(screen(address.clone(), agent, token, base, times.clone())));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let next = Arc::new(AtomicU64::new(0));
    load(&address, base, &next, WARM, &Arc::new(Mutex::new(Times::default()))).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    *times.lock().await = Times::default();
    load(&address, base, &next, RATE * SECONDS, &times).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let t = times.lock().await;
    ensure!(!t.held.is_empty() && !t.new.is_empty(), "no frame arrived");
    let sent = RATE * SECONDS;
    let detail = format!(
        "{engine:?}: {} frames of {sent} messages; acknowledged p50 {:.1} p99 {:.1} ms; held p50 {:.1} p99 {:.1}; new p50 {:.1} p99 {:.1}",
        t.held.len(),
        percentile(&t.acknowledged, 50.0),
        percentile(&t.acknowledged, 99.0),
        percentile(&t.held, 50.0),
        percentile(&t.held, 99.0),
        percentile(&t.new, 50.0),
        percentile(&t.new, 99.0),
    );
    figure(
        "B4",
        "held chat, p50",
        percentile(&t.held, 50.0),
        "ms",
        Goal::AtMost(20.0),
        &detail,
    );
    figure(
        "B4",
        "held chat, p99",
        percentile(&t.held, 99.0),
        "ms",
        Goal::AtMost(100.0),
        &detail,
    );
    figure(
        "B4",
        "new chat, p50",
        percentile(&t.new, 50.0),
        "ms",
        Goal::AtMost(35.0),
        &detail,
    );
    figure(
        "B4",
        "new chat, p99",
        percentile(&t.new, 99.0),
        "ms",
        Goal::AtMost(150.0),
        &detail,
    );
    drop(t);
    let _ = stop.send(());
    server.await??;
    for screen in screens {
        screen.abort();
    }
    Ok(())
}

fn person(name: &str) -> NewPerson {
    NewPerson {
        email: Email {
            shown: format!("{name}@example.com"),
            key: format!("{name}@example.com"),
        },
        name: name.to_owned(),
        password_hash: String::new(),
    }
}

/// A workspace with a number and agents; each agent with the token of an open session.
async fn seed(app: &Arc<App>) -> Result<Vec<(AgentId, String)>> {
    let its = app.clone();
    let made: AppResult<Vec<(AgentId, String)>> = app
        .db
        .write("seed", ronda_storage::Lane::Interactive, move |tx: &mut Tx<'_>| {
            tx.may_take(Duration::from_secs(60));
            let workspace = NewWorkspace {
                name: "Bench".into(),
                zone: "UTC".into(),
                language: "es".into(),
                country: "AR".into(),
                simulated: false,
            };
            let (w, owner) = setup::create_workspace(tx, &workspace, &person("owner"))?;
            let mut tokens = Vec::new();
            for i in 0..AGENTS {
                let (account, agent) = setup::join(tx, w, &person(&format!("agent{i}")), Role::Agent)?;
                let token = secrets::token();
                let expires_at = tx.now().plus(3_600_000);
                sessions::insert(
                    tx,
                    &NewSession {
                        account,
                        workspace: Some(w),
                        token_hash: secrets::hash(&token),
                        remember: true,
                        user_agent: String::new(),
                        ip: String::new(),
                        expires_at,
                    },
                )?;
                tokens.push((agent, token));
            }
            number(tx, &its, w)?;
            let who = Who {
                workspace: w,
                agent: AgentId(1),
                account: owner,
                session: ronda_domain::SessionId(0),
                role: Role::Owner,
                name: "owner".into(),
                groups: Vec::new(),
                ip: String::new(),
            };
            let mut policy = ronda_routing::Policy::sales();
            policy.excluded.insert(who.agent);
            policy.reassign_seconds = Some(600);
            policy.ramp.interval_seconds = 0;
            policies::save(
                tx,
                &who,
                &NewPolicy {
                    policy,
                    reach: ronda_routing::Reach::NewOnly,
                    if_version: None,
                    confirm: true,
                },
            )?;
            Ok(tokens)
        })
        .await;
    Ok(made?)
}

fn number(tx: &mut Tx<'_>, app: &App, w: WorkspaceId) -> AppResult<()> {
    let new = NewWhatsapp {
        name: "Bench".into(),
        phone_number_id: NUMBER.into(),
        settings: WhatsappSettings {
            waba_id: "200000000000001".into(),
            ..WhatsappSettings::default()
        },
        secrets: AccountSecrets::default(),
        greeter: None,
        default_group: None,
        simulated: false,
        health: serde_json::json!({}),
    };
    connect_whatsapp(tx, &app.secrets, w, &Actor::operator(), &new).map(drop)
}

/// Sends `n` messages at [`RATE`] from several connections.
async fn load(address: &str, base: Instant, next: &Arc<AtomicU64>, n: u64, times: &Arc<Mutex<Times>>) -> Result<()> {
    let begin = Instant::now();
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        let (address, next, times) = (address.to_owned(), next.clone(), times.clone());
        senders.push(tokio::spawn(async move {
            let mut socket = TcpStream::connect(&address).await?;
            socket.set_nodelay(true)?;
            let mut numbers = Numbers::from(sender + 1);
            let mut i = sender;
            while i < n {
                let due = begin + Duration::from_micros(i * 1_000_000 / RATE);
                tokio::time::sleep_until(due.into()).await;
                let id = next.fetch_add(1, Ordering::SeqCst);
                // Every tenth message is of somebody new.
                let fresh = id % 10 == 0;
                let known = (id / 10).max(1);
                let person = if fresh { id / 10 } else { numbers.below(known) };
                let sent = base.elapsed().as_micros();
                let body = body(id, person, &format!("{sent} {fresh}"));
                let at = Instant::now();
                post(&mut socket, &address, &body).await?;
                times
                    .lock()
                    .await
                    .acknowledged
                    .push(at.elapsed().as_secs_f64() * 1_000.0);
                i += SENDERS;
            }
            anyhow::Ok(())
        }));
    }
    for sender in senders {
        sender.await??;
    }
    Ok(())
}

fn body(id: u64, person: u64, text: &str) -> String {
    let from = format!("54911{:08}", 10_000_000 + person);
    serde_json::json!({ "object": "whatsapp_business_account", "entry": [{ "id": "200000000000001", "changes": [{
        "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "541155550100", "phone_number_id": NUMBER },
            "contacts": [{ "profile": { "name": "Cliente" }, "wa_id": from }],
            "messages": [{ "from": from, "id": format!("wamid.bench{id}"), "timestamp": "1790000000", "type": "text",
                "text": { "body": text } }],
        } }] }] })
    .to_string()
}

async fn post(socket: &mut TcpStream, host: &str, body: &str) -> Result<()> {
    let signature = ronda_channels::signature::sign(SECRET.as_bytes(), body.as_bytes());
    let head = format!(
        "POST /webhooks/meta HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nx-hub-signature-256: {signature}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut chunk = [0; 2_048];
    loop {
        let n = socket.read(&mut chunk).await?;
        ensure!(n > 0, "the server closed the connection");
        answer.extend_from_slice(&chunk[..n]);
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            ensure!(head.starts_with("HTTP/1.1 200"), "refused: {head}");
            let length: usize = head
                .lines()
                .find_map(|l| {
                    l.to_ascii_lowercase()
                        .strip_prefix("content-length: ")
                        .and_then(|v| v.parse().ok())
                })
                .unwrap_or(0);
            if rest.len() >= length {
                return Ok(());
            }
        }
    }
}

/// An agent's screen: the time from each message's sending to its frame.
async fn screen(address: String, agent: AgentId, token: String, base: Instant, times: Arc<Mutex<Times>>) -> Result<()> {
    let mut request = format!("ws://{address}/api/v1/events").into_client_request()?;
    let cookie = format!("ronda={token}");
    request
        .headers_mut()
        .insert("cookie", cookie.parse().context("a cookie")?);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    let mut waiting: BTreeMap<i64, f64> = BTreeMap::new();
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let now = base.elapsed().as_micros() as f64 / 1_000.0;
        let frame: serde_json::Value = serde_json::from_str(&text)?;
        let body = &frame["body"];
        match frame["kind"].as_str() {
            Some("message.created") if body["direction"] == "in" => {
                let said = body["content"]["text"].as_str().unwrap_or_default();
                let Some((sent, fresh)) = said.split_once(' ') else {
                    continue;
                };
                let sent = sent.parse::<f64>()? / 1_000.0;
                if fresh == "false" {
                    times.lock().await.held.push(now - sent);
                } else if let Some(c) = body["conversation"].as_i64() {
                    waiting.insert(c, sent);
                }
            }
            Some("conversation.changed") if body["owner"]["id"] == agent.0 => {
                if let Some(sent) = body["id"].as_i64().and_then(|c| waiting.remove(&c)) {
                    times.lock().await.new.push(now - sent);
                }
            }
            Some("conversation.left") => {
                if let Some(c) = body["id"].as_i64() {
                    waiting.remove(&c);
                }
            }
            _ => {}
        }
    }
    Ok(())
}
