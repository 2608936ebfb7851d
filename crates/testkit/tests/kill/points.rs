//! One kill at each named point of the transactions of architecture.md §8, on each engine.

use crate::drive::Drive;
use crate::world::{RESTART, Shape, Template, World};
use futures_util::{StreamExt as _, stream};
use ronda_storage::Engine;
use std::sync::Arc;
use std::time::Duration;

/// What the platform must have seen of the sends that were under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sends {
    /// Whatever: the point is not about sending.
    Any,
    /// Claimed and never called for.
    Never,
    /// Called for, the answer not recorded.
    Called,
}

const POINTS: &[(&str, Sends)] = &[
    ("accept.before_commit", Sends::Any),
    ("accept.after_commit", Sends::Any),
    ("receive.before_commit", Sends::Any),
    ("receive.after_commit", Sends::Any),
    ("command.before_commit", Sends::Any),
    ("command.after_commit", Sends::Any),
    ("plan.before_write", Sends::Any),
    ("plan.before_commit", Sends::Any),
    ("plan.after_commit", Sends::Any),
    ("reply.before_commit", Sends::Any),
    ("reply.after_commit", Sends::Any),
    ("claim.before_commit", Sends::Any),
    ("claim.after_commit", Sends::Never),
    ("deliver.after_call", Sends::Called),
    ("sent.before_commit", Sends::Called),
    ("sent.after_commit", Sends::Any),
    ("presence.before_commit", Sends::Any),
    ("presence.after_commit", Sends::Any),
    ("bot.before_commit", Sends::Any),
    ("timers.before_commit", Sends::Any),
    ("timers.after_commit", Sends::Any),
    ("settings.before_commit", Sends::Any),
    ("settings.after_commit", Sends::Any),
];

