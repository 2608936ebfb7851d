//! Every statement of the product, so that tests can prepare and explain each on both engines. A file that uses
//! `statements!` and is not listed here fails `tests/statements.rs`.

use crate::Statement;

/// The statements by file.
pub static ALL: &[(&str, &[&Statement])] = &[
    ("accounts", crate::accounts::STATEMENTS),
    ("affinities", crate::affinities::STATEMENTS),
    ("agents", crate::agents::STATEMENTS),
    ("alerts", crate::alerts::STATEMENTS),
    ("audit", crate::audit::STATEMENTS),
    ("candidates", crate::candidates::STATEMENTS),
    ("channel_accounts", crate::channel_accounts::STATEMENTS),
    ("checks", crate::checks::STATEMENTS),
    ("conversations", crate::conversations::STATEMENTS),
    ("customers", crate::customers::STATEMENTS),
    ("decisions", crate::decisions::STATEMENTS),
    ("drafts", crate::drafts::STATEMENTS),
    ("email_changes", crate::email_changes::STATEMENTS),
    ("events", crate::events::STATEMENTS),
    ("files", crate::files::STATEMENTS),
    ("groups", crate::groups::STATEMENTS),
    ("hours", crate::hours::STATEMENTS),
    ("idempotency", crate::idempotency::STATEMENTS),
    ("incidents", crate::incidents::STATEMENTS),
    ("installation", crate::installation::STATEMENTS),
    ("invitations", crate::invitations::STATEMENTS),
    ("journal", crate::journal::STATEMENTS),
    ("messages", crate::messages::STATEMENTS),
    ("nodes", crate::nodes::STATEMENTS),
    ("outbox", crate::outbox::STATEMENTS),
    ("parked", crate::parked::STATEMENTS),
    ("presence", crate::presence::STATEMENTS),
    ("routing", crate::routing::STATEMENTS),
    ("service_levels", crate::service_levels::STATEMENTS),
    ("sessions", crate::sessions::STATEMENTS),
    ("skills", crate::skills::STATEMENTS),
    ("timers", crate::timers::STATEMENTS),
    ("users", crate::users::STATEMENTS),
    ("visitors", crate::visitors::STATEMENTS),
    ("wall_links", crate::wall_links::STATEMENTS),
    ("workspaces", crate::workspaces::STATEMENTS),
];
