//! The guarantees of the layer itself, on both engines.

use ronda_domain::WorkspaceId;
use ronda_domain::event::{Event, EventKind};
use ronda_storage::{Lane, StoreError, StoreResult, Tx, Wake, statements, storage_suite};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

statements! {
    SET = "insert into installation(key, value) values ($1, $2) on conflict (key) do update set value = excluded.value";
    GET = "select value from installation where key = $1";
    COUNT = "select count(*) from installation where key like $1";
    HEAD = "insert into event_head(workspace, seq) values ($1, 0)";
    MANY = "insert into installation(key, value) select p.key, $3 from {rows(key: text, n: i64)} as p where p.n > 0 returning key";
}

const W: WorkspaceId = WorkspaceId(7);

fn event(n: i64) -> Event {
    Event {
        workspace: W,
        kind: EventKind::SettingsChanged,
        conversation: None,
        scope_before: None,
        scope_after: None,
        body: serde_json::json!({ "n": n }).to_string(),
    }
}

fn get(tx: &mut Tx<'_>, key: &str) -> StoreResult<Option<String>> {
    tx.opt(&GET, &[key.into()], |r| r.t(0))
}

storage_suite! {
    fn a_closure_that_fails_after_writing_leaves_nothing(t) {
        let answer: StoreResult<()> = t.db.write_blocking("fails", |tx| {
            tx.exec(&SET, &["a".into(), "1".into()])?;
            tx.wake(Wake::Media);
            Err(StoreError::Guard("no"))
        });
        assert!(matches!(answer, Err(StoreError::Guard("no"))));
        assert_eq!(t.db.read_blocking("read", |tx| get(tx, "a")).unwrap(), None);
        assert_eq!(t.wakes(), []);
    }

    fn a_panic_is_an_error_and_the_database_goes_on(t) {
        let answer: StoreResult<()> = t.db.write_blocking("panics", |tx| {
            tx.exec(&SET, &["a".into(), "1".into()])?;
            panic!("expected by the test")
        });
        assert!(matches!(answer, Err(StoreError::Panicked("panics"))));
        t.db.write_blocking("after", |tx| tx.exec(&SET, &["b".into(), "2".into()])).unwrap();
        assert_eq!(t.db.read_blocking("read", |tx| get(tx, "a")).unwrap(), None);
        assert_eq!(t.db.read_blocking("read", |tx| get(tx, "b")).unwrap().as_deref(), Some("2"));
    }

    /// Members that wait together share a commit; one that fails late takes nobody with it.
    fn the_others_of_a_group_survive_a_late_failure(t) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let runs = Arc::new(AtomicU32::new(0));
        runtime.block_on(async {
            let mut all = Vec::new();
            for i in 0..60_i64 {
                let (db, runs) = (t.db.clone(), runs.clone());
                all.push(tokio::spawn(async move {
                    db.write("member", Lane::Background, move |tx| {
                        runs.fetch_add(1, Ordering::Relaxed);
                        tx.exec(&SET, &[format!("k{i}").into(), "x".into()])?;
                        if i % 10 == 3 { Err(StoreError::Guard("late")) } else { Ok(()) }
                    }).await
                }));
            }
            for (i, one) in all.into_iter().enumerate() {
                assert_eq!(one.await.unwrap().is_err(), i % 10 == 3, "member {i}");
            }
        });
        let n = t.db.read_blocking("count", |tx| tx.one(&COUNT, &["k%".into()], |r| r.i(0))).unwrap();
        assert_eq!(n, 54);
        assert!(runs.load(Ordering::Relaxed) >= 60);
    }

    fn a_batch_returns_only_the_rows_it_inserted(t) {
        let mut keys = t.db.write_blocking("batch", |tx| {
            let mut rows = ronda_storage::Rows::new();
            for (key, n) in [("a", 1), ("b", 0), ("c", 2)] {
                rows.push([key.into(), n.into()]);
            }
            tx.batch_query(&MANY, &rows, &["v".into()], |r| r.t(0))
        }).unwrap();
        keys.sort();
        assert_eq!(keys, ["a", "c"]);
    }

    /// architecture.md §9: numbers are dense, in commit order, and a rollback gives them back. A transaction that has
    /// taken numbers is held open while another wants to commit.
    fn event_numbers_are_dense_and_in_commit_order(t) {
        t.db.write_blocking("head", |tx| tx.exec(&HEAD, &[W.into()])).unwrap();
        let start = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4_i64).map(|w| {
            let (db, start) = (t.db.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                for i in 0..25_i64 {
                    let fail = (i + w) % 7 == 0;
                    let answer: StoreResult<()> = db.write_blocking("events", move |tx| {
                        tx.emit(event(w * 100 + i));
                        tx.emit(event(w * 100 + i));
                        tx.exec(&SET, &[format!("e{w}-{i}").into(), "x".into()])?;
                        if i % 5 == 0 { std::thread::sleep(Duration::from_millis(2)); }
                        if fail { Err(StoreError::Guard("given back")) } else { Ok(()) }
                    });
                    assert_eq!(answer.is_err(), fail);
                }
            })
        }).collect();
        // A reader that joins in the middle sees every number once, in order.
        let mut seen = 0;
        let mut done = false;
        while !done {
            done = threads.iter().all(std::thread::JoinHandle::is_finished);
            let last = seen;
            let events = t.db.read_blocking("read", move |tx| ronda_storage::events::events_after(tx, W, last, 500)).unwrap();
            for e in events {
                assert_eq!(e.seq, seen + 1, "no hole and no repetition");
                seen = e.seq;
            }
        }
        for thread in threads { thread.join().unwrap(); }
        let head = t.db.read_blocking("head", |tx| ronda_storage::events::head(tx, W)).unwrap();
        let committed = (0..4_i64).flat_map(|w| (0..25_i64).map(move |i| (i + w) % 7)).filter(|r| *r != 0).count() as i64;
        assert_eq!(head, committed * 2);
        let all = t.db.read_blocking("rest", move |tx| ronda_storage::events::events_after(tx, W, 0, 500)).unwrap();
        assert_eq!(all.len() as i64, head);
    }

    fn a_read_cannot_write(t) {
        let answer = t.db.read_blocking("read", |tx| tx.exec(&SET, &["a".into(), "1".into()]));
        assert!(answer.is_err());
    }
}
