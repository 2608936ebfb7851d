//! The planner of each workspace: the shell of the routing engine (T3, T4; routing reference §5.3).
//!
//! One task per workspace holds the engine's state. It takes commands from its mailbox and inputs from the database,
//! plans in memory, writes the plan in one guarded transaction, and keeps the new state only after the commit. Safety
//! is in the guards; the lease only keeps two nodes from wasting work.

use super::leases::Standing;
use crate::App;
use crate::app::routing::{self as rules, Plan, PlanError};
use crate::app::{AppError, AppResult};
use crate::realtime::bus::Said;
use ronda_domain::conversation::Place;
use ronda_domain::{Clock, ConversationId, MessageId, Ms, WorkspaceId};
use ronda_routing::{Answer, Epoch, Fact, Input, Refusal, State};
use ronda_storage::routing::{self, Consumed, Head};
use ronda_storage::{Engine, Lane, StoreError, Wake, conversations, workspaces};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, mpsc, oneshot};

/// Most inputs or decisions of one plan. Source: architecture.md §8, T4.
const BATCH: i64 = 200;
/// The same while more deadlines are due than one input fires: each of these fires its share of them (row 78).
const BATCH_BEHIND: usize = 4;
/// Workspaces that plan at the same time in this process; the others wait in the order in which they came (F6).
const TURNS: usize = 4;
/// Life of the lease on SQLite; renewed at half of it.
const LEASE_MS: i64 = routing::lease_ms(true);
/// A pause of ours that is longer moves the clocks of agents, who could see nothing. Source: routing row 34.
const OUTAGE_MS: i64 = 30_000;
/// How long a command waits for its result. Source: architecture.md §8, T3.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often another node's result is looked for, when no bus tells that it is there.
const LOOK: Duration = Duration::from_millis(25);
/// Commands that wait for one planner.
const MAILBOX: usize = 512;
/// How long a planner sleeps on PostgreSQL: what is written elsewhere rings it (see `leases`), what is due wakes it.
const ASLEEP: Duration = Duration::from_secs(5);
/// How long inputs gather before a plan when nobody waits.
const LINGER: Duration = Duration::from_millis(3);
/// A state is kept after so many inputs, at least: from there decisions are made again. A larger one less often, so that
/// keeping it costs about one row an input.
const KEPT_EVERY: usize = 500;
/// Agents and conversations of the largest state that is kept.
const LARGEST_KEPT: usize = 10_000;

/// A command of a person, and who waits for it.
struct Command {
    /// Unique per request; the stored result is given again.
    key: Option<String>,
    fact: Fact,
    /// The last message that the caller saw, for closings.
    last_message: Option<MessageId>,
    reply: oneshot::Sender<Outcome>,
}

/// What a mailbox gives back.
enum Outcome {
    Done(Answer),
    /// Another node plans this workspace: write the command there.
    Elsewhere(Fact),
}

enum Letter {
    Command(Box<Command>),
    #[cfg(feature = "testing")]
    Verify(oneshot::Sender<Result<(), String>>),
    /// A question about the present state.
    Ask(Box<dyn FnOnce(&State) + Send>),
}

struct Mailbox {
    letters: mpsc::Sender<Letter>,
    bell: Arc<Notify>,
}

/// The turns that planners take, in the order in which they ask. A turn is bounded, so that every workspace with a backlog
/// gets one before any other gets its next: round robin with equal quanta (F6, row 78).
struct Turns {
    free: Semaphore,
    /// Whose turns planned something, and how many inputs and decisions.
    #[cfg(feature = "testing")]
    worked: Mutex<Vec<(WorkspaceId, usize)>>,
}

impl Turns {
    /// One of the turns, when those who asked before have got theirs. It ends when it is dropped.
    async fn take(&self) -> SemaphorePermit<'_> {
        self.free.acquire().await.expect("the turns are never closed")
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            free: Semaphore::new(TURNS),
            #[cfg(feature = "testing")]
            worked: Mutex::default(),
        }
    }
}

/// The mailboxes of this process.
#[derive(Default)]
pub struct Planners {
    boxes: Mutex<HashMap<WorkspaceId, Mailbox>>,
    turns: Turns,
    /// Commands that wait for the result of another node, by their key.
    waiting: Mutex<HashMap<String, Arc<Notify>>>,
}

impl Planners {
    fn ring(&self, app: &Arc<App>, w: WorkspaceId) -> mpsc::Sender<Letter> {
        let mut boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        let mailbox = boxes.entry(w).or_insert_with(|| {
            let (letters, received) = mpsc::channel(MAILBOX);
            let bell = Arc::new(Notify::new());
            let planner = Planner::new(app.clone(), w);
            super::spawn(app, "planner", planner.run(received, bell.clone()));
            Mailbox { letters, bell }
        });
        mailbox.bell.notify_one();
        mailbox.letters.clone()
    }

