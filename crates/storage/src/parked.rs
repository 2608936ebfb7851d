//! What was said about messages that are not known yet, kept for a day: statuses of a send whose answer has not come,
//! and edits, deletions, reactions and quotes that overtook their message (spec CORE-3).

use crate::{Rows, StoreResult, Tx, statements};
use ronda_domain::{ChannelAccountId, Ms};

/// A parked piece of news. `detail` is JSON: the errors of a status, or the news itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedRow {
    pub status: String,
    pub at: Ms,
    pub detail: Option<String>,
}

statements! {
    INSERT = "insert into parked_status(channel_account, provider_id, status, at, detail, received_at) values ($1, $2, $3, $4, $5, $6)
        on conflict (channel_account, provider_id, status) do update set at = excluded.at, detail = excluded.detail
          where parked_status.at < excluded.at";
    TAKE = "delete from parked_status where channel_account = $1 and provider_id = $2 returning status, at, detail";
    TAKE_MANY = "delete from parked_status where (channel_account, provider_id) in
          (select p.account, p.provider_id from {rows(account: i64, provider_id: text)} as p)
        returning channel_account, status, at, detail";
    FORGET = "delete from parked_status where received_at < $1";
}

/// System function of T2: provider ids are unique per channel account.
pub fn insert(
    tx: &mut Tx<'_>,
    account: ChannelAccountId,
    provider_id: &str,
    status: &str,
    at: Ms,
    detail: &str,
) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &INSERT,
        &[
            account.into(),
            provider_id.into(),
            status.into(),
            at.into(),
            detail.into(),
            now.into(),
        ],
    )
}

/// Removes and returns what was parked for a message, in the order of its times.
pub fn take(tx: &mut Tx<'_>, account: ChannelAccountId, provider_id: &str) -> StoreResult<Vec<ParkedRow>> {
    let mut rows = tx.query(&TAKE, &[account.into(), provider_id.into()], |r| {
        Ok(ParkedRow {
            status: r.t(0)?,
            at: Ms(r.i(1)?),
            detail: r.ot(2)?,
        })
    })?;
    rows.sort_by_key(|r| r.at);
    Ok(rows)
}

/// Removes and returns what was parked for several messages, in the order of its times, each with its channel account
/// (system function of T2).
pub fn take_many(
    tx: &mut Tx<'_>,
    keys: &[(ChannelAccountId, String)],
) -> StoreResult<Vec<(ChannelAccountId, ParkedRow)>> {
    let mut rows = Rows::new();
    for (account, id) in keys {
        rows.push([(*account).into(), id.as_str().into()]);
    }
    let mut taken = tx.batch_query(&TAKE_MANY, &rows, &[], |r| {
        let row = ParkedRow {
            status: r.t(1)?,
            at: Ms(r.i(2)?),
            detail: r.ot(3)?,
        };
        Ok((r.id(0)?, row))
    })?;
    taken.sort_by_key(|(_, r)| r.at);
    Ok(taken)
}

/// Removes what was received before `before` (system function).
pub fn forget(tx: &mut Tx<'_>, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET, &[before.into()])
}
