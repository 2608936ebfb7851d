//! Who plans which workspace, and who does what only one node may do (architecture.md §6).
//!
//! A lease is a row that its holder renews. Another node takes it when it was given away, or when the other node has seen
//! it unchanged for longer than a lease lasts, by a clock of its own that nobody sets: the clocks of the machines are
//! never compared. Safety is not here but in the guards of the transactions (§8, T4): a lease keeps nodes from wasting work.

use crate::App;
use crate::config::Roles;
use crate::realtime::bus::Said;
use crate::wakes::LANES;
use anyhow::{Context as _, bail};
use ronda_domain::{Ms, WorkspaceId};
use ronda_storage::nodes::{self, DutyRow, NodeRow};
use ronda_storage::routing::{self, LeaseRow, lease_ms};
use ronda_storage::{Engine, Lane, StoreResult, Tx, installation};
use std::collections::{BTreeSet, HashMap};
use std::fs::{File, TryLockError};
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Life of a lease, by the clock of whoever looks at it.
const LIFE: Duration = Duration::from_millis(lease_ms(false) as u64);
/// A third of it, so that a renewal may be lost or late.
const RENEW: Duration = Duration::from_millis(1_000);
/// How often it is looked whose leases are not renewed: with [`LIFE`] and a load of the state below the five seconds of a
/// fail-over (routing reference §3.4).
const LOOK: Duration = Duration::from_millis(300);
/// How often inputs of other nodes are looked for when no bus tells: a command waits for half of it.
const POLL: Duration = Duration::from_millis(25);
/// A node that was not seen for so long does not count.
const ALIVE_MS: i64 = 10_000;
/// Rows of nodes that never said goodbye are kept so long.
const KEPT_MS: i64 = Ms::DAY;
/// Processes of one machine that share a data folder.
const SLOTS: usize = 64;
/// The file that says to which installation a folder of files belongs.
const MARK: &str = ".installation";

/// What one node does for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Duty {
    /// A lane of the inbound journal: its bodies are stored in their order.
    Inbound(i64),
    Timers,
    /// The look at who is gone.
    Presence,
}

impl Duty {
    fn name(self) -> String {
        match self {
            Self::Inbound(lane) => format!("inbound.{lane}"),
            Self::Timers => "timers".into(),
            Self::Presence => "presence".into(),
        }
    }

    fn all() -> Vec<Self> {
        let lanes = (0..LANES).map(Self::Inbound);
        lanes.chain([Self::Timers, Self::Presence]).collect()
    }
}

/// Whether this node plans a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Under this lease epoch.
    Ours(i64),
    Theirs,
    /// Perhaps: try to take the lease; epoch and end are as they were seen when nobody renewed it.
    Open(Option<(i64, Ms)>),
}

struct Held {
    epoch: i64,
    renewed: Instant,
}

/// How long another's row has not changed.
struct Seen {
    epoch: i64,
    until: Ms,
    since: Instant,
}

impl Seen {
    fn lapsed(&self, now: Instant) -> bool {
        now.duration_since(self.since) > LIFE
    }
}

/// Remembers what a row says; since when it says that.
fn look(seen: &mut Seen, epoch: i64, until: Ms, now: Instant) {
    if (seen.epoch, seen.until) != (epoch, until) {
        *seen = Seen {
            epoch,
            until,
            since: now,
        };
    }
}

#[derive(Default)]
struct Known {
    plans: HashMap<WorkspaceId, Held>,
    others: HashMap<WorkspaceId, Seen>,
    duties: HashMap<String, Instant>,
    others_duties: HashMap<String, Seen>,
    /// No other node was seen lately.
    alone: bool,
}

/// The leases and duties of this process.
pub struct Leases {
    /// The name under which it holds them.
    pub holder: String,
    roles: Roles,
    /// One process has the database to itself.
    single: bool,
    known: Mutex<Known>,
    look: Notify,
    /// Keeps the name from other processes.
    _name: Option<File>,
}