    /// Carries out a command of a person and waits for its result.
    ///
    /// # Errors
    /// [`AppError::RoutingUnavailable`] after two seconds; the command may still be carried out, and its key gives the
    /// result then.
    pub async fn command(
        &self,
        app: &Arc<App>,
        w: WorkspaceId,
        key: Option<String>,
        fact: Fact,
        last_message: Option<MessageId>,
    ) -> AppResult<Answer> {
        if let Some(key) = key.clone()
            && let Some(stored) = stored(app, w, key).await?
        {
            return Ok(stored);
        }
        if !app.leases.works() {
            return self.elsewhere(app, w, key, fact, last_message).await;
        }
        let (reply, result) = oneshot::channel();
        let command = Command {
            key: key.clone(),
            fact,
            last_message,
            reply,
        };
        let letters = self.ring(app, w);
        if letters.try_send(Letter::Command(Box::new(command))).is_err() {
            return Err(AppError::RoutingUnavailable);
        }
        match tokio::time::timeout(PATIENCE, result).await {
            Ok(Ok(Outcome::Done(answer))) => Ok(answer),
            Ok(Ok(Outcome::Elsewhere(fact))) => self.elsewhere(app, w, key, fact, last_message).await,
            _ => Err(AppError::RoutingUnavailable),
        }
    }

    /// Asks the engine about its present state. Where another node plans the workspace, the state is rebuilt from its
    /// rows, which is the same (architecture.md §8, Starting).
    ///
    /// # Errors
    /// [`AppError::RoutingUnavailable`] when neither can be had now.
    pub async fn ask<T: Send + 'static>(
        &self,
        app: &Arc<App>,
        w: WorkspaceId,
        question: impl Fn(&State) -> T + Send + Sync + 'static,
    ) -> AppResult<T> {
        let question = Arc::new(question);
        if app.leases.works() {
            let (reply, answer) = oneshot::channel();
            let its = question.clone();
            let ask = Letter::Ask(Box::new(move |state| {
                let _ = reply.send(its(state));
            }));
            let letters = self.ring(app, w);
            letters.try_send(ask).map_err(|_| AppError::RoutingUnavailable)?;
            match tokio::time::timeout(PATIENCE, answer).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(_)) => {}
                Err(_) => return Err(AppError::RoutingUnavailable),
            }
        }
        let (_, rows) = app.db.read("planner_ask", move |tx| rules::rows(tx, w)).await?;
        Ok(question(&State::from_rows(rows)))
    }

    /// The turns that planned something, in the order in which they did: the workspace, its inputs and decisions.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn turns(&self) -> Vec<(WorkspaceId, usize)> {
        self.turns.worked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another node has the result of a command.
    pub fn answered(&self, key: &str) {
        if let Some(waits) = self.waiting().get(key) {
            waits.notify_one();
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another node plans this workspace: the command is written for it, and its result looked for.
    async fn elsewhere(
        &self,
        app: &Arc<App>,
        w: WorkspaceId,
        key: Option<String>,
        fact: Fact,
        last_message: Option<MessageId>,
    ) -> AppResult<Answer> {
        let key = key.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let text = match last_message {
            None => crate::app::views::json(&fact),
            Some(last_message) => crate::app::views::json(&Asked { fact, last_message }),
        }
        .to_string();
        let there = Arc::new(Notify::new());
        self.waiting().insert(key.clone(), there.clone());
        let answer = carried_out(app, w, key.clone(), text, &there).await;
        self.waiting().remove(&key);
        answer
    }

    /// Waits until every input is planned, then compares the state in memory with the one rebuilt from rows.
    ///
    /// # Errors
    /// What differs.
    #[cfg(feature = "testing")]
    pub async fn verify(&self, app: &Arc<App>, w: WorkspaceId) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let letters = self.ring(app, w);
        letters
            .send(Letter::Verify(reply))
            .await
            .map_err(|_| "the planner ended")?;
        answer.await.map_err(|_| "the planner ended")?
    }
}

/// What became of the command with this key; none when it was not carried out.
///
/// # Errors
/// When the database fails.
pub async fn stored(app: &Arc<App>, w: WorkspaceId, key: String) -> AppResult<Option<Answer>> {
    let text: Option<String> = app
        .db
        .read("command_result", move |tx| routing::result(tx, w, &key))
        .await?;
    Ok(text.and_then(|t| serde_json::from_str(&t).ok()))
}

