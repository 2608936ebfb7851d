//! Time as data: UTC milliseconds, and the clock through which everybody reads it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// An instant in milliseconds since 1970-01-01 UTC, or a duration in milliseconds where a name says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Ms(pub i64);

impl Ms {
    pub const SECOND: i64 = 1_000;
    pub const MINUTE: i64 = 60 * Self::SECOND;
    pub const HOUR: i64 = 60 * Self::MINUTE;
    pub const DAY: i64 = 24 * Self::HOUR;

    /// This instant moved by `millis`; saturates at the ends of the range.
    #[must_use]
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::fmt::Display for Ms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Where the time comes from. Cheap to clone; all clones of a test clock move together.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Where this clock stands; none follows the machine's.
    stands: Option<Arc<AtomicI64>>,
    /// Milliseconds a test has moved this clock forward.
    #[cfg(feature = "testing")]
    moved: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's wall clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `at` until [`Clock::put`] moves it: what happened long ago is told again with it, as the
    /// history of the demo. A server runs on [`Clock::system`].
    #[must_use]
    pub fn standing(at: Ms) -> Self {
        Self {
            stands: Some(Arc::new(AtomicI64::new(at.0))),
            ..Self::default()
        }
    }

    /// Moves a clock that stands, and all its clones, to `at` unless it is past it. The machine's clock goes on as it does.
    pub fn put(&self, at: Ms) {
        if let Some(stands) = &self.stands {
            stands.fetch_max(at.0, Ordering::SeqCst);
        }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Ms {
        if let Some(stands) = &self.stands {
            return Ms(stands.load(Ordering::SeqCst));
        }
        let wall = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
        #[cfg(feature = "testing")]
        let wall = wall.saturating_add(self.moved.load(Ordering::SeqCst));
        Ms(wall)
    }

    /// Moves the clock and all its clones forward by `millis`. Backward moves are refused: nothing in the product
    /// may depend on them, and a test that wants a jump back passes the times itself.
    ///
    /// # Panics
    /// When `millis` is negative.
    #[cfg(feature = "testing")]
    pub fn advance(&self, millis: i64) {
        assert!(millis >= 0, "the test clock moves forward only");
        self.moved.fetch_add(millis, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_only_when_it_is_put() {
        let clock = Clock::standing(Ms(5));
        let same = clock.clone();
        assert_eq!(same.now(), Ms(5));
        clock.put(Ms(9));
        clock.put(Ms(7));
        assert_eq!(same.now(), Ms(9));
    }

    #[test]
    fn the_clock_of_the_machine_cannot_be_put() {
        let clock = Clock::system();
        clock.put(Ms(i64::MAX));
        assert!(clock.now() < Ms(i64::MAX));
    }
}
