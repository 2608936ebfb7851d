//! The demo workspace (spec PLAT-12): a shop with people, history and live simulated customers. Only `ronda demo` runs
//! this; a server that was started with `ronda serve` has none of it.
//!
//! What is shown went through the same use cases as everything else: the history was told to them with a clock that
//! stands in the past, customers write through the simulated platform over HTTP, and simulated agents reply and close
//! with the commands people use.

mod agents;
mod chance;
mod past;
mod seed;
mod shop;
mod story;
mod visitors;

use crate::app::Who;
use crate::config::Config;
use crate::mail::Mail;
use crate::{App, cli, http, secrets};
use anyhow::{Context as _, bail, ensure};
use ronda_domain::{Clock, WorkspaceId};
use ronda_simulator::{Simulator, Traffic};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The name of the workspace.
pub const SHOP: &str = "Tienda del Sur";
/// How many agents there are besides owner and supervisor.
pub const AGENTS: usize = seed::AGENTS.len();

/// Known to everybody, and therefore only good where nobody else can come: on this machine.
const LOCAL_PASSWORD: &str = "una-ronda-de-mates";
/// Proves that a folder is a demo's: nothing else is ever removed or filled.
const MARK: &str = "demo.json";
/// The numbers that workspaces of the demo got for trying.
const NUMBERS: &str = "numbers.json";
/// The usual port of the simulator.
const SIMULATOR_PORT: u16 = 8090;
/// Customers of open conversations who ask again at a start.
const ASKING: usize = 8;
/// Share of the new conversations that begin in the web chat.
const WEB_SHARE: f64 = 0.25;

/// What a demo is like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Port 0 takes any.
    pub listen: SocketAddr,
    /// None is this machine, at the usual port or any.
    pub simulator: Option<SocketAddr>,
    /// None is a folder that goes away at the end.
    pub data: Option<PathBuf>,
    pub reset: bool,
    /// New conversations a minute; 0 is none.
    pub per_minute: f64,
    /// How many agents work by themselves.
    pub agents: usize,
    pub public_url: Option<String>,
    pub log: String,
    /// How fast simulated customers are; 1 is life, 10 is ten times faster.
    pub customer_speed: f64,
    /// How fast simulated agents are.
    pub agent_speed: f64,
    /// Days of history in a new folder; 0 is none.
    pub history_days: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            simulator: None,
            data: None,
            reset: false,
            per_minute: 2.5,
            agents: 3,
            public_url: None,
            log: "warn".into(),
            customer_speed: 1.0,
            agent_speed: 1.0,
            history_days: 6,
        }
    }
}

/// What is kept beside the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mark {
    password: String,
    /// Whether the workspace was filled to its end.
    ready: bool,
}

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Person {
    pub email: String,
    pub name: String,
    pub what: String,
}

/// A demo that is about to run.
pub struct Demo {
    pub app: Arc<App>,
    pub workspace: WorkspaceId,
    pub password: String,
    cast: seed::Cast,
    simulator: Simulator,
    listener: TcpListener,
    settings: Settings,
    /// Removes the folder at the end.
    temporary: Option<Folder>,
}

/// A folder that goes away with this value.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the folder of the demo was not removed");
        }
    }
}

