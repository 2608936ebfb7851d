//! Messages of conversations.

use crate::{Row, Rows, StoreResult, Tx, Value, statements};
use ronda_domain::conversation::{Author, Direction, MessageStatus};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, MessageId, Ms, WorkspaceId};

/// A message as its row has it. `content`, `status_at`, `error`, `reply_to` and `referral` are JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    pub id: MessageId,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub channel_account: ChannelAccountId,
    pub direction: Direction,
    pub author: Author,
    pub agent: Option<AgentId>,
    pub client_id: Option<String>,
    pub client_hash: Option<String>,
    pub provider_id: Option<String>,
    pub at: Ms,
    pub received_at: Ms,
    pub kind: String,
    pub content: String,
    pub status: Option<MessageStatus>,
    pub status_at: Option<String>,
    pub error: Option<String>,
    pub reply_to: Option<String>,
    pub owed_before: Option<Ms>,
    pub epoch: i64,
    pub edited_at: Option<Ms>,
    pub deleted_at: Option<Ms>,
    pub referral: Option<String>,
}

macro_rules! columns {
    () => {
        "m.id, m.workspace, m.conversation, m.channel_account, m.direction, m.author, m.agent, m.client_id, m.client_hash,
         m.provider_id, m.at, m.received_at, m.kind, m.content, m.status, m.status_at, m.error, m.reply_to, m.owed_before,
         m.epoch, m.edited_at, m.deleted_at, m.referral"
    };
}

