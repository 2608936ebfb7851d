//! Databases for tests. A missing PostgreSQL is a failure, never a skip.

use crate::{Db, DbConfig, Engine, Wake, WakeSink, migrate, pg};
use ronda_domain::Clock;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// The environment variable with the address of a PostgreSQL server where tests may create databases.
pub const POSTGRES: &str = "RONDA_TEST_POSTGRES";

/// A fresh, migrated database that goes away with this value.
pub struct TestDb {
    pub db: Db,
    pub config: DbConfig,
    pub clock: Clock,
    wakes: Arc<Mutex<Vec<Wake>>>,
    place: Place,
}

enum Place {
    Folder { _folder: tempfile::TempDir },
    Database { admin: String, name: String },
}

impl TestDb {
    #[must_use]
    pub fn open(engine: Engine) -> Self {
        let (config, place) = fresh(engine);
        let clock = Clock::system();
        let wakes = Arc::new(Mutex::new(Vec::new()));
        let sink: WakeSink = {
            let wakes = wakes.clone();
            Arc::new(move |w| wakes.lock().expect("wakes").push(w))
        };
        let db = Db::open_without_migrating(&config, clock.clone(), sink).expect("the test database opens");
        Self {
            db,
            config,
            clock,
            wakes,
            place,
        }
    }

    /// The address of the server and the name of this database on it.
    ///
    /// # Panics
    /// On SQLite.
    #[must_use]
    pub fn postgres(&self) -> (String, String) {
        match &self.place {
            Place::Database { admin, name } => (admin.clone(), name.clone()),
            Place::Folder { .. } => panic!("this is a SQLite database"),
        }
    }

    /// The wakes since the last call.
    #[must_use]
    pub fn wakes(&self) -> Vec<Wake> {
        std::mem::take(&mut self.wakes.lock().expect("wakes"))
    }
}

/// A connection beside the product, for tests that take the server away from it. `admin` is the address of a server.
///
/// # Panics
/// When the server does not answer.
#[must_use]
pub fn admin(address: &str) -> postgres::Client {
    pg::connect(address).expect("the PostgreSQL server for tests answers")
}

/// A copy of a database. PostgreSQL copies only what nobody has open: it waits a moment for the last to leave. Keep the
/// guard.
///
/// # Panics
/// When it is still open after ten seconds.
#[must_use]
pub fn copy_of(config: &DbConfig) -> (DbConfig, TestPlace) {
    match config {
        DbConfig::Sqlite(path) => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let copy = folder.path().join("ronda.db");
            // Whoever leaves last need not have been able to empty the log beside the file: a copy of the file is not enough.
            let connection = crate::sqlite::connect(path, false).expect("the original opens");
            let text = copy.to_str().expect("a plain path");
            connection.execute("vacuum into ?1", [text]).expect("a copy");
            let place = TestPlace {
                _place: Place::Folder { _folder: folder },
            };
            (DbConfig::Sqlite(copy), place)
        }
        DbConfig::Postgres(url) => {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let (_, original) = url.rsplit_once('/').expect("an address with a database");
            let admin_url = with_database(url, "postgres");
            let name = format!("{original}_copy{}", NEXT.fetch_add(1, Ordering::Relaxed));
            let mut client = admin(&admin_url);
            patiently(|| client.batch_execute(&format!("create database {name} template {original}")));
            let place = TestPlace {
                _place: Place::Database {
                    admin: admin_url.clone(),
                    name: name.clone(),
                },
            };
            (DbConfig::Postgres(with_database(&admin_url, &name)), place)
        }
    }
}

fn patiently<E: std::fmt::Debug>(mut work: impl FnMut() -> Result<(), E>) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while let Err(error) = work() {
        assert!(std::time::Instant::now() < until, "{error:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// A migrated database without open threads: what servers under test are started on. Keep the guard.
#[must_use]
pub fn fresh_config(engine: Engine) -> (DbConfig, TestPlace) {
    let (config, place) = fresh(engine);
    (config, TestPlace { _place: place })
}

/// Removes the database when dropped.
pub struct TestPlace {
    _place: Place,
}

fn fresh(engine: Engine) -> (DbConfig, Place) {
    match engine {
        Engine::Sqlite => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("ronda.db");
            std::fs::copy(sqlite_template(), &path).expect("copy of the template");
            (DbConfig::Sqlite(path), Place::Folder { _folder: folder })
        }
        Engine::Postgres => {
            let (admin, template) = postgres_template();
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let name = format!("{template}_{}", NEXT.fetch_add(1, Ordering::Relaxed));
            create_database(admin, &name, Some(template));
            (
                DbConfig::Postgres(with_database(admin, &name)),
                Place::Database {
                    admin: admin.clone(),
                    name,
                },
            )
        }
    }
}

/// Migrating once a process and copying is much faster than migrating for each test.
fn sqlite_template() -> &'static PathBuf {
    static TEMPLATE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    &TEMPLATE
        .get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("template.db");
            migrate::run(&DbConfig::Sqlite(path.clone())).expect("migrations on SQLite");
            (folder, path)
        })
        .1
}

fn postgres_template() -> &'static (String, String) {
    static TEMPLATE: OnceLock<(String, String)> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let admin = std::env::var(POSTGRES)
            .unwrap_or_else(|_| panic!("{POSTGRES} is not set: run the tests with `make test`, which starts a server"));
        let name = format!("ronda_test_{}", std::process::id());
        create_database(&admin, &name, None);
        migrate::run(&DbConfig::Postgres(with_database(&admin, &name))).expect("migrations on PostgreSQL");
        (admin, name)
    })
}

fn create_database(admin: &str, name: &str, template: Option<&str>) {
    // `create database` copies its template under a lock of the whole server: one at a time in this process.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let mut client = pg::connect(admin).expect("the PostgreSQL server for tests answers");
    let template = template.map(|t| format!(" template {t}")).unwrap_or_default();
    client
        .batch_execute(&format!("drop database if exists {name} with (force)"))
        .expect("drop");
    client
        .batch_execute(&format!("create database {name}{template}"))
        .expect("create database");
}

fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(b, q)| (b, Some(q)));
    let (server, _) = base.rsplit_once('/').expect("a postgres:// address with a database");
    match query {
        Some(q) => format!("{server}/{name}?{q}"),
        None => format!("{server}/{name}"),
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Database { admin, name } = self
            && let Ok(mut client) = pg::connect(admin)
        {
            let _ = client.batch_execute(&format!("drop database if exists {name} with (force)"));
        }
    }
}

/// Turns each function over a `&TestDb` into the tests `sqlite::name` and `postgres::name`.
#[macro_export]
macro_rules! storage_suite {
    ($($(#[$doc:meta])* fn $name:ident($db:ident) $body:block)*) => {
        $($(#[$doc])* fn $name($db: &$crate::testing::TestDb) $body)*
        mod sqlite {
            $(#[test] fn $name() { super::$name(&$crate::testing::TestDb::open($crate::Engine::Sqlite)); })*
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(&$crate::testing::TestDb::open($crate::Engine::Postgres)); })*
        }
    };
}
