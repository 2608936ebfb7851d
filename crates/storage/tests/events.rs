//! The event log of architecture.md §9, on both engines: whatever writers do, each reader receives 1 … head, in order,
//! once.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ronda_domain::WorkspaceId;
use ronda_domain::event::{Event, EventKind};
use ronda_storage::testing::TestDb;
use ronda_storage::{Db, Engine, StoreError, StoreResult, Tx, events, statements, storage_suite};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

const W: WorkspaceId = WorkspaceId(7);

statements! {
    HEAD = "insert into event_head(workspace, seq) values ($1, 0)";
    SET = "insert into installation(key, value) values ($1, 'x')";
    KEYS = "select key from installation where key like 'w-%'";
    TAKE = "update event_head set seq = seq + 1 where workspace = $1 returning seq";
    PUT = "insert into event(workspace, seq, at, kind, body) values ($1, $2, 0, 'settings.changed', $3)";
}

fn event(key: &str) -> Event {
    Event {
        workspace: W,
        kind: EventKind::SettingsChanged,
        conversation: None,
        scope_before: None,
        scope_after: None,
        body: serde_json::json!({ "key": key }).to_string(),
    }
}

/// How a transaction of a writer ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Commit,
    RollBack,
    Panic,
    /// Its connection is killed in the middle; on SQLite, which has none, it is rolled back.
    Kill,
}

#[derive(Clone, Debug)]
struct Step {
    before_us: u64,
    inside_us: u64,
    events: usize,
    end: End,
}

#[derive(Clone, Debug)]
struct Script {
    writers: Vec<Vec<Step>>,
    /// When each reader joins, and how many events it reads at once.
    readers: Vec<(u64, i64)>,
    /// Pauses of somebody who kills any connection of the database, the readers' too.
    killer: Vec<u64>,
}

fn script() -> impl Strategy<Value = Script> {
    let end =
        prop_oneof![6 => Just(End::Commit), 2 => Just(End::RollBack), 1 => Just(End::Panic), 1 => Just(End::Kill)];
    let step = (0..3_000_u64, 0..2_000_u64, 1..6_usize, end).prop_map(|(before_us, inside_us, events, end)| Step {
        before_us,
        inside_us,
        events,
        end,
    });
    let writers = prop::collection::vec(prop::collection::vec(step, 5..25), 2..7);
    let readers = prop::collection::vec((0..60_000_u64, prop_oneof![Just(1_i64), Just(3), Just(500)]), 1..5);
    let killer = prop::collection::vec(2_000..20_000_u64, 0..5);
    (writers, readers, killer).prop_map(|(writers, readers, killer)| Script {
        writers,
        readers,
        killer,
    })
}

fn write(db: &Db, key: &str, step: &Step) -> StoreResult<()> {
    let (key, step) = (key.to_owned(), step.clone());
    db.write_blocking("writes", move |tx| {
        tx.exec(&SET, &[key.as_str().into()])?;
        for _ in 0..step.events {
            tx.emit(event(&key));
        }
        std::thread::sleep(Duration::from_micros(step.inside_us));
        match step.end {
            End::Commit => Ok(()),
            End::Panic => panic!("expected by the test"),
            End::Kill if !tx.is_sqlite() => {
                tx.query_dynamic("select pg_terminate_backend(pg_backend_pid())", &[], |_| Ok(()))?;
                Ok(())
            }
            End::Kill | End::RollBack => Err(StoreError::Guard("rolled back by the test")),
        }
    })
}

/// What a reader does until nothing more can come: one page after the other, each number expected.
fn follow(db: &Db, page: i64, over: &AtomicBool) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let last_look = over.load(Ordering::SeqCst);
        let last = seen.len() as i64;
        let read = db.read_blocking("follows", move |tx| events::events_after(tx, W, last, page));
        // A killed connection answers nothing; what it had not delivered is asked for again.
        let Ok(read) = read else { continue };
        for e in &read {
            assert_eq!(e.seq, seen.len() as i64 + 1, "no hole, no repetition, no disorder");
            let body: serde_json::Value = serde_json::from_str(&e.body).expect("JSON");
            seen.push(body["key"].as_str().expect("a key").to_owned());
        }
        if last_look && read.is_empty() {
            return seen;
        }
    }
}

