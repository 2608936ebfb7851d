//! The API on both engines: one module per noun.

mod conventions;
mod groups;
mod invitations;
mod sessions;
mod users;
