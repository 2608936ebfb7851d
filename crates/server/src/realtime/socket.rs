//! The socket of one screen: what it missed, then what happens, until its session ends. Programs read the same as a stream
//! of server-sent events, which cannot say anything.

use crate::App;
use crate::app::scope::Sight;
use crate::app::{AppError, AppResult, Who, conversations, presence, sessions};
use crate::realtime::hub::{Audience, Delivered, Published, Seat, Sees, sees};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink};
use ronda_domain::ConversationId;
use ronda_domain::event::EventKind;
use ronda_domain::permission::Permission;
use ronda_storage::{Lane, StoreResult, StoredEvent, Tx, events};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// The session is over: sign in again.
pub const CLOSE_SESSION: u16 = 4001;
/// Too slow: come back with `since`.
pub const CLOSE_SLOW: u16 = 4008;
/// The server stops.
pub const CLOSE_AWAY: u16 = 1001;
/// Source: architecture.md §9.
const PING: Duration = Duration::from_secs(15);
/// Events of one read of what a screen missed.
const PAGE: i64 = 500;
/// A screen that missed more is told to load its views again: that is less work for both.
const MOST_MISSED: i64 = 5_000;
/// A frame that does not leave within this is a connection that is gone.
const SEND: Duration = Duration::from_secs(20);

/// What waits leaves in one frame up to about this many bytes: a system call costs more than a frame. Its buffer stays
/// with the connection, so it is small.
const TOGETHER: usize = 2 << 10;
/// Events that are looked at between two looks at what the screen says.
const IN_A_ROW: usize = 64;

/// Frames on their way to a reader of server-sent events. Source: as the hub keeps for a socket.
const WAITING_FRAMES: usize = 256;

/// A frame of a stream of server-sent events, with the number to come back with.
pub struct Sent {
    pub seq: i64,
    pub text: Utf8Bytes,
}

/// Where frames go.
enum Sink {
    Socket(SplitSink<WebSocket, Message>),
    Stream(tokio::sync::mpsc::Sender<Sent>),
}

/// Frames that leave together, in their order: one as it is, several as `{"type": "many", "frames": […]}`.
#[derive(Default)]
struct Bundle {
    /// The only one.
    one: Option<Utf8Bytes>,
    /// Several, without their end.
    many: String,
}

impl Bundle {
    fn add(&mut self, frame: Utf8Bytes) {
        if self.many.is_empty() {
            let Some(first) = self.one.take() else {
                self.one = Some(frame);
                return;
            };
            self.many.push_str(r#"{"type":"many","frames":["#);
            self.many.push_str(&first);
        }
        self.many.push(',');
        self.many.push_str(&frame);
    }

    fn bytes(&self) -> usize {
        self.one.as_ref().map_or(self.many.len(), |one| one.len())
    }

    fn take(&mut self) -> Option<Utf8Bytes> {
        if self.many.is_empty() {
            return self.one.take();
        }
        let mut many = std::mem::take(&mut self.many);
        many.push_str("]}");
        Some(many.into())
    }
}

/// What a screen may say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    View {
        conversation: Option<ConversationId>,
    },
    Typing {
        conversation: ConversationId,
        #[serde(default)]
        mode: Option<String>,
    },
    Activity,
    Pong,
}

/// Why a socket ends.
enum End {
    /// The other side left.
    Gone,
    Close(u16, &'static str),
}

fn audience(who: &Who) -> Audience {
    Audience::Agent {
        sight: Sight::from(who),
        session: who.session,
        name: who.name.clone(),
        explains: who.may(Permission::RoutingExplain),
    }
}

/// Serves a screen until it leaves. `since` is the last event it has; none begins now.
pub async fn serve(app: Arc<App>, who: Who, since: Option<i64>, socket: WebSocket) {
    let audience = audience(&who);
    let seat = app.hub.join(who.workspace, audience.clone());
    presence::arrived(&app, who.workspace, who.agent).await;
    let (workspace, agent) = (who.workspace, who.agent);
    let (sink, stream) = socket.split();
    let mut sink = Sink::Socket(sink);
    let mut screen = Screen {
        app: app.clone(),
        who,
        audience,
        seat,
        served: 0,
        told: 0,
        most_missed: MOST_MISSED,
        leaving: Bundle::default(),
        typing_noted: tokio::time::Instant::now() - Duration::from_secs(60),
    };
    let end = screen.run(&mut sink, Some(stream), since).await;
    if let (End::Close(code, reason), Sink::Socket(mut sink)) = (end, sink) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let _ = tokio::time::timeout(SEND, sink.send(Message::Close(Some(frame)))).await;
    }
    drop(screen);
    presence::left(&app, workspace, agent).await;
}

