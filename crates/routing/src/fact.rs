//! What the engine is told. Facts are stored as JSON, tagged by `type`.

use crate::clock::Hours;
use crate::policy::Policy;
use crate::row::Epoch;
use ronda_domain::conversation::CloseReason;
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, CustomerId, GroupId, Ms, SkillId};
use serde::{Deserialize, Serialize};

/// A fact with its number and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Dense number given by the planner when it consumes the fact. A number that was consumed before changes nothing.
    pub seq: i64,
    /// Time of the fact; the engine never goes back (row 33).
    pub at: Ms,
    pub fact: Fact,
}

/// A conversation as it stands when the engine does not know it yet: with the bot, closed, or just born.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    pub customer: CustomerId,
    pub channel: ChannelAccountId,
    /// The target group; none means any agent.
    #[serde(default)]
    pub group: Option<GroupId>,
    /// The epoch the conversation has now.
    pub epoch: Epoch,
    /// The time since which the customer has been owed a reply.
    #[serde(default)]
    pub anchor: Option<Ms>,
    /// The agent to prefer: affinity, or the customer's open conversation on another channel (rows 43, 48).
    #[serde(default)]
    pub prefer: Option<AgentId>,
    /// Wait for the preferred agent as long as the policy allows, whatever they do now (row 43).
    #[serde(default)]
    pub strict: bool,
    /// What whoever takes it must be able to do; the steps of the policy may give it up (row 72).
    #[serde(default)]
    pub needs: Vec<SkillId>,
    /// Head start in the queue, in minutes (F5): it counts as that much older. More than
    /// [`crate::defaults::MAX_PRIORITY_MINUTES`] counts as that.
    #[serde(default)]
    pub priority_minutes: u32,
    /// When the channel's reply window ends; none where there is no window.
    #[serde(default)]
    pub window_ends: Option<Ms>,
}

impl Arrival {
    /// Of a customer on a channel, with nothing else said about it.
    #[must_use]
    pub const fn of(customer: CustomerId, channel: ChannelAccountId, epoch: Epoch) -> Self {
        Self {
            customer,
            channel,
            group: None,
            epoch,
            anchor: None,
            prefer: None,
            strict: false,
            needs: Vec::new(),
            priority_minutes: 0,
            window_ends: None,
        }
    }
}

/// Whose hours are set. For a conversation the most specific count: its group's, else its channel's, else the
/// workspace's, else it is always open (row 42).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoursScope {
    #[default]
    Workspace,
    Channel(ChannelAccountId),
    Group(GroupId),
}

/// Whose policy is set: the workspace's, or the one of a group in place of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyScope {
    #[default]
    Workspace,
    Group(GroupId),
}

/// Whom a conversation is transferred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Anyone,
    Group(GroupId),
    Agent(AgentId),
}

/// What an agent is for the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Online,
    /// Available, though no screen is open or used: a device of theirs is reached by push (row 58).
    Background,
    Away,
    /// Not connected or inactive (Desconectado).
    #[default]
    Gone,
}

impl Presence {
    /// Whether a policy that asks for presence counts them as there.
    #[must_use]
    pub const fn is_online(self) -> bool {
        matches!(self, Self::Online | Self::Background)
    }
}

/// What is set about an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Exists, is not suspended and has the right to reply.
    pub active: bool,
    pub groups: Vec<GroupId>,
    /// Channel accounts they may answer; none means all.
    #[serde(default)]
    pub channels: Option<Vec<ChannelAccountId>>,
    /// Limit of this agent instead of the policy's.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Share of the work under the strategy Weighted, 1 to 20; outside of it the nearest counts.
    #[serde(default = "crate::row::one")]
    pub weight: u32,
    /// Place under the strategy Ranked: the lowest is served first.
    #[serde(default)]
    pub rank: u32,
    #[serde(default)]
    pub skills: Vec<SkillId>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            active: false,
            groups: Vec::new(),
            channels: None,
            limit: None,
            weight: crate::row::one(),
            rank: 0,
            skills: Vec::new(),
        }
    }
}

/// Whether a new policy touches clocks that run (row 69).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    #[default]
    NewOnly,
    OpenToo,
}

