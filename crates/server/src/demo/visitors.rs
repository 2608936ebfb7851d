//! Visitors of the demo shop who use its chat by themselves.

use crate::App;
use crate::accounts::Account;
use crate::app::visitors::{self, VisitorMessage, Written};
use crate::app::{AppError, AppResult};
use crate::demo::chance::Chance;
use crate::demo::seed::Cast;
use crate::demo::story::{self, Topic};
use crate::secrets;
use ronda_domain::MessageId;
use ronda_domain::channel::ChannelKind;
use ronda_storage::{Lane, visitors as stored};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How often a visitor looks whether somebody answered.
const LOOK: Duration = Duration::from_millis(1_500);
/// Looks before a visitor leaves.
const PATIENCE: u32 = 160;
/// Messages of one look.
const PAGE: i64 = 200;
/// Share of visitors who leave after the greeting.
const CURIOUS: f64 = 0.12;

/// Lets visitors come, `per_minute` on average.
pub fn start(app: &Arc<App>, cast: &Cast, per_minute: f64, speed: f64) {
    if per_minute <= 0.0 {
        return;
    }
    let (its, key) = (app.clone(), cast.site_key.clone());
    crate::workers::spawn(app, "demo_visitors", async move {
        let mut chance = Chance::new();
        // The first one comes soon.
        let mut pause = 4.0 / speed;
        loop {
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
            pause = -(1.0 - chance.share()).ln() * 60.0 / per_minute;
            let (app, key) = (its.clone(), key.clone());
            let stop = its.stop.clone();
            its.workers.spawn(async move {
                tokio::select! {
                    left = visit(&app, &key, speed) => if let Err(error) = left {
                        tracing::debug!(%error, "a simulated visitor was refused");
                    },
                    () = stop.cancelled() => {}
                }
            });
        }
    });
}

struct Visitor {
    app: Arc<App>,
    account: Arc<Account>,
    token_hash: String,
    read: MessageId,
    chance: Chance,
    speed: f64,
}

async fn visit(app: &Arc<App>, key: &str, speed: f64) -> AppResult<()> {
    let mut chance = Chance::new();
    let topics: Vec<&Topic> = story::TOPICS.iter().filter(|t| t.web).collect();
    let topic = topics[chance.below(topics.len())];
    let snapshot = app.accounts.snapshot(app).await?;
    let account = snapshot
        .by_external(ChannelKind::WebChat, key)
        .cloned()
        .ok_or(AppError::NotFound)?;
    let its = account.clone();
    let page = json!({ "title": super::SHOP, "url": app.config.link("/demo/") });
    let (_, token) = app
        .db
        .write("demo_visitor", Lane::Background, move |tx| {
            visitors::create(tx, &its, &page)
        })
        .await?;
    let mut visitor = Visitor {
        app: app.clone(),
        account,
        token_hash: secrets::hash(&token),
        read: MessageId(0),
        chance,
        speed,
    };
    visitor.talk(topic).await
}

impl Visitor {
    async fn talk(&mut self, topic: &Topic) -> AppResult<()> {
        for (n, line) in topic.opening.iter().enumerate() {
            if n == 1 && self.chance.happens(CURIOUS) {
                return Ok(());
            }
            self.say(line).await?;
        }
        if topic.opening.len() == 1 {
            // The assistant asks what it is about before it calls somebody.
            self.pause(2.0, 5.0).await;
            if self.chance.happens(CURIOUS) {
                return Ok(());
            }
            self.say("¿Me atiende una persona, por favor?").await?;
        }
        for line in topic.customer {
            if !self.answered().await? {
                return Ok(());
            }
            self.say(line).await?;
        }
        if self.answered().await? {
            let thanks = match topic.language {
                "en" => "Thank you so much!",
                _ => self.chance.one_of(story::THANKS),
            };
            self.say(thanks).await?;
        }
        Ok(())
    }

    async fn pause(&mut self, low: f64, high: f64) {
        let seconds = self.chance.between(low, high) / self.speed;
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    async fn say(&mut self, text: &str) -> AppResult<()> {
        let typing = text.chars().count() as f64 / 10.0;
        self.pause(typing * 0.6 + 0.5, typing + 1.5).await;
        let written = Written {
            client_id: uuid::Uuid::now_v7().to_string(),
            at: None,
            text: Some(text.to_owned()),
            file: None,
            form: None,
            choice: None,
        };
        let (account, hash) = (self.account.clone(), self.token_hash.clone());
        self.app
            .db
            .write("demo_visitor_writes", Lane::Background, move |tx| {
                let row = stored::by_token(tx, &hash)?.ok_or(AppError::NotFound)?;
                visitors::write(tx, &account, &row, &written).map(drop)
            })
            .await
    }

    /// Waits for a person's answer; false when none came.
    async fn answered(&mut self) -> AppResult<bool> {
        for _ in 0..PATIENCE {
            tokio::time::sleep(LOOK.div_f64(self.speed)).await;
            let (hash, after) = (self.token_hash.clone(), self.read);
            let items: Vec<VisitorMessage> = self
                .app
                .db
                .read("demo_visitor_reads", move |tx| -> AppResult<_> {
                    let row = stored::by_token(tx, &hash)?.ok_or(AppError::NotFound)?;
                    Ok(visitors::after(tx, &row, after, PAGE)?.0)
                })
                .await?;
            let Some(last) = items.last().map(|m| m.id) else {
                continue;
            };
            self.read = last;
            if items.iter().any(|m| m.from == "agent") {
                let (hash, up_to) = (self.token_hash.clone(), last);
                self.app
                    .db
                    .write("demo_visitor_read", Lane::Background, move |tx| {
                        let row = stored::by_token(tx, &hash)?.ok_or(AppError::NotFound)?;
                        visitors::read(tx, &row, up_to)
                    })
                    .await?;
                self.pause(2.0, 8.0).await;
                return Ok(true);
            }
        }
        Ok(false)
    }
}
