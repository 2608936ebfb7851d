//! A database with people and a number, servers of their own process on it, and the platform beside them.

use ronda_domain::permission::Role;
use ronda_domain::{AgentId, Clock, WorkspaceId};
use ronda_server::app::Actor;
use ronda_server::app::channel_accounts::{self, AccountSecrets, NewWhatsapp, WhatsappSettings};
use ronda_server::app::greeter::{Greeter, Handover};
use ronda_server::app::views;
use ronda_simulator::{Config as SimConfig, Faults, Simulator};
use ronda_storage::testing::{TestPlace, copy_of, fresh_config};
use ronda_storage::{Db, DbConfig, Engine, Lane, StoreResult, Tx};
use ronda_testkit::{Browser, TestApp};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const NUMBER: &str = "100000000000001";
const WABA: &str = "200000000000001";
const TOKEN: &str = "sim-token";
pub const APP_SECRET: &str = "the secret of the app";
/// What the number says to everybody who writes for the first time.
pub const GREETING: &str = "Hola, en un momento te atiende una persona.";
/// A server must answer again within this time after it was killed.
pub const RESTART: Duration = Duration::from_secs(5);

/// A database to make worlds from, without anybody connected.
pub struct Template {
    config: DbConfig,
    /// Holds the key of the secrets.
    data: tempfile::TempDir,
    pub workspace: WorkspaceId,
    pub webhook: String,
    pub agents: Vec<String>,
    place: Option<TestPlace>,
}

/// What a template contains.
#[derive(Clone, Copy)]
pub struct Shape {
    pub agents: usize,
    pub greeter: bool,
    /// Present for the next twenty minutes without a socket, and the policy asks for presence.
    pub online: bool,
    pub limit: Option<u32>,
}

