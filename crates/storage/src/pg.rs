//! PostgreSQL: each thread owns a connection; a closure is one READ COMMITTED transaction.

use crate::db::{Job, Shared};
use crate::queue::Ran;
use crate::tx::{Backend, PgCache};
use crate::{StoreError, StoreResult, Tx};
use crossbeam_channel::{Receiver, select};
use postgres::{Client, NoTls};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Runs of a closure that meets deadlocks, before its caller is told.
const RUNS: usize = 5;
/// How long a transaction may wait for us between two statements. Source: the life of a planner's lease.
const IDLE: Duration = Duration::from_secs(3);
/// Pause between attempts to reach the server again.
const RECONNECT: Duration = Duration::from_millis(100);

pub(crate) fn connect(url: &str) -> StoreResult<Client> {
    let mut config: postgres::Config = url.parse().map_err(StoreError::from)?;
    config.connect_timeout(Duration::from_secs(3)).application_name("ronda");
    Ok(config.connect(NoTls)?)
}

/// A connection for transactions of the server. A process that is stopped, or a machine that is cut off, in the middle of
/// one must not keep its locks from the node that takes over.
fn serving(url: &str) -> StoreResult<Client> {
    let mut client = connect(url)?;
    client.batch_execute(&format!(
        "set idle_in_transaction_session_timeout = {}",
        IDLE.as_millis()
    ))?;
    Ok(client)
}

/// Starts a writing thread. Without `background` it is the connection kept for interactive members.
pub(crate) fn start_writer(
    url: &str,
    shared: &Arc<Shared>,
    interactive: Receiver<Job>,
    background: Option<Receiver<Job>>,
) {
    let thread = Thread {
        url: url.to_owned(),
        shared: shared.clone(),
        connection: None,
        begin: "begin",
    };
    spawn("pg-writer", move || {
        let mut thread = thread;
        let background = background.unwrap_or_else(crossbeam_channel::never);
        loop {
            let job = match interactive.try_recv() {
                Ok(job) => Ok(job),
                Err(_) => select! {
                    recv(interactive) -> job => job,
                    recv(background) -> job => job,
                },
            };
            match job {
                Ok(job) => thread.serve(job),
                Err(_) => return,
            }
        }
    });
}

pub(crate) fn start_reader(url: &str, shared: &Arc<Shared>, jobs: Receiver<Job>) {
    // One snapshot for all statements of the closure.
    let begin = "begin isolation level repeatable read read only";
    let mut thread = Thread {
        url: url.to_owned(),
        shared: shared.clone(),
        connection: None,
        begin,
    };
    spawn("pg-reader", move || {
        for job in jobs {
            thread.serve(job);
        }
    });
}

fn spawn(name: &str, f: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(f)
        .expect("the system can start a thread");
}

struct Thread {
    url: String,
    shared: Arc<Shared>,
    connection: Option<(Client, PgCache)>,
    begin: &'static str,
}

impl Thread {
    fn serve(&mut self, mut job: Job) {
        for run in 1..=RUNS {
            match self.attempt(&mut job) {
                Ok(()) => return job.settle(None),
                Err(Failure::Retry) if run < RUNS => {
                    std::thread::sleep(Duration::from_millis(run as u64 * 3));
                }
                Err(Failure::Retry) => return job.settle(Some(StoreError::Retry)),
                Err(Failure::Own) => return job.settle(None),
                Err(Failure::Store(e)) => return job.settle(Some(e)),
            }
        }
    }

    fn attempt(&mut self, job: &mut Job) -> Result<(), Failure> {
        if self.connection.as_ref().is_some_and(|(client, _)| client.is_closed()) {
            self.connection = None;
        }
        let fresh = self.connection.is_none();
        if fresh {
            match serving(&self.url) {
                Ok(client) => self.connection = Some((client, PgCache::default())),
                Err(e) => {
                    std::thread::sleep(RECONNECT);
                    return Err(Failure::Store(StoreError::Unavailable(e.to_string())));
                }
            }
        }
        let (client, cache) = self.connection.as_mut().expect("just connected");
        let started = Instant::now();
        if let Err(e) = client.batch_execute(self.begin) {
            self.connection = None;
            // The server was started again since the last transaction. Nothing has run: a new connection may do it.
            if !fresh {
                return self.attempt(job);
            }
            return Err(Failure::Store(StoreError::Unavailable(e.to_string())));
        }
        let mut tx = Tx::new(Backend::Pg(client, cache), self.shared.clock.now());
        let ran = job.run(&mut tx);
        let wakes = std::mem::take(&mut tx.wakes);
        let limit = tx.limit.unwrap_or(self.shared.tx_limit);
        drop(tx);
        let elapsed = started.elapsed();
        if elapsed > limit {
            let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            tracing::error!(
                transaction = job.name(),
                millis,
                "a transaction was open too long and was rolled back"
            );
            self.rollback();
            return Err(Failure::Store(StoreError::TooLong {
                name: job.name(),
                millis,
            }));
        }
        match ran {
            Ran::Ok => {
                let (client, _) = self.connection.as_mut().expect("still here");
                match client.batch_execute("commit") {
                    Ok(()) => {
                        for wake in wakes {
                            (self.shared.wakes)(wake);
                        }
                        Ok(())
                    }
                    Err(e) => {
                        let lost = client.is_closed() || e.as_db_error().is_none();
                        let error = StoreError::from(e);
                        self.connection = None;
                        match error {
                            StoreError::Retry => Err(Failure::Retry),
                            // A server that goes away may have committed before it said so.
                            StoreError::Unavailable(_) => Err(Failure::Store(StoreError::CommitUnknown)),
                            _ if lost => Err(Failure::Store(StoreError::CommitUnknown)),
                            other => Err(Failure::Store(other)),
                        }
                    }
                }
            }
            Ran::Retry => {
                self.rollback();
                Err(Failure::Retry)
            }
            Ran::Failed => {
                self.rollback();
                Err(Failure::Own)
            }
        }
    }

    fn rollback(&mut self) {
        if let Some((client, _)) = self.connection.as_mut()
            && client.batch_execute("rollback").is_err()
        {
            self.connection = None;
        }
    }
}

enum Failure {
    /// The closure's own answer stands.
    Own,
    Retry,
    Store(StoreError),
}
