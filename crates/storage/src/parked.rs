//! Statuses of messages whose send has not been recorded yet, kept for a day (spec CORE-3).

use crate::{StoreResult, Tx, statements};
use ronda_domain::{ChannelAccountId, Ms};

/// A parked status. `detail` is JSON of the errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedRow {
    pub status: String,
    pub at: Ms,
    pub detail: Option<String>,
}

statements! {
    INSERT = "insert into parked_status(channel_account, provider_id, status, at, detail, received_at) values ($1, $2, $3, $4, $5, $6)
        on conflict (channel_account, provider_id, status) do nothing";
    TAKE = "delete from parked_status where channel_account = $1 and provider_id = $2 returning status, at, detail";
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

/// Removes what was received before `before` (system function).
pub fn forget(tx: &mut Tx<'_>, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET, &[before.into()])
}
