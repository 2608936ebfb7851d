//! SQLite: one writer thread that commits groups, and reader threads.
//!
//! The group runner (architecture.md §8, rule 6): begin, run waiting members one after another *without savepoints*,
//! one durable commit for all, then answer each. A member that fails before its first write simply leaves. One that
//! fails later rolls the group back, and the others run again, each in a savepoint: a savepoint around every
//! member would cost a fifth to a third of the inbound rate.

use crate::db::{Job, Shared};
use crate::queue::{Ran, add_wakes, copy};
use crate::tx::Backend;
use crate::{StoreError, StoreResult, Tx, Wake};
use crossbeam_channel::{Receiver, RecvTimeoutError, never, select};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Members of one commit at most.
const GROUP_MEMBERS: usize = 64;
/// Time a group may take other members in.
const GROUP_TIME: Duration = Duration::from_millis(4);
/// Quiet time after which the second connection checkpoints.
const QUIET: Duration = Duration::from_millis(500);
const STATEMENT_CACHE: usize = 256;

/// A connection with our settings. Also used by migrations and backup.
pub(crate) fn connect(path: &Path, read_only: bool) -> StoreResult<Connection> {
    let flags = if read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX
    };
    let c = Connection::open_with_flags(path, flags)?;
    c.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // A plan does not depend on bound values. Otherwise SQLite prepares statements again at every execution whose
    // workspace is number 1, which is the number of most.
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    c.busy_timeout(Duration::from_secs(5))?;
    if !read_only {
        // FULL with group commit costs about as much as NORMAL without; durability is never traded away.
        c.execute_batch(
            "pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 10000;
             pragma foreign_keys = on; pragma temp_store = memory; pragma cache_size = -65536;",
        )?;
    } else {
        c.execute_batch("pragma temp_store = memory; pragma cache_size = -16384;")?;
    }
    Ok(c)
}

pub(crate) fn start_writer(
    path: &Path,
    shared: &Arc<Shared>,
    interactive: Receiver<Job>,
    background: Receiver<Job>,
) -> StoreResult<()> {
    let connection = connect(path, false)?;
    let checkpointer = connect(path, false)?;
    let shared = shared.clone();
    std::thread::Builder::new()
        .name("sqlite-writer".into())
        .spawn(move || {
            Writer {
                connection,
                checkpointer,
                shared,
                interactive,
                background,
                background_turn: false,
            }
            .run()
        })
        .map_err(|e| StoreError::Unavailable(e.to_string()))?;
    Ok(())
}

pub(crate) fn start_reader(path: &Path, shared: &Arc<Shared>, jobs: Receiver<Job>) -> StoreResult<()> {
    let connection = connect(path, true)?;
    let shared = shared.clone();
    std::thread::Builder::new()
        .name("sqlite-reader".into())
        .spawn(move || {
            for mut job in jobs {
                // One snapshot for all statements of the closure.
                let begun = connection.execute_batch("begin");
                let error = begun.err().map(StoreError::from);
                if error.is_none() {
                    let mut tx = Tx::new(Backend::Sqlite(&connection), shared.clock.now());
                    job.run(&mut tx);
                }
                let _ = connection.execute_batch("rollback");
                job.settle(error);
            }
        })
        .map_err(|e| StoreError::Unavailable(e.to_string()))?;
    Ok(())
}

struct Writer {
    connection: Connection,
    checkpointer: Connection,
    shared: Arc<Shared>,
    interactive: Receiver<Job>,
    background: Receiver<Job>,
    /// The last group served interactive members only, so a background member has its turn.
    background_turn: bool,
}

enum Next {
    Job(Job, bool),
    Quiet,
    Stop,
}

