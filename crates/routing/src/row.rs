//! The state as rows: what the shell stores and what it builds the state from. Nothing the engine decides with is
//! anywhere else.

use crate::clock::Hours;
use crate::fact::{HoursScope, Presence};
use crate::policy::Policy;
use ronda_domain::conversation::{Phase, Place};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, Ms, SkillId};
use serde::{Deserialize, Serialize};

/// Grows by one exactly when place, owner or group of a conversation changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

impl Epoch {
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// How the present ownership began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// By the dispatcher, in turn.
    Dispatched,
    /// By affinity or a reservation.
    Preferred,
    Rotated,
    Taken,
    Transferred,
    /// Reopened to its last owner.
    Reopened,
    /// Back to the old owner, whose reply came late.
    Returned,
}

/// A conversation that waits or is held (also, in a change, one that leaves: `closed` or `bot`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConvRow {
    pub conv: ConversationId,
    pub customer: CustomerId,
    pub channel: ChannelAccountId,
    /// The target group; none means any agent.
    pub group: Option<GroupId>,
    pub epoch: Epoch,
    pub place: Place,
    pub owner: Option<AgentId>,
    pub phase: Option<Phase>,
    /// `owed_since`: a fact, written by receive, reply and sent; the planner compares it and never writes it.
    pub anchor: Option<Ms>,
    pub rotate_at: Option<Ms>,
    pub round: u8,
    pub exhausted: bool,
    pub waiting_since: Option<Ms>,
    /// Start of the present ownership.
    pub assigned_at: Option<Ms>,
    pub reserved_for: Option<AgentId>,
    pub reserved_until: Option<Ms>,
    /// Agents who missed it in this round, ascending (column of the round row).
    pub missed: Vec<AgentId>,
    /// Rotations in this episode (column of the round row).
    pub moves: u32,
    /// Transfers in this episode (column of the round row).
    pub transfers: u32,
    /// JSON of the conversation row's `routing` column; see [`ConvKeep::is_empty`].
    pub keep: ConvKeep,
}

impl ConvRow {
    /// Whether the round row of this conversation says anything; otherwise it may be dropped.
    #[must_use]
    pub fn has_round(&self) -> bool {
        !self.missed.is_empty() || self.moves > 0 || self.transfers > 0
    }
}

/// What else the engine keeps of a conversation. Absent values are the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ConvKeep {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Answers in this ownership: 0, 1, or 2 for more than one.
    #[serde(skip_serializing_if = "is_zero")]
    pub answers: u8,
    /// The extension, for typing or because the owner asked, is used up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub extended: bool,
    /// The clock ran out and nobody else could have it: it moves as soon as somebody becomes available.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// Its time was over in this ownership, and it stayed because the whole team is busy answering (row 14).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub guarded: bool,
    /// Older than the threshold when assignment was switched on: it waits until its customer or an agent acts (row 70).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// The owner before, after a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<AgentId>,
    /// Who transferred it and gets it back when its owner lets the time pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_to: Option<AgentId>,
    /// What whoever takes it must be able to do, ascending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<SkillId>,
    /// Head start it came with, in minutes.
    #[serde(skip_serializing_if = "is_none_of")]
    pub priority_minutes: u32,
    /// Head start given by the steps and the longest wait of the policy while it waits, in minutes.
    #[serde(skip_serializing_if = "is_none_of")]
    pub raised_minutes: u32,
    /// When the channel's reply window ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_ends: Option<Ms>,
    /// How near that is: entries of [`crate::defaults::WINDOW_STEPS`] that were reached.
    #[serde(skip_serializing_if = "is_zero")]
    pub window_step: u8,
    /// Steps of the policy taken in this wait.
    #[serde(skip_serializing_if = "is_zero")]
    pub step: u8,
    /// When that step was entered; none when it is the start of the wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_since: Option<Ms>,
    /// Since when its group is asked; none when it is the start of the wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_since: Option<Ms>,
    /// Groups it left in this wait because nobody was in them, or for time (rows 68, 71).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<GroupId>,
    /// The longest wait was over in this wait.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub waited_out: bool,
    /// How far it was escalated since its rounds were used up.
    #[serde(skip_serializing_if = "is_zero")]
    pub level: u8,
}

