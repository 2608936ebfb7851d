//! What can go wrong below the use cases.

/// The result of anything that touches the database.
pub type StoreResult<T> = Result<T, StoreError>;

/// An error of the storage layer. Callers act on the first group; the rest is logged once at the boundary.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// [`crate::Tx::one`] found no row.
    #[error("no such row")]
    NotFound,
    /// A unique key or check refused the write.
    #[error("constraint: {0}")]
    Constraint(String),
    /// The queue of waiting transactions is full, or the database cannot be reached: answer 503 and try later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The connection was lost while committing: read back by the unique key before saying anything.
    #[error("the outcome of the commit is unknown")]
    CommitUnknown,
    /// The closure stayed open longer than the limit and was rolled back.
    #[error("transaction {name} was open for {millis} ms and was rolled back")]
    TooLong { name: &'static str, millis: u64 },
    /// A guard's row count differed from the plan; the closure wants to be rolled back.
    #[error("guard failed: {0}")]
    Guard(&'static str),
    /// Our own data does not parse: names table and column.
    #[error("bad data in {place}: {detail}")]
    BadData { place: &'static str, detail: String },
    #[error("sqlite: {0}")]
    Sqlite(rusqlite::Error),
    #[error("postgres: {0}")]
    Postgres(String),
    /// Deadlock or serialisation failure: run again.
    #[error("conflict with another transaction")]
    Retry,
    #[error("transaction {0} panicked")]
    Panicked(&'static str),
    #[error("{0}")]
    Other(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        match &error {
            rusqlite::Error::QueryReturnedNoRows => Self::NotFound,
            rusqlite::Error::SqliteFailure(e, text) => match e.code {
                C::ConstraintViolation => Self::Constraint(text.clone().unwrap_or_else(|| e.to_string())),
                C::DatabaseBusy | C::DatabaseLocked | C::CannotOpen | C::DiskFull | C::SystemIoFailure => {
                    Self::Unavailable(error.to_string())
                }
                _ => Self::Sqlite(error),
            },
            _ => Self::Sqlite(error),
        }
    }
}

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> Self {
        use std::error::Error as _;
        let Some(db) = error.as_db_error() else {
            if error.is_closed() || error.source().is_some_and(|s| s.is::<std::io::Error>()) {
                return Self::Unavailable(error.to_string());
            }
            let cause = error.source().map(|s| format!(": {s}")).unwrap_or_default();
            return Self::Postgres(format!("{error}{cause}"));
        };
        let code = db.code().code();
        match code {
            "40001" | "40P01" | "55P03" => Self::Retry,
            c if c.starts_with("23") => {
                Self::Constraint(format!("{} ({})", db.message(), db.constraint().unwrap_or_default()))
            }
            // Shutdown, too many connections, out of disk.
            c if c.starts_with("57P") || c.starts_with("53") || c.starts_with("08") => {
                Self::Unavailable(db.message().to_owned())
            }
            _ => Self::Postgres(format!("{code} {}", db.message())),
        }
    }
}