/// Everything that can happen. Rights are checked before; what depends on them comes in as a flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Fact {
    /// A conversation asks for a human: handed over by the bot, or born on a channel without one. The row already
    /// stands in `waiting` at `arrival.epoch`.
    HandedOff {
        conv: ConversationId,
        arrival: Arrival,
    },
    /// The customer wrote at `at`. Never moves an anchor that is set.
    CustomerSaid {
        conv: ConversationId,
        at: Ms,
        /// When the channel's reply window ends now; none leaves what is known.
        #[serde(default)]
        window_ends: Option<Ms>,
    },
    /// An answer of `agent`, accepted by the reply transaction, which has cleared `owed_since`.
    AgentSaid {
        conv: ConversationId,
        agent: AgentId,
        seen: Epoch,
    },
    /// An answer of the old owner that was accepted after a rotation (row 9); `seen` is the epoch it was written on.
    LateReply {
        conv: ConversationId,
        agent: AgentId,
        seen: Epoch,
    },
    /// An answer failed for good (row 7). `anchor` is what `owed_since` was set back to; none when it was answered since.
    SendFailed {
        conv: ConversationId,
        agent: AgentId,
        anchor: Option<Ms>,
    },
    /// The owner is typing to the customer.
    Typing {
        conv: ConversationId,
        agent: AgentId,
    },
    /// "I am on it": the owner asks for more time, once per ownership (row 5).
    Extended {
        conv: ConversationId,
        agent: AgentId,
        #[serde(default)]
        seen: Option<Epoch>,
    },
    /// An agent takes a conversation; `arrival` when it may be unknown here (with the bot, or closed).
    Taken {
        conv: ConversationId,
        agent: AgentId,
        #[serde(default)]
        seen: Option<Epoch>,
        /// May take what another agent holds.
        #[serde(default)]
        take_over: bool,
        /// May pass the limit up to the hard cap.
        #[serde(default)]
        may_exceed: bool,
        #[serde(default)]
        arrival: Option<Arrival>,
    },
    Transferred {
        conv: ConversationId,
        by: AgentId,
        to: Target,
        #[serde(default)]
        seen: Option<Epoch>,
        /// Leave it for later when the named agent is not available: reserved until then (row 51).
        #[serde(default)]
        deferred_until: Option<Ms>,
        /// What whoever takes it from the queue must be able to do from now on; none keeps what it asked for (row 72).
        #[serde(default)]
        needs: Option<Vec<SkillId>>,
        /// May move what others hold and pass the limit of transfers.
        #[serde(default)]
        manage_others: bool,
        /// The named agent may pass the limit up to the hard cap.
        #[serde(default)]
        may_exceed: bool,
        /// When the named agent lets the time pass, or is gone, it goes back to `by` before anybody else is asked.
        #[serde(default)]
        return_unanswered: bool,
        #[serde(default)]
        arrival: Option<Arrival>,
    },
    /// The owner gives it back, with a reason (row 74).
    Declined {
        conv: ConversationId,
        agent: AgentId,
        #[serde(default)]
        seen: Option<Epoch>,
        why: String,
    },
    /// A promise to its customer is broken (spec REP-8), and somebody set what follows: while it waits it counts as that
    /// much older, and another group is asked for it, whoever holds it. A group that does not exist, or is its own, is none.
    PromiseBroken {
        conv: ConversationId,
        #[serde(default)]
        raise_minutes: u32,
        #[serde(default)]
        to: Option<GroupId>,
    },
    /// Snoozed or put on hold by its owner.
    Parked {
        conv: ConversationId,
    },
    /// The snooze is over.
    Woken {
        conv: ConversationId,
    },
    /// Closed by an agent or, without `by`, by the system. The guard on the last message is the shell's.
    Closed {
        conv: ConversationId,
        #[serde(default)]
        by: Option<AgentId>,
        #[serde(default)]
        seen: Option<Epoch>,
        reason: CloseReason,
        #[serde(default)]
        arrival: Option<Arrival>,
    },
    /// The customer wrote inside the close tolerance (row 63): the row stands in `waiting` at `arrival.epoch`.
    Reopened {
        conv: ConversationId,
        arrival: Arrival,
        reserved_for: Option<AgentId>,
    },
    ReturnedToBot {
        conv: ConversationId,
        by: AgentId,
        #[serde(default)]
        seen: Option<Epoch>,
    },
    /// Effective presence changed. `since` is when the connection was lost or the last activity was, so that the grace
    /// of the policy is measured by the engine from there (row 56).
    Presence {
        agent: AgentId,
        now: Presence,
        since: Ms,
    },
    AgentEdited {
        agent: AgentId,
        profile: Profile,
    },
    /// A group exists (or, with `live: false`, no longer does: its conversations go to `heir`, row 68).
    GroupSet {
        group: GroupId,
        live: bool,
        default: bool,
        #[serde(default)]
        heir: Option<GroupId>,
        /// Where its conversations go when nobody is in it, or after the time below.
        #[serde(default)]
        overflow: Option<GroupId>,
        /// Open time a conversation waits here before it goes on; none means for ever.
        #[serde(default)]
        overflow_seconds: Option<u32>,
    },
    /// The whole effective policy of a scope; what a group inherits is filled in by the shell. None for a group: it
    /// follows the workspace again.
    PolicySet {
        #[serde(default)]
        scope: PolicyScope,
        policy: Option<Box<Policy>>,
        #[serde(default)]
        reach: Reach,
    },
    /// The open hours of a scope; none means it inherits.
    HoursSet {
        #[serde(default)]
        scope: HoursScope,
        hours: Option<Hours>,
    },
    /// The clocks of a group, or of all conversations, stand still until then and go on with what was left; none, or a
    /// time that has passed, ends it now. The shell allows at most
    /// [`crate::defaults::ROTATION_PAUSE_SECONDS`].
    RotationPaused {
        #[serde(default)]
        group: Option<GroupId>,
        until: Option<Ms>,
    },
    /// Time passed.
    Tick,
    /// The installation did not run for `lost_ms` (row 34).
    Gap {
        lost_ms: i64,
    },
}

impl Fact {
    /// The conversation as this fact brings it along, for when the engine does not know it.
    #[must_use]
    pub const fn brought(&self) -> Option<(ConversationId, &Arrival)> {
        match self {
            Self::HandedOff { conv, arrival } | Self::Reopened { conv, arrival, .. } => Some((*conv, arrival)),
            Self::Taken { conv, arrival, .. }
            | Self::Transferred { conv, arrival, .. }
            | Self::Closed { conv, arrival, .. } => match arrival {
                Some(arrival) => Some((*conv, arrival)),
                None => None,
            },
            _ => None,
        }
    }

    /// The conversation that leaves the engine by this fact.
    #[must_use]
    pub const fn ends(&self) -> Option<ConversationId> {
        match self {
            Self::Closed { conv, .. } | Self::ReturnedToBot { conv, .. } => Some(*conv),
            _ => None,
        }
    }
}
