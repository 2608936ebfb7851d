//! Every number of the engine that is a choice, in one table. A test pins them; the routing reference is their source.

/// The longest time to answer of the model configuration Sales, in seconds.
pub const SALES_REASSIGN_SECONDS: u32 = 60;
/// The longest time to answer of the model configuration Support, in seconds.
pub const SUPPORT_REASSIGN_SECONDS: u32 = 600;
/// The limit of the model configuration Support.
pub const SUPPORT_LIMIT: u32 = 10;
/// Shortest and longest time to answer that may be set, in seconds.
pub const REASSIGN_SECONDS: (u32, u32) = (15, 86_400);
/// Smallest and largest limit that may be set in a policy.
pub const LIMIT: (u32, u32) = (1, 200);
/// Rounds through all candidates before a conversation counts as exhausted (row 10).
pub const ROUNDS: u8 = 3;
/// Most rounds that may be set.
pub const MAX_ROUNDS: u8 = 10;
/// The time to answer of each round as a share of the round before, in percent: N, 2N, 4N (row 10).
pub const BACKOFF_PERCENT: u32 = 200;
/// Largest growth between rounds that may be set, in percent.
pub const MAX_BACKOFF_PERCENT: u32 = 1_000;
/// Conversations given at once to an agent who becomes available (row 23).
pub const RAMP_INITIAL: u32 = 3;
/// Seconds between the further ones (row 23); 0 switches the ramp off.
pub const RAMP_INTERVAL_SECONDS: u32 = 60;
/// The hard cap is the limit plus the larger of this number and the share below (row 26).
pub const HARD_CAP_EXTRA: u32 = 2;
/// Share of the limit, in percent (row 26).
pub const HARD_CAP_PERCENT: u32 = 20;
/// Seconds between losing an agent and moving the conversations that owe a first reply (row 56).
pub const GONE_GRACE_SECONDS: u32 = 120;
/// A typing signal at most this old extends the clock (row 5), in milliseconds.
pub const TYPING_FRESH_MS: i64 = 10_000;
/// Longest extension for typing, in seconds; never more than half of the time to answer (row 5).
pub const TYPING_GRACE_SECONDS: u32 = 60;
/// Seconds a conversation is kept for its preferred agent who is absent (row 43).
pub const AFFINITY_ABSENT_SECONDS: u32 = 0;
/// Seconds a conversation is kept for its preferred agent who is full (row 44).
pub const AFFINITY_FULL_SECONDS: u32 = 60;
/// Deadlines without any sign of life after which an agent gets nothing new for a while (row 15); 0 switches it off.
pub const STRIKES: u8 = 2;
/// Most strikes that may be set.
pub const MAX_STRIKES: u8 = 20;
/// Seconds of the cool-down under any presence (row 15).
pub const COOL_DOWN_SECONDS: u32 = 600;
/// Each further cool-down without a sign of life is twice as long, up to this many seconds: who is absent for a day costs
/// an hour one chat, and who comes back without saying so is not forgotten for longer.
pub const COOL_DOWN_LONGEST_SECONDS: u32 = 3_600;
/// How recent a proof of life must be for a rotation to prefer the agent (§1.3), in milliseconds.
pub const LIFE_FRESH_MS: i64 = 300_000;
/// Smallest and largest weight of an agent under the strategy Weighted.
pub const WEIGHT: (u32, u32) = (1, 20);
/// A turn of an agent with weight 1, in units that every weight and its double divide: cycles are exact (F3).
pub const TURN_UNITS: u64 = 465_585_120;
/// Transfers in one episode, after which only a supervisor may transfer (row 54).
pub const MAX_TRANSFERS: u32 = 5;
/// Waiting conversations older than this are counted apart when assignment is switched on (row 70), in seconds.
pub const MAX_BACKLOG_AGE_SECONDS: u32 = 86_400;
/// A gap between ticks that is longer than this moves every armed clock (row 34), in milliseconds.
pub const AMNESTY_GAP_MS: i64 = 30_000;
/// Time after a rotation in which the old owner's reply is still accepted (row 9), in milliseconds. The reply
/// transaction checks it; the engine only returns the ownership.
pub const LATE_REPLY_MS: i64 = 10_000;
/// Exhausted conversations that one answer or one freed slot brings back to that agent (row 10).
pub const REENTER_PER_PROOF: u32 = 1;
/// What an unlimited agent counts as when spare capacity is compared: the largest limit that can be set.
pub const NOMINAL_LIMIT: u32 = 200;
/// Largest head start a conversation may come with, or be given by a step, in minutes: one day.
pub const MAX_PRIORITY_MINUTES: u32 = 1_440;
/// How the place in the queue rises near the end of a channel's reply window (row 65): minutes before the end, and the
/// head start from then on in minutes. The last is told to supervisors.
pub const WINDOW_STEPS: [(u32, u32); 3] = [(240, 60), (120, 240), (60, 1_440)];
/// Longest pause of rotation by a supervisor, in seconds.
pub const ROTATION_PAUSE_SECONDS: u32 = 3_600;
/// Seconds in open time between the ends of the rounds and each further level of escalation (row 10).
pub const ESCALATION_SECONDS: [u32; 2] = [300, 900];
/// Seconds of the strict hold of a conversation for its agent, when it asks for one and the policy sets none (row 43).
pub const AFFINITY_STRICT_SECONDS: u32 = 3_600;
/// Smallest and largest values that may be set of what has no finding of its own; times in seconds.
pub const TYPING_GRACE_RANGE: (u32, u32) = (0, 600);
pub const RAMP_INITIAL_RANGE: (u32, u32) = (0, 200);
pub const RAMP_INTERVAL_RANGE: (u32, u32) = (0, 3_600);
pub const HARD_CAP_EXTRA_RANGE: (u32, u32) = (0, 200);
pub const HARD_CAP_PERCENT_RANGE: (u32, u32) = (0, 200);
pub const GONE_GRACE_RANGE: (u32, u32) = (0, 3_600);
pub const AFFINITY_HOLD_RANGE: (u32, u32) = (0, 86_400);
pub const AFFINITY_STRICT_RANGE: (u32, u32) = (1, 86_400);
pub const AFFINITY_CEILING_RANGE: (u32, u32) = (1, 200);
pub const MAX_TRANSFERS_RANGE: (u32, u32) = (0, 100);
/// A second to thirty days.
pub const MAX_BACKLOG_AGE_RANGE: (u32, u32) = (1, 2_592_000);
/// Most steps of a policy.
pub const MAX_STEPS: usize = 10;
/// Finalists kept in an explanation.
pub const FINALISTS: usize = 3;

/// Deadlines that one input fires before it lets others have their turn. Source: row 78, architecture.md §8, T4.
pub const DEADLINES: usize = 200;
