//! Every statement of the product, so that tests can prepare and explain each on both engines. A file that uses
//! `statements!` and is not listed here fails `tests/statements.rs`.

use crate::Statement;

/// The statements by file.
pub static ALL: &[(&str, &[&Statement])] = &[("events", crate::events::STATEMENTS)];
