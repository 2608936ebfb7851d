//! The socket of a visitor: what happens in their conversations, as they may know it. What was missed is asked for by
//! the visitors' API, so nothing is replayed here.

use crate::App;
use crate::app::visitors;
use crate::realtime::hub::{Audience, Delivered};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{SinkExt as _, StreamExt as _};
use ronda_domain::{AgentId, WorkspaceId};
use ronda_storage::StoreResult;
use ronda_storage::visitors::{self as stored, VisitorRow};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const PING: Duration = Duration::from_secs(25);
const SEND: Duration = Duration::from_secs(20);
/// Conversations whose news a visitor gets.
const CONVERSATIONS: i64 = 20;

/// What customers call our people; nobody when the database does not answer.
async fn public_names(app: &App, w: WorkspaceId) -> BTreeMap<AgentId, String> {
    let read: StoreResult<_> = app
        .db
        .read("public_names", move |tx| ronda_storage::agents::public_names(tx, w))
        .await;
    read.unwrap_or_default().into_iter().collect()
}

/// Serves a visitor until they leave.
pub async fn serve(app: Arc<App>, v: VisitorRow, socket: WebSocket) {
    let its = v.clone();
    let known: StoreResult<_> = app
        .db
        .read("visitor", move |tx| stored::conversations(tx, &its, CONVERSATIONS))
        .await;
    let mut seat = app.hub.join(
        v.workspace,
        Audience::Visitor {
            visitor: v.id,
            conversations: known.unwrap_or_default().into_iter().collect(),
        },
    );
    let (mut sink, mut stream) = socket.split();
    let mut ping = tokio::time::interval(PING);
    let stop = app.stop.clone();
    let mut names = public_names(&app, v.workspace).await;
    let close = loop {
        if seat.lost() {
            break Some(4008);
        }
        let text = tokio::select! {
            delivered = seat.queue.recv() => match delivered {
                Some(delivered) => {
                    let body = match &delivered {
                        Delivered::Event(published) => published.event.body.as_str(),
                        Delivered::Mark(text) => text,
                    };
                    if visitors::named_in(body).iter().any(|id| !names.contains_key(id)) {
                        names = public_names(&app, v.workspace).await;
                    }
                    let frame = match &delivered {
                        Delivered::Event(published) => visitors::frame(published.event.kind, &published.event.body, &names),
                        Delivered::Mark(text) => visitors::mark(text, &names),
                    };
                    frame.map(|f| f.to_string())
                }
                None => break None,
            },
            said = stream.next() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => break None,
                Some(Ok(_)) => None,
            },
            _ = ping.tick() => {
                if tokio::time::timeout(SEND, sink.send(Message::Ping(Vec::new().into()))).await.is_err() {
                    break None;
                }
                None
            }
            () = stop.cancelled() => break Some(1001),
        };
        if let Some(text) = text
            && !matches!(
                tokio::time::timeout(SEND, sink.send(Message::Text(text.into()))).await,
                Ok(Ok(()))
            )
        {
            break None;
        }
    };
    if let Some(code) = close {
        let frame = CloseFrame {
            code,
            reason: "come back".into(),
        };
        let _ = tokio::time::timeout(SEND, sink.send(Message::Close(Some(frame)))).await;
    }
}
