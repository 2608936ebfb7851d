//! Pauses of rotation by supervisors (spec REP-11.3): clocks stand still and go on with what was left.

use crate::app::audit::{self, Change};
use crate::app::{Actor, AppResult, Fields, Who, routing};
use ronda_domain::permission::Permission;
use ronda_domain::{GroupId, Ms, WorkspaceId};
use ronda_storage::{Tx, agents};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Longest pause. Source: spec REP-11.
const MOST_MINUTES: i64 = ronda_routing::defaults::ROTATION_PAUSE_SECONDS as i64 / 60;

/// A pause to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPause {
    /// `null` for all groups.
    #[serde(default)]
    pub group: Option<GroupId>,
    /// From 0 to 60; 0 lets the clocks go on now.
    pub minutes: i64,
}

/// A pause that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RotationPause {
    /// `null` for all groups.
    pub group: Option<GroupId>,
    pub until: Ms,
}

/// Pauses rotation, or ends a pause.
///
/// # Errors
/// [`crate::app::AppError::Forbidden`]; wrong fields.
pub fn set(tx: &mut Tx<'_>, who: &Who, new: &NewPause) -> AppResult<RotationPause> {
    who.need(Permission::ConversationsManageOthers)?;
    let w = who.workspace;
    let mut f = Fields::new();
    let minutes = f.whole("/minutes", new.minutes, 0..=MOST_MINUTES);
    if let Some(group) = new.group
        && !agents::groups(tx, w)?.iter().any(|g| g.group == group)
    {
        f.fail("/group", "unknown", "no group has this id");
    }
    f.done()?;
    let until = tx.now().plus(minutes * Ms::MINUTE);
    routing::pause_rotation(tx, w, new.group, until)?;
    audit::record(
        tx,
        w,
        &Actor::from(who),
        Change {
            action: if minutes > 0 { "paused" } else { "resumed" },
            object: "rotation",
            id: new.group.map_or(0, |g| g.0),
            version: 0,
            before: None,
            after: Some(json!({ "group": new.group, "until": until })),
        },
    )?;
    Ok(RotationPause {
        group: new.group,
        until,
    })
}

/// The pauses that go on.
///
/// # Errors
/// When the database fails.
pub fn running(tx: &mut Tx<'_>, w: WorkspaceId) -> AppResult<Vec<RotationPause>> {
    let now = tx.now();
    Ok(ronda_storage::routing::pauses(tx, w)?
        .into_iter()
        .filter(|(_, until)| *until > now)
        .map(|(group, until)| RotationPause { group, until })
        .collect())
}
