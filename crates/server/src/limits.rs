//! How many requests one may make: a bucket per person, address or token (spec DEV-9).

use crate::config;
use governor::clock::{Clock as _, Reference};
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use ronda_domain::Clock;
use std::num::NonZeroU32;
use std::time::Duration;

/// Recovery links one address may ask for in an hour. Source: spec CP-6.
const RESETS_PER_HOUR: u32 = 20;
/// Buckets kept before the full ones are dropped.
const MOST_BUCKETS: usize = 100_000;

/// Ronda's clock as the limiter reads it, so that tests can move it.
#[derive(Clone)]
struct LimitClock(Clock);

impl governor::clock::Clock for LimitClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let millis = u64::try_from(self.0.now().0).unwrap_or(0);
        Nanos::from(Duration::from_millis(millis))
    }
}

type Buckets = RateLimiter<String, DashMapStateStore<String>, LimitClock, StateInformationMiddleware>;

/// A family of buckets with one quota.
pub struct Limit {
    buckets: Buckets,
    clock: LimitClock,
    per_period: u32,
}

/// What is left after a request that was let in.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    pub limit: u32,
    pub remaining: u32,
}

impl Limit {
    fn new(quota: Quota, per_period: u32, clock: &Clock) -> Self {
        let clock = LimitClock(clock.clone());
        Self {
            buckets: RateLimiter::<_, _, _, NoOpMiddleware<Nanos>>::new(
                quota,
                DashMapStateStore::default(),
                clock.clone(),
            )
            .with_middleware::<StateInformationMiddleware>(),
            clock,
            per_period,
        }
    }

    /// Takes one request out of the bucket `key`.
    ///
    /// # Errors
    /// The seconds to wait when it is empty.
    pub fn take(&self, key: &str) -> Result<Left, u64> {
        if self.buckets.len() > MOST_BUCKETS {
            self.buckets.retain_recent();
        }
        match self.buckets.check_key(&key.to_owned()) {
            Ok(state) => Ok(Left {
                limit: self.per_period,
                remaining: state.remaining_burst_capacity(),
            }),
            Err(not_until) => {
                let wait = not_until.earliest_possible().duration_since(self.clock.now());
                Err(Duration::from(wait).as_secs() + 1)
            }
        }
    }
}

/// What one visitor may write in a minute: faster than anybody types, slower than a program floods.
const VISITOR_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");

/// The limits of the API.
pub struct Limits {
    /// By account.
    pub signed_in: Limit,
    /// By address.
    pub anonymous: Limit,
    /// Messages and files of one visitor of a web chat.
    pub visitors: Limit,
    /// Recovery links by address.
    pub resets: Limit,
}

impl Limits {
    #[must_use]
    pub fn new(config: &config::Limits, clock: &Clock) -> Self {
        let per_minute = |n: u32| {
            let whole = NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
            let burst = NonZeroU32::new(n.div_ceil(6)).unwrap_or(NonZeroU32::MIN);
            Limit::new(Quota::per_minute(whole).allow_burst(burst), n, clock)
        };
        let resets = NonZeroU32::new(RESETS_PER_HOUR).unwrap_or(NonZeroU32::MIN);
        Self {
            signed_in: per_minute(config.requests_per_minute),
            anonymous: per_minute(config.anonymous_requests_per_minute),
            visitors: Limit::new(
                Quota::per_minute(VISITOR_PER_MINUTE).allow_burst(VISITOR_PER_MINUTE),
                VISITOR_PER_MINUTE.get(),
                clock,
            ),
            resets: Limit::new(Quota::per_hour(resets), RESETS_PER_HOUR, clock),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let clock = Clock::system();
        let limit = Limit::new(Quota::per_hour(NonZeroU32::new(3).unwrap()), 3, &clock);
        for left in [2, 1, 0] {
            assert_eq!(limit.take("a").unwrap().remaining, left);
        }
        let wait = limit.take("a").unwrap_err();
        assert!((1_100..=1_201).contains(&wait), "{wait}");
        assert!(limit.take("b").is_ok());
    }
}