impl Writer {
    fn run(mut self) {
        let mut dirty = false;
        loop {
            match self.first(dirty) {
                Next::Job(job, interactive) => {
                    self.group(job, interactive);
                    dirty = true;
                }
                Next::Quiet => {
                    // Passive: never waits for readers, never blocks them.
                    let _ = self
                        .checkpointer
                        .query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()));
                    dirty = false;
                }
                Next::Stop => return,
            }
        }
    }

    /// Waits for the first member of a group.
    fn first(&self, dirty: bool) -> Next {
        if self.background_turn
            && let Ok(job) = self.background.try_recv()
        {
            return Next::Job(job, false);
        }
        if let Ok(job) = self.interactive.try_recv() {
            return Next::Job(job, true);
        }
        let quiet = if dirty {
            crossbeam_channel::after(QUIET)
        } else {
            never()
        };
        select! {
            recv(self.interactive) -> job => job.map_or_else(|_| self.drain(), |job| Next::Job(job, true)),
            recv(self.background) -> job => job.map_or_else(|_| self.drain(), |job| Next::Job(job, false)),
            recv(quiet) -> _ => Next::Quiet,
        }
    }

    /// All handles are gone: finish what still waits.
    fn drain(&self) -> Next {
        for (queue, interactive) in [(&self.interactive, true), (&self.background, false)] {
            match queue.recv_timeout(Duration::ZERO) {
                Ok(job) => return Next::Job(job, interactive),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
        Next::Stop
    }

    fn group(&mut self, first: Job, first_interactive: bool) {
        let started = Instant::now();
        if let Err(e) = self.begin() {
            first.settle(Some(e));
            return;
        }
        let mut done: Vec<Job> = Vec::new();
        let mut wakes: Vec<Wake> = Vec::new();
        let mut next = Some((first, first_interactive));
        let mut any_interactive = false;
        let mut any_background = false;
        while let Some((mut job, interactive)) = next.take() {
            any_interactive |= interactive;
            any_background |= !interactive;
            let changes = self.connection.total_changes();
            match self.member(&mut job, &mut wakes) {
                Ok(()) => done.push(job),
                // A full disk and its like end the whole transaction, whoever wrote before: then nobody simply leaves.
                Err(error) if self.connection.total_changes() == changes && !self.connection.is_autocommit() => {
                    job.settle(error);
                }
                Err(error) => {
                    // It wrote before it failed. Everything it and the others wrote goes; the others run again.
                    wakes.clear();
                    let _ = self.connection.execute_batch("rollback");
                    job.settle(error);
                    if let Err(e) = self.begin() {
                        settle_all(done, &e);
                        return;
                    }
                    done = self.again(done, &mut wakes);
                    if self.connection.is_autocommit() {
                        return;
                    }
                }
            }
            if done.len() >= GROUP_MEMBERS || started.elapsed() >= GROUP_TIME {
                break;
            }
            next = self.more(any_interactive);
        }
        self.background_turn = any_interactive && !any_background;
        let committed = if done.is_empty() {
            self.connection.execute_batch("rollback").map_err(StoreError::from)
        } else {
            self.connection.execute_batch("commit").map_err(StoreError::from)
        };
        match committed {
            Ok(()) => {
                for wake in wakes {
                    (self.shared.wakes)(wake);
                }
                for job in done {
                    job.settle(None);
                }
            }
            Err(e) => {
                let _ = self.connection.execute_batch("rollback");
                settle_all(done, &e);
            }
        }
    }

    fn begin(&self) -> StoreResult<()> {
        Ok(self.connection.execute_batch("begin immediate")?)
    }

    /// The next member of an open group: interactive first; once one has run, the group ends as soon as no other waits,
    /// so that nobody at a screen waits for a worker's batch.
    fn more(&self, any_interactive: bool) -> Option<(Job, bool)> {
        if let Ok(job) = self.interactive.try_recv() {
            return Some((job, true));
        }
        if any_interactive {
            return None;
        }
        self.background.try_recv().ok().map(|job| (job, false))
    }

    /// Runs one member. `Err(None)` keeps the member's own answer, `Err(Some(_))` replaces it.
    fn member(&self, job: &mut Job, wakes: &mut Vec<Wake>) -> Result<(), Option<StoreError>> {
        let started = Instant::now();
        let mut tx = Tx::new(Backend::Sqlite(&self.connection), self.shared.clock.now());
        let ran = job.run(&mut tx);
        let more = std::mem::take(&mut tx.wakes);
        let limit = tx.limit.unwrap_or(self.shared.tx_limit);
        let millis = started.elapsed();
        if millis > limit {
            let millis = u64::try_from(millis.as_millis()).unwrap_or(u64::MAX);
            tracing::error!(
                transaction = job.name(),
                millis,
                "a transaction was open too long and was rolled back"
            );
            return Err(Some(StoreError::TooLong {
                name: job.name(),
                millis,
            }));
        }
        match ran {
            Ran::Ok => {
                add_wakes(wakes, more);
                Ok(())
            }
            Ran::Failed | Ran::Retry => Err(None),
        }
    }

    /// Runs members again, each in a savepoint; those that want to be committed. When the database ended the transaction
    /// under them, everybody has been answered and the connection is outside any transaction.
    fn again(&self, jobs: Vec<Job>, wakes: &mut Vec<Wake>) -> Vec<Job> {
        let mut done = Vec::with_capacity(jobs.len());
        let mut jobs = jobs.into_iter();
        while let Some(mut job) = jobs.next() {
            if let Err(e) = self.connection.execute_batch("savepoint member") {
                job.settle(Some(e.into()));
                continue;
            }
            match self.member(&mut job, wakes) {
                Ok(()) => {
                    let _ = self.connection.execute_batch("release member");
                    done.push(job);
                }
                Err(error) => {
                    job.settle(error);
                    if self.connection.is_autocommit() {
                        let gone = StoreError::Unavailable("the database ended the transaction".into());
                        settle_all(done, &gone);
                        settle_all(jobs.collect(), &gone);
                        return Vec::new();
                    }
                    let _ = self.connection.execute_batch("rollback to member; release member");
                }
            }
        }
        done
    }
}

fn settle_all(jobs: Vec<Job>, error: &StoreError) {
    for job in jobs {
        job.settle(Some(copy(error)));
    }
}
