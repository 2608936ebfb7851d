//! Connected numbers, pages and sites.

use crate::{Row, Rows, StoreResult, Tx, statements};
use ronda_domain::channel::{ChannelKind, ChannelStatus};
use ronda_domain::{ChannelAccountId, GroupId, Ms, SkillId, WorkspaceId};

/// A channel account. `settings`, `secrets` (encrypted), `greeter` and `health` are JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelAccountRow {
    pub id: ChannelAccountId,
    pub workspace: WorkspaceId,
    pub kind: ChannelKind,
    pub name: String,
    pub external_id: String,
    pub scope: String,
    pub status: ChannelStatus,
    pub status_detail: String,
    pub settings: String,
    pub secrets: String,
    pub webhook_token: String,
    pub greeter: Option<String>,
    pub default_group: Option<GroupId>,
    /// What a conversation that begins here asks for.
    pub skills: Vec<SkillId>,
    /// How much older than it is a conversation that begins here counts.
    pub priority_minutes: i64,
    pub lane: i64,
    pub simulated: bool,
    pub health: String,
    pub version: i64,
    pub created_at: Ms,
}

macro_rules! columns {
    () => {
        "a.id, a.workspace, a.kind, a.name, a.external_id, a.scope, a.status, a.status_detail, a.settings, a.secrets,
         a.webhook_token, a.greeter, a.default_group, a.lane, a.simulated, a.health, a.version, a.created_at,
         a.skills, a.priority_minutes"
    };
}

statements! {
    INSERT = "insert into channel_account(workspace, kind, name, external_id, scope, status, settings, secrets, webhook_token, greeter,
          default_group, lane, simulated, created_at, skills, priority_minutes)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) returning id";
    GET = concat!("select ", columns!(), " from channel_account as a where a.workspace = $1 and a.id = $2 and a.deleted_at is null");
    OF_WORKSPACE = concat!("select ", columns!(), " from channel_account as a where a.workspace = $1 and a.deleted_at is null order by a.id");
    ALL = concat!("select ", columns!(), " from channel_account as a where a.deleted_at is null order by a.id");
    BY_TOKEN = concat!("select ", columns!(), " from channel_account as a where a.webhook_token = $1 and a.deleted_at is null");
    BY_EXTERNAL = concat!("select ", columns!(), " from {rows(kind: text, external_id: text)} as p, channel_account as a
        where a.kind = p.kind and a.external_id = p.external_id and a.deleted_at is null");
    UPDATE = "update channel_account set name = $3, status = $4, status_detail = $5, settings = $6, secrets = $7, greeter = $8,
          default_group = $9, scope = $10, external_id = $12, skills = $13, priority_minutes = $14, version = version + 1
        where workspace = $1 and id = $2 and version = $11";
    STATUS = "update channel_account set status = $3, status_detail = $4, version = version + 1
        where workspace = $1 and id = $2 and (status <> $3 or status_detail <> $4)";
    FAILING = "update channel_account set failing_since = $3, failing_error = $4 where workspace = $1 and id = $2 and failing_since is null";
    WORKS = "update channel_account set failing_since = null, failing_error = null where workspace = $1 and id = $2 and failing_since is not null";
    CONDITION = "select a.id, a.kind, a.name, a.status, a.status_detail, a.failing_since, a.failing_error from channel_account as a
        where a.workspace = $1 and a.deleted_at is null order by a.id";
    HEALTH = "update channel_account set health = $3 where workspace = $1 and id = $2";
    DELETE = "update channel_account set deleted_at = $3, status = 'disconnected' where workspace = $1 and id = $2 and deleted_at is null";
}

fn read(r: &Row<'_>) -> StoreResult<ChannelAccountRow> {
    Ok(ChannelAccountRow {
        id: r.id(0)?,
        workspace: r.id(1)?,
        kind: r.word(2, ChannelKind::parse, "channel_account.kind")?,
        name: r.t(3)?,
        external_id: r.t(4)?,
        scope: r.t(5)?,
        status: r.word(6, ChannelStatus::parse, "channel_account.status")?,
        status_detail: r.t(7)?,
        settings: r.t(8)?,
        secrets: r.t(9)?,
        webhook_token: r.t(10)?,
        greeter: r.ot(11)?,
        default_group: r.oid(12)?,
        lane: r.i(13)?,
        simulated: r.b(14)?,
        health: r.t(15)?,
        version: r.i(16)?,
        created_at: Ms(r.i(17)?),
        skills: r.json(18, "channel_account.skills")?,
        priority_minutes: r.i(19)?,
    })
}