async fn killed_at(template: Arc<Template>, point: &'static str, sends: Sends) {
    let world = World::new(&template).await;
    let port = World::port();
    if point.starts_with("command.") {
        // Somebody else plans the workspace for a while, so that commands are written for them.
        another_plans(&world).await;
    }
    let mut node = world.serve_to_crash(port, point).await;
    // Everybody has signed in before: what is killed is the work.
    let drive = Drive::begin(&world, &node.address, 7).await;
    world.arm();
    if point.starts_with("command.") {
        let work = drive.work(Duration::from_secs(40));
        tokio::pin!(work);
        loop {
            tokio::select! {
                () = &mut work => break,
                () = tokio::time::sleep(Duration::from_secs(1)) => another_plans(&world).await,
            }
        }
    } else {
        drive.work(Duration::from_secs(40)).await;
    }
    let ended = node.ended_within(Duration::from_secs(2)).await;
    assert_eq!(ended, Some(6), "{point} was not reached\n{}", world.logs());
    let under_way = world.count("select count(*) from outbox where state = 'sending'").await;
    let calls = drive.sent().await.len() as i64;
    let recorded = world
        .count("select count(*) from outbox where state in ('sent', 'uncertain')")
        .await;
    match sends {
        Sends::Any => {}
        Sends::Never => assert!(
            under_way > 0 && calls == recorded,
            "{point}: {under_way} {calls} {recorded}"
        ),
        Sends::Called => assert!(
            under_way > 0 && calls > recorded,
            "{point}: {under_way} {calls} {recorded}"
        ),
    }
    drop(node);
    let node = world.serve(port).await;
    assert!(
        node.ready_after < RESTART,
        "{point}: ready after {:?}",
        node.ready_after
    );
    drive.repeat().await;
    // A send whose worker is gone is nobody's until its lease is over; then it is unconfirmed, and for a minute it holds
    // what follows it. The lease of the planner that is gone is over too.
    node.advance(100_000).await;
    for _ in 0..100 {
        if world
            .count("select count(*) from outbox where state = 'sending' and attempt = 1")
            .await
            == 0
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    node.advance(61_000).await;
    world.settle(Duration::from_secs(15)).await;
    let uncertain = world.proves(&drive).await as i64;
    assert!(
        uncertain <= under_way,
        "{point}: {uncertain} unconfirmed of {under_way}"
    );
    if sends != Sends::Any {
        assert_eq!(uncertain, under_way, "{point}: what was under way is unconfirmed");
    }
    eprintln!(
        "{point}: under way {under_way}, unconfirmed {uncertain}, ready after {:?}",
        node.ready_after
    );
}

/// A node that is not there holds the lease, and has renewed it just now.
async fn another_plans(world: &World) {
    world
        .change(|tx| {
            let until = tx.now().plus(9_000);
            tx.query_dynamic(
                "update routing_head set lease_owner = 'another', lease_until = $1 returning workspace",
                &[until.into()],
                |_| Ok(()),
            )
        })
        .await;
}

async fn every_point(engine: Engine) {
    let shape = Shape {
        agents: 3,
        greeter: true,
        online: false,
        limit: None,
    };
    let template = Arc::new(Template::new(engine, shape).await);
    let only = std::env::var("RONDA_KILL_POINT").ok();
    let points = POINTS.iter().filter(|(p, _)| only.as_deref().is_none_or(|o| o == *p));
    // Each to its end, so that one failure hides no other.
    let failed: Vec<&str> = stream::iter(points)
        .map(|(point, sends)| {
            let its = tokio::spawn(killed_at(template.clone(), point, *sends));
            async move { its.await.is_err().then_some(*point) }
        })
        .buffer_unordered(2)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_loses_and_doubles_nothing_at_any_named_point() {
    every_point(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_loses_and_doubles_nothing_at_any_named_point() {
    every_point(Engine::Postgres).await;
}

/// The points of each transaction of the table.
const TRANSACTIONS: &[(&str, &[&str])] = &[
    ("T1", &["accept.before_commit", "accept.after_commit"]),
    ("T2", &["receive.before_commit", "receive.after_commit"]),
    ("T3", &["command.before_commit", "command.after_commit"]),
    ("T4", &["plan.before_commit", "plan.after_commit"]),
    ("T5", &["reply.before_commit", "reply.after_commit"]),
    ("T6", &["claim.before_commit", "claim.after_commit"]),
    ("T7", &["deliver.after_call", "sent.before_commit", "sent.after_commit"]),
    ("T8", &["presence.before_commit", "presence.after_commit"]),
    // The greeter answers inside T2: its commit is that one's.
    ("T9", &["bot.before_commit", "receive.after_commit"]),
    ("T10", &["timers.before_commit", "timers.after_commit"]),
    ("T11", &["settings.before_commit", "settings.after_commit"]),
];

fn sources(folder: &std::path::Path, found: &mut std::collections::BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            let names = text.split("crash_point(\"").skip(1);
            found.extend(names.filter_map(|rest| rest.split_once('"').map(|(name, _)| name.to_owned())));
        }
    }
}

#[test]
fn every_transaction_has_its_points_and_every_point_is_killed_at() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = std::fs::read_to_string(top.join("docs/ARCHITECTURE.md")).expect("the architecture");
    let rows = document.lines().filter_map(|l| l.strip_prefix("| T"));
    let rows: Vec<String> = rows
        .filter_map(|l| l.split_once(' ').map(|(n, _)| format!("T{n}")))
        .filter(|t| t[1..].parse::<u8>().is_ok())
        .collect();
    let known: Vec<&str> = TRANSACTIONS.iter().map(|(t, _)| *t).collect();
    assert_eq!(rows, known, "the transactions of docs/ARCHITECTURE.md §8");
    let killed: std::collections::BTreeSet<String> = POINTS.iter().map(|(p, _)| (*p).to_owned()).collect();
    for (transaction, points) in TRANSACTIONS {
        for point in *points {
            assert!(killed.contains(*point), "{transaction}: nobody is killed at {point}");
        }
    }
    let mut named = std::collections::BTreeSet::new();
    for folder in ["crates/server/src", "crates/storage/src"] {
        sources(&top.join(folder), &mut named);
    }
    assert_eq!(named, killed, "points in the source, and points that are killed at");
}
