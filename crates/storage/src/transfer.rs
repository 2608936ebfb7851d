//! The move from SQLite to PostgreSQL: every row of every table, in one transaction of the target.

use crate::{DbConfig, StoreError, StoreResult, Value, migrate, pg, sqlite};
use rusqlite::types::ValueRef;
use std::path::Path;

/// Rows moved, by table.
pub type Moved = Vec<(String, u64)>;

/// Copies everything into an empty PostgreSQL database. The server must not run: what it writes meanwhile is not
/// copied.
///
/// # Errors
/// When the target has data already, or either database fails: then the target is as empty as before.
pub fn to_postgres(from: &Path, url: &str) -> StoreResult<Moved> {
    if !from.exists() {
        return Err(StoreError::Other(format!("there is no database at {}", from.display())));
    }
    migrate::run(&DbConfig::Sqlite(from.to_path_buf()))?;
    migrate::run(&DbConfig::Postgres(url.to_owned()))?;
    let mut source = sqlite::connect(from, true)?;
    let source = source.transaction()?;
    let mut client = pg::connect(url)?;
    let mut target = client.transaction()?;
    let mut moved = Moved::new();
    // In the order they were created: what others refer to comes first.
    let tables: Vec<String> = source
        .prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name <> 'migration' order by rowid")?
        .query_map([], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    for table in &tables {
        let full: bool = target
            .query_one(&format!("select exists (select 1 from {table})"), &[])?
            .get(0);
        if full {
            return Err(StoreError::Other(format!(
                "the PostgreSQL database is not empty: {table} has rows"
            )));
        }
    }
    for table in tables {
        let rows = one_table(&source, &mut target, &table)?;
        moved.push((table, rows));
    }
    target.commit()?;
    Ok(moved)
}

fn one_table(
    source: &rusqlite::Transaction<'_>,
    target: &mut postgres::Transaction<'_>,
    table: &str,
) -> StoreResult<u64> {
    let mut select = source.prepare(&format!("select * from {table}"))?;
    let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
    let places: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
    let insert = target.prepare(&format!(
        "insert into {table} ({}) values ({})",
        columns.join(", "),
        places.join(", ")
    ))?;
    let mut rows = select.query([])?;
    let mut moved = 0;
    while let Some(row) = rows.next()? {
        let values = (0..columns.len())
            .map(|i| value(row.get_ref(i)?, table))
            .collect::<StoreResult<Vec<Value>>>()?;
        let params: Vec<&(dyn postgres::types::ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        target.execute(&insert, &params)?;
        moved += 1;
    }
    let numbered: bool = source.query_row(
        "select exists (select 1 from pragma_table_info(?1) where name = 'id' and lower(type) = 'integer')",
        [table],
        |r| r.get(0),
    )?;
    if numbered {
        // The next row gets the number after the last one; ids that are made elsewhere have no sequence.
        target.execute(
            &format!(
                "select setval(pg_get_serial_sequence('{table}', 'id'), max(id)) from {table} having max(id) is not null"
            ),
            &[],
        )?;
    }
    Ok(moved)
}

fn value(value: ValueRef<'_>, table: &str) -> StoreResult<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(i) => Value::Int(i),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => return Err(StoreError::Other(format!("{table} has a number that is not whole"))),
    })
}
