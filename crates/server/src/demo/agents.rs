//! Agents who work by themselves: connected, answering one conversation after the other at human speed, with a coffee
//! in between. They use what the console uses, so that everything that rotates away from them does so for real.

use crate::App;
use crate::app::reply::{self, NewReply};
use crate::app::views::{Conversation, Message};
use crate::app::{AppResult, Who, commands, conversations, presence};
use crate::demo::Settings;
use crate::demo::chance::Chance;
use crate::demo::seed::Cast;
use crate::demo::story::{self, Asked};
use ronda_domain::channel::Window;
use ronda_domain::content::Content;
use ronda_domain::conversation::{Author, Direction, Order, Tray, TrayState};
use ronda_domain::{ConversationId, Ms};
use ronda_storage::Lane;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A third of a lease, as sockets renew theirs.
const BEAT: Duration = Duration::from_secs(15);
/// Conversations one agent looks at.
const LOOKED_AT: i64 = 50;
/// Messages that are read before answering.
const READ: i64 = 40;
/// How often a reply is followed by a coffee.
const COFFEE: f64 = 0.12;
/// A customer who says nothing more is let go after this.
const SILENCE_MS: i64 = 150 * Ms::SECOND;
/// How long after the goodbye a conversation is closed.
const PARTED_MS: i64 = 8 * Ms::SECOND;

/// Starts the first agents of the cast.
pub fn start(app: &Arc<App>, cast: &Cast, settings: &Settings) {
    for who in cast.agents.iter().take(settings.agents) {
        let (its, me) = (app.clone(), who.clone());
        crate::workers::spawn(app, "demo_presence", async move {
            loop {
                presence::arrived(&its, me.workspace, me.agent).await;
                tokio::time::sleep(BEAT).await;
            }
        });
        let desk = Desk {
            app: app.clone(),
            who: who.clone(),
            chance: Chance::new(),
            speed: settings.agent_speed,
            parted: HashMap::new(),
            began: app.clock.now(),
        };
        crate::workers::spawn(app, "demo_agent", desk.work());
    }
}

struct Desk {
    app: Arc<App>,
    who: Who,
    chance: Chance,
    speed: f64,
    /// Conversations in which goodbye was said, and when.
    parted: HashMap<ConversationId, Ms>,
    began: Ms,
}

impl Desk {
    async fn work(mut self) {
        loop {
            self.pause(0.7, 1.8).await;
            // Somebody else may have it by now, or a person pressed a button first: the next look shows.
            if let Err(error) = self.turn().await {
                tracing::debug!(agent = %self.who.agent, %error, "a simulated agent was refused");
            }
        }
    }

