//! Databases for the measurements: a folder on the disk of `target/`, or a database of the server for tests.

use anyhow::{Context, Result};
use ronda_domain::Clock;
use ronda_storage::{Db, DbConfig, Engine};
use std::path::PathBuf;
use std::sync::Arc;

/// A migrated database that goes away with this value.
pub struct Place {
    pub config: DbConfig,
    remove: Remove,
}

enum Remove {
    Folder { _folder: tempfile::TempDir },
    Database { admin: String, name: String },
}

impl Place {
    /// # Errors
    /// When the folder or the server cannot be used. PostgreSQL is named by RONDA_TEST_POSTGRES.
    pub fn new(engine: Engine) -> Result<Self> {
        Self::named(engine, "ours")
    }

    /// One of several in a program: `name` keeps their databases on PostgreSQL apart.
    ///
    /// # Errors
    /// As [`Place::new`].
    pub fn named(engine: Engine, name: &str) -> Result<Self> {
        let (config, remove) = match engine {
            Engine::Sqlite => {
                let data = data_folder()?;
                let folder = tempfile::tempdir_in(&data)?;
                (
                    DbConfig::Sqlite(folder.path().join("ronda.db")),
                    Remove::Folder { _folder: folder },
                )
            }
            Engine::Postgres => {
                let admin = std::env::var("RONDA_TEST_POSTGRES")
                    .context("RONDA_TEST_POSTGRES names no server: run `make bench`, which starts one")?;
                let name = format!("ronda_bench_{}_{name}", std::process::id());
                let mut client = postgres::Client::connect(&admin, postgres::NoTls)?;
                client.batch_execute(&format!("drop database if exists {name} with (force)"))?;
                client.batch_execute(&format!("create database {name}"))?;
                let (server, _) = admin.rsplit_once('/').context("an address with a database")?;
                (
                    DbConfig::Postgres(format!("{server}/{name}")),
                    Remove::Database { admin, name },
                )
            }
        };
        Ok(Self { config, remove })
    }

    /// Opens it, migrated.
    ///
    /// # Errors
    /// Of the database.
    pub fn open(&self) -> Result<Db> {
        Ok(Db::open(&self.config, Clock::system(), Arc::new(|_| {}))?)
    }
}

/// `target/bench-data`: on the real disk, unlike most temporary folders.
///
/// # Errors
/// When it cannot be made.
pub fn data_folder() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let data = target.join("bench-data");
    std::fs::create_dir_all(&data)?;
    Ok(data)
}

impl Drop for Place {
    fn drop(&mut self) {
        let Remove::Database { admin, name } = &self.remove else {
            return;
        };
        // In a thread of its own: the client waits, and may not where futures run.
        let dropped = std::thread::scope(|scope| {
            let drop = || {
                let mut client = postgres::Client::connect(admin, postgres::NoTls)?;
                client.batch_execute(&format!("drop database if exists {name} with (force)"))
            };
            scope.spawn(drop).join()
        });
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("the database {name} is left behind");
        }
    }
}
