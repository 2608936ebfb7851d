//! One row of an answer, whichever engine gave it. No borrowed row leaves the callback that reads it.

use crate::{StoreError, StoreResult};

/// A row being read. Columns are numbered from 0.
pub enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Pg(&'a postgres::Row),
}

impl Row<'_> {
    fn get<T>(&self, column: usize) -> StoreResult<T>
    where
        T: rusqlite::types::FromSql + for<'b> postgres::types::FromSql<'b>,
    {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Pg(row) => Ok(row.try_get(column)?),
        }
    }

    /// An integer.
    pub fn i(&self, column: usize) -> StoreResult<i64> {
        self.get(column)
    }

    /// An integer or null.
    pub fn oi(&self, column: usize) -> StoreResult<Option<i64>> {
        self.get(column)
    }

    /// Text.
    pub fn t(&self, column: usize) -> StoreResult<String> {
        self.get(column)
    }

    /// Text or null.
    pub fn ot(&self, column: usize) -> StoreResult<Option<String>> {
        self.get(column)
    }

    /// Bytes.
    pub fn bytes(&self, column: usize) -> StoreResult<Vec<u8>> {
        self.get(column)
    }

    /// A stored 0 or 1.
    pub fn b(&self, column: usize) -> StoreResult<bool> {
        Ok(self.i(column)? != 0)
    }

    /// A typed id.
    pub fn id<T: From<i64>>(&self, column: usize) -> StoreResult<T> {
        Ok(self.i(column)?.into())
    }

    /// A typed id or null.
    pub fn oid<T: From<i64>>(&self, column: usize) -> StoreResult<Option<T>> {
        Ok(self.oi(column)?.map(Into::into))
    }

    /// A JSON document.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: usize, place: &'static str) -> StoreResult<T> {
        serde_json::from_str(&self.t(column)?).map_err(|e| StoreError::BadData {
            place,
            detail: e.to_string(),
        })
    }

    /// A word of a closed enum, read by its `parse` function.
    pub fn word<T>(&self, column: usize, parse: fn(&str) -> Option<T>, place: &'static str) -> StoreResult<T> {
        let text = self.t(column)?;
        parse(&text).ok_or(StoreError::BadData { place, detail: text })
    }

    /// A word of a closed enum, or null.
    pub fn oword<T>(&self, column: usize, parse: fn(&str) -> Option<T>, place: &'static str) -> StoreResult<Option<T>> {
        self.ot(column)?
            .map(|text| parse(&text).ok_or(StoreError::BadData { place, detail: text }))
            .transpose()
    }
}
