//! Signed-in devices. Tokens are kept as hashes only; the functions are system functions, because a session is
//! found by its token before anybody knows the workspace.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::permission::Role;
use ronda_domain::{AccountId, AgentId, GroupId, Ms, SessionId, WorkspaceId};

/// A signed-in device.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    pub id: SessionId,
    pub account: AccountId,
    /// The workspace this device shows.
    pub workspace: Option<WorkspaceId>,
    pub remember: bool,
    pub user_agent: String,
    pub ip: String,
    pub created_at: Ms,
    pub last_used_at: Ms,
    pub expires_at: Ms,
}

/// The member that a session acts as.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberRow {
    pub workspace: WorkspaceId,
    pub agent: AgentId,
    pub name: String,
    pub role: Role,
    /// JSON of the settings of the member, and of the workspace.
    pub settings: String,
    pub workspace_settings: String,
    pub groups: Vec<GroupId>,
}

/// A session with who it is.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenSession {
    pub session: SessionRow,
    pub email: String,
    pub name: String,
    pub language: Option<String>,
    /// Somebody else typed the password: it is changed before anything else.
    pub must_change_password: bool,
    /// `None` when the account has no active membership in the session's workspace.
    pub member: Option<MemberRow>,
}

macro_rules! columns {
    () => {
        "s.id, s.account, s.workspace, s.remember, s.user_agent, s.ip, s.created_at, s.last_used_at, s.expires_at"
    };
}