/// Inserts a row; `id`, `version` and `created_at` of `a` are not used. The unique index refuses a number that is
/// connected anywhere in the installation.
pub fn insert(tx: &mut Tx<'_>, a: &ChannelAccountRow) -> StoreResult<ChannelAccountId> {
    let now = tx.now();
    tx.one(
        &INSERT,
        &[
            a.workspace.into(),
            a.kind.as_str().into(),
            a.name.as_str().into(),
            a.external_id.as_str().into(),
            a.scope.as_str().into(),
            a.status.as_str().into(),
            a.settings.as_str().into(),
            a.secrets.as_str().into(),
            a.webhook_token.as_str().into(),
            a.greeter.clone().into(),
            a.default_group.into(),
            a.lane.into(),
            a.simulated.into(),
            now.into(),
            serde_json::json!(a.skills).to_string().into(),
            a.priority_minutes.into(),
        ],
        |r| r.id(0),
    )
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: ChannelAccountId) -> StoreResult<Option<ChannelAccountRow>> {
    tx.opt(&GET, &[w.into(), id.into()], read)
}

pub fn of_workspace(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<ChannelAccountRow>> {
    tx.query(&OF_WORKSPACE, &[w.into()], read)
}

/// All accounts of the installation (system function: ingest and deliver workers).
pub fn all(tx: &mut Tx<'_>) -> StoreResult<Vec<ChannelAccountRow>> {
    tx.query(&ALL, &[], read)
}

/// The account behind a workspace's own callback (system function: the token is the proof).
pub fn by_webhook_token(tx: &mut Tx<'_>, token: &str) -> StoreResult<Option<ChannelAccountRow>> {
    tx.opt(&BY_TOKEN, &[token.into()], read)
}

/// The accounts that inbound bodies name (system function).
pub fn by_external_ids(tx: &mut Tx<'_>, keys: &[(ChannelKind, String)]) -> StoreResult<Vec<ChannelAccountRow>> {
    let mut rows = Rows::new();
    for (kind, id) in keys {
        rows.push([kind.as_str().into(), id.as_str().into()]);
    }
    tx.batch_query(&BY_EXTERNAL, &rows, &[], read)
}

/// Writes what people edit, guarded by the version in `a`. Number of rows changed.
pub fn update(tx: &mut Tx<'_>, a: &ChannelAccountRow) -> StoreResult<u64> {
    tx.exec(
        &UPDATE,
        &[
            a.workspace.into(),
            a.id.into(),
            a.name.as_str().into(),
            a.status.as_str().into(),
            a.status_detail.as_str().into(),
            a.settings.as_str().into(),
            a.secrets.as_str().into(),
            a.greeter.clone().into(),
            a.default_group.into(),
            a.scope.as_str().into(),
            a.version.into(),
            a.external_id.as_str().into(),
            serde_json::json!(a.skills).to_string().into(),
            a.priority_minutes.into(),
        ],
    )
}

/// Number of rows changed: 0 when nothing is new.
pub fn set_status(
    tx: &mut Tx<'_>,
    w: WorkspaceId,
    id: ChannelAccountId,
    status: ChannelStatus,
    detail: &str,
) -> StoreResult<u64> {
    tx.exec(&STATUS, &[w.into(), id.into(), status.as_str().into(), detail.into()])
}

pub fn set_health(tx: &mut Tx<'_>, w: WorkspaceId, id: ChannelAccountId, health: &str) -> StoreResult<u64> {
    tx.exec(&HEALTH, &[w.into(), id.into(), health.into()])
}

/// Whether an account works at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionRow {
    pub id: ChannelAccountId,
    pub kind: ChannelKind,
    pub name: String,
    pub status: ChannelStatus,
    pub status_detail: String,
    /// Since when calls to the provider fail.
    pub failing_since: Option<Ms>,
    pub failing_error: Option<String>,
}

/// The condition of every account.
pub fn conditions(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Vec<ConditionRow>> {
    tx.query(&CONDITION, &[w.into()], |r| {
        Ok(ConditionRow {
            id: r.id(0)?,
            kind: r.word(1, ChannelKind::parse, "channel_account.kind")?,
            name: r.t(2)?,
            status: r.word(3, ChannelStatus::parse, "channel_account.status")?,
            status_detail: r.t(4)?,
            failing_since: r.oi(5)?.map(Ms),
            failing_error: r.ot(6)?,
        })
    })
}

/// A call failed that may work again: 0 rows when the account was failing already.
pub fn set_failing(tx: &mut Tx<'_>, w: WorkspaceId, id: ChannelAccountId, error: &str) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&FAILING, &[w.into(), id.into(), now.into(), error.into()])
}

/// A call worked: 0 rows when nothing was wrong.
pub fn set_working(tx: &mut Tx<'_>, w: WorkspaceId, id: ChannelAccountId) -> StoreResult<u64> {
    tx.exec(&WORKS, &[w.into(), id.into()])
}

pub fn delete(tx: &mut Tx<'_>, w: WorkspaceId, id: ChannelAccountId) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&DELETE, &[w.into(), id.into(), now.into()])
}