impl Template {
    pub async fn new(engine: Engine, shape: Shape) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let (config, place) = blocking(move || fresh_config(engine)).await;
        let folder = data.path().display().to_string();
        let mut settings = vec![("data", folder.as_str())];
        let url = match &config {
            DbConfig::Postgres(url) => url.clone(),
            DbConfig::Sqlite(_) => String::new(),
        };
        settings.push(("database", &url));
        let app = TestApp::start_with(engine, &settings).await;
        let owner = app.owner().await;
        let w = app.workspace().await;
        let mut agents = Vec::new();
        let mut ids = Vec::new();
        for i in 0..shape.agents {
            let name = format!("agent{i}");
            ids.push(app.join(w, &name, Role::Agent).await.1);
            agents.push(name);
        }
        let changes = json!({ "excluded": [owner.agent], "limit": shape.limit, "reassign_seconds": null,
            "presence": if shape.online { "online" } else { "any" }, "ramp": { "initial": 0, "interval_seconds": 0 } });
        app.policy(&owner, "sales", changes).await;
        if shape.online {
            let present: StoreResult<()> = app
                .app
                .db
                .write("present", Lane::Interactive, move |tx| present(tx, w, &ids))
                .await;
            present.expect("presence");
        }
        let webhook = connect(&app, w, shape.greeter).await;
        // What was written so far is planned here, not by the servers that are killed.
        app.settled().await;
        let db = app.app.db.clone();
        drop(app);
        // Nor do they wait for its leases: it has said goodbye.
        let began = Instant::now();
        let gone = "select (select count(*) from node) + (select count(*) from duty where owner <> '')";
        loop {
            let left: StoreResult<Vec<i64>> = db.read("gone", move |tx| tx.query_dynamic(gone, &[], |r| r.i(0))).await;
            if left.is_ok_and(|left| left == [0]) {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "the template does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        blocking(move || drop(db)).await;
        let config = match config {
            DbConfig::Sqlite(_) => DbConfig::Sqlite(data.path().join("ronda.db")),
            postgres => postgres,
        };
        Self {
            config,
            data,
            workspace: w,
            webhook,
            agents,
            place: Some(place),
        }
    }
}

fn present(tx: &mut Tx<'_>, w: WorkspaceId, agents: &[AgentId]) -> StoreResult<()> {
    use ronda_domain::agent::AgentState;
    let now = tx.now();
    for agent in agents {
        let mut p = ronda_storage::presence::lock(tx, w, *agent)?;
        p.effective = AgentState::Online;
        p.since = now;
        p.last_activity_at = now.plus(1_200_000);
        p.connected_until = now.plus(1_200_000);
        ronda_storage::presence::put(tx, &p)?;
        let fact = ronda_routing::Fact::Presence {
            agent: *agent,
            now: ronda_routing::Presence::Online,
            since: now,
        };
        ronda_storage::routing::insert_inputs(tx, w, &[views::text(&fact)])?;
    }
    Ok(())
}

async fn connect(app: &TestApp, w: WorkspaceId, greeter: bool) -> String {
    let new = NewWhatsapp {
        name: "Ventas".into(),
        phone_number_id: NUMBER.into(),
        settings: WhatsappSettings {
            waba_id: WABA.into(),
            display_phone: "+54 9 11 5555-0100".into(),
            graph_url: None,
        },
        secrets: AccountSecrets {
            access_token: TOKEN.into(),
            app_secrets: vec![APP_SECRET.into()],
            verify_token: "verify".into(),
            ..AccountSecrets::default()
        },
        greeter: greeter.then(|| Greeter {
            text: GREETING.into(),
            handover: Handover::FirstMessage,
            words: Vec::new(),
            chat_group: None,
        }),
        default_group: None,
        simulated: true,
        health: Value::Null,
    };
    let server = app.app.clone();
    let row: Result<_, ronda_server::app::AppError> = app
        .app
        .db
        .write("connect", Lane::Interactive, move |tx| {
            channel_accounts::connect_whatsapp(tx, &server.secrets, w, &Actor::operator(), &new)
        })
        .await;
    row.expect("a number").webhook_token
}

/// A copy of the template with its platform. Servers are started on it, killed and started again.
pub struct World {
    pub config: DbConfig,
    pub workspace: WorkspaceId,
    pub webhook: String,
    pub agents: Vec<String>,
    pub sim: Simulator,
    data: tempfile::TempDir,
    db: Option<Db>,
    place: Option<TestPlace>,
}

impl World {
    pub async fn new(template: &Template) -> Self {
        let original = template.config.clone();
        let (copy, place) = blocking(move || copy_of(&original)).await;
        let data = tempfile::tempdir().expect("a folder");
        std::fs::copy(template.data.path().join("secret.key"), data.path().join("secret.key")).expect("the key");
        let config = match copy {
            DbConfig::Sqlite(path) => {
                let own = data.path().join("ronda.db");
                std::fs::copy(path, &own).expect("the database");
                DbConfig::Sqlite(own)
            }
            postgres => postgres,
        };
        // Nothing is told back by the platform: what a test knows of a send is what it counted there.
        let sim = ronda_simulator::start(SimConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            callback_url: "http://127.0.0.1:9/nowhere".into(),
            faults: Faults {
                drop_rate: 1.0,
                no_rate_limits: true,
                ..Faults::default()
            },
            ..SimConfig::default()
        })
        .await
        .expect("the simulator");
        let its = config.clone();
        let db = blocking(move || Db::open_without_migrating(&its, Clock::system(), Arc::new(|_| ())))
            .await
            .expect("the database opens");
        Self {
            config,
            workspace: template.workspace,
            webhook: template.webhook.clone(),
            agents: template.agents.clone(),
            sim,
            data,
            db: Some(db),
            place: Some(place),
        }
    }

    /// The database as the test sees it, beside the servers.
    pub async fn look<T: Send + 'static>(
        &self,
        f: impl FnMut(&mut Tx<'_>) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        self.db.as_ref().expect("open").read("look", f).await
    }

