//! Wakes inside one process: sets of things to look at, each with a bell. Losing one costs a poll interval, so they
//! carry no data and may be coalesced at will.

use ronda_domain::{ChannelAccountId, WorkspaceId};
use ronda_storage::{Wake, WakeSink};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Lanes of the inbound journal. One worker each, in id order; a channel account always uses the same lane.
pub const LANES: i64 = 4;

/// A set with a bell.
pub struct Dirty<K> {
    set: Mutex<BTreeSet<K>>,
    bell: Notify,
}

impl<K> Default for Dirty<K> {
    fn default() -> Self {
        Self {
            set: Mutex::default(),
            bell: Notify::new(),
        }
    }
}

impl<K: Ord> Dirty<K> {
    pub fn mark(&self, key: K) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        self.bell.notify_one();
    }

    /// What was marked since the last call; waits until something is, at most `longest`.
    pub async fn take(&self, longest: Duration) -> BTreeSet<K> {
        let now = self.take_now();
        if !now.is_empty() {
            return now;
        }
        let _ = tokio::time::timeout(longest, self.bell.notified()).await;
        self.take_now()
    }

    fn take_now(&self) -> BTreeSet<K> {
        std::mem::take(&mut *self.set.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Everything that can be woken in this process.
#[derive(Default)]
pub struct Wakes {
    pub lanes: [Dirty<()>; LANES as usize],
    pub planners: Dirty<WorkspaceId>,
    pub deliver: Dirty<ChannelAccountId>,
    pub events: Dirty<WorkspaceId>,
    pub media: Dirty<()>,
    pub timers: Dirty<()>,
}

impl Wakes {
    /// The sink that storage calls after each commit.
    #[must_use]
    pub fn sink(self: &Arc<Self>) -> WakeSink {
        let wakes = self.clone();
        Arc::new(move |wake| match wake {
            Wake::Lane(lane) => wakes.lanes[lane.rem_euclid(LANES) as usize].mark(()),
            Wake::Planner(w) => wakes.planners.mark(w),
            Wake::Deliver(a) => wakes.deliver.mark(a),
            Wake::Events { workspace, .. } => wakes.events.mark(workspace),
            Wake::Media => wakes.media.mark(()),
            Wake::Timers => wakes.timers.mark(()),
            Wake::Bots => {}
        })
    }
}

/// The lane of everything that names this external id: the same for ever, so that the order of an account is kept.
#[must_use]
pub fn lane_of(external_id: &str) -> i64 {
    let hash = external_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash % LANES as u64) as i64
}