impl Leases {
    /// # Errors
    /// When the data folder cannot be used.
    pub fn open(engine: Engine, roles: Roles, data: &Path) -> anyhow::Result<Self> {
        let (holder, name) = match engine {
            // Who starts again after a crash need not wait for the lease of the one that is gone.
            Engine::Sqlite => ("this".to_owned(), None),
            Engine::Postgres => {
                let (holder, file) = name(data).context("the name of this node in the data folder")?;
                (holder, Some(file))
            }
        };
        Ok(Self {
            holder,
            roles,
            single: engine == Engine::Sqlite,
            known: Mutex::default(),
            look: Notify::new(),
            _name: name,
        })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this node does what only one may do.
    #[must_use]
    pub fn does(&self, duty: Duty) -> bool {
        self.single
            || self
                .known()
                .duties
                .get(&duty.name())
                .is_some_and(|at| at.elapsed() < LIFE)
    }

    /// Whether this node plans the workspace.
    #[must_use]
    pub fn plans(&self, w: WorkspaceId) -> bool {
        self.single || matches!(self.standing(w), Standing::Ours(_))
    }

    /// Whether workers run here.
    #[must_use]
    pub fn works(&self) -> bool {
        self.roles.workers
    }

    /// What is known of a workspace's lease without asking the database.
    #[must_use]
    pub fn standing(&self, w: WorkspaceId) -> Standing {
        let now = Instant::now();
        let known = self.known();
        match (known.plans.get(&w), known.others.get(&w)) {
            (Some(held), _) if now.duration_since(held.renewed) < LIFE => Standing::Ours(held.epoch),
            (Some(_), _) => Standing::Open(None),
            (None, Some(seen)) if seen.lapsed(now) => Standing::Open(Some((seen.epoch, seen.until))),
            (None, Some(_)) => Standing::Theirs,
            (None, None) => Standing::Open(None),
        }
    }

    /// This node has the lease from now on.
    pub fn took(&self, w: WorkspaceId, epoch: i64) {
        let mut known = self.known();
        known.others.remove(&w);
        let renewed = Instant::now();
        known.plans.insert(w, Held { epoch, renewed });
    }

    /// Another node has it.
    pub fn lost(&self, w: WorkspaceId, epoch: i64, until: Ms) {
        let now = Instant::now();
        let mut known = self.known();
        known.plans.remove(&w);
        let fresh = Seen {
            epoch,
            until,
            since: now,
        };
        look(known.others.entry(w).or_insert(fresh), epoch, until, now);
    }

    /// Looks at leases and inputs at once.
    pub fn look_now(&self) {
        self.look.notify_one();
    }

    fn alone(&self) -> bool {
        self.known().alone
    }
}

/// The first name of this machine that no process has: after a crash the next process takes it, and its leases with it,
/// without waiting.
fn name(data: &Path) -> std::io::Result<(String, File)> {
    let folder = data.join("nodes");
    std::fs::create_dir_all(&folder)?;
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine: String = machine.trim().chars().filter(char::is_ascii_alphanumeric).collect();
    for slot in 0..SLOTS {
        let path = folder.join(format!("{machine}-{slot}"));
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut name = String::new();
        file.read_to_string(&mut name)?;
        if name.is_empty() {
            use std::io::Write as _;
            name = uuid::Uuid::now_v7().to_string();
            file.write_all(name.as_bytes())?;
            file.sync_all()?;
        }
        return Ok((name, file));
    }
    Err(std::io::Error::other("too many processes in this data folder"))
}

/// Writes this process down among the nodes of the installation.
///
/// # Errors
/// When it cannot be one of them: another key of the secrets, or a folder of files that the others do not see.
pub async fn join(app: &App) -> anyhow::Result<()> {
    if app.leases.single {
        return Ok(());
    }
    let row = NodeRow {
        id: app.leases.holder.clone(),
        roles: app.config.roles.to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
        secret_key: app.secrets.key_id().to_owned(),
        started_at: app.clock.now(),
        seen_at: app.clock.now(),
    };
    let mut read = mark(app).await?;
    let (its, marked, works) = (row.clone(), read.clone(), app.leases.works());
    let at = Instant::now();
    let joined: StoreResult<(Vec<NodeRow>, String, Vec<String>)> = app
        .db
        .write("join", Lane::Interactive, move |tx| {
            let now = tx.now();
            nodes::forget(tx, now.plus(-KEPT_MS))?;
            let others: Vec<NodeRow> = nodes::all(tx)?
                .into_iter()
                .filter(|n| n.id != its.id && now.since(n.seen_at) < ALIVE_MS)
                .collect();
            let mut files = installation::get(tx, "files")?;
            if others.is_empty() && (marked.is_none() || files.is_none()) {
                files = Some(uuid::Uuid::now_v7().to_string());
                installation::put(tx, "files", files.as_deref().unwrap_or_default())?;
            }
            for duty in Duty::all() {
                nodes::new_duty(tx, &duty.name())?;
            }
            nodes::join(tx, &its)?;
            // What nobody does, and what whoever had this name before did.
            let mut mine = nodes::duties(tx)?;
            mine.retain(|d| works && (d.owner == its.id || d.owner.is_empty()));
            let taken = take_all(tx, &mine, &its.id)?;
            Ok((others, files.unwrap_or_default(), taken))
        })
        .await;
    let (others, files, taken) = joined?;
    // The first of several that start at once is about to write it.
    let until = Instant::now() + LIFE;
    while !others.is_empty() && read.as_ref() != Some(&files) && Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        read = mark(app).await?;
    }
    let refused = if let Some(other) = others.iter().find(|n| n.secret_key != row.secret_key) {
        Some(format!(
            "secret_key = *** (key {}): expected the key {} of the nodes that run already; copy their secret.key or set RONDA_SECRET_KEY",
            row.secret_key, other.secret_key
        ))
    } else if read.as_ref() != Some(&files) {
        Some(format!(
            "files = {:?}: expected the folder in which the nodes that run already keep their files",
            app.config.files.display().to_string()
        ))
    } else {
        None
    };
    if let Some(refused) = refused.filter(|_| !others.is_empty()) {
        release(app).await;
        bail!(refused);
    }
    app.leases
        .known()
        .duties
        .extend(taken.into_iter().map(|name| (name, at)));
    if read.as_ref() != Some(&files) {
        let folder = app.config.files.clone();
        tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(MARK), files)
        })
        .await?
        .context("the folder of the files")?;
    }
    app.leases.known().alone = others.is_empty();
    Ok(())
}

