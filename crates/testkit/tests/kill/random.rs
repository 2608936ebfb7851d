//! Kills at random moments under load. The seeds are fixed, the moments in the life of the process are not: a failure
//! prints how far it came.

use crate::drive::Drive;
use crate::world::{RESTART, Shape, Template, World};
use ronda_storage::Engine;
use std::time::{Duration, Instant};

/// Time for kills, without the proof at the end, when everything goes as fast as usual.
const ROUNDS: Duration = Duration::from_secs(12);
/// A slow machine may take longer until enough was done to be lost.
const LONGEST: Duration = Duration::from_secs(90);

async fn killed_at_random(engine: Engine, seed: u64) {
    let shape = Shape {
        agents: 3,
        greeter: true,
        online: false,
        limit: None,
    };
    let template = Template::new(engine, shape).await;
    let world = World::new(&template).await;
    let port = World::port();
    let mut node = world.serve(port).await;
    let drive = Drive::begin(&world, &node.address, seed).await;
    let began = Instant::now();
    let mut kills = 0;
    let mut slowest = Duration::ZERO;
    let mut patience = 1;
    while began.elapsed() < ROUNDS || (kills < 5 || !drive.did_everything()) && began.elapsed() < LONGEST {
        if !drive.did_everything() && kills % 3 == 2 {
            patience *= 2;
        }
        let life = patience * Duration::from_millis(300 + drive.chance(1_000));
        let working = drive.clone();
        let work = tokio::spawn(async move { working.work(life + Duration::from_secs(5)).await });
        tokio::time::sleep(life).await;
        node.kill();
        work.await.expect("everybody stops");
        kills += 1;
        // In the same place it has the same name, hence the leases of the one that is gone.
        node = world.serve(port).await;
        slowest = slowest.max(node.ready_after);
        assert!(
            node.ready_after < RESTART,
            "kill {kills}: ready after {:?}",
            node.ready_after
        );
    }
    drive.repeat().await;
    node.advance(100_000).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    // One minute for each unconfirmed send that holds another one of its conversation.
    for _ in 0..4 {
        node.advance(61_000).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    world.settle(Duration::from_secs(20)).await;
    let uncertain = world.proves(&drive).await;
    let ledger = drive.ledger.lock().expect("ledger");
    eprintln!(
        "{engine:?}: {kills} kills, {} bodies, {} replies, {} commands, {uncertain} unconfirmed, slowest restart {slowest:?}",
        ledger.hooks.len(),
        ledger.replies.len(),
        ledger.commands.len()
    );
    assert!(kills >= 5 && ledger.hooks.len() > 50 && !ledger.replies.is_empty() && !ledger.commands.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_survives_kills_at_random_moments() {
    killed_at_random(Engine::Sqlite, 0x5eed_0001).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_survives_kills_at_random_moments() {
    killed_at_random(Engine::Postgres, 0x5eed_0002).await;
}

/// A server that is asked to stop finishes what it has begun: nothing is left unconfirmed, and nobody waits afterwards.
async fn stops_politely(engine: Engine, seed: u64) {
    let shape = Shape {
        agents: 3,
        greeter: true,
        online: false,
        limit: None,
    };
    let template = Template::new(engine, shape).await;
    let world = World::new(&template).await;
    let port = World::port();
    let mut node = world.serve(port).await;
    let drive = Drive::begin(&world, &node.address, seed).await;
    for _ in 0..2 {
        let working = drive.clone();
        let work = tokio::spawn(async move { working.work(Duration::from_secs(5)).await });
        tokio::time::sleep(Duration::from_millis(900)).await;
        node.signal("TERM");
        let ended = node.ended_within(Duration::from_secs(10)).await;
        assert_eq!(ended, Some(0), "it stops by itself\n{}", world.logs());
        work.await.expect("everybody stops");
        let under_way = world
            .count("select count(*) from outbox where state in ('sending', 'uncertain')")
            .await;
        assert_eq!(under_way, 0, "a call was left without its answer");
        node = world.serve(port).await;
    }
    drive.repeat().await;
    world.settle(Duration::from_secs(10)).await;
    assert_eq!(world.proves(&drive).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_stops_politely() {
    stops_politely(Engine::Sqlite, 11).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_stops_politely() {
    stops_politely(Engine::Postgres, 13).await;
}
