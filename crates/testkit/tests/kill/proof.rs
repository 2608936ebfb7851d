//! What must be true of the database after everything settled.

use crate::drive::Drive;
use crate::world::{GREETING, World};
use ronda_domain::WorkspaceId;
use ronda_routing::State;
use ronda_storage::{StoreError, StoreResult, Tx};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A message of ours as it is stored.
struct Sent {
    phone: String,
    text: String,
    client_id: Option<String>,
    state: String,
    status: String,
}

/// Everything the proof reads, on one snapshot.
struct Facts {
    inbound: BTreeMap<String, (String, usize)>,
    outbound: Vec<Sent>,
    /// What should be empty: its name and how many rows are there.
    wrong: Vec<(&'static str, i64)>,
    broken: Option<String>,
}

/// Rows that contradict an invariant. Each text counts them for workspace `$1`.
const WRONG: &[(&str, &str)] = &[
    (
        "an owner exactly when held (S1)",
        "select count(*) from conversation where workspace = $1 and (place = 'held') <> (owner is not null)",
    ),
    (
        "loads equal the recount (S3)",
        "select count(*) from agent_load as a where a.workspace = $1 and a.load <> (select count(*) from conversation as c
           where c.workspace = a.workspace and c.owner = a.agent and c.place = 'held')",
    ),
    (
        "who holds something has a load",
        "select count(*) from conversation as c where c.workspace = $1 and c.owner is not null and not exists
           (select 1 from agent_load as a where a.workspace = c.workspace and a.agent = c.owner)",
    ),
    (
        "decisions are densely numbered (S13)",
        "select (select decision_seq from routing_head where workspace = $1) * 3 - count(*) - coalesce(max(seq), 0)
           - (case when count(*) = 0 then 0 else max(seq) - min(seq) + 1 end) from routing_decision where workspace = $1",
    ),
    (
        "inputs are densely numbered",
        "select (select input_seq from routing_head where workspace = $1) * 3 - count(*) - coalesce(max(seq), 0)
           - count(distinct seq) from routing_input where workspace = $1 and seq is not null",
    ),
    (
        "every input has its result",
        "select count(*) from routing_input where workspace = $1 and seq is not null and result is null",
    ),
    (
        "events are dense from 1 to the head",
        "select (select seq from event_head where workspace = $1) * 3 - count(*) - coalesce(max(seq), 0)
           - (case when count(*) = 0 then 0 else max(seq) - min(seq) + 1 end) from event where workspace = $1",
    ),
    (
        "one live conversation of a customer",
        "select count(*) from (select 1 from conversation where workspace = $1 and place <> 'closed'
           group by channel_account, customer having count(*) > 1) as twice",
    ),
    (
        "conversations are densely numbered",
        "select count(*) - coalesce(max(number), 0) from conversation where workspace = $1",
    ),
    (
        "no message has two rows to send",
        "select count(*) from (select 1 from outbox where workspace = $1 and message is not null group by message
           having count(*) > 1) as twice",
    ),
    (
        "what has to be sent stands at its place in the conversation",
        "select count(*) from (select 1 from outbox where workspace = $1 group by conversation
           having count(*) <> max(position) or count(distinct position) <> count(*)) as holes",
    ),
    (
        "the epoch of the last decision is the conversation's",
        "select count(*) from conversation as c where c.workspace = $1 and c.place in ('held') and c.epoch <>
           (select max(d.epoch_after) from routing_decision as d where d.workspace = c.workspace and d.conversation = c.id)",
    ),
    (
        "no body was put aside",
        "select count(*) from inbound_journal where failed is not null and $1 > 0",
    ),
    (
        "no part of a body was put aside",
        "select count(*) from inbound_failure where $1 > 0",
    ),
];

