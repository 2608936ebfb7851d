//! The server of Ronda: HTTP, use cases, workers, real time.
//!
//! [`App`] is what every request and every worker is given. Requests come in through `http`, rules stand in `app`,
//! loops in `workers`, sockets in `realtime`; none of them keeps state that the database does not have.

pub mod accounts;
pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod files;
pub mod http;
pub mod limits;
pub mod mail;
pub mod passwords;
pub mod realtime;
pub mod secrets;
pub mod signatures;
pub mod templates;
pub mod wakes;
pub mod walls;
pub mod workers;

use crate::config::Config;
use ronda_channels::push::PushClient;
use ronda_channels::whatsapp::{GraphClient, GraphConfig};
use ronda_domain::Clock;
use ronda_storage::{Db, DbConfig, Engine};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The running server.
pub struct App {
    pub config: Config,
    pub db: Db,
    pub clock: Clock,
    pub secrets: secrets::Secrets,
    pub passwords: passwords::Passwords,
    pub mail: mail::Mail,
    pub limits: limits::Limits,
    pub wakes: Arc<wakes::Wakes>,
    /// To the other nodes of the installation.
    pub bus: realtime::bus::Bus,
    /// What this node does that no other may do at the same time.
    pub leases: Arc<workers::leases::Leases>,
    pub accounts: accounts::Accounts,
    pub files: files::Files,
    /// The platform of WhatsApp; accounts may name another address of it.
    pub graph: ronda_channels::whatsapp::GraphClient,
    /// To the push services of the browsers.
    pub push: ronda_channels::push::PushClient,
    /// By which they know this installation; made at the first start.
    pub push_identity: std::sync::OnceLock<ronda_channels::push::Identity>,
    pub accept: workers::accept::Accept,
    pub delivering: workers::deliver::Busy,
    pub planners: workers::planner::Planners,
    /// Policies that plan beside the live ones.
    pub shadows: workers::shadow::Shadows,
    pub replays: app::replays::Replays,
    pub hub: Arc<realtime::hub::Hub>,
    pub walls: walls::Walls,
    pub refused_signatures: signatures::Refused,
    pub refused_identities: signatures::Refused,
    pub webhooks_seen: signatures::LastSeen,
    pub templates: templates::Templates,
    /// The name of this process; no other has it, before or after.
    pub node: String,
    /// When this process started: presence is not judged by what happened while nobody could connect.
    pub up_since: ronda_domain::Ms,
    /// Says that the process ends: workers and sockets leave.
    pub stop: CancellationToken,
    pub workers: TaskTracker,
    /// What goes on after an answer was given: mails, the note that a session was used.
    pub background: TaskTracker,
    /// Proves at the first run that one can read the terminal of the server.
    pub setup_code: String,
}

impl App {
    /// Opens database and key, and brings the schema up to date. Nothing runs yet.
    ///
    /// # Errors
    /// When the data folder, the key, the mail server's address or the database cannot be used.
    pub fn open(config: Config, clock: Clock, mail: mail::Mail) -> anyhow::Result<Arc<Self>> {
        std::fs::create_dir_all(&config.data)?;
        let wakes = Arc::new(wakes::Wakes::default());
        let bus = realtime::bus::Bus::new(&config);
        let engine = if config.database.is_some() {
            Engine::Postgres
        } else {
            Engine::Sqlite
        };
        let leases = Arc::new(workers::leases::Leases::open(engine, config.roles, &config.data)?);
        let sink = wakes.sink(bus.clone(), leases.clone());
        let db = Db::open(&database(&config), clock.clone(), sink)?;
        let graph = GraphConfig {
            base_url: config.meta.graph_url.to_string(),
            ..GraphConfig::default()
        };
        Ok(Arc::new(Self {
            accounts: accounts::Accounts::default(),
            files: files::Files::new(&config.files),
            graph: GraphClient::new(&graph).map_err(|e| anyhow::anyhow!("the client of the platform: {e}"))?,
            push: PushClient::new(config.push.clone())
                .map_err(|e| anyhow::anyhow!("the client of push services: {e}"))?,
            push_identity: std::sync::OnceLock::new(),
            accept: workers::accept::Accept::default(),
            delivering: workers::deliver::Busy::default(),
            planners: workers::planner::Planners::default(),
            shadows: workers::shadow::Shadows::default(),
            replays: app::replays::Replays::default(),
            walls: walls::Walls::default(),
            hub: Arc::new(realtime::hub::Hub::new(bus.clone())),
            bus,
            leases,
            refused_signatures: signatures::Refused::default(),
            refused_identities: signatures::Refused::default(),
            webhooks_seen: signatures::LastSeen::default(),
            templates: templates::Templates::default(),
            node: uuid::Uuid::now_v7().to_string(),
            up_since: clock.now(),
            stop: CancellationToken::new(),
            workers: TaskTracker::new(),
            secrets: secrets::Secrets::load(config.secret_key.as_ref(), &config.data)?,
            passwords: passwords::Passwords::new(),
            limits: limits::Limits::new(&config.limits, &clock),
            background: TaskTracker::new(),
            setup_code: secrets::code(),
            db,
            clock,
            mail,
            wakes,
            config,
        }))
    }

    /// Mails a letter after the answer was given.
    pub fn post(self: &Arc<Self>, letter: mail::Letter) {
        let app = self.clone();
        self.background.spawn(async move { app.mail.send(letter).await });
    }

    /// Waits for what goes on after answers: tests, and the end of the process.
    pub async fn settle(&self) {
        self.background.close();
        self.background.wait().await;
        self.background.reopen();
    }
}

/// Where the truth is.
#[must_use]
pub fn database(config: &Config) -> DbConfig {
    match &config.database {
        Some(url) => DbConfig::Postgres(url.clone()),
        None => DbConfig::Sqlite(config.data.join("ronda.db")),
    }
}
