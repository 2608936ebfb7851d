//! The command line of `ronda`.

use crate::config::{self, Config};
use crate::{App, http, mail};
use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use ronda_domain::Clock;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Customer conversations for teams: WhatsApp and web chat in one console, assigned fairly.
#[derive(Parser)]
#[command(name = "ronda", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(Settings),
    /// Print the API's OpenAPI document.
    Openapi,
    /// Print the reference of the configuration.
    Config,
}

/// The settings that are often given by hand; the rest stands in the file or the environment (`ronda config`).
#[derive(Args, Clone, Default)]
struct Settings {
    /// Configuration file (TOML).
    #[arg(long, env = "RONDA_CONFIG")]
    config: Option<PathBuf>,
    /// Address and port to listen on.
    #[arg(long)]
    listen: Option<String>,
    /// Folder of the SQLite database, the files and the key of the secrets.
    #[arg(long)]
    data: Option<String>,
    /// postgres://… to keep the data in PostgreSQL.
    #[arg(long)]
    database: Option<String>,
    /// Folder of received and sent files.
    #[arg(long)]
    files: Option<String>,
    /// The address people type.
    #[arg(long)]
    public_url: Option<String>,
}

impl Settings {
    fn load(&self) -> anyhow::Result<Config> {
        let overrides: Vec<(&str, String)> = [
            ("listen", &self.listen),
            ("data", &self.data),
            ("database", &self.database),
            ("files", &self.files),
            ("public_url", &self.public_url),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.clone().map(|v| (key, v)))
        .collect();
        Ok(Config::load(
            self.config.as_deref(),
            |name| std::env::var(name).ok(),
            &overrides,
        )?)
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    match command(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ronda: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(settings) => serve(&settings),
        Command::Openapi => print(&http::document::json()),
        Command::Config => print(&config::reference()),
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

fn logs(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::new(&config.log);
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let installed = if config.log_json {
        logs.json().try_init()
    } else {
        logs.try_init()
    };
    if installed.is_err() {
        eprintln!("ronda: logging was set up before");
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn serve(settings: &Settings) -> anyhow::Result<()> {
    let config = settings.load()?;
    logs(&config);
    let mail = mail::Mail::open(&config.mail)?;
    let app = App::open(config, Clock::system(), mail)?;
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(app.config.listen)
            .await
            .with_context(|| format!("cannot listen on {}", app.config.listen))?;
        welcome(&app).await?;
        run_server(app, listener, stopped()).await
    })
}

/// Prints where to go, and at the first run the code that proves one can read this.
async fn welcome(app: &Arc<App>) -> anyhow::Result<()> {
    let needed = app.db.read("setup_needed", crate::app::setup::needed).await?;
    if needed {
        println!(
            "First run: open {} and type the code {}",
            app.config.link("/setup"),
            app.setup_code
        );
    } else {
        println!("Ronda is at {}", app.config.link("/"));
    }
    Ok(())
}

/// Answers requests until `stop`, then lets those under way finish.
///
/// # Errors
/// When the socket fails.
pub async fn run_server(
    app: Arc<App>,
    listener: tokio::net::TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    http::health::recorder();
    let router = http::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    app.settle().await;
    Ok(())
}

/// Ctrl-C or a polite kill.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminated) = signal(SignalKind::terminate()) else {
            let _ = interrupted.await;
            return;
        };
        tokio::select! { _ = interrupted => {}, _ = terminated.recv() => {} }
    }
    #[cfg(not(unix))]
    let _ = interrupted.await;
}