/// To which installation the folder of the files belongs.
async fn mark(app: &App) -> anyhow::Result<Option<String>> {
    let path = app.config.files.join(MARK);
    Ok(tokio::task::spawn_blocking(move || std::fs::read_to_string(path).ok()).await?)
}

/// Takes what is free, ours or still as it was seen; the names of what could be taken.
fn take_all(tx: &mut Tx<'_>, duties: &[DutyRow], holder: &str) -> StoreResult<Vec<String>> {
    let until = tx.now().plus(lease_ms(false));
    let mut taken = Vec::new();
    for duty in duties {
        if nodes::take_duty(tx, duty, holder, until)?.is_some() {
            taken.push(duty.name.clone());
        }
    }
    Ok(taken)
}

/// Gives everything away when the process stops, so that others go on at once. What cannot be given away lapses.
pub async fn release(app: &App) {
    let (holder, single) = (app.leases.holder.clone(), app.leases.single);
    let released: StoreResult<()> = app
        .db
        .write("release_leases", Lane::Interactive, move |tx| {
            routing::release_leases(tx, &holder)?;
            if !single {
                nodes::release_duties(tx, &holder)?;
                nodes::leave(tx, &holder)?;
            }
            Ok(())
        })
        .await;
    match released {
        Ok(()) => app.bus.farewell(app, Said::Free).await,
        Err(error) => tracing::debug!(%error, "leases run out by themselves"),
    }
}

