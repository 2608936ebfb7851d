//! The database goes away under a running server and comes back.

use crate::drive::{Drive, Hook, deliver_to};
use crate::world::{Shape, Template, World, blocking};
use ronda_storage::{DbConfig, Engine};
use std::time::{Duration, Instant};

/// Lets nobody connect to the database any more and ends who is, or lets everybody in again.
async fn open_to_connections(world: &World, open: bool) {
    let DbConfig::Postgres(url) = world.config.clone() else {
        panic!("a PostgreSQL database")
    };
    blocking(move || {
        let (server, name) = url.rsplit_once('/').expect("an address");
        let mut admin = ronda_storage::testing::admin(&format!("{server}/postgres"));
        admin
            .batch_execute(&format!("alter database {name} with allow_connections {open}"))
            .expect("alter");
        if !open {
            admin
                .batch_execute(&format!(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
                ))
                .expect("terminate");
        }
    })
    .await;
}

async fn ready(address: &str) -> bool {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client.get(format!("{address}/readyz")).send().await.expect("an answer");
    answer.status().is_success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_a_server_says_so_and_recovers_without_a_hand() {
    let shape = Shape {
        agents: 3,
        greeter: true,
        online: false,
        limit: None,
    };
    let template = Template::new(Engine::Postgres, shape).await;
    let world = World::new(&template).await;
    let mut node = world.serve(World::port()).await;
    let drive = Drive::begin(&world, &node.address, 3).await;
    drive.work(Duration::from_millis(1_500)).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let late = |n: i64| Hook {
        phone: format!("54922{n:08}"),
        text: "hola".into(),
        acknowledged: false,
    };
    let mut refused = 0;
    for round in 0..2 {
        // In the middle of work, so that claims and calls are under way.
        let working = drive.clone();
        let work = tokio::spawn(async move { working.work(Duration::from_millis(700)).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        open_to_connections(&world, false).await;
        let began = Instant::now();
        while ready(&node.address).await {
            assert!(began.elapsed() < Duration::from_secs(3), "it still calls itself ready");
        }
        let stored = deliver_to(&client, &node.address, &world.webhook, "wamid.never", &late(round)).await;
        assert!(
            matches!(stored, Ok(false)),
            "nothing can be kept, so nothing is acknowledged: {stored:?}"
        );
        refused += 1;
        work.await.expect("everybody works on");
        assert_eq!(
            node.has_ended(),
            None,
            "a database that is away ends no server\n{}",
            world.logs()
        );
        open_to_connections(&world, true).await;
        let began = Instant::now();
        while !ready(&node.address).await {
            assert!(began.elapsed() < Duration::from_secs(5), "not back\n{}", world.logs());
        }
    }
    assert_eq!(refused, 2);
    let before = world
        .look(|tx| {
            tx.query_dynamic(
                "select count(*) from message where provider_id = 'wamid.never'",
                &[],
                |r| r.i(0),
            )
        })
        .await;
    assert_eq!(before.ok(), Some(vec![0]));
    drive.work(Duration::from_millis(1_000)).await;
    drive.repeat().await;
    node.advance(100_000).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..3 {
        node.advance(61_000).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.settle(Duration::from_secs(15)).await;
    let uncertain = world.proves(&drive).await;
    eprintln!("unconfirmed after two outages: {uncertain}");
}
