//! The command line of `ronda`.

pub mod backup;
pub mod demo;
pub mod doctor;
pub mod operator;
pub mod route;
pub mod simulator;

use crate::config::{self, Config};
use crate::{App, http, mail, workers};
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
    /// Try Ronda: a shop with agents, history and simulated customers, on a simulated WhatsApp.
    Demo(demo::DemoArgs),
    /// Run the simulator of the WhatsApp platform alone.
    Simulator(ronda_simulator::Args),
    /// Create workspaces.
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Create users and links for new passwords.
    #[command(subcommand)]
    User(UserCommand),
    /// Bring the database up to date, or move it from SQLite to PostgreSQL.
    Migrate {
        /// Move everything into this empty PostgreSQL database (postgres://…). Stop the server first.
        #[arg(long)]
        to: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Check the audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Look for what is missing or broken.
    Doctor(Settings),
    /// Copy database and files into a new folder while the server runs (SQLite).
    Backup {
        /// Folder of the backups.
        into: PathBuf,
        /// Keep so many, remove older ones.
        #[arg(long)]
        keep: Option<usize>,
        /// Also copy the key of the secrets: whoever has this backup reads everything.
        #[arg(long)]
        with_key: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Put a backup into an empty installation.
    Restore {
        /// The folder of one backup.
        from: PathBuf,
        /// Only read it and compare it with its list.
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Measure the assignment rules.
    #[command(subcommand)]
    Route(route::RouteCommand),
    /// Print the API's OpenAPI document.
    Openapi,
    /// Print the reference of the configuration.
    Config,
}

#[derive(Subcommand)]
enum WorkspaceCommand {
    /// Create a workspace with its owner.
    Create {
        #[command(flatten)]
        args: operator::WorkspaceArgs,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Make somebody a member of a workspace.
    Create {
        #[command(flatten)]
        args: operator::UserArgs,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print a link with which somebody chooses a new password: once, within 30 minutes.
    ResetLink {
        email: String,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Find entries that were altered or taken away.
    Verify(Settings),
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
    /// What this process does: http, workers or both, comma separated.
    #[arg(long)]
    roles: Option<String>,
}

impl Settings {
    fn load(&self) -> anyhow::Result<Config> {
        let overrides: Vec<(&str, String)> = [
            ("listen", &self.listen),
            ("data", &self.data),
            ("database", &self.database),
            ("files", &self.files),
            ("public_url", &self.public_url),
            ("roles", &self.roles),
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
        Command::Demo(args) => demo::run(args),
        Command::Simulator(args) => simulator::run(args),
        Command::Workspace(WorkspaceCommand::Create { args, settings }) => {
            let (id, link) = operator::Operator::open(settings.load()?)?.create_workspace(&args)?;
            print(&format!("Workspace {id} ({}) belongs to {}.\n", args.name, args.owner))?;
            first_password(link.as_deref())
        }
        Command::User(UserCommand::Create { args, settings }) => {
            let link = operator::Operator::open(settings.load()?)?.create_user(&args)?;
            print(&format!("{} is a member now.\n", args.email))?;
            first_password(link.as_deref())
        }
        Command::User(UserCommand::ResetLink { email, settings }) => {
            let link = operator::Operator::open(settings.load()?)?.reset_link(&email)?;
            print(&format!("{link}\n"))
        }
        Command::Migrate { to, settings } => migrate(&settings.load()?, to.as_deref()),
        Command::Audit(AuditCommand::Verify(settings)) => {
            let entries = operator::Operator::open(settings.load()?)?.verify_audit()?;
            print(&format!("{entries} entries, none altered.\n"))
        }
        Command::Doctor(settings) => doctor(&settings.load()?),
        Command::Backup {
            into,
            keep,
            with_key,
            settings,
        } => {
            let made = backup::create(&settings.load()?, &into, keep, with_key)?;
            print(&format!("{}\n", made.display()))
        }
        Command::Restore { from, check: true, .. } => {
            backup::check(&from)?;
            print("The backup is whole.\n")
        }
        Command::Restore { from, settings, .. } => {
            let held = backup::restore(&settings.load()?, &from)?;
            print(&format!(
                "Restored. {held} messages that waited to be sent were held back: their conversations show them as failed.\n"
            ))
        }
        Command::Route(command) => print(&route::run(&command)),
        Command::Openapi => print(&http::document::json()),
        Command::Config => print(&config::reference()),
    }
}

fn first_password(link: Option<&str>) -> anyhow::Result<()> {
    match link {
        Some(link) => print(&format!("They choose a password here, within 30 minutes: {link}\n")),
        None => print("The address has an account already: its password stays.\n"),
    }
}

fn migrate(config: &Config, to: Option<&str>) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.data)?;
    let database = crate::database(config);
    let Some(url) = to else {
        let steps = ronda_storage::migrate::missing(&database)?;
        ronda_storage::migrate::run(&database)?;
        return print(&format!(
            "{} steps were run; the database is up to date.\n",
            steps.len()
        ));
    };
    let ronda_storage::DbConfig::Sqlite(path) = database else {
        anyhow::bail!("the data is in PostgreSQL already");
    };
    let moved = ronda_storage::transfer::to_postgres(&path, url)?;
    let rows: u64 = moved.iter().map(|(_, n)| n).sum();
    print(&format!(
        "{rows} rows of {} tables were moved. Set `database` to the new address; {} is not needed any more.\n",
        moved.len(),
        path.display()
    ))
}

fn doctor(config: &Config) -> anyhow::Result<()> {
    let findings = doctor::examine(config);
    for finding in &findings {
        print(&format!("{finding}\n"))?;
    }
    let broken = findings.iter().filter(|f| f.verdict == doctor::Verdict::Broken).count();
    anyhow::ensure!(broken == 0, "{broken} things are broken");
    Ok(())
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
    let router = http::router(app.clone());
    run_router(app, router, listener, stop).await
}

/// As [`run_server`], with pages beside the server's own.
///
/// # Errors
/// When the socket fails.
pub async fn run_router(
    app: Arc<App>,
    router: axum::Router,
    listener: tokio::net::TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    http::health::recorder();
    workers::leases::join(&app).await?;
    workers::push::identify(&app).await?;
    workers::start(&app);
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let ending = app.clone();
    let stop = async move {
        stop.await;
        // Sockets and workers leave first: an open socket would keep the server waiting.
        ending.stop.cancel();
    };
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    app.stop.cancel();
    app.workers.close();
    app.workers.wait().await;
    workers::leases::release(&app).await;
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