/// Starts to renew what this node has and to look at what others have.
pub fn start(app: &Arc<App>) {
    if app.leases.single {
        return;
    }
    let its = app.clone();
    super::spawn(app, "leases", async move {
        let (mut renewed, mut looked) = (None::<Instant>, None::<Instant>);
        let due = |last: Option<Instant>, pause: Duration| last.is_none_or(|at| at.elapsed() >= pause);
        loop {
            let mut done = Ok(());
            if due(renewed, RENEW) {
                done = renew(&its).await;
                renewed = done.is_ok().then(Instant::now);
            }
            if done.is_ok() && its.leases.works() {
                let at_leases = due(looked, LOOK);
                done = step(&its, at_leases).await;
                if at_leases {
                    looked = done.is_ok().then(Instant::now);
                }
            }
            if let Err(error) = done {
                tracing::warn!(%error, "leases were not renewed");
                tokio::time::sleep(super::REST).await;
                continue;
            }
            // Alone, everything that happens is told in this process.
            let tick = if !its.leases.works() || its.bus.connected() || its.leases.alone() {
                LOOK
            } else {
                POLL
            };
            tokio::select! {
                () = tokio::time::sleep(tick) => {}
                () = its.leases.look.notified() => looked = None,
            }
        }
    });
}

async fn renew(app: &Arc<App>) -> StoreResult<()> {
    let holder = app.leases.holder.clone();
    let at = Instant::now();
    let (plans, duties, nodes) = app
        .db
        .write("renew", Lane::Interactive, move |tx| -> StoreResult<_> {
            let now = tx.now();
            let until = now.plus(lease_ms(false));
            nodes::seen(tx, &holder)?;
            let all = nodes::all(tx)?;
            let duties = nodes::renew_duties(tx, &holder, until)?;
            let plans = routing::renew_leases(tx, &holder, until)?;
            let others = all.iter().filter(|n| n.id != holder && now.since(n.seen_at) < ALIVE_MS);
            Ok((plans, duties, others.count()))
        })
        .await?;
    let mut known = app.leases.known();
    known.alone = nodes == 0;
    for (w, epoch) in plans {
        if let Some(held) = known.plans.get_mut(&w).filter(|h| h.epoch == epoch) {
            held.renewed = at;
        }
    }
    // Who had this name before may have done what this process has not begun.
    known.duties.retain(|name, _| duties.contains(name));
    for name in duties {
        if let Some(renewed) = known.duties.get_mut(&name) {
            *renewed = at;
        }
    }
    metrics::gauge!("ronda_leases").set(known.plans.len() as f64);
    drop(known);
    metrics::gauge!("ronda_bus_connected").set(f64::from(u8::from(app.bus.connected())));
    Ok(())
}

/// One look at the inputs that nobody told of and, with `at_leases`, at who does what.
///
/// # Errors
/// When the database fails.
async fn step(app: &Arc<App>, at_leases: bool) -> StoreResult<()> {
    let (open, leases, duties): (Vec<WorkspaceId>, Vec<LeaseRow>, Vec<DutyRow>) = app
        .db
        .read("leases", move |tx| -> StoreResult<_> {
            let open = routing::open_workspaces(tx)?;
            if !at_leases {
                return Ok((open, Vec::new(), Vec::new()));
            }
            Ok((open, routing::all_leases(tx)?, nodes::duties(tx)?))
        })
        .await?;
    for w in open {
        if app.leases.plans(w) {
            app.wakes.planners.mark(w);
        }
    }
    for w in app.leases.judge(&leases) {
        app.wakes.planners.mark(w);
    }
    let vacant = app.leases.vacant(&duties);
    if vacant.is_empty() {
        return Ok(());
    }
    take(app, vacant).await
}

impl Leases {
    /// Compares the rows with what was seen before; the workspaces whose lease this node may take.
    fn judge(&self, rows: &[LeaseRow]) -> BTreeSet<WorkspaceId> {
        let now = Instant::now();
        let mut known = self.known();
        let mut open = BTreeSet::new();
        for row in rows {
            let w = row.workspace;
            if row.owner == self.holder || row.owner.is_empty() {
                known.others.remove(&w);
                if known.plans.get(&w).is_none_or(|h| h.epoch != row.epoch) {
                    open.insert(w);
                }
                continue;
            }
            // A row that is older than what a planner of ours wrote since is not believed.
            if known.plans.get(&w).is_some_and(|h| h.epoch > row.epoch) {
                continue;
            }
            known.plans.remove(&w);
            let fresh = Seen {
                epoch: row.epoch,
                until: row.until,
                since: now,
            };
            let seen = known.others.entry(w).or_insert(fresh);
            look(seen, row.epoch, row.until, now);
            if seen.lapsed(now) {
                open.insert(w);
            }
        }
        open
    }

