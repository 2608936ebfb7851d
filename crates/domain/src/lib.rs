//! The words of the business: typed ids, closed enums, message contents, permissions, limits and domain events.
//!
//! Nothing here waits, reads a clock, opens a socket or knows a database. Everything that is parsed from the
//! outside becomes one of these types or an error that names what is wrong.

pub mod agent;
pub mod channel;
pub mod content;
pub mod conversation;
pub mod event;
pub mod ids;
pub mod permission;
pub mod phone;
pub mod search;
pub mod time;

pub use ids::*;
pub use time::{Clock, Ms};