/// Serves a program that reads server-sent events until it leaves. Whoever reads without a screen is not present.
pub fn read(app: Arc<App>, who: Who, since: Option<i64>) -> tokio::sync::mpsc::Receiver<Sent> {
    let (sender, receiver) = tokio::sync::mpsc::channel(WAITING_FRAMES);
    tokio::spawn(async move {
        let audience = audience(&who);
        let seat = app.hub.join(who.workspace, audience.clone());
        let mut screen = Screen {
            app,
            who,
            audience,
            seat,
            served: 0,
            told: 0,
            // It has no views to load again: everything that is kept is replayed.
            most_missed: i64::MAX,
            leaving: Bundle::default(),
            typing_noted: tokio::time::Instant::now(),
        };
        let mut sink = Sink::Stream(sender);
        if let End::Close(code, reason) = screen.run(&mut sink, None, since).await {
            let end = json!({ "type": "end", "code": code, "reason": reason });
            let _ = screen.send(&mut sink, end.to_string().into()).await;
        }
    });
    receiver
}

struct Screen {
    app: Arc<App>,
    who: Who,
    /// What they may see: of `who`.
    audience: Audience,
    seat: Seat,
    /// The number up to which this connection has been served; what it may not see counts too.
    served: i64,
    /// The last number that the client was told: what it compares the next frame with.
    told: i64,
    /// Who missed more is told to begin again.
    most_missed: i64,
    /// What leaves next.
    leaving: Bundle,
    typing_noted: tokio::time::Instant,
}

