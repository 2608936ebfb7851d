//! WhatsApp Cloud API.

pub mod errors;
