//! Stored files and the jobs that fetch media from providers. The bytes themselves are in the file store.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::{AgentId, ChannelAccountId, ConversationId, MessageId, Ms, WorkspaceId};

/// A stored file. `public_id` is a UUID and the name of its bytes in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct FileRow {
    pub workspace: WorkspaceId,
    pub public_id: String,
    pub name: String,
    pub mime: String,
    /// Bytes.
    pub size: i64,
    pub sha256: String,
    pub conversation: Option<ConversationId>,
    pub visitor: Option<i64>,
    pub uploaded_by: Option<AgentId>,
    pub created_at: Ms,
}

/// Media that a provider holds and we fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaJobRow {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub channel_account: ChannelAccountId,
    pub message: MessageId,
    pub provider_media: String,
    pub attempts: i64,
}

statements! {
    INSERT = "insert into file(workspace, public_id, name, mime, size, sha256, conversation, visitor, uploaded_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (public_id) do nothing";
    GET = "select workspace, public_id, name, mime, size, sha256, conversation, visitor, uploaded_by, created_at from file
        where public_id = $2 and workspace = $1";
    USE_IN = "update file set conversation = $3 where workspace = $1 and public_id = $2 and conversation is null";
    NEW_LINK = "insert into file_link(token_hash, workspace, file, created_by, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)";
    BY_LINK = "select f.workspace, f.public_id, f.name, f.mime, f.size, f.sha256, f.conversation, f.visitor, f.uploaded_by, f.created_at, l.expires_at
        from file_link as l join file as f on f.public_id = l.file and f.workspace = l.workspace where l.token_hash = $1";
    DOWNLOADED = "update file_link set downloads = downloads + 1 where token_hash = $1";
    DOWNLOADS = "select cast(coalesce(sum(downloads), 0) as bigint) from file_link where workspace = $1 and file = $2";
    NEW_JOB = "insert into media_job(workspace, channel_account, message, provider_media, due_at) values ($1, $2, $3, $4, $5)";
    CLAIM = "update media_job set lease_until = $2, attempts = attempts + 1 where id in (select id from media_job
          where failed is null and due_at <= $1 and lease_until <= $1 order by due_at limit $3)
          and lease_until <= $1
        returning id, workspace, channel_account, message, provider_media, attempts";
    DONE = "delete from media_job where id = $1";
    LATER = "update media_job set due_at = $2, lease_until = 0 where id = $1";
    FAILED = "update media_job set failed = $2, lease_until = 0 where id = $1";
    AGAIN = "update media_job set failed = null, attempts = 0, due_at = $3, lease_until = 0 where workspace = $1 and message = $2";
    NEXT = "select min(due_at) from media_job where failed is null";
}

fn read(r: &Row<'_>) -> StoreResult<FileRow> {
    Ok(FileRow {
        workspace: r.id(0)?,
        public_id: r.t(1)?,
        name: r.t(2)?,
        mime: r.t(3)?,
        size: r.i(4)?,
        sha256: r.t(5)?,
        conversation: r.oid(6)?,
        visitor: r.oi(7)?,
        uploaded_by: r.oid(8)?,
        created_at: Ms(r.i(9)?),
    })
}

/// Records a file whose bytes are stored; 0 when its id was recorded before. `created_at` is now.
pub fn insert(tx: &mut Tx<'_>, f: &FileRow) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &INSERT,
        &[
            f.workspace.into(),
            f.public_id.as_str().into(),
            f.name.as_str().into(),
            f.mime.as_str().into(),
            f.size.into(),
            f.sha256.as_str().into(),
            f.conversation.into(),
            f.visitor.into(),
            f.uploaded_by.into(),
            now.into(),
        ],
    )
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, public_id: &str) -> StoreResult<Option<FileRow>> {
    tx.opt(&GET, &[w.into(), public_id.into()], read)
}

/// The file is part of a conversation now: who sees that one sees the file.
pub fn use_in(tx: &mut Tx<'_>, w: WorkspaceId, public_id: &str, c: ConversationId) -> StoreResult<u64> {
    tx.exec(&USE_IN, &[w.into(), public_id.into(), c.into()])
}

/// A link under which everybody may fetch a file until it expires.
pub fn insert_link(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    token_hash: &str,
    public_id: &str,
    by: AgentId,
    expires_at: Ms,
) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(
        &NEW_LINK,
        &[
            token_hash.into(),
            w.into(),
            public_id.into(),
            by.into(),
            now.into(),
            expires_at.into(),
        ],
    )
}

/// The file of a link and when the link expires (system function: the token is the proof).
pub fn by_link(tx: &mut Tx<'_>, token_hash: &str) -> StoreResult<Option<(FileRow, Ms)>> {
    tx.opt(&BY_LINK, &[token_hash.into()], |r| Ok((read(r)?, Ms(r.i(10)?))))
}

/// Counts a download of a link (system function, as [`by_link`]).
pub fn downloaded(tx: &mut Tx<'_>, token_hash: &str) -> StoreResult<u64> {
    tx.exec(&DOWNLOADED, &[token_hash.into()])
}

/// How often a file was fetched by its links.
pub fn downloads(tx: &mut Tx<'_>, w: WorkspaceId, public_id: &str) -> StoreResult<i64> {
    tx.one(&DOWNLOADS, &[w.into(), public_id.into()], |r| r.i(0))
}

pub fn new_job(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    account: ChannelAccountId,
    message: MessageId,
    provider_media: &str,
) -> StoreResult<u64> {
    let now = tx.now();
    tx.wake(crate::Wake::Media);
    tx.exec(
        &NEW_JOB,
        &[
            w.into(),
            account.into(),
            message.into(),
            provider_media.into(),
            now.into(),
        ],
    )
}

/// Claims due jobs until `lease_until` (system function of the media worker).
pub fn claim_jobs(tx: &mut Tx<'_>, lease_until: Ms, limit: i64) -> StoreResult<Vec<MediaJobRow>> {
    let now = tx.now();
    tx.query(&CLAIM, &[now.into(), lease_until.into(), limit.into()], |r| {
        Ok(MediaJobRow {
            id: r.i(0)?,
            workspace: r.id(1)?,
            channel_account: r.id(2)?,
            message: r.id(3)?,
            provider_media: r.t(4)?,
            attempts: r.i(5)?,
        })
    })
}

pub fn job_done(tx: &mut Tx<'_>, id: i64) -> StoreResult<u64> {
    tx.exec(&DONE, &[id.into()])
}

pub fn job_later(tx: &mut Tx<'_>, id: i64, due_at: Ms) -> StoreResult<u64> {
    tx.exec(&LATER, &[id.into(), due_at.into()])
}

pub fn job_failed(tx: &mut Tx<'_>, id: i64, reason: &str) -> StoreResult<u64> {
    tx.exec(&FAILED, &[id.into(), reason.into()])
}

/// A person asked to fetch the media of a message again. Number of jobs opened.
pub fn fetch_again(tx: &mut Tx<'_>, w: WorkspaceId, message: MessageId) -> StoreResult<u64> {
    let now = tx.now();
    tx.wake(crate::Wake::Media);
    tx.exec(&AGAIN, &[w.into(), message.into(), now.into()])
}

/// When the next job is due (system function).
pub fn next_job(tx: &mut Tx<'_>) -> StoreResult<Option<Ms>> {
    tx.one(&NEXT, &[], |r| Ok(r.oi(0)?.map(Ms)))
}
