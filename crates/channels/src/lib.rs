//! Channels: what providers deliver becomes [`inbound`] events, what Ronda says becomes provider requests.
//!
//! One folder per channel, and the same four files in each: `wire` (the provider's JSON, read tolerantly), `parse`
//! (bytes of a webhook → [`inbound::Inbound`]), `render` (content → request body, refused early when it breaks a limit)
//! and `client` (the only HTTP towards the provider; answers become [`outcome::SendOutcome`]). `signature` proves who
//! sent a webhook. `wire`, `parse` and `render` are pure; nothing here knows a workspace, a database or a retry policy.
//!
//! A further channel is a sibling folder with the same files: it parses into the types of [`inbound`] (a page-scoped
//! id is [`inbound::Sender::user_id`], the page or profile is [`inbound::InboundEvent::account_external_id`]), renders
//! [`ronda_domain::content::Content`] under its own row of [`ronda_domain::channel::limits`] and answers with
//! [`outcome::SendOutcome`]. The server then differs only in which folder it calls for a channel kind.

pub mod inbound;
pub mod outcome;
pub mod push;
pub mod sandbox;
pub mod signature;
pub mod whatsapp;
