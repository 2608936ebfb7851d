//! What a committed transaction tells the rest of the process. A wake is a hint: losing one costs a poll interval.

use ronda_domain::{ChannelAccountId, WorkspaceId};
use std::sync::Arc;

/// Something to look at after a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wake {
    /// The inbound journal's lane has rows.
    Lane(i64),
    /// The workspace has routing inputs.
    Planner(WorkspaceId),
    /// The channel account has outbox rows.
    Deliver(ChannelAccountId),
    /// The event log of the workspace grew to `head`.
    Events { workspace: WorkspaceId, head: i64 },
    /// Media wait to be fetched.
    Media,
    /// Bot inputs wait.
    Bots,
    /// A timer was written.
    Timers,
}

/// Receives the wakes of committed transactions, in the order they were given. Must not block.
pub type WakeSink = Arc<dyn Fn(Wake) + Send + Sync>;