fn play(engine: Engine, script: &Script) {
    let t = TestDb::open(engine);
    t.db.write_blocking("head", |tx| tx.exec(&HEAD, &[W.into()]))
        .expect("a head");
    let over = Arc::new(AtomicBool::new(false));
    let running = Arc::new(AtomicUsize::new(script.writers.len()));
    let start = Arc::new(Barrier::new(script.writers.len() + script.readers.len()));
    let mut writers = Vec::new();
    for (w, steps) in script.writers.iter().cloned().enumerate() {
        let (db, start, running, over) = (t.db.clone(), start.clone(), running.clone(), over.clone());
        writers.push(std::thread::spawn(move || {
            start.wait();
            for (i, step) in steps.iter().enumerate() {
                std::thread::sleep(Duration::from_micros(step.before_us));
                let answer = write(&db, &format!("w-{w}-{i}"), step);
                if !matches!(step.end, End::Commit) {
                    assert!(answer.is_err(), "{step:?} was acknowledged");
                }
            }
            if running.fetch_sub(1, Ordering::SeqCst) == 1 {
                over.store(true, Ordering::SeqCst);
            }
        }));
    }
    let mut readers = Vec::new();
    for (joins_us, page) in script.readers.iter().copied() {
        let (db, start, over) = (t.db.clone(), start.clone(), over.clone());
        readers.push(std::thread::spawn(move || {
            start.wait();
            std::thread::sleep(Duration::from_micros(joins_us));
            follow(&db, page, &over)
        }));
    }
    if engine == Engine::Postgres {
        for pause in &script.killer {
            std::thread::sleep(Duration::from_micros(*pause));
            let _ = t.db.read_blocking("kills", |tx| {
                tx.query_dynamic(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
                     and pid <> pg_backend_pid() order by pid limit 3",
                    &[],
                    |_| Ok(()),
                )
            });
        }
    }
    for writer in writers {
        writer.join().expect("a writer");
    }
    let committed: BTreeSet<String> =
        until_answered(|| t.db.read_blocking("keys", |tx| tx.query(&KEYS, &[], |r| r.t(0))))
            .into_iter()
            .collect();
    let head = until_answered(|| t.db.read_blocking("head", |tx| events::head(tx, W)));
    let mut expected: BTreeMap<String, usize> = BTreeMap::new();
    for (w, steps) in script.writers.iter().enumerate() {
        for (i, step) in steps.iter().enumerate() {
            let key = format!("w-{w}-{i}");
            if committed.contains(&key) {
                expected.insert(key, step.events);
            }
        }
    }
    assert_eq!(
        head as usize,
        expected.values().sum::<usize>(),
        "the head counts what was committed"
    );
    for reader in readers {
        let seen = reader.join().expect("a reader");
        assert_eq!(seen.len() as i64, head);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for key in &seen {
            *counts.entry(key.clone()).or_default() += 1;
        }
        assert_eq!(counts, expected, "the events of the committed transactions, each once");
        // The events of one transaction stand together: numbers are given at once.
        let mut runs: Vec<&String> = seen.iter().collect();
        runs.dedup();
        assert_eq!(runs.len(), expected.len());
    }
}

/// A connection that was killed while idle answers its next caller with an error.
fn until_answered<T>(mut ask: impl FnMut() -> StoreResult<T>) -> T {
    for _ in 0..50 {
        if let Ok(answer) = ask() {
            return answer;
        }
    }
    panic!("the database does not answer")
}

/// As many random scripts as fit into a bounded time.
fn property(engine: Engine, cases: u32) {
    // The panics of the scripts are part of the test; their traces are not.
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload().downcast_ref::<&str>().copied().unwrap_or_default();
        if text != "expected by the test" {
            eprintln!("{info}");
        }
    }));
    let began = Instant::now();
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters: 20,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&script(), |script| {
            if began.elapsed() < Duration::from_secs(12) {
                play(engine, &script);
            }
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn sqlite_readers_receive_every_number_in_order_once() {
    property(Engine::Sqlite, 24);
}

#[test]
fn postgres_readers_receive_every_number_in_order_once() {
    property(Engine::Postgres, 12);
}

fn log(tx: &mut Tx<'_>) -> StoreResult<Vec<(i64, String)>> {
    Ok(events::events_after(tx, W, 0, 500)?
        .into_iter()
        .map(|e| (e.seq, e.body))
        .collect())
}

/// Takes a number as the log does, holds the transaction open until told, then ends it.
fn held_open(t: &TestDb, commits: bool) {
    t.db.write_blocking("head", |tx| tx.exec(&HEAD, &[W.into()]))
        .expect("a head");
    let (taken, was_taken) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let db = t.db.clone();
    let holder = std::thread::spawn(move || {
        db.write_blocking("holds", move |tx| {
            let seq = tx.one(&TAKE, &[W.into()], |r| r.i(0))?;
            tx.exec(&PUT, &[W.into(), seq.into(), "\"first\"".into()])?;
            let _ = taken.send(seq);
            gone.lock()
                .expect("the bell")
                .recv_timeout(Duration::from_secs(10))
                .expect("somebody says go");
            if commits {
                Ok(())
            } else {
                Err(StoreError::Guard("given back"))
            }
        })
    });
    assert_eq!(was_taken.recv_timeout(Duration::from_secs(10)).expect("a number"), 1);
    let (db, done) = (t.db.clone(), Arc::new(AtomicBool::new(false)));
    let its = done.clone();
    let other = std::thread::spawn(move || {
        let answer: StoreResult<()> = db.write_blocking("wants", |tx| {
            tx.emit(event("second"));
            Ok(())
        });
        its.store(true, Ordering::SeqCst);
        answer
    });
    // As long as the first is open, nobody may see a number: not its own, and none above it.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(150) {
        assert!(
            !done.load(Ordering::SeqCst),
            "the second committed above an open number"
        );
        assert_eq!(t.db.read_blocking("look", log).expect("the log"), []);
        assert_eq!(
            t.db.read_blocking("look", |tx| events::head(tx, W)).expect("the head"),
            0
        );
    }
    go.send(()).expect("the holder listens");
    assert_eq!(holder.join().expect("the holder").is_ok(), commits);
    other.join().expect("the other").expect("the second commits");
    let seqs: Vec<i64> =
        t.db.read_blocking("log", log)
            .expect("the log")
            .into_iter()
            .map(|(seq, _)| seq)
            .collect();
    assert_eq!(seqs, if commits { vec![1, 2] } else { vec![1] });
}

storage_suite! {
    fn numbers_held_by_an_open_transaction_hold_everybody_above(t) {
        held_open(t, true);
    }

    fn numbers_of_a_transaction_that_is_rolled_back_are_given_again(t) {
        held_open(t, false);
    }
}
