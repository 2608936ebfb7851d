//! Every statement of the product, so that tests can prepare and explain each on both engines. A file that uses
//! `statements!` and is not listed here fails `tests/statements.rs`.

use crate::Statement;

/// The statements by file.
pub static ALL: &[(&str, &[&Statement])] = &[
    ("channel_accounts", crate::channel_accounts::STATEMENTS),
    ("conversations", crate::conversations::STATEMENTS),
    ("customers", crate::customers::STATEMENTS),
    ("events", crate::events::STATEMENTS),
    ("journal", crate::journal::STATEMENTS),
    ("messages", crate::messages::STATEMENTS),
    ("outbox", crate::outbox::STATEMENTS),
    ("routing", crate::routing::STATEMENTS),
    ("workspaces", crate::workspaces::STATEMENTS),
];
