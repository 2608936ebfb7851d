//! The group runner of architecture.md §8, rule 6, and what is true of every transaction on both engines.

use ronda_storage::testing::TestDb;
use ronda_storage::{Db, Engine, Lane, StoreError, StoreResult, Tx, statements, storage_suite};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

statements! {
    SET = "insert into installation(key, value) values ($1, $2)";
    GET = "select value from installation where key = $1";
    ORPHAN = "insert into audit_head(workspace, hash) values (999999, 'x')";
}

fn get(tx: &mut Tx<'_>, key: &str) -> StoreResult<Option<String>> {
    tx.opt(&GET, &[key.into()], |r| r.t(0))
}

fn stored(db: &Db, key: &str) -> bool {
    let key = key.to_owned();
    db.read_blocking("stored", move |tx| get(tx, &key))
        .expect("a read")
        .is_some()
}

/// One thread: tasks enqueue in the order in which they were spawned.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Keeps the writer busy so that what is enqueued next waits together and becomes one group.
fn busy(db: &Db) -> JoinHandle<StoreResult<()>> {
    let db = db.clone();
    tokio::spawn(async move {
        db.write("busy", Lane::Background, |_| {
            std::thread::sleep(Duration::from_millis(60));
            Ok(())
        })
        .await
    })
}

/// What a member does after counting its run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Writes,
    FailsFirst,
    WritesAndFails,
}

type Handles = Vec<JoinHandle<StoreResult<()>>>;

fn member(db: &Db, lane: Lane, key: String, does: Does, runs: &Arc<AtomicU32>) -> JoinHandle<StoreResult<()>> {
    let (db, runs) = (db.clone(), runs.clone());
    tokio::spawn(async move {
        db.write("member", lane, move |tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            if does == Does::FailsFirst {
                return Err(StoreError::Guard("early"));
            }
            tx.exec(&SET, &[key.as_str().into(), "x".into()])?;
            if does == Does::WritesAndFails {
                return Err(StoreError::Guard("late"));
            }
            Ok(())
        })
        .await
    })
}

fn group(does: &[Does]) -> (TestDb, Vec<u32>, Vec<bool>) {
    let t = TestDb::open(Engine::Sqlite);
    let runs: Vec<Arc<AtomicU32>> = does.iter().map(|_| Arc::default()).collect();
    let answers = runtime().block_on(async {
        let busy = busy(&t.db);
        let all: Handles = does
            .iter()
            .enumerate()
            .map(|(i, does)| member(&t.db, Lane::Background, format!("m{i}"), *does, &runs[i]))
            .collect();
        busy.await.expect("busy").expect("busy");
        let mut answers = Vec::new();
        for one in all {
            answers.push(one.await.expect("a member").is_ok());
        }
        answers
    });
    let runs = runs.iter().map(|r| r.load(Ordering::SeqCst)).collect();
    (t, runs, answers)
}

#[test]
fn a_member_that_fails_before_it_writes_leaves_and_nobody_runs_again() {
    let (t, runs, answers) = group(&[Does::Writes, Does::FailsFirst, Does::Writes]);
    assert_eq!(runs, [1, 1, 1]);
    assert_eq!(answers, [true, false, true]);
    assert!(stored(&t.db, "m0") && stored(&t.db, "m2"));
}

#[test]
fn a_member_that_fails_after_it_wrote_rolls_back_and_those_before_it_run_again() {
    let (t, runs, answers) = group(&[Does::Writes, Does::Writes, Does::WritesAndFails, Does::Writes]);
    assert_eq!(runs, [2, 2, 1, 1]);
    assert_eq!(answers, [true, true, false, true]);
    assert!(stored(&t.db, "m0") && stored(&t.db, "m1") && !stored(&t.db, "m2") && stored(&t.db, "m3"));
}

