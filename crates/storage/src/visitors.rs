//! Visitors of web chats: who holds which token.

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::{ChannelAccountId, ConversationId, CustomerId, MessageId, Ms, WorkspaceId};

/// A visitor. `page` is JSON of where the visit began, `profile` of what is known about them.
#[derive(Clone, Debug, PartialEq)]
pub struct VisitorRow {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub channel_account: ChannelAccountId,
    pub public_id: String,
    pub customer: Option<CustomerId>,
    /// The id that their site's server vouched for.
    pub user_id: Option<String>,
    pub profile: String,
    pub page: String,
    pub read_up_to: MessageId,
    pub created_at: Ms,
    pub last_seen_at: Ms,
}

macro_rules! columns {
    () => {
        "id, workspace, channel_account, public_id, customer, user_id, profile, page, read_up_to, created_at, last_seen_at"
    };
}

statements! {
    INSERT = "insert into visitor(workspace, channel_account, public_id, token_hash, page, created_at, last_seen_at)
        values ($1, $2, $3, $4, $5, $6, $6) returning id";
    BY_TOKEN = concat!("select ", columns!(), " from visitor where token_hash = $1");
    CUSTOMER = "update visitor set customer = $3 where workspace = $1 and id = $2";
    PROFILE = "update visitor set user_id = $3, profile = $4 where workspace = $1 and id = $2";
    READ_ELSEWHERE = "select max(read_up_to) from visitor where workspace = $1 and customer = $2";
    SEEN = "update visitor set last_seen_at = $3 where workspace = $1 and id = $2";
    READ = "update visitor set read_up_to = $3 where workspace = $1 and id = $2 and read_up_to < $3";
    CONVERSATIONS = "select id from conversation where workspace = $1 and customer = $2 and channel_account = $3 order by id desc limit $4";
    OF_CONVERSATIONS = "select v.id, c.id from {rows(conversation: i64)} as p, conversation as c, visitor as v
        where c.workspace = $2 and c.id = p.conversation and v.workspace = c.workspace and v.customer = c.customer
          and v.channel_account = c.channel_account";
    MESSAGES = "select m.id from message as m, conversation as c where c.workspace = $1 and c.customer = $2 and c.channel_account = $3
        and m.conversation = c.id and m.id > $4 and m.direction in ('in', 'out') order by m.id limit $5";
}

fn read(r: &Row<'_>) -> StoreResult<VisitorRow> {
    Ok(VisitorRow {
        id: r.i(0)?,
        workspace: r.id(1)?,
        channel_account: r.id(2)?,
        public_id: r.t(3)?,
        customer: r.oid(4)?,
        user_id: r.ot(5)?,
        profile: r.t(6)?,
        page: r.t(7)?,
        read_up_to: r.id(8)?,
        created_at: Ms(r.i(9)?),
        last_seen_at: Ms(r.i(10)?),
    })
}

pub fn insert(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    account: ChannelAccountId,
    public_id: &str,
    token_hash: &str,
    page: &str,
) -> StoreResult<i64> {
    let now = tx.now();
    tx.one(
        &INSERT,
        &[
            w.into(),
            account.into(),
            public_id.into(),
            token_hash.into(),
            page.into(),
            now.into(),
        ],
        |r| r.i(0),
    )
}

/// The visitor of a token (system function: it decides the workspace).
pub fn by_token(tx: &mut Tx<'_>, token_hash: &str) -> StoreResult<Option<VisitorRow>> {
    tx.opt(&BY_TOKEN, &[token_hash.into()], read)
}

pub fn set_customer(tx: &mut Tx<'_>, w: WorkspaceId, id: i64, customer: CustomerId) -> StoreResult<u64> {
    tx.exec(&CUSTOMER, &[w.into(), id.into(), customer.into()])
}

/// Keeps who they are: the id their site vouched for, and JSON of what was said about them.
pub fn set_profile(tx: &mut Tx<'_>, w: WorkspaceId, id: i64, user_id: Option<&str>, profile: &str) -> StoreResult<u64> {
    tx.exec(&PROFILE, &[w.into(), id.into(), user_id.into(), profile.into()])
}

/// The newest message that a customer has read on any of their devices.
pub fn read_elsewhere(tx: &mut Tx<'_>, w: WorkspaceId, customer: CustomerId) -> StoreResult<MessageId> {
    let newest = tx.one(&READ_ELSEWHERE, &[w.into(), customer.into()], |r| r.oid(0))?;
    Ok(newest.unwrap_or(MessageId(0)))
}

pub fn seen(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&SEEN, &[w.into(), id.into(), now.into()])
}

/// Moves the mark of what was read, never back. Number of rows changed.
pub fn set_read(tx: &mut Tx<'_>, w: WorkspaceId, id: i64, up_to: MessageId) -> StoreResult<u64> {
    tx.exec(&READ, &[w.into(), id.into(), up_to.into()])
}

/// The conversations of a visitor, newest first.
pub fn conversations(tx: &mut Tx<'_>, v: &VisitorRow, limit: i64) -> StoreResult<Vec<ConversationId>> {
    let Some(customer) = v.customer else {
        return Ok(Vec::new());
    };
    tx.query(
        &CONVERSATIONS,
        &[
            v.workspace.into(),
            customer.into(),
            v.channel_account.into(),
            limit.into(),
        ],
        |r| r.id(0),
    )
}

/// Whose conversations these are, where a visitor has them: visitor and conversation.
pub fn of_conversations(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    conversations: &[ConversationId],
) -> StoreResult<Vec<(i64, ConversationId)>> {
    let mut rows = Rows::new();
    for c in conversations {
        rows.push([(*c).into()]);
    }
    tx.batch_query(&OF_CONVERSATIONS, &rows, &[w.into()], |r| Ok((r.i(0)?, r.id(1)?)))
}

/// What the visitor may read after `id`, over all their conversations, oldest first.
pub fn messages_after(tx: &mut Tx<'_>, v: &VisitorRow, id: MessageId, limit: i64) -> StoreResult<Vec<MessageId>> {
    let Some(customer) = v.customer else {
        return Ok(Vec::new());
    };
    tx.query(
        &MESSAGES,
        &[
            v.workspace.into(),
            customer.into(),
            v.channel_account.into(),
            id.into(),
            limit.into(),
        ],
        |r| r.id(0),
    )
}
