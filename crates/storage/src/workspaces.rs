//! Workspaces and their settings.

use crate::{Row, StoreResult, Tx, statements};
use ronda_domain::conversation::Place;
use ronda_domain::{Ms, WorkspaceId};

/// A tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceRow {
    pub id: WorkspaceId,
    pub name: String,
    pub zone: String,
    pub language: String,
    pub country: String,
    /// JSON of the settings (`server/app/workspaces.rs` knows its shape).
    pub settings: String,
    pub status: String,
    pub simulated: bool,
    pub version: i64,
    pub created_at: Ms,
}

statements! {
    INSERT = "insert into workspace(name, zone, language, country, simulated, created_at) values ($1, $2, $3, $4, $5, $6) returning id";
    INSERT_EVENT_HEAD = "insert into event_head(workspace, seq) values ($1, 0)";
    INSERT_ROUTING_HEAD = "insert into routing_head(workspace, at) values ($1, $2)";
    GET = "select id, name, zone, language, country, settings, status, simulated, version, created_at from workspace where id = $1";
    ALL = "select id, name, zone, language, country, settings, status, simulated, version, created_at from workspace order by id";
    UPDATE = "update workspace set name = $2, zone = $3, language = $4, country = $5, settings = $6, version = version + 1
        where id = $1 and version = $7";
    QUIET = "select count(*) from conversation where workspace = $1 and place = $2 and ($3 < 0 or outbound = $3)
        and coalesce(last_customer_at, created_at) < $4";
}

fn read(r: &Row<'_>) -> StoreResult<WorkspaceRow> {
    Ok(WorkspaceRow {
        id: r.id(0)?,
        name: r.t(1)?,
        zone: r.t(2)?,
        language: r.t(3)?,
        country: r.t(4)?,
        settings: r.t(5)?,
        status: r.t(6)?,
        simulated: r.b(7)?,
        version: r.i(8)?,
        created_at: Ms(r.i(9)?),
    })
}

/// Creates a workspace with the heads of its event log and of its routing.
pub fn insert(
    tx: &mut Tx<'_>,
    name: &str,
    zone: &str,
    language: &str,
    country: &str,
    simulated: bool,
) -> StoreResult<WorkspaceId> {
    let now = tx.now();
    let id: WorkspaceId = tx.one(
        &INSERT,
        &[
            name.into(),
            zone.into(),
            language.into(),
            country.into(),
            simulated.into(),
            now.into(),
        ],
        |r| r.id(0),
    )?;
    tx.exec(&INSERT_EVENT_HEAD, &[id.into()])?;
    tx.exec(&INSERT_ROUTING_HEAD, &[id.into(), now.into()])?;
    Ok(id)
}

pub fn get(tx: &mut Tx<'_>, w: WorkspaceId) -> StoreResult<Option<WorkspaceRow>> {
    tx.opt(&GET, &[w.into()], read)
}

/// All workspaces of the installation (system function).
pub fn all(tx: &mut Tx<'_>) -> StoreResult<Vec<WorkspaceRow>> {
    tx.query(&ALL, &[], read)
}

/// Live conversations in a place whose customer wrote last before `before`; in the place `bot` either those the bot
/// holds or the outbound ones.
pub fn quiet(tx: &mut Tx<'_>, w: WorkspaceId, place: Place, outbound: Option<bool>, before: Ms) -> StoreResult<i64> {
    let outbound = outbound.map_or(-1, i64::from);
    tx.one(
        &QUIET,
        &[w.into(), place.as_str().into(), outbound.into(), before.into()],
        |r| r.i(0),
    )
}

/// Writes what people edit, guarded by the version in `row`. Number of rows changed.
pub fn update(tx: &mut Tx<'_>, row: &WorkspaceRow) -> StoreResult<u64> {
    tx.exec(
        &UPDATE,
        &[
            row.id.into(),
            row.name.as_str().into(),
            row.zone.as_str().into(),
            row.language.as_str().into(),
            row.country.as_str().into(),
            row.settings.as_str().into(),
            row.version.into(),
        ],
    )
}
