//! B6: durable assignments per second in batches of 200, against the same statements with one decision a transaction.
//!
//! Each decision moves a held conversation to another agent: place, both loads, the decision with its funnel, two
//! events. That is what a rotation commits (architecture.md §8, T4).

use anyhow::{Result, ensure};
use ronda_bench::place::Place;
use ronda_bench::{Goal, Numbers, Rounds, figure, per_second};
use ronda_domain::conversation::{Phase, Place as Tray};
use ronda_domain::event::{Event, EventKind, Scope};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, Ms, WorkspaceId};
use ronda_storage::conversations::{self, NewConversation, PlannedPlace};
use ronda_storage::decisions::{self, DecisionRow};
use ronda_storage::routing::{self, Head, LoadDelta};
use ronda_storage::{Db, Engine, StoreError, StoreResult, Tx, workspaces};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const AGENTS: i64 = 500;
const CONVERSATIONS: i64 = 20_000;
const BATCH: usize = 200;
const CONNECTIONS: usize = 16;
const ROUND: Duration = Duration::from_secs(2);
const SEED_ROWS: i64 = 400;
const FUNNEL: &str = r#"{"members":500,"lost":[{"reject":"full","count":212},{"reject":"away","count":31}],"finalists":[{"agent":7,"load":3},{"agent":9,"load":4},{"agent":12,"load":4}],"by":"stamp"}"#;

/// A conversation as the planner remembers it.
#[derive(Clone, Copy)]
struct Held {
    id: ConversationId,
    epoch: i64,
    owner: AgentId,
}

/// A planner with its share of the conversations.
struct Planner {
    db: Db,
    workspace: WorkspaceId,
    held: Vec<Held>,
    next: usize,
    numbers: Numbers,
    /// Guards the plan, as the one planner of a workspace does; several connections at once cannot share it.
    head: Option<Head>,
    /// The number of the next decision when there is no head.
    seq: i64,
    /// The end of the chain of decisions.
    hash: String,
}

#[derive(Clone)]
struct Plan {
    places: Vec<PlannedPlace>,
    loads: Vec<LoadDelta>,
    decisions: Vec<DecisionRow>,
    head: Option<(Head, Head)>,
}

impl Planner {
    /// One decision while others commit theirs: when its transaction was open too long, nothing was done.
    fn crowded_step(&mut self) -> Result<usize> {
        let (at, before, seq) = (self.next, self.held[self.next], self.seq);
        let hash = self.hash.clone();
        match self.step(1) {
            Err(error) if matches!(error.downcast_ref(), Some(StoreError::TooLong { .. })) => {
                (self.next, self.held[at], self.seq, self.hash) = (at, before, seq, hash);
                Ok(0)
            }
            done => done,
        }
    }

    /// Plans and commits `n` moves.
    fn step(&mut self, n: usize) -> Result<usize> {
        let plan = self.plan(n);
        let (workspace, count) = (self.workspace, plan.places.len());
        if let Some((_, new)) = &plan.head {
            self.head = Some(new.clone());
        }
        self.db
            .write_blocking("assign", move |tx| commit(tx, workspace, &plan))?;
        Ok(count)
    }

