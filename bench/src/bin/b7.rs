//! B7: a rotation storm. 100,000 conversations are held and nobody answers; their deadlines are spread over 60 seconds, then
//! they are all at one instant. The whole server runs, and commands of people go on.
//!
//! A rotation is seen when another connection reads its decision, at most [`LOOK`] after its commit, which is counted
//! against us.

use anyhow::{Result, ensure};
use ronda_bench::stage::Stage;
use ronda_bench::{Goal, figure, percentile};
use ronda_domain::{Clock, ConversationId, Ms, WorkspaceId};
use ronda_routing::{Fact, Policy};
use ronda_storage::{DbConfig, Engine, StoreResult};
use std::time::{Duration, Instant};

const CONVERSATIONS: i64 = 100_000;
const AGENTS: usize = 1_000;
const SPREAD_MS: i64 = 60_000;
const LOOK: Duration = Duration::from_millis(25);
/// Between two commands of people.
const COMMAND: Duration = Duration::from_millis(50);
/// Nothing takes longer; then it is not measured.
const LONGEST: Duration = Duration::from_secs(150);
/// From the first row to the first deadline: the server starts and loads in it.
const AHEAD_MS: i64 = 15_000;

/// When each conversation is due: the first of a round, and the last.
#[derive(Clone, Copy)]
struct Deadlines {
    first: Ms,
    spread_ms: i64,
}

impl Deadlines {
    fn of(self, conversation: i64) -> Ms {
        self.first.plus(conversation * self.spread_ms / CONVERSATIONS)
    }
}

/// Everything is held and owed an answer; agents in turn.
fn fill(config: &DbConfig, w: WorkspaceId, first_agent: i64, due: Deadlines) -> Result<()> {
    let since = due.first.plus(-SPREAD_MS);
    let numbers = format!(
        "with recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n where i < {CONVERSATIONS}) select"
    );
    let customers = format!(
        "insert into customer(workspace, name, created_at, updated_at) {numbers} {w}, 'Cliente', {since}, {since} from n"
    );
    let conversations = format!(
        "insert into conversation(workspace, number, channel_account, customer, place, owner, epoch, phase, rotate_at, assigned_at,
           owed_since, last_customer_at, last_activity_at, created_at)
         {numbers} {w}, i, 1, i, 'held', {first_agent} + i % {AGENTS}, 1, 'unanswered', {} + i * {} / {CONVERSATIONS}, {since},
           {since}, {since}, {since}, {since} from n",
        due.first, due.spread_ms
    );
    match config {
        DbConfig::Sqlite(path) => {
            let db = rusqlite::Connection::open(path)?;
            db.execute_batch(&format!("{customers}; {conversations};"))?;
        }
        DbConfig::Postgres(url) => {
            let mut db = postgres::Client::connect(url, postgres::NoTls)?;
            db.batch_execute(&format!("{customers}; {conversations}; analyze;"))?;
        }
    }
    Ok(())
}

/// What a storm did.
struct Storm {
    /// Milliseconds from each deadline to its decision, as it was seen.
    late: Vec<f64>,
    commands: Vec<f64>,
    /// From the last deadline to the last decision.
    drained: f64,
}

async fn storm(engine: Engine, spread_ms: i64) -> Result<Storm> {
    let mut policy = Policy::sales();
    policy.reassign_seconds = Some(600);
    policy.strikes = 0;
    policy.ramp.interval_seconds = 0;
    let due = Deadlines {
        first: Clock::system().now().plus(AHEAD_MS),
        spread_ms,
    };
    let stage = Stage::open_with(engine, AGENTS, Some(policy), move |config, w, agents| {
        let first = agents.iter().map(|(agent, _)| agent.0).min().unwrap_or_default();
        fill(config, w, first, due)
    })
    .await?;
    let (app, w) = (stage.app.clone(), stage.workspace);
    let ready = app.planners.ask(&app, w, |state| state.next_due()).await?;
    ensure!(ready.is_some(), "the planner knows no deadline");
    ensure!(
        Clock::system().now() < due.first,
        "the machine is too slow to begin in {AHEAD_MS} ms"
    );

    let asking = {
        let app = app.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            loop {
                tokio::select! {
                    () = app.stop.cancelled() => return times,
                    () = tokio::time::sleep(COMMAND) => {}
                }
                let asked = Clock::system().now();
                let began = Instant::now();
                let fact = Fact::Woken {
                    conv: ConversationId(1),
                };
                let answer = app.planners.command(&app, w, None, fact, None).await;
                let took = if answer.is_ok() {
                    began.elapsed().as_secs_f64() * 1_000.0
                } else {
                    f64::INFINITY
                };
                if asked >= due.first {
                    times.push(took);
                }
            }
        })
    };
    let mut late = Vec::new();
    let (mut seen, began) = (0_i64, Instant::now());
    while (late.len() as i64) < CONVERSATIONS {
        ensure!(began.elapsed() < LONGEST, "{} of {CONVERSATIONS} rotations", late.len());
        let page: StoreResult<Vec<(i64, i64)>> = app
            .db
            .read("storm", move |tx| {
                let text = "select seq, conversation from routing_decision where workspace = $1 and seq > $2 and act = 'rotate' order by seq limit 20000";
                tx.query_dynamic(text, &[w.into(), seen.into()], |r| Ok((r.i(0)?, r.i(1)?)))
            })
            .await;
        let now = Clock::system().now();
        for (seq, conversation) in page? {
            seen = seq;
            let after = now.since(due.of(conversation));
            ensure!(after >= 0, "conversation {conversation} was rotated {after} ms early");
            late.push(after as f64);
        }
        tokio::time::sleep(LOOK).await;
    }
    let drained = Clock::system().now().since(due.of(CONVERSATIONS)) as f64 / 1_000.0;
    let twice: StoreResult<Vec<i64>> = app
        .db
        .read("storm", move |tx| {
            let text = "select count(*) from conversation where workspace = $1 and (epoch <> 2 or place <> 'held')";
            tx.query_dynamic(text, &[w.into()], |r| r.i(0))
        })
        .await;
    ensure!(twice? == [0], "each conversation has its second owner");
    app.stop.cancel();
    let commands = asking.await?;
    drop(app);
    stage.close().await?;
    Ok(Storm {
        late,
        commands,
        drained,
    })
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    // One engine alone for whoever looks into it: `b7 PostgreSQL`.
    let only = std::env::args().nth(1);
    for (engine, name) in [(Engine::Sqlite, "SQLite"), (Engine::Postgres, "PostgreSQL")] {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let spread = runtime.block_on(storm(engine, SPREAD_MS))?;
        figure(
            "B7",
            &format!("{name}: rotation after its time, over a minute (p99.9)"),
            percentile(&spread.late, 99.9) / 1_000.0,
            "s",
            Goal::AtMost(1.0),
            &format!(
                "median {:.0} ms, worst {:.0} ms; commands meanwhile p99 {:.0} ms",
                percentile(&spread.late, 50.0),
                percentile(&spread.late, 100.0),
                percentile(&spread.commands, 99.0)
            ),
        );
        let at_once = runtime.block_on(storm(engine, 0))?;
        figure(
            "B7",
            &format!("{name}: {CONVERSATIONS} rotations at one instant, drained"),
            at_once.drained,
            "s",
            Goal::AtMost(15.0),
            "",
        );
        figure(
            "B7",
            &format!("{name}: commands while they drain (p99)"),
            percentile(&at_once.commands, 99.0),
            "ms",
            Goal::AtMost(250.0),
            &format!("{} commands", at_once.commands.len()),
        );
    }
    Ok(())
}
