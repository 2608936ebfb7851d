//! The history of the demo: days of conversations, told to the use cases with a clock that stands in the past. The
//! server does not run yet; what its planner and its senders would have done is done here, step by step.

use crate::accounts::Account;
use crate::app::channel_accounts::AccountSecrets;
use crate::app::customers::{self as people, EditCustomer};
use crate::app::receive::{self, Arrived};
use crate::app::reply::{self, NewReply};
use crate::app::routing::{self as rules, Plan, PlanError};
use crate::app::visitors::{self, Written};
use crate::app::{AppError, AppResult, commands, delivery, presence, views};
use crate::demo::chance::Chance;
use crate::demo::seed::Cast;
use crate::demo::story::{self, Topic};
use crate::secrets;
use ronda_channels::inbound::{Context, InboundKind, InboundMessage, Sender, StatusUpdate};
use ronda_channels::outcome::SendOutcome;
use ronda_domain::content::Content;
use ronda_domain::conversation::Place;
use ronda_domain::{ChannelAccountId, Clock, ConversationId, Ms, WorkspaceId};
use ronda_routing::{Answer, Fact, Input, State, Target};
use ronda_storage::routing::{self, Consumed};
use ronda_storage::{Db, StoreError, Tx, conversations, customers, outbox, visitors as visitor_rows};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Conversations of one day.
const PER_DAY: usize = 8;
/// Conversations of the last day that are still open.
const OPEN: usize = 6;
/// The shift of a day, and how long before now the last one ended.
const SHIFT_MS: i64 = 8 * Ms::HOUR;
const ENDED_MS: i64 = 45 * Ms::MINUTE;
/// Of ten conversations, those on the web chat.
const WEB: f64 = 0.3;
/// The node that agents of the past were connected to.
const NODE: &str = "demo-past";
/// Inputs of one plan.
const BATCH: i64 = 200;
/// Clocks that ring between two steps; more is a loop.
const MOST_TICKS: usize = 1_000;

