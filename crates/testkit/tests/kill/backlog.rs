//! What waited when the planner's process was killed is assigned by the next one, and nobody has to do anything but start
//! it (routing L7).

use crate::drive::{Hook, deliver_to};
use crate::world::{Shape, Template, World};
use ronda_storage::Engine;
use std::time::{Duration, Instant};

const AGENTS: usize = 8;
const LIMIT: u32 = 5;
/// More than there is room for.
const ARRIVALS: usize = 60;
/// Life of a lease, and a moment to load. Source: architecture.md §8, starting.
const RESUMED: Duration = Duration::from_secs(14);

async fn held(world: &World) -> i64 {
    world
        .count("select count(*) from conversation where place = 'held'")
        .await
}

/// A process that is none of ours holds the planner's lease for so long.
async fn lease(world: &World, millis: i64) {
    world
        .change(move |tx| {
            let until = tx.now().plus(millis);
            tx.query_dynamic(
                "update routing_head set lease_owner = 'another', lease_until = $1, lease_epoch = lease_epoch + 1 returning workspace",
                &[until.into()],
                |r| r.i(0),
            )
        })
        .await;
}

async fn resumes(engine: Engine) {
    let shape = Shape {
        agents: AGENTS,
        greeter: false,
        online: true,
        limit: Some(LIMIT),
    };
    let template = Template::new(engine, shape).await;
    let world = World::new(&template).await;
    let port = World::port();
    // Another process plans, and does nothing: what arrives here waits for it.
    lease(&world, 10_000).await;
    let mut node = world.serve(port).await;
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    for n in 0..ARRIVALS {
        let hook = Hook {
            phone: format!("54944{n:08}"),
            text: "hola".into(),
            acknowledged: false,
        };
        // It still renews.
        lease(&world, 10_000).await;
        let stored = deliver_to(&http, &node.address, &world.webhook, &format!("wamid.l7.{n}"), &hook).await;
        assert!(matches!(stored, Ok(true)), "{stored:?}");
    }
    let began = Instant::now();
    while world.count("select count(*) from conversation").await < ARRIVALS as i64 {
        assert!(began.elapsed() < RESUMED, "not received\n{}", world.logs());
        lease(&world, 10_000).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(held(&world).await, 0, "nobody plans");
    // Both die at this moment, the planner with a whole lease.
    node.kill();
    lease(&world, 10_000).await;
    let began = Instant::now();
    let node = world.serve(port).await;
    let room = AGENTS as i64 * i64::from(LIMIT);
    while held(&world).await < room {
        assert!(
            began.elapsed() < RESUMED,
            "{} of {room} after {:?}\n{}",
            held(&world).await,
            began.elapsed(),
            world.logs()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    eprintln!("{room} of {ARRIVALS} assigned {:?} after the kill", began.elapsed());
    world.settle(Duration::from_secs(10)).await;
    world.invariants().await;
    drop(node);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l7_the_backlog_resumes_after_a_kill_on_sqlite() {
    resumes(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l7_the_backlog_resumes_after_a_kill_on_postgres() {
    resumes(Engine::Postgres).await;
}
