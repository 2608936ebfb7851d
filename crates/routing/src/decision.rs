//! What was decided, why, and who was considered.

use crate::policy::{Strategy, WaitAction};
use crate::row::Epoch;
use ronda_domain::conversation::{CloseReason, Place};
use ronda_domain::{AgentId, ConversationId, GroupId, Ms, SkillId};
use serde::{Deserialize, Serialize};

/// A decision. Each change of an epoch is exactly one decision; some decisions change none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Dense number in the workspace.
    pub seq: i64,
    pub at: Ms,
    /// Number of the input that caused it.
    pub cause: i64,
    pub policy_version: i64,
    /// None for decisions about the workspace (amnesty).
    pub conversation: Option<ConversationId>,
    pub epoch_before: Epoch,
    pub epoch_after: Epoch,
    pub act: Act,
    pub from: Option<AgentId>,
    pub to: Option<AgentId>,
    pub reason: Reason,
    pub funnel: Funnel,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Waits for an agent now.
    Enqueue,
    Assign,
    Rotate,
    /// The clock ran out and the owner keeps it.
    Keep,
    /// The clock ran out and it waits again.
    Release,
    /// Taken from an agent who is gone or was deactivated; waits at its anchor.
    Requeue,
    /// All rounds are used; waits until somebody shows life.
    Exhaust,
    Take,
    Transfer,
    Decline,
    /// Back to the old owner, whose reply came late.
    Return,
    Close,
    ReturnToBot,
    /// The clock was extended because the owner types.
    Extend,
    /// The clock was set again for the same owner.
    Rearm,
    /// Clocks stand still, or go on.
    Pause,
    /// A reservation ended.
    Unreserve,
    Amnesty,
    MarkAway,
    CoolDown,
    Regroup,
    /// Moved to another group because nobody is in its own, or for time.
    Overflow,
    /// A step of its wait: others are asked, or it counts as older.
    Widen,
    /// Its longest wait is over.
    WaitOver,
    /// Its place rises because the reply window of the channel ends.
    Raise,
    /// It was exhausted for so long that more people are told.
    Escalate,
}

impl Act {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enqueue => "enqueue",
            Self::Assign => "assign",
            Self::Rotate => "rotate",
            Self::Keep => "keep",
            Self::Release => "release",
            Self::Requeue => "requeue",
            Self::Exhaust => "exhaust",
            Self::Take => "take",
            Self::Transfer => "transfer",
            Self::Decline => "decline",
            Self::Return => "return",
            Self::Close => "close",
            Self::ReturnToBot => "return_to_bot",
            Self::Extend => "extend",
            Self::Rearm => "rearm",
            Self::Pause => "pause",
            Self::Unreserve => "unreserve",
            Self::Amnesty => "amnesty",
            Self::MarkAway => "mark_away",
            Self::CoolDown => "cool_down",
            Self::Regroup => "regroup",
            Self::Overflow => "overflow",
            Self::Widen => "widen",
            Self::WaitOver => "wait_over",
            Self::Raise => "raise",
            Self::Escalate => "escalate",
        }
    }
}

/// Why, as a code with parameters: `{"code": "no_answer", "params": {…}}`. Texts are the client's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", content = "params", rename_all = "snake_case")]
pub enum Reason {
    /// Enqueue: asks for a human for the first time in this episode.
    Arrived,
    /// Enqueue: the group does not exist; the default group, or anybody, is asked instead.
    UnknownGroup {
        group: GroupId,
    },
    /// Enqueue: the customer's own agent is passed over.
    PreferredSkipped {
        agent: AgentId,
        why: Skip,
    },
    /// Enqueue: reopened by its customer, and the last owner cannot have it.
    Reopened,
    /// Enqueue: kept for an agent until then.
    KeptFor {
        agent: AgentId,
        until: Ms,
    },
    /// Assign: the next in turn.
    InTurn {
        strategy: Strategy,
        waited_ms: i64,
    },
    /// Assign: the customer's own agent.
    Affinity,
    /// Assign: it was reserved for this agent.
    Reserved,
    /// Assign: back to the last owner inside the close tolerance; the limit may be passed.
    ReopenedToOwner {
        load: u32,
        limit: Option<u32>,
    },
    /// Assign: an exhausted conversation; this agent has just shown life.
    ProofOfLife,
    /// Rotate: the owner did not answer in time.
    NoAnswer {
        after_ms: i64,
        round: u8,
    },
    /// Return: the agent it was transferred to did not answer in time, or is gone, and the sender had asked for it back.
    CameBack {
        after_ms: i64,
    },
    /// Rotate: the time was over before, and now somebody is available.
    NowAvailable {
        round: u8,
    },
    /// Keep: nobody else may have it.
    OnlyCandidate {
        round: u8,
        next_at: Option<Ms>,
    },
    /// Keep: the whole team is busy answering, the owner too; moving it would help nobody (row 14).
    Saturated {
        unanswered: u32,
        answering: u32,
        reply_ms: i64,
        next_at: Option<Ms>,
    },
    /// Keep or release: nobody at all may have it.
    NobodyAvailable {
        round: u8,
        next_at: Option<Ms>,
    },
    /// Keep or release: everybody else who may have it is full.
    AllFull {
        round: u8,
        next_at: Option<Ms>,
    },
    /// Exhaust: all rounds passed without an answer.
    RoundsUsed {
        rounds: u8,
        moves: u32,
    },
    /// Requeue: the owner is not there.
    OwnerGone,
    /// Requeue: the owner was deactivated.
    OwnerDeactivated,
    /// Take.
    Taken {
        from: Place,
        over_limit: bool,
    },
    /// Transfer.
    Transferred {
        by: AgentId,
        over_limit: bool,
    },
    /// Transfer: left for later.
    Deferred {
        by: AgentId,
        until: Ms,
    },
    /// Decline, with the agent's words.
    Declined {
        why: String,
    },
    /// Return.
    LateReply,
    /// Close. `owed_since` when the customer was still owed a reply (an incident).
    Closed {
        by: Option<AgentId>,
        reason: CloseReason,
        owed_since: Option<Ms>,
    },
    ReturnedToBot {
        by: AgentId,
    },
    /// Extend.
    Typing {
        by_ms: i64,
    },
    /// Extend: the owner said that they are on it.
    Asked {
        by_ms: i64,
    },
    /// Rearm: the answer could not be delivered.
    SendFailed,
    /// Unreserve.
    ReservationOver,
    /// Mark away, or cool down until then: so many deadlines passed without any sign of life.
    NoLife {
        strikes: u8,
        until: Option<Ms>,
    },
    /// Regroup: the group was deleted, and this one inherits.
    GroupDeleted {
        group: GroupId,
        heir: GroupId,
    },
    /// Pause: the clocks of the group, or of all, stand still until then; none when they go on.
    RotationPaused {
        group: Option<GroupId>,
        until: Option<Ms>,
        clocks: u32,
    },
    /// Overflow: nobody is in the group, or it waited there long enough.
    Overflow {
        from: GroupId,
        to: GroupId,
        empty: bool,
    },
    /// Widen: a step was entered, the first is 1.
    Step {
        step: u8,
        skills_dropped: bool,
        groups: Vec<GroupId>,
        raise_minutes: u32,
    },
    /// Raise, or overflow: a promise to its customer was broken, and this follows.
    PromiseBroken {
        raise_minutes: u32,
        to: Option<GroupId>,
    },
    /// Wait over, or return to bot.
    LongestWait {
        waited_ms: i64,
        action: WaitAction,
    },
    /// Raise: the reply window ends then.
    WindowEnds {
        ends: Ms,
        raise_minutes: u32,
    },
    /// Escalate: the first level is told when the rounds are used up.
    StillExhausted {
        level: u8,
    },
    /// Amnesty: the clocks did not run while nobody could see anything.
    OutageOver {
        lost_ms: i64,
        clocks: u32,
    },
}