#[test]
fn several_late_failures_in_a_group_take_nobody_with_them() {
    let (t, _, answers) = group(&[
        Does::Writes,
        Does::WritesAndFails,
        Does::Writes,
        Does::WritesAndFails,
        Does::FailsFirst,
        Does::Writes,
    ]);
    assert_eq!(answers, [true, false, true, false, false, true]);
    for (i, fine) in answers.into_iter().enumerate() {
        assert_eq!(stored(&t.db, &format!("m{i}")), fine, "m{i}");
    }
}

#[test]
fn a_commit_that_fails_fails_all_and_leaves_nothing() {
    let t = TestDb::open(Engine::Sqlite);
    let runs = Arc::default();
    runtime().block_on(async {
        let busy = busy(&t.db);
        let first = member(&t.db, Lane::Background, "first".into(), Does::Writes, &runs);
        let db = t.db.clone();
        // A reference that is only looked at when committing.
        let breaks = tokio::spawn(async move {
            db.write("breaks", Lane::Background, |tx| {
                tx.query_dynamic("pragma defer_foreign_keys = on", &[], |_| Ok(()))?;
                tx.exec(&ORPHAN, &[])
            })
            .await
        });
        busy.await.expect("busy").expect("busy");
        assert!(first.await.expect("first").is_err());
        assert!(breaks.await.expect("breaks").is_err());
        member(&t.db, Lane::Background, "after".into(), Does::Writes, &runs)
            .await
            .expect("after")
            .expect("the writer goes on");
    });
    assert!(!stored(&t.db, "first") && stored(&t.db, "after"));
}

/// SQLite ends the whole transaction when the disk is full: what others of the group wrote is gone, and what they are
/// told must say so.
#[test]
fn a_full_disk_is_told_to_everybody_whose_writes_it_took() {
    let t = TestDb::open(Engine::Sqlite);
    let pages = |n: String| {
        let text = format!("pragma max_page_count = {n}");
        t.db.write_blocking("pages", move |tx| {
            tx.query_dynamic(&text, &[], |r| r.i(0)).map(|rows| rows[0])
        })
        .expect("a pragma")
    };
    let used =
        t.db.read_blocking("used", |tx| tx.query_dynamic("pragma page_count", &[], |r| r.i(0)))
            .expect("a pragma")[0];
    assert!(pages((used + 3).to_string()) <= used + 3);
    for round in 0..3 {
        let names: Vec<String> = (0..4).map(|i| format!("r{round}-{i}")).collect();
        let answers = runtime().block_on(async {
            let busy = busy(&t.db);
            let all: Handles = names
                .iter()
                .enumerate()
                .map(|(i, name)| {
                    let (db, name) = (t.db.clone(), name.clone());
                    // The second is far larger than what is left, at its first statement.
                    let value = "x".repeat(if i == 1 { 200_000 } else { 5 });
                    tokio::spawn(async move {
                        db.write("member", Lane::Background, move |tx| {
                            tx.exec(&SET, &[name.as_str().into(), value.as_str().into()])?;
                            Ok(())
                        })
                        .await
                    })
                })
                .collect();
            busy.await.expect("busy").expect("busy");
            let mut answers = Vec::new();
            for one in all {
                answers.push(one.await.expect("a member").is_ok());
            }
            answers
        });
        assert!(!answers[1], "it cannot have been stored");
        for (name, fine) in names.iter().zip(answers) {
            assert_eq!(stored(&t.db, name), fine, "{name}: what was said is what is true");
        }
    }
    pages("1000000".into());
    let large = "x".repeat(200_000);
    t.db.write_blocking("after", move |tx| {
        tx.exec(&SET, &["after".into(), large.as_str().into()])
    })
    .expect("with room again the writer goes on");
}