    fn plan(&mut self, n: usize) -> Plan {
        let now = self.db.clock().now();
        let mut deltas: BTreeMap<AgentId, i64> = BTreeMap::new();
        let (mut places, mut decisions) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for _ in 0..n {
            let at = self.next;
            self.next = (at + 1) % self.held.len();
            let held = &mut self.held[at];
            let from = held.owner;
            #[expect(clippy::cast_possible_wrap, reason = "below AGENTS")]
            let to = AgentId(1 + self.numbers.below(AGENTS as u64) as i64);
            *deltas.entry(from).or_default() -= 1;
            *deltas.entry(to).or_default() += 1;
            self.seq += 1;
            decisions.push(DecisionRow {
                seq: self.seq,
                at: now,
                cause: 0,
                policy_version: 1,
                conversation: Some(held.id),
                group: None,
                epoch_before: held.epoch,
                epoch_after: held.epoch + 1,
                act: "rotated".into(),
                from: Some(from),
                to: Some(to),
                reason: r#"{"code":"no_answer","after_ms":60000}"#.into(),
                funnel: FUNNEL.into(),
                state: self.seq,
                hash: String::new(),
            });
            places.push(PlannedPlace {
                id: held.id,
                seen: held.epoch,
                place: Tray::Held,
                stays_held: true,
                owner: Some(to),
                epoch: held.epoch + 1,
                group: None,
                phase: Some(Phase::Unanswered),
                rotate_at: Some(now.plus(Ms::MINUTE)),
                round: 1,
                exhausted: false,
                waiting_since: None,
                assigned_at: Some(now),
                assigned_reason: Some(r#"{"code":"no_answer"}"#.into()),
                reserved_for: None,
                reserved_until: None,
                closed_at: None,
                close_reason: None,
                routing: None,
                rotation_of: None,
            });
            held.epoch += 1;
            held.owner = to;
        }
        let loads = deltas
            .into_iter()
            .map(|(agent, delta)| LoadDelta {
                agent,
                delta,
                limit: CONVERSATIONS,
                stamp: self.seq,
                routing: None,
            })
            .collect();
        self.hash = decisions::chain(&self.hash, &mut decisions);
        let head = self.head.clone().map(|seen| {
            let new = Head {
                hash: self.hash.clone(),
                decision_seq: self.seq,
                at: now,
                stamp: self.seq,
                ..seen.clone()
            };
            (seen, new)
        });
        Plan {
            places,
            loads,
            decisions,
            head,
        }
    }
}

fn commit(tx: &mut Tx<'_>, w: WorkspaceId, plan: &Plan) -> StoreResult<()> {
    let expect = |touched: u64, wanted: usize| {
        if touched == wanted as u64 {
            Ok(())
        } else {
            Err(StoreError::Other(format!("{touched} rows instead of {wanted}")))
        }
    };
    if let Some((seen, new)) = &plan.head {
        expect(routing::advance(tx, w, seen, new)?, 1)?;
    }
    let mut ids: Vec<ConversationId> = plan.places.iter().map(|p| p.id).collect();
    ids.sort_unstable();
    if !tx.is_sqlite() {
        conversations::lock_many(tx, w, &ids)?;
    }
    expect(conversations::place(tx, w, &plan.places)?, plan.places.len())?;
    expect(routing::apply_loads(tx, w, &plan.loads)?, plan.loads.len())?;
    decisions::insert(tx, w, &plan.decisions)?;
    for (place, decision) in plan.places.iter().zip(&plan.decisions) {
        let scope = |owner| Scope {
            place: Tray::Held,
            owner,
            group: None,
        };
        let (before, after) = (scope(decision.from), scope(decision.to));
        let event = |kind, body: serde_json::Value| Event {
            workspace: w,
            kind,
            conversation: Some(place.id),
            scope_before: Some(before),
            scope_after: Some(after),
            body: body.to_string(),
        };
        tx.emit(event(
            EventKind::ConversationChanged,
            json!({
                "id": place.id, "number": place.id, "place": "held", "owner": { "id": place.owner, "name": "Ana Pérez" },
                "customer": { "id": place.id, "name": "María de los Ángeles Fernández" }, "epoch": place.epoch, "phase": "unanswered",
                "rotate_at": place.rotate_at, "assigned_at": place.assigned_at, "unread": 1,
                "last_message": { "preview": "Hola, quería saber si tienen stock del modelo azul", "direction": "in", "kind": "text" }
            }),
        ));
        tx.emit(event(
            EventKind::RoutingDecided,
            json!({ "seq": decision.seq, "act": decision.act, "from": decision.from, "to": decision.to, "reason": decision.reason }),
        ));
    }
    Ok(())
}

/// A workspace with its conversations, dealt out to the agents.
fn seed(db: &Db) -> Result<(WorkspaceId, Vec<Held>)> {
    let workspace = db.write_blocking("workspace", |tx| {
        workspaces::insert(tx, "Bench", "UTC", "es", "AR", false)
    })?;
    db.write_blocking("loads", move |tx| {
        (1..=AGENTS).try_for_each(|agent| routing::new_load(tx, workspace, AgentId(agent)).map(drop))
    })?;
    let mut all = Vec::new();
    for first in (0..CONVERSATIONS).step_by(SEED_ROWS as usize) {
        let ids = db.write_blocking("conversations", move |tx| -> StoreResult<Vec<ConversationId>> {
            let now = tx.now();
            (first..(first + SEED_ROWS).min(CONVERSATIONS))
                .map(|n| {
                    let new = NewConversation {
                        number: n + 1,
                        channel_account: ChannelAccountId(1),
                        customer: CustomerId(n + 1),
                        simulated: false,
                        outbound: false,
                        place: Tray::Held,
                        group: None,
                        owed_since: Some(now),
                        origin: None,
                        at: now,
                    };
                    conversations::insert(tx, workspace, &new)
                })
                .collect()
        })?;
        all.extend(ids);
    }
    // Everybody begins with agent 1, whose load says so.
    let load = LoadDelta {
        agent: AgentId(1),
        delta: CONVERSATIONS,
        limit: CONVERSATIONS,
        stamp: 0,
        routing: None,
    };
    db.write_blocking("load", move |tx| {
        routing::apply_loads(tx, workspace, std::slice::from_ref(&load))
    })?;
    let held = all.into_iter().map(|id| Held {
        id,
        epoch: 1,
        owner: AgentId(1),
    });
    Ok((workspace, held.collect()))
}

/// Several connections at once, each with its own share of the conversations and one decision a transaction.
fn many(planners: &mut [Planner]) -> Result<f64> {
    let rates = std::thread::scope(|scope| {
        let threads: Vec<_> = planners
            .iter_mut()
            .map(|p| scope.spawn(move || per_second(ROUND, || p.crowded_step())))
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().map_err(|_| anyhow::anyhow!("a connection ended"))?)
            .collect::<Result<Vec<f64>>>()
    })?;
    Ok(rates.iter().sum())
}

