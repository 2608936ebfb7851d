//! B4: from the customer's message to the frame on the owner's socket, over the real interfaces: signed webhooks over
//! HTTP, the whole server in this process, real sockets of signed-in agents. Nine of ten messages belong to chats that
//! are held; every tenth begins a new one.
//!
//! Also prints the acknowledgement of the webhook.

use anyhow::{Result, ensure};
use ronda_bench::stage::{self, NEW, Seen, Stage};
use ronda_bench::{Goal, Numbers, figure, percentile};
use ronda_storage::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const AGENTS: usize = 200;
const RATE: u64 = 500;
const SECONDS: u64 = 10;
const WARM: u64 = 1_000;
const SENDERS: u64 = 16;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            measure(engine).await?;
        }
        Ok(())
    })
}

async fn measure(engine: Engine) -> Result<()> {
    let stage = Stage::open(engine, AGENTS, true).await?;
    let base = Instant::now();
    let (seen, mut frames) = mpsc::unbounded_channel();
    let mut screens = Vec::new();
    for (agent, token) in stage.agents.clone() {
        let watched = stage::watch(stage.address.clone(), agent, token, seen.clone());
        screens.push(tokio::spawn(watched));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let next = Arc::new(AtomicU64::new(0));
    load(&stage.address, base, &next, WARM).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    while frames.try_recv().is_ok() {}
    let sent = RATE * SECONDS;
    let acknowledged = load(&stage.address, base, &next, sent).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (mut held, mut new) = (Vec::new(), Vec::new());
    while let Ok(seen) = frames.try_recv() {
        let millis = millis(&seen, base)?;
        if seen.began {
            new.push(millis)
        } else {
            held.push(millis)
        }
    }
    ensure!(!held.is_empty() && !new.is_empty(), "no frame arrived");
    let detail = format!(
        "{engine:?}: {} frames of {sent} messages; acknowledged p50 {:.1} p99 {:.1} ms; held p50 {:.1} p99 {:.1}; new p50 {:.1} p99 {:.1}",
        held.len() + new.len(),
        percentile(&acknowledged, 50.0),
        percentile(&acknowledged, 99.0),
        percentile(&held, 50.0),
        percentile(&held, 99.0),
        percentile(&new, 50.0),
        percentile(&new, 99.0),
    );
    for (what, times, p, goal) in [
        ("held chat, p50", &held, 50.0, 20.0),
        ("held chat, p99", &held, 99.0, 100.0),
        ("new chat, p50", &new, 50.0, 35.0),
        ("new chat, p99", &new, 99.0, 150.0),
    ] {
        let name = format!("{engine:?}: {what}");
        figure("B4", &name, percentile(times, p), "ms", Goal::AtMost(goal), &detail);
    }
    for screen in screens {
        screen.abort();
    }
    stage.close().await
}

/// From the sending, whose time stands in the text, to the frame.
fn millis(seen: &Seen, base: Instant) -> Result<f64> {
    let sent: u64 = seen.text.trim_start_matches(NEW).parse()?;
    Ok(seen.at.duration_since(base).as_secs_f64() * 1_000.0 - sent as f64 / 1_000.0)
}

/// Sends `n` messages at [`RATE`] from several connections; the milliseconds until each was acknowledged.
async fn load(address: &str, base: Instant, next: &Arc<AtomicU64>, n: u64) -> Result<Vec<f64>> {
    let begin = Instant::now();
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        let (address, next) = (address.to_owned(), next.clone());
        senders.push(tokio::spawn(async move {
            let mut socket = TcpStream::connect(&address).await?;
            socket.set_nodelay(true)?;
            let mut numbers = Numbers::from(sender + 1);
            let mut acknowledged = Vec::new();
            let mut i = sender;
            while i < n {
                let due = begin + Duration::from_micros(i * 1_000_000 / RATE);
                tokio::time::sleep_until(due.into()).await;
                let id = next.fetch_add(1, Ordering::SeqCst);
                // Every tenth message is of somebody new.
                let known = (id / 10).max(1);
                let (person, begins) = if id.is_multiple_of(10) {
                    (id / 10, NEW)
                } else {
                    (numbers.below(known), "")
                };
                let body = stage::body(id, person, &format!("{begins}{}", base.elapsed().as_micros()));
                let at = Instant::now();
                stage::post(&mut socket, &address, &body).await?;
                acknowledged.push(at.elapsed().as_secs_f64() * 1_000.0);
                i += SENDERS;
            }
            anyhow::Ok(acknowledged)
        }));
    }
    let mut all = Vec::new();
    for sender in senders {
        all.extend(sender.await??);
    }
    Ok(all)
}
