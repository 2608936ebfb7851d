//! Webhook bodies into the inbound journal: one collector per lane, one commit for all requests of a group (T1).

use crate::App;
use crate::wakes::LANES;
use ronda_domain::ChannelAccountId;
use ronda_storage::journal::{self, NewBody};
use ronda_storage::{Lane, StoreError, StoreResult, Wake};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Bodies that wait for their commit, per lane; beyond it webhooks answer 503.
const WAITING: usize = 1_024;
/// Most bodies of one insert. Source: architecture.md §8, T1.
const GROUP: usize = 64;

struct Offered {
    body: NewBody,
    done: oneshot::Sender<bool>,
}

/// The way into the journal.
pub struct Accept {
    lanes: Vec<mpsc::Sender<Offered>>,
    ends: Vec<Arc<Mutex<mpsc::Receiver<Offered>>>>,
}

impl Default for Accept {
    fn default() -> Self {
        let (lanes, ends) = (0..LANES)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(WAITING);
                (sender, Arc::new(Mutex::new(receiver)))
            })
            .unzip();
        Self { lanes, ends }
    }
}

impl Accept {
    /// Stores a body for good. False: nothing was kept and the sender must repeat it.
    pub async fn body(
        &self,
        source: &'static str,
        account: Option<ChannelAccountId>,
        lane: i64,
        body: Vec<u8>,
    ) -> bool {
        let (done, stored) = oneshot::channel();
        let offered = Offered {
            body: NewBody {
                source,
                channel_account: account,
                lane,
                body,
            },
            done,
        };
        let sender = &self.lanes[lane.rem_euclid(LANES) as usize];
        sender.try_send(offered).is_ok() && stored.await.unwrap_or(false)
    }
}

/// Starts the collectors. When the server stops, each stores what it was given and refuses what comes after: a request
/// that waited for a collector that is gone would keep the server from ending.
pub fn start(app: &Arc<App>) {
    for (lane, end) in app.accept.ends.iter().enumerate() {
        let (app, end) = (app.clone(), end.clone());
        app.workers.clone().spawn(async move {
            let mut waiting = end.lock().await;
            let mut group = Vec::new();
            loop {
                let taken = tokio::select! {
                    taken = waiting.recv_many(&mut group, GROUP) => taken,
                    () = app.stop.cancelled() => {
                        waiting.close();
                        waiting.recv_many(&mut group, GROUP).await
                    }
                };
                if taken == 0 {
                    return;
                }
                flush(&app, lane as i64, &mut group).await;
            }
        });
    }
}

async fn flush(app: &Arc<App>, lane: i64, group: &mut Vec<Offered>) {
    let (bodies, answers): (Vec<NewBody>, Vec<oneshot::Sender<bool>>) =
        group.drain(..).map(|o| (o.body, o.done)).unzip();
    let written: StoreResult<()> = app
        .db
        .write("accept", Lane::Background, move |tx| {
            let stored = journal::append(tx, &bodies)?;
            if stored != bodies.len() as u64 {
                return Err(StoreError::Guard("journal"));
            }
            tx.wake(Wake::Lane(lane));
            ronda_storage::crash_point("accept.before_commit");
            Ok(())
        })
        .await;
    ronda_storage::crash_point("accept.after_commit");
    if let Err(error) = &written {
        tracing::warn!(lane, %error, "webhook bodies were not accepted");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for done in answers {
        let _ = done.send(written.is_ok());
    }
}