#[test]
fn who_waits_at_a_screen_goes_before_workers_and_workers_do_not_starve() {
    let t = TestDb::open(Engine::Sqlite);
    let order: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = |lane: Lane, name: String| {
        let (db, order) = (t.db.clone(), order.clone());
        tokio::spawn(async move {
            db.write("noted", lane, move |tx| {
                order.lock().expect("order").push(name.clone());
                tx.exec(&SET, &[name.as_str().into(), "x".into()])?;
                Ok::<(), StoreError>(())
            })
            .await
        })
    };
    runtime().block_on(async {
        let busy = busy(&t.db);
        let mut all = Vec::new();
        for i in 0..3 {
            all.push(noted(Lane::Background, format!("worker-{i}")));
        }
        for i in 0..200 {
            all.push(noted(Lane::Interactive, format!("screen-{i}")));
        }
        busy.await.expect("busy").expect("busy");
        for one in all {
            one.await.expect("a member").expect("a member");
        }
    });
    let order = order.lock().expect("order").clone();
    assert!(order[0].starts_with("screen"), "{:?}", &order[..5]);
    let workers: Vec<usize> = order
        .iter()
        .enumerate()
        .filter(|(_, name)| name.starts_with("worker"))
        .map(|(i, _)| i)
        .collect();
    assert!(
        workers[0] <= 64,
        "a group has 64 members, then a worker has its turn: {workers:?}"
    );
    let last_screen = order
        .iter()
        .rposition(|name| name.starts_with("screen"))
        .expect("screens");
    assert!(workers[0] < last_screen, "workers are not left for the end");
    for pair in workers.windows(2) {
        assert!(
            pair[1] > pair[0] + 1 || pair[0] > last_screen,
            "at most one worker between two screens: {workers:?}"
        );
    }
}

#[test]
fn a_full_queue_says_so_at_once() {
    let t = TestDb::open(Engine::Sqlite);
    runtime().block_on(async {
        let busy = busy(&t.db);
        tokio::task::yield_now().await;
        let all: Handles = (0..1_200)
            .map(|i| member(&t.db, Lane::Background, format!("q{i}"), Does::Writes, &Arc::default()))
            .collect();
        let mut refused = 0;
        for (i, one) in all.into_iter().enumerate() {
            match one.await.expect("a member") {
                Ok(()) => assert!(i < 1_100, "q{i}"),
                Err(StoreError::Unavailable(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        busy.await.expect("busy").expect("busy");
        assert!((150..=200).contains(&refused), "{refused}");
    });
}

storage_suite! {
    /// On PostgreSQL nothing of such a transaction can be committed, and the server calls its rollback a success.
    fn a_closure_cannot_go_on_after_a_statement_that_failed(t) {
        t.db.write_blocking("first", |tx| tx.exec(&SET, &["taken".into(), "1".into()])).unwrap();
        let answer: StoreResult<()> = t.db.write_blocking("goes_on", |tx| {
            tx.exec(&SET, &["before".into(), "1".into()])?;
            let refused = tx.exec(&SET, &["taken".into(), "2".into()]);
            assert!(matches!(refused, Err(StoreError::Constraint(_))));
            Ok(())
        });
        assert!(answer.is_err(), "nothing was stored, so nothing may be acknowledged");
        assert!(!stored(&t.db, "before"));
    }
}

/// The server ends every connection, as when it is started again: who comes next is served without a hand.
#[test]
fn postgres_serves_again_after_its_connections_were_lost() {
    let t = TestDb::open(Engine::Postgres);
    for round in 0..20 {
        let key = format!("k{round}");
        t.db.write_blocking("warm", move |tx| tx.exec(&SET, &[key.as_str().into(), "x".into()]))
            .expect("a write");
    }
    let (admin, name) = t.postgres();
    let mut admin = ronda_storage::testing::admin(&admin);
    admin
        .batch_execute(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        ))
        .expect("a kill");
    for round in 0..20 {
        let key = format!("l{round}");
        t.db.write_blocking("again", move |tx| tx.exec(&SET, &[key.as_str().into(), "x".into()]))
            .unwrap_or_else(|e| panic!("write {round}: {e}"));
    }
    for round in 0..20 {
        assert!(stored(&t.db, &format!("k{round}")) && stored(&t.db, &format!("l{round}")));
    }
}