impl Demo {
    /// Opens or makes the workspace, listens, and starts the simulator. Customers begin to write with [`Demo::run`].
    ///
    /// # Errors
    /// When an address is taken, the folder holds something that is no demo, or it would be open to others with a
    /// password that everybody knows.
    pub async fn open(mut settings: Settings) -> anyhow::Result<Self> {
        let local = settings.listen.ip().is_loopback();
        ensure!(
            local || settings.public_url.is_some(),
            "{} can be reached from outside: give --public-url https://…, behind a proxy with TLS, or an address of this \
             machine",
            settings.listen
        );
        let listener = TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("cannot listen on {} (--listen takes another)", settings.listen))?;
        settings.listen = listener.local_addr()?;
        let (data, temporary) = match settings.data.clone() {
            Some(data) => (data, None),
            None => {
                let name = format!("ronda-demo-{}", &secrets::token()[..12]);
                let data = std::env::temp_dir().join(name);
                (data.clone(), Some(Folder(data)))
            }
        };
        let mut mark = prepare(&data, settings.reset, local)?;
        let callback = callback(settings.listen);
        let key = secrets::token();
        let simulator = start_simulator(&settings, callback, &data, &key).await?;
        let config = config(&settings, &data, &simulator, key)?;
        if !mark.ready {
            let (config, password, days) = (config.clone(), mark.password.clone(), settings.history_days);
            let graph = simulator.base_url();
            let number = seed::number(&graph).await?;
            tokio::task::spawn_blocking(move || seed::fill(&config, &password, &number, days)).await??;
            mark.ready = true;
            write_mark(&data, &mark)?;
        }
        let opened = config.clone();
        let app = tokio::task::spawn_blocking(move || App::open(opened, Clock::system(), Mail::open(&config.mail)?))
            .await??;
        let cast = app.db.read("demo_cast", seed::cast).await?;
        Ok(Self {
            workspace: cast.workspace,
            password: mark.password,
            app,
            cast,
            simulator,
            listener,
            settings,
            temporary,
        })
    }

    /// Who can sign in, and as what.
    #[must_use]
    pub fn people(&self) -> Vec<Person> {
        let busy = &self.cast.agents[..self.settings.agents.min(self.cast.agents.len())];
        self.cast
            .everybody
            .iter()
            .map(|(who, email)| Person {
                email: email.clone(),
                name: who.name.clone(),
                what: what(who, busy, &self.cast),
            })
            .collect()
    }

    /// The page on which one writes as a customer.
    #[must_use]
    pub fn phone_page(&self) -> String {
        format!("{}/phone", self.simulator.base_url())
    }

    /// Whether the demo is still there after its end.
    #[must_use]
    pub fn keeps_data(&self) -> bool {
        self.temporary.is_none()
    }

    /// Answers and plays until `stop`.
    ///
    /// # Errors
    /// When a socket fails.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let Self {
            app,
            cast,
            simulator,
            listener,
            settings,
            temporary,
            ..
        } = self;
        let simulator = Arc::new(simulator);
        let router = http::router(app.clone()).merge(shop::routes(&cast.site_key));
        // The simulator forgets at its end; who wrote yesterday can be answered today.
        let open = app
            .db
            .read("demo_open", move |tx| seed::open_phones(tx, cast.workspace))
            .await?;
        for c in &open {
            simulator.recall(&c.digits, &c.name, &c.said)?;
        }
        agents::start(&app, &cast, &settings);
        visitors::start(&app, &cast, settings.per_minute * WEB_SHARE, settings.customer_speed);
        customers(&app, open, &simulator, &settings);
        let ended = cli::run_router(app, router, listener, stop).await;
        if let Some(simulator) = Arc::into_inner(simulator) {
            simulator.stop().await?;
        }
        drop(temporary);
        ended
    }
}

/// Customers on the phone: those with an open conversation ask again, then new ones come.
fn customers(app: &Arc<App>, open: Vec<seed::Open>, simulator: &Arc<Simulator>, settings: &Settings) {
    // Tasks of the demo do not keep the simulator alive: it is stopped at the end.
    let simulator = Arc::downgrade(simulator);
    let (per_minute, speed) = (settings.per_minute * (1.0 - WEB_SHARE), settings.customer_speed);
    crate::workers::spawn(app, "demo_customers", async move {
        let traffic = |per_minute: f64| Traffic {
            per_minute,
            speed,
            max_active: 60,
            ..Traffic::default()
        };
        if per_minute > 0.0 {
            // The first few come at once: nobody should look at an empty screen.
            tokio::time::sleep(Duration::from_secs_f64(1.5 / speed)).await;
            set(&simulator, traffic(per_minute * 15.0));
            tokio::time::sleep(Duration::from_secs_f64(8.0 / speed)).await;
            set(&simulator, traffic(per_minute));
            let mut chance = chance::Chance::new();
            for c in open.into_iter().take(ASKING) {
                tokio::time::sleep(Duration::from_secs_f64(chance.between(6.0, 25.0) / speed)).await;
                if let Some(simulator) = simulator.upgrade()
                    && let Err(error) = simulator.write(&c.digits, &c.name, chance.one_of(story::ASKING_AGAIN))
                {
                    tracing::debug!(%error, "a simulated customer could not write");
                }
            }
        }
        std::future::pending::<()>().await;
    });
}