/// Something that happened.
enum Act {
    Says(String),
    Replies(String),
    Reads,
    Notes(&'static str),
    /// The agent learns the name of a visitor.
    Names,
    ToSupport(&'static str),
    Closes,
    Arrive,
    Leave,
    Swept,
}

/// A conversation of the past.
struct Talk {
    name: String,
    digits: String,
    web: bool,
    /// Hash of the visitor's token.
    visitor: Option<String>,
    conversation: Option<ConversationId>,
    /// What the platform called the last message of ours.
    last_sent: Option<String>,
    topic: &'static Topic,
}

pub struct Past {
    db: Db,
    clock: Clock,
    cast: Arc<Cast>,
    web_chat: Arc<Account>,
    chance: Chance,
    due: Option<Ms>,
    talks: Vec<Talk>,
    received: u64,
}

impl Past {
    pub fn new(db: Db, clock: Clock, cast: Cast) -> Self {
        Self {
            web_chat: Arc::new(Account {
                row: cast.web_chat.clone(),
                secrets: AccountSecrets::default(),
            }),
            db,
            clock,
            cast: Arc::new(cast),
            // The same history for everybody: guides and pictures can count on it.
            chance: Chance::seeded(0x5eed_0f51_de0a_ca11),
            due: None,
            talks: Vec::new(),
            received: 0,
        }
    }

    /// Tells `days` days that end shortly before `now`.
    pub fn tell(mut self, now: Ms, days: i64) -> anyhow::Result<()> {
        let mut acts: Vec<(Ms, Option<usize>, Act)> = Vec::new();
        for day in (0..days).rev() {
            let end = now.plus(-ENDED_MS - day * Ms::DAY);
            let begin = end.plus(-SHIFT_MS);
            acts.push((begin, None, Act::Arrive));
            for n in 0..PER_DAY {
                let slot = (SHIFT_MS - Ms::HOUR) / PER_DAY as i64;
                let at = begin.plus(Ms::MINUTE + slot * n as i64 + self.chance.millis(0, slot / 1_000));
                let open = day == 0 && n + OPEN >= PER_DAY;
                self.imagine(at, open, &mut acts);
            }
            acts.push((end, None, Act::Leave));
            acts.push((end.plus(10 * Ms::MINUTE), None, Act::Swept));
        }
        acts.sort_by_key(|(at, ..)| *at);
        for (at, talk, act) in acts {
            self.happen(at, talk, act)?;
        }
        Ok(())
    }

    /// Makes up one conversation.
    fn imagine(&mut self, start: Ms, open: bool, acts: &mut Vec<(Ms, Option<usize>, Act)>) {
        let chance = &mut self.chance;
        let web = chance.happens(WEB) && !open;
        let topics: Vec<&'static Topic> = story::TOPICS.iter().filter(|t| t.web || !web).collect();
        let topic = topics[chance.below(topics.len())];
        let name = format!(
            "{} {}",
            chance.one_of(story::FIRST_NAMES),
            chance.one_of(story::SURNAMES)
        );
        let digits = format!("549115{:07}", (chance.share() * 9_999_999.0) as u64);
        let id = self.talks.len();
        let mut at = start;
        let mut add = |at: Ms, act: Act| acts.push((at, Some(id), act));
        for line in topic.opening {
            add(at, Act::Says((*line).into()));
            at = at.plus(chance.millis(4, 15));
        }
        if web && topic.opening.len() == 1 {
            add(at, Act::Says("¿Me atiende una persona, por favor?".into()));
        }
        // An open one stops somewhere in the middle, with the customer's turn.
        let turns = if open {
            1 + chance.below(topic.agent.len() - 1)
        } else {
            topic.agent.len()
        };
        for turn in 0..turns {
            // Now and then somebody is away from the desk, and the round turns.
            let slow = turn == 0 && chance.happens(0.15);
            at = at.plus(if slow {
                chance.millis(190, 420)
            } else {
                chance.millis(20, 110)
            });
            let text = if turn == 0 {
                // The name of the agent is put in when it is known who it is.
                String::new()
            } else {
                topic.agent[turn].to_owned()
            };
            add(at, Act::Replies(text));
            if !web && chance.happens(0.9) {
                add(at.plus(chance.millis(3, 14)), Act::Reads);
            }
            if turn == 0 && web {
                add(at.plus(8_000), Act::Names);
            }
            if turn == 0 && chance.happens(0.2) {
                add(at.plus(9_000), Act::Notes(chance.one_of(story::NOTES)));
            }
            if turn == 1 && !web && chance.happens(0.15) {
                add(
                    at.plus(12_000),
                    Act::ToSupport("Lo sigue Soporte, por favor: es un envío."),
                );
            }
            at = at.plus(chance.millis(15, 80));
            if turn + 1 < turns {
                add(at, Act::Says(topic.customer[turn].into()));
            }
        }
        if !open {
            add(at, Act::Says(chance.one_of(story::THANKS).into()));
            at = at.plus(chance.millis(10, 40));
            let bye = story::goodbye(topic.language, chance.below(100));
            add(at, Act::Replies(bye.into()));
            add(at.plus(chance.millis(15, 90)), Act::Closes);
        }
        self.talks.push(Talk {
            name,
            digits,
            web,
            visitor: None,
            conversation: None,
            last_sent: None,
            topic,
        });
    }

    fn happen(&mut self, at: Ms, talk: Option<usize>, act: Act) -> anyhow::Result<()> {
        let w = self.cast.workspace;
        let Some(id) = talk else {
            let agents: Vec<_> = self.cast.agents.iter().map(|a| a.agent).collect();
            return self.step(at, "demo_presence", move |tx| {
                match act {
                    Act::Arrive => agents
                        .iter()
                        .try_for_each(|a| presence::connect(tx, NODE, w, *a, Ms(0)))?,
                    Act::Leave => agents.iter().try_for_each(|a| presence::disconnect(tx, NODE, w, *a))?,
                    _ => {
                        // No node: none of the connections is renewed.
                        presence::sweep(tx, "", Ms(0))?;
                    }
                }
                Ok(((), Vec::new()))
            });
        };
        match act {
            Act::Says(text) => self.says(at, id, text),
            Act::Reads => self.reads(at, id),
            act => self.works(at, id, act),
        }
    }

    fn says(&mut self, at: Ms, id: usize, text: String) -> anyhow::Result<()> {
        self.received += 1;
        let conversation = if self.talks[id].web {
            let account = self.web_chat.clone();
            let known = self.talks[id].visitor.clone();
            let (hash, conversation) = self.step(at, "demo_visitor", move |tx| {
                let hash = match &known {
                    Some(hash) => hash.clone(),
                    None => {
                        let page = serde_json::json!({ "title": super::SHOP, "url": "/demo/" });
                        secrets::hash(&visitors::create(tx, &account, &page)?.1)
                    }
                };
                let row = visitor_rows::by_token(tx, &hash)?.ok_or(StoreError::NotFound)?;
                let (_, conversation) = visitors::write(tx, &account, &row, &written(&text))?;
                Ok(((hash, conversation), Vec::new()))
            })?;
            self.talks[id].visitor = Some(hash);
            conversation
        } else {
            let talk = &self.talks[id];
            let message = InboundMessage {
                provider_id: format!("wamid.demo.in.{}", self.received),
                from: Sender {
                    phone: Some(talk.digits.clone()),
                    wa_id: Some(talk.digits.clone()),
                    name: Some(talk.name.clone()),
                    ..Sender::default()
                },
                at,
                content: Content::text(text),
                context: Context::default(),
                referral: None,
                errors: Vec::new(),
            };
            let arrived = self.arrived(at, InboundKind::Message(message));
            self.step(at, "demo_message", move |tx| {
                let received = receive::run(tx, std::slice::from_ref(&arrived))?;
                let first = received.stored.first().ok_or(StoreError::NotFound)?;
                Ok((first.1, Vec::new()))
            })?
        };
        self.talks[id].conversation = Some(conversation);
        Ok(())
    }

    fn arrived(&self, at: Ms, kind: InboundKind) -> Arrived {
        Arrived {
            account: self.cast.whatsapp.clone(),
            kind,
            received_at: at,
            client_id: None,
            form: false,
            origin: None,
        }
    }

    fn reads(&mut self, at: Ms, id: usize) -> anyhow::Result<()> {
        let Some(provider_id) = self.talks[id].last_sent.clone() else {
            return Ok(());
        };
        let status = |status: &str, at| {
            let update = StatusUpdate {
                provider_id: provider_id.clone(),
                status: status.into(),
                at,
                recipient: Sender::default(),
                errors: Vec::new(),
                callback_data: None,
                conversation: None,
                pricing: None,
            };
            self.arrived(at, InboundKind::Status(update))
        };
        let both = [status("delivered", at.plus(-1_500)), status("read", at)];
        self.step(at, "demo_statuses", move |tx| {
            receive::run(tx, &both)?;
            Ok(((), Vec::new()))
        })
    }

    /// What the agent of a conversation does; somebody takes it when it has none.
    fn works(&mut self, at: Ms, id: usize, act: Act) -> anyhow::Result<()> {
        let Some(conversation) = self.talks[id].conversation else {
            return Ok(());
        };
        let (w, cast) = (self.cast.workspace, self.cast.clone());
        let helper = cast.agents[id % cast.agents.len()].clone();
        let its = cast.clone();
        let owner = self.step(at, "demo_owner", move |tx| {
            let row = conversations::get(tx, w, conversation)?.ok_or(StoreError::NotFound)?;
            Ok(match (row.place, row.owner) {
                (Place::Closed, _) => (None, Vec::new()),
                (Place::Held, Some(owner)) => (its.agents.iter().find(|a| a.agent == owner).cloned(), Vec::new()),
                _ => {
                    let mut helper = helper.clone();
                    // Whoever helps out sees the conversation.
                    helper.groups = its.groups.iter().map(|g| g.0).collect();
                    let prepared = commands::take(tx, &helper, conversation, None)?;
                    (Some(helper), vec![prepared.fact])
                }
            })
        })?;
        let Some(mut owner) = owner else { return Ok(()) };
        owner.groups = cast.groups.iter().map(|g| g.0).collect();
        let talk = &self.talks[id];
        let (name, whatsapp, groups) = (talk.name.clone(), cast.whatsapp.id, cast.groups.clone());
        let known = if talk.web { String::new() } else { name.clone() };
        let topic = talk.topic;
        let sent = self.step(at, "demo_work", move |tx| {
            let mut facts = Vec::new();
            match &act {
                Act::Replies(text) => {
                    let text = if text.is_empty() {
                        story::opening_reply(topic, &known, &owner.name)
                    } else {
                        text.clone()
                    };
                    reply::run(tx, &owner, &new_reply(conversation, &text, false))?;
                    return Ok((sent(tx, whatsapp)?, facts));
                }
                Act::Notes(text) => {
                    reply::run(tx, &owner, &new_reply(conversation, text, true))?;
                }
                Act::Names => {
                    let row = conversations::get(tx, w, conversation)?.ok_or(StoreError::NotFound)?;
                    let customer = customers::get(tx, w, row.customer)?.ok_or(StoreError::NotFound)?;
                    let edit = EditCustomer {
                        name: Some(name.clone()),
                        ..EditCustomer::default()
                    };
                    people::edit(tx, &owner, customer.id, customer.version, &edit)?;
                }
                Act::ToSupport(note) => {
                    let group = groups.iter().find(|g| g.1 == "Soporte").map(|g| g.0);
                    let transfer = commands::Transfer {
                        skills: None,
                        to: group.map_or(Target::Anyone, Target::Group),
                        seen: None,
                        note: Some((*note).into()),
                        deferred_until: None,
                        return_unanswered: false,
                    };
                    let prepared = commands::transfer(tx, &owner, conversation, &transfer)?;
                    facts.push(prepared.fact);
                    if let Some(note) = prepared.note {
                        reply::run(tx, &owner, &note)?;
                    }
                }
                Act::Closes => {
                    let prepared = commands::close(tx, &owner, conversation, None, None, true, None)?;
                    facts.push(prepared.fact);
                }
                _ => {}
            }
            Ok((None, facts))
        })?;
        if sent.is_some() {
            self.talks[id].last_sent = sent;
        }
        Ok(())
    }

    /// Does something at `at`, after every clock that rang before, and plans what follows from it.
    fn step<T: Send + 'static>(
        &mut self,
        at: Ms,
        name: &'static str,
        mut work: impl FnMut(&mut Tx<'_>) -> AppResult<(T, Vec<Fact>)> + Send + 'static,
    ) -> anyhow::Result<T> {
        let w = self.cast.workspace;
        for _ in 0..MOST_TICKS {
            let Some(due) = self.due.filter(|due| *due <= at) else {
                break;
            };
            self.clock.put(due);
            self.due = self
                .db
                .write_blocking("demo_tick", move |tx| plan(tx, w, vec![Fact::Tick]))?;
        }
        self.clock.put(at);
        let (done, due) = self.db.write_blocking(name, move |tx| {
            let (done, facts) = work(tx)?;
            Ok::<_, AppError>((done, plan(tx, w, facts)?))
        })?;
        self.due = due;
        Ok(done)
    }
}

fn written(text: &str) -> Written {
    Written {
        client_id: uuid::Uuid::now_v7().to_string(),
        at: None,
        text: Some(text.to_owned()),
        file: None,
        form: None,
        choice: None,
    }
}

fn new_reply(conversation: ConversationId, text: &str, note: bool) -> NewReply {
    NewReply {
        conversation,
        client_id: uuid::Uuid::now_v7().to_string(),
        content: Content::text(text),
        note,
        reply_to: None,
        seen: None,
    }
}

/// The platform takes what was just queued. What it called the last of it.
fn sent(tx: &mut Tx<'_>, account: ChannelAccountId) -> AppResult<Option<String>> {
    let now = tx.now();
    let mut last = None;
    for row in outbox::claim(tx, account, now.plus(Ms::MINUTE), NODE, BATCH)? {
        let provider_id = format!("wamid.demo.out.{}", row.id);
        let outcome = SendOutcome::Sent {
            provider_id: provider_id.clone(),
            contact: Sender::default(),
            held: false,
        };
        delivery::settle(tx, &row, NODE, &Sender::default(), &outcome)?;
        last = Some(provider_id);
    }
    Ok(last)
}

/// What the planner of a running server does (`workers/planner.rs`), in the transaction of the step: inputs that were
/// told, then commands. When the next clock rings.
fn plan(tx: &mut Tx<'_>, workspace: WorkspaceId, commands: Vec<Fact>) -> AppResult<Option<Ms>> {
    let (seen, rows) = rules::rows(tx, workspace)?;
    let mut state = State::from_rows(rows);
    let now = tx.now();
    let mut facts: Vec<(Option<i64>, Option<String>, Ms, Fact)> = Vec::new();
    for row in routing::open_inputs(tx, workspace, BATCH)? {
        let fact = serde_json::from_str(&row.fact).map_err(|e| StoreError::BadData {
            place: "routing_input.fact",
            detail: e.to_string(),
        })?;
        facts.push((Some(row.id), row.command_id, row.at, fact));
    }
    facts.extend(commands.into_iter().map(|fact| (None, None, now, fact)));
    if facts.is_empty() {
        return Ok(state.next_due());
    }
    let (mut inputs, mut consumed) = (Vec::new(), Vec::new());
    for ((row, command_id, at, fact), seq) in facts.into_iter().zip(seen.input_seq + 1..) {
        consumed.push(Consumed {
            row,
            command_id,
            at,
            fact: views::text(&fact),
            seq,
            result: String::new(),
        });
        inputs.push(Input { seq, at, fact });
    }
    let before = state.hash_with_head();
    let outcome = ronda_routing::run(&mut state, &inputs);
    let decisions = rules::linked(&outcome, before, &seen.hash);
    let results: BTreeMap<i64, &Answer> = outcome.results.iter().map(|(seq, answer)| (*seq, answer)).collect();
    for c in &mut consumed {
        c.result = results.get(&c.seq).map(views::text).unwrap_or_default();
    }
    let plan = Plan {
        workspace,
        seen,
        consumed,
        outcome,
        hours: Vec::new(),
        guards: Vec::new(),
        decisions,
        // A past that begins again from its rows with every step would have to keep each of them.
        snapshot: None,
    };
    match rules::write(tx, &plan) {
        Ok(()) => Ok(state.next_due()),
        Err(PlanError::App(error)) => Err(error),
        Err(PlanError::CustomerWrote(_)) => Err(StoreError::Retry.into()),
    }
}