statements! {
    INSERT_MANY = "insert into message(workspace, conversation, channel_account, direction, author, provider_id, client_id, at,
          received_at, kind, content, reply_to, referral)
        select cast($11 as bigint), p.conversation, p.account, 'in', 'customer', p.provider_id, p.client_id, p.at, p.received,
          p.kind, p.content, p.reply_to, p.referral
        from {rows(conversation: i64, account: i64, provider_id: text, client_id: text, at: i64, received: i64, kind: text, content: text,
          reply_to: text, referral: text)} as p
        on conflict do nothing returning id, channel_account, provider_id, client_id";
    INSERT = "insert into message(workspace, conversation, channel_account, direction, author, agent, client_id, client_hash, provider_id,
          at, received_at, kind, content, status, reply_to, owed_before, epoch)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) returning id";
    INSERT_LINES = "insert into message(workspace, conversation, channel_account, direction, author, client_id, at, received_at, kind, content, epoch)
        select cast($6 as bigint), p.conversation, p.account, 'system', 'system', p.client_id, cast($7 as bigint), cast($7 as bigint), 'system',
          p.content, p.epoch
        from {rows(conversation: i64, account: i64, client_id: text, content: text, epoch: i64)} as p returning id, client_id";
    GET = concat!("select ", columns!(), " from message as m where m.workspace = $1 and m.id = $2");
    HEADS = "select m.conversation, m.received_at, m.direction, m.author, m.agent from {rows(id: i64)} as p, message as m
        where m.conversation = p.id and m.workspace = $2 and m.direction in ('in', 'out') order by m.conversation, m.at, m.id";
    GET_MANY = concat!("select ", columns!(), " from {rows(id: i64)} as p, message as m where m.id = p.id and m.workspace = $2");
    BY_CLIENT = concat!("select ", columns!(), " from message as m where m.workspace = $1 and m.conversation = $2 and m.author = $3 and m.client_id = $4");
    BY_PROVIDER = concat!("select ", columns!(), " from {rows(account: i64, provider_id: text)} as p, message as m
        where m.channel_account = p.account and m.provider_id = p.provider_id");
    PAGE = concat!("select ", columns!(), " from message as m where m.workspace = $1 and m.conversation = $2
        and (m.at < $3 or (m.at = $3 and m.id < $4)) order by m.at desc, m.id desc limit $5");
    AFTER = concat!("select ", columns!(), " from message as m where m.workspace = $1 and m.conversation = $2 and m.id > $3 order by m.id limit $4");
    STATUS = "update message set status = $3, status_at = $4, error = $5 where workspace = $1 and id = $2";
    PROVIDER_ID = "update message set provider_id = $3 where workspace = $1 and id = $2";
    REPLY_TO = "update message set reply_to = $3 where workspace = $1 and id = $2";
    AGAIN = "update message set status = 'queued', status_at = null, error = null, provider_id = null where workspace = $1 and id = $2";
    CONTENT = "update message set content = $3, kind = $4, edited_at = $5 where workspace = $1 and id = $2";
    DELETED = "update message set deleted_at = $3 where workspace = $1 and id = $2 and deleted_at is null";
    REACT = "insert into reaction(workspace, conversation, target, by_whom, emoji, at) values ($1, $2, $3, $4, $5, $6)
        on conflict (conversation, target, by_whom) do update set emoji = excluded.emoji, at = excluded.at where reaction.at <= excluded.at";
    REACTIONS = "select target, by_whom, emoji from reaction where conversation = $2 and workspace = $1 and emoji <> '' order by at";
    SHOWS_FILE = "select count(*) from message where conversation = $2 and workspace = $1 and direction in ('in', 'out')
        and deleted_at is null and content like $3";
    ANSWERS = "select m.conversation, m.agent, m.at from {rows(conversation: i64)} as p, message as m
        where m.workspace = $2 and m.conversation = p.conversation and m.at >= $3 and m.at < $4 and m.direction = 'out'
          and m.author = 'agent' and m.agent is not null";
    FAILED = concat!("select ", columns!(), " from message as m where m.workspace = $1 and m.status = 'failed' and m.id < $2
        and m.at >= $3 and (select c.simulated from conversation as c where c.id = m.conversation) <= $5 order by m.id desc limit $4");
    FAILED_SINCE = "select count(*) from message as m where m.workspace = $1 and m.status = 'failed' and m.at >= $2
        and (select c.simulated from conversation as c where c.id = m.conversation) <= $3";
    NEWEST_INBOUND = "select provider_id from message where conversation = $2 and workspace = $1 and direction = 'in'
        and provider_id is not null order by at desc, id desc limit 1";
    NEWEST_INBOUND_ID = "select max(id) from message where conversation = $2 and workspace = $1 and direction = 'in'";
    ANSWERED_SINCE = "select count(*) from message where conversation = $2 and workspace = $1 and direction = 'out' and author = 'agent'
        and id > $3 and (status is null or status <> 'failed')";
}

fn read(r: &Row<'_>) -> StoreResult<MessageRow> {
    Ok(MessageRow {
        id: r.id(0)?,
        workspace: r.id(1)?,
        conversation: r.id(2)?,
        channel_account: r.id(3)?,
        direction: r.word(4, Direction::parse, "message.direction")?,
        author: r.word(5, Author::parse, "message.author")?,
        agent: r.oid(6)?,
        client_id: r.ot(7)?,
        client_hash: r.ot(8)?,
        provider_id: r.ot(9)?,
        at: Ms(r.i(10)?),
        received_at: Ms(r.i(11)?),
        kind: r.t(12)?,
        content: r.t(13)?,
        status: r.oword(14, MessageStatus::parse, "message.status")?,
        status_at: r.ot(15)?,
        error: r.ot(16)?,
        reply_to: r.ot(17)?,
        owed_before: r.oi(18)?.map(Ms),
        epoch: r.i(19)?,
        edited_at: r.oi(20)?.map(Ms),
        deleted_at: r.oi(21)?.map(Ms),
        referral: r.ot(22)?,
    })
}

/// A customer's message about to be stored.
#[derive(Clone, Debug)]
pub struct NewInbound {
    pub conversation: ConversationId,
    pub channel_account: ChannelAccountId,
    pub provider_id: Option<String>,
    /// Given by the web chat's visitor instead of a provider id.
    pub client_id: Option<String>,
    pub at: Ms,
    pub received_at: Ms,
    pub kind: &'static str,
    pub content: String,
    pub reply_to: Option<String>,
    pub referral: Option<String>,
}

/// What [`insert_inbound`] returns of a stored row: the natural key and the id.
#[derive(Clone, Debug)]
pub struct Inserted {
    pub id: MessageId,
    pub channel_account: ChannelAccountId,
    pub provider_id: Option<String>,
    pub client_id: Option<String>,
}

/// Stores the messages that were not stored before; only those are returned.
pub fn insert_inbound(tx: &mut Tx<'_>, w: WorkspaceId, new: &[NewInbound]) -> StoreResult<Vec<Inserted>> {
    let mut rows = Rows::new();
    for m in new {
        rows.push([
            m.conversation.into(),
            m.channel_account.into(),
            m.provider_id.clone().into(),
            m.client_id.clone().into(),
            m.at.into(),
            m.received_at.into(),
            m.kind.into(),
            m.content.as_str().into(),
            m.reply_to.clone().into(),
            m.referral.clone().into(),
        ]);
    }
    tx.batch_query(&INSERT_MANY, &rows, &[w.into()], |r| {
        Ok(Inserted {
            id: r.id(0)?,
            channel_account: r.id(1)?,
            provider_id: r.ot(2)?,
            client_id: r.ot(3)?,
        })
    })
}

/// A message written by us: reply, note, system line, automatic text.
#[derive(Clone, Debug)]
pub struct NewMessage {
    pub conversation: ConversationId,
    pub channel_account: ChannelAccountId,
    pub direction: Direction,
    pub author: Author,
    pub agent: Option<AgentId>,
    pub client_id: Option<String>,
    pub client_hash: Option<String>,
    pub provider_id: Option<String>,
    pub at: Ms,
    pub kind: &'static str,
    pub content: String,
    pub status: Option<MessageStatus>,
    pub reply_to: Option<String>,
    pub owed_before: Option<Ms>,
    pub epoch: i64,
}

pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, m: &NewMessage) -> StoreResult<MessageId> {
    tx.one(
        &INSERT,
        &[
            w.into(),
            m.conversation.into(),
            m.channel_account.into(),
            m.direction.as_str().into(),
            m.author.as_str().into(),
            m.agent.into(),
            m.client_id.clone().into(),
            m.client_hash.clone().into(),
            m.provider_id.clone().into(),
            m.at.into(),
            tx.now().into(),
            m.kind.into(),
            m.content.as_str().into(),
            m.status.map(MessageStatus::as_str).into(),
            m.reply_to.clone().into(),
            m.owed_before.into(),
            m.epoch.into(),
        ],
        |r| r.id(0),
    )
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: MessageId) -> StoreResult<Option<MessageRow>> {
    tx.opt(&GET, &[w.into(), id.into()], read)
}

pub fn get_many(tx: &mut Tx<'_>, w: WorkspaceId, ids: &[MessageId]) -> StoreResult<Vec<MessageRow>> {
    let mut rows = Rows::new();
    for id in ids {
        rows.push([(*id).into()]);
    }
    tx.batch_query(&GET_MANY, &rows, &[w.into()], read)
}

/// The message that `author` sent with this client id into a conversation.
/// Who wrote when, without what.
#[derive(Clone, Debug)]
pub struct Head {
    pub conversation: ConversationId,
    pub received_at: Ms,
    pub direction: Direction,
    pub author: Author,
    pub agent: Option<AgentId>,
}

/// The heads of what customers and agents said in conversations, in order within each.
pub fn heads(tx: &mut Tx<'_>, w: WorkspaceId, list: &[ConversationId]) -> StoreResult<Vec<Head>> {
    let mut rows = Rows::new();
    for id in list {
        rows.push([(*id).into()]);
    }
    tx.batch_query(&HEADS, &rows, &[w.into()], |r| {
        Ok(Head {
            conversation: r.id(0)?,
            received_at: Ms(r.i(1)?),
            direction: r.word(2, Direction::parse, "message.direction")?,
            author: r.word(3, Author::parse, "message.author")?,
            agent: r.oid(4)?,
        })
    })
}

pub fn by_client_id(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    conversation: ConversationId,
    author: Author,
    client_id: &str,
) -> StoreResult<Option<MessageRow>> {
    tx.opt(
        &BY_CLIENT,
        &[w.into(), conversation.into(), author.as_str().into(), client_id.into()],
        read,
    )
}

/// Messages by provider id. System function of T2: provider ids are unique per channel account.
pub fn by_provider_ids(tx: &mut Tx<'_>, keys: &[(ChannelAccountId, String)]) -> StoreResult<Vec<MessageRow>> {
    let mut rows = Rows::new();
    for (account, id) in keys {
        rows.push([(*account).into(), id.as_str().into()]);
    }
    tx.batch_query(&BY_PROVIDER, &rows, &[], read)
}

/// Who answered when, in these conversations and a period.
pub fn answers(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    conversations: &[ConversationId],
    (from, to): (Ms, Ms),
) -> StoreResult<Vec<(ConversationId, AgentId, Ms)>> {
    let mut rows = Rows::new();
    for conversation in conversations {
        rows.push([(*conversation).into()]);
    }
    tx.batch_query(&ANSWERS, &rows, &[w.into(), from.into(), to.into()], |r| {
        Ok((r.id(0)?, r.id(1)?, Ms(r.i(2)?)))
    })
}

/// Messages of ours that failed for good, before message `before` and not before `from`, newest first.
pub fn failed(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    before: i64,
    from: Ms,
    limit: i64,
    simulated: bool,
) -> StoreResult<Vec<MessageRow>> {
    let arguments = [w.into(), before.into(), from.into(), limit.into(), simulated.into()];
    tx.query(&FAILED, &arguments, read)
}

/// How many messages of ours failed since an instant; in simulated conversations only when they count.
pub fn failed_since(tx: &mut Tx<'_>, w: WorkspaceId, from: Ms, simulated: bool) -> StoreResult<i64> {
    tx.one(&FAILED_SINCE, &[w.into(), from.into(), simulated.into()], |r| r.i(0))
}

/// A page of messages before `(at, id)`, newest first.
pub fn page(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    conversation: ConversationId,
    before: (Ms, MessageId),
    limit: i64,
) -> StoreResult<Vec<MessageRow>> {
    tx.query(
        &PAGE,
        &[
            w.into(),
            conversation.into(),
            before.0.into(),
            before.1.into(),
            limit.into(),
        ],
        read,
    )
}

/// The messages stored after `id`, oldest first: what a visitor missed.
pub fn after(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    c: ConversationId,
    id: MessageId,
    limit: i64,
) -> StoreResult<Vec<MessageRow>> {
    tx.query(&AFTER, &[w.into(), c.into(), id.into(), limit.into()], read)
}

/// Writes status, its times and its error (JSON).
pub fn set_status(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: MessageId,
    status: MessageStatus,
    status_at: &str,
    error: Option<&str>,
) -> StoreResult<u64> {
    tx.exec(
        &STATUS,
        &[
            w.into(),
            id.into(),
            status.as_str().into(),
            status_at.into(),
            Value::from(error),
        ],
    )
}

pub fn set_provider_id(tx: &mut Tx<'_>, w: WorkspaceId, id: MessageId, provider_id: &str) -> StoreResult<u64> {
    tx.exec(&PROVIDER_ID, &[w.into(), id.into(), provider_id.into()])
}

/// A failed message is queued again: what is reported about the failed attempt from now on is not about this one.
/// `reply_to` is JSON, as in [`NewMessage`].
pub fn set_reply_to(tx: &mut Tx<'_>, w: WorkspaceId, id: MessageId, reply_to: &str) -> StoreResult<u64> {
    tx.exec(&REPLY_TO, &[w.into(), id.into(), reply_to.into()])
}

pub fn queued_again(tx: &mut Tx<'_>, w: WorkspaceId, id: MessageId) -> StoreResult<u64> {
    tx.exec(&AGAIN, &[w.into(), id.into()])
}

/// Replaces the content: an edit when `edited_at` is given, otherwise a file that arrived.
pub fn set_content(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: MessageId,
    content: &str,
    kind: &str,
    edited_at: Option<Ms>,
) -> StoreResult<u64> {
    tx.exec(
        &CONTENT,
        &[w.into(), id.into(), content.into(), kind.into(), edited_at.into()],
    )
}

pub fn set_deleted(tx: &mut Tx<'_>, w: WorkspaceId, id: MessageId, at: Ms) -> StoreResult<u64> {
    tx.exec(&DELETED, &[w.into(), id.into(), at.into()])
}

/// Records an emoji, or its removal (`emoji` empty). Older reports change nothing.
pub fn react(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    conversation: ConversationId,
    target: &str,
    by: &str,
    emoji: &str,
    at: Ms,
) -> StoreResult<u64> {
    tx.exec(
        &REACT,
        &[
            w.into(),
            conversation.into(),
            target.into(),
            by.into(),
            emoji.into(),
            at.into(),
        ],
    )
}

/// The reactions of a conversation: (provider id of the message, who, emoji).
pub fn reactions(tx: &mut Tx<'_>, w: WorkspaceId, c: ConversationId) -> StoreResult<Vec<(String, String, String)>> {
    tx.query(&REACTIONS, &[w.into(), c.into()], |r| Ok((r.t(0)?, r.t(1)?, r.t(2)?)))
}

/// Whether an agent's message after `id` reached the customer or is on its way.
pub fn answered_after(tx: &mut Tx<'_>, w: WorkspaceId, c: ConversationId, id: MessageId) -> StoreResult<bool> {
    Ok(tx.one(&ANSWERED_SINCE, &[w.into(), c.into(), id.into()], |r| r.i(0))? > 0)
}

/// The provider id of the customer's newest message.
pub fn newest_inbound(tx: &mut Tx<'_>, w: WorkspaceId, c: ConversationId) -> StoreResult<Option<String>> {
    Ok(tx.opt(&NEWEST_INBOUND, &[w.into(), c.into()], |r| r.ot(0))?.flatten())
}

/// The customer's newest message.
pub fn newest_inbound_id(tx: &mut Tx<'_>, w: WorkspaceId, c: ConversationId) -> StoreResult<Option<MessageId>> {
    tx.one(&NEWEST_INBOUND_ID, &[w.into(), c.into()], |r| r.oid(0))
}

/// A line that explains what happened. `key` is unique in its conversation.
#[derive(Clone, Debug)]
pub struct NewLine {
    pub conversation: ConversationId,
    pub channel_account: ChannelAccountId,
    pub key: String,
    pub content: String,
    pub epoch: i64,
}

/// Stores lines; the id of each by its key.
pub fn insert_lines(tx: &mut Tx<'_>, w: WorkspaceId, lines: &[NewLine]) -> StoreResult<Vec<(MessageId, String)>> {
    let mut rows = Rows::new();
    for l in lines {
        rows.push([
            l.conversation.into(),
            l.channel_account.into(),
            l.key.as_str().into(),
            l.content.as_str().into(),
            l.epoch.into(),
        ]);
    }
    let now = tx.now();
    tx.batch_query(&INSERT_LINES, &rows, &[w.into(), now.into()], |r| {
        Ok((r.id(0)?, r.t(1)?))
    })
}

/// Whether a message that the customer may see carries this file.
pub fn shows_file(tx: &mut Tx<'_>, w: WorkspaceId, c: ConversationId, file: &str) -> StoreResult<bool> {
    let like = format!("%\"file\":\"{file}\"%");
    Ok(tx.one(&SHOWS_FILE, &[w.into(), c.into(), like.into()], |r| r.i(0))? > 0)
}