fn measure(engine: Engine, name: &str) -> Result<()> {
    let place = Place::new(engine)?;
    let db = place.open()?;
    let (workspace, held) = seed(&db)?;
    let head = db.read_blocking("head", move |tx| routing::head(tx, workspace))?;
    let one = CONVERSATIONS as usize / 2;
    let (mine, shared) = held.split_at(one);
    let planner = std::cell::RefCell::new(Planner {
        db: db.clone(),
        workspace,
        held: mine.to_vec(),
        next: 0,
        numbers: Numbers::from(1),
        head: Some(head),
        seq: 0,
        hash: String::new(),
    });
    let rounds = Rounds::run(
        || per_second(ROUND, || planner.borrow_mut().step(BATCH)),
        || per_second(ROUND, || planner.borrow_mut().step(1)),
    )?;
    figure(
        "B6",
        &format!("{name}: batches of {BATCH} against single decisions"),
        rounds.ratio(),
        "×",
        Goal::AtLeast(10.0),
        &rounds.detail("decisions/s"),
    );
    if engine == Engine::Sqlite {
        return Ok(());
    }
    // A handle owns seven writing connections; three of them carry sixteen callers.
    let handles = [db, place.open()?, place.open()?];
    let share = shared.len() / CONNECTIONS;
    let mut planners: Vec<Planner> = shared
        .chunks_exact(share)
        .take(CONNECTIONS)
        .enumerate()
        .map(|(i, chunk)| Planner {
            db: handles[i % handles.len()].clone(),
            workspace,
            held: chunk.to_vec(),
            next: 0,
            numbers: Numbers::from(7 + i as u64),
            head: None,
            seq: 1_000_000_000 * (1 + i as i64),
            hash: String::new(),
        })
        .collect();
    ensure!(planners.len() == CONNECTIONS, "conversations for every connection");
    let rounds = Rounds::run(
        || per_second(ROUND, || planner.borrow_mut().step(BATCH)),
        || many(&mut planners),
    )?;
    figure(
        "B6",
        &format!("{name}: batches of {BATCH} against {CONNECTIONS} connections"),
        rounds.ratio(),
        "×",
        Goal::AtLeast(5.0),
        &rounds.detail("decisions/s"),
    );
    Ok(())
}

fn main() -> Result<()> {
    measure(Engine::Sqlite, "SQLite")?;
    measure(Engine::Postgres, "PostgreSQL")
}
