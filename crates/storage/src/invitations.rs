//! Invitations into a workspace.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::permission::Role;
use ronda_domain::{AgentId, Ms, WorkspaceId};

/// An invitation. The token itself is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct InvitationRow {
    pub id: i64,
    pub workspace: WorkspaceId,
    pub email: String,
    pub email_key: String,
    pub role: Role,
    /// JSON array of group ids.
    pub groups: String,
    /// The language of its mails.
    pub language: String,
    pub invited_by: Option<AgentId>,
    pub created_at: Ms,
    pub expires_at: Ms,
    pub used_at: Option<Ms>,
    pub revoked_at: Option<Ms>,
}

macro_rules! columns {
    () => {
        "select id, workspace, email, email_key, role, groups, language, invited_by, created_at, expires_at, used_at, revoked_at from invitation"
    };
}

statements! {
    INSERT = "insert into invitation(workspace, email, email_key, role, groups, language, token_hash, invited_by, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id";
    GET = concat!(columns!(), " where workspace = $1 and id = $2");
    BY_TOKEN = concat!(columns!(), " where token_hash = $1");
    OPEN = concat!(columns!(), " where workspace = $1 and id < $2 and used_at is null and revoked_at is null order by id desc limit $3");
    REVOKE_OPEN = "update invitation set revoked_at = $3 where workspace = $1 and email_key = $2 and used_at is null and revoked_at is null";
    REVOKE = "update invitation set revoked_at = $3 where workspace = $1 and id = $2 and used_at is null and revoked_at is null";
    RENEW = "update invitation set token_hash = $3, expires_at = $4 where workspace = $1 and id = $2 and used_at is null and revoked_at is null";
    USE_ONCE = "update invitation set used_at = $3 where workspace = $1 and id = $2 and used_at is null and revoked_at is null and expires_at > $3";
}

fn read(r: &Row<'_>) -> StoreResult<InvitationRow> {
    Ok(InvitationRow {
        id: r.i(0)?,
        workspace: r.id(1)?,
        email: r.t(2)?,
        email_key: r.t(3)?,
        role: r.word(4, Role::parse, "invitation.role")?,
        groups: r.t(5)?,
        language: r.t(6)?,
        invited_by: r.oid(7)?,
        created_at: Ms(r.i(8)?),
        expires_at: Ms(r.i(9)?),
        used_at: r.oi(10)?.map(Ms),
        revoked_at: r.oi(11)?.map(Ms),
    })
}

/// What a new invitation says.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    pub email: String,
    pub email_key: String,
    pub role: Role,
    pub groups: String,
    pub language: String,
    pub token_hash: String,
    pub invited_by: Option<AgentId>,
    pub expires_at: Ms,
}

/// Takes back what an address was invited with.
pub fn revoke_open(tx: &mut Tx<'_>, w: WorkspaceId, email_key: &str) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&REVOKE_OPEN, &[w.into(), email_key.into(), now.into()])
}

/// Invites; an earlier open invitation of the same address stops working.
pub fn insert(tx: &mut Tx<'_>, w: WorkspaceId, i: &NewInvitation) -> StoreResult<i64> {
    let now = tx.now();
    revoke_open(tx, w, &i.email_key)?;
    tx.one(
        &INSERT,
        &[
            w.into(),
            (&i.email).into(),
            (&i.email_key).into(),
            i.role.as_str().into(),
            (&i.groups).into(),
            (&i.language).into(),
            (&i.token_hash).into(),
            i.invited_by.into(),
            now.into(),
            i.expires_at.into(),
        ],
        |r| r.i(0),
    )
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<Option<InvitationRow>> {
    tx.opt(&GET, &[w.into(), id.into()], read)
}

/// The invitation of a token (system function: the link is all that an invited person has).
pub fn by_token(tx: &mut Tx<'_>, token_hash: &str) -> StoreResult<Option<InvitationRow>> {
    tx.opt(&BY_TOKEN, &[token_hash.into()], read)
}

/// Invitations that are neither used nor revoked, newest first, before id `before`.
pub fn open(tx: &mut Tx<'_>, w: WorkspaceId, before: i64, limit: i64) -> StoreResult<Vec<InvitationRow>> {
    tx.query(&OPEN, &[w.into(), before.into(), limit.into()], read)
}

pub fn revoke(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&REVOKE, &[w.into(), id.into(), now.into()])
}

/// Gives an open invitation a new token and a new end.
pub fn renew(tx: &mut Tx<'_>, w: WorkspaceId, id: i64, token_hash: &str, expires_at: Ms) -> StoreResult<u64> {
    tx.exec(&RENEW, &[w.into(), id.into(), token_hash.into(), expires_at.into()])
}

/// Marks an invitation used. 0 when it is over or somebody was faster.
pub fn use_once(tx: &mut Tx<'_>, w: WorkspaceId, id: i64) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&USE_ONCE, &[w.into(), id.into(), now.into()])
}
