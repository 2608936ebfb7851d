//! The reference: the rows of a message, written by hand.

use crate::inbound::{CUSTOMERS, body, phone};
use crate::{Numbers, per_second};
use anyhow::{Context, Result};
use postgres::types::ToSql;
use ronda_storage::DbConfig;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const CONNECTIONS: u64 = 8;
const GROUP: usize = 64;
const ROUND: Duration = Duration::from_secs(2);

const JOURNAL: &str =
    "insert into inbound_journal(source, lane, received_at, body) values ('meta', $1, $2, $3) returning id";
const IDENTITY: &str =
    "select customer from identity where workspace = $1 and kind = 'whatsapp_phone' and scope = '' and value = $2";
const LIVE: &str = "select id from conversation where channel_account = $1 and customer = $2 and place <> 'closed'";
const MESSAGE: &str = "insert into message(workspace, conversation, channel_account, direction, author, provider_id, at, received_at, kind, content)
    values ($1, $2, $3, 'in', 'customer', $4, $5, $6, 'text', $7) on conflict do nothing returning id";
const FACTS: &str =
    "update conversation set last_customer_at = $1, last_activity_at = $2, last_message = $3, unread = unread + 1
    where workspace = $4 and id = $5";
const INPUT: &str = "insert into routing_input(workspace, at, fact) values ($1, $2, $3)";
const HEAD: &str = "update event_head set seq = seq + $1 where workspace = $2 returning seq";
const EVENT: &str = "insert into event(workspace, seq, at, kind, conversation, scope_before, scope_after, body)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";
const DONE: &str = "update inbound_journal set done_at = $1 where id = $2";

const SCOPE: &str = r#"{"place":"waiting","owner":null,"group":null}"#;
const KINDS: [&str; 2] = ["conversation.changed", "message.created"];

/// What the reference needs to know of the database.
#[derive(Clone)]
pub struct Known {
    pub workspace: i64,
    pub accounts: Vec<i64>,
    /// Lengths of the two events of a message, as ours writes them.
    pub event_bytes: [usize; 2],
    pub words: &'static str,
}

/// Numbers of messages, unique over all rounds and connections.
static NEXT: AtomicI64 = AtomicI64::new(1 << 40);

pub enum Plain {
    Sqlite(Box<rusqlite::Connection>, Known, Numbers),
    Postgres(Vec<(postgres::Client, Numbers)>, Known),
}

/// The values of one message.
struct Values {
    account: usize,
    lane: i64,
    phone: String,
    body: Vec<u8>,
    provider_id: String,
    content: String,
    fact: String,
    events: [String; 2],
    now: i64,
}

impl Known {
    fn next(&self, numbers: &mut Numbers) -> Values {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let customer = numbers.below(CUSTOMERS);
        let account = customer as usize % self.accounts.len();
        Values {
            account,
            lane: account as i64,
            phone: format!("+{}", phone(customer)),
            body: body(account as u64, customer, id as u64),
            provider_id: format!("wamid.plain{id}"),
            content: serde_json::json!({ "type": "text", "text": self.words }).to_string(),
            fact: format!(r#"{{"type":"customer_said","conv":{customer},"at":1800000000000}}"#),
            events: self
                .event_bytes
                .map(|n| format!("\"{}\"", "x".repeat(n.saturating_sub(2)))),
            now: 1_800_000_000_000,
        }
    }
}

impl Plain {
    pub fn open(config: &DbConfig, known: Known) -> Result<Self> {
        match config {
            DbConfig::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path)?;
                connection.set_prepared_statement_cache_capacity(32);
                connection.execute_batch(
                    "pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 10000;
                     pragma temp_store = memory; pragma cache_size = -65536; pragma busy_timeout = 5000;",
                )?;
                Ok(Self::Sqlite(Box::new(connection), known, Numbers::from(99)))
            }
            DbConfig::Postgres(url) => {
                let clients = (0..CONNECTIONS)
                    .map(|n| Ok((postgres::Client::connect(url, postgres::NoTls)?, Numbers::from(99 + n))))
                    .collect::<Result<_>>()?;
                Ok(Self::Postgres(clients, known))
            }
        }
    }

    /// Messages per second of one round.
    pub fn run(&mut self) -> Result<f64> {
        match self {
            Self::Sqlite(connection, known, numbers) => per_second(ROUND, || group(connection, known, numbers)),
            Self::Postgres(clients, known) => {
                let known = &*known;
                let rates = std::thread::scope(|scope| {
                    let threads: Vec<_> = clients
                        .iter_mut()
                        .map(|(client, numbers)| scope.spawn(move || alone(client, known, numbers)))
                        .collect();
                    threads
                        .into_iter()
                        .map(|t| t.join().map_err(|_| anyhow::anyhow!("a connection ended"))?)
                        .collect::<Result<Vec<f64>>>()
                })?;
                Ok(rates.iter().sum())
            }
        }
    }
}

