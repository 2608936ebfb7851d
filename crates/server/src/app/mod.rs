//! Use cases: plain synchronous functions over a transaction. Where permission, storage and events meet.
//!
//! No web framework, sockets or provider clients here, and nothing that waits.

pub mod account;
pub mod audit;
pub mod error;
pub mod fields;
pub mod groups;
pub mod invitations;
pub mod password_resets;
pub mod password_rules;
pub mod routing;
pub mod sessions;
pub mod setup;
pub mod users;
pub mod who;
pub mod workspaces;

pub use error::{AppError, AppResult, FieldError};
pub use fields::Fields;
pub use who::{Actor, Who};
