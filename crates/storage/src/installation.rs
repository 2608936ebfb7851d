//! Facts of the whole installation, by key (system functions).

use crate::{StoreResult, Tx, statements};

statements! {
    GET = "select value from installation where key = $1";
    CLAIM = "insert into installation(key, value) values ($1, $2) on conflict (key) do nothing";
    PUT = "insert into installation(key, value) values ($1, $2) on conflict (key) do update set value = excluded.value";
}

pub fn get(tx: &mut Tx<'_>, key: &str) -> StoreResult<Option<String>> {
    tx.opt(&GET, &[key.into()], |r| r.t(0))
}

/// Writes a fact that nobody wrote before; `false` when somebody did.
pub fn claim(tx: &mut Tx<'_>, key: &str, value: &str) -> StoreResult<bool> {
    Ok(tx.exec(&CLAIM, &[key.into(), value.into()])? == 1)
}

pub fn put(tx: &mut Tx<'_>, key: &str, value: &str) -> StoreResult<u64> {
    tx.exec(&PUT, &[key.into(), value.into()])
}
