//! The API on both engines: one module per noun.

mod conventions;
mod sessions;
