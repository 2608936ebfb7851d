//! B1 and B2: inbound messages per second through the whole store operation, against plain statements of the same rows.
//!
//! Ours: bodies as the platform sends them, accepted into the journal by the collectors and stored by the ingest worker:
//! identity look-up, message, facts, routing input, events. A round ends when its last message is committed. The
//! reference writes the same rows into the same database by hand: on SQLite 64 messages a commit, on PostgreSQL one
//! message a transaction from eight connections. Both know all 10,000 customers beforehand.

use anyhow::Result;
use ronda_bench::inbound::Ours;
use ronda_bench::place::{Place, data_folder};
use ronda_bench::plain::Plain;
use ronda_bench::{Goal, Rounds, figure};
use ronda_storage::{DbConfig, Engine};

fn main() -> Result<()> {
    let goal = std::env::args().nth(1).unwrap_or_else(|| "B1".into());
    let (engine, name, accounts, n, target) = match goal.as_str() {
        "B1" => (Engine::Sqlite, "SQLite", 1, 20_000, 0.8),
        "B2" => (Engine::Postgres, "PostgreSQL", 4, 40_000, 6.0),
        other => anyhow::bail!("B1 or B2, not {other}"),
    };
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        anyhow::bail!("another provider of TLS was installed before");
    }
    let place = Place::new(engine)?;
    let own = tempfile::tempdir_in(data_folder()?)?;
    // On SQLite the database stands in the server's own folder.
    let folder = match &place.config {
        DbConfig::Sqlite(path) => path.parent().unwrap_or(own.path()),
        DbConfig::Postgres(_) => own.path(),
    };
    let (ours, known) = Ours::new(&place, folder, accounts)?;
    let mut reference = Plain::open(&place.config, known)?;
    let rounds = Rounds::run(|| ours.send(n, false), || reference.run())?;
    figure(
        &goal,
        &format!("{name}: inbound messages, whole store operation"),
        rounds.ratio(),
        "×",
        Goal::AtLeast(target),
        &rounds.detail("messages/s"),
    );
    Ok(())
}
