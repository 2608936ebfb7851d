//! The whole server in this process with agents who are signed in, and the platform that sends it signed webhooks: what
//! the programs that measure whole journeys stand on.

use crate::place::{Place, data_folder};
use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
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
use ronda_storage::{DbConfig, Engine, Tx};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const SECRET: &str = "a secret of the bench";
const NUMBER: &str = "100000000000001";

/// A socket of an agent's screen.
pub type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>;

/// A running server with one WhatsApp number, and agents with the tokens of their open sessions.
pub struct Stage {
    pub app: Arc<App>,
    pub place: Place,
    /// `127.0.0.1:port`.
    pub address: String,
    pub workspace: WorkspaceId,
    pub agents: Vec<(AgentId, String)>,
    stop: tokio::sync::oneshot::Sender<()>,
    server: tokio::task::JoinHandle<Result<()>>,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Starts it. With `assigns` every new conversation is given to the agent whose turn it is, without limit or pacing;
    /// otherwise all wait where everybody sees them.
    ///
    /// # Errors
    /// When the database or the port cannot be used.
    pub async fn open(engine: Engine, agents: usize, assigns: bool) -> Result<Self> {
        let policy = assigns.then(|| {
            let mut policy = ronda_routing::Policy::sales();
            policy.reassign_seconds = Some(600);
            policy.ramp.interval_seconds = 0;
            policy
        });
        Self::open_with(engine, agents, policy, |_, _, _| Ok(())).await
    }

