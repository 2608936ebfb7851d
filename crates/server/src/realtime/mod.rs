//! Real time: who listens, what they may see, and the sockets. Nothing here cannot be rebuilt from the database: the
//! event log is the only source of what is sent (architecture.md §9), and only marks such as typing are not in it.

pub mod bus;
pub mod hub;
pub mod socket;
pub mod visitor;
