//! Copies of the SQLite database: taken while the server runs, examined, and made safe to start from.

use crate::{StoreError, StoreResult, sqlite};
use ronda_domain::Ms;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows of the tables that people would miss, by table.
pub type Counts = BTreeMap<String, i64>;

const COUNTED: [&str; 8] = [
    "workspace",
    "account",
    "agent",
    "channel_account",
    "customer",
    "conversation",
    "message",
    "file",
];

/// Copies the database to a new file. One reading transaction for all of it, so the copy is consistent, the server
/// goes on writing, and a busy server cannot make the copy start again as page-wise copying would.
///
/// # Errors
/// When the source cannot be read or the target exists.
pub fn snapshot(from: &Path, to: &Path) -> StoreResult<()> {
    if !from.exists() {
        return Err(StoreError::Other(format!("there is no database at {}", from.display())));
    }
    let connection = sqlite::connect(from, false)?;
    connection.execute("vacuum into ?1", [to.to_string_lossy()])?;
    std::fs::File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(|e| StoreError::Unavailable(e.to_string()))
}

/// Reads every page of a copy and counts its rows. The file stays as it is.
///
/// # Errors
/// Names what is damaged.
pub fn examine(path: &Path) -> StoreResult<Counts> {
    let connection = sqlite::connect(path, true)?;
    let damage: Vec<String> = connection
        .prepare("pragma integrity_check(10)")?
        .query_map([], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    if damage != ["ok"] {
        return Err(StoreError::Other(damage.join("; ")));
    }
    let orphans: Vec<String> = connection
        .prepare("pragma foreign_key_check")?
        .query_map([], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    if let Some(table) = orphans.first() {
        return Err(StoreError::Other(format!(
            "rows of {table} refer to rows that are missing"
        )));
    }
    let mut counts = Counts::new();
    for table in COUNTED {
        let rows = connection.query_row(&format!("select count(*) from {table}"), [], |r| r.get(0))?;
        counts.insert(table.into(), rows);
    }
    Ok(counts)
}

/// Takes back what waited to be sent when the copy was made: the original may have sent it since. The messages show
/// `error` and can be sent again by hand. Every device is signed out. Number of messages held back.
///
/// # Errors
/// When the file cannot be written.
pub fn hold_back(path: &Path, error: &str, now: Ms) -> StoreResult<u64> {
    const OPEN: &str = "state in ('queued', 'sending', 'uncertain')";
    let mut connection = sqlite::connect(path, false)?;
    let tx = connection.transaction()?;
    let held = tx.execute(
        &format!(
            "update message set status = 'failed', error = ?1
             where id in (select message from outbox where {OPEN} and message is not null)"
        ),
        [error],
    )?;
    tx.execute(
        &format!("update outbox set state = 'failed', error = ?1, lease_until = 0 where {OPEN}"),
        [error],
    )?;
    tx.execute("delete from session", [])?;
    tx.execute(
        "insert into installation(key, value) values ('restored_at', ?1)
         on conflict (key) do update set value = excluded.value",
        [now.0.to_string()],
    )?;
    tx.commit()?;
    Ok(held as u64)
}
