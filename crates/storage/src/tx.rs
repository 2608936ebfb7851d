//! A transaction: what use cases are given. Nothing but storage happens inside one.

use crate::statement::{ColumnType, Statement};
use crate::{Row, Rows, StoreError, StoreResult, Value, Wake};
use ronda_domain::Ms;
use ronda_domain::event::Event;
use std::collections::HashMap;
use std::time::Duration;

/// The prepared statements of one PostgreSQL connection, by the address of their [`Statement`].
#[derive(Default)]
pub(crate) struct PgCache(HashMap<usize, postgres::Statement>);

impl PgCache {
    fn get(&mut self, client: &mut postgres::Client, s: &'static Statement) -> StoreResult<postgres::Statement> {
        let key = std::ptr::from_ref(s) as usize;
        if let Some(found) = self.0.get(&key) {
            return Ok(found.clone());
        }
        let prepared = client.prepare(&s.compiled().pg)?;
        self.0.insert(key, prepared.clone());
        Ok(prepared)
    }
}

pub(crate) enum Backend<'a> {
    Sqlite(&'a rusqlite::Connection),
    Pg(&'a mut postgres::Client, &'a mut PgCache),
}

/// An open transaction.
pub struct Tx<'a> {
    pub(crate) backend: Backend<'a>,
    now: Ms,
    pub(crate) events: Vec<Event>,
    pub(crate) wakes: Vec<Wake>,
    /// See [`Tx::may_take`].
    pub(crate) limit: Option<Duration>,
    /// A statement failed. On PostgreSQL nothing of this transaction can be committed any more, and its server answers a
    /// commit with a rollback that looks like success; so on both engines the closure may not go on.
    pub(crate) failed: bool,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(backend: Backend<'a>, now: Ms) -> Self {
        Self {
            backend,
            now,
            events: Vec::new(),
            wakes: Vec::new(),
            limit: None,
            failed: false,
        }
    }

    /// Lets this transaction stay open longer than the usual limit: for those whose size is given by what one input
    /// changes (a policy that assigns a whole backlog), which would otherwise never be written.
    pub fn may_take(&mut self, longest: Duration) {
        self.limit = Some(longest);
    }

    /// Whether SQLite runs this transaction: only for pairs of bodies that stand in one named place.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self.backend, Backend::Sqlite(_))
    }

    /// The time of this transaction. It does not move while the transaction is open.
    #[must_use]
    pub fn now(&self) -> Ms {
        self.now
    }

    /// Prepares a statement and runs nothing: the check of every text on both engines.
    #[cfg(feature = "testing")]
    pub fn prepare_only(&mut self, s: &'static Statement) -> StoreResult<()> {
        match &mut self.backend {
            Backend::Sqlite(c) => c.prepare_cached(&s.compiled().sqlite).map(drop).map_err(Into::into),
            Backend::Pg(client, cache) => cache.get(client, s).map(drop),
        }
    }

    /// Runs a statement; the number of rows it touched.
    pub fn exec(&mut self, s: &'static Statement, params: &[Value]) -> StoreResult<u64> {
        let Self { backend, failed, .. } = self;
        let answer = (|| match backend {
            Backend::Sqlite(c) => {
                let mut prepared = c.prepare_cached(&s.compiled().sqlite)?;
                Ok(prepared.execute(rusqlite::params_from_iter(params))? as u64)
            }
            Backend::Pg(client, cache) => {
                let prepared = cache.get(client, s)?;
                Ok(client.execute(&prepared, &pg_params(params))?)
            }
        })();
        *failed |= answer.is_err();
        answer
    }

    /// All rows of a query, each read by `f`.
    pub fn query<T>(
        &mut self,
        s: &'static Statement,
        params: &[Value],
        mut f: impl FnMut(&Row<'_>) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let Self { backend, failed, .. } = self;
        let answer = (|| match backend {
            Backend::Sqlite(c) => {
                let mut prepared = c.prepare_cached(&s.compiled().sqlite)?;
                let mut rows = prepared.query(rusqlite::params_from_iter(params))?;
                let mut out = Vec::new();
                while let Some(row) = rows.next()? {
                    out.push(f(&Row::Sqlite(row))?);
                }
                Ok(out)
            }
            Backend::Pg(client, cache) => {
                let prepared = cache.get(client, s)?;
                client
                    .query(&prepared, &pg_params(params))?
                    .iter()
                    .map(|row| f(&Row::Pg(row)))
                    .collect()
            }
        })();
        *failed |= answer.is_err();
        answer
    }

    /// The first row, if any.
    pub fn opt<T>(
        &mut self,
        s: &'static Statement,
        params: &[Value],
        f: impl FnMut(&Row<'_>) -> StoreResult<T>,
    ) -> StoreResult<Option<T>> {
        Ok(self.query(s, params, f)?.into_iter().next())
    }

    /// The first row; [`StoreError::NotFound`] without one.
    pub fn one<T>(
        &mut self,
        s: &'static Statement,
        params: &[Value],
        f: impl FnMut(&Row<'_>) -> StoreResult<T>,
    ) -> StoreResult<T> {
        self.opt(s, params, f)?.ok_or(StoreError::NotFound)
    }

    /// Runs a statement with a row token over `rows`; the number of rows touched in all. One row per target: a target
    /// matched twice changes once on PostgreSQL, silently. `tail` are the parameters after the columns.
    pub fn batch(&mut self, s: &'static Statement, rows: &Rows, tail: &[Value]) -> StoreResult<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let compiled = s.compiled();
        assert_eq!(rows.width(), compiled.columns.len(), "{}: width of the batch", s.name);
        let Self { backend, failed, .. } = self;
        let answer = (|| match backend {
            Backend::Sqlite(c) => {
                let mut prepared = c.prepare_cached(&compiled.sqlite)?;
                let mut touched = 0;
                for row in rows.iter() {
                    touched += prepared.execute(rusqlite::params_from_iter(row.iter().chain(tail)))? as u64;
                }
                Ok(touched)
            }
            Backend::Pg(client, cache) => {
                let prepared = cache.get(client, s)?;
                let arrays = pg_arrays(&compiled.columns, rows);
                Ok(client.execute(&prepared, &with_tail(&arrays, tail))?)
            }
        })();
        *failed |= answer.is_err();
        answer
    }

    /// As [`Tx::batch`], reading the rows that the statement returns. PostgreSQL promises no order: return the natural
    /// key and join in a map.
    pub fn batch_query<T>(
        &mut self,
        s: &'static Statement,
        rows: &Rows,
        tail: &[Value],
        mut f: impl FnMut(&Row<'_>) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let compiled = s.compiled();
        assert_eq!(rows.width(), compiled.columns.len(), "{}: width of the batch", s.name);
        let Self { backend, failed, .. } = self;
        let answer = (|| match backend {
            Backend::Sqlite(c) => {
                let mut prepared = c.prepare_cached(&compiled.sqlite)?;
                let mut out = Vec::new();
                for row in rows.iter() {
                    let mut answer = prepared.query(rusqlite::params_from_iter(row.iter().chain(tail)))?;
                    while let Some(row) = answer.next()? {
                        out.push(f(&Row::Sqlite(row))?);
                    }
                }
                Ok(out)
            }
            Backend::Pg(client, cache) => {
                let prepared = cache.get(client, s)?;
                let arrays = pg_arrays(&compiled.columns, rows);
                client
                    .query(&prepared, &with_tail(&arrays, tail))?
                    .iter()
                    .map(|row| f(&Row::Pg(row)))
                    .collect()
            }
        })();
        *failed |= answer.is_err();
        answer
    }

    /// A statement made at run time (list filters and reports, rendered by one place each). `$n` as everywhere.
    pub fn query_dynamic<T>(
        &mut self,
        text: &str,
        params: &[Value],
        mut f: impl FnMut(&Row<'_>) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let Self { backend, failed, .. } = self;
        let answer = (|| match backend {
            Backend::Sqlite(c) => {
                let mut prepared = c.prepare_cached(&text.replace('$', "?"))?;
                let mut rows = prepared.query(rusqlite::params_from_iter(params))?;
                let mut out = Vec::new();
                while let Some(row) = rows.next()? {
                    out.push(f(&Row::Sqlite(row))?);
                }
                Ok(out)
            }
            Backend::Pg(client, _) => client
                .query(text, &pg_params(params))?
                .iter()
                .map(|row| f(&Row::Pg(row)))
                .collect(),
        })();
        *failed |= answer.is_err();
        answer
    }

    /// Adds an event. It gets its number as the last thing before commit (architecture.md §9).
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Asks for `wake` after a successful commit.
    pub fn wake(&mut self, wake: Wake) {
        if !self.wakes.contains(&wake) {
            self.wakes.push(wake);
        }
    }
}

fn pg_params(params: &[Value]) -> Vec<&(dyn postgres::types::ToSql + Sync)> {
    params
        .iter()
        .map(|p| p as &(dyn postgres::types::ToSql + Sync))
        .collect()
}

enum PgArray {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

fn pg_arrays(columns: &[ColumnType], rows: &Rows) -> Vec<PgArray> {
    columns
        .iter()
        .enumerate()
        .map(|(i, ty)| match ty {
            ColumnType::Int => PgArray::Int(
                rows.iter()
                    .map(|r| if let Value::Int(v) = r[i] { Some(v) } else { None })
                    .collect(),
            ),
            ColumnType::Text => PgArray::Text(
                rows.iter()
                    .map(|r| {
                        if let Value::Text(v) = &r[i] {
                            Some(v.clone())
                        } else {
                            None
                        }
                    })
                    .collect(),
            ),
            ColumnType::Bytes => PgArray::Bytes(
                rows.iter()
                    .map(|r| {
                        if let Value::Bytes(v) = &r[i] {
                            Some(v.clone())
                        } else {
                            None
                        }
                    })
                    .collect(),
            ),
        })
        .collect()
}

fn with_tail<'v>(arrays: &'v [PgArray], tail: &'v [Value]) -> Vec<&'v (dyn postgres::types::ToSql + Sync)> {
    arrays
        .iter()
        .map(|a| match a {
            PgArray::Int(v) => v as &(dyn postgres::types::ToSql + Sync),
            PgArray::Text(v) => v,
            PgArray::Bytes(v) => v,
        })
        .chain(tail.iter().map(|p| p as &(dyn postgres::types::ToSql + Sync)))
        .collect()
}
