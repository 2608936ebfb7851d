//! What nodes tell each other (decision record 14): hints that something was committed, and marks such as typing. The
//! database has the truth, so that everything said here may be lost, doubled or late; whoever listens looks for itself
//! now and then.

use crate::App;
use crate::config::Config;
use async_nats::connection::State;
use futures_util::StreamExt as _;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, WorkspaceId};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// What waits to be said; beyond it hints are dropped.
const WAITING: usize = 4_096;
/// Most hints of one message: some of the payload limit that a NATS server has by default.
const BATCH: usize = 200;
/// How long an attempt to reach the server takes, and the longest pause between two.
const ATTEMPT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(1);
/// A connection that says nothing for two of these is gone.
const PING: Duration = Duration::from_secs(5);
/// How long what is said at the end of the process may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// A hint or a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The lane of the inbound journal has rows.
    Lane(i64),
    /// The workspace has routing inputs.
    Planner(WorkspaceId),
    /// The channel account has outbox rows.
    Deliver(ChannelAccountId),
    /// The event log of the workspace grew.
    Events(WorkspaceId),
    Media,
    Timers,
    /// The command with this key has its result.
    Answered(String),
    /// A node that stops gave leases and duties away.
    Free,
    /// A mark for the agents who look at a conversation.
    Mark(WorkspaceId, ConversationId, String),
    /// A mark for the visitors of a conversation.
    Visitors(WorkspaceId, ConversationId, String),
    /// Who looks at a conversation on the node that says it.
    Viewing(WorkspaceId, ConversationId, Vec<(AgentId, String)>),
}

#[derive(Serialize, Deserialize)]
struct Letter {
    from: String,
    said: Vec<Said>,
}

/// The way to the other nodes.
#[derive(Clone, Default)]
pub enum Bus {
    /// There is none: one process, or nodes that only ask the database.
    #[default]
    Local,
    Nats(Arc<Nats>),
}

/// Over a NATS server.
pub struct Nats {
    servers: Vec<async_nats::ServerAddr>,
    said: mpsc::Sender<Said>,
    /// Taken by the task that speaks.
    waiting: Mutex<Option<mpsc::Receiver<Said>>>,
    client: OnceLock<async_nats::Client>,
}

impl Bus {
    #[must_use]
    pub fn new(config: &Config) -> Self {
        if config.nats.is_empty() {
            return Self::Local;
        }
        let (said, waiting) = mpsc::channel(WAITING);
        Self::Nats(Arc::new(Nats {
            servers: config.nats.clone(),
            said,
            waiting: Mutex::new(Some(waiting)),
            client: OnceLock::new(),
        }))
    }

    /// Tells the other nodes; nothing happens when none can hear it.
    pub fn say(&self, said: Said) {
        if let Self::Nats(nats) = self
            && nats.connected()
            && nats.said.try_send(said).is_err()
        {
            metrics::counter!("ronda_bus_dropped_total").increment(1);
        }
    }

    /// Whether what is said reaches other nodes now.
    #[must_use]
    pub fn connected(&self) -> bool {
        matches!(self, Self::Nats(nats) if nats.connected())
    }

    /// For operators.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self {
            Self::Local => "none",
            Self::Nats(nats) if nats.connected() => "connected",
            Self::Nats(_) => "disconnected",
        }
    }

    /// Says something at the end of the process, after its workers ended.
    pub async fn farewell(&self, app: &App, said: Said) {
        let Self::Nats(nats) = self else { return };
        let Some(client) = nats.client.get().filter(|_| nats.connected()) else {
            return;
        };
        let words = async {
            speak(client, &subject(app), &app.node, vec![said]).await;
            let _ = client.flush().await;
        };
        let _ = tokio::time::timeout(FAREWELL, words).await;
    }
}

impl Nats {
    fn connected(&self) -> bool {
        self.client
            .get()
            .is_some_and(|c| c.connection_state() == State::Connected)
    }
}

/// Installations may share a server: each speaks under the name of its key, which all its nodes have.
fn subject(app: &App) -> String {
    format!("ronda.{}", app.secrets.key_id())
}

async fn speak(client: &async_nats::Client, subject: &str, node: &str, said: Vec<Said>) {
    let letter = Letter {
        from: node.to_owned(),
        said,
    };
    let Ok(bytes) = serde_json::to_vec(&letter) else {
        return;
    };
    if let Err(error) = client.publish(subject.to_owned(), bytes.into()).await {
        tracing::debug!(%error, "a hint was not sent");
    }
}

