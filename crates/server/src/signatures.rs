//! Webhooks with a wrong signature (PS-2.2) and users with a forged hash (CP-3.4), counted per account since the start:
//! shown in the health of the channel.

use ronda_domain::{ChannelAccountId, Ms};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The counters.
#[derive(Default)]
pub struct Refused(Mutex<HashMap<ChannelAccountId, u64>>);

impl Refused {
    pub fn note(&self, id: ChannelAccountId) {
        *self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(id)
            .or_default() += 1;
    }

    #[must_use]
    pub fn of(&self, id: ChannelAccountId) -> u64 {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .copied()
            .unwrap_or(0)
    }
}

/// When a webhook with a right signature came last, since the start.
#[derive(Default)]
pub struct LastSeen(Mutex<HashMap<ChannelAccountId, Ms>>);

impl LastSeen {
    pub fn note(&self, id: ChannelAccountId, at: Ms) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
    }

    #[must_use]
    pub fn of(&self, id: ChannelAccountId) -> Option<Ms> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }
}