async fn carried_out(app: &Arc<App>, w: WorkspaceId, key: String, text: String, there: &Notify) -> AppResult<Answer> {
    let its = key.clone();
    let written: Result<u64, StoreError> = app
        .db
        .write("command", Lane::Interactive, move |tx| {
            let written = routing::insert_input(tx, w, Some(&its), &text)?;
            tx.wake(Wake::Planner(w));
            ronda_storage::crash_point("command.before_commit");
            Ok(written)
        })
        .await;
    ronda_storage::crash_point("command.after_commit");
    written?;
    let until = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < until {
        if let Some(answer) = stored(app, w, key.clone()).await? {
            return Ok(answer);
        }
        tokio::select! {
            () = there.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    Err(AppError::RoutingUnavailable)
}

/// A command with the last message its caller saw, as it is written for another node.
#[derive(Serialize, Deserialize)]
struct Asked {
    fact: Fact,
    last_message: MessageId,
}

/// What a written input says.
pub(crate) fn written(text: &str) -> serde_json::Result<(Fact, Option<MessageId>)> {
    match serde_json::from_str::<Fact>(text) {
        Ok(fact) => Ok((fact, None)),
        Err(error) => match serde_json::from_str::<Asked>(text) {
            Ok(asked) => Ok((asked.fact, Some(asked.last_message))),
            Err(_) => Err(error),
        },
    }
}

/// Starts a planner for every workspace, and for each that is woken.
pub fn start(app: &Arc<App>) {
    let its = app.clone();
    super::spawn(app, "planners", async move {
        loop {
            let all = its.db.read("workspaces", workspaces::all).await;
            match all {
                Ok(all) => {
                    for row in all {
                        its.planners.ring(&its, row.id);
                    }
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "the workspaces cannot be read");
                    tokio::time::sleep(super::REST).await;
                }
            }
        }
        loop {
            for w in its.wakes.planners.take(Duration::from_secs(60)).await {
                its.planners.ring(&its, w);
            }
        }
    });
}

/// The state as it is kept, when it is time for it.
fn kept(state: &State, since: Option<usize>) -> Option<String> {
    let size = state.size();
    let due = since.is_none_or(|inputs| inputs >= KEPT_EVERY.max(size));
    (due && size <= LARGEST_KEPT).then(|| crate::app::views::text(&state.rows()))
}

/// The planner of one workspace.
struct Planner {
    app: Arc<App>,
    w: WorkspaceId,
    state: Option<State>,
    head: Option<Head>,
    lease_until: Ms,
    /// The wall clock when this planner last wrote or looked successfully; a test's clock does not move it.
    alive_at: Ms,
    /// Milliseconds nobody could see anything, to be forgiven with the next plan.
    lost_ms: i64,
    /// Inputs planned since a state was kept; none when rows were read since, which no input says.
    since_kept: Option<usize>,
}

/// How many rows and then commands can be planned together: what is said of a conversation after its end was said before it
/// was known, and its row has to be looked at first.
fn before_they_end(open: &[routing::InputRow], commands: &[Command]) -> (usize, usize) {
    let mut ended: BTreeSet<ConversationId> = BTreeSet::new();
    let mut fits = |fact: &Fact| {
        let late = fact.brought().is_some_and(|(conv, _)| ended.contains(&conv));
        ended.extend(fact.ends());
        !late
    };
    let rows = open.iter().take_while(|row| match written(&row.fact) {
        Ok((fact, _)) => fits(&fact),
        Err(_) => true,
    });
    let rows = rows.count();
    if rows < open.len() {
        return (rows, 0);
    }
    (rows, commands.iter().take_while(|command| fits(&command.fact)).count())
}

/// What became of an attempt at the lease.
enum Lease {
    Renewed(i64, Ms),
    Taken {
        epoch: i64,
        until: Ms,
        before: Head,
        /// How long nobody had it.
        idle_ms: i64,
    },
    /// The head as it is.
    Theirs(Head),
}

/// What a turn of the loop did.
enum Turn {
    /// Something may be left to do at once.
    Worked,
    Idle,
    /// Another node holds the lease.
    Elsewhere,
}

impl Planner {
    fn new(app: Arc<App>, w: WorkspaceId) -> Self {
        Self {
            app,
            w,
            state: None,
            head: None,
            lease_until: Ms(0),
            alive_at: Clock::system().now(),
            lost_ms: 0,
            since_kept: None,
        }
    }

    async fn run(mut self, mut letters: mpsc::Receiver<Letter>, bell: Arc<Notify>) {
        let single = self.app.db.engine() == Engine::Sqlite;
        let idle = if single { super::IDLE * 4 } else { ASLEEP };
        // A test's clock moves while we sleep.
        let idle = if cfg!(feature = "testing") { super::IDLE } else { idle };
        let mut commands: Vec<Command> = Vec::new();
        loop {
            while let Ok(letter) = letters.try_recv() {
                self.open(letter, &mut commands).await;
                if commands.len() as i64 >= BATCH {
                    break;
                }
            }
            let turn = match self.turn(&mut commands).await {
                Ok(turn) => turn,
                Err(error) => {
                    tracing::warn!(workspace = %self.w, %error, "the planner could not plan");
                    self.forget();
                    commands.clear();
                    tokio::time::sleep(super::REST).await;
                    Turn::Idle
                }
            };
            match turn {
                Turn::Worked => {}
                Turn::Elsewhere => {
                    for command in commands.drain(..) {
                        let _ = command.reply.send(Outcome::Elsewhere(command.fact));
                    }
                    self.wait(ASLEEP, &mut letters, &bell, &mut commands).await;
                }
                Turn::Idle => {
                    let rest = self.rest(idle);
                    self.wait(rest, &mut letters, &bell, &mut commands).await;
                }
            }
        }
    }

    /// Until something is due, at most `idle`.
    fn rest(&self, idle: Duration) -> Duration {
        let now = self.app.clock.now();
        let due = self.state.as_ref().and_then(State::next_due);
        match due.map(|at| at.since(now)) {
            Some(millis) => idle.min(Duration::from_millis(millis.max(0) as u64)),
            None => idle,
        }
    }

    async fn wait(
        &mut self,
        longest: Duration,
        letters: &mut mpsc::Receiver<Letter>,
        bell: &Notify,
        commands: &mut Vec<Command>,
    ) {
        tokio::select! {
            letter = letters.recv() => {
                if let Some(letter) = letter {
                    self.open(letter, commands).await;
                }
            }
            () = bell.notified() => tokio::time::sleep(LINGER).await,
            () = tokio::time::sleep(longest) => {}
        }
    }

    async fn open(&mut self, letter: Letter, commands: &mut Vec<Command>) {
        match letter {
            Letter::Command(command) => commands.push(*command),
            Letter::Ask(question) => {
                // Read your own writes: what was told before the question is planned first.
                let _ = self.turn(commands).await;
                if let Some(state) = &self.state {
                    question(state);
                }
            }
            #[cfg(feature = "testing")]
            Letter::Verify(reply) => {
                let verified = self.verify(commands).await;
                let _ = reply.send(verified);
            }
        }
    }

    /// The state and the lease may be wrong: begin again from the rows.
    fn forget(&mut self) {
        self.state = None;
        self.head = None;
        self.lease_until = Ms(0);
    }

    async fn turn(&mut self, commands: &mut Vec<Command>) -> AppResult<Turn> {
        let app = self.app.clone();
        let _turn = app.planners.turns.take().await;
        let wall = Clock::system().now();
        // While another node plans, nothing is lost by what happens here.
        if self.head.is_some() && wall.since(self.alive_at) > OUTAGE_MS {
            self.lost_ms += wall.since(self.alive_at);
        }
        if !self.lease().await? {
            return Ok(Turn::Elsewhere);
        }
        if self.state.is_none() {
            self.load().await?;
        }
        self.alive_at = Clock::system().now();
        // A storm is drained in shares; who waits at a screen comes between two of them.
        let behind = self.state.as_ref().is_some_and(|s| s.is_behind(self.app.clock.now()));
        let batch = if behind { BATCH_BEHIND } else { BATCH as usize };
        let later = commands.split_off(commands.len().min(batch));
        let done = self.share(commands, batch).await;
        commands.extend(later);
        done
    }

    /// Plans `commands`, and written inputs as far as they fit into the batch beside them.
    async fn share(&mut self, commands: &mut Vec<Command>, batch: usize) -> AppResult<Turn> {
        let w = self.w;
        let room = (batch - commands.len()) as i64;
        let open: Vec<routing::InputRow> = self
            .app
            .db
            .read("open_inputs", move |tx| routing::open_inputs(tx, w, room))
            .await
            .map_err(AppError::from)?;
        let now = self.app.clock.now();
        let due = self
            .state
            .as_ref()
            .and_then(State::next_due)
            .is_some_and(|at| at <= now);
        if commands.is_empty() && open.is_empty() && !due && self.lost_ms == 0 {
            return Ok(Turn::Idle);
        }
        let (rows, before) = before_they_end(&open, commands);
        let later = commands.split_off(before);
        let done = self.plan(commands, &open[..rows], due).await;
        commands.extend(later);
        done
    }

    /// Takes or renews the lease; false when another node has it.
    async fn lease(&mut self) -> AppResult<bool> {
        let held = self.head.as_ref().map(|h| h.lease_epoch);
        let lapsed = match self.app.db.engine() {
            Engine::Sqlite => {
                if held.is_some() && self.lease_until.since(self.app.clock.now()) > LEASE_MS / 2 {
                    return Ok(true);
                }
                None
            }
            // The leases of a node are renewed together.
            Engine::Postgres => match self.app.leases.standing(self.w) {
                Standing::Ours(epoch) if held == Some(epoch) => return Ok(true),
                Standing::Ours(_) => None,
                Standing::Theirs => {
                    self.forget();
                    return Ok(false);
                }
                Standing::Open(lapsed) => lapsed,
            },
        };
        let (w, node) = (self.w, self.app.leases.holder.clone());
        let its = node.clone();
        // Who plans must not lose the lease to a queue of received bodies.
        let lane = if held.is_some() {
            Lane::Interactive
        } else {
            Lane::Background
        };
        let taken: Result<Lease, AppError> = self
            .app
            .db
            .write("planner_lease", lane, move |tx| {
                let now = tx.now();
                let until = now.plus(routing::lease_ms(tx.is_sqlite()));
                if let Some(epoch) = held
                    && routing::renew_lease(tx, w, &node, epoch, until)? == 1
                {
                    return Ok(Lease::Renewed(epoch, until));
                }
                let before = routing::head(tx, w)?;
                // A SQLite file has one server and one clock: what ran out by it is nobody's.
                let lapsed = if tx.is_sqlite() && before.lease_until < now {
                    Some((before.lease_epoch, before.lease_until))
                } else {
                    lapsed
                };
                let Some(epoch) = routing::take_lease(tx, w, &node, until, lapsed)? else {
                    return Ok(Lease::Theirs(before));
                };
                tx.may_take(rules::LONGEST_LOAD);
                routing::recount_loads(tx, w)?;
                let idle_ms = now.since(before.lease_until);
                Ok(Lease::Taken {
                    epoch,
                    until,
                    before,
                    idle_ms,
                })
            })
            .await;
        match taken? {
            Lease::Theirs(row) => {
                self.app.leases.lost(w, row.lease_epoch, row.lease_until);
                self.forget();
                Ok(false)
            }
            Lease::Renewed(epoch, until) => {
                self.app.leases.took(w, epoch);
                self.lease_until = until;
                Ok(true)
            }
            Lease::Taken {
                epoch,
                until,
                before,
                idle_ms,
            } => {
                self.state = None;
                self.head = None;
                // What this process lost counts only while nobody else planned.
                if before.lease_owner != its {
                    self.lost_ms = 0;
                }
                // A lease that ran out long ago: nobody planned since.
                if before.lease_until.0 > 0 && idle_ms > OUTAGE_MS {
                    self.lost_ms = self.lost_ms.max(idle_ms);
                }
                self.load().await?;
                self.app.leases.took(w, epoch);
                self.lease_until = until;
                tracing::debug!(workspace = %w, epoch, "planning from now on");
                Ok(true)
            }
        }
    }

    async fn load(&mut self) -> AppResult<()> {
        let w = self.w;
        let (head, rows) = self.app.db.read("planner_load", move |tx| rules::rows(tx, w)).await?;
        self.head = Some(head);
        self.state = Some(State::from_rows(rows));
        self.since_kept = None;
        Ok(())
    }

    /// Plans and writes, again when somebody else changed what was planned on.
    async fn plan(&mut self, commands: &mut Vec<Command>, open: &[routing::InputRow], due: bool) -> AppResult<Turn> {
        let mut stopped: BTreeMap<i64, Answer> = BTreeMap::new();
        for attempt in 0..6 {
            let plan = self.think(commands, open, due, &stopped)?;
            if plan.consumed.is_empty() {
                return Ok(Turn::Worked);
            }
            let plan = Arc::new(plan);
            ronda_storage::crash_point("plan.before_write");
            let its = plan.clone();
            let written: Result<(), PlanError> = self
                .app
                .db
                .write("plan", Lane::Interactive, move |tx| rules::write(tx, &its))
                .await;
            ronda_storage::crash_point("plan.after_commit");
            match written {
                Ok(()) => {
                    self.head = Some(rules::head_after(&plan));
                    self.lost_ms = 0;
                    let before = if plan.snapshot.is_some() {
                        Some(0)
                    } else {
                        self.since_kept
                    };
                    self.since_kept = before.map(|inputs| inputs + plan.consumed.len());
                    metrics::counter!("ronda_routing_decisions_total").increment(plan.outcome.decisions.len() as u64);
                    #[cfg(feature = "testing")]
                    {
                        let size = plan.consumed.len() + plan.outcome.decisions.len();
                        let worked = &self.app.planners.turns.worked;
                        worked
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push((self.w, size));
                    }
                    for c in plan.consumed.iter().filter(|c| c.row.is_some()) {
                        if let Some(key) = &c.command_id {
                            self.app.bus.say(Said::Answered(key.clone()));
                        }
                    }
                    self.answer(commands, &plan);
                    self.shadow(&plan).await;
                    return Ok(Turn::Worked);
                }
                Err(PlanError::CustomerWrote(late)) => {
                    self.take_back(&plan);
                    let rows = late.iter().filter_map(|index| plan.consumed[*index].row);
                    stopped.extend(rows.map(|row| (row, Answer::CustomerWrote)));
                    let first = plan.consumed.len() - commands.len();
                    for (index, command) in std::mem::take(commands).into_iter().enumerate() {
                        if late.contains(&(first + index)) {
                            let _ = command.reply.send(Outcome::Done(Answer::CustomerWrote));
                        } else {
                            commands.push(command);
                        }
                    }
                }
                Err(PlanError::App(error)) => {
                    self.take_back(&plan);
                    match error {
                        AppError::Store(StoreError::Guard(what)) => {
                            tracing::debug!(workspace = %self.w, what, attempt, "planned on something that changed");
                            metrics::counter!("ronda_routing_conflicts_total", "guard" => what).increment(1);
                            if !self.look_again(&plan, what, attempt).await? {
                                return Ok(Turn::Elsewhere);
                            }
                            self.refuse_the_late(commands, open, &mut stopped).await?;
                        }
                        error => return Err(error),
                    }
                }
            }
        }
        Err(AppError::RoutingUnavailable)
    }

    fn take_back(&mut self, plan: &Plan) {
        if let Some(state) = &mut self.state {
            state.revert(&plan.outcome);
        }
    }

    /// Reads again what the plan named; everything when that did not help. False: another node has the lease.
    async fn look_again(&mut self, plan: &Arc<Plan>, what: &'static str, attempt: u32) -> AppResult<bool> {
        if attempt >= 2 || what == "head" || what == "inputs" || what == "load" {
            self.forget();
            if !self.lease().await? {
                return Ok(false);
            }
            if self.state.is_none() {
                self.load().await?;
            }
            return Ok(true);
        }
        let w = self.w;
        let ids: Vec<ConversationId> = plan.outcome.convs.iter().map(|c| c.row.conv).collect();
        let its = ids.clone();
        let (rows, rounds) = self
            .app
            .db
            .read("planner_look", move |tx| -> AppResult<_> {
                Ok((conversations::get_many(tx, w, &its)?, routing::rounds(tx, w)?))
            })
            .await?;
        let rounds: BTreeMap<ConversationId, routing::RoundRow> =
            rounds.into_iter().map(|r| (r.conversation, r)).collect();
        self.since_kept = None;
        let Some(state) = &mut self.state else { return Ok(true) };
        let mut gone: Vec<ConversationId> = ids;
        for row in rows {
            gone.retain(|id| *id != row.id);
            let known = rules::conv_row(&row, rounds.get(&row.id))?;
            state.put_conv(known);
        }
        for id in gone {
            state.drop_conv(id);
        }
        Ok(true)
    }

    /// Answers what was said of a conversation that has ended meanwhile: what it brings along of it is not so any more, and no
    /// plan that believes it can be written.
    async fn refuse_the_late(
        &self,
        commands: &mut Vec<Command>,
        open: &[routing::InputRow],
        stopped: &mut BTreeMap<i64, Answer>,
    ) -> AppResult<()> {
        let rows: Vec<(i64, Fact)> = open
            .iter()
            .filter_map(|row| Some((row.id, written(&row.fact).ok()?.0)))
            .collect();
        let facts = rows
            .iter()
            .map(|(_, fact)| fact)
            .chain(commands.iter().map(|c| &c.fact));
        let about: Vec<ConversationId> = facts.filter_map(|fact| Some(fact.brought()?.0)).collect();
        if about.is_empty() {
            return Ok(());
        }
        let w = self.w;
        let read: Vec<_> = self
            .app
            .db
            .read("planner_late", move |tx| conversations::get_many(tx, w, &about))
            .await?;
        let ended: BTreeMap<ConversationId, Epoch> = read
            .into_iter()
            .filter(|c| matches!(c.place, Place::Bot | Place::Closed))
            .map(|c| (c.id, Epoch(c.epoch)))
            .collect();
        let late = |fact: &Fact| {
            let (conv, arrival) = fact.brought()?;
            let epoch = *ended.get(&conv).filter(|epoch| **epoch != arrival.epoch)?;
            Some(match fact {
                Fact::Closed { .. } => Answer::Refused { code: Refusal::NotLive },
                _ => Answer::Conflict { owner: None, epoch },
            })
        };
        stopped.extend(rows.iter().filter_map(|(row, fact)| Some((*row, late(fact)?))));
        for command in std::mem::take(commands) {
            match late(&command.fact) {
                Some(answer) => drop(command.reply.send(Outcome::Done(answer))),
                None => commands.push(command),
            }
        }
        Ok(())
    }

    /// Steps the engine over commands and inputs; nothing is written. The inputs in `stopped` have their answer already.
    fn think(
        &mut self,
        commands: &[Command],
        open: &[routing::InputRow],
        due: bool,
        stopped: &BTreeMap<i64, Answer>,
    ) -> AppResult<Plan> {
        let now = self.app.clock.now();
        let (Some(state), Some(head)) = (&mut self.state, &self.head) else {
            return Err(AppError::RoutingUnavailable);
        };
        let mut seq = head.input_seq;
        let mut next = || {
            seq += 1;
            seq
        };
        let mut inputs: Vec<Input> = Vec::new();
        let mut consumed: Vec<Consumed> = Vec::new();
        let mut guards = Vec::new();
        let mut add = |inputs: &mut Vec<Input>, row: Option<i64>, command_id: Option<String>, at: Ms, fact: Fact| {
            let seq = next();
            consumed.push(Consumed {
                row,
                command_id,
                at,
                fact: crate::app::views::text(&fact),
                seq,
                result: String::new(),
            });
            inputs.push(Input { seq, at, fact });
        };
        if self.lost_ms > 0 {
            let gap = Fact::Gap { lost_ms: self.lost_ms };
            add(&mut inputs, None, None, now, gap);
        }
        // What was written comes before what is asked now: the rows are older.
        for row in open {
            match written(&row.fact) {
                Ok(_) if stopped.contains_key(&row.id) => {
                    add(&mut inputs, Some(row.id), row.command_id.clone(), row.at, Fact::Tick);
                }
                Ok((fact, last)) => {
                    if let (Some(last), Fact::Closed { conv, .. }) = (last, &fact) {
                        guards.push((inputs.len(), *conv, last));
                    }
                    add(&mut inputs, Some(row.id), row.command_id.clone(), row.at, fact);
                }
                Err(error) => {
                    tracing::error!(workspace = %self.w, input = row.id, %error, "a routing input cannot be read");
                    add(&mut inputs, Some(row.id), row.command_id.clone(), row.at, Fact::Tick);
                }
            }
        }
        for command in commands {
            if let (Some(last), Fact::Closed { conv, .. }) = (command.last_message, &command.fact) {
                guards.push((inputs.len(), *conv, last));
            }
            add(&mut inputs, None, command.key.clone(), now, command.fact.clone());
        }
        if due && inputs.is_empty() {
            add(&mut inputs, None, None, now, Fact::Tick);
        }
        let hours = inputs.iter().filter_map(|input| match &input.fact {
            Fact::HoursSet { scope, hours } => Some((*scope, hours.clone())),
            _ => None,
        });
        let hours = hours.collect();
        let snapshot = kept(state, self.since_kept);
        let before = state.hash_with_head();
        let outcome = ronda_routing::run(state, &inputs);
        let decisions = rules::linked(&outcome, before, &head.hash);
        let results: BTreeMap<i64, &Answer> = outcome.results.iter().map(|(seq, answer)| (*seq, answer)).collect();
        for c in &mut consumed {
            if let Some(answer) = c.row.and_then(|row| stopped.get(&row)) {
                c.result = crate::app::views::text(answer);
                continue;
            }
            c.result = results.get(&c.seq).map(crate::app::views::text).unwrap_or_default();
        }
        Ok(Plan {
            workspace: self.w,
            seen: head.clone(),
            consumed,
            outcome,
            hours,
            guards,
            decisions,
            snapshot,
        })
    }

    /// Lets a policy that is not in force plan the same inputs, if there is one.
    async fn shadow(&self, plan: &Plan) {
        let Some(state) = &self.state else { return };
        let tick = |c: &&Consumed| c.row.is_some() && matches!(written(&c.fact), Ok((Fact::Tick, _)));
        let mark = plan.consumed.iter().rfind(tick).map(|c| c.seq);
        if mark.is_none() && !self.app.shadows.follows(self.w) {
            return;
        }
        let read = |c: &Consumed| {
            let (fact, _) = written(&c.fact).ok()?;
            let (seq, at) = (c.seq, c.at);
            Some(Input { seq, at, fact })
        };
        let turn = super::shadow::Turn {
            after: state,
            inputs: plan.consumed.iter().filter_map(read).collect(),
            outcome: &plan.outcome,
            mark,
        };
        self.app.shadows.follow(&self.app, self.w, &turn).await;
    }

    /// Gives each command its result: commands are the last of the inputs.
    fn answer(&self, commands: &mut Vec<Command>, plan: &Plan) {
        let results = &plan.outcome.results;
        let first = results.len().saturating_sub(commands.len());
        for (command, (_, answer)) in commands.drain(..).zip(results.iter().skip(first)) {
            let _ = command.reply.send(Outcome::Done(answer.clone()));
        }
    }

    #[cfg(feature = "testing")]
    async fn verify(&mut self, commands: &mut Vec<Command>) -> Result<(), String> {
        let w = self.w;
        let rows = loop {
            match self.turn(commands).await {
                Ok(Turn::Worked) => continue,
                Ok(Turn::Idle) => {}
                Ok(Turn::Elsewhere) => return Err("another node plans this workspace".into()),
                Err(error) => return Err(error.to_string()),
            }
            // Rows whose inputs came after the last turn are ahead of memory, and rightly so.
            let read: AppResult<_> = self
                .app
                .db
                .read("planner_verify", move |tx| {
                    let open = routing::open_inputs(tx, w, 1)?;
                    Ok((open.is_empty(), rules::rows(tx, w)?.1))
                })
                .await;
            let (level, rows) = read.map_err(|e| e.to_string())?;
            if level {
                break rows;
            }
        };
        let Some(state) = &self.state else {
            return Err("no state".into());
        };
        let rebuilt = State::from_rows(rows);
        if let Err(violation) = ronda_routing::check(state) {
            return Err(format!("the state in memory breaks an invariant: {violation:?}"));
        }
        if rebuilt.hash_with_head() == state.hash_with_head() {
            return Ok(());
        }
        let (memory, disk) = (state.rows(), rebuilt.rows());
        if memory.head != disk.head {
            return Err(format!("head: memory {:?}, rows {:?}", memory.head, disk.head));
        }
        for (a, b) in memory.convs.iter().zip(&disk.convs) {
            if a != b {
                return Err(format!("conversation: memory {a:#?}, rows {b:#?}"));
            }
        }
        for (a, b) in memory.agents.iter().zip(&disk.agents) {
            if a != b {
                return Err(format!("agent: memory {a:#?}, rows {b:#?}"));
            }
        }
        Err(format!(
            "memory has {} conversations, {} agents; rows {}, {}; policy equal: {}, groups equal: {}",
            memory.convs.len(),
            memory.agents.len(),
            disk.convs.len(),
            disk.agents.len(),
            memory.policy == disk.policy,
            memory.groups == disk.groups
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;
    use std::cell::RefCell;
    use std::rc::Rc;

    const WHO: usize = 9;
    const ROUNDS: usize = 30;

    /// Between somebody's asking for a turn and getting it, everybody else gets at most one: whoever asks again comes behind.
    /// One thread, where tasks go on in the order in which they are woken, so that who asks first is known.
    #[tokio::test]
    async fn f6_nobody_has_two_turns_while_another_waits_for_one() {
        let turns = Rc::new(Turns::default());
        let told: Rc<RefCell<Vec<(usize, bool)>>> = Rc::default();
        let tasks = tokio::task::LocalSet::new();
        for who in 0..WHO {
            let (turns, told) = (turns.clone(), told.clone());
            tasks.spawn_local(async move {
                for round in 0..ROUNDS {
                    told.borrow_mut().push((who, false));
                    let _turn = turns.take().await;
                    told.borrow_mut().push((who, true));
                    for _ in 0..=(who * 7 + round * 3) % 11 {
                        tokio::task::yield_now().await;
                    }
                }
            });
        }
        tasks.await;
        let told = told.borrow();
        assert_eq!(told.len(), WHO * ROUNDS * 2);
        let mut longest = 0;
        for (at, (who, _)) in told.iter().enumerate().filter(|(_, (_, got))| !got) {
            let meanwhile = told[at + 1..].iter().take_while(|one| **one != (*who, true));
            let began: Vec<usize> = meanwhile.filter_map(|(other, got)| got.then_some(*other)).collect();
            for other in 0..WHO {
                let had = began.iter().filter(|o| **o == other).count();
                assert!(had <= 1, "{other} had {had} turns while {who} waited: {began:?}");
            }
            longest = longest.max(began.len());
        }
        assert!(longest >= WHO / 2, "nobody had to wait for long: {longest}");
    }
}
