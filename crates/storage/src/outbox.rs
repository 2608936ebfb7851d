//! The outbox: what has to reach a provider, in the order of each conversation (T5–T7).

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{ChannelAccountId, ConversationId, MessageId, Ms, WorkspaceId};

/// A row to deliver. `payload` is JSON of the worker.
#[derive(Clone, Debug)]
pub struct OutboxRow {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub channel_account: ChannelAccountId,
    pub conversation: ConversationId,
    pub position: i64,
    pub message: Option<MessageId>,
    /// `message`, `reaction`, `read` or `typing`.
    pub kind: String,
    pub payload: String,
    pub state: String,
    pub attempt: i64,
    /// Of the claim under which it is, or was last, called for.
    pub token: Option<String>,
}

macro_rules! columns {
    () => {
        "id, workspace, channel_account, conversation, position, message, kind, payload, state, attempt, token"
    };
}

statements! {
    INSERT = "insert into outbox(workspace, channel_account, conversation, position, message, kind, payload, state, due_at, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $8) returning id";
    /// Heads only: no earlier row of the conversation is open. An uncertain one holds what follows for a minute.
    CLAIM = concat!("update outbox set state = 'sending', attempt = attempt + 1, lease_until = $3, token = $4
        where id in (select h.id from outbox as h where h.channel_account = $1 and h.state = 'queued' and h.due_at <= $2
            and not exists (select 1 from outbox as e where e.channel_account = h.channel_account and e.conversation = h.conversation
              and e.position < h.position
              and (e.state in ('queued', 'sending') or (e.state = 'uncertain' and e.uncertain_until > $2)))
            order by h.due_at, h.id limit $5)
          and state = 'queued' returning ", columns!());
    SENT = "update outbox set state = 'sent', lease_until = 0 where id = $1 and state in ('sending', 'uncertain') and token = $2";
    RETRY = "update outbox set state = 'queued', due_at = $3, error = $4, lease_until = 0 where id = $1 and state = 'sending' and token = $2";
    FAILED = "update outbox set state = 'failed', error = $3, lease_until = 0 where id = $1 and state in ('sending', 'uncertain') and token = $2";
    UNCERTAIN = "update outbox set state = 'uncertain', uncertain_until = $3, error = $4, lease_until = 0
        where id = $1 and state = 'sending' and token = $2";
    LAPSED = concat!("select ", columns!(), " from outbox where channel_account = $1 and state = 'sending' and lease_until <= $2 limit 100");
    LAPSE = "update outbox set state = 'uncertain', uncertain_until = $2 where id = $1 and state = 'sending' and lease_until <= $3";
    NEXT_DUE = "select min(due_at) from outbox where channel_account = $1 and state = 'queued'";
    ACCOUNTS = "select distinct channel_account from outbox where state in ('queued', 'sending', 'uncertain')";
    OF_MESSAGE = concat!("select ", columns!(), " from outbox where workspace = $1 and message = $2 order by id desc limit 1");
    SETTLE_OF_MESSAGE = "update outbox set state = $3, lease_until = 0 where workspace = $1 and message = $2
          and state in ('sending', 'uncertain', 'sent')";
    REQUEUE = "update outbox set state = 'queued', due_at = $3, attempt = 0, error = null, token = null where workspace = $1 and message = $2
        and state = 'failed'";
    HURRY = "update outbox set due_at = $2 where channel_account = $1 and state = 'queued' and due_at > $2";
    PENDING = "select count(*), min(created_at) from outbox where channel_account = $1 and state = 'queued' and kind = 'message'";
}

fn read(r: &Row<'_>) -> StoreResult<OutboxRow> {
    Ok(OutboxRow {
        id: r.i(0)?,
        workspace: r.id(1)?,
        channel_account: r.id(2)?,
        conversation: r.id(3)?,
        position: r.i(4)?,
        message: r.oid(5)?,
        kind: r.t(6)?,
        payload: r.t(7)?,
        state: r.t(8)?,
        attempt: r.i(9)?,
        token: r.ot(10)?,
    })
}

/// A row about to be queued.
#[derive(Clone, Debug)]
pub struct NewOutbox<'a> {
    pub channel_account: ChannelAccountId,
    pub conversation: ConversationId,
    pub position: i64,
    pub message: Option<MessageId>,
    pub kind: &'a str,
    pub payload: &'a str,
}

pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, n: &NewOutbox<'_>) -> StoreResult<i64> {
    let now = tx.now();
    tx.one(
        &INSERT,
        &[
            w.into(),
            n.channel_account.into(),
            n.conversation.into(),
            n.position.into(),
            n.message.into(),
            n.kind.into(),
            n.payload.into(),
            now.into(),
        ],
        |r| r.i(0),
    )
}

/// Claims due heads of conversations under `token` until `lease_until` (system function of the deliver worker).
pub fn claim(
    tx: &mut Tx<'_>,
    account: ChannelAccountId,
    lease_until: Ms,
    token: &str,
    limit: i64,
) -> StoreResult<Vec<OutboxRow>> {
    let now = tx.now();
    let mut rows = tx.query(
        &CLAIM,
        &[
            account.into(),
            now.into(),
            lease_until.into(),
            token.into(),
            limit.into(),
        ],
        read,
    )?;
    rows.sort_by_key(|r| r.id);
    Ok(rows)
}

pub fn sent(tx: &mut Tx<'_>, id: i64, token: &str) -> StoreResult<u64> {
    tx.exec(&SENT, &[id.into(), token.into()])
}

pub fn retry(tx: &mut Tx<'_>, id: i64, token: &str, due_at: Ms, error: &str) -> StoreResult<u64> {
    tx.exec(&RETRY, &[id.into(), token.into(), due_at.into(), error.into()])
}

pub fn failed(tx: &mut Tx<'_>, id: i64, token: &str, error: &str) -> StoreResult<u64> {
    tx.exec(&FAILED, &[id.into(), token.into(), error.into()])
}

pub fn uncertain(tx: &mut Tx<'_>, id: i64, token: &str, until: Ms, error: &str) -> StoreResult<u64> {
    tx.exec(&UNCERTAIN, &[id.into(), token.into(), until.into(), error.into()])
}

/// Rows whose worker went away in the middle of the call: now uncertain, never sent again blindly.
pub fn lapse(tx: &mut Tx<'_>, account: ChannelAccountId, uncertain_until: Ms) -> StoreResult<Vec<OutboxRow>> {
    let now = tx.now();
    let rows = tx.query(&LAPSED, &[account.into(), now.into()], read)?;
    for row in &rows {
        tx.exec(&LAPSE, &[row.id.into(), uncertain_until.into(), now.into()])?;
    }
    Ok(rows)
}

/// When the next queued row of an account is due.
pub fn next_due(tx: &mut Tx<'_>, account: ChannelAccountId) -> StoreResult<Option<Ms>> {
    tx.one(&NEXT_DUE, &[account.into()], |r| Ok(r.oi(0)?.map(Ms)))
}

/// The accounts with open rows (system function).
pub fn open_accounts(tx: &mut Tx<'_>) -> StoreResult<Vec<ChannelAccountId>> {
    tx.query(&ACCOUNTS, &[], |r| r.id(0))
}

/// How many messages of an account wait to be sent, and since when the oldest does.
pub fn pending(tx: &mut Tx<'_>, account: ChannelAccountId) -> StoreResult<(i64, Option<Ms>)> {
    tx.one(&PENDING, &[account.into()], |r| Ok((r.i(0)?, r.oi(1)?.map(Ms))))
}

/// The account works again: what waited for a later attempt is due now.
pub fn hurry(tx: &mut Tx<'_>, account: ChannelAccountId) -> StoreResult<u64> {
    let now = tx.now();
    tx.wake(crate::Wake::Deliver(account));
    tx.exec(&HURRY, &[account.into(), now.into()])
}

/// The newest outbox row of a message.
pub fn of_message(tx: &mut Tx<'_>, w: WorkspaceId, message: MessageId) -> StoreResult<Option<OutboxRow>> {
    tx.opt(&OF_MESSAGE, &[w.into(), message.into()], read)
}

/// A status of the provider proved what became of an uncertain row: `sent` or `failed`.
pub fn settle_of_message(tx: &mut Tx<'_>, w: WorkspaceId, message: MessageId, state: &str) -> StoreResult<u64> {
    tx.exec(&SETTLE_OF_MESSAGE, &[w.into(), message.into(), state.into()])
}

/// A person asked to send a failed message again.
pub fn requeue(tx: &mut Tx<'_>, w: WorkspaceId, message: MessageId) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&REQUEUE, &[w.into(), message.into(), now.into()])
}