impl Screen {
    async fn run(
        &mut self,
        sink: &mut Sink,
        mut stream: Option<futures_util::stream::SplitStream<WebSocket>>,
        since: Option<i64>,
    ) -> End {
        // What is seldom is on the heap while it lasts: a connection that waits is as large as what it may have to do.
        if let Err(end) = Box::pin(self.catch_up(sink, since)).await {
            return end;
        }
        let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
        let stop = self.app.stop.clone();
        loop {
            if self.seat.lost() {
                return End::Close(CLOSE_SLOW, "too slow");
            }
            let done = tokio::select! {
                delivered = self.seat.queue.recv() => match delivered {
                    Some(delivered) => self.deliver(sink, delivered).await,
                    None => Err(End::Gone),
                },
                said = async { stream.as_mut()?.next().await }, if stream.is_some() => match said {
                    Some(Ok(Message::Text(text))) => Box::pin(self.said(&text)).await,
                    Some(Ok(Message::Close(_))) | Some(Err(_)) | None => Err(End::Gone),
                    Some(Ok(_)) => Ok(()),
                },
                _ = ping.tick() => {
                    let now = self.app.clock.now();
                    self.told = self.served;
                    let ping = json!({ "type": "ping", "up_to": self.served, "server_time": now }).to_string();
                    self.send(sink, ping.into()).await
                },
                () = stop.cancelled() => Err(End::Close(CLOSE_AWAY, "the server stops")),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn send(&self, sink: &mut Sink, text: Utf8Bytes) -> Result<(), End> {
        let sent = async {
            match sink {
                Sink::Socket(socket) => socket.send(Message::Text(text)).await.is_ok(),
                Sink::Stream(sender) => sender.send(Sent { seq: self.served, text }).await.is_ok(),
            }
        };
        match tokio::time::timeout(SEND, sent).await {
            Ok(true) => Ok(()),
            _ => Err(End::Gone),
        }
    }

    /// Everything after `since`, from the log, while the hub already keeps what comes. Whoever asks is looked at again
    /// together with the head: a session that ended before it is told here, one that ends after it by an event.
    async fn catch_up(&mut self, sink: &mut Sink, since: Option<i64>) -> Result<(), End> {
        let w = self.who.workspace;
        let who = self.who.clone();
        let read: AppResult<(i64, Option<i64>, Who)> = self
            .app
            .db
            .read("event_head", move |tx| {
                Ok((events::head(tx, w)?, events::first(tx, w)?, still(tx, &who)?))
            })
            .await;
        let (head, first, who) = read.map_err(|error| match error {
            AppError::Unauthenticated => End::Close(CLOSE_SESSION, "the session is over"),
            _ => End::Close(CLOSE_SLOW, "the database is not available"),
        })?;
        self.sits(who);
        let now = self.app.clock.now();
        let known = since.filter(|s| *s <= head && first.is_none_or(|f| *s + 1 >= f) && head - *s <= self.most_missed);
        self.served = known.unwrap_or(head);
        self.told = self.served;
        let welcome = json!({
            "type": "welcome", "seq": self.served, "server_time": now, "session": self.who.session,
        });
        self.send(sink, welcome.to_string().into()).await?;
        if since.is_some() && known.is_none() {
            self.send(sink, json!({ "type": "reset", "seq": head }).to_string().into())
                .await?;
        }
        while self.served < head {
            let from = self.served;
            let page: StoreResult<Vec<StoredEvent>> = self
                .app
                .db
                .read("replay", move |tx| events::events_after(tx, w, from, PAGE))
                .await;
            let page = page.map_err(|_| End::Close(CLOSE_SLOW, "the database is not available"))?;
            if page.is_empty() {
                break;
            }
            for event in page {
                self.event(sink, &event.into()).await?;
            }
            self.flush(sink).await?;
        }
        Ok(())
    }

    /// What was delivered, together with what waits behind it.
    async fn deliver(&mut self, sink: &mut Sink, first: Delivered) -> Result<(), End> {
        let mut next = Some(first);
        let mut looked = 0;
        while let Some(delivered) = next {
            match delivered {
                Delivered::Event(published) => self.event(sink, &published).await?,
                Delivered::Mark(text) => self.add(sink, text.as_ref().into()).await?,
            }
            looked += 1;
            next = if looked < IN_A_ROW {
                self.seat.queue.try_recv().ok()
            } else {
                None
            };
        }
        self.flush(sink).await
    }

    async fn add(&mut self, sink: &mut Sink, frame: Utf8Bytes) -> Result<(), End> {
        self.leaving.add(frame);
        // Each event of a stream has its own number to come back with.
        let full = matches!(sink, Sink::Stream(_)) || self.leaving.bytes() >= TOGETHER;
        if full { self.flush(sink).await } else { Ok(()) }
    }

    async fn flush(&mut self, sink: &mut Sink) -> Result<(), End> {
        match self.leaving.take() {
            Some(text) => self.send(sink, text).await,
            None => Ok(()),
        }
    }

    async fn event(&mut self, sink: &mut Sink, published: &Published) -> Result<(), End> {
        let event = &published.event;
        if event.seq <= self.served {
            return Ok(());
        }
        match event.kind {
            // Of others: nothing is sent, so the client's own number stays the one before the next frame.
            EventKind::SessionsRevoked => {
                let ends = self.revoked(&event.body);
                if ends.is_err() {
                    self.flush(sink).await?;
                }
                return ends;
            }
            EventKind::RightsChanged if self.concerns(event) => {
                self.flush(sink).await?;
                self.served = event.seq;
                return Box::pin(self.rights(sink, event)).await;
            }
            _ => {}
        }
        let frame = match sees(&self.audience, event) {
            Sees::Nothing => None,
            Sees::All => Some(published.frame(self.told)),
            Sees::Left => Some(
                json!({
                    "type": "event", "seq": event.seq, "prev": self.told, "at": event.at, "kind": "conversation.left",
                    "conversation": event.conversation, "body": { "id": event.conversation },
                })
                .to_string()
                .into(),
            ),
        };
        self.served = event.seq;
        match frame {
            Some(text) => {
                self.told = event.seq;
                self.add(sink, text).await
            }
            None => Ok(()),
        }
    }

    fn revoked(&self, body: &str) -> Result<(), End> {
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let mine = body["sessions"]
            .as_array()
            .is_some_and(|list| list.iter().any(|s| s.as_i64() == Some(self.who.session.0)))
            || body["agent"].as_i64() == Some(self.who.agent.0);
        if mine {
            return Err(End::Close(CLOSE_SESSION, "the session is over"));
        }
        Ok(())
    }

    fn concerns(&self, event: &StoredEvent) -> bool {
        let body: serde_json::Value = serde_json::from_str(&event.body).unwrap_or_default();
        body["everybody"] == true || body["agent"].as_i64() == Some(self.who.agent.0)
    }

    /// Rights are read again when they changed, and the screen loads its views again: it may see more, or less.
    async fn rights(&mut self, sink: &mut Sink, event: &StoredEvent) -> Result<(), End> {
        let who = self.who.clone();
        // What they look at is shown again when they still may.
        let viewed = self.app.hub.viewed(&self.seat);
        self.app.hub.view(&self.seat, None);
        let read = self.app.db.read("rights", move |tx| still(tx, &who)).await;
        let Ok(who) = read else {
            return Err(End::Close(CLOSE_SESSION, "the session is over"));
        };
        self.sits(who);
        self.looks_at(viewed).await;
        self.told = event.seq;
        self.send(sink, json!({ "type": "reset", "seq": event.seq }).to_string().into())
            .await
    }

    /// From now on the screen shows what `who` may see.
    fn sits(&mut self, who: Who) {
        self.who = who;
        self.audience = audience(&self.who);
        self.app.hub.set_audience(&self.seat, self.audience.clone());
    }

    /// What the screen shows from now on, when it may.
    async fn looks_at(&self, conversation: Option<ConversationId>) {
        let visible = match conversation {
            Some(id) if self.sees(id).await => Some(id),
            _ => None,
        };
        self.app.hub.view(&self.seat, visible);
    }

    async fn sees(&self, conversation: ConversationId) -> bool {
        let who = self.who.clone();
        let seen = self
            .app
            .db
            .read("view", move |tx| conversations::seen(tx, &who, conversation));
        seen.await.is_ok()
    }

    async fn said(&mut self, text: &str) -> Result<(), End> {
        // What is not understood is from a newer or broken client; the next frame may be fine.
        let Ok(said) = serde_json::from_str::<Said>(text) else {
            return Ok(());
        };
        match said {
            Said::Pong => {}
            Said::Activity => presence::active(&self.app, self.who.workspace, self.who.agent).await,
            Said::View { conversation } => self.looks_at(conversation).await,
            // Who sees nothing of it marks nothing in it.
            Said::Typing { conversation, .. } if !self.sees(conversation).await => {}
            Said::Typing { conversation, mode } => {
                let agent = json!({ "id": self.who.agent, "name": self.who.name });
                let frame = json!({ "type": "typing", "conversation": conversation, "agent": agent });
                let w = self.who.workspace;
                self.app.hub.mark(w, conversation, &frame, Some(self.seat.id));
                let reply = mode.as_deref() != Some("note");
                // Proof of life for routing, at most every few seconds.
                if reply && self.typing_noted.elapsed() > Duration::from_secs(4) {
                    self.typing_noted = tokio::time::Instant::now();
                    let who = self.who.clone();
                    let noted = self
                        .app
                        .db
                        .write("typing", Lane::Interactive, move |tx| {
                            conversations::typing(tx, &who, conversation)
                        })
                        .await;
                    if noted.is_ok() {
                        self.app.hub.typing_to_visitors(w, conversation, self.who.agent);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Who has the session now; nobody once it is over or shows another workspace.
fn still(tx: &mut Tx<'_>, who: &Who) -> AppResult<Who> {
    let open = ronda_storage::sessions::by_id(tx, who.session)?.ok_or(AppError::Unauthenticated)?;
    let now = sessions::who(&open, &who.ip)?;
    if now.workspace != who.workspace {
        return Err(AppError::Unauthenticated);
    }
    Ok(now)
}
