//! What a run came to, and what many runs with different seeds say together.

use ronda_domain::{AgentId, Ms};
use serde::Serialize;

/// What one agent did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgentRun {
    pub agent: AgentId,
    /// Chats given to them automatically: in turn or by rotation.
    pub assigned: u32,
    /// First replies.
    pub answered: u32,
    /// Chats that moved on because they did not answer.
    pub missed: u32,
}

/// One simulated run. Only chats that are measured count; times are milliseconds from the customer's first message, or
/// from the opening after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    pub chats: u32,
    /// Times to the first reply, ascending: one per answered chat.
    pub first_reply: Vec<i64>,
    /// Customers who gave up before a first reply.
    pub abandoned: u32,
    /// Still without a reply at the end.
    pub never: u32,
    /// Rotations, and when they were.
    pub moves: u32,
    pub moved_at: Vec<Ms>,
    /// Chats that rotated at least once.
    pub moved_chats: u32,
    /// Times an agent was set aside for showing no life.
    pub benches: u32,
    /// Agents set aside at least once.
    pub benched_agents: u32,
    /// Time agents spent above their limit, summed.
    pub over_limit_ms: i64,
    pub agents: Vec<AgentRun>,
    /// Inputs the engine consumed.
    pub steps: u64,
}

impl Run {
    #[must_use]
    pub fn mean_ms(&self) -> Option<i64> {
        let n = i64::try_from(self.first_reply.len()).ok().filter(|n| *n > 0)?;
        Some(self.first_reply.iter().sum::<i64>() / n)
    }

    /// The time within which `percent` of the answered chats had their first reply.
    #[must_use]
    pub fn percentile_ms(&self, percent: u32) -> Option<i64> {
        percentile(&self.first_reply, percent)
    }

    #[must_use]
    pub fn worst_ms(&self) -> Option<i64> {
        self.first_reply.last().copied()
    }
}

/// The value at `percent` of an ascending list: the smallest with at least that share at or below it.
#[must_use]
pub fn percentile(ascending: &[i64], percent: u32) -> Option<i64> {
    let n = u64::try_from(ascending.len()).ok()?;
    let rank = (n * u64::from(percent.min(100))).div_ceil(100).max(1);
    let at = usize::try_from(rank - 1).ok()?;
    ascending.get(at).copied()
}

/// What runs with different seeds say of a number: nine of ten lie between `low` and `high`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Interval {
    pub low: i64,
    pub middle: i64,
    pub high: i64,
}

impl Interval {
    /// None when no run has the number.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = i64>) -> Option<Self> {
        let mut all: Vec<i64> = values.into_iter().collect();
        all.sort_unstable();
        Some(Self {
            low: percentile(&all, 5)?,
            middle: percentile(&all, 50)?,
            high: percentile(&all, 95)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let all: Vec<i64> = (1..=10).collect();
        assert_eq!(
            [0, 50, 90, 91, 100].map(|p| percentile(&all, p)),
            [Some(1), Some(5), Some(9), Some(10), Some(10)]
        );
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn an_interval_leaves_the_extremes_out() {
        let found = Interval::of((1..=100).rev()).expect("values");
        assert_eq!((found.low, found.middle, found.high), (5, 50, 95));
        assert_eq!(Interval::of([]), None);
    }
}