/// One commit of 64 messages.
fn group(connection: &mut rusqlite::Connection, known: &Known, numbers: &mut Numbers) -> Result<usize> {
    let w = known.workspace;
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let one = |text: &str, values: &[&dyn rusqlite::ToSql]| -> Result<i64> {
        Ok(tx
            .prepare_cached(&text.replace('$', "?"))?
            .query_row(values, |r| r.get(0))?)
    };
    let run = |text: &str, values: &[&dyn rusqlite::ToSql]| -> Result<usize> {
        Ok(tx.prepare_cached(&text.replace('$', "?"))?.execute(values)?)
    };
    let mut events = Vec::with_capacity(GROUP * 2);
    for _ in 0..GROUP {
        let v = known.next(numbers);
        let account = known.accounts[v.account];
        let journal = one(JOURNAL, &[&v.lane, &v.now, &v.body])?;
        let customer = one(IDENTITY, &[&w, &v.phone])?;
        let conversation = one(LIVE, &[&account, &customer])?;
        let message = one(
            MESSAGE,
            &[&w, &conversation, &account, &v.provider_id, &v.now, &v.now, &v.content],
        )?;
        run(FACTS, &[&v.now, &v.now, &message, &w, &conversation])?;
        run(INPUT, &[&w, &v.now, &v.fact])?;
        run(DONE, &[&v.now, &journal])?;
        events.extend(
            KINDS
                .into_iter()
                .zip(v.events)
                .map(|(kind, body)| (kind, conversation, body, v.now)),
        );
    }
    let n = events.len() as i64;
    let head = one(HEAD, &[&n, &w])?;
    for (i, (kind, conversation, body, now)) in events.into_iter().enumerate() {
        run(
            EVENT,
            &[
                &w,
                &(head - n + 1 + i as i64),
                &now,
                &kind,
                &conversation,
                &SCOPE,
                &SCOPE,
                &body,
            ],
        )?;
    }
    tx.commit()?;
    Ok(GROUP)
}

/// A round of one connection, one message a transaction.
fn alone(client: &mut postgres::Client, known: &Known, numbers: &mut Numbers) -> Result<f64> {
    let texts = [JOURNAL, IDENTITY, LIVE, MESSAGE, FACTS, INPUT, HEAD, EVENT, DONE];
    let prepared = texts.map(|text| client.prepare(text));
    let mut statements = Vec::new();
    for statement in prepared {
        statements.push(statement?);
    }
    let w = known.workspace;
    per_second(ROUND, || {
        let v = known.next(numbers);
        let account = known.accounts[v.account];
        let mut tx = client.transaction()?;
        let mut one = |at: usize, values: &[&(dyn ToSql + Sync)]| -> Result<i64> {
            let row = tx.query_opt(&statements[at], values)?.context("a row")?;
            Ok(row.get(0))
        };
        let journal = one(0, &[&v.lane, &v.now, &v.body])?;
        let customer = one(1, &[&w, &v.phone])?;
        let conversation = one(2, &[&account, &customer])?;
        let message = one(
            3,
            &[&w, &conversation, &account, &v.provider_id, &v.now, &v.now, &v.content],
        )?;
        tx.execute(&statements[4], &[&v.now, &v.now, &message, &w, &conversation])?;
        tx.execute(&statements[5], &[&w, &v.now, &v.fact])?;
        tx.execute(&statements[8], &[&v.now, &journal])?;
        let head: i64 = tx.query_one(&statements[6], &[&2_i64, &w])?.get(0);
        for (i, (kind, body)) in KINDS.into_iter().zip(&v.events).enumerate() {
            tx.execute(
                &statements[7],
                &[
                    &w,
                    &(head - 1 + i as i64),
                    &v.now,
                    &kind,
                    &conversation,
                    &SCOPE,
                    &SCOPE,
                    body,
                ],
            )?;
        }
        tx.commit()?;
        Ok(1)
    })
}
