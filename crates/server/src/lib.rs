//! The server of Ronda: HTTP, use cases, workers, real time.
//!
//! [`App`] is what every request and every worker is given. Requests come in through `http`, rules stand in `app`,
//! loops in `workers`, sockets in `realtime`; none of them keeps state that the database does not have.

pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod limits;
pub mod mail;
pub mod passwords;
pub mod secrets;
pub mod wakes;

use crate::config::Config;
use ronda_domain::Clock;
use ronda_storage::{Db, DbConfig};
use std::sync::Arc;
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
        let db = Db::open(&database(&config), clock.clone(), wakes.sink())?;
        Ok(Arc::new(Self {
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
