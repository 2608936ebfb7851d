//! Webhooks with a wrong signature, counted per account since the start: shown in the health of the channel (PS-2.2).

use ronda_domain::ChannelAccountId;
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