    async fn pause(&mut self, low: f64, high: f64) {
        let seconds = self.chance.between(low, high) / self.speed;
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    async fn turn(&mut self) -> AppResult<()> {
        let who = self.who.clone();
        let mut mine = self
            .app
            .db
            .read("demo_tray", move |tx| {
                let filter = conversations::Filter::of(Tray::Mine, TrayState::Active, Order::Waiting, LOOKED_AT);
                conversations::list(tx, &who, &filter)
            })
            .await?;
        let now = self.app.clock.now();
        let silence = (SILENCE_MS as f64 / self.speed.max(1.0)) as i64;
        let quiet = |c: &&Conversation| {
            let since = c.last_activity_at.max(self.began);
            let parted = self.parted.get(&c.id).is_some_and(|at| now.since(*at) > PARTED_MS);
            c.owed_since.is_none() && (parted || now.since(since) > silence)
        };
        // A desk that is cleared first has room for the next one.
        if let Some(c) = mine.iter().find(quiet) {
            self.parted.remove(&c.id);
            return self.close(c).await;
        }
        // The shortest clock first, then who waits longest.
        mine.sort_by_key(|c| (c.rotate_at.unwrap_or(Ms(i64::MAX)), c.owed_since));
        let owed = |c: &&Conversation| c.owed_since.is_some() && c.window.state != Window::Closed;
        if let Some(c) = mine.iter().find(owed) {
            return self.answer(c).await;
        }
        Ok(())
    }

    async fn answer(&mut self, c: &Conversation) -> AppResult<()> {
        let (w, id) = (self.who.workspace, c.id);
        self.pause(1.0, 4.5).await;
        let who = self.who.clone();
        let page = self
            .app
            .db
            .read("demo_read", move |tx| {
                conversations::page(tx, &who, id, None, None, READ)
            })
            .await?;
        let who = self.who.clone();
        self.app
            .db
            .write("demo_seen", Lane::Interactive, move |tx| {
                conversations::mark_read(tx, &who, id).map(drop)
            })
            .await?;
        let (text, parting) = self.words(c, &page.items);
        let who = self.who.clone();
        self.app
            .db
            .write("demo_typing", Lane::Interactive, move |tx| {
                conversations::typing(tx, &who, id)
            })
            .await?;
        let me = json!({ "id": self.who.agent, "name": self.who.name });
        let mark = json!({ "type": "typing", "conversation": id, "agent": me });
        self.app.hub.mark(w, id, &mark, None);
        self.app.hub.typing_to_visitors(w, id, self.who.agent);
        // Fast, with a few texts at hand.
        let typing = (text.chars().count() as f64 / 16.0).clamp(1.0, 6.0);
        self.pause(typing * 0.8, typing * 1.2).await;
        let new = NewReply {
            conversation: id,
            client_id: uuid::Uuid::now_v7().to_string(),
            content: Content::text(text),
            note: false,
            reply_to: None,
            seen: Some(c.epoch),
        };
        let who = self.who.clone();
        self.app
            .db
            .write("demo_reply", Lane::Interactive, move |tx| {
                reply::run(tx, &who, &new).map(drop)
            })
            .await?;
        if parting {
            self.parted.insert(id, self.app.clock.now());
        }
        if self.chance.happens(COFFEE) {
            self.pause(14.0, 26.0).await;
        }
        Ok(())
    }

    /// What to say, and whether that is the end.
    fn words(&mut self, c: &Conversation, messages: &[Message]) -> (String, bool) {
        let replied = |m: &&Message| m.direction == Direction::Out && m.author == Author::Agent;
        let said = |list: &[Message]| -> String {
            let texts = list.iter().filter(|m| m.direction == Direction::In).filter_map(text_of);
            texts.collect::<Vec<_>>().join(" ")
        };
        let last = messages
            .iter()
            .rposition(|m| replied(&m))
            .map_or(messages, |at| &messages[at + 1..]);
        let (all, last) = (said(messages), said(last));
        let replies = messages.iter().filter(replied).count();
        let asked = Asked {
            all: &all,
            last: &last,
            replies,
            customer: &c.customer.name,
            agent: &self.who.name,
        };
        let text = story::reply(&asked, self.chance.below(1_000));
        (text, replies > 0 && story::is_thanks(&last))
    }

    async fn close(&self, c: &Conversation) -> AppResult<()> {
        let (who, id, epoch) = (self.who.clone(), c.id, c.epoch);
        let last = c.last_message.as_ref().map(|m| m.id);
        let prepared = self
            .app
            .db
            .read("demo_close", move |tx| {
                commands::close(tx, &who, id, Some(epoch), last, false, None)
            })
            .await?;
        self.app
            .planners
            .command(
                &self.app,
                self.who.workspace,
                None,
                prepared.fact,
                prepared.last_message,
            )
            .await?;
        Ok(())
    }
}

fn text_of(m: &Message) -> Option<String> {
    match m.content.as_ref()? {
        Content::Text { text } => Some(text.clone()),
        Content::InteractiveReply { title, .. } => Some(title.clone()),
        other => other.media().and_then(|media| media.caption.clone()),
    }
}
