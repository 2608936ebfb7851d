//! WhatsApp Cloud API.

pub mod client;
pub mod errors;
pub mod parse;
pub mod render;
pub mod wire;

pub use client::{GraphClient, GraphConfig};
pub use parse::parse;
pub use render::{Recipient, Refusal, read_receipt, render};