impl ConvKeep {
    /// Whether `routing` may be stored as null.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The weight of agents about whom none is said.
pub(crate) const fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_none_yet(n: &u64) -> bool {
    *n == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_none_of(n: &u32) -> bool {
    *n == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(n: &u8) -> bool {
    *n == 0
}

/// An agent: what is set about them, what they hold, and their turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgentRow {
    pub agent: AgentId,
    pub active: bool,
    /// Ascending.
    pub groups: Vec<GroupId>,
    /// Channel accounts they may answer, ascending; none means all.
    pub channels: Option<Vec<ChannelAccountId>>,
    /// Limit of this agent instead of the policy's.
    pub limit: Option<u32>,
    /// Share of the work under the strategy Weighted.
    #[serde(default = "one")]
    pub weight: u32,
    /// Place under the strategy Ranked.
    #[serde(default)]
    pub rank: u32,
    /// Ascending.
    #[serde(default)]
    pub skills: Vec<SkillId>,
    /// Conversations held.
    pub load: u32,
    /// The workspace's assignment number at their last automatic assignment: their turn.
    pub stamp: i64,
    /// JSON of the load row's `routing` column.
    pub keep: AgentKeep,
}

impl AgentRow {
    /// An agent nobody has told anything about: not active, gone.
    #[must_use]
    pub fn new(agent: AgentId) -> Self {
        Self {
            agent,
            active: false,
            groups: Vec::new(),
            channels: None,
            limit: None,
            weight: one(),
            rank: 0,
            skills: Vec::new(),
            load: 0,
            stamp: 0,
            keep: AgentKeep::default(),
        }
    }
}

/// What else the engine keeps of an agent. Absent values are the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentKeep {
    /// The presence last told to the engine; the presence tables may be ahead of it.
    pub presence: Presence,
    /// When the conversations of a gone agent move; none when not gone, or when it has happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_due: Option<Ms>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// Time of the last automatic assignment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_assigned_at: Option<Ms>,
    /// The last proof of life: an answer, typing, a closing, coming online.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub life_at: Option<Ms>,
    /// Deadlines that passed without any since (row 15).
    #[serde(skip_serializing_if = "is_zero")]
    pub strikes: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strike_at: Option<Ms>,
    /// Nothing automatic until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooling_until: Option<Ms>,
    /// The last answer or keystroke (row 14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worked_at: Option<Ms>,
    /// The last first reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Ms>,
    /// What a first reply takes them, in open milliseconds: three parts of before and one of the last (row 14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_ms: Option<i64>,
    /// Turns taken under the strategy Weighted, each of [`crate::defaults::TURN_UNITS`] over the weight.
    #[serde(skip_serializing_if = "is_none_yet")]
    pub served: u64,
}

/// Pacing of an agent who became available: `base + initial` at once, then one more per interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ramp {
    pub from: Ms,
    /// Load at the start.
    pub base: u32,
}

/// A group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupRow {
    pub group: GroupId,
    /// Receives what is handed over to a group that does not exist (row 61).
    pub default: bool,
    /// Where its conversations go when nobody is in it, or after the time below.
    #[serde(default)]
    pub overflow: Option<GroupId>,
    /// Open time a conversation waits here before it goes on; none means for ever.
    #[serde(default)]
    pub overflow_seconds: Option<u32>,
}

impl GroupRow {
    /// A group that nothing flows out of.
    #[must_use]
    pub const fn new(group: GroupId, default: bool) -> Self {
        Self {
            group,
            default,
            overflow: None,
            overflow_seconds: None,
        }
    }
}

/// The counters of a workspace (`routing_head`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    pub decision_seq: i64,
    pub input_seq: i64,
    /// The engine's time.
    pub at: Ms,
    /// Number of the last automatic assignment.
    pub stamp: i64,
}

/// The whole state of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    pub head: Head,
    pub policy: Policy,
    /// The whole effective policy of each group that has its own, ascending by id.
    #[serde(default)]
    pub policies: Vec<(GroupId, Policy)>,
    /// The hours of each scope that has its own, ascending.
    #[serde(default)]
    pub hours: Vec<(HoursScope, Hours)>,
    /// Until when rotation is paused, by group; none is the whole workspace. Ascending; past ones do not count.
    #[serde(default)]
    pub pauses: Vec<(Option<GroupId>, Ms)>,
    /// Ascending by id.
    pub groups: Vec<GroupRow>,
    /// Ascending by id.
    pub agents: Vec<AgentRow>,
    /// Waiting and held, ascending by id.
    pub convs: Vec<ConvRow>,
}

impl From<i64> for Epoch {
    fn from(n: i64) -> Self {
        Self(n)
    }
}
