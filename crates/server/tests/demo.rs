//! The demo as a person starts it: on free ports, in a folder of its own, with customers, agents and a turning round.

use ronda_server::app::AppResult;
use ronda_server::demo::{Demo, Settings};
use ronda_storage::decisions::{self, Wanted};
use ronda_storage::{Db, DbConfig, conversations};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait for the round to turn. Source: the demo's fifteen seconds, and room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(45);

fn settings(data: &Path) -> Settings {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Settings {
        listen: any,
        simulator: Some(any),
        data: Some(data.to_owned()),
        per_minute: 8.0,
        customer_speed: 8.0,
        // Slower than the clock: what they are given rotates.
        agent_speed: 0.1,
        history_days: 1,
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plat_12_a_demo_starts_with_history_and_its_round_turns() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = Demo::open(settings(folder.path())).await.expect("a demo");
    let (app, w) = (demo.app.clone(), demo.workspace);
    let begun = app.clock.now();
    assert_eq!(demo.people().len(), 8);
    let history: AppResult<Vec<_>> = app
        .db
        .read("history", move |tx| {
            Ok(decisions::page(tx, w, &Wanted::default(), i64::MAX, 500)?.0)
        })
        .await;
    let history = history.expect("the history");
    assert!(
        history.iter().any(|d| d.act == "assign"),
        "nothing was assigned in the past"
    );
    assert!(history.iter().all(|d| d.at <= begun), "the history is in the past");

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(demo.run(async {
        let _ = stopped.await;
    }));
    let until = Instant::now() + PATIENCE;
    let (mut assigned, mut rotated, mut acts) = (false, false, Vec::new());
    while !(assigned && rotated) && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let news: AppResult<Vec<_>> = app
            .db
            .read("news", move |tx| {
                Ok(decisions::page(tx, w, &Wanted::default(), i64::MAX, 200)?.0)
            })
            .await;
        let news = news.expect("decisions");
        acts = news.iter().map(|d| d.act.clone()).collect();
        for d in news.iter().filter(|d| d.at > begun) {
            assigned |= d.act == "assign";
            rotated |= d.act == "rotate";
        }
    }
    stop.send(()).expect("the demo runs");
    running.await.expect("no panic").expect("a clean end");
    assert!(assigned, "nothing was assigned: {acts:?}");
    assert!(rotated, "nothing rotated: {acts:?}");

    let path = folder.path().join("ronda.db");
    let simulated = tokio::task::spawn_blocking(move || {
        let db =
            Db::open(&DbConfig::Sqlite(path), ronda_domain::Clock::system(), Arc::new(|_| {})).expect("the database");
        db.read_blocking("live", move |tx| conversations::routable(tx, w))
    });
    let live = simulated.await.expect("no panic").expect("conversations");
    assert!(
        !live.is_empty() && live.iter().all(|c| c.simulated),
        "conversations of a demo say so"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plat_12_a_demo_touches_no_folder_that_is_not_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ronda.db"), "somebody's data").expect("a file");
    let mut wanted = settings(folder.path());
    assert!(Demo::open(wanted.clone()).await.is_err());
    wanted.reset = true;
    assert!(Demo::open(wanted).await.is_err());
    let kept = std::fs::read_to_string(folder.path().join("ronda.db")).expect("the file");
    assert_eq!(kept, "somebody's data");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plat_12_a_demo_that_others_can_reach_has_no_known_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut wanted = Settings {
        history_days: 0,
        per_minute: 0.0,
        ..settings(folder.path())
    };
    let here = Demo::open(wanted.clone())
        .await
        .expect("a demo on this machine")
        .password;
    wanted.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    assert!(Demo::open(wanted.clone()).await.is_err(), "the address is not named");
    wanted.public_url = Some("https://demo.example.com".into());
    assert!(Demo::open(wanted.clone()).await.is_err(), "the password is known");
    wanted.reset = true;
    let there = Demo::open(wanted).await.expect("a demo for others").password;
    assert_ne!(here, there);
    assert!(there.len() >= 16);
}
