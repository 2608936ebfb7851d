//! What would have happened: customers and agents around the real assignment engine.
//!
//! The cast: a [`Setup`] (the rows an engine begins with, the chats that arrive, how each agent works), a seed, and a
//! [`Run`] (what people would have felt). The plot: [`run`] plays arrivals, shifts, reading, typing and answers in the
//! order of their times, tells each to `ronda_routing::step` as the product does, and lets agents work on what the
//! engine gave them: one chat at a time, the oldest first. Nothing here decides who gets a chat.
//!
//! On it stand the public [`scenario`]s (docs/SIMULATION.md) and the [`mod@replay`] of recorded traffic under another policy.
//! [`expect`] are the tests that administrators write: one chat, and who must get it.
//!
//! What is absent: clocks, floats, threads, I/O, and randomness that does not come from the seed. The same setup and
//! seed give the same run on every machine.

pub mod chance;
pub mod expect;
pub mod measure;
pub mod replay;
pub mod scenario;
pub mod sim;

pub use chance::{Chance, Span};
pub use measure::{AgentRun, Interval, Run};
pub use sim::{Chat, Pace, Setup, Worker, run};