fn facts(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Facts> {
    let id = || vec![w.into()];
    let mut inbound = BTreeMap::new();
    let rows = tx.query_dynamic(
        "select provider_id, content, conversation from message where workspace = $1 and direction = 'in' and provider_id is not null",
        &id(),
        |r| Ok((r.t(0)?, r.t(1)?)),
    )?;
    for (provider, content) in rows {
        let entry = inbound.entry(provider).or_insert((content, 0_usize));
        entry.1 += 1;
    }
    let outbound = tx.query_dynamic(
        "select i.value, m.content, m.client_id, coalesce(o.state, 'none'), coalesce(m.status, '') from message as m
         join conversation as c on c.id = m.conversation
         join identity as i on i.customer = c.customer and i.kind = 'whatsapp_phone'
         left join outbox as o on o.message = m.id
         where m.workspace = $1 and m.direction = 'out'",
        &id(),
        |r| {
            let content: Value = serde_json::from_str(&r.t(1)?).unwrap_or_default();
            Ok(Sent {
                phone: r.t(0)?.trim_start_matches('+').to_owned(),
                text: content["text"].as_str().unwrap_or_default().to_owned(),
                client_id: r.ot(2)?,
                state: r.t(3)?,
                status: r.t(4)?,
            })
        },
    )?;
    let mut wrong = Vec::new();
    for (name, text) in WRONG {
        wrong.push((*name, tx.query_dynamic(text, &id(), |r| r.i(0))?[0]));
    }
    let rows = ronda_server::app::routing::rows(tx, w)
        .map_err(|e| StoreError::Other(e.to_string()))?
        .1;
    let state = State::from_rows(rows);
    let broken = ronda_routing::check(&state).err().map(|v| format!("{v:?}"));
    Ok(Facts {
        inbound,
        outbound,
        wrong,
        broken,
    })
}

impl World {
    /// Waits until nothing waits any more: bodies, inputs, sends.
    pub async fn settle(&self, longest: Duration) {
        let began = Instant::now();
        loop {
            let open = self
                .count(
                    "select (select count(*) from inbound_journal where done_at is null and failed is null)
                      + (select count(*) from routing_input where seq is null)
                      + (select count(*) from outbox where state in ('queued', 'sending'))",
                )
                .await;
            if open == 0 {
                return;
            }
            if began.elapsed() > longest {
                for text in [
                    "select count(*) from inbound_journal where done_at is null",
                    "select count(*) from routing_input where seq is null",
                    "select count(*) from outbox where state = 'queued'",
                    "select count(*) from outbox where state = 'sending'",
                ] {
                    eprintln!("{text}: {}", self.count(text).await);
                }
                panic!("{open} rows still wait\n{}", self.logs());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// The invariants of the database alone.
    pub async fn invariants(&self) {
        let w = self.workspace;
        let facts = self.look(move |tx| facts(tx, w)).await.expect("facts");
        self.hold(&facts);
    }

    fn hold(&self, facts: &Facts) {
        let wrong: Vec<_> = facts.wrong.iter().filter(|(_, n)| *n != 0).collect();
        assert!(wrong.is_empty(), "{wrong:?}\n{}", self.logs());
        assert_eq!(facts.broken, None, "the state rebuilt from rows");
    }

    /// Everything: the ledger of what was acknowledged, the count at the platform, the invariants. How many sends
    /// ended unconfirmed.
    pub async fn proves(&self, drive: &Drive) -> usize {
        let w = self.workspace;
        let facts = self.look(move |tx| facts(tx, w)).await.expect("facts");
        let sent = drive.sent().await;
        let ledger = drive.ledger.lock().expect("ledger");
        for (wamid, hook) in ledger.hooks.iter().filter(|(_, h)| h.acknowledged) {
            let (content, times) = facts
                .inbound
                .get(wamid)
                .unwrap_or_else(|| panic!("{wamid} was acknowledged and is lost\n{}", self.logs()));
            assert_eq!(*times, 1, "{wamid} is doubled");
            assert!(content.contains(&hook.text), "{wamid}: {content}");
        }
        let known: BTreeSet<&String> = ledger.hooks.keys().collect();
        assert!(
            facts.inbound.keys().all(|id| known.contains(id)),
            "a message nobody wrote"
        );
        let mut stored: BTreeMap<&str, usize> = BTreeMap::new();
        for m in &facts.outbound {
            if let Some(id) = &m.client_id {
                *stored.entry(id).or_default() += 1;
            }
        }
        for (id, reply) in ledger.replies.iter().filter(|(_, r)| r.acknowledged) {
            assert_eq!(
                stored.get(id.as_str()),
                Some(&1),
                "{} was acknowledged\n{}",
                reply.text,
                self.logs()
            );
        }
        assert!(stored.values().all(|n| *n == 1), "a reply is doubled");
        let mut uncertain = 0;
        let mut expected: BTreeMap<(String, String), usize> = BTreeMap::new();
        for m in &facts.outbound {
            let key = (m.phone.clone(), m.text.clone());
            let there = sent.get(&key).copied().unwrap_or(0);
            *expected.entry(key).or_default() += 1;
            match m.state.as_str() {
                "sent" => assert_eq!(there, 1, "{} to {} is sent", m.text, m.phone),
                "uncertain" => {
                    uncertain += 1;
                    assert_eq!(m.status, "uncertain", "{}", m.text);
                    assert!(there <= 1, "{} to {} was repeated blindly", m.text, m.phone);
                }
                other => panic!("{} to {}: {other} {}\n{}", m.text, m.phone, m.status, self.logs()),
            }
        }
        for (key, times) in &sent {
            assert_eq!(*times, 1, "{key:?} reached the customer more than once");
            assert_eq!(expected.get(key), Some(&1), "{key:?} was sent and is not stored once");
        }
        // Everybody who wrote was greeted once.
        let greeted = facts.outbound.iter().filter(|m| m.text == GREETING).count();
        let people: BTreeSet<&str> = ledger
            .hooks
            .values()
            .filter(|h| h.acknowledged)
            .map(|h| h.phone.as_str())
            .collect();
        assert_eq!(greeted, people.len(), "one greeting each");
        self.hold(&facts);
        uncertain
    }
}