fn options() -> async_nats::ConnectOptions {
    async_nats::ConnectOptions::new()
        .name("ronda")
        .connection_timeout(ATTEMPT)
        .ping_interval(PING)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempt| PAUSE.min(Duration::from_millis(100) * attempt.min(10) as u32))
        .event_callback(async |event| match event {
            async_nats::Event::Connected => tracing::info!("the bus is connected"),
            async_nats::Event::Disconnected => {
                tracing::warn!("the bus is away: other nodes see news when they ask the database");
            }
            other => tracing::debug!(%other, "the bus"),
        })
}

/// Starts to speak and to listen. A server that is away is tried again for ever.
pub fn start(app: &Arc<App>) {
    let Bus::Nats(nats) = &app.bus else { return };
    let (its, nats) = (app.clone(), nats.clone());
    crate::workers::spawn(app, "bus", async move {
        let waiting = nats.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut waiting) = waiting else { return };
        let subject = subject(&its);
        let client = loop {
            match options().retry_on_initial_connect().connect(nats.servers.clone()).await {
                Ok(client) => break client,
                Err(error) => {
                    tracing::warn!(%error, "the bus cannot be used yet");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        };
        let client = nats.client.get_or_init(|| client);
        loop {
            match client.subscribe(subject.clone()).await {
                Ok(heard) => converse(&its, client, &subject, heard, &mut waiting).await,
                Err(error) => tracing::warn!(%error, "the bus cannot be listened to"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
}

async fn converse(
    app: &Arc<App>,
    client: &async_nats::Client,
    subject: &str,
    mut heard: async_nats::Subscriber,
    waiting: &mut mpsc::Receiver<Said>,
) {
    let mut batch: Vec<Said> = Vec::new();
    let mut repeat = tokio::time::interval(super::hub::REPEAT);
    loop {
        tokio::select! {
            taken = waiting.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    return;
                }
                let mut said: Vec<Said> = Vec::with_capacity(batch.len());
                for one in batch.drain(..) {
                    if !said.contains(&one) {
                        said.push(one);
                    }
                }
                // What is said into a connection that is gone would arrive when nobody needs it any more.
                if client.connection_state() == State::Connected {
                    speak(client, subject, &app.node, said).await;
                }
            }
            letter = heard.next() => {
                let Some(letter) = letter else { return };
                match serde_json::from_slice::<Letter>(&letter.payload) {
                    Ok(letter) if letter.from == app.node => {}
                    Ok(letter) => {
                        for said in letter.said {
                            hear(app, &letter.from, said);
                        }
                    }
                    // From a node of another version: the database has what it means.
                    Err(error) => tracing::debug!(%error, "a hint was not understood"),
                }
            }
            _ = repeat.tick() => app.hub.repeat_viewers(),
        }
    }
}

fn hear(app: &App, from: &str, said: Said) {
    match said {
        Said::Lane(_) | Said::Planner(_) | Said::Deliver(_) | Said::Events(_) | Said::Media | Said::Timers => {
            app.wakes.hear(&said, &app.leases);
        }
        Said::Answered(key) => app.planners.answered(&key),
        Said::Free => app.leases.look_now(),
        Said::Mark(w, conversation, frame) => app.hub.heard_mark(w, conversation, frame.into()),
        Said::Visitors(w, conversation, frame) => app.hub.heard_visitors(w, conversation, frame.into()),
        Said::Viewing(w, conversation, agents) => app.hub.heard_viewers(from, w, conversation, agents),
    }
}

/// Whether a bus can be reached, for `ronda doctor`.
///
/// # Errors
/// Why not.
pub async fn probe(servers: &[async_nats::ServerAddr]) -> Result<String, String> {
    let asked = async {
        let client = options().connect(servers.to_vec()).await.map_err(|e| e.to_string())?;
        client.flush().await.map_err(|e| e.to_string())?;
        Ok(client.server_info().version)
    };
    match tokio::time::timeout(ATTEMPT * 2, asked).await {
        Ok(answer) => answer,
        Err(_) => Err("no answer".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard_as_it_was() {
        let said = vec![
            Said::Lane(3),
            Said::Planner(WorkspaceId(7)),
            Said::Answered("clave".into()),
            Said::Free,
            Said::Viewing(WorkspaceId(1), ConversationId(2), vec![(AgentId(3), "Ana".into())]),
        ];
        let letter = Letter {
            from: "a".into(),
            said: said.clone(),
        };
        let bytes = serde_json::to_vec(&letter).unwrap();
        assert_eq!(serde_json::from_slice::<Letter>(&bytes).unwrap().said, said);
    }

    #[test]
    fn without_a_server_nothing_is_said() {
        let bus = Bus::default();
        bus.say(Said::Free);
        assert_eq!((bus.connected(), bus.state()), (false, "none"));
    }
}
