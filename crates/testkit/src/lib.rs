//! The real server for tests: on both engines, with a clock that moves when the test says so, and browsers that keep
//! cookies.
//!
//! ```ignore
//! api_suite! {
//!     async fn cp_7_a_group_has_a_unique_name(app) {
//!         let owner = app.owner().await;
//!         owner.post("/groups", json!({ "name": "Ventas" })).await.expect(201);
//!         owner.post("/groups", json!({ "name": "VENTAS" })).await.wrong("/name", "taken");
//!     }
//! }
//! ```

mod browser;
mod chat;
mod push;
mod screen;
mod whatsapp;

pub use browser::{Answer, Browser};
pub use chat::Visitor;
pub use push::{PushBrowser, PushService, Received};
pub use ronda_storage::Engine;
pub use screen::Screen;
pub use whatsapp::{Graph, Phone, eventually, hasty, text};

use ronda_domain::permission::Role;
use ronda_domain::{AccountId, AgentId, Clock, WorkspaceId};
use ronda_server::app::AppError;
use ronda_server::app::fields::Email;
use ronda_server::app::setup::{self, NewPerson, NewWorkspace};
use ronda_server::config::Config;
use ronda_server::mail::{Letter, Mail};
use ronda_server::{App, cli, passwords};
use ronda_storage::testing::{TestPlace, fresh_config};
use ronda_storage::{DbConfig, Lane};
use std::sync::{Arc, Mutex, OnceLock};

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct horse battery";

/// The hash of [`PASSWORD`], computed once.
fn password_hash() -> String {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| passwords::hash(PASSWORD)).clone()
}

/// A running server on a database of its own. It ends with this value.
pub struct TestApp {
    pub app: Arc<App>,
    pub clock: Clock,
    /// `http://127.0.0.1:port`.
    pub address: String,
    workspace: Mutex<Option<WorkspaceId>>,
    _stop: tokio::sync::oneshot::Sender<()>,
    _folder: tempfile::TempDir,
    _place: Place,
}

