//! Every SQL statement of Ronda, and the two databases that run them from one text.
//!
//! *A connection is a thread, a transaction is a closure.* [`Db::write`] and [`Db::read`] are futures outside and plain
//! synchronous code inside; use cases are ordinary functions over a [`Tx`]. SQLite runs waiting closures as members
//! of a group with one durable commit for all (`sqlite.rs`); PostgreSQL runs each closure as one READ COMMITTED
//! transaction on a thread that owns its connection (`pg.rs`).
//!
//! What must never be here: decisions, permissions, text for people, or a function that reads a workspace's rows
//! without naming the workspace.

pub mod accounts;
pub mod affinities;
pub mod agents;
pub mod alerts;
pub mod audit;
pub mod backup;
pub mod candidates;
pub mod channel_accounts;
pub mod checks;
pub mod conversations;
mod crash;
pub mod customers;
mod db;
pub mod decisions;
pub mod drafts;
pub mod email_changes;
mod error;
pub mod events;
pub mod files;
pub mod groups;
pub mod hours;
pub mod idempotency;
pub mod incidents;
pub mod installation;
pub mod invitations;
pub mod journal;
pub mod messages;
pub mod migrate;
pub mod nodes;
pub mod outbox;
pub mod parked;
mod pg;
pub mod presence;
pub mod push_devices;
mod queue;
pub mod routing;
mod row;
pub mod service_levels;
pub mod sessions;
pub mod skills;
mod sqlite;
mod statement;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timers;
pub mod transfer;
mod tx;
pub mod users;
mod value;
pub mod visitors;
mod wake;
pub mod wall_links;

pub mod registry;
pub mod workspaces;

pub use crash::crash_point;
#[cfg(feature = "testing")]
pub use crash::{ARMED as CRASH_ARMED, VARIABLE as CRASH_POINT};
pub use db::{Db, DbConfig, Engine, Lane};
pub use error::{StoreError, StoreResult};
pub use events::StoredEvent;
pub use queue::MaybeRetry;
pub use row::Row;
pub use statement::{ColumnType, Statement};
pub use tx::Tx;
pub use value::{Rows, Value};
pub use wake::{Wake, WakeSink};