    /// As [`Stage::open`] under any policy (none: nothing is assigned), with rows that `fill` writes into the database of
    /// the workspace before the server starts.
    ///
    /// # Errors
    /// As [`Stage::open`], and what `fill` answers.
    pub async fn open_with(
        engine: Engine,
        agents: usize,
        policy: Option<ronda_routing::Policy>,
        fill: impl FnOnce(&DbConfig, WorkspaceId, &[(AgentId, String)]) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let place = tokio::task::spawn_blocking(move || Place::new(engine)).await??;
        let own = tempfile::tempdir_in(data_folder()?)?;
        // On SQLite the database stands in the server's own folder.
        let data = match &place.config {
            DbConfig::Sqlite(path) => path.parent().context("a folder")?.to_path_buf(),
            DbConfig::Postgres(_) => own.path().to_path_buf(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let mut values = vec![
            ("listen", address.clone()),
            ("data", data.display().to_string()),
            ("log", "error".to_owned()),
            ("meta.app_secret", SECRET.to_owned()),
        ];
        if let DbConfig::Postgres(url) = &place.config {
            values.push(("database", url.clone()));
        }
        let config = Config::load(None, |_| None, &values)?;
        let mail = Mail::open(&config.mail)?;
        let app = tokio::task::spawn_blocking(move || App::open(config, Clock::system(), mail)).await??;
        let (workspace, agents) = seed(&app, agents, policy).await?;
        let (its, own_agents) = (place.config.clone(), agents.clone());
        tokio::task::spawn_blocking(move || fill(&its, workspace, &own_agents)).await??;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let server = tokio::spawn(cli::run_server(app.clone(), listener, async {
            let _ = stopped.await;
        }));
        Ok(Self {
            app,
            place,
            address,
            workspace,
            agents,
            stop,
            server,
            _folder: own,
        })
    }

    /// Stops the server and waits for its end.
    ///
    /// # Errors
    /// Of the server.
    pub async fn close(self) -> Result<()> {
        let _ = self.stop.send(());
        self.server.await??;
        drop(self.app);
        tokio::task::spawn_blocking(move || drop(self.place)).await?;
        Ok(())
    }
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
async fn seed(
    app: &Arc<App>,
    agents: usize,
    policy: Option<ronda_routing::Policy>,
) -> Result<(WorkspaceId, Vec<(AgentId, String)>)> {
    let its = app.clone();
    let made: AppResult<(WorkspaceId, Vec<(AgentId, String)>)> = app
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
            for i in 0..agents {
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
                options: ronda_domain::permission::RoleOptions::default(),
                teams_only: false,
                name: "owner".into(),
                groups: Vec::new(),
                ip: String::new(),
            };
            let Some(mut policy) = policy.clone() else {
                return Ok((w, tokens));
            };
            policy.excluded.insert(who.agent);
            policies::save(
                tx,
                &who,
                &NewPolicy {
                    policy,
                    groups: None,
                    tests: None,
                    note: String::new(),
                    reach: ronda_routing::Reach::NewOnly,
                    if_version: None,
                    confirm: true,
                },
            )?;
            Ok((w, tokens))
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

/// A webhook body with one text of a person.
#[must_use]
pub fn body(id: u64, person: u64, text: &str) -> String {
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

/// Sends a signed body over a kept connection and waits for its 200.
///
/// # Errors
/// When the server refuses it or the connection ends.
pub async fn post(socket: &mut TcpStream, host: &str, body: &str) -> Result<()> {
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

/// Opens the socket of an agent's screen, which has seen everything up to `since`.
///
/// # Errors
/// When the server refuses it.
pub async fn socket(address: &str, token: &str, since: Option<i64>) -> Result<Socket> {
    let query = since.map(|seq| format!("?since={seq}")).unwrap_or_default();
    let mut request = format!("ws://{address}/api/v1/events{query}").into_client_request()?;
    let cookie = format!("ronda={token}");
    request
        .headers_mut()
        .insert("cookie", cookie.parse().context("a cookie")?);
    Ok(tokio_tungstenite::connect_async(request).await?.0)
}

/// A message of a customer on the screen of the agent who has it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What the customer wrote.
    pub text: String,
    pub at: Instant,
    /// Whether it began a conversation: seen when that became the agent's.
    pub began: bool,
}

/// How often a screen was closed as too slow, and came back.
pub static RETURNS: AtomicU64 = AtomicU64::new(0);

/// What a screen reads of a frame. It shares the machine with the server, so it reads no more than it needs.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    frames: Vec<Frame<'a>>,
    #[serde(rename = "type")]
    shape: Cow<'a, str>,
    seq: Option<i64>,
    up_to: Option<i64>,
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Said<'a> {
    conversation: i64,
    #[serde(borrow)]
    direction: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<SaidText<'a>>,
}

#[derive(Deserialize)]
struct SaidText<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Changed {
    id: i64,
    owner: Option<Owner>,
}

#[derive(Deserialize)]
struct Owner {
    id: i64,
}

struct Watching {
    agent: AgentId,
    seen: mpsc::UnboundedSender<Seen>,
    /// Number of the last event.
    since: Option<i64>,
    /// What was written in new chats that are nobody's yet.
    waiting: BTreeMap<i64, String>,
}

impl Watching {
    fn read(&mut self, text: &str) -> Result<()> {
        let at = Instant::now();
        let frame: Frame<'_> = serde_json::from_str(text)?;
        if frame.frames.is_empty() {
            return self.frame(&frame, at);
        }
        frame.frames.iter().try_for_each(|frame| self.frame(frame, at))
    }

    fn frame(&mut self, frame: &Frame<'_>, at: Instant) -> Result<()> {
        ensure!(frame.shape != "reset", "a screen missed more than it is told again");
        self.since = self.since.max(frame.seq).max(frame.up_to);
        let Some(body) = frame.body.map(RawValue::get) else {
            return Ok(());
        };
        match frame.kind.as_deref() {
            Some("message.created") => {
                let said: Said<'_> = serde_json::from_str(body)?;
                let text = said.content.and_then(|c| c.text).unwrap_or_default();
                if said.direction != "in" {
                } else if text.starts_with(NEW) {
                    self.waiting.insert(said.conversation, text.into_owned());
                } else {
                    self.tell(text.into_owned(), at, false);
                }
            }
            Some("conversation.changed") => {
                let changed: Changed = serde_json::from_str(body)?;
                if changed.owner.is_some_and(|o| o.id == self.agent.0)
                    && let Some(text) = self.waiting.remove(&changed.id)
                {
                    self.tell(text, at, true);
                }
            }
            Some("conversation.left") => {
                let left: Changed = serde_json::from_str(body)?;
                self.waiting.remove(&left.id);
            }
            _ => {}
        }
        Ok(())
    }

    fn tell(&self, text: String, at: Instant, began: bool) {
        let _ = self.seen.send(Seen { text, at, began });
    }
}

/// Watches an agent's socket: what is written in chats the agent holds, and what begins with this text in new ones,
/// once they are the agent's. One that is closed as too slow comes back, as every screen does.
///
/// # Errors
/// When the server refuses the socket, or what was missed is too much.
pub async fn watch(address: String, agent: AgentId, token: String, seen: mpsc::UnboundedSender<Seen>) -> Result<()> {
    let mut watching = Watching {
        agent,
        seen,
        since: None,
        waiting: BTreeMap::new(),
    };
    loop {
        let mut socket = socket(&address, &token, watching.since).await?;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                watching
                    .read(&text)
                    .inspect_err(|error| eprintln!("a screen: {error}"))?;
            }
        }
        RETURNS.fetch_add(1, Ordering::Relaxed);
    }
}

/// How a text begins that begins a conversation.
pub const NEW: &str = "new ";
