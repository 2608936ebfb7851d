//! Use cases: plain synchronous functions over a transaction. Where permission, storage and events meet.
//!
//! No web framework, sockets or provider clients here, and nothing that waits.

pub mod account;
pub mod affinities;
pub mod after_hours;
pub mod alerts;
pub mod audit;
pub mod candidates;
pub mod channel_accounts;
pub mod civil;
pub mod commands;
pub mod conversations;
pub mod corrections;
pub mod customers;
pub mod decisions;
pub mod delivery;
pub mod email_changes;
pub mod error;
pub mod fairness;
pub mod fields;
pub mod greeter;
pub mod groups;
pub mod holidays;
pub mod hours;
pub mod incidents;
pub mod invitations;
pub mod outgoing;
pub mod password_resets;
pub mod password_rules;
pub mod pauses;
pub mod policies;
pub mod polite;
pub mod presence;
pub mod push_devices;
pub mod receive;
pub mod replays;
pub mod reply;
pub mod reports;
pub mod routing;
pub mod scope;
pub mod service_levels;
pub mod sessions;
pub mod setup;
pub mod skills;
pub mod start;
pub mod users;
pub mod views;
pub mod visitor_profiles;
pub mod visitors;
pub mod wall;
pub mod wall_links;
pub mod who;
pub mod workspaces;

pub use error::{AppError, AppResult, FieldError};
pub use fields::Fields;
pub use who::{Actor, Who};
