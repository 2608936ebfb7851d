//! What a batch of inputs did: everything the shell writes, answers and tells.

use crate::clock::Hours;
use crate::decision::{Decision, Reason};
use crate::fact::HoursScope;
use crate::policy::{Policy, WaitAction};
use crate::row::{AgentRow, ConvRow, Epoch, GroupRow, Head};
use ronda_domain::conversation::CloseReason;
use ronda_domain::{AgentId, ConversationId, CustomerId, GroupId, Ms, SkillId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The net effect of one or more inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// One per input, in their order.
    pub results: Vec<(i64, Answer)>,
    pub decisions: Vec<Decision>,
    /// Conversations whose row differs from before, ascending by id; one entry each.
    pub convs: Vec<ConvChange>,
    /// Agents whose row differs from before, ascending by id; one entry each.
    pub agents: Vec<AgentChange>,
    /// What people should be told besides.
    pub notices: Vec<Notice>,
    /// When time alone will change something.
    pub next_due: Option<Ms>,
    /// Hash of the state after.
    pub hash: u64,
    pub head_before: Head,
    pub head: Head,
    pub(crate) undo: Undo,
}

/// What the settings were before, for [`crate::State::revert`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Undo {
    pub policy: Option<Box<Policy>>,
    pub policies: Option<BTreeMap<GroupId, Policy>>,
    pub hours: Option<BTreeMap<HoursScope, Hours>>,
    pub pauses: Option<BTreeMap<Option<GroupId>, Ms>>,
    pub groups: Option<BTreeMap<GroupId, GroupRow>>,
}

/// The result of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Answer {
    /// Applied, or it was so already. `epoch` and `owner` are the conversation's now.
    Ok {
        epoch: Option<Epoch>,
        owner: Option<AgentId>,
    },
    /// The number was consumed before; nothing happened.
    Duplicate,
    /// Somebody was faster.
    Conflict {
        owner: Option<AgentId>,
        epoch: Epoch,
    },
    /// The agent would hold more than they may.
    HardCap {
        load: u32,
        cap: u32,
    },
    /// Given by the shell alone: a newer message of the customer exists.
    CustomerWrote,
    Refused {
        code: Refusal,
    },
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The conversation is neither waiting nor held.
    NotLive,
    NotOwner,
    UnknownAgent,
    UnknownGroup,
    /// Suspended, or without the right to reply on this channel.
    MayNotReply,
    /// The named agent is not online and the policy asks for it: choose another, or leave it for later (row 51).
    NotAvailable,
    /// The owner may not transfer to themselves.
    SameAgent,
    /// Five transfers in this episode; a supervisor may go on (row 54).
    TransferLimit,
    /// The customer already has a live conversation on this channel account (S19).
    SecondLive,
    /// A reply came later than can be undone (row 9).
    TooLate,
    /// No clock runs, so there is nothing to extend.
    NoClock,
    /// The one extension of this ownership is used up (row 5).
    Extended,
}

/// The net change of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvChange {
    /// The epoch it was planned on: the guard of the update.
    pub seen: Epoch,
    /// Set when a clock ran out in this batch: `owed_since` must still be exactly this.
    pub rotation: Option<Ms>,
    /// The row after; `place` is `closed` or `bot` when it left the engine.
    pub row: ConvRow,
    /// Set when it was closed in this batch.
    pub closed: Option<(Ms, CloseReason)>,
    /// Why the present owner has it, when the owner changed in this batch.
    pub assigned_reason: Option<Reason>,
    /// The row before; none when the engine did not know it.
    pub before: Option<ConvRow>,
}

/// The net change of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentChange {
    pub delta: i64,
    /// What the load may not pass when it grows: the guard of the update.
    pub guard: i64,
    /// The row after; `load`, `stamp` and `keep` are the planner's to write, the rest is known to the shell.
    pub row: AgentRow,
    /// The row before; none when the agent is new to the engine.
    pub before: Option<AgentRow>,
}

impl AgentChange {
    /// Whether the load row must be written: load, turn or what the engine keeps.
    #[must_use]
    pub fn writes_load(&self) -> bool {
        self.before
            .as_ref()
            .is_none_or(|b| (b.load, b.stamp, &b.keep) != (self.row.load, self.row.stamp, &self.row.keep))
    }
}

/// Something people should know: incidents and alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// Closed while the customer was owed a reply (row 65).
    ClosedUnanswered {
        conversation: ConversationId,
        owner: Option<AgentId>,
        owed_since: Ms,
    },
    /// Handed over to a group that does not exist (row 61).
    UnknownGroup {
        conversation: ConversationId,
        group: GroupId,
    },
    /// All rounds passed without an answer (row 10).
    Exhausted {
        conversation: ConversationId,
        owner: AgentId,
    },
    /// The time is over and nobody else can have it (rows 11–13).
    KeptOverdue {
        conversation: ConversationId,
        owner: AgentId,
    },
    /// The time is over and it waits because nobody is there (row 12).
    NobodyAvailable { conversation: ConversationId },
    /// Somebody holds more than their limit by a take, transfer or return (rows 26, 27).
    OverLimit {
        conversation: ConversationId,
        agent: AgentId,
        load: u32,
        limit: u32,
    },
    /// Nobody is in the group, and there is no other to go to (row 68).
    EmptyGroup {
        conversation: ConversationId,
        group: GroupId,
    },
    /// Nobody of those asked can do what is asked for: told at once, not after a time (row 72).
    NobodyHasSkill {
        conversation: ConversationId,
        skill: SkillId,
        members: u32,
    },
    /// The longest wait is over; the shell tells the customer what the action says (row 71).
    WaitOver {
        conversation: ConversationId,
        group: Option<GroupId>,
        waited_ms: i64,
        action: WaitAction,
        /// What the customer is told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// It is still exhausted: level 2 and further ones; the first is [`Notice::Exhausted`].
    Escalated {
        conversation: ConversationId,
        group: Option<GroupId>,
        level: u8,
    },
    /// The channel's reply window ends soon and the customer is owed a reply (row 65).
    WindowEnds {
        conversation: ConversationId,
        owner: Option<AgentId>,
        ends: Ms,
        minutes: u32,
    },
    /// The customer's own agent is no longer active: the shell forgets that they are theirs (row 46).
    AffinityEnded {
        conversation: ConversationId,
        customer: CustomerId,
        agent: AgentId,
    },
    /// An answer could not be delivered (row 7).
    SendFailed {
        conversation: ConversationId,
        agent: AgentId,
    },
    /// An agent left a group and still holds conversations of it (row 67).
    HoldsOutsideGroup { agent: AgentId, conversations: u32 },
    /// The shell sets the agent's state to Away with the reason "no answer"; one click brings them back (row 15).
    MarkAway { agent: AgentId, strikes: u8 },
    /// Gets nothing new until then; any sign of life ends it (row 15).
    CoolingDown { agent: AgentId, strikes: u8, until: Ms },
    /// The team cannot answer in time what it holds; told once per conversation and owner (row 14).
    Saturated {
        conversation: ConversationId,
        owner: AgentId,
        unanswered: u32,
        answering: u32,
    },
    /// Both hear that a reply came just after a rotation and was accepted (row 9).
    LateReply {
        conversation: ConversationId,
        returned_to: AgentId,
        from: AgentId,
    },
}