statements! {
    INSERT = "insert into session(account, workspace, token_hash, remember, user_agent, ip, created_at, last_used_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7, $7, $8) returning id";
    BY_TOKEN = concat!("select ", columns!(), ", a.email, a.name, a.language, a.must_change_password from session as s, account as a
        where s.token_hash = $1 and s.expires_at > $2 and a.id = s.account");
    BY_ID = concat!("select ", columns!(), ", a.email, a.name, a.language, a.must_change_password from session as s, account as a
        where s.id = $1 and s.expires_at > $2 and a.id = s.account");
    OF_ACCOUNT = concat!("select ", columns!(), " from session as s where s.account = $1 and s.expires_at > $2 order by s.last_used_at desc, s.id desc");
    MEMBER = "select a.id, a.name, a.role, a.settings, w.settings from agent as a, workspace as w
        where a.workspace = $1 and a.account = $2 and a.status = 'active' and w.id = a.workspace";
    GROUPS = "select m.group_id from agent_group_member as m, agent_group as g
        where m.workspace = $1 and m.agent = $2 and g.id = m.group_id and g.deleted_at is null order by m.group_id";
    TOUCH = "update session set last_used_at = $2, expires_at = $3 where id = $1";
    SET_WORKSPACE = "update session set workspace = $2 where id = $1";
    DELETE = "delete from session where id = $1 and account = $2";
    DELETE_OTHERS = "delete from session where account = $1 and id <> $2 returning id";
    FORGET = "delete from session where expires_at < $1";
    PUT_DEVICE = "insert into known_device(account, token_hash, last_used_at) values ($1, $2, $3)
        on conflict (account, token_hash) do update set last_used_at = excluded.last_used_at";
    ANY_DEVICE = "select last_used_at from known_device where account = $1 limit 1";
    DEVICE = "select last_used_at from known_device where account = $1 and token_hash = $2";
}

fn read(r: &Row<'_>) -> StoreResult<SessionRow> {
    Ok(SessionRow {
        id: r.id(0)?,
        account: r.id(1)?,
        workspace: r.oid(2)?,
        remember: r.b(3)?,
        user_agent: r.t(4)?,
        ip: r.t(5)?,
        created_at: Ms(r.i(6)?),
        last_used_at: Ms(r.i(7)?),
        expires_at: Ms(r.i(8)?),
    })
}

/// What a new session begins with.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub account: AccountId,
    pub workspace: Option<WorkspaceId>,
    pub token_hash: String,
    pub remember: bool,
    pub user_agent: String,
    pub ip: String,
    pub expires_at: Ms,
}

pub fn insert(tx: &mut Tx<'_>, s: &NewSession) -> StoreResult<SessionId> {
    let now = tx.now();
    tx.one(
        &INSERT,
        &[
            s.account.into(),
            s.workspace.into(),
            (&s.token_hash).into(),
            s.remember.into(),
            (&s.user_agent).into(),
            (&s.ip).into(),
            now.into(),
            s.expires_at.into(),
        ],
        |r| r.id(0),
    )
}

fn open(tx: &mut Tx<'_>, statement: &'static crate::Statement, key: crate::Value) -> StoreResult<Option<OpenSession>> {
    let now = tx.now();
    let found = tx.opt(statement, &[key, now.into()], |r| {
        Ok(OpenSession {
            session: read(r)?,
            email: r.t(9)?,
            name: r.t(10)?,
            language: r.ot(11)?,
            must_change_password: r.b(12)?,
            member: None,
        })
    })?;
    let Some(mut found) = found else { return Ok(None) };
    if let Some(w) = found.session.workspace {
        found.member = member(tx, w, found.session.account)?;
    }
    Ok(Some(found))
}

/// The session of a token, unless it is over; with the rights it has at this moment.
pub fn by_token(tx: &mut Tx<'_>, token_hash: &str) -> StoreResult<Option<OpenSession>> {
    open(tx, &BY_TOKEN, token_hash.into())
}

/// The session as it is now: what a socket asks when rights changed.
pub fn by_id(tx: &mut Tx<'_>, id: SessionId) -> StoreResult<Option<OpenSession>> {
    open(tx, &BY_ID, id.into())
}

/// The active membership of an account in a workspace.
pub fn member(tx: &mut Tx<'_>, w: WorkspaceId, account: AccountId) -> StoreResult<Option<MemberRow>> {
    let found = tx.opt(&MEMBER, &[w.into(), account.into()], |r| {
        Ok(MemberRow {
            workspace: w,
            agent: r.id(0)?,
            name: r.t(1)?,
            role: r.word(2, Role::parse, "agent.role")?,
            settings: r.t(3)?,
            workspace_settings: r.t(4)?,
            groups: Vec::new(),
        })
    })?;
    let Some(mut found) = found else { return Ok(None) };
    found.groups = tx.query(&GROUPS, &[w.into(), found.agent.into()], |r| r.id(0))?;
    Ok(Some(found))
}

pub fn of_account(tx: &mut Tx<'_>, account: AccountId) -> StoreResult<Vec<SessionRow>> {
    let now = tx.now();
    tx.query(&OF_ACCOUNT, &[account.into(), now.into()], read)
}

/// Notes the use of a session and moves its end.
pub fn touch(tx: &mut Tx<'_>, id: SessionId, expires_at: Ms) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&TOUCH, &[id.into(), now.into(), expires_at.into()])
}

pub fn set_workspace(tx: &mut Tx<'_>, id: SessionId, w: WorkspaceId) -> StoreResult<u64> {
    tx.exec(&SET_WORKSPACE, &[id.into(), w.into()])
}

/// Ends one session of an account.
pub fn delete(tx: &mut Tx<'_>, account: AccountId, id: SessionId) -> StoreResult<u64> {
    tx.exec(&DELETE, &[id.into(), account.into()])
}

/// Ends all sessions of an account but `keep`; which ones they were.
pub fn delete_others(tx: &mut Tx<'_>, account: AccountId, keep: Option<SessionId>) -> StoreResult<Vec<SessionId>> {
    let keep = keep.unwrap_or(SessionId(0));
    tx.query(&DELETE_OTHERS, &[account.into(), keep.into()], |r| r.id(0))
}

/// Removes the sessions that ended before `before`.
pub fn forget(tx: &mut Tx<'_>, before: Ms) -> StoreResult<u64> {
    tx.exec(&FORGET, &[before.into()])
}

/// Remembers that an account signed in from a device.
pub fn put_device(tx: &mut Tx<'_>, account: AccountId, token_hash: &str) -> StoreResult<u64> {
    let now = tx.now();
    tx.exec(&PUT_DEVICE, &[account.into(), token_hash.into(), now.into()])
}

/// Whether the account has signed in from this device before.
pub fn knows_device(tx: &mut Tx<'_>, account: AccountId, token_hash: &str) -> StoreResult<bool> {
    Ok(tx
        .opt(&DEVICE, &[account.into(), token_hash.into()], |r| r.i(0))?
        .is_some())
}

/// Whether the account has signed in from any device before.
pub fn knows_any_device(tx: &mut Tx<'_>, account: AccountId) -> StoreResult<bool> {
    Ok(tx.opt(&ANY_DEVICE, &[account.into()], |r| r.i(0))?.is_some())
}
