//! The API on both engines: one module per noun.

mod account;
mod affinities;
mod agents;
mod assignment;
mod audit;
mod authorisation;
mod conventions;
mod conversations;
mod customers;
mod groups;
mod hours;
mod incidents;
mod invitations;
mod journey;
mod messages;
mod operator;
mod password_resets;
mod reports;
mod rights;
mod sessions;
mod transfers;
mod users;
mod wall;
mod webhooks;
mod whatsapp;
mod workspaces;
