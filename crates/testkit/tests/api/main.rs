//! The API on both engines: one module per noun.

mod account;
mod audit;
mod authorisation;
mod conventions;
mod groups;
mod invitations;
mod journey;
mod operator;
mod password_resets;
mod sessions;
mod users;
mod workspaces;