/// Why a preferred agent is passed over (rows 46, 47).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// Nobody knows them any more, or they are not active.
    Inactive,
    /// Left the target group.
    NotMember,
    NoReplyRight,
    Excluded,
    /// Lacks a skill that is asked for.
    Skill,
    /// Holds as many by affinity as they may.
    Ceiling,
    /// Not there, or without room, and the policy does not wait for that.
    NotNow,
}

/// Why an agent did not get it, in the order of the tests. The first that fails is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reject {
    Inactive,
    /// May not reply on the channel.
    NoReplyRight,
    Excluded,
    NotOnline,
    /// Lacks a skill that is asked for.
    Skill,
    /// Has had it in this round, or in all rounds when it is exhausted.
    Missed,
    /// It is kept for somebody else.
    Reserved,
    /// It was older than the threshold when assignment was switched on (row 70).
    SetAside,
    /// Missed several in a row without any sign of life; nothing new for a while.
    Cooling,
    /// Paced after becoming available.
    Ramp,
    Full,
    /// Automatic assignment is switched off.
    SwitchedOff,
    /// Outside the open hours nothing is assigned automatically (rows 38, 39).
    Closed,
    /// Could have had it; another was before them.
    Outranked,
}

/// A number of agents and why they did not get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    pub reason: Reject,
    pub count: u32,
}

/// One of the agents in front when the choice was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finalist {
    pub agent: AgentId,
    pub load: u32,
    pub limit: Option<u32>,
    pub last_assigned_at: Option<Ms>,
    /// There by push alone (row 58).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
}

/// What decided between the finalists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TieBreak {
    /// There was no choice.
    #[default]
    None,
    /// The lowest share of the limit.
    Spare,
    /// Recent proof of life, in a rotation.
    Life,
    /// The fewest turns for their weight.
    Weight,
    /// The highest share of the limit.
    Fill,
    /// The lowest rank.
    Rank,
    /// The oldest turn.
    Turn,
    /// Neither had had a turn: the smaller id.
    Id,
    /// The agent was named: preferred, reserved, taken, transferred, returned.
    Named,
}

/// Who was considered. The counts in `lost`, plus one when somebody was chosen by it, add up to `members`.
///
/// A manual act considers nobody: its funnel is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funnel {
    /// Members of the target group (all agents when there is none).
    pub members: u32,
    /// Active ones among them who are there by push alone: no screen of theirs is open or used (row 58).
    #[serde(default, skip_serializing_if = "nobody")]
    pub background: u32,
    /// Without zeros, in the order of the tests.
    pub lost: Vec<Lost>,
    /// The first in order of the strategy, the chosen one first.
    pub finalists: Vec<Finalist>,
    pub chosen: Option<AgentId>,
    pub by: TieBreak,
    /// Skills that are asked for, and how many of the active members have each (row 72).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<SkillCount>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
const fn nobody(n: &u32) -> bool {
    *n == 0
}

/// A skill and who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillCount {
    pub skill: SkillId,
    pub have: u32,
}

impl Funnel {
    /// Whether the counts add up (S20).
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let lost: u64 = self.lost.iter().map(|l| u64::from(l.count)).sum();
        lost + u64::from(self.chosen.is_some()) == u64::from(self.members)
    }
}