    /// What the test itself writes there.
    pub async fn change<T: Send + 'static>(&self, f: impl FnMut(&mut Tx<'_>) -> StoreResult<T> + Send + 'static) -> T {
        let db = self.db.as_ref().expect("open");
        db.write("change", Lane::Interactive, f).await.expect("a write")
    }

    /// A number from the database.
    pub async fn count(&self, text: &'static str) -> i64 {
        self.look(move |tx| tx.query_dynamic(text, &[], |r| r.i(0)))
            .await
            .unwrap_or_else(|e| panic!("{text}: {e}"))
            .first()
            .copied()
            .unwrap_or(0)
    }

    /// A port nobody uses.
    pub fn port() -> u16 {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        free.local_addr().expect("its address").port()
    }

    /// Starts a server and waits until it answers; the time that took.
    pub async fn serve(&self, port: u16) -> Node {
        self.serve_with(port, &[]).await
    }

    /// Starts a server that ends at the point once it is armed ([`World::arm`]).
    pub async fn serve_to_crash(&self, port: u16, point: &str) -> Node {
        let armed = self.armed().display().to_string();
        let variables = [
            (ronda_storage::CRASH_POINT, point),
            (ronda_storage::CRASH_ARMED, &armed),
        ];
        self.serve_with(port, &variables).await
    }

    /// From now on the point ends the server.
    pub fn arm(&self) {
        std::fs::write(self.armed(), "").expect("a file");
    }

    fn armed(&self) -> std::path::PathBuf {
        self.data.path().join("armed")
    }

    /// As [`World::serve`], with other variables of the environment.
    pub async fn serve_with(&self, port: u16, variables: &[(&str, &str)]) -> Node {
        let log = self.data.path().join(format!("log-{port}"));
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ronda-testing"));
        command
            .arg("serve")
            .current_dir(self.data.path())
            .env("RONDA_LISTEN", format!("127.0.0.1:{port}"))
            .env("RONDA_DATA", self.data.path())
            .env("RONDA_META_GRAPH_URL", self.sim.base_url())
            .env(
                "RONDA_LOG",
                std::env::var("RONDA_LOG").unwrap_or_else(|_| "warn".into()),
            )
            .env("RONDA_LIMITS_REQUESTS_PER_MINUTE", "1000000")
            .env("RONDA_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE", "1000000")
            .env("RONDA_TRUSTED_PROXIES", "127.0.0.0/8")
            .env_remove(ronda_storage::CRASH_POINT)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log);
        if let DbConfig::Postgres(url) = &self.config {
            command.env("RONDA_DATABASE", url);
        }
        command.envs(variables.iter().copied());
        let began = Instant::now();
        let child = command.spawn().expect("the server starts");
        let mut node = Node {
            child,
            address: format!("http://127.0.0.1:{port}"),
            ready_after: Duration::ZERO,
        };
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        loop {
            let answer = client.get(format!("{}/readyz", node.address)).send().await;
            if answer.is_ok_and(|a| a.status().is_success()) || node.has_ended().is_some() {
                node.ready_after = began.elapsed();
                return node;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "not ready:\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What the servers wrote, for the message of a failed test.
    pub fn logs(&self) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(self.data.path()).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("log-") {
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                let from = text.len().saturating_sub(3_000);
                let from = (from..text.len())
                    .find(|i| text.is_char_boundary(*i))
                    .unwrap_or(text.len());
                all.push_str(&text[from..]);
            }
        }
        all
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what the servers wrote:\n{}", self.logs());
        }
        let (db, place) = (self.db.take(), self.place.take());
        // The driver must not wait inside a runtime.
        let _ = std::thread::spawn(move || drop((db, place))).join();
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        let place = self.place.take();
        let _ = std::thread::spawn(move || drop(place)).join();
    }
}

/// A server process.
pub struct Node {
    child: Child,
    pub address: String,
    pub ready_after: Duration,
}

impl Node {
    /// How the process ended: the signal that ended it, 0 for none.
    pub fn has_ended(&mut self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt as _;
        self.child
            .try_wait()
            .expect("the state of a child")
            .map(|status| status.signal().unwrap_or(0))
    }

    pub async fn ended_within(&mut self, longest: Duration) -> Option<i32> {
        let began = Instant::now();
        while began.elapsed() < longest {
            if let Some(signal) = self.has_ended() {
                return Some(signal);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }

    /// As a power cut: no warning, nothing finished.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends any other signal: `STOP`, `CONT`, `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|s| s.success()), "kill -{name}");
    }

    /// Moves the clock of this process.
    pub async fn advance(&self, millis: i64) {
        let browser = Browser::at(&self.address);
        let request = browser
            .outside("POST", "/testing/clock")
            .json(&json!({ "millis": millis }));
        browser.send(request).await.ok();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work ends")
}
