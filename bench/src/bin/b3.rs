//! B3: the whole path at full load: signed webhook → journal → stored → routed → frame on the owner's socket. Eight of
//! ten messages belong to chats that are held, two begin new ones; 100 agents have their sockets open. A round ends when
//! the last message is on its owner's screen.
//!
//! The reference is that of B1 (SQLite) and B2 (PostgreSQL): the rows of a message written by hand, on a database of its
//! own, so that no planner works beside it.

use anyhow::{Context as _, Result};
use ronda_bench::inbound::Ours;
use ronda_bench::place::{Place, data_folder};
use ronda_bench::plain::Plain;
use ronda_bench::stage::{self, NEW, Seen, Stage};
use ronda_bench::{Goal, Numbers, Rounds, figure};
use ronda_storage::{DbConfig, Engine};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const AGENTS: usize = 100;
const SENDERS: u64 = 64;
/// People who hold a conversation before the rounds.
const PEOPLE: u64 = 5_000;
/// Messages of a round.
const ROUND: u64 = 10_000;
/// A frame that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for (engine, accounts, goal) in [(Engine::Sqlite, 1, 0.35), (Engine::Postgres, 4, 2.0)] {
        measure(&runtime, engine, accounts, goal)?;
    }
    Ok(())
}

fn measure(runtime: &tokio::runtime::Runtime, engine: Engine, accounts: u64, goal: f64) -> Result<()> {
    let beside = Place::named(engine, "reference")?;
    let own = tempfile::tempdir_in(data_folder()?)?;
    let folder = match &beside.config {
        DbConfig::Sqlite(path) => path.parent().context("a folder")?,
        DbConfig::Postgres(_) => own.path(),
    };
    let (filled, known) = Ours::new(&beside, folder, accounts)?;
    drop(filled);
    let mut reference = Plain::open(&beside.config, known)?;

    let stage = runtime.block_on(Stage::open(engine, AGENTS, true))?;
    let (seen, mut frames) = mpsc::unbounded_channel();
    let screens: Vec<_> = stage
        .agents
        .clone()
        .into_iter()
        .map(|(agent, token)| runtime.spawn(stage::watch(stage.address.clone(), agent, token, seen.clone())))
        .collect();
    std::thread::sleep(Duration::from_secs(2));
    let next = Arc::new(AtomicU64::new(0));
    let people = Arc::new(AtomicU64::new(0));
    runtime.block_on(round(&stage.address, &next, &people, PEOPLE, true, &mut frames))?;
    let rounds = Rounds::run(
        || runtime.block_on(round(&stage.address, &next, &people, ROUND, false, &mut frames)),
        || reference.run(),
    )?;
    figure(
        "B3",
        &format!("{engine:?}: whole path, webhook to screen"),
        rounds.ratio(),
        "×",
        Goal::AtLeast(goal),
        &format!(
            "{}; screens were closed as too slow and came back {} times",
            rounds.detail("messages/s"),
            stage::RETURNS.swap(0, Ordering::Relaxed)
        ),
    );
    for screen in screens {
        screen.abort();
    }
    runtime.block_on(stage.close())
}

/// Sends `n` messages as fast as they are taken; messages a second until the last one is on its owner's screen.
async fn round(
    address: &str,
    next: &Arc<AtomicU64>,
    people: &Arc<AtomicU64>,
    n: u64,
    all_new: bool,
    frames: &mut mpsc::UnboundedReceiver<Seen>,
) -> Result<f64> {
    let started = Instant::now();
    let first = next.load(Ordering::SeqCst);
    // Only chats that are held when the round begins are written in.
    let known = people.load(Ordering::SeqCst);
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        let (address, next, people) = (address.to_owned(), next.clone(), people.clone());
        senders.push(tokio::spawn(async move {
            let mut socket = TcpStream::connect(&address).await?;
            socket.set_nodelay(true)?;
            let mut numbers = Numbers::from(sender + 1);
            let mut i = sender;
            while i < n {
                let id = next.fetch_add(1, Ordering::SeqCst);
                let (person, text) = if all_new || i.is_multiple_of(5) {
                    (people.fetch_add(1, Ordering::SeqCst), format!("{NEW}{id}"))
                } else {
                    (numbers.below(known), id.to_string())
                };
                stage::post(&mut socket, &address, &stage::body(id, person, &text)).await?;
                i += SENDERS;
            }
            anyhow::Ok(())
        }));
    }
    // A screen that comes back is told again what it had not read: each message counts once.
    let mut missing: BTreeSet<u64> = (first..first + n).collect();
    while !missing.is_empty() {
        let frame = tokio::time::timeout(PATIENCE, frames.recv()).await;
        let seen = frame
            .ok()
            .flatten()
            .with_context(|| format!("{} of {n} messages did not reach their owner's screen", missing.len()))?;
        missing.remove(&seen.text.trim_start_matches(NEW).parse()?);
    }
    let took = started.elapsed();
    for sender in senders {
        sender.await??;
    }
    Ok(n as f64 / took.as_secs_f64())
}