    /// The duties that this node may take.
    fn vacant(&self, rows: &[DutyRow]) -> Vec<DutyRow> {
        let now = Instant::now();
        let mut known = self.known();
        let mut vacant = Vec::new();
        for row in rows {
            if row.owner == self.holder || row.owner.is_empty() {
                known.others_duties.remove(&row.name);
                if !known.duties.contains_key(&row.name) {
                    vacant.push(row.clone());
                }
                continue;
            }
            known.duties.remove(&row.name);
            let fresh = Seen {
                epoch: row.epoch,
                until: row.until,
                since: now,
            };
            let seen = known.others_duties.entry(row.name.clone()).or_insert(fresh);
            look(seen, row.epoch, row.until, now);
            if seen.lapsed(now) {
                vacant.push(row.clone());
            }
        }
        vacant
    }
}

async fn take(app: &Arc<App>, vacant: Vec<DutyRow>) -> StoreResult<()> {
    let holder = app.leases.holder.clone();
    let at = Instant::now();
    let taken: Vec<String> = app
        .db
        .write("take_duties", Lane::Interactive, move |tx| {
            take_all(tx, &vacant, &holder)
        })
        .await?;
    app.leases
        .known()
        .duties
        .extend(taken.into_iter().map(|name| (name, at)));
    for lane in &app.wakes.lanes {
        lane.mark(());
    }
    app.wakes.timers.mark(());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leases(data: &Path) -> Leases {
        Leases::open(
            Engine::Postgres,
            Roles {
                http: true,
                workers: true,
            },
            data,
        )
        .unwrap()
    }

    fn row(owner: &str, epoch: i64, until: i64) -> LeaseRow {
        LeaseRow {
            workspace: WorkspaceId(1),
            owner: owner.into(),
            epoch,
            until: Ms(until),
        }
    }

    #[test]
    fn a_name_belongs_to_one_process_and_to_its_successor() {
        let data = tempfile::tempdir().unwrap();
        let first = leases(data.path());
        let second = leases(data.path());
        assert_ne!(first.holder, second.holder);
        let name = first.holder.clone();
        drop(first);
        assert_eq!(leases(data.path()).holder, name);
    }

    /// The end of a lease is in the far future or long ago, as the clock of its holder has it: nobody compares it.
    #[test]
    fn a_lease_lapses_by_the_watch_of_who_looks() {
        let data = tempfile::tempdir().unwrap();
        let mine = leases(data.path());
        for end in [0, i64::MAX] {
            assert!(mine.judge(&[row("other", 4, end)]).is_empty());
            assert_eq!(mine.standing(WorkspaceId(1)), Standing::Theirs);
        }
        let unseen = Instant::now().checked_sub(LIFE + Duration::from_millis(1)).unwrap();
        mine.known().others.get_mut(&WorkspaceId(1)).unwrap().since = unseen;
        assert_eq!(mine.judge(&[row("other", 4, i64::MAX)]).len(), 1);
        assert_eq!(mine.standing(WorkspaceId(1)), Standing::Open(Some((4, Ms(i64::MAX)))));
        assert!(
            mine.judge(&[row("other", 4, 7)]).is_empty(),
            "renewed, with a clock that was set back"
        );
    }

    #[test]
    fn what_was_given_away_is_open_at_once() {
        let data = tempfile::tempdir().unwrap();
        let mine = leases(data.path());
        mine.judge(&[row("other", 4, 10)]);
        assert_eq!(mine.judge(&[row("", 4, 10)]).len(), 1);
        assert_eq!(mine.standing(WorkspaceId(1)), Standing::Open(None));
        mine.took(WorkspaceId(1), 5);
        assert_eq!(mine.standing(WorkspaceId(1)), Standing::Ours(5));
        assert!(
            mine.judge(&[row("other", 4, 10)]).is_empty(),
            "a look that began before"
        );
        assert_eq!(mine.standing(WorkspaceId(1)), Standing::Ours(5));
        mine.judge(&[row("other", 6, 10)]);
        assert_eq!(mine.standing(WorkspaceId(1)), Standing::Theirs);
    }
}