impl TestApp {
    /// A server that nobody has set up yet.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, &[]).await
    }

    /// As [`TestApp::start`], with other values of the configuration.
    pub async fn start_with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        Self::start_mailing(engine, settings, Mail::kept()).await
    }

    /// A server without a way out for mails.
    pub async fn without_mail(engine: Engine) -> Self {
        let config = Config::load(None, |_| None, &[]).expect("the defaults");
        let none = Mail::open(&config.mail).expect("no mail server");
        Self::start_mailing(engine, &[], none).await
    }

    async fn start_mailing(engine: Engine, settings: &[(&str, &str)], mail: Mail) -> Self {
        // A process has one provider of TLS; the second test finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the port");
        let (db, place) = blocking(move || fresh_config(engine)).await;
        let folder = tempfile::tempdir().expect("a folder");
        let mut values: Vec<(&str, String)> = vec![
            ("listen", address.to_string()),
            ("data", folder.path().display().to_string()),
            ("trusted_proxies", "127.0.0.0/8".into()),
        ];
        match &db {
            DbConfig::Postgres(url) => values.push(("database", url.clone())),
            DbConfig::Sqlite(path) => {
                std::fs::copy(path, folder.path().join("ronda.db")).expect("the database of the template");
            }
        }
        values.extend(settings.iter().map(|(k, v)| (*k, (*v).to_owned())));
        let config = Config::load(None, |_| None, &values).expect("a configuration for tests");
        let clock = Clock::system();
        let its_clock = clock.clone();
        let app = blocking(move || App::open(config, its_clock, mail))
            .await
            .expect("the server opens");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = cli::run_server(app.clone(), listener, async {
            let _ = stopped.await;
        });
        tokio::spawn(async move { running.await.expect("the server runs") });
        Self {
            app,
            clock,
            address: format!("http://{address}"),
            workspace: Mutex::new(None),
            _stop: stop,
            _folder: folder,
            _place: Place(Some(place)),
        }
    }

    /// A browser that nobody signed in with, on a machine of its own.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser::new(&self.address)
    }

    /// The workspace of [`TestApp::owner`] and [`TestApp::member`].
    pub async fn workspace(&self) -> WorkspaceId {
        let known = *self.workspace.lock().expect("workspace");
        match known {
            Some(id) => id,
            None => {
                let id = self.new_workspace("Acme", "olga").await;
                *self.workspace.lock().expect("workspace") = Some(id);
                id
            }
        }
    }

    /// Makes the workspace of [`TestApp::owner`] one in which everything is simulated, as the demo's.
    ///
    /// # Panics
    /// When it is there already.
    pub async fn all_simulated(&self) {
        let id = self.make_workspace("Acme", "olga", true).await;
        let before = self.workspace.lock().expect("workspace").replace(id);
        assert!(before.is_none(), "the workspace is there already");
    }

    /// A workspace with an owner `owner@example.com`.
    pub async fn new_workspace(&self, name: &str, owner: &str) -> WorkspaceId {
        self.make_workspace(name, owner, false).await
    }

    async fn make_workspace(&self, name: &str, owner: &str, simulated: bool) -> WorkspaceId {
        let workspace = NewWorkspace {
            name: name.into(),
            zone: "America/Argentina/Buenos_Aires".into(),
            language: "es".into(),
            country: "AR".into(),
            simulated,
        };
        let owner = person(owner);
        let write = self.app.db.write("workspace", Lane::Interactive, move |tx| {
            setup::create_workspace(tx, &workspace, &owner)
        });
        write.await.expect("a workspace").0
    }

    /// Olga, the owner of the workspace, signed in.
    pub async fn owner(&self) -> Browser {
        self.workspace().await;
        self.sign_in("olga").await
    }

    /// A new member of the workspace, signed in. The name is also the address before `@example.com`.
    pub async fn member(&self, name: &str, role: Role) -> Browser {
        let workspace = self.workspace().await;
        self.member_of(workspace, name, role).await
    }

    /// A new member of any workspace, signed in.
    pub async fn member_of(&self, workspace: WorkspaceId, name: &str, role: Role) -> Browser {
        self.join(workspace, name, role).await;
        self.sign_in(name).await
    }

    /// Makes somebody a member without signing in.
    pub async fn join(&self, workspace: WorkspaceId, name: &str, role: Role) -> (AccountId, AgentId) {
        let person = person(name);
        let joined: Result<_, AppError> = self
            .app
            .db
            .write("join", Lane::Interactive, move |tx| {
                setup::join(tx, workspace, &person, role)
            })
            .await;
        joined.expect("a member")
    }

    /// A browser in which somebody signed in.
    pub async fn sign_in(&self, name: &str) -> Browser {
        let mut browser = self.browser();
        browser.sign_in(&format!("{name}@example.com")).await;
        browser
    }

    /// What was mailed since the last call, after everything under way is done.
    pub async fn mails(&self) -> Vec<Letter> {
        self.app.settle().await;
        self.app.mail.take()
    }

    /// Saves an assignment policy as the owner: a model configuration with changes.
    pub async fn policy(&self, owner: &Browser, preset: &str, changes: serde_json::Value) {
        let presets = owner.get("/routing-policies/presets").await.expect(200);
        let mut policy = presets[preset].clone();
        for (key, value) in changes.as_object().into_iter().flatten() {
            policy[key] = value.clone();
        }
        let body = serde_json::json!({ "policy": policy, "confirm": true });
        owner.post("/routing-policies", body).await.expect(201);
    }

    /// Closes the only screen of `agent`, and waits until that is noted: a clock that moves before it moves the grace.
    pub async fn leaves(&self, screen: Screen, agent: AgentId) {
        screen.close().await;
        let noted = "select count(*) from agent_presence where agent = $1 and disconnected_at is not null";
        eventually("the end of the connection is noted", async || {
            let read = self
                .app
                .db
                .read("noted", move |tx| tx.query_dynamic(noted, &[agent.into()], |r| r.i(0)));
            (read.await.expect("a count") == [1]).then_some(())
        })
        .await;
    }

    /// Waits until everything is planned, and holds the state in memory against the rows. Screens that are open stay so,
    /// however far the clock jumped.
    pub async fn settled(&self) {
        let renewed = ronda_server::workers::presence::renew(&self.app).await;
        renewed.expect("the leases of the screens");
        let workspace = self.workspace().await;
        let verified = self.app.planners.verify(&self.app, workspace).await;
        verified.unwrap_or_else(|e| panic!("routing: {e}"));
    }

    /// Waits until every webhook body that was accepted is worked off.
    ///
    /// # Panics
    /// When none is for too long.
    pub async fn ingested(&self) {
        let count = "select count(*) from inbound_journal where done_at is null and failed is null
            union all select count(*) from inbound_journal where done_at is not null";
        let (mut seen, mut since) = (Vec::new(), std::time::Instant::now());
        loop {
            let read = self
                .app
                .db
                .read("backlog", move |tx| tx.query_dynamic(count, &[], |r| r.i(0)));
            let now: Vec<i64> = read.await.expect("the journal");
            if now[0] == 0 {
                return;
            }
            if now != seen {
                (seen, since) = (now, std::time::Instant::now());
            }
            assert!(since.elapsed().as_secs() < 20, "bodies are not worked off: {seen:?}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Moves the clock.
    pub fn advance(&self, millis: i64) {
        self.clock.advance(millis);
    }
}

/// The database of a test, removed on a thread of its own: the driver must not wait inside a runtime.
struct Place(Option<TestPlace>);

impl Drop for Place {
    fn drop(&mut self) {
        let place = self.0.take();
        // A panic there would hide the test's own.
        let _ = std::thread::spawn(move || drop(place)).join();
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work ends")
}

fn person(name: &str) -> NewPerson {
    let email = format!("{name}@example.com");
    let mut letters = name.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    NewPerson {
        name: format!("{first}{}", letters.as_str()),
        email: Email {
            key: email.to_lowercase(),
            shown: email,
        },
        password_hash: password_hash(),
    }
}

/// Turns each `async fn name(app) { … }` into the tests `sqlite::name` and `postgres::name`, each on a server and a
/// database of its own.
#[macro_export]
macro_rules! api_suite {
    ($($(#[$doc:meta])* async fn $name:ident($app:ident) $body:block)*) => {
        $($(#[$doc])* async fn $name($app: &$crate::TestApp) $body)*
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(&$crate::TestApp::start($crate::Engine::Sqlite).await).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(&$crate::TestApp::start($crate::Engine::Postgres).await).await; })*
        }
    };
}
