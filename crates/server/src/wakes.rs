//! Wakes: sets of things to look at, each with a bell. Losing one costs a poll interval, so they carry no data and may be
//! coalesced at will. What is somebody else's to look at goes over the bus.

use crate::realtime::bus::{Bus, Said};
use crate::workers::leases::{Duty, Leases};
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
    pub fn sink(self: &Arc<Self>, bus: Bus, leases: Arc<Leases>) -> WakeSink {
        let wakes = self.clone();
        Arc::new(move |wake| {
            // Whether another node has to look: everybody at events, at the rest whoever does it.
            let (said, elsewhere) = match wake {
                Wake::Lane(lane) => (Said::Lane(lane), !leases.does(Duty::Inbound(lane.rem_euclid(LANES)))),
                Wake::Planner(w) => (Said::Planner(w), !leases.plans(w)),
                Wake::Deliver(a) => (Said::Deliver(a), !leases.works()),
                Wake::Events { workspace, .. } => (Said::Events(workspace), true),
                Wake::Media => (Said::Media, !leases.works()),
                Wake::Timers => (Said::Timers, !leases.does(Duty::Timers)),
                Wake::Bots => return,
            };
            wakes.mark(&said);
            if elsewhere {
                bus.say(said);
            }
        })
    }

    /// What another node said.
    pub fn hear(&self, said: &Said, leases: &Leases) {
        if !matches!(said, Said::Planner(w) if !leases.plans(*w)) {
            self.mark(said);
        }
    }

    fn mark(&self, said: &Said) {
        match said {
            Said::Lane(lane) => self.lanes[lane.rem_euclid(LANES) as usize].mark(()),
            Said::Planner(w) => self.planners.mark(*w),
            Said::Deliver(a) => self.deliver.mark(*a),
            Said::Events(w) => self.events.mark(*w),
            Said::Media => self.media.mark(()),
            Said::Timers => self.timers.mark(()),
            Said::Answered(_) | Said::Free | Said::Mark(..) | Said::Visitors(..) | Said::Viewing(..) => {}
        }
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