fn set(simulator: &std::sync::Weak<Simulator>, traffic: Traffic) {
    if let Some(simulator) = simulator.upgrade() {
        simulator.set_traffic(traffic);
    }
}

fn what(who: &Who, busy: &[Who], cast: &seed::Cast) -> String {
    use ronda_domain::permission::Role;
    match who.role {
        Role::Owner => "owner".into(),
        Role::Supervisor => "supervisor".into(),
        _ => {
            let groups: Vec<&str> = cast
                .groups
                .iter()
                .filter(|(id, _)| who.groups.contains(id))
                .map(|(_, name)| name.as_str())
                .collect();
            let busy = if busy.iter().any(|b| b.agent == who.agent) {
                ", works by itself"
            } else {
                ""
            };
            format!("agent of {}{busy}", groups.join(" and "))
        }
    }
}

/// The folder as a demo's: new, or one that a demo left there.
fn prepare(data: &Path, reset: bool, local: bool) -> anyhow::Result<Mark> {
    let file = data.join(MARK);
    let known: Option<Mark> = match std::fs::read_to_string(&file) {
        Ok(text) => Some(serde_json::from_str(&text).with_context(|| format!("{} cannot be read", file.display()))?),
        Err(_) => None,
    };
    let empty = std::fs::read_dir(data).map_or(true, |mut entries| entries.next().is_none());
    let mark = match known {
        Some(mark) if mark.ready && !reset => mark,
        known => {
            if known.is_some() {
                // Half filled, or to begin again; the mark says that it is ours.
                std::fs::remove_dir_all(data)?;
            } else if !empty {
                bail!(
                    "{} holds something that is no demo: name another folder",
                    data.display()
                );
            }
            std::fs::create_dir_all(data)?;
            private(data)?;
            let mark = Mark {
                password: if local {
                    LOCAL_PASSWORD.into()
                } else {
                    secrets::token()[..16].to_owned()
                },
                ready: false,
            };
            write_mark(data, &mark)?;
            mark
        }
    };
    ensure!(
        local || mark.password != LOCAL_PASSWORD,
        "this demo was made for this machine and has a password that everybody knows: use another folder or --reset"
    );
    Ok(mark)
}

fn write_mark(data: &Path, mark: &Mark) -> anyhow::Result<()> {
    Ok(std::fs::write(data.join(MARK), serde_json::to_vec_pretty(mark)?)?)
}

/// For nobody else on this machine: the mark holds a password.
fn private(folder: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Where the simulator delivers: this server, by the address that works from this machine.
fn callback(listen: SocketAddr) -> String {
    let mut to = listen;
    if to.ip().is_unspecified() {
        to.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{to}/webhooks/meta")
}

async fn start_simulator(
    settings: &Settings,
    callback_url: String,
    data: &Path,
    key: &str,
) -> anyhow::Result<Simulator> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, SIMULATOR_PORT));
    let mut config = ronda_simulator::Config {
        listen: settings.simulator.unwrap_or(usual),
        allow_remote: settings.simulator.is_some(),
        callback_url,
        sandbox_key: Some(key.to_owned()),
        numbers_file: Some(data.join(NUMBERS)),
        ..ronda_simulator::Config::default()
    };
    if let Some(number) = config.numbers.first_mut() {
        number.verified_name = SHOP.into();
    }
    match ronda_simulator::start(config.clone()).await {
        Err(_) if settings.simulator.is_none() => {
            config.listen.set_port(0);
            ronda_simulator::start(config).await
        }
        other => other,
    }
}

/// The configuration of a demo takes nothing from the environment: a demo never reaches somebody's real data.
fn config(settings: &Settings, data: &Path, simulator: &Simulator, key: String) -> anyhow::Result<Config> {
    let sandbox = ronda_simulator::Config::default();
    let mut values = vec![
        ("listen", settings.listen.to_string()),
        ("data", data.display().to_string()),
        ("meta.graph_url", simulator.base_url()),
        ("meta.app_secret", sandbox.app_secret),
        ("meta.verify_token", sandbox.verify_token),
        ("sandbox.url", simulator.base_url()),
        ("sandbox.key", key),
        ("log", settings.log.clone()),
    ];
    values.extend(settings.public_url.clone().map(|url| ("public_url", url)));
    Ok(Config::load(None, |_| None, &values)?)
}
