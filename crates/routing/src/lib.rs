//! The assignment engine: which agent gets which conversation, when it moves on, and why.
//!
//! The cast: a [`State`] per workspace, an [`Input`] (a numbered [`Fact`] with its time), and an [`Outcome`] (what
//! changed, and the explanation of each decision). The plot: [`step`] raises the time, fires what is due, applies the
//! fact, gives waiting conversations to agents until nothing more can be given, and reports the net effect. The shell
//! writes the outcome in one transaction guarded by epochs and loads, and keeps the new state only after the commit;
//! when the commit fails it calls [`State::revert`].
//!
//! What is absent: clocks, randomness, floats, threads, I/O, and any iteration in hash order. The same rows and inputs
//! give the same decisions and the same hash on every machine. No fact is refused with a panic: what cannot be done is
//! answered in [`Answer`] and changes nothing.
//!
//! Rules and words are those of the routing reference (`row n` in comments and tests is a row of its table of cases).

mod apply;
mod busy;
pub mod check;
pub mod clock;
mod command;
pub mod decision;
pub mod defaults;
mod dispatch;
mod engine;
mod explain;
pub mod fact;
mod hash;
mod index;
pub mod outcome;
pub mod policy;
mod preview;
mod replay;
mod rotate;
pub mod row;
mod settings;
mod state;
pub mod survey;
mod wait;
mod work;

pub use check::{Violation, check};
pub use clock::{Hours, add_open, is_open, next_opening, open_between};
pub use decision::{Act, Decision, Finalist, Funnel, Lost, Reason, Reject, SkillCount, Skip, TieBreak};
pub use engine::{plan, run, step};
pub use explain::{Change, NextChange, Position, next_change, next_for, position, why_waiting};
pub use fact::{Arrival, Fact, HoursScope, Input, PolicyScope, Presence, Profile, Reach, Target};
pub use outcome::{AgentChange, Answer, ConvChange, Notice, Outcome, Refusal};
pub use policy::{
    Affinity, Finding, FindingCode, HardCap, MaxWait, OnGone, Policy, PresenceRule, Preset, RampRule, ReplyScope,
    Severity, Step, Strategy, WaitAction, World,
};
pub use preview::{Preview, preview};
pub use replay::{Replayed, Verdict, replay};
pub use row::{AgentKeep, AgentRow, ConvKeep, ConvRow, Epoch, GroupRow, Head, Origin, Ramp, Rows};
pub use state::State;
pub use survey::{Survey, survey, survey_of};
