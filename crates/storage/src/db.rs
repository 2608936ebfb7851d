//! The handle that the rest of the product holds.

use crate::queue::{self, MaybeRetry, Member};
use crate::{StoreError, StoreResult, Tx, WakeSink, migrate, pg, sqlite};
use crossbeam_channel::{Sender, TrySendError, bounded};
use ronda_domain::Clock;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Waiting members per lane; beyond it callers get [`StoreError::Unavailable`]. Source: architecture.md §8, rule 6.
pub(crate) const QUEUE_MEMBERS: usize = 1_024;
/// Threads that serve reads.
const READERS: usize = 4;
/// PostgreSQL connections that write; one more is kept for interactive members.
const PG_WRITERS: usize = 6;

/// Which of the two databases is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Where the truth is.
#[derive(Clone, Debug)]
pub enum DbConfig {
    /// The path of the database file; its folder exists.
    Sqlite(PathBuf),
    /// A `postgres://` address.
    Postgres(String),
}

/// Which queue a write waits in. Interactive members go first; see architecture.md §8, rule 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Somebody waits at a screen: commands, plans, replies, settings.
    Interactive,
    /// Workers.
    Background,
}

pub(crate) type Job = Box<dyn Member>;

pub(crate) struct Shared {
    pub clock: Clock,
    pub wakes: WakeSink,
    /// A closure open longer than this is rolled back.
    pub tx_limit: Duration,
}

struct Inner {
    engine: Engine,
    interactive: Sender<Job>,
    background: Sender<Job>,
    reads: Sender<Job>,
}

/// The database. Cheap to clone; the threads end when the last clone is dropped.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    clock: Clock,
}

impl Db {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be reached, a migration fails or was changed after it ran, or the schema is newer than this
    /// program.
    pub fn open(config: &DbConfig, clock: Clock, wakes: WakeSink) -> StoreResult<Self> {
        migrate::run(config)?;
        Self::open_without_migrating(config, clock, wakes)
    }

    /// Opens a database whose schema is known to be current.
    pub fn open_without_migrating(config: &DbConfig, clock: Clock, wakes: WakeSink) -> StoreResult<Self> {
        let (interactive, interactive_rx) = bounded::<Job>(QUEUE_MEMBERS);
        let (background, background_rx) = bounded::<Job>(QUEUE_MEMBERS);
        let (reads, reads_rx) = bounded::<Job>(QUEUE_MEMBERS);
        // A build without optimisation, or a test machine under load, must not roll back what a quiet release would commit.
        let slow = cfg!(any(feature = "testing", debug_assertions));
        let tx_limit = Duration::from_millis(if slow { 30_000 } else { 250 });
        let shared = Arc::new(Shared {
            clock: clock.clone(),
            wakes,
            tx_limit,
        });
        let engine = match config {
            DbConfig::Sqlite(path) => {
                sqlite::start_writer(path, &shared, interactive_rx, background_rx)?;
                for _ in 0..READERS {
                    sqlite::start_reader(path, &shared, reads_rx.clone())?;
                }
                Engine::Sqlite
            }
            DbConfig::Postgres(url) => {
                pg::start_writer(url, &shared, interactive_rx.clone(), None);
                for _ in 0..PG_WRITERS {
                    pg::start_writer(url, &shared, interactive_rx.clone(), Some(background_rx.clone()));
                }
                for _ in 0..READERS {
                    pg::start_reader(url, &shared, reads_rx.clone());
                }
                Engine::Postgres
            }
        };
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                interactive,
                background,
                reads,
            }),
            clock,
        })
    }

    #[must_use]
    pub fn engine(&self) -> Engine {
        self.inner.engine
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Runs `f` in a transaction and answers after the commit. `f` may run more than once (a member of its group
    /// failed, a deadlock): it owns its input, has no effects outside the transaction, and checks its guards before it
    /// writes.
    ///
    /// # Errors
    /// What `f` answered, with everything it wrote rolled back; or a [`StoreError`] of the commit.
    pub async fn write<T, E, F>(&self, name: &'static str, lane: Lane, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + MaybeRetry + Send + 'static,
    {
        let queue = match lane {
            Lane::Interactive => &self.inner.interactive,
            Lane::Background => &self.inner.background,
        };
        let receiver = submit(queue, name, f)?;
        receiver.await.unwrap_or_else(|_| Err(stopped().into()))
    }

    /// Runs `f` on a reading connection, on one snapshot.
    pub async fn read<T, E, F>(&self, name: &'static str, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + MaybeRetry + Send + 'static,
    {
        let receiver = submit(&self.inner.reads, name, f)?;
        receiver.await.unwrap_or_else(|_| Err(stopped().into()))
    }

    /// [`Db::write`] for code without a runtime: the command line and tests.
    pub fn write_blocking<T, E, F>(&self, name: &'static str, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + MaybeRetry + Send + 'static,
    {
        let receiver = submit(&self.inner.interactive, name, f)?;
        receiver.blocking_recv().unwrap_or_else(|_| Err(stopped().into()))
    }

    /// [`Db::read`] for code without a runtime.
    pub fn read_blocking<T, E, F>(&self, name: &'static str, f: F) -> Result<T, E>
    where
        F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + MaybeRetry + Send + 'static,
    {
        let receiver = submit(&self.inner.reads, name, f)?;
        receiver.blocking_recv().unwrap_or_else(|_| Err(stopped().into()))
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the database threads have stopped".into())
}

#[allow(clippy::type_complexity)]
fn submit<T, E, F>(
    queue: &Sender<Job>,
    name: &'static str,
    f: F,
) -> Result<tokio::sync::oneshot::Receiver<Result<T, E>>, E>
where
    F: FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + MaybeRetry + Send + 'static,
{
    let (job, receiver) = queue::member(name, f);
    match queue.try_send(job) {
        Ok(()) => Ok(receiver),
        Err(TrySendError::Full(_)) => Err(StoreError::Unavailable("too many transactions are waiting".into()).into()),
        Err(TrySendError::Disconnected(_)) => Err(stopped().into()),
    }
}
